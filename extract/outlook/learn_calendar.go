package outlook

import (
	"io"
	"strings"
	"unicode/utf8"

	"mailmill/formats"
	"mailmill/formats/codepage"
	"mailmill/formats/mapi"
)

// Limits on what of a meeting is read for its participants.
const (
	longestCalendar = 256 << 10 // bytes; attendees come before long descriptions in no set order
	mostInvited     = 1024
	mostCompared    = 2 * mostInvited // pieces of a message's evidence
)

// invited is who an iCalendar text names: an ORGANIZER or ATTENDEE line.
type invited struct{ name, smtp string }

// isCalendar reports whether an attachment is an iCalendar text.
func (l *learner) isCalendar(a mapi.Attachment) bool {
	tag, _ := a.Lookup(mapi.PidTagAttachMimeTag)
	if s := l.text(tag); s != "" && strings.EqualFold(s[:min(len(s), len("text/calendar"))], "text/calendar") {
		return true
	}
	for _, id := range [...]mapi.ID{mapi.PidTagAttachLongFilename, mapi.PidTagAttachFilename} {
		v, _ := a.Lookup(id)
		if s := l.text(v); len(s) > 4 && strings.EqualFold(s[len(s)-4:], ".ics") {
			return true
		}
	}
	return false
}

// calendarFile learns from an attachment that is an iCalendar text.
func (l *learner) calendarFile(a mapi.Attachment, from int) {
	r, err := a.Open()
	if err != nil {
		return
	}
	defer r.Close()
	b, _ := io.ReadAll(io.LimitReader(r, longestCalendar))
	text := string(b)
	if !utf8.Valid(b) {
		text, _ = codepage.Decode(l.cp, b)
	}
	l.calendar(text, from)
}

// calendar learns from an iCalendar text in a message: its lines have the mail addresses of people whom the message has
// by their Exchange names. Who is who is told by the display names, of which each must be one person's in the text and
// one person's in the message; from is where the message's evidence begins.
func (l *learner) calendar(text string, from int) {
	list := participantsOf(text)
	for i := range list {
		of := l.place(list[i].smtp)
		if of.domain != "" {
			l.tell(who{name: l.name(list[i].name, ""), place: of})
		}
		list[i].smtp = of.smtp
		list[i].name = formats.NameKey(l.name(list[i].name, of.smtp))
	}
	evidence := l.lesson.Evidence[from:len(l.lesson.Evidence):len(l.lesson.Evidence)]
	if len(evidence) > mostCompared {
		return
	}
	for i, in := range list {
		if in.name == "" || in.smtp == "" || !isOnly(list, i) {
			continue
		}
		if of := onlyDN(evidence, in.name); of != nil {
			l.add(formats.Evidence{Class: formats.EvidenceCalendar, DN: of.DN, SMTP: in.smtp, Name: of.Name})
		}
	}
}

// isOnly reports whether nobody else in the list has the name, and none of those before is the same.
func isOnly(list []invited, i int) bool {
	for j, other := range list {
		if j == i || other.name != list[i].name {
			continue
		}
		if j < i || other.smtp == "" || mapi.SMTPKey(other.smtp) != mapi.SMTPKey(list[i].smtp) {
			return false
		}
	}
	return true
}

// onlyDN returns who of a message goes by a name and by an Exchange name alone; nil where there is nobody, or more than
// one.
func onlyDN(evidence []formats.Evidence, key string) (found *formats.Evidence) {
	for i := range evidence {
		e := &evidence[i]
		if e.Name == "" || formats.NameKey(e.Name) != key {
			continue
		}
		if e.SMTP != "" || e.DN == "" || found != nil && mapi.DNKey(found.DN) != mapi.DNKey(e.DN) {
			return nil
		}
		found = e
	}
	return found
}

// participantsOf returns the participants of an iCalendar text (RFC 5545 3.8.4.1, 3.8.4.3). Their addresses are as they
// stand there, without "mailto:".
//
// QUIRK: calendars of Google and Apple have the address of who is no mailto: in a parameter EMAIL.
func participantsOf(text string) (list []invited) {
	for text != "" && len(list) < mostInvited {
		line, rest := contentLine(text)
		text = rest
		name, _, _ := strings.Cut(line[:min(len(line), len("ORGANIZER;"))], ";")
		name, _, _ = strings.Cut(name, ":")
		if !strings.EqualFold(name, "ATTENDEE") && !strings.EqualFold(name, "ORGANIZER") {
			continue
		}
		var in invited
		value := line[len(name):]
		for strings.HasPrefix(value, ";") {
			var key, param string
			key, param, value = parameter(value[1:])
			switch {
			case strings.EqualFold(key, "CN"):
				in.name = oneLine(param)
			case strings.EqualFold(key, "EMAIL"):
				in.smtp = oneLine(param)
			}
		}
		value, found := strings.CutPrefix(value, ":")
		if !found {
			continue
		}
		if addr := mapi.CleanAddress(oneLine(value)); in.smtp == "" || mapi.ShapeOf(addr) == mapi.ShapeSMTP {
			in.smtp = addr
		}
		list = append(list, in)
	}
	return list
}

// contentLine returns the first line of a text, unfolded, and what follows it (RFC 5545 3.1).
func contentLine(text string) (line, rest string) {
	line, rest, _ = strings.Cut(text, "\n")
	line = strings.TrimSuffix(line, "\r")
	if rest == "" || rest[0] != ' ' && rest[0] != '\t' {
		return line, rest
	}
	var b strings.Builder
	b.WriteString(line)
	for rest != "" && (rest[0] == ' ' || rest[0] == '\t') {
		line, rest, _ = strings.Cut(rest[1:], "\n")
		b.WriteString(strings.TrimSuffix(line, "\r"))
	}
	return b.String(), rest
}

// parameter returns the first parameter of a property, the first of its values without quotes, and what follows it,
// which begins with ";" or ":".
func parameter(s string) (key, value, rest string) {
	end, quoted := len(s), false
	for i := range len(s) {
		if s[i] == '"' {
			quoted = !quoted
		} else if !quoted && (s[i] == ';' || s[i] == ':') {
			end = i
			break
		}
	}
	key, value, _ = strings.Cut(s[:end], "=")
	if inner, found := strings.CutPrefix(value, `"`); found {
		value, _, _ = strings.Cut(inner, `"`)
	}
	return key, value, s[end:]
}

// attendeeNames learns who takes part in a meeting that has no recipients, or could not be asked: there are but display
// names, joined by "; ". Names of whom the message knows more tell nothing.
func (l *learner) attendeeNames(p mapi.Message, rows, from int) {
	names := []mapi.Name{mapi.PidLidNonSendableTo, mapi.PidLidNonSendableCc, mapi.PidLidNonSendableBcc}
	if rows == 0 {
		names = append(names, mapi.PidLidToAttendeesString, mapi.PidLidCcAttendeesString, mapi.PidLidAllAttendeesString,
			mapi.PidLidRequiredAttendees, mapi.PidLidOptionalAttendees, mapi.PidLidResourceAttendees)
	}
	var known map[string]bool
	for _, n := range names {
		v, _ := p.LookupName(n)
		if len(v.Data) == 0 || len(v.Data) > longestCalendar {
			continue
		}
		if known == nil {
			known = make(map[string]bool)
			for _, e := range l.lesson.Evidence[from:] {
				known[formats.NameKey(e.Name)] = true
			}
		}
		for text := range strings.SplitSeq(l.text(v), ";") {
			w := who{place: l.place(strings.TrimSpace(text))}
			w.name = l.name(strings.TrimSpace(text), w.smtp)
			key := formats.NameKey(w.name)
			if len(known) >= mostInvited || known[key] && w.smtp == "" {
				continue
			}
			known[key] = true
			l.tell(w)
		}
	}
}
