package imap

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/zeebo/blake3"

	"mailmill/formats/mime"
	"mailmill/load/imap/wire"
	"mailmill/load/ledger"
)

// mailbox is a mailbox that a run writes to.
type mailbox struct {
	node *node
	name string
	made bool // by this run

	// of the goroutine that sends:
	err      error // why it cannot be used
	asked    bool  // what it is
	opened   bool
	limit    int64     // of APPEND; 0 is none known
	keywords *keywords // nil: not asked yet
	present  *presence // nil: not asked yet
	adopting bool      // the ledger does not know what is in it, and it is not empty

	// of that goroutine until something is queued, then of who has the mailbox for himself:
	seen     status
	seenAt   time.Time               // zero: what was seen does not count
	index    index                   // of what came since
	prints   map[uint32]ledger.Print // of messages that were looked into
	recalled bool                    // taken has what the ledger knows

	validity atomic.Uint32
	began    atomic.Uint32         // UIDNEXT when the run came to it
	before   atomic.Pointer[index] // what it held then; nil where that is of no interest, or not asked yet
	place    atomic.Pointer[ledger.Place]
	plain    atomic.Int32 // how often a message was taken only without its keywords

	// guarded by sender.mu:
	taken uidSet // messages that an item is known to be
	queue []*job
	bytes int64 // of the queue
	busy  int   // batches on their way
	alone bool  // somebody has it for himself
}

// generation is what tells a mailbox from another one of its name (RFC 9051 2.3.1.1).
func (s status) generation() string { return strconv.FormatUint(uint64(s.validity), 10) }

// presence is which messages a mailbox held when the run came to it, and their flags.
type presence struct {
	uids   []uint32
	states []uint32
}

// perFetch is the number of messages that are asked for in one command.
const perFetch = 5000

// find returns the hash of a message's flags.
func (p *presence) find(uid uint32) (flags uint32, ok bool) {
	i, ok := slices.BinarySearch(p.uids, uid)
	if !ok {
		return 0, false
	}
	return p.states[i], true
}

func stateHash(flags []string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(state(flags)))
	return h.Sum32()
}

// presence asks which messages a mailbox holds.
func (c *control) presence(ctx context.Context, name string, validity uint32) (*presence, error) {
	var p *presence
	err := c.counting(ctx, name, validity, func(client *imapclient.Client, count uint32) error {
		p = new(presence)
		// It is asked in portions: the numbers stay what they are meanwhile, as no command is used during which a server may
		// remove one (RFC 9051 7.5.1).
		for first := uint32(1); first <= count; first += perFetch {
			last := min(first+perFetch-1, count)
			set := goimap.SeqSet{{Start: first, Stop: last}}
			err := fetch(client, set, &goimap.FetchOptions{UID: true, Flags: true}, int(last-first)+1, func(m *messageInfo) error {
				p.uids = append(p.uids, m.uid)
				p.states = append(p.states, stateHash(m.flags))
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !slices.IsSorted(p.uids) {
		sorted := make([]int, len(p.uids))
		for i := range sorted {
			sorted[i] = i
		}
		slices.SortFunc(sorted, func(a, b int) int { return cmp.Compare(p.uids[a], p.uids[b]) })
		q := new(presence)
		for _, i := range sorted {
			q.uids, q.states = append(q.uids, p.uids[i]), append(q.states, p.states[i])
		}
		p = q
	}
	return p, nil
}

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

// still waits until a mailbox stands still: a server that lost a client may still be storing what it had received. It
// returns what the mailbox is then.
func (t *Target) still(ctx context.Context, m *mailbox) (status, error) {
	for range mostWaits {
		s, err := t.control.look(ctx, m.name)
		if err != nil {
			return s, err
		}
		if s.validity != m.validity.Load() {
			return s, fmt.Errorf("mailbox %s: %w", m.name, errGone)
		}
		wait := t.options.Settle
		if !m.seenAt.IsZero() && s == m.seen {
			if wait -= time.Since(m.seenAt); wait <= 0 {
				return s, nil
			}
		} else {
			m.seen, m.seenAt = s, time.Now()
		}
		if err := sleep(ctx, wait); err != nil {
			return s, err
		}
	}
	return status{}, fmt.Errorf("mailbox %s does not stand still: somebody else is writing to it; try again later", m.name)
}

// mostWaits bounds how long a mailbox is waited for.
const mostWaits = 300

// prints returns the prints of messages by UID, of those that are still there.
func (t *Target) prints(ctx context.Context, m *mailbox, uids []uint32) error {
	section := &goimap.FetchItemBodySection{Peek: true}
	options := &goimap.FetchOptions{UID: true, BodySection: []*goimap.FetchItemBodySection{section}}
	return t.control.in(ctx, m.name, m.validity.Load(), false, func(client *imapclient.Client) error {
		for chunk := range slices.Chunk(uids, 100) {
			var set goimap.UIDSet
			for _, uid := range chunk {
				set.AddNum(goimap.UID(uid))
			}
			err := bodies(client, set, options, func(uid uint32, body goimap.LiteralReader) error {
				c := &counter{hash: blake3.New()}
				if err := copyBody(c, body); err != nil {
					return err
				}
				if m.prints == nil {
					m.prints = make(map[uint32]ledger.Print)
				}
				m.prints[uid] = c.print()
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// bodies calls visit with the bodies of messages.
func bodies(client *imapclient.Client, set goimap.NumSet, options *goimap.FetchOptions, visit func(uint32, goimap.LiteralReader) error) error {
	return eachBody(client.Fetch(set, options), visit, func() {})
}

// eachBody calls visit with the bodies that a command brings, until it returns an error. Where that is errStop the
// connection is given up rather than read to the end.
func eachBody(cmd *imapclient.FetchCommand, visit func(uint32, goimap.LiteralReader) error, giveUp func()) error {
	var failed error
	for m := cmd.Next(); m != nil; m = cmd.Next() {
		var uid uint32
		for item := m.Next(); item != nil; item = m.Next() {
			switch item := item.(type) {
			case imapclient.FetchItemDataUID:
				uid = uint32(item.UID)
			case imapclient.FetchItemDataBodySection:
				if item.Literal == nil || uid == 0 || failed != nil {
					continue
				}
				if failed = visit(uid, item.Literal); errors.Is(failed, errStop) {
					giveUp()
				}
			}
		}
	}
	err := cmd.Close()
	if errors.Is(failed, errStop) || err == nil {
		return failed
	}
	return err
}

// flagsOf returns the flags of one message; false where it is gone.
func (t *Target) flagsOf(ctx context.Context, m *mailbox, uid uint32) (flags []string, ok bool, err error) {
	err = t.control.in(ctx, m.name, m.validity.Load(), false, func(client *imapclient.Client) error {
		ok = false
		return fetch(client, goimap.UIDSetNum(goimap.UID(uid)), &goimap.FetchOptions{UID: true, Flags: true}, -1, func(info *messageInfo) error {
			if info.uid == uid {
				flags, ok = info.flags, true
			}
			return nil
		})
	})
	return flags, ok, err
}

// store changes the flags of a message.
func (t *Target) store(ctx context.Context, m *mailbox, uids []uint32, op goimap.StoreFlagsOp, flags []string) error {
	if len(flags) == 0 || len(uids) == 0 {
		return nil
	}
	var list []goimap.Flag
	for _, f := range flags {
		list = append(list, goimap.Flag(f))
	}
	err := t.control.in(ctx, m.name, m.validity.Load(), true, func(client *imapclient.Client) error {
		return client.Store(setOf(uids), &goimap.StoreFlags{Op: op, Silent: true, Flags: list}, nil).Close()
	})
	return named(err, "STORE")
}

// remove deletes messages. A server without UIDPLUS can expunge only all that are marked, whoever marked them: there they
// stay, marked.
func (t *Target) remove(ctx context.Context, m *mailbox, uids []uint32) error {
	if len(uids) == 0 {
		return nil
	}
	if err := t.store(ctx, m, uids, goimap.StoreFlagsAdd, []string{string(goimap.FlagDeleted)}); err != nil {
		return err
	}
	if !t.caps.Has("UIDPLUS") {
		t.count(func(r *Report) { r.Marked += len(uids) })
		return nil
	}
	err := t.control.in(ctx, m.name, m.validity.Load(), true, func(client *imapclient.Client) error {
		return client.UIDExpunge(setOf(uids)).Close()
	})
	return named(err, "UID EXPUNGE")
}

func setOf(uids []uint32) goimap.UIDSet {
	var set goimap.UIDSet
	for _, uid := range uids {
		set.AddNum(goimap.UID(uid))
	}
	return set
}

// refusal returns the server's words, if an error is a refusal.
func refusal(err error) (*wire.ResponseError, bool) {
	var r *wire.ResponseError
	return r, errors.As(err, &r)
}
