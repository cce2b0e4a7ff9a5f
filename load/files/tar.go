package files

import (
	"archive/tar"
	"bufio"
	"errors"
	"io"
	"time"
)

// tarPacker writes a tar, compressed or not: in the format of POSIX.1-1988 where an entry fits in there, else with
// extended headers (POSIX.1-2001, "pax"). Nothing in it tells who wrote it, or when.
type tarPacker struct {
	tar        *tar.Writer
	compressor io.WriteCloser
	out        *bufio.Writer
}

func newTarPacker(w io.Writer, c compression) (*tarPacker, error) {
	p := &tarPacker{out: bufio.NewWriterSize(w, blockSize)}
	var err error
	if p.compressor, err = c.writer(p.out); err != nil {
		return nil, err
	}
	p.tar = tar.NewWriter(p.compressor)
	return p, nil
}

func (p *tarPacker) seal(*blob) error { return nil }

func (p *tarPacker) folder(name string, modified time.Time) error {
	return p.tar.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o700, ModTime: modified})
}

func (p *tarPacker) file(name string, modified time.Time, content *blob) error {
	return p.entry(name, modified, content.size, content.buffer)
}

func (p *tarPacker) stream(name string, modified time.Time, content *spool) error {
	return p.entry(name, modified, content.size, content)
}

func (p *tarPacker) entry(name string, modified time.Time, size int64, content io.WriterTo) error {
	header := tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o600, Size: size, ModTime: modified}
	if err := p.tar.WriteHeader(&header); err != nil {
		return err
	}
	_, err := content.WriteTo(p.tar)
	return err
}

func (p *tarPacker) close() error {
	err := p.tar.Close()
	return errors.Join(err, p.compressor.Close(), p.out.Flush())
}
