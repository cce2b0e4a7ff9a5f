package formats

// Busy is how the time of an event is shown to others.
type Busy uint8

// The ways.
const (
	BusyUnknown Busy = iota
	BusyFree
	BusyTentative
	BusyBusy
	BusyAway      // out of office
	BusyElsewhere // working elsewhere
)

// Event is the body of an item of [KindEvent]: an appointment or a meeting, alone or in a series with its exceptions.
// Package formats/ical writes it.
type Event struct {
	Details
	// Start is never zero in an event that a source returned; where it is a date the event takes whole days. End is
	// exclusive. It is zero, or not after Start, where the event takes no time, or its one day.
	Start, End Moment
	Location   string

	// Series is set in what recurs, and nil in all else.
	Series *Series
	// Overrides are the occurrences of the series that differ from it, each with a RecurrenceID and complete: what it
	// inherits from the series stands in it again. They have no overrides of their own.
	Overrides []*Event
	// RecurrenceID is the start that the occurrence has by the rule of its series, in the form of the start of the series.
	// It is zero but in overrides, and in an occurrence whose series is not known.
	RecurrenceID Moment

	Cancelled bool
	// Busy is how the time is shown, and Intended how the organizer wants it to be shown; for people to answer with.
	Busy, Intended Busy
	Alarms         []Alarm
	// Meeting is nil where nobody else takes part.
	Meeting *Meeting
	// Conferences are where one meets online.
	Conferences []Link
}

// Participants calls visit for every participant of the event, of its overrides and of mails attached to it.
func (e *Event) Participants(visit func(*Address)) {
	if e.Meeting != nil {
		e.Meeting.participants(visit)
	}
	e.participants(visit)
	for _, o := range e.Overrides {
		o.Participants(visit)
	}
}

// Identity returns what the key of an event's item is made of: the UID, and the occurrence where it is only that one. That
// is told by its date or its instant, whatever the zone it is written in.
func (e *Event) Identity() string {
	id := e.RecurrenceID
	switch {
	case id.IsZero():
		return e.UID
	case id.Form == MomentZoned:
		id = Instant(id.Time(nil))
	}
	return e.UID + "\x00" + id.String()
}
