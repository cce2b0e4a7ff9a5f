package files

import (
	"slices"

	"mailmill/formats"
)

// Sort is what goes together into files.
type Sort uint8

// The sorts.
const (
	Mail      Sort = iota
	Calendars      // events, tasks, journal entries and notes
	Cards          // contacts and lists
	Texts          // notes, where they do not go into calendars
	sorts
)

// SortOf returns the sort of a kind; false for what goes into no file.
func SortOf(kind formats.Kind) (Sort, bool) {
	switch kind {
	case formats.KindMail:
		return Mail, true
	case formats.KindEvent, formats.KindTask, formats.KindNote, formats.KindJournal:
		return Calendars, true
	case formats.KindContact, formats.KindGroup:
		return Cards, true
	}
	return 0, false
}

// sortOf returns the sort of an item, which is that of its body. Notes may have to do with that of calendars.
func sortOf(it *formats.Item) (Sort, bool) {
	switch {
	case it.Mail != nil:
		return Mail, true
	case it.Event != nil, it.Task != nil, it.Journal != nil:
		return Calendars, true
	case it.Contact != nil, it.Group != nil:
		return Cards, true
	case it.Note != nil:
		return Texts, true
	}
	return 0, false
}

// shapes returns how items of each sort look; nil where nobody asked for them.
func (o *Options) shapes(form Form) (list [sorts]shape) {
	kinds, split := form.Kinds(o.Kinds), o.Split && !form.Single()
	for _, kind := range kinds {
		switch sort, ok := SortOf(kind); {
		case !ok:
		case sort == Mail:
			list[Mail] = o.Format
		case kind == formats.KindNote && o.TextNotes && !form.Single():
			list[Texts] = texts{}
		case sort == Calendars:
			list[Calendars] = newCalendars(o.Calendar, split)
		case sort == Cards:
			list[Cards] = newCards(o.Cards, split, !slices.Contains(kinds, formats.KindContact))
		}
	}
	return list
}

// treeSuffixes are what a folder's name may have after it.
func treeSuffixes(own ...string) []string {
	return slices.Concat([]string{""}, own, []string{calendarExtension, cardExtension, besideExtension})
}
