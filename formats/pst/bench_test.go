package pst

import (
	"errors"
	"io"
	"os"
	"testing"

	"mailmill/formats/corpustest"
	"mailmill/formats/mapi"
)

// BenchmarkRead reads everything in a file: every property and every byte of every attachment.
func BenchmarkRead(b *testing.B) {
	path := corpustest.File(b, "synthetic/small.pst")
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(info.Size())
	b.ReportAllocs()
	for b.Loop() {
		f, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		walk(b, f, func(_ *Folder, e *Entry) {
			m, err := f.Message(e.NID)
			if err == nil {
				err = read(m, 0)
			}
			if err != nil {
				b.Error(err)
			}
		})
		f.Close()
	}
}

// BenchmarkList reads what a listing shows.
func BenchmarkList(b *testing.B) {
	f := open(b, corpustest.File(b, "synthetic/small.pst"))
	b.ReportAllocs()
	for b.Loop() {
		walk(b, f, func(_ *Folder, e *Entry) {
			e.Class()
			e.Delivered()
		})
	}
}

// BenchmarkAttachments streams the attachments of a file.
func BenchmarkAttachments(b *testing.B) {
	f := open(b, corpustest.File(b, "synthetic/small.pst"))
	total := int64(0)
	for b.Loop() {
		total = 0
		walk(b, f, func(_ *Folder, e *Entry) {
			m, err := f.Message(e.NID)
			if err != nil {
				b.Fatal(err)
			}
			list, err := m.Attachments()
			if err != nil {
				b.Fatal(err)
			}
			for _, a := range list {
				r, err := a.Open()
				if errors.Is(err, mapi.ErrNoData) {
					continue
				}
				if err != nil {
					b.Fatal(err)
				}
				n, err := io.Copy(io.Discard, r)
				if err != nil {
					b.Fatal(err)
				}
				total += n
				r.Close()
			}
		})
	}
	b.SetBytes(total)
}
