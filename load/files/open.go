package files

import (
	"context"
	"errors"
	"fmt"
)

// Open prepares to write into a folder, which it creates if need be, with its parents. It returns an error that is
// [ErrExists] or [ErrInUse], and leaves the folder as it is, where the run may not write there.
func Open(path string, o Options) (*Target, error) {
	seen := make(map[string]bool)
	for _, s := range o.Sources {
		if seen[s.Name] {
			return nil, fmt.Errorf("%s is named twice", s.Name)
		}
		seen[s.Name] = true
	}
	t := &Target{format: o.Format, trees: newTrees(&o)}
	store, err := openFolder(path, &o, newPlan(t))
	if err != nil {
		return nil, err
	}
	return t, t.start(store, &o)
}

// Check returns the error that [Open] would give for what stands in the way, and leaves everything as it is.
func Check(path string, o Options) error {
	t := &Target{format: o.Format, trees: newTrees(&o)}
	return checkFolder(path, &o, newPlan(t))
}

// start begins to write into a store.
func (t *Target) start(s store, o *Options) error {
	w, err := s.record()
	if err == nil {
		t.record, err = newRecorder(w, o.head())
	}
	if err != nil {
		return errors.Join(err, s.abort())
	}
	t.store = s
	if !t.format.Joined() {
		t.split = newSplit(t)
	}
	return nil
}

// Finish implements [load.Target]: what was written gets its final names.
func (t *Target) Finish(context.Context) error {
	if err := t.complete(); err != nil {
		return err
	}
	if err := t.store.finish(); err != nil {
		return err
	}
	t.ended = true
	return nil
}

// complete ends all files.
func (t *Target) complete() error {
	if err := t.closeJoined(); err != nil {
		return err
	}
	if t.split != nil {
		split := t.split
		t.split = nil
		if err := split.close(); err != nil {
			return err
		}
	}
	return t.record.close()
}

// Abort implements [load.Target]: nothing that was written stays.
func (t *Target) Abort() (dropped bool, err error) {
	if t.ended {
		return false, nil
	}
	t.ended = true
	var errs []error
	if t.joined != nil {
		errs = append(errs, t.joined.sink.discard())
		t.joined = nil
	}
	if t.split != nil {
		t.split.close() // its error, if any, is why the run ended
		t.split = nil
	}
	return true, errors.Join(append(errs, t.store.abort())...)
}
