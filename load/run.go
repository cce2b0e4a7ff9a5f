package load

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"mailmill/formats"
)

// Plan is a run before it starts. It is data: nothing happens until [Run] gets it.
type Plan struct {
	Sources []Input
	// Filters are asked in turn before an entry is read; one refusal is enough.
	Filters []Filter
	// Steps are applied in turn to each item that was read.
	Steps []Step
	// Routes say where items go. An item goes where the first route takes its kind; one that none takes is filtered.
	Routes []Route
	// Jobs is the number of items that are read, changed and encoded at once; 0 is one for each processor. The
	// result does not depend on it.
	Jobs int
	// Memory bounds the bytes that items in flight may take by their sources' and targets' estimates; 0 is 64 MB, or 32
	// MB where a target is a Sender, which has a queue of its own. An
	// item that is larger alone is taken alone.
	Memory int64
	// Observer may be nil.
	Observer Observer
	// Log gets what helps to find faults in mailmill itself; nil drops it.
	Log *slog.Logger
}

// Input is a source and the name it has in items, failures and reports.
type Input struct {
	Name   string
	Source Source
}

// Route is a target and the kinds it takes; no kinds are all. One with a source takes items of that alone.
type Route struct {
	Kinds  []formats.Kind
	Source string // the name of an input, or empty
	Target Target
}

// Result tells what became of a run.
type Result struct {
	Balance Balance
	// Failures are the items that failed, in the run's order.
	Failures []Failure
	// Damaged are the items that were written without a part.
	Damaged []Damaged
	// Conflicts are the items that were left as somebody changed them on the target. They count as unchanged; those
	// that have changed in the source as well are among the failures instead.
	Conflicts []Failure
	// Sources are the sources that could not be enumerated to their end.
	Sources []SourceFailure
	// Left is the number of items that the run did not reach because it was interrupted or an error was fatal, and
	// Dropped that of items that had been written when it ended and are gone with what was unfinished. Both count as
	// failed in the balance. They are not among the failures.
	Left, Dropped int
	// Bytes is what targets wrote for items.
	Bytes   int64
	Elapsed time.Duration
}

// Failure is an item that was not written, and why.
type Failure struct {
	Source string
	Entry  formats.Entry
	Key    string // empty where the item could not be read
	Err    error
}

// Damaged is an item that was written without the parts that could not be read.
type Damaged struct {
	Source string
	Entry  formats.Entry
	Key    string
	Damage []formats.Damage
}

// SourceFailure is a source that could not be enumerated to its end. The entries before the error are part of the run.
type SourceFailure struct {
	Source string
	Err    error
}

// Panic is the failure of an item at which mailmill itself failed.
type Panic struct {
	Value any
	Stack []byte
}

func (e *Panic) Error() string { return fmt.Sprintf("internal error: %v", e.Value) }

// The bounds of what is in flight.
const (
	defaultMemory  = 64 << 20
	senderMemory   = 32 << 20 // where targets have queues of their own
	unknownSize    = 64 << 10 // an entry's estimate where the table has none
	largestHeld    = 8 << 20  // and at most: targets stream what is larger
	itemsPerJob    = 64
	fewestInFlight = 128
	onTheirWay     = 1024 // where servers take a while to answer
)

// Run executes a plan. It enumerates all sources but streams before it writes anything; then items are read, changed and encoded
// by several goroutines and written by one at a time, folder by folder in the order of the archives.
//
// When ctx is done, Run finishes what is in flight, aborts the targets and returns the context's cause. An error says
// that the run did not go to its end; failures of items and sources are no errors but part of the result, which is
// never nil.
func Run(ctx context.Context, plan Plan) (*Result, error) {
	r := &run{
		plan: plan,
		ctx:  context.WithoutCancel(ctx),

		stopping: ctx,

		log:    plan.Log,
		jobs:   plan.Jobs,
		budget: plan.Memory,
		start:  time.Now(),
		result: &Result{Balance: make(Balance)},
		queue:  queue{came: make(Balance)},
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.jobs <= 0 {
		r.jobs = runtime.GOMAXPROCS(0)
	}
	inFlight, memory := max(fewestInFlight, itemsPerJob*r.jobs), int64(defaultMemory)
	if plan.sends() {
		inFlight, memory = max(inFlight, onTheirWay), senderMemory
	}
	if r.budget <= 0 {
		r.budget = memory
	}
	r.written = make([]Balance, len(plan.Routes))
	for i := range r.written {
		r.written[i] = make(Balance)
	}
	r.slots = make([]slot, inFlight)
	r.space.L = &r.mu

	err := r.enumerate(ctx)
	if err == nil {
		err = r.items(ctx)
	}
	err = r.end(err)
	r.result.Elapsed = time.Since(r.start)
	return r.result, err
}

// sends reports whether any target answers later.
func (p *Plan) sends() bool {
	return slices.ContainsFunc(p.Routes, func(t Route) bool {
		_, sends := t.Target.(Sender)
		return sends
	})
}

// run is a run under way.
type run struct {
	plan   Plan
	ctx    context.Context // never done: what was begun is finished
	log    *slog.Logger
	jobs   int
	budget int64
	start  time.Time

	stopping context.Context // the caller's, for what may take long to finish

	result  *Result
	written []Balance // by route: what is lost if its target drops it

	mailer mailer     // of the goroutine that posts
	books  bookkeeper // of the goroutine that books

	streaming   context.Context // done when no more is to be taken from streams
	stopStreams context.CancelFunc

	taking sync.Mutex // one entry is handed out at a time; it is locked before mu
	// guarded by taking:
	queue    queue
	withheld bool // an entry was taken from the queue when no more were to be handed out
	cutOff   bool // not all entries were handed out

	mu    sync.Mutex
	space sync.Cond
	// guarded by mu:
	stopped bool // no more entries are to be handed out
	issued  int  // entries handed out
	posted  int  // entries that were handed to their targets
	booked  int  // entries whose slots are free again
	posting bool // somebody posts
	booking bool // somebody books
	held    int64
	fatal   error
	slots   []slot // entry i is in slot i modulo their number, from booked to issued
}

// slot is the place of an entry in flight.
type slot struct {
	list    *list
	entry   formats.Entry
	cost    int64
	done    bool // it is ready to be posted
	settled bool // its outcome is known
	void    bool // it has none, as the run has ended
	item    *formats.Item
	encoded Encoded
	route   int
	outcome Outcome
	err     error
}

// enumerate fills the lists, but for those of streams. It fails only when ctx is done.
func (r *run) enumerate(ctx context.Context) error {
	for i := range r.plan.Sources {
		if s, ok := streamOf(r.plan.Sources[i].Source); ok {
			r.queue.lists = append(r.queue.lists, &list{source: i, stream: s})
			r.queue.open.Add(1)
			continue
		}
		err := guard(func() error { return r.enumerateSource(ctx, i) })
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			r.logPanic(err)
			r.result.Sources = append(r.result.Sources, SourceFailure{r.plan.Sources[i].Name, err})
		}
	}
	return nil
}

func (r *run) enumerateSource(ctx context.Context, source int) error {
	lists := make(map[*formats.Folder]*list)
	for e, err := range r.plan.Sources[source].Source.Entries(ctx) {
		if err != nil {
			return err
		}
		l := lists[e.Folder]
		if l == nil {
			l = &list{source: source, folder: e.Folder}
			lists[e.Folder] = l
			r.queue.lists = append(r.queue.lists, l)
		}
		if e.Kind > formats.KindOther {
			e.Kind = formats.KindOther
		}
		l.add(&e)
		r.result.Balance.count(e.Kind).Found++
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// items takes every entry to its outcome.
func (r *run) items(ctx context.Context) error {
	streaming, stopStreams := context.WithCancel(ctx)
	defer stopStreams()
	r.streaming, r.stopStreams = streaming, stopStreams
	interrupted := context.AfterFunc(ctx, r.stop)
	defer interrupted()
	r.mailer = mailer{run: r}
	r.books = bookkeeper{run: r, listed: r.result.Balance.Total().Found}
	streams := r.queue.open.Load() > 0
	var workers sync.WaitGroup
	for range r.jobs {
		workers.Go(r.work)
	}
	workers.Wait()
	r.endStreams()
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.booked < r.issued {
		r.space.Wait() // for targets that answer later
	}
	if streams && r.plan.Observer != nil {
		r.books.tell() // how many there were is known only now
	}
	if r.fatal == nil && ctx.Err() != nil {
		// Where every item had been stored already there is nothing to interrupt but the end, which is short.
		if r.cutOff {
			return context.Cause(ctx)
		}
	}
	return r.fatal
}

// endStreams takes what has become of the streams into the result. No entry is handed out any more.
func (r *run) endStreams() {
	r.taking.Lock()
	defer r.taking.Unlock()
	left := r.queue.left()
	r.queue.endStream()
	r.cutOff = r.withheld || left
	for _, f := range r.queue.failed {
		r.logPanic(f.err)
		r.result.Sources = append(r.result.Sources, SourceFailure{r.plan.Sources[f.source].Name, f.err})
	}
}

// stop makes the workers finish what they are at and take no more.
func (r *run) stop() {
	r.mu.Lock()
	r.stopped = true
	r.mu.Unlock()
	r.stopStreams()
	r.space.Broadcast()
}

func (r *run) work() {
	for {
		s := r.take()
		if s == nil {
			return
		}
		err := guard(func() error { return r.encode(s) })
		if err != nil {
			s.outcome, s.err = Failed, err
		}
		r.handIn(s)
	}
}

// take hands out the next entry when there is room for it: nil when there are no more. As entries are handed out in
// order, and posted and booked in the same order, the oldest in flight never waits for a younger one.
func (r *run) take() *slot {
	r.taking.Lock()
	defer r.taking.Unlock()
	if !r.room(0) {
		return nil
	}
	l, e := r.queue.next(r.streaming)
	if l == nil {
		return nil
	}
	cost := estimate(&e)
	if !r.room(cost) {
		r.withheld = true
		if l.stream != nil {
			l.stream.Done(e)
		}
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.slots[r.issued%len(r.slots)]
	*s = slot{list: l, entry: e, cost: cost}
	r.held += cost
	r.issued++
	return s
}

// room waits until there is room for an entry that takes so much memory; false when no more are to be handed out.
func (r *run) room(cost int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for !r.stopped {
		inFlight := r.issued - r.booked
		if inFlight == 0 || inFlight < len(r.slots) && r.held+cost <= r.budget {
			return true
		}
		r.space.Wait()
	}
	return false
}

// estimate guesses the memory that an item takes on its way.
func estimate(e *formats.Entry) int64 {
	if e.Size <= 0 {
		return unknownSize
	}
	return min(e.Size, largestHeld/2)*2 + 4096
}

// encode reads an item, applies the steps and has it encoded. An error fails the item.
func (r *run) encode(s *slot) error {
	input := &r.plan.Sources[s.list.source]
	if s.route = r.routeOf(s.list.source, s.entry.Kind); s.route < 0 {
		s.outcome = Filtered
		return nil
	}
	for _, f := range r.plan.Filters {
		if !f.Wanted(&s.entry) {
			s.outcome = Filtered
			return nil
		}
	}
	if s.entry.Err != nil {
		return s.entry.Err
	}
	item, err := input.Source.Read(r.ctx, s.entry)
	if err != nil {
		return err
	}
	if item == nil {
		return errors.New("the source returned nothing")
	}
	item.Source, item.Folder = input.Name, s.entry.Folder
	s.item = item
	for _, step := range r.plan.Steps {
		keep, err := step.Apply(r.ctx, item)
		if err != nil {
			return err
		}
		if !keep {
			s.outcome = Filtered
			return nil
		}
	}
	s.encoded, err = r.plan.Routes[s.route].Target.Encode(r.ctx, item)
	return err
}

// routeOf returns the first route that takes a kind of items of a source; -1 if none does.
func (r *run) routeOf(source int, kind formats.Kind) int {
	return slices.IndexFunc(r.plan.Routes, func(t Route) bool {
		return t.takes(kind) && (t.Source == "" || t.Source == r.plan.Sources[source].Name)
	})
}

func (t *Route) takes(kind formats.Kind) bool {
	return len(t.Kinds) == 0 || slices.Contains(t.Kinds, kind)
}

// handIn ends the work on a slot. The goroutine that completes the oldest that is not posted posts it, and those after
// it that are complete: so no goroutine is woken for an item, and a processor that stores is not kept from other work
// before.
func (r *run) handIn(s *slot) {
	var held int64
	if s.encoded != nil {
		held = s.encoded.Held()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if held > s.cost {
		r.held += held - s.cost
		s.cost = held
	}
	s.done = true
	if r.posting {
		return
	}
	r.posting = true
	for {
		next := &r.slots[r.posted%len(r.slots)]
		if r.posted == r.issued || !next.done {
			break
		}
		if r.fatal != nil {
			next.settled, next.void = true, true
			r.posted++
			r.book()
			continue
		}
		r.mu.Unlock()
		r.mailer.post(next, func(o Outcome, err error) { r.settle(next, o, err) })
		r.mu.Lock()
		r.posted++
		r.book()
	}
	r.posting = false
}

// settle takes what became of an entry, from any goroutine.
func (r *run) settle(s *slot, o Outcome, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.settled, s.outcome, s.err = true, o, err
	var fatal *Fatal
	if errors.As(err, &fatal) {
		s.void = true
		if r.fatal == nil {
			r.fatal = err
		}
		r.stopped = true
		r.stopStreams()
		r.space.Broadcast()
	}
	r.book()
}

// book records the oldest in flight, and those after it, as far as their outcomes are known. The lock is held.
func (r *run) book() {
	if r.booking {
		return
	}
	r.booking = true
	for r.booked < r.posted {
		oldest := &r.slots[r.booked%len(r.slots)]
		if !oldest.settled {
			break
		}
		r.mu.Unlock()
		if !oldest.void {
			r.books.book(oldest)
		}
		if oldest.encoded != nil {
			oldest.encoded.Release()
		}
		if oldest.list.stream != nil {
			oldest.list.stream.Done(oldest.entry)
		}
		r.mu.Lock()
		r.held -= oldest.cost
		*oldest = slot{}
		r.booked++
		// Workers that wait for room are woken when there is plenty, not one by one for one item each.
		inFlight := r.issued - r.booked
		if inFlight == 0 || inFlight <= len(r.slots)/2 && r.held <= r.budget/2 {
			r.space.Broadcast()
		}
	}
	r.booking = false
}

// end finishes or aborts the targets and closes the books.
func (r *run) end(err error) error {
	for kind, c := range r.queue.came {
		r.result.Balance.count(kind).Found += c.Found
	}
	var finished []bool
	if err == nil {
		for _, route := range r.plan.Routes {
			if err = guard(func() error { return route.Target.Finish(r.ctx) }); err != nil {
				break
			}
			finished = append(finished, true)
		}
	} else {
		r.giveUp()
	}
	if err != nil {
		for i, route := range r.plan.Routes[len(finished):] {
			var dropped bool
			abortErr := guard(func() (err error) {
				dropped, err = route.Target.Abort()
				return err
			})
			if dropped {
				r.drop(r.written[len(finished)+i])
			}
			if abortErr != nil {
				err = errors.Join(err, abortErr)
			}
		}
	}
	r.logPanic(err)
	if unbalanced := r.result.Balance.Check(); unbalanced != nil {
		return errors.Join(err, unbalanced)
	}
	return err
}

// giveUp counts what was not reached as failed, but for what nobody asked for.
func (r *run) giveUp() {
	for kind, c := range r.result.Balance {
		left := c.Found - c.Written - c.Unchanged - c.Filtered - c.Duplicate - c.Failed
		if !slices.ContainsFunc(r.plan.Routes, func(t Route) bool { return t.takes(kind) }) {
			c.Filtered += left
			continue
		}
		c.Failed += left
		r.result.Left += left
	}
}

// drop counts what was written as failed.
func (r *run) drop(written Balance) {
	for kind, w := range written {
		c := r.result.Balance.count(kind)
		c.Written -= w.Written
		c.Damaged -= w.Damaged
		c.Failed += w.Written
		r.result.Dropped += w.Written
	}
}

func (r *run) logPanic(err error) {
	var p *Panic
	if errors.As(err, &p) {
		r.log.Debug("panic", "value", fmt.Sprint(p.Value), "stack", string(p.Stack))
	}
}

// guard turns a panic into an error.
func guard(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &Panic{Value: v, Stack: debug.Stack()}
		}
	}()
	return f()
}
