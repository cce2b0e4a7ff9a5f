package files

import (
	"io"
	"time"

	"mailmill/formats"
)

// joined is the layout with a file for each folder, which holds its items one after the other.
type joined struct {
	target *Target
	joinable
	extension string
	mail      bool

	place string
	file  *joinedFile // of place
}

// composer writes the items of a file one after the other.
type composer interface {
	// begin writes what stands before all items, and end what follows them.
	begin(*sink) error
	// add writes an item. After an error that is not fatal the file is as if the item had not been.
	add(*sink, *encoded) error
	end(*sink) error
}

func (l *joined) write(s *source, e *encoded) error {
	if l.file == nil {
		if err := l.enter(s.place(e.item.Folder, l.mail), e); err != nil {
			return err
		}
	}
	return l.file.add(e)
}

// enter begins the file of a folder.
func (l *joined) enter(place string, e *encoded) error {
	t := l.target
	if err := t.record.enter(e.item, place, l.extension); err != nil {
		return err
	}
	if err := t.tree.folder(parent(place)); err != nil {
		return err
	}
	f, err := t.store.create()
	if err != nil {
		return err
	}
	l.place, l.file = place, &joinedFile{sink: newSink(f, true), composer: l.compose(t, e.item.Folder)}
	return l.file.begin(l.file.sink)
}

// leave completes the file at hand.
func (l *joined) leave() error {
	if l.file == nil {
		return nil
	}
	t, f := l.target, l.file
	l.file = nil
	if f.items == 0 {
		t.record.forget(l.place, l.extension)
		err := f.sink.discard()
		t.tree.drop(parent(l.place))
		return err
	}
	if err := f.end(f.sink); err != nil {
		f.sink.discard() //nolint:errcheck // err is what went wrong first
		return err
	}
	name := l.place + l.extension
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
	joinable
	file *joinedFile
}

func (l *whole) write(_ *source, e *encoded) error {
	if err := l.begin(); err != nil {
		return err
	}
	return l.file.add(e)
}

func (l *whole) begin() error {
	if l.file != nil {
		return nil
	}
	f, err := l.target.store.create()
	if err != nil {
		return err
	}
	l.file = &joinedFile{sink: newSink(f, false), composer: l.compose(l.target, nil)}
	return l.file.begin(l.file.sink)
}

func (l *whole) leave() error { return nil }

func (l *whole) close() error {
	if err := l.begin(); err != nil { // a file without items is a file, too
		return err
	}
	f := l.file
	l.file = nil
	if err := f.end(f.sink); err != nil {
		f.sink.discard() //nolint:errcheck // err is what went wrong first
		return err
	}
	if _, err := f.sink.close("", f.newest); err != nil {
		return err
	}
	return l.target.record.file(recordFile{Size: f.sink.size, Items: f.items}, digest{})
}

func (l *whole) discard() {
	if l.file != nil {
		l.file.sink.discard() //nolint:errcheck // the store goes as a whole
	}
}

// joinedFile is a file that holds items one after the other.
type joinedFile struct {
	sink *sink
	composer
	items  int
	newest time.Time
}

func (f *joinedFile) add(e *encoded) error {
	before := f.sink.size
	if err := f.composer.add(f.sink, e); err != nil {
		return err
	}
	e.size = f.sink.size - before
	f.items++
	if when := modified(e.item); when.After(f.newest) {
		f.newest = when
	}
	return nil
}

// plainFile is the composer of files in which items follow each other with nothing else.
type plainFile struct{ target *Target }

func (plainFile) begin(*sink) error { return nil }
func (plainFile) end(*sink) error   { return nil }

func (c plainFile) add(s *sink, e *encoded) error {
	if e.buffer != nil {
		return e.buffer.pieces(s.write)
	}
	return s.attempt(func(w io.Writer) error { return c.target.stream(w, e) })
}

// folderTitle is what a folder is called where its file has a title; one file for all folders has none.
func folderTitle(f *formats.Folder) string {
	if f == nil || len(f.Path) == 0 {
		return ""
	}
	return f.Path[len(f.Path)-1]
}
