package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable returns text from an archive as one harmless line: control characters become blanks where they only
// separate words and a visible mark elsewhere, and so do the characters that turn the direction of writing, with which
// a name could pose as another.
func Printable(s string) string {
	if !strings.ContainsFunc(s, unprintable) && utf8.ValidString(s) {
		return s
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return ' '
		case unprintable(r):
			return '\uFFFD'
		}
		return r
	}, s)
}

// unprintable tells the characters that do something to the place where they are shown: C0 and C1 controls (U+009B
// starts an escape sequence as ESC [ does), line and paragraph separators, and directional formatting.
func unprintable(r rune) bool {
	switch {
	case unicode.IsControl(r), r == '\u2028', r == '\u2029', r == '\uFEFF':
		return true
	case r == '\u061C', r == '\u200E', r == '\u200F', r >= '\u202A' && r <= '\u202E', r >= '\u2066' && r <= '\u2069':
		return true
	}
	return false
}

const hexDigits = "0123456789abcdef"

// needsEscape reports whether JSON may hold characters that the encoder leaves as they are and a terminal obeys.
func needsEscape(b []byte) bool {
	for i, c := range b {
		if c < 0x7F {
			continue
		}
		var next byte
		if i+1 < len(b) {
			next = b[i+1]
		}
		switch c {
		case 0x7F: // DEL
			return true
		case 0xC2: // U+0080 to U+009F
			if next < 0xA0 {
				return true
			}
		case 0xD8: // U+061C
			if next == 0x9C {
				return true
			}
		case 0xE2: // U+2000 to U+207F
			if next == 0x80 || next == 0x81 {
				return true
			}
		case 0xEF: // U+FEFF
			if next == 0xBB {
				return true
			}
		}
	}
	return false
}

// appendEscaped appends JSON with those characters escaped. They occur only inside strings, so it means the same.
func appendEscaped(dst, b []byte) []byte {
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r >= 0x7F && unprintable(r) {
			dst = append(dst, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
		} else {
			dst = append(dst, b[:size]...)
		}
		b = b[size:]
	}
	return dst
}
