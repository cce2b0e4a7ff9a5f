package outlook

import (
	"encoding/binary"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

const (
	// noYear is what Outlook and Apple's programs take for the year of a day that has none: a leap year. Others take
	// shortYear.
	noYear, shortYear = 1604, 1900
	// lastYear is the last in which anybody can have been born or married.
	lastYear     = 3000
	exchangeNoon = 11*time.Hour + 59*time.Minute
)

// partialDate reads a birthday or an anniversary. It is stored twice: as the date, at midnight of no zone, and at the
// owner's midnight as a point of time (MS-OXOCNTC 2.2.1.5). The first says which day it is; of the second, that depends on
// where the owner was.
func (m *message) partialDate(c *formats.Contact, local mapi.Name, id mapi.ID, part string) formats.PartialDate {
	t, ok := rawTime(m.named(local, part))
	switch {
	case !ok:
		if t, ok = rawTime(m.value(id, part)); !ok {
			return formats.PartialDate{}
		}
		t = m.c.day(t)
	case t.Sub(t.Truncate(24*time.Hour)) >= time.Minute:
		t = m.c.day(t) // QUIRK: programs that store the point of time in both
	}
	y, mo, d := t.Date()
	switch {
	case y == shortYear:
		// Somebody may have been born then all the same.
		c.Extra = property(c.Extra, "X-PST-STORED-"+strings.ToUpper(part), t.Format(time.DateOnly))
		y = 0
	case y == noYear:
		y = 0
	case y < noYear, y > lastYear:
		return formats.PartialDate{} // what stands for no date at all
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
	const (
		perDay  = 24 * 60 * 60 * 10_000_000
		maxDays = 300 * 366 // until 1900
	)
	days := ticks / perDay
	if ticks == 0 || days > maxDays {
		return time.Time{}, false
	}
	t := time.Date(1601, 1, 1+int(days), 0, 0, 0, 0, time.UTC)
	return t.Add(time.Duration(ticks%perDay) * 100), true
}

// day returns the day whose beginning, on a clock that is not known for sure, is t: the one that the owner's clock shows,
// or the one of where most people live for whom a day begins then.
//
// QUIRK: Exchange's web services store a minute before noon in UTC, for the day to be the same nearly everywhere.
func (c *Converter) day(t time.Time) time.Time {
	t = t.UTC()
	if t.Sub(t.Truncate(24*time.Hour)) == exchangeNoon {
		return t.Truncate(24 * time.Hour)
	}
	if z := c.usualZone(); z != nil {
		if day, ok := nearMidnight(z.Clock(t)); ok {
			return day
		}
	}
	return somewhereMidnight(t)
}
