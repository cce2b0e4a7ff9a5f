package pace

import "time"

// brake is the back-off that a server asked for.
type brake struct {
	attempt int // of those that followed each other
	until   time.Time
	lasted  time.Duration
}

// press begins a back-off, or makes the one under way longer where the server named a time. It reports whether it is a
// new one.
func (b *brake) press(now time.Time, after time.Duration) (fresh bool) {
	fresh = !now.Before(b.until)
	if fresh {
		b.attempt++
	}
	var d time.Duration
	switch {
	case after > 0:
		// Never less than it said, and not all at once when it is over.
		after = min(after, mostBelieved)
		d = after + spread(min(after/10, 5*time.Second))
	case fresh:
		d = Backoff(b.attempt, nil)
	}
	if until := now.Add(d); until.After(b.until) {
		b.until, b.lasted = until, d
	}
	return fresh
}

// release says that something went well. A back-off is forgotten when it went well for as long as that has lasted.
func (b *brake) release(now time.Time) {
	if b.attempt > 0 && now.Sub(b.until) >= b.lasted {
		b.attempt = 0
	}
}

func (b *brake) left(now time.Time) time.Duration { return b.until.Sub(now) }
