package imap_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"mailmill/formats"
	"mailmill/load/imap"
	"mailmill/load/imap/imaptest"
	"mailmill/load/imap/wire"
)

// clock counts round trips as Lamport's clocks count events: what a client sends knows of all that it has received, and the
// answer comes one later. Answers are held up, so that connections that wait side by side advance side by side.
type clock struct {
	hold time.Duration

	mu    sync.Mutex
	now   int // trips behind what was received last
	first int // trips behind the first mail; -1 before it
}

// large is how much is written at once of a mail, and of nothing else.
const large = 20_000

func (c *clock) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c.mu.Lock()
	asked := c.now
	c.mu.Unlock()
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	return &clockConn{Conn: conn, clock: c, asked: asked}, err
}

type clockConn struct {
	net.Conn
	clock *clock

	// guarded by clock.mu:
	asked  int // trips behind what was sent last
	answer int // and behind what was received
}

func (c *clockConn) Write(p []byte) (int, error) {
	c.clock.mu.Lock()
	c.asked = c.clock.now
	if len(p) >= large && c.clock.first < 0 {
		c.clock.first = c.clock.now
	}
	c.clock.mu.Unlock()
	return c.Conn.Write(p)
}

func (c *clockConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.clock.mu.Lock()
		answers := c.asked + 1
		rest := answers == c.answer // of the same
		c.answer = answers
		c.clock.mu.Unlock()
		if !rest {
			time.Sleep(c.clock.hold)
		}
		c.clock.mu.Lock()
		c.clock.now = max(c.clock.now, answers)
		c.clock.mu.Unlock()
	}
	return n, err
}

// TestRoundTripsBeforeTheFirstMail counts how often a run waits for the server before it sends a mail, into a tree of
// mailboxes that are not there yet.
func TestRoundTripsBeforeTheFirstMail(t *testing.T) {
	for name, tt := range map[string]struct {
		server imaptest.Options
		wire   func(*wire.Options)
		most   int
	}{
		// The greeting, the login, what there is, making what there is not.
		"without TLS": {imaptest.Options{}, func(*wire.Options) {}, 4},
		// The handshake before.
		"TLS": {imaptest.Options{TLS: true}, func(o *wire.Options) { o.Security = wire.ImplicitTLS }, 6},
		// STARTTLS, the handshake, the capabilities.
		"STARTTLS": {imaptest.Options{StartTLS: true, LoginDisabled: true}, func(o *wire.Options) { o.Security = wire.StartTLS }, 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			best := 1000
			for range 5 { // a busy machine lets some lag behind others
				s := imaptest.Start(t, tt.server)
				a := newArchive("a.pst")
				deep := a.folder("Level 0", 0)
				for i := 1; i < 10; i++ {
					deep = a.folder(strings.Join(append(deep.Path, fmt.Sprint("Level ", i)), "/"), 0)
					a.folder(fmt.Sprint("Folder ", i), 0)
				}
				it := a.mail(deep, "1", strings.Repeat("much to say ", 10_000))
				more := a.mail(deep, "2", "more")
				more.Keywords = []string{"Wichtig"}
				user := newAccount(t, s.Addr())
				c := &clock{hold: 30 * time.Millisecond, first: -1}
				user.options.Wire.TLS, user.options.Wire.Dial = &tls.Config{RootCAs: s.Roots()}, c.dial
				tt.wire(&user.options.Wire)
				user.run(a)
				holds(t, s, strings.Join(deep.Path, "/"), it, more)
				if subscribed := s.Subscribed(); len(subscribed) != 19 {
					t.Errorf("subscribed to %q", subscribed)
				}
				s.Down()
				if best = min(best, c.first); best <= tt.most {
					break
				}
			}
			if best < 0 || best > tt.most {
				t.Errorf("%d round trips before the first mail, want %d", best, tt.most)
			}
		})
	}
}

// Nobody waits for a goodbye.
func TestLogoutIsNotWaitedFor(t *testing.T) {
	s := imaptest.Start(t, imaptest.Options{})
	s.Fault(imaptest.Fault{Command: "LOGOUT", Repeat: true, Do: imaptest.Swallow})
	a, _ := small()
	user := newAccount(t, s.Addr())
	user.options.Wire.Timeout = time.Minute
	start := time.Now()
	user.run(a)
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	for range 100 { // what was sent is on its way to the server
		if n := strings.Count(strings.Join(s.Commands(), " "), "LOGOUT"); n == 4 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("not all say goodbye: %q", s.Commands())
}

// TestOneConnection has servers that let one connection in: messages go over that, with everything else.
func TestOneConnection(t *testing.T) {
	const refused = "NO [LIMIT] Maximum number of connections from user+IP exceeded"
	for name, fault := range map[string]imaptest.Fault{
		"login":        {Command: "AUTHENTICATE", Do: imaptest.Refuse, Text: refused},
		"unavailable":  {Command: "AUTHENTICATE", Do: imaptest.Refuse, Text: "NO [UNAVAILABLE] Too many connections"},
		"cyrus":        {Command: "AUTHENTICATE", Do: imaptest.Refuse, Text: "NO Too many open connections (2 of 1 for u1)"},
		"words":        {Command: "AUTHENTICATE", Do: imaptest.Refuse, Text: "NO Too many simultaneous connections. (Failure)"},
		"greeting":     {Command: "GREETING", Do: imaptest.Drop, Text: "* BYE Too many connections from your address\r\n"},
		"closed":       {Command: "GREETING", Do: imaptest.Drop},
		"uncompressed": {Command: "AUTHENTICATE", Do: imaptest.Refuse, Text: refused},
		"one by one":   {Command: "AUTHENTICATE", Do: imaptest.Refuse, Text: refused},
		"asking":       {Command: "AUTHENTICATE", Do: imaptest.Refuse, Text: refused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := imaptest.Options{}
			switch name {
			case "uncompressed":
				o.Without = []string{"COMPRESS=DEFLATE"}
			case "one by one":
				o.Without = []string{"MULTIAPPEND", "UIDPLUS"}
			case "asking":
				o.Without = []string{"LITERAL+"}
			}
			s := imaptest.Start(t, o)
			fault.After, fault.Repeat = 1, true
			s.Fault(fault)
			var log strings.Builder
			a := newArchive("a.pst")
			inbox, other := a.folder("Inbox", formats.RoleInbox), a.folder("Other", 0)
			for i := range 120 {
				it := a.mail([]*formats.Folder{inbox, other}[i/60], fmt.Sprint(i), fmt.Sprint("text ", i))
				if i%7 == 0 {
					it.Keywords = []string{"Wichtig"}
				}
			}
			user := newAccount(t, s.Addr())
			user.options.Wire.Compress = true
			user.options.Log = logTo(&log)
			start := time.Now()
			user.run(a)
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
			holds(t, s, "INBOX", a.mails[:60]...)
			holds(t, s, "Other", a.mails[60:]...)
			if name != "closed" && strings.Count(log.String(), "one connection only") != 1 {
				t.Errorf("the log says\n%s", log.String())
			}
			s.Heal()
			if result, _ := user.run(a); total(result).Unchanged != 120 {
				t.Errorf("another run does something: %+v", total(result))
			}
		})
	}
}

// Where the one connection is lost, another one takes its place, and nothing is lost or doubled.
func TestOneConnectionIsLost(t *testing.T) {
	for _, at := range []int64{0, 100, imaptest.End} {
		s := imaptest.Start(t, imaptest.Options{})
		s.Fault(imaptest.Fault{Command: "APPEND", After: 30, At: at, Do: imaptest.Drop})
		lost := &limited{}
		a := newArchive("a.pst")
		f := a.folder("Other", 0)
		for i := range 100 {
			a.mail(f, fmt.Sprint(i), fmt.Sprint("text ", i))
		}
		user := newAccount(t, s.Addr())
		user.options.Wire.Dial = lost.dial
		user.run(a)
		holds(t, s, "Other", a.mails...)
	}
}

// limited makes one connection at a time.
type limited struct {
	mu   sync.Mutex
	open bool
}

type limitedConn struct {
	net.Conn
	once sync.Once
	l    *limited
}

func (l *limited) dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open {
		return nil, fmt.Errorf("one connection at a time")
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	l.open = err == nil
	return &limitedConn{Conn: conn, l: l}, err
}

func (c *limitedConn) Close() error {
	c.once.Do(func() {
		c.l.mu.Lock()
		defer c.l.mu.Unlock()
		c.l.open = false
	})
	return c.Conn.Close()
}

// An interrupted run ends soon, whatever the server is at.
func TestInterruptedWhileTheServerStalls(t *testing.T) {
	for _, command := range []string{"LIST", "CREATE", "APPEND", "SELECT", "SUBSCRIBE"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			s := imaptest.Start(t, imaptest.Options{})
			s.Fault(imaptest.Fault{Command: command, Repeat: true, Do: imaptest.Stall})
			a, _ := small()
			a.mails[0].Keywords = []string{"Wichtig"}
			user := newAccount(t, s.Addr())
			user.options.Wire.Timeout = time.Minute
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(300*time.Millisecond, cancel)
			start := time.Now()
			if command == "LIST" {
				if _, err := imap.Open(ctx, rehearsing(user.options)); err == nil {
					t.Error("it succeeds")
				}
			} else if _, _, err := user.try(ctx, a); !errors.Is(err, context.Canceled) && command != "SUBSCRIBE" {
				t.Error(err)
			}
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("it took %v", took)
			}
			s.Hangup()
		})
	}
}

func rehearsing(o imap.Options) imap.Options {
	o.Rehearse = true
	return o
}
