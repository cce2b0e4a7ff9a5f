package ical

import (
	"errors"

	"mailmill/formats"
)

type note struct{ *formats.Note }

func (note) check() error { return nil }

func (n note) zones(_ *Options, visit func(*formats.Zone)) { namedZones(n.Verbatim, visit) }

// write writes a VJOURNAL (RFC 5545 3.6.3) that belongs to no day.
func (n note) write(e *Encoder) {
	if n.Verbatim != nil {
		e.verbatim(&n.Details, changes{})
		return
	}
	e.begin("VJOURNAL", &n.Details, formats.Moment{})
	e.details(&n.Details, true)
	e.extra(&n.Details)
	e.l.Line("END", "VJOURNAL")
}

type journal struct{ *formats.Journal }

func (j journal) check() error {
	if !j.Start.IsZero() && !good(j.Start) && j.Verbatim == nil {
		return errors.New("the entry is of a year that calendars do not have")
	}
	return nil
}

func (j journal) zones(_ *Options, visit func(*formats.Zone)) {
	if j.Verbatim != nil {
		namedZones(j.Verbatim, visit)
		return
	}
	visit(j.Start.Zone)
	visit(j.End.Zone)
}

// activityMark says that the first category of an entry is none of its own.
const activityMark = "X-PST-ACTIVITY"

// write writes a VJOURNAL (RFC 5545 3.6.3), or an event where that is wanted and there is a time for it.
func (j journal) write(e *Encoder) {
	component := "VJOURNAL"
	asEvent := e.opts.JournalAsEvents && good(j.Start)
	if j.Verbatim != nil {
		e.verbatim(&j.Details, changes{asEvent: asEvent, nobody: asEvent})
		return
	}
	if asEvent {
		component = "VEVENT"
	}
	e.begin(component, &j.Details, j.Start)
	e.moment("DTSTART", j.Start)
	span := formats.Event{Start: j.Start, End: j.End}
	end := endOf(&span)
	if asEvent {
		e.moment("DTEND", e.endOf(&span))
		e.l.Line("TRANSP", "TRANSPARENT")
	} else {
		e.moment("X-PST-END", end)
	}
	var activity []string
	if j.Activity != "" {
		activity = append(activity, j.Activity)
	}
	e.details(&j.Details, !asEvent, activity...)
	if j.Activity == "" && len(e.item.Keywords) > 0 {
		e.l.Line(activityMark, "NONE")
	}
	if !good(j.Start) && end.IsZero() && j.Duration <= 0 {
		// Without it who reads this takes it for a note.
		e.l.Line(kindMark, "JOURNAL")
	}
	if j.Duration > 0 {
		e.l.Line("X-PST-DURATION", duration(j.Duration))
	}
	e.extra(&j.Details)
	e.l.Line("END", component)
}
