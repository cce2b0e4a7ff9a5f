package outlook

import (
	"mailmill/formats"
	"mailmill/formats/mapi"
)

// The values of PidTagFlagStatus (MS-OXOFLAG 2.2.1.1) and the bit of PidTagToDoItemFlags (2.2.1.6) that make an item one of
// the to-do list.
const (
	flagComplete = 1
	toDoItem     = 1
)

// followUp returns what the owner's flag on an item that is no task says, as properties.
func (m *message) followUp() []formats.Property {
	status := m.int(mapi.PidTagFlagStatus)
	if status != flagFlagged && status != flagComplete {
		return nil
	}
	var list []formats.Property
	list = property(list, "X-PST-FLAG", firstText(m.namedLine(mapi.PidLidFlagRequest, "flag"), "Follow up"))
	for _, d := range [...]struct {
		name string
		at   formats.Moment
	}{
		{"X-PST-FLAG-START", m.taskDate(mapi.PidLidTaskStartDate, mapi.PidLidCommonStart, "start")},
		{"X-PST-FLAG-DUE", m.taskDate(mapi.PidLidTaskDueDate, mapi.PidLidCommonEnd, "due date")},
	} {
		if !d.at.IsZero() {
			list = append(list, formats.Property{
				Name: d.name, Params: []formats.Param{{Name: "VALUE", Value: "DATE"}}, Value: d.at.Clock.Format("20060102"), Structured: true,
			})
		}
	}
	list = timeProperty(list, "X-PST-FLAG-COMPLETED", m.time(mapi.PidTagFlagCompleteTime))
	if r, _ := mapi.ReadReminder(m.p, m.cp); r.Set && !r.Time.IsZero() {
		list = timeProperty(list, "X-PST-FLAG-REMINDER", r.Time)
	}
	return list
}
