package dav_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/dav"
	"mailmill/load/dav/davtest"
	"mailmill/load/ledger"
)

// TestExactlyOnce stores an archive in rounds in which everything goes wrong: connections are cut within requests and
// instead of answers, the server refuses, asks for patience or is silent, the process dies and the ledger with it. After a
// round without trouble everything is there once.
func TestExactlyOnce(t *testing.T) {
	runs := 0
	rapid.Check(t, func(r *rapid.T) {
		runs++
		contacts := rapid.Bool().Draw(r, "contacts")
		o := davtest.Options{
			Password:       "secret",
			UIDs:           rapid.SampledFrom([]davtest.UIDs{davtest.PerCollection, davtest.PerHome, davtest.Anywhere}).Draw(r, "uids"),
			ConflictStatus: rapid.SampledFrom([]int{0, 403, 207}).Draw(r, "conflict"),
			ConflictHref:   rapid.Bool().Draw(r, "href"),
			NoETag:         rapid.Bool().Draw(r, "no etag"),
		}
		if rapid.Bool().Draw(r, "rewrites") {
			o.Rewrite = func(b []byte) []byte {
				return []byte(strings.NewReplacer("VERSION:3.0\r\n", "VERSION:3.0\r\nPRODID:-//server//EN\r\n", "BEGIN:VEVENT\r\n", "BEGIN:VEVENT\r\nX-LIC-ERROR:none\r\n").Replace(string(b)))
			}
		}
		s := davtest.New(t, o)
		defer s.Stop()
		a := drawArchive(r, contacts)
		run := at(t, s, contacts)
		run.ledger = filepath.Join(t.TempDir(), "ledger.db")
		run.change = func(o *dav.Options) {
			o.Patience, o.Client.Timeout = 400*time.Millisecond, 150*time.Millisecond
			o.Client.Connections = 1 + runs%4
		}
		for round := range rapid.IntRange(0, 3).Draw(r, "rounds") {
			drawFaults(r, s)
			if rapid.Bool().Draw(r, "dies") {
				run.dies(rapid.IntRange(0, len(a.items)).Draw(r, "after"), time.Duration(rapid.IntRange(0, 20).Draw(r, "ms"))*time.Millisecond, a)
			} else {
				// What it comes to does not matter yet.
				if _, _, err := run.tries(t.Context(), a); err != nil {
					r.Logf("round %d: %v", round, err)
				}
			}
			s.Heal()
			if rapid.IntRange(0, 3).Draw(r, "loses the ledger") == 0 {
				removeLedger(t, run.ledger)
			}
		}
		run.change = func(o *dav.Options) { o.Client.Timeout = 5 * time.Second }
		result, _, err := run.tries(t.Context(), a)
		if err != nil {
			r.Fatal(err)
		}
		n := result.Balance.Total()
		if n.Written+n.Unchanged != len(a.items) || len(result.Conflicts) > 0 {
			r.Errorf("%+v, failures %v, conflicts %v", n, result.Failures, result.Conflicts)
		}
		seen := map[string]bool{}
		for _, o := range objects(s) {
			id := filepath.Dir(o.Path) + " " + o.UID
			if seen[id] {
				r.Errorf("%s is there twice", id)
			}
			seen[id] = true
		}
		if len(seen) != len(a.items) {
			r.Errorf("%d are there of %d", len(seen), len(a.items))
		}
		result, _, err = run.tries(t.Context(), a)
		if err != nil || result.Balance.Total().Unchanged != len(a.items) {
			r.Errorf("again: %+v %v", result.Balance.Total(), err)
		}
	})
}

// drawArchive makes items in two folders, of which some have one UID.
func drawArchive(r *rapid.T, contacts bool) *archive {
	a := &archive{name: "alice.pst"}
	class := "IPF.Appointment"
	if contacts {
		class = "IPF.Contact"
	}
	n := 0
	for _, name := range []string{"One", "Two"} {
		f := folder(class, name)
		for range rapid.IntRange(0, 12).Draw(r, "items") {
			n++
			var it *formats.Item
			if contacts {
				it = contact(n)
			} else {
				it = event(fmt.Sprint("uid-", n), fmt.Sprint("Event ", n), 1+n%28)
				if rapid.IntRange(0, 4).Draw(r, "copy") == 0 {
					it.Event.UID = "copied"
				}
			}
			a.items = append(a.items, in(f, it))
		}
	}
	return a
}

// drawFaults has the server do wrong.
func drawFaults(r *rapid.T, s *davtest.Server) {
	for range rapid.IntRange(0, 5).Draw(r, "faults") {
		f := davtest.Fault{
			Method: rapid.SampledFrom([]string{"PUT", "PUT", "PUT", "GET", "MKCALENDAR", "MKCOL", "PROPFIND", "REPORT", "DELETE"}).Draw(r, "method"),
			Skip:   rapid.IntRange(0, 8).Draw(r, "skip"),
			Times:  rapid.IntRange(1, 3).Draw(r, "times"),
			Stores: rapid.Bool().Draw(r, "stores"),
		}
		switch rapid.IntRange(0, 4).Draw(r, "what") {
		case 0, 1:
			f.Cut = true
		case 2:
			f.Hangs = true
		case 3:
			f.Status, f.Header = http.StatusServiceUnavailable, http.Header{"Retry-After": {"0"}}
			f.Stores = false
		case 4:
			f.Status = http.StatusBadGateway
		}
		s.Fail(f)
	}
}

// dies begins a run and ends it as a process does that is killed: after so many items and some time, without a word.
func (s *setup) dies(items int, after time.Duration, a *archive) {
	s.t.Helper()
	books, err := ledger.Open(s.ledger)
	if err != nil {
		s.t.Fatal(err)
	}
	defer books.Close()
	o := s.options(a)
	if o.Account, err = books.Account(o.AccountName()); err != nil {
		s.t.Fatal(err)
	}
	target, err := dav.Open(s.t.Context(), o)
	if err != nil {
		return
	}
	for _, it := range a.items[:items] {
		as := *it
		e, err := target.Encode(s.t.Context(), &as)
		if err != nil {
			s.t.Fatal(err)
		}
		target.Send(context.Background(), e, func(load.Outcome, error) {})
	}
	time.Sleep(after)
	if _, err := target.Abort(); err != nil {
		s.t.Error(err)
	}
}

func removeLedger(t *testing.T, path string) {
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}
