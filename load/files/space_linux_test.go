package files

import (
	"testing"
	"unsafe"
)

// The kernel writes as many bytes as its struct if_dqblk has.
func TestQuotaLayout(t *testing.T) {
	var q quota
	if unsafe.Sizeof(q) != 72 || unsafe.Offsetof(q.bytesUsed) != 16 || unsafe.Offsetof(q.inodesHard) != 24 || unsafe.Offsetof(q.inodesUsed) != 40 {
		t.Errorf("%d bytes", unsafe.Sizeof(q))
	}
}
