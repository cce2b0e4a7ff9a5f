package mail

import (
	"strings"

	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
)

// Learn adds to a lesson what the header of a message tells of people: who has which mail address and display name, and
// who has an Exchange name in the place of an address.
func Learn(head []byte, lesson *formats.Lesson) {
	m, err := mime.Read(formats.Bytes(head), int64(len(head)), 0)
	if err == nil {
		learn(m, lesson)
	}
}

func learn(m *formats.Mail, lesson *formats.Lesson) {
	for i := range m.Header {
		f := &m.Header[i]
		if lesson.Date.IsZero() && strings.EqualFold(f.Name, "Date") {
			lesson.Date = date(mime.Value(f))
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
		e.SMTP = strings.Clone(addr)
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
