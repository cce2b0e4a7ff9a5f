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
// The pattern tells the days on which tasks start, or on which they are due where they have no start (MS-OXOTASK
// 3.1.4.6.2). A task that is on none of these days was moved: it stays where it is, and the series goes on from there.
func seriesFrom(t *formats.Task, p mapi.Pattern) error {
	current := p.Start.Midnight()
	switch {
	case !t.Start.IsZero():
		current = mapi.MinutesOf(t.Start.Clock)
	case !t.Due.IsZero():
		current = mapi.MinutesOf(t.Due.Clock)
	}
	var last mapi.Minutes
	var later []mapi.Minutes
	member, within := false, false
	for day := range recur.Days(&p, mapi.MinutesNever) {
		within = within || day < current
		member = member || day == current
		if day > current && len(later) < maxTaskDates {
			later = append(later, day)
		}
		last = day
		if p.End != mapi.EndAfter && day >= current && (member || len(later) == maxTaskDates) {
			break
		}
	}
	if p.End == mapi.EndAfter {
		p.End, p.Last = mapi.EndByDate, last
	}
	switch {
	case member:
		p.Start = current
	case len(later) == 0:
		return nil // it was the last
	default:
		p.Start = later[0]
	}
	s, err := recur.Convert(&mapi.Recurrence{Pattern: p}, time.UTC, true)
	if s == nil || s.Rule == nil && len(s.Added) == 0 {
		return err
	}
	t.Series = &formats.Series{Also: dates(s.Added)}
	if s.Rule != nil {
		t.Series.Rule = (&seriesMaker{allDay: true}).rule(s.Rule)
	}
	switch {
	case t.Start.IsZero() && t.Due.IsZero():
		t.Start = formats.Date(p.Start.Time().Date())
	case member:
	case within && s.Rule != nil && s.Rule.Interval <= 1 && s.Rule.Scale == "":
		// The rule comes to the same days from wherever it counts, but for the current one.
		t.Series.Also = dates([]mapi.Minutes{current})
	default:
		t.Series = &formats.Series{Also: dates(later)}
	}
	t.Series.Exchange = (&seriesMaker{allDay: true}).exchange(s.Exchange)
	return err
}

// dates returns days as the model has them.
func dates(days []mapi.Minutes) (list []formats.Moment) {
	for _, d := range days {
		list = append(list, formats.Date(d.Time().Date()))
	}
	return list
}
