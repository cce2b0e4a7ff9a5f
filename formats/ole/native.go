package ole

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"mailmill/formats/codepage"
)

// maxName bounds a path in a native stream; Windows has 260, or 32,767 with a prefix that nobody uses.
const maxName = 4096

var errNative = errors.New("no embedded file")

// native reads the header of a "\1Ole10Native" stream (MS-OLEDS 2.3.6): the size of what follows, then, where the
// object packager wrote it, a small structure with the names, then the file.
//
//	u16 2, label, file name, u16 0, u16 3, u32 size of path, path, u32 size of data, data,
//	three times: u32 characters, UTF-16: the path, the label and the file name
//
// What other programs write there is their own: a picture of Paint's is a bitmap as such.
func native(s *stream) (*Object, error) {
	r := &counter{r: bufio.NewReader(s.reader())}
	total, err := r.u32()
	if err != nil {
		return nil, err
	}
	if name, size, err := packager(r); err == nil && size <= s.size-r.n {
		if wide := wideName(s, r.n+size); wide != "" {
			name = wide
		}
		head := make([]byte, min(size, sniffLen))
		n, _ := io.ReadFull(r, head)
		ext, mediaType := sniff(head[:n])
		if i := strings.LastIndexByte(name, '.'); i > 0 && i < len(name)-1 {
			ext = name[i:]
		}
		return &Object{Name: name, Ext: ext, MediaType: mediaType, Size: size, open: s.open(r.n - int64(n))}, nil
	}
	size := min(int64(total), s.size-4)
	head := make([]byte, min(size, sniffLen))
	raw := s.reader()
	if _, err := io.CopyN(io.Discard, raw, 4); err != nil {
		return nil, err
	}
	n, _ := io.ReadFull(raw, head)
	ext, mediaType := sniff(head[:n])
	if ext == unknownExt {
		return nil, errNative
	}
	return &Object{Ext: ext, MediaType: mediaType, Size: size, open: s.open(4)}, nil
}

// packager reads the packager's structure up to the data.
func packager(r *counter) (name string, size int64, err error) {
	if kind, err := r.u16(); err != nil || kind != 2 {
		return "", 0, errNative
	}
	label, err := r.name()
	if err != nil {
		return "", 0, err
	}
	path, err := r.name()
	if err != nil {
		return "", 0, err
	}
	if _, err := r.u16(); err != nil {
		return "", 0, err
	}
	if kind, err := r.u16(); err != nil || kind != 3 {
		// 1 is a link to a file that is not here.
		return "", 0, errNative
	}
	n, err := r.u32()
	if err != nil || n > maxName {
		return "", 0, errNative
	}
	if _, err := io.CopyN(io.Discard, r, int64(n)); err != nil {
		return "", 0, err
	}
	data, err := r.u32()
	if err != nil {
		return "", 0, err
	}
	if name = base(label); name == "" {
		name = base(path)
	}
	return name, int64(data), nil
}

// wideName returns the label in the UTF-16 names that newer packagers write behind the data, or "".
func wideName(s *stream, offset int64) string {
	open := s.open(offset)
	src, err := open()
	if err != nil {
		return ""
	}
	r := &counter{r: bufio.NewReader(src)}
	name := ""
	for i := range 3 {
		n, err := r.u32()
		if err != nil || n > maxName {
			break
		}
		b := make([]byte, 2*n)
		if _, err := io.ReadFull(r, b); err != nil {
			break
		}
		if i > 0 && name == "" {
			name = base(strings.TrimRight(codepage.UTF16(b), "\x00"))
		}
	}
	return name
}

// counter reads little-endian fields and knows how far it came.
type counter struct {
	r *bufio.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *counter) u16() (uint16, error) {
	var b [2]byte
	_, err := io.ReadFull(c, b[:])
	return binary.LittleEndian.Uint16(b[:]), err
}

func (c *counter) u32() (uint32, error) {
	var b [4]byte
	_, err := io.ReadFull(c, b[:])
	return binary.LittleEndian.Uint32(b[:]), err
}

// name reads a string up to its NUL. Its encoding is that of the machine it was written on, which the object does not
// tell: UTF-8 where it is valid, else Windows-1252.
func (c *counter) name() (string, error) {
	var b []byte
	for {
		ch, err := c.r.ReadByte()
		if err != nil {
			return "", err
		}
		c.n++
		if ch == 0 {
			break
		}
		if b = append(b, ch); len(b) > maxName {
			return "", fmt.Errorf("%w: a name has more than %d bytes", errNative, maxName)
		}
	}
	if utf8.Valid(b) {
		return string(b), nil
	}
	s, _ := codepage.Decode(codepage.Default, b)
	return s, nil
}

const (
	// sniffLen is how much of a file is looked at: enough for the names of the first files in an Office package.
	sniffLen   = 16 << 10
	unknownExt = ".bin"
)

// signatures are what files begin with.
var signatures = []struct{ magic, ext, mediaType string }{
	{"%PDF-", ".pdf", "application/pdf"},
	{"\x89PNG\r\n\x1A\n", ".png", "image/png"},
	{"\xFF\xD8\xFF", ".jpg", "image/jpeg"},
	{"GIF8", ".gif", "image/gif"},
	{"BM", ".bmp", "image/bmp"},
	{"\xD7\xCD\xC6\x9A", ".wmf", "image/wmf"},
	{"{\\rtf", ".rtf", "application/rtf"},
	{"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", ".ole", "application/octet-stream"},
}

// packages are the Office packages (ISO/IEC 29500-2), by the name of their main folder.
var packages = []struct{ folder, ext, mediaType string }{
	{"word/", ".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
	{"xl/", ".xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
	{"ppt/", ".pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
}

// sniff tells a file's type from its first bytes.
func sniff(head []byte) (ext, mediaType string) {
	if bytes.HasPrefix(head, []byte("PK\x03\x04")) {
		for _, p := range packages {
			if bytes.Contains(head, []byte(p.folder)) {
				return p.ext, p.mediaType
			}
		}
		return ".zip", "application/zip"
	}
	for _, s := range signatures {
		if bytes.HasPrefix(head, []byte(s.magic)) {
			return s.ext, s.mediaType
		}
	}
	return unknownExt, "application/octet-stream"
}
