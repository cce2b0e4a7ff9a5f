package wire_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"mailmill/load/imap/wire"
	"mailmill/load/servertest"
)

// served are options for a real server.
func served(t *testing.T, s *servertest.Server) wire.Options {
	t.Helper()
	return wire.Options{
		Address: s.IMAPS, TLS: &tls.Config{RootCAs: s.Roots(t)}, Timeout: 20 * time.Second,
		Credentials: wire.Credentials{User: "u1", Password: s.Password},
	}
}

// servers runs a test with each server for mail.
func servers(t *testing.T, dovecot, cyrus servertest.Options, run func(*testing.T, *servertest.Server)) {
	t.Helper()
	t.Run("dovecot", func(t *testing.T) { run(t, servertest.Dovecot(t, dovecot)) })
	t.Run("cyrus", func(t *testing.T) { run(t, servertest.Cyrus(t, cyrus)) })
}

func create(t *testing.T, o wire.Options, name string) {
	t.Helper()
	c := client(t, o)
	if err := c.Create(name, nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := c.Logout().Wait(); err != nil {
		t.Fatal(err)
	}
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
	servers(t, nil, nil, func(t *testing.T, s *servertest.Server) {
		implicit := served(t, s)
		start := implicit
		start.Address, start.Security = s.IMAP, wire.StartTLS
		compressed := implicit
		compressed.Compress = true
		plain := start
		plain.Security, plain.Insecure = wire.Plain, true
		for name, o := range map[string]wire.Options{"TLS": implicit, "STARTTLS": start, "COMPRESS": compressed, "plain": plain} {
			t.Run(name, func(t *testing.T) {
				mailbox := "Bücher & " + name
				create(t, o, mailbox)
				c := dial(t, o)
				var want [][]byte
				var pending []*wire.Pending
				for _, size := range []int{100, 3000, 4500, 70_000, 3_000_000} {
					var b []wire.Message
					for range min(120, 1+3_000_000/size) {
						want = append(want, mail(len(want), size))
						b = append(b, message(want[len(want)-1]))
					}
					pending = append(pending, c.Start(t.Context(), mailbox, b))
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
				c.Leave()
				if got := fetched(t, o, mailbox); !slices.EqualFunc(got, want, bytes.Equal) {
					t.Errorf("%d messages that differ from the %d sent", len(got), len(want))
				}
			})
		}
	})
}

func TestServersLogin(t *testing.T) {
	servers(t, servertest.Options{"NEED_TLS": "yes"}, servertest.Options{"NEED_TLS": "yes"}, func(t *testing.T, s *servertest.Server) {
		refused := func(what string, o wire.Options, target any) {
			t.Helper()
			c, err := wire.Dial(t.Context(), o)
			if err == nil {
				c.Close()
				t.Errorf("%s: it works", what)
			} else if !errors.As(err, target) {
				t.Errorf("%s: %T %v", what, err, err)
			}
		}
		o := served(t, s)
		o.Credentials.Password = "wrong"
		refused("wrong password", o, new(*wire.AuthError))
		o = served(t, s)
		o.TLS = nil
		refused("unknown authority", o, new(*wire.TLSError))
		o = served(t, s)
		o.Address, o.Security = s.IMAP, wire.Plain
		refused("plain", o, new(*wire.TLSError))
		o.Insecure = true
		refused("plain where LOGIN is disabled", o, new(*wire.AuthError))
		o.Insecure, o.Security = false, wire.StartTLS
		dial(t, o)
		if s.Admin == "" {
			return
		}
		o = served(t, s)
		o.Credentials = wire.Credentials{User: s.Admin, ActAs: "u3", Password: s.Password}
		dial(t, o)
		if s.Name != "dovecot" {
			return
		}
		o.Credentials = wire.Credentials{User: "u3*" + s.Admin, Password: s.Password}
		dial(t, o)
		o.Credentials = wire.Credentials{User: "u3", Token: s.Token(t, "u3", time.Hour)}
		dial(t, o)
		o.Credentials.Token = s.Token(t, "u3", -time.Hour)
		refused("expired token", o, new(*wire.AuthError))
	})
}

// What a server does not take is refused in its words, and costs the other messages nothing.
func TestServersRefuse(t *testing.T) {
	servers(t, servertest.Options{"MAX_MAIL": "100k"}, servertest.Options{"MAX_MAIL": "100000"}, func(t *testing.T, s *servertest.Server) {
		o := served(t, s)
		c := dial(t, o)
		for what, b := range map[string]struct {
			change func(*wire.Message)
			taken  string // by which server
		}{
			"long keyword": {func(m *wire.Message) { m.Flags = []string{strings.Repeat("k", 300)} }, "cyrus"},
			"before 1970":  {func(m *wire.Message) { m.Date = time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC) }, "dovecot"},
			"NUL":          {func(m *wire.Message) { *m = message([]byte("Subject: a\x00b\r\n\r\ntext\r\n")) }, "dovecot"},
			"bare LF":      {func(m *wire.Message) { *m = message([]byte("Subject: a\n\ntext\n")) }, "dovecot"},
			"too big":      {func(m *wire.Message) { *m = message(mail(1, 200_000)) }, ""},
			"much too big": {func(m *wire.Message) { *m = message(mail(1, 17<<20)) }, ""},
		} {
			messages := batch(5, 2000)
			b.change(&messages[2])
			results, err := c.Append(t.Context(), "INBOX", messages)
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			want := map[wire.State]int{wire.Accepted: 4, wire.Refused: 1}
			if b.taken == s.Name {
				want = map[wire.State]int{wire.Accepted: 5}
			}
			if got := states(results); got[wire.Accepted] != want[wire.Accepted] || got[wire.Refused] != want[wire.Refused] {
				t.Errorf("%s: %v, want %v: %v", what, got, want, results[2].Err)
			}
			if strings.Contains(what, "big") && !wire.TooBig(results[2].Err) {
				t.Errorf("%s: %v does not say too big", what, results[2].Err)
			}
		}
		// It would take the message for commands: none is sent.
		messages := batch(1, 2000)
		messages[0].Flags = []string{`\Foo`}
		if results, err := c.Append(t.Context(), "INBOX", messages); err != nil || results[0].State != wire.NotSent {
			t.Errorf("%v %v", results, err)
		}
		if results, err := c.Append(t.Context(), "Missing", batch(60, 500)); err != nil || !wire.TryCreate(results[0].Err) || !wire.TryCreate(results[59].Err) {
			t.Errorf("%v %v", results, err)
		}
	})
}

func TestServersQuota(t *testing.T) {
	servers(t, servertest.Options{"QUOTA": "200k"}, servertest.Options{"QUOTA_KB": "200"}, func(t *testing.T, s *servertest.Server) {
		o := served(t, s)
		results, err := dial(t, o).Append(t.Context(), "INBOX", batch(60, 5000))
		if err != nil {
			t.Fatal(err)
		}
		count := states(results)
		for _, r := range results {
			if r.State == wire.Refused && !wire.OverQuota(r.Err) {
				t.Errorf("%v does not say over quota", r.Err)
			}
		}
		if count[wire.Accepted] < 35 || count[wire.Accepted]+count[wire.Refused] != 60 {
			t.Errorf("%v", count)
		}
		if got := fetched(t, o, "INBOX"); len(got) != count[wire.Accepted] {
			t.Errorf("%d messages, want %d", len(got), count[wire.Accepted])
		}
	})
}

// A connection that breaks leaves no message of which something wrong is said.
func TestServersLost(t *testing.T) {
	servers(t, nil, nil, func(t *testing.T, s *servertest.Server) {
		o := served(t, s)
		want := batch(100, 3000)
		stored := 0
		for _, after := range []int64{5000, 100_000, 160_000} {
			network := servertest.Between(t, s.IMAPS)
			cut := o
			cut.Address = network.Addr
			cut.TLS = o.TLS.Clone()
			cut.TLS.ServerName = "127.0.0.1"
			cut.Timeout = 2 * time.Second
			c := dial(t, cut)
			network.CutAfter(t, after)
			results, err := c.Append(t.Context(), "INBOX", want)
			if !wire.Lost(err) {
				t.Fatalf("%v does not say that the connection is lost", err)
			}
			count := states(results)
			// The server may not be through with what it had received.
			var got int
			for range 100 {
				n := len(fetched(t, o, "INBOX")) - stored
				if n == got && n >= count[wire.Accepted] {
					break
				}
				got = n
				time.Sleep(50 * time.Millisecond)
			}
			if got < count[wire.Accepted] || got > count[wire.Accepted]+count[wire.Unknown] {
				t.Errorf("cut after %d: %d messages, but %v", after, got, count)
			}
			stored += got
		}
	})
}
