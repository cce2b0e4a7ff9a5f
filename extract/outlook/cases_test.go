package outlook_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset"
	"github.com/emersion/go-message/mail"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
	"mailmill/formats/rtf"
)

var sent = time.Date(2015, 3, 4, 5, 6, 7, 0, time.UTC)

// parsed is a message as a program that is not ours reads it.
type parsed struct {
	header mail.Header
	// tree is the structure in brackets: "mixed(alternative(text/plain,text/html),image/png)".
	tree  string
	parts []leaf
}

type leaf struct {
	header message.Header
	typ    string
	body   string
}

func parse(t testing.TB, b []byte) parsed {
	t.Helper()
	e, err := message.Read(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("go-message: %v\n%s", err, b)
	}
	p := parsed{header: mail.Header{Header: e.Header}}
	p.tree = p.walk(t, e)
	return p
}

func (p *parsed) walk(t testing.TB, e *message.Entity) string {
	t.Helper()
	typ, _, _ := e.Header.ContentType()
	if mr := e.MultipartReader(); mr != nil {
		var list []string
		for {
			part, err := mr.NextPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, p.walk(t, part))
		}
		return strings.TrimPrefix(typ, "multipart/") + "(" + strings.Join(list, ",") + ")"
	}
	body, err := io.ReadAll(e.Body)
	if err != nil {
		t.Fatal(err)
	}
	p.parts = append(p.parts, leaf{e.Header, typ, string(body)})
	if typ == "message/rfc822" {
		inner, err := message.Read(bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		return "message[" + p.walk(t, inner) + "]"
	}
	return typ
}

func (p *parsed) text(t testing.TB, name string) string {
	t.Helper()
	s, err := p.header.Text(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (p *parsed) part(typ string) string {
	for _, l := range p.parts {
		if l.typ == typ {
			return l.body
		}
	}
	return ""
}

func readBack(t testing.TB, m mapi.Message) (*formats.Item, parsed) {
	t.Helper()
	it := convert(t, m)
	return it, parse(t, written(t, it))
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, quoted(got), quoted(want))
	}
}

func quoted(v any) any {
	if s, ok := v.(string); ok {
		return fmt.Sprintf("%q", s)
	}
	return v
}

func contentOf(t testing.TB, p *formats.Part) string {
	t.Helper()
	if p == nil {
		return ""
	}
	r, err := p.Content.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestCase11Subjects(t *testing.T) {
	long := strings.Repeat("a long subject ", 133) + "end"
	for _, c := range []struct{ name, stored, want string }{
		{"prefix mark", "\x01\x05RE: x", "RE: x"},
		{"prefix mark without a prefix", "\x01\x01hello", "hello"},
		{"prefix mark and nothing", "\x01\x01", ""},
		{"empty", "", ""},
		{"2,000 characters", long, long},
		{"CJK", "\x01\x04转: 会议资料", "转: 会议资料"},
		{"long CJK", strings.Repeat("日本語", 300), strings.Repeat("日本語", 300)},
		{"a line end in it", "a\r\nBcc: x@example.org", "a  Bcc: x@example.org"},
	} {
		t.Run(c.name, func(t *testing.T) {
			it, p := readBack(t, note(props{mapi.PidTagSubject: c.stored}))
			got := p.text(t, "Subject")
			if c.name == "a line end in it" {
				got, it.Subject = strings.Join(strings.Fields(got), " "), strings.Join(strings.Fields(it.Subject), " ")
				c.want = "a Bcc: x@example.org"
			}
			equal(t, "the item's subject", it.Subject, c.want)
			equal(t, "the field", got, c.want)
			equal(t, "Bcc", p.header.Get("Bcc"), "")
		})
	}
}

func TestCase12HTMLCodePages(t *testing.T) {
	meta := func(cs, s string) string {
		return `<html><head><meta http-equiv="Content-Type" content="text/html; charset=` + cs + `"></head><body>` + s + "</body></html>"
	}
	for _, c := range []struct {
		name string
		html string
		cpid int
		want string
	}{
		{"cp1251 against its meta", meta("iso-8859-1", "\xcf\xf0\xe8\xe2\xe5\xf2"), 1251, "Привет"},
		{"UTF-7", meta("utf-7", "Hi +AOk-t+AOk-"), 65000, "Hi été"},
		{"Shift JIS", meta("shift_jis", "\x93\xfa\x96\x7b"), 932, "日本"},
		{"ISO-2022-JP", meta("iso-2022-jp", "\x1b$BF|K\\\x1b(B"), 50220, "日本"},
		{"UTF-8 under the machine's code page", meta("utf-8", "Grüße"), 1252, "Grüße"},
		{"meta alone", meta("windows-1253", "\xc3\xe5\xe9\xdc"), 0, "Γειά"},
		{"a byte order mark", "\xef\xbb\xbf" + meta("iso-8859-1", "ü"), 1252, "ü"},
		{"said to be UTF-16", meta("utf-16", "plain"), 1200, "plain"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := props{mapi.PidTagHtml: []byte(c.html)}
			if c.cpid != 0 {
				p[mapi.PidTagInternetCodepage] = c.cpid
			}
			it, m := readBack(t, note(p))
			if got := contentOf(t, it.Mail.HTML); !strings.Contains(got, c.want) || strings.Contains(got, "\uFEFF") {
				t.Errorf("the HTML is %q", got)
			}
			equal(t, "the structure", m.tree, "alternative(text/plain,text/html)")
			if got := m.part("text/html"); !strings.Contains(got, c.want) {
				t.Errorf("the HTML reads back as %q", got)
			}
			if got := m.part("text/plain"); !strings.Contains(got, c.want) {
				t.Errorf("the text made of it is %q", got)
			}
			equal(t, "text stored", it.Mail.StoredText, false)
		})
	}
	t.Run("what has no meaning is lost and said", func(t *testing.T) {
		it := convert(t, note(props{mapi.PidTagHtml: []byte("<p>\xff\xfe\xfd</p>"), mapi.PidTagInternetCodepage: 65001}))
		if len(it.Damage) != 1 || it.Damage[0].Part != "message body" {
			t.Errorf("the damage is %v", it.Damage)
		}
	})
}

func TestTextOfBlanks(t *testing.T) {
	it, p := readBack(t, note(props{mapi.PidTagBody: "\r\n \r\n", mapi.PidTagHtml: []byte("<p>Hello</p>")}))
	equal(t, "the text", p.part("text/plain"), "Hello\r\n")
	equal(t, "stored", it.Mail.StoredText, false)
	_, p = readBack(t, note(props{mapi.PidTagBody: "a\x00b", mapi.PidTagHtml: []byte("<p>c\x00d</p>")}))
	equal(t, "the text with a NUL", p.part("text/plain")+p.part("text/html"), "ab<p>cd</p>")
	it, p = readBack(t, note(props{mapi.PidTagBody: "\r\n", mapi.PidTagHtml: []byte("<p><img src='x.png'></p>")}))
	equal(t, "the text of a picture", strings.TrimSpace(p.part("text/plain")), "")
	equal(t, "stored", it.Mail.StoredText, true)
}

func TestCase13RTF(t *testing.T) {
	fromHTML := `{\rtf1\ansi\ansicpg1252\fromhtml1 \deff0{\fonttbl{\f0\fswiss\fcharset0 Arial;}{\f1\fswiss\fcharset204 Arial Cyr;}{\f2\fswiss\fcharset161 Arial Greek;}}` +
		`{\*\htmltag18 <html>}{\*\htmltag50 <body>}{\*\htmltag64 <p>}\htmlrtf \f1 \htmlrtf0 \f1\'cf\'f0\'e8 \htmlrtf\f2\htmlrtf0 \f2\'c3\'e5 \f0 \'fc\u8364?{\*\htmltag72 </p>}{\*\htmltag58 </body>}{\*\htmltag27 </html>}}`
	convertRTF := func(t *testing.T, b []byte, more props) (*formats.Item, parsed) {
		t.Helper()
		p := props{mapi.PidTagRtfCompressed: b}
		for k, v := range more {
			p[k] = v
		}
		return readBack(t, note(p))
	}
	t.Run("fromhtml with mixed fonts", func(t *testing.T) {
		it, m := convertRTF(t, rtf.Compress([]byte(fromHTML)), nil)
		equal(t, "the structure", m.tree, "alternative(text/plain,text/html)")
		if got := contentOf(t, it.Mail.HTML); !strings.Contains(got, "При") || !strings.Contains(got, "Γε") || !strings.Contains(got, "ü€") {
			t.Errorf("the HTML is %q", got)
		}
	})
	t.Run("fromtext", func(t *testing.T) {
		it, m := convertRTF(t, rtf.Compress([]byte(`{\rtf1\ansi\ansicpg1252\fromtext \deff0{\fonttbl{\f0\fmodern Courier New;}}Gr\'fc\'dfe\par two\par}`)), nil)
		equal(t, "the structure", m.tree, "text/plain")
		equal(t, "the text", strings.TrimSpace(contentOf(t, it.Mail.Text)), "Grüße\r\ntwo")
	})
	native := []byte(`{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fswiss Arial;}}\pard Only \b bold\b0  text\par}`)
	t.Run("RTF and nothing else", func(t *testing.T) {
		it, m := convertRTF(t, rtf.Compress(native), nil)
		equal(t, "the structure", m.tree, "alternative(text/plain,text/html)")
		equal(t, "the text", strings.TrimSpace(contentOf(t, it.Mail.Text)), "Only bold text")
		equal(t, "text stored", it.Mail.StoredText, false)
	})
	t.Run("RTF without looks beside its text", func(t *testing.T) {
		it, m := convertRTF(t, rtf.Compress([]byte(`{\rtf1\ansi\deff0{\fonttbl{\f0\fswiss Arial;}}\pard\plain\f0\fs20 stored\par}`)), props{mapi.PidTagBody: "stored\r\n"})
		equal(t, "the structure", m.tree, "text/plain")
		equal(t, "the text", contentOf(t, it.Mail.Text), "stored\r\n")
		equal(t, "text stored", it.Mail.StoredText, true)
	})
	stored := append([]byte{0, 0, 0, 0, byte(len(native)), 0, 0, 0, 'M', 'E', 'L', 'A', 0, 0, 0, 0}, native...)
	stored[0] = byte(len(native) + 12)
	t.Run("MELA", func(t *testing.T) {
		it, _ := convertRTF(t, stored, nil)
		equal(t, "the text", strings.TrimSpace(contentOf(t, it.Mail.Text)), "Only bold text")
	})
	t.Run("a wrong checksum", func(t *testing.T) {
		b := rtf.Compress(native)
		b[12] ^= 0xFF
		it, _ := convertRTF(t, b, nil)
		equal(t, "the text", strings.TrimSpace(contentOf(t, it.Mail.Text)), "Only bold text")
	})
	t.Run("cut off", func(t *testing.T) {
		b := rtf.Compress(native)
		it, _ := convertRTF(t, b[:len(b)-12], nil)
		if got := contentOf(t, it.Mail.Text); !strings.HasPrefix(got, "Only") {
			t.Errorf("the text is %q", got)
		}
		if len(it.Damage) == 0 {
			t.Error("nothing is said of what is missing")
		}
	})
	t.Run("newer than the HTML", func(t *testing.T) {
		it, _ := convertRTF(t, rtf.Compress([]byte(fromHTML)), props{mapi.PidTagHtml: []byte("<p>old</p>"), mapi.PidTagNativeBody: 2, mapi.PidTagRtfInSync: true})
		if got := contentOf(t, it.Mail.HTML); !strings.Contains(got, "При") {
			t.Errorf("the HTML is %q", got)
		}
	})
	t.Run("what it holds beside text stays", func(t *testing.T) {
		const source = `{\rtf1\ansi\deff0 before{\pict\pngblip 89504e47}after\par}`
		it, m := convertRTF(t, rtf.Compress([]byte(source)), nil)
		equal(t, "the structure", m.tree, "mixed(text/plain,application/rtf)")
		equal(t, "the RTF", m.parts[1].body, source)
		equal(t, "damage", len(it.Damage), 0)
		_, m = convertRTF(t, rtf.Compress([]byte(source)), props{mapi.PidTagHtml: []byte("<p>HTML</p>")})
		equal(t, "the structure with HTML", m.tree, "alternative(text/plain,text/html)")
	})
}

func TestCase14InlinePictures(t *testing.T) {
	html := func(s string) props {
		return props{mapi.PidTagHtml: []byte("<html><body>" + s + "</body></html>"), mapi.PidTagInternetCodepage: 65001}
	}
	with := func(p props, atts ...*att) *msg {
		m := note(p)
		m.atts = atts
		return m
	}
	t.Run("referenced", func(t *testing.T) {
		it, p := readBack(t, with(html(`<img src="cid:image001.png@01D0">`), picture("image001.png", "<image001.png@01D0>", "a")))
		equal(t, "the structure", p.tree, "related(alternative(text/plain,text/html),image/png)")
		equal(t, "the id", p.parts[2].header.Get("Content-Id"), "<image001.png@01D0>")
		if !strings.HasPrefix(p.parts[2].header.Get("Content-Disposition"), "inline") {
			t.Error("it is not inline")
		}
		_, params, _ := p.header.ContentType()
		equal(t, "the type of the related part", params["type"], "multipart/alternative")
		equal(t, "damage", len(it.Damage), 0)
	})
	t.Run("referenced in other letters and percent-encoded", func(t *testing.T) {
		_, p := readBack(t, with(html(`<img src="CID:Image%20001@x">`), picture("a.png", "image 001@x", "a")))
		equal(t, "the structure", p.tree, "related(alternative(text/plain,text/html),image/png)")
		id := strings.Trim(p.parts[2].header.Get("Content-Id"), "<>")
		if strings.Contains(id, " ") || !strings.Contains(p.part("text/html"), "CID:"+id) {
			t.Errorf("the id is %q, the HTML %q", id, p.part("text/html"))
		}
	})
	t.Run("not referenced", func(t *testing.T) {
		_, p := readBack(t, with(html(`no picture`), picture("a.png", "a@x", "a")))
		equal(t, "the structure", p.tree, "mixed(alternative(text/plain,text/html),image/png)")
	})
	t.Run("hidden", func(t *testing.T) {
		shown, other := picture("a.png", "a@x", "a"), picture("b.png", "b@x", "b")
		shown.props[mapi.PidTagAttachmentHidden], other.props[mapi.PidTagAttachmentHidden] = true, true
		_, p := readBack(t, with(html(`<img src=cid:a@x>`), shown, other))
		equal(t, "the structure", p.tree, "mixed(related(alternative(text/plain,text/html),image/png),image/png)")
	})
	t.Run("two of one id", func(t *testing.T) {
		_, p := readBack(t, with(html(`<img src="cid:a@x">`), picture("a.png", "a@x", "first"), picture("b.png", "a@x", "second")))
		equal(t, "the structure", p.tree, "mixed(related(alternative(text/plain,text/html),image/png),image/png)")
		equal(t, "the one shown", p.parts[2].body, "first")
		equal(t, "the other's id", p.parts[3].header.Get("Content-Id"), "")
	})
	t.Run("by its location", func(t *testing.T) {
		a := file("logo.gif", "image/gif", []byte("gif"))
		a.props[mapi.PidTagAttachContentLocation] = "http://example.org/logo.gif"
		b := file("x.gif", "image/gif", []byte("gif"))
		b.props[mapi.PidTagAttachContentLocation], b.props[mapi.PidTagAttachContentBase] = "x.gif", "http://example.org/"
		_, p := readBack(t, with(html(`<img src="http://example.org/logo.gif"><td background='http://example.org/x.gif'>`), a, b))
		equal(t, "the structure", p.tree, "related(alternative(text/plain,text/html),image/gif,image/gif)")
		equal(t, "the location", p.parts[2].header.Get("Content-Location"), "http://example.org/logo.gif")
	})
	t.Run("flagged as shown in a plain mail", func(t *testing.T) {
		a := picture("a.png", "a@x", "a")
		a.props[mapi.PidTagAttachFlags] = 4
		_, p := readBack(t, with(props{mapi.PidTagBody: "text"}, a))
		equal(t, "the structure", p.tree, "mixed(text/plain,image/png)")
	})
}

func TestCase15Attachments(t *testing.T) {
	with := func(atts ...*att) *msg {
		m := note(props{mapi.PidTagBody: "text"})
		m.atts = atts
		return m
	}
	t.Run("three messages deep, with an OLE object", func(t *testing.T) {
		object := &att{props: props{mapi.PidTagAttachMethod: 6, mapi.PidTagDisplayName: "drawing"}, data: []byte("no compound file")}
		third := note(props{mapi.PidTagSubject: "third", mapi.PidTagBody: "3"})
		third.atts = []*att{object}
		second := note(props{mapi.PidTagSubject: "second", mapi.PidTagBody: "2"})
		second.atts = []*att{inside(third)}
		it, p := readBack(t, with(inside(second)))
		equal(t, "the structure", p.tree, "mixed(text/plain,message[mixed(text/plain,message[mixed(text/plain,application/x-ole-storage)])])")
		equal(t, "damage", len(it.Damage), 0)
		equal(t, "the object", p.parts[len(p.parts)-1].body, "no compound file")
	})
	t.Run("deeper than is followed", func(t *testing.T) {
		m := note(props{mapi.PidTagSubject: "innermost"})
		for range 100 {
			outer := note(props{mapi.PidTagBody: "x"})
			outer.atts = []*att{inside(m)}
			m = outer
		}
		it := convert(t, m)
		equal(t, "damage", len(it.Damage), 1)
		written(t, it)
	})
	t.Run("messages that contain themselves, twice", func(t *testing.T) {
		m := note(props{mapi.PidTagSubject: "loop"})
		m.atts = []*att{inside(m), inside(m)}
		if it := convert(t, m); len(it.Damage) == 0 {
			t.Error("nothing is said of what was left out")
		}
	})
	t.Run("a method that is not what there is", func(t *testing.T) {
		inner := note(props{mapi.PidTagSubject: "inner", mapi.PidTagBody: "2"})
		lost, byValue := inside(inner), inside(inner)
		delete(lost.props, mapi.PidTagAttachMethod)
		byValue.props[mapi.PidTagAttachMethod] = 1
		data := file("a.txt", "text/plain", []byte("data"))
		data.props[mapi.PidTagAttachMethod] = 5
		unknown := file("b.txt", "text/plain", []byte("more"))
		unknown.props[mapi.PidTagAttachMethod] = 99
		it, p := readBack(t, with(lost, byValue, data, unknown))
		equal(t, "the structure", p.tree, "mixed(text/plain,message[text/plain],message[text/plain],text/plain,text/plain)")
		equal(t, "damage", len(it.Damage), 0)
	})
	t.Run("by reference", func(t *testing.T) {
		it, p := readBack(t, with(&att{props: props{mapi.PidTagAttachMethod: 4, mapi.PidTagAttachLongPathname: `\\server\share\plan.dwg`}}))
		equal(t, "the structure", p.tree, "mixed(text/plain,text/plain)")
		if !strings.Contains(p.parts[1].body, `\\server\share\plan.dwg`) {
			t.Errorf("the text is %q", p.parts[1].body)
		}
		equal(t, "damage", len(it.Damage), 0)
	})
	t.Run("web reference", func(t *testing.T) {
		_, p := readBack(t, with(&att{props: props{
			mapi.PidTagAttachMethod: 7, mapi.PidTagAttachLongFilename: "plan.docx",
			mapi.PidTagAttachLongPathname: "https://example.org/plan.docx\r\nX: y", mapi.PidNameAttachmentProviderType: "OneDrive", mapi.PidNameAttachmentPermissionType: 2,
		}}))
		if !strings.Contains(p.parts[1].body, "URL=https://example.org/plan.docxX:y\r\n") {
			t.Errorf("the link is %q", p.parts[1].body)
		}
		equal(t, "the provider", p.parts[1].header.Get("X-Pst-Attachment-Provider"), "OneDrive")
		equal(t, "the permission", p.parts[1].header.Get("X-Pst-Attachment-Permission"), "2")
	})
	t.Run("no bytes", func(t *testing.T) {
		it, p := readBack(t, with(file("leer.dat", "", []byte{})))
		equal(t, "the structure", p.tree, "mixed(text/plain,application/octet-stream)")
		equal(t, "damage", len(it.Damage), 0)
	})
	t.Run("no data", func(t *testing.T) {
		it, p := readBack(t, with(file("plan.dwg", "", nil), file("whole.txt", "text/plain", []byte("whole"))))
		if len(it.Damage) != 1 || it.Damage[0].Part != `attachment "plan.dwg"` {
			t.Errorf("the damage is %v", it.Damage)
		}
		equal(t, "the structure", p.tree, "mixed(text/plain,text/plain,text/plain)")
		if !strings.Contains(p.parts[1].body, "plan.dwg") {
			t.Errorf("the text in its place is %q", p.parts[1].body)
		}
	})
	t.Run("a name and nothing else", func(t *testing.T) {
		it, _ := readBack(t, with(&att{props: props{mapi.PidTagAttachMethod: 0, mapi.PidTagAttachFilename: "GONE.DOC"}}))
		equal(t, "damage", len(it.Damage), 1)
	})
	t.Run("3 GB are streamed", func(t *testing.T) {
		const size = 3 << 30
		opened := 0
		it := convert(t, with(&att{
			props: props{mapi.PidTagAttachMethod: 1, mapi.PidTagAttachLongFilename: "big.bin"}, size: size,
			open: func() (io.ReadCloser, error) {
				opened++
				return io.NopCloser(io.LimitReader(zeros{}, size)), nil
			},
		}))
		equal(t, "the times it was opened", opened, 0)
		equal(t, "the size", it.Mail.Root.Parts[1].Size, int64(size))
		if testing.Short() {
			return
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var n counter
		if err := mime.Write(&n, it.Mail); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if least := counter(size / 3 * 4); n < least {
			t.Errorf("%d bytes were written, not %d and more", n, least)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
			t.Errorf("writing it took %d MB of memory", took>>20)
		}
	})
	t.Run("names", func(t *testing.T) {
		short := file("", "", []byte("x"))
		short.props[mapi.PidTagAttachFilename] = "SHORT~1.PDF"
		none := file("", "image/jpeg", []byte("x"))
		it := convert(t, with(short, none, file("a.pdf", "multipart/mixed", []byte("x")), file("b.xyz", "not a type", []byte("x"))))
		var got []string
		it.Mail.Root.Leaves(func(p *formats.Part) { got = append(got, p.Name+" "+p.Type) })
		equal(t, "names and types", strings.Join(got[1:], "; "), "SHORT~1.PDF application/pdf; attachment-2.jpe image/jpeg; a.pdf application/pdf; b.xyz application/octet-stream")
	})
	t.Run("an exception of a series is no file", func(t *testing.T) {
		a := file("", "", []byte("x"))
		a.props[mapi.PidTagAttachmentHidden], a.props[mapi.PidTagAttachmentFlags] = true, 2
		_, p := readBack(t, with(a))
		equal(t, "the structure", p.tree, "text/plain")
	})
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestCase16SMIME(t *testing.T) {
	signedMail := func(class string, entity []byte) *msg {
		m := note(props{mapi.PidTagMessageClass: class, mapi.PidTagSubject: "signed"}).from("Anna", "anna@example.org")
		m.atts = []*att{file("smime.p7m", "multipart/signed", entity)}
		return m
	}
	t.Run("openssl verifies what was signed", func(t *testing.T) {
		openssl, err := exec.LookPath("openssl")
		if err != nil {
			t.Skip("openssl is not installed")
		}
		dir := t.TempDir()
		run := func(args ...string) []byte {
			t.Helper()
			cmd := exec.Command(openssl, args...)
			cmd.Dir = dir
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("openssl %v: %v\n%s", args, err, out)
			}
			return out
		}
		text := "Content-Type: text/plain; charset=utf-8\r\n\r\nSigned,  with trailing blanks   \r\n\r\nFrom here\r\n"
		if err := os.WriteFile(filepath.Join(dir, "in"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key", "-out", "cert", "-subj", "/CN=Anna/emailAddress=anna@example.org", "-days", "2")
		run("smime", "-sign", "-in", "in", "-signer", "cert", "-inkey", "key", "-out", "signed", "-crlfeol", "-binary")
		entity, err := os.ReadFile(filepath.Join(dir, "signed"))
		if err != nil {
			t.Fatal(err)
		}
		entity = bytes.TrimPrefix(entity, []byte("MIME-Version: 1.0\r\n"))
		for _, class := range []string{"IPM.Note.SMIME.MultipartSigned", "IPM.Note"} {
			it := convert(t, signedMail(class, entity))
			var b bytes.Buffer
			if err := mime.Write(&b, it.Mail); err != nil {
				t.Fatal(err)
			}
			out := b.Bytes()
			if !bytes.Contains(out, entity) {
				t.Errorf("%s: the entity is not there byte for byte", class)
			}
			if err := os.WriteFile(filepath.Join(dir, "out"), out, 0o600); err != nil {
				t.Fatal(err)
			}
			run("smime", "-verify", "-in", "out", "-CAfile", "cert", "-out", "text", "-crlfeol", "-binary")
		}
	})
	t.Run("no entity at all", func(t *testing.T) {
		_, p := readBack(t, signedMail("IPM.Note.SMIME.MultipartSigned", []byte("garbage")))
		equal(t, "the structure", p.tree, "mixed(text/plain,application/pkcs7-mime)")
	})
	for _, c := range []struct{ name, oid, want string }{
		{"opaque signed", "\x2A\x86\x48\x86\xF7\x0D\x01\x07\x02", "signed-data"},
		{"encrypted", "\x2A\x86\x48\x86\xF7\x0D\x01\x07\x03", "enveloped-data"},
		{"compressed", "\x2A\x86\x48\x86\xF7\x0D\x01\x09\x10\x01\x09", "compressed-data"},
		{"encrypted with authentication", "\x2A\x86\x48\x86\xF7\x0D\x01\x09\x10\x01\x17", "authEnveloped-data"},
	} {
		data := []byte("\x30\x80\x06" + string([]byte{byte(len(c.oid))}) + c.oid + "\xa0\x80")
		for _, class := range []string{"IPM.Note.SMIME", "IPM.Note", "IPM.InfoPathForm.x.SMIME"} {
			t.Run(c.name+" as "+class, func(t *testing.T) {
				m := note(props{mapi.PidTagMessageClass: class})
				m.atts = []*att{file("smime.p7m", "application/x-pkcs7-mime", data)}
				_, p := readBack(t, m)
				equal(t, "the structure", p.tree, "application/pkcs7-mime")
				_, params, _ := p.header.ContentType()
				equal(t, "smime-type", params["smime-type"], c.want)
				equal(t, "the bytes", p.parts[0].body, string(data))
			})
		}
	}
	t.Run("PGP encrypted", func(t *testing.T) {
		m := note(props{mapi.PidTagTransportMessageHeaders: "From: a@example.org\r\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=x\r\n\r\n"})
		m.atts = []*att{file("", "application/pgp-encrypted", []byte("Version: 1\r\n")), file("encrypted.asc", "application/octet-stream", []byte("-----BEGIN PGP MESSAGE-----"))}
		_, p := readBack(t, m)
		equal(t, "the structure", p.tree, "encrypted(application/pgp-encrypted,application/octet-stream)")
		_, params, _ := p.header.ContentType()
		equal(t, "the protocol", params["protocol"], "application/pgp-encrypted")
	})
	t.Run("PGP signed", func(t *testing.T) {
		m := note(props{mapi.PidTagBody: "text\r\n", mapi.PidTagTransportMessageHeaders: "From: a@example.org\r\nContent-Type: multipart/signed; micalg=pgp-sha256; protocol=\"application/pgp-signature\"; boundary=x\r\n\r\n"})
		m.atts = []*att{file("signature.asc", "application/pgp-signature", []byte("-----BEGIN PGP SIGNATURE-----"))}
		_, p := readBack(t, m)
		equal(t, "the structure", p.tree, "signed(text/plain,application/pgp-signature)")
	})
}

func TestCase17Reports(t *testing.T) {
	report := func(class string, p props) *msg {
		m := note(p).from("Microsoft Outlook", "postmaster@example.org")
		m.props[mapi.PidTagMessageClass] = class
		return m
	}
	t.Run("NDR with two recipients", func(t *testing.T) {
		m := report("REPORT.IPM.Note.NDR", props{
			mapi.PidTagBody: "Delivery has failed\r\n", mapi.PidTagReportingMessageTransferAgent: "mx.example.org",
			mapi.PidTagOriginalSubject: "Größe", mapi.PidTagOriginalSubmitTime: sent,
		})
		a := row(1, "Anna", "SMTP", "anna@example.org")
		a[mapi.PidTagNonDeliveryReportStatusCode], a[mapi.PidTagSupplementaryInfo] = 511, "550 5.1.1 no such user"
		a[mapi.PidTagRemoteMessageTransferAgent] = "mx2.example.org"
		b := row(1, "Bert", "EX", "/o=Org/ou=Site/cn=Recipients/cn=bert")
		b[mapi.PidTagNonDeliveryReportDiagCode], b[mapi.PidTagNonDeliveryReportReasonCode] = -1, 1
		m.rows = []props{a, b}
		it, p := readBack(t, m)
		equal(t, "the structure", p.tree, "report(text/plain,message/delivery-status,text/rfc822-headers)")
		_, params, _ := p.header.ContentType()
		equal(t, "report-type", params["report-type"], "delivery-status")
		equal(t, "the text", p.parts[0].body, "Delivery has failed\r\n")
		status := p.parts[1].body
		for _, want := range []string{
			"Reporting-MTA: dns;mx.example.org\r\n", "Final-Recipient: rfc822;anna@example.org\r\n", "Action: failed\r\n", "Status: 5.1.1\r\n",
			"Remote-MTA: dns;mx2.example.org\r\n", "Diagnostic-Code: smtp;550 5.1.1 no such user\r\n", "Final-Recipient: x-ex; /o=Org/ou=Site/cn=Recipients/cn=bert\r\n",
		} {
			if !strings.Contains(status, want) {
				t.Errorf("the status lacks %q:\n%s", want, status)
			}
		}
		equal(t, "blocks", strings.Count(status, "\r\n\r\n")+1, 3)
		if got := p.parts[2].body; !strings.Contains(got, "Date: Wed, 04 Mar 2015 05:06:07 +0000") {
			t.Errorf("the original header is %q", got)
		}
		equal(t, "text stored", it.Mail.StoredText, true)
	})
	t.Run("codes", func(t *testing.T) {
		for _, c := range []struct {
			class                string
			status, diag, reason any
			want                 string
		}{
			{"NDR", nil, 35, 1, "5.1.1"},
			{"NDR", nil, 32, 0, "5.1.3"},
			{"NDR", nil, 5, 0, "4.4.7"},
			{"NDR", nil, 48, nil, "5.1.2"},
			{"NDR", nil, 26, 0, "5.7.3"},
			{"NDR", nil, 99, 0, "5.0.0"},
			{"NDR", nil, -1, 1, "5.1.0"},
			{"NDR", nil, -1, 6, "4.4.3"},
			{"NDR", nil, -1, 77, "5.4.0"},
			{"NDR", nil, nil, nil, "5.0.0"},
			{"NDR", 574, 35, 1, "5.7.4"},
			{"NDR", 7, 35, 1, "5.1.1"},
			{"Delayed.DR", nil, 0, 0, "4.1.0"},
			{"DR", nil, 35, 1, "2.0.0"},
		} {
			m := report("REPORT.IPM.Note."+c.class, nil)
			r := row(1, "Anna", "SMTP", "anna@example.org")
			r[mapi.PidTagNonDeliveryReportStatusCode], r[mapi.PidTagNonDeliveryReportDiagCode], r[mapi.PidTagNonDeliveryReportReasonCode] = c.status, c.diag, c.reason
			m.rows = []props{r}
			if _, p := readBack(t, m); !strings.Contains(p.parts[1].body, "Status: "+c.want+"\r\n") {
				t.Errorf("%s, status %v, diagnostic %v, reason %v: want %s in %q", c.class, c.status, c.diag, c.reason, c.want, p.parts[1].body)
			}
		}
	})
	t.Run("what a report was received with", func(t *testing.T) {
		m := report("REPORT.IPM.Note.NDR", props{mapi.PidTagReportingMessageTransferAgent: "dns; mail.example.org"})
		a, b := row(1, "Anna", "SMTP", "anna@example.org"), row(1, "Bert", "SMTP", "bert@example.org")
		a[mapi.PidTagSupplementaryInfo], a[mapi.PidTagRemoteMessageTransferAgent] = "<mx.example.org #5.7.133 smtp;550 5.7.133 not <allowed>>", "dns;mx.example.org"
		a[mapi.PidTagNonDeliveryReportStatusCode] = 570
		b[mapi.PidTagSupplementaryInfo], b[mapi.PidTagNonDeliveryReportStatusCode] = "<#5.1.x smtp;550>", 511
		m.rows = []props{a, b}
		_, p := readBack(t, m)
		for _, want := range []string{
			"Reporting-MTA: dns;mail.example.org\r\n", "Status: 5.7.133\r\n", "Remote-MTA: dns;mx.example.org\r\n",
			"Diagnostic-Code: smtp;550 5.7.133 not <allowed>\r\n", "X-Supplementary-Info: <mx.example.org #5.7.133 smtp;550 5.7.133 not <allowed>>\r\n",
			"Status: 5.1.1\r\nX-Supplementary-Info: <#5.1.x smtp;550>\r\n",
		} {
			if !strings.Contains(p.parts[1].body, want) {
				t.Errorf("the status lacks %q:\n%s", want, p.parts[1].body)
			}
		}
	})
	t.Run("one of a kind that nobody knows", func(t *testing.T) {
		_, p := readBack(t, report("REPORT.IPM.Note.Odd", props{mapi.PidTagBody: "odd"}))
		equal(t, "the structure", p.tree, "text/plain")
		equal(t, "the class", p.header.Get("X-Pst-Message-Class"), "REPORT.IPM.Note.Odd")
	})
	t.Run("DR with the original", func(t *testing.T) {
		m := report("REPORT.IPM.Note.DR", props{mapi.PidTagReportText: "It arrived."})
		m.rows = []props{row(1, "Anna", "SMTP", "anna@example.org")}
		m.atts = []*att{inside(note(props{mapi.PidTagSubject: "original", mapi.PidTagBody: "hello"}))}
		_, p := readBack(t, m)
		equal(t, "the structure", p.tree, "report(text/plain,message/delivery-status,message[text/plain])")
		equal(t, "the text", strings.TrimSpace(p.parts[0].body), "It arrived.")
		if !strings.Contains(p.parts[1].body, "Action: delivered\r\nStatus: 2.0.0\r\n") {
			t.Errorf("the status is %q", p.parts[1].body)
		}
	})
	t.Run("DR with its class", func(t *testing.T) {
		_, p := readBack(t, report("Report.IPM.Note.DR", nil))
		equal(t, "the class", p.header.Get("X-Pst-Message-Class"), "")
	})
	for class, action := range map[string]string{"Delayed.DR": "delayed", "Expanded.DR": "expanded", "Relayed.DR": "relayed"} {
		_, p := readBack(t, report("REPORT.IPM.Note."+class, nil))
		if !strings.Contains(p.parts[1].body, "Action: "+action+"\r\n") {
			t.Errorf("%s: the status is %q", class, p.parts[1].body)
		}
	}
	for class, want := range map[string]string{"IPNRN": "displayed", "IPNNRN": "deleted"} {
		t.Run(class, func(t *testing.T) {
			_, p := readBack(t, report("REPORT.IPM.Note."+class, props{mapi.PidTagInternetReturnPath: "<original@example.org>", mapi.PidTagParentKey: []byte{1, 2, 3}}))
			equal(t, "the structure", p.tree, "report(text/plain,message/disposition-notification,text/rfc822-headers)")
			for _, w := range []string{
				"Final-Recipient: rfc822;postmaster@example.org\r\n", "MDN-sent-automatically; " + want + "\r\n",
				"Original-Message-ID: <original@example.org>\r\n", "X-MSExch-Correlation-Key: AQID\r\n",
			} {
				if !strings.Contains(p.parts[1].body, w) {
					t.Errorf("the notification lacks %q:\n%s", w, p.parts[1].body)
				}
			}
			if p.header.Get("Return-Path") != "" {
				t.Error("the original's identifier is taken for a return path")
			}
		})
	}
}

func TestCase18TransportHeaders(t *testing.T) {
	const own = "Received: from a by b; Wed, 4 Mar 2015 06:06:07 +0100\r\nFrom: \"Anna\" <anna@example.org>\r\nTo: Bert <bert@example.org>\r\n" +
		"Subject: Hello\r\nDate: Wed, 4 Mar 2015 06:06:07 +0100\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: multipart/mixed;\r\n boundary=\"old\"\r\nContent-Transfer-Encoding: 7bit\r\nX-Mailer: M\r\n"
	mailWith := func(h any, more props) *msg {
		m := note(props{mapi.PidTagTransportMessageHeaders: h, mapi.PidTagSubject: "Hello", mapi.PidTagInternetMessageId: "<1@example.org>", mapi.PidTagBody: "text"})
		m.rows = []props{row(1, "Bert", "SMTP", "bert@example.org")}
		for k, v := range more {
			m.props[k] = v
		}
		return m
	}
	same := func(t *testing.T, p parsed) {
		t.Helper()
		equal(t, "From", p.header.Get("From"), `"Anna" <anna@example.org>`)
		equal(t, "Date", p.header.Get("Date"), "Wed, 4 Mar 2015 06:06:07 +0100")
		equal(t, "Message-ID", p.header.Get("Message-Id"), "<1@example.org>")
		equal(t, "X-Mailer", p.header.Get("X-Mailer"), "M")
		n := 0
		for f := p.header.Fields(); f.Next(); {
			if strings.EqualFold(f.Key(), "MIME-Version") || strings.EqualFold(f.Key(), "Content-Type") {
				n++
			}
		}
		equal(t, "MIME-Version and Content-Type", n, 2)
		equal(t, "the type", p.tree, "text/plain")
	}
	t.Run("as they came", func(t *testing.T) {
		it, p := readBack(t, mailWith(own+"\r\n", nil))
		same(t, p)
		equal(t, "the raw field", string(it.Mail.Header[1].Raw), `From: "Anna" <anna@example.org>`)
	})
	t.Run("with Microsoft's first line", func(t *testing.T) {
		_, p := readBack(t, mailWith("Microsoft Mail Internet Headers Version 2.0\r\n"+own+"\r\n", nil))
		same(t, p)
	})
	t.Run("with the headers of parts after them", func(t *testing.T) {
		_, p := readBack(t, mailWith(own+"\r\n--old\r\nContent-Type: text/plain\r\nX-Inner: yes\r\n\r\n", nil))
		same(t, p)
		equal(t, "a part's field", p.header.Get("X-Inner"), "")
	})
	t.Run("with bare line feeds", func(t *testing.T) {
		_, p := readBack(t, mailWith(strings.ReplaceAll(own, "\r\n", "\n")+"\n", nil))
		same(t, p)
	})
	t.Run("with 8-bit text", func(t *testing.T) {
		h := ansi(strings.Replace(own, "X-Mailer: M", "X-Mailer: M\r\nX-City: M\xfcnchen", 1))
		_, p := readBack(t, mailWith(h, props{mapi.PidTagMessageCodepage: 1252}))
		same(t, p)
		equal(t, "the field", p.text(t, "X-City"), "München")
	})
	t.Run("another message's", func(t *testing.T) {
		m := mailWith(own+"\r\n", props{mapi.PidTagInternetMessageId: "<2@example.org>", mapi.PidTagSubject: "Something else", mapi.PidTagClientSubmitTime: sent}).from("Clara", "clara@example.org")
		_, p := readBack(t, m)
		equal(t, "Message-ID", p.header.Get("Message-Id"), "<2@example.org>")
		equal(t, "Subject", p.text(t, "Subject"), "Something else")
		equal(t, "From", p.header.Get("From"), "Clara <clara@example.org>")
		equal(t, "the date", p.header.Get("Date"), "Wed, 04 Mar 2015 05:06:07 +0000")
		equal(t, "the foreign From", p.header.Get("X-Pst-Orig-From"), `"Anna" <anna@example.org>`)
	})
	t.Run("fields that are kept beside them", func(t *testing.T) {
		named := func(s string) mapi.Name { return mapi.Named(mapi.PSInternetHeaders, s) }
		_, p := readBack(t, mailWith(own, props{
			named("x-mailer"): "other", named("X-Ticket"): "Größe 7", named("content-type"): "text/html", named("To"): "x@example.org",
			named("Errors-To"): "Owner <IMCEAEX-_O=ORG_CN=OWNER@example.org>, list@example.org", named("keywords"): "a, b",
		}))
		same(t, p)
		equal(t, "X-Ticket", p.text(t, "X-Ticket"), "Größe 7")
		equal(t, "To", p.header.Get("To"), "Bert <bert@example.org>")
		equal(t, "Errors-To", p.header.Get("Errors-To"), "Owner:;, list@example.org")
		equal(t, "Keywords", p.header.Get("X-Pst-Orig-Keywords"), "a, b")
	})
	t.Run("a date that no mail can have", func(t *testing.T) {
		h := strings.Replace(own, "4 Mar 2015 06:06:07 +0100\r\nM", "30 Nov 0002 00:00:00 -0800\r\nM", 1)
		it, p := readBack(t, mailWith(h, props{mapi.PidTagClientSubmitTime: sent}))
		equal(t, "the date", p.header.Get("Date"), "Wed, 04 Mar 2015 05:06:07 +0000")
		equal(t, "the one that came", p.header.Get("X-Pst-Orig-Date"), "Wed, 30 Nov 0002 00:00:00 -0800")
		equal(t, "the item's date", it.Date, sent)
		it, _ = readBack(t, mailWith(h, props{mapi.PidTagLastModificationTime: sent}))
		equal(t, "the item's date without another", it.Date, sent)
	})
	t.Run("recipients that they lack", func(t *testing.T) {
		m := mailWith(own+"\r\n", nil)
		m.rows = append(m.rows, row(2, "Carl", "SMTP", "carl@example.org"), row(3, "Dora", "SMTP", "dora@example.org"))
		_, p := readBack(t, m)
		same(t, p)
		equal(t, "Cc", p.header.Get("Cc"), "Carl <carl@example.org>")
		equal(t, "Bcc", p.header.Get("Bcc"), "Dora <dora@example.org>")
	})
	t.Run("Exchange addresses in them", func(t *testing.T) {
		dn := "/o=Org/ou=Site/cn=Recipients/cn=anna"
		h := strings.Replace(own, "<anna@example.org>", "<IMCEAEX-_o=Org_ou=Site_cn=Recipients_cn=anna@example.org>", 1)
		h = strings.Replace(h, "X-Mailer", "Reply-To: <"+strings.ToUpper(dn)+">\r\nX-Mailer", 1)
		m := mailWith(h+"\r\n", nil)
		a := row(2, "Anna", "EX", dn)
		a[mapi.PidTagSmtpAddress] = "Anna@example.org"
		m.rows = append(m.rows, a)
		_, p := readBack(t, m)
		equal(t, "From", p.header.Get("From"), "Anna <Anna@example.org>")
		equal(t, "Reply-To", p.header.Get("Reply-To"), "Anna@example.org")
	})
	t.Run("names alone in them", func(t *testing.T) {
		h := strings.Replace(strings.Replace(own, "<anna@example.org>", "", 1), "Bert <bert@example.org>", `"Bert", Carl`, 1)
		_, p := readBack(t, mailWith(h+"\r\n", nil))
		equal(t, "From", p.header.Get("From"), "Anna:;")
		equal(t, "To", p.header.Get("To"), "Bert <bert@example.org>, Carl:;")
	})
	t.Run("identifiers that cannot be written", func(t *testing.T) {
		for id, want := range map[string]string{"<größe 1@example.org>": "<gr%C3%B6%C3%9Fe1@example.org>", "a@b": "<a@b>", "x <1@b> <2@b>": "<1@b>"} {
			it, p := readBack(t, note(props{mapi.PidTagInternetMessageId: id}))
			equal(t, "Message-ID", p.header.Get("Message-Id"), want)
			equal(t, "the identity", it.Identity, want)
		}
		it, p := readBack(t, note(props{mapi.PidTagInternetMessageId: "<" + strings.Repeat("x", 2000) + "@example.org>"}))
		equal(t, "Message-ID", p.header.Get("Message-Id"), it.Identity)
		equal(t, "the domain", it.Identity[len(it.Identity)-13:], "@pst.invalid>")
	})
	t.Run("an identifier in another letter case", func(t *testing.T) {
		it, p := readBack(t, mailWith(strings.Replace(own, "<1@example.org>", "<1A@Example.ORG>", 1), props{mapi.PidTagInternetMessageId: "<1a@example.org>"}))
		equal(t, "Message-ID", p.header.Get("Message-Id"), "<1A@Example.ORG>")
		equal(t, "the identity", it.Identity, "<1A@Example.ORG>")
		equal(t, "From", p.header.Get("From"), `"Anna" <anna@example.org>`)
	})
	t.Run("references", func(t *testing.T) {
		for in, want := range map[string]string{"<a@b>\r\n <c@d>,<e f@g>": "<a@b> <c@d> <ef@g>", "a@b": "<a@b>", "Your mail of Monday <a@b>": "<a@b>", "Your mail of Monday": "", "<a@b> <c": "<a@b>"} {
			_, p := readBack(t, note(props{mapi.PidTagInReplyToId: in, mapi.PidTagInternetReferences: in}))
			equal(t, "References", p.header.Get("References"), want)
			equal(t, "In-Reply-To", p.header.Get("In-Reply-To"), want)
			if want == "" {
				equal(t, "what stood there", p.header.Get("X-Pst-Orig-In-Reply-To"), in)
			}
		}
	})
	t.Run("recipients of whom names are left", func(t *testing.T) {
		_, p := readBack(t, note(props{mapi.PidTagDisplayTo: "Doe, John; 'jane@example.org'; Team", mapi.PidTagDisplayCc: "bob@example.org", mapi.PidTagDisplayBcc: "Secret"}))
		equal(t, "To", p.header.Get("To"), `"Doe, John":;, jane@example.org, Team:;`)
		equal(t, "Cc", p.header.Get("Cc"), "bob@example.org")
		equal(t, "Bcc", p.header.Get("Bcc"), "Secret:;")
	})
	t.Run("a name for an address in them", func(t *testing.T) {
		it, _ := readBack(t, mailWith(strings.Replace(own, "\"Anna\" <anna@example.org>", "<Anna>", 1), nil))
		a := it.Mail.Header[1].Addresses[0]
		equal(t, "the name", a.Name, "Anna")
		a.Placeholder = "ex@unresolved.invalid"
		p := parse(t, written(t, it))
		equal(t, "From", p.header.Get("From"), "Anna <ex@unresolved.invalid>")
	})
	t.Run("Exchange addresses that nothing resolves", func(t *testing.T) {
		h := strings.Replace(own, "<anna@example.org>", "</o=Org/ou=Site/cn=Recipients/cn=anna>", 1)
		it, p := readBack(t, mailWith(h+"\r\n", nil))
		if got := p.header.Get("From"); strings.Contains(got, "/o=") {
			t.Errorf("From is %q", got)
		}
		open := 0
		it.Participants(func(a *formats.Address) {
			if a.SMTP == "" && strings.HasPrefix(a.Stored, "/o=Org") {
				a.Placeholder = "ex@unresolved.invalid"
				open++
			}
		})
		if open == 0 {
			t.Error("a later step does not find it")
		}
		after := parse(t, written(t, it))
		equal(t, "From after that step", after.header.Get("From"), "Anna <ex@unresolved.invalid>")
	})
}

func TestCase19State(t *testing.T) {
	flags := func(p props, folder *formats.Folder) string {
		it, err := outlook.New(outlook.Options{}).Item(formats.Entry{Folder: folder}, note(p))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(it.Flags.Names(), " ")
	}
	for _, c := range []struct {
		name string
		p    props
		want string
	}{
		{"unread", props{mapi.PidTagMessageFlags: 2, mapi.PidTagMessageDeliveryTime: sent}, ""},
		{"read", props{mapi.PidTagMessageFlags: 3, mapi.PidTagMessageDeliveryTime: sent}, "seen"},
		{"read by the other property", props{mapi.PidTagRead: true}, "seen"},
		{"replied", props{mapi.PidTagMessageFlags: 1, mapi.PidTagLastVerbExecuted: 102}, "seen answered"},
		{"replied to all", props{mapi.PidTagLastVerbExecuted: 103}, "answered"},
		{"forwarded", props{mapi.PidTagLastVerbExecuted: 104}, "forwarded"},
		{"replied by its icon", props{mapi.PidTagIconIndex: 0x105}, "answered"},
		{"forwarded by its icon", props{mapi.PidTagIconIndex: 0x106}, "forwarded"},
		{"the verb before the icon", props{mapi.PidTagIconIndex: 0x106, mapi.PidTagLastVerbExecuted: 102}, "answered"},
		{"flagged", props{mapi.PidTagFlagStatus: 2}, "flagged"},
		{"completed", props{mapi.PidTagFlagStatus: 1}, ""},
		{"draft", props{mapi.PidTagMessageFlags: 9}, "seen draft"},
		{"unsent but delivered", props{mapi.PidTagMessageFlags: 9, mapi.PidTagMessageDeliveryTime: sent}, "seen"},
		{"deleted in IMAP", props{mapi.PidLidImapDeleted: 1}, "deleted"},
	} {
		equal(t, c.name, flags(c.p, nil), c.want)
	}
	equal(t, "delivered but among the drafts", flags(props{mapi.PidTagMessageFlags: 8, mapi.PidTagMessageDeliveryTime: sent}, &formats.Folder{Role: formats.RoleDrafts}), "draft")

	t.Run("draft without a date", func(t *testing.T) {
		it, p := readBack(t, note(props{mapi.PidTagMessageFlags: 8, mapi.PidTagLastModificationTime: sent}))
		equal(t, "Date", p.header.Get("Date"), "Wed, 04 Mar 2015 05:06:07 +0000")
		equal(t, "the item's date", it.Date, sent)
		if !it.Received.IsZero() {
			t.Error("it was received")
		}
	})
	t.Run("no date at all", func(t *testing.T) {
		_, p := readBack(t, note(nil))
		equal(t, "Date", p.header.Get("Date"), "")
	})
	t.Run("sent without headers", func(t *testing.T) {
		m := note(props{
			mapi.PidTagClientSubmitTime: sent, mapi.PidTagSubject: "Grüße", mapi.PidTagConversationTopic: "Grüße", mapi.PidTagConversationIndex: []byte{1, 2, 3},
			mapi.PidTagImportance: 2, mapi.PidTagSensitivity: 3, mapi.PidTagPriority: 1, mapi.PidTagInReplyToId: "<0@example.org>", mapi.PidTagInternetReferences: "<0@example.org>",
			mapi.PidTagReadReceiptRequested: true, mapi.PidTagAutoResponseSuppress: 3, mapi.PidTagMessageLocaleId: 0x407, mapi.PidLidFlagRequest: "Zur Nachverfolgung",
			mapi.Named(mapi.PSInternetHeaders, "x-custom"): "yes", mapi.Named(mapi.PSInternetHeaders, "content-type"): "text/evil", mapi.PidTagExpiryTime: sent,
		}).from("Anna Groß", "anna@example.org")
		m.rows = []props{row(1, "Bert", "SMTP", "bert@example.org"), row(0x10000002, "Carl, C.", "SMTP", "carl@example.org"), row(3, "dora@example.org", "SMTP", "dora@example.org")}
		m.props[mapi.PidTagReplyRecipientEntries] = flatList(mapi.MakeOneOff("Reply; here", "SMTP", "reply@example.org"))
		it, p := readBack(t, m)
		for name, want := range map[string]string{
			"To": "Bert <bert@example.org>", "Cc": `"Carl, C." <carl@example.org>`, "Bcc": "dora@example.org", "Reply-To": `"Reply; here" <reply@example.org>`,
			"Subject": "Grüße", "Date": "Wed, 04 Mar 2015 05:06:07 +0000", "Thread-Topic": "Grüße", "Thread-Index": "AQID", "Importance": "high", "X-Priority": "1",
			"Priority": "urgent", "Sensitivity": "Company-Confidential", "In-Reply-To": "<0@example.org>", "References": "<0@example.org>", "X-Auto-Response-Suppress": "DR, NDR",
			"Content-Language": "de-DE", "X-Message-Flag": "Zur Nachverfolgung", "X-Custom": "yes", "Expires": "Wed, 04 Mar 2015 05:06:07 +0000", "Sender": "",
		} {
			equal(t, name, p.text(t, name), want)
		}
		list, err := p.header.AddressList("Disposition-Notification-To")
		if err != nil || len(list) != 1 || list[0].Address != "anna@example.org" {
			t.Errorf("the receipt goes to %v, %v", list, err)
		}
		if !strings.HasPrefix(it.Mail.MessageID, "<pst.") || !strings.HasSuffix(it.Mail.MessageID, "@pst.invalid>") || p.header.Get("Message-Id") != it.Mail.MessageID {
			t.Errorf("the identifier is %q", it.Mail.MessageID)
		}
		equal(t, "recipients", len(it.Mail.To)+len(it.Mail.Cc)+len(it.Mail.Bcc), 3)
		again := convert(t, m)
		equal(t, "the identifier the second time", again.Mail.MessageID, it.Mail.MessageID)
		equal(t, "the type", p.tree, "text/plain")
	})
	t.Run("categories", func(t *testing.T) {
		want := []string{"Projekt Süd", "A,B", "日本", "Red Category", strings.Repeat("ü", 100), `back\slash "quoted"`}
		for _, headers := range []string{"", "From: a@example.org\r\nKeywords: theirs\r\n\r\n"} {
			p := props{mapi.PidNameKeywords: want}
			if headers != "" {
				p[mapi.PidTagTransportMessageHeaders] = headers
			}
			it, m := readBack(t, note(p))
			equal(t, "the keywords", strings.Join(it.Keywords, "|"), strings.Join(want, "|"))
			got := m.text(t, "Keywords")
			equal(t, "the field", got, `Projekt Süd, "A,B", 日本, Red Category, `+strings.Repeat("ü", 100)+`, "back\\slash \"quoted\""`)
		}
	})
	t.Run("only the header was fetched", func(t *testing.T) {
		it := convert(t, note(props{mapi.PidTagMessageStatus: 0x1000}))
		equal(t, "damage", len(it.Damage), 1)
	})
}

func flatList(entries ...[]byte) []byte {
	b := []byte{byte(len(entries)), 0, 0, 0, 0, 0, 0, 0}
	for _, e := range entries {
		b = append(b, byte(len(e)), byte(len(e)>>8), 0, 0)
		b = append(b, e...)
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	return b
}

func TestCase20MessagesAreNeverEncoded(t *testing.T) {
	inner := note(props{mapi.PidTagBody: strings.Repeat("Größe ", 2000), mapi.PidTagSubject: "Größe"})
	inner.atts = []*att{file("a.bin", "", bytes.Repeat([]byte{0xFF}, 1000))}
	m := note(props{mapi.PidTagHtml: []byte("<p>" + strings.Repeat("x", 5000) + "</p>")})
	m.atts = []*att{inside(inner), file("mail.eml", "message/rfc822", []byte("Subject: x\r\n\r\nhello\r\n")), file("8bit.eml", "message/rfc822", []byte("Subject: x\n\nh\xe4llo\n"))}
	it := convert(t, m)
	out := written(t, it)
	p := parse(t, out)
	equal(t, "the structure", p.tree, "mixed(alternative(text/plain,text/html),message[mixed(text/plain,application/octet-stream)],message[text/plain],application/octet-stream)")
	for _, l := range p.parts {
		if cte := strings.ToLower(l.header.Get("Content-Transfer-Encoding")); l.typ == "message/rfc822" && (cte == "base64" || cte == "quoted-printable") {
			t.Errorf("a message in %s", cte)
		}
	}
	equal(t, "the file that is no clean message", p.parts[len(p.parts)-1].body, "Subject: x\n\nh\xe4llo\n")
}

func TestCase22OtherClasses(t *testing.T) {
	t.Run("voting", func(t *testing.T) {
		_, p := readBack(t, note(props{mapi.PidLidVerbStream: verbs("Ja", "Nein", "Vielleicht später"), mapi.PidLidVerbResponse: "Ja"}))
		equal(t, "the options", p.text(t, "X-MS-Voting-Options"), "Ja;Nein;Vielleicht später")
		equal(t, "the response", p.text(t, "X-MS-Voting-Response"), "Ja")
	})
	for class, want := range map[string]string{
		"IPM.Note.Microsoft.Voicemail.UM.CA": "voice-ca", "IPM.Note.Microsoft.Voicemail.UM": "voice", "IPM.Note.Microsoft.Missed.Voice": "missedcall",
		"IPM.Note.Microsoft.Fax": "fax", "IPM.Note.Microsoft.Fax.CA": "fax-ca", "IPM.Note.Microsoft.Conversation.Voice": "voice-uc",
	} {
		_, p := readBack(t, note(props{mapi.PidTagMessageClass: class}))
		equal(t, class, p.header.Get("Content-Class"), want)
	}
	for _, class := range []string{"IPM.Outlook.Recall", "IPM.Recall.Report.Success", "IPM.Vendor.Form"} {
		it, p := readBack(t, note(props{mapi.PidTagMessageClass: class}))
		equal(t, class, p.header.Get("X-PST-Message-Class"), class)
		equal(t, class, it.Kind, formats.KindMail)
	}
	t.Run("post", func(t *testing.T) {
		_, p := readBack(t, note(props{mapi.PidTagMessageClass: "IPM.Post", mapi.PidTagBody: "posted"}).from("Anna", "anna@example.org"))
		equal(t, "From", p.header.Get("From"), "Anna <anna@example.org>")
		equal(t, "To", p.header.Get("To"), "")
		equal(t, "the text", strings.TrimSpace(p.parts[0].body), "posted")
	})
	t.Run("RSS", func(t *testing.T) {
		_, p := readBack(t, note(props{mapi.PidTagMessageClass: "IPM.Post.Rss", mapi.PidTagBody: "news", mapi.PidLidPostRssItemLink: "https://example.org/1"}))
		equal(t, "the link", p.header.Get("X-PST-RSS-Link"), "https://example.org/1")
		if !strings.Contains(p.parts[0].body, "https://example.org/1") {
			t.Errorf("the text is %q", p.parts[0].body)
		}
	})
	t.Run("names for want of recipients", func(t *testing.T) {
		_, p := readBack(t, note(props{mapi.PidTagDisplayTo: "Anna; Bert"}))
		equal(t, "To", p.header.Get("To"), "Anna:;, Bert:;")
	})
}

// verbs makes a verb stream with the reply button and voting buttons.
func verbs(options ...string) []byte {
	b := []byte{2, 1, byte(len(options) + 1), 0, 0, 0}
	add := func(typ byte, name string) {
		n := strings.NewReplacer("ä", "\xe4").Replace(name)
		b = append(b, typ, 0, 0, 0, byte(len(n)))
		b = append(append(b, n...), 8)
		b = append(append(b, "IPM.Note"...), 0, byte(len(n)))
		b = append(append(b, n...), make([]byte, 29)...)
	}
	add(2, "Reply")
	for _, o := range options {
		add(4, o)
	}
	b = append(b, 4, 1)
	for _, o := range append([]string{"Reply"}, options...) {
		w := wide(o)
		for range 2 {
			b = append(b, byte(len(w)/2))
			b = append(b, w...)
		}
	}
	return b
}

var errBroken = errors.New("the block is broken")

func TestDamageCostsItsPartOnly(t *testing.T) {
	m := note(props{mapi.PidTagBody: errBroken, mapi.PidTagSubject: "half", mapi.PidTagInReplyToId: errBroken})
	m.rows, m.lost = []props{row(1, "Anna", "SMTP", "anna@example.org")}, errBroken
	m.atts = []*att{inside(nil), file("whole.txt", "text/plain", []byte("whole")), {props: props{mapi.PidTagAttachMethod: 5, mapi.PidTagDisplayName: "msg"}, err: errBroken}}
	it, p := readBack(t, m)
	equal(t, "To", p.header.Get("To"), "Anna <anna@example.org>")
	equal(t, "the structure", p.tree, "mixed(text/plain,text/plain,text/plain,text/plain)")
	var got []string
	for _, d := range it.Damage {
		got = append(got, d.Part)
	}
	equal(t, "the damage", strings.Join(got, "; "), `recipients; property 0x1042; message body; attachments; attachment "no. 1"; attachment "msg"`)

	if _, err := outlook.New(outlook.Options{}).Item(formats.Entry{}, &msg{props: props{mapi.PidTagMessageClass: errBroken}}); err == nil {
		t.Error("a message of which nothing is left is no failure")
	}
}

func TestKeepEX(t *testing.T) {
	m := note(props{mapi.PidTagSenderName: "Anna", mapi.PidTagSenderEmailAddress: "/o=Org/cn=anna", mapi.PidTagSenderSmtpAddress: "anna@example.org"})
	it := convertWith(t, outlook.Options{KeepEX: true}, m)
	p := parse(t, written(t, it))
	equal(t, "the field", p.header.Get("X-PST-EX-Address"), "sender; Anna; /o=Org/cn=anna")
	equal(t, "From", p.header.Get("From"), "Anna <anna@example.org>")
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}
