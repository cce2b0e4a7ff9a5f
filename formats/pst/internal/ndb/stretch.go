package ndb

import (
	"io"
	"sync"
)

// stretchSize is the most that is read of a stream at once.
const stretchSize = 64 << 10

// stretch is a part of the file that was read for one stream. Such bytes are read once: they do not pass through the
// cache, and drive nothing out of it.
type stretch struct {
	offset int64
	size   int
	buf    [stretchSize]byte
}

var stretches = sync.Pool{New: func() any { return new(stretch) }}

// read fills the stretch. What cannot be read is left to the cache, which tells why.
func (s *stretch) read(r io.ReaderAt, offset int64, n int) {
	s.offset, s.size = offset, n
	if got, _ := r.ReadAt(s.buf[:n], offset); got < n {
		s.size = 0
	}
}

// holds reports whether n bytes at offset are there. A nil stretch holds nothing.
func (s *stretch) holds(offset int64, n int) bool {
	return s != nil && offset >= s.offset && offset+int64(n) <= s.offset+int64(s.size)
}

func (s *stretch) view(offset int64, n int) []byte {
	at := int(offset - s.offset)
	return s.buf[at : at+n]
}
