package ical

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
)

// The forms of dates and times (RFC 5545 3.3.4, 3.3.5).
const (
	dateForm  = "20060102"
	clockForm = "20060102T150405"
	utcForm   = "20060102T150405Z"
)

// moment writes a line with a date or time; nothing where it is none.
func (e *Encoder) moment(name string, m formats.Moment) {
	if !good(m) {
		return
	}
	e.l.Name(name)
	switch m.Form {
	case formats.MomentDate:
		e.l.Param("VALUE", "DATE")
		e.l.Raw(m.Clock.Format(dateForm))
	case formats.MomentInstant:
		e.l.Raw(m.Clock.Format(utcForm))
	case formats.MomentZoned:
		if id := e.zoneID(m.Zone); id != "" {
			e.l.Param("TZID", id)
		}
		e.l.Raw(m.Clock.Format(clockForm))
	default:
		e.l.Raw(m.Clock.Format(clockForm))
	}
	e.l.End()
}

// instant writes a line with a time in UTC; nothing where it is none.
func (e *Encoder) instant(name string, t time.Time) {
	if t = t.UTC(); writable(t) {
		e.l.Line(name, t.Format(utcForm))
	}
}

// good reports whether the moment is one that can be written.
func good(m formats.Moment) bool { return m.Form != formats.MomentNone && writable(m.Clock) }

// like returns the moment in the form of another, on whose side it stands in a component: RFC 5545 wants the values of
// DTSTART, RECURRENCE-ID, EXDATE and RDATE to be of one type.
func like(m, other formats.Moment) formats.Moment {
	if m.IsZero() || m.Form == other.Form && m.Form != formats.MomentZoned {
		return m
	}
	switch other.Form {
	case formats.MomentDate:
		return formats.Date(m.Clock.Date())
	case formats.MomentInstant:
		if m.IsDate() {
			m = atClockOf(m, other)
		}
		return formats.Instant(m.Time(nil))
	case formats.MomentFloating:
		if m.IsDate() {
			return atClockOf(m, other)
		}
		return formats.Floating(m.Clock)
	case formats.MomentZoned:
		switch m.Form {
		case formats.MomentDate:
			return atClockOf(m, other)
		case formats.MomentFloating:
			return formats.Zoned(m.Clock, other.Zone)
		case formats.MomentZoned:
			if m.Zone == other.Zone {
				return m
			}
		}
		return formats.Zoned(other.Zone.Clock(m.Time(nil)), other.Zone)
	}
	return m
}

// atClockOf returns the day of a date at the time of day of another moment, in its form.
func atClockOf(day, other formats.Moment) formats.Moment {
	y, mo, d := day.Clock.Date()
	h, mi, s := other.Clock.Clock()
	other.Clock = time.Date(y, mo, d, h, mi, s, 0, time.UTC)
	return other
}

// zoneID returns the identifier of a zone in this calendar, and "" for one without rules, whose times are floating.
func (e *Encoder) zoneID(z *formats.Zone) string { return e.ids[z] }

// ruleSum stands for the rules of a zone.
type ruleSum [sha256.Size]byte

// mostIDs bounds the zones whose identifiers are remembered from one item to the next: many items mostly share few.
const mostIDs = 256

// declare writes the zones of components that the calendar does not have yet. It reports whether all of them go by their
// own names.
func (e *Encoder) declare(c component) (plain bool) {
	if len(e.ids) > mostIDs {
		clear(e.ids)
	}
	plain = true
	c.zones(&e.opts, func(z *formats.Zone) {
		if !isDefined(z) {
			return
		}
		id, fresh := e.identify(z)
		if fresh {
			e.timezone(id, z)
		}
		if plain {
			plain = id == plainID(z)
		}
	})
	return plain
}

// identify gives a zone its identifier in the calendar, and reports whether it is new there. One that has the name of
// another and other rules gets a name of its own.
func (e *Encoder) identify(z *formats.Zone) (id string, fresh bool) {
	if id, ok := e.ids[z]; ok {
		return id, false
	}
	rules := z.Verbatim
	if rules == nil {
		rules = []byte(rulesOf(z))
	}
	sum := ruleSum(sha256.Sum256(rules))
	id = plainID(z)
	if known, ok := e.zones[id]; ok && known != sum {
		id += "-" + hex.EncodeToString(sum[:4])
	}
	e.ids[z] = id
	if _, ok := e.zones[id]; ok {
		return id, false
	}
	e.zones[id] = sum
	return id, true
}

// isDefined reports whether a calendar can say what a zone is.
func isDefined(z *formats.Zone) bool { return z != nil && (len(z.Onsets) > 0 || z.Verbatim != nil) }

// plainID returns the identifier of a zone where no other has it: the one that it came with.
func plainID(z *formats.Zone) string {
	if z.Verbatim != nil {
		return z.ID
	}
	return zoneName(z.ID)
}

// zoneName returns an identifier that programs find again however they compare it: it stands as a text in one place and
// as a parameter in others, which are not escaped alike.
func zoneName(id string) string {
	id = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`\;,:"^`, r) {
			return '-'
		}
		return r
	}, contentline.OneLine(strings.ToValidUTF8(id, "-")))
	return cmp.Or(strings.TrimSpace(id), "Local")
}

// rulesOf returns the rules of a zone as a text that equal rules share.
func rulesOf(z *formats.Zone) string {
	var b []byte
	for _, o := range z.Onsets {
		b = fmt.Appendf(b, "%s %d %d %t %s %s\n", o.Start.Format(clockForm), o.Before, o.After, o.Daylight, o.Name, onsetRule(&o))
	}
	return string(b)
}

func onsetRule(o *formats.Onset) string {
	if o.Rule == nil {
		return ""
	}
	rule := *o.Rule
	if u := rule.Until; !u.IsZero() && o.Before > 0 {
		// QUIRK: dateutil takes the end for what clocks show, and would miss the last change. The next is a year away.
		rule.Until = formats.Instant(u.Clock.Add(time.Duration(o.Before) * time.Second))
	}
	return Rule(&rule, formats.Instant(o.Start))
}

// onsetDates returns the times of a change whose rule ends, in a zone that has no name of IANA's; nothing where the rule
// does not end, or where that would be long.
//
// QUIRK: icalendar before 5.0 cannot read a rule that ends as RFC 5545 3.6.5 wants it, with UNTIL in UTC, in a zone whose
// name it does not know. Everybody reads dates; ical.js and libical do so where each has a line, and the start too.
func onsetDates(id string, o *formats.Onset) []string {
	named := strings.Contains(id, "/") && id[0] != '/'
	if named || o.Rule == nil || o.Rule.Until.IsZero() {
		return nil
	}
	const most = 100
	first, last := o.Start.Year()+1, o.Rule.Until.Clock.Year()+1
	if last-first > most {
		return nil
	}
	dates := []string{o.Start.Format(clockForm)}
	for year := first; year <= last; year++ {
		if at, ok := o.InYear(year); ok {
			dates = append(dates, at.Format(clockForm))
		}
	}
	return dates
}

// timezone writes a VTIMEZONE (RFC 5545 3.6.5).
func (e *Encoder) timezone(id string, z *formats.Zone) {
	if z.Verbatim != nil {
		e.verbatimZone(id, z)
		return
	}
	e.l.Line("BEGIN", "VTIMEZONE")
	e.l.TextLine("TZID", id)
	if z.Name != "" {
		e.l.TextLine("X-PST-ZONE-NAME", contentline.OneLine(z.Name))
	}
	onsets := slices.Clone(z.Onsets)
	slices.SortStableFunc(onsets, func(a, b formats.Onset) int { return a.Start.Compare(b.Start) })
	for i := range onsets {
		o := &onsets[i]
		kind := "STANDARD"
		if o.Daylight {
			kind = "DAYLIGHT"
		}
		e.l.Line("BEGIN", kind)
		e.l.Line("DTSTART", o.Start.Format(clockForm))
		e.l.Line("TZOFFSETFROM", offset(o.Before))
		e.l.Line("TZOFFSETTO", offset(o.After))
		if o.Name != "" {
			e.l.TextLine("TZNAME", contentline.OneLine(o.Name))
		}
		switch dates := onsetDates(id, o); {
		case len(dates) > 0:
			for _, d := range dates {
				e.l.Line("RDATE", d)
			}
		case o.Rule != nil:
			if rule := onsetRule(o); rule != "" {
				e.l.Line("RRULE", rule)
			}
		}
		e.l.Line("END", kind)
	}
	e.l.Line("END", "VTIMEZONE")
}

// offset formats an offset from UTC (RFC 5545 3.3.14).
func offset(seconds int) string {
	sign := '+'
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	s := fmt.Sprintf("%c%02d%02d", sign, seconds/3600, seconds/60%60)
	if seconds%60 != 0 {
		s += fmt.Sprintf("%02d", seconds%60)
	}
	return s
}

// duration formats a length of time (RFC 5545 3.3.6). Days are not used: in a zone they need not have 24 hours.
func duration(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "-", -d
	}
	if d%time.Minute == 0 {
		return fmt.Sprintf("%sPT%dM", sign, d/time.Minute)
	}
	return fmt.Sprintf("%sPT%dS", sign, d/time.Second)
}
