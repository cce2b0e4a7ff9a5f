package load_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"mailmill/formats"
	"mailmill/load"
)

// teacher is an archive to learn from. What happens at a place is told by its ID.
type teacher struct {
	source
	places []formats.Entry
	learn  func(formats.Entry)
}

func (s *teacher) Places(context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		for _, e := range s.places {
			if !yield(e, nil) {
				return
			}
		}
		if s.fail != nil {
			yield(formats.Entry{}, s.fail)
		}
	}
}

func (s *teacher) Learn(_ context.Context, e formats.Entry, lesson *formats.Lesson) error {
	if s.learn != nil {
		s.learn(e)
	}
	switch e.ID {
	case "unreadable":
		return errLost
	case "panics":
		panic("index out of range")
	}
	lesson.Evidence = append(lesson.Evidence, formats.Evidence{Name: e.ID})
	return nil
}

func (s *teacher) add(ids ...string) *teacher {
	f := &formats.Folder{Path: []string{"Inbox"}}
	for _, id := range ids {
		s.places = append(s.places, formats.Entry{Folder: f, ID: id, Hidden: id == "hidden"})
	}
	return s
}

// pupil remembers lessons.
type pupil struct {
	mu      sync.Mutex
	lessons map[string]formats.Lesson
}

func (p *pupil) Learn(l *formats.Lesson) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lessons == nil {
		p.lessons = make(map[string]formats.Lesson)
	}
	if len(l.Evidence) != 1 || l.Evidence[0].Name != l.ID {
		panic(fmt.Sprintf("lesson %s has %v", l.ID, l.Evidence))
	}
	p.lessons[l.Source+"/"+l.ID] = *l
}

// TestLearn goes through every place of every source once, and past what cannot be read.
func TestLearn(t *testing.T) {
	a, b := new(teacher).add("1", "unreadable", "hidden", "panics"), new(teacher)
	for i := range 1000 {
		b.add(fmt.Sprint(i))
	}
	b.fail = errLost
	plain := &source{}
	var p pupil
	last, total := 0, 0
	learned, err := load.Learn(t.Context(), load.Lessons{
		Sources:  []load.Input{{Name: "a", Source: a}, {Name: "b", Source: b}, {Name: "c", Source: plain}},
		Pupil:    &p,
		Jobs:     3,
		Progress: func(done, of int) { last, total = max(last, done), of },
	})
	if err != nil || learned.Places != 1004 || learned.Unreadable != 2 || len(p.lessons) != 1002 || last != 1004 || total != 1004 {
		t.Errorf("%+v, %v; %d lessons, %d of %d", learned, err, len(p.lessons), last, total)
	}
	if l := p.lessons["a/hidden"]; !l.Hidden || l.Source != "a" || l.Folder.String() != "Inbox" {
		t.Errorf("the hidden one's lesson is %+v", l)
	}
}

// TestLearnIsInterrupted ends soon when its context does, and says why.
func TestLearnIsInterrupted(t *testing.T) {
	errStop := errors.New("the user does not want to")
	ctx, cancel := context.WithCancelCause(t.Context())
	a := new(teacher)
	for i := range 100_000 {
		a.add(fmt.Sprint(i))
	}
	a.learn = func(e formats.Entry) {
		if e.ID == "500" {
			cancel(errStop)
		}
	}
	start := time.Now()
	learned, err := load.Learn(ctx, load.Lessons{Sources: []load.Input{{Name: "a", Source: a}}, Pupil: new(pupil), Jobs: 2})
	if !errors.Is(err, errStop) || learned.Places > 10_000 || time.Since(start) > 10*time.Second {
		t.Errorf("%+v, %v", learned, err)
	}
}
