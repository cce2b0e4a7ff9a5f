package ical

import (
	"strings"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
)

// nobody is the address of those who have none.
const nobody = "invalid:nomail"

var (
	attendeeTypes  = [...]string{"", "GROUP", "RESOURCE", "ROOM", "UNKNOWN"}
	attendeeRoles  = [...]string{"REQ-PARTICIPANT", "OPT-PARTICIPANT", "NON-PARTICIPANT", "CHAIR"}
	attendeeStates = [...]string{"NEEDS-ACTION", "ACCEPTED", "DECLINED", "TENTATIVE", "DELEGATED"}
)

func (e *Encoder) meeting(m *formats.Meeting) {
	if m == nil {
		return
	}
	if m.Organizer != nil {
		e.l.Name("ORGANIZER")
		e.name(m.Organizer)
		if m.SentBy != nil && m.SentBy.Spec() != "" {
			e.l.Param("SENT-BY", "mailto:"+m.SentBy.Spec())
		}
		e.scheduleAgent()
		e.address(m.Organizer)
	}
	for i := range m.Attendees {
		if m.Attendees[i].Address != nil {
			e.attendee(&m.Attendees[i])
		}
	}
	if m.NoCounter {
		e.l.Line("X-MICROSOFT-DISALLOW-COUNTER", "TRUE")
	}
}

func (e *Encoder) attendee(a *formats.Attendee) {
	e.l.Name("ATTENDEE")
	e.name(a.Address)
	if a.Type > 0 && int(a.Type) < len(attendeeTypes) {
		e.l.Param("CUTYPE", attendeeTypes[a.Type])
	}
	e.l.Param("ROLE", attendeeRoles[min(int(a.Role), len(attendeeRoles)-1)])
	e.l.Param("PARTSTAT", attendeeStates[min(int(a.Status), len(attendeeStates)-1)])
	if a.RSVP {
		e.l.Param("RSVP", "TRUE")
	}
	e.scheduleAgent()
	for _, p := range a.Params {
		e.l.Param(p.Name, contentline.OneLine(p.Value))
	}
	e.address(a.Address)
}

// name writes what somebody is called, and the stored address of those who have no other.
func (e *Encoder) name(a *formats.Address) {
	if a.Name != "" {
		e.l.Param("CN", contentline.OneLine(a.Name))
	}
	if a.SMTP == "" && a.Stored != "" {
		e.l.Param("X-EX-ADDRESS", contentline.OneLine(a.Stored))
	}
}

func (e *Encoder) scheduleAgent() {
	if e.opts.ScheduleAgent != "" {
		e.l.Param("SCHEDULE-AGENT", e.opts.ScheduleAgent)
	}
}

// address writes the value of a line that names somebody (RFC 5545 3.3.3), and ends it.
func (e *Encoder) address(a *formats.Address) {
	switch spec := a.Spec(); {
	case spec == "":
		e.l.Raw(nobody)
	default:
		e.l.Mailto(strings.TrimSpace(spec))
	}
	e.l.End()
}
