package outlook

import (
	"errors"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// maxMembers bounds the members of a list.
const maxMembers = 1 << 16

// errNoMember says that nothing is known of a member but an identifier.
var errNoMember = errors.New("a member is a contact that is not there, and the list does not tell its name and address")

// group makes the body of a distribution list (MS-OXOCNTC 2.2.2).
func (m *message) group() *formats.Group {
	g := &formats.Group{
		UID:    cardUID(m.contentKey()),
		Name:   firstText(m.namedLine(mapi.PidLidDistributionListName, "name of the list"), m.line(mapi.PidTagDisplayName), oneLine(m.subject)),
		FileAs: m.namedLine(mapi.PidLidFileUnder, "file as"),
		Class:  m.privacy(),
	}
	members, err := listMembers(m.p)
	if err != nil {
		m.lose("members", err)
	}
	if len(members) > maxMembers {
		members = members[:maxMembers]
	}
	for i := range members {
		switch member := m.member(g, &members[i]); {
		case member.Address != nil:
			g.Members = append(g.Members, member)
		case len(members[i].Entry) > 0:
			m.lose("members", errNoMember)
		}
	}
	m.readBody()
	if !m.blankText() {
		g.Note = m.text.Content
	}
	for _, at := range m.withRTF(m.readAttachments()) {
		g.Attachments = append(g.Attachments, at.part)
	}
	g.Extra = append(g.Extra, m.followUp()...)
	g.Extra = append(g.Extra, m.customFields()...)
	return g
}

// listMembers returns the members of a list. Where there is a stream of members, the arrays are of an older state
// (MS-OXOCNTC 2.2.2.2.1). With an error come those that could be read.
func listMembers(p mapi.Properties) ([]mapi.Member, error) {
	v, err := p.LookupName(mapi.PidLidDistributionListStream)
	if len(v.Bytes()) > 0 {
		members, badly := mapi.ListMembers(v.Bytes())
		if err == nil {
			err = badly
		}
		return members, err
	}
	ids, idsErr := p.LookupName(mapi.PidLidDistributionListMembers)
	oneOffs, oneOffsErr := p.LookupName(mapi.PidLidDistributionListOneOffMembers)
	members := make([]mapi.Member, max(len(ids.Elems), len(oneOffs.Elems)))
	for i := range members {
		if i < len(ids.Elems) {
			members[i].Entry = ids.Elems[i]
		}
		if i < len(oneOffs.Elems) {
			members[i].OneOff = oneOffs.Elems[i]
		}
	}
	for _, e := range [...]error{idsErr, oneOffsErr} {
		if err == nil {
			err = e
		}
	}
	return members, err
}

// member reads a member. Its identifier says who it is, and the one-off beside it with which name and address it was
// added; where the identifier is that of a contact or list, the card of that is looked for.
func (m *message) member(g *formats.Group, of *mapi.Member) formats.Member {
	entry, oneOff := m.memberPerson(of.Entry), m.memberPerson(of.OneOff)
	var member formats.Member
	p := oneOff
	switch {
	case p.Address == nil:
		p = entry
	case entry.Address != nil:
		if p.Stored == "" {
			p.Stored, p.SMTP, p.Via, p.dn = entry.Stored, entry.SMTP, entry.Via, entry.dn
		}
		if p.SMTP == "" && entry.SMTP != "" {
			p.SMTP, p.Via = entry.SMTP, formats.ViaItem
		}
		if p.Name == "" {
			p.Name = entry.Name
		}
	}
	member.Address = p.Address
	id, _ := mapi.ParseEntryID(of.Entry, m.cp)
	if id.Object != nil {
		m.card(g, &member, &id)
	}
	return member
}

// memberPerson is entryPerson for who may have no address: lists and those that nobody knows have a word in its place.
func (m *message) memberPerson(b []byte) person {
	p := m.entryPerson(b)
	if e, _ := mapi.ParseEntryID(b, m.cp); p.Address != nil && (strings.EqualFold(e.AddressType, "MAPIPDL") || strings.EqualFold(e.AddressType, "UNKNOWN")) {
		if p.Name == "" {
			return person{}
		}
		p.Stored, p.SMTP, p.Via, p.dn = "", "", formats.ViaNone, ""
	}
	return p
}

// card links a member with the contact or list that it is, as far as the archive has that, and takes from it what the
// list does not tell.
func (m *message) card(g *formats.Group, member *formats.Member, id *mapi.EntryID) {
	if m.c.opt.Card == nil {
		return
	}
	target, written := m.c.opt.Card(id.Object)
	if target == nil {
		return
	}
	var damage []formats.Damage // that of the contact is told with the contact
	sub := &message{c: m.c, m: target, depth: m.depth + 1, memory: m.memory, bag: bag{p: target, cp: m.cp, damage: &damage}}
	sub.start()
	kind := KindOf(sub.class)
	if kind != formats.KindContact && kind != formats.KindGroup {
		return
	}
	uid := cardUID(sub.contentKey())
	if uid == g.UID {
		return // a list in itself
	}
	if written {
		member.Card = uid
	}
	if member.Address == nil {
		member.Address = &formats.Address{Via: formats.ViaNone}
	}
	if slot := id.Slot(); member.Address.Stored == "" && slot >= 0 {
		if p, _ := sub.slot(slot); p.Address != nil {
			*member.Address = *p.Address
		}
	}
	if member.Address.Name == "" {
		member.Address.Name = firstText(sub.line(mapi.PidTagDisplayName), oneLine(sub.subject))
	}
}
