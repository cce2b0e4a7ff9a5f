package dav

import (
	"context"
	"errors"
	"iter"
	"slices"

	"mailmill/load"
	"mailmill/load/dav/client"
	"mailmill/load/ledger"
)

// KeepStale tells that this run did not see all that the archives hold: something could not be read, or was not asked for.
// Then nothing is deleted.
func (t *Target) KeepStale() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.spared = true
}

func (t *Target) prunes() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.opts.Prune && !t.opts.Rehearse && !t.spared && t.opts.Account != nil
}

// prune deletes what earlier runs stored of the archives of this run, and no item of it is. What somebody changed on the
// server stays, and so does what went below another prefix.
func (t *Target) prune(ctx context.Context) error {
	if err := t.deserted(ctx); err != nil {
		return err
	}
	for _, p := range t.places {
		var stale []ledger.Record
		for _, records := range []iter.Seq2[ledger.Record, error]{p.ledger.Stale(), p.ledger.Unsettled()} {
			for r, err := range records {
				if err != nil {
					return &load.Fatal{Err: err}
				}
				if t.brings(r.Source) {
					stale = append(stale, r)
				}
			}
		}
		for batch := range slices.Chunk(stale, mostAtOnce) {
			if err := t.pruneSome(ctx, p, batch); err != nil {
				return err
			}
		}
	}
	return nil
}

// brings reports whether the run has the archive that a record came from. What came from others stays.
func (t *Target) brings(source string) bool {
	return slices.ContainsFunc(t.opts.Sources, func(s Source) bool { return ledger.SourceName(s.Name) == source })
}

// pruneSome deletes some resources of a collection. The ledger knows what is about to go before it goes.
func (t *Target) pruneSome(ctx context.Context, p *place, batch []ledger.Record) error {
	var keys, gone, left []string
	for _, r := range batch {
		keys = append(keys, r.Key)
	}
	err := p.ledger.Remove(t.ctx, keys)
	if err != nil {
		return &load.Fatal{Err: err}
	}
	for i := range batch {
		forget, pruneErr := t.pruneOne(ctx, p, &batch[i])
		if err = pruneErr; err != nil {
			break
		}
		if forget {
			gone = append(gone, batch[i].Key)
		} else {
			left = append(left, batch[i].Key)
		}
	}
	if bookErr := errors.Join(p.ledger.Forget(t.ctx, gone), p.ledger.Withdraw(t.ctx, left)); bookErr != nil && err == nil {
		err = &load.Fatal{Err: bookErr}
	}
	return err
}

// deserted adds the places that runs with the same prefix wrote to and this one did not: folders may be empty, or gone.
func (t *Target) deserted(ctx context.Context) error {
	names, err := t.opts.Account.Places(ctx)
	if err != nil {
		return &load.Fatal{Err: err}
	}
	for _, name := range names {
		if slices.ContainsFunc(t.places, func(p *place) bool { return p.Href == name }) {
			continue
		}
		p := &place{collection: &collection{Collection: client.Collection{Href: name, Name: client.Base(name)}}}
		if p.ledger, err = t.opts.Account.Place(ctx, name, ""); err != nil {
			return &load.Fatal{Err: err}
		}
		if prefix, ok := p.ledger.Noted(prefixNote); ok && prefix == t.planner.prefix {
			t.places = append(t.places, p)
		}
	}
	return nil
}

// prefixNote is where the ledger has the prefix of the run that wrote to a collection last.
const prefixNote = "prefix"

// pruneOne deletes a resource. It reports whether there is nothing left to be known of it.
func (t *Target) pruneOne(ctx context.Context, p *place, r *ledger.Record) (forget bool, err error) {
	if p.kept[r.Name] {
		return true, nil // an occurrence that is part of a series no more stands alone, and the other way round
	}
	tag := r.Tag
	if r.State == ledger.Intended {
		// A run died over it. What is there is ours if it is as it was before, or says so.
		f, err := t.find(ctx, p.Href, r.Name)
		switch {
		case err != nil:
			return false, err
		case !f.there:
			return true, nil
		case f.ours, r.Before != nil && r.Before.Tag == f.tag:
			tag = f.tag
		default:
			tag = ""
		}
	}
	if tag == "" {
		t.count(func(s *Report) { s.Kept++ })
		return false, nil // nobody knows whether it is as it was
	}
	err = t.patiently(ctx, func(ctx context.Context) error { return t.client.Delete(ctx, client.Join(p.Href, r.Name), tag) })
	switch {
	case err == nil:
		t.count(func(s *Report) { s.Pruned++ })
		return true, nil
	case client.Gone(err):
		return true, nil
	case client.Changed(err):
		t.count(func(s *Report) { s.Kept++ })
		t.log.Warn("not pruned: it was changed on the server since it was written", "collection", p.Name, "name", r.Name)
		return false, nil
	}
	return false, err
}
