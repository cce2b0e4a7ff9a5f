package ical

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
	"mailmill/formats/mapi"
)

// ReadOptions say how components are read.
type ReadOptions struct {
	// CodePage is that of 8-bit text that is no UTF-8 and says nothing of itself; 0 is Windows-1252.
	CodePage int
}

// Component is a component as it stands in a file.
type Component struct {
	Text []byte
	// Calendar is the one that it stands in, and Zones are those of that; each may be nil.
	Calendar *Calendar
	Zones    *Zones
}

// Errors of [Read].
var (
	errNothing      = errors.New("it is no event, task, note or journal entry")
	errNoStart      = errors.New("nothing says when it starts")
	errNoOccurrence = errors.New("nothing says which occurrence it is")
)

// Read makes an item of a component and of those that belong to it: the occurrences of a series that differ. The item has
// its kind, body, identity and key, and what the container does not know better: subject, date, keywords, last change.
//
// Its body has the lines that it came as, see [formats.Verbatim]: those of a vCalendar 1.0 translated, those that were not
// as they should be made right. What RFC 5545 demands is added where it lacks: a UID, made of a hash of all there is, and a
// stamp. An event without a start gets one, and has damage.
func Read(main Component, others []Component, o ReadOptions) (*formats.Item, error) {
	r := newReader(main, o)
	it := &formats.Item{Entry: formats.Entry{Kind: r.kind}}
	it.Modified = r.stamp("LAST-MODIFIED")
	uid := ""
	if p := r.first("UID"); p != nil {
		uid = uidOf(p.Value)
	}
	if uid == "" {
		uid = hashed(r.lines)
	}
	r.uid = uid
	var overrides []*reader
	for _, c := range others {
		other := newReader(c, o)
		other.uid = uid
		overrides = append(overrides, other)
	}
	switch r.kind {
	case formats.KindEvent:
		it.Event = r.event()
		for _, other := range overrides {
			if other.kind != formats.KindEvent {
				return nil, errNothing
			}
			it.Event.Overrides = append(it.Event.Overrides, other.event())
		}
		it.Identity = it.Event.Identity()
		it.Subject, it.Date = it.Event.Summary, it.Event.Start.Time(nil)
	case formats.KindTask:
		it.Task = r.task()
		r.with(it.Task.Verbatim, overrides)
		it.Identity, it.Subject, it.Date = it.Task.UID, it.Task.Summary, cmp.Or(it.Task.Due, it.Task.Start).Time(nil)
	case formats.KindJournal:
		it.Journal = r.journal()
		r.with(it.Journal.Verbatim, overrides)
		it.Identity, it.Subject, it.Date = it.Journal.UID, it.Journal.Summary, it.Journal.Start.Time(nil)
	case formats.KindNote:
		it.Note = &formats.Note{Details: r.details()}
		it.Note.Verbatim = r.verbatim()
		r.with(it.Note.Verbatim, overrides)
		it.Identity, it.Subject = it.Note.UID, it.Note.Summary
	default:
		return nil, errNothing
	}
	it.Damage = r.damage
	for _, other := range overrides {
		it.Damage = append(it.Damage, other.damage...)
	}
	it.Keywords = r.keywords
	if it.Date.IsZero() || it.Kind != formats.KindEvent {
		it.Date = firstTime(it.Date, it.Modified, r.stamp("DTSTAMP"), r.stamp("CREATED"))
	}
	it.Key = formats.Key(it.Kind, it.Identity)
	return it, nil
}

func firstTime(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// reader makes the body of an item of a component.
type reader struct {
	kind  formats.Kind
	name  string
	uid   string
	lines []contentline.Line
	// own are the properties of the component itself.
	own      []*contentline.Property
	zones    *Zones
	method   string
	ours     bool // this package wrote it
	people   map[*contentline.Property][]*formats.Address
	named    map[*formats.Address]bool // by a field of the body
	keywords []string
	damage   []formats.Damage
	// missing are lines that the component has to have.
	missing []contentline.Property
}

func newReader(c Component, o ReadOptions) *reader {
	r := &reader{zones: c.Zones, people: make(map[*contentline.Property][]*formats.Address), named: make(map[*formats.Address]bool)}
	if r.zones == nil {
		r.zones = new(Zones)
	}
	old := false
	var usual *formats.Zone
	if c.Calendar != nil {
		r.method, old, usual = c.Calendar.Method, c.Calendar.Old, c.Calendar.zone
		r.ours = c.Calendar.Ours()
	}
	if usual != nil {
		r.zones.put(usual)
	}
	lines, _ := contentline.Decoder{CodePage: o.CodePage, Old: old}.Decode(c.Text)
	lines = balanced(lines)
	if old {
		lines = translated(lines, usual)
	}
	r.lines = lines
	depth := 0
	var kinds contentline.Component
	for i := range lines {
		p := &lines[i].Property
		switch p.Name {
		case "BEGIN":
			if depth++; depth == 1 && r.name == "" {
				r.name = p.Value
			}
			continue
		case "END":
			depth--
			continue
		}
		for _, ref := range peopleOf(p) {
			r.people[p] = append(r.people[p], ref.address)
		}
		if depth == 1 {
			r.own = append(r.own, p)
			kinds.Props = append(kinds.Props, *p)
		}
	}
	kinds.Name = r.name
	r.kind = kindOf(&kinds)
	return r
}

// balanced gives every BEGIN its END, and takes away what ends nothing. Names of components are in capitals then.
func balanced(lines []contentline.Line) []contentline.Line {
	const deepest = 64
	var open []string
	out := make([]contentline.Line, 0, len(lines)+1)
	end := func() {
		out = append(out, contentline.Line{Property: contentline.Property{Name: "END", Value: open[len(open)-1]}})
		open = open[:len(open)-1]
	}
	for _, l := range lines {
		name := contentline.ComponentName(l.Value)
		switch l.Name {
		case "BEGIN":
			if len(open) == deepest {
				continue
			}
			open = append(open, name)
			out = append(out, contentline.Line{Property: contentline.Property{Name: "BEGIN", Value: name}})
		case "END":
			known := false
			for _, o := range open {
				known = known || o == name
			}
			for known && open[len(open)-1] != name {
				end()
			}
			if known {
				end()
			}
		default:
			if len(open) > 0 {
				out = append(out, l)
			}
		}
	}
	for len(open) > 0 {
		end()
	}
	return out
}

// textOf returns lines as they are kept and written, and behind the first those that are missing.
func textOf(lines []contentline.Line, missing ...contentline.Property) []byte {
	var b bytes.Buffer
	var w contentline.Writer
	w.Reset(&b, contentline.ICalendar)
	for i := range lines {
		l := &lines[i]
		if i == 1 {
			for j := range missing {
				w.Unfolded(missing[j].String())
			}
		}
		if isBoundary(&l.Property) {
			w.Line(l.Name, l.Value)
		} else {
			l.Write(&w)
		}
	}
	_ = w.Flush() // a buffer takes everything
	return b.Bytes()
}

func isBoundary(p *contentline.Property) bool { return p.Name == "BEGIN" || p.Name == "END" }

// hashed returns the UID of a component that has none: the same of what says the same.
func hashed(lines []contentline.Line) string {
	h := sha256.New()
	for i := range lines {
		_, _ = io.WriteString(h, lines[i].String())
		h.Write([]byte{'\n'})
	}
	return hex.EncodeToString(h.Sum(nil)[:16]) + "@ical.invalid"
}

// first returns the first property of a name, nil where there is none.
func (r *reader) first(name string) *contentline.Property {
	for _, p := range r.own {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// text returns the text of a property.
func (r *reader) text(name string) string {
	if p := r.first(name); p != nil {
		return strings.TrimSpace(contentline.Unescape(p.Value))
	}
	return ""
}

func (r *reader) word(name string) string { return strings.ToUpper(r.text(name)) }

// moment returns the date or time of a property.
func (r *reader) moment(name string) formats.Moment {
	p := r.first(name)
	if p == nil {
		return formats.Moment{}
	}
	return r.momentOf(p, p.Value)
}

func (r *reader) momentOf(p *contentline.Property, value string) formats.Moment {
	var zone *formats.Zone
	if id := p.Get("TZID"); id != "" {
		if zone = r.zones.find(id); zone != nil && len(zone.Onsets) == 0 {
			zone = nil
		}
	}
	m := parseMoment(value, zone)
	if m.Form != formats.MomentDate && strings.EqualFold(p.Get("VALUE"), "DATE") && !m.IsZero() {
		return formats.Date(m.Clock.Date())
	}
	return m
}

// stamp returns the instant of a property.
func (r *reader) stamp(name string) time.Time { return r.moment(name).Time(nil) }

// moments returns those of all properties of a name.
func (r *reader) moments(name string) []formats.Moment {
	var list []formats.Moment
	for _, p := range r.own {
		if p.Name != name {
			continue
		}
		for v := range strings.SplitSeq(p.Value, ",") {
			v, _, _ = strings.Cut(v, "/")
			if m := r.momentOf(p, v); !m.IsZero() {
				list = append(list, m)
			}
		}
	}
	return list
}

// details reads what all components have.
func (r *reader) details() formats.Details {
	d := formats.Details{
		UID: r.uid, Stamp: r.stamp("DTSTAMP"), Created: r.stamp("CREATED"), Modified: r.stamp("LAST-MODIFIED"),
		Summary: r.text("SUMMARY"), Color: r.text("COLOR"),
	}
	d.Sequence, _ = digits(r.text("SEQUENCE"))
	d.Priority, _ = digits(r.text("PRIORITY"))
	if p := r.first("URL"); p != nil {
		d.URL = strings.TrimSpace(p.Value)
	}
	switch r.word("CLASS") {
	case "PRIVATE":
		d.Class = formats.ClassPrivate
	case "CONFIDENTIAL":
		d.Class = formats.ClassConfidential
	}
	if p := r.first("DESCRIPTION"); p != nil {
		d.Text = formats.Bytes(contentline.Unescape(p.Value))
	}
	for _, p := range r.own {
		switch p.Name {
		case "X-ALT-DESC":
			if strings.EqualFold(p.Get("FMTTYPE"), "text/html") && d.HTML == nil {
				d.HTML = formats.Bytes(contentline.Unescape(p.Value))
			}
		case "CATEGORIES":
			r.keywords = append(r.keywords, textsOf(p.Value)...)
		case "CONTACT":
			d.Contacts = append(d.Contacts, contentline.Unescape(p.Value))
		case "X-PST-COMPANIES":
			d.Companies = append(d.Companies, textsOf(p.Value)...)
		case "ATTACH":
			d.Attachments = append(d.Attachments, attachmentOf(p))
		}
	}
	return d
}

// attachmentOf returns the part that an ATTACH is (RFC 5545 3.8.1.1).
func attachmentOf(p *contentline.Property) *formats.Part {
	part := &formats.Part{Type: strings.ToLower(p.Get("FMTTYPE")), Disposition: "attachment"}
	for _, name := range []string{"X-FILENAME", "FILENAME", "X-APPLE-FILENAME", "X-LABEL"} {
		part.Name = cmp.Or(part.Name, p.Get(name))
	}
	if strings.EqualFold(p.Get("ENCODING"), "BASE64") || strings.EqualFold(p.Get("VALUE"), "BINARY") {
		if c := encoded(p.Value); c.valid() {
			part.Content, part.Size = c, int64(base64.RawStdEncoding.DecodedLen(len(c.trimmed())))
		}
		return part
	}
	part.Location = strings.TrimSpace(p.Value)
	return part
}

// encoded is content in base64 that is decoded when it is read.
type encoded string

func (c encoded) trimmed() string { return strings.TrimRight(strings.TrimSpace(string(c)), "=") }

// Open implements [formats.Content].
func (c encoded) Open() (io.ReadCloser, error) {
	return io.NopCloser(base64.NewDecoder(base64.RawStdEncoding, strings.NewReader(c.trimmed()))), nil
}

// valid reports whether all of it can be decoded.
func (c encoded) valid() bool {
	s := c.trimmed()
	for i := range len(s) {
		b := s[i]
		if !('A' <= b && b <= 'Z' || 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || b == '+' || b == '/') {
			return false
		}
	}
	return len(s)%4 != 1
}

// ensure adds a line where the component has none of its name.
func (r *reader) ensure(p contentline.Property) {
	if r.first(p.Name) == nil {
		r.missing = append(r.missing, p)
	}
}

// verbatim returns the lines of the component, with those that it has to have.
func (r *reader) verbatim() *formats.Verbatim {
	v := &formats.Verbatim{Version: "2.0", Method: r.method}
	zones := make(map[*formats.Zone]bool)
	for i := range r.lines {
		p := &r.lines[i].Property
		for _, a := range r.people[p] {
			v.People = append(v.People, a)
			if !r.named[a] {
				v.Aside = append(v.Aside, a)
			}
		}
		if id := p.Get("TZID"); id != "" && p.Name != "END" {
			if z := r.zones.find(id); z != nil {
				zones[z] = true
			}
		}
	}
	stamp := formats.Instant(time.Unix(0, 0))
	for _, name := range []string{"LAST-MODIFIED", "CREATED", "DTSTART", "DUE", "DTEND"} {
		if t := r.stamp(name).UTC(); writable(t) {
			stamp = formats.Instant(t)
			break
		}
	}
	rest := r.missing
	r.missing = nil
	r.ensure(contentline.Property{Name: "UID", Value: contentline.Escape(contentline.OneLine(r.uid))})
	r.ensure(contentline.Property{Name: "DTSTAMP", Value: stamp.Clock.Format(utcForm)})
	r.missing = append(r.missing, rest...)
	v.Text = textOf(r.lines, r.missing...)
	v.Zones = r.zones.inOrder(zones)
	return v
}

// with adds the lines of other components of the same thing.
func (r *reader) with(v *formats.Verbatim, others []*reader) {
	for _, o := range others {
		more := o.verbatim()
		v.Text = append(v.Text, more.Text...)
		v.People = append(v.People, more.People...)
		v.Aside = append(v.Aside, more.People...)
		for _, z := range more.Zones {
			known := false
			for _, have := range v.Zones {
				known = known || have == z
			}
			if !known {
				v.Zones = append(v.Zones, z)
			}
		}
	}
}

// inOrder returns zones in the order in which they were added, then by their names.
func (z *Zones) inOrder(set map[*formats.Zone]bool) []*formats.Zone {
	if len(set) == 0 {
		return nil
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	var list []*formats.Zone
	for _, zone := range z.order {
		if set[zone] {
			list = append(list, zone)
		}
	}
	return list
}

// person is somebody whom a line names, and where.
type person struct {
	address *formats.Address
	// param is the parameter that names them, empty for the value, and at the place of the name in it.
	param string
	at    int
}

// peopleOf returns those whom a property names: its value, then who is named in its parameters.
func peopleOf(p *contentline.Property) []person {
	switch p.Name {
	case "ATTENDEE", "ORGANIZER", "X-PST-ASSIGNER", "X-PST-OWNER":
	default:
		return nil
	}
	list := []person{{address: addressOf(p.Value, p)}}
	for _, q := range p.Params {
		switch q.Name {
		case "SENT-BY", "DELEGATED-TO", "DELEGATED-FROM", "MEMBER":
			for i, v := range q.Values {
				list = append(list, person{addressOf(contentline.Decode6868(v), nil), q.Name, i})
			}
		}
	}
	return list
}

// addressOf returns whom a URI names, with what the parameters of its property say.
func addressOf(uri string, p *contentline.Property) *formats.Address {
	a := new(formats.Address)
	stored := ""
	if p != nil {
		a.Name = contentline.OneLine(strings.TrimSpace(contentline.Unescape(p.Get("CN"))))
		stored = p.Get("X-EX-ADDRESS")
	}
	address, ok := contentline.AddressOf(uri)
	if !ok && p != nil {
		// QUIRK: Apple's programs name people by their place on a server, and have the address in a parameter.
		if e, mail := contentline.AddressOf(p.Get("EMAIL")); mail {
			address, ok = e, true
		}
	}
	if exchange := strings.TrimPrefix(strings.TrimPrefix(address, "EX:"), "ex:"); strings.HasPrefix(strings.ToLower(exchange), "/o=") {
		a.Stored, a.Via = exchange, formats.ViaNone
		return a
	}
	switch {
	case stored != "":
		a.Stored, a.Via = stored, formats.ViaNone
		if ok {
			a.Placeholder = address
		}
	case ok && mapi.IsIMCEA(address):
		a.Stored, a.Via = address, formats.ViaNone
	case ok:
		a.Stored, a.SMTP, a.Via = address, address, formats.ViaStored
	default:
		a.Via = formats.ViaNone
	}
	if strings.EqualFold(a.Name, a.SMTP) {
		a.Name = ""
	}
	return a
}

// meeting reads who takes part.
func (r *reader) meeting() *formats.Meeting {
	var m formats.Meeting
	for _, p := range r.own {
		list := r.people[p]
		if len(list) == 0 {
			continue
		}
		switch p.Name {
		case "ORGANIZER":
			if m.Organizer != nil {
				continue
			}
			m.Organizer = r.take(list[0])
			for i, ref := range peopleOf(p) {
				if ref.param == "SENT-BY" && m.SentBy == nil {
					m.SentBy = r.take(list[i])
				}
			}
		case "ATTENDEE":
			m.Attendees = append(m.Attendees, formats.Attendee{
				Address: r.take(list[0]),
				Type:    formats.AttendeeType(indexOf(attendeeTypes[:], p.Get("CUTYPE"))),
				Role:    formats.AttendeeRole(indexOf(attendeeRoles[:], p.Get("ROLE"))),
				Status:  formats.AttendeeStatus(indexOf(attendeeStates[:], p.Get("PARTSTAT"))),
				RSVP:    strings.EqualFold(p.Get("RSVP"), "TRUE"),
			})
		}
	}
	if m.Organizer == nil && len(m.Attendees) == 0 {
		return nil
	}
	m.NoCounter = r.word("X-MICROSOFT-DISALLOW-COUNTER") == "TRUE"
	return &m
}

// take notes that a field of the body names somebody.
func (r *reader) take(a *formats.Address) *formats.Address {
	r.named[a] = true
	return a
}

// indexOf returns the place of a word in a list, 0 where it is not there.
func indexOf(list []string, word string) int {
	for i, s := range list {
		if s != "" && strings.EqualFold(s, word) {
			return i
		}
	}
	return 0
}

// series reads when something recurs; nil where it does not.
func (r *reader) series(start formats.Moment) *formats.Series {
	s := &formats.Series{Except: r.moments("EXDATE"), Also: r.moments("RDATE")}
	rule := r.first("RRULE")
	if rule != nil {
		s.Rule = parseRule(rule.Value, start)
	}
	exchange := r.first("X-MICROSOFT-RRULE")
	if exchange != nil {
		s.Exchange = &formats.ExchangeRule{Calendar: r.text(exchangeCalendar)}
		if rule := parseRule(exchange.Value, start); rule != nil {
			s.Exchange.Rule = *rule
		}
	}
	if rule == nil && exchange == nil && len(s.Also) == 0 {
		return nil
	}
	return s
}

// alarms reads reminders (RFC 5545 3.6.6).
func (r *reader) alarms() []formats.Alarm {
	var list []formats.Alarm
	var at *formats.Alarm
	depth, good := 0, false
	for i := range r.lines {
		p := &r.lines[i].Property
		switch {
		case p.Name == "BEGIN":
			if depth++; depth == 2 && p.Value == "VALARM" {
				at, good = new(formats.Alarm), false
			}
		case p.Name == "END":
			if depth == 2 && at != nil {
				if good {
					list = append(list, *at)
				}
				at = nil
			}
			depth--
		case depth == 2 && at != nil && p.Name == "DESCRIPTION":
			at.Text = contentline.Unescape(p.Value)
		case depth == 2 && at != nil && p.Name == "TRIGGER":
			if d, ok := parseDuration(p.Value); ok {
				at.Before, at.FromEnd, good = -d, strings.EqualFold(p.Get("RELATED"), "END"), true
			} else if m := r.momentOf(p, p.Value); !m.IsZero() {
				at.At, good = m.Time(nil), true
			}
		}
	}
	return list
}

// event reads a VEVENT.
func (r *reader) event() *formats.Event {
	e := &formats.Event{Start: r.moment("DTSTART"), End: r.moment("DTEND"), RecurrenceID: r.moment("RECURRENCE-ID"), Location: r.text("LOCATION")}
	if e.Start.IsZero() {
		e.Start = r.anyStart()
		r.damage = append(r.damage, formats.Damage{Part: "start", Err: errNoStart})
	}
	if e.RecurrenceID.IsZero() && r.first("RECURRENCE-ID") != nil {
		e.RecurrenceID = e.Start
		r.replace("RECURRENCE-ID", e.Start)
		r.damage = append(r.damage, formats.Damage{Part: "series", Err: errNoOccurrence})
	}
	if p := r.first("DURATION"); p != nil && e.End.IsZero() {
		if d, ok := parseDuration(p.Value); ok && d > 0 {
			e.End = e.Start
			if e.End.Clock = e.Start.Clock.Add(d); e.Start.IsDate() {
				e.End = formats.Date(e.End.Clock.Date())
			}
		}
	}
	e.Details = r.details()
	e.Series = r.series(e.Start)
	e.Cancelled = r.word("STATUS") == "CANCELLED"
	e.Busy = formats.Busy(indexOf(busyNames[:], r.text("X-MICROSOFT-CDO-BUSYSTATUS")))
	e.Intended = formats.Busy(indexOf(busyNames[:], r.text("X-MICROSOFT-CDO-INTENDEDSTATUS")))
	if e.Busy == formats.BusyUnknown {
		switch {
		case r.word("TRANSP") == "TRANSPARENT":
			e.Busy = formats.BusyFree
		case r.word("STATUS") == "TENTATIVE":
			e.Busy = formats.BusyTentative
		}
	}
	e.Meeting = r.meeting()
	e.Alarms = r.alarms()
	for _, p := range r.own {
		if p.Name == "CONFERENCE" {
			e.Conferences = append(e.Conferences, formats.Link{URI: strings.TrimSpace(p.Value), Label: p.Get("LABEL")})
		}
	}
	e.Verbatim = r.verbatim()
	return e
}

// anyStart gives an event a start that has none that can be read, from what else there is. A line that makes no sense
// is kept under another name.
func (r *reader) anyStart() formats.Moment {
	var start formats.Moment
	for _, name := range []string{"RECURRENCE-ID", "DTEND", "DTSTAMP", "CREATED", "LAST-MODIFIED"} {
		if start = r.moment(name); !start.IsZero() {
			break
		}
	}
	if start.IsZero() {
		start = formats.Date(1970, time.January, 1)
	}
	r.replace("DTSTART", start)
	return start
}

// replace has a moment stand in place of a line that makes no sense, which stays under another name.
func (r *reader) replace(name string, m formats.Moment) {
	line := contentline.Property{Name: name, Value: m.Clock.Format(clockForm)}
	switch m.Form {
	case formats.MomentDate:
		line.Value = m.Clock.Format(dateForm)
		line.Set("VALUE", "DATE")
	case formats.MomentInstant:
		line.Value += "Z"
	case formats.MomentZoned:
		line.Set("TZID", m.Zone.ID)
	}
	for i := range r.lines {
		if l := &r.lines[i]; l.Name == name {
			l.Name = "X-PST-" + name
			l.Change()
		}
	}
	r.ensure(line)
}

// task reads a VTODO.
func (r *reader) task() *formats.Task {
	t := &formats.Task{
		Details: r.details(), Start: cmp.Or(r.moment("DTSTART"), r.moment("X-PST-START")), Due: r.moment("DUE"), Completed: r.stamp("COMPLETED"),
	}
	if p := r.first("DURATION"); p != nil && t.Due.IsZero() && !t.Start.IsZero() {
		if d, ok := parseDuration(p.Value); ok && d > 0 {
			t.Due = t.Start
			t.Due.Clock = t.Start.Clock.Add(d)
		}
	}
	start := t.Start
	if start.IsZero() {
		start = t.Due
	}
	t.Series = r.series(start)
	t.Percent, _ = digits(r.text("PERCENT-COMPLETE"))
	t.Percent = min(t.Percent, 100)
	switch r.word("STATUS") {
	case "IN-PROCESS":
		t.Status = formats.TaskInProgress
	case "COMPLETED":
		t.Status, t.Percent = formats.TaskComplete, 100
	case "":
		if !t.Completed.IsZero() || t.Percent == 100 {
			t.Status = formats.TaskComplete
		}
	}
	for _, s := range []formats.TaskStatus{formats.TaskWaiting, formats.TaskDeferred} {
		if r.text("X-PST-TASK-STATUS") == s.String() {
			t.Status = s
		}
	}
	if p := r.text("X-PST-REGENERATE"); len(p) > 2 && p[0] == 'P' {
		if n, ok := digits(p[1 : len(p)-1]); ok {
			unit := map[byte]formats.Frequency{'D': formats.Daily, 'W': formats.Weekly, 'M': formats.Monthly, 'Y': formats.Yearly}[p[len(p)-1]]
			t.Regenerate = &formats.Recurrence{Frequency: unit, Interval: n}
		}
	}
	t.ActualEffort, _ = parseDuration(r.text("X-PST-ACTUAL-EFFORT"))
	t.EstimatedEffort, _ = parseDuration(r.text("X-PST-ESTIMATED-EFFORT"))
	for _, p := range r.own {
		list := r.people[p]
		if len(list) == 0 {
			continue
		}
		switch {
		case (p.Name == "ORGANIZER" || p.Name == "X-PST-ASSIGNER") && t.Assigner == nil:
			t.Assigner = r.take(list[0])
		case (p.Name == "ATTENDEE" || p.Name == "X-PST-OWNER") && t.Owner == nil:
			t.Owner = r.take(list[0])
			t.Accepted = formats.AttendeeStatus(indexOf(attendeeStates[:], p.Get("PARTSTAT")))
		}
	}
	t.Alarms = r.alarms()
	t.Verbatim = r.verbatim()
	return t
}

// journal reads a VJOURNAL that is no note.
func (r *reader) journal() *formats.Journal {
	j := &formats.Journal{Details: r.details(), Start: r.moment("DTSTART"), End: r.moment("X-PST-END")}
	j.Duration, _ = parseDuration(r.text("X-PST-DURATION"))
	if r.ours && len(r.keywords) > 0 && r.first(activityMark) == nil {
		j.Activity, r.keywords = r.keywords[0], r.keywords[1:]
	}
	j.Verbatim = r.verbatim()
	return j
}

// String names the component, for errors.
func (o Object) String() string { return fmt.Sprintf("%s at byte %d", o.Name, o.Offset) }
