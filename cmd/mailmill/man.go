package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manCommand prints the manual page, for those who package mailmill: mailmill man > mailmill.1
func manCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man",
		Short:  "Print the manual page",
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var page strings.Builder
			writeMan(&page, cmd.Root())
			_, err := io.WriteString(cmd.OutOrStdout(), page.String())
			return err
		},
	}
}

// writeMan writes one page for all verbs in the man macros of troff.
func writeMan(w io.Writer, root *cobra.Command) {
	fmt.Fprintf(w, ".TH MAILMILL 1 \"\" \"mailmill %s\"\n", version)
	fmt.Fprintf(w, ".SH NAME\nmailmill \\- %s\n", troff(strings.ToLower(root.Short[:1])+root.Short[1:]))
	var verbs, topics []*cobra.Command
	for _, c := range root.Commands() {
		switch {
		case c.Hidden || c.Name() == "help" || c.Name() == "completion":
		case c.Runnable():
			verbs = append(verbs, c)
		default:
			topics = append(topics, c)
		}
	}
	fmt.Fprintln(w, ".SH SYNOPSIS")
	for i, c := range verbs {
		if i > 0 {
			fmt.Fprintln(w, ".br")
		}
		fmt.Fprintf(w, ".B mailmill %s\n", troff(c.Use))
	}
	fmt.Fprintln(w, ".SH DESCRIPTION")
	writeVerbatim(w, root.Long)
	fmt.Fprintln(w, ".SH VERBS")
	for _, c := range verbs {
		fmt.Fprintf(w, ".SS mailmill %s\n", troff(c.Use))
		long := c.Long
		if long == "" {
			long = c.Short + "."
		}
		writeVerbatim(w, long)
		writeFlags(w, c.NonInheritedFlags())
		if c.Example != "" {
			fmt.Fprintln(w, ".PP\nExamples:")
			writeVerbatim(w, c.Example)
		}
	}
	fmt.Fprintln(w, ".SH OPTIONS OF ALL VERBS")
	writeFlags(w, root.PersistentFlags())
	for _, c := range topics {
		fmt.Fprintf(w, ".SH %s\n", troff(strings.ToUpper(c.Name())))
		writeVerbatim(w, c.Long)
	}
}

func writeVerbatim(w io.Writer, text string) {
	fmt.Fprintln(w, ".nf")
	for line := range strings.Lines(text) {
		fmt.Fprintln(w, troff(strings.TrimRight(line, "\n")))
	}
	fmt.Fprintln(w, ".fi")
}

func writeFlags(w io.Writer, flags *pflag.FlagSet) {
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		name, use := pflag.UnquoteUsage(f)
		option := "--" + f.Name
		if f.Shorthand != "" {
			option = "-" + f.Shorthand + ", " + option
		}
		if f.Value.Type() == "string" && f.DefValue != "" {
			use += " (default " + f.DefValue + ")"
		}
		fmt.Fprintf(w, ".TP\n.B %s\n%s\n", troff(strings.TrimSpace(option+" "+name)), troff(use))
	})
}

// troff escapes text for a line of its own.
func troff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
