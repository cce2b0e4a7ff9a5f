package outlook

import (
	"time"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// The values of PidTagFlagStatus (MS-OXOFLAG 2.2.1.1), and the bit of PidTagToDoItemFlags (2.2.1.6) that makes an item one
// of the to-do list.
const (
	flagComplete = 1
	toDoItem     = 1
)

// flagColors are the colours of flags by their number (MS-OXOFLAG 2.2.1.2), as names of CSS3.
var flagColors = [...]string{"", "purple", "orange", "green", "yellow", "blue", "red"}

// isFlagged reports whether the owner has put a flag to the item, even if what it asks for is done.
func (m *message) isFlagged() bool {
	switch m.int(mapi.PidTagFlagStatus) {
	case flagFlagged, flagComplete:
		return true
	}
	return m.int(mapi.PidTagToDoItemFlags)&toDoItem != 0
}

// flagTask makes the task that the owner's flag on an item of another kind is (MS-OXOFLAG 2.2), nil where there is none.
func (m *message) flagTask(it *formats.Item) *formats.Task {
	switch it.Kind {
	case formats.KindMail, formats.KindContact, formats.KindGroup:
	default:
		return nil
	}
	if !m.isFlagged() {
		return nil
	}
	t := &formats.Task{
		Details: formats.Details{
			UID:      formats.Key(formats.KindTask, it.Identity) + "@pst.invalid",
			Summary:  firstText(m.namedLine(mapi.PidLidToDoTitle, "title of the flag"), oneLine(it.Subject)),
			Created:  m.time(mapi.PidTagCreationTime),
			Modified: it.Modified,
			Class:    m.privacy(),
		},
		Start: m.taskDate(mapi.PidLidTaskStartDate, mapi.PidLidCommonStart, "start of the flag"),
		Due:   m.taskDate(mapi.PidLidTaskDueDate, mapi.PidLidCommonEnd, "due date of the flag"),
	}
	if v := m.value(mapi.PidTagImportance, "importance"); v.Exists() {
		t.Priority = priority(v.Int())
	}
	if c := m.int(mapi.PidTagFollowupIcon); c > 0 && int(c) < len(flagColors) {
		t.Color = flagColors[c]
	}
	m.progress(t)
	if m.int(mapi.PidTagFlagStatus) == flagComplete {
		t.Status, t.Percent = formats.TaskComplete, 100
	}
	if t.Status == formats.TaskComplete {
		t.Completed = firstTime(m.time(mapi.PidTagFlagCompleteTime), t.Completed)
	}
	m.taskReminder(t)
	t.Extra = property(t.Extra, "X-PST-FLAG", m.namedLine(mapi.PidLidFlagRequest, "flag"))
	if it.Kind == formats.KindMail {
		t.Extra = property(t.Extra, "X-PST-MESSAGE-ID", it.Identity)
	} else {
		t.Extra = property(t.Extra, "X-PST-UID", it.Identity)
	}
	return t
}

// followUp returns what the owner's flag on an item that is no task says, as properties of a card.
func (m *message) followUp() []formats.Property {
	if !m.isFlagged() {
		return nil
	}
	list := property(nil, "X-PST-FLAG", firstText(m.namedLine(mapi.PidLidFlagRequest, "flag"), "Follow up"))
	list = property(list, "X-PST-FLAG-START", m.taskDate(mapi.PidLidTaskStartDate, mapi.PidLidCommonStart, "start of the flag").String())
	list = property(list, "X-PST-FLAG-DUE", m.taskDate(mapi.PidLidTaskDueDate, mapi.PidLidCommonEnd, "due date of the flag").String())
	list = timeProperty(list, "X-PST-FLAG-COMPLETED", m.time(mapi.PidTagFlagCompleteTime))
	if r, _ := mapi.ReadReminder(m.p, m.cp); r.Set { // who reads the flag as a task is told what is wrong with it
		at, _ := r.At(time.Time{})
		list = timeProperty(list, "X-PST-FLAG-REMINDER", at)
	}
	return list
}
