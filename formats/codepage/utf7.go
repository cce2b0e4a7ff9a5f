package codepage

import (
	"unicode/utf16"
	"unicode/utf8"
)

// decodeUTF7 decodes UTF-7 (RFC 2152). It is lenient where the meaning is plain: a shifted sequence may lack its
// padding bits, end without "-" at any character outside the alphabet, and characters that RFC 2152 3 wants shifted
// may stand for themselves. Bytes that are not ASCII, and surrogates without their other half, are replaced.
func decodeUTF7(b []byte) (string, int) {
	out := make([]byte, 0, len(b))
	replaced := 0
	replace := func() {
		out = utf8.AppendRune(out, utf8.RuneError)
		replaced++
	}
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c >= utf8.RuneSelf:
			replace()
			i++
			continue
		case c != '+':
			out = append(out, c)
			i++
			continue
		}
		i++
		if i < len(b) && b[i] == '-' {
			out = append(out, '+')
			i++
			continue
		}
		var (
			bits uint32
			n    int
			high rune // the first half of a pair, waiting for its second
		)
		start := i
		for i < len(b) {
			v := base64Value(b[i])
			if v < 0 {
				break
			}
			i++
			bits = bits<<6 | uint32(v)
			if n += 6; n < 16 {
				continue
			}
			n -= 16
			u := rune(bits >> n & 0xFFFF)
			if high != 0 {
				if r := utf16.DecodeRune(high, u); r != utf8.RuneError {
					out = utf8.AppendRune(out, r)
					high = 0
					continue
				}
				replace()
				high = 0
			}
			switch {
			case u >= 0xD800 && u < 0xDC00:
				high = u
			case u >= 0xDC00 && u < 0xE000:
				replace()
			default:
				out = utf8.AppendRune(out, u)
			}
		}
		if high != 0 {
			replace()
		}
		switch {
		case i == start:
			// A plus sign that starts nothing is one that the writer did not escape.
			out = append(out, '+')
		case i < len(b) && b[i] == '-':
			i++
		}
	}
	return string(out), replaced
}

func base64Value(c byte) int {
	switch {
	case c >= 'A' && c <= 'Z':
		return int(c - 'A')
	case c >= 'a' && c <= 'z':
		return int(c-'a') + 26
	case c >= '0' && c <= '9':
		return int(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return -1
}
