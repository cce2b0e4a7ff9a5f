package pst_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"testing"

	"mailmill/formats/corpustest"
	"mailmill/formats/pst"
	"mailmill/formats/pst/psttest"
)

// small returns a part of the sample in a format and encoding.
func small(t testing.TB, format psttest.Format, crypt byte) *psttest.File {
	t.Helper()
	b, err := os.ReadFile(corpustest.Sample())
	if err != nil {
		t.Fatal(err)
	}
	whole, err := psttest.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	part, err := whole.Keep(func(_ uint32, size int) bool {
		n++
		return n%9 == 0 && size < 20000
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := psttest.Read(part.Build(format, crypt, whole.Format))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func open(t testing.TB, b []byte) *pst.File {
	t.Helper()
	f, err := pst.NewReader(bytes.NewReader(b), int64(len(b)), pst.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// Every block that is changed is found, with its place and with whom it belongs to, and no other.
func TestCheckBlocks(t *testing.T) {
	for _, format := range []psttest.Format{psttest.ANSI, psttest.Unicode} {
		f := small(t, format, 1)
		for i, b := range f.Blocks {
			if i%7 > 0 {
				continue
			}
			damaged := bytes.Clone(f.Bytes)
			for k := range min(b.Size, 4) {
				damaged[b.At+k] ^= 0x5A
			}
			report, err := open(t, damaged).CheckBlocks(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if report.Blocks != len(f.Blocks) {
				t.Fatalf("%v: %d blocks of %d", format, report.Blocks, len(f.Blocks))
			}
			if len(report.Faults) == 0 {
				t.Fatalf("%v: block %#x is changed, and nothing is found", format, b.BID)
			}
			if got := report.Faults[0]; uint64(got.BID) != b.BID || got.Offset != int64(b.At) || len(got.Nodes) == 0 {
				t.Errorf("%v: block %#x at %#x is changed: %+v", format, b.BID, b.At, got)
			}
			if !b.Internal() && len(report.Faults) > 1 {
				t.Errorf("%v: block %#x is changed, and %d are found", format, b.BID, len(report.Faults))
			}
		}
	}
}

// FuzzCheck damages small files of every format and checks them: no panic, and an end.
func FuzzCheck(f *testing.F) {
	for seed := range uint64(64) {
		f.Add(seed)
	}
	files := []*psttest.File{small(f, psttest.ANSI, 2), small(f, psttest.Unicode, 1), small(f, psttest.Unicode, 0)}
	f.Fuzz(func(t *testing.T, seed uint64) {
		b, done, _ := files[seed%uint64(len(files))].Mutate(rand.New(rand.NewPCG(seed, 1)))
		file, err := pst.NewReader(bytes.NewReader(b), int64(len(b)), pst.Options{})
		if err != nil {
			return
		}
		report, err := file.CheckBlocks(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range report.Faults {
			fault := &report.Faults[i]
			if fault.Err == nil {
				t.Errorf("%s: a fault without a reason: %+v", done, fault)
			}
			for _, id := range fault.Nodes {
				file.PartOf(id, fault.BID)
			}
		}
		file.AllNodes(func(id, _ pst.NID) bool {
			for _, fault := range file.CheckNode(id) {
				if fault.Err == nil {
					t.Errorf("%s: node %v: a fault without a reason: %+v", done, id, fault)
				}
			}
			return true
		})
	})
}
