package formats

import "time"

// Journal is the body of an item of [KindJournal]: a record of something that was done. Package formats/ical writes it.
type Journal struct {
	Details
	// Activity is what sort of thing it was, in any language: "Phone call".
	Activity string
	// Start and End may be zero.
	Start, End Moment
	// Duration is how long it took, 0 where it is not known; it need not be what lies between Start and End.
	Duration time.Duration
}

// Participants calls visit for every participant of mails attached to the entry.
func (j *Journal) Participants(visit func(*Address)) { j.participants(visit) }
