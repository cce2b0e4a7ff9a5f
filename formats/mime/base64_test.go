package mime

import (
	"bytes"
	"encoding/base64"
	"testing"

	"pgregory.net/rapid"
)

// TestBase64 compares lines of base64 with the standard library's base64, broken into lines.
func TestBase64(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(t, "content")
		end := rapid.SampledFrom([]string{"\r\n", "\n"}).Draw(t, "line end")
		var want []byte
		for all := base64.StdEncoding.EncodeToString(src); all != ""; {
			n := min(len(all), lineOut)
			want = append(append(want, all[:n]...), end...)
			all = all[n:]
		}
		got := append(make([]byte, base64Size(len(src), end)), "kept"...)
		putBase64(got[:len(got)-len("kept")], src, end)
		if !bytes.Equal(got, append(want, "kept"...)) {
			t.Fatalf("%q\nwant %q", got, want)
		}
		if len(src) >= lineIn {
			var line [lineOut]byte
			if putLine(&line, (*[lineIn]byte)(src)); !bytes.HasPrefix(want, line[:]) {
				t.Fatalf("%q\nwant the beginning of %q", line, want)
			}
		}
	})
}

func BenchmarkBase64(b *testing.B) {
	src := make([]byte, 570)
	for i := range src {
		src[i] = byte(i * 7)
	}
	dst := make([]byte, base64Size(len(src), "\r\n"))
	b.SetBytes(int64(len(src)))
	b.Run("lines", func(b *testing.B) {
		b.SetBytes(int64(len(src)))
		for b.Loop() {
			putBase64(dst, src, "\r\n")
		}
	})
	b.Run("pairs", func(b *testing.B) {
		b.SetBytes(int64(len(src)))
		for b.Loop() {
			for i := 0; i < 10; i++ {
				putLine((*[lineOut]byte)(dst[i*78:]), (*[lineIn]byte)(src[i*57:]))
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		b.SetBytes(int64(len(src)))
		for b.Loop() {
			for i := 0; i < 10; i++ {
				base64.StdEncoding.Encode(dst[i*78:], src[i*57:i*57+57])
			}
		}
	})
}
