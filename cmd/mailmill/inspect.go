package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/report"
	"mailmill/transform/address"
)

// inspection is what the options of inspect say.
type inspection struct {
	sources sources
	asJSON  bool
	check   bool
	jobs    int
}

func (a *app) inspectCommand() *cobra.Command {
	i := new(inspection)
	cmd := &cobra.Command{
		Use:   "inspect SRC…",
		Short: "Tell what is in an archive: folders, counts, dates, damage",
		Long: `Inspect reads the tables of an archive and no message, so that it is instant on
any size. It prints whose archive it is and what its folders hold.

With --check it reads every block and every item, and lists what is damaged by
folder and item. The exit status is 3 where anything is.`,
		Example: `  mailmill inspect alice.pst
  mailmill inspect --check alice.pst
  mailmill inspect --json *.pst | jq 'select(.type=="archive") | [.source, .items.mail]'`,
		RunE: func(_ *cobra.Command, args []string) error { return a.inspect(i, args) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&i.check, "check", false, "read and check every block and every item, and list the damage")
	flags.BoolVar(&i.asJSON, "json", false, "print an object a line: the archive, its folders, and with --check what is damaged")
	i.sources.addFlags(flags)
	flags.IntVarP(&i.jobs, "jobs", "j", 0, "with --check: work on `N` items at once (default: one for each processor)")
	return cmd
}

func (a *app) inspect(i *inspection, args []string) error {
	if i.jobs < 0 || i.jobs > 1024 {
		return usage("--jobs takes a number from 1 to 1024, not %d", i.jobs)
	}
	log, closeLog, err := a.openLog(a.stderr)
	if err != nil {
		return err
	}
	defer closeLog()
	from := &i.sources
	defer from.close()
	if err := from.open(a, args, log); err != nil {
		return err
	}

	lines := report.NewLines(a.stdout)
	damaged, nothing := from.unreadable > 0, true
	for n, archive := range from.archives {
		in := describe(archive)
		if err := in.Survey(a.ctx, archive.Folders(), archive.Entries(a.ctx)); err != nil {
			if a.ctx.Err() != nil {
				return a.interrupted()
			}
			in.Incomplete = err.Error()
		}
		// Faults that only the walk showed are known now.
		info := archive.Info()
		in.Warnings = info.Warnings
		if in.Incomplete == "" {
			in.Incomplete = info.Incomplete
		}
		if i.check {
			if in.Check, err = a.check(i, archive, log); err != nil {
				return err
			}
			in.Warnings, in.Check.Incomplete = in.Check.Warnings, in.Incomplete
			damaged = damaged || !in.Check.Sound()
		}
		damaged = damaged || in.Incomplete != "" || in.Lost > 0
		nothing = nothing && in.Incomplete != "" && len(in.Items) == 0
		if i.asJSON {
			err = in.WriteJSON(lines)
		} else {
			if n > 0 {
				fmt.Fprintln(a.stdout)
			}
			err = in.WriteText(a.stdout)
		}
		if err == nil && in.Check != nil {
			if i.asJSON {
				err = in.Check.WriteJSON(lines)
			} else {
				err = in.Check.WriteText(a.stdout, a.verbose)
			}
		}
		if err != nil {
			return err
		}
	}
	if err := from.changed(); err != nil {
		return err
	}
	switch {
	case i.check && nothing:
		return &exit{status: exitSource, sentence: "nothing in the archive can be read"}
	case damaged:
		return &exit{status: exitFailures}
	}
	return nil
}

func describe(archive extract.Archive) *report.Inspection {
	info := archive.Info()
	return &report.Inspection{
		Source: info.Path, Format: info.Format, Size: info.Size, Modified: info.Modified, Owner: info.Owner,
		CodePage: info.CodePage, CodePageReason: info.CodePageReason, Notes: info.Notes, Warnings: info.Warnings,
		Incomplete: info.Incomplete,
	}
}

// check reads all of an archive: first the file as such, where its kind knows how, then every item as convert does.
func (a *app) check(i *inspection, archive extract.Archive, log *slog.Logger) (*report.Check, error) {
	start := time.Now()
	path := archive.Info().Path
	bars := a.stderrTerminal && !a.quiet && !(i.asJSON && a.stdoutTerminal)
	file, err := a.checkFile(archive, bars)
	if err != nil {
		return nil, err
	}
	source := &watched{Archive: archive, faulty: make(map[string]bool)}
	for _, f := range file.Faults {
		if f.Entry != nil {
			source.faulty[f.ID] = false
		}
	}
	plan := load.Plan{
		Sources: []load.Input{{Name: path, Source: source}},
		Steps:   []load.Step{&address.Resolver{}},
		Routes:  []load.Route{{Target: report.Reading{}, Describes: true}},
		Jobs:    i.jobs,
		Log:     log,
	}
	if bars {
		b := report.NewBars(a.stderr.w)
		defer b.Close()
		plan.Observer = b
	} else if a.verbose {
		plan.Observer = &report.Ticker{Log: log}
	}
	result, err := load.Run(a.ctx, plan)
	if err != nil {
		return nil, err
	}
	c := &report.Check{
		Source: path, Blocks: file.Blocks, Bytes: file.Bytes, Items: result.Balance.Total().Found,
		Failures: result.Failures, Damaged: result.Damaged, Sources: result.Sources, More: file.More, Warnings: file.Warnings, Remarks: file.Remarks,
	}
	source.sort(c, file.Faults)
	c.Elapsed = time.Since(start)
	return c, nil
}

// checkFile checks what an archive's file has beside its items, which is nothing where its kind does not know how.
func (a *app) checkFile(archive extract.Archive, bars bool) (*extract.Check, error) {
	unchecked := &extract.Check{Warnings: archive.Info().Warnings}
	checker, ok := archive.(extract.Checker)
	if !ok {
		return unchecked, nil
	}
	var progress func(done, total int64)
	if bars {
		bar := report.NewByteBar(a.stderr.w, archive.Info().Path)
		defer bar.Close()
		progress = bar.Set
	}
	file, err := checker.Check(a.ctx, progress)
	switch {
	case a.ctx.Err() != nil:
		return nil, a.interrupted()
	case errors.Is(err, errors.ErrUnsupported):
		return unchecked, nil
	}
	return file, err
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

// sort puts the file's faults where they belong. What a mail lacks is known already: faults of one that is damaged or
// failed say nothing new, and those of another cost it nothing. Of an item of a kind that is not converted yet only what
// all kinds have was read: it is damaged where any part of it is.
func (w *watched) sort(c *report.Check, faults []extract.Fault) {
	damaged, failed := make(map[string]int), make(map[string]bool) // by ID; place in Damaged
	for i := range c.Damaged {
		damaged[c.Damaged[i].Entry.ID] = i
	}
	for i := range c.Failures {
		failed[c.Failures[i].Entry.ID] = true
	}
	for _, f := range faults {
		n, told := damaged[f.ID]
		switch {
		case f.Entry == nil:
		case failed[f.ID], told && f.Entry.Kind == formats.KindMail:
			continue
		case w.faulty[f.ID] && f.Entry.Kind != formats.KindMail && !f.Harmless:
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
func lose(d *load.Damaged, f extract.Fault) {
	err := blockError(f)
	for _, known := range d.Damage {
		if strings.Contains(known.Err.Error(), err.Error()) {
			return
		}
	}
	d.Damage = append(d.Damage, formats.Damage{Part: f.Part, Err: err})
}

// blockError is the fault's reason with the block in it.
func blockError(f extract.Fault) error {
	switch {
	case f.Block == "":
		return f.Err
	case f.Offset < 0:
		return fmt.Errorf("block %s: %w", f.Block, f.Err)
	}
	return fmt.Errorf("block %s at 0x%x: %w", f.Block, f.Offset, f.Err)
}
