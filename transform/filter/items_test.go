package filter_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/transform/filter"
)

func person(name, stored, smtp string) *formats.Address {
	return &formats.Address{Name: name, Stored: stored, SMTP: smtp}
}

func TestPeople(t *testing.T) {
	mail := &formats.Item{Mail: &formats.Mail{
		From: person("Zdeněk Dvořák", "/o=Nord/cn=zdvorak", "zdvorak@nord.example"), Sender: person("Secretary", "sec@nord.example", "sec@nord.example"),
		To: []*formats.Address{person("Alice", "", "alice@nord.example")}, Cc: []*formats.Address{person("", "bob@süd.example", "")},
		Bcc: []*formats.Address{person("Straße 7", "", "")},
	}}
	event := &formats.Item{Event: &formats.Event{Meeting: &formats.Meeting{
		Organizer: person("Alice", "", "alice@nord.example"), Attendees: []formats.Attendee{{Address: person("Room 1", "", "room1@nord.example")}},
	}}}
	task := &formats.Item{Task: &formats.Task{Assigner: person("Alice", "", ""), Owner: person("Bob", "", "")}}
	note := &formats.Item{Note: &formats.Note{}}
	for _, tt := range []struct {
		name     string
		item     *formats.Item
		from, to string
		want     bool
	}{
		{"a name, in any case", mail, "DVOŘÁK", "", true},
		{"a name that is composed otherwise", mail, "dvor\u030ca\u0301k", "", true},
		{"the address to use", mail, "zdvorak@nord", "", true},
		{"the stored address", mail, "/o=nord", "", true},
		{"the sender", mail, "sec@", "", true},
		{"somebody else", mail, "alice", "", false},
		{"to", mail, "", "alice@NORD.example", true},
		{"a copy", mail, "", "BOB@SÜD", true},
		{"a blind copy", mail, "", "STRASSE", true},
		{"the author is no recipient", mail, "", "zdvorak", false},
		{"both", mail, "zdvorak", "alice", true},
		{"one of both", mail, "zdvorak", "charlie", false},
		{"who organizes", event, "alice", "", true},
		{"who is invited", event, "", "room1", true},
		{"who gave a task", task, "alice", "", true},
		{"who has a task", task, "", "bob", true},
		{"nobody", note, "alice", "", false},
	} {
		list := func(s string) []string { return strings.Fields(s) }
		if keep, err := filter.NewPeople(list(tt.from), list(tt.to)).Apply(t.Context(), tt.item); keep != tt.want || err != nil {
			t.Errorf("%s: %v, %v", tt.name, keep, err)
		}
	}
	if keep, _ := filter.NewPeople([]string{"charlie", "sec@"}, nil).Apply(t.Context(), mail); !keep {
		t.Error("one of several texts is enough")
	}
}

func TestSubject(t *testing.T) {
	for subject, want := range map[string]bool{"AW: Rechnung 7": true, "rechnung": true, "RECHNUNG": true, "Rech nung": false, "": false} {
		it := &formats.Item{Entry: formats.Entry{Subject: subject}}
		if keep, err := filter.NewSubject([]string{"invoice", "Rechnung"}).Apply(t.Context(), it); keep != want || err != nil {
			t.Errorf("%q: %v, %v", subject, keep, err)
		}
	}
}

func TestState(t *testing.T) {
	for _, tt := range []struct {
		name  string
		state filter.State
		kind  formats.Kind
		flags formats.Flags
		want  bool
	}{
		{"unread", filter.State{Unread: true}, formats.KindMail, formats.FlagFlagged, true},
		{"read", filter.State{Unread: true}, formats.KindMail, formats.FlagSeen, false},
		{"no mail", filter.State{Unread: true}, formats.KindEvent, 0, false},
		{"flagged", filter.State{Flagged: true}, formats.KindContact, formats.FlagFlagged, true},
		{"not flagged", filter.State{Flagged: true}, formats.KindMail, formats.FlagSeen, false},
		{"unread and flagged", filter.State{Unread: true, Flagged: true}, formats.KindMail, formats.FlagFlagged, true},
		{"unread alone", filter.State{Unread: true, Flagged: true}, formats.KindMail, 0, false},
	} {
		it := &formats.Item{Entry: formats.Entry{Kind: tt.kind}, Flags: tt.flags}
		keep, err := tt.state.Apply(t.Context(), it)
		if got := tt.state.Wanted(&it.Entry) && keep; got != tt.want || err != nil {
			t.Errorf("%s: %v, %v", tt.name, got, err)
		}
	}
}

// What a table does not tell is asked of the item.
func TestClassesAndSizes(t *testing.T) {
	classes, err := filter.NewClasses([]string{"ipm.note*", "IPM.Appointment"})
	if err != nil {
		t.Fatal(err)
	}
	for class, want := range map[string]bool{"IPM.Note": true, "IPM.Note.SMIME": true, "IPM.Appointment": true, "IPM.Appointment.Foo": false, "IPM.Task": false} {
		it := &formats.Item{Entry: formats.Entry{Class: class}}
		if got := classes.Wanted(&it.Entry); got != want {
			t.Errorf("%s: %v", class, got)
		}
		if keep, err := classes.Apply(t.Context(), it); keep != want || err != nil {
			t.Errorf("%s: %v, %v", class, keep, err)
		}
	}
	if none := (&formats.Item{}); !classes.Wanted(&none.Entry) {
		t.Error("an entry that does not tell its class is not even read")
	} else if keep, _ := classes.Apply(t.Context(), none); keep {
		t.Error("an item without a class has that of a mail")
	}
	if _, err := filter.NewClasses([]string{"IPM.["}); err == nil {
		t.Error("a set without its end is accepted")
	}
	for _, tt := range []struct {
		sizes filter.Sizes
		size  int64
		want  bool
	}{
		{filter.Sizes{Larger: 1000}, 1000, false},
		{filter.Sizes{Larger: 1000}, 1001, true},
		{filter.Sizes{Smaller: 1000}, 1000, false},
		{filter.Sizes{Smaller: 1000}, 999, true},
		{filter.Sizes{Larger: 10, Smaller: 1000}, 500, true},
		{filter.Sizes{Larger: 1000}, 0, true},
	} {
		it := &formats.Item{Entry: formats.Entry{Size: tt.size}}
		keep, err := tt.sizes.Apply(t.Context(), it)
		if keep != tt.want || tt.sizes.Wanted(&it.Entry) != tt.want || err != nil {
			t.Errorf("%v of %+v: %v, %v", tt.size, tt.sizes, keep, err)
		}
	}
}

func mailOf(subject, text string) *formats.Item {
	body := &formats.Part{Type: "text/plain", Content: formats.Bytes(text), Size: int64(len(text))}
	return &formats.Item{
		Entry: formats.Entry{Kind: formats.KindMail, Subject: subject},
		Mail: &formats.Mail{
			MessageID: "<same@example.org>", Root: body, Text: body,
			Header: []formats.Field{{Name: "Subject", Text: subject}, {Name: "Message-ID", Text: "<same@example.org>", Structured: true}},
		},
	}
}

// What is one mail to a person has one print, wherever it lies.
func TestPrint(t *testing.T) {
	d := filter.NewDuplicates()
	of := func(it *formats.Item) filter.Print {
		t.Helper()
		p, ok := d.Print(it)
		if !ok {
			t.Fatal("no print")
		}
		return p
	}
	one := mailOf("Offer", "Hello\r\n")
	same := mailOf("Offer", "Hello\r\n")
	same.Folder, same.ID, same.Size = &formats.Folder{Path: []string{"Archive"}}, "7", 5
	same.Flags, same.Received, same.Modified = formats.FlagSeen, time.Now(), time.Now()
	if of(one) != of(same) {
		t.Error("where a mail lies makes it another one")
	}
	if of(one) == of(mailOf("Offer", "Hello.\r\n")) || of(one) == of(mailOf("Offer 2", "Hello\r\n")) {
		t.Error("two mails with one Message-ID are one")
	}
	if !d.First(of(one)) || d.First(of(same)) {
		t.Error("the first is not the one that stays")
	}

	damaged := mailOf("Offer", "Hello\r\n")
	damaged.Lose(formats.Damage{Part: "attachment", Err: errors.New("gone")})
	if _, ok := d.Print(damaged); ok {
		t.Error("a damaged item has a print")
	}
	unreadable := mailOf("Offer", "")
	unreadable.Mail.Root.Content = failing{}
	if _, ok := d.Print(unreadable); ok {
		t.Error("an item that cannot be read has a print")
	}
	if _, ok := d.Print(&formats.Item{Entry: formats.Entry{Kind: formats.KindOther}}); ok {
		t.Error("an item without a form has a print")
	}

	event := func(summary string, changed time.Time) *formats.Item {
		start := formats.Instant(time.Date(2014, 3, 28, 9, 0, 0, 0, time.UTC))
		ev := &formats.Event{Start: start, End: formats.Instant(start.Time(nil).Add(time.Hour))}
		ev.UID, ev.Summary, ev.Created, ev.Modified = "u1", summary, changed, changed
		return &formats.Item{Entry: formats.Entry{Kind: formats.KindEvent}, Identity: "u1", Modified: changed, Event: ev}
	}
	day := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	if of(event("Lunch", day)) != of(event("Lunch", day.AddDate(1, 0, 0))) {
		t.Error("when a copy was made makes it another event")
	}
	if of(event("Lunch", day)) == of(event("Dinner", day)) {
		t.Error("two events with one UID are one")
	}
	contact := func(name string, changed time.Time) *formats.Item {
		return &formats.Item{Entry: formats.Entry{Kind: formats.KindContact, Subject: name}, Identity: "c1", Modified: changed, Contact: &formats.Contact{FullName: name}}
	}
	if of(contact("Alice", day)) != of(contact("Alice", day.AddDate(1, 0, 0))) || of(contact("Alice", day)) == of(contact("Bob", day)) {
		t.Error("contacts are told apart by something else than what they say")
	}
}

type failing struct{}

func (failing) Open() (io.ReadCloser, error) { return nil, errors.New("gone") }

// A text says the same with either line end, and nothing else is left out of it.
func TestPrintOfLines(t *testing.T) {
	d := filter.NewDuplicates()
	print := func(content string) filter.Print {
		it := mailOf("x", content)
		it.Mail.Root.Transfer = formats.TransferVerbatim
		p, _ := d.Print(it)
		return p
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune("ab \n")), 0, 9000, -1).Draw(t, "text") + "\n"
		if print(text) != print(strings.ReplaceAll(text, "\n", "\r\n")) {
			t.Fatal("line ends make two mails of one")
		}
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		if other := text[:at] + "c" + text[at+1:]; print(text) == print(other) {
			t.Fatal("two texts have one print")
		}
	})
}
