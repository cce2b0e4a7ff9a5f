package tnef_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/emersion/go-message"
	"pgregory.net/rapid"

	"mailmill/extract"
	"mailmill/extract/mail"
	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
	"mailmill/transform/tnef"
)

// stream makes a TNEF stream (MS-OXTNEF) of a class, properties and files.
type stream struct {
	class, html, text string
	props             []mapi.Property
	files             []file
}

type file struct{ name, data, cid string }

func (s stream) bytes() []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(le.AppendUint32(nil, 0x223E9F78), 1)
	add := func(level byte, id uint32, data []byte) {
		b = append(b, level)
		b = le.AppendUint32(b, id)
		b = le.AppendUint32(b, uint32(len(data)))
		b = append(b, data...)
		sum := uint16(0)
		for _, c := range data {
			sum += uint16(c)
		}
		b = le.AppendUint16(b, sum)
	}
	pad := func(p []byte) []byte {
		for len(p)%4 != 0 {
			p = append(p, 0)
		}
		return p
	}
	list := func(props []mapi.Property) []byte {
		p := le.AppendUint32(nil, uint32(len(props)))
		for _, q := range props {
			p = le.AppendUint32(p, uint32(mapi.MakeTag(q.ID, q.Value.Type)))
			if q.Name != nil {
				p = append(p, q.Name.Set[:]...)
				p = le.AppendUint32(le.AppendUint32(p, 0), q.Name.LID)
			}
			if q.Value.Type.Width() == 0 {
				p = le.AppendUint32(le.AppendUint32(p, 1), uint32(len(q.Value.Data)))
			}
			p = pad(append(p, q.Value.Data...))
		}
		return p
	}
	if s.class == "" {
		s.class = "IPM.Microsoft Mail.Note"
	}
	add(1, 0x00089006, []byte{0, 0, 1, 0})
	add(1, 0x00078008, append([]byte(s.class), 0))
	props := slices.Clone(s.props)
	if s.html != "" {
		props = append(props, mapi.Property{ID: mapi.PidTagHtml, Value: mapi.Value{Type: mapi.Binary, Data: []byte(s.html)}})
	}
	if s.text != "" {
		props = append(props, mapi.Property{ID: mapi.PidTagBody, Value: mapi.Value{Type: mapi.String8, Data: append([]byte(s.text), 0)}})
	}
	add(1, 0x00069003, list(props))
	for _, f := range s.files {
		add(2, 0x00069002, make([]byte, 14))
		add(2, 0x00018010, append([]byte(f.name), 0))
		add(2, 0x0006800F, []byte(f.data))
		if f.cid != "" {
			add(2, 0x00069005, list([]mapi.Property{{ID: mapi.PidTagAttachContentId, Value: mapi.Value{Type: mapi.String8, Data: append([]byte(f.cid), 0)}}}))
		}
	}
	return b
}

// part is a part of a mail with a header and a body.
func part(header, body string) string { return header + "\n\n" + body }

// winmail is a part with such an attachment.
func winmail(b []byte) string {
	s := base64.StdEncoding.EncodeToString(b)
	var lines []string
	for len(s) > 76 {
		lines, s = append(lines, s[:76]), s[76:]
	}
	return part("Content-Type: application/ms-tnef; name=\"winmail.dat\"\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename=\"winmail.dat\"", strings.Join(append(lines, s), "\n"))
}

func multipart(kind string, parts ...string) string {
	boundary := fmt.Sprintf("----=_%s_%d", kind, len(strings.Join(parts, "")))
	var b strings.Builder
	fmt.Fprintf(&b, "Content-Type: multipart/%s;\n boundary=\"%s\"\n\nThis is a multi-part message in MIME format.\n", kind, boundary)
	for _, p := range parts {
		fmt.Fprintf(&b, "\n--%s\n%s", boundary, p)
	}
	fmt.Fprintf(&b, "\n--%s--\nNobody shows this.\n", boundary)
	return b.String()
}

const envelope = "Received: from x by y;\n\tMon, 4 Mar 2024 10:00:00 +0100\nFrom: Ann <ann@example.org>\nTo: Bob <bob@example.org>,\n   Cy <cy@example.org>\n" +
	"Subject:  with   odd   blanks\nMessage-ID: <1@example.org>\nDate: Mon, 4 Mar 2024 09:59:00 +0100\nX-Odd:\t kept \nMIME-Version: 1.0\n"

var plain = part("Content-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: 8bit", "Grüße  \nwith trailing blanks   \n")

func item(t testing.TB, raw string) *formats.Item {
	t.Helper()
	it, err := mail.New(formats.Entry{}, formats.Bytes(raw), int64(len(raw)), mail.State{}, extract.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return it
}

func apply(t testing.TB, it *formats.Item) string {
	t.Helper()
	keep, err := tnef.New(outlook.New(outlook.Options{}).Item).Apply(context.Background(), it)
	if err != nil || !keep {
		t.Fatal(keep, err)
	}
	return write(t, it)
}

func write(t testing.TB, it *formats.Item) string {
	t.Helper()
	var b bytes.Buffer
	if err := mime.Write(&b, it.Mail); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(b.String(), "\r\n", "\n")
}

// shape is the structure of a mail as another library reads it, and bodies are the contents of its leaves by type and name.
func shape(t testing.TB, raw string) (tree string, bodies map[string]string) {
	t.Helper()
	e, err := message.Read(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	bodies = make(map[string]string)
	var walk func(e *message.Entity) string
	walk = func(e *message.Entity) string {
		typ, params, _ := e.Header.ContentType()
		if mr := e.MultipartReader(); mr != nil {
			var list []string
			for {
				p, err := mr.NextPart()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("%v in\n%s", err, raw)
				}
				list = append(list, walk(p))
			}
			return strings.TrimPrefix(typ, "multipart/") + "(" + strings.Join(list, ",") + ")"
		}
		if typ == "message/rfc822" {
			inner, err := message.Read(e.Body)
			if err != nil {
				t.Fatal(err)
			}
			return "message(" + walk(inner) + ")"
		}
		_, dp, _ := e.Header.ContentDisposition()
		name := dp["filename"]
		if name == "" {
			name = params["name"]
		}
		b, err := io.ReadAll(e.Body)
		if err != nil {
			t.Fatal(err)
		}
		bodies[strings.TrimSpace(typ+" "+name)] = string(b)
		return typ
	}
	return walk(e), bodies
}

func TestUnpack(t *testing.T) {
	files := []file{{name: "plan.pdf", data: "%PDF-1.4"}}
	cases := map[string]struct {
		mail string
		tree string
		has  map[string]string
	}{
		"files take its place": {
			multipart("mixed", plain, winmail(stream{files: files}.bytes()), part("Content-Type: text/x-list", "footer")),
			"mixed(text/plain,application/pdf,text/x-list)",
			map[string]string{"application/pdf plan.pdf": "%PDF-1.4"},
		},
		"HTML stands beside the text": {
			multipart("mixed", plain, winmail(stream{html: "<p>Gr\xFC\xDFe</p>", text: "Gr\xFC\xDFe with trailing blanks"}.bytes())),
			"mixed(alternative(text/plain,text/html))",
			map[string]string{"text/html": "<p>Grüße</p>"},
		},
		"its pictures are related": {
			multipart("mixed", plain, winmail(stream{html: `<img src="cid:a@b"> Grüße`, files: append(files, file{"a.png", "\x89PNG", "a@b"})}.bytes())),
			"mixed(related(alternative(text/plain,text/html),image/png),application/pdf)", nil,
		},
		"a mail that is nothing else": {
			winmail(stream{html: "<p>all</p>", files: files}.bytes()),
			"mixed(alternative(text/plain,text/html),application/pdf)",
			map[string]string{"text/plain": "all\n"},
		},
		"an empty text gives way": {
			multipart("mixed", part("Content-Type: text/plain", " \n"), winmail(stream{text: "the text"}.bytes())),
			"mixed(text/plain)",
			map[string]string{"text/plain": "the text"},
		},
		"another text stays packed too": {
			multipart("mixed", plain, winmail(stream{text: "another text", files: files}.bytes())),
			"mixed(text/plain,application/pdf,application/ms-tnef)", nil,
		},
		"another HTML stays packed too": {
			multipart("mixed", multipart("alternative", plain, part("Content-Type: text/html", "<p>own</p>")), winmail(stream{html: "<p>other</p>"}.bytes())),
			"mixed(alternative(text/plain,text/html),application/ms-tnef)",
			map[string]string{"text/html": "<p>own</p>"},
		},
		"the same HTML is there once": {
			multipart("mixed", multipart("alternative", plain, part("Content-Type: text/html", "<p>own</p>")), winmail(stream{html: "<body><b>own</b></body>"}.bytes())),
			"mixed(alternative(text/plain,text/html))",
			map[string]string{"text/html": "<p>own</p>"},
		},
		"in a mail that is attached": {
			multipart("mixed", plain, part("Content-Type: message/rfc822", envelope+multipart("mixed", plain, winmail(stream{files: files}.bytes())))),
			"mixed(text/plain,message(mixed(text/plain,application/pdf)))", nil,
		},
		"in a mail that is attached and nothing else": {
			multipart("mixed", plain, part("Content-Type: message/rfc822", envelope+winmail(stream{html: "<p>all</p>", files: files}.bytes()))),
			"mixed(text/plain,message(mixed(alternative(text/plain,text/html),application/pdf)))",
			nil,
		},
		"a contact becomes a card": {
			multipart("mixed", plain, winmail(stream{class: "IPM.Contact", props: []mapi.Property{
				{ID: mapi.PidTagDisplayName, Value: mapi.Value{Type: mapi.String8, Data: []byte("Dora\x00")}},
			}}.bytes())),
			"mixed(text/plain,text/vcard,application/ms-tnef)", nil,
		},
		"called so and of no type": {
			multipart("mixed", plain, strings.Replace(winmail(stream{files: files}.bytes()), "application/ms-tnef", "application/octet-stream", 1)),
			"mixed(text/plain,application/pdf)", nil,
		},
		"what was signed stays": {
			multipart("mixed", multipart("signed", winmail(stream{files: files}.bytes()), part("Content-Type: application/pgp-signature", "sig")), plain),
			"mixed(signed(application/ms-tnef,application/pgp-signature),text/plain)", nil,
		},
		"something else of its name stays": {
			multipart("mixed", plain, winmail([]byte("no such stream"))), "mixed(text/plain,application/ms-tnef)", nil,
		},
		"a report stays": {
			multipart("mixed", plain, winmail(stream{class: "IPM.Microsoft Mail.Non-Delivery"}.bytes())), "mixed(text/plain,application/ms-tnef)", nil,
		},
	}
	for name, c := range cases {
		for _, ends := range []string{"\n", "\r\n"} {
			t.Run(fmt.Sprintf("%s %q", name, ends), func(t *testing.T) {
				raw := strings.ReplaceAll(envelope+c.mail, "\n", ends)
				it := item(t, raw)
				out := apply(t, it)
				tree, bodies := shape(t, out)
				if tree != c.tree {
					t.Fatalf("it is %s, not %s\n%s", tree, c.tree, out)
				}
				for name, want := range c.has {
					if got := strings.ReplaceAll(bodies[name], "\r\n", "\n"); got != want {
						t.Errorf("%s is %q, not %q", name, got, want)
					}
				}
				if len(it.Damage) > 0 {
					t.Errorf("damage %v", it.Damage)
				}
				head, _, _ := strings.Cut(envelope, "MIME-Version")
				if !strings.HasPrefix(out, head) {
					t.Errorf("the header is not as it came:\n%s", out)
				}
				if strings.Contains(c.mail, plain) && c.has["text/plain"] == "" && !strings.Contains(out, plain) {
					t.Errorf("the text is not as it came:\n%s", out)
				}
				const preamble, epilogue = "\n\nThis is a multi-part message in MIME format.\n\n--", "--\nNobody shows this.\n"
				if n := strings.Count(envelope+c.mail, preamble); strings.Count(out, preamble) != n || strings.Count(out, epilogue) != n {
					t.Errorf("what stands around the parts is not as it came:\n%s", out)
				}
				if strings.HasSuffix(name, "stays") && out != envelope+c.mail {
					t.Errorf("it is not as it came:\n%s", out)
				}
				if again := apply(t, item(t, out)); again != out {
					t.Errorf("unpacked again it differs:\n%s", again)
				}
			})
		}
	}
}

// TestMeeting reads an invitation that tells neither who sent it nor to whom: the mail around it does. Beside an invitation
// that the mail has already it stays packed.
func TestMeeting(t *testing.T) {
	when := func(set mapi.GUID, lid uint32, ticks uint64) mapi.Property {
		n := mapi.Long(set, lid)
		return mapi.Property{ID: 0x8000 + mapi.ID(lid&0xFF), Name: &n, Value: mapi.Value{Type: mapi.Time, Data: binary.LittleEndian.AppendUint64(nil, ticks)}}
	}
	const start = 133540524000000000 // 2024-03-04 19:00 UTC, in units of 100 ns since 1601
	s := stream{class: "IPM.Microsoft Schedule.MtgReq", props: []mapi.Property{
		when(mapi.PSAppointment, 0x820D, start), when(mapi.PSAppointment, 0x820E, start+36e9),
		{ID: mapi.PidTagSubject, Value: mapi.Value{Type: mapi.String8, Data: []byte("Planning\x00")}},
	}}
	it := item(t, envelope+multipart("mixed", plain, winmail(s.bytes())))
	tree, bodies := shape(t, apply(t, it))
	if tree != "mixed(alternative(text/plain,text/calendar))" {
		t.Fatal(tree)
	}
	ics := strings.ReplaceAll(strings.ReplaceAll(bodies["text/calendar"], "\r\n", "\n"), "\n ", "")
	for _, want := range []string{"METHOD:REQUEST", "SUMMARY:Planning", "ORGANIZER;CN=Ann:mailto:ann@example.org", "mailto:bob@example.org", "mailto:cy@example.org", "DTSTART:20240304T190000Z"} {
		if !strings.Contains(ics, want) {
			t.Errorf("no %s in\n%s", want, ics)
		}
	}
	own := multipart("alternative", plain, part("Content-Type: text/calendar; method=REQUEST", "BEGIN:VCALENDAR\nEND:VCALENDAR"))
	if tree, _ := shape(t, apply(t, item(t, envelope+multipart("mixed", own, winmail(s.bytes()))))); tree != "mixed(alternative(text/plain,text/calendar),application/ms-tnef)" {
		t.Errorf("beside another invitation it is %s", tree)
	}
	found := false
	it.Participants(func(a *formats.Address) { found = found || a.SMTP == "cy@example.org" })
	if !found {
		t.Error("who is invited is no participant")
	}
}

func TestDamaged(t *testing.T) {
	b := stream{html: "<p>x</p>", files: []file{{name: "a.txt", data: "12345"}}}.bytes()
	for _, damaged := range [][]byte{b[:len(b)-4], bytes.Replace(b, []byte("12345"), []byte("12346"), 1)} {
		raw := envelope + multipart("mixed", plain, winmail(damaged))
		it := item(t, raw)
		if out := apply(t, it); out != raw {
			t.Errorf("it is not as it came:\n%s", out)
		}
		if len(it.Damage) != 1 || !strings.Contains(it.Damage[0].String(), "winmail.dat") {
			t.Errorf("damage %v", it.Damage)
		}
	}
}

// slow is content that is not in memory, and comes in small pieces.
type slow string

func (s slow) Open() (io.ReadCloser, error) {
	return io.NopCloser(iotest.HalfReader(strings.NewReader(string(s)))), nil
}

// TestFarAway finds an attachment wherever it begins in a long mail that is read in pieces.
func TestFarAway(t *testing.T) {
	w := winmail(stream{files: []file{{name: "plan.pdf", data: "%PDF-1.4"}}}.bytes())
	long := strings.Repeat("- a line of text that is no boundary --\n", 3500)
	for shift := range 40 {
		raw := envelope + multipart("mixed", part("Content-Type: text/plain", long+strings.Repeat("x", 500*shift)), w)
		it, err := mail.New(formats.Entry{}, slow(raw), int64(len(raw)), mail.State{}, extract.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if tree, _ := shape(t, apply(t, it)); tree != "mixed(text/plain,application/pdf)" {
			t.Errorf("%d bytes further it is %s", 500*shift, tree)
		}
	}
}

// TestManyLevels nests mails a thousand deep, each with such an attachment.
func TestManyLevels(t *testing.T) {
	s := plain
	w := winmail(stream{files: []file{{name: "a.txt", data: "12345"}}}.bytes())
	for i := range 1000 {
		s = strings.Replace(multipart("mixed", w, part("Content-Type: message/rfc822", s)), "----=_mixed_", fmt.Sprintf("b%d_", i), -1)
	}
	apply(t, item(t, envelope+s))
}

// TestOthersUntouched passes whatever else there is on as it came, and does not even look for its parts.
func TestOthersUntouched(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{
			"", "--b", "--b--", "Content-Type: multipart/mixed; boundary=b", "Content-Type: text/plain", "text", " folded", "Content-Type: message/rfc822", "\x80",
		}), 0, 30).Draw(t, "lines")
		raw := strings.Join(lines, "\n")
		it, err := mail.New(formats.Entry{}, formats.Bytes(raw), int64(len(raw)), mail.State{}, extract.Options{})
		if err != nil {
			return
		}
		if _, err := tnef.New(nil).Apply(context.Background(), it); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := mime.Write(&b, it.Mail); err != nil {
			t.Fatal(err)
		}
		if out := strings.ReplaceAll(b.String(), "\r\n", "\n"); out != raw {
			t.Fatalf("%q became %q", raw, out)
		}
	})
}

func FuzzApply(f *testing.F) {
	w := winmail(stream{html: "<p>x</p>", files: []file{{name: "a.txt", data: "12345"}}}.bytes())
	f.Add(envelope + multipart("mixed", plain, w))
	f.Add(envelope + w)
	f.Add(envelope + multipart("mixed", plain, part("Content-Type: message/rfc822", envelope+multipart("related", plain, w))))
	f.Fuzz(func(t *testing.T, raw string) {
		it, err := mail.New(formats.Entry{}, formats.Bytes(raw), int64(len(raw)), mail.State{}, extract.Options{})
		if err != nil {
			return
		}
		if _, err := tnef.New(outlook.New(outlook.Options{}).Item).Apply(context.Background(), it); err != nil {
			t.Fatal(err)
		}
		var lost *mime.ContentError
		if err := mime.Write(io.Discard, it.Mail); err != nil && !errors.As(err, &lost) {
			t.Fatal(err)
		}
	})
}

// BenchmarkOthers looks through mail with large parts and nothing to unpack.
func BenchmarkOthers(b *testing.B) {
	body := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("0123456789"), 100_000))
	raw := envelope + multipart("mixed", plain, part("Content-Type: image/png\nContent-Transfer-Encoding: base64", strings.Join(slices.Collect(chunks(body)), "\n")))
	step := tnef.New(nil)
	b.SetBytes(int64(len(raw)))
	for b.Loop() {
		if _, err := step.Apply(context.Background(), item(b, raw)); err != nil {
			b.Fatal(err)
		}
	}
}

func chunks(s string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for len(s) > 76 {
			if !yield(s[:76]) {
				return
			}
			s = s[76:]
		}
		yield(s)
	}
}
