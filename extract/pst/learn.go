package pst

import (
	"context"
	"iter"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/pst"
)

var _ extract.Learner = (*Archive)(nil)

// Places implements [extract.Learner]. They are the store, and every message that the file's index has: hidden folders,
// associated items and what no table lists know people too.
func (a *Archive) Places(ctx context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		if !yield(formats.Entry{ID: idString(pst.NIDStore), Index: pack(pst.NIDStore, mapi.Value{}), Hidden: true}, nil) {
			return
		}
		for _, n := range a.store.Nodes() {
			kind := pst.KindOf(n.id)
			if kind != pst.KindMessage && kind != pst.KindAssociated {
				continue
			}
			if err := ctx.Err(); err != nil {
				yield(formats.Entry{}, err)
				return
			}
			e := formats.Entry{ID: idString(n.id), Index: pack(n.id, mapi.Value{}), Hidden: kind == pst.KindAssociated}
			if f := a.tree.byID[n.parent]; f != nil {
				e.Folder = f.Folder
				e.Hidden = e.Hidden || f.Hidden && !a.opt.Hidden
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// Learn implements [extract.Learner].
func (a *Archive) Learn(ctx context.Context, e formats.Entry, lesson *formats.Lesson) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	id, _, _ := unpack(e.Index)
	if id == pst.NIDStore {
		props, err := a.store.Properties()
		if props != nil {
			a.convert.LearnOwner(lesson, props)
		}
		return err
	}
	return a.store.Visit(id, func(m mapi.Message) { a.convert.Learn(lesson, m) })
}
