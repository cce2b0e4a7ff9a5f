package outlook_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	goical "github.com/emersion/go-ical"
	govcard "github.com/emersion/go-vcard"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/ical"
	"mailmill/formats/mapi"
	"mailmill/formats/pst"
	"mailmill/formats/vcard"
)

// trueItem is what the generator says of an item that is neither mail nor an event.
type trueItem struct {
	Kind, NID, Class, Subject string
	BodySHA                   string `json:"body_sha256"`
	BodyKind                  string `json:"body_kind"`
	Sensitivity               int
	Categories                []string
	Attachments               []trueAttachment
	Contact                   *trueContact
	Members                   []trueMember
	Task                      *trueTask
	Extra                     json.RawMessage
}

type trueContact struct {
	DisplayName            string `json:"display_name"`
	Given, Middle, Surname string
	Company, Title         string
	FileAs                 string `json:"file_as"`
	Emails                 []truePerson
	Phones                 map[string]string
	Business               map[string]string `json:"business_address"`
	Home                   map[string]string `json:"home_address"`
	Birthday               string
	Photo                  string `json:"photo_sha256"`
	Web                    string
}

type trueMember struct {
	truePerson
	Kind       string
	ContactNID string `json:"contact_nid"`
}

type trueTask struct {
	Status                       int
	Percent                      float64
	Start, Due, Completed, Owner string
	AssignedTo                   *truePerson `json:"assigned_to"`
	Recurrence                   *struct {
		Occurrences []string `json:"occurrences_utc"`
		Total       int
	}
	GlobalID string `json:"global_id"`
}

// cardArchive is an archive of which the items are converted one by one.
type cardArchive struct {
	f *pst.File
	c *outlook.Converter
}

func openCards(t testing.TB, path string) *cardArchive {
	t.Helper()
	f, err := pst.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	a := &cardArchive{f: f}
	a.c = outlook.New(outlook.Options{Card: func(entry []byte) (mapi.Message, bool) {
		id, err := mapi.ParseEntryID(entry, 1252)
		if err != nil || id.Kind != mapi.EntryObject {
			return nil, false
		}
		m, err := f.Message(pst.NID(id.Node))
		if err != nil {
			return nil, false
		}
		return m, true
	}})
	return a
}

func (a *cardArchive) item(t testing.TB, nid string) *formats.Item {
	t.Helper()
	n, err := strconv.ParseUint(strings.TrimPrefix(nid, "0x"), 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	m, err := a.f.Message(pst.NID(n))
	if err != nil {
		t.Fatal(err)
	}
	it, err := a.c.Item(formats.Entry{}, m)
	if err != nil {
		t.Fatal(err)
	}
	return it
}

func TestTruthOfCardsAndTasks(t *testing.T) {
	for _, name := range []string{"tiny", "small"} {
		t.Run(name, func(t *testing.T) {
			compareCards(t, corpustest.File(t, "synthetic/"+name+".pst"), corpustest.File(t, "synthetic/"+name+".jsonl"))
		})
	}
}

func TestTruthOfCardsAndTasksOfOtherSeeds(t *testing.T) {
	if testing.Short() {
		t.Skip("it generates archives")
	}
	for _, seed := range []string{"4711", "99"} {
		archive, lines := corpustest.Generate(t, "-preset", "tiny", "-seed", seed)
		compareCards(t, archive, lines)
	}
}

func compareCards(t *testing.T, archive, lines string) {
	a := openCards(t, archive)
	in, err := os.Open(lines)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	s := &score{make(map[string]int), make(map[string]int), make(map[string]int), t}
	sc := bufio.NewScanner(in)
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		var w trueItem
		if err := json.Unmarshal(sc.Bytes(), &w); err != nil {
			t.Fatal(err)
		}
		if w.Contact == nil && w.Members == nil && w.Kind != "task" && w.Kind != "note" && w.Kind != "journal" {
			continue
		}
		it := a.item(t, w.NID)
		where := w.NID + " " + w.Kind + " " + w.Subject
		s.check("damage", where, len(it.Damage) == 0, it.Damage, "none")
		s.check("categories", where, slices.Equal(it.Keywords, w.Categories), it.Keywords, w.Categories)
		switch w.Kind {
		case "contact":
			s.contact(where, &w, it)
			s.card(where, &w, it)
		case "pdl":
			s.list(where, &w, it, a)
		case "task":
			s.task(where, &w, it)
		case "note":
			s.note(where, &w, it)
		case "journal":
			s.journal(where, &w, it)
		}
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

func (s *score) is(topic, where string, got, want any) {
	s.check(topic, where, fmt.Sprint(got) == fmt.Sprint(want), got, want)
}

// truePhones says where the generator's numbers belong.
var truePhones = map[string]struct {
	kind  formats.PhoneKind
	place formats.Place
	types string // in the card
}{
	"business": {formats.PhoneVoice, formats.PlaceWork, "voice,work"}, "business2": {formats.PhoneVoice, formats.PlaceWork, "voice,work"},
	"home": {formats.PhoneVoice, formats.PlaceHome, "home,voice"}, "home2": {formats.PhoneVoice, formats.PlaceHome, "home,voice"},
	"mobile": {formats.PhoneMobile, formats.PlaceOther, "cell"}, "business_fax": {formats.PhoneFax, formats.PlaceWork, "fax,work"},
	"primary": {formats.PhoneVoice, formats.PlaceOther, "voice"}, "pager": {formats.PhonePager, formats.PlaceOther, "pager"},
}

func (s *score) contact(where string, w *trueItem, it *formats.Item) {
	c, tc := it.Contact, w.Contact
	if c == nil {
		s.check("contact", where, false, it.Kind, "a contact")
		return
	}
	s.is("display name", where, c.FullName, tc.DisplayName)
	s.is("subject", where, it.Subject, tc.DisplayName)
	s.is("given", where, c.Name.Given, tc.Given)
	s.is("middle", where, c.Name.Middle, tc.Middle)
	s.is("surname", where, c.Name.Surname, tc.Surname)
	s.is("company", where, c.Company, tc.Company)
	s.is("title", where, c.Title, tc.Title)
	s.is("file as", where, c.FileAs, tc.FileAs)
	s.is("birthday", where, c.Birthday.String(), tc.Birthday)
	s.is("private", where, c.Class == formats.ClassPrivate, w.Sensitivity == 2)
	s.is("number of phones", where, len(c.Phones), len(tc.Phones))
	for name, number := range tc.Phones {
		of := truePhones[name]
		s.check("phone", where+" "+name, slices.ContainsFunc(c.Phones, func(p formats.Phone) bool {
			return p.Number == number && p.Kind == of.kind && p.Place == of.place && p.Preferred == (name == "primary")
		}), c.Phones, number)
	}
	addresses := 0
	for place, want := range map[formats.Place]map[string]string{formats.PlaceWork: tc.Business, formats.PlaceHome: tc.Home} {
		if want == nil {
			continue
		}
		addresses++
		s.check("address", where, slices.ContainsFunc(c.Addresses, func(a formats.PostalAddress) bool {
			return a.Place == place && a.Street == want["street"] && a.City == want["city"] && a.State == want["state"] && a.Zip == want["postal"] &&
				a.Country == want["country"] && a.Preferred == (place == formats.PlaceWork)
		}), c.Addresses, want)
	}
	s.is("number of addresses", where, len(c.Addresses), addresses)
	web := ""
	if len(c.Pages) > 0 {
		web = c.Pages[0].URL
	}
	s.is("web", where, web, tc.Web)
	s.is("photo", where, digest(s.t, c.Photo), tc.Photo)
	s.is("other attachments", where, len(c.Attachments), 0)
	note := &formats.Part{Content: c.Note}
	if c.Note == nil {
		note = nil
	}
	if w.BodyKind == "plain" {
		s.is("note", where, digest(s.t, note), w.BodySHA)
	}
	s.check("note is there", where, note != nil == (w.BodyKind != ""), note != nil, w.BodyKind)
	s.emails(where, tc, c)
}

func (s *score) emails(where string, tc *trueContact, c *formats.Contact) {
	var want []truePerson
	for _, e := range tc.Emails {
		if !slices.ContainsFunc(want, func(of truePerson) bool { return strings.EqualFold(of.Stored, e.Stored) }) {
			want = append(want, e) // each address once
		}
	}
	s.is("number of mail addresses", where, len(c.Emails), len(want))
	for i := range min(len(want), len(c.Emails)) {
		e, got := want[i], c.Emails[i]
		s.is("mail address stored", where, got.Stored, e.Stored)
		switch e.KnownBy {
		case "stored", "item":
			s.is("mail address", where, got.SMTP, e.SMTP)
			s.is("mail address via", where, got.Via, e.KnownBy)
		default:
			s.is("mail address open", where, got.SMTP, "")
		}
		name := strings.TrimSuffix(e.Name, " ("+e.SMTP+")")
		if strings.EqualFold(name, e.SMTP) {
			name = ""
		}
		s.is("mail address name", where, got.Name, name)
	}
}

// readCard writes an item as a card and has it read by a program that is not ours.
func readCard(t testing.TB, v vcard.Version, it *formats.Item) govcard.Card {
	t.Helper()
	var b bytes.Buffer
	if err := vcard.NewEncoder(vcard.Options{Version: v}).Encode(&b, it); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	dec := govcard.NewDecoder(&b)
	card, err := dec.Decode()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if _, err := dec.Decode(); err != io.EOF {
		t.Fatalf("after the card: %v\n%s", err, text)
	}
	return card
}

// card compares what another program reads in the card.
func (s *score) card(where string, w *trueItem, it *formats.Item) {
	tc := w.Contact
	for _, v := range []vcard.Version{vcard.V4, vcard.V3} {
		card := readCard(s.t, v, it)
		where := where + " " + v.String()
		s.is("card: FN", where, card.PreferredValue(govcard.FieldFormattedName), tc.DisplayName)
		if n := card.Name(); n != nil {
			s.is("card: N", where, n.FamilyName+"|"+n.GivenName+"|"+n.AdditionalName, tc.Surname+"|"+tc.Given+"|"+tc.Middle)
		} else {
			s.is("card: N", where, "", tc.Surname+tc.Given+tc.Middle)
		}
		org := ""
		if f := card.Get(govcard.FieldOrganization); f != nil {
			org = strings.ReplaceAll(f.Value, `\;`, ";")
		}
		s.is("card: ORG", where, org, tc.Company)
		s.is("card: TITLE", where, card.Value(govcard.FieldTitle), tc.Title)
		s.is("card: BDAY", where, strings.ReplaceAll(card.Value(govcard.FieldBirthday), "-", ""), strings.ReplaceAll(tc.Birthday, "-", ""))
		s.is("card: URL", where, card.Value(govcard.FieldURL), tc.Web)
		var got, want []string
		for _, f := range card[govcard.FieldTelephone] {
			types := slices.DeleteFunc(f.Params.Types(), func(t string) bool { return t == "pref" })
			sort.Strings(types)
			got = append(got, f.Value+" "+strings.Join(types, ","))
		}
		for name, number := range tc.Phones {
			want = append(want, number+" "+truePhones[name].types)
		}
		sort.Strings(got)
		sort.Strings(want)
		s.is("card: TEL", where, got, want)
		for _, e := range tc.Emails {
			if e.KnownBy == "stored" || e.KnownBy == "item" {
				s.check("card: EMAIL", where, slices.Contains(card.Values(govcard.FieldEmail), e.SMTP), card.Values(govcard.FieldEmail), e.SMTP)
			}
		}
		var places []string
		for _, f := range card[govcard.FieldAddress] {
			places = append(places, f.Value)
		}
		for _, a := range []map[string]string{tc.Business, tc.Home} {
			for _, part := range a {
				part = strings.NewReplacer("\r\n", "\n", ";", `\;`).Replace(part)
				s.check("card: ADR", where, strings.Contains(strings.Join(places, "|"), part), places, part)
			}
		}
		photo := ""
		if f := card.Get(govcard.FieldPhoto); f != nil {
			data := f.Value[strings.IndexByte(f.Value, ',')+1:]
			b, err := base64.StdEncoding.DecodeString(data)
			if err != nil {
				s.t.Fatal(err)
			}
			sum := sha256.Sum256(b)
			photo = hex.EncodeToString(sum[:])
		}
		s.is("card: PHOTO", where, photo, tc.Photo)
		s.is("card: UID", where, card.Value(govcard.FieldUID), it.Contact.UID)
	}
}

func (s *score) list(where string, w *trueItem, it *formats.Item, a *cardArchive) {
	g := it.Group
	if g == nil {
		s.check("list", where, false, it.Kind, "a list")
		return
	}
	s.is("name of the list", where, g.Name, w.Subject)
	s.is("number of members", where, len(g.Members), len(w.Members))
	for i := range min(len(g.Members), len(w.Members)) {
		got, want := g.Members[i], w.Members[i]
		s.is("member stored", where, got.Address.Stored, want.Stored)
		name := want.Name
		if strings.EqualFold(name, want.SMTP) {
			name = ""
		}
		card := ""
		if want.ContactNID != "" {
			c := a.item(s.t, want.ContactNID).Contact
			card = c.UID
			if name == "" {
				name = c.FullName
			}
		}
		s.is("member name", where, got.Address.Name, name)
		if want.KnownBy == "stored" {
			s.is("member address", where, got.Address.SMTP, want.SMTP)
		}
		s.is("member's card", where, got.Card, card)
	}
	for _, v := range []vcard.Version{vcard.V4, vcard.V3} {
		card := readCard(s.t, v, it)
		name := "MEMBER"
		if v == vcard.V3 {
			name = "X-ADDRESSBOOKSERVER-MEMBER"
		}
		n := len(card[name]) + len(card["X-PST-MEMBER"])
		s.is("card: members", where, n, len(w.Members))
	}
}

func (s *score) task(where string, w *trueItem, it *formats.Item) {
	task, tt := it.Task, w.Task
	if task == nil || tt == nil {
		s.check("task", where, false, it.Kind, "a task")
		return
	}
	s.is("task: status", where, int(task.Status), tt.Status)
	percent := int(math.Round(100 * tt.Percent))
	s.is("task: percent", where, task.Percent, percent)
	s.is("task: start", where, task.Start, tt.Start)
	s.is("task: due", where, task.Due, tt.Due)
	completed := ""
	if !task.Completed.IsZero() {
		completed = task.Completed.Format(time.DateOnly)
	}
	s.is("task: completed", where, completed, tt.Completed)
	owner := ""
	if task.Owner != nil {
		owner = task.Owner.Name
	}
	s.is("task: owner", where, owner, tt.Owner)
	if tt.AssignedTo != nil {
		s.is("task: assigned to", where, task.Owner.Stored, tt.AssignedTo.Stored)
	}
	todo := readCalendar(s.t, it, "VTODO")
	s.is("VTODO: SUMMARY", where, textOf(s.t, todo, goical.PropSummary), strings.TrimSpace(w.Subject))
	s.is("VTODO: DUE", where, valueOf(todo, goical.PropDue), strings.ReplaceAll(tt.Due, "-", ""))
	s.is("VTODO: DTSTART", where, valueOf(todo, goical.PropDateTimeStart), strings.ReplaceAll(tt.Start, "-", ""))
	want := ""
	if percent > 0 {
		want = strconv.Itoa(percent)
	}
	s.is("VTODO: PERCENT-COMPLETE", where, valueOf(todo, goical.PropPercentComplete), want)
	s.is("VTODO: COMPLETED", where, strings.TrimSuffix(valueOf(todo, goical.PropCompleted), "T120000Z"), strings.ReplaceAll(tt.Completed, "-", ""))
	s.is("VTODO: STATUS", where, valueOf(todo, goical.PropStatus), [...]string{"NEEDS-ACTION", "IN-PROCESS", "COMPLETED", "NEEDS-ACTION", "NEEDS-ACTION"}[tt.Status])
	s.is("task: recurs", where, task.Series != nil, tt.Recurrence != nil)
	if tt.Recurrence == nil {
		return
	}
	set, err := todo.RecurrenceSet(time.UTC)
	if err != nil || set == nil {
		s.check("VTODO: RRULE", where, false, err, "a rule")
		return
	}
	const most = 50
	var got []string
	next := set.Iterator()
	for at, ok := next(); ok && len(got) < most; at, ok = next() {
		got = append(got, at.UTC().Format(time.RFC3339))
	}
	s.is("VTODO: occurrences", where, got, tt.Recurrence.Occurrences)
	if tt.Recurrence.Total > 0 && tt.Recurrence.Total <= most {
		s.is("VTODO: number of occurrences", where, len(got), tt.Recurrence.Total)
	}
}

func (s *score) note(where string, w *trueItem, it *formats.Item) {
	var extra struct{ Color int }
	if err := json.Unmarshal(w.Extra, &extra); err != nil {
		s.t.Fatal(err)
	}
	if it.Note == nil {
		s.check("note item", where, false, it.Kind, "a note")
		return
	}
	s.is("note: colour", where, it.Note.Color, [...]string{"blue", "green", "pink", "yellow", "white"}[extra.Color])
	s.is("note: text", where, digest(s.t, &formats.Part{Content: it.Note.Text}), w.BodySHA)
	j := readCalendar(s.t, it, "VJOURNAL")
	s.is("note: SUMMARY", where, textOf(s.t, j, goical.PropSummary), strings.TrimSpace(w.Subject))
	s.is("note: COLOR", where, textOf(s.t, j, goical.PropColor), it.Note.Color)
}

func (s *score) journal(where string, w *trueItem, it *formats.Item) {
	var extra struct{ Minutes, Start, Type string }
	if err := json.Unmarshal(w.Extra, &extra); err != nil {
		s.t.Fatal(err)
	}
	if it.Journal == nil {
		s.check("journal", where, false, it.Kind, "a journal entry")
		return
	}
	s.is("journal: start", where, it.Journal.Start, extra.Start)
	s.is("journal: minutes", where, int(it.Journal.Duration.Minutes()), extra.Minutes)
	s.is("journal: end", where, it.Journal.End.Clock.Sub(it.Journal.Start.Clock).Minutes(), extra.Minutes)
	s.is("journal: type", where, it.Journal.Activity, extra.Type)
	s.is("journal: text", where, digest(s.t, &formats.Part{Content: it.Journal.Text}), w.BodySHA)
	j := readCalendar(s.t, it, "VJOURNAL")
	s.is("journal: CATEGORIES", where, textOf(s.t, j, goical.PropCategories), extra.Type)
	s.is("journal: SUMMARY", where, textOf(s.t, j, goical.PropSummary), strings.TrimSpace(w.Subject))
}

// readCalendar writes an item as a calendar and has its component read by a program that is not ours.
func readCalendar(t testing.TB, it *formats.Item, name string) *goical.Component {
	t.Helper()
	var b bytes.Buffer
	enc := ical.NewEncoder(ical.Options{})
	enc.Begin(&b)
	if err := enc.Item(it); err != nil {
		t.Fatal(err)
	}
	if err := enc.End(); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	cal, err := goical.NewDecoder(&b).Decode()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, c := range cal.Children {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no %s\n%s", name, text)
	return nil
}

func valueOf(c *goical.Component, name string) string {
	if p := c.Props.Get(name); p != nil {
		return p.Value
	}
	return ""
}

func textOf(t testing.TB, c *goical.Component, name string) string {
	t.Helper()
	s, err := c.Props.Text(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
