package wire

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
)

// Bounds for what a server may send to go-imap.
const (
	maxGuarded     = 1 << 20   // bytes of a line, and of all literals in a response that are no bodies
	maxGuardedBody = 1<<32 - 1 // bytes of a body
	maxNesting     = 100       // of parentheses in a response
	maxResponses   = 100_000   // until the next answer, not counting messages that are fetched
)

// Client hands the connection over to go-imap, already logged in, with the server's capabilities known. Nothing may be
// under way. Of the Conn's methods only Append may be used from now on, while no command of the client is under way;
// close the client, not the Conn.
//
// What go-imap lacks is added underneath: a command during which nothing moves for [Options].Timeout ends with an error,
// as does a line, a literal or a nesting beyond all bounds; untagged responses that go-imap does not know, which would
// make it give up, are left out. After such an error the client's Closed channel is closed and its commands return an
// error that names the cause.
func (c *Conn) Client() (*imapclient.Client, error) {
	c.mu.Lock()
	reading := c.reading
	c.mu.Unlock()
	if reading {
		// Only an answer makes the reading goroutine end.
		if err := c.Noop(context.Background()); err != nil {
			return nil, err
		}
	}
	c.readers.Wait()
	if err := c.broken(); err != nil {
		return nil, err
	}
	g := &guard{Conn: c.base, c: c, br: c.lines.br, open: make(map[string]bool)}
	// A server that speaks IMAP4rev1 unless told otherwise takes mailbox names in modified UTF-7, but go-imap would send
	// UTF-8 once it knows of IMAP4rev2.
	var names []string
	for _, name := range c.caps.List() {
		if name != "IMAP4REV2" || c.utf8 {
			names = append(names, spelling(name))
		}
	}
	c.mu.Lock()
	c.reading = true // the guard does
	c.mu.Unlock()
	g.pass = []byte("* PREAUTH [CAPABILITY " + strings.Join(names, " ") + "] ready\r\n")
	c.base.rest(true)
	return imapclient.New(g, nil), nil
}

// spelling returns a capability as go-imap compares it: with case.
func spelling(name string) string {
	switch name {
	case "IMAP4REV1":
		return "IMAP4rev1"
	case "IMAP4REV2":
		return "IMAP4rev2"
	}
	return name
}

// understood are the untagged responses that go-imap knows. CAPABILITY is left out: it is known already.
//
// QUIRK: go-imap 2.0.0-beta.8 goes round in circles over a list of capabilities with a parenthesis in it.
var understood = map[string]bool{
	"OK": true, "NO": true, "BAD": true, "BYE": true, "PREAUTH": true,
	"ID": true, "ENABLED": true, "NAMESPACE": true, "FLAGS": true, "EXISTS": true, "RECENT": true,
	"LIST": true, "STATUS": true, "FETCH": true, "EXPUNGE": true, "SEARCH": true, "ESEARCH": true, "SORT": true,
	"THREAD": true, "METADATA": true, "QUOTA": true, "QUOTAROOT": true, "MYRIGHTS": true, "ACL": true,
}

// guard stands between a server and go-imap.
type guard struct {
	net.Conn // closes, and ignores deadlines
	c        *Conn

	// For who reads.
	br      *bufio.Reader
	pass    []byte // of the current line, still to be given to the reader
	literal int64  // bytes of the current literal, likewise
	within  bool   // the next line belongs to the response that has begun
	drop    bool   // this response is left out
	bodies  bool   // it may hold bodies
	small   int64  // bytes of its literals that are none
	length  int    // bytes of the line so far
	end     []byte // of the line so far, to recognise a literal
	scan    scanner
	err     error

	mu     sync.Mutex      // for what follows
	tag    int             // of the last command sent
	open   map[string]bool // tags of commands without an answer, and whether they fetch
	since  time.Time       // when the last of them was sent, or answered
	others int64           // responses since
	told   int64           // messages told of since, by a command that fetches
	exist  int64           // messages in the mailbox
	start  []byte          // what was written since the last line feed, as far as it may be a tag and a name
	seen   bool            // it is one
}

func (g *guard) Read(p []byte) (int, error) {
	for {
		switch {
		case len(g.pass) > 0:
			n := copy(p, g.pass)
			g.pass = g.pass[n:]
			return n, nil
		case g.err != nil:
			return 0, g.err
		case g.literal > 0 && g.drop:
			if err := g.skip(); err != nil {
				return 0, g.fail(err)
			}
		case g.literal > 0:
			if int64(len(p)) > g.literal {
				p = p[:g.literal]
			}
			n, err := g.br.Read(p)
			g.literal -= int64(n)
			if err != nil {
				return n, g.fail(unexpected(err))
			}
			return n, nil
		default:
			if err := g.line(); err != nil {
				return 0, g.fail(err)
			}
		}
	}
}

// fail makes an error last, and gives it its type.
func (g *guard) fail(err error) error {
	g.c.mu.Lock()
	silent := err == io.EOF && g.c.bye == nil
	g.c.mu.Unlock()
	if !silent {
		err = g.c.fault("a command", err)
	}
	if g.err == nil {
		g.err = err
		g.c.fail(g.c.fault("a command", err))
	}
	return g.err
}

// skip leaves out some of a literal.
func (g *guard) skip() error {
	n, err := g.br.Discard(int(min(g.literal, maxLine)))
	g.literal -= int64(n)
	return unexpected(err)
}

// line reads a line, or as much of it as is there at once.
func (g *guard) line() error {
	part, err := g.br.ReadSlice('\n')
	if err != nil && err != bufio.ErrBufferFull {
		if err == io.EOF && (len(part) > 0 || g.within || g.length > 0) {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	begins := g.length == 0 && !g.within
	if g.length += len(part); g.length > maxGuarded {
		return unlawful("a line of more than %d bytes", maxGuarded)
	}
	if begins {
		if own := g.own(part); own {
			g.length = 0
			if err == bufio.ErrBufferFull {
				return unlawful("a line of more than %d bytes", maxLine)
			}
			return g.take(part)
		}
		if err := g.begin(part); err != nil {
			return err
		}
	}
	if depth := g.scan.lines(part); depth > maxNesting {
		return unlawful("more than %d parentheses within each other", maxNesting)
	}
	if !g.drop {
		g.pass = part // valid until the next read of br, which comes after it was passed
	}
	g.end = append(g.end, part[max(0, len(part)-maxMark):]...)
	g.end = g.end[max(0, len(g.end)-maxMark):]
	if err == bufio.ErrBufferFull {
		return nil
	}
	g.c.base.move()
	n, within := int64(0), false
	if !g.scan.text {
		if g.scan.quoted && !g.drop {
			// go-imap would take what follows for the rest of it, the answer included.
			return unlawful("a quoted string without an end")
		}
		mark := bytes.TrimRight(g.end, "\r\n")
		if n, within = literal(mark); within {
			if err := g.weigh(mark, n); err != nil {
				return err
			}
		}
	}
	g.literal, g.within, g.length, g.end = n, within, 0, g.end[:0]
	return nil
}

// weigh bounds a literal. Bodies are streamed, everything else go-imap keeps in memory.
func (g *guard) weigh(mark []byte, n int64) error {
	before := bytes.TrimRight(mark[:bytes.LastIndexByte(mark, '{')], "~ ")
	if g.bodies && len(before) > 0 && (before[len(before)-1] == ']' || before[len(before)-1] == '>') {
		if n > maxGuardedBody {
			return unlawful("a literal of %d bytes", n)
		}
		return nil
	}
	if n > maxGuarded || g.small+n > maxGuarded {
		return unlawful("a literal of %d bytes that is no body", n)
	}
	g.small += n
	return nil
}

// maxMark is how long the end of a line that announces a literal can be, with what it belongs to:
// ] ~{18446744073709551615+} CR LF.
const maxMark = 30

// begin looks at the first part of a response: whose it is, and whether go-imap understands it.
func (g *guard) begin(part []byte) error {
	g.drop, g.bodies, g.small, g.scan = false, false, 0, scanner{}
	fields := bytes.Fields(part[:min(len(part), 200)])
	if len(fields) == 0 {
		return nil
	}
	switch tag := string(fields[0]); tag {
	case "*":
		name, number := "", int64(0)
		if len(fields) > 1 {
			name = strings.ToUpper(string(fields[1]))
			if n, err := strconv.ParseUint(name, 10, 32); err == nil && len(fields) > 2 {
				name, number = strings.ToUpper(string(fields[2])), int64(n)
			}
		}
		g.drop, g.bodies = !understood[name], name == "FETCH"
		switch name {
		case "OK", "NO", "BAD", "PREAUTH":
			g.scan.text = true
		case "BYE":
			g.scan.text = true
			g.bye(part)
		}
		if err := g.untagged(name, number); err != nil {
			return err
		}
	case "+":
		g.scan.text = true
	default:
		g.scan.text = true
		g.answered(tag)
	}
	if g.scan.text && len(fields) > 2 {
		disarm(part, fields[2])
	}
	return nil
}

// own reports whether a line is for the Conn: it has an APPEND under way, and go-imap nothing. What belongs to no command
// goes to go-imap: it may be about the mailbox that is selected.
func (g *guard) own(line []byte) bool { return line[0] != '*' && g.c.last() != nil }

// take hands a line to the Conn.
func (g *guard) take(line []byte) error {
	g.c.base.move()
	r, err := parse(bytes.TrimRight(line, "\r\n"))
	if err != nil {
		return err
	}
	if err := g.c.handle(r); err != nil {
		return err
	}
	g.mu.Lock()
	g.since, g.others, g.told = time.Now(), 0, 0
	g.mu.Unlock()
	g.c.base.rest(g.c.last() == nil)
	return nil
}

// untagged bounds what a server sends instead of an answer.
func (g *guard) untagged(name string, number int64) error {
	if err := g.c.handle(response{tag: "*"}); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	fetches := false
	for _, f := range g.open {
		fetches = fetches || f
	}
	if name == "EXISTS" {
		g.exist = number
	}
	if fetches && name == "FETCH" {
		if g.told++; g.told > g.exist+maxResponses {
			return unlawful("it tells of more messages than the %d that it has", g.exist)
		}
		return nil
	}
	if g.others++; g.others > maxResponses {
		return unlawful("more than %d responses without an answer", maxResponses)
	}
	if len(g.open) > 0 && !fetches && time.Since(g.since) > overdue*g.c.opts.Timeout {
		return errStalled
	}
	return nil
}

// disarm makes text of a response code, whose first word is given, where it must not be one for go-imap.
//
// QUIRK: go-imap 2.0.0-beta.8 looks for the end of a code in the lines that follow if it has none in its own. For
// capabilities see understood.
func disarm(line, code []byte) {
	if code[0] == '[' && (bytes.IndexByte(line, ']') < 0 || bytes.EqualFold(code, []byte("[CAPABILITY"))) {
		code[0] = '('
	}
}

// bye notes what the server says before it ends the connection.
func (g *guard) bye(part []byte) {
	if r, err := parse(bytes.TrimRight(part, "\r\n")); err == nil {
		g.c.mu.Lock()
		g.c.bye = g.c.responseError("", r)
		g.c.mu.Unlock()
	}
}

// answered notes the answer to a command.
func (g *guard) answered(tag string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.open, tag)
	g.since, g.others, g.told = time.Now(), 0, 0
	if len(g.open) == 0 {
		g.c.base.rest(true)
	}
}

// Write sends what go-imap wrote: it flushes whole commands, or what comes before a literal.
func (g *guard) Write(p []byte) (int, error) {
	g.mu.Lock()
	g.count(p)
	if len(g.open) > 0 {
		g.c.base.rest(false)
	}
	g.mu.Unlock()
	if _, err := g.c.out.Write(p); err != nil {
		return 0, err
	}
	if err := g.c.flush(); err != nil {
		return 0, err
	}
	return len(p), nil
}

// maxStart is how much of a line tells which command it is: T1234567890 UID FETCH.
const maxStart = 24

// count finds the commands in what is written. go-imap's tags are T1, T2, … at the start of lines.
func (g *guard) count(p []byte) {
	for len(p) > 0 {
		line, rest, ended := bytes.Cut(p, []byte{'\n'})
		g.start = append(g.start, line[:min(len(line), maxStart-len(g.start))]...)
		tag := "T" + strconv.Itoa(g.tag+1)
		if name, ok := bytes.CutPrefix(g.start, []byte(tag+" ")); ok && !g.seen {
			g.tag++
			g.seen = true
			g.open[tag] = bytes.HasPrefix(name, []byte("FETCH ")) || bytes.HasPrefix(name, []byte("UID FETCH "))
			g.since = time.Now()
		}
		if ended {
			g.start, g.seen = g.start[:0], false
		}
		p = rest
	}
}

// Close closes the connection.
func (g *guard) Close() error { return g.c.raw.Close() }

// scanner follows the nesting of a response over its lines.
type scanner struct {
	text   bool // what follows is for people
	quoted bool
	escape bool
	depth  int
}

// lines returns the deepest nesting in a part of a response.
func (s *scanner) lines(part []byte) int {
	deepest := s.depth
	if s.text {
		return deepest
	}
	for _, b := range part {
		switch {
		case s.escape:
			s.escape = false
		case s.quoted && b == '\\':
			s.escape = true
		case b == '"':
			s.quoted = !s.quoted
		case s.quoted:
		case b == '(':
			s.depth++
			deepest = max(deepest, s.depth)
		case b == ')':
			s.depth--
		}
	}
	return deepest
}
