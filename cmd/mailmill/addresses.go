package main

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/report"
	"mailmill/transform/address"
	"mailmill/transform/address/directory"
	"mailmill/transform/filter"
)

// mapping is what the options of addresses say.
type mapping struct {
	sources    sources
	filters    filters
	addressing addressing
	asCSV      bool
	asJSON     bool
	show       []string
	jobs       int
}

// shownList is a list that --show knows.
type shownList struct {
	name string
	list func(*address.Report) []address.Person
	what string
}

var shownLists = []shownList{
	{"unresolved", (*address.Report).Unresolved, "nobody knows the address"},
	{"ambiguous", (*address.Report).Ambiguous, "evidence speaks for several addresses"},
	{"guessed", (*address.Report).Guessed, "a rule or a name made the answer"},
	{"conflicting", (*address.Report).Conflicting, "directories and archives, or directories, disagree"},
	{"outside", (*address.Report).Outside, "the answer is of none of the accepted domains"},
}

func (a *app) addressesCommand() *cobra.Command {
	m := new(mapping)
	cmd := &cobra.Command{
		Use:        "addresses [OPTIONS] SRC…",
		SuggestFor: []string{"people", "map", "resolve"},
		Short:      "Tell who is behind Exchange names, and how that is known",
		Long: `Addresses learns from all items of all archives who has which mail address, and
prints a line for everybody who lacks one somewhere: how often and when he
occurs, what he is called, the answer, how it is known and how sure it is. With
--include or --exclude it learns from those folders alone.

The table of --csv has the evidence, too. It is made to be corrected: fill the
column "address" in where it is empty, change it where it is wrong, empty it
where you do not believe it, and give the file to --directory, here or in
convert. What it says then is certain. The objects of --json may be given back
as well.

` + addressesHelp,
		Example: `  mailmill addresses alice.pst bob.ost
  mailmill addresses --csv --show unresolved,ambiguous *.pst >people.csv
  mailmill convert --directory people.csv *.pst out/
  mailmill addresses --directory ldaps://me@dc.example.com/dc=example alice.pst`,
		RunE: func(_ *cobra.Command, args []string) error { return a.addresses(m, args) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	var names, completions []string
	for _, s := range shownLists {
		names = append(names, s.name)
		completions = append(completions, s.name+"\t"+s.what)
	}
	flags.StringSliceVar(&m.show, "show", nil, "only these `LISTS`: "+strings.Join(names, ", ")+"; repeat or join with commas")
	offerList(flags, "show", completions...)
	flags.BoolVar(&m.asCSV, "csv", false, "print a table of comma-separated values, which --directory reads")
	flags.BoolVar(&m.asJSON, "json", false, "print an object for each person, and one with the numbers of all")
	m.filters.addFolderFlags(flags)
	m.sources.addFlags(flags)
	m.addressing.addFlags(cmd)
	flags.IntVarP(&m.jobs, "jobs", "j", 0, "work on `N` items at once (default: one for each processor); the result does not depend on it")
	return cmd
}

func (a *app) addresses(m *mapping, args []string) error {
	wanted, err := m.check(a)
	if err != nil {
		return err
	}
	bars := a.newBars(m.asJSON)
	if bars != nil {
		defer bars.Close()
	}
	log, closeLog, err := a.openLog()
	if err != nil {
		return err
	}
	defer closeLog()
	from := &m.sources
	defer from.close()
	if err := from.open(a, args, log); err != nil {
		return err
	}
	if err := m.filters.checkFolders(a, from.archives); err != nil {
		return err
	}
	inputs := from.inputs()
	if folders := m.filters.folders; folders != nil {
		for i := range inputs {
			inputs[i].Source = &schooled{inputs[i].Source, folders}
		}
	}
	known, err := a.learn(&m.addressing, lessons{sources: inputs, jobs: m.jobs, bars: bars, log: log, keep: true})
	if err != nil {
		return err
	}
	if err := from.changed(); err != nil {
		return err
	}
	if err := m.write(a, known, wanted(known.report)); err != nil {
		return err
	}
	from.warn(a, log)
	if m.addressing.options.Unresolved == address.PolicyFail && len(known.report.Unresolved()) > 0 {
		return &exit{status: exitFailures}
	}
	if from.incomplete(a.stderr) || from.unreadable > 0 {
		return &exit{status: exitFailures}
	}
	return nil
}

// check refuses what is wrong with the options, and returns what chooses the people to be shown.
func (m *mapping) check(a *app) (wanted func(*address.Report) []address.Person, err error) {
	if err := checkJobs(m.jobs); err != nil {
		return nil, err
	}
	if m.asCSV && m.asJSON {
		return nil, usage("--csv and --json: one of them is enough")
	}
	if m.show != nil && len(m.show) == 0 {
		return nil, usage("--show names no list; is a variable empty that should hold one?")
	}
	var lists []func(*address.Report) []address.Person
	for _, name := range m.show {
		i := slices.IndexFunc(shownLists, func(s shownList) bool { return strings.EqualFold(s.name, strings.TrimSpace(name)) })
		if i < 0 {
			return nil, usage("--show: %q is no list; there are unresolved, ambiguous, guessed, conflicting and outside", name)
		}
		if shownLists[i].name == "outside" && len(m.addressing.domains) == 0 {
			return nil, usage("--show outside needs --accepted-domain, which says what is inside")
		}
		lists = append(lists, shownLists[i].list)
	}
	if err := m.addressing.check(a); err != nil {
		return nil, err
	}
	if _, _, err := m.filters.build(); err != nil {
		return nil, err
	}
	return func(r *address.Report) []address.Person {
		if len(lists) == 0 {
			return r.People
		}
		in := make(map[string]bool)
		for _, list := range lists {
			for _, p := range list(r) {
				in[p.Key] = true
			}
		}
		return slices.DeleteFunc(slices.Clone(r.People), func(p address.Person) bool { return !in[p.Key] })
	}, nil
}

// schooled is a source that teaches what is in some folders alone.
type schooled struct {
	load.Source
	folders *filter.Folders
}

// Places implements [load.Teacher].
func (s *schooled) Places(ctx context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		teacher, ok := s.Source.(load.Teacher)
		if !ok {
			return
		}
		for e, err := range teacher.Places(ctx) {
			if err == nil && (e.Folder == nil || !s.folders.Wanted(&e)) {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// Learn implements [load.Teacher].
func (s *schooled) Learn(ctx context.Context, e formats.Entry, lesson *formats.Lesson) error {
	return s.Source.(load.Teacher).Learn(ctx, e, lesson)
}

func (m *mapping) write(a *app, known *people, list []address.Person) (err error) {
	out := a.buffered()
	defer func() {
		if flushErr := out.Flush(); err == nil {
			err = flushErr
		}
	}()
	switch {
	case m.asJSON:
		lines := report.NewLines(out)
		for i := range list {
			p := personOf(&list[i])
			if err := p.WriteJSON(lines); err != nil {
				return err
			}
		}
		return known.numbers().WriteJSON(lines)
	case m.asCSV:
		t, err := report.NewPeopleCSV(out, directory.Defuse)
		if err != nil {
			return err
		}
		for i := range list {
			p := personOf(&list[i])
			if err := t.Write(&p); err != nil {
				return err
			}
		}
		if !a.quiet {
			fmt.Fprintln(a.stderr, known.line())
		}
		return t.Close()
	}
	if err := report.WritePeople(out, persons(list), a.columns()); err != nil {
		return err
	}
	if !a.quiet {
		_, err = fmt.Fprintln(out, known.line())
	}
	return err
}
