package files_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/files"
)

// archiveNames are targets that are archives, singleNames those that are one mbox.
var (
	archiveNames = []string{"all.tar", "all.tar.zst", "all.tar.gz", "all.tgz", "all.zip"}
	singleNames  = []string{"mail.mbox", "mail.mbox.zst", "mail.mbox.gz"}
)

// uncompressed returns what a file holds, as the standard library and zstd have it.
func uncompressed(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r io.Reader = bytes.NewReader(data)
	switch filepath.Ext(path) {
	case ".zst":
		r, err = zstd.NewReader(r)
	case ".gz", ".tgz":
		r, err = gzip.NewReader(r)
	}
	if err == nil {
		data, err = io.ReadAll(r)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return data
}

// entries returns the files of an archive, in the form of tree, and their order.
func entries(t testing.TB, path string) (content map[string]string, order []string) {
	t.Helper()
	content = make(map[string]string)
	data := uncompressed(t, path)
	add := func(name string, r io.Reader) {
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatalf("%s: %s: %v", path, name, err)
		}
		content[name] = string(b)
	}
	if strings.HasSuffix(path, ".zip") {
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range z.File {
			order = append(order, f.Name)
			if f.FileInfo().IsDir() {
				continue
			}
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			add(f.Name, r)
		}
		return content, order
	}
	for z := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := z.Next()
		if err == io.EOF {
			return content, order
		}
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, h.Name)
		if h.Typeflag == tar.TypeReg {
			add(h.Name, z)
		}
	}
}

// crowded is an archive with items that are small, large, of unknown size, and that fail on the way.
func crowded() *archive {
	const large = 5 << 20
	a := sample()
	inbox := a.folders[0]
	long := a.folder("Inbox", strings.Repeat("Länge ", 30))
	attach(a.mail(inbox, "known", ""), stream{size: large}, large)
	attach(a.mail(inbox, "fails", ""), stream{size: large, panicsAt: large - 1}, large)
	attach(a.mail(inbox, "unknown", ""), stream{size: large}, 0)
	a.mail(long, "deep", "text")
	attach(a.mail(a.folder("Only failures"), "fails, too", ""), stream{size: large, panicsAt: large - 1}, large)
	slices.SortStableFunc(a.items, func(x, y *formats.Item) int {
		return slices.Index(a.folders, x.Folder) - slices.Index(a.folders, y.Folder)
	})
	for i, it := range a.items {
		it.Index = uint64(i)
	}
	return a
}

// An archive holds the tree that a folder would, the record last, and is the same however often and with however many
// processors it is written.
func TestArchives(t *testing.T) {
	for _, format := range files.Formats() {
		dir := t.TempDir()
		o := files.Options{Format: format}
		mustConvert(t, filepath.Join(dir, "out"), archives{"alice.pst": crowded()}, o)
		want := tree(t, filepath.Join(dir, "out"))
		for i, name := range archiveNames {
			if testing.Short() && i%2 == 0 {
				continue
			}
			path := filepath.Join(dir, name)
			result := mustConvert(t, path, archives{"alice.pst": crowded()}, o)
			if c := result.Balance.Total(); c.Written != 7 || c.Failed != 2 {
				t.Errorf("%s: %+v", name, c)
			}
			got, order := entries(t, path)
			if !maps.Equal(got, want) {
				t.Errorf("%s, %s: %q, want %q", format.Name(), name, names(got), names(want))
			}
			if order[len(order)-1] != ".mailmill.json" || slices.Contains(order, "Only failures/") {
				t.Errorf("%s: %q", name, order)
			}
			if format != files.EML {
				continue // what follows is about archives, not formats
			}
			first := sum(t, path)
			before := runtime.GOMAXPROCS(1)
			mustConvert(t, path, archives{"alice.pst": crowded()}, o)
			runtime.GOMAXPROCS(before)
			if sum(t, path) != first {
				t.Errorf("%s, %s: the second run writes another archive", format.Name(), name)
			}
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
			t.Errorf("%q are left", left)
		}
	}
}

func sum(t testing.TB, path string) [32]byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(data)
}

// One mbox holds what those of all folders hold, one after the other; standard output is the same.
func TestSingle(t *testing.T) {
	dir := t.TempDir()
	mustConvert(t, filepath.Join(dir, "out"), archives{"alice.pst": crowded()}, files.Options{Format: files.MBOX})
	folders := tree(t, filepath.Join(dir, "out"))
	a := crowded()
	var want string
	for _, f := range a.folders {
		place := strings.Join(f.Path, "/")
		if place == "a/b: CON" {
			place = "a_b_ CON"
		}
		want += folders[strings.TrimSpace(place)+".mbox"]
	}
	for _, name := range singleNames {
		path := filepath.Join(dir, "deep", name)
		mustConvert(t, path, archives{"alice.pst": crowded()}, files.Options{Format: files.MBOX})
		if got := string(uncompressed(t, path)); got != want {
			t.Errorf("%s has %d bytes, want %d", name, len(got), len(want))
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, %v", info.Mode(), err)
		}
	}
	var stdout bytes.Buffer
	target, err := files.Open(files.Stdout, &stdout, files.Options{Format: files.MBOX, Sources: []files.Source{{Name: "alice.pst", Folders: a.folders}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := load.Run(t.Context(), load.Plan{Sources: []load.Input{{Name: "alice.pst", Source: a}}, Routes: []load.Route{{Target: target}}}); err != nil {
		t.Fatal(err)
	}
	if stdout.String() != want {
		t.Errorf("standard output has %d bytes, want %d", stdout.Len(), len(want))
	}

	// Without mail it is a file all the same.
	empty := filepath.Join(dir, "empty.mbox.gz")
	mustConvert(t, empty, archives{"alice.pst": {}}, files.Options{Format: files.MBOX})
	if got := uncompressed(t, empty); len(got) != 0 {
		t.Errorf("%q", got)
	}
	if _, err := files.Open(filepath.Join(dir, "x.mbox"), nil, files.Options{Format: files.EML}); err == nil {
		t.Error("EML goes into one mbox")
	}
}

// What stands where a file is to be written stays, unless this command wrote it or the user says otherwise.
func TestFileInTheWay(t *testing.T) {
	for _, name := range slices.Concat(archiveNames, singleNames) {
		dir := t.TempDir()
		path := filepath.Join(dir, name)
		o := files.Options{Format: files.MBOX, Record: map[string]string{"only": "mail"}}
		mustConvert(t, path, archives{"alice.pst": sample()}, o)
		first := sum(t, path)
		refused := func(what, source string, o files.Options) {
			t.Helper()
			if _, err := convert(t, path, archives{source: sample()}, o); !errors.Is(err, files.ErrExists) {
				t.Errorf("%s: %s: %v", name, what, err)
			}
			if _, err := files.Rehearse(path, o); !errors.Is(err, files.ErrExists) {
				t.Errorf("%s: %s: a rehearsal says %v", name, what, err)
			}
			if sum(t, path) != first {
				t.Fatalf("%s: %s: the file has changed", name, what)
			}
		}
		other := o
		other.Record = map[string]string{"only": "event"}
		refused("other options", "alice.pst", other)
		refused("another archive", "bob.pst", o)
		_, err := convert(t, path, archives{"alice.pst": sample()}, o)
		if single := slices.Contains(singleNames, name); single != errors.Is(err, files.ErrExists) || !single && err != nil {
			t.Errorf("%s: a repeat: %v", name, err)
		}
		o.Overwrite = true
		mustConvert(t, path, archives{"alice.pst": sample()}, o)

		write(t, path, "mine")
		first = sum(t, path)
		o.Overwrite = false
		refused("a file of one's own", "alice.pst", o)
		o.Overwrite = true
		mustConvert(t, path, archives{"alice.pst": sample()}, o)
		if sum(t, path) == first {
			t.Errorf("%s is not overwritten", name)
		}

		folder := filepath.Join(dir, "folder"+name)
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		if _, err := files.Open(folder, nil, o); !errors.Is(err, files.ErrBlocked) {
			t.Errorf("a folder called %s: %v", name, err)
		}
		// An archive that is read is never replaced.
		source := filepath.Join(dir, "source"+name)
		write(t, source, "precious")
		if _, err := convert(t, source, archives{source: sample()}, o); !errors.Is(err, files.ErrSource) {
			t.Errorf("%s: the source: %v", name, err)
		}
	}
}

// An archive that somebody has changed is no longer what the command wrote, though its record still says so.
func TestChangedArchive(t *testing.T) {
	for _, name := range archiveNames {
		for what, change := range map[string]func(list []entry) []entry{
			"nothing":         func(list []entry) []entry { return list },
			"one more at end": func(list []entry) []entry { return append(list, entry{"notes.txt", "mine", day}) },
			"one less":        func(list []entry) []entry { return slices.Delete(list, 0, 1) },
			"longer":          func(list []entry) []entry { list[0].content += "mine"; return list },
			"of another time": func(list []entry) []entry {
				list[0].modified = list[0].modified.Add(4 * time.Second)
				return list
			},
		} {
			path := filepath.Join(t.TempDir(), name)
			o := files.Options{Format: files.MBOX}
			mustConvert(t, path, archives{"alice.pst": sample()}, o)
			rewrite(t, path, change)
			before := sum(t, path)
			_, err := convert(t, path, archives{"alice.pst": sample()}, o)
			switch {
			case what == "nothing":
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			case !errors.Is(err, files.ErrExists) || !strings.HasSuffix(err.Error(), " was changed since it was written"):
				t.Errorf("%s: %s: %v", name, what, err)
			case sum(t, path) != before:
				t.Errorf("%s: %s: it is written over", name, what)
			}
		}
	}
}

// entry is a file in an archive.
type entry struct {
	name, content string
	modified      time.Time
}

// rewrite writes an archive anew, with its files changed.
func rewrite(t *testing.T, path string, change func([]entry) []entry) {
	t.Helper()
	content, order := entries(t, path)
	var list []entry
	for _, name := range order {
		if text, ok := content[name]; ok {
			list = append(list, entry{name, text, day.Add(time.Minute)})
		}
	}
	var out bytes.Buffer
	if strings.HasSuffix(path, ".zip") {
		z := zip.NewWriter(&out)
		for _, e := range change(list) {
			w, err := z.CreateHeader(&zip.FileHeader{Name: e.name, Modified: e.modified})
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(w, e.content)
		}
		z.Close()
	} else {
		compressor := io.WriteCloser(nopCloser{&out})
		switch filepath.Ext(path) {
		case ".zst":
			compressor, _ = zstd.NewWriter(&out)
		case ".gz", ".tgz":
			compressor = gzip.NewWriter(&out)
		}
		z := tar.NewWriter(compressor)
		for _, e := range change(list) {
			z.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: e.name, Size: int64(len(e.content)), ModTime: e.modified, Mode: 0o600})
			io.WriteString(z, e.content)
		}
		z.Close()
		compressor.Close()
	}
	write(t, path, out.String())
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// An archive that is read is not replaced either where it lies in a folder's place.
func TestSourceInFolder(t *testing.T) {
	dir := t.TempDir()
	source := filepath.Join(dir, "Inbox.mbox")
	write(t, source, "precious")
	o := files.Options{Format: files.MBOX, Overwrite: true}
	if _, err := convert(t, dir, archives{source: sample()}, o); !errors.Is(err, files.ErrSource) {
		t.Errorf("%v", err)
	}
	if got := tree(t, dir); got["Inbox.mbox"] != "precious" || len(got) != 1 {
		t.Errorf("%q", got)
	}
}

// A run that is interrupted leaves no file, or the one that was there, and makes way for the next.
func TestFileInterrupted(t *testing.T) {
	for _, name := range slices.Concat(archiveNames, singleNames) {
		path := filepath.Join(t.TempDir(), "new", name)
		a := sample()
		for i := range 500 {
			a.mail(a.folders[0], fmt.Sprint(i), strings.Repeat("later ", 10000))
		}
		o := files.Options{Format: files.MBOX, Sources: []files.Source{{Name: "alice.pst", Folders: a.folders}}}
		target, err := files.Open(path, nil, o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := files.Open(path, nil, o); !errors.Is(err, files.ErrInUse) {
			t.Errorf("%s: a second run: %v", name, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		stop := stopAt{n: 50, stop: cancel}
		result, err := load.Run(ctx, load.Plan{Sources: []load.Input{{Name: "alice.pst", Source: a}}, Routes: []load.Route{{Target: target}}, Observer: &stop})
		if !errors.Is(err, context.Canceled) || result.Balance.Total().Written != 0 {
			t.Errorf("%s: %v, %+v", name, err, result.Balance.Total())
		}
		if _, err := os.Stat(filepath.Dir(path)); err == nil {
			t.Errorf("%s: the folder that the run made is left", name)
		}
		mustConvert(t, path, archives{"alice.pst": sample()}, files.Options{Format: files.MBOX})
	}
}

// Errors of the stream end the run and name it.
func TestStreamFails(t *testing.T) {
	a := sample()
	lost := errors.New("the reader is gone")
	target, err := files.Open(files.Stdout, writerFunc(func([]byte) (int, error) { return 0, lost }), files.Options{
		Format: files.MBOX, Sources: []files.Source{{Name: "a", Folders: a.folders}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = load.Run(t.Context(), load.Plan{Sources: []load.Input{{Name: "a", Source: a}}, Routes: []load.Route{{Target: target}}})
	if !errors.Is(err, lost) || !strings.Contains(err.Error(), "standard output") {
		t.Error(err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// A rehearsal tells what a run would write, and writes nothing.
func TestRehearse(t *testing.T) {
	for _, format := range files.Formats() {
		for _, name := range []string{"out", "all.tar.zst"} {
			path := filepath.Join(t.TempDir(), name)
			a := crowded()
			o := files.Options{Format: format, Sources: []files.Source{{Name: "a", Folders: a.folders}}}
			run := func(target *files.Target, err error) (n int, bytes int64) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
				if _, err := load.Run(t.Context(), load.Plan{Sources: []load.Input{{Name: "a", Source: a}}, Routes: []load.Route{{Target: target}}}); err != nil {
					t.Fatal(err)
				}
				return target.Wrote()
			}
			n, bytes := run(files.Rehearse(path, o))
			if _, err := os.Stat(path); err == nil {
				t.Error("something was written")
			}
			if n2, bytes2 := run(files.Open(path, nil, o)); n2 != n || bytes2 != bytes || n == 0 {
				t.Errorf("%s, %s: %d files with %d bytes, foretold were %d with %d", format.Name(), name, n2, bytes2, n, bytes)
			}
		}
	}
}

func TestFormOf(t *testing.T) {
	for name, want := range map[string]string{
		"out": "folder", "out/": "folder", "mail.mbox/": "folder", "a.tar.zst/b": "folder", "x.tar.xz": "folder", "mbox": "folder",
		"a.TAR": "archive", "dir/a.tar.zst": "archive", "a.zip": "archive", "a.tgz": "archive",
		"a.mbox": "single", "Mail.mbox.GZ": "single", "-": "stream", "./-": "folder",
	} {
		form, got := files.FormOf(name), "archive"
		switch {
		case form.Folder():
			got = "folder"
		case form.Stream():
			got = "stream"
		case form.Single():
			got = "single"
		}
		if got != want {
			t.Errorf("%s is a %s, want %s", name, got, want)
		}
	}
}
