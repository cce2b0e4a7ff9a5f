// Package check reads all of an archive, and says what of it is damaged.
//
// That takes two steps. [File] checks the archive's file as such, where its kind knows how: every block, every structure.
// [Items] reads every item as a conversion does, and puts what both found together: what an item lacks, what cannot be
// read at all, and what is wrong without costing any item a part.
package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/report"
)

// File checks what an archive's file has beside its items, which is nothing where its kind does not know how. progress
// may be nil; it is told of the bytes that are done and of those that there are.
func File(ctx context.Context, archive extract.Archive, progress func(done, total int64)) (*extract.Check, error) {
	if checker, ok := archive.(extract.Checker); ok {
		found, err := checker.Check(ctx, progress)
		if !errors.Is(err, errors.ErrUnsupported) {
			return found, err
		}
	}
	return &extract.Check{Warnings: archive.Info().Warnings}, nil
}

// Options say how items are read. The zero value is good.
type Options struct {
	// Steps are those of the conversion that the archive is checked for.
	Steps    []load.Step
	Jobs     int // items at once; 0 for one each processor
	Observer load.Observer
	Log      *slog.Logger
}

// Items reads every item of an archive whose file has been checked. An error is the cause of ctx's end.
func Items(ctx context.Context, archive extract.Archive, file *extract.Check, o Options) (*report.Check, error) {
	source := &watched{Archive: archive, faulty: make(map[string]bool)}
	for i := range file.Faults {
		if f := &file.Faults[i]; f.Entry != nil {
			source.faulty[f.ID] = false
		}
	}
	path := archive.Info().Path
	start := time.Now()
	result, err := load.Run(ctx, load.Plan{
		Sources:  []load.Input{{Name: path, Source: source}},
		Steps:    o.Steps,
		Routes:   []load.Route{{Target: reader{}}},
		Jobs:     o.Jobs,
		Observer: o.Observer,
		Log:      o.Log,
	})
	if err != nil {
		return nil, err
	}
	info := archive.Info() // what the walk showed is known now
	c := &report.Check{
		Source: path, Incomplete: info.Incomplete, Doubt: info.Doubt,
		Blocks: file.Blocks, Bytes: file.Bytes, Items: result.Balance.Total().Found,
		Failures: result.Failures, Damaged: result.Damaged, Sources: result.Sources,
		More: file.More, Warnings: file.Warnings, Remarks: file.Remarks, Elapsed: time.Since(start),
	}
	source.sort(c, file.Faults)
	return c, nil
}

// watched is an archive that notes which of the items with faults it enumerates.
type watched struct {
	extract.Archive
	faulty map[string]bool // by ID: whether it is enumerated
}

// Entries implements [extract.Archive].
func (w *watched) Entries(ctx context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		for e, err := range w.Archive.Entries(ctx) {
			if _, ok := w.faulty[e.ID]; ok && err == nil {
				w.faulty[e.ID] = true
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// sort puts the file's faults where they belong. What an item lacks is known already: faults of one that is damaged or
// failed say nothing new, and those of another cost it nothing. What programs keep for themselves was not read whole: it
// is damaged where any part of it is.
func (w *watched) sort(c *report.Check, faults []extract.Fault) {
	damaged, failed := make(map[string]int), make(map[string]bool) // by ID; place in Damaged
	for i := range c.Damaged {
		damaged[c.Damaged[i].Entry.ID] = i
	}
	for i := range c.Failures {
		failed[c.Failures[i].Entry.ID] = true
	}
	for i := range faults {
		f := &faults[i]
		n, told := damaged[f.ID]
		switch {
		case f.Entry == nil:
		case failed[f.ID], told && f.Entry.Kind != formats.KindOther:
			continue
		case w.faulty[f.ID] && f.Entry.Kind == formats.KindOther && !f.Harmless:
			if !told {
				n = len(c.Damaged)
				damaged[f.ID] = n
				c.Damaged = append(c.Damaged, load.Damaged{Source: c.Source, Entry: *f.Entry})
			}
			lose(&c.Damaged[n], f)
			continue
		}
		c.Faults = append(c.Faults, report.Fault{
			Folder: f.Folder, Entry: f.Entry, ID: f.ID, Part: f.Part, Block: f.Block, Offset: f.Offset, Blocks: f.Blocks, Err: f.Err,
		})
	}
	place := make(map[*formats.Folder]int)
	for i, f := range w.Folders() {
		place[f] = i
	}
	slices.SortStableFunc(c.Damaged, func(a, b load.Damaged) int { return cmp.Compare(place[a.Entry.Folder], place[b.Entry.Folder]) })
}

// lose adds a fault to an item's damage, unless its cause is told already.
func lose(d *load.Damaged, f *extract.Fault) {
	for _, known := range d.Damage {
		if causes(f, known.Err) {
			return
		}
	}
	d.Damage = append(d.Damage, formats.Damage{Part: f.Part, Err: unitError{f}})
}

// causes reports whether an error is that of the unit which is at fault or, where the fault is not one of a unit, tells
// the same.
func causes(f *extract.Fault, err error) bool {
	var of interface{ Unit() string }
	switch {
	case !errors.As(err, &of):
		return f.Block == "" && err.Error() == f.Err.Error()
	case f.Block != "":
		return of.Unit() == f.Block
	}
	return false
}

// unitError is a fault's reason with the unit in it.
type unitError struct{ *extract.Fault }

// Unit names the unit, as errors of archives do; see [extract.Fault].
func (e unitError) Unit() string { return e.Block }

func (e unitError) Error() string {
	switch {
	case e.Block == "":
		return e.Err.Error()
	case e.Offset < 0:
		return fmt.Sprintf("block %s: %v", e.Block, e.Err)
	}
	return fmt.Sprintf("block %s at 0x%x: %v", e.Block, e.Offset, e.Err)
}

func (e unitError) Unwrap() error { return e.Err }
