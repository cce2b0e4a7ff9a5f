package formats

// Group is the body of an item of [KindGroup]: a list of people to write to. Package formats/vcard writes it.
type Group struct {
	// UID is a URI, "urn:uuid:…".
	UID string
	// Name is what the list is shown as.
	Name    string
	FileAs  string
	Members []Member
	Note    Content
	Class   Class
	// Extra are properties that the model has no field for, under the names they have in a card.
	Extra       []Property
	Attachments []*Part
	// Verbatim is set where it came as a card. Extra then has only what is to be added to that.
	Verbatim *Verbatim
}

// Member is a member of a list: somebody, or another list.
type Member struct {
	// Address is never nil.
	Address *Address
	// Card is the UID of the card of the contact or list that it is, where that is written too; else it is empty.
	Card string
}

// Participants calls visit for every member of the list and every participant of mails attached to it.
func (g *Group) Participants(visit func(*Address)) {
	for i := range g.Members {
		if a := g.Members[i].Address; a != nil {
			visit(a)
		}
	}
	g.Verbatim.participants(visit)
	for _, p := range g.Attachments {
		p.participants(visit)
	}
}
