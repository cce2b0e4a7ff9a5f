// Package contentline reads and writes the lines that calendars and cards are made of (RFC 5545 3.1, RFC 6350 3.3): a
// name, parameters and a value, folded at 75 octets but never within a character.
//
// [Scan] finds the components of a file, a [Decoder] the lines of one, made right where they are not as they should be, and
// [Parse] takes a line apart. A [Writer] writes them:
//
//	var l contentline.Writer
//	l.Reset(w, contentline.ICalendar)
//	l.Name("ATTENDEE")
//	l.Param("CN", `Doe, "J"`)
//	l.URI("mailto:doe@example.org")
//	l.End()
//	err := l.Flush()
//
// Whatever text goes in, the lines stay lines: line ends of every sort become the format's escape for one, control
// characters are left out, and what is not UTF-8 becomes U+FFFD. Values stream, and memory is bounded by a buffer.
package contentline

import (
	"encoding/base64"
	"io"
	"strings"
	"unicode/utf8"
)

const (
	// lineLength is how many octets a line may have without its end.
	lineLength = 75
	flushAt    = 32 << 10
	// chunk is how much is read of content at a time, in whole groups of base64.
	chunk = 3 * 3 << 10
)

// Style is the format whose lines are written.
type Style uint8

// The formats.
const (
	// ICalendar is RFC 5545, with parameters encoded after RFC 6868.
	ICalendar Style = iota
	// VCard4 is RFC 6350, with parameters encoded after RFC 6868. A semicolon in a text that has no components stays as
	// it is: RFC 6350 3.4 leaves that open, and go-vcard does not undo the escape.
	VCard4
	// VCard3 is RFC 2426. Its parameters have no encoding: quotation marks become apostrophes and line ends blanks.
	VCard3
)

// Writer writes content lines. Its methods may be called in the order Name, Param …, one or more of the values, End.
type Writer struct {
	w      io.Writer
	err    error
	b      []byte
	column int // octets in the line so far
	style  Style
	// inValue is set from the colon to the end of the line.
	inValue bool
	// component is set in values whose semicolons separate.
	component bool
	cr        bool // the text before ended with a CR, whose LF may follow
	read      []byte
	coded     []byte
}

// Reset begins anew, with what is written going to w.
func (l *Writer) Reset(w io.Writer, style Style) {
	l.w, l.err, l.b = w, nil, l.b[:0]
	l.style, l.column, l.inValue, l.cr = style, 0, false, false
}

// Flush writes what is buffered, and returns the first error of the underlying writer.
func (l *Writer) Flush() error {
	if l.err == nil && len(l.b) > 0 {
		_, l.err = l.w.Write(l.b)
	}
	l.b = l.b[:0]
	return l.err
}

// Err returns the first error of the underlying writer.
func (l *Writer) Err() error { return l.err }

// Line writes a line of a name and a value that needs no escapes.
func (l *Writer) Line(name, value string) {
	l.Name(name)
	l.Raw(value)
	l.End()
}

// TextLine writes a line of a name and a text.
func (l *Writer) TextLine(name, value string) {
	l.Name(name)
	l.Text(value)
	l.End()
}

// Name begins a line. See [CleanName].
func (l *Writer) Name(name string) {
	l.cr = false
	l.utf8(CleanName(name))
}

// CleanName returns a name without the characters that a name cannot have, or X-UNNAMED where nothing is left.
func CleanName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r == '-' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' {
			return r
		}
		return -1
	}, name)
	if name == "" {
		return "X-UNNAMED"
	}
	return name
}

// ComponentName returns the name that the value of a BEGIN or END is, in capitals and without what no name has: it is
// written without that, and must not become another's by it.
func ComponentName(value string) string { return strings.ToUpper(CleanName(value)) }

// Param adds a parameter with one or more values.
func (l *Writer) Param(name string, values ...string) {
	l.unit(";")
	l.utf8(CleanName(name))
	for i, v := range values {
		if i == 0 {
			l.unit("=")
		} else {
			l.unit(",")
		}
		l.paramValue(v)
	}
}

// paramValue writes a value, in quotation marks where it has characters that end one.
func (l *Writer) paramValue(v string) {
	// QUIRK: vcard4 takes an equals sign for the end of the name.
	quote := strings.ContainsAny(v, ":;,") || l.style == VCard4 && strings.IndexByte(v, '=') >= 0
	v = l.plainSigns(v, quote)
	if quote {
		l.unit(`"`)
	}
	l.cr = false
	l.each(v, func(c special) {
		switch {
		case l.style != VCard3 && c == quotation:
			l.unit("^'")
		case l.style != VCard3 && c == caret:
			l.unit("^^")
		case l.style != VCard3 && c == newline:
			l.unit("^n")
		case c == quotation:
			l.unit("'")
		case c == caret:
			l.unit("^")
		case c == newline:
			l.unit(" ")
		}
	}, paramSpecials)
	if n := len(l.b); n > 0 && l.b[n-1] == '\\' {
		// QUIRK: golang-ical and others take a backslash here for an escape of what ends the value.
		l.unit(" ")
	}
	if quote {
		l.unit(`"`)
	}
	l.cr = false
}

// plainSigns replaces signs of a parameter's value by signs that look the same, where programs take them for what they
// are not. A backslash means itself there (RFC 5545 3.2, RFC 6350 3.3).
//
// QUIRK: ical.js and icalendar undo the escapes of texts. go-vcard undoes those of Go within quotation marks, and leaves
// out a line that has others. vcard4 fails where a comma and a semicolon stand within quotation marks.
func (l *Writer) plainSigns(v string, quoted bool) string {
	const backslash, semicolon = "\uFF3C", "\uFF1B"
	if l.style != ICalendar && quoted {
		v = strings.ReplaceAll(v, `\`, backslash)
	} else if strings.IndexByte(v, '\\') >= 0 {
		v = escapes.Replace(v)
	}
	if l.style == VCard4 && strings.IndexByte(v, ',') >= 0 {
		v = strings.ReplaceAll(v, ";", semicolon)
	}
	return v
}

// escapes puts a backslash that looks the same in place of those that begin an escape.
var escapes = strings.NewReplacer(`\\`, "\uFF3C\uFF3C", `\n`, "\uFF3Cn", `\N`, "\uFF3CN", `\,`, "\uFF3C,", `\;`, "\uFF3C;", `\:`, "\uFF3C:")

// Raw adds to the value what is already in its syntax. Line ends and control characters are left out.
func (l *Writer) Raw(s string) {
	l.begin()
	l.each(s, func(special) {}, rawSpecials)
}

// Text adds a text to the value, escaped (RFC 5545 3.3.11, RFC 6350 3.4).
func (l *Writer) Text(s string) {
	l.begin()
	l.each(s, l.escape, textSpecials)
}

func (l *Writer) escape(c special) {
	switch c {
	case backslash:
		l.unit(`\\`)
	case semicolon:
		if l.style == VCard4 && !l.component {
			l.unit(";")
		} else {
			l.unit(`\;`)
		}
	case comma:
		l.unit(`\,`)
	case newline:
		l.unit(`\n`)
	}
}

// Components adds the components of a structured value, separated by semicolons and escaped.
func (l *Writer) Components(list ...string) {
	l.component = true
	for i, s := range list {
		if i > 0 {
			l.Sep(";")
		}
		l.Text(s)
	}
	l.component = false
}

// Texts adds a list of texts to the value.
func (l *Writer) Texts(list []string) {
	for i, s := range list {
		if i > 0 {
			l.Sep(",")
		}
		l.Text(s)
	}
	l.begin()
}

// Sep adds an unescaped separator to the value.
func (l *Writer) Sep(s string) {
	l.begin()
	l.cr = false
	l.unit(s)
}

// URI adds a URI to the value. What a URI cannot have is percent-encoded (RFC 3986 2.1).
func (l *Writer) URI(s string) { l.percent(s, "") }

// percent adds s with everything percent-encoded that a URI cannot have, and what is in also.
func (l *Writer) percent(s, also string) {
	const hex = "0123456789ABCDEF"
	l.begin()
	for i := range len(s) {
		c := s[i]
		if c <= ' ' || c >= 0x7F || strings.IndexByte("\"<>\\^`{|}", c) >= 0 || strings.IndexByte(also, c) >= 0 {
			l.unit(string([]byte{'%', hex[c>>4], hex[c&15]}))
		} else {
			l.unit(s[i : i+1])
		}
	}
}

// Mailto adds the URI of a mail address to the value (RFC 6068 2). Of the characters that a URI may have those are
// encoded that would end the address; the others stay, as calendars compare addresses letter by letter.
func (l *Writer) Mailto(address string) {
	l.Raw("mailto:")
	l.percent(address, "%?#[]")
}

// TextFrom adds all that r has to the value as text. Its error is that of r: what was read before it is written.
func (l *Writer) TextFrom(r io.Reader) error {
	l.begin()
	buf, kept := l.buffer(), 0
	for idle := 0; ; {
		n, err := r.Read(buf[kept:])
		have := kept + n
		end := have
		if err == nil {
			end = wholeRunes(buf[:have])
		}
		l.each(string(buf[:end]), l.escape, textSpecials)
		kept = copy(buf, buf[end:have])
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case n > 0:
			idle = 0
		default:
			if idle++; idle == 100 {
				return io.ErrNoProgress
			}
		}
	}
}

// wholeRunes returns the length of b without the beginning of a character at its end.
func wholeRunes(b []byte) int {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if utf8.RuneStart(b[len(b)-i]) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return len(b) - i
			}
			break
		}
	}
	return len(b)
}

// Base64 adds all that r has to the value in base64. Its error is that of r: what was read before it is written.
func (l *Writer) Base64(r io.Reader) error {
	l.begin()
	buf := l.buffer()
	for {
		n, err := readFull(r, buf)
		l.base64(buf[:n])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Base64Writer adds what is written to it to the value in base64, once it is closed. It never fails: see Flush.
func (l *Writer) Base64Writer() io.WriteCloser {
	l.begin()
	return &base64Writer{l: l}
}

type base64Writer struct {
	l    *Writer
	rest []byte // less than a group
}

func (w *base64Writer) Write(p []byte) (int, error) {
	size := len(p)
	for len(p) > 0 {
		if len(w.rest) > 0 || len(p) < 3 {
			n := min(3-len(w.rest), len(p))
			w.rest = append(w.rest, p[:n]...)
			p = p[n:]
			if len(w.rest) == 3 {
				w.l.base64(w.rest)
				w.rest = w.rest[:0]
			}
			continue
		}
		n := min(len(p)/3*3, chunk)
		w.l.base64(p[:n])
		p = p[n:]
	}
	return size, w.l.err
}

func (w *base64Writer) Close() error {
	w.l.base64(w.rest)
	w.rest = nil
	return w.l.err
}

// base64 adds up to a chunk.
func (l *Writer) base64(b []byte) {
	size := base64.StdEncoding.EncodedLen(len(b))
	if cap(l.coded) < size {
		l.coded = make([]byte, base64.StdEncoding.EncodedLen(chunk))
	}
	base64.StdEncoding.Encode(l.coded[:size], b)
	l.ascii(l.coded[:size])
}

// readFull fills buf. Its error is that of r, so that an io.ErrUnexpectedEOF of r is told from the end.
func readFull(r io.Reader, buf []byte) (n int, err error) {
	for idle := 0; n < len(buf) && err == nil; {
		var k int
		k, err = r.Read(buf[n:])
		n += k
		if idle++; k > 0 {
			idle = 0
		} else if idle == 100 && err == nil {
			err = io.ErrNoProgress
		}
	}
	if n == len(buf) {
		err = nil
	}
	return n, err
}

func (l *Writer) buffer() []byte {
	if l.read == nil {
		l.read = make([]byte, chunk)
	}
	return l.read
}

// begin writes the colon before the first piece of the value.
func (l *Writer) begin() {
	if !l.inValue {
		l.inValue = true
		l.unit(":")
	}
}

// End ends the line.
func (l *Writer) End() {
	l.begin()
	l.inValue, l.cr = false, false
	l.b = append(l.b, '\r', '\n')
	l.column = 0
	if len(l.b) >= flushAt {
		_ = l.Flush() // kept in l.err
	}
}

// unit writes a few octets that are not to be torn apart.
func (l *Writer) unit(s string) {
	if l.column+len(s) > lineLength {
		l.fold()
	}
	l.b = append(l.b, s...)
	l.column += len(s)
}

func (l *Writer) fold() {
	l.b = append(l.b, '\r', '\n', ' ')
	l.column = 1
	if len(l.b) >= flushAt {
		_ = l.Flush() // kept in l.err
	}
}

// ascii writes octets that may be torn apart anywhere.
func (l *Writer) ascii(b []byte) {
	for len(b) > 0 {
		room := lineLength - l.column
		if room <= 0 {
			l.fold()
			continue
		}
		n := min(room, len(b))
		l.b = append(l.b, b[:n]...)
		l.column += n
		b = b[n:]
	}
}

// utf8 writes whole characters, and folds between them.
func (l *Writer) utf8(s string) {
	for len(s) > 0 {
		room := lineLength - l.column
		if len(s) <= room {
			l.b = append(l.b, s...)
			l.column += len(s)
			return
		}
		n := max(room, 0)
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		l.b = append(l.b, s[:n]...)
		l.fold()
		s = s[n:]
	}
}
