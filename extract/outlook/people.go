package outlook

import (
	"strings"
	"unicode"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// role lists the properties in which a message keeps one participant (MS-OXCMAIL 2.6); 0 where a role has none of a
// kind.
type role struct{ name, typ, addr, entry, key, smtp mapi.ID }

var (
	roleSender = role{
		mapi.PidTagSenderName, mapi.PidTagSenderAddressType, mapi.PidTagSenderEmailAddress,
		mapi.PidTagSenderEntryId, mapi.PidTagSenderSearchKey, mapi.PidTagSenderSmtpAddress,
	}
	roleRepresenting = role{
		mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingAddressType, mapi.PidTagSentRepresentingEmailAddress,
		mapi.PidTagSentRepresentingEntryId, mapi.PidTagSentRepresentingSearchKey, mapi.PidTagSentRepresentingSmtpAddress,
	}
	roleReadReceipt = role{
		mapi.PidTagReadReceiptName, mapi.PidTagReadReceiptAddressType, mapi.PidTagReadReceiptEmailAddress,
		mapi.PidTagReadReceiptEntryId, mapi.PidTagReadReceiptSearchKey, mapi.PidTagReadReceiptSmtpAddress,
	}
	roleReceivedRepresenting = role{
		mapi.PidTagReceivedRepresentingName, mapi.PidTagReceivedRepresentingAddressType, mapi.PidTagReceivedRepresentingEmailAddress,
		mapi.PidTagReceivedRepresentingEntryId, mapi.PidTagReceivedRepresentingSearchKey, mapi.PidTagReceivedRepresentingSmtpAddress,
	}
	roleRow = role{
		mapi.PidTagRecipientDisplayName, mapi.PidTagAddressType, mapi.PidTagEmailAddress,
		mapi.PidTagEntryId, mapi.PidTagSearchKey, mapi.PidTagSmtpAddress,
	}
)

// person is a participant with what is needed to resolve it.
type person struct {
	*formats.Address
	dn  string // the key of the Exchange name it goes by, or empty
	row mapi.Properties
}

// people are a message's participants.
type people struct {
	sender, representing person
	replyTo              []person
	rows                 [4][]person // by recipient type; 0 are originators
	// known are the addresses of Exchange names, once learnt.
	known  map[string]*formats.Address
	learnt bool
	// room is where the addresses of participants are taken from.
	room []formats.Address
}

// address returns an address of its own with the content of a.
func (p *people) address(a formats.Address) *formats.Address {
	if len(p.room) == cap(p.room) {
		p.room = make([]formats.Address, 0, 2)
	}
	p.room = append(p.room, a)
	return &p.room[len(p.room)-1]
}

// readPeople reads the participants and resolves them from the properties of their roles.
func (m *message) readPeople() {
	rows, err := m.m.Recipients()
	if err != nil {
		m.lose("recipients", err)
	}
	m.readPeopleOf(rows)
}

// readPeopleOf is readPeople where the recipients are already there.
func (m *message) readPeopleOf(rows []mapi.Properties) {
	m.sender = m.person(&m.bag, &roleSender)
	m.representing = m.person(&m.bag, &roleRepresenting)
	if list := m.bytes(mapi.PidTagReplyRecipientEntries); len(list) > 0 {
		entries, err := mapi.FlatEntryList(list)
		if err != nil {
			m.lose("reply addresses", err)
		}
		for _, b := range entries {
			if p := m.entryPerson(b); p.Address != nil {
				m.replyTo = append(m.replyTo, p)
			}
		}
	}
	if len(rows) > cap(m.room)-len(m.room) {
		m.room = make([]formats.Address, 0, len(rows))
	}
	b := m.bag
	for _, row := range rows {
		b.p = row
		p := m.person(&b, &roleRow)
		if p.Address == nil {
			continue
		}
		p.row = row
		// MS-OXOMSG 2.2.3.1: types above Bcc do not occur; what has one, or has lost its own, was addressed all the same.
		stored := b.value(mapi.PidTagRecipientType, "recipient type")
		typ := stored.Int() & mapi.RecipientTypeMask
		if typ > mapi.RecipientBcc || !stored.Exists() {
			typ = mapi.RecipientTo
		}
		m.rows[typ] = append(m.rows[typ], p)
	}
}

// everybody calls visit for every participant that has an address or a name.
func (m *message) everybody(visit func(person)) {
	for _, p := range [...]person{m.representing, m.sender} {
		if p.Address != nil {
			visit(p)
		}
	}
	for _, list := range m.rows {
		for _, p := range list {
			visit(p)
		}
	}
	for _, p := range m.replyTo {
		visit(p)
	}
}

// shareKnown resolves participants by others of the message with the same Exchange name: where one occurs in several
// roles they all know what one of them does.
func (m *message) shareKnown() {
	m.everybody(func(p person) { m.resolve(p) })
}

// learn notes the addresses of the participants' Exchange names.
func (m *message) learn() {
	m.learnt = true
	m.everybody(func(p person) {
		if p.dn == "" || p.SMTP == "" || m.known[p.dn] != nil {
			return
		}
		if m.known == nil {
			m.known = make(map[string]*formats.Address)
		}
		m.known[p.dn] = p.Address
	})
}

// resolve gives a participant the address that is known for its Exchange name.
func (m *message) resolve(p person) {
	if p.SMTP != "" || p.dn == "" {
		return
	}
	if !m.learnt {
		m.learn()
	}
	a := m.known[p.dn]
	if a == nil {
		return
	}
	p.SMTP, p.Via = a.SMTP, a.Via
	if a.Via == formats.ViaItem {
		p.Via = formats.ViaLearnt // it stood beside another role
	}
}

// participant is what is stored of a participant, and what that tells.
type participant struct {
	formats.Address
	dn    string
	there bool // the role is not empty
}

// person reads the participant of a role and resolves it by the surest of what stands beside it. Its Address is nil
// where the role is empty.
func (m *message) person(b *bag, r *role) person {
	p := m.participant(b, r)
	if !p.there {
		return person{}
	}
	return person{Address: m.address(p.Address), dn: p.dn}
}

// readParticipant makes a participant of the properties of its role. It needs no more than address and name where need
// says so.
func (m *message) readParticipant(b *bag, r *role) (p participant, n need) {
	p.set(untilNUL(b.string(r.addr)))
	stored := p.Stored
	name := oneLine(b.string(r.name))
	switch {
	case name == "":
		n = needNames
	case p.SMTP == "" || stored == "":
		n = needEvidence
	}
	if name == "" && r == &roleRow {
		name = firstText(b.line(mapi.PidTagDisplayName), b.line(mapi.PidTagTransmittableDisplayName), b.line(mapi.PidTagAddressBookDisplayName))
	}
	if p.SMTP == "" {
		if smtp := mapi.CleanAddress(b.string(r.smtp)); mapi.ShapeOf(smtp) == mapi.ShapeSMTP {
			p.SMTP, p.Via = smtp, formats.ViaItem
		}
	}
	if p.SMTP == "" || stored == "" || name == "" {
		entry := m.entry(b, r.entry)
		if entry.Kind == mapi.EntryUnknown && r == &roleRow {
			entry = m.entry(b, mapi.PidTagRecipientEntryId)
		}
		if name == "" {
			name = oneLine(entry.Name)
		}
		p.addEntry(&entry)
	}
	if p.SMTP == "" {
		if typ, addr, ok := mapi.SearchKeyAddress(b.value(r.key, "search key of a participant").Bytes()); ok {
			switch {
			case typ == "SMTP" && mapi.ShapeOf(addr) == mapi.ShapeSMTP:
				p.SMTP, p.Via = addr, formats.ViaItem
			case p.dn == "" && mapi.IsDN(addr):
				p.dn = mapi.DNKey(addr)
				if p.Stored == "" {
					p.Stored = addr
				}
			}
		}
	}
	if name == "" && p.Stored == "" && p.SMTP == "" {
		return participant{}, n
	}
	p.there = true
	p.Name = cleanName(name, &p.Address)
	return p, n
}

// byAddress returns the participant that an address alone tells.
func byAddress(stored string) participant {
	var p participant
	p.set(stored)
	return p
}

// set fills in what an address tells.
func (p *participant) set(stored string) {
	p.Stored, p.Via = stored, formats.ViaNone
	addr := mapi.CleanAddress(stored)
	switch mapi.ShapeOf(addr) {
	case mapi.ShapeSMTP:
		p.SMTP, p.Via = addr, formats.ViaStored
	case mapi.ShapeDN:
		p.dn = mapi.DNKey(addr)
	case mapi.ShapeIMCEA:
		typ, inner, _, _ := mapi.DecodeIMCEA(addr)
		switch {
		case mapi.IsDN(inner):
			p.dn = mapi.DNKey(inner)
		case mapi.ShapeOf(mapi.CleanAddress(inner)) == mapi.ShapeSMTP:
			p.SMTP, p.Via = mapi.CleanAddress(inner), formats.ViaStored
		case typ != "EX" && typ != "INVALID" && mapi.IsSMTP(addr):
			// A gateway delivers it: a fax, an X.400 or Notes user.
			p.SMTP, p.Via = addr, formats.ViaStored
		}
	default:
		// A domain without a dot, or one that cannot be, is no evidence of an address. But it is what was written.
		if strings.IndexByte(addr, '@') > 0 && mapi.IsSMTP(addr+".example") {
			p.SMTP, p.Via = addr, formats.ViaStored
		}
	}
}

func (m *message) entry(b *bag, id mapi.ID) mapi.EntryID {
	v := b.value(id, "entry id of a participant")
	if len(v.Bytes()) == 0 {
		return mapi.EntryID{}
	}
	// An entry id that cannot be decoded loses nothing: it is evidence beside the address.
	e, _ := mapi.ParseEntryID(v.Bytes(), m.cp)
	return e
}

// addEntry adds what an entry identifier tells.
func (p *participant) addEntry(e *mapi.EntryID) {
	if e.Address == "" {
		return
	}
	of := byAddress(e.Address)
	if p.Stored == "" {
		p.Stored = e.Address
	}
	if p.dn == "" {
		p.dn = of.dn
	}
	if p.SMTP == "" && of.SMTP != "" {
		p.SMTP, p.Via = of.SMTP, formats.ViaItem
	}
}

// entryPerson makes a participant of an entry identifier alone.
func (m *message) entryPerson(b []byte) person {
	e, err := mapi.ParseEntryID(b, m.cp)
	if err != nil && e.Address == "" && e.Name == "" {
		return person{}
	}
	p := byAddress(untilNUL(e.Address))
	if p.Via == formats.ViaStored && p.SMTP != p.Stored && e.Address == "" {
		p.Via = formats.ViaItem
	}
	if p.Stored == "" && e.Name == "" {
		return person{}
	}
	p.Name = cleanName(oneLine(e.Name), &p.Address)
	return person{Address: m.address(p.Address), dn: p.dn}
}

func firstText(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

// cleanName returns a display name without what programs add to it; see [mapi.CleanName].
func cleanName(name string, a *formats.Address) string { return mapi.CleanName(name, a.SMTP) }

// oneLine makes text one line: up to a NUL, control characters gone, line ends and tabs blanks.
func oneLine(s string) string {
	s = untilNUL(s)
	clean := true
	for i := 0; i < len(s) && clean; i++ {
		clean = s[i] >= ' ' && s[i] != 0x7F && s[i] != 0xC2 && s[i] != 0xE2
	}
	if !clean {
		s = strings.Map(func(r rune) rune {
			switch {
			case r == '\r' || r == '\n' || r == '\t' || r == 0x2028 || r == 0x2029:
				return ' '
			case unicode.IsControl(r):
				return -1
			}
			return r
		}, s)
	}
	return strings.TrimSpace(s)
}

// samePerson reports whether two participants are one, as far as is known.
func samePerson(a, b person) bool {
	switch {
	case a.SMTP != "" && b.SMTP != "":
		return mapi.SMTPKey(a.SMTP) == mapi.SMTPKey(b.SMTP)
	case a.dn != "" && a.dn == b.dn:
		return true
	case a.SMTP == "" && b.SMTP == "" && a.dn == "" && b.dn == "":
		return a.Stored == b.Stored && a.Name == b.Name
	}
	return false
}

// addresses returns the model's part of a list.
func addresses(list []person) []*formats.Address {
	if len(list) == 0 {
		return nil
	}
	out := make([]*formats.Address, len(list))
	for i, p := range list {
		out[i] = p.Address
	}
	return out
}
