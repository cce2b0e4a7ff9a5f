package files

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"time"
)

// blockSize is that of the writes to a joined file and to streamed items.
const blockSize = 256 << 10

// joined is a file that holds the items of a folder one after the other.
type joined struct {
	place, name string
	sink        *sink
	items       int
}

// writeJoined appends an item to the file of its folder.
func (t *Target) writeJoined(place string, e *encoded) error {
	if t.joined == nil || t.joined.place != place {
		if err := t.closeJoined(); err != nil {
			return err
		}
		if err := t.openJoined(place, e); err != nil {
			return err
		}
	}
	j := t.joined
	before := j.sink.size
	var err error
	if e.buffer != nil {
		err = e.buffer.pieces(j.sink.write)
	} else {
		err = j.sink.stream(func(w io.Writer) error { return damaged(e.item, t.format.Encode(w, e.item)) })
	}
	if err != nil {
		return err
	}
	e.size = j.sink.size - before
	j.items++
	return nil
}

func (t *Target) openJoined(place string, e *encoded) error {
	name := place + t.format.Extension()
	if err := t.record.enter(e.item, place); err != nil {
		return err
	}
	if err := t.store.folder(parent(name)); err != nil {
		return err
	}
	f, err := t.store.create(name)
	if err != nil {
		return err
	}
	t.joined = &joined{place: place, name: name, sink: newSink(f)}
	return nil
}

// closeJoined completes the file at hand.
func (t *Target) closeJoined() error {
	if t.joined == nil {
		return nil
	}
	j := t.joined
	t.joined = nil
	if j.items == 0 {
		t.record.forget(j.place)
		err := j.sink.discard()
		t.store.drop(parent(j.name))
		return err
	}
	sum, err := j.sink.close(time.Time{})
	if err != nil {
		return err
	}
	return t.record.file(j.name, j.sink.size, sum, j.items)
}

// sink writes a file in large blocks and computes its hash on the way, on a processor of its own where there is one.
type sink struct {
	file  file
	hash  hash.Cloner
	size  int64 // accepted
	block []byte

	toHash chan []byte
	hashed chan struct{}
}

func newSink(f file) *sink {
	s := &sink{
		file:   f,
		hash:   sha256.New().(hash.Cloner),
		block:  make([]byte, 0, blockSize),
		toHash: make(chan []byte),
		hashed: make(chan struct{}),
	}
	go func() {
		for p := range s.toHash {
			s.hash.Write(p)
			s.hashed <- struct{}{}
		}
		close(s.hashed)
	}()
	return s
}

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
	s.toHash <- s.block
	_, err := s.file.Write(s.block)
	<-s.hashed
	s.block = s.block[:0]
	return err
}

// stream has an item written. If that fails, or panics, the file is as it was before.
func (s *sink) stream(write func(io.Writer) error) (err error) {
	if err := s.flush(); err != nil {
		return err
	}
	before, size, whole := s.hash, s.size, false
	if s.hash, err = before.Clone(); err != nil {
		return err
	}
	defer func() {
		if whole {
			return
		}
		s.hash, s.size, s.block = before, size, s.block[:0]
		if undo := s.file.truncate(size); undo != nil {
			err = undo
		}
	}()
	if err := write(s); err != nil {
		return err
	}
	whole = true
	return nil
}

// close completes the file and returns its hash.
func (s *sink) close(modified time.Time) (sum [32]byte, err error) {
	if err = s.flush(); err != nil {
		return sum, errors.Join(err, s.discard())
	}
	s.stop()
	s.hash.Sum(sum[:0])
	return sum, s.file.close(modified)
}

// discard drops the file.
func (s *sink) discard() error {
	s.stop()
	return s.file.discard()
}

// stop ends the hashing.
func (s *sink) stop() {
	close(s.toHash)
	<-s.hashed
}
