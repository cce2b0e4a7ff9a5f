package outlook

import (
	"strings"

	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/mapi"
)

// The methods of mail about meetings (RFC 5546 1.4).
const (
	methodPublish = "PUBLISH"
	methodRequest = "REQUEST"
	methodReply   = "REPLY"
	methodCancel  = "CANCEL"
	methodCounter = "COUNTER"
)

// scheduling are the classes of mail about meetings with their methods and, for answers, what they say (MS-OXCICAL
// 2.1.3.1.1.1).
var scheduling = [...]struct {
	class, method string
	answer        formats.AttendeeStatus
}{
	{class: "IPM.Schedule.Meeting.Request", method: methodRequest},
	{class: "IPM.Schedule.Meeting.Canceled", method: methodCancel},
	{"IPM.Schedule.Meeting.Resp.Pos", methodReply, formats.Accepted},
	{"IPM.Schedule.Meeting.Resp.Neg", methodReply, formats.Declined},
	{"IPM.Schedule.Meeting.Resp.Tent", methodReply, formats.Tentative},
	// An event that is attached to a mail is made a mail like everything that is. What it is for calendars it tells too.
	{class: classAppointment, method: methodPublish},
}

const classAppointment = "IPM.Appointment"

// addCalendar adds to mail about a meeting what programs with a calendar read (RFC 6047 2.4). Participants and bodies
// were read before; attachments are not.
func (m *message) addCalendar() {
	const prefix = "IPM.S"
	if len(m.class) < len(prefix) || !strings.EqualFold(m.class[:len(prefix)], prefix) && !isClass(m.class, classAppointment) {
		return
	}
	for _, s := range scheduling {
		if isClass(m.class, s.class) {
			m.invitation = m.calendarPart(s.method, s.answer)
			return
		}
	}
}

// calendarPart makes the part. Exceptions of a series stand in it, and are no files any more.
func (m *message) calendarPart(method string, answer formats.AttendeeStatus) *formats.Part {
	exceptions := m.exceptions()
	m.hide(isException)
	e := &formats.Event{Details: m.facts(formats.KindEvent)}
	m.describe(&e.Details)
	m.schedule(e, exceptions)
	switch method {
	case methodRequest:
		// The copy of whoever has not answered yet is tentative. The meeting is not.
		for _, of := range append([]*formats.Event{e}, e.Overrides...) {
			if of.Intended != formats.BusyUnknown {
				of.Busy = of.Intended
			}
		}
	case methodCancel:
		e.Cancelled = true
	case methodReply:
		m.answer(e, answer)
		if m.named(mapi.PidLidAppointmentCounterProposal, "proposal").Bool() && m.propose(e) {
			method = methodCounter
		}
	}
	it := &formats.Item{Identity: e.Identity(), Modified: e.Modified, Keywords: m.keywords, Event: e}
	it.Kind, it.Date = formats.KindEvent, m.submitted
	part := &formats.Part{
		Type:    "text/calendar",
		Params:  []formats.Param{{Name: "charset", Value: "utf-8"}, {Name: "method", Value: method}},
		Content: ical.Content(ical.Options{Method: method, NoHTML: true}, it),
	}
	e.Participants(func(a *formats.Address) { part.Names = append(part.Names, a) })
	return part
}

// answer makes of an event the answer of one attendee, who sent the message, to the organizer, who got it (RFC 5546
// 3.2.3).
func (m *message) answer(e *formats.Event, status formats.AttendeeStatus) {
	meeting := &formats.Meeting{}
	for _, p := range m.rows[mapi.RecipientTo] {
		meeting.Organizer = p.Address
		break
	}
	who := m.representing
	if who.Address == nil {
		who = m.sender
	}
	if who.Address != nil {
		a := formats.Attendee{Address: who.Address, Status: status}
		if m.sender.Address != nil && !samePerson(who, m.sender) && m.sender.SMTP != "" {
			a.Params = []formats.Param{{Name: "SENT-BY", Value: "mailto:" + m.sender.SMTP}}
		}
		meeting.Attendees = []formats.Attendee{a}
	}
	e.Meeting, e.Alarms = meeting, nil
	for _, o := range e.Overrides {
		o.Meeting, o.Alarms = meeting, nil
	}
}

// propose puts the time that an attendee proposes in the place of the event's (MS-OXCICAL 2.1.3.1.1.1, RFC 5546 3.2.7).
// It is false where there is none.
func (m *message) propose(e *formats.Event) bool {
	start := m.named(mapi.PidLidAppointmentProposedStart, "proposed time").Time()
	end := m.named(mapi.PidLidAppointmentProposedEnd, "proposed time").Time()
	if start.IsZero() {
		return false
	}
	e.Extra = timeProperty(e.Extra, "X-MS-OLK-ORIGINALSTART", e.Start.Time(nil))
	e.Extra = timeProperty(e.Extra, "X-MS-OLK-ORIGINALEND", e.End.Time(nil))
	e.Series, e.Overrides = nil, nil
	m.single(e, start, end, e.Start.IsDate())
	return true
}
