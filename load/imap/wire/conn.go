package wire

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Conn is a connection that is logged in. Its methods may be called by several goroutines; commands go out in the order
// in which they were called.
type Conn struct {
	opts   Options
	secret []string // never shown, see redact
	caps   Caps
	before Caps  // those before the login, while it is under way
	plus   bool  // literals may go out unasked
	minus  bool  // those of up to minusLimit bytes may
	limit  int64 // the size of the largest that may
	utf8   bool  // mailbox names are UTF-8
	secure bool  // TLS

	raw   net.Conn // closing it ends everything
	base  *transport
	lines *lines
	out   output

	writing sync.Mutex // held by who writes: one command after the other
	seq     int        // of the last tag; for who writes, as is what follows
	head    []byte     // of the message that is being written: its arguments, and the command's before the first
	body    bodyWriter
	met     map[string]struct{} // keywords that the server took

	mu      sync.Mutex // for what follows
	queue   []*command // sent, or being sent, and not answered yet
	reading bool       // a goroutine reads answers
	err     error      // why the connection is gone
	bye     error      // what the server said about that
	gone    chan struct{}
	readers sync.WaitGroup
}

// command is one that is under way.
type command struct {
	tag      string
	name     string
	complete bool      // written to its end: an OK may come
	asking   bool      // waits until the server agrees to a literal
	since    time.Time // when its answer became due; zero while it is being written
	others   int       // responses that came meanwhile

	agreed chan string   // receives the server's words whenever it asks to go on
	ended  chan struct{} // closed with the answer
	answer response      // valid once ended, if err is nil
	err    error

	data func(response) // is told of untagged data, if not nil

	group *group // of messages, if it is an APPEND
}

// Caps returns what the server announced after the login.
func (c *Conn) Caps() Caps { return c.caps }

// newConn returns a connection over which nothing was said yet.
func newConn(raw net.Conn, opts Options) *Conn {
	c := &Conn{opts: opts, raw: raw, gone: make(chan struct{}), met: make(map[string]struct{})}
	c.base = newTransport(raw, &opts)
	c.over(c.base)
	return c
}

// over makes rw what the connection reads from and writes to.
func (c *Conn) over(rw io.ReadWriter) {
	c.lines = newLines(rw, c.base.move)
	c.out.w = rw
}

// flush sends what was written.
func (c *Conn) flush() error {
	if err := c.out.pass(); err != nil {
		return err
	}
	if f, ok := c.out.w.(interface{ Flush() error }); ok {
		if err := f.Flush(); err != nil {
			return err
		}
	}
	return c.base.flush()
}

// fail ends the connection. The first error is what everybody is told.
func (c *Conn) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	close(c.gone)
	c.raw.Close()
	queue := c.queue
	c.queue = nil
	for _, cmd := range queue {
		cmd.end(response{}, err)
	}
}

// broken returns why the connection is gone.
func (c *Conn) broken() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// fault gives an error of reading or writing its type.
func (c *Conn) fault(doing string, err error) error {
	var bad *violation
	switch {
	case errors.As(err, &bad):
		return &ProtocolError{doing, (&violation{bad.what, c.redact(bad.said)}).Error()}
	case errors.Is(err, errStalled):
		return &TimeoutError{doing, c.opts.Timeout}
	}
	c.mu.Lock()
	bye := c.bye
	c.mu.Unlock()
	if bye != nil {
		return &LostError{doing, bye}
	}
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the server closed it")
	}
	return &LostError{doing, err}
}

// begin starts a command: everything up to its arguments. The caller holds writing. The answers are read from now on.
func (c *Conn) begin(name string, g *group) (*command, error) {
	c.seq++
	cmd := &command{
		tag: "A" + strconv.Itoa(c.seq), name: name,
		agreed: make(chan string, 1), ended: make(chan struct{}), group: g,
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return nil, c.err
	}
	c.queue = append(c.queue, cmd)
	c.base.rest(false)
	if !c.reading {
		c.reading = true
		c.base.move()
		c.readers.Go(c.read)
	}
	return cmd, nil
}

// withdraw forgets a command of which nothing was sent. It reports false if the command has ended otherwise.
func (c *Conn) withdraw(cmd *command) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.queue, cmd)
	if i < 0 {
		return false
	}
	c.queue = slices.Delete(c.queue, i, i+1)
	c.base.rest(len(c.queue) == 0) // the reader goes on waiting, but not for long to no end
	return true
}

// lastWords is how long a server's last words are waited for after it has stopped to take ours.
const lastWords = time.Second

// unwritten ends the connection after something could not be written. Maybe the server has said why.
func (c *Conn) unwritten(doing string, err error) {
	c.base.work(false)
	timer := time.NewTimer(lastWords)
	defer timer.Stop()
	select {
	case <-c.gone:
	case <-timer.C:
		c.fail(c.fault(doing, err))
	}
}

// finish marks a command as written to its end.
func (c *Conn) finish(cmd *command) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cmd.complete, cmd.since = true, time.Now()
}

// ask sends what was written and waits until the server asks to go on, with what words. It reports false if the command
// has ended instead.
func (c *Conn) ask(cmd *command) (words string, ok bool, err error) {
	c.mu.Lock()
	cmd.asking, cmd.since = true, time.Now()
	c.mu.Unlock()
	if err := c.flush(); err != nil {
		return "", false, err
	}
	c.base.work(false)
	defer c.base.work(true)
	select {
	case words = <-cmd.agreed:
		return words, true, nil
	case <-cmd.ended:
		return "", false, nil
	}
}

// read reads answers until none is outstanding. It is the only one to read while it runs.
func (c *Conn) read() {
	for {
		c.mu.Lock()
		if len(c.queue) == 0 {
			c.reading = false
			c.mu.Unlock()
			return
		}
		doing := c.queue[0].name
		c.mu.Unlock()
		r, err := c.lines.next()
		if err == nil {
			err = c.handle(r)
		}
		if err != nil {
			c.fail(c.fault(doing, err))
			c.mu.Lock()
			c.reading = false
			c.mu.Unlock()
			return
		}
	}
}

// overdue is how many times the timeout an answer may take when the server shows signs of life meanwhile.
const overdue = 10

// handle takes one response. The errors say how it breaks the protocol.
func (c *Conn) handle(r response) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return nil // the connection failed meanwhile
	}
	head := c.queue[0]
	switch r.tag {
	case "*":
		if r.status == "BYE" && c.bye == nil {
			c.bye = c.responseError("", r) // answers may still follow, then the end does
		}
		if head.data != nil {
			head.data(r)
		}
		if head.others++; head.others > maxUntagged {
			return unlawful("more than %d responses without an answer", maxUntagged)
		}
		if !head.since.IsZero() && time.Since(head.since) > overdue*c.opts.Timeout {
			return errStalled
		}
		return nil
	case "+":
		last := c.queue[len(c.queue)-1]
		if !last.asking {
			return unlawful("a request to go on that nobody waits for")
		}
		last.asking, last.since = false, time.Time{}
		last.agreed <- r.text
		return nil
	}
	for i, cmd := range c.queue {
		if cmd.tag != r.tag {
			continue
		}
		if r.status == "OK" && !cmd.complete {
			return unlawful("an OK to a command that is not complete")
		}
		c.queue = slices.Delete(c.queue, i, i+1)
		if len(c.queue) > 0 && c.queue[0].complete {
			c.queue[0].since = time.Now()
		}
		var err error
		if r.status != "OK" {
			err = c.responseError(cmd.name, r)
		}
		cmd.end(r, err)
		return nil
	}
	return &violation{"an answer to no command", r.tag + " " + r.status}
}

// end gives a command its answer, with the connection's mu held.
func (cmd *command) end(r response, err error) {
	cmd.answer, cmd.err = r, err
	close(cmd.ended)
	if cmd.group != nil {
		cmd.group.end(r, err)
	}
}

// responseError makes an error of a status response.
func (c *Conn) responseError(name string, r response) *ResponseError {
	code := r.code
	for _, secret := range c.secret {
		code = strings.ReplaceAll(code, strings.ToUpper(secret), "***")
	}
	return &ResponseError{name, r.status, printable(code, maxExcerpt), printable(c.redact(r.text), maxText)}
}

// do sends a command without arguments, or with simple ones, and waits for its answer.
func (c *Conn) do(ctx context.Context, name, arguments string, data func(response)) (response, error) {
	stop := context.AfterFunc(ctx, func() { c.fail(&LostError{name, context.Cause(ctx)}) })
	defer stop()
	c.writing.Lock()
	before := c.last()
	cmd, err := c.send(name, arguments, data)
	c.writing.Unlock()
	if err != nil {
		return response{}, err
	}
	if before != nil {
		<-before.ended
	}
	timer := time.AfterFunc(c.opts.Timeout, func() { c.fail(&TimeoutError{name, c.opts.Timeout}) })
	defer timer.Stop()
	<-cmd.ended
	return cmd.answer, cmd.err
}

// last returns the command that was sent last, if it is not answered yet.
func (c *Conn) last() *command {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.queue); n > 0 {
		return c.queue[n-1]
	}
	return nil
}

// send writes a command and sends it, with writing held.
func (c *Conn) send(name, arguments string, data func(response)) (*command, error) {
	cmd, err := c.begin(name, nil)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	cmd.data = data
	c.mu.Unlock()
	c.base.work(true)
	defer c.base.work(false)
	c.finish(cmd)
	c.out.put(cmd.tag + " " + name + arguments + "\r\n")
	return c.sent(cmd, c.flush())
}

// sent reports what became of writing a command.
func (c *Conn) sent(cmd *command, err error) (*command, error) {
	if err != nil {
		c.unwritten(cmd.name, err)
		return nil, c.broken()
	}
	return cmd, nil
}

// Noop asks for a sign of life.
func (c *Conn) Noop(ctx context.Context) error {
	_, err := c.do(ctx, "NOOP", "", nil)
	return err
}

// Logout says goodbye, waits for what is under way, and closes the connection.
func (c *Conn) Logout(ctx context.Context) {
	_, _ = c.do(ctx, "LOGOUT", "", nil) // it is about to be closed
	c.Close()
}

// Leave says goodbye and closes the connection, without waiting for an answer: a server can do nothing about it.
func (c *Conn) Leave() {
	c.writing.Lock()
	if c.last() == nil {
		_, _ = c.send("LOGOUT", "", nil) // it is about to be closed
	}
	c.writing.Unlock()
	c.Close()
}

// Close closes the connection at once. What is under way ends with a [LostError].
func (c *Conn) Close() error {
	c.fail(&LostError{"closing", net.ErrClosed})
	c.readers.Wait()
	return nil
}

// redact takes out of a server's words what it was told in confidence.
func (c *Conn) redact(s string) string {
	for _, secret := range c.secret {
		s = strings.ReplaceAll(s, secret, "***")
	}
	return s
}

// log notes something, never a secret.
func (c *Conn) log(ctx context.Context, msg string, attrs ...slog.Attr) {
	if c.opts.Log != nil {
		c.opts.Log.LogAttrs(ctx, slog.LevelDebug, msg, append(attrs, slog.String("server", c.opts.Address))...)
	}
}
