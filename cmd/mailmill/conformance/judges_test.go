package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	golangical "github.com/arran4/golang-ical"
	goical "github.com/emersion/go-ical"
	govcard "github.com/emersion/go-vcard"
	"github.com/teambition/rrule-go"

	"mailmill/formats/corpustest"
)

// component is what a reader made of a component of a calendar, or of all that have one UID: then it has nothing but
// that and the occurrences, and "series" at the end of its kind. Times are as formats.Moment prints them.
type component struct {
	Reader    string `json:"reader"`
	File      string `json:"file"`
	Complaint string `json:"complaint"`

	Kind         string   `json:"kind"`
	UID          string   `json:"uid"`
	RecurrenceID string   `json:"recurrence_id"`
	Stamp        string   `json:"stamp"`
	Start        string   `json:"start"`
	End          string   `json:"end"` // or when it is due
	Completed    string   `json:"completed"`
	Created      string   `json:"created"`
	Modified     string   `json:"modified"`
	Categories   []string `json:"categories"`
	Contacts     []string `json:"contacts"`
	Organizer    string   `json:"organizer"`
	Attendees    []string `json:"attendees"`
	Attachments  []string `json:"attachments"` // SHA-256 of what is inside, else the URI
	Alarms       []string `json:"alarms"`      // seconds from the start with a sign, or the time
	Rule         string   `json:"rule"`
	Except       []string `json:"except"`
	Also         []string `json:"also"`
	Summary      string   `json:"summary"`
	Description  string   `json:"description"`
	HTML         string   `json:"html"`
	Location     string   `json:"location"`
	Status       string   `json:"status"`
	Class        string   `json:"class"`
	Transp       string   `json:"transp"`
	URL          string   `json:"url"`
	Color        string   `json:"color"`
	Busy         string   `json:"busy"`
	Priority     int      `json:"priority"`
	Sequence     int      `json:"sequence"`
	Percent      int      `json:"percent-complete"`

	Occurrences []string `json:"occurrences"` // the first 50 starts
}

// card is what a reader made of a card.
type card struct {
	Reader    string `json:"reader"`
	File      string `json:"file"`
	Complaint string `json:"complaint"`

	Version    string     `json:"version"`
	UID        string     `json:"uid"`
	FN         string     `json:"fn"`
	N          []string   `json:"n"`
	Org        []string   `json:"org"`
	Title      string     `json:"title"`
	Role       string     `json:"role"`
	Nicknames  []string   `json:"nicknames"`
	Emails     []string   `json:"emails"`
	Phones     []string   `json:"phones"` // types in their order, a blank, the number
	Addresses  [][]string `json:"addresses"`
	URLs       []string   `json:"urls"`
	Categories []string   `json:"categories"`
	Note       string     `json:"note"`
	Birthday   string     `json:"birthday"`
	Photo      string     `json:"photo"` // SHA-256
	Kind       string     `json:"kind"`
	Members    []string   `json:"members"`
	Unresolved []string   `json:"unresolved"`
}

// The readers of calendars and of cards. icalendar and ical.js tell all they read, vobject the little that programs ask
// of it, and vcard4 reads cards of 4.0 alone. golang-ical is asked for complaints only.
var (
	calendarReaders = []string{"go-ical", "icalendar", "vobject", "ical.js"}
	cardReaders     = []string{"go-vcard", "vobject", "ical.js", "vcard4"}
)

// readCalendars has the calendars at the paths, files or folders, read by everybody. Whatever anybody complains about
// fails the test.
func readCalendars(t testing.TB, paths ...string) []component {
	t.Helper()
	all := decode[component](t, debianPython(t, "calendars.py", paths...))
	all = append(all, decode[component](t, node(t, paths...))...)
	all = append(all, goReads(t, paths...)...)
	return slices.DeleteFunc(all, func(c component) bool {
		if c.Complaint != "" {
			t.Errorf("%s about %s: %s", c.Reader, c.File, c.Complaint)
		}
		return c.Complaint != "" || filepath.Ext(c.File) != ".ics"
	})
}

// readCards does the same with cards.
func readCards(t testing.TB, paths ...string) []card {
	t.Helper()
	all := append(decode[card](t, debianPython(t, "cards.py", paths...)), decode[card](t, node(t, paths...))...)
	all = append(all, goReadsCards(t, paths...)...)
	return slices.DeleteFunc(all, func(c card) bool {
		if c.Complaint != "" {
			t.Errorf("%s about %s: %s", c.Reader, c.File, c.Complaint)
		}
		return c.Complaint != "" || filepath.Ext(c.File) != ".vcf"
	})
}

func decode[T any](t testing.TB, lines []byte) []T {
	t.Helper()
	var all []T
	for line := range bytes.Lines(lines) {
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			t.Fatalf("%v\n%.300s", err, line)
		}
		all = append(all, v)
	}
	return all
}

// debianPython runs a script of testdata with the Python that Debian's packages are for.
func debianPython(t testing.TB, script string, args ...string) []byte {
	t.Helper()
	path := "/usr/bin/python3"
	if err := exec.Command(path, "-I", "-c", "import icalendar, vobject, dateutil").Run(); err != nil {
		corpustest.Missing(t, "python3-icalendar, python3-vobject or python3-dateutil is not installed")
	}
	return runs(t, path, append([]string{"-I", "-B", filepath.Join("testdata", script)}, args...)...)
}

// node runs the judges in JavaScript.
func node(t testing.TB, args ...string) []byte {
	t.Helper()
	if _, err := os.Stat("testdata/judges/node_modules"); err != nil {
		corpustest.Missing(t, "ical.js and vcard4 are not installed (npm ci in cmd/mailmill/conformance/testdata/judges)")
	}
	return runs(t, corpustest.Program(t, "node"), append([]string{filepath.Join("testdata", "judges", "judge.mjs")}, args...)...)
}

func runs(t testing.TB, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(program, args...)
	// No reader may think of the machine's zone.
	cmd.Env = append(os.Environ(), "TZ=Asia/Tashkent")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, tail(stderr.String(), 3000))
	}
	return out
}

// goReads reads calendars with go-ical, and series with rrule-go. Only where a zone has IANA's name are there
// occurrences.
func goReads(t testing.TB, paths ...string) []component {
	t.Helper()
	var all []component
	for _, path := range paths {
		err := filepath.WalkDir(path, func(file string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(file) != ".ics" {
				return err
			}
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if _, err := golangical.ParseCalendar(bytes.NewReader(data)); err != nil {
				all = append(all, component{Reader: "golang-ical", File: file, Complaint: err.Error()})
			}
			cal, err := goical.NewDecoder(bytes.NewReader(data)).Decode()
			if err != nil {
				all = append(all, component{Reader: "go-ical", File: file, Complaint: err.Error()})
				return nil
			}
			series := map[string][]*goical.Component{}
			var order []string
			for _, c := range cal.Children {
				if c.Name == "VTIMEZONE" {
					continue
				}
				found := goComponent(c)
				found.Reader, found.File = "go-ical", file
				all = append(all, found)
				key := found.Kind + "\x00" + found.UID
				if series[key] == nil {
					order = append(order, key)
				}
				series[key] = append(series[key], c)
			}
			for _, key := range order {
				kind, uid, _ := strings.Cut(key, "\x00")
				starts, err := goOccurrences(series[key])
				if err != nil {
					all = append(all, component{Reader: "go-ical", File: file, Complaint: uid + ": " + err.Error()})
				}
				all = append(all, component{Reader: "go-ical", File: file, Kind: kind + " series", UID: uid, Occurrences: starts})
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// goReadsCards reads cards with go-vcard, which is asked for little more than that it reads them.
func goReadsCards(t testing.TB, paths ...string) (all []card) {
	t.Helper()
	for _, path := range paths {
		err := filepath.WalkDir(path, func(file string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(file) != ".vcf" {
				return err
			}
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			for dec := govcard.NewDecoder(bytes.NewReader(data)); ; {
				c, err := dec.Decode()
				if errors.Is(err, io.EOF) {
					return nil
				}
				if err != nil {
					all = append(all, card{Reader: "go-vcard", File: file, Complaint: err.Error()})
					return nil
				}
				found := card{Reader: "go-vcard", File: file, Version: c.Value("VERSION"), UID: c.Value("UID"), FN: c.Value("FN")}
				for _, e := range c["EMAIL"] {
					found.Emails = append(found.Emails, e.Value)
				}
				all = append(all, found)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func goComponent(c *goical.Component) component {
	text := func(name string) string {
		p := c.Props.Get(name)
		if p == nil {
			return ""
		}
		p.SetValueType(goical.ValueText)
		s, err := p.Text()
		if err != nil {
			return err.Error()
		}
		return s
	}
	found := component{
		Kind: c.Name, UID: text("UID"), Summary: text("SUMMARY"), Description: text("DESCRIPTION"), HTML: text("X-ALT-DESC"),
		Location: text("LOCATION"), Status: text("STATUS"), Class: text("CLASS"), Transp: text("TRANSP"), Busy: text("X-MICROSOFT-CDO-BUSYSTATUS"),
		RecurrenceID: goMoment(c.Props.Get("RECURRENCE-ID")), Start: goMoment(c.Props.Get("DTSTART")), End: goMoment(c.Props.Get("DTEND")),
	}
	if due := c.Props.Get("DUE"); due != nil {
		found.End = goMoment(due)
	}
	for _, p := range c.Props.Values("CATEGORIES") {
		p.SetValueType(goical.ValueText)
		list, _ := p.TextList()
		found.Categories = append(found.Categories, list...)
	}
	return found
}

// goMoment returns a date or time as it is printed, and what stands there where it is none.
func goMoment(p *goical.Prop) string {
	if p == nil {
		return ""
	}
	if when, err := time.Parse("20060102", p.Value); err == nil {
		return when.Format(time.DateOnly)
	}
	when, err := time.Parse("20060102T150405", strings.TrimSuffix(p.Value, "Z"))
	if err != nil {
		return p.Value
	}
	s := when.Format("2006-01-02T15:04:05")
	if id := p.Params.Get("TZID"); id != "" {
		return s + "[" + id + "]"
	}
	return s + p.Value[len("20060102T150405"):]
}

// most is how many occurrences of a series are compared.
const most = 50

// goOccurrences returns the first starts of what has one UID, nil where a zone has no name that is known.
func goOccurrences(all []*goical.Component) ([]string, error) {
	at := func(p *goical.Prop, value string) (time.Time, error) {
		if p.Params.Get("VALUE") == "DATE" {
			return time.Parse("20060102", value)
		}
		if utc, ok := strings.CutSuffix(value, "Z"); ok {
			return time.Parse("20060102T150405", utc)
		}
		loc := time.UTC
		if id := p.Params.Get("TZID"); id != "" {
			var err error
			if loc, err = time.LoadLocation(id); err != nil {
				return time.Time{}, err
			}
		}
		return time.ParseInLocation("20060102T150405", value, loc)
	}
	form := ""
	var set rrule.Set
	var starts, moved, gone []time.Time
	recurs := false
	for _, c := range all {
		p := c.Props.Get("DTSTART")
		if p == nil {
			continue
		}
		start, err := at(p, p.Value)
		if err != nil {
			return nil, nil
		}
		form = goMoment(p)
		if id := c.Props.Get("RECURRENCE-ID"); id != nil {
			old, err := at(id, id.Value)
			if err != nil {
				return nil, nil
			}
			moved, gone = append(moved, start), append(gone, old)
			continue
		}
		starts = append(starts, start)
		set.DTStart(start)
		if p := c.Props.Get("RRULE"); p != nil {
			opt, err := rrule.StrToROption(p.Value)
			if err != nil {
				return nil, err
			}
			opt.Dtstart = start
			rule, err := rrule.NewRRule(*opt)
			if err != nil {
				return nil, err
			}
			set.RRule(rule)
			recurs = true
		}
		for _, p := range c.Props.Values("RDATE") {
			when, err := at(&p, p.Value)
			if err != nil {
				return nil, nil
			}
			starts = append(starts, when)
		}
		for _, p := range c.Props.Values("EXDATE") {
			when, err := at(&p, p.Value)
			if err != nil {
				return nil, nil
			}
			gone = append(gone, when)
		}
	}
	if recurs {
		next := set.Iterator()
		for range most + len(gone) {
			when, ok := next()
			if !ok {
				break
			}
			starts = append(starts, when)
		}
	}
	var list []string
	slices.SortFunc(starts, time.Time.Compare)
	starts = slices.CompactFunc(starts, time.Time.Equal)
	starts = slices.DeleteFunc(starts, func(when time.Time) bool { return slices.ContainsFunc(gone, when.Equal) })
	starts = append(starts, moved...)
	slices.SortFunc(starts, time.Time.Compare)
	for _, when := range starts {
		switch {
		case len(form) == len(time.DateOnly):
			list = append(list, when.Format(time.DateOnly))
		case strings.HasSuffix(form, "]"), strings.HasSuffix(form, "Z"):
			list = append(list, when.UTC().Format("2006-01-02T15:04:05Z"))
		default:
			list = append(list, when.Format("2006-01-02T15:04:05"))
		}
	}
	return list[:min(len(list), most)], nil
}

func (c *component) String() string {
	return fmt.Sprintf("%s %s %s %s", filepath.Base(c.File), c.Kind, c.UID, c.RecurrenceID)
}
