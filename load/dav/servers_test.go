package dav_test

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"testing"

	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/load/dav"
	"mailmill/load/servertest"
)

// everyServer runs a test on each real server, for calendars and for contacts.
func everyServer(t *testing.T, test func(t *testing.T, s *servertest.Server, contacts bool)) {
	for _, server := range []struct {
		name  string
		start func(testing.TB, servertest.Options) *servertest.Server
	}{{"cyrus", servertest.Cyrus}, {"radicale", servertest.Radicale}, {"xandikos", servertest.Xandikos}} {
		t.Run(server.name, func(t *testing.T) {
			s := server.start(t, nil)
			t.Run("calendars", func(t *testing.T) { test(t, s, false) })
			t.Run("contacts", func(t *testing.T) { test(t, s, true) })
		})
	}
}

// TestEverythingArrivesOnce stores items with everything in them that people write. Servers do not keep all of that as it
// is, which must not make anything double.
func TestEverythingArrivesOnce(t *testing.T) {
	everyServer(t, func(t *testing.T, s *servertest.Server, contacts bool) {
		run := on(t, s, contacts)
		a := office(12)
		there := func() (n int) {
			for _, r := range run.resources(s) {
				if !contacts || strings.HasSuffix(r.Name, ".vcf") {
					n++
				}
			}
			return n
		}
		n := there()
		first, _ := run.runs(a)
		n += first.Written
		if first.Written+first.Filtered != first.Found || there() != n {
			t.Errorf("%d resources are there after %+v", there(), first)
		}
		if again, _ := run.runs(a); again.Unchanged != first.Written || there() != n {
			t.Errorf("again: %+v, %d resources", again, there())
		}
		if err := os.Remove(run.ledger); err != nil {
			t.Fatal(err)
		}
		result, _, err := run.tries(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		if lost := result.Balance.Total(); lost.Failed != 0 || there() != n {
			t.Errorf("without the ledger: %+v, %d resources", lost, there())
		}
		if s.Outbox != "" && len(s.Sent(t)) > 0 {
			t.Errorf("the server sent %d mails", len(s.Sent(t)))
		}
	})
}

// TestWhatServersKeepIsFoundAgain stores items of the plain sort: when the ledger is lost, each is known by what it says.
func TestWhatServersKeepIsFoundAgain(t *testing.T) {
	everyServer(t, func(t *testing.T, s *servertest.Server, contacts bool) {
		run := on(t, s, contacts)
		a := plain(30)
		first, _ := run.runs(a)
		if err := os.Remove(run.ledger); err != nil {
			t.Fatal(err)
		}
		if lost, _ := run.runs(a); lost.Unchanged != first.Written || lost.Written != 0 {
			t.Errorf("without the ledger: %+v", lost)
		}
		if again, _ := run.runs(a); again.Unchanged != first.Written || again.Written != 0 {
			t.Errorf("again: %+v", again)
		}
		run.verifies(a)
	})
}

// TestCase44CyrusWritesToNobody stores meetings that the user of a real server with scheduling has called, or was called to.
func TestCase44CyrusWritesToNobody(t *testing.T) {
	s := servertest.Cyrus(t, nil)
	const me = "u1@example.com"
	run := on(t, s, false)
	run.change = func(o *dav.Options) { o.Prune = true }
	round := func(what string, items ...*formats.Item) {
		t.Helper()
		run.runs(archiveOf(items...))
		if sent := s.Sent(t); len(sent) > 0 {
			t.Fatalf("%s: the server wrote %d mails:\n%s", what, len(sent), sent[0])
		}
	}
	own := meeting("own-1", "Mine", me, "bob@example.net", "eve@example.net")
	series := meeting("own-2", "Mine, daily", me, "bob@example.net")
	series.Event.Series = &formats.Series{Rule: &formats.Recurrence{Frequency: formats.Daily, Interval: 1, Count: 5}}
	theirs := meeting("theirs-1", "Theirs", "boss@example.net", me)
	colleague := meeting("theirs-2", "A colleague's", "u2@example.com", me)
	all := []*formats.Item{own, series, theirs, colleague}
	round("import", all...)
	round("import again", all...)
	if err := os.Remove(run.ledger); err != nil {
		t.Fatal(err)
	}
	round("the ledger is lost", all...)
	moved := []*formats.Item{
		meeting("own-1", "Moved", me, "bob@example.net"), meeting("own-2", "No more daily", me, "bob@example.net"),
		meeting("theirs-1", "Theirs, moved", "boss@example.net", me), meeting("theirs-2", "A colleague's, moved", "u2@example.com", me),
	}
	round("overwrite", moved...)
	round("prune", event("left", "All that is left", 2))
	t.Cleanup(func() {
		// The server would have written: who asks for it gets it.
		var b bytes.Buffer
		if err := ical.NewEncoder(ical.Options{}).Encode(&b, meeting("loud", "Loud", me, "bob@example.net")); err != nil {
			t.Fatal(err)
		}
		header := http.Header{"Content-Type": {"text/calendar; charset=utf-8"}}
		servertest.Request(t, s, "u1", http.MethodPut, run.url+"Default/loud.ics", b.String(), header, http.StatusCreated)
		if len(s.Sent(t)) == 0 {
			t.Error("the test proves nothing: the server writes to nobody anyway")
		}
	})
	for _, r := range run.resources(s) {
		if r.UID != "left" {
			t.Errorf("%s is there still", r.Name)
		}
	}
}

// TestCase45CyrusHasEachUIDOnce stores a meeting that is in two calendars of a user.
func TestCase45CyrusHasEachUIDOnce(t *testing.T) {
	s := servertest.Cyrus(t, nil)
	run := on(t, s, false)
	a := archiveOf(event("twice@example.org", "Twice", 1))
	a.items = append(a.items, in(folder("IPF.Appointment", "Team"), event("twice@example.org", "Twice", 1)))
	result, report, err := run.tries(t.Context(), a)
	if err != nil || result.Balance.Total().Written != 2 || report.Renamed != 1 {
		t.Fatalf("%+v %+v %v %v", result.Balance.Total(), report, err, result.Failures)
	}
	for _, lost := range []bool{false, true} {
		if lost {
			if err := os.Remove(run.ledger); err != nil {
				t.Fatal(err)
			}
		}
		if n, _ := run.runs(a); n.Unchanged != 2 {
			t.Errorf("again (ledger lost: %v): %+v", lost, n)
		}
	}
}

// TestOccurrencesWithoutTheirSeries stores what servers refuse as it is: an exception of a series that the archive lacks. It
// is an event of its own.
func TestOccurrencesWithoutTheirSeries(t *testing.T) {
	everyServer(t, func(t *testing.T, s *servertest.Server, contacts bool) {
		if contacts {
			return // cards have none
		}
		run := on(t, s, contacts)
		lone := event("lone", "The third of many", 3)
		lone.Event.RecurrenceID = lone.Event.Start
		a := archiveOf(lone, event("other", "Other", 4))
		if first, _ := run.runs(a); first.Written != 2 {
			t.Errorf("%+v", first)
		}
		run.verifies(a)
		if again, _ := run.runs(a); again.Unchanged != 2 {
			t.Errorf("again: %+v", again)
		}
	})
}
