package outlook_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	goical "github.com/emersion/go-ical"
	govcard "github.com/emersion/go-vcard"
	"github.com/teambition/rrule-go"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/rtf"
	"mailmill/formats/vcard"
)

func float(f float64) mapi.Value {
	return mapi.Value{Type: mapi.Floating64, Data: binary.LittleEndian.AppendUint64(nil, math.Float64bits(f))}
}

func binaries(list ...[]byte) mapi.Value { return mapi.Value{Type: mapi.MultiBinary, Elems: list} }

func short(n int) mapi.Value {
	return mapi.Value{Type: mapi.Integer16, Data: binary.LittleEndian.AppendUint16(nil, uint16(n))}
}

// fileTime is a FILETIME of any year.
func fileTime(t time.Time) mapi.Value {
	days := int64(t.Sub(time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC)) / (24 * time.Hour))
	if t.Year() > 1800 {
		return mapi.Value{Type: mapi.Time, Data: binary.LittleEndian.AppendUint64(nil, mapi.ToFileTime(t))}
	}
	return mapi.Value{Type: mapi.Time, Data: binary.LittleEndian.AppendUint64(nil, uint64(days)*24*3600*10_000_000)}
}

// of returns an item of a class.
func of(class string, p props) *msg {
	p[mapi.PidTagMessageClass] = class
	return note(p)
}

// same compares what == cannot.
func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func date(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

// inZone has items converted for somebody who lives there.
func inZone(t testing.TB, name string) outlook.Options {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	zone := formats.ZoneOf(loc, date(1970, 1, 1), date(2030, 1, 1))
	return outlook.Options{Zone: func() *formats.Zone { return zone }}
}

// Lists hold members of all sorts, in arrays or in a stream, and need not hold what they refer to.
func TestCase08Members(t *testing.T) {
	store := make([]byte, 16)
	copy(store, "the message store")
	object := func(nid byte) []byte { return append(append(make([]byte, 4), store...), nid, 0, 0x20, 0) }
	wrapped := func(kind byte, entry []byte) []byte {
		provider := []byte{0xC0, 0x91, 0xAD, 0xD3, 0x51, 0x9D, 0xCF, 0x11, 0xA4, 0xA9, 0x00, 0xAA, 0x00, 0x47, 0xFA, 0xA4}
		return append(append(append(make([]byte, 4), provider...), kind), entry...)
	}
	directory := func(dn string) []byte {
		provider := []byte{0xDC, 0xA7, 0x40, 0xC8, 0xC0, 0x42, 0x10, 0x1A, 0xB4, 0xB9, 0x08, 0x00, 0x2B, 0x2F, 0xE1, 0x82}
		return append(append(append(append(make([]byte, 4), provider...), 1, 0, 0, 0, 0, 0, 0, 0), dn...), 0)
	}
	inner := of("IPM.DistList", props{mapi.PidLidDistributionListName: "Inner", mapi.PidTagSearchKey: []byte("the key of the inner list")})
	anna := of("IPM.Contact", props{
		mapi.PidTagDisplayName: "Anna", mapi.PidTagSearchKey: []byte("the key of Anna"),
		mapi.PidLidEmail1EmailAddress: "anna@example.org", mapi.PidLidEmail2EmailAddress: "anna@home.example", mapi.PidLidEmail2DisplayName: "Anna at home",
	})
	const dn = "/o=Org/ou=Site/cn=Recipients/cn=bert"
	entries := [][]byte{
		mapi.MakeOneOff("Otto", "SMTP", "otto@example.org"),
		wrapped(0xB5, directory(dn)),
		wrapped(0xD3, object(1)), // Anna's second address
		wrapped(0xB4, object(2)), // the inner list
		wrapped(0xC3, object(9)), // a contact that is not there
		wrapped(0xC3, object(4)), // one that is not written
		wrapped(0xB4, object(3)), // the list itself
		wrapped(0xB0, mapi.MakeOneOff("Wrapped", "SMTP", "wrapped@example.org")),
		[]byte("rubbish"),
	}
	oneOffs := [][]byte{
		mapi.MakeOneOff("Otto", "SMTP", "otto@example.org"), mapi.MakeOneOff("Bert", "EX", dn),
		{},
		mapi.MakeOneOff("Inner", "MAPIPDL", "Unknown"),
		mapi.MakeOneOff("Gone", "SMTP", "gone@example.org"),
		{},
		mapi.MakeOneOff("Itself", "MAPIPDL", "Unknown"),
		{},
		mapi.MakeOneOff("", "SMTP", "rubbish@example.org"),
	}
	var stream []byte
	stream = append(stream, 1, 0, 0, 0)
	for _, n := range []uint32{0, 0, uint32(len(entries)), 0, 0, 0} {
		stream = binary.LittleEndian.AppendUint32(stream, n)
	}
	for i := range entries {
		for _, b := range [][]byte{entries[i], oneOffs[i], nil} {
			stream = append(binary.LittleEndian.AppendUint32(stream, uint32(len(b))), b...)
		}
	}
	for name, members := range map[string]props{
		"arrays": {mapi.PidLidDistributionListMembers: binaries(entries...), mapi.PidLidDistributionListOneOffMembers: binaries(oneOffs...)},
		"a stream, which replaces the arrays": {
			mapi.PidLidDistributionListStream: stream, mapi.PidLidDistributionListMembers: binaries(entries[0]), mapi.PidLidDistributionListOneOffMembers: binaries(oneOffs[0]),
		},
	} {
		t.Run(name, func(t *testing.T) {
			members[mapi.PidTagDisplayName] = "The team"
			team := of("IPM.DistList", members)
			opt := outlook.Options{Card: func(entry []byte) (mapi.Message, bool) {
				id, err := mapi.ParseEntryID(entry, 1252)
				if err != nil || id.Kind != mapi.EntryObject || !bytes.Equal(id.Provider[:], store) {
					t.Errorf("the card of %X is asked for: %v", entry, err)
					return nil, false
				}
				switch id.Node & 0xFF {
				case 1:
					return anna, true
				case 2:
					return inner, true
				case 3:
					return team, true
				case 4:
					return anna, false // deleted, say
				}
				return nil, false
			}}
			it := convertWith(t, opt, team)
			card := func(m *msg) string {
				it := convert(t, m)
				if it.Contact != nil {
					return it.Contact.UID
				}
				return it.Group.UID
			}
			var got []string
			for _, m := range it.Group.Members {
				got = append(got, m.Address.Name+"|"+m.Address.Stored+"|"+m.Address.SMTP+"|"+m.Card)
			}
			equal(t, "the members", strings.Join(got, "\n"), strings.Join([]string{
				"Otto|otto@example.org|otto@example.org|",
				"Bert|" + dn + "||",
				"Anna at home|anna@home.example|anna@home.example|" + card(anna),
				"Inner|||" + card(inner),
				"Gone|gone@example.org|gone@example.org|",
				"Anna|anna@example.org|anna@example.org|",
				"Itself|||",
				"Wrapped|wrapped@example.org|wrapped@example.org|",
				"|rubbish@example.org|rubbish@example.org|",
			}, "\n"))
			visited := 0
			it.Participants(func(*formats.Address) { visited++ })
			equal(t, "participants", visited, len(entries))
			equal(t, "members in the card", len(readCard(t, vcard.V4, it)["MEMBER"]), 7)
		})
	}
	t.Run("a contact of which nothing is known", func(t *testing.T) {
		it := convert(t, of("IPM.DistList", props{mapi.PidLidDistributionListMembers: binaries(wrapped(0xC3, object(9)), entries[0])}))
		equal(t, "members and damage", fmt.Sprint(len(it.Group.Members), len(it.Damage)), "1 1")
	})
	t.Run("a stream that is cut short", func(t *testing.T) {
		it := convert(t, of("IPM.DistList", props{mapi.PidLidDistributionListStream: stream[:len(stream)/2]}))
		if len(it.Group.Members) == 0 || len(it.Damage) == 0 {
			t.Errorf("%d members, damage %v", len(it.Group.Members), it.Damage)
		}
	})
}

// pattern is a task's series.
func pattern(t testing.TB, p mapi.Pattern) []byte {
	t.Helper()
	p.First = p.Phase()
	b, err := p.EncodeTask()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Dates of tasks are dates, wherever they were made; a series goes on with the task that is at hand.
func TestCase33Tasks(t *testing.T) {
	task := func(p props) *msg { return of("IPM.Task", p) }
	t.Run("dates do not shift", func(t *testing.T) {
		for zone, offset := range map[string]time.Duration{"Pacific/Tongatapu": 13 * time.Hour, "Pacific/Pago_Pago": -11 * time.Hour, "Europe/Berlin": 2 * time.Hour, "": -4 * time.Hour} {
			opt := outlook.Options{}
			if zone != "" {
				opt = inZone(t, zone)
			}
			start, due, done := date(2015, 6, 7), date(2015, 6, 9), date(2015, 6, 8)
			it := convertWith(t, opt, task(props{
				mapi.PidTagSubject: "Task", mapi.PidLidTaskStartDate: start, mapi.PidLidTaskDueDate: due,
				mapi.PidLidCommonStart: start.Add(-offset), mapi.PidLidCommonEnd: due.Add(-offset),
				mapi.PidLidTaskStatus: 2, mapi.PidLidTaskComplete: true, mapi.PidLidPercentComplete: float(1), mapi.PidLidTaskDateCompleted: done.Add(-offset),
			}))
			equal(t, zone+": start", it.Task.Start.String(), "2015-06-07")
			equal(t, zone+": due", it.Task.Due.String(), "2015-06-09")
			equal(t, zone+": completed", it.Task.Completed.Format(time.DateOnly), "2015-06-08")
			todo := readCalendar(t, it, "VTODO")
			equal(t, zone+": DTSTART", valueOf(todo, goical.PropDateTimeStart), "20150607")
			equal(t, zone+": DUE", valueOf(todo, goical.PropDue), "20150609")
			equal(t, zone+": COMPLETED", valueOf(todo, goical.PropCompleted), "20150608T120000Z")
			equal(t, zone+": STATUS", valueOf(todo, goical.PropStatus), "COMPLETED")

			// Only the points of time are there.
			it = convertWith(t, opt, task(props{mapi.PidLidCommonStart: start.Add(-offset), mapi.PidLidCommonEnd: due.Add(-offset)}))
			equal(t, zone+": of points of time", it.Task.Start.String()+" "+it.Task.Due.String(), "2015-06-07 2015-06-09")
		}
	})
	t.Run("none", func(t *testing.T) {
		none := mapi.Value{Type: mapi.Time, Data: []byte{0x00, 0x40, 0xDD, 0xA3, 0x57, 0x45, 0xB3, 0x0C}}
		it := convert(t, task(props{mapi.PidLidTaskStartDate: none, mapi.PidLidTaskDueDate: none, mapi.PidLidTaskDateCompleted: none}))
		same(t, "start, due, completed", []bool{it.Task.Start.IsZero(), it.Task.Due.IsZero(), it.Task.Completed.IsZero()}, []bool{true, true, true})
	})
	t.Run("states", func(t *testing.T) {
		for status, want := range map[int]string{0: "NEEDS-ACTION", 1: "IN-PROCESS", 2: "COMPLETED", 3: "NEEDS-ACTION", 4: "NEEDS-ACTION", 9: "NEEDS-ACTION"} {
			todo := readCalendar(t, convert(t, task(props{mapi.PidLidTaskStatus: status, mapi.PidLidPercentComplete: float(0.256)})), "VTODO")
			equal(t, "STATUS", valueOf(todo, goical.PropStatus), want)
			equal(t, "PERCENT-COMPLETE", valueOf(todo, goical.PropPercentComplete), map[bool]string{true: "100", false: "26"}[status == 2])
			equal(t, "X-PST-TASK-STATUS", valueOf(todo, "X-PST-TASK-STATUS"), map[int]string{3: "waiting", 4: "deferred"}[status])
		}
		for _, f := range []float64{-1, 7, math.NaN(), math.Inf(1)} {
			if p := convert(t, task(props{mapi.PidLidPercentComplete: float(f)})).Task.Percent; p != 0 && p != 100 {
				t.Errorf("%v is %d %%", f, p)
			}
		}
	})
	weekly := mapi.Pattern{Frequency: mapi.Weekly, Type: mapi.PatternWeek, Period: 2, Days: mapi.WeekdaysOf(time.Monday), End: mapi.EndAfter, Count: 6, Start: mapi.MinutesOf(date(2015, 6, 1)), Last: mapi.MinutesOf(date(2015, 8, 10))}
	recurring := func(p mapi.Pattern, more props) *formats.Item {
		all := props{mapi.PidLidTaskRecurrence: pattern(t, p), mapi.PidLidTaskFRecurring: true}
		for k, v := range more {
			all[k] = v
		}
		return convert(t, task(all))
	}
	rule := func(it *formats.Item) string { return valueOf(readCalendar(t, it, "VTODO"), goical.PropRecurrenceRule) }
	t.Run("some of a number are done", func(t *testing.T) {
		it := recurring(weekly, props{mapi.PidLidTaskStartDate: date(2015, 6, 29), mapi.PidLidTaskDueDate: date(2015, 7, 1)})
		todo := readCalendar(t, it, "VTODO")
		equal(t, "DTSTART", valueOf(todo, goical.PropDateTimeStart), "20150629")
		set, err := todo.RecurrenceSet(time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		var days []string
		for _, d := range set.All() {
			days = append(days, d.Format(time.DateOnly))
		}
		same(t, "what is left", days, []string{"2015-06-29", "2015-07-13", "2015-07-27", "2015-08-10"})
	})
	t.Run("only the due date is known", func(t *testing.T) {
		it := recurring(weekly, props{mapi.PidLidTaskDueDate: date(2015, 6, 29)})
		todo := readCalendar(t, it, "VTODO")
		equal(t, "DTSTART", valueOf(todo, goical.PropDateTimeStart), "20150629")
		equal(t, "DUE", valueOf(todo, goical.PropDue), "20150629")
	})
	// occurrences are the first days that rrule-go finds.
	occurrences := func(it *formats.Item) string {
		todo := readCalendar(t, it, "VTODO")
		set, err := todo.RecurrenceSet(time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		if set == nil {
			set = &rrule.Set{}
		}
		for _, p := range todo.Props[goical.PropRecurrenceDates] { // which go-ical leaves out
			d, err := p.DateTime(time.UTC)
			if err != nil {
				t.Fatal(err)
			}
			set.RDate(d)
		}
		var days []string
		next := set.Iterator()
		for d, ok := next(); ok && len(days) < 4; d, ok = next() {
			days = append(days, d.Format("01-02"))
		}
		return strings.Join(days, " ")
	}
	endless := weekly
	endless.Period, endless.End, endless.Last = 1, mapi.EndNever, mapi.MinutesNever
	monthly := mapi.Pattern{Frequency: mapi.Monthly, Type: mapi.PatternMonth, Period: 2, Day: 15, End: mapi.EndNever, Start: mapi.MinutesOf(date(2015, 1, 15)), Last: mapi.MinutesNever}
	for _, tt := range []struct {
		what       string
		p          mapi.Pattern
		start, due time.Time
		want, days string
	}{
		{"the current one was moved", weekly, date(2015, 6, 30), date(2015, 7, 1), "20150630 20150701", "06-30 07-13 07-27 08-10"},
		{"one of an endless series was moved", endless, date(2015, 6, 30), date(2015, 7, 1), "20150630 20150701", "06-30 07-06 07-13 07-20"},
		{"one of an endless series with gaps was moved", monthly, date(2015, 3, 17), date(2015, 3, 17), "20150317 20150317", "03-17 05-15 07-15 09-15"},
		{"one was moved that is due on a day of the series", weekly, date(2015, 6, 26), date(2015, 6, 29), "20150626 20150629", "06-26 06-29 07-13 07-27"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			it := recurring(tt.p, props{mapi.PidLidTaskStartDate: tt.start, mapi.PidLidTaskDueDate: tt.due})
			todo := readCalendar(t, it, "VTODO")
			equal(t, "DTSTART and DUE", valueOf(todo, goical.PropDateTimeStart)+" "+valueOf(todo, goical.PropDue), tt.want)
			equal(t, "days", occurrences(it), tt.days)
		})
	}
	t.Run("the last was put off", func(t *testing.T) {
		it := recurring(weekly, props{mapi.PidLidTaskDueDate: date(2015, 9, 1)})
		equal(t, "RRULE", rule(it), "")
		equal(t, "damage", len(it.Damage), 0)
	})
	t.Run("no dates", func(t *testing.T) {
		equal(t, "days", occurrences(recurring(weekly, nil)), "06-01 06-15 06-29 07-13")
	})
	t.Run("no series", func(t *testing.T) {
		for name, more := range map[string]props{
			"it does not recur any more": {mapi.PidLidTaskFRecurring: false},
			"it was the last":            {mapi.PidLidTaskDeadOccurrence: true},
			"it is done":                 {mapi.PidLidTaskComplete: true},
		} {
			more[mapi.PidLidTaskStartDate] = date(2015, 6, 29)
			equal(t, name, rule(recurring(weekly, more)), "")
		}
	})
	t.Run("again after it was done", func(t *testing.T) {
		for want, p := range map[string]mapi.Pattern{
			"P3D": {Frequency: mapi.Daily, Type: mapi.PatternDay, Period: 3 * mapi.MinutesPerDay}, "P2W": {Frequency: mapi.Weekly, Type: mapi.PatternWeek, Period: 2, Days: 2},
			"P5M": {Frequency: mapi.Monthly, Type: mapi.PatternMonth, Period: 5, Day: 3}, "P1Y": {Frequency: mapi.Yearly, Type: mapi.PatternMonth, Period: 12, Day: 3},
		} {
			p.Sliding, p.End, p.Start, p.Last = 1, mapi.EndNever, mapi.MinutesOf(date(2015, 6, 1)), mapi.MinutesNever
			it := recurring(p, props{mapi.PidLidTaskStartDate: date(2015, 6, 1)})
			todo := readCalendar(t, it, "VTODO")
			equal(t, "RRULE", valueOf(todo, goical.PropRecurrenceRule), "")
			equal(t, "X-PST-REGENERATE", valueOf(todo, "X-PST-REGENERATE"), want)
		}
	})
	t.Run("assigned", func(t *testing.T) {
		const dn = "/o=Org/cn=Recipients/cn=anna"
		entry := mapi.MakeOneOff("Bert Boss", "SMTP", "bert@example.org")
		block := append(binary.LittleEndian.AppendUint32(nil, uint32(len(entry))), entry...)
		block = append(append(block, "Bert Boss\x00"...), wide("Bert Boss\x00")...)
		assigners := append(binary.LittleEndian.AppendUint32([]byte{1, 0, 0, 0}, uint32(len(block))), block...)
		id := []byte("0123456789abcdef")
		m := task(props{
			mapi.PidTagSubject: "Offer", mapi.PidLidTaskOwner: "Anna", mapi.PidLidTaskAssigner: "Bert Boss", mapi.PidLidTaskOwnership: 2, mapi.PidLidTaskAcceptanceState: 2,
			mapi.PidLidTaskAssigners: assigners, mapi.PidLidTaskGlobalId: id, mapi.PidLidTaskLastUser: "Anna", mapi.PidLidTaskActualEffort: 90, mapi.PidLidTaskEstimatedEffort: 480,
		})
		m.rows = []props{row(1, "Anna", "EX", dn)}
		it := convert(t, m)
		equal(t, "owner", it.Task.Owner.Name+" "+it.Task.Owner.Stored, "Anna "+dn)
		equal(t, "assigner", it.Task.Assigner.Name+" "+it.Task.Assigner.SMTP, "Bert Boss bert@example.org")
		equal(t, "accepted", it.Task.Accepted, formats.Accepted)
		equal(t, "UID", it.Task.UID, "30313233343536373839616263646566")
		same(t, "effort", []time.Duration{it.Task.ActualEffort, it.Task.EstimatedEffort}, []time.Duration{90 * time.Minute, 8 * time.Hour})
		var open []string
		it.Participants(func(a *formats.Address) {
			if a.SMTP == "" {
				open = append(open, a.Stored)
			}
		})
		same(t, "to be resolved", open, []string{dn})
		todo := readCalendar(t, it, "VTODO")
		equal(t, "no ORGANIZER, no ATTENDEE", len(todo.Props["ORGANIZER"])+len(todo.Props["ATTENDEE"]), 0)
		equal(t, "X-PST-ASSIGNER", valueOf(todo, "X-PST-ASSIGNER"), "mailto:bert@example.org")
	})
	t.Run("reminder", func(t *testing.T) {
		at := time.Date(2015, 6, 9, 7, 30, 0, 0, time.UTC)
		it := convert(t, task(props{mapi.NameReminderSet: true, mapi.NameReminderTime: at, mapi.NameReminderSignalTime: at}))
		todo := readCalendar(t, it, "VTODO")
		if len(todo.Children) != 1 || valueOf(todo.Children[0], goical.PropTrigger) != "20150609T073000Z" {
			t.Errorf("alarms %+v", todo.Children)
		}
	})
}

// Birthdays are days, whatever the zone they were stored in.
func TestCase34Birthdays(t *testing.T) {
	born := date(1980, 2, 29)
	contact := func(opt outlook.Options, p props) *formats.Item { return convertWith(t, opt, of("IPM.Contact", p)) }
	auckland, kamchatka, pago, berlin := inZone(t, "Pacific/Auckland"), inZone(t, "Asia/Kamchatka"), inZone(t, "Etc/GMT+12"), inZone(t, "Europe/Berlin")
	for name, tt := range map[string]struct {
		opt  outlook.Options
		p    props
		want formats.PartialDate
	}{
		"the date wins over the point of time": {auckland, props{mapi.PidLidBirthdayLocal: born, mapi.PidTagBirthday: born.Add(-10 * time.Hour)}, formats.PartialDate{Year: 1980, Month: 2, Day: 29}},
		"twelve hours ahead":                   {kamchatka, props{mapi.PidTagBirthday: born.Add(-12 * time.Hour)}, formats.PartialDate{Year: 1980, Month: 2, Day: 29}},
		"thirteen hours ahead, in summer":      {auckland, props{mapi.PidTagBirthday: date(2005, 1, 5).Add(-13 * time.Hour)}, formats.PartialDate{Year: 2005, Month: 1, Day: 5}},
		"twelve hours behind":                  {pago, props{mapi.PidTagBirthday: born.Add(12 * time.Hour)}, formats.PartialDate{Year: 1980, Month: 2, Day: 29}},
		"by today's rules of summer time":      {berlin, props{mapi.PidTagBirthday: date(1975, 7, 1).Add(-2 * time.Hour)}, formats.PartialDate{Year: 1975, Month: 7, Day: 1}},
		"somewhere, ahead":                     {outlook.Options{}, props{mapi.PidTagBirthday: born.Add(-12 * time.Hour)}, formats.PartialDate{Year: 1980, Month: 2, Day: 29}},
		"somewhere, behind":                    {outlook.Options{}, props{mapi.PidTagBirthday: born.Add(10 * time.Hour)}, formats.PartialDate{Year: 1980, Month: 2, Day: 29}},
		"elsewhere than where the owner lives": {berlin, props{mapi.PidTagBirthday: born.Add(5 * time.Hour)}, formats.PartialDate{Year: 1980, Month: 2, Day: 29}},
		"before noon of the day, by Exchange":  {auckland, props{mapi.PidTagBirthday: born.Add(12*time.Hour - time.Minute)}, formats.PartialDate{Year: 1980, Month: 2, Day: 29}},
		"no year":                              {auckland, props{mapi.PidLidBirthdayLocal: fileTime(date(1604, 2, 29))}, formats.PartialDate{Month: 2, Day: 29}},
		"no year, by others":                   {auckland, props{mapi.PidLidBirthdayLocal: fileTime(date(1900, 5, 6))}, formats.PartialDate{Month: 5, Day: 6}},
		"in an old year":                       {auckland, props{mapi.PidLidBirthdayLocal: fileTime(date(1890, 5, 6))}, formats.PartialDate{Year: 1890, Month: 5, Day: 6}},
		"none":                                 {auckland, props{mapi.PidTagBirthday: fileTime(date(4501, 1, 1)), mapi.PidLidBirthdayLocal: fileTime(date(1601, 1, 1))}, formats.PartialDate{}},
	} {
		t.Run(name, func(t *testing.T) {
			equal(t, "birthday", contact(tt.opt, tt.p).Contact.Birthday, tt.want)
			anniversary := props{}
			for k, v := range tt.p {
				switch k {
				case mapi.PidLidBirthdayLocal:
					k = mapi.PidLidWeddingAnniversaryLocal
				case mapi.PidTagBirthday:
					k = mapi.PidTagWeddingAnniversary
				}
				anniversary[k] = v
			}
			equal(t, "anniversary", contact(tt.opt, anniversary).Contact.Anniversary, tt.want)
		})
	}
	it := contact(outlook.Options{}, props{mapi.PidLidBirthdayLocal: fileTime(date(1604, 2, 29))})
	equal(t, "BDAY", readCard(t, vcard.V4, it).Value("BDAY"), "--0229")
	v3 := readCard(t, vcard.V3, it).Get("BDAY")
	equal(t, "BDAY in 3.0", v3.Value+" "+v3.Params.Get("X-APPLE-OMIT-YEAR"), "1604-02-29 1604")
}

// Cards of both versions say what the contact says, to a program that is not ours. What else reads them is tried where the
// programs are.
func TestCase35Cards(t *testing.T) {
	png := "\x89PNG\r\n\x1a\nthe rest of the picture"
	m := of("IPM.Contact", props{
		mapi.PidTagDisplayName: "Dr. Anna, Müller; PhD", mapi.PidTagSurname: "Müller; Lüdenscheidt", mapi.PidTagGivenName: "Anna, Maria", mapi.PidTagDisplayNamePrefix: "Dr.",
		mapi.PidTagCompanyName: "Contoso; Ltd, \"Quoted\" \\ Sons", mapi.PidTagDepartmentName: "R; D", mapi.PidTagHomeAddressStreet: "Große Straße 1\r\n3. Etage; links",
		mapi.PidLidYomiFirstName: "アンナ", mapi.PidLidYomiLastName: "ミュラー", mapi.PidLidYomiCompanyName: "コントソ", mapi.PidTagBody: "one, two; three\r\nfour\\n",
	})
	photo := file("ContactPicture.jpg", "image/jpeg", []byte(png))
	photo.props[mapi.PidTagAttachmentContactPhoto] = true
	m.atts = []*att{file("cv.pdf", "application/pdf", []byte("%PDF")), photo}
	it := convert(t, m)
	equal(t, "attachments", len(it.Contact.Attachments), 1)
	for _, v := range []vcard.Version{vcard.V4, vcard.V3} {
		card := readCard(t, v, it)
		name := card.Name()
		// go-vcard leaves escapes in components as they are, and those of semicolons everywhere.
		unescape := strings.NewReplacer(`\;`, ";", `\,`, ",", `\n`, "\n", `\\`, `\`).Replace
		semicolons := strings.NewReplacer(`\;`, ";")
		equal(t, "FN", semicolons.Replace(card.Value("FN")), "Dr. Anna, Müller; PhD")
		equal(t, "the name as a whole", unescape(card.Value("N")), "Müller; Lüdenscheidt;Anna, Maria;;Dr.;")
		if name == nil {
			t.Error("no N")
		}
		equal(t, "ORG", unescape(card.Value("ORG")), "Contoso; Ltd, \"Quoted\" \\ Sons;R; D")
		equal(t, "ADR", unescape(card.Value("ADR")), ";;Große Straße 1\n3. Etage; links;;;;")
		equal(t, "NOTE", semicolons.Replace(card.Value("NOTE")), "one, two; three\nfour\\n")
		equal(t, "Yomi", card.Value("X-PHONETIC-FIRST-NAME")+card.Value("X-PHONETIC-LAST-NAME")+card.Value("X-PHONETIC-ORG"), "アンナミュラーコントソ")
		p := card.Get("PHOTO")
		if v == vcard.V4 && !strings.HasPrefix(p.Value, "data:image/png;base64,") || v == vcard.V3 && !slices.Contains(p.Params.Types(), "png") {
			t.Errorf("the picture in %v is %.40q %v", v, p.Value, p.Params)
		}
	}
}

// A journal's text is mostly RTF alone, and a note has a colour.
func TestCase36JournalsAndNotes(t *testing.T) {
	start := time.Date(2014, 3, 5, 9, 0, 0, 0, time.UTC)
	it := convert(t, of("IPM.Activity", props{
		mapi.PidTagSubject: "Call", mapi.PidTagRtfCompressed: rtf.Compress([]byte(`{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Arial;}}\pard Gr\'fc\'dfe an \b alle\b0\par}`)),
		mapi.PidLidLogType: "Phone call", mapi.PidLidLogTypeDesc: "Telefonat", mapi.PidLidLogStart: start, mapi.PidLidLogEnd: start.Add(time.Hour), mapi.PidLidLogDuration: 25,
		mapi.PidLidCompanies: []string{"Contoso, Ltd"}, mapi.PidLidContacts: []string{"Anna", "Bert"}, mapi.PidNameKeywords: []string{"Red"},
	}))
	j := it.Journal
	equal(t, "activity", j.Activity, "Telefonat")
	equal(t, "text", strings.TrimSpace(contentOf(t, &formats.Part{Content: j.Text})), "Grüße an alle")
	equal(t, "time", fmt.Sprint(j.Start, j.End, j.Duration), "2014-03-05T09:00:00Z 2014-03-05T10:00:00Z 25m0s")
	read := readCalendar(t, it, "VJOURNAL")
	equal(t, "CATEGORIES", valueOf(read, goical.PropCategories), "Telefonat,Red")
	equal(t, "DESCRIPTION", strings.TrimSpace(textOf(t, read, goical.PropDescription)), "Grüße an alle")
	equal(t, "X-PST-DURATION", valueOf(read, "X-PST-DURATION"), "PT25M")
	equal(t, "X-PST-COMPANIES", valueOf(read, "X-PST-COMPANIES"), `Contoso\, Ltd`)
	equal(t, "CONTACT", len(read.Props["CONTACT"]), 2)

	for number, name := range []string{"blue", "green", "pink", "yellow", "white", ""} {
		it := convert(t, of("IPM.StickyNote", props{mapi.PidTagBody: "\r\nFirst line\r\nsecond", mapi.PidLidNoteColor: number, mapi.PidLidNoteWidth: 200, mapi.PidLidNoteHeight: 166}))
		read := readCalendar(t, it, "VJOURNAL")
		equal(t, "SUMMARY", textOf(t, read, goical.PropSummary), "First line")
		equal(t, "COLOR", textOf(t, read, goical.PropColor), name)
		equal(t, "no DTSTART", valueOf(read, goical.PropDateTimeStart), "")
		equal(t, "size", valueOf(read, "X-PST-NOTE-SIZE"), `200\,166`)
		equal(t, "the item's subject", it.Subject, "First line")
	}
}

func TestMailAddressesOfContacts(t *testing.T) {
	const dn = "/o=Org/ou=Site/cn=Recipients/cn=anna"
	for name, tt := range map[string]struct {
		p    props
		want string
	}{
		"SMTP":                             {props{mapi.PidLidEmail1EmailAddress: "anna@example.org", mapi.PidLidEmail1DisplayName: "Anna (anna@example.org)"}, "Anna|anna@example.org|anna@example.org|stored"},
		"the same in all":                  {props{mapi.PidLidEmail1EmailAddress: "anna@example.org", mapi.PidLidEmail2EmailAddress: "ANNA@example.org", mapi.PidLidEmail3EmailAddress: "x@example.org"}, "|anna@example.org|anna@example.org|stored |x@example.org|x@example.org|stored"},
		"Exchange, open":                   {props{mapi.PidLidEmail1EmailAddress: dn, mapi.PidLidEmail1AddressType: "EX", mapi.PidLidEmail1DisplayName: "Anna"}, "Anna|" + dn + "||none"},
		"Exchange, by the original name":   {props{mapi.PidLidEmail2EmailAddress: dn, mapi.PidLidEmail2OriginalDisplayName: "anna@example.org"}, "|" + dn + "|anna@example.org|item"},
		"Exchange, by the parentheses":     {props{mapi.PidLidEmail3EmailAddress: dn, mapi.PidLidEmail3DisplayName: "Anna (anna@example.org)"}, "Anna|" + dn + "|anna@example.org|item"},
		"by the entry id alone":            {props{mapi.PidLidEmail1OriginalEntryId: mapi.MakeOneOff("Anna", "SMTP", "anna@example.org")}, "Anna|anna@example.org|anna@example.org|item"},
		"imported, as a directory's entry": {props{mapi.PidTagEmailAddress: "anna@example.org", mapi.PidTagAddressType: "SMTP"}, "|anna@example.org|anna@example.org|stored"},
		"a name and no address":            {props{mapi.PidLidEmail1DisplayName: "Anna"}, ""},
		"what is a fax":                    {props{mapi.PidLidEmail1AddressType: "FAX", mapi.PidLidEmail1EmailAddress: "Anna@+49 30 1"}, ""},
		"encapsulated":                     {props{mapi.PidLidEmail1EmailAddress: "IMCEASMTP-anna+40example+2Eorg@outer.example"}, "|IMCEASMTP-anna+40example+2Eorg@outer.example|anna@example.org|stored"},
	} {
		t.Run(name, func(t *testing.T) {
			it := convert(t, of("IPM.Contact", tt.p))
			var got []string
			n := 0
			it.Participants(func(*formats.Address) { n++ })
			for _, a := range it.Contact.Emails {
				got = append(got, strings.Join([]string{a.Name, a.Stored, a.SMTP, string(a.Via)}, "|"))
			}
			equal(t, "addresses", strings.Join(got, " "), tt.want)
			equal(t, "participants", n, len(got))
			if name == "what is a fax" {
				same(t, "phones", it.Contact.Phones, []formats.Phone{{Number: "+49 30 1", Kind: formats.PhoneFax}})
			}
		})
	}
}

// Fields that people make up have names of any sort; what programs keep beside them is none.
func TestCustomFields(t *testing.T) {
	public := func(name string) mapi.Name { return mapi.Named(mapi.PSPublicStrings, name) }
	it := convert(t, of("IPM.Contact", props{
		public("Kundennummer"): 4711, public("VIP"): true, public("Größe"): "XL", public("grö"): "small", public("客户"): "yes", public("Rate"): float(1.5), public("seit"): nine,
		public("Farben"): []string{"rot", "blau"}, public("Exchange rate"): "1.1", public("Internet"): "DSL", public("leer"): "",
		public("Preis"):                        mapi.Value{Type: mapi.Currency, Data: binary.LittleEndian.AppendUint64(nil, 123400)},
		public("urn:schemas:calendar:version"): "2.0", public("http://schemas.microsoft.com/x"): "y", public("OnlineMeetingConfLink"): "conf:x", public("x-ms-exchange-z"): "z",
		public("Keywords"): []string{"Red"}, mapi.Named(mapi.PSCommon, "TeeVersion"): "3",
	}))
	card := readCard(t, vcard.V4, it)
	got := make(map[string]string)
	for name, fields := range card {
		for _, f := range fields {
			if !strings.HasPrefix(name, "X-PST-") {
				continue
			}
			got[f.Params.Get("X-NAME")] = f.Value
		}
	}
	same(t, "fields", got, map[string]string{
		"Kundennummer": "4711", "VIP": "true", "Größe": "XL", "grö": "small", "客户": "yes", "Rate": "1.5", "seit": "2014-03-05T09:00:00Z", "Farben": "rot, blau",
		"Exchange rate": "1.1", "Internet": "DSL", "Preis": "12.34",
	})
	same(t, "names in the card", []bool{card.Get("X-PST-KUNDENNUMMER") != nil, card.Get("X-PST-FIELD") != nil}, []bool{true, true})
}

func TestCertificatesOfContacts(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	setting := func(tag uint16, data []byte) []byte {
		b := binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(nil, tag), uint16(len(data)+4))
		return append(b, data...)
	}
	settings := slices.Concat(setting(1, []byte{1, 0, 0, 0}), setting(2, []byte{0x30, 0}), setting(3, der), setting(8, der), setting(0x22, make([]byte, 20)))
	it := convert(t, of("IPM.Contact", props{mapi.PidTagUserX509Certificate: binaries(settings, der, []byte{0x30, 1, 2}, []byte("else"), nil)}))
	var got []string
	for _, k := range it.Contact.Keys {
		got = append(got, k.Type)
		if k.Type == "application/pkix-cert" && contentOf(t, k) != string(der) {
			t.Error("another certificate")
		}
	}
	same(t, "keys", got, []string{"application/pkix-cert", "application/pkix-cert", "application/pkcs7-mime", "application/octet-stream"})
	equal(t, "KEY", len(readCard(t, vcard.V3, it)[govcard.FieldKey]), 4)
}

// A flag makes a task of a mail only where that is asked for.
func TestFlaggedMail(t *testing.T) {
	due, done := date(2014, 3, 28), time.Date(2014, 3, 27, 15, 4, 0, 0, time.UTC)
	flagged := func(more props) *msg {
		p := props{
			mapi.PidTagSubject: "Offer", mapi.PidTagFlagStatus: 2, mapi.PidLidFlagRequest: "Call", mapi.PidTagFollowupIcon: 6, mapi.PidTagImportance: 2,
			mapi.PidLidTaskStartDate: due.AddDate(0, 0, -1), mapi.PidLidTaskDueDate: due, mapi.NameReminderSet: true, mapi.NameReminderTime: done,
			mapi.PidTagInternetMessageId: "<1@example.org>",
		}
		for k, v := range more {
			p[k] = v
		}
		return note(p)
	}
	if it := convert(t, flagged(nil)); it.FollowUp != nil {
		t.Error("a task that nobody asked for")
	}
	opt := outlook.Options{FollowUps: true}
	task := func(m *msg) (*formats.Item, *goical.Component) {
		it := convertWith(t, opt, m)
		if it.FollowUp == nil {
			t.Fatal("no task")
		}
		return it, readCalendar(t, &formats.Item{Entry: formats.Entry{Kind: formats.KindTask}, Task: it.FollowUp}, "VTODO")
	}
	it, todo := task(flagged(nil))
	equal(t, "the mail", it.Kind, formats.KindMail)
	for name, want := range map[string]string{
		"SUMMARY": "Offer", "DTSTART": "20140327", "DUE": "20140328", "STATUS": "NEEDS-ACTION", "PRIORITY": "1", "COLOR": "red", "X-PST-FLAG": "Call", "X-PST-MESSAGE-ID": "<1@example.org>",
	} {
		equal(t, name, valueOf(todo, name), want)
	}
	equal(t, "TRIGGER", valueOf(todo.Children[0], "TRIGGER"), "20140327T150400Z")
	_, todo = task(flagged(props{mapi.PidTagFlagStatus: 1, mapi.PidTagFlagCompleteTime: done, mapi.PidLidToDoTitle: "Call Anna"}))
	equal(t, "SUMMARY", valueOf(todo, "SUMMARY"), "Call Anna")
	equal(t, "STATUS", valueOf(todo, "STATUS")+" "+valueOf(todo, "COMPLETED"), "COMPLETED 20140327T150400Z")
	again, _ := task(flagged(nil))
	equal(t, "UID", again.FollowUp.UID, it.FollowUp.UID)
	for name, m := range map[string]*msg{"no flag": flagged(props{mapi.PidTagFlagStatus: 0}), "a task": of("IPM.Task", props{mapi.PidTagFlagStatus: 2}), "a meeting": of("IPM.Appointment", props{mapi.PidTagFlagStatus: 2})} {
		if it := convertWith(t, opt, m); it.FollowUp != nil {
			t.Errorf("%s: %+v", name, it.FollowUp)
		}
	}
	contact := flagged(nil)
	contact.props[mapi.PidTagMessageClass] = "IPM.Contact"
	it, todo = task(contact)
	equal(t, "X-PST-UID", valueOf(todo, "X-PST-UID"), it.Contact.UID)
}
