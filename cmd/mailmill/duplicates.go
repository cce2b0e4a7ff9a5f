package main

import (
	"context"
	"errors"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/transform/filter"
)

// met are the items that a run has met, where it leaves out those that say the same as one before; else nil.
type met struct{ items *filter.Duplicates }

// met returns what a run is to know of the items before.
func (f *filters) met() *met {
	if !f.skipDuplicates {
		return nil
	}
	return &met{filter.NewDuplicates()}
}

// once returns a target that gets what is wanted of items that say the same.
func (f *filters) once(target load.Target) load.Target { return f.met().guard(target) }

// guard returns a target that gets no item that says the same as one before, in the order of the run. All targets of a run
// share what was met.
func (m *met) guard(target load.Target) load.Target {
	if m == nil {
		return target
	}
	switch t := target.(type) {
	case load.Sender:
		return &firstSender{first{target, m.items}, t}
	case load.Writer:
		return &firstWriter{first{target, m.items}, t}
	}
	return target
}

// first is a target that takes the first of several items that say the same.
type first struct {
	load.Target
	met *filter.Duplicates
}

// printed is an encoded item with its print, if it has one.
type printed struct {
	load.Encoded
	print filter.Print
	is    bool
}

// Encode implements [load.Target].
func (f *first) Encode(ctx context.Context, it *formats.Item) (load.Encoded, error) {
	p := new(printed)
	// Targets may note what they could not read as damage; so what the item says comes first.
	p.print, p.is = f.met.Print(it)
	var err error
	if p.Encoded, err = f.Target.Encode(ctx, it); err != nil {
		return nil, err
	}
	return p, nil
}

// firstWriter is one that writes.
type firstWriter struct {
	first
	writer load.Writer
}

// settle takes back that an item was met which could not be written: a copy of it may be whole. One that its owner changed
// or deleted on the target was met all the same: a copy would bring back what he does not want.
func (f *first) settle(p *printed, outcome load.Outcome, err error) {
	var conflict *load.Conflict
	if p.is && (err != nil || outcome == load.Failed) && !errors.As(err, &conflict) {
		f.met.Forget(p.print)
	}
}

// Write implements [load.Writer].
func (f *firstWriter) Write(ctx context.Context, e load.Encoded) (load.Outcome, error) {
	p := e.(*printed)
	if p.is && !f.met.First(p.print) {
		return load.Duplicate, nil
	}
	outcome, err := f.writer.Write(ctx, p.Encoded)
	f.settle(p, outcome, err)
	return outcome, err
}

// firstSender is one that answers later.
type firstSender struct {
	first
	sender load.Sender
}

// Send implements [load.Sender].
func (f *firstSender) Send(ctx context.Context, e load.Encoded, done func(load.Outcome, error)) {
	p := e.(*printed)
	if p.is && !f.met.First(p.print) {
		done(load.Duplicate, nil)
		return
	}
	f.sender.Send(ctx, p.Encoded, func(outcome load.Outcome, err error) {
		f.settle(p, outcome, err)
		done(outcome, err)
	})
}
