package archives

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"mailmill/extract"
)

// Why an archive that was opened cannot be read on.
var (
	// ErrChanged says that somebody has written to the file since it was opened.
	ErrChanged = errors.New("changed while it was read")
	// ErrGone says that the place where the file is cannot be reached any more.
	ErrGone = errors.New("out of reach")
)

// lookEvery is how often a file that is being read is looked at: a long run ends soon when it has become pointless.
const lookEvery = time.Second

// watched is an open file that notices when it changes: a PST is not written from front to back, so that one read half
// before and half after a change may hold anything.
type watched struct {
	path     string
	file     openFileReader
	size     int64
	modified time.Time
	tell     func(error)

	opened time.Time
	looked atomic.Int64 // nanoseconds after opened
	fault  atomic.Pointer[extract.SourceError]
}

// openFileReader is what there is to know of an [os.File].
type openFileReader interface {
	io.ReaderAt
	io.Closer
	Stat() (os.FileInfo, error)
}

// watch begins to watch a file.
func watch(path string, f openFileReader, tell func(error)) (*watched, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, extract.FileError(path, err)
	}
	return &watched{path: path, file: f, size: info.Size(), modified: info.ModTime(), tell: tell, opened: time.Now()}, nil
}

// ReadAt implements [io.ReaderAt].
func (w *watched) ReadAt(p []byte, offset int64) (int, error) {
	n, err := w.file.ReadAt(p, offset)
	switch {
	case err == nil, err == io.EOF && offset+int64(n) >= w.size:
		now := time.Since(w.opened).Nanoseconds()
		if before := w.looked.Load(); now-before >= int64(lookEvery) && w.looked.CompareAndSwap(before, now) {
			w.look()
		}
	case err == io.EOF:
		w.look()
	case outOfReach(err):
		w.fail(&extract.SourceError{
			Path: w.path, Err: fmt.Errorf("%w: %w", ErrGone, err),
			Problem: "cannot be reached any more: " + cause(err).Error(),
			Advice:  "See to the network or the device that it is on, then run the same command again",
		})
	}
	return n, err
}

// look compares the file with what it was.
func (w *watched) look() {
	info, err := w.file.Stat()
	if err != nil {
		return // reading will tell what is wrong
	}
	size := info.Size()
	if size == w.size && info.ModTime().Equal(w.modified) {
		return
	}
	w.fail(errChanged(w.path, w.size, info))
}

// errChanged is the error for a file that has changed. What it is now may be nil.
func errChanged(path string, size int64, now os.FileInfo) *extract.SourceError {
	e := &extract.SourceError{
		Path: path, Err: ErrChanged, Problem: "changed while it was read",
		Advice: "Let whatever writes to it come to its end (Outlook, a copy, a download), then run the same command again",
	}
	if now != nil && now.Size() != size {
		e.Problem += fmt.Sprintf(": it had %d bytes and has %d now", size, now.Size())
	}
	return e
}

func (w *watched) fail(e *extract.SourceError) {
	if w.fault.CompareAndSwap(nil, e) && w.tell != nil {
		w.tell(e)
	}
}

// changed returns what is wrong with the file, if it is known.
func (w *watched) changed() error {
	if e := w.fault.Load(); e != nil {
		return e
	}
	return nil
}

// cause returns an error of the file system without the name of the file.
func cause(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
