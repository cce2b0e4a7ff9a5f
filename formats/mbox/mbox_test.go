package mbox_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	gombox "github.com/emersion/go-mbox"
	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/formats/mbox"
)

var date = time.Date(2021, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600))

func write(t testing.TB, messages ...string) []byte {
	t.Helper()
	var file bytes.Buffer
	w := mbox.NewWriter(&file)
	for _, m := range messages {
		msg := w.Message("alice@example.org", date, mbox.Status{})
		if _, err := io.WriteString(msg, m); err != nil {
			t.Fatal(err)
		}
		if err := msg.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if w.Size() != int64(file.Len()) {
		t.Errorf("Size is %d after %d bytes", w.Size(), file.Len())
	}
	return file.Bytes()
}

func readAll(t testing.TB, file []byte) (envs []mbox.Envelope, messages []string) {
	t.Helper()
	r := mbox.NewReader(bytes.NewReader(file))
	for {
		env, msg, err := r.Next()
		if err == io.EOF {
			return envs, messages
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(msg)
		if err != nil {
			t.Fatal(err)
		}
		envs, messages = append(envs, env), append(messages, string(b))
	}
}

func TestFormat(t *testing.T) {
	var file bytes.Buffer
	w := mbox.NewWriter(&file)
	msg := w.Message("alice@example.org", date, mbox.Status{
		Flags:    formats.FlagSeen | formats.FlagAnswered | formats.FlagFlagged | formats.FlagDraft | formats.FlagForwarded,
		Keywords: []string{"Work", "Büro 2"},
	})
	io.WriteString(msg, "Subject: x\r\nstatus: RO\r\nX-Status: D\r\n\tD\r\nX-Keywords: evil\r\nContent-Length: 3\r\nTo: y\r\n\r\nFrom here\r\n>From there\r\n> From\r\nFro\r\nStatus: kept")
	if err := msg.Close(); err != nil {
		t.Fatal(err)
	}
	msg = w.Message("a b\nFrom x", time.Time{}, mbox.Status{})
	if err := msg.Close(); err != nil {
		t.Fatal(err)
	}
	want := "From alice@example.org Thu Mar  4 04:06:07 2021\n" +
		"Subject: x\nTo: y\nStatus: RO\nX-Status: AFT\nX-Keywords: $Forwarded Work =?utf-8?q?B=C3=BCro_2?=\n\n" +
		">From here\n>>From there\n> From\nFro\nStatus: kept\n\n" +
		"From MAILER-DAEMON Mon Jan  1 00:00:00 0001\nStatus: O\n\n\n"
	if got := file.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// normal is what a message is after it was in a file: with its state, CRLF, and a line end at the end.
func normal(m string) string {
	head, body, ok := strings.Cut("\r\n"+m, "\r\n\r\n")
	head = strings.TrimPrefix(head, "\r\n")
	if head != "" {
		head += "\r\n"
	}
	if !ok {
		head = strings.TrimSuffix(head, "\r\n\r\n")
	}
	if body != "" && !strings.HasSuffix(body, "\r\n") {
		body += "\r\n"
	}
	return head + "Status: O\r\n\r\n" + body
}

// TestCase20MboxrdRoundTrip checks that every message comes back as it was, whatever lines it has and however it is
// cut into writes.
func TestCase20MboxrdRoundTrip(t *testing.T) {
	line := rapid.SampledFrom([]string{"", "", "From ", "From x Thu Mar  4 04:06:07 2021", ">From x", ">>>From me", "From", " From ", "text", "Sub:ject", ">", "\xff\x00", strings.Repeat("long ", 40000)})
	message := rapid.Custom(func(t *rapid.T) string {
		m := rapid.SampledFrom([]string{"", "Subject: x\r\n", "A: b\r\n c\r\n"}).Draw(t, "header") + "\r\n"
		m += strings.Join(rapid.SliceOfN(line, 0, 8).Draw(t, "lines"), "\r\n")
		return m + rapid.SampledFrom([]string{"", "\r\n", "\r\n\r\n\r\n"}).Draw(t, "end")
	})
	rapid.Check(t, func(t *rapid.T) {
		messages := rapid.SliceOfN(message, 1, 4).Draw(t, "messages")
		var file bytes.Buffer
		w := mbox.NewWriter(&file)
		var want []string
		for _, m := range messages {
			msg := w.Message("alice@example.org", date, mbox.Status{})
			want = append(want, normal(m))
			for size := rapid.SampledFrom([]int{1, 3, 70000}).Draw(t, "size"); m != ""; {
				n := min(size, len(m))
				if size < 10 && len(m) > 2000 {
					n = len(m) - 1000
				}
				if _, err := io.WriteString(msg, m[:n]); err != nil {
					t.Fatal(err)
				}
				m = m[n:]
			}
			if err := msg.Close(); err != nil {
				t.Fatal(err)
			}
		}
		r := mbox.NewReader(bytes.NewReader(file.Bytes()))
		for i := range want {
			env, msg, err := r.Next()
			if err != nil {
				t.Fatalf("message %d: %v", i, err)
			}
			if env.From != "alice@example.org" || !env.Date.Equal(date) {
				t.Fatalf("envelope %+v", env)
			}
			if !bytes.HasPrefix(file.Bytes()[env.Offset:], []byte("From alice@")) {
				t.Fatalf("offset %d is not that of a message", env.Offset)
			}
			got, err := io.ReadAll(msg)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != want[i] {
				t.Fatalf("message %d: got %.200q, want %.200q", i, got, want[i])
			}
		}
		if _, _, err := r.Next(); err != io.EOF {
			t.Fatalf("after the last message: %v", err)
		}
	})
}

var _ = gombox.NewReader
