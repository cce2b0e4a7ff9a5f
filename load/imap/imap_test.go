package imap_test

import (
	"slices"
	"strings"
	"testing"

	"mailmill/formats"
	"mailmill/formats/mime"
	"mailmill/load"
	"mailmill/load/imap"
	"mailmill/load/imap/imaptest"
)

// sample is an archive as Outlook's German users have it.
func sample() *archive {
	a := newArchive("alice.pst")
	inbox := a.folder("Posteingang", formats.RoleInbox)
	projects := a.folder("Posteingang/Projekte", formats.RoleNone)
	sent := a.folder("Gesendete Elemente", formats.RoleSent)
	a.folder("Leer", formats.RoleNone)
	for i := range 120 {
		a.mail(inbox, "in"+string(rune('a'+i%26))+string(rune('0'+i/26)), "Hallo")
	}
	a.mail(projects, "p1", "Projekt")
	a.mail(sent, "s1", "Gruß")
	return a
}

// TestRun writes an archive, and a second time nothing.
func TestRun(t *testing.T) {
	for _, without := range [][]string{nil, {"UIDPLUS"}, {"MULTIAPPEND"}, {"UIDPLUS", "MULTIAPPEND", "LITERAL+", "LIST-EXTENDED", "SPECIAL-USE", "CREATE-SPECIAL-USE", "NAMESPACE", "QUOTA"}} {
		s := imaptest.Start(t, imaptest.Options{Without: without, Mailboxes: map[string]string{"Sent": `\Sent`}})
		a, user := sample(), newAccount(t, s.Addr())
		result, _ := user.run(a)
		if got := total(result); got != (load.Count{Found: 122, Written: 122}) {
			t.Errorf("without %v: %+v", without, got)
		}
		for range 2 {
			holds(t, s, "INBOX", a.mails[:120]...)
			holds(t, s, "INBOX/Projekte", a.mails[120])
			holds(t, s, "Sent", a.mails[121])
			if got, want := s.Mailboxes(), []string{"INBOX", "INBOX/Projekte", "Leer", "Sent"}; !slices.Equal(got, want) {
				t.Errorf("without %v: %q", without, got)
			}
			if got, want := s.Subscribed(), []string{"INBOX", "INBOX/Projekte", "Leer", "Sent"}; !slices.Equal(got, want) {
				t.Errorf("without %v: subscribed %q", without, got)
			}
			result, _ = user.run(a)
			if got := total(result); got != (load.Count{Found: 122, Unchanged: 122}) {
				t.Errorf("again, without %v: %+v", without, got)
			}
		}
	}
}

// A server may change mail with NULs, and does not say so: the books do.
func TestNUL(t *testing.T) {
	for _, text := range []string{"whole", "\x00", strings.Repeat("long line\r\n", 600_000) + "\x00"} {
		in := "Subject: x\r\n\r\n" + text
		m, err := mime.Read(formats.Bytes(in), int64(len(in)), 0)
		if err != nil {
			t.Fatal(err)
		}
		it := &formats.Item{Mail: m}
		e, err := new(imap.Target).Encode(t.Context(), it)
		if err != nil {
			t.Fatal(err)
		}
		e.Release()
		if damaged := len(it.Damage) > 0; damaged != strings.Contains(text, "\x00") {
			t.Errorf("%.9q: damage %v", text, it.Damage)
		}
	}
}
