// Package compound reads and writes compound files (MS-CFB): file systems in a file, of storages and streams, which
// Outlook's messages and old Office documents are.
//
//	root, err := compound.Read(r, size)
//	s := root.Stream("__properties_version1.0")
//	b, err := s.Bytes(1 << 20)
//
// Reading trusts nothing: chains of sectors that run in circles or out of the file end with an error where they do, and
// cost the stream that they belong to; a directory that leads nowhere costs what is behind that place. What a stream is
// said to hold is not believed before it was read.
package compound

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// ErrFormat is returned for data that does not begin as a compound file does.
var ErrFormat = errors.New("not a compound file")

// Limits on what a hostile file can cost.
const (
	// maxEntries bounds the directory: a message has tens of entries, one with a thousand recipients tens of thousands.
	maxEntries = 1 << 18
	// maxDepth bounds how deep storages lie in each other: messages within messages take two levels each.
	maxDepth = 256
)

// Storage is a folder of a compound file.
type Storage struct {
	// Name is at most 31 UTF-16 units long in a file. It may begin with a control character.
	Name string
	// Class is the storage's CLSID, little-endian.
	Class [16]byte
	// Storages and Streams are in the order of the directory's tree.
	Storages []*Storage
	Streams  []*Stream
	// Err says why some of the storage may be missing; nil for what is whole.
	Err error
}

// Stream returns the storage's stream with a name, nil where there is none. Letter case does not count (MS-CFB 2.6.4),
// for ASCII at least: the names that programs look for have no other letters.
func (s *Storage) Stream(name string) *Stream {
	for _, t := range s.Streams {
		if equalFold(t.Name, name) {
			return t
		}
	}
	return nil
}

// Storage returns the storage in this one with a name, nil where there is none.
func (s *Storage) Storage(name string) *Storage {
	for _, t := range s.Storages {
		if equalFold(t.Name, name) {
			return t
		}
	}
	return nil
}

func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	lower := func(c byte) byte {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// Stream is a file of a compound file.
type Stream struct {
	Name string
	// Size is how long the stream is said to be.
	Size int64
	open func() (io.Reader, error)
}

// NewStream returns a stream, for writing, that open opens anew each time.
func NewStream(name string, size int64, open func() (io.Reader, error)) *Stream {
	return &Stream{name, size, open}
}

// BytesStream returns a stream, for writing, that holds b.
func BytesStream(name string, b []byte) *Stream {
	return &Stream{name, int64(len(b)), func() (io.Reader, error) { return bytes.NewReader(b), nil }}
}

// Open returns a reader from the stream's first byte, independent of others. A read error other than [io.EOF] says that the
// rest is lost.
func (s *Stream) Open() (io.Reader, error) {
	r, err := s.open()
	if err != nil {
		return nil, fmt.Errorf("stream %q: %w", s.Name, err)
	}
	return r, nil
}

// ErrTooLarge is returned for a stream of more bytes than were asked for.
var ErrTooLarge = errors.New("it is too large")

// Bytes reads the stream whole, if it is not longer than most. With an error it returns what comes before the place that
// cannot be read.
func (s *Stream) Bytes(most int64) ([]byte, error) {
	if s.Size > most {
		return nil, fmt.Errorf("stream %q: %w: %d bytes", s.Name, ErrTooLarge, s.Size)
	}
	r, err := s.Open()
	if err != nil {
		return nil, err
	}
	const usual = 64 << 10
	b := bytes.NewBuffer(make([]byte, 0, min(s.Size, usual)+bytes.MinRead))
	if _, err = b.ReadFrom(r); err != nil {
		err = fmt.Errorf("stream %q: %w", s.Name, err)
	}
	return b.Bytes(), err
}
