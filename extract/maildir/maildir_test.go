package maildir_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"mailmill/extract"
	"mailmill/extract/maildir"
	"mailmill/formats"
	names "mailmill/formats/maildir"
	"mailmill/formats/mime"
)

var modified = time.Date(2021, 3, 4, 5, 6, 7, 0, time.UTC)

// tree makes a file system of names; those of mails have the name as their subject.
func tree(names ...string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for _, name := range names {
		name, content, given := strings.Cut(name, "=>")
		if !given {
			content = "Subject: " + name + "\n\nx\n"
		}
		if strings.HasSuffix(name, "/") {
			fsys[strings.TrimSuffix(name, "/")] = &fstest.MapFile{Mode: 0o700 | 1<<31}
			continue
		}
		fsys[name] = &fstest.MapFile{Data: []byte(content), ModTime: modified, Mode: 0o600}
	}
	return fsys
}

// show tells of every item: its folder, name, flags, keywords and date.
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
		name := e.ID[strings.LastIndexByte(e.ID, '/')+1:]
		all = append(all, fmt.Sprintf("%s: %s %v %q %s", strings.Join(e.Folder.Path, "|"), name, it.Flags.Names(), it.Keywords, it.Received.Format("2006-01-02")))
		if it.Key == "" || it.Size == 0 {
			t.Errorf("%s has no key or size", e.ID)
		}
	}
	return all
}

func open(t testing.TB, fsys fstest.MapFS, o extract.Options) *maildir.Archive {
	t.Helper()
	a, err := maildir.Open(fsys, ".", o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Every program lays out its folders in its own way.
func TestLayouts(t *testing.T) {
	for _, tt := range []struct {
		name  string
		files []string
		want  []string
	}{
		{
			"Maildir++, as Dovecot and Courier have it",
			[]string{
				"cur/1.a.host,S=5:2,FRS", "new/2.b.host", "tmp/3.c.host", "cur/.hidden", "subscriptions=>x", "dovecot-uidlist=>x", "courierimapuiddb=>", "maildirsize=>",
				".Sent/cur/4.d:2,S", ".Sent/maildirfolder=>", ".Sent/new/", ".Projects.Alpha/cur/5.e:2,PT", ".Projects.Alpha/tmp/", ".Entw&APw-rfe/cur/6.f:2,D", ".Entw&APw-rfe/new/",
				".Größe/cur/7.g:2,", ".Größe/new/", ".INBOX.Sub/cur/8.h:2,", ".INBOX.Sub/new/", ".a&b/cur/9.i:2,", ".a&b/new/", "courierimapkeywords/x=>",
			},
			[]string{
				`Entwürfe: 6.f:2,D [draft] [] 2021-03-04`,
				`Größe: 7.g:2, [] [] 2021-03-04`,
				`Inbox: 1.a.host,S=5:2,FRS [seen answered flagged] [] 2021-03-04`,
				`Inbox: 2.b.host [] [] 2021-03-04`,
				`Inbox|Sub: 8.h:2, [] [] 2021-03-04`,
				`Projects|Alpha: 5.e:2,PT [forwarded deleted] [] 2021-03-04`,
				`Sent: 4.d:2,S [seen] [] 2021-03-04`,
				`a&b: 9.i:2, [] [] 2021-03-04`,
			},
		},
		{
			"folders in folders, as Dovecot with LAYOUT=fs has them",
			[]string{"cur/1:2,", "new/", "Work/cur/2:2,S", "Work/new/", "Work/Alpha/cur/3:2,", "Work/Alpha/new/", "Only/Sub/cur/4:2,", "Only/Sub/new/", "Files/x.txt=>"},
			[]string{`Inbox: 1:2, [] [] 2021-03-04`, `Only|Sub: 4:2, [] [] 2021-03-04`, `Work: 2:2,S [seen] [] 2021-03-04`, `Work|Alpha: 3:2, [] [] 2021-03-04`},
		},
		{
			"without the directories that are empty",
			[]string{"cur/1:2,S", ".Sent/cur/2.eml", ".Work.New/new/3"},
			[]string{`Inbox: 1:2,S [seen] [] 2021-03-04`, `Sent: 2.eml [] [] 2021-03-04`, `Work|New: 3 [] [] 2021-03-04`},
		},
		{
			"KMail",
			[]string{"cur/1:2,", "new/", "tmp/", "inbox/cur/2:2,", "inbox/new/", ".inbox.directory/Sub/cur/3:2,", ".inbox.directory/Sub/new/"},
			[]string{`Inbox: 1:2, [] [] 2021-03-04`, `inbox: 2:2, [] [] 2021-03-04`, `inbox|Sub: 3:2, [] [] 2021-03-04`},
		},
		{
			"Thunderbird",
			[]string{"cur/x.eml=>X-Mozilla-Status: 0005\nSubject: 1\n\nx\n", "tmp/", "Sub.sbd/A/cur/y.eml", "Sub.sbd/A/tmp/"},
			[]string{`Inbox: x.eml [seen flagged] [] 2021-03-04`, `Sub|A: y.eml [] [] 2021-03-04`},
		},
		{
			"other signs before the flags, and times that are in names",
			[]string{"cur/1393749060.0af3.mailmill,S=12,W=13;2,FS", "cur/1393749060.x!2,RS", "cur/0.0af4.mailmill,S=12:2,", "cur/a:1,x", "new/1393749060.n:2,", "new/z=>Status: RO\nSubject: z\n\nx\n"},
			[]string{
				`Inbox: 0.0af4.mailmill,S=12:2, [] [] 0001-01-01`,
				`Inbox: 1393749060.0af3.mailmill,S=12,W=13;2,FS [seen flagged] [] 2014-03-02`,
				`Inbox: 1393749060.n:2, [] [] 2021-03-04`,
				`Inbox: 1393749060.x!2,RS [seen answered] [] 2021-03-04`,
				`Inbox: a:1,x [] [] 2021-03-04`,
				`Inbox: z [] [] 2021-03-04`,
			},
		},
		{
			"keywords",
			[]string{
				"cur/1:2,Sacdz=>Subject: 1\nKeywords: Red Category, " + strings.Repeat("long ", 20) + "\n\nx\n", "new/",
				"dovecot-keywords=>0 $Forwarded\n1 Junk\n2 Red_Category\n3 B&APw-ro\n25 " + names.Keyword(strings.Repeat("long ", 20)) + "\n",
				".Other/cur/2:2,ab", ".Other/new/", ".Other/dovecot-keywords=>0 $label1\n",
			},
			[]string{
				`Inbox: 1:2,Sacdz [seen forwarded] ["Red Category" "` + strings.TrimSpace(strings.Repeat("long ", 20)) + `" "Büro"] 2021-03-04`,
				`Other: 2:2,ab [] ["$label1"] 2021-03-04`,
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := open(t, tree(tt.files...), extract.Options{})
			if diff := cmp.Diff(tt.want, show(t, a)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestRoles(t *testing.T) {
	a := open(t, tree("cur/", "new/", ".Gesendete Elemente/cur/", ".Gesendete Elemente/new/", ".Sent/cur/", ".Sent/new/", ".Trash/cur/", ".Trash/new/", ".Work.Drafts/cur/", ".Work.Drafts/new/", ".Posteingang/cur/", ".Posteingang/new/"), extract.Options{})
	got := make(map[string]formats.Role)
	for _, f := range a.Folders() {
		if f.Role != formats.RoleNone {
			got[f.String()] = f.Role
		}
	}
	if diff := cmp.Diff(map[string]formats.Role{"Inbox": formats.RoleInbox, "Gesendete Elemente": formats.RoleSent, "Trash": formats.RoleTrash}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// A Maildir may be one folder of many, or a mailbox among others.
func TestInFolders(t *testing.T) {
	fsys := tree("a/Sent/cur/1:2,", "a/Sent/new/", "b/cur/2:2,", "b/new/", "b/.Sub/cur/3:2,", "b/.Sub/new/", "b/Calendar.ics=>x", "b/Sub/x.ics=>x", "c/x")
	for _, tt := range []struct {
		dir    string
		folder []string
		want   []string
	}{
		{"a/Sent", []string{"Sent"}, []string{`Sent: 1:2, [] [] 2021-03-04`}},
		{"b", []string{"b"}, []string{`b|Inbox: 2:2, [] [] 2021-03-04`, `b|Sub: 3:2, [] [] 2021-03-04`}},
	} {
		a, err := maildir.OpenFolder(fsys, tt.dir, tt.folder, extract.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, show(t, a)); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
		for name, want := range map[string]bool{"b/cur/2:2,": true, "b/.Sub/cur/3:2,": true, "b/.Sub": true, "b/dovecot.index.log": true, "b/Calendar.ics": false, "b/Sub": false, "b/Sub/x.ics": false, "c/x": false} {
			if tt.dir == "b" && a.Owns(name) != want {
				t.Errorf("%s: %v", name, !want)
			}
		}
	}
	if _, err := maildir.Open(fsys, "c", extract.Options{}); err == nil || !strings.Contains(err.Error(), "c is no Maildir") {
		t.Error(err)
	}
	if plain := tree("cur/1.eml"); maildir.Is(plain, ".") {
		t.Error("a folder of mails is none")
	}
	if maildir.Is(fsys, "a") || !maildir.Is(fsys, "b") {
		t.Error("not told apart")
	}
}

// What is renamed while it is read is no failure of the others, and what cannot be read is one.
func TestGone(t *testing.T) {
	fsys := tree("cur/1:2,", "cur/2:2,", "new/")
	a := open(t, fsys, extract.Options{})
	n := 0
	for e, err := range a.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		delete(fsys, e.ID)
		if _, err := a.Read(t.Context(), e); err == nil {
			t.Error("it is gone")
		}
		n++
	}
	if n != 2 {
		t.Errorf("%d entries", n)
	}
}

// Large messages stay in their files.
func TestLarge(t *testing.T) {
	text := "Subject: large\n\n" + strings.Repeat("0123456789\n", 200_000)
	a := open(t, tree("cur/1:2,=>"+text, "new/"), extract.Options{})
	for e := range a.Entries(t.Context()) {
		it, err := a.Read(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		r, err := it.Mail.Original.Content.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		r.Close()
		if err != nil || string(b) != text {
			t.Errorf("%d bytes, %v", len(b), err)
		}
		var lesson formats.Lesson
		if err := a.Learn(t.Context(), e, &lesson); err != nil {
			t.Error(err)
		}
	}
}

// Whatever names files have, each is an entry that can be read.
func FuzzNames(f *testing.F) {
	f.Add(".A.B/cur/1:2,Sa", "0 x\n")
	f.Add(".&-/new/x", "25 &AOk-")
	f.Add("x.sbd/..y/cur/1", "")
	f.Fuzz(func(t *testing.T, name, keywords string) {
		fsys := tree("cur/", "new/", ".A/cur/", ".A/new/", "dovecot-keywords=>"+keywords)
		if !strings.Contains(name, "//") && !strings.HasPrefix(name, "/") && !strings.HasSuffix(name, "/") {
			fsys[name] = &fstest.MapFile{Data: []byte("Subject: x\n\n"), Mode: 0o600}
		}
		a, err := maildir.Open(fsys, ".", extract.Options{})
		if err != nil {
			return
		}
		for e, err := range a.Entries(t.Context()) {
			if err != nil {
				return
			}
			if !a.Owns(e.ID) {
				t.Errorf("%q is not of it", e.ID)
			}
			if len(e.Folder.Path) == 0 {
				t.Errorf("%q is in no folder", e.ID)
			}
			a.Read(t.Context(), e)
		}
	})
}

// Dovecot may keep messages compressed.
func TestPacked(t *testing.T) {
	small, large := "From: Alice <a@example.org>\nSubject: small\n\nx\n", "From: Alice <a@example.org>\nSubject: large\n\n"+strings.Repeat("0123456789\n", 200_000)
	gz := func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		io.WriteString(w, text)
		w.Close()
		return b.String()
	}
	noise := make([]byte, 3<<19)
	rand.NewChaCha8([32]byte{}).Read(noise)
	hard := "Subject: hard\n\n" + hex.EncodeToString(noise)
	for name, tt := range map[string]struct{ file, want string }{
		"small": {gz(small), small}, "large": {gz(large), large}, "larger packed": {gz(hard), hard}, "twice": {gz(small) + gz("y\n"), small + "y\n"},
		"not": {"\x1F\x8B no", "\x1F\x8B no"},
	} {
		a := open(t, tree("cur/1:2,S=>"+tt.file, "new/"), extract.Options{})
		for e := range a.Entries(t.Context()) {
			it, err := a.Read(t.Context(), e)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			r, err := it.Mail.Original.Content.Open()
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r)
			r.Close()
			if err != nil || string(b) != tt.want || it.Mail.Original.Size != int64(len(tt.want)) || it.Flags != formats.FlagSeen {
				t.Errorf("%s: %d bytes, size %d, %v, %v", name, len(b), it.Mail.Original.Size, it.Flags, err)
			}
			var lesson formats.Lesson
			if err := a.Learn(t.Context(), e, &lesson); err != nil || strings.Contains(tt.want, "Alice") != (len(lesson.Evidence) == 1) {
				t.Errorf("%s: %+v, %v", name, lesson, err)
			}
		}
	}
	a := open(t, tree("cur/1:2,=>"+gz(small)[:12], "cur/2:2,=>"+gz(hard)[:1<<20], "new/"), extract.Options{})
	for e := range a.Entries(t.Context()) {
		it, err := a.Read(t.Context(), e)
		if err == nil {
			err = mime.Write(io.Discard, it.Mail)
		}
		if err == nil {
			t.Errorf("%s is cut short, and nothing is said of it", e.ID)
		}
	}
}
