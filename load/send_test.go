package load_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mailmill/formats"
	"mailmill/load"
)

// sender is a target that answers from goroutines of its own, in an order of its own.
type sender struct {
	target
	answer  func(n int, it *formats.Item) (load.Outcome, error)
	late    func(n int) bool // answers that wait until no more comes
	sent    int
	order   []string
	pending sync.WaitGroup
	open    atomic.Int32
	most    atomic.Int32
}

func (s *sender) Send(ctx context.Context, e load.Encoded, done func(load.Outcome, error)) {
	n, it := s.sent, e.Item()
	s.sent++
	s.order = append(s.order, it.ID)
	if ctx.Err() != nil {
		done(load.Failed, &load.Fatal{Err: context.Cause(ctx)})
		return
	}
	s.most.Store(max(s.most.Load(), s.open.Add(1)))
	s.pending.Go(func() {
		if s.late != nil && s.late(n) {
			time.Sleep(time.Millisecond)
		}
		o, err := s.answer(n, it)
		s.open.Add(-1)
		done(o, err)
		done(load.Failed, errors.New("a second answer is not heard"))
	})
}

func written(int, *formats.Item) (load.Outcome, error) { return load.Written, nil }

// TestSendersAnswerLater is how servers are written to: items go out in the archive's order, answers come in any, and the
// books have them in the archive's order all the same.
func TestSendersAnswerLater(t *testing.T) {
	inbox := &formats.Folder{Path: []string{"Inbox"}}
	s := new(source)
	for i := range 500 {
		s.add(inbox, formats.KindMail, fmt.Sprint("mail ", i))
	}
	out := &sender{late: func(n int) bool { return n%7 == 0 }}
	out.answer = func(n int, it *formats.Item) (load.Outcome, error) {
		switch n % 5 {
		case 1:
			return load.Unchanged, nil
		case 2:
			return load.Unchanged, &load.Conflict{Reason: "deleted there"}
		case 3:
			return load.Failed, errors.New("too large")
		case 4:
			return load.Written, errors.New("what has an error is not written")
		}
		return load.Written, nil
	}
	p := plan(&out.target, s)
	p.Routes[0].Target = out
	watch := &outcomes{}
	p.Observer = watch
	result, err := load.Run(t.Context(), p)
	out.pending.Wait()
	if err != nil {
		t.Fatal(err)
	}
	want := load.Count{Found: 500, Written: 100, Unchanged: 200, Failed: 200}
	if got := *result.Balance[formats.KindMail]; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if len(result.Conflicts) != 100 || result.Conflicts[0].Err.Error() != "deleted there" {
		t.Errorf("%d conflicts", len(result.Conflicts))
	}
	var all []string
	for _, e := range s.entries {
		all = append(all, e.ID)
	}
	if !slices.Equal(out.order, all) {
		t.Error("items were not sent in the archive's order")
	}
	if !slices.Equal(watch.ids, all) {
		t.Error("items were not booked in the archive's order")
	}
	if out.most.Load() < 2 {
		t.Error("no two items were under way at once")
	}
	if n := out.released.Load(); n != 500 {
		t.Errorf("%d of 500 were released", n)
	}
	if !out.finished {
		t.Error("the target was not finished")
	}
}

// outcomes keeps what became of items.
type outcomes struct{ ids []string }

func (o *outcomes) Progress(load.Progress) {}
func (o *outcomes) Item(it *formats.Item, _ load.Outcome, _ error) {
	o.ids = append(o.ids, it.ID)
}

// TestSenderThatCannotGoOn keeps what was confirmed before and after the error came, and counts the rest as left.
func TestSenderThatCannotGoOn(t *testing.T) {
	inbox := &formats.Folder{Path: []string{"Inbox"}}
	s := new(source)
	for i := range 300 {
		s.add(inbox, formats.KindMail, fmt.Sprint("mail ", i))
	}
	out := &sender{late: func(n int) bool { return n < 40 }}
	out.keeps = true
	out.answer = func(n int, it *formats.Item) (load.Outcome, error) {
		if n == 40 {
			return load.Failed, &load.Fatal{Err: errors.New("over quota")}
		}
		return load.Written, nil
	}
	p := plan(&out.target, s)
	p.Routes[0].Target = out
	result, err := load.Run(t.Context(), p)
	out.pending.Wait()
	if err == nil || err.Error() != "over quota" {
		t.Fatalf("error %v", err)
	}
	c := *result.Balance[formats.KindMail]
	if c.Written != out.sent-1 || c.Failed != 300-c.Written || result.Left != c.Failed || result.Dropped != 0 {
		t.Errorf("%d sent: %+v, left %d, dropped %d", out.sent, c, result.Left, result.Dropped)
	}
	if !out.aborted || out.released.Load() != out.encoded.Load() {
		t.Errorf("aborted %v, %d of %d released", out.aborted, out.released.Load(), out.encoded.Load())
	}
}

// TestSenderIsInterrupted lets what is on its way arrive, and begins nothing more.
func TestSenderIsInterrupted(t *testing.T) {
	inbox := &formats.Folder{Path: []string{"Inbox"}}
	s := new(source)
	for i := range 1000 {
		s.add(inbox, formats.KindMail, fmt.Sprint("mail ", i))
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	out := &sender{late: func(int) bool { return true }}
	out.keeps = true
	stop := errors.New("interrupted")
	out.answer = func(n int, it *formats.Item) (load.Outcome, error) {
		if n == 50 {
			cancel(stop)
		}
		return load.Written, nil
	}
	p := plan(&out.target, s)
	p.Routes[0].Target = out
	result, err := load.Run(ctx, p)
	out.pending.Wait()
	if !errors.Is(err, stop) {
		t.Fatalf("error %v", err)
	}
	c := *result.Balance[formats.KindMail]
	if c.Written < 51 || c.Written == 1000 || c.Written+result.Left != 1000 {
		t.Errorf("%+v, left %d", c, result.Left)
	}
}

// TestSenderThatPanics fails the item alone.
func TestSenderThatPanics(t *testing.T) {
	inbox := &formats.Folder{Path: []string{"Inbox"}}
	s := new(source)
	s.add(inbox, formats.KindMail, "one")
	s.add(inbox, formats.KindMail, "two")
	out := &panicking{sender{answer: written}}
	p := plan(&out.target, s)
	p.Routes[0].Target = out
	result, err := load.Run(t.Context(), p)
	out.pending.Wait()
	if err != nil || result.Balance[formats.KindMail].Failed != 1 || result.Balance[formats.KindMail].Written != 1 {
		t.Errorf("%v, %+v", err, *result.Balance[formats.KindMail])
	}
}

type panicking struct{ sender }

func (p *panicking) Send(ctx context.Context, e load.Encoded, done func(load.Outcome, error)) {
	if e.Item().Subject == "one" {
		panic("nil map")
	}
	p.sender.Send(ctx, e, done)
}
