package files

import (
	"io"
	"time"
)

// store is where files go. Names are paths below it, of safe names joined by slashes. Apart from put, which may be
// called by several goroutines at once, it serves one goroutine. What it holds is not visible under its final name
// before finish.
type store interface {
	// folder makes sure of a folder; "" is the store's top.
	folder(name string) error
	// put stores a whole file that is in memory.
	put(name string, modified time.Time, content io.WriterTo) error
	// create begins a file that is written piece by piece.
	create(name string) (file, error)
	// finish gives everything its final name. The record is called to write the store's record.
	finish(record func(io.Writer) error) error
	// abort drops everything, or does nothing after finish. It reports whether there was something to drop.
	abort() (dropped bool, err error)
}

// file is a file that is being written.
type file interface {
	io.Writer
	// truncate drops what was written from an offset on, which is where the next Write goes.
	truncate(size int64) error
	// setModified sets the time of last change that the file has after it was closed.
	setModified(time.Time) error
	io.Closer
}
