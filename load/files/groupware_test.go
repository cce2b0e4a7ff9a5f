package files_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailmill/formats"
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
	const calendar = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//mailmill//mailmill//EN
CALSCALE:GREGORIAN
NAME:Calendar
X-WR-CALNAME:Calendar
BEGIN:VTIMEZONE
TZID:Europe/Berlin
`
	text := strings.ReplaceAll(got["Calendar.ics"], "\r\n", "\n")
	if !strings.HasPrefix(text, calendar) || !strings.HasSuffix(text, "END:VEVENT\nEND:VCALENDAR\n") {
		t.Errorf("%s", text)
	}
	for what, n := range map[string]int{"BEGIN:VTIMEZONE": 1, "BEGIN:VEVENT": 2, "DTSTART;TZID=Europe/Berlin:20140328T090000": 2, "BEGIN:VCALENDAR": 1} {
		if strings.Count(text, what) != n {
			t.Errorf("%q is there %d times, want %d:\n%s", what, strings.Count(text, what), n, text)
		}
	}
	if n := strings.Count(got["Deleted Items.ics"], "BEGIN:V"); n != 5 { // VCALENDAR, VTIMEZONE, VEVENT, VTODO
		t.Logf("%d components", n)
	}
	if !strings.Contains(got["Contacts.vcf"], "MEMBER:"+aliceUID) || strings.Count(got["Contacts.vcf"], "BEGIN:VCARD\r\nVERSION:4.0\r\n") != 2 {
		t.Errorf("%s", got["Contacts.vcf"])
	}
	old := t.TempDir()
	mustConvert(t, old, archives{"alice.pst": office()}, files.Options{Format: files.MBOX, Cards: vcard.Options{Version: vcard.V3}})
	if cards := tree(t, old)["Contacts.vcf"]; !strings.Contains(cards, "X-ADDRESSBOOKSERVER-MEMBER:"+aliceUID) || strings.Contains(cards, "VERSION:4.0") {
		t.Errorf("%s", cards)
	}
	_ = bytes.MinRead
	_ = filepath.Join
	_ = load.Written
}
