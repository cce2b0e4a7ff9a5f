package formats

import "time"

// Details is what events, tasks, notes and journal entries have in common.
type Details struct {
	// UID is the identifier that is the same in all copies of the thing, with everybody who has one.
	UID string
	// Sequence counts the revisions that were sent to others.
	Sequence int
	// Stamp is when this revision was made by whom it belongs to; Created and Modified are of this copy. Each may be
	// zero.
	Stamp, Created, Modified time.Time

	// Summary is one line of text; who writes it makes it one.
	Summary string
	// Text is the description as plain text in UTF-8, and HTML the same as a document; either may be nil.
	Text, HTML Content
	Class      Class
	// Priority is that of RFC 5545 3.8.1.9: 1 is the highest, 9 the lowest, 5 neither, 0 none.
	Priority int
	// Color is a name of CSS3 ("gold"), or empty.
	Color string
	// URL is where more is to be found.
	URL string
	// Contacts and Companies are names that the owner linked with it.
	Contacts, Companies []string
	Attachments         []*Part
	// Extra are properties that the format which is written has no field for here, under the names they have there.
	Extra []Property
	// Verbatim is set where it came as lines of iCalendar. Extra then has only what is to be added to those.
	Verbatim *Verbatim
}

func (d *Details) participants(visit func(*Address)) {
	d.Verbatim.participants(visit)
	for _, p := range d.Attachments {
		p.participants(visit)
	}
}

// Class says who may see something.
type Class uint8

// The classes.
const (
	ClassPublic Class = iota
	ClassPrivate
	ClassConfidential
)

// Property is a property of a calendar component or of a card that the model knows nothing of.
type Property struct {
	// Name is in capitals, and mostly begins with "X-".
	Name   string
	Params []Param
	// Value is any text, unless Structured says that it is in the property's own syntax: then it is not escaped.
	Value      string
	Structured bool
}

// Link is an address in the web with what people call it.
type Link struct {
	URI   string
	Label string
}

// Alarm is a reminder.
type Alarm struct {
	// At is when it rings, if that is fixed; else Before says how long before the start, or after it where it is negative.
	At     time.Time
	Before time.Duration
	// FromEnd counts Before from the end of an event or the due time of a task.
	FromEnd bool
	// Text is what it says; the summary where it is empty.
	Text string
}

// Attendee is somebody, or something, that takes part.
type Attendee struct {
	Address *Address
	Type    AttendeeType
	Role    AttendeeRole
	Status  AttendeeStatus
	// RSVP says that an answer is wanted.
	RSVP bool
	// Params are further ones for the attendee's property.
	Params []Param
}

// AttendeeType is the sort of an attendee.
type AttendeeType uint8

// The types, as RFC 5545 3.2.3 has them.
const (
	Individual AttendeeType = iota
	GroupOfPeople
	Resource
	Room
	UnknownType
)

// AttendeeRole is what an attendee is there for.
type AttendeeRole uint8

// The roles, as RFC 5545 3.2.16 has them.
const (
	Required AttendeeRole = iota
	Optional
	NonParticipant
	Chair
)

// AttendeeStatus is what an attendee answered.
type AttendeeStatus uint8

// The answers, as RFC 5545 3.2.12 has them.
const (
	NeedsAction AttendeeStatus = iota
	Accepted
	Declined
	Tentative
	Delegated
)

// Meeting is who takes part in an event, or who gave a task to whom. Only what was arranged with others has one: an
// organizer makes servers send mail.
type Meeting struct {
	Organizer *Address
	// SentBy acted for the organizer; nil where nobody did.
	SentBy    *Address
	Attendees []Attendee
	// NoCounter says that no other time may be proposed.
	NoCounter bool
}

func (m *Meeting) participants(visit func(*Address)) {
	for _, a := range []*Address{m.Organizer, m.SentBy} {
		if a != nil {
			visit(a)
		}
	}
	for i := range m.Attendees {
		if a := m.Attendees[i].Address; a != nil {
			visit(a)
		}
	}
}
