package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"
	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/load"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"Grüße an 東京":           "Grüße an 東京",
		"two\r\nlines\tand tab": "two  lines and tab",
		"\x1b]0;title\x07":      "\uFFFD]0;title\uFFFD",
		"\u009b2J":              "\uFFFD2J",
		"exe\u202Egpj.txt":      "exe\uFFFDgpj.txt",
		"bad \xff byte":         "bad \uFFFD byte",
	} {
		if got := Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
}

// Whatever text is in an archive, JSON carries it whole and shows a terminal nothing it would obey.
func TestJSONIsHarmlessAndWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.SampledFrom([]rune("\x00\x1b\x7f\u009b\u202e\u2028\ufeff\u061cé€<&>\\\"")), 0, 20, -1)).Draw(t, "text")
		line := appendObject(nil, fault{place: place{Type: "failure"}, Subject: text})
		if i := bytes.IndexFunc(line, func(r rune) bool { return unicode.IsControl(r) || unprintable(r) }); i >= 0 {
			t.Fatalf("%q at %d", line, i)
		}
		var back struct{ Subject string }
		if err := json.Unmarshal(line, &back); err != nil {
			t.Fatal(err)
		}
		if want := strings.ToValidUTF8(text, "\uFFFD"); back.Subject != want {
			t.Fatalf("%q came back as %q", want, back.Subject)
		}
	})
}

func TestByCause(t *testing.T) {
	checksum, short := errors.New("wrong checksum"), errors.New("cut short")
	for _, tt := range []struct {
		parts []string
		want  string
	}{
		{[]string{"property 0x0e1d"}, "property 0x0e1d: wrong checksum"},
		{[]string{"property 0x0e1d", "recipients"}, "recipients, a property: wrong checksum"},
		{[]string{"property 0x0e1d", "property 0x0e1e"}, "2 properties: wrong checksum"},
		{[]string{"property 0x0e1d", "property 0x0e1e", "recipients", "body (text)"}, "recipients, body (text), 2 properties: wrong checksum"},
	} {
		damage := []formats.Damage{{Part: "attachment 1", Err: short}}
		for _, part := range tt.parts {
			damage = append(damage, formats.Damage{Part: part, Err: checksum})
		}
		if got, want := byCause(damage), []string{"attachment 1: cut short", tt.want}; !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", tt.parts, got, want)
		}
	}
}

func TestWriteBalance(t *testing.T) {
	var out bytes.Buffer
	WriteBalance(&out, load.Balance{
		formats.KindMail:  {Found: 59993, Written: 59992, Failed: 1, Damaged: 1},
		formats.KindEvent: {Found: 12, Filtered: 12},
		formats.KindNote:  {},
	})
	want := `
         found  written  filtered  failed
mail    59,993   59,992         0       1
events      12        0        12       0
total   60,005   59,992        12       1
`[1:]
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	out.Reset()
	WriteBalance(&out, load.Balance{formats.KindMail: {Found: 1, Written: 1}})
	if want := "      found  written  failed\nmail      1        1       0\n"; out.String() != want {
		t.Errorf("got\n%swant\n%s", &out, want)
	}
}

func TestWriteFaults(t *testing.T) {
	offer := formats.Entry{Folder: inbox, ID: "0x2024e4", Subject: "Re: Offer", Date: sent}
	result := &load.Result{
		Damaged:  []load.Damaged{{Source: "a.pst", Entry: offer, Damage: []formats.Damage{{Part: `attachment "plan.dwg"`, Err: errors.New("block 0x1f2c4 has a wrong checksum")}}}},
		Failures: []load.Failure{{Source: "a.pst", Entry: formats.Entry{ID: "0x20"}, Err: errors.New("the node is gone")}},
	}
	var out bytes.Buffer
	WriteFaults(&out, result, false)
	want := `
1 item is damaged and was written with what can be read of it:
  Inbox/A//B  "Re: Offer" 2 Mar 2014 (0x2024e4): attachment "plan.dwg": block 0x1f2c4 has a wrong checksum
1 item failed:
  (top folder)  (no subject) (0x20): the node is gone
`[1:]
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	out.Reset()
	WriteFaults(&out, result, true)
	if !strings.Contains(out.String(), "\n  a.pst  (top folder)") {
		t.Errorf("with several sources they are not named:\n%s", &out)
	}
}

func TestJournal(t *testing.T) {
	var out bytes.Buffer
	j := NewJournal(NewLines(&out))
	j.Items, j.Steps = true, true
	for i := range 1000 {
		p := load.Progress{Source: "a.pst", Folder: inbox, Done: i + 1, Found: 1000, Elapsed: time.Duration(i) * time.Millisecond}
		j.Progress(p)
	}
	j.Item(&formats.Item{Source: "a.pst", Entry: formats.Entry{ID: "0x24", Kind: formats.KindNote}}, load.Filtered, nil)
	j.Balance(load.Balance{formats.KindMail: {Found: 2, Written: 1, Failed: 1}})

	lines := slices.Collect(strings.Lines(out.String()))
	if n := len(lines); n != 12 {
		t.Errorf("%d lines of a second; 10 of progress, the last and the balance were expected", n)
	}
	first := `{"type":"progress","schema":1,"source":"a.pst","folder":["Inbox","A/B"],"done":1,"found":1000,"folder_done":0,"folder_found":0,"bytes":0,"elapsed_s":0,"left_s":0}` + "\n"
	if lines[0] != first {
		t.Errorf("got  %swant %s", lines[0], first)
	}
	last := `{"type":"balance","kinds":{"mail":{"found":2,"written":1,"unchanged":0,"filtered":0,"duplicate":0,"failed":1,"damaged":0}},` +
		`"total":{"found":2,"written":1,"unchanged":0,"filtered":0,"duplicate":0,"failed":1,"damaged":0}}` + "\n"
	if got := lines[len(lines)-1]; got != last {
		t.Errorf("got  %swant %s", got, last)
	}
}

func TestTickerSpeaksOnceAMinute(t *testing.T) {
	var out bytes.Buffer
	ticker := &Ticker{Log: slog.New(slog.NewTextHandler(&out, nil))}
	for s := range 200 {
		ticker.Progress(load.Progress{Folder: inbox, Done: s, Found: 400, Elapsed: time.Duration(s) * time.Second})
	}
	if n := strings.Count(out.String(), "\n"); n != 3 {
		t.Errorf("%d lines in 200 seconds:\n%s", n, &out)
	}
	if !strings.Contains(out.String(), "items_per_s=1 ") {
		t.Errorf("no speed:\n%s", &out)
	}
}

func TestBarsPassOnLinesAndLeave(t *testing.T) {
	var out bytes.Buffer
	b := NewBars(&out)
	io.WriteString(b, "before\n")
	for i := range 100 {
		b.Progress(load.Progress{Source: "a.pst", Folder: inbox, Done: i, Found: 100, FolderDone: i % 10, FolderFound: 10, Elapsed: time.Second, Bytes: int64(i)})
	}
	io.WriteString(b, "between\n")
	b.Close()
	b.Close()
	io.WriteString(b, "after\n")
	text := out.String()
	if !strings.HasPrefix(text, "before\n") || !strings.HasSuffix(text, "after\n") || !strings.Contains(text, "between\n") {
		t.Errorf("lines are lost: %q", text)
	}
}

func TestSpeedsGiveWayToTheBar(t *testing.T) {
	p := load.Progress{Done: 9000, Found: 90000, Bytes: 300_000_000, Elapsed: 2 * time.Second}
	for room, want := range map[int]string{
		74: "  9,000 of 90,000   4,500 items/s   150 MB/s   18 s left",
		54: "  9,000 of 90,000   150 MB/s   18 s left",
		41: "  9,000 of 90,000   18 s left",
	} {
		if got := wholeRun(&p, new(speeds), room); got != want {
			t.Errorf("in %d columns: %q, want %q", room, got, want)
		}
	}
}

// Titles that are too wide keep their end, or beginning and end, in columns of a terminal and in whole letters.
func TestTitlesFit(t *testing.T) {
	for _, tt := range []struct{ title, ending, middle string }{
		{"Inbox", "Inbox", "Inbox"},
		{"Inbox/Projects", "…/Projects", "Inbox…ects"},
		{"受信/仕事/会議", "…仕事/会議", "受信/…会議"},
		{"e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301", "…" + strings.Repeat("e\u0301", 9), strings.Repeat("e\u0301", 5) + "…" + strings.Repeat("e\u0301", 4)},
	} {
		if got := ending(tt.title, 10); got != tt.ending {
			t.Errorf("ending(%q) = %q, want %q", tt.title, got, tt.ending)
		}
		if got := middle(tt.title, 10); got != tt.middle {
			t.Errorf("middle(%q) = %q, want %q", tt.title, got, tt.middle)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		title, width := rapid.String().Draw(t, "title"), rapid.IntRange(1, 40).Draw(t, "width")
		for _, got := range []string{ending(title, width), middle(title, width), shorten("    "+title, width)} {
			if text.StringWidth(got) > width || !utf8.ValidString(got) {
				t.Fatalf("%q is wider than %d", got, width)
			}
		}
	})
}

func TestInspection(t *testing.T) {
	calendar := &formats.Folder{Path: []string{"Kalender"}, Class: "IPF.Appointment"}
	parent := &formats.Folder{Path: []string{"受信"}, Role: formats.RoleInbox}
	child := &formats.Folder{Path: []string{"受信", "仕事"}}
	entries := []formats.Entry{
		{Folder: parent, Kind: formats.KindMail, Size: 1500, Date: sent},
		{Folder: child, Kind: formats.KindMail, Size: 2_000_000, Date: sent.AddDate(1, 0, 0), Err: io.ErrUnexpectedEOF},
		{Folder: calendar, Kind: formats.KindEvent},
	}
	var seq iter.Seq2[formats.Entry, error] = func(yield func(formats.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
	in := &Inspection{
		Source: "alice.pst", Format: "Outlook data file, Unicode", Size: 2_100_000_000, Owner: alice,
		CodePage: 1252, CodePageReason: "the locale of its folders", Warnings: []string{"page 0x4400: wrong\nchecksum"},
	}
	if err := in.Survey(t.Context(), []*formats.Folder{{}, parent, child, calendar}, seq); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := in.WriteText(&out, 0); err != nil {
		t.Fatal(err)
	}
	want := `
alice.pst  Outlook data file, Unicode, 2.1 GB, 1 fault in its tables
Owner      Alice <alice@example.org>
Dates      2 Mar 2014 to 2 Mar 2015
Code page  windows-1252 (the locale of its folders)
Warning    page 0x4400: wrong checksum
Lost       1 item cannot be reached
          mail  events    size
受信         1       -  1.5 kB
  仕事       1       -  2.0 MB
Kalender     -       1       -
total        2       1  2.0 MB
`[1:]
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	// On a narrow terminal nothing goes over the edge.
	narrow := *in
	narrow.Source = "backup/2014/alice.pst"
	narrow.Folders = slices.Clone(in.Folders)
	narrow.Folders[2].Folder = &formats.Folder{Path: []string{"受信", "仕事 Übersicht & Pläne, 会議"}, Hidden: true}
	want = `
backup/2014/alice.pst
           Outlook data file, Unicode, 2.1
           GB, 1 fault in its tables
Owner      Alice <alice@example.org>
Dates      2 Mar 2014 to 2 Mar 2015
Code page  windows-1252 (the locale of its
           folders)
Warning    page 0x4400: wrong checksum
Lost       1 item cannot be reached
                      mail  events    size
受信                     1       -  1.5 kB
 仕事 Über… (hidden)     1       -  2.0 MB
Kalender                 -       1       -
total                    2       1  2.0 MB
`[1:]
	out.Reset()
	if err := narrow.WriteText(&out, 42); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	out.Reset()
	if err := in.WriteJSON(NewLines(&out)); err != nil {
		t.Fatal(err)
	}
	lines := slices.Collect(strings.Lines(out.String()))
	wantFolder := `{"type":"folder","source":"alice.pst","folder":["受信"],"role":"inbox","items":{"mail":1},"size":1500}` + "\n"
	if len(lines) != 5 || !strings.HasPrefix(lines[0], `{"type":"archive","schema":1,`) || lines[2] != wantFolder {
		t.Errorf("got\n%s", &out)
	}
}

func TestNumbersForPeople(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d) = %s, want %s", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 9_960: "10 kB", 999_600: "1.0 MB", 2_100_000_000: "2.1 GB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %s, want %s", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{5200 * time.Millisecond: "5.2 s", 200 * time.Second: "3 min 20 s", 125 * time.Minute: "2 h 5 min"} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%v) = %s, want %s", d, got, want)
		}
	}
}

// Several errors in one are told in one line, and can be told apart.
func TestReasonOfJoinedErrors(t *testing.T) {
	err := errors.Join(errors.New("block 0x4: wrong checksum"), errors.New("block 0x8: outside the file"))
	if got, want := reason(err), "block 0x4: wrong checksum; block 0x8: outside the file"; got != want {
		t.Errorf("reason %q, want %q", got, want)
	}
}

// Several mailboxes are told apart in a journal, and end with what became of each.
func TestMailboxes(t *testing.T) {
	var out strings.Builder
	j := NewJournal(NewLines(&out))
	one := load.Balance{formats.KindMail: {Found: 3, Written: 2, Failed: 1}}
	j.Mailbox(2, []string{"alice.pst"}, []string{"out/alice"})
	j.Balance(one)
	j.Mailbox(3, []string{"bob.pst", "bob.ost"}, []string{"out/bob"})
	j.Balance(load.Balance{})
	total := make(load.Balance)
	total.Add(one)
	j.Total(total, []MailboxResult{
		{Line: 2, Sources: []string{"alice.pst"}, Targets: []string{"out/alice"}, Status: 3},
		{Line: 3, Sources: []string{"bob.pst", "bob.ost"}, Targets: []string{"out/bob"}, Status: 4, Reason: "bob.pst is not there"},
	})
	const counts = `"found":3,"written":2,"unchanged":0,"filtered":0,"duplicate":0,"failed":1,"damaged":0`
	for _, want := range []string{
		`{"type":"mailbox","schema":1,"line":2,"sources":["alice.pst"],"targets":["out/alice"]}`,
		`{"type":"mailbox","line":3,"sources":["bob.pst","bob.ost"],"targets":["out/bob"]}`,
		`{"type":"total","kinds":{"mail":{` + counts + `}},"total":{` + counts + `},"mailboxes":[{"line":2,"sources":["alice.pst"],"targets":["out/alice"],"status":3},` +
			`{"line":3,"sources":["bob.pst","bob.ost"],"targets":["out/bob"],"status":4,"reason":"bob.pst is not there"}]}`,
	} {
		if !strings.Contains(out.String(), want+"\n") {
			t.Errorf("the journal lacks\n%s\nin\n%s", want, out.String())
		}
	}
}
