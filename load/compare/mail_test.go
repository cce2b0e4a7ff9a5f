package compare_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"mailmill/load/compare"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func mail(t interface{ Fatal(...any) }, s string) compare.Facts {
	f, err := compare.Mail(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func lines(s ...string) string { return strings.Join(s, "\r\n") + "\r\n" }

// plan is a mail with everything that is compared.
var plan = lines(
	"Received: from b by c; Fri, 1 Mar 2024 09:00:02 +0000",
	"Received: from a by b; Fri, 1 Mar 2024 09:00:01 +0000",
	"Date: Fri, 1 Mar 2024 10:00:00 +0100",
	`From: "Doe, John" <john@Example.ORG>`,
	"To: =?utf-8?q?J=C3=BCrgen?= <j@example.org>, Team: a@example.org, b@example.org;",
	"Subject: =?iso-8859-1?Q?Gr=FC=DFe?= from the =?utf-8?B?w4RydGU=?=",
	"Message-ID: <1@example.org>",
	"References: <0@example.org> <00@example.org>",
	"Keywords: red, =?utf-8?q?gr=C3=BCn?=",
	"X-Priority: 1",
	"MIME-Version: 1.0",
	`Content-Type: multipart/mixed; boundary="=_1"`,
	"",
	"--=_1",
	`Content-Type: multipart/alternative; boundary="=_1.1"`,
	"",
	"--=_1.1",
	"Content-Type: text/plain; charset=iso-8859-1",
	"Content-Transfer-Encoding: quoted-printable",
	"",
	"Gr=FC=DFe,",
	"and a line that is =",
	"folded",
	"--=_1.1",
	"Content-Type: text/html; charset=utf-8",
	"Content-Transfer-Encoding: base64",
	"",
	base64.StdEncoding.EncodeToString([]byte("<p>Grüße</p>\r\n")),
	"--=_1.1--",
	"--=_1",
	"Content-Type: application/pdf; name*=UTF-8''Pl%C3%A4ne.pdf",
	"Content-Disposition: attachment; filename*=UTF-8''Pl%C3%A4ne.pdf",
	"Content-Transfer-Encoding: base64",
	"",
	"JVBERi0xLjQK",
	"--=_1",
	"Content-Type: message/rfc822",
	"",
	"Subject: inner",
	"Received: from x by y",
	"",
	"inside",
	"--=_1--",
)

func TestMailFacts(t *testing.T) {
	want := []string{
		"Content-Type = multipart/mixed",
		"Date = 2024-03-01T09:00:00Z",
		"From = Doe, John <john@example.org>",
		"Keywords = red",
		"Keywords = grün",
		"Message-ID = <1@example.org>",
		"Received = from b by c; Fri, 1 Mar 2024 09:00:02 +0000",
		"Received = from a by b; Fri, 1 Mar 2024 09:00:01 +0000",
		"References = <0@example.org> <00@example.org>",
		"Subject = Grüße from the Ärte",
		"To = Jürgen <j@example.org>",
		"To = Team: <a@example.org>",
		"To = Team: <b@example.org>",
		"X-Priority = 1",
		"part 1 Content-Type = multipart/alternative",
		"part 1.1 content = 34 bytes",
		"part 1.2 Content-Type = text/html",
		"part 1.2 content = 14 bytes",
		"part 2 Content-Disposition = attachment; filename=Pläne.pdf",
		"part 2 Content-Type = application/pdf; name=Pläne.pdf",
		"part 2 content = 9 bytes",
		"part 3 Content-Type = message/rfc822",
		"part 3 > Received = from x by y",
		"part 3 > Subject = inner",
		"part 3 > content = 6 bytes",
	}
	var got []string
	for _, f := range mail(t, plan) {
		value, _, _ := strings.Cut(f.Value, ", sha256")
		got = append(got, f.Field+" = "+value)
		if f.Trace != (f.Field == "Received") {
			t.Errorf("%s: trace is %v", f.Field, f.Trace)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
}

// What says the same has the same facts.
func TestSameMail(t *testing.T) {
	replaced := func(old, new string) string {
		if !strings.Contains(plan, old) {
			t.Fatalf("there is no %q", old)
		}
		return strings.Replace(plan, old, new, 1)
	}
	for name, s := range map[string]string{
		"LF":                     strings.ReplaceAll(plan, "\r\n", "\n"),
		"case of names":          replaced("Subject:", "SUBJECT:"),
		"order":                  replaced("X-Priority: 1\r\n", "") + "",
		"folded":                 replaced(" from the ", "\r\n\tfrom the "),
		"other words":            replaced("=?iso-8859-1?Q?Gr=FC=DFe?=", "=?utf-8?b?R3LDvMOfZQ==?="),
		"split words":            replaced("=?utf-8?B?w4RydGU=?=", "=?utf-8?q?=C3=84r?=\r\n =?utf-8?q?te?="),
		"8 bit":                  replaced("=?iso-8859-1?Q?Gr=FC=DFe?=", "Grüße"),
		"another zone":           replaced("Fri, 1 Mar 2024 10:00:00 +0100", "Fri, 01 Mar 2024 04:00:00 -0500 (EST)"),
		"quotes":                 replaced(`"Doe, John" <john@Example.ORG>`, `"Doe, John"  <john@example.org>`),
		"another boundary":       strings.ReplaceAll(plan, "=_1.1", "limit"),
		"text in base64":         replaced("Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe,\r\nand a line that is =\r\nfolded", "Content-Transfer-Encoding: base64\r\n\r\n"+base64.StdEncoding.EncodeToString([]byte("Gr\xFC\xDFe,\r\nand a line that is folded"))),
		"text in UTF-8":          replaced("charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe,\r\nand a line that is =\r\nfolded", "charset=\"UTF-8\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße,\r\nand a line that is folded"),
		"other lines of base64":  replaced("JVBERi0xLjQK", "JVBE\r\nRi0x\r\nLjQK"),
		"plain name":             replaced("filename*=UTF-8''Pl%C3%A4ne.pdf", "filename*0*=UTF-8''Pl%C3%A4; filename*1=ne.pdf"),
		"state":                  "Status: RO\r\nX-Status: A\r\nX-Keywords: a b\r\nContent-Length: 12\r\n" + plan,
		"added trace":            "Return-Path: <x@example.org>\r\nReceived: by d\r\n" + plan,
		"no line end at the end": strings.TrimSuffix(plan, "\r\n"),
		"blanks at the end":      plan + "\r\n\r\n",
	} {
		if name == "order" {
			s = "X-Priority: 1\r\n" + s
		}
		got := mail(t, s)
		if d := compare.Diff(mail(t, plan), got); len(d) > 0 {
			t.Errorf("%s: %+v", name, d)
		}
		if got.Print() != mail(t, plan).Print() {
			t.Errorf("%s: another print", name)
		}
	}
}

// What says something else is told, with what.
func TestOtherMail(t *testing.T) {
	for _, tt := range []struct{ old, new, field, want, got string }{
		{"Gr=FC=DFe,", "Gr=FC=DFe;", "part 1.1 content", "34 bytes", "34 bytes"},
		{"JVBERi0xLjQK", "JVBERi0xLjUK", "part 2 content", "9 bytes", "9 bytes"},
		{"JVBERi0xLjQK", "JVBERi0x!jQK", "part 2 content", "9 bytes", ""},
		{"Subject: inner", "Subject: Inner", "part 3 > Subject", "inner", "Inner"},
		{"X-Priority: 1", "X-Priority: 3", "X-Priority", "1", "3"},
		{"X-Priority: 1\r\n", "", "X-Priority", "1", ""},
		{"X-Priority: 1\r\n", "X-Priority: 1\r\nX-Other: 2\r\n", "X-Other", "", "2"},
		{"b@example.org;", "c@example.org;", "To", "Team: <b@example.org>", "Team: <c@example.org>"},
		{"red, =?", "=?", "Keywords", "red", ""},
		{"a@example.org, b@example.org;", "b@example.org, a@example.org;", "To", "Jürgen <j@example.org>, Team: <a@example.org>, Team: <b@example.org>", "Jürgen <j@example.org>, Team: <b@example.org>, Team: <a@example.org>"},
		{"10:00:00", "10:00:01", "Date", "2024-03-01T09:00:00Z", "2024-03-01T09:00:01Z"},
		{"Received: from a by b; Fri, 1 Mar 2024 09:00:01 +0000\r\n", "", "Received", "from a by b; Fri, 1 Mar 2024 09:00:01 +0000", ""},
		{"\r\n--=_1--\r\n", "\r\n", "end", "", "missing"},
		{"\r\n--=_1\r\nContent-Type: multipart/alt", "\r\nhidden\r\n--=_1\r\nContent-Type: multipart/alt", "before the parts", "", "6 bytes"},
		{"Subject: =?", "no field\r\nSubject: =?", "lines in the header that are none of it", "", "8 bytes"},
		{"Content-Disposition: attachment", "Content-Disposition: inline", "part 2 Content-Disposition", "attachment; filename=Pläne.pdf", "inline; filename=Pläne.pdf"},
	} {
		if !strings.Contains(plan, tt.old) {
			t.Fatalf("there is no %q", tt.old)
		}
		got := mail(t, strings.Replace(plan, tt.old, tt.new, 1))
		d := compare.Diff(mail(t, plan), got)
		if len(d) != 1 || d[0].Field != tt.field || !strings.HasPrefix(d[0].Want, tt.want) || !strings.HasPrefix(d[0].Got, tt.got) {
			t.Errorf("%q: %+v", tt.new, d)
		}
		if tt.field != "Received" && got.Print() == mail(t, plan).Print() {
			t.Errorf("%q: the same print", tt.new)
		}
		if tt.field == "Received" && got.TracePrint() == mail(t, plan).TracePrint() {
			t.Errorf("%q: the same print of traces", tt.new)
		}
	}
}

// What was signed is compared as it stands.
func TestSigned(t *testing.T) {
	signed := func(body string) compare.Facts {
		return mail(t, lines("Content-Type: multipart/signed; boundary=s", "", "--s", "Content-Type: text/plain", "", body, "--s", "Content-Type: application/pgp-signature", "", "x", "--s--"))
	}
	d := compare.Diff(signed("a  b"), signed("a  b "))
	if len(d) != 2 || d[1].Field != "part 1 signed" {
		t.Errorf("%+v", d)
	}
	folded := func(s string) compare.Facts {
		return mail(t, lines("Content-Type: multipart/signed; boundary=s", "", "--s", s, "", "x", "--s--"))
	}
	d = compare.Diff(folded("Content-Type: text/plain; charset=utf-8"), folded("Content-Type: text/plain;\r\n charset=utf-8"))
	if len(d) != 1 || d[0].Field != "part 1 signed" {
		t.Errorf("%+v", d)
	}
}

// However content is encoded, and in what pieces it comes, what it says is the same.
func TestEncodings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab \t=.-Fäß€😀\n")), 0, 3000, -1).Draw(t, "text")
		text = strings.TrimRight(text, "\n")
		head := "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: "
		crlf := strings.ReplaceAll(text, "\n", "\r\n")
		var quoted bytes.Buffer
		q := quotedprintable.NewWriter(&quoted)
		io.WriteString(q, crlf)
		q.Close()
		encoded := base64.StdEncoding.EncodeToString([]byte(crlf))
		for n := 76; n < len(encoded); n += 78 {
			encoded = encoded[:n] + "\r\n" + encoded[n:]
		}
		want := mail(t, head+"8bit\r\n\r\n"+crlf)
		for _, s := range []string{head + "quoted-printable\r\n\r\n" + quoted.String() + "\r\n", head + "base64\r\n\r\n" + encoded + "\r\n"} {
			got := mail(t, s)
			slow, err := compare.Mail(iotest.OneByteReader(strings.NewReader(s)))
			if err != nil {
				t.Fatal(err)
			}
			if got.Print() != want.Print() || slow.Print() != want.Print() {
				t.Fatalf("%+v, %+v, want %+v", got, slow, want)
			}
		}
	})
}

// What was made canonical is: written into a mail it says the same.
func TestCanonicalTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.StringOfN(rapid.RuneFrom([]rune("ab ,<>@\"()=?:;é€\t")), 0, 60, -1).Draw(t, "value")
		for _, field := range []string{"Subject", "Keywords", "References", "X-Note", "Date", "Content-Disposition"} {
			for _, f := range mail(t, field+": "+raw+"\r\n\r\n") {
				if f.Field != field || strings.Contains(f.Value, "=?") || field == "Keywords" && strings.ContainsAny(f.Value, `,"`) || field == "Content-Disposition" && strings.Contains(f.Value, ";") {
					continue // a part of it alone is something else
				}
				if again := mail(t, field+": "+f.Value+"\r\n\r\n").Get(field); again != f.Value {
					t.Fatalf("%s: %q becomes %q, and that %q", field, raw, f.Value, again)
				}
			}
		}
	})
}

// The error is the reader's; the mail has none.
func TestMailErrors(t *testing.T) {
	gone := errors.New("the server is gone")
	if _, err := compare.Mail(io.MultiReader(strings.NewReader(plan), iotest.ErrReader(gone))); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
	for _, s := range []string{"", "\n", "\r", "no header", "a: b", "Content-Type: multipart/mixed; boundary=\n\nx", "Content-Type: multipart/mixed; boundary=x\n\n--x\n--x--\n--x--\n"} {
		mail(t, s)
	}
}

// endless repeats a line.
type endless struct {
	line string
	left int64
	rest string
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	if e.rest == "" {
		e.rest = e.line
	}
	n := copy(p, e.rest)
	e.rest = e.rest[n:]
	e.left -= int64(n)
	return n, nil
}

// Memory is bounded whatever a mail holds.
func TestMailMemory(t *testing.T) {
	const size = 16 << 20
	for name, r := range map[string]io.Reader{
		"attachment":  io.MultiReader(strings.NewReader("Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n"), &endless{line: strings.Repeat("AAAA", 19) + "\r\n", left: size}),
		"text":        io.MultiReader(strings.NewReader("Content-Type: text/plain; charset=utf-16\n\n"), &endless{line: "one line", left: size}),
		"one line":    io.MultiReader(strings.NewReader("\n"), &endless{line: "one line", left: size}),
		"quoted":      io.MultiReader(strings.NewReader("Content-Transfer-Encoding: quoted-printable\n\n"), &endless{line: "= ", left: size}),
		"header":      &endless{line: "A: b\n", left: size},
		"folded":      io.MultiReader(strings.NewReader("A:\n"), &endless{line: " b\n", left: size}),
		"long field":  io.MultiReader(strings.NewReader("A:"), &endless{line: "b", left: size}),
		"no header":   &endless{line: "what\n", left: size},
		"parts":       io.MultiReader(strings.NewReader("Content-Type: multipart/mixed; boundary=x\n\n"), &endless{line: "--x\nA: b\n\nc\n", left: size}),
		"deep":        &endless{line: "Content-Type: multipart/mixed; boundary=x\n\n--x\n", left: size},
		"deep mails":  &endless{line: "Content-Type: message/rfc822\n\n", left: size},
		"empty lines": io.MultiReader(strings.NewReader("Content-Type: multipart/mixed; boundary=x\n\n"), &endless{line: "\n", left: size}),
	} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		f, err := compare.Mail(r)
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if held := int64(after.HeapAlloc) - int64(before.HeapAlloc); held > 15<<20 {
			t.Errorf("%s: %d MB are held", name, held>>20)
		}
		runtime.KeepAlive(f)
	}
}

// What is shown is one short line, with the place in sight where two values differ.
func TestShown(t *testing.T) {
	long := strings.Repeat("word ", 100)
	a := compare.Facts{{Field: "Subject", Value: long + "\x1b[2Jend"}}
	b := compare.Facts{{Field: "Subject", Value: long + "another\nend"}}
	d := compare.Diff(a, b)
	if len(d) != 1 || len([]rune(d[0].Want)) > 130 || !strings.HasSuffix(d[0].Want, "\uFFFD[2Jend") || !strings.HasSuffix(d[0].Got, "another⏎end") || !strings.HasPrefix(d[0].Got, "…") {
		t.Errorf("%+v", d)
	}
	var many compare.Facts
	for i := range 1000 {
		many = append(many, compare.Fact{Field: fmt.Sprint("X-", i), Value: "x"})
	}
	if d := compare.Diff(many, nil); len(d) != compare.MostDifferences {
		t.Errorf("%d differences", len(d))
	}
}

func FuzzMail(f *testing.F) {
	f.Add([]byte(plan))
	f.Add([]byte("Content-Type: multipart/signed; boundary=x\n\n--x\n\na\n--x--\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		whole, err := compare.Mail(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		pieces, err := compare.Mail(iotest.HalfReader(bytes.NewReader(data)))
		if err != nil || whole.Print() != pieces.Print() || len(compare.Diff(whole, pieces)) > 0 {
			t.Fatalf("%v: %+v, in pieces %+v", err, whole, pieces)
		}
	})
}
