package mapi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"
)

// SystemTime is Windows' SYSTEMTIME (MS-DTYP 2.3.13). In a zone's rule it tells when the clock changes: with a Year of 0,
// every year in the Month, on its Day-th Weekday or the last one if Day is 5; else once, on that date. A Month of 0 is no
// change.
type SystemTime struct {
	Year, Month, Weekday, Day, Hour, Minute, Second, Millisecond uint16
}

// IsZero reports whether the time is none.
func (s SystemTime) IsZero() bool { return s.Month == 0 }

// In returns when the clock changes in a year, as it shows before the change and as a time in UTC, which it is not. It
// returns false where the clock does not change in that year, or the rule makes no sense.
func (s SystemTime) In(year int) (time.Time, bool) {
	if s.Month < 1 || s.Month > monthsPerYear || s.Weekday >= noDay || s.Hour > 24 || s.Minute > 59 || s.Second > 59 {
		return time.Time{}, false
	}
	day := int(s.Day)
	switch {
	case s.Year != 0:
		if int(s.Year) != year || day < 1 || day > 31 {
			return time.Time{}, false
		}
	case day < 1 || day > 5:
		return time.Time{}, false
	default:
		first := time.Date(year, time.Month(s.Month), 1, 0, 0, 0, 0, time.UTC).Weekday()
		day = 1 + (int(s.Weekday)+noDay-int(first))%noDay + noDay*(day-1)
		if last := time.Date(year, time.Month(s.Month)+1, 0, 0, 0, 0, 0, time.UTC).Day(); day > last {
			day -= noDay
		}
	}
	t := time.Date(year, time.Month(s.Month), day, int(s.Hour), int(s.Minute), int(s.Second), 0, time.UTC)
	if s.Millisecond > 0 {
		// QUIRK: Windows has changes at 23:59:59.999 for those at midnight.
		t = t.Add(time.Second)
	}
	return t, true
}

func (c *cursor) systemTime(what string) (s SystemTime) {
	for _, f := range [...]*uint16{&s.Year, &s.Month, &s.Weekday, &s.Day, &s.Hour, &s.Minute, &s.Second, &s.Millisecond} {
		*f = c.uint16(what)
	}
	return s
}

func (s SystemTime) append(b []byte) []byte {
	for _, f := range [...]uint16{s.Year, s.Month, s.Weekday, s.Day, s.Hour, s.Minute, s.Second, s.Millisecond} {
		b = binary.LittleEndian.AppendUint16(b, f)
	}
	return b
}

// ZoneRule is how far a zone is from UTC and when that changes, as Windows has it. All biases are in minutes, positive in
// the west: UTC = local time + Bias + StandardBias, or DaylightBias while daylight saving time lasts.
type ZoneRule struct {
	Bias, StandardBias, DaylightBias int32
	// Standard and Daylight are when standard and daylight saving time begin, by the clock as it is before.
	Standard, Daylight SystemTime
}

// HasDaylight reports whether the clock changes.
func (r ZoneRule) HasDaylight() bool {
	return !r.Daylight.IsZero() && !r.Standard.IsZero() && r.DaylightBias != r.StandardBias
}

// StandardOffset returns what standard time is ahead of UTC.
func (r ZoneRule) StandardOffset() time.Duration {
	return -time.Duration(int64(r.Bias)+int64(r.StandardBias)) * time.Minute
}

// DaylightOffset returns what daylight saving time is ahead of UTC, the same as StandardOffset where there is none.
func (r ZoneRule) DaylightOffset() time.Duration {
	if !r.HasDaylight() {
		return r.StandardOffset()
	}
	return -time.Duration(int64(r.Bias)+int64(r.DaylightBias)) * time.Minute
}

// Changes returns the instants of a year at which standard and daylight saving time begin; false where the clock does
// not change in both directions.
func (r ZoneRule) Changes(year int) (standard, daylight time.Time, ok bool) {
	if !r.HasDaylight() {
		return time.Time{}, time.Time{}, false
	}
	standard, okStandard := r.Standard.In(year)
	daylight, okDaylight := r.Daylight.In(year)
	if !okStandard || !okDaylight {
		return time.Time{}, time.Time{}, false
	}
	return standard.Add(-r.DaylightOffset()), daylight.Add(-r.StandardOffset()), true
}

// Offset returns what the zone is ahead of UTC at an instant.
func (r ZoneRule) Offset(t time.Time) time.Duration {
	standard, daylight, ok := r.Changes(t.UTC().Add(r.StandardOffset()).Year())
	if !ok {
		return r.StandardOffset()
	}
	// In the south a year begins and ends with daylight saving time.
	inDaylight := !t.Before(daylight) && t.Before(standard)
	if standard.Before(daylight) {
		inDaylight = t.Before(standard) || !t.Before(daylight)
	}
	if inDaylight {
		return r.DaylightOffset()
	}
	return r.StandardOffset()
}

// UTC returns the instant at which the zone's clock shows a local time. Of the two that an hour shown twice has it is the
// first; an hour that the clock leaves out is taken as if the change had not been, as Outlook and RFC 5545 3.3.5 do.
func (r ZoneRule) UTC(local Minutes) time.Time {
	wall := local.Time()
	fast := max(r.StandardOffset(), r.DaylightOffset())
	slow := min(r.StandardOffset(), r.DaylightOffset())
	if t := wall.Add(-fast); r.Offset(t) == fast {
		return t
	}
	return wall.Add(-slow)
}

// Local returns what the zone's clock shows at an instant.
func (r ZoneRule) Local(t time.Time) Minutes { return MinutesOf(t.UTC().Add(r.Offset(t))) }

// Location returns the rule as a location that calculates with it at all times, past and future. It fails on biases of
// more than a day and on changes that make no sense; changes of one year only it cannot have either.
func (r ZoneRule) Location(name string) (*time.Location, error) {
	const day = 24 * time.Hour
	standard, daylight := r.StandardOffset(), r.DaylightOffset()
	if max(standard.Abs(), daylight.Abs()) >= day {
		return nil, fmt.Errorf("the time zone %q is %v ahead of UTC", name, standard)
	}
	if !r.HasDaylight() {
		return time.FixedZone(name, int(standard/time.Second)), nil
	}
	begin, err := r.Daylight.posix()
	if err != nil {
		return nil, fmt.Errorf("daylight saving time of the time zone %q: %w", name, err)
	}
	end, err := r.Standard.posix()
	if err != nil {
		return nil, fmt.Errorf("standard time of the time zone %q: %w", name, err)
	}
	// Go reads rules in the notation of POSIX, at the end of the file format of the zone database (RFC 9636 3).
	rule := fmt.Sprintf("<std>%s<dst>%s,%s,%s", posixOffset(standard), posixOffset(daylight), begin, end)
	return time.LoadLocationFromTZData(name, zoneFile(standard, rule))
}

// posix writes a yearly change as M.month.week.day/time.
func (s SystemTime) posix() (string, error) {
	if s.Year != 0 {
		return "", fmt.Errorf("its change is on one day of %d only", s.Year)
	}
	if _, ok := s.In(2000); !ok {
		return "", fmt.Errorf("its change is in month %d, on day %d of week %d, at %d:%02d:%02d", s.Month, s.Weekday, s.Day, s.Hour, s.Minute, s.Second)
	}
	seconds := (int(s.Hour)*60+int(s.Minute))*60 + int(s.Second)
	if s.Millisecond > 0 {
		seconds++
	}
	return fmt.Sprintf("M%d.%d.%d/%d:%02d:%02d", s.Month, s.Day, s.Weekday, seconds/3600, seconds/60%60, seconds%60), nil
}

// posixOffset writes an offset, which POSIX counts to the west.
func posixOffset(ahead time.Duration) string {
	sign, m := "-", int(ahead/time.Minute)
	if m < 0 {
		sign, m = "", -m
	}
	return fmt.Sprintf("%s%d:%02d", sign, m/60, m%60)
}

// zoneFile makes a file of the zone database, version 2, that has a single type of local time and the rule.
func zoneFile(standard time.Duration, rule string) []byte {
	var b []byte
	for range 2 { // once with 32 bits and once with 64
		b = append(b, "TZif2\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"...)
		// Numbers of: UT indicators, standard indicators, leap seconds, transitions, types, characters of names.
		for _, n := range [...]uint32{0, 0, 0, 0, 1, 4} {
			b = binary.BigEndian.AppendUint32(b, n)
		}
		b = binary.BigEndian.AppendUint32(b, uint32(int32(standard/time.Second)))
		b = append(b, 0, 0) // not daylight saving time; the first name
		b = append(b, "std\x00"...)
	}
	return append(b, "\n"+rule+"\n"...)
}

// ZoneStruct is PidLidTimeZoneStruct (MS-OXOCAL 2.2.1.39): the rule that a series counts with.
type ZoneStruct struct {
	ZoneRule
	// StandardYear and DaylightYear repeat the years of Standard and Daylight.
	StandardYear, DaylightYear uint16
}

const (
	zoneStructSize = 48
	zoneRuleSize   = 66
	zoneRuleBody   = zoneRuleSize - 4 // what the size field counts
)

var errZoneShort = errors.New("the time zone is cut short")

// ParseZoneStruct decodes PidLidTimeZoneStruct. Bytes that follow it are ignored.
func ParseZoneStruct(b []byte) (ZoneStruct, error) {
	c := cursor{b: b}
	z := ZoneStruct{}
	z.Bias, z.StandardBias, z.DaylightBias = int32(c.uint32("lBias")), int32(c.uint32("lStandardBias")), int32(c.uint32("lDaylightBias"))
	z.StandardYear = c.uint16("wStandardYear")
	z.Standard = c.systemTime("stStandardDate")
	z.DaylightYear = c.uint16("wDaylightYear")
	z.Daylight = c.systemTime("stDaylightDate")
	if c.err != nil {
		return ZoneStruct{}, fmt.Errorf("%w: it has %d of %d bytes", errZoneShort, len(b), zoneStructSize)
	}
	return z, nil
}

// Encode encodes PidLidTimeZoneStruct. [ParseZoneStruct] is its inverse.
func (z ZoneStruct) Encode() []byte {
	le := binary.LittleEndian
	b := make([]byte, 0, zoneStructSize)
	b = le.AppendUint32(b, uint32(z.Bias))
	b = le.AppendUint32(b, uint32(z.StandardBias))
	b = le.AppendUint32(b, uint32(z.DaylightBias))
	b = z.Standard.append(le.AppendUint16(b, z.StandardYear))
	return z.Daylight.append(le.AppendUint16(b, z.DaylightYear))
}

// ZoneDefinition is a zone with a name and rules that may differ from year to year: PidLidAppointmentTimeZoneDefinitionRecur
// (MS-OXOCAL 2.2.1.41), and -StartDisplay and -EndDisplay (2.2.1.42, 2.2.1.43), which are like it.
type ZoneDefinition struct {
	// Key is the zone's name in the registry of Windows, such as "W. Europe Standard Time". It is the same in every
	// language, but programs also write names of their own.
	Key   string
	Rules []YearRule
}

// YearRule is a rule of a [ZoneDefinition] (MS-OXOCAL 2.2.1.41.1, TZRule).
type YearRule struct {
	ZoneRule
	Flags ZoneFlags
	// From is the year in which the rule comes into effect, 1601 for one that always was.
	From uint16
	// Start is the rest of that time, of which nothing is used: month, weekday, day, hour, minute, second, millisecond.
	Start [7]uint16
}

// ZoneFlags are what a [YearRule] is for.
type ZoneFlags uint16

// The flags of rules.
const (
	// ZoneRecurCurrent marks the rule that is the series' [ZoneStruct].
	ZoneRecurCurrent ZoneFlags = 1
	// ZoneEffective marks the one rule that is used; the others are for comparison.
	ZoneEffective ZoneFlags = 2
)

// ParseZoneDefinition decodes a PidLidAppointmentTimeZoneDefinition. With an error come the name and the rules before
// the fault.
func ParseZoneDefinition(b []byte) (ZoneDefinition, error) {
	var z ZoneDefinition
	c := cursor{b: b}
	c.uint16("the version")
	size := c.uint16("cbHeader")
	head := c.off
	c.uint16("the reserved field")
	z.Key = strings.TrimRight(string16(&c, "KeyName"), "\x00")
	count := int(c.uint16("cRules"))
	if c.err != nil {
		return z, fmt.Errorf("%w: %w", errZoneShort, c.err)
	}
	// What the size says is the header's is skipped where more is there than is known; QUIRK: Exchange has written 0.
	if end := head + int(size); end > c.off && (len(b)-end)/zoneRuleSize >= count {
		c.off = end
	}
	z.Rules = make([]YearRule, 0, min(count, (len(b)-c.off)/zoneRuleSize))
	for i := range count {
		var r YearRule
		c.uint16("the version of the rule")
		size := c.uint16("the size of the rule")
		start := c.off
		r.Flags = ZoneFlags(c.uint16("the flags"))
		r.From = c.uint16("wYear")
		for j := range r.Start {
			r.Start[j] = c.uint16("the start")
		}
		r.Bias, r.StandardBias, r.DaylightBias = int32(c.uint32("lBias")), int32(c.uint32("lStandardBias")), int32(c.uint32("lDaylightBias"))
		r.Standard = c.systemTime("stStandardDate")
		r.Daylight = c.systemTime("stDaylightDate")
		if c.err != nil {
			return z, fmt.Errorf("rule %d of %d of the time zone %q: %w", i+1, count, z.Key, c.err)
		}
		if size > zoneRuleBody {
			c.off = min(start+int(size), len(b))
		}
		z.Rules = append(z.Rules, r)
	}
	if count == 0 {
		return z, fmt.Errorf("the time zone %q has no rules", z.Key)
	}
	return z, nil
}

// Encode encodes a PidLidAppointmentTimeZoneDefinition. [ParseZoneDefinition] is its inverse. It fails where the name or
// the number of rules is too large.
func (z ZoneDefinition) Encode() ([]byte, error) {
	const headerFields = 6
	le := binary.LittleEndian
	b := []byte{2, 1, 0, 0, 2, 0, 0, 0}
	head := len(b)
	for _, r := range z.Key {
		b = appendUTF16(b, r)
	}
	key := len(b) - head
	if key > math.MaxUint16-headerFields || len(z.Rules) == 0 || len(z.Rules) > math.MaxUint16 {
		return nil, fmt.Errorf("a time zone cannot be written: its name has %d bytes and it has %d rules", key, len(z.Rules))
	}
	le.PutUint16(b[2:], uint16(headerFields+key))
	le.PutUint16(b[6:], uint16(key/2))
	b = le.AppendUint16(b, uint16(len(z.Rules)))
	for i := range z.Rules {
		r := &z.Rules[i]
		b = append(b, 2, 1, zoneRuleBody, 0)
		b = le.AppendUint16(b, uint16(r.Flags))
		b = le.AppendUint16(b, r.From)
		for _, n := range r.Start {
			b = le.AppendUint16(b, n)
		}
		b = le.AppendUint32(b, uint32(r.Bias))
		b = le.AppendUint32(b, uint32(r.StandardBias))
		b = le.AppendUint32(b, uint32(r.DaylightBias))
		b = r.Daylight.append(r.Standard.append(b))
	}
	return b, nil
}

// Effective returns the rule that is to be used: the one marked so or, where none is, the latest. It returns false for a
// zone without rules.
func (z ZoneDefinition) Effective() (ZoneRule, bool) {
	best := -1
	for i, r := range z.Rules {
		if r.Flags&ZoneEffective != 0 {
			return r.ZoneRule, true
		}
		if best < 0 || r.From >= z.Rules[best].From {
			best = i
		}
	}
	if best < 0 {
		return ZoneRule{}, false
	}
	return z.Rules[best].ZoneRule, true
}

// SeriesRule returns the rule that a series counts with, and whether the two properties agree on it (MS-OXOCAL 2.2.1.41):
// where they do not, a program that knows only the [ZoneStruct] has changed it, and it is right. Either may be nil; without
// both there is no rule, and ok is false.
func SeriesRule(definition *ZoneDefinition, old *ZoneStruct) (rule ZoneRule, consistent, ok bool) {
	var effective ZoneRule
	if definition != nil {
		effective, ok = definition.Effective()
	}
	switch {
	case old == nil:
		return effective, ok, ok
	case !ok:
		return old.ZoneRule, false, true
	}
	return old.ZoneRule, effective == old.ZoneRule, true
}

// ZoneDescriptionOffset reads what PidLidTimeZoneDescription (MS-OXOCAL 2.2.1.40) tells for certain: the text, in whatever
// language, begins with what standard time is ahead of UTC, as in "(UTC+01:00) Amsterdam, Berlin" or "(GMT-05:00) Eastern
// Time (US & Canada)".
func ZoneDescriptionOffset(s string) (ahead time.Duration, ok bool) {
	s, found := strings.CutPrefix(strings.TrimSpace(s), "(")
	if !found {
		return 0, false
	}
	head, _, found := strings.Cut(s, ")")
	if !found || len(head) < 3 {
		return 0, false
	}
	if name := strings.ToUpper(head[:3]); name != "UTC" && name != "GMT" {
		return 0, false
	}
	head = strings.TrimSpace(strings.ReplaceAll(head[3:], "\u2212", "-"))
	if head == "" {
		return 0, true
	}
	var h, m int
	if _, err := fmt.Sscanf(head[1:], "%2d:%2d", &h, &m); err != nil || h < 0 || m < 0 || h > 15 || m > 59 {
		return 0, false
	}
	ahead = time.Duration(h)*time.Hour + time.Duration(m)*time.Minute
	switch head[0] {
	case '+':
		return ahead, true
	case '-':
		return -ahead, true
	}
	return 0, false
}
