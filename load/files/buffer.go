package files

import (
	"cmp"
	"errors"
	"io"
	"sync"
)

// largestBuffered is the number of bytes that an item may have to be encoded in memory. A larger one is streamed,
// which no more than one item is at a time.
const largestBuffered = 4 << 20

// errTooLarge ends the encoding of an item that turns out to be too large for a buffer.
var errTooLarge = errors.New("the item is too large for a buffer")

// chunk is a buffer's piece of memory: most mails fit into one.
type chunk [16 << 10]byte

var chunks = sync.Pool{New: func() any { return new(chunk) }}

// buffer is an io.Writer into pooled memory. It grows without copying.
type buffer struct {
	chunks []*chunk
	size   int64
	limit  int64 // of its size; 0 is largestBuffered
}

func (b *buffer) Write(p []byte) (int, error) {
	if limit := cmp.Or(b.limit, largestBuffered); b.size+int64(len(p)) > limit {
		return 0, errTooLarge
	}
	written := len(p)
	for len(p) > 0 {
		at := int(b.size % int64(len(chunk{})))
		if at == 0 {
			b.chunks = append(b.chunks, chunks.Get().(*chunk))
		}
		n := copy(b.chunks[len(b.chunks)-1][at:], p)
		p = p[n:]
		b.size += int64(n)
	}
	return written, nil
}

// pieces calls visit for the buffer's content, piece by piece.
func (b *buffer) pieces(visit func([]byte) error) error {
	left := b.size
	for _, c := range b.chunks {
		n := min(left, int64(len(c)))
		if err := visit(c[:n]); err != nil {
			return err
		}
		left -= n
	}
	return nil
}

// WriteTo implements [io.WriterTo].
func (b *buffer) WriteTo(w io.Writer) (written int64, err error) {
	err = b.pieces(func(p []byte) error {
		n, err := w.Write(p)
		written += int64(n)
		return err
	})
	return written, err
}

// large calls visit for the buffer's content in pieces that are as large as scratch, through which they go unless one
// chunk holds it all.
func (b *buffer) large(scratch []byte, visit func([]byte) error) error {
	if len(b.chunks) < 2 {
		return b.pieces(visit)
	}
	scratch = scratch[:0]
	err := b.pieces(func(p []byte) error {
		if len(scratch)+len(p) > cap(scratch) {
			if err := visit(scratch); err != nil {
				return err
			}
			scratch = scratch[:0]
		}
		scratch = append(scratch, p...)
		return nil
	})
	if err != nil {
		return err
	}
	return visit(scratch)
}

func (b *buffer) digest() digest {
	var h hasher
	b.WriteTo(&h) //nolint:errcheck // a hash takes everything
	return h.digest()
}

// truncate drops what the buffer holds from an offset on.
func (b *buffer) truncate(size int64) {
	keep := (size + int64(len(chunk{})) - 1) / int64(len(chunk{}))
	for _, c := range b.chunks[keep:] {
		chunks.Put(c)
	}
	b.chunks, b.size = b.chunks[:keep], size
}

func (b *buffer) held() int64 { return int64(len(b.chunks)) * int64(len(chunk{})) }

func (b *buffer) release() {
	for _, c := range b.chunks {
		chunks.Put(c)
	}
	*b = buffer{}
}
