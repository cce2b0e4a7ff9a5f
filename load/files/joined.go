package files

import (
	"io"
	"time"
)

// joined is the layout with a file for each folder, which holds its items one after the other.
type joined struct {
	target *Target
	place  string
	file   *joinedFile // of place
}

func (l *joined) write(s *source, e *encoded) error {
	if place := s.place(e.item.Folder); l.file == nil || l.place != place {
		if err := l.leave(); err != nil {
			return err
		}
		if err := l.enter(place, e); err != nil {
			return err
		}
	}
	return l.file.add(l.target, e)
}

// enter begins the file of a folder.
func (l *joined) enter(place string, e *encoded) error {
	t := l.target
	if err := t.record.enter(e.item, place); err != nil {
		return err
	}
	if err := t.tree.folder(parent(place)); err != nil {
		return err
	}
	f, err := t.store.create()
	if err != nil {
		return err
	}
	l.place, l.file = place, &joinedFile{sink: newSink(f, true)}
	return nil
}

// leave completes the file at hand.
func (l *joined) leave() error {
	if l.file == nil {
		return nil
	}
	t, f := l.target, l.file
	l.file = nil
	if f.items == 0 {
		t.record.forget(l.place)
		err := f.sink.discard()
		t.tree.drop(parent(l.place))
		return err
	}
	name := l.place + mboxExtension
	sum, err := f.sink.close(name, f.newest)
	if err != nil {
		return err
	}
	return t.record.file(recordFile{Path: name, Size: f.sink.size, Modified: stamp(f.newest), Items: f.items}, sum)
}

func (l *joined) close() error { return l.leave() }

func (l *joined) discard() {
	if l.file != nil {
		l.file.sink.discard() //nolint:errcheck // the store goes as a whole
	}
}

// whole is the layout of one file, which holds the items of all folders in the run's order.
type whole struct {
	target *Target
	file   *joinedFile
}

func (l *whole) write(_ *source, e *encoded) error {
	if err := l.begin(); err != nil {
		return err
	}
	return l.file.add(l.target, e)
}

func (l *whole) begin() error {
	if l.file != nil {
		return nil
	}
	f, err := l.target.store.create()
	if err == nil {
		l.file = &joinedFile{sink: newSink(f, false)}
	}
	return err
}

func (l *whole) close() error {
	if err := l.begin(); err != nil { // a file without items is a file, too
		return err
	}
	f := l.file
	l.file = nil
	if _, err := f.sink.close("", f.newest); err != nil {
		return err
	}
	return l.target.record.file(recordFile{Size: f.sink.size, Items: f.items}, [32]byte{})
}

func (l *whole) discard() {
	if l.file != nil {
		l.file.sink.discard() //nolint:errcheck // the store goes as a whole
	}
}

// joinedFile is a file that holds items one after the other.
type joinedFile struct {
	sink   *sink
	items  int
	newest time.Time
}

func (f *joinedFile) add(t *Target, e *encoded) error {
	before := f.sink.size
	var err error
	if e.buffer != nil {
		err = e.buffer.pieces(f.sink.write)
	} else {
		err = f.sink.attempt(func(w io.Writer) error { return t.stream(w, e) })
	}
	if err != nil {
		return err
	}
	e.size = f.sink.size - before
	f.items++
	if when := modified(e.item); when.After(f.newest) {
		f.newest = when
	}
	return nil
}
