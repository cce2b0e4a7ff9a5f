package imap_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"mailmill/formats"
	"mailmill/formats/mime"
	"mailmill/load"
	"mailmill/load/imap"
	"mailmill/load/imap/imaptest"
	"mailmill/load/imap/wire"
	"mailmill/load/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// archive is a source in memory.
type archive struct {
	name    string
	folders []*formats.Folder
	mails   []*formats.Item
}

func newArchive(name string) *archive { return &archive{name: name} }

// folder adds a folder; its path is separated by slashes.
func (a *archive) folder(path string, role formats.Role) *formats.Folder {
	f := &formats.Folder{Path: strings.Split(path, "/"), Role: role}
	a.folders = append(a.folders, f)
	return f
}

// mail adds a mail to a folder.
func (a *archive) mail(f *formats.Folder, id, text string) *formats.Item {
	id, text = "<"+id+"@example.org>", text+"\r\n"
	it := &formats.Item{
		Identity: id, Key: formats.Key(formats.KindMail, id), Flags: formats.FlagSeen,
		Received: time.Date(2014, 3, 2, 10, 0, len(a.mails)%60, 0, time.UTC),
		Mail: &formats.Mail{
			MessageID: id,
			Header: []formats.Field{
				{Name: "Message-ID", Text: id, Structured: true},
				{Name: "Date", Text: "Sun, 02 Mar 2014 10:00:00 +0000", Structured: true},
				{Name: "Subject", Text: "Mail " + id},
			},
			Root: &formats.Part{Type: "text/plain", Content: formats.Bytes(text), Size: int64(len(text))},
		},
	}
	it.Entry = formats.Entry{Folder: f, ID: fmt.Sprint(len(a.mails)), Index: uint64(len(a.mails)), Subject: id, Size: int64(len(text))}
	a.mails = append(a.mails, it)
	return it
}

// Entries implements [load.Source].
func (a *archive) Entries(context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		for _, it := range a.mails {
			if !yield(it.Entry, nil) {
				return
			}
		}
	}
}

// Read implements [load.Source].
func (a *archive) Read(_ context.Context, e formats.Entry) (*formats.Item, error) {
	it := *a.mails[e.Index]
	return &it, nil
}

// bytesOf returns a mail as it is written.
func bytesOf(t failer, it *formats.Item) string {
	t.Helper()
	var b bytes.Buffer
	if err := mime.Write(&b, it.Mail); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// account is a user's side of a server: a ledger that stays from run to run, and options.
type account struct {
	t       testing.TB
	file    string
	options imap.Options
}

func newAccount(t testing.TB, addr string) *account {
	a := &account{t: t, file: filepath.Join(t.TempDir(), "ledger")}
	a.options = imap.Options{
		Wire: wire.Options{
			Address: addr, Security: wire.Plain, Insecure: true, Timeout: 5 * time.Second,
			Credentials: wire.Credentials{User: "u1", Password: "secret"},
		},
		Settle: 20 * time.Millisecond, Patience: 10 * time.Second, Subscribe: true,
	}
	if testing.Verbose() {
		a.options.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return a
}

// logTo returns a log into text.
func logTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// open opens the target for some archives. The ledger is closed by what it returns.
func (a *account) open(archives ...*archive) (*imap.Target, func()) {
	a.t.Helper()
	target, closeLedger, err := a.openable(archives...)
	if err != nil {
		a.t.Fatal(err)
	}
	return target, closeLedger
}

// openable opens the target where that may fail.
func (a *account) openable(archives ...*archive) (*imap.Target, func(), error) {
	l, err := ledger.Open(a.file)
	if err != nil {
		return nil, nil, err
	}
	o := a.options
	if o.Account, err = l.Account("imap://u1@localhost/"); err != nil {
		return nil, nil, errors.Join(err, l.Close())
	}
	for _, s := range archives {
		o.Sources = append(o.Sources, imap.Source{Name: s.name, Folders: s.folders})
	}
	target, err := imap.Open(a.t.Context(), o)
	if err != nil {
		return nil, nil, errors.Join(err, l.Close())
	}
	return target, func() { l.Close() }, nil
}

// try runs archives into the account.
func (a *account) try(ctx context.Context, archives ...*archive) (*load.Result, *imap.Target, error) {
	a.t.Helper()
	target, closeLedger := a.open(archives...)
	defer closeLedger()
	result, err := load.Run(ctx, planOf(target, archives...))
	return result, target, err
}

func planOf(target load.Target, archives ...*archive) load.Plan {
	p := load.Plan{Routes: []load.Route{{Target: target}}, Jobs: 2}
	for _, s := range archives {
		p.Sources = append(p.Sources, load.Input{Name: s.name, Source: s})
	}
	return p
}

// run runs archives into the account, to the end.
func (a *account) run(archives ...*archive) (*load.Result, *imap.Target) {
	a.t.Helper()
	result, target, err := a.try(a.t.Context(), archives...)
	if err != nil {
		a.t.Fatal(err)
	}
	for _, f := range result.Failures {
		a.t.Errorf("%s %s: %v", f.Entry.Folder, f.Entry.Subject, f.Err)
	}
	return result, target
}

// holds fails unless a mailbox holds exactly the mails given, any order.
func holds(t failer, s *imaptest.Server, mailbox string, want ...*formats.Item) {
	t.Helper()
	var bodies, wanted []string
	for _, m := range s.Messages(mailbox) {
		bodies = append(bodies, string(m.Body))
	}
	for _, it := range want {
		wanted = append(wanted, bytesOf(t, it))
	}
	slices.Sort(bodies)
	slices.Sort(wanted)
	if !slices.Equal(bodies, wanted) {
		t.Errorf("%s holds %d messages, want %d:\n%s", mailbox, len(bodies), len(wanted), counted(bodies, wanted))
	}
}

// failer is a test, or one of many.
type failer interface {
	Helper()
	Fatal(...any)
	Errorf(string, ...any)
}

// counted tells what is missing and what is too much.
func counted(got, want []string) string {
	n := make(map[string]int)
	for _, s := range got {
		n[s]++
	}
	for _, s := range want {
		n[s]--
	}
	var b strings.Builder
	for s, n := range n {
		if n != 0 {
			fmt.Fprintf(&b, "%+d of %.80q\n", n, s)
		}
	}
	return b.String()
}

// total returns the balance of all kinds.
func total(r *load.Result) load.Count { return r.Balance.Total() }
