package outlook

import (
	"fmt"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// noteColors are the colours of sticky notes by their number (MS-OXONOTE 2.2.1.1), as names of CSS3.
var noteColors = [...]string{"blue", "green", "pink", "yellow", "white"}

// note makes the body of a sticky note (MS-OXONOTE 2.2.1).
func (m *message) note() *formats.Note {
	n := &formats.Note{Details: m.details(formats.KindNote, nil)}
	if n.Summary == "" {
		// Outlook shows the first line.
		if b, ok := n.Text.(formats.Bytes); ok {
			first, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
			n.Summary = oneLine(first)
		}
	}
	if v := m.named(mapi.PidLidNoteColor, "colour"); v.Exists() {
		if c := v.Int(); c >= 0 && int(c) < len(noteColors) {
			n.Color = noteColors[c]
		}
	}
	n.Extra = m.pair(n.Extra, "X-PST-NOTE-SIZE", mapi.PidLidNoteWidth, mapi.PidLidNoteHeight)
	n.Extra = m.pair(n.Extra, "X-PST-NOTE-POSITION", mapi.PidLidNoteX, mapi.PidLidNoteY)
	n.Extra = append(n.Extra, m.customFields()...)
	return n
}

// pair adds a property of two numbers, where both are there.
func (m *message) pair(list []formats.Property, name string, first, second mapi.Name) []formats.Property {
	a, b := m.named(first, "place of the note"), m.named(second, "place of the note")
	if !a.Exists() || !b.Exists() {
		return list
	}
	return append(list, formats.Property{Name: name, Value: fmt.Sprintf("%d,%d", a.Int(), b.Int())})
}
