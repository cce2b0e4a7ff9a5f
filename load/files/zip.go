package files

import (
	"archive/zip"
	"bufio"
	"hash/crc32"
	"io"
	"io/fs"
	"time"
	"unicode/utf8"

	"github.com/klauspost/compress/flate"
)

// zipPacker writes a zip. What is in memory is compressed by those who seal it, several at once; its sizes stand before
// it. What was spooled is compressed on its way, and its sizes come after it.
type zipPacker struct {
	zip *zip.Writer
	out *bufio.Writer
}

func newZipPacker(w io.Writer) *zipPacker {
	p := &zipPacker{out: bufio.NewWriterSize(w, blockSize)}
	p.zip = zip.NewWriter(p.out)
	p.zip.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return newDeflater(w), nil })
	return p
}

func (p *zipPacker) seal(b *blob) error {
	b.crc = 0
	packed := &buffer{limit: 2 * largestBuffered} // what cannot be compressed gets a little larger
	z := flateWriters.Get().(*flate.Writer)
	defer flateWriters.Put(z)
	z.Reset(packed)
	err := b.buffer.pieces(func(p []byte) error {
		b.crc = crc32.Update(b.crc, crc32.IEEETable, p)
		_, err := z.Write(p)
		return err
	})
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		packed.release()
		return err
	}
	b.buffer.release()
	b.buffer = packed
	return nil
}

func (p *zipPacker) folder(name string, modified time.Time) error {
	h := &zip.FileHeader{Name: name + "/", Modified: modified}
	h.SetMode(fs.ModeDir | 0o700)
	_, err := p.zip.CreateHeader(h)
	return err
}

func (p *zipPacker) file(name string, modified time.Time, content *blob) error {
	h := &zip.FileHeader{
		Name:               name,
		Method:             zip.Deflate,
		CRC32:              content.crc,
		CompressedSize64:   uint64(content.buffer.size),
		UncompressedSize64: uint64(content.size),
		Extra:              extendedTime(modified),
	}
	h.SetMode(0o600)
	h.CreatorVersion |= 20 // 2.0, the first with deflate (APPNOTE 4.4.2, 4.4.3)
	h.ReaderVersion = 20
	if !ascii(name) {
		h.Flags |= 0x800 // the name is UTF-8 (APPNOTE 4.4.4, bit 11)
	}
	h.ModifiedDate, h.ModifiedTime = dosTime(modified) //nolint:staticcheck // CreateRaw writes these, and not Modified
	w, err := p.zip.CreateRaw(h)
	if err != nil {
		return err
	}
	_, err = content.buffer.WriteTo(w)
	return err
}

func (p *zipPacker) stream(name string, modified time.Time, content *spool) error {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: modified}
	h.SetMode(0o600)
	w, err := p.zip.CreateHeader(h)
	if err != nil {
		return err
	}
	_, err = content.WriteTo(w)
	return err
}

func (p *zipPacker) close() error {
	if err := p.zip.Close(); err != nil {
		return err
	}
	return p.out.Flush()
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// extendedTime returns the extra field with a time in seconds since 1970 (0x5455, Info-ZIP's extra fields), as
// [zip.Writer.CreateHeader] writes it.
func extendedTime(t time.Time) []byte {
	s := uint32(t.Unix())
	return []byte{0x55, 0x54, 5, 0, 1, byte(s), byte(s >> 8), byte(s >> 16), byte(s >> 24)}
}

// dosTime returns a time as a zip has had it from the beginning: in two seconds, from 1980 on (APPNOTE 4.4.6).
func dosTime(t time.Time) (date, clock uint16) {
	t = t.UTC()
	if t.Year() < 1980 || t.Year() > 2107 {
		return 1<<5 | 1, 0
	}
	return uint16(t.Day() + int(t.Month())<<5 + (t.Year()-1980)<<9), uint16(t.Second()/2 + t.Minute()<<5 + t.Hour()<<11)
}
