package recur

import (
	"slices"
	"sync"
	"time"

	"mailmill/formats/mapi"
)

// calendar is a calendar with months of its own, which are counted one after the other from any. Days are those since
// 1601-01-01, as [mapi.Minutes.Day] counts them.
type calendar interface {
	// scale is the calendar's name in RFC 7529, empty where it has none.
	scale() string
	// start returns the first day of a month, and false where the calendar is not known so far.
	start(month int) (day int, ok bool)
	// month returns the month of a day.
	month(day int) (month int, ok bool)
	// name returns the place of a month in its year. A leap month has the number of the month before it.
	name(month int) monthName
	// find returns the month of a year with a name. Where the year lacks a leap month it is the one that stands for it.
	find(monthName) (month int, ok bool)
}

type monthName struct {
	year, number int
	leap         bool
}

// calendarOf returns the calendar of a pattern, nil for the Gregorian; ok is false where it is none that is known. Days
// and weeks are the same in all of them.
func calendarOf(p *mapi.Pattern) (c calendar, ok bool) {
	if p.Type == mapi.PatternDay || p.Type == mapi.PatternWeek {
		return nil, true
	}
	switch p.Calendar {
	case mapi.CalendarHebrew:
		return hebrew{}, true
	case mapi.CalendarChineseLunar, mapi.CalendarLunarETOChina:
		return chineseCalendar(), true
	case mapi.CalendarLunarKorean, mapi.CalendarLunarETOKorea:
		return koreanCalendar(), true
	case mapi.CalendarLunarJapanese, mapi.CalendarLunarRokuyou: // the days of Rokuyō are named by those of the months
		return japaneseCalendar(), true
	case mapi.CalendarSaka:
		return saka{}, true
	case mapi.CalendarUmAlQura:
		return ummAlQuraCalendar(), true
	case mapi.CalendarHijri:
		return hijriOf(p), true
	}
	switch {
	case p.Type.IsHijri():
		return hijriOf(p), true
	case p.Calendar.IsGregorian():
		return nil, true
	}
	return nil, false
}

// dayOf returns a day as the number of it.
func dayOf(t time.Time) int {
	const to1970 = 134774
	return int(t.Unix()/(24*60*60)) + to1970
}

// hijri is the calendar of Islam as Windows calculates it: months of 30 and 29 days by turns, and in 11 years of 30 a day
// more in the last.
type hijri struct {
	// adjust is how many days later months begin, as people in many countries set it in Windows by what they see of the
	// moon.
	adjust int
}

// hijriOf returns the calendar in which the first day of a series is on its day of the month.
func hijriOf(p *mapi.Pattern) hijri {
	if p.Type.Gregorian() != mapi.PatternMonth {
		return hijri{}
	}
	for _, adjust := range [...]int{0, 1, -1, 2, -2} {
		c := hijri{adjust}
		n, _ := c.month(p.Start.Day())
		first, _ := c.start(n)
		next, _ := c.start(n + 1)
		if p.Start.Day() == first+min(int(p.Day), next-first)-1 {
			return c
		}
	}
	return hijri{}
}

// hijriEpoch is 1 Muharram of the year 1, the Thursday.
var hijriEpoch = dayOf(time.Date(622, 7, 18, 0, 0, 0, 0, time.UTC))

func (c hijri) scale() string {
	switch c.adjust {
	case 0:
		return "ISLAMIC-TBLA"
	case 1:
		return "ISLAMIC-CIVIL" // it begins on the Friday
	}
	return ""
}

func (c hijri) start(n int) (int, bool) {
	year, month := n/12+1, n%12+1
	return hijriEpoch + c.adjust + 29*(month-1) + month/2 + 354*(year-1) + (3+11*year)/30, n >= 0
}

func (c hijri) month(day int) (int, bool) {
	return search(c, int(float64(day-hijriEpoch)/29.530556), day)
}

func (c hijri) name(n int) monthName { return monthName{year: n/12 + 1, number: n%12 + 1} }

func (c hijri) find(m monthName) (int, bool) { return (m.year-1)*12 + m.number - 1, true }

// saka is the national calendar of India: its years begin on the day after the equinox, and are leap years with the
// Gregorian ones; of its months the second to the sixth have 31 days, the others 30, and in leap years the first 31.
type saka struct{}

// sakaOffset is the Gregorian year in which the year 0 begins.
const sakaOffset = 78

func (saka) scale() string { return "INDIAN" }

func (saka) start(n int) (int, bool) {
	year, month := n/12+sakaOffset, n%12
	march := time.Date(year, time.March, 22, 0, 0, 0, 0, time.UTC)
	days := 30*month + max(min(month, 6)-1, 0)
	if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
		march = march.AddDate(0, 0, -1)
		days += min(month, 1)
	}
	return dayOf(march) + days, n >= 0
}

func (c saka) month(day int) (int, bool) {
	const first = 1601
	return search(c, (first-sakaOffset)*12+int(float64(day)/30.436875)-4, day)
}

func (saka) name(n int) monthName { return monthName{year: n / 12, number: n%12 + 1} }

func (saka) find(m monthName) (int, bool) { return m.year*12 + m.number - 1, true }

// search returns the month of a day from a guess that is not far off.
func search(c calendar, n, day int) (int, bool) {
	for n = max(n, 0); n > 0; n-- {
		if first, ok := c.start(n); ok && first <= day {
			break
		}
	}
	for {
		next, ok := c.start(n + 1)
		if !ok {
			return 0, false
		}
		if next > day {
			first, ok := c.start(n)
			return n, ok && first <= day
		}
		n++
	}
}

// hebrew is the Hebrew calendar. Its years begin with Tishri; that of a leap year has Adar I after Shevat, which is a
// leap month, and Adar.
type hebrew struct{}

const (
	hebrewLeapAfter = 5 // Shevat
	hebrewAdar      = 6
)

// hebrewEpoch is 1 Tishri of the year 1.
var hebrewEpoch = dayOf(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)) - 1373428

func (hebrew) scale() string { return "HEBREW" }

// before is the number of months before a year.
func (hebrew) before(year int) int { return (235*year - 234) / 19 }

func (hebrew) isLeap(year int) bool { return (7*year+1)%19 < 7 }

// elapsed returns the days from the epoch to the new moon of a year's Tishri, put off from the days of the week on which
// no year may begin.
func (c hebrew) elapsed(year int) int {
	months := c.before(year)
	parts := 12084 + 13753*months
	day := 29*months + parts/25920
	if 3*(day+1)%7 < 3 {
		day++
	}
	return day
}

// newYear returns the first day of a year, put off where it or the year before would be too long or too short.
func (c hebrew) newYear(year int) int {
	last, this, next := c.elapsed(year-1), c.elapsed(year), c.elapsed(year+1)
	switch {
	case next-this == 356:
		this += 2
	case this-last == 382:
		this++
	}
	return hebrewEpoch + this
}

// year returns the year of a month, and which of its months it is, from 0.
func (c hebrew) year(n int) (year, month int) {
	for year = max((19*n+234)/235-1, 1); c.before(year+1) <= n; {
		year++
	}
	return year, n - c.before(year)
}

func (c hebrew) start(n int) (int, bool) {
	year, month := c.year(n)
	day, length := c.newYear(year), c.newYear(year+1)-c.newYear(year)
	for i := range month {
		switch {
		case i == 1: // Heshvan is long in long years
			day += 29
			if length%10 == 5 {
				day++
			}
		case i == 2: // and Kislev short in short ones
			day += 30
			if length%10 == 3 {
				day--
			}
		case c.isLeap(year) && i >= hebrewLeapAfter:
			day += 29 + i%2 // Adar I has 30
		default:
			day += 30 - i%2
		}
	}
	return day, n >= 0
}

func (c hebrew) month(day int) (int, bool) {
	return search(c, int(float64(day-hebrewEpoch)/29.530594), day)
}

func (c hebrew) name(n int) monthName {
	year, month := c.year(n)
	if !c.isLeap(year) || month < hebrewLeapAfter {
		return monthName{year, month + 1, false}
	}
	return monthName{year, month, month == hebrewLeapAfter}
}

func (c hebrew) find(m monthName) (int, bool) {
	n := c.before(m.year) + m.number - 1
	switch {
	case m.leap: // where there is but one Adar it is that
		return n + 1, true
	case c.isLeap(m.year) && m.number >= hebrewAdar:
		return n + 1, true
	}
	return n, true
}

// table is a calendar of which the years are listed.
type table struct {
	first int       // year
	start time.Time // of it
	years []uint32
}

// listed is a table with its months counted.
type listed struct {
	rscale string
	starts []int // of all months, and of the one after the last
	names  []monthName
	byName map[monthName]int
}

var (
	chineseCalendar   = sync.OnceValue(func() *listed { return listMonths("CHINESE", &chinese) })
	koreanCalendar    = sync.OnceValue(func() *listed { return listMonths("DANGI", &korean) })
	japaneseCalendar  = sync.OnceValue(listJapaneseMonths)
	ummAlQuraCalendar = sync.OnceValue(func() *listed { return listMonths("ISLAMIC-UMALQURA", &ummAlQura) })
)

// listMonths counts the months of a table.
func listMonths(name string, t *table) *listed {
	c := &listed{rscale: name, byName: make(map[monthName]int)}
	day := dayOf(t.start)
	for i, bits := range t.years {
		leap, months := int(bits>>13), 12
		if leap > 0 {
			months++
		}
		for k := range months {
			m := monthName{year: t.first + i, number: k + 1}
			if leap > 0 && k >= leap {
				m.number, m.leap = k, k == leap
			}
			c.byName[m] = len(c.names)
			c.names, c.starts = append(c.names, m), append(c.starts, day)
			day += 29 + int(bits>>k&1)
		}
	}
	c.starts = append(c.starts, day)
	return c
}

// listJapaneseMonths counts those of the old calendar of Japan. Its clock is nine hours ahead of Greenwich, as that of Korea
// has been since 1912: from then on the two have the same months. RFC 7529 has no name for it.
func listJapaneseMonths() *listed {
	t := korean
	const common = 1912
	t.years = t.years[common-t.first:]
	t.first, t.start = common, time.Date(common, 2, 18, 0, 0, 0, 0, time.UTC)
	return listMonths("", &t)
}

func (c *listed) scale() string { return c.rscale }

func (c *listed) start(n int) (int, bool) {
	if n < 0 || n >= len(c.starts) {
		return 0, false
	}
	return c.starts[n], true
}

func (c *listed) month(day int) (int, bool) {
	n, found := slices.BinarySearch(c.starts, day)
	if !found {
		n--
	}
	return n, n >= 0 && n < len(c.names)
}

func (c *listed) name(n int) monthName { return c.names[n] }

func (c *listed) find(m monthName) (int, bool) {
	n, ok := c.byName[m]
	if !ok && m.leap {
		m.leap = false
		n, ok = c.byName[m]
	}
	return n, ok
}

// lunarDays yields the days of a pattern that counts in another calendar than the Gregorian, from its first day on.
func lunarDays(p *mapi.Pattern, c calendar, yield func(mapi.Minutes) bool) {
	first, ok := c.month(p.Start.Day())
	if !ok {
		return
	}
	name := c.name(first)
	years := 0
	if p.Period%12 == 0 {
		years = int(min(p.Period/12, 1<<16))
	}
	for i := 0; ; i++ {
		n := first + i*int(min(p.Period, 1<<20))
		if years > 0 {
			m := name
			m.year += i * years
			if n, ok = c.find(m); !ok {
				return
			}
		}
		start, okStart := c.start(n)
		end, okEnd := c.start(n + 1)
		if !okStart || !okEnd || end > mapi.MinutesNever.Day() {
			return
		}
		day := dayInMonth(p, start, end-start)
		if at := mapi.Minutes(day) * mapi.MinutesPerDay; day >= p.Start.Day() && !yield(at) {
			return
		}
	}
}

// dayInMonth returns the day of a pattern in a month, of which the first day and the length are given.
func dayInMonth(p *mapi.Pattern, first, length int) int {
	switch p.Type.Gregorian() {
	case mapi.PatternMonth:
		return first + min(int(p.Day), length) - 1
	case mapi.PatternMonthEnd:
		return first + length - 1
	}
	found, n := first, int(p.Nth)
	for d := first; d < first+length; d++ {
		if p.Days.Has((mapi.Minutes(d) * mapi.MinutesPerDay).Time().Weekday()) {
			found = d
			if n--; n == 0 && p.Nth != 5 {
				break
			}
		}
	}
	return found
}
