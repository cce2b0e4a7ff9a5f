package outlook

import (
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// details reads what events, tasks, notes and journal entries have in common. Bodies and attachments are read by it,
// participants are not; hidden says which attachments are none to a person, and may be nil.
func (m *message) details(kind formats.Kind, hidden func(mapi.Attachment) bool) formats.Details {
	d := m.facts(kind)
	m.readBody()
	m.describe(&d)
	if hidden != nil {
		m.hide(hidden)
	}
	for _, a := range m.withRTF(m.readAttachments()) {
		d.Attachments = append(d.Attachments, a.part)
	}
	return d
}

// facts reads the details that are neither text nor attachments.
func (m *message) facts(kind formats.Kind) formats.Details {
	d := formats.Details{
		UID:      m.uid(kind),
		Summary:  m.subject,
		Created:  m.time(mapi.PidTagCreationTime),
		Modified: m.time(mapi.PidTagLastModificationTime),
		Class:    m.privacy(),
	}
	if v := m.value(mapi.PidTagImportance, "importance"); v.Exists() {
		d.Priority = priority(v.Int())
	}
	d.Contacts = m.namedTexts(mapi.PidLidContacts, "linked contacts")
	d.Companies = m.namedTexts(mapi.PidLidCompanies, "companies")
	d.Extra = property(d.Extra, "X-PST-MILEAGE", m.namedLine(mapi.PidLidMileage, "mileage"))
	d.Extra = property(d.Extra, "X-PST-BILLING", m.namedLine(mapi.PidLidBilling, "billing information"))
	return d
}

// describe fills in the bodies, which were read before.
func (m *message) describe(d *formats.Details) {
	if m.text != nil && !m.blankText() {
		d.Text = m.text.Content
	}
	if m.html != nil {
		d.HTML = m.html.Content
	}
}

// hide leaves attachments out of what readAttachments reads.
func (m *message) hide(hidden func(mapi.Attachment) bool) {
	all, _ := m.attached() // readAttachments reports what is lost
	shown := make([]mapi.Attachment, 0, len(all))
	for _, a := range all {
		if !hidden(a) {
			shown = append(shown, a)
		}
	}
	m.list = shown
}

// privacy returns who may see the item: Outlook's mark for private things counts as much as the sensitivity
// (MS-OXCICAL 2.1.3.1.1.20.4).
func (m *message) privacy() formats.Class {
	const personal, private, confidential = 1, 2, 3
	switch m.int(mapi.PidTagSensitivity) {
	case personal, private:
		return formats.ClassPrivate
	case confidential:
		return formats.ClassConfidential
	}
	if m.named(mapi.PidLidPrivate, "privacy").Bool() {
		return formats.ClassPrivate
	}
	return formats.ClassPublic
}

// priority returns the priority of RFC 5545 3.8.1.9 for an importance (MS-OXCICAL 2.1.3.1.1.20.17).
func priority(importance int64) int {
	switch importance {
	case 0:
		return 9
	case 2:
		return 1
	}
	return 5
}

// namedTexts returns a list of texts of one line each.
func (m *message) namedTexts(n mapi.Name, part string) []string {
	v := m.named(n, part)
	if !v.Exists() {
		return nil
	}
	var list []string
	for _, s := range v.Texts(m.cp) {
		if s = oneLine(s); s != "" {
			list = append(list, s)
		}
	}
	return list
}

// property adds a property that has a value.
func property(list []formats.Property, name, value string) []formats.Property {
	if value == "" {
		return list
	}
	return append(list, formats.Property{Name: name, Value: value})
}

// timeProperty adds a property with a point of time, where there is one.
func timeProperty(list []formats.Property, name string, t time.Time) []formats.Property {
	if t.IsZero() {
		return list
	}
	return append(list, formats.Property{Name: name, Value: t.UTC().Format("20060102T150405Z"), Structured: true})
}

// webLink returns a text that is the address of something in the web, and "" for all others.
func webLink(s string) string {
	s = withoutBlanks(s)
	scheme, rest, found := strings.Cut(s, ":")
	if !found || rest == "" || scheme == "" {
		return ""
	}
	for i, c := range []byte(scheme) {
		switch {
		case 'a' <= c|0x20 && c|0x20 <= 'z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return ""
		}
	}
	return s
}
