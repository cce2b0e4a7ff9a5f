package outlook_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	goical "github.com/emersion/go-ical"
	"github.com/teambition/rrule-go"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/mapi"
)

// calendarOf writes an item as a calendar.
func calendarOf(t testing.TB, it *formats.Item) string {
	t.Helper()
	var b bytes.Buffer
	err := ical.NewEncoder(ical.Options{}).Encode(&b, it)
	var lost *ical.ContentError
	if err != nil && !(errors.As(err, &lost) && len(it.Damage) > 0) {
		t.Fatal(err)
	}
	return b.String()
}

// written is an event as another program reads it.
type vevent struct {
	*goical.Component
	start, end time.Time // in UTC, midnights for dates
	date       bool
	zone       string
	id         time.Time // RECURRENCE-ID, zero for none
}

func (v *vevent) text(name string) string {
	p := v.Props.Get(name)
	if p == nil {
		return ""
	}
	s, err := p.Text()
	if err != nil {
		return err.Error()
	}
	return s
}

// readEvents reads the events of a calendar with go-ical. Their times are those of the zones of the IANA database; a zone
// of another name has to be written in the calendar.
func readEvents(t testing.TB, s string) []*vevent {
	t.Helper()
	cal, err := goical.NewDecoder(strings.NewReader(s)).Decode()
	if err != nil {
		t.Fatalf("%v\n%s", err, s)
	}
	at := func(p *goical.Prop) time.Time {
		if p == nil {
			return time.Time{}
		}
		return instant(t, s, p)
	}
	var list []*vevent
	for _, c := range cal.Children {
		if c.Name != goical.CompEvent {
			continue
		}
		start := c.Props.Get(goical.PropDateTimeStart)
		v := &vevent{Component: c, start: at(start), end: at(c.Props.Get(goical.PropDateTimeEnd)), id: at(c.Props.Get(goical.PropRecurrenceID))}
		v.date, v.zone = start.ValueType() == goical.ValueDate, start.Params.Get(goical.PropTimezoneID)
		list = append(list, v)
	}
	return list
}

// instant returns the time of a property.
func instant(t testing.TB, s string, p *goical.Prop) time.Time {
	t.Helper()
	id := p.Params.Get(goical.PropTimezoneID)
	if id != "" && !strings.Contains(s, "\r\nTZID:"+id+"\r\n") {
		t.Fatalf("the zone %s is not in the calendar", id)
	}
	at, err := p.DateTime(time.UTC)
	if err != nil {
		t.Fatalf("%s: %v", p.Name, err)
	}
	return at.UTC()
}

// happening is one time that an event takes place.
type happening struct{ start, end time.Time }

// expand lists when the event that a calendar holds takes place, at most n times, with rrule-go: its rule, without what
// is excluded, with what is added, and every exception in the place of what it replaces.
func expand(t testing.TB, s string, n int) []happening {
	t.Helper()
	events := readEvents(t, s)
	if len(events) == 0 {
		t.Fatalf("there is no event in\n%s", s)
	}
	moved := make(map[int64]bool)
	var list []happening
	var master *vevent
	for _, v := range events {
		if v.id.IsZero() {
			if master != nil {
				t.Fatalf("there are two series in\n%s", s)
			}
			master = v
			continue
		}
		moved[v.id.Unix()] = true
		list = append(list, happening{v.start, v.end})
	}
	if master == nil {
		return list
	}
	starts := []time.Time{master.start}
	if rule := master.Props.Get(goical.PropRecurrenceRule); rule != nil || master.Props.Get(goical.PropRecurrenceDates) != nil {
		var set rrule.Set
		zone := time.UTC
		if master.zone != "" {
			var err error
			if zone, err = time.LoadLocation(master.zone); err != nil {
				t.Fatal(err)
			}
		}
		if rule == nil {
			set.RDate(master.start)
		} else {
			opt, err := rrule.StrToROptionInLocation(rule.Value, zone)
			if err != nil {
				t.Fatalf("%q: %v", rule.Value, err)
			}
			opt.Dtstart = master.start.In(zone)
			r, err := rrule.NewRRule(*opt)
			if err != nil {
				t.Fatalf("%q: %v", rule.Value, err)
			}
			set.RRule(r)
			set.DTStart(opt.Dtstart)
		}
		for _, p := range master.Props[goical.PropExceptionDates] {
			set.ExDate(instant(t, s, &p).In(zone))
		}
		for _, p := range master.Props[goical.PropRecurrenceDates] {
			set.RDate(instant(t, s, &p).In(zone))
		}
		starts = starts[:0]
		next := set.Iterator()
		for len(starts) < n+len(moved) {
			at, ok := next()
			if !ok {
				break
			}
			starts = append(starts, at.UTC())
		}
	}
	length := max(master.end.Sub(master.start), 0)
	for _, at := range starts {
		if !moved[at.Unix()] {
			list = append(list, happening{at, at.Add(length)})
		}
	}
	slices.SortFunc(list, func(a, b happening) int { return a.start.Compare(b.start) })
	return list[:min(n, len(list))]
}

// appointment is an appointment with an identifier.
func appointment(p props) *msg {
	m := &msg{props: props{
		mapi.PidTagMessageClass: "IPM.Appointment", mapi.PidTagSearchKey: []byte("0123456789abcdef"), mapi.PidTagSubject: "Plenum",
		mapi.PidTagLastModificationTime: time.Date(2015, 3, 1, 12, 0, 0, 0, time.UTC),
	}}
	for k, v := range p {
		m.props[k] = v
	}
	return m
}

// single is an appointment with a start and an end.
func single(start, end time.Time, p props) *msg {
	m := appointment(p)
	m.props[mapi.PidLidAppointmentStartWhole], m.props[mapi.PidLidAppointmentEndWhole] = start, end
	return m
}

// whole returns the event of a message that has no damage.
func whole(t testing.TB, opt outlook.Options, m *msg) *formats.Event {
	t.Helper()
	it := convertWith(t, opt, m)
	if it.Event == nil || len(it.Damage) > 0 {
		t.Fatalf("the event is %v, damage %v", it.Event, it.Damage)
	}
	return it.Event
}
