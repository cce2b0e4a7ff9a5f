package imap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/zeebo/blake3"

	"mailmill/formats"
	"mailmill/formats/mime"
	"mailmill/load"
	"mailmill/load/ledger"
)

// largestHeld is the number of bytes that a mail may have to wait in memory. A larger one is made twice: once to learn its
// size and print, which have to be known before anything is sent, and once on its way to the server.
const largestHeld = 4 << 20

// errTooLarge ends the making of a mail that is too large for memory.
var errTooLarge = errors.New("the mail is too large for memory")

// chunk is a buffer's piece of memory: most mails fit into one.
type chunk [16 << 10]byte

var chunks = sync.Pool{New: func() any { return new(chunk) }}

// buffer is an io.Writer into pooled memory. It grows without copying.
type buffer struct {
	chunks []*chunk
	size   int64
}

func (b *buffer) Write(p []byte) (int, error) {
	if b.size+int64(len(p)) > largestHeld {
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

func (b *buffer) writeTo(w io.Writer) error {
	left := b.size
	for _, c := range b.chunks {
		n := min(left, int64(len(c)))
		if _, err := w.Write(c[:n]); err != nil {
			return err
		}
		left -= n
	}
	return nil
}

func (b *buffer) release() {
	for _, c := range b.chunks {
		chunks.Put(c)
	}
	*b = buffer{}
}

// encoded is a mail as it goes to the server.
type encoded struct {
	item  *formats.Item
	held  *buffer // nil: it is made again when it is sent
	size  int64
	print ledger.Print
}

// Item implements [load.Encoded].
func (e *encoded) Item() *formats.Item { return e.item }

// Size implements [load.Encoded].
func (e *encoded) Size() int64 { return e.size }

// Held implements [load.Encoded].
func (e *encoded) Held() int64 {
	if e.held == nil {
		return 0
	}
	return int64(len(e.held.chunks)) * int64(len(chunk{}))
}

// Release implements [load.Encoded].
func (e *encoded) Release() {
	if e.held != nil {
		e.held.release()
		e.held = nil
	}
}

// writeTo writes the mail, the same bytes each time.
func (e *encoded) writeTo(w io.Writer) error {
	if e.held != nil {
		return e.held.writeTo(w)
	}
	return whole(mime.Write(w, e.item.Mail))
}

// whole returns an error unless it says that a mail is complete but for content which cannot be read.
func whole(err error) error {
	var incomplete *mime.ContentError
	if errors.As(err, &incomplete) {
		return nil
	}
	return err
}

// counter counts what is written to it, and takes its print.
type counter struct {
	hash *blake3.Hasher
	size int64
	nul  bool // there is a NUL
}

func (c *counter) Write(p []byte) (int, error) {
	c.size += int64(len(p))
	c.nul = c.nul || bytes.IndexByte(p, 0) >= 0
	return c.hash.Write(p)
}

func (c *counter) print() (sum ledger.Print) {
	c.hash.Sum(sum[:0])
	return sum
}

// errNUL is the damage of a mail that came with NULs.
var errNUL = errors.New("it has NUL characters, which IMAP does not allow: the server may have put others in their place; a file keeps them")

// warn adds to an item's damage what a server may do to it. RFC 9051 9 has no NUL in a literal.
//
// QUIRK: Cyrus refuses such a mail, Dovecot stores it with other characters and says nothing.
func (c *counter) warn(it *formats.Item) {
	if c.nul {
		it.Lose(formats.Damage{Part: "message", Err: errNUL})
	}
}

// Encode implements [load.Target].
func (t *Target) Encode(_ context.Context, it *formats.Item) (load.Encoded, error) {
	return encode(it)
}

func encode(it *formats.Item) (*encoded, error) {
	if it.Mail == nil {
		return nil, fmt.Errorf("a mail server takes mail, not a %s", it.Kind)
	}
	e, count := &encoded{item: it}, &counter{hash: blake3.New()}
	held := new(buffer)
	err := errTooLarge
	size := contentSize(it.Mail.Root)
	if it.Mail.Original != nil {
		size = it.Mail.Original.Size
	}
	if size <= largestHeld {
		err = mime.Write(held, it.Mail)
	}
	if errors.Is(err, errTooLarge) {
		held.release()
		if err = mime.LoseContent(it, mime.Write(count, it.Mail)); err != nil {
			return nil, err
		}
		e.size, e.print = count.size, count.print()
		count.warn(it)
		return e, nil
	}
	if err = mime.LoseContent(it, err); err != nil {
		held.release()
		return nil, err
	}
	if err := held.writeTo(count); err != nil {
		held.release()
		return nil, err
	}
	e.held, e.size, e.print = held, count.size, count.print()
	count.warn(it)
	return e, nil
}

// contentSize sums up what is known of the sizes of a part's leaves.
func contentSize(p *formats.Part) (n int64) {
	if p == nil {
		return 0
	}
	p.Leaves(func(p *formats.Part) {
		n += max(p.Size, 0)
		if p.Message != nil {
			n += contentSize(p.Message.Root)
		}
	})
	return n
}
