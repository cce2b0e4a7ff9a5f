package dav_test

import (
	"os"
	"strings"
	"testing"

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
	})
}
