package ical

import (
	"bytes"
	"strings"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
)

// namedZones visits the zones that the lines of an item name.
func namedZones(v *formats.Verbatim, visit func(*formats.Zone)) {
	if v == nil {
		return
	}
	for _, z := range v.Zones {
		visit(z)
	}
}

// verbatimZone writes a VTIMEZONE as it came, under an identifier.
func (e *Encoder) verbatimZone(id string, z *formats.Zone) {
	depth := 0
	for line := range contentline.Lines(z.Verbatim) {
		p, ok := contentline.Parse(string(contentline.Unfold(line)))
		switch {
		case ok && p.Name == "BEGIN":
			depth++
		case ok && p.Name == "END":
			depth--
		case ok && p.Name == "TZID" && depth == 1 && id != z.ID:
			e.l.TextLine("TZID", id)
			continue
		}
		e.l.Folded(line)
	}
}

// changes say what of an item's lines is not written as it came, besides what the options want.
type changes struct {
	// nobody takes part any more: who did stands in properties that no server acts on.
	nobody bool
	// alone makes an occurrence an event of its own.
	alone bool
	// asEvent makes an event of a journal entry.
	asEvent bool
	// moments are written in place of those that the lines have, of the same names. None is no such line.
	moments map[string]formats.Moment
}

// verbatimEvent writes an event that came as lines.
func (e *Encoder) verbatimEvent(ev *formats.Event, start, end formats.Moment) {
	c := changes{nobody: ev.Meeting == nil, alone: ev.RecurrenceID.IsZero()}
	set := func(name string, m formats.Moment) {
		if c.moments == nil {
			c.moments = make(map[string]formats.Moment)
		}
		c.moments[name] = m
	}
	// An event has an end or a duration, and not both (RFC 5545 3.6.1).
	setEnd := func() {
		set("DTEND", end)
		set("DURATION", formats.Moment{})
	}
	if start.Form != ev.Start.Form {
		set("DTSTART", start) // in UTC
		if !end.IsZero() {
			setEnd()
		}
	}
	switch {
	case !e.opts.TakeTime:
	case endOf(ev).IsZero(), ev.End.IsDate() != ev.Start.IsDate():
		setEnd()
	case bytes.Contains(ev.Verbatim.Text, []byte("\r\nDTEND")):
		set("DURATION", formats.Moment{})
	}
	e.verbatim(&ev.Details, c)
}

// verbatim writes an item by the lines that it came as. Each is as it was, unless the target or a step that the item has
// gone through wants another.
func (e *Encoder) verbatim(d *formats.Details, c changes) {
	w := &lineWriter{e: e, d: d, changes: c, uid: strings.TrimSpace(contentline.OneLine(e.uid(d)))}
	for _, z := range d.Verbatim.Zones {
		if id := e.ids[z]; id != "" && id != z.ID {
			if w.zones == nil {
				w.zones = make(map[string]string)
			}
			w.zones[z.ID] = id
		}
	}
	for line := range contentline.Lines(d.Verbatim.Text) {
		p, ok := contentline.Parse(string(contentline.Unfold(line)))
		if !ok {
			continue // no reader gives such
		}
		w.line(line, &p)
	}
}

// lineWriter goes through the lines of an item.
type lineWriter struct {
	changes
	e     *Encoder
	d     *formats.Details
	uid   string
	zones map[string]string // identifiers that changed

	depth   int
	skipped int // depth of a component that is left out; 0 for none
	first   bool
	seen    map[string]bool // moments that were written
	people  int
	attach  int
}

func (w *lineWriter) line(line []byte, p *contentline.Property) {
	e := w.e
	switch p.Name {
	case "BEGIN":
		w.depth++
		name := p.Value
		switch {
		case w.depth == 1:
			w.first, w.seen = w.seen == nil, make(map[string]bool)
			if w.asEvent && name == "VJOURNAL" {
				name = "VEVENT"
			}
		case name == "VALARM" && e.opts.NoAlarms && w.skipped == 0:
			w.skipped = w.depth
		case w.depth == 2:
			w.finish()
		}
		if w.skipped == 0 {
			e.l.Line("BEGIN", name)
		}
		return
	case "END":
		name := p.Value
		if w.depth == 1 {
			w.finish()
			if w.asEvent && name == "VJOURNAL" {
				name = "VEVENT"
			}
		}
		if w.skipped == 0 {
			e.l.Line("END", name)
		}
		if w.skipped == w.depth {
			w.skipped = 0
		}
		w.depth--
		return
	}
	changed := w.person(p)
	if w.skipped > 0 {
		return
	}
	if e.opts.TakeTime && strings.TrimSpace(p.Value) == "" && saysNothing(p) && (p.Name != "UID" || w.depth > 1) {
		return
	}
	if w.depth == 1 {
		var keep bool
		if changed, keep = w.own(p, changed); !keep {
			return
		}
	}
	if e.opts.TakeTime && isText(p.Name) {
		if legal := contentline.LegalEscapes(p.Value); legal != p.Value {
			p.Value, changed = legal, true
		}
	}
	for i := range p.Params {
		q := &p.Params[i]
		if q.Name == "TZID" && len(q.Values) == 1 {
			if id, ok := w.zones[contentline.Decode6868(q.Values[0])]; ok {
				p.Set("TZID", id)
				changed = true
			}
		}
	}
	if changed {
		e.l.Unfolded(p.String())
	} else {
		e.l.Folded(line)
	}
	if w.depth == 1 && p.Name == "DTSTART" && !bytes.Contains(w.d.Verbatim.Text, []byte("\r\nDTEND")) {
		w.added("DTEND")
	}
}

// isText reports whether the values of a property are texts.
func isText(name string) bool {
	switch name {
	case "SUMMARY", "DESCRIPTION", "LOCATION", "COMMENT", "CONTACT", "CATEGORIES", "RESOURCES":
		return true
	}
	return false
}

// saysNothing reports whether a property without a value has nothing in its parameters either.
func saysNothing(p *contentline.Property) bool {
	for _, q := range p.Params {
		if q.Name != "LANGUAGE" && q.Name != "VALUE" {
			return false
		}
	}
	return true
}

// added writes a moment that the lines do not have.
func (w *lineWriter) added(name string) {
	if m, ok := w.moments[name]; ok && !w.seen[name] {
		w.seen[name] = true
		w.e.moment(name, m)
	}
}

// own changes a property of the component itself. It is not kept where it was left out, or written already.
func (w *lineWriter) own(p *contentline.Property, changed bool) (is, keep bool) {
	e := w.e
	if m, ok := w.moments[p.Name]; ok {
		if !w.seen[p.Name] {
			w.seen[p.Name] = true
			e.moment(p.Name, m)
		}
		return false, false
	}
	switch p.Name {
	case "UID":
		if uidOf(p.Value) != w.uid {
			p.Value, changed = contentline.Escape(w.uid), true
		}
	case "RECURRENCE-ID":
		if w.alone && w.d.Verbatim != nil && w.isEvent() {
			return false, false
		}
	case "ORGANIZER", "ATTENDEE":
		if w.nobody {
			p.Name = "X-PST-" + p.Name
			return true, true
		}
		if e.opts.TakeTime && strings.TrimSpace(p.Value) == "" {
			p.Value, changed = nobody, true
		}
		if agent := e.opts.ScheduleAgent; agent != "" && p.Get("SCHEDULE-AGENT") != agent {
			p.Set("SCHEDULE-AGENT", agent)
			changed = true
		}
	case "X-ALT-DESC":
		return changed, !e.opts.NoHTML
	case "ATTACH":
		w.attach++
		if e.opts.NoAttachments {
			return false, false
		}
		if w.attach <= len(w.d.Attachments) && e.opts.Beside != nil {
			part := w.d.Attachments[w.attach-1]
			if part.Content == nil {
				break
			}
			if uri := e.opts.Beside(part); uri != "" {
				p.Remove("ENCODING", "VALUE")
				p.Value, changed = uri, true
			}
		}
	case "STATUS":
		if w.asEvent {
			// The words of entries are none of events (RFC 5545 3.8.1.11).
			if word := map[string]string{"DRAFT": "TENTATIVE", "FINAL": "CONFIRMED"}[strings.ToUpper(p.Value)]; word != "" {
				p.Value, changed = word, true
			}
		}
	case "DTSTART":
		if t, ok := w.strictStart(p); ok {
			p.Name, changed = t, true
		}
	}
	return changed, true
}

// isEvent reports whether the item is an event: of others a component that is an occurrence stays one.
func (w *lineWriter) isEvent() bool { return w.e.item != nil && w.e.item.Event != nil }

// strictStart returns another name for the start of a task that is due then, where that may not be.
func (w *lineWriter) strictStart(p *contentline.Property) (string, bool) {
	it := w.e.item
	if !w.e.opts.StrictDue || it == nil || it.Task == nil || it.Task.Series != nil {
		return "", false
	}
	t := it.Task
	if t.Due.IsZero() || t.Start.IsZero() || t.Due.Time(nil).After(t.Start.Time(nil)) {
		return "", false
	}
	return "X-PST-START", true
}

// person gives those whom a property names the addresses that are known now.
func (w *lineWriter) person(p *contentline.Property) (changed bool) {
	for _, was := range peopleOf(p) {
		if w.people >= len(w.d.Verbatim.People) {
			return changed
		}
		is := w.d.Verbatim.People[w.people]
		w.people++
		spec := strings.TrimSpace(is.Spec())
		if spec == "" || strings.EqualFold(spec, was.address.Spec()) {
			continue
		}
		changed = true
		uri := contentline.MailtoURI(spec)
		if was.param != "" {
			for i := range p.Params {
				if p.Params[i].Name == was.param && was.at < len(p.Params[i].Values) {
					p.Params[i].Values[was.at] = uri
				}
			}
			continue
		}
		p.Value = uri
		switch {
		case is.SMTP != "":
			p.Remove("X-EX-ADDRESS")
		case is.Stored != "" && !p.Has("X-EX-ADDRESS"):
			p.Set("X-EX-ADDRESS", contentline.OneLine(is.Stored))
		}
		if p.Has("EMAIL") {
			p.Set("EMAIL", spec)
		}
	}
	return changed
}

// finish writes what is to be added to a component, before the components in it.
func (w *lineWriter) finish() {
	if w.seen["finished"] {
		return
	}
	w.seen["finished"] = true
	e := w.e
	w.added("DTSTART")
	w.added("DTEND")
	if w.asEvent {
		e.l.Line("TRANSP", "TRANSPARENT")
	}
	if m := w.d.Verbatim.Method; m != "" && m != "PUBLISH" && m != e.opts.Method && w.first {
		// A calendar of many items has no method, and servers take none (RFC 4791 4.1).
		e.l.TextLine("X-PST-METHOD", m)
	}
	if w.first {
		e.extra(w.d)
	}
}
