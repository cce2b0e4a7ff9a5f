package outlook

import (
	"errors"
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
	start := t.Start
	if start.IsZero() {
		start = t.Due
	}
	current := p.Start.Midnight()
	if !start.IsZero() {
		current = mapi.MinutesOf(start.Clock)
	}
	if err := seriesFrom(t, *p, current); err != nil {
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

// seriesFrom gives the task the part of its series that is left: from the current day on until the last. The number of
// occurrences that a pattern may have counts those that are done, so the end is given as a day.
func seriesFrom(t *formats.Task, p mapi.Pattern, current mapi.Minutes) error {
	var first, last mapi.Minutes
	found := false
	for day := range recur.Days(&p, mapi.MinutesNever) {
		if day >= current && !found {
			first, found = day, true
			if p.End != mapi.EndAfter {
				break
			}
		}
		last = day
	}
	if !found {
		return errors.New("the series has ended before the task that it goes on with")
	}
	if p.End == mapi.EndAfter {
		p.End, p.Last = mapi.EndByDate, last
	}
	p.Start = first
	s, err := recur.Convert(&mapi.Recurrence{Pattern: p}, time.UTC, true)
	if s == nil || s.Rule == nil && len(s.Added) == 0 {
		return err
	}
	if first != current {
		// The current task was moved to a day that is none of the series.
		moveTask(t, first, current)
	}
	t.Series = &formats.Series{}
	if s.Rule != nil {
		t.Series.Rule = (&seriesMaker{allDay: true}).rule(s.Rule)
	}
	for _, day := range s.Added {
		t.Series.Also = append(t.Series.Also, formats.Date(day.Time().Date()))
	}
	return err
}

// moveTask moves the task to a day of its series, by which the others are counted, and says where it was.
func moveTask(t *formats.Task, to, from mapi.Minutes) {
	move := func(d formats.Moment) formats.Moment {
		if d.IsZero() {
			return d
		}
		return formats.Date(d.Clock.Add(time.Duration(int64(to)-int64(from)) * time.Minute).Date())
	}
	for _, d := range [...]struct {
		name string
		of   *formats.Moment
	}{{"X-PST-TASK-START", &t.Start}, {"X-PST-TASK-DUE", &t.Due}} {
		if !d.of.IsZero() {
			t.Extra = append(t.Extra, formats.Property{
				Name: d.name, Params: []formats.Param{{Name: "VALUE", Value: "DATE"}}, Value: d.of.Clock.Format("20060102"), Structured: true,
			})
			*d.of = move(*d.of)
		}
	}
	if t.Start.IsZero() && t.Due.IsZero() {
		t.Start = formats.Date(to.Time().Date())
	}
}
