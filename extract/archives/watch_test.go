package archives

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/formats/corpustest"
)

// share is a file on a network: it may change, or go away, in the middle of everything.
type share struct {
	content  []byte
	modified time.Time
	fail     error
	from     int64 // reads that touch what lies from here on fail
}

func (s *share) ReadAt(p []byte, offset int64) (int, error) {
	if s.fail != nil && offset+int64(len(p)) > s.from {
		return 0, &fs.PathError{Op: "read", Path: "a.pst", Err: s.fail}
	}
	return bytes.NewReader(s.content).ReadAt(p, offset)
}

func (s *share) Close() error               { return nil }
func (s *share) Stat() (os.FileInfo, error) { return s, nil }
func (s *share) Name() string               { return "a.pst" }
func (s *share) Size() int64                { return int64(len(s.content)) }
func (s *share) Mode() fs.FileMode          { return 0o600 }
func (s *share) ModTime() time.Time         { return s.modified }
func (s *share) IsDir() bool                { return false }
func (s *share) Sys() any                   { return nil }

func onShare(t *testing.T) (*share, *Archive, *[]error) {
	content, err := os.ReadFile(corpustest.Sample())
	if err != nil {
		t.Fatal(err)
	}
	s := &share{content: content, modified: time.Unix(1e9, 0)}
	var told []error
	w, err := watch("a.pst", s, func(err error) { told = append(told, err) })
	if err != nil {
		t.Fatal(err)
	}
	inner, session, err := openWatched(t.Context(), w, extract.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := &Archive{Archive: inner.Archive, opened: inner, session: session, file: w, path: "a.pst"}
	t.Cleanup(func() { a.Close() })
	return s, a, &told
}

// readAll reads every item, with all its content, and returns how many failed or are damaged.
func readAll(t *testing.T, a *Archive) (items, faulty int) {
	for e, err := range a.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		items++
		it, err := a.Read(t.Context(), e)
		if err == nil && len(it.Damage) == 0 && it.Mail != nil && it.Mail.Root != nil {
			it.Mail.Root.Leaves(func(p *formats.Part) {
				if p.Content == nil {
					return
				}
				r, openErr := p.Content.Open()
				if openErr != nil {
					err = openErr
					return
				}
				if _, readErr := io.Copy(io.Discard, r); readErr != nil {
					err = readErr
				}
				r.Close()
			})
		}
		if err != nil || len(it.Damage) > 0 {
			faulty++
		}
	}
	return items, faulty
}

// An archive that changes while it is read is told of once, soon, and for ever.
func TestChanged(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*share)
		reason error
		says   string
	}{
		{"shorter", func(s *share) { s.content = s.content[:len(s.content)/2] }, ErrChanged, "changed while it was read: it had 4080640 bytes and has 2040320 now. Let whatever writes to it"},
		{"longer", func(s *share) { s.content = append(s.content[:len(s.content):len(s.content)], 0) }, ErrChanged, "and has 4080641 now"},
		{"empty", func(s *share) { s.content = nil }, ErrChanged, "and has 0 now"},
		{"written to", func(s *share) { s.modified = s.modified.Add(time.Millisecond) }, ErrChanged, "changed while it was read. Let"},
		{"stale", func(s *share) { s.fail = syscall.ESTALE }, ErrGone, "cannot be reached any more: "},
		{"the server is down", func(s *share) { s.fail = fmt.Errorf("smb: %w", syscall.EHOSTDOWN) }, ErrGone, "See to the network"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, a, told := onShare(t)
			if err := a.Changed(); err != nil {
				t.Fatal(err)
			}
			tt.change(s)
			readAll(t, a)
			err := a.Changed()
			var source *extract.SourceError
			if !errors.As(err, &source) || !errors.Is(err, tt.reason) || !strings.HasPrefix(err.Error(), "a.pst c") || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%v", err)
			}
			if len(*told) != 1 || (*told)[0] != err {
				t.Errorf("told of %v", *told)
			}
		})
	}
}

// A disk with a bad place is no reason to give up what lies elsewhere: the items that are hit say so.
func TestBadSector(t *testing.T) {
	s, a, told := onShare(t)
	s.fail, s.from = syscall.EIO, int64(len(s.content))*3/4
	items, faulty := readAll(t, a)
	if faulty == 0 || faulty == items {
		t.Errorf("%d of %d items are hit", faulty, items)
	}
	if err := a.Changed(); err != nil || len(*told) != 0 {
		t.Errorf("%v, told of %v", err, *told)
	}
}

// Who looks into a file in the right moment cannot be fooled by what it was: a change while it is opened counts.
func TestChangedWhileOpened(t *testing.T) {
	content, err := os.ReadFile(corpustest.Sample())
	if err != nil {
		t.Fatal(err)
	}
	s := &share{content: content, modified: time.Unix(1e9, 0)}
	w, err := watch("a.pst", s, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.content = content[:5000]
	if _, _, err := openWatched(t.Context(), w, extract.Options{}); err != nil && !errors.Is(err, ErrChanged) {
		t.Error(err)
	}
	if !errors.Is(w.changed(), ErrChanged) {
		t.Error("nobody noticed")
	}
}

// What was replaced or removed is still there for who has it open.
func TestReplaced(t *testing.T) {
	content, err := os.ReadFile(corpustest.Sample())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.pst")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := Open(t.Context(), path, extract.Options{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if err := os.Remove(path); err != nil {
		t.Skip(err) // Windows removes nothing that is open
	}
	if err := os.WriteFile(path, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, faulty := readAll(t, a); faulty != 0 {
		t.Errorf("%d items are hit", faulty)
	}
	if err := a.Changed(); err != nil {
		t.Error(err)
	}
}
