package main

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"mailmill/formats"
	"mailmill/load/files"
	"mailmill/load/report"
	"mailmill/transform/filter"
	"mailmill/transform/folders"
)

// targets are the options that say where items go, and the places that they and the last argument name.
type targets struct {
	bySort [len(sortOptions)]string // --mail, --calendar, --contacts
	// apart says that the place of the last argument is destination, and all arguments are sources. The destination may be
	// empty where the options name one.
	apart       bool
	destination string

	list []*destination // after resolve
}

func (t *targets) addFlags(flags *pflag.FlagSet) {
	for sort, name := range sortOptions {
		what := takenBy(files.Sort(sort))
		flags.StringVar(&t.bySort[sort], name, "", "send "+what+" to `DST`, a file, a folder or a server as "+exampleOf(files.Sort(sort)))
	}
}

// takenBy says what a server for items of a sort takes.
func takenBy(sort files.Sort) string {
	return [...]string{files.Mail: "mail", files.Calendars: "events, tasks, notes and journal entries", files.Cards: "contacts and lists"}[sort]
}

// destination is a place that items go to.
type destination struct {
	option string // that names it, with its dashes; none for the last argument
	name   string // as the command line has it
	server *account
	form   files.Form // of what is no server
	kinds  []formats.Kind
	source string // the only archive whose items go there; empty for all
}

// role names the destination's place in the command line, for what is wrong with it.
func (d *destination) role() string { return cmp.Or(d.option, "the target") }

// String names the destination to people.
func (d *destination) String() string {
	switch {
	case d.server != nil:
		return report.Printable(d.server.String())
	case d.form.Stream():
		return "standard output"
	}
	return report.Printable(d.name)
}

// takes reports whether items of a kind go there.
func (d *destination) takes(kind formats.Kind) bool { return slices.Contains(d.kinds, kind) }

// given reports whether any of the options is.
func (t *targets) given() bool {
	return slices.ContainsFunc(t.bySort[:], func(name string) bool { return name != "" })
}

// resolve reads the targets from the command line, and returns the arguments that are sources. With the options that
// name a target the last argument need not do so.
func (t *targets) resolve(args []string, listed bool, kinds filter.Kinds) (sources []string, err error) {
	last, isLast, err := t.last(args, listed)
	if err != nil {
		return nil, err
	}
	t.list = nil
	for sort, name := range t.bySort {
		if name == "" {
			continue
		}
		d := &destination{option: "--" + optionOf(files.Sort(sort)), name: name}
		if err := d.read(); err != nil {
			return nil, err
		}
		if d.server != nil && d.server.sort != files.Sort(sort) {
			return nil, usage("%s: %s:// takes %s; %s takes %s, as %s does", d.option, d.server.scheme.name, takenBy(d.server.sort),
				d.option, takenBy(files.Sort(sort)), exampleOf(files.Sort(sort)))
		}
		wanted := ofSorts(kinds, func(s files.Sort) bool { return s == files.Sort(sort) })
		if len(wanted) == 0 {
			return nil, usage("%s takes %s, which --only leaves out; leave one of the two out", d.option, takenBy(files.Sort(sort)))
		}
		if d.kinds = d.kindsOf(wanted); len(d.kinds) == 0 {
			return nil, usage("%s: %s takes %s; name a file for %s, a folder or a server", d.option, name, d.form.Takes(), takenBy(files.Sort(sort)))
		}
		if err := t.add(d); err != nil {
			return nil, err
		}
	}
	if !isLast {
		return args, nil
	}
	d := &destination{name: last}
	if err := d.read(); err != nil {
		return nil, err
	}
	wanted := ofSorts(kinds, func(s files.Sort) bool { return t.bySort[s] == "" })
	switch d.kinds = d.kindsOf(wanted); {
	case d.server != nil && t.bySort[d.server.sort] != "":
		return nil, usage("%s takes %s, and so does --%s: leave one of them out", d, takenBy(d.server.sort), optionOf(d.server.sort))
	case d.server != nil && len(d.kinds) == 0:
		return nil, usage("%s takes %s, which --only leaves out; leave --only out, or name another target", d, takenBy(d.server.sort))
	case len(wanted) == 0 && t.given():
		return nil, usage("nothing is left to be written to %s: --mail, --calendar and --contacts name where it goes", d)
	}
	if !t.apart {
		args = args[:len(args)-1]
	}
	return args, t.add(d)
}

// last returns the last argument where it names the target. With --mail, --calendar or --contacts it may be a source
// as well: it is one if it is alone, a file that is no target by its name, or if all three name a place.
func (t *targets) last(args []string, listed bool) (name string, ok bool, err error) {
	if t.apart {
		return t.destination, t.destination != "", nil
	}
	if !t.given() {
		return args[len(args)-1], true, nil
	}
	n := len(args)
	if n == 0 || n == 1 && !listed && !isURL(args[0]) {
		return "", false, nil
	}
	name = args[n-1]
	if isURL(name) || name == files.Stdout {
		return name, true, nil
	}
	if !slices.Contains(t.bySort[:], "") {
		return "", false, nil
	}
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return name, true, nil
	case !info.IsDir():
		return name, !files.FormOf(name).Folder(), nil
	}
	// A folder of archives is as good a source as a folder is a target. What mailmill has begun to write has its name in it.
	entries, err := os.ReadDir(name)
	if err != nil || len(entries) == 0 || slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".mailmill") }) {
		return name, true, nil
	}
	var open []string
	for sort, given := range t.bySort {
		if given == "" {
			open = append(open, "--"+optionOf(files.Sort(sort)))
		}
	}
	return "", false, usage("is %s a source, or the target of what %s does not take? Name it first if it is a source, and the target with %s if it is one",
		name, t.optionsGiven(), strings.Join(open, " or "))
}

// optionsGiven names the options that name a target.
func (t *targets) optionsGiven() string {
	var list []string
	for sort, name := range t.bySort {
		if name != "" {
			list = append(list, "--"+optionOf(files.Sort(sort)))
		}
	}
	return strings.Join(list, " or ")
}

// add adds a destination. Two names of one place are one destination: whoever writes there twice is in his own way.
func (t *targets) add(d *destination) error {
	for _, other := range t.list {
		if d.server == nil && other.server == nil && (d.name == other.name || !d.form.Stream() && !other.form.Stream() && samePlace(d.name, other.name)) {
			if d.form.Single() {
				return usage("%s takes items of one sort; name another target for %s", d, d.option)
			}
			other.kinds = append(other.kinds, d.kinds...)
			slices.Sort(other.kinds)
			return nil
		}
	}
	t.list = append(t.list, d)
	return nil
}

// read tells what a name stands for.
func (d *destination) read() (err error) {
	switch {
	case d.name == "":
		return usage("%s's name is empty; name a folder to write to", d.role())
	case isURL(d.name):
		d.server, err = parseAccount(d.role(), d.name)
	case isHalfURL(d.name):
		return usage("%s: the URL of a server has two slashes behind its first colon, as in %s; ./ before it makes it a folder",
			d.role(), exampleOf(files.Mail))
	default:
		d.form = files.FormOf(d.name)
	}
	return err
}

// spread returns the places that a destination stands for. A folder is the one that --prefix says, and with the name of the
// archive in that one for each: so runs over several archives may write side by side, each with its own record.
func (c *conversion) spread(d *destination) (places []*destination) {
	prefix := c.remote.prefix
	if d.server != nil || prefix == "" || !d.form.Folder() {
		return []*destination{d}
	}
	at := func(source string) *destination {
		place := *d
		place.name = filepath.Join(d.name, filepath.FromSlash(folders.Below(prefix, source)))
		return &place
	}
	if !strings.Contains(prefix, folders.SourceMark) {
		return []*destination{at("")}
	}
	var names folders.Names
	for _, archive := range c.sources.archives {
		place := at(names.Take(folders.SourceName(archive.Info().Path)))
		place.source = archive.Info().Path
		places = append(places, place)
	}
	return places
}

// kindsOf returns those of the wanted kinds that go there.
func (d *destination) kindsOf(wanted []formats.Kind) []formats.Kind {
	if d.server == nil {
		if len(wanted) == 0 {
			return nil
		}
		return d.form.Kinds(wanted)
	}
	return slices.DeleteFunc(slices.Clone(wanted), func(k formats.Kind) bool {
		sort, ok := files.SortOf(k)
		return !ok || sort != d.server.sort
	})
}

// ofSorts returns the wanted kinds whose sort is asked for; what has none, too. No kinds are all.
func ofSorts(kinds filter.Kinds, asked func(files.Sort) bool) (list []formats.Kind) {
	if len(kinds) == 0 {
		kinds = formats.Kinds()
	}
	for _, kind := range kinds {
		if sort, ok := files.SortOf(kind); !ok || asked(sort) {
			list = append(list, kind)
		}
	}
	return list
}

// servers returns the accounts among the destinations.
func (t *targets) servers() (list []*account) {
	for _, d := range t.list {
		if d.server != nil {
			list = append(list, d.server)
		}
	}
	return list
}

// folders returns the names of the destinations that are files or folders.
func (t *targets) files() (list []*destination) {
	return slices.DeleteFunc(slices.Clone(t.list), func(d *destination) bool { return d.server != nil })
}

// stream returns the destination that is standard output, or nil.
func (t *targets) stream() *destination {
	for _, d := range t.list {
		if d.server == nil && d.form.Stream() {
			return d
		}
	}
	return nil
}

// unwritable are endings of files that are not written. Nobody wants a folder of such a name without saying so.
var unwritable = []string{
	".pst", ".ost", ".eml", ".emlx", ".msg", ".mbx", ".olm", ".json", ".jsonl", ".csv", ".txt", ".html", ".pdf",
	".7z", ".br", ".bz2", ".cab", ".gz", ".iso", ".lz", ".lz4", ".lzma", ".rar", ".tbz", ".tbz2", ".tlz", ".txz", ".tzst", ".xz", ".zst",
}

// checkTargets refuses targets that cannot be written to, whatever is in the archives.
func (a *app) checkTargets(c *conversion) error {
	for _, d := range c.targets.files() {
		if err := a.checkFiles(c, d); err != nil {
			return err
		}
	}
	if c.look.flaggedAsTasks && !slices.ContainsFunc(c.targets.files(), func(d *destination) bool {
		return d.takes(formats.KindMail) && d.takes(formats.KindTask)
	}) {
		if len(c.targets.list) > 1 || len(c.targets.servers()) > 0 {
			return usage("--flagged-as-tasks makes tasks of mail, and needs one folder or archive that takes both; mail and tasks go to different places here")
		}
		return usage("--flagged-as-tasks makes tasks of mail, and --only leaves one of them out")
	}
	return nil
}

// checkFiles refuses a target of files that cannot be written to.
func (a *app) checkFiles(c *conversion, d *destination) error {
	name, form := d.name, d.form
	info, err := os.Stat(name)
	switch {
	case err != nil || form.Stream():
	case form.Folder() && !info.IsDir() && !info.Mode().IsRegular():
		return usage("%s is no folder and no file; - is standard output, and with -n nothing is written", name)
	case form.Folder() && !info.IsDir() && d.option != "":
		return usage("%s: %s is a file, and its name is that of no target; name a folder to write to, as in out/", d.option, name)
	case form.Folder() && !info.IsDir():
		return usage("%s is a file; the last argument is the folder to write to, as in out/", name)
	case !form.Folder() && info.IsDir():
		return usage("%s is a folder, and a target of that name is a file; a slash at its end makes it a folder: %s/", name, name)
	}
	for _, ending := range unwritable {
		if form.Folder() && strings.HasSuffix(strings.ToLower(name), ending) {
			return usage("%s: files ending in %s cannot be written, those in %s can; a slash at its end makes it a folder: %[1]s/",
				name, ending, strings.Join(files.Endings(), " "))
		}
	}
	if form.Single() {
		return a.checkSingle(c, d)
	}
	if len(d.kinds) == 0 {
		return usage("--only other leaves nothing to write: what programs keep for themselves has no form in files; mailmill list shows it")
	}
	return nil
}

// checkSingle refuses what one file cannot hold, or standard output not take.
func (a *app) checkSingle(c *conversion, d *destination) error {
	what := d.name
	if d.form.Stream() {
		what = "standard output"
	}
	const instead = "name a folder or an archive, as in all.tar.zst"
	if len(d.kinds) == 0 {
		return usage("%s takes %s, which --only leaves out; %s", what, d.form.Takes(), instead)
	}
	only, err := c.filters.kinds()
	if err != nil {
		return err
	}
	sort, _ := files.SortOf(d.kinds[0])
	switch {
	case sort == files.Mail && c.format != files.MBOX:
		return usage("%s takes one mbox, and --format %s writes a file for each mail: leave --format out, or %s", what, c.format.Name(), instead)
	case c.look.flaggedAsTasks && len(c.targets.list) == 1:
		return usage("%s takes %s alone, and --flagged-as-tasks makes tasks of mail; %s", what, d.form.Takes(), instead)
	case c.look.split:
		return usage("%s is one file, and --split writes many: leave --split out, or %s", what, instead)
	case c.look.notes == notesText && slices.Contains(only, formats.KindNote):
		return usage("%s is a calendar, and --notes text writes a file for each note: leave --notes out, or %s", what, instead)
	case !d.form.Stream() || c.dryRun:
		return nil
	case c.asJSON:
		return usage("--json and %s cannot both go to standard output; --report FILE takes the objects", d.form.Takes())
	case a.stdoutTerminal:
		// What is in a mail can do to a terminal whatever a program can.
		return usage("standard output is a terminal, which is no place for what is in a mailbox: pipe it into a program or a file")
	}
	return nil
}

// checkNeeds refuses options that are of no use to the targets that there are.
func (c *conversion) checkNeeds(flags *pflag.FlagSet) error {
	changed := func(list []string) string {
		i := slices.IndexFunc(list, func(name string) bool { f := flags.Lookup(name); return f != nil && f.Changed })
		if i < 0 {
			return ""
		}
		return list[i]
	}
	if c.mapped { // an option may be meant for another mailbox
		return c.checkRest()
	}
	if name := changed(serverOptions); name != "" && len(c.targets.servers()) == 0 {
		return usage("--%s is for servers, and no target is one; mailmill help servers tells how they are named", name)
	}
	if c.remote.prefix != "" && len(c.targets.servers()) == 0 && !slices.ContainsFunc(c.targets.files(), func(d *destination) bool { return !d.form.Single() }) {
		return usage("--prefix puts everything below a folder, and %s is one file: leave it out, or name a folder or an archive", c.targets.list[0])
	}
	if name := changed([]string{"format", "split", "overwrite", "ignore-space"}); name != "" && len(c.targets.files()) == 0 {
		return usage("--%s is for files, and the target is a server; leave it out", name)
	}
	if name := changed([]string{"act-as"}); name != "" && !slices.ContainsFunc(c.targets.servers(), func(s *account) bool { return s.sort == files.Mail }) {
		return usage("--%s is for mail servers, and no target is one", name)
	}
	return c.checkRest()
}

// checkRest refuses options that contradict each other or the targets.
func (c *conversion) checkRest() error {
	switch {
	case c.verify && c.dryRun:
		return usage("--verify compares what was written, and with -n nothing is: leave one of them out, or run mailmill verify")
	case (c.verify || c.only) && c.targets.stream() != nil:
		return usage("standard output cannot be read back; name a file or a folder to compare with")
	}
	if c.look.notes == notesText && slices.ContainsFunc(c.targets.list, func(d *destination) bool { return d.server != nil && d.takes(formats.KindNote) }) {
		return usage("--notes text writes files, and notes go to a server here, which takes entries of a calendar: leave --notes out")
	}
	return nil
}

// takers are the options that would take items that have no target, and what of them there is.
func (t *targets) takers(wanted map[formats.Kind]int) []string {
	var lines []string
	for sort, name := range sortOptions {
		var what []string
		n := 0
		for _, kind := range formats.Kinds() {
			of, ok := files.SortOf(kind)
			if !ok || of != files.Sort(sort) || wanted[kind] == 0 || slices.ContainsFunc(t.list, func(d *destination) bool { return d.takes(kind) }) {
				continue
			}
			n += wanted[kind]
			what = append(what, report.Kinds(wanted[kind], kind))
		}
		if n > 0 {
			verb := "have"
			if n == 1 {
				verb = "has"
			}
			lines = append(lines, strings.Join(what, ", ")+" "+verb+" no target and count as filtered; --"+name+" would take them")
		}
	}
	return lines
}

// parseMap reads OLD=NEW pairs of folder names. An equals sign in a name is written twice.
func parseMap(pairs []string) (map[string]string, error) {
	if len(pairs) == 0 {
		return nil, nil
	}
	names := make(map[string]string)
	for _, pair := range pairs {
		const doubled = "\x00"
		from, to, ok := strings.Cut(strings.ReplaceAll(pair, "==", doubled), "=")
		from, to = strings.ReplaceAll(from, doubled, "="), strings.ReplaceAll(to, doubled, "=")
		from, to = strings.Trim(from, "/"), strings.Trim(to, "/")
		if !ok || from == "" || to == "" || !isText(from) || !isText(to) {
			return nil, usage("--folder-map takes a folder and a mailbox, as in 'Sent Items=Sent', not %s; a = in a name is written ==", strconv.Quote(pair))
		}
		if other, ok := names[from]; ok && other != to {
			return nil, usage("--folder-map: %s cannot be both %s and %s", strconv.Quote(from), strconv.Quote(other), strconv.Quote(to))
		}
		names[from] = to
	}
	return names, nil
}
