package outlook

import (
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// maxDuration bounds what somebody can have worked on something.
const maxDuration = 100 * 365 * 24 * time.Hour

// journal makes the body of a journal entry (MS-OXOJRNL 2.2.1).
func (m *message) journal() *formats.Journal {
	j := &formats.Journal{Details: m.details(formats.KindJournal, nil)}
	// The one is what the program shows, the other what it was called in the language of the entry's making.
	j.Activity = m.namedLine(mapi.PidLidLogTypeDesc, "type of the entry")
	if typ := m.namedLine(mapi.PidLidLogType, "type of the entry"); j.Activity == "" {
		j.Activity = typ
	} else if typ != "" && !strings.EqualFold(typ, j.Activity) {
		j.Extra = property(j.Extra, "X-PST-LOG-TYPE", typ)
	}
	j.Start = formats.Instant(firstTime(m.namedTime(mapi.PidLidLogStart, "start"), m.namedTime(mapi.PidLidCommonStart, "start")))
	j.End = formats.Instant(firstTime(m.namedTime(mapi.PidLidLogEnd, "end"), m.namedTime(mapi.PidLidCommonEnd, "end")))
	j.Duration = m.minutes(mapi.PidLidLogDuration, "duration")
	for _, d := range [...]struct {
		name string
		of   mapi.Name
	}{
		{"X-PST-DOCUMENT-PRINTED", mapi.PidLidLogDocumentPrinted},
		{"X-PST-DOCUMENT-SAVED", mapi.PidLidLogDocumentSaved},
		{"X-PST-DOCUMENT-ROUTED", mapi.PidLidLogDocumentRouted},
		{"X-PST-DOCUMENT-POSTED", mapi.PidLidLogDocumentPosted},
	} {
		if m.named(d.of, "state of the document").Bool() {
			j.Extra = append(j.Extra, formats.Property{Name: d.name, Value: "TRUE"})
		}
	}
	j.Extra = append(j.Extra, m.customFields()...)
	return j
}

func (m *message) namedTime(n mapi.Name, part string) time.Time { return m.named(n, part).Time() }

// minutes reads a length of time that is stored in minutes, 0 for one that cannot be.
func (m *message) minutes(n mapi.Name, part string) time.Duration {
	d := time.Duration(m.named(n, part).Int()) * time.Minute
	if d < 0 || d > maxDuration {
		return 0
	}
	return d
}
