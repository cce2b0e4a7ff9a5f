package ledger

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // the driver
)

// What the header of the file says: that it is a ledger, and the version of its tables.
const (
	application = 0x6d6d6c67 // "mmlg"
	version     = 1
)

// The tables. A record's number is its place's in the upper and its own in the lower half: so the records of a place stand
// together in the order they came in, which is that of the next run too, and they need no index.
const schema = `
CREATE TABLE ledger(running INTEGER NOT NULL) STRICT;
CREATE TABLE account(id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE place(
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	account INTEGER NOT NULL REFERENCES account,
	name TEXT NOT NULL,
	generation TEXT NOT NULL,
	known INTEGER NOT NULL,
	UNIQUE(account, name)
) STRICT;
CREATE TABLE note(place INTEGER NOT NULL REFERENCES place, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(place, name)) STRICT, WITHOUT ROWID;
CREATE TABLE record(
	id INTEGER PRIMARY KEY,
	key ANY NOT NULL, -- 16 bytes, or the text of one that is no hash
	number INTEGER NOT NULL,
	source TEXT NOT NULL,
	state INTEGER NOT NULL,
	print BLOB NOT NULL,
	size INTEGER NOT NULL,
	name TEXT NOT NULL,
	tag TEXT NOT NULL,
	was_state INTEGER,
	was_print BLOB,
	was_size INTEGER,
	was_name TEXT,
	was_tag TEXT
) STRICT;
INSERT INTO ledger(running) VALUES(0);
`

// settings of a ledger in use. As one process has the file, SQLite needs no memory that processes share, which not every
// file system offers. What is written is durable when synchronous is FULL; see store.write.
var settings = []string{
	"PRAGMA locking_mode=EXCLUSIVE",
	"PRAGMA journal_mode=WAL",
	"PRAGMA fullfsync=ON", // only macOS needs to be asked
	"PRAGMA checkpoint_fullfsync=ON",
	"PRAGMA temp_store=MEMORY",
	"PRAGMA trusted_schema=OFF",
	"PRAGMA cell_size_check=ON",
}

// file is an open SQLite database.
type file struct {
	db   *sql.DB
	conn *sql.Conn // the only one
}

// openFile opens a database. The name may hold any character.
func openFile(path string) (*file, error) {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/… on Windows
	}
	db, err := sql.Open("sqlite", "file://"+(&url.URL{Path: path}).EscapedPath())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	conn, err := db.Conn(context.Background())
	if err != nil {
		db.Close() // err says what went wrong first
		return nil, err
	}
	return &file{db, conn}, nil
}

func (f *file) exec(query string, args ...any) error {
	_, err := f.conn.ExecContext(context.Background(), query, args...)
	return err
}

// number asks for one.
func (f *file) number(query string) (n int64, err error) {
	err = f.conn.QueryRowContext(context.Background(), query).Scan(&n)
	return n, err
}

// insert adds a row to a table, given with its columns, unless it has it, and returns the row's number.
func (f *file) insert(table string, values ...any) (id int64, err error) {
	marks := strings.Repeat(", ?", len(values))[2:]
	// The update changes nothing: without it nothing would be returned where the row is there.
	first, _, _ := strings.Cut(table[strings.IndexByte(table, '(')+1:len(table)-1], ",")
	err = f.conn.QueryRowContext(context.Background(),
		"INSERT INTO "+table+" VALUES("+marks+") ON CONFLICT DO UPDATE SET "+first+"="+first+" RETURNING id", values...).Scan(&id)
	return id, err
}

func (f *file) close() error {
	return errors.Join(f.conn.Close(), f.db.Close())
}

// examine looks at the file before SQLite does, as that would change what is not ours. It reports whether there is one.
func examine(path string) (exists bool, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, explain(path, err)
	}
	if !info.Mode().IsRegular() {
		return false, broken(path, ErrForeign, "it is not a regular file")
	}
	if info.Size() == 0 {
		return false, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return false, explain(path, err)
	}
	defer f.Close()
	var header [100]byte // https://www.sqlite.org/fileformat.html, section 1.3
	if _, err := io.ReadFull(f, header[:]); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, explain(path, err)
	}
	if !strings.HasPrefix(string(header[:]), "SQLite format 3\x00") || binary.BigEndian.Uint32(header[68:]) != application {
		return false, broken(path, ErrForeign, "its header is another")
	}
	if v := binary.BigEndian.Uint32(header[60:]); v > version {
		return false, fmt.Errorf("the ledger %s %w (its version is %d, this one knows %d): use that version, or %s", path, ErrNewer, v, version, rebuild)
	}
	return true, nil
}

// create makes an empty ledger. It gets its name when it is whole: so a ledger that is there has its tables.
func create(path string) (err error) {
	made := path + ".new"
	for _, left := range []string{made, made + "-journal", path + "-journal", path + "-wal", path + "-shm"} {
		// What SQLite left beside a ledger that was moved away would be taken for this one's.
		if err := os.Remove(left); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return explain(path, err)
		}
	}
	empty, err := os.OpenFile(made, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return explain(path, err)
	}
	empty.Close()
	defer func() {
		if err != nil {
			os.Remove(made)
		}
	}()
	f, err := openFile(made)
	if err != nil {
		return explain(path, err)
	}
	for _, step := range []string{
		"PRAGMA synchronous=FULL",
		fmt.Sprintf("PRAGMA application_id=%d", application),
		fmt.Sprintf("PRAGMA user_version=%d", version),
		"BEGIN;" + schema + "COMMIT",
	} {
		if err == nil {
			err = f.exec(step)
		}
	}
	if err = errors.Join(err, f.close()); err == nil {
		err = os.Rename(made, path)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	return explain(path, err)
}

// begin opens an existing ledger for writing and notes in it that it is in use: what SQLite writes meanwhile stands in a
// second file, "-wal", and if that is gone after a process was killed, what was written last is gone with it.
func begin(path string) (_ *file, err error) {
	_, missing := os.Stat(path + "-wal")
	f, err := openFile(path)
	if err != nil {
		return nil, explain(path, err)
	}
	defer func() {
		if err != nil {
			f.close() // err says what went wrong first
		}
	}()
	for _, s := range settings {
		if err := f.exec(s); err != nil {
			return nil, explain(path, err)
		}
	}
	running, err := f.number("SELECT running FROM ledger")
	if errors.Is(err, sql.ErrNoRows) {
		return nil, broken(path, ErrDamaged, "it is empty")
	}
	if err != nil {
		return nil, wrongTables(path, err)
	}
	if running != 0 && errors.Is(missing, fs.ErrNotExist) {
		return nil, broken(path, ErrDamaged, "the process that used it last was killed, and what that wrote last is missing with "+filepath.Base(path)+"-wal, unless you bring that back")
	}
	for _, step := range []string{"PRAGMA synchronous=FULL", "UPDATE ledger SET running=1", "PRAGMA wal_checkpoint(PASSIVE)"} {
		if err := f.exec(step); err != nil {
			return nil, explain(path, err)
		}
	}
	return f, nil
}

// wrongTables explains an error at tables that are not those of a ledger.
func wrongTables(path string, err error) error {
	if strings.Contains(err.Error(), "no such") {
		return broken(path, ErrDamaged, err.Error())
	}
	return explain(path, err)
}

// end closes a ledger that begin opened.
func (f *file) end() error {
	return errors.Join(f.exec("PRAGMA synchronous=FULL"), f.exec("UPDATE ledger SET running=0"), f.close())
}
