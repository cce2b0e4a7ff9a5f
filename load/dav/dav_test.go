package dav_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/load"
	"mailmill/load/dav"
	"mailmill/load/dav/client"
	"mailmill/load/dav/davtest"
	"mailmill/load/pace"
)

// at is a setup for a server in the process.
func at(t *testing.T, s *davtest.Server, contacts bool) *setup {
	path := davtest.CalendarHome
	if contacts {
		path = davtest.ContactsHome
	}
	return &setup{t: t, url: s.URL + path, user: davtest.User, password: "secret", contacts: contacts, ledger: filepath.Join(t.TempDir(), "ledger.db")}
}

// objects returns everything that a server has.
func objects(s *davtest.Server) (all []davtest.Object) {
	for _, c := range s.Collections() {
		all = append(all, s.Objects(c)...)
	}
	return all
}

// once reports what is there not exactly once: n resources, each with a UID of its own in its collection.
func once(t testing.TB, s *davtest.Server, n int) {
	t.Helper()
	seen := map[string]bool{}
	for _, o := range objects(s) {
		id := filepath.Dir(o.Path) + " " + o.UID
		if seen[id] {
			t.Errorf("%s is there twice", id)
		}
		seen[id] = true
	}
	if len(seen) != n {
		t.Errorf("%d resources are there, not %d", len(seen), n)
	}
}

// archiveOf is one folder of events.
func archiveOf(items ...*formats.Item) *archive {
	a := &archive{name: "alice.pst"}
	f := folder("IPF.Appointment", "Calendar")
	for _, it := range items {
		a.items = append(a.items, in(f, it))
	}
	return a
}

func TestCollectionsOfFolders(t *testing.T) {
	s := davtest.New(t, davtest.Options{Password: "secret"})
	s.Make(davtest.CalendarHome+"personal/", "Personal", "VEVENT")
	s.Make(davtest.ContactsHome+"default/", "Contacts")
	s.Make(davtest.CalendarHome+"f3d2/", "Team", "VEVENT")
	s.Make(davtest.CalendarHome+"chores/", "Chores", "VEVENT")
	a := &archive{name: "mail/alice.pst"}
	for i, c := range []struct {
		class string
		path  string
		item  *formats.Item
	}{
		{"IPF.Appointment", "Calendar", event("1", "main", 1)},
		{"IPF.Appointment", "Team", event("2", "by name", 1)},
		{"IPF.Appointment", "Ünïcode/Größe", event("3", "odd", 1)},
		{"IPF.Note", "Inbox", event("4", "stray", 1)},
		{"IPF.Note", "Inbox", &formats.Item{Task: &formats.Task{Details: formats.Details{UID: "5", Summary: "stray"}}}},
		{"IPF.Task", "Tasks", &formats.Item{Task: &formats.Task{Details: formats.Details{UID: "6", Summary: "task"}}}},
		{"IPF.Task", "Chores", &formats.Item{Task: &formats.Task{Details: formats.Details{UID: "7", Summary: "chore"}}}},
		{"IPF.StickyNote", "Notes", &formats.Item{Note: &formats.Note{Details: formats.Details{UID: "8", Summary: "note"}}}},
		{"IPF.Appointment", "Old/Mapped", event("9", "mapped", 1)},
		{"IPF.Appointment", strings.Repeat("long ", 20), event("10", "long", 1)},
	} {
		f := folder(c.class, strings.Split(c.path, "/")...)
		if i > 0 && a.items[i-1].Folder.String() == c.path {
			f = a.items[i-1].Folder
		}
		a.items = append(a.items, in(f, c.item))
	}
	run := at(t, s, false)
	run.change = func(o *dav.Options) { o.FolderMap = map[string]string{"Old": "Attic"} }
	run.runs(a)
	got := map[string]string{}
	for _, o := range objects(s) {
		got[o.UID] = strings.TrimPrefix(filepath.Dir(o.Path), strings.TrimSuffix(davtest.CalendarHome, "/")+"/")
	}
	for uid, want := range map[string]string{
		"1": "personal", "2": "f3d2", "4": "inbox", "5": "inbox-tasks", "6": "tasks", "8": "notes", "9": "attic-mapped",
	} {
		if got[uid] != want {
			t.Errorf("%s is in %s, not %s", uid, got[uid], want)
		}
	}
	for uid, want := range map[string]string{"3": "unicode-gro-e-", "7": "chores-", "10": "long-long-long-long-long-long-long-long-"} {
		if !strings.HasPrefix(got[uid], want) || len(got[uid]) != len(want)+4 {
			t.Errorf("%s is in %s, not %s and four digits", uid, got[uid], want)
		}
	}
	if again, _ := run.runs(a); again.Unchanged != len(a.items) {
		t.Errorf("again: %+v", again)
	}
	once(t, s, len(a.items))

	t.Run("the address book with the usual name", func(t *testing.T) {
		a := &archive{name: "alice.pst"}
		for i, name := range []string{"Suppliers", "Kontakte", "Friends"} {
			a.items = append(a.items, in(folder("IPF.Contact", name), contact(i)))
		}
		at(t, s, true).runs(a)
		for _, collection := range []string{"suppliers", "default", "friends"} {
			if n := len(s.Objects(davtest.ContactsHome + collection + "/")); n != 1 {
				t.Errorf("%d in %s: %v", n, collection, s.Collections())
			}
		}
		once(t, s, 13)
	})
	t.Run("a calendar that is no longer alone", func(t *testing.T) {
		s := davtest.New(t, davtest.Options{Password: "secret"})
		s.Make(davtest.CalendarHome+"default/", "Calendar", "VEVENT")
		a := &archive{name: "alice", items: []*formats.Item{in(folder("IPF.Appointment", "Work"), event("w", "Work", 1))}}
		run := at(t, s, false)
		run.runs(a)
		a.items = append(a.items, in(folder("IPF.Appointment", "Home"), event("h", "Home", 2)))
		if again, _ := run.runs(a); again.Written != 1 || again.Unchanged != 1 {
			t.Errorf("again: %+v", again)
		}
		once(t, s, 2)
	})
	t.Run("prefix", func(t *testing.T) {
		run := at(t, s, false)
		run.change = func(o *dav.Options) { o.Prefix = "Import/{source}" }
		run.runs(archiveOf(event("p", "below", 1)))
		if n := len(s.Objects(davtest.CalendarHome + "import-alice-calendar/")); n != 1 {
			t.Errorf("%d below the prefix: %v", n, s.Collections())
		}
	})
	t.Run("one collection", func(t *testing.T) {
		run := at(t, s, false)
		run.url = s.URL + davtest.CalendarHome + "f3d2/"
		result, _, err := run.tries(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		if b := result.Balance; b[formats.KindEvent].Failed != 0 || b[formats.KindTask].Failed != 3 {
			t.Errorf("%+v", b.Total())
		}
		if err := result.Failures[0].Err.Error(); !strings.Contains(err, "--only") || !strings.Contains(err, "VTODO") {
			t.Errorf("a failure does not say what to do: %s", err)
		}
	})
}

func TestServersThatTakeNoJournals(t *testing.T) {
	s := davtest.New(t, davtest.Options{Password: "secret", IgnoresComponents: true, Components: []string{"VEVENT", "VTODO"}})
	a := &archive{name: "alice.pst"}
	a.items = append(a.items, in(folder("IPF.StickyNote", "Notes"), &formats.Item{Note: &formats.Note{Details: formats.Details{UID: "n", Summary: "note"}}}))
	result, _, err := at(t, s, false).tries(t.Context(), a)
	if err != nil || len(result.Failures) != 1 {
		t.Fatal(result, err)
	}
	if words := result.Failures[0].Err.Error(); !strings.Contains(words, "notes and journal entries (VJOURNAL)") || !strings.Contains(words, "--only") {
		t.Error(words)
	}
}

// TestLaterRounds tells what a second run does where the source, the server, or both have changed.
func TestLaterRounds(t *testing.T) {
	old, changed := event("e", "Old", 1), event("e", "New", 1)
	const name = davtest.CalendarHome + "calendar/e.ics"
	users := []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//user//EN\r\nBEGIN:VEVENT\r\nUID:e\r\nDTSTAMP:20310301T090000Z\r\nDTSTART:20310301T090000Z\r\nSUMMARY:The user's\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	for _, c := range []struct {
		name     string
		second   *formats.Item
		server   func(*davtest.Server)
		outcome  load.Outcome
		conflict string
		summary  string // in the end; empty: nothing is there
	}{
		{"nothing", old, func(*davtest.Server) {}, load.Unchanged, "", "Old"},
		{"the source", changed, func(*davtest.Server) {}, load.Written, "", "New"},
		{"the server", old, func(s *davtest.Server) { s.Put(name, users) }, load.Unchanged, "changed on the server", "The user's"},
		{"both", changed, func(s *davtest.Server) { s.Put(name, users) }, load.Failed, "the archive has changed it too", "The user's"},
		{"deleted", old, func(s *davtest.Server) { s.Delete(name) }, load.Unchanged, "deleted on the server", ""},
		{"deleted and the source", changed, func(s *davtest.Server) { s.Delete(name) }, load.Failed, "deleted on the server", ""},
		{"only the ETag", old, func(s *davtest.Server) { s.Put(name, s.Objects(filepath.Dir(name) + "/")[0].Data) }, load.Unchanged, "", "Old"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := davtest.New(t, davtest.Options{Password: "secret"})
			s.Make(davtest.CalendarHome+"calendar/", "Calendar", "VEVENT")
			run := at(t, s, false)
			run.runs(archiveOf(old))
			c.server(s)
			for range 2 { // and once more: nothing has been settled by itself
				result, _, err := run.tries(t.Context(), archiveOf(c.second))
				if err != nil {
					t.Fatal(err)
				}
				want := load.Count{Found: 1}
				switch c.outcome {
				case load.Written:
					want.Written = 1
				case load.Failed:
					want.Failed = 1
				default:
					want.Unchanged = 1
				}
				if got := result.Balance.Total(); got != want {
					t.Errorf("%+v, not %+v: %v", got, want, result.Failures)
				}
				if got := strings.Join(conflicts(result), "; "); !strings.Contains(got, c.conflict) || (got == "") != (c.conflict == "") {
					t.Errorf("conflicts: %q", got)
				}
				if c.outcome == load.Written {
					c.outcome = load.Unchanged
				}
			}
			list := objects(s)
			if c.summary == "" && len(list) > 0 || c.summary != "" && !bytes.Contains(list[0].Data, []byte("SUMMARY:"+c.summary)) {
				t.Errorf("there is %v", list)
			}
		})
	}
}

func TestACollectionThatTheUserDeletedIsMadeAgain(t *testing.T) {
	s := davtest.New(t, davtest.Options{Password: "secret"})
	run := at(t, s, false)
	run.runs(archiveOf(event("a", "A", 1), event("b", "B", 2)))
	s.Delete(davtest.CalendarHome + "calendar/")
	if n, _ := run.runs(archiveOf(event("a", "A", 1), event("b", "B", 2))); n.Written != 2 {
		t.Errorf("%+v", n)
	}
	once(t, s, 2)
}

func TestPrune(t *testing.T) {
	s := davtest.New(t, davtest.Options{Password: "secret"})
	s.Make(davtest.CalendarHome+"calendar/", "Calendar", "VEVENT")
	mine := []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//user//EN\r\nBEGIN:VEVENT\r\nUID:mine\r\nDTSTAMP:20310301T090000Z\r\nDTSTART:20310301T090000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
	s.Put(davtest.CalendarHome+"calendar/mine.ics", mine)
	run := at(t, s, false)
	stays, goes, touched := event("stays", "Stays", 1), event("goes", "Goes", 2), event("touched", "Touched", 3)
	run.runs(archiveOf(stays, goes, touched))
	s.Put(davtest.CalendarHome+"calendar/touched.ics", bytes.Replace(mine, []byte("UID:mine"), []byte("UID:touched"), 1))

	run.runs(archiveOf(stays))
	once(t, s, 4)
	run.change = func(o *dav.Options) { o.Prune = true }
	_, report, err := run.tries(t.Context(), archiveOf(stays))
	if err != nil || report.Pruned != 1 || report.Kept != 1 {
		t.Errorf("%+v %v", report, err)
	}
	left := map[string]bool{}
	for _, o := range objects(s) {
		left[o.UID] = true
	}
	if !left["stays"] || !left["mine"] || !left["touched"] || len(left) != 3 {
		t.Errorf("left are %v", left)
	}
	// What is below another prefix stays, and so does what came from another archive.
	other := archiveOf(event("other", "Other", 4))
	other.name = "bob.pst"
	run.change = func(o *dav.Options) { o.Prefix = "Elsewhere" }
	run.runs(archiveOf(stays))
	run.change = nil
	run.runs(other)
	// A folder that is empty or gone is pruned, too.
	empty := archiveOf()
	run.change = func(o *dav.Options) {
		o.Prune = true
		o.Sources = []dav.Source{{Name: "alice.pst"}}
	}
	if _, report, err = run.tries(t.Context(), empty); err != nil || report.Pruned != 1 {
		t.Errorf("%+v %v", report, err)
	}
	once(t, s, 4)
}

// TestOccurrencesOfSeries stores a series and an occurrence of it that stands in the archive as an item of its own, in any
// order, and in several rounds.
func TestOccurrencesOfSeries(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2031, 3, n, 9, 0, 0, 0, time.UTC) }
	master := event("s", "Daily", 1)
	master.Event.Series = &formats.Series{Rule: &formats.Recurrence{Frequency: formats.Daily, Interval: 1, Count: 5}}
	occurrence := func(n int, summary string) *formats.Item {
		it := event("s", summary, n)
		it.Event.RecurrenceID = formats.Instant(day(n))
		return it
	}
	two, three, other := occurrence(2, "Second"), occurrence(3, "Third"), event("x", "Other", 9)
	for _, c := range []struct {
		name  string
		items []*formats.Item
	}{
		{"first", []*formats.Item{two, three, other, master}},
		{"last", []*formats.Item{master, other, two, three}},
		{"around", []*formats.Item{two, master, other, three}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := davtest.New(t, davtest.Options{Password: "secret"})
			run := at(t, s, false)
			check := func(second string) {
				t.Helper()
				once(t, s, 2)
				for _, o := range s.Objects(davtest.CalendarHome + "calendar/") {
					if o.UID == "s" && (bytes.Count(o.Data, []byte("RECURRENCE-ID")) != 2 || !bytes.Contains(o.Data, []byte("SUMMARY:"+second))) {
						t.Errorf("the series is\n%s", o.Data)
					}
				}
			}
			a := archiveOf(c.items...)
			if n, _ := run.runs(a); n.Written != 4 {
				t.Errorf("%+v", n)
			}
			check("Second")
			if n, _ := run.runs(a); n.Unchanged != 4 {
				t.Errorf("again: %+v", n)
			}
			check("Second")
			changed := archiveOf(c.items...)
			for i, it := range c.items {
				if it == two {
					changed.items[i] = in(changed.items[i].Folder, occurrence(2, "Moved"))
				}
			}
			if n, _ := run.runs(changed); n.Written < 1 || n.Failed > 0 {
				t.Errorf("changed: %+v", n)
			}
			check("Moved")
			if n, _ := run.runs(changed); n.Unchanged != 4 {
				t.Errorf("changed, again: %+v", n)
			}
			if err := os.Remove(run.ledger); err != nil {
				t.Fatal(err)
			}
			if n, _ := run.runs(changed); n.Failed > 0 {
				t.Errorf("without the ledger: %+v", n)
			}
			check("Moved")
		})
	}
	t.Run("alone", func(t *testing.T) {
		s := davtest.New(t, davtest.Options{Password: "secret"})
		at(t, s, false).runs(archiveOf(two, other))
		once(t, s, 2)
		for _, o := range objects(s) {
			if bytes.Contains(o.Data, []byte("RECURRENCE-ID")) {
				t.Errorf("servers refuse\n%s", o.Data)
			}
		}
	})
}

func TestCopiesAndOtherArchives(t *testing.T) {
	s := davtest.New(t, davtest.Options{Password: "secret"})
	a := archiveOf(event("a", "A", 1), event("a", "Another with the same UID", 2), event("b", "B", 3))
	b := archiveOf(event("b", "B", 3), event("c", "C", 4), event("a", "Third with the UID", 5))
	b.name = "old.pst"
	run := at(t, s, false)
	if n, _ := run.runs(a, b); n.Written != 5 || n.Duplicate != 1 {
		t.Errorf("%+v", n)
	}
	once(t, s, 5)
	if n, _ := run.runs(a, b); n.Unchanged != 5 || n.Duplicate != 1 {
		t.Errorf("again: %+v", n)
	}
	// In another order everything is known, too.
	if n, _ := run.runs(b, a); n.Unchanged != 5 || n.Duplicate != 1 {
		t.Errorf("the other way round: %+v", n)
	}
	// What is new does not take the place of another.
	c := archiveOf(event("a", "Fourth with the UID", 6))
	c.name = "new.pst"
	if n, _ := run.runs(c, a, b); n.Unchanged+n.Written != 6 || n.Duplicate != 1 {
		t.Errorf("with a new one: %+v", n)
	}
	once(t, s, 6)
	var all []byte
	for _, o := range objects(s) {
		all = append(all, o.Data...)
	}
	for _, summary := range []string{"A", "Another with the same UID", "B", "C", "Third with the UID", "Fourth with the UID"} {
		if bytes.Count(all, []byte("SUMMARY:"+summary+"\r\n")) != 1 {
			t.Errorf("%q is not there once", summary)
		}
	}
}

// TestCopiesInOneArchive stores an item once that an archive has more often, and is told so by who verifies, too.
func TestCopiesInOneArchive(t *testing.T) {
	s := davtest.New(t, davtest.Options{Password: "secret"})
	a := archiveOf(event("a", "A", 1), event("a", "A", 1), event("b", "B", 2))
	b := archiveOf(event("b", "B", 2), event("b", "B", 2))
	b.name = "old.pst"
	run := at(t, s, false)
	if n, _ := run.runs(a, b); n.Written != 2 || n.Duplicate != 3 {
		t.Errorf("%+v", n)
	}
	once(t, s, 2)
	run.verifies(a, b)
}

// TestCase45ConflictsOfUIDs tells what becomes of an item whose name or UID the server has already.
func TestCase45ConflictsOfUIDs(t *testing.T) {
	body := func(uid, summary, product string) []byte {
		return fmt.Appendf(nil, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:%s\r\nBEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20310301T090000Z\r\nDTSTART:20310301T090000Z\r\nSUMMARY:%s\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", product, uid, summary)
	}
	const calendar = davtest.CalendarHome + "calendar/"
	for _, status := range []int{409, 403, 207} {
		for _, told := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d %v", status, told), func(t *testing.T) {
				s := davtest.New(t, davtest.Options{Password: "secret", UIDs: davtest.PerHome, ConflictStatus: status, ConflictHref: told})
				s.Make(calendar, "Calendar", "VEVENT")
				s.Make(davtest.CalendarHome+"team/", "Team", "VEVENT")
				a := archiveOf(event("e", "E", 1))
				a.items = append(a.items, in(folder("IPF.Appointment", "Team"), event("e", "E", 1)))
				run := at(t, s, false)
				result, report, err := run.tries(t.Context(), a)
				if err != nil || result.Balance.Total().Written != 2 || report.Renamed != 1 {
					t.Fatalf("%+v %+v %v", result.Balance.Total(), report, err)
				}
				there := s.Objects(davtest.CalendarHome + "team/")
				if len(there) != 1 || !strings.HasPrefix(there[0].UID, "e-") || len(there[0].UID) != len("e-1234") {
					t.Errorf("%+v", there)
				}
				for _, lost := range []bool{false, true} {
					if lost {
						os.Remove(run.ledger)
					}
					if n, _ := run.runs(a); n.Unchanged != 2 {
						t.Errorf("again (ledger lost: %v): %+v", lost, n)
					}
				}
				once(t, s, 2)
				// The derived UID stays when the item changes.
				a.items[1] = in(a.items[1].Folder, event("e", "Changed", 1))
				if n, _ := run.runs(a); n.Written != 1 || n.Unchanged != 1 {
					t.Errorf("changed: %+v", n)
				}
				once(t, s, 2)
			})
		}
	}
	for _, c := range []struct {
		name     string
		path     string
		data     []byte
		options  davtest.Options
		want     load.Count
		conflict bool
		n        int
	}{
		{"another item has the name", calendar + "e.ics", body("foreign", "Foreign", "-//user//EN"), davtest.Options{}, load.Count{Found: 1, Failed: 1}, false, 1},
		{"another version of it", calendar + "e.ics", body("e", "Theirs", "-//user//EN"), davtest.Options{}, load.Count{Found: 1, Unchanged: 1}, true, 1},
		{"our own older version", calendar + "e.ics", body("e", "Older", "-//mailmill//mailmill//EN"), davtest.Options{}, load.Count{Found: 1, Unchanged: 1}, true, 1},
		{"the UID under another name", calendar + "theirs.ics", body("e", "Theirs", "-//user//EN"), davtest.Options{}, load.Count{Found: 1, Unchanged: 1}, true, 1},
		{"the same where UIDs are not looked at", calendar + "theirs.ics", body("e", "Theirs", "-//user//EN"), davtest.Options{UIDs: davtest.Anywhere}, load.Count{Found: 1, Unchanged: 1}, true, 1},
		{"the same where there are no reports", calendar + "theirs.ics", body("e", "Theirs", "-//user//EN"), davtest.Options{NoMultiget: true, ConflictHref: true}, load.Count{Found: 1, Unchanged: 1}, true, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.options.Password = "secret"
			s := davtest.New(t, c.options)
			s.Make(calendar, "Calendar", "VEVENT")
			s.Put(c.path, c.data)
			result, _, err := at(t, s, false).tries(t.Context(), archiveOf(event("e", "E", 1)))
			if err != nil {
				t.Fatal(err)
			}
			if got := result.Balance.Total(); got != c.want || (len(conflicts(result)) > 0) != c.conflict {
				t.Errorf("%+v, %v, %v", got, conflicts(result), result.Failures)
			}
			once(t, s, c.n)
		})
	}
	t.Run("the same under another name", func(t *testing.T) {
		s := davtest.New(t, davtest.Options{Password: "secret"})
		run := at(t, s, false)
		run.runs(archiveOf(event("e", "E", 1)))
		data := s.Objects(calendar)[0].Data
		s.Delete(calendar + "e.ics")
		s.Put(calendar+"theirs.ics", data)
		if err := os.Remove(run.ledger); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if n, _ := run.runs(archiveOf(event("e", "E", 1))); n.Unchanged != 1 {
				t.Errorf("%+v", n)
			}
		}
		// It is the user's: it stays.
		run.change = func(o *dav.Options) { o.Prune = true }
		run.runs(archiveOf(event("f", "F", 1)))
		once(t, s, 2)
	})
	t.Run("the same under another name, stored by its owner between two runs", func(t *testing.T) {
		s := davtest.New(t, davtest.Options{Password: "secret"})
		run := at(t, s, false)
		run.runs(archiveOf(event("e", "E", 1)))
		data := s.Objects(calendar)[0].Data
		s.Put(calendar+"theirs.ics", bytes.ReplaceAll(data, []byte("UID:e\r\n"), []byte("UID:f\r\n")))
		both := archiveOf(event("e", "E", 1), event("f", "E", 1))
		for range 2 {
			if n, _ := run.runs(both); n.Unchanged != 2 {
				t.Errorf("%+v", n)
			}
		}
		run.change = func(o *dav.Options) { o.Prune = true }
		run.runs(archiveOf(event("e", "E", 1)))
		once(t, s, 2)
	})
	t.Run("a server that rewrites", func(t *testing.T) {
		s := davtest.New(t, davtest.Options{Password: "secret", Rewrite: func(b []byte) []byte {
			return bytes.Replace(b, []byte("BEGIN:VEVENT\r\n"), []byte("BEGIN:VEVENT\r\nX-LIC-ERROR:none\r\n"), 1)
		}})
		run := at(t, s, false)
		a := archiveOf(event("a", "A", 1), event("b", "B", 2))
		run.runs(a)
		if n, _ := run.runs(a); n.Unchanged != 2 {
			t.Errorf("%+v", n)
		}
		os.Remove(run.ledger)
		if n, _ := run.runs(a); n.Unchanged != 2 {
			t.Errorf("without the ledger: %+v", n)
		}
		a.items[0] = in(a.items[0].Folder, event("a", "Changed", 1))
		if n, _ := run.runs(a); n.Unchanged != 1 || n.Written != 1 {
			t.Errorf("changed: %+v", n)
		}
		once(t, s, 2)
	})
}

// meeting is one that the user of davtest's server, or of Cyrus, has called others to.
func meeting(uid, summary, organizer string, others ...string) *formats.Item {
	it := event(uid, summary, 1)
	it.Event.Meeting = &formats.Meeting{Organizer: &formats.Address{Name: "Organizer", SMTP: organizer}}
	for _, a := range append(others, organizer) {
		it.Event.Meeting.Attendees = append(it.Event.Meeting.Attendees, formats.Attendee{Address: &formats.Address{SMTP: a}, Status: formats.Accepted, RSVP: true})
	}
	return it
}

// TestCase44NobodyIsInvited stores, stores again, changes and deletes meetings on a server that would tell everybody.
func TestCase44NobodyIsInvited(t *testing.T) {
	me := strings.TrimPrefix(davtest.Address, "mailto:")
	for _, c := range []struct {
		name    string
		options davtest.Options
	}{
		{"a server that knows no header", davtest.Options{Schedules: true}},
		{"sabre", davtest.Options{Schedules: true, SuppressedBy: http.Header{"Schedule-Reply": {"F"}}, Features: []string{"nextcloud-checksum-update"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.options.Password = "secret"
			s := davtest.New(t, c.options)
			run := at(t, s, false)
			run.change = func(o *dav.Options) { o.Prune = true }
			round := func(items ...*formats.Item) {
				t.Helper()
				run.runs(archiveOf(items...))
				if got := s.Invitations(); len(got) > 0 {
					t.Fatalf("the server wrote %v", got)
				}
			}
			own := meeting("own", "Mine", me, "bob@example.net", "eve@example.net")
			theirs := meeting("theirs", "Theirs", "boss@example.net", me)
			round(own, theirs)
			round(own, theirs)
			if err := os.Remove(run.ledger); err != nil {
				t.Fatal(err)
			}
			round(own, theirs)
			round(meeting("own", "Moved", me, "bob@example.net"), theirs)
			round(event("other", "All that is left", 2))
			once(t, s, 1)
		})
	}
	t.Run("nothing stops it", func(t *testing.T) {
		s := davtest.New(t, davtest.Options{Password: "secret", Schedules: true, Software: "GSE"})
		const days = "BEGIN:VTODO\r\nUID:t\r\nDTSTAMP:20310301T090000Z\r\nDUE:20310301T090000Z\r\nRRULE:FREQ=DAILY;COUNT=3\r\nEND:VTODO\r\n"
		const day = "BEGIN:VTODO\r\nUID:t\r\nRECURRENCE-ID:20310302T090000Z\r\nDTSTAMP:20310301T090000Z\r\nORGANIZER:" + davtest.Address + "\r\nATTENDEE:mailto:bob@example.net\r\nEND:VTODO\r\n"
		task, err := ical.Read(ical.Component{Text: []byte(days)}, []ical.Component{{Text: []byte(day)}}, ical.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		at(t, s, false).runs(archiveOf(meeting("own", "Mine", me, "bob@example.net"), task))
		for _, o := range objects(s) {
			if bytes.Contains(o.Data, []byte("\r\nORGANIZER")) || bytes.Contains(o.Data, []byte("\r\nATTENDEE")) || !bytes.Contains(o.Data, []byte("bob@example.net")) {
				t.Errorf("stored is\n%s", o.Data)
			}
		}
		once(t, s, 2)
	})
}

func TestLimits(t *testing.T) {
	big := func(n int) *formats.Item {
		it := event("big", "Big", 1)
		it.Event.Attachments = []*formats.Part{{Type: "application/octet-stream", Name: "big.bin", Size: int64(n), Content: formats.Bytes(bytes.Repeat([]byte("x"), n))}}
		return it
	}
	t.Run("size", func(t *testing.T) {
		for _, quiet := range []bool{false, true} {
			s := davtest.New(t, davtest.Options{Password: "secret", MaxSize: 10_000, QuietLimits: quiet})
			result, _, err := at(t, s, false).tries(t.Context(), archiveOf(event("a", "A", 1), big(20_000), event("b", "B", 2)))
			if err != nil {
				t.Fatal(err)
			}
			if n := result.Balance.Total(); n.Failed != 1 || n.Written != 2 {
				t.Errorf("%+v", n)
			}
		}
	})
	t.Run("attendees", func(t *testing.T) {
		for quiet, want := range map[bool]string{false: "3 people take part, and the server stores no more than 2", true: "max-attendees-per-instance"} {
			s := davtest.New(t, davtest.Options{Password: "secret", MaxAttendees: 2, QuietLimits: quiet})
			few, many := meeting("few", "Few", "alice@example.org", "b@example.net"), meeting("many", "Many", "alice@example.org", "b@example.net", "c@example.net")
			result, _, err := at(t, s, false).tries(t.Context(), archiveOf(few, many))
			if err != nil {
				t.Fatal(err)
			}
			if n := result.Balance.Total(); n.Failed != 1 || n.Written != 1 || !strings.Contains(result.Failures[0].Err.Error(), want) {
				t.Errorf("%+v: %v", n, result.Failures)
			}
		}
	})
	t.Run("quota", func(t *testing.T) {
		s := davtest.New(t, davtest.Options{Password: "secret", Quota: 50_000})
		run := at(t, s, false)
		_, _, err := run.tries(t.Context(), archiveOf(event("a", "A", 1), big(60_000), event("b", "B", 2)))
		if !client.OverQuota(err) || !errors.As(err, new(*load.Fatal)) {
			t.Errorf("the run ends with %v", err)
		}
	})
	t.Run("streaming", func(t *testing.T) {
		s := davtest.New(t, davtest.Options{Password: "secret"})
		run := at(t, s, false)
		a := archiveOf(big(6 << 20))
		run.runs(a)
		if n, _ := run.runs(a); n.Unchanged != 1 {
			t.Errorf("%+v", n)
		}
		os.Remove(run.ledger)
		if n, _ := run.runs(a); n.Unchanged != 1 {
			t.Errorf("without the ledger: %+v", n)
		}
		once(t, s, 1)
	})
}

func TestRehearsalWritesNothing(t *testing.T) {
	s := davtest.New(t, davtest.Options{Password: "secret"})
	s.Make(davtest.CalendarHome+"calendar/", "Calendar", "VEVENT")
	a := archiveOf(event("a", "A", 1), event("b", "B", 2))
	a.items = append(a.items, in(folder("IPF.Appointment", "Team"), event("c", "C", 3)))
	o := at(t, s, false).options(a)
	o.Rehearse = true
	target, err := dav.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := load.Run(t.Context(), load.Plan{Sources: []load.Input{{Name: a.name, Source: a}}, Routes: []load.Route{{Target: target}}}); err != nil {
		t.Fatal(err)
	}
	p := target.Plan()
	if p.Items != 3 || len(p.Collections) != 2 || !p.Collections[0].Exists || p.Collections[1].Exists || p.Collections[1].Name != "Team" {
		t.Errorf("%+v", p)
	}
	for _, method := range []string{"PUT", "MKCALENDAR", "MKCOL", "DELETE", "PROPPATCH"} {
		if n := len(s.Requests(method)); n > 0 {
			t.Errorf("%d times %s", n, method)
		}
	}
}

func TestAWrongPasswordWritesNothing(t *testing.T) {
	s := davtest.New(t, davtest.Options{Password: "secret"})
	run := at(t, s, false)
	run.password = "wrong"
	_, _, err := run.tries(t.Context(), archiveOf(event("a", "A", 1)))
	if !errors.As(err, new(*client.AuthError)) || strings.Contains(err.Error(), "wrong") {
		t.Errorf("%v", err)
	}
	once(t, s, 0)
}

// TestListsGoLast has a list wait for what goes out with it: programs show the members of a list that they know when it
// comes. It waits for nothing that is not there yet, so a list may still be the first if it comes long before all else.
func TestListsGoLast(t *testing.T) {
	a := &archive{name: "alice.pst"}
	f := folder("IPF.Contact", "Contacts")
	list := &formats.Item{Group: &formats.Group{UID: "urn:uuid:00000000-0000-4000-8000-00000000ffff", Name: "All"}}
	a.items = append(a.items, in(f, list))
	for i := range 20 {
		a.items = append(a.items, in(f, contact(i)))
	}
	for range 20 {
		s := davtest.New(t, davtest.Options{Password: "secret"})
		run := at(t, s, true)
		run.change = func(o *dav.Options) { o.Client.Connections = 1 }
		run.runs(a)
		for _, o := range objects(s) {
			if !bytes.Contains(o.Data, []byte("VERSION:3.0")) {
				t.Errorf("stored is\n%s", o.Data)
			}
		}
		puts := s.Requests("PUT")
		if len(puts) != 21 {
			t.Fatalf("%d PUTs", len(puts))
		}
		if !strings.HasSuffix(puts[0].Path, "ffff.vcf") {
			return
		}
	}
	t.Error("the list always went first")
}

func TestAnInterruptedRunGoesOn(t *testing.T) {
	s := davtest.New(t, davtest.Options{Password: "secret"})
	run := at(t, s, false)
	var items []*formats.Item
	for i := range 60 {
		items = append(items, event(fmt.Sprint("e", i), "E", 1+i%28))
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	s.Fail(davtest.Fault{Method: "PUT", Skip: 20, Times: 1, Handler: func(w http.ResponseWriter, _ *http.Request) {
		cancel(why)
		w.WriteHeader(http.StatusServiceUnavailable)
	}})
	result, _, err := run.tries(ctx, archiveOf(items...))
	if !errors.Is(err, why) || result.Left == 0 {
		t.Errorf("%v, %d left", err, result.Left)
	}
	there := len(objects(s))
	if there < 20 || there == len(items) || there != result.Balance.Total().Written {
		t.Errorf("%d are there, %+v", there, result.Balance.Total())
	}
	if n, _ := run.runs(archiveOf(items...)); n.Written+n.Unchanged != len(items) {
		t.Errorf("%+v", n)
	}
	once(t, s, len(items))
}

func TestInterruptedWhileTheServerWantsToBeLeftAlone(t *testing.T) {
	for _, paced := range []bool{true, false} {
		s := davtest.New(t, davtest.Options{Password: "secret"})
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("enough")
		s.Fail(davtest.Fault{Method: "PUT", Times: -1, Handler: func(w http.ResponseWriter, _ *http.Request) {
			time.AfterFunc(100*time.Millisecond, func() { cancel(why) })
			w.Header().Set("Retry-After", "3000")
			w.WriteHeader(http.StatusTooManyRequests)
		}})
		run := at(t, s, false)
		run.change = func(o *dav.Options) {
			if paced {
				o.Client.Pace = pace.New(pace.Options{Connections: 4})
			}
		}
		start := time.Now()
		if _, _, err := run.tries(ctx, archiveOf(event("a", "A", 1), event("b", "B", 2))); !errors.Is(err, why) {
			t.Error(err)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("it took %v", took)
		}
	}
}

func TestAServerThatIsAwayEndsTheRun(t *testing.T) {
	s := davtest.New(t, davtest.Options{Password: "secret"})
	s.Fail(davtest.Fault{Method: "PUT", Times: -1, Cut: true})
	run := at(t, s, false)
	run.change = func(o *dav.Options) { o.Patience = time.Second }
	_, _, err := run.tries(t.Context(), archiveOf(event("a", "A", 1)))
	if !errors.As(err, new(*load.Fatal)) || !strings.Contains(err.Error(), "the same command") {
		t.Error(err)
	}
	s.Heal()
	run.runs(archiveOf(event("a", "A", 1)))
	once(t, s, 1)
}

// TestOneItemThatAServerCannotTake tells that the rest goes on.
func TestOneItemThatAServerCannotTake(t *testing.T) {
	for _, status := range []int{400, 403, 415, 422, 500} {
		s := davtest.New(t, davtest.Options{Password: "secret"})
		s.Fail(davtest.Fault{Method: "PUT", Path: "/bad.ics", Times: -1, Status: status, Body: "no such thing here"})
		run := at(t, s, false)
		run.change = func(o *dav.Options) { o.Patience = 4 * time.Second }
		a := archiveOf(event("a", "A", 1), event("bad", "B", 2), event("c", "C", 2))
		for range 2 {
			result, _, err := run.tries(t.Context(), a)
			if err != nil || len(result.Failures) != 1 || !strings.Contains(result.Failures[0].Err.Error(), fmt.Sprint(status)) {
				t.Errorf("%d: %v %v", status, err, result.Failures)
			}
		}
		s.Heal()
		if n, _ := run.runs(a); n.Written != 1 || n.Unchanged != 2 {
			t.Errorf("%d: %+v", status, n)
		}
		once(t, s, 3)
	}
}

func TestAServerThatContradictsItself(t *testing.T) {
	for name, f := range map[string]davtest.Fault{
		"it is there": {Status: http.StatusPreconditionFailed},
		"so is its UID": {
			Status: http.StatusConflict, Header: http.Header{"Content-Type": {"application/xml"}},
			Body: `<D:error xmlns:D="DAV:"><C:no-uid-conflict xmlns:C="urn:ietf:params:xml:ns:caldav"><D:href>/dav/calendars/alice/calendar/nowhere.ics</D:href></C:no-uid-conflict></D:error>`,
		},
	} {
		s := davtest.New(t, davtest.Options{Password: "secret"})
		f.Method, f.Times = "PUT", -1
		s.Fail(f)
		result, _, err := at(t, s, false).tries(t.Context(), archiveOf(event("a", "A", 1)))
		if err != nil || len(result.Failures) != 1 {
			t.Errorf("%s: %v %+v", name, err, result)
		}
		if n := len(s.Requests("PUT")); n > 10 {
			t.Errorf("%s: %d PUTs", name, n)
		}
	}
}
