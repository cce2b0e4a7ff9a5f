package contentline_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"pgregory.net/rapid"

	"mailmill/formats/codepage"
	"mailmill/formats/internal/contentline"
)

func write(t interface{ Fatal(...any) }, style contentline.Style, f func(*contentline.Writer)) string {
	var b strings.Builder
	var l contentline.Writer
	l.Reset(&b, style)
	f(&l)
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestValues(t *testing.T) {
	for _, tt := range []struct {
		name string
		f    func(*contentline.Writer)
		want string
	}{
		{"text", func(l *contentline.Writer) { l.TextLine("X", "a\\b;c,d\te\r\nf\rg\nh") }, `X:a\\b\;c\,d` + "\te" + `\nf\ng\nh`},
		{"soft lines", func(l *contentline.Writer) { l.TextLine("X", "a\vb\fc\u0085d\u2028e\u2029f") }, `X:a\nb\nc\nd\ne\nf`},
		{"controls", func(l *contentline.Writer) { l.TextLine("X", "a\x00b\x1b[1mc\x7f\u0090d") }, `X:ab[1mcd`},
		{"no UTF-8", func(l *contentline.Writer) { l.TextLine("X", "a\xffb\xe2\x82") }, "X:a\uFFFDb\uFFFD\uFFFD"},
		{"raw", func(l *contentline.Writer) { l.Line("X", "a\r\nB:C;d,e\\") }, `X:aB:C;d,e\`},
		{"list", func(l *contentline.Writer) { l.Name("X"); l.Texts([]string{"a,b", "", "c"}); l.End() }, `X:a\,b,,c`},
		{"no value", func(l *contentline.Writer) { l.Name("X"); l.End() }, `X:`},
		{"URI", func(l *contentline.Writer) { l.Name("X"); l.URI("http://a/ö \"<\r\n>;,:%20\\"); l.End() }, "X:http://a/%C3%B6%20%22%3C%0D%0A%3E;,:%20%5C"},
		{"mail address", func(l *contentline.Writer) { l.Name("X"); l.Mailto("a?b%c+d=\r\n@example.org"); l.End() }, "X:mailto:a%3Fb%25c+d=%0D%0A@example.org"},
		{"name", func(l *contentline.Writer) { l.Line("X-Ä b:\r\n;c", "v"); l.Line("", "v") }, "X-bc:v\r\nX-UNNAMED:v"},
		{"parameter", func(l *contentline.Writer) { l.Name("X"); l.Param("CN", "Doe, \"J\"^\r\n\x00x"); l.Raw("v"); l.End() }, `X;CN="Doe, ^'J^'^^^nx":v`},
		{"parameters", func(l *contentline.Writer) { l.Name("X"); l.Param("TYPE", "work", "a,b"); l.End() }, `X;TYPE=work,"a,b":`},
	} {
		if got := write(t, contentline.ICalendar, tt.f); got != tt.want+"\r\n" {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	got := write(t, contentline.VCard3, func(l *contentline.Writer) { l.Name("X"); l.Param("CN", "\"J\"^\r\nx"); l.End() })
	if want := "X;CN='J'^ x:\r\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestComponents(t *testing.T) {
	for style, want := range map[contentline.Style]string{
		contentline.VCard4: `X:a\;b;c\,d` + "\r\n" + `Y:a;b\,c` + "\r\n",
		contentline.VCard3: `X:a\;b;c\,d` + "\r\n" + `Y:a\;b\,c` + "\r\n",
	} {
		got := write(t, style, func(l *contentline.Writer) {
			l.Name("X")
			l.Components("a;b", "c,d")
			l.End()
			l.TextLine("Y", "a;b,c")
		})
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Whatever goes in and however it is read, lines have 75 octets at the most, are UTF-8 each, and come out as they went
// in when they are unfolded.
func TestLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("aä€😀\\;,\r\n\"^ \t")), 0, 400, -1)).Draw(t, "text")
		data := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "data")
		whole := write(t, contentline.ICalendar, func(l *contentline.Writer) {
			l.Name("X-A")
			l.Param("P", text)
			l.Text(text)
			l.End()
			l.Name("X-B")
			if err := l.Base64(bytes.NewReader(data)); err != nil {
				t.Fatal(err)
			}
			l.End()
		})
		pieces := write(t, contentline.ICalendar, func(l *contentline.Writer) {
			l.Name("X-A")
			l.Param("P", text)
			if err := l.TextFrom(iotest.OneByteReader(strings.NewReader(text))); err != nil {
				t.Fatal(err)
			}
			l.End()
			l.Name("X-B")
			if rapid.Bool().Draw(t, "written") {
				w := l.Base64Writer()
				for rest := data; len(rest) > 0; {
					n := rapid.IntRange(1, len(rest)).Draw(t, "n")
					w.Write(rest[:n])
					rest = rest[n:]
				}
				w.Close()
			} else if err := l.Base64(iotest.HalfReader(bytes.NewReader(data))); err != nil {
				t.Fatal(err)
			}
			l.End()
		})
		if whole != pieces {
			t.Fatalf("in pieces:\n%s\nat once:\n%s", pieces, whole)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(whole, "\r\n"), "\r\n") {
			if len(line) > 75 || !utf8.ValidString(line) || strings.ContainsAny(line, "\r\n") {
				t.Fatalf("%q", line)
			}
		}
		lines := strings.Split(strings.ReplaceAll(whole, "\r\n ", ""), "\r\n")
		if len(lines) != 3 {
			t.Fatalf("%q", lines)
		}
		if got, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "X-B:")); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%x, %v", got, err)
		}
	})
}

// What could be read is written, and the error is the reader's.
func TestReadErrors(t *testing.T) {
	broken := errors.New("wrong checksum")
	for _, want := range []error{broken, io.ErrUnexpectedEOF} {
		got := write(t, contentline.ICalendar, func(l *contentline.Writer) {
			l.Name("X")
			if err := l.TextFrom(io.MultiReader(strings.NewReader("half\xc3"), iotest.ErrReader(want))); !errors.Is(err, want) {
				t.Errorf("%v", err)
			}
			l.End()
			l.Name("Y")
			if err := l.Base64(io.MultiReader(strings.NewReader("half"), iotest.ErrReader(want))); !errors.Is(err, want) {
				t.Errorf("%v", err)
			}
			l.End()
		})
		if got != "X:half\r\nY:aGFsZg==\r\n" && got != "X:half\uFFFD\r\nY:aGFsZg==\r\n" {
			t.Errorf("%q", got)
		}
	}
}

func BenchmarkText(b *testing.B) {
	text := strings.Repeat("Plain words, and now and then; a line.\nÄ few more. ", 400)
	var l contentline.Writer
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		l.Reset(io.Discard, contentline.ICalendar)
		l.TextLine("DESCRIPTION", text)
		l.Flush()
	}
}

func BenchmarkBase64(b *testing.B) {
	data := make([]byte, 1<<20)
	var l contentline.Writer
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		l.Reset(io.Discard, contentline.ICalendar)
		l.Name("ATTACH")
		l.Base64(bytes.NewReader(data))
		l.End()
		l.Flush()
	}
}

func TestTextIsUTF8WhereMostOfItIs(t *testing.T) {
	for in, want := range map[string]string{
		"K\xc3\xa4se, Gr\xc3\xbc\xc3\x9f\xc3": "K\u00e4se, Gr\u00fc\u00df\uFFFD",
		"K\xe4se":                             "K\u00e4se",
		"K\xe4se \xc3\xbc":                    "K\u00e4se \u00c3\u00bc",
	} {
		if got := contentline.Text([]byte(in), "", 0); got != want {
			t.Errorf("%q is read as %q", in, got)
		}
	}
	// Text in GBK and in windows-1251 has few sequences that could be UTF-8.
	for page, in := range map[int]string{936: "\xc4\xa3\xca\xbd\xbb\xe1\xd2\xe9\xcd\xa8\xd6\xaa", 1251: "\xcf\xf0\xe8\xb8\xec \xc0\xb8"} {
		want, _ := codepage.Decode(page, []byte(in))
		if got := contentline.Text([]byte(in), "", page); got != want {
			t.Errorf("%d: %q, want %q", page, got, want)
		}
	}
}
