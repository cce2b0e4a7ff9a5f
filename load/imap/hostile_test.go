package imap_test

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/imap/imaptest"
	"mailmill/load/servertest"
)

// TestServersThatMisbehave is about everything but APPEND: whatever a server does at a command, the run ends, and the next
// one with a sound server completes it.
func TestServersThatMisbehave(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for servers that do not answer")
	}
	commands := []string{"GREETING", "LOGIN", "AUTHENTICATE", "NAMESPACE", "LIST", "GETQUOTAROOT", "CREATE", "SUBSCRIBE", "STATUS", "EXAMINE", "SELECT", "FETCH", "UID FETCH", "UID STORE", "UID EXPUNGE"}
	deeds := []imaptest.Fault{
		{Do: imaptest.Refuse, Text: "NO not today"},
		{Do: imaptest.Refuse, Text: "BAD what"},
		{Do: imaptest.Swallow},
		{Do: imaptest.Drop},
		{Do: imaptest.Stall},
		{Do: imaptest.Flood, Text: "x"},
		{Do: imaptest.Flood, Text: "* LIST () \"/\" \"x\"\r\n"},
		{Do: imaptest.Flood, Text: "* 1 FETCH (UID 1 FLAGS (\\Seen))\r\n"},
		{Do: imaptest.Send, Text: "* 5 FETCH (BODY[] {99999999999}\r\n"},
		{Do: imaptest.Before, Text: "* OK still here\r\n* 4000000000 EXISTS\r\n* XUNKNOWN (a \"b\" {3}\r\nabc)\r\n"},
	}
	for _, command := range commands {
		for _, repeat := range []bool{false, true} {
			t.Run(fmt.Sprint(command, repeat), func(t *testing.T) {
				t.Parallel()
				for i, f := range deeds {
					if repeat && i%3 != 0 {
						continue // it takes a while until a run gives up
					}
					s := imaptest.Start(t, imaptest.Options{})
					user := newAccount(t, s.Addr())
					user.options.Log = nil
					user.options.Wire.Timeout = 150 * time.Millisecond
					user.options.Patience = 300 * time.Millisecond
					user.options.Settle = time.Millisecond
					a, inbox := small()
					user.run(a)
					// There is something to do of each sort: new, changed, other flags, looked for.
					text(a.mails[0], "another")
					a.mails[1].Flags = formats.FlagFlagged
					a.mail(inbox, "4", "four").Keywords = []string{"Wichtig"}
					a.mail(a.folder("New", 0), "5", "five")
					s.Renumber("Other")
					f.Command, f.Repeat = command, repeat
					s.Fault(f)
					start := time.Now()
					target, closeLedger, err := user.openable(a)
					if err == nil {
						result, err := load.Run(t.Context(), planOf(target, a))
						closeLedger()
						if balance := result.Balance.Check(); balance != nil {
							t.Errorf("%+v: %v, %v", f, err, balance)
						}
					}
					if took := time.Since(start); took > 20*time.Second {
						t.Errorf("%+v: it took %v", f, took)
					}
					s.Heal()
					s.Hangup()
					user.options.Wire.Timeout, user.options.Patience = 5*time.Second, 10*time.Second
					user.run(a)
					holds(t, s, "INBOX", a.mails[0], a.mails[1], a.mails[3])
					holds(t, s, "Other", a.mails[2])
					holds(t, s, "New", a.mails[4])
					s.Down()
				}
			})
		}
	}
}

// TestMemory sends large messages, several at a time, and looks for them again.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("sends 400 MB")
	}
	const size, limit = 50 << 20, 100 << 20
	s := servertest.Dovecot(t, nil)
	user := served(t, s)
	user.options.Connections = 4
	a := newArchive("a.pst")
	inbox := a.folder("Inbox", formats.RoleInbox)
	for i := range 6 {
		it := a.mail(inbox, fmt.Sprint(i), "")
		it.Mail.Root = &formats.Part{Type: "application/octet-stream", Content: zeros(size), Size: size}
		it.Size = size
	}
	for _, what := range []string{"written", "found again"} {
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before) // what other tests have left
		var most atomic.Uint64
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					most.Store(max(most.Load(), m.HeapInuse))
				}
			}
		}()
		result, _ := user.run(a)
		close(stop)
		took := most.Load() - min(most.Load(), before.HeapInuse)
		t.Logf("%s: %d MB, besides %d MB of other tests", what, took>>20, before.HeapInuse>>20)
		if got := total(result); got.Written+got.Unchanged != 6 || took > limit {
			t.Errorf("%s: %+v, %d MB", what, got, took>>20)
		}
		user.file += "2"
	}
}

// zeros is content of a size.
type zeros int64

// Open implements [formats.Content].
func (z zeros) Open() (io.ReadCloser, error) {
	return io.NopCloser(io.LimitReader(zeroReader{}, int64(z))), nil
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestServerThatChangesMails finds mails again to which a server added fields, and which it wrote in another way.
func TestServerThatChangesMails(t *testing.T) {
	s := imaptest.Start(t, imaptest.Options{})
	user := newAccount(t, s.Addr())
	a, inbox := small()
	a.mail(inbox, "1", "one") // a copy
	user.run(a)
	s.Change("INBOX", func(list []imaptest.Message) []imaptest.Message {
		for i := range list {
			body := strings.Replace(string(list[i].Body), "Subject: ", "subject:\r\n ", 1)
			list[i].Body = []byte("Received: from a by b; Sun, 02 Mar 2014 10:00:00 +0000\r\n" + body)
		}
		return list
	})
	before := s.Messages("INBOX")
	user.file += "2"
	result, _ := user.run(a)
	if got := total(result); got.Unchanged != 4 {
		t.Errorf("%+v", got)
	}
	if after := s.Messages("INBOX"); !slices.EqualFunc(before, after, func(a, b imaptest.Message) bool { return string(a.Body) == string(b.Body) }) {
		t.Errorf("%d messages are %d", len(before), len(after))
	}
}
