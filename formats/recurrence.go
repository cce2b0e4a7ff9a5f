package formats

import "time"

// Frequency is the unit in which a recurrence counts.
type Frequency uint8

// The frequencies.
const (
	Daily Frequency = iota + 1
	Weekly
	Monthly
	Yearly
)

// WeekdayNum is a weekday: every one, or where N is not 0 the Nth of the month (of the year, in a yearly rule that
// names no month), counted from the end where N is negative.
type WeekdayNum struct {
	Day time.Weekday
	N   int
}

// RuleMonth is a month of a recurrence's calendar. Some calendars have leap months, which have the number of the month
// that they follow (RFC 7529 4.2).
type RuleMonth struct {
	Number int
	Leap   bool
}

// Skip says what becomes of days that a month does not have (RFC 7529 4.1).
type Skip uint8

// The ways. SkipOmit is what RFC 5545 does, and needs no scale.
const (
	SkipOmit     Skip = iota
	SkipBackward      // the day before
	SkipForward       // the day after
)

// Recurrence is a rule by which something happens again, with the meaning that RFC 5545 3.3.10 and RFC 7529 give to
// each of its parts. It counts from the start of what recurs, in the zone of that start.
type Recurrence struct {
	Frequency Frequency
	// Interval is in units of Frequency; 0 is 1.
	Interval   int
	ByMonth    []RuleMonth
	ByMonthDay []int // negative ones count from the end of the month
	ByDay      []WeekdayNum
	BySetPos   []int
	// WeekStart is the first day of a week. Its zero value is Sunday; where a rule of RFC 5545 does not say, it is Monday.
	WeekStart time.Weekday
	// Count is the number of occurrences, deleted ones included; 0 is no such limit. Where it is set Until is not.
	Count int
	// Until is the last moment at which something may still happen. It may be of any form: who writes it makes it that of
	// the start.
	Until Moment
	// Scale is the calendar that the rule counts in, by its CLDR name ("HEBREW", "ISLAMIC-CIVIL", "CHINESE"); empty is the
	// Gregorian.
	Scale string
	Skip  Skip
	// Text is the value of RRULE where the rule came as one: it may say more than the fields do.
	Text string
}

// Series is what recurs: a rule, and what deviates from it.
type Series struct {
	// Rule is nil where only Also says when there are more occurrences.
	Rule *Recurrence
	// Except are the starts of occurrences that were deleted, and Also those of additional ones. They have the form of
	// the start of what recurs.
	Except, Also []Moment
	// Exchange is set where the series counts in another calendar than the Gregorian: the rule as Exchange has it.
	Exchange *ExchangeRule
}

// ExchangeRule is a rule that counts in another calendar, as Exchange writes it (MS-OXCICAL 2.1.3.2.2).
type ExchangeRule struct {
	// Calendar is the name of the calendar there ("Hebrew", "ChineseLunar", "Umalqura"); empty for one without a name.
	Calendar string
	// Rule has the months and days of that calendar, and no Scale.
	Rule Recurrence
}
