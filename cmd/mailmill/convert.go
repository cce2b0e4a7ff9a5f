package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/files"
	"mailmill/load/report"
)

// conversion is what the options of convert say.
type conversion struct {
	sources     sources
	filters     filters
	addressing  addressing
	formatName  string
	format      files.Format
	look        look
	kinds       []formats.Kind // that the target takes
	jobs        int
	overwrite   bool
	dryRun      bool
	ignoreSpace bool
	asJSON      bool
	report      string
}

func (a *app) convertCommand() *cobra.Command {
	c := new(conversion)
	cmd := &cobra.Command{
		Use:   "convert [OPTIONS] SRC… DST",
		Short: "Write what is in archives as standard files",
		Long: `Convert reads archives, or the archives in folders, and writes what is in them
to DST: a folder, which it creates; an archive of what that would hold (.tar,
.tar.zst, .tar.gz, .zip); one file of mail (.mbox, .mbox.zst, .mbox.gz), of a
calendar (.ics) or of contacts (.vcf); or - for standard output, which gets mail
unless --only asks for calendar or contacts.

Mail becomes mbox, EML or Maildir; events, tasks, notes and journal entries
become iCalendar; contacts and lists become vCards. See mailmill help files. It
says what became of every item: found = written + unchanged + filtered +
duplicate + failed.

Before it writes, it learns from all archives who has which mail address:
colleagues are often stored by Exchange names (/o=…/cn=…) that nobody can
answer. The options for that are those of mailmill help addresses.`,
		Example: `  mailmill convert alice.pst out/
  mailmill convert --format eml --include 'Projects/**' alice.pst bob.ost out/
  mailmill convert --only mail --format maildir alice.pst alice.tar.zst
  mailmill convert --include Calendar alice.pst calendar.ics
  mailmill convert --only contacts --vcard 3 alice.pst - >contacts.vcf
  mailmill convert alice.pst - | grep -c '^From '
  find /backup -name '*.pst' -print0 | mailmill convert --files-from - -0 out/`,
		RunE: func(_ *cobra.Command, args []string) error { return a.convert(c, args) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&c.formatName, "format", files.MBOX.Name(), "write mail as `FORMAT`: mbox (a file each folder), eml (a file each mail) or maildir")
	c.look.addFlags(flags)
	c.filters.addFlags(flags)
	flags.BoolVarP(&c.dryRun, "dry-run", "n", false, "do everything but write")
	flags.BoolVar(&c.overwrite, "overwrite", false, "replace files in the way that mailmill did not write")
	flags.BoolVar(&c.ignoreSpace, "ignore-space", false, "begin even where the disk has too little room")
	c.sources.addFlags(flags)
	flags.BoolVar(&c.sources.options.KeepEX, "keep-ex", false, "keep stored Exchange addresses in X-PST-EX-Address")
	c.addressing.addFlags(cmd)
	flags.IntVarP(&c.jobs, "jobs", "j", 0, "work on `N` items at once (default: one for each processor); the result does not depend on it")
	flags.BoolVar(&c.asJSON, "json", false, "print an object a line: items, failures, progress, the balance")
	flags.StringVar(&c.report, "report", "", "write the same objects into `FILE`")
	return cmd
}

func (a *app) convert(c *conversion, args []string) error {
	dst, err := a.checkLine(c, args)
	if err != nil {
		return err
	}
	if err := c.addressing.check(a); err != nil {
		return err
	}
	bars := a.newBars(c.asJSON)
	if bars != nil {
		defer bars.Close()
	}
	log, closeLog, err := a.openLog()
	if err != nil {
		return err
	}
	defer closeLog()

	c.sources.target, c.sources.options.FollowUps = dst, c.look.flaggedAsTasks
	defer c.sources.close()
	plan, err := a.plan(&c.sources, &c.filters, args[:len(args)-1], c.jobs, log)
	if err != nil {
		return err
	}
	target, err := c.target(dst, a.stdout)
	if err != nil {
		return err
	}
	plan.Routes = []load.Route{{Kinds: c.kinds, Target: target}}
	journals, closeReport, err := a.journals(c)
	if err != nil {
		target.Abort() //nolint:errcheck // nothing has been written
		return err
	}
	known, err := a.learn(&c.addressing, lessons{plan.Sources, c.jobs, bars, journals, log, !c.dryRun})
	if err == nil {
		err = c.mustKnow(a, known, journals)
	}
	if err != nil {
		for _, j := range journals {
			j.Balance(load.Balance{})
		}
		_, abortErr := target.Abort()
		return errors.Join(targetError(dst, err), abortErr, closeReport())
	}
	plan.Steps = append(plan.Steps, known.ladder.Resolver())
	a.guard(&plan, &c.sources, c.room(a, dst))

	var watching report.Observers
	for _, j := range journals {
		watching = append(watching, j)
	}
	switch {
	case bars != nil:
		watching = append(watching, bars)
	case a.verbose:
		watching = append(watching, &report.Ticker{Log: log})
	}
	plan.Observer = watching

	log.Debug("converting", "version", version, "sources", len(plan.Sources), "target", dst, "format", c.formatName)
	result, err := load.Run(a.ctx, plan)
	if bars != nil {
		bars.Close()
	}
	result.Elapsed += known.elapsed
	for _, j := range journals {
		j.People(known.numbers())
		j.Balance(result.Balance)
	}
	logFaults(log, result)
	err = targetError(dst, err)
	if reportErr := closeReport(); err == nil {
		err = reportErr
	}
	return a.sumUp(c, &converted{dst, target, known, result}, log, err)
}

// converted is what became of a conversion.
type converted struct {
	dst    string
	target *files.Target
	people *people
	*load.Result
}

// checkLine refuses what is wrong with the command line, and returns the target's name.
func (a *app) checkLine(c *conversion, args []string) (dst string, err error) {
	least := 2
	if c.sources.listFile != "" {
		least = 1
	}
	if len(args) < least {
		source := "alice.pst"
		if len(args) == 1 && exists(args[0]) {
			source = args[0]
		}
		return "", usage("convert needs a source and, as the last argument, a folder to write to: mailmill convert %s out/", source)
	}
	for _, f := range files.Formats() {
		if strings.EqualFold(f.Name(), c.formatName) {
			c.format = f
		}
	}
	if c.format == nil {
		return "", usage("--format: %q is no format; mbox, eml and maildir are", c.formatName)
	}
	if err := c.look.check(); err != nil {
		return "", err
	}
	dst = args[len(args)-1]
	if err := a.checkTarget(c, dst); err != nil {
		return "", err
	}
	if err := a.checkOutputs(c, args[:len(args)-1], dst); err != nil {
		return "", err
	}
	if c.report != "" {
		err = a.checkBeside("report", c.report)
	}
	return dst, err
}

// target opens the target, or where nothing is to be written one that does everything but that.
func (c *conversion) target(dst string, stdout io.Writer) (*files.Target, error) {
	o := files.Options{Format: c.format, Kinds: c.kinds, Record: c.record(), Version: version, Overwrite: c.overwrite}
	c.look.apply(&o)
	for _, archive := range c.sources.archives {
		info := archive.Info()
		o.Sources = append(o.Sources, files.Source{
			Name: info.Path, Folders: archive.Folders(), Size: info.Size, Modified: info.Modified.UTC().Format(time.RFC3339),
		})
	}
	var target *files.Target
	var err error
	if c.dryRun {
		target, err = files.Rehearse(dst, o)
	} else {
		target, err = files.Open(dst, stdout, o)
	}
	if err != nil {
		err = targetError(dst, err)
		var pathError *fs.PathError
		if known := (*exit)(nil); !errors.As(err, &known) && errors.As(err, &pathError) && !temporary(err) {
			err = usage("%s cannot be written: %s", dst, reasonOf(pathError.Err))
		}
		return nil, err
	}
	return target, nil
}

// record returns the options that decide what is written.
func (c *conversion) record() map[string]string {
	record := c.filters.record()
	set := func(name, value string) {
		if value != "" && value != "false" {
			record[name] = value
		}
	}
	set("codepage", c.sources.codePage)
	set("with-hidden", strconv.FormatBool(c.sources.options.Hidden))
	set("recover", strconv.FormatBool(c.sources.options.Recover))
	set("keep-ex", strconv.FormatBool(c.sources.options.KeepEX))
	set("timezone", c.sources.timeZone)
	c.look.record(record)
	maps.Copy(record, c.addressing.record())
	return record
}

// targetError says what is wrong with the target.
func targetError(dst string, err error) error {
	switch {
	case errors.Is(err, errInterrupted):
		return &exit{exitInterrupted, "interrupted; what was unfinished is removed, run the same command again", err}
	case errors.Is(err, files.ErrExists):
		return &exit{exitUsage, once(err) + "; name another target, or replace what is there with --overwrite", err}
	case errors.Is(err, files.ErrSource):
		other := "file"
		if files.FormOf(dst).Folder() {
			other = "folder"
		}
		return &exit{exitUsage, once(err) + "; name another " + other, err}
	case errors.Is(err, files.ErrBlocked):
		return &exit{exitUsage, once(err) + "; name another target", err}
	case errors.Is(err, files.ErrMeanwhile):
		return &exit{exitTemporary, once(err) + "; run the same command again", err}
	case errors.Is(err, files.ErrUnfinished) && !temporary(err):
		return &exit{exitUsage, once(err), err}
	case errors.Is(err, files.ErrInUse):
		return &exit{exitTemporary, once(err) + "; run the same command again when it has ended", err}
	case errors.Is(err, files.ErrFull):
		return &exit{exitTemporary, once(err) + "; make room and run the same command again", err}
	case errors.Is(err, os.ErrPermission):
		return &exit{exitUsage, fmt.Sprintf("%s cannot be written: permission denied", dst), err}
	}
	return err
}

// mustKnow returns an error where people without a known address are to end the run, and names them.
func (c *conversion) mustKnow(a *app, known *people, journals []*report.Journal) error {
	err := c.addressing.mustKnow(known)
	if err == nil {
		return nil
	}
	open := persons(known.report.Unresolved())
	for i := range open {
		for _, j := range journals {
			j.Person(&open[i])
		}
	}
	for _, j := range journals {
		j.People(known.numbers())
	}
	if c.asJSON {
		return err
	}
	return errors.Join(report.WritePeople(a.stderr, open, 0), err)
}

// journals returns those that the options ask for, and a function that completes the report.
func (a *app) journals(c *conversion) (journals []*report.Journal, done func() error, err error) {
	done = func() error { return nil }
	journal := func(lines *report.Lines) {
		j := report.NewJournal(lines)
		j.Items, j.Steps = true, true
		journals = append(journals, j)
	}
	if c.asJSON {
		journal(report.NewLines(a.stdout))
	}
	if c.report == "" {
		return journals, done, nil
	}
	f, err := a.openBeside("report", c.report, os.O_TRUNC)
	if err != nil {
		return nil, nil, err
	}
	lines := report.NewLines(f)
	journal(lines)
	return journals, func() error {
		err := lines.Err()
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return unwritten("the report "+c.report+" is incomplete", err)
		}
		return nil
	}, nil
}

// sumUp says how the run ended: on standard output, unless that is what was written to.
func (a *app) sumUp(c *conversion, run *converted, log *slog.Logger, err error) error {
	if errors.Is(a.stdout.failed(), syscall.EPIPE) {
		return err // nobody listens
	}
	result := run.Result
	out := io.Writer(a.stdout)
	if files.FormOf(run.dst).Stream() {
		out = a.stderr
	}
	if !c.asJSON {
		if !a.quiet {
			report.WriteBalance(out, result.Balance)
		}
		c.sources.warn(a, log)
		report.WriteFaults(a.stderr, result, len(c.sources.archives) > 1)
	}
	if err != nil {
		return err
	}
	if lost := a.stdout.failed(); lost != nil {
		return lostStdout(lost)
	}
	verdict := a.verdict(&c.sources, result)
	if c.asJSON || a.quiet {
		return verdict
	}
	fmt.Fprintln(out, run.people.line()+".")
	done := "Finished in " + report.Duration(result.Elapsed)
	if c.dryRun {
		done = "Nothing was written (--dry-run): " + run.rehearsed() + " " + done
	}
	if verdict == nil {
		fmt.Fprintln(out, done+".")
		return nil
	}
	status, _ := conclude(verdict)
	fmt.Fprintf(a.stderr, "%s with failures (exit status %d).\n", done, status)
	return verdict
}

// rehearsed says what a run would have written.
func (r *converted) rehearsed() string {
	n, size := r.target.Wrote()
	form, name := files.FormOf(r.dst), report.Printable(r.dst)
	what := report.Bytes(size)
	switch {
	case form.Stream():
		name = "standard output"
	case !form.Single():
		what = report.Plural(n, "file") + " with " + what
	}
	if form.Compressed() {
		what += " before compression"
	}
	return name + " would get " + what + "."
}

// verdict returns the error that carries the exit status of a run that went to its end.
func (a *app) verdict(from *sources, result *load.Result) error {
	total := result.Balance.Total()
	lost := from.incomplete(a.stderr)
	if total.Found == 0 && (lost || len(result.Sources) > 0) {
		return &exit{status: exitSource, sentence: "nothing in the archive can be read"}
	}
	if lost || total.Failed > 0 || total.Damaged > 0 || len(result.Sources) > 0 || from.unreadable > 0 {
		return &exit{status: exitFailures}
	}
	return nil
}

// logFaults writes into the log what is listed at the end.
func logFaults(log *slog.Logger, result *load.Result) {
	if !log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	for i := range result.Failures {
		f := &result.Failures[i]
		log.Debug("failed", "source", f.Source, "folder", f.Entry.Folder.String(), "source_id", f.Entry.ID, "subject", f.Entry.Subject, "reason", f.Err)
	}
	for i := range result.Damaged {
		d := &result.Damaged[i]
		for _, damage := range d.Damage {
			log.Debug("damaged", "source", d.Source, "folder", d.Entry.Folder.String(), "source_id", d.Entry.ID, "subject", d.Entry.Subject, "part", damage.Part, "reason", damage.Err)
		}
	}
}
