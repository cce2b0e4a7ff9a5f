package bundle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// inMemory is the size up to which a copy is kept in memory.
const inMemory = 1 << 20

// reserve is what a copy leaves free on the disk that it is made on: others have to live there, too.
const reserve = 64 << 20

// Store keeps copies of what cannot be read in any order where it is: what is compressed, or comes from a pipe. Small
// ones are in memory; all others of a source share one temporary file. Where the system allows it that file has lost its
// name before anything is in it, so that nothing is left whatever happens.
//
// Several goroutines may use a Store at once; one copies at a time.
type Store struct {
	mu     sync.Mutex
	file   *os.File
	remove func() error
	size   int64
}

// Copy is a copy in a [Store]. It can be read until the store is closed, and when it is small even then.
type Copy struct {
	io.ReaderAt
	Size int64
	// InMemory says that it takes memory until it is dropped.
	InMemory bool
	// Err is why the copy ends before its original does; nil where it is whole. The error is [ErrFormat].
	Err error
}

// Copy copies r to its end. The size, if it is not negative, is what is expected to come: room for it is looked for first.
// The budget pays for what is copied; nil is for what is not unpacked.
//
// Where r is damaged the copy has what comes before, and its Err says why there is no more. An error is [ErrBomb],
// [ErrNoRoom], one of r's own, or the cause of ctx's end.
func (s *Store) Copy(ctx context.Context, r io.Reader, size int64, b *Budget) (*Copy, error) {
	from := &origin{ctx: ctx, r: r, budget: b}
	if size <= inMemory {
		var head bytes.Buffer
		if size > 0 {
			head.Grow(int(size) + bytes.MinRead)
		}
		_, err := io.Copy(&head, io.LimitReader(from, inMemory+1))
		if err == nil && head.Len() <= inMemory {
			return from.copied(bytes.NewReader(head.Bytes()), int64(head.Len()), true)
		}
		if err != nil {
			return nil, err
		}
		return s.toFile(from, io.MultiReader(&head, from), size)
	}
	return s.toFile(from, from, size)
}

// toFile copies to the temporary file.
func (s *Store) toFile(from *origin, r io.Reader, size int64) (*Copy, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.open(); err != nil {
		return nil, noRoom(err)
	}
	if free := freeSpace(os.TempDir()); size > 0 && free >= 0 && size > free-reserve {
		return nil, noRoom(fmt.Errorf("it takes %d MB, and %d MB are free", size>>20, free>>20))
	}
	start := s.size
	n, err := io.CopyBuffer(struct{ io.Writer }{io.NewOffsetWriter(s.file, start)}, struct{ io.Reader }{r}, make([]byte, 1<<20))
	if err != nil {
		s.file.Truncate(start) //nolint:errcheck // it goes with the store
		if from.err == nil {
			err = noRoom(err)
		}
		return nil, err
	}
	s.size = start + n
	return from.copied(io.NewSectionReader(s.file, start, n), n, false)
}

// open makes the temporary file.
func (s *Store) open() error {
	if s.file != nil {
		return nil
	}
	f, err := os.CreateTemp("", "mailmill-*")
	if err != nil {
		return err
	}
	s.file, s.remove = f, func() error { return nil }
	if os.Remove(f.Name()) != nil {
		s.remove = func() error { return os.Remove(f.Name()) }
	}
	return nil
}

// Close gives back the room that copies take.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file == nil {
		return nil
	}
	err := errors.Join(s.file.Close(), s.remove())
	s.file = nil
	return err
}

func noRoom(err error) error {
	if path, ok := errors.AsType[*os.PathError](err); ok {
		err = path.Err
	}
	return fmt.Errorf("%w in %s: %w", ErrNoRoom, os.TempDir(), err)
}

// origin is what is copied. It tells errors of reading from those of writing.
type origin struct {
	ctx    context.Context
	r      io.Reader
	budget *Budget
	err    error // that ends the copy without one
	end    error // that ends it early
}

// Read implements [io.Reader].
func (o *origin) Read(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	if o.end != nil {
		return 0, io.EOF
	}
	if o.ctx.Err() != nil {
		o.err = context.Cause(o.ctx)
		return 0, o.err
	}
	n, err := o.r.Read(p)
	if o.budget != nil {
		if bomb := o.budget.spend(int64(n)); bomb != nil {
			o.err = bomb
			return 0, bomb
		}
	}
	switch {
	case err == nil, err == io.EOF:
	case errors.Is(err, ErrFormat):
		o.end = err
		err = io.EOF
	default:
		o.err = err
	}
	return n, err
}

func (o *origin) copied(r io.ReaderAt, size int64, inMemory bool) (*Copy, error) {
	return &Copy{ReaderAt: r, Size: size, InMemory: inMemory, Err: o.end}, nil
}
