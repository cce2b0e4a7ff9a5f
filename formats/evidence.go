package formats

import "time"

// Evidence is what one place of an archive tells of somebody: that an Exchange name, a mail address and a display name
// were found together there. Each of the three may be empty; one that stands alone says that somebody was seen.
//
// It is raw: the texts are as they were stored, and what they are worth is for others to say (transform/address).
type Evidence struct {
	Class EvidenceClass
	Type  ObjectType
	// DN is an Exchange distinguished name, also where it stood encapsulated.
	DN string
	// SMTP is a mail address.
	SMTP string
	// Name is a display name, cleaned of quotes and of a repeated address.
	Name string
	// Domain is the mail domain that an encapsulated DN had behind it.
	Domain string
}

// EvidenceClass says in what sort of place evidence stood.
type EvidenceClass uint8

// The classes. Their names are part of the address book's file: see [EvidenceClass.String].
const (
	// EvidenceSeen: the three are of one participant, but no Exchange name has a mail address beside it.
	EvidenceSeen EvidenceClass = iota
	// EvidenceRow: one group of properties or one row of recipients has both.
	EvidenceRow
	// EvidenceEntryID: a group's entry identifier tells the one, its address the other.
	EvidenceEntryID
	// EvidenceSearchKey: a group's search key tells the one, its address the other.
	EvidenceSearchKey
	// EvidenceHeader: a transport header and a participant that could be matched.
	EvidenceHeader
	// EvidenceContact: one address of a contact has both, or its link to the directory.
	EvidenceContact
	// EvidenceContactName: a contact's display name has the mail address in parentheses.
	EvidenceContactName
	// EvidenceContactPair: two addresses of one contact.
	EvidenceContactPair
	// EvidenceList: a distribution list's member and its one-off copy.
	EvidenceList
	// EvidenceSharing: an invitation to share a folder.
	EvidenceSharing
	// EvidenceAutocomplete: the names that a program offers while one types.
	EvidenceAutocomplete
	// EvidenceReceived: the header says for whom a mail was received, and it was received by one.
	EvidenceReceived
	// EvidenceOwner: the archive's owner, who receives what is in it and sends what was sent. Evidence with a DN alone is
	// of one who received, evidence with an SMTP address alone of one who sent; what follows from them is found when all
	// is known.
	EvidenceOwner
	// EvidenceCalendar: an iCalendar text in a mail and a participant of the same name.
	EvidenceCalendar
	// EvidenceUnchecked: a property beside those of a participant, of which no specification tells whose it is.
	EvidenceUnchecked

	evidenceClasses
)

// EvidenceClasses is the number of classes.
const EvidenceClasses = int(evidenceClasses)

var evidenceNames = [evidenceClasses]string{
	"seen", "row", "entry-id", "search-key", "header", "contact", "contact-name", "contact-pair", "list", "sharing",
	"autocomplete", "received", "owner", "calendar", "unchecked",
}

// String returns the class's name.
func (c EvidenceClass) String() string {
	if int(c) < len(evidenceNames) {
		return evidenceNames[c]
	}
	return "unknown"
}

// ParseEvidenceClass is the inverse of [EvidenceClass.String].
func ParseEvidenceClass(name string) (EvidenceClass, bool) {
	for i, n := range evidenceNames {
		if n == name {
			return EvidenceClass(i), true
		}
	}
	return EvidenceSeen, false
}

// ObjectType says what stands behind an address.
type ObjectType uint8

// The types, as far as display types tell them (MS-OXOABK 2.2.3.11).
const (
	ObjectUnknown ObjectType = iota
	ObjectPerson
	ObjectGroup
	ObjectRoom
	ObjectEquipment
)

var objectNames = [...]string{"", "person", "group", "room", "equipment"}

// String returns the type's name, empty where it is not known.
func (t ObjectType) String() string { return objectNames[min(int(t), len(objectNames)-1)] }

// ParseObjectType is the inverse of [ObjectType.String].
func ParseObjectType(name string) ObjectType {
	for i, n := range objectNames {
		if n == name {
			return ObjectType(i)
		}
	}
	return ObjectUnknown
}

// Lesson is all the evidence that one item of an archive gives.
type Lesson struct {
	// Source names the archive, Folder and ID the item.
	Source string
	Folder *Folder
	ID     string
	// Date is the item's; zero for none.
	Date time.Time
	// Hidden says that people do not see the item: what it tells of others is true, but nobody in it asks for an
	// address.
	Hidden   bool
	Evidence []Evidence
}
