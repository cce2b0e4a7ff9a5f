package dav

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"mailmill/load"
	"mailmill/load/dav/client"
	"mailmill/load/resource"
)

// Report tells what became of the collections of a run.
type Report struct {
	Collections []Collection
	// Renamed counts items that got another UID because the server had theirs in another collection.
	Renamed int
	// Pruned is how many resources were deleted, Kept how many were not because they were changed on the server.
	Pruned, Kept int
}

// Collection is one that folders of the archives go to.
type Collection struct {
	Folder     []string // the first of the folders, as its path
	Name, Href string
	Components []string // that it takes, as far as it is told; none: all
	Exists     bool     // before the run
	Items      int      // that were written, or would be
	Bytes      int64    // of those
	Largest    int64
}

// Report returns what became of the collections, as far as it is known.
func (t *Target) Report() Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.report
	r.Collections = slices.Clone(r.Collections)
	return r
}

// count changes the report.
func (t *Target) count(change func(*Report)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.report)
}

// wrote notes an item that was written to a collection.
func (t *Target) wrote(col *collection, e *encoded) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if col.report < 0 {
		c := Collection{Name: col.Name, Href: col.Href, Components: col.Components, Exists: !col.made}
		if e.item.Folder != nil {
			c.Folder = e.item.Folder.Path
		}
		col.report = len(t.report.Collections)
		t.report.Collections = append(t.report.Collections, c)
	}
	c := &t.report.Collections[col.report]
	c.Items++
	c.Bytes += e.size
	c.Largest = max(c.Largest, e.size)
}

// Plan is what a run would do. It is made by a run with [Options].Rehearse, after its end.
type Plan struct {
	Report
	Items int
	Bytes int64
	// Available is how many bytes there is room for; -1 where the server does not tell (RFC 4331).
	Available int64
}

// Full returns an error where the account has too little room for the plan.
func (p *Plan) Full() error {
	if p.Available < 0 || p.Bytes <= p.Available {
		return nil
	}
	return fmt.Errorf("the account has room for %d bytes, and %d would be written", p.Available, p.Bytes)
}

// Plan returns what a run would do, as far as it is known: all of it after the Finish of a rehearsal.
func (t *Target) Plan() Plan {
	p := Plan{Report: t.Report(), Available: -1}
	for _, c := range p.Collections {
		p.Items += c.Items
		p.Bytes += c.Bytes
	}
	known := t.planner.existing
	if t.planner.direct != nil {
		known = []client.Collection{*t.planner.direct}
	}
	for _, c := range known {
		if c.Available >= 0 && (p.Available < 0 || c.Available < p.Available) {
			p.Available = c.Available
		}
	}
	return p
}

// rehearsal is what a rehearsal knows of the collections. It belongs to the goroutine that sends.
type rehearsal map[*collection]*place

// rehearse says what would become of an item, as far as that can be known without asking for more than names.
func (t *Target) rehearse(ctx context.Context, e *encoded) (load.Outcome, error) {
	col := t.planner.collection(e.item.Source, e.item.Folder, e.component)
	if col.refused != nil {
		return load.Failed, col.refused
	}
	p := t.rehearsal[col]
	if p == nil {
		p = &place{collection: col, names: resource.Names{Extension: t.extension()}, there: make(map[string]string)}
		if col.exists {
			err := t.list(ctx, p)
			switch {
			case err != nil && ends(err):
				return load.Failed, fatal(err)
			case err != nil:
				col.refused = err
				return load.Failed, err
			}
		}
		if t.rehearsal == nil {
			t.rehearsal = make(rehearsal)
		}
		t.rehearsal[col] = p
	}
	if err := p.fits(e); err != nil {
		return load.Failed, err
	}
	form, _ := p.ids.Take(resource.Alone(e.item))
	if _, there := p.there[p.names.Name(resource.UID(form))]; there {
		return load.Unchanged, nil
	}
	t.wrote(col, e)
	return load.Written, nil
}

// fits returns an error for what the collection says it is too small for.
func (p *place) fits(e *encoded) error {
	if p.MaxSize > 0 && e.size > p.MaxSize {
		return fmt.Errorf("it takes %d bytes, and the server stores no more than %d in one piece", e.size, p.MaxSize)
	}
	if p.MaxAttendees > 0 && e.buffer != nil {
		if n := mostAttendees(e.buffer.Bytes()); n > p.MaxAttendees {
			return fmt.Errorf("%d people take part, and the server stores no more than %d of a meeting", n, p.MaxAttendees)
		}
	}
	return nil
}

// mostAttendees returns how many ATTENDEEs that instance of an event has which has the most of them.
func mostAttendees(calendar []byte) (most int) {
	n, alarm := 0, false
	for line := range bytes.Lines(calendar) {
		switch {
		case bytes.HasPrefix(line, []byte("BEGIN:VALARM")):
			alarm = true
		case bytes.HasPrefix(line, []byte("END:VALARM")):
			alarm = false
		case bytes.HasPrefix(line, []byte("BEGIN:V")):
			n = 0
		case !alarm && bytes.HasPrefix(line, []byte("ATTENDEE")):
			n++
			most = max(most, n)
		}
	}
	return most
}
