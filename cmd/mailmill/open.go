package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/files"
	"mailmill/load/ledger"
	"mailmill/load/report"
	"mailmill/load/verify"
)

// opened are the targets of a run, ready to be written to.
type opened struct {
	list    []*place
	ledgers map[string]*ledger.Ledger // by file
	done    []func() error            // closes what they share, the last first
}

// place is a destination that is ready to be written to, and what has become of the items that went there.
type place struct {
	*destination
	target   load.Target
	files    *files.Target  // nil for a server, and where nothing is written
	compared *verify.Target // nil where something is written

	// Of servers, else nil:
	speaks  serverTarget
	lane    func() report.Lane
	plan    func() (report.Plan, error) // after a rehearsal: what the server would get; an error says that it has too little room
	remarks func() []string             // after a run: what is to be known beside the balance

	mu    sync.Mutex
	tally report.Tally
}

// open opens all targets, to be written to or to be compared with: servers first, as they may refuse, and nothing is to be
// written anywhere then. What has been opened when one fails is given up.
func (a *app) open(c *conversion, log *slog.Logger, compare bool) (into *opened, err error) {
	into = new(opened)
	var all []*destination
	for _, d := range c.targets.list {
		all = append(all, c.spread(d)...)
	}
	order := slices.SortedStableFunc(slices.Values(all), func(x, y *destination) int {
		switch {
		case (x.server != nil) == (y.server != nil):
			return 0
		case x.server != nil:
			return -1
		}
		return 1
	})
	for _, d := range order {
		p := &place{destination: d, tally: report.Tally{Target: d.String()}}
		var mirror verify.Mirror
		switch {
		case d.server != nil:
			mirror, err = a.openServer(c, p, into, log, compare)
		case compare:
			mirror, err = c.openMirror(d)
		default:
			p.files, err = c.openFiles(d, a.stdout)
			p.target = p.files
		}
		if err != nil {
			return nil, errors.Join(beforeAll(d.explain(err)), into.abort())
		}
		if compare {
			p.compared = verify.New(mirror, verify.Options{Progress: a.reading})
			p.target = p.compared
		}
		into.list = append(into.list, p)
	}
	return into, nil
}

// beforeAll makes of an error that nobody expects one of the configuration: nothing has begun yet.
func beforeAll(err error) error {
	var e *exit
	if errors.As(err, &e) && e.status == exitUnexpected {
		return &exit{exitUsage, e.sentence, e}
	}
	return err
}

// reading tells how far the reading of a target is that items are compared with.
func (a *app) reading(read verify.Progress) {
	if bars := a.bars.Load(); bars != nil {
		bars.Reading(read.Place, read.Objects)
	}
}

// abort gives up all targets before anything was written.
func (o *opened) abort() error {
	var errs []error
	for _, p := range o.list {
		_, err := p.target.Abort()
		errs = append(errs, err)
	}
	return errors.Join(append(errs, o.close())...)
}

// close closes what targets share, when they have ended.
func (o *opened) close() error {
	var errs []error
	for _, done := range slices.Backward(o.done) {
		errs = append(errs, done())
	}
	o.done = nil
	return errors.Join(errs...)
}

// names names the targets to a log.
func (o *opened) names() (list []string) {
	for _, p := range o.list {
		list = append(list, p.String())
	}
	return list
}

// lanes returns the lanes of those that are servers.
func (o *opened) lanes() (list []func() report.Lane) {
	for _, p := range o.list {
		if p.lane != nil {
			list = append(list, p.lane)
		}
	}
	return list
}

// tallies returns what has become of the items by target, where that says more than the balance alone.
func (o *opened) tallies() (list []report.Tally) {
	if len(o.list) == 1 && o.list[0].server == nil {
		return nil
	}
	for _, p := range o.list {
		if p.compared != nil {
			continue
		}
		p.mu.Lock()
		list = append(list, p.tally)
		p.mu.Unlock()
	}
	return list
}

// count takes note of what became of an item.
func (p *place) count(outcome load.Outcome, size int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch outcome {
	case load.Written:
		p.tally.Written++
		p.tally.Bytes += size
	case load.Unchanged:
		p.tally.Unchanged++
	case load.Duplicate:
		p.tally.Duplicate++
	case load.Failed:
		p.tally.Failed++
	}
}

// drop takes note that everything that was written is gone.
func (p *place) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tally.Failed += p.tally.Written
	p.tally.Written, p.tally.Bytes = 0, 0
}

// rehearsed says what a run would have written.
func (p *place) rehearsed() string {
	if p.plan != nil {
		plan, _ := p.plan()
		return p.String() + " would get " + plan.String() + "."
	}
	n, size := p.files.Wrote()
	what := report.Bytes(size)
	if !p.form.Single() {
		what = report.Plural(n, "file") + " with " + what
	}
	if p.form.Compressed() {
		what += " before compression"
	}
	return p.String() + " would get " + what + "."
}

// full returns an error where a rehearsal has found too little room.
func (p *place) full() error {
	if p.plan == nil {
		return nil
	}
	_, err := p.plan()
	if err == nil {
		return nil
	}
	return &exit{exitQuota, fmt.Sprintf("%s: %s; nothing was written: make room there, or take part of it (--since, --include)", p, once(err)), err}
}

// openFiles opens a target of files, or where nothing is to be written one that does everything but that.
func (c *conversion) openFiles(d *destination, stdout io.Writer) (*files.Target, error) {
	if c.dryRun {
		return files.Rehearse(d.name, c.filesOptions(d))
	}
	return files.Open(d.name, stdout, c.filesOptions(d))
}

func (c *conversion) filesOptions(d *destination) files.Options {
	o := files.Options{Format: c.format, Kinds: d.kinds, Record: c.record(), Version: version, Overwrite: c.overwrite}
	if !d.form.Folder() && c.remote.prefix != "" {
		o.Prefix, o.Record["prefix"] = c.remote.prefix, c.remote.prefix // a folder has it in its name
	}
	c.look.apply(&o)
	o.FollowUps = c.look.flaggedAsTasks && d.takes(formats.KindTask) && d.takes(formats.KindMail)
	for _, archive := range c.sources.archives {
		info := archive.Info()
		if d.source != "" && d.source != info.Path {
			continue
		}
		o.Sources = append(o.Sources, files.Source{
			Name: info.Path, Folders: archive.Folders(), Size: info.Size, Modified: info.Modified.UTC().Format(time.RFC3339),
		})
	}
	return o
}

// explain says what is wrong with a target.
func (d *destination) explain(err error) error {
	if known := (*exit)(nil); err == nil || errors.As(err, &known) || errors.Is(err, errInterrupted) {
		return err
	}
	if d.server != nil {
		return d.explainServer(err)
	}
	var pathError *fs.PathError
	switch {
	case errors.Is(err, files.ErrExists):
		return &exit{exitUsage, once(err) + "; name another target, or replace what is there with --overwrite", err}
	case errors.Is(err, files.ErrSource):
		other := "file"
		if d.form.Folder() {
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
		return &exit{exitUsage, fmt.Sprintf("%s cannot be written: permission denied", d.name), err}
	case errors.As(err, &pathError) && !temporary(err):
		return &exit{exitUsage, fmt.Sprintf("%s cannot be written: %s", d.name, reasonOf(pathError.Err)), err}
	}
	return err
}

// targetError says of a run that was interrupted what is left of it.
func (a *app) targetError(c *conversion, err error) error {
	if !errors.Is(err, errInterrupted) {
		return err
	}
	var kept []string
	if len(c.targets.servers()) > 0 {
		kept = append(kept, "what servers have confirmed stays there")
	}
	if len(c.targets.files()) > 0 && !c.only {
		kept = append(kept, "what was unfinished is removed")
	}
	sentence := "interrupted"
	switch {
	case c.only:
		sentence += "; nothing was changed"
	case len(c.targets.servers()) > 0 && len(c.targets.files()) == 0:
		sentence += "; " + kept[0] + ", and the same command goes on where it stopped"
	default:
		sentence += "; " + strings.Join(kept, ", ") + ", run the same command again"
	}
	return &exit{exitInterrupted, sentence, err}
}
