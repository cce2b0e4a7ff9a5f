// Package imap writes mail into mailboxes on an IMAP server: each mail exactly once, whatever happens on the way.
//
// [Open] logs in and asks all that can keep a run from succeeding; it writes nothing. The [Target] then takes the mails of a
// run as a [load.Sender] does. Each mail goes through the same steps:
//
//	Encode   makes the message, and takes its print
//	Send     asks the ledger what is known of it, and queues it for its mailbox
//	sender   connections take what is queued; what is about to be sent is noted in the ledger, then it is sent
//	landed   the server's answers are noted, and the run is told
//	find     what may be on the server already is looked for there first
//
// Storing goes over connections of its own (package wire). Everything else, mailboxes, flags, looking for messages, goes over
// one control connection, by go-imap.
//
// # Exactly once
//
// A mail has its note in the ledger before its first byte leaves, and the confirmation after the server's answer. What is in
// between when the process dies, or when the connection is lost, may have arrived or not: it is looked for in the mailbox
// before it is sent again, once the number of messages there stands still, as a server may still be storing what it had
// received. It is found by its Message-ID, and is the same only if its bytes are, or if a server that changed them left what
// they say (package compare). So several mails of one Message-ID stay several, and equal copies keep their number. When the
// ledger is lost, or the mailbox was made anew (UIDVALIDITY, RFC 9051 2.3.1.1), everything is looked for in that way.
//
// # What was changed on the server
//
// belongs to its owner. A message that was deleted there is not written again, flags that were set there stay. A mail that
// changed in the archive replaces what was written of it before, unless that was touched; then both are left, and the run is
// told of a [load.Conflict].
package imap

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/imap/wire"
	"mailmill/load/ledger"
	"mailmill/load/pace"
)

// Options say where mail goes and how.
type Options struct {
	// Wire says how to connect.
	Wire wire.Options
	// Connections is the number of connections that store messages; 0 is [DefaultConnections]. One more is for everything
	// else.
	Connections int
	// Prefix is a path of mailboxes, separated by slashes, below which everything goes. {source} in it stands for the name
	// of the archive. Where it is empty, folders with a role go to the account's own mailboxes for it.
	Prefix string
	// FolderMap maps folders of the archives to mailboxes, both as paths separated by slashes. What lies below a folder goes
	// below its mailbox.
	FolderMap map[string]string
	// Wanted, if not nil, says which folders get a mailbox even where no mail goes there. Those that are hidden or of
	// another kind do not, nor does an outbox.
	Wanted func(*formats.Folder) bool
	// Sources are the archives of the run.
	Sources []Source
	// Account holds what was written to the account. A rehearsal may do without.
	Account *ledger.Account
	// Pace bounds what is sent; nil is as fast as the server goes.
	Pace *pace.Pace
	// Subscribe subscribes to the mailboxes that are written to: mail programs show no others.
	Subscribe bool
	// Prune has Finish remove what earlier runs wrote and this one did not bring, unless it was changed on the server
	// since; see [Target.KeepStale].
	Prune bool
	// Rehearse does everything but write; see [Target.Plan].
	Rehearse bool
	// Settle is how long a mailbox has to stand still before a message that may be on its way is taken for lost; 0 is
	// [DefaultSettle].
	Settle time.Duration
	// Patience is how long a server that went away is waited for; 0 is [DefaultPatience].
	Patience time.Duration
	// Log gets what helps to find faults; nil drops it.
	Log *slog.Logger
}

// Defaults.
const (
	DefaultConnections = 3
	DefaultSettle      = time.Second
	DefaultPatience    = 3 * time.Minute
)

// Target is a [load.Sender] that writes to an IMAP server.
type Target struct {
	options Options
	log     *slog.Logger
	dialer  *dialer
	control *control
	caps    wire.Caps
	tree    *tree
	limit   int64 // of APPEND by all mailboxes; 0 is none known
	quotas  []Quota
	ctx     context.Context // done when everything is to end at once
	cancel  context.CancelCauseFunc
	sender  *sender
	found   map[string]bool // mailboxes that were there
	made    map[string]bool // mailboxes that were not

	// of the goroutine that sends:
	boxes       map[string]*mailbox // by name
	prepared    bool
	folder      *folderOf
	newKeywords *keywords         // that a mailbox holds which the run has made; nil: not asked yet
	copies      map[uint64]uint32 // how often the folder at hand had a mail of a key and print

	remaking sync.Mutex // of mailboxes

	mu     sync.Mutex
	report Report // guarded by mu
	spared bool   // guarded by mu
	ended  bool   // guarded by mu
}

// Report tells what became of the mailboxes of a run.
type Report struct {
	Mailboxes []Mailbox
	// Undated and Clamped are the numbers of mails without a time, and of those whose time servers cannot hold: they
	// stand at the beginning or at the end of time; their own is in their header.
	Undated, Clamped int
	// Keywords is how many keywords were left out, by mailbox: the server does not take them. Categories are in the
	// header in full.
	Keywords map[string]int
	// Crowded are mailboxes that have got more keywords than every server keeps for good. Categories are in the header.
	Crowded []string
	// Marked is how many messages were marked as deleted that a server without UIDPLUS cannot remove alone.
	Marked int
	// Pruned is how many messages were removed, Kept how many were not because they were changed on the server.
	Pruned, Kept int
}

// Mailbox is a mailbox that folders of the archives go to.
type Mailbox struct {
	Folder  []string // the first of the folders, as its path
	Name    string
	Exists  bool  // before the run
	Wanted  bool  // also without mail
	Items   int   // that were written, or would be
	Bytes   int64 // of those
	Largest int64
}

// Quota is a limit of an account (RFC 9208).
type Quota struct {
	Root        string
	Resource    string // STORAGE in bytes, MESSAGE, …
	Used, Limit int64
}

// QuotaError says that there is no room left on the server.
type QuotaError struct {
	Mailbox string // empty where it was asked before anything was written
	Err     error
}

func (e *QuotaError) Error() string {
	if e.Mailbox == "" {
		return "the account is full: " + e.Err.Error()
	}
	return fmt.Sprintf("the account is full: mailbox %s: %v", e.Mailbox, e.Err)
}

// Unwrap returns the cause.
func (e *QuotaError) Unwrap() error { return e.Err }

// Open logs in, and asks what the server can do, what mailboxes and how much room there is. It writes nothing, not even
// into the ledger. The errors are those of [wire.Dial], [QuotaError], and what the server refuses.
func Open(ctx context.Context, o Options) (*Target, error) {
	if o.Connections <= 0 {
		o.Connections = DefaultConnections
	}
	if o.Settle <= 0 {
		o.Settle = DefaultSettle
	}
	if o.Patience <= 0 {
		o.Patience = DefaultPatience
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Pace == nil {
		o.Pace = pace.New(pace.Options{Connections: o.Connections})
	}
	if o.Account == nil && !o.Rehearse {
		return nil, errors.New("nothing can be written to a server without a ledger")
	}
	d := &dialer{
		options: o.Wire, log: o.Log, patience: o.Patience, retried: o.Pace.Retried,
		backoff: func(attempt int) time.Duration { return pace.Backoff(attempt, rand.Float64) },
		tried:   make(chan struct{}),
	}
	t := &Target{
		options: o, log: o.Log, dialer: d, control: &control{dialer: d},
		boxes: make(map[string]*mailbox), found: make(map[string]bool), made: make(map[string]bool),
	}
	t.ctx, t.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	t.sender = newSender(t)
	greeted := t.sender.hasten
	if o.Rehearse {
		greeted = nil
	}
	conn, err := d.first(ctx, greeted)
	if err == nil {
		t.caps = conn.Caps()
		err = t.control.use(conn)
	}
	if err == nil {
		err = t.ask(ctx)
	}
	if err != nil {
		t.sender.fail(err)
		t.sender.wait() //nolint:errcheck // it is this one
		t.control.close(false, false)
		t.cancel(errClosed)
		return nil, unwrapFatal(err)
	}
	return t, nil
}

// unwrapFatal returns what ended everything: before a run there is nothing to end.
func unwrapFatal(err error) error {
	if fatal := (*load.Fatal)(nil); errors.As(err, &fatal) {
		return fatal.Err
	}
	return err
}

// ask asks what there is.
func (t *Target) ask(ctx context.Context) error {
	server, err := t.list(ctx)
	if err != nil {
		return fmt.Errorf("cannot list the mailboxes: %w", err)
	}
	for name, box := range server.boxes {
		t.found[name] = !box.noSelect
	}
	t.tree = newTree(server, &t.options)
	if t.options.Rehearse {
		t.suppose(t.tree.nodes)
	}
	t.limit, _ = t.caps.AppendLimit()
	// What the mailboxes are is asked now, long before anything is written: those that are the same then stand still.
	if err := t.establish(ctx, nil, t.tree.nodes); err != nil {
		return err
	}
	for _, q := range t.quotas {
		// Who only looks needs no room; [Plan.Full] tells how much a run would.
		if q.Used >= q.Limit && !t.options.Rehearse {
			return &QuotaError{Err: fmt.Errorf("%s of %s, all of %s", q.amount(q.Used), strings.ToLower(q.Resource), q.amount(q.Limit))}
		}
	}
	return nil
}

func (q *Quota) amount(n int64) string {
	if q.Resource == string(goimap.QuotaResourceStorage) {
		return fmt.Sprintf("%d kB", n/1024)
	}
	return fmt.Sprint(n)
}

// limits returns the limits of the inbox, which are the account's. A server that does not want to tell is not asked twice:
// it will say when it is full.
func (t *Target) limits(data []imapclient.QuotaData) (list []Quota) {
	for _, d := range data {
		for _, name := range slices.Sorted(maps.Keys(d.Resources)) {
			r := d.Resources[name]
			q := Quota{Root: d.Root, Resource: strings.ToUpper(string(name)), Used: r.Usage, Limit: r.Limit}
			if q.Resource == string(goimap.QuotaResourceStorage) { // RFC 9208 5.1: in units of 1024 bytes
				q.Used, q.Limit = q.Used*1024, q.Limit*1024
			}
			if q.Limit > 0 {
				list = append(list, q)
			}
		}
	}
	return list
}

// list asks for the namespace, the mailboxes and the limits, all at once.
func (t *Target) list(ctx context.Context) (*listing, error) {
	var l *listing
	err := t.control.do(ctx, func(client *imapclient.Client) error {
		l = &listing{boxes: make(map[string]listed), folded: make(map[string]string), uses: make(map[string]string), createUse: t.caps.Has("CREATE-SPECIAL-USE")}
		var space *imapclient.NamespaceCommand
		if t.caps.Has("NAMESPACE") {
			space = client.Namespace()
		}
		var quota *imapclient.GetQuotaRootCommand
		if t.caps.Has("QUOTA") || t.caps.Has("QUOTA=RES-STORAGE") {
			quota = client.GetQuotaRoot(inboxName)
		}
		var options *goimap.ListOptions
		if t.caps.Has("LIST-EXTENDED") {
			options = &goimap.ListOptions{ReturnSubscribed: true, ReturnSpecialUse: t.caps.Has("SPECIAL-USE")}
		}
		cmd := client.List("", "*", options)
		count := 0
		for data := cmd.Next(); data != nil; data = cmd.Next() {
			if count++; count <= mostMailboxes {
				l.add(data.Mailbox, data.Attrs)
			} else if count == mostMailboxes+1 {
				// There may be no end of them. Closing waits for the reader, which waits for somebody to take what it has.
				go client.Close()
			}
		}
		err := cmd.Close()
		if count > mostMailboxes {
			return &wire.ProtocolError{Doing: "LIST", What: fmt.Sprintf("it has more than %d mailboxes", mostMailboxes)}
		}
		if err != nil {
			return err
		}
		if space != nil {
			data, err := space.Wait()
			if err != nil {
				return err
			}
			if len(data.Personal) > 0 {
				l.prefix, l.delim = data.Personal[0].Prefix, data.Personal[0].Delim
			}
		}
		if quota != nil {
			data, err := quota.Wait()
			if refused := (*goimap.Error)(nil); errors.As(err, &refused) {
				t.log.Debug("no quota", "reason", err)
			} else if err != nil {
				return err
			}
			t.quotas = t.limits(data)
		}
		if l.delim == 0 {
			// RFC 9051 6.3.9: an empty name asks for the delimiter alone.
			roots, err := client.List("", "", nil).Collect()
			if err != nil {
				return err
			}
			for _, r := range roots {
				l.delim = r.Delim
			}
		}
		return nil
	})
	return l, named(err, "LIST")
}

// mostMailboxes bounds what a server says that it has.
const mostMailboxes = 200_000

// count changes the report.
func (t *Target) count(f func(*Report)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(&t.report)
}

// Report tells what became of the mailboxes. It is complete after Finish.
func (t *Target) Report() Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.report
	r.Mailboxes = slices.Clone(r.Mailboxes)
	r.Keywords, r.Crowded = maps.Clone(r.Keywords), slices.Clone(r.Crowded)
	return r
}

// Finish implements [load.Target]: it waits for what was sent, and ends all connections.
func (t *Target) Finish(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(t.sender.stopping, func() { cancel(context.Cause(t.sender.stopping)) })
	defer stop()
	if !t.options.Rehearse {
		if err := t.prepare(ctx); err != nil {
			return unwrapFatal(err)
		}
	}
	if err := t.sender.wait(); err != nil {
		return unwrapFatal(err)
	}
	if err := t.prune(ctx); err != nil {
		return unwrapFatal(err)
	}
	t.end()
	return nil
}

// Abort implements [load.Target]: what the server has it keeps.
func (t *Target) Abort() (dropped bool, err error) {
	t.sender.fail(errClosed)
	t.end()
	return false, nil
}

// end ends all connections.
func (t *Target) end() {
	t.mu.Lock()
	ended := t.ended
	t.ended = true
	t.mu.Unlock()
	if ended {
		return
	}
	t.sender.wait() //nolint:errcheck // whoever asks for the outcome knows
	t.control.close(true, t.sender.refused.Load() && t.sender.stopping.Err() == nil)
	t.cancel(errClosed)
}
