package mime

import (
	"strings"

	"mailmill/formats"
)

// ParseAddressList reads the value of an address field: the addresses that can be made out, in their order, groups
// with their members, a group without members as an address that has nothing but its Group. Stored is the address as it
// stands there, without the angle brackets, and Name the display name, decoded. SMTP and Via are left empty.
//
// What stands in for an address is taken for one: Exchange distinguished names, in angle brackets or bare, with their
// blanks and parentheses. Against RFC 5322 it also takes semicolons for commas, missing commas, missing quotes and
// brackets, names with commas that are not quoted, encoded words in quotes, and a comment after an address for its
// name.
func ParseAddressList(value string) []*formats.Address {
	p := addressParser{s: unfolded(value)}
	p.list()
	return p.out
}

// addressParser reads s from position i.
type addressParser struct {
	s   string
	i   int
	out []*formats.Address

	group   string
	inGroup bool
	// searched is how much has been searched in vain for the ends of comments and quotes.
	searched int
	members  int // of the group
	// What has been read of the current address.
	words   []addressWord
	comment string
	angle   string
	closed  bool // angle has been read
	// joinable is the address before, if it is a bare name that the current one may continue: `Doe, John <j@…>`.
	joinable *formats.Address
	// inBrackets says that the joinable name stands in angle brackets.
	inBrackets bool
}

type addressWord struct {
	raw, text string // as it stands there, and without its quotes
	glued     bool   // no blank before it
	quoted    bool
}

func (p *addressParser) list() {
	blank := true
	for p.i < len(p.s) {
		c := p.s[p.i]
		start := p.i
		switch {
		case c == ' ' || c == '\t':
			p.i++
			blank = true
			continue
		case c == ',':
			p.i++
			p.finish(',')
		case c == ';':
			p.i++
			p.finish(';')
			p.endGroup()
		case c == '<':
			if p.closed {
				p.finish(0)
			}
			p.readAngle()
		case c == '>':
			p.i++
		case c == '(' && p.readComment():
		case c == ':' && p.startsGroup():
			p.i++
			p.endGroup()
			p.group, p.inGroup, p.members = p.name(p.words), true, 0
			p.words, p.comment = p.words[:0], ""
		case c == '"' && p.readQuoted(!blank):
		default:
			if p.closed {
				p.finish(0)
			}
			p.readAtom(!blank)
		}
		blank = false
		if p.i == start {
			p.i++
		}
	}
	p.finish(0)
	p.endGroup()
}

// startsGroup reports whether the colon here ends a group's name: there is a name, and it is no prefix of an address.
func (p *addressParser) startsGroup() bool {
	if p.inGroup || p.closed || len(p.words) == 0 {
		return false
	}
	for _, w := range p.words {
		if strings.ContainsRune(w.raw, '@') && !w.quoted {
			return false
		}
	}
	if len(p.words) == 1 {
		switch strings.ToLower(p.words[0].raw) {
		case "mailto", "smtp", "ex", "x500", "rfc822", "invalid", "fax", "sip", "http", "https":
			return false
		}
	}
	return true
}

func (p *addressParser) endGroup() {
	if p.inGroup && p.members == 0 {
		p.out = append(p.out, &formats.Address{Group: p.group})
	}
	p.group, p.inGroup = "", false
}

// readAngle reads what stands in angle brackets.
func (p *addressParser) readAngle() {
	for p.i < len(p.s) && (p.s[p.i] == '<' || p.s[p.i] == ' ') {
		p.i++
	}
	start := p.i
	if p.i < len(p.s) && p.s[p.i] == '"' {
		if end := closingQuote(p.s, p.i); end > 0 {
			p.i = end + 1
		}
	}
	if n := strings.IndexAny(p.s[p.i:], "<>"); n >= 0 && p.s[p.i+n] == '>' {
		p.angle = p.s[start : p.i+n]
		p.i += n + 1
	} else {
		// It is not closed. It ends where the list goes on.
		if n := strings.IndexAny(p.s[start:], ",;<"); n >= 0 {
			p.i = start + n
		} else {
			p.i = len(p.s)
		}
		p.angle = p.s[start:p.i]
	}
	p.closed = true
}

const (
	// maxComment bounds the length of a comment.
	maxComment = 2 << 10
	// maxSearch bounds what is searched in vain for the ends of comments and quotes, in all.
	maxSearch = 1 << 20
	// maxGlued bounds what is put together of pieces.
	maxGlued = 1 << 10
)

// readComment reads a comment. It is false where there is no end to it.
func (p *addressParser) readComment() bool {
	depth := 0
	var b strings.Builder
	for i := p.i; i < len(p.s) && i < p.i+maxComment && p.searched < maxSearch; i++ {
		switch c := p.s[i]; {
		case c == '\\' && i+1 < len(p.s):
			i++
			b.WriteByte(p.s[i])
		case c == '(':
			if depth++; depth > 1 {
				b.WriteByte(c)
			}
		case c == ')':
			if depth--; depth == 0 {
				if p.comment == "" {
					p.comment = b.String()
				}
				p.i = i + 1
				return true
			}
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	p.searched += min(len(p.s)-p.i, maxComment)
	return false
}

// closingQuote returns the position of the quote that closes the one at i, or -1.
func closingQuote(s string, i int) int {
	for i++; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// readQuoted reads a quoted string. It is false where the quote has no partner: there is none, or what it encloses is
// an address and the end of it stands in the middle of a word.
func (p *addressParser) readQuoted(glued bool) bool {
	if p.searched >= maxSearch {
		return false
	}
	end := closingQuote(p.s, p.i)
	if end < 0 {
		p.searched += len(p.s) - p.i
		return false
	}
	if p.closed {
		p.finish(0)
	}
	raw := p.s[p.i : end+1]
	if strings.Contains(raw, "<") && strings.Contains(raw, "@") && end+1 < len(p.s) && strings.IndexByte(" \t<>@.,;:(", p.s[end+1]) < 0 {
		return false
	}
	p.words = append(p.words, addressWord{raw: raw, text: unescaped(raw[1 : len(raw)-1]), glued: glued, quoted: true})
	p.i = end + 1
	return true
}

func unescaped(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// readAtom reads up to the next character that means something.
func (p *addressParser) readAtom(glued bool) {
	start := p.i
	if len(p.words) == 0 && isDN(p.s[start:]) {
		for p.i < len(p.s) && strings.IndexByte(",;<", p.s[p.i]) < 0 {
			p.i++
		}
	} else {
		// QUIRK: programs write commas and the like in encoded words, against RFC 2047 5 (3).
		if strings.HasPrefix(p.s[start:], "=?") {
			if _, size, ok := cutWord(p.s[start:]); ok {
				p.i += size - 1
			}
		}
		// The first character is taken whatever it is: it has no other meaning here.
		for p.i++; p.i < len(p.s) && strings.IndexByte(" \t,;<>\"(:", p.s[p.i]) < 0; p.i++ {
		}
	}
	raw := strings.TrimRight(strings.TrimLeft(p.s[start:p.i], `"`), " \t")
	if raw != "" {
		p.words = append(p.words, addressWord{raw: raw, text: raw, glued: glued})
	}
}

// isDN reports whether s begins with an Exchange distinguished name.
//
// QUIRK: exporters write the type of the address before it.
func isDN(s string) bool {
	for _, prefix := range []string{"EX:", "mailto:"} {
		if len(s) > len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
			s = s[len(prefix):]
		}
	}
	for _, prefix := range []string{"/o=", "/cn=", "/ou=", "/c=", "/guid="} {
		if len(s) > len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
			return true
		}
	}
	return false
}

// finish ends the current address; sep is the separator that does.
func (p *addressParser) finish(sep byte) {
	words, comment, angle, closed := p.words, p.comment, p.angle, p.closed
	p.words, p.comment, p.angle, p.closed = p.words[:0], "", "", false
	joinable, inBrackets := p.joinable, p.inBrackets
	p.joinable, p.inBrackets = nil, false
	switch {
	case closed:
		a := &formats.Address{Name: p.name(words), Stored: angleAddress(angle)}
		switch {
		case joinable == nil || len(words) == 0:
		case inBrackets && isDN(a.Stored):
			// QUIRK: `<Doe>,"John" </o=…>` is what a program made of `Doe, John </o=…>`.
			joinable.Name = joinable.Stored + ", " + a.Name
			joinable.Stored = a.Stored
			return
		case !inBrackets && !words[0].quoted:
			joinable.Name += ", " + a.Name
			joinable.Stored = a.Stored
			return
		}
		if a.Name == "" {
			a.Name = DecodeWords(comment)
		}
		if a.Name != "" || a.Stored != "" {
			p.add(a)
		}
		if sep == ',' && a.Name == "" && a.Stored != "" && !strings.ContainsAny(a.Stored, "@/=:") {
			p.joinable, p.inBrackets = a, true
		}
	case len(words) > 0:
		p.bare(words, comment, sep)
	}
}

func (p *addressParser) add(a *formats.Address) {
	if p.inGroup {
		a.Group = p.group
		p.members++
	}
	p.out = append(p.out, a)
}

// bare adds what stands there without angle brackets: addresses, which hold an "@" or are distinguished names, and the
// words before each as its name; or a name alone.
func (p *addressParser) bare(words []addressWord, comment string, sep byte) {
	words = glue(words)
	start := 0
	for i, w := range words {
		if !isDN(w.raw) && (w.quoted || !strings.ContainsRune(w.raw, '@')) {
			continue
		}
		p.add(&formats.Address{Name: p.name(words[start:i]), Stored: w.raw})
		start = i + 1
	}
	if start == 0 {
		a := &formats.Address{Name: p.name(words)}
		if a.Name == "" {
			return
		}
		p.add(a)
		if sep == ',' && !words[len(words)-1].quoted {
			p.joinable = a
		}
		return
	}
	if last := p.out[len(p.out)-1]; last.Name == "" {
		if start < len(words) {
			last.Name = p.name(words[start:])
		} else {
			last.Name = DecodeWords(comment)
		}
	}
}

// glue puts the pieces of addresses together: quoted local parts and their domains, and what blanks around an "@"
// or missing quotes have parted.
func glue(words []addressWord) []addressWord {
	out := words[:0]
	for _, w := range words {
		if n := len(out); n > 0 {
			last := &out[n-1]
			if len(last.raw) > maxGlued {
				out = append(out, w)
				continue
			}
			at := strings.HasPrefix(w.raw, "@") || strings.HasSuffix(last.raw, "@") && !last.quoted
			if at && !isDN(last.raw) && strings.Count(last.raw+w.raw, "@") <= 2 || w.glued && !w.quoted && !last.quoted {
				*last = addressWord{raw: last.raw + w.raw, text: last.text + w.text, glued: last.glued}
				continue
			}
		}
		out = append(out, w)
	}
	return out
}

// name makes a display name of words.
func (p *addressParser) name(words []addressWord) string {
	if len(words) == 0 {
		return ""
	}
	var b strings.Builder
	for i, w := range words {
		if i > 0 && !(w.glued && !w.quoted && !words[i-1].quoted) {
			b.WriteByte(' ')
		}
		b.WriteString(w.text)
	}
	return strings.TrimSpace(DecodeWords(b.String()))
}

// angleAddress returns the address that stands in angle brackets: without a source route (RFC 5322 4.4), without
// quotes around all of it, and without the blanks that folding has left in one that can have none.
func angleAddress(s string) string {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "@") {
		if route, addr, ok := strings.Cut(s, ":"); ok && !strings.ContainsAny(route, `"<`) {
			s = strings.TrimSpace(addr)
		}
	}
	if len(s) > 1 && s[0] == '"' && closingQuote(s, 0) == len(s)-1 {
		s = strings.TrimSpace(unescaped(s[1 : len(s)-1]))
	}
	if !isDN(s) && strings.ContainsRune(s, '@') && !strings.ContainsRune(s, '"') {
		s = strings.Map(func(r rune) rune {
			if r == ' ' || r == '\t' {
				return -1
			}
			return r
		}, s)
	}
	return s
}
