package outlook_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/mime"
	"mailmill/formats/pst"
)

// truth is what the generator says of an item.
type truth struct {
	Kind, NID, Class, Subject string
	MessageID                 string `json:"message_id"`
	Sent, Received            string
	Headers                   bool   `json:"has_headers"`
	BodySHA                   string `json:"body_sha256"`
	BodyKind                  string `json:"body_kind"`
	HTMLSHA                   string `json:"html_sha256"`
	RTFHTMLSHA                string `json:"rtf_html_sha256"`
	From, Sender              *truePerson
	Recipients                []truePerson
	Attachments               []trueAttachment
	Read                      bool
	Flag                      string
	Importance, Sensitivity   int
	Categories                []string
}

type truePerson struct {
	Role, Name, Type, Stored, SMTP string
	KnownBy                        string `json:"known_by"`
}

type trueAttachment struct {
	Name, SHA256 string
	Size         int64
	Inline       bool
	Embedded     *truth
}

var mailKinds = map[string]bool{"mail": true, "smime": true, "ndr": true, "post": true, "meeting-request": true, "meeting-cancel": true, "meeting-response": true, "task-request": true}

// score counts what is right and what is wrong, by topic.
type score struct {
	right, wrong map[string]int
	shown        map[string]int
	t            testing.TB
}

func (s *score) check(topic, where string, ok bool, got, want any) {
	if ok {
		s.right[topic]++
		return
	}
	s.wrong[topic]++
	if s.shown[topic]++; s.shown[topic] <= 5 {
		s.t.Errorf("%s of %s is %.300q, want %.300q", topic, where, fmt.Sprint(got), fmt.Sprint(want))
	}
}

func TestTruth(t *testing.T) {
	for _, name := range []string{"tiny", "small"} {
		t.Run(name, func(t *testing.T) {
			compareTruth(t, corpustest.File(t, "synthetic/"+name+".pst"), corpustest.File(t, "synthetic/"+name+".jsonl"))
		})
	}
}

func TestTruthOfOtherSeeds(t *testing.T) {
	if testing.Short() {
		t.Skip("it generates archives")
	}
	archive, lines := corpustest.Generate(t, "-preset", "tiny", "-seed", "4711")
	compareTruth(t, archive, lines)
}

func compareTruth(t *testing.T, archive, lines string) {
	f, err := pst.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in, err := os.Open(lines)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	s := &score{make(map[string]int), make(map[string]int), make(map[string]int), t}
	c := outlook.New(outlook.Options{})
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		var w truth
		if err := json.Unmarshal(sc.Bytes(), &w); err != nil {
			t.Fatal(err)
		}
		nid, err := strconv.ParseUint(strings.TrimPrefix(w.NID, "0x"), 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		m, err := f.Message(pst.NID(nid))
		if err != nil {
			t.Fatalf("%s: %v", w.NID, err)
		}
		it, err := c.Item(formats.Entry{}, m)
		if err != nil {
			t.Fatalf("%s: %v", w.NID, err)
		}
		s.item(&w, it)
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	var topics []string
	for k := range s.right {
		topics = append(topics, k)
	}
	for k := range s.wrong {
		if s.right[k] == 0 {
			topics = append(topics, k)
		}
	}
	sort.Strings(topics)
	for _, k := range topics {
		t.Logf("%-28s %6d right %4d wrong", k, s.right[k], s.wrong[k])
	}
}

func (s *score) item(w *truth, it *formats.Item) {
	where := w.NID + " " + w.Kind + " " + w.Subject
	is := func(topic string, got, want any) {
		s.check(topic, where, fmt.Sprint(got) == fmt.Sprint(want), got, want)
	}
	is("kind", it.Kind == formats.KindMail, mailKinds[w.Kind])
	is("damage", it.Damage, "[]")
	is("subject", it.Subject, w.Subject)
	is("categories", strings.Join(it.Keywords, "|"), strings.Join(w.Categories, "|"))
	if w.Kind == "fai" {
		return
	}
	is("read", it.Flags&formats.FlagSeen != 0, w.Read)
	is("flagged", it.Flags&formats.FlagFlagged != 0, w.Flag == "flagged")
	if !mailKinds[w.Kind] {
		return
	}
	if w.Sent != "" {
		is("sent", it.Date.Format("2006-01-02T15:04:05Z"), w.Sent)
	}
	stamp := ""
	if !it.Received.IsZero() {
		stamp = it.Received.UTC().Truncate(time.Second).Format("2006-01-02T15:04:05Z")
	}
	is("received", stamp, w.Received)
	s.mail(where, w, it.Mail)

	var b bytes.Buffer
	var lost *mime.ContentError
	if err := mime.Write(&b, it.Mail); err != nil && !errors.As(err, &lost) {
		s.t.Fatal(err)
	}
	p := parse(s.t, b.Bytes())
	// The parser trims blanks that stand there.
	is("subject as written", strings.TrimSpace(p.text(s.t, "Subject")), strings.TrimSpace(w.Subject))
	is("importance", p.header.Get("Importance"), map[int]string{0: "low", 2: "high"}[w.Importance])
	is("sensitivity", p.header.Get("Sensitivity"), map[int]string{1: "Personal", 2: "Private", 3: "Company-Confidential"}[w.Sensitivity])
	for _, name := range []string{"From", "Sender", "To", "Cc", "Bcc", "Reply-To"} {
		v := p.header.Get(name)
		s.check("no Exchange address in "+name, where, !strings.Contains(strings.ToLower(v), "/o=") && !strings.Contains(strings.ToUpper(v), "IMCEAEX"), v, "none")
	}
}

func (s *score) mail(where string, w *truth, m *formats.Mail) {
	is := func(topic string, got, want any) {
		s.check(topic, where, fmt.Sprint(got) == fmt.Sprint(want), got, want)
	}
	if w.MessageID != "" {
		is("message id", m.MessageID, w.MessageID)
	}
	text := ""
	if m.StoredText {
		text = digest(s.t, m.Text)
	}
	is("text", text, w.BodySHA)
	is("HTML", digest(s.t, m.HTML), w.HTMLSHA+w.RTFHTMLSHA)
	if w.From != nil {
		s.person("from", where, m.From, w.From)
	}
	if w.Sender != nil {
		sender := m.Sender
		if sender == nil {
			sender = m.From
			if w.Sender.SMTP != w.From.SMTP || !strings.EqualFold(w.Sender.Stored, w.From.Stored) {
				is("sender", "none", w.Sender.Stored)
				sender = nil
			}
		}
		if sender != nil {
			s.person("sender", where, sender, w.Sender)
		}
	}
	lists := map[string][]*formats.Address{"to": m.To, "cc": m.Cc, "bcc": m.Bcc}
	n := 0
	for _, r := range w.Recipients {
		role := map[string]string{"required": "to", "optional": "cc", "resource": "bcc", "organizer": "to"}[r.Role]
		if role == "" {
			role = r.Role
		}
		if len(lists[role]) == 0 {
			is("recipients", "none left", r.Role+" "+r.Stored)
			continue
		}
		s.person("recipient", where, lists[role][0], &r)
		lists[role] = lists[role][1:]
		n++
	}
	is("number of recipients", len(m.To)+len(m.Cc)+len(m.Bcc), n)

	var got []*formats.Part
	machine := map[string]bool{"message/delivery-status": true, "text/rfc822-headers": true, "text/calendar": true}
	m.Root.Leaves(func(p *formats.Part) {
		if p != m.Text && p != m.HTML && !machine[p.Type] {
			got = append(got, p)
		}
	})
	// Pictures that the HTML shows stand before the files.
	var want []trueAttachment
	for _, inline := range []bool{true, false} {
		for _, a := range w.Attachments {
			if a.Inline == inline {
				want = append(want, a)
			}
		}
	}
	is("number of attachments", len(got), len(want))
	for i := range min(len(got), len(want)) {
		a, g := want[i], got[i]
		at := where + " / " + a.Name
		s.check("attachment name", at, g.Name == a.Name || a.Name == "", g.Name, a.Name)
		s.check("attachment inline", at, g.Inline == a.Inline, g.Inline, a.Inline)
		if a.Embedded != nil {
			s.check("embedded message", at, g.Message != nil, g.Type, "message/rfc822")
			if g.Message != nil && mailKinds[a.Embedded.Kind] {
				s.mail(at, a.Embedded, g.Message)
			}
			continue
		}
		s.check("attachment size", at, g.Size == a.Size, g.Size, a.Size)
		s.check("attachment bytes", at, digest(s.t, g) == a.SHA256, digest(s.t, g), a.SHA256)
	}
}

func (s *score) person(role, where string, got *formats.Address, want *truePerson) {
	if got == nil {
		s.check(role, where, false, "none", want.Stored)
		return
	}
	s.check(role+" stored", where, got.Stored == want.Stored, got.Stored, want.Stored)
	name := want.Name
	if strings.EqualFold(name, want.SMTP) {
		name = ""
	}
	s.check(role+" name", where, got.Name == name, got.Name, name)
	switch want.KnownBy {
	case "stored", "item", "headers":
		s.check(role+" address", where, got.SMTP == want.SMTP, got.SMTP, want.SMTP)
		s.check(role+" via", where, string(got.Via) == want.KnownBy, got.Via, want.KnownBy)
	default:
		// Nothing, or what another participant of the same mail told.
		ok := got.SMTP == "" && got.Via == formats.ViaNone || got.SMTP == want.SMTP && got.Via == formats.ViaLearnt && want.KnownBy == "file"
		// The generator leaves the address of whom it first meant to be the sender beside the name of the one it chose.
		ok = ok || strings.Contains(where, "old DN ")
		s.check(role+" unknown", where, ok, got.SMTP+" "+string(got.Via), "none, as known by "+want.KnownBy)
	}
}

func digest(t testing.TB, p *formats.Part) string {
	t.Helper()
	if p == nil || p.Content == nil {
		return ""
	}
	sum := sha256.Sum256([]byte(contentOf(t, p)))
	return hex.EncodeToString(sum[:])
}
