package dav

import (
	"context"

	"mailmill/load"
	"mailmill/load/dav/client"
	"mailmill/load/ledger"
)

// prune deletes what earlier runs stored in the collections of this run and no item of this run is. What somebody changed
// on the server stays.
func (t *Target) prune(ctx context.Context) error {
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

// pruneOne deletes a resource. It reports whether there is nothing left to be known of it.
func (t *Target) pruneOne(ctx context.Context, p *place, r *ledger.Record) (forget bool, err error) {
	if p.kept[r.Name] {
		return true, nil // an occurrence that is part of a series no more stands alone, and the other way round
	}
	if r.Tag == "" {
		t.count(func(s *Stats) { s.Kept++ })
		return false, nil // nobody knows whether it is as it was
	}
	err = t.patiently(ctx, func() error { return t.client.Delete(t.ctx, client.Join(p.Href, r.Name), r.Tag) })
	switch {
	case err == nil:
		t.count(func(s *Stats) { s.Pruned++ })
		return true, nil
	case client.Gone(err):
		return true, nil
	case client.Changed(err):
		t.count(func(s *Stats) { s.Kept++ })
		t.log.Warn("not pruned: it was changed on the server since it was written", "collection", p.Name, "name", r.Name)
		return false, nil
	}
	return false, err
}
