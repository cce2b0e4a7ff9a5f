package ical

import (
	"strconv"
	"strings"
	"time"

	"mailmill/formats"
)

var (
	frequencies = [...]string{formats.Daily: "DAILY", formats.Weekly: "WEEKLY", formats.Monthly: "MONTHLY", formats.Yearly: "YEARLY"}
	weekdays    = [...]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}
)

// Rule returns the value of an RRULE (RFC 5545 3.3.10, RFC 7529) for what starts at start, on which depends in which
// form the end of the rule is written. It is empty where the rule has no frequency. Parts that RFC 5545 forbids are
// left out.
func Rule(r *formats.Recurrence, start formats.Moment) string {
	if r.Text != "" {
		return r.Text
	}
	if r.Frequency < formats.Daily || r.Frequency > formats.Yearly {
		return ""
	}
	var b strings.Builder
	part := func(name string, values ...string) {
		if len(values) == 0 {
			return
		}
		if b.Len() > 0 {
			b.WriteByte(';')
		}
		b.WriteString(name)
		b.WriteByte('=')
		b.WriteString(strings.Join(values, ","))
	}
	scale := scaleName(r.Scale)
	if scale != "" {
		part("RSCALE", scale)
	}
	part("FREQ", frequencies[r.Frequency])
	if r.Interval > 1 {
		part("INTERVAL", strconv.Itoa(r.Interval))
	}
	switch until := untilOf(r.Until, start); {
	case r.Count > 0:
		part("COUNT", strconv.Itoa(r.Count))
	case until != "":
		part("UNTIL", until)
	}
	part("BYMONTH", months(r.ByMonth, scale)...)
	if r.Frequency != formats.Weekly {
		part("BYMONTHDAY", numbers(r.ByMonthDay, 31)...)
	}
	part("BYDAY", days(r)...)
	if len(r.ByMonth)+len(r.ByMonthDay)+len(r.ByDay) > 0 {
		part("BYSETPOS", numbers(r.BySetPos, 366)...)
	}
	if r.Frequency == formats.Weekly && r.WeekStart >= 0 && r.WeekStart <= time.Saturday {
		part("WKST", weekdays[r.WeekStart])
	}
	if scale != "" {
		switch r.Skip {
		case formats.SkipBackward:
			part("SKIP", "BACKWARD")
		case formats.SkipForward:
			part("SKIP", "FORWARD")
		}
	}
	return b.String()
}

// scaleName returns the name of a calendar with nothing in it that ends a part of a rule.
func scaleName(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' {
			return r
		}
		return -1
	}, strings.ToUpper(s))
}

// untilOf returns the end of a rule: a date for what starts on a date, UTC for what starts at a time in a zone (RFC 5545
// 3.3.10).
func untilOf(until, start formats.Moment) string {
	if !good(until) {
		return ""
	}
	until = like(until, start)
	switch until.Form {
	case formats.MomentDate:
		return until.Clock.Format(dateForm)
	case formats.MomentFloating:
		return until.Clock.Format(clockForm)
	}
	return until.Time(nil).Format(utcForm)
}

func months(list []formats.RuleMonth, scale string) []string {
	var out []string
	for _, m := range list {
		most, leap := 12, ""
		if scale != "" {
			most = 13
			if m.Leap {
				leap = "L"
			}
		}
		if m.Number >= 1 && m.Number <= most {
			out = append(out, strconv.Itoa(m.Number)+leap)
		}
	}
	return out
}

func numbers(list []int, most int) []string {
	var out []string
	for _, n := range list {
		if n != 0 && n >= -most && n <= most {
			out = append(out, strconv.Itoa(n))
		}
	}
	return out
}

func days(r *formats.Recurrence) []string {
	var out []string
	for _, d := range r.ByDay {
		if d.Day < 0 || d.Day > time.Saturday || d.N < -53 || d.N > 53 {
			continue
		}
		s := weekdays[d.Day]
		if d.N != 0 && r.Frequency >= formats.Monthly {
			s = strconv.Itoa(d.N) + s
		}
		out = append(out, s)
	}
	return out
}

// series writes when something recurs. All its moments are made to have the form of the start.
func (e *Encoder) series(s *formats.Series, start formats.Moment) {
	if s == nil {
		return
	}
	ruled := s.Rule != nil && (s.Rule.Scale == "" || e.opts.RSCALE)
	if ruled {
		e.l.Line("RRULE", Rule(s.Rule, start))
	}
	if !ruled || s.Rule.Scale == "" {
		if !ruled && len(s.Also) > 0 {
			// QUIRK: ical.js has the start only where it is one of these or of a rule. For others it is no second time.
			e.moment("RDATE", start)
		}
		for _, m := range s.Also {
			e.moment("RDATE", like(m, start))
		}
	}
	for _, m := range s.Except {
		e.moment("EXDATE", like(m, start))
	}
	e.exchangeSeries(s, start)
}

// exchangeSeries writes the rule of a series in another calendar as Exchange does (MS-OXCICAL 2.1.3.1.1.20): beside the
// dates, so that who knows the calendar has the rule as well.
//
// QUIRK: Exchange names the calendar once for all that an object has (MS-OXCICAL 2.1.3.1.1.8), where this writes it too if
// it is one item's. Here each series of many has its own.
func (e *Encoder) exchangeSeries(s *formats.Series, start formats.Moment) {
	if s.Exchange == nil {
		return
	}
	rule := Rule(&s.Exchange.Rule, start)
	if rule == "" {
		return
	}
	if s.Exchange.Calendar != "" {
		e.l.TextLine(exchangeCalendar, s.Exchange.Calendar)
	}
	e.l.Name("X-MICROSOFT-RRULE")
	if months := s.Exchange.Rule.ByMonth; s.Exchange.Rule.Frequency == formats.Yearly {
		leap := "FALSE"
		if len(months) > 0 && months[0].Leap {
			leap = "TRUE"
		}
		e.l.Param("X-MICROSOFT-ISLEAPMONTH", leap)
	}
	e.l.Raw(rule)
	e.l.End()
	for _, m := range s.Except {
		e.moment("X-MICROSOFT-EXDATE", like(m, start))
	}
}

// exchangeCalendar names the calendar of the rules that Exchange writes.
const exchangeCalendar = "X-MICROSOFT-CALSCALE"

// exchangeCalendarOf returns the calendar of an item's rule, where it is not the Gregorian.
func exchangeCalendarOf(it *formats.Item) string {
	var s *formats.Series
	switch {
	case it.Event != nil:
		s = it.Event.Series
	case it.Task != nil:
		s = it.Task.Series
	}
	if s == nil || s.Exchange == nil {
		return ""
	}
	return s.Exchange.Calendar
}

func checkSeries(s *formats.Series) string {
	if s != nil && s.Rule != nil && (s.Rule.Frequency < formats.Daily || s.Rule.Frequency > formats.Yearly) {
		return "its rule does not say how often it recurs"
	}
	return ""
}
