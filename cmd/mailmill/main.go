// Mailmill turns exported mailboxes into standard data.
//
//	mailmill convert alice.pst out/
//
// writes an archive as mboxes, calendars and cards, one a folder, and says what became of every item; with the URL
// of a server in place of the folder it writes into an account there. The verb verify compares what was written with the
// archive. Others tell what is in an archive: inspect from its tables, list item by item. "mailmill help" names them all.
//
// This package is the command and nothing more: flags come in, an exit status goes out, and what happens in between is
// done by the packages extract, transform and load.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/mattn/go-isatty"
	"github.com/vbauerster/mpb/v8/cwriter"

	"mailmill/load/report"
)

// version is written into what convert leaves behind.
const version = "0.1.0"

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	a := &app{
		ctx:    ctx,
		cancel: cancel,
		stdin:  os.Stdin,
		stdout: &output{w: os.Stdout, lost: func(err error) { cancel(lostStdout(err)) }},
		stderr: &output{w: os.Stderr, lost: func(err error) {
			// Nothing else ends the run: what it is for is not the messages.
			if errors.Is(err, syscall.EPIPE) {
				cancel(err)
			}
		}},
		stdinTerminal:  terminal(os.Stdin),
		stdoutTerminal: terminal(os.Stdout),
		stderrTerminal: terminal(os.Stderr),
	}
	if err := enoughFiles(); err != nil {
		os.Exit(a.report(err))
	}
	go a.interrupt(signals())
	os.Exit(withHeadroom(func() int { return a.run(os.Args[1:]) }))
}

func terminal(f *os.File) bool { return isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()) }

// draws reports whether standard error is a terminal that does more than print: TERM=dumb says that it does not.
func (a *app) draws() bool { return a.stderrTerminal && os.Getenv("TERM") != "dumb" }

// The values of --color.
const (
	colorAuto   = "auto"
	colorAlways = "always"
	colorNever  = "never"
)

// colors reports whether what is said to people has colours. What the command line says goes before the environment.
func (a *app) colors() bool {
	switch a.color {
	case colorAlways:
		return true
	case colorNever:
		return false
	}
	return a.draws() && os.Getenv("NO_COLOR") == ""
}

// newBars returns the bars of a run, or nil where none are drawn: lines of JSON and bars would tear each other apart
// where both go to one terminal.
func (a *app) newBars(asJSON bool) *report.Bars {
	if !a.draws() || a.quiet || asJSON && a.stdoutTerminal {
		return nil
	}
	bars := report.NewBars(a.stderr.w)
	a.bars.Store(bars)
	return bars
}

// screen returns where lines for people go while a run is under way: past the bars where there are any.
func (a *app) screen() io.Writer {
	if bars := a.bars.Load(); bars != nil {
		return bars
	}
	return a.stderr
}

// columns returns the width of the terminal that standard output is; 0 where it is none.
func (a *app) columns() int {
	if f, ok := a.stdout.w.(*os.File); ok && a.stdoutTerminal {
		if width, _, err := cwriter.GetSize(int(f.Fd())); err == nil {
			return width
		}
	}
	return 0
}

// app is one run of the command.
type app struct {
	ctx    context.Context
	cancel context.CancelCauseFunc // ends the run in order
	stdin  io.Reader
	stdout *output
	stderr *output
	bars   atomic.Pointer[report.Bars] // on the terminal that stderr is; nil where it is none

	stdinTerminal, stdoutTerminal, stderrTerminal bool

	quiet   bool
	verbose bool
	logFile string
	color   string
}

// run executes a command line and returns the exit status.
func (a *app) run(args []string) int {
	err := a.execute(args)
	// That is why the run ended, however the parts of it call it, or what it has said in vain.
	var known *exit
	if lost := a.stdout.failed(); lost != nil && (!errors.As(err, &known) || known.sentence == "") {
		err = lostStdout(lost)
	}
	return a.report(err)
}

// report says what went wrong and returns the exit status.
func (a *app) report(err error) int {
	status, sentence := conclude(err)
	// Whatever else went wrong then: nobody reads on.
	if errors.Is(a.stdout.failed(), syscall.EPIPE) {
		return exitPipe
	}
	if sentence != "" {
		line := "mailmill: " + sentence
		if a.colors() {
			line = "\x1b[1;31mmailmill:\x1b[0m " + sentence
		}
		if status == exitInterrupted && a.stderrTerminal {
			line = "\r" + line // over the ^C that the terminal shows
		}
		fmt.Fprintln(a.stderr, line)
	}
	if errors.Is(a.stderr.failed(), syscall.EPIPE) {
		return exitPipe
	}
	return status
}

func (a *app) execute(args []string) (err error) {
	defer func() {
		// Faults at single items end those alone; see load.Run. This one is mailmill's own.
		if v := recover(); v != nil {
			err = fmt.Errorf("this should not have happened, and is a fault in mailmill: %v; please report it", v)
		}
	}()
	root := a.rootCommand()
	if err := completes(root, args); err != nil {
		return err
	}
	root.SetArgs(args)
	return root.ExecuteContext(a.ctx)
}

// buffered returns standard output with a buffer where nobody sees the difference.
func (a *app) buffered() *bufio.Writer {
	if a.stdoutTerminal {
		return bufio.NewWriterSize(a.stdout, 16) // a line is longer, and goes out at once
	}
	return bufio.NewWriterSize(a.stdout, 64<<10)
}

// output is standard output or standard error. It writes no more after its first error.
type output struct {
	w    io.Writer
	lost func(error) // called with that error

	mu  sync.Mutex
	err error
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(p)
	if err != nil {
		o.err = err
		o.lost(err)
	}
	return n, err
}

// failed returns the error that ended the writing.
func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// lostStdout is the error of a run whose results have nowhere to go any more.
func lostStdout(err error) error { return unwritten("standard output cannot be written", err) }

// unwritten is the error of a run that lost what it wrote, and that says of it what is the matter.
func unwritten(sentence string, err error) error {
	e := &exit{exitUnexpected, sentence + ": " + reasonOf(err), err}
	if temporary(err) {
		e.status, e.sentence = exitTemporary, e.sentence+"; see to that and run the same command again"
	}
	return e
}
