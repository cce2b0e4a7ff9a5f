package mime

import (
	"net/mail"
	"strings"
	"time"
)

// FormatDate returns t as a date of RFC 5322 3.3, in UTC.
func FormatDate(t time.Time) string { return t.UTC().Format("Mon, 02 Jan 2006 15:04:05 +0000") }

// ParseDate reads a date of RFC 5322 3.3, in any of its forms, and returns it in UTC.
func ParseDate(s string) (time.Time, error) {
	if t, ok := parseUsualDate(s); ok {
		return t, nil
	}
	t, err := mail.ParseDate(s)
	return t.UTC(), err
}

// parseUsualDate reads the form that nearly all dates have, "Mon, 2 Jan 2006 15:04:05 -0700", with or without the name of
// the day, and that of the zone in parentheses at the end. It takes a twentieth of the time that trying all forms takes.
func parseUsualDate(s string) (t time.Time, ok bool) {
	if len(s) > 5 && s[3] == ',' && s[4] == ' ' {
		if strings.Index("SunMonTueWedThuFriSat", s[:3])%3 != 0 {
			return t, false
		}
		s = s[5:]
	}
	if len(s) > 1 && s[1] == ' ' {
		s = "0" + s
	}
	const form = "02 Jan 2006 15:04:05 -0700"
	if len(s) < len(form) {
		return t, false
	}
	if rest := s[len(form):]; rest != "" && !(strings.HasPrefix(rest, " (") && strings.Trim(rest[2:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ")") {
		return t, false
	}
	var n [7]int // day, year, hour, minute, second, zone's hours and minutes
	for i, at := range [...]struct{ from, to int }{{0, 2}, {7, 11}, {12, 14}, {15, 17}, {18, 20}, {22, 24}, {24, 26}} {
		for _, c := range []byte(s[at.from:at.to]) {
			if c < '0' || c > '9' {
				return t, false
			}
			n[i] = 10*n[i] + int(c-'0')
		}
	}
	month := strings.Index("JanFebMarAprMayJunJulAugSepOctNovDec", s[3:6])
	blanks := s[2] == ' ' && s[6] == ' ' && s[11] == ' ' && s[14] == ':' && s[17] == ':' && s[20] == ' '
	if !blanks || month%3 != 0 || s[21] != '+' && s[21] != '-' ||
		n[0] < 1 || n[0] > 31 || n[2] > 23 || n[3] > 59 || n[4] > 59 || n[5] > 23 || n[6] > 59 {
		return t, false
	}
	zone := time.Duration(n[5])*time.Hour + time.Duration(n[6])*time.Minute
	if s[21] == '+' {
		zone = -zone
	}
	t = time.Date(n[1], time.Month(month/3+1), n[0], n[2], n[3], n[4], 0, time.UTC)
	if t.Day() != n[0] {
		return t, false // a month does not have that day
	}
	return t.Add(zone), true
}
