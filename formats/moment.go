package formats

import "time"

// MomentForm says what is known of a [Moment].
type MomentForm uint8

// The forms.
const (
	MomentNone     MomentForm = iota
	MomentInstant             // a point of time, the same everywhere
	MomentZoned               // what the clocks of a zone show
	MomentFloating            // what the clock of whoever looks shows, wherever that is
	MomentDate                // a day of the calendar, without any time of day or zone
)

// Moment is a point of time with as much as is known of it, and no more: a birthday has no zone, and what recurs every
// week at nine does so in a zone, not in UTC. The zero Moment is none at all.
type Moment struct {
	Form MomentForm
	// Clock is what the clock shows, with the location UTC whatever the zone: for an instant the time in UTC, for a date
	// its midnight.
	Clock time.Time
	// Zone is that of a MomentZoned, and nil in all others.
	Zone *Zone
}

// Instant returns a point of time. A zero t is none.
func Instant(t time.Time) Moment {
	if t.IsZero() {
		return Moment{}
	}
	return Moment{Form: MomentInstant, Clock: t.UTC()}
}

// Zoned returns the moment when clocks in the zone show what clock shows, whatever its location. Without a zone it is
// floating.
func Zoned(clock time.Time, z *Zone) Moment {
	if z == nil {
		return Floating(clock)
	}
	return Moment{Form: MomentZoned, Clock: wall(clock), Zone: z}
}

// Floating returns what clock shows, whatever its location.
func Floating(clock time.Time) Moment { return Moment{Form: MomentFloating, Clock: wall(clock)} }

// Date returns a day.
func Date(year int, month time.Month, day int) Moment {
	return Moment{Form: MomentDate, Clock: time.Date(year, month, day, 0, 0, 0, 0, time.UTC)}
}

// wall returns the reading of a clock as a time in UTC.
func wall(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

// IsZero reports whether there is no moment.
func (m Moment) IsZero() bool { return m.Form == MomentNone }

// IsDate reports whether the moment is a day.
func (m Moment) IsDate() bool { return m.Form == MomentDate }

// Time returns the point of time of the moment. Where that depends on who looks, for dates and floating times, fallback
// is their zone; with nil it is UTC.
func (m Moment) Time(fallback *Zone) time.Time {
	switch m.Form {
	case MomentNone:
		return time.Time{}
	case MomentInstant:
		return m.Clock
	case MomentZoned:
		return m.Zone.Time(m.Clock)
	}
	if fallback == nil {
		return m.Clock
	}
	return fallback.Time(m.Clock)
}

// String returns the moment for people and for keys: RFC 3339 as far as it is known, "2026-03-29",
// "2026-03-29T09:00:00", "2026-03-29T09:00:00Z", "2026-03-29T09:00:00[Europe/Berlin]".
func (m Moment) String() string {
	const local = "2006-01-02T15:04:05"
	switch m.Form {
	case MomentInstant:
		return m.Clock.Format(local + "Z")
	case MomentZoned:
		if m.Zone == nil {
			return m.Clock.Format(local)
		}
		return m.Clock.Format(local) + "[" + m.Zone.ID + "]"
	case MomentFloating:
		return m.Clock.Format(local)
	case MomentDate:
		return m.Clock.Format(time.DateOnly)
	}
	return ""
}
