package outlook

import (
	"strings"

	"mailmill/formats"
)

// kinds lists message classes and what they are. A class stands for all below it: the longest that fits counts.
// Everything that is not listed is mail, as Outlook shows it with the form of a mail.
var kinds = [...]struct {
	class string
	kind  formats.Kind
}{
	{"IPM.Note.Rules", formats.KindOther},
	{"IPM.Appointment", formats.KindEvent},
	{"IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}", formats.KindEvent}, // an exception of a series
	{"IPM.Task", formats.KindTask},
	{"IPM.Contact", formats.KindContact},
	{"IPM.AbchPerson", formats.KindContact},
	{"IPM.DistList", formats.KindGroup},
	{"IPM.StickyNote", formats.KindNote},
	{"IPM.Activity", formats.KindJournal},
	{"IPM.Configuration", formats.KindOther},
	{"IPM.Microsoft", formats.KindOther},
	{"IPM.Rule", formats.KindOther},
	{"IPM.ExtendedRule", formats.KindOther},
}

// classNote is the class of most mail.
const classNote = "IPM.Note"

// KindOf returns the kind of item that a message class says. Classes are compared by their parts between dots,
// whatever their letter case.
func KindOf(class string) formats.Kind {
	best, kind := -1, formats.KindMail
	for _, k := range kinds {
		if len(k.class) > best && isClass(class, k.class) {
			best, kind = len(k.class), k.kind
		}
	}
	return kind
}

// isClass reports whether a class is base or below it.
func isClass(class, base string) bool {
	if len(class) < len(base) || !strings.EqualFold(class[:len(base)], base) {
		return false
	}
	return len(class) == len(base) || base != "" && class[len(base)] == '.'
}
