package ledger

import (
	"context"
	"database/sql"
	"fmt"
)

// Intend writes down what is about to be sent, in one transaction. It is durable when Intend returns: nothing may be sent
// before. A record that replaces a confirmed one keeps that as what was before; its name and tag may be those that
// the new one will have, as far as they are known.
func (p *Place) Intend(ctx context.Context, records []Record) error {
	return p.put(ctx, records, intended, true)
}

// Confirm writes down what the target has taken, with the name and the tag that it has there. What nobody intended is
// confirmed as well.
func (p *Place) Confirm(ctx context.Context, records []Record) error {
	return p.put(ctx, records, confirmed, false)
}

func (p *Place) put(ctx context.Context, records []Record, state marks, durable bool) error {
	if len(records) == 0 {
		return nil
	}
	if err := p.begin(ctx); err != nil {
		return err
	}
	defer p.mu.Unlock()
	rows := make([]row, 0, len(records))
	for _, r := range records {
		if err := r.valid(); err != nil {
			return err
		}
	}
	for _, r := range records {
		id, base, number := parse(r.Key)
		i, there := p.lookup(&id, number)
		if there {
			p.reprint(i, r.Print)
		} else {
			i = p.newEntry(id, number, r.Print)
		}
		e := p.entries.at(i)
		// What an earlier run intended and this one has found is still to be claimed.
		if settled := state == confirmed && e.marks.has(recorded) && !e.marks.has(seen); !settled {
			e.marks |= claimed | seen
		}
		rows = append(rows, p.write(i, base, state, r))
	}
	query := p.store.put
	if state == confirmed {
		query = p.store.confirm
	}
	return p.commit(durable, func() error { return execRows(query, rows) })
}

// Adopt writes down what was found on the target and nobody knows that we wrote it: the ledger was lost, or a claim that is
// New turned out to be there. What the ledger knows by the same name stays as it is unless it was only intended; what
// it intended with the same print is confirmed. A record whose key is taken gets the next free number.
//
// A record may have no print where the target holds no more than one item of a key; then the claim is told that it is
// Pending, and who claims looks at what is there. Where a key may stand for several items, only the print tells which is
// which.
func (p *Place) Adopt(ctx context.Context, records []Record) error {
	if len(records) == 0 {
		return nil
	}
	if err := p.begin(ctx); err != nil {
		return err
	}
	defer p.mu.Unlock()
	for _, r := range records {
		if err := r.valid(); err != nil {
			return err
		}
	}
	rows := make([]row, 0, len(records))
	for _, r := range records {
		id, base, number := parse(r.Key)
		i, state := p.adopter(&id, number, &r)
		if state == 0 {
			continue
		}
		if !p.entries.at(i).marks.has(claimed) {
			p.reprint(i, r.Print)
		}
		rows = append(rows, p.write(i, base, state, r))
		p.addName(i)
		p.reopen(p.entries.at(i))
	}
	return p.commit(false, func() error { return execRows(p.store.confirm, rows) })
}

// adopter returns the entry for what was found on the target, and the state that it has then: 0 where it is known.
func (p *Place) adopter(id *ident, number uint32, r *Record) (uint32, marks) {
	if i, ok := p.named(id, r.Name); ok && r.Name != "" {
		switch e := p.entries.at(i); {
		case e.marks.has(confirmed):
			return i, 0
		case e.marks.has(intended):
			return i, confirmed
		}
		return i, found
	}
	if i, ok := p.match(id, &r.Print); ok && p.entries.at(i).marks.has(intended) {
		return i, confirmed
	}
	if i, ok := p.lookup(id, number); ok {
		if !p.entries.at(i).marks.has(recorded) {
			return i, found
		}
		number = p.nextFree(id)
	}
	return p.entryFor(*id, number, r.Print), found
}

// Withdraw takes back what was intended, or only claimed, and will not be written: the target refused it, or what is there
// was left. An intent to replace something leaves that as it was. The items count as brought by this run: what earlier runs
// wrote of them is not stale. An item of the same print that comes later gets the same number, and is tried again.
func (p *Place) Withdraw(ctx context.Context, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	at, err := p.find(ctx, keys)
	if err != nil {
		return err
	}
	restored := make([]*row, len(at))
	err = p.commitUnlocked(false, func() error {
		for n, a := range at {
			if restored[n], err = p.store.restore(p.rowID(a.row)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for n, a := range at {
		e := p.entries.at(a.entry)
		e.marks &^= claimed
		if r := restored[n]; r == nil {
			e.state(0)
		} else {
			_, base, err := r.ident()
			if err != nil {
				return broken(p.store.path, ErrDamaged, err.Error())
			}
			e.state(r.state)
			e.source = p.sources.number(r.source)
			e.blob = p.arena.add(appendDetails(nil, base, r.details, r.before))
			if e.print != r.print {
				p.withdrawn[content{e.id, e.print}] = a.entry
			}
			p.reprint(a.entry, r.print)
		}
		p.reopen(e)
	}
	return nil
}

// restore takes an intent back and returns what there is then, if anything.
func (s *store) restore(id int64) (*row, error) {
	ctx := context.Background()
	if _, err := s.withdraw.ExecContext(ctx, id); err != nil {
		return nil, err
	}
	rows, err := s.restored.QueryContext(ctx, id)
	if err != nil {
		return nil, err
	}
	defer rows.Close() // rows.Err tells
	if !rows.Next() {
		return nil, rows.Err()
	}
	var r row
	if err := r.scan(rows.Scan); err != nil {
		return nil, broken(s.path, ErrDamaged, err.Error())
	}
	if !r.state.has(intended) {
		return &r, nil
	}
	if err := rows.Close(); err != nil {
		return nil, err
	}
	_, err = s.forget.ExecContext(ctx, id)
	return nil, err
}

// Remove writes down that what was confirmed is about to be deleted from the target. It is durable when Remove returns; then
// it is deleted, and then forgotten. Where the run dies between, the record is one that is to be looked up: it is unsettled,
// and a claim is told that it is Pending.
func (p *Place) Remove(ctx context.Context, keys []string) error {
	return p.change(ctx, keys, p.store.doubt, intended)
}

// Forget writes down that the target does not hold something any more. It is durable when Forget returns.
func (p *Place) Forget(ctx context.Context, keys []string) error {
	return p.change(ctx, keys, p.store.forget, 0)
}

// change executes a statement for each of the records, which have another state then.
func (p *Place) change(ctx context.Context, keys []string, query *sql.Stmt, state marks) error {
	if len(keys) == 0 {
		return nil
	}
	at, err := p.find(ctx, keys)
	if err != nil {
		return err
	}
	err = p.commitUnlocked(true, func() error {
		for _, a := range at {
			if _, err := query.ExecContext(context.Background(), p.rowID(a.row)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range at {
		if e := p.entries.at(a.entry); e.marks.has(recorded) {
			e.state(state)
			p.reopen(e)
		}
	}
	return nil
}

// located is an entry and the row of its record; 0 where it never had one.
type located struct{ entry, row uint32 }

// find returns the entries of keys. A key that the place does not know has none.
func (p *Place) find(ctx context.Context, keys []string) (at []located, err error) {
	if err := p.begin(ctx); err != nil {
		return nil, err
	}
	defer p.mu.Unlock()
	for _, key := range keys {
		id, _, number := parse(key)
		if i, ok := p.lookup(&id, number); ok {
			at = append(at, located{i, p.entries.at(i).row})
		}
	}
	return at, nil
}

// begin locks the place for a change.
func (p *Place) begin(ctx context.Context) error {
	if ctx.Err() != nil {
		return fmt.Errorf("the ledger of %s was not written: %w", p.name, context.Cause(ctx))
	}
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return p.gone()
	}
	return nil
}

// write changes what memory holds of an entry, and returns the row for the file.
func (p *Place) write(i uint32, base string, state marks, r Record) row {
	e := p.entries.at(i)
	if e.row == 0 {
		e.row = p.next
		p.next++
	}
	e.state(state)
	e.blob = p.arena.add(appendDetails(nil, base, r.details(), nil))
	if r.Source != "" {
		e.source = p.sources.number(r.Source)
	}
	return row{id: p.rowID(e.row), key: keyColumn(e.id, base), number: e.number, source: p.sources.names[e.source], state: state, print: r.Print, details: r.details()}
}

func (p *Place) rowID(n uint32) int64 { return p.id<<32 | int64(n) }

// commit has a change written while others may use the place, and takes it back then.
func (p *Place) commit(durable bool, apply func() error) error {
	p.mu.Unlock()
	defer p.mu.Lock()
	return p.commitUnlocked(durable, apply)
}

func (p *Place) commitUnlocked(durable bool, apply func() error) error {
	if err := p.store.commit(durable, apply); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

func execRows(query *sql.Stmt, rows []row) error {
	for i := range rows {
		r := &rows[i]
		if _, err := query.ExecContext(context.Background(), r.id, r.key, r.number, r.state.row(), r.print[:], r.size, r.name, r.tag, r.source); err != nil {
			return err
		}
	}
	return nil
}
