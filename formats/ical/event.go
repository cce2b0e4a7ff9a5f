package ical

import (
	"errors"
	"slices"
	"time"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
)

var busyNames = [...]string{"", "FREE", "TENTATIVE", "BUSY", "OOF", "WORKINGELSEWHERE"}

// The values of X-MICROSOFT-CDO-INSTTYPE.
const (
	instanceSingle    = "0"
	instanceSeries    = "1"
	instanceException = "3"
)

type event struct{ *formats.Event }

func (ev event) check() error {
	for _, o := range slices.Concat([]*formats.Event{ev.Event}, ev.Overrides) {
		switch {
		case o.Verbatim != nil:
		case o.Start.IsZero():
			return errors.New("the event has no start")
		case !good(o.Start):
			return errors.New("the event starts in a year that calendars do not have")
		case o != ev.Event && !good(o.RecurrenceID):
			return errors.New("an exception does not say which occurrence it replaces")
		}
	}
	if reason := checkSeries(ev.Series); reason != "" && ev.Verbatim == nil {
		return errors.New(reason)
	}
	return nil
}

func (ev event) zones(opts *Options, visit func(*formats.Zone)) {
	switch {
	case ev.Verbatim != nil:
		namedZones(ev.Verbatim, visit)
	case opts.UTC && ev.isSingle():
		return
	default:
		for _, m := range []formats.Moment{ev.Start, ev.End, ev.RecurrenceID} {
			visit(m.Zone)
		}
	}
	for _, o := range ev.Overrides {
		event{o}.zones(opts, visit)
	}
}

// isSingle reports whether the event has nothing to do with any series.
func (ev event) isSingle() bool { return ev.Series == nil && ev.RecurrenceID.IsZero() }

// write writes the event, and after it its overrides in the order of what they replace.
func (ev event) write(e *Encoder) {
	e.event(ev.Event, nil)
	overrides := slices.Clone(ev.Overrides)
	slices.SortStableFunc(overrides, func(a, b *formats.Event) int {
		return a.RecurrenceID.Time(nil).Compare(b.RecurrenceID.Time(nil))
	})
	for _, o := range overrides {
		e.event(o, ev.Event)
	}
}

// event writes a VEVENT (RFC 5545 3.6.1). An override has its series as master.
func (e *Encoder) event(ev, master *formats.Event) {
	start, end := ev.Start, e.endOf(ev)
	if e.opts.UTC && master == nil && (event{ev}).isSingle() {
		start, end = inUTC(start), inUTC(end)
	}
	if master != nil && ev.UID == "" {
		same := *ev
		same.UID = e.uid(&master.Details)
		ev = &same
	}
	if ev.Verbatim != nil {
		e.verbatimEvent(ev, start, end)
		return
	}
	e.begin("VEVENT", &ev.Details, start)
	id := ev.RecurrenceID
	if master != nil {
		id = like(id, master.Start)
	}
	e.moment("RECURRENCE-ID", id)
	e.moment("DTSTART", start)
	e.moment("DTEND", end)
	if master == nil {
		e.series(ev.Series, start)
	}
	e.details(&ev.Details, false)
	if ev.Location != "" {
		e.l.TextLine("LOCATION", contentline.OneLine(ev.Location))
	}
	for _, c := range ev.Conferences {
		e.conference(c)
	}
	e.state(ev, master)
	e.meeting(ev.Meeting)
	e.extra(&ev.Details)
	e.alarms(ev.Alarms, ev.Summary)
	e.l.Line("END", "VEVENT")
}

// state writes what the event does to the time of its owner.
func (e *Encoder) state(ev, master *formats.Event) {
	switch {
	case ev.Cancelled:
		e.l.Line("STATUS", "CANCELLED")
	case ev.Busy == formats.BusyTentative:
		e.l.Line("STATUS", "TENTATIVE")
	default:
		e.l.Line("STATUS", "CONFIRMED")
	}
	if ev.Busy == formats.BusyFree {
		e.l.Line("TRANSP", "TRANSPARENT")
	} else {
		e.l.Line("TRANSP", "OPAQUE")
	}
	if ev.Busy > 0 && int(ev.Busy) < len(busyNames) {
		e.l.Line("X-MICROSOFT-CDO-BUSYSTATUS", busyNames[ev.Busy])
	}
	if ev.Intended > 0 && int(ev.Intended) < len(busyNames) {
		e.l.Line("X-MICROSOFT-CDO-INTENDEDSTATUS", busyNames[ev.Intended])
	}
	allDay := "FALSE"
	if ev.Start.IsDate() {
		allDay = "TRUE"
	}
	e.l.Line("X-MICROSOFT-CDO-ALLDAYEVENT", allDay)
	switch {
	case master != nil || !ev.RecurrenceID.IsZero():
		e.l.Line("X-MICROSOFT-CDO-INSTTYPE", instanceException)
	case ev.Series != nil:
		e.l.Line("X-MICROSOFT-CDO-INSTTYPE", instanceSeries)
	default:
		e.l.Line("X-MICROSOFT-CDO-INSTTYPE", instanceSingle)
	}
}

// conference writes where one meets online (RFC 7986 5.11).
func (e *Encoder) conference(c formats.Link) {
	e.l.Name("CONFERENCE")
	e.l.Param("VALUE", "URI")
	if c.Label != "" {
		e.l.Param("LABEL", contentline.OneLine(c.Label))
	}
	e.l.URI(c.URI)
	e.l.End()
}

// endOf returns the end of an event as it is written.
func (e *Encoder) endOf(ev *formats.Event) formats.Moment {
	end := endOf(ev)
	if end.IsZero() && e.opts.TakeTime && !ev.Start.IsDate() {
		end = ev.Start
		end.Clock = end.Clock.Add(time.Second)
	}
	return end
}

// endOf returns the end of an event in a form that goes with its start, and none where it is not after that: such an
// event takes no time, or its one day (RFC 5545 3.6.1).
func endOf(ev *formats.Event) formats.Moment {
	end := ev.End
	if !good(end) {
		return formats.Moment{}
	}
	switch {
	case ev.Start.IsDate() && !end.IsDate():
		if end = like(end, ev.Start); ev.End.Clock.After(end.Clock) {
			end.Clock = end.Clock.AddDate(0, 0, 1)
		}
	case !ev.Start.IsDate() && end.IsDate():
		midnight := ev.Start
		midnight.Clock = end.Clock
		end = midnight
	case (ev.Start.Form == formats.MomentFloating) != (end.Form == formats.MomentFloating):
		end = like(end, ev.Start)
	}
	if !end.Time(nil).After(ev.Start.Time(nil)) || !good(end) {
		return formats.Moment{}
	}
	return end
}

func inUTC(m formats.Moment) formats.Moment {
	if m.Form != formats.MomentZoned {
		return m
	}
	return formats.Instant(m.Time(nil).Truncate(time.Second))
}
