package mime

import (
	"encoding/base64"
	"strings"

	"mailmill/formats/codepage"
)

// maxWord bounds the search for an encoded word's end. RFC 2047 2 allows 75 octets; some programs know no limit.
const maxWord = 8 << 10

// DecodeWords decodes the encoded words in s (RFC 2047), wherever they stand, in every character set that package
// codepage knows. Words that follow each other in one character set are put together before they are decoded, as
// many programs split within a character. What is broken, or in a set that is not known, stays as it is.
func DecodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return s
	}
	var out strings.Builder
	var raw []byte // decoded and not yet in UTF-8
	cp := 0
	after := false // the last thing was an encoded word
	flush := func() {
		if len(raw) > 0 {
			text, _ := codepage.Decode(cp, raw)
			out.WriteString(text)
			raw = raw[:0]
		}
	}
	for s != "" {
		i := strings.Index(s, "=?")
		if i < 0 {
			break
		}
		w, size, ok := cutWord(s[i:])
		if !ok {
			flush()
			out.WriteString(s[:i+2])
			s, after = s[i+2:], false
			continue
		}
		// RFC 2047 6.2: white space between two encoded words is not shown.
		if gap := s[:i]; !after || strings.Trim(gap, " \t\r\n") != "" {
			flush()
			out.WriteString(gap)
		}
		if w.cp != cp {
			flush()
			cp = w.cp
		}
		raw = append(raw, w.raw...)
		s, after = s[i+size:], true
	}
	flush()
	out.WriteString(s)
	return out.String()
}

type encodedWord struct {
	cp  int
	raw []byte
}

// cutWord reads the encoded word that s begins with, and returns its length.
func cutWord(s string) (w encodedWord, size int, ok bool) {
	charset, rest, ok := strings.Cut(s[2:], "?")
	if !ok || len(charset) > 64 || len(rest) < 2 || rest[1] != '?' {
		return w, 0, false
	}
	encoding, text := rest[0], rest[2:]
	end := strings.Index(text[:min(len(text), maxWord)], "?=")
	if end < 0 {
		return w, 0, false
	}
	size = len(s) - len(text) + end + 2
	text = text[:end]
	charset, _, _ = strings.Cut(charset, "*") // RFC 2231 5: a language
	if w.cp, ok = codepage.ByLabel(charset); !ok {
		return w, 0, false
	}
	switch encoding {
	case 'q', 'Q':
		w.raw = decodeQ(text)
	case 'b', 'B':
		w.raw, ok = decodeB(text)
	default:
		ok = false
	}
	return w, size, ok
}

func decodeQ(s string) []byte {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '_':
			b = append(b, ' ')
			continue
		case s[i] == '=' && i+2 < len(s):
			if hi, lo := unhex(s[i+1]), unhex(s[i+2]); hi < 16 && lo < 16 {
				b = append(b, hi<<4|lo)
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return b
}

// decodeB decodes base64 as it occurs: without its padding, with too much of it, with blanks in it.
func decodeB(s string) ([]byte, bool) {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(" \t\r\n=", r) {
			return -1
		}
		return r
	}, s)
	if len(s)%4 == 1 {
		s = s[:len(s)-1] // less than a byte
	}
	b, err := base64.RawStdEncoding.DecodeString(s)
	return b, err == nil
}
