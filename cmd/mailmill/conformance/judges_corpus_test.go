package conformance

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"mailmill/formats/corpustest"
)

// groupwareKinds are the kinds that are written as calendars and cards.
var groupwareKinds = []string{"event", "task", "note", "journal", "contact", "group"}

// Why pffexport shows other subjects than the truth has. What is written is right.
const (
	prefix = "pffexport takes a part of the first character for the length of a prefix, and leaves it out"
	pairs  = "pffexport adds surrogates of UTF-16 up wrongly"
)

// valueDifferences explains where another exporter shows a value that is not in what is written, as it is reported here.
var valueDifferences = map[string]map[string]string{
	"synthetic/small.pst": {
		`0x201ee4: pffexport shows the subject "опрос неделя неделя план проект", written is "вопрос неделя неделя план проект"`: prefix,
		`0x201f24: pffexport shows the subject "ródło wiadomość zespół źródło", written is "źródło wiadomość zespół źródło"`:     prefix,
		`0x202024: pffexport shows the subject "résumé 𠞸野 ✅ 𠞸野 ok", written is "résumé 𠮷野 ✅ 𠮷野 ok"`:                              pairs,
		`0x2021c4: pffexport shows the subject "ok ok ok 𠞸野", written is "ok ok ok 𠮷野"`:                                          pairs,
		`0x2024a4: pffexport shows the subject "\x8cをよろしくお願い致しますプロジェクト", written is "がをよろしくお願い致しますプロジェクト"`:                       prefix,
		`0x2028a4: pffexport shows the subject "ودة مشروع مشروع تسليم", written is "جودة مشروع مشروع تسليم"`:                     prefix,
	},
	"synthetic/tiny.pst": {
		`0x201324: pffexport shows the subject "\U0001ef8a ✅ ✨ 𝂴 𝂴", written is "🎉 ✅ ✨ 𝒳 𝒳"`:                     pairs,
		`0x2013a4: pffexport shows the subject "\xaf資料内容", written is "は資料内容"`:                                   prefix,
		`0x2013c4: pffexport shows the subject "\x80격 보고서 예산 계획 회의", written is "가격 보고서 예산 계획 회의"`:               prefix,
		`0x2014e4: pffexport shows the subject "🈁 budget \U0001f281 🁪\u200d🂼", written is "😀 budget 🚀 👩\u200d💻"`: pairs,
		`0x201784: pffexport shows the subject "status \U0001f281 ok", written is "status 🚀 ok"`:                 pairs,
	},
}

// What is no mail comes out of every archive of the corpus: as many items of each kind as list shows, which are those
// that pffexport finds, and every subject, start, place, mail address and number that pffexport and readpst show.
func TestGroupwareOfTheCorpus(t *testing.T) {
	t.Parallel()
	pffexport, readpst := corpustest.Program(t, "pffexport"), corpustest.Program(t, "readpst")
	judged := 0
	for _, name := range archives(t) {
		t.Run(name, func(t *testing.T) {
			archive := corpustest.File(t, name)
			r := mailmill(t, "list", "--json", archive).want(t, 0, 3, 4)
			items := map[string]groupwareItem{} // by UID
			ids := map[string]string{}
			kinds := map[string]int{}
			objects(t, r.stdout, func(kind string, line []byte) {
				it := decode[groupwareItem](t, line)[0]
				if kind != "item" || !slices.Contains(groupwareKinds, it.Kind) {
					return
				}
				kinds[it.Kind]++
				items[it.UID], ids[it.ID] = it, it.UID
			})
			if len(kinds) == 0 {
				return
			}
			judged++
			out := filepath.Join(t.TempDir(), "out")
			mailmill(t, "convert", "-q", "--only", strings.Join(groupwareKinds, ","), archive, out).want(t, 0, 3)
			written := newShown()
			got := map[string]int{}
			calendars, cards := readCalendars(t, out), readCards(t, out)
			byUID := map[string]component{}
			for _, c := range calendars {
				if c.Reader != "icalendar" || strings.HasSuffix(c.Kind, " series") {
					continue
				}
				if c.RecurrenceID == "" {
					got[items[c.UID].Kind]++
					byUID[c.UID] = c
				}
				written.event(c.Summary, c.Location, c.Start)
			}
			people := map[string]card{}
			for _, c := range cards {
				if c.Reader != "vobject" {
					continue
				}
				got[items[c.UID].Kind]++
				people[c.UID] = c
				written.person(c)
			}
			if !maps.Equal(got, kinds) {
				t.Errorf("%v are written of %v", got, kinds)
			}
			var differences []string
			differences = append(differences, pffexportShows(t, pffexport, archive, ids, byUID, people)...)
			differences = append(differences, readpstShows(t, readpst, archive, written)...)
			known := maps.Clone(valueDifferences[name])
			for _, d := range differences {
				if why, ok := known[d]; ok {
					t.Logf("%s: %s", d, why)
					delete(known, d)
					continue
				}
				t.Error(d)
			}
			for d := range known {
				t.Errorf("%s is no difference any more: take it off the list", d)
			}
			t.Logf("%v", kinds)
		})
	}
	if judged < 5 {
		t.Error("there is hardly anything but mail")
	}
}

// groupwareItem is what list tells of an item that is no mail.
type groupwareItem struct {
	ID   string `json:"source_id"`
	Kind string `json:"kind"`
	UID  string `json:"uid"`
}

// shown are the values that are shown of an archive, with how often.
type shown struct {
	events          map[string][]string // starts by subject and place
	emails, numbers map[string]int
}

func newShown() *shown {
	return &shown{map[string][]string{}, map[string]int{}, map[string]int{}}
}

func (s *shown) event(subject, place, start string) {
	key := subject + " at " + place
	s.events[key] = append(s.events[key], start)
}

func (s *shown) person(c card) {
	for _, e := range c.Emails {
		s.emails[strings.ToLower(e)]++
	}
	for _, p := range c.Phones {
		_, number, _ := strings.Cut(p, " ")
		s.numbers[number]++
	}
}

// sameStart reports whether a start as it is written is the instant that another exporter shows. A day is right where the
// instant is a midnight of it somewhere.
func sameStart(start string, at time.Time) bool {
	if day, err := time.Parse(time.DateOnly, start); err == nil {
		return at.Sub(day).Abs() <= 14*time.Hour
	}
	clock, zone, _ := strings.Cut(strings.TrimSuffix(start, "]"), "[")
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return false
	}
	when, err := time.ParseInLocation("2006-01-02T15:04:05", strings.TrimSuffix(clock, "Z"), loc)
	return err == nil && when.Equal(at.Truncate(time.Second))
}

// pffexportShows compares node by node, and returns what differs.
func pffexportShows(t *testing.T, pffexport, archive string, ids map[string]string, events map[string]component, people map[string]card) (differences []string) {
	t.Helper()
	dir := t.TempDir()
	target, log := filepath.Join(dir, "out"), filepath.Join(dir, "log")
	if out, err := exec.Command(pffexport, "-q", "-m", "items", "-f", "text", "-l", log, "-t", target, archive).CombinedOutput(); err != nil {
		t.Fatalf("pffexport: %v\n%s", err, tail(string(out), 1000))
	}
	n := 0
	readLines(t, log, func(line []byte) {
		m := processing.FindSubmatch(line)
		if m == nil || string(m[1]) == "folder" || string(m[1]) == "attachment" {
			return
		}
		id, _ := strconv.ParseUint(string(m[2]), 10, 32)
		uid := ids[fmt.Sprintf("0x%x", id)]
		if uid == "" {
			return
		}
		number, _ := strconv.Atoi(string(itemNumber.FindSubmatch(line)[1]))
		kind := string(m[1])
		kind = strings.ToUpper(kind[:1]) + kind[1:]
		folder := filepath.Join(string(m[3]), fmt.Sprintf("%s%05d", kind, number+1)) // the log counts from 0
		texts := pffTexts(folder)
		if texts == nil {
			return
		}
		n++
		differ := func(what, theirs, ours string) {
			differences = append(differences, fmt.Sprintf("0x%x: pffexport shows the %s %q, written is %q", id, what, theirs, ours))
		}
		if e, ok := events[uid]; ok {
			if v := texts["Subject"]; strings.TrimSpace(v) != strings.TrimSpace(e.Summary) {
				differ("subject", v, e.Summary)
			}
			if v := texts["Location"]; v != "" && v != e.Location {
				differ("place", v, e.Location)
			}
			if v := texts["Start time"]; v != "" {
				at, err := time.Parse("Jan 2, 2006 15:04:05.000000000 MST", v)
				if err != nil || !sameStart(e.Start, at) {
					differ("start", v, e.Start)
				}
			}
		}
		p, ok := people[uid]
		if !ok {
			return
		}
		for _, key := range []string{"Email address 1", "Email address 2", "Email address 3"} {
			if v := texts[key]; v != "" && !strings.HasPrefix(strings.ToLower(v), "/o=") && !slices.ContainsFunc(p.Emails, func(s string) bool { return strings.EqualFold(s, v) }) {
				differ("mail address", v, strings.Join(p.Emails, ", "))
			}
		}
		for key, v := range texts {
			if strings.HasSuffix(key, "phone number") && v != "" && !slices.ContainsFunc(p.Phones, func(s string) bool { return strings.HasSuffix(s, " "+v) }) {
				differ(key, v, strings.Join(p.Phones, ", "))
			}
		}
	})
	t.Logf("pffexport shows %d", n)
	return differences
}

var itemNumber = regexp.MustCompile(`: (\d+) \(identifier`)

// pffTexts returns the values that pffexport shows of an item, nil where it shows none.
func pffTexts(folder string) map[string]string {
	var texts map[string]string
	for _, name := range []string{"Appointment.txt", "Contact.txt", "Task.txt", "Note.txt", "Activity.txt"} {
		data, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			continue
		}
		if texts == nil {
			texts = map[string]string{}
		}
		for line := range strings.Lines(string(data)) {
			if strings.HasPrefix(line, "Body:") {
				break
			}
			key, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":\t")
			if ok && texts[key] == "" {
				texts[key] = strings.TrimLeft(value, "\t")
			}
		}
	}
	return texts
}

// readpstShows compares all that readpst writes of events and contacts with what is written, and returns what is
// missing there.
func readpstShows(t *testing.T, readpst, archive string, written *shown) (differences []string) {
	t.Helper()
	dir := t.TempDir()
	if out, err := exec.Command(readpst, "-q", "-D", "-j", "0", "-e", "-o", dir, archive).CombinedOutput(); err != nil {
		t.Logf("readpst: %v\n%s", err, tail(string(out), 500))
		return nil
	}
	n := 0
	undo := strings.NewReplacer(`\n`, "\n", `\,`, ",", `\;`, ";", `\\`, `\`)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		ext := filepath.Ext(path)
		if err != nil || d.IsDir() || ext != ".ics" && ext != ".vcf" {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		n++
		first := map[string]string{}
		for line := range strings.Lines(string(data)) {
			key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
			key, _, _ = strings.Cut(key, ";")
			value = undo.Replace(value)
			if first[key] == "" {
				first[key] = value
			}
			switch {
			case key == "EMAIL" && !strings.HasPrefix(strings.ToLower(value), "/o="):
				if written.emails[strings.ToLower(value)] == 0 {
					differences = append(differences, fmt.Sprintf("readpst shows the mail address %q", value))
				}
			case key == "TEL" && written.numbers[value] == 0:
				differences = append(differences, fmt.Sprintf("readpst shows the number %q", value))
			}
		}
		if ext == ".vcf" || first["DTSTART"] == "" {
			return nil
		}
		key := first["SUMMARY"] + " at " + first["LOCATION"]
		at, err := time.Parse("20060102T150405Z", first["DTSTART"])
		if err != nil || !slices.ContainsFunc(written.events[key], func(start string) bool { return sameStart(start, at) }) {
			differences = append(differences, fmt.Sprintf("readpst shows %q on %s, written is %q", key, first["DTSTART"], written.events[key]))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("readpst shows %d", n)
	return differences
}
