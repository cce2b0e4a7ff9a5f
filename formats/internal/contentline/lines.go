package contentline

import (
	"bytes"
	"iter"
	"strings"
	"unicode/utf8"
)

// Lines yields the content lines of a text as they came, each with its folds and without its last line end. What
// continues a line is what begins with a blank (RFC 5545 3.1) and, where a line is quoted-printable as vCard 2.1 and
// vCalendar 1.0 have it, what follows a soft line break. Empty lines are left out. Line ends are CRLF, LF or CR.
func Lines(text []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		start, end := 0, 0 // of the line so far
		soft, open := false, false
		for at := 0; at < len(text); {
			physical, next := cutLine(text, at)
			b := text[at:physical]
			switch {
			case open && len(b) > 0 && (b[0] == ' ' || b[0] == '\t'), open && soft && !isBoundary(b):
				end = physical
				soft = soft && endsSoft(b)
			case len(bytes.TrimSpace(b)) == 0:
				// Of base64 in vCard 2.1 it is the end.
				soft = false
			default:
				if open && !yield(text[start:end]) {
					return
				}
				start, end, open = at, physical, true
				soft = isQuotedPrintable(b) && endsSoft(b)
			}
			at = next
		}
		if open {
			yield(text[start:end])
		}
	}
}

// cutLine returns where the physical line at a place ends, and where the next begins.
func cutLine(text []byte, at int) (end, next int) {
	i := bytes.IndexAny(text[at:], "\r\n")
	if i < 0 {
		return len(text), len(text)
	}
	end = at + i
	next = end + 1
	if text[end] == '\r' && next < len(text) && text[next] == '\n' {
		next++
	}
	return end, next
}

func endsSoft(b []byte) bool {
	const most = 64 // blanks behind it
	b = bytes.TrimRight(b[max(0, len(b)-most):], " \t\r\n")
	return len(b) > 0 && b[len(b)-1] == '='
}

// isBoundary reports whether a line begins or ends a component, whatever is said of the line before.
func isBoundary(b []byte) bool {
	name, _, ok := bytes.Cut(b, []byte(":"))
	name = bytes.TrimSpace(name)
	return ok && (bytes.EqualFold(name, []byte("BEGIN")) || bytes.EqualFold(name, []byte("END")))
}

// isQuotedPrintable reports whether the parameters of a line say that its value is.
func isQuotedPrintable(b []byte) bool {
	head := b[:min(len(b), 512)]
	if i := bytes.IndexByte(head, ':'); i >= 0 {
		head = head[:i]
	}
	for i := bytes.IndexByte(head, ';'); i >= 0; {
		head = head[i+1:]
		param := head
		if i = bytes.IndexByte(head, ';'); i >= 0 {
			param = head[:i]
		}
		if isQuotedPrintableParam(string(param)) {
			return true
		}
	}
	return false
}

func isQuotedPrintableParam(s string) bool {
	const name, word = "ENCODING=", "QUOTED-PRINTABLE"
	if len(s) == len(name)+len(word) && strings.EqualFold(s[:len(name)], name) {
		s = s[len(name):]
	}
	return strings.EqualFold(s, word)
}

// Unfold returns a line without its folds, and without control characters: as they are not written, they must not keep
// a name from being what it is read as the next time. The soft line breaks of quoted-printable stay, as line feeds.
func Unfold(line []byte) []byte {
	if bytes.IndexFunc(line, isControl) < 0 {
		return line
	}
	out := make([]byte, 0, len(line))
	encoded := isQuotedPrintable(line)
	for at := 0; at < len(line); {
		end, next := cutLine(line, at)
		b := line[at:end]
		switch {
		case at == 0:
		case encoded && endsSoft(out):
			out = append(out, '\n')
		case len(b) > 0 && (b[0] == ' ' || b[0] == '\t'):
			b = b[1:]
		}
		for _, c := range b {
			if !isControl(rune(c)) {
				out = append(out, c)
			}
		}
		at = next
	}
	return out
}

func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F }

// IsCanonical reports whether a line can be written as it is, but for its line ends: no physical line of it has more
// than 75 octets, each is UTF-8 by itself, and none has a control character.
func IsCanonical(line []byte) bool {
	for at := 0; at < len(line); {
		end, next := cutLine(line, at)
		b := line[at:end]
		if end-at > lineLength || !utf8.Valid(b) || at > 0 && (len(b) < 2 || b[0] != ' ' && b[0] != '\t') {
			return false
		}
		for i, c := range b {
			if c < ' ' && (c != '\t') || c == 0x7F || c == 0xC2 && i+1 < len(b) && b[i+1] < 0xA0 {
				return false
			}
		}
		at = next
	}
	return len(line) > 0
}

// Folded writes a line as it came, with its folds. It has to be canonical: see [IsCanonical].
func (l *Writer) Folded(line []byte) {
	for at := 0; at < len(line); {
		end, next := cutLine(line, at)
		l.b = append(append(l.b, line[at:end]...), '\r', '\n')
		at = next
	}
	l.column, l.inValue, l.cr = 0, false, false
	if len(l.b) >= flushAt {
		_ = l.Flush() // kept in l.err
	}
}

// Unfolded writes a whole line that has no folds, and folds it. Control characters are left out.
func (l *Writer) Unfolded(line string) {
	l.cr = false
	l.each(line, func(special) {}, rawSpecials)
	l.inValue = true
	l.End()
}
