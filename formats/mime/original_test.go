package mime_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime/quotedprintable"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/formats/mime"
)

func write(t testing.TB, m *formats.Mail) string {
	t.Helper()
	var out bytes.Buffer
	if err := mime.Write(&out, m); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

const withFile = "Received: by a\nSubject:  x \nMIME-Version: 1.0\nContent-Type: multipart/mixed;\n boundary=b\n\npreamble\n--b\n\nText \n--b\n" +
	"Content-Type: application/ms-tnef; name=winmail.dat\n\nAB\n--b\nContent-Type: message/rfc822\n\nSubject:  inner \n\nEnd--\n--b--\nepilogue \xE9\n"

// Where a step changes a part, all others stay as they came, to the last blank.
func TestRenew(t *testing.T) {
	m := parse(t, withFile)
	file := m.Root.Parts[1]
	if !m.Renew(file) {
		t.Fatal("the part cannot be changed")
	}
	*file = formats.Part{Type: "application/pdf", Name: "x.pdf", Disposition: "attachment", Content: formats.Bytes("PDF")}
	got := write(t, m)
	boundary := got[strings.Index(got, "boundary=")+len("boundary=") : strings.Index(got, "\r\nContent-Transfer-Encoding")]
	want := "Received: by a\r\nSubject:  x \r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=" + boundary + "\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" +
		"preamble\r\n--" + strings.Trim(boundary, `"`) + "\r\n\r\nText \r\n--" + strings.Trim(boundary, `"`) + "\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n" +
		"Content-Disposition: attachment; filename=x.pdf\r\n\r\nUERG\r\n\r\n--" + strings.Trim(boundary, `"`) +
		"\r\nContent-Type: message/rfc822\r\n\r\nSubject:  inner \r\n\r\nEnd--\r\n--" + strings.Trim(boundary, `"`) + "--\r\nepilogue \xE9\r\n"
	if got != want {
		t.Errorf("wrote\n%s\nand not\n%s", got, want)
	}
	again := parse(t, got)
	if list := partsOf(t, again); !strings.Contains(list, `application/pdf attachment "x.pdf" 3 "PDF"`) || !strings.Contains(list, `"End--"`) {
		t.Errorf("it reads back as\n%s", list)
	}
}

// A change in a message within a message changes both, and nothing else.
func TestRenewWithin(t *testing.T) {
	in := "Subject: outer\nContent-Type: multipart/mixed; boundary=o\n\n--o\n\nText\n--o\nContent-Type: message/rfc822\n\n" + strings.ReplaceAll(withFile, "--b", "--b") + "\n--o--\n"
	m := parse(t, in)
	file := m.Root.Parts[1].Message.Root.Parts[1]
	if !m.Renew(file) {
		t.Fatal("the part cannot be changed")
	}
	*file = formats.Part{Type: "text/plain", Content: formats.Bytes("from the file\r\n")}
	got := write(t, m)
	if !strings.HasPrefix(got, "Subject: outer\r\nMIME-Version: 1.0\r\n") || !strings.Contains(got, "\r\n\r\nReceived: by a\r\nSubject:  x \r\nMIME-Version: 1.0\r\n") {
		t.Errorf("the headers are not as they came:\n%s", got)
	}
	if !strings.Contains(got, "\r\n\r\npreamble\r\n--") || !strings.Contains(got, "--\r\nepilogue \xE9\r\n\r\n--") {
		t.Errorf("what stands around the parts is not as it came:\n%s", got)
	}
	list := partsOf(t, parse(t, got))
	for _, want := range []string{`"Text"`, `"Text "`, `"from the file\r\n"`, `"End--"`} {
		if !strings.Contains(list, want) {
			t.Errorf("%s is missing in\n%s", want, list)
		}
	}
}

func TestRenewSigned(t *testing.T) {
	m := parse(t, "Content-Type: multipart/signed; boundary=b\n\n--b\n\nText\n--b\nContent-Type: application/pgp-signature\n\nx\n--b--\n")
	if m.Renew(m.Root.Parts[0]) || m.Root.Raw == nil || m.Root.Parts[0].Raw == nil {
		t.Error("what is signed can be changed")
	}
	if m.Renew(&formats.Part{}) {
		t.Error("a part of nothing can be changed")
	}
	if m.Original.Content == nil || !m.Renew(m.Root) {
		t.Error("what signs cannot be replaced")
	}
}

// Participants of what is written as it came are nobody's business.
func TestParticipantsOfOriginals(t *testing.T) {
	m := parse(t, "From: a@example.org\nContent-Type: message/rfc822\n\nFrom: b@example.org\n\nText\n")
	visit := func() (list []string) {
		m.Participants(func(a *formats.Address) { list = append(list, a.Stored) })
		slices.Sort(list)
		return slices.Compact(list)
	}
	if got := visit(); !slices.Equal(got, []string{"a@example.org"}) {
		t.Errorf("participants: %q", got)
	}
	m.Root.Raw = nil
	if got := visit(); !slices.Equal(got, []string{"a@example.org", "b@example.org"}) {
		t.Errorf("participants of what is written anew: %q", got)
	}
}

// contentOf returns the content of a message of one part, which comes in pieces.
func contentOf(t failer, encoding, body string) string {
	in := "Content-Type: application/x\nContent-Transfer-Encoding: " + encoding + "\n\n" + body
	m, err := mime.Read(trickle(in), int64(len(in)), 0)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	if err := m.Parse(); err != nil {
		t.Fatalf("Parse: %v", err)
	}
	r, err := m.Root.Content.Open()
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("reading: %v", err)
	}
	if m.Root.Size != int64(len(data)) {
		t.Fatalf("the size of %q is %d, and not %d", body, len(data), m.Root.Size)
	}
	return string(data)
}

type failer interface {
	Fatalf(format string, args ...any)
}

// trickle is content that comes in halves of what is asked for.
type trickle string

func (s trickle) Open() (io.ReadCloser, error) {
	return io.NopCloser(iotest.HalfReader(strings.NewReader(string(s)))), nil
}

func TestDecodesWhatOthersEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 0, 3000).Draw(t, "data")
		end := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end")

		text := base64.StdEncoding.EncodeToString(data)
		var lines strings.Builder
		for len(text) > 76 {
			lines.WriteString(text[:76] + end)
			text = text[76:]
		}
		lines.WriteString(text + end)
		if got := contentOf(t, "base64", lines.String()); got != string(data) {
			t.Fatalf("base64: %q", got)
		}

		var quoted bytes.Buffer
		w := quotedprintable.NewWriter(&quoted)
		w.Binary = true
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		w.Close()
		if got := contentOf(t, "quoted-printable", strings.ReplaceAll(quoted.String(), "\r\n", end)); got != string(data) {
			t.Fatalf("quoted-printable: %q, not %q", got, data)
		}

		var uu strings.Builder
		uu.WriteString("begin 644 x" + end)
		for rest := data; ; {
			n := min(len(rest), 45)
			uu.WriteByte(byte('`' - (64-n)%64))
			if n == 0 {
				break
			}
			for i := 0; i < n; i += 3 {
				var g [3]byte
				copy(g[:], rest[i:n])
				for _, six := range [4]byte{g[0] >> 2, g[0]<<4&0x30 | g[1]>>4, g[1]<<2&0x3C | g[2]>>6, g[2] & 0x3F} {
					uu.WriteByte(six + ' ')
				}
			}
			uu.WriteString(end)
			rest = rest[n:]
		}
		uu.WriteString(end + "end" + end)
		if got := contentOf(t, "x-uuencode", uu.String()); got != string(data) {
			t.Fatalf("uuencode: %q, not %q", got, data)
		}
	})
}

// A text is decoded in pieces, and no character is torn apart.
func TestLargeTexts(t *testing.T) {
	for _, test := range []struct{ charset, line, want string }{
		{"utf-8", "Grüße €\n", "Grüße €\r\n"},
		{"utf-8", "Grüße €", "Grüße €"}, // one line
		{"iso-2022-jp", "\x1b$B$3$s\x1b(B\n", "こん\r\n"},
		{"gb18030", "\xc4\xe3\xba\xc3\n", "你好\r\n"},
	} {
		n := 3 << 20 / len(test.line)
		in := "Content-Type: text/plain; charset=" + test.charset + "\n\n" + strings.Repeat(test.line, n)
		m, err := mime.Read(trickle(in), int64(len(in)), 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Parse(); err != nil {
			t.Fatal(err)
		}
		r, err := m.Text.Content.Open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != strings.Repeat(test.want, n) {
			t.Errorf("%s: the text is another: %.60q", test.charset, got)
		}
	}
}

// What is endless, or deep beyond reason, ends soon, and leaves as it came.
func TestBounds(t *testing.T) {
	for name, in := range map[string]string{
		"levels":             nested(1000, "multipart"),
		"messages":           nested(1000, "message"),
		"parts":              "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\nx\n", 100_000) + "--b--\n",
		"a long header":      strings.Repeat("X-Field: value and more of it, for ever and ever\n", 200_000) + "\nText\n",
		"a long field":       "To: " + strings.Repeat("someone@example.org,\n ", 100_000) + "x@example.org\n\nText\n",
		"a long line":        "Subject: x\n\n" + strings.Repeat("x", 10<<20),
		"a long name":        strings.Repeat("x", 9<<20) + ": y\n\nText\n",
		"dashes":             "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--bb\n", 1<<18),
		"headers of parts":   "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\nX-Field: "+strings.Repeat("value ", 10_000)+"\n\nx\n", 300),
		"long boundary":      "Content-Type: multipart/mixed; boundary=" + strings.Repeat("b", 5000) + "\n\n--" + strings.Repeat("b", 5000) + "\n\nx\n",
		"encoded in encoded": "Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n" + strings.Repeat("Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n", 300),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			for _, content := range []formats.Content{formats.Bytes(in), formats.Section{R: strings.NewReader(in), Size: int64(len(in))}} {
				m, err := mime.Read(content, int64(len(in)), 0)
				if err != nil {
					t.Fatal(err)
				}
				if err := m.Parse(); err != nil {
					t.Fatal(err)
				}
				if got := write(t, m); len(got) != len(in)+strings.Count(in, "\n") || strings.ReplaceAll(got, "\r\n", "\n") != in {
					t.Error("it does not leave as it came")
				}
			}
			if d := time.Since(start); d > 30*time.Second {
				t.Errorf("it took %v", d)
			}
		})
	}
}

// Messages are read in pieces. Wherever those end, nothing is lost between them.
func TestEdges(t *testing.T) {
	for _, piece := range []int{57 << 10, 64 << 10, 128 << 10} {
		for n := piece - 10; n < piece+64; n++ {
			in := "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n" + strings.Repeat("x", n-60) + "\r\n--b\nContent-Type: text/plain; name=y\n\ny\r\n--b--\n"
			content := formats.Section{R: strings.NewReader(in), Size: int64(len(in))}
			m, err := mime.Read(content, int64(len(in)), 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Parse(); err != nil {
				t.Fatal(err)
			}
			if got, want := partsOf(t, m), partsOf(t, parse(t, in)); got != want {
				t.Fatalf("with %d octets it is\n%.200s\nand not\n%.200s", n, got, want)
			}
			if got, want := write(t, m), strings.ReplaceAll(strings.ReplaceAll(in, "\r\n", "\n"), "\n", "\r\n"); got != want {
				t.Fatalf("with %d octets it is written with other line ends", n)
			}
		}
	}
}

// nested returns a message with so many levels of parts or of messages.
func nested(levels int, of string) string {
	var b strings.Builder
	for i := range levels {
		if of == "multipart" {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
		} else {
			b.WriteString("Content-Type: message/rfc822\n\n")
		}
	}
	b.WriteString("\nText\n")
	return b.String()
}

// FuzzRead reads all that is in a message, as it came and in pieces.
func FuzzRead(f *testing.F) {
	f.Add(withFile)
	f.Add("Content-Type: text/html\nContent-Transfer-Encoding: base64\n\nPG1ldGEgY2hhcnNldD1rb2k4LXI+8NI=\n")
	f.Add("Content-Type: multipart/alternative; boundary=\"=\"\r\n\r\n--=\r\nContent-Transfer-Encoding: x-uue\r\n\r\nbegin 1 x\r\n#0V%T\r\nend\r\n--=--")
	f.Fuzz(func(t *testing.T, in string) {
		var lists [2]string
		for i, content := range []formats.Content{formats.Bytes(in), trickle(in)} {
			m, err := mime.Read(content, int64(len(in)), 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Parse(); err != nil {
				t.Fatal(err)
			}
			lists[i] = partsOf(t, m)
		}
		if lists[0] != lists[1] {
			t.Errorf("in pieces it is\n%s\nand not\n%s", lists[1], lists[0])
		}
	})
}
