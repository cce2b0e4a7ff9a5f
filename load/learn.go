package load

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"mailmill/formats"
)

// Teacher is what [Learn] needs of an archive.
type Teacher interface {
	Places(context.Context) iter.Seq2[formats.Entry, error]
	Learn(context.Context, formats.Entry, *formats.Lesson) error
}

// Pupil takes lessons. It is called by several goroutines at once, and what it has learnt in the end must not depend on
// the order. It keeps no part of a lesson but its folder, and of the strings copies: they may be small parts of something
// big.
type Pupil interface {
	Learn(*formats.Lesson)
}

// Lessons is a first pass over all sources of a run before it starts.
type Lessons struct {
	Sources []Input
	Pupil   Pupil
	// Jobs is the number of items that are read at once; 0 is one for each processor.
	Jobs int
	// Progress, which may be nil, is told now and then how many places of how many are done, of all sources together. It
	// is called by one goroutine at a time.
	Progress func(done, total int)
	// Log gets what cannot be read; nil drops it. It costs nothing here: what is lost is told when items are read.
	Log *slog.Logger
}

// Learned says what a first pass has read.
type Learned struct {
	Places, Unreadable int
	Elapsed            time.Duration
}

const (
	// placesPerTurn is how many places a goroutine takes at a time.
	placesPerTurn = 128
	// mostRoom is for how much evidence a goroutine keeps the room of one item for the next.
	mostRoom = 1 << 12
)

// Learn goes through all sources that are a [Teacher] and gives the pupil what they tell. An error is the cause of the
// context's end; what cannot be read is only counted.
func Learn(ctx context.Context, plan Lessons) (Learned, error) {
	start := time.Now()
	log := plan.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	jobs := plan.Jobs
	if jobs <= 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	total := 0
	for i := range plan.Sources {
		total += countPlaces(ctx, plan.Sources[i].Source)
	}
	turns := make(chan turn)
	var done, unreadable atomic.Int64
	var telling sync.Mutex
	var workers sync.WaitGroup
	for range jobs {
		workers.Go(func() {
			var lesson formats.Lesson
			for t := range turns {
				for i := range t.places {
					if ctx.Err() != nil {
						break
					}
					e := &t.places[i]
					lesson = formats.Lesson{Source: t.input.Name, Folder: e.Folder, ID: e.ID, Date: e.Date, Hidden: e.Hidden, Evidence: emptied(lesson.Evidence)}
					err := guard(func() error {
						if err := t.teacher.Learn(ctx, *e, &lesson); err != nil {
							return err
						}
						plan.Pupil.Learn(&lesson)
						return nil
					})
					if err != nil && ctx.Err() == nil {
						unreadable.Add(1)
						log.Debug("nothing to learn from", "source", t.input.Name, "source_id", e.ID, "reason", err)
						var p *Panic
						if errors.As(err, &p) {
							log.Debug("panic", "value", fmt.Sprint(p.Value), "stack", string(p.Stack))
						}
					}
				}
				n := done.Add(int64(len(t.places)))
				if plan.Progress != nil {
					telling.Lock()
					plan.Progress(int(n), total)
					telling.Unlock()
				}
			}
		})
	}
	for i := range plan.Sources {
		if err := guard(func() error { return handOut(ctx, &plan.Sources[i], turns) }); err != nil && ctx.Err() == nil {
			log.Debug("not everything can be learnt from", "source", plan.Sources[i].Name, "reason", err)
		}
	}
	close(turns)
	workers.Wait()
	learned := Learned{Places: int(done.Load()), Unreadable: int(unreadable.Load()), Elapsed: time.Since(start)}
	if ctx.Err() != nil {
		return learned, context.Cause(ctx)
	}
	return learned, nil
}

// emptied returns the room that evidence took, unless there is much of it.
func emptied(list []formats.Evidence) []formats.Evidence {
	if cap(list) > mostRoom {
		return nil
	}
	clear(list)
	return list[:0]
}

// turn is what one goroutine takes at a time.
type turn struct {
	input   *Input
	teacher Teacher
	places  []formats.Entry
}

func countPlaces(ctx context.Context, s Source) (n int) {
	teacher, ok := s.(Teacher)
	if !ok {
		return 0
	}
	guard(func() error { //nolint:errcheck // the number is for the progress only
		for _, err := range teacher.Places(ctx) {
			if err != nil {
				break
			}
			n++
		}
		return nil
	})
	return n
}

// handOut sends a source's places to the goroutines that learn.
func handOut(ctx context.Context, input *Input, turns chan<- turn) error {
	teacher, ok := input.Source.(Teacher)
	if !ok {
		return nil
	}
	places := make([]formats.Entry, 0, placesPerTurn)
	send := func() error {
		if len(places) == 0 {
			return nil
		}
		select {
		case turns <- turn{input, teacher, places}:
			places = make([]formats.Entry, 0, placesPerTurn)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for e, err := range teacher.Places(ctx) {
		if err != nil {
			return errors.Join(send(), err)
		}
		if places = append(places, e); len(places) == placesPerTurn {
			if err := send(); err != nil {
				return err
			}
		}
	}
	return send()
}
