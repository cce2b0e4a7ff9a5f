package psttest_test

import (
	"bytes"
	"os"
	"testing"

	"mailmill/formats/corpustest"
	"mailmill/formats/pst"
	"mailmill/formats/pst/psttest"
)

// A part of an archive is whole in every variant that it is built in.
func TestBuild(t *testing.T) {
	check := func(t *testing.T, path string) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := psttest.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		seen, kept := 0, 0
		small, err := whole.Keep(func(_ uint32, size int) bool {
			seen++
			keep := seen%5 == 0 && size < 30000
			if keep {
				kept++
			}
			return keep
		})
		if err != nil {
			t.Fatal(err)
		}
		if kept < 20 {
			t.Fatalf("only %d messages", kept)
		}
		for _, v := range small.Variants() {
			built := small.Build(v)
			if listed := soundMessages(t, built); listed != kept {
				t.Errorf("%v: %d messages are listed, want %d", v, listed, kept)
			}
			again, err := psttest.Read(built)
			if err != nil {
				t.Fatal(err)
			}
			if again.Format != v.Format || again.Crypt != v.Crypt {
				t.Errorf("%v, encoding %d; want %v", again.Format, again.Crypt, v)
			}
			t.Logf("%v: %d messages in %d bytes", v, kept, len(built))
		}
	}
	t.Run("PST", func(t *testing.T) { check(t, corpustest.Sample()) })
	t.Run("OST", func(t *testing.T) { check(t, corpustest.File(t, "pst/4k-page.ost")) })
}

// soundMessages fails the test where anything in a file is wrong, and counts what the folders list.
func soundMessages(t *testing.T, file []byte) (listed int) {
	t.Helper()
	f, err := pst.NewReader(bytes.NewReader(file), int64(len(file)), pst.Options{})
	if err != nil {
		t.Fatal(err)
	}
	report, err := f.CheckBlocks(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Faults) > 0 || report.Loose > 0 {
		t.Errorf("%d loose blocks, %d faults", report.Loose, len(report.Faults))
	}
	for id := range f.Nodes() {
		if faults := f.CheckNode(id); len(faults) > 0 {
			t.Errorf("node %v: %v", id, faults[0])
		}
		if pst.KindOf(id) != pst.KindFolder {
			continue
		}
		folder, err := f.Folder(id)
		if err != nil {
			t.Fatal(err)
		}
		for _, entries := range []func(func(*pst.Entry, error) bool){folder.Contents(), folder.Associated()} {
			for e, err := range entries {
				switch {
				case err != nil:
					t.Error(err)
				case e.Err != nil:
					t.Error(e.Err)
				default:
					listed++
				}
			}
		}
	}
	return listed
}
