package contentline

import (
	"net/url"
	"strings"

	"mailmill/formats/codepage"
)

// Property is a content line in its parts.
type Property struct {
	// Group is the word before the name of a card's property, "item1" in "item1.TEL"; mostly empty.
	Group string
	// Name is in capitals.
	Name   string
	Params []Param
	// Value is as it stands, with its escapes.
	Value string
}

// Param is a parameter of a property.
type Param struct {
	// Name is in capitals; empty for a value without a name, as vCard 2.1 and vCalendar 1.0 have it.
	Name string
	// Values are without quotation marks and otherwise as they stand.
	Values []string
}

// Parse takes an unfolded line apart. It is false for what is no property: it has no colon, or nothing like a name before
// it.
//
// Lenient: blanks around the name and the parameters do not count, and underscores in a name are hyphens. A quotation mark
// that nothing closes is a character like others.
func Parse(line string) (p Property, ok bool) {
	n := 0
	for n < len(line) && line[n] != ':' && line[n] != ';' {
		n++
	}
	if n == len(line) {
		return p, false
	}
	name := strings.Trim(line[:n], " \t")
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		p.Group, name = name[:i], name[i+1:]
	}
	if !isName(name) || p.Group != "" && !isName(strings.ReplaceAll(p.Group, ".", "-")) {
		return p, false
	}
	p.Name = strings.ToUpper(strings.ReplaceAll(name, "_", "-"))
	rest := line[n:]
	for rest != "" && rest[0] == ';' {
		var param Param
		if param, rest, ok = parseParam(rest[1:]); !ok {
			return p, false
		}
		if param.Name != "" || len(param.Values) > 0 {
			p.Params = append(p.Params, param)
		}
	}
	if rest == "" {
		return p, false
	}
	p.Value = rest[1:]
	return p, true
}

// isName reports whether a text is a name; digits may begin it.
func isName(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c == '-' || c == '_' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z') {
			return false
		}
	}
	return true
}

// parseParam reads a parameter to its end, which is a semicolon, or the colon before the value.
func parseParam(s string) (p Param, rest string, ok bool) {
	i := strings.IndexAny(s, "=;:,")
	if i < 0 {
		return p, "", false
	}
	if s[i] == '=' {
		p.Name = strings.ToUpper(strings.ReplaceAll(strings.TrimSpace(s[:i]), "_", "-"))
		s = s[i+1:]
	}
	for {
		var v string
		if v, s, ok = parseValue(s); !ok {
			return p, "", false
		}
		if v != "" || p.Name != "" {
			p.Values = append(p.Values, v)
		}
		if s[0] != ',' {
			return p, s, true
		}
		s = s[1:]
	}
}

// parseValue reads a value of a parameter; the rest begins with what ends it.
func parseValue(s string) (v, rest string, ok bool) {
	trimmed := strings.TrimLeft(s, " \t")
	if strings.HasPrefix(trimmed, `"`) {
		if end := strings.IndexByte(trimmed[1:], '"'); end >= 0 {
			after := strings.TrimLeft(trimmed[end+2:], " \t")
			if after != "" && strings.IndexByte(";:,", after[0]) >= 0 {
				return trimmed[1 : end+1], after, true
			}
		}
	}
	i := strings.IndexAny(s, ";:,")
	if i < 0 {
		return "", "", false
	}
	return strings.TrimSpace(s[:i]), s[i:], true
}

// Get returns the first value of a parameter, decoded after RFC 6868; empty where there is none.
func (p *Property) Get(name string) string {
	for i := range p.Params {
		if p.Params[i].Name == name && len(p.Params[i].Values) > 0 {
			return Decode6868(p.Params[i].Values[0])
		}
	}
	return ""
}

// Has reports whether there is a parameter of the name.
func (p *Property) Has(name string) bool {
	for i := range p.Params {
		if p.Params[i].Name == name {
			return true
		}
	}
	return false
}

// Set gives a parameter one value, at its place or behind the others.
func (p *Property) Set(name, value string) {
	value = Encode6868(value)
	for i := range p.Params {
		if p.Params[i].Name == name {
			p.Params[i].Values = []string{value}
			return
		}
	}
	p.Params = append(p.Params, Param{name, []string{value}})
}

// Remove takes away all parameters of the names.
func (p *Property) Remove(names ...string) {
	kept := p.Params[:0:0]
	for _, q := range p.Params {
		remove := false
		for _, n := range names {
			remove = remove || q.Name == n
		}
		if !remove {
			kept = append(kept, q)
		}
	}
	p.Params = kept
}

// Types returns the values of all TYPE parameters, and those without a name, in lower case and each once.
func (p *Property) Types() []string {
	const most = 100
	var list []string
	for _, q := range p.Params {
		if q.Name != "TYPE" && q.Name != "" {
			continue
		}
		for _, v := range q.Values {
			for t := range strings.SplitSeq(v, ",") { // QUIRK: Apple's and Google's TYPE="work,pref" is one text
				t = strings.ToLower(strings.TrimSpace(t))
				if t != "" && len(list) < most && !contains(list, t) {
					list = append(list, t)
				}
			}
		}
	}
	return list
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}

// String returns the property as an unfolded line. Values of parameters stand in quotation marks where they have to.
func (p *Property) String() string {
	var b strings.Builder
	if p.Group != "" {
		b.WriteString(p.Group + ".")
	}
	b.WriteString(p.Name)
	for _, q := range p.Params {
		b.WriteByte(';')
		switch {
		case q.Name == "":
			b.WriteString("TYPE=") // what 2.1 leaves out
		case isName(q.Name):
			b.WriteString(q.Name + "=")
		default:
			// Without the prefix, what is left could be the name of another.
			b.WriteString("X-" + CleanName(q.Name) + "=")
		}
		for i, v := range q.Values {
			if i > 0 {
				b.WriteByte(',')
			}
			v = strings.ReplaceAll(v, `"`, "^'")
			if strings.ContainsAny(v, ":;,") {
				v = `"` + v + `"`
			}
			b.WriteString(v)
		}
	}
	b.WriteByte(':')
	b.WriteString(p.Value)
	return b.String()
}

// Decode6868 undoes the encoding of parameters (RFC 6868 3).
func Decode6868(s string) string {
	if strings.IndexByte(s, '^') < 0 {
		return s
	}
	return strings.NewReplacer("^n", "\n", "^N", "\n", "^^", "^", "^'", `"`).Replace(s)
}

// Encode6868 encodes the value of a parameter (RFC 6868 3).
func Encode6868(s string) string {
	if !strings.ContainsAny(s, "^\"\r\n") {
		return s
	}
	return strings.NewReplacer("^", "^^", `"`, "^'", "\r\n", "^n", "\n", "^n", "\r", "^n").Replace(s)
}

// Unescape undoes the escapes of a text (RFC 5545 3.3.11, RFC 6350 3.4). A backslash before anything else stays.
func Unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			switch next := s[i+1]; next {
			case 'n', 'N':
				c = '\n'
				i++
			case '\\', ';', ',', ':', '"':
				// QUIRK: colons and quotation marks are escaped by programs that go by RFC 2425.
				c = next
				i++
			}
		}
		b = append(b, c)
	}
	return string(b)
}

// LegalEscapes returns the value of texts with the escapes that there are, and what others mean: see [Unescape].
func LegalEscapes(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s)+1)
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			next := byte(0)
			if i+1 < len(s) {
				next = s[i+1]
			}
			switch next {
			case 'n', 'N', '\\', ';', ',':
				b = append(b, s[i])
				i++
			case ':', '"':
				i++
			default:
				b = append(b, '\\')
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}

// Escape returns a text as it stands in a value.
func Escape(s string) string {
	if !strings.ContainsAny(s, "\\;,\r\n") {
		return s
	}
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`, "\r", `\n`).Replace(s)
}

// Split takes a value apart at separators that are not escaped. The parts keep their escapes.
func Split(s string, separator byte) []string {
	if strings.IndexByte(s, separator) < 0 {
		return []string{s}
	}
	var parts []string
	from := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case separator:
			parts = append(parts, s[from:i])
			from = i + 1
		}
	}
	return append(parts, s[from:])
}

// Text returns bytes as UTF-8: they are that where they are valid, else they are in the charset that is given, or where
// that is not known in the code page. UTF-8 of which less is wrong than right stays that, with U+FFFD for what is wrong.
func Text(b []byte, charset string, page int) string {
	cp, known := 0, false
	if charset != "" {
		cp, known = codepage.ByLabel(charset)
	}
	if known && cp != codepage.UTF8 && (isASCII(b) && is7Bit(cp) || !isASCII(b) && !validUTF8(b)) {
		s, _ := codepage.Decode(cp, b)
		return s
	}
	if validUTF8(b) {
		return string(b)
	}
	if mostlyUTF8(b) {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	if page == 0 || page == codepage.UTF8 || !codepage.Known(page) {
		page = codepage.Default
	}
	s, _ := codepage.Decode(page, b)
	return s
}

// MailtoURI returns the URI of a mail address, as [Writer.Mailto] writes it.
func MailtoURI(address string) string {
	var b strings.Builder
	var l Writer
	l.Reset(&b, ICalendar)
	l.inValue, l.column = true, -len(address)*3-lineLength
	l.Mailto(strings.TrimSpace(address))
	_ = l.Flush() // a builder takes everything
	return b.String()
}

// AddressOf returns the mail address in a URI, and false for one of another sort. A bare address counts too.
func AddressOf(uri string) (string, bool) {
	uri = strings.TrimSpace(uri)
	const scheme = "mailto:"
	bare := true
	if len(uri) >= len(scheme) && strings.EqualFold(uri[:len(scheme)], scheme) {
		uri, bare = strings.TrimSpace(uri[len(scheme):]), false
		if i := strings.IndexByte(uri, '?'); i >= 0 && strings.IndexByte(uri, '@') < i {
			uri = uri[:i]
		}
		if plain, err := url.PathUnescape(uri); err == nil && !strings.ContainsAny(plain, "\r\n\x00") {
			uri = plain
		}
	}
	if at := strings.LastIndexByte(uri, '@'); at <= 0 || at == len(uri)-1 || bare && strings.IndexByte(uri[:at], ':') >= 0 {
		return uri, !bare && uri != ""
	}
	return uri, true
}
