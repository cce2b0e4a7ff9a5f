package ledger

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// store writes what goroutines hand in: what has come while it was at work goes into one transaction, so that many that
// wait for the disk wait once.
type store struct {
	path string
	file *file

	put, confirm, withdraw, doubt, forget, restored *sql.Stmt

	mu    sync.Mutex
	queue []*change // guarded by mu

	writing sync.Mutex
	// guarded by writing:
	durable bool // what SQLite was told last
	closed  bool
}

// change is a part of a transaction.
type change struct {
	apply   func() error
	durable bool // survives a power failure when commit has returned; else a killed process
	done    bool
	err     error
}

// The statements that changes are made of. A row that is not there is made: so it does not matter whether a transaction
// before it failed.
const (
	putRow = `INSERT INTO record(id, key, number, state, print, size, name, tag, source) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
		ON CONFLICT(id) DO UPDATE SET
			was_state=iif(state=1, was_state, state),
			was_print=iif(state=1, was_print, print),
			was_size=iif(state=1, was_size, size),
			was_name=iif(state=1, was_name, name),
			was_tag=iif(state=1, was_tag, tag),
			state=?4, print=?5, size=?6, name=?7, tag=?8, source=?9`
	confirmRow = `INSERT INTO record(id, key, number, state, print, size, name, tag, source) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
		ON CONFLICT(id) DO UPDATE SET state=?4, print=?5, size=?6, name=?7, tag=?8, source=?9,
			was_state=NULL, was_print=NULL, was_size=NULL, was_name=NULL, was_tag=NULL`
	withdrawRow = `UPDATE record SET state=was_state, print=was_print, size=was_size, name=was_name, tag=was_tag,
			was_state=NULL, was_print=NULL, was_size=NULL, was_name=NULL, was_tag=NULL
		WHERE id=? AND state=1 AND was_state IS NOT NULL`
	doubtRow    = `UPDATE record SET state=1 WHERE id=?`
	forgetRow   = `DELETE FROM record WHERE id=?`
	restoredRow = `SELECT ` + recordColumns + ` FROM record WHERE id=?`
)

const recordColumns = `id, key, number, source, state, print, size, name, tag, was_state, was_print, was_size, was_name, was_tag`

func newStore(path string, f *file) (*store, error) {
	s := &store{path: path, file: f, durable: true}
	for _, p := range []struct {
		stmt  **sql.Stmt
		query string
	}{{&s.put, putRow}, {&s.confirm, confirmRow}, {&s.withdraw, withdrawRow}, {&s.doubt, doubtRow}, {&s.forget, forgetRow}, {&s.restored, restoredRow}} {
		stmt, err := f.conn.PrepareContext(context.Background(), p.query)
		if err != nil {
			return nil, wrongTables(path, err)
		}
		*p.stmt = stmt
	}
	return s, nil
}

// commit has a change written. It may go to the disk together with others.
func (s *store) commit(durable bool, apply func() error) error {
	c := &change{apply: apply, durable: durable}
	s.mu.Lock()
	s.queue = append(s.queue, c)
	s.mu.Unlock()

	s.writing.Lock()
	defer s.writing.Unlock()
	if c.done { // by one who waited for his own
		return c.err
	}
	s.mu.Lock()
	all := s.queue
	s.queue = nil
	s.mu.Unlock()
	err := s.write(all)
	for _, c := range all {
		c.done, c.err = true, err
	}
	return err
}

// write executes changes in a transaction.
func (s *store) write(all []*change) (err error) {
	if s.closed {
		return errClosed
	}
	durable := false
	for _, c := range all {
		durable = durable || c.durable
	}
	if durable != s.durable {
		level := "PRAGMA synchronous=NORMAL"
		if durable {
			level = "PRAGMA synchronous=FULL"
		}
		if err := s.file.exec(level); err != nil {
			return explain(s.path, err)
		}
		s.durable = durable
	}
	if err := s.file.exec("BEGIN IMMEDIATE"); err != nil {
		return explain(s.path, err)
	}
	for _, c := range all {
		if err = c.apply(); err != nil {
			break
		}
	}
	if err == nil {
		err = s.file.exec("COMMIT")
	}
	if err == nil {
		return nil
	}
	// SQLite has rolled back by itself where the disk is full, and then refuses to do it again.
	s.file.exec("ROLLBACK") //nolint:errcheck // whatever it says, the next transaction begins or does not
	return explain(s.path, err)
}

// read gives a function the connection for itself.
func (s *store) read(f func() error) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed {
		return errClosed
	}
	return explain(s.path, f())
}

var errClosed = errors.New("the ledger is closed")

// close ends the ledger's file, with all that was committed in it.
func (s *store) close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var errs []error
	for _, stmt := range []*sql.Stmt{s.put, s.confirm, s.withdraw, s.doubt, s.forget, s.restored} {
		errs = append(errs, stmt.Close())
	}
	errs = append(errs, s.file.end())
	return explain(s.path, errors.Join(errs...))
}
