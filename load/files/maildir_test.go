package files_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/formats/maildir"
	"mailmill/load/files"
)

func TestMaildir(t *testing.T) {
	a := new(archive)
	inbox := a.folder("Posteingang")
	inbox.Role = formats.RoleInbox
	one := a.mail(inbox, "Offer", "Dear all\n")
	one.Flags, one.Keywords = formats.FlagSeen|formats.FlagForwarded, []string{"Red Category", "Büro"}
	a.mail(a.folder("Posteingang", "v1.2"), "Plan", "x\n").Received = time.Time{}
	undated := a.mail(a.folder("Inbox"), "No date", "x\n")
	undated.Received, undated.Date = time.Time{}, time.Time{}
	dir := t.TempDir()
	mustConvert(t, dir, archives{"alice.pst": a}, files.Options{Format: files.Maildir})
	got := tree(t, dir)
	key := func(i int) string { return a.items[i].Key }
	size := func(name string) string {
		for file, text := range got {
			if strings.Contains(file, name) {
				return fmt.Sprintf(",S=%d,W=%d", len(text), len(text)+strings.Count(text, "\n"))
			}
		}
		return ""
	}
	want := []string{
		".INBOX.v1_2/cur/1393752600." + key(1) + ".mailmill" + size(key(1)) + ":2,",
		".INBOX.v1_2/maildirfolder",
		".Inbox (2)/cur/0." + key(2) + ".mailmill" + size(key(2)) + ":2,",
		".Inbox (2)/maildirfolder",
		".mailmill.json",
		"cur/1393752660." + key(0) + ".mailmill" + size(key(0)) + ":2,PSabc",
		"dovecot-keywords",
		"subscriptions",
	}
	slices.Sort(want)
	if !slices.Equal(names(got), want) {
		t.Errorf("files: %q, want %q", names(got), want)
	}
	if got["dovecot-keywords"] != "0 Red_Category\n1 B&APw-ro\n2 $Forwarded\n" || got["subscriptions"] != "INBOX\nINBOX.v1_2\nInbox (2)\n" {
		t.Errorf("%q, %q", got["dovecot-keywords"], got["subscriptions"])
	}
	for name, when := range map[string]time.Time{want[0]: day, want[2]: time.Unix(0, 0), want[5]: day.Add(time.Minute)} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || !info.ModTime().Equal(when) {
			t.Errorf("%s: %v, %v, want %v", name, info, err, when)
		}
		if strings.Contains(got[name], "\r") {
			t.Errorf("%s has CRs", name)
		}
	}
}

// A mail whose flags somebody has changed is that mail still: it is in the way, and when it is replaced there is no
// second one beside it.
func TestMaildirInUse(t *testing.T) {
	dir := t.TempDir()
	o := files.Options{Format: files.Maildir}
	mustConvert(t, dir, archives{"alice.pst": sample()}, o)
	first := names(tree(t, dir))
	old := filepath.Join(dir, first[len(first)-2])
	if filepath.Base(filepath.Dir(old)) != "cur" {
		t.Fatal(old)
	}
	if err := os.Rename(old, maildir.Base(old)+":2,FRS"); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "dovecot-uidlist"), "3 V1 N5")
	if _, err := convert(t, dir, archives{"alice.pst": sample()}, o); !errors.Is(err, files.ErrExists) {
		t.Error(err)
	}
	o.Overwrite = true
	mustConvert(t, dir, archives{"alice.pst": sample()}, o)
	if got := slices.DeleteFunc(names(tree(t, dir)), func(n string) bool { return n == "dovecot-uidlist" }); !slices.Equal(got, first) {
		t.Errorf("%q, want %q", got, first)
	}
}

// foreign makes a Maildir as Dovecot may have it, and returns its files.
func foreign(t *testing.T) (dir string, content map[string]string) {
	t.Helper()
	content = map[string]string{
		"subscriptions":                                     "V\t2\n\nINBOX\nTheirs\tDeep\n",
		"dovecot-keywords":                                  "0 NonJunk\n1 Red_Category\n",
		"dovecot-uidlist":                                   "3 V1393749060 N2 G0123456789abcdef0123456789abcdef\n1 :1393749060.M1P1.host,S=6,W=7\n",
		"cur/1393749060.M1P1.host,S=6,W=7:2,Sab":            "A: b\n\n",
		".Theirs.Deep/maildirfolder":                        "",
		".Theirs.Deep/dovecot-keywords":                     "0 Theirs\n",
		".Theirs.Deep/cur/1393749061.M1P1.host,S=6,W=7:2,a": "A: c\n\n",
		".Ours/dovecot-keywords":                            "1 Work\n",
		".Ours/new/1393749062.M1P1.host,S=6":                "A: d\n\n",
		".Ours/cur/1393749063.M1P1.host,S=6,W=7:2,b":        "A: e\n\n",
	}
	dir = t.TempDir()
	for name, text := range content {
		write(t, filepath.Join(dir, name), text)
	}
	return dir, content
}

// categorized is an archive with an inbox and a folder, and keywords in both.
func categorized() *archive {
	a := new(archive)
	inbox := a.folder("Inbox")
	inbox.Role = formats.RoleInbox
	a.mail(inbox, "Offer", "text\n").Keywords = []string{"Neu", "red category"}
	a.mail(a.folder("Ours"), "Plan", "text\n").Keywords = []string{"Neu"}
	return a
}

// In a Maildir that somebody else writes to, too, everything stays: mails, what their letters mean, subscriptions.
func TestSharedMaildir(t *testing.T) {
	dir, theirs := foreign(t)
	o := files.Options{Format: files.Maildir}
	run := func(what string, a *archive, fails bool) map[string]string {
		t.Helper()
		if _, err := convert(t, dir, archives{"alice.pst": a}, o); errors.Is(err, files.ErrExists) != fails || !fails && err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		got := tree(t, dir)
		for name, text := range theirs {
			if now, ok := got[name]; !ok || !strings.HasPrefix(now, text) {
				t.Errorf("%s: %s: %q has become %q", what, name, text, now)
			}
		}
		return got
	}
	run("without a word", categorized(), true)
	o.Overwrite = true
	got := run("overwritten", categorized(), false)
	for name, want := range map[string]string{
		"dovecot-keywords":       "0 NonJunk\n1 Red_Category\n2 Neu\n",
		".Ours/dovecot-keywords": "1 Work\n2 Neu\n",
		"subscriptions":          "V\t2\n\nINBOX\nTheirs\tDeep\nOurs\n",
	} {
		if got[name] != want {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	var letters []string
	for _, name := range names(got) {
		if strings.Contains(name, "mailmill,") {
			letters = append(letters, name[strings.LastIndexByte(name, ',')+1:])
		}
	}
	if !slices.Equal(letters, []string{"c", "bc"}) {
		t.Errorf("letters: %q", letters)
	}
	if again := run("a second time", categorized(), false); !maps.Equal(again, got) {
		t.Errorf("the second time there are %q, the first %q", names(again), names(got))
	}
	less := categorized()
	less.items = less.items[:1]
	less.items[0].Keywords = nil
	run("without a folder and keywords", less, false)

	// So it is when only the files are left that both write, and nobody says a word.
	for name := range theirs {
		if strings.Contains(name, "/") {
			delete(theirs, name)
			if err := os.RemoveAll(filepath.Join(dir, strings.TrimPrefix(filepath.Dir(name), "/"))); err != nil {
				t.Fatal(err)
			}
		}
	}
	o.Overwrite = false
	if got := run("a repeat", less, false); got["subscriptions"] != theirs["subscriptions"]+"Ours\n" {
		t.Errorf("%q", got["subscriptions"])
	}
}

// Mails that came into a folder of ours keep what they need of it when the archive has the folder no longer.
func TestMailStays(t *testing.T) {
	dir := t.TempDir()
	o := files.Options{Format: files.Maildir}
	mustConvert(t, dir, archives{"alice.pst": categorized()}, o)
	write(t, filepath.Join(dir, ".Ours", "cur", "1.x.host:2,a"), "mine")
	less := categorized()
	less.items, less.folders = less.items[:1], less.folders[:1]
	mustConvert(t, dir, archives{"alice.pst": less}, o)
	got := names(tree(t, filepath.Join(dir, ".Ours")))
	if want := []string{"cur/1.x.host:2,a", "dovecot-keywords", "maildirfolder"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Whatever folders are called, each has a directory of its own below that of its parent, as servers and file systems
// take it.
func TestMaildirNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := new(archive)
		list := []*formats.Folder{a.folder()}
		name := rapid.OneOf(
			rapid.SampledFrom([]string{"Inbox", "INBOX", "Inbox (2)", "mailmill", "tmp", "json", "a.b", "a_b", "A_B", "~x", "#x", "a/b", "50%", "", "..", "é", "aé", "桩", "&AOk-", "cur"}),
			rapid.String(),
			rapid.Map(rapid.IntRange(50, 300), func(n int) string { return strings.Repeat("長", n) }),
		)
		for range rapid.IntRange(1, 25).Draw(t, "folders") {
			above := list[rapid.IntRange(0, len(list)-1).Draw(t, "parent")]
			f := a.folder(append(slices.Clone(above.Path), name.Draw(t, "name"))...)
			if rapid.IntRange(0, 9).Draw(t, "role") == 0 {
				f.Role = formats.RoleInbox
			}
			list = append(list, f)
		}
		places := files.Places(files.Maildir, list)
		seen := make(map[string]bool)
		for _, f := range list {
			place := places(f)
			if seen[strings.ToLower(place)] {
				t.Fatalf("%q has the place of another folder, %q", f.Path, place)
			}
			seen[strings.ToLower(place)] = true
			if place == "" {
				continue // the inbox
			}
			path, err := maildir.ParseFolderName(place)
			if err != nil || len(place) > 255 || strings.ContainsAny(place, "/%*\x00") {
				t.Fatalf("%q: %q, %v", f.Path, place, err)
			}
			for _, name := range path {
				if name == "" || strings.HasPrefix(name, "~") || strings.HasPrefix(name, "#") || strings.TrimSpace(name) != name {
					t.Fatalf("%q: %q", f.Path, place)
				}
			}
			if strings.EqualFold(path[0], "inbox") && len(path) == 1 || place == ".mailmill.tmp" || place == ".mailmill.json" {
				t.Fatalf("%q: %q is taken", f.Path, place)
			}
		}
	})
}

// Places lets folders keep their parents, as far as names have room.
func TestMaildirHierarchy(t *testing.T) {
	list := []*formats.Folder{
		{Path: []string{"Eingang"}, Role: formats.RoleInbox},
		{Path: []string{"Eingang", "a.b"}},
		{Path: []string{"Eingang", "a_b"}},
		{Path: []string{"Eingang", "a.b", "x"}},
		{Path: []string{"Eingang", "a_b", "x"}},
		{Path: []string{"mailmill", "tmp"}},
		{Path: []string{"A", "b", "é & ü"}},
	}
	want := []string{"", ".INBOX.a_b", ".INBOX.a_b (2)", ".INBOX.a_b.x", ".INBOX.a_b (2).x", ".mailmill_.tmp", ".A.b.&AOk- &- &APw-"}
	places := files.Places(files.Maildir, list)
	for i, f := range list {
		if got := places(f); got != want[i] {
			t.Errorf("%q: %q, want %q", f.Path, got, want[i])
		}
	}
}
