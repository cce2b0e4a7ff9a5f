package archives

import (
	"errors"
	"io"
	"io/fs"
	"sync"
	"time"
)

// lazyFile is a file of a folder that is open only while it is read from: a folder may hold more mailboxes than files may
// be open. It is the same file each time, or it is an error.
type lazyFile struct {
	session  *session
	files    fs.FS
	path     string // in errors
	name     string
	size     int64
	modified time.Time

	mu   sync.Mutex
	file fs.File
	used int
	idle *time.Timer
}

// idleTime is how long a file stays open that nobody reads.
const idleTime = 500 * time.Millisecond

// ReadAt implements [io.ReaderAt].
func (l *lazyFile) ReadAt(p []byte, offset int64) (int, error) {
	f, err := l.take()
	if err != nil {
		return 0, err
	}
	defer l.give()
	n, err := f.ReadAt(p, offset)
	if err == io.EOF && offset+int64(n) < l.size {
		return n, l.changed(nil)
	}
	return n, err
}

// take opens the file if it is not open.
func (l *lazyFile) take() (io.ReaderAt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		f, err := l.files.Open(l.name)
		if err != nil {
			return nil, err
		}
		info, err := f.Stat()
		if err == nil && (info.Size() != l.size || !info.ModTime().Equal(l.modified)) {
			err = l.changed(info)
		}
		if err != nil {
			f.Close()
			return nil, err
		}
		l.file = f
		l.idle = time.AfterFunc(idleTime, l.rest)
	}
	at, ok := l.file.(io.ReaderAt)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	l.used++
	return at, nil
}

func (l *lazyFile) give() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.used--; l.idle != nil {
		l.idle.Reset(idleTime)
	}
}

// changed tells that the file is not what it was.
func (l *lazyFile) changed(now fs.FileInfo) error {
	e := errChanged(l.path, l.size, now)
	l.session.report(e)
	return e
}

// rest closes the file.
func (l *lazyFile) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.used > 0 || l.file == nil {
		return
	}
	l.file.Close()
	l.file, l.idle = nil, nil
}
