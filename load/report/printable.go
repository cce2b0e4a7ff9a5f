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

// needsEscape reports whether JSON holds characters that the encoder leaves as they are and a terminal obeys.
func needsEscape(b []byte) bool {
	for i, c := range b {
		if c == 0x7F || c == 0xC2 && i+1 < len(b) && b[i+1] < 0xA0 || c == 0xD8 && i+1 < len(b) && b[i+1] == 0x9C ||
			c == 0xE2 && i+1 < len(b) && (b[i+1] == 0x80 || b[i+1] == 0x81) {
			return true
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
