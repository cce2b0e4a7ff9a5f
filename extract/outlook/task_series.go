package outlook

import (
	"time"

	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/recur"
)

// taskSeries reads how the task recurs (MS-OXOTASK 2.2.2.2.15). Only the current task of a series has the pattern; those
// that are done are tasks of their own, and the last one is dead.
func (m *message) taskSeries(t *formats.Task) {
	b := m.named(mapi.PidLidTaskRecurrence, "recurrence").Bytes()
	recurs := m.named(mapi.PidLidTaskFRecurring, "recurrence")
	if len(b) == 0 || recurs.Exists() && !recurs.Bool() || m.named(mapi.PidLidTaskDeadOccurrence, "recurrence").Bool() || t.Status == formats.TaskComplete {
		return
	}
	p, err := mapi.ParseTaskRecurrence(b)
	if err != nil {
		m.lose("recurrence", err)
	}
	if p == nil {
		return
	}
	if p.Sliding != 0 {
		t.Regenerate = regenerate(p)
		return
	}
	if err := seriesFrom(t, *p); err != nil {
		m.lose("recurrence", err)
	}
}

// regenerate returns how long after its completion a task comes again.
func regenerate(p *mapi.Pattern) *formats.Recurrence {
	r := &formats.Recurrence{Frequency: formats.Monthly, Interval: max(int(p.Period), 1)}
	switch {
	case p.Type == mapi.PatternDay:
		r.Frequency, r.Interval = formats.Daily, max(int(p.Period/mapi.MinutesPerDay), 1)
	case p.Type == mapi.PatternWeek:
		r.Frequency = formats.Weekly
	case p.Period%12 == 0 && p.Period > 0:
		r.Frequency, r.Interval = formats.Yearly, int(p.Period/12)
	}
	return r
}

// maxTaskDates bounds the days that are listed one by one.
const maxTaskDates = 1000

// seriesFrom gives the task the part of its series that is left: from the current day on until the last. The number of
// occurrences that a pattern may have counts those that are done, so the end is given as a day.
//
// The pattern tells the days on which tasks start or, where that of this one does not fit, on which they are due. A task
// that fits neither was moved: it stays where it is, and the series goes on from there.
func seriesFrom(t *formats.Task, p mapi.Pattern) error {
	start, due := mapi.MinutesOf(t.Start.Clock), mapi.MinutesOf(t.Due.Clock)
	switch {
	case t.Start.IsZero() && t.Due.IsZero():
		start = p.Start.Midnight()
		due = start
	case t.Start.IsZero():
		start = due
	case t.Due.IsZero():
		due = start
	}
	var last mapi.Minutes
	var later []mapi.Minutes
	starts, ends := false, false
	for day := range recur.Days(&p, mapi.MinutesNever) {
		starts, ends = starts || day == start, ends || day == due
		if day > start && len(later) < maxTaskDates {
			later = append(later, day)
		}
		last = day
		if p.End != mapi.EndAfter && day > max(start, due) && (starts || ends || len(later) == maxTaskDates) {
			break
		}
	}
	if p.End == mapi.EndAfter {
		p.End, p.Last = mapi.EndByDate, last
	}
	switch {
	case starts:
		p.Start = start
	case ends:
		p.Start = due
		t.Extra = dateProperty(t.Extra, "X-PST-TASK-START", t.Start)
		t.Start = t.Due
	case len(later) == 0:
		return nil // it was the last
	default:
		p.Start = later[0]
	}
	s, err := recur.Convert(&mapi.Recurrence{Pattern: p}, time.UTC, true)
	if s == nil || s.Rule == nil && len(s.Added) == 0 {
		return err
	}
	t.Series = &formats.Series{}
	if s.Rule != nil {
		t.Series.Rule = (&seriesMaker{allDay: true}).rule(s.Rule)
	}
	t.Series.Also = dates(s.Added)
	if t.Start.IsZero() && t.Due.IsZero() {
		t.Start = formats.Date(p.Start.Time().Date())
		return err
	}
	if !starts && !ends {
		// A rule counts from the task, and must come to the same days.
		if r := t.Series.Rule; r != nil && r.Interval <= 1 && r.Scale == "" {
			t.Series.Also = dates([]mapi.Minutes{start})
		} else {
			t.Series = &formats.Series{Also: dates(later)}
		}
	}
	return err
}

// dates returns days as the model has them.
func dates(days []mapi.Minutes) (list []formats.Moment) {
	for _, d := range days {
		list = append(list, formats.Date(d.Time().Date()))
	}
	return list
}

// dateProperty adds a property with a date, where there is one.
func dateProperty(list []formats.Property, name string, d formats.Moment) []formats.Property {
	if d.IsZero() {
		return list
	}
	return append(list, formats.Property{
		Name: name, Params: []formats.Param{{Name: "VALUE", Value: "DATE"}}, Value: d.Clock.Format("20060102"), Structured: true,
	})
}
