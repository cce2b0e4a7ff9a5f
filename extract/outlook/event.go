package outlook

import (
	"errors"
	"strconv"
	"time"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// The bits of PidLidAppointmentStateFlags (MS-OXOCAL 2.2.1.10).
const (
	stateMeeting  = 1
	stateReceived = 2
	stateCanceled = 4
)

// errNoStart says that nothing tells when an event is.
var errNoStart = errors.New("nothing says when it is")

// event makes the body of an event: of an appointment or meeting, of a series with its exceptions, or of an exception
// that stands alone (MS-OXCICAL 2.1.3.1.1).
func (m *message) event() *formats.Event {
	e := &formats.Event{}
	exceptions := m.exceptions()
	e.Details = m.details(formats.KindEvent, isException)
	e.Extra = append(e.Extra, m.customFields()...)
	m.readPeople()
	m.shareKnown()
	m.schedule(e, exceptions)
	return e
}

// schedule fills in everything but details that are there already.
func (m *message) schedule(e *formats.Event, exceptions []mapi.Attachment) {
	m.addFacts(e)
	allDay := m.named(mapi.PidLidAppointmentSubType, "kind of event").Bool()
	start, end := m.times()
	if !m.series(e, start, end, allDay, exceptions) {
		m.single(e, start, end, allDay)
		m.occurrence(e)
	}
	if e.Start.IsZero() {
		m.lose("start of the event", errNoStart)
		e.Start = formats.Instant(firstTime(e.Created, e.Modified, m.submitted, time.Unix(0, 0)))
	}
	e.Alarms = m.alarms(e)
}

// addFacts adds what an event has beside its details and times.
func (m *message) addFacts(e *formats.Event) {
	e.Location = m.namedLine(mapi.PidLidLocation, "location")
	state := m.named(mapi.PidLidAppointmentStateFlags, "state of the meeting").Int()
	e.Cancelled = state&stateCanceled != 0
	e.Busy = m.busy(mapi.PidLidBusyStatus)
	e.Intended = m.busy(mapi.PidLidIntendedBusyStatus)
	e.Sequence = m.sequence()
	e.Stamp = m.stamp()
	e.Color = labelColor(m.named(mapi.PidLidAppointmentColor, "label").Int())
	e.Meeting = m.meeting(state)
	m.conferences(e)
	if e.Meeting != nil {
		// What programs of Microsoft compare before they take an update for one (MS-OXCICAL 2.1.3.1.1.20).
		if v := m.named(mapi.PidLidAppointmentSequence, "number of the revision"); v.Exists() {
			e.Extra = property(e.Extra, "X-MICROSOFT-CDO-APPT-SEQUENCE", strconv.FormatInt(v.Int(), 10))
		}
		e.Extra = timeProperty(e.Extra, "X-MICROSOFT-CDO-OWNER-CRITICAL-CHANGE", m.named(mapi.PidLidOwnerCriticalChange, "time of the revision").Time())
		e.Extra = timeProperty(e.Extra, "X-MICROSOFT-CDO-ATTENDEE-CRITICAL-CHANGE", m.named(mapi.PidLidAttendeeCriticalChange, "time of the answer").Time())
	}
	if id := m.value(mapi.PidTagOwnerAppointmentId, "identifier of the appointment").Int(); id != 0 {
		e.Extra = property(e.Extra, "X-MICROSOFT-CDO-OWNERAPPTID", strconv.FormatInt(id, 10))
	}
	if n := m.named(mapi.PidLidResponseStatus, "answer").Int(); state&stateReceived != 0 && n >= responseTentative && n <= responseDeclined {
		e.Extra = property(e.Extra, "X-PST-RESPONSE", [...]string{"TENTATIVE", "ACCEPTED", "DECLINED"}[n-responseTentative])
	}
	e.Extra = property(e.Extra, "X-PST-REPLY-NAME", m.namedLine(mapi.PidLidAppointmentReplyName, "who replied"))
	e.Extra = timeProperty(e.Extra, "X-MICROSOFT-CDO-REPLYTIME", m.named(mapi.PidLidAppointmentReplyTime, "time of the reply").Time())
}

// busy returns how time is shown (MS-OXOCAL 2.2.1.2).
func (m *message) busy(n mapi.Name) formats.Busy {
	v := m.named(n, "how the time is shown")
	if !v.Exists() {
		return formats.BusyUnknown
	}
	return busyOf(v.Int())
}

func busyOf(n int64) formats.Busy {
	list := [...]formats.Busy{formats.BusyFree, formats.BusyTentative, formats.BusyBusy, formats.BusyAway, formats.BusyElsewhere}
	if n < 0 || n >= int64(len(list)) {
		return formats.BusyUnknown
	}
	return list[n]
}

// sequence returns the number of the revision (MS-OXOCAL 2.2.1.1).
func (m *message) sequence() int {
	n := m.named(mapi.PidLidAppointmentSequence, "number of the revision").Int()
	const most = 1 << 30
	if n < 0 || n > most {
		return 0
	}
	return int(n)
}

// stamp returns when this revision was made by the organizer or, of an answer, by the attendee (MS-OXCICAL
// 2.1.3.1.1.20.9).
func (m *message) stamp() time.Time {
	return firstTime(m.named(mapi.PidLidOwnerCriticalChange, "time of the revision").Time(), m.named(mapi.PidLidAttendeeCriticalChange, "time of the revision").Time())
}

// labelColor returns the name in CSS3 of the colour of a label (MS-OXOCAL 2.2.1.50), which events had before categories
// had colours.
func labelColor(label int64) string {
	names := [...]string{"", "red", "blue", "green", "gray", "orange", "cyan", "olive", "purple", "teal", "yellow"}
	if label < 0 || label >= int64(len(names)) {
		return ""
	}
	return names[label]
}

// times returns when the event is as it is stored, in UTC; either is zero where nothing says.
func (m *message) times() (start, end time.Time) {
	at := func(names ...mapi.Name) time.Time {
		for _, n := range names {
			if t := m.named(n, "time of the event").Time(); !t.IsZero() {
				return t
			}
		}
		return time.Time{}
	}
	start = at(mapi.PidLidAppointmentStartWhole, mapi.PidLidCommonStart)
	end = at(mapi.PidLidAppointmentEndWhole, mapi.PidLidCommonEnd)
	if !isClass(m.class, classException) {
		// In exceptions these hold the time that it was before.
		start = firstTime(start, m.time(mapi.PidTagStartDate))
		end = firstTime(end, m.time(mapi.PidTagEndDate))
	}
	start = firstTime(start, m.named(mapi.PidLidClipStart, "time of the event").Time())
	if end.IsZero() && !start.IsZero() {
		const most = 366 * 24 * 60
		if n := m.named(mapi.PidLidAppointmentDuration, "duration").Int(); n > 0 && n < most {
			end = start.Add(time.Duration(n) * time.Minute)
		}
	}
	return start, end
}

// classException is the class of messages that are exceptions of a series.
const classException = "IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}"

// single fills in the times of an event that does not recur.
func (m *message) single(e *formats.Event, start, end time.Time, allDay bool) {
	if start.IsZero() {
		if end.IsZero() {
			return
		}
		start = end
	}
	if end.Before(start) {
		end = time.Time{}
	}
	z := m.itemZone(mapi.PidLidAppointmentZoneStart, mapi.Name{}, start.Year())
	if z == nil {
		z = m.itemZone(mapi.PidLidAppointmentZoneRecur, mapi.PidLidTimeZoneStruct, start.Year())
	}
	if allDay {
		e.Start, e.End = wholeDays(start, end, z, m.c.usualZone())
		return
	}
	endZone := z
	if other := m.itemZone(mapi.PidLidAppointmentZoneEnd, mapi.Name{}, start.Year()); other != nil && (z == nil || other.own.ID != z.own.ID) {
		endZone = other
	}
	if endZone == z {
		both := z.at(start, end)
		e.Start, e.End = m.moment(start, both), m.moment(end, both)
		return
	}
	e.Start, e.End = m.moment(start, z.at(start)), m.moment(end, endZone.at(end))
}

// moment returns an instant as a clock in the zone shows it, or in the one for what has none.
func (m *message) moment(t time.Time, z *formats.Zone) formats.Moment {
	if t.IsZero() {
		return formats.Moment{}
	}
	if z == nil {
		if z = m.c.usualZone(); z == nil || !m.c.isOwnTime(z, t) {
			return formats.Instant(t)
		}
	}
	return formats.Zoned(z.Clock(t), z)
}

// wholeDays returns the first day of an event of whole days and the one after its last. It was made in a zone in which it
// begins at midnight (MS-OXOCAL 3.1.5.5.1): that of the item where there is one, else whichever it takes.
func wholeDays(start, end time.Time, z *zone, fallback *formats.Zone) (first, after formats.Moment) {
	clock := func(t time.Time) (day time.Time, ok bool) {
		if z != nil {
			if day, ok = nearMidnight(z.clock(t)); ok {
				return day, true
			}
		}
		if fallback != nil {
			if day, ok = nearMidnight(fallback.Clock(t)); ok {
				return day, true
			}
		}
		return time.Time{}, false
	}
	day, known := clock(start)
	if !known {
		day = somewhereMidnight(start.UTC())
	}
	length := 1
	if end.After(start) {
		last, ok := clock(end)
		if !known || !ok {
			// What does not end at a midnight takes the whole of its last day. A change of the clock makes days longer and shorter.
			const most = time.Hour
			last = day.Add((end.Sub(start) + 24*time.Hour - most - 1).Truncate(24 * time.Hour))
		}
		length = max(int(last.Sub(day)/(24*time.Hour)), 1)
	}
	return formats.Date(day.Date()), formats.Date(day.AddDate(0, 0, length).Date())
}

// nearMidnight returns the midnight that a clock shows, or would show had it not been put forward or back then.
func nearMidnight(clock time.Time) (time.Time, bool) {
	const change = time.Hour
	day := clock.Add(change).Truncate(24 * time.Hour)
	return day, clock.Sub(day).Abs() <= change
}

// somewhereMidnight returns the day that begins at an instant in the zone where most people live of those in which it is
// midnight then. West of Greenwich no clock is more than twelve hours behind, and at eleven and twelve it is on islands
// that hardly anybody lives on; in the east New Zealand is up to thirteen ahead.
func somewhereMidnight(t time.Time) time.Time {
	const east = 13 * time.Hour
	return t.Add(east).Truncate(24 * time.Hour)
}

// alarms returns the reminder (MS-OXCICAL 2.1.3.1.1.20.62).
func (m *message) alarms(e *formats.Event) []formats.Alarm {
	r, err := mapi.ReadReminder(m.p, m.cp)
	if err != nil {
		m.lose("reminder", err)
	}
	if !r.Set {
		return nil
	}
	if file := oneLine(r.File); r.Override && r.Sound && file != "" {
		e.Extra = property(e.Extra, "X-PST-REMINDER-SOUND", file)
	}
	return []formats.Alarm{{Before: reminderDelta(r, e.Start.IsDate())}}
}

// reminderDelta returns how long before the beginning the event reminds.
func reminderDelta(r mapi.Reminder, allDay bool) time.Duration {
	// What Outlook reminds of whole days before where the mailbox has its default.
	const wholeDay = 18 * time.Hour
	switch {
	case r.DefaultDelta && allDay:
		return wholeDay
	case r.HasDelta:
		return r.Delta
	}
	return mapi.ReminderDefaultDelta
}
