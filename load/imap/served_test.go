package imap_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/imap/wire"
	"mailmill/load/servertest"
	"mailmill/load/verify"
)

// servers are the real ones, as unlike as they come.
func servers() []struct {
	name  string
	start func(testing.TB) *servertest.Server
} {
	type server = struct {
		name  string
		start func(testing.TB) *servertest.Server
	}
	return []server{
		{"dovecot maildir", func(t testing.TB) *servertest.Server { return servertest.Dovecot(t, nil) }},
		{"dovecot mdbox", func(t testing.TB) *servertest.Server {
			return servertest.Dovecot(t, servertest.Options{"FORMAT": "mdbox", "SEP": "/"})
		}},
		{"dovecot with a prefix", func(t testing.TB) *servertest.Server {
			return servertest.Dovecot(t, servertest.Options{"PREFIX": "INBOX.", "SEP": "."})
		}},
		{"cyrus", func(t testing.TB) *servertest.Server { return servertest.Cyrus(t, nil) }},
		{"cyrus of old", func(t testing.TB) *servertest.Server {
			return servertest.Cyrus(t, servertest.Options{"ALTNAMESPACE": "no", "UNIXSEP": "no", "SUPPRESS": "MULTIAPPEND UIDPLUS LITERAL+"})
		}},
	}
}

// served returns the account of a user of a real server.
func served(t testing.TB, s *servertest.Server) *account {
	user := newAccount(t, s.IMAP)
	user.options.Settle = 200 * time.Millisecond
	user.options.Wire.Credentials = wire.Credentials{User: "u1", Password: s.Password}
	user.options.Wire.Compress = true
	return user
}

// strange is an archive with everything that servers treat in ways of their own.
func strange() *archive {
	a := newArchive("alice.pst")
	inbox := a.folder("Posteingang", formats.RoleInbox)
	list := []*formats.Folder{
		inbox, a.folder("Posteingang/Büro & Söhne", 0), a.folder("Gesendete Elemente", formats.RoleSent),
		a.folder("Gelöschte Elemente", formats.RoleTrash), a.folder("Entwürfe", formats.RoleDrafts), a.folder("Archiv", formats.RoleArchive),
		a.folder("a.b", 0), a.folder("100% * ~", 0), a.folder("~home", 0), a.folder("#news", 0), a.folder(`q"u\o^te`, 0), a.folder("🎉/受信トレイ", 0),
		a.folder("inbox", 0), a.folder("..", 0), a.folder(" ", 0), a.folder("e\u0301", 0), a.folder("É", 0), a.folder(strings.Repeat("ü", 300), 0),
		a.folder("eins/zwei/drei/vier/fünf/sechs", 0), a.folder("tail.", 0), a.folder("&AOk-", 0), a.folder("Leer", 0),
	}
	deep := list[0]
	for i := range 30 {
		deep = &formats.Folder{Path: append(slices.Clone(deep.Path), fmt.Sprintf("Ebene %d mit einem Namen", i))}
		a.folders = append(a.folders, deep)
	}
	list = append(list, deep)
	for i, f := range list {
		for n := range 4 {
			it := a.mail(f, fmt.Sprintf("m%d.%d", i, n), fmt.Sprint("Text ", i, n))
			switch n {
			case 1:
				it.Flags = formats.FlagSeen | formats.FlagAnswered | formats.FlagForwarded | formats.FlagFlagged
				it.Keywords = []string{"Rote Kategorie", "Büro (x)", "🎉"}
				it.Mail.Header = append(it.Mail.Header, formats.Field{Name: "Disposition-Notification-To", Text: "a@example.org", Structured: true})
			case 2:
				it.Flags, it.Received = formats.FlagDraft, time.Date(1968, 1, 1, 0, 0, 0, 0, time.UTC)
			case 3:
				it.Flags, it.Received = 0, time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC)
			}
		}
	}
	// Copies, and mails of one Message-ID that are none.
	for _, text := range []string{"same", "same", "another", "same"} {
		a.mail(inbox, "copy", text)
	}
	big := a.mail(inbox, "big", "")
	big.Mail.Root = &formats.Part{Type: "application/octet-stream", Content: formats.Bytes(strings.Repeat("0123456789", 900_000)), Size: 9_000_000}
	return a
}

// TestServers writes an archive full of oddities to real servers, checks what is there, and writes nothing the second time,
// with the ledger and without.
func TestServers(t *testing.T) {
	for _, server := range servers() {
		t.Run(server.name, func(t *testing.T) {
			s := server.start(t)
			user, a := served(t, s), strange()
			result, target := user.run(a)
			if got := total(result); got.Written != len(a.mails) {
				t.Errorf("%+v", got)
			}
			if r := target.Report(); len(r.Mailboxes) != 23 || r.Clamped != 46 || len(r.Keywords) != 0 {
				t.Errorf("%d mailboxes, %d clamped, keywords left out %v", len(r.Mailboxes), r.Clamped, r.Keywords)
			}
			sameThere(t, user, a)
			if got := len(servertest.Mails(t, s, "u1").Mails); got != len(a.mails) {
				t.Errorf("%d mails are there, want %d", got, len(a.mails))
			}
			for _, lost := range []bool{false, true} {
				if lost {
					user.file += "2"
				}
				result, _ := user.run(a)
				if got := total(result); got.Unchanged != len(a.mails) || len(result.Conflicts) != 0 {
					t.Errorf("again, the ledger lost: %v: %+v, %d conflicts", lost, got, len(result.Conflicts))
				}
			}
			if got := len(servertest.Mails(t, s, "u1").Mails); got != len(a.mails) {
				t.Errorf("%d mails are there in the end, want %d", got, len(a.mails))
			}
		})
	}
}

// sameThere has what is on the server compared with the archive.
func sameThere(t *testing.T, user *account, archives ...*archive) {
	t.Helper()
	o := user.options
	user.options.Rehearse = true
	target, closeLedger := user.open(archives...)
	user.options = o
	defer closeLedger()
	v := verify.New(target.Mirror(), verify.Options{})
	result, err := load.Run(t.Context(), planOf(v, archives...))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range result.Failures {
		t.Errorf("%s %s: %v", f.Entry.Folder, f.Entry.Subject, f.Err)
	}
	if r := v.Report(); r.Missing+r.Different+r.Doubled+r.Extra > 0 {
		t.Errorf("%+v", r)
	}
}

// Dovecot turns away all connections of a user but one.
func TestDovecotThatTakesOneConnection(t *testing.T) {
	s := servertest.Dovecot(t, servertest.Options{"EXTRA_CONF": "protocol imap {\n  mail_max_userip_connections = 1\n}"})
	user := served(t, s)
	var log strings.Builder
	user.options.Log = logTo(&log)
	a := newArchive("a.pst")
	for i := range 3 {
		f := a.folder(fmt.Sprint("Folder ", i), 0)
		for n := range 100 {
			a.mail(f, fmt.Sprintf("m%d.%d", i, n), fmt.Sprint("Text ", i, n))
		}
	}
	user.run(a)
	if !strings.Contains(log.String(), "one connection only") {
		t.Errorf("the log says\n%s", log.String())
	}
	n := 0
	for _, m := range servertest.Mails(t, s, "u1").Mails {
		if strings.HasPrefix(m.Folder, "Folder ") {
			n++
		}
	}
	if n != len(a.mails) {
		t.Errorf("%d mails, want %d", n, len(a.mails))
	}
	if result, _ := user.run(a); total(result).Unchanged != len(a.mails) {
		t.Errorf("another run does something: %+v", total(result))
	}
	sameThere(t, user, a)
}
