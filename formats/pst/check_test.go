package pst_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"testing"

	"mailmill/formats/corpustest"
	"mailmill/formats/pst"
	"mailmill/formats/pst/psttest"
)

// small returns a part of the sample in some form.
func small(t testing.TB, v psttest.Variant) *psttest.File {
	t.Helper()
	b, err := os.ReadFile(corpustest.Sample())
	if err != nil {
		t.Fatal(err)
	}
	whole, err := psttest.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	part, err := whole.Small()
	if err != nil {
		t.Fatal(err)
	}
	f, err := psttest.Read(part.Build(v))
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
	t.Parallel()
	for _, format := range []psttest.Format{psttest.ANSI, psttest.Unicode} {
		f := small(t, psttest.Variant{Format: format, Crypt: 1})
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

// Where the block tree is lost, the blocks that a scan finds are read and checked as those of an index are, and it is
// known to whom they belong.
func TestCheckBlocksWithoutIndex(t *testing.T) {
	t.Parallel()
	for _, format := range []psttest.Format{psttest.ANSI, psttest.Unicode} {
		t.Run(format.String(), func(t *testing.T) {
			f := small(t, psttest.Variant{Format: format, Crypt: 1})
			check := func(b []byte) *pst.BlockReport {
				t.Helper()
				report, err := open(t, b).CheckBlocks(t.Context(), nil)
				if err != nil {
					t.Fatal(err)
				}
				return report
			}
			want := check(f.Bytes)
			lost := bytes.Clone(f.Bytes)
			for _, p := range f.Pages {
				if p.Kind == 0x80 {
					clear(lost[p.At : p.At+512])
				}
			}
			if got := check(lost); got.Blocks != want.Blocks || got.Bytes != want.Bytes || len(got.Faults) > 0 || got.Loose > 0 {
				t.Errorf("%d blocks, %d bytes, %d loose, faults %v; of %d blocks and %d bytes", got.Blocks, got.Bytes, got.Loose, got.Faults, want.Blocks, want.Bytes)
			}
			for i, b := range f.Blocks {
				if i%37 > 0 || b.Internal() {
					continue
				}
				damaged := bytes.Clone(lost)
				clear(damaged[b.At : b.At+b.Size])
				got := check(damaged)
				if got.Blocks != want.Blocks-1 || len(got.Faults) != 1 || uint64(got.Faults[0].BID) != b.BID || !got.Faults[0].Lost || len(got.Faults[0].Nodes) == 0 {
					t.Errorf("block %#x is gone: %d blocks, faults %+v", b.BID, got.Blocks, got.Faults)
				}
			}
		})
	}
}

// A block that only the index has lost is read where it is, with all that it names, and the index's fault is told.
func TestCheckBlocksUnindexed(t *testing.T) {
	t.Parallel()
	f := small(t, psttest.Variant{Format: psttest.Unicode, Crypt: 1})
	tried := 0
	for _, b := range f.Blocks {
		if b.Internal() && tried > 3 {
			continue
		}
		tried++
		lost := bytes.Clone(f.Bytes)
		if !f.Forget(lost, b.BID) {
			t.Fatalf("block %#x is not in the tree", b.BID)
		}
		got, err := open(t, lost).CheckBlocks(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got.Blocks != len(f.Blocks) || len(got.Faults) != 1 || got.Loose > 0 {
			t.Fatalf("block %#x: %d blocks of %d, %d loose, faults %+v", b.BID, got.Blocks, len(f.Blocks), got.Loose, got.Faults)
		}
		if fault := got.Faults[0]; uint64(fault.BID) != b.BID || fault.Offset != int64(b.At) || fault.Lost || len(fault.Nodes) == 0 || !errors.Is(fault.Err, pst.ErrNotFound) {
			t.Errorf("block %#x at %#x: %+v", b.BID, b.At, fault)
		}
		if tried == 12 {
			break
		}
	}
}

// FuzzCheck damages small files of every format and checks them: no panic, and an end.
func FuzzCheck(f *testing.F) {
	for seed := range uint64(64) {
		f.Add(seed)
	}
	var files []*psttest.File
	for _, v := range psttest.Variants() {
		files = append(files, small(f, v))
	}
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
