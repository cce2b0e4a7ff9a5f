package files_test

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/zeebo/xxh3"

	"mailmill/load"
	"mailmill/load/files"
)

// dying is a disk that a process changes a number of times before it is killed: nothing it does then has an effect.
type dying struct {
	files.Disk
	left *int
}

var errKilled = errors.New("killed")

func (d dying) change(do func() error) error {
	if *d.left--; *d.left < 0 {
		return errKilled
	}
	return do()
}

func (d dying) Lstat(name string) (fs.FileInfo, error) {
	if *d.left < 0 {
		return nil, errKilled
	}
	return d.Disk.Lstat(name)
}

func (d dying) Open(name string) (*os.File, error) {
	if *d.left < 0 {
		return nil, errKilled
	}
	return d.Disk.Open(name)
}

func (d dying) OpenFile(name string, flag int, mode fs.FileMode) (f *os.File, err error) {
	err = d.change(func() error {
		f, err = d.Disk.OpenFile(name, flag, mode)
		return err
	})
	return f, err
}

func (d dying) MkdirAll(name string, mode fs.FileMode) error {
	return d.change(func() error { return d.Disk.MkdirAll(name, mode) })
}

func (d dying) Rename(from, to string) error {
	return d.change(func() error { return d.Disk.Rename(from, to) })
}

func (d dying) Remove(name string) error {
	return d.change(func() error { return d.Disk.Remove(name) })
}

// after returns what makes a disk die after so many changes.
func after(changes int) (through func(files.Disk) files.Disk, died func() bool) {
	left := changes
	return func(d files.Disk) files.Disk { return dying{d, &left} }, func() bool { return left < 0 }
}

// publishings are runs into folders that hold something.
var publishings = []struct {
	name    string
	only    files.Format // that it is about; nil is all
	before  func(t *testing.T, dir string, o files.Options)
	archive func() *archive
	o       files.Options
}{
	{name: "a new folder", archive: sample},
	{name: "a repeat", archive: sample, before: func(t *testing.T, dir string, o files.Options) {
		mustConvert(t, dir, archives{"alice.pst": later()}, o)
		write(t, filepath.Join(dir, "Inbox", "notes.txt"), "mine")
	}},
	{name: "a folder where a file was", only: files.MBOX, archive: deeper, before: func(t *testing.T, dir string, o files.Options) {
		mustConvert(t, dir, archives{"alice.pst": sample()}, o)
	}},
	{name: "a file where a folder was", only: files.MBOX, archive: sample, o: files.Options{Overwrite: true}, before: func(t *testing.T, dir string, o files.Options) {
		mustConvert(t, dir, archives{"alice.pst": deeper()}, o)
	}},
	{name: "calendars and cards", archive: office, before: func(t *testing.T, dir string, o files.Options) {
		mustConvert(t, dir, archives{"alice.pst": officeLater()}, o)
		write(t, filepath.Join(dir, "Calendar", "notes.txt"), "mine")
	}},
	{name: "a file an item", only: files.EML, archive: office, o: files.Options{Split: true}, before: func(t *testing.T, dir string, o files.Options) {
		mustConvert(t, dir, archives{"alice.pst": officeLater()}, o)
	}},
	{name: "what is somebody else's", archive: sample, o: files.Options{Overwrite: true}, before: func(t *testing.T, dir string, _ files.Options) {
		for _, name := range []string{".mailmill.json", "Inbox.mbox", "Inbox/Projects.mbox", "Inbox/thesis.txt", "a_b_ CON", "subscriptions", ".Inbox.Projects/dovecot-keywords", "cur"} {
			write(t, filepath.Join(dir, name), "mine: "+name)
		}
	}},
}

// later is an archive with other mails and folders than the sample.
func later() *archive {
	a := sample()
	a.mail(a.folder("Inbox", "Projects", "Past"), "Old", "text\n")
	a.mail(a.folder("Elsewhere"), "Other", "text\n")
	return a
}

// deeper is an archive whose folders have the names that files of the sample have.
func deeper() *archive {
	a := new(archive)
	a.mail(a.folder("Inbox.mbox.d"), "One", "text\n")
	a.mail(a.folder("a_b_ CON.mbox", "deep"), "Two", "text\n")
	return a
}

// publish runs an archive into a folder whose disk dies after some changes, and reports whether it did.
func publish(t *testing.T, dir string, a *archive, o files.Options, changes int) (died bool) {
	t.Helper()
	o.Sources = []files.Source{{Name: "alice.pst", Folders: a.folders}}
	target, err := files.Open(dir, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	through, isDead := after(changes)
	files.Publish(target, through)
	_, err = load.Run(context.Background(), load.Plan{Sources: []load.Input{{Name: "alice.pst", Source: a}}, Routes: []load.Route{{Target: target}}})
	if err != nil && !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	return isDead()
}

// open begins a run, and ends it.
func open(t *testing.T, dir string, a *archive, o files.Options) {
	t.Helper()
	o.Sources = []files.Source{{Name: "alice.pst", Folders: a.folders}}
	target, err := files.Open(dir, nil, o)
	if err == nil {
		_, err = target.Abort()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Wherever a run is killed while it gives files their names, and wherever the next one is while it undoes that, then the
// place holds all that it held before or all that the run wrote.
func TestKilledWhilePublishing(t *testing.T) {
	for _, format := range allFormats {
		for _, tt := range publishings {
			if tt.only != nil && tt.only != format {
				continue
			}
			t.Run(format.Name()+" "+tt.name, func(t *testing.T) {
				o := tt.o
				o.Format = format
				prepare := func() string {
					dir := filepath.Join(t.TempDir(), "out")
					if tt.before != nil {
						tt.before(t, dir, o)
					}
					return dir
				}
				dir := prepare()
				old := tree(t, dir)
				mustConvert(t, dir, archives{"alice.pst": tt.archive()}, o)
				whole := tree(t, dir)
				step := 1
				if testing.Short() {
					step = 4
				}
				for changes, died := 0, true; died; changes += step {
					dir := prepare()
					died = publish(t, dir, tt.archive(), o, changes)
					for again, killed := 0, died; killed; again++ {
						through, isDead := after(again)
						if err := files.Restore(dir, through); err != nil && !errors.Is(err, errKilled) {
							t.Fatalf("killed after %d changes, and after %d when that is undone: %v", changes, again, err)
						}
						killed = isDead()
					}
					open(t, dir, tt.archive(), o)
					if got := tree(t, dir); !maps.Equal(got, old) && !maps.Equal(got, whole) {
						t.Fatalf("killed after %d changes: there are %q, not %q or %q", changes, names(got), names(old), names(whole))
					}
				}
			})
		}
	}
}

// A journal that is not whole tells of nothing that was done.
func TestTornJournal(t *testing.T) {
	dir := t.TempDir()
	o := files.Options{Format: files.MBOX}
	mustConvert(t, dir, archives{"alice.pst": sample()}, o)
	before := tree(t, dir)
	journal := filepath.Join(dir, ".mailmill.tmp", "moves")
	if !publish(t, dir, sample(), o, 2) { // the folder, the journal
		t.Fatal("the run came to its end")
	}
	whole, err := os.ReadFile(journal)
	if err != nil || strings.Count(string(whole), "\x00") != 3 {
		t.Fatalf("%q, %v", whole, err)
	}
	for n := range whole {
		again := filepath.Join(t.TempDir(), "out")
		if err := os.CopyFS(again, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(filepath.Join(again, ".mailmill.tmp", "moves"), int64(n)); err != nil {
			t.Fatal(err)
		}
		target, err := files.Open(again, nil, o)
		if !errors.Is(err, files.ErrExists) { // it has no source
			t.Fatal(target, err)
		}
		if got := tree(t, again); !maps.Equal(got, before) {
			t.Fatalf("%d bytes: %q has become %q", n, names(before), names(got))
		}
	}
}

// Who has put a file where one was set aside, or changed one that had come, keeps it, and what was set aside stays.
func TestMeanwhile(t *testing.T) {
	o := files.Options{Format: files.MBOX}
	for changes := 5; changes < 9; changes++ { // a folder, the journal, three old files; three new ones follow
		dir := t.TempDir()
		mustConvert(t, dir, archives{"alice.pst": sample()}, o)
		before := tree(t, dir)
		if !publish(t, dir, sample(), o, changes) {
			t.Fatal("the run came to its end")
		}
		inbox := filepath.Join(dir, "Inbox.mbox")
		write(t, inbox, "mine")
		killed := tree(t, dir)
		for _, open := range []func() (*files.Target, error){
			func() (*files.Target, error) { return files.Open(dir, nil, o) },
			func() (*files.Target, error) { return files.Rehearse(dir, o) },
		} {
			if _, err := open(); !errors.Is(err, files.ErrUnfinished) {
				t.Error(err)
			}
			if got := tree(t, dir); len(got) < len(killed) || got["Inbox.mbox"] != "mine" {
				t.Errorf("%q has become %q", names(killed), names(got))
			}
		}
		if err := os.Remove(inbox); err != nil {
			t.Fatal(err)
		}
		open(t, dir, sample(), o)
		if got := tree(t, dir); !maps.Equal(got, before) {
			t.Errorf("%q has become %q", names(before), names(got))
		}
	}
}

// What somebody writes while a run goes on is not replaced, and nothing else is.
func TestWrittenMeanwhile(t *testing.T) {
	for what, tt := range map[string]struct {
		format files.Format
		o      files.Options
		change func(t *testing.T, dir string)
	}{
		"a file of ours grows": {files.MBOX, files.Options{}, func(t *testing.T, dir string) { appendTo(t, filepath.Join(dir, "Inbox.mbox"), "mine") }},
		"a file comes":         {files.MBOX, files.Options{}, func(t *testing.T, dir string) { write(t, filepath.Join(dir, "Elsewhere.mbox"), "mine") }},
		"a folder gets a file": {files.EML, files.Options{}, func(t *testing.T, dir string) { write(t, filepath.Join(dir, "Elsewhere"), "mine") }},
		"keywords come":        {files.Maildir, files.Options{Overwrite: true}, func(t *testing.T, dir string) { write(t, filepath.Join(dir, "dovecot-keywords"), "0 Mine\n") }},
		"a mail gets a new flag": {files.Maildir, files.Options{}, func(t *testing.T, dir string) {
			mails, err := filepath.Glob(filepath.Join(dir, ".INBOX.Projects", "cur", "*"))
			if err != nil || len(mails) != 1 || os.Rename(mails[0], mails[0]+"T") != nil {
				t.Error(mails, err)
			}
		}},
	} {
		dir := t.TempDir()
		o := tt.o
		o.Format = tt.format
		mustConvert(t, dir, archives{"alice.pst": sample()}, o)
		a := later()
		o.Sources = []files.Source{{Name: "alice.pst", Folders: a.folders}}
		target, err := files.Open(dir, nil, o)
		if err != nil {
			t.Fatal(err)
		}
		var left map[string]string
		last := &stopAt{n: len(a.items), stop: func() {
			tt.change(t, dir)
			left = tree(t, dir)
			maps.DeleteFunc(left, func(name, _ string) bool { return strings.HasPrefix(name, ".mailmill.tmp/") })
		}}
		_, err = load.Run(t.Context(), load.Plan{Sources: []load.Input{{Name: "alice.pst", Source: a}}, Routes: []load.Route{{Target: target}}, Observer: last})
		if !errors.Is(err, files.ErrMeanwhile) {
			t.Errorf("%s: %v", what, err)
		}
		if got := tree(t, dir); !maps.Equal(got, left) || len(got) == 0 {
			t.Errorf("%s: there are %q, want %q", what, names(got), names(left))
		}
	}
}

// faulty is a disk that reports errors from its n-th renaming on, as many as there are.
type faulty struct {
	files.Disk
	good, bad *int
}

func (d faulty) Rename(from, to string) error {
	if *d.good--; *d.good < 0 && *d.bad > 0 {
		*d.bad--
		return &os.LinkError{Op: "renameat", Old: from, New: to, Err: syscall.EIO}
	}
	return d.Disk.Rename(from, to)
}

// An error of the disk names the file as the user knows it and what cannot be done, and hides nothing from programs.
func TestFaultyDisk(t *testing.T) {
	for _, tt := range []struct {
		good, bad int
		want      string
	}{
		{1, 1, "out/Inbox/Projects.mbox cannot be replaced: input/output error"},
		{3, 1, "out/Inbox/Projects.mbox cannot be written: input/output error"},
		{6, 1, "out/.mailmill.json cannot be written: input/output error"},
		{6, 2, "out/.mailmill.json cannot be written: input/output error\n" +
			"what was in out before is in out/.mailmill.tmp until the same command runs again: Inbox.mbox cannot be taken back: input/output error"},
	} {
		t.Chdir(t.TempDir())
		a, o := sample(), files.Options{Format: files.MBOX}
		mustConvert(t, "out", archives{"alice.pst": a}, o)
		before := tree(t, "out")
		o.Sources = []files.Source{{Name: "alice.pst", Folders: a.folders}}
		target, err := files.Open("out", nil, o)
		if err != nil {
			t.Fatal(err)
		}
		files.Publish(target, func(d files.Disk) files.Disk { return faulty{d, &tt.good, &tt.bad} })
		_, err = load.Run(t.Context(), load.Plan{Sources: []load.Input{{Name: "alice.pst", Source: a}}, Routes: []load.Route{{Target: target}}})
		if !errors.Is(err, syscall.EIO) || err.Error() != filepath.FromSlash(tt.want) {
			t.Errorf("%v, want %s", err, tt.want)
		}
		open(t, "out", a, o)
		if got := tree(t, "out"); !maps.Equal(got, before) {
			t.Errorf("%q has become %q", names(before), names(got))
		}
	}
}

// Whatever a journal and a record say, undoing loses no file and replaces none, but for the journal.
func FuzzRestore(f *testing.F) {
	sent := xxh3.HashString128("sent").Bytes()
	sentSum := hex.EncodeToString(sent[:])
	const empty = `{"format":"mbox","sources":[],"files":[]}`
	f.Add([]byte("aInbox.mbox\x00aInbox/Projects.mbox\x00dNew\x00"), []byte(`{"files":[{"path":"Sent.mbox","size":4,"xxh128":"`+sentSum+`"}]}`))
	f.Add([]byte("aInbox.mbox\x00a.mailmill.tmp/old/1\x00d.\x00"), []byte(empty))
	f.Add([]byte("aSent.mbox\x00aSent.mbox\x00d.mailmill.tmp\x00a../x\x00"), []byte(empty))
	f.Add([]byte("x\x00\x00\x00a"), []byte(`{"files":[{"path":".mailmill.tmp/record"},{"path":"../x"},{"path":"Sent.mbox/x"}]}`))
	f.Fuzz(func(t *testing.T, journal, record []byte) {
		above := t.TempDir()
		dir := filepath.Join(above, "out")
		for name, text := range map[string]string{
			"../x": "x", "Sent.mbox": "sent", "New/a": "a", "Inbox/notes.txt": "notes",
			".mailmill.tmp/old/0": "0", ".mailmill.tmp/old/1": "1", ".mailmill.tmp/tree/Plan.mbox": "plan",
			".mailmill.tmp/record": string(record), ".mailmill.tmp/moves": string(journal),
		} {
			write(t, filepath.Join(dir, name), text)
		}
		held := func() []string {
			all := tree(t, above)
			delete(all, "out/.mailmill.tmp/moves")
			return slices.Sorted(maps.Values(all))
		}
		before := held()
		files.Restore(dir, func(d files.Disk) files.Disk { return d })
		if after := held(); !slices.Equal(after, before) {
			t.Errorf("%q has become %q", before, after)
		}
	})
}
