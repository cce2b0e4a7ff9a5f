package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// What a run does about signals: the first ends it when what is in flight is finished, and everything that is
// unfinished is cleared away; the second ends it at once.

const (
	// together is how close signals come that mean one thing: timeout(1) sends its own twice, to the process and to its
	// group, and so do some shells.
	together = 200 * time.Millisecond
	// patience is how long nobody wonders what happens after a Ctrl-C.
	patience = 500 * time.Millisecond
)

// signals returns those that end a run.
func signals() <-chan os.Signal {
	// A reader that goes away must not kill the process: what is unfinished has to be cleaned up first.
	signal.Ignore(syscall.SIGPIPE)
	list := []os.Signal{os.Interrupt, syscall.SIGTERM}
	// Who starts a program with nohup wants it to outlive the terminal.
	if !signal.Ignored(syscall.SIGHUP) {
		list = append(list, syscall.SIGHUP)
	}
	received := make(chan os.Signal, 8)
	signal.Notify(received, list...)
	return received
}

// interrupt does what signals ask for.
func (a *app) interrupt(signals <-chan os.Signal) {
	first := <-signals
	began := time.Now()
	a.cancel(errInterrupted)
	wonder := time.After(patience)
	for {
		select {
		case s := <-signals:
			// A terminal that goes away says so more than once.
			if s == syscall.SIGHUP || time.Since(began) < together {
				continue
			}
			said := make(chan struct{})
			go func() {
				if bars := a.bars.Load(); bars != nil {
					bars.Close()
				}
				fmt.Fprintln(a.stderr, "mailmill: stopped at once; the same command again sees to what is unfinished, and goes on")
				close(said)
			}()
			select {
			case <-said:
			case <-time.After(patience): // nobody reads what is on standard error
			}
			os.Exit(exitInterrupted)
		case <-wonder:
			if first == os.Interrupt && a.stderrTerminal && !a.quiet {
				io.WriteString(a.screen(), "Finishing what is in flight, and clearing up. Ctrl-C again stops at once.\n")
			}
		}
	}
}
