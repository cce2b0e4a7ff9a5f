package imap_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/imap"
	"mailmill/load/imap/imaptest"
	"mailmill/load/imap/wire"
	"mailmill/load/pace"
)

// text changes what a mail says.
func text(it *formats.Item, s string) {
	s += "\r\n"
	mail, root := *it.Mail, *it.Mail.Root
	root.Content, root.Size = formats.Bytes(s), int64(len(s))
	mail.Root = &root
	it.Mail = &mail
}

// small is an archive of three mails in two folders.
func small() (a *archive, inbox *formats.Folder) {
	a = newArchive("a.pst")
	inbox = a.folder("Inbox", formats.RoleInbox)
	a.mail(inbox, "1", "one")
	a.mail(inbox, "2", "two")
	a.mail(a.folder("Other", formats.RoleNone), "3", "three")
	return a, inbox
}

// TestLaterRound changes the archive and the server between two runs.
func TestLaterRound(t *testing.T) {
	const seen = formats.FlagSeen
	tests := []struct {
		what      string
		source    func(*archive)
		server    func([]imaptest.Message) []imaptest.Message
		want      load.Count
		conflicts int
		bodies    []string // of the inbox, their texts
		flags     []string // of its first message
		without   string
	}{
		{
			what: "nothing", want: load.Count{Found: 3, Unchanged: 3}, bodies: []string{"one", "two"}, flags: []string{`\Seen`},
		}, {
			what: "a mail changed in the archive", source: func(a *archive) { text(a.mails[0], "another") },
			want: load.Count{Found: 3, Unchanged: 2, Written: 1}, bodies: []string{"two", "another"},
		}, {
			what: "a mail changed in the archive, and the server cannot remove one alone", without: "UIDPLUS",
			source: func(a *archive) { text(a.mails[0], "another") },
			want:   load.Count{Found: 3, Unchanged: 2, Written: 1}, bodies: []string{"one", "two", "another"}, flags: []string{`\Deleted`, `\Seen`},
		}, {
			what: "a mail is new in the archive", source: func(a *archive) { a.mail(a.folders[0], "4", "four") },
			want: load.Count{Found: 4, Unchanged: 3, Written: 1}, bodies: []string{"one", "two", "four"},
		}, {
			what: "a copy is new in the archive", source: func(a *archive) { a.mail(a.folders[0], "1", "one") },
			want: load.Count{Found: 4, Unchanged: 3, Written: 1}, bodies: []string{"one", "two", "one"},
		}, {
			what: "flags changed in the archive", source: func(a *archive) { a.mails[0].Flags = formats.FlagFlagged },
			want: load.Count{Found: 3, Unchanged: 2, Written: 1}, bodies: []string{"one", "two"}, flags: []string{`\Flagged`},
		}, {
			what: "categories changed in the archive", source: func(a *archive) { a.mails[0].Keywords = []string{"Wichtig"} },
			want: load.Count{Found: 3, Unchanged: 2, Written: 1}, bodies: []string{"one", "two"}, flags: []string{"Wichtig", `\Seen`},
		}, {
			what: "a mail was deleted on the server", server: func(m []imaptest.Message) []imaptest.Message { return m[1:] },
			want: load.Count{Found: 3, Unchanged: 3}, conflicts: 1, bodies: []string{"two"},
		}, {
			what:   "a mail changed in the archive, and was deleted on the server",
			source: func(a *archive) { text(a.mails[0], "another") },
			server: func(m []imaptest.Message) []imaptest.Message { return m[1:] },
			want:   load.Count{Found: 3, Unchanged: 2, Failed: 1}, conflicts: 0, bodies: []string{"two"},
		}, {
			what:   "a mail changed in the archive, and was marked on the server",
			source: func(a *archive) { text(a.mails[0], "another") },
			server: func(m []imaptest.Message) []imaptest.Message { m[0].Flags = []string{`\Flagged`}; return m },
			want:   load.Count{Found: 3, Unchanged: 2, Failed: 1}, bodies: []string{"one", "two"}, flags: []string{`\Flagged`},
		}, {
			what:   "a mail was marked on the server",
			server: func(m []imaptest.Message) []imaptest.Message { m[0].Flags = []string{`\Flagged`, `\Seen`}; return m },
			want:   load.Count{Found: 3, Unchanged: 3}, bodies: []string{"one", "two"}, flags: []string{`\Flagged`, `\Seen`},
		}, {
			what:   "flags changed on both sides",
			source: func(a *archive) { a.mails[0].Flags = seen | formats.FlagAnswered },
			server: func(m []imaptest.Message) []imaptest.Message { m[0].Flags = nil; return m },
			want:   load.Count{Found: 3, Unchanged: 3}, conflicts: 1, bodies: []string{"one", "two"}, flags: nil,
		}, {
			what:   "flags changed on both sides alike",
			source: func(a *archive) { a.mails[0].Flags = 0 },
			server: func(m []imaptest.Message) []imaptest.Message { m[0].Flags = nil; return m },
			want:   load.Count{Found: 3, Unchanged: 3}, bodies: []string{"one", "two"}, flags: nil,
		},
	}
	for _, tt := range tests {
		s := imaptest.Start(t, imaptest.Options{Without: []string{tt.without}})
		user := newAccount(t, s.Addr())
		a, _ := small()
		user.run(a)
		if tt.source != nil {
			tt.source(a)
		}
		if tt.server != nil {
			s.Change("INBOX", tt.server)
		}
		for round := range 2 {
			result, target, err := user.try(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			want := tt.want
			if round == 1 {
				want.Unchanged, want.Written = want.Unchanged+want.Written, 0
			}
			if got := total(result); got != want {
				t.Errorf("%s, round %d: %+v, want %+v", tt.what, round, got, want)
			}
			if n := len(result.Conflicts); n != tt.conflicts && (round == 0 || tt.what != "flags changed on both sides") {
				t.Errorf("%s, round %d: %d conflicts, want %d", tt.what, round, n, tt.conflicts)
			}
			for _, f := range result.Failures {
				if conflict := (*load.Conflict)(nil); !errors.As(f.Err, &conflict) {
					t.Errorf("%s: %v", tt.what, f.Err)
				}
			}
			if tt.without != "" && round == 0 && target.Report().Marked != 1 {
				t.Errorf("%s: nothing tells that it is marked only", tt.what)
			}
		}
		var bodies []string
		messages := s.Messages("INBOX")
		for _, m := range messages {
			_, body, _ := strings.Cut(string(m.Body), "\r\n\r\n")
			bodies = append(bodies, strings.TrimSpace(body))
		}
		if !slices.Equal(bodies, tt.bodies) {
			t.Errorf("%s: the inbox has %q, want %q", tt.what, bodies, tt.bodies)
		}
		slices.Sort(messages[0].Flags)
		if want := slices.Sorted(slices.Values(tt.flags)); tt.flags != nil && !slices.Equal(messages[0].Flags, want) {
			t.Errorf("%s: flags %q, want %q", tt.what, messages[0].Flags, want)
		}
	}
}

// TestPrune removes what the archive has no more, unless it was touched.
func TestPrune(t *testing.T) {
	s := imaptest.Start(t, imaptest.Options{})
	user := newAccount(t, s.Addr())
	a := newArchive("a.pst")
	inbox := a.folder("Inbox", formats.RoleInbox)
	for _, id := range []string{"1", "2", "3", "4"} {
		a.mail(inbox, id, id)
	}
	user.run(a)
	s.Deliver("INBOX", imaptest.Message{Body: []byte("Subject: mine\r\n\r\nmine\r\n")})
	s.Change("INBOX", func(m []imaptest.Message) []imaptest.Message {
		m[2].Flags = []string{`\Flagged`}
		return slices.Delete(m, 3, 4)
	})
	later := newArchive("a.pst")
	later.folders = a.folders
	later.mails = a.mails[:1]
	user.run(later)
	if got := len(s.Messages("INBOX")); got != 4 {
		t.Errorf("without being asked, %d are left", got)
	}
	user.options.Prune = true
	target, closeLedger := user.open(later)
	target.KeepStale()
	if _, err := load.Run(t.Context(), planOf(target, later)); err != nil || len(s.Messages("INBOX")) != 4 {
		t.Errorf("%v; where not everything was seen, %d are left", err, len(s.Messages("INBOX")))
	}
	closeLedger()
	_, target = user.run(later)
	if r := target.Report(); r.Pruned != 1 || r.Kept != 1 {
		t.Errorf("%+v", r)
	}
	var left []string
	for _, m := range s.Messages("INBOX") {
		_, body, _ := strings.Cut(string(m.Body), "\r\n\r\n")
		left = append(left, strings.TrimSpace(body))
	}
	if !slices.Equal(left, []string{"1", "3", "mine"}) {
		t.Errorf("%q are left", left)
	}
}

// TestPruneLeavesWhatWasThere has a mail in the account before the first run: it is the archive's, and its owner's.
func TestPruneLeavesWhatWasThere(t *testing.T) {
	before := imaptest.Start(t, imaptest.Options{})
	a := newArchive("a.pst")
	inbox := a.folder("Inbox", formats.RoleInbox)
	for _, id := range []string{"1", "2", "3"} {
		a.mail(inbox, id, id)
	}
	newAccount(t, before.Addr()).run(a)
	s := imaptest.Start(t, imaptest.Options{})
	s.Deliver("INBOX", before.Messages("INBOX")[1])
	user := newAccount(t, s.Addr())
	user.run(a)
	if got := len(s.Messages("INBOX")); got != 3 {
		t.Fatalf("%d messages instead of 3", got)
	}
	later := newArchive("a.pst")
	later.folders = a.folders
	later.mails = a.mails[:1]
	user.options.Prune = true
	_, target := user.run(later)
	if r := target.Report(); r.Pruned != 1 || len(s.Messages("INBOX")) != 2 {
		t.Errorf("%+v; %d are left", r, len(s.Messages("INBOX")))
	}
	// It is known all the same: it is not written again when the archive has it again.
	user.run(a)
	if got := len(s.Messages("INBOX")); got != 3 {
		t.Errorf("%d messages instead of 3", got)
	}
}

// TestLimits is about servers that take not everything.
func TestLimits(t *testing.T) {
	t.Run("a message that is too large", func(t *testing.T) {
		s := imaptest.Start(t, imaptest.Options{AppendLimit: 1000})
		a, inbox := small()
		a.mail(inbox, "big", strings.Repeat("x ", 1000))
		result, _, err := newAccount(t, s.Addr()).try(t.Context(), a)
		if err != nil || total(result).Written != 3 || len(result.Failures) != 1 || !strings.Contains(result.Failures[0].Err.Error(), "no more than 1000") {
			t.Errorf("%v, %+v", err, result.Failures)
		}
		if slices.ContainsFunc(s.Messages("INBOX"), func(m imaptest.Message) bool { return len(m.Body) > 1000 }) {
			t.Error("it was sent")
		}
	})
	t.Run("an account that becomes full", func(t *testing.T) {
		for _, plain := range []bool{false, true} {
			s := imaptest.Start(t, imaptest.Options{Quota: 5000, PlainQuota: plain, Without: []string{"MULTIAPPEND"}})
			a, inbox := small()
			for i := range 50 {
				a.mail(inbox, "m"+string(rune('a'+i)), strings.Repeat("x ", 100))
			}
			user := newAccount(t, s.Addr())
			result, _, err := user.try(t.Context(), a)
			var full *imap.QuotaError
			if !errors.As(err, &full) || total(result).Written == 0 || total(result).Written != s.Count() {
				t.Errorf("%v, %+v, %d are there", err, total(result), s.Count())
			}
			_, _, err = user.openable(a)
			if s.SetQuota(10); err == nil {
				_, _, err = user.openable(a)
			}
			if !errors.As(err, &full) {
				t.Errorf("a full account is opened: %v", err)
			}
			s.SetQuota(1 << 30)
			user.run(a)
			if s.Count() != 53 {
				t.Errorf("%d are there in the end", s.Count())
			}
		}
	})
	t.Run("a message that is refused", func(t *testing.T) {
		s := imaptest.Start(t, imaptest.Options{})
		s.Fault(imaptest.Fault{Command: "APPEND", At: imaptest.End, Do: imaptest.Refuse, Text: "NO the first batch is not wanted"})
		s.Fault(imaptest.Fault{Command: "APPEND", After: 1, At: imaptest.End, Do: imaptest.Refuse, Text: "NO [CANNOT] contains invalid header"})
		a, _ := small()
		user := newAccount(t, s.Addr())
		user.options.Connections = 1
		result, _, err := user.try(t.Context(), a)
		if err != nil || len(result.Failures)+total(result).Written != 3 || len(result.Failures) > 2 {
			t.Fatalf("%v, %+v, %+v", err, total(result), result.Failures)
		}
		user.run(a)
		if s.Count() != 3 {
			t.Errorf("%d are there in the end", s.Count())
		}
	})
	t.Run("keywords that are refused", func(t *testing.T) {
		s := imaptest.Start(t, imaptest.Options{PermanentFlags: []string{`\Seen`, `\Flagged`, "Wichtig"}})
		a, _ := small()
		a.mails[0].Keywords = []string{"Wichtig", "Privat"}
		_, target := newAccount(t, s.Addr()).run(a)
		flags := s.Messages("INBOX")[0].Flags
		if slices.Sort(flags); !slices.Equal(flags, []string{`Wichtig`, `\Seen`}) || target.Report().Keywords["INBOX"] != 1 {
			t.Errorf("%q, %v", flags, target.Report().Keywords)
		}
	})
	t.Run("a server that wants to be left alone for a while", func(t *testing.T) {
		s := imaptest.Start(t, imaptest.Options{})
		s.Fault(imaptest.Fault{Command: "APPEND", After: 1, At: imaptest.End, Do: imaptest.Refuse, Text: "NO Request is throttled. Suggested Backoff Time: 50 milliseconds"})
		a, _ := small()
		user := newAccount(t, s.Addr())
		user.options.Pace = pace.New(pace.Options{})
		user.run(a)
		if s.Count() != 3 || user.options.Pace.Lane().Why == "" {
			t.Errorf("%d are there; %+v", s.Count(), user.options.Pace.Lane())
		}
	})
}

// TestMailboxDeletedMeanwhile makes a mailbox again that somebody deletes while it is written to.
func TestMailboxDeletedMeanwhile(t *testing.T) {
	s := imaptest.Start(t, imaptest.Options{})
	s.Fault(imaptest.Fault{Command: "APPEND", After: 2, At: imaptest.End, Do: imaptest.Refuse, Text: "NO [TRYCREATE] no such mailbox"})
	a, _ := small()
	user := newAccount(t, s.Addr())
	user.options.Connections = 1
	user.run(a)
	holds(t, s, "Other", a.mails[2])
}

// TestNothingIsWritten where the run cannot begin, or is a rehearsal.
func TestNothingIsWritten(t *testing.T) {
	s := imaptest.Start(t, imaptest.Options{Quota: 1 << 20})
	a := sample()
	before := s.Mailboxes()
	user := newAccount(t, s.Addr())
	user.options.Wire.Credentials.Password = "wrong"
	_, _, err := user.openable(a)
	var auth *wire.AuthError
	if !errors.As(err, &auth) || s.Logins() != 1 {
		t.Errorf("%v after %d logins", err, s.Logins())
	}
	user.options.Wire.Credentials.Password = "secret"
	user.options.Rehearse = true
	result, target := user.run(a)
	if got := total(result); got.Written != 122 {
		t.Errorf("%+v", got)
	}
	p := target.Plan()
	if p.Items != 122 || len(p.Mailboxes) != 4 || p.Mailboxes[0].Items != 120 || !p.Mailboxes[0].Exists || p.Mailboxes[3].Exists || len(p.Quotas) != 1 || p.Full() != nil {
		t.Errorf("%+v", p)
	}
	p.Quotas[0].Limit = 1000
	if p.Full() == nil {
		t.Error("a plan that has no room is fine")
	}
	if s.Count() != 0 || !slices.Equal(s.Mailboxes(), before) {
		t.Errorf("%d messages, %q", s.Count(), s.Mailboxes())
	}
	user.options.Rehearse = false
	user.run(a)
	user.options.Rehearse = true
	if result, target = user.run(a); total(result).Unchanged != 122 || target.Plan().Items != 0 {
		t.Errorf("%+v, %+v", total(result), target.Plan())
	}
}

// TestSeveralArchives of one person are one mailbox, in which what both have is once.
func TestSeveralArchives(t *testing.T) {
	s := imaptest.Start(t, imaptest.Options{})
	user := newAccount(t, s.Addr())
	a, inbox := small()
	a.mail(inbox, "1", "one") // its owner has it twice
	b, inbox := small()
	b.name = "b.pst"
	text(b.mails[1], "two, but another")
	b.mail(inbox, "4", "four")
	for range 2 {
		result, _ := user.run(a, b)
		if got := total(result); got.Duplicate != 2 || got.Written+got.Unchanged != 6 {
			t.Errorf("%+v", got)
		}
		holds(t, s, "INBOX", a.mails[0], a.mails[1], a.mails[3], b.mails[1], b.mails[3])
		holds(t, s, "Other", a.mails[2])
	}
	sameThere(t, user, a, b)
}

// TestManyConnections is about a server that takes only one for mail.
// An outbox without mail is nobody's mailbox, and what was left out is not made either. A plan says the same before.
func TestMailboxesThatAreMade(t *testing.T) {
	s := imaptest.Start(t, imaptest.Options{})
	a := newArchive("a.pst")
	inbox := a.folder("Inbox", formats.RoleInbox)
	a.mail(inbox, "1", "one")
	a.folder("Outbox", formats.RoleOutbox)
	a.folder("Empty", 0)
	a.folder("Left out", 0)
	a.folder("Left out/with mail", 0)
	calendar := a.folder("Calendar", 0)
	calendar.Class = "IPF.Appointment"
	waiting := a.folder("Also waiting", formats.RoleOutbox)
	a.mail(waiting, "2", "two")
	user := newAccount(t, s.Addr())
	user.options.Wanted = func(f *formats.Folder) bool { return f.Path[0] != "Left out" }

	user.options.Rehearse = true
	_, target := user.run(a)
	var planned []string
	for _, box := range target.Plan().Mailboxes {
		if box.Exists || box.Wanted || box.Items > 0 {
			planned = append(planned, box.Name)
		}
	}
	user.options.Rehearse = false
	user.run(a)
	slices.Sort(planned)
	if got, want := s.Mailboxes(), []string{"Also waiting", "Empty", "INBOX"}; !slices.Equal(got, want) || !slices.Equal(planned, want) {
		t.Errorf("there are %q, planned were %q, want %q", got, planned, want)
	}
}

// Some servers keep 26 keywords in a mailbox for good; a run that sets more says so.
func TestManyKeywords(t *testing.T) {
	s := imaptest.Start(t, imaptest.Options{})
	a := newArchive("a.pst")
	few, many := a.folder("Few", 0), a.folder("Many", 0)
	for i := range 30 {
		f := few
		if i > 2 {
			f = many
		}
		a.mail(f, fmt.Sprint(i), "text").Keywords = []string{fmt.Sprint("Category", i)}
	}
	user := newAccount(t, s.Addr())
	var log strings.Builder
	user.options.Log = logTo(&log)
	_, target := user.run(a)
	if r := target.Report(); !slices.Equal(r.Crowded, []string{"Many"}) || len(r.Keywords) > 0 {
		t.Errorf("%+v", r)
	}
	if strings.Count(log.String(), "keep for good") != 1 {
		t.Errorf("the log says\n%s", log.String())
	}
	set := 0
	for _, m := range s.Messages("Many") {
		if slices.ContainsFunc(m.Flags, func(f string) bool { return strings.HasPrefix(f, "Category") }) {
			set++
		}
	}
	if set != 27 {
		t.Errorf("%d of 27 messages have their keyword", set)
	}
}

func TestManyConnections(t *testing.T) {
	s := imaptest.Start(t, imaptest.Options{})
	s.Fault(imaptest.Fault{Command: "GREETING", After: 2, Repeat: true, Do: imaptest.Send, Text: "* BYE too many connections\r\n"})
	user := newAccount(t, s.Addr())
	user.options.Connections = 5
	user.options.Settle = time.Millisecond
	a := sample()
	user.run(a)
	if s.Count() != len(a.mails) {
		t.Errorf("%d are there", s.Count())
	}
}
