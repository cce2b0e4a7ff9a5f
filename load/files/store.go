package files

import (
	"io"
	"time"
)

// store is where files go. It serves one goroutine. What it holds is not visible under its final name before finish.
type store interface {
	// create begins a file that is written piece by piece. A tree may have several open at a time.
	create() (file, error)
	// record returns where the run's record is to be written, or nil where the store keeps none.
	record() (io.Writer, error)
	// finish makes everything durable and gives it its final name.
	finish() error
	// abort drops everything.
	abort() error
}

// tree is a store that holds folders. Names are paths below it, of safe names joined by slashes.
type tree interface {
	store
	// folder makes sure of a folder; "" is the store's top.
	folder(name string) error
	// drop removes a folder, and its parents, as far as nothing is in them.
	drop(name string)
	// seal prepares what put will store. It is called by several goroutines at once.
	seal(*blob) error
	// put stores a whole file that is in memory, which is the store's from then on. An error may come to light later.
	put(name string, modified time.Time, content blob) error
}

// holder is a tree whose place may hold files of others, which are not replaced but added to.
type holder interface {
	// held returns what a file of the place holds where it may be written to; nil where there is none. It is ours alone
	// where it is as the last run wrote it.
	held(name string) (data []byte, ours bool, err error)
}

// file is a file that is being written. It gets its name when it is whole. It is ended by close or discard.
type file interface {
	io.Writer
	// mark remembers the place, to which rewind comes back: what was written since is dropped then. After keep, it
	// stays. There is one mark at a time.
	mark() error
	keep() error
	rewind() error
	// close completes the file. A time that is not zero becomes that of its last change.
	close(name string, modified time.Time) error
	// discard drops the file.
	discard() error
}

// blob is the content of a file in memory.
type blob struct {
	buffer *buffer // as the store keeps it
	size   int64   // as it was written
	crc    uint32  // of what was written, for stores that compress
}

// newBlob returns a blob with a copy of data.
func newBlob(data []byte) (blob, error) {
	b := new(buffer)
	_, err := b.Write(data)
	return blob{buffer: b, size: b.size}, err
}

func (b *blob) release() {
	if b.buffer != nil {
		b.buffer.release()
		b.buffer = nil
	}
}
