package pst

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/formats/mapi"
)

var errDamaged = errors.New("block 0x1f2c4: wrong checksum")

func TestEntries(t *testing.T) {
	s := standard()
	sent, delivered, changed := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2020, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(2020, 1, 3, 0, 0, 0, 0, time.UTC)
	s.mail(0x8082, 0x2000A4, "\x01\x05Re: Offer").with(mapi.PidTagMessageSize, num(1234)).
		with(mapi.PidTagClientSubmitTime, when(sent)).with(mapi.PidTagMessageDeliveryTime, when(delivered)).with(mapi.PidTagLastModificationTime, when(changed))
	s.mail(0x8082, 0x200044, "a meeting").with(mapi.PidTagMessageClass, str("IPM.Appointment")).
		with(mapi.PidTagClientSubmitTime, when(sent)).with(mapi.PidTagLastModificationTime, when(changed))
	var got []formats.Entry
	for e, err := range s.open(extract.Options{}).Entries(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	if len(got) != 2 {
		t.Fatalf("%d entries", len(got))
	}
	if e := got[0]; e.ID != "0x2000a4" || e.Subject != "Re: Offer" || e.Size != 1234 || !e.Date.Equal(sent) || e.Kind != formats.KindMail || e.Folder.String() != "Inbox" {
		t.Errorf("mail %+v", e)
	}
	if e := got[1]; e.Kind != formats.KindEvent || !e.Date.Equal(changed) || e.Class != "IPM.Appointment" {
		t.Errorf("event %+v", e)
	}
}

func TestDamagedEntries(t *testing.T) {
	s := standard()
	s.folder(top, 0x80A2, "Other")
	s.mail(0x8082, 0x200024, "whole")
	s.mail(0x8082, 0x200044, "absent")
	delete(s.nodes, 0x200044)
	s.mail(0x80A2, 0x200024, "whole") // the same node again
	delete(s.mail(0x80A2, 0x200064, "no class in its row"), mapi.PidTagMessageClass)
	s.nodes[0x200064] = 0x80A2
	s.nodes[0x200084], s.mails[0x200084] = 0x8082, props{mapi.PidTagMessageClass: str("IPM.Note"), mapi.PidTagSubject: str("deleted")}
	s.nodes[0x2000A4] = 0x8082 // no message behind it

	a := s.open(extract.Options{})
	want := []string{"Inbox: whole", "Inbox: absent (" + errNoNode.Error() + ")", "Other: no class in its row"}
	equal(t, "intact tables", subjects(t, a), want)
	if w := a.Info().Warnings; len(w) != 1 || !strings.Contains(w[0], `item 0x200024 is listed twice, the second time in folder "Other" (0x80a2)`) {
		t.Errorf("warnings %q", w)
	}
	lost := []string{"Recovered items: deleted (recovered)", "Recovered items:  (recovered) (no such node)"}
	equal(t, "on demand", subjects(t, s.open(extract.Options{Recover: true})), append(slices.Clip(want), lost...))

	s.broken[0x808E] = errDamaged
	a = s.open(extract.Options{})
	back := []string{"Inbox: deleted (recovered)", "Inbox:  (recovered) (no such node)"}
	for range 2 {
		equal(t, "damaged table", subjects(t, a), slices.Concat(want[:2], back, want[2:]))
	}
	if w := a.Info().Warnings; len(w) != 2 || !strings.Contains(w[0], errDamaged.Error()) {
		t.Errorf("warnings %q", w)
	}
}

func TestHidden(t *testing.T) {
	s := standard()
	s.mail(0x8082, 0x200024, "mail")
	s.mail(0x8042, 0x200044, "outside")
	s.fai[0x8082] = []row{{id: 0x200068, cols: props{mapi.PidTagMessageClass: str("IPM.Configuration.WorkHours")}}}
	s.nodes[0x200068] = 0x8082
	equal(t, "usual", subjects(t, s.open(extract.Options{})), []string{"Inbox: mail"})
	equal(t, "recover", subjects(t, s.open(extract.Options{Recover: true})), []string{"Inbox: mail"})
	equal(t, "hidden", subjects(t, s.open(extract.Options{Hidden: true})), []string{"Inbox: mail", "Inbox:  (hidden)", "Search Root: outside (hidden)"})
}

// A program that marks a mail as read changes its folder's table, and may leave the mail as it was.
func TestFlagsOfTheTable(t *testing.T) {
	s := standard()
	s.mail(0x8082, 0x200024, "read since").flags(mapi.MessageRead)
	s.mails[0x200024].flags(0)
	s.mail(0x8082, 0x200044, "unread since").flags(0)
	s.mails[0x200044].flags(mapi.MessageRead)
	s.mail(0x8082, 0x200064, "the table has none")
	s.mails[0x200064].flags(mapi.MessageRead)
	a := s.open(extract.Options{})
	want := []bool{true, false, true}
	for e := range a.Entries(context.Background()) {
		item, err := a.Read(context.Background(), e)
		if err != nil {
			t.Fatal(err)
		}
		if got := item.Flags&formats.FlagSeen != 0; got != want[0] {
			t.Errorf("%s: seen %v", e.Subject, got)
		}
		if item.Source != "fake.pst" {
			t.Errorf("source %q", item.Source)
		}
		want = want[1:]
	}
}

func TestInfo(t *testing.T) {
	s := standard()
	s.facts.password = true
	s.props.with(idOwnerName, str("Alice Example"))
	s.props.with(idOwnerEntry, mapi.Value{Type: mapi.Binary, Data: mapi.MakeOneOff("Alice", "SMTP", "alice@example.org")})
	info := s.open(extract.Options{}).Info()
	if o := info.Owner; o == nil || o.Name != "Alice Example" || o.SMTP != "alice@example.org" {
		t.Errorf("owner %+v", o)
	}
	if len(info.Notes) != 1 || !strings.Contains(info.Notes[0], "password") {
		t.Errorf("notes %q", info.Notes)
	}
	if info := standard().open(extract.Options{}).Info(); info.Owner != nil || len(info.Notes) != 0 || len(info.Warnings) != 0 {
		t.Errorf("%+v", info)
	}
}

func TestCodePage(t *testing.T) {
	for _, tt := range []struct {
		store  props
		ansi   bool
		wanted int
		cp     int
		reason string
	}{
		{props{}, false, 0, 1252, "Unicode"},
		{props{}, true, 0, 1252, "does not tell"},
		{props{}, true, 1251, 1251, "as told"},
		{props{mapi.PidTagMessageCodepage: num(1250)}, true, 0, 1250, "message store"},
		{props{mapi.PidTagMessageLocaleId: num(0x0419)}, true, 0, 1251, "locale 0x0419"},
	} {
		cp, reason := codePage(tt.store, tt.ansi, tt.wanted)
		if cp != tt.cp || !strings.Contains(reason, tt.reason) {
			t.Errorf("%+v: %d, %s", tt, cp, reason)
		}
	}
}

func TestEntriesStop(t *testing.T) {
	s := standard()
	s.mail(0x8082, 0x200024, "a")
	s.mail(0x8082, 0x200044, "b")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	for _, err := range s.open(extract.Options{}).Entries(ctx) {
		if n++; n == 2 && !errors.Is(err, context.Canceled) {
			t.Errorf("after the end of its context: %v", err)
		}
		cancel()
	}
	if n != 2 {
		t.Errorf("%d steps", n)
	}
	for range s.open(extract.Options{}).Entries(context.Background()) {
		break
	}
}

// What several parts of an item lack for one reason is told at once, and parts of a part that is named itself are not.
func TestSummed(t *testing.T) {
	sum, gone := errors.New("wrong checksum"), errors.New("not in the index")
	list := summed([]formats.Damage{
		{Part: `attachment "a": property 0x370B`, Err: sum},
		{Part: "recipients", Err: sum},
		{Part: `attachment "a"`, Err: sum},
		{Part: `attachment "a": name`, Err: gone},
		{Part: "b", Err: gone},
		{Part: "c", Err: gone},
		{Part: "d", Err: gone},
		{Part: "e", Err: gone},
	})
	var got []string
	for _, d := range list {
		got = append(got, d.String())
	}
	equal(t, "damage", got, []string{`recipients, attachment "a": wrong checksum`, `attachment "a": name, b, c and 2 more parts: not in the index`})
}

// A folder's own damage costs it no items that the index has: that is a doubt, and no loss.
func TestDoubt(t *testing.T) {
	s := standard()
	s.mail(0x8082, 0x200024, "kept")
	s.broken[0x808E] = errDamaged
	a := s.open(extract.Options{})
	equal(t, "items", subjects(t, a), []string{"Inbox: kept"})
	if info := a.Info(); info.Incomplete != "" || !strings.HasPrefix(info.Doubt, "the list of items in folder \"Inbox\"") {
		t.Errorf("incomplete %q, doubt %q", info.Incomplete, info.Doubt)
	}
}
