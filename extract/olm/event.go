package olm

import (
	"errors"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
	"mailmill/formats/winzone"
)

var (
	errRule  = errors.New("it is of a kind that is not known")
	errStart = errors.New("nothing says when it is")
	errZone  = errors.New("its time zone is not known: times are in UTC")
)

// busy are the values of OPFCalendarEventCopyFreeBusyStatus. Unchecked: what 2 and 3 are.
var busy = [...]formats.Busy{formats.BusyBusy, formats.BusyFree, formats.BusyTentative, formats.BusyAway}

// answers are the values of OPFCalendarAttendeeStatus. Unchecked: no archive that was at hand has attendees; the order is
// that of Exchange's web services.
var answers = [...]formats.AttendeeStatus{formats.NeedsAction, formats.Accepted, formats.Tentative, formats.Accepted, formats.Declined, formats.NeedsAction}

// event makes the item of an <appointment> and of those that are exceptions of it.
func (a *Archive) event(it *formats.Item, n *node, overrides []*node) {
	e := a.appointment(it, n)
	for _, o := range overrides {
		one := a.appointment(it, o)
		one.UID = e.UID
		one.RecurrenceID = like(e.Start, a.when(moment(o.get("OPFCalendarEventCopyRecurrenceId")), a.zoneOf(n)))
		one.Series = nil
		e.Overrides = append(e.Overrides, one)
	}
	if e.Series == nil {
		// One occurrence of a series that is not here.
		e.RecurrenceID = like(e.Start, a.when(moment(n.get("OPFCalendarEventCopyRecurrenceId")), a.zoneOf(n)))
	}
	it.Event, it.Identity, it.Subject = e, e.Identity(), e.Summary
}

// like gives a moment the form of another: a date where that is one.
func like(form, m formats.Moment) formats.Moment {
	if form.IsDate() && !m.IsZero() {
		return formats.Date(m.Clock.Date())
	}
	return m
}

// appointment reads an <appointment> alone.
func (a *Archive) appointment(it *formats.Item, n *node) *formats.Event {
	e := &formats.Event{Details: formats.Details{
		UID: n.line("OPFCalendarEventCopyUUID"), Summary: mime.OneLine(n.get("OPFCalendarEventCopySummary")),
		Modified: moment(n.get("OPFCalendarEventCopyModDate")),
	}}
	describe(&e.Details, n.get("OPFCalendarEventCopyDescription"), n.get("OPFCalendarEventCopyDescriptionPlain"))
	e.Location = mime.OneLine(n.get("OPFCalendarEventCopyLocation"))
	if truth(n.get("OPFCalendarEventGetIsPrivate")) {
		e.Class = formats.ClassPrivate
	}
	if b, ok := number(n.get("OPFCalendarEventCopyFreeBusyStatus")); ok && b >= 0 && int(b) < len(busy) {
		e.Busy = busy[int(b)]
	}
	zone := a.zoneOf(n)
	start, end := moment(n.get("OPFCalendarEventCopyStartTime")), moment(n.get("OPFCalendarEventCopyEndTime"))
	if start.IsZero() {
		it.Lose(formats.Damage{Part: "start of the event", Err: errStart})
		if start = end; start.IsZero() {
			start = e.Modified
		}
		if start.IsZero() {
			start = time.Unix(0, 0)
		}
	}
	if truth(n.get("OPFCalendarEventGetIsAllDayEvent")) {
		e.Start, e.End = a.wholeDay(start, zone), a.wholeDay(end, zone)
	} else {
		e.Start, e.End = a.when(start, zone), a.when(end, zone)
	}
	if e.UID == "" {
		e.UID = digest([]byte(e.Summary+"\x00"+e.Start.String())) + "@pst.invalid"
	}
	if truth(n.get("OPFCalendarEventGetHasReminder")) {
		// The time before the start is in seconds.
		const most = 366 * 24 * 3600
		if s, ok := number(n.get("OPFCalendarEventCopyReminderDelta")); ok && s >= -most && s <= most {
			e.Alarms = []formats.Alarm{{Before: time.Duration(s) * time.Second}}
		}
	}
	if r := n.child("OPFCalendarEventCopyRecurrence"); r != nil && truth(n.get("OPFCalendarEventIsRecurring")) {
		a.series(it, e, n, r, zone)
	}
	a.attendees(e, n)
	for _, f := range a.attach(n.child("OPFCalendarEventCopyAttachmentList"), "appointmentAttachment") {
		if p := a.part(it, f); p != nil {
			e.Attachments = append(e.Attachments, p)
		}
	}
	return e
}

// when is a point of time as the clocks of a zone show it.
func (a *Archive) when(t time.Time, zone *formats.Zone) formats.Moment {
	if t.IsZero() || zone == nil {
		return formats.Instant(t)
	}
	return formats.Zoned(zone.Clock(t), zone)
}

// wholeDay is the day that begins, in a zone, at a point of time.
func (a *Archive) wholeDay(t time.Time, zone *formats.Zone) formats.Moment {
	if t.IsZero() || zone == nil {
		return a.day(t)
	}
	return formats.Date(zone.Clock(t).Date())
}

// zoneOf returns the zone of an <appointment>, nil where it is not known. Outlook names it as macOS does beside its rules,
// and as Windows shows it.
func (a *Archive) zoneOf(n *node) *formats.Zone {
	id := ""
	for line := range strings.Lines(n.get("OPFCalendarEventGetStartTimeZoneICSData")) {
		if name, ok := strings.CutPrefix(line, "X-ENTOURAGE-CFTIMEZONE:"); ok {
			id = strings.TrimSpace(name)
		}
	}
	shown := n.line("OPFCalendarEventCopyStartTimeZone")
	return a.zones.get(id, shown)
}

// zoneByName returns a zone by its name for macOS, which is one of the zone database or an alias there, or by how Windows
// shows it: "(UTC-07:00) Mountain Time (US & Canada)".
func zoneByName(id, shown string) *formats.Zone {
	name, ok := winzone.Name(id)
	if !ok {
		name, ok = shownZone(shown)
	}
	if !ok {
		return nil
	}
	loc, err := winzone.Location(name)
	if err != nil {
		return nil
	}
	return formats.ZoneOf(loc, time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC))
}

// shownZone makes the best of the name of a zone as people see it.
func shownZone(shown string) (string, bool) {
	offset, text, ok := strings.Cut(strings.TrimPrefix(shown, "("), ")")
	if !ok {
		return winzone.Name(shown)
	}
	text = strings.TrimSpace(text)
	if before, _, found := strings.Cut(text, " ("); found {
		text = before
	}
	if words, found := strings.CutSuffix(text, " Time"); found {
		if name, ok := winzone.Name(words + " Standard Time"); ok {
			return name, true
		}
	}
	t, err := time.Parse("-07:00", strings.TrimPrefix(strings.TrimPrefix(offset, "UTC"), "GMT"))
	if err != nil {
		return "", false
	}
	_, seconds := t.Zone()
	const year = 2020
	return winzone.Named(year, time.Duration(seconds)*time.Second, text)
}

// series reads when an event happens again.
func (a *Archive) series(it *formats.Item, e *formats.Event, n, r *node, zone *formats.Zone) {
	rule := a.rule(r, e.Start)
	if rule == nil {
		it.Lose(formats.Damage{Part: "rule of the series", Err: errRule})
		return
	}
	if zone == nil && !e.Start.IsDate() {
		it.Lose(formats.Damage{Part: "series", Err: errZone})
	}
	e.Series = &formats.Series{Rule: rule}
	// Unchecked: no archive that was at hand has deleted occurrences. The schema of others has their times here.
	n.all("OPFCalendarEventCopyNegativeExceptions", func(k *node) {
		k.all("XMLElementDate", func(d *node) {
			if m := like(e.Start, a.when(moment(d.text), zone)); !m.IsZero() {
				e.Series.Except = append(e.Series.Except, m)
			}
		})
	})
}

var weekdays = [...]string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

// daysOf returns the days of the week that a pattern names.
func daysOf(n *node) (list []time.Weekday) {
	days := n.child("OPFRecurrencePatternDaysOfWeek")
	if days == nil {
		return nil
	}
	has := func(name string) bool { return truth(days.get(name)) }
	for d := time.Sunday; d <= time.Saturday; d++ {
		weekend := d == time.Saturday || d == time.Sunday
		if has(weekdays[d]) || has("allDays") || has("weekdays") && !weekend || has("weekenddays") && weekend {
			list = append(list, d)
		}
	}
	return list
}

// rule reads a recurrence; nil for one that makes no sense.
//
// Unchecked: what OPFRecurrencePatternWeek is. Others take it for the number of the week in the month; 5 is the last one,
// as everywhere in Outlook.
func (a *Archive) rule(r *node, start formats.Moment) *formats.Recurrence {
	p := r.child("OPFRecurrencePattern")
	if p == nil {
		return nil
	}
	const last, most = 5, 9999
	rule := &formats.Recurrence{WeekStart: time.Sunday, Interval: max(1, min(integer(p.get("OPFRecurrencePatternInterval")), most))}
	month, day, week := integer(p.get("OPFRecurrencePatternMonth")), integer(p.get("OPFRecurrencePatternDayOfMonth")), integer(p.get("OPFRecurrencePatternWeek"))
	days := daysOf(p)
	kind := strings.ToLower(strings.TrimPrefix(p.line("OPFRecurrencePatternType"), "OPFRecurrencePattern"))
	switch kind {
	case "daily":
		rule.Frequency = formats.Daily
	case "weekly":
		rule.Frequency = formats.Weekly
	case "absolutemonthly", "monthly", "relativemonthly":
		rule.Frequency = formats.Monthly
	case "absoluteyearly", "yearly", "relativeyearly":
		rule.Frequency = formats.Yearly
		if month < 1 || month > 12 {
			month = int(start.Clock.Month())
		}
		rule.ByMonth = []formats.RuleMonth{{Number: month}}
	default:
		return nil
	}
	switch {
	case kind == "weekly":
		for _, d := range days {
			rule.ByDay = append(rule.ByDay, formats.WeekdayNum{Day: d})
		}
	case strings.HasPrefix(kind, "relative"):
		if len(days) == 0 || week < 1 || week > last {
			return nil
		}
		if week == last {
			week = -1
		}
		if len(days) == 1 {
			rule.ByDay = []formats.WeekdayNum{{Day: days[0], N: week}}
			break
		}
		for _, d := range days {
			rule.ByDay = append(rule.ByDay, formats.WeekdayNum{Day: d})
		}
		rule.BySetPos = []int{week}
	case kind != "daily":
		if day < 1 || day > 31 {
			day = start.Clock.Day()
		}
		rule.ByMonthDay = []int{day}
	}
	// Outlook stores the number of occurrences and the time of the last one, whichever its owner has chosen.
	count := integer(r.get("OPFRecurrenceGetOccurenceCount"))
	switch until := moment(r.get("OPFRecurrenceCopyEndDate")); {
	case truth(r.get("OPFRecurrenceIsNoEnd")):
	case truth(r.get("OPFRecurrenceIsNumbered")) && count > 0:
		rule.Count = count
	case truth(r.get("OPFRecurrenceHasEndDate")) && !until.IsZero():
		if rule.Until = formats.Instant(until); start.IsDate() {
			rule.Until = a.day(until)
		}
	}
	return rule
}

// attendees reads who takes part. Unchecked, but for what an appointment has that nobody else takes part in.
func (a *Archive) attendees(e *formats.Event, n *node) {
	var meeting formats.Meeting
	n.child("OPFCalendarEventCopyAttendeeList").all("appointmentAttendee", func(k *node) {
		at := formats.Attendee{
			Address: address(k.attr("OPFCalendarAttendeeName"), k.attr("OPFCalendarAttendeeAddress")),
			RSVP:    truth(k.attr("OPFCalendarAttendeeResponseRequested")),
		}
		if s := integer(k.attr("OPFCalendarAttendeeStatus")); s >= 0 && s < len(answers) {
			at.Status = answers[s]
		}
		switch integer(k.attr("OPFCalendarAttendeeType")) {
		case mapi.RecipientCc:
			at.Role = formats.Optional
		case mapi.RecipientBcc:
			at.Type, at.Role = formats.Resource, formats.NonParticipant
		}
		if at.Address.Name != "" || at.Address.Stored != "" {
			meeting.Attendees = append(meeting.Attendees, at)
		}
	})
	if len(meeting.Attendees) == 0 {
		return
	}
	if organizer := n.line("OPFCalendarEventCopyOrganizer"); organizer != "" {
		list := mime.ParseAddressList(organizer)
		meeting.Organizer = address(organizer, "")
		if len(list) > 0 && list[0].Stored != "" {
			meeting.Organizer = address(list[0].Name, list[0].Stored)
		}
	}
	if v := n.child("OPFCalendarEventAllowNewTimeProposal"); v != nil && !truth(v.text) {
		meeting.NoCounter = true
	}
	e.Meeting = &meeting
}
