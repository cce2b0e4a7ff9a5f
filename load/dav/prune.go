package dav

import (
	"context"
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

// prune deletes what earlier runs stored in the collections that folders of this run go to, and no item of this run is.
// What somebody changed on the server stays.
func (t *Target) prune(ctx context.Context) error {
	if err := t.deserted(ctx); err != nil {
		return err
	}
	for _, p := range t.places {
		var gone []string
		for r, err := range p.ledger.Stale() {
			if err != nil {
				return &load.Fatal{Err: err}
			}
			forget, err := t.pruneOne(ctx, p, &r)
			if err != nil {
				return err
			}
			if forget {
				gone = append(gone, r.Key)
			}
		}
		if len(gone) == 0 {
			continue
		}
		if err := p.ledger.Forget(t.ctx, gone); err != nil {
			return &load.Fatal{Err: err}
		}
	}
	return nil
}

// deserted adds the places that folders of this run go to, but no item.
func (t *Target) deserted(ctx context.Context) error {
	names, err := t.opts.Account.Places(ctx)
	if err != nil {
		return &load.Fatal{Err: err}
	}
	for col := range t.planned() {
		if !col.exists || col.place != nil || !slices.Contains(names, col.Href) {
			continue
		}
		p := &place{collection: col}
		if p.ledger, err = t.opts.Account.Place(ctx, col.Href, ""); err != nil {
			return &load.Fatal{Err: err}
		}
		col.place = p
		t.places = append(t.places, p)
	}
	return nil
}

// pruneOne deletes a resource. It reports whether there is nothing left to be known of it.
func (t *Target) pruneOne(ctx context.Context, p *place, r *ledger.Record) (forget bool, err error) {
	if p.kept[r.Name] {
		return true, nil // an occurrence that is part of a series no more stands alone, and the other way round
	}
	if r.Tag == "" {
		t.count(func(s *Report) { s.Kept++ })
		return false, nil // nobody knows whether it is as it was
	}
	err = t.patiently(ctx, func() error { return t.client.Delete(t.ctx, client.Join(p.Href, r.Name), r.Tag) })
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
