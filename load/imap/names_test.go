package imap_test

import (
	"slices"
	"strings"
	"testing"

	"mailmill/formats"
	"mailmill/load/imap"
	"mailmill/load/imap/imaptest"
)

// Mailboxes have the same names when they are made, when they are there, when the ledger is lost, and when they are compared,
// whatever the server refuses and says only then.
func TestNamesStay(t *testing.T) {
	long := strings.Repeat("長い", 50)
	tests := []struct {
		what    string
		server  imaptest.Options
		options imap.Options
		folders []string
	}{
		{"a long prefix in Maildir++", imaptest.Options{Delimiter: ".", LongestName: 255}, imap.Options{Prefix: long}, []string{"Projekte", "Eine längere Sache/" + long, long, "a/b/c/d/e/f/g"}},
		{"a long prefix of many parts below INBOX", imaptest.Options{Delimiter: ".", Prefix: "INBOX.", LongestName: 255}, imap.Options{Prefix: long + "/2013/" + long + "/{source}"}, []string{"Projekte", "a/" + long}},
		{"names that are too long for the server", imaptest.Options{LongestName: 60}, imap.Options{}, []string{"eins", "eins/zwei sind viele", "eins/zwei sind viele/drei sind sehr viel mehr als zwei", "x"}},
		{"mailboxes without others within", imaptest.Options{Flat: true}, imap.Options{}, []string{"a", "a/b", "a/b/c", "a - b", "x/y", "x - y"}},
		{"mailboxes without others within, of which the server says nothing", imaptest.Options{Silent: true}, imap.Options{}, []string{"a", "a/b", "a/b/c", "a - b", "x/y", "x - y", "Sent - x"}},
		{"a mailbox that was made for no role", imaptest.Options{Without: []string{"SPECIAL-USE", "CREATE-SPECIAL-USE"}}, imap.Options{
			Wanted: func(f *formats.Folder) bool { return f.Path[0] != "Unerwünscht" },
		}, []string{"Spam", "Archives"}},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			s := imaptest.Start(t, tt.server)
			user, a := newAccount(t, s.Addr()), newArchive("a.pst")
			user.options.Prefix, user.options.Wanted = tt.options.Prefix, tt.options.Wanted
			a.mail(a.folder("Eingang", formats.RoleInbox), "inbox", "text")
			for _, f := range tt.folders {
				a.mail(a.folder(f, formats.RoleNone), f, "text")
			}
			a.folder("Unerwünscht", formats.RoleJunk)
			for range 2 {
				user.run(a)
				sameThere(t, user, a)
			}
			if got := s.Count(); got != len(a.mails) {
				t.Errorf("%d messages are there, want %d: %q", got, len(a.mails), s.Mailboxes())
			}
			boxes := s.Mailboxes()
			user.file += " lost"
			if result, _ := user.run(a); total(result).Unchanged != len(a.mails) {
				t.Errorf("with the ledger lost: %+v", total(result))
			}
			sameThere(t, user, a)
			if after := s.Mailboxes(); !slices.Equal(boxes, after) {
				t.Errorf("mailboxes were %q and are %q", boxes, after)
			}
		})
	}
}
