package files

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"runtime"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// compression is how a file as a whole is compressed.
type compression uint8

const (
	plain compression = iota
	zstandard
	gzipped
)

// The levels are the fastest: mail is mostly what is compressed already, and two processors keep up then with what
// reads an archive. The result does not depend on the number of processors.
const (
	zstdLevel  = zstd.SpeedFastest
	flateLevel = flate.BestSpeed
)

// writer returns a writer that compresses to w. Close completes what is compressed and leaves w open.
func (c compression) writer(w io.Writer) (io.WriteCloser, error) {
	switch c {
	case zstandard:
		return zstd.NewWriter(w, zstd.WithEncoderLevel(zstdLevel), zstd.WithEncoderConcurrency(2))
	case gzipped:
		return newGzipWriter(w), nil
	}
	return nopCloser{w}, nil
}

// reader returns a reader of what was compressed.
func (c compression) reader(r io.Reader) (io.ReadCloser, error) {
	switch c {
	case zstandard:
		d, err := zstd.NewReader(r, zstd.WithDecoderMaxMemory(256<<20))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	case gzipped:
		return gzip.NewReader(r)
	}
	return io.NopCloser(r), nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// gzipWriter writes a gzip file (RFC 1952) with one member, which tells no time and no name.
type gzipWriter struct {
	w      io.Writer
	blocks *deflater
	sum    uint32
	size   uint32
	begun  bool
}

func newGzipWriter(w io.Writer) *gzipWriter { return &gzipWriter{w: w, blocks: newDeflater(w)} }

func (z *gzipWriter) begin() error {
	if z.begun {
		return nil
	}
	z.begun = true
	_, err := z.w.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 0xff}) // RFC 1952 2.3: deflate, no time, fastest, unknown system
	return err
}

func (z *gzipWriter) Write(p []byte) (int, error) {
	if err := z.begin(); err != nil {
		return 0, err
	}
	z.sum = crc32.Update(z.sum, crc32.IEEETable, p)
	z.size += uint32(len(p))
	return z.blocks.Write(p)
}

func (z *gzipWriter) Close() error {
	if err := z.begin(); err != nil {
		return err
	}
	if err := z.blocks.Close(); err != nil {
		return err
	}
	trailer := binary.LittleEndian.AppendUint32(nil, z.sum)
	_, err := z.w.Write(binary.LittleEndian.AppendUint32(trailer, z.size))
	return err
}

var flateWriters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flateLevel)
	if err != nil {
		panic(err) // the level is one
	}
	return w
}}

// deflater compresses a stream (RFC 1951) in blocks that know nothing of each other, so that all processors can work
// on them. Each ends on a whole byte; put together they are one stream.
type deflater struct {
	w       io.Writer
	block   *deflating   // being filled
	pending []*deflating // in order
	spare   []*deflating
	most    int
	err     error
}

// deflateBlock is large against the 32 KiB that deflate looks back, which each block has to do without.
const deflateBlock = 1 << 20

// deflating is a block on its way.
type deflating struct {
	in   []byte
	out  bytes.Buffer
	err  error
	done chan struct{}
}

func newDeflater(w io.Writer) *deflater {
	return &deflater{w: w, most: min(runtime.GOMAXPROCS(0), 16) + 1}
}

func (d *deflater) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		if d.block == nil {
			d.block = d.take()
		}
		in := d.block.in
		room := min(len(p), cap(in)-len(in))
		d.block.in = append(in, p[:room]...)
		p = p[room:]
		if len(d.block.in) == cap(in) {
			d.submit()
		}
	}
	return n, d.err
}

// take returns an empty block.
func (d *deflater) take() *deflating {
	last := len(d.spare) - 1
	if last < 0 {
		return &deflating{in: make([]byte, 0, deflateBlock), done: make(chan struct{}, 1)}
	}
	block := d.spare[last]
	d.spare = d.spare[:last]
	block.in = block.in[:0]
	block.out.Reset()
	return block
}

// submit has the block compressed.
func (d *deflater) submit() {
	if len(d.pending) == d.most {
		d.collect()
	}
	d.pending = append(d.pending, d.block)
	go d.block.run()
	d.block = nil
}

func (j *deflating) run() {
	z := flateWriters.Get().(*flate.Writer)
	z.Reset(&j.out)
	_, j.err = z.Write(j.in)
	if j.err == nil {
		j.err = z.Flush()
	}
	flateWriters.Put(z)
	j.done <- struct{}{}
}

// collect writes the oldest block.
func (d *deflater) collect() {
	job := d.pending[0]
	d.pending = append(d.pending[:0], d.pending[1:]...)
	<-job.done
	if d.err == nil {
		d.err = job.err
	}
	if d.err == nil {
		_, d.err = d.w.Write(job.out.Bytes())
	}
	d.spare = append(d.spare, job)
}

// Close writes what is left, and the empty block that ends a stream.
func (d *deflater) Close() error {
	if d.block != nil {
		d.submit()
	}
	for len(d.pending) > 0 {
		d.collect()
	}
	if d.err == nil {
		_, d.err = d.w.Write([]byte{1, 0, 0, 0xff, 0xff}) // stored, of no bytes (RFC 1951 3.2.4)
	}
	return d.err
}
