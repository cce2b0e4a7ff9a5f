package ledger

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Errors that say why a ledger cannot be used, or no longer. Each stands in a sentence that names the file and what to do.
var (
	// ErrDamaged says that the file is a ledger of which something is broken or missing.
	ErrDamaged = errors.New("is damaged")
	// ErrForeign says that the file is no ledger. It was left as it is.
	ErrForeign = errors.New("is not a ledger of mailmill")
	// ErrNewer says that a later version of mailmill wrote the file. It was left as it is.
	ErrNewer = errors.New("was written by a later version of mailmill")
	// ErrUnwritable says that the file, or the folder that it is in, cannot be written to.
	ErrUnwritable = errors.New("cannot be written")
	// ErrFull says that the disk is full, or the user's share of it.
	ErrFull = errors.New("cannot be written because the disk is full")
	// ErrBusy says that another program than mailmill has opened the file.
	ErrBusy = errors.New("is open in another program")
)

// InUseError says that another process has the ledger. What it does not know of that process is empty.
type InUseError struct {
	Path    string
	PID     int
	Host    string
	Command string // its name, without arguments
	Since   time.Time
}

func (e *InUseError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("the ledger %s is in use by another process: wait until it has ended", e.Path)
	}
	return fmt.Sprintf("the ledger %s is in use by %s (process %d on %s, since %s): wait until it has ended",
		e.Path, e.Command, e.PID, e.Host, e.Since.Local().Format("2 Jan 2006 15:04:05"))
}

// rebuild is the way out of a file that cannot be used.
const rebuild = "move it away, and the next run finds out from the target what is there"

// elsewhere is the way out of a place that cannot be written to.
const elsewhere = "allow it, or name another file with --ledger"

// broken makes the sentence for a file that cannot be used: what is wrong, why, and the way out.
func broken(path string, kind error, why string) error {
	return fmt.Errorf("the ledger %s %w (%s): %s", path, kind, why, rebuild)
}

// explain says what an error of SQLite or of the file system means for the ledger.
func explain(path string, err error) error {
	if err == nil {
		return nil
	}
	for _, already := range []error{ErrDamaged, ErrForeign, ErrNewer, ErrUnwritable, ErrFull, ErrBusy} {
		if errors.Is(err, already) {
			return err
		}
	}
	var failed *sqlite.Error
	if !errors.As(err, &failed) {
		var call *fs.PathError
		switch {
		case diskFull(err):
			return fmt.Errorf("the ledger %s %w: make room and run the same command again", path, ErrFull)
		case errors.As(err, &call):
			return fmt.Errorf("the ledger %s %w (%w): "+elsewhere, path, ErrUnwritable, call.Err)
		}
		return fmt.Errorf("the ledger %s: %w", path, err)
	}
	switch failed.Code() & 0xff { // the rest tells where in SQLite it failed
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("the ledger %s %w: make room and run the same command again", path, ErrFull)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return broken(path, ErrDamaged, failed.Error())
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return fmt.Errorf("the ledger %s %w (%w): "+elsewhere, path, ErrUnwritable, err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("the ledger %s %w: close that program", path, ErrBusy)
	}
	return fmt.Errorf("the ledger %s: %w", path, err)
}
