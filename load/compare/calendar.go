package compare

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"mailmill/formats"
)

// Calendar reads iCalendar (RFC 5545) and returns what it says. Its error is that of the reader: no text is none, what has
// no meaning there is compared as it stands. The components come in the order of their UID and their occurrence; where there
// are several, the names of their facts begin with those.
//
// A property is a fact by its name, with the value first and then the parameters that are left. Lists are in order; values
// of EXDATE, RDATE, CATEGORIES and RESOURCES are facts of their own; durations are in seconds. Dates and times are as
// [time.RFC3339] has them, those of a zone with the offset that its VTIMEZONE gives them (or the zone database, where
// there is none); for a series "time zone" tells the offsets of its first two years. The names of zones do not count.
// Attachments count by their hash.
//
// Left out, besides what the package's comment says, are all properties of the calendar itself but METHOD: servers keep
// those of the collection. Left out as well are what servers note: SCHEDULE-STATUS, X-LIC-* (libical), X-VOBJ-* (vobject),
// X-RADICALE-*, X-CALENDARSERVER-*, X-CYRUS-*.
func Calendar(r io.Reader) (Facts, error) {
	return joined(func(yield func(Part) bool) error { return Components(r, yield) })
}

// joined returns the facts of all parts of a file.
func joined(read func(yield func(Part) bool) error) (Facts, error) {
	var parts []Part
	var rest collected
	size := 0
	err := read(func(p Part) bool {
		size += 200
		for _, f := range p.Facts {
			size += len(f.Field) + len(f.Value) + 48
		}
		if size <= mostFacts {
			parts = append(parts, p)
			return true
		}
		// What is too much comes in the order of the file.
		rest.size = mostFacts
		for _, f := range p.Facts {
			rest.add(Fact{Field: p.Key + ": " + f.Field, Value: f.Value})
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(parts, func(a, b Part) int {
		if a.Key != b.Key {
			return cmp.Compare(a.Key, b.Key)
		}
		x, y := a.Facts.Print(), b.Facts.Print()
		return bytes.Compare(x[:], y[:])
	})
	var facts Facts
	for _, p := range parts {
		for _, f := range p.Facts {
			if len(parts) > 1 {
				f.Field = p.Key + ": " + f.Field
			}
			facts = append(facts, f)
		}
	}
	return append(facts, rest.end()...), nil
}

// Part is a component of a calendar or a card of a file.
type Part struct {
	// Key is the UID of a component, for an occurrence with the moment that it stands for, or that of a card.
	Key   string
	Facts Facts
}

// Components reads iCalendar as [Calendar] does and passes on each event, task and entry as soon as it can be understood,
// until yield returns false.
func Components(r io.Reader, yield func(Part) bool) error {
	c := &calendarReader{in: newContentReader(r), yield: yield}
	defer c.in.lines.release()
	c.read()
	return c.in.err()
}

// Bounds of a component.
const (
	deepestComponent = 8
	mostDeferred     = mostFacts // bytes of components that wait for the definition of their zone
	mostZones        = 1000
)

// component is a component as it was read.
type component struct {
	name  string
	props []contentLine // their values are canonical, but for those that depend on a zone
	subs  []*component
	stray collected // what is no property, or too much
	size  int
}

func (c *component) first(name string) string {
	for i := range c.props {
		if c.props[i].name == name {
			return strings.TrimSpace(c.props[i].value)
		}
	}
	return ""
}

type calendarReader struct {
	in      *contentReader
	zones   zones
	yield   func(Part) bool
	waiting []*component
	held    int // bytes of those
	stopped bool
}

// read reads calendars, and components outside of any.
func (c *calendarReader) read() {
	calendar := &component{}
	for !c.stopped {
		line, ok := c.in.next()
		if !ok {
			break
		}
		switch name := beginning(line); {
		case name == "VCALENDAR":
		case name != "":
			c.component(name)
		case line.name == "END":
			c.release()
			c.zones.defined = nil
		case line.name == "METHOD" || line.stray:
			c.property(calendar, line)
		}
	}
	c.release()
	if len(calendar.props) > 0 || len(calendar.stray.end()) > 0 {
		calendar.name = "VCALENDAR"
		c.emit(calendar)
	}
}

// beginning returns the name of the component that a line begins, in upper case; empty for another line.
func beginning(line *contentLine) string {
	if line.stray || line.name != "BEGIN" || line.long {
		return ""
	}
	return strings.ToUpper(strings.TrimSpace(line.value))
}

// component reads a component, and passes it on or keeps it.
func (c *calendarReader) component(name string) {
	comp := &component{name: name}
	c.fill(comp, comp, 0)
	if name == "VTIMEZONE" {
		if zone := zoneOf(comp); zone != nil {
			if c.zones.defined == nil {
				c.zones.defined = make(map[string]*formats.Zone)
			}
			if len(c.zones.defined) < mostZones {
				c.zones.defined[comp.first("TZID")] = zone
			}
		}
		return
	}
	if c.held < mostDeferred && !c.understood(comp) {
		c.waiting = append(c.waiting, comp)
		c.held += comp.size
		return
	}
	c.emit(comp)
}

// fill reads a component to its end. What is bounded is the whole of it.
func (c *calendarReader) fill(comp, whole *component, depth int) {
	for {
		line, ok := c.in.next()
		if !ok {
			return
		}
		if name := beginning(line); name != "" {
			sub := &component{name: name}
			c.fill(sub, whole, depth+1)
			if whole.size += 200; whole.size > mostFacts || depth >= deepestComponent {
				for _, f := range c.facts(sub) {
					comp.stray.add(Fact{Field: sub.name + " " + f.Field, Value: f.Value})
				}
				continue
			}
			comp.subs = append(comp.subs, sub)
			continue
		}
		if line.name == "END" && !line.stray {
			return
		}
		before := comp.size
		c.property(comp, line)
		if comp != whole {
			whole.size += comp.size - before
		}
	}
}

// property adds a property to a component.
func (c *calendarReader) property(comp *component, line *contentLine) {
	if line.stray {
		d := newDigest()
		comp.stray.add(Fact{Field: "line without a name", Value: c.in.sum(line, d, d.write)})
		return
	}
	line.value = c.value(line)
	size := 100 + len(line.name) + len(line.value)
	for _, p := range line.params {
		for _, v := range p.values {
			size += len(p.name) + len(v) + 32
		}
	}
	if comp.size += size; comp.size > mostFacts {
		comp.stray.add(Fact{Field: line.name, Value: line.withParameters(line.value)})
		return
	}
	comp.props = append(comp.props, *line)
}

// value reads the value of a property: what is not held becomes a hash here, and the rest is made canonical by facts.
func (c *calendarReader) value(line *contentLine) string {
	switch encoding := line.param1("ENCODING"); {
	case strings.EqualFold(encoding, "BASE64") || strings.EqualFold(encoding, "B"):
		return c.in.binary(line)
	case line.long:
		return c.in.text(line)
	}
	return line.value
}

// understood reports whether all zones that a component names are defined.
func (c *calendarReader) understood(comp *component) bool {
	for i := range comp.props {
		for _, p := range comp.props[i].params {
			if p.name == "TZID" && len(p.values) > 0 && !c.zones.knows(p.values[0]) {
				return false
			}
		}
	}
	for _, sub := range comp.subs {
		if !c.understood(sub) {
			return false
		}
	}
	return true
}

// release passes on what waits for zones: there will be no more.
func (c *calendarReader) release() {
	for _, comp := range c.waiting {
		c.emit(comp)
	}
	c.waiting, c.held = nil, 0
}

func (c *calendarReader) emit(comp *component) {
	if c.stopped {
		return
	}
	c.zones.left = mostLookups
	facts := c.facts(comp)
	key := facts.Get("UID")
	if at := facts.Get("RECURRENCE-ID"); at != "" {
		key += " " + at
	}
	list := make(Facts, 0, len(facts)+1)
	list = append(append(list, Fact{Field: "component", Value: comp.name}), facts...)
	c.stopped = !c.yield(Part{Key: key, Facts: list})
}

// facts returns what a component says, in an order that does not depend on its own.
func (c *calendarReader) facts(comp *component) Facts {
	var list collected
	var start *contentLine
	recurs := false
	var own Facts
	for i := range comp.props {
		line := &comp.props[i]
		recurs = recurs || line.name == "RRULE"
		if line.name == "DTSTART" {
			clone := *line
			start = &clone
		}
		own = append(own, c.propertyFacts(line)...)
	}
	if recurs && start != nil {
		if tzid := slices.Clone(start.params); len(tzid) > 0 {
			line := contentLine{params: tzid}
			if course := c.zones.course(start.value, line.param1("TZID")); course != "" {
				own = append(own, Fact{Field: "time zone", Value: course})
			}
		}
	}
	slices.SortFunc(own, func(a, b Fact) int { return cmp.Or(cmp.Compare(a.Field, b.Field), cmp.Compare(a.Value, b.Value)) })
	for _, f := range slices.Compact(own) {
		list.add(f)
	}
	for i, facts := range c.subFacts(comp) {
		for _, f := range facts {
			list.add(Fact{Field: fmt.Sprintf("%d %s", i+1, f.Field), Value: f.Value})
		}
	}
	for _, f := range comp.stray.end() {
		list.add(f)
	}
	return list.end()
}

// subFacts returns the facts of the components in a component, in the order of what they say.
func (c *calendarReader) subFacts(comp *component) []Facts {
	list := make([]Facts, 0, len(comp.subs))
	prints := make(map[*Fact]string)
	for _, sub := range comp.subs {
		facts := Facts{{Field: "component", Value: sub.name}}
		facts = append(facts, c.facts(sub)...)
		for i := 1; i < len(facts); i++ {
			facts[i].Field = sub.name + " " + facts[i].Field
		}
		var b strings.Builder
		for _, f := range facts {
			b.WriteString(f.Field + "\x00" + f.Value + "\x00")
		}
		prints[&facts[0]] = b.String()
		list = append(list, facts)
	}
	slices.SortStableFunc(list, func(a, b Facts) int { return cmp.Compare(prints[&a[0]], prints[&b[0]]) })
	return list
}

// serverPrefixes begin the names of what servers note in components.
var serverPrefixes = []string{"X-LIC-", "X-VOBJ-", "X-RADICALE-", "X-CALENDARSERVER-", "X-CYRUS-"}

// isServers reports whether a property or parameter is a server's own.
func isServers(name string) bool {
	return slices.ContainsFunc(serverPrefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// defaults are the values that properties have where they are missing.
var defaults = map[string]string{"CLASS": "PUBLIC", "TRANSP": "OPAQUE", "PRIORITY": "0", "SEQUENCE": "0", "REPEAT": "0"}

// paramDefaults are those of parameters (RFC 5545 3.2).
var paramDefaults = map[string]string{
	"CUTYPE": "INDIVIDUAL", "ROLE": "REQ-PARTICIPANT", "PARTSTAT": "NEEDS-ACTION", "RSVP": "FALSE", "RELATED": "START", "RELTYPE": "PARENT", "FBTYPE": "BUSY",
	"SCHEDULE-AGENT": "SERVER", "DISPLAY": "BADGE",
}

// valueTypes are those that a value shows by itself.
var valueTypes = []string{
	"TEXT", "URI", "DATE-TIME", "DATE", "DURATION", "PERIOD", "BINARY", "CAL-ADDRESS", "RECUR", "INTEGER", "FLOAT", "BOOLEAN", "UTC-OFFSET", "TIME",
	"DATE-AND-OR-TIME", "TIMESTAMP", "LANGUAGE-TAG",
}

// propertyFacts makes the facts of a property: none where it says nothing.
func (c *calendarReader) propertyFacts(original *contentLine) Facts {
	line := *original
	line.params = slices.Clone(original.params)
	for i := range line.params {
		line.params[i].values = slices.Clone(line.params[i].values)
	}
	if line.name == "DTSTAMP" || line.name == "PRODID" || line.name == "VERSION" || isServers(line.name) {
		return nil
	}
	tzid := line.param1("TZID")
	line.eachParam(func(name, value string) (string, bool) {
		switch name {
		case "SCHEDULE-STATUS":
			return "", false
		case "VALUE":
			value = strings.ToUpper(value)
			return value, !slices.Contains(valueTypes, value)
		case "FMTTYPE", "LANGUAGE":
			return strings.ToLower(value), true
		case "CUTYPE", "ROLE", "PARTSTAT", "RSVP", "RELATED", "RELTYPE", "FBTYPE", "SCHEDULE-AGENT", "SCHEDULE-FORCE-SEND", "RANGE", "DISPLAY":
			value = strings.ToUpper(value)
			return value, value != paramDefaults[name]
		case "MEMBER", "DELEGATED-TO", "DELEGATED-FROM", "SENT-BY", "DIR":
			return address(value), true
		}
		return value, !isServers(name)
	})
	var facts Facts
	for _, value := range c.values(&line, tzid) {
		if value == defaults[line.name] {
			continue
		}
		facts = append(facts, Fact{Field: line.name, Value: line.withParameters(value)})
	}
	return facts
}

// values returns the values of a property in canonical form.
func (c *calendarReader) values(line *contentLine, tzid string) []string {
	switch line.name {
	case "DTSTART", "DTEND", "DUE", "COMPLETED", "CREATED", "LAST-MODIFIED", "ACKNOWLEDGED":
		return one(c.zones.moment(line.value, tzid))
	case "RECURRENCE-ID":
		return one(c.zones.utc(line.value, tzid))
	case "EXDATE", "RDATE", "FREEBUSY":
		var list []string
		for value := range strings.SplitSeq(line.value, ",") {
			list = append(list, one(c.period(value, tzid))...)
		}
		return list
	case "DURATION", "REFRESH-INTERVAL":
		return one(duration(line.value))
	case "TRIGGER":
		if d := duration(line.value); d != line.value {
			return one(d)
		}
		return one(c.period(line.value, tzid))
	case "RRULE", "EXRULE":
		return one(c.rule(line.value))
	case "CATEGORIES", "RESOURCES":
		// QUIRK: Cyrus and Xandikos make two of a category with a comma in its name.
		var list []string
		for value := range strings.SplitSeq(unescaped(line.value), ",") {
			list = append(list, one(strings.TrimSpace(value))...)
		}
		return list
	case "ATTENDEE", "ORGANIZER", "ATTACH", "URL", "CONFERENCE", "IMAGE":
		return one(address(unescaped(line.value)))
	case "STATUS", "CLASS", "TRANSP", "ACTION", "METHOD", "PRIORITY", "SEQUENCE", "PERCENT-COMPLETE", "REPEAT":
		return one(strings.ToUpper(strings.TrimSpace(line.value)))
	}
	return one(held(unescaped(line.value)))
}

// address returns a URI; one of a mail address in lower case but for what stands before the "@".
func address(uri string) string {
	uri = strings.TrimSpace(uri)
	if scheme, rest, ok := strings.Cut(uri, ":"); ok && strings.EqualFold(scheme, "mailto") {
		return "mailto:" + lowerDomain(rest)
	}
	return held(uri)
}

// period returns a moment, or a period (RFC 5545 3.3.9).
func (c *calendarReader) period(value, tzid string) string {
	start, end, ok := strings.Cut(value, "/")
	if !ok {
		return c.zones.moment(value, tzid)
	}
	to := duration(end)
	if to == end {
		to = c.zones.moment(end, tzid)
	}
	return c.zones.moment(start, tzid) + "/" + to
}

// duration returns a duration in seconds (RFC 5545 3.3.6), and what is none as it is.
//
// QUIRK: Radicale and Xandikos make a day of 24 hours. They are not the same where clocks change, and nobody can tell then
// what was meant.
func duration(value string) string {
	s := strings.ToUpper(strings.TrimSpace(value))
	sign := ""
	switch {
	case strings.HasPrefix(s, "-"):
		sign, s = "-", s[1:]
	case strings.HasPrefix(s, "+"):
		s = s[1:]
	}
	s, ok := strings.CutPrefix(s, "P")
	if !ok || s == "" {
		return value
	}
	seconds, inTime := int64(0), false
	for s != "" {
		if s[0] == 'T' {
			inTime, s = true, s[1:]
			continue
		}
		i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
		if i < 1 || i > 9 {
			return value
		}
		n, err := strconv.ParseInt(s[:i], 10, 64)
		unit, ok := durationUnits[s[i]]
		if err != nil || !ok || unit.inTime != inTime {
			return value
		}
		seconds += n * unit.seconds
		s = s[i+1:]
	}
	if seconds == 0 {
		sign = ""
	}
	return fmt.Sprintf("%s%d s", sign, seconds)
}

// durationUnits are the letters of durations.
var durationUnits = map[byte]struct {
	seconds int64
	inTime  bool
}{'W': {7 * 86400, false}, 'D': {86400, false}, 'H': {3600, true}, 'M': {60, true}, 'S': {1, true}}

// rule returns a recurrence rule with its parts in order and without those that are the default (RFC 5545 3.3.10).
func (c *calendarReader) rule(value string) string {
	var parts []string
	for part := range strings.SplitSeq(strings.ToUpper(value), ";") {
		name, v, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			parts = append(parts, one(name)...)
			continue
		}
		switch {
		case name == "INTERVAL" && v == "1", name == "WKST" && v == "MO":
			continue
		case name == "UNTIL":
			v = c.zones.moment(v, "")
		case strings.HasPrefix(name, "BY"):
			list := strings.Split(v, ",")
			for i := range list {
				list[i] = strings.TrimPrefix(strings.TrimSpace(list[i]), "+")
			}
			slices.Sort(list)
			v = strings.Join(list, ",")
		}
		parts = append(parts, name+"="+v)
	}
	slices.Sort(parts)
	return strings.Join(parts, ";")
}
