// Package formats is the model that everything in mailmill shares: an item of a mailbox, freed from the file format it
// came in and not yet bound to the one it will be written in.
//
// An [Item] is one thing that a person would recognise in a mailbox: a mail, an event, a task, a contact, a
// distribution list, a note, a journal entry. It knows its [Folder], a key that is stable within its archive, flags,
// keywords and times, and it has exactly one body, by [Kind]: a [Mail], [Event], [Task], [Contact], [Group], [Note] or
// [Journal]. People stand in it as [Address]
// values wherever they occur, so that a step that resolves addresses visits every one of them through
// [Item.Participants] without knowing about mail or calendars.
//
// Sources make items (package extract and below), steps change them (transform), targets write them (load). None of
// the three knows the others; all of them know this package, which knows none. The packages below this one are one
// file format each, usable alone.
package formats

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Kind says what sort of thing an item is.
type Kind uint8

// The kinds, in the order in which they are listed to people.
const (
	KindMail Kind = iota
	KindEvent
	KindTask
	KindContact
	KindGroup
	KindNote
	KindJournal
	KindOther // configuration, free/busy data and whatever else is no item to a person
)

// Kinds lists all kinds in their order.
func Kinds() []Kind {
	return []Kind{KindMail, KindEvent, KindTask, KindContact, KindGroup, KindNote, KindJournal, KindOther}
}

var kindNames = [...]string{"mail", "event", "task", "contact", "group", "note", "journal", "other"}

// String returns the name that options and JSON use: "mail", "event", …
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "other"
}

// ParseKind is the inverse of [Kind.String].
func ParseKind(name string) (Kind, bool) {
	for i, n := range kindNames {
		if n == name {
			return Kind(i), true
		}
	}
	return KindOther, false
}

// Flags is the state of an item, as IMAP's system flags and $Forwarded have it.
type Flags uint8

// The flags.
const (
	FlagSeen Flags = 1 << iota
	FlagAnswered
	FlagForwarded
	FlagFlagged
	FlagDraft
	FlagDeleted
)

var flagNames = [...]string{"seen", "answered", "forwarded", "flagged", "draft", "deleted"}

// Names returns the names of the flags that are set, in a fixed order, as JSON shows them.
func (f Flags) Names() []string {
	var names []string
	for i, n := range flagNames {
		if f&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}

// ParseFlags is the inverse of [Flags.Names]. Names that it does not know are left out.
func ParseFlags(names []string) (f Flags) {
	for _, name := range names {
		if i := slices.Index(flagNames[:], name); i >= 0 {
			f |= 1 << i
		}
	}
	return f
}

// Role is what a folder is to its owner, whatever its name and language.
type Role uint8

// The roles that mail servers (RFC 6154) and mail programs know.
const (
	RoleNone Role = iota
	RoleInbox
	RoleSent
	RoleDrafts
	RoleTrash
	RoleJunk
	RoleOutbox
	RoleArchive
)

// Folder is a place in an archive that holds items.
type Folder struct {
	// Path holds the names from below the archive's top folder down to this one, as stored: they may hold anything,
	// separators and control characters included, and may be equal to a sibling's. It is empty for the top folder.
	Path []string
	// Class is Outlook's container class ("IPF.Note", "IPF.Appointment"), or empty.
	Class string
	Role  Role
	// Calendar has the properties of the calendar that the folder came as, such as its description; mostly none.
	Calendar []Property
	// Hidden folders lie outside the tree that a person sees, or hold what programs keep for themselves. They are
	// listed and written only on demand.
	Hidden bool
}

// String returns the path joined by slashes, for people. It identifies nothing: names may hold slashes.
func (f *Folder) String() string {
	if f == nil {
		return ""
	}
	return strings.Join(f.Path, "/")
}

// Entry is what an archive's tables tell of an item before the item is read.
type Entry struct {
	Folder *Folder
	// ID is the place in the source that people and scripts see: a node id "0x200024" in a PST, a byte offset in an
	// mbox, a file name in a folder.
	ID string
	// Index is the archive's own number of the entry's place, for its Read method.
	Index uint64
	Kind  Kind
	Class string
	// Size is the item's size in bytes as the table has it, for estimates only; 0 is unknown.
	Size int64
	// Subject and Date name the item to people when it cannot be read; either may be empty. In an Item they are read
	// from the item itself: the subject of a mail, the SUMMARY of an event, the FN of a contact; when a mail was sent.
	Subject string
	Date    time.Time
	// Hidden is set for associated items and items of hidden folders.
	Hidden bool
	// Recovered is set for items that no folder's table lists.
	Recovered bool
	// Err says why the item is known to be lost. Such an entry counts as found and as failed.
	Err error
}

// Item is one thing that a person would recognise in a mailbox.
type Item struct {
	Entry

	// Source names the archive as the user did.
	Source string
	// Identity is what the key is made of: for mail the Message-ID with its angle brackets (one made by mailmill
	// where there was none), for others their UID.
	Identity string
	// Key is the item's name within its folder; the run numbers equal ones. See [Key].
	Key string

	// Received is when the item was delivered here; zero for what was not.
	Received time.Time
	// Modified is the item's last change.
	Modified time.Time
	Flags    Flags
	// Keywords are the categories that the owner gave the item, in their order.
	Keywords []string

	// One of these is the body, by kind; the others are nil.
	Mail    *Mail
	Event   *Event
	Task    *Task
	Contact *Contact
	Group   *Group
	Note    *Note
	Journal *Journal

	// FollowUp is the task that the owner has made of an item of another kind by putting a flag to it, where the source was
	// asked for such; nil in all others.
	FollowUp *Task

	// Damage lists what could not be read. An item with damage is written with what is whole.
	Damage []Damage
}

// Damage is one part of an item that could not be read.
type Damage struct {
	// Part names what is missing: "message body", `attachment "plan.dwg"`.
	Part string
	// Err says why.
	Err error
}

func (d Damage) String() string { return d.Part + ": " + d.Err.Error() }

// Lose adds damage to the item, unless the same part, alone or among others, is already known to be lost for the same
// reason: a part that cannot be read is met by whoever looks at it.
func (it *Item) Lose(d Damage) {
	for _, known := range it.Damage {
		if strings.Contains(known.Part, d.Part) && known.Err.Error() == d.Err.Error() {
			return
		}
	}
	it.Damage = append(it.Damage, d)
}

// Participants calls visit for every participant of the item and of the mails embedded in it.
func (it *Item) Participants(visit func(*Address)) {
	switch {
	case it.Mail != nil:
		it.Mail.Participants(visit)
	case it.Event != nil:
		it.Event.Participants(visit)
	case it.Task != nil:
		it.Task.Participants(visit)
	case it.Contact != nil:
		it.Contact.Participants(visit)
	case it.Group != nil:
		it.Group.Participants(visit)
	case it.Note != nil:
		it.Note.Participants(visit)
	case it.Journal != nil:
		it.Journal.Participants(visit)
	}
	if it.FollowUp != nil {
		it.FollowUp.Participants(visit)
	}
}

// Key returns the key of an item: 32 hex digits of a SHA-256 over the kind and its identity. It depends on no option
// and no container: the same item has the same key from a PST, an mbox or a Maildir.
func Key(kind Kind, identity string) string {
	h := sha256.New()
	h.Write([]byte(kind.String()))
	h.Write([]byte{0})
	h.Write([]byte(identity))
	return hex.EncodeToString(h.Sum(nil)[:16])
}
