// Package recur knows on which days an Outlook series takes place, and says the same as a rule of iCalendar.
//
// Outlook keeps a series as a pattern, a list of days on which it does not take place and a list of exceptions
// ([mapi.Recurrence]). [Expand] goes through the calendar day by day and lists what it comes to: slow, and plain enough to
// be trusted. [Convert] makes an RRULE of the pattern (RFC 5545 3.3.10), EXDATEs of the days and a RECURRENCE-ID for each
// exception. What the one and the other say must be the same, and can be compared.
//
// Series are kept in local time, in [mapi.Minutes]; [At] is the instant in a zone.
package recur

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"mailmill/formats/mapi"
)

// Occurrence is one time that a series takes place.
type Occurrence struct {
	// Original is when it would begin were it no exception.
	Original mapi.Minutes
	// Start and End are when it begins and ends.
	Start, End mapi.Minutes
	// Exception is what differs from the series, nil for nothing.
	Exception *mapi.Exception
}

// ErrCalendar says that a series counts in a calendar that is not known here, or not in its years. Known are the Gregorian
// under any name, the Islamic as Windows calculates it and as Saudi Arabia publishes it (1318 to 1500), the Hebrew, the
// Chinese and the Korean (1901 to 2100).
var ErrCalendar = errors.New("the series counts in another calendar")

// Expand returns what takes place of a series from its beginning on, as far as it begins before the end given, in the
// order of the beginnings. Exceptions are there wherever their day is, even if it is none of the pattern.
//
// The series' times of day have to be known: where r.HasTimes is false, the caller fills in the offsets. The error says
// what of the pattern had to be mended to be understood. A series in a calendar that is not known
// has its first occurrence and its exceptions only, and an error that wraps [ErrCalendar].
func Expand(r *mapi.Recurrence, before mapi.Minutes) ([]Occurrence, error) {
	p, err := mend(&r.Pattern)
	absent := absentDays(r)
	var list []Occurrence
	for day := range days(&p, before) {
		if absent[day.Day()] {
			continue
		}
		if start := day + mapi.Minutes(r.StartOffset); start < before {
			list = append(list, Occurrence{Original: start, Start: start, End: start + length(r)})
		}
	}
	for _, o := range exceptions(r) {
		if o.Start < before {
			list = append(list, o)
		}
	}
	slices.SortStableFunc(list, func(a, b Occurrence) int { return cmp.Compare(a.Start, b.Start) })
	return list, err
}

// Days yields the days of a pattern, as midnights, that are before the one given: those that were deleted or modified
// too. Patterns that make no sense are mended as [Expand] tells.
func Days(p *mapi.Pattern, before mapi.Minutes) iter.Seq[mapi.Minutes] {
	mended, _ := mend(p)
	return days(&mended, before)
}

// length is how long an occurrence lasts.
func length(r *mapi.Recurrence) mapi.Minutes {
	if r.EndOffset < r.StartOffset {
		return 0
	}
	return mapi.Minutes(r.EndOffset - r.StartOffset)
}

// exceptions are the exceptions of a series in the order of their days. Of two for a day the first counts.
func exceptions(r *mapi.Recurrence) []Occurrence {
	list := make([]Occurrence, 0, len(r.Exceptions))
	for i := range r.Exceptions {
		e := &r.Exceptions[i]
		list = append(list, Occurrence{Original: e.Original.Midnight() + mapi.Minutes(r.StartOffset), Start: e.Start, End: e.End, Exception: e})
	}
	slices.SortStableFunc(list, func(a, b Occurrence) int { return cmp.Compare(a.Original, b.Original) })
	return slices.CompactFunc(list, func(a, b Occurrence) bool { return a.Original == b.Original })
}

// absentDays are the days on which the pattern does not count, as days since 1601: deleted ones and those of exceptions. The
// list of deleted days holds midnights and exceptions hold times, so only days can be compared.
func absentDays(r *mapi.Recurrence) map[int]bool {
	absent := make(map[int]bool, len(r.Deleted)+len(r.Exceptions))
	for _, d := range r.Deleted {
		absent[d.Day()] = true
	}
	for _, e := range r.Exceptions {
		absent[e.Original.Day()] = true
	}
	return absent
}

// days goes through all days from the first on.
func days(p *mapi.Pattern, before mapi.Minutes) iter.Seq[mapi.Minutes] {
	return func(yield func(mapi.Minutes) bool) {
		last := mapi.MinutesNever
		if p.End == mapi.EndByDate {
			last = min(last, p.Last)
		}
		var n uint32
		c, known := calendarOf(p)
		switch {
		case !known:
			if p.Start < before {
				yield(p.Start)
			}
			return
		case c != nil:
			lunarDays(p, c, func(day mapi.Minutes) bool {
				if day >= before || day > last || p.End == mapi.EndAfter && n >= p.Count {
					return false
				}
				n++
				return yield(day)
			})
			return
		}
		for day := p.Start; day < before && day <= last; day += mapi.MinutesPerDay {
			if p.End == mapi.EndAfter && n >= p.Count {
				return
			}
			if !falls(p, day) {
				continue
			}
			if n++; !yield(day) {
				return
			}
		}
	}
}

// falls reports whether the pattern has the day: whether the day, or its week or month, is a whole number of periods from
// the phase (MS-OXOCAL 2.2.1.44.1.2), and the day is the right one in it.
func falls(p *mapi.Pattern, day mapi.Minutes) bool {
	t := day.Time()
	period, first := int64(p.Period), mapi.Minutes(p.First)
	switch p.Type {
	case mapi.PatternDay:
		return (int64(day)-int64(first))%period == 0
	case mapi.PatternWeek:
		weeks := (weekOf(day, p.FirstDay) - weekOf(first, p.FirstDay)) / mapi.MinutesPerWeek
		return weeks%period == 0 && p.Days.Has(t.Weekday())
	}
	if (monthOf(day)-monthOf(first))%period != 0 {
		return false
	}
	switch p.Type {
	case mapi.PatternMonth:
		// QUIRK: Outlook takes the last day of months that are too short.
		return t.Day() == min(int(p.Day), monthDays(t))
	case mapi.PatternMonthEnd:
		return t.Day() == monthDays(t)
	}
	return t.Day() == nth(t, p.Days, int(p.Nth))
}

// nth returns the day of t's month that is the n-th of the weekdays, the last for 5.
func nth(t time.Time, weekdays mapi.Weekdays, n int) int {
	found, last := 0, n == 5
	for d := 1; d <= monthDays(t); d++ {
		if weekdays.Has(time.Date(t.Year(), t.Month(), d, 0, 0, 0, 0, time.UTC).Weekday()) {
			found = d
			if n--; n == 0 && !last {
				return d
			}
		}
	}
	return found
}

func monthDays(t time.Time) int {
	return time.Date(t.Year(), t.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

func monthOf(m mapi.Minutes) int64 {
	t := m.Time()
	return int64(t.Year())*12 + int64(t.Month())
}

// weekOf returns the beginning of a day's week, which can be before 1601.
func weekOf(m mapi.Minutes, firstDay uint32) int64 {
	day := m.Midnight()
	back := (int64(day.Time().Weekday()) - int64(firstDay) + 7) % 7
	return int64(day) - back*mapi.MinutesPerDay
}

// mend returns the pattern with what makes no sense in it replaced by what its first day tells, and says so.
func mend(p *mapi.Pattern) (mapi.Pattern, error) {
	m := *p
	var errs []error
	note := func(format string, args ...any) { errs = append(errs, fmt.Errorf("the series "+format, args...)) }
	m.Start = m.Start.Midnight()
	t := m.Start.Time()
	if m.Period == 0 {
		m.Period = 1
		if m.Type == mapi.PatternDay {
			m.Period = mapi.MinutesPerDay
		}
		note("has a period of 0")
	}
	if m.Type == mapi.PatternDay && m.Period%mapi.MinutesPerDay != 0 {
		note("has a period of %d minutes", m.Period)
		m.Period = max(m.Period/mapi.MinutesPerDay, 1) * mapi.MinutesPerDay
	}
	m.FirstDay %= 7
	switch m.Days &= mapi.EveryDay; m.Type.Gregorian() {
	case mapi.PatternWeek, mapi.PatternMonthNth:
		if m.Days == 0 {
			note("is on no day of the week")
			m.Days = mapi.WeekdaysOf(t.Weekday())
		}
	}
	switch m.Type.Gregorian() {
	case mapi.PatternMonth:
		if m.Day < 1 || m.Day > 31 {
			note("is on day %d of the month", m.Day)
			m.Day = uint32(t.Day())
		}
	case mapi.PatternMonthNth:
		if m.Nth < 1 || m.Nth > 5 {
			note("is on weekday number %d of the month", m.Nth)
			m.Nth = uint32(min((t.Day()+6)/7, 5))
		}
	}
	ends := m.Last >= m.Start && !m.Last.IsNone()
	switch {
	case m.End == mapi.EndAfter && m.Count > 0, m.End == mapi.EndByDate && ends, m.End.IsNever():
	default:
		note("ends in a way that makes no sense: 0x%X, %d times, until %v", uint32(m.End), m.Count, m.Last)
		switch {
		case ends:
			m.End = mapi.EndByDate
		case m.Last < m.Start:
			m.End, m.Count = mapi.EndAfter, 1
		default:
			m.End = mapi.EndNever
		}
	}
	switch c, known := calendarOf(&m); {
	case !known:
		errs = append(errs, fmt.Errorf("%w, number %d", ErrCalendar, p.Calendar))
		return m, errors.Join(errs...)
	case c != nil:
		if _, ok := c.month(m.Start.Day()); !ok {
			errs = append(errs, fmt.Errorf("%w, number %d, of which the year %d is not known", ErrCalendar, p.Calendar, m.Start.Time().Year()))
		}
		return m, errors.Join(errs...)
	}
	// The phase of a program that did not work it out is beyond the period: the first day is all there is then.
	if limit := phaseLimit(&m); uint64(m.First) >= limit || m.Type == mapi.PatternDay && m.First%mapi.MinutesPerDay != 0 {
		note("has the phase %v, beyond its period", mapi.Minutes(m.First))
		m.First = m.Phase()
	}
	return m, errors.Join(errs...)
}

// phaseLimit is what the phase is less than.
func phaseLimit(p *mapi.Pattern) uint64 {
	switch p.Type {
	case mapi.PatternDay:
		return uint64(p.Period)
	case mapi.PatternWeek:
		return uint64(p.Period) * mapi.MinutesPerWeek
	}
	end := time.Date(1601, time.Month(1+min(p.Period, 1<<16)), 1, 0, 0, 0, 0, time.UTC)
	return uint64(mapi.MinutesOf(end))
}

// At returns the instant at which a zone's clock shows a local time. Of the two that an hour shown twice has it is the
// first; an hour that the clock leaves out is taken as if the change had not been (RFC 5545 3.3.5).
func At(local mapi.Minutes, zone *time.Location) time.Time {
	wall := local.Time()
	// The offsets on both sides of a change, if there is one.
	_, before := wall.Add(-24 * time.Hour).In(zone).Zone()
	_, after := wall.Add(24 * time.Hour).In(zone).Zone()
	early := wall.Add(-time.Duration(before) * time.Second).In(zone)
	late := wall.Add(-time.Duration(after) * time.Second).In(zone)
	if mapi.MinutesOf(early) != local && mapi.MinutesOf(late) == local {
		return late
	}
	return early
}
