package mime_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	stdmime "mime"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/emersion/go-message"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/formats/mbox"
	"mailmill/formats/mime"
)

var update = flag.Bool("update", false, "write the golden files anew")

func encode(t testing.TB, m *formats.Mail) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := mime.Write(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// checkStrict fails where b is not lines of at most 998 octets of 7-bit text.
func checkStrict(t interface {
	Helper()
	Fatalf(string, ...any)
}, b []byte,
) {
	t.Helper()
	for i, line := range bytes.Split(b, []byte("\r\n")) {
		if len(line) > 998 {
			t.Fatalf("line %d has %d octets", i+1, len(line))
		}
		for _, c := range line {
			if c < ' ' && c != '\t' || c >= 0x7F {
				t.Fatalf("line %d holds %#x: %.100q", i+1, c, line)
			}
		}
	}
	if !bytes.HasSuffix(b, []byte("\r\n")) || bytes.HasSuffix(b, []byte("\n\r\n")) {
		t.Fatalf("the message ends with %q", b[max(0, len(b)-10):])
	}
}

// lost is content that breaks off.
type lost struct {
	data string
	err  error
}

func (l lost) Open() (io.ReadCloser, error) {
	if l.data == "" {
		return nil, l.err
	}
	return io.NopCloser(io.MultiReader(strings.NewReader(l.data), iotest.ErrReader(l.err))), nil
}

// lazy is content that is not in memory.
type lazy string

func (l lazy) Open() (io.ReadCloser, error) {
	return io.NopCloser(iotest.OneByteReader(strings.NewReader(string(l)))), nil
}

func addr(name, smtp string) *formats.Address {
	return &formats.Address{Name: name, Stored: "/o=Org/cn=x", SMTP: smtp}
}

func text(s string) *formats.Part {
	return &formats.Part{Type: "text/plain", Content: formats.Bytes(s)}
}

func file(name, content string) *formats.Part {
	return &formats.Part{Type: "application/octet-stream", Disposition: "attachment", Name: name, Content: lazy(content)}
}

func multi(typ string, parts ...*formats.Part) *formats.Part {
	return &formats.Part{Type: "multipart/" + typ, Parts: parts}
}

func date() formats.Field {
	return formats.Field{Name: "Date", Structured: true, Text: mime.FormatDate(time.Date(2020, 2, 3, 4, 5, 6, 0, time.FixedZone("", -3600)))}
}

// golden are mails whose written form is kept in testdata.
var golden = map[string]func() *formats.Mail{
	"plain": func() *formats.Mail {
		return &formats.Mail{MessageID: "<1@x>", Root: text("Hello,\r\nwörld\r\n"), Header: []formats.Field{
			date(),
			{Name: "From", Addresses: []*formats.Address{addr("Alice Example", "alice@example.org")}},
			{Name: "To", Addresses: []*formats.Address{addr("Groß, Jürgen", "juergen@bücher.example"), addr("Smith, John", "john@example.org"), {Name: "No Address"}}},
			{Name: "Cc", Addresses: []*formats.Address{{Group: "undisclosed-recipients"}}},
			{Name: "Subject", Text: "A subject that is long enough to be folded once, as it has more than 78 characters"},
			{Name: "X-Empty"},
			{Name: "References", Structured: true, Text: "<" + strings.Repeat("a", 60) + "@example.org> <" + strings.Repeat("b", 60) + "@example.org>"},
		}}
	},
	"tree": func() *formats.Mail {
		related := multi("related", multi("alternative", text("text\n"), &formats.Part{Type: "text/html", Content: formats.Bytes("<img src='cid:a b@x'>")}),
			&formats.Part{Type: "image/png", Disposition: "inline", Name: "Bild ü.png", ContentID: "<a b@x>", Location: "http://x/ü", Content: formats.Bytes("\x89PNG")})
		related.Params = []formats.Param{{Name: "type", Value: "multipart/alternative"}}
		inner := &formats.Mail{MessageID: "<2@x>", Header: []formats.Field{{Name: "Subject", Text: "inner"}}, Root: text("--=_looks like a boundary\r\nFrom like an mbox\r\n")}
		return &formats.Mail{
			MessageID: "<1@x>", Header: []formats.Field{date(), {Name: "Subject", Text: "größer"}},
			Root: multi("mixed", related, file("plan.dwg", "content"), file(strings.Repeat("sehr lang ", 12)+"für.txt", ""),
				&formats.Part{Type: "message/rfc822", Disposition: "attachment", Name: "inner.eml", Message: inner}),
		}
	},
	"signed": func() *formats.Mail {
		return &formats.Mail{MessageID: "<1@x>", Header: []formats.Field{date()}, Root: &formats.Part{Entity: true, Content: lazy(
			"Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nFrom here  \r\n--b\r\nContent-Type: application/pkcs7-signature\r\n\r\nx\r\n--b--\r\n")}}
	},
	"damaged": func() *formats.Mail {
		p := file("plan.dwg", "")
		p.Content = lost{"what was read", errors.New("block 0x1f2c4 has a wrong checksum")}
		return &formats.Mail{MessageID: "<1@x>", Header: []formats.Field{date()}, Root: multi("mixed", text("hello\r\n"), p, file("whole.txt", "whole"))}
	},
}

func TestGolden(t *testing.T) {
	for name, make := range golden {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			var incomplete *mime.ContentError
			if err := mime.Write(&b, make()); err != nil && !errors.As(err, &incomplete) {
				t.Fatal(err)
			}
			checkStrict(t, b.Bytes())
			path := filepath.Join("testdata", name+".eml")
			if *update {
				if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), b.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// decoded is what a part is to a reader of the message.
type decoded struct {
	typ, name, content string
	parts              []decoded
}

func (d decoded) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "(%s %q %.300q", d.typ, d.name, d.content)
	for _, p := range d.parts {
		b.WriteString(p.String())
	}
	return b.String() + ")"
}

// decode reads a message with a parser that is not ours.
func decode(r io.Reader) (decoded, error) {
	e, err := message.Read(r)
	if err != nil {
		return decoded{}, err
	}
	return decodeEntity(e)
}

func decodeEntity(e *message.Entity) (d decoded, err error) {
	// The standard library's parser: go-message decodes encoded words where RFC 2231 has none.
	typ, params, err := stdmime.ParseMediaType(e.Header.Get("Content-Type"))
	if err != nil {
		return d, err
	}
	d.typ, d.name = typ, params["name"]
	if _, params, err := stdmime.ParseMediaType(e.Header.Get("Content-Disposition")); err == nil && params["filename"] != "" {
		d.name = params["filename"]
	}
	if mr := e.MultipartReader(); mr != nil {
		for {
			p, err := mr.NextPart()
			if err == io.EOF {
				return d, nil
			}
			if err != nil {
				return d, err
			}
			c, err := decodeEntity(p)
			if err != nil {
				return d, err
			}
			d.parts = append(d.parts, c)
		}
	}
	if d.typ == "message/rfc822" {
		c, err := decode(e.Body)
		d.parts = []decoded{c}
		return d, err
	}
	b, err := io.ReadAll(e.Body)
	d.content = string(b)
	return d, err
}

// model is what a part has to be to a reader.
func model(p *formats.Part) (d decoded) {
	d.typ, d.name = p.Type, p.Name
	for _, c := range p.Parts {
		d.parts = append(d.parts, model(c))
	}
	if p.Message != nil {
		d.parts = []decoded{model(p.Message.Root)}
	}
	if p.Content != nil {
		r, _ := p.Content.Open()
		b, _ := io.ReadAll(r)
		if strings.HasPrefix(p.Type, "text/") && p.Name == "" {
			b = mime.AppendCanonical(nil, b)
		}
		d.content = string(b)
	}
	return d
}

var (
	anyName = rapid.OneOf(rapid.String(), rapid.StringN(0, 300, -1), rapid.SampledFrom([]string{"a b.txt", `q"uo\te.txt`, "ä.txt", "=?utf-8?q?x?=", strings.Repeat("long ", 60) + "x"}))
	line    = rapid.OneOf(rapid.SampledFrom([]string{"", "", "plain text", "From here", ">From", ">>From x", "--=_0123", "=3D", "ends ", "tab\t", ".", strings.Repeat("x", 75), strings.Repeat("x", 76), strings.Repeat("y", 77) + " ", strings.Repeat("long ", 300)}), rapid.String())
	ends    = rapid.SampledFrom([]string{"\r\n", "\n", "\r", "\r\n\r\n"})
	anyText = rapid.Custom(func(t *rapid.T) string {
		var b strings.Builder
		for range rapid.IntRange(0, 6).Draw(t, "lines") {
			b.WriteString(line.Draw(t, "line"))
			b.WriteString(ends.Draw(t, "end"))
		}
		return b.String() + rapid.SampledFrom([]string{"", "", "unfinished", " "}).Draw(t, "last")
	})
)

func anyPart(t *rapid.T, depth int) *formats.Part {
	kind := rapid.IntRange(0, 5).Draw(t, "kind")
	if depth > 3 && kind > 3 {
		kind = 0
	}
	switch kind {
	case 0, 1:
		s := anyText.Draw(t, "text")
		p := &formats.Part{Type: rapid.SampledFrom([]string{"text/plain", "text/html"}).Draw(t, "type"), Content: formats.Bytes(s)}
		if rapid.Bool().Draw(t, "lazy") {
			p.Content, p.Size = lazy(s), int64(len(s))
		}
		return p
	case 2, 3:
		p := &formats.Part{Type: rapid.SampledFrom([]string{"text/plain", "application/pdf"}).Draw(t, "type"), Disposition: "attachment", Name: visible(anyName.Draw(t, "name"))}
		b := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "bytes")
		p.Content = formats.Bytes(b)
		if p.Name == "" {
			p.Name = "x"
		}
		if rapid.Bool().Draw(t, "lazy") {
			p.Content = lazy(b)
		}
		return p
	case 4:
		return &formats.Part{Type: "message/rfc822", Message: &formats.Mail{Header: []formats.Field{{Name: "Subject", Text: "x"}}, Root: anyPart(t, depth+1)}}
	default:
		p := multi(rapid.SampledFrom([]string{"mixed", "alternative", "related"}).Draw(t, "sub"))
		for range rapid.IntRange(1, 3).Draw(t, "parts") {
			p.Parts = append(p.Parts, anyPart(t, depth+1))
		}
		return p
	}
}

// visible is what may be left of a value in a header: no control characters.
func visible(s string) string {
	s = strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ", "\t", " ").Replace(strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7F && r < 0xA0 {
			return -1
		}
		return r
	}, s)
}

// TestCase20DecodesToTheModel checks that a strict parser finds in what was written exactly the parts, names and bytes
// of the mail, and nothing that is not clean.
func TestCase20DecodesToTheModel(t *testing.T) {
	enc := mime.NewEncoder()
	rapid.Check(t, func(t *rapid.T) {
		m := &formats.Mail{MessageID: "<x@y>", Root: anyPart(t, 0)}
		m.Header = []formats.Field{{Name: "Subject", Text: anyName.Draw(t, "subject")}}
		var b bytes.Buffer
		if err := enc.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		checkStrict(t, b.Bytes())
		got, err := decode(bytes.NewReader(b.Bytes()))
		if err != nil {
			t.Fatalf("%v\n%s", err, b.Bytes())
		}
		if got, want := got.String(), model(m.Root).String(); got != want {
			t.Fatalf("got  %s\nwant %s\n%s", got, want, b.Bytes())
		}
	})
}

// TestCase20EmbeddedIsNeverEncoded checks that a message in a message is neither base64 nor quoted-printable, whatever
// it holds.
func TestCase20EmbeddedIsNeverEncoded(t *testing.T) {
	inner := &formats.Mail{Header: []formats.Field{{Name: "Subject", Text: "ü"}}, Root: multi("mixed", text(strings.Repeat("ü", 5000)), file("a", "\x00\xFF"))}
	long := &formats.Mail{Root: &formats.Part{Type: "message/rfc822", Message: inner}}
	b := encode(t, &formats.Mail{Root: multi("mixed", &formats.Part{Type: "message/rfc822", Message: long})})
	checkStrict(t, b)
	if n := bytes.Count(b, []byte("message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n")); n != 2 {
		t.Errorf("%d of 2 embedded messages are 7bit:\n%s", n, b)
	}
}

// TestVerbatimMessage checks what becomes of messages that are there as bytes.
func TestVerbatimMessage(t *testing.T) {
	for _, tt := range []struct{ name, content, typ, encoding string }{
		{"clean", "Subject: x\r\n\r\nx\r\n", "message/rfc822", "7bit"},
		{"8-bit", "Subject: x\r\n\r\n\xe4\r\n", "message/rfc822", "8bit"},
		{"no text", "Subject: x\r\n\r\n\x00", "application/octet-stream", "base64"},
		{"bare LF", "Subject: x\n\nx\n", "application/octet-stream", "base64"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &formats.Part{Type: "message/rfc822", Content: lazy(tt.content)}
			b := encode(t, &formats.Mail{Root: multi("mixed", p)})
			if !bytes.Contains(b, []byte("Content-Type: "+tt.typ+"\r\nContent-Transfer-Encoding: "+tt.encoding+"\r\n")) {
				t.Errorf("not %s in %s:\n%s", tt.typ, tt.encoding, b)
			}
			if outer := bytes.Count(b, []byte("Content-Transfer-Encoding: 8bit")); (outer == 2) != (tt.encoding == "8bit") {
				t.Errorf("%d parts are 8bit", outer)
			}
		})
	}
}

// TestReport checks that the machine's part of a report stays legible and is not encoded.
func TestReport(t *testing.T) {
	status := &formats.Part{Type: "message/delivery-status", Content: formats.Bytes("Reporting-MTA: dns; x\n\nAction: failed\n")}
	b := encode(t, &formats.Mail{Root: multi("report", text("x"), status)})
	checkStrict(t, b)
	if want := "Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: 7bit\r\n\r\nReporting-MTA: dns; x\r\n\r\nAction: failed\r\n\r\n--"; !bytes.Contains(b, []byte(want)) {
		t.Errorf("not there: %q in\n%s", want, b)
	}
}

// TestEntity checks that signed content leaves byte for byte.
func TestEntity(t *testing.T) {
	const entity = "MIME-Version: 1.0\r\nContent-Type: multipart/signed; boundary=b\n\n--b\n\nx \n--b--"
	p := &formats.Part{Type: "multipart/signed", Entity: true, Content: lazy(entity)}
	b := encode(t, &formats.Mail{Header: []formats.Field{{Name: "Subject", Text: "x"}, {Name: "MIME-Version", Text: "1.0"}, {Name: "content-type", Text: "x/y"}}, Root: p})
	if want := "Subject: x\r\n" + entity; string(b) != want {
		t.Errorf("got %q, want %q", b, want)
	}
	b = encode(t, &formats.Mail{Root: multi("mixed", p, text("footer"))})
	if !bytes.Contains(b, []byte("\r\n"+entity+"\r\n--=_")) {
		t.Errorf("the entity is not in\n%s", b)
	}
}

// TestBoundaryDependsOnVerbatimContent checks that no content can hold the boundary that it stands between.
func TestBoundaryDependsOnVerbatimContent(t *testing.T) {
	mail := func(content string) *formats.Mail {
		return &formats.Mail{MessageID: "<1@x>", Root: multi("mixed", &formats.Part{Type: "message/rfc822", Content: formats.Bytes(content)})}
	}
	boundary := func(m *formats.Mail) string {
		e, err := message.Read(bytes.NewReader(encode(t, m)))
		if err != nil {
			t.Fatal(err)
		}
		_, params, _ := e.Header.ContentType()
		return params["boundary"]
	}
	first := boundary(mail("Subject: x\r\n\r\n"))
	if again := boundary(mail("Subject: x\r\n\r\n")); first != again {
		t.Errorf("%s and %s for the same mail", first, again)
	}
	forged := "Subject: x\r\n\r\n--" + first + "\r\n\r\nforged\r\n"
	if boundary(mail(forged)) == first {
		t.Error("the forged boundary is the message's")
	}
}

func TestContentErrors(t *testing.T) {
	bad := errors.New("block 0x1 has a wrong checksum")
	broken := func(typ, data string) *formats.Part { return &formats.Part{Type: typ, Content: lost{data, bad}} }
	for _, tt := range []struct {
		name string
		root *formats.Part
		want string // types and contents
	}{
		{"in mixed", multi("mixed", broken("application/pdf", "abc"), text("x")), `mixed[application/pdf "abc" note text/plain "x"]`},
		{"in related", multi("related", text("x"), broken("image/png", "")), `related[text/plain "x" image/png "" note]`},
		{"in alternative in mixed", multi("mixed", multi("alternative", broken("text/plain", "abc"), text("x")), text("y")), `mixed[alternative[text/plain "abc" text/plain "x"] note text/plain "y"]`},
		{"alternative", multi("alternative", text("x"), broken("text/html", "abc")), `mixed[alternative[text/plain "x" text/html "abc"] note]`},
		{"text", broken("text/plain", "abc"), `mixed[text/plain "abc" note]`},
		{"binary", broken("application/pdf", "abc"), `mixed[application/pdf "abc" note]`},
		{"large", broken("application/pdf", strings.Repeat("x", 5<<20)), `mixed[application/pdf "` + strings.Repeat("x", 5<<20) + `" note]`},
		{"large text", broken("text/plain", strings.Repeat("x\n", 3<<20)), `mixed[text/plain "` + strings.Repeat(`x\r\n`, 3<<20) + `" note]`},
		{"cut short", multi("mixed", &formats.Part{Type: "application/pdf", Content: lost{"abc", io.ErrUnexpectedEOF}}), `mixed[application/pdf "abc" note]`},
		{"embedded", multi("mixed", &formats.Part{Type: "message/rfc822", Message: &formats.Mail{Root: broken("text/plain", "a")}}, text("x")), `mixed[message/rfc822[mixed[text/plain "a" note]] text/plain "x"]`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			err := mime.Write(&b, &formats.Mail{Root: tt.root})
			var incomplete *mime.ContentError
			if !errors.As(err, &incomplete) || len(incomplete.Damage) != 1 || !errors.Is(err, bad) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Fatalf("error %v", err)
			}
			checkStrict(t, b.Bytes())
			d, err := decode(&b)
			if err != nil {
				t.Fatal(err)
			}
			if got := outline(d); got != tt.want {
				t.Errorf("got %.300s\nwant %.300s", got, tt.want)
			}
		})
	}
}

func outline(d decoded) string {
	if strings.Contains(d.content, "could not be read to its end") {
		return "note"
	}
	s := strings.TrimPrefix(d.typ, "multipart/")
	if len(d.parts) == 0 {
		return s + fmt.Sprintf(" %q", d.content)
	}
	var parts []string
	for _, p := range d.parts {
		parts = append(parts, outline(p))
	}
	return s + "[" + strings.Join(parts, " ") + "]"
}

// TestWriteError checks that a target that fails, or is cancelled, ends the work at once.
func TestWriteError(t *testing.T) {
	full := errors.New("disk full")
	read := 0
	endless := contentFunc(func() (io.ReadCloser, error) {
		return io.NopCloser(readerFunc(func(p []byte) (int, error) { read += len(p); return len(p), nil })), nil
	})
	p := file("a", "")
	p.Content = endless
	err := mime.Write(iotest.TruncateWriter(io.Discard, 0), &formats.Mail{Root: text("x")})
	if err != nil {
		t.Fatal(err)
	}
	err = mime.Write(writerFunc(func([]byte) (int, error) { return 0, full }), &formats.Mail{Root: multi("mixed", p)})
	if err != full {
		t.Errorf("error %v", err)
	}
	if read > 1<<20 {
		t.Errorf("%d bytes were read for nothing", read)
	}
}

type (
	contentFunc func() (io.ReadCloser, error)
	readerFunc  func([]byte) (int, error)
	writerFunc  func([]byte) (int, error)
)

func (f contentFunc) Open() (io.ReadCloser, error) { return f() }
func (f readerFunc) Read(p []byte) (int, error)    { return f(p) }
func (f writerFunc) Write(p []byte) (int, error)   { return f(p) }

// TestLines checks that an mbox is the same whether base64 is filled into it or written.
func TestLines(t *testing.T) {
	for _, size := range []int{0, 1, 56, 57, 58, 60, 61, 62, 5000, 57 << 10, 300000} {
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(i * 7 >> 3)
		}
		m := &formats.Mail{Root: &formats.Part{Type: "multipart/mixed", Parts: []*formats.Part{
			{Type: "text/plain", Content: formats.Bytes("From the beginning\r\n")},
			{Type: "application/pdf", Name: "a.pdf", Disposition: "attachment", Content: formats.Bytes(content)},
			{Type: "image/png", Name: "b.png", Disposition: "attachment", Content: stream(content)},
		}}}
		var files [2]bytes.Buffer
		for i := range files {
			msg := mbox.NewWriter(&files[i]).Message("a@b", time.Time{}, mbox.Status{})
			var w io.Writer = msg
			if i == 1 {
				w = struct{ io.Writer }{msg}
			}
			if err := errors.Join(mime.Write(w, m), msg.Close()); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(files[0].Bytes(), files[1].Bytes()) {
			t.Errorf("%d bytes: filled\n%.3000q\nwritten\n%.3000q", size, files[0].Bytes(), files[1].Bytes())
		}
	}
}

// stream is content that is not in memory.
type stream []byte

func (s stream) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(s)), nil }

func BenchmarkAttachment(b *testing.B) {
	content := make([]byte, 1<<20)
	for i := range content {
		content[i] = byte(i * i >> 3)
	}
	m := &formats.Mail{Root: multi("mixed", text("hello\r\n"), &formats.Part{
		Type: "application/pdf", Disposition: "attachment", Name: "a.pdf",
		Content: contentFunc(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }),
	})}
	benchmark(b, m, int64(len(content)))
}

func BenchmarkSmall(b *testing.B) {
	m := golden["plain"]()
	benchmark(b, m, int64(len(encode(b, m))))
}

func BenchmarkText(b *testing.B) {
	benchmark(b, &formats.Mail{Root: text(strings.Repeat("Some text of the usual length, with nothing in it that is special.\r\n", 500))}, 500*68)
}

func BenchmarkQuotedPrintable(b *testing.B) {
	benchmark(b, &formats.Mail{Root: text(strings.Repeat("Some text of the usual length, with söme in it that is special.\r\n", 500))}, 500*66)
}

func benchmark(b *testing.B, m *formats.Mail, size int64) {
	enc := mime.NewEncoder()
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if err := enc.Encode(io.Discard, m); err != nil {
			b.Fatal(err)
		}
	}
}
