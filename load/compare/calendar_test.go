package compare_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"mailmill/load/compare"
)

func calendar(t interface{ Fatal(...any) }, s string) compare.Facts {
	f, err := compare.Calendar(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func card(t interface{ Fatal(...any) }, s string) compare.Facts {
	f, err := compare.Card(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

var berlin = []string{
	"BEGIN:VTIMEZONE", "TZID:Europe/Berlin",
	"BEGIN:STANDARD", "DTSTART:19961027T030000", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU", "END:STANDARD",
	"BEGIN:DAYLIGHT", "DTSTART:19810329T020000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "END:DAYLIGHT",
	"END:VTIMEZONE",
}

var weekly = []string{
	"BEGIN:VEVENT", "UID:weekly@example.org", "DTSTAMP:20240101T000000Z",
	"DTSTART;TZID=Europe/Berlin:20240301T100000", "DTEND;TZID=Europe/Berlin:20240301T110000",
	"RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,FR;UNTIL=20250101T000000Z",
	"EXDATE;TZID=Europe/Berlin:20240304T100000,20240402T100000",
	`SUMMARY:Review\, weekly; with "all"`, `DESCRIPTION:One\nTwo`, "CATEGORIES:red,green", "LOCATION:Room 1", "SEQUENCE:0", "CLASS:PUBLIC",
	`ATTENDEE;CN="Doe, John";ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=FALSE:mailto:john@example.org`,
	"ORGANIZER;CN=Alice:mailto:alice@example.org", "X-NOTE:Own",
	"ATTACH;FMTTYPE=text/plain;ENCODING=BASE64;VALUE=BINARY:" + base64.StdEncoding.EncodeToString([]byte("attached")),
	"BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:Now", "TRIGGER:-PT15M", "END:VALARM",
	"BEGIN:VALARM", "ACTION:AUDIO", "TRIGGER;RELATED=START:-PT1H", "END:VALARM",
	"END:VEVENT",
}

var moved = []string{
	"BEGIN:VEVENT", "UID:weekly@example.org", "DTSTAMP:20240101T000000Z", "RECURRENCE-ID;TZID=Europe/Berlin:20240308T100000",
	"DTSTART;TZID=Europe/Berlin:20240308T120000", "DTEND;TZID=Europe/Berlin:20240308T130000", "SUMMARY:Later", "END:VEVENT",
}

func calendarOf(components ...[]string) string {
	return lines(slices.Concat([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//y//EN"}, slices.Concat(components...), []string{"END:VCALENDAR"})...)
}

var series = calendarOf(berlin, weekly, moved)

func TestCalendarFacts(t *testing.T) {
	want := []string{
		"weekly@example.org: component = VEVENT",
		"weekly@example.org: ATTACH = 8 bytes",
		`weekly@example.org: ATTENDEE = mailto:john@example.org; CN="Doe, John"; PARTSTAT=ACCEPTED`,
		"weekly@example.org: CATEGORIES = green",
		"weekly@example.org: CATEGORIES = red",
		"weekly@example.org: DESCRIPTION = One\nTwo",
		"weekly@example.org: DTEND = 2024-03-01T11:00:00+01:00",
		"weekly@example.org: DTSTART = 2024-03-01T10:00:00+01:00",
		"weekly@example.org: EXDATE = 2024-03-04T10:00:00+01:00",
		"weekly@example.org: EXDATE = 2024-04-02T10:00:00+02:00",
		"weekly@example.org: LOCATION = Room 1",
		"weekly@example.org: ORGANIZER = mailto:alice@example.org; CN=Alice",
		"weekly@example.org: RRULE = BYDAY=FR,MO;FREQ=WEEKLY;UNTIL=2025-01-01T00:00:00Z",
		`weekly@example.org: SUMMARY = Review, weekly; with "all"`,
		"weekly@example.org: UID = weekly@example.org",
		"weekly@example.org: X-NOTE = Own",
		"weekly@example.org: time zone = +01:00×1 +02:00×7 +01:00×5 +02:00×7 +01:00×4",
		"weekly@example.org: 1 component = VALARM",
		"weekly@example.org: 1 VALARM ACTION = AUDIO",
		"weekly@example.org: 1 VALARM TRIGGER = -3600 s",
		"weekly@example.org: 2 component = VALARM",
		"weekly@example.org: 2 VALARM ACTION = DISPLAY",
		"weekly@example.org: 2 VALARM DESCRIPTION = Now",
		"weekly@example.org: 2 VALARM TRIGGER = -900 s",
		"weekly@example.org 2024-03-08T09:00:00Z: component = VEVENT",
		"weekly@example.org 2024-03-08T09:00:00Z: DTEND = 2024-03-08T13:00:00+01:00",
		"weekly@example.org 2024-03-08T09:00:00Z: DTSTART = 2024-03-08T12:00:00+01:00",
		"weekly@example.org 2024-03-08T09:00:00Z: RECURRENCE-ID = 2024-03-08T09:00:00Z",
		"weekly@example.org 2024-03-08T09:00:00Z: SUMMARY = Later",
		"weekly@example.org 2024-03-08T09:00:00Z: UID = weekly@example.org",
	}
	var got []string
	for _, f := range calendar(t, series) {
		value, _, _ := strings.Cut(f.Value, ", sha256")
		got = append(got, f.Field+" = "+value)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
}

func TestSameCalendar(t *testing.T) {
	replaced := func(old, new string) string {
		if !strings.Contains(series, old) {
			t.Fatalf("there is no %q", old)
		}
		return strings.Replace(series, old, new, 1)
	}
	for name, s := range map[string]string{
		"order of components":   calendarOf(moved, weekly, berlin),
		"LF":                    strings.ReplaceAll(series, "\r\n", "\n"),
		"case":                  replaced("SUMMARY:", "Summary:"),
		"case of parameters":    replaced("CN=Alice", "cn=Alice"),
		"quotes":                replaced("CN=Alice", `CN="Alice"`),
		"defaults":              replaced("SEQUENCE:0\r\nCLASS:PUBLIC\r\n", "TRANSP:OPAQUE\r\nPRIORITY:0\r\n"),
		"default parameters":    replaced(";ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=FALSE", ";PARTSTAT=accepted"),
		"added by servers":      replaced("X-NOTE:Own\r\n", "X-NOTE:Own\r\nX-LIC-ERROR:what\r\nX-RADICALE-NAME:a.ics\r\n"),
		"schedule status":       replaced("CN=Alice", "CN=Alice;SCHEDULE-STATUS=\"1.1\""),
		"another program":       replaced("PRODID:-//x//y//EN", "PRODID:-//z\r\nX-WR-CALNAME:Work\r\nCALSCALE:GREGORIAN"),
		"another stamp":         replaced("DTSTAMP:20240101T000000Z", "DTSTAMP:20250101T000000Z"),
		"several dates":         replaced(":20240304T100000,20240402T100000", ":20240402T100000\r\nEXDATE;TZID=Europe/Berlin:20240304T100000"),
		"categories":            replaced("CATEGORIES:red,green", "CATEGORIES:green\r\nCATEGORIES:red"),
		"escapes":               replaced(`Review\, weekly; with`, `Review, weekly\; with`),
		"empty property":        replaced("LOCATION:Room 1", "LOCATION:Room 1\r\nCOMMENT:"),
		"another name of zone":  strings.ReplaceAll(series, "Europe/Berlin", "W. Europe Standard Time"),
		"zone of the database":  calendarOf(weekly, moved),
		"order in rule":         replaced("FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,FR;", "BYDAY=FR,MO;FREQ=WEEKLY;WKST=MO;"),
		"duration":              replaced("-PT1H", "-PT60M"),
		"case of mail address":  replaced("mailto:alice@example.org", "MAILTO:alice@Example.ORG"),
		"lines of base64":       replaced("YXR0YWNoZWQ=", "YXR0\r\n YWNo\r\n ZWQ="),
		"UTC in occurrence":     replaced("RECURRENCE-ID;TZID=Europe/Berlin:20240308T100000", "RECURRENCE-ID:20240308T090000Z"),
		"types that show":       replaced("DTSTART;TZID", "DTSTART;VALUE=DATE-TIME;TZID"),
		"blank lines":           replaced("X-NOTE:Own", "X-NOTE:Own\r\n"),
		"with byte order mark":  "\uFEFF" + series,
		"caret of a parameter":  replaced(`CN="Doe, John"`, `CN="Doe, John"`),
		"two calendars in one":  calendarOf(berlin, weekly) + calendarOf(berlin, moved),
		"zone with other rules": replaced("RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "RRULE:FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=25,26,27,28,29,30,31;BYDAY=SU"),
	} {
		got := calendar(t, s)
		if d := compare.Diff(calendar(t, series), got); len(d) > 0 {
			t.Errorf("%s: %+v", name, d)
		}
		if got.Print() != calendar(t, series).Print() {
			t.Errorf("%s: another print", name)
		}
	}
}

func TestOtherCalendar(t *testing.T) {
	for _, tt := range []struct{ old, new, field string }{
		{"Room 1", "Room 2", "weekly@example.org: LOCATION"},
		{"PARTSTAT=ACCEPTED", "PARTSTAT=DECLINED", "weekly@example.org: ATTENDEE"},
		{"John", "Jack", "weekly@example.org: ATTENDEE"},
		{",20240402T100000", "", "weekly@example.org: EXDATE"},
		{"YXR0YWNoZWQ=", "YXR0YWNoZWc=", "weekly@example.org: ATTACH"},
		{"-PT15M", "-PT16M", "weekly@example.org: 2 VALARM TRIGGER"},
		{"INTERVAL=1", "INTERVAL=2", "weekly@example.org: RRULE"},
		{"SUMMARY:Later", "SUMMARY:Latest", "weekly@example.org 2024-03-08T09:00:00Z: SUMMARY"},
		{"BYMONTH=10", "BYMONTH=11", "weekly@example.org: time zone"},
		{"X-NOTE:Own", "X-NOTE:own", "weekly@example.org: X-NOTE"},
		{"CLASS:PUBLIC", "CLASS:PRIVATE", "weekly@example.org: CLASS"},
		{"X-NOTE:Own", "X-NOTE:Own\r\nno colon", "weekly@example.org: line without a name"},
	} {
		if !strings.Contains(series, tt.old) {
			t.Fatalf("there is no %q", tt.old)
		}
		got := calendar(t, strings.Replace(series, tt.old, tt.new, 1))
		d := compare.Diff(calendar(t, series), got)
		if len(d) != 1 || d[0].Field != tt.field {
			t.Errorf("%q: %+v", tt.new, d)
		}
		if got.Print() == calendar(t, series).Print() {
			t.Errorf("%q: the same print", tt.new)
		}
	}
}

var person = lines(
	"BEGIN:VCARD", "VERSION:3.0", "UID:urn:uuid:6f9619ff-8b86-5011-842d-00c04fc964ff", `N:Doe;John;Q\,X;Dr.;`, "FN:Dr. John Doe", `ORG:Acme\; Inc.;Sales`,
	"EMAIL;TYPE=INTERNET,PREF:john@example.org", "TEL;TYPE=VOICE,WORK:+49 1", "item1.URL:http://example.org/", "item1.X-ABLABEL:blog",
	"ADR;TYPE=HOME:;;Street 1;Town;;12345;", "BDAY:1985-04-12", "CATEGORIES:red,green", `NOTE:One\nTwo`,
	"PHOTO;ENCODING=b;TYPE=JPEG:"+base64.StdEncoding.EncodeToString([]byte("a picture")), "X-ADDRESSBOOKSERVER-KIND:group", "END:VCARD",
)

func TestSameCard(t *testing.T) {
	replaced := func(old, new string) string {
		if !strings.Contains(person, old) {
			t.Fatalf("there is no %q", old)
		}
		return strings.Replace(person, old, new, 1)
	}
	for name, s := range map[string]string{
		"version 4": strings.NewReplacer(
			"VERSION:3.0", "VERSION:4.0", "TYPE=INTERNET,PREF", "PREF=1", "X-ADDRESSBOOKSERVER-KIND", "KIND", "1985-04-12", "19850412",
			"PHOTO;ENCODING=b;TYPE=JPEG:", "PHOTO:data:image/jpeg;base64,", "TEL;TYPE=VOICE,WORK:+49 1", "TEL;VALUE=uri;TYPE=work:tel:+49 1",
		).Replace(person),
		"types":        replaced("TYPE=VOICE,WORK", "TYPE=work;TYPE=voice"),
		"bare types":   replaced("TEL;TYPE=VOICE,WORK", "TEL;WORK;VOICE"),
		"other group":  strings.ReplaceAll(person, "item1.", "A.B."),
		"short N":      replaced(`N:Doe;John;Q\,X;Dr.;`, `N:Doe;John;Q\,X;Dr.`),
		"escaped":      replaced("FN:Dr. John Doe", "FN:Dr. John Doe\r\nNICKNAME:"),
		"comma in URI": replaced("PHOTO;ENCODING=b;TYPE=JPEG:", `PHOTO;VALUE=uri:data:image/jpeg;base64\,`),
	} {
		got := card(t, s)
		if d := compare.Diff(card(t, person), got); len(d) > 0 {
			t.Errorf("%s: %+v", name, d)
		}
		if got.Print() != card(t, person).Print() {
			t.Errorf("%s: another print", name)
		}
	}
	for _, tt := range []struct{ old, new, field string }{
		{"Acme", "Acne", "ORG"},
		{`Q\,X`, "Q,X", "N"},
		{"blog", "home", "URL"},
		{"+49 1", "+49 2", "TEL"},
		{",WORK", ",HOME", "TEL"},
		{",PREF", "", "EMAIL"},
		{"YSBwaWN0dXJl", "YSBwaWN0dXJs", "PHOTO"},
		{"red,", "", "CATEGORIES"},
	} {
		if !strings.Contains(person, tt.old) {
			t.Fatalf("there is no %q", tt.old)
		}
		got := card(t, strings.Replace(person, tt.old, tt.new, 1))
		if d := compare.Diff(card(t, person), got); len(d) != 1 || d[0].Field != tt.field {
			t.Errorf("%q: %+v", tt.new, d)
		}
	}
}

// shuffled writes the lines of a component in another order, folded elsewhere and with names in another case.
func shuffled(r *rand.Rand, text string) string {
	var b strings.Builder
	var head, props, tail []string
	flush := func() {
		r.Shuffle(len(props), func(i, k int) { props[i], props[k] = props[k], props[i] })
		for _, line := range slices.Concat(head, props, tail) {
			name, rest, _ := strings.Cut(line, ":")
			if i := strings.IndexAny(name, ";"); i < 0 && r.IntN(2) == 0 {
				line = strings.ToLower(name) + ":" + rest
			}
			for i, c := range line {
				if i > 0 && r.IntN(20) == 0 {
					b.WriteString("\r\n ")
				}
				b.WriteRune(c)
			}
			b.WriteString("\r\n")
		}
		head, props, tail = nil, nil, nil
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		if strings.HasPrefix(line, "BEGIN:") || strings.HasPrefix(line, "END:") {
			flush()
			head = append(head, line)
			flush()
			continue
		}
		props = append(props, line)
	}
	flush()
	return b.String()
}

// A copy that is folded, ordered and cased in another way says the same, and one with any other value does not.
func TestCalendarsAndCardsWrittenInAnotherWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		value := rapid.StringOfN(rapid.RuneFrom([]rune(`ab ä€😀;,:"\n`)), 1, 200, -1).Draw(t, "value")
		escaped := strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`).Replace(value)
		other := strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`).Replace(value + "x")
		for _, of := range []struct {
			text  string
			facts func(interface{ Fatal(...any) }, string) compare.Facts
		}{{series, calendar}, {person, card}} {
			with := strings.NewReplacer(`DESCRIPTION:One\nTwo`, "DESCRIPTION:"+escaped, `NOTE:One\nTwo`, "NOTE:"+escaped).Replace(of.text)
			want := of.facts(t, with)
			got := of.facts(t, shuffled(r, with))
			if d := compare.Diff(want, got); len(d) > 0 || want.Print() != got.Print() {
				t.Fatalf("%+v", d)
			}
			changed := of.facts(t, shuffled(r, strings.NewReplacer("DESCRIPTION:"+escaped+"\r", "DESCRIPTION:"+other+"\r", "NOTE:"+escaped+"\r", "NOTE:"+other+"\r").Replace(with)))
			if d := compare.Diff(want, changed); len(d) != 1 || want.Print() == changed.Print() {
				t.Fatalf("%+v", d)
			}
		}
	})
}

// Values of any length are compared, and memory is bounded.
func TestCalendarMemory(t *testing.T) {
	const size = 8 << 20
	text := func(parts ...io.Reader) io.Reader { return io.MultiReader(parts...) }
	s := strings.NewReader
	for name, make := range map[string]func() io.Reader{
		"attachment": func() io.Reader {
			return text(s("BEGIN:VCALENDAR\nBEGIN:VEVENT\nATTACH;ENCODING=BASE64:"), &endless{line: strings.Repeat("AAAA", 18) + "\r\n ", left: size}, s("\nEND:VEVENT\n"))
		},
		"text": func() io.Reader {
			return text(s("BEGIN:VCALENDAR\nBEGIN:VEVENT\nDESCRIPTION:"), &endless{line: `a\n\, `, left: size}, s("\nEND:VEVENT\n"))
		},
		"name":       func() io.Reader { return text(s("BEGIN:VEVENT\n"), &endless{line: "A", left: size}) },
		"parameters": func() io.Reader { return text(s("BEGIN:VEVENT\nA"), &endless{line: ";B=c", left: size}) },
		"properties": func() io.Reader { return text(s("BEGIN:VEVENT\n"), &endless{line: "A;B=c;D=e:f\n", left: size}) },
		"components": func() io.Reader {
			return text(s("BEGIN:VEVENT\n"), &endless{line: "BEGIN:VALARM\nA:b\nEND:VALARM\n", left: size})
		},
		"deep": func() io.Reader { return &endless{line: "BEGIN:VEVENT\n", left: size / 8} },
		"zones": func() io.Reader {
			return &endless{line: "BEGIN:VTIMEZONE\nTZID:a\nBEGIN:STANDARD\nEND:STANDARD\nEND:VTIMEZONE\n", left: size}
		},
		"waiting": func() io.Reader {
			return &endless{line: "BEGIN:VEVENT\nDTSTART;TZID=x:20240101T000000\nEND:VEVENT\n", left: size}
		},
		"cards": func() io.Reader { return &endless{line: "BEGIN:VCARD\nA:b\nEND:VCARD\n", left: size} },
	} {
		read := compare.Calendar
		if name == "cards" {
			read = compare.Card
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		f, err := read(make())
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 24<<20 {
			t.Errorf("%s: %d MB are held", name, held>>20)
		}
		runtime.KeepAlive(f)
	}
	long := strings.Repeat("word ", 200_000)
	a := calendar(t, "BEGIN:VEVENT\nDESCRIPTION:"+long+`\, a`+"\nEND:VEVENT\n")
	b := calendar(t, "BEGIN:VEVENT\nDESCRIPTION:"+long+", a\nEND:VEVENT\n")
	c := calendar(t, "BEGIN:VEVENT\nDESCRIPTION:"+long+", b\nEND:VEVENT\n")
	if a.Print() != b.Print() || a.Print() == c.Print() {
		t.Errorf("%+v, %+v, %+v", a, b, c)
	}
}

func FuzzCalendar(f *testing.F) {
	f.Add([]byte(series))
	f.Add([]byte("BEGIN:VEVENT\nATTENDEE;CN=\"Doe, \"\"J\"\"\":x\n a\nDTSTART;TZID=a:20240101T000000\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		same(t, data, compare.Calendar)
	})
}

func FuzzCard(f *testing.F) {
	f.Add([]byte(person))
	f.Add([]byte("BEGIN:VCARD\nitem1.X-ABLABEL:a\nPHOTO:data:;base64,AA\nN:;;\\"))
	f.Fuzz(func(t *testing.T, data []byte) {
		same(t, data, compare.Card)
	})
}

// same reads data at once and in pieces.
func same(t *testing.T, data []byte, read func(io.Reader) (compare.Facts, error)) {
	whole, err := read(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	pieces, err := read(iotest.OneByteReader(bytes.NewReader(data)))
	if err != nil || whole.Print() != pieces.Print() || len(compare.Diff(whole, pieces)) > 0 {
		t.Fatalf("%v: %+v, in pieces %+v", err, whole, pieces)
	}
}
