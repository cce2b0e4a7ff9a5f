package ndb

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"mailmill/formats/corpustest"
)

func openFile(t testing.TB, path string) *File {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(bytes.NewReader(b), int64(len(b)), Options{CacheSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestCyclic checks that the encoding is its own inverse, for any key and length, in place and not.
func TestCyclic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		bid := BID(rapid.Uint64().Draw(t, "bid"))
		b := bytes.Clone(plain)
		Decode(CryptCyclic, bid, b, b)
		if again := make([]byte, len(b)); true {
			Decode(CryptCyclic, bid, again, b)
			if !bytes.Equal(again, plain) {
				t.Fatalf("%x became %x", plain, again)
			}
		}
	})
}

// TestPermute compares the fast decoder with the table of the specification.
func TestPermute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		encoded := make([]byte, len(plain))
		for i, b := range plain {
			encoded[i] = substituteR[b]
		}
		Decode(CryptPermute, 0, encoded, encoded)
		if !bytes.Equal(encoded, plain) {
			t.Fatalf("%x became %x", plain, encoded)
		}
	})
}

// TestLargeIDs has identifiers that differ in their upper half only, and such that have bit 0 set.
func TestLargeIDs(t *testing.T) {
	f := &File{layout: layouts[Unicode], blocks: []blockRef{{bid: 4, stored: 1}, {bid: 4 + 1<<33, stored: 2}, {bid: 4 + 1<<40, stored: 3}}}
	for id, want := range map[BID]int{4: 1, 5: 1, 4 + 1<<33: 2, 5 + 1<<33: 2, 4 + 1<<40: 3} {
		if ref, ok := f.block(id); !ok || int(ref.stored) != want {
			t.Errorf("block %v: %d, %v, want %d", id, ref.stored, ok, want)
		}
	}
	if _, ok := f.block(4 + 1<<34); ok {
		t.Error("there is a block whose lower half alone exists")
	}
}

// TestReader streams all data of the sample in odd ways and compares it with what comes at once.
func TestReader(t *testing.T) {
	f := openFile(t, corpustest.Sample())
	for _, b := range f.blocks {
		if b.bid.Internal() {
			if raw, err := f.readBlock(b.bid, nil); err != nil || raw[0] != 1 {
				continue // a list of sub-nodes
			}
		}
		d := f.Data(b.bid)
		want, err := d.Bytes(1 << 30)
		if err != nil || int64(len(want)) != d.Size() {
			t.Fatalf("block %v: %d bytes of %d, %v", b.bid, len(want), d.Size(), err)
		}
		if err := iotest.TestReader(d.Reader(), want); err != nil {
			t.Fatalf("block %v: %v", b.bid, err)
		}
		var all bytes.Buffer
		if _, err := d.Reader().WriteTo(&all); err != nil || !bytes.Equal(all.Bytes(), want) {
			t.Fatalf("block %v: WriteTo: %v", b.bid, err)
		}
		if len(want) > 10 {
			if got, err := d.Bytes(10); err == nil || len(got) > 10 {
				t.Fatalf("block %v: %d bytes of at most 10, %v", b.bid, len(got), err)
			}
		}
	}
}

// TestConcurrent reads all blocks from several goroutines through a cache that is too small.
func TestConcurrent(t *testing.T) {
	f := openFile(t, corpustest.Sample())
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for _, b := range f.blocks {
				if _, err := f.readBlock(b.bid, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

// TestReadError has a disk that fails: the error is the disk's.
func TestReadError(t *testing.T) {
	b, err := os.ReadFile(corpustest.Sample())
	if err != nil {
		t.Fatal(err)
	}
	bad := errors.New("input/output error")
	r := &failing{r: bytes.NewReader(b)}
	f, err := Open(r, int64(len(b)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.err = bad
	if _, err := f.readBlock(f.blocks[0].bid, nil); !errors.Is(err, bad) {
		t.Errorf("%v", err)
	}
	r.err = nil
	if _, err := f.readBlock(f.blocks[0].bid, nil); err != nil {
		t.Errorf("the error stays: %v", err)
	}
	if _, err := Open(&failing{bytes.NewReader(b), bad}, int64(len(b)), Options{}); !errors.Is(err, bad) {
		t.Errorf("%v", err)
	}
}

type failing struct {
	r   io.ReaderAt
	err error
}

func (f *failing) ReadAt(b []byte, at int64) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return f.r.ReadAt(b, at)
}

func BenchmarkOpen(b *testing.B) {
	path := corpustest.File(b, "synthetic/small.pst")
	file, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	info, _ := file.Stat()
	for b.Loop() {
		if _, err := Open(file, info.Size(), Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBlocks(b *testing.B) {
	f := openFile(b, corpustest.Sample())
	total := int64(0)
	for _, ref := range f.blocks {
		total += int64(ref.stored)
	}
	b.SetBytes(total)
	var buf []byte
	for b.Loop() {
		for _, ref := range f.blocks {
			got, err := f.readBlock(ref.bid, buf)
			if err != nil {
				b.Fatal(err)
			}
			buf = got
		}
	}
}

// TestDecodePermute compares what decodes many bytes at once with the table.
func TestDecodePermute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := rapid.SliceOfN(rapid.Byte(), 0, 700).Draw(t, "encoded")
		for i := range 256 {
			src = append(src, byte(i))
		}
		want := make([]byte, len(src))
		for i, b := range src {
			want[i] = substituteI[b]
		}
		for name, decode := range map[string]func(dst, src []byte){"at once": decodePermute, "in pairs": decodePairs} {
			got := append(make([]byte, len(src)), "kept"...)
			decode(got[:len(src)], src)
			if !bytes.Equal(got, append(bytes.Clone(want), "kept"...)) {
				t.Fatalf("%s: %x becomes %x, want %x", name, src, got, want)
			}
			same := bytes.Clone(src)
			decode(same, same)
			if !bytes.Equal(same, want) {
				t.Fatalf("%s, in place: %x becomes %x, want %x", name, src, same, want)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	// What is read is about anything: tables that are too large for the nearest cache are as slow here as there.
	encoded, data := make([]byte, 8176), make([]byte, 8176)
	rand.NewChaCha8([32]byte{}).Read(encoded)
	for _, c := range []Crypt{CryptPermute, CryptCyclic} {
		b.Run(c.String(), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				Decode(c, 5, data, encoded)
			}
		})
	}
	b.Run("pairs", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			decodePairs(data, encoded)
		}
	})
}
