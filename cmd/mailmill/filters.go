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
	from, to         []string
	subject          []string
	larger, smaller  string
	unread, flagged  bool
	class            []string
	skipDuplicates   bool

	folders  *filter.Folders // of include and exclude, after build; nil without
	tables   []load.Filter   // after build: those steps that tables can decide, for who reads no items
	resolved []load.Step     // those that need addresses, after build
}

// addFlags adds the options to a verb that reads items.
func (f *filters) addFlags(flags *pflag.FlagSet) {
	f.addTableFlags(flags)
	flags.StringVar(&f.since, "since", "", "only items from this `DATE` on: 2014-03-02, or 2014-03-02T10:00:00Z")
	flags.StringVar(&f.until, "until", "", "only items up to this `DATE`: a day is included, a time is not")
	flags.StringArrayVar(&f.from, "from", nil, "only items from somebody whose name or address contains `TEXT`; repeated, one of them is enough")
	flags.StringArrayVar(&f.to, "to", nil, "only items to somebody, also as a copy, whose name or address contains `TEXT`; repeated, one of them is enough")
	flags.StringArrayVar(&f.subject, "subject", nil, "only items whose subject contains `TEXT`; repeated, one of them is enough")
	flags.BoolVar(&f.unread, "unread", false, "only mail that was not read")
	flags.BoolVar(&f.flagged, "flagged", false, "only items that are flagged")
	flags.BoolVar(&f.skipDuplicates, "skip-duplicates", false, "of items that say the same, in all sources together, only the first; they count as duplicate")
	for _, name := range []string{"since", "until", "from", "to", "subject"} {
		offer(flags, name)
	}
}

// addTableFlags adds those that an archive's tables decide, without reading items.
func (f *filters) addTableFlags(flags *pflag.FlagSet) {
	flags.StringSliceVar(&f.only, "only", nil, "only items of these `KINDS`: mail event task contact group note journal other, calendar, contacts")
	f.addFolderFlags(flags)
	flags.StringVar(&f.larger, "larger", "", "only items of more than `SIZE` in the source: 500K, 10M, 1G")
	flags.StringVar(&f.smaller, "smaller", "", "only items of less than `SIZE` in the source")
	flags.StringArrayVar(&f.class, "class", nil, "only items of the message class `GLOB`: IPM.Note, 'IPM.Note*'; may be repeated")
	offerList(flags, "only", kindCompletions()...)
	offer(flags, "larger", "1M", "10M", "25M\tmore than many servers take", "100M")
	offer(flags, "smaller", "1M", "10M", "100M")
	offer(flags, "class", "IPM.Note*\tmail", "IPM.Note.SMIME*\tsigned and encrypted mail", "IPM.Schedule.Meeting*\tmail about meetings",
		"IPM.Appointment*\tevents", "IPM.Task*\ttasks", "IPM.Contact*\tcontacts", "REPORT*\treceipts and reports")
}

// addFolderFlags adds those that choose folders.
func (f *filters) addFolderFlags(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.include, "include", nil, "only folders whose path matches `GLOB`: Inbox alone, 'Inbox/**' with all below it, '**/Spam' anywhere; may be repeated")
	flags.StringArrayVar(&f.exclude, "exclude", nil, "no folders whose path matches `GLOB`; may be repeated, and wins over --include")
	offerFolders(flags, "include")
	offerFolders(flags, "exclude")
}

// kindCompletions are what a shell offers for --only.
func kindCompletions() []string {
	var list []string
	for _, kind := range formats.Kinds() {
		list = append(list, kind.String())
	}
	return append(list, "calendar\tevent and task", "contacts\tcontact and group")
}

// given returns the name of an option that leaves out items of a kind that is wanted, or "".
func (f *filters) given() string {
	for _, option := range []struct {
		name  string
		given bool
	}{
		{"include", len(f.include) > 0},
		{"exclude", len(f.exclude) > 0},
		{"since", f.since != ""},
		{"until", f.until != ""},
		{"from", len(f.from) > 0},
		{"to", len(f.to) > 0},
		{"subject", len(f.subject) > 0},
		{"larger", f.larger != ""},
		{"smaller", f.smaller != ""},
		{"unread", f.unread},
		{"flagged", f.flagged},
		{"class", len(f.class) > 0},
		{"skip-duplicates", f.skipDuplicates},
	} {
		if option.given {
			return option.name
		}
	}
	return ""
}

// reading reports whether it is known only of items that were read whether they are wanted.
func (f *filters) reading() bool {
	return f.since != "" || f.until != "" || len(f.from)+len(f.to)+len(f.subject) > 0 || f.unread || f.flagged || f.skipDuplicates ||
		len(f.class) > 0 || f.larger != "" || f.smaller != ""
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

// build returns what a run needs to leave out what is not wanted. The steps that need addresses are added by [app.resolve].
//
// Of the items of a wanted kind in a wanted folder all are read, though tables tell the class and the size of many: the number
// at the end of equal keys counts those that are left out, and so depends on no option.
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
	both := func(decides interface {
		load.Filter
		load.Step
	},
	) {
		f.tables, steps = append(f.tables, decides), append(steps, decides)
	}
	if len(f.class) > 0 {
		classes, err := filter.NewClasses(f.class)
		if err != nil {
			return nil, nil, usage("--class: %v", err)
		}
		both(classes)
	}
	sizes, err := f.sizes()
	if err != nil {
		return nil, nil, err
	}
	if sizes != (filter.Sizes{}) {
		both(sizes)
	}
	if state := (filter.State{Unread: f.unread, Flagged: f.flagged}); state != (filter.State{}) {
		both(state)
	}
	dates, err := f.dates()
	if err != nil {
		return nil, nil, err
	}
	if !dates.Since.IsZero() || !dates.Until.IsZero() {
		steps = append(steps, dates)
	}
	if len(f.subject) > 0 {
		steps = append(steps, filter.NewSubject(f.subject))
	}
	if len(f.from)+len(f.to) > 0 {
		f.resolved = []load.Step{filter.NewPeople(f.from, f.to)}
	}
	return wanted, steps, nil
}

func (f *filters) dates() (dates filter.Dates, err error) {
	if dates.Since, err = parseDate("since", f.since, 0); err != nil {
		return dates, err
	}
	if dates.Until, err = parseDate("until", f.until, 1); err != nil {
		return dates, err
	}
	if !dates.Until.IsZero() && !dates.Since.Before(dates.Until) {
		return dates, usage("--since %s is not before --until %s: nothing lies between them", f.since, f.until)
	}
	return dates, nil
}

func (f *filters) sizes() (sizes filter.Sizes, err error) {
	for _, option := range []struct {
		name, value string
		size        *int64
	}{{"larger", f.larger, &sizes.Larger}, {"smaller", f.smaller, &sizes.Smaller}} {
		var ok bool
		if option.value == "" {
			continue
		}
		if *option.size, ok = parseSize(option.value); !ok {
			return sizes, usage("--%s takes a size as 500K, 10M or 1G, not %q", option.name, option.value)
		}
	}
	if sizes.Smaller > 0 && sizes.Smaller <= sizes.Larger+1 {
		return sizes, usage("nothing is larger than %s and smaller than %s", f.larger, f.smaller)
	}
	return sizes, nil
}

// resolve has a run resolve addresses, and then look at them where that decides what is wanted.
func (f *filters) resolve(plan *load.Plan, known *people) {
	plan.Steps = append(append(plan.Steps, known.ladder.Resolver()), f.resolved...)
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
	for name, list := range map[string][]string{
		"only": f.only, "include": f.include, "exclude": f.exclude, "from": f.from, "to": f.to, "subject": f.subject, "class": f.class,
	} {
		if len(list) > 0 {
			record[name] = strings.Join(slices.Sorted(slices.Values(list)), "\n")
		}
	}
	for name, value := range map[string]string{"since": f.since, "until": f.until, "larger": f.larger, "smaller": f.smaller} {
		if value != "" {
			record[name] = value
		}
	}
	for name, given := range map[string]bool{"unread": f.unread, "flagged": f.flagged, "skip-duplicates": f.skipDuplicates} {
		if given {
			record[name] = "true"
		}
	}
	return record
}

// filterOptions are those that decide what is there, and nothing of how it looks.
var filterOptions = []string{
	"only", "include", "exclude", "since", "until", "from", "to", "subject", "larger", "smaller", "unread", "flagged", "class", "skip-duplicates",
}
