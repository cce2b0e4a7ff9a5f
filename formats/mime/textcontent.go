package mime

import (
	"bytes"
	"io"
	"unicode/utf8"

	"mailmill/formats/codepage"
)

// longestLine is how far a text is read for a place where it can be cut.
const longestLine = 1 << 20

// textReader makes UTF-8 of a text.
type textReader struct {
	decoder
	r     io.Reader
	leaf  leaf
	in    []byte // not decoded yet
	begun bool
}

func newTextReader(r io.Reader, l leaf) io.Reader {
	t := &textReader{r: r, leaf: l}
	t.decode = t.chunk
	return t
}

// chunk reads, and decodes as many lines as there are.
func (t *textReader) chunk(dst []byte) ([]byte, error) {
	from := len(t.in)
	t.in = append(t.in, make([]byte, decodeChunk)...)
	n, err := readFull(t.r, t.in[from:])
	t.in = t.in[:from+n]
	if !t.begun {
		t.begun = true
		t.begin()
	}
	cut := len(t.in)
	if err == nil {
		if cut = t.cut(); cut == 0 {
			return dst, nil
		}
	}
	dst = t.text(dst, t.in[:cut])
	t.in = append(t.in[:0], t.in[cut:]...)
	return dst, err
}

// begin looks for the character set of a text whose header does not tell it.
//
// QUIRK: US-ASCII is what programs say that know no better.
func (t *textReader) begin() {
	l := &t.leaf
	if cp, _ := codepage.ByteOrderMark(t.in); cp != 0 && (l.cp == 0 || l.cp == codepage.ASCII) {
		l.cp = cp
		return
	}
	if l.html && l.cp == 0 {
		l.cp = metaCharset(t.in[:min(len(t.in), 2<<10)])
	}
}

// metaCharset returns the code page that the first bytes of an HTML text name; 0 where they do not.
func metaCharset(b []byte) int {
	lower := bytes.ToLower(b)
	for {
		i := bytes.Index(lower, []byte("<meta"))
		if i < 0 {
			return 0
		}
		lower = lower[i+len("<meta"):]
		tag, _, _ := bytes.Cut(lower, []byte(">"))
		_, value, ok := bytes.Cut(tag, []byte("charset="))
		if !ok {
			continue
		}
		value = bytes.TrimLeft(value, `"' `)
		if end := bytes.IndexAny(value, "\"' ;/>"); end >= 0 {
			value = value[:end]
		}
		cp, _ := codepage.ByLabel(string(value))
		return cp
	}
}

// cut returns how much of what has been read can be decoded: up to where no character is torn apart.
func (t *textReader) cut() int {
	switch t.leaf.cp {
	case codepage.UTF16LE, codepage.UTF16BE, 12000, 12001:
		if len(t.in) < longestLine {
			return 0
		}
		return len(t.in) &^ 3
	}
	if i := bytes.LastIndexByte(t.in, '\n'); i >= 0 {
		return i + 1
	}
	if len(t.in) < longestLine {
		return 0
	}
	n := len(t.in)
	for range utf8.UTFMax - 1 {
		if utf8.RuneStart(t.in[n-1]) {
			break
		}
		n--
	}
	return n - 1
}

func (t *textReader) text(dst, b []byte) []byte {
	cp := t.leaf.cp
	if cp == 0 || cp == codepage.ASCII {
		if cp = codepage.UTF8; !utf8.Valid(b) {
			cp = codepage.Default
			if t.leaf.guess != 0 {
				cp = t.leaf.guess
			}
		}
	}
	dst, _ = codepage.Append(dst, cp, b)
	return dst
}
