package compare

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"mailmill/formats/codepage"
	"mailmill/formats/mime"
)

// header is that of a part.
type header struct {
	fields []field
	stray  *lineSum // lines that belong to no field, and what is too much
}

// field is a field of a header, unfolded.
type field struct {
	name  string // in lower case
	value string
}

func (h *header) get(name string) (string, bool) {
	for i := range h.fields {
		if h.fields[i].name == name {
			return h.fields[i].value, true
		}
	}
	return "", false
}

// header reads a header up to its empty line.
func (m *mailReader) header() *header {
	h := new(header)
	var current []byte // of the current field; nil where there is none
	size := 0
	flush := func() {
		if current == nil {
			return
		}
		name, value, _ := bytes.Cut(current, []byte(":"))
		h.fields = append(h.fields, field{strings.ToLower(string(bytes.TrimRight(name, " \t"))), string(value)})
		current = nil
	}
	for {
		p, ok := m.lines.next()
		if !ok || p.begin && p.end && len(p.data) == 0 {
			break
		}
		size += len(p.data)
		folded := !p.begin || len(p.data) > 0 && (p.data[0] == ' ' || p.data[0] == '\t')
		switch {
		case size > mostHeader:
			h.strayed(p)
		case folded && current != nil:
			current = append(current, p.data...)
		case !folded && isField(p.data):
			flush()
			current = bytes.Clone(p.data)
		default:
			flush()
			h.strayed(p)
		}
	}
	flush()
	return h
}

func (h *header) strayed(p piece) {
	if h.stray == nil {
		h.stray = newLineSum()
	}
	h.stray.trimmed(p)
}

// isField reports whether a line begins with the name of a field and a colon (RFC 5322 2.2).
func isField(line []byte) bool {
	i := bytes.IndexByte(line, ':')
	if i < 1 {
		return false
	}
	name := bytes.TrimRight(line[:i], " \t") // RFC 5322 4.5
	return len(name) > 0 && !bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7F })
}

// stateFields hold what mbox files and mail programs note about a message.
var stateFields = []string{
	"status", "x-status", "x-keywords", "x-uid", "x-imap", "x-imapbase", "content-length", "lines", "x-mozilla-status", "x-mozilla-status2", "x-mozilla-keys",
}

// traceFields are what servers put on top of a message that they take: the trace of RFC 5321 4.4, what checks of the
// sender leave, and notes of their own.
var traceFields = []string{
	"received", "x-received", "return-path", "delivered-to", "x-original-to", "x-delivered-to", "envelope-to", "x-envelope-to", "x-envelope-from", "delivery-date",
	"authentication-results", "received-spf", "arc-seal", "arc-message-signature", "arc-authentication-results", "x-sieve", "x-gmail-labels",
	"x-originalarrivaltime",
}

// tracePrefixes begin the names of others.
var tracePrefixes = []string{"x-gm-", "x-cyrus-", "x-dovecot-", "x-ms-exchange-", "x-zimbra-", "x-resolved-"}

func isTrace(name string) bool {
	return slices.Contains(traceFields, name) || slices.ContainsFunc(tracePrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// headerFacts adds the facts of a header: of the message itself, or of what is in it.
func (m *mailReader) headerFacts(prefix string, h *header, outermost bool) {
	list := make([]Fact, 0, len(h.fields))
	for _, f := range h.fields {
		if f.name == "mime-version" || outermost && slices.Contains(stateFields, f.name) {
			continue
		}
		trace := outermost && isTrace(f.name)
		for _, value := range h.canonical(f) {
			if len(value) > longestField {
				value = fmt.Sprintf("%s… %d bytes, sha256 %x", strings.ToValidUTF8(value[:200], ""), len(value), sha256.Sum256([]byte(value)))
			}
			list = append(list, Fact{Field: prefix + display(f.name), Value: value, Trace: trace})
		}
	}
	slices.SortStableFunc(list, func(a, b Fact) int { return cmp.Compare(a.Field, b.Field) })
	for _, f := range list {
		m.facts.add(f)
	}
	if h.stray != nil && h.stray.size > 0 {
		m.facts.add(Fact{Field: prefix + "lines in the header that are none of it", Value: h.stray.value()})
	}
}

// display returns the name of a field as people know it.
func display(name string) string {
	b := []byte(name)
	for i := range b {
		if (i == 0 || b[i-1] == '-') && 'a' <= b[i] && b[i] <= 'z' {
			b[i] -= 'a' - 'A'
		}
	}
	s := string(b)
	if strings.HasSuffix(s, "-Id") {
		s = s[:len(s)-1] + "D"
	}
	return s
}

// canonical returns the values of a field, none where it says nothing.
func (h *header) canonical(f field) []string {
	switch f.name {
	case "content-transfer-encoding":
		if _, known := transferOf(f.value); known {
			return nil
		}
	case "content-type":
		return h.canonicalType(f.value)
	case "content-disposition":
		value, params := mime.ParseParams(f.value)
		var list []string
		for _, p := range params {
			list = append(list, p.Name+"="+p.Value)
		}
		return one(withParams(value, list))
	case "date", "resent-date", "delivery-date", "expires", "expiry-date", "reply-by", "deferred-delivery":
		if t, err := mime.ParseDate(strings.TrimSpace(oneLine(f.value))); err == nil {
			return []string{t.Format(time.RFC3339)}
		}
	case "message-id", "in-reply-to", "references", "resent-message-id", "content-id", "received", "x-received":
		return one(oneLine(f.value))
	case "keywords":
		var list []string
		for _, word := range splitKeywords(f.value) {
			list = append(list, one(text(word))...)
		}
		return list
	}
	if mime.IsAddressField(f.name) {
		if list := canonicalAddresses(f.value); list != nil {
			return list
		}
	}
	return one(text(f.value))
}

func one(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

// canonicalType returns a media type with its parameters, but for what depends on how the content is written.
func (h *header) canonicalType(value string) []string {
	typ, params := mime.ParseParams(value)
	if typ == "" {
		return one(text(value))
	}
	_, isText := h.charset(typ, params)
	var list []string
	for _, p := range params {
		if p.Name == "boundary" && strings.HasPrefix(typ, "multipart/") || p.Name == "charset" && isText {
			continue
		}
		v := p.Value
		if p.Name == "charset" {
			v = strings.ToLower(v)
		}
		list = append(list, p.Name+"="+v)
	}
	if typ == "text/plain" && len(list) == 0 {
		return nil // it is what a part without the field is
	}
	return []string{withParams(typ, list)}
}

func withParams(value string, params []string) string {
	slices.Sort(params)
	return strings.Join(append([]string{value}, params...), "; ")
}

// canonicalAddresses returns the addresses of a field; nil where there is no telling what they are.
func canonicalAddresses(value string) []string {
	var list []string
	for _, a := range mime.ParseAddressList(valid(value)) {
		s := blanks(a.Name)
		if a.Stored != "" {
			if s != "" {
				s += " "
			}
			s += "<" + lowerDomain(a.Stored) + ">"
		}
		if a.Group != "" {
			s = blanks(a.Group) + ": " + s
		}
		list = append(list, s)
	}
	return list
}

// lowerDomain returns an address with its domain, in which case makes no difference, in lower case (RFC 5321 2.4).
func lowerDomain(address string) string {
	i := strings.LastIndexByte(address, '@')
	if i < 0 {
		return address
	}
	return address[:i] + strings.ToLower(address[i:])
}

// splitKeywords splits a list at its commas, but for those in quotes.
func splitKeywords(value string) []string {
	var list []string
	quoted, start := false, 0
	for i := 0; i < len(value); i++ {
		switch {
		case value[i] == '"':
			quoted = !quoted
		case value[i] == ',' && !quoted:
			list = append(list, value[start:i])
			start = i + 1
		}
	}
	return append(list, value[start:])
}

// text returns what an unstructured value says.
func text(value string) string { return blanks(mime.DecodeWords(valid(value))) }

// oneLine returns a value as it stands but for its folding.
func oneLine(value string) string { return blanks(valid(value)) }

// blanks makes one blank of many: where a line was folded nobody can tell how many there were.
func blanks(s string) string { return strings.Join(strings.Fields(s), " ") }

// valid returns 8-bit text in UTF-8.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	decoded, _ := codepage.Decode(codepage.Default, []byte(s))
	return decoded
}
