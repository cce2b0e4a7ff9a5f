package lock_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"mailmill/load/internal/lock"
)

// Who comes second is told so, can read what the first wrote, and gets the file when that is closed.
func TestTake(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	first, second := open(), open()
	if err := lock.Take(first); err != nil {
		t.Fatal(err)
	}
	if _, err := first.WriteString("me"); err != nil {
		t.Fatal(err)
	}
	if err := lock.Take(second); !errors.Is(err, lock.ErrHeld) {
		t.Errorf("both have it: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "me" {
		t.Errorf("it says %q: %v", text, err)
	}
	first.Close()
	if err := lock.Take(second); err != nil {
		t.Errorf("when it is closed: %v", err)
	}
}
