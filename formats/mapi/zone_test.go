package mapi_test

import (
	"bytes"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mailmill/formats/mapi"
)

// yearly is the day-th weekday of a month, 5 for the last.
func yearly(month, weekday, day, hour uint16) mapi.SystemTime {
	return mapi.SystemTime{Month: month, Weekday: weekday, Day: day, Hour: hour}
}

var (
	berlin    = mapi.ZoneRule{Bias: -60, DaylightBias: -60, Standard: yearly(10, 0, 5, 3), Daylight: yearly(3, 0, 5, 2)}
	sydney    = mapi.ZoneRule{Bias: -600, DaylightBias: -60, Standard: yearly(4, 0, 1, 3), Daylight: yearly(10, 0, 1, 2)}
	newYork   = mapi.ZoneRule{Bias: 300, DaylightBias: -60, Standard: yearly(11, 0, 1, 2), Daylight: yearly(3, 0, 2, 2)}
	newYork06 = mapi.ZoneRule{Bias: 300, DaylightBias: -60, Standard: yearly(10, 0, 5, 2), Daylight: yearly(4, 0, 1, 2)}
	lordHowe  = mapi.ZoneRule{Bias: -630, DaylightBias: -30, Standard: yearly(4, 0, 1, 2), Daylight: yearly(10, 0, 1, 2)}
	kolkata   = mapi.ZoneRule{Bias: -330}
	// Windows has Iran's changes at midnight like this.
	almostMidnight = mapi.ZoneRule{
		Bias: -210, DaylightBias: -60,
		Standard: mapi.SystemTime{Month: 9, Weekday: 2, Day: 3, Hour: 23, Minute: 59, Second: 59, Millisecond: 999},
		Daylight: mapi.SystemTime{Month: 3, Weekday: 6, Day: 3, Hour: 23, Minute: 59, Second: 59, Millisecond: 999},
	}
	zones = []struct {
		rule     mapi.ZoneRule
		iana     string
		from, to int // years in which they agree
	}{
		{berlin, "Europe/Berlin", 1997, 2037},
		{sydney, "Australia/Sydney", 2008, 2037},
		{newYork, "America/New_York", 2007, 2037},
		{newYork06, "America/New_York", 1987, 2006},
		{lordHowe, "Australia/Lord_Howe", 2008, 2037},
		{kolkata, "Asia/Kolkata", 1990, 2037},
	}
)

// The rules tell the same time as the zone database, at every hour about the changes and at random ones.
func TestZoneRule(t *testing.T) {
	for _, z := range zones {
		loc, err := time.LoadLocation(z.iana)
		if err != nil {
			t.Fatal(err)
		}
		made, err := z.rule.Location("made")
		if err != nil {
			t.Fatal(err)
		}
		check := func(at time.Time) {
			t.Helper()
			_, want := at.In(loc).Zone()
			if got := z.rule.Offset(at); got != time.Duration(want)*time.Second {
				t.Fatalf("%s at %v: the rule is %v ahead, the zone %d s", z.iana, at, got, want)
			}
			if _, got := at.In(made).Zone(); got != want {
				t.Fatalf("%s at %v: the location is %d s ahead, the zone %d", z.iana, at, got, want)
			}
			local := z.rule.Local(at)
			if got, want := local.String(), at.In(loc).Format("2006-01-02 15:04"); got != want {
				t.Fatalf("%s at %v: the clock shows %s, not %s", z.iana, at, got, want)
			}
			// The first of two instants at which the clock shows the time, or the only one.
			if back := z.rule.UTC(local); back.After(at) || at.Sub(back) > time.Hour || z.rule.Local(back) != local {
				t.Fatalf("%s: %v comes back as %v", z.iana, at, back)
			}
		}
		for year := z.from; year <= z.to; year++ {
			standard, daylight, ok := z.rule.Changes(year)
			if ok != z.rule.HasDaylight() {
				t.Fatalf("%s: in %d there are changes: %v", z.iana, year, ok)
			}
			for h := -6; ok && h <= 6; h++ {
				for _, at := range []time.Time{standard, daylight} {
					check(at.Add(time.Duration(h) * 30 * time.Minute))
				}
			}
		}
		rapid.Check(t, func(r *rapid.T) {
			from, to := time.Date(z.from, 1, 2, 0, 0, 0, 0, time.UTC).Unix(), time.Date(z.to+1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
			check(time.Unix(rapid.Int64Range(from/60, to/60-1440).Draw(r, "minute")*60, 0).UTC())
		})
	}
}

// What the clock leaves out is as if it had not been changed, as Go and RFC 5545 have it.
func TestZoneRuleGap(t *testing.T) {
	for _, c := range []struct {
		rule       mapi.ZoneRule
		local, utc string
	}{
		{berlin, "2024-03-31 02:30", "2024-03-31 01:30"},
		{berlin, "2024-10-27 02:30", "2024-10-27 00:30"},
		{sydney, "2024-10-06 02:30", "2024-10-05 16:30"},
		{sydney, "2024-04-07 02:30", "2024-04-06 15:30"},
		{newYork, "2024-03-10 02:00", "2024-03-10 07:00"},
		{newYork06, "2006-04-02 02:00", "2006-04-02 07:00"},
		{almostMidnight, "2006-03-19 00:30", "2006-03-18 21:00"},
		{almostMidnight, "2006-03-18 23:59", "2006-03-18 20:29"},
	} {
		local, err := time.Parse("2006-01-02 15:04", c.local)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.rule.UTC(mapi.MinutesOf(local)).Format("2006-01-02 15:04"); got != c.utc {
			t.Errorf("%s is %s, want %s", c.local, got, c.utc)
		}
	}
}

func TestZoneRuleLocationFails(t *testing.T) {
	for what, change := range map[string]func(*mapi.ZoneRule){
		"a bias of two days":    func(r *mapi.ZoneRule) { r.Bias = 2880 },
		"month 13":              func(r *mapi.ZoneRule) { r.Daylight.Month = 13 },
		"week 6":                func(r *mapi.ZoneRule) { r.Standard.Day = 6 },
		"a change in 2007 only": func(r *mapi.ZoneRule) { r.Standard.Year = 2007 },
		"weekday 7":             func(r *mapi.ZoneRule) { r.Standard.Weekday = 7 },
		"the hour 25":           func(r *mapi.ZoneRule) { r.Standard.Hour = 25 },
		"the smallest bias":     func(r *mapi.ZoneRule) { r.Bias, r.StandardBias, r.DaylightBias = -1<<31, -1<<31, -1<<31 },
	} {
		r := berlin
		change(&r)
		if loc, err := r.Location("it"); err == nil {
			t.Errorf("%s gives %v", what, loc)
		}
		// It still tells some time.
		r.Local(r.UTC(mapi.MinutesNone))
	}
}

func TestSystemTimeIn(t *testing.T) {
	for _, c := range []struct {
		s    mapi.SystemTime
		year int
		want string
	}{
		{yearly(3, 0, 5, 2), 2024, "2024-03-31 02:00:00"},
		{yearly(2, 4, 5, 0), 2024, "2024-02-29 00:00:00"},
		{yearly(2, 4, 5, 0), 2023, "2023-02-23 00:00:00"},
		{yearly(9, 6, 1, 24), 2024, "2024-09-08 00:00:00"},
		{almostMidnight.Standard, 2007, "2007-09-19 00:00:00"},
		{mapi.SystemTime{Year: 2007, Month: 11, Day: 4, Hour: 2}, 2007, "2007-11-04 02:00:00"},
		{mapi.SystemTime{Year: 2007, Month: 11, Day: 4, Hour: 2}, 2008, ""},
		{mapi.SystemTime{}, 2008, ""},
	} {
		got, ok := c.s.In(c.year)
		if ok != (c.want != "") || ok && got.Format("2006-01-02 15:04:05") != c.want {
			t.Errorf("%+v in %d is %v, %v, want %s", c.s, c.year, got, ok, c.want)
		}
	}
}

func drawRule(t *rapid.T) mapi.ZoneRule {
	bias := rapid.Int32()
	when := rapid.Custom(func(t *rapid.T) mapi.SystemTime {
		n := rapid.Uint16()
		return mapi.SystemTime{Year: n.Draw(t, "year"), Month: n.Draw(t, "month"), Weekday: n.Draw(t, "weekday"), Day: n.Draw(t, "day"), Hour: n.Draw(t, "hour"), Minute: n.Draw(t, "minute"), Second: n.Draw(t, "second"), Millisecond: n.Draw(t, "millisecond")}
	})
	return mapi.ZoneRule{
		Bias: bias.Draw(t, "bias"), StandardBias: bias.Draw(t, "standard bias"), DaylightBias: bias.Draw(t, "daylight bias"),
		Standard: when.Draw(t, "standard"), Daylight: when.Draw(t, "daylight"),
	}
}

func TestZoneRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := mapi.ZoneStruct{ZoneRule: drawRule(t), StandardYear: rapid.Uint16().Draw(t, "year"), DaylightYear: rapid.Uint16().Draw(t, "year")}
		if back, err := mapi.ParseZoneStruct(s.Encode()); err != nil || back != s {
			t.Fatalf("%+v comes back as %+v, %v", s, back, err)
		}
		d := mapi.ZoneDefinition{Key: rapid.String().Filter(func(s string) bool { return !strings.ContainsAny(s, "\x00\uFFFD") }).Draw(t, "key")}
		for range rapid.IntRange(1, 4).Draw(t, "rules") {
			d.Rules = append(d.Rules, mapi.YearRule{
				ZoneRule: drawRule(t), Flags: mapi.ZoneFlags(rapid.Uint16().Draw(t, "flags")), From: rapid.Uint16().Draw(t, "from"),
				Start: [7]uint16(rapid.SliceOfN(rapid.Uint16(), 7, 7).Draw(t, "start")),
			})
		}
		b, err := d.Encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := mapi.ParseZoneDefinition(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, back); diff != "" {
			t.Fatal(diff)
		}
		cut, err := mapi.ParseZoneDefinition(b[:len(b)-1])
		if err == nil || cut.Key != d.Key || len(cut.Rules) != len(d.Rules)-1 {
			t.Fatalf("without its last byte it is %+v, %v", cut, err)
		}
	})
}

func TestZoneDefinition(t *testing.T) {
	d := mapi.ZoneDefinition{Key: "Eastern Standard Time", Rules: []mapi.YearRule{
		{ZoneRule: newYork06, From: 1601},
		{ZoneRule: newYork, From: 2007, Flags: mapi.ZoneEffective | mapi.ZoneRecurCurrent},
	}}
	b, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if size := 8 + 2*len(d.Key) + 2 + 2*66; len(b) != size {
		t.Errorf("it has %d bytes, want %d", len(b), size)
	}
	if r, ok := d.Effective(); !ok || r != newYork {
		t.Errorf("the rule is %+v", r)
	}
	// Nothing is marked: the latest counts, wherever it stands.
	d.Rules[1].Flags = 0
	d.Rules[0], d.Rules[1] = d.Rules[1], d.Rules[0]
	if r, ok := d.Effective(); !ok || r != newYork {
		t.Errorf("without a mark the rule is %+v", r)
	}
	if _, ok := (mapi.ZoneDefinition{}).Effective(); ok {
		t.Error("nothing has a rule")
	}
	// A header with more in it than is known, and a size that is wrong.
	longer := append(bytes.Clone(b[:2]), b[2]+4, b[3])
	longer = append(longer, b[4:8+2*len(d.Key)+2]...)
	longer = append(append(longer, 9, 9, 9, 9), b[8+2*len(d.Key)+2:]...)
	wrong := bytes.Clone(b)
	wrong[2], wrong[3] = 0, 0
	for what, b := range map[string][]byte{"longer": longer, "of no size": wrong, "with bytes that follow": append(bytes.Clone(b), 7)} {
		if got, err := mapi.ParseZoneDefinition(b); err != nil || len(got.Rules) != 2 || got.Rules[0].ZoneRule != newYork06 {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	for what, z := range map[string]mapi.ZoneDefinition{"no rules": {Key: "UTC"}, "a long name": {Key: strings.Repeat("x", 1<<15), Rules: d.Rules}} {
		if _, err := z.Encode(); err == nil {
			t.Errorf("%s is written", what)
		}
	}
	for _, b := range [][]byte{nil, b[:7], b[:20], bytes.Repeat([]byte{0xFF}, 100)} {
		if _, err := mapi.ParseZoneDefinition(b); err == nil {
			t.Errorf("%x is accepted", b)
		}
	}
	if _, err := mapi.ParseZoneStruct(make([]byte, 47)); err == nil {
		t.Error("a short structure is accepted")
	}
}

// The old property wins where the two differ: it is what a program that knows the old one only has changed.
func TestSeriesRule(t *testing.T) {
	d := &mapi.ZoneDefinition{Key: "x", Rules: []mapi.YearRule{{ZoneRule: newYork, Flags: mapi.ZoneEffective}}}
	same, other := &mapi.ZoneStruct{ZoneRule: newYork}, &mapi.ZoneStruct{ZoneRule: newYork06}
	for _, c := range []struct {
		what           string
		d              *mapi.ZoneDefinition
		s              *mapi.ZoneStruct
		want           mapi.ZoneRule
		consistent, ok bool
	}{
		{"both", d, same, newYork, true, true},
		{"that differ", d, other, newYork06, false, true},
		{"the new one", d, nil, newYork, true, true},
		{"the old one", nil, other, newYork06, false, true},
		{"a new one without rules", &mapi.ZoneDefinition{}, other, newYork06, false, true},
		{"none", nil, nil, mapi.ZoneRule{}, false, false},
	} {
		got, consistent, ok := mapi.SeriesRule(c.d, c.s)
		if got != c.want || consistent != c.consistent || ok != c.ok {
			t.Errorf("%s: %+v, %v, %v", c.what, got, consistent, ok)
		}
	}
}

func TestZoneDescriptionOffset(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"(UTC+01:00) Amsterdam, Berlin, Bern, Rom, Stockholm, Wien": time.Hour,
		"(GMT-05:00) Eastern Time (US & Canada)":                    -5 * time.Hour,
		"(UTC-03:30) Newfoundland":                                  -3*time.Hour - 30*time.Minute,
		"(UTC\u221203:30) Newfoundland":                             -3*time.Hour - 30*time.Minute,
		"(UTC) Coordinated Universal Time":                          0,
		" (utc+14:00) Kiritimati":                                   14 * time.Hour,
	} {
		if got, ok := mapi.ZoneDescriptionOffset(s); !ok || got != want {
			t.Errorf("%q is %v, %v, want %v", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "tzone://Microsoft/Custom", "(UTC+1)", "(UTC01:00)", "(XYZ+01:00) x", "(UTC+01:00", "(UTC+99:00)", "(UTC+1:-5)", "()"} {
		if got, ok := mapi.ZoneDescriptionOffset(s); ok {
			t.Errorf("%q is %v", s, got)
		}
	}
}

func FuzzParseZoneDefinition(f *testing.F) {
	b, err := mapi.ZoneDefinition{Key: "W. Europe Standard Time", Rules: []mapi.YearRule{{ZoneRule: berlin}, {ZoneRule: sydney}}}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		z, err := mapi.ParseZoneDefinition(b)
		if len(z.Rules) > len(b)/62 {
			t.Fatal("it grew")
		}
		for _, r := range z.Rules {
			useRule(t, r.ZoneRule)
		}
		if err != nil {
			return
		}
		again, err := z.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := mapi.ParseZoneDefinition(again); err != nil || !cmp.Equal(back, z) {
			t.Fatalf("%+v comes back as %+v, %v", z, back, err)
		}
	})
}

func FuzzParseZoneStruct(f *testing.F) {
	f.Add(mapi.ZoneStruct{ZoneRule: berlin}.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		z, err := mapi.ParseZoneStruct(b)
		if err != nil {
			return
		}
		if again := z.Encode(); !bytes.Equal(again, b[:48]) {
			t.Fatalf("%x is written as %x", b, again)
		}
		useRule(t, z.ZoneRule)
	})
}

// useRule has a rule tell the time in every way; where it makes a location, that is to agree.
func useRule(t *testing.T, r mapi.ZoneRule) {
	at := time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC)
	r.Local(r.UTC(mapi.MinutesNone))
	r.UTC(0)
	loc, err := r.Location("it")
	if err != nil {
		return
	}
	if _, _, ok := r.Changes(2024); !ok {
		return
	}
	if _, got := at.In(loc).Zone(); time.Duration(got)*time.Second != r.Offset(at) {
		// Changes that are no days apart, or that lead into the next year, are told in no one way.
		standard, daylight, _ := r.Changes(2024)
		if gap := standard.Sub(daylight).Abs(); gap > 72*time.Hour && gap < 360*24*time.Hour {
			t.Fatalf("%+v: the location is %d s ahead, the rule %v", r, got, r.Offset(at))
		}
	}
}
