package mh_test

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailmill/extract"
	"mailmill/extract/mh"
	"mailmill/formats"
)

func tree(names ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for _, name := range names {
		name, content, given := strings.Cut(name, "=>")
		if !given {
			content = "Received: from x; Thu, 4 Mar 2021 05:06:07 +0000\nSubject: " + name + "\n\nx\n"
		}
		fsys[name] = &fstest.MapFile{Data: []byte(content), ModTime: time.Unix(0, 0), Mode: 0o600}
	}
	return fsys
}

func show(t testing.TB, a extract.Archive) (all []string) {
	t.Helper()
	for e, err := range a.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		it, err := a.Read(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%s: %s %v %q %s", strings.Join(e.Folder.Path, "|"), e.ID, it.Flags.Names(), it.Keywords, it.Received.Format("2006-01-02"))
		if e.Recovered {
			line += " recovered"
		}
		all = append(all, line)
	}
	return all
}

func TestMailbox(t *testing.T) {
	marks := "\x02\x00\x00\x00" + "\x01\x00\x00\x00\x13\x00\x00\x00" + "\x02\x00\x00\x00\x2C\x00\x00\x00"
	fsys := tree(
		"inbox/1", "inbox/2", "inbox/10", "inbox/9", "inbox/,5", "inbox/#6", "inbox/007", "inbox/notes.txt", "inbox/99999999999",
		"inbox/.mh_sequences=>cur: 2\nunseen: 2 9-12 x 7-\nflagged: 1\nreplied: 1 9\nforwarded: 9\nToDo: 1-2 2-10\nbroken\n",
		"inbox/sub/3", "inbox/sub/.sylpheed_mark=>"+"\x00\x00\x00\x02\x00\x00\x00\x03\x00\x00\x00\x06",
		"inbox/sub/.hidden/1", "sent/1", "sent/2", "sent/3", "sent/.claws_mark=>"+marks, "empty/x", "drafts/.mh_sequences=>",
	)
	a, err := mh.Open(fsys, "inbox", extract.Options{Recover: true})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`inbox: inbox/1 [seen answered flagged] ["ToDo"] 2021-03-04`,
		`inbox: inbox/2 [] ["ToDo"] 2021-03-04`,
		`inbox: inbox/,5 [seen deleted] ["ToDo"] 2021-03-04 recovered`,
		`inbox: inbox/#6 [seen deleted] ["ToDo"] 2021-03-04 recovered`,
		`inbox: inbox/9 [answered forwarded] ["ToDo"] 2021-03-04`,
		`inbox: inbox/10 [] ["ToDo"] 2021-03-04`,
		`inbox|sub: inbox/sub/3 [flagged] [] 2021-03-04`,
	}
	if diff := cmp.Diff(want, show(t, a)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if f := a.Folders()[0]; f.Role != formats.RoleInbox {
		t.Errorf("%+v", f)
	}
	for name, want := range map[string]bool{"inbox/1": true, "inbox/.mh_sequences": true, "inbox/,5": true, "inbox/notes.txt": false, "inbox": false, "sent/1": false, "inbox/sub/3": true} {
		if a.Owns(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}

	if a, err = mh.OpenFolder(fsys, "sent", []string{"Mail", "sent"}, extract.Options{}); err != nil {
		t.Fatal(err)
	}
	want = []string{
		`Mail|sent: sent/1 [answered] [] 2021-03-04`,
		`Mail|sent: sent/2 [seen forwarded flagged deleted] [] 2021-03-04`,
		`Mail|sent: sent/3 [seen] [] 2021-03-04`,
	}
	if diff := cmp.Diff(want, show(t, a)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if _, err := mh.Open(fsys, "empty", extract.Options{}); err == nil || !strings.Contains(err.Error(), "holds no mails") {
		t.Error(err)
	}
}

func TestIs(t *testing.T) {
	fsys := tree("a/1", "b/1=>no mail", "c/1.eml", "d/.mh_sequences=>", "e/1/x", "f/12", "f/x.pst")
	for dir, want := range map[string]bool{"a": true, "b": false, "c": false, "d": true, "e": false, "f": true, "nowhere": false} {
		if mh.Is(fsys, dir) != want {
			t.Errorf("%s: %v", dir, !want)
		}
	}
}

// Learning reads headers, and a mailbox that cannot be listed says so.
func TestLearn(t *testing.T) {
	a, err := mh.Open(tree("x/1=>From: Alice <alice@example.org>\n\nx\n"), "x", extract.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for e, err := range a.Places(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		var lesson formats.Lesson
		if err := a.Learn(t.Context(), e, &lesson); err != nil || len(lesson.Evidence) != 1 {
			t.Errorf("%+v, %v", lesson, err)
		}
	}
	if _, err := mh.Open(fstest.MapFS{}, "nowhere", extract.Options{}); err == nil {
		t.Error("it is nowhere")
	}
}

// Whatever a file of sequences holds, every mail can be read, in no more time than there are mails and words.
func FuzzState(f *testing.F) {
	f.Add([]byte("unseen: 1 3-5\nx: 1-99999999 2-3\n"), []byte("\x02\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00"))
	f.Add([]byte(":\n: 1\ncur:\n"), []byte("\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x04\x00"))
	f.Fuzz(func(t *testing.T, sequences, marks []byte) {
		a, err := mh.Open(tree("x/1", "x/3", "x/4294967295", "x/.mh_sequences=>"+string(sequences), "x/.sylpheed_mark=>"+string(marks)), "x", extract.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(show(t, a)); n != 3 {
			t.Errorf("%d mails", n)
		}
	})
}

func FuzzNames(f *testing.F) {
	f.Add("1")
	f.Add(",12")
	f.Add("sub/7")
	f.Fuzz(func(t *testing.T, name string) {
		if !fs.ValidPath(name) || strings.Contains(name, "=>") {
			return
		}
		fsys := tree("x/"+name, "x/1", "x/.mh_sequences=>")
		a, err := mh.Open(fsys, "x", extract.Options{Recover: true})
		if err != nil {
			return
		}
		for e, err := range a.Entries(t.Context()) {
			if err != nil {
				return
			}
			if _, err := a.Read(t.Context(), e); err != nil || !a.Owns(e.ID) {
				t.Errorf("%s: %v", e.ID, err)
			}
		}
	})
}

// Whether a mail is read the sequences say, and not what was left in its header of the mbox that it comes from.
func TestUnseen(t *testing.T) {
	a, err := mh.Open(tree("inbox/1=>Status: RO\nX-Status: F\n\nx\n", "inbox/2=>Status: O\n\nx\n", "inbox/.mh_sequences=>unseen: 1\n"), "inbox", extract.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`inbox: inbox/1 [flagged] [] 0001-01-01`, `inbox: inbox/2 [seen] [] 0001-01-01`}
	if diff := cmp.Diff(want, show(t, a)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
