package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// manCommand prints manual pages, for those who package mailmill: mailmill man >mailmill.1, mailmill man convert
// >mailmill-convert.1, or all of them with --into.
func manCommand() *cobra.Command {
	into := ""
	cmd := &cobra.Command{
		Use:    "man [VERB or TOPIC]",
		Short:  "Print a manual page",
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			if into != "" {
				if len(args) > 0 {
					return usage("--into writes all pages: leave %s out", args[0])
				}
				return writePages(root, into)
			}
			page := pageOf(root)
			if len(args) > 0 {
				about, rest, err := root.Find(args)
				if err != nil || len(rest) > 0 || !documented(about) {
					return usage("there is no manual page of %s; mailmill help names verbs and topics", args[0])
				}
				page = pageOf(about)
			}
			_, err := io.WriteString(cmd.OutOrStdout(), page)
			return err
		},
	}
	cmd.Flags().StringVar(&into, "into", "", "write all pages into the folder `DIR`, for verbs mailmill-VERB.1, for topics mailmill-TOPIC.7")
	return cmd
}

// documented reports whether a command is a verb or a topic with a page of its own.
func documented(c *cobra.Command) bool {
	return c.HasParent() && !c.Hidden && c.Name() != "help" && c.Name() != "version" && c.Parent() == c.Root()
}

// section of the manual that a page is in: programs and what one does with them, or what one should know.
func section(c *cobra.Command) int {
	if c.Runnable() || c.HasSubCommands() {
		return 1
	}
	return 7
}

// writePages writes all pages.
func writePages(root *cobra.Command, dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return usage("--into: %s: %s", dir, reasonOf(err))
	}
	write := func(name, page string) error {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(page), 0o666); err != nil {
			return unwritten("--into: "+name+" cannot be written", err)
		}
		return nil
	}
	err := write("mailmill.1", pageOf(root))
	for _, c := range root.Commands() {
		if err == nil && documented(c) {
			err = write(fmt.Sprintf("mailmill-%s.%d", c.Name(), section(c)), pageOf(c))
		}
	}
	return err
}

// pageOf returns the page of a verb or a topic, or for all of mailmill, in the man macros of troff.
func pageOf(c *cobra.Command) string {
	var page strings.Builder
	if !c.HasParent() {
		writeMan(&page, c)
		return page.String()
	}
	fmt.Fprintf(&page, ".TH MAILMILL-%s %d \"\" \"mailmill %s\"\n", troff(strings.ToUpper(c.Name())), section(c), version)
	fmt.Fprintf(&page, ".SH NAME\nmailmill\\-%s \\- %s\n", troff(c.Name()), troff(strings.ToLower(c.Short[:1])+c.Short[1:]))
	if c.Runnable() {
		fmt.Fprintf(&page, ".SH SYNOPSIS\n.B mailmill %s\n", troff(c.Use))
	}
	fmt.Fprintln(&page, ".SH DESCRIPTION")
	writeVerbatim(&page, cmp.Or(c.Long, c.Short+"."))
	if c.Runnable() {
		fmt.Fprintln(&page, ".SH OPTIONS")
		writeFlags(&page, c.NonInheritedFlags())
		writeFlags(&page, c.Root().PersistentFlags())
		if c.Example != "" {
			fmt.Fprintln(&page, ".SH EXAMPLES")
			writeVerbatim(&page, c.Example)
		}
		fmt.Fprintln(&page, ".SH EXIT STATUS")
		writeVerbatim(&page, exitStatuses)
	}
	fmt.Fprintln(&page, ".SH SEE ALSO")
	var others []string
	for _, other := range c.Root().Commands() {
		if other != c && documented(other) {
			others = append(others, fmt.Sprintf("\\fBmailmill\\-%s\\fR(%d)", troff(other.Name()), section(other)))
		}
	}
	fmt.Fprintln(&page, strings.Join(append([]string{`\fBmailmill\fR(1)`}, others...), ", "))
	return page.String()
}

// writeMan writes one page for all verbs and topics.
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
		writeVerbatim(w, cmp.Or(c.Long, c.Short+"."))
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
