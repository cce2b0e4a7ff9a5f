package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
)

// Account is what the ledger holds of an account on a server. Its methods may be called by several goroutines.
type Account struct {
	store *store
	id    int64

	mu     sync.Mutex
	places map[string]*Place // guarded by mu: the open ones
}

// Place opens the books of a mailbox or a collection, which are empty if it is new. The generation is its UIDVALIDITY, if
// it has such a thing: when that is another than the last time, the names in the records mean nothing any more, and they are
// forgotten. Within a run it is the same *Place each time; one whose generation has gone returns errors from then on.
//
// All the records of an open place are in memory: about 100 bytes each with the names that IMAP gives, 100 MB for a million.
func (a *Account) Place(ctx context.Context, name, generation string) (*Place, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if p := a.places[name]; p != nil {
		if p.generation == generation {
			return p, nil
		}
		p.end()
		delete(a.places, name)
	}
	if len(name) > mostOfText || len(generation) > mostOfText {
		return nil, fmt.Errorf("the ledger takes no place whose name has more than %d bytes", mostOfText)
	}
	p := newPlace(a.store, name, generation)
	err := a.store.commit(false, func() error { return a.locate(p) })
	if err == nil {
		err = p.load(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("place %q: %w", name, err)
	}
	a.places[name] = p
	return p, nil
}

// locate finds the place among those of the account or makes it, and makes it anew where it has another generation.
func (a *Account) locate(p *Place) error {
	var generation string
	err := a.store.file.conn.QueryRowContext(context.Background(),
		"SELECT id, generation, known FROM place WHERE account=? AND name=?", a.id, p.name).Scan(&p.id, &generation, &p.known)
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return err
	case generation == p.generation:
		return nil
	default:
		first, last := p.rows()
		if err := a.store.file.exec("DELETE FROM record WHERE id BETWEEN ? AND ?", first, last); err != nil {
			return err
		}
		if err := a.store.file.exec("DELETE FROM note WHERE place=?", p.id); err != nil {
			return err
		}
		if err := a.store.file.exec("DELETE FROM place WHERE id=?", p.id); err != nil {
			return err
		}
	}
	p.known = false
	p.id, err = a.store.file.insert("place(account, name, generation, known)", a.id, p.name, p.generation, false)
	if err == nil && p.id >= 1<<31 {
		err = errors.New("it has too many places")
	}
	return err
}

// Places returns the names of all places that have records, in the order in which they were first opened: those that no
// folder of this run leads to are among them.
func (a *Account) Places(ctx context.Context) (names []string, err error) {
	err = a.store.read(func() error {
		rows, err := a.store.file.conn.QueryContext(context.Background(), `SELECT name FROM place WHERE account=? AND
			EXISTS(SELECT 1 FROM record WHERE id BETWEEN place.id<<32 AND (place.id+1<<32)-1) ORDER BY id`, a.id)
		if err != nil {
			return err
		}
		defer rows.Close() // rows.Err tells
		for rows.Next() && ctx.Err() == nil {
			var name string
			if err := rows.Scan(&name); err != nil {
				return err
			}
			names = append(names, name)
		}
		return rows.Err()
	})
	return names, errors.Join(err, ctx.Err())
}

func newPlace(s *store, name, generation string) *Place {
	return &Place{
		store: s, name: name, generation: generation,
		hash: hasher{maphash.MakeSeed()}, next: 1,
		sources: newSources(), crowds: make(map[ident]crowd), withdrawn: make(map[content]uint32), notes: make(map[string]string),
	}
}
