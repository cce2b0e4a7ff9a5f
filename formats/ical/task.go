package ical

import (
	"errors"
	"fmt"

	"mailmill/formats"
)

var taskStates = [...]string{
	formats.TaskNotStarted: "NEEDS-ACTION", formats.TaskInProgress: "IN-PROCESS", formats.TaskComplete: "COMPLETED",
	// RFC 5545 3.8.1.11 has no word for these two.
	formats.TaskWaiting: "NEEDS-ACTION", formats.TaskDeferred: "NEEDS-ACTION",
}

type task struct{ *formats.Task }

func (t task) check() error {
	if t.Verbatim != nil {
		return nil
	}
	if reason := checkSeries(t.Series); reason != "" {
		return errors.New(reason)
	}
	if t.Series != nil && !good(t.Start) && !good(t.Due) {
		return errors.New("the task recurs from no day on")
	}
	return nil
}

func (t task) zones(_ *Options, visit func(*formats.Zone)) {
	if t.Verbatim != nil {
		namedZones(t.Verbatim, visit)
		return
	}
	visit(t.Start.Zone)
	visit(t.Due.Zone)
}

// write writes a VTODO (RFC 5545 3.6.2).
func (t task) write(e *Encoder) {
	if t.Verbatim != nil {
		// The lines may name people that no field does: those of one of its days.
		v := t.Verbatim
		e.verbatim(&t.Details, changes{nobody: t.Assigner == nil && t.Owner == nil && len(v.Aside) < len(v.People)})
		return
	}
	start, due, left := t.span(e.opts.StrictDue)
	e.begin("VTODO", &t.Details, start)
	e.moment("DTSTART", start)
	e.moment("DUE", due)
	e.moment("X-PST-START", left)
	e.series(t.Series, start)
	e.details(&t.Details, false)
	e.l.Line("STATUS", taskStates[min(int(t.Status), len(taskStates)-1)])
	if t.Status > formats.TaskComplete {
		e.l.TextLine("X-PST-TASK-STATUS", t.Status.String())
	}
	if t.Status == formats.TaskComplete {
		e.instant("COMPLETED", t.Completed)
	}
	if percent := max(0, min(t.Percent, 100)); percent > 0 || t.Status == formats.TaskComplete {
		if t.Status == formats.TaskComplete {
			percent = 100
		}
		e.l.Line("PERCENT-COMPLETE", fmt.Sprint(percent))
	}
	if r := t.Regenerate; r != nil && r.Frequency >= formats.Daily && r.Frequency <= formats.Yearly {
		unit := [...]string{formats.Daily: "D", formats.Weekly: "W", formats.Monthly: "M", formats.Yearly: "Y"}
		e.l.Line("X-PST-REGENERATE", fmt.Sprintf("P%d%s", max(r.Interval, 1), unit[r.Frequency]))
	}
	if t.ActualEffort > 0 {
		e.l.Line("X-PST-ACTUAL-EFFORT", duration(t.ActualEffort))
	}
	if t.EstimatedEffort > 0 {
		e.l.Line("X-PST-ESTIMATED-EFFORT", duration(t.EstimatedEffort))
	}
	e.assignment(t.Task)
	e.extra(&t.Details)
	e.alarms(t.Alarms, t.Summary)
	e.l.Line("END", "VTODO")
}

// span returns the start and the due time as RFC 5545 3.8.2.3 wants them: of one form, the start first, and a start in
// all that recurs. A start that cannot stand there is left over.
func (t task) span(strict bool) (start, due, left formats.Moment) {
	if good(t.Start) {
		start = t.Start
	}
	if good(t.Due) {
		due = t.Due
	}
	if start.IsZero() {
		if t.Series != nil {
			start = due
		}
		return start, due, left
	}
	if due.IsZero() {
		return start, due, left
	}
	if start.IsDate() != due.IsDate() || start.Form == formats.MomentFloating != (due.Form == formats.MomentFloating) {
		start = like(start, due)
	}
	switch gap := due.Time(nil).Compare(start.Time(nil)); {
	case gap < 0 && t.Series == nil:
		return formats.Moment{}, due, start
	case gap < 0:
		return due, due, start
	case gap == 0 && strict && t.Series == nil:
		return formats.Moment{}, due, start
	}
	return start, due, left
}

// assignment writes who gave the task to whom.
func (e *Encoder) assignment(t *formats.Task) {
	if !e.opts.TaskScheduling {
		e.person("X-PST-ASSIGNER", t.Assigner)
		e.person("X-PST-OWNER", t.Owner)
		return
	}
	m := formats.Meeting{Organizer: t.Assigner}
	if t.Owner != nil && t.Assigner != nil {
		m.Attendees = []formats.Attendee{{Address: t.Owner, Status: t.Accepted}}
	} else {
		e.person("X-PST-OWNER", t.Owner)
	}
	e.meeting(&m)
}

// person writes somebody under a name that no server acts on.
func (e *Encoder) person(name string, a *formats.Address) {
	if a == nil {
		return
	}
	e.l.Name(name)
	e.name(a)
	e.address(a)
}
