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
	"unsafe"

	"github.com/jedib0t/go-pretty/v6/text"

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
	drawn := until(t, screen, func(drawn []byte) bool { return bytes.Count(drawn, []byte("/s")) >= 3 })
	r.Close()  // ends the run
	cmd.Wait() // with the status of a lost pipe
	fits(t, drawn, columns)
}

// So do the tables of inspect, whose rows would end with numbers in lines of their own.
func TestInspectionFitsTheTerminal(t *testing.T) {
	const columns = 80
	screen, tty := pseudoTerminal(t, columns)
	cmd := command(t, "inspect", corpustest.Sample())
	cmd.Stdout, cmd.Stderr = tty, tty
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	shown := until(t, screen, func(shown []byte) bool { return regexp.MustCompile(`(?m)^total .*\n`).Match(shown) })
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	fits(t, shown, columns)
	if want := "  Übersich…& Pläne     1       -"; !bytes.Contains(shown, []byte(want)) {
		t.Errorf("%q is not in\n%s", want, shown)
	}
}

// until reads what is shown on a screen until there is enough.
func until(t *testing.T, screen *os.File, enough func([]byte) bool) (shown []byte) {
	t.Helper()
	if err := screen.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 4096); !enough(shown); {
		n, err := screen.Read(block)
		if shown = append(shown, block[:n]...); err != nil {
			t.Fatalf("%v after %q", err, shown)
		}
	}
	return shown
}

// fits checks that no line that was shown is wider than the screen.
func fits(t *testing.T, shown []byte, columns int) {
	t.Helper()
	lines := regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]`).ReplaceAllString(string(shown), "\n")
	for line := range strings.SplitSeq(strings.ReplaceAll(lines, "\r", "\n"), "\n") {
		if text.StringWidth(line) > columns {
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
