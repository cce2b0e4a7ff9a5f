package mime_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"mailmill/formats"
	"mailmill/formats/mime"
)

// partsOf describes the parts of a message, one a line.
func partsOf(t testing.TB, m *formats.Mail) string {
	var b strings.Builder
	var walk func(m *formats.Mail, p *formats.Part, depth int)
	walk = func(m *formats.Mail, p *formats.Part, depth int) {
		indent := strings.Repeat("  ", depth)
		fmt.Fprintf(&b, "%s%s", indent, p.Type)
		if p == m.Text {
			b.WriteString(" text")
		}
		if p == m.HTML {
			b.WriteString(" html")
		}
		if p.Disposition != "" {
			b.WriteString(" " + p.Disposition)
		}
		if p.Name != "" {
			fmt.Fprintf(&b, " %q", p.Name)
		}
		if p.Inline {
			b.WriteString(" <" + p.ContentID + ">")
		}
		if p.Content != nil && len(p.Parts) == 0 && p.Message == nil {
			r, err := p.Content.Open()
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
			if p != m.Text && p != m.HTML { // their sizes are estimates
				fmt.Fprintf(&b, " %d", p.Size)
			}
			fmt.Fprintf(&b, " %q", data)
		}
		b.WriteString("\n")
		for _, c := range p.Parts {
			walk(m, c, depth+1)
		}
		if p.Message != nil {
			walk(p.Message, p.Message.Root, depth+1)
		}
	}
	walk(m, m.Root, 0)
	return b.String()
}

func parse(t testing.TB, in string) *formats.Mail {
	m, err := mime.Read(formats.Bytes(in), int64(len(in)), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Parse(); err != nil {
		t.Fatal(err)
	}
	return m
}

// The parts of messages as they come in real life.
func TestStructure(t *testing.T) {
	for _, test := range []struct{ name, in, want string }{
		{"text", "Subject: x\n\nHello\n", `text/plain text "Hello\r\n"`},
		{"no body", "Subject: x\n\n", `text/plain text ""`},
		{"cut in the header", "Subject: x", `text/plain text ""`},
		{"HTML", "Content-Type: TEXT/HTML\n\n<p>\n", `text/html html "<p>\r\n"`},
		{"a text with a name", "Content-Type: text/plain; name=x.txt\n\n\xFC\n", `text/plain text "x.txt" "ü\r\n"`},
		{"a usual mail", `Content-Type: multipart/mixed; boundary="a"

preamble
--a
Content-Type: multipart/alternative; boundary=ab

--ab

Hello
you
--ab
Content-Type: multipart/related; boundary=abc

--abc
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

<p>Gr=FC=DFe=
!
--abc
Content-Type: image/png
Content-ID: <logo@x>
Content-Transfer-Encoding: base64

SGVs
bG8=
--abc--
--ab--
--a
Content-Type: application/pdf; name=x.pdf
Content-Disposition: attachment; filename*=utf-8''%C3%BC.pdf
Content-Transfer-Encoding: base64

SGVsbA==
--a
Content-Type: text/plain
Content-Disposition: attachment

a file
--a--
epilogue
`, `multipart/mixed
  multipart/alternative
    text/plain text "Hello\r\nyou"
    multipart/related
      text/html html "<p>Grüße!"
      image/png <logo@x> 5 "Hello"
  application/pdf attachment "ü.pdf" 4 "Hell"
  text/plain attachment 6 "a file"`},
		{"messages", `Content-Type: multipart/digest; boundary=d

--d

Subject: one

first
--d
Content-Type: message/rfc822

Content-Type: multipart/mixed; boundary=e

--e

second
--e
Content-Type: message/rfc822

Subject: three

third
--d--
`, `multipart/digest
  message/rfc822
    text/plain text "first"
  message/rfc822
    multipart/mixed
      text/plain text "second"
      message/rfc822
        text/plain text "third"`},
		{"a message in base64", "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeAoKdGV4dAo=\n", "message/rfc822\n  text/plain text \"text\\r\\n\""},
		{"no boundary", "Content-Type: multipart/mixed\n\nHello\n", `text/plain text "Hello\r\n"`},
		{"a boundary that does not occur", "Content-Type: multipart/mixed; boundary=x\n\nHello\n--y\n\nthere\n", `text/plain text "Hello\r\n--y\r\n\r\nthere\r\n"`},
		{"not closed", "Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--x\n\ntwo\n", "multipart/mixed\n  text/plain text \"one\"\n  text/plain 5 \"two\\r\\n\""},
		{"boundary with blanks", "Content-Type: multipart/mixed; boundary=\"x y \"\n\n--x y  \n\none\n--x y--\t\n", "multipart/mixed\n  text/plain text \"one\""},
		{
			"boundaries that begin alike", "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; boundary=xy\n\n--xy\n\none\n--xy--\n--x\n\ntwo\n--x-\n--xx\n--x--\n",
			"multipart/mixed\n  multipart/mixed\n    text/plain text \"one\"\n  text/plain 15 \"two\\r\\n--x-\\r\\n--xx\"",
		},
		{
			"the outer boundary closes", "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: multipart/mixed; boundary=y\n\n--y\n\none\n--x\n\ntwo\n--x--\n",
			"multipart/mixed\n  multipart/mixed\n    text/plain text \"one\"\n  text/plain 3 \"two\"",
		},
		{"a part without its empty line", "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/html\n--x\n\ntwo\n--x--\n", "multipart/mixed\n  text/html html \"\"\n  text/plain 3 \"two\""},
		{"an empty part", "Content-Type: multipart/mixed; boundary=x\n\n--x\n\n--x\n\n\n--x--\n", "multipart/mixed\n  text/plain text \"\"\n  text/plain 0 \"\""},
		{
			"types that are none", "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text\n\none\n--x\nContent-Type: ; name=y.bin\n\ntwo\n--x\nContent-Type: a b/c; name=z.bin\n\nthree\n--x--\n",
			"multipart/mixed\n  text/plain text \"one\"\n  text/plain \"y.bin\" 3 \"two\"\n  application/octet-stream \"z.bin\" 5 \"three\"",
		},
		{"a file name in 8 bits", "Content-Type: application/pdf; name=\"\xFC.pdf\"\n\nx", "application/pdf \"ü.pdf\" 1 \"x\""},
		{"a disposition that is none", "Content-Type: text/plain\nContent-Disposition: form-data; filename=\"=?utf-8?q?=C3=BC?=.txt\"\n\nx", "text/plain attachment \"ü.txt\" 1 \"x\""},
		{"a text after the HTML", "Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/html\n\none\n--x\n\na footer\n--x--\n", "multipart/mixed\n  text/html html \"one\"\n  text/plain 8 \"a footer\""},
		{
			"character sets", "Content-Type: multipart/alternative; boundary=x\n\n--x\nContent-Type: text/plain; charset=koi8-r\n\n\xF0\xD2\n--x\nContent-Type: text/html\n\n<meta charset=windows-1251>\xCF\n--x--\n",
			"multipart/alternative\n  text/plain text \"Пр\"\n  text/html html \"<meta charset=windows-1251>П\"",
		},
		{"UTF-16", "Content-Type: text/plain; charset=utf-16le\nContent-Transfer-Encoding: base64\n\nSABpAPwA\n", `text/plain text "Hiü"`},
		{"no character set", "Subject: x\n\nGr\xFC\xDFe", `text/plain text "Grüße"`},
		{"US-ASCII that is UTF-8", "Content-Type: text/plain; charset=us-ascii\n\nGrüße", `text/plain text "Grüße"`},
		{"a character set that nobody knows", "Content-Type: text/plain; charset=x-unknown\n\nGr\xFC\xDFe", `text/plain text "Grüße"`},
		{"binary", "Content-Type: application/x\nContent-Transfer-Encoding: binary\n\na\nb\r\nc", `application/x 6 "a\nb\r\nc"`},
		{"lines", "Content-Type: application/x\n\na\nb\r\nc\rd", `application/x 9 "a\r\nb\r\nc\rd"`},
		{"an encoding that nobody knows", "Content-Type: application/x\nContent-Transfer-Encoding: x-rot13\n\nabc", `application/x 3 "abc"`},
		{"broken base64", "Content-Type: application/x\nContent-Transfer-Encoding: base64\n\nSGVs!bG8\n \n*\n", `application/x 5 "Hello"`},
		{"base64 in pieces", "Content-Type: text/plain\nContent-Transfer-Encoding: BASE64\n\nSGVsbA==\nbywg\neW91\n", `text/plain text "Hello, you"`},
		{"base64 with a footer", "Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\nSGVsbG8=\n_____\nTo unsubscribe\n", `text/plain text "Hello"`},
		{"quoted-printable", "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\na =\n b  \n=C3=BC=3d =ZZ = \nend=", `text/plain text "a  b\r\nü= =ZZ end"`},
		{"uuencode", "Content-Type: application/x\nContent-Transfer-Encoding: x-uuencode\n\ntext\nbegin 644 x\n%2&5L;&\\\n`\nend\nmore\n", `application/x 5 "Hello"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, in := range []string{test.in, strings.ReplaceAll(test.in, "\n", "\r\n")} {
				if in != test.in && (strings.Contains(test.in, "\r") || test.name == "binary") {
					continue
				}
				if got := strings.TrimSuffix(partsOf(t, parse(t, in)), "\n"); got != test.want {
					t.Errorf("it is\n%s\nand should be\n%s", got, test.want)
				}
			}
		})
	}
}

// BenchmarkPassLarge measures how fast a message with large content is passed on, and how fast its parts are found.
func BenchmarkPassLarge(b *testing.B) {
	for _, end := range []string{"\r\n", "\n"} {
		line := strings.Repeat("QUJD", 19) + end
		in := "Message-ID: <1@x>" + end + "Content-Type: multipart/mixed; boundary=b" + end + end + "--b" + end + "Content-Transfer-Encoding: base64" + end + end +
			strings.Repeat(line, 64<<20/len(line)) + "--b--" + end
		content := formats.Section{R: strings.NewReader(in), Size: int64(len(in))}
		for name, do := range map[string]func(*formats.Mail) error{
			"write": func(m *formats.Mail) error { return mime.Write(io.Discard, m) },
			"parse": func(m *formats.Mail) error { return m.Parse() },
		} {
			b.Run(fmt.Sprintf("%s%q", name, end), func(b *testing.B) {
				b.SetBytes(int64(len(in)))
				for b.Loop() {
					m, err := mime.Read(content, int64(len(in)), 0)
					if err != nil {
						b.Fatal(err)
					}
					if err := do(m); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
