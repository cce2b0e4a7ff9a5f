package mail_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mailmill/extract"
	"mailmill/extract/mail"
	"mailmill/formats"
	"mailmill/formats/maildir"
	"mailmill/formats/mime"
)

// read makes the item of a message.
func read(t testing.TB, content formats.Content, size int, s mail.State) *formats.Item {
	t.Helper()
	it, err := mail.New(formats.Entry{ID: "1"}, content, int64(size), s, extract.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return it
}

func readText(t testing.TB, in string) *formats.Item {
	t.Helper()
	return read(t, formats.Bytes(in), len(in), mail.State{})
}

func written(t testing.TB, m *formats.Mail) string {
	t.Helper()
	var out bytes.Buffer
	if err := mime.Write(&out, m); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// canonical is in with CRLF for each LF alone.
func canonical(in string) string {
	var out strings.Builder
	for i := range len(in) {
		if in[i] == '\n' && (i == 0 || in[i-1] != '\r') {
			out.WriteByte('\r')
		}
		out.WriteByte(in[i])
	}
	return out.String()
}

// pieces is content that comes in pieces of a few bytes, from something that cannot seek.
type pieces struct {
	data string
	size int
}

func (p pieces) Open() (io.ReadCloser, error) {
	return io.NopCloser(&slow{strings.NewReader(p.data), p.size}), nil
}

type slow struct {
	r    io.Reader
	size int
}

func (s *slow) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), s.size)]) }

func addresses(list []*formats.Address) string {
	var out []string
	for _, a := range list {
		s := a.Name + " <" + a.Stored + ">"
		if a.SMTP != a.Stored {
			s += " = " + a.SMTP
		}
		if a.Group != "" {
			s = a.Group + ": " + s
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// Headers as they come in real life. All of them leave as they came, and what can be made out of them is.
func TestHeaders(t *testing.T) {
	type want struct {
		Subject, Date, From, Sender, To, Cc, ReplyTo, ID string
		Keywords                                         []string
		Flags                                            []string
	}
	for _, test := range []struct {
		name, in string
		want     want
	}{
		{
			"plain", "From: a@example.org\r\nTo: b@example.org\r\nSubject: Hello\r\nDate: Sat, 21 Nov 2026 21:14:05 +0100\r\nMessage-ID: <1@x>\r\n\r\nHi\r\n",
			want{Subject: "Hello", Date: "2026-11-21 20:14:05", From: " <a@example.org>", To: " <b@example.org>", ID: "<1@x>"},
		},
		{"LF", "From: a@example.org\nSubject: Hello\nMessage-ID: <1@x>\n\nHi\n", want{Subject: "Hello", From: " <a@example.org>", ID: "<1@x>"}},
		{"CR", "From: a@example.org\rSubject: Hello\rMessage-ID: <1@x>\r\rHi\r", want{Subject: "Hello", From: " <a@example.org>", ID: "<1@x>"}},
		{"CR CR LF", "From: a@example.org\r\r\nSubject: Hello\r\r\nMessage-ID: <1@x>\r\r\n\r\r\nX-Unsent: 1\r\r\n", want{Subject: "Hello", From: " <a@example.org>", ID: "<1@x>"}},
		{"no header", "\r\nJust text\r\n", want{ID: "made"}},
		{"no text", "Subject: all\r\nMessage-ID: <1@x>\r\n", want{Subject: "all", ID: "<1@x>"}},
		{"cut in the header", "Message-ID: <1@x>\r\nSubject: al", want{Subject: "al", ID: "<1@x>"}},
		{"text alone", "This is no message at all.\n", want{ID: "made"}},
		{"nothing", "", want{ID: "made"}},
		{"byte order mark", "\xEF\xBB\xBFSubject: Hello\r\nMessage-ID: <1@x>\r\n\r\n", want{Subject: "Hello", ID: "<1@x>"}},
		{"empty lines first", "\r\n\r\nSubject: Hello\r\nMessage-ID: <1@x>\r\n\r\n", want{Subject: "Hello", ID: "<1@x>"}},
		{"separator of an mbox", "From jane@example.org Sat Nov 21 21:14:05 2026\nSubject: Hello\nMessage-ID: <1@x>\n\n", want{Subject: "Hello", ID: "<1@x>"}},
		{"quoted separator", ">From jane@example.org Sat Nov 21 21:14:05 2026\nSubject: Hello\nMessage-ID: <1@x>\n\n", want{Subject: "Hello", ID: "<1@x>"}},
		{"lines that are none", "Subject: Hello\nwhat is this\n\tfolded\nMessage-ID: <1@x>\n\n", want{Subject: "Hello", ID: "<1@x>"}},
		{"no empty line", "Subject: Hello\nMessage-ID: <1@x>\n--b\nSubject: part\n", want{Subject: "Hello", ID: "<1@x>"}},
		{"blank before the colon", "Subject : Hello\nMESSAGE-ID: <1@x>\n\n", want{Subject: "Hello", ID: "<1@x>"}},
		{"folded", "Subject: one\r\n two\r\n\tthree\r\nMessage-ID:\r\n <1@x>\r\n\r\n", want{Subject: "one two three", ID: "<1@x>"}},
		{"a line of blanks within", "Subject: one\r\n \r\n two\r\nMessage-ID: <1@x>\r\n\r\n", want{Subject: "one  two", ID: "<1@x>"}},
		{"encoded", "Subject: =?utf-8?B?R3LDvA==?=\r\n =?utf-8?q?=C3=9Fe?= X\r\nMessage-ID: <1@x>\r\n\r\n", want{Subject: "Grüße X", ID: "<1@x>"}},
		{"8 bits, UTF-8", "Subject: Grüße\nFrom: Jörg <j@example.org>\nMessage-ID: <1@x>\n\n", want{Subject: "Grüße", From: "Jörg <j@example.org>", ID: "<1@x>"}},
		{"8 bits, Windows", "Subject: Gr\xFC\xDFe\nFrom: J\xF6rg <j@example.org>\nMessage-ID: <1@x>\n\n", want{Subject: "Grüße", From: "Jörg <j@example.org>", ID: "<1@x>"}},
		{"ISO 2022", "Subject: \x1b$B$3$s\x1b(B!\nMessage-ID: <1@x>\n\n", want{Subject: "こん!", ID: "<1@x>"}},
		{"control characters", "Subject: a\x1b[31mb\x00c\nMessage-ID: <1@x>\n\n", want{Subject: "a[31mbc", ID: "<1@x>"}},
		{
			"twice", "Subject: one\nSubject: two\nMessage-ID: <1@x>\nMessage-ID: <2@x>\nDate: never\nDate: 1 Jan 2020 00:00:00 +0000\nFrom: a@example.org\nFrom: b@example.org\n\n",
			want{Subject: "one", Date: "2020-01-01 00:00:00", From: " <a@example.org>", ID: "<1@x>"},
		},
		{"identifiers", "Message-ID: 1@x\n\n", want{ID: "<1@x>"}},
		{"identifier with blanks", "Message-ID: < 1 @x >\n\n", want{ID: "<1@x>"}},
		{"empty identifier", "Message-ID: <>\nMessage-Id: <2@x>\n\n", want{ID: "<2@x>"}},
		{"absurd date", "Date: Thu, 1 Jan 0001 00:00:00 +0000\nMessage-ID: <1@x>\n\n", want{ID: "<1@x>"}},
		{
			"only received", "Received: from a by b; Sat, 21 Nov 2026 21:14:05 +0000\nReceived: from c by a; Fri, 20 Nov 2026 21:14:05 +0000\nMessage-ID: <1@x>\n\n",
			want{Date: "2026-11-21 21:14:05", ID: "<1@x>"},
		},
		{
			"people", "From: \"Doe, Jane\" <jane@example.org>\nSender: jane@EXAMPLE.org\nReply-To: r@example.org; s@example.org\nTo: friends: a@example.org, B <b@example.org>;\n" +
				"To: <c@example.org> d@example.org\nCc: undisclosed-recipients:;\nMessage-ID: <1@x>\n\n",
			want{
				From: "Doe, Jane <jane@example.org>", ReplyTo: " <r@example.org>,  <s@example.org>", ID: "<1@x>",
				To: "friends:  <a@example.org>, friends: B <b@example.org>,  <c@example.org>,  <d@example.org>",
			},
		},
		{"sender", "From: a@example.org\nSender: b@example.org\nMessage-ID: <1@x>\n\n", want{From: " <a@example.org>", Sender: " <b@example.org>", ID: "<1@x>"}},
		{
			"Exchange", "From: Jane </o=Org/ou=Site/cn=Recipients/cn=jane>\nTo: IMCEAEX-_o=Org_ou=Site_cn=Recipients_cn=john@example.org\nCc: mailto:c@example.org, root\nMessage-ID: <1@x>\n\n",
			want{
				From: "Jane </o=Org/ou=Site/cn=Recipients/cn=jane> = ", To: " <IMCEAEX-_o=Org_ou=Site_cn=Recipients_cn=john@example.org> = ",
				Cc: " <mailto:c@example.org> = c@example.org, root <>", ID: "<1@x>",
			},
		},
		{
			"state", "Status: RO\nX-Status: AF\nKeywords: Red Category, \"Big, blue\"\nKeywords: =?utf-8?q?Gr=C3=BCn?=\nX-Mozilla-Keys: $label1 red_category NonJunk\nMessage-ID: <1@x>\n\n",
			want{Keywords: []string{"Red Category", "Big, blue", "Grün", "$label1"}, Flags: []string{"seen", "answered", "flagged"}, ID: "<1@x>"},
		},
		{"state of Thunderbird", "X-Mozilla-Status: 1007\nX-Mozilla-Status2: 00000000\nMessage-ID: <1@x>\n\n", want{Flags: []string{"seen", "answered", "forwarded", "flagged"}, ID: "<1@x>"}},
		{"deleted", "X-Mozilla-Status: 0009\nMessage-ID: <1@x>\n\n", want{Flags: []string{"seen", "deleted"}, ID: "<1@x>"}},
		{"draft", "X-Unsent: 1\nMessage-ID: <1@x>\n\n", want{Flags: []string{"draft"}, ID: "<1@x>"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			it := readText(t, test.in)
			m := it.Mail
			one := func(a *formats.Address) string {
				if a == nil {
					return ""
				}
				return addresses([]*formats.Address{a})
			}
			got := want{
				Subject: it.Subject, From: one(m.From), Sender: one(m.Sender), To: addresses(m.To), Cc: addresses(m.Cc), ReplyTo: addresses(m.ReplyTo),
				ID: m.MessageID, Keywords: it.Keywords, Flags: it.Flags.Names(),
			}
			if !it.Date.IsZero() {
				got.Date = it.Date.Format(time.DateTime)
			}
			if strings.HasPrefix(got.ID, "<pst.") {
				got.ID = "made"
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			if out := written(t, m); out != canonical(test.in) {
				t.Errorf("wrote %q, not %q", out, canonical(test.in))
			}
			if it.Kind != formats.KindMail || it.Key != formats.Key(formats.KindMail, m.MessageID) || it.ID != "1" {
				t.Errorf("the item is %+v", it)
			}
		})
	}
}

// Whatever the bytes are, they are an item, and leave as they came.
func TestAnyBytes(t *testing.T) {
	token := rapid.SampledFrom([]string{
		"\n", "\r\n", "\r", "\n\n", "\r\n\r\n", " ", "\t", ":", "--", "--b", "--b--", "--c", "\r\n--b\r\n", "\n--b--\n", "From ", "Subject: x", "To: a@b.example, ", "From: /o=a/cn=b",
		"Content-Type: multipart/mixed; boundary=b\n", "Content-Type: multipart/alternative; boundary=\"c\"\r\n", "Content-Type: message/rfc822\n\n", "Content-Type: text/html; charset=utf-16\n",
		"Content-Transfer-Encoding: base64\n\n", "Content-Transfer-Encoding: quoted-printable\n\n", "Content-Transfer-Encoding: x-uuencode\n\n", "=\n", "=41", "QUJD", "begin 644 x\n", "#0V%T\n", "end\n",
		"\x00", "\xFF", "Content-Disposition: attachment; filename=x\n",
	})
	rapid.Check(t, func(t *rapid.T) {
		in := strings.Join(rapid.SliceOfN(token, 0, 60).Draw(t, "tokens"), "")
		checkAny(t, in, rapid.IntRange(1, 7).Draw(t, "size"))
	})
}

// What had LF has LF again where it is kept so, after it was on its way with CRLF.
func TestLineEndsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.StringOf(rapid.SampledFrom([]rune("\n\n\r aF:>x"))).Draw(t, "in")
		in = strings.ReplaceAll(in, "\r", "\r ") // a CR, but no CRLF
		var out, back bytes.Buffer
		m, err := mime.Read(pieces{in, 5}, int64(len(in)), 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := mime.Write(&out, m); err != nil {
			t.Fatal(err)
		}
		w := maildir.NewWriter(&back)
		if _, err := w.Write(out.Bytes()); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if back.String() != in {
			t.Fatalf("%q became %q and then %q", in, out.String(), back.String())
		}
	})
}

// failer is what a test and a property have in common.
type failer interface {
	Fatalf(format string, args ...any)
}

func checkAny(t failer, in string, size int) {
	want := canonical(in)
	var first *formats.Item
	for _, content := range []formats.Content{formats.Bytes(in), pieces{in, size}, formats.Section{R: strings.NewReader(in), Size: int64(len(in))}} {
		it, err := mail.New(formats.Entry{}, content, int64(len(in)), mail.State{}, extract.Options{})
		if err != nil {
			t.Fatalf("New: %v", err)
		}
		for range 2 { // the second time with all that is known of its parts
			var out bytes.Buffer
			if err := mime.Write(&out, it.Mail); err != nil {
				t.Fatalf("Write: %v", err)
			}
			if out.String() != want {
				t.Fatalf("%T: wrote %q, not %q", content, out.String(), want)
			}
			if err := it.Mail.Parse(); err != nil {
				t.Fatalf("Parse: %v", err)
			}
		}
		if first == nil {
			first = it
		}
		if it.Key != first.Key || it.Subject != first.Subject || shape(t, it.Mail) != shape(t, first.Mail) {
			t.Fatalf("%T: is another item: %s and %s", content, shape(t, it.Mail), shape(t, first.Mail))
		}
	}
}

// shape describes the parts of a mail, and what each holds.
func shape(t failer, m *formats.Mail) string {
	var b strings.Builder
	var part func(p *formats.Part)
	part = func(p *formats.Part) {
		b.WriteString("(" + p.Type)
		if p.Content != nil {
			r, err := p.Content.Open()
			if err != nil {
				t.Fatalf("Open: %v", err)
			}
			data, err := io.ReadAll(r)
			if err != nil {
				t.Fatalf("reading a part: %v", err)
			}
			r.Close()
			if text := strings.HasPrefix(p.Type, "text/"); !text && p.Message == nil && int64(len(data)) != p.Size {
				t.Fatalf("a part of type %s has %d bytes, and not %d: %q", p.Type, len(data), p.Size, data)
			}
			b.Write(data)
		}
		for _, c := range p.Parts {
			part(c)
		}
		if p.Message != nil {
			part(p.Message.Root)
		}
		b.WriteString(")")
	}
	part(m.Root)
	return b.String()
}

func FuzzNew(f *testing.F) {
	for _, seed := range []string{
		"Subject: x\n\nbody\n", string(usualMail(2000, "\r\n")),
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nSubject: y\n\n--b\nContent-Transfer-Encoding: base64\n\nQUJD\nREVG=\nfooter text\n--b--\n",
		"Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\nSubject: =3D\n\n=\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) { checkAny(t, in, 3) })
}

// FuzzRenew has a step find addresses: nothing but their fields may differ.
func FuzzRenew(f *testing.F) {
	f.Add("From: Jane </o=Org/cn=jane>\nSubject: x\n\nbody\n")
	f.Add("Received: x\r\nTo: /o=Org/cn=a, b@example.org,\r\n \"C\" <IMCEAEX-_o=Org_cn=c@example.org>\r\nCc: /o=x")
	f.Fuzz(func(t *testing.T, in string) {
		it := readText(t, in)
		var left []string
		at := 0
		for i := range it.Mail.Header {
			h := &it.Mail.Header[i]
			found := false
			for _, a := range h.Addresses {
				if a.SMTP == "" && a.Stored != "" {
					a.SMTP, a.Via = "found@example.org", formats.ViaLearnt
					found = true
				}
			}
			if found {
				// The line end of a field that is made anew is CRLF, however many CR it had.
				left = append(left, strings.TrimLeft(canonical(in[at:h.Offset]), "\r"))
				at = int(h.Offset) + len(h.Raw)
			}
		}
		out := written(t, it.Mail)
		if len(left) == 0 {
			return
		}
		for _, s := range left {
			i := strings.Index(out, s)
			if i < 0 {
				t.Fatalf("%q is not in %q", s, out)
			}
			out = out[i+len(s):]
		}
		if rest := canonical(in[at:]); !strings.HasSuffix(out, strings.TrimLeft(rest, "\r\n")) {
			t.Fatalf("%q does not end with %q", out, rest)
		}
	})
}

// An Exchange name whose address is found is the only thing that changes.
func TestFoundAddress(t *testing.T) {
	const (
		before = "Return-Path: <>\r\nReceived: from a\r\n\tby b; Sat, 21 Nov 2026 21:14:05 +0000\r\nX-Odd : \xFF  odd \r\n"
		after  = "to:  someone@example.org ,\r\n\tother@example.org\r\nnot a field\r\nSubject:  Hi  =?x?=\r\nMessage-ID: <1@x>\r\n\r\nText\r\nFrom: </o=Org/cn=x>\r\n"
		in     = before + "from: \"Doe, Jane\"\r\n </o=Org/ou=Site/cn=Recipients/cn=jane>\r\n" + after
	)
	for _, form := range []string{in, strings.ReplaceAll(in, "\r\n", "\n")} {
		it := readText(t, form)
		if got := written(t, it.Mail); got != in {
			t.Errorf("before it is found: %q", got)
		}
		it.Mail.From.Placeholder = "ex-0@unresolved.invalid" // what a step writes in mail that has no bytes
		if got := written(t, it.Mail); got != in {
			t.Errorf("where it is not found: %q", got)
		}
		it.Participants(func(a *formats.Address) {
			if strings.HasPrefix(a.Stored, "/o=") {
				a.SMTP, a.Via, a.Placeholder = "jane@example.org", formats.ViaLearnt, ""
			}
		})
		want := before + "from: \"Doe, Jane\" <jane@example.org>\r\n" + after
		if got := written(t, it.Mail); got != want {
			t.Errorf("wrote %q, not %q", got, want)
		}
	}
}

// What stood in the place of an address that was found can be kept, and is learnt from again.
func TestKeepEX(t *testing.T) {
	const in = "From: \"Doe, Jane\" </o=Org/ou=Site/cn=Recipients/cn=jane>\r\nTo: a@example.org\r\nMessage-ID: <1@x>\r\n\r\nText\r\n"
	it, err := mail.New(formats.Entry{}, formats.Bytes(in), int64(len(in)), mail.State{}, extract.Options{KeepEX: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := written(t, it.Mail); got != in {
		t.Errorf("before it is found: %q", got)
	}
	it.Mail.From.SMTP, it.Mail.From.Via = "jane@example.org", formats.ViaLearnt
	got := written(t, it.Mail)
	want := "From: \"Doe, Jane\" <jane@example.org>\r\nX-PST-EX-Address: from; Doe, Jane; /o=Org/ou=Site/cn=Recipients/cn=jane\r\n" + in[strings.Index(in, "To:"):]
	if got != want {
		t.Errorf("wrote %q, not %q", got, want)
	}
	var lesson formats.Lesson
	mail.Learn([]byte(got), &lesson)
	if !slices.ContainsFunc(lesson.Evidence, func(e formats.Evidence) bool {
		return e.Class == formats.EvidenceHeader && e.SMTP == "jane@example.org" && e.DN == "/o=Org/ou=Site/cn=Recipients/cn=jane"
	}) {
		t.Errorf("learnt %+v", lesson.Evidence)
	}
}

// A message has one key, in whichever container and with whichever line ends it comes, also where it has no Message-ID.
func TestKeyOfMailWithoutMessageID(t *testing.T) {
	const in = "From: a@example.org\r\nDate: Sat, 21 Nov 2026 21:14:05 +0000\r\nSubject: x\r\n\r\nText\r\n\r\nmore\r\n"
	want := readText(t, in)
	for _, same := range []string{
		strings.ReplaceAll(in, "\r\n", "\n"), in + "\r\n", strings.TrimRight(in, "\r\n"), "Status: RO\r\nX-UID: 5\r\n" + in,
	} {
		if got := readText(t, same); got.Key != want.Key || !strings.HasSuffix(got.Identity, "@pst.invalid>") {
			t.Errorf("%q has the key %s, not %s", same, got.Key, want.Key)
		}
	}
	for _, other := range []string{strings.Replace(in, "more", "less", 1), strings.Replace(in, "05 +0000", "06 +0000", 1), strings.Replace(in, "a@", "b@", 1), strings.Replace(in, ": x", ": y", 1)} {
		if got := readText(t, other); got.Key == want.Key {
			t.Errorf("%q has the same key as %q", other, in)
		}
	}
}

// Keywords of which only a sign differs are different; a spelling that a container needs is not.
func TestKeywords(t *testing.T) {
	const in = "Keywords: A+, C/C++, Projekt 1, Projekt-1\n\nx"
	it := read(t, formats.Bytes(in), len(in), mail.State{Keywords: []string{"A+", "A-", "C_C++", "Projekt_1", "Projekt-1", "B+", "B-", "b+"}})
	if want := []string{"A+", "C/C++", "Projekt 1", "Projekt-1", "A-", "B+", "B-"}; !slices.Equal(it.Keywords, want) {
		t.Errorf("%q, want %q", it.Keywords, want)
	}
}

// A header may consist of keywords.
func TestManyKeywords(t *testing.T) {
	const n = 200_000
	list := make([]string, n)
	for i := range list {
		list[i] = "a" + strconv.Itoa(i)
	}
	in := "Keywords: b" + strings.Join(list, ",\n b") + "\n\nx"
	begin := time.Now()
	it := read(t, formats.Bytes(in), len(in), mail.State{Keywords: list})
	if took := time.Since(begin); len(it.Keywords) != 2*n || took > 20*time.Second {
		t.Errorf("%d keywords in %v", len(it.Keywords), took)
	}
}

func TestStateOfContainer(t *testing.T) {
	const in = "Keywords: Blue Category\nStatus: O\nReceived: by b; Sat, 21 Nov 2026 21:14:05 +0000\n\nx"
	received := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	it := read(t, formats.Bytes(in), len(in), mail.State{
		Flags: formats.FlagFlagged, Keywords: []string{"blue_category", "Work"}, Received: received, Envelope: "env@example.org",
	})
	if !slices.Equal(it.Keywords, []string{"Blue Category", "Work"}) || it.Flags != formats.FlagFlagged || !it.Received.Equal(received) || !it.Date.Equal(received) {
		t.Errorf("%q, %v, %v, %v", it.Keywords, it.Flags.Names(), it.Received, it.Date)
	}
	if it.Mail.From == nil || it.Mail.From.SMTP != "env@example.org" {
		t.Errorf("it is from %v", it.Mail.From)
	}
	if got := written(t, it.Mail); got != canonical(in) {
		t.Errorf("wrote %q", got)
	}
}

func TestClass(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{"Subject: x\n\n", "IPM.Note"},
		{"Content-Type: text/calendar; method=REQUEST\n\n", "IPM.Schedule.Meeting.Request"},
		{"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n", "REPORT.IPM.Note.NDR"},
		{"Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; boundary=b\n\n", "IPM.Note.SMIME.MultipartSigned"},
		{"X-PST-Message-Class: IPM.Note.Custom\nContent-Type: text/plain\n\n", "IPM.Note.Custom"},
	} {
		if it := readText(t, test.in); it.Class != test.want {
			t.Errorf("%q is of class %s, not %s", test.in, it.Class, test.want)
		}
		e := formats.Entry{Subject: "of the container"}
		mail.Peek(&e, []byte(test.in), 0)
		if e.Class != test.want || e.Kind != formats.KindMail || e.Subject == "" {
			t.Errorf("%q: peeked %+v", test.in, e)
		}
	}
}

// faulty content ends with an error after some bytes.
type faulty struct {
	data string
	err  error
}

func (f faulty) Open() (io.ReadCloser, error) {
	if f.data == "" {
		return nil, f.err
	}
	return io.NopCloser(io.MultiReader(strings.NewReader(f.data), failing{f.err})), nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// What cannot be read to its end leaves as far as it can be read, and says so.
func TestReadError(t *testing.T) {
	errDisk := errors.New("the disk is broken")
	if _, err := mail.New(formats.Entry{}, faulty{"", errDisk}, 100, mail.State{}, extract.Options{}); !errors.Is(err, errDisk) {
		t.Errorf("nothing can be read: %v", err)
	}
	const in = "Message-ID: <1@x>\nSubject: x\n\nText that\n"
	it := read(t, faulty{in, errDisk}, 100, mail.State{})
	var out bytes.Buffer
	if err := mime.LoseContent(it, mime.Write(&out, it.Mail)); err != nil {
		t.Fatal(err)
	}
	if out.String() != canonical(in) {
		t.Errorf("wrote %q", out.String())
	}
	if err := it.Mail.Parse(); !errors.Is(err, errDisk) {
		t.Errorf("Parse: %v", err)
	}
	if len(it.Damage) != 1 || it.Damage[0].Part != "message body" || !errors.Is(it.Damage[0].Err, errDisk) {
		t.Errorf("damage: %v", it.Damage)
	}
}

// A message with CR for line ends is the same in a file that gives it a line end of its own.
func TestLinesOfMacintosh(t *testing.T) {
	const in = "From: jane@example.org\rSubject: Lines\rMessage-ID: <1@example.org>\r\rText\r"
	for _, end := range []string{"", "\n", "\r\n", "\r\n\r\n"} {
		it := readText(t, in+end)
		if it.Subject != "Lines" || it.Identity != "<1@example.org>" {
			t.Errorf("with %q at its end it is %q, %s", end, it.Subject, it.Identity)
		}
	}
}
