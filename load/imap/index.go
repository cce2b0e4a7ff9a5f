package imap

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"strings"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/zeebo/blake3"

	"mailmill/formats/mime"
)

// uidSet is a set of UIDs: a bit each, in pages.
type uidSet map[uint32]*[64]uint64

func (s uidSet) has(uid uint32) bool {
	page := s[uid>>12]
	return page != nil && page[uid>>6&63]&(1<<(uid&63)) != 0
}

func (s uidSet) add(uid uint32) {
	page := s[uid>>12]
	if page == nil {
		page = new([64]uint64)
		s[uid>>12] = page
	}
	page[uid>>6&63] |= 1 << (uid & 63)
}

// index is what is known of the messages of a mailbox, to find a mail among them: sixteen bytes each.
type index struct {
	low, next uint32 // UIDs from low up to but without next are in it
	entries   []indexed
}

type indexed struct {
	id   uint64 // a hash of the Message-ID
	uid  uint32
	size uint32
}

// idOf returns the hash that a mail is found by: of its Message-ID, which every mail has that mailmill writes.
func idOf(head []byte) uint64 {
	var id, rest string
	fields, _ := mime.ParseHeader(head, 0)
	for i := range fields {
		switch name := fields[i].Name; {
		case id == "" && strings.EqualFold(name, "Message-ID"):
			id = mime.Value(&fields[i])
		case strings.EqualFold(name, "Date"), strings.EqualFold(name, "From"), strings.EqualFold(name, "Subject"):
			rest += "\n" + mime.Value(&fields[i])
		}
	}
	if id == "" {
		id = rest
	}
	sum := blake3.Sum256([]byte(id))
	return binary.LittleEndian.Uint64(sum[:])
}

// headFields are those of which idOf makes something.
var headFields = []string{"MESSAGE-ID", "DATE", "FROM", "SUBJECT"}

// extend brings the index up to date for the UIDs from low on.
func (c *control) extend(ctx context.Context, m *mailbox, low, next uint32) error {
	ix := &m.index
	if next == 0 {
		// QUIRK: a server that does not tell UIDNEXT. Everything is looked at again each time.
		ix.low, ix.next, ix.entries, next = low, low, nil, ^uint32(0)
	}
	if ix.next == 0 {
		ix.low, ix.next = low, low
	}
	if low < ix.low {
		if err := c.scan(ctx, m, ix, low, ix.low); err != nil {
			return err
		}
		ix.low = low
	}
	if ix.next < next {
		if err := c.scan(ctx, m, ix, ix.next, next); err != nil {
			return err
		}
		ix.next = next
	}
	return nil
}

// scan adds the messages of some UIDs to an index.
func (c *control) scan(ctx context.Context, m *mailbox, ix *index, from, to uint32) error {
	section := &goimap.FetchItemBodySection{Specifier: goimap.PartSpecifierHeader, HeaderFields: headFields, Peek: true}
	options := &goimap.FetchOptions{UID: true, RFC822Size: true, BodySection: []*goimap.FetchItemBodySection{section}}
	var found []indexed
	err := c.counting(ctx, m.name, m.validity.Load(), func(client *imapclient.Client, count uint32) error {
		found = found[:0]
		// Messages are asked for by number, not by UID, as then it is known how many there are: one that a server left out
		// would be sent again.
		first, err := firstFrom(client, count, from)
		if err != nil {
			return err
		}
		for ; first <= count; first += perFetch {
			last := min(first+perFetch-1, count)
			err := fetch(client, goimap.SeqSet{{Start: first, Stop: last}}, options, int(last-first)+1, func(info *messageInfo) error {
				if info.uid >= from && info.uid < to {
					found = append(found, indexed{idOf(info.head), info.uid, uint32(min(info.size, 1<<32-1))})
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	ix.entries = append(ix.entries, found...)
	slices.SortFunc(ix.entries, func(a, b indexed) int {
		return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.uid, b.uid))
	})
	return nil
}

// firstFrom returns the number of the first message with a UID from some on; it is one more than there are messages where
// there is none. Mostly it is one of the last.
func firstFrom(client *imapclient.Client, count, from uint32) (uint32, error) {
	if from <= 1 {
		return 1, nil
	}
	low, high := uint32(1), count+1 // it is among these
	for step := uint32(64); low < high; {
		probe := low + (high-low)/2
		if high == count+1 || step < high-low {
			// From the end backwards, in larger and larger steps.
			if step < high-low {
				probe = high - step
			}
			step *= 4
		}
		var uid uint32
		err := fetch(client, goimap.SeqSetNum(probe), &goimap.FetchOptions{UID: true}, 1, func(info *messageInfo) error {
			uid = info.uid
			return nil
		})
		if err != nil {
			return 0, err
		}
		if uid >= from {
			high = probe
		} else {
			low = probe + 1
		}
	}
	return low, nil
}

// has reports whether there is a message that may be a mail.
func (ix *index) has(id uint64) bool {
	_, ok := slices.BinarySearchFunc(ix.entries, id, func(e indexed, id uint64) int { return cmp.Compare(e.id, id) })
	return ok
}

// candidates returns the messages that may be a mail, those of its very size first, each in the order of the mailbox.
func (ix *index) candidates(id uint64, size int64, free func(uid uint32) bool) (same, other []uint32) {
	at, _ := slices.BinarySearchFunc(ix.entries, id, func(e indexed, id uint64) int { return cmp.Compare(e.id, id) })
	for ; at < len(ix.entries) && ix.entries[at].id == id; at++ {
		e := ix.entries[at]
		switch {
		case !free(e.uid):
		case int64(e.size) == size:
			same = append(same, e.uid)
		default:
			other = append(other, e.uid)
		}
	}
	return same, other
}
