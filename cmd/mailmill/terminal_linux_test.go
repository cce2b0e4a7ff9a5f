package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/jedib0t/go-pretty/v6/text"

	"mailmill/formats/corpustest"
	"mailmill/load/imap/imaptest"
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

// Each server has a lane below the bars, which fits the terminal, too.
func TestLanesFitTheTerminal(t *testing.T) {
	const columns = 80
	server := imaptest.Start(t, imaptest.Options{User: "alice"})
	server.Fault(imaptest.Fault{Command: "APPEND", After: 5, Do: imaptest.Refuse, Text: "NO [LIMIT] too many messages at once, come back later, when there is less to do"})
	screen, tty := pseudoTerminal(t, columns)
	cmd := command(t, "convert", "--only", "mail", "--rate", "60", "--insecure", "127.0.0.1", corpustest.Sample(), "imap://alice@"+server.Addr()+"/")
	cmd.Env = append(cmd.Env, "MAILMILL_PASSWORD=secret", "XDG_STATE_HOME="+t.TempDir())
	cmd.Stdout, cmd.Stderr = tty, tty
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	drawn := until(t, screen, func(drawn []byte) bool { return bytes.Contains(drawn, []byte("Finished in")) })
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	fits(t, drawn, columns)
	for _, want := range []string{`127\.0\.0\.1 +\d+ items/s   [\d.]+ \wB/s   \d connections?`, `waits \d+ s: .*too many`} {
		if !regexp.MustCompile(want).Match(drawn) {
			t.Errorf("nothing is like %s in\n%q", want, drawn)
		}
	}
	if left := onScreen(string(drawn), columns); strings.ContainsAny(left, "█░") || !strings.Contains(left, "109 written") {
		t.Errorf("the terminal shows\n%s", left)
	}
}

// Bars are drawn where a terminal can do so, and nothing else is written there.
func TestWhereBarsAreDrawn(t *testing.T) {
	for _, tt := range []struct {
		name string
		term string
		app  *app
		json bool
		want bool
	}{
		{"a terminal", "xterm", &app{stderrTerminal: true, stdoutTerminal: true}, false, true},
		{"one that says nothing of itself", "", &app{stderrTerminal: true}, false, true},
		{"one that only prints", "dumb", &app{stderrTerminal: true}, false, false},
		{"a pipe", "xterm", &app{stdoutTerminal: true}, false, false},
		{"quiet", "xterm", &app{stderrTerminal: true, quiet: true}, false, false},
		{"objects on the same terminal", "xterm", &app{stderrTerminal: true, stdoutTerminal: true}, true, false},
		{"objects elsewhere", "xterm", &app{stderrTerminal: true}, true, true},
	} {
		t.Setenv("TERM", tt.term)
		tt.app.stderr = &output{w: io.Discard}
		if got := tt.app.newBars(tt.json) != nil; got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// A Ctrl-C takes the bars away, although the terminal has shown it as ^C behind them.
func TestInterruptedBarsLeaveNothing(t *testing.T) {
	const columns = 80
	screen, tty := pseudoTerminal(t, columns)
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
	const ctrlC = "\x03"
	drawn := until(t, screen, func(drawn []byte) bool { return bytes.Count(drawn, []byte("/s")) >= 2 })
	if _, err := screen.WriteString(ctrlC); err != nil {
		t.Fatal(err)
	}
	drawn = append(drawn, until(t, screen, func(drawn []byte) bool { return bytes.Contains(drawn, []byte("^C")) })...)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, r)
	// Where all items are in flight already, the run goes to its end.
	drawn = append(drawn, until(t, screen, func(drawn []byte) bool {
		return bytes.Contains(drawn, []byte("mailmill: interrupted")) || bytes.Contains(drawn, []byte("Finished in"))
	})...)
	cmd.Wait() // with the status of an interrupted run, or none
	if left := onScreen(string(drawn), columns); !strings.HasPrefix(left, "          found  ") || strings.ContainsAny(left, "█░^") {
		t.Errorf("the terminal shows\n%s", left)
	}
}

// onScreen returns what a terminal shows in the end, as far as it obeys what bars are drawn with.
func onScreen(drawn string, columns int) string {
	lines := []string{""}
	var row, column int
	down := func() {
		if row++; row == len(lines) {
			lines = append(lines, "")
		}
	}
	for _, token := range regexp.MustCompile(`\x1b\[([0-9;?]*)([A-Za-z])|(?s).`).FindAllStringSubmatch(drawn, -1) {
		line := []rune(lines[row])
		switch n, _ := strconv.Atoi(token[1]); {
		case token[2] == "A":
			row = max(row-n, 0)
		case token[2] == "J":
			lines = lines[:row+1]
			lines[row] = string(line[:min(column, len(line))])
		case token[2] == "K":
			lines[row] = string(line[:min(column, len(line))])
		case token[2] != "":
		case token[0] == "\r":
			column = 0
		case token[0] == "\n":
			down()
		default:
			if column == columns {
				down()
				line, column = []rune(lines[row]), 0
			}
			for len(line) <= column {
				line = append(line, ' ')
			}
			line[column] = []rune(token[0])[0]
			lines[row] = string(line)
			column++
		}
	}
	return strings.Join(lines, "\n")
}

// The tables of inspect fit the terminal, too: their rows would end with numbers in lines of their own.
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
