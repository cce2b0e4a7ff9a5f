package ical

import (
	"strconv"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
)

// parseMoment reads a date or time (RFC 5545 3.3.4, 3.3.5). One that is in no zone of its own is in the zone, floating
// where that is nil. It is none where it makes no sense.
//
// QUIRK: hyphens and colons as ISO 8601 has them, and times without seconds, are written by small programs.
func parseMoment(s string, zone *formats.Zone) formats.Moment {
	s = strings.TrimSpace(s)
	utc := strings.HasSuffix(s, "Z") || strings.HasSuffix(s, "z")
	if utc {
		s = s[:len(s)-1]
	}
	date, clock, timed := strings.Cut(strings.ToUpper(s), "T")
	date, clock = strings.ReplaceAll(date, "-", ""), strings.ReplaceAll(clock, ":", "")
	n, ok := digits(date)
	if !ok || len(date) != 8 {
		return formats.Moment{}
	}
	year, month, day := n/10000, time.Month(n/100%100), n%100
	if t := time.Date(year, month, day, 0, 0, 0, 0, time.UTC); year < 1 || t.Month() != month || t.Day() != day {
		return formats.Moment{}
	}
	if !timed {
		return formats.Date(year, month, day)
	}
	clock, _, _ = strings.Cut(clock, ".")
	n, ok = digits(clock)
	switch {
	case !ok:
		return formats.Moment{}
	case len(clock) == 4:
		n *= 100
	case len(clock) != 6:
		return formats.Moment{}
	}
	h, m, sec := n/10000, n/100%100, n%100
	if h > 24 || m > 59 || sec > 60 {
		return formats.Moment{}
	}
	at := time.Date(year, month, day, h, m, min(sec, 59), 0, time.UTC)
	switch {
	case utc:
		return formats.Instant(at)
	case zone != nil:
		return formats.Zoned(at, zone)
	}
	return formats.Floating(at)
}

// parseDuration reads a length of time (RFC 5545 3.3.6). Days have 24 hours.
func parseDuration(s string) (time.Duration, bool) {
	s = strings.ToUpper(strings.TrimSpace(s))
	negative := strings.HasPrefix(s, "-")
	s = strings.TrimLeft(s, "+-")
	if !strings.HasPrefix(s, "P") || len(s) < 3 {
		return 0, false
	}
	units := map[byte]time.Duration{'W': 7 * 24 * time.Hour, 'D': 24 * time.Hour, 'H': time.Hour, 'M': time.Minute, 'S': time.Second}
	var sum time.Duration
	number := ""
	for i := 1; i < len(s); i++ {
		c := s[i]
		if c == 'T' {
			continue
		}
		if c >= '0' && c <= '9' {
			number += string(c)
			continue
		}
		n, ok := digits(number)
		unit, known := units[c]
		const most = 200 * 366 * 24 * time.Hour
		if !ok || !known || time.Duration(n) > most/unit {
			return 0, false
		}
		if sum += time.Duration(n) * unit; sum > most {
			return 0, false
		}
		number = ""
	}
	if number != "" {
		return 0, false
	}
	if negative {
		sum = -sum
	}
	return sum, true
}

var frequencyNames = map[string]formats.Frequency{"DAILY": formats.Daily, "WEEKLY": formats.Weekly, "MONTHLY": formats.Monthly, "YEARLY": formats.Yearly}

// parseRule reads the value of RRULE for what starts at start. What the model has no room for is in its Text. It is nil
// where it is no rule.
func parseRule(s string, start formats.Moment) *formats.Recurrence {
	r := &formats.Recurrence{Text: strings.TrimSpace(s), WeekStart: time.Monday}
	found := false
	for part := range strings.SplitSeq(s, ";") {
		name, value, _ := strings.Cut(part, "=")
		value = strings.ToUpper(strings.TrimSpace(value))
		switch strings.ToUpper(strings.TrimSpace(name)) {
		case "FREQ":
			r.Frequency, found = frequencyNames[value], true
		case "INTERVAL":
			r.Interval, _ = digits(value)
		case "COUNT":
			r.Count, _ = digits(value)
		case "UNTIL":
			r.Until = parseMoment(value, start.Zone)
		case "BYMONTH":
			for v := range strings.SplitSeq(value, ",") {
				month := strings.TrimSuffix(v, "L")
				if n, ok := digits(month); ok {
					r.ByMonth = append(r.ByMonth, formats.RuleMonth{Number: n, Leap: month != v})
				}
			}
		case "BYMONTHDAY":
			r.ByMonthDay = integers(value)
		case "BYSETPOS":
			r.BySetPos = integers(value)
		case "BYDAY":
			for v := range strings.SplitSeq(value, ",") {
				if d, ok := parseWeekday(v); ok {
					r.ByDay = append(r.ByDay, d)
				}
			}
		case "WKST":
			if d, ok := parseWeekday(value); ok {
				r.WeekStart = d.Day
			}
		case "RSCALE":
			r.Scale = value
		case "SKIP":
			r.Skip = map[string]formats.Skip{"BACKWARD": formats.SkipBackward, "FORWARD": formats.SkipForward}[value]
		}
	}
	if !found {
		return nil
	}
	if r.Count > 0 {
		r.Until = formats.Moment{}
	}
	return r
}

func integers(s string) []int {
	var list []int
	for v := range strings.SplitSeq(s, ",") {
		if n, err := strconv.Atoi(strings.TrimSpace(v)); err == nil && n >= -366 && n <= 366 {
			list = append(list, n)
		}
	}
	return list
}

func parseWeekday(s string) (formats.WeekdayNum, bool) {
	s = strings.TrimSpace(s)
	if len(s) < 2 {
		return formats.WeekdayNum{}, false
	}
	var w formats.WeekdayNum
	if number := s[:len(s)-2]; number != "" {
		n, err := strconv.Atoi(number)
		if err != nil {
			return w, false
		}
		w.N = n
	}
	for d, name := range weekdays {
		if name == s[len(s)-2:] {
			w.Day = time.Weekday(d)
			return w, true
		}
	}
	return w, false
}

// textsOf returns the texts of a list.
func textsOf(value string) []string {
	var list []string
	for _, s := range contentline.Split(value, ',') {
		if s = strings.TrimSpace(contentline.Unescape(s)); s != "" {
			list = append(list, s)
		}
	}
	return list
}
