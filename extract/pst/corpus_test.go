package pst

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/pst/psttest"
)

func open(t testing.TB, path string, o extract.Options) *Archive {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	a, err := Open(path, f, info.Size(), info.ModTime(), o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// openBytes opens a file that is in memory.
func openBytes(b []byte, o extract.Options) (*Archive, error) {
	return Open("test.pst", bytes.NewReader(b), int64(len(b)), time.Time{}, o)
}

func entries(t testing.TB, a *Archive) (list []formats.Entry) {
	t.Helper()
	for e, err := range a.Entries(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}

// byKind writes the numbers of entries by kind.
func byKind(list []formats.Entry) string {
	n := make(map[formats.Kind]int)
	for _, e := range list {
		n[e.Kind]++
	}
	var parts []string
	for _, k := range formats.Kinds() {
		if n[k] > 0 {
			parts = append(parts, fmt.Sprintf("%v %d", k, n[k]))
		}
	}
	return strings.Join(parts, ", ")
}

// What the real archives hold, without and with what people do not see. The numbers without are those of pffexport 20180714
// but for its recovered and associated items, and of readpst where it reads the file.
func TestCorpus(t *testing.T) {
	for _, tt := range []struct {
		name, format, visible, all string
	}{
		// A mailbox with holidays; the rest of its 179 items are settings, and a mail in the plumbing of Teams.
		{"pst/4k-page.ost", "Outlook mailbox cache (OST), Unicode, 4K pages", "mail 2, event 160", "mail 3, event 160, other 16"},
		{"pst/ansi-32-bit.pst", "Outlook data file, ANSI", "event 1", "event 1"},
		{"pst/aspose-contacts.pst", "Outlook data file, Unicode", "contact 6", "contact 6"},
		{"pst/aspose-journal.pst", "Outlook data file, Unicode", "", ""}, // its journal folder was never saved
		{"pst/aspose-note.pst", "Outlook data file, Unicode", "", ""},
		{"pst/aspose-outlook-1.pst", "Outlook data file, Unicode", "mail 14, event 1, contact 1", "mail 15, event 1, contact 1, other 10"},
		{"pst/aspose-part13.pst", "Outlook data file, Unicode", "mail 3", "mail 3"}, // pffexport fails, readpst finds as many
		{"pst/aspose-part2.pst", "Outlook data file, Unicode", "mail 3", "mail 3"},  // likewise
		{"pst/aspose-task.pst", "Outlook data file, Unicode", "", ""},
		{"pst/attachment-and-inline.pst", "Outlook data file, Unicode", "mail 1", "mail 1"},
		{"pst/contacts.pst", "Outlook data file, Unicode", "contact 1", "contact 1"},
		{"pst/dist-list.pst", "Outlook data file, Unicode", "event 1, contact 1, group 1", "event 1, contact 1, group 1, other 4"},
		{"pst/empty.pst", "Outlook data file, Unicode", "", ""},
		{"pst/enron.pst", "Outlook data file, Unicode", "mail 2178", "mail 2178"},
		{"pst/flags.pst", "Outlook data file, Unicode", "mail 8", "mail 11"},
		{"pst/message-in-message.pst", "Outlook data file, Unicode", "mail 1", "mail 1"},
		{"pst/passworded.pst", "Outlook data file, Unicode", "contact 1, group 1", "contact 1, group 1, other 14"},
		{"pst/support.pst", "Outlook data file, Unicode", "mail 17", "mail 17"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := corpustest.File(t, tt.name)
			a := open(t, path, extract.Options{})
			list := entries(t, a)
			if got := byKind(list); got != tt.visible {
				t.Errorf("visible: %s, want %s", got, tt.visible)
			}
			if got := byKind(entries(t, open(t, path, extract.Options{Hidden: true}))); got != tt.all {
				t.Errorf("all: %s, want %s", got, tt.all)
			}
			info := a.Info()
			if info.Format != tt.format || info.Incomplete != "" || info.Size == 0 || info.Modified.IsZero() {
				t.Errorf("%+v", info)
			}
			ids := make(map[string]bool)
			for _, e := range list {
				if ids[e.ID] {
					t.Errorf("%s twice", e.ID)
				}
				ids[e.ID] = true
				item, err := a.Read(context.Background(), e)
				if err != nil {
					t.Errorf("%s in %s: %v", e.ID, e.Folder, err)
					continue
				}
				if item.Kind != e.Kind || item.Folder != e.Folder || item.Key == "" {
					t.Errorf("%s in %s: kind %v in the table, %v in itself, key %q", e.ID, e.Folder, e.Kind, item.Kind, item.Key)
				}
			}
		})
	}
}

// truthItem is a line of a synthetic archive's truth.
type truthItem struct {
	Kind    string   `json:"kind"`
	Path    []string `json:"folder_path"`
	NID     string   `json:"nid"`
	Class   string   `json:"class"`
	Subject string   `json:"subject"`
	Read    bool     `json:"read"`
}

// Every item of the synthetic archives has its place, class, subject and state. The truth writes node ids in upper-case
// digits, users see lower-case ones.
func TestTruth(t *testing.T) {
	for _, name := range []string{"tiny", "small"} {
		t.Run(name, func(t *testing.T) {
			truth, err := os.Open(corpustest.File(t, "synthetic/"+name+".jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			defer truth.Close()
			a := open(t, corpustest.File(t, "synthetic/"+name+".pst"), extract.Options{Hidden: true})
			found := make(map[string]formats.Entry)
			for _, e := range entries(t, a) {
				found[e.ID] = e
			}
			lines := bufio.NewScanner(truth)
			lines.Buffer(nil, 16<<20)
			for lines.Scan() {
				var want truthItem
				if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
					t.Fatal(err)
				}
				if want.NID == "" || want.Kind == "exception" {
					continue // inside another item
				}
				id := strings.ToLower(want.NID)
				e, ok := found[id]
				if !ok {
					t.Errorf("%s %q is missing", id, want.Subject)
					continue
				}
				delete(found, id)
				// The tables of associated items have no subject, only a name.
				if !slices.Equal(e.Folder.Path, want.Path) || e.Class != want.Class || e.Subject != want.Subject && want.Kind != "fai" {
					t.Errorf("%s: %q %q in %q, want %q %q in %q", id, e.Class, e.Subject, e.Folder.Path, want.Class, want.Subject, want.Path)
				}
				if e.Hidden != (want.Kind == "fai") {
					t.Errorf("%s: hidden %v", id, e.Hidden)
				}
				item, err := a.Read(context.Background(), e)
				if err != nil {
					t.Errorf("%s: %v", id, err)
					continue
				}
				if e.Kind == formats.KindMail && item.Flags&formats.FlagSeen != 0 != want.Read {
					t.Errorf("%s: read %v, want %v", id, !want.Read, want.Read)
				}
			}
			for id, e := range found {
				t.Errorf("%s %q in %s is in no truth", id, e.Subject, e.Folder)
			}
		})
	}
}

func TestRefusal(t *testing.T) {
	_, err := openBytes([]byte("!BDN1234SM"), extract.Options{})
	var se *extract.SourceError
	if !errors.As(err, &se) || !errors.Is(err, extract.ErrNotArchive) {
		t.Error(err)
	}
}

// A file that was cut short gives what is whole and says that something is missing. One that has lost its index is refused,
// and the reason named.
func TestCutShort(t *testing.T) {
	content, err := os.ReadFile(corpustest.File(t, "synthetic/tiny.pst"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := openBytes(content[:len(content)-128<<10], extract.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(entries(t, a)); n == 0 {
		t.Error("nothing is found")
	}
	if info := a.Info(); !strings.Contains(info.Incomplete, "cut short") {
		t.Errorf("%+v", info)
	}
	archive, err := openBytes(content[:len(content)/4], extract.Options{})
	if err == nil {
		// The reader has found something all the same.
		defer archive.Close()
		if archive.Info().Incomplete == "" {
			t.Error("three quarters of the file are missing, and nothing is said of it")
		}
	} else if !errors.Is(err, extract.ErrUnreadable) || !strings.Contains(err.Error(), "is cut short") {
		t.Error(err)
	}
}

// Damage that the generator makes. Whatever is lost, what remains is found, and the number of items
// says how many there are or Incomplete that it cannot be told.
func TestDamaged(t *testing.T) {
	sound := corpustest.File(t, "synthetic/tiny.pst")
	whole := len(entries(t, open(t, sound, extract.Options{})))
	for _, kind := range []string{"nbt-zero", "bbt-zero", "flip", "btree-loop", "bad-size"} {
		t.Run(kind, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "damaged.pst")
			what := corpustest.Pstgen(t, "-corrupt", kind, "-n", "20", "-seed", "3", "-o", path, sound)
			a := open(t, path, extract.Options{})
			list := entries(t, a)
			for _, e := range list {
				if item, err := a.Read(context.Background(), e); (item == nil) == (err == nil) {
					t.Errorf("%s: %v, %v", e.ID, item, err)
				}
			}
			info := a.Info()
			if len(list) != whole && info.Incomplete == "" || len(list) > whole || len(list) == 0 {
				t.Errorf("%s%d entries of %d, incomplete: %q", what, len(list), whole, info.Incomplete)
			}
			if len(info.Warnings) == 0 {
				t.Errorf("%snothing is said of it", what)
			}
		})
	}
}

// The methods may be called by several goroutines at once, and all of them see the same.
func TestConcurrent(t *testing.T) {
	a := open(t, corpustest.File(t, "synthetic/tiny.pst"), extract.Options{Hidden: true, Recover: true})
	want := entries(t, a)
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			a.Info()
			a.Folders()
			i := 0
			for e, err := range a.Entries(context.Background()) {
				if err != nil || e.ID != want[i].ID || e.Folder != want[i].Folder {
					t.Errorf("entry %d: %s, want %s, %v", i, e.ID, want[i].ID, err)
					return
				}
				if i++; i%4 != worker {
					continue
				}
				item, err := a.Read(context.Background(), e)
				if err != nil {
					t.Errorf("%s: %v", e.ID, err)
					continue
				}
				if item.Mail != nil {
					readAll(item.Mail.Root)
				}
			}
		})
	}
	group.Wait()
}

// readAll reads the content of all parts.
func readAll(p *formats.Part) {
	if p == nil {
		return
	}
	if p.Content != nil {
		if r, err := p.Content.Open(); err == nil {
			io.Copy(io.Discard, r)
			r.Close()
		}
	}
	for _, c := range p.Parts {
		readAll(c)
	}
}

// A damaged file costs what is damaged: nothing panics or hangs, and every entry is either read or fails with a
// reason. Small files of every variant are damaged as the seed has it, and in one place more.
func FuzzArchive(f *testing.F) {
	files := smallFiles(f)
	for i := range uint8(len(files)) {
		for seed := range uint64(6) {
			f.Add(i, seed, uint32(10), uint64(36))
		}
		f.Add(i, uint64(0), uint32(len(files[i].Bytes)/2), uint64(0))
	}
	f.Fuzz(func(t *testing.T, file uint8, seed uint64, at uint32, v uint64) {
		whole := files[int(file)%len(files)]
		damaged, done := slices.Clone(whole.Bytes), "nothing"
		if seed > 0 {
			damaged, done, _ = whole.Mutate(rand.New(rand.NewPCG(seed, 7)))
		}
		if len(damaged) > 0 {
			copy(damaged[int(at)%len(damaged):], binary.LittleEndian.AppendUint64(nil, v))
		}
		a, err := openBytes(damaged, extract.Options{Hidden: true, Recover: true})
		if err != nil {
			if !errors.As(err, new(*extract.SourceError)) {
				t.Fatalf("%s: %T: %v", done, err, err)
			}
			return
		}
		for _, e := range entries(t, a) {
			item, err := a.Read(context.Background(), e)
			if (item == nil) == (err == nil) {
				t.Fatalf("%s: %s: %v, %v", done, e.ID, item, err)
			}
		}
	})
}

// smallFiles returns a part of the sample in every form.
func smallFiles(t testing.TB) (files []*psttest.File) {
	t.Helper()
	b, err := os.ReadFile(corpustest.Sample())
	if err != nil {
		t.Fatal(err)
	}
	whole, err := psttest.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	part, err := whole.Small()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range psttest.Variants() {
		f, err := psttest.Read(part.Build(v))
		if err != nil {
			t.Fatalf("%v: %v", v, err)
		}
		files = append(files, f)
	}
	return files
}

// medium is a generated archive of about 200 MB, made once.
var medium = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "mailmill-medium-*")
	return filepath.Join(dir, "medium.pst"), err
})

// Opening and enumerating is what inspect does, and every run does first.
func BenchmarkEnumerate(b *testing.B) {
	path, err := medium()
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(filepath.Dir(path))
	corpustest.Pstgen(b, "-preset", "medium", "-o", path, "-truth", os.DevNull)
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		a := open(b, path, extract.Options{})
		n = 0
		for _, err := range a.Entries(context.Background()) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		a.Close()
	}
	b.ReportMetric(float64(n), "items")
}
