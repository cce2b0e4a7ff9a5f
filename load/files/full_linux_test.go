package files_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/load"
	"mailmill/load/files"
)

// A full disk ends the run with a clear sentence, and what was there before is still there.
func TestDiskFull(t *testing.T) {
	for _, format := range allFormats {
		mount := t.TempDir()
		if err := syscall.Mount("tmpfs", mount, "tmpfs", 0, "size=1m"); err != nil {
			corpustest.Missing(t, "a small disk cannot be had here: %v", err)
		}
		t.Cleanup(func() { syscall.Unmount(mount, syscall.MNT_DETACH) })
		dir := filepath.Join(mount, "out")
		small := sample()
		mustConvert(t, dir, archives{"a": small}, files.Options{Format: format})
		before := names(tree(t, dir))

		large := sample()
		for i := range 100 {
			large.mail(large.folders[0], fmt.Sprint(i), strings.Repeat("0123456789abcdef\n", 4000))
		}
		result, err := convert(t, dir, archives{"a": large}, files.Options{Format: format})
		var fatal *load.Fatal
		if !errors.Is(err, files.ErrFull) || !errors.As(err, &fatal) || !strings.HasSuffix(err.Error(), ": the disk is full") {
			t.Errorf("%s: error %v", format.Name(), err)
		}
		if c := result.Balance[formats.KindMail]; c.Written != 0 || c.Failed != c.Found || result.Left+result.Dropped != c.Found {
			t.Errorf("%+v, %d left, %d dropped", c, result.Left, result.Dropped)
		}
		if got := names(tree(t, dir)); fmt.Sprint(got) != fmt.Sprint(before) {
			t.Errorf("%q has become %q", before, got)
		}
		if _, err := os.Stat(filepath.Join(dir, ".mailmill.tmp")); err == nil {
			t.Error("the staging folder is left, and with it the disk full")
		}
	}
}
