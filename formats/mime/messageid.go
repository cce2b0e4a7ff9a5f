package mime

import (
	"strings"
	"unicode/utf8"
)

// MessageID returns the first message identifier in a value (RFC 5322 3.6.4), with angle brackets and as it can be
// written; it gives one without brackets those. One that is longer than a line is none.
func MessageID(s string) string {
	const longest = 900
	if i := strings.IndexByte(s, '<'); i >= 0 {
		if j := strings.IndexByte(s[i:], '>'); j > 1 {
			if isPlainID(s[i+1:i+j]) && j <= longest {
				return s[i : i+j+1]
			}
			s = s[i+1 : i+j]
		}
	}
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7F {
			return -1
		}
		return r
	}, strings.Trim(s, "<> \t"))
	s = percentEncoded(s)
	if s == "" || len(s) > longest {
		return ""
	}
	return "<" + s + ">"
}

// isPlainID reports whether an identifier can be written as it is.
func isPlainID(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= utf8.RuneSelf || c == 0x7F || c == '<' || c == '>' {
			return false
		}
	}
	return true
}

// MadeID returns the message identifier of a mail that has none: of 32 hex digits that are the same for every copy of it.
func MadeID(digits string) string { return "<pst." + digits + "@pst.invalid>" }
