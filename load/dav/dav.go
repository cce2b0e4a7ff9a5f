// Package dav stores items in the collections of a CalDAV or CardDAV server: events, tasks, notes and journal entries in
// calendars (RFC 4791), contacts and lists in address books (RFC 6352).
//
// [Open] does all that can fail before anything is written: it logs in, finds the account's collections, and plans which
// folder goes where. The [Target] that it returns is a [load.Sender]. An item goes through these hands:
//
//	Encode    many goroutines: the item becomes the bytes of a resource
//	clerk     one goroutine, in the run's order: which collection, which UID, which name; what the ledger and the listing of
//	          the collection say of it; what is to be written is noted in the ledger, many items at a time
//	workers   as many as there are connections: PUT, and where the answer is not "stored" a look at what is there
//	registrar one goroutine: notes in the ledger what is stored, many items at a time, and answers the run
//
// # Exactly once
//
// The names of resources follow from the UIDs of the items, and a PUT of something new says If-None-Match: *. So whatever
// happens, an item is never there twice: what a dead run has sent is found under its name and compared by content. Where
// nothing is known, the collection is listed, and what says the same is taken for what it is.
//
// A resource that somebody changed on the server since it was written is left alone, and so is one that somebody deleted:
// the ledger has the ETag of each. Either is a [load.Conflict]. So is a resource that says something else than the item
// where the ledger does not know it: nobody can tell an older version of ours from what somebody changed.
//
// Some servers take a UID only once in an account. The second copy of a meeting, in another calendar, gets a UID that is
// derived from its own and from the collection; see [Report].
//
// # Nobody is told
//
// Storing, changing or deleting a meeting makes a server with automatic scheduling (RFC 6638) write to the people in it. All
// requests carry the headers that keep from that the servers which know one, and where the server schedules at all, every
// participant says SCHEDULE-AGENT=CLIENT: then RFC 6638 7.1 forbids the server to send anything. It stays in what is
// stored: updates that the user makes there later are for the user's program to send.
package dav

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/vcard"
	"mailmill/load"
	"mailmill/load/dav/client"
	"mailmill/load/ledger"
)

// Options say what is stored where.
type Options struct {
	// Client says where the account is and how to log in. Its Kind is set by Contacts.
	Client client.Options
	// Contacts takes contacts and lists to address books; else all that calendars take goes to calendars.
	Contacts bool
	// Calendar and Cards say how items look. What servers need is added.
	Calendar ical.Options
	Cards    vcard.Options
	// CardVersion is set where the user asked for the version in Cards. Else it is 3.0, which all servers take, unless all
	// address books announce 4.0.
	CardVersion bool
	Sources     []Source
	// Prefix stands before the names of all collections but those in FolderMap, which has the collections of folders, by
	// their path with slashes; the folders below go with them. {source} in it stands for the name of the archive.
	Prefix    string
	FolderMap map[string]string
	// Zone is that of new calendars; it may be nil.
	Zone *formats.Zone
	// Account is the ledger's part for this account. A rehearsal and [Target.Mirror] do without.
	Account *ledger.Account
	// Prune has Finish delete what earlier runs stored and this one did not bring, unless it was changed on the server
	// since; see [Target.KeepStale].
	Prune bool
	// Rehearse does everything but write; see [Target.Plan].
	Rehearse bool
	// Patience is how long a server that is away is waited for before the run ends; 0 is five minutes.
	Patience time.Duration
	Log      *slog.Logger
}

// AccountName returns what a ledger calls the account. There is no secret in it.
func (o *Options) AccountName() string {
	scheme := "caldav"
	if o.Contacts {
		scheme = "carddav"
	}
	u := o.Client.URL
	if u == nil {
		return scheme + ":"
	}
	if u.Scheme == "https" {
		scheme += "s"
	}
	user := o.Client.User
	if user != "" {
		user += "@"
	}
	return scheme + "://" + user + u.Host + strings.TrimSuffix(u.Path, "/") + "/" + strings.Trim(o.Prefix, "/ ")
}

const (
	defaultPatience = 5 * time.Minute
	// scheduleAgent says that mail about a meeting is none of the server's business.
	scheduleAgent = "CLIENT"
)

// Target is a [load.Sender] that stores items in collections.
type Target struct {
	client  *client.Client
	encoder *encoder
	planner *planner
	opts    Options
	log     *slog.Logger
	width   int

	ctx    context.Context // of what is under way; it ends by Abort
	cancel context.CancelFunc

	starting sync.Once
	stopping sync.Once
	inbox    chan *task
	jobs     chan *task
	results  chan *task
	hands    sync.WaitGroup
	warming  sync.WaitGroup
	underWay sync.WaitGroup // jobs
	ended    bool

	// of the clerk; Finish reads it when the clerk has left:
	places []*place

	rehearsal rehearsal

	mu sync.Mutex
	// guarded by mu:
	report   Report
	spared   bool
	untagged map[*place]map[string]ledger.Record // by key: of which the server has not told the ETag
}

var _ load.Sender = (*Target)(nil)

// Open logs in and plans. Its errors are those of [client.Dial].
func Open(ctx context.Context, o Options) (*Target, error) {
	o.Client.Kind = client.Calendars
	if o.Contacts {
		o.Client.Kind = client.AddressBooks
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Patience <= 0 {
		o.Patience = defaultPatience
	}
	c, err := client.Dial(ctx, o.Client)
	if err != nil {
		return nil, err
	}
	t := &Target{client: c, opts: o, log: o.Log, untagged: make(map[*place]map[string]ledger.Record), planner: newPlanner(&o), width: max(o.Client.Connections, 1)}
	if o.Client.Connections == 0 {
		t.width = 4
	}
	if direct, ok := c.Direct(); ok {
		t.planner.direct = &direct
	} else {
		t.planner.homes = c.Homes()
		if t.planner.existing, err = c.Collections(ctx); err != nil {
			c.Close()
			return nil, err
		}
	}
	o.Calendar.Method, o.Calendar.TakeTime = "", true
	o.Calendar.Name, o.Calendar.Color, o.Calendar.Beside = "", "", nil
	server := c.Server()
	switch server.Scheduling() {
	case client.Silent, client.ByHeader:
	default:
		o.Calendar.ScheduleAgent = scheduleAgent
	}
	if !o.CardVersion {
		o.Cards.Version = t.planner.cardVersion(server.Product)
	}
	t.encoder = newEncoder(o.Contacts, o.Calendar, o.Cards)
	t.encoder.plain = server.Scheduling() == client.Unstoppable
	t.ctx, t.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if !o.Rehearse && t.width > 1 {
		t.warming.Go(func() { c.Warm(t.ctx, t.width) })
	}
	return t, nil
}

// cardVersion returns the version of cards that all address books take. RFC 6352 6.2.2: one that does not say takes 3.0.
//
// QUIRK: Radicale and Cyrus take 4.0 but damage it (they give back data URIs with backslashes in them). Radicale announces
// nothing, Cyrus does.
func (p *planner) cardVersion(product client.Product) vcard.Version {
	if product == client.Cyrus {
		return vcard.V3
	}
	books := p.existing
	if p.direct != nil {
		books = []client.Collection{*p.direct}
	}
	for i := range books {
		if !slices.ContainsFunc(books[i].AddressData, func(m client.MediaType) bool { return m.Version == "4.0" }) {
			return vcard.V3
		}
	}
	if len(books) == 0 {
		return vcard.V3
	}
	return vcard.V4
}

// Queues between the hands: how many items the clerk takes at a time, and how many wait for it.
const (
	mostAtOnce = 64
	mostQueued = 32
)

// start begins the work when the first item comes.
func (t *Target) start() {
	t.inbox = make(chan *task, mostQueued)
	t.jobs = make(chan *task, mostAtOnce) // something to do while the clerk makes a collection
	t.results = make(chan *task, 2*t.width)
	var workers sync.WaitGroup
	last := make(chan struct{})
	for i := range t.width {
		workers.Go(func() {
			for t.rest(i, last); ; t.rest(i, last) {
				job, ok := <-t.jobs
				if !ok {
					return
				}
				t.guard(job, func() { t.store(job) })
				// What an occurrence says of its series has to be noted after what the series says of itself.
				t.results <- job
				close(job.settled)
				t.underWay.Done()
			}
		})
	}
	t.hands.Go(func() {
		newClerk(t).run()
		close(last)
		close(t.jobs)
		workers.Wait()
		close(t.results)
	})
	t.hands.Go(t.register)
}

// rest has a worker wait while the pace wants fewer connections to be at work, or until nothing more comes.
func (t *Target) rest(worker int, last <-chan struct{}) {
	p, ok := t.opts.Client.Pace.(interface{ Width() int })
	for ok && worker >= p.Width() {
		select {
		case <-last:
			return
		case <-time.After(restTime):
		}
	}
}

// restTime is how often a worker that rests looks up.
const restTime = 50 * time.Millisecond

// guard fails a job that panics.
func (t *Target) guard(job *task, f func()) {
	defer func() {
		if v := recover(); v != nil {
			job.fail(fmt.Errorf("internal error: %v", v))
		}
	}()
	f()
}

// Send implements [load.Sender].
func (t *Target) Send(ctx context.Context, e load.Encoded, done func(load.Outcome, error)) {
	enc, ok := e.(*encoded)
	if !ok {
		done(load.Failed, fmt.Errorf("an item that was encoded for another target: %T", e))
		return
	}
	if t.opts.Rehearse {
		done(t.rehearse(ctx, enc))
		return
	}
	if t.opts.Account == nil {
		done(load.Failed, &load.Fatal{Err: errors.New("a server is written to with a ledger only")})
		return
	}
	t.starting.Do(t.start)
	job := &task{ctx: ctx, e: enc, done: done, settled: make(chan struct{})}
	select {
	case t.inbox <- job:
	case <-ctx.Done():
		done(load.Failed, interrupted(ctx))
	}
}

// interrupted is what items are told that are not begun.
func interrupted(ctx context.Context) error { return &load.Fatal{Err: context.Cause(ctx)} }

// Finish implements [load.Target]: it waits for what is under way, and prunes.
func (t *Target) Finish(ctx context.Context) error {
	t.stop()
	var err error
	for _, p := range t.places {
		if err == nil && p.ledger.Fresh() {
			err = p.ledger.Known(ctx)
		}
	}
	if err == nil {
		err = t.tagUntagged(ctx)
	}
	if err == nil && t.prunes() {
		err = t.prune(ctx)
	}
	t.ended = err == nil
	if t.ended {
		t.Close()
	}
	return err
}

// Abort implements [load.Target]: what is stored stays.
func (t *Target) Abort() (dropped bool, err error) {
	if t.ended {
		return false, nil
	}
	t.ended = true
	t.cancel()
	t.stop()
	return false, t.Close()
}

func (t *Target) stop() {
	t.starting.Do(func() {})
	t.stopping.Do(func() {
		if t.inbox != nil {
			close(t.inbox)
		}
	})
	t.hands.Wait()
}

// Close ends what Open has begun, for a target that was only asked for its plan or mirror.
func (t *Target) Close() error {
	t.cancel()
	t.warming.Wait()
	return t.client.Close()
}
