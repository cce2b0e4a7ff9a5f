package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"mailmill/load"
	"mailmill/load/report"
)

func (a *app) listCommand() *cobra.Command {
	var (
		from   sources
		which  filters
		people addressing
		asJSON bool
		digest bool
		jobs   int
	)
	cmd := &cobra.Command{
		Use:        "list [OPTIONS] SRC…",
		SuggestFor: []string{"ls", "show", "dump"},
		Short:      "Print a line for each item",
		Long: `List reads every item and prints a line for it, with tabs between date (UTC),
kind, place in the source, folder, person and subject; with --json an object
(see mailmill help json). The date is when a mail was sent, an event begins or a
task is due, else the last change; the person is who sent the mail, organizes
the event, has to do with the task, or is the contact. Before the first line it
learns from all sources who has which address (see mailmill help addresses).`,
		Example: `  mailmill list --only mail --since 2014-01-01 alice.pst | cut -f6
  mailmill list --json --only event alice.pst | jq -r '[.start,.subject]|@tsv'
  mailmill list --json --digest alice.pst | jq -r '.attachments[]?.sha256'`,
		RunE: func(_ *cobra.Command, args []string) error {
			return a.list(&from, &which, &people, args, asJSON, digest, jobs)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&asJSON, "json", false, "print an object a line")
	flags.BoolVar(&digest, "digest", false, "with --json: add SHA-256 hashes of texts and attachments")
	which.addFlags(flags)
	from.addFlags(flags)
	people.addFlags(cmd)
	flags.IntVarP(&jobs, "jobs", "j", 0, "work on `N` items at once (default: one for each processor)")
	return cmd
}

func (a *app) list(from *sources, which *filters, who *addressing, args []string, asJSON, digest bool, jobs int) error {
	if digest && !asJSON {
		return usage("--digest adds fields to --json and does nothing without it")
	}
	if err := who.check(a); err != nil {
		return err
	}
	bars := a.newBars(asJSON)
	if bars != nil {
		defer bars.Close()
	}
	log, closeLog, err := a.openLog()
	if err != nil {
		return err
	}
	defer closeLog()
	defer from.close()
	plan, err := a.plan(from, which, args, jobs, log)
	if err != nil {
		return err
	}

	known, err := a.learn(who, lessons{sources: plan.Sources, jobs: jobs, bars: bars, log: log, keep: true})
	if err != nil {
		return err
	}
	if err := who.mustKnow(known); err != nil {
		return errors.Join(report.WritePeople(a.stderr, persons(known.report.Unresolved()), 0), err)
	}
	which.resolve(&plan, known)

	out := a.buffered()
	target := &report.List{W: out, Digest: digest}
	if asJSON {
		target.JSON = report.NewLines(out)
		plan.Observer = report.NewJournal(target.JSON)
	}
	plan.Routes = []load.Route{{Target: which.once(&steady{target, from})}}

	result, err := load.Run(a.ctx, plan)
	if flushErr := out.Flush(); err == nil {
		err = flushErr
	}
	if err != nil {
		return err
	}
	if !asJSON {
		from.warn(a, log)
		report.WriteFaults(a.stderr, result, len(from.archives) > 1)
	}
	for _, s := range result.Sources {
		fmt.Fprintf(a.stderr, "mailmill: %s could not be read to its end: %s\n", report.Printable(s.Source), report.Printable(s.Err.Error()))
	}
	return a.verdict(from, result)
}
