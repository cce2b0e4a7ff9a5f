package pace

import (
	"strings"
	"time"
)

// window is over how many seconds a rate is taken: long enough to be calm, short enough to be true.
const window = 10

// tally counts what the server took.
type tally struct {
	start   time.Time
	items   int64
	bytes   int64
	retries int
	why     string
	said    time.Time
	recent  [window + 1]second
}

// second is what was taken in one.
type second struct {
	at    int64 // seconds since the start
	items int64
	bytes int64
}

// begin says that something is being sent. The clock of the rates starts with the first.
func (t *tally) begin(now time.Time) {
	if t.start.IsZero() {
		t.start = now
	}
}

func (t *tally) add(now time.Time, items int, bytes int64) {
	t.items += int64(items)
	t.bytes += bytes
	at := int64(now.Sub(t.start) / time.Second)
	s := &t.recent[at%int64(len(t.recent))]
	if s.at != at {
		*s = second{at: at}
	}
	s.items += int64(items)
	s.bytes += bytes
}

// rates returns what was taken each second in the last ten and the one under way, or since the start if that is less.
func (t *tally) rates(now time.Time) (items, bytes float64) {
	if t.start.IsZero() {
		return 0, 0
	}
	elapsed := now.Sub(t.start)
	at := int64(elapsed / time.Second)
	for _, s := range t.recent {
		if s.at > at-int64(len(t.recent)) && s.at <= at {
			items += float64(s.items)
			bytes += float64(s.bytes)
		}
	}
	// The first moments tell nothing: one item in a millisecond is not a thousand a second.
	span := elapsed - time.Duration(max(0, at-window))*time.Second
	over := max(span, time.Second).Seconds()
	return items / over, bytes / over
}

// mostWords bounds what is kept of a server's words.
const mostWords = 200

func (t *tally) say(now time.Time, why string) {
	if len(why) > mostWords {
		why = strings.ToValidUTF8(why[:mostWords], "")
	}
	t.why, t.said = why, now
}
