package imap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"mailmill/load"
	"mailmill/load/imap/wire"
	"mailmill/load/ledger"
)

// job is a mail on its way.
type job struct {
	e          *encoded
	done       func(load.Outcome, error)
	m          *mailbox
	key        string
	flags      []string // that it gets, keywords among them
	date       time.Time
	old        *ledger.Record // what an earlier run wrote and this replaces
	generation uint32         // UIDVALIDITY of that
	print      ledger.Print   // by which the ledger knows it
	look       look
	adopts     bool         // it may only be there since before the run
	outcome    load.Outcome // if it is found

	refused   int            // for a moment
	lost      int            // connections
	lostAlone int            // with nothing but this on its way
	noted     bool           // in the ledger, as about to be written
	unsent    int            // because of what came before it
	created   bool           // its mailbox was made anew
	withheld  []string       // flags that it had before it was refused with keywords
	other     *ledger.Record // what a run that died was about to write instead
}

// look is what has to be found out before a mail is sent.
type look uint8

const (
	lookNot   look = iota
	lookFor        // it may be there: it was on its way when a run died or a connection was lost, or the ledger is
	lookWhere      // it is there, but the server did not say where
)

// Bounds of what waits and of what is sent together.
const (
	perBatch      = 50
	batchBytes    = 1 << 20
	mostWaiting   = 400      // items
	mostBytes     = 16 << 20 // of those
	perConnection = 4        // batches on their way: a server has something to do while an answer travels
	// A further connection goes to a mailbox that others are at only where so much waits.
	joinItems = perBatch / 2
	joinBytes = batchBytes / 2

	mostUnsent    = 100 // times that an item stays because of others
	mostRefused   = 8   // times that an item is tried again which the server does not want for the moment
	mostLost      = 2   // connections, before an item is sent alone
	mostLostAlone = 8   // connections that are lost with an item alone before it is given up
)

// sender hands mails to connections.
type sender struct {
	t *Target

	mu   sync.Mutex
	more sync.Cond
	// guarded by mu:
	boxes    []*mailbox // with something in the queue, in the order in which it came
	waiting  int
	bytes    int64
	batches  int   // taken and not done
	fatal    error // ends the run
	ended    bool  // nothing more comes
	workers  []*worker
	hurry    bool            // connections are made before there is something to send
	unnoted  int             // jobs in queues that are to be noted before they are sent
	stopping context.Context // done when nothing more is to be begun
	stop     context.CancelCauseFunc
	watching context.Context

	connected atomic.Int32 // workers that have a connection
	single    sync.Once    // says that none has
	refused   atomic.Bool  // the server takes only so many
	running   sync.WaitGroup
}

func newSender(t *Target) *sender {
	s := &sender{t: t}
	s.more.L = &s.mu
	s.stopping, s.stop = context.WithCancelCause(t.ctx)
	return s
}

// batch is what a connection does at a time.
type batch struct {
	m     *mailbox
	jobs  []*job
	bytes int64
	looks bool
}

// add queues a job, at the end or, where it has been there before, at the front. It waits while there is enough to do,
// unless it is at the front.
func (s *sender) add(j *job, again bool) {
	s.mu.Lock()
	for !again && s.fatal == nil && s.waiting > 0 && (s.waiting >= mostWaiting || s.bytes+j.e.Held() > mostBytes) {
		s.more.Wait()
	}
	if s.fatal != nil {
		err := s.fatal
		s.mu.Unlock()
		j.done(load.Failed, err)
		return
	}
	s.push(j, again)
	s.grow()
	s.mu.Unlock()
	s.more.Broadcast()
}

func (s *sender) push(j *job, again bool) {
	m := j.m
	if len(m.queue) == 0 {
		s.boxes = append(s.boxes, m)
	}
	if again {
		m.queue = append([]*job{j}, m.queue...)
	} else {
		m.queue = append(m.queue, j)
	}
	held := j.e.Held()
	m.bytes += held
	s.bytes += held
	s.waiting++
	if !j.ready() {
		s.unnoted++
	}
}

// ready reports whether a connection may take a job.
func (j *job) ready() bool { return j.noted || j.look != lookNot }

// grow makes sure that there are workers: as many as connections are wanted, as soon as there is something to do.
func (s *sender) grow() {
	if len(s.workers) == 0 {
		s.running.Go(s.note)
	}
	for len(s.workers) < s.t.options.Connections {
		w := &worker{s: s, number: len(s.workers), slots: make(chan struct{}, perConnection), hurries: s.hurry}
		s.workers = append(s.workers, w)
		s.running.Go(w.run)
	}
}

// hasten has the connections made that will be wanted soon, while something else is waited for.
func (s *sender) hasten() {
	s.mu.Lock()
	s.hurry = true
	s.grow()
	s.mu.Unlock()
}

// take returns the next batch for a worker; nil when there is nothing more to do.
func (s *sender) take(w *worker) *batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		alone := s.connected.Load() == 0
		if s.fatal == nil && (alone || w.number < max(1, s.t.options.Pace.Width()) && !w.waits()) {
			if b := s.next(); b != nil {
				s.batches++
				s.more.Broadcast()
				return b
			}
		}
		if s.fatal != nil && s.waiting == 0 || s.ended && s.waiting == 0 && s.batches == 0 {
			s.more.Broadcast()
			return nil
		}
		s.more.Wait()
	}
}

// next takes a batch from the mailbox that comes first and that no connection is at, or else from one where plenty waits.
func (s *sender) next() *batch {
	for _, join := range []bool{false, true} {
		for i, m := range s.boxes {
			looks := m.queue[0].look != lookNot
			switch {
			case m.alone, looks && m.busy > 0, !m.queue[0].ready():
				continue
			case m.busy > 0 && !join, join && m.busy > 0 && len(m.queue) < joinItems && m.bytes < joinBytes:
				continue
			}
			b := s.cut(m, looks)
			if len(m.queue) == 0 {
				s.boxes = append(s.boxes[:i:i], s.boxes[i+1:]...)
			}
			m.busy++
			m.alone = looks
			return b
		}
	}
	return nil
}

// cut takes the first jobs of a queue that go together.
func (s *sender) cut(m *mailbox, looks bool) *batch {
	b := &batch{m: m, looks: looks}
	for len(m.queue) > 0 && len(b.jobs) < perBatch {
		j := m.queue[0]
		alone := j.lost > mostLost
		if len(b.jobs) > 0 && (b.bytes+j.e.size > batchBytes || (j.look != lookNot) != looks || !j.ready() || alone) {
			break
		}
		m.queue = m.queue[1:]
		b.jobs = append(b.jobs, j)
		b.bytes += j.e.size
		held := j.e.Held()
		m.bytes -= held
		s.bytes -= held
		s.waiting--
		if alone {
			break
		}
	}
	return b
}

// finish ends a batch: its jobs have their outcome, or are back in the queue.
func (s *sender) finish(b *batch) {
	s.mu.Lock()
	b.m.busy--
	if b.looks {
		b.m.alone = false
	}
	s.batches--
	s.mu.Unlock()
	s.more.Broadcast()
}

// fail ends the run: nothing more is begun, and what waits fails.
func (s *sender) fail(err error) {
	var fatal *load.Fatal
	if !errors.As(err, &fatal) {
		err = &load.Fatal{Err: err}
	}
	s.mu.Lock()
	if s.fatal == nil {
		s.fatal = err
	}
	err = s.fatal
	var left, intended []*job
	for _, m := range s.boxes {
		for _, j := range m.queue {
			left = append(left, j)
			if j.noted && j.look == lookNot {
				intended = append(intended, j)
			}
		}
		m.queue, m.bytes = nil, 0
	}
	s.boxes, s.waiting, s.bytes, s.unnoted = nil, 0, 0, 0
	s.stop(err)
	s.mu.Unlock()
	s.more.Broadcast()
	for _, j := range intended {
		// It never left. That this is not noted, too, costs the next run a look.
		j.m.place.Load().Withdraw(s.t.ctx, []string{j.key}) //nolint:errcheck // see above
	}
	for _, j := range left {
		j.done(load.Failed, err)
	}
}

// note writes down in the ledger what is about to be sent: all that waits at once, as it costs as much as for one. So the
// slower the disk is, the more goes together.
func (s *sender) note() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for s.unnoted == 0 && s.fatal == nil && !(s.ended && s.waiting == 0 && s.batches == 0) {
			s.more.Wait()
		}
		if s.unnoted == 0 {
			return
		}
		jobs := make(map[*mailbox][]*job)
		for _, m := range s.boxes {
			for _, j := range m.queue {
				if !j.ready() {
					jobs[m] = append(jobs[m], j)
				}
			}
		}
		s.mu.Unlock()
		for m, list := range jobs {
			records := make([]ledger.Record, len(list))
			for i, j := range list {
				records[i] = j.record(0)
			}
			err := m.place.Load().Intend(s.t.ctx, records)
			if err != nil {
				s.fail(fmt.Errorf("cannot note what is about to be written: %w", err))
				break
			}
			s.mu.Lock()
			for _, j := range list {
				j.noted = true
			}
			if s.fatal == nil {
				s.unnoted -= len(list)
			}
			s.mu.Unlock()
			s.more.Broadcast()
		}
		s.mu.Lock()
	}
}

// watch makes the sender stop when a context is done. What is on its way then has a moment for its answer.
func (s *sender) watch(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watching != ctx {
		s.watching = ctx
		context.AfterFunc(ctx, func() {
			s.fail(context.Cause(ctx))
			time.AfterFunc(mostGrace, func() { s.t.cancel(context.Cause(ctx)) })
		})
	}
}

// mostGrace is how long the answer to what is on its way is waited for when the run is interrupted.
const mostGrace = 5 * time.Second

// wait waits until everything has its outcome, and ends the workers.
func (s *sender) wait() error {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.more.Broadcast()
	s.running.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fatal
}

// worker is a connection that stores messages. What it sends and what it waits for go their own ways: while the server is
// at one batch, the next one is noted in the ledger and written.
type worker struct {
	s      *sender
	number int
	slots  chan struct{}

	hurries bool // to connect

	// of the goroutine that takes:
	refused   int   // connections, in a row
	why       error // of the last of them
	notBefore time.Time

	mu   sync.Mutex
	conn *wire.Conn
}

// flight is a batch on its way.
type flight struct {
	*batch
	conn    *wire.Conn      // nil where it is not the worker's own
	pending *wire.Pending   // likewise
	results []wire.Appended // likewise known
	since   time.Time
}

func (w *worker) run() {
	flights := make(chan *flight, perConnection)
	var landing sync.WaitGroup
	landing.Go(func() {
		for f := range flights {
			results, err := f.pending.Wait()
			if err != nil {
				w.drop(f.conn)
			}
			w.s.t.landed(f, results)
			w.s.finish(f.batch)
			<-w.slots
		}
	})
	if w.hurries {
		w.connection() //nolint:errcheck // whoever has something to send tries again
	}
	for {
		w.slots <- struct{}{}
		b := w.s.take(w)
		if b == nil {
			break
		}
		if b.looks {
			w.s.t.find(b)
			w.s.finish(b)
			<-w.slots
			continue
		}
		f, err := w.start(b)
		switch {
		case err == nil && f.pending != nil:
			flights <- f
			continue
		case err == nil:
			w.s.t.landed(f, f.results)
		default:
			if !errors.Is(err, errNotWanted) {
				w.s.fail(err)
			}
			for _, j := range slices.Backward(b.jobs) {
				w.s.add(j, true) // after a failure it fails there
			}
		}
		w.s.finish(b)
		<-w.slots
	}
	close(flights)
	landing.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn == nil {
		return
	}
	if w.s.refused.Load() && w.s.stopping.Err() == nil {
		// Whoever comes next is to find the place free.
		ctx, cancel := context.WithTimeout(w.s.t.ctx, goodbye)
		defer cancel()
		w.conn.Logout(ctx)
	} else {
		w.conn.Leave()
	}
	w.conn = nil
}

// goodbye bounds how long a server may take to end a connection.
const goodbye = 5 * time.Second

// start sends a batch, which is noted: over a connection of its own, or, where the server takes none, over the one for
// everything else; then it has its answer when start returns. An error is errNotWanted, or ends the run.
func (w *worker) start(b *batch) (*flight, error) {
	t := w.s.t
	conn, err := w.connection()
	shared := errors.Is(err, errNotWanted) && w.s.connected.Load() == 0
	if err != nil && !shared {
		return nil, err
	}
	if err := t.options.Pace.Wait(w.s.stopping, len(b.jobs), b.bytes); err != nil {
		return nil, err
	}
	messages := make([]wire.Message, len(b.jobs))
	for i, j := range b.jobs {
		messages[i] = wire.Message{Flags: j.flags, Date: j.date, Size: j.e.size, WriteTo: j.e.writeTo}
	}
	f := &flight{batch: b, conn: conn, since: time.Now()}
	if !shared {
		f.pending = conn.Start(t.ctx, b.m.name, messages)
		return f, nil
	}
	if f.results, err = t.control.append(w.s.stopping, t.ctx, b.m.name, messages); err != nil {
		return nil, err
	}
	if w.refused > 1 || tooMany(w.why) { // and not just away for a moment
		w.s.single.Do(func() {
			t.log.Warn("the server takes one connection only: everything goes over that, which is slower", "reason", w.why)
		})
	}
	return f, nil
}

// record returns what the ledger keeps of a job. The UID is 0 while it is not known.
func (j *job) record(uid uint32) ledger.Record {
	r := ledger.Record{Key: j.key, Print: j.print, Size: j.e.size, Tag: tag(j.flags)}
	if uid != 0 {
		r.Name = strconv.FormatUint(uint64(uid), 10)
	}
	return r
}

// errNotWanted says that the server takes no further connection for now.
var errNotWanted = errors.New("the server takes no further connection")

// waits reports whether the worker is not to connect yet.
func (w *worker) waits() bool { return time.Now().Before(w.notBefore) }

// connection returns the worker's connection, a new one where it was lost. Many servers allow only so many: one that is too
// many is tried again later.
func (w *worker) connection() (*wire.Conn, error) {
	s := w.s
	if conn := w.current(); conn != nil {
		return conn, nil
	}
	if w.waits() {
		return nil, errNotWanted
	}
	conn, err := s.t.dialer.further(s.stopping)
	switch {
	case err == nil:
	case s.stopping.Err() != nil, hopeless(err):
		return nil, err
	default:
		s.t.log.Debug("no further connection", "connection", w.number, "reason", err)
		w.refused++
		w.why = err
		if tooMany(err) {
			s.refused.Store(true)
		}
		wait := s.t.dialer.backoff(w.refused)
		w.notBefore = time.Now().Add(wait)
		time.AfterFunc(wait, s.more.Broadcast)
		return nil, errNotWanted
	}
	s.connected.Add(1)
	w.refused = 0
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conn = conn
	return conn, nil
}

// tooMany reports whether a server refused a connection while it is there.
func tooMany(err error) bool {
	_, busy := wire.Throttled(err)
	_, bye := refusal(err)
	return busy || bye
}

func (w *worker) current() *wire.Conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.conn
}

// drop forgets a connection that is gone.
func (w *worker) drop(conn *wire.Conn) {
	conn.Close()
	w.s.t.options.Pace.Retried("the connection was lost")
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conn == conn {
		w.conn = nil
		w.s.connected.Add(-1)
	}
}
