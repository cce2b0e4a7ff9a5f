package client

import (
	"context"
	"sync"
	"time"
)

// leastProgress is how many bytes have to move within a timeout: less is a trickle.
const leastProgress = 1 << 10

// watchdog ends a request in which nothing moves, or too little.
type watchdog struct {
	timeout time.Duration

	mu     sync.Mutex
	timer  *time.Timer
	since  time.Time     // the clock runs
	left   time.Duration // as of since, or while it is paused
	moved  int           // bytes that do not count yet
	paused int
	done   bool
}

func newWatchdog(timeout time.Duration, cancel context.CancelCauseFunc) *watchdog {
	return &watchdog{
		timeout: timeout, left: timeout, since: time.Now(),
		timer: time.AfterFunc(timeout, func() { cancel(&TimeoutError{timeout}) }),
	}
}

// event tells of a step that was taken.
func (w *watchdog) event() { w.progress(leastProgress) }

// progress tells of bytes that went either way.
func (w *watchdog) progress(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.moved += n; w.moved < leastProgress {
		return
	}
	w.moved, w.left, w.since = 0, w.timeout, time.Now()
	if w.paused == 0 && !w.done {
		w.timer.Reset(w.timeout)
	}
}

// pause stops the clock while we ourselves are waited for.
func (w *watchdog) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.paused++; w.paused == 1 && w.timer.Stop() {
		w.left -= time.Since(w.since)
	}
}

func (w *watchdog) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.paused--; w.paused == 0 && !w.done {
		w.since = time.Now()
		w.timer.Reset(max(w.left, 0))
	}
}

func (w *watchdog) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = true
	w.timer.Stop()
}
