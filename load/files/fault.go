package files

import (
	"errors"
	"fmt"
	"io/fs"

	"mailmill/load"
)

// Errors that say why a place cannot be written to, or no longer.
var (
	// ErrExists says that something is in the way that mailmill did not write in a run with the same options and
	// archives. Nothing was written.
	ErrExists = errors.New("the target exists and is not what this command wrote")
	// ErrInUse says that another run is writing to the place. Nothing was written.
	ErrInUse = errors.New("another run is writing to the target")
	// ErrUnfinished says that a run was killed when it replaced files, and what it had done could not be undone. Nothing
	// was written, and nothing is lost.
	ErrUnfinished = errors.New("an earlier run was killed while it replaced files there")
	// ErrSource says that an archive of the run stands where a file would be written. Nothing was written.
	ErrSource = errors.New("is read and would be replaced")
	// ErrFull says that the disk is full, or the user's share of it.
	ErrFull = errors.New("the disk is full")
)

// fault makes an error of the file system one that ends the run and names the file.
func fault(name string, err error) error {
	if err == nil {
		return nil
	}
	var already *load.Fatal
	if errors.As(err, &already) {
		return err
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	if diskFull(err) {
		err = ErrFull
	}
	return &load.Fatal{Err: fmt.Errorf("%s: %w", name, err)}
}
