package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"mailmill/load"
)

// Errors that say why a place cannot be written to, or no longer.
var (
	// ErrExists says that something is in the way that mailmill did not write in a run with the same options and
	// archives. Nothing was written.
	ErrExists = errors.New("the target exists and is not what this command wrote")
	// ErrBlocked says that something stands there that is never replaced: a file where a folder is to be, or a folder or a
	// device where a file is to be, or a link that leads nowhere. Nothing was written.
	ErrBlocked = errors.New("nothing can be written there")
	// ErrInUse says that another run is writing to the place. Nothing was written.
	ErrInUse = errors.New("another run is writing to the target")
	// ErrMeanwhile says that somebody else wrote a file of the place while the run went on. Everything is as he left it.
	ErrMeanwhile = errors.New("somebody has written there while the run went on, so nothing was replaced")
	// ErrUnfinished says that a run was killed when it replaced files, and what it had done could not be undone. Nothing
	// was written, and nothing is lost.
	ErrUnfinished = errors.New("an earlier run was killed while it replaced files there")
	// ErrSource says that an archive of the run stands where a file would be written. Nothing was written.
	ErrSource = errors.New("is read and would be replaced")
	// ErrFull says that the disk is full, or the user's share of it.
	ErrFull = errors.New("the disk is full")
)

// fault makes an error of the file system one that ends the run and says what cannot be written.
func fault(name string, err error) error { return cannot(name, "written", err) }

// cannot makes an error of the file system one that ends the run, names a file as the user knows it, and says what cannot
// be done to it: "out/Inbox.mbox cannot be replaced: input/output error". An error that ends the run already stays as it
// is.
func cannot(name, be string, err error) error {
	if err == nil {
		return nil
	}
	if already := (*load.Fatal)(nil); errors.As(err, &already) {
		return err
	}
	return &load.Fatal{Err: fmt.Errorf("%s cannot be %s: %w", name, be, cause(err))}
}

// cause returns why a call of the system failed, without the call and the names that it was given: those of the stage mean
// nothing to the user.
func cause(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	var call *os.SyscallError
	switch {
	case errors.As(err, &path):
		err = path.Err
	case errors.As(err, &link):
		err = link.Err
	case errors.As(err, &call):
		err = call.Err
	}
	if diskFull(err) {
		return ErrFull
	}
	return err
}
