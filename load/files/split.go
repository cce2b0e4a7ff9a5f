package files

import (
	"slices"
	"strings"
	"time"

	"mailmill/formats"
)

// split is the layout with a file for each item.
type split struct {
	target    *Target
	mail      bool
	extension string // for the record, which tells layouts apart by it
	// open begins a folder.
	open func(place string) (shelf, error)
	// undated is the time of last change of items without a date. The zero time is the clock's.
	undated time.Time

	place  string
	shelf  shelf // of place
	items  int   // written there
	newest time.Time
}

// shelf is a folder that holds a file for each item.
type shelf interface {
	// name returns the path of an item's file. The item's sizes are known.
	name(*encoded) string
	// close completes the folder, which holds items as new as newest.
	close(newest time.Time) error
	// drop removes the folder: all of its items failed on the way.
	drop()
}

func (l *split) write(s *source, e *encoded) error {
	t := l.target
	if l.shelf == nil {
		place := s.place(e.item.Folder, l.mail)
		if err := t.record.enter(e.item, place, l.extension); err != nil {
			return err
		}
		shelf, err := l.open(place)
		if err != nil {
			return err
		}
		l.place, l.shelf, l.items, l.newest = place, shelf, 0, time.Time{}
	}
	when := modified(e.item)
	if when.IsZero() {
		when = l.undated
	}
	var err error
	if e.buffer == nil {
		err = l.stream(e, when)
	} else {
		name := l.shelf.name(e)
		if err = t.record.file(l.note(name, e, when), e.sum); err == nil {
			content := e.blob
			e.buffer = nil
			err = t.tree.put(name, when, content)
		}
	}
	if err != nil {
		return err
	}
	l.items++
	if when.After(l.newest) {
		l.newest = when
	}
	return nil
}

// leave ends a folder.
func (l *split) leave() error {
	shelf := l.shelf
	l.shelf = nil
	switch {
	case shelf == nil:
		return nil
	case l.items == 0:
		l.target.record.forget(l.place, l.extension)
		shelf.drop()
		return nil
	}
	return shelf.close(l.newest)
}

// stream writes an item that is not in memory.
func (l *split) stream(e *encoded, when time.Time) error {
	t := l.target
	f, err := t.store.create()
	if err != nil {
		return err
	}
	out, whole := newSink(f, true), false
	defer func() {
		if !whole {
			out.discard() //nolint:errcheck // the item has failed already
		}
	}()
	if err := t.stream(out, e); err != nil {
		return err
	}
	if err := out.flush(); err != nil {
		return err
	}
	whole = true
	e.size = out.size
	name := l.shelf.name(e)
	sum, err := out.close(name, when)
	if err != nil {
		return err
	}
	return t.record.file(l.note(name, e, when), sum)
}

// note is what the record has of an item's file. It keeps the state of a mail where neither the file nor its name do.
func (l *split) note(name string, e *encoded, when time.Time) recordFile {
	f := recordFile{Path: name, Size: e.size, Modified: stamp(when), Items: 1}
	if l.extension == emlExtension {
		f.Flags = e.item.Flags.Names()
		if e.item.Mail.Original != nil {
			f.Keywords = e.item.Keywords // those of others are among its fields
			if f.Flags == nil && slices.ContainsFunc(e.item.Mail.Header, tellsFlags) {
				f.Flags = []string{}
			}
		}
	}
	return f
}

// tellsFlags reports whether a field is one that readers of a mail's file take flags from.
func tellsFlags(f formats.Field) bool {
	return slices.ContainsFunc([]string{"Status", "X-Status", "X-Mozilla-Status", "X-Unsent"}, func(name string) bool { return strings.EqualFold(f.Name, name) })
}

func (l *split) close() error { return l.leave() }
func (l *split) discard()     {}

// modified returns the time of last change that an item's file gets: when it was received, else sent, else changed.
func modified(it *formats.Item) time.Time {
	for _, t := range []time.Time{it.Received, it.Date, it.Modified} {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}
