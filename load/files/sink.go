package files

import (
	"errors"
	"io"
	"sync"
	"time"
)

// blockSize is that of the writes to files that are written piece by piece.
const blockSize = 64 << 10

// sink writes a file in large blocks and computes its hash on the way.
type sink struct {
	file  file
	hash  *hasher // nil where nobody asks for it
	size  int64   // accepted
	block []byte
	// failed is the error that a write ended with.
	failed error
}

func newSink(f file, hashed bool) *sink {
	s := &sink{file: f, block: blocks.Get().([]byte)[:0]}
	if !hashed {
		return s
	}
	s.hash = new(hasher)
	return s
}

var blocks = sync.Pool{New: func() any { return make([]byte, 0, blockSize) }}

func (s *sink) write(p []byte) error {
	s.size += int64(len(p))
	for len(p) > 0 {
		n := copy(s.block[len(s.block):cap(s.block)], p)
		s.block = s.block[:len(s.block)+n]
		p = p[n:]
		if len(s.block) == cap(s.block) {
			if err := s.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// Write implements [io.Writer].
func (s *sink) Write(p []byte) (int, error) {
	if err := s.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (s *sink) flush() error {
	if len(s.block) == 0 {
		return nil
	}
	if s.hash != nil {
		s.hash.Write(s.block) //nolint:errcheck // a hash takes everything
	}
	_, s.failed = s.file.Write(s.block)
	s.block = s.block[:0]
	return s.failed
}

// attempt has an item written. If that fails, or panics, the file is as it was before.
func (s *sink) attempt(write func(io.Writer) error) (err error) {
	if err := s.flush(); err != nil {
		return err
	}
	before, size, whole := s.hash, s.size, false
	if s.hash != nil {
		copied := *before
		s.hash = &copied
	}
	if err := s.file.mark(); err != nil {
		return err
	}
	defer func() {
		if whole {
			return
		}
		s.hash, s.size, s.block = before, size, s.block[:0]
		if undo := s.file.rewind(); undo != nil {
			err = undo
		}
	}()
	if err := write(s); err != nil {
		return err
	}
	if err := s.flush(); err != nil {
		return err
	}
	whole = true
	return s.file.keep()
}

// close completes the file and returns its hash.
func (s *sink) close(name string, modified time.Time) (sum digest, err error) {
	if err = s.flush(); err != nil {
		return sum, errors.Join(err, s.discard())
	}
	s.stop()
	if s.hash != nil {
		sum = s.hash.digest()
	}
	return sum, s.file.close(name, modified)
}

// discard drops the file.
func (s *sink) discard() error {
	s.stop()
	return s.file.discard()
}

// stop gives the block back.
func (s *sink) stop() {
	blocks.Put(s.block[:0]) //nolint:staticcheck // a slice's header is little against what it holds
	s.block = nil
}
