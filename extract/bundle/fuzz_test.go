package bundle_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"mailmill/extract/bundle"
)

// walk reads everything in an archive: it ends, with what fits into the budget, and the tree is one.
func walk(t *testing.T, f *bundle.FS, size int64) {
	total := int64(0)
	fs.WalkDir(f, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if d.IsDir() {
			return nil
		}
		in, err := f.Open(name)
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		n, _ := io.Copy(io.Discard, in)
		info, _ := in.Stat()
		if n > info.Size() {
			t.Fatalf("%q has %d bytes of %d", name, n, info.Size())
		}
		if r := in.(bundle.File).At(); r != nil {
			if _, err := io.Copy(io.Discard, io.NewSectionReader(r, 0, info.Size())); err != nil {
				t.Fatalf("%q: %v", name, err)
			}
		}
		total += n
		return in.Close()
	})
	if limit := 64<<20 + 250*size; total > limit {
		t.Fatalf("%d bytes became %d", size, total)
	}
}

func FuzzZip(f *testing.F) {
	f.Add(zipOf(f, zip.Deflate))
	f.Add(zipOf(f, zip.Store))
	f.Add(zipOf(f, zstd.ZipMethodWinZip))
	whole := zipOf(f, zip.Deflate)
	f.Add(whole[:len(whole)-40])
	f.Add(append([]byte("MZ"), whole...))
	f.Fuzz(func(t *testing.T, b []byte) {
		files, err := openZip(t, b)
		if err != nil {
			return
		}
		walk(t, files, int64(len(b)))
	})
}

func FuzzTar(f *testing.F) {
	whole := tarOf(f)
	f.Add(whole)
	f.Add(whole[:len(whole)-1500])
	f.Add(append(bytes.Clone(whole), whole...))
	f.Fuzz(func(t *testing.T, b []byte) {
		files, err := openTar(t, b)
		if err != nil {
			return
		}
		walk(t, files, int64(len(b)))
	})
}

func FuzzCompression(f *testing.F) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte("Hello"))
	w.Close()
	z, _ := zstd.NewWriter(nil)
	f.Add(b.Bytes(), byte(bundle.Gzip))
	f.Add(z.EncodeAll([]byte("Hello"), nil), byte(bundle.Zstd))
	f.Add([]byte("BZh9\x17rE8P\x90\x00\x00\x00\x00"), byte(bundle.Bzip2))
	f.Add([]byte("\xFD7zXZ\x00\x00\x04\xe6\xd6\xb4F\x00\x00\x00\x00\x1c\xdfD!\x1f\xb6\xf3}\x01\x00\x00\x00\x00\x04YZ"), byte(bundle.XZ))
	f.Fuzz(func(t *testing.T, b []byte, c byte) {
		r, err := bundle.Compression(c % 4).NewReader(bytes.NewReader(b))
		if err != nil {
			return
		}
		defer r.Close()
		n, err := io.Copy(io.Discard, r)
		if limit := int64(64<<20 + 250*len(b) + 1<<20); n > limit {
			t.Fatalf("%d bytes became %d", len(b), n)
		}
		if err != nil && !errors.Is(err, bundle.ErrFormat) && !errors.Is(err, bundle.ErrBomb) {
			t.Fatal(err)
		}
	})
}
