package load_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"mailmill/formats"
	"mailmill/load"
)

// stream is a source that comes through a pipe: entries come one after the other, what they are read from is there until
// it is given back, and the end may never come.
type stream struct {
	source
	ranged  atomic.Int32
	held    atomic.Int32
	most    atomic.Int32
	done    []atomic.Int32
	endless bool
}

func newStream(s *source) *stream {
	return &stream{source: *s, done: make([]atomic.Int32, len(s.entries))}
}

func (s *stream) Once() bool { return true }

func (s *stream) Done(e formats.Entry) {
	s.done[e.Index].Add(1)
	s.held.Add(-1)
}

func (s *stream) Entries(ctx context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		if s.ranged.Add(1) > 1 {
			yield(formats.Entry{}, errors.New("it can be read once only"))
			return
		}
		for _, e := range s.entries {
			s.most.Store(max(s.most.Load(), s.held.Add(1)))
			if !yield(e, nil) {
				return
			}
		}
		if s.endless {
			<-ctx.Done()
			yield(formats.Entry{}, context.Cause(ctx))
			return
		}
		if s.fail != nil {
			yield(formats.Entry{}, s.fail)
		}
	}
}

func (s *stream) Read(ctx context.Context, e formats.Entry) (*formats.Item, error) {
	if s.done[e.Index].Load() > 0 {
		return nil, errors.New("it was given back")
	}
	return s.source.Read(ctx, e)
}

// watcher keeps the last that it was told of a run.
type watcher struct {
	last  load.Progress
	open  int
	items int
}

func (w *watcher) Item(*formats.Item, load.Outcome, error) { w.items++ }
func (w *watcher) Progress(p load.Progress) {
	if w.last = p; p.Open {
		w.open++
	}
}

// What comes through a pipe is taken as it comes, between the archives that are named before and after it; at the end the
// books balance, and everything was given back once.
func TestStream(t *testing.T) {
	inbox, sent := &formats.Folder{Path: []string{"Inbox"}}, &formats.Folder{Path: []string{"Sent"}}
	before, piped, after := new(source), new(source), new(source)
	before.add(inbox, formats.KindMail, "before")
	after.add(inbox, formats.KindMail, "after")
	for i := range 3000 {
		subject := "fine"
		switch i % 100 {
		case 1:
			subject = "unreadable"
		case 2:
			subject = "refused"
		}
		folder := inbox
		if i/10%2 == 1 {
			folder = sent // folders take turns
		}
		piped.add(folder, formats.KindMail, subject)
	}
	piped.add(inbox, formats.KindEvent, "unwanted")
	piped.add(inbox, formats.KindMail, "lost").Err = errLost
	// Equal keys are numbered by folder, though folders end and begin again.
	piped.read = func(e formats.Entry) (*formats.Item, error) {
		it, err := (&source{}).Read(t.Context(), e)
		if it != nil && e.Index >= 2900 {
			it.Key = formats.Key(e.Kind, "the same")
		}
		return it, err
	}
	in := newStream(piped)
	in.fail = errors.New("unexpected EOF")
	out, watch := new(target), new(watcher)
	p := load.Plan{Jobs: 4, Routes: []load.Route{{Target: out}}, Observer: watch, Sources: []load.Input{{Name: "a.pst", Source: before}, {Name: "-", Source: in}, {Name: "c.pst", Source: after}}}
	p.Filters = []load.Filter{wanted(func(e *formats.Entry) bool { return e.Kind != formats.KindEvent })}
	result, err := load.Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := *result.Balance[formats.KindMail], (load.Count{Found: 3003, Written: 2942, Failed: 61}); got != want {
		t.Errorf("mail: %+v, want %+v", got, want)
	}
	if got := *result.Balance[formats.KindEvent]; got != (load.Count{Found: 1, Filtered: 1}) {
		t.Errorf("events: %+v", got)
	}
	if len(result.Sources) != 1 || result.Sources[0].Source != "-" || !errors.Is(result.Sources[0].Err, in.fail) {
		t.Errorf("sources: %v", result.Sources)
	}
	if !strings.HasPrefix(out.got[0], "a.pst:") || !strings.HasPrefix(out.got[len(out.got)-1], "c.pst:") {
		t.Errorf("order: %s … %s", out.got[0], out.got[len(out.got)-1])
	}
	const same = 98 // those of the last hundred that were written
	numbers := make(map[string]bool)
	for _, line := range out.got[len(out.got)-1-same : len(out.got)-1] {
		folder, key := strings.Split(line, ":")[1], line[strings.LastIndex(line, ":")+1:]
		if numbers[folder+key] {
			t.Errorf("two items of %s with the number %q", folder, key)
		}
		numbers[folder+key] = true
	}
	for i := range in.done {
		if n := in.done[i].Load(); n != 1 {
			t.Fatalf("entry %d was given back %d times", i, n)
		}
	}
	// 4 jobs have 256 places, and one entry waits for its place.
	if most := in.most.Load(); most > 257 {
		t.Errorf("%d entries were held at once", most)
	}
	if watch.items != 3004 {
		t.Errorf("%d items were told of", watch.items)
	}
	if p := watch.last; p.Open || p.Found != 3004 || p.Done != 3004 || watch.open == 0 {
		t.Errorf("progress at the end: %+v", p)
	}
}

// A pipe from which nothing comes any more keeps nobody from ending a run, and what had come is accounted for.
func TestStreamInterrupted(t *testing.T) {
	inbox := &formats.Folder{Path: []string{"Inbox"}}
	for _, fatal := range []bool{false, true} {
		s := new(source)
		for range 20 {
			s.add(inbox, formats.KindMail, "fine")
		}
		if fatal {
			s.entries[19].Subject = "fatal"
		}
		in := newStream(s)
		in.endless = true
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		out := new(target)
		if !fatal {
			out.onWrite = func(it *formats.Item) {
				if it.Index == 19 {
					cancel()
				}
			}
		}
		result, err := load.Run(ctx, load.Plan{Jobs: 2, Routes: []load.Route{{Target: out}}, Sources: []load.Input{{Name: "-", Source: in}}})
		if fatal {
			if f := new(load.Fatal); !errors.As(err, &f) {
				t.Errorf("error: %v", err)
			}
		} else if !errors.Is(err, context.Canceled) {
			t.Errorf("error: %v", err)
		}
		if !out.aborted || len(result.Sources) != 0 {
			t.Errorf("aborted: %v, sources: %v", out.aborted, result.Sources)
		}
		if got := *result.Balance[formats.KindMail]; got != (load.Count{Found: 20, Failed: 20}) {
			t.Errorf("%+v", got)
		}
		if i := slices.IndexFunc(in.entries, func(e formats.Entry) bool { return in.done[e.Index].Load() != 1 }); i >= 0 {
			t.Errorf("entry %d was given back %d times", i, in.done[i].Load())
		}
	}
}
