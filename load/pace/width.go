package pace

import (
	"math/bits"
	"math/rand/v2"
	"time"
)

// width is how many connections may be at work.
type width struct {
	most, now int
	bandwidth int64             // that all of them share; 0: without bound
	good      int               // answers in time since the width changed
	slow      int               // slow ones in a row
	best      [40]time.Duration // by the size of what was sent, as a power of two
	changed   time.Time
}

func newWidth(most int, bandwidth int64) width {
	return width{most: most, now: most, bandwidth: bandwidth}
}

// What a slow answer is: several times the best that was seen for something of that size, and long enough that nobody would call
// it quick.
const (
	slowFactor = 8
	slowAtAll  = 2 * time.Second
)

// answered learns from an answer. It reports whether the width shrinks because answers are slow.
func (w *width) answered(now time.Time, bytes int64, took time.Duration) (shrinks bool) {
	if took > 0 && w.isSlow(bytes, took) {
		w.good = 0
		// As many as there are connections: one may be a disk that hung for a moment.
		if w.slow++; w.slow < w.now || now.Sub(w.changed) < took {
			return false
		}
		w.slow = 0
		return w.set(now, w.now*3/4)
	}
	w.slow = 0
	// One more after each round: as many answers as there are connections.
	if w.good++; w.good >= 2*w.now {
		w.good = 0
		w.set(now, w.now+1)
	}
	return false
}

// isSlow compares with the best answer to something of about the same size. As a server may become slower for good, the best
// grows by one part in a hundred with each answer.
func (w *width) isSlow(bytes int64, took time.Duration) bool {
	best := &w.best[min(bits.Len64(uint64(max(0, bytes))), len(w.best)-1)]
	if *best == 0 || took <= *best {
		*best = took
		return false
	}
	limit := max(*best*slowFactor, slowAtAll)
	if w.bandwidth > 0 {
		// We are slow ourselves.
		limit += seconds(float64(bytes) * float64(w.most) / float64(w.bandwidth))
	}
	*best += min(*best/100, took-*best)
	return took > limit
}

// halve is for a server that asked for less.
func (w *width) halve() {
	w.good, w.slow = 0, 0
	w.set(time.Now(), w.now/2)
}

// set reports whether the width changed.
func (w *width) set(now time.Time, n int) bool {
	n = min(max(n, 1), w.most)
	if n == w.now {
		return false
	}
	w.now, w.changed = n, now
	return true
}

// spread returns a random time up to the given one.
func spread(d time.Duration) time.Duration { return time.Duration(rand.Float64() * float64(d)) }
