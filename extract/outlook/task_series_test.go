package outlook_test

import (
	"testing"
	"time"

	goical "github.com/emersion/go-ical"
	"github.com/teambition/rrule-go"
	"pgregory.net/rapid"

	"mailmill/formats/mapi"
	"mailmill/formats/recur"
)

// TestTaskSeries takes a random series at a random task of it: what rrule-go makes of the task is what the pattern has from
// there on, day by day.
func TestTaskSeries(t *testing.T) {
	const most = 40
	rapid.Check(t, func(rt *rapid.T) {
		p := mapi.Pattern{
			Start: mapi.MinutesOf(date(2007, 1, 1).AddDate(0, 0, rapid.IntRange(0, 800).Draw(rt, "start"))), FirstDay: uint32(rapid.IntRange(0, 6).Draw(rt, "first day")), Last: mapi.MinutesNever,
		}
		period := uint32(rapid.IntRange(1, 4).Draw(rt, "period"))
		switch rapid.IntRange(0, 4).Draw(rt, "type") {
		case 0:
			p.Frequency, p.Type, p.Period = mapi.Daily, mapi.PatternDay, period*mapi.MinutesPerDay
		case 1:
			p.Frequency, p.Type, p.Period, p.Days = mapi.Weekly, mapi.PatternWeek, period, mapi.Weekdays(rapid.IntRange(1, 127).Draw(rt, "weekdays"))
		case 2:
			p.Frequency, p.Type, p.Period, p.Day = mapi.Monthly, mapi.PatternMonth, period, uint32(rapid.IntRange(1, 31).Draw(rt, "day"))
		case 3:
			p.Frequency, p.Type, p.Period, p.Days, p.Nth = mapi.Monthly, mapi.PatternMonthNth, period, 1<<rapid.IntRange(0, 6).Draw(rt, "weekday"), uint32(rapid.IntRange(1, 5).Draw(rt, "nth"))
		default:
			p.Frequency, p.Type, p.Period, p.Day = mapi.Yearly, mapi.PatternMonth, 12, uint32(rapid.IntRange(1, 31).Draw(rt, "day"))
		}
		switch rapid.IntRange(0, 2).Draw(rt, "end") {
		case 0:
			p.End = mapi.EndNever
		case 1:
			p.End, p.Count = mapi.EndAfter, uint32(rapid.IntRange(1, 60).Draw(rt, "count"))
		default:
			p.End, p.Last = mapi.EndByDate, p.Start+mapi.Minutes(rapid.IntRange(0, 4000).Draw(rt, "length"))*mapi.MinutesPerDay
		}
		p.First = p.Phase()
		var all []string
		for day := range recur.Days(&p, mapi.MinutesNever) {
			if all = append(all, day.Time().Format(time.DateOnly)); len(all) == 3*most {
				break
			}
		}
		if len(all) == 0 {
			return // nothing ever takes place
		}
		blob, err := p.EncodeTask()
		if err != nil {
			rt.Fatal(err)
		}
		done := rapid.IntRange(0, min(len(all)-1, most)).Draw(rt, "done")
		current, err := time.Parse(time.DateOnly, all[done])
		if err != nil {
			rt.Fatal(err)
		}
		moved := time.Duration(rapid.SampledFrom([]int{0, 0, 0, 1, 3, -2}).Draw(rt, "moved")) * 24 * time.Hour
		at := current.Add(moved)
		want := []string{at.Format(time.DateOnly)}
		for _, day := range all {
			if day > want[0] {
				want = append(want, day)
			}
		}
		it := convert(t, of("IPM.Task", props{mapi.PidLidTaskRecurrence: blob, mapi.PidLidTaskFRecurring: true, mapi.PidLidTaskStartDate: at, mapi.PidLidTaskDueDate: at.AddDate(0, 0, 1)}))
		if len(it.Damage) > 0 {
			rt.Fatalf("damage %v", it.Damage)
		}
		todo := readCalendar(t, it, "VTODO")
		set, err := todo.RecurrenceSet(time.UTC)
		if err != nil {
			rt.Fatal(err)
		}
		if set == nil {
			set = &rrule.Set{}
			set.RDate(at) // as a task that does not recur
		}
		for _, p := range todo.Props[goical.PropRecurrenceDates] {
			d, err := p.DateTime(time.UTC)
			if err != nil {
				rt.Fatal(err)
			}
			set.RDate(d)
		}
		var got []string
		next := set.Iterator()
		for d, ok := next(); ok && len(got) < most; d, ok = next() {
			got = append(got, d.Format(time.DateOnly))
		}
		want = want[:min(len(want), most)]
		if len(got) != len(want) {
			rt.Fatalf("%d days, want %d\n%v\n%v\n%v", len(got), len(want), got, want, todo.Props)
		}
		for i := range got {
			if got[i] != want[i] {
				rt.Fatalf("day %d is %s, want %s\n%v\n%v\n%v", i, got[i], want[i], got, want, todo.Props["RRULE"])
			}
		}
	})
}
