package mime

import (
	"encoding/base64"
	"strings"
	"unicode"
	"unicode/utf8"

	"mailmill/formats"
)

const (
	// wrapAt is the length that lines get by folding where they can: RFC 2047 2 asks for 76 in lines with encoded
	// words, RFC 5322 2.1.1 for 78 in others.
	wrapAt = 76
	// maxLine is the length that no line exceeds (RFC 5322 2.1.1).
	maxLine = 998
)

// header appends fields to b; line is where the current line begins.
type header struct {
	b     []byte
	line  int
	fresh bool // there is nothing but the name yet
}

func (h *header) col() int { return len(h.b) - h.line }

func (h *header) fold() {
	h.b = append(h.b, "\r\n "...)
	h.line, h.fresh = len(h.b)-1, false
}

// start begins a field.
func (h *header) start(name string) {
	h.line, h.fresh = len(h.b), true
	h.b = append(h.b, name...)
	h.b = append(h.b, ':')
}

func (h *header) end() {
	h.b = append(h.b, '\r', '\n')
	h.line = len(h.b)
}

// blank appends a blank, or a fold where the n bytes that follow would not fit. The first line of a field always holds
// something: readers are known that lose what follows a name that stands alone.
func (h *header) blank(n int) {
	limit := wrapAt
	if h.fresh {
		limit = maxLine
	}
	if h.col()+1+n > limit {
		h.fold()
		return
	}
	h.b = append(h.b, ' ')
	h.fresh = false
}

// isStructural reports whether a field describes the root part, which is written with the part.
func isStructural(name string) bool {
	if len(name) < len("content-id") || name[0]|0x20 != 'c' && name[0]|0x20 != 'm' {
		return false
	}
	switch strings.ToLower(name) {
	case "mime-version", "content-type", "content-transfer-encoding", "content-disposition", "content-id":
		return true
	}
	return false
}

// field writes a field in the form that formats.Field promises.
func (h *header) field(f *formats.Field) {
	name := f.Name
	if !legalName(name) {
		if name = repairName(name); name == "" {
			return
		}
	}
	if f.Raw != nil && !changed(f.Addresses) {
		if legalRaw(f.Raw, name) {
			h.b = append(h.b, f.Raw...)
			h.end()
			return
		}
		h.repaired(name, rawValue(f.Raw))
		return
	}
	switch {
	case len(f.Addresses) > 0 && strings.EqualFold(name, "Return-Path"): // RFC 5322 3.6.7: a path has its brackets
		spec, ok := addrSpec(f.Addresses[0].Spec())
		if !ok {
			return
		}
		h.start(name)
		h.structured("<" + spec + ">")
	case len(f.Addresses) > 0:
		h.start(name)
		h.addresses(f.Addresses)
	case f.Structured:
		if f.Text == "" {
			return
		}
		h.start(name)
		h.structured(f.Text)
	default:
		if f.Text == "" && IsAddressField(name) {
			return // RFC 5322 3.6.3: the lists are not empty
		}
		h.start(name)
		h.unstructured(f.Text)
	}
	h.end()
}

// changed reports whether an address is to be written other than it stood there.
func changed(list []*formats.Address) bool {
	for _, a := range list {
		if a.Spec() != a.Stored {
			return true
		}
	}
	return false
}

// legalName reports whether name is a field name (RFC 5322 2.2) that no boundary can look like.
func legalName[T string | []byte](name T) bool {
	if len(name) == 0 || len(name) > 200 || len(name) > 1 && name[0] == '-' && name[1] == '-' {
		return false
	}
	for i := range len(name) {
		if name[i] <= ' ' || name[i] >= 0x7F || name[i] == ':' {
			return false
		}
	}
	return true
}

func repairName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7F || r == ':' {
			return -1
		}
		return r
	}, name)
	name = strings.TrimLeft(name, "-")
	return name[:min(len(name), 200)]
}

// clean makes a value one line without control characters, so that it cannot end its field: line ends and tabs become
// blanks, the rest goes. What is not UTF-8 becomes U+FFFD.
func clean(s string) string {
	if isClean(s) {
		return s
	}
	return cleaned(s, ' ')
}

// isClean reports whether s is UTF-8 without control characters, whose second sort begin with 0xC2.
func isClean(s string) bool {
	ascii := true
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c == 0x7F || c == 0xC2 && i+1 < len(s) && s[i+1] < 0xA0 {
			return false
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	return ascii || utf8.ValidString(s)
}

func cleaned(s string, tab rune) string {
	var b strings.Builder
	b.Grow(len(s))
	for i, r := range s {
		switch {
		case r == '\n' && i > 0 && s[i-1] == '\r':
		case r == '\r', r == '\n':
			b.WriteByte(' ')
		case r == '\t':
			b.WriteRune(tab)
		case unicode.IsControl(r):
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// structured writes a value that is folded at its blanks and not encoded. What it may not hold is percent-encoded, as
// the values that may hold such at all are addresses of web pages. A word that is longer than a line can be is cut:
// an illegal line may cost the whole message elsewhere.
func (h *header) structured(value string) {
	for word := range strings.FieldsSeq(clean(value)) {
		word = percentEncoded(word)
		for len(word) > maxLine-h.col()-1 && len(word) > maxLine-1 {
			h.blank(maxLine - 1)
			n := maxLine - h.col()
			h.b = append(h.b, word[:n]...)
			word = word[n:]
		}
		h.blank(len(word))
		h.b = append(h.b, word...)
	}
}

func percentEncoded(s string) string {
	plain := true
	for i := range len(s) {
		plain = plain && s[i] < utf8.RuneSelf
	}
	if plain {
		return s
	}
	b := make([]byte, 0, 3*len(s))
	for i := range len(s) {
		if c := s[i]; c < utf8.RuneSelf {
			b = append(b, c)
		} else {
			b = append(b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
	return string(b)
}

// unstructured writes any text so that it reads back the same, blanks at its ends included: words of plain ASCII as
// they are, the others as encoded words.
func (h *header) unstructured(text string) {
	if !isClean(text) {
		text = cleaned(text, '\t')
	}
	const shortWord = 14
	for i := 0; i < len(text); {
		start, end, special := nextWord(text, i)
		if !special {
			h.blank(end - start)
			// What stands after the fold or the blank may begin with further blanks.
			h.b = append(h.b, text[min(i+1, start):start]...)
			h.b = append(h.b, text[start:end]...)
			i = end
			continue
		}
		if i > 0 {
			i++ // for the blank before the encoded word
		}
		for {
			if end == len(text) {
				break
			}
			nextStart, nextEnd, special := nextWord(text, end)
			if !special {
				// A short plain word between two that are not costs less inside.
				if _, afterEnd, special := nextWord(text, nextEnd); nextEnd == len(text) || !special || nextEnd-end > shortWord {
					end = nextStart - 1
					break
				} else {
					nextEnd = afterEnd
				}
			}
			end = nextEnd
		}
		h.encoded(text[i:end])
		i = end
	}
}

// nextWord finds the word in text that follows the blanks at i. It is special where it, or the blanks before or
// after it, would not read back the same if it stood there as it is.
func nextWord(text string, i int) (start, end int, special bool) {
	const longGap, longWord = 8, 900
	start = i
	for start < len(text) && text[start] == ' ' {
		start++
	}
	end = start
	for end < len(text) && text[end] != ' ' {
		if c := text[end]; c < ' ' || c >= 0x7F || c == '?' && end > start && text[end-1] == '=' {
			special = true
		}
		end++
	}
	special = special || start > 0 && i == 0 || start-i > longGap || end-start > longWord
	if strings.TrimLeft(text[end:min(end+longGap, len(text))], " ") == "" && end < len(text) && strings.TrimLeft(text[end:], " ") == "" {
		return start, len(text), true
	}
	return start, end, special
}

// emptyWord is what an encoded word has beside its text.
const emptyWord = "=?utf-8?q??="

// oneWord returns the length of text as one encoded word, and whether that is in B.
func oneWord(text string) (n int, useB bool) {
	inQ := 0
	for i := range len(text) {
		inQ += qLen(text[i])
	}
	inB := (len(text) + 2) / 3 * 4
	if useB = 3*inB < 2*inQ; useB {
		return len(emptyWord) + inB, true
	}
	return len(emptyWord) + inQ, false
}

// encoded writes text as encoded words in UTF-8 (RFC 2047), each of whole characters and at most 75 octets long: in Q,
// which people can read too, unless B is much shorter.
func (h *header) encoded(text string) {
	const overhead = len(emptyWord)
	_, useB := oneWord(text)
	for text != "" {
		// 12 octets hold any one character.
		if h.col()+1+overhead+12 > wrapAt && !h.fresh {
			h.fold()
		} else {
			h.b = append(h.b, ' ')
			h.fresh = false
		}
		room := max(min(wrapAt-h.col(), 75)-overhead, 12)
		n, cost := 0, 0
		for n < len(text) {
			_, size := utf8.DecodeRuneInString(text[n:])
			more := 0
			if useB {
				more = (n+size+2)/3*4 - cost
			} else {
				for i := range size {
					more += qLen(text[n+i])
				}
			}
			if cost+more > room {
				break
			}
			cost += more
			n += size
		}
		if useB {
			h.b = append(h.b, "=?utf-8?b?"...)
			h.b = base64.StdEncoding.AppendEncode(h.b, []byte(text[:n]))
		} else {
			h.b = append(h.b, "=?utf-8?q?"...)
			for i := range n {
				h.b = appendQ(h.b, text[i])
			}
		}
		h.b = append(h.b, "?="...)
		text = text[n:]
	}
}

// isQ reports whether a byte stands for itself in an encoded word of a phrase, the place that allows least
// (RFC 2047 5 (3)).
func isQ(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '!' || c == '*' || c == '+' || c == '-' || c == '/'
}

func qLen(c byte) int {
	if isQ(c) || c == ' ' {
		return 1
	}
	return 3
}

func appendQ(b []byte, c byte) []byte {
	switch {
	case c == ' ':
		return append(b, '_')
	case isQ(c):
		return append(b, c)
	}
	return append(b, '=', upperHex[c>>4], upperHex[c&15])
}
