package conformance

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/itemtest"
	"mailmill/formats/vcard"
)

// examples is how many items of each kind are judged.
const examples = 80

// What is written of items with everything that the model can hold is read without complaint by all readers, and each
// finds in it what the model says. Where they know series, they agree about when something takes place.
func TestCalendarsOfTheModel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var items []*formats.Item
	want := map[string]component{}
	for _, it := range itemtest.Examples(examples) {
		if it.Contact != nil || it.Group != nil {
			continue
		}
		items = append(items, it)
		for _, c := range wantComponents(t, it) {
			want[c.UID+" "+c.RecurrenceID] = c
		}
	}
	var b strings.Builder
	if err := ical.NewEncoder(ical.Options{Name: "All, of it; \"here\""}).Encode(&b, items...); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "all.ics"), b.String())
	c := newTally()
	starts := map[string]map[string]string{}
	read := map[string]int{}
	for _, got := range readCalendars(t, dir) {
		if uid := got.UID; strings.HasSuffix(got.Kind, " series") {
			if starts[uid] == nil {
				starts[uid] = map[string]string{}
			}
			if got.Occurrences != nil {
				starts[uid][got.Reader] = quoted(got.Occurrences)
			}
			continue
		}
		key := got.UID + " " + got.RecurrenceID
		if got.Reader == "vobject" { // it is not asked for more than its order
			key = ""
			for k, w := range want {
				if strings.HasPrefix(k, got.UID+" ") && w.Summary == got.Summary && w.Description == got.Description && w.Location == got.Location {
					key = k
				}
			}
		}
		w, ok := want[key]
		c.check("components", got.Reader+" "+got.String(), true, ok)
		read[got.Reader]++
		if ok {
			c.component(w, got)
		}
	}
	for _, r := range calendarReaders {
		c.check("number of components", r, len(want), read[r])
	}
	agreed := 0
	for uid, by := range starts {
		for reader, s := range by {
			c.check("occurrences", uid+" by "+reader+" and by icalendar", by["icalendar"], s)
			agreed++
		}
	}
	c.report(t)
	if agreed < 2*examples {
		t.Error("hardly anybody says when something takes place")
	}
}

// component compares what a reader found with what should be there.
func (c *tally) component(want, got component) {
	who := got.String()
	check := func(topic string, want, got_ any) { c.check(got.Reader+" "+topic, who, want, got_) }
	if got.Reader == "icalendar" {
		// It parts categories at commas that are escaped, too.
		want.Categories = []string{strings.Join(want.Categories, ",")}
		got.Categories = []string{strings.Join(got.Categories, ",")}
		check = func(topic string, want, got_ any) {
			c.check(got.Reader+" "+topic, who, unescapedTwice(fmt.Sprint(want)), unescapedTwice(fmt.Sprint(got_)))
		}
	}
	check("kind", want.Kind, got.Kind)
	check("summary", want.Summary, got.Summary)
	check("description", want.Description, got.Description)
	check("location", want.Location, got.Location)
	check("categories", quoted(want.Categories), quoted(got.Categories))
	if got.Reader == "vobject" {
		return
	}
	check("start", want.Start, got.Start)
	check("end", want.End, got.End)
	check("status", want.Status, got.Status)
	check("class", want.Class, got.Class)
	check("html", want.HTML, got.HTML)
	check("busy", want.Busy, got.Busy)
	if got.Reader == "go-ical" {
		return
	}
	check("completed", want.Completed, got.Completed)
	check("created", want.Created, got.Created)
	check("modified", want.Modified, got.Modified)
	check("contacts", quoted(want.Contacts), quoted(got.Contacts))
	check("organizer", lookAlike(want.Organizer), lookAlike(got.Organizer))
	check("attendees", lookAlike(quoted(want.Attendees)), lookAlike(quoted(got.Attendees)))
	check("number of attachments", len(want.Attachments), len(got.Attachments))
	for i, a := range want.Attachments {
		if a != "" && i < len(got.Attachments) {
			check("attachments", a, got.Attachments[i])
		}
	}
	check("alarms", quoted(want.Alarms), quoted(got.Alarms))
	check("deleted", quoted(want.Except), quoted(got.Except))
	check("url", want.URL, got.URL)
	check("color", want.Color, got.Color)
	check("priority", want.Priority, got.Priority)
	check("sequence", want.Sequence, got.Sequence)
	check("percent", want.Percent, got.Percent)
}

// unescapedTwice is what icalendar before 5.0 makes of a text, as far as it can be compared: it takes an escaped
// backslash and a letter for another escape.
func unescapedTwice(s string) string {
	for strings.Contains(s, `\\`) {
		s = strings.ReplaceAll(s, `\\`, `\`)
	}
	return strings.NewReplacer(`\n`, "\n", `\N`, "\n", `\`, "").Replace(s)
}

// lookAlike makes of signs in parameters what is written for them where programs take them for what they are not.
func lookAlike(s string) string {
	return strings.NewReplacer(`\\`, "\uFF3C", `\`, "\uFF3C").Replace(s)
}

// wantComponents returns what readers should find of an item.
func wantComponents(t testing.TB, it *formats.Item) []component {
	common := func(kind string, d *formats.Details) component {
		c := component{
			Kind: kind, UID: d.UID, Summary: d.Summary, Description: contentOf(t, d.Text), HTML: contentOf(t, d.HTML), URL: d.URL, Color: d.Color,
			Created: formats.Instant(d.Created).String(), Modified: formats.Instant(d.Modified).String(), Sequence: d.Sequence, Priority: d.Priority,
			Categories: slices.Clone(it.Keywords), Contacts: d.Contacts, Class: [...]string{"", "PRIVATE", "CONFIDENTIAL"}[d.Class],
		}
		if c.Modified == "" {
			c.Modified = formats.Instant(it.Modified).String()
		}
		for _, p := range d.Attachments {
			switch {
			case p.Content != nil && contentOf(t, p.Content) == "":
				c.Attachments = append(c.Attachments, "data:,")
			case p.Content != nil:
				sum := sha256.Sum256([]byte(contentOf(t, p.Content)))
				c.Attachments = append(c.Attachments, hex.EncodeToString(sum[:]))
			default: // a link, or a mail, of which others tell
				c.Attachments = append(c.Attachments, p.Location)
			}
		}
		return c
	}
	alarms := func(list []formats.Alarm) (out []string) {
		for _, a := range list {
			if a.At.IsZero() {
				out = append(out, fmt.Sprintf("%+d", -int64(a.Before.Seconds())))
			} else {
				out = append(out, formats.Instant(a.At).String())
			}
		}
		return out
	}
	switch {
	case it.Event != nil:
		var all []component
		for _, ev := range append([]*formats.Event{it.Event}, it.Event.Overrides...) {
			c := common("VEVENT", &ev.Details)
			c.UID, c.RecurrenceID, c.Start, c.Location, c.Alarms = it.Event.UID, ev.RecurrenceID.String(), ev.Start.String(), ev.Location, alarms(ev.Alarms)
			if ev.End.Clock.After(ev.Start.Clock) {
				c.End = ev.End.String()
			}
			switch {
			case ev.Cancelled:
				c.Status = "CANCELLED"
			case ev.Busy == formats.BusyTentative:
				c.Status = "TENTATIVE"
			default:
				c.Status = "CONFIRMED"
			}
			c.Busy = [...]string{"", "FREE", "TENTATIVE", "BUSY", "OOF", "WORKINGELSEWHERE"}[ev.Busy]
			if m := ev.Meeting; m != nil {
				c.Organizer = strings.TrimSpace(who(m.Organizer) + " " + m.Organizer.Name)
				if m.Organizer.Name == "" {
					c.Organizer += " "
				}
				for _, a := range m.Attendees {
					s := who(a.Address) + " " + a.Address.Name
					if a.Type > 0 {
						s += " CUTYPE=" + [...]string{"", "GROUP", "RESOURCE", "ROOM", "UNKNOWN"}[a.Type]
					}
					s += " PARTSTAT=" + [...]string{"NEEDS-ACTION", "ACCEPTED", "DECLINED", "TENTATIVE", "DELEGATED"}[a.Status]
					s += " ROLE=" + [...]string{"REQ-PARTICIPANT", "OPT-PARTICIPANT", "NON-PARTICIPANT", "CHAIR"}[a.Role]
					if a.RSVP {
						s += " RSVP=TRUE"
					}
					c.Attendees = append(c.Attendees, s)
				}
			}
			if ev.Series != nil {
				for _, x := range ev.Series.Except {
					c.Except = append(c.Except, x.String())
				}
				slices.Sort(c.Except)
			}
			all = append(all, c)
		}
		return all
	case it.Task != nil:
		k := it.Task
		c := common("VTODO", &k.Details)
		c.Start, c.End, c.Alarms, c.Percent = k.Start.String(), k.Due.String(), alarms(k.Alarms), k.Percent
		c.Status = [...]string{"NEEDS-ACTION", "IN-PROCESS", "COMPLETED", "NEEDS-ACTION", "NEEDS-ACTION"}[k.Status]
		if k.Status == formats.TaskComplete {
			c.Completed, c.Percent = formats.Instant(k.Completed).String(), 100
		}
		if k.Series != nil {
			for _, x := range k.Series.Except {
				c.Except = append(c.Except, x.String())
			}
			slices.Sort(c.Except)
		}
		return []component{c}
	case it.Journal != nil:
		c := common("VJOURNAL", &it.Journal.Details)
		c.Start, c.Priority = it.Journal.Start.String(), 0
		if it.Journal.Activity != "" {
			c.Categories = append([]string{it.Journal.Activity}, c.Categories...)
		}
		return []component{c}
	}
	c := common("VJOURNAL", &it.Note.Details)
	c.Priority = 0
	return []component{c}
}

func who(a *formats.Address) string {
	if a.Spec() == "" {
		return "invalid:nomail"
	}
	return "mailto:" + a.Spec()
}

// The same of cards, in both versions.
func TestCardsOfTheModel(t *testing.T) {
	t.Parallel()
	for _, v := range []vcard.Version{vcard.V4, vcard.V3} {
		t.Run(v.String(), func(t *testing.T) {
			dir := t.TempDir()
			want := map[string]*formats.Item{}
			var b strings.Builder
			enc := vcard.NewEncoder(vcard.Options{Version: v})
			for _, it := range itemtest.Examples(examples) {
				switch {
				case it.Contact != nil:
					want[it.Contact.UID] = it
				case it.Group != nil:
					want[it.Group.UID] = it
				default:
					continue
				}
				if err := enc.Encode(&b, it); err != nil {
					t.Fatal(err)
				}
			}
			write(t, filepath.Join(dir, "all.vcf"), b.String())
			c := newTally()
			read := map[string]int{}
			for _, got := range readCards(t, dir) {
				it := want[got.UID]
				read[got.Reader]++
				c.check("cards", got.Reader+" "+got.UID, true, it != nil)
				if it != nil {
					c.card(t, it, got)
				}
			}
			for _, r := range cardReaders {
				if r == "vcard4" && v == vcard.V3 {
					continue
				}
				c.check("number of cards", r, len(want), read[r])
			}
			c.report(t)
		})
	}
}

func (c *tally) card(t testing.TB, it *formats.Item, got card) {
	check := func(topic string, want, got_ any) { c.check(got.Reader+" "+topic, got.UID, want, got_) }
	// go-vcard and vcard4 judge the syntax. The latter takes a semicolon for the end of a component everywhere, and the quotation marks off.
	strict, v3 := got.Reader == "vcard4" || got.Reader == "go-vcard", got.Version == "3.0"
	if g := it.Group; g != nil {
		if strict {
			return
		}
		check("name", g.Name, got.FN)
		check("kind", "group", got.Kind)
		var members []string
		for _, m := range g.Members {
			if m.Card != "" {
				members = append(members, m.Card)
			} else if m.Address.SMTP != "" {
				members = append(members, "mailto:"+m.Address.SMTP)
			}
		}
		check("members", quoted(members), quoted(got.Members))
		check("note", contentOf(t, g.Note), got.Note)
		return
	}
	p := it.Contact
	if p.FullName != "" && !strict {
		check("name", p.FullName, got.FN)
	}
	var emails []string
	for _, a := range p.Emails {
		if a.SMTP != "" && !slices.ContainsFunc(emails, func(s string) bool { return strings.EqualFold(s, a.SMTP) }) {
			emails = append(emails, a.SMTP)
		}
	}
	check("emails", quoted(emails), quoted(got.Emails))
	if strict {
		return
	}
	if p.Name != (formats.PersonName{}) {
		check("name in parts", quoted([]string{p.Name.Surname, p.Name.Given, p.Name.Middle, p.Name.Prefix, p.Name.Suffix}), quoted(got.N))
	}
	check("title", p.Title, got.Title)
	check("role", p.Profession, got.Role)
	check("note", contentOf(t, p.Note), got.Note)
	var phones, places []string
	for _, n := range p.Phones {
		if n.Kind < formats.PhoneCompany {
			phones = append(phones, strings.TrimSpace(n.Number))
		}
	}
	for _, s := range got.Phones {
		_, number, _ := strings.Cut(s, " ")
		places = append(places, number)
	}
	check("phones", quoted(phones), quoted(places))
	var addresses [][]string
	for _, a := range p.Addresses {
		if !v3 || !a.IsEmpty() {
			addresses = append(addresses, []string{a.POBox, a.Extended, a.Street, a.City, a.State, a.Zip, a.Country})
		}
	}
	check("addresses", fmt.Sprintf("%q", addresses), fmt.Sprintf("%q", got.Addresses))
	if d := p.Birthday; !d.IsZero() && d.Year > 0 && d.Day > 0 {
		check("birthday", d.String(), dashes.ReplaceAllString(got.Birthday, "$1-$2-$3"))
	}
	if p.Photo != nil && (v3 || got.Reader != "vobject") { // vobject knows nothing of data in 4.0
		sum := sha256.Sum256([]byte(contentOf(t, p.Photo.Content)))
		check("photo", hex.EncodeToString(sum[:]), got.Photo)
	}
	if got.Reader == "ical.js" {
		check("categories", quoted(it.Keywords), quoted(got.Categories))
		check("nicknames", quoted(p.Nicknames), quoted(got.Nicknames))
	}
}

var dashes = regexp.MustCompile(`^(\d{4})(\d\d)(\d\d)$`)

func contentOf(t testing.TB, c formats.Content) string {
	t.Helper()
	if c == nil {
		return ""
	}
	r, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
