package formats

// Verbatim is an item as it came, where it came as lines of iCalendar or vCard. Who writes such lines takes them from here,
// so that nothing is lost that the model has no field for, and what did not change stays as it was. The fields of the body
// say what the lines mean; of these the writer only looks at what steps change: the UID, the participants, the series that
// an occurrence belongs to.
type Verbatim struct {
	// Version is that of the lines: "2.0" for iCalendar, "3.0" or "4.0" for a card. Older ones were translated.
	Version string
	// Text is one component or card, from its BEGIN to its END: content lines with CRLF, each as it came where it could be
	// written so.
	Text []byte
	// Zones are the time zones that the lines name.
	Zones []*Zone
	// People are those whom the lines name, in the order of the lines.
	People []*Address
	// Aside are those of People whom no other field of the body names: delegates, and who is told by an alarm.
	Aside []*Address
	// Method is that of the calendar that the component came in (RFC 5546); empty for none.
	Method string
}

func (v *Verbatim) participants(visit func(*Address)) {
	if v == nil {
		return
	}
	for _, a := range v.Aside {
		visit(a)
	}
}
