package archives

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"mailmill/extract"
	"mailmill/extract/bundle"
)

// ErrNoRoom says that what cannot be read where it is cannot be copied either.
var ErrNoRoom = bundle.ErrNoRoom

// stdinName is what standard input is called in errors.
const stdinName = "standard input"

func openStdin(ctx context.Context, o extract.Options, changed func(error)) (*Archive, error) {
	f, remove := os.Stdin, func() {}
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, extract.FileError(stdinName, err)
	case info.IsDir():
		return nil, &extract.SourceError{Path: stdinName, Problem: "is a folder", Advice: "Name it instead", Err: extract.ErrNotArchive}
	case !atStart(f, info):
		if f, remove, err = spool(ctx, f); err != nil {
			return nil, err
		}
	}
	a, err := openFile(ctx, stdinName, f, o, changed)
	if err != nil {
		remove()
		return nil, err
	}
	a.path, a.remove = "-", remove
	return a, nil
}

// atStart reports whether standard input is a file that nothing has been read from.
func atStart(f *os.File, info fs.FileInfo) bool {
	offset, err := f.Seek(0, io.SeekCurrent)
	return err == nil && offset == 0 && info.Mode().IsRegular()
}

// spool copies what comes from a pipe to a temporary file. Where the system allows it that file has lost its name
// before anything is in it, so that nothing is left whatever happens.
func spool(ctx context.Context, from io.Reader) (f *os.File, remove func(), err error) {
	f, err = os.CreateTemp("", "mailmill-*")
	if err != nil {
		return nil, nil, noRoom(stdinName, err)
	}
	remove = func() {}
	if os.Remove(f.Name()) != nil {
		remove = func() { os.Remove(f.Name()) }
	}
	to := &keeper{w: f}
	copied := make(chan error, 1)
	go func() {
		_, err := io.CopyBuffer(to, struct{ io.Reader }{from}, make([]byte, 1<<20))
		copied <- err
	}()
	select {
	case err = <-copied:
		if err == nil {
			return f, remove, nil
		}
		if to.err != nil {
			err = noRoom(stdinName, to.err)
		} else {
			err = extract.FileError(stdinName, err)
		}
	case <-ctx.Done():
		// The goroutine may wait for ever for what comes next; it ends with the process.
		err = context.Cause(ctx)
	}
	f.Close()
	remove()
	return nil, nil, err
}

// keeper tells errors of writing from those of reading.
type keeper struct {
	w   io.Writer
	err error
}

func (k *keeper) Write(p []byte) (int, error) {
	n, err := k.w.Write(p)
	k.err = err
	return n, err
}

// noRoom is the error for a file that cannot be copied to where it can be read in any order.
func noRoom(path string, err error) error {
	reason := strings.TrimPrefix(cause(err).Error(), fmt.Sprintf("%v in %s: ", ErrNoRoom, os.TempDir()))
	if !errors.Is(err, ErrNoRoom) {
		err = fmt.Errorf("%w: %w", ErrNoRoom, err)
	}
	return &extract.SourceError{
		Path: path, Err: err,
		Problem: fmt.Sprintf("has to be copied to a file in %s first, which does not work: %v", os.TempDir(), reason),
		Advice:  "Make room there, name another folder in " + tempVariable + ", or put the archive into a file and name that",
	}
}
