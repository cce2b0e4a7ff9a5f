package outlook

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"strings"
	"testing"
	"unicode/utf8"

	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
)

func FuzzVotingOptions(f *testing.F) {
	f.Add([]byte("\x02\x01\x01\x00\x00\x00\x04\x00\x00\x00\x02Ja\x08IPM.Note\x00\x02Ja" + strings.Repeat("\x00", 29) + "\x04\x01\x02J\x00a\x00\x02J\x00a\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		for _, o := range votingOptions(b, 1252) {
			n += len(o)
		}
		if n > 4*len(b) {
			t.Fatal("it grew")
		}
	})
}

func FuzzHTML(f *testing.F) {
	f.Add(`<html><head><meta charset="x"></head><body><p>a<br>b<pre> c</pre><a href="http://x">d</a><img src="cid:a%20b@c"><td background='x'>`)
	f.Add("<style>url(x)</style><li><table><tr><td>1<td>2")
	f.Fuzz(func(t *testing.T, s string) {
		text := htmlToText([]byte(s))
		if utf8.ValidString(s) && !utf8.ValidString(text) {
			t.Fatal("the text is no UTF-8")
		}
		if len(text) > 8*len(s)+16 {
			t.Fatal("it grew")
		}
		metaCharset([]byte(s))
		refs := findReferences(s)
		for cid := range refs.cids {
			out := replaceCID(s, cid, "fresh@pst.invalid")
			if !strings.Contains(out, "fresh@pst.invalid") && cid != "" {
				t.Fatalf("a reference to %q was found and not replaced", cid)
			}
		}
	})
}

// bags is a message made of bytes: its properties, those of two recipients and of two attachments, one of them the
// message itself.
type bags struct {
	list  [5]map[mapi.ID]mapi.Value
	names map[mapi.Name]mapi.Value
	which int
}

var fuzzNames = []mapi.Name{
	mapi.PidNameKeywords, mapi.PidLidVerbStream, mapi.PidLidFlagRequest, mapi.PidLidPostRssItemLink, mapi.PidLidGlobalObjectId,
	mapi.PidLidDelegateMail, mapi.PidLidClassified, mapi.PidLidClassification, mapi.Named(mapi.PSInternetHeaders, "X-A: b"),
}

// makeBags reads records: which bag, identifier, type, length, data.
func makeBags(b []byte) *bags {
	m := &bags{names: make(map[mapi.Name]mapi.Value)}
	for i := range m.list {
		m.list[i] = make(map[mapi.ID]mapi.Value)
	}
	for len(b) >= 7 {
		id, typ, n := mapi.ID(binary.LittleEndian.Uint16(b[1:])), mapi.Type(binary.LittleEndian.Uint16(b[3:])), int(binary.LittleEndian.Uint16(b[5:]))
		which, data := int(b[0])%len(m.list), b[7:]
		data = data[:min(n, len(data))]
		b = b[7+len(data):]
		v := mapi.Value{Type: typ, Data: data}
		if typ.IsMulti() {
			v = mapi.Value{Type: typ, Elems: [][]byte{data, data[len(data)/2:]}}
		}
		if id >= 0x8000 {
			m.names[fuzzNames[int(id)%len(fuzzNames)]] = v
		} else {
			m.list[which][id] = v
		}
	}
	return m
}

func (m *bags) at(which int) *bags { return &bags{m.list, m.names, which} }

func (m *bags) Lookup(id mapi.ID) (mapi.Value, error)      { return m.list[m.which][id], nil }
func (m *bags) LookupName(n mapi.Name) (mapi.Value, error) { return m.names[n], nil }

func (m *bags) All() iter.Seq2[mapi.Property, error] {
	return func(yield func(mapi.Property, error) bool) {
		for _, n := range fuzzNames {
			if v, ok := m.names[n]; ok && !yield(mapi.Property{Name: &n, Value: v}, nil) {
				return
			}
		}
	}
}

func (m *bags) Recipients() ([]mapi.Properties, error) {
	return []mapi.Properties{m.at(1), m.at(2)}, nil
}

func (m *bags) Attachments() ([]mapi.Attachment, error) {
	return []mapi.Attachment{m.at(3), m.at(4)}, nil
}

func (m *bags) Embedded() (mapi.Message, error) {
	if m.which == 3 {
		return nil, mapi.ErrNoData
	}
	return m.at(0), nil
}

func (m *bags) Open() (io.ReadCloser, error) {
	v, ok := m.list[m.which][mapi.PidTagAttachDataBinary]
	if !ok {
		return nil, mapi.ErrNoData
	}
	return io.NopCloser(bytes.NewReader(v.Data)), nil
}

func (m *bags) DataSize() int64 { return int64(len(m.list[m.which][mapi.PidTagAttachDataBinary].Data)) }

func record(which byte, id mapi.ID, t mapi.Type, data string) []byte {
	b := []byte{which}
	b = binary.LittleEndian.AppendUint16(b, uint16(id))
	b = binary.LittleEndian.AppendUint16(b, uint16(t))
	b = binary.LittleEndian.AppendUint16(b, uint16(len(data)))
	return append(b, data...)
}

// FuzzItem converts messages of arbitrary properties, and writes what comes of them.
func FuzzItem(f *testing.F) {
	seed := func(class string, more ...[]byte) {
		f.Add(bytes.Join(append(more, record(0, mapi.PidTagMessageClass, mapi.String8, class),
			record(0, mapi.PidTagTransportMessageHeaders, mapi.String8, "From: \"a\" </o=x/cn=y>\r\nTo: b@example.org\r\nContent-Type: multipart/signed; protocol=\"application/pgp-signature\"\r\n\r\n"),
			record(0, mapi.PidTagHtml, mapi.Binary, "<img src=\"cid:a b\">"), record(1, mapi.PidTagEmailAddress, mapi.String8, "/o=x/cn=y"), record(1, mapi.PidTagDisplayName, mapi.String8, "b"),
			record(3, mapi.PidTagAttachContentId, mapi.String8, "a b"), record(3, mapi.PidTagAttachMimeTag, mapi.String8, "image/png"), record(3, mapi.PidTagAttachDataBinary, mapi.Binary, "data")), nil))
	}
	seed("IPM.Note")
	seed("REPORT.IPM.Note.NDR", record(1, mapi.PidTagNonDeliveryReportDiagCode, mapi.Integer32, "\x01\x00\x00\x00"))
	seed("REPORT.IPM.Note.IPNRN")
	seed("IPM.Note.SMIME.MultipartSigned", record(3, mapi.PidTagAttachDataBinary, mapi.Binary, "Content-Type: multipart/signed; boundary=x\r\n\r\n--x\r\n\r\n--x--"))
	seed("IPM.Appointment")
	seed("IPM.Post.Rss", record(4, mapi.PidTagAttachMethod, mapi.Integer32, "\x06\x00\x00\x00"))
	seed("IPM.Note", record(4, mapi.PidTagAttachMethod, mapi.Integer32, "\x07\x00\x00\x00"), record(3, mapi.PidTagAttachLongFilename, mapi.String8, "winmail.dat"))
	c := New(Options{KeepEX: true})
	f.Fuzz(func(t *testing.T, b []byte) {
		m := makeBags(b)
		if m.list[4][mapi.PidTagAttachMethod].Int() == mapi.AttachEmbedded && len(b) > 1<<10 {
			return // it contains itself: enough work as it is
		}
		it, err := c.Item(formats.Entry{}, m)
		if err != nil {
			return
		}
		if it.Key == "" || it.Identity == "" {
			t.Fatal("the item has no key")
		}
		if it.Mail == nil {
			return
		}
		if it.Mail.Root == nil || it.Mail.MessageID == "" {
			t.Fatal("the mail has no root or no identifier")
		}
		it.Participants(func(a *formats.Address) {
			if mapi.IsDN(a.SMTP) {
				t.Fatalf("%q is no mail address", a.SMTP)
			}
		})
		var lost *mime.ContentError
		if err := mime.Write(io.Discard, it.Mail); err != nil && !errors.As(err, &lost) {
			t.Fatal(err)
		}
	})
}

// FuzzLearn learns from messages of arbitrary properties: an Exchange name is never taken for a mail address.
func FuzzLearn(f *testing.F) {
	for _, class := range []string{"IPM.Note", "IPM.Appointment", "IPM.TaskRequest", "IPM.Contact", "IPM.DistList", "IPM.Configuration.Autocomplete", "REPORT.IPM.Note.NDR"} {
		f.Add(bytes.Join([][]byte{
			record(0, mapi.PidTagMessageClass, mapi.String8, class), record(0, mapi.PidTagSenderEmailAddress, mapi.String8, "/o=x/cn=y"), record(0, mapi.PidTagSenderName, mapi.String8, "a b"),
			record(0, mapi.PidTagTransportMessageHeaders, mapi.String8, "From: \"a b\" <a@example.org>\r\nReceived: from x for <b@example.org>; now\r\nX-MS-Exchange-Recipient: b@example.org\r\n\r\n"),
			record(0, 0x5D0A, mapi.String8, "a@example.org"), record(1, mapi.PidTagEmailAddress, mapi.String8, "IMCEAEX-_o=x_cn=y@example.org"),
			record(0, mapi.PidTagMessageFlags, mapi.Integer32, "\x10\x00\x00\x00"), record(3, mapi.PidTagAttachMethod, mapi.Integer32, "\x01\x00\x00\x00"),
			record(3, mapi.PidTagAttachMimeTag, mapi.String8, "text/calendar"), record(3, mapi.PidTagAttachDataBinary, mapi.Binary, "ATTENDEE;CN=\"b, a\":mailto:a@example.org\r\n"),
		}, nil))
	}
	c := New(Options{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var lesson formats.Lesson
		c.Learn(&lesson, makeBags(b))
		for _, e := range lesson.Evidence {
			if e.SMTP != "" && mapi.ShapeOf(e.SMTP) != mapi.ShapeSMTP || e.DN != "" && !mapi.IsDN(e.DN) || len(e.Name) > longestName {
				t.Fatalf("%+v", e)
			}
		}
	})
}

// FuzzCalendarParticipants reads participants of arbitrary texts: of each line, folded or not, the same.
func FuzzCalendarParticipants(f *testing.F) {
	f.Add("ATTENDEE;PARTSTAT=ACCEPTED;CN=\"Gro\xc3\x9f, Anna\";X-A=\"a;b:c\":mailto:anna@example.org\r\nORGANIZER;CN=Anna\r\n  Gro\xc3\x9f:MAILTO:anna@exam\r\n ple.org\r\n")
	f.Add("attendee;member=\"mailto:x\",\"mailto:y\";EMAIL=a@example.org:urn:uuid:1\nATTENDEE;CN=\"a:b\n")
	f.Fuzz(func(t *testing.T, text string) {
		list := participantsOf(text)
		if len(list) > strings.Count(text, "\n")+1 {
			t.Fatalf("%d participants of\n%s", len(list), text)
		}
		for i, in := range list {
			if strings.ContainsAny(in.name+in.smtp, "\r\n\x00") {
				t.Fatalf("%q is more than a line", in)
			}
			isOnly(list, i)
		}
	})
}

func FuzzNames(f *testing.F) {
	f.Add("Groß, Anna (anna@example.org)", "anna@example.org")
	f.Add("'a' on behalf of b", "/o=x")
	f.Fuzz(func(t *testing.T, name, addr string) {
		got := cleanName(oneLine(name), &formats.Address{Stored: addr, SMTP: addr})
		if strings.ContainsAny(got, "\r\n\x00") {
			t.Fatalf("%q is more than a line", got)
		}
		formats.NameKey(got)
		mime.MessageID(name)
		cleanSubject(name)
		phrase(oneLine(name))
		smimeType([]byte(name))
		globalObjectUID([]byte(name))
	})
}

func TestHTMLToText(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "<p>a</p><p>b</p>": "a\r\n\r\nb\r\n", "a<br>b": "a\r\nb\r\n", "a\n b\t c": "a b c\r\n", "<div>a<div>b</div></div>c": "a\r\nb\r\nc\r\n",
		"<pre>a\n  b</pre>": "a\r\n  b\r\n", "a&amp;b&nbsp;c": "a&b c\r\n", "<style>x</style><script>y</script>z": "z\r\n",
		`see <a href="https://example.org/x">here</a>.`: "see here <https://example.org/x>.\r\n", `<a href="http://example.org/">example.org</a>`: "example.org\r\n",
		`<a href="mailto:a@example.org">a@example.org</a>`: "a@example.org\r\n", "<ul><li>a<li>b</ul>": "* a\r\n* b\r\n", "<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>": "1\t2\r\n3\r\n",
		"<head><title>t</title><body>a": "a\r\n", "<!-- x -->a": "a\r\n",
		"<table><tr><td><p>Name</p></td><td><p>Anna</p></td></tr><tr><td><p>Town</p></td><td></td><td><p>x</p></td></tr></table><p>after": "Name\tAnna\r\nTown\t\tx\r\n\r\nafter\r\n",
		"<table><tr><td><p>a</p><p>b</p></td><td><p>c</p></td></tr></table>":                                                              "a\r\n\r\nb\r\nc\r\n",
		"<table><tr><td>&nbsp;</td><td><table><tr><td>in</td><td>side</td></tr></table></td></tr></table>":                                "in\tside\r\n",
		"Hi<blockquote><p>one</p><p>two</p><blockquote>deep</blockquote></blockquote>end":                                                 "Hi\r\n\r\n> one\r\n>\r\n> two\r\n>\r\n>> deep\r\n\r\nend\r\n",
		"<ol><li>a</li><li>b<ul><li><p>c</p></li></ul></li></ol>d":                                                                        "1. a\r\n2. b\r\n  * c\r\n\r\nd\r\n",
		`<a href="https://example.org"><img src=x></a> <img alt="Our logo"> <a href="#top">up</a><a href="cid:x">y</a>`:                   "<https://example.org> [Our logo] upy\r\n",
		"<pre>\na\n\n\n  b\n</pre>c":                                       "a\r\n\r\n\r\n  b\r\n\r\nc\r\n",
		"<xml><w:View>Normal</w:View></xml>a<noscript><b>b</b></noscript>": "a\r\n",
		"</blockquote></ul></table></td></a>a<td>b<tr>c":                   "a\r\nb\r\nc\r\n",
	} {
		if got := htmlToText([]byte(in)); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestGlobalObjectUID(t *testing.T) {
	id := make([]byte, 40)
	copy(id, "\x04\x00\x00\x00\x82\x00\xE0\x00")
	id[16], id[17], id[18], id[19] = 7, 0xE0, 1, 2
	if got := globalObjectUID(append(id, "vCal-Uid\x01\x00\x00\x00abc@example.org\x00"...)); got != "abc@example.org" {
		t.Errorf("a foreign UID is %q", got)
	}
	if got := globalObjectUID(append(id, 1, 2)); !strings.HasPrefix(got, "040000008200E000") || strings.Contains(got, "07E00102") || !strings.HasSuffix(got, "0102") {
		t.Errorf("Outlook's own is %q", got)
	}
}
