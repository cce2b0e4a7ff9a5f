package files_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/itemtest"
	"mailmill/formats/vcard"
	"mailmill/load"
	"mailmill/load/files"
)

// berlin is a zone; every call returns another value with the same rules.
func berlin() *formats.Zone {
	return &formats.Zone{ID: "Europe/Berlin", Onsets: []formats.Onset{
		{Start: time.Date(1996, 10, 27, 3, 0, 0, 0, time.UTC), Before: 7200, After: 3600, Name: "CET", Rule: yearly(time.October)},
		{Start: time.Date(1981, 3, 29, 2, 0, 0, 0, time.UTC), Before: 3600, After: 7200, Name: "CEST", Daylight: true, Rule: yearly(time.March)},
	}}
}

func yearly(m time.Month) *formats.Recurrence {
	return &formats.Recurrence{
		Frequency: formats.Yearly, ByMonth: []formats.RuleMonth{{Number: int(m)}}, ByDay: []formats.WeekdayNum{{Day: time.Sunday, N: -1}},
	}
}

func (a *archive) item(f *formats.Folder, kind formats.Kind, subject, identity string) *formats.Item {
	it := &formats.Item{
		Entry:    formats.Entry{Folder: f, Index: uint64(len(a.items)), ID: fmt.Sprint(len(a.items)), Kind: kind, Subject: subject, Date: day},
		Identity: identity,
		Key:      formats.Key(kind, identity),
		Modified: day,
	}
	a.items = append(a.items, it)
	return it
}

// event adds an event at nine in Berlin.
func (a *archive) event(f *formats.Folder, subject, uid string) *formats.Event {
	it := a.item(f, formats.KindEvent, subject, uid)
	at := time.Date(2014, 3, 28, 9, 0, 0, 0, time.UTC)
	it.Event = &formats.Event{Details: formats.Details{UID: uid, Summary: subject}, Start: formats.Zoned(at, berlin()), End: formats.Zoned(at.Add(time.Hour), berlin())}
	return it.Event
}

// occurrence adds an occurrence of a series as an item of its own.
func (a *archive) occurrence(f *formats.Folder, subject, uid string, id formats.Moment) *formats.Event {
	e := a.event(f, subject, uid)
	e.RecurrenceID = id
	it := a.items[len(a.items)-1]
	it.Identity = e.Identity()
	it.Key = formats.Key(formats.KindEvent, it.Identity)
	return e
}

func (a *archive) task(f *formats.Folder, subject, uid string) *formats.Task {
	it := a.item(f, formats.KindTask, subject, uid)
	it.Task = &formats.Task{Details: formats.Details{UID: uid, Summary: subject}, Due: formats.Date(2014, 3, 28)}
	return it.Task
}

func (a *archive) note(f *formats.Folder, subject, uid, text string) *formats.Note {
	it := a.item(f, formats.KindNote, subject, uid)
	it.Note = &formats.Note{Details: formats.Details{UID: uid, Summary: subject, Text: formats.Bytes(text)}}
	return it.Note
}

func (a *archive) contact(f *formats.Folder, name, uid string) *formats.Contact {
	it := a.item(f, formats.KindContact, name, uid)
	it.Contact = &formats.Contact{UID: uid, FullName: name}
	return it.Contact
}

func (a *archive) group(f *formats.Folder, name, uid string, members ...string) *formats.Group {
	it := a.item(f, formats.KindGroup, name, uid)
	it.Group = &formats.Group{UID: uid, Name: name}
	for _, m := range members {
		it.Group.Members = append(it.Group.Members, formats.Member{Address: &formats.Address{}, Card: m})
	}
	return it.Group
}

// The UIDs of contacts.
const (
	aliceUID = "urn:uuid:6f9619ff-8b86-5011-842d-00c04fc964ff"
	listUID  = "urn:uuid:6f9619ff-8b86-5011-842d-00c04fc964fe"
)

// office is a mailbox with items of all kinds, also side by side.
func office() *archive {
	a := new(archive)
	trash, calendar, urlaub, contacts, notes := a.folder("Deleted Items"), a.folder("Calendar"), a.folder("Calendar", "Urlaub"), a.folder("Contacts"), a.folder("Notes")
	a.mail(trash, "Offer", "Dear all\n")
	a.event(trash, "Forgotten", "forgotten")
	a.contact(trash, "Bob", "urn:uuid:00000000-0000-5000-8000-000000000001")
	a.mail(trash, "Re: Offer", "Yes\n")
	a.task(trash, "Done", "done")
	a.event(calendar, "Review", "review@example.org")
	a.event(calendar, "Lunch", "lunch")
	a.event(urlaub, "Away", "away")
	a.contact(contacts, "Alice", aliceUID)
	a.group(contacts, "All", listUID, aliceUID)
	a.note(notes, "Milk", "milk", "Milk\r\nand bread")
	return a
}

// officeLater is the mailbox at another time: another item here, one less there.
func officeLater() *archive {
	a := office()
	a.items = slices.DeleteFunc(a.items, func(it *formats.Item) bool { return it.Subject == "Away" || it.Subject == "All" })
	a.event(a.folders[1], "Late", "late").Attachments = []*formats.Part{{Name: "a.txt", Content: formats.Bytes("text"), Size: 4}}
	a.task(a.folder("Tasks"), "Plan", "plan")
	a.sort()
	return a
}

// What several workers make of items, and one puts together, is what one encoder would have written of them all.
func TestCalendarsPutTogether(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a := new(archive)
		f := a.folder("Calendar")
		kinds := rapid.OneOf(itemtest.Event(), itemtest.Task(), itemtest.Journal(), itemtest.Note())
		want := ical.NewEncoder(ical.Options{Name: "Calendar"})
		var out, cards bytes.Buffer
		want.Begin(&out)
		for i := range rapid.IntRange(1, 20).Draw(r, "items") {
			it := withIdentity(kinds.Draw(r, "item"), fmt.Sprint("uid-", i))
			a.put(f, it)
			if err := want.Item(it); err != nil {
				r.Fatal(err)
			}
			card := withIdentity(rapid.OneOf(itemtest.Contact(), itemtest.Group()).Draw(r, "card"), fmt.Sprint("card-", i))
			a.put(f, card)
			if err := vcard.NewEncoder(vcard.Options{}).Encode(&cards, card); err != nil {
				r.Fatal(err)
			}
		}
		if err := want.End(); err != nil {
			r.Fatal(err)
		}
		dir, err := os.MkdirTemp(t.TempDir(), "out")
		if err != nil {
			r.Fatal(err)
		}
		if result := mustConvert(t, dir, archives{"alice.pst": a}, files.Options{Format: files.MBOX}); result.Balance.Total().Written != len(a.items) {
			r.Fatalf("%+v, %v", result.Balance.Total(), result.Failures)
		}
		got := tree(t, dir)
		if diff := cmp.Diff(out.String(), got["Calendar.ics"]); diff != "" {
			r.Fatalf("-one encoder +files:\n%s", diff)
		}
		if diff := cmp.Diff(cards.String(), got["Calendar.vcf"]); diff != "" {
			r.Fatalf("-one encoder +files:\n%s", diff)
		}
	})
}

func withIdentity(it *formats.Item, uid string) *formats.Item {
	switch it.Identity = uid; {
	case it.Event != nil:
		it.Event.UID = uid
		for _, o := range it.Event.Overrides {
			o.UID = uid
		}
		it.Identity = it.Event.Identity()
	case it.Task != nil:
		it.Task.UID = uid
	case it.Journal != nil:
		it.Journal.UID = uid
	case it.Note != nil:
		it.Note.UID = uid
	case it.Contact != nil:
		it.Contact.UID = uid
	case it.Group != nil:
		it.Group.UID = uid
	}
	it.Key = formats.Key(it.Kind, it.Identity)
	return it
}

func (a *archive) put(f *formats.Folder, it *formats.Item) {
	it.Folder, it.Index, it.ID = f, uint64(len(a.items)), fmt.Sprint(len(a.items))
	a.items = append(a.items, it)
}

// The bytes do not depend on the number of jobs, whatever the form.
func TestGroupwareJobs(t *testing.T) {
	a := new(archive)
	f := a.folder("Mixed")
	for range 20 {
		for _, it := range itemtest.Examples(3) {
			copied := *it
			copied.Identity = uidOf(it)
			copied.Key = formats.Key(it.Kind, copied.Identity)
			a.put(f, &copied)
		}
		a.mail(f, "Mail", "text")
	}
	for _, o := range []files.Options{{Format: files.MBOX, Inside: 10}, {Format: files.EML, Split: true, TextNotes: true}} {
		var first map[string]string
		for _, jobs := range []int{1, 8} {
			dir := t.TempDir()
			o.Sources = []files.Source{{Name: "a", Folders: a.folders}}
			target, err := files.Open(dir, nil, o)
			if err != nil {
				t.Fatal(err)
			}
			result, err := load.Run(t.Context(), load.Plan{Sources: []load.Input{{Name: "a", Source: a}}, Routes: []load.Route{{Target: target}}, Jobs: jobs})
			if err != nil || result.Balance.Total().Written != len(a.items) {
				t.Fatalf("%v, %+v, %v", err, result.Balance.Total(), result.Failures)
			}
			if got := tree(t, dir); first == nil {
				first = got
			} else if diff := cmp.Diff(first, got); diff != "" {
				t.Errorf("-one worker +eight:\n%s", diff)
			}
		}
		// Each item is there once, with a UID that no other has.
		uids := make(map[string]int)
		components := 0
		for name, text := range first {
			if filepath.Ext(name) != ".ics" && filepath.Ext(name) != ".vcf" {
				continue
			}
			text = strings.ReplaceAll(text, "\r\n ", "")
			components += strings.Count(text, "BEGIN:VTODO\r\n") + strings.Count(text, "BEGIN:VJOURNAL\r\n") + strings.Count(text, "BEGIN:VCARD\r\n")
			for line := range strings.SplitSeq(text, "\r\n") {
				if uid, ok := strings.CutPrefix(line, "UID:"); ok && !strings.HasPrefix(uid, "event-") {
					uids[uid]++
				}
			}
		}
		if want := 20 * 3 * 5; components != want-20*3*boolean(o.TextNotes) || len(uids) != components {
			t.Errorf("%d components with %d UIDs", components, len(uids))
		}
	}
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

func uidOf(it *formats.Item) string {
	switch {
	case it.Event != nil:
		return it.Event.Identity()
	case it.Task != nil:
		return it.Task.UID
	case it.Journal != nil:
		return it.Journal.UID
	case it.Note != nil:
		return it.Note.UID
	case it.Contact != nil:
		return it.Contact.UID
	}
	return it.Group.UID
}

// A folder gets a file for each sort of its items, whatever else is in it.
func TestCalendarsAndCards(t *testing.T) {
	dir := t.TempDir()
	result := mustConvert(t, dir, archives{"alice.pst": office()}, files.Options{Format: files.MBOX})
	if total := result.Balance.Total(); total.Written != 11 {
		t.Errorf("%+v", total)
	}
	got := tree(t, dir)
	want := []string{
		".mailmill.json", "Calendar.ics", "Calendar/Urlaub.ics", "Contacts.vcf",
		"Deleted Items.ics", "Deleted Items.mbox", "Deleted Items.vcf", "Notes.ics",
	}
	if !slices.Equal(names(got), want) {
		t.Errorf("files: %q, want %q", names(got), want)
	}
	const begin = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//mailmill//mailmill//EN
CALSCALE:GREGORIAN
NAME:Calendar
X-WR-CALNAME:Calendar
BEGIN:VTIMEZONE
TZID:Europe/Berlin
`
	text := strings.ReplaceAll(got["Calendar.ics"], "\r\n", "\n")
	if !strings.HasPrefix(text, begin) || !strings.HasSuffix(text, "END:VEVENT\nEND:VCALENDAR\n") {
		t.Errorf("%s", text)
	}
	holds(t, text, map[string]int{"BEGIN:VTIMEZONE": 1, "BEGIN:VEVENT": 2, "DTSTART;TZID=Europe/Berlin:20140328T090000": 2, "BEGIN:VCALENDAR": 1})
	holds(t, got["Deleted Items.ics"], map[string]int{"BEGIN:VEVENT": 1, "BEGIN:VTODO": 1, "BEGIN:VCALENDAR": 1})
	holds(t, got["Contacts.vcf"], map[string]int{"BEGIN:VCARD\r\nVERSION:4.0\r\n": 2, "MEMBER:" + aliceUID: 1})
	holds(t, got["Notes.ics"], map[string]int{"BEGIN:VJOURNAL": 1, `DESCRIPTION:Milk\nand bread`: 1})

	dir = t.TempDir()
	mustConvert(t, dir, archives{"alice.pst": office()}, files.Options{Format: files.MBOX, Cards: vcard.Options{Version: vcard.V3}, TextNotes: true})
	got = tree(t, dir)
	holds(t, got["Contacts.vcf"], map[string]int{"BEGIN:VCARD\r\nVERSION:3.0\r\n": 2, "X-ADDRESSBOOKSERVER-MEMBER:" + aliceUID: 1})
	note := "Notes/2014-03-02 Milk " + formats.Key(formats.KindNote, "milk")[:8] + ".txt"
	if got[note] != "Milk\nand bread\n" || got["Notes.ics"] != "" {
		t.Errorf("%q", names(got))
	}
}

func holds(t *testing.T, text string, parts map[string]int) {
	t.Helper()
	for part, n := range parts {
		if got := strings.Count(text, part); got != n {
			t.Errorf("%q is there %d times, want %d:\n%s", part, got, n, text)
		}
	}
}

// The names of files are those that servers and vdirsyncer give them.
func TestSplitCalendarsAndCards(t *testing.T) {
	a := office()
	calendar := a.folders[1]
	a.event(calendar, "Case", "LUNCH")
	a.event(calendar, "Device", "con")
	a.event(calendar, "Long", strings.Repeat("0", 101))
	a.sort()
	dir := t.TempDir()
	mustConvert(t, dir, archives{"alice.pst": a}, files.Options{Format: files.EML, Split: true})
	hash := func(uid string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(uid))) }
	trash := "Deleted Items/2014-03-02 "
	want := []string{
		".mailmill.json",
		"Calendar/" + hash("review@example.org") + ".ics", "Calendar/lunch.ics", "Calendar/" + hash("LUNCH") + ".ics",
		"Calendar/" + hash("con") + ".ics", "Calendar/" + hash(strings.Repeat("0", 101)) + ".ics", "Calendar/Urlaub/away.ics",
		"Contacts/6f9619ff-8b86-5011-842d-00c04fc964fe.vcf", "Contacts/6f9619ff-8b86-5011-842d-00c04fc964ff.vcf",
		"Deleted Items/00000000-0000-5000-8000-000000000001.vcf", "Deleted Items/done.ics", "Deleted Items/forgotten.ics",
		trash + "Offer " + a.items[0].Key[:8] + ".eml", trash + "Re Offer " + a.items[3].Key[:8] + ".eml", "Notes/milk.ics",
	}
	slices.Sort(want)
	got := tree(t, dir)
	if !slices.Equal(names(got), want) {
		t.Errorf("files:\n%s\nwant:\n%s", strings.Join(names(got), "\n"), strings.Join(want, "\n"))
	}
	for name, text := range got {
		switch filepath.Ext(name) {
		case ".ics":
			holds(t, text, map[string]int{"BEGIN:VCALENDAR": 1, "END:VCALENDAR": 1, "UID:": 1})
		case ".vcf":
			holds(t, text, map[string]int{"BEGIN:VCARD": 1})
		}
	}
}

// sort puts the items into the order of their folders.
func (a *archive) sort() {
	slices.SortStableFunc(a.items, func(x, y *formats.Item) int {
		return slices.Index(a.folders, x.Folder) - slices.Index(a.folders, y.Folder)
	})
	for i, it := range a.items {
		it.Index = uint64(i)
	}
}

// What a folder would hold is in an archive, too, whatever the number of workers; one file has what those of all folders
// have.
func TestGroupwareInArchivesAndFiles(t *testing.T) {
	for _, o := range []files.Options{{Format: files.MBOX}, {Format: files.EML, Split: true}, {Format: files.Maildir, TextNotes: true}} {
		dir := t.TempDir()
		mustConvert(t, filepath.Join(dir, "out"), archives{"alice.pst": office()}, o)
		want := tree(t, filepath.Join(dir, "out"))
		for _, name := range []string{"all.tar.zst", "all.zip"} {
			path := filepath.Join(dir, name)
			mustConvert(t, path, archives{"alice.pst": office()}, o)
			got, order := entries(t, path)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %s: -folder +archive:\n%s", o.Format.Name(), name, diff)
			}
			if order[len(order)-1] != ".mailmill.json" {
				t.Errorf("%q", order)
			}
			first := sum(t, path)
			mustConvert(t, path, archives{"alice.pst": office()}, o)
			if sum(t, path) != first {
				t.Errorf("%s: the second run writes another archive", name)
			}
		}
	}

	dir := t.TempDir()
	single := func(name string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		mustConvert(t, path, archives{"alice.pst": office()}, files.Options{Format: files.MBOX})
		return string(uncompressed(t, path))
	}
	holds(t, single("all.ics"), map[string]int{"BEGIN:VCALENDAR": 1, "BEGIN:VEVENT": 4, "BEGIN:VTODO": 1, "BEGIN:VJOURNAL": 1, "BEGIN:VTIMEZONE": 1, "X-WR-CALNAME": 0})
	holds(t, single("all.vcf"), map[string]int{"BEGIN:VCARD": 3})
	holds(t, single("all.mbox"), map[string]int{"\nFrom ": 1, "BEGIN": 0})

	a := office()
	result := mustConvert(t, filepath.Join(dir, "other.vcf"), archives{"alice.pst": a}, files.Options{Format: files.MBOX})
	if c := result.Balance.Total(); c.Written != 3 || c.Filtered != 8 {
		t.Errorf("%+v", c)
	}
	if result := mustConvert(t, filepath.Join(dir, "empty.ics"), archives{"alice.pst": {}}, files.Options{Format: files.MBOX}); result.Balance.Total().Found != 0 {
		t.Error(result.Balance)
	}
	holds(t, string(uncompressed(t, filepath.Join(dir, "empty.ics"))), map[string]int{"BEGIN:VCALENDAR": 1, "END:VCALENDAR": 1})
}

// Standard output gets the first sort that is wanted.
func TestGroupwareOnStandardOutput(t *testing.T) {
	for _, tt := range []struct {
		only  []formats.Kind
		want  string
		total int
	}{
		{nil, "From ", 2},
		{[]formats.Kind{formats.KindEvent, formats.KindContact}, "BEGIN:VCALENDAR", 4},
		{[]formats.Kind{formats.KindContact, formats.KindGroup}, "BEGIN:VCARD", 3},
	} {
		var out bytes.Buffer
		a := office()
		o := files.Options{Format: files.MBOX, Kinds: files.FormOf(files.Stdout).Kinds(tt.only), Sources: []files.Source{{Name: "alice.pst", Folders: a.folders}}}
		target, err := files.Open(files.Stdout, &out, o)
		if err != nil {
			t.Fatal(err)
		}
		result, err := load.Run(t.Context(), load.Plan{Sources: []load.Input{{Name: "alice.pst", Source: a}}, Routes: []load.Route{{Kinds: o.Kinds, Target: target}}})
		if err != nil || result.Balance.Total().Written != tt.total || !strings.HasPrefix(out.String(), tt.want) {
			t.Errorf("%v: %+v, %v:\n%s", tt.only, result.Balance.Total(), err, &out)
		}
	}
}

// Programs take two items with one UID for one: copies beside each other are told apart.
func TestCopiesBesideEachOther(t *testing.T) {
	twice := func() *archive {
		a := new(archive)
		f := a.folder("Calendar")
		a.event(f, "Review", "review").Overrides = []*formats.Event{override("review", 29)}
		a.event(f, "Review again", "review").Overrides = []*formats.Event{override("review", 29)}
		a.event(f, "Sly", "review-2")
		a.contact(f, "Alice", aliceUID)
		a.contact(f, "Alice again", aliceUID)
		return a
	}
	dir := t.TempDir()
	mustConvert(t, dir, archives{"alice.pst": twice()}, files.Options{Format: files.MBOX})
	got := tree(t, dir)
	holds(t, got["Calendar.ics"], map[string]int{"UID:review\r\n": 2, "UID:review-2\r\n": 2, "UID:review-2-2\r\n": 1, "SUMMARY:Review again\r\n": 1})
	holds(t, got["Calendar.vcf"], map[string]int{"UID:" + aliceUID: 1, "UID:urn:uuid:": 2, "BEGIN:VCARD": 2})
	mustConvert(t, filepath.Join(dir, "split"), archives{"alice.pst": twice()}, files.Options{Format: files.MBOX, Split: true})
	got = tree(t, filepath.Join(dir, "split"))
	holds(t, got["Calendar/review-2.ics"], map[string]int{"UID:review-2\r\n": 2, "SUMMARY:Review again\r\n": 1})
	if len(got) != 6 {
		t.Errorf("%q", names(got))
	}
}

func override(uid string, day int) *formats.Event {
	at := formats.Zoned(time.Date(2014, 3, day, 9, 0, 0, 0, time.UTC), berlin())
	moved := at
	moved.Clock = at.Clock.Add(time.Hour)
	return &formats.Event{Details: formats.Details{UID: uid, Summary: "Moved"}, Start: moved, RecurrenceID: at}
}

// What is of one series goes into one file, though the archive has it in several items; an occurrence whose series is not
// there becomes an event of its own.
func TestSeriesInSeveralItems(t *testing.T) {
	a := new(archive)
	f := a.folder("Calendar")
	id := func(day int) formats.Moment { return override("", day).RecurrenceID }
	a.occurrence(f, "Late", "weekly", id(30))
	series := a.event(f, "Weekly", "weekly")
	series.Series = &formats.Series{Rule: &formats.Recurrence{Frequency: formats.Daily}}
	series.Overrides = []*formats.Event{override("weekly", 29)}
	a.occurrence(f, "Known", "weekly", id(29))
	a.occurrence(f, "Alone", "orphan", id(30))
	a.occurrence(f, "Alone, too", "orphan", id(31))
	result := mustConvert(t, filepath.Join(t.TempDir(), "joined"), archives{"alice.pst": a}, files.Options{Format: files.MBOX})
	if c := result.Balance.Total(); c.Written != 5 {
		t.Errorf("%+v", c)
	}
	dir := t.TempDir()
	result = mustConvert(t, dir, archives{"alice.pst": a}, files.Options{Format: files.MBOX, Split: true})
	if c := result.Balance.Total(); c.Written != 5 {
		t.Errorf("%+v", c)
	}
	got := tree(t, dir)
	want := []string{
		".mailmill.json", "Calendar/orphan-20140330T090000.ics", "Calendar/orphan-20140331T090000.ics",
		"Calendar/weekly-20140329T090000.ics", "Calendar/weekly.ics",
	}
	if !slices.Equal(names(got), want) {
		t.Errorf("%q", names(got))
	}
	holds(t, got["Calendar/weekly.ics"], map[string]int{"BEGIN:VEVENT": 3, "RECURRENCE-ID": 2, "SUMMARY:Late": 1, "UID:weekly\r\n": 3})
	holds(t, got["Calendar/orphan-20140330T090000.ics"], map[string]int{"BEGIN:VEVENT": 1, "RECURRENCE-ID": 0, "UID:orphan-20140330T090000\r\n": 1})
}

// What is held of series has bounds; beyond them occurrences are on their own, and nothing is lost.
func TestManySeries(t *testing.T) {
	const many = 1001
	a := new(archive)
	f := a.folder("Calendar")
	for i := range many {
		a.event(f, "Weekly", fmt.Sprint("weekly-", i)).Series = &formats.Series{Rule: &formats.Recurrence{Frequency: formats.Weekly}}
	}
	for _, i := range []int{0, many - 1} {
		a.occurrence(f, "Late", fmt.Sprint("weekly-", i), override("", 30).RecurrenceID)
	}
	dir := t.TempDir()
	result := mustConvert(t, dir, archives{"alice.pst": a}, files.Options{Format: files.MBOX, Split: true})
	got := tree(t, dir)
	if c := result.Balance.Total(); c.Written != many+2 || len(got) != many+3 {
		t.Errorf("%+v, %d files", c, len(got))
	}
	holds(t, got["Calendar/weekly-0-20140330T090000.ics"], map[string]int{"BEGIN:VEVENT": 1, "SUMMARY:Late": 1, "RECURRENCE-ID": 0})
}

// Two zones of one name and other rules are told apart in one calendar, also where components were made apart.
func TestZonesOfOneName(t *testing.T) {
	a := new(archive)
	f := a.folder("Calendar")
	a.event(f, "One", "one")
	other := a.event(f, "Other", "other")
	other.Start.Zone = &formats.Zone{ID: "Europe/Berlin", Onsets: []formats.Onset{{Before: 0, After: 7200}}}
	a.event(f, "Two", "two")
	dir := t.TempDir()
	mustConvert(t, dir, archives{"alice.pst": a}, files.Options{Format: files.MBOX})
	text := tree(t, dir)["Calendar.ics"]
	holds(t, text, map[string]int{"BEGIN:VTIMEZONE": 2, "DTSTART;TZID=Europe/Berlin:": 2, "DTSTART;TZID=Europe/Berlin-": 1})
}

// Attachments that are large lie beside a calendar, in folders and archives alike.
func TestAttachmentsBeside(t *testing.T) {
	const large = 5 << 20
	make := func() *archive {
		a := new(archive)
		f := a.folder("Projects", "Calendar")
		e := a.event(f, "Review", "review")
		e.Attachments = []*formats.Part{
			{Type: "text/plain", Name: "small.txt", Content: formats.Bytes("small"), Size: 5},
			{Type: "application/x-dwg", Name: "plan & co?.dwg", Content: stream{size: large}, Size: large},
			{Type: "application/x-dwg", Name: "plan & co?.dwg", Content: broken{}, Size: large},
		}
		a.event(f, "Small", "small").Attachments = e.Attachments[:1]
		return a
	}
	for _, split := range []bool{false, true} {
		dir := t.TempDir()
		o := files.Options{Format: files.MBOX, Inside: 1 << 20, Split: split}
		result := mustConvert(t, filepath.Join(dir, "out"), archives{"alice.pst": make()}, o)
		if c := result.Balance.Total(); c.Written != 2 || c.Damaged != 1 {
			t.Errorf("%+v", c)
		}
		got := tree(t, filepath.Join(dir, "out"))
		key := formats.Key(formats.KindEvent, "review")
		inside := 2 // in the calendar of both
		name, place, uri := "Projects/Calendar.files/"+key+"/plan & co_.dwg", "Projects/Calendar.ics", "Calendar.files/"+key+"/plan%20&%20co_.dwg"
		if split {
			place, uri, inside = "Projects/Calendar/review.ics", "../"+uri, 1
		}
		if len(got[name]) != large {
			t.Fatalf("%q", names(got))
		}
		text := strings.ReplaceAll(got[place], "\r\n ", "")
		holds(t, text, map[string]int{":" + uri + "\r\n": 1, "ENCODING=BASE64": inside, "COMMENT:Not complete": 1})
		path := filepath.Join(dir, "all.tar")
		mustConvert(t, path, archives{"alice.pst": make()}, o)
		archived, _ := entries(t, path)
		if !maps.Equal(got, archived) {
			t.Errorf("%q, want %q", names(archived), names(got))
		}
		mustConvert(t, filepath.Join(dir, "out"), archives{"alice.pst": make()}, o)
		if again := tree(t, filepath.Join(dir, "out")); !maps.Equal(got, again) {
			t.Errorf("another run writes %q", names(again))
		}
	}
	path := filepath.Join(t.TempDir(), "all.ics")
	mustConvert(t, path, archives{"alice.pst": make()}, files.Options{Format: files.MBOX, Inside: 1 << 20})
	holds(t, string(uncompressed(t, path)), map[string]int{"files/": 0, "BEGIN:VEVENT": 2})
}

// An item that fails on its way leaves the calendar as if it had not been.
func TestCalendarItemFails(t *testing.T) {
	const large = 5 << 20
	a := new(archive)
	f := a.folder("Calendar")
	a.event(f, "First", "first")
	bad := a.event(f, "Fails", "fails")
	bad.Start.Zone = &formats.Zone{ID: "Asia/Tokyo", Onsets: []formats.Onset{{Before: 9 * 3600, After: 9 * 3600}}}
	bad.Attachments = []*formats.Part{{Content: stream{size: large, panicsAt: large - 1}, Size: large}}
	a.event(f, "Last", "last")
	a.event(f, "Of no year", "none").Start.Clock = time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)
	dir := t.TempDir()
	result := mustConvert(t, dir, archives{"alice.pst": a}, files.Options{Format: files.MBOX})
	if c := result.Balance.Total(); c.Written != 2 || c.Failed != 2 {
		t.Errorf("%+v", c)
	}
	text := tree(t, dir)["Calendar.ics"]
	holds(t, text, map[string]int{"BEGIN:VEVENT": 2, "END:VEVENT": 2, "SUMMARY:Fails": 0, "ATTACH": 0, "END:VCALENDAR": 1})
}

// What cannot be read of a note is said in its place.
func TestDamagedTextNote(t *testing.T) {
	a := new(archive)
	a.note(a.folder("Notes"), "Milk", "milk", "").Text = broken{}
	dir := t.TempDir()
	result := mustConvert(t, dir, archives{"alice.pst": a}, files.Options{Format: files.MBOX, TextNotes: true})
	got := tree(t, dir)["Notes/2014-03-02 Milk "+a.items[0].Key[:8]+".txt"]
	if c := result.Balance.Total(); c.Damaged != 1 || got != "[Not complete: description: the block is gone]\n" {
		t.Errorf("%+v, %q", c, got)
	}
}

// A flag makes a task of a mail, which stays one.
func TestFollowUp(t *testing.T) {
	flagged := func() *archive {
		a := new(archive)
		inbox := a.folder("Inbox")
		a.mail(inbox, "Offer", "Dear all\n").FollowUp = &formats.Task{Details: formats.Details{UID: "flag", Summary: "Offer"}, Due: formats.Date(2014, 3, 28)}
		a.mail(inbox, "Plan", "See below\n")
		return a
	}
	dir := t.TempDir()
	result := mustConvert(t, filepath.Join(dir, "with"), archives{"alice.pst": flagged()}, files.Options{Format: files.MBOX, FollowUps: true})
	if c := result.Balance.Total(); c.Found != 2 || c.Written != 2 {
		t.Errorf("%+v", c)
	}
	got := tree(t, filepath.Join(dir, "with"))
	holds(t, got["Inbox.ics"], map[string]int{"BEGIN:VTODO": 1, "DUE;VALUE=DATE:20140328": 1})
	holds(t, got["Inbox.mbox"], map[string]int{"Subject: ": 2})
	mustConvert(t, filepath.Join(dir, "without"), archives{"alice.pst": flagged()}, files.Options{Format: files.MBOX})
	if got := tree(t, filepath.Join(dir, "without")); len(got) != 2 {
		t.Errorf("%q", names(got))
	}
}

// What is in a Maildir's place beside it has none of its names.
func TestCalendarsBesideMaildir(t *testing.T) {
	a := new(archive)
	a.event(a.folder("cur"), "One", "one")
	a.event(a.folder("subscriptions", "below"), "Two", "two")
	a.event(a.folder("cur", "below"), "Three", "three")
	dir := t.TempDir()
	mustConvert(t, dir, archives{"alice.pst": a}, files.Options{Format: files.Maildir})
	want := []string{".mailmill.json", "cur_.ics", "cur_/below.ics", "subscriptions", "subscriptions_/below.ics"}
	if got := names(tree(t, dir)); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
