package imap_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/imap/imaptest"
)

// fragile makes connections that all break, for good, once so many bytes went over them: what is left of a process that
// died.
type fragile struct{ left atomic.Int64 }

var errDead = errors.New("the process is dead")

func (f *fragile) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if f.left.Load() <= 0 {
		return nil, errDead
	}
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	return &fragileConn{conn, f}, err
}

type fragileConn struct {
	net.Conn
	f *fragile
}

func (c *fragileConn) Write(p []byte) (int, error) {
	left := c.f.left.Add(-int64(len(p)))
	if left > 0 {
		return c.Conn.Write(p)
	}
	n := max(0, len(p)+int(left))
	n, _ = c.Conn.Write(p[:n])
	c.Conn.Close()
	return n, io.ErrClosedPipe
}

func (c *fragileConn) Read(p []byte) (int, error) {
	if c.f.left.Load() <= 0 {
		c.Conn.Close()
		return 0, io.ErrClosedPipe
	}
	return c.Conn.Read(p)
}

// TestExactlyOnce does everything to a run that may happen to it. Whatever that was, after a run to the end each mail is
// there once.
func TestExactlyOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := imaptest.Options{Mailboxes: map[string]string{"Sent": `\Sent`}}
		for _, c := range []string{"UIDPLUS", "MULTIAPPEND", "LITERAL+", "COMPRESS=DEFLATE"} {
			if rapid.Bool().Draw(rt, "without "+c) {
				o.Without = append(o.Without, c)
			}
		}
		s := imaptest.Start(t, o)
		defer s.Down()

		a := newArchive("a.pst")
		folders := []*formats.Folder{a.folder("Inbox", formats.RoleInbox), a.folder("Sent Items", formats.RoleSent), a.folder("Other", formats.RoleNone)}
		for i := range rapid.IntRange(1, 150).Draw(rt, "mails") {
			// Some share a Message-ID, and some of these are equal.
			id, text := fmt.Sprint(i), fmt.Sprint("text ", i)
			if rapid.IntRange(0, 9).Draw(rt, "copy") == 0 {
				id = "same"
				text = rapid.SampledFrom([]string{"one", "two"}).Draw(rt, "text")
			}
			it := a.mail(rapid.SampledFrom(folders).Draw(rt, "folder"), id, text)
			if rapid.IntRange(0, 4).Draw(rt, "keywords") == 0 {
				it.Keywords = []string{"Wichtig"}
			}
		}
		user := newAccount(t, s.Addr())
		user.file = filepath.Join(mustTemp(t), "ledger")
		user.options.Log = nil
		user.options.Settle = 5 * time.Millisecond
		user.options.Connections = rapid.IntRange(1, 3).Draw(rt, "connections")
		user.options.Wire.Timeout = 300 * time.Millisecond

		for range rapid.IntRange(0, 4).Draw(rt, "troubles") {
			trouble(rt, t, s, user, a)
			s.Heal()
		}
		user.options.Patience, user.options.Wire.Dial = 10*time.Second, nil
		user.options.Wire.Timeout = 5 * time.Second
		result, _, err := user.try(t.Context(), a)
		if err != nil || total(result).Failed > 0 {
			rt.Fatalf("%+v, %v", result.Failures, err)
		}
		byFolder := make(map[*formats.Folder][]*formats.Item)
		for _, it := range a.mails {
			byFolder[it.Folder] = append(byFolder[it.Folder], it)
		}
		for i, name := range []string{"INBOX", "Sent", "Other"} {
			holds(rt, s, name, byFolder[folders[i]]...)
		}
		if result, _, err = user.try(t.Context(), a); err != nil || total(result).Unchanged != len(a.mails) {
			rt.Fatalf("another run does something: %+v, %v", total(result), err)
		}
	})
}

func mustTemp(t *testing.T) string {
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// trouble is a run in which things go wrong.
func trouble(rt *rapid.T, t *testing.T, s *imaptest.Server, user *account, a *archive) {
	user.options.Wire.Dial = nil
	user.options.Patience = 2 * time.Second
	after := rapid.IntRange(0, len(a.mails)).Draw(rt, "after")
	at := rapid.SampledFrom([]int64{0, 1, 100, imaptest.End}).Draw(rt, "at")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	switch what := rapid.SampledFrom([]string{"drop", "swallow", "inuse", "death", "interrupt", "ledger", "renumber", "restart", "refuse"}).Draw(rt, "what"); what {
	case "drop":
		s.Fault(imaptest.Fault{Command: "APPEND", After: after, At: at, Do: imaptest.Drop})
	case "swallow":
		s.Fault(imaptest.Fault{Command: "APPEND", After: after, At: imaptest.End, Do: imaptest.Swallow})
	case "inuse":
		return // the pace would wait for seconds
	case "refuse":
		s.Fault(imaptest.Fault{Command: "APPEND", After: after, At: imaptest.End, Do: imaptest.Refuse, Text: "NO [CANNOT] not today"})
	case "death":
		f := new(fragile)
		f.left.Store(int64(rapid.IntRange(500, 60_000).Draw(rt, "bytes")))
		user.options.Wire.Dial, user.options.Patience = f.dial, time.Millisecond
	case "interrupt":
		time.AfterFunc(time.Duration(rapid.IntRange(1, 40).Draw(rt, "ms"))*time.Millisecond, cancel)
	case "ledger":
		os.Remove(user.file)
		os.Remove(user.file + "-wal")
		os.Remove(user.file + "-shm")
		return
	case "renumber":
		s.Renumber("INBOX")
		return
	case "restart":
		time.AfterFunc(time.Duration(rapid.IntRange(1, 30).Draw(rt, "ms"))*time.Millisecond, s.Hangup)
	}
	target, closeLedger, err := user.openable(a)
	if err != nil {
		return // it could not even begin
	}
	defer closeLedger()
	result, err := load.Run(ctx, planOf(target, a))
	if err == nil && result.Balance.Check() != nil {
		rt.Fatal(result.Balance.Check())
	}
}
