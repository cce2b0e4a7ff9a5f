package ndb

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"
)

// TestMend changes one byte, which is put right, and more, which are left alone but for a freak of chance.
func TestMend(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		right := rapid.SliceOfN(rapid.Byte(), 1, 600).Draw(t, "data")
		b := bytes.Clone(right)
		b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= rapid.ByteRange(1, 255).Draw(t, "change")
		if !mend(b, Checksum(right)) || !bytes.Equal(b, right) {
			t.Fatalf("mended to %x", b)
		}
	})
	b := bytes.Repeat([]byte("page "), 99)
	sum := Checksum(b)
	b[10], b[300] = 1, 2
	damaged := bytes.Clone(b)
	if mend(b, sum) || !bytes.Equal(b, damaged) {
		t.Error("two wrong bytes are mended as if they were one")
	}
}

func TestSumMisread(t *testing.T) {
	for _, c := range []struct {
		a, b uint32
		want bool
	}{{1, 1, false}, {0, 0xFF, true}, {0, 0x100, true}, {0, 0xFF000000, true}, {0, 0x180, false}, {0, 0x01000001, false}} {
		if got := sumMisread(c.a, c.b); got != c.want {
			t.Errorf("%#x and %#x: %v", c.a, c.b, got)
		}
	}
}
