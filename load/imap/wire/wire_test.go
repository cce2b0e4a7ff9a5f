package wire_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"mailmill/load/imap/imaptest"
	"mailmill/load/imap/wire"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// toxiproxy forgets what was on its way when it cuts a connection.
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/stream.(*ChanWriter).Write"),
		goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"))
}

// options are for a server of imaptest.
func options(s *imaptest.Server) wire.Options {
	return wire.Options{
		Address: s.Addr(), Security: wire.Plain, Insecure: true, Timeout: 5 * time.Second,
		Credentials: wire.Credentials{User: "u1", Password: "secret"},
	}
}

// dial connects until the test ends.
func dial(t testing.TB, o wire.Options) *wire.Conn {
	t.Helper()
	c, err := wire.Dial(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// mail is a message of a given size.
func mail(n, size int) []byte {
	head := fmt.Sprintf("Message-ID: <%d@example.org>\r\nSubject: number %d\r\n\r\n", n, n)
	body := strings.Repeat("The quick brown fox jumps over the lazy dog, again and again.\r\n", size/63+1)
	return []byte((head + body)[:max(size, len(head))])
}

func message(body []byte) wire.Message {
	return wire.Message{
		Flags: []string{`\Seen`, "Work"}, Date: time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC), Size: int64(len(body)),
		WriteTo: func(w io.Writer) error {
			_, err := w.Write(body)
			return err
		},
	}
}

func batch(n, size int) []wire.Message {
	list := make([]wire.Message, n)
	for i := range list {
		list[i] = message(mail(i, size))
	}
	return list
}

// states counts results.
func states(results []wire.Appended) map[wire.State]int {
	count := make(map[wire.State]int)
	for _, r := range results {
		count[r.State]++
	}
	return count
}

func TestLogin(t *testing.T) {
	password := wire.Credentials{User: "u1", Password: "secret"}
	token := wire.Credentials{User: "u1", Token: "token"}
	tests := []struct {
		name        string
		server      imaptest.Options
		security    wire.Security
		insecure    bool
		credentials wire.Credentials
		want        string // of the error; empty: it works
	}{
		{"implicit TLS", imaptest.Options{TLS: true}, wire.ImplicitTLS, false, password, ""},
		{"STARTTLS", imaptest.Options{StartTLS: true}, wire.StartTLS, false, password, ""},
		{"STARTTLS, LOGIN disabled before", imaptest.Options{StartTLS: true, LoginDisabled: true}, wire.StartTLS, false, password, ""},
		{"plain", imaptest.Options{}, wire.Plain, true, password, ""},
		{"no STARTTLS", imaptest.Options{}, wire.StartTLS, false, password, "does not offer TLS"},
		{"no STARTTLS, allowed", imaptest.Options{}, wire.StartTLS, true, password, ""},
		{"plain, not allowed", imaptest.Options{}, wire.Plain, false, password, "does not offer TLS"},
		{"no TLS on this port", imaptest.Options{}, wire.ImplicitTLS, false, password, "does not speak TLS"},
		{"LOGIN disabled", imaptest.Options{LoginDisabled: true}, wire.Plain, true, password, "no password over a connection without TLS"},
		{"LOGIN", imaptest.Options{Mechanisms: []string{}}, wire.Plain, true, password, ""},
		{"AUTHENTICATE LOGIN", imaptest.Options{TLS: true, LoginDisabled: true, Mechanisms: []string{"LOGIN"}}, wire.ImplicitTLS, false, password, ""},
		{"PLAIN, no initial response", imaptest.Options{Without: []string{"SASL-IR"}}, wire.Plain, true, password, ""},
		{"OAUTHBEARER", imaptest.Options{}, wire.Plain, true, token, ""},
		{"OAUTHBEARER, no initial response", imaptest.Options{Without: []string{"SASL-IR"}}, wire.Plain, true, token, ""},
		{"XOAUTH2", imaptest.Options{Mechanisms: []string{"XOAUTH2"}}, wire.Plain, true, token, ""},
		{"no tokens", imaptest.Options{Mechanisms: []string{"PLAIN"}}, wire.Plain, true, token, "takes no tokens"},
		{"wrong password", imaptest.Options{Password: "other"}, wire.Plain, true, password, "[AUTHENTICATIONFAILED] Authentication failed."},
		{"wrong password, LOGIN", imaptest.Options{Password: "other", Mechanisms: []string{}}, wire.Plain, true, password, "refused to log in u1 by LOGIN"},
		{"wrong token", imaptest.Options{Token: "other"}, wire.Plain, true, token, "status 401, scope mail"},
		{"wrong token, XOAUTH2", imaptest.Options{Token: "other", Mechanisms: []string{"XOAUTH2"}, Without: []string{"SASL-IR"}}, wire.Plain, true, token, "status 401, scope mail"},
		{"acting for somebody", imaptest.Options{User: "u2"}, wire.Plain, true, wire.Credentials{User: "admin", ActAs: "u2", Password: "secret"}, ""},
		{"acting without PLAIN", imaptest.Options{Mechanisms: []string{}}, wire.Plain, true, wire.Credentials{User: "admin", ActAs: "u1", Password: "secret"}, "does not offer PLAIN"},
		{"odd password", imaptest.Options{Mechanisms: []string{}, Password: "pä\"ss\\wörd\r\n"}, wire.Plain, true, wire.Credentials{User: "u1", Password: "pä\"ss\\wörd\r\n"}, ""},
		{"busy", imaptest.Options{}, wire.Plain, true, password, "BYE"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := imaptest.Start(t, test.server)
			if test.name == "busy" {
				s.Fault(imaptest.Fault{Command: "GREETING", Do: imaptest.Refuse, Text: "BYE too many users"})
			}
			o := options(s)
			o.Security, o.Insecure, o.Credentials = test.security, test.insecure, test.credentials
			o.TLS = &tls.Config{RootCAs: s.Roots()}
			c, err := wire.Dial(t.Context(), o)
			if test.want != "" {
				if err == nil {
					c.Close()
					t.Fatal("it works")
				}
				if !strings.Contains(err.Error(), test.want) {
					t.Errorf("%v, want %q in it", err, test.want)
				}
				var auth *wire.AuthError
				if strings.Contains(test.name, "wrong") && !errors.As(err, &auth) {
					t.Errorf("%T is no AuthError", err)
				}
				if strings.Contains(test.name, "wrong") != (s.Logins() == 1) {
					t.Errorf("%d logins were tried", s.Logins())
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if !c.Caps().Has("uidplus") {
				t.Errorf("capabilities after the login are missing: %v", c.Caps().List())
			}
			if err := c.Noop(t.Context()); err != nil {
				t.Error(err)
			}
			c.Logout(t.Context())
			if s.Logins() != 1 {
				t.Errorf("%d logins, want 1", s.Logins())
			}
		})
	}
}

func TestCertificate(t *testing.T) {
	for _, security := range []wire.Security{wire.ImplicitTLS, wire.StartTLS} {
		s := imaptest.Start(t, imaptest.Options{TLS: security == wire.ImplicitTLS, StartTLS: security == wire.StartTLS})
		o := options(s)
		o.Security, o.Insecure = security, false
		for _, config := range []*tls.Config{nil, {RootCAs: s.Roots(), ServerName: "mail.example.org"}} {
			o.TLS = config
			_, err := wire.Dial(t.Context(), o)
			var tlsErr *wire.TLSError
			if !errors.As(err, &tlsErr) {
				t.Errorf("%v is no TLSError", err)
			}
		}
		if s.Logins() != 0 {
			t.Error("a password was sent to a server that nobody knows")
		}
		o.TLS, o.Insecure = nil, true
		dial(t, o)
	}
}

// What an attacker says before TLS must not be believed after.
func TestBeforeTLS(t *testing.T) {
	s := imaptest.Start(t, imaptest.Options{StartTLS: true})
	s.Fault(imaptest.Fault{Command: "STARTTLS", Do: imaptest.Send, Text: "A2 OK begin\r\n* CAPABILITY IMAP4rev1 EVIL\r\nA3 OK [CAPABILITY IMAP4rev1 EVIL] logged in\r\n"})
	o := options(s)
	o.Security, o.Insecure, o.TLS = wire.StartTLS, false, &tls.Config{RootCAs: s.Roots()}
	o.Timeout = time.Second
	if c, err := wire.Dial(t.Context(), o); err == nil {
		defer c.Close()
		if c.Caps().Has("EVIL") {
			t.Error("believed it")
		}
	}
}

func TestPreauthWithoutTLS(t *testing.T) {
	s := imaptest.Start(t, imaptest.Options{})
	s.Fault(imaptest.Fault{Command: "GREETING", Do: imaptest.Send, Text: "* PREAUTH welcome\r\n", Repeat: true})
	o := options(s)
	o.Security, o.Insecure = wire.StartTLS, false
	var tlsErr *wire.TLSError
	if _, err := wire.Dial(t.Context(), o); !errors.As(err, &tlsErr) {
		t.Errorf("%v is no TLSError", err)
	}
}

// Whatever a server offers, and however messages are spread over batches, it holds what was sent.
func TestAppend(t *testing.T) {
	offers := [][]string{
		{"LITERAL+", "MULTIAPPEND", "UIDPLUS"},
		{"LITERAL-", "MULTIAPPEND", "UIDPLUS"},
		{"MULTIAPPEND", "UIDPLUS"},
		{"LITERAL+", "UIDPLUS"},
		{"LITERAL-"},
		{},
		{"LITERAL+", "MULTIAPPEND", "UIDPLUS", "COMPRESS=DEFLATE"},
	}
	rapid.Check(t, func(r *rapid.T) {
		caps := rapid.SampledFrom(offers).Draw(r, "caps")
		secure := rapid.Bool().Draw(r, "TLS")
		s := imaptest.Start(t, imaptest.Options{Caps: caps, TLS: secure, Mailboxes: map[string]string{`Entwürfe & "mehr"\😀`: ""}})
		defer s.Down()
		o := options(s)
		o.Compress = true
		if secure {
			o.Security = wire.ImplicitTLS
		}
		c, err := wire.Dial(t.Context(), o)
		if err != nil {
			r.Fatal(err)
		}
		defer c.Close()
		var want [][]byte
		var pending []*wire.Pending
		sizes := rapid.SliceOfN(rapid.SliceOfN(rapid.OneOf(rapid.IntRange(60, 6000), rapid.IntRange(60, 400_000)), 0, 60), 1, 4).Draw(r, "sizes")
		for _, list := range sizes {
			var b []wire.Message
			for _, size := range list {
				body := mail(len(want), size)
				want = append(want, body)
				m := message(body)
				switch size % 3 {
				case 1: // in small pieces
					m.WriteTo = func(w io.Writer) error {
						for piece := range slices.Chunk(body, 1000) {
							if _, err := w.Write(piece); err != nil {
								return err
							}
						}
						return nil
					}
				case 2: // from a reader
					m.WriteTo = func(w io.Writer) error {
						_, err := io.Copy(w, struct{ io.Reader }{bytes.NewReader(body)})
						return err
					}
				}
				b = append(b, m)
			}
			pending = append(pending, c.Start(t.Context(), `Entwürfe & "mehr"\😀`, b))
		}
		uid := uint32(0)
		for _, p := range pending {
			results, err := p.Wait()
			if err != nil {
				r.Fatal(err)
			}
			for _, result := range results {
				uid++
				if result.State != wire.Accepted || result.Err != nil {
					r.Fatalf("message %d: %v %v", uid, result.State, result.Err)
				}
				if slices.Contains(caps, "UIDPLUS") && (result.UID != uid || result.UIDValidity == 0) {
					r.Fatalf("message %d has UID %d", uid, result.UID)
				}
			}
		}
		got := s.Messages(`Entwürfe & "mehr"\😀`)
		if len(got) != len(want) {
			r.Fatalf("%d messages, want %d", len(got), len(want))
		}
		for i, m := range got {
			if !bytes.Equal(m.Body, want[i]) {
				r.Fatalf("message %d differs", i)
			}
			if !slices.Equal(m.Flags, []string{`\Seen`, "Work"}) || !m.Date.Equal(time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)) {
				r.Fatalf("message %d has %v, %v", i, m.Flags, m.Date)
			}
		}
		c.Leave()
	})
}

// One message that a server does not take costs the others nothing.
func TestRefused(t *testing.T) {
	for _, caps := range [][]string{{"LITERAL+", "MULTIAPPEND", "UIDPLUS"}, {"LITERAL+"}, {"LITERAL-", "MULTIAPPEND"}, {}} {
		t.Run(strings.Join(caps, " "), func(t *testing.T) {
			s := imaptest.Start(t, imaptest.Options{Caps: caps, AppendLimit: 5000, PermanentFlags: []string{`\Seen`, "Work"}})
			c := dial(t, options(s))
			b := batch(60, 4500)
			b[7] = message(mail(7, 5001))
			b[55].Flags = []string{"Play"}
			b[56].Flags = []string{"two words"}
			b[57].Size = 0
			b[58].Flags = []string{`\Recent`}
			results, err := c.Append(t.Context(), "INBOX", b)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range results {
				want := wire.Accepted
				switch i {
				case 7, 55:
					want = wire.Refused
				case 56, 57, 58:
					want = wire.NotSent
				}
				if r.State != want || (r.Err == nil) != (want == wire.Accepted) {
					t.Errorf("message %d: %v %v", i, r.State, r.Err)
				}
			}
			if !wire.TooBig(results[7].Err) || !strings.Contains(results[7].Err.Error(), "NO [TOOBIG] message too big") {
				t.Errorf("not the server's words: %v", results[7].Err)
			}
			if n := len(s.Messages("INBOX")); n != 55 {
				t.Errorf("%d messages, want 55", n)
			}
			if err := c.Noop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNoMailbox(t *testing.T) {
	for _, caps := range [][]string{{"LITERAL+", "MULTIAPPEND"}, {}} {
		s := imaptest.Start(t, imaptest.Options{Caps: caps})
		c := dial(t, options(s))
		results, err := c.Append(t.Context(), "Nowhere", batch(100, 500))
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			if r.State == wire.Accepted || r.State == wire.Unknown || !wire.TryCreate(r.Err) {
				t.Fatalf("message %d: %v %v", i, r.State, r.Err)
			}
		}
		if n := len(s.Commands()); len(caps) == 0 && n > 20 {
			t.Errorf("went on in vain: %d commands", n)
		}
	}
}

func TestQuota(t *testing.T) {
	for _, plain := range []bool{false, true} {
		s := imaptest.Start(t, imaptest.Options{Quota: 10_500, PlainQuota: plain})
		c := dial(t, options(s))
		results, err := c.Append(t.Context(), "INBOX", batch(20, 1000))
		if err != nil {
			t.Fatal(err)
		}
		if got := states(results); got[wire.Accepted] != 10 || got[wire.Refused] != 10 {
			t.Errorf("%v", got)
		}
		if !wire.OverQuota(results[19].Err) {
			t.Errorf("%v does not say over quota", results[19].Err)
		}
		if n := s.Count(); n != 10 {
			t.Errorf("%d messages, want 10", n)
		}
	}
}

func TestThrottled(t *testing.T) {
	s := imaptest.Start(t, imaptest.Options{Caps: []string{"LITERAL+"}})
	s.Fault(imaptest.Fault{Command: "APPEND", After: 3, At: imaptest.End, Do: imaptest.Refuse, Text: "NO Request is throttled. Suggested Backoff Time: 1500 milliseconds"})
	c := dial(t, options(s))
	results, err := c.Append(t.Context(), "INBOX", batch(4, 1000))
	if err != nil {
		t.Fatal(err)
	}
	if d, ok := wire.Throttled(results[3].Err); !ok || d != 1500*time.Millisecond {
		t.Errorf("%v: %v, %v", results[3].Err, d, ok)
	}
	if n := s.Count(); n != 3 {
		t.Errorf("%d messages, want 3", n)
	}
}

// Whatever happens to a connection, what is said about messages is true.
func TestLost(t *testing.T) {
	var tests []imaptest.Fault
	for _, after := range []int{0, 5, 29} {
		for _, at := range []int64{0, 1, 2000, imaptest.End} {
			for _, do := range []imaptest.Action{imaptest.Drop, imaptest.Swallow, imaptest.Stall, imaptest.Send, imaptest.Flood} {
				if do == imaptest.Swallow && at != imaptest.End {
					continue
				}
				for _, text := range []string{"* BYE enough\r\n", "garbage\r\n", "A99999 OK yes\r\n", "+ more\r\n", "* OK busy\r\n", "* 1 FETCH {99999999999}\r\n"} {
					tests = append(tests, imaptest.Fault{Command: "APPEND", After: after, At: at, Do: do, Text: text})
					if do != imaptest.Send && do != imaptest.Flood {
						break
					}
				}
			}
		}
	}
	for _, caps := range [][]string{{"LITERAL+", "MULTIAPPEND", "UIDPLUS"}, {"LITERAL+"}, {}} {
		s := imaptest.Start(t, imaptest.Options{Caps: caps})
		for _, f := range tests {
			s.Change("INBOX", func([]imaptest.Message) []imaptest.Message { return nil })
			s.Heal()
			s.Fault(f)
			o := options(s)
			o.Timeout = 60 * time.Millisecond
			c, err := wire.Dial(t.Context(), o)
			for err != nil { // the machine is busy
				c, err = wire.Dial(t.Context(), o)
			}
			results, err := c.Append(t.Context(), "INBOX", batch(30, 3000))
			if err != nil && !wire.Lost(err) {
				t.Errorf("%v %+v: %T %v does not say that the connection is lost", caps, f, err, err)
			}
			c.Close()
			s.Hangup()
			for s.Open() > 0 {
				time.Sleep(time.Millisecond)
			}
			held := make(map[string]bool)
			for _, m := range s.Messages("INBOX") {
				held[string(m.Body)] = true
			}
			for i, r := range results {
				is := held[string(mail(i, 3000))]
				if r.State == wire.Accepted && !is || (r.State == wire.NotSent || r.State == wire.Refused) && is || (r.Err == nil) != (r.State == wire.Accepted) {
					t.Errorf("%v %+v: message %d: %v %v, but stored: %v", caps, f, i, r.State, r.Err, is)
					break
				}
			}
			if err == nil && f.Do != imaptest.Send {
				t.Errorf("%v %+v: no error, %v", caps, f, states(results))
			}
		}
	}
}

// A body that cannot be written is an error of its message, and never becomes part of another or a command.
func TestBody(t *testing.T) {
	broken := errors.New("the disk is on fire")
	for name, write := range map[string]func(w io.Writer, size int) error{
		"fails":      func(io.Writer, int) error { return broken },
		"fails late": func(w io.Writer, size int) error { w.Write(make([]byte, size-1)); return broken },
		"short":      func(w io.Writer, size int) error { w.Write(bytes.Repeat([]byte("x"), size-1)); return nil },
		"long":       func(w io.Writer, size int) error { w.Write(bytes.Repeat([]byte("x"), size+1)); return nil },
		"long, in pieces": func(w io.Writer, size int) error {
			w.Write(make([]byte, size))
			w.Write([]byte("\r\nA9 DELETE INBOX\r\n"))
			return nil
		},
		"long, from there": func(w io.Writer, size int) error {
			_, err := io.Copy(w, struct{ io.Reader }{strings.NewReader(strings.Repeat("x", size) + "\r\nA9 DELETE INBOX\r\n")})
			return err
		},
	} {
		for _, caps := range [][]string{{"LITERAL+", "MULTIAPPEND"}, {"LITERAL+"}, {"MULTIAPPEND"}, {}} {
			for _, size := range []int{3000, 500_000} {
				t.Run(fmt.Sprint(name, caps, size), func(t *testing.T) {
					s := imaptest.Start(t, imaptest.Options{Caps: caps})
					c := dial(t, options(s))
					b := batch(5, 3000)
					b[2].Size = int64(size)
					b[2].WriteTo = func(w io.Writer) error { return write(w, size) }
					results, err := c.Append(t.Context(), "INBOX", b)
					var body *wire.BodyError
					if !errors.As(results[2].Err, &body) || results[2].State != wire.NotSent {
						t.Errorf("%v %v", results[2].State, results[2].Err)
					}
					if strings.HasPrefix(name, "fails") && !errors.Is(results[2].Err, broken) {
						t.Errorf("%v does not say why", results[2].Err)
					}
					// Small ones are taken back before they leave.
					if slices.Contains(caps, "LITERAL+") && size == 3000 {
						if err != nil || states(results)[wire.Accepted] != 4 {
							t.Errorf("%v %v", err, states(results))
						}
					} else if name != "fails" && name != "long" && !wire.Lost(err) {
						t.Errorf("%v does not say that the connection is lost", err)
					}
					if !slices.Contains(caps, "MULTIAPPEND") && results[1].State != wire.Accepted {
						t.Errorf("the message before is %v: %v", results[1].State, results[1].Err)
					}
					c.Close()
					for s.Open() > 0 {
						time.Sleep(time.Millisecond)
					}
					if n := states(results)[wire.Accepted]; n != s.Count() {
						t.Errorf("%d messages, want %d", s.Count(), n)
					}
					if len(s.Mailboxes()) != 1 || strings.Contains(strings.Join(s.Commands(), " "), "DELETE") {
						t.Error("a body became a command")
					}
				})
			}
		}
	}
}

func TestContext(t *testing.T) {
	s := imaptest.Start(t, imaptest.Options{})
	s.Fault(imaptest.Fault{Command: "APPEND", At: imaptest.End, Do: imaptest.Stall})
	o := options(s)
	o.Timeout = time.Minute
	c := dial(t, o)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	results, err := c.Append(ctx, "INBOX", batch(3, 1000))
	if !wire.Lost(err) || !errors.Is(err, context.DeadlineExceeded) || states(results)[wire.Unknown] != 3 {
		t.Errorf("%v %v", err, states(results))
	}
	if _, err := wire.Dial(ctx, o); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// A server that answers at length while it is written to must not bring both to a halt.
func TestBothDirections(t *testing.T) {
	s := imaptest.Start(t, imaptest.Options{Caps: []string{"LITERAL+"}})
	chatter := strings.Repeat("* OK "+strings.Repeat("x", 60_000)+"\r\n", 100)
	s.Fault(imaptest.Fault{Command: "APPEND", At: 100, Do: imaptest.Before, Text: chatter, Repeat: true})
	c := dial(t, options(s))
	results, err := c.Append(t.Context(), "INBOX", batch(8, 5_000_000))
	if err != nil || states(results)[wire.Accepted] != 8 {
		t.Errorf("%v %v", err, states(results))
	}
}

// Servers that break the rules before or during the login cost an error, soon.
func TestHostile(t *testing.T) {
	for _, command := range []string{"GREETING", "CAPABILITY", "LOGIN", "COMPRESS"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			hostile(t, command)
		})
	}
}

func hostile(t *testing.T, command string) {
	long := strings.Repeat("X", 100_000)
	for _, do := range []imaptest.Action{imaptest.Send, imaptest.Flood, imaptest.Before, imaptest.Stall, imaptest.Drop, imaptest.Swallow} {
		for _, text := range []string{
			"* CAPABILITY " + strings.Repeat("A ", 1000) + "\r\n", "* " + long, "x", "\r\n", "+ go on\r\n", "* OK ok\r\n",
			"* BYE bye\r\n", "\x00\xff\r\n", "* LIST () {18446744073709551616}\r\n", "* LIST () {60000}\r\n", "SSH-2.0-OpenSSH\r\n",
		} {
			s := imaptest.Start(t, imaptest.Options{Caps: []string{"COMPRESS=DEFLATE"}, Mechanisms: []string{}})
			s.Fault(imaptest.Fault{Command: command, Do: do, Text: text})
			o := options(s)
			o.Timeout, o.Compress = 100*time.Millisecond, true
			begun := time.Now()
			c, err := wire.Dial(t.Context(), o)
			if err == nil {
				err = c.Noop(t.Context())
				c.Close()
			}
			if took := time.Since(begun); took > 3*time.Second {
				t.Errorf("%s %d %.20q took %v", command, do, text, took)
			}
			var auth *wire.AuthError
			if errors.As(err, &auth) {
				t.Errorf("%s %d %.20q blames the password: %v", command, do, text, err)
			}
			if err != nil && len(err.Error()) > 800 {
				t.Errorf("%s %d %.20q: an error of %d bytes", command, do, text, len(err.Error()))
			}
			s.Down()
		}
	}
}

// A server that sends one byte from time to time does not keep anybody waiting.
func TestTrickle(t *testing.T) {
	client, server := pipe(t)
	go func() {
		io.WriteString(server, "* OK [CAPABILITY IMAP4rev1] hello\r\n")
		for {
			if _, err := server.Write([]byte("x")); err != nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	begun := time.Now()
	_, err := wire.Dial(t.Context(), wire.Options{Address: "x:1", Security: wire.Plain, Insecure: true, Timeout: 100 * time.Millisecond, Dial: client})
	var timeout *wire.TimeoutError
	if !errors.As(err, &timeout) || time.Since(begun) > time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
}

// A slow writer is not the server's fault.
func TestWriter(t *testing.T) {
	s := imaptest.Start(t, imaptest.Options{})
	o := options(s)
	o.Timeout = 100 * time.Millisecond
	slow := new(slowWriter)
	o.Writer = func(w io.Writer) io.Writer { slow.w = w; return slow }
	c := dial(t, o)
	slow.pause = 300 * time.Millisecond
	results, err := c.Append(t.Context(), "INBOX", batch(10, 5000))
	if err != nil || states(results)[wire.Accepted] != 10 {
		t.Errorf("%v %v", err, states(results))
	}
	if slow.n < 50_000 {
		t.Errorf("saw %d bytes only", slow.n)
	}
}

type slowWriter struct {
	w     io.Writer
	pause time.Duration
	n     int
}

func (s *slowWriter) Write(p []byte) (int, error) {
	time.Sleep(s.pause)
	s.n += len(p)
	return s.w.Write(p)
}

// No secret shows up in an error, not even if the server sends it back.
func TestSecrets(t *testing.T) {
	for _, text := range []string{"NO wrong password: hunter2x", "NO AHUxAGh1bnRlcjJ4", "BAD \"hunter2x\"", "OK [CAPABILITY] hunter2x", "NO [HUNTER2X] no", "hunter2x", "NO " + strings.Repeat("x", 495) + "hunter2x"} {
		s := imaptest.Start(t, imaptest.Options{})
		s.Fault(imaptest.Fault{Command: "AUTHENTICATE", Do: imaptest.Refuse, Text: text})
		s.Fault(imaptest.Fault{Command: "CAPABILITY", Do: imaptest.Refuse, Text: "NO hunter2x"})
		o := options(s)
		o.Credentials.Password = "hunter2x"
		var log bytes.Buffer
		o.Log = logger(&log)
		_, err := wire.Dial(t.Context(), o)
		if err == nil {
			t.Fatal("it works")
		}
		all := fmt.Sprintf("%v %+v %s %v %+v %#v", err, err, log.String(), o.Credentials, o.Credentials, o.Credentials)
		for _, secret := range []string{"hunter", "AHUxAGh1bnRlcjJ4", "aHVudGVyMng"} {
			if strings.Contains(strings.ToLower(all), strings.ToLower(secret)) {
				t.Errorf("%q is in %s", secret, all)
			}
		}
	}
}
