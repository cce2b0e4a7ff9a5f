package files

import "os"

// behindStep is how much of a large file is sent to the disk at a time. The less that is, the sooner its memory serves for
// what is written next.
const behindStep = 256 << 10

// behind writes a file and, where the system can be told so, has what was written go to the disk while more is written,
// and out of memory when it is there. An archive is larger than what is free: without that its output drives
// everything else out of the page cache, and the disk is busy when the run ends instead of before. New pages are not
// for nothing either: a virtual machine may have to get each of them from its host.
type behind struct {
	file       *os.File
	size, sent int64
	upTo       chan int64 // nil until there is something to send
	done       chan struct{}
}

// Write implements [io.Writer]. It never waits for the disk: while that is busy more gathers for the next time.
func (b *behind) Write(p []byte) (int, error) {
	n, err := b.file.Write(p)
	b.size += int64(n)
	if !canSend || b.size-b.sent < behindStep {
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
	for to := range b.upTo {
		send(b.file, from, to)
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
