package wire_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailmill/load/imap/wire"
	"mailmill/load/servertest"
)

// real are options for a real server.
func real(t *testing.T, s *servertest.Server) wire.Options {
	return wire.Options{
		Address: s.IMAPS, TLS: &tls.Config{RootCAs: s.Roots(t)}, Timeout: 20 * time.Second,
		Credentials: wire.Credentials{User: "u1", Password: s.Password},
	}
}

// servers starts those for mail.
func servers(t *testing.T, run func(*testing.T, *servertest.Server), dovecot, cyrus servertest.Options) {
	t.Run("dovecot", func(t *testing.T) { run(t, servertest.Dovecot(t, dovecot)) })
	t.Run("cyrus", func(t *testing.T) { run(t, servertest.Cyrus(t, cyrus)) })
}

func create(t *testing.T, o wire.Options, names ...string) {
	t.Helper()
	c := client(t, o)
	for _, name := range names {
		if err := c.Create(name, nil).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Logout().Wait(); err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// fetched returns what a mailbox holds, in order.
func fetched(t *testing.T, o wire.Options, mailbox string) [][]byte {
	t.Helper()
	c := client(t, o)
	defer c.Close()
	data, err := c.Select(mailbox, &imap.SelectOptions{ReadOnly: true}).Wait()
	if err != nil {
		t.Fatal(err)
	}
	if data.NumMessages == 0 {
		return nil
	}
	body := &imap.FetchItemBodySection{Peek: true}
	messages, err := c.Fetch(imap.UIDSet{imap.UIDRange{Start: 1}}, &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{body}}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	var list [][]byte
	for _, m := range messages {
		list = append(list, m.FindBodySection(body))
	}
	return list
}

// Real servers hold what was sent, in all the ways in which it is sent.
func TestServers(t *testing.T) {
	servers(t, func(t *testing.T, s *servertest.Server) {
		o := real(t, s)
		plain := o
		plain.Address, plain.Security = s.IMAP, wire.StartTLS
		compressed := o
		compressed.Compress = true
		insecure := plain
		insecure.Security, insecure.Insecure = wire.Plain, true
		for name, o := range map[string]wire.Options{"TLS": o, "STARTTLS": plain, "COMPRESS": compressed, "plain": insecure} {
			t.Run(name, func(t *testing.T) {
				create(t, o, "Bücher & "+name)
				c := dial(t, o)
				var want [][]byte
				var pending []*wire.Pending
				for _, size := range []int{100, 3000, 4500, 70_000, 3_000_000} {
					var b []wire.Message
					for range min(120, 1+3_000_000/size) {
						want = append(want, mail(len(want), size))
						b = append(b, message(want[len(want)-1]))
					}
					pending = append(pending, c.Start(t.Context(), "Bücher & "+name, b))
				}
				uid := uint32(0)
				for _, p := range pending {
					results, err := p.Wait()
					if err != nil {
						t.Fatal(err)
					}
					for _, r := range results {
						if uid++; r.State != wire.Accepted || r.UID != uid || r.UIDValidity == 0 {
							t.Fatalf("message %d: %+v", uid, r)
						}
					}
				}
				if err := c.Logout(t.Context()); err != nil {
					t.Error(err)
				}
				got := fetched(t, o, "Bücher & "+name)
				if len(got) != len(want) {
					t.Fatalf("%d messages, want %d", len(got), len(want))
				}
				for i := range got {
					if !bytes.Equal(got[i], want[i]) {
						t.Fatalf("message %d differs", i)
					}
				}
			})
		}
	}, nil, nil)
}

func TestServersLogin(t *testing.T) {
	servers(t, func(t *testing.T, s *servertest.Server) {
		o := real(t, s)
		o.Credentials.Password = "wrong"
		_, err := wire.Dial(t.Context(), o)
		if _, ok := err.(*wire.AuthError); !ok { //nolint:errorlint // as it is
			t.Errorf("%T %v", err, err)
		}
		t.Log(err)
		o = real(t, s)
		o.TLS = nil
		_, err = wire.Dial(t.Context(), o)
		if _, ok := err.(*wire.TLSError); !ok { //nolint:errorlint // as it is
			t.Errorf("%T %v", err, err)
		}
		t.Log(err)
		o = real(t, s)
		o.Address, o.Security = s.IMAP, wire.Plain
		_, err = wire.Dial(t.Context(), o)
		if _, ok := err.(*wire.TLSError); !ok { //nolint:errorlint // as it is
			t.Errorf("%T %v", err, err)
		}
		o.Insecure = true
		_, err = wire.Dial(t.Context(), o)
		t.Log(err)
		o = real(t, s)
		if s.Admin != "" {
			o.Credentials = wire.Credentials{User: s.Admin, ActAs: "u3", Password: s.Password}
			dial(t, o)
		}
		if s.Name == "dovecot" {
			o.Credentials = wire.Credentials{User: "u3*" + s.Admin, Password: s.Password}
			dial(t, o)
		}
	}, servertest.Options{"NEED_TLS": "yes"}, servertest.Options{"NEED_TLS": "yes"})
}

// What a server does not take is refused in its words, and costs the other messages nothing.
func TestServersRefuse(t *testing.T) {
	servers(t, func(t *testing.T, s *servertest.Server) {
		o := real(t, s)
		o.Timeout = 5 * time.Second
		c := dial(t, o)
		bad := map[string]func(*wire.Message){
			"unknown flag": func(m *wire.Message) { m.Flags = []string{`\Foo`} },
			"long keyword": func(m *wire.Message) { m.Flags = []string{strings.Repeat("k", 300)} },
			"before 1970":  func(m *wire.Message) { m.Date = time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC) },
			"NUL":          func(m *wire.Message) { replace(m, []byte("Subject: a\x00b\r\n\r\ntext\r\n")) },
			"bare LF":      func(m *wire.Message) { replace(m, []byte("Subject: a\n\ntext\n")) },
			"no header":    func(m *wire.Message) { replace(m, []byte("no header at all\r\n")) },
			"too big":      func(m *wire.Message) { replace(m, mail(1, 200_000)) },
			"much too big": func(m *wire.Message) { replace(m, mail(1, 2_000_000)) },
			"asked for":    func(m *wire.Message) { replace(m, mail(1, 17<<20)) },
		}
		for name, spoil := range bad {
			b := batch(5, 2000)
			spoil(&b[2])
			results, err := c.Append(t.Context(), "INBOX", b)
			t.Logf("%s: %v %v %v; %v", name, results[2].State, results[2].Err, states(results), err)
			if err != nil {
				c = dial(t, o)
			}
		}
		if got := fetched(t, o, "INBOX"); len(got) > 0 {
			t.Log(len(got))
		}
	}, servertest.Options{"MAX_MAIL": "100k"}, servertest.Options{"MAX_MAIL": "100000"})
}

func replace(m *wire.Message, body []byte) { *m = message(body) }

func TestServersQuota(t *testing.T) {
	servers(t, func(t *testing.T, s *servertest.Server) {
		c := dial(t, real(t, s))
		results, err := c.Append(t.Context(), "INBOX", batch(60, 5000))
		t.Log(states(results), err, results[59].Err)
		if states(results)[wire.Accepted]+states(results)[wire.Refused] != 60 || !wire.OverQuota(results[59].Err) {
			t.Errorf("%v", states(results))
		}
		results, err = c.Append(t.Context(), "Missing", batch(60, 5000))
		t.Log(states(results), err, results[0].Err)
	}, servertest.Options{"QUOTA": "200k"}, servertest.Options{"QUOTA_KB": "200"})
}

var _ = io.EOF
var _ = fmt.Sprint
