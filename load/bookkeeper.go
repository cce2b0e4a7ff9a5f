package load

import (
	"errors"
	"time"

	"mailmill/formats"
)

// bookkeeper writes items in order and records what became of them. It belongs to one goroutine.
type bookkeeper struct {
	run      *run
	list     *list
	keys     keys
	progress Progress
}

// store takes an entry to its outcome. An error is fatal; then the entry has none.
func (b *bookkeeper) store(s *slot) error {
	if s.list != b.list {
		b.enter(s.list)
	}
	item := s.item
	// What is filtered, or fails from here on, has its number too: a key does not depend on options.
	if item != nil && item.Key != "" {
		item.Key = b.keys.final(item.Key)
	}
	if s.encoded != nil && s.err == nil {
		s.err = guard(func() (err error) {
			s.outcome, err = b.run.plan.Routes[s.route].Target.Write(b.run.ctx, s.encoded)
			return err
		})
		var fatal *Fatal
		if errors.As(s.err, &fatal) {
			return s.err
		}
		if s.err != nil {
			b.run.logPanic(s.err)
			s.outcome = Failed
		}
	}
	if item == nil {
		item = &formats.Item{Entry: s.entry, Source: b.run.plan.Sources[s.list.source].Name}
	}
	b.record(s, item)
	return nil
}

// enter begins another folder.
func (b *bookkeeper) enter(l *list) {
	b.list = l
	b.keys = make(keys)
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
	b.progress.Bytes = result.Bytes
	b.progress.Elapsed = time.Since(b.run.start)
	b.run.plan.Observer.Progress(b.progress)
}
