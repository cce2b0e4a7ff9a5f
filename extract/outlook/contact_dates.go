package outlook

import (
	"encoding/binary"
	"time"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// Dates that Outlook and Apple's programs take for a day without its year, and years that cannot be meant.
const (
	noYear       = 1604 // a leap year
	firstYear    = 1800
	lastYear     = 3000
	exchangeNoon = 11*time.Hour + 59*time.Minute
)

// partialDate reads a birthday or an anniversary. It is stored twice: as the date, at midnight of no zone, and at the
// owner's midnight as a point of time (MS-OXOCNTC 2.2.1.5). The first says which day it is; of the second, that depends on
// where the owner was.
func (m *message) partialDate(local mapi.Name, id mapi.ID, part string) formats.PartialDate {
	if t, ok := rawTime(m.named(local, part)); ok {
		if !t.Equal(t.Truncate(24 * time.Hour)) {
			t = m.c.day(t) // QUIRK: programs that store the point of time in both
		}
		return withoutYear(t)
	}
	if t, ok := rawTime(m.value(id, part)); ok {
		return withoutYear(m.c.day(t))
	}
	return formats.PartialDate{}
}

// withoutYear returns a date, without the year where that stands for none.
func withoutYear(t time.Time) formats.PartialDate {
	y, mo, d := t.Date()
	switch {
	case y > lastYear:
		return formats.PartialDate{}
	case y < firstYear, y == 1900 && mo == time.January && d == 1:
		if y != noYear {
			return formats.PartialDate{} // what stands for no date at all
		}
		y = 0
	}
	return formats.PartialDate{Year: y, Month: mo, Day: d}
}

// rawTime returns a FILETIME of any year: those before 1900, which [mapi.FileTime] takes for damage, tell of days without
// a year.
func rawTime(v mapi.Value) (time.Time, bool) {
	if t := v.Time(); !t.IsZero() {
		return t, true
	}
	if v.Type != mapi.Time || len(v.Data) < 8 {
		return time.Time{}, false
	}
	ticks := binary.LittleEndian.Uint64(v.Data)
	const perDay = 24 * 60 * 60 * 10_000_000
	days := ticks / perDay
	if ticks == 0 || days > 300*366 {
		return time.Time{}, false
	}
	t := time.Date(1601, 1, 1+int(days), 0, 0, 0, 0, time.UTC)
	return t.Add(time.Duration(ticks%perDay) * 100), true
}

// day returns the day whose beginning, on a clock that is not known for sure, is t: the one that the owner's clock shows,
// or the nearest beginning of a day.
//
// QUIRK: Exchange's web services store a minute before noon in UTC, for the day to be the same nearly everywhere.
func (c *Converter) day(t time.Time) time.Time {
	clock := t.Sub(t.Truncate(24 * time.Hour))
	if clock != exchangeNoon {
		t = c.nearestMidnight(t)
	}
	y, mo, d := t.Date()
	return time.Date(y, mo, d, 0, 0, 0, 0, time.UTC)
}

// nearestMidnight returns the midnight in UTC of the day that begins at about t where the owner is. Clocks are up to 12
// hours behind UTC and up to 14 ahead of it; where it can be both, it is the one where more people live.
func (c *Converter) nearestMidnight(t time.Time) time.Time {
	const furthest = 11 * time.Hour // behind UTC
	return t.Add(24*time.Hour - furthest).Truncate(24 * time.Hour)
}
