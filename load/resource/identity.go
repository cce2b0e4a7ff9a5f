package resource

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"mailmill/formats"
)

// Identities are those of the items in a place. Programs take two items with one UID for one: copies of an appointment
// that lie beside each other get UIDs of their own, all but the first. The zero value is empty.
type Identities map[[16]byte]struct{}

// Take returns an item as it is to be written: itself, or where its identity is taken a copy that has another.
func (ids *Identities) Take(it *formats.Item) (as *formats.Item, renamed bool) {
	identity := cmp.Or(it.Identity, it.Key)
	if ids.add(identity) {
		if it.Event != nil {
			for _, o := range it.Event.Overrides {
				ids.add(o.Identity())
			}
		}
		return it, false
	}
	for n := 2; ; n++ {
		uid := numbered(UID(it), n)
		if ids.add(uid) {
			return WithUID(it, uid), true
		}
	}
}

// add reports whether an identity was not taken.
func (ids *Identities) add(identity string) bool {
	sum := sha256.Sum256([]byte(identity))
	id := [16]byte(sum[:])
	if _, taken := (*ids)[id]; taken {
		return false
	}
	if *ids == nil {
		*ids = make(Identities)
	}
	(*ids)[id] = struct{}{}
	return true
}

// UID returns the UID that is written for an item.
func UID(it *formats.Item) string {
	uid := ""
	switch {
	case it.Event != nil:
		uid = it.Event.UID
	case it.Task != nil:
		uid = it.Task.UID
	case it.Journal != nil:
		uid = it.Journal.UID
	case it.Note != nil:
		uid = it.Note.UID
	case it.Contact != nil:
		uid = it.Contact.UID
	case it.Group != nil:
		uid = it.Group.UID
	}
	return cmp.Or(uid, it.Identity, it.Key)
}

// WithUID returns a copy of an item with another UID. An occurrence becomes an event of its own.
func WithUID(it *formats.Item, uid string) *formats.Item {
	as := *it
	as.Identity = uid
	switch {
	case it.Event != nil:
		e := *it.Event
		e.UID, e.RecurrenceID = uid, formats.Moment{}
		e.Overrides = slices.Clone(e.Overrides)
		for i, o := range e.Overrides {
			override := *o
			override.UID = uid
			e.Overrides[i] = &override
		}
		as.Event = &e
	case it.Task != nil:
		t := *it.Task
		t.UID = uid
		as.Task = &t
	case it.Journal != nil:
		j := *it.Journal
		j.UID = uid
		as.Journal = &j
	case it.Note != nil:
		n := *it.Note
		n.UID = uid
		as.Note = &n
	case it.Contact != nil:
		c := *it.Contact
		c.UID = uid
		as.Contact = &c
	case it.Group != nil:
		g := *it.Group
		g.UID = uid
		as.Group = &g
	}
	return &as
}

// uuidPrefix begins the URI of a UUID (RFC 9562 4).
const uuidPrefix = "urn:uuid:"

// numbered returns the UID of the nth copy: always the same, and where it is to be a UUID one (version 8, RFC 9562 5.8).
func numbered(uid string, n int) string {
	another := uid + "-" + strconv.Itoa(n)
	if !strings.HasPrefix(strings.ToLower(uid), uuidPrefix) {
		return another
	}
	sum := sha256.Sum256([]byte(another))
	sum[6], sum[8] = sum[6]&0x0F|0x80, sum[8]&0x3F|0x80
	h := hex.EncodeToString(sum[:16])
	return uuidPrefix + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
