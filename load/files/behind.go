package files

import (
	"os"
	"sync/atomic"
	"time"
)

// behindStep is how much of a large file is sent to the disk at a time. The less that is, the sooner its memory serves for
// what is written next.
const behindStep = 256 << 10

// A disk that takes fewer bytes a second is left to the system, which knows better how to use it, from that many on.
const (
	fastEnough = 100e6
	patience   = 8 << 20
)

// behind writes a file and, where the system can be told so, has what was written go to the disk while more is written,
// and out of memory when it is there. An archive is larger than what is free: without that its output drives
// everything else out of the page cache, and the disk is busy when the run ends instead of before. New pages are not
// for nothing either: a virtual machine may have to get each of them from its host.
type behind struct {
	file       *os.File
	size, sent int64
	upTo       chan int64 // nil until there is something to send
	done       chan struct{}
	slow       atomic.Bool // the disk does not keep up: the rest is left to the system
}

// Write implements [io.Writer]. It does not wait for the disk: while that is busy more gathers for the next time.
func (b *behind) Write(p []byte) (int, error) {
	n, err := b.file.Write(p)
	b.size += int64(n)
	if !canSend || b.size-b.sent < behindStep || b.slow.Load() {
		return n, err
	}
	if b.upTo == nil {
		b.upTo, b.done = make(chan int64, 1), make(chan struct{})
		go b.send()
	}
	select {
	case b.upTo <- b.size:
		b.sent = b.size
	default:
	}
	return n, err
}

func (b *behind) send() {
	defer close(b.done)
	var from int64
	var took time.Duration
	for to := range b.upTo {
		start := time.Now()
		send(b.file, from, to)
		// Sending waits where the disk's queue is full, and then whoever writes soon waits for the file system, too.
		if took += time.Since(start); to >= patience && float64(to) < fastEnough*took.Seconds() {
			b.slow.Store(true)
		}
		from = to
	}
}

// cut drops what the file holds from an offset on, which is where the next write goes.
func (b *behind) cut(size int64) error {
	b.size, b.sent = size, min(size, b.sent)
	return cutFile(b.file, size)
}

// Close closes the file.
func (b *behind) Close() error {
	if b.upTo != nil {
		close(b.upTo)
		<-b.done
		b.upTo = nil
	}
	return b.file.Close()
}
