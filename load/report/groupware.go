package report

import (
	"time"

	"mailmill/formats"
	"mailmill/formats/ical"
)

// groupware is what an object has of an item that is no mail. Each field is of the kinds that have it.
type groupware struct {
	UID string `json:"uid,omitempty"`
	// Start and End are in UTC, or days where all_day says so; what has no zone has neither.
	Start        string     `json:"start,omitempty"`
	End          string     `json:"end,omitempty"`
	AllDay       bool       `json:"all_day,omitempty"`
	TimeZone     string     `json:"timezone,omitempty"`
	Location     string     `json:"location,omitempty"`
	Recurring    bool       `json:"recurring,omitempty"`
	RRule        string     `json:"rrule,omitempty"`
	RecurrenceID string     `json:"recurrence_id,omitempty"`
	Organizer    *address   `json:"organizer,omitempty"`
	Attendees    []attendee `json:"attendees,omitempty"`
	Due          string     `json:"due,omitempty"`
	Completed    string     `json:"completed,omitempty"`
	Status       string     `json:"status,omitempty"`
	Percent      int        `json:"percent,omitempty"`
	Activity     string     `json:"activity,omitempty"`
	Given        string     `json:"given,omitempty"`
	Surname      string     `json:"surname,omitempty"`
	Company      string     `json:"company,omitempty"`
	Emails       []address  `json:"emails,omitempty"`
	Phones       []phone    `json:"phones,omitempty"`
	Members      []member   `json:"members,omitempty"`
}

type attendee struct {
	address
	Type   string `json:"type,omitempty"`
	Role   string `json:"role,omitempty"`
	Status string `json:"status,omitempty"`
}

type phone struct {
	Number string `json:"number"`
	Kind   string `json:"kind,omitempty"`
	Place  string `json:"place,omitempty"`
}

type member struct {
	address
	Card string `json:"card,omitempty"`
}

// The names that JSON has for what the model numbers.
var (
	attendeeTypes  = [...]string{"individual", "group", "resource", "room", "unknown"}
	attendeeRoles  = [...]string{"required", "optional", "non-participant", "chair"}
	attendeeStates = [...]string{"needs-action", "accepted", "declined", "tentative", "delegated"}
	phoneKinds     = [...]string{
		"voice", "mobile", "fax", "pager", "car", "isdn", "text", "company", "assistant", "callback", "radio", "telex",
	}
	phonePlaces = [...]string{"", "work", "home"}
)

// named returns the name of a number; that of the first for one that has none.
func named[N ~uint8](names []string, n N) string {
	if int(n) < len(names) {
		return names[n]
	}
	return names[0]
}

// groupwareOf describes an item that is no mail, and returns its attachments.
func groupwareOf(it *formats.Item) (g groupware, parts []*formats.Part) {
	switch {
	case it.Event != nil:
		g.event(it.Event)
		return g, it.Event.Attachments
	case it.Task != nil:
		g.task(it.Task)
		return g, it.Task.Attachments
	case it.Journal != nil:
		j := it.Journal
		g.UID, g.Activity = j.UID, j.Activity
		g.span(j.Start, j.End)
		return g, j.Attachments
	case it.Note != nil:
		g.UID = it.Note.UID
		return g, it.Note.Attachments
	case it.Contact != nil:
		g.contact(it.Contact)
		if photo := it.Contact.Photo; photo != nil {
			shown := *photo
			shown.Inline = true
			parts = append(parts, &shown)
		}
		return g, append(parts, it.Contact.Attachments...)
	case it.Group != nil:
		g.UID = it.Group.UID
		for _, m := range it.Group.Members {
			g.Members = append(g.Members, member{*orNobody(m.Address), m.Card})
		}
		return g, it.Group.Attachments
	}
	return g, nil
}

func orNobody(a *formats.Address) *address {
	if a == nil {
		return &address{}
	}
	return addressOf(a)
}

func (g *groupware) event(e *formats.Event) {
	g.UID, g.Location = e.UID, e.Location
	g.span(e.Start, e.End)
	g.AllDay = e.Start.IsDate()
	g.series(e.Series, e.Start)
	g.RecurrenceID = instant(e.RecurrenceID)
	switch {
	case e.Cancelled:
		g.Status = "cancelled"
	case e.Busy == formats.BusyTentative:
		g.Status = "tentative"
	default:
		g.Status = "confirmed"
	}
	if e.Meeting == nil {
		return
	}
	g.Organizer = addressOf(e.Meeting.Organizer)
	for _, a := range e.Meeting.Attendees {
		g.Attendees = append(g.Attendees, attendee{
			*orNobody(a.Address), named(attendeeTypes[:], a.Type), named(attendeeRoles[:], a.Role), named(attendeeStates[:], a.Status),
		})
	}
}

func (g *groupware) task(t *formats.Task) {
	g.UID, g.Status, g.Percent = t.UID, t.Status.String(), t.Percent
	g.span(t.Start, formats.Moment{})
	g.Due, g.Completed = instant(t.Due), stamp(t.Completed)
	start := t.Start
	if start.IsZero() {
		start = t.Due
	}
	g.series(t.Series, start)
	g.Recurring = g.Recurring || t.Regenerate != nil
}

func (g *groupware) contact(c *formats.Contact) {
	g.UID, g.Given, g.Surname, g.Company = c.UID, c.Name.Given, c.Name.Surname, c.Company
	g.Emails = addressesOf(c.Emails)
	for _, p := range c.Phones {
		g.Phones = append(g.Phones, phone{p.Number, named(phoneKinds[:], p.Kind), named(phonePlaces[:], p.Place)})
	}
}

// span says from when to when something is, and in which zone.
func (g *groupware) span(start, end formats.Moment) {
	g.Start, g.End = instant(start), instant(end)
	if start.Zone != nil {
		g.TimeZone = start.Zone.ID
	}
}

func (g *groupware) series(s *formats.Series, start formats.Moment) {
	if s == nil {
		return
	}
	g.Recurring = true
	if s.Rule != nil {
		g.RRule = ical.Rule(s.Rule, start)
	}
}

// instant returns a moment in UTC; a day where it is one, and what clocks show where nobody knows which.
func instant(m formats.Moment) string {
	switch t := m.Time(nil); {
	case m.IsZero() || t.Year() < 1 || t.Year() > 9999:
		return ""
	case m.Form == formats.MomentInstant, m.Form == formats.MomentZoned:
		return t.UTC().Format(time.RFC3339)
	}
	return m.String()
}

// momentOf is what an item's line shows of its time: when it begins or is due.
func momentOf(it *formats.Item) formats.Moment {
	switch {
	case it.Event != nil:
		return it.Event.Start
	case it.Task != nil && !it.Task.Due.IsZero():
		return it.Task.Due
	case it.Task != nil:
		return it.Task.Start
	case it.Journal != nil:
		return it.Journal.Start
	}
	return formats.Moment{}
}

// personOf is who an item's line names: the sender, the organizer, who gave or has a task, whom one writes to; nil where
// that is nobody.
func personOf(it *formats.Item) *formats.Address {
	switch {
	case it.Mail != nil:
		return it.Mail.From
	case it.Event != nil && it.Event.Meeting != nil:
		return it.Event.Meeting.Organizer
	case it.Task != nil && it.Task.Assigner != nil:
		return it.Task.Assigner
	case it.Task != nil:
		return it.Task.Owner
	case it.Contact != nil && len(it.Contact.Emails) > 0:
		return it.Contact.Emails[0]
	}
	return nil
}
