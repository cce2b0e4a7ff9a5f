package mime

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"mailmill/formats"
	"mailmill/formats/codepage"
)

// partHeader writes the fields of a part and the empty line after them.
func (e *Encoder) partHeader(p *formats.Part, typ string, params []formats.Param, boundary, encoding string) {
	h := &e.h
	h.start("Content-Type")
	if !legalType(typ) {
		typ = "application/octet-stream"
	}
	h.blank(len(typ))
	h.b = append(h.b, typ...)
	for _, q := range params {
		if boundary != "" && strings.EqualFold(q.Name, "boundary") {
			continue
		}
		h.param(q.Name, q.Value)
	}
	if boundary != "" {
		h.param("boundary", boundary)
	}
	if p.Name != "" && p.Disposition == "" && !slices.ContainsFunc(params, func(q formats.Param) bool { return strings.EqualFold(q.Name, "name") }) {
		h.param("name", p.Name)
	}
	h.end()
	e.raw("Content-Transfer-Encoding: ")
	e.raw(encoding)
	h.end()
	if id := contentID(p.ContentID); id != "" {
		h.start("Content-ID")
		h.structured("<" + id + ">")
		h.end()
	}
	if p.Location != "" {
		h.field(&formats.Field{Name: "Content-Location", Text: p.Location, Structured: true})
	}
	if p.Disposition != "" {
		h.start("Content-Disposition")
		d := p.Disposition
		if !isToken(d) {
			d = "attachment"
		}
		h.b = append(append(h.b, ' '), d...)
		if p.Name != "" {
			h.param("filename", p.Name)
		}
		h.end()
	}
	for i := range p.Header {
		if f := &p.Header[i]; !isStructural(f.Name) {
			h.field(f)
		}
	}
	h.end()
}

// contentID leaves out what a message identifier cannot hold. A reference to it is still found, as those are compared
// with percent-encoding undone.
func contentID(id string) string {
	id = strings.Map(func(r rune) rune {
		if r == '<' || r == '>' || r == ' ' {
			return -1
		}
		return r
	}, clean(id))
	return percentEncoded(id)
}

func legalType(typ string) bool {
	major, minor, ok := strings.Cut(typ, "/")
	return ok && isToken(major) && isToken(minor)
}

// isToken reports whether s is a token (RFC 2045 5.1) of a length for a line.
func isToken(s string) bool {
	if s == "" || len(s) > 127 {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7F || strings.IndexByte(`()<>@,;:\"/[]?=`, s[i]) >= 0 {
			return false
		}
	}
	return true
}

// isAttribute reports whether c stands for itself in an extended parameter value (RFC 2231 7).
func isAttribute(c byte) bool {
	return c > ' ' && c < 0x7F && strings.IndexByte(`()<>@,;:\"/[]?=*'%`, c) < 0
}

// param writes a parameter: plain where it is ASCII, else extended, in pieces where it is long (RFC 2231 3 and 4).
func (h *header) param(name, value string) {
	const piece = 50
	if !isToken(name) || strings.ContainsAny(name, "*'%") || len(name) > 60 {
		return
	}
	value = clean(value)
	ascii, quote := true, value == ""
	for i := range len(value) {
		ascii = ascii && value[i] < utf8.RuneSelf
	}
	// A value that looks encoded would be decoded.
	if ascii && len(value) <= 200 && !strings.Contains(value, "=?") {
		quote = quote || !isToken(value) && len(value) > 0
		h.b = append(h.b, ';')
		h.blank(len(name) + len(value) + 3)
		h.b = append(append(h.b, name...), '=')
		if !quote {
			h.b = append(h.b, value...)
			return
		}
		h.quoted(value)
		return
	}
	cost := 0
	for i := range len(value) {
		cost += extendedLen(value[i])
	}
	if len(name)+len("*=UTF-8''")+cost+4 <= wrapAt {
		h.b = append(h.b, ';')
		h.blank(len(name) + len("*=UTF-8''") + cost + 1)
		h.b = append(append(h.b, name...), "*=UTF-8''"...)
		h.extended(value)
		return
	}
	for n := 0; value != ""; n++ {
		end, cost := 0, 0
		for end < len(value) {
			_, size := utf8.DecodeRuneInString(value[end:])
			more := 0
			for i := range size {
				more += extendedLen(value[end+i])
			}
			if cost+more > piece {
				break
			}
			cost += more
			end += size
		}
		h.b = append(h.b, ';')
		h.fold()
		h.b = append(append(h.b, name...), '*')
		h.b = strconv.AppendInt(h.b, int64(n), 10)
		h.b = append(h.b, "*="...)
		if n == 0 {
			h.b = append(h.b, "UTF-8''"...)
		}
		h.extended(value[:end])
		value = value[end:]
	}
}

func extendedLen(c byte) int {
	if isAttribute(c) {
		return 1
	}
	return 3
}

func (h *header) extended(s string) {
	for i := range len(s) {
		if c := s[i]; isAttribute(c) {
			h.b = append(h.b, c)
		} else {
			h.b = append(h.b, '%', upperHex[c>>4], upperHex[c&15])
		}
	}
}

// quoted writes a quoted-string (RFC 5322 3.2.4).
func (h *header) quoted(s string) {
	h.b = append(h.b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			h.b = append(h.b, '\\')
		}
		h.b = append(h.b, s[i])
	}
	h.b = append(h.b, '"')
}

// ParseParams reads the value of a Content-Type or Content-Disposition field: the value itself in lower case, and its
// parameters in their order, with those of RFC 2231 put together and decoded.
//
// QUIRK: encoded words within a parameter, against RFC 2047 5, are what many programs write; they are decoded.
func ParseParams(field string) (value string, params []formats.Param) {
	rest := unfolded(field)
	value, rest = cutParam(rest)
	value = strings.ToLower(strings.TrimSpace(value))
	var pieces []piece
	for rest != "" && len(params)+len(pieces) < 1000 {
		var p string
		p, rest = cutParam(rest)
		name, v, ok := strings.Cut(p, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if !ok || name == "" {
			continue
		}
		v = strings.TrimSpace(v)
		isQuoted := strings.HasPrefix(v, `"`)
		if isQuoted {
			v = unquoted(v)
		}
		base, star, extended := strings.Cut(name, "*")
		if !extended {
			params = append(params, formats.Param{Name: name, Value: DecodeWords(v)})
			continue
		}
		pc := piece{name: base, value: v, encoded: star == "" || strings.HasSuffix(star, "*"), order: len(pieces)}
		if n, err := strconv.ParseUint(strings.TrimSuffix(star, "*"), 10, 16); err == nil {
			pc.n = int(n)
		}
		pieces = append(pieces, pc)
	}
	return value, joined(params, pieces)
}

// piece is a parameter, or a part of one, as RFC 2231 writes it.
type piece struct {
	name, value string
	n, order    int
	encoded     bool
}

// joined adds the parameters that the pieces make to params. They take the place of a plain one of the same name,
// which is there for readers that do not know RFC 2231.
func joined(params []formats.Param, pieces []piece) []formats.Param {
	for start := 0; start < len(pieces); start++ {
		name := pieces[start].name
		if slices.ContainsFunc(pieces[:start], func(p piece) bool { return p.name == name }) {
			continue
		}
		var own []piece
		for _, p := range pieces[start:] {
			if p.name == name {
				own = append(own, p)
			}
		}
		slices.SortStableFunc(own, func(a, b piece) int { return cmp.Compare(a.n, b.n) })
		var raw []byte
		cp := codepage.UTF8
		for i, p := range own {
			v := p.value
			if p.encoded {
				if i == 0 {
					if label, more, ok := strings.Cut(v, "'"); ok {
						if _, text, ok := strings.Cut(more, "'"); ok {
							v = text
							if n, ok := codepage.ByLabel(label); ok {
								cp = n
							}
						}
					}
				}
				v = percentDecoded(v)
			}
			raw = append(raw, v...)
		}
		value, _ := codepage.Decode(cp, raw)
		i := slices.IndexFunc(params, func(p formats.Param) bool { return p.Name == name })
		if i < 0 {
			i = len(params)
			params = append(params, formats.Param{Name: name})
		}
		params[i].Value = value
	}
	return params
}

// cutParam cuts s at the first semicolon that is not quoted.
func cutParam(s string) (before, after string) {
	inQuotes := false
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if inQuotes {
				i++
			}
		case '"':
			inQuotes = !inQuotes
		case ';':
			if !inQuotes {
				return s[:i], s[i+1:]
			}
		}
	}
	return s, ""
}

// unquoted returns the content of the quoted-string that s begins with.
//
// QUIRK: file names with backslashes that are not doubled ("C:\Temp\a.txt") occur: one that is not before a quote or
// another backslash is kept.
func unquoted(s string) string {
	var b strings.Builder
	s = s[1:]
	for i := 0; i < len(s); i++ {
		if s[i] == '"' {
			break
		}
		if s[i] == '\\' && i+1 < len(s) && (s[i+1] == '"' || s[i+1] == '\\') {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func percentDecoded(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi < 16 && lo < 16 {
				b = append(b, hi<<4|lo)
				i += 2
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// unhex returns the value of a hex digit, and 255 for what is none.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
