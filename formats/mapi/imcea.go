package mapi

import (
	"mime"
	"strings"
	"unicode/utf8"

	"mailmill/formats/codepage"
)

// maxIMCEAType is the longest address type that an encapsulated address names (MS-OXCMAIL 2.1.3.1.8).
const maxIMCEAType = 8

// IsIMCEA reports whether an address has the form of an address of another type encapsulated for SMTP,
// "IMCEAEX-_o=Org…@example.com". Letter case does not matter: some relays fold it.
func IsIMCEA(addr string) bool {
	_, _, ok := splitIMCEA(addr)
	return ok
}

// DecodeIMCEA returns the address inside an encapsulated one, with its type in upper case and the domain that follows
// it (MS-OXCMAIL 2.2.3.1). It is false for addresses that are not encapsulated.
//
// The encoding is undone in one scan from left to right, as "+5F" is an underscore while "_" is a slash. Octets that
// are no UTF-8 are read as Windows-1252.
//
// QUIRK: gateways write "=" as "%3D" or "=3D", put the local part in quotes, or make encoded words of it (RFC 2047), which
// no address may have; one writer escapes the "-" after the type as well.
func DecodeIMCEA(addr string) (typ, inner, domain string, ok bool) {
	typ, rest, ok := splitIMCEA(addr)
	if !ok {
		return "", "", "", false
	}
	local := rest
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		local, domain = rest[:i], strings.TrimRight(rest[i+1:], ">\" ")
	}
	b := make([]byte, 0, len(local))
	for i := 0; i < len(local); i++ {
		switch c := local[i]; c {
		case '_':
			b = append(b, '/')
		case '"', '\r', '\n':
		case '+', '%', '=':
			// "=" stands for itself unless it is a quoted-printable "=3D".
			if v, hex := hexByte(local, i+1); hex && (c != '=' || v == '=') {
				b = append(b, v)
				i += 2
				continue
			}
			b = append(b, c)
		default:
			b = append(b, c)
		}
	}
	if utf8.Valid(b) {
		return strings.ToUpper(typ), string(b), domain, true
	}
	inner, _ = codepage.Decode(codepage.Default, b)
	return strings.ToUpper(typ), inner, domain, true
}

// EncodeIMCEA encapsulates an address of the given type for SMTP (MS-OXCMAIL 2.1.3.1.8). It is the inverse of
// [DecodeIMCEA] for types of letters and digits, at most eight.
func EncodeIMCEA(typ, inner, domain string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(len("IMCEA-@") + len(typ) + len(inner) + len(inner)/4 + len(domain))
	b.WriteString("IMCEA")
	b.WriteString(typ)
	b.WriteByte('-')
	for i := 0; i < len(inner); i++ {
		switch c := inner[i]; {
		case c == '/':
			b.WriteByte('_')
		case c == '-', c == '=' && !quotedEquals(inner, i), isAlphanumeric(c):
			b.WriteByte(c)
		default:
			b.WriteByte('+')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
	b.WriteByte('@')
	b.WriteString(domain)
	return b.String()
}

// quotedEquals reports whether the "=" at i would be read as a quoted-printable one.
func quotedEquals(s string, i int) bool {
	v, ok := hexByte(s, i+1)
	return ok && v == '='
}

// splitIMCEA returns the type and what follows the "-" after it.
func splitIMCEA(s string) (typ, rest string, ok bool) {
	s = strings.TrimLeft(s, "\"< ")
	if strings.HasPrefix(s, "=?") {
		// Words side by side are decoded as one only with a blank between them.
		decoded, err := new(mime.WordDecoder).DecodeHeader(strings.ReplaceAll(s, "?==?", "?= =?"))
		if err != nil {
			return "", "", false
		}
		s = decoded
	}
	if len(s) < len("IMCEAX-") || !strings.EqualFold(s[:5], "IMCEA") {
		return "", "", false
	}
	s = s[5:]
	i := 0
	for i < len(s) && i <= maxIMCEAType && isAlphanumeric(s[i]) {
		i++
	}
	switch {
	case i == 0 || i > maxIMCEAType || i == len(s):
		return "", "", false
	case s[i] == '-':
		return s[:i], s[i+1:], true
	case strings.HasPrefix(s[i:], "+2D"):
		return s[:i], s[i+3:], true
	}
	return "", "", false
}

func isAlphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// hexByte reads two hexadecimal digits at i.
func hexByte(s string, i int) (byte, bool) {
	if i+2 > len(s) {
		return 0, false
	}
	hi, ok1 := hexDigit(s[i])
	lo, ok2 := hexDigit(s[i+1])
	return hi<<4 | lo, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
