package outlook

import (
	"encoding/hex"
	"math"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// The values of PidLidTaskStatus (MS-OXOTASK 2.2.2.2.2).
var taskStates = [...]formats.TaskStatus{
	formats.TaskNotStarted, formats.TaskInProgress, formats.TaskComplete, formats.TaskWaiting, formats.TaskDeferred,
}

// The values of PidLidTaskOwnership (MS-OXOTASK 2.2.2.2.29).
const (
	taskOwn      = 0 // given to nobody
	taskAssigner = 1 // the copy of who gave it away
	taskAssignee = 2 // the copy of who was given it
)

// task makes the body of a task (MS-OXOTASK 2.2.2).
func (m *message) task() *formats.Task {
	t := &formats.Task{
		Details:         m.details(formats.KindTask, nil),
		Start:           m.taskDate(mapi.PidLidTaskStartDate, mapi.PidLidCommonStart, "start"),
		Due:             m.taskDate(mapi.PidLidTaskDueDate, mapi.PidLidCommonEnd, "due date"),
		ActualEffort:    m.minutes(mapi.PidLidTaskActualEffort, "actual work"),
		EstimatedEffort: m.minutes(mapi.PidLidTaskEstimatedEffort, "total work"),
	}
	if id := m.named(mapi.PidLidTaskGlobalId, "global task id").Bytes(); len(id) >= 16 && !allZero(id) {
		t.UID = strings.ToUpper(hex.EncodeToString(id))
	}
	m.progress(t)
	m.taskSeries(t)
	m.assignment(t)
	m.taskReminder(t)
	t.Extra = property(t.Extra, "X-PST-TASK-ROLE", m.namedLine(mapi.PidLidTaskRole, "role"))
	t.Extra = property(t.Extra, "X-PST-TASK-LAST-USER", m.namedLine(mapi.PidLidTaskLastUser, "last user"))
	t.Extra = property(t.Extra, "X-PST-TASK-LAST-DELEGATE", m.namedLine(mapi.PidLidTaskLastDelegate, "last delegate"))
	if m.named(mapi.PidLidTeamTask, "team task").Bool() {
		t.Extra = append(t.Extra, formats.Property{Name: "X-PST-TEAM-TASK", Value: "TRUE"})
	}
	t.Extra = append(t.Extra, m.customFields()...)
	return t
}

// taskDate reads a date that is stored at midnight of no zone (MS-OXOTASK 2.2.2.2.4) or, where that is missing, at the
// owner's midnight as a point of time.
func (m *message) taskDate(local, common mapi.Name, part string) formats.Moment {
	t := m.namedTime(local, part)
	switch {
	case t.IsZero():
		if t = m.namedTime(common, part); t.IsZero() {
			return formats.Moment{}
		}
		t = m.c.day(t)
	case t.Equal(m.namedTime(common, part)) && t.Sub(t.Truncate(24*time.Hour)) >= time.Minute:
		t = m.c.day(t) // QUIRK: programs that take both for the same
	}
	return formats.Date(t.Date())
}

// progress reads how far the task is. A task is complete if any of the properties says so.
func (m *message) progress(t *formats.Task) {
	if s := m.named(mapi.PidLidTaskStatus, "status").Int(); s >= 0 && int(s) < len(taskStates) {
		t.Status = taskStates[s]
	}
	if f := m.named(mapi.PidLidPercentComplete, "percentage").Float(); f > 0 {
		t.Percent = int(math.Round(100 * min(f, 1)))
	}
	if m.named(mapi.PidLidTaskComplete, "completion").Bool() {
		t.Status = formats.TaskComplete
	}
	if t.Status != formats.TaskComplete {
		return
	}
	t.Percent = 100
	t.Completed = m.c.completed(m.namedTime(mapi.PidLidTaskDateCompleted, "completion"))
	if !t.Completed.IsZero() {
		t.Extra = timeProperty(t.Extra, "X-PST-DATE-COMPLETED", m.namedTime(mapi.PidLidTaskDateCompleted, "completion"))
	}
}

// completed returns when something was completed. Outlook keeps the day alone, as the owner's midnight (MS-OXOTASK
// 2.2.2.2.9): that is noon of the day in UTC, which is the same day nearly everywhere. What is no whole quarter of an hour
// is a time of day.
func (c *Converter) completed(t time.Time) time.Time {
	if t.IsZero() || !t.Equal(t.Truncate(15*time.Minute)) {
		return t
	}
	return c.day(t).Add(12 * time.Hour)
}

// assignment reads who has to do the task, and who gave it to them.
func (m *message) assignment(t *formats.Task) {
	m.readPeople()
	m.shareKnown()
	owner := m.namedLine(mapi.PidLidTaskOwner, "owner")
	ownership := m.named(mapi.PidLidTaskOwnership, "ownership").Int()
	assigned := ownership == taskAssigner || ownership == taskAssignee
	t.Owner = m.taskOwner(owner, ownership)
	if assigner := m.taskAssigner(ownership); assigner != nil && (assigned || assigner.Stored != "") {
		t.Assigner = assigner
	} else if name := m.namedLine(mapi.PidLidTaskAssigner, "assigner"); name != "" {
		t.Assigner = &formats.Address{Name: name, Via: formats.ViaNone}
	}
	switch m.named(mapi.PidLidTaskAcceptanceState, "acceptance").Int() { // MS-OXOTASK 2.2.2.2.30
	case 2:
		t.Accepted = formats.Accepted
	case 3:
		t.Accepted = formats.Declined
	}
}

// taskOwner returns the recipient who is the owner, by the name or, in the copy of who gave the task away, as the only one;
// else whoever has the name.
func (m *message) taskOwner(name string, ownership int64) *formats.Address {
	var list []person
	for _, rows := range m.rows {
		list = append(list, rows...)
	}
	key := formats.NameKey(name)
	for _, p := range list {
		if key != "" && (formats.NameKey(p.Name) == key || p.SMTP != "" && strings.EqualFold(p.SMTP, name)) {
			return p.Address
		}
	}
	if len(list) == 1 && (ownership == taskAssigner || name == "") {
		if list[0].Name == "" {
			list[0].Name = name
		}
		return list[0].Address
	}
	if name == "" {
		return nil
	}
	return &formats.Address{Name: name, Via: formats.ViaNone}
}

// taskAssigner returns who handed the task on last (MS-OXOTASK 2.2.2.2.17), else who sent it.
func (m *message) taskAssigner(ownership int64) *formats.Address {
	if b := m.named(mapi.PidLidTaskAssigners, "assigners").Bytes(); len(b) > 0 {
		ids, err := mapi.TaskAssigners(b)
		if err != nil {
			m.lose("assigners", err)
		}
		for i := len(ids) - 1; i >= 0; i-- {
			if p := m.entryPerson(ids[i]); p.Address != nil {
				m.resolve(p)
				return p.Address
			}
		}
	}
	if ownership != taskAssignee {
		return nil
	}
	for _, p := range [...]person{m.representing, m.sender} {
		if p.Address != nil && !isNobody(p.Address) {
			return p.Address
		}
	}
	return nil
}

// isNobody reports whether an address is what Outlook writes for the sender of what was never sent.
func isNobody(a *formats.Address) bool {
	return a.SMTP == "" && strings.EqualFold(a.Stored, "Unknown") && (a.Name == "" || strings.EqualFold(a.Name, "Unknown"))
}

// taskReminder reads the reminder, which is at a point of time (MS-OXORMDR 2.2.1.4).
func (m *message) taskReminder(t *formats.Task) {
	r, err := mapi.ReadReminder(m.p, m.cp)
	if err != nil {
		m.lose("reminder", err)
	}
	if at, ok := r.At(time.Time{}); ok {
		t.Alarms = append(t.Alarms, formats.Alarm{At: at})
	}
	if r.Set && r.Override && r.File != "" {
		t.Extra = property(t.Extra, "X-PST-REMINDER-SOUND", oneLine(r.File))
	}
}
