package ndb

import (
	"bytes"
	"io"
	"os"
	"slices"
	"sync/atomic"
	"testing"

	"mailmill/formats/corpustest"
)

// openBytes opens a file that lies in memory.
func openBytes(t testing.TB, r io.ReaderAt, size int) *File {
	t.Helper()
	f, err := Open(r, int64(size), Options{CacheSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// counting counts the bytes that are read.
type counting struct {
	io.ReaderAt
	n atomic.Int64
}

func (c *counting) ReadAt(b []byte, at int64) (int, error) {
	c.n.Add(int64(len(b)))
	return c.ReaderAt.ReadAt(b, at)
}

// TestNoScan opens and reads a whole file: nothing is read that was not asked for.
func TestNoScan(t *testing.T) {
	b, err := os.ReadFile(corpustest.Sample())
	if err != nil {
		t.Fatal(err)
	}
	c := &counting{ReaderAt: bytes.NewReader(b)}
	f := openBytes(t, c, len(b))
	if n := c.n.Load(); n > int64(len(b))/10 {
		t.Errorf("%d bytes are read to open a file of %d", n, len(b))
	}
	for _, ref := range f.blocks {
		if _, err := f.readBlock(ref.bid, nil); err != nil {
			t.Error(err)
		}
	}
	if f.wreck != nil {
		t.Error("a whole file is scanned")
	}
}

// TestScan finds in a whole file all that its trees have, and nothing else that they do not explain.
func TestScan(t *testing.T) {
	f := openFile(t, corpustest.Sample())
	w := f.scan()
	for _, b := range f.blocks {
		if found, ok := w.block(b.bid); !ok || found.offset != b.offset || found.stored != b.stored {
			t.Errorf("block %v: %v, %+v", b.bid, ok, found)
		}
	}
	if len(w.blocks) != len(f.blocks) {
		t.Errorf("%d blocks of %d", len(w.blocks), len(f.blocks))
	}
	found := 0
	for _, pages := range [][]Ref{w.nodePages, w.blockPages} {
		found += len(pages)
		if !slices.IsSortedFunc(pages, func(a, b Ref) int { return int(int64(b.BID) - int64(a.BID)) }) {
			t.Error("the pages are not sorted by age")
		}
	}
	if reached := len(f.nodeTree.reached) + len(f.blockTree.reached); found < reached*9/10 || found > reached {
		t.Errorf("%d leaf pages of %d pages", found, reached)
	}
}

// TestEnclose has pieces within others.
func TestEnclose(t *testing.T) {
	at := func(from, to int64) piece { return piece{blockRef: blockRef{offset: from}, end: to} }
	var list []piece
	for _, p := range []piece{at(0, 64), at(64, 128), at(192, 256), at(256, 320), at(192, 512), at(512, 576), at(64, 640)} {
		list = enclose(list, p)
	}
	if len(list) != 2 || list[0].offset != 0 || list[1].offset != 64 {
		t.Errorf("%+v", list)
	}
}

// TestChunks has blocks across the borders of what is read at once.
func TestChunks(t *testing.T) {
	b, err := os.ReadFile(corpustest.Sample())
	if err != nil {
		t.Fatal(err)
	}
	want := openBytes(t, bytes.NewReader(b), len(b)).scan()
	// The same content, moved by odd numbers of slots: signatures are made for the new places.
	for _, shift := range []int{64, 512, scanChunk - 64, scanChunk - 4096} {
		f := openBytes(t, bytes.NewReader(b), len(b))
		moved := make([]byte, shift+len(b))
		copy(moved[shift:], b)
		for _, ref := range want.blocks {
			end := shift + int(ref.offset) + f.layout.slot(int(ref.stored))
			t := f.layout.trailer(moved[end-f.layout.blockTrailer:])
			le.PutUint16(moved[end-f.layout.blockTrailer+2:], Signature(int64(shift)+ref.offset, t.bid))
		}
		f.cache, f.size = newCache(bytes.NewReader(moved), int64(len(moved)), 1<<20), int64(len(moved))
		f.blocks = nil
		if got := f.scan(); len(got.blocks) != len(want.blocks) {
			t.Errorf("moved by %d: %d blocks of %d", shift, len(got.blocks), len(want.blocks))
		}
	}
}

// FuzzScan scans anything as a file of each format.
func FuzzScan(f *testing.F) {
	b, err := os.ReadFile(corpustest.Sample())
	if err != nil {
		f.Fatal(err)
	}
	whole := openFile(f, corpustest.Sample())
	f.Add(b[whole.header.NBT.Offset-1024:][:2048], uint8(1))
	f.Add(b[whole.header.BBT.Offset-1024:][:2048], uint8(1))
	f.Add(b[0x4400:0x4400+4096], uint8(0))
	f.Add(b[0x5000:0x5000+8192], uint8(2))
	f.Fuzz(func(t *testing.T, b []byte, format uint8) {
		db := &File{layout: layouts[format%3], size: int64(len(b)), cache: newCache(bytes.NewReader(b), int64(len(b)), 1<<20)}
		db.header.Format = db.layout.format
		db.nodeTree.lost = []keyRange{{0, ^uint64(0), -1}}
		db.blockTree.lost = db.nodeTree.lost
		db.refind()
		db.Loose(true)
		db.OldNodes()
		w := db.Wholeness()
		for _, n := range db.Nodes() {
			w.Check(n.Data, n.Sub)
		}
	})
}

func BenchmarkScan(b *testing.B) {
	f := openFile(b, corpustest.Sample())
	b.SetBytes(f.size)
	for b.Loop() {
		f.scan()
	}
}
