package mime

import "time"

// FormatDate returns t as a date of RFC 5322 3.3, in UTC.
func FormatDate(t time.Time) string { return t.UTC().Format("Mon, 02 Jan 2006 15:04:05 +0000") }
