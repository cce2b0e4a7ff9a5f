package ical

import (
	"io"
	"strings"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
)

// Object is a component as [Scan] finds it in a file.
type Object struct {
	// Name is in capitals: "VEVENT", "VTIMEZONE", "VCARD".
	Name string
	// Kind is that of the item that the component is; KindOther for what is none.
	Kind formats.Kind
	// Offset and End are where it stands.
	Offset, End int64
	// Calendar is the number of the [Calendar] that it stands in; -1 for none.
	Calendar int
	// UID may be empty, and TZID is that of a time zone.
	UID, TZID string
	// Occurrence says that it is one of a series.
	Occurrence bool
	// Zones are the time zones that it names.
	Zones []string
}

// Calendar is what a file says of one of its calendars.
type Calendar struct {
	// Old says that it is a vCalendar 1.0.
	Old bool
	// Product made it. Method is that of a message (RFC 5546), in capitals.
	Product, Method string
	// Name is what people call it (NAME, X-WR-CALNAME); empty where it does not say.
	Name string
	// Properties are those that the fields above do not tell and a calendar that is written anew does not have.
	Properties []formats.Property

	zone *formats.Zone // of local times, in a vCalendar 1.0
}

// Ours reports whether this package wrote the calendar. Then an occurrence that does not follow its series is an item of
// its own.
func (c *Calendar) Ours() bool { return c.Product == Product }

// Rest is what there is in a file besides components: lines outside of everything, and whether it ends where something
// has not ended.
type Rest = contentline.Rest

// wanted are the properties by which a component is told from others.
var wanted = map[string]bool{
	"UID": true, "RECURRENCE-ID": true, "TZID": true, "DTSTART": true, "KIND": true, "X-ADDRESSBOOKSERVER-KIND": true,
	kindMark: true, "X-PST-DURATION": true, "X-PST-END": true,
}

// kindMark tells a journal entry of no day from a note: both are a VJOURNAL.
const kindMark = "X-PST-KIND"

// Scan finds the components of a file of calendars or cards from front to back, and visits each when it has ended. The
// calendars are known when all is read, and what there is besides. An error is that of r or of visit.
//
// It reads everything that programs have written as one of the two, whatever its line ends, and needs no END: see [Read].
func Scan(r io.Reader, visit func(Object) error) (calendars []Calendar, rest Rest, err error) {
	found, rest, err := contentline.Scan(r, wanted, func(c contentline.Component) error {
		o := Object{Name: c.Name, Kind: kindOf(&c), Offset: c.Offset, End: c.End, Calendar: c.Calendar, Zones: c.Zones}
		uid, _ := c.Get("UID")
		o.UID = uidOf(uid)
		tzid, _ := c.Get("TZID")
		o.TZID = zoneID(tzid)
		_, o.Occurrence = c.Get("RECURRENCE-ID")
		return visit(o)
	})
	for _, props := range found {
		calendars = append(calendars, calendarOf(props))
	}
	return calendars, rest, err
}

// uidOf returns the UID in the value of one: a line of text.
func uidOf(value string) string {
	return strings.TrimSpace(contentline.OneLine(contentline.Unescape(value)))
}

// kindOf returns the kind of a component.
func kindOf(c *contentline.Component) formats.Kind {
	switch c.Name {
	case "VEVENT":
		return formats.KindEvent
	case "VTODO":
		return formats.KindTask
	case "VJOURNAL":
		// What belongs to no day is a note, as it is written here.
		for _, name := range []string{"DTSTART", kindMark, "X-PST-DURATION", "X-PST-END"} {
			if _, ok := c.Get(name); ok {
				return formats.KindJournal
			}
		}
		return formats.KindNote
	case "VCARD":
		for _, name := range []string{"KIND", "X-ADDRESSBOOKSERVER-KIND"} {
			if v, _ := c.Get(name); strings.EqualFold(contentline.CleanName(v), "group") {
				return formats.KindGroup
			}
		}
		return formats.KindContact
	}
	return formats.KindOther
}

func calendarOf(props []contentline.Property) Calendar {
	var c Calendar
	var old []contentline.Property
	for _, p := range props {
		value := strings.TrimSpace(contentline.Unescape(p.Value))
		switch p.Name {
		case "VERSION":
			c.Old = strings.HasPrefix(value, "1.")
		case "PRODID":
			c.Product = value
		case "METHOD":
			c.Method = strings.ToUpper(value)
		case "CALSCALE", exchangeCalendar:
		case "NAME", "X-WR-CALNAME":
			if c.Name == "" {
				c.Name = value
			}
		case "TZ", "DAYLIGHT":
			old = append(old, p)
		default:
			c.Properties = append(c.Properties, propertyOf(&p))
		}
	}
	if c.Old {
		c.zone = oldZone(old)
	} else {
		for i := range old {
			c.Properties = append(c.Properties, propertyOf(&old[i]))
		}
	}
	return c
}

// propertyOf returns a property in the terms of the model.
func propertyOf(p *contentline.Property) formats.Property {
	out := formats.Property{Name: p.Name, Value: p.Value, Structured: true}
	for _, q := range p.Params {
		for _, v := range q.Values {
			out.Params = append(out.Params, formats.Param{Name: q.Name, Value: contentline.Decode6868(v)})
		}
	}
	return out
}
