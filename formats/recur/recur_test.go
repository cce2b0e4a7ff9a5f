package recur_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/google/go-cmp/cmp"
	"github.com/teambition/rrule-go"
	"pgregory.net/rapid"

	"mailmill/formats/corpustest"
	"mailmill/formats/mapi"
	"mailmill/formats/pst"
	"mailmill/formats/recur"
)

func day(y int, m time.Month, d int) mapi.Minutes {
	return mapi.MinutesOf(time.Date(y, m, d, 0, 0, 0, 0, time.UTC))
}

func weekdays(days ...time.Weekday) mapi.Weekdays { return mapi.WeekdaysOf(days...) }

const never = mapi.MinutesNever

// Every pattern of Outlook's dialogue has its rule, and its first days.
func TestRule(t *testing.T) {
	utc := time.UTC
	for _, c := range []struct {
		what string
		p    mapi.Pattern
		rule string
		days string // the first ones
	}{
		{"every third day", mapi.Pattern{Type: mapi.PatternDay, Period: 3 * 1440, Start: day(2024, 2, 27), End: mapi.EndNever, Last: never}, "FREQ=DAILY;INTERVAL=3", "2024-02-27 2024-03-01 2024-03-04"},
		{"every working day", mapi.Pattern{Frequency: mapi.Daily, Type: mapi.PatternWeek, Period: 1, Days: mapi.WorkingDays, Start: day(2024, 3, 1), End: mapi.EndAfter, Count: 7, Last: day(2024, 3, 11)}, "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;WKST=SU;COUNT=7", "2024-03-01 2024-03-04 2024-03-05"},
		{"every second week, from Monday", mapi.Pattern{Type: mapi.PatternWeek, Period: 2, Days: weekdays(0, 1), FirstDay: 1, Start: day(2024, 3, 3), End: mapi.EndNever, Last: never}, "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=MO", "2024-03-03 2024-03-11 2024-03-17"},
		{"every second week, from Sunday", mapi.Pattern{Type: mapi.PatternWeek, Period: 2, Days: weekdays(0, 1), Start: day(2024, 3, 3), End: mapi.EndNever, Last: never}, "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=SU", "2024-03-03 2024-03-04 2024-03-17"},
		{"the 15th", mapi.Pattern{Type: mapi.PatternMonth, Period: 1, Day: 15, Start: day(2024, 1, 15), End: mapi.EndByDate, Last: day(2024, 6, 30)}, "FREQ=MONTHLY;BYMONTHDAY=15;UNTIL=20240630T090000Z", "2024-01-15 2024-02-15 2024-03-15"},
		{"the 29th", mapi.Pattern{Type: mapi.PatternMonth, Period: 1, Day: 29, Start: day(2023, 1, 29), End: mapi.EndNever, Last: never}, "FREQ=MONTHLY;BYMONTHDAY=28,29;BYSETPOS=-1", "2023-01-29 2023-02-28 2023-03-29"},
		{"the 30th", mapi.Pattern{Type: mapi.PatternMonth, Period: 1, Day: 30, Start: day(2024, 1, 30), End: mapi.EndNever, Last: never}, "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1", "2024-01-30 2024-02-29 2024-03-30"},
		{"the 31st", mapi.Pattern{Type: mapi.PatternMonth, Period: 3, Day: 31, Start: day(2024, 1, 31), End: mapi.EndNever, Last: never}, "FREQ=MONTHLY;INTERVAL=3;BYMONTHDAY=-1", "2024-01-31 2024-04-30 2024-07-31"},
		{"the last day", mapi.Pattern{Type: mapi.PatternMonthEnd, Period: 1, Day: 31, Start: day(2024, 1, 31), End: mapi.EndNever, Last: never}, "FREQ=MONTHLY;BYMONTHDAY=-1", "2024-01-31 2024-02-29 2024-03-31"},
		{"February 29", mapi.Pattern{Type: mapi.PatternMonth, Period: 12, Day: 29, Start: day(2024, 2, 29), End: mapi.EndNever, Last: never}, "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1", "2024-02-29 2025-02-28 2026-02-28"},
		{"a birthday", mapi.Pattern{Frequency: mapi.Yearly, Type: mapi.PatternMonth, Period: 12, Day: 31, Start: day(2024, 7, 31), End: mapi.EndNever, Last: never}, "FREQ=YEARLY;BYMONTH=7;BYMONTHDAY=31", "2024-07-31 2025-07-31 2026-07-31"},
		{"every second year", mapi.Pattern{Frequency: mapi.Monthly, Type: mapi.PatternMonth, Period: 24, Day: 1, Start: day(2024, 7, 1), End: mapi.EndNever, Last: never}, "FREQ=YEARLY;INTERVAL=2;BYMONTH=7;BYMONTHDAY=1", "2024-07-01 2026-07-01 2028-07-01"},
		{"every 18 months", mapi.Pattern{Type: mapi.PatternMonth, Period: 18, Day: 1, Start: day(2024, 7, 1), End: mapi.EndNever, Last: never}, "FREQ=MONTHLY;INTERVAL=18;BYMONTHDAY=1", "2024-07-01 2026-01-01 2027-07-01"},
		{"the second Tuesday", mapi.Pattern{Type: mapi.PatternMonthNth, Period: 1, Days: weekdays(2), Nth: 2, Start: day(2024, 1, 9), End: mapi.EndNever, Last: never}, "FREQ=MONTHLY;BYDAY=2TU", "2024-01-09 2024-02-13 2024-03-12"},
		{"the last Friday of March", mapi.Pattern{Type: mapi.PatternMonthNth, Period: 12, Days: weekdays(5), Nth: 5, Start: day(2024, 3, 29), End: mapi.EndNever, Last: never}, "FREQ=YEARLY;BYMONTH=3;BYDAY=-1FR", "2024-03-29 2025-03-28 2026-03-27"},
		{"the last working day", mapi.Pattern{Type: mapi.PatternMonthNth, Period: 1, Days: mapi.WorkingDays, Nth: 5, Start: day(2024, 3, 29), End: mapi.EndNever, Last: never}, "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2024-03-29 2024-04-30 2024-05-31"},
		{"the third day", mapi.Pattern{Type: mapi.PatternMonthNth, Period: 1, Days: mapi.EveryDay, Nth: 3, Start: day(2024, 3, 3), End: mapi.EndNever, Last: never}, "FREQ=MONTHLY;BYMONTHDAY=3", "2024-03-03 2024-04-03 2024-05-03"},
		{"the first weekend day of the year", mapi.Pattern{Type: mapi.PatternMonthNth, Period: 12, Days: mapi.WeekendDays, Nth: 1, Start: day(2024, 1, 6), End: mapi.EndNever, Last: never}, "FREQ=YEARLY;BYMONTH=1;BYDAY=SU,SA;BYSETPOS=1", "2024-01-06 2025-01-04 2026-01-03"},
		{"a first day that is none", mapi.Pattern{Type: mapi.PatternWeek, Period: 1, Days: weekdays(3), Start: day(2024, 3, 4), End: mapi.EndAfter, Count: 2, Last: day(2024, 3, 13)}, "FREQ=WEEKLY;BYDAY=WE;WKST=SU;COUNT=2", "2024-03-06 2024-03-13"},
	} {
		c.p.First = c.p.Phase()
		s, err := recur.Convert(&mapi.Recurrence{Pattern: c.p, StartOffset: 540, EndOffset: 600, HasTimes: true}, utc, false)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		if s.Rule.String() != c.rule {
			t.Errorf("%s: the rule is %s, want %s", c.what, s.Rule, c.rule)
		}
		var first []string
		for d := range recur.Days(&c.p, never) {
			if first = append(first, d.Time().Format("2006-01-02")); len(first) == 3 {
				break
			}
		}
		if got := strings.Join(first, " "); got != c.days {
			t.Errorf("%s: the days are %s, want %s", c.what, got, c.days)
		}
		if got := s.Start.String(); got != c.days[:10]+" 09:00" || s.End-s.Start != 60 {
			t.Errorf("%s: it begins at %s", c.what, got)
		}
	}
}

// A pattern that makes no sense still takes place, and its error says what was made of it.
func TestMend(t *testing.T) {
	good := mapi.Pattern{Type: mapi.PatternMonthNth, Period: 1, Days: weekdays(1), Nth: 1, Day: 4, Start: day(2024, 3, 4), End: mapi.EndNever, Last: never}
	for _, c := range []struct {
		what     string
		change   func(*mapi.Pattern)
		rule     string
		complain string
	}{
		{"no period", func(p *mapi.Pattern) { p.Period = 0 }, "FREQ=MONTHLY;BYDAY=1MO", "period of 0"},
		{"no period of days", func(p *mapi.Pattern) { p.Type, p.Period = mapi.PatternDay, 0 }, "FREQ=DAILY", "period of 0"},
		{"one day and a half", func(p *mapi.Pattern) { p.Type, p.Period = mapi.PatternDay, 2160 }, "FREQ=DAILY", "2160 minutes"},
		{"no weekday", func(p *mapi.Pattern) { p.Days = 0 }, "FREQ=MONTHLY;BYDAY=1MO", "no day of the week"},
		{"the ninth", func(p *mapi.Pattern) { p.Nth = 9 }, "FREQ=MONTHLY;BYDAY=1MO", "weekday number 9"},
		{"day 99", func(p *mapi.Pattern) { p.Type, p.Day = mapi.PatternMonth, 99 }, "FREQ=MONTHLY;BYMONTHDAY=4", "day 99"},
		{"after no occurrence", func(p *mapi.Pattern) { p.End = mapi.EndAfter }, "FREQ=MONTHLY;BYDAY=1MO", "0 times"},
		{"by a date before it", func(p *mapi.Pattern) { p.End, p.Last = mapi.EndByDate, day(2020, 1, 1) }, "FREQ=MONTHLY;BYDAY=1MO;COUNT=1", "until 2020-01-01"},
		{"an unknown end", func(p *mapi.Pattern) { p.End, p.Last = 7, day(2025, 1, 1) }, "FREQ=MONTHLY;BYDAY=1MO;UNTIL=20250101", "0x7"},
		{"a phase beyond the period", func(p *mapi.Pattern) { p.First = uint32(p.Start) }, "FREQ=MONTHLY;BYDAY=1MO", "phase 2024-03-04"},
		{"the smallest and largest of all", func(p *mapi.Pattern) {
			*p = mapi.Pattern{Type: mapi.PatternMonthEnd, Period: 1<<32 - 1, First: 1<<32 - 1, Start: 1<<32 - 1}
		}, "", "no sense"},
	} {
		p := good
		c.change(&p)
		s, err := recur.Convert(&mapi.Recurrence{Pattern: p}, time.UTC, true)
		if err == nil || !strings.Contains(err.Error(), c.complain) {
			t.Errorf("%s: %v", c.what, err)
		}
		switch {
		case s == nil:
			if c.rule != "" {
				t.Errorf("%s is gone", c.what)
			}
		case s.Rule.String() != c.rule:
			t.Errorf("%s: the rule is %s, want %s", c.what, s.Rule, c.rule)
		}
	}
}

// Series in other calendars are on the days that these calendars have; ICU 78 says the same of each.
func TestOtherCalendars(t *testing.T) {
	monthly := func(typ mapi.PatternType, c mapi.CalendarType, period, day uint32, start mapi.Minutes) mapi.Pattern {
		return mapi.Pattern{Type: typ, Calendar: c, Period: period, Day: day, Start: start, End: mapi.EndNever, Last: never}
	}
	for _, c := range []struct {
		what string
		p    mapi.Pattern
		rule string
		days string
	}{
		{
			"10 Dhu al-Hijjah", monthly(mapi.PatternHijriMonth, 0, 12, 10, day(2024, 6, 16)),
			"RSCALE=ISLAMIC-TBLA;FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=10;SKIP=BACKWARD", "2024-06-16 2025-06-06 2026-05-26",
		},
		{
			"30 of every month, a day later", monthly(mapi.PatternMonth, mapi.CalendarHijri, 1, 30, day(2023, 4, 21)),
			"RSCALE=ISLAMIC-CIVIL;FREQ=MONTHLY;BYMONTHDAY=30;SKIP=BACKWARD", "2023-04-21 2023-05-20 2023-06-19",
		},
		{
			"1 Ramadan in Saudi Arabia", monthly(mapi.PatternMonth, mapi.CalendarUmAlQura, 12, 1, day(2023, 3, 23)),
			"RSCALE=ISLAMIC-UMALQURA;FREQ=YEARLY;BYMONTH=9;BYMONTHDAY=1;SKIP=BACKWARD", "2023-03-23 2024-03-11 2025-03-01",
		},
		{
			"15 Nisan", monthly(mapi.PatternMonth, mapi.CalendarHebrew, 12, 15, day(2023, 4, 6)),
			"RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=7;BYMONTHDAY=15;SKIP=BACKWARD", "2023-04-06 2024-04-23 2025-04-13",
		},
		{
			"14 Adar, in leap years of the second", monthly(mapi.PatternMonth, mapi.CalendarHebrew, 12, 14, day(2023, 3, 7)),
			"RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=6;BYMONTHDAY=14;SKIP=BACKWARD", "2023-03-07 2024-03-24 2025-03-14",
		},
		{
			"14 Adar I, in common years of the only one", monthly(mapi.PatternMonth, mapi.CalendarHebrew, 12, 14, day(2024, 2, 23)),
			"RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=5L;BYMONTHDAY=14;SKIP=BACKWARD", "2024-02-23 2025-03-14 2026-03-03",
		},
		{
			"the new year in China", monthly(mapi.PatternMonth, mapi.CalendarChineseLunar, 12, 1, day(2023, 1, 22)),
			"RSCALE=CHINESE;FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1;SKIP=BACKWARD", "2023-01-22 2024-02-10 2025-01-29",
		},
		{
			"the fourth of a leap month, else of the month before", monthly(mapi.PatternMonth, mapi.CalendarChineseLunar, 12, 4, day(2023, 3, 25)),
			"RSCALE=CHINESE;FREQ=YEARLY;BYMONTH=2L;BYMONTHDAY=4;SKIP=BACKWARD", "2023-03-25 2024-03-13 2025-03-03",
		},
		{
			"every month in Korea", monthly(mapi.PatternMonth, mapi.CalendarLunarKorean, 1, 30, day(2023, 2, 19)),
			"RSCALE=DANGI;FREQ=MONTHLY;BYMONTHDAY=30;SKIP=BACKWARD", "2023-02-19 2023-03-21 2023-04-19",
		},
		{
			"the last day", monthly(mapi.PatternHijriMonthEnd, 0, 1, 30, day(2023, 4, 20)),
			"RSCALE=ISLAMIC-TBLA;FREQ=MONTHLY;BYMONTHDAY=-1;SKIP=BACKWARD", "2023-04-20 2023-05-19 2023-06-18",
		},
		{
			"the old new year in Japan, a day after that of China where the moon is new in between", monthly(mapi.PatternMonth, mapi.CalendarLunarJapanese, 12, 1, day(1996, 2, 19)),
			"", "1996-02-19 1997-02-08 1998-01-28",
		},
		{
			"the fifteenth of every month by Rokuyō", monthly(mapi.PatternMonth, mapi.CalendarLunarRokuyou, 1, 15, day(2028, 2, 10)),
			"", "2028-02-10 2028-03-10 2028-04-09",
		},
		{
			"the new year of Śaka, a day earlier in leap years", monthly(mapi.PatternMonth, mapi.CalendarSaka, 12, 1, day(2023, 3, 22)),
			"RSCALE=INDIAN;FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1;SKIP=BACKWARD", "2023-03-22 2024-03-21 2025-03-22",
		},
		{
			"the last days of months of 31 and of 30", monthly(mapi.PatternMonth, mapi.CalendarSaka, 1, 31, day(2024, 8, 22)),
			"RSCALE=INDIAN;FREQ=MONTHLY;BYMONTHDAY=31;SKIP=BACKWARD", "2024-08-22 2024-09-22 2024-10-22",
		},
		// Weeks are the same everywhere.
		{
			"every other Tuesday",
			mapi.Pattern{Type: mapi.PatternWeek, Calendar: mapi.CalendarHebrew, Period: 2, Days: weekdays(time.Tuesday), Start: day(2023, 4, 4), First: 7 * 1440, End: mapi.EndNever, Last: never},
			"FREQ=WEEKLY;INTERVAL=2;BYDAY=TU;WKST=SU", "2023-04-04 2023-04-18 2023-05-02",
		},
	} {
		if c.p.First > 0 {
			c.p.First = c.p.Phase()
		}
		s, err := recur.Convert(&mapi.Recurrence{Pattern: c.p}, time.UTC, true)
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		list, err := recur.Expand(&mapi.Recurrence{Pattern: c.p}, c.p.Start+mapi.Minutes(4*366)*mapi.MinutesPerDay)
		if err != nil || len(list) < 3 {
			t.Errorf("%s: %v, %v", c.what, list, err)
			continue
		}
		var days, added []string
		for i, o := range list[:3] {
			days = append(days, o.Start.Time().Format(time.DateOnly))
			if i > 0 && (s.Rule == nil || s.Rule.Scale != "") {
				added = append(added, s.Added[i-1].Time().Format(time.DateOnly))
			}
		}
		rule := ""
		if s.Rule != nil {
			rule = s.Rule.String()
		}
		if got := strings.Join(days, " "); got != c.days || rule != c.rule || s.Start != c.p.Start {
			t.Errorf("%s: %s by %s, want %s by %s", c.what, got, rule, c.days, c.rule)
		}
		if len(added) > 0 && strings.Join(added, " ") != strings.Join(days[1:], " ") {
			t.Errorf("%s: added are %v", c.what, added)
		}
		if len(s.Added) > 1000 {
			t.Errorf("%s: %d are added", c.what, len(s.Added))
		}
	}

	for _, p := range []mapi.Pattern{
		monthly(mapi.PatternMonth, mapi.CalendarType(0x7F), 12, 15, day(2024, 6, 16)),
		monthly(mapi.PatternMonth, mapi.CalendarLunarJapanese, 12, 15, day(1911, 6, 16)),
		monthly(mapi.PatternMonth, mapi.CalendarChineseLunar, 12, 15, day(1800, 6, 16)),
	} {
		s, err := recur.Convert(&mapi.Recurrence{Pattern: p}, time.UTC, true)
		if !errors.Is(err, recur.ErrCalendar) || s != nil && (s.Rule != nil || s.Start != p.Start) {
			t.Errorf("%+v, %v", s, err)
		}
		list, err := recur.Expand(&mapi.Recurrence{Pattern: p}, day(2030, 1, 1))
		if !errors.Is(err, recur.ErrCalendar) || len(list) > 1 {
			t.Errorf("%+v, %v", list, err)
		}
	}
}

func TestExceptions(t *testing.T) {
	start := day(2024, 3, 4)
	week := func(n int) mapi.Minutes { return start + mapi.Minutes(n)*mapi.MinutesPerWeek }
	r := &mapi.Recurrence{
		Pattern: mapi.Pattern{
			Type: mapi.PatternWeek, Period: 1, Days: weekdays(1), End: mapi.EndAfter, Count: 5, Start: start, Last: week(4),
			// One is there with a time, one twice, one that is no day of the pattern.
			Deleted: []mapi.Minutes{week(1) + 540, week(1), week(2), week(2) + 1440}, Modified: []mapi.Minutes{week(2) + 1440, week(9)},
		},
		StartOffset: 540, EndOffset: 600, HasTimes: true,
		Exceptions: []mapi.Exception{
			{Original: week(2), Start: week(2) + 1440 + 600, End: week(2) + 1440 + 660, Subject: "moved"},
			{Original: week(9) + 540, Start: week(9) + 600, End: week(9) + 660, Subject: "of an older rule"},
			{Original: week(2) + 540, Start: 7, End: 8, Subject: "again"},
		},
	}
	s, err := recur.Convert(r, time.UTC, false)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]mapi.Minutes{week(1) + 540, week(2) + 1440 + 540}, s.Excluded); d != "" {
		t.Error(d)
	}
	want := []recur.Override{
		{Occurrence: recur.Occurrence{Original: week(2) + 540, Start: week(2) + 2040, End: week(2) + 2100, Exception: &r.Exceptions[0]}},
		{Occurrence: recur.Occurrence{Original: week(9) + 540, Start: week(9) + 600, End: week(9) + 660, Exception: &r.Exceptions[1]}, Detached: true},
	}
	if d := cmp.Diff(want, s.Overrides); d != "" {
		t.Error(d)
	}
	list, err := recur.Expand(r, never)
	if err != nil {
		t.Fatal(err)
	}
	var starts []string
	for _, o := range list {
		starts = append(starts, o.Start.String())
	}
	if got := strings.Join(starts, ", "); got != "2024-03-04 09:00, 2024-03-19 10:00, 2024-03-25 09:00, 2024-04-01 09:00, 2024-05-06 10:00" {
		t.Errorf("it takes place on %s", got)
	}
}

func TestAt(t *testing.T) {
	for _, c := range []struct{ zone, local, utc string }{
		{"Europe/Berlin", "2024-03-31 02:30", "2024-03-31 01:30"},
		{"Europe/Berlin", "2024-10-27 02:30", "2024-10-27 00:30"},
		{"Europe/Berlin", "2024-10-27 03:00", "2024-10-27 02:00"},
		{"Australia/Sydney", "2024-10-06 02:30", "2024-10-05 16:30"},
		{"Australia/Sydney", "2024-04-07 02:30", "2024-04-06 15:30"},
		{"America/New_York", "2006-03-12 02:30", "2006-03-12 07:30"},
		{"America/New_York", "2007-03-12 02:30", "2007-03-12 06:30"},
		{"America/New_York", "2006-04-02 02:30", "2006-04-02 07:30"},
		{"Pacific/Apia", "2011-12-30 10:00", "2011-12-30 20:00"}, // a day that was left out
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		local, err := time.Parse("2006-01-02 15:04", c.local)
		if err != nil {
			t.Fatal(err)
		}
		if got := recur.At(mapi.MinutesOf(local), zone).UTC().Format("2006-01-02 15:04"); got != c.utc {
			t.Errorf("%s in %s is %s, want %s", c.local, c.zone, got, c.utc)
		}
	}
}

var zones = []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland", "Asia/Kolkata", "America/Sao_Paulo"}

func drawSeries(t *rapid.T) *mapi.Recurrence {
	p := mapi.Pattern{
		Frequency: mapi.Monthly,
		Type:      mapi.PatternType(rapid.IntRange(0, 4).Draw(t, "type")),
		Calendar:  rapid.SampledFrom([]mapi.CalendarType{mapi.CalendarDefault, mapi.CalendarGregorianUS, mapi.CalendarThai}).Draw(t, "calendar"),
		Period:    uint32(rapid.OneOf(rapid.IntRange(1, 4), rapid.SampledFrom([]int{6, 12, 18, 24, 36, 48})).Draw(t, "period")),
		FirstDay:  uint32(rapid.IntRange(0, 6).Draw(t, "first day of the week")),
		// Ten years from here are over the rule change of 2007 in the United States, or well after it.
		Start: day(2000, 1, 1) + mapi.Minutes(rapid.IntRange(0, 9000).Draw(t, "start"))*mapi.MinutesPerDay,
		Days:  mapi.Weekdays(rapid.IntRange(1, 0x7F).Draw(t, "days")),
		Nth:   uint32(rapid.IntRange(1, 5).Draw(t, "nth")),
		Day:   uint32(rapid.OneOf(rapid.IntRange(1, 31), rapid.IntRange(28, 31)).Draw(t, "day")),
		End:   rapid.SampledFrom([]mapi.EndType{mapi.EndByDate, mapi.EndAfter, mapi.EndNever, mapi.EndNeverToo}).Draw(t, "end"),
		Last:  never,
	}
	if rapid.Bool().Draw(t, "one day") {
		p.Days = weekdays(time.Weekday(rapid.IntRange(0, 6).Draw(t, "weekday")))
	}
	if p.Type == mapi.PatternDay {
		p.Period *= mapi.MinutesPerDay
	}
	switch p.End {
	case mapi.EndByDate:
		p.Last = p.Start + mapi.Minutes(rapid.IntRange(0, 5000).Draw(t, "last"))*mapi.MinutesPerDay
	case mapi.EndAfter:
		p.Count = uint32(rapid.IntRange(1, 200).Draw(t, "count"))
	}
	p.First = p.Phase()
	if rapid.IntRange(0, 3).Draw(t, "other phase") == 0 && p.Type != mapi.PatternDay {
		// The first day is not in a week or month of the series.
		other := p
		other.Start += mapi.Minutes(rapid.IntRange(0, 400).Draw(t, "phase")) * mapi.MinutesPerDay
		p.First = other.Phase()
	}
	r := &mapi.Recurrence{Pattern: p, StartOffset: uint32(rapid.IntRange(0, 47).Draw(t, "half hour") * 30), HasTimes: true}
	r.EndOffset = r.StartOffset + uint32(rapid.IntRange(0, 3000).Draw(t, "duration"))
	var members []mapi.Minutes
	for d := range recur.Days(&p, p.Start+3000*mapi.MinutesPerDay) {
		members = append(members, d)
	}
	for range rapid.IntRange(0, min(4, len(members))).Draw(t, "deleted") {
		r.Deleted = append(r.Deleted, rapid.SampledFrom(members).Draw(t, "deleted"))
	}
	for range rapid.IntRange(0, min(3, len(members))).Draw(t, "exceptions") {
		original := rapid.SampledFrom(members).Draw(t, "original")
		moved := original + mapi.Minutes(rapid.IntRange(-2000, 200000).Draw(t, "moved"))
		r.Exceptions = append(r.Exceptions, mapi.Exception{Original: original + mapi.Minutes(r.StartOffset), Start: moved, End: moved + 60})
		r.Deleted = append(r.Deleted, original)
		r.Modified = append(r.Modified, moved.Midnight())
	}
	if rapid.IntRange(0, 9).Draw(t, "an old exception") == 0 {
		original := p.Start + mapi.Minutes(rapid.IntRange(0, 3000).Draw(t, "day"))*mapi.MinutesPerDay
		r.Exceptions = append(r.Exceptions, mapi.Exception{Original: original + 5, Start: original + 77, End: original + 80})
	}
	return r
}

// iCalendar writes what a calendar has of a series, in a zone or, for none, as dates; rrule-go reads those as midnights.
func iCalendar(s *recur.Series, zone string) string {
	format, param := "20060102T150405", ";TZID="+zone
	if zone == "" {
		format, param = "20060102T150405Z", ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "DTSTART%s:%s\nRRULE:%s", param, s.Start.Time().Format(format), s.Rule)
	for _, x := range s.Excluded {
		fmt.Fprintf(&b, "\nEXDATE%s:%s", param, x.Time().Format(format))
	}
	return b.String()
}

// What is made of random series as iCalendar takes place at the same instants as the series itself, for ten years.
func TestConvertAgreesWithExpand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawSeries(t)
		name := rapid.SampledFrom(zones).Draw(t, "zone")
		allDay := rapid.IntRange(0, 4).Draw(t, "all day") == 0
		if allDay {
			r.StartOffset, r.EndOffset, name = 0, r.EndOffset/1440*1440+1440, ""
			for i := range r.Exceptions {
				r.Exceptions[i].Original = r.Exceptions[i].Original.Midnight()
			}
		}
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		before := r.Start + 3653*mapi.MinutesPerDay
		want, err := recur.Expand(r, before)
		if err != nil {
			t.Fatal(err)
		}
		s, err := recur.Convert(r, zone, allDay)
		if err != nil {
			// It has no day at all.
			for _, o := range want {
				if o.Exception == nil {
					t.Fatalf("it is on %v, but %v", o.Start, err)
				}
			}
			return
		}
		if name == "America/Sao_Paulo" {
			// Where the clock leaves out midnight, rrule-go leaves out the occurrence, and counts it: it gets the local times.
			name = "UTC"
			s.Rule.Until = s.Rule.Until.In(zone)
			if !s.Rule.Until.IsZero() {
				s.Rule.Until = mapi.MinutesOf(s.Rule.Until).Time()
			}
		}
		text := iCalendar(s, name)
		set, err := rrule.StrToRRuleSet(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var got, plain []string
		overridden := make(map[string]bool)
		show := func(at time.Time) string { return at.UTC().Format("2006-01-02 15:04") }
		for _, o := range s.Overrides {
			if o.Start < before {
				got = append(got, show(recur.At(o.Start, zone)))
			}
			if !o.Detached {
				overridden[show(recur.At(o.Original, zone))] = true
			}
		}
		next := set.Iterator()
		for at, ok := next(); ok; at, ok = next() {
			// An hour that the clock leaves out is for each program to understand: rrule-go can even have it the day before.
			const half = mapi.MinutesPerDay / 2
			offset := mapi.Minutes(r.StartOffset)
			local := (mapi.MinutesOf(at) - offset + half).Midnight() + offset
			if local >= before {
				break
			}
			at = recur.At(local, zone)
			if x := show(at); !overridden[x] {
				plain = append(plain, x)
			} else {
				delete(overridden, x)
			}
		}
		for x := range overridden {
			if x < show(recur.At(before, zone)) {
				t.Fatalf("%s\nthe override of %s is of no occurrence", text, x)
			}
		}
		got = append(got, plain...)
		slices.Sort(got)
		var all []string
		for _, o := range want {
			all = append(all, show(recur.At(o.Start, zone)))
		}
		slices.Sort(all)
		if d := cmp.Diff(all, got); d != "" {
			t.Fatalf("%s\n%s", text, d)
		}
	})
}

// The generator knows of every series when it takes place.
func TestTruth(t *testing.T) {
	for _, name := range []string{"tiny", "small"} {
		f, err := pst.Open(corpustest.File(t, "synthetic/"+name+".pst"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		truth, err := os.Open(corpustest.File(t, "synthetic/"+name+".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		defer truth.Close()
		lines := bufio.NewScanner(truth)
		lines.Buffer(nil, 1<<26)
		n := 0
		for lines.Scan() {
			var item struct {
				NID         string
				Appointment struct {
					IANA       string `json:"tz_iana"`
					AllDay     bool   `json:"all_day"`
					Recurrence *struct {
						Text        string
						Occurrences []string `json:"occurrences_utc"`
					}
				}
			}
			if err := json.Unmarshal(lines.Bytes(), &item); err != nil {
				t.Fatal(err)
			}
			a := item.Appointment
			if a.Recurrence == nil {
				continue
			}
			n++
			id, err := strconv.ParseUint(strings.TrimPrefix(item.NID, "0x"), 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			m, err := f.Message(pst.NID(id))
			if err != nil {
				t.Fatal(err)
			}
			v, err := m.LookupName(mapi.Long(mapi.PSAppointment, 0x8216))
			if err != nil {
				t.Fatal(err)
			}
			r, err := mapi.ParseRecurrence(v.Bytes(), 1252)
			if err != nil {
				t.Fatal(err)
			}
			zone, err := time.LoadLocation(a.IANA)
			if err != nil {
				t.Fatal(err)
			}
			list, err := recur.Expand(r, r.Start+40000*mapi.MinutesPerDay)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range list[:min(len(list), 50)] {
				got = append(got, recur.At(o.Start, zone).UTC().Format(time.RFC3339))
			}
			if d := cmp.Diff(a.Recurrence.Occurrences, got); d != "" {
				t.Errorf("%s.pst, %s, %s: %s", name, item.NID, a.Recurrence.Text, d)
			}
		}
		if n == 0 {
			t.Errorf("%s.pst has no series", name)
		}
	}
}

func FuzzConvert(f *testing.F) {
	f.Add(uint16(1), uint32(0), uint32(1), uint32(0x3E), uint32(0), uint32(0), uint32(0x2023), uint32(10), uint32(1), uint32(222_000_000), uint32(never))
	f.Add(uint16(3), uint32(0), uint32(12), uint32(2), uint32(0), uint32(5), uint32(0x2022), uint32(3), uint32(0), uint32(222_000_000), uint32(0))
	f.Fuzz(func(t *testing.T, kind uint16, first, period, days, dom, nth, end, count, firstDay, start, last uint32) {
		p := mapi.Pattern{
			Type: mapi.PatternType(kind % 5), First: first, Period: period, Days: mapi.Weekdays(days), Day: dom, Nth: nth, End: mapi.EndType(end),
			Count: count, FirstDay: firstDay, Start: mapi.Minutes(start), Last: mapi.Minutes(last),
		}
		r := &mapi.Recurrence{Pattern: p, StartOffset: 60, EndOffset: 30}
		s, err := recur.Convert(r, time.UTC, false)
		if s == nil && err == nil {
			t.Fatal("nothing, and nobody says why")
		}
		if s != nil {
			if _, err := rrule.StrToRRule(s.Rule.String()); err != nil {
				t.Fatalf("%s: %v", s.Rule, err)
			}
		}
		recur.Expand(r, r.Start.Midnight()+1000*mapi.MinutesPerDay)
	})
}
