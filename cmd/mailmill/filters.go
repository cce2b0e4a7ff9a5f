package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/report"
	"mailmill/transform/filter"
)

// filters are the options that say which items are wanted.
type filters struct {
	only             []string
	include, exclude []string
	since, until     string

	folders *filter.Folders // of include and exclude, after build; nil without
}

func (f *filters) addFlags(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.only, "only", nil, "only items of these `KINDS`: mail event task contact group note journal other, calendar, contacts")
	flags.StringArrayVar(&f.include, "include", nil, "only folders whose path matches `GLOB`: Inbox alone, 'Inbox/**' with all below it, '**/Spam' anywhere; may be repeated")
	flags.StringArrayVar(&f.exclude, "exclude", nil, "no folders whose path matches `GLOB`; may be repeated, and wins over --include")
	flags.StringVar(&f.since, "since", "", "only items from this `DATE` on: 2014-03-02, or 2014-03-02T10:00:00Z")
	flags.StringVar(&f.until, "until", "", "only items up to this `DATE`: a day is included, a time is not")
}

// given returns the name of an option that leaves out items of a kind that is wanted, or "".
func (f *filters) given() string {
	switch {
	case len(f.include) > 0:
		return "include"
	case len(f.exclude) > 0:
		return "exclude"
	case f.since != "":
		return "since"
	case f.until != "":
		return "until"
	}
	return ""
}

// kinds returns those that are wanted; none where nothing says so.
func (f *filters) kinds() (filter.Kinds, error) {
	if len(f.only) == 0 {
		return nil, nil
	}
	kinds, err := filter.ParseKinds(strings.Join(f.only, ","))
	if err != nil {
		return nil, usage("--only: %v", err)
	}
	return kinds, nil
}

// build returns what a run needs to leave out what is not wanted.
func (f *filters) build() (wanted []load.Filter, steps []load.Step, err error) {
	kinds, err := f.kinds()
	if err != nil {
		return nil, nil, err
	}
	if kinds != nil {
		wanted = append(wanted, kinds)
	}
	if len(f.include)+len(f.exclude) > 0 {
		f.folders, err = filter.NewFolders(f.include, f.exclude)
		if err != nil {
			return nil, nil, usage("--include or --exclude: %v", err)
		}
		wanted = append(wanted, f.folders)
	}
	var dates filter.Dates
	if dates.Since, err = parseDate("since", f.since, 0); err != nil {
		return nil, nil, err
	}
	if dates.Until, err = parseDate("until", f.until, 1); err != nil {
		return nil, nil, err
	}
	if !dates.Since.IsZero() || !dates.Until.IsZero() {
		if !dates.Until.IsZero() && !dates.Since.Before(dates.Until) {
			return nil, nil, usage("--since %s is not before --until %s: nothing lies between them", f.since, f.until)
		}
		steps = append(steps, dates)
	}
	return wanted, steps, nil
}

// checkFolders tells of patterns that no folder of the archives matches, and refuses a run for which no folder is left:
// that is a typing mistake, and must not look like success.
func (f *filters) checkFolders(a *app, from []extract.Archive) error {
	if f.folders == nil {
		return nil
	}
	var all []*formats.Folder
	for _, archive := range from {
		all = append(all, archive.Folders()...)
	}
	var missed, notices []string
	for _, pattern := range f.include {
		if !matchesAny(pattern, all) {
			missed = append(missed, pattern)
			notices = append(notices, noFolder("--include", pattern, all))
		}
	}
	if !slices.ContainsFunc(all, f.folders.Match) {
		switch {
		case len(missed) == 1:
			return usage("%s", notices[0])
		case len(missed) > 1:
			return usage("no folder is what --include asks for ('%s'); mailmill inspect shows what they are called", strings.Join(missed, "', '"))
		}
		return usage("--exclude leaves out every folder that there is, or that --include asks for")
	}
	for _, pattern := range f.exclude {
		if !matchesAny(pattern, all) {
			notices = append(notices, noFolder("--exclude", pattern, all))
		}
	}
	if !a.quiet {
		for _, notice := range notices {
			fmt.Fprintln(a.stderr, report.Printable(notice)+".")
		}
	}
	return nil
}

// noFolder says that a pattern matches no folder, and which one may be meant.
func noFolder(option, pattern string, all []*formats.Folder) string {
	advice := "mailmill inspect shows what they are called"
	if anywhere := "**/" + strings.TrimPrefix(pattern, "/"); matchesAny(anywhere, all) {
		advice = fmt.Sprintf("'%s' would", anywhere)
	}
	return fmt.Sprintf("%s '%s' matches no folder; %s", option, pattern, advice)
}

func matchesAny(pattern string, folders []*formats.Folder) bool {
	f, err := filter.NewFolders([]string{pattern}, nil)
	return err == nil && slices.ContainsFunc(folders, f.Match)
}

// parseDate reads a time, or a day in UTC to which days are added.
func parseDate(option, value string, days int) (time.Time, error) {
	if value == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.DateOnly, value); err == nil {
		return t.AddDate(0, 0, days), nil
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return time.Time{}, usage("--%s takes a day as 2014-03-02 or a time as 2014-03-02T10:00:00Z, not %q", option, value)
	}
	return t, nil
}

// record returns the options as the record of a run keeps them: in an order that does not depend on the user's.
func (f *filters) record() map[string]string {
	record := make(map[string]string)
	for name, list := range map[string][]string{"only": f.only, "include": f.include, "exclude": f.exclude} {
		if len(list) > 0 {
			record[name] = strings.Join(slices.Sorted(slices.Values(list)), "\n")
		}
	}
	for name, value := range map[string]string{"since": f.since, "until": f.until} {
		if value != "" {
			record[name] = value
		}
	}
	return record
}
