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
			fmt.Fprintf(&b, " %d %q", p.Size, data)
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

func TestStructure(t *testing.T) {
	in := "Content-Type: multipart/mixed; boundary=\"a\"\n\npreamble\n--a\nContent-Type: multipart/alternative; boundary=ab\n\n--ab\n\nHello\nyou\n--ab\nContent-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n<p>Gr=FC=DFe=\n!\n--ab--\n--a\nContent-Type: application/pdf; name=x.pdf\nContent-Transfer-Encoding: base64\n\nSGVs\nbG8=\n--a\nContent-Type: message/rfc822\n\nSubject: inner\nContent-Type: multipart/mixed; boundary=inner\n\n--inner\n\none\n--a--\nepilogue\n"
	t.Log("\n" + partsOf(t, parse(t, in)))
	t.Log("\n" + partsOf(t, parse(t, strings.ReplaceAll(in, "\n", "\r\n"))))
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
