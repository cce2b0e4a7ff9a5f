package main

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/check"
	"mailmill/load/report"
	"mailmill/transform/address"
	"mailmill/transform/filter"
)

// inspection is what the options of inspect say.
type inspection struct {
	sources sources
	filters filters
	asJSON  bool
	check   bool
	jobs    int

	people     bool
	addressing addressing
}

func (a *app) inspectCommand() *cobra.Command {
	i := new(inspection)
	cmd := &cobra.Command{
		Use:   "inspect [OPTIONS] SRC…",
		Short: "Tell what is in an archive: folders, counts, dates, damage",
		Long: `Inspect reads the tables of an archive and no message, so that it is instant on
any size. It prints whose archive it is and what its folders hold, or those of
the items that the tables show to be wanted (--only, --include, --larger, …).

With --check it reads every block and every item, and lists what is damaged by
folder and item. The exit status is 3 where anything is.

With --people it learns from all items who has which address, and says how many
people are resolved, guessed and open (see mailmill help addresses).`,
		Example: `  mailmill inspect alice.pst
  mailmill inspect --check alice.pst
  mailmill inspect --json *.pst | jq 'select(.type=="archive").items.mail'`,
		RunE: func(_ *cobra.Command, args []string) error { return a.inspect(i, args) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&i.check, "check", false, "read and check every block and every item, and list the damage")
	flags.BoolVar(&i.people, "people", false, "learn from every item who has which address, and count people")
	flags.BoolVar(&i.asJSON, "json", false, "print an object a line: the archive, its folders, and with --check what is damaged")
	i.filters.addTableFlags(flags)
	i.sources.addFlags(flags)
	i.addressing.addFlags(cmd)
	flags.IntVarP(&i.jobs, "jobs", "j", 0, "with --check or --people: work on `N` items at once (default: one for each processor)")
	return cmd
}

func (a *app) inspect(i *inspection, args []string) error {
	if err := checkJobs(i.jobs); err != nil {
		return err
	}
	if option := i.addressing.given(); option != "" && !i.people {
		return usage("--%s does nothing without --people: inspect looks at nobody's address otherwise", option)
	}
	if err := i.addressing.check(a); err != nil {
		return err
	}
	wanted, _, err := i.filters.build()
	if err != nil {
		return err
	}
	wanted = append(wanted, i.filters.tables...)
	bars := a.newBars(i.asJSON)
	if bars != nil {
		defer bars.Close()
	}
	log, closeLog, err := a.openLog()
	if err != nil {
		return err
	}
	defer closeLog()
	from := &i.sources
	defer from.close()
	if err := from.open(a, args, log); err != nil {
		return err
	}
	if err := i.filters.checkFolders(a, from.archives); err != nil {
		return err
	}

	var known *people
	if i.people {
		if known, err = a.learn(&i.addressing, lessons{sources: from.inputs(), jobs: i.jobs, bars: bars, log: log, keep: true}); err != nil {
			return err
		}
	}
	lines := report.NewLines(a.stdout)
	damaged, nothing := from.unreadable > 0, true
	for n, archive := range from.archives {
		chosen := &chosen{archive, wanted, i.filters.folders}
		in := describe(archive)
		in.Owner = known.addressed(in.Owner)
		if err := in.Survey(a.ctx, chosen.Folders(), chosen.Entries(a.ctx)); err != nil {
			if a.ctx.Err() != nil {
				return a.interrupted()
			}
			in.Incomplete = err.Error()
		}
		// Faults that only the walk showed are known now.
		info := archive.Info()
		in.Warnings = info.Warnings
		in.Incomplete, in.Doubt = cmp.Or(in.Incomplete, info.Incomplete), info.Doubt
		if i.check {
			if in.Check, err = a.check(i, chosen, bars, log); err != nil {
				return err
			}
			in.Warnings, in.Check.Incomplete = in.Check.Warnings, in.Incomplete
			damaged = damaged || !in.Check.Sound()
		}
		lost := in.Incomplete != "" || in.Doubt != ""
		damaged = damaged || lost || in.Lost > 0
		nothing = nothing && lost && len(in.Items) == 0
		if i.asJSON {
			err = in.WriteJSON(lines)
		} else {
			if n > 0 {
				fmt.Fprintln(a.stdout)
			}
			err = in.WriteText(a.stdout, a.columns())
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
	if known != nil {
		if i.asJSON {
			err = known.numbers().WriteJSON(lines)
		} else {
			_, err = fmt.Fprintln(a.stdout, "\n"+known.line())
		}
		if err != nil {
			return err
		}
	}
	if err := from.changed(); err != nil {
		return err
	}
	if known != nil {
		if err := i.addressing.mustKnow(known); err != nil {
			return err
		}
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
		Incomplete: info.Incomplete, Doubt: info.Doubt,
	}
}

// check reads all of an archive: first the file as such, then every item as convert does.
func (a *app) check(i *inspection, archive *chosen, bars *report.Bars, log *slog.Logger) (*report.Check, error) {
	start := time.Now()
	file, err := a.checkFile(archive.Archive, bars)
	if err != nil {
		return nil, err
	}
	o := check.Options{Steps: append(i.sources.steps(), &address.Resolver{}), Jobs: i.jobs, Log: log}
	if bars != nil {
		defer bars.Close()
		o.Observer = bars
	} else if a.verbose {
		o.Observer = &report.Ticker{Log: log}
	}
	c, err := check.Items(a.ctx, archive, file, o)
	if err != nil {
		return nil, err
	}
	c.Elapsed = time.Since(start)
	return c, nil
}

func (a *app) checkFile(archive extract.Archive, bars *report.Bars) (*extract.Check, error) {
	var progress func(done, total int64)
	if bars != nil {
		defer bars.Close()
		path := archive.Info().Path
		progress = func(done, total int64) { bars.Bytes(path, done, total) }
	}
	file, err := check.File(a.ctx, archive, progress)
	if a.ctx.Err() != nil {
		return nil, a.interrupted()
	}
	return file, err
}

// chosen is a part of an archive, as far as its tables tell it.
type chosen struct {
	extract.Archive
	wanted  []load.Filter
	folders *filter.Folders // nil for all
}

// Folders implements [extract.Archive].
func (c *chosen) Folders() []*formats.Folder {
	if c.folders == nil {
		return c.Archive.Folders()
	}
	return slices.DeleteFunc(slices.Clone(c.Archive.Folders()), func(f *formats.Folder) bool { return !c.folders.Match(f) })
}

// Entries implements [extract.Archive].
func (c *chosen) Entries(ctx context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		for e, err := range c.Archive.Entries(ctx) {
			if err == nil && slices.ContainsFunc(c.wanted, func(f load.Filter) bool { return !f.Wanted(&e) }) {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}
