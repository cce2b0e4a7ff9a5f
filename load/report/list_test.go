package report

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailmill/formats"
	"mailmill/load"
)

// mailbox is a source of items that stand in memory.
type mailbox []*formats.Item

func (m mailbox) Entries(context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		for i, it := range m {
			e := it.Entry
			e.Index = uint64(i)
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (m mailbox) Read(_ context.Context, e formats.Entry) (*formats.Item, error) {
	it := *m[e.Index]
	it.Damage = nil
	if it.Kind == formats.KindJournal {
		return nil, errors.New("the node is outside the file")
	}
	return &it, nil
}

var (
	inbox = &formats.Folder{Path: []string{"Inbox", "A/B"}}
	sent  = time.Date(2014, 3, 2, 9, 8, 7, 0, time.FixedZone("", 3600))
	alice = &formats.Address{Name: "Alice", Stored: "/o=X/cn=alice", SMTP: "alice@example.org", Via: formats.ViaItem}
	bob   = &formats.Address{Stored: "/o=X/cn=bob", Via: formats.ViaNone}
)

func leaf(mediaType, content string) *formats.Part {
	return &formats.Part{Type: mediaType, Content: formats.Bytes(content), Size: int64(len(content))}
}

// offer is a mail with a text, an attachment and a mail inside it.
func offer() *formats.Item {
	text := leaf("text/plain", "one\ntwo\r\n\rthree")
	plan := leaf("application/octet-stream", "plan")
	plan.Name, plan.Disposition = "plan.dwg", "attachment"
	inner := &formats.Mail{
		MessageID: "<inner@example.org>", From: bob,
		Header: []formats.Field{
			{Name: "Subject", Raw: []byte("Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=")},
			{Name: "Date", Text: "Sun, 02 Mar 2014 08:00:00 +0000", Structured: true},
		},
		Root: leaf("text/plain", "inner"),
	}
	inner.Text = inner.Root
	return &formats.Item{
		Entry: formats.Entry{
			Folder: inbox, ID: "0x200024", Kind: formats.KindMail, Class: "IPM.Note", Subject: "Re: Offer <1>",
			Date: sent, Size: 1234,
		},
		Key: "0123456789abcdef0123456789abcdef", Flags: formats.FlagSeen, Keywords: []string{"red"},
		Mail: &formats.Mail{
			MessageID: "<1@example.org>", From: alice, To: []*formats.Address{bob}, Cc: []*formats.Address{alice}, Bcc: []*formats.Address{bob, alice},
			Root: &formats.Part{Type: "multipart/mixed", Parts: []*formats.Part{
				text, plan, {Type: "message/rfc822", Name: "inner.eml", Message: inner},
			}},
			Text: text, StoredText: true,
		},
	}
}

func list(t *testing.T, box mailbox, target *report, jobs int) string {
	t.Helper()
	var out bytes.Buffer
	l := &List{W: &out, Digest: target.digest}
	plan := load.Plan{
		Sources: []load.Input{{Name: "a.pst", Source: box}},
		Routes:  []load.Route{{Target: l}},
		Jobs:    jobs,
	}
	if target.json {
		l.JSON = NewLines(&out)
		plan.Observer = NewJournal(l.JSON)
	}
	if _, err := load.Run(t.Context(), plan); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

type report struct{ json, digest bool }

func TestListJSON(t *testing.T) {
	event := &formats.Item{Entry: formats.Entry{Folder: inbox, ID: "0x200064", Kind: formats.KindEvent, Date: sent}, Modified: sent.Add(time.Hour)}
	lost := &formats.Item{Entry: formats.Entry{Folder: inbox, ID: "0x200084", Kind: formats.KindJournal, Subject: "Call"}}
	got := list(t, mailbox{offer(), offer(), event, lost}, &report{json: true}, 1)
	const (
		rest = `"folder":["Inbox","A/B"],"kind":"mail","class":"IPM.Note","subject":"Re: Offer <1>","date":"2014-03-02T08:08:07Z",` +
			`"message_id":"<1@example.org>","from":{"name":"Alice","stored":"/o=X/cn=alice","smtp":"alice@example.org","via":"item"},` +
			`"to":[{"stored":"/o=X/cn=bob","via":"none"}],"cc":[{"name":"Alice","stored":"/o=X/cn=alice","smtp":"alice@example.org","via":"item"}],` +
			`"bcc":[{"stored":"/o=X/cn=bob","via":"none"},{"name":"Alice","stored":"/o=X/cn=alice","smtp":"alice@example.org","via":"item"}],"flags":["seen"],"keywords":["red"],"size":1234,` +
			`"attachments":[{"name":"plan.dwg","type":"application/octet-stream","size":4},` +
			`{"name":"inner.eml","type":"message/rfc822","embedded":{"subject":"Grüße","date":"2014-03-02T08:00:00Z",` +
			`"message_id":"<inner@example.org>","from":{"stored":"/o=X/cn=bob","via":"none"}}}]}` + "\n"
		want = `{"type":"item","schema":1,"source":"a.pst","source_id":"0x200024","key":"0123456789abcdef0123456789abcdef",` + rest +
			`{"type":"item","source":"a.pst","source_id":"0x200024","key":"0123456789abcdef0123456789abcdef-2",` + rest +
			`{"type":"item","source":"a.pst","source_id":"0x200064","folder":["Inbox","A/B"],"kind":"event","date":"2014-03-02T09:08:07Z"}` + "\n" +
			`{"type":"failure","source":"a.pst","source_id":"0x200084","folder":["Inbox","A/B"],"kind":"journal","subject":"Call","reason":"the node is outside the file"}` + "\n"
	)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestListDigest(t *testing.T) {
	var object struct {
		Text        string `json:"text_sha256"`
		Attachments []struct {
			SHA256   string
			Embedded *struct {
				Text string `json:"text_sha256"`
			}
		}
	}
	if err := json.Unmarshal([]byte(list(t, mailbox{offer()}, &report{json: true, digest: true}, 1)), &object); err != nil {
		t.Fatal(err)
	}
	// printf 'one\r\ntwo\r\n\r\nthree' | sha256sum
	if want := "59f78515d6cc51ed75d8a711cd53375b16d929d51019af230de2a7a890bf2b5a"; object.Text != want {
		t.Errorf("text: %s, want %s", object.Text, want)
	}
	// printf plan | sha256sum
	if want := "64879f7d6b960a01909762d911a32d4582c20010c5641ee90278b644a9e3b525"; object.Attachments[0].SHA256 != want {
		t.Errorf("attachment: %s, want %s", object.Attachments[0].SHA256, want)
	}
	if object.Attachments[1].Embedded.Text != "" {
		t.Error("a text that was made from something else has a digest")
	}
}

func TestListOrderDoesNotDependOnJobs(t *testing.T) {
	var box mailbox
	for i := range 500 {
		it := offer()
		it.ID = fmt.Sprint(i)
		box = append(box, it)
	}
	one := list(t, box, &report{json: true, digest: true}, 1)
	if eight := list(t, box, &report{json: true, digest: true}, 8); one != eight {
		t.Error("eight jobs list something else than one")
	}
}

func TestListForPeople(t *testing.T) {
	it := offer()
	it.Subject = "tab\there\x1b[2J"
	got := list(t, mailbox{it}, &report{}, 1)
	if want := "2014-03-02 08:08\tmail\t0x200024\tInbox/A//B\tAlice <alice@example.org>\ttab here\uFFFD[2J\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// What a script wants to know of each kind is in its object, and what people want in a line.
func TestListGroupware(t *testing.T) {
	at := time.Date(2014, 3, 28, 9, 0, 0, 0, time.UTC)
	zone := &formats.Zone{ID: "Europe/Berlin", Onsets: []formats.Onset{{Before: 3600, After: 3600}}}
	item := func(kind formats.Kind, subject string) *formats.Item {
		return &formats.Item{Entry: formats.Entry{Folder: inbox, ID: "0x200064", Kind: kind, Subject: subject, Date: sent}, Modified: sent}
	}
	meeting := item(formats.KindEvent, "Review")
	meeting.Event = &formats.Event{
		Details: formats.Details{UID: "review", Attachments: []*formats.Part{leaf("text/plain", "plan")}},
		Start:   formats.Zoned(at, zone), End: formats.Zoned(at.Add(time.Hour), zone), Location: "Room 1",
		Series: &formats.Series{Rule: &formats.Recurrence{Frequency: formats.Daily, Count: 3}},
		Meeting: &formats.Meeting{Organizer: alice, Attendees: []formats.Attendee{
			{Address: bob, Role: formats.Optional, Status: formats.Accepted}, {Address: alice, Type: formats.Room, Role: formats.NonParticipant},
		}},
	}
	holiday := item(formats.KindEvent, "Away")
	holiday.Event = &formats.Event{Start: formats.Date(2014, 4, 1), End: formats.Date(2014, 4, 3), Cancelled: true}
	task := item(formats.KindTask, "Offer")
	task.Task = &formats.Task{Due: formats.Date(2014, 4, 1), Status: formats.TaskWaiting, Percent: 50, Owner: alice}
	contact := item(formats.KindContact, "Alice")
	contact.Contact = &formats.Contact{
		UID: "urn:uuid:1", Name: formats.PersonName{Given: "Alice", Surname: "Smith"}, Company: "X", Emails: []*formats.Address{alice},
		Phones: []formats.Phone{{Number: "+49 1", Place: formats.PlaceWork}, {Number: "+49 2", Kind: formats.PhoneMobile}},
		Photo:  &formats.Part{Name: "photo.jpg", Type: "image/jpeg", Content: formats.Bytes("x"), Size: 1},
	}
	group := item(formats.KindGroup, "All")
	group.Group = &formats.Group{UID: "urn:uuid:2", Members: []formats.Member{{Address: bob}, {Address: alice, Card: "urn:uuid:1"}}}
	note := item(formats.KindNote, "Milk")
	note.Note = &formats.Note{}
	box := mailbox{meeting, holiday, task, contact, group, note}

	const (
		person = `{"name":"Alice","stored":"/o=X/cn=alice","smtp":"alice@example.org","via":"item"`
		begin  = `{"type":"item","source":"a.pst","source_id":"0x200064","folder":["Inbox","A/B"],`
		date   = `"date":"2014-03-02T08:08:07Z",`
		nobody = `{"stored":"/o=X/cn=bob","via":"none"`
	)
	want := begin + `"kind":"event","subject":"Review",` + date + `"uid":"review","start":"2014-03-28T08:00:00Z","end":"2014-03-28T09:00:00Z",` +
		`"timezone":"Europe/Berlin","location":"Room 1","recurring":true,"rrule":"FREQ=DAILY;COUNT=3","organizer":` + person + `},"attendees":[` +
		nobody + `,"type":"individual","role":"optional","status":"accepted"},` + person + `,"type":"room","role":"non-participant","status":"needs-action"}],` +
		`"status":"confirmed","attachments":[{"type":"text/plain","size":4}]}` + "\n" +
		begin + `"kind":"event","subject":"Away",` + date + `"start":"2014-04-01","end":"2014-04-03","all_day":true,"status":"cancelled"}` + "\n" +
		begin + `"kind":"task","subject":"Offer",` + date + `"due":"2014-04-01","status":"waiting","percent":50}` + "\n" +
		begin + `"kind":"contact","subject":"Alice",` + date + `"uid":"urn:uuid:1","given":"Alice","surname":"Smith","company":"X","emails":[` + person + `}],` +
		`"phones":[{"number":"+49 1","kind":"voice","place":"work"},{"number":"+49 2","kind":"mobile"}],` +
		`"attachments":[{"name":"photo.jpg","type":"image/jpeg","size":1,"inline":true}]}` + "\n" +
		begin + `"kind":"group","subject":"All",` + date + `"uid":"urn:uuid:2","members":[` + nobody + `},` + person + `,"card":"urn:uuid:1"}]}` + "\n" +
		begin + `"kind":"note","subject":"Milk","date":"2014-03-02T08:08:07Z"}` + "\n"
	want = strings.Replace(want, `"item",`, `"item","schema":1,`, 1)
	if diff := cmp.Diff(want, list(t, box, &report{json: true}, 1)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	const place = "\t0x200064\tInbox/A//B\t"
	want = "2014-03-28 08:00\tevent" + place + "Alice <alice@example.org>\tReview\n" +
		"2014-04-01      \tevent" + place + "-\tAway\n" +
		"2014-04-01      \ttask" + place + "Alice <alice@example.org>\tOffer\n" +
		"2014-03-02 08:08\tcontact" + place + "Alice <alice@example.org>\tAlice\n" +
		"2014-03-02 08:08\tgroup" + place + "-\tAll\n" +
		"2014-03-02 08:08\tnote" + place + "-\tMilk\n"
	if diff := cmp.Diff(want, list(t, box, &report{}, 1)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestListEndsWhereNobodyReads(t *testing.T) {
	_, err := load.Run(t.Context(), load.Plan{
		Sources: []load.Input{{Name: "a.pst", Source: mailbox{offer(), offer()}}},
		Routes:  []load.Route{{Target: &List{JSON: NewLines(brokenPipe{})}}},
	})
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

// unreadable is content whose end is lost.
type unreadable struct{}

func (unreadable) Open() (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(strings.NewReader("abc"), failing{})), nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("block 0x1f2c4 has a wrong checksum") }

func TestListDigestOfDamage(t *testing.T) {
	it := offer()
	it.Mail.Root.Parts[1].Content = unreadable{}
	lines := strings.Split(list(t, mailbox{it}, &report{json: true, digest: true}, 1), "\n")
	if len(lines) != 3 || !strings.Contains(lines[1], `"type":"damaged"`) ||
		!strings.Contains(lines[1], `"part":"attachment \"plan.dwg\"","reason":"block 0x1f2c4 has a wrong checksum"`) {
		t.Errorf("the damage is not told:\n%s", strings.Join(lines, "\n"))
	}
}

const signed = "Content-Type: multipart/signed; boundary=b; micalg=sha-256\r\n\r\n" +
	"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n" +
	"--c\r\nContent-Type: text/plain\r\n\r\nhello\r\n" +
	"--c\r\nContent-Type: text/plain; name=\"=?utf-8?q?=C3=A4.txt?=\"\r\nContent-Disposition: attachment\r\n" +
	"Content-Transfer-Encoding: base64\r\n\r\ncGxh\r\nbg==\r\n--c--\r\n" +
	"--b\r\nContent-Type: application/pkcs7-signature; name=smime.p7s\r\n\r\nsig\r\n--b--\r\n"

func TestListShowsWhatIsSigned(t *testing.T) {
	it := offer()
	it.Mail.Root = &formats.Part{Type: "multipart/signed", Name: "smime.p7m", Content: formats.Bytes(signed), Entity: true}
	it.Mail.Text = nil
	got := contentOf(it, false).Attachment
	want := []attachment{{Name: "ä.txt", Type: "text/plain", Size: 4}, {Name: "smime.p7s", Type: "application/pkcs7-signature", Size: 3}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	it.Mail.Root.Content = formats.Bytes("Content-Type: multipart/signed; boundary=b\r\n\r\nno parts")
	got = contentOf(it, false).Attachment
	if want := []attachment{{Name: "smime.p7m", Type: "multipart/signed"}}; !cmp.Equal(want, got) {
		t.Errorf("an entity that cannot be taken apart: got %+v, want %+v", got, want)
	}
}

func BenchmarkListJSON(b *testing.B) {
	it := offer()
	l := &List{JSON: NewLines(io.Discard)}
	b.ReportAllocs()
	for b.Loop() {
		e, err := l.Encode(b.Context(), it)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := l.Write(b.Context(), e); err != nil {
			b.Fatal(err)
		}
	}
}
