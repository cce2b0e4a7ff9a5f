package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"mailmill/extract"
	"mailmill/load/report"
)

func (a *app) inspectCommand() *cobra.Command {
	var (
		from   sources
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "inspect SRC…",
		Short: "Tell what is in an archive: folders, counts, dates, damage",
		Long: `Inspect reads the tables of an archive and no message, so that it is instant on
any size. It prints whose archive it is and what its folders hold.`,
		Example: `  mailmill inspect alice.pst
  mailmill inspect --json *.pst | jq 'select(.type=="archive") | [.source, .items.mail]'`,
		RunE: func(_ *cobra.Command, args []string) error { return a.inspect(&from, args, asJSON) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.BoolVar(&asJSON, "json", false, "print an object a line: the archive, then its folders")
	from.addFlags(flags)
	return cmd
}

func (a *app) inspect(from *sources, args []string, asJSON bool) error {
	log, closeLog, err := a.openLog(a.stderr)
	if err != nil {
		return err
	}
	defer closeLog() //nolint:errcheck // a log that cannot be completed changes nothing
	defer from.close()
	if err := from.open(a, args, log); err != nil {
		return err
	}

	lines := report.NewLines(a.stdout)
	damaged := from.unreadable > 0
	for i, archive := range from.archives {
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
		damaged = damaged || in.Incomplete != "" || in.Lost > 0
		if asJSON {
			err = in.WriteJSON(lines)
		} else {
			if i > 0 {
				fmt.Fprintln(a.stdout)
			}
			err = in.WriteText(a.stdout)
		}
		if err != nil {
			return err
		}
	}
	if damaged {
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
