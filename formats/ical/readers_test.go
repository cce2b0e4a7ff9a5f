package ical_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	golangical "github.com/arran4/golang-ical"
	goical "github.com/emersion/go-ical"
	"github.com/teambition/rrule-go"
	"pgregory.net/rapid"

	"mailmill/formats"
	"mailmill/formats/ical"
)

type failer interface {
	Helper()
	Fatalf(string, ...any)
}

// checkReaders has the calendar read by two programs that are not ours, and returns what one of them read.
func checkReaders(t failer, s string) *goical.Calendar {
	t.Helper()
	for line := range strings.SplitSeq(strings.TrimSuffix(s, "\r\n"), "\r\n") {
		if len(line) > 75 || !utf8.ValidString(line) || strings.ContainsAny(line, "\r\n") {
			t.Fatalf("line %q", line)
		}
	}
	cal, err := goical.NewDecoder(strings.NewReader(s)).Decode()
	if err != nil {
		t.Fatalf("go-ical: %v\n%s", err, s)
	}
	other, err := golangical.ParseCalendar(strings.NewReader(s))
	if err != nil {
		t.Fatalf("golang-ical: %v\n%s", err, s)
	}
	if len(other.Components) != len(cal.Children) {
		t.Fatalf("%d components for one, %d for the other", len(other.Components), len(cal.Children))
	}
	return cal
}

// normal returns what becomes of a text: one sort of line end, no control characters, UTF-8.
func normal(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\f", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(s)
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && r < ' ' || r >= 0x7F && r < 0xA0 {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

var anyText = rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.RuneFrom([]rune("ab,;:\\\"^'n\r\n\t äß€😀\x00\x1b\u2028")), 0, 200, -1))

// decodeParam undoes RFC 6868, which go-ical does not, and what the line writer puts for backslashes that others would
// take for escapes.
func decodeParam(s string) string {
	return strings.NewReplacer("^^", "^", "^'", `"`, "^n", "\n", "\uFF3C", `\`).Replace(s)
}

// Whatever text goes into an event, programs read it as it was.
func TestTextSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		description, html, name := anyText.Draw(t, "description"), anyText.Draw(t, "html"), anyText.Draw(t, "name")
		summary, location, extra := anyText.Draw(t, "summary"), anyText.Draw(t, "location"), anyText.Draw(t, "extra")
		data := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "data")
		it := &formats.Item{
			Event: &formats.Event{
				Details: formats.Details{
					UID: "1", Summary: summary, Text: formats.Bytes(description), HTML: formats.Bytes(html),
					Attachments: []*formats.Part{{Name: name, Content: formats.Bytes(data)}},
					Extra:       []formats.Property{{Name: "X-" + extra, Value: extra, Params: []formats.Param{{Name: extra, Value: extra}}}},
				},
				Location: location, Start: formats.Date(2026, 1, 1),
				Meeting: &formats.Meeting{Organizer: &formats.Address{Name: name, SMTP: extra}},
			},
		}
		var b strings.Builder
		if err := ical.NewEncoder(ical.Options{Name: summary}).Encode(&b, it); err != nil {
			t.Fatal(err)
		}
		cal := checkReaders(t, b.String())
		if len(cal.Children) != 1 {
			t.Fatalf("%d components", len(cal.Children))
		}
		props := cal.Children[0].Props
		equal := func(name, want string) {
			t.Helper()
			got := ""
			if p := props.Get(name); p != nil {
				got = p.Value
				var err error
				if p.ValueType() == goical.ValueText || strings.HasPrefix(name, "X-") {
					p.SetValueType(goical.ValueText)
					if got, err = p.Text(); err != nil {
						t.Fatal(err)
					}
				}
			}
			if got != want {
				t.Fatalf("%s is %q, want %q\n%s", name, got, want, b.String())
			}
		}
		equal("DESCRIPTION", normal(description))
		equal("X-ALT-DESC", normal(html))
		oneLine := func(s string) string { return strings.NewReplacer("\n", " ", "\t", " ").Replace(normal(s)) }
		equal("SUMMARY", oneLine(summary))
		equal("LOCATION", oneLine(location))
		if got, err := props.Get("ATTACH").Binary(); err != nil || string(got) != string(data) {
			t.Fatalf("%x, %v", got, err)
		}
		// What ends with a backslash has a blank after it, see the line writer.
		blanks := func(s string) string { return strings.TrimRight(s, " ") }
		if got := decodeParam(props.Get("ORGANIZER").Params.Get("CN")); blanks(got) != blanks(oneLine(name)) {
			t.Fatalf("CN is %q, want %q", got, oneLine(name))
		}
	})
}

// Occurrences are those that another program finds by the rule, in any zone.
func TestSeriesExpands(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Sydney"} {
		z := zone(t, name)
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		rapid.Check(t, func(t *rapid.T) {
			start := time.Date(2024, time.Month(rapid.IntRange(1, 12).Draw(t, "month")), rapid.IntRange(1, 28).Draw(t, "day"), rapid.IntRange(4, 23).Draw(t, "hour"), 0, 0, 0, loc)
			days := rapid.IntRange(0, 400).Draw(t, "days")
			last := start.AddDate(0, 0, days)
			it := item(&formats.Event{
				Details: formats.Details{UID: "1"}, Start: formats.Zoned(start, z),
				Series: &formats.Series{Rule: &formats.Recurrence{Frequency: formats.Daily, Until: formats.Zoned(last, z)}},
			})
			var b strings.Builder
			if err := ical.NewEncoder(ical.Options{}).Encode(&b, it); err != nil {
				t.Fatal(err)
			}
			cal := checkReaders(t, b.String())
			component := cal.Children[len(cal.Children)-1]
			got, err := component.Props.DateTime("DTSTART", time.UTC)
			if err != nil || !got.Equal(start) {
				t.Fatalf("%s, %v; want %s", got, err, start)
			}
			opt, err := rrule.StrToROption(component.Props.Get("RRULE").Value)
			if err != nil {
				t.Fatal(err)
			}
			opt.Dtstart = start
			rule, err := rrule.NewRRule(*opt)
			if err != nil {
				t.Fatal(err)
			}
			if all := rule.All(); len(all) != days+1 || !all[days].Equal(last) {
				t.Fatalf("%d occurrences to %s, want %d to %s", len(all), all[len(all)-1], days+1, last)
			}
		})
	}
}

// Two runs over the same items write the same bytes, whatever the order of what has none.
func TestDeterministic(t *testing.T) {
	var first string
	for range 3 {
		var b strings.Builder
		if err := ical.NewEncoder(ical.Options{}).Encode(&b, meeting(t)); err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = b.String()
		} else if b.String() != first {
			t.Fatalf("%s\nand\n%s", first, b.String())
		}
	}
}

// FuzzText looks for texts that end a line, a property or a component.
func FuzzText(f *testing.F) {
	for _, s := range []string{"a\r\nEND:VEVENT", "\xe2\x80", "^n\"", "a\\", strings.Repeat("ä", 80), "\u0085x\u2028"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		it := item(&formats.Event{
			Details: formats.Details{
				UID: s, Summary: s, Text: formats.Bytes(s), URL: s, Color: s, Contacts: []string{s}, Companies: []string{s},
				Attachments: []*formats.Part{{Name: s, Type: s, Location: s}},
				Extra:       []formats.Property{{Name: s, Value: s, Structured: true, Params: []formats.Param{{Name: s, Value: s}}}},
			},
			Start:       formats.Zoned(modified, &formats.Zone{ID: s, Name: s, Onsets: []formats.Onset{{Name: s, Start: modified}}}),
			Location:    s,
			Meeting:     &formats.Meeting{Organizer: &formats.Address{Name: s, Stored: s, Placeholder: s}, SentBy: &formats.Address{SMTP: s}},
			Conferences: []formats.Link{{URI: s, Label: s}},
		})
		it.Keywords = []string{s, s}
		var b strings.Builder
		if err := ical.NewEncoder(ical.Options{Name: s, Color: s, ScheduleAgent: s}).Encode(&b, it); err != nil {
			t.Fatal(err)
		}
		cal := checkReaders(t, b.String())
		if len(cal.Children) != 2 || len(cal.Children[1].Children) != 0 {
			t.Fatal(fmt.Sprint(len(cal.Children)), b.String())
		}
	})
}
