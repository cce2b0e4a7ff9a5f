package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mailmill/load"
	"mailmill/load/files"
	"mailmill/load/report"
	"mailmill/load/verify"
)

func (a *app) verifyCommand() *cobra.Command {
	c := &conversion{only: true, addressing: new(addressing)}
	cmd := &cobra.Command{
		Use:        "verify [OPTIONS] SRC… DST",
		SuggestFor: []string{"compare", "diff", "check"},
		Short:      "Compare what a target holds with what archives say",
		Long: `Verify reads archives as convert does, and compares every item with what the
target holds, by content: mail header by header and part by part, calendars and
cards property by property. It changes nothing, and needs no ledger. DST, the
options for it and all that decide how items look are those of the conversion.

It tells what is missing, what is there more often than in the archives, what
differs and in which fields, and what is there that no archive has. An item
that is there as it should be is unchanged in the balance; one that is missing
or differs has failed. Where there is any difference the exit status is 14.`,
		Example: `  mailmill verify alice.pst out/
  mailmill verify alice.pst imaps://alice@mail.example.org/
  mailmill verify alice.pst --calendar caldavs://alice@dav.example.org/`,
		RunE: func(_ *cobra.Command, args []string) error { return a.convert(c, args) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	c.targets.addFlags(flags)
	c.addFormat(flags)
	c.look.addFlags(flags)
	c.filters.addFlags(flags)
	c.remote.addFlags(flags, false)
	c.addRest(cmd)
	return cmd
}

// openMirror prepares to read what files hold.
func (c *conversion) openMirror(d *destination) (verify.Mirror, error) {
	if !exists(d.name) {
		return nil, usage("%s is not there; what is to be compared with the archives?", d.name)
	}
	o := c.filesOptions(d)
	if err := c.checkRecorded(d, &o); err != nil {
		return nil, err
	}
	m, err := files.OpenMirror(d.name, o)
	var path *fs.PathError
	switch {
	case errors.Is(err, files.ErrNoTarget), errors.As(err, &path) && !temporary(err):
		return nil, &exit{exitUsage, plain(err), err}
	case err != nil:
		return nil, err
	}
	return m, nil
}

// checkRecorded refuses to compare with what was written with other options: everything would differ, and for no reason.
func (c *conversion) checkRecorded(d *destination, o *files.Options) error {
	format, options, ok, err := files.Recorded(d.name)
	if err != nil || !ok {
		return nil // opening it tells what is wrong
	}
	if d.takes(0) && format != "" && format != c.format.Name() {
		return usage("%s was written with --format %s: compare it with the same option", d, format)
	}
	// What the options leave out is not there, and how they are written does not matter.
	without := func(all map[string]string) map[string]string {
		all = maps.Clone(all)
		for _, name := range append([]string{"address-book", "directory"}, filterOptions...) {
			delete(all, name)
		}
		return all
	}
	was, is := without(options), without(o.Record)
	if maps.Equal(was, is) {
		return nil
	}
	var differ []string
	for _, name := range slices.Sorted(maps.Keys(was)) {
		if was[name] != is[name] {
			differ = append(differ, "with --"+name+" "+strings.ReplaceAll(was[name], "\n", ", "))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(is)) {
		if _, ok := was[name]; !ok {
			differ = append(differ, "without --"+name)
		}
	}
	return usage("%s was written %s: compare it with the same options", d, strings.Join(differ, ", "))
}

// compare takes the items to what looks for them on the targets, when they have been written.
func (a *app) compare(c *conversion, plan load.Plan, bars *report.Bars, log *slog.Logger) (into *opened, result *load.Result, err error) {
	into, err = a.open(c, log, true)
	if err != nil {
		return nil, nil, err
	}
	defer into.close()
	a.watch(&plan, "comparing", into, bars, nil, log)
	result, err = a.walk(c, plan, into)
	if bars != nil {
		bars.Close()
	}
	if err != nil {
		return nil, result, err
	}
	return into, result, nil
}

// mostDifferences of a sort are listed on a terminal.
const mostDifferences = 20

// writeVerified says how the targets differ from the archives.
func (a *app) writeVerified(w io.Writer, into *opened) {
	most := 0
	if a.stdoutTerminal {
		most = mostDifferences
	}
	for _, p := range into.list {
		if r := p.compared.Report(); !a.quiet || r.Found() > 0 {
			report.WriteVerified(w, p.String(), r, most)
		}
	}
}

// verified is the error of a comparison that found differences.
func (o *opened) verified() error {
	n := 0
	for _, p := range o.list {
		n += p.compared.Report().Found()
	}
	if n == 0 {
		return nil
	}
	return &exit{status: exitDiffers, sentence: fmt.Sprintf("%s between the archives and %s", report.Plural(n, "difference"), strings.Join(o.names(), ", "))}
}
