package maildir_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/formats/maildir"
)

func TestName(t *testing.T) {
	m := maildir.Message{
		Time: time.Date(2014, 3, 2, 9, 31, 0, 5, time.FixedZone("", 3600)), Unique: "0af3-2", Size: 1234, Virtual: 1260,
		Flags:    formats.FlagSeen | formats.FlagAnswered | formats.FlagForwarded | formats.FlagFlagged | formats.FlagDraft | formats.FlagDeleted,
		Keywords: "az",
	}
	if got, want := m.Name(maildir.Separator), "1393749060.0af3-2.mailmill,S=1234,W=1260:2,DFPRSTaz"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	m = maildir.Message{Unique: "x"}
	if got, want := m.Name(maildir.WindowsSeparator), "0.x.mailmill;2,"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// What other programs call their files is taken apart, too.
func TestParseName(t *testing.T) {
	for name, want := range map[string]maildir.Message{
		"1393749060.0af3.mailmill,S=12,W=13:2,FSab":     {Time: time.Unix(1393749060, 0).UTC(), Unique: "0af3", Size: 12, Virtual: 13, Flags: formats.FlagFlagged | formats.FlagSeen, Keywords: "ab"},
		"1393749060.M20046P2137.host,S=4542,W=4642:2,S": {Time: time.Unix(1393749060, 0).UTC(), Unique: "M20046P2137.host", Size: 4542, Virtual: 4642, Flags: formats.FlagSeen},
		"1393749060.V0;2,RS":                            {Time: time.Unix(1393749060, 0).UTC(), Unique: "V0", Flags: formats.FlagAnswered | formats.FlagSeen},
		"1393749060.V0!2,RS":                            {Time: time.Unix(1393749060, 0).UTC(), Unique: "V0", Flags: formats.FlagAnswered | formats.FlagSeen},
		"a!b":                                           {Unique: "a!b"},
		"new":                                           {Unique: "new"},
		"":                                              {},
		"x,S=-1,W=q:1,FS":                               {Unique: "x"},
		"9.x:2,bba,X,S":                                 {Time: time.Unix(9, 0).UTC(), Unique: "x", Keywords: "ab"},
		"99999999999999999999.x,S=99999999999999999999999:2,TD,": {Unique: "99999999999999999999.x", Flags: formats.FlagDeleted | formats.FlagDraft},
	} {
		if diff := cmp.Diff(want, maildir.ParseName(name)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if got := maildir.Base("1.x,S=1:2,S"); got != "1.x,S=1" {
		t.Error(got)
	}
}

func TestNameRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := maildir.Message{
			Unique:   rapid.StringMatching(`[0-9a-f]{1,32}(-[0-9]+)?`).Draw(t, "unique"),
			Size:     rapid.Int64Range(0, 1<<40).Draw(t, "size"),
			Virtual:  rapid.Int64Range(0, 1<<40).Draw(t, "virtual"),
			Flags:    formats.Flags(rapid.IntRange(0, 63).Draw(t, "flags")),
			Keywords: rapid.StringMatching(`a?b?c?z?`).Draw(t, "keywords"),
		}
		if s := rapid.Int64Range(-1<<33, 1<<33).Draw(t, "time"); s != 0 {
			m.Time = time.Unix(s, 0).UTC()
		}
		if diff := cmp.Diff(m, maildir.ParseName(m.Name(maildir.Separator))); diff != "" {
			t.Fatal(diff)
		}
	})
}

// becomes checks what a function makes of a text.
func becomes(t *testing.T, of func(string) string, text, want string) {
	t.Helper()
	if got := of(text); got != want {
		t.Errorf("%q becomes %q, want %q", text, got, want)
	}
}

func TestUTF7(t *testing.T) {
	for text, want := range map[string]string{
		"Entwürfe":  "Entw&APw-rfe",
		"A & B":     "A &- B",
		"台北":        "&U,BTFw-",
		"日本語":       "&ZeVnLIqe-",
		"Archiv 🚀":  "Archiv &2D3egA-",
		"~peter/é":  "~peter/&AOk-",
		"":          "",
		"\t":        "&AAk-",
		"é&é":       "&AOk-&-&AOk-",
		"plain - +": "plain - +",
	} {
		becomes(t, maildir.EncodeUTF7, text, want)
		if got, err := maildir.DecodeUTF7(want); err != nil || got != text {
			t.Errorf("%q is %q (%v), want %q", want, got, err, text)
		}
	}
	for _, bad := range []string{"&", "&AOk", "é", "&AGE-", "&2D0-", "&AO-", "&A/k-", "&AOk-&AOk-", "\x7f", "&AP-"} {
		if got, err := maildir.DecodeUTF7(bad); err == nil {
			t.Errorf("%q is taken for %q", bad, got)
		}
	}
}

func TestFolderName(t *testing.T) {
	path := []string{"INBOX", "Größe", "a b"}
	dir := maildir.FolderName(path...)
	if dir != ".INBOX.Gr&APYA3w-e.a b" {
		t.Error(dir)
	}
	if got, err := maildir.ParseFolderName(dir); err != nil || !slices.Equal(got, path) {
		t.Error(got, err)
	}
	for _, bad := range []string{"cur", ".a.&"} {
		if got, err := maildir.ParseFolderName(bad); err == nil {
			t.Errorf("%q is taken for %q", bad, got)
		}
	}
}

func FuzzUTF7(f *testing.F) {
	for _, seed := range []string{"Entw&APw-rfe", "&U,BTFw-&-", "&", "&AOk-&AOk-", "&2D3egA-"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if text, err := maildir.DecodeUTF7(name); err == nil && maildir.EncodeUTF7(text) != name {
			t.Errorf("%q becomes %q", name, maildir.EncodeUTF7(text))
		}
		text := strings.ToValidUTF8(name, "")
		if again, err := maildir.DecodeUTF7(maildir.EncodeUTF7(text)); err != nil || again != text {
			t.Errorf("%q becomes %q: %v", text, again, err)
		}
		maildir.ParseName(name)
		maildir.ParseKeywords([]byte(name))
	})
}

func TestKeywords(t *testing.T) {
	var k maildir.Keywords
	for i := range 30 {
		letter, ok := k.Letter(fmt.Sprint("K", i))
		if ok != (i < 26) || ok && letter != byte('a'+i) {
			t.Errorf("keyword %d: %c, %v", i, letter, ok)
		}
	}
	if letter, ok := k.Letter("k3"); !ok || letter != 'd' {
		t.Errorf("the same in another case: %c, %v", letter, ok)
	}
	if _, ok := new(maildir.Keywords).Letter(""); ok {
		t.Error("nothing has a letter")
	}
	file := k.Append(nil)
	if !bytes.HasPrefix(file, []byte("0 K0\n1 K1\n")) {
		t.Errorf("%s", file)
	}
	if got := maildir.ParseKeywords(file); got.Keyword('z') != "K25" || !bytes.Equal(got.Append(nil), file) {
		t.Errorf("%s", got.Append(nil))
	}
	if got := string(maildir.ParseKeywords([]byte("3 a b\r\nx\n99 y\n-1 z\n5 \n")).Append(nil)); got != "3 a b\n" {
		t.Error(got)
	}
}

// Letters that files may have keep their meaning, also those that mean nothing.
func TestMoreKeywords(t *testing.T) {
	k := maildir.ParseKeywords([]byte("1 Junk\n4 Work\n5 work\n"))
	for keyword, want := range map[string]byte{"WORK": 'e', "junk": 'b', "Red": 'g'} {
		if letter, ok := k.Letter(keyword); !ok || letter != want {
			t.Errorf("%s: %c, %v, want %c", keyword, letter, ok, want)
		}
	}
	if got, want := string(k.Append(nil)), "1 Junk\n4 Work\n5 work\n6 Red\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for letter, want := range map[byte]string{'a': "", 'b': "Junk", '`': "", '{': ""} {
		if got := k.Keyword(letter); got != want {
			t.Errorf("%c is %q, want %q", letter, got, want)
		}
	}
	if letter, ok := maildir.ParseKeywords([]byte("25 last\n")).Letter("more"); ok {
		t.Errorf("%c is taken again", letter)
	}
}

func TestSubscribe(t *testing.T) {
	for content, want := range map[string]string{
		"":                        "INBOX\nWork.A\n",
		"INBOX\n":                 "INBOX\nWork.A\n",
		"Mine\nINBOX":             "Mine\nINBOX\nWork.A\n",
		"Work.A\nMine.B\nINBOX\n": "Work.A\nMine.B\nINBOX\n",
		// As Dovecot 2.3 writes it where there was no file.
		"V\t2\n\nMine\tB\nWork\tA\n": "V\t2\n\nMine\tB\nWork\tA\nINBOX\n",
		"V\t2\n\nMine":               "V\t2\n\nMine\nINBOX\nWork\tA\n",
		"V\t2\n\n":                   "V\t2\n\nINBOX\nWork\tA\n",
		"V\t2\n":                     "V\t2\n\nINBOX\nWork\tA\n",
		"V\t2":                       "V\t2\n\nINBOX\nWork\tA\n",
	} {
		if got := string(maildir.Subscribe([]byte(content), "INBOX", "Work.A", "INBOX")); got != want {
			t.Errorf("%q becomes %q, want %q", content, got, want)
		}
	}
}

// Whatever the files of others hold, it stays, and what was added once is there.
func FuzzSharedFiles(f *testing.F) {
	for _, seed := range []string{"", "INBOX\nMine", "V\t2\n\nMine\tB\n", "V\t2", "V\t\n\n\n", "0 NonJunk\n25 z\n7 nonjunk\r\n", "26 x\n-1 y\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		more := maildir.Subscribe(content, "INBOX", "Work.A")
		if !bytes.HasPrefix(more, bytes.TrimRight(content, "\n")) {
			t.Errorf("%q becomes %q", content, more)
		}
		if again := maildir.Subscribe(more, "Work.A", "INBOX"); !bytes.Equal(again, more) {
			t.Errorf("%q becomes %q", more, again)
		}
		k := maildir.ParseKeywords(content)
		before := k.Append(nil)
		letter, ok := k.Letter("New")
		again := maildir.ParseKeywords(k.Append(nil))
		if ok && !strings.EqualFold(again.Keyword(letter), "New") || !bytes.HasPrefix(k.Append(nil), before) {
			t.Errorf("%q becomes %q", content, k.Append(nil))
		}
	})
}

func TestKeyword(t *testing.T) {
	for category, want := range map[string]string{
		"Work":            "Work",
		"Red Category":    "Red_Category",
		"Büro":            "B&APw-ro",
		"Bu\u0308ro":      "B&APw-ro",
		`a(b){c}%*"\]<>/`: "a_b__c}_______" + "_",
		"":                "",
		"  x ":            "x",
		"日本":              "&ZeVnLA-",
	} {
		becomes(t, maildir.Keyword, category, want)
	}
	one, two := maildir.Keyword(strings.Repeat("長い", 40)+"1"), maildir.Keyword(strings.Repeat("長い", 40)+"2")
	if one == two || len(one) > 50 || len(one) < 40 {
		t.Errorf("%q, %q", one, two)
	}
	rapid.Check(t, func(t *rapid.T) {
		k := maildir.Keyword(rapid.String().Draw(t, "category"))
		if len(k) > 50 || strings.ContainsFunc(k, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`(){%*"\]`, r) }) {
			t.Fatalf("%q is no atom", k)
		}
	})
}

// withLF returns a message with LF for each CRLF that no CR precedes, and withCRLF one with CRLF for each LF alone.
func withLF(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] != '\r' || !strings.HasPrefix(s[i+1:], "\n") || i > 0 && s[i-1] == '\r' {
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func withCRLF(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if s[i] == '\n' && (i == 0 || s[i-1] != '\r') {
			b.WriteByte('\r')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// The writer does to any message, however it is cut into writes, what replacing CRLF does that no CR precedes, and counts as
// Dovecot does. With CRLF for each LF alone the file is the message again.
func TestWriter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{"a", "\r", "\n", "\r\n", "\r\r\n", "text", strings.Repeat("long ", 20000), ""})
		pieces := rapid.SliceOfN(piece, 0, 20).Draw(t, "pieces")
		var file bytes.Buffer
		w := maildir.NewWriter(&file)
		for _, p := range pieces {
			if n, err := w.Write([]byte(p)); n != len(p) || err != nil {
				t.Fatal(n, err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		message := strings.Join(pieces, "")
		want := withLF(message)
		if got := file.String(); got != want {
			t.Fatalf("%.200q, want %.200q", got, want)
		}
		if got, want := withCRLF(want), withCRLF(message); got != want {
			t.Fatalf("read again it is %.200q, not %.200q", got, want)
		}
		virtual := int64(len(want) + strings.Count(want, "\n") - strings.Count(want, "\r\n"))
		if w.Size() != int64(len(want)) || w.Virtual() != virtual {
			t.Fatalf("sizes %d, %d, want %d, %d", w.Size(), w.Virtual(), len(want), virtual)
		}
	})
}

func BenchmarkWriter(b *testing.B) {
	mail := []byte(strings.Repeat(strings.Repeat("x", 76)+"\r\n", 500))
	w := maildir.NewWriter(nil)
	var sink bytes.Buffer
	b.SetBytes(int64(len(mail)))
	for b.Loop() {
		sink.Reset()
		w.Reset(&sink)
		w.Write(mail)
		w.Close()
	}
}
