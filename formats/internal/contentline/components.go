package contentline

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
)

// Component is a component of a calendar, or a card, as it was found in a file.
type Component struct {
	// Name is in capitals: "VEVENT", "VCARD".
	Name string
	// Offset and End are where it stands: from its BEGIN to behind the line of its END or, where that is missing, to the
	// next component.
	Offset, End int64
	// Calendar is the number of the calendar in the file that it stands in, from 0; -1 for none.
	Calendar int
	// Props are its own properties of the names that were asked for, in their order; at most 64.
	Props []Property
	// Zones are the time zones that its lines name in parameters, at most 64.
	Zones []string
}

// Get returns the value of a property that was asked for.
func (c *Component) Get(name string) (value string, ok bool) {
	for i := range c.Props {
		if c.Props[i].Name == name {
			return c.Props[i].Value, true
		}
	}
	return "", false
}

// Rest is what there is in a file besides components.
type Rest struct {
	// Strays is the number of lines outside of everything.
	Strays int
	// Open says that the file ends within a component or a calendar.
	Open bool
}

// Bounds of what [Scan] remembers.
const (
	mostProps     = 64
	mostWanted    = 16 << 10 // bytes of a line that is looked at
	mostCalendars = 1 << 20
	mostOfAll     = 1000 // properties of a calendar
	deepest       = 64
)

// Scan finds the components in a file, and passes each to visit as soon as it ends, with its properties of the names that
// are wanted. It returns the properties of the calendars, by their numbers. Memory is bounded by those.
//
// A component's Zones are the values of TZID parameters that its lines have, each once.
//
// Lenient: what lacks its END ends where the next of its sort begins, a byte order mark may begin any line, and components
// may stand outside of calendars.
func Scan(r io.Reader, wanted map[string]bool, visit func(Component) error) (calendars [][]Property, rest Rest, err error) {
	s := &scanner{in: bufio.NewReaderSize(returns{bufio.NewReaderSize(r, 64<<10)}, 256<<10), wanted: wanted, visit: visit}
	err = s.run()
	return s.calendars, s.rest, err
}

// returns reads lines that end with CR alone, as those of old Macintoshes do, with LF.
type returns struct{ r *bufio.Reader }

func (r returns) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	for at := 0; at < n; at++ {
		i := bytes.IndexByte(p[at:n], '\r')
		if i < 0 {
			break
		}
		at += i
		behind := p[at+1 : n]
		if len(behind) == 0 {
			behind, _ = r.r.Peek(1)
		}
		if len(behind) == 0 || behind[0] != '\n' {
			p[at] = '\n'
		}
	}
	return n, err
}

type scanner struct {
	in     *bufio.Reader
	wanted map[string]bool
	visit  func(Component) error

	at        int64 // where the physical line at hand begins
	calendars [][]Property
	rest      Rest
	calendar  int // the one at hand, -1 for none
	piece     *Component
	nested    []string
	agent     bool // the line before was an AGENT without a value

	line   []byte // the logical line at hand, as far as it matters
	lineAt int64
	keep   bool
	soft   bool
	open   bool
	upper  [64]byte
}

var mark = []byte("\uFEFF")

func (s *scanner) run() error {
	s.calendar = -1
	for {
		b, err := s.in.ReadSlice('\n')
		start, length := s.at, int64(len(b))
		if len(b) > 0 {
			b = bytes.TrimPrefix(b, mark)
			if err := s.physical(b, start); err != nil {
				return err
			}
		}
		for errors.Is(err, bufio.ErrBufferFull) {
			// The middle of a line says nothing.
			var rest []byte
			rest, err = s.in.ReadSlice('\n')
			length += int64(len(rest))
			s.soft = s.soft && endsSoft(rest)
		}
		s.at += length
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if err := s.logical(s.at); err != nil {
		return err
	}
	s.rest.Open = s.piece != nil || s.calendar >= 0
	return s.close(s.at)
}

// physical takes a physical line, which may lack its end.
func (s *scanner) physical(b []byte, at int64) error {
	text := bytes.TrimRight(b, "\r\n")
	continues := s.open && (len(b) > 0 && (b[0] == ' ' || b[0] == '\t') || s.soft && !isBoundary(b))
	if continues {
		if s.keep && len(s.line)+len(b) < mostWanted {
			s.line = append(append(s.line, '\n'), text...)
		}
		s.soft = s.soft && endsSoft(b)
		return nil
	}
	if len(bytes.TrimSpace(text)) == 0 {
		s.soft = false
		return nil
	}
	if err := s.logical(at); err != nil {
		return err
	}
	s.open, s.lineAt = true, at
	name := s.nameOf(text)
	// A name may be folded, too.
	s.keep = s.matters(name) || len(text) < len(s.upper) && !bytes.ContainsAny(text, ":;")
	s.agent = s.agent && string(name) == "BEGIN"
	if s.line = s.line[:0]; s.keep {
		s.line = append(s.line, text[:min(len(text), mostWanted)]...)
	}
	s.soft = endsSoft(b) && isQuotedPrintable(b)
	s.zone(text)
	if s.piece == nil && s.calendar < 0 && string(name) != "BEGIN" && string(name) != "END" {
		s.rest.Strays++
	}
	return nil
}

// zone notes the time zone that a line names.
func (s *scanner) zone(line []byte) {
	if s.piece == nil || len(s.piece.Zones) >= mostProps {
		return
	}
	const name = ";TZID="
	head := line[:min(len(line), 256)]
	i := bytes.IndexAny(head, ":;")
	for i >= 0 && head[i] == ';' && (len(head) < i+len(name) || !strings.EqualFold(string(head[i:i+len(name)]), name)) {
		next := bytes.IndexAny(head[i+1:], ":;")
		if next < 0 {
			return
		}
		i += 1 + next
	}
	if i < 0 || head[i] == ':' {
		return
	}
	value := head[i+len(name):]
	if len(value) > 0 && value[0] == '"' {
		value, _, _ = bytes.Cut(value[1:], []byte(`"`))
	} else if i := bytes.IndexAny(value, ":;"); i >= 0 {
		value = value[:i]
	}
	for _, known := range s.piece.Zones {
		if known == string(value) {
			return
		}
	}
	s.piece.Zones = append(s.piece.Zones, string(value))
}

// nameOf returns the name that begins a line, in capitals.
func (s *scanner) nameOf(b []byte) []byte {
	n := 0
	for i, c := range b {
		switch {
		case c == ':' || c == ';':
			return s.upper[:n]
		case c == ' ' || c == '\t' || isControl(rune(c)):
			continue
		case c == '.':
			n = 0 // what came was the group
			continue
		case i >= len(s.upper) || n == len(s.upper):
			return nil
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		case c == '_':
			c = '-'
		}
		s.upper[n] = c
		n++
	}
	return nil
}

// matters reports whether a line of a name is looked at.
func (s *scanner) matters(name []byte) bool {
	switch {
	case len(name) == 0:
		return false
	case string(name) == "BEGIN" || string(name) == "END" || string(name) == "AGENT":
		return true
	case s.piece != nil:
		return len(s.nested) == 0 && s.wanted[string(name)] && len(s.piece.Props) < mostProps
	}
	return s.calendar >= 0 && len(s.calendars[s.calendar]) < mostOfAll
}

// logical takes the line at hand, which ends where the next begins.
func (s *scanner) logical(next int64) error {
	if !s.open || !s.keep {
		s.open = false
		return nil
	}
	s.open = false
	p, ok := Parse(latin(Unfold(s.line)))
	if !ok || !s.matters([]byte(p.Name)) {
		return nil
	}
	switch p.Name {
	case "BEGIN":
		return s.begin(ComponentName(p.Value))
	case "END":
		return s.end(ComponentName(p.Value), next)
	case "AGENT":
		if s.agent = strings.TrimSpace(p.Value) == ""; !s.wanted["AGENT"] {
			return nil
		}
	}
	p.Value = Text(unlatin(p.Value), p.Get("CHARSET"), 0)
	switch {
	case s.piece != nil && len(s.nested) == 0:
		s.piece.Props = append(s.piece.Props, p)
	case s.piece == nil && s.calendar >= 0:
		s.calendars[s.calendar] = append(s.calendars[s.calendar], p)
	}
	return nil
}

// stands are the components that stand in a calendar, or alone.
var stands = map[string]bool{"VEVENT": true, "VTODO": true, "VJOURNAL": true, "VFREEBUSY": true, "VTIMEZONE": true, "VCARD": true}

func (s *scanner) begin(name string) error {
	agent := s.agent
	s.agent = false
	if name == "VCALENDAR" {
		if err := s.close(s.lineAt); err != nil {
			return err
		}
		if len(s.calendars) == mostCalendars {
			return errors.New("there are more calendars in the file than can be")
		}
		s.calendars, s.calendar = append(s.calendars, nil), len(s.calendars)
		return nil
	}
	if s.piece != nil {
		if !stands[name] || !stands[s.piece.Name] || agent && name == "VCARD" {
			if len(s.nested) < deepest {
				s.nested = append(s.nested, name)
			}
			return nil
		}
		if err := s.close(s.lineAt); err != nil {
			return err
		}
	}
	s.piece = &Component{Name: name, Offset: s.lineAt, Calendar: s.calendar}
	return nil
}

func (s *scanner) end(name string, next int64) error {
	if name == "VCALENDAR" {
		err := s.close(s.lineAt)
		s.calendar = -1
		return err
	}
	if s.piece == nil {
		return nil
	}
	for i := len(s.nested) - 1; i >= 0; i-- {
		if s.nested[i] == name {
			s.nested = s.nested[:i]
			return nil
		}
	}
	if name == s.piece.Name {
		return s.close(next)
	}
	return nil
}

// close passes on the component at hand, which ends at a place.
func (s *scanner) close(end int64) error {
	if s.piece == nil {
		return nil
	}
	c := *s.piece
	c.End = end
	s.piece, s.nested = nil, s.nested[:0]
	return s.visit(c)
}
