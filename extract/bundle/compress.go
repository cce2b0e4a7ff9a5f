package bundle

import (
	"bufio"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/mikelolasagasti/xz"
)

// Compression is how a file is compressed as a whole.
type Compression uint8

// The compressions.
const (
	Gzip  Compression = iota // RFC 1952
	Zstd                     // RFC 8878
	Bzip2                    // as bzip2 1.0 writes it
	XZ                       // the .xz file format, version 1.2
)

// String returns the name of the program that unpacks it.
func (c Compression) String() string { return [...]string{"gzip", "zstd", "bzip2", "xz"}[c] }

// maxWindow bounds the memory that unpacking takes. It is what zstd itself takes at most unless it is told otherwise, and
// more than xz -9 wants.
const maxWindow = 128 << 20

// NewReader returns what r unpacks to. Several files that were compressed one by one and joined are one file again, as
// for the programs that unpack them. Where the file ends too early, or is damaged, what comes before that is read, and
// then an error that is [ErrFormat]. One that goes on and on from next to nothing ends with [ErrBomb].
func (c Compression) NewReader(r io.Reader) (io.ReadCloser, error) {
	in := &counter{r: r}
	u := &unpacker{compression: c, in: in}
	var err error
	switch c {
	case Gzip:
		var z *gzip.Reader
		if z, err = gzip.NewReader(bufio.NewReaderSize(in, 64<<10)); err == nil {
			u.r = z
		}
	case Zstd:
		var z *zstd.Decoder
		if z, err = zstd.NewReader(in, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(2)); err == nil {
			u.r, u.close = z, z.Close
		}
	case Bzip2:
		u.r = bzip2.NewReader(in)
	case XZ:
		var z *xz.Reader
		if z, err = xz.NewReader(bufio.NewReaderSize(in, 64<<10), maxWindow); err == nil {
			u.r = z
		}
	}
	if err != nil {
		return nil, u.fault(err)
	}
	return u, nil
}

// unpacker is what a compressed file unpacks to.
type unpacker struct {
	compression Compression
	in          *counter
	r           io.Reader
	close       func()
	out         int64
	err         error
}

// Read implements [io.Reader].
func (u *unpacker) Read(p []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	n, err := u.r.Read(p)
	u.out += int64(n)
	if bomb := check(u.out, u.in.n.Load()); bomb != nil {
		u.err = bomb
		return 0, bomb
	}
	if err != nil && err != io.EOF {
		// QUIRK: tapes and block devices leave zeros, some tools a signature, behind a gzip file; gunzip ignores both.
		if u.compression == Gzip && u.out > 0 && errors.Is(err, gzip.ErrHeader) {
			err = io.EOF
		} else {
			err = u.fault(err)
		}
	}
	u.err = err
	return n, err
}

// Close implements [io.Closer].
func (u *unpacker) Close() error {
	if u.close != nil {
		u.close()
		u.close = nil
	}
	return nil
}

// fault says what is wrong with a compressed file.
func (u *unpacker) fault(err error) error {
	switch {
	case u.in.fault() != nil:
		return u.in.fault()
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, xz.ErrBuf):
		return damage("what %v compressed is cut short after %d bytes", u.compression, u.in.n.Load())
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, xz.ErrMemlimit):
		return fmt.Errorf("takes more than %d MB of memory to unpack: %w", maxWindow>>20, ErrBomb)
	}
	return damage("what %v compressed cannot be read on near byte %d (%w)", u.compression, u.in.n.Load(), err)
}
