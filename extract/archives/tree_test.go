package archives

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mailmill/extract"
	"mailmill/formats/corpustest"
)

const (
	one = "From: a@example.org\r\nSubject: one\r\nMessage-ID: <1@example.org>\r\nDate: Sun, 2 Mar 2014 09:30:00 +0000\r\n\r\nHello\r\n"
	two = "From: a@example.org\r\nSubject: two\r\nMessage-ID: <2@example.org>\r\nDate: Sun, 2 Mar 2014 10:30:00 +0000\r\n\r\nHello again\r\n"

	tinyMbox = "From a@example.org Sun Mar  2 09:30:00 2014\nFrom: a@example.org\nSubject: one\nMessage-ID: <1@example.org>\n\nHello\n\n" +
		"From b@example.org Sun Mar  2 10:30:00 2014\nFrom: b@example.org\nSubject: two\nMessage-ID: <2@example.org>\nStatus: RO\n\n>From here\n\n"
)

// lines are all that an archive holds: folder, key, flags and subject of each item, and what failed.
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
		list = append(list, fmt.Sprintf("%s %s %s %v %q %v", it.Folder, it.Kind, it.Key[:8], it.Flags.Names(), it.Subject, it.Damage))
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

// A folder is one source, whatever is in it, and its folders are the directories and the files with many items.
func TestFolder(t *testing.T) {
	files := []string{
		"Inbox/1.eml", one,
		"Inbox/2.eml", two,
		"Inbox.mbox", tinyMbox,
		"Lists.sbd/Go", tinyMbox,
		"Lists.msf", "// <!-- <mdb:mork:z v=\"1.4\"/> -->",
		"Apple.mbox/mbox", tinyMbox,
		"Apple.mbox/table_of_contents", "\x00\x00\x00\x0cbinary",
		"V10/Work.mbox/0C2D9A4E-0000-4000-8000-1234567890AB/Data/3/Messages/17.emlx", fmt.Sprintf("%d\n%s", len(one), one),
		"packed/one.eml.gz", gzipOf(one),
		"packed/two.zip", zipOf("deep/2.eml", two),
		"Md/cur/1393752600.1.host:2,FS", one,
		"Md/new/1393752601.2.host", two,
		"Md/tmp/x", "unfinished",
		"Md/.Sent/cur/1393752602.3.host:2,S", two,
		"Md/.Sent/new/x", "",
		"mh/inbox/1", one,
		"mh/inbox/2", two,
		"readme.txt", "hello",
		"photo.jpg", "\xFF\xD8\xFF\xE0",
		".DS_Store", "\x00\x00\x00\x01Bud1",
		"broken.eml", "no header at all",
		"empty.eml", "",
	}
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		write(t, dir, files[i], files[i+1])
	}
	sources, skipped, err := Find(t.Context(), dir, "")
	if err != nil || len(sources) != 2 || sources[1] != dir || filepath.Base(sources[0]) != "two.zip" || len(skipped) != 0 {
		t.Fatalf("%v %v %v", sources, skipped, err)
	}
	got := lines(t, open(t, dir))
	for _, l := range got {
		t.Log(l)
	}
	t.Log(open(t, dir).Info())
	packed := content(t, "x.zip", zipOf(files...))
	for _, l := range packed {
		t.Log("zip: ", l)
	}
	_ = errors.Is
}
