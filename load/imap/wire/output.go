package wire

import (
	"io"
	"slices"
	"sync/atomic"
)

// output collects what is written, and can take back what has not left yet.
type output struct {
	w      io.Writer
	buf    []byte
	passed atomic.Int64 // bytes handed to w, or tried to
}

// at returns the position of the next byte.
func (o *output) at() int64 { return o.passed.Load() + int64(len(o.buf)) }

// back takes everything from a position on back. It reports whether that was possible.
func (o *output) back(to int64) bool {
	keep := to - o.passed.Load()
	if keep < 0 {
		return false
	}
	o.buf = o.buf[:keep]
	return true
}

func (o *output) Write(p []byte) (int, error) {
	if len(o.buf)+len(p) > corkSize {
		if err := o.pass(); err != nil {
			return 0, err
		}
		if len(p) >= corkSize {
			o.passed.Add(int64(len(p)))
			return o.w.Write(p)
		}
	}
	o.buf = append(o.buf, p...)
	return len(p), nil
}

// put writes something short. What becomes of it is told by pass.
func (o *output) put(s string) { o.buf = append(o.buf, s...) }

// fill reads at most so many bytes into the buffer, in which there is room.
func (o *output) fill(r io.Reader, most int64) (int, error) {
	if cap(o.buf) < corkSize {
		o.buf = slices.Grow(o.buf, corkSize-len(o.buf))
	}
	room := o.buf[len(o.buf):min(int64(corkSize), int64(len(o.buf))+most)]
	n, err := r.Read(room)
	o.buf = o.buf[:len(o.buf)+n]
	return n, err
}

// pass hands on what was collected.
func (o *output) pass() error {
	if len(o.buf) == 0 {
		return nil
	}
	o.passed.Add(int64(len(o.buf)))
	_, err := o.w.Write(o.buf)
	o.buf = o.buf[:0]
	return err
}
