package outlook_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/pst"
)

// trueEvent is what the generator says of an event.
type trueEvent struct {
	truth
	Recipients  []trueAttendee
	Appointment *trueAppointment
	Response    string
	Counter     *struct{ Start, End string }
}

type trueAttendee struct {
	truePerson
	Status int `json:"response_status"`
}

type trueAppointment struct {
	Start    string   `json:"start_utc"`
	End      string   `json:"end_utc"`
	Zone     string   `json:"tz_iana"`
	AllDay   bool     `json:"all_day"`
	Dates    []string `json:"all_day_dates"`
	Location string
	Busy     int `json:"busy_status"`
	Private  bool
	Reminder *int   `json:"reminder_minutes"`
	UID      string `json:"global_object_id"`
	Method   string `json:"meeting"`
	Series   *struct {
		Occurrences []string `json:"occurrences_utc"`
		Dates       []string `json:"occurrences_dates"`
		Total       int
		Modified    []struct {
			Original     string `json:"original_utc"`
			Start        string `json:"start_utc"`
			End          string `json:"end_utc"`
			OriginalDate string `json:"original_date"`
			StartDate    string `json:"start_date"`
			EndDate      string `json:"end_date"`
			Subject      string
			Location     string
			Busy         *int `json:"busy_status"`
			Reminder     *int `json:"reminder_minutes"`
		}
	} `json:"recurrence"`
}

func TestEventTruth(t *testing.T) {
	for _, name := range []string{"tiny", "small"} {
		t.Run(name, func(t *testing.T) {
			compareEvents(t, corpustest.File(t, "synthetic/"+name+".pst"), corpustest.File(t, "synthetic/"+name+".jsonl"))
		})
	}
}

func TestEventTruthOfOtherSeeds(t *testing.T) {
	if testing.Short() {
		t.Skip("it generates archives")
	}
	archive, lines := corpustest.Generate(t, "-preset", "tiny", "-seed", "815")
	compareEvents(t, archive, lines)
}

func compareEvents(t *testing.T, archive, lines string) {
	f, err := pst.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in, err := os.Open(lines)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	s := &score{make(map[string]int), make(map[string]int), make(map[string]int), t}
	c := outlook.New(outlook.Options{Owner: ownerOf(f)})
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		var w trueEvent
		if err := json.Unmarshal(sc.Bytes(), &w); err != nil {
			t.Fatal(err)
		}
		if w.Kind != "appointment" {
			continue
		}
		nid, err := strconv.ParseUint(strings.TrimPrefix(w.NID, "0x"), 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		m, err := f.Message(pst.NID(nid))
		if err != nil {
			t.Fatalf("%s: %v", w.NID, err)
		}
		it, err := c.Item(formats.Entry{}, m)
		if err != nil {
			t.Fatalf("%s: %v", w.NID, err)
		}
		s.event(&w, it)
	}
	if err := sc.Err(); err != nil {
		t.Fatal(err)
	}
	var topics []string
	for k := range s.right {
		topics = append(topics, k)
	}
	sort.Strings(topics)
	for _, k := range topics {
		t.Logf("%-28s %6d right %4d wrong", k, s.right[k], s.wrong[k])
	}
}

// ownerOf returns who received the mail of an archive.
func ownerOf(f *pst.File) func() *formats.Address {
	return sync.OnceValue(func() *formats.Address {
		c := outlook.New(outlook.Options{})
		for id := range f.Nodes() {
			if pst.KindOf(id) != pst.KindMessage {
				continue
			}
			if m, err := f.Message(id); err == nil {
				if a := c.Receiver(m); a != nil {
					return a
				}
			}
		}
		return nil
	})
}

var (
	busyNames  = []string{"FREE", "TENTATIVE", "BUSY", "OOF", "WORKINGELSEWHERE"}
	roleNames  = map[string]string{"required": "REQ-PARTICIPANT", "optional": "OPT-PARTICIPANT", "resource": "NON-PARTICIPANT"}
	stateNames = []string{"NEEDS-ACTION", "ACCEPTED", "TENTATIVE", "ACCEPTED", "DECLINED", "NEEDS-ACTION"}
)

func (s *score) event(w *trueEvent, it *formats.Item) {
	where := w.NID + " " + w.Subject
	is := func(topic string, got, want any) {
		s.t.Helper()
		s.check(topic, where, fmt.Sprint(got) == fmt.Sprint(want), got, want)
	}
	is("damage", it.Damage, []formats.Damage(nil))
	if it.Event == nil {
		is("event", "none", "one")
		return
	}
	text := calendarOf(s.t, it)
	events := readEvents(s.t, text)
	v, a := events[0], w.Appointment
	iso := func(t time.Time) string { return t.Format("2006-01-02T15:04:05Z") }
	is("uid", v.text("UID"), a.UID)
	is("summary", v.text("SUMMARY"), w.Subject)
	is("location", v.text("LOCATION"), a.Location)
	is("all day", v.date, a.AllDay)
	if a.AllDay {
		is("dates", []string{v.start.Format(time.DateOnly), v.end.Format(time.DateOnly)}, a.Dates)
	} else {
		is("start", iso(v.start), a.Start)
		is("zone", v.zone, a.Zone)
		if a.End == a.Start {
			is("no end", v.Props.Get("DTEND") == nil, true)
		} else {
			is("end", iso(v.end), a.End)
		}
	}
	is("busy", v.text("X-MICROSOFT-CDO-BUSYSTATUS"), busyNames[a.Busy])
	class := ""
	if a.Private {
		class = "PRIVATE"
	}
	is("class", v.text("CLASS"), class)
	var reminder []string
	for _, alarm := range v.Children {
		reminder = append(reminder, alarm.Props.Get("TRIGGER").Value)
	}
	var wantReminder []string
	if a.Reminder != nil {
		wantReminder = []string{"-" + fmt.Sprintf("PT%dM", *a.Reminder)}
		if *a.Reminder == 0 {
			wantReminder = []string{"PT0M"}
		}
	}
	is("reminder", reminder, wantReminder)
	if list := v.Props.Get("CATEGORIES"); list != nil || len(w.Categories) > 0 {
		got, _ := list.TextList()
		is("categories", got, w.Categories)
	}
	s.attendees(where, v, w, it.Event)
	if a.Series == nil {
		is("single", v.Props.Get("RRULE") == nil && len(events) == 1, true)
		return
	}
	happens := expand(s.t, text, 50)
	var got []string
	for _, h := range happens {
		if a.AllDay {
			got = append(got, h.start.Format(time.DateOnly))
		} else {
			got = append(got, iso(h.start))
		}
	}
	want := a.Series.Occurrences
	if a.AllDay {
		want = a.Series.Dates
	}
	is("occurrences", got, want)
	is("number of occurrences", len(expand(s.t, text, 1<<16)) == a.Series.Total || a.Series.Total == 0, true)
	is("number of exceptions", len(events)-1, len(a.Series.Modified))
	byID := make(map[string]*vevent)
	for _, e := range events[1:] {
		byID[iso(e.id)] = e
	}
	for _, x := range a.Series.Modified {
		id, start, end := x.Original, x.Start, x.End
		if a.AllDay {
			id, start, end = x.OriginalDate+"T00:00:00Z", x.StartDate+"T00:00:00Z", x.EndDate+"T00:00:00Z"
		}
		e := byID[id]
		if e == nil {
			is("exception", "none", id)
			continue
		}
		is("exception start", iso(e.start), start)
		is("exception end", iso(e.end), end)
		subject, location, busy := w.Subject, a.Location, a.Busy
		if x.Subject != "" {
			subject = x.Subject
		}
		if x.Location != "" {
			location = x.Location
		}
		if x.Busy != nil {
			busy = *x.Busy
		}
		is("exception summary", e.text("SUMMARY"), subject)
		is("exception location", e.text("LOCATION"), location)
		is("exception busy", e.text("X-MICROSOFT-CDO-BUSYSTATUS"), busyNames[busy])
		is("exception uid", e.text("UID"), a.UID)
		var got []string
		for _, alarm := range e.Children {
			got = append(got, alarm.Props.Get("TRIGGER").Value)
		}
		want := wantReminder
		if x.Reminder != nil {
			want = []string{strings.Replace(fmt.Sprintf("-PT%dM", *x.Reminder), "-PT0M", "PT0M", 1)}
		}
		is("exception reminder", got, want)
		is("exception attendees", len(e.Props["ATTENDEE"]), len(v.Props["ATTENDEE"]))
	}
}

// attendees compares who takes part. A meeting is what has anybody but its organizer.
func (s *score) attendees(where string, v *vevent, w *trueEvent, e *formats.Event) {
	is := func(topic string, got, want any) {
		s.t.Helper()
		s.check(topic, where, fmt.Sprint(got) == fmt.Sprint(want), got, want)
	}
	var organizer *trueAttendee
	want := make(map[string]string)
	for i := range w.Recipients {
		r := &w.Recipients[i]
		if r.Role == "organizer" {
			organizer = r
			continue
		}
		name := r.Name
		if strings.EqualFold(name, r.SMTP) {
			name = "" // it only repeats the address
		}
		want[r.Stored] = fmt.Sprintf("%s %s %s", name, roleNames[r.Role], stateNames[r.Status])
	}
	if len(want) == 0 && e.Meeting == nil {
		is("no organizer", v.Props.Get("ORGANIZER") == nil && v.Props.Get("ATTENDEE") == nil, true)
		return
	}
	if e.Meeting == nil {
		is("meeting", "none", want)
		return
	}
	s.person("organizer", where, e.Meeting.Organizer, &organizer.truePerson)
	got := make(map[string]string)
	list := v.Props["ATTENDEE"]
	is("attendees written", len(list), len(e.Meeting.Attendees))
	for i, a := range e.Meeting.Attendees {
		p := list[i]
		name := p.Params.Get("CN")
		got[a.Address.Stored] = fmt.Sprintf("%s %s %s", name, p.Params.Get("ROLE"), p.Params.Get("PARTSTAT"))
		if a.Address.SMTP != "" {
			addr, _ := url.PathUnescape(p.Value)
			is("attendee address", addr, "mailto:"+a.Address.SMTP)
		}
	}
	is("attendees", got, want)
}
