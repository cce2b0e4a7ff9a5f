package compare

import (
	"bytes"
	"io"
	"unicode/utf8"

	"mailmill/formats/codepage"
)

// Text reads a file of text, such as a note, and returns its content: in UTF-8, with LF, without a line end at its end.
func Text(r io.Reader) (Facts, error) {
	d := newDigest()
	return content(r, newText(d, 0), d)
}

// File reads a file of any sort and returns its content as it is.
func File(r io.Reader) (Facts, error) {
	d := newDigest()
	return content(r, d, d)
}

func content(r io.Reader, to sink, d *digest) (Facts, error) {
	buf := make([]byte, readBuffer)
	for {
		n, err := r.Read(buf)
		to.write(buf[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	to.end()
	return Facts{{Field: "content", Value: d.value()}}, nil
}

// textSink makes UTF-8 of text, LF of every line end, and drops one at the end. From the first octets on that are no text in
// the code page it takes everything as it stands.
type textSink struct {
	out   sink
	cp    int    // 0: UTF-8 where it is that, else Windows-1252
	in    []byte // not decoded yet
	line  []byte
	cr    bool // the last octet was CR, of which LF was made
	ended bool // a line end waits for what follows
	raw   bool
}

func newText(out sink, cp int) *textSink { return &textSink{out: out, cp: cp} }

// A text is decoded in pieces that end with a line, if it has lines.
const (
	textChunk   = 32 << 10
	longestLine = 256 << 10
)

func (t *textSink) write(p []byte) {
	for len(p) > 0 {
		n := min(len(p), textChunk)
		t.in = append(t.in, p[:n]...)
		p = p[n:]
		if len(t.in) < textChunk {
			return
		}
		if cut := t.cut(); cut > 0 {
			t.decode(t.in[:cut])
			t.in = append(t.in[:0], t.in[cut:]...)
		}
	}
}

// cut returns how much of what there is can be decoded: up to where no character is torn apart.
func (t *textSink) cut() int {
	if t.cp == codepage.UTF16LE || t.cp == codepage.UTF16BE || t.cp == 12000 || t.cp == 12001 {
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
	return n - 1 // before the last character, which may not be whole
}

func (t *textSink) decode(b []byte) {
	if !t.raw {
		var s string
		var replaced int
		switch {
		case (t.cp == 0 || t.cp == codepage.UTF8) && utf8.Valid(b):
			t.lines(b)
			return
		case t.cp == 0:
			s, replaced = codepage.Decode(codepage.Default, b)
		default:
			s, replaced = codepage.Decode(t.cp, b)
		}
		if replaced == 0 {
			t.lines([]byte(s))
			return
		}
		t.raw = true
		t.out.write(broken)
	}
	t.lines(b)
}

// lines passes text on with LF for every line end.
func (t *textSink) lines(b []byte) {
	t.line = t.line[:0]
	for len(b) > 0 {
		if t.ended && !(t.cr && b[0] == '\n') {
			t.line = append(t.line, '\n')
			t.ended = false
		}
		if t.cr && b[0] == '\n' {
			t.cr = false
			b = b[1:]
			continue
		}
		t.cr = false
		i := bytes.IndexAny(b, "\r\n")
		if i < 0 {
			t.line = append(t.line, b...)
			break
		}
		t.line = append(t.line, b[:i]...)
		t.cr, t.ended = b[i] == '\r', true
		b = b[i+1:]
	}
	t.out.write(t.line)
}

func (t *textSink) end() {
	t.decode(t.in)
	t.in = nil
}
