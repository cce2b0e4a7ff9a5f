package outlook

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/winzone"
)

// zone is a time zone as an item has it.
type zone struct {
	// named has the IANA name, and own one of its own; both have the item's rules. named is nil where no name is known.
	named, own *formats.Zone
	loc        *time.Location // of the IANA name
}

// at returns the zone to write for what happens at the instants: the one with the IANA name where its clock shows the
// same as the item's. Programs that know the name take their own rules for it, and those may differ: a government has
// changed its mind, or somebody has made up the rules.
func (z *zone) at(instants ...time.Time) *formats.Zone {
	if z == nil {
		return nil
	}
	if z.named == nil {
		return z.own
	}
	for _, t := range instants {
		if t.IsZero() {
			continue
		}
		if _, offset := t.In(z.loc).Zone(); !z.named.Clock(t).Equal(t.UTC().Add(time.Duration(offset) * time.Second)) {
			return z.own
		}
	}
	return z.named
}

// clock returns what the zone's clock shows.
func (z *zone) clock(t time.Time) time.Time { return z.own.Clock(t) }

// yearRule is a rule and the first year in which it counts.
type yearRule struct {
	from int
	mapi.ZoneRule
}

// The years from which zones are described, and before which there is hardly anything in an archive.
const (
	zoneBase  = 1970
	zoneEarly = 1900
)

// usualZone returns the zone of what does not say its own, nil for none.
func (c *Converter) usualZone() *formats.Zone {
	if c.opt.Zone == nil {
		return nil
	}
	return c.opt.Zone()
}

// isOwnTime reports whether a zone that has an IANA name shows at an instant what programs that know the name take it to
// show. For zones without one it does.
func (c *Converter) isOwnTime(z *formats.Zone, t time.Time) bool {
	known, _ := c.knownZone("named "+z.ID, func() (*zone, error) {
		loc, err := winzone.Location(z.ID)
		return &zone{loc: loc}, err
	})
	if known.loc == nil {
		return true
	}
	_, offset := t.In(known.loc).Zone()
	return z.Clock(t).Equal(t.UTC().Add(time.Duration(offset) * time.Second))
}

// Zone returns the time zone that a message says it is in, nil where it says none. It is the one that [Options.Zone]
// stands in for elsewhere.
func (c *Converter) Zone(m mapi.Message) *formats.Zone {
	var damage []formats.Damage // which counts where the message is converted
	of := message{c: c, m: m, memory: &memory{}, bag: bag{p: m, cp: c.opt.CodePage, damage: &damage}}
	start, _ := of.times()
	z := of.itemZone(mapi.PidLidAppointmentZoneStart, mapi.Name{}, start.Year())
	if z == nil {
		z = of.itemZone(mapi.PidLidAppointmentZoneRecur, mapi.PidLidTimeZoneStruct, start.Year())
	}
	return z.at(start)
}

// itemZone reads a zone from a definition and, where series have one, the older form, which wins where they differ
// (MS-OXOCAL 2.2.1.41). It is nil where there is none.
func (m *message) itemZone(definition, structure mapi.Name, year int) *zone {
	b := m.named(definition, "time zone").Bytes()
	var old []byte
	if structure != (mapi.Name{}) {
		old = m.named(structure, "time zone").Bytes()
	}
	if len(b) == 0 && len(old) == 0 {
		if structure == (mapi.Name{}) {
			return nil
		}
		return m.describedZone(year)
	}
	text := m.namedLine(mapi.PidLidTimeZoneDescription, "time zone")
	early := year < zoneBase
	key := fmt.Sprintf("%t %d %d ", early, len(b), len(old)) + string(b) + string(old) + text
	z, err := m.c.knownZone(key, func() (*zone, error) { return makeZone(b, old, text, early) })
	if err != nil {
		m.lose("time zone", err)
	}
	return z
}

// knownZone returns the zone that was made for the key before, or makes it.
func (c *Converter) knownZone(key string, make func() (*zone, error)) (*zone, error) {
	if z, ok := c.zones.Load(key); ok {
		known := z.(knownZone)
		return known.zone, known.err
	}
	z, err := make()
	// What hostile input makes of it stays small: an archive has a few zones.
	if len(key) <= maxZoneKey && c.zoneCount.Add(1) < maxZones {
		c.zones.Store(key, knownZone{z, err})
	}
	return z, err
}

// describedZone returns the zone that is only told as people see it, "(UTC+01:00) Amsterdam, Berlin", nil where that tells
// of no place that is known. Its rules are those of the place.
func (m *message) describedZone(year int) *zone {
	text := m.namedLine(mapi.PidLidTimeZoneDescription, "time zone")
	ahead, ok := mapi.ZoneDescriptionOffset(text)
	if !ok {
		return nil
	}
	z, _ := m.c.knownZone(fmt.Sprintf("described %d %s", year, text), func() (*zone, error) {
		name, _ := winzone.Named(year, ahead, text)
		loc, err := winzone.Location(name)
		if err != nil {
			return nil, nil // it says something, but not where
		}
		const years = 10 // in which what is not the same every year shows
		of := formats.ZoneOf(loc, time.Date(year-1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(year+years, 1, 1, 0, 0, 0, 0, time.UTC))
		of.Name = text
		return &zone{named: of, own: of, loc: loc}, nil
	})
	return z
}

// Bounds on zones: how many are remembered, of which size, and how many rules they have. Windows has a few dozen.
const (
	maxZones   = 1 << 12
	maxZoneKey = 1 << 14
	maxRules   = 1 << 8
)

// knownZone is a zone that was made before, and what was wrong with it.
type knownZone struct {
	zone *zone
	err  error
}

// errNoRule says that a zone has no rule that can be used.
var errNoRule = errors.New("the time zone has no rule")

// makeZone makes a zone of its stored forms, of which one may be missing, and the text that people see.
func makeZone(b, old []byte, text string, early bool) (*zone, error) {
	var errs []error
	var definition *mapi.ZoneDefinition
	if len(b) > 0 {
		d, err := mapi.ParseZoneDefinition(b)
		if err != nil {
			errs = append(errs, err)
		}
		definition = &d
	}
	var structure *mapi.ZoneStruct
	if len(old) > 0 {
		s, err := mapi.ParseZoneStruct(old)
		if err != nil {
			errs = append(errs, err)
		} else {
			structure = &s
		}
	}
	rule, consistent, ok := mapi.SeriesRule(definition, structure)
	if !ok {
		return nil, errors.Join(append(errs, errNoRule)...)
	}
	const day = 24 * time.Hour
	sound := func(r mapi.ZoneRule) bool { return max(r.StandardOffset().Abs(), r.DaylightOffset().Abs()) < day }
	rules := []yearRule{{0, rule}}
	if definition != nil && consistent && len(definition.Rules) > 1 && len(definition.Rules) <= maxRules {
		rules = rules[:0]
		for _, r := range definition.Rules {
			if sound(r.ZoneRule) {
				rules = append(rules, yearRule{int(r.From), r.ZoneRule})
			}
		}
		slices.SortStableFunc(rules, func(a, b yearRule) int { return cmp.Compare(a.from, b.from) })
		rules = slices.CompactFunc(rules, func(a, b yearRule) bool { return a.from == b.from || a.ZoneRule == b.ZoneRule })
	}
	if len(rules) == 0 || !sound(rules[0].ZoneRule) {
		return nil, errors.Join(append(errs, fmt.Errorf("the time zone is %v ahead of UTC", rule.StandardOffset()))...)
	}
	base := zoneBase
	if early {
		base = zoneEarly
	}
	onsets := onsetsOf(rules, base)
	key := ""
	if definition != nil {
		key = definition.Key
	}
	label := firstText(text, oneLine(key))
	sum := sha256.New()
	for _, o := range onsets {
		fmt.Fprintln(sum, o.Start, o.Before, o.After, o.Daylight, o.Rule)
	}
	z := &zone{own: &formats.Zone{ID: "/pst/" + hex.EncodeToString(sum.Sum(nil)[:8]), Name: label, Onsets: onsets}}
	name, found := winzone.Name(key)
	if !found {
		// Localized keys, and those of zones that somebody changed. The year is one in which the last rule counts.
		year := max(rules[len(rules)-1].from, 2015)
		if last := rules[len(rules)-1].ZoneRule; last.Daylight.Year != 0 {
			year = int(last.Daylight.Year)
		}
		name, found = winzone.Guess(year, rules[len(rules)-1].Offset, firstText(text, key))
	}
	if found {
		if loc, err := winzone.Location(name); err == nil {
			z.loc = loc
			z.named = &formats.Zone{ID: name, Name: text, Onsets: onsets}
		}
	}
	return z, errors.Join(errs...)
}

// onsetsOf says as changes of a zone what its rules are, of which each counts until the next, from the year base on.
func onsetsOf(rules []yearRule, base int) []formats.Onset {
	var list []formats.Onset
	for i, r := range rules {
		from, to := base, 0
		if i > 0 {
			from = max(r.from, base)
		}
		if i+1 < len(rules) {
			if to = rules[i+1].from; to <= from {
				continue // another counts from the beginning
			}
		}
		begin := time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC)
		offset := r.Offset(begin.Add(-r.StandardOffset()))
		before := offset
		if len(list) > 0 {
			before = rules[i-1].Offset(begin.Add(-rules[i-1].StandardOffset()))
		}
		if len(list) == 0 && !r.HasDaylight() || before != offset {
			// The rules of the years before and after do not agree on what the clock shows between them.
			list = append(list, formats.Onset{
				Start: begin, Before: seconds(before), After: seconds(offset),
				Daylight: r.HasDaylight() && offset == r.DaylightOffset(),
			})
		}
		if r.HasDaylight() {
			list = appendChange(list, r.Standard, r.DaylightOffset(), r.StandardOffset(), false, from, to)
			list = appendChange(list, r.Daylight, r.StandardOffset(), r.DaylightOffset(), true, from, to)
		}
	}
	if len(list) == 0 {
		offset := seconds(rules[len(rules)-1].StandardOffset())
		list = append(list, formats.Onset{Start: time.Date(base, 1, 1, 0, 0, 0, 0, time.UTC), Before: offset, After: offset})
	}
	return list
}

// appendChange adds a yearly change from a year on until before another, or for ever where that is 0.
func appendChange(list []formats.Onset, s mapi.SystemTime, before, after time.Duration, daylight bool, from, to int) []formats.Onset {
	o := formats.Onset{Before: seconds(before), After: seconds(after), Daylight: daylight}
	if s.Year != 0 {
		at, ok := s.In(int(s.Year))
		if !ok || int(s.Year) < from || to > 0 && int(s.Year) >= to {
			return list
		}
		o.Start = at
		return append(list, o)
	}
	if to == from+1 {
		at, ok := s.In(from)
		if ok {
			o.Start = at
			list = append(list, o)
		}
		return list
	}
	week := int(s.Day)
	if s.Millisecond > 0 && week < 5 {
		// The change is at midnight, after the weekday that is named.
		return appendAfter(list, o, s, from, to)
	}
	s.Millisecond = 0 // in the last week the day after may be one of the next month: a second is nothing
	at, ok := s.In(from)
	if !ok {
		return list
	}
	if week == 5 {
		week = -1
	}
	o.Start = at
	o.Rule = &formats.Recurrence{
		Frequency: formats.Yearly,
		ByMonth:   []formats.RuleMonth{{Number: int(s.Month)}},
		ByDay:     []formats.WeekdayNum{{Day: time.Weekday(s.Weekday), N: week}},
	}
	return append(list, until(o, s, to))
}

// appendAfter adds a change on the day after a weekday that is counted in its month.
func appendAfter(list []formats.Onset, o formats.Onset, s mapi.SystemTime, from, to int) []formats.Onset {
	at, ok := s.In(from)
	if !ok {
		return list
	}
	o.Start = at
	o.Rule = &formats.Recurrence{
		Frequency: formats.Yearly,
		ByMonth:   []formats.RuleMonth{{Number: int(s.Month)}},
		ByDay:     []formats.WeekdayNum{{Day: at.Weekday()}},
	}
	passed := 0 // midnights between the day that is named and the change
	if time.Weekday(s.Weekday) != at.Weekday() {
		passed = 1
	}
	for d := 7*(int(s.Day)-1) + 1; d <= 7*int(s.Day); d++ {
		o.Rule.ByMonthDay = append(o.Rule.ByMonthDay, d+passed)
	}
	return append(list, until(o, s, to))
}

// until ends a change with the year before another.
func until(o formats.Onset, s mapi.SystemTime, to int) formats.Onset {
	if to == 0 {
		return o
	}
	last, ok := s.In(to - 1)
	if !ok || !last.After(o.Start) {
		o.Rule = nil
		return o
	}
	o.Rule.Until = formats.Instant(last.Add(-time.Duration(o.Before) * time.Second))
	return o
}

func seconds(d time.Duration) int { return int(d / time.Second) }
