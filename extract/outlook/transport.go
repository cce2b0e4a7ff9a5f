package outlook

import (
	"bytes"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
)

// transport is a message's transport headers.
type transport struct {
	fields  []formats.Field
	foreign bool // they belong to some other message
	parsed  bool // the address fields have their addresses
	// id is the message identifier in them, as [messageID] returns it.
	id string
	// contentType is the one the message had; the root part has one of its own.
	contentType string
}

// readTransport reads the transport headers and checks that they are the message's own.
func (m *message) readTransport() {
	v := m.value(mapi.PidTagTransportMessageHeaders, "transport headers")
	if !v.Exists() {
		return
	}
	var b []byte
	switch v.Type {
	case mapi.String8, mapi.Binary:
		b = bytes.Clone(v.Bytes())
	default:
		b = v.AppendText(m.memory.header[:0], m.cp)
		if m.memory.header != nil {
			m.memory.header = b
		}
	}
	h := &m.headers
	h.fields = mime.AppendTransport(m.memory.fields[:0], b, m.cp)
	if m.memory.fields != nil {
		m.memory.fields = h.fields
	}
	for i := range h.fields {
		if f := &h.fields[i]; h.contentType == "" && sameName(f.Name, "Content-Type") {
			h.contentType = mime.Value(f)
		}
	}
	if f := h.find("Message-ID"); f != nil {
		h.id = mime.MessageID(mime.Value(f))
	}
	h.foreign = m.isForeign()
	if h.foreign {
		return
	}
	for i := range h.fields {
		f := &h.fields[i]
		switch {
		case mime.IsAddressField(f.Name):
			f.Addresses = m.memory.addressList(f)
			for _, a := range f.Addresses {
				ungroup(a)
			}
			h.parsed = true
		case sameName(f.Name, "Return-Path"):
			f.Addresses = exchangePath(mime.Value(f))
			h.parsed = h.parsed || f.Addresses != nil
		}
	}
}

// ungroup makes an address of an empty group in whose name an Exchange name stands: that is what an address which is none
// becomes where a field has to be written anew for its 8-bit text (mime.AppendTransport), and what such a field has become
// in an archive that was converted before.
func ungroup(a *formats.Address) {
	if a.Group == "" || a.Stored != "" || a.Name != "" {
		return
	}
	name, stored := "", a.Group
	if i := strings.LastIndexByte(stored, '<'); i >= 0 && stored[len(stored)-1] == '>' {
		name, stored = strings.TrimSpace(stored[:i]), stored[i+1:len(stored)-1]
	}
	if addr := mapi.CleanAddress(stored); mapi.IsDN(addr) || mapi.IsIMCEA(addr) {
		a.Name, a.Stored, a.Group = name, stored, ""
	}
}

// exchangePath returns the address of a Return-Path that is none outside Exchange; nil for others, which stay as they are.
func exchangePath(value string) []*formats.Address {
	addr := strings.Trim(oneLine(value), "<> ")
	if clean := mapi.CleanAddress(addr); !mapi.IsDN(clean) && !mapi.IsIMCEA(clean) {
		return nil
	}
	return []*formats.Address{{Stored: addr}}
}

// isForeign reports whether the transport headers are another message's, as when a program copied the properties of
// one into another: their Message-ID is not the message's, or, where that cannot be told, their subject has nothing to
// do with the message's.
func (m *message) isForeign() bool {
	v, theirs := m.get(mapi.PidTagInternetMessageId), m.headers.id
	if theirs != "" && isText(v, theirs) {
		return false
	}
	if own := mime.MessageID(oneLine(v.Text(m.cp))); own != "" && theirs != "" {
		return !strings.EqualFold(own, theirs) // some programs change the letter case of the domain
	}
	f := m.headers.find("Subject")
	if f == nil || m.subject == "" {
		return false
	}
	a, b := subjectKey(m.subject), subjectKey(mime.DecodeWords(mime.Value(f)))
	return a != "" && b != "" && !strings.Contains(a, b) && !strings.Contains(b, a)
}

// subjectKey is a subject without its prefixes and blanks, of lower case.
func subjectKey(s string) string {
	for {
		i := strings.IndexByte(s, ':')
		if i < 1 || i > 4 {
			break
		}
		s = s[i+1:]
	}
	return strings.Join(strings.Fields(strings.ToLower(s)), "")
}

// find returns the first field of a name.
func (t *transport) find(name string) *formats.Field {
	for i := range t.fields {
		if sameName(t.fields[i].Name, name) {
			return &t.fields[i]
		}
	}
	return nil
}

// sameName reports whether two names of fields, which are ASCII, are the same.
func sameName(a, b string) bool { return len(a) == len(b) && strings.EqualFold(a, b) }

// isBroken reports whether a field of text is empty, or has lost characters on its way.
func isBroken(f *formats.Field) bool {
	if v, ok := rawValue(f); ok && !bytes.Contains(v, []byte("=?")) {
		return len(v) == 0
	}
	v := mime.DecodeWords(mime.Value(f))
	return v == "" || strings.Contains(v, "\uFFFD")
}

// rawValue returns the value of a field as it stands there; false where it is none that came, or on more than one line.
func rawValue(f *formats.Field) ([]byte, bool) {
	_, v, ok := bytes.Cut(f.Raw, []byte(":"))
	v = bytes.TrimSpace(v)
	return v, ok && bytes.IndexByte(v, '\n') < 0 && bytes.IndexByte(v, '\r') < 0
}

// list returns the addresses of the only field of a name, and false where there is none or more than one.
func (t *transport) list(name string) ([]*formats.Address, bool) {
	var list []*formats.Address
	n := 0
	for i := range t.fields {
		if sameName(t.fields[i].Name, name) {
			list = t.fields[i].Addresses
			n++
		}
	}
	return list, n == 1
}

// align resolves participants by the header fields that name the same people.
func (m *message) align() {
	if !m.headers.parsed {
		return
	}
	m.alignOne("From", m.representing)
	m.alignOne("Sender", m.sender)
	if len(m.replyTo) == 1 {
		m.alignOne("Reply-To", m.replyTo[0])
	}
	m.alignList("To", m.rows[mapi.RecipientTo])
	m.alignList("Cc", m.rows[mapi.RecipientCc])
}

// alignOne matches a field with one mailbox with a participant, where their names agree.
func (m *message) alignOne(field string, p person) {
	list, ok := m.headers.list(field)
	if !ok || len(list) != 1 || p.Address == nil {
		return
	}
	m.alignList(field, []person{p})
}

// alignList matches a list with the recipients of its type: only if there are as many, and every name agrees. Lists that
// were expanded and copies that were blind break the order, and one name that differs says that this happened.
func (m *message) alignList(field string, rows []person) {
	open := false
	for _, p := range rows {
		open = open || p.SMTP == "" && p.dn != ""
	}
	if !open {
		return
	}
	list, ok := m.headers.list(field)
	if !ok || len(list) != len(rows) {
		return
	}
	for i, a := range list {
		if !namesAgree(a, rows[i]) {
			return
		}
	}
	for i, a := range list {
		p := rows[i]
		if p.SMTP != "" || p.dn == "" {
			continue
		}
		if of := byAddress(a.Stored); of.SMTP != "" {
			p.SMTP, p.Via = of.SMTP, formats.ViaHeaders
		}
	}
}

// namesAgree reports whether a header's address and a participant have one name. Where the participant's address is
// known it is what counts.
func namesAgree(a *formats.Address, p person) bool {
	if p.SMTP != "" && mapi.SMTPKey(a.Stored) == mapi.SMTPKey(p.SMTP) {
		return true
	}
	name := cleanName(a.Name, &formats.Address{Stored: a.Stored, SMTP: a.Stored})
	key := formats.NameKey(name)
	return key != "" && key == formats.NameKey(p.Name)
}

// rewrite gives the addresses of the header's fields what is known of them, so that no Exchange address is written.
func (m *message) rewrite() {
	for i := range m.headers.fields {
		f := &m.headers.fields[i]
		list := f.Addresses
		for j, a := range list {
			if a.Stored == "" {
				if a.Name != "" {
					// QUIRK: a name alone is no mailbox. Outlook writes some, and so do old gateways.
					f.Raw = nil
					if p := m.byName(f.Name, a.Name); p.Address != nil {
						list[j] = p.Address
					}
				}
				continue
			}
			of := byAddress(a.Stored)
			a.SMTP, a.Via = of.SMTP, of.Via
			m.resolve(person{Address: a, dn: of.dn})
			if a.Spec() != a.Stored {
				a.Name = cleanName(oneLine(a.Name), a)
			}
			if a.Name == "" && a.SMTP == "" && of.dn == "" {
				a.Name = cleanName(oneLine(a.Stored), a) // what stands for an address may name somebody
			}
		}
	}
}

// byName returns the participant that a field names by its name alone: the only one of that name in the field's role.
func (m *message) byName(field, name string) person {
	var list []person
	switch strings.ToLower(field) {
	case "from":
		list = []person{m.representing}
	case "sender":
		list = []person{m.sender}
	case "reply-to":
		list = m.replyTo
	case "to":
		list = m.rows[mapi.RecipientTo]
	case "cc":
		list = m.rows[mapi.RecipientCc]
	}
	var found person
	key := formats.NameKey(name)
	for _, p := range list {
		if p.Address != nil && formats.NameKey(p.Name) == key {
			if found.Address != nil {
				return person{}
			}
			found = p
		}
	}
	return found
}

// isStructural reports whether a field describes the body as it was. The body is built anew, so these would be lies.
func isStructural(name string) bool {
	var room [32]byte
	switch string(lowered(room[:0], name)) {
	case "mime-version", "content-type", "content-transfer-encoding", "content-disposition", "content-id", "content-description",
		"content-md5", "content-length", "lines", "x-ms-tnef-correlator", "x-mimeole":
		return true
	}
	return false
}

// lowered appends a name, which is ASCII, in lower case.
func lowered(b []byte, name string) []byte {
	for i := range len(name) {
		c := name[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}

// messageIDs returns all message identifiers in a value, with a blank between them.
func messageIDs(s string) string {
	if strings.IndexByte(s, '<') < 0 {
		if s = strings.TrimSpace(s); strings.IndexByte(s, '@') < 1 || strings.ContainsAny(s, " \t,;") {
			return ""
		}
		return mime.MessageID(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	for {
		begin := strings.IndexByte(s, '<')
		if begin < 0 {
			return b.String()
		}
		size := strings.IndexByte(s[begin:], '>')
		if size < 0 {
			return b.String()
		}
		id := s[begin : begin+size+1]
		if id = mime.MessageID(id[strings.LastIndexByte(id, '<'):]); id != "" {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(id)
		}
		s = s[begin+size+1:]
	}
}

func withoutBlanks(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7F {
			return -1
		}
		return r
	}, s)
}

func (m *message) headerSubject() string {
	if f := m.headers.find("Subject"); f != nil && !m.headers.foreign {
		return oneLine(mime.DecodeWords(mime.Value(f)))
	}
	return ""
}

func (m *message) headerDate() time.Time {
	if f := m.headers.find("Date"); f != nil && !m.headers.foreign {
		if t, absurd := parseDate(f); !absurd {
			return t
		}
	}
	return time.Time{}
}

// parseDate returns the date in a field, zero where it cannot be made out; absurd says that it is none that a mail can
// have (RFC 5322 3.3).
//
// QUIRK: converters to and from Notes write years before 1900 for "no date".
func parseDate(f *formats.Field) (t time.Time, absurd bool) {
	t, err := mime.ParseDate(mime.Value(f))
	if err != nil {
		return time.Time{}, false
	}
	return t, t.Year() < 1900 || t.Year() > 4000
}
