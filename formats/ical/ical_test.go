package ical_test

import (
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"

	"mailmill/formats"
	"mailmill/formats/ical"
)

var update = flag.Bool("update", false, "write the golden files anew")

var modified = time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)

func zone(t testing.TB, name string) *formats.Zone {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return formats.ZoneOf(loc, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
}

func at(z *formats.Zone, s string) formats.Moment {
	clock, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		panic(err)
	}
	return formats.Zoned(clock, z)
}

func text(s string) formats.Content { return formats.Bytes(s) }

// meeting is a series with two deleted occurrences and one that was moved, with everything a meeting can have.
func meeting(t testing.TB) *formats.Item {
	berlin := zone(t, "Europe/Berlin")
	jane := &formats.Address{Name: `Doe, "J" Jane`, SMTP: "jane@example.org"}
	people := &formats.Meeting{
		Organizer: jane,
		SentBy:    &formats.Address{SMTP: "assistant@example.org"},
		Attendees: []formats.Attendee{
			{Address: &formats.Address{Name: "Jürgen Groß", SMTP: "jg@example.org"}, Status: formats.Accepted, RSVP: true},
			{Address: &formats.Address{Name: "Old Hand", Stored: "/o=Org/cn=old;hand", Placeholder: "ex-1@unresolved.invalid"}, Role: formats.Optional},
			{Address: &formats.Address{Name: "Nobody"}, Status: formats.Tentative},
			{
				Address: &formats.Address{Name: "Room 1", SMTP: "room1@example.org"}, Type: formats.Room, Role: formats.NonParticipant,
				Params: []formats.Param{{Name: "X-REPLY-TIME", Value: "20260101T000000Z"}},
			},
		},
		NoCounter: true,
	}
	common := formats.Details{
		UID: "040000008200E00074C5B7101A82E008", Sequence: 2, Stamp: modified.Add(-time.Hour), Created: modified.Add(-24 * time.Hour),
		Summary: "Weekly; with a comma, and\r\na second line", Text: text("Hello\r\n\r\nBring a \\ and the files;\tplease, folks — ünïcödé all the way through the fold 😀😀😀.\n"),
		HTML: text("<p style=\"color: red; margin: 0\">Hello</p>\r\n"), Class: formats.ClassPrivate, Priority: 1,
		URL: "https://example.org/a b", Contacts: []string{"Jane Doe"}, Color: "gold",
	}
	ev := &formats.Event{
		Details: common, Start: at(berlin, "2026-03-16 09:00"), End: at(berlin, "2026-03-16 10:30"), Location: "Room 1, 2nd floor",
		Series: &formats.Series{
			Rule: &formats.Recurrence{
				Frequency: formats.Weekly, Interval: 2, ByDay: []formats.WeekdayNum{{Day: time.Monday}, {Day: time.Thursday}},
				WeekStart: time.Monday, Until: at(berlin, "2026-06-25 09:00"),
			},
			Except: []formats.Moment{at(berlin, "2026-03-19 09:00"), at(berlin, "2026-03-30 09:00")},
		},
		Busy: formats.BusyTentative, Intended: formats.BusyBusy,
		Alarms:      []formats.Alarm{{Before: 15 * time.Minute}, {At: modified, Text: "Now"}},
		Meeting:     people,
		Conferences: []formats.Link{{URI: "https://meet.example.org/x?y=1&z=2", Label: "Join: now"}},
	}
	ev.Attachments = []*formats.Part{
		{Type: "text/plain", Name: `plan "A".txt`, Content: text(strings.Repeat("plan ", 30))},
		{Type: "message/rfc822", Name: "mail.eml", Message: &formats.Mail{
			MessageID: "<1@example.org>", Header: []formats.Field{{Name: "Subject", Text: "Hi"}},
			Root: &formats.Part{Type: "text/plain", Content: text("Hi\n")},
		}},
		{Type: "no type", Name: "link", Location: "https://example.org/file.pdf"},
	}
	ev.Extra = []formats.Property{
		{Name: "X-MICROSOFT-CDO-OWNERAPPTID", Value: "-1", Structured: true},
		{Name: "X-NOTE", Params: []formats.Param{{Name: "X-P", Value: "a:b"}}, Value: "a;b"},
		{Name: "END", Value: "VEVENT"},
	}
	moved := *ev
	moved.Series, moved.Attachments, moved.Extra, moved.Alarms = nil, nil, nil, nil
	moved.RecurrenceID, moved.Start, moved.End = at(berlin, "2026-04-02 09:00"), at(berlin, "2026-04-03 14:00"), at(berlin, "2026-04-03 15:00")
	moved.Summary, moved.Text, moved.HTML = "Moved", text("Elsewhere"), nil
	ev.Overrides = []*formats.Event{&moved}
	return &formats.Item{
		Entry: formats.Entry{Kind: formats.KindEvent}, Event: ev, Modified: modified, Keywords: []string{"Red, really", "Work"},
	}
}

func item(ev *formats.Event) *formats.Item {
	return &formats.Item{Entry: formats.Entry{Kind: formats.KindEvent}, Event: ev, Modified: modified}
}

// golden compares what the items are written as with a file.
func golden(t *testing.T, name string, opts ical.Options, items ...*formats.Item) {
	t.Helper()
	var b strings.Builder
	if err := ical.NewEncoder(opts).Encode(&b, items...); err != nil {
		t.Fatal(err)
	}
	checkReaders(t, b.String())
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestMeeting(t *testing.T) {
	golden(t, "meeting.ics", ical.Options{Name: "Work", Color: "navy"}, meeting(t))
}

func TestRequest(t *testing.T) {
	opts := ical.Options{Method: "REQUEST", ScheduleAgent: "CLIENT", NoHTML: true, NoAlarms: true, NoAttachments: true}
	golden(t, "request.ics", opts, meeting(t))
	r, err := ical.Content(opts, meeting(t)).Open()
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if want, err := os.ReadFile("testdata/request.ics"); err != nil || string(got) != string(want) {
		t.Errorf("content is\n%s, %v", got, err)
	}
}

// Dates stay dates, flights keep both zones, what takes no time has no end.
func TestTimes(t *testing.T) {
	berlin, tokyo := zone(t, "Europe/Berlin"), zone(t, "Asia/Tokyo")
	details := func(uid string) formats.Details { return formats.Details{UID: uid, Summary: uid} }
	golden(t, "times.ics", ical.Options{},
		item(&formats.Event{Details: details("all day"), Start: formats.Date(2026, 3, 29), End: formats.Date(2026, 3, 31), Busy: formats.BusyFree}),
		item(&formats.Event{Details: details("one day"), Start: formats.Date(2026, 3, 29), End: formats.Date(2026, 3, 29)}),
		item(&formats.Event{Details: details("all day until noon"), Start: formats.Date(2026, 3, 29), End: at(berlin, "2026-03-30 12:00")}),
		item(&formats.Event{Details: details("flight"), Start: at(berlin, "2026-03-29 20:00"), End: at(tokyo, "2026-03-30 15:00")}),
		item(&formats.Event{Details: details("UTC"), Start: formats.Instant(modified), End: formats.Instant(modified.Add(time.Hour))}),
		item(&formats.Event{Details: details("floating"), Start: formats.Floating(modified), End: at(berlin, "2026-03-30 12:00")}),
		item(&formats.Event{Details: details("no time"), Start: at(berlin, "2026-03-29 20:00"), End: at(berlin, "2026-03-29 20:00")}),
		item(&formats.Event{Details: details("backwards"), Start: at(berlin, "2026-03-29 20:00"), End: at(berlin, "2026-03-29 19:00")}),
		item(&formats.Event{Details: details("an occurrence alone"), Start: at(berlin, "2026-03-29 20:00"), RecurrenceID: at(berlin, "2026-03-28 20:00"), Cancelled: true}),
		item(&formats.Event{
			Details: details("birthday"), Start: formats.Date(2024, 2, 29),
			Series: &formats.Series{
				Rule: &formats.Recurrence{
					Frequency: formats.Yearly, ByMonth: []formats.RuleMonth{{Number: 2}}, ByMonthDay: []int{28, 29}, BySetPos: []int{-1},
					Until: at(berlin, "2030-03-01 00:00"),
				},
				Except: []formats.Moment{at(berlin, "2025-02-28 00:00")},
			},
			Overrides: []*formats.Event{
				{Start: at(berlin, "2027-02-28 10:00"), RecurrenceID: at(berlin, "2027-02-28 00:00")},
				{Start: at(berlin, "2026-02-28 10:00"), RecurrenceID: formats.Date(2026, 2, 28)},
			},
		}),
	)
	golden(t, "utc.ics", ical.Options{UTC: true},
		item(&formats.Event{Details: details("flight"), Start: at(berlin, "2026-03-29 20:00"), End: at(tokyo, "2026-03-30 15:00")}))
}

// What says nothing has no line, and an empty file is one: servers refuse lines without a value.
func TestEmpty(t *testing.T) {
	ev := &formats.Event{Details: formats.Details{
		UID: "1", Text: text(""), HTML: text(""), Contacts: []string{"", "\x01"}, Companies: []string{" "},
		Extra:       []formats.Property{{Name: "X-A"}, {Name: "X-B", Value: " "}},
		Attachments: []*formats.Part{{Name: "empty.txt", Content: text("")}},
	}, Start: formats.Date(2026, 1, 1)}
	it := item(ev)
	it.Keywords = []string{"", " "}
	var b strings.Builder
	if err := ical.NewEncoder(ical.Options{}).Encode(&b, it); err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(b.String(), "\r\n"), "\r\n") {
		if _, value, _ := strings.Cut(line, ":"); strings.TrimSpace(value) == "" {
			t.Errorf("%q says nothing", line)
		}
	}
	if !strings.Contains(b.String(), "ATTACH;X-FILENAME=empty.txt:data:,\r\n") {
		t.Error(b.String())
	}
}

// What takes no time takes a second where that is wanted, in any form but a date.
func TestTakeTime(t *testing.T) {
	at := time.Date(2026, 3, 29, 20, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		start formats.Moment
		want  string
	}{
		{formats.Instant(at), "DTEND:20260329T200001Z\r\n"},
		{formats.Floating(at), "DTEND:20260329T200001\r\n"},
		{formats.Date(2026, 3, 29), ""},
	} {
		var b strings.Builder
		ev := item(&formats.Event{Details: formats.Details{UID: "1"}, Start: tt.start, End: tt.start})
		if err := ical.NewEncoder(ical.Options{TakeTime: true}).Encode(&b, ev); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); strings.Contains(got, "DTEND") != (tt.want != "") || !strings.Contains(got, tt.want) {
			t.Error(got)
		}
	}
}

// A zone is written once; one of the same name with other rules has a name of its own.
func TestZones(t *testing.T) {
	custom := func(after int) *formats.Zone {
		return &formats.Zone{ID: `(UTC+01:00) "Mine", or yours`, Name: "Mine", Onsets: []formats.Onset{
			{Start: time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), Before: after, After: after},
		}}
	}
	var items []*formats.Item
	for i, z := range []*formats.Zone{custom(3600), custom(3600), custom(-12600), custom(3661), {}} {
		items = append(items, item(&formats.Event{Details: formats.Details{UID: string(rune('a' + i))}, Start: at(z, "2026-03-29 20:00")}))
	}
	golden(t, "zones.ics", ical.Options{}, items...)
}

func TestTasks(t *testing.T) {
	task := func(uid string, task formats.Task) *formats.Item {
		task.UID, task.Summary = uid, uid
		return &formats.Item{Entry: formats.Entry{Kind: formats.KindTask}, Task: &task, Modified: modified, Keywords: []string{"A"}}
	}
	mon := formats.Date(2026, 3, 16)
	items := []*formats.Item{
		task("plain", formats.Task{Due: mon, Percent: 140, Status: formats.TaskInProgress}),
		task("done", formats.Task{Start: mon, Due: mon, Completed: modified, Status: formats.TaskComplete}),
		task("waiting", formats.Task{Start: formats.Date(2026, 3, 18), Due: mon, Status: formats.TaskWaiting}),
		task("recurring", formats.Task{Due: mon, Series: &formats.Series{Rule: &formats.Recurrence{Frequency: formats.Monthly, ByDay: []formats.WeekdayNum{{Day: time.Monday, N: -1}}, Until: formats.Date(2026, 12, 31)}}}),
		task("again", formats.Task{Due: mon, Regenerate: &formats.Recurrence{Frequency: formats.Weekly, Interval: 2}}),
		task("given", formats.Task{
			Start: mon, Due: at(zone(t, "UTC"), "2026-03-17 12:00"), ActualEffort: 90 * time.Minute, EstimatedEffort: 48 * time.Hour,
			Owner: &formats.Address{Name: "Jane", SMTP: "jane@example.org"}, Assigner: &formats.Address{Name: "Joe", SMTP: "joe@example.org"}, Accepted: formats.Accepted,
			Alarms: []formats.Alarm{{At: modified}},
		}),
	}
	golden(t, "tasks.ics", ical.Options{}, items...)
	golden(t, "tasks-strict.ics", ical.Options{StrictDue: true, TaskScheduling: true}, items[1], items[5])
}

func TestJournals(t *testing.T) {
	items := []*formats.Item{
		{Note: &formats.Note{Details: formats.Details{UID: "note", Summary: "Milk", Text: text("Milk\nBread\n"), Color: "lightyellow", Priority: 5}}, Modified: modified},
		{Keywords: []string{"Work"}, Journal: &formats.Journal{
			Details: formats.Details{UID: "call", Summary: "Jane", Companies: []string{"A, B & Co", ""}}, Activity: "Phone call",
			Start: formats.Instant(modified), End: formats.Instant(modified.Add(time.Hour)), Duration: 90 * time.Second,
		}},
		{Journal: &formats.Journal{Details: formats.Details{UID: "some time"}}},
	}
	golden(t, "journals.ics", ical.Options{}, items...)
	golden(t, "journals-as-events.ics", ical.Options{JournalAsEvents: true}, items...)
}

func TestRule(t *testing.T) {
	utc := zone(t, "UTC")
	berlin := zone(t, "Europe/Berlin")
	start := at(berlin, "2026-07-01 09:00")
	for _, tt := range []struct {
		r     formats.Recurrence
		start formats.Moment
		want  string
	}{
		{formats.Recurrence{}, start, ""},
		{formats.Recurrence{Frequency: formats.Daily, Interval: 1}, start, "FREQ=DAILY"},
		{formats.Recurrence{Frequency: formats.Daily, Interval: 3, Count: 4, Until: start}, start, "FREQ=DAILY;INTERVAL=3;COUNT=4"},
		{formats.Recurrence{Frequency: formats.Daily, Until: at(berlin, "2026-12-01 09:00")}, start, "FREQ=DAILY;UNTIL=20261201T080000Z"},
		{formats.Recurrence{Frequency: formats.Daily, Until: formats.Date(2026, 8, 1)}, start, "FREQ=DAILY;UNTIL=20260801T070000Z"},
		{formats.Recurrence{Frequency: formats.Daily, Until: formats.Floating(at(utc, "2026-08-01 09:00").Clock)}, start, "FREQ=DAILY;UNTIL=20260801T070000Z"},
		{formats.Recurrence{Frequency: formats.Daily, Until: start}, formats.Date(2026, 7, 1), "FREQ=DAILY;UNTIL=20260701"},
		{formats.Recurrence{Frequency: formats.Daily, Until: start}, formats.Floating(start.Clock), "FREQ=DAILY;UNTIL=20260701T090000"},
		{formats.Recurrence{Frequency: formats.Weekly, ByDay: []formats.WeekdayNum{{Day: time.Tuesday, N: 2}, {Day: 9}}, BySetPos: []int{0}}, start, "FREQ=WEEKLY;BYDAY=TU;WKST=SU"},
		{formats.Recurrence{Frequency: formats.Monthly, ByMonthDay: []int{28, 29, 30, 0, 40, -1}, BySetPos: []int{-1}}, start, "FREQ=MONTHLY;BYMONTHDAY=28,29,30,-1;BYSETPOS=-1"},
		{formats.Recurrence{Frequency: formats.Monthly, ByDay: []formats.WeekdayNum{{Day: time.Friday, N: -1}}}, start, "FREQ=MONTHLY;BYDAY=-1FR"},
		{formats.Recurrence{Frequency: formats.Yearly, ByMonth: []formats.RuleMonth{{Number: 13}, {Number: 5, Leap: true}}, BySetPos: []int{2}}, start, "FREQ=YEARLY;BYMONTH=5;BYSETPOS=2"},
		{
			formats.Recurrence{Frequency: formats.Yearly, Scale: "hebrew;X", Skip: formats.SkipForward, ByMonth: []formats.RuleMonth{{Number: 5, Leap: true}}, ByMonthDay: []int{8}},
			start, "RSCALE=HEBREWX;FREQ=YEARLY;BYMONTH=5L;BYMONTHDAY=8;SKIP=FORWARD",
		},
	} {
		if got := ical.Rule(&tt.r, tt.start); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}

// Occurrences by another calendar are written one by one, unless the rule itself is wanted.
func TestOtherCalendars(t *testing.T) {
	ev := &formats.Event{Details: formats.Details{UID: "1"}, Start: formats.Date(2026, 4, 2), Series: &formats.Series{
		Rule:   &formats.Recurrence{Frequency: formats.Yearly, Scale: "HEBREW", ByMonth: []formats.RuleMonth{{Number: 8}}, ByMonthDay: []int{15}},
		Also:   []formats.Moment{formats.Date(2027, 4, 22), formats.Date(2028, 4, 11)},
		Except: []formats.Moment{formats.Date(2028, 4, 11)},
		Exchange: &formats.ExchangeRule{Calendar: "Hebrew", Rule: formats.Recurrence{
			Frequency: formats.Yearly, ByMonth: []formats.RuleMonth{{Number: 8}}, ByMonthDay: []int{15},
		}},
	}}
	golden(t, "dates.ics", ical.Options{}, item(ev))
	golden(t, "rscale.ics", ical.Options{RSCALE: true}, item(ev))
}

func TestInvalid(t *testing.T) {
	start := formats.Date(2026, 1, 1)
	for _, it := range []*formats.Item{
		{Mail: new(formats.Mail)},
		item(&formats.Event{}),
		item(&formats.Event{Start: formats.Date(12026, 1, 1)}),
		item(&formats.Event{Start: start, Overrides: []*formats.Event{{Start: start}}}),
		item(&formats.Event{Start: start, Series: &formats.Series{Rule: new(formats.Recurrence)}}),
		{Task: &formats.Task{Series: &formats.Series{Rule: &formats.Recurrence{Frequency: formats.Daily}}}},
	} {
		enc := ical.NewEncoder(ical.Options{})
		var b strings.Builder
		enc.Begin(&b)
		err := enc.Item(it)
		if _, ok := errors.AsType[*ical.InvalidError](err); !ok {
			t.Errorf("%v", err)
		}
		if err := enc.End(); err != nil || strings.Count(b.String(), "BEGIN") != 1 {
			t.Errorf("%s, %v", b.String(), err)
		}
	}
}

type broken struct{ before string }

func (b broken) Open() (io.ReadCloser, error) {
	checksum := errors.New("block 0x4 has a wrong checksum")
	if b.before == "" {
		return nil, checksum
	}
	return io.NopCloser(io.MultiReader(strings.NewReader(b.before), iotest.ErrReader(checksum))), nil
}

// What cannot be read is said in the calendar, and the rest is whole.
func TestDamage(t *testing.T) {
	ev := &formats.Event{Details: formats.Details{UID: "1", Text: broken{"half"}, HTML: broken{}}, Start: formats.Date(2026, 1, 1)}
	ev.Attachments = []*formats.Part{{Name: "a", Content: broken{}}, {Name: "b", Content: broken{"half"}}, {Name: "c", Content: text("whole")}}
	var b strings.Builder
	err := ical.NewEncoder(ical.Options{}).Encode(&b, item(ev), item(&formats.Event{Details: formats.Details{UID: "2"}, Start: formats.Date(2026, 1, 1)}))
	missing, ok := errors.AsType[*ical.ContentError](err)
	if !ok || len(missing.Damage) != 4 {
		t.Fatalf("%v", err)
	}
	unfolded := strings.ReplaceAll(b.String(), "\r\n ", "")
	for _, want := range []string{
		"DESCRIPTION:half\r\nCOMMENT:Not complete: description: block 0x4 has a wrong checksum\r\n",
		"COMMENT:Not complete: attachment \"a\": block 0x4", "X-FILENAME=b;ENCODING=BASE64;VALUE=BINARY:aGFsZg==\r\nCOMMENT:",
		":d2hvbGU=\r\n", "UID:2\r\n", "END:VCALENDAR\r\n",
	} {
		if !strings.Contains(unfolded, want) {
			t.Errorf("no %q in\n%s", want, unfolded)
		}
	}
	checkReaders(t, b.String())
}

func TestWriterErrors(t *testing.T) {
	full := errors.New("disk full")
	enc := ical.NewEncoder(ical.Options{})
	if err := enc.Encode(writerFunc(func([]byte) (int, error) { return 0, full }), meeting(t)); !errors.Is(err, full) {
		t.Errorf("%v", err)
	}
	// The next calendar knows nothing of it.
	var b strings.Builder
	if err := enc.Encode(&b, meeting(t)); err != nil || strings.Count(b.String(), "BEGIN:VTIMEZONE") != 1 {
		t.Errorf("%v\n%s", err, b.String())
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestBeside(t *testing.T) {
	ev := &formats.Event{Details: formats.Details{UID: "1"}, Start: formats.Date(2026, 1, 1)}
	ev.Attachments = []*formats.Part{{Name: "a", Content: broken{}}, {Name: "b", Content: text("b")}}
	var b strings.Builder
	err := ical.NewEncoder(ical.Options{Beside: func(p *formats.Part) string {
		if p.Name == "a" {
			return "files/a b"
		}
		return ""
	}}).Encode(&b, item(ev))
	if err != nil || !strings.Contains(b.String(), "ATTACH;X-FILENAME=a:files/a%20b\r\n") || !strings.Contains(b.String(), ":Yg==\r\n") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func BenchmarkEncode(b *testing.B) {
	it := meeting(b)
	enc := ical.NewEncoder(ical.Options{})
	enc.Begin(io.Discard)
	b.ReportAllocs()
	for b.Loop() {
		if err := enc.Item(it); err != nil {
			b.Fatal(err)
		}
	}
}
