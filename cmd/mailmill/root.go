package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "mailmill",
		Short: "Turn exported mailboxes into standard data",
		Long: `Mailmill reads exported mailboxes and archives of any kind (PST and OST, mbox,
Maildir, EML, MSG, OLM, calendars, cards, in tar, zip and so on; see mailmill
help sources), and writes what is in them as standard files that any mail
program takes, or into accounts on servers by IMAP, CalDAV and CardDAV. It
accounts for every item it finds: what was written, what was left out, what
failed and why.

Exit statuses:
` + exitStatuses,
		Example: `  mailmill inspect alice.pst
  mailmill convert alice.pst out/
  mailmill convert alice.pst imaps://alice@mail.example.org/
  mailmill list --json alice.pst | jq -r .subject`,
		Version: version,
		// Options that are there and empty come from variables of a script that should not be.
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return a.checkOptions(cmd.Flags()) },
		SilenceErrors:     true,
		SilenceUsage:      true,
		Args:              cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownVerb(cmd, args[0])
		},
	}
	root.SetUsageTemplate(usageTemplate)
	root.SetVersionTemplate("mailmill {{.Version}}\n")
	root.SetHelpCommand(helpCommand())
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveDefault)
	flags := root.PersistentFlags()
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "say only what went wrong")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "say more, and how far it is where there is no terminal")
	flags.StringVar(&a.logFile, "log-file", "", "write everything worth knowing into `FILE`, as JSON")
	flags.StringVar(&a.color, "color", colorAuto, "colour what is said to people: `WHEN` is auto (on a terminal, unless NO_COLOR is set), always or never")
	offer(flags, "color", colorAuto, colorAlways, colorNever)
	flags.SortFlags = false
	root.AddCommand(a.convertCommand(), a.verifyCommand(), a.listCommand(), a.catCommand(), a.inspectCommand(), a.addressesCommand(), versionCommand(), sourcesTopic(), filesTopic(), serversTopic(), mapTopic(), jsonTopic(), errorsTopic(), manCommand())
	for _, c := range root.Commands() {
		c.DisableFlagsInUseLine = true // its own line says where they stand
	}
	return root
}

// usageTemplate is what help ends with. It is no wider than the narrowest terminal that people use.
const usageTemplate = `Usage:
  {{if .HasParent}}{{.UseLine}}{{else}}mailmill VERB{{end}}
{{- if .HasExample}}

Examples:
{{.Example}}{{end}}
{{- if .HasAvailableSubCommands}}

Verbs:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}{{end}}
{{- if .HasAvailableLocalFlags}}

Options:
{{.LocalFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}{{end}}
{{- if .HasAvailableInheritedFlags}}

Options of all verbs:
{{.InheritedFlags.FlagUsagesWrapped 80 | trimTrailingWhitespaces}}{{end}}
{{- if .HasHelpSubCommands}}

Topics:{{range .Commands}}{{if .IsAdditionalHelpTopicCommand}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}{{end}}
{{- if .HasAvailableSubCommands}}

mailmill help VERB or mailmill help TOPIC tells more.{{end}}
`

// checkOptions refuses options without a value, and those that say two things.
func (a *app) checkOptions(flags *pflag.FlagSet) (err error) {
	flags.Visit(func(f *pflag.Flag) {
		empty := f.Value.String() == ""
		if list, ok := f.Value.(pflag.SliceValue); ok {
			empty = slices.Contains(list.GetSlice(), "") || len(list.GetSlice()) == 0
		}
		if empty && err == nil {
			err = usage("--%s is given nothing; is a variable empty that should hold its value?", f.Name)
		}
	})
	switch {
	case err != nil:
		return err
	case a.quiet && a.verbose:
		return usage("-q and -v contradict each other; leave one out")
	case a.color != colorAuto && a.color != colorAlways && a.color != colorNever:
		return usage("--color takes auto, always or never, not %q", a.color)
	}
	return nil
}

func unknownVerb(cmd *cobra.Command, verb string) error {
	if _, err := os.Stat(verb); err == nil {
		return usage("what is to be done with %s? mailmill inspect %[1]s tells what is in it, mailmill convert %[1]s out/ converts it", verb)
	}
	cmd.SuggestionsMinimumDistance = 2
	if near := slices.Compact(cmd.SuggestionsFor(verb)); slices.Contains(near, verb) {
		return usage("the verb comes first: mailmill %s …", verb)
	} else if len(near) > 0 {
		return usage("there is no verb %q; did you mean %s?", verb, strings.Join(near, " or "))
	}
	return usage("there is no verb %q; mailmill help names them", verb)
}

// flagError says in a sentence what is wrong with an option.
func flagError(cmd *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
	)
	switch {
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			return usage("there is no option -%s; %s --help names them", name, cmd.CommandPath())
		}
		if near := nearest(cmd.Flags(), name); near != "" {
			return usage("there is no option --%s; did you mean --%s?", name, near)
		}
		if have := verbsWith(cmd.Root(), name); cmd == cmd.Root() && len(have) > 0 {
			verb := have[0]
			if slices.Contains(have, "convert") {
				verb = "convert" // that is what most people are here for
			}
			return usage("--%s stands after the verb, as in mailmill %[2]s --%[1]s; %[3]s", name, verb, theyHave(have))
		} else if len(have) > 0 {
			return usage("%s has no option --%s; %s", cmd.CommandPath(), name, theyHave(have))
		}
		return usage("there is no option --%s; %s --help names them", name, cmd.CommandPath())
	case errors.As(err, &missing):
		return usage("--%s needs a value", missing.GetFlag().Name)
	case errors.As(err, &invalid):
		flag := invalid.GetFlag()
		switch flag.Value.Type() {
		case "int":
			return usage("--%s takes a number from 1 to %d, not %q", flag.Name, maxJobs, invalid.GetValue())
		case "bool":
			return usage("--%s takes no value", flag.Name)
		}
		return usage("--%s: %v", flag.Name, errors.Unwrap(err))
	}
	return usage("%v", err)
}

// verbsWith returns the verbs that have an option.
func verbsWith(root *cobra.Command, option string) (verbs []string) {
	for _, c := range root.Commands() {
		if c.Flags().Lookup(option) != nil && !c.Hidden {
			verbs = append(verbs, c.Name())
		}
	}
	return verbs
}

func theyHave(verbs []string) string {
	if len(verbs) == 1 {
		return verbs[0] + " has it"
	}
	last := len(verbs) - 1
	return strings.Join(verbs[:last], ", ") + " and " + verbs[last] + " have it"
}

// nearest returns the option whose name is at most two changes, or a missing end, from what was typed.
func nearest(flags *pflag.FlagSet, typed string) string {
	best, least := "", 3
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		d := distance(typed, f.Name)
		if len(typed) > 2 && strings.HasPrefix(f.Name, typed) {
			d = 1
		}
		if d < least {
			best, least = f.Name, d
		}
	})
	return best
}

// distance is that of Levenshtein: how many letters to add, drop or change.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// noArguments refuses arguments.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%s takes no arguments", cmd.CommandPath())
	}
	return nil
}

func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [VERB or TOPIC]",
		Short: "Tell more about a verb or a topic",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			switch {
			case err == nil && about != cmd.Root() && len(rest) > 0:
				return usage("mailmill help takes one verb or topic: mailmill help %s", about.Name())
			case err != nil || len(rest) > 0:
				return unknownVerb(cmd.Root(), args[0])
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), "mailmill "+version)
			return err
		},
	}
}
