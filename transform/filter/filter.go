// Package filter says which items are wanted: of which kinds, in which folders, from which time, between whom.
//
// [Kinds] and [Folders] decide by what an archive's tables tell, before an item is read. [Classes] and [Sizes] do so where
// the tables tell it, and look at the item where they do not. [Dates], [Subject], [State] and [People] need the item. What
// they refuse counts as filtered.
//
// [Duplicates] is none of them: what it finds depends on the items before, in the order of a run.
package filter

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"mailmill/formats"
)

// Kinds wants the items of some kinds. It implements load.Filter.
type Kinds []formats.Kind

// groups are names for several kinds, and what tables call one.
var groups = map[string]Kinds{
	"calendar": {formats.KindEvent, formats.KindTask},
	"contacts": {formats.KindContact, formats.KindGroup},
	"lists":    {formats.KindGroup},
}

// ParseKinds reads a list of kinds, "mail", "event" and so on, and of the groups "calendar" (event, task) and
// "contacts" (contact, group), separated by commas. An s at the end, as in the titles of tables, does no harm. The kinds
// are in their order, each once.
func ParseKinds(list string) (Kinds, error) {
	var wanted Kinds
	for name := range strings.SplitSeq(list, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if kind, ok := formats.ParseKind(name); ok {
			wanted = append(wanted, kind)
		} else if group, ok := groups[name]; ok {
			wanted = append(wanted, group...)
		} else if kind, ok := formats.ParseKind(strings.TrimSuffix(name, "s")); ok {
			wanted = append(wanted, kind)
		} else {
			return nil, fmt.Errorf("%q is no kind of item: there are %s, calendar and contacts", name, kindNames())
		}
	}
	slices.Sort(wanted)
	return slices.Compact(wanted), nil
}

func kindNames() string {
	var names []string
	for _, kind := range formats.Kinds() {
		names = append(names, kind.String())
	}
	return strings.Join(names, ", ")
}

// Wanted implements load.Filter.
func (k Kinds) Wanted(e *formats.Entry) bool { return slices.Contains(k, e.Kind) }

// Dates wants items from Since on and before Until; a zero time is no bound. The date of a mail is when it was sent,
// else when it was delivered, else when it was changed. An item without any date is wanted: it cannot be said to lie
// outside. Dates implements load.Step.
type Dates struct{ Since, Until time.Time }

// Apply implements load.Step.
func (d Dates) Apply(_ context.Context, it *formats.Item) (keep bool, err error) {
	date := it.Date
	if date.IsZero() {
		date = it.Received
	}
	if date.IsZero() {
		date = it.Modified
	}
	switch {
	case date.IsZero():
		return true, nil
	case !d.Since.IsZero() && date.Before(d.Since):
		return false, nil
	}
	return d.Until.IsZero() || date.Before(d.Until), nil
}
