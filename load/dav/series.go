package dav

import (
	"context"
	"sync"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/dav/client"
	"mailmill/load/ledger"
	"mailmill/load/resource"
)

// series is one in a folder, of which occurrences may stand beside it as items of their own. They belong into its
// resource, and come in any order.
//
// Nothing waits for what may come. An occurrence that comes before its series is an event of its own at first; when the
// series comes, it takes the occurrence in, and the event is deleted. One that comes after it makes the series be written
// again. The ledger knows for each occurrence which resource it is in.
type series struct {
	parts []*task // the occurrences that came before it; of the clerk until master is set
	seen  []*formats.Event

	master *task

	mu     sync.Mutex // from here on
	joined []*task    // what is in its resource
	tag    string
}

// decideSeries decides on a series, or an occurrence of one. It reports false where the item is to be treated as any
// other.
func (c *clerk) decideSeries(t *task) (decided, send bool) {
	ev := t.e.item.Event
	s := c.series[ev.UID]
	if s == nil {
		if len(c.series) >= resource.MostHeld {
			return false, false
		}
		s = new(series)
		c.series[ev.UID] = s
	}
	if ev.RecurrenceID.IsZero() {
		if s.master != nil {
			return false, false // a copy of the series
		}
		return true, c.decideMaster(t, s)
	}
	if s.has(ev.RecurrenceID) {
		return false, false
	}
	s.seen = append(s.seen, ev)
	t.series = s
	if s.master == nil {
		return true, c.decideEarly(t, s)
	}
	t.mode, t.name = joins, s.master.decided
	t.record.Name = t.name
	return true, true
}

// has reports whether an occurrence is known.
func (s *series) has(id formats.Moment) bool {
	if s.master != nil && resource.Overrides(s.master.e.item.Event, id) {
		return true
	}
	return resource.Overrides(&formats.Event{Overrides: s.seen}, id)
}

// decideEarly decides on an occurrence whose series has not come.
func (c *clerk) decideEarly(t *task, s *series) (send bool) {
	s.parts = append(s.parts, t)
	own := c.own(t, resource.Alone(t.e.item))
	switch known := t.claim.Record.Name; {
	case known == "" || known == own || t.claim.State == ledger.New:
	case t.claim.State == ledger.Same:
		// It is in the resource of its series. That will come.
		t.record, t.decided = t.claim.Record, known
		t.settle(load.Unchanged, nil)
		return false
	default:
		t.claim.State, t.claim.Record = ledger.New, ledger.Record{}
	}
	return c.decideName(t, own)
}

// decideMaster decides on a series. It takes in the occurrences that came before it.
func (c *clerk) decideMaster(t *task, s *series) (send bool) {
	s.master, t.series, t.leads = t, s, true
	var overrides []*formats.Event
	for _, part := range s.parts {
		if ev := part.e.item.Event; !resource.Overrides(t.e.item.Event, ev.RecurrenceID) {
			overrides = append(overrides, ev)
			s.joined = append(s.joined, part)
		}
	}
	own := c.own(t, resource.Join(t.e.item, overrides))
	send = c.decideName(t, own)
	complete := true
	for _, part := range s.joined {
		complete = complete && part.decided == t.decided
	}
	switch {
	case t.err != nil || complete:
	case !send: // it is as it was, but for what is to be part of it
		t.mode, t.confirm, send = updates, nil, true
		t.record.State = ledger.Intended
	case t.mode == checks:
		t.mode = clashes
	}
	return send
}

// storeSeries takes a task to its outcome that concerns a series.
func (t *Target) storeSeries(job *task) {
	s := job.series
	switch {
	case job.mode == joins:
		t.join(job, s)
	case job.leads:
		t.storeMaster(job, s)
	default:
		t.storeOne(job)
	}
}

// storeMaster stores a series, and deletes the events that were made of its occurrences.
func (t *Target) storeMaster(job *task, s *series) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.storeOne(job)
	if len(job.confirm) == 0 {
		return
	}
	s.tag = job.record.Tag
	for _, part := range s.joined {
		<-part.settled
		if part.outcome == load.Failed {
			continue
		}
		if alone := part.record.Name; alone != job.record.Name && alone != "" {
			if err := t.remove(part, alone, part.record.Tag); err != nil {
				t.log.Warn("an occurrence stays beside its series", "name", alone, "reason", err)
				continue
			}
		}
		job.confirm = append(job.confirm, s.recordOf(part, job))
	}
	t.tagLater(job)
}

// recordOf is the record of an occurrence that is in the resource of its series.
func (s *series) recordOf(part, master *task) ledger.Record {
	return ledger.Record{Key: part.claim.Key, Print: part.e.print, Size: part.record.Size, Name: master.record.Name, Tag: s.tag, State: ledger.Confirmed}
}

// join makes an occurrence part of the resource of its series.
func (t *Target) join(job *task, s *series) {
	master := s.master
	<-master.settled
	s.mu.Lock()
	defer s.mu.Unlock()
	if master.outcome == load.Failed || master.err != nil {
		if job.claim.State != ledger.New && master.err != nil {
			job.conflict("its series was changed or deleted on the server")
			return
		}
		t.apart(job)
		return
	}
	if s.tag == "" {
		s.tag = master.record.Tag
	}
	if s.tag == "" {
		s.tag = t.tagOf(job, master.record.Name)
	}
	if known := job.claim.Record; job.claim.State == ledger.Same && known.Name == master.record.Name && known.Tag == s.tag {
		job.record = known
		job.settle(load.Unchanged, nil)
		s.joined = append(s.joined, job)
		return
	}
	overrides := []*formats.Event{job.e.item.Event}
	for _, part := range s.joined {
		overrides = append(overrides, part.e.item.Event)
	}
	job.form, job.name = resource.Join(master.e.item, overrides), master.record.Name
	if uid := resource.UID(master.form); uid != resource.UID(job.form) {
		job.form = resource.WithUID(job.form, uid)
	}
	b, err := t.bodyOf(job)
	if err != nil {
		job.fail(err)
		return
	}
	defer b.release()
	if job.claim.State != ledger.Same && job.claim.State != ledger.Changed && master.outcome == load.Unchanged {
		// The ledger knows nothing of it, and the resource may have it.
		f, err := t.findFor(job)
		if err != nil {
			job.fail(err)
			return
		}
		if f.there && f.tag == s.tag && f.says(b, true) {
			job.stored(load.Unchanged, job.name, s.tag)
			s.joined = append(s.joined, job)
			return
		}
	}
	t.update(job, b, s.tag, load.Written)
	if len(job.confirm) == 0 {
		return
	}
	// What was an event of its own in an earlier run is none any more.
	if alone := job.claim.Record; alone.Name != "" && alone.Name != job.record.Name {
		if err := t.remove(job, alone.Name, alone.Tag); err != nil {
			t.log.Warn("an occurrence stays beside its series", "name", alone.Name, "reason", err)
		}
	}
	s.tag = job.record.Tag
	s.joined = append(s.joined, job)
	again := master.record
	again.Tag, again.State = s.tag, ledger.Confirmed
	job.confirm = append(job.confirm, again)
	for _, part := range s.joined {
		if part != job {
			job.confirm = append(job.confirm, s.recordOf(part, master))
		}
	}
	t.tagLater(job)
}

// apart stores an occurrence as an event of its own, as its series could not be stored.
func (t *Target) apart(job *task) {
	job.form = resource.Alone(job.e.item)
	job.name = resource.Stem(resource.UID(job.form)) + t.extension()
	job.record.Name, job.mode = job.name, looks
	t.storeOne(job)
}

// remove deletes a resource that nothing is to be left of.
func (t *Target) remove(job *task, name, tag string) error {
	err := t.patiently(job.ctx, func(ctx context.Context) error { return t.client.Delete(ctx, client.Join(job.place.Href, name), tag) })
	if client.Gone(err) {
		return nil
	}
	return err
}
