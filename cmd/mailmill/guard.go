package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/files"
	"mailmill/load/report"
)

// guard puts two looks into a run: at the room that targets of files have, before anything is written, and at the
// archives, before anything that was written gets its final name. Where one of them finds that the result cannot be
// right, the run ends as any other that cannot go on. It also keeps the tally of each target.
func (a *app) guard(plan *load.Plan, c *conversion, into *opened) {
	lost := new(loss)
	if c.remote.prune {
		for i := range plan.Sources {
			s := &plan.Sources[i]
			s.Source = watched{passing{s.Source}, lost}
		}
		plan.Observer = report.Observers{plan.Observer, lost}
	}
	met := c.filters.met()
	for i, p := range into.list {
		g := guarded{met.guard(p.target), p, &c.sources, lost}
		switch target := g.Target.(type) {
		case load.Sender:
			plan.Routes[i].Target = &guardedSender{g, target}
		case load.Writer:
			var room *room
			if p.compared == nil {
				room = c.room(a, p.destination)
			}
			if room != nil {
				for i := range plan.Sources {
					if s := &plan.Sources[i]; p.source == "" || p.source == s.Name {
						s.Source = counted{passing{s.Source}, plan.Filters, room.kinds, room.add}
					}
				}
				for _, archive := range c.sources.archives {
					if info := archive.Info(); p.source == "" || p.source == info.Path {
						room.archives += info.Size
					}
				}
			}
			plan.Routes[i].Target = &guardedWriter{g, target, room}
		}
	}
}

// steady is a target that does not finish where an archive is no longer what it was.
type steady struct {
	load.Writer
	from *sources
}

// Finish implements [load.Target].
func (s *steady) Finish(ctx context.Context) error {
	if err := s.from.changed(); err != nil {
		return err
	}
	return s.Writer.Finish(ctx)
}

// guarded is a target that is looked after.
type guarded struct {
	load.Target
	place *place
	from  *sources
	lost  *loss
}

// told takes note of what became of an item, and says of what ends the run what is wrong.
func (g *guarded) told(outcome load.Outcome, err error, size int64) error {
	if err != nil && outcome != load.Unchanged {
		outcome = load.Failed
	}
	if fatal := (*load.Fatal)(nil); errors.As(err, &fatal) {
		return &load.Fatal{Err: g.place.explain(fatal.Err)} // the item has no outcome
	}
	g.place.count(outcome, size)
	return err
}

// Finish implements [load.Target].
func (g *guarded) Finish(ctx context.Context) error {
	if err := g.from.changed(); err != nil {
		return err
	}
	if g.place.speaks != nil && (g.lost.any || g.from.lost()) {
		g.place.speaks.KeepStale()
	}
	return g.place.explain(g.Target.Finish(ctx))
}

// Abort implements [load.Target].
func (g *guarded) Abort() (dropped bool, err error) {
	dropped, err = g.Target.Abort()
	if dropped {
		g.place.drop()
	}
	return dropped, g.place.explain(err)
}

// loss takes note of whether a run sees less than the archives hold. It is a [load.Observer].
type loss struct{ any bool }

// Progress implements [load.Observer].
func (l *loss) Progress(load.Progress) {}

// Item implements [load.Observer].
func (l *loss) Item(_ *formats.Item, outcome load.Outcome, _ error) {
	if outcome == load.Failed {
		l.any = true
	}
}

// passing is a source that has others look at its entries. It is read once where that is.
type passing struct{ load.Source }

// Once implements [load.Stream].
func (p passing) Once() bool {
	stream, ok := p.Source.(load.Stream)
	return ok && stream.Once()
}

// Done implements [load.Stream].
func (p passing) Done(e formats.Entry) {
	if stream, ok := p.Source.(load.Stream); ok {
		stream.Done(e)
	}
}

// watched is a source that tells where its entries end too early.
type watched struct {
	passing
	lost *loss
}

// Entries implements [load.Source].
func (w watched) Entries(ctx context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		for e, err := range w.Source.Entries(ctx) {
			if err != nil {
				w.lost.any = true
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// guardedWriter is one that writes where there has to be room.
type guardedWriter struct {
	guarded
	writer load.Writer
	room   *room // nil when there is, or nobody knows
}

// Write implements [load.Writer].
func (g *guardedWriter) Write(ctx context.Context, e load.Encoded) (load.Outcome, error) {
	if g.room != nil {
		// Everything has been enumerated when the first item is written.
		if err := g.room.look(); err != nil {
			return load.Failed, &load.Fatal{Err: err}
		}
		g.room = nil
	}
	outcome, err := g.writer.Write(ctx, e)
	return outcome, g.told(outcome, err, e.Size())
}

// guardedSender is one that answers later.
type guardedSender struct {
	guarded
	sender load.Sender
}

// Send implements [load.Sender].
func (g *guardedSender) Send(ctx context.Context, e load.Encoded, done func(load.Outcome, error)) {
	g.sender.Send(ctx, e, func(outcome load.Outcome, err error) {
		done(outcome, g.told(outcome, err, e.Size()))
	})
}

// room is what the items of a run need where they go.
type room struct {
	dst      string
	kinds    []formats.Kind          // that are written
	eachFile func(formats.Kind) bool // whether every item of a kind is a file; nil for none
	packed   bool                    // what is written is compressed
	archives int64                   // size of all sources

	warn func(string)

	mu    sync.Mutex
	items int64
	files int64 // those of them that are files
	bytes int64 // as the archives' tables have it
	least int64 // what of it is written for certain
}

// What is written of an item depends on what is in it: text is stored in two bytes a letter, and often three times, as
// text, HTML and RTF, of which one is left out; content that is not text grows by a third. An item of a megabyte has
// attachments.
const (
	largeItem   = 1 << 20
	ofLargeItem = 3  // at least a third
	ofSmallItem = 10 // at least a tenth
	growth      = 140
)

func (r *room) add(e *formats.Entry) {
	size := min(max(e.Size, 0), 1<<40) // sums of what a table has made up stay numbers
	r.mu.Lock()
	defer r.mu.Unlock()
	r.items++
	if r.eachFile != nil && r.eachFile(e.Kind) {
		r.files++
	}
	r.bytes += size
	switch {
	case size >= largeItem:
		r.least += size / ofLargeItem
	case e.Kind == formats.KindMail: // of others there may be next to nothing left
		r.least += size / ofSmallItem
	}
}

// look compares what is needed with what is there. It refuses only what cannot be: how much is written, nobody knows
// before.
func (r *room) look() error {
	space, err := files.FreeSpace(r.dst)
	if err != nil {
		return nil // writing will tell
	}
	return r.judge(space)
}

func (r *room) judge(space files.Space) error {
	// Sizes that a damaged table has made up do not count: nothing in an archive is larger than all of it.
	least, most := min(r.least, r.archives), min(r.bytes, 2*r.archives)/100*growth
	const advice = "make room, name a place on another disk, or leave this check out with --ignore-space"
	switch {
	case space.Files >= 0 && r.files > space.Files:
		return &exit{status: exitTemporary, sentence: fmt.Sprintf(
			"%s: there is room for %s more, whatever their size, and %s are to be written (inodes or quota; df -i shows them); %s",
			r.dst, report.Plural(int(space.Files), "file"), report.Plural(int(r.files), "file"), advice)}
	case space.Bytes < 0:
		return nil
	case !r.packed && least > space.Bytes:
		return &exit{status: exitTemporary, sentence: fmt.Sprintf(
			"%s: %s are free there, and the %s to be written (%s in the archive) cannot take less than %s; %s",
			r.dst, report.Bytes(space.Bytes), report.Plural(int(r.items), "item"), report.Bytes(r.bytes), report.Bytes(least), advice)}
	case most > space.Bytes && r.warn != nil:
		r.warn(fmt.Sprintf("%s may be too small: %s are free there, and the %s to be written (%s in the archive) may take up to %s.",
			r.dst, report.Bytes(space.Bytes), report.Plural(int(r.items), "item"), report.Bytes(r.bytes), report.Bytes(most)))
	}
	return nil
}

// counted is a source whose items are counted while they are enumerated.
type counted struct {
	passing
	filters []load.Filter
	kinds   []formats.Kind // those that count
	add     func(*formats.Entry)
}

// Entries implements [load.Source].
func (c counted) Entries(ctx context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		for e, err := range c.Source.Entries(ctx) {
			if err == nil && c.wanted(&e) {
				c.add(&e)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// wanted reports whether an entry is, as far as that is known by now.
func (c counted) wanted(e *formats.Entry) bool {
	if !slices.Contains(c.kinds, e.Kind) || e.Err != nil {
		return false
	}
	for _, f := range c.filters {
		if !f.Wanted(e) {
			return false
		}
	}
	return true
}

// missed has a run count the items that are wanted and have no target, and returns what says so in the end.
func missed(plan *load.Plan, to *targets) func() []string {
	none := func() []string { return nil }
	if !to.given() && len(to.servers()) == 0 {
		return none // the name of a file says what it takes
	}
	kinds := slices.DeleteFunc(formats.Kinds(), func(kind formats.Kind) bool {
		_, ok := files.SortOf(kind)
		return !ok || slices.ContainsFunc(to.list, func(d *destination) bool { return d.takes(kind) })
	})
	if len(kinds) == 0 {
		return none
	}
	var mu sync.Mutex
	found := make(map[formats.Kind]int)
	add := func(e *formats.Entry) {
		mu.Lock()
		defer mu.Unlock()
		found[e.Kind]++
	}
	for i := range plan.Sources {
		s := &plan.Sources[i]
		s.Source = counted{passing{s.Source}, plan.Filters, kinds, add}
	}
	return func() []string { return to.takers(found) }
}

// room returns what looks after the room for what goes to a target; nil where there is nothing to look at.
func (c *conversion) room(a *app, d *destination) *room {
	// How many items are wanted may be known only when they have been read.
	if c.ignoreSpace || c.filters.reading() || d.form.Stream() || c.sources.once() {
		return nil
	}
	r := &room{dst: d.name, kinds: d.kinds, packed: d.form.Compressed()}
	if d.form.Folder() {
		r.eachFile = c.fileEach
	}
	if !a.quiet {
		r.warn = func(sentence string) { io.WriteString(a.screen(), sentence+"\n") }
	}
	return r
}
