package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
)

// Print is a hash of what is written of an item. It depends on nothing but that.
type Print [32]byte

// Record is what a place knows of an item.
type Record struct {
	Key string
	// Source is the archive that it came from, as Claim was told; empty where nobody knows.
	Source string
	Print  Print  // zero where it is not known what the target holds; see Adopt
	Size   int64  // bytes
	Name   string // what the target knows it by: a UID, the name of a resource; at most 4,096 bytes, as Tag
	Tag    string // the version that was written: an ETag
	State  State
	// Before is what was confirmed before an intent to replace it.
	Before *Record
}

// State says what is certain of a record. Those who hand records in need not set it.
type State uint8

// The states of a record.
const (
	Intended  State = iota // it may be on the target, or not
	Confirmed              // it is on the target, or was
)

// Claim is the answer to an item that asks for its place.
type Claim struct {
	Key    string // of the item, with its number
	State  ClaimState
	Record Record // what was known under that key; zero for New
}

// ClaimState says what is known of an item.
type ClaimState uint8

// The answers to a claim.
const (
	// New: nobody knows it.
	New ClaimState = iota
	// Same: it is on the target as it is now.
	Same
	// Changed: an earlier run wrote it when it was something else.
	Changed
	// Pending: a run was about to write it and died, or it is on the target and nobody knows what it is. The record
	// tells what was to be written, which may be something else than what is claimed. It is to be looked up on the target
	// before anything is written.
	Pending
	// Duplicate: this run had it already, from another source.
	Duplicate
)

var claimNames = [...]string{"new", "same", "changed", "pending", "duplicate"}

func (s ClaimState) String() string { return claimNames[s] }

// Place is what the ledger holds of a mailbox or a collection. Claim is called by one goroutine at a time, the other methods
// by any.
type Place struct {
	store            *store
	id               int64
	name, generation string
	hash             hasher

	mu sync.Mutex
	// guarded by mu:
	known   bool
	ended   bool
	next    uint32 // the row of the next record
	entries entries
	numbers index // by key and number
	prints  index // by key and print
	names   index // by key and name, if anything was adopted
	arena   arena
	sources sources
	crowds  map[ident]crowd // of keys with higher numbers than 1
	// withdrawn finds the records that items would have replaced that were withdrawn.
	withdrawn map[content]uint32
	notes     map[string]string
}

// content is what tells items apart.
type content struct {
	id    ident
	print Print
}

// crowd is what is known of the numbers of a key.
type crowd struct {
	last uint32 // the highest number that any entry has
	free uint32 // none between 1 and this is free
	open uint32 // none below this has a record that nobody has claimed
}

// rows returns the range of the numbers of the place's records.
func (p *Place) rows() (first, last int64) { return p.id << 32, p.id<<32 | 0xffffffff }

// load reads the records of earlier runs.
func (p *Place) load(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	first, last := p.rows()
	return p.store.read(func() error {
		rows, err := p.store.file.conn.QueryContext(context.Background(), "SELECT "+recordColumns+" FROM record WHERE id BETWEEN ? AND ? ORDER BY id", first, last)
		if err != nil {
			return err
		}
		defer rows.Close() // rows.Err tells
		for n := 0; rows.Next(); n++ {
			if n%1024 == 0 && ctx.Err() != nil {
				return context.Cause(ctx)
			}
			var r row
			err := r.scan(rows.Scan)
			if err == nil {
				err = p.recall(&r)
			}
			if err != nil {
				return broken(p.store.path, ErrDamaged, err.Error())
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		return p.loadNotes()
	})
}

// recall puts a record of an earlier run into memory.
func (p *Place) recall(r *row) error {
	id, base, err := r.ident()
	if err != nil {
		return err
	}
	if _, there := p.lookup(&id, r.number); there {
		return fmt.Errorf("record %d has the key of another", r.id)
	}
	i := p.newEntry(id, r.number, r.print)
	e := p.entries.at(i)
	e.row = uint32(r.id)
	e.state(r.state)
	e.source = p.sources.number(r.source)
	e.blob = p.arena.add(appendDetails(nil, base, r.details, r.before))
	p.next = max(p.next, e.row+1)
	if len(p.arena.pages) > 1<<16-2 {
		return errors.New("it has too many records")
	}
	return nil
}

// Fresh reports whether the place may hold what the ledger does not know of: it is new to the ledger, or the ledger is, or a
// run that found out what was in it died before it called Known.
func (p *Place) Fresh() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.known
}

// Known says that what the place held before the ledger knew it has been adopted, or that it held nothing. Until then each
// run is told that the place is fresh. It is durable when it returns.
func (p *Place) Known(context.Context) error {
	err := p.store.commit(true, func() error { return p.store.file.exec("UPDATE place SET known=1 WHERE id=?", p.id) })
	if err == nil {
		p.mu.Lock()
		p.known = true
		p.mu.Unlock()
	}
	return err
}

// Claim answers an item of this run that asks for its place. The key may have the number that the item has in its archive.
// The source names the archive: an item replaces none that came from another, as that may be all that is left of something
// else. The same item from two archives is one.
func (p *Place) Claim(source, key string, print Print) Claim {
	id, base, number := parse(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	from := p.sources.number(source)
	if i, ok := p.match(&id, &print); ok {
		e := p.entries.at(i)
		c := Claim{Key: format(id, base, e.number), Record: p.record(e)}
		switch {
		case e.marks.has(claimed):
			c.State = Duplicate
		case e.marks.has(intended):
			c.State = Pending
		case e.marks.has(recorded):
			c.State = Same
		}
		e.marks |= claimed | seen
		return c
	}
	i, ok := p.withdrawn[content{id, print}]
	if !ok || p.entries.at(i).marks.has(claimed) {
		i, ok = p.predecessor(&id, number, from)
	}
	if ok {
		e := p.entries.at(i)
		c := Claim{Key: format(id, base, e.number), Record: p.record(e), State: Changed}
		if e.marks.has(intended) || e.print == (Print{}) {
			c.State = Pending
		}
		p.reprint(i, print)
		e.marks |= claimed | seen
		e.source = from
		return c
	}
	if !p.free(&id, number) {
		number = p.nextFree(&id)
	}
	i = p.entryFor(id, number, print)
	e := p.entries.at(i)
	e.marks |= claimed | seen
	e.source = from
	return Claim{Key: format(id, base, number), State: New}
}

// Stale returns what earlier runs have written and no item of this run has claimed, in the order in which it was written.
// What was adopted is not among it: nobody knows that it is ours. The loop may call any method of the place.
func (p *Place) Stale() iter.Seq2[Record, error] { return p.unclaimed(confirmed) }

// Adopted returns what earlier runs have adopted and no item of this run has claimed. The loop may call any method of the
// place.
func (p *Place) Adopted() iter.Seq2[Record, error] { return p.unclaimed(found) }

// Unsettled returns what runs that died were about to write and no item of this run has claimed, in the order in which they
// were. Who looks it up on the target confirms what he finds and withdraws the rest. The loop may call any method of the
// place.
func (p *Place) Unsettled() iter.Seq2[Record, error] { return p.unclaimed(intended) }

func (p *Place) unclaimed(state marks) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for i := uint32(0); ; i++ {
			p.mu.Lock()
			if p.ended {
				p.mu.Unlock()
				yield(Record{}, p.gone())
				return
			}
			if i >= p.entries.n {
				p.mu.Unlock()
				return
			}
			e := p.entries.at(i)
			wanted := e.marks.has(state) && !e.marks.has(seen)
			var r Record
			if wanted {
				r = p.record(e)
			}
			p.mu.Unlock()
			if wanted && !yield(r, nil) {
				return
			}
		}
	}
}

// Note keeps a small fact about the place under a name: a sync token, a count. It survives the death of the process.
func (p *Place) Note(_ context.Context, name, value string) error {
	if len(name) > mostOfText || len(value) > mostOfText {
		return fmt.Errorf("a note of %q has more than %d bytes", p.name, mostOfText)
	}
	err := p.store.commit(false, func() error {
		return p.store.file.exec("INSERT INTO note(place, name, value) VALUES(?1, ?2, ?3) ON CONFLICT DO UPDATE SET value=?3", p.id, name, value)
	})
	if err == nil {
		p.mu.Lock()
		p.notes[name] = value
		p.mu.Unlock()
	}
	return err
}

// Noted returns what was noted under a name, by this run or an earlier one.
func (p *Place) Noted(name string) (value string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	value, ok = p.notes[name]
	return value, ok
}

func (p *Place) loadNotes() error {
	rows, err := p.store.file.conn.QueryContext(context.Background(), "SELECT name, value FROM note WHERE place=?", p.id)
	if err != nil {
		return err
	}
	defer rows.Close() // rows.Err tells
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		p.notes[name] = value
	}
	return rows.Err()
}

// end makes the place one that was.
func (p *Place) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
}

func (p *Place) gone() error {
	return fmt.Errorf("%s was made anew on the server while the run went on", p.name)
}
