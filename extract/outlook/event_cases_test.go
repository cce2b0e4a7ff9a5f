package outlook_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/mapi"
	"mailmill/formats/pst"
	"mailmill/formats/recur"
)

func at(y int, m time.Month, d, h, min int) time.Time {
	return time.Date(y, m, d, h, min, 0, 0, time.UTC)
}

// zoneOf returns the zone of a key with one rule.
func zoneOf(key string, r mapi.YearRule) yearly { return yearly{key, []mapi.YearRule{r}} }

var (
	zoneBerlin     = zoneOf("W. Europe Standard Time", berlin)
	zoneNewYork    = yearly{"Eastern Standard Time", []mapi.YearRule{newYork2006, newYork2007}}
	zoneAuckland   = zoneOf("New Zealand Standard Time", rule(1601, -720, change(4, 0, 1, 3), change(9, 0, 5, 2)))
	zoneLosAngeles = zoneOf("Pacific Standard Time", rule(1601, 480, change(11, 0, 1, 2), change(3, 0, 2, 2)))
)

// recurring is an appointment of a series at 9:00 to 10:00 in Berlin.
func recurring(t *testing.T, r *mapi.Recurrence, p props) *msg {
	t.Helper()
	if !r.HasTimes {
		r.HasTimes, r.StartOffset, r.EndOffset = true, 9*60, 10*60
	}
	if r.First == 0 {
		r.First = r.Phase()
	}
	b, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	start := zoneBerlin.utc(r.Start + mapi.Minutes(r.StartOffset))
	m := single(start, start.Add(time.Duration(r.EndOffset-r.StartOffset)*time.Minute), props{
		mapi.PidLidAppointmentRecur: b, mapi.PidLidRecurring: true,
		mapi.PidLidAppointmentZoneRecur: zoneBerlin.definition(t), mapi.PidLidTimeZoneStruct: zoneBerlin.structure(),
	})
	for k, v := range p {
		m.props[k] = v
	}
	return m
}

// exception is the message of an exception.
func exception(p props) *att {
	m := &msg{props: props{mapi.PidTagMessageClass: "IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}"}}
	for k, v := range p {
		m.props[k] = v
	}
	a := inside(m)
	a.props[mapi.PidTagAttachmentFlags], a.props[mapi.PidTagAttachmentHidden], a.props[mapi.PidTagDisplayName] = 2, true, "Untitled"
	return a
}

// days lists when an event takes place, by the clock in Berlin.
func days(t *testing.T, it *formats.Item, n int) string {
	t.Helper()
	loc, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, h := range expand(t, calendarOf(t, it), n) {
		if it.Event.Start.IsDate() {
			list = append(list, h.start.Format(time.DateOnly))
		} else {
			list = append(list, h.start.In(loc).Format("2006-01-02 15:04"))
		}
	}
	return strings.Join(list, ", ")
}

// rrule returns the line of a calendar with the rule.
func line(t *testing.T, it *formats.Item, name string) string {
	t.Helper()
	text := strings.ReplaceAll(calendarOf(t, it), "\r\n ", "")
	event := text[strings.Index(text, "BEGIN:VEVENT"):]
	for l := range strings.SplitSeq(event, "\r\n") {
		if strings.HasPrefix(l, name+":") || strings.HasPrefix(l, name+";") {
			return l
		}
	}
	return ""
}

func TestCase23Patterns(t *testing.T) {
	monthly := func(p mapi.Pattern) mapi.Pattern {
		p.Frequency = mapi.Monthly
		return p
	}
	for _, test := range []struct {
		name    string
		pattern mapi.Pattern
		rule    string
		days    string
	}{
		{"every day", mapi.Pattern{Frequency: mapi.Daily, Period: 1440}, "FREQ=DAILY", "2015-03-30 2015-03-31 2015-04-01"},
		{"every third day", mapi.Pattern{Frequency: mapi.Daily, Period: 3 * 1440}, "FREQ=DAILY;INTERVAL=3", "2015-03-30 2015-04-02 2015-04-05"},
		{"every weekday", mapi.Pattern{Frequency: mapi.Daily, Type: mapi.PatternWeek, Period: 1, Days: mapi.WorkingDays}, "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;WKST=SU", "2015-03-30 2015-03-31 2015-04-01"},
		{"every other week from Mondays on", mapi.Pattern{Frequency: mapi.Weekly, Type: mapi.PatternWeek, Period: 2, FirstDay: 1, Days: mapi.WeekdaysOf(time.Sunday, time.Monday)}, "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=MO", "2015-03-30 2015-04-05 2015-04-13"},
		{"every other week from Sundays on", mapi.Pattern{Frequency: mapi.Weekly, Type: mapi.PatternWeek, Period: 2, Days: mapi.WeekdaysOf(time.Sunday, time.Monday)}, "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=SU", "2015-03-30 2015-04-12 2015-04-13"},
		{"the 30th", monthly(mapi.Pattern{Type: mapi.PatternMonth, Period: 1, Day: 30}), "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1", "2015-03-30 2015-04-30 2015-05-30"},
		{"the 31st", monthly(mapi.Pattern{Type: mapi.PatternMonth, Period: 1, Day: 31}), "FREQ=MONTHLY;BYMONTHDAY=-1", "2015-03-31 2015-04-30 2015-05-31"},
		{"the last day", monthly(mapi.Pattern{Type: mapi.PatternMonthEnd, Period: 1, Day: 31}), "FREQ=MONTHLY;BYMONTHDAY=-1", "2015-03-31 2015-04-30 2015-05-31"},
		{"the last weekday", monthly(mapi.Pattern{Type: mapi.PatternMonthNth, Period: 1, Days: mapi.WorkingDays, Nth: 5}), "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "2015-03-31 2015-04-30 2015-05-29"},
		{"the last Friday of every other month", monthly(mapi.Pattern{Type: mapi.PatternMonthNth, Period: 2, Days: mapi.WeekdaysOf(time.Friday), Nth: 5}), "FREQ=MONTHLY;INTERVAL=2;BYDAY=-1FR", "2015-05-29 2015-07-31 2015-09-25"},
		{"every year", mapi.Pattern{Frequency: mapi.Yearly, Type: mapi.PatternMonth, Period: 12, Day: 30}, "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=30", "2015-03-30 2016-03-30 2017-03-30"},
		{"every other year as Outlook has it", monthly(mapi.Pattern{Type: mapi.PatternMonth, Period: 24, Day: 30}), "FREQ=YEARLY;INTERVAL=2;BYMONTH=3;BYMONTHDAY=30", "2015-03-30 2017-03-30 2019-03-30"},
		{"every 18 months", monthly(mapi.Pattern{Type: mapi.PatternMonth, Period: 18, Day: 30}), "FREQ=MONTHLY;INTERVAL=18;BYMONTHDAY=28,29,30;BYSETPOS=-1", "2015-03-30 2016-09-30 2018-03-30"},
	} {
		for end, ending := range map[mapi.EndType]string{mapi.EndAfter: ";COUNT=3", mapi.EndByDate: ";UNTIL=", mapi.EndNever: ""} {
			t.Run(fmt.Sprintf("%s/%X", test.name, uint32(end)), func(t *testing.T) {
				p := test.pattern
				p.Start, p.Last, p.End, p.Count = day(2015, 3, 30), mapi.MinutesNever, end, 3
				wanted := strings.ReplaceAll(test.days, " ", " 09:00, ") + " 09:00"
				if end == mapi.EndByDate {
					last, err := time.Parse(time.DateOnly, test.days[len(test.days)-10:])
					if err != nil {
						t.Fatal(err)
					}
					p.Last = mapi.MinutesOf(last)
				}
				it := convert(t, recurring(t, &mapi.Recurrence{Pattern: p}, nil))
				if len(it.Damage) > 0 {
					t.Fatal(it.Damage)
				}
				got := line(t, it, "RRULE")
				var parts []string
				for part := range strings.SplitSeq(strings.TrimPrefix(got, "RRULE:"), ";") {
					if !strings.HasPrefix(part, "COUNT=") && !strings.HasPrefix(part, "UNTIL=") {
						parts = append(parts, part)
					}
				}
				if rest := strings.Join(parts, ";"); rest != test.rule || !strings.Contains(got, ending) {
					t.Errorf("%s, want %s with %q", got, test.rule, ending)
				}
				if got := days(t, it, 3); got != wanted {
					t.Errorf("it is on %s, want %s", got, wanted)
				}
				if n := len(expand(t, calendarOf(t, it), 9)); end != mapi.EndNever && n != 3 {
					t.Errorf("it takes place %d times", n)
				}
			})
		}
	}
	// February 29 is the last day of every February.
	p := mapi.Pattern{Frequency: mapi.Yearly, Type: mapi.PatternMonth, Period: 12, Day: 29, Start: day(2016, 2, 29), Last: mapi.MinutesNever, End: mapi.EndNever}
	if got := days(t, convert(t, recurring(t, &mapi.Recurrence{Pattern: p}, nil)), 5); got != "2016-02-29 09:00, 2017-02-28 09:00, 2018-02-28 09:00, 2019-02-28 09:00, 2020-02-29 09:00" {
		t.Errorf("February 29 is on %s", got)
	}
}

// mondays is a series of ten Mondays from 2015-03-16 on; the clock in Berlin is put forward on March 29.
func mondays() *mapi.Recurrence {
	return &mapi.Recurrence{Pattern: mapi.Pattern{
		Frequency: mapi.Weekly, Type: mapi.PatternWeek, Period: 1, FirstDay: 1, Days: mapi.WeekdaysOf(time.Monday),
		Start: day(2015, 3, 16), Last: mapi.MinutesNever, End: mapi.EndAfter, Count: 6,
	}, HasTimes: true, StartOffset: 9 * 60, EndOffset: 10 * 60}
}

func TestCase24Exceptions(t *testing.T) {
	const nine = 9 * 60
	r := mondays()
	r.Deleted = []mapi.Minutes{day(2015, 3, 23), day(2015, 3, 30), day(2015, 4, 6), day(2015, 4, 13)}
	r.Modified = []mapi.Minutes{day(2015, 3, 27), day(2015, 4, 13)}
	r.Exceptions = []mapi.Exception{
		{ // to the Friday before the clock is put forward
			Original: day(2015, 3, 30) + nine, Start: day(2015, 3, 27) + 14*60, End: day(2015, 3, 27) + 15*60,
			Overrides: mapi.OverrideSubject | mapi.OverrideLocation | mapi.OverrideBusyStatus | mapi.OverrideReminderSet,
			Subject:   "Größe 会議 😀", Location: "Žižkov", BusyStatus: 0,
		},
		{Original: day(2015, 4, 13) + nine, Start: day(2015, 4, 13) + nine, End: day(2015, 4, 13) + nine + 60, Overrides: mapi.OverrideAllDay, AllDay: 1},
	}
	for _, writer := range []uint32{0x3008, 0x3009} {
		r.Writer = writer
		m := recurring(t, r, props{mapi.NameReminderSet: true, mapi.NameReminderDelta: 10, mapi.PidLidLocation: "Saal", mapi.PidTagBody: "Es gilt das Übliche."})
		it := convert(t, m)
		if len(it.Damage) > 0 {
			t.Fatal(it.Damage)
		}
		text := calendarOf(t, it)
		if got, want := days(t, it, 9), "2015-03-16 09:00, 2015-03-27 14:00, 2015-04-13 02:00, 2015-04-20 09:00"; got != want {
			t.Errorf("%X: it is on %s, want %s", writer, got, want)
		}
		list := readEvents(t, text)
		if len(list) != 3 {
			t.Fatalf("%d events", len(list))
		}
		moved, whole := list[1], list[2]
		for name, want := range map[string]string{"SUMMARY": "Größe 会議 😀", "LOCATION": "Žižkov", "TRANSP": "TRANSPARENT", "DESCRIPTION": "Es gilt das Übliche.", "UID": it.Event.UID} {
			if got := moved.text(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if len(moved.Children) != 0 || len(list[0].Children) != 1 || len(whole.Children) != 1 {
			t.Error("the exception without a reminder has one, or the others have none")
		}
		if !moved.id.Equal(at(2015, 3, 30, 7, 0)) || !moved.start.Equal(at(2015, 3, 27, 13, 0)) {
			t.Errorf("the exception of %v is at %v", moved.id, moved.start)
		}
		if whole.text("SUMMARY") != "Plenum" || !whole.date || whole.id != at(2015, 4, 13, 7, 0) {
			t.Errorf("the exception that takes a day: %q, %v, of %v", whole.text("SUMMARY"), whole.start, whole.id)
		}
		if got := line(t, it, "EXDATE"); got != "EXDATE;TZID=Europe/Berlin:20150323T090000" {
			t.Error(got)
		}
	}

	t.Run("embedded", func(t *testing.T) {
		plan := file("plan.txt", "text/plain", []byte("P"))
		more := exception(props{
			mapi.PidLidExceptionReplaceTime: at(2015, 3, 30, 7, 0), mapi.PidLidAppointmentStartWhole: at(2015, 3, 27, 13, 0), mapi.PidLidAppointmentEndWhole: at(2015, 3, 27, 14, 0),
			mapi.PidTagBody: "Diesmal früher.", mapi.PidTagSensitivity: 2, mapi.PidNameKeywords: []string{"Anders"}, mapi.PidLidAppointmentSequence: 4,
			mapi.PidTagStartDate: at(2015, 3, 30, 7, 0), mapi.PidTagEndDate: at(2015, 3, 30, 8, 0),
		})
		more.msg.atts = []*att{plan}
		unknown := exception(props{ // the blob does not have it
			mapi.PidLidExceptionReplaceTime: at(2015, 4, 20, 7, 0), mapi.PidLidAppointmentStartWhole: at(2015, 4, 21, 8, 0), mapi.PidLidAppointmentEndWhole: at(2015, 4, 21, 9, 0),
			mapi.PidTagSubject: "Verlegt",
		})
		lost := exception(props{mapi.PidTagSubject: "Irgendwann"})
		m := recurring(t, r, props{mapi.PidTagBody: "Es gilt das Übliche."})
		m.atts = []*att{unknown, more, file("notes.txt", "text/plain", []byte("N")), lost, lost, lost}
		it := convert(t, m)
		if got, want := days(t, it, 9), "2015-03-16 09:00, 2015-03-27 14:00, 2015-04-13 02:00, 2015-04-21 10:00"; got != want {
			t.Errorf("it is on %s, want %s", got, want)
		}
		// One of the three that tell nothing is the second exception of the blob; the others are nobody's.
		if len(it.Damage) != 1 || !strings.Contains(it.Damage[0].String(), "nothing says which occurrence it is") {
			t.Error(it.Damage)
		}
		if len(it.Event.Attachments) != 1 || it.Event.Attachments[0].Name != "notes.txt" {
			t.Errorf("%d attachments", len(it.Event.Attachments))
		}
		o := it.Event.Overrides[0]
		if len(o.Attachments) != 1 || o.Attachments[0].Name != "plan.txt" || o.Sequence != 4 || o.Class != formats.ClassPublic {
			t.Errorf("the exception has %d attachments, revision %d, class %d", len(o.Attachments), o.Sequence, o.Class)
		}
		if list := readEvents(t, calendarOf(t, it)); list[1].text("DESCRIPTION") != "Diesmal früher." || list[1].text("CATEGORIES") != "" {
			t.Errorf("the description of the exception is %q", list[1].text("DESCRIPTION"))
		}
	})
	t.Run("modified, then deleted", func(t *testing.T) {
		r := mondays()
		r.Deleted = []mapi.Minutes{day(2015, 3, 23)}
		m := recurring(t, r, nil)
		m.atts = []*att{exception(props{mapi.PidTagSubject: "Weg", mapi.PidLidExceptionReplaceTime: at(2015, 3, 30, 7, 0)})}
		it := convert(t, m)
		if got := days(t, it, 2); got != "2015-03-16 09:00, 2015-03-30 09:00" {
			t.Error(got)
		}
	})
	t.Run("truncated", func(t *testing.T) {
		full, err := func() ([]byte, error) { r := *r; return r.Encode() }()
		if err != nil {
			t.Fatal(err)
		}
		m := recurring(t, r, nil)
		for n := range full {
			m.props[mapi.PidLidAppointmentRecur] = full[:n]
			it := convert(t, m)
			text := calendarOf(t, it)
			if first := expand(t, text, 1); len(first) != 1 || !first[0].start.Equal(at(2015, 3, 16, 8, 0)) {
				t.Fatalf("cut off after %d of %d bytes it is at %v", n, len(full), first)
			}
			if len(it.Damage) == 0 && it.Event.Series == nil {
				t.Fatalf("cut off after %d of %d bytes it does not recur, and nothing is said of it", n, len(full))
			}
		}
		// A pattern without times: those of the first occurrence.
		pattern, err := r.Pattern.EncodeTask()
		if err == nil {
			m.props[mapi.PidLidAppointmentRecur] = pattern
			if got := days(t, convert(t, m), 1); got != "2015-03-16 09:00" {
				t.Error(got)
			}
		}
	})
	t.Run("huge counts", func(t *testing.T) {
		b, err := mondays().Encode()
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+4 <= len(b); i += 2 {
			bad := slices.Clone(b)
			binary.LittleEndian.PutUint32(bad[i:], 0xFFFFFFF0)
			m := recurring(t, mondays(), props{mapi.PidLidAppointmentRecur: bad})
			if it := convert(t, m); it.Event == nil || it.Event.Start.IsZero() {
				t.Fatalf("with 0xFFFFFFF0 at %d there is no event", i)
			}
		}
	})
}

func TestCase25WholeDays(t *testing.T) {
	fixed := formats.Zone{ID: "Asia/Kamchatka", Onsets: []formats.Onset{{Start: at(1970, 1, 1, 0, 0), Before: 12 * 3600, After: 12 * 3600}}}
	brazil := zoneOf("E. South America Standard Time", rule(1601, 180, mapi.SystemTime{Month: 2, Weekday: 6, Day: 3, Hour: 23, Minute: 59, Second: 59, Millisecond: 999}, midnight))
	for _, test := range []struct {
		name       string
		zone       yearly
		fallback   *formats.Zone
		start, end time.Time
		want       string
	}{
		{"at +13", zoneAuckland, nil, at(2020, 1, 14, 11, 0), at(2020, 1, 15, 11, 0), "2020-01-15 2020-01-16"},
		{"at -8", zoneLosAngeles, nil, at(2020, 1, 15, 8, 0), at(2020, 1, 18, 8, 0), "2020-01-15 2020-01-18"},
		{"over the change of the clock", zoneBerlin, nil, at(2015, 3, 28, 23, 0), at(2015, 3, 29, 22, 0), "2015-03-29 2015-03-30"},
		{"where the clock has no midnight", brazil, nil, at(2015, 10, 18, 3, 0), at(2015, 10, 19, 2, 0), "2015-10-18 2015-10-19"},
		{"nowhere, at +1", yearly{}, nil, at(2015, 1, 9, 23, 0), at(2015, 1, 10, 23, 0), "2015-01-10 2015-01-11"},
		{"nowhere, at -8", yearly{}, nil, at(2015, 1, 10, 8, 0), at(2015, 1, 11, 8, 0), "2015-01-10 2015-01-11"},
		{"nowhere, at +13", yearly{}, nil, at(2015, 1, 9, 11, 0), at(2015, 1, 11, 11, 0), "2015-01-10 2015-01-12"},
		{"nowhere, at +5:30", yearly{}, nil, at(2015, 1, 9, 18, 30), at(2015, 1, 10, 18, 30), "2015-01-10 2015-01-11"},
		{"in the zone that is told", yearly{}, &fixed, at(2015, 1, 9, 12, 0), at(2015, 1, 10, 12, 0), "2015-01-10 2015-01-11"},
		{"made elsewhere than it says", zoneBerlin, nil, at(2015, 1, 10, 8, 0), at(2015, 1, 11, 8, 0), "2015-01-10 2015-01-11"},
		{"with an end in the afternoon", zoneBerlin, nil, at(2015, 1, 9, 23, 0), at(2015, 1, 10, 16, 0), "2015-01-10 2015-01-11"},
		{"without an end", zoneBerlin, nil, at(2015, 1, 9, 23, 0), time.Time{}, "2015-01-10 2015-01-11"},
		{"before it begins", zoneBerlin, nil, at(2015, 1, 9, 23, 0), at(2015, 1, 7, 23, 0), "2015-01-10 2015-01-11"},
	} {
		m := single(test.start, test.end, props{mapi.PidLidAppointmentSubType: true})
		if test.zone.key != "" {
			m.props[mapi.PidLidAppointmentZoneStart] = test.zone.definition(t)
		}
		e := whole(t, outlook.Options{Zone: func() *formats.Zone { return test.fallback }}, m)
		if got := e.Start.String() + " " + e.End.String(); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	// A day long and no more: that is no whole day.
	if e := whole(t, outlook.Options{}, single(at(2015, 1, 9, 23, 0), at(2015, 1, 10, 23, 0), nil)); e.Start.IsDate() {
		t.Error("what takes 24 hours is a whole day")
	}
	// A series takes its days from the pattern, wherever its zone is thought to be.
	r := mondays()
	r.StartOffset, r.EndOffset = 0, 2*1440
	it := convert(t, recurring(t, r, props{mapi.PidLidAppointmentSubType: true, mapi.PidLidAppointmentZoneRecur: zoneAuckland.definition(t)}))
	if got, end := days(t, it, 2), it.Event.End.String(); got != "2015-03-16, 2015-03-23" || end != "2015-03-18" || len(it.Damage) > 0 {
		t.Errorf("it is on %s, the first until %s, %v", got, end, it.Damage)
	}
}

func TestCase26Zones(t *testing.T) {
	odd := rule(1601, -123, change(6, 3, 2, 7), change(1, 2, 4, 1))
	for _, test := range []struct {
		name  string
		zone  yearly
		start time.Time
		want  string
	}{
		{"by its key", zoneBerlin, at(2015, 7, 1, 7, 0), "2015-07-01T09:00:00[Europe/Berlin]"},
		{"under the rules of 2006", zoneNewYork, at(2006, 3, 20, 14, 0), "2006-03-20T09:00:00[America/New_York]"},
		{"under the rules of 2007", zoneNewYork, at(2007, 3, 20, 13, 0), "2007-03-20T09:00:00[America/New_York]"},
		{"in the south", zoneAuckland, at(2015, 1, 1, 0, 0), "2015-01-01T13:00:00[Pacific/Auckland]"},
		{"without changes", zoneOf("Tokyo Standard Time", rule(1601, -540, none, none)), at(2015, 7, 1, 0, 0), "2015-07-01T09:00:00[Asia/Tokyo]"},
		{"by a German name", zoneOf("(GMT+01:00) Amsterdam, Berlin, Bern, Rom, Stockholm, Wien", berlin), at(2015, 7, 1, 7, 0), "2015-07-01T09:00:00[Europe/Berlin]"},
		{"changed by its owner", zoneOf("Customized Time Zone", berlin), at(2015, 7, 1, 7, 0), "2015-07-01T09:00:00[Europe/Berlin]"},
		{"in UTC", zoneOf("tzone://Microsoft/Utc", rule(1601, 0, none, none)), at(2015, 7, 1, 7, 0), "2015-07-01T07:00:00[UTC]"},
		// Programs that know the name would have it an hour later.
		{"with other rules than its key has", zoneOf("W. Europe Standard Time", rule(1601, -60, none, none)), at(2015, 7, 1, 7, 0), "2015-07-01T08:00:00[/pst/"},
		{"as nobody has it", zoneOf("tzone://Microsoft/Custom", odd), at(2015, 1, 1, 0, 0), "2015-01-01T02:03:00[/pst/"},
		{"with a change on one day only", zoneOf("W. Europe Standard Time", rule(1601, -60, mapi.SystemTime{Year: 2015, Month: 10, Day: 25, Hour: 3}, mapi.SystemTime{Year: 2015, Month: 3, Day: 29, Hour: 2})), at(2015, 7, 1, 7, 0), "2015-07-01T09:00:00[Europe/Berlin]"},
	} {
		e := whole(t, outlook.Options{}, single(test.start, test.start.Add(time.Hour), props{mapi.PidLidAppointmentZoneStart: test.zone.definition(t)}))
		if got := e.Start.String(); !strings.HasPrefix(got, test.want) || !e.Start.Time(nil).Equal(test.start) {
			t.Errorf("%s: %s, which is %v, want %s", test.name, got, e.Start.Time(nil), test.want)
		}
	}

	// A flight begins in one zone and ends in another.
	e := whole(t, outlook.Options{}, single(at(2015, 7, 1, 7, 0), at(2015, 7, 1, 16, 0), props{
		mapi.PidLidAppointmentZoneStart: zoneBerlin.definition(t), mapi.PidLidAppointmentZoneEnd: zoneNewYork.definition(t),
	}))
	if got := e.Start.String() + " " + e.End.String(); got != "2015-07-01T09:00:00[Europe/Berlin] 2015-07-01T12:00:00[America/New_York]" {
		t.Error(got)
	}

	// Of the two properties of a series the older one is right where they differ; the key still names the zone.
	old := mapi.ZoneStruct{ZoneRule: rule(0, -60, none, none).ZoneRule}.Encode()
	m := recurring(t, mondays(), props{mapi.PidLidTimeZoneStruct: old})
	if e := whole(t, outlook.Options{}, m); !e.Start.Time(nil).Equal(at(2015, 3, 16, 8, 0)) {
		t.Errorf("it begins at %v", e.Start)
	}
	// The older one alone, with a text in front of which stands its offset.
	m = recurring(t, mondays(), props{mapi.PidLidAppointmentZoneRecur: nil, mapi.PidLidTimeZoneDescription: "(GMT+01:00) Brüssel, Kopenhagen, Madrid, Paris"})
	if e := whole(t, outlook.Options{}, m); e.Start.Zone.ID != "Europe/Paris" {
		t.Errorf("the zone is %s", e.Start.Zone.ID)
	}
	// Nothing but the text, which names a place.
	m = recurring(t, mondays(), props{mapi.PidLidAppointmentZoneRecur: nil, mapi.PidLidTimeZoneStruct: nil, mapi.PidLidTimeZoneDescription: "(GMT+01:00) Amsterdam, Berlin, Bern, Rom, Stockholm, Wien"})
	if e := whole(t, outlook.Options{}, m); e.Start.String() != "2015-03-16T09:00:00[Europe/Berlin]" {
		t.Error(e.Start)
	}
	// No zone at all: a series is as far from UTC as its first occurrence is.
	m = recurring(t, mondays(), props{mapi.PidLidAppointmentZoneRecur: nil, mapi.PidLidTimeZoneStruct: nil})
	if e := whole(t, outlook.Options{}, m); e.Start.String() != "2015-03-16T09:00:00[/pst/UTC+0100]" {
		t.Error(e.Start)
	}
	m.props[mapi.PidLidAppointmentStartWhole] = at(2015, 3, 16, 9, 0)
	if e := whole(t, outlook.Options{}, m); e.Start.String() != "2015-03-16T09:00:00[UTC]" {
		t.Error(e.Start)
	}
	// What is told takes its place where it agrees.
	told := whole(t, outlook.Options{}, recurring(t, mondays(), nil)).Start.Zone
	m.props[mapi.PidLidAppointmentStartWhole] = at(2015, 3, 16, 8, 0)
	if e := whole(t, outlook.Options{Zone: func() *formats.Zone { return told }}, m); e.Start.String() != "2015-03-16T09:00:00[Europe/Berlin]" {
		t.Error(e.Start)
	}
	if e := whole(t, outlook.Options{Zone: func() *formats.Zone { return told }}, single(at(2015, 7, 1, 7, 0), at(2015, 7, 1, 8, 0), nil)); e.Start.String() != "2015-07-01T09:00:00[Europe/Berlin]" {
		t.Error(e.Start)
	}
	if e := whole(t, outlook.Options{}, single(at(2015, 7, 1, 7, 0), at(2015, 7, 1, 8, 0), nil)); e.Start.String() != "2015-07-01T07:00:00Z" {
		t.Error(e.Start)
	}

	// Where the usual zone is wrong about an instant, as its rules are newer, that is told in UTC.
	newer := whole(t, outlook.Options{}, single(at(2015, 7, 1, 7, 0), at(2015, 7, 1, 8, 0), props{
		mapi.PidLidAppointmentZoneStart: zoneOf("Eastern Standard Time", newYork2007).definition(t),
	})).Start.Zone
	for start, want := range map[time.Time]string{at(2006, 3, 20, 14, 0): "2006-03-20T14:00:00Z", at(2007, 3, 20, 13, 0): "2007-03-20T09:00:00[America/New_York]"} {
		if e := whole(t, outlook.Options{Zone: func() *formats.Zone { return newer }}, single(start, start.Add(time.Hour), nil)); e.Start.String() != want {
			t.Error(e.Start, want)
		}
	}

	// A series that was made under the rules before says so by its first occurrence.
	old2006 := mondays()
	old2006.Start, old2006.StartOffset, old2006.EndOffset = day(2006, 3, 20), 9*60, 10*60
	m = recurring(t, old2006, props{
		mapi.PidLidAppointmentZoneRecur: zoneOf("Eastern Standard Time", newYork2007).definition(t), mapi.PidLidTimeZoneStruct: nil, mapi.PidLidAppointmentStartWhole: at(2006, 3, 20, 14, 0),
	})
	if e := whole(t, outlook.Options{}, m); e.Start.String() != "2006-03-20T09:00:00[America/New_York]" || !e.Start.Time(nil).Equal(at(2006, 3, 20, 14, 0)) {
		t.Errorf("it begins at %v, which is %v", e.Start, e.Start.Time(nil))
	}

	// A change at the last moment of a day is one at midnight.
	e = whole(t, outlook.Options{}, single(at(2015, 1, 1, 0, 0), at(2015, 1, 1, 1, 0), props{
		mapi.PidLidAppointmentZoneStart: zoneOf("tzone://Microsoft/Custom", rule(1601, 187, mapi.SystemTime{Month: 2, Weekday: 6, Day: 3, Hour: 23, Minute: 59, Second: 59, Millisecond: 999}, midnight)).definition(t),
	}))
	for local, want := range map[time.Time]time.Time{
		at(2015, 10, 17, 23, 59): at(2015, 10, 18, 3, 6), at(2015, 10, 18, 1, 0): at(2015, 10, 18, 3, 7), at(2015, 2, 22, 0, 0): at(2015, 2, 22, 3, 7),
	} {
		if got := e.Start.Zone.Time(local); !got.Equal(want) {
			t.Errorf("%v is %v, want %v", local, got, want)
		}
	}

	// A zone that cannot be read is damage, and the event is at its time all the same.
	it := convert(t, single(at(2015, 7, 1, 7, 0), at(2015, 7, 1, 8, 0), props{mapi.PidLidAppointmentZoneStart: []byte{2, 1, 0, 0, 2, 0, 0xFF, 0xFF}}))
	if it.Event.Start.String() != "2015-07-01T07:00:00Z" || len(it.Damage) != 1 {
		t.Error(it.Event.Start, it.Damage)
	}
}

// globalID is an identifier of Outlook's with a date of an occurrence, all zeros for none, and data.
func globalID(date [4]byte, data []byte) []byte {
	b := []byte{4, 0, 0, 0, 0x82, 0, 0xE0, 0, 0x74, 0xC5, 0xB7, 0x10, 0x1A, 0x82, 0xE0, 8}
	b = append(b, date[:]...)
	b = append(b, make([]byte, 16)...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	return append(b, data...)
}

func TestCase27UIDs(t *testing.T) {
	data := []byte("0123456789abcdef")
	clean, dated := globalID([4]byte{}, data), globalID([4]byte{0x07, 0xDF, 3, 30}, data)
	digits := fmt.Sprintf("%X", clean)
	for _, test := range []struct {
		name string
		p    props
		want string
	}{
		{"clean", props{mapi.PidLidCleanGlobalObjectId: clean, mapi.PidLidGlobalObjectId: dated}, digits},
		{"with the date of an occurrence", props{mapi.PidLidGlobalObjectId: dated}, digits},
		{"of another program", props{mapi.PidLidGlobalObjectId: globalID([4]byte{}, []byte("vCal-Uid\x01\x00\x00\x00ä1@example.org\x00\x00"))}, "ä1@example.org"},
		{"none", nil, "9f9f5111f7b27a781f1f1ddde5ebc2dd@pst.invalid"},
		{"damaged", props{mapi.PidLidGlobalObjectId: []byte{1, 2, 3}}, "9f9f5111f7b27a781f1f1ddde5ebc2dd@pst.invalid"},
	} {
		it := convert(t, single(at(2015, 3, 30, 7, 0), at(2015, 3, 30, 8, 0), test.p))
		if got := readEvents(t, calendarOf(t, it))[0].text("UID"); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func TestCase28Orphans(t *testing.T) {
	dated := globalID([4]byte{0x07, 0xDF, 3, 30}, []byte("0123456789abcdef"))
	base := props{mapi.PidLidGlobalObjectId: dated, mapi.PidLidIsException: true, mapi.PidLidRecurring: true, mapi.PidLidAppointmentZoneStart: zoneBerlin.definition(t)}
	with := func(p props) *msg {
		m := single(at(2015, 3, 30, 12, 0), at(2015, 3, 30, 13, 0), base)
		for k, v := range p {
			m.props[k] = v
		}
		return m
	}
	for _, test := range []struct {
		name string
		m    *msg
		want string
	}{
		{"with the time of the series", with(props{mapi.PidLidStartRecurrenceTime: 9<<12 | 30<<6}), "2015-03-30T09:30:00[Europe/Berlin]"},
		{"with the time that it replaces", with(props{mapi.PidLidExceptionReplaceTime: at(2015, 3, 30, 7, 0)}), "2015-03-30T09:00:00[Europe/Berlin]"},
		{"with neither", with(nil), "2015-03-30T14:00:00[Europe/Berlin]"},
		{"without a date", with(props{mapi.PidLidGlobalObjectId: globalID([4]byte{}, []byte("0123456789abcdef")), mapi.PidLidExceptionReplaceTime: at(2015, 3, 23, 8, 0)}), "2015-03-23T09:00:00[Europe/Berlin]"},
		{"of whole days", with(props{mapi.PidLidAppointmentSubType: true, mapi.PidLidAppointmentStartWhole: at(2015, 3, 30, 22, 0), mapi.PidLidAppointmentEndWhole: at(2015, 3, 31, 22, 0)}), "2015-03-30"},
	} {
		e := whole(t, outlook.Options{}, test.m)
		if got := e.RecurrenceID.String(); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	// It has a key of its own, beside that of its series and of other orphans.
	orphan := convert(t, with(nil))
	series := convert(t, recurring(t, mondays(), props{mapi.PidLidGlobalObjectId: globalID([4]byte{}, []byte("0123456789abcdef"))}))
	if orphan.Key == series.Key || orphan.Event.UID != series.Event.UID {
		t.Errorf("keys %s and %s, UIDs %s and %s", orphan.Key, series.Key, orphan.Event.UID, series.Event.UID)
	}
	text := calendarOf(t, orphan)
	if v := readEvents(t, text)[0]; !v.id.Equal(at(2015, 3, 30, 12, 0)) || v.Props.Get("RRULE") != nil {
		t.Error(text)
	}
	// A message of an exception that lies in a folder is one, too.
	alone := with(props{mapi.PidTagMessageClass: "IPM.OLE.CLASS.{00061055-0000-0000-C000-000000000046}", mapi.PidTagStartDate: at(2015, 3, 30, 7, 0)})
	if it := convert(t, alone); it.Kind != formats.KindEvent || it.Event.RecurrenceID.IsZero() {
		t.Error(it.Kind, it.Event)
	}
}

func TestCase29Attendees(t *testing.T) {
	with := func(p props, more props) props {
		for k, v := range more {
			p[k] = v
		}
		return p
	}
	rows := []props{
		with(row(1, "Olga", "SMTP", "olga@example.org"), props{mapi.PidTagRecipientFlags: 3}),
		with(row(1, "Anna", "SMTP", "anna@example.org"), props{mapi.PidTagRecipientTrackStatus: 3, mapi.PidTagRecipientTrackTime: at(2015, 3, 2, 8, 0)}), // without flags
		with(row(2, "Bert", "SMTP", "bert@example.org"), props{mapi.PidTagRecipientFlags: 1, mapi.PidTagRecipientTrackStatus: 4}),
		with(row(3, "Raum 5", "SMTP", "room5@example.org"), props{mapi.PidTagRecipientFlags: 1, mapi.PidTagDisplayType: 7, mapi.PidTagRecipientTrackStatus: 2}),
		with(row(1, "Alle", "SMTP", "all@example.org"), props{mapi.PidTagRecipientFlags: 1, mapi.PidTagDisplayType: 1}),
		with(row(2, "ANNA", "SMTP", "Anna@Example.org"), props{mapi.PidTagRecipientFlags: 1}), // again
		with(row(1, "Gone", "SMTP", "gone@example.org"), props{mapi.PidTagRecipientFlags: 0x21}),
		with(row(3, "Beamer", "SMTP", "beamer@example.org"), props{mapi.PidTagRecipientFlags: 1, mapi.PidTagRecipientTrackStatus: 5}),
	}
	show := func(e *formats.Event) string {
		var list []string
		for _, a := range e.Meeting.Attendees {
			list = append(list, fmt.Sprintf("%s %d%d%d", a.Address.Name, a.Type, a.Role, a.Status))
		}
		return strings.Join(list, ", ")
	}
	const (
		nobodySaid = "Anna 000, Alle 100, Bert 010, Raum 5 320, Beamer 220"
		everybody  = "Anna 001, Alle 100, Bert 012, Raum 5 323, Beamer 220"
	)
	meeting := func(p props) *msg {
		m := single(at(2015, 3, 30, 7, 0), at(2015, 3, 30, 8, 0), p)
		m.rows = rows
		return m.from("Olga", "olga@example.org")
	}
	organized := whole(t, outlook.Options{}, meeting(props{mapi.PidLidAppointmentStateFlags: 1, mapi.PidLidResponseStatus: 1, mapi.PidTagResponseRequested: true, mapi.PidLidAppointmentNotAllowPropose: true}))
	if got := show(organized); got != everybody {
		t.Errorf("the organizer's copy has %s", got)
	}
	if m := organized.Meeting; m.Organizer.SMTP != "olga@example.org" || m.SentBy != nil || !m.NoCounter || !m.Attendees[0].RSVP {
		t.Errorf("the meeting is %+v", m)
	}
	// In the copy of somebody who was invited only what they said themselves is known.
	received := meeting(props{
		mapi.PidLidAppointmentStateFlags: 3, mapi.PidLidResponseStatus: 4, mapi.PidTagReceivedByName: "Anna", mapi.PidTagReceivedByAddressType: "SMTP", mapi.PidTagReceivedByEmailAddress: "anna@example.org",
	})
	if got := show(whole(t, outlook.Options{}, received)); got != strings.Replace(nobodySaid, "Anna 000", "Anna 002", 1) {
		t.Errorf("the copy has %s", got)
	}
	received.props[mapi.PidTagReceivedByEmailAddress] = nil
	received.props[mapi.PidTagReceivedByName] = nil
	if got := show(whole(t, outlook.Options{}, received)); got != nobodySaid {
		t.Errorf("the copy of nobody has %s", got)
	}
	owner := func() *formats.Address { return &formats.Address{Stored: "bert@example.org", SMTP: "bert@example.org"} }
	if got := show(whole(t, outlook.Options{Owner: owner}, received)); got != strings.Replace(nobodySaid, "Bert 010", "Bert 012", 1) {
		t.Errorf("Bert's copy has %s", got)
	}
	received.props[mapi.PidLidAppointmentReplyName] = "Beamer"
	if got := show(whole(t, outlook.Options{}, received)); got != strings.Replace(nobodySaid, "Beamer 220", "Beamer 222", 1) {
		t.Errorf("the copy of the projector has %s", got)
	}

	// An appointment has nobody, whoever stands in it.
	if e := whole(t, outlook.Options{}, meeting(props{mapi.PidLidAppointmentStateFlags: 0})); e.Meeting != nil {
		t.Errorf("an appointment is a meeting of %+v", e.Meeting)
	}
	// Somebody sent it for the organizer.
	for_ := meeting(props{mapi.PidLidAppointmentStateFlags: 5})
	for_.props[mapi.PidTagSenderEmailAddress], for_.props[mapi.PidTagSenderName] = "sec@example.org", "Sekretariat"
	e := whole(t, outlook.Options{}, for_)
	if e.Meeting.SentBy == nil || e.Meeting.SentBy.SMTP != "sec@example.org" || !e.Cancelled {
		t.Errorf("sent by %+v, cancelled %t", e.Meeting.SentBy, e.Cancelled)
	}
	// Nobody is named as organizer: whoever has the mailbox, if nobody sent it to them.
	for state, want := range map[int]bool{1: true, 3: false} {
		m := single(at(2015, 3, 30, 7, 0), at(2015, 3, 30, 8, 0), props{mapi.PidLidAppointmentStateFlags: state})
		m.rows = rows[1:2]
		e := whole(t, outlook.Options{Owner: owner}, m)
		if got := e.Meeting.Organizer != nil && e.Meeting.Organizer.SMTP == "bert@example.org"; got != want {
			t.Errorf("with state %d the organizer is %+v", state, e.Meeting.Organizer)
		}
	}
	// There are names alone.
	names := single(at(2015, 3, 30, 7, 0), at(2015, 3, 30, 8, 0), props{
		mapi.PidLidAppointmentStateFlags: 1, mapi.PidLidAllAttendeesString: "Anna; bert@example.org; Olga", mapi.PidLidCcAttendeesString: "bert@example.org",
	}).from("Olga", "olga@example.org")
	e = whole(t, outlook.Options{}, names)
	if len(e.Meeting.Attendees) != 2 || e.Meeting.Attendees[0].Address.SMTP != "bert@example.org" || e.Meeting.Attendees[0].Role != formats.Optional || e.Meeting.Attendees[1].Address.Name != "Anna" {
		t.Errorf("the meeting of names has %s", show(e))
	}

	// Of one occurrence somebody was taken out, somebody said something else, and somebody was invited.
	r := mondays()
	r.Deleted, r.Modified = []mapi.Minutes{day(2015, 3, 23)}, []mapi.Minutes{day(2015, 3, 23)}
	r.Exceptions = []mapi.Exception{{Original: day(2015, 3, 23) + 540, Start: day(2015, 3, 23) + 600, End: day(2015, 3, 23) + 660}}
	m := recurring(t, r, props{mapi.PidLidAppointmentStateFlags: 1})
	m.rows = rows
	m.from("Olga", "olga@example.org")
	x := exception(props{mapi.PidLidExceptionReplaceTime: at(2015, 3, 23, 8, 0)})
	x.msg.rows = []props{
		with(row(1, "Anna", "SMTP", "anna@example.org"), props{mapi.PidTagRecipientFlags: 0x21}),
		with(row(2, "Bert", "SMTP", "bert@example.org"), props{mapi.PidTagRecipientFlags: 0x11, mapi.PidTagRecipientTrackStatus: 3}),
		with(row(1, "Neu", "SMTP", "new@example.org"), props{mapi.PidTagRecipientFlags: 1}),
	}
	m.atts = []*att{x}
	e = whole(t, outlook.Options{}, m)
	if got := show(e.Overrides[0]); got != "Alle 100, Bert 011, Raum 5 323, Beamer 220, Neu 000" {
		t.Errorf("the occurrence has %s", got)
	}
	if got := show(e); got != everybody {
		t.Errorf("the series has %s", got)
	}
	x.msg.props[mapi.PidLidFExceptionalAttendees] = true
	if got := show(whole(t, outlook.Options{}, m).Overrides[0]); got != "Neu 000, Bert 011" {
		t.Errorf("the occurrence has %s", got)
	}
}

func TestCase30OtherCalendars(t *testing.T) {
	for _, test := range []struct {
		name    string
		pattern mapi.Pattern
		days    string
		// calendar and rule are what Exchange has of it.
		calendar, rule string
	}{
		{"every Hijri month", mapi.Pattern{Type: mapi.PatternHijriMonth, Period: 1, Day: 30, Start: day(2023, 4, 20)}, "2023-04-20 09:00, 2023-05-19 09:00, 2023-06-18 09:00", "Hijri", "FREQ=MONTHLY;BYMONTHDAY=30"},
		{"every Hijri year", mapi.Pattern{Type: mapi.PatternMonth, Calendar: mapi.CalendarHijri, Period: 12, Day: 10, Start: day(2024, 6, 16)}, "2024-06-16 09:00, 2025-06-06 09:00, 2026-05-26 09:00", "Hijri", "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=10"},
		{"every Chinese year", mapi.Pattern{Type: mapi.PatternMonth, Calendar: mapi.CalendarChineseLunar, Period: 12, Day: 15, Start: day(2023, 9, 29)}, "2023-09-29 09:00, 2024-09-17 09:00, 2025-10-06 09:00", "ChineseLunar", "FREQ=YEARLY;BYMONTH=8;BYMONTHDAY=15"},
		{"every Hebrew year", mapi.Pattern{Type: mapi.PatternMonth, Calendar: mapi.CalendarHebrew, Period: 12, Day: 15, Start: day(2023, 4, 6)}, "2023-04-06 09:00, 2024-04-23 09:00, 2025-04-13 09:00", "Hebrew", "FREQ=YEARLY;BYMONTH=7;BYMONTHDAY=15"},
	} {
		p := test.pattern
		p.Frequency, p.End, p.Last = mapi.Monthly, mapi.EndNever, mapi.MinutesNever
		it := convert(t, recurring(t, &mapi.Recurrence{Pattern: p}, props{mapi.PidLidRecurrencePattern: "alle Jahre wieder"}))
		if got := days(t, it, 3); got != test.days || len(it.Damage) > 0 {
			t.Errorf("%s is on %s, want %s; %v", test.name, got, test.days, it.Damage)
		}
		if rule := line(t, it, "RRULE"); rule != "" {
			t.Errorf("%s: what no program reads is %s", test.name, rule)
		}
		if it.Event.Series.Rule.Scale == "" || line(t, it, "X-PST-RECURRENCE-PATTERN") == "" {
			t.Errorf("%s: the rule is %+v", test.name, it.Event.Series.Rule)
		}
		if calendar, rule := line(t, it, "X-MICROSOFT-CALSCALE"), line(t, it, "X-MICROSOFT-RRULE"); calendar != "X-MICROSOFT-CALSCALE:"+test.calendar || !strings.HasSuffix(rule, ":"+test.rule) {
			t.Errorf("%s: Exchange has %s in the calendar %s", test.name, rule, calendar)
		}
	}
	// Of a calendar that is not known there is the first occurrence, and it is said.
	p := mapi.Pattern{Frequency: mapi.Monthly, Type: mapi.PatternMonth, Calendar: 0x7F, Period: 12, Day: 15, Start: day(2024, 6, 16), End: mapi.EndNever, Last: mapi.MinutesNever}
	it := convert(t, recurring(t, &mapi.Recurrence{Pattern: p}, nil))
	if got := days(t, it, 3); got != "2024-06-16 09:00" || len(it.Damage) != 1 {
		t.Errorf("in an unknown calendar it is on %s, %v", got, it.Damage)
	}
	if rule := line(t, it, "X-MICROSOFT-RRULE"); rule != "X-MICROSOFT-RRULE;X-MICROSOFT-ISLEAPMONTH=FALSE:FREQ=YEARLY;BYMONTHDAY=15" {
		t.Errorf("in an unknown calendar the rule is %s", rule)
	}
}

func TestCase31OddTimes(t *testing.T) {
	noEnd := func(m *msg) *msg {
		m.props[mapi.PidLidAppointmentEndWhole] = nil
		return m
	}
	nine := at(2015, 3, 30, 9, 0)
	for _, test := range []struct {
		name string
		m    *msg
		want string
	}{
		{"no time at all", single(nine, nine, nil), "2015-03-30T09:00:00Z 0001-01-01T00:00:00Z"},
		{"the end before the start", single(nine, nine.Add(-time.Hour), nil), "2015-03-30T09:00:00Z 0001-01-01T00:00:00Z"},
		{"an end in 4501", single(nine, at(4501, 1, 1, 0, 0), nil), "2015-03-30T09:00:00Z 0001-01-01T00:00:00Z"},
		{"a duration", noEnd(single(nine, nine, props{mapi.PidLidAppointmentDuration: 90})), "2015-03-30T09:00:00Z 2015-03-30T10:30:00Z"},
		{"a start in 1601", single(at(1601, 1, 1, 0, 0), nine, props{mapi.PidLidCommonStart: nine.Add(-time.Hour)}), "2015-03-30T08:00:00Z 2015-03-30T09:00:00Z"},
		{"other properties", appointment(props{mapi.PidTagStartDate: nine, mapi.PidTagEndDate: nine.Add(time.Hour)}), "2015-03-30T09:00:00Z 2015-03-30T10:00:00Z"},
	} {
		it := convert(t, test.m)
		if len(it.Damage) > 0 {
			t.Errorf("%s: %v", test.name, it.Damage)
		}
		v := readEvents(t, calendarOf(t, it))[0]
		if got := v.start.Format(time.RFC3339) + " " + v.end.Format(time.RFC3339); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
	it := convert(t, appointment(nil))
	if len(it.Damage) != 1 || it.Event.Start.IsZero() {
		t.Errorf("an event without a start is at %v, damage %v", it.Event.Start, it.Damage)
	}
	it = convert(t, appointment(props{mapi.PidLidRecurring: true, mapi.PidLidAppointmentStartWhole: nine}))
	if len(it.Damage) != 1 || it.Event.Start.IsZero() {
		t.Errorf("a series without a pattern is at %v, damage %v", it.Event.Start, it.Damage)
	}
	it = convert(t, appointment(props{mapi.PidLidAppointmentRecur: errors.New("a bad block"), mapi.PidLidAppointmentStartWhole: nine}))
	if len(it.Damage) != 1 || !it.Event.Start.Time(nil).Equal(nine) {
		t.Errorf("a series whose pattern cannot be read is at %v, damage %v", it.Event.Start, it.Damage)
	}
}

// TestCase32Expansion compares every series of the archives with what other programs read of it: 500 occurrences each.
func TestCase32Expansion(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpustest.Dir(t), "*", "*.?st"))
	if err != nil || len(files) == 0 {
		corpustest.Missing(t, "the corpus has no archives: %v", err)
	}
	c := outlook.New(outlook.Options{})
	series := 0
	for _, path := range files {
		f, err := pst.Open(path)
		if err != nil {
			continue // one is no archive
		}
		defer f.Close()
		for id := range f.Nodes() {
			if pst.KindOf(id) != pst.KindMessage {
				continue
			}
			m, err := f.Message(id)
			if err != nil {
				continue
			}
			v, _ := m.LookupName(mapi.PidLidAppointmentRecur)
			if len(v.Bytes()) == 0 {
				continue
			}
			it, err := c.Item(formats.Entry{}, m)
			if err != nil {
				t.Fatal(err)
			}
			if it.Event == nil {
				continue
			}
			series++
			r, err := mapi.ParseRecurrence(v.Bytes(), 1252)
			if err != nil {
				t.Fatal(err)
			}
			const most = 500
			want, err := recur.Expand(r, day(2250, 1, 1)) // rrule-go gets no further than three hundred years
			if err != nil {
				t.Fatal(err)
			}
			want = want[:min(len(want), most)]
			got := expand(t, calendarOf(t, it), len(want)+1)
			if r.End.IsNever() {
				got = got[:min(len(got), len(want))]
			}
			if len(got) != len(want) {
				t.Errorf("%s %v: %d occurrences are written, want %d", filepath.Base(path), id, len(got), len(want))
				continue
			}
			for i, o := range want {
				at := o.Start.Time()
				if z := it.Event.Start.Zone; z != nil {
					at = z.Time(at)
				}
				if !got[i].start.Equal(at) {
					t.Errorf("%s %v: occurrence %d is at %v, want %v", filepath.Base(path), id, i, got[i].start, at)
					break
				}
			}
		}
	}
	if series < 60 {
		t.Errorf("there are %d series", series)
	}
}
