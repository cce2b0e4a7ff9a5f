package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"syscall"

	"mailmill/load"
	"mailmill/load/report"
)

// converted is what became of a conversion.
type converted struct {
	into     *opened
	compared *opened // with what; nil where nothing was compared
	people   *people
	missed   func() []string // says what had no target
	*load.Result
}

// sumUp says how the run ended: on standard output, unless that is what was written to.
func (a *app) sumUp(c *conversion, run *converted, log *slog.Logger, err error) error {
	if errors.Is(a.stdout.failed(), syscall.EPIPE) {
		return err // nobody listens
	}
	result := run.Result
	out := io.Writer(a.stdout)
	if c.targets.stream() != nil {
		out = a.stderr
	}
	if !c.asJSON {
		if !a.quiet {
			report.WriteBalance(out, result.Balance)
			if !c.dryRun {
				report.WriteTargets(out, run.into.tallies())
			}
			for _, line := range append(run.into.allRemarks(c.dryRun), run.missed()...) {
				fmt.Fprintln(out, line+".")
			}
		}
		if run.compared != nil {
			a.writeVerified(out, run.compared)
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
	if run.compared != nil {
		if differs := run.compared.verified(); differs != nil {
			verdict = differs
		}
	}
	rehearsed := ""
	if c.dryRun {
		var full error
		if rehearsed, full = run.rehearsed(); full != nil {
			verdict = full
		}
	}
	if c.asJSON || a.quiet {
		return verdict
	}
	if !c.mapped && !run.people.skipped {
		fmt.Fprintln(out, run.people.line()+".")
	}
	done := "Finished in " + report.Duration(result.Elapsed)
	if c.dryRun {
		done = "Nothing was written (--dry-run): " + rehearsed + " " + done
	}
	if verdict == nil {
		fmt.Fprintln(out, done+".")
		return nil
	}
	status, sentence := conclude(verdict)
	if sentence != "" && status != exitSource {
		fmt.Fprintln(out, done+".")
		return verdict
	}
	fmt.Fprintf(a.stderr, "%s with failures (exit status %d).\n", done, status)
	return verdict
}

// rehearsed says what a run would have written. An error says where there is too little room for it.
func (r *converted) rehearsed() (string, error) {
	var list []string
	var errs []error
	for _, p := range r.into.list {
		list, errs = append(list, p.rehearsed()), append(errs, p.full())
	}
	return strings.Join(list, " "), errors.Join(errs...)
}

// tell writes into a journal what is known at the end of a run.
func (r *converted) tell(j *report.Journal, rehearsal bool) {
	for _, p := range r.into.list {
		if rehearsal && p.plan != nil {
			plan, _ := p.plan()
			j.Plan(&plan)
		}
	}
	if r.compared == nil {
		return
	}
	for _, p := range r.compared.list {
		j.Verified(p.String(), p.compared.Report())
	}
}

// allRemarks returns what is to be known of servers beside the balance.
func (o *opened) allRemarks(rehearsal bool) (list []string) {
	if rehearsal {
		return nil
	}
	for _, p := range o.list {
		if p.remarks == nil {
			continue
		}
		for _, line := range p.remarks() {
			list = append(list, p.String()+": "+line)
		}
	}
	return list
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
