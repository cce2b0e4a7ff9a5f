package outlook_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/mapi"
	"mailmill/formats/pst"
)

// calendarIn returns the calendar that a mail has beside its text, and its method.
func calendarIn(t *testing.T, mail *formats.Mail) (text, method string) {
	t.Helper()
	p := mail.Root
	for p.Type != "multipart/alternative" {
		if len(p.Parts) == 0 {
			return "", ""
		}
		p = p.Parts[0]
	}
	part := p.Parts[len(p.Parts)-1]
	if part.Type != "text/calendar" {
		return "", ""
	}
	if p.Parts[0].Type != "text/plain" {
		t.Errorf("the first part is %s", p.Parts[0].Type)
	}
	for _, param := range part.Params {
		if param.Name == "method" {
			method = param.Value
		}
	}
	text = contentOf(t, part)
	if !strings.Contains(text, "\r\nMETHOD:"+method+"\r\n") {
		t.Errorf("the method is %s and not that of\n%s", method, text)
	}
	return text, method
}

// TestMeetingMailTruth compares what mail about meetings has for calendars with the truth.
func TestMeetingMailTruth(t *testing.T) {
	for _, name := range []string{"tiny", "small"} {
		f, err := pst.Open(corpustest.File(t, "synthetic/"+name+".pst"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		in, err := os.Open(corpustest.File(t, "synthetic/"+name+".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		c := outlook.New(outlook.Options{Owner: ownerOf(f)})
		sc := bufio.NewScanner(in)
		sc.Buffer(nil, 64<<20)
		kinds := make(map[string]int)
		for sc.Scan() {
			var w trueEvent
			if err := json.Unmarshal(sc.Bytes(), &w); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(w.Kind, "meeting-") {
				continue
			}
			nid, err := strconv.ParseUint(strings.TrimPrefix(w.NID, "0x"), 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			m, err := f.Message(pst.NID(nid))
			if err != nil {
				t.Fatal(err)
			}
			it, err := c.Item(formats.Entry{}, m)
			if err != nil || len(it.Damage) > 0 {
				t.Fatal(err, it.Damage)
			}
			where := w.NID + " " + w.Class
			text, method := calendarIn(t, it.Mail)
			kinds[method]++
			v := readEvents(t, text)[0]
			a := w.Appointment
			want := map[string]string{"request": "REQUEST", "cancel": "CANCEL", "response": "REPLY"}[a.Method]
			start, end := a.Start, a.End
			if w.Counter != nil {
				want, start, end = "COUNTER", w.Counter.Start, w.Counter.End
			}
			if method != want {
				t.Errorf("%s: the method is %s, want %s", where, method, want)
			}
			if a.AllDay && w.Counter == nil {
				start, end = a.Dates[0]+"T00:00:00Z", a.Dates[1]+"T00:00:00Z"
			}
			got := fmt.Sprint(v.text("UID"), v.start.Format("2006-01-02T15:04:05Z"), v.end.Format("2006-01-02T15:04:05Z"), v.text("STATUS") == "CANCELLED")
			if want := fmt.Sprint(a.UID, start, end, want == "CANCEL"); got != want {
				t.Errorf("%s: %s, want %s", where, got, want)
			}
			if a.Series != nil && want != "COUNTER" {
				var days []string
				for _, h := range expand(t, text, 50) {
					days = append(days, h.start.Format("2006-01-02T15:04:05Z"))
				}
				if fmt.Sprint(days) != fmt.Sprint(a.Series.Occurrences) {
					t.Errorf("%s: it is on %v, want %v", where, days, a.Series.Occurrences)
				}
			}
			attendees := v.Props["ATTENDEE"]
			organizer := v.Props.Get("ORGANIZER")
			if organizer == nil {
				t.Fatalf("%s: there is no organizer in\n%s", where, text)
			}
			if a.Method == "response" {
				status := map[string]string{"accepted": "ACCEPTED", "declined": "DECLINED", "tentative": "TENTATIVE"}[w.Response]
				if len(attendees) != 1 || attendees[0].Params.Get("PARTSTAT") != status || attendees[0].Params.Get("CN") != w.From.Name {
					t.Errorf("%s: %v, want %s by %s", where, attendees, status, w.From.Name)
				}
				continue
			}
			if len(attendees) != len(w.Recipients) || organizer.Params.Get("CN") != w.From.Name {
				t.Errorf("%s: %s and %d others, want %s and %d", where, organizer.Params.Get("CN"), len(attendees), w.From.Name, len(w.Recipients))
			}
			for _, p := range attendees {
				if s := p.Params.Get("PARTSTAT"); s != "NEEDS-ACTION" {
					t.Errorf("%s: %s has said %s", where, p.Value, s)
				}
			}
		}
		if kinds["REQUEST"] == 0 || kinds["CANCEL"] == 0 || kinds["REPLY"] < 3 || kinds["COUNTER"] == 0 {
			t.Errorf("%s has %v", name, kinds)
		}
	}
}

func TestMeetingMail(t *testing.T) {
	invitation := func(class string, p props) *msg {
		m := single(at(2015, 3, 30, 7, 0), at(2015, 3, 30, 8, 0), p)
		m.props[mapi.PidTagMessageClass] = class
		m.props[mapi.PidTagClientSubmitTime], m.props[mapi.PidTagBody] = at(2015, 3, 2, 8, 0), "Komm bitte."
		m.rows = []props{row(1, "Anna", "EX", "/o=Org/ou=Site/cn=Recipients/cn=anna")}
		return m.from("Olga", "olga@example.org")
	}
	it := convert(t, invitation("IPM.Schedule.Meeting.Request", props{mapi.PidTagHtml: []byte("<p>Komm <b>bitte</b>.</p>")}))
	// Who is resolved later has the address in the calendar, too.
	it.Participants(func(a *formats.Address) {
		if a.SMTP == "" && strings.HasSuffix(a.Stored, "cn=anna") {
			a.SMTP = "anna@example.org"
		}
	})
	text, method := calendarIn(t, it.Mail)
	if method != "REQUEST" || !strings.Contains(strings.ReplaceAll(text, "\r\n ", ""), ":mailto:anna@example.org") {
		t.Errorf("%s\n%s", method, text)
	}
	if n := len(it.Mail.Root.Parts); n != 3 || it.Mail.HTML == nil || it.Mail.Text == nil {
		t.Errorf("there are %d parts", n)
	}
	b := string(written(t, it))
	if !strings.Contains(b, "Content-Type: text/calendar; charset=utf-8; method=REQUEST\r\n") {
		t.Errorf("the mail is\n%s", b)
	}

	// An exception of a series is in the calendar, and no file.
	series := recurring(t, mondays(), nil)
	series.props[mapi.PidTagMessageClass] = "IPM.Schedule.Meeting.Canceled"
	series.atts = []*att{
		exception(props{mapi.PidLidExceptionReplaceTime: at(2015, 3, 23, 8, 0), mapi.PidLidAppointmentStartWhole: at(2015, 3, 24, 8, 0), mapi.PidLidAppointmentEndWhole: at(2015, 3, 24, 9, 0)}),
		file("plan.txt", "text/plain", []byte("P")),
	}
	it = convert(t, series.from("Olga", "olga@example.org"))
	text, method = calendarIn(t, it.Mail)
	if list := readEvents(t, text); method != "CANCEL" || len(list) != 2 || list[0].text("STATUS") != "CANCELLED" {
		t.Errorf("%s\n%s", method, text)
	}
	if n := len(it.Mail.Root.Parts); n != 2 || it.Mail.Root.Parts[1].Name != "plan.txt" {
		t.Errorf("the mail has %d parts", n)
	}

	// An event that is attached to a mail is there for calendars, too.
	mail := note(nil)
	mail.atts = []*att{inside(single(at(2015, 3, 30, 7, 0), at(2015, 3, 30, 8, 0), nil))}
	it = convert(t, mail)
	for _, p := range it.Mail.Root.Parts {
		if p.Message != nil {
			if _, method := calendarIn(t, p.Message); method != "PUBLISH" {
				t.Errorf("the method is %q", method)
			}
		}
	}

	for _, class := range []string{"IPM.Note", "IPM.Schedule.Meeting.Notification.Forward", "IPM.Schedule.Inquiry", "IPM.Schedule", "IPM.TaskRequest"} {
		if text, _ := calendarIn(t, convert(t, invitation(class, nil)).Mail); text != "" {
			t.Errorf("%s has a calendar", class)
		}
	}
}
