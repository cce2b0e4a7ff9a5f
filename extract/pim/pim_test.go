package pim_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"mailmill/extract"
	"mailmill/extract/pim"
	"mailmill/extract/pst"
	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/ical"
	"mailmill/formats/vcard"
	"mailmill/load/resource"
)

func open(t testing.TB, folder []string, text string) *pim.Archive {
	t.Helper()
	a, err := pim.OpenFolder(folder, "test", strings.NewReader(text), int64(len(text)), time.Time{}, extract.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// readAll reads all that an archive has.
func readAll(t testing.TB, a extract.Archive) []*formats.Item {
	t.Helper()
	var items []*formats.Item
	for e, err := range a.Entries(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		it, err := a.Read(context.Background(), e)
		if err != nil {
			t.Fatalf("%s: %v", e.ID, err)
		}
		items = append(items, it)
	}
	return items
}

// calendar writes the items of a folder as one file.
func calendar(t testing.TB, name string, properties []formats.Property, items []*formats.Item) string {
	t.Helper()
	var b bytes.Buffer
	var ids resource.Identities
	enc := ical.NewEncoder(ical.Options{Name: name, Properties: properties})
	enc.Begin(&b)
	for _, it := range items {
		it, _ = ids.Take(it)
		err := enc.Item(it)
		if _, ok := errors.AsType[*ical.ContentError](err); err != nil && !ok {
			t.Fatal(err)
		}
	}
	if err := enc.End(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func cards(t testing.TB, v vcard.Version, items []*formats.Item) string {
	t.Helper()
	var b bytes.Buffer
	enc := vcard.NewEncoder(vcard.Options{Version: v})
	for _, it := range items {
		if err := enc.Encode(&b, it); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// What was written of a data file's folders is read with the same keys, kinds and identities, and written again is the
// same to the byte.
func TestDataFilesComeBack(t *testing.T) {
	paths := map[string]string{"sample.pst": corpustest.Sample()}
	for _, name := range []string{"synthetic/tiny.pst", "synthetic/small.pst", "pst/4k-page.ost", "pst/dist-list.pst", "pst/contacts.pst", "pst/aspose-outlook-1.pst", "pst/aspose-journal.pst", "pst/aspose-note.pst", "pst/aspose-task.pst"} {
		paths[name] = name
	}
	for name, path := range paths {
		t.Run(name, func(t *testing.T) {
			if path == name {
				path = corpustest.File(t, name)
			}
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			info, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			archive, err := pst.Open(path, f, info.Size(), info.ModTime(), extract.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer archive.Close()
			type place struct {
				folder *formats.Folder
				cards  bool
			}
			places := make(map[place][]*formats.Item)
			for _, e := range entriesOf(t, archive) {
				if e.Kind == formats.KindMail || e.Kind == formats.KindOther || e.Err != nil {
					continue
				}
				it, err := archive.Read(context.Background(), e)
				if err != nil {
					continue
				}
				p := place{e.Folder, it.Contact != nil || it.Group != nil}
				places[p] = append(places[p], it)
			}
			for p, items := range places {
				if p.cards {
					for _, v := range []vcard.Version{vcard.V4, vcard.V3} {
						file := cards(t, v, items)
						same(t, p.folder, items, file, func(items []*formats.Item) string { return cards(t, v, items) })
					}
					continue
				}
				name := p.folder.Path[len(p.folder.Path)-1]
				var ids resource.Identities
				for i, it := range items {
					items[i], _ = ids.Take(it)
				}
				file := calendar(t, name, nil, items)
				same(t, p.folder, items, file, func(items []*formats.Item) string { return calendar(t, name, nil, items) })
			}
		})
	}
}

func entriesOf(t testing.TB, a extract.Archive) []formats.Entry {
	t.Helper()
	var list []formats.Entry
	for e, err := range a.Entries(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

func same(t *testing.T, f *formats.Folder, items []*formats.Item, file string, write func([]*formats.Item) string) {
	t.Helper()
	t.Logf("%s: %d items, %d bytes", f, len(items), len(file))
	again := readAll(t, open(t, f.Path, file))
	if len(again) != len(items) {
		t.Fatalf("%s: %d items, want %d", f, len(again), len(items))
	}
	for i, it := range items {
		if got := again[i]; got.Kind != it.Kind || got.Identity != it.Identity || got.Key != formats.Key(it.Kind, it.Identity) || !slices.Equal(got.Keywords, it.Keywords) {
			t.Errorf("%s: %s %q %q, want %s %q %q", f, got.Kind, got.Identity, got.Keywords, it.Kind, it.Identity, it.Keywords)
		}
		if want := it.Modified.Truncate(time.Second); !want.IsZero() && !again[i].Modified.Equal(want) {
			t.Errorf("%s: %q changed at %s, want %s", f, it.Subject, again[i].Modified, want)
		}
	}
	if got := write(again); got != file {
		for i := range got {
			if i >= len(file) || got[i] != file[i] {
				t.Fatalf("%s: from byte %d on it is\n%.300s\nand was\n%.300s", f, i, got[max(i-100, 0):], file[max(min(i, len(file))-100, 0):])
			}
		}
		t.Fatalf("%s: %d bytes, want %d", f, len(got), len(file))
	}
}

const event = "DTSTAMP:20260101T000000Z\r\n"

// Occurrences find their series wherever they stand, and what is none of ours is counted.
func TestSeries(t *testing.T) {
	file := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Google//EN\r\nX-WR-CALNAME:Team\r\nX-WR-CALDESC:All of us\r\nBEGIN:VTIMEZONE\r\nTZID:Unused\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n" +
		"BEGIN:VEVENT\r\nUID:1\r\nRECURRENCE-ID:20260108T090000Z\r\nDTSTART:20260108T100000Z\r\n" + event + "END:VEVENT\r\n" +
		"BEGIN:VFREEBUSY\r\nUID:f\r\nEND:VFREEBUSY\r\n" +
		"BEGIN:VEVENT\r\nUID:2\r\nDTSTART;TZID=Europe/Berlin:20260101T090000\r\n" + event + "END:VEVENT\r\n" +
		"BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260101T090000Z\r\nRRULE:FREQ=WEEKLY\r\n" + event + "END:VEVENT\r\n" +
		"BEGIN:VEVENT\r\nUID:lone\r\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260108T090000Z\r\nDTSTART:20260108T100000Z\r\n" + event + "END:VEVENT\r\n" +
		"BEGIN:VTODO\r\nUID:t\r\nSUMMARY:a\r\nDTSTART:20260101T090000Z\r\nRRULE:FREQ=DAILY\r\n" + event + "END:VTODO\r\n" +
		"BEGIN:VTODO\r\nUID:t\r\nSUMMARY:b\r\nRECURRENCE-ID:20260102T090000Z\r\n" + event + "END:VTODO\r\nEND:VCALENDAR\r\n"
	a := open(t, nil, file)
	if name := a.Folders()[0].String(); name != "Team" || len(a.Folders()[0].Calendar) != 1 {
		t.Errorf("the folder is %s, %v", name, a.Folders()[0].Calendar)
	}
	items := readAll(t, a)
	var got []string
	for _, it := range items {
		got = append(got, it.Kind.String()+" "+strings.ReplaceAll(it.Identity, "\x00", " "))
	}
	if want := "event 2|event 1|event lone 2026-01-08T09:00:00Z|task t"; !strings.HasPrefix(got[0], "other ") || strings.Join(got[1:], "|") != want {
		t.Fatalf("%q, want %s", got, want)
	}
	if n := len(items[2].Event.Overrides); n != 1 {
		t.Errorf("%d overrides", n)
	}
	written := calendar(t, "Team", a.Folders()[0].Calendar, items[1:])
	for _, want := range []string{
		"\r\nX-WR-CALDESC:All of us\r\n", "\r\nTZID:Unused\r\n", "\r\nTZID:Europe/Berlin\r\n", "\r\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260108T090000Z\r\n", "\r\nRECURRENCE-ID:20260102T090000Z\r\n",
		"RRULE:FREQ=WEEKLY\r\n" + event + "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:1\r\nRECURRENCE-ID:20260108T090000Z\r\n",
	} {
		if !strings.Contains(written, want) {
			t.Errorf("there is no %q in\n%s", want, written)
		}
	}
	// An occurrence that is written by itself becomes an event of its own.
	var b bytes.Buffer
	if err := ical.NewEncoder(ical.Options{}).Encode(&b, resource.Alone(items[3])); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); strings.Contains(s, "RECURRENCE-ID") || !strings.Contains(s, "UID:lone-20260108T090000\r\n") {
		t.Error(s)
	}
	// Both in one resource are as they were.
	joined := resource.Join(items[2], []*formats.Event{items[3].Event})
	b.Reset()
	if err := ical.NewEncoder(ical.Options{}).Encode(&b, joined); err != nil || strings.Count(b.String(), "RECURRENCE-ID") != 2 {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestZonesAlone(t *testing.T) {
	const file = "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:A\nEND:VTIMEZONE\nBEGIN:VPOLL\nBEGIN:VEVENT\nUID:1\nEND:VEVENT\nEND:VPOLL\nEND:VCALENDAR\n"
	var kinds []string
	for _, it := range readAll(t, open(t, nil, file)) {
		kinds = append(kinds, it.Kind.String())
	}
	if got := strings.Join(kinds, " "); got != "other other" {
		t.Errorf("there are %s", got)
	}
}

func TestRecognise(t *testing.T) {
	wide := func(s string) string {
		b := []byte{0xFE, 0xFF}
		for _, u := range utf16.Encode([]rune(s)) {
			b = append(b, byte(u>>8), byte(u))
		}
		return string(b)
	}
	for head, want := range map[string]bool{
		"BEGIN:VCALENDAR\r\n": true, "\uFEFF\r\nbegin:vcard\n": true, "BEGIN:VEVENT\n": true, "BEGIN : VCARD\n": true, wide("BEGIN:VCARD\r\n"): true,
		"": false, "BEGIN:VCARDS\n": false, "BEGIN": false, "BEGIN:": false, "From a": false, "\xFF\xFE\x00\x00": false,
	} {
		if pim.Recognise([]byte(head)) != want {
			t.Errorf("%q: %v", head, !want)
		}
	}
	card := wide("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:J\u00f6rg\r\nN:;J\u00f6rg;;;\r\nEND:VCARD\r\n")
	if it := readAll(t, open(t, []string{"Contacts"}, card))[0]; it.Subject != "J\u00f6rg" {
		t.Errorf("%q", it.Subject)
	}
	if _, err := pim.Open("x", strings.NewReader("nothing"), 7, time.Time{}, extract.Options{}); !errors.Is(err, extract.ErrNotArchive) {
		t.Error(err)
	}
}

func TestLearn(t *testing.T) {
	a := open(t, []string{"Contacts"}, "BEGIN:VCARD\nVERSION:3.0\nFN:Jane Doe\nEMAIL:jane@example.org\nX-EX-ADDRESS:/o=Org/cn=jane\nEND:VCARD\n")
	var lesson formats.Lesson
	for e, err := range a.Places(context.Background()) {
		if err != nil || a.Learn(context.Background(), e, &lesson) != nil {
			t.Fatal(err)
		}
	}
	if len(lesson.Evidence) != 3 || lesson.Evidence[2] != (formats.Evidence{Class: formats.EvidenceContactPair, DN: "/o=Org/cn=jane", SMTP: "jane@example.org", Name: "Jane Doe"}) {
		t.Errorf("%+v", lesson.Evidence)
	}
}

// repeated is a file that is never in memory: a component over and over, between a head and a tail.
type repeated struct {
	head, tail string
	count      int
}

const repeatedLength = 1 << 10

func (r *repeated) size() int64 {
	return int64(len(r.head)+len(r.tail)) + int64(r.count)*repeatedLength
}

func (r *repeated) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		at := off + int64(n)
		body := at - int64(len(r.head))
		var from string
		switch i := body / repeatedLength; {
		case at < int64(len(r.head)):
			from = r.head[at:]
		case i < int64(r.count):
			c := fmt.Sprintf("BEGIN:VEVENT\r\nUID:%d\r\nDTSTART:20260101T090000Z\r\nDESCRIPTION:", i)
			c += strings.Repeat("x", repeatedLength-len(c)-len("\r\nEND:VEVENT\r\n")) + "\r\nEND:VEVENT\r\n"
			from = c[body%repeatedLength:]
		default:
			if at >= r.size() {
				return n, io.EOF
			}
			from = r.tail[body-int64(r.count)*repeatedLength:]
		}
		n += copy(p[n:], from)
	}
	return n, nil
}

// A large file takes what its index takes, and its last item is read as fast as its first.
func TestLargeFiles(t *testing.T) {
	r := &repeated{head: "BEGIN:VCALENDAR\r\n", count: 64 << 10, tail: "BEGIN:VEVENT\r\nUID:7\r\nRECURRENCE-ID:20260101T090000Z\r\nDTSTART:20260101T090000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"}
	begin := time.Now()
	a, err := pim.Open("large.ics", r, r.size(), time.Time{}, extract.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d MiB in %v", r.size()>>20, time.Since(begin))
	entries := entriesOf(t, a)
	if len(entries) != r.count {
		t.Fatalf("%d items", len(entries))
	}
	it, err := a.Read(context.Background(), entries[7])
	if err != nil || len(it.Event.Overrides) != 1 || it.Identity != "7" {
		t.Errorf("%v, %v", it, err)
	}
}

// A file that was cut short may have had more in it.
func TestCutShort(t *testing.T) {
	const event = "BEGIN:VEVENT\r\nUID:1\r\nDTSTART:20260101T090000Z\r\nSUMMARY:Lunch\r\n"
	for text, cut := range map[string]bool{
		"BEGIN:VCALENDAR\r\n" + event + "END:VEVENT\r\nEND:VCALENDAR":                 false,
		"BEGIN:VCALENDAR\r\n" + event + "END:VEVENT\r\nEND:VCALENDAR\r\nand more\r\n": false,
		event + "END:VEVENT\r\n":                            false,
		"BEGIN:VCALENDAR\r\n" + event + "END:VEVENT\r\n":    true,
		"BEGIN:VCALENDAR\r\n" + event:                       true,
		"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:a\r\nN:a;;;;\r\n": true,
	} {
		a := open(t, nil, text)
		if items := readAll(t, a); len(items) != 1 || (a.Info().Incomplete != "") != cut {
			t.Errorf("%q: %d items, incomplete: %q", text, len(items), a.Info().Incomplete)
		}
	}
}

func FuzzOpen(f *testing.F) {
	for _, seed := range []string{
		"BEGIN:VCALENDAR\r\nVERSION:1.0\r\nTZ:+01\r\nDAYLIGHT:TRUE;+02;20090329T020000;20091025T030000;;\r\nBEGIN:VEVENT\r\nDTSTART:20090101T000000\r\nRRULE:D1 #3\r\nDALARM:20090101T000000;PT5M;2;x\r\nATTENDEE;ROLE=OWNER:a <a@b.c>\r\nEND:VEVENT\r\nEND:VCALENDAR",
		"BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:A\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;COUNT=3\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\nUID:1\nDTSTART;TZID=A:20260101T000000\nEND:VEVENT\nBEGIN:VEVENT\nUID:1\nRECURRENCE-ID;TZID=A:20260101T000000\nATTACH;ENCODING=BASE64;VALUE=BINARY:AAAA\nBEGIN:VALARM\nTRIGGER:-PT5M\nEND:VALARM\nEND:VEVENT\nEND:VCALENDAR",
		"BEGIN:VTODO\nDUE:20260101\nSTATUS:COMPLETED\nORGANIZER:mailto:a@b\nEND:VTODO\nBEGIN:VJOURNAL\nCATEGORIES:a,b\nEND:VJOURNAL\nBEGIN:VCARD\nVERSION:2.1\nN;QUOTED-PRINTABLE:=41=\nB\nEND:VCARD\n",
		"\uFEFFBEGIN:VCARD\nEND:VCARD\n\uFEFFBEGIN:VCARD\nX:\uFEFF",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := pim.Open("x.ics", bytes.NewReader(data), int64(len(data)), time.Time{}, extract.Options{})
		if err != nil {
			return
		}
		var events, others []*formats.Item
		for _, it := range readAll(t, a) {
			switch {
			case it.Contact != nil || it.Group != nil:
				others = append(others, it)
			case it.Kind != formats.KindOther:
				events = append(events, it)
			}
		}
		for _, v := range []vcard.Version{vcard.V3, vcard.V4} {
			cards(t, v, others)
		}
		if len(events) == 0 {
			return
		}
		var ids resource.Identities
		for i, it := range events {
			events[i], _ = ids.Take(it)
		}
		out := calendar(t, "x", nil, events)
		again := readAll(t, open(t, nil, out))
		if twice := calendar(t, "x", nil, again); twice != out {
			t.Fatalf("%q is written again as %q", out, twice)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	r := &repeated{head: "BEGIN:VCALENDAR\r\n", count: 10000, tail: "END:VCALENDAR\r\n"}
	a, err := pim.Open("large.ics", r, r.size(), time.Time{}, extract.Options{})
	if err != nil {
		b.Fatal(err)
	}
	entries := entriesOf(b, a)
	enc := ical.NewEncoder(ical.Options{})
	b.SetBytes(repeatedLength)
	for i := 0; b.Loop(); i++ {
		it, err := a.Read(context.Background(), entries[i%len(entries)])
		if err == nil {
			err = enc.Encode(io.Discard, it)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
