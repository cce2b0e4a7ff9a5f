package files_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/files"
)

var allFormats = files.Formats()

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A run with the same options and archives replaces what the last one wrote, and nothing else.
func TestRepeat(t *testing.T) {
	for _, format := range allFormats {
		dir := t.TempDir()
		o := files.Options{Format: format, Record: map[string]string{"only": "mail"}}
		mustConvert(t, dir, archives{"alice.pst": sample()}, o)
		first := tree(t, dir)
		write(t, filepath.Join(dir, "Inbox", "notes.txt"), "mine")
		mustConvert(t, dir, archives{"alice.pst": sample()}, o)
		first["Inbox/notes.txt"] = "mine"
		if got := tree(t, dir); !maps.Equal(got, first) {
			t.Errorf("%s: the second run gives %q, the first %q", format.Name(), names(got), names(first))
		}

		// An archive that has lost a folder meanwhile.
		less := sample()
		less.items = less.items[:2]
		mustConvert(t, dir, archives{"alice.pst": less}, o)
		got := tree(t, dir)
		for name := range first {
			if strings.Contains(name, "a_b_ CON") || strings.Contains(name, "Projects") {
				delete(first, name)
			}
		}
		if !slices.Equal(names(got), names(first)) {
			t.Errorf("%s: files that are no longer written stay: %q", format.Name(), names(got))
		}
		if _, err := os.Stat(filepath.Join(dir, "a_b_ CON")); err == nil {
			t.Error("an empty folder stays")
		}
	}
}

// Whatever mailmill did not write itself is in the way, and stays as it is.
func TestInTheWay(t *testing.T) {
	base := files.Options{Format: files.MBOX, Record: map[string]string{"only": "mail"}}
	ours := func(t *testing.T, dir string) { mustConvert(t, dir, archives{"alice.pst": sample()}, base) }
	tests := []struct {
		name    string
		prepare func(t *testing.T, dir string)
		sources string
		change  func(*files.Options)
		free    bool
	}{
		{name: "an empty folder", free: true},
		{name: "a foreign file", prepare: func(t *testing.T, dir string) { write(t, filepath.Join(dir, "thesis.txt"), "mine") }},
		{name: "ours", prepare: ours, free: true},
		{name: "other options", prepare: ours, change: func(o *files.Options) { o.Record = map[string]string{"only": "event"} }},
		{name: "another format", prepare: ours, change: func(o *files.Options) { o.Format = files.EML }},
		{name: "another archive", prepare: ours, sources: "bob.pst"},
		{name: "ours, with a file that would be written now", prepare: func(t *testing.T, dir string) {
			a := sample()
			a.items = a.items[:1]
			mustConvert(t, dir, archives{"alice.pst": a}, base)
			write(t, filepath.Join(dir, "Inbox", "Projects.mbox"), "mine")
		}},
		{name: "ours, with a file where a folder would be", prepare: func(t *testing.T, dir string) {
			a := sample()
			a.items = a.items[:1]
			mustConvert(t, dir, archives{"alice.pst": a}, base)
			write(t, filepath.Join(dir, "Inbox"), "mine")
		}},
		{name: "ours, with a folder where a file would be", prepare: func(t *testing.T, dir string) {
			a := sample()
			a.items = a.items[3:]
			mustConvert(t, dir, archives{"alice.pst": a}, base)
			write(t, filepath.Join(dir, "Inbox.mbox", "x"), "mine")
		}},
		{name: "a record that cannot be read", prepare: func(t *testing.T, dir string) { write(t, filepath.Join(dir, ".mailmill.json"), "{") }},
		{name: "what a killed run left", prepare: func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, ".mailmill.tmp", "tree", "Inbox.mbox"), "half")
			write(t, filepath.Join(dir, ".mailmill.tmp", "lock"), "")
		}, free: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if tt.prepare != nil {
				tt.prepare(t, dir)
			}
			before := tree(t, dir)
			o, source := base, tt.sources
			if tt.change != nil {
				tt.change(&o)
			}
			if source == "" {
				source = "alice.pst"
			}
			_, err := convert(t, dir, archives{source: sample()}, o)
			if tt.free {
				if err != nil {
					t.Fatal(err)
				}
			} else {
				if !errors.Is(err, files.ErrExists) {
					t.Fatalf("error: %v", err)
				}
				if got := tree(t, dir); !maps.Equal(got, before) {
					t.Errorf("%q has become %q", names(before), names(got))
				}
				o.Overwrite = true
				if _, err := convert(t, dir, archives{source: sample()}, o); err != nil && !strings.HasSuffix(tt.name, "a file would be") {
					t.Fatalf("to be overwritten: %v", err)
				}
			}
			if _, err := os.Stat(filepath.Join(dir, ".mailmill.tmp")); err == nil {
				t.Error("the staging folder is left")
			}
		})
	}
}

// What somebody has changed since is his, though the file's name is ours. What somebody has only touched or removed can
// be written again.
func TestChangedByHand(t *testing.T) {
	for _, format := range allFormats {
		for name, tt := range map[string]struct {
			change func(t *testing.T, path string)
			free   bool
		}{
			"longer":                {change: func(t *testing.T, path string) { appendTo(t, path, "mine\n") }},
			"of the same size":      {change: func(t *testing.T, path string) { write(t, path, strings.Repeat("x", int(stat(t, path).Size()))) }},
			"a link":                {change: func(t *testing.T, path string) { replaceByLink(t, path) }},
			"touched":               {change: func(t *testing.T, path string) { touch(t, path) }, free: true},
			"removed":               {change: func(t *testing.T, path string) { os.Remove(path) }, free: true},
			"of an old record":      {change: func(t *testing.T, path string) { forgetTimes(t, path) }, free: true},
			"changed, as that says": {change: func(t *testing.T, path string) { forgetTimes(t, path); appendTo(t, path, "mine\n") }},
		} {
			dir := t.TempDir()
			o := files.Options{Format: format}
			mustConvert(t, dir, archives{"alice.pst": sample()}, o)
			whole := tree(t, dir)
			first := slices.DeleteFunc(names(whole), func(name string) bool { return !strings.Contains(whole[name], "Subject: Offer") })[0]
			path := filepath.Join(dir, first)
			tt.change(t, path)
			before := tree(t, dir)
			_, err := convert(t, dir, archives{"alice.pst": sample()}, o)
			if tt.free {
				if got := tree(t, dir); err != nil || !maps.Equal(got, whole) {
					t.Errorf("%s: %s: %v", format.Name(), name, err)
				}
				continue
			}
			if !errors.Is(err, files.ErrExists) || !strings.HasSuffix(err.Error(), ": "+first+" was changed since it was written") {
				t.Errorf("%s: %s: %v", format.Name(), name, err)
			}
			if got := tree(t, dir); !maps.Equal(got, before) {
				t.Errorf("%s: %s: it has become %q", format.Name(), name, names(got))
			}
			o.Overwrite = true
			mustConvert(t, dir, archives{"alice.pst": sample()}, o)
			if got := tree(t, dir); !maps.Equal(got, whole) {
				t.Errorf("%s: %s: overwritten it is %q", format.Name(), name, names(got))
			}
		}
	}
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(data)+text)
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.Chtimes(path, time.Time{}, time.Now()); err != nil {
		t.Fatal(err)
	}
}

// replaceByLink moves a file elsewhere and leaves a link to it.
func replaceByLink(t *testing.T, path string) {
	t.Helper()
	elsewhere := filepath.Join(t.TempDir(), "moved")
	err := os.Rename(path, elsewhere)
	if err == nil {
		err = os.Symlink(elsewhere, path)
	}
	if err != nil {
		t.Skip(err)
	}
}

// forgetTimes makes the record above a file one that tells no times.
func forgetTimes(t *testing.T, path string) {
	t.Helper()
	record := filepath.Join(filepath.Dir(path), ".mailmill.json")
	data, err := os.ReadFile(record)
	if err != nil {
		forgetTimes(t, filepath.Dir(path))
		return
	}
	write(t, record, regexp.MustCompile(`"modified":"[^"]*",`).ReplaceAllString(string(data), ""))
}

// A record that is none is said to be damaged; what a decoder says of it is for programs.
func TestDamagedRecord(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, ".mailmill.json"), `{"format":x`)
	_, err := convert(t, dir, archives{"a": sample()}, files.Options{Format: files.MBOX})
	syntax, ok := errors.AsType[*json.SyntaxError](err)
	if !errors.Is(err, files.ErrExists) || !ok || strings.Contains(err.Error(), syntax.Error()) || !strings.HasSuffix(err.Error(), ": its .mailmill.json is damaged") {
		t.Error(err)
	}
}

// A folder that holds something never gives way to a file, and that is said before the run begins.
func TestBlocked(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "Inbox.mbox", "deep", "thesis.txt"), "mine")
	a := sample()
	o := files.Options{Format: files.MBOX, Overwrite: true, Sources: []files.Source{{Name: "a", Folders: a.folders}}}
	for _, open := range []func() (*files.Target, error){
		func() (*files.Target, error) { return files.Open(dir, nil, o) },
		func() (*files.Target, error) { return files.Rehearse(dir, o) },
	} {
		if _, err := open(); !errors.Is(err, files.ErrBlocked) || !strings.HasPrefix(err.Error(), filepath.Join(dir, "Inbox.mbox")+": ") {
			t.Error(err)
		}
	}
}

// A file cannot be a folder.
func TestFileAsTarget(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	write(t, path, "mine")
	if _, err := convert(t, path, archives{"a": sample()}, files.Options{Format: files.MBOX}); !errors.Is(err, files.ErrBlocked) {
		t.Error(err)
	}
}

// link makes a link, with its folder.
func link(t *testing.T, to, path string) {
	t.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = os.Symlink(to, path)
	}
	if err != nil {
		t.Skip(err)
	}
}

// A link to a folder or a file is one afterwards, and what it leads to is written. One that leads nowhere is refused.
func TestLinkAsTarget(t *testing.T) {
	for _, name := range append([]string{"out"}, slices.Concat(archiveNames, singleNames)...) {
		dir := t.TempDir()
		elsewhere, path := filepath.Join(dir, "elsewhere", "the "+name), filepath.Join(dir, "here", name)
		link(t, filepath.Join("..", "elsewhere", "the "+name), path)
		o := files.Options{Format: files.MBOX}
		for _, path := range []string{path, filepath.Join(path, "below")} {
			_, err := convert(t, path, archives{"alice.pst": sample()}, o)
			if !errors.Is(err, files.ErrBlocked) || !strings.Contains(err.Error(), filepath.Base(elsewhere)+", which is not there") {
				t.Errorf("%s leads nowhere: %v", path, err)
			}
			if _, rehearsed := files.Rehearse(path, o); fmt.Sprint(rehearsed) != fmt.Sprint(err) {
				t.Errorf("%s: rehearsed it is %v, not %v", path, rehearsed, err)
			}
		}
		if name == "out" {
			if err := os.MkdirAll(elsewhere, 0o700); err != nil {
				t.Fatal(err)
			}
		} else {
			write(t, elsewhere, "mine")
			o.Overwrite = true
		}
		mustConvert(t, path, archives{"alice.pst": sample()}, o)
		if info, err := os.Lstat(path); err != nil || info.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is no longer a link: %v", name, err)
		}
		got := tree(t, dir)
		if text, ok := got["elsewhere/the "+name]; ok && text == "mine" || !ok && got["elsewhere/the out/Inbox.mbox"] == "" {
			t.Errorf("%s: there are %q", name, names(got))
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*", ".*tmp")); len(left) > 0 {
			t.Errorf("%q are left", left)
		}
	}
}

// Links within a folder are in the way, and are what is replaced; what they lead to is not touched.
func TestLinksInFolder(t *testing.T) {
	for _, format := range allFormats {
		dir := t.TempDir()
		out := filepath.Join(dir, "out")
		o := files.Options{Format: format}
		mustConvert(t, out, archives{"alice.pst": sample()}, o)
		want := names(tree(t, out))
		for _, name := range []string{"Inbox", "cur"} {
			if err := os.Rename(filepath.Join(out, name), filepath.Join(out, "my "+name)); err == nil {
				link(t, "my "+name, filepath.Join(out, name))
			}
		}
		moved := tree(t, out)
		if _, err := convert(t, out, archives{"alice.pst": sample()}, o); !errors.Is(err, files.ErrExists) {
			t.Errorf("%s: %v", format.Name(), err)
		}
		o.Overwrite = true
		mustConvert(t, out, archives{"alice.pst": sample()}, o)
		got := tree(t, out)
		for name, text := range moved {
			if strings.HasPrefix(name, "my ") {
				if got[name] != text {
					t.Errorf("%s: %s is lost", format.Name(), name)
				}
				delete(got, name)
			}
		}
		if !slices.Equal(names(got), want) {
			t.Errorf("%s: %q, want %q", format.Name(), names(got), want)
		}
	}
}

// A record that names files elsewhere does no harm.
func TestHostileRecord(t *testing.T) {
	dir := t.TempDir()
	victim := filepath.Join(dir, "victim")
	write(t, victim, "mine")
	out := filepath.Join(dir, "out")
	write(t, filepath.Join(out, ".mailmill.json"), `{"format":"mbox","sources":[{"name":"a"}],"files":[{"path":"../victim"},{"path":"`+victim+`"},{"path":"."},{"path":"link/victim"}]}`)
	if err := os.Symlink(dir, filepath.Join(out, "link")); err != nil {
		t.Skip(err)
	}
	convert(t, out, archives{"a": sample()}, files.Options{Format: files.MBOX, Overwrite: true})
	if _, err := os.Stat(victim); err != nil {
		t.Error(err)
	}
}

func TestInUse(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	o := files.Options{Format: files.MBOX}
	first, err := files.Open(dir, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := files.Open(dir, nil, o); !errors.Is(err, files.ErrInUse) {
		t.Errorf("a second run: %v", err)
	}
	if dropped, err := first.Abort(); !dropped || err != nil {
		t.Error(dropped, err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder that an aborted run made is left")
	}
}

// An interrupted run leaves the place as it was.
func TestInterrupted(t *testing.T) {
	for _, format := range allFormats {
		dir := t.TempDir()
		mustConvert(t, dir, archives{"alice.pst": sample()}, files.Options{Format: format})
		before := tree(t, dir)
		a := sample()
		for i := range 1000 {
			a.mail(a.folders[0], fmt.Sprint(i), "later")
		}
		target, err := files.Open(dir, nil, files.Options{Format: format, Sources: []files.Source{{Name: "alice.pst", Folders: a.folders}}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		stop := stopAt{n: 50, stop: cancel}
		result, err := load.Run(ctx, load.Plan{
			Sources: []load.Input{{Name: "alice.pst", Source: a}}, Routes: []load.Route{{Target: target}}, Observer: &stop,
		})
		if !errors.Is(err, context.Canceled) || result.Balance.Total().Written != 0 || result.Dropped < 50 {
			t.Errorf("%v, %+v", err, result.Balance.Total())
		}
		if got := tree(t, dir); !maps.Equal(got, before) {
			t.Errorf("%q has become %q", names(before), names(got))
		}
	}
}

// stopAt interrupts a run at its n-th item.
type stopAt struct {
	n    int
	stop func()
}

func (s *stopAt) Progress(load.Progress) {}
func (s *stopAt) Item(*formats.Item, load.Outcome, error) {
	switch s.n--; {
	case s.n == 0:
		s.stop()
	case s.n < 0:
		time.Sleep(time.Millisecond) // the workers hear of it in a while, and must not be done by then
	}
}

// The bytes do not depend on the number of jobs.
func TestJobs(t *testing.T) {
	a := new(archive)
	for _, name := range []string{"Inbox", "Sent"} {
		f := a.folder(name)
		for i := range 400 {
			a.mail(f, fmt.Sprint("Subject ", i), strings.Repeat("word ", i%90*40))
		}
	}
	for _, format := range allFormats {
		var first map[string]string
		for _, jobs := range []int{1, 8} {
			dir := t.TempDir()
			target, err := files.Open(dir, nil, files.Options{Format: format, Sources: []files.Source{{Name: "a", Folders: a.folders}}})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := load.Run(t.Context(), load.Plan{Sources: []load.Input{{Name: "a", Source: a}}, Routes: []load.Route{{Target: target}}, Jobs: jobs}); err != nil {
				t.Fatal(err)
			}
			if got := tree(t, dir); first == nil {
				first = got
			} else if !maps.Equal(first, got) {
				t.Errorf("%s: the files differ", format.Name())
			}
		}
	}
}

// stream is content that is never in memory as a whole.
type stream struct {
	size     int64
	panicsAt int64
}

func (s stream) Open() (io.ReadCloser, error) { return io.NopCloser(&streamReader{s, 0}), nil }

type streamReader struct {
	s   stream
	pos int64
}

func (r *streamReader) Read(p []byte) (int, error) {
	if r.s.panicsAt > 0 && r.pos >= r.s.panicsAt {
		panic("a fault of ours")
	}
	if r.pos == r.s.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), r.s.size-r.pos))
	n = copy(p[:n], pattern[r.pos%256:])
	r.pos += int64(n)
	return n, nil
}

// pattern is what a stream repeats.
var pattern = func() (all [64 << 10]byte) {
	for i := range all {
		all[i] = byte(i)
	}
	return all
}()

// attach replaces the content of a mail by an attachment.
func attach(it *formats.Item, c formats.Content, size int64) {
	it.Mail.Root = &formats.Part{Type: "application/octet-stream", Name: "big.bin", Disposition: "attachment", Content: c, Size: size}
	it.Mail.Text = nil
}

// Large items are streamed, whether or not their sizes are known, and one that fails on the way leaves nothing behind.
func TestLarge(t *testing.T) {
	const large = 9 << 20
	for _, format := range allFormats {
		a := new(archive)
		inbox := a.folder("Inbox")
		a.mail(inbox, "first", "small")
		attach(a.mail(inbox, "known", ""), stream{size: large}, large)
		attach(a.mail(inbox, "fails", ""), stream{size: large, panicsAt: 6 << 20}, large)
		attach(a.mail(inbox, "unknown", ""), stream{size: large}, 0)
		a.mail(inbox, "last", "small")

		dir := t.TempDir()
		result := mustConvert(t, dir, archives{"a": a}, files.Options{Format: format})
		if total := result.Balance.Total(); total.Written != 4 || total.Failed != 1 || len(result.Failures) != 1 || result.Failures[0].Entry.Subject != "fails" {
			t.Fatalf("%s: %+v", format.Name(), total)
		}
		got := tree(t, dir)
		without := slices.Delete(slices.Clone(a.items), 2, 3)
		for i, it := range without {
			it.Index = uint64(i)
		}
		a.items = without
		dir = t.TempDir()
		mustConvert(t, dir, archives{"a": a}, files.Options{Format: format})
		if want := tree(t, dir); !maps.Equal(got, want) {
			t.Errorf("%s: the failed item has left something: %q, want %q", format.Name(), names(got), names(want))
		}
		if _, text, ok := bytes.Cut([]byte(got[".mailmill.json"]), []byte(`"size":`)); !ok || len(text) == 0 {
			t.Error("the record has no sizes")
		}
	}
}

// A folder all of whose items fail while they are streamed leaves no file.
func TestNothingLeft(t *testing.T) {
	a := new(archive)
	attach(a.mail(a.folder("Inbox"), "fails", ""), stream{size: 9 << 20, panicsAt: 6 << 20}, 9<<20)
	for _, format := range allFormats {
		dir := t.TempDir()
		mustConvert(t, dir, archives{"a": a}, files.Options{Format: format})
		// A Maildir without mail is one all the same.
		want := map[files.Format][]string{files.Maildir: {".mailmill.json", "cur", "new", "subscriptions", "tmp"}}[format]
		if want == nil {
			want = []string{".mailmill.json"}
		}
		var got []string
		entries, err := os.ReadDir(dir)
		for _, e := range entries {
			got = append(got, e.Name())
		}
		if record := tree(t, dir)[".mailmill.json"]; err != nil || !slices.Equal(got, want) || strings.Contains(record, "Inbox") {
			t.Errorf("%s: %q, %v, %s", format.Name(), got, err, record)
		}
	}
}

// Content that cannot be read is damage, not failure.
func TestDamagedContent(t *testing.T) {
	a := new(archive)
	attach(a.mail(a.folder("Inbox"), "offer", ""), broken{}, 10)
	for _, format := range allFormats {
		result := mustConvert(t, t.TempDir(), archives{"a": a}, files.Options{Format: format})
		if c := result.Balance.Total(); c.Written != 1 || c.Damaged != 1 || !strings.Contains(result.Damaged[0].Damage[0].String(), "big.bin") {
			t.Errorf("%+v, %v", c, result.Damaged)
		}
	}
}

type broken struct{}

func (broken) Open() (io.ReadCloser, error) { return nil, errors.New("the block is gone") }

// The benchmarks are best run with TMPDIR in memory: ext4 slows down a hundredfold where many files were just deleted.
func benchmark(b *testing.B, format files.Format) {
	a := new(archive)
	inbox := a.folder("Inbox")
	const items, size = 5000, 30_000
	text := strings.Repeat("The quick brown fox jumps over the lazy dog, and then some more of the same.\r\n", size/79)
	for i := range items {
		a.mail(inbox, fmt.Sprint("Re: the offer of last week ", i), text)
	}
	b.SetBytes(int64(items * len(text)))
	for b.Loop() {
		dir, err := os.MkdirTemp(b.TempDir(), "")
		if err != nil {
			b.Fatal(err)
		}
		target, err := files.Open(dir, nil, files.Options{Format: format, Sources: []files.Source{{Name: "a", Folders: a.folders}}})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := load.Run(b.Context(), load.Plan{Sources: []load.Input{{Name: "a", Source: a}}, Routes: []load.Route{{Target: target}}}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		os.RemoveAll(dir)
		b.StartTimer()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/items, "µs/item")
}

func BenchmarkMbox(b *testing.B) { benchmark(b, files.MBOX) }
func BenchmarkEML(b *testing.B)  { benchmark(b, files.EML) }
