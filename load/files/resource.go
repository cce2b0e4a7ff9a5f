package files

import (
	"fmt"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/resource"
)

// resources is the layout of files as calendar and contact servers have them: a file for each [resource], named by its UID.
type resources struct {
	split
	ids    resource.Identities
	series resource.Series[*heldItem]
}

// heldItem is a series, or an occurrence whose series may still come.
type heldItem struct {
	from *source
	e    encoded
}

func newResources(t *Target, extension string) *resources {
	l := new(resources)
	reserved := t.reserved(false, extension)
	l.split = split{target: t, extension: extension, open: func(place string) (shelf, error) {
		names := &uidNames{resource.Names{Extension: extension, Reserved: reserved[place]}}
		return &plainShelf{t.tree, place, names}, t.tree.folder(place)
	}}
	return l
}

func (l *resources) write(s *source, e *encoded) error {
	h := &heldItem{from: s, e: *e}
	if e.buffer == nil || !l.series.Hold(e.item, e.size, h) {
		return l.single(s, e)
	}
	e.buffer = nil // what is held is no more the run's
	return nil
}

// single writes a file with one item.
func (l *resources) single(s *source, e *encoded) error {
	it, _ := l.ids.Take(resource.Alone(e.item))
	if it == e.item {
		return l.split.write(s, e)
	}
	return l.writeAs(s, e, it)
}

// writeAs writes an item in another form than that in which it was encoded.
func (l *resources) writeAs(s *source, e *encoded, it *formats.Item) error {
	e.release()
	again := &encoded{item: it, branch: e.branch, beside: e.beside}
	if again.beside == nil && contentSize(it) <= largestBuffered {
		if err := l.target.encode(again); err != nil {
			return err
		}
	}
	defer again.Release()
	err := l.split.write(s, again)
	e.item.Damage, e.size = it.Damage, again.size
	return err
}

// leave writes what is held: the occurrences of a series go into its file.
//
// It is called when the next folder begins, or the run ends: an error is no item's, and ends the run.
func (l *resources) leave() (err error) {
	held := l.series.Take()
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("internal error: %v", v)
		}
		if err != nil {
			err = &load.Fatal{Err: err}
		}
		for _, g := range held {
			g.With.e.release()
			for _, o := range g.Joined {
				o.e.release()
			}
		}
	}()
	for _, g := range held {
		if len(g.Joined) == 0 {
			err = l.single(g.With.from, &g.With.e)
		} else {
			it, _ := l.ids.Take(g.Item)
			err = l.writeAs(g.With.from, &g.With.e, it)
		}
		if err != nil {
			return err
		}
	}
	l.ids = nil
	return l.split.leave()
}

func (l *resources) close() error { return l.leave() }

func (l *resources) discard() {
	for _, h := range l.series.Drop() {
		h.e.release()
	}
}

// uidNames names files by the UID of what is in them.
type uidNames struct{ resource.Names }

func (n *uidNames) name(it *formats.Item) string { return n.Name(resource.UID(it)) }
