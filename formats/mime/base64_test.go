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
		var want []byte
		for all := base64.StdEncoding.EncodeToString(src); all != ""; {
			n := min(len(all), lineOut)
			want = append(append(want, all[:n]...), "\r\n"...)
			all = all[n:]
		}
		got := make([]byte, base64Size(len(src)))
		putBase64(got, src)
		if !bytes.Equal(got, want) {
			t.Fatalf("%q\nwant %q", got, want)
		}
	})
}

func BenchmarkBase64(b *testing.B) {
	src := make([]byte, 570)
	for i := range src {
		src[i] = byte(i * 7)
	}
	dst := make([]byte, base64Size(len(src)))
	b.SetBytes(int64(len(src)))
	b.Run("pairs", func(b *testing.B) {
		b.SetBytes(int64(len(src)))
		for b.Loop() {
			putBase64(dst, src)
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
