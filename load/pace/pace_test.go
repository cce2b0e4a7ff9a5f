package pace_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"mailmill/load/pace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sent is something that was allowed to go.
type sent struct {
	at    time.Duration
	items int
	bytes int64
}

// most returns the most that went in any window of a length: windows that matter begin when something goes.
func most(all []sent, window time.Duration) (items int, bytes int64) {
	for i, first := range all {
		n, b := 0, int64(0)
		for _, s := range all[i:] {
			if s.at-first.at > window {
				break
			}
			n += s.items
			b += s.bytes
		}
		items, bytes = max(items, n), max(bytes, b)
	}
	return items, bytes
}

// In no window goes more than the rates allow, apart from what is handed in as one and the tenth of a second that was saved.
// What is allowed is used: nobody waits longer than what went before costs.
func TestRatesHoldInAnyWindow(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		rate := rapid.SampledFrom([]float64{0, 0.5, 3, 40, 1000}).Draw(rt, "items a second")
		bandwidth := rapid.SampledFrom([]int64{0, 1000, 50_000, 2 << 20}).Draw(rt, "bytes a second")
		type request struct {
			idle  time.Duration
			items int
			bytes int64
		}
		clients := rapid.SliceOfN(rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) request {
			return request{
				idle:  time.Duration(rapid.IntRange(0, 3000).Draw(rt, "idle")) * time.Millisecond,
				items: rapid.IntRange(1, 50).Draw(rt, "items"),
				bytes: rapid.Int64Range(0, 100_000).Draw(rt, "bytes"),
			}
		}), 1, 12), 1, 4).Draw(rt, "clients")

		var mu sync.Mutex
		var all []sent
		var took, busy time.Duration
		synctest.Test(t, func(t *testing.T) {
			p := pace.New(pace.Options{ItemsPerSecond: rate, BytesPerSecond: bandwidth})
			start := time.Now()
			var running sync.WaitGroup
			for _, requests := range clients {
				var idle time.Duration
				for _, r := range requests {
					idle += r.idle
				}
				busy = max(busy, idle)
				running.Go(func() {
					for _, r := range requests {
						time.Sleep(r.idle)
						if err := p.Wait(t.Context(), r.items, r.bytes); err != nil {
							t.Error(err)
						}
						mu.Lock()
						all = append(all, sent{time.Since(start), r.items, r.bytes})
						mu.Unlock()
					}
				})
			}
			running.Wait()
			took = time.Since(start)
		})

		slices.SortFunc(all, func(a, b sent) int { return int(a.at - b.at) })
		var largest int
		var longest int64
		for _, s := range all {
			largest, longest = max(largest, s.items), max(longest, s.bytes)
		}
		for _, window := range []time.Duration{0, time.Second / 10, time.Second, 10 * time.Second, time.Hour} {
			n, b := most(all, window)
			if allowed := rate * (window.Seconds() + 0.1); rate > 0 && float64(n) > allowed+float64(largest)+1e-3 {
				rt.Fatalf("%d items went in %v at %v a second", n, window, rate)
			}
			if allowed := float64(bandwidth) * (window.Seconds() + 0.1); bandwidth > 0 && float64(b) > allowed+float64(longest)+1 {
				rt.Fatalf("%d bytes went in %v at %v a second", b, window, bandwidth)
			}
		}
		least := busy
		for _, s := range all {
			var cost float64
			if rate > 0 {
				cost = float64(s.items) / rate
			}
			if bandwidth > 0 {
				cost = max(cost, float64(s.bytes)/float64(bandwidth))
			}
			least += time.Duration(cost * float64(time.Second))
		}
		if took > least+time.Second {
			rt.Fatalf("it took %v, and %v would have been enough", took, least)
		}
	})
}

func TestSteadyRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Options{ItemsPerSecond: 20})
		start := time.Now()
		for range 200 {
			if err := p.Wait(t.Context(), 1, 0); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond) // as long as sending takes
		}
		if took := time.Since(start); took < 9800*time.Millisecond || took > 10100*time.Millisecond {
			t.Errorf("200 items at 20 a second took %v", took)
		}
	})
}

func TestWaitsEndWithTheContext(t *testing.T) {
	cause := errors.New("the user has had enough")
	waits := map[string]func(p *pace.Pace, ctx context.Context) error{
		"rate":      func(p *pace.Pace, ctx context.Context) error { return p.Wait(ctx, 1000, 0) },
		"bandwidth": func(p *pace.Pace, ctx context.Context) error { return p.Wait(ctx, 0, 1<<40) },
		"back-off": func(p *pace.Pace, ctx context.Context) error {
			p.SlowDown(time.Minute, "503")
			return nil
		},
		"writer": func(p *pace.Pace, ctx context.Context) error {
			_, err := p.Writer(ctx, io.Discard).Write(make([]byte, 1<<20))
			return err
		},
	}
	for name, wait := range waits {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pace.New(pace.Options{ItemsPerSecond: 1, BytesPerSecond: 1000})
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(5*time.Second, func() { cancel(cause) })
				start := time.Now()
				var err error
				for err == nil {
					if err = wait(p, ctx); err == nil {
						err = p.Wait(ctx, 1, 0)
					}
				}
				if took := time.Since(start); !errors.Is(err, cause) || took != 5*time.Second {
					t.Errorf("after %v: %v", took, err)
				}
				if err := p.Wait(ctx, 0, 0); !errors.Is(err, cause) {
					t.Errorf("afterwards: %v", err)
				}
			})
		})
	}
}

// What was not sent is not paid for.
func TestGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Options{ItemsPerSecond: 1})
		p.Wait(t.Context(), 1, 0)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := p.Wait(ctx, 1000, 0); err == nil {
			t.Fatal("1000 items went at once")
		}
		start := time.Now()
		p.Wait(t.Context(), 1, 0)
		if took := time.Since(start); took > time.Second {
			t.Errorf("the next waited %v", took)
		}
	})
}

func TestWriterKeepsTheBandwidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 100_000
		p := pace.New(pace.Options{BytesPerSecond: rate})
		var all []sent
		start := time.Now()
		var out bytes.Buffer
		w := p.Writer(t.Context(), writerFunc(func(b []byte) (int, error) {
			all = append(all, sent{at: time.Since(start), bytes: int64(len(b))})
			return out.Write(b)
		}))
		body := []byte(strings.Repeat("0123456789", 100_000))
		if n, err := w.Write(body); n != len(body) || err != nil {
			t.Fatal(n, err)
		}
		if !bytes.Equal(out.Bytes(), body) {
			t.Error("other bytes came out")
		}
		if took := time.Since(start); took < 9*time.Second || took > 10*time.Second {
			t.Errorf("1 MB at 100 kB a second took %v", took)
		}
		if _, most := most(all, time.Second); most > rate*1.2 {
			t.Errorf("%d bytes went in a second", most)
		}
	})
	if w := pace.New(pace.Options{}).Writer(t.Context(), io.Discard); w != io.Discard {
		t.Error("who has no bound pays for one")
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestWriterReportsWhatWasWritten(t *testing.T) {
	full := errors.New("full")
	p := pace.New(pace.Options{BytesPerSecond: 1 << 30})
	left := 100_000
	w := p.Writer(t.Context(), writerFunc(func(b []byte) (int, error) {
		n := min(left, len(b))
		left -= n
		if n < len(b) {
			return n, full
		}
		return n, nil
	}))
	if n, err := w.Write(make([]byte, 200_000)); n != 100_000 || !errors.Is(err, full) {
		t.Error(n, err)
	}
}

func TestBackOff(t *testing.T) {
	tests := []struct {
		name        string
		after       []time.Duration // of servers' answers in a row, each after the wait for the one before
		least, most []time.Duration
	}{
		{
			"grows", make([]time.Duration, 12),
			[]time.Duration{1e9, 2e9, 4e9, 8e9, 16e9, 32e9, 64e9, 128e9, 200e9, 200e9, 200e9, 200e9},
			[]time.Duration{1.5e9, 3e9, 6e9, 12e9, 24e9, 48e9, 96e9, 192e9, 300e9, 300e9, 300e9, 300e9},
		},
		{"as the server says", []time.Duration{30e9, 0}, []time.Duration{30e9, 2e9}, []time.Duration{33e9, 3e9}},
		{"within reason", []time.Duration{1e6 * time.Hour}, []time.Duration{time.Hour}, []time.Duration{time.Hour + 5*time.Second}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pace.New(pace.Options{})
				for i, after := range test.after {
					p.SlowDown(after, "429 Too Many Requests")
					if l := p.Lane(); l.Waiting < test.least[i] || l.Why != "429 Too Many Requests" {
						t.Errorf("%d: the lane says %+v", i, l)
					}
					start := time.Now()
					if err := p.Wait(t.Context(), 1, 0); err != nil {
						t.Fatal(err)
					}
					if took := time.Since(start); took < test.least[i] || took > test.most[i] {
						t.Errorf("%d: waited %v, not %v to %v", i, took, test.least[i], test.most[i])
					}
				}
			})
		})
	}
}

// Connections that are turned away at the same time are one reason to slow down, not four.
func TestOneBackOffForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Options{Connections: 8})
		for range 8 {
			p.SlowDown(0, "NO [INUSE]")
		}
		if l := p.Lane(); l.Connections != 4 || l.Waiting > 1500*time.Millisecond {
			t.Errorf("%+v", l)
		}
		p.SlowDown(20*time.Second, "NO [LIMIT]")
		if l := p.Lane(); l.Connections != 4 || l.Waiting < 20*time.Second {
			t.Errorf("a time that the server names: %+v", l)
		}
	})
}

// A body that has begun is not interrupted for minutes: the server would take the connection for dead.
func TestBackOffLeavesWhatWasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Options{BytesPerSecond: 1000})
		p.SlowDown(time.Minute, "503")
		start := time.Now()
		if err := p.Wait(t.Context(), 0, 1000); err != nil || time.Since(start) > time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestBackOffIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Options{})
		turnedAway := func() time.Duration {
			p.SlowDown(0, "NO [INUSE]")
			d := p.Lane().Waiting
			p.Wait(t.Context(), 1, 0)
			return d
		}
		turnedAway()
		turnedAway()
		third := turnedAway()
		p.Done(1, 100, time.Millisecond)
		if fourth := turnedAway(); fourth < third {
			t.Errorf("one answer made it forget: %v after %v", fourth, third)
		}
		time.Sleep(time.Minute)
		p.Done(1, 100, time.Millisecond)
		if again := turnedAway(); again > 1500*time.Millisecond {
			t.Errorf("after a minute of peace it still waits %v", again)
		}
	})
}

func TestWidth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Options{Connections: 8})
		want := func(n int, when string) {
			t.Helper()
			if got := p.Width(); got != n {
				t.Fatalf("%s: %d connections, not %d", when, got, n)
			}
		}
		want(8, "at first")
		p.SlowDown(time.Second, "503")
		want(4, "turned away")
		for range 5 {
			time.Sleep(2 * time.Second)
			p.SlowDown(time.Second, "503")
		}
		want(1, "turned away again and again")
		answers := 0
		for p.Width() < 8 {
			p.Done(1, 1000, 10*time.Millisecond)
			if answers++; answers > 100 {
				t.Fatal("it never recovers")
			}
		}
		if answers < 7*2 {
			t.Errorf("it recovers at once: after %d answers", answers)
		}
		for range 1000 {
			p.Done(1, 1000, 10*time.Millisecond)
		}
		want(8, "it never goes beyond what the user allows")
	})
}

func TestSlowAnswers(t *testing.T) {
	tests := []struct {
		name  string
		o     pace.Options
		bytes int64
		quick time.Duration
		slow  time.Duration
		width int
	}{
		{"far above the best", pace.Options{Connections: 4}, 10_000, 20 * time.Millisecond, 5 * time.Second, 1},
		{"a little above", pace.Options{Connections: 4}, 10_000, 800 * time.Millisecond, 3 * time.Second, 4},
		{"nothing that anybody would call slow", pace.Options{Connections: 4}, 10_000, time.Millisecond, time.Second, 4},
		{"slow by our own bandwidth", pace.Options{Connections: 4, BytesPerSecond: 10_000}, 100_000, 9 * time.Second, 40 * time.Second, 4},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pace.New(test.o)
				for range 20 {
					time.Sleep(test.quick)
					p.Done(10, test.bytes, test.quick)
				}
				for range 40 {
					time.Sleep(test.slow)
					p.Done(10, test.bytes, test.slow)
				}
				if l := p.Lane(); l.Connections != test.width {
					t.Errorf("%+v", l)
				}
			})
		})
	}
	// What is large takes long, and nobody is to blame.
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Options{Connections: 4})
		for i := range 100 {
			p.Done(1, 1000, 10*time.Millisecond)
			if i%10 == 0 {
				p.Done(1, 50<<20, 30*time.Second)
			}
		}
		if n := p.Width(); n != 4 {
			t.Errorf("%d connections", n)
		}
	})
}

// The rate is that of the last seconds, not of the whole run.
func TestLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace.New(pace.Options{})
		if l := p.Lane(); l.ItemsPerSecond != 0 || l.Connections != pace.DefaultConnections {
			t.Errorf("at first: %+v", l)
		}
		p.Wait(t.Context(), 1, 0)
		about := func(when string, items, bytes float64) {
			t.Helper()
			l := p.Lane()
			if l.ItemsPerSecond < items*0.85 || l.ItemsPerSecond > items*1.15 || l.BytesPerSecond < bytes*0.85 || l.BytesPerSecond > bytes*1.15 {
				t.Errorf("%s: %.1f items and %.0f bytes a second, not %.1f and %.0f", when, l.ItemsPerSecond, l.BytesPerSecond, items, bytes)
			}
		}
		run := func(d time.Duration, perSecond int) {
			for end := time.Now().Add(d); time.Now().Before(end); {
				time.Sleep(time.Second / time.Duration(perSecond))
				p.Done(1, 1000, time.Millisecond)
			}
		}
		run(3*time.Second, 100)
		about("soon", 100, 100_000)
		run(time.Minute, 100)
		about("after a minute", 100, 100_000)
		run(11*time.Second, 10)
		about("after it became slower", 10, 10_000)
		time.Sleep(5 * time.Second)
		about("while it hangs", 5, 5_000)
		time.Sleep(7 * time.Second)
		about("when it has hung", 0, 0)
		p.Retried("connection reset")
		if l := p.Lane(); l.Items != 6410 || l.Bytes != 6_410_000 || l.Retries != 1 || l.Why != "connection reset" {
			t.Errorf("%+v", l)
		}
		time.Sleep(time.Minute)
		if l := p.Lane(); l.Why != "" || l.Retries != 1 {
			t.Errorf("an old reason: %+v", l)
		}
	})
}

func TestBackoff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		attempt := rapid.Int().Draw(t, "attempt")
		chance := rapid.Float64Range(0, 0.999999).Draw(t, "chance")
		if d := pace.Backoff(attempt, func() float64 { return chance }); d < time.Second || d > 300*time.Second {
			t.Fatalf("attempt %d waits %v", attempt, d)
		}
	})
	seen := make(map[time.Duration]bool)
	for range 10 {
		seen[pace.Backoff(5, nil)] = true
	}
	if len(seen) < 5 {
		t.Error("there is no chance in it")
	}
}

func TestBatch(t *testing.T) {
	for _, test := range []struct {
		rate float64
		want int
	}{{0, 50}, {1000, 50}, {20, 20}, {0.1, 1}} {
		if got := pace.New(pace.Options{ItemsPerSecond: test.rate}).Batch(50); got != test.want {
			t.Errorf("at %v a second %d go together, not %d", test.rate, got, test.want)
		}
	}
}
