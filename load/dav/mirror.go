package dav

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"

	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/load"
	"mailmill/load/dav/client"
	"mailmill/load/resource"
	"mailmill/load/verify"
)

// Mirror returns the target from its reading side. The target is not written to then; Close of the mirror ends it.
func (t *Target) Mirror() verify.Mirror {
	return &mirror{Target: t, ids: make(map[string]*resource.Identities), seen: make(map[[32]byte]bool)}
}

// mirror is a target from its reading side.
type mirror struct {
	*Target
	ids  map[string]*resource.Identities // by collection
	seen map[[32]byte]bool               // what was expected: collection, key and content
}

func (m *mirror) form() verify.Form {
	if m.opts.Contacts {
		return verify.Card
	}
	return verify.Calendar
}

// Expect implements [verify.Mirror].
func (m *mirror) Expect(_ context.Context, enc load.Encoded) (verify.Expectation, bool, error) {
	e, ok := enc.(*encoded)
	if !ok {
		return verify.Expectation{}, false, errors.New("an item that was encoded for another target")
	}
	it := e.item
	col := m.planner.collection(it.Source, it.Folder, e.component)
	if col.refused != nil {
		return verify.Expectation{}, true, col.refused
	}
	x := verify.Expectation{Place: col.Href, Form: m.form(), Once: true}
	key, _, _ := strings.Cut(it.Key, "-")
	id := sha256.Sum256(slices.Concat([]byte(col.Href), []byte{0}, []byte(key), e.print[:]))
	if m.seen[id] {
		// The target stores what it has had once, also where one archive has it twice.
		x.Copy = true
		return x, true, nil
	}
	m.seen[id] = true
	ids := m.ids[col.Href]
	if ids == nil {
		ids = new(resource.Identities)
		m.ids[col.Href] = ids
	}
	alone, _ := ids.Take(resource.Alone(it))
	if alone != it && resource.Alone(it) != it {
		// It is part of its series where that is there, and else an event of its own.
		x.WriteTo = m.writes(it)
		x.Or = append(x.Or, m.writes(alone))
		return x, true, nil
	}
	x.WriteTo = m.writes(alone)
	if !m.opts.Contacts {
		x.Or = append(x.Or, m.writes(resource.WithUID(alone, derivedUID(resource.UID(alone), col.Href))))
	}
	return x, true, nil
}

func (m *mirror) writes(it *formats.Item) func(io.Writer) error {
	return func(w io.Writer) error { return m.encoder.write(w, it) }
}

// Places implements [verify.Mirror]: the collections that folders of the sources go to.
func (m *mirror) Places(ctx context.Context) ([]string, error) {
	if m.planner.direct != nil {
		return []string{m.planner.direct.Href}, nil
	}
	var places []string
	for col := range m.planned() {
		if col.exists && !slices.Contains(places, col.Href) {
			places = append(places, col.Href)
		}
	}
	return places, ctx.Err()
}

// Objects implements [verify.Mirror].
func (m *mirror) Objects(ctx context.Context, place string) iter.Seq2[*verify.Object, error] {
	return func(yield func(*verify.Object, error) bool) {
		var list []client.Resource
		for r, err := range m.client.List(ctx, place) {
			switch {
			case client.Gone(err):
				return
			case err != nil:
				yield(nil, err)
				return
			}
			list = append(list, r)
		}
		// What is large is read while it arrives, the rest many at a time.
		large := func(r client.Resource) bool { return r.Size > largestBuffered }
		for _, r := range list {
			if large(r) && !m.yieldLarge(ctx, r, yield) {
				return
			}
		}
		for o, err := range m.client.Multiget(ctx, place, slices.DeleteFunc(list, large)) {
			if err == nil && o.Err != nil {
				if client.Gone(o.Err) {
					continue
				}
				err = o.Err
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(m.object(o.Resource, bytes.NewReader(o.Data), bytes.Contains(o.Data[:min(len(o.Data), 1024)], ourProduct)), nil) {
				return
			}
		}
	}
}

// ourProduct is in the calendars that mailmill makes.
var ourProduct = []byte("PRODID:" + ical.Product)

func (m *mirror) yieldLarge(ctx context.Context, r client.Resource, yield func(*verify.Object, error) bool) bool {
	body, got, err := m.client.Get(ctx, r.Href, 0)
	switch {
	case client.Gone(err):
		return true
	case err != nil:
		return yield(nil, err) && false
	}
	defer body.Close()
	return yield(m.object(got, body, false), nil)
}

func (m *mirror) object(r client.Resource, body io.Reader, ours bool) *verify.Object {
	return &verify.Object{ID: client.Base(r.Href), Size: max(r.Size, 0), Form: m.form(), Ours: ours, Body: body}
}

// Fetch implements [verify.Mirror].
func (m *mirror) Fetch(ctx context.Context, place, id string) (io.ReadCloser, error) {
	r, _, err := m.client.Get(ctx, client.Join(place, id), 0)
	return r, err
}

// planned returns the collections that folders of the sources lead to.
func (t *Target) planned() iter.Seq[*collection] {
	components := []component{events, tasks, journals}
	if t.opts.Contacts {
		components = []component{cards}
	}
	return func(yield func(*collection) bool) {
		for _, s := range t.opts.Sources {
			for _, f := range s.Folders {
				for _, c := range components {
					if !yield(t.planner.collection(s.Name, f, c)) {
						return
					}
				}
			}
		}
	}
}
