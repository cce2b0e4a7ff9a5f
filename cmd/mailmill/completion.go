package main

import (
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// offered annotates an option with what a shell offers as its value, each with its explanation behind a tab.
const offered = "mailmill_offered"

// offer says what a shell offers as the value of an option; nothing where no values are given, not even files.
func offer(flags *pflag.FlagSet, option string, values ...string) {
	if err := flags.SetAnnotation(option, offered, values); err != nil {
		panic(err) // only an option that does not exist has none
	}
}

// completes prepares the commands for a command line that a shell asks with what to offer. Only then: cobra keeps what is
// registered as long as the process lives, and with it all commands of the run.
func completes(root *cobra.Command, args []string) error {
	if len(args) == 0 || !slices.Contains([]string{cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd}, args[0]) {
		return nil
	}
	for _, cmd := range root.Commands() {
		var err error
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if values, ok := f.Annotations[offered]; ok && err == nil {
				err = cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}
