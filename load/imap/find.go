package imap

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"mailmill/load"
	"mailmill/load/compare"
	"mailmill/load/ledger"
)

// find looks for the mails of a batch in their mailbox, which nobody else writes to meanwhile. What is there is noted, and
// the rest is sent.
func (t *Target) find(b *batch) {
	found, err := t.match(t.sender.stopping, b)
	if err != nil {
		var fatal *load.Fatal
		if _, refused := refusal(err); !refused && !errors.As(err, &fatal) && !errors.Is(err, errGone) && t.sender.stopping.Err() == nil {
			err = &load.Fatal{Err: err}
		}
		if t.sender.stopping.Err() != nil {
			err = &load.Fatal{Err: context.Cause(t.sender.stopping)}
		}
		err = fmt.Errorf("mailbox %s: %w", b.m.name, err)
		t.giveUp(b.m, b.jobs, slices.Repeat([]error{err}, len(b.jobs)))
		return
	}
	var stored, again []*job
	var records []ledger.Record
	for i, j := range b.jobs {
		switch {
		case found[i] != 0:
			t.sender.known(b.m, found[i])
			stored, records = append(stored, j), append(records, j.record(found[i]))
		case j.look == lookWhere:
			// The server said that it has it, and somebody was quicker to move it away.
			stored, records = append(stored, j), append(records, j.record(0))
		default:
			j.look, j.noted, j.adopts = lookNot, false, false
			again = append(again, j)
		}
	}
	t.confirm(b.m, stored, records)
	for _, j := range slices.Backward(again) {
		t.sender.add(j, true)
	}
}

// match returns the UIDs of the messages that are the mails of a batch; 0 for those that are not there.
func (t *Target) match(ctx context.Context, b *batch) ([]uint32, error) {
	m := b.m
	if err := t.bringUpToDate(ctx, b); err != nil {
		return nil, err
	}
	found := make([]uint32, len(b.jobs))
	// What the server has said that it has comes first: the rest is not to be taken for it.
	order := make([]int, 0, len(b.jobs))
	for _, look := range []look{lookWhere, lookFor} {
		for i, j := range b.jobs {
			if j.look == look {
				order = append(order, i)
			}
		}
	}
	same, other := make([][]uint32, len(b.jobs)), make([][]uint32, len(b.jobs))
	var ask []uint32
	for _, i := range order {
		j := b.jobs[i]
		if j.old != nil {
			t.sender.known(m, uidOf(j.old))
		}
		id, err := j.id()
		if err != nil {
			return nil, err
		}
		free := func(uid uint32) bool { return !t.sender.isKnown(m, uid) }
		same[i], other[i] = m.index.candidates(id, j.e.size, free)
		if before := m.before.Load(); before != nil {
			sameBefore, otherBefore := before.candidates(id, j.e.size, free)
			same[i], other[i] = append(sameBefore, same[i]...), append(otherBefore, other[i]...)
		}
		other[i] = other[i][:min(len(other[i]), mostAltered)]
		for _, uid := range slices.Concat(same[i], other[i]) {
			if _, ok := m.prints[uid]; !ok {
				ask = append(ask, uid)
			}
		}
	}
	slices.Sort(ask)
	if err := t.prints(ctx, m, slices.Compact(ask)); err != nil {
		return nil, err
	}
	taken := make(map[uint32]bool)
	take := func(i int, list []uint32, is func(uid uint32) (bool, error)) error {
		for _, uid := range list {
			if found[i] != 0 || taken[uid] {
				continue
			}
			ok, err := is(uid)
			if err != nil {
				return err
			}
			if ok {
				found[i], taken[uid] = uid, true
			}
		}
		return nil
	}
	for _, i := range order {
		err := take(i, same[i], func(uid uint32) (bool, error) {
			print, ok := m.prints[uid]
			return ok && print == b.jobs[i].e.print, nil
		})
		if err != nil {
			return nil, err
		}
	}
	// What the server changed is still the same if it says the same.
	for _, i := range order {
		if found[i] != 0 {
			continue
		}
		var want compare.Facts
		err := take(i, slices.Concat(same[i], other[i]), func(uid uint32) (bool, error) {
			if _, ok := m.prints[uid]; !ok {
				return false, nil
			}
			if want == nil {
				var err error
				if want, err = facts(b.jobs[i].e.writeTo); err != nil {
					return false, err
				}
			}
			got, err := t.facts(ctx, m, uid)
			return err == nil && len(compare.Diff(want, got)) == 0, err
		})
		if err != nil {
			return nil, err
		}
	}
	t.replaceOlder(b, found, same, other, taken)
	return found, nil
}

// mostAltered bounds the messages of other sizes that a mail is compared with.
const mostAltered = 16

// replaceOlder finds what a run that died may have written when the mail was something else: it is replaced.
func (t *Target) replaceOlder(b *batch, found []uint32, same, other [][]uint32, taken map[uint32]bool) {
	for i, j := range b.jobs {
		if j.other == nil || j.old != nil {
			continue
		}
		for _, uid := range slices.Concat(same[i], other[i]) {
			print, ok := b.m.prints[uid]
			if ok && !taken[uid] && isPrint(print, j.other.Print) {
				old := *j.other
				old.Name = j.record(uid).Name
				j.old, taken[uid] = &old, true
				t.sender.known(b.m, uid)
				break
			}
		}
	}
}

// isPrint reports whether the ledger may know a message of a print by another one: as a copy.
func isPrint(print, known ledger.Print) bool {
	const copies = 8
	for n := range uint32(copies) {
		if salted(print, n) == known {
			return true
		}
	}
	return false
}

// bringUpToDate sees to it that the index has all that a batch may be.
func (t *Target) bringUpToDate(ctx context.Context, b *batch) error {
	m := b.m
	if !m.recalled {
		// What earlier runs wrote or found is somebody's already, whether or not it has been asked for yet.
		place := m.place.Load()
		for _, records := range []iter.Seq2[ledger.Record, error]{place.Stale(), place.Adopted()} {
			for r, err := range records {
				if err != nil {
					return &load.Fatal{Err: err}
				}
				t.sender.known(m, uidOf(&r))
			}
		}
		m.recalled = true
	}
	var lost, pending, unnamed bool
	for _, j := range b.jobs {
		switch {
		case j.look == lookWhere:
			unnamed = true
		case j.lost > 0:
			lost = true
		case !j.adopts:
			pending = true
		}
	}
	if !lost && !pending && !unnamed {
		return nil // what was there before is known
	}
	var s status
	var err error
	if lost {
		m.seenAt = time.Time{} // what was seen before says nothing
	}
	if lost || pending {
		s, err = t.still(ctx, m)
	} else {
		s, err = t.control.look(ctx, m.name)
	}
	if err != nil {
		return err
	}
	if s.validity != m.validity.Load() {
		return errGone
	}
	low := uint32(1)
	if m.before.Load() != nil || !pending {
		// What this run has sent came after all that was there when it began.
		low = max(1, m.began.Load())
	}
	return t.control.extend(ctx, m, low, s.next)
}

// isKnown reports whether a message is one of ours.
func (s *sender) isKnown(m *mailbox, uid uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return m.taken.has(uid)
}

// id returns the hash by which the index has a mail.
func (j *job) id() (uint64, error) {
	head := &headWriter{}
	if err := j.e.writeTo(head); err != nil && !errors.Is(err, errHead) {
		return 0, err
	}
	return idOf(head.Bytes()), nil
}

// headWriter takes the header of a message and no more.
type headWriter struct{ bytes.Buffer }

var errHead = errors.New("the header is complete")

func (w *headWriter) Write(p []byte) (int, error) {
	from := max(0, w.Len()-len("\r\n\r"))
	n, _ := w.Buffer.Write(p)
	if bytes.Contains(w.Bytes()[from:], []byte("\r\n\r\n")) || w.Len() > 1<<20 {
		return n, errHead
	}
	return n, nil
}

// facts returns what a mail says.
func facts(writeTo func(io.Writer) error) (compare.Facts, error) {
	r, w := io.Pipe()
	go func() { w.CloseWithError(writeTo(w)) }()
	defer r.Close() // it ends the writer, if that has not ended
	return compare.Mail(r)
}

// facts returns what a message in a mailbox says.
func (t *Target) facts(ctx context.Context, m *mailbox, uid uint32) (f compare.Facts, err error) {
	options := &goimap.FetchOptions{UID: true, BodySection: []*goimap.FetchItemBodySection{{Peek: true}}}
	err = t.control.in(ctx, m.name, m.validity.Load(), false, func(client *imapclient.Client) error {
		return bodies(client, goimap.UIDSetNum(goimap.UID(uid)), options, func(_ uint32, body goimap.LiteralReader) (err error) {
			f, err = compare.Mail(body)
			return err
		})
	})
	return f, err
}

// copyBody copies what a server sends of a message.
func copyBody(w io.Writer, body goimap.LiteralReader) error {
	n, err := io.Copy(w, body)
	if err == nil && n != body.Size() {
		err = io.ErrUnexpectedEOF
	}
	return err
}
