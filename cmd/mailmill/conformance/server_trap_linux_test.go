package conformance

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mailmill/formats/corpustest"
	"mailmill/load/servertest"
)

// Who organises most of the meetings of the sample, and what Cyrus has to be told to take a user for that person.
const organizer = "pwolf0"

var organizers = servertest.Options{"EXTRA_USERS": organizer, "CALENDAR_DOMAIN": "nordwind.example"}

// Case 44 of the acceptance tests: nobody gets an invitation, an update, a cancellation or a reply because meetings are
// loaded into the calendar of who organises them, loaded again, changed, found again without the ledger, or pruned. The
// server would send some: it does so, in the end, when it gets the same meetings from a client that takes no care.
func TestCase44NobodyIsInvited(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers")
	}
	t.Parallel()
	archive := corpustest.Sample()
	s := servertest.Cyrus(t, organizers)
	a := accountOf(t, s, organizer).only("calendar")
	silent := func(what string) {
		t.Helper()
		if mails := s.Sent(t); len(mails) > 0 {
			t.Fatalf("%s: %d mails are sent, such as\n%s", what, len(mails), tail(mails[0], 1500))
		}
	}
	events := func() (n int) {
		t.Helper()
		for _, r := range servertest.Resources(t, s, s.Calendars(organizer), organizer) {
			if strings.Contains(r.Body, "\nATTENDEE") {
				n++
			}
		}
		return n
	}
	a.load("-q", "-n", archive).want(t, 0)
	silent("a dry run")
	a.load("-q", archive).want(t, 0)
	silent("the first load")
	if n := events(); n < 30 {
		t.Fatalf("%d meetings are there", n)
	}
	a.load("-q", archive).want(t, 0)
	silent("the same again")
	a.load("-q", "--no-alarms", archive).want(t, 0)
	silent("changed meetings")
	a.load("-q", archive).want(t, 0)
	silent("meetings changed back")
	forget(t, a.ledger)
	a.load("-q", archive).want(t, 0)
	silent("found again without the ledger")
	// The same archive by its name, with nothing in its calendar.
	data, err := os.ReadFile(corpustest.File(t, "pst/passworded.pst"))
	if err != nil {
		t.Fatal(err)
	}
	emptied := filepath.Join(t.TempDir(), filepath.Base(archive))
	write(t, emptied, string(data))
	a.load("-q", "--prune", emptied).want(t, 0)
	silent("pruned")
	if n := events(); n > 0 {
		t.Errorf("%d meetings are left", n)
	}
	a.load("-q", archive).want(t, 0)
	silent("loaded once more")

	// The trap catches what is not prevented.
	dir := t.TempDir()
	mailmill(t, "convert", "-q", "--split", "--only", "event", archive, dir).want(t, 0)
	care := regexp.MustCompile(`(?i);SCHEDULE-AGENT=[^;:]*`)
	careless := 0
	for _, file := range resources(t, dir) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		body := strings.ReplaceAll(string(data), "\r\n ", "")
		if !strings.Contains(body, "ATTENDEE") || !strings.Contains(strings.ToLower(body), organizer+"@nordwind.example") {
			continue
		}
		// Another UID: the meetings are there.
		body = strings.ReplaceAll(care.ReplaceAllString(body, ""), "\nUID:", "\nUID:careless-")
		at := s.Calendars(organizer) + "Default/careless" + string(rune('a'+careless)) + ".ics"
		servertest.Request(t, s, organizer, http.MethodPut, at, body, http.Header{"Content-Type": {"text/calendar"}}, http.StatusCreated)
		if careless++; careless == 3 {
			break
		}
	}
	if mails := s.Sent(t); careless == 0 || len(mails) == 0 {
		t.Errorf("the trap catches nothing: %d mails from %d careless uploads", len(mails), careless)
	}
}
