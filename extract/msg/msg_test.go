package msg_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"mailmill/extract"
	"mailmill/extract/msg"
	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/ical"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
	"mailmill/formats/msg/msgtest"
	"mailmill/formats/pst"
	"mailmill/formats/vcard"
)

var modified = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)

// shown is everything of an item that is written.
func shown(t *testing.T, it *formats.Item) string {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintln(&b, it.Kind, it.Key, it.Identity, it.Class, it.Subject, it.Received, it.Modified, it.Flags, it.Keywords)
	var err error
	switch it.Kind {
	case formats.KindMail:
		err = mime.Write(&b, it.Mail)
	case formats.KindContact, formats.KindGroup:
		err = vcard.NewEncoder(vcard.Options{Version: vcard.V4}).Encode(&b, it)
	case formats.KindOther:
	default:
		var r io.ReadCloser
		if r, err = ical.Content(ical.Options{}, it).Open(); err == nil {
			_, err = io.Copy(&b, r)
			r.Close()
		}
	}
	var lost *mime.ContentError
	if err != nil && !errors.As(err, &lost) {
		t.Error(err)
	}
	return b.String()
}

// TestSameAsInPST writes each item of an archive as a message file and finds that nobody could tell where it was read.
func TestSameAsInPST(t *testing.T) {
	b, err := os.ReadFile(corpustest.Sample())
	if err != nil {
		t.Fatal(err)
	}
	f, err := pst.NewReader(bytes.NewReader(b), int64(len(b)), pst.Options{})
	if err != nil {
		t.Fatal(err)
	}
	kinds := make(map[formats.Kind]int)
	for id := range f.Nodes() {
		if pst.KindOf(id) != pst.KindMessage {
			continue
		}
		m, err := f.Message(id)
		if err != nil {
			t.Fatal(err)
		}
		want, err := outlook.New(outlook.Options{}).Item(formats.Entry{}, m)
		if err != nil || len(want.Damage) > 0 {
			continue // damaged on purpose
		}
		if kinds[want.Kind]++; kinds[want.Kind] > 150 {
			continue
		}
		model, err := msgtest.Copy(m)
		if err != nil {
			t.Errorf("%v: %v", id, err)
			continue
		}
		got := readOne(t, "some.msg", model.Bytes())
		if a, b := shown(t, want), shown(t, got); a != b || len(got.Damage) > 0 {
			at := 0
			for at < min(len(a), len(b)) && a[at] == b[at] {
				at++
			}
			t.Errorf("%v, %s: at %d %.300q instead of %.300q, damage %v", id, want.Subject, at, b[at:], a[at:], got.Damage)
		}
	}
	for _, k := range formats.Kinds() {
		if k != formats.KindOther && kinds[k] == 0 {
			t.Errorf("the archive has no %v", k)
		}
	}
}

func sample() *msgtest.Message {
	return &msgtest.Message{
		Properties: []mapi.Property{
			msgtest.P(mapi.PidTagMessageClass, msgtest.Text("IPM.Contact")),
			msgtest.P(mapi.PidTagSubject, msgtest.Text("Ann")),
			msgtest.P(mapi.PidTagDisplayName, msgtest.Text("Ann Example")),
			msgtest.P(mapi.PidTagSenderName, msgtest.Text("Bob")),
			msgtest.P(mapi.PidTagSenderAddressType, msgtest.Text("EX")),
			msgtest.P(mapi.PidTagSenderEmailAddress, msgtest.Text("/o=Org/ou=Unit/cn=Recipients/cn=bob")),
			msgtest.P(mapi.PidTagSenderSmtpAddress, msgtest.Text("bob@example.org")),
		},
	}
}

func TestArchive(t *testing.T) {
	b := sample().Bytes()
	a, err := msg.Open("some/where/Ann.msg", bytes.NewReader(b), int64(len(b)), modified, extract.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	it := only(t, a)
	if it.Kind != formats.KindContact || it.Folder.String() != "Contacts" || it.ID != "Ann.msg" || it.Source != "some/where/Ann.msg" || it.Contact == nil {
		t.Errorf("%+v", it)
	}
	if folders := a.Folders(); len(folders) != 1 || folders[0] != it.Folder {
		t.Errorf("folders %v", folders)
	}
	info := a.Info()
	if info.Format != "Outlook message" || info.Size != int64(len(b)) || !info.Modified.Equal(modified) || info.CodePage != 1252 || info.CodePageReason == "" {
		t.Errorf("%+v", info)
	}
	mail := sample()
	mail.Properties[0] = msgtest.P(mapi.PidTagMessageClass, msgtest.Text("IPM.Note"))
	b = mail.Bytes()
	if a, err = msg.Open("mail.msg", bytes.NewReader(b), int64(len(b)), modified, extract.Options{}); err != nil {
		t.Fatal(err)
	}
	var lesson formats.Lesson
	for e := range a.Places(context.Background()) {
		if err := a.Learn(context.Background(), e, &lesson); err != nil {
			t.Error(err)
		}
	}
	if len(lesson.Evidence) == 0 {
		t.Error("it teaches nothing")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := a.Read(ctx, it.Entry); !errors.Is(err, context.Canceled) {
		t.Errorf("after its end: %v", err)
	}
	for _, err := range a.Entries(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("after its end: %v", err)
		}
	}
}

func TestDamagedMessage(t *testing.T) {
	m := sample()
	m.Properties = append(m.Properties, msgtest.P(mapi.PidTagBody, msgtest.Text(strings.Repeat("note ", 2000))))
	b := m.Bytes()
	at := bytes.Index(b, []byte("n\x00o\x00t\x00e\x00 \x00"))
	it := readOne(t, "cut.msg", b[:at+3000])
	if it.Contact == nil || it.Contact.FullName != "Ann Example" || len(it.Damage) == 0 {
		t.Errorf("%+v, damage %v", it.Contact, it.Damage)
	}
}

// TestDamageWithin loses the list of properties of a recipient, of an attachment and of an attached message in turn: what was
// in it is gone, which the item tells.
func TestDamageWithin(t *testing.T) {
	inner := sample()
	inner.Properties[0] = msgtest.P(mapi.PidTagMessageClass, msgtest.Text("IPM.Note"))
	m := &msgtest.Message{
		Properties: slices.Clone(inner.Properties),
		Recipients: [][]mapi.Property{{
			msgtest.P(mapi.PidTagDisplayName, msgtest.Text("Cy")), msgtest.P(mapi.PidTagAddressType, msgtest.Text("SMTP")),
			msgtest.P(mapi.PidTagEmailAddress, msgtest.Text("cy@example.org")), msgtest.P(mapi.PidTagRecipientType, msgtest.Int(mapi.RecipientBcc)),
		}},
		Attachments: []msgtest.Attachment{{Properties: []mapi.Property{msgtest.P(mapi.PidTagAttachMethod, msgtest.Int(mapi.AttachEmbedded))}, Message: inner}},
	}
	whole := m.Bytes()
	if it := readOne(t, "whole.msg", whole); len(it.Damage) > 0 {
		t.Fatalf("damage %v", it.Damage)
	}
	var name []byte
	for _, c := range "__properties_version1.0" {
		name = append(name, byte(c), 0)
	}
	found := 0
	for at := 0; ; found++ {
		i := bytes.Index(whole[at:], name)
		if i < 0 {
			break
		}
		at += i + len(name)
		b := bytes.Clone(whole)
		b[at-2] = '1'
		if it := readOne(t, "damaged.msg", b); len(it.Damage) == 0 {
			t.Errorf("nobody says that list %d is lost", found)
		}
	}
	if found != 4 { // the message's own, too
		t.Errorf("%d lists", found)
	}
}

func TestRefusals(t *testing.T) {
	document, err := os.ReadFile(corpustest.Sample())
	if err != nil {
		t.Fatal(err)
	}
	word := compoundFile("WordDocument")
	for name, test := range map[string]struct {
		b       []byte
		problem string
		err     error
	}{
		"a PST":           {document, "is not an Outlook message", extract.ErrNotArchive},
		"a Word document": {word, "is not an Outlook message but an Office document (.doc)", extract.ErrNotArchive},
		"something else":  {compoundFile("Something"), "is not an Outlook message but another compound file", extract.ErrNotArchive},
		"a header alone":  {word[:512], "cannot be read: it has no directory: its sectors lead out of the file", extract.ErrUnreadable},
	} {
		_, err := msg.Open("x.msg", bytes.NewReader(test.b), int64(len(test.b)), modified, extract.Options{})
		var source *extract.SourceError
		if !errors.As(err, &source) || source.Problem != test.problem || !errors.Is(err, test.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := msg.OpenTNEF("x.dat", bytes.NewReader(word), int64(len(word)), modified, extract.Options{}); !errors.Is(err, extract.ErrNotArchive) {
		t.Errorf("not TNEF: %v", err)
	}
	if _, err := msg.OpenTNEF("x.dat", bytes.NewReader(word), 1<<40, modified, extract.Options{}); !errors.Is(err, extract.ErrUnreadable) {
		t.Errorf("endless TNEF: %v", err)
	}
}

// compoundFile is a message file whose only stream is called otherwise.
func compoundFile(stream string) []byte {
	b := (&msgtest.Message{}).Bytes()
	wide := func(s string) []byte {
		b := make([]byte, 64)
		for i, c := range s {
			b[2*i] = byte(c)
		}
		binary.LittleEndian.PutUint16(b[62:], 0)
		return b
	}
	b = bytes.ReplaceAll(b, wide("__properties_version1.0"), wide(stream))
	at := bytes.Index(b, wide(stream))
	binary.LittleEndian.PutUint16(b[at+64:], uint16(2*len(stream)+2))
	return b
}

// winmail is a TNEF stream as a mail gateway writes it: a subject, and a file with its name.
var winmail = []byte("\x78\x9f\x3e\x22\x01\x00" +
	"\x01\x04\x80\x01\x00\x06\x00\x00\x00Plans\x00\xfe\x01" +
	"\x02\x02\x90\x06\x00\x0e\x00\x00\x00\x01\x00\xff\xff\xff\xff\x00\x00\x00\x00\x00\x00\x00\x00\xfd\x03" +
	"\x02\x10\x80\x01\x00\x09\x00\x00\x00plan.txt\x00\x39\x03" +
	"\x02\x0f\x80\x06\x00\x06\x00\x00\x00do it\n\xda\x01")

func TestTNEF(t *testing.T) {
	a, err := msg.OpenTNEF("winmail.dat", bytes.NewReader(winmail), int64(len(winmail)), modified, extract.Options{})
	if err != nil {
		t.Fatal(err)
	}
	it := only(t, a)
	if it.Kind != formats.KindMail || it.Subject != "Plans" || it.Folder.String() != "Mail" || len(it.Damage) > 0 {
		t.Errorf("%+v", it)
	}
	if s := shown(t, it); !strings.Contains(s, "plan.txt") || !strings.Contains(s, "ZG8gaXQK") {
		t.Error(s)
	}
	for what, b := range map[string][]byte{"its end is missing": winmail[:len(winmail)-3], "its file is another": bytes.Replace(winmail, []byte("do it"), []byte("do 1t"), 1)} {
		a, err = msg.OpenTNEF("winmail.dat", bytes.NewReader(b), int64(len(b)), modified, extract.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if it = only(t, a); len(it.Damage) != 1 {
			t.Errorf("nobody says that %s: %v", what, it.Damage)
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(sample().Bytes())
	f.Add(winmail)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, open := range []func(string, io.ReaderAt, int64, time.Time, extract.Options) (*msg.Archive, error){msg.Open, msg.OpenTNEF} {
			a, err := open("x", bytes.NewReader(b), int64(len(b)), modified, extract.Options{})
			if err != nil {
				continue
			}
			for e, err := range a.Entries(context.Background()) {
				if err != nil {
					t.Fatal(err)
				}
				if it, err := a.Read(context.Background(), e); err == nil {
					shown(t, it)
				}
			}
		}
	})
}
