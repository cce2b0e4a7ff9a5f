package files_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/zeebo/xxh3"
	"go.uber.org/goleak"

	"mailmill/formats"
	"mailmill/formats/mbox"
	"mailmill/load"
	"mailmill/load/files"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// archive is a source in memory.
type archive struct {
	folders []*formats.Folder
	items   []*formats.Item
}

func (a *archive) folder(path ...string) *formats.Folder {
	f := &formats.Folder{Path: path}
	a.folders = append(a.folders, f)
	return f
}

var day = time.Date(2014, 3, 2, 9, 30, 0, 0, time.UTC)

// mail adds a mail with a text.
func (a *archive) mail(f *formats.Folder, subject, text string) *formats.Item {
	id := fmt.Sprintf("<%d@example.org>", len(a.items))
	body := &formats.Part{Type: "text/plain", Content: formats.Bytes(text), Size: int64(len(text))}
	it := &formats.Item{
		Entry:    formats.Entry{Folder: f, Index: uint64(len(a.items)), ID: fmt.Sprint(len(a.items)), Subject: subject, Date: day, Size: int64(len(text))},
		Identity: id,
		Key:      formats.Key(formats.KindMail, id),
		Received: day.Add(time.Minute),
		Mail: &formats.Mail{
			MessageID: id,
			From:      &formats.Address{Name: "Alice", SMTP: "alice@example.org"},
			Header: []formats.Field{
				{Name: "From", Addresses: []*formats.Address{{Name: "Alice", SMTP: "alice@example.org"}}},
				{Name: "Subject", Text: subject},
				{Name: "Message-ID", Text: id, Structured: true},
			},
			Root: body, Text: body,
		},
	}
	a.items = append(a.items, it)
	return it
}

func (a *archive) Entries(context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		for _, it := range a.items {
			if !yield(it.Entry, nil) {
				return
			}
		}
	}
}

func (a *archive) Read(_ context.Context, e formats.Entry) (*formats.Item, error) {
	it := *a.items[e.Index]
	it.Damage = slices.Clone(it.Damage)
	return &it, nil
}

type archives map[string]*archive

// convert runs archives into a folder.
func convert(t testing.TB, dir string, sources archives, o files.Options) (*load.Result, error) {
	t.Helper()
	names := make([]string, 0, len(sources))
	for name := range sources {
		names = append(names, name)
	}
	slices.Sort(names)
	plan := load.Plan{Jobs: 3}
	for _, name := range names {
		o.Sources = append(o.Sources, files.Source{Name: name, Folders: sources[name].folders})
		plan.Sources = append(plan.Sources, load.Input{Name: name, Source: sources[name]})
	}
	target, err := files.Open(dir, nil, o)
	if err != nil {
		return nil, err
	}
	plan.Routes = []load.Route{{Target: target}}
	return load.Run(t.Context(), plan)
}

func mustConvert(t testing.TB, dir string, sources archives, o files.Options) *load.Result {
	t.Helper()
	result, err := convert(t, dir, sources, o)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// tree returns the files of a folder and their content; of links what they lead to.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		name = filepath.ToSlash(name)
		if d.Type()&fs.ModeSymlink != 0 {
			to, err := os.Readlink(path)
			found[name] = "-> " + to
			return err
		}
		data, err := os.ReadFile(path)
		found[name] = string(data)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return found
}

func names(files map[string]string) []string {
	var list []string
	for name := range files {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

func sample() *archive {
	a := new(archive)
	inbox := a.folder("Inbox")
	projects := a.folder("Inbox", "Projects")
	odd := a.folder("a/b: CON")
	a.folder("Empty")
	a.mail(inbox, "Offer", "Dear all\nFrom here on\n")
	a.mail(inbox, "Re: Offer", "Yes\n").Flags = formats.FlagSeen
	a.mail(projects, "Plan", "See below\n")
	a.mail(odd, "", "Nothing\n")
	return a
}

func TestMbox(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "out")
	result := mustConvert(t, dir, archives{"alice.pst": sample()}, files.Options{Format: files.MBOX})
	if c := result.Balance[formats.KindMail]; c.Written != 4 {
		t.Errorf("balance: %+v", c)
	}
	got := tree(t, dir)
	want := []string{".mailmill.json", "Inbox.mbox", "Inbox/Projects.mbox", "a_b_ CON.mbox"}
	if !slices.Equal(names(got), want) {
		t.Errorf("files: %q, want %q", names(got), want)
	}
	r := mbox.NewReader(strings.NewReader(got["Inbox.mbox"]))
	env, msg, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(msg)
	if env.From != "alice@example.org" || !env.Date.Equal(day.Add(time.Minute)) {
		t.Errorf("envelope: %+v", env)
	}
	if !bytes.Contains(body, []byte("\r\nStatus: O\r\n")) || strings.Count("\n"+got["Inbox.mbox"], "\nFrom ") != 2 {
		t.Errorf("wrong content: %q", body)
	}
	if strings.Contains(got["Inbox.mbox"], "\r") {
		t.Error("an mbox has CRs")
	}
	if int64(len(got["Inbox.mbox"])+len(got["Inbox/Projects.mbox"])+len(got["a_b_ CON.mbox"])) != result.Bytes {
		t.Errorf("bytes: %d", result.Bytes)
	}
}

func TestEML(t *testing.T) {
	dir := t.TempDir()
	a := sample()
	mustConvert(t, dir, archives{"alice.pst": a}, files.Options{Format: files.EML})
	got := tree(t, dir)
	want := []string{
		".mailmill.json",
		"Inbox/2014-03-02 Offer " + a.items[0].Key[:8] + ".eml",
		"Inbox/2014-03-02 Re Offer " + a.items[1].Key[:8] + ".eml",
		"Inbox/Projects/2014-03-02 Plan " + a.items[2].Key[:8] + ".eml",
		"a_b_ CON/2014-03-02 " + a.items[3].Key[:8] + ".eml",
	}
	if !slices.Equal(names(got), want) {
		t.Errorf("files: %q, want %q", names(got), want)
	}
	info, err := os.Stat(filepath.Join(dir, want[1]))
	if err != nil || !info.ModTime().Equal(day.Add(time.Minute)) {
		t.Errorf("time of last change: %v, %v", info, err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("mode: %v", info.Mode())
	}
	if !strings.Contains(got[want[1]], "Subject: Offer\r\n") {
		t.Errorf("content: %q", got[want[1]])
	}
}

// The record of a run names every file with its hash.
func TestRecord(t *testing.T) {
	for _, format := range []files.Format{files.MBOX, files.EML} {
		dir := t.TempDir()
		mustConvert(t, dir, archives{"alice.pst": sample(), "bob.pst": sample()}, files.Options{Format: format, Version: "1"})
		got := tree(t, dir)
		var record struct {
			Files []struct {
				Path   string
				Size   int
				XXH128 string
			}
			Folders []struct {
				Source, Path string
				Folder       []string
			}
		}
		if err := json.Unmarshal([]byte(got[".mailmill.json"]), &record); err != nil {
			t.Fatalf("%v in %s", err, got[".mailmill.json"])
		}
		delete(got, ".mailmill.json")
		for _, f := range record.Files {
			sum := xxh3.HashString128(got[f.Path]).Bytes()
			if f.Size != len(got[f.Path]) || f.XXH128 != hex.EncodeToString(sum[:]) {
				t.Errorf("%s: wrong size or hash", f.Path)
			}
			delete(got, f.Path)
		}
		if len(got) > 0 {
			t.Errorf("not in the record: %q", names(got))
		}
		if n := len(record.Folders); n != 6 || record.Folders[3].Path != "bob/Inbox" {
			t.Errorf("folders: %+v", record.Folders)
		}
	}
}
