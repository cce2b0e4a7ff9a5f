package ical

import (
	"cmp"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
)

// alarms writes reminders (RFC 5545 3.6.6).
func (e *Encoder) alarms(list []formats.Alarm, summary string) {
	if e.opts.NoAlarms {
		return
	}
	for i := range list {
		a := &list[i]
		e.l.Line("BEGIN", "VALARM")
		e.l.Line("ACTION", "DISPLAY")
		e.l.TextLine("DESCRIPTION", contentline.OneLine(cmp.Or(a.Text, summary, "Reminder")))
		e.l.Name("TRIGGER")
		switch at := a.At.UTC(); {
		case !a.At.IsZero() && writable(at):
			e.l.Param("VALUE", "DATE-TIME")
			e.l.Raw(at.Format(utcForm))
		default:
			if a.FromEnd {
				e.l.Param("RELATED", "END")
			}
			e.l.Raw(duration(-a.Before))
		}
		e.l.End()
		e.l.Line("END", "VALARM")
	}
}
