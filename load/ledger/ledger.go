// Package ledger remembers what was written where, so that a run that was killed goes on where it was, and a later one
// writes only what is new.
//
// A [Ledger] is an SQLite file with the books of one or more accounts on servers, an [Account] has a [Place] for each mailbox
// or collection, and a place has a [Record] for each item. An item goes through a place like this:
//
//	c := place.Claim(item.Key, print)  // what is known of it; no waiting
//	place.Intend(ctx, records)         // durable before anything is sent
//	…                                  // the server takes it
//	place.Confirm(ctx, records)        // with the name that the server gave it
//
// Whatever kills the process, what may have reached the server has an intent, and what has one but was not confirmed is
// looked up on the server before it is written again: the next run is told [Pending]. An intent survives a power failure. A
// confirmation survives the death of the process; if the power fails it may be lost, which costs a look-up.
//
// # Keys and numbers
//
// Items of equal keys may differ in content: a Message-ID that somebody used twice, a meeting in two archives. They are told
// apart by a [Print] of what is written, and by numbers: the first has the key itself, the others "-2", "-3" and so on. Which
// item has which number depends on the order of claims alone, and a later run that claims them in another order finds each
// by its print. An item without a match by print is taken for the changed form of the number that it has in its
// archive, if that has no match either; then of the lowest that has none; if there is none, for a new one, with the number of
// its archive, or the next that is free.
//
// One process has a ledger at a time. It holds no secrets: [Ledger.Account] refuses an identity with a password in it.
package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Ledger is an open ledger. Its methods may be called by several goroutines.
type Ledger struct {
	path  string
	lock  *os.File
	store *store

	mu       sync.Mutex
	accounts map[string]*Account // guarded by mu
}

// Open opens the ledger in a file, or makes it, with the folders above it. Only the user can read it. Where another process
// has it the error is an [InUseError]; other errors name the file and say what to do about it: what is [ErrDamaged],
// [ErrForeign] or [ErrNewer] is left as it is.
func Open(path string) (_ *Ledger, err error) {
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, explain(path, err)
	}
	// Whoever comes by another name comes to the same lock.
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	lock, err := hold(path)
	if err != nil {
		return nil, explainLock(path, err)
	}
	defer func() {
		if err != nil {
			release(lock)
		}
	}()
	exists, err := examine(path)
	if err == nil && !exists {
		err = create(path)
	}
	if err != nil {
		return nil, err
	}
	f, err := begin(path)
	if err != nil {
		return nil, err
	}
	s, err := newStore(path, f)
	if err != nil {
		f.close() // err says what went wrong first
		return nil, err
	}
	return &Ledger{path: path, lock: lock, store: s, accounts: make(map[string]*Account)}, nil
}

// explainLock leaves an error that is a sentence already.
func explainLock(path string, err error) error {
	if inUse := (*InUseError)(nil); errors.As(err, &inUse) {
		return err
	}
	return explain(path, err)
}

// Path returns the file that the ledger is in.
func (l *Ledger) Path() string { return l.path }

// Close closes the ledger. Everything confirmed is durable then.
func (l *Ledger) Close() error {
	err := l.store.close()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lock != nil {
		release(l.lock)
		l.lock = nil
	}
	return err
}

// Default returns the file for an account in the folder where the user's programs keep their state. It is named after the
// account, so that who looks for it finds it.
func Default(stateDir, account string) string {
	sum := sha256.Sum256([]byte(account))
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '@' {
			return r
		}
		return '_'
	}, account)
	name = strings.ReplaceAll(name, "___", "_") // "://"
	return filepath.Join(stateDir, "mailmill", "ledgers", name[:min(len(name), 80)]+"-"+hex.EncodeToString(sum[:4])+".ledger")
}

// Account returns the books of an account, which are empty if it is new. The identity says which it is, as a URL of the
// server and the user: "imaps://alice@mail.example.org/prefix". One that holds a password is refused.
func (l *Ledger) Account(identity string) (*Account, error) {
	if _, rest, ok := strings.Cut(identity, "://"); ok {
		authority, _, _ := strings.Cut(rest, "/")
		if at := strings.LastIndexByte(authority, '@'); at >= 0 && strings.Contains(authority[:at], ":") {
			return nil, errors.New("the ledger takes no account whose name holds a password")
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.accounts[identity]; a != nil {
		return a, nil
	}
	a := &Account{store: l.store, places: make(map[string]*Place)}
	err := l.store.commit(false, func() (err error) {
		a.id, err = l.store.file.insert("account(identity)", identity)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("account %s: %w", identity, err)
	}
	l.accounts[identity] = a
	return a, nil
}
