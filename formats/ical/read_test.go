package ical_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

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
		case c.Kind != formats.KindOther && c.Name != "VCARD":
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
		{
			"lower case, BOM, LF, no END", "\uFEFFbegin:vcalendar\nversion:2.0\nbegin:vevent\nuid:1\ndtstamp:20260101T000000Z\ndtstart:20260101\nsummary:a\n",
			"BEGIN:VEVENT\r\nuid:1\r\ndtstamp:20260101T000000Z\r\ndtstart:20260101\r\nsummary:a\r\nEND:VEVENT\r\n",
		},
		{
			"an END missing between two", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\nDTSTART:20260101T000000Z\nBEGIN:VALARM\nACTION:DISPLAY\nBEGIN:VEVENT\nUID:2\nDTSTAMP:20260101T000000Z\nDTSTART:20260102T000000Z\nEND:VEVENT\nEND:VCALENDAR",
			"BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nEND:VALARM\r\nEND:VEVENT\r\n" +
				"BEGIN:VEVENT\r\nUID:2\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260102T000000Z\r\nEND:VEVENT\r\n",
		},
		{
			"neither UID nor stamp", "BEGIN:VEVENT\nDTSTART:20260101T000000Z\nSUMMARY:a\nEND:VEVENT\n",
			"BEGIN:VEVENT\r\nUID:UID\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nSUMMARY:a\r\nEND:VEVENT\r\n",
		},
		{
			"Latin 1, long lines, lines that go on without a blank", "BEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\nDTSTART:20260101T000000Z\nDESCRIPTION:Gr\xfc\xdfe\n\nund mehr, viel mehr\nSUMMARY:" + strings.Repeat("\u00e4", 40) + "\nX_FOO:1\nEND:VEVENT\n",
			"BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nDESCRIPTION:Gr\u00fc\u00dfe\\nund mehr\\, viel mehr\r\nSUMMARY:" + strings.Repeat("\u00e4", 33) + "\r\n " + strings.Repeat("\u00e4", 7) + "\r\nX-FOO:1\r\nEND:VEVENT\r\n",
		},
		{
			"no colon after the BEGIN", "BEGIN:VEVENT\nwhatever\nUID:1\nDTSTAMP:20260101T000000Z\nDTSTART:20260101T000000Z\nEND:VEVENT\n",
			"BEGIN:VEVENT\r\nX-PST-STRAY:whatever\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nEND:VEVENT\r\n",
		},
		{
			"no colon after a time", "BEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\nDTSTART:20260101T000000Z\nwhatever\nand more\nEND:VEVENT\n",
			"BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nX-PST-STRAY:whatever\\nand more\r\nEND:VEVENT\r\n",
		},
		{
			"names without the quotation marks they need, and with others",
			"BEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\nDTSTART:20260101T000000Z\nATTENDEE;CN=Doe, Jane;ROLE=CHAIR:mailto:jane@example.org\nATTENDEE;CN=\"Bob \"B\"\":mailto:bob@example.org\nEND:VEVENT\n",
			"BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nATTENDEE;CN=\"Doe, Jane\";ROLE=CHAIR:mailto:jane@example.org\r\nATTENDEE;CN=^'Bob ^'B^'^':mailto:bob@example.org\r\nEND:VEVENT\r\n",
		},
		{
			"a message", "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\nDTSTART:20260101T000000Z\nEND:VEVENT\nEND:VCALENDAR\n",
			"BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nX-PST-METHOD:REQUEST\r\nEND:VEVENT\r\n",
		},
		{
			"quoted-printable in 2.0", "BEGIN:VEVENT\nUID:1\nDTSTAMP:20260101T000000Z\nDTSTART:20260101T000000Z\nDESCRIPTION;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:Gr=C3=BC=\n=C3=9Fe=0D=0AEnde\nEND:VEVENT\n",
			"BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nDESCRIPTION:Gr\u00fc\u00dfe\\nEnde\r\nEND:VEVENT\r\n",
		},
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
		for _, it := range items {
			if len(it.Damage) > 0 {
				t.Errorf("%s: %v", test.name, it.Damage)
			}
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

// What the options ask for happens to items that were read too.
func TestOptionsOfRead(t *testing.T) {
	const file = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:Berlin\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n" +
		"BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Berlin:20260101T100000\r\nORGANIZER:mailto:a@example.org\r\nATTENDEE;CN=B:mailto:b@example.org\r\nX-ALT-DESC;FMTTYPE=text/html:<b>\r\n" +
		"ATTACH;FMTTYPE=text/plain;X-FILENAME=a.txt;ENCODING=BASE64;VALUE=BINARY:QUJD\r\nATTACH:http://example.org/b\r\nLOCATION:\r\nX-ZONE;TZID=Berlin:1\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT5M\r\nX-A:1\r\nEND:VALARM\r\nEND:VEVENT\r\n" +
		"BEGIN:VTODO\r\nUID:2\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20260101\r\nDUE;VALUE=DATE:20260101\r\nEND:VTODO\r\n" +
		"BEGIN:VJOURNAL\r\nUID:3\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20260101\r\nSTATUS:FINAL\r\nEND:VJOURNAL\r\nEND:VCALENDAR\r\n"
	for _, test := range []struct {
		name         string
		opts         ical.Options
		want, absent []string
	}{
		{"nothing", ical.Options{}, []string{file[strings.Index(file, "BEGIN:VEVENT"):]}, nil},
		{"no HTML, alarms, attachments", ical.Options{NoHTML: true, NoAlarms: true, NoAttachments: true}, []string{"X-ZONE"}, []string{"X-ALT-DESC", "VALARM", "X-A:", "ATTACH"}},
		{"scheduling", ical.Options{ScheduleAgent: "CLIENT"}, []string{"ORGANIZER;SCHEDULE-AGENT=CLIENT:mailto:a@example.org\r\nATTENDEE;CN=B;SCHEDULE-AGENT=CLIENT:mailto:b@example.org"}, nil},
		{"UTC", ical.Options{UTC: true}, []string{"DTSTART:20260101T090000Z"}, []string{"DTSTART;TZID"}},
		{"some time", ical.Options{TakeTime: true}, []string{"DTEND;TZID=Berlin:20260101T100001"}, []string{"LOCATION"}},
		{"tasks due at once", ical.Options{StrictDue: true}, []string{"X-PST-START;VALUE=DATE:20260101\r\nDUE;VALUE=DATE:20260101"}, nil},
		{"entries as events", ical.Options{JournalAsEvents: true}, []string{"BEGIN:VEVENT\r\nUID:3\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20260101\r\nSTATUS:CONFIRMED\r\nTRANSP:TRANSPARENT\r\nEND:VEVENT"}, []string{"VJOURNAL"}},
		{"files beside", ical.Options{Beside: func(p *formats.Part) string { return "beside/" + p.Name }}, []string{"ATTACH;FMTTYPE=text/plain;X-FILENAME=a.txt:beside/a.txt\r\nATTACH:http://example.org/b"}, []string{"QUJD"}},
	} {
		items := read(t, file, ical.ReadOptions{})
		got := unfold(encode(t, test.opts, items...))
		checkReaders(t, encode(t, test.opts, items...))
		for _, s := range test.want {
			if !strings.Contains(got, s) {
				t.Errorf("%s: there is no %q in\n%s", test.name, s, got)
			}
		}
		for _, s := range test.absent {
			if strings.Contains(got, s) {
				t.Errorf("%s: there is %q in\n%s", test.name, s, got)
			}
		}
	}
	items := read(t, file, ical.ReadOptions{})
	// Nobody takes part for a server that could not be kept from sending mail.
	alone := *items[0].Event
	alone.Meeting = nil
	if got := encode(t, ical.Options{}, &formats.Item{Event: &alone}); !strings.Contains(got, "\r\nX-PST-ORGANIZER:mailto:a@example.org\r\nX-PST-ATTENDEE;CN=B:mailto:b@example.org\r\n") {
		t.Error(got)
	}
	// So it is with a task, and else one of its days may have people that the others have not.
	const days = "BEGIN:VTODO\r\nUID:4\r\nDTSTAMP:20260101T000000Z\r\nDUE;VALUE=DATE:20260101\r\nRRULE:FREQ=DAILY;COUNT=3\r\nEND:VTODO\r\n" +
		"BEGIN:VTODO\r\nUID:4\r\nRECURRENCE-ID;VALUE=DATE:20260102\r\nDTSTAMP:20260101T000000Z\r\nDUE;VALUE=DATE:20260102\r\nATTENDEE;CN=B:mailto:b@example.org\r\nEND:VTODO\r\n"
	if got := encode(t, ical.Options{}, read(t, days, ical.ReadOptions{})...); !strings.Contains(got, days) {
		t.Error(got)
	}
	// A zone whose name another has gets its own, and everything that names it too.
	other := &formats.Zone{ID: "Berlin", Onsets: []formats.Onset{{Start: time.Unix(0, 0).UTC(), Before: 7200, After: 7200}}}
	first := &formats.Item{Event: &formats.Event{Details: formats.Details{UID: "0"}, Start: formats.Zoned(time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC), other)}}
	got := unfold(encode(t, ical.Options{}, first, items[0]))
	if strings.Count(got, "TZID:Berlin") != 2 || strings.Count(got, ";TZID=Berlin-") != 2 || strings.Count(got, ";TZID=Berlin:") != 1 {
		t.Error(got)
	}
	checkReaders(t, encode(t, ical.Options{}, first, items[0]))
}

// Servers refuse ends that do not go with their start, and lines without a value.
func TestEndsForServers(t *testing.T) {
	for _, test := range []struct{ lines, want string }{
		{"DTSTART;VALUE=DATE:20260101\r\nDTEND;VALUE=DATE:20260101", "DTSTART;VALUE=DATE:20260101"},
		{"DTSTART;VALUE=DATE:20260102\r\nDTEND;VALUE=DATE:20260101", "DTSTART;VALUE=DATE:20260102"},
		{"DTSTART;VALUE=DATE:20260101\r\nDURATION:PT1H", "DTSTART;VALUE=DATE:20260101"},
		{"DTSTART;VALUE=DATE:20260101\r\nDURATION:P2D", "DTSTART;VALUE=DATE:20260101\r\nDURATION:P2D"},
		{"DTSTART;VALUE=DATE:20260101\r\nDTEND:20260103T000000Z", "DTSTART;VALUE=DATE:20260101\r\nDTEND;VALUE=DATE:20260103"},
		{"DTSTART:20260101T100000Z\r\nDTEND;VALUE=DATE:20260102", "DTSTART:20260101T100000Z\r\nDTEND:20260102T000000Z"},
		{"DTSTART:20260101T100000Z\r\nDTEND:20260101T110000Z\r\nDURATION:PT1H", "DTSTART:20260101T100000Z\r\nDTEND:20260101T110000Z"},
		{"DTSTART:20260101T100000Z\r\nDTEND;X-A=b:20260101T110000Z", "DTSTART:20260101T100000Z\r\nDTEND;X-A=b:20260101T110000Z"},
		{`DTSTART;VALUE=DATE:20260101` + "\r\n" + `LOCATION:C:\Users\a\; b\n\\c http\://d\`, `DTSTART;VALUE=DATE:20260101` + "\r\n" + `LOCATION:C:\\Users\\a\; b\n\\c http://d\\`},
		{"DTSTART;VALUE=DATE:20260101\r\nATTENDEE;CN=B:", "DTSTART;VALUE=DATE:20260101\r\nATTENDEE;CN=B:invalid:nomail"},
	} {
		items := read(t, "BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n"+test.lines+"\r\nEND:VEVENT\r\n", ical.ReadOptions{})
		want := "\r\nDTSTAMP:20260101T000000Z\r\n" + test.want + "\r\nEND:VEVENT"
		if got := encode(t, ical.Options{TakeTime: true}, items...); !strings.Contains(got, want) {
			t.Errorf("%q became\n%s", test.lines, got)
		}
	}
	items := read(t, "BEGIN:VEVENT\r\nUID:\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:20260101\r\nEND:VEVENT\r\n", ical.ReadOptions{})
	if got := unfold(encode(t, ical.Options{TakeTime: true}, items...)); !strings.Contains(got, "\r\nUID:"+items[0].Event.UID+"\r\n") {
		t.Error(got)
	}
	items = read(t, "BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Europe/Berlin:20260101T100000\r\nDURATION:PT1H\r\nEND:VEVENT\r\n", ical.ReadOptions{})
	if got := encode(t, ical.Options{UTC: true}, items...); !strings.Contains(got, "\r\nDTSTART:20260101T090000Z\r\nDTEND:20260101T100000Z\r\nEND:VEVENT") {
		t.Error(got)
	}
}

// Whatever stands in a component is in what is written: every property with its parameters and value, in whatever
// component within it, in its order.
func TestNothingIsLost(t *testing.T) {
	name := rapid.StringMatching(`X-[A-Z0-9-]{1,12}`)
	plain := rapid.StringMatching(`[ !#-+\-./0-9<-~äöü€😀]{0,90}`)
	property := rapid.Custom(func(t *rapid.T) string {
		line := rapid.OneOf(name, rapid.SampledFrom([]string{"SUMMARY", "COMMENT", "CONTACT", "REQUEST-STATUS", "RELATED-TO", "IMAGE", "STRUCTURED-DATA", "GEO", "RESOURCES", "CATEGORIES", "ATTACH", "EXDATE"})).Draw(t, "name")
		for range rapid.IntRange(0, 3).Draw(t, "parameters") {
			line += ";" + name.Draw(t, "parameter") + "="
			v := plain.Draw(t, "value of it")
			line += `"` + strings.TrimSpace(v) + `"`
		}
		return line + ":" + rapid.StringMatching(`[ -~äöü€😀]{0,200}`).Draw(t, "value")
	})
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"VEVENT", "VTODO", "VJOURNAL"}).Draw(t, "component")
		var want []string
		add := func(s string) { want = append(want, s) }
		add("BEGIN:" + kind)
		add("UID:1")
		add("DTSTAMP:20260101T000000Z")
		add("DTSTART:20260101T000000Z")
		for range rapid.IntRange(0, 6).Draw(t, "properties") {
			add(property.Draw(t, "property"))
		}
		for range rapid.IntRange(0, 2).Draw(t, "components") {
			inner := rapid.SampledFrom([]string{"VALARM", "PARTICIPANT", "X-THING"}).Draw(t, "inner")
			add("BEGIN:" + inner)
			for range rapid.IntRange(0, 3).Draw(t, "inner properties") {
				add(property.Draw(t, "inner property"))
			}
			add("END:" + inner)
		}
		add("END:" + kind)
		end := rapid.SampledFrom([]string{"\r\n", "\n"}).Draw(t, "end")
		var file strings.Builder
		for _, line := range want {
			for fold := rapid.IntRange(20, 300).Draw(t, "fold"); len(line) > fold; {
				file.WriteString(line[:fold] + end + " ")
				line = line[fold:]
			}
			file.WriteString(line + end)
		}
		items := read(t, file.String(), ical.ReadOptions{})
		out := encode(t, ical.Options{}, items...)
		got := strings.Split(strings.TrimSuffix(unfold(out), "\r\n"), "\r\n")
		got = got[4 : len(got)-1]
		if !slices.Equal(got, want) {
			t.Fatalf("%q\nwant\n%q\nfrom\n%q", got, want, file.String())
		}
		for line := range strings.SplitSeq(out, "\r\n") {
			if len(line) > 75 || !utf8.ValidString(line) {
				t.Fatalf("a line of %d octets: %q", len(line), line)
			}
		}
	})
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{
		"BEGIN:VEVENT\nUID:1\nDTSTART;TZID=\"/a/Europe/Berlin\":20260101T000000\nRRULE:FREQ=DAILY;UNTIL=20260201\nEXDATE:20260102T000000,20260103\nDURATION:P1W\nBEGIN:VALARM\nTRIGGER;RELATED=END:PT5M\nEND:VEVENT\n",
		"BEGIN:VTODO\nDTSTART:2026-01-01T10:00\nDUE:20260102\nX-PST-REGENERATE:P2W\nX-MICROSOFT-RRULE:FREQ=YEARLY\nX-MICROSOFT-CALSCALE:Hebrew\nORGANIZER;SENT-BY=\"mailto:a@b\",x:mailto:c%40d\nEND:VTODO",
		"BEGIN:VCALENDAR\nVERSION:1.0\nBEGIN:VEVENT\nDTSTART:19960101\nRRULE:MP1 1+ MO 2- TU 19990101\nMALARM:19960101T000000;PT1H;1;a@b;text\nSTATUS:SENT\nGEO:1,2\nATTENDEE;ROLE=OWNER;EXPECT=FYI:x (a@b)\nEND:VEVENT\nEND:VCALENDAR\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		items := read(t, string(data), ical.ReadOptions{CodePage: 1251})
		if len(items) == 0 {
			return
		}
		calendars := encode(t, ical.Options{}, items[0])
		again := read(t, calendars, ical.ReadOptions{})
		if len(again) == 0 || again[0].Kind != items[0].Kind {
			t.Fatalf("of a %s there is %d in %q", items[0].Kind, len(again), calendars)
		}
	})
}

// Times are in the zones that the file defines, or that everybody knows by the names that it uses.
func TestZonesOfRead(t *testing.T) {
	for _, test := range []struct{ zone, tzid, want string }{
		{"", "Europe/Berlin", "2026-07-01T07:00:00Z"},
		{"", "/freeassociation.sourceforge.net/Tzfile/Europe/Berlin", "2026-07-01T07:00:00Z"},
		{"", "W. Europe Standard Time", "2026-07-01T07:00:00Z"},
		{"", "\"(UTC+05:00) My own\"", "2026-07-01T09:00:00"},
		{"BEGIN:VTIMEZONE\nTZID:America/New_York\nEND:VTIMEZONE\n", "America/New_York", "2026-07-01T13:00:00Z"},
		{"BEGIN:VTIMEZONE\nTZID:Mine\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:-0330\nTZOFFSETTO:-0330\nEND:STANDARD\nEND:VTIMEZONE\n", "Mine", "2026-07-01T12:30:00Z"},
		{"BEGIN:VTIMEZONE\nTZID:Odd\nBEGIN:STANDARD\nDTSTART:19701025T030000\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nEND:STANDARD\n" +
			"BEGIN:DAYLIGHT\nDTSTART:19700329T020000\nRDATE:20260329T020000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nEND:DAYLIGHT\nEND:VTIMEZONE\n", "Odd", "2026-07-01T07:00:00Z"},
	} {
		it := read(t, "BEGIN:VCALENDAR\n"+test.zone+"BEGIN:VEVENT\nUID:1\nDTSTART;TZID="+test.tzid+":20260701T090000\nEND:VEVENT\nEND:VCALENDAR\n", ical.ReadOptions{})[0]
		got := it.Event.Start.String()
		if it.Event.Start.Zone != nil {
			got = it.Event.Start.Time(nil).Format(time.RFC3339)
		}
		if got != test.want {
			t.Errorf("%s: %s, want %s", test.tzid, got, test.want)
		}
		out := encode(t, ical.Options{}, it)
		if it.Event.Start.Zone != nil {
			checkReaders(t, out)
			if back := read(t, out, ical.ReadOptions{})[0]; back.Event.Start.Time(nil) != it.Event.Start.Time(nil) {
				t.Errorf("%s: %s is %s in\n%s", test.tzid, it.Event.Start, back.Event.Start, out)
			}
		}
	}
}
