package resource_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"mailmill/formats"
	"mailmill/load/resource"
)

func TestStemIsAUIDThatAllTake(t *testing.T) {
	for uid, want := range map[string]string{
		"040000008200E00074C5B7101A82E008": "040000008200E00074C5B7101A82E008",
		"urn:uuid:0b1e-22":                 "0b1e-22",
	} {
		if got := resource.Stem(uid); got != want {
			t.Errorf("Stem(%q) = %q, want %q", uid, got, want)
		}
	}
	for _, uid := range []string{"", "a@example.org", "a/b", "..", "CON", "ä", strings.Repeat("a", 101), "a b"} {
		if got := resource.Stem(uid); len(got) != 64 || strings.Trim(got, "0123456789abcdef") != "" {
			t.Errorf("Stem(%q) = %q, want a hash", uid, got)
		}
	}
}

func TestNamesDifferForFileSystemsToo(t *testing.T) {
	n := resource.Names{Extension: ".ics", Reserved: map[string]bool{"taken.ics": true}}
	seen := map[string]bool{}
	for _, uid := range []string{"Abc", "abc", "abc", "taken", "other"} {
		name := strings.ToLower(n.Name(uid))
		if seen[name] || n.Reserved[name] || !strings.HasSuffix(name, ".ics") {
			t.Errorf("%q is named %q a second time", uid, name)
		}
		seen[name] = true
	}
}

func event(uid string, series bool, occurrence time.Time) *formats.Item {
	it := &formats.Item{Event: &formats.Event{Details: formats.Details{UID: uid}}}
	it.Kind = formats.KindEvent
	if series {
		it.Event.Series = new(formats.Series)
	}
	if !occurrence.IsZero() {
		it.Event.RecurrenceID = formats.Instant(occurrence)
	}
	it.Identity = it.Event.Identity()
	return it
}

func TestRepeatedUIDsAreToldApart(t *testing.T) {
	var ids resource.Identities
	seen := map[string]bool{}
	for range 4 {
		it := event("meeting", false, time.Time{})
		as, renamed := ids.Take(it)
		if renamed == (len(seen) == 0) || seen[resource.UID(as)] || it.Event.UID != "meeting" {
			t.Fatalf("%q after %v", resource.UID(as), seen)
		}
		seen[resource.UID(as)] = true
	}
	contact := &formats.Item{Contact: &formats.Contact{UID: "urn:uuid:1"}, Identity: "urn:uuid:1"}
	ids.Take(contact)
	if as, _ := ids.Take(contact); !strings.HasPrefix(as.Contact.UID, "urn:uuid:") || as.Contact.UID == "urn:uuid:1" {
		t.Errorf("a second contact has the UID %s", as.Contact.UID)
	}
}

func TestOccurrencesJoinTheirSeries(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2024, 3, n, 9, 0, 0, 0, time.UTC) }
	var s resource.Series[string]
	hold := func(it *formats.Item, name string) {
		if !s.Hold(it, 1, name) {
			t.Errorf("%s is not held", name)
		}
	}
	hold(event("a", false, day(1)), "a on 1 before the series")
	hold(event("b", false, day(2)), "b alone")
	hold(event("a", true, time.Time{}), "a")
	hold(event("a", false, day(3)), "a on 3")
	hold(event("a", false, day(3)), "a on 3 again")
	if s.Hold(event("c", false, time.Time{}), 1, "c") {
		t.Error("a single event is held")
	}
	got := s.Take()
	if len(got) != 3 || got[0].With != "b alone" || got[1].With != "a" || got[2].With != "a on 3 again" {
		t.Fatalf("%+v", got)
	}
	if n := len(got[1].Item.Event.Overrides); n != 2 || strings.Join(got[1].Joined, ",") != "a on 1 before the series,a on 3" {
		t.Errorf("%d overrides from %v", n, got[1].Joined)
	}
	alone := resource.Alone(got[0].Item)
	if !alone.Event.RecurrenceID.IsZero() || alone.Event.UID != "b-20240302T090000" {
		t.Errorf("alone it is %q", alone.Event.UID)
	}
	if len(s.Take()) != 0 {
		t.Error("something is held after Take")
	}
}

func TestWhatIsHeldIsBounded(t *testing.T) {
	var s resource.Series[int]
	for i := range resource.MostHeld {
		if !s.Hold(event(strconv.Itoa(i), true, time.Time{}), 1, i) {
			t.Fatalf("%d is not held", i)
		}
	}
	if s.Hold(event("more", true, time.Time{}), 1, 0) {
		t.Error("too many are held")
	}
	s.Drop()
	if s.Hold(event("big", true, time.Time{}), resource.MostHeldBytes+1, 0) {
		t.Error("something too big is held")
	}
}
