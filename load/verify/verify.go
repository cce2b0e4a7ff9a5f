// Package verify compares what a target holds with what the sources of a run say, item by item and by content.
//
// [Target] stands in a run where the real target would: it gets the same items, has them encoded as the target would,
// and looks for each of them on the target instead of writing it. The target is seen through a [Mirror]. A place there (a
// mailbox, a collection, a folder) is read once, when the first item for it comes: of each object a few dozen bytes are
// kept, its key and a hash of what it says (see package compare). An object is read again only to tell what differs.
//
// An item that is on the target is Unchanged in the balance; one that is missing there or differs is Failed, with a reason. So
// the balance of a verification adds up as every other: nothing is ever written. What the target has beyond that is
// known at the end of the run and stands in the [Report] alone, which has all differences.
package verify

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/compare"
)

// Options say how a verification is done.
type Options struct {
	// Progress, where it is not nil, is called now and then while the target is read.
	Progress func(Progress)
}

// Progress is how far the reading of the target is.
type Progress struct {
	Place   string // the one being read
	Objects int    // read so far, in all places
	Bytes   int64  // that they had
}

// Target is a [load.Writer] that compares instead of writing.
type Target struct {
	mirror  Mirror
	opts    Options
	report  Report
	order   []string // of places, as they were asked for
	indexes map[string]*index
	states  map[state]*state
	sources map[string]uint16
	open    []problem
	facts   int // bytes of those of open problems
	closed  bool
}

// New returns a target that compares what a run would write with what the mirror shows. It closes the mirror when the run
// ends, be it with Finish or Abort.
func New(m Mirror, o Options) *Target {
	return &Target{mirror: m, opts: o, indexes: make(map[string]*index), states: make(map[state]*state), sources: make(map[string]uint16)}
}

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

// Encode implements [load.Target].
func (t *Target) Encode(ctx context.Context, it *formats.Item) (load.Encoded, error) {
	return t.mirror.Encode(ctx, it)
}

// Write implements [load.Writer]: it looks for the item on the target. The item is Unchanged where the target has it as it
// should, Duplicate where an equal one from another source stands for it, and Failed with a [*Difference] where it is
// missing or differs. Where the target cannot be read, the error is a [load.Fatal].
func (t *Target) Write(ctx context.Context, enc load.Encoded) (load.Outcome, error) {
	e, taken, err := t.mirror.Expect(ctx, enc)
	switch {
	case err != nil:
		return load.Failed, err
	case !taken:
		return load.Filtered, nil
	}
	it := enc.Item()
	from := origin{t.sourceOf(it), numberOf(it.Key)}
	wants, duplicate, err := t.wants(ctx, &e, from)
	switch {
	case err != nil:
		return load.Failed, err
	case duplicate:
		return load.Duplicate, nil
	}
	for i := range e.Also {
		more, _, err := t.wants(ctx, &e.Also[i], from)
		if err != nil {
			return load.Failed, err
		}
		wants = append(wants, more...)
	}
	return t.compare(ctx, e.Place, it, wants, from)
}

// origin tells items apart that are equal.
type origin struct {
	source uint16
	number int32 // that an item's key has among equal ones of its folder
}

// wants returns what a place should have of an item: of the bodies that are possible the one that it has, else the first. It
// reports whether an equal item of another source has that already.
func (t *Target) wants(ctx context.Context, e *Expectation, from origin) (wants []want, duplicate bool, err error) {
	x, err := t.index(ctx, e.Place)
	if err != nil {
		return nil, false, &load.Fatal{Err: err}
	}
	if wants, err = wantsOf(x, e, e.WriteTo); err != nil {
		return nil, false, err
	}
	if e.Once && x.hasFromElsewhere(wants, from) {
		return nil, true, nil
	}
	if x.has(wants) {
		return wants, false, nil
	}
	for _, write := range e.Or {
		others, err := wantsOf(x, e, write)
		switch {
		case err != nil:
			return nil, false, err
		case e.Once && x.hasFromElsewhere(others, from):
			return nil, true, nil
		case x.has(others):
			return others, false, nil
		}
	}
	return wants, false, nil
}

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

// sourceOf numbers sources.
func (t *Target) sourceOf(it *formats.Item) uint16 {
	n, ok := t.sources[it.Source]
	if !ok {
		n = uint16(len(t.sources))
		t.sources[it.Source] = n
	}
	return n
}

// numberOf returns the number that an item's key has among equal ones of its folder.
func numberOf(key string) int32 {
	if i := strings.LastIndexByte(key, '-'); i >= 0 {
		if n, err := strconv.ParseInt(key[i+1:], 10, 32); err == nil {
			return int32(n)
		}
	}
	return 1
}

// wantsOf returns what a body says.
func wantsOf(x *index, e *Expectation, write func(io.Writer) error) (wants []want, err error) {
	state := expectedOf(e)
	found := func(name string, facts compare.Facts) {
		print, trace := prints(facts)
		wants = append(wants, want{x, keyOf(e.Form, name), name, print, trace, facts, state})
	}
	if e.Form == Mail && e.Facts != nil {
		found(e.Facts.Get("Message-ID"), e.Facts)
		return wants, nil
	}
	err = piped(write, func(r io.Reader) error { return read(e.Form, e.Name, r, found) })
	return wants, err
}

// MailFacts returns what the mail says that write writes. It holds no more of it than package compare does.
func MailFacts(write func(io.Writer) error) (facts compare.Facts, err error) {
	err = piped(write, func(r io.Reader) (err error) {
		facts, err = compare.Mail(r)
		return err
	})
	return facts, err
}

// piped lets read read what write writes. Its error is that of write, if it has one.
func piped(write func(io.Writer) error, read func(io.Reader) error) error {
	r, w := io.Pipe()
	var failed error
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				failed = fmt.Errorf("internal error: %v", v)
			}
			w.CloseWithError(failed)
		}()
		out := bufio.NewWriterSize(w, 16<<10)
		if failed = write(out); failed == nil {
			failed = out.Flush()
		}
	}()
	err := read(r)
	r.CloseWithError(errStopped)
	<-done
	if failed != nil && !errors.Is(failed, errStopped) {
		return failed
	}
	return err
}

// errStopped says that nobody reads on.
var errStopped = errors.New("it was not read to its end")

// prints returns the hashes of facts, short: they need not withstand anybody.
func prints(facts compare.Facts) (print [16]byte, trace [8]byte) {
	p, t := facts.Print(), facts.TracePrint()
	return [16]byte(p[:16]), [8]byte(t[:8])
}

// read reads a body and passes on what is in it: one mail or text, or any number of components or cards.
func read(form Form, name string, r io.Reader, found func(name string, facts compare.Facts)) error {
	each := func(p compare.Part) bool {
		found(p.Key, p.Facts)
		return true
	}
	switch form {
	case Calendar:
		return compare.Components(r, each)
	case Card:
		return compare.Cards(r, each)
	case Text, File:
		content := compare.Text
		if form == File {
			content = compare.File
		}
		facts, err := content(r)
		if err == nil {
			found(name, facts)
		}
		return err
	}
	facts, err := compare.Mail(r)
	if err == nil {
		found(facts.Get("Message-ID"), facts)
	}
	return err
}

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
	body, err := t.mirror.Fetch(ctx, x.place, h.id)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var facts compare.Facts
	err = read(h.form, h.id, body, func(name string, f compare.Facts) {
		if print, _ := prints(f); facts == nil && print == h.print && keyOf(h.form, name) == h.key {
			facts = f
		}
	})
	return facts, err
}

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

// surplus lists what a place has that no item claims.
func (t *Target) surplus(ctx context.Context, x *index) error {
	type same struct {
		key   key
		print [16]byte
	}
	claimed := make(map[same]bool)
	unclaimed := 0
	for i := range x.held {
		if x.held[i].claim == free {
			unclaimed++
		}
	}
	if unclaimed == 0 {
		return nil
	}
	for i := range x.held {
		if h := &x.held[i]; h.claim == firm {
			claimed[same{h.key, h.print}] = true
		}
	}
	for i := range x.held {
		h := &x.held[i]
		if h.claim != free {
			continue
		}
		d := Difference{What: Extra, Place: x.place, ID: h.id, Ours: h.ours}
		if claimed[same{h.key, h.print}] {
			d.What = Doubled
		}
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
	}
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
