package report

import (
	"time"

	"mailmill/load"
)

// The span that recent speeds are of, and how close what is remembered of it lies.
const (
	recentSpan  = 30 * time.Second
	sampleEvery = 500 * time.Millisecond
)

// speeds remembers how far a run was in the last half minute. Averages over a whole run say little of what is to come
// once a server has slowed it down, or taken more again.
type speeds struct {
	samples []sample // the oldest first
}

type sample struct {
	at    time.Duration
	done  int
	bytes int64
}

// add takes note of how far the run is.
func (s *speeds) add(p *load.Progress) {
	n := len(s.samples)
	if n > 0 && p.Elapsed-s.samples[n-1].at < sampleEvery {
		return
	}
	old := 0
	for old < n-1 && p.Elapsed-s.samples[old+1].at >= recentSpan {
		old++
	}
	s.samples = append(s.samples[:0], s.samples[old:]...)
	s.samples = append(s.samples, sample{p.Elapsed, p.Done, p.Bytes})
}

// since returns what a speed is measured against: some moment within the span, the start of the run at first.
func (s *speeds) since(p *load.Progress) sample {
	if len(s.samples) == 0 || p.Elapsed < recentSpan {
		return sample{}
	}
	return s.samples[0]
}

// recent returns items and bytes a second.
func (s *speeds) recent(p *load.Progress) (items, bytes int64) {
	from := s.since(p)
	return perSecond(int64(p.Done-from.done), p.Elapsed-from.at), perSecond(p.Bytes-from.bytes, p.Elapsed-from.at)
}

// left guesses how long the rest takes. Where nothing has moved lately, nobody knows.
func (s *speeds) left(p *load.Progress) (time.Duration, bool) {
	from := s.since(p)
	done := p.Done - from.done
	if done <= 0 || p.Open || p.Found < p.Done {
		return 0, false
	}
	return time.Duration(float64(p.Elapsed-from.at) / float64(done) * float64(p.Found-p.Done)), true
}
