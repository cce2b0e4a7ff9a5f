package recur

import (
	"mailmill/formats/mapi"
)

// ExchangeRule is the rule of a series in another calendar as Exchange has it in iCalendar: X-MICROSOFT-RRULE (MS-OXCICAL
// 2.1.3.2.2), whose days and months are those of a calendar that X-MICROSOFT-CALSCALE names.
type ExchangeRule struct {
	Rule
	// Calendar is the value of X-MICROSOFT-CALSCALE; empty for a calendar that it has no name for.
	Calendar string
}

// exchangeCalendars are the names of calendars (MS-OXCICAL 2.1.3.1.1.8).
var exchangeCalendars = map[mapi.CalendarType]string{
	mapi.CalendarHijri: "Hijri", mapi.CalendarHebrew: "Hebrew", mapi.CalendarLunarJapanese: "JapanLunar",
	mapi.CalendarChineseLunar: "ChineseLunar", mapi.CalendarSaka: "Saka", mapi.CalendarLunarETOChina: "LunarEtoChn",
	mapi.CalendarLunarETOKorea: "LunarEtoKor", mapi.CalendarLunarRokuyou: "LunarRokuyou",
	mapi.CalendarLunarKorean: "KoreaLunar", mapi.CalendarUmAlQura: "Umalqura",
}

// exchangeRule makes the rule of a pattern in a calendar; c is nil for one that is not known, whose months have no
// numbers: who reads the rule takes the month of the first day.
func exchangeRule(p *mapi.Pattern, c calendar, first mapi.Minutes) *ExchangeRule {
	out := &ExchangeRule{Calendar: exchangeCalendars[p.Calendar]}
	if p.Type.IsHijri() && p.Calendar.IsGregorian() {
		out.Calendar = exchangeCalendars[mapi.CalendarHijri]
	}
	if c != nil {
		out.Rule = *scaled(p, c, first)
		out.Scale = ""
		return out
	}
	gregorian := *p
	gregorian.Type = p.Type.Gregorian()
	out.Rule = *rule(&gregorian, first)
	out.Month = 0
	if gregorian.Type == mapi.PatternMonth {
		out.MonthDays, out.Position = []int{int(min(p.Day, 31))}, 0
	}
	return out
}
