package mime

import (
	"strconv"
	"strings"
	"time"
)

// GuessDate reads a date as programs write it, with and against RFC 5322 3.3, and returns it in UTC: the day before or after
// the month, years of two digits, times without seconds or with fractions, zones by name or in parentheses, ISO 8601. A zone
// that is missing or unknown is UTC (RFC 5322 4.3). It is false for what has no day or no year.
func GuessDate(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if t, ok := parseUsualDate(s); ok {
		return t, true
	}
	if len(s) > 200 {
		return time.Time{}, false
	}
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.UTC(), true
	}
	var g guess
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' || r == '\t' || r == ',' || r == ';' }) {
		g.word(word)
	}
	return g.time()
}

// guess is what is known of a date.
type guess struct {
	year, month, day     int
	hasYear              bool
	hour, minute, second int
	clock, zoned, pm, am bool
	offset               time.Duration
}

func (g *guess) word(w string) {
	w = strings.Trim(w, "().\"'")
	lower := strings.ToLower(w)
	switch {
	case w == "":
	case lower == "am":
		g.am = true
	case lower == "pm":
		g.pm = true
	case strings.Count(w, ":") > 0 && w[0] >= '0' && w[0] <= '9':
		g.time3(w)
	case g.clock && !g.zoned && (w[0] == '+' || w[0] == '-') && g.numericZone(w):
	case strings.ContainsAny(w[1:], "-/") && strings.ContainsAny(w, "0123456789"):
		for part := range strings.FieldsFuncSeq(w, func(r rune) bool { return r == '-' || r == '/' }) {
			g.word(part)
		}
	case len(lower) >= 3 && g.month == 0 && monthOf(lower) > 0:
		g.month = monthOf(lower)
	case w[0] >= '0' && w[0] <= '9':
		g.number(w)
	case g.clock && !g.zoned:
		if offset, ok := zones[lower]; ok {
			g.offset, g.zoned = time.Duration(offset)*time.Hour, true
		}
	}
}

// monthOf returns the number of a month by the beginning of its name.
func monthOf(lower string) int {
	i := strings.Index("janfebmaraprmayjunjulaugsepoctnovdec", lower[:3])
	if i < 0 || i%3 != 0 || strings.Trim(lower, "abcdefghijklmnopqrstuvwxyz") != "" {
		return 0
	}
	return i/3 + 1
}

// zones are the names of RFC 5322 4.3, and of others that occur, in hours east of Greenwich.
var zones = map[string]int{
	"ut": 0, "utc": 0, "gmt": 0, "z": 0, "wet": 0, "bst": 1, "cet": 1, "met": 1, "mez": 1, "cest": 2, "mest": 2, "mesz": 2, "eet": 2, "eest": 3, "msk": 3,
	"jst": 9, "kst": 9, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
}

// time3 reads hours and minutes, and seconds where they are there.
func (g *guess) time3(w string) {
	if g.clock {
		return
	}
	parts := strings.SplitN(w, ":", 3)
	hour, err1 := strconv.Atoi(parts[0])
	minute, err2 := strconv.Atoi(leadingDigits(parts[1]))
	if err1 != nil || err2 != nil || hour > 24 || minute > 59 {
		return
	}
	g.hour, g.minute, g.clock = hour, minute, true
	if len(parts) == 3 {
		digits := leadingDigits(parts[2])
		if n, err := strconv.Atoi(digits); err == nil && n <= 60 {
			g.second = n
		}
		rest := parts[2][len(digits):]
		if strings.HasPrefix(rest, ".") {
			rest = strings.TrimLeft(rest[1:], "0123456789")
		}
		if rest != "" {
			g.word(rest)
		}
	}
}

func leadingDigits(s string) string { return s[:len(s)-len(strings.TrimLeft(s, "0123456789"))] }

// numericZone reads "+0100", "+01:00" and "+1".
func (g *guess) numericZone(w string) bool {
	digits := strings.ReplaceAll(w[1:], ":", "")
	if len(digits) < 3 {
		digits += "00"
	}
	n, err := strconv.Atoi(digits)
	if err != nil || len(digits) > 4 || n/100 > 24 || n%100 > 59 {
		return false
	}
	g.offset = time.Duration(n/100)*time.Hour + time.Duration(n%100)*time.Minute
	if w[0] == '-' {
		g.offset = -g.offset
	}
	g.zoned = true
	return true
}

// number takes a number for the day or the year. Years of two or three digits are those of RFC 5322 4.3.
func (g *guess) number(w string) {
	digits := leadingDigits(w)
	n, err := strconv.Atoi(digits)
	if err != nil {
		return
	}
	switch {
	case len(digits) == 4 && !g.hasYear:
		g.year, g.hasYear = n, true
	case len(digits) <= 2 && g.month == 0 && g.day > 0 && n > 0 && n <= 31:
		switch {
		case (g.hasYear || n > 12) && g.day <= 12: // 2026-11-21, 11/21/2026
			g.month, g.day = g.day, n
		case n <= 12:
			g.month = n
		}
	case g.day == 0 && n >= 1 && n <= 31:
		g.day = n
	case !g.hasYear && len(digits) <= 3:
		g.hasYear = true
		switch {
		case n < 50:
			g.year = 2000 + n
		default:
			g.year = 1900 + n
		}
	}
}

func (g *guess) time() (time.Time, bool) {
	if !g.hasYear || g.month == 0 || g.day == 0 {
		return time.Time{}, false
	}
	switch {
	case g.pm && g.hour < 12:
		g.hour += 12
	case g.am && g.hour == 12:
		g.hour = 0
	}
	t := time.Date(g.year, time.Month(g.month), g.day, g.hour, g.minute, g.second, 0, time.UTC)
	if t.Day() != g.day && g.hour < 24 {
		return time.Time{}, false // a month does not have that day
	}
	return t.Add(-g.offset), true
}
