package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Bounds for what goes out together.
const (
	maxGroup      = 50       // messages in one MULTIAPPEND
	maxGroupBytes = 1 << 20  // their bytes, unless it is one message
	minusLimit    = 4096     // largest literal that LITERAL- lets go unasked (RFC 7888 5)
	plusLimit     = 16 << 20 // and with LITERAL+ here: beyond, asking costs little, and a refusal comes before the bytes
)

// idleLimit is after how long without a command a connection is asked for a sign of life before messages are entrusted
// to it: a server that has hung up meanwhile would leave them in doubt.
const idleLimit = 30 * time.Second

// Message is a message to append.
type Message struct {
	// Flags are system flags, of which there are five, and keywords, which are atoms. The server has to permit them:
	// most refuse the message otherwise.
	Flags []string
	// Date is the INTERNALDATE. Zero leaves it to the server.
	Date time.Time
	// Size is how many bytes the body has. An empty message cannot be appended (RFC 3502 6.3.11).
	Size int64
	// WriteTo writes the body: exactly Size bytes, lines ending in CRLF, no NUL. It may be called twice: where a server
	// refuses several messages together, each is tried alone. The writer it is given is good at small writes; it must
	// not be kept.
	//
	// A body that fails or has another size is an error of this message. If part of it is on its way already, the
	// connection is dropped with it.
	WriteTo func(io.Writer) error
}

// State is what is known of a message.
type State uint8

// The states.
const (
	// NotSent: certainly not stored; Err says why.
	NotSent State = iota
	// Accepted: the server said that it has the message.
	Accepted
	// Refused: the server said that it has not; Err holds its words, a [ResponseError].
	Refused
	// Unknown: the connection ended before the server said anything, but after it may have got the message.
	// Look for the message before sending it again, once the server is through with what it had received.
	Unknown
)

var stateNames = [...]string{"not sent", "accepted", "refused", "unknown"}

func (s State) String() string { return stateNames[s] }

// Appended is what became of a message.
type Appended struct {
	State State
	// UIDValidity and UID tell where an accepted message is. They are 0 where the server does not say (RFC 4315).
	UIDValidity, UID uint32
	// Err is nil for accepted messages only.
	Err error
}

// Pending are messages on their way.
type Pending struct {
	c       *Conn
	ctx     context.Context // of Start
	mailbox string
	batch   []Message
	done    chan struct{}
	stop    func() bool
	settle  sync.Once

	// What follows is guarded by the connection's mu until done is closed.
	results []Appended
	ends    []int64 // where each body ended in what was written; 0 as long as it has not
	left    int     // groups without an answer, and one as long as Start runs
	again   []int   // refused together, to be sent one by one
	halt    error   // why the rest is not sent
	lost    error   // why the connection was lost
}

// group are the messages of one APPEND.
type group struct {
	p     *Pending
	index []int // in the batch
}

// Append stores messages in a mailbox and waits for the answers: [Conn.Start] and [Pending.Wait].
func (c *Conn) Append(ctx context.Context, mailbox string, batch []Message) ([]Appended, error) {
	return c.Start(ctx, mailbox, batch).Wait()
}

// Start writes messages to the connection and returns once they are written, while the answers may be outstanding: a
// next Start can follow at once, so that the connection never idles. [Pending.Wait] has to be called for each Start, in
// any order, by any goroutine.
//
// The mailbox is a name in UTF-8. Where the server offers MULTIAPPEND, small messages go out in groups of at most 50
// and 1 MB, each of which is stored as a whole or not at all; how large a batch is does not matter for that. Several
// commands are under way at once where the server takes literals without asking for each (LITERAL+, LITERAL- up to
// 4096 bytes); literals of more than 16 MB always wait until the server agrees. Where an earlier message of the batch
// is refused because there is no such mailbox or the server wants to be left alone, the rest is not sent.
//
// If the context ends, the connection is closed.
func (c *Conn) Start(ctx context.Context, mailbox string, batch []Message) *Pending {
	return c.start(ctx, mailbox, batch, false)
}

func (c *Conn) start(ctx context.Context, mailbox string, batch []Message, alone bool) *Pending {
	p := &Pending{
		c: c, ctx: ctx, mailbox: mailbox, batch: batch, done: make(chan struct{}), left: 1,
		results: make([]Appended, len(batch)), ends: make([]int64, len(batch)),
	}
	p.stop = context.AfterFunc(ctx, func() { c.fail(&LostError{"APPEND", context.Cause(ctx)}) })
	c.writing.Lock()
	defer c.writing.Unlock()
	defer p.release()
	if err := c.awake(); err != nil {
		p.rest(all(batch), err)
		return p
	}
	c.base.work(true)
	defer c.base.work(false)
	for index := range c.groups(p, alone) {
		c.write(p, index)
	}
	if err := c.flush(); err != nil {
		c.unwritten("APPEND", err)
	}
	return p
}

func all(batch []Message) []int {
	index := make([]int, len(batch))
	for i := range index {
		index[i] = i
	}
	return index
}

// awake makes sure that the server is there.
func (c *Conn) awake() error {
	c.mu.Lock()
	err, under := c.err, len(c.queue)
	c.mu.Unlock()
	if err != nil || under > 0 || c.base.quiet() < idleLimit {
		return err
	}
	timer := time.AfterFunc(c.opts.Timeout, func() { c.fail(&TimeoutError{"NOOP", c.opts.Timeout}) })
	defer timer.Stop()
	cmd, err := c.send("NOOP", "", nil)
	if err != nil {
		return err
	}
	<-cmd.ended
	if Lost(cmd.err) {
		return cmd.err
	}
	return nil
}

// groups tells which messages go out by one command each. What cannot be sent at all gets its result here.
func (c *Conn) groups(p *Pending, alone bool) iter.Seq[[]int] {
	most := 1
	if !alone && c.caps.Has("MULTIAPPEND") {
		most = maxGroup
	}
	return func(yield func([]int) bool) {
		var index []int
		bytes := int64(0)
		for i := range p.batch {
			m := &p.batch[i]
			if err := c.check(p.mailbox, m); err != nil {
				p.rest([]int{i}, err)
				continue
			}
			if len(index) > 0 && (len(index) == most || bytes+m.Size > maxGroupBytes) {
				if !yield(index) {
					return
				}
				index, bytes = nil, 0
			}
			index, bytes = append(index, i), bytes+m.Size
		}
		if len(index) > 0 {
			yield(index)
		}
	}
}

// check refuses what cannot be written as a command.
func (c *Conn) check(mailbox string, m *Message) error {
	switch {
	case m.Size <= 0:
		return errors.New("an empty message cannot be appended")
	case !m.Date.IsZero() && (m.Date.Year() < 1 || m.Date.Year() > 9999):
		return fmt.Errorf("the date %v cannot be written", m.Date)
	case mailbox == "" || !printableName(mailbox):
		return fmt.Errorf("%q cannot be the name of a mailbox", mailbox)
	}
	for _, flag := range m.Flags {
		if !validFlag(flag) {
			return fmt.Errorf("%q cannot be a flag", flag)
		}
	}
	return nil
}

// write writes one APPEND. The caller holds writing.
func (c *Conn) write(p *Pending, index []int) {
	c.mu.Lock()
	halt := p.halt
	c.mu.Unlock()
	if halt != nil {
		p.rest(index, halt)
		return
	}
	g := &group{p, index}
	cmd, before, err := c.beginGroup(g)
	if err != nil {
		p.rest(index, err)
		return
	}
	c.head = append(c.head[:0], cmd.tag...)
	c.head = append(c.head, " APPEND "...)
	c.head = appendMailbox(c.head, p.mailbox, c.utf8)
	empty := true
	for _, i := range index {
		sent, err := c.writeMessage(cmd, p, i)
		switch {
		case err == nil && !sent:
			return // the server has answered already
		case err == nil:
			empty = false
			continue
		case !ofBody(err):
			c.unwritten("APPEND", err)
			return
		}
		g.leave(i, err)
		if sent {
			c.drop(before)
			return
		}
	}
	if empty {
		if c.withdraw(cmd) {
			p.release()
		}
		return
	}
	c.finish(cmd)
	c.out.put("\r\n")
}

func ofBody(err error) bool {
	var body *BodyError
	return errors.As(err, &body)
}

// beginGroup starts the command for a group. It also returns the command before it, if that is not answered yet.
func (c *Conn) beginGroup(g *group) (cmd, before *command, err error) {
	before = c.last()
	c.mu.Lock()
	g.p.left++
	c.mu.Unlock()
	if cmd, err = c.begin("APPEND", g); err != nil {
		g.p.release()
	}
	return cmd, before, err
}

// writeMessage writes the part of an APPEND that is a message, after what is in head.
//
// Without an error, sent is false if the server refused the command instead of agreeing to the literal. With a
// [BodyError] it tells whether some of the message has left; if not, it has been taken back, and what was in head is
// there again.
func (c *Conn) writeMessage(cmd *command, p *Pending, i int) (sent bool, err error) {
	m := &p.batch[i]
	start := c.out.at()
	keep := len(c.head)
	c.head = appendArguments(c.head, m)
	unasked := (c.plus && m.Size <= c.limit || c.minus && m.Size <= minusLimit) && c.familiar(m.Flags)
	if unasked {
		c.head = append(c.head, '+')
	}
	c.head = append(c.head, "}\r\n"...)
	if _, err := c.out.Write(c.head); err != nil {
		return true, err
	}
	if !unasked {
		_, agreed, err := c.ask(cmd)
		if err != nil || !agreed {
			return err != nil, err
		}
		c.meet(m.Flags)
	}
	body := &c.body
	*body = bodyWriter{out: &c.out, left: m.Size}
	err = m.WriteTo(body)
	switch {
	case body.broken != nil:
		return true, body.broken
	case body.over:
		err = fmt.Errorf("more than the %d bytes that were announced", m.Size)
	case err == nil && body.left > 0:
		err = fmt.Errorf("%d bytes instead of %d", m.Size-body.left, m.Size)
	}
	if err != nil {
		if c.out.back(start) {
			c.head = c.head[:keep]
			return false, &BodyError{err}
		}
		return true, &BodyError{err}
	}
	c.head = c.head[:0]
	c.mu.Lock()
	p.ends[i] = c.out.at()
	c.mu.Unlock()
	return true, nil
}

// familiar reports whether the server has taken all these flags before, so that a literal may follow them unasked.
//
// QUIRK: where Dovecot does not understand a flag, it takes what is in the literal for commands. Somebody might have
// written a message for that purpose.
func (c *Conn) familiar(flags []string) bool {
	for _, flag := range flags {
		if _, ok := c.met[flag]; !ok && flag[0] != '\\' {
			return false
		}
	}
	return true
}

// maxMet bounds how many keywords are remembered: no server has more in a mailbox.
const maxMet = 1000

// meet remembers flags that the server took.
func (c *Conn) meet(flags []string) {
	for _, flag := range flags {
		if flag[0] != '\\' && len(c.met) < maxMet {
			c.met[flag] = struct{}{}
		}
	}
}

// appendArguments appends what stands before a literal: " (\Seen) " 1-Jan-2020 00:00:00 +0000" {123".
func appendArguments(b []byte, m *Message) []byte {
	b = append(b, ' ')
	if len(m.Flags) > 0 {
		b = append(b, '(')
		for i, flag := range m.Flags {
			if i > 0 {
				b = append(b, ' ')
			}
			b = append(b, flag...)
		}
		b = append(b, ") "...)
	}
	if !m.Date.IsZero() {
		b = m.Date.AppendFormat(b, `"_2-Jan-2006 15:04:05 -0700" `)
	}
	b = append(b, '{')
	return strconv.AppendInt(b, m.Size, 10)
}

// errDropped is why a connection is gone after a body failed in the middle.
var errDropped = errors.New("it was closed because a message could not be sent to its end")

// drop ends the connection within a literal, once the commands before it have their answers.
func (c *Conn) drop(before *command) {
	if before != nil {
		if err := c.flush(); err == nil {
			c.base.work(false)
			<-before.ended
		}
	}
	c.fail(&LostError{"APPEND", errDropped})
}

// leave takes a message out of a group that is being written.
func (g *group) leave(i int, err error) {
	c := g.p.c
	c.mu.Lock()
	defer c.mu.Unlock()
	g.index = slices.DeleteFunc(slices.Clone(g.index), func(j int) bool { return j == i })
	g.p.results[i] = Appended{Err: err}
}

// end gives a group its answer, with the connection's mu held.
func (g *group) end(r response, err error) {
	p := g.p
	defer p.releaseLocked()
	var refused *ResponseError
	switch {
	case err == nil:
		// RFC 4315 3; the set is in the order of the messages (RFC 3502 6.3.11).
		var validity uint32
		var uids []uint32
		if r.code == "APPENDUID" {
			validity, uids = appendUID(r.args, len(g.index))
		}
		for n, i := range g.index {
			p.results[i] = Appended{State: Accepted}
			if uids != nil {
				p.results[i].UIDValidity, p.results[i].UID = validity, uids[n]
			}
		}
	case !Lost(err) && errors.As(err, &refused):
		_, later := Throttled(err)
		if later || TryCreate(err) {
			p.halt = err
		} else if len(g.index) > 1 {
			p.again = append(p.again, g.index...)
			return
		}
		for _, i := range g.index {
			p.results[i] = Appended{State: Refused, Err: err}
		}
	default:
		p.lost = err
		passed := p.c.out.passed.Load()
		for _, i := range g.index {
			p.results[i] = Appended{State: NotSent, Err: err}
			// Some servers store a message as soon as they have its last byte, without waiting for the command's end.
			if end := p.ends[i]; end > 0 && end <= passed {
				p.results[i].State = Unknown
			}
		}
	}
}

// rest sets the results of messages that are not sent.
func (p *Pending) rest(index []int, err error) {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	if Lost(err) {
		p.lost = err
	}
	for _, i := range index {
		p.results[i] = Appended{Err: err}
	}
}

func (p *Pending) release() {
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	p.releaseLocked()
}

func (p *Pending) releaseLocked() {
	if p.left--; p.left == 0 {
		p.stop()
		close(p.done)
	}
}

// Wait waits for the answers. There is one result for each message, in order.
//
// A group that the server refused is sent again one by one, unless nothing could come of it, so that each message gets
// its own answer. The error is not nil if the connection was lost ([Lost]); the results tell the same, message by
// message.
func (p *Pending) Wait() ([]Appended, error) {
	<-p.done
	p.settle.Do(p.retry)
	return p.results, p.lost
}

// retry sends one by one what was refused together.
func (p *Pending) retry() {
	if len(p.again) == 0 {
		return
	}
	batch := make([]Message, len(p.again))
	for n, i := range p.again {
		batch[n] = p.batch[i]
	}
	results, err := p.c.start(p.ctx, p.mailbox, batch, true).Wait()
	for n, i := range p.again {
		p.results[i] = results[n]
	}
	if err != nil {
		p.lost = err
	}
}

var errTooLong = errors.New("the message is longer than announced")

// bodyWriter writes the body of a message, and no more than that.
type bodyWriter struct {
	out    *output
	left   int64
	over   bool
	broken error // what the connection returned
}

func (b *bodyWriter) Write(p []byte) (int, error) {
	if b.broken != nil {
		return 0, b.broken
	}
	if int64(len(p)) > b.left {
		b.over = true
		return 0, errTooLong
	}
	b.left -= int64(len(p))
	n, err := b.out.Write(p)
	b.broken = err
	return n, err
}

// ReadFrom spares [io.Copy] a buffer of its own.
func (b *bodyWriter) ReadFrom(r io.Reader) (int64, error) {
	total := int64(0)
	for {
		if b.broken != nil {
			return total, b.broken
		}
		n, err := b.out.fill(r, b.left+1)
		if total += int64(n); int64(n) > b.left {
			b.out.buf = b.out.buf[:len(b.out.buf)-1] // it must not leave: it would be a command
			b.left, b.over = 0, true
			return total, errTooLong
		}
		b.left -= int64(n)
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		if len(b.out.buf) == corkSize {
			b.broken = b.out.pass()
		}
	}
}
