package ledger_test

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mailmill/load/ledger"
)

// written makes a ledger with a few hundred records.
func written(t testing.TB, path string) {
	l := open(t, path)
	fill(t, place(t, l, "INBOX", "1"), 300, 100)
	check(t, l.Close())
}

// change changes a ledger with SQL.
func change(query string) func(t *testing.T, path string) {
	return func(t *testing.T, path string) {
		db, err := sql.Open("sqlite", "file://"+(&url.URL{Path: path}).EscapedPath())
		check(t, err)
		_, err = db.Exec(query)
		check(t, err)
		check(t, db.Close())
	}
}

// patch writes bytes into a file.
func patch(at int64, b ...byte) func(t *testing.T, path string) {
	return func(t *testing.T, path string) {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		check(t, err)
		_, err = f.WriteAt(b, at)
		check(t, err)
		check(t, f.Close())
	}
}

// use opens a ledger and a place of it.
func use(path string) error {
	l, err := ledger.Open(path)
	if err != nil {
		return err
	}
	defer l.Close()
	a, err := l.Account(account)
	if err != nil {
		return err
	}
	p, err := a.Place(context.Background(), "INBOX", "1")
	if err != nil {
		return err
	}
	n := numbered(0)
	p.Claim("a.pst", n.Key, n.Print)
	return p.Intend(context.Background(), []ledger.Record{n})
}

// What cannot be used is said in a sentence that names the file and the way out, and is left as it is; the way out works.
func TestUnusableFiles(t *testing.T) {
	tests := []struct {
		name   string
		damage func(t *testing.T, path string)
		want   error
		says   string
	}{
		{"a text", func(t *testing.T, path string) {
			check(t, os.WriteFile(path, []byte(strings.Repeat("Dear diary, ", 1000)), 0o600))
		}, ledger.ErrForeign, "not a ledger"},
		{"a short text", func(t *testing.T, path string) { check(t, os.WriteFile(path, []byte("x"), 0o600)) }, ledger.ErrForeign, "not a ledger"},
		{"a folder", func(t *testing.T, path string) {
			check(t, os.Remove(path))
			check(t, os.Mkdir(path, 0o700))
		}, ledger.ErrForeign, "not a regular file"},
		{"another database", func(t *testing.T, path string) {
			check(t, os.Remove(path))
			change("CREATE TABLE music(title)")(t, path)
		}, ledger.ErrForeign, "not a ledger"},
		{"a later version", change("PRAGMA user_version=2"), ledger.ErrNewer, "its version is 2, this one knows 1"},
		{"cut short", func(t *testing.T, path string) { check(t, os.Truncate(path, 8192)) }, ledger.ErrDamaged, "malformed"},
		{"cut within the header", func(t *testing.T, path string) { check(t, os.Truncate(path, 90)) }, ledger.ErrDamaged, ""},
		{"a page of zeros", patch(8192, make([]byte, 4096)...), ledger.ErrDamaged, ""},
		{"a table is missing", change("DROP TABLE record"), ledger.ErrDamaged, "no such table"},
		{"a column is missing", change("ALTER TABLE record DROP COLUMN was_tag"), ledger.ErrDamaged, "no such column"},
		{"a short print", change("UPDATE record SET print=x'00' WHERE id%100=7"), ledger.ErrDamaged, "cut short"},
		{"a key that is none", change("UPDATE record SET key=x'00' WHERE id%100=7"), ledger.ErrDamaged, "no key"},
		{"a state that is none", change("UPDATE record SET state=9 WHERE id%100=7"), ledger.ErrDamaged, "state 9"},
		{"two with a key", change("UPDATE record SET key=(SELECT key FROM record LIMIT 1) WHERE id%100=7"), ledger.ErrDamaged, "the key of another"},
		{"its second file is missing", change("UPDATE ledger SET running=1"), ledger.ErrDamaged, "ledger-wal"},
		{"it is empty inside", change("DELETE FROM ledger"), ledger.ErrDamaged, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "ledger")
			written(t, path)
			test.damage(t, path)
			before, _ := os.ReadFile(path)
			err := use(path)
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("the error is: %v", err)
			}
			if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "move it away") || strings.Count(err.Error(), "the ledger") > 1 {
				t.Errorf("the sentence is: %v", err)
			}
			if after, _ := os.ReadFile(path); errors.Is(err, ledger.ErrForeign) && string(after) != string(before) {
				t.Error("what is not ours was changed")
			}
			check(t, os.Rename(path, path+".away"))
			p := place(t, open(t, path), "INBOX", "1")
			if !p.Fresh() {
				t.Error("with another file the place is known")
			}
		})
	}
}

// What a killed process left beside a ledger that was moved away is not taken for the new one's.
func TestMovedAwayAfterAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	l := open(t, path)
	fill(t, place(t, l, "INBOX", "1"), 300, 100)
	dead := filepath.Join(t.TempDir(), "ledger")
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(path + suffix)
		check(t, err)
		check(t, os.WriteFile(dead+suffix, b, 0o600))
	}
	check(t, os.Rename(dead, dead+".away"))
	if c := place(t, open(t, dead), "INBOX", "1").Claim("a.pst", numbered(0).Key, numbered(0).Print); c.State != ledger.New {
		t.Errorf("the new ledger says %v", c.State)
	}
	// And the old one says what it misses.
	if err := use(dead + ".away"); !errors.Is(err, ledger.ErrDamaged) || !strings.Contains(err.Error(), "ledger.away-wal") {
		t.Errorf("the old one says: %v", err)
	}
}

func TestEmptyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	check(t, os.WriteFile(path, nil, 0o600)) // as mktemp makes it
	check(t, use(path))
	check(t, use(path))
}

func TestUnwritable(t *testing.T) {
	tests := map[string]func(t *testing.T, dir string) (path string){
		"a file where the folder should be": func(t *testing.T, dir string) string {
			check(t, os.WriteFile(filepath.Join(dir, "state"), nil, 0o600))
			return filepath.Join(dir, "state", "ledger")
		},
		"a folder that may not be written to": func(t *testing.T, dir string) string {
			if os.Getuid() == 0 {
				t.Skip("nothing is forbidden to root")
			}
			check(t, os.Chmod(dir, 0o500))
			t.Cleanup(func() { os.Chmod(dir, 0o700) })
			return filepath.Join(dir, "ledger")
		},
		"a name that is too long": func(t *testing.T, dir string) string { return filepath.Join(dir, strings.Repeat("x", 300)) },
	}
	for name, make := range tests {
		t.Run(name, func(t *testing.T) {
			path := make(t, t.TempDir())
			if err := use(path); !errors.Is(err, ledger.ErrUnwritable) || !strings.Contains(err.Error(), path) {
				t.Errorf("the error is: %v", err)
			}
		})
	}
}

// Whatever bytes of a ledger are broken: it is an error or it is not seen, but never a crash.
func TestBrokenBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger")
	written(t, path)
	whole, err := os.ReadFile(path)
	check(t, err)
	rapid.Check(t, func(t *rapid.T) {
		b := append([]byte(nil), whole...)
		for range rapid.IntRange(1, 5).Draw(t, "places") {
			at := rapid.IntRange(0, len(b)-9).Draw(t, "at")
			if rapid.Bool().Draw(t, "near the beginning of a page") {
				at = at&^4095 + at&63
			}
			binary.BigEndian.PutUint64(b[at:], rapid.Uint64().Draw(t, "bytes"))
		}
		dir, err := os.MkdirTemp(memory(), "ledger")
		if err == nil {
			defer os.RemoveAll(dir)
			err = os.WriteFile(filepath.Join(dir, "ledger"), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := use(filepath.Join(dir, "ledger")); err != nil && !strings.Contains(err.Error(), dir) {
			t.Errorf("the error does not name the file: %v", err)
		}
	})
}

func FuzzKeys(f *testing.F) {
	for _, key := range []string{keyA, keyA + "-2", "a-2", "a-02", "-2", "a-99999999999", "-", "", "a--2", keyA + "-1"} {
		f.Add(key, byte(1))
	}
	path := filepath.Join(f.TempDir(), "ledger")
	p := place(f, open(f, path), "INBOX", "1")
	f.Fuzz(func(t *testing.T, key string, n byte) {
		first := p.Claim("a.pst", key, print(n))
		again := p.Claim("a.pst", key, print(n))
		if again.Key != first.Key || again.State != ledger.Duplicate {
			t.Errorf("%q is told %v, then %v", key, first, again)
		}
		if other := p.Claim("a.pst", first.Key, print(n)); other.Key != first.Key || other.State != ledger.Duplicate {
			t.Errorf("%q became %q, and that %q", key, first.Key, other.Key)
		}
		if key != "" && len(key) < 4000 {
			check(t, p.Confirm(t.Context(), []ledger.Record{{Key: first.Key, Print: print(n), Name: fmt.Sprint(n)}}))
			if c := p.Claim("a.pst", key, print(n)); c.Record.Key != first.Key || c.Record.Name != fmt.Sprint(n) {
				t.Errorf("%q is recorded as %+v", key, c.Record)
			}
		}
	})
}
