package ical_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/itemtest"
)

type fataler interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// read reads a file as an archive of calendars does, occurrences of a series with it.
func read(t fataler, file string, o ical.ReadOptions) []*formats.Item {
	t.Helper()
	type entry struct {
		main   ical.Object
		others []ical.Object
	}
	var all []ical.Object
	calendars, _, err := ical.Scan(strings.NewReader(file), func(o ical.Object) error {
		all = append(all, o)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	zones := make(map[int]*ical.Zones)
	component := func(o ical.Object) ical.Component {
		c := ical.Component{Text: []byte(file[o.Offset:o.End])}
		if o.Calendar >= 0 {
			c.Calendar = &calendars[o.Calendar]
		}
		if zones[o.Calendar] == nil {
			zones[o.Calendar] = new(ical.Zones)
		}
		c.Zones = zones[o.Calendar]
		return c
	}
	var entries []*entry
	series := make(map[string]*entry)
	for _, c := range all {
		key := c.Name + "\x00" + c.UID
		switch {
		case c.Name == "VTIMEZONE":
			component(c).Zones.Add([]byte(file[c.Offset:c.End]), o)
		case c.Occurrence && series[key] != nil:
			series[key].others = append(series[key].others, c)
		case c.Kind != formats.KindOther:
			e := &entry{main: c}
			entries = append(entries, e)
			if !c.Occurrence {
				series[key] = e
			}
		}
	}
	var items []*formats.Item
	for _, e := range entries {
		var others []ical.Component
		for _, c := range e.others {
			others = append(others, component(c))
		}
		it, err := ical.Read(component(e.main), others, o)
		if err != nil {
			t.Fatalf("%s: %v", e.main, err)
		}
		items = append(items, it)
	}
	return items
}

func encode(t fataler, opts ical.Options, items ...*formats.Item) string {
	t.Helper()
	var b bytes.Buffer
	if err := ical.NewEncoder(opts).Encode(&b, items...); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What was written is read as what it was, and written again is the same to the byte.
func TestReadBack(t *testing.T) {
	for name, opts := range map[string]ical.Options{
		"files":   {Name: "Work, play", Color: "navy"},
		"servers": {ScheduleAgent: "CLIENT", TaskScheduling: true},
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				items := rapid.SliceOfN(rapid.OneOf(itemtest.Event(), itemtest.Event(), itemtest.Task(), itemtest.Journal(), itemtest.Note()), 1, 4).Draw(t, "items")
				uids := make(map[string]bool)
				for _, it := range items {
					if uid := it.Identity; uids[uid] {
						t.Skip("one UID twice")
					} else {
						uids[uid] = true
					}
				}
				want := encode(t, opts, items...)
				again := read(t, want, ical.ReadOptions{})
				if len(again) != len(items) {
					t.Fatalf("%d items, want %d", len(again), len(items))
				}
				for i, it := range items {
					sameItem(t, again[i], it)
				}
				if got := encode(t, opts, again...); got != want {
					t.Fatalf("written again:\n%s\nwas:\n%s", got, want)
				}
			})
		})
	}
}

func sameItem(t *rapid.T, got, want *formats.Item) {
	t.Helper()
	if got.Kind != want.Kind || len(got.Damage) > 0 {
		t.Fatalf("%s is a %s, %v", want.Kind, got.Kind, got.Damage)
	}
	if !slices.Equal(got.Keywords, want.Keywords) {
		t.Fatalf("keywords %q, want %q", got.Keywords, want.Keywords)
	}
	switch {
	case want.Event != nil:
		if got.Event.Identity() != want.Event.Identity() {
			t.Fatalf("%q is %q", want.Event.Identity(), got.Event.Identity())
		}
		sameEvent(t, got.Event, want.Event)
		for i, o := range slices.SortedStableFunc(slices.Values(want.Event.Overrides), func(a, b *formats.Event) int {
			return a.RecurrenceID.Time(nil).Compare(b.RecurrenceID.Time(nil))
		}) {
			sameEvent(t, got.Event.Overrides[i], o)
		}
	case want.Task != nil:
		if got.Task.UID != want.Task.UID || got.Task.Status != want.Task.Status || got.Task.Due.String() != want.Task.Due.String() {
			t.Fatalf("%+v, want %+v", got.Task, want.Task)
		}
	case want.Journal != nil:
		if got.Journal.UID != want.Journal.UID || got.Journal.Activity != want.Journal.Activity || got.Journal.Duration != want.Journal.Duration {
			t.Fatalf("%+v, want %+v", got.Journal, want.Journal)
		}
	case want.Note != nil:
		if got.Note.UID != want.Note.UID || got.Note.Summary != want.Note.Summary {
			t.Fatalf("%+v, want %+v", got.Note, want.Note)
		}
	}
}

func sameEvent(t *rapid.T, got, want *formats.Event) {
	t.Helper()
	if !got.Start.Time(nil).Equal(want.Start.Time(nil)) || got.Start.Form != want.Start.Form {
		t.Fatalf("starts at %s, want %s", got.Start, want.Start)
	}
	if got.Summary != want.Summary || got.Location != want.Location || got.Class != want.Class || len(got.Alarms) != len(want.Alarms) {
		t.Fatalf("%+v, want %+v", got, want)
	}
	if (got.Meeting == nil) != (want.Meeting == nil) {
		t.Fatalf("meeting %v, want %v", got.Meeting, want.Meeting)
	}
	if m := want.Meeting; m != nil {
		for i, a := range m.Attendees {
			if b := got.Meeting.Attendees[i]; a.Address.Spec() != b.Address.Spec() || a.Role != b.Role || a.Status != b.Status {
				t.Fatalf("attendee %+v, want %+v", b.Address, a.Address)
			}
		}
	}
	if (got.Series == nil) != (want.Series == nil) {
		t.Fatalf("series %v, want %v", got.Series, want.Series)
	}
}

// Whoever is resolved after the reading has the address in what is written.
func TestPeopleAreResolved(t *testing.T) {
	file := "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\nDTSTART:20260101T100000Z\n" +
		"ORGANIZER;CN=Boss;SENT-BY=\"mailto:IMCEAEX-_o=Org_cn=sec@example.org\":mailto:boss@example.org\n" +
		"ATTENDEE;CN=\"Doe, J\";X-EX-ADDRESS=/o=Org/cn=doe;PARTSTAT=ACCEPTED:invalid:nomail\nATTENDEE;CN=Other:MAILTO:Other@example.org\n" +
		"BEGIN:VALARM\nACTION:EMAIL\nTRIGGER:-PT5M\nATTENDEE:mailto:/o=Org/cn=alarm\nEND:VALARM\nEND:VEVENT\nEND:VCALENDAR\n"
	it := read(t, file, ical.ReadOptions{})[0]
	var people []string
	it.Participants(func(a *formats.Address) {
		people = append(people, a.Stored)
		if a.SMTP == "" {
			a.SMTP, a.Via = "found@example.org", formats.ViaLearnt
		}
	})
	if got := strings.Join(people, " "); got != "boss@example.org IMCEAEX-_o=Org_cn=sec@example.org /o=Org/cn=doe Other@example.org /o=Org/cn=alarm" {
		t.Errorf("the people are %s", got)
	}
	got := unfold(encode(t, ical.Options{}, it))
	for _, want := range []string{
		"\r\nORGANIZER;CN=Boss;SENT-BY=\"mailto:found@example.org\":mailto:boss@example.org\r\n",
		"\r\nATTENDEE;CN=\"Doe, J\";PARTSTAT=ACCEPTED:mailto:found@example.org\r\n",
		"\r\nATTENDEE;CN=Other:MAILTO:Other@example.org\r\n",
		"\r\nATTENDEE:mailto:found@example.org\r\nEND:VALARM\r\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}

func unfold(s string) string { return strings.ReplaceAll(s, "\r\n ", "") }

// Files that are not as they should be become calendars that are.
func TestLenient(t *testing.T) {
	const head = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//mailmill//mailmill//EN\r\nCALSCALE:GREGORIAN\r\n"
	for _, test := range []struct{ name, file, want string }{
		{"lower case, BOM, LF, no END", "\uFEFFbegin:vcalendar\nversion:2.0\nbegin:vevent\nuid:1\ndtstamp:20260101T000000Z\ndtstart:20260101\nsummary:a\n",
			"BEGIN:VEVENT\r\nuid:1\r\ndtstamp:20260101T000000Z\r\ndtstart:20260101\r\nsummary:a\r\nEND:VEVENT\r\n"},
		{"an END missing between two", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\nDTSTART:20260101T000000Z\nBEGIN:VALARM\nACTION:DISPLAY\nBEGIN:VEVENT\nUID:2\nDTSTAMP:20260101T000000Z\nDTSTART:20260102T000000Z\nEND:VEVENT\nEND:VCALENDAR",
			"BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nEND:VALARM\r\nEND:VEVENT\r\n" +
				"BEGIN:VEVENT\r\nUID:2\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260102T000000Z\r\nEND:VEVENT\r\n"},
		{"neither UID nor stamp", "BEGIN:VEVENT\nDTSTART:20260101T000000Z\nSUMMARY:a\nEND:VEVENT\n",
			"BEGIN:VEVENT\r\nUID:UID\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nSUMMARY:a\r\nEND:VEVENT\r\n"},
		{"Latin 1, long lines, lines that go on without a blank", "BEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\nDTSTART:20260101T000000Z\nDESCRIPTION:Gr\xfc\xdfe\n\nund mehr, viel mehr\nSUMMARY:" + strings.Repeat("\u00e4", 40) + "\nX_FOO:1\nEND:VEVENT\n",
			"BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nDESCRIPTION:Gr\u00fc\u00dfe\\nund mehr\\, viel mehr\r\nSUMMARY:" + strings.Repeat("\u00e4", 33) + "\r\n " + strings.Repeat("\u00e4", 7) + "\r\nX-FOO:1\r\nEND:VEVENT\r\n"},
		{"no colon after the BEGIN", "BEGIN:VEVENT\nwhatever\nUID:1\nDTSTAMP:20260101T000000Z\nDTSTART:20260101T000000Z\nEND:VEVENT\n",
			"BEGIN:VEVENT\r\nX-PST-STRAY:whatever\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nEND:VEVENT\r\n"},
		{"a message", "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\nDTSTART:20260101T000000Z\nEND:VEVENT\nEND:VCALENDAR\n",
			"BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nX-PST-METHOD:REQUEST\r\nEND:VEVENT\r\n"},
		{"quoted-printable in 2.0", "BEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\nDTSTART:20260101T000000Z\nDESCRIPTION;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Gr=C3=BC=\n=C3=9Fe=0D=0AEnde\nEND:VEVENT\n",
			"BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nDESCRIPTION:Gr\u00fc\u00dfe\\nEnde\r\nEND:VEVENT\r\n"},
	} {
		items := read(t, test.file, ical.ReadOptions{})
		got := encode(t, ical.Options{}, items...)
		want := head + test.want + "END:VCALENDAR\r\n"
		if len(items) > 0 && strings.Contains(want, "UID:UID\r\n") {
			want = strings.Replace(want, "UID:UID", "UID:"+items[0].Event.UID, 1)
		}
		if got != want {
			t.Errorf("%s:\n%q\nwant\n%q", test.name, got, want)
		}
	}
}

// Rules of vCalendar 1.0 and what RFC 5545 has for them.
func TestOldCalendars(t *testing.T) {
	for old, want := range map[string]string{
		"D1 #10": "FREQ=DAILY;COUNT=10", "D2 #0": "FREQ=DAILY;INTERVAL=2", "D1 19961224T000000Z": "FREQ=DAILY;UNTIL=19961224T000000Z",
		"W1 #4": "FREQ=WEEKLY;COUNT=4", "W2 MO TU #0": "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU",
		"MP1 1+ SU #3": "FREQ=MONTHLY;BYDAY=1SU;COUNT=3", "MP6 1- FR 2+ MO #0": "FREQ=MONTHLY;INTERVAL=6;BYDAY=-1FR,2MO",
		"MD1 1 15 1- #5": "FREQ=MONTHLY;BYMONTHDAY=1,15,-1;COUNT=5", "MD2 #0": "FREQ=MONTHLY;INTERVAL=2",
		"YM1 6 7 #8": "FREQ=YEARLY;BYMONTH=6,7;COUNT=8", "YD1 1 100 #0": "FREQ=YEARLY;BYYEARDAY=1,100", "YM1 #0": "FREQ=YEARLY",
		"D1": "FREQ=DAILY;COUNT=2", "D1 0900 1700 #0": "FREQ=DAILY;BYHOUR=9,17;BYMINUTE=0",
	} {
		file := "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:19960401T033000Z\r\nRRULE:" + old + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
		got := encode(t, ical.Options{}, read(t, file, ical.ReadOptions{})...)
		if !strings.Contains(got, "\r\nRRULE:"+want+"\r\n") {
			t.Errorf("%s is not %s in\n%s", old, want, got)
		}
	}
	const file = "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nPRODID:Nokia\r\nTZ:+01\r\nDAYLIGHT:TRUE;+02;20090329T020000;20091025T030000;;\r\nBEGIN:VEVENT\r\nUID:x\r\n" +
		"SUMMARY;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Caf=C3=A9;=20=\r\nneu\r\nDTSTART:20090701T090000\r\nDTEND:20090701T100000\r\nCATEGORIES:MEETING;WORK\r\n" +
		"AALARM;TYPE=WAVE;VALUE=URL:20090701T085000;PT5M;2;file:///a.wav\r\nDALARM:20090701T084500;;;Los\r\nDCREATED:20090601T120000Z\r\nTRANSP:0\r\nSTATUS:NEEDS ACTION\r\n" +
		"ATTENDEE;ROLE=ORGANIZER;STATUS=CONFIRMED:Anna <anna@example.org>\r\nATTENDEE;RSVP=YES;EXPECT=REQUIRE;STATUS=NEEDS ACTION:bert@example.org\r\n" +
		"EXDATE:20090702T090000;20090703T090000\r\nRRULE:D1 W1 MO #3\r\nX-NOKIA;CHARSET=ISO-8859-1:\xfc\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	it := read(t, file, ical.ReadOptions{})[0]
	if want := time.Date(2009, 7, 1, 7, 0, 0, 0, time.UTC); !it.Event.Start.Time(nil).Equal(want) {
		t.Errorf("it starts at %s", it.Event.Start)
	}
	got := unfold(encode(t, ical.Options{}, it))
	checkReaders(t, encode(t, ical.Options{}, it))
	zone := it.Event.Start.Zone.ID
	for _, want := range []string{
		"SUMMARY:Café\\; neu", "DTSTART;TZID=" + zone + ":20090701T090000", "CATEGORIES:MEETING,WORK", "CREATED:20090601T120000Z", "TRANSP:OPAQUE",
		"X-PST-STATUS:NEEDS ACTION", "ORGANIZER;CN=Anna:mailto:anna@example.org", "ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bert@example.org",
		"EXDATE;TZID=" + zone + ":20090702T090000,20090703T090000", "X-PST-RRULE:D1 W1 MO #3", "X-NOKIA:ü",
		"BEGIN:VALARM\r\nACTION:AUDIO\r\nTRIGGER;VALUE=DATE-TIME:20090701T065000Z\r\nDURATION:PT5M\r\nREPEAT:2\r\nATTACH;VALUE=URI:file:///a.wav\r\nEND:VALARM",
		"BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER;VALUE=DATE-TIME:20090701T064500Z\r\nDESCRIPTION:Los\r\nEND:VALARM\r\nEND:VEVENT", "TZID:Europe/",
	} {
		if !strings.Contains(got, "\r\n"+want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
}
