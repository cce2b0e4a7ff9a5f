package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"

	"mailmill/load/report"
)

// The exit statuses, which scripts rely on.
const (
	exitOK          = 0
	exitUnexpected  = 1
	exitUsage       = 2  // or configuration, or a target that is in the way
	exitFailures    = 3  // finished, but items failed or are damaged, or some may be lost that cannot be counted
	exitSource      = 4  // missing, unreadable, no archive
	exitTemporary   = 5  // the same command goes on where it stopped
	exitInUse       = 11 // another run has the ledger
	exitRefused     = 12 // a server does not take the user or the password
	exitQuota       = 13 // the account on a server is full
	exitDiffers     = 14 // verify found differences
	exitInterrupted = 130
	exitPipe        = 141
)

const exitStatuses = `  0    complete, the books balance
  1    unexpected failure
  2    usage or configuration; the target exists and is not mailmill's
  3    finished, but items failed or are damaged, or the archive lost some that
       cannot be counted
  4    source missing, unreadable, no archive, nothing in it can be read
  5    a matter of the moment: a full disk, a server that is away, an archive
       that changes while it is read; see to it and run the same command again
  11   another run writes to the same account (its ledger is in use)
  12   a server refuses the user or the password
  13   over quota: the account on the server is full
  14   verify found differences
  130  interrupted
  141  the reader of a pipe went away (silent)
`

var errInterrupted = errors.New("interrupted")

// exit is an error that knows the exit status. With an empty sentence everything has been said already.
type exit struct {
	status   int
	sentence string
	cause    error
}

func (e *exit) Error() string { return e.sentence }
func (e *exit) Unwrap() error { return e.cause }

// usage says what is wrong with the command line.
func usage(format string, args ...any) error {
	return &exit{status: exitUsage, sentence: fmt.Sprintf(format, args...)}
}

// conclude returns the exit status for an error, and the sentence that says it.
func conclude(err error) (status int, sentence string) {
	var e *exit
	switch {
	case err == nil:
		return exitOK, ""
	case errors.As(err, &e):
		return e.status, report.Printable(e.sentence)
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return exitInterrupted, errInterrupted.Error()
	case errors.Is(err, syscall.EPIPE):
		return exitPipe, ""
	case temporary(err):
		return exitTemporary, plain(err) + "; see to that and run the same command again"
	}
	return exitUnexpected, plain(err)
}

// plain writes an error as a sentence: of a failed system call what and where, without the call's name.
func plain(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) && err == error(path) {
		return report.Printable(fmt.Sprintf("%s: %s", path.Path, reasonOf(path.Err)))
	}
	return report.Printable(once(err))
}

// once writes errors that were joined as one sentence: what clearing up meets is often what ended the run.
func once(err error) string {
	var said []string
	for _, line := range strings.Split(err.Error(), "\n") {
		if !slices.Contains(said, line) {
			said = append(said, line)
		}
	}
	return strings.Join(said, "; ")
}

// interrupted is the error of a run that was told to end.
func (a *app) interrupted() error { return context.Cause(a.ctx) }

// reason is what people understand of an error of the file system.
type reason struct {
	err       error
	text      string
	temporary bool // a matter of the moment, not of the command line
}

var reasons = []reason{
	{fs.ErrNotExist, "there is no such file or folder", false},
	{fs.ErrPermission, "permission denied", false},
	{syscall.ENOTDIR, "something on the way to it is a file, not a folder", false},
	{syscall.EISDIR, "it is a folder", false},
	{syscall.EROFS, "nothing can be written there (the file system is read-only)", false},
	{syscall.ENAMETOOLONG, "the name is too long", false},
	{syscall.ELOOP, "links lead in a circle", false},
	{syscall.ENOSPC, "no space left on the disk", true},
	{syscall.EDQUOT, "your share of the disk is used up (quota)", true},
	{syscall.EMFILE, "too many files are open (ulimit -n allows more)", true},
	{syscall.ENFILE, "too many files are open in the whole system", true},
	{syscall.EIO, "the disk or the network reports an error", true},
	{syscall.ESTALE, "the network share is gone", true},
	{syscall.ENODEV, "the device is gone", true},
	{syscall.ENXIO, "the device is gone", true},
	{syscall.EHOSTDOWN, "the server is away", true},
	{syscall.ENOTCONN, "the connection is gone", true},
	{syscall.ETIMEDOUT, "the server does not answer", true},
}

// reasonOf returns the reason in an error of the file system.
func reasonOf(err error) string {
	for _, r := range reasons {
		if errors.Is(err, r.err) {
			return r.text
		}
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return strings.TrimSpace(err.Error())
}

// temporary reports whether the same command may succeed when the reason of an error is gone.
func temporary(err error) bool {
	return slices.ContainsFunc(reasons, func(r reason) bool { return r.temporary && errors.Is(err, r.err) })
}
