package wire

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// errStalled is what reading and writing return when nothing moved for too long.
var errStalled = errors.New("nothing moves")

// leastMove is how many bytes have to move within the timeout to count as movement: a server that sends or takes one
// byte from time to time does not.
const leastMove = 4096

// transport is the network below everything else: TLS, compression, IMAP. It bounds how long nothing may move and
// collects what TLS would write in portions of 16 kB.
//
// The deadlines that the layers above set are ignored: a TLS connection is unusable after a deadline, and go-imap's
// say nothing about commands.
type transport struct {
	net.Conn
	timeout time.Duration
	sink    io.Writer // what flush writes to: the connection, maybe slowed down

	mu    sync.Mutex // for what follows, and setting the deadline for reading
	moved time.Time  // when something moved last
	got   int        // bytes read since
	idle  bool       // nobody waits for the server
	busy  bool       // a writer is at work: if anything stalls, it notices

	out    sync.Mutex // for what follows
	corked bool
	buf    []byte
}

func newTransport(conn net.Conn, o *Options) *transport {
	t := &transport{Conn: conn, timeout: o.Timeout, moved: time.Now()}
	t.sink = connWriter{t}
	if o.Writer != nil {
		t.sink = o.Writer(t.sink)
	}
	return t
}

// move notes that something moved.
func (t *transport) move() {
	t.mu.Lock()
	t.moved, t.got = time.Now(), 0
	t.mu.Unlock()
}

// work notes whether a writer is at work. What it waits for meanwhile, other than the network, is not the server's
// fault.
func (t *transport) work(busy bool) {
	t.mu.Lock()
	t.moved, t.got, t.busy = time.Now(), 0, busy
	t.mu.Unlock()
}

// quiet returns for how long nothing has moved.
func (t *transport) quiet() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Since(t.moved)
}

// rest notes whether nobody waits for the server. A read that is under way learns it at once.
func (t *transport) rest(idle bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.idle == idle {
		return
	}
	t.moved, t.got, t.idle = time.Now(), 0, idle
	t.setReadDeadline()
}

// setReadDeadline is called with mu held.
func (t *transport) setReadDeadline() {
	deadline := time.Time{}
	if !t.idle {
		deadline = t.moved.Add(t.timeout)
	}
	// It fails on a closed connection only, and the next read says so.
	_ = t.Conn.SetReadDeadline(deadline)
}

// patient reports whether waiting goes on after a read has met its deadline.
func (t *transport) patient() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy {
		t.moved = time.Now()
	}
	return t.idle || time.Since(t.moved) < t.timeout
}

func (t *transport) Read(p []byte) (int, error) {
	for {
		t.mu.Lock()
		t.setReadDeadline()
		t.mu.Unlock()
		n, err := t.Conn.Read(p)
		if n > 0 {
			t.mu.Lock()
			if t.got += n; t.got >= leastMove {
				t.moved, t.got = time.Now(), 0
			}
			t.mu.Unlock()
			return n, nil
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			if t.patient() {
				continue
			}
			return 0, errStalled
		}
		return n, err
	}
}

// corkSize is how many bytes are collected before they are written: a batch of small messages leaves at once.
const corkSize = 256 << 10

// cork begins to collect what is written until flush.
func (t *transport) cork(on bool) {
	t.out.Lock()
	t.corked = on
	t.out.Unlock()
}

func (t *transport) Write(p []byte) (int, error) {
	t.out.Lock()
	defer t.out.Unlock()
	if t.corked {
		if len(t.buf)+len(p) <= corkSize {
			t.buf = append(t.buf, p...)
			return len(p), nil
		}
	}
	if err := t.flushLocked(); err != nil {
		return 0, err
	}
	return t.sink.Write(p)
}

// flush writes what was collected.
func (t *transport) flush() error {
	t.out.Lock()
	defer t.out.Unlock()
	return t.flushLocked()
}

func (t *transport) flushLocked() error {
	if len(t.buf) == 0 {
		return nil
	}
	_, err := t.sink.Write(t.buf)
	t.buf = t.buf[:0]
	return err
}

// SetDeadline does nothing.
func (*transport) SetDeadline(time.Time) error { return nil }

// SetReadDeadline does nothing.
func (*transport) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (*transport) SetWriteDeadline(time.Time) error { return nil }

// connWriter writes to a transport's connection. It gives up where too little is taken within the timeout.
type connWriter struct{ t *transport }

func (w connWriter) Write(p []byte) (int, error) {
	written := 0
	for {
		if err := w.t.Conn.SetWriteDeadline(time.Now().Add(w.t.timeout)); err != nil {
			return written, err
		}
		n, err := w.t.Conn.Write(p[written:])
		written += n
		if n >= leastMove || err == nil {
			w.t.move()
		}
		if err == nil {
			return written, nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return written, err
		}
		if n < leastMove {
			return written, errStalled
		}
	}
}
