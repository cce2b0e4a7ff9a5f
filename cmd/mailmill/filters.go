package main

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"mailmill/load"
	"mailmill/transform/filter"
)

// filters are the options that say which items are wanted.
type filters struct {
	only             []string
	include, exclude []string
	since, until     string
}

func (f *filters) addFlags(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.only, "only", nil, "only items of these `KINDS`: mail event task contact group note journal other, calendar, contacts")
	flags.StringArrayVar(&f.include, "include", nil, "only folders whose path matches `GLOB`: Inbox alone, 'Inbox/**' with all below it, '**/Spam' anywhere; may be repeated")
	flags.StringArrayVar(&f.exclude, "exclude", nil, "no folders whose path matches `GLOB`; may be repeated, and wins over --include")
	flags.StringVar(&f.since, "since", "", "only items from this `DATE` on: 2014-03-02, or 2014-03-02T10:00:00Z")
	flags.StringVar(&f.until, "until", "", "only items up to this `DATE`: a day is included, a time is not")
}

// build returns what a run needs to leave out what is not wanted.
func (f *filters) build() (wanted []load.Filter, steps []load.Step, err error) {
	if f.only != nil && len(f.only) == 0 {
		return nil, nil, usage("--only names no kind; is a variable empty that should hold one?")
	}
	if len(f.only) > 0 {
		kinds, err := filter.ParseKinds(strings.Join(f.only, ","))
		if err != nil {
			return nil, nil, usage("--only: %v", err)
		}
		wanted = append(wanted, kinds)
	}
	if len(f.include)+len(f.exclude) > 0 {
		folders, err := filter.NewFolders(f.include, f.exclude)
		if err != nil {
			return nil, nil, usage("--include, --exclude: %v", err)
		}
		wanted = append(wanted, folders)
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
