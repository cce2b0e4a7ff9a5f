package wire

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-imap/v2"
	"pgregory.net/rapid"
)

// script is a server's end that says what it was given, whatever it is told.
type script struct {
	net.Conn
	r      io.Reader
	closed atomic.Bool
}

func scripted(data []byte) *script { return &script{r: bytes.NewReader(data)} }

func (s *script) Read(p []byte) (int, error)       { return s.r.Read(p) }
func (s *script) Close() error                     { s.closed.Store(true); return nil }
func (*script) SetReadDeadline(time.Time) error    { return nil }
func (*script) SetWriteDeadline(t time.Time) error { return nil }

func (s *script) Write(p []byte) (int, error) {
	if s.closed.Load() {
		return 0, net.ErrClosed
	}
	return len(p), nil
}

var responses = []string{
	"* OK [CAPABILITY IMAP4rev1 LITERAL+ MULTIAPPEND UIDPLUS] ready\r\nA1 OK [CAPABILITY IMAP4rev1 LITERAL+] in\r\nA2 OK [APPENDUID 1 1:3] done\r\n",
	"* PREAUTH hi\r\n* CAPABILITY IMAP4rev2 COMPRESS=DEFLATE\r\nA1 OK done\r\nA2 OK begin\r\n",
	"* OK hi\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR\r\nA1 OK x\r\n+ \r\n+ e30=\r\nA2 NO [AUTHENTICATIONFAILED] no\r\n",
	"* LIST (\\HasNoChildren) \"/\" {5}\r\nINBOX\r\n* 1 FETCH (UID 1 FLAGS () BODY[] {3}\r\nabc)\r\nT1 OK done\r\n",
	"* BYE [UNAVAILABLE] Suggested Backoff Time: 100 milliseconds\r\n", "+ go on\r\nA2 NO [OVERQUOTA] full\r\nA3 BAD what\r\n* 99 EXISTS\r\n",
}

// Whatever a server says, reading it ends, and what it says is fit to be shown.
func FuzzResponses(f *testing.F) {
	for _, s := range responses {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l := newLines(bytes.NewReader(data), func() {})
		for range len(data) + 1 {
			r, err := l.next()
			if err != nil {
				return
			}
			if r.tag == "" || r.tag != "*" && r.tag != "+" && r.status == "" {
				t.Fatalf("%+v", r)
			}
			text := printable(r.text, maxText)
			if len(text) > maxText+len("…") || !utf8.ValidString(text) || strings.ContainsAny(text, "\r\n\x00\x1b") {
				t.Fatalf("%q", text)
			}
			if validity, uids := appendUID(r.args, 3); uids != nil && (len(uids) != 3 || validity == 0) {
				t.Fatalf("%q: %d %v", r.args, validity, uids)
			}
		}
		t.Fatal("more responses than bytes")
	})
}

// Whatever a server says, connecting and appending ends, and no message counts as stored without its answer.
func FuzzConn(f *testing.F) {
	for _, s := range responses {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Dial(t.Context(), Options{
			Address: "x:143", Security: Plain, Insecure: true, Compress: true, Timeout: 5 * time.Second,
			Credentials: Credentials{User: "u", Password: "p"},
			Dial:        func(context.Context, string, string) (net.Conn, error) { return scripted(data), nil },
		})
		if err != nil {
			return
		}
		defer c.Close()
		m := Message{Size: 5, WriteTo: func(w io.Writer) error { _, err := io.WriteString(w, "hello"); return err }}
		results, err := c.Append(t.Context(), "INBOX", []Message{m, m, m})
		if err != nil && !Lost(err) {
			t.Errorf("%T %v", err, err)
		}
		for _, r := range results {
			if r.State == Accepted != (r.Err == nil) {
				t.Errorf("%v %v", r.State, r.Err)
			}
			if r.State == Accepted && !bytes.Contains(data, []byte(" ")) {
				t.Error("accepted without an answer")
			}
		}
	})
}

// Whatever a server says, go-imap gets no more of it than it can stand.
func FuzzGuard(f *testing.F) {
	for _, s := range responses {
		f.Add([]byte(s))
	}
	f.Add([]byte("* CAPABILITY 0(\r\n* OK [CAPABILITY 0(\r\n* LIST () \"/\r\n"))
	f.Add([]byte("* XYZZY {3}\r\n)))\r\n* LIST ((((((((((\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := newConn(scripted(data), Options{Timeout: 5 * time.Second})
		g := &guard{Conn: c.base, c: c, br: c.lines.br, open: make(map[string]bool)}
		got, err := io.ReadAll(g)
		if err != nil && !Lost(err) {
			t.Errorf("%T %v", err, err)
		}
		if len(got) > len(data) {
			t.Errorf("%d bytes became %d", len(data), len(got))
		}
		// And go-imap itself neither panics nor waits.
		c = newConn(scripted(data), Options{Timeout: 5 * time.Second})
		c.caps = parseCaps("IMAP4rev1 " + string(data))
		client, err := c.Client()
		if err != nil {
			t.Fatal(err)
		}
		list := client.List("", "*", nil)
		if _, err := list.Collect(); err != nil && strings.Contains(err.Error(), "panic") {
			t.Error(err)
		}
		client.Status("INBOX", &imap.StatusOptions{NumMessages: true})
		client.Close()
	})
}

// Names survive modified UTF-7, in its shortest form.
func TestNames(t *testing.T) {
	for name, want := range map[string]string{
		"INBOX": "INBOX", "a&b": "a&-b", "Entwürfe": "Entw&APw-rfe", "台北": "&U,BTFw-", "😀": "&2D3eAA-", "日本語": "&ZeVnLIqe-",
	} {
		if got := utf7(name); got != want {
			t.Errorf("%q is %q, want %q", name, got, want)
		}
	}
	rapid.Check(t, func(r *rapid.T) {
		wire := utf7(rapid.String().Draw(r, "name"))
		for i := range len(wire) {
			if wire[i] < 0x20 || wire[i] > 0x7e {
				r.Fatalf("%q", wire)
			}
		}
	})
}

func TestClassify(t *testing.T) {
	refused := func(code, text string) error {
		return &LostError{"APPEND", &ResponseError{"APPEND", "NO", code, text}}
	}
	tests := []struct {
		err                      error
		create, quota, big, slow bool
		after                    time.Duration
	}{
		{refused("TRYCREATE", "no such mailbox"), true, false, false, false, 0},
		{refused("OVERQUOTA", "Quota exceeded"), false, true, false, false, 0},
		{refused("", "Over quota"), false, true, false, false, 0},
		{refused("OVERQUOTA", "Account exceeded command or bandwidth limits."), false, false, false, true, 0},
		{refused("TOOBIG", "Message size exceeds fixed limit"), false, false, true, false, 0},
		{refused("LIMIT", "Mail size is larger than the maximum size allowed by server configuration"), false, false, true, false, 0},
		{refused("LIMIT", "too many connections"), false, false, false, true, 0},
		{refused("INUSE", "locked"), false, false, false, true, 0},
		{refused("UNAVAILABLE", "later"), false, false, false, true, 0},
		{refused("", "Request is throttled. Suggested Backoff Time: 2500 milliseconds"), false, false, false, true, 2500 * time.Millisecond},
		{refused("", "Suggested Backoff Time: 99999999999999999999 milliseconds"), false, false, false, true, 0},
		{refused("", "Suggested Backoff Time: 4294967295 milliseconds"), false, false, false, true, time.Hour},
		{refused("CANNOT", "Keyword length too long"), false, false, false, false, 0},
		{errors.New("over quota"), false, false, false, false, 0},
	}
	for _, test := range tests {
		after, slow := Throttled(test.err)
		if TryCreate(test.err) != test.create || OverQuota(test.err) != test.quota || TooBig(test.err) != test.big || slow != test.slow || after != test.after {
			t.Errorf("%v: create %v, quota %v, big %v, slow %v after %v", test.err, TryCreate(test.err), OverQuota(test.err), TooBig(test.err), slow, after)
		}
	}
}
