package mapi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// The names of reminders' properties (MS-OXORMDR 2.2.1).
var (
	NameReminderSet           = Long(PSCommon, 0x8503)
	NameReminderSignalTime    = Long(PSCommon, 0x8560)
	NameReminderDelta         = Long(PSCommon, 0x8501)
	NameReminderTime          = Long(PSCommon, 0x8502)
	NameReminderOverride      = Long(PSCommon, 0x851C)
	NameReminderPlaySound     = Long(PSCommon, 0x851E)
	NameReminderFileParameter = Long(PSCommon, 0x851F)
)

// reminderDefault stands for the delta that the mailbox has for new appointments (MS-OXORMDR 2.2.1.3).
const reminderDefault = 0x5AE980E1

const (
	// ReminderDefaultDelta is what Outlook takes for the delta where the mailbox is not there to ask.
	ReminderDefaultDelta = 15 * time.Minute
	// maxReminderDelta is more than anybody could choose: Outlook's dialogue ends at two weeks.
	maxReminderDelta = 366 * 24 * time.Hour
)

// Reminder is an object's reminder (MS-OXORMDR).
//
// An appointment reminds Delta before it begins, and the other times are worked out from that. A series has one reminder
// for all occurrences: its Signal moves from each to the next as they are dismissed. A task or a flagged mail reminds at
// Time; its Delta means nothing.
type Reminder struct {
	// Set says whether the object reminds at all. What else is there may be left over from when it did.
	Set bool
	// Delta is how long before the beginning an appointment reminds, to the minute; negative after it.
	Delta time.Duration
	// HasDelta says whether Delta is there.
	HasDelta bool
	// DefaultDelta says that the object has the mailbox's default, for which Delta stands in.
	DefaultDelta bool
	// Time is a task's time; an appointment's beginning (PidLidReminderTime). Zero for none.
	Time time.Time
	// Signal is when the object reminds next, later than was chosen where that was put off. Zero for none, which in a
	// series means that nothing is left to remind of (MS-OXORMDR 3.1.4.6.2).
	Signal time.Time
	// Override says that Sound and File are the object's and not the program's.
	Override bool
	// Sound says whether the reminder is heard, and File is the sound's file, of the machine on which it was made.
	Sound bool
	File  string
}

// ReadReminder reads an object's reminder; cp is the code page of its 8-bit strings. An error says what of it cannot be
// read, or makes no sense; that is as if it were not there.
func ReadReminder(p Properties, cp int) (Reminder, error) {
	var r Reminder
	var errs []error
	look := func(n Name) Value {
		v, err := p.LookupName(n)
		if err != nil {
			errs = append(errs, fmt.Errorf("property 0x%04X of the reminder: %w", n.LID, err))
		}
		return v
	}
	r.Set = look(NameReminderSet).Bool()
	if v := look(NameReminderDelta); v.Type == Integer32 && len(v.Data) >= 4 {
		r.HasDelta = true
		minutes := v.Int()
		r.Delta = time.Duration(minutes) * time.Minute
		switch {
		case minutes == reminderDefault:
			r.DefaultDelta, r.Delta = true, ReminderDefaultDelta
		case r.Delta.Abs() > maxReminderDelta:
			r.HasDelta, r.Delta = false, 0
			if r.Set {
				errs = append(errs, fmt.Errorf("the reminder is %d minutes before the beginning", minutes))
			}
		}
	}
	r.Time = look(NameReminderTime).Time()
	r.Signal = look(NameReminderSignalTime).Time()
	r.Override = look(NameReminderOverride).Bool()
	r.Sound = look(NameReminderPlaySound).Bool()
	r.File = look(NameReminderFileParameter).Text(cp)
	return r, errors.Join(errs...)
}

// Properties returns the reminder's properties. [ReadReminder] is its inverse for a Delta of whole minutes, for times as
// precise as a FILETIME, and for a Time and a Signal if Set.
func (r Reminder) Properties() []Property {
	list := []Property{named(NameReminderSet, boolean(r.Set))}
	if r.HasDelta {
		minutes := uint32(int32(r.Delta / time.Minute))
		if r.DefaultDelta {
			minutes = reminderDefault
		}
		list = append(list, named(NameReminderDelta, Value{Type: Integer32, Data: binary.LittleEndian.AppendUint32(nil, minutes)}))
	}
	if r.Set || !r.Time.IsZero() {
		list = append(list, named(NameReminderTime, fileTime(r.Time)))
	}
	// It must be there where there is a reminder, even if none is left (MS-OXORMDR 2.2.1.2, 3.1.4.6.2).
	if r.Set || !r.Signal.IsZero() {
		list = append(list, named(NameReminderSignalTime, fileTime(r.Signal)))
	}
	if r.Override || r.Sound || r.File != "" {
		var file []byte
		for _, c := range r.File {
			file = appendUTF16(file, c)
		}
		list = append(list, named(NameReminderOverride, boolean(r.Override)), named(NameReminderPlaySound, boolean(r.Sound)),
			named(NameReminderFileParameter, Value{Type: String, Data: file}))
	}
	return list
}

// At returns when an object that begins at start reminds: an appointment or one occurrence of a series. It returns false
// where it does not. A zero start is that of a task, which reminds at Time or, where that is not known, at Signal.
func (r Reminder) At(start time.Time) (time.Time, bool) {
	switch {
	case !r.Set:
		return time.Time{}, false
	case !start.IsZero() && r.HasDelta:
		return start.Add(-r.Delta), true
	case !start.IsZero():
		return start.Add(-ReminderDefaultDelta), true
	case !r.Time.IsZero():
		return r.Time, true
	}
	return r.Signal, !r.Signal.IsZero()
}

func named(n Name, v Value) Property { return Property{Name: &n, Value: v} }

func boolean(b bool) Value {
	v := Value{Type: Boolean, Data: []byte{0, 0}}
	if b {
		v.Data[0] = 1
	}
	return v
}

// fileTime makes a value of a time, the one that stands for none of the zero time.
func fileTime(t time.Time) Value {
	ft := uint64(fileTimeNone)
	if !t.IsZero() {
		ft = ToFileTime(t)
	}
	return Value{Type: Time, Data: binary.LittleEndian.AppendUint64(nil, ft)}
}
