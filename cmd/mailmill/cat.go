package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/mime"
	"mailmill/formats/vcard"
	"mailmill/load"
	"mailmill/load/report"
	"mailmill/load/resource"
	"mailmill/transform/address"
	"mailmill/transform/filter"
)

// showing is what the options of cat say.
type showing struct {
	sources    sources
	addressing addressing
	folder     string
	only       filters // kinds alone
	look       look
	jobs       int
}

func (a *app) catCommand() *cobra.Command {
	s := new(showing)
	cmd := &cobra.Command{
		Use:        "cat [OPTIONS] SRC… KEY",
		SuggestFor: []string{"get", "print", "export", "read"},
		Short:      "Write one item to standard output",
		Long: `Cat writes one item: a mail as RFC 5322 has it, what calendars hold as
iCalendar, a contact or list as a vCard. KEY is that of list --json, or its first
6 digits or more where no other key begins so. It is the same whatever holds the
item. Where several folders have items of one key, FOLDER/KEY or --folder says
which is meant.

With a folder and a whole key, of one archive, it reads no further than to the
item. Addresses are those that convert would write: it learns from all sources
who has which, where somebody on the item lacks one.`,
		Example: `  mailmill cat alice.pst 4f2a91 | less
  mailmill cat alice.pst Inbox/4f2a91c09d1e4b7f8a6b5c4d3e2f1a0b >offer.eml
  mailmill list --json --subject invoice alice.pst | jq -r .key |
      xargs -I{} mailmill cat alice.pst {} | grep -i '^from:'`,
		RunE: func(_ *cobra.Command, args []string) error { return a.cat(s, args) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&s.folder, "folder", "", "the `FOLDER` that the item is in, by its path: Inbox/Projects")
	offerFolders(flags, "folder")
	flags.StringSliceVar(&s.only.only, "only", nil, "the item is of these `KINDS`: fewer are read")
	offerList(flags, "only", kindCompletions()...)
	s.look.addCardFlag(flags)
	s.sources.addFlags(flags)
	s.addressing.addFlags(cmd)
	flags.IntVarP(&s.jobs, "jobs", "j", 0, "read `N` items at once (default: one for each processor)")
	return cmd
}

// fewestDigits of a key say which one is meant.
const fewestDigits = 6

// wholeKey is the number of digits of a key.
const wholeKey = 32

// wish is the item that somebody asks for.
type wish struct {
	folder string // its path, or empty
	key    string // the beginning of one, in lower case; whole with its number if there is one
	only   filter.Kinds
}

// parseWish reads a key, with its folder before it or without.
func parseWish(text, folder string) (*wish, error) {
	w := &wish{folder: strings.Trim(folder, "/"), key: strings.ToLower(text)}
	if slash := strings.LastIndexByte(text, '/'); slash >= 0 {
		if folder != "" {
			return nil, usage("%s names a folder, and so does --folder: one of them is enough", text)
		}
		w.folder, w.key = strings.Trim(text[:slash], "/"), strings.ToLower(text[slash+1:])
	}
	digits, number, numbered := strings.Cut(w.key, "-")
	isNumber := number != "" && number[0] != '0' && strings.Trim(number, "0123456789") == ""
	if strings.Trim(digits, "0123456789abcdef") != "" || len(digits) < fewestDigits || len(digits) > wholeKey ||
		numbered && (!isNumber || len(digits) < wholeKey) {
		return nil, usage("%q is no key: it has 32 digits (0-9, a-f), of which %d are enough where no other begins so, and perhaps a number behind them; mailmill list --json prints it", text, fewestDigits)
	}
	return w, nil
}

// whole reports whether the key is that of one item of a folder.
func (w *wish) whole() bool { return len(w.key) >= wholeKey }

// Wanted implements [load.Filter]: it reports whether an entry may be what is asked for.
func (w *wish) Wanted(e *formats.Entry) bool {
	return (w.folder == "" || w.in(e.Folder)) && (w.only == nil || w.only.Wanted(e))
}

// in reports whether a folder is the one that is asked for. A slash within a name may be doubled, as lists show it.
func (w *wish) in(f *formats.Folder) bool {
	path := f.String()
	return path == w.folder || path == strings.ReplaceAll(w.folder, "//", "/")
}

// is reports whether an item has the key that is asked for.
func (w *wish) is(it *formats.Item) bool {
	if w.whole() {
		return it.Key == w.key
	}
	return strings.HasPrefix(it.Key, w.key)
}

// errFound ends a search.
var errFound = errors.New("found")

// finder is a target that takes the items that are asked for.
type finder struct {
	wish  *wish
	most  int // how many items there are with the wish's folder and whole key; 0 where nobody knows
	found []*formats.Item
}

// mostFound are enough to say that more than one item is meant.
const mostFound = 8

// sought is an item on its way to a finder.
type sought struct{ item *formats.Item }

func (s sought) Item() *formats.Item { return s.item }
func (s sought) Held() int64         { return 0 }
func (s sought) Size() int64         { return 0 }
func (s sought) Release()            {}

// Encode implements [load.Target].
func (f *finder) Encode(_ context.Context, it *formats.Item) (load.Encoded, error) {
	return sought{it}, nil
}

// Write implements [load.Writer]. It ends the run when nothing that may come can change the answer.
func (f *finder) Write(_ context.Context, e load.Encoded) (load.Outcome, error) {
	it := e.Item()
	if !f.wish.is(it) {
		return load.Filtered, nil
	}
	f.found = append(f.found, it)
	if len(f.found) == f.most || len(f.found) == mostFound {
		return load.Written, &load.Fatal{Err: errFound}
	}
	return load.Written, nil
}

// Finish implements [load.Target].
func (f *finder) Finish(context.Context) error { return nil }

// Abort implements [load.Target].
func (f *finder) Abort() (dropped bool, err error) { return false, nil }

func (a *app) cat(s *showing, args []string) error {
	if len(args) == 0 || len(args) == 1 && s.sources.listFile == "" {
		return usage("cat needs a source and, as the last argument, the key of an item: mailmill list --json prints it")
	}
	wish, err := parseWish(args[len(args)-1], s.folder)
	if err != nil {
		return err
	}
	if wish.only, err = s.only.kinds(); err != nil {
		return err
	}
	if err := s.look.checkCards(); err != nil {
		return err
	}
	if err := s.addressing.check(a); err != nil {
		return err
	}
	log, closeLog, err := a.openLog()
	if err != nil {
		return err
	}
	defer closeLog()
	s.sources.options.Spool = true // it may have to be read again
	defer s.sources.close()
	plan, err := a.plan(&s.sources, new(filters), args[:len(args)-1], s.jobs, log)
	if err != nil {
		return err
	}
	it, err := a.find(&plan, wish)
	if err != nil {
		return err
	}
	if s.mustLearn(it) {
		known, err := a.learn(&s.addressing, lessons{sources: plan.Sources, jobs: s.jobs, log: log})
		if err != nil {
			return err
		}
		if _, err := known.ladder.Resolver().Apply(a.ctx, it); err != nil {
			return &exit{exitFailures, err.Error(), err}
		}
	} else if _, err := new(address.Resolver).Apply(a.ctx, it); err != nil {
		return err
	}
	if err := s.sources.changed(); err != nil {
		return err
	}
	return a.show(s, it)
}

// find returns the item that is asked for.
func (a *app) find(plan *load.Plan, w *wish) (*formats.Item, error) {
	f := &finder{wish: w}
	if w.whole() && w.folder != "" && len(plan.Sources) == 1 {
		f.most = 1
	}
	plan.Filters = []load.Filter{w}
	plan.Routes = []load.Route{{Target: f}}
	result, err := load.Run(a.ctx, *plan)
	if err != nil && !errors.Is(err, errFound) {
		return nil, err
	}
	unread := 0
	for _, failure := range result.Failures {
		// What ended the run is none.
		if !errors.Is(failure.Err, errFound) {
			unread++
		}
	}
	switch len(f.found) {
	case 1:
		return f.found[0], nil
	case 0:
		return nil, a.notFound(w, plan, unread)
	}
	return nil, ambiguous(w, f.found, len(plan.Sources) > 1)
}

// notFound says where nothing was found.
func (a *app) notFound(w *wish, plan *load.Plan, unread int) error {
	what := "no item has the key " + w.key
	if !w.whole() {
		what = "no item has a key that begins with " + w.key
	}
	if w.folder != "" {
		there := slices.ContainsFunc(plan.Sources, func(s load.Input) bool {
			lists, ok := s.Source.(interface{ Folders() []*formats.Folder })
			return ok && slices.ContainsFunc(lists.Folders(), w.in)
		})
		if !there {
			return &exit{status: exitSource, sentence: fmt.Sprintf("there is no folder %s; mailmill inspect shows what they are called", w.folder)}
		}
		what += " in " + w.folder
	}
	if w.only != nil {
		what += " among those that --only asks for"
	}
	if unread > 0 {
		what += fmt.Sprintf("; %s could not be read, which it may be", report.Plural(unread, "item"))
	}
	return &exit{status: exitSource, sentence: what + "; mailmill list --json prints the keys"}
}

// ambiguous says which items are meant.
func ambiguous(w *wish, found []*formats.Item, sources bool) error {
	var names []string
	for _, it := range found {
		name := it.Key
		if path := it.Folder.String(); path != "" {
			name = path + "/" + it.Key
		}
		if sources {
			name += " of " + it.Source
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(found) == mostFound {
		names = append(names, "others")
	}
	advice := "name one of them"
	if sources {
		advice += ", and its archive alone"
	}
	last := len(names) - 1
	if last == 0 {
		return usage("more than one item is %s; %s", names[0], "name another folder")
	}
	return usage("%s is ambiguous: %s and %s; %s", w.key, strings.Join(names[:last], ", "), names[last], advice)
}

// mustLearn reports whether somebody on an item has an address that may be known elsewhere.
func (s *showing) mustLearn(it *formats.Item) (must bool) {
	if s.addressing.given() != "" {
		return true
	}
	it.Participants(func(p *formats.Address) { must = must || p.SMTP == "" && (p.Stored != "" || p.Name != "") })
	return must
}

// show writes an item to standard output.
func (a *app) show(s *showing, it *formats.Item) error {
	out := a.buffered()
	w := io.Writer(out)
	if a.stdoutTerminal {
		w = &harmless{w: out}
	}
	var err error
	switch {
	case it.Mail != nil:
		err = mime.Write(w, it.Mail)
	case it.Contact != nil, it.Group != nil:
		err = vcard.NewEncoder(vcard.Options{Version: s.look.version}).Encode(w, it)
	case it.Event != nil, it.Task != nil, it.Note != nil, it.Journal != nil:
		err = ical.NewEncoder(ical.Options{}).Encode(w, resource.Alone(it))
	default:
		return usage("%s is what programs keep for themselves, and has no form outside (%s)", it.ID, cmp.Or(it.Class, "other"))
	}
	err = mime.LoseContent(it, err)
	if flushErr := out.Flush(); err == nil {
		err = flushErr
	}
	if err != nil {
		return err
	}
	for _, damage := range it.Damage {
		fmt.Fprintln(a.stderr, "mailmill: "+report.Printable(damage.String()))
	}
	if len(it.Damage) > 0 {
		return &exit{status: exitFailures}
	}
	return nil
}

// harmless writes text to a terminal, for which some characters are commands.
type harmless struct{ w io.Writer }

func (h *harmless) Write(b []byte) (int, error) {
	safe := bytes.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return -1
		case r == '\n', r == '\t', r >= ' ' && r != 0x7F && !(r >= 0x80 && r < 0xA0):
			return r
		}
		return '\uFFFD'
	}, b)
	_, err := h.w.Write(safe)
	return len(b), err
}
