package conformance

import (
	"crypto/sha256"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"mailmill/formats/corpustest"
)

// The same command writes the same bytes, however many workers it has and however often it is run.
func TestOutputIsReproducible(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"pst/aspose-outlook-1.pst", "pst/4k-page.ost", "synthetic/tiny.pst", "synthetic/small.pst"} {
		for _, form := range []string{"mbox", "eml"} {
			t.Run(name+" "+form, func(t *testing.T) {
				t.Parallel()
				archive, dir := corpustest.File(t, name), t.TempDir()
				run := func(as string, more ...string) map[string][32]byte {
					// The folder has one name, lest its name be a reason to differ.
					out := filepath.Join(dir, as, "out")
					args := append([]string{"convert", "--only", "mail", "--format", form}, more...)
					mailmill(t, append(args, archive, out)...).want(t, 0, 3)
					return tree(t, out)
				}
				first := run("first", "-j", "1")
				if len(first) == 0 {
					t.Fatal("nothing was written")
				}
				same(t, "a second run", first, run("second", "-j", "1"))
				same(t, "-j 8", first, run("third", "-j", "8"))
				same(t, "a run into the same folder", first, run("first", "-j", "1"))
			})
		}
	}
}

// tree returns the hash of every file below dir. The list of what was written holds the options, -j among them or not,
// and is compared like the rest.
func tree(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	files := map[string][32]byte{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		h := sha256.New()
		if _, err := io.Copy(h, f); err != nil {
			return err
		}
		files[path[len(dir)+1:]] = [32]byte(h.Sum(nil))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func same(t *testing.T, what string, want, got map[string][32]byte) {
	t.Helper()
	for name, hash := range want {
		if other, there := got[name]; !there {
			t.Errorf("%s does not write %s", what, name)
		} else if other != hash {
			t.Errorf("%s writes another %s", what, name)
		}
	}
	for name := range got {
		if _, there := want[name]; !there {
			t.Errorf("%s writes %s in addition", what, name)
		}
	}
}
