package mapi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Minutes is a local time in minutes since 1601-01-01 00:00, in no zone or in one that is told elsewhere
// (MS-OXOCAL 2.2.1.44.1). Days begin at multiples of 1440.
type Minutes uint32

const (
	// MinutesNone is 4501-01-01 00:00, which stands for no time (MS-OXOTASK 2.2.2.2.4).
	MinutesNone Minutes = 0x5AE980E0
	// MinutesNever is the minute before, the end of a series that has none (MS-OXOCAL 2.2.1.44.1, EndDate).
	MinutesNever Minutes = 0x5AE980DF

	// MinutesPerDay is a day in [Minutes].
	MinutesPerDay = 1440
	// MinutesPerWeek is a week in [Minutes].
	MinutesPerWeek = 7 * MinutesPerDay
)

// secondsTo1970 is 1601-01-01 as a Unix time, negated.
const secondsTo1970 = fileTimeUnix / ticksPerSec

// MinutesOf returns the wall clock of t, whatever its zone, without its seconds. Times before 1601 are 0 and those
// that 32 bits cannot hold, from the year 9766 on, are [MinutesNone].
func MinutesOf(t time.Time) Minutes {
	y, m, d := t.Date()
	wall := time.Date(y, m, d, t.Hour(), t.Minute(), 0, 0, time.UTC).Unix() + secondsTo1970
	switch {
	case wall < 0:
		return 0
	case wall/60 > 0xFFFFFFFF:
		return MinutesNone
	}
	return Minutes(wall / 60)
}

// Time returns the wall clock as a time in UTC, which it is not: the zone is the caller's to apply.
func (m Minutes) Time() time.Time { return time.Unix(int64(m)*60-secondsTo1970, 0).UTC() }

// Day returns the number of whole days since 1601-01-01.
func (m Minutes) Day() int { return int(m / MinutesPerDay) }

// Midnight returns the beginning of the day.
func (m Minutes) Midnight() Minutes { return m - m%MinutesPerDay }

// IsNone reports whether the value stands for no time or no end instead of a time.
func (m Minutes) IsNone() bool { return m == MinutesNone || m == MinutesNever }

func (m Minutes) String() string { return m.Time().Format("2006-01-02 15:04") }

// Frequency is how Outlook's dialogue called a series (MS-OXOCAL 2.2.1.44.1, RecurFrequency). It does not tell how often
// it repeats: that is in the [PatternType] and the period. "Every weekday" is [Daily] with weekly patterns, and a series
// of every second year is [Monthly] with a period of 24.
type Frequency uint16

// The frequencies.
const (
	Daily   Frequency = 0x200A
	Weekly  Frequency = 0x200B
	Monthly Frequency = 0x200C
	Yearly  Frequency = 0x200D
)

// PatternType is what repeats (MS-OXOCAL 2.2.1.44.1).
type PatternType uint16

// The pattern types. Those of which the name begins with Hijri are counted in the Hijri calendar.
const (
	PatternDay           PatternType = 0x00 // every Period minutes
	PatternWeek          PatternType = 0x01 // on Days of every Period-th week
	PatternMonth         PatternType = 0x02 // on Day of every Period-th month
	PatternMonthNth      PatternType = 0x03 // on the Nth of Days of every Period-th month
	PatternMonthEnd      PatternType = 0x04 // on the last day of every Period-th month
	PatternHijriMonth    PatternType = 0x0A
	PatternHijriMonthNth PatternType = 0x0B
	PatternHijriMonthEnd PatternType = 0x0C
)

// IsHijri reports whether the months are those of the Hijri calendar.
func (t PatternType) IsHijri() bool { return t >= PatternHijriMonth && t <= PatternHijriMonthEnd }

// Gregorian returns the pattern that the Hijri one is in the Gregorian calendar, and others as they are.
func (t PatternType) Gregorian() PatternType {
	if t.IsHijri() {
		return t - PatternHijriMonth + PatternMonth
	}
	return t
}

// specific returns the number of 32-bit fields that belong to the pattern alone (MS-OXOCAL 2.2.1.44.1.3 to .6), -1 for
// patterns that nobody knows.
func (t PatternType) specific() int {
	switch t {
	case PatternDay:
		return 0
	case PatternWeek, PatternMonth, PatternMonthEnd, PatternHijriMonth, PatternHijriMonthEnd:
		return 1
	case PatternMonthNth, PatternHijriMonthNth:
		return 2
	}
	return -1
}

// CalendarType is the calendar that a series counts in (MS-OXOCAL 2.2.1.44.1).
type CalendarType uint16

// The calendars.
const (
	CalendarDefault         CalendarType = 0x00 // Gregorian, or Hijri where the [PatternType] says so
	CalendarGregorian       CalendarType = 0x01 // localized
	CalendarGregorianUS     CalendarType = 0x02
	CalendarJapan           CalendarType = 0x03 // Gregorian with Japanese eras
	CalendarTaiwan          CalendarType = 0x04 // Gregorian with another first year
	CalendarKorea           CalendarType = 0x05 // Gregorian with another first year
	CalendarHijri           CalendarType = 0x06
	CalendarThai            CalendarType = 0x07 // Gregorian with another first year
	CalendarHebrew          CalendarType = 0x08
	CalendarGregorianFrench CalendarType = 0x09 // of the Middle East
	CalendarGregorianArabic CalendarType = 0x0A
	CalendarGregorianXLitEn CalendarType = 0x0B // transliterated English
	CalendarGregorianXLitFr CalendarType = 0x0C // transliterated French
	CalendarLunarJapanese   CalendarType = 0x0E
	CalendarChineseLunar    CalendarType = 0x0F
	CalendarSaka            CalendarType = 0x10
	CalendarLunarETOChina   CalendarType = 0x11
	CalendarLunarETOKorea   CalendarType = 0x12
	CalendarLunarRokuyou    CalendarType = 0x13
	CalendarLunarKorean     CalendarType = 0x14
	CalendarUmAlQura        CalendarType = 0x17
)

// IsGregorian reports whether the calendar's months and years are those of the Gregorian, whatever it calls them.
func (c CalendarType) IsGregorian() bool {
	switch c {
	case CalendarDefault, CalendarGregorian, CalendarGregorianUS, CalendarJapan, CalendarTaiwan, CalendarKorea, CalendarThai,
		CalendarGregorianFrench, CalendarGregorianArabic, CalendarGregorianXLitEn, CalendarGregorianXLitFr:
		return true
	}
	return false
}

// Weekdays is a set of days of the week: bit 0 is Sunday, bit 6 Saturday (MS-OXOCAL 2.2.1.44.1.4).
type Weekdays uint32

// Sets of days of the week that have a name in Outlook's dialogue.
const (
	EveryDay    Weekdays = 0x7F
	WorkingDays Weekdays = 0x3E // Monday to Friday
	WeekendDays Weekdays = 0x41
)

// WeekdaysOf returns the set of the days.
func WeekdaysOf(days ...time.Weekday) Weekdays {
	var w Weekdays
	for _, d := range days {
		w |= 1 << d
	}
	return w
}

// Has reports whether the day is in the set.
func (w Weekdays) Has(d time.Weekday) bool { return w>>d&1 != 0 }

// EndType is how a series ends (MS-OXOCAL 2.2.1.44.1).
type EndType uint32

// The ends.
const (
	EndByDate EndType = 0x2021
	EndAfter  EndType = 0x2022 // a number of occurrences
	EndNever  EndType = 0x2023
	// EndNeverToo is another way to write EndNever.
	EndNeverToo EndType = 0xFFFFFFFF
)

// IsNever reports whether the series has no end.
func (e EndType) IsNever() bool { return e == EndNever || e == EndNeverToo }

// Pattern is when a series repeats (MS-OXOCAL 2.2.1.44.1, RecurrencePattern). Its times are local: an appointment's in the
// zone of its [ZoneStruct], a task's in none.
type Pattern struct {
	Frequency Frequency
	Type      PatternType
	Calendar  CalendarType
	// First is the phase of the series, in minutes since 1601-01-01: see [Pattern.Phase].
	First uint32
	// Period is the interval between occurrences: in minutes for PatternDay, in weeks for PatternWeek, in months for
	// all others. It can be 0 in damaged data.
	Period uint32
	// Sliding says that the next task comes Period after the last was completed, instead of by the calendar. It is 0 in
	// appointments.
	Sliding uint32
	// Days are those of PatternWeek and PatternMonthNth.
	Days Weekdays
	// Day is the day of the month of PatternMonth and PatternMonthEnd, in the calendar, from 1. A month that is shorter
	// has the occurrence on its last day.
	Day uint32
	// Nth is which of Days, 1 to 4 or 5 for the last, it is for PatternMonthNth.
	Nth uint32
	End EndType
	// Count is the number of occurrences, deleted ones included, of a series that ends after it. Outlook writes 10 or
	// what it has worked out where the series ends otherwise.
	Count uint32
	// FirstDay is the day that weeks begin with, 0 for Sunday.
	FirstDay uint32
	// Deleted are the days, as midnights, of occurrences that were deleted or modified; Modified those of the modified
	// ones only, as they are after it.
	Deleted, Modified []Minutes
	// Start is the day of the first occurrence and Last that of the last one, as midnights; Last is MinutesNever for
	// none.
	Start, Last Minutes
}

const (
	patternVersion = 0x3004 // ReaderVersion and WriterVersion
	noDay          = 7      // days of the week are 0 to 6
	monthsPerYear  = 12
)

var errPatternShort = errors.New("the recurrence pattern is cut short")

// ParseTaskRecurrence decodes PidLidTaskRecurrence (MS-OXOTASK 2.2.2.2.15), and of PidLidAppointmentRecur the part that is
// like it. It returns nil where the pattern cannot be read. A pattern that comes with an error is whole except for what
// the error names.
func ParseTaskRecurrence(b []byte) (*Pattern, error) {
	c := cursor{b: b}
	p, err := parsePattern(&c)
	if p == nil {
		return nil, err
	}
	if rest := len(b) - c.off; err == nil && rest > 0 {
		err = fmt.Errorf("%d bytes follow the recurrence pattern", rest)
	}
	return p, err
}

// parsePattern reads a RecurrencePattern (MS-OXOCAL 2.2.1.44.1).
func parsePattern(c *cursor) (*Pattern, error) {
	p := new(Pattern)
	reader := c.uint16("ReaderVersion")
	c.uint16("WriterVersion")
	p.Frequency = Frequency(c.uint16("RecurFrequency"))
	p.Type = PatternType(c.uint16("PatternType"))
	p.Calendar = CalendarType(c.uint16("CalendarType"))
	p.First = c.uint32("FirstDateTime")
	p.Period = c.uint32("Period")
	p.Sliding = c.uint32("SlidingFlag")
	if c.err != nil {
		return nil, fmt.Errorf("%w: %w", errPatternShort, c.err)
	}
	if reader != patternVersion {
		return nil, fmt.Errorf("the recurrence pattern has version 0x%04X", reader)
	}
	switch p.Type.specific() {
	case 0:
	case 1:
		if p.Type == PatternWeek {
			p.Days = Weekdays(c.uint32("the days of the week"))
		} else {
			p.Day = c.uint32("the day of the month")
		}
	case 2:
		p.Days = Weekdays(c.uint32("the days of the week"))
		p.Nth = c.uint32("which of the days")
	default:
		return nil, fmt.Errorf("the recurrence pattern is of type 0x%04X, which is not known", uint16(p.Type))
	}
	p.End = EndType(c.uint32("EndType"))
	p.Count = c.uint32("OccurrenceCount")
	p.FirstDay = c.uint32("FirstDOW")
	if c.err != nil {
		return nil, fmt.Errorf("%w: %w", errPatternShort, c.err)
	}
	p.Deleted = dates(c, "DeletedInstanceDates")
	p.Modified = dates(c, "ModifiedInstanceDates")
	p.Start = Minutes(c.uint32("StartDate"))
	p.Last = Minutes(c.uint32("EndDate"))
	if c.err != nil {
		// Without its lists the series is still known, but for the days on which it begins and ends.
		p.Start, p.Last = 0, MinutesNever
		return p, fmt.Errorf("%w: %w", errPatternShort, c.err)
	}
	return p, nil
}

// dates reads a counted list of days. One that is longer than the input is an error, and nothing of it is read.
func dates(c *cursor, what string) []Minutes {
	n := c.uint32("the number of " + what)
	b := c.take(4*uint64(n), what)
	if len(b) == 0 {
		return nil
	}
	list := make([]Minutes, 0, len(b)/4)
	for ; len(b) >= 4; b = b[4:] {
		list = append(list, Minutes(binary.LittleEndian.Uint32(b)))
	}
	return list
}

// Phase computes what First should be (MS-OXOCAL 2.2.1.44.1.1): the time from 1601-01-01 to the first day, week or month
// that the series could have had, in minutes. It needs Type, Period, FirstDay and Start. For other calendars than the
// Gregorian it returns First.
func (p *Pattern) Phase() uint32 {
	period := uint64(max(p.Period, 1))
	start := p.Start.Midnight()
	switch {
	case p.Type == PatternDay:
		return uint32(uint64(start) % period)
	case p.Type == PatternWeek:
		week := uint64(weekOf(start, p.FirstDay))
		return uint32(week % (period * MinutesPerWeek))
	case !p.Calendar.IsGregorian() || p.Type.IsHijri():
		return p.First
	}
	t := start.Time()
	months := uint64(t.Year()-1601)*monthsPerYear + uint64(t.Month()-1)
	return uint32(MinutesOf(time.Date(1601, time.Month(1+months%period), 1, 0, 0, 0, 0, time.UTC)))
}

// weekOf returns the beginning of the day's week. Before 1601-01-01, a Monday, is no time: the week that it is in begins
// with it.
func weekOf(day Minutes, first uint32) Minutes {
	back := (uint32(day.Time().Weekday()) + noDay - first%noDay) % noDay * MinutesPerDay
	if uint32(day) < back {
		return 0
	}
	return day - Minutes(back)
}

// EncodeTask encodes PidLidTaskRecurrence (MS-OXOTASK 2.2.2.2.15). [ParseTaskRecurrence] is its inverse. It refuses
// what the format has no place for, and deleted or modified occurrences, which tasks cannot have.
func (p *Pattern) EncodeTask() ([]byte, error) {
	if len(p.Deleted)+len(p.Modified) > 0 {
		return nil, errors.New("the recurrence pattern of a task has deleted or modified occurrences")
	}
	return p.encode(nil)
}

func (p *Pattern) encode(b []byte) ([]byte, error) {
	le := binary.LittleEndian
	if err := p.check(); err != nil {
		return nil, err
	}
	b = le.AppendUint16(b, patternVersion)
	b = le.AppendUint16(b, patternVersion)
	b = le.AppendUint16(b, uint16(p.Frequency))
	b = le.AppendUint16(b, uint16(p.Type))
	b = le.AppendUint16(b, uint16(p.Calendar))
	b = le.AppendUint32(b, p.First)
	b = le.AppendUint32(b, p.Period)
	b = le.AppendUint32(b, p.Sliding)
	switch p.Type.specific() {
	case 1:
		if p.Type == PatternWeek {
			b = le.AppendUint32(b, uint32(p.Days))
		} else {
			b = le.AppendUint32(b, p.Day)
		}
	case 2:
		b = le.AppendUint32(b, uint32(p.Days))
		b = le.AppendUint32(b, p.Nth)
	}
	b = le.AppendUint32(b, uint32(p.End))
	b = le.AppendUint32(b, p.Count)
	b = le.AppendUint32(b, p.FirstDay)
	for _, list := range [...][]Minutes{p.Deleted, p.Modified} {
		b = le.AppendUint32(b, uint32(len(list)))
		for _, m := range list {
			b = le.AppendUint32(b, uint32(m))
		}
	}
	b = le.AppendUint32(b, uint32(p.Start))
	return le.AppendUint32(b, uint32(p.Last)), nil
}

// check says what Outlook would not understand.
func (p *Pattern) check() error {
	bad := func(field string, value any) error {
		return fmt.Errorf("a recurrence pattern cannot be written: its %s is %v", field, value)
	}
	switch {
	case p.Frequency < Daily || p.Frequency > Yearly:
		return bad("frequency", uint16(p.Frequency))
	case p.Type.specific() < 0:
		return bad("type", uint16(p.Type))
	case p.Type.IsHijri() && p.Calendar != CalendarDefault && p.Calendar != CalendarHijri:
		return bad("calendar", uint16(p.Calendar))
	case p.Period == 0:
		return bad("period", p.Period)
	case p.Type == PatternDay && p.Period%MinutesPerDay != 0:
		return bad("period in minutes", p.Period)
	case p.Sliding > 1:
		return bad("sliding flag", p.Sliding)
	case (p.Type == PatternWeek || p.Type.specific() == 2) && (p.Days == 0 || p.Days > EveryDay):
		return bad("set of weekdays", uint32(p.Days))
	case p.Type.specific() == 1 && p.Type != PatternWeek && (p.Day < 1 || p.Day > 31):
		return bad("day of the month", p.Day)
	case p.Type.specific() == 2 && (p.Nth < 1 || p.Nth > 5):
		return bad("place in the month", p.Nth)
	case p.End != EndByDate && p.End != EndAfter && !p.End.IsNever():
		return bad("end type", uint32(p.End))
	case p.FirstDay >= noDay:
		return bad("first day of the week", p.FirstDay)
	case len(p.Modified) > len(p.Deleted):
		return bad("number of modified occurrences", len(p.Modified))
	}
	return nil
}
