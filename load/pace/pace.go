// Package pace keeps a client's manners: how much it sends, how often, over how many connections at once.
//
// One [Pace] serves all connections to one target. Before something is sent, [Pace.Wait] waits for its turn: for the rate and
// the bandwidth that the user allows, and for the end of a back-off. Afterwards [Pace.Done] or [Pace.SlowDown] tells how it
// went, and from that follows [Pace.Width], the number of connections that may be at work: it halves when the server asks for
// less, shrinks when the answers become slow, and grows by one at a time while all goes well, as TCP does it (RFC 5681 3.1).
//
// A back-off lasts as long as the server says, else 1 s at first and twice as long each time up to 300 s, always with some
// chance in it, so that clients that were turned away together do not come back together.
package pace

import (
	"context"
	"io"
	"math/rand/v2"
	"sync"
	"time"
)

// Options are what a user allows. All but Connections bound the whole target.
type Options struct {
	ItemsPerSecond float64 // 0: as fast as the server goes
	BytesPerSecond int64   // 0: as fast as the server goes
	Connections    int     // at most at work at once; 0: DefaultConnections
}

// DefaultConnections is what servers take from one user without complaint.
const DefaultConnections = 4

// Pace is the pace of all that is sent to one target. Its methods may be called by several goroutines.
type Pace struct {
	options Options

	mu sync.Mutex
	// guarded by mu:
	buckets buckets
	brake   brake
	width   width
	lane    tally
}

// New returns a pace at which nothing has been sent yet.
func New(o Options) *Pace {
	if o.Connections <= 0 {
		o.Connections = DefaultConnections
	}
	o.ItemsPerSecond, o.BytesPerSecond = max(0, o.ItemsPerSecond), max(0, o.BytesPerSecond)
	return &Pace{
		options: o,
		buckets: buckets{items: o.ItemsPerSecond, bytes: float64(o.BytesPerSecond)},
		width:   newWidth(o.Connections, o.BytesPerSecond),
	}
}

// Wait waits until so many items and bytes may be sent: for the rate and the bandwidth, and before items also for the end of
// a back-off. A part of something that was begun, of which the server has an open command, has no items: it waits for the
// bandwidth alone.
//
// Items that go together go when those before them are paid for: so the rate is kept over time, and more than the rate allows
// in a tenth of a second go at once only if they are handed in at once. An error is the context's cause; then nothing is to be
// sent.
func (p *Pace) Wait(ctx context.Context, items int, bytes int64) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	now := time.Now()
	p.mu.Lock()
	p.lane.begin(now)
	share := p.buckets.take(now, items, bytes)
	p.mu.Unlock()

	err := sleep(ctx, share.at.Sub(now))
	for items > 0 && err == nil {
		// Others may have been turned away meanwhile, and again.
		p.mu.Lock()
		left := p.brake.left(time.Now())
		p.mu.Unlock()
		if left <= 0 {
			break
		}
		err = sleep(ctx, left)
	}
	if err != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.buckets.giveBack(share)
	}
	return err
}

// Writer returns a writer that keeps the bandwidth within something long, in small portions, so that nothing waits for
// longer than a moment. What goes through it is not part of the bytes that Wait is told of before.
func (p *Pace) Writer(ctx context.Context, w io.Writer) io.Writer {
	if p.options.BytesPerSecond <= 0 {
		return w
	}
	return &writer{ctx, p, w, p.portion()}
}

// Portions of a writer.
const (
	fewestBytes     = 512
	mostBytes       = 64 << 10
	portionsASecond = 20
)

func (p *Pace) portion() int {
	return int(min(max(p.options.BytesPerSecond/portionsASecond, fewestBytes), mostBytes))
}

type writer struct {
	ctx     context.Context
	pace    *Pace
	w       io.Writer
	portion int
}

func (w *writer) Write(b []byte) (n int, err error) {
	for len(b) > 0 && err == nil {
		part := b[:min(len(b), w.portion)]
		if err = w.pace.Wait(w.ctx, 0, int64(len(part))); err != nil {
			return n, err
		}
		var m int
		m, err = w.w.Write(part)
		n += m
		b = b[m:]
		if m < len(part) && err == nil {
			err = io.ErrShortWrite
		}
	}
	return n, err
}

// Batch returns how many of up to most items may go together, so that the rate is kept second by second.
func (p *Pace) Batch(most int) int {
	rate := p.options.ItemsPerSecond
	if rate <= 0 || float64(most) <= rate {
		return most
	}
	return max(1, int(rate))
}

// SlowDown says that the server asked for less: NO [LIMIT] or [INUSE], 429, 503. It begins a back-off of the time that the
// server named, of which an hour is believed, or, where it named none, of a time that doubles. Fewer connections are at work
// at once. What else comes from before the back-off belongs to the same one.
func (p *Pace) SlowDown(after time.Duration, why string) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.brake.press(now, after) {
		p.width.halve()
	}
	p.lane.say(now, why)
}

// Retried counts something that is sent again.
func (p *Pace) Retried(why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lane.retries++
	p.lane.say(time.Now(), why)
}

// Done says that the server took so many items and bytes, and how long that was from the beginning to its answer; 0 is not
// known.
func (p *Pace) Done(items int, bytes int64, took time.Duration) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lane.begin(now.Add(-took))
	p.lane.add(now, items, bytes)
	p.brake.release(now)
	if p.width.answered(now, bytes, took) {
		p.lane.say(now, "the server answers slowly")
	}
}

// Width returns how many connections may be at work now: at least 1.
func (p *Pace) Width() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.width.now
}

// Lane is what a user sees of a target.
type Lane struct {
	Items          int64 // taken by the server, of all time
	Bytes          int64
	ItemsPerSecond float64 // of the last ten seconds
	BytesPerSecond float64
	Retries        int
	Waiting        time.Duration // left of a back-off
	Why            string        // the reason of the last back-off or repetition, for as long as it matters
	Connections    int           // that may be at work
}

// Lane returns the state of the target.
func (p *Pace) Lane() Lane {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	l := Lane{Items: p.lane.items, Bytes: p.lane.bytes, Retries: p.lane.retries, Connections: p.width.now}
	l.ItemsPerSecond, l.BytesPerSecond = p.lane.rates(now)
	l.Waiting = max(0, p.brake.left(now))
	if l.Waiting > 0 || now.Sub(p.lane.said) < window*time.Second {
		l.Why = p.lane.why
	}
	return l
}

// The bounds of a back-off.
const (
	shortest = time.Second
	longest  = 300 * time.Second
	// mostBelieved bounds what a server may ask for.
	mostBelieved = time.Hour
)

// Backoff returns how long to wait before the given attempt to come back, which counts from 1: 1 to 300 s, with chance in it.
// rnd returns numbers from 0 to below 1, as rand.Float64 does; nil is that.
func Backoff(attempt int, rnd func() float64) time.Duration {
	if rnd == nil {
		rnd = rand.Float64
	}
	// A third of it is chance: so the longest is 200 s and that.
	d := longest * 2 / 3
	if shift := max(attempt, 1) - 1; shift < 8 {
		d = min(d, shortest<<shift)
	}
	return d + time.Duration(rnd()*float64(d)/2)
}

// sleep waits for a time or for the end of the context, whose cause it returns.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
