// Package ical reads and writes iCalendar (RFC 5545, with RFC 6868, 7529 and 7986): events with the exceptions of their series,
// tasks, notes and journal entries, and the time zones that they need.
//
// An [Encoder] writes a calendar of any number of items. Its output depends on nothing but the items and the options:
// no clock, no random number and no zone of the machine.
//
//	enc := ical.NewEncoder(ical.Options{Name: "Work"})
//	enc.Begin(w)
//	for _, it := range items {
//		if err := enc.Item(it); err != nil { … }
//	}
//	err := enc.End()
//
// Each zone is written once, before the first component that uses it. A series and its exceptions stand together.
// Lines are folded at 75 octets and end with CRLF; descriptions and attachments stream.
//
// [Scan] and [Read] are the way back, of vCalendar 1.0 too. What was read is written as it came: see [formats.Verbatim].
//
// What cannot be read of an item does not keep the rest from being written: a COMMENT says what is missing, and a
// [*ContentError] is returned.
package ical

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
	"mailmill/formats/mime"
)

// Product is the PRODID of everything that is written.
const Product = "-//mailmill//mailmill//EN"

// ContentError lists what could not be read of an item that was written without it.
type ContentError = mime.ContentError

// Options say how a calendar is written.
type Options struct {
	// Name and Color are those of the calendar; either may be empty.
	Name, Color string
	// Properties are further ones of the calendar.
	Properties []formats.Property
	// Method is that of a message about the items: "REQUEST", "REPLY", "CANCEL", "COUNTER", "PUBLISH". It is empty in
	// files, and has to be for servers (RFC 4791 4.1).
	Method string
	// ScheduleAgent is who is to send mail about meetings (RFC 6638 7.1): with "CLIENT" no server does. It may be empty.
	ScheduleAgent string
	// UTC writes what does not recur in UTC rather than in its zone.
	UTC bool
	// RSCALE writes rules of other calendars with RSCALE (RFC 7529). Few programs read them: without it the occurrences
	// are written one by one, as far as the item knows them.
	RSCALE bool
	// NoHTML leaves out descriptions in HTML, NoAlarms reminders, NoAttachments what is attached.
	NoHTML, NoAlarms, NoAttachments bool
	// TaskScheduling makes who gave a task to whom an ORGANIZER and an ATTENDEE, so that servers may send mail; else they
	// are properties that no server acts on.
	TaskScheduling bool
	// JournalAsEvents writes journal entries as events that take no time, as many programs show no journals.
	JournalAsEvents bool
	// StrictDue leaves out the start of a task that is due on the same day: RFC 5545 3.8.2.3 wants it to be later, which
	// few insist on.
	StrictDue bool
	// TakeTime writes events that begin at a time of day and take none as such of a second: Cyrus takes no others. Nor does
	// it take days that end before they are over, ends of another form than the start, a duration beside an end, and lines
	// without a value: of what was read those that say nothing are left out. It and Radicale lose text behind a backslash
	// that escapes nothing: such ones are escaped themselves.
	TakeTime bool
	// Beside returns the URI under which an attachment is stored beside the calendar, or "" to have it inside. With nil
	// all are inside.
	Beside func(*formats.Part) string
}

// Encoder writes calendars, one after the other. It may not be used by several goroutines at a time.
type Encoder struct {
	opts Options
	l    contentline.Writer
	mail *mime.Encoder
	// zones are those of this calendar, by the identifier they are written under: a hash of their rules.
	zones map[string]ruleSum
	// ids remembers the identifiers of the zones at hand.
	ids map[*formats.Zone]string

	item   *formats.Item
	damage []formats.Damage
}

// NewEncoder returns an encoder.
func NewEncoder(opts Options) *Encoder { return &Encoder{opts: opts} }

// Begin begins a calendar, which is written to w.
func (e *Encoder) Begin(w io.Writer) {
	e.reset(w)
	e.l.Line("BEGIN", "VCALENDAR")
	e.l.Line("VERSION", "2.0")
	e.l.Line("PRODID", Product)
	e.l.Line("CALSCALE", "GREGORIAN")
	if e.opts.Method != "" {
		e.l.Line("METHOD", e.opts.Method)
	}
	if e.opts.Name != "" {
		e.l.TextLine("NAME", contentline.OneLine(e.opts.Name)) // RFC 7986 5.1
		e.l.TextLine("X-WR-CALNAME", contentline.OneLine(e.opts.Name))
	}
	if e.opts.Color != "" {
		e.l.TextLine("COLOR", e.opts.Color)
	}
	for i := range e.opts.Properties {
		e.property(&e.opts.Properties[i])
	}
}

// reset has everything begin anew.
func (e *Encoder) reset(w io.Writer) {
	e.l.Reset(w, contentline.ICalendar)
	if e.zones == nil {
		e.zones, e.ids = make(map[string]ruleSum), make(map[*formats.Zone]string)
	}
	clear(e.zones)
	clear(e.ids)
}

// Item writes an item. An [*InvalidError] means that nothing was written of it, a [*ContentError] that parts of it are
// missing; any other error is that of the writer, after which nothing more can be written.
func (e *Encoder) Item(it *formats.Item) error {
	c, err := componentsOf(it)
	if err != nil {
		return err
	}
	e.declare(c)
	return e.components(it, c)
}

// components writes those of an item whose zones have been declared.
func (e *Encoder) components(it *formats.Item, c component) error {
	e.item, e.damage = it, nil
	c.write(e)
	e.item = nil
	if err := e.l.Err(); err != nil {
		return err
	}
	if len(e.damage) > 0 {
		return &ContentError{Damage: e.damage}
	}
	return nil
}

// End ends the calendar. Its error is that of the writer.
func (e *Encoder) End() error {
	e.l.Line("END", "VCALENDAR")
	return e.l.Flush()
}

// Encode writes a calendar of the items. It ends at the first that cannot be written; those with parts missing are
// written, and the first such error is returned.
func (e *Encoder) Encode(w io.Writer, items ...*formats.Item) error {
	e.Begin(w)
	if len(items) == 1 {
		if name := exchangeCalendarOf(items[0]); name != "" {
			e.l.TextLine(exchangeCalendar, name)
		}
	}
	var missing error
	for _, it := range items {
		err := e.Item(it)
		if _, ok := errors.AsType[*ContentError](err); ok {
			if missing == nil {
				missing = err
			}
			continue
		}
		if err != nil {
			return err
		}
	}
	if err := e.End(); err != nil {
		return err
	}
	return missing
}

// Content returns the calendar of an item as the content of a mail's text/calendar part. It is made whenever it is
// opened: participants who are resolved before then have their addresses in it.
func Content(opts Options, it *formats.Item) formats.Content { return content{opts, it} }

type content struct {
	opts Options
	item *formats.Item
}

func (c content) Open() (io.ReadCloser, error) {
	var b bytes.Buffer
	err := NewEncoder(c.opts).Encode(&b, c.item)
	if _, ok := errors.AsType[*ContentError](err); ok {
		return io.NopCloser(io.MultiReader(&b, failed{err})), nil
	}
	if err != nil {
		return nil, err
	}
	return io.NopCloser(&b), nil
}

// failed is what follows content of which parts are missing.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// InvalidError says why an item cannot be written.
type InvalidError struct {
	UID    string
	Reason string
}

func (e *InvalidError) Error() string { return fmt.Sprintf("calendar item %q: %s", e.UID, e.Reason) }

// component is the body of an item on its way out.
type component interface {
	check() error
	zones(opts *Options, visit func(*formats.Zone))
	write(*Encoder)
}

func componentsOf(it *formats.Item) (component, error) {
	var c component
	switch {
	case it.Event != nil:
		c = event{it.Event}
	case it.Task != nil:
		c = task{it.Task}
	case it.Journal != nil:
		c = journal{it.Journal}
	case it.Note != nil:
		c = note{it.Note}
	default:
		return nil, &InvalidError{it.Identity, "a " + it.Kind.String() + " is not for calendars"}
	}
	if err := c.check(); err != nil {
		return nil, &InvalidError{it.Identity, err.Error()}
	}
	return c, nil
}

// writable reports whether a year has four digits, as the format needs it.
func writable(t time.Time) bool { return t.Year() >= 1 && t.Year() <= 9999 && !t.IsZero() }
