package main

import (
	"errors"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mailmill/load"
	"mailmill/load/files"
	"mailmill/load/report"
)

// conversion is what the options of convert say, and those of verify, which has fewer.
type conversion struct {
	sources     sources
	filters     filters
	addressing  *addressing
	targets     targets
	remote      remote
	formatName  string
	format      files.Format
	look        look
	jobs        int
	overwrite   bool
	dryRun      bool
	ignoreSpace bool
	verify      bool // compare what was written
	only        bool // compare alone
	asJSON      bool
	report      string
	mapFile     string // names many mailboxes, each with sources and targets of its own
	mapped      bool   // this is one of them

	flags *pflag.FlagSet
}

func (a *app) convertCommand() *cobra.Command {
	c := &conversion{addressing: new(addressing)}
	cmd := &cobra.Command{
		Use:   "convert [OPTIONS] SRC… DST",
		Short: "Write what is in archives as standard files, or into servers",
		Long: `Convert reads archives, or the archives in folders, and writes what is in them
to DST: a folder, which it creates; an archive of what that would hold (.tar,
.tar.zst, .tar.gz, .zip); one file of mail (.mbox, .mbox.zst, .mbox.gz), of a
calendar (.ics) or of contacts (.vcf); - for standard output, which gets mail
unless --only asks for calendar or contacts; or a server (imaps://USER@HOST/,
caldavs://…, carddavs://…). --mail, --calendar and --contacts take a DST each,
in place of the last argument or beside it.

Mail becomes mbox, EML or Maildir; events, tasks, notes and journal entries
become iCalendar; contacts and lists become vCards. See mailmill help files and
mailmill help servers. It says what became of every item: found = written +
unchanged + filtered + duplicate + failed.

Before it writes, it learns from all archives who has which mail address:
colleagues are often stored by Exchange names (/o=…/cn=…) that nobody can
answer. The options for that are those of mailmill help addresses.`,
		Example: `  mailmill convert alice.pst out/
  mailmill convert --format eml --include 'Projects/**' alice.pst bob.ost out/
  mailmill convert --only mail --format maildir alice.pst alice.tar.zst
  mailmill convert --include Calendar alice.pst calendar.ics
  mailmill convert --only contacts --vcard 3 alice.pst - >contacts.vcf
  mailmill convert alice.pst - | grep -c '^From '
  mailmill convert --verify alice.pst imaps://alice@mail.example.org/
  find /backup -name '*.pst' -print0 | mailmill convert --files-from - -0 out/`,
		RunE: func(_ *cobra.Command, args []string) error { return a.convert(c, args) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	c.targets.addFlags(flags)
	c.addFormat(flags)
	c.look.addFlags(flags)
	c.filters.addFlags(flags)
	flags.BoolVarP(&c.dryRun, "dry-run", "n", false, "do everything but write; log in to servers, and tell what they would get")
	flags.BoolVar(&c.verify, "verify", false, "when it is written, compare what the target holds with the archives, as mailmill verify does")
	flags.BoolVar(&c.overwrite, "overwrite", false, "replace files in the way that mailmill did not write")
	flags.BoolVar(&c.ignoreSpace, "ignore-space", false, "begin even where the disk has too little room")
	c.remote.addFlags(flags, true)
	c.addRest(cmd)
	return cmd
}

func (c *conversion) addFormat(flags *pflag.FlagSet) {
	flags.StringVar(&c.formatName, "format", files.MBOX.Name(), "write mail as `FORMAT`: mbox (a file each folder), eml (a file each mail) or maildir")
	offer(flags, "format", "mbox\ta file each folder", "eml\ta file each mail", "maildir\ta Maildir++ as Dovecot serves it")
}

// addRest adds the options that stand last in the help of convert and verify.
func (c *conversion) addRest(cmd *cobra.Command) {
	flags := cmd.Flags()
	c.sources.addFlags(flags)
	flags.BoolVar(&c.sources.options.KeepEX, "keep-ex", false, "keep stored Exchange addresses in X-PST-EX-Address")
	c.addressing.addFlags(cmd)
	c.addressing.passwords.addKindFlags(flags)
	flags.IntVarP(&c.jobs, "jobs", "j", 0, "work on `N` items at once (default: one for each processor); the result does not depend on it")
	flags.BoolVar(&c.asJSON, "json", false, "print an object a line: items, failures, progress, the balance")
	flags.StringVar(&c.report, "report", "", "write the same objects into `FILE`")
	flags.StringVar(&c.mapFile, "map", "", "one mailbox a line of `FILE`, a table with the columns source and destination, or mail, calendar, contacts and user; see mailmill help map")
	c.flags = flags
}

func (a *app) convert(c *conversion, args []string) error {
	if c.mapFile != "" {
		return a.convertAll(c, args)
	}
	names, err := a.checkLine(c, args)
	if err != nil {
		return err
	}
	if err := a.checkServers(c, &c.targets); err != nil {
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
	defer c.sources.close()
	plan, err := a.prepare(c, names, log)
	if err != nil {
		return err
	}
	into, err := a.open(c, log, c.only)
	if err != nil {
		return a.targetError(c, err)
	}
	defer into.close()
	journals, closeReport, err := a.journals(c)
	if err != nil {
		return errors.Join(err, into.abort())
	}
	known, err := a.learn(c.addressing, lessons{plan.Sources, c.jobs, bars, journals, log, !c.dryRun && !c.only})
	if err == nil {
		err = c.mustKnow(a, known, journals)
	}
	if err != nil {
		for _, j := range journals {
			j.Balance(load.Balance{})
		}
		return errors.Join(a.targetError(c, err), into.abort(), closeReport())
	}
	run := &converted{into: into, people: known}
	err = a.targetError(c, a.carryOut(c, plan, run, bars, journals, log))
	if reportErr := closeReport(); err == nil {
		err = reportErr
	}
	return a.sumUp(c, run, log, err)
}

// prepare opens the sources.
func (a *app) prepare(c *conversion, names []string, log *slog.Logger) (load.Plan, error) {
	for _, d := range c.targets.files() {
		c.sources.targets = append(c.sources.targets, d.name)
	}
	c.sources.options.FollowUps = c.look.flaggedAsTasks
	return a.plan(&c.sources, &c.filters, names, c.jobs, log)
}

// carryOut takes the items to the targets, compares what these hold then if that is asked for, and completes the journals.
func (a *app) carryOut(c *conversion, plan load.Plan, run *converted, bars *report.Bars, journals []*report.Journal, log *slog.Logger) error {
	doing := "converting"
	if c.only {
		doing = "comparing"
	}
	c.filters.resolve(&plan, run.people)
	again := plan // without what looks after the first run alone
	plan.Sources = slices.Clone(plan.Sources)
	run.missed = missed(&plan, &c.targets)
	a.watch(&plan, doing, run.into, bars, journals, log)

	log.Debug(doing, "version", version, "sources", len(plan.Sources), "targets", run.into.names(), "format", c.formatName)
	var err error
	run.Result, err = a.walk(c, plan, run.into)
	if bars != nil {
		bars.Close()
	}
	if !c.mapped {
		run.Elapsed += run.people.elapsed
	}
	if closeErr := explainLedger(run.into.close()); err == nil {
		err = closeErr
	}
	switch {
	case err != nil: // what a comparison has not come to says nothing
	case c.only:
		run.compared = run.into
	case c.verify && !c.dryRun:
		var compared *load.Result
		run.compared, compared, err = a.compare(c, again, bars, log)
		if compared != nil {
			run.Elapsed += compared.Elapsed
		}
	}
	for _, j := range journals {
		run.tell(j, c.dryRun && err == nil)
		if !c.mapped {
			j.People(run.people.numbers())
		}
		j.Balance(run.Balance, run.into.tallies()...)
	}
	logFaults(log, run.Result)
	return err
}

// walk takes the items of a run to the targets.
func (a *app) walk(c *conversion, plan load.Plan, into *opened) (*load.Result, error) {
	plan.Sources = slices.Clone(plan.Sources)
	for _, p := range into.list {
		plan.Routes = append(plan.Routes, load.Route{Kinds: p.kinds, Source: p.source, Target: p.target})
	}
	a.guard(&plan, c, into)
	return load.Run(a.ctx, plan)
}

// watch has a run tell what happens in it.
func (a *app) watch(plan *load.Plan, doing string, into *opened, bars *report.Bars, journals []*report.Journal, log *slog.Logger) {
	var watching report.Observers
	for _, j := range journals {
		watching = append(watching, j)
	}
	switch {
	case bars != nil:
		if bars.Lanes = into.lanes(); len(bars.Lanes) > 0 {
			bars.Begin(plan.Sources[0].Name)
		}
		watching = append(watching, bars)
	case a.verbose:
		watching = append(watching, &report.Ticker{Log: log, Doing: doing, Lanes: into.lanes()})
	}
	plan.Observer = watching
}

// checkLine refuses what is wrong with the command line, and returns the sources' names.
func (a *app) checkLine(c *conversion, args []string) (sources []string, err error) {
	least := 2
	if c.sources.listFile != "" {
		least--
	}
	if c.targets.given() {
		least--
	}
	if len(args) < least && !c.mapped {
		verb, source := "convert", "alice.pst"
		if c.only {
			verb = "verify"
		}
		if len(args) == 1 && exists(args[0]) {
			source = args[0]
		}
		if c.targets.given() {
			return nil, usage("%s needs a source: mailmill %[1]s %s %s", verb, source, c.targets.optionsGiven()+" …")
		}
		return nil, usage("%s needs a source and, as the last argument, a folder to %s: mailmill %[1]s %[3]s out/",
			verb, map[bool]string{false: "write to", true: "compare with"}[c.only], source)
	}
	for _, f := range files.Formats() {
		if strings.EqualFold(f.Name(), c.formatName) {
			c.format = f
		}
	}
	if c.format == nil {
		return nil, usage("--format: %q is no format; mbox, eml and maildir are", c.formatName)
	}
	if err := c.look.check(); err != nil {
		return nil, err
	}
	kinds, err := c.filters.kinds()
	if err != nil {
		return nil, err
	}
	if sources, err = c.targets.resolve(args, c.sources.listFile != "", kinds); err != nil {
		return nil, err
	}
	if err := a.checkTargets(c); err != nil {
		return nil, err
	}
	if err := c.remote.check(c.flags); err != nil {
		return nil, err
	}
	if err := c.checkNeeds(c.flags); err != nil {
		return nil, err
	}
	if err := c.checkPrune(); err != nil {
		return nil, err
	}
	if err := a.checkOutputs(c, sources); err != nil {
		return nil, err
	}
	if c.report != "" {
		if err := a.checkBeside("report", c.report); err != nil {
			return nil, err
		}
	}
	return sources, nil
}

// checkServers refuses what is wrong with how servers are spoken to, and who logs in there: those of all targets of a run.
func (a *app) checkServers(c *conversion, all ...*targets) error {
	var accounts []*account
	for _, t := range all {
		accounts = append(accounts, t.servers()...)
	}
	if err := c.addressing.check(a, accounts...); err != nil {
		return err
	}
	for _, t := range all {
		for _, d := range t.list {
			if d.server == nil {
				continue
			}
			if err := checkPlain(d, c.addressing.isInsecure); err != nil {
				return err
			}
		}
	}
	return nil
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
	set("keep-tnef", strconv.FormatBool(c.sources.keepTNEF))
	set("keep-ex", strconv.FormatBool(c.sources.options.KeepEX))
	set("timezone", c.sources.timeZone)
	c.look.record(record)
	maps.Copy(record, c.addressing.record())
	return record
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
