package mapi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"mailmill/formats/codepage"
)

// Recurrence is a series of appointments (MS-OXOCAL 2.2.1.44.5, AppointmentRecurrencePattern). All times are local, in the
// zone that the series' [ZoneStruct] and [ZoneDefinition] tell.
type Recurrence struct {
	Pattern
	// Writer is WriterVersion2: 0x3008 or, with change highlights, 0x3009 or more. 0 is written as 0x3009.
	Writer uint32
	// StartOffset and EndOffset are when an occurrence begins and ends, in minutes after the midnight with which its day
	// begins. EndOffset is more than a day's where the occurrence ends on a later one.
	StartOffset, EndOffset uint32
	// HasTimes says whether the offsets are known: programs before Outlook write nothing after the pattern.
	HasTimes bool
	// Exceptions are the modified occurrences, in the order of the file.
	Exceptions []Exception
	// Reserved1 and Reserved2 are the blocks before and after the extended exceptions, empty so far.
	Reserved1, Reserved2 []byte
}

// Override says what of an occurrence differs from the series (MS-OXOCAL 2.2.1.44.2, OverrideFlags).
type Override uint16

// The overrides. Each but the last stands for a field of [Exception].
const (
	OverrideSubject       Override = 0x0001
	OverrideMeetingType   Override = 0x0002
	OverrideReminderDelta Override = 0x0004
	OverrideReminderSet   Override = 0x0008
	OverrideLocation      Override = 0x0010
	OverrideBusyStatus    Override = 0x0020
	OverrideAttachment    Override = 0x0040
	OverrideAllDay        Override = 0x0080
	OverrideColor         Override = 0x0100
	OverrideBody          Override = 0x0200 // the body is in the embedded message
)

const overridesKnown = OverrideBody<<1 - 1

// Exception is an occurrence that is not as the series has it (MS-OXOCAL 2.2.1.44.2 ExceptionInfo, and 2.2.1.44.4
// ExtendedException). What else of it differs is in a message that is attached to the series.
type Exception struct {
	// Start and End are when it takes place; Original is when it would have begun. That one holds a time of day, other
	// than the lists of the [Pattern].
	Start, End, Original Minutes
	Overrides            Override

	// Subject and Location are the Unicode strings or, failing those, the 8-bit ones.
	Subject, Location string
	// MeetingType are the state flags (PidLidAppointmentStateFlags): 1 a meeting, 2 received, 4 cancelled.
	MeetingType uint32
	// ReminderDelta is in minutes before Start; ReminderSet is not 0 where there is a reminder.
	ReminderDelta, ReminderSet uint32
	// BusyStatus is PidLidBusyStatus: 0 free, 1 tentative, 2 busy, 3 out of office, 4 working elsewhere.
	BusyStatus uint32
	// Attachment is not 0 where the embedded message has attachments.
	Attachment uint32
	// AllDay is not 0 for an event of whole days.
	AllDay uint32
	// Color is PidLidAppointmentColor, 0 to 10.
	Color uint32

	// Subject8 and Location8 are the 8-bit strings as stored. Where they are nil, they are written in ASCII, with
	// question marks for other characters, which no program sees that reads the Unicode strings.
	Subject8, Location8 []byte
	// Highlight is the block of change highlights as stored; see [Exception.ChangeHighlight].
	Highlight []byte
	// ReservedEE1 and ReservedEE2 are blocks of the extended exception, empty so far.
	ReservedEE1, ReservedEE2 []byte
}

// ChangeHighlight returns the flags that say what has changed since attendees last heard (PidLidChangeHighlight, MS-OXOCAL
// 2.2.6.2 and 2.2.1.44.3), and whether there are any.
func (e *Exception) ChangeHighlight() (flags uint32, ok bool) {
	if len(e.Highlight) < 4 {
		return 0, false
	}
	return binary.LittleEndian.Uint32(e.Highlight), true
}

const (
	readerVersion2    = 0x3006
	writer2003        = 0x3008 // WriterVersion2 without change highlights
	writer2007        = 0x3009
	extendedOverrides = OverrideSubject | OverrideLocation
)

// ParseRecurrence decodes PidLidAppointmentRecur. cp is the code page of 8-bit strings.
//
// It returns nil where not even the pattern can be read. A Recurrence that comes with an error is whole except for what
// the error names: an exception that is cut short, or those strings of exceptions that can be read in 8 bits only.
// HasTimes tells whether the series' time of day is known.
//
// Where the numbers of modified days and of exceptions differ, every exception that is there is returned.
func ParseRecurrence(b []byte, cp int) (*Recurrence, error) {
	c := cursor{b: b}
	p, err := parsePattern(&c)
	if p == nil {
		return nil, err
	}
	r := &Recurrence{Pattern: *p}
	if err != nil {
		return r, err
	}
	if c.off == len(b) {
		// QUIRK: the first Outlooks and Schedule+ end with the pattern.
		return r, nil
	}
	c.uint32("ReaderVersion2")
	r.Writer = c.uint32("WriterVersion2")
	r.StartOffset = c.uint32("StartTimeOffset")
	r.EndOffset = c.uint32("EndTimeOffset")
	if c.err != nil {
		r.StartOffset, r.EndOffset = 0, 0
		return r, fmt.Errorf("the times of the series are cut short: %w", c.err)
	}
	r.HasTimes = true
	if c.off == len(b) {
		// QUIRK: writers leave out the number of exceptions where there are none.
		if len(r.Modified) > 0 {
			return r, fmt.Errorf("the series has %d modified occurrences but does not tell them", len(r.Modified))
		}
		return r, nil
	}
	count := int(c.uint16("ExceptionCount"))
	for i := range count {
		e := parseException(&c, cp)
		if c.err != nil {
			return r, fmt.Errorf("exception %d of %d: %w", i+1, count, c.err)
		}
		r.Exceptions = append(r.Exceptions, e)
	}
	if c.off < len(b) {
		// QUIRK: Outlook 97 ends here.
		if err := r.parseExtended(&c); err != nil {
			return r, err
		}
	}
	switch {
	case count != len(r.Modified):
		return r, fmt.Errorf("the series has %d exceptions for %d modified occurrences", count, len(r.Modified))
	case c.off < len(b):
		return r, fmt.Errorf("%d bytes follow the series", len(b)-c.off)
	}
	return r, nil
}

// parseException reads an ExceptionInfo (MS-OXOCAL 2.2.1.44.2).
func parseException(c *cursor, cp int) Exception {
	e := Exception{
		Start:     Minutes(c.uint32("StartDateTime")),
		End:       Minutes(c.uint32("EndDateTime")),
		Original:  Minutes(c.uint32("OriginalStartDate")),
		Overrides: Override(c.uint16("OverrideFlags")),
	}
	if e.Overrides&OverrideSubject != 0 {
		e.Subject8 = string8(c, "the subject")
		e.Subject, _ = codepage.Decode(cp, e.Subject8)
	}
	number := func(o Override, field *uint32, what string) {
		if e.Overrides&o != 0 {
			*field = c.uint32(what)
		}
	}
	number(OverrideMeetingType, &e.MeetingType, "MeetingType")
	number(OverrideReminderDelta, &e.ReminderDelta, "ReminderDelta")
	number(OverrideReminderSet, &e.ReminderSet, "ReminderSet")
	if e.Overrides&OverrideLocation != 0 {
		e.Location8 = string8(c, "the location")
		e.Location, _ = codepage.Decode(cp, e.Location8)
	}
	number(OverrideBusyStatus, &e.BusyStatus, "BusyStatus")
	number(OverrideAttachment, &e.Attachment, "Attachment")
	number(OverrideAllDay, &e.AllDay, "SubType")
	number(OverrideColor, &e.Color, "AppointmentColor")
	return e
}

// string8 reads a string with two lengths: the first counts a NUL, which is not there.
func string8(c *cursor, what string) []byte {
	c.uint16("the length of " + what)
	n := c.uint16("the length of " + what)
	b := c.take(uint64(n), what)
	if b == nil {
		return nil
	}
	return b[:n:n]
}

// parseExtended reads what follows the exceptions: a block and, for each exception, its Unicode strings. What it cannot
// read leaves the exceptions as they are.
func (r *Recurrence) parseExtended(c *cursor) error {
	r.Reserved1 = c.block("ReservedBlock1")
	if c.err != nil {
		return fmt.Errorf("the extended exceptions: %w", c.err)
	}
	start := *c
	highlights := r.Writer >= writer2007
	list, err := r.extended(c, highlights)
	if err != nil {
		// QUIRK: there are writers whose version does not tell whether they write change highlights. The other way
		// counts only if the times in it are the exceptions'.
		other := start
		if again, otherErr := r.extended(&other, !highlights); otherErr == nil {
			*c, list, err = other, again, nil
			r.Writer = writer2003
			if !highlights {
				r.Writer = writer2007
			}
		}
	}
	copy(r.Exceptions, list)
	if err != nil {
		return err
	}
	if c.off == len(c.b) {
		// QUIRK: the last block's size is left out.
		return nil
	}
	r.Reserved2 = c.block("ReservedBlock2")
	if c.err != nil {
		return fmt.Errorf("after the extended exceptions: %w", c.err)
	}
	return nil
}

// extended reads the ExtendedExceptions (MS-OXOCAL 2.2.1.44.4) and returns the exceptions with them, as many as can be
// read.
func (r *Recurrence) extended(c *cursor, highlights bool) ([]Exception, error) {
	list := make([]Exception, 0, len(r.Exceptions))
	for i, e := range r.Exceptions {
		if highlights {
			e.Highlight = c.block("ChangeHighlight")
		}
		e.ReservedEE1 = c.block("ReservedBlockEE1")
		if e.Overrides&extendedOverrides != 0 {
			start := Minutes(c.uint32("StartDateTime"))
			end := Minutes(c.uint32("EndDateTime"))
			c.uint32("OriginalStartDate")
			if c.err == nil && (start != e.Start || end != e.End) {
				return list, fmt.Errorf("extended exception %d of %d: it is for %v to %v, the exception for %v to %v",
					i+1, len(r.Exceptions), start, end, e.Start, e.End)
			}
			if e.Overrides&OverrideSubject != 0 {
				e.Subject = string16(c, "the subject")
			}
			if e.Overrides&OverrideLocation != 0 {
				e.Location = string16(c, "the location")
			}
			e.ReservedEE2 = c.block("ReservedBlockEE2")
		}
		if c.err != nil {
			return list, fmt.Errorf("extended exception %d of %d: %w", i+1, len(r.Exceptions), c.err)
		}
		list = append(list, e)
	}
	return list, nil
}

func string16(c *cursor, what string) string {
	n := c.uint16("the length of " + what)
	return codepage.UTF16(c.take(2*uint64(n), what))
}

// Encode encodes PidLidAppointmentRecur. [ParseRecurrence] is its inverse. It refuses what the format has no place for,
// and lists that do not agree: every exception needs its day in Modified and in Deleted.
func (r *Recurrence) Encode() ([]byte, error) {
	writer := r.Writer
	if writer == 0 {
		writer = writer2007
	}
	switch {
	case !r.HasTimes:
		return nil, errors.New("a series cannot be written: its time of day is not known")
	case writer < writer2003:
		return nil, fmt.Errorf("a series cannot be written: its writer's version is 0x%X", writer)
	case r.EndOffset < r.StartOffset:
		return nil, fmt.Errorf("a series cannot be written: it ends at minute %d and begins at %d", r.EndOffset, r.StartOffset)
	case len(r.Exceptions) != len(r.Modified) || len(r.Exceptions) > math.MaxUint16:
		return nil, fmt.Errorf("a series cannot be written: it has %d exceptions for %d modified occurrences", len(r.Exceptions), len(r.Modified))
	}
	b, err := r.encode(nil)
	if err != nil {
		return nil, err
	}
	le := binary.LittleEndian
	b = le.AppendUint32(b, readerVersion2)
	b = le.AppendUint32(b, writer)
	b = le.AppendUint32(b, r.StartOffset)
	b = le.AppendUint32(b, r.EndOffset)
	b = le.AppendUint16(b, uint16(len(r.Exceptions)))
	for i := range r.Exceptions {
		if b, err = r.Exceptions[i].encode(b); err != nil {
			return nil, fmt.Errorf("exception %d: %w", i+1, err)
		}
	}
	b = appendBlock(b, r.Reserved1)
	for i := range r.Exceptions {
		if b, err = r.Exceptions[i].encodeExtended(b, writer >= writer2007); err != nil {
			return nil, fmt.Errorf("exception %d: %w", i+1, err)
		}
	}
	return appendBlock(b, r.Reserved2), nil
}

func (e *Exception) encode(b []byte) ([]byte, error) {
	switch {
	case e.Overrides&^overridesKnown != 0:
		return nil, fmt.Errorf("it cannot be written: its overrides are 0x%04X", uint16(e.Overrides))
	case e.End < e.Start:
		return nil, fmt.Errorf("it cannot be written: it ends at %v and begins at %v", e.End, e.Start)
	}
	b = e.appendTimes(b)
	le := binary.LittleEndian
	b = le.AppendUint16(b, uint16(e.Overrides))
	var err error
	text := func(o Override, stored []byte, s string) {
		if e.Overrides&o == 0 || err != nil {
			return
		}
		if stored == nil {
			stored = ascii(s)
		}
		if len(stored) >= math.MaxUint16 {
			err = fmt.Errorf("it cannot be written: a text of it has %d bytes", len(stored))
			return
		}
		b = le.AppendUint16(b, uint16(len(stored)+1))
		b = le.AppendUint16(b, uint16(len(stored)))
		b = append(b, stored...)
	}
	number := func(o Override, n uint32) {
		if e.Overrides&o != 0 {
			b = le.AppendUint32(b, n)
		}
	}
	text(OverrideSubject, e.Subject8, e.Subject)
	number(OverrideMeetingType, e.MeetingType)
	number(OverrideReminderDelta, e.ReminderDelta)
	number(OverrideReminderSet, e.ReminderSet)
	text(OverrideLocation, e.Location8, e.Location)
	number(OverrideBusyStatus, e.BusyStatus)
	number(OverrideAttachment, e.Attachment)
	number(OverrideAllDay, e.AllDay)
	number(OverrideColor, e.Color)
	return b, err
}

func (e *Exception) encodeExtended(b []byte, highlights bool) ([]byte, error) {
	if highlights {
		b = appendBlock(b, e.Highlight)
	} else if e.Highlight != nil {
		return nil, errors.New("it cannot be written: a writer of version 0x3008 has no change highlights")
	}
	b = appendBlock(b, e.ReservedEE1)
	if e.Overrides&extendedOverrides == 0 {
		if e.ReservedEE2 != nil {
			return nil, errors.New("it cannot be written: its second reserved block goes with a subject or location only")
		}
		return b, nil
	}
	b = e.appendTimes(b)
	for _, s := range [...]struct {
		override Override
		text     string
	}{{OverrideSubject, e.Subject}, {OverrideLocation, e.Location}} {
		if e.Overrides&s.override == 0 {
			continue
		}
		at := len(b)
		b = append(b, 0, 0)
		for _, c := range s.text {
			b = appendUTF16(b, c)
		}
		n := (len(b) - at - 2) / 2
		if n > math.MaxUint16 {
			return nil, fmt.Errorf("it cannot be written: a text of it has %d characters", n)
		}
		binary.LittleEndian.PutUint16(b[at:], uint16(n))
	}
	return appendBlock(b, e.ReservedEE2), nil
}

func (e *Exception) appendTimes(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(e.Start))
	b = binary.LittleEndian.AppendUint32(b, uint32(e.End))
	return binary.LittleEndian.AppendUint32(b, uint32(e.Original))
}

// appendBlock appends a size in 32 bits and the block.
func appendBlock(b, block []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(block)))
	return append(b, block...)
}

func ascii(s string) []byte {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r >= 0x80 {
			r = '?'
		}
		b = append(b, byte(r))
	}
	return b
}
