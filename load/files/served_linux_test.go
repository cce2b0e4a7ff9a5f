package files_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"mailmill/formats"
	"mailmill/formats/maildir"
	"mailmill/load/files"
	"mailmill/load/servertest"
)

// What Dovecot served before it serves after mail was added, with the same keywords and subscriptions.
func TestAddedServedByDovecot(t *testing.T) {
	dir, _ := foreign(t)
	mustConvert(t, dir, archives{"alice.pst": categorized()}, files.Options{Format: files.Maildir, Overwrite: true})
	served := servertest.Maildir(t, dir)
	var got []string
	for _, m := range served.Mails {
		flags := slices.DeleteFunc(m.Flags, func(f string) bool { return f == `\Recent` })
		slices.Sort(flags)
		name, _, _ := strings.Cut(m.GUID, ",")
		if strings.HasSuffix(name, ".mailmill") {
			name = "ours"
		}
		got = append(got, fmt.Sprint(m.Folder, " ", name, " ", flags))
	}
	slices.Sort(got)
	want := []string{
		"INBOX 1393749060.M1P1.host [NonJunk Red_Category \\Seen]",
		"INBOX ours [Neu Red_Category]",
		"Ours 1393749062.M1P1.host []",
		"Ours 1393749063.M1P1.host [Work]",
		"Ours ours [Neu]",
		"Theirs/Deep 1393749061.M1P1.host [Theirs]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	for _, f := range served.Folders {
		if f.Selectable() != f.Subscribed {
			t.Errorf("%+v", f)
		}
	}
}

// Dovecot serves folders of any name, and the keywords that there are letters for; the others are in the mail.
func TestServedByDovecot(t *testing.T) {
	a := new(archive)
	inbox := a.folder("Inbox")
	inbox.Role = formats.RoleInbox
	for i := range 30 {
		it := a.mail(inbox, fmt.Sprint(i), "text\n")
		it.Keywords = []string{fmt.Sprintf("Büro %d (x)", i)}
	}
	names := []string{"a.b", "a_b", "A_B", "~root", "#news", "50% * off", "A & B", "Größe", "受信トレイ", "🚀", "INBOX", "mailmill", "a\\b\"c", "x/y", strings.Repeat("長い", 100), "tmp", " ", "..", "é"}
	for _, name := range names {
		a.mail(a.folder(name), name, "text\n").Flags = formats.FlagForwarded | formats.FlagDraft | formats.FlagDeleted
		a.mail(a.folder(name, "tmp"), "below", "text\n")
		a.mail(a.folder("Inbox", name), "in the inbox", "text\n").Flags = formats.FlagFlagged
	}
	slices.SortStableFunc(a.items, func(x, y *formats.Item) int {
		return slices.Index(a.folders, x.Folder) - slices.Index(a.folders, y.Folder)
	})
	for i, it := range a.items {
		it.Index = uint64(i)
	}
	dir := t.TempDir()
	mustConvert(t, dir, archives{"a": a}, files.Options{Format: files.Maildir})
	served := servertest.Maildir(t, dir)
	if n := len(served.Mails); n != len(a.items) {
		t.Errorf("Dovecot serves %d mails, want %d", n, len(a.items))
	}
	byKey := make(map[string]servertest.Mail)
	for _, m := range served.Mails {
		byKey[maildir.ParseName(m.GUID).Unique] = m
	}
	place := files.Places(files.Maildir, a.folders)
	for i, it := range a.items {
		m := byKey[it.Key]
		folder := strings.ReplaceAll(strings.TrimPrefix(place(it.Folder), "."), ".", "/")
		if folder == "" {
			folder = "INBOX"
		}
		if m.Folder != folder {
			t.Errorf("%q is served as %q, want %q", it.Folder.Path, m.Folder, folder)
		}
		var want []string
		if it.Folder == inbox && i < 26 {
			want = []string{maildir.Keyword(it.Keywords[0])}
		}
		for flag, name := range map[formats.Flags]string{formats.FlagForwarded: "$Forwarded", formats.FlagDraft: `\Draft`, formats.FlagDeleted: `\Deleted`, formats.FlagFlagged: `\Flagged`} {
			if it.Flags&flag != 0 {
				want = append(want, name)
			}
		}
		got := slices.DeleteFunc(m.Flags, func(f string) bool { return f == `\Recent` })
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", m.Folder, got, want)
		}
	}
	for _, f := range served.Folders {
		if f.Selectable() != f.Subscribed {
			t.Errorf("%+v", f)
		}
	}
}
