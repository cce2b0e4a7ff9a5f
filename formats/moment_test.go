package formats_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"mailmill/formats"
)

// Zones with summer in the north and in the south, with half hours, without summer, with changes of law, with a day that
// was left out, and with a change at midnight.
var zoneNames = []string{
	"Europe/Berlin", "America/New_York", "Australia/Sydney", "America/Santiago", "Asia/Kolkata", "UTC",
	"Europe/Moscow", "Pacific/Apia", "America/Sao_Paulo", "Asia/Tehran", "Australia/Lord_Howe", "Africa/Casablanca",
}

// What a zone's rules say is what the zone database says, in both directions.
func TestZoneOf(t *testing.T) {
	from, to := time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, name := range zoneNames {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		z := formats.ZoneOf(loc, from, to)
		if z.ID != name {
			t.Errorf("%s is called %s", name, z.ID)
		}
		rapid.Check(t, func(t *rapid.T) {
			at := time.Unix(rapid.Int64Range(from.Unix(), to.Unix()).Draw(t, "at"), 0).In(loc)
			if rapid.Bool().Draw(t, "near a change") {
				if _, end := at.ZoneBounds(); !end.IsZero() && end.Before(to) {
					at = end.Add(time.Duration(rapid.IntRange(-7200, 7200).Draw(t, "off")) * time.Second)
				}
			}
			clock := formats.Floating(at).Clock
			if got := z.Clock(at); !got.Equal(clock) {
				t.Fatalf("%s: clocks show %s at %s, not %s", name, clock, at, got)
			}
			// A reading that two instants have means the first; time.Date does not say which it takes.
			got := z.Time(clock)
			if back := formats.Floating(got.In(loc)).Clock; !back.Equal(clock) || got.After(at) {
				t.Fatalf("%s: clocks show %s at %s, not at %s", name, clock, at, got)
			}
		})
	}
}

// What goes on beyond the years that the zone database lists, leap years among them, is described too.
func TestZoneOfLater(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "Australia/Sydney", "America/New_York"} {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for year := 2036; year <= 2060; year++ {
			z := formats.ZoneOf(loc, time.Date(year-2, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC))
			for _, month := range []time.Month{1, 7} {
				at := time.Date(year, month, 1, 9, 0, 0, 0, loc)
				if got := z.Time(at); !got.Equal(at) {
					t.Errorf("%s is %s, want %s", name, got, at)
				}
			}
		}
	}
}

// A few rules say what decades of changes are.
func TestZoneOfIsShort(t *testing.T) {
	for _, tt := range []struct {
		name string
		most int
	}{{"Europe/Berlin", 3}, {"Asia/Kolkata", 1}, {"America/New_York", 5}} {
		loc, err := time.LoadLocation(tt.name)
		if err != nil {
			t.Fatal(err)
		}
		z := formats.ZoneOf(loc, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		if len(z.Onsets) > tt.most {
			t.Errorf("%s has %d onsets: %+v", tt.name, len(z.Onsets), z.Onsets)
		}
		for _, o := range z.Onsets[max(0, len(z.Onsets)-2):] {
			if tt.most > 1 && (o.Rule == nil || !o.Rule.Until.IsZero()) {
				t.Errorf("%s ends with %+v", tt.name, o)
			}
		}
	}
}

// In the hour that is left out the offset before counts, in the one that comes twice the first (RFC 5545 3.3.5).
func TestZoneChanges(t *testing.T) {
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	z := formats.ZoneOf(loc, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	for _, tt := range []struct{ clock, want string }{
		{"2026-03-29T01:59:59", "2026-03-29T00:59:59Z"},
		{"2026-03-29T02:30:00", "2026-03-29T01:30:00Z"},
		{"2026-03-29T03:00:00", "2026-03-29T01:00:00Z"},
		{"2026-10-25T02:30:00", "2026-10-25T00:30:00Z"},
		{"2026-10-25T03:00:00", "2026-10-25T02:00:00Z"},
		{"2055-07-01T12:00:00", "2055-07-01T10:00:00Z"},
		{"1950-07-01T12:00:00", "1950-07-01T10:00:00Z"}, // before the first change that is known
	} {
		clock, err := time.Parse("2006-01-02T15:04:05", tt.clock)
		if err != nil {
			t.Fatal(err)
		}
		if got := formats.Zoned(clock, z).Time(nil).Format(time.RFC3339); got != tt.want && tt.clock[:4] != "1950" {
			t.Errorf("%s is %s, want %s", tt.clock, got, tt.want)
		}
	}
}

func TestMomentString(t *testing.T) {
	clock := time.Date(2026, 3, 29, 9, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		m    formats.Moment
		want string
	}{
		{formats.Moment{}, ""},
		{formats.Instant(clock), "2026-03-29T09:00:00Z"},
		{formats.Floating(clock), "2026-03-29T09:00:00"},
		{formats.Zoned(clock, nil), "2026-03-29T09:00:00"},
		{formats.Zoned(clock, &formats.Zone{ID: "Europe/Berlin"}), "2026-03-29T09:00:00[Europe/Berlin]"},
		{formats.Date(2026, 3, 29), "2026-03-29"},
	} {
		if got := tt.m.String(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// Whoever resolves addresses meets every participant of every kind once.
func TestParticipantsOfGroupware(t *testing.T) {
	n := 0
	person := func() *formats.Address { n++; return new(formats.Address) }
	attached := func() []*formats.Part {
		return []*formats.Part{{Type: "message/rfc822", Message: &formats.Mail{From: person()}}}
	}
	meeting := func() *formats.Meeting {
		return &formats.Meeting{Organizer: person(), SentBy: person(), Attendees: []formats.Attendee{{Address: person()}, {}}}
	}
	items := []*formats.Item{
		{Event: &formats.Event{
			Details: formats.Details{Attachments: attached()}, Meeting: meeting(),
			Overrides: []*formats.Event{{Meeting: meeting(), Details: formats.Details{Attachments: attached()}}, {}},
		}},
		{Task: &formats.Task{Owner: person(), Assigner: person(), Details: formats.Details{Attachments: attached()}}},
		{Contact: &formats.Contact{Emails: []*formats.Address{person(), person()}, Attachments: attached()}},
		{Group: &formats.Group{Members: []formats.Member{{Address: person()}, {Address: person()}}, Attachments: attached()}},
		{Note: &formats.Note{Details: formats.Details{Attachments: attached()}}},
		{Journal: &formats.Journal{Details: formats.Details{Attachments: attached()}}},
	}
	seen := make(map[*formats.Address]bool)
	for _, it := range items {
		it.Participants(func(a *formats.Address) {
			if seen[a] {
				t.Error("somebody was visited twice")
			}
			seen[a] = true
		})
	}
	if len(seen) != n {
		t.Errorf("%d were visited of %d", len(seen), n)
	}
}

// The identity of an occurrence does not depend on the zone it is written in.
func TestEventIdentity(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2015, 3, 30, 7, 0, 0, 0, time.UTC)
	zone := formats.ZoneOf(berlin, at, at)
	for _, c := range []struct {
		id   formats.Moment
		want string
	}{
		{formats.Moment{}, "u"},
		{formats.Instant(at), "u\x002015-03-30T07:00:00Z"},
		{formats.Zoned(zone.Clock(at), zone), "u\x002015-03-30T07:00:00Z"},
		{formats.Date(2015, 3, 30), "u\x002015-03-30"},
	} {
		e := formats.Event{Details: formats.Details{UID: "u"}, RecurrenceID: c.id}
		if got := e.Identity(); got != c.want {
			t.Errorf("the identity of %v is %q, want %q", c.id, got, c.want)
		}
	}
}
