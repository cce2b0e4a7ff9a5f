package load

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"mailmill/formats"
)

// mailer hands items to their targets, in order. It belongs to one goroutine at a time.
type mailer struct {
	run  *run
	list *list
	keys keys
}

// post hands what a slot holds to its target. What becomes of it is told to settle, now or later.
func (m *mailer) post(s *slot, settle func(Outcome, error)) {
	if s.list != m.list {
		m.list, m.keys = s.list, s.list.keys
		if m.keys == nil {
			m.keys = make(keys)
		}
	}
	// What is filtered, or fails from here on, has its number too: a key does not depend on options.
	if s.item != nil && s.item.Key != "" {
		s.item.Key = m.keys.final(s.item.Key)
	}
	if s.encoded == nil || s.err != nil {
		settle(s.outcome, s.err)
		return
	}
	switch target := m.run.plan.Routes[s.route].Target.(type) {
	case Sender:
		m.send(target, s.encoded, settle)
	case Writer:
		var outcome Outcome
		err := guard(func() (err error) {
			outcome, err = target.Write(m.run.ctx, s.encoded)
			return err
		})
		settle(outcomeOf(outcome, err), err)
	default:
		settle(Failed, fmt.Errorf("a target that takes no items: %T", target))
	}
}

// send gives an item to a target that answers later, and sees to it that there is one answer.
func (m *mailer) send(target Sender, e Encoded, settle func(Outcome, error)) {
	var once sync.Once
	answer := func(outcome Outcome, err error) {
		once.Do(func() { settle(outcomeOf(outcome, err), err) })
	}
	if err := guard(func() error { target.Send(m.run.stopping, e, answer); return nil }); err != nil {
		answer(Failed, err)
	}
}

// outcomeOf returns the outcome of an item that has an error: only a conflict may leave it unchanged.
func outcomeOf(o Outcome, err error) Outcome {
	var conflict *Conflict
	if err == nil || o == Unchanged && errors.As(err, &conflict) {
		return o
	}
	return Failed
}

// bookkeeper records in order what became of items. It belongs to one goroutine at a time.
type bookkeeper struct {
	run      *run
	list     *list
	listed   int // entries that were known before the run began
	progress Progress
}

// book records what became of the item of a slot.
func (b *bookkeeper) book(s *slot) {
	if s.list != b.list {
		b.enter(s.list)
	}
	item := s.item
	if item == nil {
		item = &formats.Item{Entry: s.entry, Source: b.run.plan.Sources[s.list.source].Name}
	}
	b.run.logPanic(s.err)
	b.record(s, item)
}

// enter begins another folder.
func (b *bookkeeper) enter(l *list) {
	b.list = l
	b.progress.Source = b.run.plan.Sources[l.source].Name
	b.progress.Folder = l.folder
	b.progress.FolderDone, b.progress.FolderFound = 0, l.n
}

// record books an outcome and tells the observer. The kind is the one that the entry was found with.
func (b *bookkeeper) record(s *slot, item *formats.Item) {
	result, kind := b.run.result, s.entry.Kind
	result.Balance.add(kind, s.outcome, 1)
	switch s.outcome {
	case Failed:
		result.Failures = append(result.Failures, Failure{item.Source, item.Entry, item.Key, s.err})
	case Written, Unchanged:
		if len(item.Damage) > 0 {
			result.Balance.count(kind).Damaged++
			result.Damaged = append(result.Damaged, Damaged{item.Source, item.Entry, item.Key, item.Damage})
		}
		var conflict *Conflict
		if errors.As(s.err, &conflict) {
			result.Conflicts = append(result.Conflicts, Failure{item.Source, item.Entry, item.Key, conflict})
		}
	}
	if s.outcome == Written {
		w := b.run.written[s.route]
		w.add(kind, Written, 1)
		if len(item.Damage) > 0 {
			w.count(kind).Damaged++
		}
		result.Bytes += s.encoded.Size()
	}

	if b.run.plan.Observer == nil {
		return
	}
	b.run.plan.Observer.Item(item, s.outcome, s.err)
	b.progress.Done++
	b.progress.FolderDone++
	b.tell()
}

// tell shows how far the run is.
func (b *bookkeeper) tell() {
	b.progress.Open = b.run.queue.open.Load() > 0
	b.progress.Found = b.listed + int(b.run.queue.streamed.Load())
	b.progress.Bytes = b.run.result.Bytes
	b.progress.Elapsed = time.Since(b.run.start)
	b.run.plan.Observer.Progress(b.progress)
}
