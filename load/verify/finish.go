package verify

import (
	"context"
	"slices"

	"mailmill/load/compare"
)

// Finish implements [load.Target]: it finds out what the target has beyond the items of the run. That is no error.
func (t *Target) Finish(ctx context.Context) error {
	places, err := t.mirror.Places(ctx)
	if err != nil {
		return err
	}
	for _, place := range places {
		if _, err := t.index(ctx, place); err != nil {
			return err
		}
	}
	if err := t.settle(ctx); err != nil {
		return err
	}
	for _, place := range t.order {
		if err := t.surplus(ctx, t.indexes[place]); err != nil {
			return err
		}
	}
	return t.close()
}

// Abort implements [load.Target]. The report tells of the items that were compared.
func (t *Target) Abort() (dropped bool, err error) {
	if t.closed {
		return false, nil
	}
	for i := range t.open {
		t.report.list(t.open[i].told())
	}
	return false, t.close()
}

func (t *Target) close() error {
	t.closed = true
	t.open, t.indexes = nil, nil
	return t.mirror.Close()
}

// surplus lists what a place has that no item claims: an object, or where items claim a part of it each other component.
func (t *Target) surplus(ctx context.Context, x *index) error {
	if !slices.ContainsFunc(x.held, func(h holding) bool { return h.claim == free }) {
		return nil
	}
	claimed := make(map[says]bool)
	for i := range x.held {
		if h := &x.held[i]; h.claim == firm {
			claimed[h.says()] = true
		}
	}
	for rest := x.held; len(rest) > 0; {
		size := 1
		for size < len(rest) && rest[size].id == rest[0].id {
			size++
		}
		object := rest[:size]
		rest = rest[size:]
		if !slices.ContainsFunc(object, func(h holding) bool { return h.claim != free }) {
			what := Doubled
			if slices.ContainsFunc(object, func(h holding) bool { return !claimed[h.says()] }) {
				what = Extra
			}
			if err := t.listSurplus(ctx, x, &object[0], what); err != nil {
				return err
			}
			continue
		}
		for i := range object {
			h := &object[i]
			if h.claim != free {
				continue
			}
			what := Extra
			if claimed[h.says()] {
				what = Doubled
			}
			if err := t.listSurplus(ctx, x, h, what); err != nil {
				return err
			}
		}
	}
	return nil
}

// listSurplus lists a holding that no item claims.
func (t *Target) listSurplus(ctx context.Context, x *index, h *holding, what What) error {
	d := Difference{What: what, Place: x.place, ID: h.id, Ours: h.ours}
	if len(t.report.Differences) < mostNamed {
		facts, err := t.fetch(ctx, x, h)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil {
			d.Identity, d.Subject = nameOf(h.form, facts)
		}
	}
	t.report.list(d)
	return nil
}

// mostNamed is the number of objects that are read again so that people know what is extra.
const mostNamed = 1000

// nameOf returns the key and the name for people of what an object says.
func nameOf(form Form, facts compare.Facts) (identity, subject string) {
	switch form {
	case Calendar:
		identity, subject = facts.Get("UID"), facts.Get("SUMMARY")
		if at := facts.Get("RECURRENCE-ID"); at != "" {
			identity += " " + at
		}
	case Card:
		identity, subject = facts.Get("UID"), facts.Get("FN")
	case Mail:
		identity, subject = facts.Get("Message-ID"), facts.Get("Subject")
	}
	return identity, subject
}

// Report returns what came of the verification. It is complete after Finish.
func (t *Target) Report() *Report { return &t.report }
