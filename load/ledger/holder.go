package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mailmill/load/internal/lock"
)

// holder is what a process writes into the file that it holds a ledger by.
type holder struct {
	PID     int       `json:"pid"`
	Host    string    `json:"host"`
	Command string    `json:"command"`
	Since   time.Time `json:"since"`
}

// mostOfHolder bounds what is read of it.
const mostOfHolder = 4 << 10

// hold takes the lock of a ledger. The file stays when the lock is given back: who removes one may remove another's.
func hold(path string) (_ *os.File, err error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if err := lock.Take(f); errors.Is(err, lock.ErrHeld) {
		return nil, heldBy(path, f)
	} else if err != nil {
		return nil, fmt.Errorf("the ledger %s cannot be locked (%w): name a file on another disk with --ledger", path, err)
	}
	host, _ := os.Hostname() // who has none is told without
	me, err := json.Marshal(holder{os.Getpid(), host, filepath.Base(os.Args[0]), time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(0); err != nil {
		return nil, err
	}
	_, err = f.WriteAt(me, 0)
	return f, err
}

// heldBy says who has a ledger.
func heldBy(path string, f *os.File) error {
	var h holder
	text, err := io.ReadAll(io.NewSectionReader(f, 0, mostOfHolder))
	if err != nil || json.Unmarshal(text, &h) != nil {
		h = holder{} // that process has just begun to write it
	}
	return &InUseError{Path: path, PID: h.PID, Host: line(h.Host), Command: line(h.Command), Since: h.Since}
}

// line makes a text from a file fit for a sentence.
func line(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}

// release gives the lock back.
func release(f *os.File) {
	f.Truncate(0) //nolint:errcheck // what stands in it tells nothing when nobody holds it
	lock.Release(f)
	f.Close()
}
