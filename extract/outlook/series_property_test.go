package outlook_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	goical "github.com/emersion/go-ical"
	"github.com/google/go-cmp/cmp"
	"github.com/teambition/rrule-go"
	"pgregory.net/rapid"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/mapi"
	"mailmill/formats/recur"
)

// change is a yearly change of a clock: in a month, on the n-th of a weekday, 5 for the last, at an hour.
func change(month, weekday, n, hour uint16) mapi.SystemTime {
	return mapi.SystemTime{Month: month, Weekday: weekday, Day: n, Hour: hour}
}

// yearly is a zone as Windows has it: its key, and the rules from certain years on, of which the last is in force.
type yearly struct {
	key   string
	rules []mapi.YearRule
}

func rule(from uint16, bias int32, standard, daylight mapi.SystemTime) mapi.YearRule {
	r := mapi.YearRule{From: from, ZoneRule: mapi.ZoneRule{Bias: bias, Standard: standard, Daylight: daylight}}
	if !daylight.IsZero() {
		r.DaylightBias = -60
	}
	return r
}

var (
	none     = mapi.SystemTime{}
	midnight = mapi.SystemTime{Month: 10, Weekday: 6, Day: 3, Hour: 23, Minute: 59, Second: 59, Millisecond: 999}

	newYork2006 = rule(1601, 300, change(10, 0, 5, 2), change(4, 0, 1, 2))
	newYork2007 = rule(2007, 300, change(11, 0, 1, 2), change(3, 0, 2, 2))
	berlin      = rule(1601, -60, change(10, 0, 5, 3), change(3, 0, 5, 2))

	windowsZones = []yearly{
		{"Eastern Standard Time", []mapi.YearRule{newYork2006, newYork2007}},
		{"Eastern Standard Time", []mapi.YearRule{rule(1601, 300, change(11, 0, 1, 2), change(3, 0, 2, 2))}},
		{"Eastern Standard Time", []mapi.YearRule{newYork2006}},
		{"W. Europe Standard Time", []mapi.YearRule{berlin}},
		{"AUS Eastern Standard Time", []mapi.YearRule{rule(1601, -600, change(3, 0, 5, 3), change(10, 0, 5, 2)), rule(2008, -600, change(4, 0, 1, 3), change(10, 0, 1, 2))}},
		{"New Zealand Standard Time", []mapi.YearRule{rule(1601, -720, change(4, 0, 1, 3), change(9, 0, 5, 2))}},
		{"Tokyo Standard Time", []mapi.YearRule{rule(1601, -540, none, none)}},
		{"India Standard Time", []mapi.YearRule{rule(1601, -330, none, none)}},
		{"UTC", []mapi.YearRule{rule(1601, 0, none, none)}},
		{"E. South America Standard Time", []mapi.YearRule{rule(1601, 180, mapi.SystemTime{Month: 2, Weekday: 6, Day: 3, Hour: 23, Minute: 59, Second: 59, Millisecond: 999}, midnight)}},
		{"Russian Standard Time", []mapi.YearRule{rule(1601, -180, change(10, 0, 5, 3), change(3, 0, 5, 2)), rule(2011, -240, none, none), rule(2015, -180, none, none)}},
		{"tzone://Microsoft/Custom", []mapi.YearRule{rule(1601, -123, change(6, 3, 2, 7), change(1, 2, 4, 1))}},
	}
)

// utc returns the instant of a local time by the rule of its year. Where clocks are put forward on New Year's Eve the time
// that they leave out is that of the old year.
func (y yearly) utc(local mapi.Minutes) time.Time {
	of := y.rules[0]
	for _, r := range y.rules[1:] {
		newYear := of.UTC(day(int(r.From), 1, 1))
		if local.Time().Year() >= int(r.From) && !r.UTC(local).Before(newYear) {
			of = r
		}
	}
	return of.UTC(local)
}

// definition returns the blob of the zone.
func (y yearly) definition(t interface{ Fatal(...any) }) []byte {
	d := mapi.ZoneDefinition{Key: y.key, Rules: slices.Clone(y.rules)}
	d.Rules[len(d.Rules)-1].Flags = mapi.ZoneEffective | mapi.ZoneRecurCurrent
	b, err := d.Encode()
	if err != nil && t == nil {
		panic(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (y yearly) structure() []byte {
	r := y.rules[len(y.rules)-1].ZoneRule
	return mapi.ZoneStruct{ZoneRule: r}.Encode()
}

func day(y int, m time.Month, d int) mapi.Minutes {
	return mapi.MinutesOf(time.Date(y, m, d, 0, 0, 0, 0, time.UTC))
}

// drawSeries draws a series that makes sense: any pattern and end, from leap days to weeks that begin on any day, over
// the change of the rules in the United States in 2007.
func drawSeries(t *rapid.T) *mapi.Recurrence {
	p := mapi.Pattern{
		Frequency: mapi.Monthly,
		Type:      mapi.PatternType(rapid.IntRange(0, 4).Draw(t, "type")),
		Period:    uint32(rapid.OneOf(rapid.IntRange(1, 4), rapid.SampledFrom([]int{6, 12, 18, 24, 48})).Draw(t, "period")),
		FirstDay:  uint32(rapid.IntRange(0, 6).Draw(t, "first day of the week")),
		Start:     day(2000, 1, 1) + mapi.Minutes(rapid.IntRange(0, 6000).Draw(t, "start"))*mapi.MinutesPerDay,
		Days:      mapi.Weekdays(rapid.IntRange(1, 0x7F).Draw(t, "days")),
		Nth:       uint32(rapid.IntRange(1, 5).Draw(t, "nth")),
		Day:       uint32(rapid.OneOf(rapid.IntRange(1, 31), rapid.IntRange(28, 31)).Draw(t, "day")),
		End:       rapid.SampledFrom([]mapi.EndType{mapi.EndByDate, mapi.EndAfter, mapi.EndNever}).Draw(t, "end"),
		Last:      mapi.MinutesNever,
	}
	if p.Type == mapi.PatternDay {
		p.Period *= mapi.MinutesPerDay
	}
	switch p.End {
	case mapi.EndByDate:
		p.Last = p.Start + mapi.Minutes(rapid.IntRange(0, 5000).Draw(t, "last"))*mapi.MinutesPerDay
	case mapi.EndAfter:
		p.Count = uint32(rapid.IntRange(1, 200).Draw(t, "count"))
	}
	p.First = p.Phase()
	r := &mapi.Recurrence{Pattern: p, StartOffset: uint32(rapid.IntRange(0, 47).Draw(t, "half hour") * 30), HasTimes: true}
	r.EndOffset = r.StartOffset + uint32(rapid.IntRange(0, 3000).Draw(t, "duration"))
	var members []mapi.Minutes
	for d := range recur.Days(&p, p.Start+3000*mapi.MinutesPerDay) {
		members = append(members, d)
	}
	for range rapid.IntRange(0, min(4, len(members))).Draw(t, "deleted") {
		r.Deleted = append(r.Deleted, rapid.SampledFrom(members).Draw(t, "deleted"))
	}
	for range rapid.IntRange(0, min(3, len(members))).Draw(t, "exceptions") {
		original := rapid.SampledFrom(members).Draw(t, "original")
		except(r, original, original+mapi.Minutes(rapid.IntRange(-2000, 200000).Draw(t, "moved")))
	}
	if rapid.IntRange(0, 9).Draw(t, "an old exception") == 0 {
		original := p.Start + mapi.Minutes(rapid.IntRange(0, 3000).Draw(t, "day"))*mapi.MinutesPerDay
		except(r, original, original+77)
	}
	slices.Sort(r.Deleted)
	r.Deleted = slices.Compact(r.Deleted)
	return r
}

// except moves the occurrence of a day, unless the day has an exception already.
func except(r *mapi.Recurrence, original, start mapi.Minutes) {
	for _, e := range r.Exceptions {
		if e.Original.Day() == original.Day() {
			return
		}
	}
	r.Exceptions = append(r.Exceptions, mapi.Exception{Original: original + mapi.Minutes(r.StartOffset), Start: start, End: start + 60})
	r.Deleted = append(r.Deleted, original)
	r.Modified = append(r.Modified, start.Midnight())
}

// A random series, stored as Outlook does and written as a calendar, takes place at the instants at which the series
// itself does, for ten years. What the calendar says is read by other programs, with the rules of the zone that stand in it.
func TestSeriesTakePlace(t *testing.T) {
	c := outlook.New(outlook.Options{})
	rapid.Check(t, func(t *rapid.T) {
		r := drawSeries(t)
		z := rapid.SampledFrom(windowsZones).Draw(t, "zone")
		allDay := rapid.IntRange(0, 4).Draw(t, "all day") == 0
		if allDay {
			r.StartOffset, r.EndOffset = 0, r.EndOffset/1440*1440+1440
			for i := range r.Exceptions {
				e := &r.Exceptions[i]
				e.Original, e.Start, e.End = e.Original.Midnight(), e.Start.Midnight(), e.Start.Midnight()+mapi.MinutesPerDay
			}
		}
		before := r.Start + 3653*mapi.MinutesPerDay
		occurrences, err := recur.Expand(r, before)
		if err != nil {
			t.Fatal(err)
		}
		first, none := r.Start, true
		for d := range recur.Days(&r.Pattern, mapi.MinutesNever) {
			first, none = d, false
			break
		}
		if none {
			return // it has no day at all
		}
		blob, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		start := z.utc(first + mapi.Minutes(r.StartOffset))
		m := appointment(props{
			mapi.PidLidAppointmentRecur: blob, mapi.PidLidRecurring: true, mapi.PidLidAppointmentSubType: allDay,
			mapi.PidLidAppointmentStartWhole: start, mapi.PidLidAppointmentEndWhole: start.Add(time.Hour),
		})
		if rapid.Bool().Draw(t, "definition") {
			m.props[mapi.PidLidAppointmentZoneRecur] = z.definition(t)
			if rapid.Bool().Draw(t, "and structure") {
				m.props[mapi.PidLidTimeZoneStruct] = z.structure()
			}
		} else {
			m.props[mapi.PidLidTimeZoneStruct] = z.structure()
			z.rules = z.rules[len(z.rules)-1:]
			m.props[mapi.PidLidAppointmentStartWhole] = z.utc(first + mapi.Minutes(r.StartOffset))
		}
		it, err := c.Item(formats.Entry{}, m)
		if err != nil || len(it.Damage) > 0 {
			t.Fatal(err, it.Damage)
		}
		text := calendarText(t, it)
		var want []string
		for _, o := range occurrences {
			if allDay {
				want = append(want, o.Start.Time().Format(time.DateOnly)+" "+o.End.Time().Format(time.DateOnly))
			} else {
				want = append(want, z.utc(o.Start).Format(time.RFC3339))
			}
		}
		slices.Sort(want)
		got := takesPlace(t, it.Event, text, before.Time())
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("%s\n%s", text, d)
		}
	})
}

// takesPlace reads a calendar of one series with other programs and lists when it takes place, as far as the occurrence
// begins before what clocks show. Local times are made instants by the zone of the event.
func takesPlace(t *rapid.T, e *formats.Event, text string, before time.Time) []string {
	cal, err := goical.NewDecoder(strings.NewReader(text)).Decode()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	const clock = "20060102T150405"
	parse := func(p *goical.Prop) time.Time {
		at, err := time.Parse(clock, p.Value)
		if p.ValueType() == goical.ValueDate {
			at, err = time.Parse("20060102", p.Value)
		}
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	var list []string
	add := func(start, end time.Time, c *goical.Component) {
		if !start.Before(before) {
			return
		}
		if c.Props.Get("DTSTART").ValueType() == goical.ValueDate {
			list = append(list, start.Format(time.DateOnly)+" "+end.Format(time.DateOnly))
		} else {
			list = append(list, e.Start.Zone.Time(start).Format(time.RFC3339))
		}
	}
	moved := make(map[time.Time]bool)
	var master *goical.Component
	for _, c := range cal.Children {
		switch {
		case c.Name != goical.CompEvent:
		case c.Props.Get("RECURRENCE-ID") == nil:
			master = c
		default:
			moved[parse(c.Props.Get("RECURRENCE-ID"))] = true
			start := parse(c.Props.Get("DTSTART"))
			end := start
			if p := c.Props.Get("DTEND"); p != nil {
				end = parse(p)
			}
			add(start, end, c)
		}
	}
	start := parse(master.Props.Get("DTSTART"))
	length := time.Duration(0)
	if p := master.Props.Get("DTEND"); p != nil {
		length = parse(p).Sub(start)
	}
	value := master.Props.Get("RRULE").Value
	if head, tail, found := strings.Cut(value, "UNTIL="); found {
		until, rest, _ := strings.Cut(tail, ";")
		if at, err := time.Parse(clock+"Z", until); err == nil {
			until = e.Start.Zone.Clock(at).Format(clock) + "Z"
		}
		value = strings.TrimSuffix(head+"UNTIL="+until+";"+rest, ";")
	}
	opt, err := rrule.StrToROption(value)
	if err != nil {
		t.Fatalf("%q: %v", value, err)
	}
	opt.Dtstart = start
	r, err := rrule.NewRRule(*opt)
	if err != nil {
		t.Fatalf("%q: %v", value, err)
	}
	var set rrule.Set
	set.RRule(r)
	for _, p := range master.Props["EXDATE"] {
		set.ExDate(parse(&p))
	}
	for _, p := range master.Props["RDATE"] {
		set.RDate(parse(&p))
	}
	next := set.Iterator()
	for at, ok := next(); ok && at.Before(before.AddDate(2, 0, 0)); at, ok = next() {
		if moved[at] {
			delete(moved, at)
			continue
		}
		add(at, at.Add(length), master)
	}
	for at := range moved {
		if at.Before(before) {
			t.Fatalf("%s\nthe exception of %v is of no occurrence", text, at)
		}
	}
	slices.Sort(list)
	return list
}

func calendarText(t interface{ Fatal(...any) }, it *formats.Item) string {
	var b strings.Builder
	if err := ical.NewEncoder(ical.Options{}).Encode(&b, it); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
