// Package itemtest makes items of every kind for tests, with everything that the model can hold: for what writes items,
// and for whoever judges what was written.
//
// The items make sense as the items of people do: series begin on one of their own days, exceptions replace occurrences
// that are there, ends follow starts. Their texts are what people write: several lines in descriptions, one everywhere
// else, in any script, with everything that means something in calendars and cards, but without control characters.
package itemtest

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"mailmill/formats"
)

// Examples returns n items of each of the kinds that calendars and cards hold. The same n always gives the same items;
// each has a UID of its own, of letters, digits, "-" and ":".
func Examples(n int) []*formats.Item {
	var items []*formats.Item
	for _, g := range []*rapid.Generator[*formats.Item]{Event(), Task(), Journal(), Note(), Contact(), Group()} {
		for i := range n {
			it := g.Example(i)
			switch uid := fmt.Sprintf("%s-%d", it.Kind, i); {
			case it.Event != nil:
				it.Event.UID = uid
				for _, o := range it.Event.Overrides {
					o.UID = uid
				}
			case it.Task != nil:
				it.Task.UID = uid
			case it.Journal != nil:
				it.Journal.UID = uid
			case it.Note != nil:
				it.Note.UID = uid
			case it.Contact != nil:
				it.Contact.UID = fmt.Sprintf("urn:uuid:00000000-0000-4000-8000-0000000c%04x", i)
			case it.Group != nil:
				it.Group.UID = fmt.Sprintf("urn:uuid:00000000-0000-4000-8000-0000000d%04x", i)
			}
			items = append(items, it)
		}
	}
	return items
}

var words = []string{
	"Besprechung", "Größe", "план", "予定", "اجتماع", "פגישה", "𝔘𝔫𝔦", "😀👩‍👩‍👧", "naïve", "a", "x1", "e\u0301", "100 %", "1+1=2",
	"a,b", ", ", ";", "; ", `\`, `\n`, `\,`, `"`, `"quoted"`, "'", "^", "^n", "^'", ":", "::", "http://example.org/?a=b;c,d#e", "<b>", "&amp;",
	"BEGIN:VEVENT", "END:VCARD", "TZID=", "=3D", "=0A", "#", "-", "–", "…", "\u00a0", "\u200f", "mailto:a@b.example", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	strings.Repeat("ü", 45), strings.Repeat("😀", 25),
}

// Line returns texts of one line that begin and end with something to be seen. They may be empty.
func Line() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		var b strings.Builder
		for i, w := range rapid.SliceOfN(rapid.SampledFrom(words), 0, 6).Draw(t, "words") {
			if i > 0 && rapid.Bool().Draw(t, "blank") {
				b.WriteByte(' ')
			}
			b.WriteString(w)
		}
		// A backslash at the end of a parameter is given a blank, by which others than we would be confused.
		return strings.TrimRightFunc(strings.TrimSpace(b.String()), func(r rune) bool { return r == '\\' || unicode.IsSpace(r) })
	})
}

// Some returns texts of one line that are not empty.
func Some() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom(words[:13]).Draw(t, "first") + Line().Draw(t, "rest")
	})
}

// Lines returns texts of any number of lines, parted by one LF each.
func Lines() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(Line(), 0, 5).Draw(t, "lines"), "\n")
	})
}

func content(t *rapid.T, name string) formats.Content {
	if text := Lines().Draw(t, name); text != "" {
		return formats.Bytes(text)
	}
	return nil
}

// oneOf draws a value that is the zero one in half of all cases.
func oneOf[T any](t *rapid.T, name string, g *rapid.Generator[T]) (v T) {
	if rapid.Bool().Draw(t, "has "+name) {
		v = g.Draw(t, name)
	}
	return v
}

func several[T any](t *rapid.T, name string, most int, g *rapid.Generator[T]) []T {
	return rapid.SliceOfN(g, 0, most).Draw(t, name)
}

// Instants returns points of time, whole seconds between 1990 and 2037.
func Instants() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(631152000, 2114380800).Draw(t, "seconds"), 0).UTC()
	})
}

// Addresses returns participants: resolved, unresolved, and with nothing but a name.
func Addresses() *rapid.Generator[*formats.Address] {
	return rapid.Custom(func(t *rapid.T) *formats.Address {
		a := &formats.Address{Name: Line().Draw(t, "name")}
		switch rapid.IntRange(0, 4).Draw(t, "sort") {
		case 0:
			a.Stored = "/o=Org/ou=First Administrative Group/cn=Recipients/cn=" + rapid.StringMatching(`[a-z]{3,8}`).Draw(t, "dn")
			a.Placeholder = "ex-" + rapid.StringMatching(`[0-9a-f]{12}`).Draw(t, "placeholder") + "@unresolved.invalid"
			a.Via = formats.ViaNone
		case 1:
			a.Name = Some().Draw(t, "only name")
			a.Via = formats.ViaNone
		default:
			a.SMTP = rapid.StringMatching(`[a-z][a-z0-9._+'-]{0,10}[a-z]@[a-z]{1,8}\.example`).Draw(t, "smtp")
			a.Stored, a.Via = a.SMTP, formats.ViaStored
		}
		return a
	})
}

// Parts returns attachments: files of any bytes, links, and mails.
func Parts() *rapid.Generator[*formats.Part] {
	return rapid.Custom(func(t *rapid.T) *formats.Part {
		p := &formats.Part{Name: Line().Draw(t, "file")}
		switch rapid.IntRange(0, 4).Draw(t, "sort") {
		case 0:
			p.Location = "https://example.org/" + rapid.StringMatching(`[a-z0-9/]{0,20}`).Draw(t, "link")
		case 1:
			p.Type = "message/rfc822"
			p.Message = &formats.Mail{MessageID: "<1@example.org>", Root: &formats.Part{Type: "text/plain", Content: formats.Bytes("Hello\n")}}
		default:
			p.Type = rapid.SampledFrom([]string{"", "text/plain", "application/pdf", "image/png", "nonsense"}).Draw(t, "type")
			p.Content = bytesOf(t, "bytes", 300)
			if rapid.IntRange(0, 4).Draw(t, "empty") == 0 {
				p.Name, p.Content = "empty.txt", formats.Bytes("")
			}
		}
		return p
	})
}

func bytesOf(t *rapid.T, name string, most int) formats.Content {
	return formats.Bytes(string(rapid.SliceOfN(rapid.Byte(), 1, most).Draw(t, name)))
}

func links(t *rapid.T, name string) string {
	return "https://example.org/" + rapid.StringMatching(`[a-z0-9/?=&;,]{0,20}`).Draw(t, name)
}

func details(t *rapid.T) formats.Details {
	d := formats.Details{
		UID:       rapid.StringMatching(`[0-9A-F]{8,120}`).Draw(t, "uid"),
		Sequence:  rapid.IntRange(0, 3).Draw(t, "sequence"),
		Stamp:     oneOf(t, "stamp", Instants()),
		Created:   oneOf(t, "created", Instants()),
		Modified:  oneOf(t, "modified", Instants()),
		Summary:   Line().Draw(t, "summary"),
		Text:      content(t, "text"),
		Class:     rapid.SampledFrom([]formats.Class{formats.ClassPublic, formats.ClassPrivate, formats.ClassConfidential}).Draw(t, "class"),
		Priority:  rapid.SampledFrom([]int{0, 1, 5, 9}).Draw(t, "priority"),
		Color:     rapid.SampledFrom([]string{"", "gold", "lightyellow"}).Draw(t, "color"),
		Contacts:  several(t, "contacts", 2, Some()),
		Companies: several(t, "companies", 2, Some()),
	}
	if rapid.Bool().Draw(t, "has html") {
		d.HTML = formats.Bytes("<p>" + Lines().Draw(t, "html") + "</p>")
	}
	if rapid.Bool().Draw(t, "has url") {
		d.URL = links(t, "url")
	}
	d.Attachments = several(t, "attachments", 2, Parts())
	for range rapid.IntRange(0, 2).Draw(t, "extras") {
		d.Extra = append(d.Extra, formats.Property{
			Name: "X-PST-" + rapid.StringMatching(`[A-Z]{1,8}`).Draw(t, "extra name"), Value: Lines().Draw(t, "extra"),
			Params: several(t, "params", 1, rapid.Just(formats.Param{Name: "X-P", Value: "a:b"})),
		})
	}
	return d
}

func item(t *rapid.T, kind formats.Kind) *formats.Item {
	it := &formats.Item{Entry: formats.Entry{Kind: kind}, Modified: Instants().Draw(t, "changed")}
	seen := make(map[string]bool)
	for _, k := range several(t, "keywords", 3, Some()) {
		if !seen[k] {
			it.Keywords = append(it.Keywords, k)
		}
		seen[k] = true
	}
	return it
}

// Note returns notes.
func Note() *rapid.Generator[*formats.Item] {
	return rapid.Custom(func(t *rapid.T) *formats.Item {
		it := item(t, formats.KindNote)
		it.Note = &formats.Note{Details: details(t)}
		return it
	})
}

// Journal returns entries of a journal.
func Journal() *rapid.Generator[*formats.Item] {
	return rapid.Custom(func(t *rapid.T) *formats.Item {
		it := item(t, formats.KindJournal)
		j := &formats.Journal{Details: details(t), Activity: Line().Draw(t, "activity")}
		if rapid.Bool().Draw(t, "has start") {
			j.Start, j.End = span(t)
			j.Duration = time.Duration(rapid.IntRange(0, 600).Draw(t, "minutes")) * time.Minute
		}
		it.Journal = j
		return it
	})
}

// Task returns tasks: alone and in series, given and taken.
func Task() *rapid.Generator[*formats.Item] {
	return rapid.Custom(func(t *rapid.T) *formats.Item {
		it := item(t, formats.KindTask)
		k := &formats.Task{
			Details: details(t),
			Status:  rapid.SampledFrom([]formats.TaskStatus{formats.TaskNotStarted, formats.TaskInProgress, formats.TaskComplete, formats.TaskWaiting, formats.TaskDeferred}).Draw(t, "status"),
			Percent: rapid.IntRange(0, 100).Draw(t, "percent"),
			Owner:   oneOf(t, "owner", Addresses()), Assigner: oneOf(t, "assigner", Addresses()),
			Accepted:     rapid.SampledFrom([]formats.AttendeeStatus{formats.NeedsAction, formats.Accepted, formats.Declined}).Draw(t, "accepted"),
			ActualEffort: time.Duration(rapid.IntRange(0, 100).Draw(t, "actual")) * time.Minute, EstimatedEffort: time.Duration(rapid.IntRange(0, 100).Draw(t, "estimated")) * time.Hour,
		}
		if k.Status == formats.TaskComplete {
			k.Completed = oneOf(t, "completed", Instants())
		}
		switch rapid.IntRange(0, 4).Draw(t, "times") {
		case 0:
		case 1:
			k.Due = day(t)
		case 2:
			s := makeSeries(t, []formats.MomentForm{formats.MomentDate})
			k.Start, k.Due, k.Series = s.start, s.start, s.series
		case 3:
			k.Due = day(t)
			k.Regenerate = &formats.Recurrence{Frequency: formats.Weekly, Interval: rapid.IntRange(1, 3).Draw(t, "weeks")}
		default:
			k.Start, k.Due = day(t), day(t)
			if k.Due.Clock.Before(k.Start.Clock) {
				k.Start, k.Due = k.Due, k.Start
			}
		}
		k.Alarms = alarms(t)
		it.Task = k
		return it
	})
}

func day(t *rapid.T) formats.Moment { return formats.Date(Instants().Draw(t, "day").Date()) }

func alarms(t *rapid.T) []formats.Alarm {
	return several(t, "alarms", 2, rapid.Custom(func(t *rapid.T) formats.Alarm {
		a := formats.Alarm{Text: Line().Draw(t, "alarm"), Before: time.Duration(rapid.IntRange(-120, 20160).Draw(t, "before")) * time.Minute}
		if rapid.IntRange(0, 3).Draw(t, "fixed") == 0 {
			a.At, a.Before = Instants().Draw(t, "at"), 0
		}
		return a
	}))
}
