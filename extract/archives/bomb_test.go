package archives

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"

	"mailmill/extract"
)

// gzipZeros returns a gzip file of something and zeros behind it, without making them: a block of deflate that holds
// nothing but zeros is as good a second time.
func gzipZeros(begin string, blocks int) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	io.WriteString(z, begin)
	z.Flush()
	zeros := make([]byte, 1<<20)
	z.Write(zeros)
	z.Flush()
	before := b.Len()
	z.Write(zeros)
	z.Flush()
	block := bytes.Clone(b.Bytes()[before:])
	for range blocks {
		b.Write(block)
	}
	return b.Bytes()
}

// overlapping returns a zip whose members are all in the same bytes (D. Fifield, "A better zip bomb").
func overlapping(members int) []byte {
	var kernel bytes.Buffer
	content := bytes.Repeat([]byte(one), 20_000)
	z, _ := flate.NewWriter(&kernel, flate.BestCompression)
	z.Write(content)
	z.Close()
	header := func(sig string, b []byte) []byte {
		b = append(b, sig...)
		if sig == "PK\x01\x02" {
			b = append(b, 20, 0)
		}
		b = append(b, 20, 0, 0, 0, 8, 0, 0, 0, 0, 0)
		b = binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(content))
		b = binary.LittleEndian.AppendUint32(b, uint32(kernel.Len()))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(content)))
		return append(b, 5, 0, 0, 0)
	}
	out := append(append(header("PK\x03\x04", nil), "1.eml"...), kernel.Bytes()...)
	start := len(out)
	for i := range members {
		out = append(header("PK\x01\x02", out), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
		out = append(out, byte('a'+i%26), byte('a'+i/26%26), '.', 'm', 'l')
	}
	length := len(out) - start
	out = append(out, "PK\x05\x06\x00\x00\x00\x00"...)
	out = binary.LittleEndian.AppendUint16(out, uint16(members))
	out = binary.LittleEndian.AppendUint16(out, uint16(members))
	out = binary.LittleEndian.AppendUint32(out, uint32(length))
	out = binary.LittleEndian.AppendUint32(out, uint32(start))
	return append(out, 0, 0)
}

// A few bytes that unpack to more than there is room for end with a sentence, soon, and take neither memory nor disk.
func TestBombs(t *testing.T) {
	nested := []byte(tinyMbox)
	for range 1000 {
		nested = []byte(gzipOf(string(nested)))
	}
	nestedZip := zipOf("1.eml", one)
	for range 100 {
		nestedZip = zipOf("a.zip", nestedZip)
	}
	tarHead := tarOf("x.mbox", "")[:512]
	var zips []string
	for i := range 30 {
		zips = append(zips, "z"+string(rune('a'+i))+".zip", zipOf("zeros.mbox", tinyMbox+strings.Repeat("\x00", 8<<20)))
	}
	many := []string{}
	for range 20_000 {
		many = append(many, "x.eml", "")
	}
	for _, tt := range []struct {
		name string
		data []byte
		says string
	}{
		{"zeros.gz", gzipZeros("", 10<<10), "is a gzip file of nothing but zeros"},
		{"zeros.mbox.gz", gzipZeros(tinyMbox, 10<<10), "unpacks to more than 250 times its size, as no mailbox does. mailmill does not unpack that; unpack it yourself, if you know what it is, and name the folder"},
		{"zeros.tar.gz", gzipZeros(tarHead, 10<<10), "unpacks to more than 250 times its size"},
		{"1000.gz", nested, "lies in more than 8 archives, one in another. mailmill does not unpack that"},
		{"100.zip", []byte(nestedZip), "lies in more than 8 archives, one in another"},
		{"r.gz", gzipQuine(), "lies in more than 8 archives, one in another"},
		{"r.zip", zipQuine(), "lies in more than 8 archives, one in another"},
		{"overlap.zip", overlapping(1000), "has members that lie one in another"},
		{"42.zip", []byte(zipOf(zips...)), "unpacks to more than 250 times its size"},
		{"many.tar.gz", []byte(gzipOf(tarOf(many...))), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			temp := t.TempDir()
			t.Setenv("TMPDIR", temp)
			t.Setenv("TMP", temp)
			path := filepath.Join(t.TempDir(), tt.name)
			if err := os.WriteFile(path, tt.data, 0o600); err != nil {
				t.Fatal(err)
			}
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			a, err := Open(t.Context(), path, extract.Options{}, nil)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if err == nil {
				got := lines(t, a)
				a.Close()
				if tt.says != "" {
					err = errors.New(strings.Join(got, "\n"))
				}
			}
			if tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("%.1000v", err)
			}
			if memory := int64(after.Sys) - int64(before.Sys); memory > 150<<20 {
				t.Errorf("took %d MB", memory>>20)
			}
			if took > 5*time.Second {
				t.Errorf("took %v", took)
			}
			t.Logf("%d bytes: %v, %d MB: %.100v", len(tt.data), took, (int64(after.TotalAlloc)-int64(before.TotalAlloc))>>20, err)
		})
	}
}
