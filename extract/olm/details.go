package olm

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/mime"
)

// digest returns 32 hex digits that are the same for the same element.
func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:16])
}

// uuid makes a UUID of an element: version 8, of its digest (RFC 9562 5.8).
func uuid(raw []byte) string {
	sum := sha256.Sum256(raw)
	b := sum[:16]
	b[6] = b[6]&0x0F | 0x80
	b[8] = b[8]&0x3F | 0x80
	s := hex.EncodeToString(b)
	return "urn:uuid:" + s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// describe fills in the description, which is stored in HTML and as text.
func describe(d *formats.Details, html, plain string) {
	if html != "" && !looksLikeHTML(html) && plain == "" {
		html, plain = "", html
	}
	if html != "" {
		d.HTML = formats.Bytes(html)
		if strings.TrimSpace(plain) == "" {
			plain = outlook.HTMLToText([]byte(html))
		}
	}
	if strings.TrimSpace(plain) != "" {
		d.Text = formats.Bytes(plain)
	}
}

// day returns the day that a midnight of the owner's is, which is stored as a point of time. Without a zone it is the one
// in which that is midnight: from twelve hours behind UTC to twelve ahead there is one for each.
func (a *Archive) day(t time.Time) formats.Moment {
	if t.IsZero() {
		return formats.Moment{}
	}
	if z := a.zone(); z != nil {
		if clock := z.Clock(t); clock.Hour() == 0 && clock.Minute() == 0 {
			return formats.Date(clock.Date())
		}
	}
	const noon = 12 * time.Hour
	midnight := t.Truncate(24 * time.Hour)
	if t.Sub(midnight) > noon {
		midnight = midnight.AddDate(0, 0, 1)
	}
	return formats.Date(midnight.Date())
}

// partial is day as contacts have it.
func (a *Archive) partial(t time.Time) formats.PartialDate {
	if t.IsZero() {
		return formats.PartialDate{}
	}
	y, m, d := a.day(t).Clock.Date()
	return formats.PartialDate{Year: y, Month: m, Day: d}
}

// property adds a property that has a value.
func property(list []formats.Property, name, value string) []formats.Property {
	if value = mime.OneLine(value); value == "" {
		return list
	}
	return append(list, formats.Property{Name: name, Value: value})
}

// priority makes of Outlook's priority, 1 to 5, that of RFC 5545 3.8.1.9.
func priority(n int) int {
	switch importance(n) {
	case 0:
		return 9
	case 2:
		return 1
	}
	return 5
}

// task makes the item of a <task>.
func (a *Archive) task(it *formats.Item, n *node, raw []byte) {
	t := &formats.Task{Details: formats.Details{
		UID: digest(raw) + "@pst.invalid", Summary: mime.OneLine(n.get("OPFTaskCopyName")), Modified: it.Modified,
	}}
	describe(&t.Details, n.get("OPFTaskCopyNote"), n.get("OPFTaskCopyNotePlain"))
	t.Start, t.Due = a.day(moment(n.get("OPFTaskCopyStartDateTime"))), a.day(moment(n.get("OPFTaskCopyDueDateTime")))
	if p, ok := number(n.get("OPFTaskGetPriority")); ok {
		t.Priority = priority(int(p))
	}
	if done := moment(n.get("OPFTaskCopyCompletedDateTime")); !done.IsZero() {
		t.Status, t.Percent, t.Completed = formats.TaskComplete, 100, done
	}
	if at := moment(n.get("OPFTaskCopyReminderTime")); !at.IsZero() {
		t.Alarms = []formats.Alarm{{At: at}}
	}
	start := t.Start
	if start.IsZero() {
		start = t.Due
	}
	if r := n.child("OPFTaskCopyRecurrence"); r != nil && !start.IsZero() {
		if rule := a.rule(r, start); rule != nil {
			t.Series, t.Start = &formats.Series{Rule: rule}, start
		} else {
			it.Lose(formats.Damage{Part: "rule of the series", Err: errRule})
		}
	}
	it.Task, it.Identity, it.Subject = t, t.UID, t.Summary
}

// note makes the item of a <note>.
func (a *Archive) note(it *formats.Item, n *node, raw []byte) {
	note := &formats.Note{Details: formats.Details{
		UID: digest(raw) + "@pst.invalid", Summary: mime.OneLine(n.get("OPFNoteCopyTitle")), Created: moment(n.get("OPFNoteCopyCreationDate")),
		Modified: it.Modified,
	}}
	describe(&note.Details, n.get("OPFNoteCopyText"), "")
	if b, ok := note.Text.(formats.Bytes); ok && note.Summary == "" {
		first, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
		note.Summary = mime.OneLine(first)
	}
	it.Note, it.Identity, it.Subject = note, note.UID, note.Summary
}
