// Package resource makes of items what calendar and contact servers keep: resources (RFC 4791 4.1, RFC 6352 5.1). It is
// the same whether a resource becomes a file in a folder, for others to upload, or is uploaded right away.
//
// A resource has one UID, and components of one type. So a series and the occurrences of it that stand in the archive as
// items of their own are one resource, see [Series]; an occurrence without its series, which servers refuse, becomes an
// event with a UID of its own, see [Alone]; and of several items with one UID in a place all but the first get another,
// see [Identities]. What a resource is called follows from its UID, see [Names].
//
// All of that depends on the items and their order alone: who repeats it gets the same.
package resource

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"mailmill/formats"
	"mailmill/transform/folders"
)

// Alone returns an item as it is without any other: an occurrence, whose series is not there, as an event of its own,
// and everything else as it is.
func Alone(it *formats.Item) *formats.Item {
	if !isOccurrence(it) {
		return it
	}
	return WithUID(it, detachedUID(it.Event))
}

func isOccurrence(it *formats.Item) bool { return it.Event != nil && !it.Event.RecurrenceID.IsZero() }

// detachedUID returns the UID that an occurrence has as an event of its own.
func detachedUID(ev *formats.Event) string {
	return ev.UID + "-" + strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == 'T' {
			return r
		}
		return -1
	}, ev.RecurrenceID.Clock.Format("20060102T150405"))
}

// Names names the resources of a place by their UIDs, as calendar and contact servers and vdirsyncer do. The zero value
// has named none.
type Names struct {
	// Extension ends all names: ".ics", ".vcf".
	Extension string
	// Reserved are names, folded by [folders.Fold], that are not to be taken.
	Reserved map[string]bool

	taken Identities
}

// Name returns the name of the resource of a UID, which is that of no other the names were asked for, however a file
// system takes its letters.
func (n *Names) Name(uid string) string {
	stem := Stem(uid)
	if !n.take(stem) {
		hash := hashed(uid)
		for stem = hash; !n.take(stem); {
			stem = hash + "-" + strconv.Itoa(len(n.taken)) // two items with one UID, which are told apart before
		}
	}
	return stem + n.Extension
}

func (n *Names) take(stem string) bool {
	name := folders.Fold(stem + n.Extension)
	return !n.Reserved[name] && n.taken.add(name)
}

// longestUID is the length up to which a UID is a name.
const longestUID = 100

// Stem returns the name of a UID's resource without its extension: the UID where every server and file system takes it
// for a name, else its hash. Radicale and Cyrus refuse an "@".
func Stem(uid string) string {
	stem := strings.TrimPrefix(uid, uuidPrefix)
	if !isName(stem) || folders.Safe(stem, folders.MaxName) != stem {
		return hashed(uid)
	}
	return stem
}

func hashed(uid string) string {
	sum := sha256.Sum256([]byte(uid))
	return hex.EncodeToString(sum[:])
}

func isName(uid string) bool {
	return uid != "" && len(uid) <= longestUID && !strings.ContainsFunc(uid, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-')
	})
}
