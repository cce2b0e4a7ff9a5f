package ical_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	golangical "github.com/arran4/golang-ical"
	goical "github.com/emersion/go-ical"
	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/itemtest"
)

// Whatever an item has, two programs that are not ours read it without complaint, and find the same: as many components,
// with what the model says stands in them.
func TestJudges(t *testing.T) {
	for name, opts := range map[string]ical.Options{
		"files":   {Name: "Work, play", Color: "navy"},
		"plain":   {NoHTML: true, NoAlarms: true, NoAttachments: true, UTC: true, JournalAsEvents: true, StrictDue: true},
		"servers": {ScheduleAgent: "CLIENT", TaskScheduling: true},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				items := rapid.SliceOfN(rapid.OneOf(itemtest.Event(), itemtest.Event(), itemtest.Task(), itemtest.Journal(), itemtest.Note()), 1, 3).Draw(t, "items")
				var b bytes.Buffer
				if err := ical.NewEncoder(opts).Encode(&b, items...); err != nil {
					t.Fatal(err)
				}
				cal := checkReaders(t, b.String())
				other, err := golangical.ParseCalendar(bytes.NewReader(b.Bytes()))
				if err != nil {
					t.Fatal(err)
				}
				var found []*goical.Component
				for _, c := range cal.Children {
					if c.Name != "VTIMEZONE" {
						found = append(found, c)
					}
				}
				for _, it := range items {
					n := 1
					if it.Event != nil {
						n += len(it.Event.Overrides)
					}
					judge(t, it, found[:n], opts)
					found = found[n:]
				}
				if len(found) > 0 {
					t.Fatalf("%d components more than there should be", len(found))
				}
				for _, c := range other.Events() {
					if len(c.GetProperties(golangical.ComponentPropertyAttendee)) != len(c.Attendees()) {
						t.Fatal("golang-ical loses attendees")
					}
				}
			})
		})
	}
}

func judge(t *rapid.T, it *formats.Item, found []*goical.Component, opts ical.Options) {
	switch {
	case it.Event != nil:
		judgeEvent(t, it, it.Event, found[0], opts)
		for _, o := range it.Event.Overrides {
			at := slices.IndexFunc(found, func(c *goical.Component) bool {
				p := c.Props.Get("RECURRENCE-ID")
				return p != nil && p.Value == wantMoment(o.RecurrenceID)
			})
			if at < 0 {
				t.Fatalf("there is no exception for %s", o.RecurrenceID)
			}
			judgeEvent(t, it, o, found[at], opts)
		}
	case it.Task != nil:
		judgeDetails(t, it, &it.Task.Details, found[0], opts)
		if due := it.Task.Due; !due.IsZero() && valueOf(found[0], "DUE") != wantMoment(due) {
			t.Fatalf("DUE is %q, want %s", valueOf(found[0], "DUE"), due)
		}
	case it.Journal != nil:
		judgeDetails(t, it, &it.Journal.Details, found[0], opts)
		if got := valueOf(found[0], "DTSTART"); got != wantMoment(it.Journal.Start) {
			t.Fatalf("DTSTART is %q, want %s", got, it.Journal.Start)
		}
	case it.Note != nil:
		judgeDetails(t, it, &it.Note.Details, found[0], opts)
	}
}

func judgeEvent(t *rapid.T, it *formats.Item, ev *formats.Event, c *goical.Component, opts ical.Options) {
	judgeDetails(t, it, &ev.Details, c, opts)
	if start := valueOf(c, "DTSTART"); start != wantMoment(ev.Start) && !(opts.UTC && strings.HasSuffix(start, "Z")) {
		t.Fatalf("DTSTART is %q, want %s", start, ev.Start)
	}
	equal(t, "LOCATION", ev.Location, textOf(t, c, "LOCATION"))
	attendees := 0
	if ev.Meeting != nil {
		attendees = len(ev.Meeting.Attendees)
		if valueOf(c, "ORGANIZER") == "" {
			t.Fatal("there is no organizer")
		}
		for i, p := range c.Props.Values("ATTENDEE") {
			a := ev.Meeting.Attendees[i]
			equal(t, "CN", a.Address.Name, strings.TrimSuffix(decodeParam(p.Params.Get("CN")), " "))
			if want := a.Address.Spec(); want != "" && p.Value != "mailto:"+want {
				t.Fatalf("the attendee is %q, want %s", p.Value, want)
			}
		}
	}
	if got := len(c.Props.Values("ATTENDEE")); got != attendees {
		t.Fatalf("%d attendees, want %d", got, attendees)
	}
	if s := ev.Series; s != nil {
		if got := len(c.Props.Values("EXDATE")); got != len(s.Except) {
			t.Fatalf("%d EXDATE, want %d", got, len(s.Except))
		}
		if (c.Props.Get("RRULE") != nil) != (s.Rule != nil) {
			t.Fatal("the rule is missing, or is one too many")
		}
	}
	if !opts.NoAlarms && len(c.Children) != len(ev.Alarms) {
		t.Fatalf("%d alarms, want %d", len(c.Children), len(ev.Alarms))
	}
}

func judgeDetails(t *rapid.T, it *formats.Item, d *formats.Details, c *goical.Component, opts ical.Options) {
	equal(t, "UID", d.UID, textOf(t, c, "UID"))
	equal(t, "SUMMARY", d.Summary, textOf(t, c, "SUMMARY"))
	equal(t, "DESCRIPTION", readAll(t, d.Text), textOf(t, c, "DESCRIPTION"))
	if !opts.NoHTML {
		equal(t, "X-ALT-DESC", readAll(t, d.HTML), textOf(t, c, "X-ALT-DESC"))
	}
	var categories []string
	for _, p := range c.Props.Values("CATEGORIES") {
		p.SetValueType(goical.ValueText)
		list, err := p.TextList()
		if err != nil {
			t.Fatal(err)
		}
		categories = append(categories, list...)
	}
	want := it.Keywords
	if it.Journal != nil && it.Journal.Activity != "" {
		want = append([]string{it.Journal.Activity}, want...)
	}
	if !slices.Equal(categories, want) {
		t.Fatalf("CATEGORIES are %q, want %q", categories, want)
	}
	if !opts.NoAttachments && len(c.Props.Values("ATTACH")) != len(d.Attachments) {
		t.Fatalf("%d attachments, want %d", len(c.Props.Values("ATTACH")), len(d.Attachments))
	}
	for i := range c.Props.Values("ATTACH") {
		p, want := &c.Props.Values("ATTACH")[i], d.Attachments[i]
		if want.Content == nil {
			continue
		}
		if readAll(t, want.Content) == "" {
			equal(t, "ATTACH", "data:,", p.Value)
			continue
		}
		if got, err := p.Binary(); err != nil || string(got) != readAll(t, want.Content) {
			t.Fatalf("ATTACH is %x, %v, want %x", got, err, readAll(t, want.Content))
		}
	}
}

func equal(t *rapid.T, name, want, got string) {
	t.Helper()
	if got != want {
		t.Fatalf("%s is %q, want %q", name, got, want)
	}
}

func valueOf(c *goical.Component, name string) string {
	if p := c.Props.Get(name); p != nil {
		return p.Value
	}
	return ""
}

func textOf(t *rapid.T, c *goical.Component, name string) string {
	p := c.Props.Get(name)
	if p == nil {
		return ""
	}
	p.SetValueType(goical.ValueText)
	s, err := p.Text()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func readAll(t *rapid.T, c formats.Content) string {
	if c == nil {
		return ""
	}
	r, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// wantMoment returns a moment as it stands in a calendar, without the zone.
func wantMoment(m formats.Moment) string {
	switch m.Form {
	case formats.MomentNone:
		return ""
	case formats.MomentDate:
		return m.Clock.Format("20060102")
	}
	return m.Clock.Format("20060102T150405") + zuluOf(m)
}

func zuluOf(m formats.Moment) string {
	if m.Form == formats.MomentInstant {
		return "Z"
	}
	return ""
}
