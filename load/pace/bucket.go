package pace

import "time"

// buckets bound rates. Each is kept as the time at which all that was taken is paid for, as the "virtual scheduling algorithm"
// of ITU-T I.371 does it: what is taken next goes at that time, or at once if it has gone by.
type buckets struct {
	items, bytes         float64 // a second; 0: without bound
	itemsPaid, bytesPaid time.Time
}

// credit is how long buckets that nobody used save for: so that a client that wakes a moment late keeps up.
const credit = 100 * time.Millisecond

// share is what was taken of the buckets.
type share struct {
	at          time.Time // when it may go
	before, now buckets
}

// take takes amounts. What waits for one bucket spends the other's when it goes, not before: else much that waited for its
// bytes would go at once, with items that were paid for long ago.
func (b *buckets) take(now time.Time, items int, bytes int64) share {
	s := share{at: now.Add(-credit), before: *b}
	byItems, byBytes := b.items > 0 && items > 0, b.bytes > 0 && bytes > 0
	if byItems && b.itemsPaid.After(s.at) {
		s.at = b.itemsPaid
	}
	if byBytes && b.bytesPaid.After(s.at) {
		s.at = b.bytesPaid
	}
	if byItems {
		b.itemsPaid = s.at.Add(seconds(float64(items) / b.items))
	}
	if byBytes {
		b.bytesPaid = s.at.Add(seconds(float64(bytes) / b.bytes))
	}
	s.now = *b
	return s
}

// giveBack returns what was not used after all, unless others have queued behind it: what was promised to them stays.
func (b *buckets) giveBack(s share) {
	if *b == s.now {
		*b = s.before
	}
}

// seconds turns a number into a duration; what is too long for one is a year.
func seconds(s float64) time.Duration {
	const most = 365 * 24 * time.Hour
	if s > most.Seconds() {
		return most
	}
	return time.Duration(s * float64(time.Second))
}
