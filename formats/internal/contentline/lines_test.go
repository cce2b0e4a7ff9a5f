package contentline_test

import (
	"slices"
	"strings"
	"testing"

	"mailmill/formats/internal/contentline"
)

func TestLogicalLines(t *testing.T) {
	for text, want := range map[string][]string{
		"A:1\r\nB:2\n C\n\tD\rE:3":                     {"A:1", "B:2CD", "E:3"},
		"A;ENCODING=QUOTED-PRINTABLE:x=\ny=\r\nz\nB:1": {"A;ENCODING=QUOTED-PRINTABLE:x=\ny=\nz", "B:1"},
		"A;QUOTED-PRINTABLE:x=\nEND:VCARD":             {"A;QUOTED-PRINTABLE:x=", "END:VCARD"},
		"A;X-E=QUOTED-PRINTABLE:x=\nB:1":               {"A;X-E=QUOTED-PRINTABLE:x=", "B:1"},
		"PHOTO;BASE64:\n AAAA\n BBBB\n\nB:1\n":         {"PHOTO;BASE64:AAAABBBB", "B:1"},
		"\n\n A:1\n\n B\n":                             {" A:1B"},
		"":                                             nil,
		strings.Repeat("A:"+strings.Repeat("x", 1000)+"\n  y\n", 2): {"A:" + strings.Repeat("x", 1000) + " y", "A:" + strings.Repeat("x", 1000) + " y"},
	} {
		var got []string
		for line := range contentline.Lines([]byte(text)) {
			got = append(got, string(contentline.Unfold(line)))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestParse(t *testing.T) {
	for line, want := range map[string]string{
		"summary:a:b;c":                        "SUMMARY:a:b;c",
		"item1.tel;type=\"a,b\",c;PREF:1":      "item1.TEL;TYPE=\"a,b\",c;TYPE=PREF:1",
		"X_A ; b = c :d":                       "X-A;B=c:d",
		"A;CN=\"Doe; J\";X=y\"z:v":             "A;CN=\"Doe; J\";X=y^'z:v",
		"A;CN=\"open:v":                        "A;CN=^'open:v",
		"A;=x;;B=:v":                           "A;TYPE=x;B=:v",
		"no colon;a=b":                         "",
		"not a name: v":                        "",
		":v":                                   "",
		"A":                                    "",
		"X-A;X-B=\"a\"\"b\";X-C=\"a\" ;X-D=1:": "X-A;X-B=^'a^'^'b^';X-C=a;X-D=1:",
	} {
		p, ok := contentline.Parse(line)
		if !ok {
			p = contentline.Property{}
			if want != "" {
				t.Errorf("%q is no property", line)
			}
			continue
		}
		if got := p.String(); got != want {
			t.Errorf("%q is %q, want %q", line, got, want)
		}
	}
}

// What was taken apart and put together is the same when it is taken apart again, and all lines are of a length.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("BEGIN:VCARD\nN;CHARSET=UTF-8;QUOTED-PRINTABLE:=C3=A4=\nb\nX\xfc:1\n\nstray\nEND:VCARD"), true)
	f.Add([]byte("A;B=\"c\",d;E:f\\,g\r\n h"), false)
	f.Fuzz(func(t *testing.T, text []byte, old bool) {
		lines, _ := contentline.Decoder{Old: old}.Decode(text)
		var b strings.Builder
		var w contentline.Writer
		w.Reset(&b, contentline.ICalendar)
		for i := range lines {
			lines[i].Write(&w)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		for line := range contentline.Lines([]byte(b.String())) {
			if !contentline.IsCanonical(line) {
				t.Fatalf("%q", line)
			}
		}
	})
}
