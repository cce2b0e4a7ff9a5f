package itemtest

import (
	"slices"
	"sync"
	"time"

	"pgregory.net/rapid"

	"mailmill/formats"
)

// zones are zones on both hemispheres, with and without summer time, some with odd offsets, and one that has no name of
// IANA's.
var zones = sync.OnceValue(func() []*formats.Zone {
	var list []*formats.Zone
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kolkata", "America/St_Johns", "UTC", "Asia/Tokyo"} {
		loc, err := time.LoadLocation(name)
		if err != nil {
			panic(err)
		}
		list = append(list, formats.ZoneOf(loc, time.Date(1989, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2038, 1, 1, 0, 0, 0, 0, time.UTC)))
	}
	yearly := func(month, week int, until time.Time) *formats.Recurrence {
		return &formats.Recurrence{
			Frequency: formats.Yearly, ByMonth: []formats.RuleMonth{{Number: month}}, ByDay: []formats.WeekdayNum{{Day: time.Sunday, N: week}},
			Until: formats.Instant(until),
		}
	}
	at := func(year, month, day, hour int) time.Time {
		return time.Date(year, time.Month(month), day, hour, 0, 0, 0, time.UTC)
	}
	const standard, daylight = 2 * 3600, 3 * 3600
	return append(list, &formats.Zone{ID: "Customized Time Zone", Name: "(UTC+02:00) Somewhere, \"there\"", Onsets: []formats.Onset{
		{Start: at(1970, 10, 4, 3), Before: daylight, After: standard, Rule: yearly(10, 1, at(2010, 10, 3, 0))},
		{Start: at(2011, 11, 6, 3), Before: daylight, After: standard, Rule: yearly(11, 1, time.Time{})},
		{Start: at(1970, 4, 26, 2), Before: standard, After: daylight, Daylight: true, Rule: yearly(4, -1, time.Time{})},
	}})
})

var allForms = []formats.MomentForm{formats.MomentZoned, formats.MomentZoned, formats.MomentZoned, formats.MomentDate, formats.MomentFloating, formats.MomentInstant}

// span returns a start and an end after it, of one form.
func span(t *rapid.T) (start, end formats.Moment) {
	form := rapid.SampledFrom(allForms).Draw(t, "form")
	clock := Instants().Draw(t, "clock").Truncate(15 * time.Minute)
	length := time.Duration(rapid.IntRange(1, 200).Draw(t, "quarters")) * 15 * time.Minute
	z := rapid.SampledFrom(zones()).Draw(t, "zone")
	if form == formats.MomentDate {
		clock, length = clock.Truncate(24*time.Hour), time.Duration(rapid.IntRange(1, 4).Draw(t, "days"))*24*time.Hour
	}
	return moment(form, clock, z), moment(form, clock.Add(length), z)
}

func moment(form formats.MomentForm, clock time.Time, z *formats.Zone) formats.Moment {
	switch form {
	case formats.MomentZoned:
		return formats.Zoned(clock, z)
	case formats.MomentInstant:
		return formats.Instant(clock)
	case formats.MomentFloating:
		return formats.Floating(clock)
	}
	return formats.Date(clock.Date())
}

type made struct {
	start, end formats.Moment
	series     *formats.Series
	// later are the first occurrences after the start that the series has by its rule and that are not deleted.
	later []formats.Moment
}

// makeSeries makes a rule and a start that is its first occurrence.
func makeSeries(t *rapid.T, forms []formats.MomentForm) made {
	form := rapid.SampledFrom(forms).Draw(t, "form")
	z := rapid.SampledFrom(zones()).Draw(t, "zone")
	// Not in the small hours: there are clocks then that show no such time, of which readers think differently.
	clock := time.Date(rapid.IntRange(1995, 2030).Draw(t, "year"), time.Month(rapid.IntRange(1, 12).Draw(t, "month")), rapid.IntRange(1, 28).Draw(t, "day"),
		rapid.IntRange(4, 20).Draw(t, "hour"), 15*rapid.IntRange(0, 3).Draw(t, "quarter"), 0, 0, time.UTC)
	length := time.Duration(rapid.IntRange(1, 8).Draw(t, "length")) * 15 * time.Minute
	if form == formats.MomentDate {
		clock, length = clock.Truncate(24*time.Hour), 24*time.Hour
	}
	r := &formats.Recurrence{Interval: rapid.IntRange(1, 3).Draw(t, "interval"), WeekStart: time.Monday}
	var nth func(i int) time.Time // of the rule, without its end
	switch rapid.IntRange(0, 6).Draw(t, "pattern") {
	case 0:
		r.Frequency = formats.Daily
		nth = func(i int) time.Time { return clock.AddDate(0, 0, i*r.Interval) }
	case 1:
		r.Frequency, r.WeekStart = formats.Weekly, rapid.SampledFrom([]time.Weekday{time.Sunday, time.Monday}).Draw(t, "first day of week")
		other := time.Weekday(rapid.IntRange(0, 6).Draw(t, "other day"))
		r.ByDay = []formats.WeekdayNum{{Day: clock.Weekday()}}
		if other != clock.Weekday() {
			r.ByDay = append(r.ByDay, formats.WeekdayNum{Day: other})
		}
		begin := clock.AddDate(0, 0, -int((clock.Weekday()-r.WeekStart+7)%7))
		nth = func(i int) time.Time {
			for at := clock; ; at = at.AddDate(0, 0, 1) {
				week := int(at.Sub(begin)/(24*time.Hour)) / 7
				if week%r.Interval != 0 || at.Weekday() != clock.Weekday() && at.Weekday() != other {
					continue
				}
				if i == 0 {
					return at
				}
				i--
			}
		}
	case 2:
		r.Frequency, r.ByMonthDay = formats.Monthly, []int{clock.Day()}
		nth = func(i int) time.Time { return clock.AddDate(0, i*r.Interval, 0) }
	case 3: // the last day of the month
		r.Frequency, r.ByMonthDay = formats.Monthly, []int{-1}
		if rapid.Bool().Draw(t, "one of days") {
			r.ByMonthDay, r.BySetPos = []int{28, 29, 30, 31}, []int{-1}
		}
		clock = clock.AddDate(0, 1, -clock.Day())
		nth = func(i int) time.Time {
			first := clock.AddDate(0, 0, 1-clock.Day())
			return first.AddDate(0, i*r.Interval+1, -1)
		}
	case 4: // the nth weekday, and the last
		n := (clock.Day() + 6) / 7
		if rapid.Bool().Draw(t, "last") && clock.AddDate(0, 0, 7).Month() != clock.Month() {
			n = -1
		}
		day := clock.Weekday()
		r.Frequency, r.ByDay = formats.Monthly, []formats.WeekdayNum{{Day: day, N: n}}
		nth = func(i int) time.Time {
			first := clock.AddDate(0, 0, 1-clock.Day()).AddDate(0, i*r.Interval, 0)
			if n < 0 {
				last := first.AddDate(0, 1, -1)
				return last.AddDate(0, 0, -int((last.Weekday()-day+7)%7))
			}
			return first.AddDate(0, 0, int((day-first.Weekday()+7)%7)+7*(n-1))
		}
	case 5:
		r.Frequency, r.ByMonth, r.ByMonthDay = formats.Yearly, []formats.RuleMonth{{Number: int(clock.Month())}}, []int{clock.Day()}
		nth = func(i int) time.Time { return clock.AddDate(i*r.Interval, 0, 0) }
	default: // no rule: only days
		r = nil
		nth = func(i int) time.Time { return clock.AddDate(0, 0, i*i*3) }
	}

	m := made{start: moment(form, clock, z), end: moment(form, clock.Add(length), z), series: &formats.Series{Rule: r}}
	const known = 8
	count := known
	if r != nil {
		switch rapid.IntRange(0, 2).Draw(t, "end") {
		case 0:
			r.Count = rapid.IntRange(2, 60).Draw(t, "count")
			count = min(count, r.Count)
		case 1:
			n := rapid.IntRange(2, 60).Draw(t, "until")
			r.Until = moment(form, nth(n-1), z)
			count = min(count, n)
		}
		for i := range rapid.IntRange(0, 2).Draw(t, "also") {
			// At another time of day it is none of the rule's; a date has none.
			at := clock.AddDate(0, 0, 200*i+rapid.IntRange(1, 190).Draw(t, "days")).Add(time.Hour)
			if form == formats.MomentDate {
				at = at.AddDate(100, 0, 0)
			}
			m.series.Also = append(m.series.Also, moment(form, at, z))
		}
	}
	deleted := rapid.IntRange(0, count-1).Draw(t, "deleted")
	for i := range count {
		at := moment(form, nth(i), z)
		switch {
		case r == nil && i > 0 && i != deleted:
			m.series.Also = append(m.series.Also, at)
			m.later = append(m.later, at)
		case i > 0 && i == deleted && r != nil:
			m.series.Except = append(m.series.Except, at)
		case i > 0 && i != deleted:
			m.later = append(m.later, at)
		}
	}
	return m
}

// Event returns events: alone and in series, with the occurrences that differ from them, of all forms of time; some with
// others, some of them cancelled.
func Event() *rapid.Generator[*formats.Item] {
	return rapid.Custom(func(t *rapid.T) *formats.Item {
		it := item(t, formats.KindEvent)
		ev := event(t)
		if !rapid.Bool().Draw(t, "recurs") {
			ev.Start, ev.End = span(t)
			if rapid.IntRange(0, 9).Draw(t, "no time") == 0 {
				ev.End = ev.Start
			}
			it.Event = ev
			return it
		}
		s := makeSeries(t, allForms)
		ev.Start, ev.End, ev.Series = s.start, s.end, s.series
		if len(s.later) > 0 && rapid.Bool().Draw(t, "exceptions") {
			for _, i := range slices.Compact(slices.Sorted(slices.Values(rapid.SliceOfN(rapid.IntRange(0, len(s.later)-1), 1, 2).Draw(t, "which")))) {
				o := event(t)
				o.UID, o.RecurrenceID = ev.UID, s.later[i]
				o.Start, o.End = s.later[i], s.later[i]
				move := time.Duration(rapid.IntRange(-3, 3).Draw(t, "hours")) * time.Hour
				if o.Start.IsDate() {
					move = 0
				}
				o.Start.Clock = o.Start.Clock.Add(move)
				o.End.Clock = o.Start.Clock.Add(s.end.Clock.Sub(s.start.Clock))
				if o.Meeting != nil && ev.Meeting != nil {
					o.Meeting.Organizer = ev.Meeting.Organizer
				} else {
					o.Meeting = ev.Meeting
				}
				ev.Overrides = append(ev.Overrides, o)
			}
		}
		it.Event = ev
		return it
	})
}

// event returns an event without its times.
func event(t *rapid.T) *formats.Event {
	busy := rapid.SampledFrom([]formats.Busy{formats.BusyUnknown, formats.BusyFree, formats.BusyTentative, formats.BusyBusy, formats.BusyAway, formats.BusyElsewhere})
	ev := &formats.Event{
		Details: details(t), Location: Line().Draw(t, "location"),
		Cancelled: rapid.IntRange(0, 5).Draw(t, "cancelled") == 0,
		Busy:      busy.Draw(t, "busy"), Intended: busy.Draw(t, "intended"), Alarms: alarms(t),
	}
	for range rapid.IntRange(0, 1).Draw(t, "conferences") {
		ev.Conferences = append(ev.Conferences, formats.Link{URI: links(t, "conference"), Label: Line().Draw(t, "label")})
	}
	if rapid.Bool().Draw(t, "meeting") {
		ev.Meeting = &formats.Meeting{
			Organizer: Addresses().Draw(t, "organizer"), SentBy: oneOf(t, "sent by", Addresses()),
			Attendees: several(t, "attendees", 4, attendee()), NoCounter: rapid.Bool().Draw(t, "no counter"),
		}
	}
	return ev
}

func attendee() *rapid.Generator[formats.Attendee] {
	return rapid.Custom(func(t *rapid.T) formats.Attendee {
		return formats.Attendee{
			Address: Addresses().Draw(t, "attendee"), RSVP: rapid.Bool().Draw(t, "rsvp"),
			Type:   formats.AttendeeType(rapid.IntRange(0, int(formats.UnknownType)).Draw(t, "type")),
			Role:   formats.AttendeeRole(rapid.IntRange(0, int(formats.Chair)).Draw(t, "role")),
			Status: formats.AttendeeStatus(rapid.IntRange(0, int(formats.Delegated)).Draw(t, "status")),
		}
	})
}
