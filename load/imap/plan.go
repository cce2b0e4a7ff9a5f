package imap

import (
	"context"
	"fmt"
	"slices"
	"strings"

	goimap "github.com/emersion/go-imap/v2"

	"mailmill/load"
	"mailmill/load/ledger"
)

// Plan is what a run would do. It is made by a run with [Options].Rehearse, after its end.
type Plan struct {
	// Mailboxes are those that folders of the archives go to, with what would be written there. Those that do not exist
	// would be made, if they are wanted or get mail.
	Mailboxes []Mailbox
	Items     int
	Bytes     int64
	// Limit is the size of the largest message that the server takes; 0 where it does not say.
	Limit int64
	// Quotas are the account's limits.
	Quotas []Quota
}

// Full returns an error where the account has too little room for the plan.
func (p *Plan) Full() error {
	for _, q := range p.Quotas {
		need := int64(0)
		switch goimap.QuotaResourceType(q.Resource) {
		case goimap.QuotaResourceStorage:
			need = p.Bytes
		case goimap.QuotaResourceMessage:
			need = int64(p.Items)
		}
		if need > 0 && q.Used+need > q.Limit {
			return &QuotaError{Err: fmt.Errorf("%s of %s are needed, and %s are free", q.amount(need), strings.ToLower(q.Resource), q.amount(max(0, q.Limit-q.Used)))}
		}
	}
	return nil
}

// Plan returns what a run would do, as far as it is known: all of it after the Finish of a rehearsal, without items before.
func (t *Target) Plan() Plan {
	p := Plan{Limit: t.limit, Quotas: slices.Clone(t.quotas)}
	written := t.Report()
	wanted := t.wanted()
	for _, n := range t.tree.nodes {
		name := t.tree.full(n)
		b := Mailbox{Folder: n.original, Name: name, Exists: t.found[name]}
		if i := slices.IndexFunc(written.Mailboxes, func(w Mailbox) bool { return w.Name == name }); i >= 0 {
			b = written.Mailboxes[i]
			b.Exists = t.found[name]
			p.Items += b.Items
			p.Bytes += b.Bytes
		}
		b.Wanted = slices.Contains(wanted, n)
		p.Mailboxes = append(p.Mailboxes, b)
	}
	return p
}

// rehearse says what would become of a mail.
func (t *Target) rehearse(m *mailbox, j *job) load.Outcome {
	if place := m.place.Load(); place != nil {
		switch place.Claim(ledger.SourceName(j.e.item.Source), j.e.item.Key, j.print).State {
		case ledger.Same:
			return load.Unchanged
		case ledger.Duplicate:
			return load.Duplicate
		}
	}
	t.count(func(r *Report) {
		b := r.of(m)
		b.Items++
		b.Bytes += j.e.size
		b.Largest = max(b.Largest, j.e.size)
	})
	return load.Written
}

// KeepStale tells that this run did not see all that the archives hold: something could not be read, or was not asked for.
// Then nothing is removed.
func (t *Target) KeepStale() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.spared = true
}

// prune removes what earlier runs wrote and this one did not bring, as far as it is still as it was written. What went below
// another prefix stays.
func (t *Target) prune(ctx context.Context) error {
	t.mu.Lock()
	spared := t.spared
	t.mu.Unlock()
	if !t.options.Prune || t.options.Rehearse || spared {
		return nil
	}
	led := make(map[string]bool) // mailboxes that folders lead to
	for _, n := range t.tree.nodes {
		m := t.box(n)
		led[m.name] = true
		if m.err != nil || !m.asked {
			continue
		}
		place, err := t.options.Account.Place(ctx, m.name, m.generation())
		if err != nil {
			return err
		}
		m.place.Store(place)
		if err := t.pruneBox(ctx, m, place); err != nil {
			return fmt.Errorf("mailbox %s: %w", m.name, err)
		}
	}
	return t.pruneDeserted(ctx, led)
}

// pruneDeserted prunes the mailboxes that runs with the same prefix wrote to and to which no folder leads any more: it was
// deleted, or has another name.
func (t *Target) pruneDeserted(ctx context.Context, led map[string]bool) error {
	names, err := t.options.Account.Places(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if led[name] || !t.found[name] {
			continue
		}
		s, err := t.control.look(ctx, name)
		if _, refused := refusal(err); refused {
			continue // it is gone
		}
		if err != nil {
			return fmt.Errorf("mailbox %s: %w", name, err)
		}
		place, err := t.options.Account.Place(ctx, name, s.generation())
		if err != nil {
			return err
		}
		if prefix, ok := place.Noted(prefixNote); !ok || prefix != t.options.Prefix {
			continue
		}
		m := &mailbox{name: name}
		m.validity.Store(s.validity)
		if err := t.pruneBox(ctx, m, place); err != nil {
			return fmt.Errorf("mailbox %s: %w", name, err)
		}
	}
	return nil
}

// prefixNote is where the ledger has the prefix of the run that wrote to a mailbox last.
const prefixNote = "prefix"

// brings reports whether the run has the archive that a record came from. What came from others stays.
func (t *Target) brings(source string) bool {
	return slices.ContainsFunc(t.options.Sources, func(s Source) bool { return ledger.SourceName(s.Name) == source })
}

func (t *Target) pruneBox(ctx context.Context, m *mailbox, place *ledger.Place) error {
	var uids []uint32
	var keys, gone []string
	m.present = nil // the flags as they are now
	for r, err := range place.Stale() {
		if err != nil {
			return err
		}
		if !t.brings(r.Source) {
			continue
		}
		uid := uidOf(&r)
		present, err := t.there(ctx, m)
		if err != nil {
			return err
		}
		flags, ok := present.find(uid)
		switch {
		case uid != 0 && !ok:
			gone = append(gone, r.Key)
		case uid == 0 || flags != stateHash(strings.Fields(r.Tag)):
			t.count(func(r *Report) { r.Kept++ })
		default:
			uids, keys = append(uids, uid), append(keys, r.Key)
		}
	}
	for len(uids) > 0 {
		n := min(len(uids), perFetch)
		if err := t.remove(ctx, m, uids[:n]); err != nil {
			return err
		}
		if err := place.Forget(ctx, keys[:n]); err != nil {
			return err
		}
		t.count(func(r *Report) { r.Pruned += n })
		uids, keys = uids[n:], keys[n:]
	}
	return place.Forget(ctx, gone)
}

// generation is what tells the mailbox from another one of its name.
func (m *mailbox) generation() string { return status{validity: m.validity.Load()}.generation() }
