// Package load is where items go.
//
// A [Target] takes items: package files writes archive files, others will speak to servers. [Run] walks the sources,
// applies the steps, hands the items to the target and balances the books: every entry that a source enumerated ends
// up as written, unchanged, filtered, duplicate or failed, and the numbers add up. Whoever watches gets the same
// events, whether a terminal, a log or a script; see [Observer].
package load

import (
	"context"
	"iter"
	"time"

	"mailmill/formats"
)

// Source is what Run needs of an archive.
type Source interface {
	Entries(context.Context) iter.Seq2[formats.Entry, error]
	Read(context.Context, formats.Entry) (*formats.Item, error)
}

// Target takes the items of a run. It is a [Writer] or a [Sender] as well.
//
// Work is split so that many cores can share it while the result depends on the order of the items alone: Encode does
// what costs time, on several items at once; Write or Send takes the results one after the other.
type Target interface {
	// Encode turns an item into what will be stored. It is called by several goroutines at once; the item's key is not
	// final yet.
	//
	// An item too large to be held in memory is left as it is, and is streamed when it is stored.
	Encode(context.Context, *formats.Item) (Encoded, error)
	// Finish makes everything written durable and gives it its final names. It is called once, after the outcome of the
	// last item of a run that went to its end. After an error nothing unfinished is left under a final name.
	Finish(context.Context) error
	// Abort ends a run that did not: it was interrupted, or an error was [Fatal], or Finish failed. Nothing
	// unfinished is left under a final name. It reports whether what is said to be written is gone with it. It does
	// nothing after a Finish without error.
	Abort() (dropped bool, err error)
}

// Writer is a target that knows at once what became of an item.
type Writer interface {
	Target
	// Write stores an encoded item. It is called by one goroutine at a time, in the run's stable order, folder by
	// folder, with the item's final key set. An error concerns this item alone unless it is a [Fatal].
	Write(context.Context, Encoded) (Outcome, error)
}

// Sender is a target that learns later what became of an item: one that speaks to a server.
type Sender interface {
	Target
	// Send begins to store an encoded item. It is called as Write is, and returns soon; it may wait while the target
	// has enough to do. It calls done exactly once, then or later and from any goroutine, with what Write would have
	// returned. It never waits for further items to come: what it holds goes out when there is nothing before it.
	//
	// When the context is done, what is not on its way yet is not begun: done gets a [Fatal] with the context's cause.
	// The encoded item is the target's until done was called.
	Send(ctx context.Context, e Encoded, done func(Outcome, error))
}

// Encoded is an item between Encode and Write or Send.
type Encoded interface {
	// Item returns the item that was encoded.
	Item() *formats.Item
	// Held returns how many bytes of memory the encoded item takes until it is released.
	Held() int64
	// Size returns how many bytes were written for the item, once they are.
	Size() int64
	// Release gives buffers back. It is called once, when the item has its outcome or will have none.
	Release()
}

// Filter says which entries are wanted, by what an archive's tables tell of them. It is called by several goroutines
// at once. What needs the item itself is a [Step].
type Filter interface {
	Wanted(*formats.Entry) bool
}

// Outcome is what became of an entry.
type Outcome uint8

// The outcomes. Each entry found has exactly one.
const (
	Written Outcome = iota
	Unchanged
	Filtered
	Duplicate
	Failed
)

var outcomeNames = [...]string{"written", "unchanged", "filtered", "duplicate", "failed"}

func (o Outcome) String() string { return outcomeNames[o] }

// Step is something that happens to an item on the way: addresses are resolved, items are filtered.
type Step interface {
	// Apply changes the item. It reports false where the item is to be filtered out. It is called by several
	// goroutines at once.
	Apply(context.Context, *formats.Item) (keep bool, err error)
}

// Fatal is an error that ends the run: the disk is full, the server is gone.
type Fatal struct{ Err error }

func (f *Fatal) Error() string { return f.Err.Error() }

// Unwrap returns the cause.
func (f *Fatal) Unwrap() error { return f.Err }

// Conflict is the error of an item that differs on the target because somebody changed or deleted it there since it was
// written, and that was left so. It stands beside [Unchanged], or beside [Failed] where the source has changed as well.
type Conflict struct{ Reason string }

func (c *Conflict) Error() string { return c.Reason }

// Count is one line of the balance.
type Count struct {
	Found, Written, Unchanged, Filtered, Duplicate, Failed int
	// Damaged counts those of the written that lack a part.
	Damaged int
}

// Balance holds the count of each kind.
type Balance map[formats.Kind]*Count

// Progress is the state of a run at one moment.
type Progress struct {
	Source  string
	Folder  *formats.Folder
	Elapsed time.Duration

	Done, Found             int   // items
	Open                    bool  // a stream has not ended: Found is what has come so far
	FolderDone, FolderFound int   // items of the current folder; 0 found are an unknown number, as in a stream
	Bytes                   int64 // bytes of items done, as the target counts them
}

// Observer is told what happens in a run. Its methods are called by one goroutine at a time, in the run's stable order,
// and return quickly. They keep no item.
type Observer interface {
	// Progress is called whenever an item is done.
	Progress(Progress)
	// Item is called with each item and what became of it. Failed and filtered items may lack everything but their
	// entry and source. The items that an interrupted run did not reach are not shown; see Result.Left.
	Item(*formats.Item, Outcome, error)
}
