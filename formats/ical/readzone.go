package ical

import (
	"slices"
	"strings"
	"sync"
	"time"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
	"mailmill/formats/winzone"
)

// Zones are the time zones of a calendar by their identifiers. Its methods may be called by several goroutines at once.
type Zones struct {
	mu    sync.Mutex
	known map[string]*formats.Zone // nil for what nobody knows
	order []*formats.Zone          // as they stand in the file, those that it lacks last
}

// mostOnsets bounds the changes of a zone that are listed one by one.
const mostOnsets = 2000

// Add adds the zone of a VTIMEZONE. The first of a name counts.
func (z *Zones) Add(text []byte, o ReadOptions) {
	lines, _ := contentline.Decoder{CodePage: o.CodePage}.Decode(text)
	zone := parseZone(balanced(lines))
	if zone == nil {
		return
	}
	z.put(zone)
}

func (z *Zones) put(zone *formats.Zone) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.known == nil {
		z.known = make(map[string]*formats.Zone)
	}
	if z.known[zone.ID] == nil {
		z.known[zone.ID] = zone
		z.order = append(z.order, zone)
	}
}

// Find returns the zone of an identifier; nil where there is none.
func (z *Zones) Find(id string) *formats.Zone { return z.find(id) }

// find returns the zone of an identifier: one that was added, or the one that everybody knows by it; nil for another.
func (z *Zones) find(id string) *formats.Zone {
	z.mu.Lock()
	defer z.mu.Unlock()
	if zone, ok := z.known[id]; ok {
		return zone
	}
	if z.known == nil {
		z.known = make(map[string]*formats.Zone)
	}
	zone := knownZone(id)
	const most = 10000
	if len(z.known) < most {
		z.known[id] = zone
		if zone != nil {
			z.order = append(z.order, zone)
		}
	}
	return zone
}

// knownZone returns the zone that everybody knows by an identifier; nil where there is none.
func knownZone(id string) *formats.Zone {
	name := zoneOf(id)
	if name == "" {
		return nil
	}
	loc, err := winzone.Location(name)
	if err != nil {
		return nil
	}
	// What is older than 1970 has the rules of then, and what is newer those that are law now.
	zone := formats.ZoneOf(loc, time.Time{}, time.Date(2037, 12, 31, 0, 0, 0, 0, time.UTC))
	zone.ID = id
	return zone
}

// zoneOf returns the name in the zone database of a zone that is not defined where it is used.
//
// QUIRK: libical and Mozilla's programs put a path before the name.
func zoneOf(id string) string {
	id = strings.TrimSpace(id)
	for rest := strings.TrimPrefix(id, "/"); rest != ""; {
		if name, ok := winzone.Name(rest); ok {
			return name
		}
		if rest == "UTC" || rest == "GMT" || rest == "Z" {
			return "UTC"
		}
		_, after, ok := strings.Cut(rest, "/")
		if !ok {
			break
		}
		rest = after
	}
	return ""
}

// zoneID returns the identifier in a TZID. What is on a further line was a stray one.
func zoneID(value string) string {
	id, _, _ := strings.Cut(contentline.Unescape(value), "\n")
	return strings.TrimSpace(id)
}

// parseZone makes a zone of a VTIMEZONE (RFC 5545 3.6.5); nil of one without a name.
func parseZone(lines []contentline.Line) *formats.Zone {
	z := &formats.Zone{Verbatim: textOf(lines)}
	var at *observance
	depth := 0
	for i := range lines {
		p := &lines[i].Property
		switch {
		case p.Name == "BEGIN":
			depth++
			if name := strings.ToUpper(p.Value); depth == 2 && (name == "STANDARD" || name == "DAYLIGHT") {
				at = &observance{Onset: formats.Onset{Daylight: name == "DAYLIGHT"}}
			}
		case p.Name == "END":
			if depth == 2 && at != nil {
				z.Onsets = append(z.Onsets, at.onsets(mostOnsets-len(z.Onsets))...)
				at = nil
			}
			depth--
		case depth == 1 && p.Name == "TZID" && z.ID == "":
			z.ID = zoneID(p.Value)
		case depth == 1 && p.Name == "X-PST-ZONE-NAME":
			z.Name = contentline.Unescape(p.Value)
		case depth == 2 && at != nil:
			at.property(p)
		}
	}
	if z.ID == "" {
		return nil
	}
	if len(z.Onsets) == 0 {
		// QUIRK: programs define zones by their name alone. What everybody knows by it is written.
		if known := knownZone(z.ID); known != nil {
			return known
		}
	}
	return z
}

// observance is a STANDARD or DAYLIGHT of a zone.
type observance struct {
	formats.Onset
	dates []time.Time
	wrong bool
}

func (o *observance) property(p *contentline.Property) {
	var ok bool
	switch p.Name {
	case "DTSTART":
		m := parseMoment(p.Value, nil)
		o.Start, o.wrong = m.Clock, o.wrong || m.IsZero()
	case "TZOFFSETFROM":
		o.Before, ok = parseOffset(p.Value)
		o.wrong = o.wrong || !ok
	case "TZOFFSETTO":
		o.After, ok = parseOffset(p.Value)
		o.wrong = o.wrong || !ok
	case "TZNAME":
		if o.Name == "" {
			o.Name = contentline.Unescape(p.Value)
		}
	case "RDATE":
		for v := range strings.SplitSeq(p.Value, ",") {
			v, _, _ = strings.Cut(v, "/")
			if m := parseMoment(v, nil); !m.IsZero() && len(o.dates) < mostOnsets {
				o.dates = append(o.dates, m.Clock)
			}
		}
	case "RRULE":
		if r := parseRule(p.Value, formats.Moment{}); r != nil && r.Frequency == formats.Yearly {
			r.Text = ""
			o.Rule = r
		}
	}
}

// onsets returns the changes that the observance makes, at most so many.
func (o *observance) onsets(most int) []formats.Onset {
	if o.wrong || o.Start.IsZero() {
		return nil
	}
	list := []formats.Onset{o.Onset}
	if o.Rule != nil && o.Rule.Until.Form == formats.MomentFloating {
		// QUIRK: older programs write the end as clocks show it. It has to be in UTC (RFC 5545 3.6.5).
		o.Rule.Until = formats.Instant(o.Rule.Until.Clock.Add(-time.Duration(o.Before) * time.Second))
	}
	if o.Rule != nil && o.Rule.Count > 0 {
		// So many changes are listed.
		rule := o.Onset
		list[0].Rule = nil
		for year := o.Start.Year() + 1; len(list) < min(o.Rule.Count, most) && year < o.Start.Year()+200; year++ {
			if at, ok := rule.InYear(year); ok {
				one := list[0]
				one.Start = at
				list = append(list, one)
			}
		}
	}
	for _, d := range o.dates {
		if d.Equal(o.Start) {
			continue
		}
		one := o.Onset
		one.Start, one.Rule = d, nil
		list = append(list, one)
	}
	return slices.Clip(list[:min(len(list), max(most, 0))])
}

// parseOffset reads an offset from UTC in seconds (RFC 5545 3.3.14).
func parseOffset(s string) (int, bool) {
	s = strings.ReplaceAll(strings.TrimSpace(s), ":", "")
	if s == "" {
		return 0, false
	}
	sign := 1
	switch s[0] {
	case '-':
		sign, s = -1, s[1:]
	case '+':
		s = s[1:]
	}
	n, ok := digits(s)
	if !ok {
		return 0, false
	}
	switch len(s) {
	case 1, 2:
		n *= 3600
	case 3, 4:
		n = n/100*3600 + n%100*60
	case 6:
		n = n/10000*3600 + n/100%100*60 + n%100
	default:
		return 0, false
	}
	const most = 26 * 3600
	return sign * n, n <= most
}

// digits reads a number of nothing but digits.
func digits(s string) (int, bool) {
	if s == "" || len(s) > 9 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}
