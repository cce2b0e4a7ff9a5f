package contentline

import (
	"slices"
	"strings"
	"unicode/utf8"

	"mailmill/formats/codepage"
)

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func validUTF8(b []byte) bool { return utf8.Valid(b) }

// mostlyUTF8 reports whether more characters beyond ASCII are valid than octets are not.
//
// QUIRK: programs cut texts off within a character.
func mostlyUTF8(b []byte) bool {
	balance := 0
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == utf8.RuneError && n == 1:
			balance--
		case n > 1:
			balance++
		}
		b = b[n:]
	}
	return balance > 0
}

// is7Bit reports whether a code page has other characters than those of ASCII in octets that ASCII has.
func is7Bit(cp int) bool {
	switch cp {
	case codepage.UTF7, 50220, 50221, 50222, 50225, 52936:
		return true
	}
	return false
}

// QuotedPrintable decodes a value (RFC 2045 6.7), whose soft line breaks are line feeds after an equals sign. What is not
// encoded stays.
func QuotedPrintable(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '=' {
			out = append(out, c)
			continue
		}
		j := i + 1
		for j < len(s) && (s[j] == ' ' || s[j] == '\t' || s[j] == '\r') {
			j++
		}
		switch {
		case j == len(s):
			i = j
		case s[j] == '\n':
			i = j
		case i+2 < len(s) && hex(s[i+1]) >= 0 && hex(s[i+2]) >= 0:
			out = append(out, byte(hex(s[i+1])<<4|hex(s[i+2])))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return out
}

func hex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}

// Line is a line of a component that was made right.
type Line struct {
	// as is the line as it came, where it can be written so: folded with CRLF, or where its folds were wrong without.
	as     []byte
	folded bool
	Property
}

// Change says that the property is not what the line was.
func (l *Line) Change() { l.as = nil }

// Write writes the line: as it came, unless it had to be changed.
func (l *Line) Write(w *Writer) {
	switch {
	case l.as != nil && l.folded:
		w.Folded(l.as)
	case l.as != nil:
		w.Unfolded(string(l.as))
	default:
		w.Unfolded(l.String())
	}
}

// Decoder makes lines right that were written as they should not be.
type Decoder struct {
	// CodePage is that of 8-bit text that says nothing of its own and is no UTF-8; 0 is Windows-1252.
	CodePage int
	// Old has values decoded as vCard 2.1 and vCalendar 1.0 encode them; their parameters stay, so that who translates
	// them knows.
	Old bool
}

// Decode returns the lines of a component, and says of how many something had to be made right that is more than
// folding. What is no property goes on with the text of the line before, on a line of its own; where that is base64, it goes
// on with that. Behind what is neither, as a time is, it gets a name.
func (d Decoder) Decode(text []byte) (lines []Line, mended int) {
	var more []byte // of the last line
	goOn := func() {
		if len(more) > 0 {
			last := &lines[len(lines)-1]
			last.Value += string(more)
			last.Change()
			more = more[:0]
		}
	}
	for raw := range Lines(text) {
		unfolded := Unfold(raw)
		p, ok := d.property(unfolded)
		asItIs := ok && !joinName(&p) && !d.Old && utf8.Valid(unfolded) && !needsName(&p, unfolded) && !isQuotedPrintable(unfolded)
		if !ok {
			mended++
			stray := Text(unfolded, "", d.CodePage)
			if n := len(lines) - 1; n >= 0 {
				switch last := &lines[n].Property; {
				case isBase64(last):
					more = append(more, stray...)
					continue
				case mayGoOn(last.Name):
					more = append(append(more, `\n`...), Escape(stray)...)
					continue
				}
			}
			p = Property{Name: strayName, Value: Escape(stray)}
		}
		goOn()
		line := Line{Property: p}
		switch {
		case asItIs && IsCanonical(raw):
			line.as, line.folded = crlf(raw), true
		case asItIs:
			line.as = unfolded
		}
		lines = append(lines, line)
	}
	goOn()
	return lines, mended
}

// strayName is the name of what has none and continues nothing.
const strayName = "X-PST-STRAY"

// mayGoOn reports whether the properties of a name are texts, which may go on. What programs reckon with is none: a time
// that is followed by words is no time any more.
func mayGoOn(name string) bool {
	switch name {
	case "BEGIN", "END", "VERSION", "UID", "TZID", "REV", "BDAY", "ANNIVERSARY", "DTSTART", "DTEND", "DUE", "DURATION", "DTSTAMP", "CREATED", "LAST-MODIFIED",
		"COMPLETED", "RECURRENCE-ID", "EXDATE", "RDATE", "RRULE", "EXRULE", "TRIGGER", "ORGANIZER", "ATTENDEE", "STATUS", "TRANSP", "CLASS", "SEQUENCE", "PRIORITY":
		return false
	}
	return true
}

func isBase64(p *Property) bool {
	switch e := p.Get("ENCODING"); e {
	case "BASE64", "base64", "Base64", "B", "b":
		return true
	}
	for _, t := range p.Params {
		if t.Name == "" && len(t.Values) == 1 && (t.Values[0] == "BASE64" || t.Values[0] == "base64") {
			return true
		}
	}
	return false
}

// joinName makes one name of a CN that its commas have taken apart, and reports whether there was one.
//
// QUIRK: programs of all sorts write "CN=Doe, Jane" without quotation marks.
func joinName(p *Property) (joined bool) {
	for i := range p.Params {
		if q := &p.Params[i]; q.Name == "CN" && len(q.Values) > 1 {
			q.Values, joined = []string{strings.Join(q.Values, ", ")}, true
		}
	}
	return joined
}

// needsName reports whether a parameter stands without its name, blanks around names, or quotation marks within a value:
// lines that have to be made anew.
func needsName(p *Property, line []byte) bool {
	for _, q := range p.Params {
		if q.Name == "" || !isName(q.Name) || slices.ContainsFunc(q.Values, func(v string) bool { return strings.Contains(v, `"`) }) {
			return true
		}
	}
	for _, c := range line {
		switch c {
		case ' ', '\t', '_':
			return true
		case ':', ';':
			return false
		}
	}
	return false
}

// property parses a line and decodes its text.
func (d Decoder) property(line []byte) (Property, bool) {
	qp := isQuotedPrintable(line)
	if utf8.Valid(line) && !d.Old && !qp {
		return Parse(string(line))
	}
	// Names and parameters are mostly ASCII. A charset among them counts for the value.
	p, ok := Parse(latin(line))
	if !ok {
		return p, false
	}
	charset := p.Get("CHARSET")
	for i := range p.Params {
		for j, v := range p.Params[i].Values {
			p.Params[i].Values[j] = Text(unlatin(v), charset, d.CodePage)
		}
	}
	value := unlatin(p.Value)
	if qp {
		value = QuotedPrintable(string(value))
	}
	p.Value = Text(value, charset, d.CodePage)
	if qp && !d.Old {
		// QUIRK: programs write the encoding of older versions in newer ones, which have none but base64.
		p.Value = strings.NewReplacer("\r\n", `\n`, "\n", `\n`, "\r", `\n`).Replace(p.Value)
		p.Remove("ENCODING", "CHARSET")
		p.Params = slices.DeleteFunc(p.Params, func(q Param) bool { return q.Name == "" && len(q.Values) == 1 && isQuotedPrintableParam(q.Values[0]) })
	}
	return p, true
}

// latin returns octets as characters of the same numbers, so that what is no UTF-8 can be taken apart.
func latin(b []byte) string {
	if isASCII(b) {
		return string(b)
	}
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return string(r)
}

// unlatin is the inverse of latin.
func unlatin(s string) []byte {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		b = append(b, byte(r))
	}
	return b
}

// crlf returns a line with CRLF in its folds.
func crlf(line []byte) []byte {
	out := make([]byte, 0, len(line)+2)
	for at := 0; at < len(line); {
		end, next := cutLine(line, at)
		if at > 0 {
			out = append(out, '\r', '\n')
		}
		out = append(out, line[at:end]...)
		at = next
	}
	return out
}
