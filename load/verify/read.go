package verify

import (
	"context"
	"fmt"
	"io"
	"time"

	"mailmill/load/compare"
)

// index returns what a place holds. It is read when it is asked for the first time.
func (t *Target) index(ctx context.Context, place string) (*index, error) {
	if x := t.indexes[place]; x != nil {
		return x, nil
	}
	x := &index{place: place, byKey: make(map[key]chain)}
	last := time.Now()
	for o, err := range t.mirror.Objects(ctx, place) {
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		if err := t.object(x, o); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", place, o.ID, err)
		}
		if t.opts.Progress != nil && time.Since(last) > 100*time.Millisecond {
			last = time.Now()
			t.opts.Progress(Progress{Place: place, Objects: t.report.Objects, Bytes: t.report.Bytes})
		}
	}
	t.report.Places++
	t.indexes[place] = x
	t.order = append(t.order, place)
	return x, nil
}

// object adds what an object says to the index.
func (t *Target) object(x *index, o *Object) error {
	own := t.stateOf(o)
	h := holding{state: own, id: o.ID, form: o.Form, ours: o.Ours}
	if !o.Date.IsZero() {
		h.date = o.Date.Unix()
	}
	body := &counted{r: o.Body}
	err := read(o.Form, o.ID, body, func(name string, facts compare.Facts) {
		h.key = keyOf(o.Form, name)
		h.print, h.trace = prints(facts)
		x.add(h)
	})
	t.report.Objects++
	t.report.Bytes += body.n
	return err
}

// stateOf returns the state of an object: one value for all that are equal.
func (t *Target) stateOf(o *Object) *state {
	s := state{joined(o.Flags), joined(o.Keywords)}
	known := t.states[s]
	if known == nil {
		known = &s
		t.states[s] = known
	}
	return known
}

// counted counts what is read.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// diff says in what a holding differs from what is wanted. Its object is read once more unless it says the same.
func (t *Target) diff(ctx context.Context, w *want, at int32) ([]compare.Difference, error) {
	h := &w.place.held[at]
	fields := w.compare.differs(h)
	if h.print == w.print && h.trace == w.trace {
		return fields, nil
	}
	if h.print != w.print && len(t.report.Differences)+len(t.open) >= MostListed {
		return append(fields, compare.Difference{Field: "what it says"}), nil // nobody will see in what
	}
	facts, err := t.fetch(ctx, w.place, h)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return append(fields, compare.Difference{Field: "the object when it was read again", Got: err.Error()}), nil
	case facts == nil:
		return append(fields, compare.Difference{Field: "the object when it was read again", Got: "it has changed meanwhile"}), nil
	}
	return append(compare.Diff(w.facts, facts), fields...), nil
}

// fetch returns what a holding says; nothing where the object no longer has it.
func (t *Target) fetch(ctx context.Context, x *index, h *holding) (compare.Facts, error) {
	if t.last.place == x && t.last.id == h.id {
		if facts := t.last.parts[h.says()]; facts != nil {
			return facts, nil
		}
	}
	body, err := t.mirror.Fetch(ctx, x.place, h.id)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	t.last = reread{place: x, id: h.id, parts: make(map[says]compare.Facts)}
	var facts compare.Facts
	err = read(h.form, h.id, body, func(name string, f compare.Facts) {
		print, _ := prints(f)
		of := says{keyOf(h.form, name), print}
		if of == h.says() {
			facts = f
		}
		t.last.keep(of, f)
	})
	return facts, err
}

// reread is an object that was read once more: where it has many parts, others of it are likely to be asked for next.
type reread struct {
	place *index
	id    string
	parts map[says]compare.Facts
	size  int
}

// mostReread bounds the bytes of facts that are kept of an object.
const mostReread = 16 << 20

func (r *reread) keep(of says, facts compare.Facts) {
	for _, f := range facts {
		r.size += len(f.Field) + len(f.Value) + 48
	}
	if r.size <= mostReread {
		r.parts[of] = facts
	}
}
