package rtf_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"mailmill/formats/corpustest"
	"mailmill/formats/rtf"
)

func ExampleParse() {
	doc, err := rtf.Parse([]byte(`{\rtf1\ansi\ansicpg1252\fromhtml1 {\fonttbl{\f0\fcharset204 Arial;}}` +
		`{\*\htmltag84 <p>}\htmlrtf {\b\htmlrtf0\f0 \'cf\'f0\'e8\'e2\'e5\'f2\htmlrtf }\htmlrtf0 {\*\htmltag92 </p>}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(doc.Kind)
	fmt.Println(doc.HTML().Text)
	fmt.Println(doc.Text().Text)
	// Output:
	// fromhtml
	// <p>Привет</p>
	// Привет
}

func ExampleDocument_HTML() {
	doc, _ := rtf.Parse([]byte(`{\rtf1\ansi Profit & loss, {\b in bold}\par}`))
	html := doc.HTML().Text
	_, body, _ := strings.Cut(html, "<body>\r\n")
	body, _, _ = strings.Cut(body, "\r\n</body>")
	fmt.Println(body)
	// Output:
	// <p>Profit &amp; loss, <b>in bold</b></p>
}

func parse(t interface {
	Helper()
	Fatal(...any)
}, s string,
) *rtf.Document {
	t.Helper()
	doc, err := rtf.Parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestKind(t *testing.T) {
	for in, want := range map[string]rtf.Kind{
		`{\rtf1\ansi\ansicpg1251\fromhtml1 \deff0{\fonttbl}}`:     rtf.FromHTML,
		`{\rtf1\ansi\ansicpg1252\fromtext \deff0}`:                rtf.FromText,
		`{\rtf1\ansi\fromhtml0 x}`:                                rtf.Native,
		`{\rtf1\ansi\deff0{\fonttbl{\f0 Arial;}}\fromhtml1}`:      rtf.Native,
		`{\rtf1\a\b\c\d\e\f\g\h\i\j\fromhtml1}`:                   rtf.Native,
		"\xEF\xBB\xBF\r\n{\\rtf1\\ansi\r\n\\mac\r\n\\fromtext x}": rtf.FromText,
		`{\rtf}`:                  rtf.Native,
		`{\rtf1 text \fromhtml1}`: rtf.Native,
		`{\rtf1\adeflang1025\ansi\ansicpg1252\uc1\adeff31507\deff0\fromhtml1}`: rtf.FromHTML,
	} {
		if got := parse(t, in).Kind; got != want {
			t.Errorf("%s: %v, want %v", in, got, want)
		}
	}
	for _, in := range []string{"", "x", "<html>", `{\rt`, `\rtf1`} {
		if _, err := rtf.Parse([]byte(in)); !errors.Is(err, rtf.ErrNotRTF) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

const fonts = `{\fonttbl{\f0\fswiss\fcharset0 Arial;}{\f1\fswiss\fcharset204 Arial;}{\f2\fswiss\fcharset161 Arial;}` +
	`{\f3\fnil\fcharset128 MS PGothic;}{\f4\fnil\fcharset134 SimSun;}{\f5\fnil\fcharset129 \'b5\'b8\'bf\'f2;}{\f6\fnil\cpg1250 Odd;}{\f7\fnil No charset;}}`

// What is encapsulated comes back exactly.
func TestEncapsulatedHTML(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"tags and text", `{\*\htmltag19 <html>}{\*\htmltag64 \par }` + "\r\n" + `{\*\htmltag84 <b>}\htmlrtf {\b \htmlrtf0 x\htmlrtf }\htmlrtf0 {\*\htmltag92 </b>}`, "<html>\r\n<b>x</b>"},
		{"copies of tags", `{\*\mhtmltag84 <img src="x">}{\*\htmltag84 <img src="cid:y">}`, `<img src="cid:y">`},
		{"escapes in tags", `{\*\htmltag84 <style>a\{b:c\}\par \tab\\</style>}`, "<style>a{b:c}\r\n\t\\</style>"},
		{"entities", `a {\*\htmltag84 &lt;}\htmlrtf <\htmlrtf0  b\~\_c`, "a &lt; b\u00A0\u00ADc"},
		{"mixed fonts", `\f0 caf\'e9 \f1 \'cf\'f0\'e8 \f2 \'e1\'e2 \f3 \'93\'fa\'96\'7b \f4\'c4\'e3 \f5 \'c7\'d1 \f6 \'b9 \f7 \'e9`, "café При αβ 日本 你 한 ą é"},
		{"tags are in the document's code page", `\f1 {\*\htmltag84 <a title="\'e9">}\'e9`, `<a title="é">й`},
		{"double bytes over groups and runs", `\f3 \'93\htmlrtf {\b\htmlrtf0 \'fa\htmlrtf }\htmlrtf0 {\'96}\'7b`, "日本"},
		{"second byte stands for itself", `\f3 \'83A\'83\\\'83\{x`, "アソボx"},
		{"unicode", `\u8364?\u-10179?\u-8704?\uc2\u1055\'cf\'cf\uc0\u1056 x`, "€😀ПРx"},
		{"suppression is the group's own", `a\htmlrtf b{\htmlrtf0 c}d\htmlrtf0 e`, "ace"},
		{"fonts count where suppressed", `\htmlrtf \f1\htmlrtf0 \'cf`, "П"},
		{"line and quotes", `\lquote a\rquote\line\ldblquote b\rdblquote  \endash\emdash\bullet`, "‘a’\r\n“b” –—•"},
		{"other destinations", `{\pict\bin3 }}}}{\object{\*\objdata 00}}{\*\unknown x}{\info{\title x}}{\pntext 1.\tab}y`, "y"},
		{"list numbers", `\htmlrtf {\pntext *\tab}\htmlrtf0 x`, "x"},
		{"line ends mean nothing", "a\r\nb\nc", "abc"},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := parse(t, `{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0`+fonts+`{\colortbl\red0\green0\blue0;}`+"\r\n"+`\uc1\pard\plain `+c.in+"}\r\n\x00").HTML()
			if body.Text != c.want || body.Replaced != 0 || body.Unbalanced {
				t.Errorf("%+q, %+v; want %+q", body.Text, body, c.want)
			}
		})
	}
}

func TestEncapsulatedText(t *testing.T) {
	doc := parse(t, `{\rtf1\ansi\ansicpg1252\fromtext \deff0`+fonts+`\uc1\pard\plain\deftab360 \f0\fs20 Hello \{you\}\par`+"\r\n"+
		`> \tab {\f1 \'cf\'f0\'e8\'e2\'e5\'f2}\par}`)
	if got, want := doc.Text().Text, "Hello {you}\r\n> \tПривет\r\n"; doc.Kind != rtf.FromText || got != want {
		t.Errorf("%v %q, want %q", doc.Kind, got, want)
	}
}

func TestText(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"paragraphs", `one\par two\line three\` + "\r\n" + `four`, "one\r\ntwo\r\nthree\r\nfour"},
		{"table", `\trowd\intbl a\cell b\cell\row\intbl c\cell d\cell\row\pard end`, "a\tb\r\nc\td\r\nend"},
		{"nested table", `\intbl x\nestcell y\nestcell{\*\nesttableprops\trowd\nestrow}{\nonesttables\par}\cell\row`, "x\ty\t\r\n\r\n"},
		{"link", `see {\field{\*\fldinst { HYPERLINK "http://example.com/a" }}{\fldrslt{\ul here}}}.`, "see here <http://example.com/a>."},
		{"link that says where it leads", `{\field{\*\fldinst HYPERLINK "mailto:a@example.com"}{\fldrslt a@example.com}}`, "a@example.com"},
		{"other fields", `{\field{\*\fldinst PAGE}{\fldrslt 3}} {\field{\*\fldinst DATE}}`, "3 "},
		{"unicode and ANSI forms", `{\upr{\'cf}{\*\ud{\u1055}}}!`, "П!"},
		{"list numbers", `{\pntext\f0 1.\tab}one\par{\listtext 2.\tab}two`, "1.\tone\r\n2.\ttwo"},
		{"footnotes", `a{\super\chftn}{\footnote{\super\chftn} first\par} b{\chftn}{\footnote {\chftn} second}`, "a[1] b[2]\r\n\r\n[1] first\r\n[2] second\r\n"},
		{"header and footer", `{\header top}body\par{\footer bottom}`, "top\r\nbody\r\nbottom\r\n"},
		{"hidden and deleted", `a{\v hidden}{\deleted gone}b`, "ab"},
		{"text box", `{\shp{\*\shpinst{\sp{\sn n}{\sv 1}}{\shptxt box\par}}{\shprslt{\*\do x}}}`, "box\r\n"},
		{"objects show their result", `{\object{\*\objclass X}{\*\objdata 0102}{\result shown{\pict 00}}}`, "shown"},
		{"attachment", `a\objattph  b`, "a b"},
		{"symbols", `a\~b\-c\_d`, "a\u00A0b\u00ADc\u2011d"},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := parse(t, `{\rtf1\ansi\ansicpg1252\deff0`+fonts+`{\stylesheet{\s0 Normal;}}{\*\generator x;}\pard\plain `+c.in+`}`).Text()
			if body.Text != c.want || body.Replaced != 0 {
				t.Errorf("%+q, %d replaced; want %+q", body.Text, body.Replaced, c.want)
			}
		})
	}
}

func TestCodePages(t *testing.T) {
	for in, want := range map[string]string{
		`{\rtf1\mac \'8e}`:                       "é",
		`{\rtf1\pc \'81}`:                        "ü",
		`{\rtf1\pca \'9b}`:                       "ø",
		`{\rtf1\ansi\ansicpg932 \'93\'fa}`:       "日",
		`{\rtf1\ansi\ansicpg65001 \'e2\'82\'ac}`: "€",
		`{\rtf1\ansi\ansicpg1200 \'e9}`:          "é",
		"{\\rtf1\\ansi\\ansicpg1251 \xcf\xf0}":   "Пр",
		`{\rtf1\ansi\ansicpg1251\deff5{\fonttbl\f5 A;\f6\fcharset161 B;}\'e1\f6\'e1\plain\'e1}`: "бαб",
	} {
		if got := parse(t, in).Text(); got.Text != want || got.Replaced != 0 {
			t.Errorf("%s: %q, want %q", in, got.Text, want)
		}
	}
}

func TestHTMLOfNative(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"escaped", `<script>&"`, `<p>&lt;script&gt;&amp;&quot;</p>`},
		{"looks", `\b b\i bi\b0  i{\ul u}\plain x`, `<p><b>b</b><b><i>bi</i></b><i> i</i><i><u>u</u></i>x</p>`},
		{"font", `\f1\fs20\cf1 x`, `<p><span style="font-family:'Arial';font-size:10pt;color:#ff0000">x</span></p>`},
		{"paragraphs", `\qc a\par\par\pard\li720 b`, `<p style="text-align:center">a</p>|<p style="text-align:center"><br></p>|<p>b</p>`},
		{"link", `{\field{\*\fldinst HYPERLINK "https://x.example/?a&b"}{\fldrslt \b y}}z`, `<p><a href="https://x.example/?a&amp;b"><b>y</b></a>z</p>`},
		{"link that would run", `{\field{\*\fldinst HYPERLINK "javascript:alert(1)"}{\fldrslt y}}`, `<p>y</p>`},
		{"table", `\trowd\intbl a\cell {\b b}\cell\row\pard c\par`, `<table>|<tr><td>a</td><td><b>b</b></td></tr>|</table>|<p>c</p>`},
		{"attachment", `a\objattph b`, `<p>a<span class="attachment" data-number="1">report.pdf</span>b</p>`},
		{"footnote", `a{\chftn}{\footnote {\chftn} n}`, `<p>a[1]</p>|<hr>|<p>[1] n</p>`},
		{"double bytes over runs", `\f3 \'93{\b \'fa}\f0 x`, `<p><span style="font-family:'MS PGothic'">日</span><span style="font-family:'Arial'">x</span></p>`},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc := parse(t, `{\rtf1\ansi\ansicpg1252`+fonts+`{\colortbl;\red255\green0\blue0;}\pard\deff99 `+c.in+`}`)
			doc.Attachment = func(n int) string { return "report.pdf" }
			_, got, _ := strings.Cut(doc.HTML().Text, "<body>\r\n")
			got, _, _ = strings.Cut(got, "\r\n</body>")
			if got = strings.ReplaceAll(got, "\r\n", "|"); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
}

func TestDamage(t *testing.T) {
	for _, c := range []struct {
		name, in, want string
		replaced       int
		unbalanced     bool
	}{
		{"cut off", `{\rtf1 some {\b text`, "some text", 0, true},
		{"cut off in an escape", `{\rtf1 x\'e`, "x", 0, true},
		{"cut off in a word", `{\rtf1 x\`, "x", 0, true},
		{"a brace too many", `{\rtf1 x}} y}`, "x", 0, true},
		{"bin too long", `{\rtf1 x{\pict\bin99999999999 abc}y}`, "x", 0, true},
		{"bin negative", `{\rtf1 x{\pict\bin-5 abc}y}`, "xy", 0, false},
		{"half a pair", `{\rtf1 \u-10179?x\u-8704?}`, "\uFFFDx\uFFFD", 2, false},
		{"half a character", `{\rtf1\ansicpg932 \'93}`, "\uFFFD", 1, false},
		{"no such character", `{\rtf1\ansicpg1253 a\'aa}`, "a\uFFFD", 1, false},
		{"no hexadecimal", `{\rtf1 a\'zzb}`, "azzb", 0, false},
		{"absurd uc", `{\rtf1 \uc99999999 x\u65 yz}`, "xA", 0, false},
		{"absurd numbers", `{\rtf1 \f-99999999999\cf99999999999\fs-1\deff99999999999 x}`, "x", 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := parse(t, c.in).Text()
			if body.Text != c.want || body.Replaced != c.replaced || body.Unbalanced != c.unbalanced {
				t.Errorf("%+q %+v; want %+q", body.Text, body, c.want)
			}
		})
	}
}

// Time and memory stay in proportion to the document's size, whatever it is made of.
func TestHostile(t *testing.T) {
	for _, piece := range []string{
		`{`, `{{}`, `{\f1`, `\b\b0 x`, `{\footnote `, `{\footnote x}`, `\chftn{`, `{\field{\*\fldinst HYPERLINK "http://x"}{\fldrslt `, `{\upr{`, `\cell\row `, `\intbl x\par`,
		`{\fonttbl{\f0 `, `\u55357`, `\'93`, `{\*\ud`, `\objattph `, `{\header `, `{\object{\result `, `\pard\intbl\cell\pard\par `, `{\colortbl;`,
	} {
		doc := parse(t, `{\rtf1\ansi\ansicpg932`+fonts+strings.Repeat(piece, 200000/len(piece)))
		start := corpustest.CPU()
		html, text := doc.HTML().Text, doc.Text().Text
		if d := corpustest.CPU() - start; d > 5*time.Second {
			t.Errorf("%s: %v", piece, d)
		}
		if len(html)+len(text) > 200000*60 {
			t.Errorf("%s: %d and %d bytes", piece, len(html), len(text))
		}
	}
}

// Whatever text is encapsulated as Outlook does it comes back.
func TestEncapsulationRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.Rune().Filter(func(r rune) bool { return r >= ' ' })).Draw(t, "text")
		var b strings.Builder
		b.WriteString(`{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl{\f0 Arial;}}\uc1 {\*\htmltag84 <p>}`)
		for _, r := range text {
			switch {
			case strings.ContainsRune(`\{}`, r):
				b.WriteString(`\` + string(r))
			case r < 0x7F:
				b.WriteRune(r)
			case r > 0xFFFF:
				r -= 0x10000
				fmt.Fprintf(&b, `\u%d?\u%d\'3f`, int16(0xD800+r>>10), int16(0xDC00+r&0x3FF))
			default:
				fmt.Fprintf(&b, `\u%d?`, int16(r))
			}
		}
		b.WriteString(`}`)
		body := parse(t, b.String()).HTML()
		if body.Text != "<p>"+text || body.Replaced != 0 {
			t.Fatalf("%q, want %q", body.Text, text)
		}
	})
}

func FuzzDocument(f *testing.F) {
	f.Add([]byte(encapsulated(2)))
	f.Add([]byte(`{\rtf1\ansi\ansicpg932` + fonts + `\trowd\intbl a\cell\row\pard{\field{\*\fldinst HYPERLINK "x"}{\fldrslt y}}{\footnote\chftn n}\objattph\u-10179?\'93\b\'fa{\upr{a}{\*\ud b}}}`))
	f.Add([]byte(`{\rtf1\fromtext\pc {\pict\bin4 {}{}}\'81\par}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		doc, err := rtf.Parse(b)
		if err != nil {
			return
		}
		for _, body := range []rtf.Body{doc.HTML(), doc.Text()} {
			if !utf8.ValidString(body.Text) {
				t.Errorf("%q is not UTF-8", body.Text)
			}
			if body.Replaced < 0 || body.Replaced > len(b) {
				t.Errorf("%d replaced", body.Replaced)
			}
		}
	})
}

func benchmark(b *testing.B, s string, f func(*rtf.Document) rtf.Body) {
	doc := parse(b, s)
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	for b.Loop() {
		f(doc)
	}
}

func BenchmarkHTML(b *testing.B) { benchmark(b, encapsulated(500), (*rtf.Document).HTML) }
func BenchmarkText(b *testing.B) { benchmark(b, encapsulated(500), (*rtf.Document).Text) }
func BenchmarkConvert(b *testing.B) {
	benchmark(b, strings.Replace(encapsulated(500), `\fromhtml1`, ``, 1), (*rtf.Document).HTML)
}
