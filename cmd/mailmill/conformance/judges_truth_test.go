package conformance

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// truthGroupware is what the generator says about what is no mail, beside what [truthItem] has.
type truthGroupware struct {
	truthItem
	Appointment *truthEvent   `json:"appointment"`
	Task        *truthTask    `json:"task"`
	Contact     *truthContact `json:"contact"`
	Members     []struct {
		truthAddr
		Kind       string `json:"kind"`
		ContactNID string `json:"contact_nid"`
	} `json:"members"`
	Extra map[string]any `json:"extra"`
}

type truthEvent struct {
	Start      string       `json:"start_utc"`
	End        string       `json:"end_utc"`
	Zone       string       `json:"tz_iana"`
	AllDay     bool         `json:"all_day"`
	Dates      []string     `json:"all_day_dates"` // the first day, and that after the last
	Location   string       `json:"location"`
	Busy       int          `json:"busy_status"`
	Private    bool         `json:"private"`
	Reminder   *int         `json:"reminder_minutes"`
	ID         string       `json:"global_object_id"`
	Recurrence *truthSeries `json:"recurrence"`
}

type truthSeries struct {
	Deleted      []string `json:"deleted_utc"`
	DeletedDates []string `json:"deleted_dates"`
	Starts       []string `json:"occurrences_utc"`
	Dates        []string `json:"occurrences_dates"`
	Modified     []struct {
		Original     string `json:"original_utc"`
		Start        string `json:"start_utc"`
		End          string `json:"end_utc"`
		OriginalDate string `json:"original_date"`
		StartDate    string `json:"start_date"`
		EndDate      string `json:"end_date"`
		Subject      string `json:"subject"`
		Location     string `json:"location"`
		Busy         *int   `json:"busy_status"`
		Reminder     *int   `json:"reminder_minutes"`
	} `json:"modified"`
}

type truthTask struct {
	Status     int          `json:"status"`
	Percent    float64      `json:"percent"`
	Start      string       `json:"start"`
	Due        string       `json:"due"`
	Completed  string       `json:"completed"`
	Recurrence *truthSeries `json:"recurrence"`
}

type truthContact struct {
	Name     string            `json:"display_name"`
	Given    string            `json:"given"`
	Middle   string            `json:"middle"`
	Surname  string            `json:"surname"`
	Company  string            `json:"company"`
	Title    string            `json:"title"`
	Emails   []truthAddr       `json:"emails"`
	Phones   map[string]string `json:"phones"`
	Business map[string]string `json:"business_address"`
	Home     map[string]string `json:"home_address"`
	Birthday string            `json:"birthday"`
	Photo    string            `json:"photo_sha256"`
	Web      string            `json:"web"`
}

// Everything that is no mail is right in what is written, as every reader reads it: each event with its zone, its
// occurrences as rrule-go, dateutil and ical.js expand them, its attendees; each task, contact, list, note and journal
// entry.
func TestGroupwareIsRightAgainstTheTruth(t *testing.T) {
	t.Parallel()
	for _, k := range knownArchives(t) {
		t.Run(k.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			mailmill(t, "convert", "-q", "--only", "event,task,note,journal,contact,group", k.archive, out).want(t, 0)
			truth := map[string]*truthGroupware{}
			readLines(t, k.truth, func(line []byte) {
				it := new(truthGroupware)
				// What says more of mail is of no interest, and has other forms.
				if err := json.Unmarshal(line, it); err == nil || it.NID != "" {
					truth[strings.ToLower(it.NID)] = it
				}
			})
			// Which is which tells list; that the UID of an event is Outlook's, the truth.
			uids := map[string]string{}
			items := map[string]*truthGroupware{}
			r := mailmill(t, "list", "--json", k.archive).want(t, 0)
			objects(t, r.stdout, func(kind string, line []byte) {
				var it struct {
					ID  string `json:"source_id"`
					UID string `json:"uid"`
				}
				if err := json.Unmarshal(line, &it); err != nil {
					t.Fatal(err)
				}
				if known := truth[strings.ToLower(it.ID)]; kind == "item" && known != nil && it.UID != "" && !mailKinds[known.Kind] {
					items[it.UID] = known
					uids[strings.ToLower(it.ID)] = it.UID
				}
			})
			c := newTally()
			c.groupwareInCalendars(items, readCalendars(t, out))
			c.groupwareInCards(items, uids, readCards(t, out))
			c.report(t)
		})
	}
}

func (c *tally) groupwareInCalendars(items map[string]*truthGroupware, found []component) {
	read := map[string]map[string]int{}
	for _, r := range calendarReaders {
		read[r] = map[string]int{}
	}
	for i := range found {
		got := &found[i]
		it := items[got.UID]
		c.check(got.Reader+" items", got.String(), true, it != nil)
		if it == nil {
			continue
		}
		var series *truthSeries
		switch {
		case it.Appointment != nil:
			series = it.Appointment.Recurrence
		case it.Task != nil:
			series = it.Task.Recurrence
		}
		if strings.HasSuffix(got.Kind, " series") {
			if series != nil && got.Occurrences != nil {
				want := series.Starts
				if len(series.Dates) > 0 {
					want = series.Dates
				}
				if it.Task != nil { // made of dates
					want = nil
					for _, s := range series.Starts {
						want = append(want, s[:len(time.DateOnly)])
					}
				}
				c.check(got.Reader+" occurrences", it.NID, quoted(want), quoted(got.Occurrences))
			}
			continue
		}
		if got.Reader == "vobject" {
			read[got.Reader][got.UID]++
			continue
		}
		if got.RecurrenceID != "" {
			c.exception(it, series, got)
			continue
		}
		read[got.Reader][got.UID]++
		check := func(topic string, want, got_ any) { c.check(got.Reader+" "+topic, it.NID, want, got_) }
		check("subject", it.Subject, got.Summary)
		if it.Text != "" {
			check("text", it.Text, textSum(got.Description))
		}
		categories := got.Categories
		if it.Kind == "journal" {
			check("activity", it.Extra["type"], first(categories))
			categories = categories[min(1, len(categories)):]
			check("start", it.Extra["start"], got.Start)
		}
		if got.Reader == "icalendar" { // it parts them at commas that are escaped, too
			check("categories", strings.Join(it.Categories, ","), strings.Join(categories, ","))
		} else {
			check("categories", quoted(it.Categories), quoted(categories))
		}
		switch {
		case it.Appointment != nil:
			c.event(it, got)
		case it.Task != nil:
			c.task(it, got)
		}
	}
	for uid, it := range items {
		if it.Contact != nil || it.Kind == "pdl" {
			continue
		}
		for _, r := range calendarReaders {
			n := 1
			if r == "vobject" && it.Appointment != nil && it.Appointment.Recurrence != nil {
				n += len(it.Appointment.Recurrence.Modified)
			}
			c.check("items", it.NID+" by "+r, n, read[r][uid])
		}
	}
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// textSum returns the hash of a text with CRLF.
func textSum(s string) string {
	sum := sha256.Sum256([]byte(strings.ReplaceAll(s, "\n", "\r\n")))
	return hex.EncodeToString(sum[:])
}

var busyNames = [...]string{"FREE", "TENTATIVE", "BUSY", "OOF", "WORKINGELSEWHERE"}

func (c *tally) event(it *truthGroupware, got *component) {
	a := it.Appointment
	check := func(topic string, want, got_ any) { c.check(got.Reader+" "+topic, it.NID, want, got_) }
	check("uid", a.ID[:32]+"00000000"+a.ID[40:], got.UID)
	start, end := inZone(a.Start, a.Zone), inZone(a.End, a.Zone)
	if a.AllDay {
		start, end = a.Dates[0], a.Dates[1]
	}
	check("start", start, got.Start)
	if start != end {
		check("end", end, got.End)
	} else {
		check("end", "", got.End)
	}
	check("location", a.Location, got.Location)
	check("busy", busyNames[a.Busy], got.Busy)
	class := ""
	switch {
	case it.Sensitivity == 3:
		class = "CONFIDENTIAL"
	case a.Private || it.Sensitivity > 0:
		class = "PRIVATE"
	}
	check("class", class, got.Class)
	if got.Reader == "go-ical" {
		return
	}
	check("reminder", quoted(alarmsOf(a.Reminder)), quoted(got.Alarms))
	known := it.knownPairs()
	var attendees []string
	for i := range it.Recipients {
		r := &it.Recipients[i]
		if r.Role == "organizer" {
			continue
		}
		role := map[string]string{"required": "REQ-PARTICIPANT", "optional": "OPT-PARTICIPANT", "resource": "NON-PARTICIPANT"}[r.Role]
		state := [...]string{"NEEDS-ACTION", "ACCEPTED", "TENTATIVE", "ACCEPTED", "DECLINED", "NEEDS-ACTION"}[r.Status]
		attendees = append(attendees, strings.ToLower(participant(r.address(known)))+" "+state+" "+role)
	}
	var have []string
	for _, s := range got.Attendees {
		have = append(have, attendeeOf(s))
	}
	slices.Sort(attendees)
	slices.Sort(have)
	check("attendees", quoted(attendees), quoted(have))
	if len(attendees) == 0 {
		check("organizer", "", got.Organizer)
	} else if it.From != nil {
		who, _, _ := strings.Cut(got.Organizer, " ")
		check("organizer", strings.ToLower(participant(it.From.address(known))), strings.ToLower(somebody(who)))
	}
}

// participant returns who is written for somebody: "?" for who cannot be known.
func participant(a address) string {
	if a.SMTP == "" {
		return "?"
	}
	return "mailto:" + a.SMTP
}

// somebody turns the placeholder of who cannot be known into "?".
func somebody(uri string) string {
	if placeholder.MatchString(strings.TrimPrefix(uri, "mailto:")) || uri == "invalid:nomail" {
		return "?"
	}
	if plain, err := url.PathUnescape(uri); err == nil {
		return plain
	}
	return uri
}

// attendeeOf returns an attendee as the truth puts it.
func attendeeOf(s string) string {
	who, rest, _ := strings.Cut(s, " ")
	state, role := "", ""
	for _, f := range strings.Fields(rest) {
		if v, ok := strings.CutPrefix(f, "PARTSTAT="); ok {
			state = v
		}
		if v, ok := strings.CutPrefix(f, "ROLE="); ok {
			role = v
		}
	}
	return strings.ToLower(somebody(who)) + " " + state + " " + role
}

func alarmsOf(minutes *int) []string {
	if minutes == nil {
		return nil
	}
	return []string{fmt.Sprintf("%+d", -60**minutes)}
}

// inZone returns a time in UTC as clocks in a zone show it.
func inZone(utc, zone string) string {
	at, err := time.Parse(time.RFC3339, utc)
	if err != nil {
		return err.Error()
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return err.Error()
	}
	return at.In(loc).Format("2006-01-02T15:04:05") + "[" + zone + "]"
}

func (c *tally) exception(it *truthGroupware, series *truthSeries, got *component) {
	check := func(topic string, want, got_ any) {
		c.check(got.Reader+" exception "+topic, it.NID+" "+got.RecurrenceID, want, got_)
	}
	if series == nil {
		check("belongs to a series", true, false)
		return
	}
	a := it.Appointment
	for _, m := range series.Modified {
		original, start, end := inZone(m.Original, a.Zone), inZone(m.Start, a.Zone), inZone(m.End, a.Zone)
		if m.OriginalDate != "" {
			original, start, end = m.OriginalDate, m.StartDate, m.EndDate
		}
		if original != got.RecurrenceID {
			continue
		}
		subject, location, busy, reminder := it.Subject, a.Location, a.Busy, a.Reminder
		if m.Subject != "" {
			subject = m.Subject
		}
		if m.Location != "" {
			location = m.Location
		}
		if m.Busy != nil {
			busy = *m.Busy
		}
		if m.Reminder != nil {
			reminder = m.Reminder
		}
		check("start", start, got.Start)
		check("end", end, got.End)
		check("subject", subject, got.Summary)
		check("location", location, got.Location)
		check("busy", busyNames[busy], got.Busy)
		if got.Reader != "go-ical" {
			check("reminder", quoted(alarmsOf(reminder)), quoted(got.Alarms))
		}
		return
	}
	check("replaces an occurrence", true, false)
}

func (c *tally) task(it *truthGroupware, got *component) {
	k := it.Task
	check := func(topic string, want, got_ any) { c.check(got.Reader+" task "+topic, it.NID, want, got_) }
	check("status", [...]string{"NEEDS-ACTION", "IN-PROCESS", "COMPLETED", "NEEDS-ACTION", "NEEDS-ACTION"}[k.Status], got.Status)
	check("start", k.Start, got.Start)
	check("due", k.Due, got.End)
	if got.Reader == "go-ical" {
		return
	}
	check("percent", int(k.Percent*100+0.5), got.Percent)
	if k.Completed != "" {
		check("completed", k.Completed, got.Completed[:min(len(got.Completed), len(time.DateOnly))])
	}
}

func (c *tally) groupwareInCards(items map[string]*truthGroupware, uids map[string]string, found []card) {
	read := map[string]map[string]int{}
	for _, r := range cardReaders {
		read[r] = map[string]int{}
	}
	for i := range found {
		got := &found[i]
		it := items[got.UID]
		c.check(got.Reader+" cards", got.UID, true, it != nil)
		if it == nil {
			continue
		}
		read[got.Reader][got.UID]++
		switch {
		case got.Reader == "vcard4" || got.Reader == "go-vcard":
		case it.Contact != nil:
			c.contact(it, got)
		default:
			c.members(it, uids, got)
		}
	}
	for uid, it := range items {
		if it.Contact == nil && it.Kind != "pdl" {
			continue
		}
		for _, r := range cardReaders {
			c.check("cards", it.NID+" by "+r, 1, read[r][uid])
		}
	}
}

func (c *tally) contact(it *truthGroupware, got *card) {
	p := it.Contact
	check := func(topic string, want, got_ any) { c.check(got.Reader+" "+topic, it.NID, want, got_) }
	check("name", p.Name, got.FN)
	check("name in parts", quoted([]string{p.Surname, p.Given, p.Middle, "", ""}), quoted(got.N))
	check("title", p.Title, got.Title)
	var emails []string
	known := it.knownPairs()
	for i := range p.Emails {
		// An address that is there twice is written once.
		if smtp := strings.ToLower(p.Emails[i].address(known).SMTP); smtp != "" && !slices.Contains(emails, smtp) {
			emails = append(emails, smtp)
		}
	}
	var have []string
	for _, s := range got.Emails {
		have = append(have, strings.ToLower(s))
	}
	check("emails", quoted(emails), quoted(have))
	types := map[string]string{
		"business": "voice,work", "business2": "voice,work", "business_fax": "fax,work", "home": "home,voice", "home2": "home,voice",
		"mobile": "cell", "pager": "pager", "primary": "voice",
	}
	var phones, numbers []string
	for kind, number := range p.Phones {
		phones = append(phones, types[kind]+" "+number)
	}
	slices.Sort(phones)
	numbers = slices.Sorted(slices.Values(got.Phones))
	check("phones", quoted(phones), quoted(numbers))
	for _, a := range []map[string]string{p.Business, p.Home} {
		if len(a) == 0 {
			continue
		}
		want := []string{"", "", strings.ReplaceAll(a["street"], "\r\n", "\n"), a["city"], a["state"], a["postal"], a["country"]}
		found := slices.ContainsFunc(got.Addresses, func(b []string) bool { return slices.Equal(b, want) })
		check("addresses", true, found)
	}
	if p.Birthday != "" {
		check("birthday", p.Birthday, dashes.ReplaceAllString(got.Birthday, "$1-$2-$3"))
	}
	if it.Text != "" {
		check("note", it.Text, textSum(got.Note))
	}
	if got.Reader == "ical.js" {
		check("photo", p.Photo, got.Photo)
		check("company", p.Company, first(got.Org))
		check("categories", quoted(it.Categories), quoted(got.Categories))
		if p.Web != "" {
			check("web", p.Web, first(got.URLs))
		}
	}
}

func (c *tally) members(it *truthGroupware, uids map[string]string, got *card) {
	check := func(topic string, want, got_ any) { c.check(got.Reader+" list "+topic, it.NID, want, got_) }
	check("name", it.Subject, got.FN)
	check("kind", "group", got.Kind)
	unknown := 0
	var want []string
	for i := range it.Members {
		m := &it.Members[i]
		switch smtp := m.address(nil).SMTP; {
		case m.ContactNID != "":
			want = append(want, uids[strings.ToLower(m.ContactNID)])
		case smtp != "":
			want = append(want, "mailto:"+strings.ToLower(smtp))
		default:
			unknown++
		}
	}
	var have []string
	for _, m := range got.Members {
		have = append(have, strings.ToLower(somebody(m)))
	}
	check("members", quoted(want), quoted(have))
	if got.Reader == "ical.js" {
		check("unresolved members", unknown, len(got.Unresolved))
	}
}
