package imap

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	goimap "github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/zeebo/blake3"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/imap/wire"
	"mailmill/load/ledger"
)

// folderOf is a folder of an archive.
type folderOf struct {
	source string
	folder *formats.Folder
	node   *node
}

// Send implements [load.Sender].
func (t *Target) Send(ctx context.Context, enc load.Encoded, done func(load.Outcome, error)) {
	t.sender.watch(ctx)
	if err := context.Cause(ctx); err != nil {
		done(load.Failed, &load.Fatal{Err: err})
		return
	}
	j, outcome, err := t.claim(ctx, enc, done)
	if j == nil {
		var fatal *load.Fatal
		if errors.As(err, &fatal) {
			t.sender.fail(err)
		}
		done(outcome, err)
		return
	}
	t.sender.add(j, false)
}

// claim finds out what has to be done for a mail. Where that is nothing it returns the outcome.
func (t *Target) claim(ctx context.Context, enc load.Encoded, done func(load.Outcome, error)) (*job, load.Outcome, error) {
	e, ok := enc.(*encoded)
	if !ok {
		return nil, load.Failed, fmt.Errorf("an item that was encoded for another target: %T", enc)
	}
	m, err := t.enter(ctx, e.item)
	if err != nil {
		return nil, load.Failed, err
	}
	j := &job{e: e, done: done, m: m, print: t.copyPrint(e), generation: m.validity.Load()}
	if limit := m.limit; limit > 0 && e.size > limit {
		return nil, load.Failed, fmt.Errorf("the mail has %d bytes, and the server takes no more than %d (APPENDLIMIT)", e.size, limit)
	}
	if t.options.Rehearse {
		outcome := t.rehearse(m, j)
		return nil, outcome, nil
	}
	c := m.place.Load().Claim(ledger.SourceName(e.item.Source), e.item.Key, j.print)
	j.key = c.Key
	if c.State == ledger.Duplicate {
		return nil, load.Duplicate, nil
	}
	if err := t.state(ctx, j); err != nil {
		return nil, load.Failed, err
	}
	switch c.State {
	case ledger.Same:
		return t.same(ctx, j, &c.Record)
	case ledger.Changed:
		return t.changed(ctx, j, &c.Record)
	case ledger.Pending:
		j.look, j.outcome, j.old = lookFor, load.Unchanged, c.Record.Before
		if c.Record.Print != j.print {
			j.other = &c.Record
		}
	default:
		if !m.adopting {
			break
		}
		if err := t.survey(ctx, m); err != nil {
			return nil, load.Failed, err
		}
		id, err := j.id()
		if err != nil {
			return nil, load.Failed, err
		}
		if m.before.Load().has(id) {
			j.look, j.outcome, j.adopts = lookFor, load.Unchanged, true
		}
	}
	return j, 0, nil
}

// survey finds out what a mailbox held when the run came to it.
func (t *Target) survey(ctx context.Context, m *mailbox) error {
	if m.before.Load() != nil {
		return nil
	}
	before := new(index)
	to := m.began.Load()
	if to == 0 {
		to = ^uint32(0)
	}
	if err := t.control.scan(ctx, m, before, 1, to); err != nil {
		return fmt.Errorf("mailbox %s: %w", m.name, err)
	}
	m.before.CompareAndSwap(nil, before)
	return nil
}

// copyPrint returns the print by which the ledger knows a mail. Equal mails in one folder are different ones: its owner has
// two of them, so the second has a print of its own. The same mails from another archive have the same prints again.
func (t *Target) copyPrint(e *encoded) ledger.Print {
	base, _, _ := strings.Cut(e.item.Key, "-")
	h := blake3.New()
	h.WriteString(base) //nolint:errcheck // a hash takes everything
	h.Write(e.print[:]) //nolint:errcheck // a hash takes everything
	var sum [32]byte
	h.Sum(sum[:0])
	id := binary.LittleEndian.Uint64(sum[:])
	n := t.copies[id]
	t.copies[id] = n + 1
	return salted(e.print, n)
}

// salted returns the print of the nth further copy of a mail.
func salted(p ledger.Print, n uint32) ledger.Print {
	if n == 0 {
		return p
	}
	return blake3.Sum256(binary.LittleEndian.AppendUint32(p[:], n))
}

// state sets what a message has beside its bytes.
func (t *Target) state(ctx context.Context, j *job) error {
	it, m := j.e.item, j.m
	date, moved := internalDate(it)
	if j.date = date; moved {
		t.count(func(r *Report) {
			if it.Received.IsZero() && it.Date.IsZero() && it.Modified.IsZero() {
				r.Undated++
			} else {
				r.Clamped++
			}
		})
	}
	j.flags = systemFlags(it.Flags)
	wanted := keywordsOf(it)
	if len(wanted) == 0 {
		return nil
	}
	if m.keywords == nil {
		var err error
		if m.keywords, err = t.permanent(ctx, m); err != nil {
			return fmt.Errorf("mailbox %s: %w", m.name, err)
		}
	}
	for _, k := range wanted {
		if m.plain.Load() < mostPlain && m.keywords.take(k) {
			j.flags = append(j.flags, k)
		} else {
			t.dropped(m, 1)
		}
	}
	if len(m.keywords.known) > mostKept && !m.crowded {
		m.crowded = true
		t.log.Warn("more keywords than some servers keep for good; the messages have their categories in their header", "mailbox", m.name, "keywords", mostKept)
		t.count(func(r *Report) { r.Crowded = append(r.Crowded, m.name) })
	}
	return nil
}

// permanent returns the keywords that a mailbox can hold. Those that the run made are alike: asking for each would cost a
// round trip.
func (t *Target) permanent(ctx context.Context, m *mailbox) (*keywords, error) {
	if m.made && t.newKeywords != nil {
		return t.newKeywords.clone(), nil
	}
	k, err := t.control.permanent(ctx, m.name)
	if err == nil && m.made {
		t.newKeywords = k.clone()
	}
	return k, err
}

// mostPlain is after how many messages that were taken only without keywords a mailbox gets no more of them.
const mostPlain = 3

// dropped counts keywords that were left out, and says so once for a mailbox.
func (t *Target) dropped(m *mailbox, n int) {
	t.count(func(r *Report) {
		if r.Keywords == nil {
			r.Keywords = make(map[string]int)
		}
		if r.Keywords[m.name] == 0 {
			t.log.Warn("the server does not take all categories as keywords; the messages have them in their header", "mailbox", m.name)
		}
		r.Keywords[m.name] += n
	})
}

// there asks what a mailbox held when the run came to it.
func (t *Target) there(ctx context.Context, m *mailbox) (*presence, error) {
	if m.present == nil {
		var err error
		if m.present, err = t.control.presence(ctx, m.name, m.validity.Load()); err != nil {
			return nil, fmt.Errorf("mailbox %s: %w", m.name, err)
		}
	}
	return m.present, nil
}

// same deals with a mail that is on the server, or was.
func (t *Target) same(ctx context.Context, j *job, r *ledger.Record) (*job, load.Outcome, error) {
	uid := uidOf(r)
	t.sender.known(j.m, uid)
	if uid == 0 {
		return nil, load.Unchanged, nil // the server never said where it is
	}
	present, err := t.there(ctx, j.m)
	if err != nil {
		return nil, load.Failed, err
	}
	flags, ok := present.find(uid)
	if !ok {
		return nil, load.Unchanged, &load.Conflict{Reason: "it was deleted on the server since it was written, and stays deleted"}
	}
	before := strings.Fields(r.Tag)
	if state(before) == state(j.flags) {
		return nil, load.Unchanged, nil
	}
	// The archive's flags have changed. What the owner did on the server meanwhile stays.
	added, removed := difference(before, j.flags)
	if flags != stateHash(before) {
		now, ok, err := t.flagsOf(ctx, j.m, uid)
		switch {
		case err != nil:
			return nil, load.Failed, fmt.Errorf("mailbox %s: %w", j.m.name, err)
		case !ok:
			return nil, load.Unchanged, &load.Conflict{Reason: "it was deleted on the server since it was written, and stays deleted"}
		case state(now) != state(j.flags):
			return nil, load.Unchanged, &load.Conflict{Reason: "its flags were changed both in the archive and on the server; those on the server stay"}
		}
		added, removed = nil, nil
	}
	for _, change := range []struct {
		op    goimap.StoreFlagsOp
		flags []string
	}{{goimap.StoreFlagsAdd, added}, {goimap.StoreFlagsDel, removed}} {
		if err := t.store(ctx, j.m, []uint32{uid}, change.op, change.flags); err != nil {
			return nil, load.Failed, fmt.Errorf("mailbox %s: %w", j.m.name, err)
		}
	}
	if err := j.m.place.Load().Confirm(ctx, []ledger.Record{j.record(uid)}); err != nil {
		return nil, load.Failed, &load.Fatal{Err: err}
	}
	if len(added)+len(removed) == 0 {
		return nil, load.Unchanged, nil
	}
	return nil, load.Written, nil
}

// changed deals with a mail that replaces what an earlier run wrote, unless the owner touched that.
func (t *Target) changed(ctx context.Context, j *job, r *ledger.Record) (*job, load.Outcome, error) {
	uid := uidOf(r)
	t.sender.known(j.m, uid)
	reason := ""
	if uid != 0 {
		present, err := t.there(ctx, j.m)
		if err != nil {
			return nil, load.Failed, err
		}
		if flags, ok := present.find(uid); !ok {
			reason = "it changed in the archive, and was deleted on the server"
		} else if flags != stateHash(strings.Fields(r.Tag)) {
			reason = "it changed in the archive, and its flags were changed on the server; what is there stays"
		}
	}
	if reason != "" {
		if err := j.m.place.Load().Withdraw(ctx, []string{j.key}); err != nil {
			return nil, load.Failed, &load.Fatal{Err: err}
		}
		return nil, load.Failed, &load.Conflict{Reason: reason}
	}
	j.old = r
	return j, 0, nil
}

// replaces returns the UID of what a mail replaces; 0 where there is none.
func (j *job) replaces() uint32 {
	if j.old == nil {
		return 0
	}
	return uidOf(j.old)
}

// uidOf returns the UID of a record; 0 where it has none.
func uidOf(r *ledger.Record) uint32 {
	uid, err := strconv.ParseUint(r.Name, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(uid)
}

// known remembers that a message is one of ours.
func (s *sender) known(m *mailbox, uid uint32) {
	if uid == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.taken == nil {
		m.taken = make(uidSet)
	}
	m.taken.add(uid)
}

// landed deals with the server's answers to a batch.
func (t *Target) landed(f *flight, results []wire.Appended) {
	m, s := f.m, t.sender
	var stored, again, refused []*job
	var reasons []error
	var records []ledger.Record
	var bytes int64
	for i, j := range f.jobs {
		r := wire.Appended{State: wire.Unknown, Err: errClosed}
		if i < len(results) {
			r = results[i]
		}
		switch r.State {
		case wire.Accepted:
			bytes += j.e.size
			if r.UIDValidity != 0 && r.UIDValidity != m.validity.Load() {
				s.fail(fmt.Errorf("mailbox %s: %w while it was written to; run the same command again", m.name, errGone))
				j.done(load.Failed, &load.Fatal{Err: errGone})
				continue
			}
			if r.UID == 0 {
				j.look, j.outcome = lookWhere, load.Written
				again = append(again, j)
				continue
			}
			s.known(m, r.UID)
			stored, records = append(stored, j), append(records, j.record(r.UID))
		case wire.Refused:
			if err := t.refused(j, r.Err); err != nil {
				refused, reasons = append(refused, j), append(reasons, err)
			} else {
				again = append(again, j)
			}
		case wire.NotSent:
			if err := t.unsent(j, len(f.jobs), r.Err); err != nil {
				refused, reasons = append(refused, j), append(reasons, err)
			} else {
				again = append(again, j)
			}
		default:
			t.lost(j, len(f.jobs))
			j.look, j.outcome = lookFor, load.Written
			if j.lostAlone >= mostLostAlone {
				refused, reasons = append(refused, j), append(reasons, fmt.Errorf("the connection is lost each time that it is sent: %w", r.Err))
				continue
			}
			again = append(again, j)
		}
	}
	if len(stored) > 0 {
		t.options.Pace.Done(len(stored), bytes, time.Since(f.since))
	}
	t.confirm(m, stored, records)
	t.giveUp(m, refused, reasons)
	for _, j := range slices.Backward(again) {
		s.add(j, true)
	}
}

// confirm notes what was stored, removes what it replaces, and tells the run.
func (t *Target) confirm(m *mailbox, stored []*job, records []ledger.Record) {
	if len(stored) == 0 {
		return
	}
	var old []uint32
	var written, adopted []ledger.Record
	for i, j := range stored {
		if j.adopts {
			// It may be its owner's, who had it before: that is never pruned.
			adopted = append(adopted, records[i])
			continue
		}
		written = append(written, records[i])
		// In a mailbox that was made anew the UID is another message's.
		if uid := j.replaces(); uid != 0 && j.generation == m.validity.Load() {
			old = append(old, uid)
		}
	}
	err := t.remove(t.ctx, m, old)
	if err == nil {
		err = m.place.Load().Confirm(t.ctx, written)
	}
	if err == nil {
		err = m.place.Load().Adopt(t.ctx, adopted)
	}
	if err != nil {
		err = fmt.Errorf("mailbox %s: %w", m.name, err)
		t.sender.fail(err)
		for _, j := range stored {
			j.done(load.Failed, &load.Fatal{Err: err})
		}
		return
	}
	t.count(func(r *Report) {
		for _, j := range stored {
			b := r.of(m)
			b.Items++
			b.Bytes += j.e.size
			b.Largest = max(b.Largest, j.e.size)
		}
	})
	for _, j := range stored {
		if j.withheld != nil {
			m.plain.Add(1)
			t.dropped(m, len(j.withheld)-len(j.flags))
		}
		outcome := load.Written
		if j.look != lookNot {
			outcome = j.outcome
		}
		j.done(outcome, nil)
	}
}

// giveUp tells the run what failed. Of that the ledger keeps nothing but what was there before.
func (t *Target) giveUp(m *mailbox, jobs []*job, reasons []error) {
	if len(jobs) == 0 {
		return
	}
	var keys []string
	for _, j := range jobs {
		if j.look == lookNot { // else it may be there
			keys = append(keys, j.key)
		}
	}
	if err := m.place.Load().Withdraw(t.ctx, keys); err != nil {
		t.sender.fail(err)
	}
	for i, j := range jobs {
		var fatal *load.Fatal
		if errors.As(reasons[i], &fatal) {
			t.sender.fail(reasons[i])
		}
		j.done(load.Failed, reasons[i])
	}
}

// refused decides about a message that the server refused: nil sends it again.
func (t *Target) refused(j *job, err error) error {
	switch after, throttled := wire.Throttled(err); {
	case wire.OverQuota(err):
		return &load.Fatal{Err: &QuotaError{Mailbox: j.m.name, Err: err}}
	case throttled:
		j.refused++
		t.options.Pace.SlowDown(after, words(err))
		if j.refused <= mostRefused {
			return nil
		}
	case wire.TryCreate(err) && !j.created:
		j.created = true
		if failed := t.recreate(j.m); failed != nil {
			return failed
		}
		return nil
	case j.withheld == nil && !wire.TooBig(err) && len(j.flags) > len(systemFlags(j.e.item.Flags)):
		// It may be the keywords: servers tell of that in no way that one could rely on.
		j.withheld, j.flags = j.flags, systemFlags(j.e.item.Flags)
		return nil
	}
	return err
}

// words returns what a server said, for people.
func words(err error) string {
	if r, ok := refusal(err); ok && r.Text != "" {
		return r.Text
	}
	return err.Error()
}

// unsent decides about a message that never left: nil sends it.
func (t *Target) unsent(j *job, together int, err error) error {
	var body *wire.BodyError
	switch {
	case errors.As(err, &body):
		return err
	case t.ctx.Err() != nil:
		return &load.Fatal{Err: context.Cause(t.ctx)}
	}
	if wire.Lost(err) {
		t.lost(j, together)
		if j.lostAlone >= mostLostAlone {
			return fmt.Errorf("the connection is lost each time that it is sent: %w", err)
		}
	} else if err != nil {
		// What came before it in the batch was refused for the moment, or its mailbox is not there.
		if j.unsent++; j.unsent > mostUnsent {
			return err
		}
	}
	return nil
}

// lost counts a connection that was lost with a message on it. One that was alone on it may be what the server cannot bear;
// or the server is about to go, and takes connections that it then closes: so it is given a moment, longer each time.
func (t *Target) lost(j *job, together int) {
	j.lost++
	if together > 1 {
		return
	}
	j.lostAlone++
	const moment = 250 * time.Millisecond
	select {
	case <-time.After(time.Duration(j.lostAlone) * moment):
	case <-t.sender.stopping.Done():
	}
}

// recreate makes a mailbox anew that was deleted while it was written to. What the ledger knows of the old one is void.
func (t *Target) recreate(m *mailbox) error {
	t.remaking.Lock()
	defer t.remaking.Unlock()
	err := t.control.do(t.ctx, func(client *imapclient.Client) error { return client.Create(m.name, nil).Wait() })
	if _, refused := refusal(err); err != nil && !refused { // somebody else may have made it
		return err
	}
	s, err := t.control.look(t.ctx, m.name)
	if err != nil {
		return fmt.Errorf("mailbox %s was deleted on the server, and cannot be made again: %w", m.name, err)
	}
	if s.validity == m.validity.Load() {
		return nil
	}
	t.log.Warn("a mailbox was deleted on the server while it was written to, and made again", "mailbox", m.name)
	place, err := t.options.Account.Place(t.ctx, m.name, s.generation())
	if err == nil && s.count == 0 {
		err = place.Known(t.ctx)
	}
	if err != nil {
		return &load.Fatal{Err: err}
	}
	t.sender.mu.Lock()
	m.taken = nil
	t.sender.mu.Unlock()
	m.place.Store(place)
	m.validity.Store(s.validity)
	m.before.Store(new(index))
	m.began.Store(1)
	m.index, m.prints, m.seen, m.seenAt = index{}, nil, s, time.Time{}
	return nil
}

// of returns a mailbox's line.
func (r *Report) of(m *mailbox) *Mailbox {
	i := slices.IndexFunc(r.Mailboxes, func(b Mailbox) bool { return b.Name == m.name })
	if i < 0 {
		r.Mailboxes = append(r.Mailboxes, Mailbox{Folder: m.node.original, Name: m.name, Exists: !m.made})
		i = len(r.Mailboxes) - 1
	}
	return &r.Mailboxes[i]
}
