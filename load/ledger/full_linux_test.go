package ledger_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mailmill/formats/corpustest"
	"mailmill/load/ledger"
)

// disk mounts a small one.
func disk(t *testing.T, size string) string {
	mount := t.TempDir()
	if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, "size="+size); err != nil {
		corpustest.Missing(t, "a small disk cannot be had here: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(mount, syscall.MNT_DETACH) })
	return mount
}

// A full disk is told before anything is sent, and what was written is there when there is room again.
func TestDiskFull(t *testing.T) {
	path := filepath.Join(disk(t, "1m"), "ledger")
	l := open(t, path)
	p := place(t, l, "INBOX", "1")
	said := make(map[string]bool)
	var err error
	for n := 0; err == nil && n < 100_000; n++ {
		r := numbered(n)
		r.Name = strings.Repeat("x", 100)
		p.Claim("a.pst", r.Key, r.Print)
		if err = p.Intend(t.Context(), []ledger.Record{r}); err == nil {
			said[r.Key] = true
		}
	}
	if !errors.Is(err, ledger.ErrFull) || !strings.Contains(err.Error(), "make room and run the same command again") {
		t.Fatalf("the error is: %v", err)
	}
	l.Close()
	check(t, syscall.Mount("tmpfs", filepath.Dir(path), "tmpfs", syscall.MS_REMOUNT, "size=10m"))
	p = place(t, open(t, path), "INBOX", "1")
	for _, key := range keys(t, p.Unsettled) {
		delete(said, key)
	}
	if len(said) > 0 {
		t.Errorf("%d intents are lost", len(said))
	}
}

func TestReadOnlyDisk(t *testing.T) {
	dir := disk(t, "1m")
	path := filepath.Join(dir, "ledger")
	check(t, use(path))
	check(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	for _, name := range []string{"ledger", "new", filepath.Join("folder", "new")} {
		if err := use(filepath.Join(dir, name)); !errors.Is(err, ledger.ErrUnwritable) || !strings.Contains(fmt.Sprint(err), "read-only file system") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
