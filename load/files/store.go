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
	// drop removes a folder, and its parents, as far as nothing is in them.
	drop(name string)
	// put stores a whole file that is in memory.
	put(name string, modified time.Time, content io.WriterTo) error
	// create begins a file that is written piece by piece.
	create(name string) (file, error)
	// record returns where the store's record is to be written, or nil where it keeps none.
	record() (io.Writer, error)
	// finish gives everything its final name.
	finish() error
	// abort drops everything.
	abort() error
}

// file is a file that is being written. It is ended by close or discard.
type file interface {
	io.Writer
	// truncate drops what was written from an offset on, which is where the next Write goes.
	truncate(size int64) error
	// close completes the file. A time that is not zero becomes that of its last change.
	close(modified time.Time) error
	// discard drops the file.
	discard() error
}
