package mapi_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mailmill/formats/mapi"
)

func day(y int, m time.Month, d int) mapi.Minutes {
	return mapi.MinutesOf(time.Date(y, m, d, 0, 0, 0, 0, time.UTC))
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// pattern makes the bytes of a RecurrencePattern: what is specific to its type, then the end.
func pattern(head ...any) []byte {
	return blob(append([]any{uint16(0x3004), uint16(0x3004)}, head...)...)
}

func blob(fields ...any) []byte { return entry("", fields...)[4:] }

func TestParseTaskRecurrence(t *testing.T) {
	start := day(2024, 1, 31)
	tail := func(end mapi.EndType, count, firstDay uint32) []byte {
		return blob(uint32(end), count, firstDay, uint32(0), uint32(0), uint32(start), uint32(mapi.MinutesNever))
	}
	for _, c := range []struct {
		what string
		b    []byte
		want mapi.Pattern
	}{
		{
			"every third day", pattern(uint16(0x200A), uint16(0), uint16(0), uint32(1440), uint32(4320), uint32(0), tail(mapi.EndNever, 10, 1)),
			mapi.Pattern{Frequency: mapi.Daily, First: 1440, Period: 4320, End: mapi.EndNever, Count: 10, FirstDay: 1},
		},
		{
			"every working day", pattern(uint16(0x200A), uint16(1), uint16(0), uint32(8640), uint32(1), uint32(0), uint32(0x3E), tail(mapi.EndAfter, 5, 0)),
			mapi.Pattern{Frequency: mapi.Daily, Type: mapi.PatternWeek, First: 8640, Period: 1, Days: mapi.WorkingDays, End: mapi.EndAfter, Count: 5},
		},
		{
			"the last day of every month", pattern(uint16(0x200C), uint16(4), uint16(0), uint32(0), uint32(1), uint32(0), uint32(31), tail(mapi.EndNeverToo, 0, 0)),
			mapi.Pattern{Frequency: mapi.Monthly, Type: mapi.PatternMonthEnd, Period: 1, Day: 31, End: mapi.EndNeverToo},
		},
		{
			"the last Friday of every second year", pattern(uint16(0x200C), uint16(3), uint16(0), uint32(0), uint32(24), uint32(0), uint32(0x20), uint32(5), tail(mapi.EndNever, 10, 0)),
			mapi.Pattern{Frequency: mapi.Monthly, Type: mapi.PatternMonthNth, Period: 24, Days: mapi.WeekdaysOf(time.Friday), Nth: 5, End: mapi.EndNever, Count: 10},
		},
		{
			"a day of the Hijri year", pattern(uint16(0x200D), uint16(0xA), uint16(0), uint32(7), uint32(12), uint32(0), uint32(30), tail(mapi.EndNever, 10, 6)),
			mapi.Pattern{Frequency: mapi.Yearly, Type: mapi.PatternHijriMonth, First: 7, Period: 12, Day: 30, End: mapi.EndNever, Count: 10, FirstDay: 6},
		},
		{
			"a day of the Hebrew month", pattern(uint16(0x200C), uint16(2), uint16(8), uint32(7), uint32(1), uint32(0), uint32(15), tail(mapi.EndNever, 10, 0)),
			mapi.Pattern{Frequency: mapi.Monthly, Type: mapi.PatternMonth, Calendar: mapi.CalendarHebrew, First: 7, Period: 1, Day: 15, End: mapi.EndNever, Count: 10},
		},
		{
			"a week after the last was done", pattern(uint16(0x200B), uint16(1), uint16(0), uint32(0), uint32(1), uint32(1), uint32(2), tail(mapi.EndNever, 10, 0)),
			mapi.Pattern{Frequency: mapi.Weekly, Type: mapi.PatternWeek, Period: 1, Sliding: 1, Days: mapi.WeekdaysOf(time.Monday), End: mapi.EndNever, Count: 10},
		},
	} {
		t.Run(c.what, func(t *testing.T) {
			c.want.Start, c.want.Last = start, mapi.MinutesNever
			got, err := mapi.ParseTaskRecurrence(c.b)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(&c.want, got); d != "" {
				t.Error(d)
			}
			if again, err := got.EncodeTask(); err != nil || !bytes.Equal(again, c.b) {
				t.Errorf("it is written as %x, %v", again, err)
			}
		})
	}
}

func TestMinutes(t *testing.T) {
	for m, want := range map[mapi.Minutes]string{
		0: "1601-01-01 00:00", mapi.MinutesNone: "4501-01-01 00:00", mapi.MinutesNever: "4500-12-31 23:59",
		213862500: "2007-08-16 15:00",
	} {
		if m.String() != want {
			t.Errorf("%d is %v, want %s", uint32(m), m, want)
		}
		if back := mapi.MinutesOf(m.Time()); back != m {
			t.Errorf("%v comes back as %v", m, back)
		}
	}
	berlin := time.FixedZone("", 3600)
	if m := mapi.MinutesOf(time.Date(2024, 1, 2, 0, 30, 59, 0, berlin)); m.String() != "2024-01-02 00:30" || m.Midnight().String() != "2024-01-02 00:00" {
		t.Errorf("the wall clock is %v", m)
	}
	if mapi.MinutesOf(time.Date(1500, 1, 1, 0, 0, 0, 0, time.UTC)) != 0 || mapi.MinutesOf(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)) != mapi.MinutesNone {
		t.Error("times out of range have minutes")
	}
}

// aSeries is every Monday at 9:00 with one occurrence deleted and one moved, which has another subject.
func aSeries() *mapi.Recurrence {
	start := day(2024, 3, 4)
	week := func(n int) mapi.Minutes { return start + mapi.Minutes(n)*mapi.MinutesPerWeek }
	r := &mapi.Recurrence{
		Pattern: mapi.Pattern{
			Frequency: mapi.Weekly, Type: mapi.PatternWeek, Period: 1, Days: mapi.WeekdaysOf(time.Monday), End: mapi.EndAfter, Count: 10, FirstDay: 1,
			Deleted: []mapi.Minutes{week(1), week(2)}, Modified: []mapi.Minutes{week(2) + mapi.MinutesPerDay}, Start: start, Last: week(9),
		},
		Writer: 0x3009, StartOffset: 540, EndOffset: 600, HasTimes: true,
		Exceptions: []mapi.Exception{{
			Start: week(2) + mapi.MinutesPerDay + 600, End: week(2) + mapi.MinutesPerDay + 660, Original: week(2) + 540,
			Overrides: mapi.OverrideSubject | mapi.OverrideReminderDelta | mapi.OverrideReminderSet | mapi.OverrideLocation | mapi.OverrideAllDay | mapi.OverrideBody,
			Subject:   "日程 🗓", Location: "Zürich", ReminderDelta: 30, ReminderSet: 1,
			Subject8: []byte("?? ??"), Location8: []byte("Z\xFCrich"), Highlight: []byte{0x03, 0x10, 0, 0},
		}},
	}
	r.First = r.Phase()
	return r
}

func TestParseRecurrence(t *testing.T) {
	want := aSeries()
	b, err := want.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := mapi.ParseRecurrence(b, 1252)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
	if flags, ok := got.Exceptions[0].ChangeHighlight(); !ok || flags != 0x1003 {
		t.Errorf("the change highlight is %X, %v", flags, ok)
	}
}

// A blob that ends early, as old programs write it or because it is damaged, gives what is there.
func TestParseRecurrenceThatIsCutShort(t *testing.T) {
	full, err := aSeries().Encode()
	if err != nil {
		t.Fatal(err)
	}
	lists := bytes.Index(full, blob(uint32(2), uint32(aSeries().Deleted[0])))
	times := bytes.Index(full, blob(uint32(0x3006), uint32(0x3009)))
	exceptions := times + 16
	extended := bytes.Index(full, []byte("Z\xFCrich")) + len("Z\xFCrich") + 4
	// Programs end after the pattern, the times and the exceptions, and leave out the size of the last block.
	proper := map[int]bool{times: true, extended: true, len(full) - 4: true, len(full): true}
	for n := range len(full) + 1 {
		r, err := mapi.ParseRecurrence(full[:n:n], 1252)
		if n < lists {
			if r != nil || err == nil {
				t.Errorf("of %d bytes there are %+v, %v", n, r, err)
			}
			continue
		}
		if (err == nil) != proper[n] {
			t.Errorf("of %d bytes: %v", n, err)
		}
		switch {
		case r == nil || r.Days != mapi.WeekdaysOf(time.Monday) || r.Count != 10:
			t.Errorf("of %d bytes the rule is %+v", n, r)
		case n >= times && (r.Start != day(2024, 3, 4) || len(r.Deleted) != 2):
			t.Errorf("of %d bytes the pattern is %+v", n, r)
		case r.HasTimes != (n >= exceptions) || r.HasTimes && r.StartOffset != 540:
			t.Errorf("of %d bytes the times are %+v", n, r)
		case n >= extended && (len(r.Exceptions) != 1 || r.Exceptions[0].Location != "Zürich" || r.Exceptions[0].ReminderDelta != 30):
			t.Errorf("of %d bytes the exceptions are %+v", n, r.Exceptions)
		}
	}
}

func TestParseRecurrenceLenient(t *testing.T) {
	encode := func(change func(*mapi.Recurrence)) []byte {
		r := aSeries()
		change(r)
		b, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	replace := func(b []byte, old, new string) []byte {
		if n := bytes.Count(b, []byte(old)); n != 1 {
			t.Fatalf("%x is there %d times", old, n)
		}
		return bytes.Replace(b, []byte(old), []byte(new), 1)
	}
	none := func(*mapi.Recurrence) {}
	for _, c := range []struct {
		what     string
		b        []byte
		want     func(*mapi.Recurrence)
		complain string // "" for not
	}{
		{"written by Outlook 2003", encode(func(r *mapi.Recurrence) { r.Writer, r.Exceptions[0].Highlight = 0x3008, nil }), func(r *mapi.Recurrence) {
			r.Writer, r.Exceptions[0].Highlight = 0x3008, nil
		}, ""},
		{
			"change highlights that the version does not have", replace(encode(none), "\x09\x30\x00\x00\x1C", "\x08\x30\x00\x00\x1C"),
			none, "",
		},
		{"no change highlights although the version has them", replace(encode(func(r *mapi.Recurrence) { r.Writer, r.Exceptions[0].Highlight = 0x3008, nil }), "\x08\x30\x00\x00\x1C", "\x09\x30\x00\x00\x1C"), func(r *mapi.Recurrence) {
			r.Writer, r.Exceptions[0].Highlight = 0x3008, nil
		}, ""},
		{"bytes that follow", append(encode(none), 1, 2, 3), none, "3 bytes follow"},
		{"reserved blocks", encode(func(r *mapi.Recurrence) {
			r.Reserved1, r.Reserved2, r.Exceptions[0].ReservedEE1, r.Exceptions[0].ReservedEE2 = []byte{1}, []byte{2, 2}, []byte{3, 3, 3}, []byte{4, 4, 4, 4}
		}), func(r *mapi.Recurrence) {
			r.Reserved1, r.Reserved2, r.Exceptions[0].ReservedEE1, r.Exceptions[0].ReservedEE2 = []byte{1}, []byte{2, 2}, []byte{3, 3, 3}, []byte{4, 4, 4, 4}
		}, ""},
		{"extended exceptions of other times", func() []byte {
			b := encode(none)
			e := aSeries().Exceptions[0]
			i := bytes.LastIndex(b, blob(uint32(e.Start), uint32(e.End)))
			b[i]++
			return b
		}(), func(r *mapi.Recurrence) {
			r.Exceptions[0].Subject, r.Exceptions[0].Highlight = "?? ??", nil
		}, "extended exception 1 of 1"},
		{"more exceptions than modified days", func() []byte {
			b := encode(none)
			i := bytes.Index(b, blob(uint32(1), uint32(aSeries().Modified[0])))
			return append(append(bytes.Clone(b[:i]), 0, 0, 0, 0), b[i+8:]...)
		}(), func(r *mapi.Recurrence) { r.Modified = nil }, "1 exceptions for 0 modified"},
	} {
		t.Run(c.what, func(t *testing.T) {
			want := aSeries()
			c.want(want)
			got, err := mapi.ParseRecurrence(c.b, 1252)
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
			if c.complain == "" && err != nil || c.complain != "" && (err == nil || !strings.Contains(err.Error(), c.complain)) {
				t.Errorf("it says %v", err)
			}
		})
	}
}

func TestParseRecurrenceHostile(t *testing.T) {
	full, err := aSeries().Encode()
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at+4 <= len(full); at++ {
		b := bytes.Clone(full)
		copy(b[at:], "\xFF\xFF\xFF\x7F")
		if allocated := testing.AllocsPerRun(1, func() { mapi.ParseRecurrence(b, 1252) }); allocated > 100 {
			t.Errorf("a huge number at offset %d makes %v allocations", at, allocated)
		}
	}
	for what, b := range map[string][]byte{
		"nothing": nil, "another version": bytes.Replace(full, []byte("\x04\x30"), []byte("\x05\x30"), 1), "an unknown type": append(bytes.Clone(full[:6]), append([]byte{9}, full[7:]...)...),
	} {
		if r, err := mapi.ParseRecurrence(b, 1252); r != nil || err == nil {
			t.Errorf("%s is %+v, %v", what, r, err)
		}
	}
}

func TestEncodeRecurrenceRefuses(t *testing.T) {
	for what, change := range map[string]func(*mapi.Recurrence){
		"no time of day":                   func(r *mapi.Recurrence) { r.HasTimes = false },
		"an end before the beginning":      func(r *mapi.Recurrence) { r.EndOffset = 0 },
		"an exception without its day":     func(r *mapi.Recurrence) { r.Modified = nil },
		"a modified day that is not there": func(r *mapi.Recurrence) { r.Deleted = nil },
		"no day of the week":               func(r *mapi.Recurrence) { r.Days = 0 },
		"an eighth day of the week":        func(r *mapi.Recurrence) { r.Days |= 0x80 },
		"no period":                        func(r *mapi.Recurrence) { r.Period = 0 },
		"half a day":                       func(r *mapi.Recurrence) { r.Type, r.Period = mapi.PatternDay, 720 },
		"an unknown type":                  func(r *mapi.Recurrence) { r.Type = 9 },
		"an unknown frequency":             func(r *mapi.Recurrence) { r.Frequency = 0 },
		"an unknown end":                   func(r *mapi.Recurrence) { r.End = 0 },
		"no day of the month":              func(r *mapi.Recurrence) { r.Type = mapi.PatternMonth },
		"no place in the month":            func(r *mapi.Recurrence) { r.Type = mapi.PatternMonthNth },
		"the Hijri pattern of the Hebrews": func(r *mapi.Recurrence) {
			r.Type, r.Day, r.Calendar = mapi.PatternHijriMonth, 1, mapi.CalendarHebrew
		},
		"an unknown override":                 func(r *mapi.Recurrence) { r.Exceptions[0].Overrides |= 0x400 },
		"an exception that ends too soon":     func(r *mapi.Recurrence) { r.Exceptions[0].End = 0 },
		"highlights that the version has not": func(r *mapi.Recurrence) { r.Writer = 0x3008 },
		"a subject that is too long": func(r *mapi.Recurrence) {
			r.Exceptions[0].Subject8, r.Exceptions[0].Subject = []byte{}, strings.Repeat("x", 1<<16)
		},
		"a block that has no place": func(r *mapi.Recurrence) {
			r.Exceptions[0].Overrides, r.Exceptions[0].ReservedEE2 = 0, []byte{1}
		},
	} {
		r := aSeries()
		change(r)
		if b, err := r.Encode(); err == nil {
			t.Errorf("%s is written as %x", what, b)
		}
	}
}

// Programs before Unicode see question marks for what is not ASCII, unless the 8-bit string was there.
func TestEncodeRecurrenceIn8Bits(t *testing.T) {
	r := aSeries()
	r.Exceptions[0].Subject8, r.Exceptions[0].Location8 = nil, nil
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := mapi.ParseRecurrence(b, 1252)
	if err != nil || string(got.Exceptions[0].Location8) != "Z?rich" || got.Exceptions[0].Location != "Zürich" {
		t.Errorf("it is %+v, %v", got.Exceptions, err)
	}
}

// The phase is that of the examples in MS-OXOCAL 2.2.1.44.1.1 and of files by Outlook, which the corpus tests.
func TestPhase(t *testing.T) {
	for _, c := range []struct {
		what string
		p    mapi.Pattern
		want mapi.Minutes
	}{
		{"every fourth day", mapi.Pattern{Type: mapi.PatternDay, Period: 4 * mapi.MinutesPerDay, Start: day(1601, 1, 10)}, day(1601, 1, 2)},
		{"weeks from Sunday", mapi.Pattern{Type: mapi.PatternWeek, Period: 2, FirstDay: 0, Start: day(1601, 1, 24)}, day(1601, 1, 7)},
		{"weeks from Monday", mapi.Pattern{Type: mapi.PatternWeek, Period: 2, FirstDay: 1, Start: day(1601, 1, 24)}, day(1601, 1, 8)},
		{"months", mapi.Pattern{Type: mapi.PatternMonth, Period: 5, Start: day(1602, 3, 15)}, day(1601, 5, 1)},
		{"years", mapi.Pattern{Type: mapi.PatternMonthNth, Period: 24, Start: day(2024, 7, 15)}, day(1602, 7, 1)},
		{"no period", mapi.Pattern{Type: mapi.PatternMonth, Start: day(2024, 7, 15)}, 0},
		{"the first week there is", mapi.Pattern{Type: mapi.PatternWeek, Period: 1, Start: day(1601, 1, 1)}, 0},
		{"Hijri", mapi.Pattern{Type: mapi.PatternHijriMonth, Period: 1, First: 77, Start: day(2024, 7, 15)}, 77},
	} {
		if got := c.p.Phase(); got != uint32(c.want) {
			t.Errorf("%s: %v, want %v", c.what, mapi.Minutes(got), c.want)
		}
	}
}

func drawPattern(t *rapid.T) mapi.Pattern {
	p := mapi.Pattern{
		Frequency: rapid.SampledFrom([]mapi.Frequency{mapi.Daily, mapi.Weekly, mapi.Monthly, mapi.Yearly}).Draw(t, "frequency"),
		Type: rapid.SampledFrom([]mapi.PatternType{
			mapi.PatternDay, mapi.PatternWeek, mapi.PatternMonth, mapi.PatternMonthNth, mapi.PatternMonthEnd,
			mapi.PatternHijriMonth, mapi.PatternHijriMonthNth, mapi.PatternHijriMonthEnd,
		}).Draw(t, "type"),
		Calendar: mapi.CalendarType(rapid.IntRange(0, 0x17).Draw(t, "calendar")),
		First:    rapid.Uint32().Draw(t, "first"),
		Period:   rapid.Uint32Range(1, 999).Draw(t, "period"),
		Sliding:  rapid.Uint32Range(0, 1).Draw(t, "sliding"),
		End:      rapid.SampledFrom([]mapi.EndType{mapi.EndByDate, mapi.EndAfter, mapi.EndNever, mapi.EndNeverToo}).Draw(t, "end"),
		Count:    rapid.Uint32().Draw(t, "count"),
		FirstDay: rapid.Uint32Range(0, 6).Draw(t, "first day"),
		Start:    mapi.Minutes(rapid.Uint32().Draw(t, "start")),
		Last:     mapi.Minutes(rapid.Uint32().Draw(t, "last")),
	}
	if p.Type.IsHijri() {
		p.Calendar = mapi.CalendarDefault
	}
	switch p.Type.Gregorian() {
	case mapi.PatternDay:
		p.Period *= mapi.MinutesPerDay
	case mapi.PatternMonth, mapi.PatternMonthEnd:
		p.Day = rapid.Uint32Range(1, 31).Draw(t, "day")
	case mapi.PatternMonthNth:
		p.Nth = rapid.Uint32Range(1, 5).Draw(t, "nth")
		fallthrough
	case mapi.PatternWeek:
		p.Days = mapi.Weekdays(rapid.Uint32Range(1, 0x7F).Draw(t, "days"))
	}
	return p
}

func drawException(t *rapid.T, highlights bool) mapi.Exception {
	text := rapid.String().Filter(func(s string) bool { return !strings.ContainsAny(s, "\uFFFD") })
	block := rapid.Custom(func(t *rapid.T) []byte {
		b := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "block")
		if len(b) == 0 {
			return nil
		}
		return b
	})
	e := mapi.Exception{
		Start: mapi.Minutes(rapid.Uint32Range(0, 1<<31).Draw(t, "start")), Original: mapi.Minutes(rapid.Uint32().Draw(t, "original")),
		Overrides: mapi.Override(rapid.Uint16Range(0, 0x3FF).Draw(t, "overrides")), ReservedEE1: block.Draw(t, "first block"),
	}
	e.End = e.Start + mapi.Minutes(rapid.Uint32Range(0, 1<<30).Draw(t, "duration"))
	if highlights {
		e.Highlight = block.Draw(t, "highlight")
	}
	for o, field := range map[mapi.Override]*uint32{
		mapi.OverrideMeetingType: &e.MeetingType, mapi.OverrideReminderDelta: &e.ReminderDelta, mapi.OverrideReminderSet: &e.ReminderSet,
		mapi.OverrideBusyStatus: &e.BusyStatus, mapi.OverrideAttachment: &e.Attachment, mapi.OverrideAllDay: &e.AllDay, mapi.OverrideColor: &e.Color,
	} {
		if e.Overrides&o != 0 {
			*field = uint32(o) * 77
		}
	}
	if e.Overrides&mapi.OverrideSubject != 0 {
		e.Subject, e.Subject8 = text.Draw(t, "subject"), rapid.SliceOf(rapid.Byte()).Draw(t, "subject in 8 bits")
	}
	if e.Overrides&mapi.OverrideLocation != 0 {
		e.Location, e.Location8 = text.Draw(t, "location"), rapid.SliceOf(rapid.Byte()).Draw(t, "location in 8 bits")
	}
	if e.Overrides&(mapi.OverrideSubject|mapi.OverrideLocation) != 0 {
		e.ReservedEE2 = block.Draw(t, "second block")
	}
	return e
}

func TestRecurrenceRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := &mapi.Recurrence{
			Pattern: drawPattern(t), Writer: rapid.SampledFrom([]uint32{0x3008, 0x3009}).Draw(t, "writer"), HasTimes: true,
			StartOffset: rapid.Uint32Range(0, 1439).Draw(t, "start offset"),
		}
		want.EndOffset = want.StartOffset + rapid.Uint32Range(0, 5000).Draw(t, "duration")
		for range rapid.IntRange(0, 4).Draw(t, "deleted") {
			want.Deleted = append(want.Deleted, mapi.Minutes(rapid.Uint32().Draw(t, "deleted")))
		}
		for range rapid.IntRange(0, len(want.Deleted)).Draw(t, "exceptions") {
			want.Modified = append(want.Modified, mapi.Minutes(rapid.Uint32().Draw(t, "modified")))
			want.Exceptions = append(want.Exceptions, drawException(t, want.Writer == 0x3009))
		}
		b, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := mapi.ParseRecurrence(b, 1252)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
	})
}

func TestTaskRecurrenceRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawPattern(t)
		b, err := want.EncodeTask()
		if err != nil {
			t.Fatal(err)
		}
		got, err := mapi.ParseTaskRecurrence(b)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(&want, got); d != "" {
			t.Fatal(d)
		}
		want.Deleted = []mapi.Minutes{0}
		if _, err := want.EncodeTask(); err == nil {
			t.Fatal("a task has a deleted occurrence")
		}
	})
}

func FuzzParseRecurrence(f *testing.F) {
	full, err := aSeries().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full)
	f.Add(full[:66])
	f.Add(full[:82])
	f.Add(full[:88])
	f.Add(pattern(uint16(0x200C), uint16(0xB), uint16(0), uint32(0), uint32(1), uint32(0), uint32(0x20), uint32(5), uint32(0x2023), uint32(0), uint32(0), uint32(0), uint32(0), uint32(5), uint32(7)))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := mapi.ParseRecurrence(b, 1252)
		if r == nil {
			if err == nil {
				t.Fatal("nothing, and nobody says why")
			}
			return
		}
		if len(r.Deleted)+len(r.Modified)+len(r.Exceptions) > len(b)/4 {
			t.Fatal("it grew")
		}
		r.Phase()
		again, err := r.Encode()
		if err != nil {
			return
		}
		// What can be written means the same when it is read.
		back, err := mapi.ParseRecurrence(again, 1252)
		if err != nil {
			t.Fatal(err)
		}
		if r.Writer == 0 {
			back.Writer = 0
		}
		if d := cmp.Diff(r, back); d != "" {
			t.Fatal(d)
		}
	})
}

func FuzzParseTaskRecurrence(f *testing.F) {
	f.Add(pattern(uint16(0x200B), uint16(1), uint16(0), uint32(0), uint32(1), uint32(1), uint32(2), uint32(0x2023), uint32(0), uint32(0), uint32(0), uint32(0), uint32(5), uint32(7)))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := mapi.ParseTaskRecurrence(b)
		if p == nil || err != nil {
			return
		}
		p.Phase()
		again, err := p.EncodeTask()
		if err == nil && !bytes.Equal(again, b) {
			// The writer's version is not kept.
			if copy(again[:4], b[:4]); !bytes.Equal(again, b) {
				t.Fatalf("%x is written as %x", b, again)
			}
		}
	})
}
