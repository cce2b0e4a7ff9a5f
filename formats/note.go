package formats

// Note is the body of an item of [KindNote]: a piece of paper on a desktop. Package formats/ical writes it.
type Note struct {
	Details
}

// Participants calls visit for every participant of mails attached to the note.
func (n *Note) Participants(visit func(*Address)) { n.participants(visit) }
