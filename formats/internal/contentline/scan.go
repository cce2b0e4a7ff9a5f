package contentline

import "unicode/utf8"

// special is what an octet may mean that is not written as it is.
type special uint8

const (
	plain special = iota
	control
	newline
	carriage
	high // beyond ASCII: looked at as a character
	backslash
	semicolon
	comma
	quotation
	caret
)

// specials has the meaning of each octet.
type specials [256]special

func makeSpecials(also map[byte]special) *specials {
	t := new(specials)
	for i := range t {
		switch {
		case i >= utf8.RuneSelf:
			t[i] = high
		case i < ' ' && i != '\t' || i == 0x7F:
			t[i] = control
		}
	}
	t['\r'], t['\n'] = carriage, newline
	// Programs write a line that does not end the paragraph as a vertical tab, and a page as a form feed.
	t['\v'], t['\f'] = newline, newline
	for b, s := range also {
		t[b] = s
	}
	return t
}

var (
	rawSpecials   = makeSpecials(nil)
	textSpecials  = makeSpecials(map[byte]special{'\\': backslash, ';': semicolon, ',': comma})
	paramSpecials = makeSpecials(map[byte]special{'"': quotation, '^': caret, '\t': plain})
)

// each writes s and calls write in place of each of its specials.
func (l *Writer) each(s string, write func(special), table *specials) {
	from := 0
	for i := 0; i < len(s); {
		start := i
		for i < len(s) && table[s[i]] == plain {
			i++
		}
		if i > start {
			l.cr = false
		}
		if i == len(s) {
			break
		}
		kind := table[s[i]]
		size, replacement := 1, ""
		if kind == high {
			r, n := utf8.DecodeRuneInString(s[i:])
			switch {
			case r == utf8.RuneError && n == 1:
				replacement = "\uFFFD"
			case r == 0x85 || r == 0x2028 || r == 0x2029:
				// QUIRK: some readers (Python's splitlines) take these for the end of a line.
				kind = newline
			case r < 0xA0:
				kind = control // C1
			default:
				l.cr = false
				i += n
				continue
			}
			size = n
		}
		l.utf8(s[from:i])
		afterCR := l.cr
		l.cr = kind == carriage
		switch {
		case replacement != "":
			l.unit(replacement)
		case kind == carriage:
			write(newline)
		case kind == newline:
			if !afterCR || s[i] != '\n' {
				write(newline)
			}
		case kind == control:
		default:
			write(kind)
		}
		i += size
		from = i
	}
	l.utf8(s[from:])
}
