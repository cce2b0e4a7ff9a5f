package mbox_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	gombox "github.com/emersion/go-mbox"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/mbox"
	"mailmill/formats/mime"
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
		"From MAILER-DAEMON Mon Jan  1 00:00:00 0001\nStatus: O\n\n"
	if got := file.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// What stands after the header is the message's own, also where its lines end with CR CR LF, or where nothing comes.
func TestHeaderEnds(t *testing.T) {
	for in, want := range map[string]string{
		"Subject: x\r\r\n\r\r\nStatus: shipped\r\r\nX-UID: 5\r\r\n\r\r\nmore\r\r\n": "Subject: x\r\r\n\r\r\nStatus: shipped\r\r\nX-UID: 5\r\r\n\r\r\nmore\r\r\n",
		"Subject: x\r\n":     "Subject: x\n",
		"Subject: x\r\n\r\n": "Subject: x\n\n",
		"Subject: x":         "Subject: x\n",
		"":                   "",
		"\r\n":               "\n",
		"\r\n\r\n":           "\n\n",
	} {
		var file bytes.Buffer
		w := mbox.NewWriter(&file)
		for range 2 {
			msg := w.Message("a@example.org", date, mbox.Status{Flags: formats.FlagSeen})
			io.WriteString(msg, in)
			if err := msg.Close(); err != nil {
				t.Fatal(err)
			}
		}
		messages := 0
		for s := mbox.NewScanner(&file); ; messages++ {
			if _, err := s.Next(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			var got []byte
			for {
				piece, err := s.Piece()
				if err != nil {
					break
				}
				got = append(got, piece...)
			}
			n := mbox.HeaderLen(got)
			if n < 0 {
				n = len(got)
			}
			state, head := mbox.CutState(got[:n])
			if got := string(head) + string(got[n:]); got != want || state.Flags != formats.FlagSeen {
				t.Errorf("%q became %q, %v", in, got, state.Flags.Names())
			}
		}
		if messages != 2 {
			t.Errorf("%q twice became %d messages", in, messages)
		}
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
	line := rapid.SampledFrom([]string{"", "", "From ", "From x Thu Mar  4 04:06:07 2021", ">From x", ">>>From me", "From", " From ", "text", "Sub:ject", ">", "\xff\x00", "\r", "x\r\r", "From \r", "a\rb", strings.Repeat("long ", 40000)})
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

// TestReaders checks that readers that are not ours find the same messages: go-mbox and Python's mailbox.
func TestReaders(t *testing.T) {
	messages := []string{"Subject: 1\r\n\r\none\r\n", "Subject: 2\r\n\r\n\r\nFro\r\ntwo\r\n", "Subject: 3\r\n\r\nx\r\n\r\n\r\ny\r\n"}
	file := write(t, messages...)
	var want []string
	for _, m := range messages {
		want = append(want, normal(m))
	}
	t.Run("go-mbox", func(t *testing.T) {
		r := gombox.NewReader(bytes.NewReader(file))
		var got []string
		for {
			msg, err := r.NextMessage()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(msg)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(b))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("python", func(t *testing.T) {
		python := corpustest.Program(t, "python3")
		path := filepath.Join(t.TempDir(), "x.mbox")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(python, "-c", `import mailbox, json, sys
print(json.dumps([m.decode() for m in map(mailbox.mbox(sys.argv[1]).get_bytes, range(3))]))`, path).Output()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			got[i] = strings.ReplaceAll(got[i], "\n", "\r\n")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// TestForeignFiles checks where messages begin in files of other programs.
func TestForeignFiles(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		from       []string
		want       []string
	}{
		{"no empty line between", "From a@b Thu Mar  4 04:06:07 2021\nA: 1\n\nx\nFrom c@d Thu Mar  4 04:06:07 2021\nB: 2\n\ny\n", []string{"a@b", "c@d"}, []string{"A: 1\r\n\r\nx\r\n", "B: 2\r\n\r\ny\r\n"}},
		{"text that is not quoted", "From a@b Thu Mar  4 04:06:07 2021\nA: 1\n\nFrom here on it is text\n\nFrom me\nto you\n", []string{"a@b"}, []string{"A: 1\r\n\r\nFrom here on it is text\r\n\r\nFrom me\r\nto you\r\n"}},
		{"no date", "From a@b\nA: 1\n\nx\n\nFrom c@d\nB: 2\n\ny", []string{"a@b", "c@d"}, []string{"A: 1\r\n\r\nx\r\n", "B: 2\r\n\r\ny"}},
		{"CRLF and empty lines first", "\r\n\r\nFrom - Thu Mar  4 04:06:07 2021\r\nA: 1\r\n\r\nx\r\n\r\n", []string{""}, []string{"A: 1\r\n\r\nx\r\n"}},
		{"zone, remote, sender with blanks", "From \"a b\"@c Thu Mar  4 04:06:07 +0200 2021 remote from x\nA: 1\n\n", []string{"\"a b\"@c"}, []string{"A: 1\r\n"}},
		{"empty messages", "From a@b Thu Mar  4 04:06:07 2021\n\nFrom c@d Thu Mar  4 04:06:07 2021\n", []string{"a@b", "c@d"}, []string{"", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			envs, got := readAll(t, []byte(tt.file))
			var from []string
			for _, e := range envs {
				from = append(from, e.From)
				if !strings.HasPrefix(tt.file[e.Offset:], "From ") {
					t.Errorf("offset %d", e.Offset)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.from, from); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadErrors(t *testing.T) {
	if _, _, err := mbox.NewReader(strings.NewReader("Subject: x\n")).Next(); !errors.Is(err, mbox.ErrFormat) {
		t.Errorf("error %v", err)
	}
	if _, _, err := mbox.NewReader(strings.NewReader("\n")).Next(); err != io.EOF {
		t.Errorf("error %v", err)
	}
	bad := errors.New("bad disk")
	r := mbox.NewReader(io.MultiReader(strings.NewReader("From a@b\n\nx\n"), iotest.ErrReader(bad)))
	_, msg, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(msg); err != bad || string(b) != "\r\nx\r\n" {
		t.Errorf("%q, %v", b, err)
	}
	if _, _, err := r.Next(); err != bad {
		t.Errorf("error %v", err)
	}
}

// TestSkipped checks that a message need not be read, and cannot be read late.
func TestSkipped(t *testing.T) {
	r := mbox.NewReader(bytes.NewReader(write(t, "A: 1\r\n\r\n"+strings.Repeat("x\r\n", 100000), "B: 2\r\n\r\ny\r\n")))
	_, first, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	_, second, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := first.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("%d, %v", n, err)
	}
	if b, _ := io.ReadAll(second); !strings.HasPrefix(string(b), "B: 2\r\n") {
		t.Errorf("%q", b)
	}
}

func TestWriteErrors(t *testing.T) {
	full := errors.New("disk full")
	w := mbox.NewWriter(writerFunc(func([]byte) (int, error) { return 0, full }))
	msg := w.Message("", date, mbox.Status{})
	if err := msg.Close(); err != full {
		t.Errorf("error %v", err)
	}
	if _, err := msg.Write([]byte("x")); err == nil {
		t.Error("a closed message takes bytes")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func FuzzReader(f *testing.F) {
	f.Add([]byte("From a@b Thu Mar  4 04:06:07 2021\nA: 1\n\n>From x\n\nFrom c@d 1 Jan 00:00 2000 +0100\nB: 2\n\ny\r"))
	f.Add([]byte("\xEF\xBB\xBF\nFrom \n\n\nFrom \nX:"))
	f.Fuzz(func(t *testing.T, file []byte) {
		r := mbox.NewReader(bytes.NewReader(file))
		last := int64(-1)
		for {
			env, msg, err := r.Next()
			if err != nil {
				return
			}
			if env.Offset <= last || !bytes.HasPrefix(file[env.Offset:], []byte("From ")) {
				t.Fatalf("offset %d after %d", env.Offset, last)
			}
			last = env.Offset
			if _, err := io.Copy(io.Discard, msg); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestLines checks that lines which are filled in come out like those that are written, whatever came before them.
func TestLines(t *testing.T) {
	piece := rapid.SampledFrom([]string{"Subject: x\r\n", "\r\n", "\r", "From ", "Fro", ">", "text", "From x\r\n"})
	rapid.Check(t, func(t *rapid.T) {
		var filled, written bytes.Buffer
		one, other := mbox.NewWriter(&filled), mbox.NewWriter(&written)
		m, n := one.Message("a@b", date, mbox.Status{}), other.Message("a@b", date, mbox.Status{})
		for _, p := range rapid.SliceOfN(piece, 0, 12).Draw(t, "pieces") {
			io.WriteString(m, p)
			io.WriteString(n, p)
			lines := strings.Repeat("TWFpbA==\n", rapid.SampledFrom([]int{1, 4000}).Draw(t, "lines"))
			if dst := m.Lines(len(lines)); dst != nil {
				if len(dst) != len(lines) {
					t.Fatalf("room for %d bytes instead of %d", len(dst), len(lines))
				}
				copy(dst, lines)
				io.WriteString(n, strings.ReplaceAll(lines, "\n", "\r\n"))
			}
		}
		if err := errors.Join(m.Close(), n.Close()); err != nil {
			t.Fatal(err)
		}
		if m.Lines(1) != nil {
			t.Error("a message that is closed has room")
		}
		if !bytes.Equal(filled.Bytes(), written.Bytes()) {
			t.Errorf("got\n%q\nwant\n%q", filled.Bytes(), written.Bytes())
		}
	})
}

func BenchmarkWriter(b *testing.B) {
	m := []byte("Subject: x\r\nFrom: y\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 1000))
	w := mbox.NewWriter(io.Discard)
	b.SetBytes(int64(len(m)))
	b.ReportAllocs()
	for b.Loop() {
		msg := w.Message("a@b", date, mbox.Status{})
		msg.Write(m)
		msg.Close()
	}
}

func BenchmarkReader(b *testing.B) {
	m := "Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 1000)
	file := write(b, slices.Repeat([]string{m}, 20)...)
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		r := mbox.NewReader(bytes.NewReader(file))
		for {
			_, msg, err := r.Next()
			if err != nil {
				break
			}
			io.Copy(io.Discard, msg)
		}
	}
}

// TestCase20MailsSurvive checks that what package mime writes comes back from a file byte for byte, but for the state,
// and so with the same content to the last line end.
func TestCase20MailsSurvive(t *testing.T) {
	for _, text := range []string{"", "x", "From x", ">From x\n", "x\n\n\n", "\n", "ü\r\n\r\n", "--=_x\r\nFrom y", "a\rb"} {
		for _, nested := range []bool{false, true} {
			part := &formats.Part{Type: "text/plain", Content: formats.Bytes(text)}
			if nested {
				part = &formats.Part{Type: "multipart/mixed", Parts: []*formats.Part{part, {Type: "message/rfc822", Message: &formats.Mail{Root: part}}}}
			}
			var b bytes.Buffer
			if err := mime.Write(&b, &formats.Mail{Root: part}); err != nil {
				t.Fatal(err)
			}
			file := write(t, b.String(), b.String())
			_, got := readAll(t, file)
			if want := normal(b.String()); len(got) != 2 || got[0] != want || got[1] != want {
				t.Errorf("%q: got %q, want twice %q", text, got, want)
			}
			if bytes.Contains(file, []byte("\n>")) {
				t.Errorf("%q had to be quoted: readers that know no quoting change it", text)
			}
		}
	}
}

func BenchmarkScanner(b *testing.B) {
	m := "Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 1000)
	file := write(b, slices.Repeat([]string{m}, 100)...)
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		s := mbox.NewScanner(bytes.NewReader(file))
		for {
			if _, err := s.Next(); err != nil {
				break
			}
			for {
				if _, err := s.Piece(); err != nil {
					break
				}
			}
		}
	}
}
