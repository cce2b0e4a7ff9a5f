package mbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"sync"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/formats/mbox"
)

// Stream is a file that is read once, from front to back. It holds the messages that are in use: in memory, and those
// above 32 MB in temporary files.
type Stream struct {
	scanner *mbox.Scanner
	opt     extract.Options
	info    extract.Info
	places  *places

	mu   sync.Mutex
	held map[uint64]*held // by an entry's index
}

var _ extract.Stream = (*Stream)(nil)

// spoolAbove is the size of a message above which it is in a file.
const spoolAbove = 32 << 20

// held is a message in use.
type held struct {
	env     mbox.Envelope
	quoting mbox.Quoting
	raw     []byte   // borrowed
	file    *os.File // instead, where it is large
	size    int64

	once    sync.Once
	message *message
	err     error
}

// NewStream returns an archive of what comes from r.
func NewStream(path string, r io.Reader, o extract.Options) *Stream {
	return &Stream{
		scanner: mbox.NewScanner(r), opt: o, places: newPlaces(folderOf(path)), held: make(map[uint64]*held),
		info: extract.Info{Path: path, Format: "mbox"},
	}
}

// Info implements [extract.Archive].
func (s *Stream) Info() extract.Info { return s.info }

// Folders implements [extract.Archive]: it returns those that have been met.
func (s *Stream) Folders() []*formats.Folder { return s.places.folders() }

// Entries implements [extract.Stream].
func (s *Stream) Entries(ctx context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		for i := 0; ; i++ {
			env, err := s.scanner.Next()
			if i == 0 && s.scanner.Garbage() > 0 && !yield(lost(s.places.top, s.scanner.Garbage()), nil) {
				return
			}
			if err == io.EOF {
				return
			}
			h := &held{env: env}
			if err == nil {
				err = h.take(ctx, s.scanner)
			}
			if err != nil {
				h.release()
				if errors.Is(err, mbox.ErrFormat) {
					err = &extract.SourceError{Path: s.info.Path, Problem: "is no mbox file", Err: extract.ErrNotArchive}
				}
				yield(formats.Entry{}, err)
				return
			}
			e, shown := s.places.entry(&env, h.header(), s.opt)
			e.Size, e.Index = h.size, pack(env.Offset, h.quoting)
			if !shown {
				h.release()
				continue
			}
			e.Err = h.err
			s.mu.Lock()
			s.held[e.Index] = h
			s.mu.Unlock()
			if !yield(e, nil) {
				return
			}
		}
	}
}

// take reads the current message. An error is that of the stream.
func (h *held) take(ctx context.Context, s *mbox.Scanner) error {
	for {
		piece, err := s.Piece()
		if err == io.EOF {
			h.quoting = s.Quoting()
			return nil
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		h.size += int64(len(piece))
		switch {
		case h.err != nil:
		case h.file != nil:
			_, err = h.file.Write(piece)
			h.fail(err)
		case h.size > spoolAbove:
			h.spool(h.raw, piece)
			h.raw = bytes.Clone(h.header()) // the rest is memory for nothing
		default:
			h.raw = extend(h.raw, piece)
		}
	}
}

// spool goes on in a file.
func (h *held) spool(parts ...[]byte) {
	f, err := os.CreateTemp("", "mailmill-*.eml")
	h.fail(err)
	if err != nil {
		return
	}
	h.file = f
	os.Remove(f.Name()) // at once where that is possible, so that nothing is left of a run that is killed
	for _, p := range parts {
		if err == nil {
			_, err = f.Write(p)
		}
	}
	h.fail(err)
}

// fail keeps why a message could not be kept.
func (h *held) fail(err error) {
	if err != nil && h.err == nil {
		h.err = fmt.Errorf("a message of more than %d MB is kept in a temporary file, which cannot be written: %w", spoolAbove>>20, err)
	}
}

// header returns what is in memory of the header.
func (h *held) header() []byte {
	b := h.raw
	if n := mbox.HeaderLen(b); n >= 0 {
		return b[:n]
	}
	return b[:min(len(b), longestHeader)]
}

// read makes the message of what is held.
func (h *held) read() (*message, error) {
	h.once.Do(func() {
		if h.err != nil {
			return
		}
		h.message = &message{env: h.env, quoting: h.quoting}
		if h.file != nil {
			h.err = h.message.spanned(io.NewSectionReader(h.file, 0, h.size))
			return
		}
		h.message.held(h.raw)
	})
	return h.message, h.err
}

// release gives everything back.
func (h *held) release() {
	giveBack(h.raw)
	h.raw = nil
	if h.file != nil {
		h.file.Close()
		os.Remove(h.file.Name())
		h.file = nil
	}
}

// Read implements [extract.Archive].
func (s *Stream) Read(ctx context.Context, e formats.Entry) (*formats.Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	h := s.held[e.Index]
	s.mu.Unlock()
	switch {
	case h == nil && e.Err != nil:
		return nil, e.Err
	case h == nil:
		return nil, fmt.Errorf("the message at %s is not held any more", e.ID)
	}
	m, err := h.read()
	if err != nil {
		return nil, err
	}
	it, err := m.item(e, s.opt)
	if err != nil {
		return nil, err
	}
	it.Source = s.info.Path
	return it, nil
}

// Done implements [extract.Stream].
func (s *Stream) Done(e formats.Entry) {
	s.mu.Lock()
	h := s.held[e.Index]
	delete(s.held, e.Index)
	s.mu.Unlock()
	if h != nil {
		h.release()
	}
}

// Close implements [extract.Archive]. It gives back what nobody did.
func (s *Stream) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.held {
		h.release()
	}
	clear(s.held)
	return nil
}
