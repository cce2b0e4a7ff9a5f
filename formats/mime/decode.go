package mime

import (
	"bufio"
	"bytes"
	"io"
	"strings"
)

// transfer is how content came encoded for transport.
type transfer uint8

const (
	asIs transfer = iota
	quotedPrintable
	inBase64
	uuencoded
)

// transferOf reads the value of a Content-Transfer-Encoding field. What it names may be unknown: such content is passed on
// as it is. binary says that it is none of lines.
func transferOf(value string) (t transfer, binary bool) {
	value, _, _ = strings.Cut(value, ";")
	switch strings.ToLower(strings.Trim(value, " \t\"'.,")) {
	case "base64":
		return inBase64, true
	case "quoted-printable":
		return quotedPrintable, false
	case "x-uuencode", "uuencode", "x-uue", "uue", "x-uu":
		return uuencoded, true
	case "binary":
		return asIs, true
	}
	return asIs, false
}

const decodeChunk = 32 << 10

// decoder turns what it reads into what decode appends. It is the part of a reader that all encodings share.
type decoder struct {
	decode func(dst []byte) ([]byte, error)
	out    []byte
	next   int
	err    error
}

func (d *decoder) Read(p []byte) (int, error) {
	for d.next == len(d.out) {
		if d.err != nil {
			return 0, d.err
		}
		d.out, d.err = d.decode(d.out[:0])
		d.next = 0
	}
	n := copy(p, d.out[d.next:])
	d.next += n
	return n, nil
}

// base64Reader decodes base64 (RFC 2045 6.8) as it occurs: with foreign characters, which mean nothing, without its padding,
// and in several pieces, each padded.
//
// QUIRK: mailing lists add a text to what is encoded. After padding a line that is not base64 throughout ends the content.
type base64Reader struct {
	decoder
	r      *bufio.Reader
	digits uint32
	n      int  // of digits
	padded bool // a piece has ended
}

func newBase64Reader(r io.Reader) io.Reader {
	b := &base64Reader{r: bufio.NewReaderSize(r, decodeChunk)}
	b.decode = b.line
	return b
}

// line decodes a line, or as much as is there of a long one.
func (b *base64Reader) line(dst []byte) ([]byte, error) {
	for len(dst) < decodeChunk/2 {
		line, err := b.r.ReadSlice('\n')
		if b.padded && !isBase64(line) {
			return dst, io.EOF
		}
		dst = b.add(dst, line)
		if err != nil && err != bufio.ErrBufferFull {
			return b.flush(dst), err
		}
	}
	return dst, nil
}

func (b *base64Reader) add(dst, line []byte) []byte {
	digits, n := b.digits, b.n
	for _, c := range line {
		v := base64Values[c]
		if v < 64 {
			digits = digits<<6 | uint32(v)
			if n++; n == 4 {
				dst = append(dst, byte(digits>>16), byte(digits>>8), byte(digits))
				digits, n = 0, 0
			}
			continue
		}
		if c == '=' {
			b.digits, b.n = digits, n
			if n > 1 {
				dst = b.flush(dst)
				b.padded = true
			}
			digits, n = 0, 0
		}
	}
	b.digits, b.n = digits, n
	return dst
}

// flush decodes the digits at the end: less than two are less than a byte.
func (b *base64Reader) flush(dst []byte) []byte {
	switch b.n {
	case 2:
		dst = append(dst, byte(b.digits>>4))
	case 3:
		dst = append(dst, byte(b.digits>>10), byte(b.digits>>2))
	}
	b.digits, b.n = 0, 0
	return dst
}

func isBase64(line []byte) bool {
	for _, c := range line {
		if base64Values[c] >= 64 && c != '=' && c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

var base64Values = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	for i := range len(base64Alphabet) {
		t[base64Alphabet[i]] = byte(i)
	}
	return t
}()

// quotedReader decodes quoted-printable (RFC 2045 6.7): line ends are CRLF, blanks before them mean nothing, and an equals
// sign that encodes nothing stands for itself.
type quotedReader struct {
	decoder
	r     *bufio.Reader
	carry []byte // the end of a piece of a long line, which may be half of something
}

func newQuotedReader(r io.Reader) io.Reader {
	q := &quotedReader{r: bufio.NewReaderSize(r, decodeChunk)}
	q.decode = q.line
	return q
}

func (q *quotedReader) line(dst []byte) ([]byte, error) {
	for len(dst) < decodeChunk/2 {
		line, err := q.r.ReadSlice('\n')
		if len(q.carry) > 0 {
			line = append(q.carry, line...)
			q.carry = nil
		}
		if err == bufio.ErrBufferFull {
			cut := len(bytes.TrimRight(line, " \t\r"))
			if i := bytes.LastIndexByte(line[:cut], '='); i >= 0 && i >= cut-2 {
				cut = i
			}
			if len(line)-cut < decodeChunk/2 {
				q.carry = bytes.Clone(line[cut:])
				line = line[:cut]
			}
			dst = decodeQuoted(dst, line)
			continue
		}
		ended := err == nil
		line = bytes.TrimRight(line, " \t\r\n")
		if n := len(line); n > 0 && line[n-1] == '=' {
			line, ended = line[:n-1], false
		}
		dst = decodeQuoted(dst, line)
		if ended {
			dst = append(dst, '\r', '\n')
		}
		if err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func decodeQuoted(dst, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, '=')
		if i < 0 {
			return append(dst, b...)
		}
		dst = append(dst, b[:i]...)
		b = b[i:]
		if len(b) > 2 {
			if hi, lo := unhex(b[1]), unhex(b[2]); hi < 16 && lo < 16 {
				dst = append(dst, hi<<4|lo)
				b = b[3:]
				continue
			}
		}
		dst = append(dst, '=')
		b = b[1:]
	}
}

// uuReader decodes what Unix's uuencode makes, which is not MIME's but occurs: what stands before "begin" and after "end" is
// no part of it.
type uuReader struct {
	decoder
	r     *bufio.Reader
	begun bool
}

func newUUReader(r io.Reader) io.Reader {
	u := &uuReader{r: bufio.NewReaderSize(r, decodeChunk)}
	u.decode = u.line
	return u
}

func (u *uuReader) line(dst []byte) ([]byte, error) {
	for len(dst) < decodeChunk/2 {
		line, err := u.r.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			continue
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case !u.begun:
			u.begun = bytes.HasPrefix(line, []byte("begin "))
		case string(line) == "end":
			return dst, io.EOF
		case len(line) > 0:
			dst = decodeUU(dst, line)
		}
		if err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// decodeUU decodes a line: the first character is the number of bytes, each of the others has six bits. Blanks at its end may
// have been lost.
func decodeUU(dst, line []byte) []byte {
	n := int(line[0]-' ') & 63
	line = line[1:]
	var digits uint32
	for i := 0; n > 0 && i < (n+2)/3*4; i++ {
		c := byte(' ')
		if i < len(line) {
			c = line[i]
		}
		digits = digits<<6 | uint32(c-' ')&63
		if i%4 == 3 {
			group := [3]byte{byte(digits >> 16), byte(digits >> 8), byte(digits)}
			done := i / 4 * 3
			dst = append(dst, group[:min(3, n-done)]...)
			digits = 0
		}
	}
	return dst
}

// lineReader makes CRLF of every line end that is LF.
type lineReader struct {
	r    io.Reader
	in   []byte
	out  []byte
	next int
	cr   bool
	err  error
}

func (l *lineReader) Read(p []byte) (int, error) {
	for l.next == len(l.out) {
		if l.err != nil {
			return 0, l.err
		}
		l.in = grown(l.in, decodeChunk)
		var n int
		n, l.err = l.r.Read(l.in)
		l.out, l.next = appendCRLF(l.out[:0], l.in[:n], l.cr), 0
		if n > 0 {
			l.cr = l.in[n-1] == '\r'
		}
	}
	n := copy(p, l.out[l.next:])
	l.next += n
	return n, nil
}

// appendCRLF appends b with CRLF for each LF alone. cr says that a CR was before it.
func appendCRLF(dst, b []byte, cr bool) []byte {
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			return append(dst, b...)
		}
		if i > 0 {
			cr = b[i-1] == '\r'
		}
		dst = append(dst, b[:i]...)
		if !cr {
			dst = append(dst, '\r')
		}
		dst = append(dst, '\n')
		b, cr = b[i+1:], false
	}
}
