package mbox_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/formats/mbox"
)

const fromLine = "From a@example.org Thu Mar  4 05:06:07 2021\n"

// scan returns the messages of a file as they stand there, and how they are quoted.
func scan(t testing.TB, s *mbox.Scanner, file []byte) (messages []string, quoting []mbox.Quoting) {
	t.Helper()
	for {
		env, err := s.Next()
		if err == io.EOF {
			return messages, quoting
		}
		if err != nil {
			t.Fatal(err)
		}
		var m []byte
		for {
			piece, err := s.Piece()
			if err == io.EOF {
				break
			}
			if err != nil || len(piece) == 0 {
				t.Fatalf("a piece of %d bytes, %v", len(piece), err)
			}
			m = append(m, piece...)
		}
		if !bytes.HasPrefix(file[env.Start:], m) || env.Start <= env.Offset {
			t.Fatalf("the message at %d is not what is there", env.Start)
		}
		messages, quoting = append(messages, string(m)), append(quoting, s.Quoting())
	}
}

// A Content-Length is checked wherever it leads: in a file anywhere, in a stream within reason.
func TestFarLengths(t *testing.T) {
	line := fromLine + "A: b\n\n"
	for _, size := range []int{100, 300 << 10, 2 << 20, 7 << 20} {
		body := "text\n\n" + line + strings.Repeat("x", 30) + "\n"
		body += strings.Repeat("0123456789012345678901234567890123456789\n", size/41)
		for _, wrong := range []int{0, 2, -5, 10 << 20} {
			file := fmt.Appendf(nil, "%sContent-Length: %d\n\n%s\n%sSubject: 2\n\ny\n", fromLine, len(body)+wrong, body, fromLine)
			want := 3
			if wrong == 0 {
				want = 2
			}
			for name, s := range map[string]*mbox.Scanner{
				"file": mbox.NewScannerAt(bytes.NewReader(file), int64(len(file))), "stream": mbox.NewScanner(bytes.NewReader(file)),
			} {
				messages, _ := scan(t, s, file)
				if len(messages) != want || wrong == 0 && !strings.HasSuffix(messages[0], body) {
					t.Errorf("%s of %d bytes, wrong by %d: %d messages", name, size, wrong, len(messages))
				}
			}
		}
	}
}

// However a file comes in pieces, the same messages are in it.
func TestPieces(t *testing.T) {
	line := rapid.SampledFrom([]string{
		"", "", fromLine, fromLine + "A: b\n", "From x\n", "Fro", ">From y\n", ">" + fromLine, "Content-Length: 20\n", "Content-Length: 100\n", "A: b\n", "\n", "\r\n", "text\n", "\x00\x00" + fromLine,
		"x", strings.Repeat("long", 70_000), strings.Repeat("line\n", 60_000),
	})
	rapid.Check(t, func(t *rapid.T) {
		file := []byte(fromLine + strings.Join(rapid.SliceOfN(line, 0, 12).Draw(t, "lines"), ""))
		want, quoting := scanRapid(t, mbox.NewScannerAt(bytes.NewReader(file), int64(len(file))), file)
		for name, r := range map[string]io.Reader{
			"at once": bytes.NewReader(file), "halves": iotest.HalfReader(bytes.NewReader(file)), "end with data": iotest.DataErrReader(bytes.NewReader(file)),
		} {
			got, q := scanRapid(t, mbox.NewScanner(r), file)
			if !slices.Equal(got, want) || !slices.Equal(q, quoting) {
				t.Fatalf("%s: %.100q %v, want %.100q %v", name, got, q, want, quoting)
			}
		}
		// And the reader finds those.
		r := mbox.NewReader(bytes.NewReader(file))
		for i := range want {
			_, m, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(m)
			if err != nil {
				t.Fatal(err)
			}
			lf := func(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }
			if plain := string(quoting[i].Append(nil, []byte(want[i]), true)); len(plain) < 1<<20 && lf(string(b)) != lf(plain) {
				t.Fatalf("message %d: %.200q, want %.200q", i, b, plain)
			}
		}
	})
}

func scanRapid(t *rapid.T, s *mbox.Scanner, file []byte) (messages []string, quoting []mbox.Quoting) {
	for {
		env, err := s.Next()
		if err != nil {
			return messages, quoting
		}
		var m []byte
		for {
			piece, err := s.Piece()
			if err != nil {
				break
			}
			m = append(m, piece...)
		}
		if !bytes.HasPrefix(file[env.Start:], m) {
			t.Fatalf("the message at %d is not what is there", env.Start)
		}
		messages, quoting = append(messages, string(m)), append(quoting, s.Quoting())
	}
}

// What the writer quotes comes back, in whatever pieces of lines and into whatever memory.
func TestQuoting(t *testing.T) {
	line := rapid.SampledFrom([]string{"From x\n", ">From x\n", ">>>From\n", "text\n", "\n", ">\n", "From"})
	rapid.Check(t, func(t *rapid.T) {
		var raw, got []byte
		begin := true
		text := ""
		for _, l := range rapid.SliceOfN(line, 0, 20).Draw(t, "lines") {
			text += l
			quoted := l
			if strings.HasPrefix(strings.TrimLeft(l, ">"), "From ") && begin {
				quoted = ">" + l
			}
			raw = append(raw, quoted...)
			got = mbox.QuotedAlways.Append(got, []byte(quoted), begin)
			begin = strings.HasSuffix(l, "\n")
		}
		if string(got) != text {
			t.Fatalf("%q, want %q", got, text)
		}
		if got := mbox.QuotedAlways.Append(raw[:0], raw, true); string(got) != text {
			t.Fatalf("in place: %q, want %q", got, text)
		}
	})
	const some = ">From x\n>" + fromLine + ">>" + fromLine
	if got := string(mbox.QuotedDated.Append(nil, []byte(some), true)); got != ">From x\n"+fromLine+">>"+fromLine {
		t.Errorf("%q", got)
	}
	if got := string(mbox.QuotedNever.Append(nil, []byte(some), true)); got != some {
		t.Errorf("%q", got)
	}
}

func TestCutState(t *testing.T) {
	for _, tt := range []struct {
		header, without string
		want            mbox.State
	}{
		{"Subject: x\n\n", "Subject: x\n\n", mbox.State{}},
		{"Status: RO\n\n", "\n", mbox.State{Known: true, Status: mbox.Status{Flags: formats.FlagSeen}}},
		{
			"A: 1\r\nstatus : O\r\nX-STATUS: AF\r\nX-Keywords: NonJunk $forwarded\r\n NonJunk =?utf-8?q?a_b?= b&APw-ro R&D      \r\nX-UID: 5\r\nX-IMAPbase: 1 2\r\nContent-Length: 7\r\nX-Statuses: x\r\nB: 2\r\n\r\n",
			"A: 1\r\nX-Statuses: x\r\nB: 2\r\n\r\n",
			mbox.State{Known: true, Status: mbox.Status{Flags: formats.FlagAnswered | formats.FlagFlagged | formats.FlagForwarded, Keywords: []string{"NonJunk", "a b", "büro", "R&D"}}},
		},
		{"X-Mozilla-Status: 0009\nX-Mozilla-Status2: 10000000\nX-Mozilla-Keys:    \nS: x", "S: x", mbox.State{Known: true, Expunged: true, Status: mbox.Status{Flags: formats.FlagSeen | formats.FlagDeleted}}},
		{"X-Mozilla-Status: zz\n", "", mbox.State{Known: true}},
		{"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 2\n\n", "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n\n", mbox.State{Known: true, Internal: true}},
		{"Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n\n", "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n\n", mbox.State{}},
		{"X-Gmail-Labels: a,\r\n b\r\n", "X-Gmail-Labels: a,\r\n b\r\n", mbox.State{Labels: []string{"a", "b"}}},
		{"Status\nno: field\nStatus: R", "Status\nno: field\n", mbox.State{Known: true, Status: mbox.Status{Flags: formats.FlagSeen}}},
		{"", "", mbox.State{}},
	} {
		got, without := mbox.CutState([]byte(tt.header))
		if diff := cmp.Diff(tt.want, got); diff != "" || string(without) != tt.without {
			t.Errorf("%q leaves %q\n%s", tt.header, without, diff)
		}
	}
}

// What the writer says of a message is what is read, and none of it stays in the message.
func TestStateRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := mbox.Status{Flags: formats.Flags(rapid.IntRange(0, 63).Draw(t, "flags"))}
		for _, k := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zA-Zü€ &=?_,;-]{1,40}`), 0, 5, rapid.ID).Draw(t, "keywords") {
			if strings.TrimSpace(k) == k && !strings.Contains(k, "&") {
				want.Keywords = append(want.Keywords, k)
			}
		}
		const header = "Subject: x\nTo: y\n"
		var file bytes.Buffer
		w := mbox.NewWriter(&file).Message("", date, want)
		io.WriteString(w, header+"\ntext\n")
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		m, _ := scanRapid(t, mbox.NewScanner(&file), bytes.Clone(file.Bytes()))
		n := mbox.HeaderLen([]byte(m[0]))
		got, without := mbox.CutState([]byte(m[0][:n]))
		if diff := cmp.Diff(want, got.Status); diff != "" || string(without) != header+"\n" {
			t.Fatalf("%q\n%s", without, diff)
		}
	})
}

func TestHeaderLen(t *testing.T) {
	for text, want := range map[string]int{"": -1, "\n": 1, "\r\n": 2, "A: b": -1, "A: b\n": -1, "A: b\n\nx\n\n": 6, "A: b\r\n\r\nx": 8, "A: b\n\r": -1, "A\r\rb\n\nx": 6} {
		if got := mbox.HeaderLen([]byte(text)); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestLabels(t *testing.T) {
	for value, want := range map[string][]string{
		"Inbox,Important":                       {"Inbox", "Important"},
		" a , \"b, c\" ,, a":                    {"a", "b, c"},
		"=?UTF-8?Q?B=C3=BCro,=22x,y=22?=":       {"Büro", "x,y"},
		"=?UTF-8?B?w7Y=?=\r\n =?UTF-8?B?w7Ys?=": {"öö"},
		"":                                      nil,
	} {
		if got := mbox.ParseLabels(value); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
	for _, tt := range []struct {
		labels string
		want   mbox.Placed
	}{
		{"", mbox.Placed{Folder: []string{"Archive"}, Role: formats.RoleArchive, Status: mbox.Status{Flags: formats.FlagSeen}}},
		{"Unread,Category Social", mbox.Placed{Folder: []string{"Archive"}, Role: formats.RoleArchive, Status: mbox.Status{Keywords: []string{"Category Social"}}}},
		{"/,Chat", mbox.Placed{Folder: []string{"/"}, Status: mbox.Status{Flags: formats.FlagSeen}}},
		{"Chat,Mine//Deep/,Other", mbox.Placed{Folder: []string{"Mine", "Deep"}, Status: mbox.Status{Flags: formats.FlagSeen, Keywords: []string{"Other"}}}},
		{"INBOX,Trash,spam", mbox.Placed{Folder: []string{"Trash"}, Role: formats.RoleTrash, Status: mbox.Status{Flags: formats.FlagSeen}}},
		{"Gesendet,Entwürfe,Markiert,Wichtig", mbox.Placed{Folder: []string{"Entwürfe"}, Role: formats.RoleDrafts, Status: mbox.Status{Flags: formats.FlagSeen | formats.FlagDraft | formats.FlagFlagged, Keywords: []string{"$Important"}}}},
	} {
		got := mbox.Place(mbox.ParseLabels(tt.labels))
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q: %s", tt.labels, diff)
		}
	}
}

func TestParseEnvelope(t *testing.T) {
	for line, want := range map[string]string{
		fromLine + "x": "a@example.org 2021-03-04 44", "From \nx": " 0001-01-01 6", "From x": "none", "": "none", "from x\n": "none", "From " + strings.Repeat("x", 2000) + "\n": "none",
		"From ???@??? Thu Mar 04 05:06:07 2021\r\n": " 2021-03-04 39", "From 16@xxx Thu Mar 04 05:06:07 +0100 2021\n": "16@xxx 2021-03-04 43",
	} {
		env, ok := mbox.ParseEnvelope([]byte(line))
		got := "none"
		if ok {
			got = fmt.Sprintf("%s %s %d", env.From, env.Date.Format("2006-01-02"), env.Start)
		}
		if got != want {
			t.Errorf("%.60q: %s, want %s", line, got, want)
		}
	}
}

// A header of state is read in time that its length bounds, and only whole fields are cut out of it.
func FuzzState(f *testing.F) {
	f.Add([]byte("Status: RO\r\n x\r\nX-Keywords: =?utf-8?q?a?= b\r\nSubject: x\r\n\r\n"))
	f.Add([]byte("X-Gmail-Labels: =?UTF-8?Q?a,b?=,\"c,d\r\nX-Mozilla-Keys: b&APw-ro\n"))
	f.Fuzz(func(t *testing.T, header []byte) {
		s, without := mbox.CutState(header)
		if len(without) > len(header) || s.Known != (len(without) < len(header)) {
			t.Errorf("%q leaves %q", header, without)
		}
		if again, same := mbox.CutState(without); again.Known || !bytes.Equal(same, without) {
			t.Errorf("%q leaves %q", header, without)
		}
		if p := mbox.Place(s.Labels); len(p.Folder) == 0 || slices.Contains(p.Folder, "") {
			t.Errorf("%q is in %q", s.Labels, p.Folder)
		}
		mbox.HeaderLen(header)
	})
}

// Whatever a file holds, each of its bytes is in one message at most, in whatever pieces it comes.
func FuzzScanner(f *testing.F) {
	f.Add([]byte(fromLine + "Content-Length: 3\n\nx\n\n" + fromLine + "\n\n>From x\n\x00\x00" + fromLine + "A: b\n\nFrom y"))
	f.Add([]byte("\xEF\xBB\xBF\r\nrest\n\n" + fromLine + "content-length: 60\r\n\r\n" + fromLine + "A: b\r\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		want, err := mbox.NewScannerAt(bytes.NewReader(file), int64(len(file))).Next()
		if err != nil {
			return
		}
		if want.Start > int64(len(file)) {
			t.Fatalf("%+v", want)
		}
		a, qa := scan(t, mbox.NewScannerAt(bytes.NewReader(file), int64(len(file))), file)
		b, qb := scan(t, mbox.NewScanner(iotest.OneByteReader(bytes.NewReader(file))), file)
		if !slices.Equal(a, b) || !slices.Equal(qa, qb) {
			t.Fatalf("%q %v, %q %v", a, qa, b, qb)
		}
		mbox.Recognise(file)
		mbox.ParseEnvelope(file)
	})
}

// A message begins wherever in the window of the scanner its line stands.
func TestAtEndOfWindow(t *testing.T) {
	line := strings.Repeat("y", 63) + "\n"
	for pad := 1000; pad < 1300; pad += 7 {
		file := fromLine + "Subject: one\n\n" + strings.Repeat(line, 8173) + strings.Repeat("z", pad) + "\n\n" +
			fromLine + "Subject: two\n\nx\n\n" + fromLine + "Subject: three\n\n" + strings.Repeat(line, 100)
		s := mbox.NewScanner(strings.NewReader(file))
		messages := 0
		for ; ; messages++ {
			if _, err := s.Next(); err != nil {
				break
			}
		}
		if messages != 3 {
			t.Errorf("%d messages where the first has %d bytes", messages, strings.LastIndex(file, "From a")-len(fromLine))
		}
	}
}

// A message that was cut off in a line, with NULs in place of the rest, does not swallow the next one.
func TestCutOffInLine(t *testing.T) {
	const next = fromLine + "Subject: next\n\nx\n"
	for _, cut := range []string{
		"Subject: x\n\npartial text\x00", "Subject: x\n\npartial text" + strings.Repeat("\x00", 4096), "Subject: x\n\nwhole\n" + strings.Repeat("\x00", 700_000),
		"Subject: par" + strings.Repeat("\x00", 262_144-len(fromLine)-12), "Subject: x\n\n\x00From here\nlater" + strings.Repeat("\x00", 262_100),
	} {
		for _, r := range []io.Reader{strings.NewReader(fromLine + cut + next), iotest.HalfReader(strings.NewReader(fromLine + cut + next))} {
			var got []string
			for s := mbox.NewScanner(r); ; {
				if _, err := s.Next(); err != nil {
					break
				}
				var b []byte
				for {
					piece, err := s.Piece()
					if err != nil {
						break
					}
					b = append(b, piece...)
				}
				got = append(got, string(b))
			}
			if len(got) != 2 || got[0] != cut || got[1] != "Subject: next\n\nx\n" {
				t.Errorf("%.40q of %d bytes: %d messages", cut, len(cut), len(got))
			}
		}
	}
	// A NUL before the word alone says nothing.
	if s := mbox.NewScanner(strings.NewReader(fromLine + "\na\x00From here\nA: b\n\x00From there Thu Mar  4 05:06:07 2021\nno field\n")); !only(s) {
		t.Error("text was taken for a message")
	}
}

// only reports whether a file has one message.
func only(s *mbox.Scanner) bool {
	_, first := s.Next()
	_, second := s.Next()
	return first == nil && second == io.EOF
}

// A header may consist of keywords and labels.
func TestManyWords(t *testing.T) {
	const n = 200_000
	var keywords, labels strings.Builder
	for i := range n {
		fmt.Fprintf(&keywords, " k%d", i)
		fmt.Fprintf(&labels, ",l%d", i)
	}
	begin := time.Now()
	s, _ := mbox.CutState([]byte("X-Keywords:" + keywords.String() + "\nX-Gmail-Labels: " + labels.String() + "\n\n"))
	if took := time.Since(begin); len(s.Keywords) != n || len(s.Labels) != n || took > 20*time.Second {
		t.Errorf("%d keywords and %d labels in %v", len(s.Keywords), len(s.Labels), took)
	}
}
