package outlook

import (
	"encoding/json"
	"slices"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// The bits of PidTagRecipientFlags (MS-OXOCAL 2.2.4.10.1).
const (
	rowSendable            = 0x001
	rowOrganizer           = 0x002
	rowExceptionalResponse = 0x010
	rowExceptionalDeleted  = 0x020
)

// The values of PidLidResponseStatus and PidTagRecipientTrackStatus (MS-OXOCAL 2.2.1.11, 2.2.4.10.2).
const (
	responseNone         = 0
	responseOrganized    = 1
	responseTentative    = 2
	responseAccepted     = 3
	responseDeclined     = 4
	responseNotResponded = 5
)

func statusOf(response int64) formats.AttendeeStatus {
	switch response {
	case responseOrganized, responseAccepted:
		return formats.Accepted
	case responseTentative:
		return formats.Tentative
	case responseDeclined:
		return formats.Declined
	}
	return formats.NeedsAction
}

// meeting returns who takes part. An appointment that is no meeting has nobody, even where it has recipients: an
// organizer would make servers send mail (MS-OXCICAL 2.1.3.1.1.20.16).
func (m *message) meeting(state int64) *formats.Meeting {
	if state&stateMeeting == 0 && !isClass(m.class, classSchedule) {
		return nil
	}
	meeting := &formats.Meeting{
		NoCounter: m.named(mapi.PidLidAppointmentNotAllowPropose, "whether other times may be proposed").Bool(),
	}
	organizer := m.organizer()
	if organizer.Address == nil {
		organizer = m.sender
		if organizer.Address == nil && state&stateReceived == 0 {
			organizer = m.c.owner()
		}
	} else if m.sender.Address != nil && !samePerson(organizer, m.sender) {
		meeting.SentBy = m.sender.Address
	}
	meeting.Organizer = organizer.Address
	// Only the organizer knows what everybody answered; others know what they themselves did.
	received := state&stateReceived != 0
	list := attendeeList{message: m, statuses: !received, rsvp: m.value(mapi.PidTagResponseRequested, "whether answers are wanted").Bool()}
	for typ := mapi.RecipientTo; typ <= mapi.RecipientBcc; typ++ {
		for _, p := range m.rows[typ] {
			list.add(p, typ, organizer)
		}
	}
	list.unsendable(organizer)
	if len(list.people) == 0 {
		list.fromNames(organizer)
	}
	if received {
		list.own(m.named(mapi.PidLidResponseStatus, "answer").Int())
	}
	meeting.Attendees = list.attendees
	return meeting
}

// classSchedule is the class of mail about meetings.
const classSchedule = "IPM.Schedule.Meeting"

// organizer returns who called the meeting: whom it was sent for, else who has the row of the organizer.
func (m *message) organizer() person {
	if m.representing.Address != nil {
		return m.representing
	}
	for _, list := range m.rows {
		for _, p := range list {
			if p.row == nil {
				continue
			}
			if flags, _ := p.row.Lookup(mapi.PidTagRecipientFlags); flags.Int()&rowOrganizer != 0 {
				return p
			}
		}
	}
	return person{}
}

// attendeeList is the attendees on their way to a meeting.
type attendeeList struct {
	*message
	attendees []formats.Attendee
	people    []person // of the attendees
	// statuses says that the rows tell what everybody answered.
	statuses, rsvp bool
}

// add adds the attendee of a row, unless it is the organizer or was removed. Two rows of one person are one attendee.
func (l *attendeeList) add(p person, typ int, organizer person) {
	flags := int64(rowSendable)
	if p.row != nil {
		// QUIRK: rows of some writers have no flags.
		if v, _ := p.row.Lookup(mapi.PidTagRecipientFlags); v.Exists() {
			flags = v.Int()
		}
	}
	if flags&(rowOrganizer|rowExceptionalDeleted) != 0 || organizer.Address != nil && samePerson(p, organizer) {
		return
	}
	a := formats.Attendee{Address: p.Address, RSVP: l.rsvp}
	a.Role, a.Type = roleOf(typ), typeOf(p, typ)
	if p.row != nil {
		if l.statuses || flags&rowExceptionalResponse != 0 {
			v, _ := p.row.Lookup(mapi.PidTagRecipientTrackStatus)
			a.Status = statusOf(v.Int())
		}
		a.Params = answerParams(p.row)
	}
	for i := range l.people {
		if samePerson(l.people[i], p) {
			same := &l.attendees[i]
			same.Role = min(same.Role, a.Role)
			if same.Status == formats.NeedsAction {
				same.Status = a.Status
			}
			return
		}
	}
	l.attendees, l.people = append(l.attendees, a), append(l.people, p)
}

// unsendable adds those to whom no invitation can be sent, as the organizer does not want it or they have no address: the
// table does not have them (MS-OXOCAL 2.2.1.25).
func (l *attendeeList) unsendable(organizer person) {
	stored := l.named(mapi.PidLidAppointmentUnsendableRecipients, "recipients").Bytes()
	if len(stored) == 0 {
		return
	}
	rows, err := mapi.RecipientRows(stored)
	if err != nil {
		l.lose("recipients", err)
	}
	b := l.bag
	for i := range rows {
		b.p = rows[i]
		p := l.person(&b, &roleRow)
		if p.Address == nil {
			continue
		}
		p.row = rows[i]
		typ := int(b.value(mapi.PidTagRecipientType, "recipient type").Int() & mapi.RecipientTypeMask)
		if typ > mapi.RecipientBcc || typ == 0 {
			typ = mapi.RecipientTo
		}
		l.add(p, typ, organizer)
	}
}

func roleOf(typ int) formats.AttendeeRole {
	switch typ {
	case mapi.RecipientCc:
		return formats.Optional
	case mapi.RecipientBcc:
		return formats.NonParticipant
	}
	return formats.Required
}

// typeOf returns the sort of an attendee: resources are the third type of row (MS-OXCICAL 2.1.3.1.1.20.2), and what else
// is no person the directory told (PidTagDisplayType, MS-OXOABK 2.2.3.11).
func typeOf(p person, typ int) formats.AttendeeType {
	const (
		list, private, room, equipment, security = 1, 5, 7, 8, 9
	)
	display := int64(0)
	if p.row != nil {
		v, _ := p.row.Lookup(mapi.PidTagDisplayTypeEx)
		if !v.Exists() {
			v, _ = p.row.Lookup(mapi.PidTagDisplayType)
		}
		display = v.Int() & 0xFF
	}
	switch {
	case display == room:
		return formats.Room
	case typ == mapi.RecipientBcc, display == equipment:
		return formats.Resource
	case display == list, display == private, display == security:
		return formats.GroupOfPeople
	}
	return formats.Individual
}

// answerParams returns when somebody answered, and what other time was proposed.
func answerParams(row mapi.Properties) []formats.Param {
	var list []formats.Param
	add := func(name string, id mapi.ID) {
		if v, _ := row.Lookup(id); !v.Time().IsZero() {
			list = append(list, formats.Param{Name: name, Value: v.Time().Format("20060102T150405Z")})
		}
	}
	add("X-PST-REPLYTIME", mapi.PidTagRecipientTrackTime)
	if v, _ := row.Lookup(mapi.PidTagRecipientProposed); v.Bool() {
		add("X-PST-PROPOSED-START", mapi.PidTagRecipientNewStart)
		add("X-PST-PROPOSED-END", mapi.PidTagRecipientNewEnd)
	}
	return list
}

// own sets the answer of the owner of a copy of the meeting that somebody else called.
func (l *attendeeList) own(response int64) {
	if response == responseNone || response == responseNotResponded {
		return
	}
	i := l.owner()
	if i >= 0 {
		l.attendees[i].Status = statusOf(response)
	}
}

// owner returns which of the attendees has the mailbox, -1 where that cannot be told: who received it, or for whom; whom
// the archive is known to be of; or the only one.
func (l *attendeeList) owner() int {
	for _, r := range [...]*role{&roleReceivedRepresenting, &roleReceived} {
		if p := l.person(&l.bag, r); p.Address != nil {
			l.resolve(p)
			if i := slices.IndexFunc(l.people, func(q person) bool { return samePerson(p, q) }); i >= 0 {
				return i
			}
		}
	}
	if p := l.c.owner(); p.Address != nil {
		if i := slices.IndexFunc(l.people, func(q person) bool { return samePerson(p, q) }); i >= 0 {
			return i
		}
	}
	if len(l.people) == 1 {
		return 0
	}
	if name := formats.NameKey(l.namedLine(mapi.PidLidAppointmentReplyName, "who replied")); name != "" {
		return slices.IndexFunc(l.people, func(q person) bool { return formats.NameKey(q.Name) == name })
	}
	return -1
}

// owner returns whose mailbox the messages are from, as far as is known.
func (c *Converter) owner() person {
	if c.opt.Owner == nil {
		return person{}
	}
	a := c.opt.Owner()
	if a == nil {
		return person{}
	}
	own := *a
	return person{Address: &own, dn: dnOf(a)}
}

// Receiver returns in whose mailbox a message was received, nil where it does not say. It is what [Options.Owner] returns
// of most messages of a mailbox.
func (c *Converter) Receiver(m mapi.Message) *formats.Address {
	var damage []formats.Damage // which counts where the message is converted
	of := message{c: c, m: m, memory: &memory{}, bag: bag{p: m, cp: c.opt.CodePage, damage: &damage}}
	for _, r := range [...]*role{&roleReceivedRepresenting, &roleReceived} {
		if p := of.person(&of.bag, r); p.Address != nil && p.Stored != "" {
			return p.Address
		}
	}
	return nil
}

// roleReceived is who received a message.
var roleReceived = role{
	mapi.PidTagReceivedByName, mapi.PidTagReceivedByAddressType, mapi.PidTagReceivedByEmailAddress,
	mapi.PidTagReceivedByEntryId, mapi.PidTagReceivedBySearchKey, mapi.PidTagReceivedBySmtpAddress,
}

// fromNames makes attendees of the lists of names that a meeting without recipients has.
func (l *attendeeList) fromNames(organizer person) {
	const most = 1024
	lists := [...]struct {
		name mapi.Name
		typ  int
	}{
		{mapi.PidLidToAttendeesString, mapi.RecipientTo},
		{mapi.PidLidCcAttendeesString, mapi.RecipientCc},
		{mapi.PidLidRequiredAttendees, mapi.RecipientTo},
		{mapi.PidLidOptionalAttendees, mapi.RecipientCc},
		{mapi.PidLidResourceAttendees, mapi.RecipientBcc},
		{mapi.PidLidAllAttendeesString, mapi.RecipientTo},
	}
	for _, of := range lists {
		for text := range strings.SplitSeq(l.named(of.name, "names of attendees").Text(l.cp), ";") {
			if text = oneLine(text); text == "" || len(l.people) >= most {
				continue
			}
			p := l.namedPerson(text)
			if !slices.ContainsFunc(l.people, func(q person) bool { return sameNamed(p, q) }) && !sameNamed(p, organizer) {
				l.add(p, of.typ, organizer)
			}
		}
	}
}

// namedPerson returns the participant that a name in a list of them means.
func (m *message) namedPerson(text string) person {
	p := byAddress("")
	if addr := mapi.CleanAddress(text); mapi.ShapeOf(addr) != mapi.ShapeNone {
		p = byAddress(addr)
	}
	p.Name = cleanName(text, &p.Address)
	return person{Address: m.address(p.Address), dn: p.dn}
}

// sameNamed reports whether two participants are one, also where one of them is but a name.
func sameNamed(a, b person) bool {
	if a.Address == nil || b.Address == nil {
		return false
	}
	return samePerson(a, b) || a.Name != "" && formats.NameKey(a.Name) == formats.NameKey(b.Name)
}

func copyMeeting(of *formats.Meeting) *formats.Meeting {
	m := *of
	m.Attendees = slices.Clone(of.Attendees)
	return &m
}

// exceptionalMeeting changes the attendees of an occurrence to those that its message has, where it has any of its own
// (MS-OXOCAL 2.2.1.22, PidLidFExceptionalAttendees). series is the message of the series.
func (m *message) exceptionalMeeting(e *formats.Event, series *message) {
	if e.Meeting == nil {
		return
	}
	m.readPeople()
	m.shareKnown()
	all := m.named(mapi.PidLidFExceptionalAttendees, "attendees of the occurrence").Bool()
	organizer := person{Address: e.Meeting.Organizer}
	list := attendeeList{message: m, statuses: true}
	if !all {
		list.attendees = e.Meeting.Attendees
		for i := range list.attendees {
			list.people = append(list.people, person{Address: list.attendees[i].Address, dn: dnOf(list.attendees[i].Address)})
		}
	}
	list.rsvp = series.value(mapi.PidTagResponseRequested, "whether answers are wanted").Bool()
	rows := 0
	for typ := mapi.RecipientTo; typ <= mapi.RecipientBcc; typ++ {
		for _, p := range m.rows[typ] {
			rows++
			flags, _ := p.row.Lookup(mapi.PidTagRecipientFlags)
			i := slices.IndexFunc(list.people, func(q person) bool { return samePerson(p, q) })
			switch {
			case flags.Int()&rowExceptionalDeleted != 0:
				if i >= 0 {
					list.attendees, list.people = slices.Delete(list.attendees, i, i+1), slices.Delete(list.people, i, i+1)
				}
			case i >= 0 && !all:
				if v, _ := p.row.Lookup(mapi.PidTagRecipientTrackStatus); v.Int() != responseNone {
					list.attendees[i].Status = statusOf(v.Int())
					list.attendees[i].Params = answerParams(p.row)
				}
				list.attendees[i].Role = roleOf(typ)
			default:
				list.add(p, typ, organizer)
			}
		}
	}
	if rows > 0 {
		e.Meeting.Attendees = list.attendees
	}
}

// dnOf returns the key of the Exchange name that an address stands under.
func dnOf(a *formats.Address) string {
	if addr := mapi.CleanAddress(a.Stored); mapi.IsDN(addr) {
		return mapi.DNKey(addr)
	}
	return ""
}

// conferences adds where one meets online, and what the web has of the event.
func (m *message) conferences(e *formats.Event) {
	seen := make(map[string]bool)
	add := func(label, link string) {
		link = webLink(link)
		if link == "" || seen[link] {
			return
		}
		seen[link] = true
		e.Conferences = append(e.Conferences, formats.Link{URI: link, Label: label})
	}
	for _, link := range [...]struct {
		name  mapi.Name
		label string
		x     string
	}{
		{mapi.PidNameSkypeTeamsMeetingUrl, "Microsoft Teams", "X-MICROSOFT-SKYPETEAMSMEETINGURL"},
		{mapi.PidNameOnlineMeetingExternalLink, "Online meeting", "X-MICROSOFT-ONLINEMEETINGEXTERNALLINK"},
		{mapi.PidNameOnlineMeetingConfLink, "Conference", "X-MICROSOFT-ONLINEMEETINGCONFLINK"},
		{mapi.PidNameOnlineMeetingInternalLink, "Online meeting (internal)", "X-MICROSOFT-ONLINEMEETINGINTERNALLINK"},
	} {
		if text := m.namedLine(link.name, "online meeting"); text != "" {
			add(link.label, text)
			e.Extra = property(e.Extra, link.x, text)
		}
	}
	if text := strings.TrimSpace(untilNUL(m.named(mapi.PidNameSkypeTeamsProperties, "online meeting").Text(m.cp))); json.Valid([]byte(text)) {
		e.Extra = property(e.Extra, "X-MICROSOFT-SKYPETEAMSPROPERTIES", text)
	}
	add("Online meeting", m.namedLine(mapi.PidLidNetShowUrl, "online meeting"))
	if len(e.Conferences) > 0 {
		e.URL = e.Conferences[0].URI
	}
	if link := webLink(m.namedLine(mapi.PidLidMeetingWorkspaceUrl, "workspace of the meeting")); link != "" {
		if e.URL == "" {
			e.URL = link
		} else {
			e.Extra = property(e.Extra, "X-PST-WORKSPACE", link)
		}
	}
	e.Extra = property(e.Extra, "X-PST-COLLABORATE-DOC", m.namedLine(mapi.PidLidCollaborateDoc, "document of the online meeting"))
	e.Extra = property(e.Extra, "X-PST-DIRECTORY-SERVER", m.namedLine(mapi.PidLidDirectory, "server of the online meeting"))
	e.Extra = property(e.Extra, "X-PST-ONLINE-PASSWORD", m.namedLine(mapi.PidLidOnlinePassword, "password of the online meeting"))
	e.Extra = property(e.Extra, "X-PST-ORGANIZER-ALIAS", m.namedLine(mapi.PidLidOrganizerAlias, "address of the online meeting"))
}
