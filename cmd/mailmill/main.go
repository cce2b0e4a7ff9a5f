// Mailmill turns exported mailboxes into standard data.
//
//	mailmill convert alice.pst out/
//
// writes the mail of an Outlook archive as one mbox a folder, and says what became of every item. The other verbs tell
// what is in an archive: inspect from its tables, list item by item. "mailmill help" names them all.
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
	"os/signal"
	"syscall"

	"github.com/mattn/go-isatty"
)

// version is written into what convert leaves behind.
const version = "0.1.0"

func main() {
	// A reader that goes away must not kill the process: what is unfinished has to be cleaned up first.
	signal.Ignore(syscall.SIGPIPE)
	ctx, cancel := context.WithCancelCause(context.Background())
	go interrupt(cancel)

	a := &app{
		ctx:    ctx,
		stdin:  os.Stdin,
		stdout: &output{w: os.Stdout, lost: cancel},
		stderr: os.Stderr,
		// Lines of JSON and bars would tear each other apart where both go to one terminal.
		stdoutTerminal: terminal(os.Stdout),
		stderrTerminal: terminal(os.Stderr),
	}
	os.Exit(a.run(os.Args[1:]))
}

func terminal(f *os.File) bool { return isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()) }

// interrupt ends the run at the first signal when what is in flight is finished, and at once at the second.
func interrupt(cancel context.CancelCauseFunc) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	<-signals
	cancel(errInterrupted)
	<-signals
	os.Exit(exitInterrupted)
}

// app is one run of the command.
type app struct {
	ctx    context.Context
	stdin  io.Reader
	stdout *output
	stderr io.Writer

	stdoutTerminal, stderrTerminal bool

	quiet   bool
	verbose bool
	logFile string
}

// run executes a command line and returns the exit status.
func (a *app) run(args []string) int {
	err := a.execute(args)
	// Whatever else went wrong then: nobody reads on.
	if errors.Is(a.stdout.err, syscall.EPIPE) {
		return exitPipe
	}
	if err == nil && a.stdout.err != nil {
		err = fmt.Errorf("standard output cannot be written: %w", a.stdout.err)
	}
	status, sentence := conclude(err)
	if sentence != "" {
		fmt.Fprintln(a.stderr, "mailmill: "+sentence)
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

// output is standard output. The first error of a write ends the run: nothing more can be said there.
type output struct {
	w    io.Writer
	err  error
	lost context.CancelCauseFunc
}

func (o *output) Write(p []byte) (int, error) {
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
