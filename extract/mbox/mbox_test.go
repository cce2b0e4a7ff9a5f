package mbox_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailmill/extract"
	"mailmill/extract/mbox"
	"mailmill/formats"
)

// shown is what there is to see of an item.
type shown struct {
	ID, Folder, Message string
	Flags, Keywords     []string
	Received            string
	Hidden, Recovered   bool
	Err                 string
}

func show(ctx context.Context, t testing.TB, a extract.Archive, e formats.Entry) shown {
	t.Helper()
	s := shown{ID: e.ID, Folder: e.Folder.String(), Hidden: e.Hidden, Recovered: e.Recovered}
	it, err := a.Read(ctx, e)
	if err != nil {
		s.Err = err.Error()
		return s
	}
	s.Message = string(raw(t, it))
	s.Flags, s.Keywords = it.Flags.Names(), it.Keywords
	if !it.Received.IsZero() {
		s.Received = it.Received.Format("2006-01-02 15:04:05")
	}
	return s
}

func raw(t testing.TB, it *formats.Item) []byte {
	t.Helper()
	r, err := it.Mail.Original.Content.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(b)) != it.Mail.Original.Size {
		t.Errorf("%s: %d bytes, and size %d", it.ID, len(b), it.Mail.Original.Size)
	}
	return b
}

func list(t testing.TB, a extract.Archive, entries iter.Seq2[formats.Entry, error]) (all []shown) {
	t.Helper()
	for e, err := range entries {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, show(t.Context(), t, a, e))
		if s, ok := a.(extract.Stream); ok {
			s.Done(e)
		}
	}
	return all
}

// open reads a file in place and as a stream, in which the same must be found.
func open(t testing.TB, name, content string, o extract.Options) (*mbox.Archive, []shown) {
	t.Helper()
	a, err := mbox.Open(name, strings.NewReader(content), int64(len(content)), time.Time{}, o)
	if err != nil {
		t.Fatal(err)
	}
	all := list(t, a, a.Entries(t.Context()))
	s := mbox.NewStream(name, iotest.HalfReader(strings.NewReader(content)), o)
	defer s.Close()
	if diff := cmp.Diff(all, list(t, s, s.Entries(t.Context()))); diff != "" {
		t.Errorf("-in place +as a stream\n%s", diff)
	}
	return a, all
}

const (
	from = "From a@example.org Thu Mar  4 05:06:07 2021\n"
	when = "2021-03-04 05:06:07"
)

// Every program has its own idea of an mbox file.
func TestDialects(t *testing.T) {
	for _, tt := range []struct {
		name, file string
		want       []shown
	}{
		{
			"mboxrd with state, as mailmill and Pine write it",
			from + "Subject: 1\nStatus: RO\nX-Status: AFTD\nX-Keywords: $Forwarded Work =?utf-8?q?B=C3=BCro_2?=\n\n>From me\n>>From you\n> From\n\n" +
				from + "Subject: 2\nStatus: O\n\nx\n\n",
			[]shown{
				{ID: "0", Message: "Subject: 1\n\nFrom me\n>From you\n> From\n", Flags: []string{"seen", "answered", "forwarded", "flagged", "draft", "deleted"}, Keywords: []string{"Work", "Büro 2"}, Received: when},
				{ID: "162", Message: "Subject: 2\n\nx\n", Received: when},
			},
		},
		{
			"mboxo",
			from + "Subject: 1\n\n>From me\nFro\n\n" + from + "Subject: 2\n\nx\n",
			[]shown{
				{ID: "0", Message: "Subject: 1\n\nFrom me\nFro\n", Received: when},
				{ID: "70", Message: "Subject: 2\n\nx\n", Received: when},
			},
		},
		{
			"mboxcl: quoted, with lengths",
			from + "Subject: 1\nContent-Length: 13\n\n>From me\nend\n\n" + from + "Subject: 2\nContent-Length: 2\n\nx\n\n",
			[]shown{
				{ID: "0", Message: "Subject: 1\n\nFrom me\nend\n", Received: when},
				{ID: "89", Message: "Subject: 2\n\nx\n", Received: when},
			},
		},
		{
			"mboxcl2: lengths, and nothing is quoted",
			from + "Subject: 1\nContent-Length: 76\n\n" + from + "Forwarded: yes\n\n>From me\n\n\nend\n\n\n" +
				from + "Subject: 2\nContent-Length: 10\n\n>From you\n\n",
			[]shown{
				{ID: "0", Message: "Subject: 1\n\n" + from + "Forwarded: yes\n\n>From me\n\n\nend\n\n", Received: when},
				{ID: "152", Message: "Subject: 2\n\n>From you\n", Received: when},
			},
		},
		{
			"a length that takes in the last empty line",
			from + "Subject: 1\nContent-Length: 3\n\nx\n\n" + from + "Subject: 2\nContent-Length: 3\n\ny\n\n",
			[]shown{{ID: "0", Message: "Subject: 1\n\nx\n\n", Received: when}, {ID: "77", Message: "Subject: 2\n\ny\n\n", Received: when}},
		},
		{
			"lengths that are wrong",
			from + "Subject: 1\nContent-Length: 3\n\nlonger\n\n" + from + "Subject: 2\nContent-Length: 99999\n\nshort\n\n" + from + "Subject: 3\ncontent-length: x\n\nz\n",
			[]shown{
				{ID: "0", Message: "Subject: 1\n\nlonger\n", Received: when},
				{ID: "82", Message: "Subject: 2\n\nshort\n", Received: when},
				{ID: "167", Message: "Subject: 3\n\nz\n", Received: when},
			},
		},
		{
			"a length that takes in the rest of the file, and the rest of the file begins messages",
			from + "Subject: 1\nContent-Length: 58\n\n" + from + "Subject: 2\n\nx\n",
			[]shown{{ID: "0", Message: "Subject: 1\n\n" + from + "Subject: 2\n\nx\n", Received: when}},
		},
		{
			"servers that quote only what could begin a message",
			from + "Subject: 1\n\nFrom here on\n>From there\n>" + from + "\n",
			[]shown{{ID: "0", Message: "Subject: 1\n\nFrom here on\n>From there\n" + from, Received: when}},
		},
		{
			"Thunderbird, with a deleted message",
			"From - Thu Mar 04 05:06:07 2021\r\nX-Mozilla-Status: 1007\r\nX-Mozilla-Status2: 00800000\r\nX-Mozilla-Keys: $label1 b&APw-ro      \r\nSubject: 1\r\n\r\none\r\n\r\n" +
				"From - Thu Mar 04 05:06:07 2021\r\nX-Mozilla-Status: 0009\r\nX-Mozilla-Status2: 00000000\r\nSubject: 2\r\n\r\ndeleted\r\n\r\n" +
				"From \r\nX-Mozilla-Status: 0000\r\nSubject: 3\r\n\r\nthree\r\n",
			[]shown{
				{ID: "0", Message: "Subject: 1\r\n\r\none\r\n", Flags: []string{"seen", "answered", "forwarded", "flagged"}, Keywords: []string{"$label1", "büro"}, Received: when},
				{ID: "258", Message: "Subject: 3\r\n\r\nthree\r\n"},
			},
		},
		{
			"Pine's own message",
			"From MAILER-DAEMON Thu Mar  4 05:06:07 2021\nFrom: Mail System Internal Data <MAILER-DAEMON@host>\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nMessage-ID: <1@host>\nX-IMAP: 1614834367 0000000001\nStatus: RO\n\nThis text is part of the internal format.\n\n" + from + "Subject: 2\nX-UID: 1\n\nx\n",
			[]shown{{ID: "262", Message: "Subject: 2\n\nx\n", Received: when}},
		},
		{
			"Eudora",
			"From ???@??? Thu Mar 04 05:06:07 2021\r\nSubject: 1\r\n\r\none\r\nFrom ???@??? Thu Mar 04 05:06:07 2021\r\nSubject: 2\r\n\r\ntwo\r\n",
			[]shown{
				{ID: "0", Message: "Subject: 1\r\n\r\none\r\n", Received: when},
				{ID: "58", Message: "Subject: 2\r\n\r\ntwo\r\n", Received: when},
			},
		},
		{
			"NUL between messages, and no line end at the end",
			from + "Subject: 1\n\nx\n\x00\x00\x00" + from + "Subject: 2\n\ny\x00z",
			[]shown{
				{ID: "0", Message: "Subject: 1\n\nx\n\x00\x00\x00", Received: when},
				{ID: "61", Message: "Subject: 2\n\ny\x00z", Received: when},
			},
		},
		{
			"a lost beginning",
			"rest of a message\n\n" + from + "Subject: 2\n\ny\n",
			[]shown{
				{ID: "0", Err: "19 bytes before the first message belong to none: the beginning of the file is lost"},
				{ID: "19", Message: "Subject: 2\n\ny\n", Received: when},
			},
		},
		{
			"empty messages, and one that is cut short",
			from + "\n" + from + from + "Subj",
			[]shown{
				{ID: "0", Received: when},
				{ID: "45", Message: from + "Subj", Received: when},
			},
		},
		{
			"a message that is cut short within its first line",
			from + "Subject: 1\n\nx\n\nFrom b@example.org Thu",
			[]shown{{ID: "0", Message: "Subject: 1\n\nx\n\nFrom b@example.org Thu", Received: when}},
		},
		{"nothing but that line", "From b@example.org", []shown{{ID: "0"}}},
		{"nothing but empty lines", "\r\n\n", nil},
		{"nothing", "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, got := open(t, "Some folder.mbox", tt.file, extract.Options{})
			for i := range tt.want {
				tt.want[i].Folder = "Some folder"
			}
			for _, m := range got {
				if at, err := strconv.Atoi(m.ID); err != nil || m.Err == "" && !strings.HasPrefix(tt.file[at:], "From ") {
					t.Errorf("no message begins at %s", m.ID)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// What is left out without being asked for comes when it is.
func TestOnDemand(t *testing.T) {
	const pine = "From MAILER-DAEMON Thu Mar  4 05:06:07 2021\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\nX-IMAP: 1 1\n\ntext\n\n"
	const file = pine + from + "X-Mozilla-Status: 0009\nSubject: deleted\n\nx\n\n" + from + "Subject: stays\n\nx\n\n"
	_, got := open(t, "Inbox", file, extract.Options{Recover: true, Hidden: true})
	if len(got) != 3 || !got[0].Hidden || !got[1].Recovered || !slices.Contains(got[1].Flags, "deleted") || got[2].Hidden || got[2].Recovered {
		t.Errorf("%+v", got)
	}
	if _, got = open(t, "Inbox", file, extract.Options{}); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}

// Gmail's labels say where a message is, and more.
func TestTakeout(t *testing.T) {
	line := func(n int) string {
		return fmt.Sprintf("From %d@xxx Thu Mar 04 05:06:07 +0000 2021\n", 1690000000000000000+n)
	}
	var file strings.Builder
	for i, labels := range []string{
		"Inbox,Important,Opened,Category Updates",
		"Sent,Inbox,Unread,Starred",
		"Archived,Work/Projects,Private,Opened",
		"=?UTF-8?Q?Papierkorb,Posteingang,B=C3=BCro,Ge=C3=B6ffnet?=",
		"Archived,Opened",
		"Drafts,\r\n \"a, b\"",
		"Spam,Unread",
		"Chat",
	} {
		fmt.Fprintf(&file, "%sX-GM-MSGID: 1\nX-Gmail-Labels: %s\nSubject: %d\n\nx\n\n", line(i), strings.ReplaceAll(labels, "\r", ""), i)
	}
	a, got := open(t, "All mail Including Spam and Trash.mbox", file.String(), extract.Options{})
	want := []shown{
		{Folder: "Inbox", Flags: []string{"seen"}, Keywords: []string{"$Important", "Category Updates"}},
		{Folder: "Inbox", Flags: []string{"flagged"}},
		{Folder: "Work/Projects", Flags: []string{"seen"}, Keywords: []string{"Private"}},
		{Folder: "Papierkorb", Flags: []string{"seen"}, Keywords: []string{"Büro"}},
		{Folder: "Archived", Flags: []string{"seen"}},
		{Folder: "Drafts", Flags: []string{"seen", "draft"}, Keywords: []string{"a, b"}},
		{Folder: "Spam"},
		{Folder: "Chat", Flags: []string{"seen"}},
	}
	for i := range got {
		if got[i].Received != when || !strings.HasPrefix(got[i].Message, "X-GM-MSGID: 1\nX-Gmail-Labels: ") {
			t.Errorf("%+v", got[i])
		}
		got[i].ID, got[i].Message, got[i].Received = "", "", ""
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	var folders []string
	for _, f := range a.Folders() {
		folders = append(folders, fmt.Sprintf("%v %d", f, f.Role))
	}
	if diff := cmp.Diff([]string{"Archived 7", "Chat 0", "Drafts 3", "Inbox 1", "Papierkorb 4", "Spam 5", "Work/Projects 0"}, folders); diff != "" {
		t.Error(diff)
	}
	// Without Gmail's own lines the labels are old news: mailmill has written this file.
	if _, got := open(t, "Sent.mbox", strings.ReplaceAll(file.String(), "@xxx ", "@example.org "), extract.Options{}); got[0].Folder != "Sent" || got[0].Keywords != nil {
		t.Errorf("%+v", got[0])
	}
}

// In an export of Gmail's, fields of state are of programs that had a message before: they are neither believed nor taken
// off it.
func TestTakeoutOldState(t *testing.T) {
	const envelope = "From 1690000000000000001@xxx Thu Mar 04 05:06:07 +0000 2021\n"
	for _, tt := range []struct {
		message string
		flags   []string
	}{
		{"X-Gmail-Labels: Inbox,Unread\nStatus: RO\nX-Status: A\nX-Keywords: old\nSubject: x\n\nx\n", nil},
		{"X-Gmail-Labels: Inbox\nX-Mozilla-Status: 0009\nContent-Length: 17\nSubject: x\n\nx\n", []string{"seen"}},
		{"X-Gmail-Labels: Inbox\nX-IMAP: 1 1\nSubject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n\nx\n", []string{"seen"}},
		{"X-Gmail-Labels: Inbox,Starred\nStatus: O\nSubject: large\n\n" + strings.Repeat("x\n", 1<<20), []string{"seen", "flagged"}},
	} {
		_, got := open(t, "All.mbox", envelope+tt.message+"\n", extract.Options{})
		if len(got) != 1 || got[0].Message != tt.message || !slices.Equal(got[0].Flags, tt.flags) || got[0].Keywords != nil {
			t.Errorf("%.100q: %.500q", tt.message, fmt.Sprint(got))
		}
	}
}

// A message of any size is the same from everywhere, and large ones are not held.
func TestLarge(t *testing.T) {
	text := strings.Repeat("0123456789012345678901234567890123456789012345678901234567890123456789\n", 30_000)
	for _, tt := range []struct{ name, body, want string }{
		{"plain", text, text},
		{"quoted", text + ">From x\n" + text + ">>From y\n", text + "From x\n" + text + ">From y\n"},
		{"quoted, with a line that is longer than what is held of it", ">From x\n" + strings.Repeat("x", 64<<10-8) + strings.Repeat(">From y ", 1<<18) + "\n", "From x\n" + strings.Repeat("x", 64<<10-8) + strings.Repeat(">From y ", 1<<18) + "\n"},
		{"one line", strings.Repeat("x", 5<<20), strings.Repeat("x", 5<<20)},
	} {
		file := from + "Status: RO\nSubject: large\n\n" + tt.body + "\n" + from + "Subject: next\n\nx\n"
		if !strings.HasSuffix(tt.body, "\n") {
			file = strings.Replace(file, "\nFrom a@", "\n\nFrom a@", 1)
			tt.want += "\n"
		}
		_, got := open(t, "x", file, extract.Options{})
		if len(got) != 2 || got[0].Message != "Subject: large\n\n"+tt.want || len(got[0].Flags) != 1 {
			t.Errorf("%s: %d messages, %d bytes, want %d", tt.name, len(got), len(got[0].Message), len(tt.want)+16)
		}
	}
}

// What is too large for memory is in a file as long as it is used.
func TestSpooled(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	body := strings.Repeat(strings.Repeat("x", 76)+"\n", 450_000)
	file := from + "Subject: large\nStatus: RO\n\n" + body + ">From\u0020x\n\n" + from + "Subject: next\n\nx\n"
	s := mbox.NewStream("-", strings.NewReader(file), extract.Options{})
	n := 0
	for e, err := range s.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 1 {
			it, err := s.Read(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			if got := raw(t, it); string(got) != "Subject: large\n\n"+body+"From x\n" || it.Flags != formats.FlagSeen || it.Subject != "large" {
				t.Errorf("%d bytes, %v", len(got), it.Flags)
			}
		}
		s.Done(e)
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("%d temporary files are left", len(left))
		}
		if _, err := s.Read(t.Context(), e); err == nil {
			t.Error("a message that was given back can be read")
		}
	}
	if n != 2 {
		t.Errorf("%d messages", n)
	}
}

func TestErrors(t *testing.T) {
	_, err := mbox.Open("x.mbox", strings.NewReader("Dear diary\n"), 11, time.Time{}, extract.Options{})
	if !errors.Is(err, extract.ErrNotArchive) {
		t.Errorf("%v", err)
	}
	bad := errors.New("bad disk")
	s := mbox.NewStream("-", io.MultiReader(strings.NewReader(from+"\nx\n\n"+from+"A: 1\n\nhal"), iotest.ErrReader(bad)), extract.Options{})
	var got []error
	for _, err := range s.Entries(t.Context()) {
		got = append(got, err)
	}
	if len(got) != 2 || got[0] != nil || !errors.Is(got[1], bad) {
		t.Errorf("%v", got)
	}
	if s.Close() != nil {
		t.Error("not closed")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(bad)
	a, err := mbox.Open("x", strings.NewReader(from), int64(len(from)), time.Time{}, extract.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range a.Entries(ctx) {
		if err != nil && !errors.Is(err, bad) {
			t.Error(err)
		}
	}
}

// Entries tell what messages are about, and everybody in the file is learnt of.
func TestEntriesAndLearning(t *testing.T) {
	file := from + "X-Mozilla-Status: 0009\nFrom: Alice <alice@example.org>\nTo: Bob\n <bob@example.org>\nSubject: =?utf-8?q?Gr=C3=BC?=\n =?utf-8?q?=C3=9Fe?=\nDate: Wed, 3 Mar 2021 01:02:03 +0100\n\nx\n\n" +
		from + "From: carol@example.org\n\nFrom: nobody <nobody@example.org>\n"
	a, err := mbox.Open("x", strings.NewReader(file), int64(len(file)), time.Time{}, extract.Options{Recover: true})
	if err != nil {
		t.Fatal(err)
	}
	var about []string
	for e, err := range a.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		about = append(about, fmt.Sprintf("%s %v %d %s", e.Subject, e.Kind, e.Size, e.Date.UTC().Format(time.DateTime)))
	}
	if diff := cmp.Diff([]string{"Grüße mail 173 2021-03-03 00:02:03", " mail 59 0001-01-01 00:00:00"}, about); diff != "" {
		t.Error(diff)
	}
	if a, err = mbox.Open("x", strings.NewReader(file), int64(len(file)), time.Time{}, extract.Options{}); err != nil {
		t.Fatal(err)
	}
	var people []string
	for e, err := range a.Places(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		var lesson formats.Lesson
		if err := a.Learn(t.Context(), e, &lesson); err != nil {
			t.Fatal(err)
		}
		for _, e := range lesson.Evidence {
			people = append(people, e.SMTP)
		}
	}
	if want := []string{"alice@example.org", "bob@example.org", "carol@example.org"}; !slices.Equal(people, want) {
		t.Errorf("%q, want %q", people, want)
	}
	if err := a.Learn(t.Context(), formats.Entry{Index: 1 << 50}, new(formats.Lesson)); err == nil {
		t.Error("there is something to learn where nothing is")
	}
	if _, err := a.Read(t.Context(), formats.Entry{Index: 7 << 2}); err == nil {
		t.Error("there is a message where none begins")
	}
	// An entry may lose its size on the way.
	if it, err := a.Read(t.Context(), formats.Entry{Index: 0}); err != nil || it.Mail.Original.Size != 150 {
		t.Errorf("%+v, %v", it, err)
	}
}

// A file is the folder of its name.
func TestFolderName(t *testing.T) {
	for path, want := range map[string]string{
		"Inbox.mbox": "Inbox", "/home/alice/Inbox.mbox": "Inbox", "Mail/all.MBOX.zst": "all", "Inbox": "Inbox", "a.b.mbox": "a.b", ".mbox": ".mbox",
		"Work.mbox/mbox": "Work", "/var/mbox": "mbox", "mbox": "mbox", "-": "Mail", "": "Mail", "Sent.gz": "Sent",
	} {
		a, err := mbox.Open(path, strings.NewReader(""), 0, time.Time{}, extract.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Folders()[0].String(); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestRecognise(t *testing.T) {
	for head, want := range map[string]bool{
		from: true, "From x": false, "From x\nA: b\n": true, "\xEF\xBB\xBF" + from: true, "\r\n\n" + from: true, "From: x": false, "": false, "Subject: x\n\nFrom me": false,
		"rest\n\n" + from + "Subject: x\n": true, "Dear all\n\nFrom me\nTo: you\n": false, "rest\n\n" + from + "no field\n": false,
	} {
		if mbox.Recognise([]byte(head)) != want {
			t.Errorf("%q: %v", head, !want)
		}
	}
}

// Both ways to read a file find the same in it, whatever it is, and everything that is in it.
func FuzzFile(f *testing.F) {
	f.Add([]byte(from + "Subject: 1\nContent-Length: 10\n\n>From x\nFrom y\n\n" + from + "X-Mozilla-Status: 0001\n\n"))
	f.Add([]byte("rest\n\nFrom 1@xxx Thu Mar 04 05:06:07 +0000 2021\nX-Gmail-Labels: =?utf-8?q?a,\"b,c\"?=,Sent\n\n\x00\x00From - Thu Mar 04 05:06:07 2021\n"))
	f.Add([]byte("\xEF\xBB\xBF\r\n" + from + "Content-Length: 99999999999999999999\n\n" + from + "Content-Length: 2\n\nx\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if !mbox.Recognise(file) {
			return
		}
		_, all := open(t, "x", string(file), extract.Options{Hidden: true, Recover: true})
		size := 0
		for _, s := range all {
			size += len(s.Message)
		}
		if size > len(file) {
			t.Errorf("%d bytes of %d", size, len(file))
		}
	})
}

func benchmarkFile() string {
	mail := "From: Alice <alice@example.org>\nTo: Bob <bob@example.org>\nSubject: A mail\nMessage-ID: <1@example.org>\nDate: Thu, 4 Mar 2021 05:06:07 +0000\nStatus: RO\n\n" + strings.Repeat(strings.Repeat("x", 76)+"\n", 500)
	return strings.Repeat(from+mail+"\n", 300)
}

func BenchmarkStream(b *testing.B) {
	file := benchmarkFile()
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		s := mbox.NewStream("-", strings.NewReader(file), extract.Options{})
		for e, err := range s.Entries(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
			if _, err := s.Read(b.Context(), e); err != nil {
				b.Fatal(err)
			}
			s.Done(e)
		}
	}
}

func BenchmarkEntries(b *testing.B) {
	file := benchmarkFile()
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	a, err := mbox.Open("x", strings.NewReader(file), int64(len(file)), time.Time{}, extract.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		for _, err := range a.Entries(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
