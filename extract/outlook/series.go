package outlook

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/recur"
)

// Parts of series, for people.
const (
	seriesPart    = "series"
	exceptionPart = "exception of the series"
)

var (
	errNoPattern   = errors.New("it recurs, and nothing says when")
	errNoInstance  = errors.New("nothing says which occurrence it is")
	errFewOverride = errors.New("there are more of them than a series can have")
)

// maxExceptions bounds the exceptions of a series. Hostile input can hold as many as it has bytes.
const maxExceptions = 1 << 14

// isException reports whether an attachment is an exception of a series, which is no file (MS-OXOCAL 2.2.10.1).
func isException(a mapi.Attachment) bool {
	method, _ := a.Lookup(mapi.PidTagAttachMethod)
	if method.Int() != mapi.AttachEmbedded {
		return false
	}
	flags, _ := a.Lookup(mapi.PidTagAttachmentFlags)
	hidden, _ := a.Lookup(mapi.PidTagAttachmentHidden)
	if flags.Int()&attachException != 0 {
		return true
	}
	if hidden.Int() == 0 {
		return false
	}
	inner, err := a.Embedded()
	if err != nil {
		return false
	}
	class, _ := inner.Lookup(mapi.PidTagMessageClass)
	return isText(class, classException)
}

// exceptions returns the attachments that are exceptions of a series.
func (m *message) exceptions() []mapi.Attachment {
	all, _ := m.attached() // readAttachments reports what is lost
	var list []mapi.Attachment
	for _, a := range all {
		if isException(a) {
			list = append(list, a)
		}
	}
	return list
}

// isInstance reports whether the message is about one occurrence of a series that is elsewhere, and on which day that
// was to be, if that is known.
func (m *message) isInstance() (day time.Time, ok bool) {
	id, _ := mapi.ParseGlobalObjectID(m.named(mapi.PidLidGlobalObjectId, "global object id").Bytes())
	if day, ok = id.Instance(); ok {
		return day, true
	}
	return time.Time{}, isClass(m.class, classException) || m.named(mapi.PidLidIsException, "exception").Bool()
}

// series makes the event a series, where the message is one. It is false where it is none, or where nothing can be made
// of its pattern.
func (m *message) series(e *formats.Event, start, end time.Time, allDay bool, attached []mapi.Attachment) bool {
	v := m.named(mapi.PidLidAppointmentRecur, seriesPart)
	if len(v.Bytes()) == 0 {
		// Answers to the organizer of a series need not say when it is.
		if _, instance := m.isInstance(); !instance && isClass(m.class, classAppointment) && m.named(mapi.PidLidRecurring, seriesPart).Bool() {
			m.lose(seriesPart, errNoPattern)
		}
		return false
	}
	r, err := mapi.ParseRecurrence(v.Bytes(), m.cp)
	if err != nil {
		m.lose(seriesPart, err)
	}
	if r == nil {
		return false
	}
	if r.Start == 0 && start.IsZero() {
		return false
	}
	s := &seriesMaker{m: m, event: e, allDay: allDay, r: r}
	year := r.Start.Time().Year()
	if r.Start == 0 {
		year = start.Year()
	}
	s.zone = m.itemZone(mapi.PidLidAppointmentZoneRecur, mapi.PidLidTimeZoneStruct, year)
	if s.zone == nil {
		s.zone = m.itemZone(mapi.PidLidAppointmentZoneStart, mapi.Name{}, year)
	}
	if !r.HasTimes {
		s.timesFrom(start, end)
	}
	if r.Start == 0 {
		// What follows the pattern was cut off, with the days on which it begins and ends.
		r.Start = s.local(start).Midnight()
		if last := m.named(mapi.PidLidClipEnd, "end of the series").Time(); !last.IsZero() && r.End == mapi.EndByDate {
			r.Last = s.local(last).Midnight()
		}
	}
	if allDay {
		s.wholeDays()
	}
	list, err := recur.Convert(r, time.UTC, true)
	if err != nil {
		m.lose(seriesPart, err)
	}
	if list == nil {
		return false
	}
	s.setZone(list.Start, start)
	e.Start, e.End = s.moment(list.Start), s.moment(list.End)
	e.Series = &formats.Series{}
	if list.Rule != nil {
		e.Series.Rule = s.rule(list.Rule)
	}
	e.Series.Exchange = s.exchange(list.Exchange)
	for _, at := range list.Added {
		e.Series.Also = append(e.Series.Also, s.moment(at))
	}
	if list.Rule == nil || list.Rule.Scale != "" {
		// Few programs read rules of other calendars: people can read this.
		e.Extra = property(e.Extra, "X-PST-RECURRENCE-PATTERN", m.namedLine(mapi.PidLidRecurrencePattern, seriesPart))
	}
	for _, at := range list.Excluded {
		e.Series.Except = append(e.Series.Except, s.moment(at))
	}
	s.overrides(list.Overrides, attached)
	return true
}

// seriesMaker makes a series.
type seriesMaker struct {
	m      *message
	event  *formats.Event
	r      *mapi.Recurrence
	allDay bool
	// zone is the one that is stored, and written the one that the series is written in; either may be nil.
	zone    *zone
	written *formats.Zone
	// seen are the days that have an override.
	seen map[int]bool
}

// timesFrom takes the time of day from the first occurrence where the pattern does not have it.
func (s *seriesMaker) timesFrom(start, end time.Time) {
	if start.IsZero() {
		return
	}
	local := start.UTC()
	switch {
	case s.zone != nil:
		local = s.zone.clock(start)
	case s.m.c.usualZone() != nil:
		local = s.m.c.usualZone().Clock(start)
	}
	s.r.StartOffset = uint32(local.Hour()*60 + local.Minute())
	s.r.EndOffset = s.r.StartOffset
	const most = 366 * 24 * time.Hour
	if d := end.Sub(start); d > 0 && d < most {
		s.r.EndOffset += uint32(d / time.Minute)
	}
}

// wholeDays makes the occurrences begin and end at midnights.
func (s *seriesMaker) wholeDays() {
	r := s.r
	days := uint32(1)
	if r.EndOffset > r.StartOffset {
		days = max((r.EndOffset-r.StartOffset+mapi.MinutesPerDay-1)/mapi.MinutesPerDay, 1)
	}
	r.StartOffset, r.EndOffset = 0, days*mapi.MinutesPerDay
}

// setZone chooses the zone of the series, whose first occurrence is at a local time and, if that is known, an instant.
func (s *seriesMaker) setZone(local mapi.Minutes, first time.Time) {
	if s.allDay {
		return
	}
	if z := s.zone; z != nil {
		at := z.own.Time(local.Time())
		s.written = z.at(at)
		if z.loc != nil && !first.IsZero() && !at.Equal(first) && recur.At(local, z.loc).Equal(first) {
			// The rules are newer than the series, which was made under those that the zone had before. Ten years of it show
			// what is not the same every year.
			const years = 10
			s.written = formats.ZoneOf(z.loc, first.AddDate(-1, 0, 0), first.AddDate(years, 0, 0))
		}
		return
	}
	// Nothing says in which zone it counts. What is known is when it began.
	fallback := s.m.c.usualZone()
	if first.IsZero() {
		s.written = fallback
		return
	}
	if fallback != nil && fallback.Time(local.Time()).Equal(first) {
		s.written = fallback
		return
	}
	const most = 14 * time.Hour
	if ahead := local.Time().Sub(first); ahead.Abs() <= most && ahead%(15*time.Minute) == 0 {
		s.written = fixedZone(ahead)
		return
	}
	s.written = fallback
}

// fixedZone returns a zone that is always as far ahead of UTC.
func fixedZone(ahead time.Duration) *formats.Zone {
	id := "UTC"
	if ahead != 0 {
		sign, d := "+", ahead
		if d < 0 {
			sign, d = "-", -d
		}
		id = fmt.Sprintf("/pst/UTC%s%02d%02d", sign, d/time.Hour, d/time.Minute%60)
	}
	return &formats.Zone{ID: id, Onsets: []formats.Onset{{
		Start: time.Date(zoneBase, 1, 1, 0, 0, 0, 0, time.UTC), Before: seconds(ahead), After: seconds(ahead),
	}}}
}

// moment returns a local time of the series.
func (s *seriesMaker) moment(at mapi.Minutes) formats.Moment {
	if s.allDay {
		return formats.Date(at.Time().Date())
	}
	return s.clock(at)
}

// clock returns a local time where it is not that of whole days.
func (s *seriesMaker) clock(at mapi.Minutes) formats.Moment {
	z := s.written
	if z == nil && s.zone != nil {
		z = s.zone.at(s.zone.own.Time(at.Time()))
	}
	if z == nil && s.m.c.usualZone() != nil {
		z = s.m.c.usualZone()
	}
	if z == nil {
		return formats.Instant(at.Time())
	}
	return formats.Zoned(at.Time(), z)
}

// rule returns the rule in the terms of the model.
func (s *seriesMaker) rule(r *recur.Rule) *formats.Recurrence {
	out := &formats.Recurrence{Interval: r.Interval, ByMonthDay: r.MonthDays, WeekStart: r.WeekStart, Count: r.Count}
	switch r.Frequency {
	case recur.Daily:
		out.Frequency = formats.Daily
	case recur.Weekly:
		out.Frequency = formats.Weekly
	case recur.Monthly:
		out.Frequency = formats.Monthly
	case recur.Yearly:
		out.Frequency = formats.Yearly
	}
	if r.Month != 0 {
		out.ByMonth = []formats.RuleMonth{{Number: int(r.Month), Leap: r.LeapMonth}}
	}
	if r.Scale != "" {
		out.Scale, out.Skip = r.Scale, formats.SkipBackward
	}
	for _, d := range r.Weekdays {
		out.ByDay = append(out.ByDay, formats.WeekdayNum{Day: d, N: r.Nth})
	}
	if r.Position != 0 {
		out.BySetPos = []int{r.Position}
	}
	if !r.Until.IsZero() && r.Count == 0 {
		out.Until = s.moment(mapi.MinutesOf(r.Until))
	}
	return out
}

// exchange returns a rule in another calendar in the terms of the model.
func (s *seriesMaker) exchange(r *recur.ExchangeRule) *formats.ExchangeRule {
	if r == nil {
		return nil
	}
	return &formats.ExchangeRule{Calendar: r.Calendar, Rule: *s.rule(&r.Rule)}
}

// overrides makes the occurrences that differ: of each the blob tells when it is and some of what differs, and a message
// that is attached the rest.
func (s *seriesMaker) overrides(list []recur.Override, attached []mapi.Attachment) {
	if len(list)+len(attached) == 0 {
		return
	}
	s.seen = make(map[int]bool, len(list))
	inner := s.read(attached)
	s.pair(list, inner)
	if len(list) > maxExceptions {
		s.m.lose(seriesPart, errFewOverride)
		list = list[:maxExceptions]
	}
	told := make(map[int]*embeddedException, len(inner))
	for _, x := range inner {
		told[x.of] = x
	}
	for i := range list {
		o := &list[i]
		s.seen[o.Original.Day()] = true
		s.add(s.override(o, told[i]))
		if o.Detached {
			// The rule was changed later and does not have the occurrence any more. A date of its own has it again.
			s.event.Series.Also = append(s.event.Series.Also, s.moment(o.Original))
		}
	}
	for _, x := range inner {
		if x.of < 0 {
			s.unpaired(x)
		}
	}
}

func (s *seriesMaker) add(o *formats.Event) { s.event.Overrides = append(s.event.Overrides, o) }

// embeddedException is a message that tells of an exception.
type embeddedException struct {
	*message
	a  mapi.Attachment
	of int // the exception of the blob that it belongs to, -1 for none
	// replaces is when it would have begun, in UTC, and start when it begins; either may be zero.
	replaces, start time.Time
}

// read opens the messages of exceptions.
func (s *seriesMaker) read(attached []mapi.Attachment) []*embeddedException {
	m := s.m
	var list []*embeddedException
	for i, a := range attached {
		if m.memory.messages++; m.memory.messages > maxMessages || m.depth+1 >= maxDepth {
			m.lose(exceptionPart, errFewOverride)
			break
		}
		inner, err := a.Embedded()
		if err != nil {
			m.lose(exceptionPart, err)
			continue
		}
		sub := &message{
			c: m.c, m: inner, depth: m.depth + 1, memory: m.memory,
			bag: bag{p: inner, cp: m.cp, where: m.whereIs(exceptionPart, i), damage: m.damage},
		}
		sub.start()
		if !sub.found {
			m.lose(exceptionPart, errNothing)
			continue
		}
		x := &embeddedException{message: sub, a: a, of: -1}
		x.replaces = sub.named(mapi.PidLidExceptionReplaceTime, "time that it replaces").Time()
		x.start = sub.named(mapi.PidLidAppointmentStartWhole, "time of the event").Time()
		list = append(list, x)
	}
	return list
}

// local returns an instant as the clock of the series shows it.
func (s *seriesMaker) local(t time.Time) mapi.Minutes {
	switch {
	case s.written != nil:
		t = s.written.Clock(t)
	case s.zone != nil:
		t = s.zone.clock(t)
	case s.m.c.usualZone() != nil:
		t = s.m.c.usualZone().Clock(t)
	}
	return mapi.MinutesOf(t)
}

// pair finds to each message the exception that it tells of, by the surest sign that it has.
func (s *seriesMaker) pair(list []recur.Override, inner []*embeddedException) {
	taken := make([]bool, len(list))
	byDay, byStart := make(map[int]int, len(list)), make(map[mapi.Minutes]int, len(list))
	for i := range list {
		byDay[list[i].Original.Day()] = i
		byStart[list[i].Start] = i
	}
	try := func(x *embeddedException, i int, ok bool) {
		if x.of < 0 && ok && !taken[i] {
			x.of, taken[i] = i, true
		}
	}
	signs := [...]func(x *embeddedException) (int, bool){
		func(x *embeddedException) (int, bool) {
			i, ok := byDay[s.local(x.replaces).Day()]
			return i, ok && !x.replaces.IsZero()
		},
		// QUIRK: what is to be in UTC, Outlook writes in local time.
		func(x *embeddedException) (int, bool) {
			v, _ := x.a.Lookup(mapi.PidTagExceptionReplaceTime)
			i, ok := byDay[mapi.MinutesOf(v.Time()).Day()]
			return i, ok && !v.Time().IsZero()
		},
		func(x *embeddedException) (int, bool) {
			v, _ := x.a.Lookup(mapi.PidTagExceptionStartTime)
			i, ok := byStart[mapi.MinutesOf(v.Time())]
			return i, ok && !v.Time().IsZero()
		},
		func(x *embeddedException) (int, bool) {
			i, ok := byStart[s.local(x.start)]
			return i, ok && !x.start.IsZero()
		},
	}
	for _, sign := range signs {
		for _, x := range inner {
			i, ok := sign(x)
			try(x, i, ok)
		}
	}
	// What is left over stands in the order of the blob, where neither says anything of itself.
	for _, x := range inner {
		if x.of >= 0 || !x.replaces.IsZero() || !x.start.IsZero() {
			continue
		}
		if i := slices.Index(taken, false); i >= 0 {
			try(x, i, true)
		}
	}
}

// override makes an exception of the blob, and of the message that tells more of it, which may be nil.
func (s *seriesMaker) override(o *recur.Override, x *embeddedException) *formats.Event {
	e := s.inherit()
	e.RecurrenceID = s.moment(o.Original)
	blob := o.Exception
	has := func(f mapi.Override) bool { return blob != nil && blob.Overrides&f != 0 }
	allDay := s.allDay
	if x != nil {
		s.embedded(e, x, has(mapi.OverrideBody))
		if v := x.named(mapi.PidLidAppointmentSubType, "kind of event"); v.Exists() {
			allDay = v.Bool()
		}
	}
	if has(mapi.OverrideAllDay) {
		allDay = blob.AllDay != 0
	}
	s.between(e, o.Start, o.End, allDay)
	if has(mapi.OverrideSubject) {
		e.Summary = untilNUL(blob.Subject)
	}
	if has(mapi.OverrideLocation) {
		e.Location = oneLine(blob.Location)
	}
	if has(mapi.OverrideBusyStatus) {
		e.Busy = busyOf(int64(blob.BusyStatus))
	}
	if has(mapi.OverrideMeetingType) {
		e.Cancelled = blob.MeetingType&stateCanceled != 0
	}
	if has(mapi.OverrideColor) {
		e.Color = labelColor(int64(blob.Color))
	}
	s.reminder(e, blob, x)
	return e
}

// between sets when an exception is.
func (s *seriesMaker) between(e *formats.Event, start, end mapi.Minutes, allDay bool) {
	if !allDay {
		e.Start, e.End = s.clock(start), s.clock(end)
		if end < start {
			e.End = formats.Moment{}
		}
		return
	}
	first, after := start.Midnight(), end.Midnight()
	if end > after {
		after += mapi.MinutesPerDay
	}
	if after <= first {
		after = first + mapi.MinutesPerDay
	}
	e.Start, e.End = formats.Date(first.Time().Date()), formats.Date(after.Time().Date())
}

// inherit returns an event with everything that an occurrence has from its series.
func (s *seriesMaker) inherit() *formats.Event {
	e := *s.event
	e.Series, e.Overrides, e.Alarms = nil, nil, nil
	e.Extra = slices.Clone(e.Extra)
	if e.Meeting != nil {
		e.Meeting = copyMeeting(e.Meeting)
	}
	return &e
}

// embedded takes over what a message says of an exception. What it does not have the occurrence has from the series;
// privacy, categories and linked contacts are always those of the series (MS-OXOCAL 2.2.10.2).
func (s *seriesMaker) embedded(e *formats.Event, x *embeddedException, body bool) {
	if x.subject != "" {
		e.Summary = x.subject
	}
	x.readBody()
	if x.text != nil && !x.blankText() || x.html != nil || body {
		e.Text, e.HTML = nil, nil
		x.describe(&e.Details)
	}
	if list := x.withRTF(x.readAttachments()); len(list) > 0 {
		e.Attachments = nil
		for _, a := range list {
			e.Attachments = append(e.Attachments, a.part)
		}
	}
	if t := x.time(mapi.PidTagCreationTime); !t.IsZero() {
		e.Created = t
	}
	if t := x.time(mapi.PidTagLastModificationTime); !t.IsZero() {
		e.Modified = t
	}
	if t := x.stamp(); !t.IsZero() {
		e.Stamp = t
	}
	if v := x.value(mapi.PidTagImportance, "importance"); v.Exists() {
		e.Priority = priority(v.Int())
	}
	if v := x.named(mapi.PidLidLocation, "location"); v.Exists() {
		e.Location = oneLine(v.Text(x.cp))
	}
	if n := x.busy(mapi.PidLidBusyStatus); n != formats.BusyUnknown {
		e.Busy = n
	}
	if n := x.busy(mapi.PidLidIntendedBusyStatus); n != formats.BusyUnknown {
		e.Intended = n
	}
	if n := x.sequence(); n > e.Sequence {
		e.Sequence = n
	}
	if v := x.named(mapi.PidLidAppointmentStateFlags, "state of the meeting"); v.Exists() {
		e.Cancelled = v.Int()&stateCanceled != 0
	}
	if v := x.named(mapi.PidLidAppointmentColor, "label"); v.Exists() {
		e.Color = labelColor(v.Int())
	}
	x.exceptionalMeeting(e, s.m)
}

// reminder sets the reminder of an exception, which is that of the series where it has none of its own.
func (s *seriesMaker) reminder(e *formats.Event, blob *mapi.Exception, x *embeddedException) {
	r, _ := mapi.ReadReminder(s.m.p, s.m.cp) // alarms reports what is wrong with it
	if x != nil {
		own, err := mapi.ReadReminder(x.p, x.cp)
		if err != nil {
			x.lose("reminder", err)
		}
		if v := x.named(mapi.NameReminderSet, "reminder"); v.Exists() {
			r.Set = own.Set
		}
		if own.HasDelta {
			r.Delta, r.HasDelta, r.DefaultDelta = own.Delta, true, own.DefaultDelta
		}
	}
	if blob != nil && blob.Overrides&mapi.OverrideReminderSet != 0 {
		r.Set = blob.ReminderSet != 0
	}
	if blob != nil && blob.Overrides&mapi.OverrideReminderDelta != 0 {
		delta := time.Duration(int32(blob.ReminderDelta)) * time.Minute
		const most = 366 * 24 * time.Hour
		r.DefaultDelta = blob.ReminderDelta == uint32(mapi.MinutesNone)+1
		r.Delta, r.HasDelta = delta, r.DefaultDelta || delta.Abs() <= most
		if r.DefaultDelta {
			r.Delta = mapi.ReminderDefaultDelta
		}
	}
	if r.Set {
		e.Alarms = []formats.Alarm{{Before: reminderDelta(r, e.Start.IsDate())}}
	}
}

// unpaired makes an exception of a message alone, which the blob does not have.
func (s *seriesMaker) unpaired(x *embeddedException) {
	if x.replaces.IsZero() || x.start.IsZero() {
		s.m.lose(exceptionPart, errNoInstance)
		return
	}
	original := s.local(x.replaces).Midnight() + mapi.Minutes(s.r.StartOffset)
	if s.seen[original.Day()] {
		return // it is there already
	}
	s.seen[original.Day()] = true
	start, end := x.times()
	from := s.local(start)
	to := from
	if end.After(start) {
		to = s.local(end)
	}
	s.add(s.override(&recur.Override{Occurrence: recur.Occurrence{Original: original, Start: from, End: to}}, x))
	// The day is among the deleted ones, as all that differ are.
	id := s.moment(original)
	series := s.event.Series
	series.Except = slices.DeleteFunc(series.Except, func(at formats.Moment) bool { return at.Clock.Equal(id.Clock) })
}

// occurrence says of an event that it is one of a series which is not known, where it is.
func (m *message) occurrence(e *formats.Event) {
	day, instance := m.isInstance()
	if !instance || e.Start.IsZero() {
		return
	}
	at := m.named(mapi.PidLidExceptionReplaceTime, "time that it replaces").Time()
	switch {
	case !day.IsZero():
		clock := e.Start.Clock
		if n := m.named(mapi.PidLidStartRecurrenceTime, "time of the series").Int(); n > 0 {
			// Hours, minutes and seconds in six bits each (MS-OXOMTG 2.2.1.15).
			clock = time.Date(1970, 1, 1, int(n>>12)%24, int(n>>6&0x3F)%60, 0, 0, time.UTC)
		} else if !at.IsZero() && e.Start.Zone != nil {
			clock = e.Start.Zone.Clock(at)
		}
		id := e.Start
		id.Clock = time.Date(day.Year(), day.Month(), day.Day(), clock.Hour(), clock.Minute(), 0, 0, time.UTC)
		if id.Form == formats.MomentInstant && !at.IsZero() {
			id.Clock = at
		}
		if id.IsDate() {
			id = formats.Date(day.Date())
		}
		e.RecurrenceID = id
	case !at.IsZero() && e.Start.IsDate():
		first, _ := wholeDays(at, at, m.itemZone(mapi.PidLidAppointmentZoneStart, mapi.Name{}, at.Year()), m.c.usualZone())
		e.RecurrenceID = first
	case !at.IsZero():
		e.RecurrenceID = m.moment(at, e.Start.Zone)
	}
}
