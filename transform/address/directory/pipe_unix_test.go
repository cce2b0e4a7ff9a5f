//go:build unix

package directory_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"mailmill/transform/address/directory"
)

// A pipe is read as a file is: --directory <(ssh host ldapsearch …).
func TestPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip(err)
	}
	go func() {
		w, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err == nil {
			_, _ = w.WriteString("dn: cn=a\nmail: a@org.example\n")
			w.Close()
		}
	}()
	objects, err := load(t, path, directory.Options{})
	if err != nil || len(objects) != 1 {
		t.Error(objects, err)
	}
}
