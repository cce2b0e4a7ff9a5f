package vcard

import (
	"fmt"
	"strings"

	"mailmill/formats"
)

// noYear is what 3.0 has for the year of a day that has none. It is a leap year, and the one that Outlook and Apple's
// programs take.
const noYear = 1604

// date writes a date as far as it is known (RFC 6350 4.3.1). In 3.0 (RFC 2426 3.1.5) only whole ones can be written: a
// day without its year has another, with a parameter that says so.
func (e *Encoder) date(name string, d formats.PartialDate) {
	if d.Year < 0 || d.Year > 9999 || d.Month < 0 || d.Month > 12 || d.Day < 0 || d.Day > 31 || d.IsZero() {
		return
	}
	var value string
	switch v3, y, m, day := e.opts.Version == V3, d.Year > 0, d.Month > 0, d.Day > 0; {
	case y && m && day && v3:
		value = fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
	case y && m && day:
		value = fmt.Sprintf("%04d%02d%02d", d.Year, d.Month, d.Day)
	case !y && m && day && v3:
		e.l.Name(name)
		e.l.Param("X-APPLE-OMIT-YEAR", fmt.Sprint(noYear))
		e.l.Raw(fmt.Sprintf("%04d-%02d-%02d", noYear, d.Month, d.Day))
		e.l.End()
		return
	case v3 && y && name == "X-MS-ANNIVERSARY":
		return // it is there already
	case v3 && y:
		name, value = prefix+strings.TrimPrefix(name, "X-"), d.String()
	case v3:
		return // nobody has a birthday in a month, and no program stores one
	case y && m:
		value = fmt.Sprintf("%04d-%02d", d.Year, d.Month)
	case y && !day:
		value = fmt.Sprintf("%04d", d.Year)
	case !y && m && day:
		value = fmt.Sprintf("--%02d%02d", d.Month, d.Day)
	case !y && m:
		value = fmt.Sprintf("--%02d", d.Month)
	case !y:
		value = fmt.Sprintf("---%02d", d.Day)
	default:
		return // a day of an unknown month of a year
	}
	e.l.Line(name, value)
}
