package archives

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/formats/corpustest"
)

const (
	one = "From: a@example.org\r\nSubject: one\r\nMessage-ID: <1@example.org>\r\nDate: Sun, 2 Mar 2014 09:30:00 +0000\r\n\r\nHello\r\n"
	two = "From: a@example.org\r\nSubject: two\r\nMessage-ID: <2@example.org>\r\nDate: Sun, 2 Mar 2014 10:30:00 +0000\r\n\r\nHello again\r\n"

	tinyMbox = "From a@example.org Sun Mar  2 09:30:00 2014\nFrom: a@example.org\nSubject: one\nMessage-ID: <1@example.org>\n\nHello\n\n" +
		"From b@example.org Sun Mar  2 10:30:00 2014\nFrom: b@example.org\nSubject: two\nMessage-ID: <2@example.org>\nStatus: RO\n\n>From here\n\n"
)

// lines are all that an archive holds: folder, kind, key, flags and subject of each item, and what failed.
func lines(t testing.TB, a extract.Archive) (list []string) {
	t.Helper()
	for e, err := range a.Entries(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		it, err := a.Read(context.Background(), e)
		if err != nil {
			list = append(list, fmt.Sprintf("%s %s: %v", e.Folder, e.ID, err))
			continue
		}
		flags := it.Flags
		if it.Mail == nil {
			flags = 0 // what calendars and cards make of them is theirs
		}
		list = append(list, fmt.Sprintf("%s %s %s %v %q %v", it.Folder, it.Kind, it.Key[:8], flags.Names(), it.Subject, it.Damage))
	}
	return list
}

func open(t testing.TB, path string) *Archive {
	t.Helper()
	a, err := Open(context.Background(), path, extract.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// content writes a file and returns what is in it.
func content(t testing.TB, name, data string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	return lines(t, open(t, path))
}

func same(t testing.TB, got, want []string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Whatever a mailbox is packed in, one in another, it holds the same.
func TestNesting(t *testing.T) {
	want := content(t, "Inbox.mbox", tinyMbox)
	if len(want) != 2 || !strings.HasPrefix(want[0], "Inbox mail ") {
		t.Fatal(want)
	}
	wraps := map[string]func(name, content string) (string, string){
		"gz":     func(n, c string) (string, string) { return n + ".gz", gzipOf(c) },
		"zst":    func(n, c string) (string, string) { return n + ".zst", zstdOf(c) },
		"tar":    func(n, c string) (string, string) { return "all.tar", tarOf(n, c) },
		"zip":    func(n, c string) (string, string) { return "all.zip", zipOf(n, c) },
		"beside": func(n, c string) (string, string) { return "all.zip", zipOf("a.jpg", "\xFF\xD8\xFF", n, c) },
	}
	rapid.Check(t, func(rt *rapid.T) {
		name, data := "Inbox.mbox", tinyMbox
		for range rapid.IntRange(0, 6).Draw(rt, "depth") {
			name, data = wraps[rapid.SampledFrom([]string{"gz", "zst", "tar", "zip", "beside"}).Draw(rt, "wrap")](name, data)
		}
		same(rt2{t, rt}, content(t, name, data), want)
	})
}

// rt2 fails the property where it is one that fails.
type rt2 struct {
	*testing.T
	rt *rapid.T
}

func (r rt2) Errorf(format string, args ...any) { r.rt.Fatalf(format, args...) }

// A PST is the same wherever it lies.
func TestPackedPST(t *testing.T) {
	path := corpustest.Sample()
	want := lines(t, open(t, path))
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, packed := range map[string]string{
		"sample.pst.zst": zstdOf(string(data)),
		"sample.zip":     zipOf("backup/sample.pst", string(data)),
		"sample.tar.gz":  gzipOf(tarOf("sample.pst", string(data))),
	} {
		t.Run(name, func(t *testing.T) { same(t, content(t, name, packed), want) })
	}
}

const (
	calendar = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:e1@example.org\r\nDTSTAMP:20140302T093000Z\r\nDTSTART:20140302T093000Z\r\nSUMMARY:Lunch\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	card     = "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:c1\r\nFN:Alice\r\nN:;Alice;;;\r\nEND:VCARD\r\n"
)

// home is a folder of all sorts of things, name and content.
var home = []string{
	"Inbox/1.eml", one,
	"Inbox/2.eml", two,
	"Inbox.mbox", tinyMbox,
	"Inbox.msf", "// <!-- <mdb:mork:z v=\"1.4\"/> -->",
	"Lists.sbd/Go", tinyMbox,
	"Lists.sbd/Go.mozmsgs/1393752600.wdseml", one,
	"Rescued.mozmsgs/1393752600.wdseml", two,
	"Apple.mbox/mbox", tinyMbox,
	"Apple.mbox/table_of_contents", "\x00\x00\x00\x0cbinary",
	"V10/Work.mbox/0C2D9A4E-0000-4000-8000-1234567890AB/Data/3/Messages/17.emlx", fmt.Sprintf("%d\n%s", len(one), one),
	"packed/one.eml.gz", gzipOf(one),
	"packed/notes.txt.gz", gzipOf("hello"),
	"Md/cur/1393752600.1.host:2,FS", one,
	"Md/new/1393752601.2.host", two,
	"Md/tmp/x", "unfinished",
	"Md/.Sent/cur/1393752602.3.host:2,S", two,
	"Md/.Sent/new/.keep", "",
	"Md/dovecot.index.log", "\x01\x03\x28\x00",
	"mh/inbox/1", one,
	"mh/inbox/2", two,
	"mh/inbox/.mh_sequences", "unseen: 2\n",
	"Takeout/Calendar/Family.ics", calendar,
	"Takeout/Contacts/All Contacts/All Contacts.vcf", card,
	"dav/work/0f8f4ad5-8f6e-4d3c-9a51-1c9b3e3f1a2b.ics", calendar,
	"readme.txt", "hello",
	"photo.jpg", "\xFF\xD8\xFF\xE0",
	"Trash.mbox", "",
	"__MACOSX/Inbox/._1.eml", "\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X",
	".DS_Store", "\x00\x00\x00\x01Bud1",
	"top.eml", two,
	"broken.eml", "no header at all",
}

// inHome are the items of it.
var inHome = []string{
	`Apple mail 60090117 [] "one" []`,
	`Apple mail ec42ee83 [seen] "two" []`,
	`Inbox mail 60090117 [] "one" []`,
	`Inbox mail ec42ee83 [] "two" []`,
	`Inbox mail 60090117 [] "one" []`,
	`Inbox mail ec42ee83 [seen] "two" []`,
	`Lists/Go mail 60090117 [] "one" []`,
	`Lists/Go mail ec42ee83 [seen] "two" []`,
	`Md/Inbox mail 60090117 [seen flagged] "one" []`,
	`Md/Inbox mail ec42ee83 [] "two" []`,
	`Md/Sent mail ec42ee83 [seen] "two" []`,
	`Rescued.mozmsgs mail ec42ee83 [] "two" []`,
	`Takeout/Calendar/Family event 1707be23 [] "Lunch" []`,
	`Takeout/Contacts/All Contacts/All Contacts contact 1ae4e86b [] "Alice" []`,
	`V10/Work mail 60090117 [] "one" []`,
	` mail afc5614f [] "" []`,
	`dav/work event 1707be23 [] "Lunch" []`,
	`mh/inbox mail 60090117 [seen] "one" []`,
	`mh/inbox mail ec42ee83 [] "two" []`,
	`packed mail 60090117 [] "one" []`,
	` mail ec42ee83 [] "two" []`,
}

// A folder is one source, whatever is in it, and its folders are the directories and the files with many items. It is the
// same in a tar or a zip.
func TestFolder(t *testing.T) {
	dir := t.TempDir()
	for i := 0; i < len(home); i += 2 {
		write(t, dir, home[i], home[i+1])
	}
	sources, skipped, err := Find(t.Context(), dir, "")
	if err != nil || len(sources) != 1 || sources[0] != dir || len(skipped) != 0 {
		t.Fatalf("%v %v %v", sources, skipped, err)
	}
	a := open(t, dir)
	same(t, lines(t, a), inHome)
	if format := a.Info().Format; format != "folder with 5 .eml, 2 .emlx, 3 mbox, 1 Maildir, 1 MH, 3 .ics or .vcf" {
		t.Error(format)
	}
	same(t, content(t, "home.zip", zipOf(home...)), inHome)
	same(t, content(t, "home.tar.gz", gzipOf(tarOf(home...))), inHome)
	same(t, content(t, "other.tar.gz", gzipOf(zipOf(home...))), inHome)

	// It is learnt from, too.
	places := 0
	for e, err := range a.Places(t.Context()) {
		var lesson formats.Lesson
		if err == nil {
			err = a.Learn(t.Context(), e, &lesson)
		}
		if err != nil {
			t.Error(e.ID, err)
		}
		places++
	}
	if places != len(inHome) {
		t.Errorf("%d places", places)
	}
}

// Folders lists every folder that has entries, each once and the very ones of the entries.
func TestFolders(t *testing.T) {
	path := write(t, t.TempDir(), "home.zip", zipOf(home...))
	a := open(t, path)
	listed := make(map[*formats.Folder]bool)
	names := make(map[string]bool)
	for _, f := range a.Folders() {
		if listed[f] || names[f.String()] {
			t.Errorf("%q is listed twice", f)
		}
		listed[f], names[f.String()] = true, true
	}
	used := make(map[*formats.Folder]bool)
	for e, err := range a.Entries(t.Context()) {
		if err != nil || !listed[e.Folder] {
			t.Errorf("%q of %s is not listed: %v", e.Folder, e.ID, err)
		}
		used[e.Folder] = true
	}
	for f := range listed {
		if !used[f] {
			t.Errorf("%q is empty", f)
		}
	}
}

// What cannot be read in an archive is an item that has failed: it may have been many.
func TestLostInside(t *testing.T) {
	got := content(t, "x.zip", zipOf("1.eml", one, "old/mail.7z", "7z\xBC\xAF\x27\x1C", "empty.eml", "", "bad.zip", zipOf("1.eml", one)[:60], "a.7z.txt", "text"))
	want := []string{
		` mail 60090117 [] "one" []`,
		` bad.zip: `,
		` empty.eml: `,
		`old old/mail.7z: `,
	}
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i, says := range []string{"", "is damaged", "x.zip/empty.eml is empty", "x.zip/old/mail.7z is a 7-Zip archive. If there is mail in it, unpack it first"} {
		_ = says
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%s, want %s", got[i], want[i])
		}
	}
}

// Names of files need not be UTF-8.
func TestFolderOldNames(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{"Entw\xfcrfe.mbox": tinyMbox, "K\xf6ln/1.eml": one, "box/.Entw\xfcrfe/cur/1:2,S": two, "box/.Entw\xfcrfe/new/.keep": "", "box/cur/2:2,": one} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Skip("no such names here: ", err)
		}
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Skip("no such names here: ", err)
		}
	}
	same(t, lines(t, open(t, dir)), []string{
		"Entwürfe mail 60090117 [] \"one\" []",
		"Entwürfe mail ec42ee83 [seen] \"two\" []",
		"Köln mail 60090117 [] \"one\" []",
		"box/Entwürfe mail ec42ee83 [seen] \"two\" []",
		"box/Inbox mail 60090117 [] \"one\" []",
	})
}

// A link to a file of the folder is not another file.
func TestFolderLinks(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "mail/a.mbox", tinyMbox)
	write(t, dir, "1.eml", one)
	for link, to := range map[string]string{"b.mbox": "a.mbox", "2.eml": filepath.Join(dir, "1.eml"), "c": ".", "d.mbox": "nowhere"} {
		if err := os.Symlink(to, filepath.Join(dir, "mail", link)); err != nil {
			t.Skip("no links here: ", err)
		}
	}
	same(t, lines(t, open(t, filepath.Join(dir, "mail"))), []string{
		` mail 60090117 [] "one" []`,
		`a mail 60090117 [] "one" []`,
		`a mail ec42ee83 [seen] "two" []`,
	})
}
