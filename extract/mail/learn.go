package mail

import (
	"strings"

	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
)

// Learn adds to a lesson what the header of a message tells of people: who has which mail address and display name, who has
// an Exchange name in the place of an address, and, where mailmill has kept that beside the address, both.
func Learn(head []byte, lesson *formats.Lesson) {
	m, err := mime.Read(formats.Bytes(head), int64(len(head)), 0)
	if err == nil {
		learn(m, lesson)
	}
}

func learn(m *formats.Mail, lesson *formats.Lesson) {
	for i := range m.Header {
		f := &m.Header[i]
		switch {
		case strings.EqualFold(f.Name, "Date"):
			if lesson.Date.IsZero() {
				lesson.Date = date(mime.Value(f))
			}
		case strings.EqualFold(f.Name, keptField):
			if e, ok := kept(m, mime.Subject(mime.FieldText(f, 0))); ok {
				lesson.Evidence = append(lesson.Evidence, e)
			}
		}
		for _, a := range f.Addresses {
			if e, ok := evidenceOf(a); ok {
				lesson.Evidence = append(lesson.Evidence, e)
			}
		}
	}
}

// Bounds of what is worth remembering.
const (
	longestAddress = 1024
	longestName    = 256
)

// evidenceOf returns what one participant tells.
func evidenceOf(a *formats.Address) (e formats.Evidence, ok bool) {
	e.Class = formats.EvidenceSeen
	addr := mapi.CleanAddress(a.Stored)
	if len(addr) > longestAddress {
		return e, false
	}
	switch mapi.ShapeOf(addr) {
	case mapi.ShapeSMTP:
		e.SMTP = strings.Clone(addr) // which may be a part of something big
	case mapi.ShapeDN:
		e.DN = strings.Clone(addr)
	case mapi.ShapeIMCEA:
		_, inner, domain, _ := mapi.DecodeIMCEA(addr)
		switch inner = mapi.CleanAddress(inner); mapi.ShapeOf(inner) {
		case mapi.ShapeDN:
			e.DN, e.Domain = inner, domain
		case mapi.ShapeSMTP:
			e.SMTP = inner
		}
	}
	if len(a.Name) <= longestName {
		e.Name = strings.Clone(a.Name)
	}
	return e, e.SMTP != "" || e.DN != ""
}

// keptField has a stored Exchange address of a mail that was written of an Outlook data file: "role; name; address".
const keptField = "X-PST-EX-Address"

// kept returns what such a field tells together with the address that stands in the role's field: that of the only one who has
// the name.
func kept(m *formats.Mail, value string) (e formats.Evidence, ok bool) {
	role, rest, _ := strings.Cut(value, "; ")
	i := strings.LastIndex(rest, "; ")
	if i < 0 {
		return e, false
	}
	name, dn := rest[:i], mapi.CleanAddress(rest[i+2:])
	if !mapi.IsDN(dn) || len(dn) > longestAddress || len(name) > longestName {
		return e, false
	}
	var list []*formats.Address
	switch role {
	case "from":
		list = []*formats.Address{m.From}
	case "sender":
		list = []*formats.Address{m.Sender}
	case "reply-to":
		list = m.ReplyTo
	case "to":
		list = m.To
	case "cc":
		list = m.Cc
	case "bcc":
		list = m.Bcc
	}
	e = formats.Evidence{Class: formats.EvidenceHeader, DN: strings.Clone(dn), Name: strings.Clone(name)}
	for _, a := range list {
		if a == nil || a.SMTP == "" || formats.NameKey(a.Name) != formats.NameKey(name) {
			continue
		}
		if e.SMTP != "" {
			return e, false
		}
		e.SMTP = strings.Clone(a.SMTP)
	}
	return e, e.SMTP != ""
}
