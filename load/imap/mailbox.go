package imap

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/zeebo/blake3"

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
	crowded  bool      // it has many of them
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

// refusal returns the server's words, if an error is a refusal.
func refusal(err error) (*wire.ResponseError, bool) {
	var r *wire.ResponseError
	return r, errors.As(err, &r)
}
