package recur

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailmill/formats/mapi"
)

// Frequency is the unit in which a [Rule] counts (RFC 5545 3.3.10).
type Frequency string

// The frequencies that series of Outlook have.
const (
	Daily   Frequency = "DAILY"
	Weekly  Frequency = "WEEKLY"
	Monthly Frequency = "MONTHLY"
	Yearly  Frequency = "YEARLY"
)

// Rule is a recurrence rule of iCalendar (RFC 5545 3.3.10).
type Rule struct {
	// Scale is the calendar in which the rule counts, by its name in RFC 7529, and empty for the Gregorian. LeapMonth says
	// that Month is the leap month after the one with the number. Days that a month does not have are the last one there.
	Scale     string
	LeapMonth bool
	Frequency Frequency
	Interval  int
	// Month is 0 for any.
	Month time.Month
	// MonthDays count from 1, or from -1 backwards.
	MonthDays []int
	Weekdays  []time.Weekday
	// Nth goes with a single weekday: which one in the month, -1 for the last, 0 for each.
	Nth int
	// Position is which of the days in the period it is, -1 for the last, 0 for all.
	Position int
	// WeekStart matters, and is written, in weekly rules only.
	WeekStart time.Weekday
	// Count is 0 for no number, and Until zero for no end.
	Count int
	Until time.Time
	// Date says that Until is a date, as the beginning is.
	Date bool
}

var weekdayNames = [...]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}

// String returns the rule as the value of an RRULE.
func (r Rule) String() string {
	var b strings.Builder
	if r.Scale != "" {
		b.WriteString("RSCALE=" + r.Scale + ";")
	}
	b.WriteString("FREQ=" + string(r.Frequency))
	if r.Interval > 1 {
		b.WriteString(";INTERVAL=" + strconv.Itoa(r.Interval))
	}
	if r.Month != 0 {
		b.WriteString(";BYMONTH=" + strconv.Itoa(int(r.Month)))
		if r.LeapMonth {
			b.WriteByte('L')
		}
	}
	for i, d := range r.MonthDays {
		b.WriteString(separator(i, ";BYMONTHDAY=") + strconv.Itoa(d))
	}
	for i, d := range r.Weekdays {
		b.WriteString(separator(i, ";BYDAY="))
		if r.Nth != 0 {
			b.WriteString(strconv.Itoa(r.Nth))
		}
		b.WriteString(weekdayNames[d])
	}
	if r.Position != 0 {
		b.WriteString(";BYSETPOS=" + strconv.Itoa(r.Position))
	}
	if r.Frequency == Weekly {
		b.WriteString(";WKST=" + weekdayNames[r.WeekStart])
	}
	switch {
	case r.Count > 0:
		b.WriteString(";COUNT=" + strconv.Itoa(r.Count))
	case r.Until.IsZero():
	case r.Date:
		b.WriteString(";UNTIL=" + r.Until.Format("20060102"))
	default:
		b.WriteString(";UNTIL=" + r.Until.UTC().Format("20060102T150405Z"))
	}
	if r.Scale != "" {
		b.WriteString(";SKIP=BACKWARD")
	}
	return b.String()
}

func separator(i int, first string) string {
	if i == 0 {
		return first
	}
	return ","
}

// Series is a series as iCalendar has it. Its times are local: in the zone of the series or, for one of whole days, dates.
type Series struct {
	// Start and End are those of the first day of the pattern, which DTSTART has to be even where that is deleted.
	Start, End mapi.Minutes
	// Rule is nil where none can tell the pattern. One with a Scale few programs can read.
	Rule *Rule
	// Exchange is set where the series counts in another calendar than the Gregorian: what Exchange writes of it.
	Exchange *ExchangeRule
	// Added are the beginnings of occurrences beside the first, for programs that cannot read a rule in another calendar:
	// RDATE. They are all of a series that ends, and those of sixty years of one that does not; at most a thousand.
	Added []mapi.Minutes
	// Excluded are the beginnings of occurrences that do not take place: EXDATE.
	Excluded []mapi.Minutes
	// Overrides are the occurrences that differ, in the order of Original.
	Overrides []Override
}

// Override is an occurrence that differs from its series.
type Override struct {
	// Occurrence.Original is the RECURRENCE-ID.
	Occurrence
	// Detached says that the rule does not have the occurrence, because it was changed later: programs do not show it
	// unless it is made an event of its own.
	Detached bool
}

// Convert says as iCalendar what a series of Outlook is. allDay says that it is of whole days; else zone is the zone in
// which it counts, of which the instant is taken that UNTIL needs.
//
// The error says what had to be mended, as that of [Expand] does; the Series is right otherwise. It is nil only where the
// pattern has no day at all. Where the error wraps [ErrCalendar], the Series has no rule.
func Convert(r *mapi.Recurrence, zone *time.Location, allDay bool) (*Series, error) {
	p, err := mend(&r.Pattern)
	var first mapi.Minutes
	found := false
	for first = range days(&p, mapi.MinutesNever) {
		found = true
		break
	}
	if !found {
		if err == nil {
			err = fmt.Errorf("the series of %v has no occurrence until %v", p.Start, p.Last)
		}
		return nil, err
	}
	offset := mapi.Minutes(r.StartOffset)
	s := &Series{Start: first + offset, End: first + offset + length(r)}
	c, known := calendarOf(&p)
	if c != nil {
		s.Added = added(&p, first, offset)
	}
	if known && (c == nil || c.scale() != "") {
		s.Rule = rule(&p, first)
		if c != nil {
			s.Rule = scaled(&p, c, first)
		}
		s.Rule.ends(&p, offset, zone, allDay)
	}
	if c != nil || !known {
		s.Exchange = exchangeRule(&p, c, first)
		s.Exchange.ends(&p, offset, zone, allDay)
	}
	s.exceptions(r, &p)
	return s, err
}

// ends gives a rule the end of its pattern.
func (r *Rule) ends(p *mapi.Pattern, offset mapi.Minutes, zone *time.Location, allDay bool) {
	switch {
	case p.End == mapi.EndAfter:
		r.Count = int(p.Count)
	case p.End == mapi.EndByDate && !p.Last.IsNone():
		last := p.Last.Midnight() + offset
		r.Until, r.Date = last.Time(), allDay
		if !allDay {
			r.Until = At(last, zone).UTC()
		}
	}
}

// rule makes the rule of a pattern (MS-OXCICAL 2.1.3.2.2) of which the first day is known.
func rule(p *mapi.Pattern, first mapi.Minutes) *Rule {
	out := &Rule{Interval: int(p.Period)}
	switch p.Type {
	case mapi.PatternDay:
		out.Frequency, out.Interval = Daily, int(p.Period/mapi.MinutesPerDay)
		return out
	case mapi.PatternWeek:
		out.Frequency, out.Weekdays, out.WeekStart = Weekly, list(p.Days), time.Weekday(p.FirstDay)
		return out
	}
	out.Frequency = Monthly
	// Outlook has every n-th year as every 12·n-th month.
	if p.Period%12 == 0 {
		out.Frequency, out.Interval, out.Month = Yearly, int(p.Period/12), first.Time().Month()
	}
	switch {
	case p.Type == mapi.PatternMonthNth && p.Days == mapi.EveryDay:
		out.MonthDays = []int{fromEnd(p.Nth)}
	case p.Type == mapi.PatternMonthNth:
		out.Weekdays = list(p.Days)
		// One weekday with a number is what most programs understand.
		if len(out.Weekdays) == 1 {
			out.Nth = fromEnd(p.Nth)
		} else {
			out.Position = fromEnd(p.Nth)
		}
	case p.Type == mapi.PatternMonthEnd:
		out.MonthDays = []int{-1}
	default:
		out.MonthDays, out.Position = monthDay(int(p.Day), out.Month)
	}
	return out
}

// scaled makes the rule of a pattern in another calendar (RFC 7529).
func scaled(p *mapi.Pattern, c calendar, first mapi.Minutes) *Rule {
	out := &Rule{Scale: c.scale(), Frequency: Monthly, Interval: int(p.Period)}
	if p.Period%12 == 0 {
		n, _ := c.month(first.Day())
		name := c.name(n)
		out.Frequency, out.Interval, out.Month, out.LeapMonth = Yearly, int(p.Period/12), time.Month(name.number), name.leap
	}
	switch p.Type.Gregorian() {
	case mapi.PatternMonth:
		out.MonthDays = []int{int(min(p.Day, 31))}
	case mapi.PatternMonthEnd:
		out.MonthDays = []int{-1}
	default:
		out.Weekdays = list(p.Days)
		if len(out.Weekdays) == 1 {
			out.Nth = fromEnd(p.Nth)
		} else {
			out.Position = fromEnd(p.Nth)
		}
	}
	return out
}

// added lists the occurrences after the first.
func added(p *mapi.Pattern, first, offset mapi.Minutes) []mapi.Minutes {
	const (
		most    = 1000
		endless = 60 * 366 * mapi.MinutesPerDay
	)
	before := mapi.MinutesNever
	if p.End.IsNever() {
		before = min(before, first+endless)
	}
	var out []mapi.Minutes
	for day := range days(p, before) {
		if day == first {
			continue
		}
		if len(out) == most {
			break
		}
		out = append(out, day+offset)
	}
	return out
}

// monthDay says in a rule which day of the month it is. Outlook takes the last one of months that are too short; iCalendar
// would skip them.
func monthDay(day int, month time.Month) (days []int, position int) {
	const shortest = 28
	if month != 0 {
		common := time.Date(2023, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
		if day <= common {
			return []int{day}, 0
		}
		return []int{-1}, 0 // February 29 is as good as its last day
	}
	switch {
	case day <= shortest:
		return []int{day}, 0
	case day >= 31: // or more in what nobody has mended: a pattern of a calendar that is not known
		return []int{-1}, 0
	}
	for d := shortest; d <= day; d++ {
		days = append(days, d)
	}
	return days, -1
}

func fromEnd(nth uint32) int {
	if nth == 5 {
		return -1
	}
	return int(nth)
}

func list(w mapi.Weekdays) []time.Weekday {
	var l []time.Weekday
	for d := time.Sunday; d <= time.Saturday; d++ {
		if w.Has(d) {
			l = append(l, d)
		}
	}
	return l
}

// exceptions adds the days that are left out and those that differ.
func (s *Series) exceptions(r *mapi.Recurrence, p *mapi.Pattern) {
	offset := mapi.Minutes(r.StartOffset)
	moved := make(map[int]bool, len(r.Exceptions))
	var latest mapi.Minutes
	for _, o := range exceptions(r) {
		moved[o.Original.Day()] = true
		latest = max(latest, o.Original)
		s.Overrides = append(s.Overrides, Override{Occurrence: o})
	}
	if len(s.Overrides) > 0 {
		// Days and overrides are both in order, and no two overrides are of one day.
		i := 0
		for day := range days(p, min(latest, mapi.MinutesNever-1)+1) {
			for ; i < len(s.Overrides) && s.Overrides[i].Original < day+offset; i++ {
				s.Overrides[i].Detached = true
			}
			if i < len(s.Overrides) && s.Overrides[i].Original == day+offset {
				i++
			}
		}
		for ; i < len(s.Overrides); i++ {
			s.Overrides[i].Detached = true
		}
	}
	deleted := make(map[int]bool, len(r.Deleted))
	for _, d := range r.Deleted {
		if n := d.Day(); !moved[n] && !deleted[n] {
			deleted[n] = true
			s.Excluded = append(s.Excluded, d.Midnight()+offset)
		}
	}
	slices.Sort(s.Excluded)
}
