package formats

import (
	"slices"
	"time"
)

// Zone is a time zone with its rules. Equal zones may be one value that many moments share.
type Zone struct {
	// ID names the zone: an IANA name ("Europe/Berlin"), or for a zone that has none any text that is unlike the name of
	// every other zone.
	ID string
	// Name is what people are shown where it differs ("(UTC+01:00) Amsterdam, Berlin"); it may be empty.
	Name string
	// Onsets are the changes of the zone's offset. There is at least one; the order does not matter. Before the first
	// there is what the earliest has before it.
	Onsets []Onset
	// Verbatim is the zone's VTIMEZONE where it came as one: content lines with CRLF, from BEGIN to END.
	Verbatim []byte
}

// Onset is a change of a zone's offset from UTC, or a rule that repeats one every year.
type Onset struct {
	// Start is what clocks show when the change begins for the first time, counted by Before, with the location UTC.
	Start time.Time
	// Before and After are the offsets in seconds east of UTC.
	Before, After int
	Daylight      bool
	// Name is the abbreviation then in use ("CEST"); it may be empty.
	Name string
	// Rule repeats the change: yearly, in one month, on a weekday counted in it or on one of its days. It is nil for a
	// change that happens once. Its Until, if any, is an instant.
	Rule *Recurrence
}

// Time returns the instant at which clocks in the zone show what clock shows. In the hour that a change skips the
// offset before it counts, and in the hour that it repeats the first one (RFC 5545 3.3.5).
func (z *Zone) Time(clock time.Time) time.Time {
	clock = wall(clock)
	offset := z.offset(clock.Year(), func(at time.Time, before, after int) bool {
		// Before a change clocks show less than its start, after it at least that. Where they go back they show the hour
		// before the start twice: the first time is meant. Where they go forward the hour after the start is skipped, and
		// the offset before the change counts.
		if after > before {
			return !clock.Before(at.Add(time.Duration(after-before) * time.Second))
		}
		return !clock.Before(at)
	})
	return clock.Add(-time.Duration(offset) * time.Second)
}

// Clock returns what clocks in the zone show at an instant, with the location UTC.
func (z *Zone) Clock(t time.Time) time.Time {
	t = t.UTC()
	offset := z.offset(t.Year(), func(at time.Time, before, _ int) bool {
		return !t.Before(at.Add(-time.Duration(before) * time.Second))
	})
	return t.Add(time.Duration(offset) * time.Second)
}

// offset returns the offset after the last change that has come, of which passed knows. Rules are looked at in the
// years around the answer only.
func (z *Zone) offset(year int, passed func(at time.Time, before, after int) bool) int {
	if z == nil {
		return 0
	}
	var last, first time.Time
	found, offset, initial := false, 0, 0
	for i := range z.Onsets {
		o := &z.Onsets[i]
		if first.IsZero() || o.Start.Before(first) {
			first, initial = o.Start, o.Before
		}
		at, ok := o.lastPassed(year, passed)
		if ok && (!found || at.After(last)) {
			found, last, offset = true, at, o.After
		}
	}
	if !found {
		return initial
	}
	return offset
}

// lastPassed returns the last change of the onset that has come by a moment of the year, as a clock reading.
func (o *Onset) lastPassed(year int, passed func(at time.Time, before, after int) bool) (time.Time, bool) {
	if !passed(o.Start, o.Before, o.After) {
		return time.Time{}, false
	}
	if o.Rule == nil {
		return o.Start, true
	}
	// The last change is of this year or one just before, unless the rule ended earlier. A day that only leap years have
	// may be missing for eight.
	if u := o.Rule.Until; !u.IsZero() {
		year = min(year, u.Clock.Year())
	}
	const most = 10
	for y := year + 1; y > max(o.Start.Year(), year-most); y-- {
		if at, ok := o.InYear(y); ok && passed(at, o.Before, o.After) {
			return at, true
		}
	}
	return o.Start, true
}

// InYear returns when the change begins in a year by the onset's rule, which may not be nil: what clocks show before it, as
// Start is. It is false after the rule's end, and where the year has no such day.
func (o *Onset) InYear(year int) (time.Time, bool) {
	r := o.Rule
	month := o.Start.Month()
	if len(r.ByMonth) > 0 {
		month = time.Month(r.ByMonth[0].Number)
	}
	first := time.Date(year, month, 1, o.Start.Hour(), o.Start.Minute(), o.Start.Second(), 0, time.UTC)
	days := first.AddDate(0, 1, -1).Day()
	for d := 1; d <= days; d++ {
		at := first.Add(time.Duration(d-1) * 24 * time.Hour)
		if !r.matchesDay(at, days, o.Start.Day()) {
			continue
		}
		if u := r.Until; !u.IsZero() && at.Add(-time.Duration(o.Before)*time.Second).After(u.Clock) {
			return time.Time{}, false
		}
		return at, true
	}
	return time.Time{}, false
}

// matchesDay reports whether the day is one that the rule names within its month of so many days. A rule that names
// none means the day of its start.
func (r *Recurrence) matchesDay(at time.Time, days, start int) bool {
	d := at.Day()
	if len(r.ByMonthDay) > 0 && !slices.Contains(r.ByMonthDay, d) && !slices.Contains(r.ByMonthDay, d-days-1) {
		return false
	}
	if len(r.ByDay) == 0 {
		return len(r.ByMonthDay) > 0 || d == start
	}
	return slices.ContainsFunc(r.ByDay, func(w WeekdayNum) bool {
		return w.Day == at.Weekday() && (w.N == 0 || w.N == (d+6)/7 || w.N == -((days-d)/7+1))
	})
}

// ZoneOf describes a location between two instants: every change in between by itself, and where the last of them go
// on every year alike the rule that they follow. Its ID is the location's name. Where from is zero it is 1970.
func ZoneOf(loc *time.Location, from, to time.Time) *Zone {
	if from.IsZero() {
		from = time.Unix(0, 0)
	}
	z := &Zone{ID: loc.String()}
	if change := changeBefore(from, loc); change.IsZero() {
		at := from.In(loc)
		name, offset := at.Zone()
		z.Onsets = append(z.Onsets, Onset{
			Start:  at.UTC().Add(time.Duration(offset) * time.Second).Truncate(24 * time.Hour),
			Before: offset, After: offset, Name: name, Daylight: at.IsDST(),
		})
	} else {
		z.Onsets = append(z.Onsets, onsetAt(change, loc))
	}
	// Three years more show whether the changes go on.
	horizon := to.AddDate(3, 0, 0)
	end := changeAfter(from, loc)
	for !end.IsZero() && !end.After(horizon) {
		z.Onsets = append(z.Onsets, onsetAt(end, loc))
		end = changeAfter(end, loc)
	}
	z.Onsets = foldOnsets(z.Onsets, !end.IsZero())
	return z
}

// changeBefore returns the last change that had come by t, or zero. The zone database has changes of nothing, at the
// ends of what it lists: they count as none.
func changeBefore(t time.Time, loc *time.Location) time.Time {
	for {
		start, _ := t.In(loc).ZoneBounds()
		if start.IsZero() || isChange(start, loc) {
			return start
		}
		t = start.Add(-time.Second)
	}
}

// changeAfter returns the first change after t, or zero.
func changeAfter(t time.Time, loc *time.Location) time.Time {
	for {
		_, end := t.In(loc).ZoneBounds()
		if !end.IsZero() && !end.After(t) {
			// QUIRK: package time lets years that its tables do not have end after 365 days. Nothing changes on that day.
			t = t.Add(time.Hour)
			continue
		}
		if end.IsZero() || isChange(end, loc) {
			return end
		}
		t = end
	}
}

func isChange(t time.Time, loc *time.Location) bool {
	before, after := t.Add(-time.Second).In(loc), t.In(loc)
	name, offset := before.Zone()
	next, moved := after.Zone()
	return offset != moved || name != next || before.IsDST() != after.IsDST()
}

func onsetAt(t time.Time, loc *time.Location) Onset {
	_, before := t.Add(-time.Second).In(loc).Zone()
	at := t.In(loc)
	name, after := at.Zone()
	return Onset{
		Start:  at.UTC().Add(time.Duration(before) * time.Second),
		Before: before, After: after, Name: name, Daylight: at.IsDST(),
	}
}

// foldOnsets makes one onset with a rule of those that are alike and follow each other from year to year. The last ones
// go on for ever where there are more after them.
func foldOnsets(all []Onset, more bool) []Onset {
	used := make([]bool, len(all))
	var out []Onset
	for i := range all {
		if used[i] {
			continue
		}
		o := all[i]
		run := []int{i}
		rule := &Recurrence{}
		for _, week := range weeksOf(o.Start) {
			candidate := &Recurrence{Frequency: Yearly, ByMonth: []RuleMonth{{Number: int(o.Start.Month())}}, ByDay: []WeekdayNum{week}}
			probe := o
			probe.Rule = candidate
			follow := []int{i}
			for j := i + 1; j < len(all); j++ {
				n := &all[j]
				if used[j] || n.Before != o.Before || n.After != o.After || n.Name != o.Name || n.Daylight != o.Daylight {
					continue
				}
				want := all[follow[len(follow)-1]].Start.Year() + 1
				if at, ok := probe.InYear(want); !ok || !at.Equal(n.Start) {
					if n.Start.Year() >= want {
						break
					}
					continue
				}
				follow = append(follow, j)
			}
			if len(follow) > len(run) {
				run, rule = follow, candidate
			}
		}
		for _, j := range run {
			used[j] = true
		}
		if len(run) > 1 {
			o.Rule = rule
			last := all[run[len(run)-1]]
			// The rule ended where its next change would be among those that are known.
			probe := o
			probe.Rule = rule
			next, ok := probe.InYear(last.Start.Year() + 1)
			if !more || !ok || !next.After(all[len(all)-1].Start) {
				rule.Until = Instant(last.Start.Add(-time.Duration(last.Before) * time.Second))
			}
		}
		out = append(out, o)
	}
	return out
}

// weeksOf returns the ways to count the weekday of a day in its month, the last first: that is what laws say.
func weeksOf(at time.Time) []WeekdayNum {
	var weeks []WeekdayNum
	days := time.Date(at.Year(), at.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	if at.Day()+7 > days {
		weeks = append(weeks, WeekdayNum{Day: at.Weekday(), N: -1})
	}
	if n := (at.Day() + 6) / 7; n <= 4 {
		weeks = append(weeks, WeekdayNum{Day: at.Weekday(), N: n})
	}
	return weeks
}
