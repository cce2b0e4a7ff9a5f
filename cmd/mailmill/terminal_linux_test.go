package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
	"unsafe"

	"mailmill/formats/corpustest"
)

// Bars fit the terminal: a line that is wider goes on in the next one, and what is drawn over it leaves it there.
func TestBarsFitTheTerminal(t *testing.T) {
	const columns = 80
	screen, tty := pseudoTerminal(t, columns)
	// The run waits, as nobody reads what it writes.
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := command(t, "convert", "--only", "mail", corpustest.Sample(), "-")
	cmd.Stdout, cmd.Stderr = w, tty
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	w.Close()
	if err := screen.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	var drawn []byte
	for block := make([]byte, 4096); bytes.Count(drawn, []byte("/s")) < 3; {
		n, err := screen.Read(block)
		if drawn = append(drawn, block[:n]...); err != nil {
			t.Fatalf("%v after %q", err, drawn)
		}
	}
	r.Close()  // ends the run
	cmd.Wait() // with the status of a lost pipe

	text := regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`).ReplaceAllString(string(drawn), "\n")
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r", "\n"), "\n") {
		if utf8.RuneCountInString(line) > columns {
			t.Errorf("wider than %d columns: %q", columns, line)
		}
	}
}

// pseudoTerminal returns what sits before a terminal, and the terminal.
func pseudoTerminal(t *testing.T, columns uint16) (screen, tty *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminals: ", err)
	}
	t.Cleanup(func() { screen.Close() })
	control := func(request uintptr, arg unsafe.Pointer) {
		conn, err := screen.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		var errno syscall.Errno
		if err := conn.Control(func(fd uintptr) { _, _, errno = syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(arg)) }); err != nil || errno != 0 {
			t.Fatal(err, errno)
		}
	}
	var locked, number int32
	control(syscall.TIOCSPTLCK, unsafe.Pointer(&locked))
	control(syscall.TIOCGPTN, unsafe.Pointer(&number))
	size := [4]uint16{24, columns}
	control(syscall.TIOCSWINSZ, unsafe.Pointer(&size))
	if tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return screen, tty
}
