package archives

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// Names of files are bytes, which older systems took for Latin-1 and the like: what they name is there all the same, and what
// has different names stays apart.
func TestNamesInBytes(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{
		"M\xF6ller":         tinyMbox,
		"M\xFCller.sbd/Neu": tinyMbox,
		"M\xFCller/1.eml":   one,
		"b\xF6.eml":         one,
		".md\xF6/cur/1\xF6": one,
		".md\xF6/new/2":     two,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Skip(err) // some file systems have names in UTF-8 alone
		}
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Skip(err)
		}
	}
	sources, skipped, err := Find(context.Background(), dir, "")
	if len(sources) != 1 || len(skipped) > 0 || err != nil {
		t.Fatal(sources, skipped, err)
	}
	got := lines(t, open(t, dir))
	mails := make(map[string]int)
	for e, err := range open(t, dir).Entries(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		mails[e.Folder.String()]++
	}
	for folder, n := range map[string]int{"Möller": 2, "Müller/Neu": 2, "Müller": 1, "": 1, ".mdö": 2} {
		if mails[folder] != n {
			t.Errorf("%s has %d mails, not %d:\n%q", folder, mails[folder], n, got)
		}
	}
}

func TestDiskNames(t *testing.T) {
	d := disk(t.TempDir())
	for _, name := range []string{"", "..", "../x", "/", "a//b", "./a"} {
		for op, err := range map[string]error{
			"open": func() error { _, err := d.Open(name); return err }(),
			"stat": func() error { _, err := d.Stat(name); return err }(),
			"list": func() error { _, err := d.ReadDir(name); return err }(),
		} {
			if e, ok := errors.AsType[*fs.PathError](err); !ok || e.Err != fs.ErrInvalid || e.Path != name {
				t.Errorf("%s %q: %v", op, name, err)
			}
		}
	}
	var absent *fs.PathError
	if _, err := d.Stat("absent"); !errors.As(err, &absent) || absent.Path != "absent" || !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
