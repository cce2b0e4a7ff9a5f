package ical

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
	"mailmill/formats/winzone"
)

// vCalendar 1.0 is what iCalendar was made of: the same components with other values. translated says the same in lines
// of iCalendar. What has no place there stays under a name that begins with X-PST-.

// oldZone returns the zone of a calendar's local times, of its TZ and DAYLIGHT (vCalendar 1.0 2.2); nil where it has none.
func oldZone(props []contentline.Property) *formats.Zone {
	standard, known := 0, false
	for _, p := range props {
		if p.Name == "TZ" {
			standard, known = parseOffset(p.Value)
		}
	}
	if !known {
		return nil
	}
	var onsets []formats.Onset
	for _, p := range props {
		fields := contentline.Split(p.Value, ';')
		if p.Name != "DAYLIGHT" || len(fields) < 4 || !strings.EqualFold(strings.TrimSpace(fields[0]), "TRUE") || len(onsets) > 1000 {
			continue
		}
		summer, ok := parseOffset(fields[1])
		from, to := parseMoment(fields[2], nil), parseMoment(fields[3], nil)
		if !ok || from.IsZero() || to.IsZero() {
			continue
		}
		begin := formats.Onset{Start: from.Clock, Before: standard, After: summer, Daylight: true}
		end := formats.Onset{Start: to.Clock, Before: summer, After: standard}
		if from.Form == formats.MomentInstant {
			begin.Start = begin.Start.Add(time.Duration(standard) * time.Second)
		}
		if to.Form == formats.MomentInstant {
			end.Start = end.Start.Add(time.Duration(summer) * time.Second)
		}
		if len(fields) > 5 {
			end.Name, begin.Name = strings.TrimSpace(fields[4]), strings.TrimSpace(fields[5])
		}
		onsets = append(onsets, begin, end)
	}
	if len(onsets) == 0 {
		return fixedZone(standard)
	}
	z := &formats.Zone{ID: fmt.Sprintf("/vcalendar/UTC%s/%s", offset(standard), onsets[0].Start.Format(dateForm)), Onsets: onsets}
	// A zone that everybody knows goes on after the years that are listed.
	year := onsets[0].Start.Year()
	ahead := func(t time.Time) time.Duration { return z.Clock(t).Sub(t.UTC()) }
	if name, ok := winzone.Guess(year, ahead, ""); ok {
		if loc, err := winzone.Location(name); err == nil {
			return formats.ZoneOf(loc, time.Time{}, time.Date(2037, 12, 31, 0, 0, 0, 0, time.UTC))
		}
	}
	return z
}

func fixedZone(seconds int) *formats.Zone {
	return &formats.Zone{ID: "/vcalendar/UTC" + offset(seconds), Onsets: []formats.Onset{{
		Start: time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), Before: seconds, After: seconds,
	}}}
}

// translated returns the lines of a component of a vCalendar 1.0 as those of iCalendar. Local times are in the zone.
func translated(lines []contentline.Line, zone *formats.Zone) []contentline.Line {
	t := &translator{zone: zone}
	for i := range lines {
		l := &lines[i]
		if l.Name == "DTSTART" {
			t.start = parseMoment(l.Value, zone)
		}
		if l.Name == "SUMMARY" && t.summary == "" {
			t.summary = strings.TrimSpace(contentline.Unescape(l.Value))
		}
		if l.Name == "X-EPOCAGENDAENTRYTYPE" {
			// QUIRK: Symbian has days as events that begin at midnight.
			v := strings.ToUpper(strings.TrimSpace(l.Value))
			t.days = v == "ANNIVERSARY" || v == "EVENT"
		}
	}
	if t.start.IsDate() {
		t.days = true
	} else if t.days && !t.start.IsZero() {
		t.start = formats.Date(t.start.Clock.Date())
	}
	var out []contentline.Line
	for i := range lines {
		p := lines[i].Property
		if p.Name == "BEGIN" {
			t.component = p.Value
		}
		if p.Name == "END" && len(out) > 0 {
			for _, a := range t.alarms {
				out = append(out, a...)
			}
			t.alarms = nil
		}
		if !isBoundary(&p) {
			t.property(&p)
			if p.Name == "" {
				continue
			}
		}
		out = append(out, contentline.Line{Property: p})
	}
	return out
}

type translator struct {
	zone      *formats.Zone
	start     formats.Moment
	summary   string
	days      bool
	component string
	organized bool
	alarms    [][]contentline.Line
}

// property translates a property in place. It has no name after that where an alarm has become of it.
func (t *translator) property(p *contentline.Property) {
	t.params(p)
	switch p.Name {
	case "DCREATED":
		p.Name = "CREATED"
		fallthrough
	case "CREATED", "LAST-MODIFIED", "COMPLETED", "DTSTAMP":
		if m := parseMoment(p.Value, t.zone); m.IsZero() {
			p.Name = "X-PST-" + p.Name
		} else {
			p.Value = m.Time(nil).UTC().Format(utcForm)
		}
	case "DTSTART", "DTEND", "DUE", "RECURRENCE-ID":
		t.moment(p)
	case "EXDATE", "RDATE":
		t.dates(p)
	case "RRULE", "EXRULE":
		if strings.Contains(p.Value, "=") {
			return // QUIRK: some write the rules of iCalendar
		}
		if rule, ok := oldRule(p.Value, t.start); ok {
			p.Value = rule
		} else {
			p.Name, p.Value = "X-PST-"+p.Name, contentline.Escape(p.Value)
		}
	case "AALARM", "DALARM", "MALARM", "PALARM":
		if t.alarm(p) {
			p.Name = ""
		} else {
			p.Name, p.Value = "X-PST-"+p.Name, contentline.Escape(p.Value)
		}
	case "ATTENDEE", "ORGANIZER":
		t.attendee(p)
	case "CATEGORIES", "RESOURCES":
		var list []string
		for _, s := range contentline.Split(p.Value, ';') {
			for _, v := range contentline.Split(s, ',') {
				list = append(list, contentline.Escape(strings.TrimSpace(contentline.Unescape(v))))
			}
		}
		p.Value = strings.Join(list, ",")
	case "TRANSP":
		switch n, ok := digits(strings.TrimSpace(p.Value)); {
		case ok && n == 0:
			p.Value = "OPAQUE"
		case ok:
			p.Value = "TRANSPARENT"
		}
	case "STATUS":
		t.status(p)
	case "GEO":
		// It was the longitude first.
		if long, lat, ok := strings.Cut(p.Value, ","); ok {
			p.Value = strings.TrimSpace(lat) + ";" + strings.TrimSpace(long)
		}
	case "RNUM":
		p.Name = "X-PST-RNUM"
	case "PROID":
		p.Name = "X-PST-PRODID"
	case "SUMMARY", "DESCRIPTION", "LOCATION", "COMMENT", "CONTACT", "UID", "RELATED-TO":
		p.Value = contentline.Escape(contentline.Unescape(p.Value))
	case "ATTACH":
	default:
		p.Value = strings.ReplaceAll(strings.ReplaceAll(p.Value, "\r", ""), "\n", `\n`)
	}
}

// params makes the parameters those of iCalendar: values that stand alone say how the value is encoded, or are types.
func (t *translator) params(p *contentline.Property) {
	var kept []contentline.Param
	binary := false
	for _, q := range p.Params {
		word := ""
		if len(q.Values) > 0 {
			word = strings.ToUpper(q.Values[0])
		}
		switch {
		case q.Name == "CHARSET":
		case q.Name == "ENCODING" || q.Name == "":
			switch word {
			case "BASE64", "B":
				binary = true
			case "QUOTED-PRINTABLE", "8BIT", "7BIT":
			case "URL", "INLINE", "CID", "CONTENT-ID":
				kept = append(kept, contentline.Param{Name: "VALUE", Values: []string{valueType(word)}})
			default:
				kept = append(kept, contentline.Param{Name: "X-PST-TYPE", Values: q.Values})
			}
		case q.Name == "VALUE":
			if v := valueType(word); v != "" {
				kept = append(kept, contentline.Param{Name: "VALUE", Values: []string{v}})
			}
		case q.Name == "TYPE":
			kept = append(kept, contentline.Param{Name: "X-PST-TYPE", Values: q.Values})
		default:
			kept = append(kept, q)
		}
	}
	if binary {
		kept = append(kept, contentline.Param{Name: "ENCODING", Values: []string{"BASE64"}}, contentline.Param{Name: "VALUE", Values: []string{"BINARY"}})
		p.Value = strings.Join(strings.Fields(p.Value), "")
	}
	p.Params = kept
}

func valueType(word string) string {
	switch word {
	case "URL", "CID", "CONTENT-ID":
		return "URI"
	case "INLINE":
		return ""
	}
	return word
}

// moment gives a time the form that it has in iCalendar.
func (t *translator) moment(p *contentline.Property) {
	m := parseMoment(p.Value, t.zone)
	if m.IsZero() {
		p.Name, p.Value = "X-PST-"+p.Name, contentline.Escape(p.Value)
		return
	}
	if t.days && !m.IsDate() {
		midnight := m.Clock.Equal(m.Clock.Truncate(24 * time.Hour))
		if p.Name == "DTEND" && (!midnight || !m.Clock.After(t.start.Clock)) {
			p.Name, p.Value = "X-PST-DTEND", contentline.Escape(p.Value) // the end of the day
			return
		}
		m = formats.Date(m.Clock.Date())
	}
	p.Remove("VALUE", "TZID")
	switch m.Form {
	case formats.MomentDate:
		p.Set("VALUE", "DATE")
		p.Value = m.Clock.Format(dateForm)
	case formats.MomentInstant:
		p.Value = m.Clock.Format(utcForm)
	case formats.MomentZoned:
		p.Set("TZID", m.Zone.ID)
		p.Value = m.Clock.Format(clockForm)
	default:
		p.Value = m.Clock.Format(clockForm)
	}
}

// dates gives a list of times that form, which is the same for all: that of the start.
func (t *translator) dates(p *contentline.Property) {
	var list []string
	one := *p
	for _, s := range strings.FieldsFunc(p.Value, func(r rune) bool { return r == ';' || r == ',' }) {
		m := parseMoment(s, t.zone)
		if m.IsZero() {
			p.Name, p.Value = "X-PST-"+p.Name, contentline.Escape(p.Value)
			return
		}
		if !t.start.IsZero() {
			m = like(m, t.start)
		}
		switch m.Form {
		case formats.MomentDate:
			one.Value = m.Clock.Format(dateForm)
		case formats.MomentInstant:
			one.Value = m.Clock.Format(utcForm)
		default:
			one.Value = m.Clock.Format(clockForm)
		}
		t.moment(&one)
		list = append(list, one.Value)
	}
	p.Params, p.Value = one.Params, strings.Join(list, ",")
}

// status gives a status the word that it has in iCalendar (RFC 5545 3.8.1.11), and another name where it has none.
func (t *translator) status(p *contentline.Property) {
	word := strings.ReplaceAll(strings.ToUpper(strings.TrimSpace(p.Value)), " ", "-")
	legal := map[string]string{"TENTATIVE": "VEVENT", "CONFIRMED": "VEVENT", "COMPLETED": "VTODO", "NEEDS-ACTION": "VTODO", "IN-PROCESS": "VTODO"}
	switch {
	case legal[word] == t.component, word == "CANCELLED":
		p.Value = word
	case t.component == "VTODO" && (word == "ACCEPTED" || word == "CONFIRMED" || word == "SENT"):
		p.Value = "NEEDS-ACTION"
	case t.component == "VEVENT" && word == "ACCEPTED":
		p.Value = "CONFIRMED"
	default:
		p.Name = "X-PST-STATUS"
	}
}

// attendee makes somebody who takes part one of iCalendar's.
func (t *translator) attendee(p *contentline.Property) {
	text := strings.TrimSpace(contentline.Unescape(p.Value))
	name, address := text, ""
	if open := strings.LastIndexByte(text, '<'); open >= 0 && strings.HasSuffix(text, ">") {
		name, address = text[:open], text[open+1:len(text)-1]
	} else if open := strings.LastIndexByte(text, '('); open >= 0 && strings.HasSuffix(text, ")") {
		name, address = text[:open], text[open+1:len(text)-1]
	} else if a, ok := contentline.AddressOf(text); ok {
		name, address = "", a
	}
	if a, ok := contentline.AddressOf(address); ok {
		address = a
	}
	role := strings.ToUpper(p.Get("ROLE"))
	if (role == "ORGANIZER" || role == "OWNER" && p.Name == "ATTENDEE") && !t.organized {
		p.Name, t.organized = "ORGANIZER", true
	}
	status, expect, rsvp := strings.ReplaceAll(strings.ToUpper(p.Get("STATUS")), " ", "-"), strings.ToUpper(p.Get("EXPECT")), strings.ToUpper(p.Get("RSVP"))
	p.Remove("ROLE", "STATUS", "EXPECT", "RSVP", "VALUE")
	if name = contentline.OneLine(strings.Trim(strings.TrimSpace(name), `"`)); name != "" {
		p.Set("CN", name)
	}
	if p.Name == "ATTENDEE" {
		if r := map[string]string{"REQUIRE": "REQ-PARTICIPANT", "REQUEST": "OPT-PARTICIPANT", "FYI": "NON-PARTICIPANT"}[expect]; r != "" {
			p.Set("ROLE", r)
		}
		if s := map[string]string{
			"ACCEPTED": "ACCEPTED", "DECLINED": "DECLINED", "TENTATIVE": "TENTATIVE", "DELEGATED": "DELEGATED", "CONFIRMED": "ACCEPTED",
			"NEEDS-ACTION": "NEEDS-ACTION", "SENT": "NEEDS-ACTION",
		}[status]; s != "" {
			p.Set("PARTSTAT", s)
		}
		if rsvp == "YES" || rsvp == "TRUE" {
			p.Set("RSVP", "TRUE")
		}
	}
	if role != "" && role != "ATTENDEE" && role != "ORGANIZER" {
		p.Set("X-PST-ROLE", role)
	}
	if p.Value = nobody; address != "" {
		p.Value = contentline.MailtoURI(address)
	}
}

// alarm makes a VALARM of a reminder (vCalendar 1.0 2.1.3): when it rings, how long it waits to ring again, how often it
// does so, and what it rings, shows, sends or runs.
func (t *translator) alarm(p *contentline.Property) bool {
	fields := contentline.Split(p.Value, ';')
	at := parseMoment(fields[0], t.zone)
	if at.IsZero() {
		return false
	}
	var lines []contentline.Line
	add := func(p contentline.Property) { lines = append(lines, contentline.Line{Property: p}) }
	line := func(name, value string) { add(contentline.Property{Name: name, Value: value}) }
	field := func(i int) string {
		if i < len(fields) {
			return strings.TrimSpace(fields[i])
		}
		return ""
	}
	line("BEGIN", "VALARM")
	line("ACTION", map[string]string{"AALARM": "AUDIO", "DALARM": "DISPLAY", "MALARM": "EMAIL", "PALARM": "PROCEDURE"}[p.Name])
	trigger := contentline.Property{Name: "TRIGGER"}
	if at.Form == formats.MomentFloating && !t.start.IsZero() {
		trigger.Value = duration(at.Clock.Sub(t.start.Clock))
	} else {
		trigger.Set("VALUE", "DATE-TIME")
		trigger.Value = at.Time(nil).UTC().Format(utcForm)
	}
	add(trigger)
	if d, ok := parseDuration(field(1)); ok && d > 0 {
		if n, ok := digits(field(2)); ok && n > 0 {
			line("DURATION", duration(d))
			line("REPEAT", strconv.Itoa(n))
		}
	}
	rest := contentline.Unescape(strings.Join(fields[min(3, len(fields)):], ";"))
	attach := func(value string) {
		a := contentline.Property{Name: "ATTACH", Value: strings.TrimSpace(value)}
		a.Params = p.Params
		a.Remove("X-PST-TYPE")
		if value != "" {
			add(a)
		}
	}
	switch p.Name {
	case "AALARM", "PALARM":
		attach(rest)
	case "DALARM":
		line("DESCRIPTION", contentline.Escape(cmp.Or(strings.TrimSpace(rest), t.summary, "Reminder")))
	case "MALARM":
		if a, ok := contentline.AddressOf(field(3)); ok {
			line("ATTENDEE", contentline.MailtoURI(a))
		}
		text := contentline.Unescape(strings.Join(fields[min(4, len(fields)):], ";"))
		line("SUMMARY", contentline.Escape(text))
		line("DESCRIPTION", contentline.Escape(text))
	}
	line("END", "VALARM")
	t.alarms = append(t.alarms, lines)
	return true
}

// oldRule translates a recurrence rule (vCalendar 1.0 2.1.4, the basic grammar): a frequency with its interval, the days,
// and how often or until when. It is false for what RFC 5545 has no words for: rules within rules.
func oldRule(s string, start formats.Moment) (string, bool) {
	tokens := strings.Fields(strings.ToUpper(strings.ReplaceAll(s, "$", "")))
	if len(tokens) == 0 {
		return "", false
	}
	letters := strings.TrimRight(tokens[0], "0123456789")
	frequency, ok := map[string]string{"D": "DAILY", "W": "WEEKLY", "MP": "MONTHLY", "MD": "MONTHLY", "YM": "YEARLY", "YD": "YEARLY"}[letters]
	if !ok {
		return "", false
	}
	rule := "FREQ=" + frequency
	if n, ok := digits(tokens[0][len(letters):]); ok && n > 1 {
		rule += ";INTERVAL=" + strconv.Itoa(n)
	}
	const usual = "COUNT=2" // where a rule does not say
	end := usual
	var days, numbers, hours, minutes []string
	nth := ""
	for _, token := range tokens[1:] {
		number := strings.TrimRight(token, "+-")
		n, isNumber := digits(number)
		sign := ""
		if strings.HasSuffix(token, "-") {
			sign = "-"
		}
		_, isDay := parseWeekday(token)
		switch m := parseMoment(token, start.Zone); {
		case strings.HasPrefix(token, "#"):
			n, ok := digits(token[1:])
			if !ok {
				return "", false
			}
			if end = "COUNT=" + strconv.Itoa(n); n == 0 {
				end = "" // for ever
			}
		case !m.IsZero():
			if end = ""; !start.IsZero() {
				if until := untilOf(m, start); until != "" {
					end = "UNTIL=" + until
				}
			}
		case isDay && len(token) == 2 && letters == "W":
			days = append(days, token)
		case isDay && len(token) == 2 && letters == "MP" && nth != "":
			days = append(days, nth+token)
		case isNumber && len(number) == 4 && (letters == "D" || letters == "W" || letters == "MP" || letters == "MD"):
			hours, minutes = append(hours, strconv.Itoa(n/100)), append(minutes, strconv.Itoa(n%100))
		case isNumber && letters == "MP":
			nth = sign + strconv.Itoa(n)
		case isNumber && letters != "D" && letters != "W":
			numbers = append(numbers, sign+strconv.Itoa(n))
		case token == "LD" && letters == "MD":
			numbers = append(numbers, "-1")
		default:
			return "", false
		}
	}
	if len(days) > 0 {
		rule += ";BYDAY=" + strings.Join(days, ",")
	}
	if len(numbers) > 0 {
		part := map[string]string{"MD": "BYMONTHDAY", "YM": "BYMONTH", "YD": "BYYEARDAY"}[letters]
		rule += ";" + part + "=" + strings.Join(numbers, ",")
	}
	switch {
	case len(hours) == 1:
		rule += ";BYHOUR=" + hours[0] + ";BYMINUTE=" + minutes[0]
	case len(hours) > 1:
		for _, m := range minutes {
			if m != minutes[0] {
				return "", false
			}
		}
		rule += ";BYHOUR=" + strings.Join(hours, ",") + ";BYMINUTE=" + minutes[0]
	}
	if end != "" {
		rule += ";" + end
	}
	return rule, true
}
