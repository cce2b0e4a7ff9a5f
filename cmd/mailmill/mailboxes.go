package main

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"mailmill/load"
	"mailmill/load/report"
)

// mapped is a mailbox on its way.
type mapped struct {
	*mailbox
	c      *conversion
	plan   load.Plan
	result *load.Result
	err    error
}

// convertAll converts the mailboxes of a map, or compares them, one after the other. It learns from all of them before. One
// that fails does not keep it from the others.
func (a *app) convertAll(c *conversion, args []string) error {
	all, err := a.checkMap(c, args)
	if err != nil {
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
	journals, closeReport, err := a.journals(c)
	if err != nil {
		return err
	}
	defer func() {
		for _, m := range all {
			m.c.sources.close()
		}
	}()
	var inputs []load.Input
	for _, m := range all {
		if m.plan, m.err = a.prepare(m.c, m.sources, log); m.err != nil {
			a.tellMailbox(c, m)
		}
		if a.ctx.Err() != nil {
			return errors.Join(a.interrupted(), closeReport())
		}
		inputs = append(inputs, m.plan.Sources...)
	}
	known, err := a.learn(c.addressing, lessons{inputs, c.jobs, bars, journals, log, !c.dryRun && !c.only})
	if err == nil {
		err = c.mustKnow(a, known, journals)
	}
	if err != nil {
		return errors.Join(err, closeReport())
	}
	for i, m := range all {
		if m.err != nil {
			continue
		}
		if !a.quiet && !c.asJSON {
			if i > 0 {
				fmt.Fprintln(a.stdout)
			}
			fmt.Fprintln(a.stdout, m.title())
		}
		m.err = a.convertOne(m, known, bars, journals, log)
		m.c.sources.close()
		if errors.Is(m.err, errInterrupted) || a.ctx.Err() != nil {
			return errors.Join(m.err, closeReport())
		}
		a.tellMailbox(c, m)
	}
	err = a.sumUpAll(c, all, known, journals)
	if reportErr := closeReport(); reportErr != nil {
		return reportErr
	}
	return err
}

// checkMap reads the map, and refuses what is wrong with the command line.
func (a *app) checkMap(c *conversion, args []string) ([]*mapped, error) {
	switch {
	case len(args) > 0:
		return nil, usage("--map names what is read and where it goes: leave %s out", strings.Join(args, " "))
	case c.targets.given():
		return nil, usage("--map names where mailboxes go: leave %s out", c.targets.optionsGiven())
	case c.sources.listFile != "":
		return nil, usage("--map names what is read: leave --files-from out")
	case c.remote.actAs != "":
		return nil, usage("--map has a column for the user: leave --act-as out")
	}
	boxes, err := a.readMap(c.mapFile)
	if err != nil {
		return nil, err
	}
	var all []*mapped
	var places []*targets
	for _, box := range boxes {
		m := &mapped{mailbox: box, c: c.of(box)}
		if _, err := a.checkLine(m.c, m.sources); err != nil {
			return nil, usage("--map: %s, line %d: %v", c.mapFile, m.line, err)
		}
		for _, other := range all {
			if err := apart(m, other); err != nil {
				return nil, usage("--map: %s, lines %d and %d: %v", c.mapFile, other.line, m.line, err)
			}
		}
		all, places = append(all, m), append(places, &m.c.targets)
	}
	return all, a.checkServers(c, places...)
}

// of returns the conversion of one mailbox.
func (c *conversion) of(box *mailbox) *conversion {
	one := &conversion{
		filters: c.filters, addressing: c.addressing, remote: c.remote, formatName: c.formatName, look: c.look, jobs: c.jobs,
		overwrite: c.overwrite, dryRun: c.dryRun, ignoreSpace: c.ignoreSpace, verify: c.verify, only: c.only, asJSON: c.asJSON,
		report: c.report, mapped: true, flags: c.flags,
	}
	one.sources = sources{codePage: c.sources.codePage, timeZone: c.sources.timeZone, options: c.sources.options, keepTNEF: c.sources.keepTNEF}
	one.targets = targets{bySort: box.bySort, apart: true, destination: box.destination}
	one.remote.actAs = box.user
	return one
}

// apart refuses two mailboxes that would write to one place.
func apart(m, other *mapped) error {
	for _, d := range m.c.targets.files() {
		for _, o := range other.c.targets.files() {
			if samePlace(d.name, o.name) || within(d.name, o.name) || within(o.name, d.name) {
				return usage("%s and %s are one place, or one is in the other; mailboxes with all their columns but the source alike are one", o.name, d.name)
			}
		}
	}
	return nil
}

// title names a mailbox to people.
func (m *mapped) title() string {
	var from, to []string
	for _, s := range m.sources {
		from = append(from, report.Printable(s))
	}
	for _, d := range m.c.targets.list {
		to = append(to, d.String())
	}
	return strings.Join(from, ", ") + " → " + strings.Join(to, ", ")
}

// convertOne converts a mailbox, whose sources are open.
func (a *app) convertOne(m *mapped, known *people, bars *report.Bars, journals []*report.Journal, log *slog.Logger) error {
	for _, j := range journals {
		j.Mailbox(m.line, m.sources, m.to())
	}
	into, err := a.open(m.c, log, m.c.only)
	if err != nil {
		for _, j := range journals {
			j.Balance(load.Balance{})
		}
		return a.targetError(m.c, err)
	}
	defer into.close()
	run := &converted{into: into, people: known}
	err = a.targetError(m.c, a.carryOut(m.c, m.plan, run, bars, journals, log))
	m.result = run.Result
	return a.sumUp(m.c, run, log, err)
}

// tellMailbox says at once what is wrong with a mailbox.
func (a *app) tellMailbox(c *conversion, m *mapped) {
	if _, sentence := conclude(m.err); m.err != nil && sentence != "" {
		fmt.Fprintf(a.stderr, "mailmill: %s, line %d: %s\n", report.Printable(c.mapFile), m.line, sentence)
	}
}

// sumUpAll says what became of all mailboxes together.
func (a *app) sumUpAll(c *conversion, all []*mapped, known *people, journals []*report.Journal) error {
	total := make(load.Balance)
	var wrong []*mapped
	worst := exitOK
	var results []report.MailboxResult
	for _, m := range all {
		if m.result != nil {
			total.Add(m.result.Balance)
		}
		status, sentence := conclude(m.err)
		results = append(results, report.MailboxResult{Line: m.line, Sources: m.sources, Targets: m.to(), Status: status, Reason: sentence})
		if status != exitOK {
			wrong = append(wrong, m)
		}
		if severity(status) > severity(worst) {
			worst = status
		}
	}
	for _, j := range journals {
		j.People(known.numbers())
		j.Total(total, results)
	}
	if !a.quiet && !c.asJSON {
		fmt.Fprintf(a.stdout, "\nTotal of %s:\n", plural(len(all), "mailbox", "mailboxes"))
		report.WriteBalance(a.stdout, total)
		fmt.Fprintln(a.stdout, known.line()+".")
	}
	if worst == exitOK {
		return nil
	}
	var lines []string
	for _, m := range wrong {
		status, _ := conclude(m.err)
		lines = append(lines, fmt.Sprintf("line %d (exit status %d)", m.line, status))
	}
	const most = 20
	if len(lines) > most {
		lines = append(lines[:most], fmt.Sprintf("%d more", len(lines)-most))
	}
	return &exit{status: worst, sentence: fmt.Sprintf("%d of %s did not go through as it should: %s",
		len(wrong), plural(len(all), "mailbox", "mailboxes"), strings.Join(lines, ", "))}
}

func plural(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return report.Count(n) + " " + several
}

// severities are the exit statuses, from what needs the least attention to what needs the most.
var severities = []int{
	exitOK, exitDiffers, exitFailures, exitQuota, exitTemporary, exitInUse, exitRefused, exitSource, exitUsage, exitUnexpected, exitInterrupted, exitPipe,
}

func severity(status int) int { return slices.Index(severities, status) }
