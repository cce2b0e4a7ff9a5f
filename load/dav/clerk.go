package dav

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/dav/client"
	"mailmill/load/ledger"
	"mailmill/load/resource"
)

// task is an item on its way.
type task struct {
	ctx     context.Context
	e       *encoded
	done    func(load.Outcome, error)
	settled chan struct{} // closed when its resource is as it will be

	place  *place
	claim  ledger.Claim
	mode   mode
	form   *formats.Item // as it is written
	name   string        // of its resource
	tag    string        // the ETag that the resource has to have
	series *series       // nil where it has nothing to do with one
	leads  bool          // it is the series, and no occurrence
	// decided is the name as the clerk has decided; a worker may change the other.
	decided string
	again   bool // its UID was in another collection before
	record  ledger.Record

	intended bool // the ledger has its record
	rounds   int  // how often it was about to be made
	adopted  bool // somebody else stored it, under a name of their own

	outcome load.Outcome
	err     error
	confirm []ledger.Record
}

// mode is what a worker does first.
type mode uint8

const (
	creates mode = iota // nothing is known of it, there or here
	looks               // it may be there
	updates             // it is there as we wrote it, and the source has changed
	checks              // the source has not changed, but what is there has
	clashes             // both have changed
	joins               // an occurrence becomes part of its series
)

func (t *task) settle(o load.Outcome, err error) { t.outcome, t.err = o, err }
func (t *task) fail(err error)                   { t.settle(load.Failed, err) }

// folder returns the archive and the folder that the item is in.
func (t *task) folder() (string, *formats.Folder) { return t.e.item.Source, t.e.item.Folder }

// stored notes that the item's resource is on the server.
func (t *task) stored(o load.Outcome, name, tag string) {
	t.record.Name, t.record.Tag, t.record.State = name, tag, ledger.Confirmed
	t.confirm = append(t.confirm[:0], t.record)
	t.settle(o, nil)
}

// conflict says that the item was left as it is on the server. Where the source has changed it is a failure.
func (t *task) conflict(reason string) {
	if t.claim.State == ledger.Changed {
		t.settle(load.Failed, &load.Conflict{Reason: reason + "; the archive has changed it too"})
		return
	}
	t.settle(load.Unchanged, &load.Conflict{Reason: reason})
}

// isLeft reports whether nothing was or will be written for the item, and nothing can have arrived.
func (t *task) isLeft() bool {
	if t.err == nil || t.record.Key == "" || errors.As(t.err, new(*load.Fatal)) || client.Unknown(t.err) {
		return false
	}
	return t.intended || t.claim.State == ledger.New
}

// place is a collection as the run fills it. It belongs to the clerk.
type place struct {
	*collection
	ledger *ledger.Place
	names  resource.Names
	ids    resource.Identities
	there  map[string]string // what was in the collection when it was entered: ETags by name
	uids   map[string]string // names by UID of what the ledger knows nothing of
	owned  map[string]bool   // names of resources that items of earlier runs have
	kept   map[string]bool   // names of resources that items of this run have, for pruning
}

// clerk decides what is to be done with each item.
type clerk struct {
	*Target
	later []*task // lists: they go when all that came before has gone

	source string
	folder *formats.Folder
	series map[string]*series

	uids map[[16]byte]*place // where a UID was first, in this run
}

func newClerk(t *Target) *clerk { return &clerk{Target: t, uids: make(map[[16]byte]*place)} }

// run takes what comes, as much as there is at a time: so many items share a transaction of the ledger, and the time that
// takes is no one's while the workers have enough to do.
func (c *clerk) run() {
	var batch []*task
	for open := true; open || len(c.later) > 0; {
		batch = batch[:0]
		batch, open = c.gather(batch, open)
		if len(batch) == 0 {
			batch, c.later = c.later, nil
		}
		c.handle(batch)
	}
}

// gather takes what has come. It waits for something only where nothing else is to be done. Lists are put off: RFC 6352
// wants nothing of the kind, but programs show the members of a list that they know when it comes.
func (c *clerk) gather(batch []*task, open bool) ([]*task, bool) {
	if !open {
		return batch, false
	}
	put := func(t *task) {
		if t.e.item.Group != nil && len(c.later) < mostAtOnce {
			c.later = append(c.later, t)
		} else {
			batch = append(batch, t)
		}
	}
	if len(c.later) == 0 {
		t, ok := <-c.inbox
		if !ok {
			return batch, false
		}
		put(t)
	}
	for len(batch) < mostAtOnce {
		select {
		case t, ok := <-c.inbox:
			if !ok {
				return batch, false
			}
			put(t)
		default:
			return batch, true
		}
	}
	return batch, true
}

// handle decides on items, notes what will be sent, and hands it on.
func (c *clerk) handle(batch []*task) {
	var now, later []*task
	intents := make(map[*place][]ledger.Record)
	for _, t := range batch {
		var send bool
		c.guard(t, func() { send = c.decide(t) })
		if !send {
			close(t.settled)
			now = append(now, t)
			continue
		}
		// What may be there already is looked at first: only what is to be written is intended.
		t.intended = t.mode == creates || t.mode == updates || t.mode == joins || t.claim.State == ledger.Pending
		if t.intended {
			intents[t.place] = append(intents[t.place], t.record)
		}
		later = append(later, t)
	}
	for _, t := range now {
		c.results <- t
	}
	failed := make(map[*place]error)
	for p, records := range intents {
		if err := p.ledger.Intend(c.ctx, records); err != nil {
			failed[p] = &load.Fatal{Err: err}
		}
	}
	for _, t := range later {
		if err := failed[t.place]; err != nil {
			t.fail(err)
			close(t.settled)
			c.results <- t
			continue
		}
		if t.again {
			c.underWay.Wait()
		}
		c.underWay.Add(1)
		c.jobs <- t
	}
}

// elsewhere reports whether an item of this run has the UID in another collection. Some servers take each once in an
// account: then the first in the run's order is to have it, whichever connection is faster.
func (c *clerk) elsewhere(t *task) bool {
	sum := sha256.Sum256([]byte(resource.UID(t.form)))
	id := [16]byte(sum[:])
	first, known := c.uids[id]
	if !known {
		c.uids[id] = t.place
	}
	return known && first != t.place
}

// decide says what is to be done with an item. It reports false where nothing is: then the item has its outcome.
func (c *clerk) decide(t *task) (send bool) {
	it := t.e.item
	if t.ctx.Err() != nil {
		t.fail(interrupted(t.ctx))
		return false
	}
	if source, folder := t.folder(); source != c.source || folder != c.folder {
		c.source, c.folder, c.series = source, folder, make(map[string]*series)
	}
	if t.place = c.enter(t); t.place == nil {
		return false
	}
	p := t.place
	if err := p.fits(t.e); err != nil {
		t.fail(err)
		return false
	}
	t.claim = p.ledger.Claim(ledger.SourceName(it.Source), it.Key, t.e.print)
	if t.claim.State == ledger.Duplicate {
		t.settle(load.Duplicate, nil)
		return false
	}
	t.record = ledger.Record{Key: t.claim.Key, Print: t.e.print, Size: t.e.size, State: ledger.Intended}
	t.form = it
	if resource.Concerns(it) {
		if decided, send := c.decideSeries(t); decided {
			return send
		}
	}
	return c.decideName(t, c.own(t, resource.Alone(it)))
}

// own gives an item its form and returns the name that goes with it. What is new takes no name that another item has.
func (c *clerk) own(t *task, it *formats.Item) string {
	for {
		t.form, _ = t.place.ids.Take(it)
		name := t.place.names.Name(resource.UID(t.form))
		if t.claim.State != ledger.New || !t.place.owned[name] {
			return name
		}
	}
}

// decideName finds the name of an item's resource, and what is to be done with it.
func (c *clerk) decideName(t *task, own string) (send bool) {
	p, known := t.place, t.claim.Record
	t.name, t.again = known.Name, c.elsewhere(t)
	if t.claim.State == ledger.New || t.name == "" {
		t.name = own
		if there, ok := p.uids[resource.UID(t.form)]; ok {
			t.name = there
		}
	}
	tag, there := p.there[t.name]
	t.tag, t.decided = tag, t.name
	untouched := there && tag == known.Tag && tag != ""
	t.record.Name, t.record.Tag = t.name, known.Tag
	switch t.claim.State {
	case ledger.Same:
		switch {
		case untouched:
			t.stored(load.Unchanged, t.name, tag)
			t.confirm = nil
			return false
		case !there:
			t.conflict("it was deleted on the server since it was written")
			return false
		}
		t.mode = checks
	case ledger.Changed:
		switch {
		case untouched:
			t.mode = updates
		case !there:
			t.conflict("it was deleted on the server since it was written")
			return false
		default:
			t.mode = clashes
		}
	case ledger.Pending:
		t.mode = looks
	default:
		t.mode = creates
		if there {
			t.mode = looks
		}
	}
	return true
}

// enter returns the place where an item goes; nil where there is none: then the item has failed.
func (c *clerk) enter(t *task) *place {
	source, folder := t.folder()
	col := c.planner.collection(source, folder, t.e.component)
	if col.place == nil && col.refused == nil {
		p, err := c.openPlace(t.ctx, col)
		switch {
		case err != nil && ends(err):
			t.fail(fatal(err))
			return nil
		case err != nil:
			col.refused = err
		default:
			col.place = p
			c.places = append(c.places, p)
		}
	}
	if col.refused != nil {
		t.fail(col.refused)
		return nil
	}
	return col.place
}

// openPlace makes sure of a collection, and finds out what is in it.
func (c *clerk) openPlace(ctx context.Context, col *collection) (*place, error) {
	made, empty := false, false
	if !col.exists {
		err := c.patiently(ctx, func(ctx context.Context) (err error) {
			empty, err = c.make(ctx, col)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("the collection %q cannot be made: %w", col.Name, err)
		}
		col.exists, made = true, true
	}
	p := &place{collection: col, names: resource.Names{Extension: c.extension()}, there: make(map[string]string)}
	if !takes(&col.Collection, col.component) {
		return nil, &componentError{col.Name, col.component}
	}
	var err error
	if !empty {
		if err = c.list(ctx, p); err != nil {
			return nil, err
		}
	}
	if p.ledger, err = c.opts.Account.Place(c.ctx, col.Href, ""); err != nil {
		return nil, &load.Fatal{Err: err}
	}
	if err := p.recall(c.ctx, made); err != nil {
		return nil, &load.Fatal{Err: err}
	}
	if known, ok := p.ledger.Noted(prefixNote); !ok || known != c.planner.prefix {
		if err := p.ledger.Note(c.ctx, prefixNote, c.planner.prefix); err != nil {
			return nil, &load.Fatal{Err: err}
		}
	}
	if p.ledger.Fresh() && len(p.there) > 0 {
		if p.uids, err = c.listUIDs(ctx, col.Href); err != nil {
			return nil, fmt.Errorf("reading the collection %q: %w", col.Name, err)
		}
	}
	if c.opts.Prune {
		p.kept = make(map[string]bool)
	}
	return p, nil
}

// list finds out what is in a collection.
func (t *Target) list(ctx context.Context, p *place) error {
	err := t.patiently(ctx, func(ctx context.Context) error {
		clear(p.there)
		for r, err := range t.client.List(ctx, p.Href) {
			if err != nil {
				return err
			}
			p.there[client.Base(r.Href)] = r.ETag
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("listing the collection %q: %w", p.Name, err)
	}
	return nil
}

// recall reads what earlier runs have put into a collection. They are forgotten where it was made just now: somebody
// deleted it to begin anew.
func (p *place) recall(ctx context.Context, made bool) error {
	p.owned = make(map[string]bool)
	var keys []string
	for _, records := range []iter.Seq2[ledger.Record, error]{p.ledger.Stale(), p.ledger.Unsettled()} {
		for r, err := range records {
			if err != nil {
				return err
			}
			p.owned[r.Name] = true
			if made {
				keys = append(keys, r.Key)
			}
		}
	}
	if !made {
		return nil
	}
	clear(p.owned)
	if len(keys) > 0 {
		if err := p.ledger.Forget(ctx, keys); err != nil {
			return err
		}
	}
	return p.ledger.Known(ctx)
}

// listUIDs returns the names of the resources in a collection by their UIDs.
func (t *Target) listUIDs(ctx context.Context, collection string) (uids map[string]string, err error) {
	err = t.patiently(ctx, func(ctx context.Context) error {
		uids = make(map[string]string)
		for r, err := range t.client.UIDs(ctx, collection) {
			if err != nil {
				return err
			}
			if r.UID != "" {
				uids[r.UID] = client.Base(r.Href)
			}
		}
		return nil
	})
	return uids, err
}

func (t *Target) extension() string {
	if t.opts.Contacts {
		return ".vcf"
	}
	return ".ics"
}

// make makes a collection, and reports whether it did. What is there already under its name serves if it takes what is to
// come.
func (t *Target) make(ctx context.Context, col *collection) (fresh bool, err error) {
	want := col.Collection
	if want.TimeZone = zoneCalendar(t.opts.Zone); t.opts.Contacts {
		want.TimeZone = ""
	}
	made, err := t.client.Make(ctx, want)
	fresh = err == nil
	var there *client.ExistsError
	if errors.As(err, &there) {
		if made, err = there.Collection, nil; made.Kind != t.client.Kind() {
			err = fmt.Errorf("%s is something else than a %s; choose another name with --folder-map", col.Href, t.client.Kind())
		}
	}
	if err != nil {
		return false, err
	}
	name := col.Name
	col.Collection = made
	if col.Name == "" {
		col.Name = name
	}
	return fresh, nil
}

// register notes what is stored and answers the run.
func (t *Target) register() {
	var batch []*task
	for first := range t.results {
		batch = append(batch[:0], first)
		for more := true; more && len(batch) < mostAtOnce; {
			select {
			case next, ok := <-t.results:
				if more = ok; ok {
					batch = append(batch, next)
				}
			default:
				more = false
			}
		}
		confirm, adopt := make(map[*place][]ledger.Record), make(map[*place][]ledger.Record)
		withdraw := make(map[*place][]string)
		for _, job := range batch {
			switch {
			case job.adopted:
				if job.intended {
					// It was to be stored, and turned out to be there: it is not what was intended.
					withdraw[job.place] = append(withdraw[job.place], job.record.Key)
				}
				adopt[job.place] = append(adopt[job.place], job.confirm...)
			case len(job.confirm) > 0:
				confirm[job.place] = append(confirm[job.place], job.confirm...)
			case job.isLeft():
				withdraw[job.place] = append(withdraw[job.place], job.record.Key)
			}
			if p := job.place; p != nil && p.kept != nil && job.record.Name != "" {
				p.kept[job.record.Name] = true
			}
		}
		failed := make(map[*place]error)
		for p, records := range confirm {
			if err := p.ledger.Confirm(t.ctx, records); err != nil {
				failed[p] = &load.Fatal{Err: err}
			}
		}
		for p, keys := range withdraw {
			if err := p.ledger.Withdraw(t.ctx, keys); err != nil {
				t.log.Warn("the ledger does not know what was left", "collection", p.Name, "reason", err)
			}
		}
		for p, records := range adopt {
			if err := p.ledger.Adopt(t.ctx, records); err != nil {
				failed[p] = &load.Fatal{Err: err}
			}
		}
		for _, job := range batch {
			if err := failed[job.place]; err != nil && len(job.confirm) > 0 {
				job.fail(err)
			}
			if job.outcome == load.Written {
				t.wrote(job.place.collection, job.e)
			}
			job.done(job.outcome, job.err)
		}
	}
}
