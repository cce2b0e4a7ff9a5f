package main

import (
	"github.com/spf13/cobra"
)

func (a *app) verifyCommand() *cobra.Command {
	c := &conversion{only: true}
	cmd := &cobra.Command{
		Use:        "verify [OPTIONS] SRC… DST",
		SuggestFor: []string{"compare", "diff", "check"},
		Short:      "Compare what a target holds with what archives say",
		Long: `Verify reads archives as convert does, and compares every item with what the
target holds, by content: mail header by header and part by part, calendars and
cards property by property. It changes nothing, and needs no ledger. DST, the
options for it and all that decide how items look are those of the conversion.

It tells what is missing, what is there twice, what differs and in which field,
and what is there beside it. An item that is there is unchanged in the balance;
one that is missing or differs failed. The exit status is 14 where something
is missing, doubled or different. What is there beside it is told of, as it
may be somebody's own; only what mailmill is known to have written counts.`,
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
