package load

import (
	"fmt"
	"testing"
	"time"

	"mailmill/formats"
)

// Millions of entries fit into memory.
func TestListIsSmall(t *testing.T) {
	const n = 100_000
	l := new(list)
	for i := range n {
		l.add(&formats.Entry{
			ID: fmt.Sprintf("%#x", 0x200024+i*32), Index: uint64(0x200024 + i*32), Class: "IPM.Note", Size: int64(i),
			Subject: "Re: the offer of last week", Date: time.Unix(1_400_000_000+int64(i), 123_000_000),
		})
	}
	bytes := 0
	for _, c := range l.chunks {
		bytes += cap(c)
	}
	if bytes/n > 80 {
		t.Errorf("an entry takes %d bytes", bytes/n)
	}
}
