package compare

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"mailmill/formats"
)

// The forms of dates and times (RFC 5545 3.3.4 and 3.3.5).
const (
	dateForm  = "20060102"
	clockForm = "20060102T150405"
)

// zones are the time zones that a calendar defines, by their TZID.
type zones struct {
	defined map[string]*formats.Zone
	// known are those of the zone database, nil for names that are none of its.
	known map[string]*time.Location
	// left is what may still be looked up in zones, in onsets: a hostile calendar has many of both.
	left int
}

// mostLookups bounds the onsets that are looked at for one component, and mostOnsets those of a zone.
const (
	mostLookups = 200_000
	mostOnsets  = 500
)

// moment returns a date or time in canonical form: "2024-03-01", "2024-03-01T10:00:00" where it is nobody's zone, with
// "Z", or with the offset that its zone has then. The name of a zone does not count, as programs change it. What is no
// date stays as it is.
func (z *zones) moment(value, tzid string) string {
	value = strings.ToUpper(strings.TrimSpace(value))
	if date, err := time.Parse(dateForm, value); err == nil {
		return date.Format(time.DateOnly)
	}
	clock, utc := strings.CutSuffix(value, "Z")
	t, err := time.Parse(clockForm, clock)
	if err != nil {
		return value
	}
	switch {
	case utc:
		return t.Format(time.RFC3339)
	case tzid == "":
		return t.Format("2006-01-02T15:04:05")
	}
	instant, ok := z.instant(t, tzid)
	if !ok {
		return t.Format("2006-01-02T15:04:05") + " " + tzid
	}
	offset := int(t.Sub(instant) / time.Second)
	if offset == 0 {
		return t.Format(time.RFC3339)
	}
	return t.Format("2006-01-02T15:04:05") + offsetName(offset)
}

// offsetName writes an offset from UTC in seconds.
func offsetName(seconds int) string {
	at := time.Unix(0, 0).In(time.FixedZone("", seconds))
	if seconds%60 == 0 {
		return at.Format("Z07:00")
	}
	return at.Format("Z07:00:00")
}

// utc returns a moment as moment does, but in UTC where it is known when it is: programs write what an occurrence
// stands for in the zone of the series, or in UTC.
func (z *zones) utc(value, tzid string) string {
	s := z.moment(value, tzid)
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.UTC().Format(time.RFC3339)
	}
	return s
}

// instant returns when clocks of a zone show what clock shows: by the calendar's definition, or by the zone database.
func (z *zones) instant(clock time.Time, tzid string) (time.Time, bool) {
	zone := z.defined[tzid]
	if zone == nil {
		loc := z.database(tzid)
		if loc == nil || clock.Year() < 1 {
			return time.Time{}, false
		}
		return time.Date(clock.Year(), clock.Month(), clock.Day(), clock.Hour(), clock.Minute(), clock.Second(), 0, loc), true
	}
	if z.left -= len(zone.Onsets); z.left < 0 {
		return time.Time{}, false
	}
	return zone.Time(clock), true
}

// database returns a zone of the zone database; nil for a name that is none of its.
func (z *zones) database(tzid string) *time.Location {
	loc, asked := z.known[tzid]
	if asked || len(z.known) >= mostZones {
		return loc
	}
	if z.known == nil {
		z.known = make(map[string]*time.Location)
	}
	loc, err := time.LoadLocation(tzid)
	if err != nil || tzid == "Local" {
		loc = nil
	}
	z.known[tzid] = loc
	return loc
}

// knows reports whether a zone is defined, or needs no definition.
func (z *zones) knows(tzid string) bool { return tzid == "" || z.defined[tzid] != nil }

// course returns the offsets that a zone has from a moment on, on the first day of each month for two years: what a
// series goes by. It is empty for UTC.
func (z *zones) course(start, tzid string) string {
	clock, err := time.Parse(clockForm, strings.TrimSpace(start))
	if err != nil {
		return ""
	}
	var b strings.Builder
	last, count := "", 0
	flush := func() {
		if count > 0 {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(last + "×" + strconv.Itoa(count))
		}
	}
	first := time.Date(clock.Year(), clock.Month(), 1, 12, 0, 0, 0, time.UTC)
	for month := range 24 {
		at := first.AddDate(0, month, 0)
		instant, ok := z.instant(at, tzid)
		if !ok {
			return ""
		}
		if name := offsetName(int(at.Sub(instant) / time.Second)); name != last {
			flush()
			last, count = name, 0
		}
		count++
	}
	flush()
	if s := b.String(); s != "Z×24" {
		return s
	}
	return "" // UTC has many names, and needs none
}

// zoneOf makes a zone of a VTIMEZONE component (RFC 5545 3.6.5); nil where there is none in it.
func zoneOf(c *component) *formats.Zone {
	zone := new(formats.Zone)
	for _, sub := range c.subs {
		if sub.name != "STANDARD" && sub.name != "DAYLIGHT" || len(zone.Onsets) >= mostOnsets {
			continue
		}
		start, err := time.Parse(clockForm, strings.TrimSuffix(sub.first("DTSTART"), "Z"))
		before, ok1 := offsetOf(sub.first("TZOFFSETFROM"))
		after, ok2 := offsetOf(sub.first("TZOFFSETTO"))
		if err != nil || !ok1 || !ok2 {
			continue
		}
		onset := formats.Onset{Start: start, Before: before, After: after, Daylight: sub.name == "DAYLIGHT"}
		if rule := sub.first("RRULE"); rule != "" {
			onset.Rule = yearly(rule)
		}
		zone.Onsets = append(zone.Onsets, onset)
		for _, p := range sub.props {
			if p.name != "RDATE" {
				continue
			}
			for value := range strings.SplitSeq(p.value, ",") {
				at, err := time.Parse(clockForm, strings.TrimSpace(value))
				if err == nil && len(zone.Onsets) < mostOnsets {
					once := onset
					once.Start, once.Rule = at, nil
					zone.Onsets = append(zone.Onsets, once)
				}
			}
		}
	}
	if len(zone.Onsets) == 0 {
		return nil
	}
	return zone
}

// offsetOf reads a UTC offset (RFC 5545 3.3.14).
func offsetOf(s string) (seconds int, ok bool) {
	s = strings.TrimSpace(s)
	if len(s) != 5 && len(s) != 7 || s[0] != '+' && s[0] != '-' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[1:], 10, 32)
	if err != nil {
		return 0, false
	}
	if len(s) == 5 {
		n *= 100
	}
	seconds = int(n/10000*3600 + n/100%100*60 + n%100)
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, seconds > -86400 && seconds < 86400
}

var weekdays = []string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}

// yearly reads the rule of a zone, which repeats a change once a year; nil for any other.
func yearly(rule string) *formats.Recurrence {
	r := &formats.Recurrence{Frequency: formats.Yearly}
	for part := range strings.SplitSeq(strings.ToUpper(rule), ";") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "FREQ":
			if value != "YEARLY" {
				return nil
			}
		case "BYMONTH":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > 12 {
				return nil
			}
			r.ByMonth = []formats.RuleMonth{{Number: n}}
		case "BYMONTHDAY":
			for day := range strings.SplitSeq(value, ",") {
				n, err := strconv.Atoi(day)
				if err != nil || n < -31 || n > 31 || len(r.ByMonthDay) > 31 {
					return nil
				}
				r.ByMonthDay = append(r.ByMonthDay, n)
			}
		case "BYDAY":
			day := slices.Index(weekdays, value[max(len(value)-2, 0):])
			if day < 0 {
				return nil
			}
			n := 0
			if number := value[:len(value)-2]; number != "" {
				var err error
				if n, err = strconv.Atoi(number); err != nil {
					return nil
				}
			}
			r.ByDay = []formats.WeekdayNum{{Day: time.Weekday(day), N: n}}
		case "UNTIL":
			at, err := time.Parse(clockForm, strings.TrimSuffix(value, "Z"))
			if err != nil {
				at, err = time.Parse(dateForm, value)
			}
			if err != nil {
				return nil
			}
			r.Until = formats.Moment{Clock: at}
		}
	}
	return r
}
