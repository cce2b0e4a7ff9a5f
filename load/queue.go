package load

import (
	"context"
	"iter"
	"sync/atomic"

	"mailmill/formats"
)

// Stream is a [Source] that may be one to be read once, from front to back. Run takes its entries as they come, beside
// everything else, and knows their number at the end.
type Stream interface {
	Source
	// Once reports whether Entries can be ranged over once only. It is then a stream: Read is valid for an entry until
	// Done is called for it, once. Entries ends when its context is done, even while it waits for what comes next.
	Once() bool
	Done(formats.Entry)
}

func streamOf(s Source) (Stream, bool) {
	stream, ok := s.(Stream)
	if !ok || !stream.Once() {
		return nil, false
	}
	return stream, true
}

// queue hands out the entries of a run: those of lists from the lists, those of streams as they come. Its methods are
// called by one goroutine at a time.
type queue struct {
	lists  []*list
	cursor cursor

	open     atomic.Int32 // streams that have not ended; anybody may look
	streamed atomic.Int64 // entries of streams so far; anybody may look

	// Of the stream at hand, if any:
	stream  *list // the one that stands for it among the lists
	pull    func() (formats.Entry, error, bool)
	stop    func()
	folders map[*formats.Folder]*list

	came   Balance // entries of streams, as found
	failed []sourceError
	cut    bool // a stream ended because the run did
}

type sourceError struct {
	source int
	err    error
}

// next returns the next entry and its list; nil after the last. For a stream it waits for what comes.
func (q *queue) next(ctx context.Context) (*list, formats.Entry) {
	for {
		if q.stream != nil {
			if l, e, ok := q.pulled(ctx); ok {
				return l, e
			}
		}
		if q.cursor.list != nil {
			if e, ok := q.cursor.next(); ok {
				return q.cursor.list, e
			}
			q.cursor = cursor{}
		}
		if len(q.lists) == 0 {
			return nil, formats.Entry{}
		}
		l := q.lists[0]
		q.lists = q.lists[1:]
		if l.stream == nil {
			q.cursor = cursor{list: l}
			continue
		}
		q.stream, q.folders = l, make(map[*formats.Folder]*list)
		q.pull, q.stop = iter.Pull2(l.stream.Entries(ctx))
	}
}

// pulled returns the next entry of the stream at hand; false when there are no more.
func (q *queue) pulled(ctx context.Context) (l *list, e formats.Entry, ok bool) {
	err := guard(func() (err error) {
		e, err, ok = q.pull()
		return err
	})
	if err != nil || !ok {
		switch {
		case ctx.Err() != nil: // what was cut off by the end of the run is no fault of the source
			q.cut = true
		case err != nil:
			q.failed = append(q.failed, sourceError{q.stream.source, err})
		}
		q.endStream()
		return nil, e, false
	}
	l = q.folders[e.Folder]
	if l == nil {
		// A folder of a stream may end and begin again: its keys are kept.
		l = &list{source: q.stream.source, folder: e.Folder, stream: q.stream.stream, keys: make(keys)}
		q.folders[e.Folder] = l
	}
	e.Kind = min(e.Kind, formats.KindOther)
	q.came.count(e.Kind).Found++
	q.streamed.Add(1)
	return l, e, true
}

// endStream ends the stream at hand.
func (q *queue) endStream() {
	if q.stream != nil {
		q.stop()
		q.open.Add(-1)
	}
	q.stream, q.pull, q.stop, q.folders = nil, nil, nil, nil
}

// left reports whether there may be entries that were not handed out.
func (q *queue) left() bool {
	return q.cut || q.stream != nil || len(q.lists) > 0 || q.cursor.list != nil && q.cursor.pos < q.cursor.list.n
}
