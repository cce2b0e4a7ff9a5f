package verify

import (
	"context"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/compare"
)

// problem is an item that the target does not hold as it should, as far as is known: an object that has its key may turn
// out to be another item.
type problem struct {
	difference Difference
	good       int // parts that the target has
	parts      []problemPart
}

// problemPart is a mail, or a component or card, of such an item.
type problemPart struct {
	place  *index
	want   want
	at     int32 // the holding that it is compared with; -1 for none
	fields []compare.Difference
}

// Bounds of what is open. Beyond them an item's first difference is its last.
const (
	mostOpen  = MostListed
	openFacts = 32 << 20 // bytes of facts that are kept, for the case that they are to be compared once more
)

// compare claims what answers to an item.
func (t *Target) compare(ctx context.Context, place string, it *formats.Item, wants []want, from origin) (load.Outcome, error) {
	var p problem
	open := false
	for i := range wants {
		w := &wants[i]
		part := problemPart{place: w.place, want: *w}
		var how match
		if part.at, how = w.place.find(w); how != none {
			var err error
			if part.fields, err = t.diff(ctx, w, part.at); err != nil {
				return load.Failed, &load.Fatal{Err: err}
			}
		}
		if how >= alike {
			h := &w.place.held[part.at]
			t.release(h, part.at)
			h.claim, h.from = firm, from
			if len(part.fields) == 0 {
				p.good++
				continue
			}
		}
		if how == keyed {
			h := &w.place.held[part.at]
			h.claim, h.item, open = tentative, int32(len(t.open)), true
		}
		p.parts = append(p.parts, part)
	}
	if len(p.parts) == 0 {
		t.report.Same++
		return load.Unchanged, nil
	}
	p.difference = ofItem(it, Missing, place)
	told := p.told()
	if open && len(t.open) < mostOpen {
		t.leaveOpen(p)
	} else {
		p.close(from)
		t.report.list(told)
	}
	return load.Failed, &told
}

// leaveOpen keeps a problem: what an item is compared with may be equal to one that comes later.
func (t *Target) leaveOpen(p problem) {
	for i := range p.parts {
		part := &p.parts[i]
		size := 0
		for _, f := range part.want.facts {
			size += len(f.Field) + len(f.Value) + 48
		}
		if t.facts += size; t.facts > openFacts {
			part.want.facts = nil
			t.facts -= size
		}
	}
	t.open = append(t.open, p)
}

// close claims for good what a problem's item is compared with.
func (p *problem) close(from origin) {
	for i := range p.parts {
		if at := p.parts[i].at; at >= 0 {
			h := &p.parts[i].place.held[at]
			h.claim, h.from = firm, from
		}
	}
}

// release takes a holding from the problem that has claimed it: it is another item's.
func (t *Target) release(h *holding, at int32) {
	if h.claim != tentative {
		return
	}
	h.claim = free
	parts := t.open[h.item].parts
	for i := range parts {
		if parts[i].at == at && &parts[i].place.held[at] == h {
			parts[i].at, parts[i].fields = -1, nil
		}
	}
}

// told returns the difference that a problem comes to.
func (p *problem) told() Difference {
	d := p.difference
	several := p.good+len(p.parts) > 1
	for i := range p.parts {
		part := &p.parts[i]
		if i == 0 {
			d.Identity = part.want.name
		}
		prefix := ""
		if several {
			prefix = part.want.name + ": "
		}
		if part.at < 0 {
			if several {
				d.Fields = append(d.Fields, compare.Difference{Field: prefix + "component", Want: "there"})
			}
			continue
		}
		h := &part.place.held[part.at]
		d.What, d.ID, d.Ours = Different, h.id, h.ours
		for _, f := range part.fields {
			f.Field = prefix + f.Field
			d.Fields = append(d.Fields, f)
		}
	}
	if p.good > 0 {
		d.What = Different
	}
	if d.What == Missing {
		d.Fields = nil
	}
	return d
}

// settle decides about the problems: one whose holding turned out to be another item's gets another, or is missing.
func (t *Target) settle(ctx context.Context) error {
	for len(t.open) > 0 {
		p := &t.open[0]
		for k := range p.parts {
			part := &p.parts[k]
			if part.at >= 0 {
				continue
			}
			at, how := part.place.find(&part.want)
			if how != keyed {
				continue
			}
			if part.want.facts != nil {
				var err error
				if part.fields, err = t.diff(ctx, &part.want, at); err != nil {
					return err
				}
			}
			part.place.held[at].claim, part.at = firm, at
		}
		t.report.list(p.told())
		t.open = t.open[1:]
	}
	return nil
}
