package bundle

import (
	"bufio"
	"compress/bzip2"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/zstd"
	"github.com/mikelolasagasti/xz"
)

// The compression methods (APPNOTE 4.4.5) that are read.
const (
	methodStored  = 0
	methodDeflate = 8
	methodBzip2   = 12
	methodZstdOld = 20
	methodZstd    = 93
	methodXZ      = 95
)

// methodNames are those of other methods.
var methodNames = map[uint16]string{
	1: "Shrink", 2: "Reduce", 3: "Reduce", 4: "Reduce", 5: "Reduce", 6: "Implode", 9: "Deflate64", 10: "IBM TERSE", 14: "LZMA",
	18: "IBM TERSE", 19: "LZ77", 94: "MP3", 96: "JPEG", 97: "WavPack", 98: "PPMd", 99: "AES",
}

func newSum() hash.Hash32 { return crc32.NewIEEE() }

// size implements content.
func (m *member) size() int64 { return m.length }

// summed implements content.
func (m *member) summed() bool { return true }

// at implements content: for a member that is stored as it is.
func (m *member) at() io.ReaderAt {
	if m.method != methodStored || m.encrypted() || m.err != nil || m.packed != m.length {
		return nil
	}
	data, err := m.data()
	if err != nil {
		return nil
	}
	return data
}

// data returns what stands in the zip, as it stands there.
func (m *member) data() (*io.SectionReader, error) {
	h := make([]byte, localHeader)
	if n, err := m.r.ReadAt(h, m.offset); n < len(h) {
		if err != nil && err != io.EOF {
			return nil, err
		}
		return nil, damage("the zip is cut short")
	}
	if string(h[:4]) != sigLocal {
		return nil, damage("the zip has nothing where its index has it")
	}
	start := m.offset + localHeader + int64(u16(h[26:])) + int64(u16(h[28:]))
	return io.NewSectionReader(m.r, start, min(m.packed, max(m.end-start, 0))), nil
}

// open implements content.
func (m *member) open() (io.ReadCloser, error) {
	switch {
	case m.encrypted():
		return nil, ErrEncrypted
	case m.err != nil && m.packed == 0:
		return nil, m.err
	}
	data, err := m.data()
	if err != nil {
		return nil, err
	}
	in := &counter{r: data}
	out, err := decompress(m.method, newPieces(in))
	if err != nil {
		return nil, err
	}
	return &memberReader{member: m, in: in, out: out, sum: newSum()}, nil
}

// memberReader reads a member and compares it with what the index says.
type memberReader struct {
	member *member
	in     *counter
	out    io.ReadCloser
	sum    hash.Hash32
	n      int64
	err    error
}

// Read implements [io.Reader].
func (r *memberReader) Read(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.out.Read(p)
	r.n += int64(n)
	r.sum.Write(p[:n])
	m := r.member
	switch {
	case r.n > m.length:
		// What the index promises is what the budget was asked for.
		n -= int(r.n - m.length)
		if err = m.err; err == nil {
			err = damage("it is longer than the zip's index says")
		}
	case err == nil:
	case r.in.fault() != nil:
		err = r.in.fault()
	case m.err != nil:
		err = m.err
	case err != io.EOF:
		err = damage("it is damaged after %d bytes (%w)", r.n, err)
	case r.n < m.length:
		err = damage("it ends after %d bytes of %d", r.n, m.length)
	case r.sum.Sum32() != m.sum:
		err = damage("its checksum is wrong")
	}
	r.err = err
	return n, err
}

// Close implements [io.Closer].
func (r *memberReader) Close() error {
	r.err = errors.New("closed")
	return r.out.Close()
}

var inflaters = sync.Pool{New: func() any { return flate.NewReader(nil) }}

// decompress returns what a member unpacks to. It reads no more of in than belongs to the member where in is an
// [io.ByteReader].
func decompress(method uint16, in io.Reader) (io.ReadCloser, error) {
	switch method {
	case methodStored:
		return io.NopCloser(in), nil
	case methodDeflate:
		z := inflaters.Get().(io.ReadCloser)
		if err := z.(flate.Resetter).Reset(in, nil); err != nil {
			return nil, err
		}
		return &inflater{z}, nil
	case methodBzip2:
		return io.NopCloser(bzip2.NewReader(in)), nil
	case methodZstd, methodZstdOld:
		z, err := zstd.NewReader(in, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	case methodXZ:
		z, err := xz.NewReader(in, maxWindow)
		if err != nil {
			return nil, damage("it is damaged (%w)", err)
		}
		return io.NopCloser(z), nil
	}
	name := methodNames[method]
	if name == "" {
		name = fmt.Sprintf("method %d", method)
	}
	return nil, fmt.Errorf("it is compressed with %s, which is not read: %w", name, ErrMethod)
}

// inflater gives its buffers back when it is closed.
type inflater struct{ z io.ReadCloser }

func (f *inflater) Read(p []byte) (int, error) {
	if f.z == nil {
		return 0, io.ErrClosedPipe
	}
	return f.z.Read(p)
}

func (f *inflater) Close() error {
	if f.z != nil {
		inflaters.Put(f.z)
		f.z = nil
	}
	return nil
}

// pieces reads through a buffer.
type pieces struct{ *bufio.Reader }

func newPieces(r io.Reader) *pieces { return &pieces{bufio.NewReaderSize(r, 16<<10)} }

// take reads n bytes. The error is io.EOF where there are none.
func (p *pieces) take(n int) ([]byte, error) {
	b := make([]byte, n)
	got, err := io.ReadFull(p.Reader, b)
	return b[:got], err
}

// byteCounter counts what is really used, as it is asked for byte by byte.
type byteCounter struct {
	r *pieces
	n int64
}

func (c *byteCounter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *byteCounter) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

// guard bounds what is unpacked by what it is unpacked from.
type guard struct {
	r      io.Reader
	packed func() int64
	n      int64
	bomb   error
}

func (g *guard) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	g.n += int64(n)
	if bomb := check(g.n, g.packed()); bomb != nil {
		g.bomb = bomb
		return 0, bomb
	}
	return n, err
}
