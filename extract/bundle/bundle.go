// Package bundle opens what files are packed in: tar and zip archives, and what gzip, zstd, bzip2 and xz compress.
//
// A tar or zip becomes an [FS], a file system to read from: [Tar] and [Zip] read the archive's index, not its members.
// What is compressed as a whole comes back through [Compression.NewReader], front to back; what has to be read in any
// order is copied by [Spool] first, to memory where it is small and to a file without a name where it is not.
//
//	budget := bundle.NewBudget(size)
//	files, err := bundle.Zip(ctx, r, size, budget)
//	...
//	content, err := files.Open("Takeout/Mail/All mail.mbox")
//
// Who packed a file may have meant harm. A few bytes can unpack to more than any disk holds, to archives in archives
// without end, or to millions of names. A [Budget] is shared by everything that is unpacked from one file and bounds
// all of it; what goes beyond ends with an error that is [ErrBomb]. Names in archives are only names here: nothing is
// ever written to where they point.
package bundle

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

// Why something is not unpacked. The errors say what, in words that go on after the name of the file.
var (
	// ErrBomb says that a file unpacks to more than mailboxes do.
	ErrBomb = errors.New("mailmill does not unpack that; unpack it yourself, if you know what it is, and name the folder")
	// ErrEncrypted says that a member cannot be read without a password.
	ErrEncrypted = errors.New("it is encrypted; unpack it with its password, and name the folder")
	// ErrMethod says that a member is compressed in a way that is not known here.
	ErrMethod = errors.New("unpack it with another program, and name the folder")
	// ErrFormat says that something is no archive of the kind, or damaged.
	ErrFormat = errors.New("damaged")
	// ErrNoRoom says that there is no place for a copy.
	ErrNoRoom = errors.New("no place for a copy")
)

// damaged is an [ErrFormat] that says more.
type damaged struct{ error }

func (d damaged) Is(target error) bool { return target == ErrFormat }
func (d damaged) Unwrap() error        { return d.error }

func damage(format string, args ...any) error { return damaged{fmt.Errorf(format, args...)} }

// The bounds. A mailbox compresses to a tenth as a rule, and to a hundredth where all mails are alike.
const (
	// MaxDepth is how many archives and compressed files may lie one in another.
	MaxDepth = 8
	// MaxEntries is the number of names in all archives of a source.
	MaxEntries = 2_000_000
	// maxRatio is how much larger than what it is read from may be what is unpacked, where it is more than free.
	maxRatio = 250
	// free is what may be unpacked from next to nothing.
	free = 64 << 20
)

// Budget bounds what is unpacked from one source. Several goroutines may use it at once.
type Budget struct {
	depth int
	// shared by all that lies in a source
	size    int64 // of the source
	entries *atomic.Int64
	out     *atomic.Int64 // bytes that were copied or are to come
}

// NewBudget returns the budget for a source of some size.
func NewBudget(size int64) *Budget {
	return &Budget{size: size, entries: new(atomic.Int64), out: new(atomic.Int64)}
}

// Deeper returns the budget for what lies in an archive or in something compressed.
func (b *Budget) Deeper() (*Budget, error) {
	if b.depth >= MaxDepth {
		return nil, fmt.Errorf("lies in more than %d archives, one in another: %w", MaxDepth, ErrBomb)
	}
	deeper := *b
	deeper.depth++
	return &deeper, nil
}

// entry takes note of a name in an archive.
func (b *Budget) entry() error {
	if b.entries.Add(1) > MaxEntries {
		return fmt.Errorf("holds more than %d files: %w", MaxEntries, ErrBomb)
	}
	return nil
}

// spend takes note of bytes that are unpacked.
func (b *Budget) spend(n int64) error { return check(b.out.Add(n), b.size) }

// check compares what is unpacked with what it is unpacked from.
func check(out, in int64) error {
	if out > free && (out-free)/maxRatio > in {
		return fmt.Errorf("unpacks to more than %d times its size, as no mailbox does: %w", maxRatio, ErrBomb)
	}
	return nil
}

// counter counts the bytes that are read, and keeps the error that is not of who reads them. Decoders may read in a
// goroutine of their own.
type counter struct {
	r io.Reader
	n atomic.Int64

	mu  sync.Mutex
	err error
}

// Read implements [io.Reader].
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	if err != nil && err != io.EOF {
		c.mu.Lock()
		c.err = err
		c.mu.Unlock()
	}
	return n, err
}

// fault returns the error of what is read from.
func (c *counter) fault() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}
