package main

import (
	"context"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mailmill/extract"
	"mailmill/extract/archives"
)

// What a shell offers as the value of an option stands in the option's annotations: offered has values, each with its
// explanation behind a tab, offeredList those that may be joined with commas, and offeredFolders says that the folders of the
// sources on the command line are offered.
const (
	offered        = "mailmill_offered"
	offeredList    = "mailmill_offered_list"
	offeredFolders = "mailmill_offered_folders"
)

// offer says what a shell offers as the value of an option; nothing where no values are given, not even files.
func offer(flags *pflag.FlagSet, option string, values ...string) {
	annotate(flags, option, offered, values)
}

// offerList does so for an option that takes several values with commas between them.
func offerList(flags *pflag.FlagSet, option string, values ...string) {
	annotate(flags, option, offeredList, values)
}

// offerFolders says that a shell offers the folders of the sources.
func offerFolders(flags *pflag.FlagSet, option string) { annotate(flags, option, offeredFolders, nil) }

func annotate(flags *pflag.FlagSet, option, annotation string, values []string) {
	if err := flags.SetAnnotation(option, annotation, values); err != nil {
		panic(err) // only an option that does not exist has none
	}
}

// completes prepares the commands for a command line that a shell asks with what to offer. Only then: cobra keeps what is
// registered as long as the process lives, and with it all commands of the run.
func completes(root *cobra.Command, args []string) error {
	if len(args) == 0 || !slices.Contains([]string{cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd}, args[0]) {
		return nil
	}
	err := register(root, root.PersistentFlags())
	for _, cmd := range root.Commands() {
		if err == nil {
			err = register(cmd, cmd.Flags())
		}
	}
	return err
}

func register(cmd *cobra.Command, flags *pflag.FlagSet) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		if offers := offersOf(f); offers != nil && err == nil {
			err = cmd.RegisterFlagCompletionFunc(f.Name, offers)
		}
	})
	return err
}

// offersOf returns what offers the values of an option; nil where files are to be offered.
func offersOf(f *pflag.Flag) cobra.CompletionFunc {
	if values, ok := f.Annotations[offered]; ok {
		return cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)
	}
	if values, ok := f.Annotations[offeredList]; ok {
		return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			return listOffers(values, typed), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		}
	}
	if _, ok := f.Annotations[offeredFolders]; ok {
		return func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			return folderOffers(cmd.Context(), args), cobra.ShellCompDirectiveNoFileComp
		}
	}
	return nil
}

// listOffers returns the values that may follow those that were typed.
func listOffers(values []string, typed string) (offers []string) {
	before := ""
	if comma := strings.LastIndexByte(typed, ','); comma >= 0 {
		before = typed[:comma+1]
	}
	given := strings.Split(before, ",")
	for _, value := range values {
		if name, _, _ := strings.Cut(value, "\t"); !slices.Contains(given, name) {
			offers = append(offers, before+value)
		}
	}
	return offers
}

// patience that somebody has who presses the tab key.
const tabPatience = 2 * time.Second

// folderOffers returns the folders of the sources among arguments, as patterns that match them.
func folderOffers(ctx context.Context, args []string) (offers []string) {
	ctx, cancel := context.WithTimeout(ctx, tabPatience)
	defer cancel()
	for _, name := range args {
		if info, err := os.Stat(name); err != nil || !info.Mode().IsRegular() || ctx.Err() != nil {
			continue
		}
		archive, err := archives.Open(ctx, name, extract.Options{}, nil)
		if err != nil {
			continue
		}
		for _, folder := range archive.Folders() {
			if path := quoteGlob(folder.String()); path != "" && isText(path) && !slices.Contains(offers, path) {
				offers = append(offers, path)
			}
		}
		archive.Close()
	}
	return offers
}

// quoteGlob takes the meaning of patterns from what has one.
func quoteGlob(name string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name)
}
