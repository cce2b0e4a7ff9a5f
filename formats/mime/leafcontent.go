package mime

import (
	"bytes"
	"io"

	"mailmill/formats"
)

// span returns the bytes of content from start to end.
func span(content formats.Content, start, end int64) formats.Content {
	end = max(start, end)
	switch c := content.(type) {
	case formats.Bytes:
		return c[min(start, int64(len(c))):min(end, int64(len(c)))]
	case formats.Section:
		return formats.Section{R: c.R, Offset: c.Offset + start, Size: end - start}
	}
	return stretch{content, start, end - start}
}

// stretch is a part of content that has to be read up to there.
type stretch struct {
	content      formats.Content
	offset, size int64
}

func (s stretch) Open() (io.ReadCloser, error) {
	r, err := openAt(s.content, s.offset)
	if err != nil {
		return nil, err
	}
	return &limited{io.LimitReader(r, s.size), r}, nil
}

// limited reads from one, and closes the other.
type limited struct {
	io.Reader
	io.Closer
}

// leaf is the content of a part as it is meant: decoded, and text to be read in UTF-8.
type leaf struct {
	raw      formats.Content
	transfer transfer
	binary   bool
	text     bool
	html     bool
	cp       int // of a text; 0 where it does not say
	guess    int // of such a text where it is no UTF-8
}

func (l leaf) Open() (io.ReadCloser, error) {
	raw, err := l.raw.Open()
	if err != nil {
		return nil, err
	}
	var r io.Reader = raw
	switch l.transfer {
	case inBase64:
		r = newBase64Reader(r)
	case quotedPrintable:
		r = newQuotedReader(r)
	case uuencoded:
		r = newUUReader(r)
	default:
		if !l.binary {
			r = &lineReader{r: r}
		}
	}
	if l.text {
		r = newTextReader(r, l)
	}
	return &limited{r, raw}, nil
}

// length counts the bytes of the content, without those that a character set makes of them.
func (l leaf) length() int64 {
	l.text = false
	r, err := l.Open()
	if err != nil {
		return 0
	}
	defer r.Close()
	n, err := io.Copy(io.Discard, r)
	if err != nil {
		return 0
	}
	return n
}

// measure counts what tells how long content is when it is decoded, as it is passed over.
type measure struct {
	of     transfer
	total  int64
	digits int64 // of base64
	padded bool
	pieces bool  // there are digits after padding
	bare   int64 // line ends that are LF alone
	last   byte
	// lastBare says that what was passed over ends with such a line end.
	lastBare bool
}

func (m *measure) add(b []byte) {
	if len(b) == 0 {
		return
	}
	m.total += int64(len(b))
	switch m.of {
	case inBase64:
		before := m.digits
		for _, c := range b {
			m.digits += int64(isDigit[c])
		}
		m.pieces = m.pieces || m.padded && m.digits > before
		if i := bytes.IndexByte(b, '='); i >= 0 {
			m.padded = true
			for _, c := range b[i:] {
				m.pieces = m.pieces || isDigit[c] != 0
			}
		}
	case asIs:
		m.bare += int64(bytes.Count(b, newline) - bytes.Count(b, crlf))
		if b[0] == '\n' && m.last == '\r' {
			m.bare--
		}
		n := len(b)
		m.lastBare = b[n-1] == '\n' && !(n > 1 && b[n-2] == '\r' || n == 1 && m.last == '\r')
	}
	m.last = b[len(b)-1]
}

var newline, crlf = []byte("\n"), []byte("\r\n")

// isDigit is 1 for the characters of base64.
var isDigit = func() (t [256]byte) {
	for i := range len(base64Alphabet) {
		t[base64Alphabet[i]] = 1
	}
	return t
}()

// size returns the length of content that takes n bytes encoded; -1 where only decoding tells.
func (m *measure) size(n int64) int64 {
	switch {
	case m.of == inBase64 && !m.pieces:
		return m.digits/4*3 + max(m.digits%4-1, 0)
	case m.of == asIs && m.total > n && m.lastBare:
		return n + m.bare - 1 // the last belongs to the boundary
	case m.of == asIs:
		return n + m.bare
	}
	return -1
}
