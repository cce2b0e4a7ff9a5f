package mbox

import (
	"bytes"
	"testing"
)

// Memory in use is nobody else's, however it grew.
func TestMemory(t *testing.T) {
	for _, size := range []int{0, 1, smallestClass, smallestClass + 1, 300 << 10, 5 << 20} {
		var b, want []byte
		for len(want) < size {
			piece := bytes.Repeat([]byte{byte(len(want)>>10) + 1}, min(size-len(want), 200<<10))
			b, want = extend(b, piece), append(want, piece...)
			other := borrow(len(b))
			clear(other[:cap(other)])
			giveBack(other)
		}
		if !bytes.Equal(b, want) {
			t.Errorf("%d bytes have changed", size)
		}
		if class := classOf(size); class < classes && cap(borrow(size)) < size {
			t.Errorf("there is no room for %d bytes", size)
		}
		giveBack(b)
	}
}
