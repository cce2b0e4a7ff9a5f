// Package verify compares what a target holds with what the sources of a run say, item by item and by content.
//
// [Target] stands in a run where the real target would: it gets the same items, has them encoded as the target would,
// and looks for each of them on the target instead of writing it. The target is seen through a [Mirror]. A place there (a
// mailbox, a collection, a folder) is read once, when the first item for it comes: of each object about 150 bytes
// are kept, its key and a hash of what it says (see package compare). An object is read again only to tell what differs.
//
// An item that is on the target is Unchanged in the balance; one that is missing there or differs is Failed, with a reason. So
// the balance of a verification adds up as every other: nothing is ever written. What the target has beyond that is
// known at the end of the run and stands in the [Report] alone, which has all differences.
package verify

import (
	"context"
	"strconv"
	"strings"

	"mailmill/formats"
	"mailmill/load"
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
	last    reread
	closed  bool
}

// New returns a target that compares what a run would write with what the mirror shows. It closes the mirror when the run
// ends, be it with Finish or Abort.
func New(m Mirror, o Options) *Target {
	return &Target{mirror: m, opts: o, indexes: make(map[string]*index), states: make(map[state]*state), sources: make(map[string]uint16)}
}

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
	case e.Copy:
		return load.Duplicate, nil
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
