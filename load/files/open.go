package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Open prepares to write to a target, of the [Form] that its name says; stdout is standard output. Folders are created
// with their parents. It returns an error that is [ErrExists], [ErrBlocked], [ErrSource], [ErrInUse] or [ErrUnfinished],
// and leaves the place as it is, where the run may not write there. What an earlier run that was killed had half done in the place is undone first.
func Open(path string, stdout io.Writer, o Options) (*Target, error) {
	seen := make(map[string]bool)
	for _, s := range o.Sources {
		if seen[s.Name] {
			return nil, fmt.Errorf("%s is named twice", s.Name)
		}
		seen[s.Name] = true
	}
	form := FormOf(path)
	t := newTarget(&o, form)
	path, err := form.follow(path)
	if err != nil {
		return nil, err
	}
	store, err := form.open(path, stdout, t, &o)
	if err != nil {
		return nil, err
	}
	return t, t.start(store, form, &o)
}

// follow returns the path of what a target's name leads to in the end. A link to a file stays where it is, and the file
// it leads to is written: what is staged has to be beside that. Of a folder the system itself follows links.
func (f Form) follow(path string) (string, error) {
	if f.Stream() {
		return path, nil
	}
	path = filepath.Clean(path)
	for at := path; ; at = filepath.Dir(at) {
		info, err := os.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at) {
			continue
		}
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return path, nil // what is wrong there comes to light when it is written to
		}
		if _, err := os.Stat(at); errors.Is(err, fs.ErrNotExist) {
			to, _ := os.Readlink(at) // it was a link a moment ago
			return "", fmt.Errorf("%s: %w: it is a link to %s, which is not there", at, ErrBlocked, to)
		}
		if at != path || f.Folder() {
			return path, nil
		}
		return filepath.EvalSymlinks(path)
	}
}

// open opens the store of a form.
func (f Form) open(path string, stdout io.Writer, t *Target, o *Options) (store, error) {
	// A nil pointer must not become a store that is not nil.
	var opened store
	var err error
	switch f.kind {
	case formStream:
		opened, err = openStream(stdout)
	case formSingle:
		opened, err = openSingle(path, f, o)
	case formTar, formZip:
		opened, err = openArchive(path, f, o)
	default:
		opened, err = openFolder(path, o, newPlan(t))
	}
	if err != nil {
		return nil, err
	}
	return opened, nil
}

// Rehearse returns a target that does all that the one of [Open] would do but write, or the error that Open would return
// for what is in the way. It leaves everything as it is.
func Rehearse(path string, o Options) (*Target, error) {
	form := FormOf(path)
	t := newTarget(&o, form)
	path, err := form.follow(path)
	if err != nil {
		return nil, err
	}
	switch form.kind {
	case formStream:
	case formSingle:
		err = lookSingle(path, &o)
	case formTar, formZip:
		err = lookArchive(path, form, &o)
	default:
		if unfinished(path) {
			err = fmt.Errorf("%s: %w, or does it now; what was there before comes back with the next run that writes", path, ErrUnfinished)
		} else {
			err = (&folder{path: path}).look(&o, newPlan(t))
		}
	}
	if err != nil {
		return nil, err
	}
	return t, t.start(nowhere{}, form, &o)
}

// start begins to write into a store.
func (t *Target) start(s store, form Form, o *Options) error {
	w, err := s.record()
	if err == nil {
		t.record, err = newRecorder(w, o.head())
	}
	if err != nil {
		return errors.Join(err, s.abort())
	}
	t.store = s
	t.tree, _ = s.(tree)
	for _, b := range t.branches {
		switch {
		case b == nil:
		case form.Single():
			one, ok := b.shape.(joinable)
			if !ok {
				return errors.Join(fmt.Errorf("one file holds an mbox, not %s", t.format.Name()), s.abort())
			}
			b.layout = &whole{target: t, joinable: one}
		default:
			b.layout = b.shape.layout(t)
		}
	}
	return nil
}

// Wrote returns how many files were written, the record not among them, and their bytes before compression. It is known
// after Finish.
func (t *Target) Wrote() (files int, bytes int64) { return t.record.files, t.record.bytes }

// Finish implements [load.Target]: what was written gets its final names.
func (t *Target) Finish(context.Context) error {
	var err error
	for _, b := range t.branches {
		if b != nil && err == nil {
			err = b.layout.close()
		}
	}
	if err == nil {
		err = t.record.close()
	}
	if err == nil {
		err = t.store.finish()
	}
	t.ended = err == nil
	return err
}

// Abort implements [load.Target]: nothing that was written stays. What went to standard output is gone already.
func (t *Target) Abort() (dropped bool, err error) {
	if t.ended {
		return false, nil
	}
	t.ended = true
	for _, b := range t.branches {
		if b != nil {
			b.layout.discard()
		}
	}
	return true, t.store.abort()
}
