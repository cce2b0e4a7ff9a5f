package main

import (
	"math"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/vcard"
	"mailmill/load/files"
)

// look are the options that say how items look that are not mail.
type look struct {
	split           bool
	vcard           string
	notes           string
	inline          string
	journalAsEvents bool
	noAlarms        bool
	flaggedAsTasks  bool

	// The same, after check.
	version vcard.Version
	inside  int64
}

// The forms of notes.
const (
	notesJournal = "journal"
	notesText    = "text"
)

// defaultInline is what an attachment may have to stand in a calendar: more is a burden to programs that read calendars
// whole, and to servers.
const defaultInline = "1M"

func (f *look) addFlags(flags *pflag.FlagSet) {
	flags.BoolVar(&f.split, "split", false, "write a file for each event, task, contact and so on, as servers have them, rather than one a folder")
	f.addCardFlag(flags)
	flags.StringVar(&f.notes, "notes", notesJournal, "write notes as `FORM`: journal (entries of a calendar) or text (a file each)")
	flags.BoolVar(&f.journalAsEvents, "journal-as-events", false, "write journal entries as events, which more programs show")
	flags.BoolVar(&f.flaggedAsTasks, "flagged-as-tasks", false, "write a task for flagged mail, too")
	flags.BoolVar(&f.noAlarms, "no-alarms", false, "leave out reminders")
	flags.StringVar(&f.inline, "inline", defaultInline, "attachments of up to `SIZE` (500K, 1M; 0, all) stand in calendars, larger ones beside them")
	offer(flags, "notes", notesJournal+"\tentries of a calendar", notesText+"\ta file of text each")
	offer(flags, "inline", "1M", "all", "0")
}

// addCardFlag adds the option that says how cards look.
func (f *look) addCardFlag(flags *pflag.FlagSet) {
	flags.StringVar(&f.vcard, "vcard", vcard.V4.String(), "write contacts as vCard `VERSION` 4.0 or 3.0")
	offer(flags, "vcard", "4.0\tRFC 6350", "3.0\tRFC 2426, for older programs")
}

// checkCards refuses a version of cards that is not written.
func (f *look) checkCards() error {
	switch f.vcard {
	case "3", "3.0":
		f.version = vcard.V3
	case "4", "4.0":
		f.version = vcard.V4
	default:
		return usage("--vcard: there is no way to write version %q; 4 is one, 3 another", f.vcard)
	}
	return nil
}

// check refuses forms that there are not.
func (f *look) check() error {
	if err := f.checkCards(); err != nil {
		return err
	}
	if f.notes != notesJournal && f.notes != notesText {
		return usage("--notes: %q is no form of notes; journal and text are", f.notes)
	}
	switch f.inline {
	case "all":
		f.inside = 0
	case "0":
		f.inside = 1 // nothing is smaller but what is empty
	default:
		n, ok := parseSize(f.inline)
		if !ok {
			return usage("--inline takes a size as 500K or 1M, 0 or all, not %q", f.inline)
		}
		f.inside = n
	}
	return nil
}

// parseSize reads a number of bytes, with K, M or G for a thousand, a million or a billion.
func parseSize(s string) (int64, bool) {
	unit := int64(1)
	for i, letter := range []string{"K", "M", "G"} {
		if digits, ok := strings.CutSuffix(strings.ToUpper(strings.TrimSuffix(strings.ToUpper(s), "B")), letter); ok {
			s, unit = digits, [...]int64{1e3, 1e6, 1e9}[i]
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || n > math.MaxInt64/unit {
		return 0, false
	}
	return n * unit, true
}

// apply puts the options into those of a target.
func (f *look) apply(o *files.Options) {
	o.Split = f.split
	o.Cards = vcard.Options{Version: f.version}
	o.Calendar = ical.Options{NoAlarms: f.noAlarms, JournalAsEvents: f.journalAsEvents}
	o.TextNotes = f.notes == notesText
	o.Inside = f.inside
	o.FollowUps = f.flaggedAsTasks
}

// record adds the options that differ from what they are without being given.
func (f *look) record(record map[string]string) {
	for name, given := range map[string]bool{
		"split": f.split, "journal-as-events": f.journalAsEvents, "flagged-as-tasks": f.flaggedAsTasks, "no-alarms": f.noAlarms,
	} {
		if given {
			record[name] = "true"
		}
	}
	if f.version != vcard.V4 {
		record["vcard"] = f.version.String()
	}
	if f.notes != notesJournal {
		record["notes"] = f.notes
	}
	if inside, _ := parseSize(defaultInline); f.inside != inside {
		record["inline"] = strconv.FormatInt(f.inside, 10)
	}
}

// fileEach reports whether items of a kind get a file each in folders.
func (c *conversion) fileEach(kind formats.Kind) bool {
	switch {
	case kind == formats.KindMail:
		return c.format != files.MBOX
	case kind == formats.KindNote && c.look.notes == notesText:
		return true
	}
	return c.look.split
}
