package files_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mailmill/extract"
	sourcefiles "mailmill/extract/archives"
	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/load"
	"mailmill/load/files"
	"mailmill/load/verify"
)

// verified compares what a run would write with what a place holds.
func verified(t testing.TB, dir string, sources archiveList, o files.Options) (*load.Result, *verify.Report) {
	t.Helper()
	plan := load.Plan{Jobs: 3}
	for _, s := range sources {
		o.Sources = append(o.Sources, files.Source{Name: s.name, Folders: s.folders})
		plan.Sources = append(plan.Sources, load.Input{Name: s.name, Source: s.source})
	}
	mirror, err := files.OpenMirror(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	target := verify.New(mirror, verify.Options{})
	plan.Routes = []load.Route{{Target: target, Kinds: files.FormOf(dir).Kinds(o.Kinds)}}
	result, err := load.Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	return result, target.Report()
}

// archiveList are sources in an order.
type archiveList []struct {
	name    string
	folders []*formats.Folder
	source  load.Source
}

func listed(sources archives) (list archiveList) {
	names := make([]string, 0, len(sources))
	for name := range sources {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		list = append(list, struct {
			name    string
			folders []*formats.Folder
			source  load.Source
		}{name, sources[name].folders, sources[name]})
	}
	return list
}

// written converts sources.
func written(t testing.TB, dir string, sources archiveList, o files.Options) *load.Result {
	t.Helper()
	plan := load.Plan{Jobs: 3}
	for _, s := range sources {
		o.Sources = append(o.Sources, files.Source{Name: s.name, Folders: s.folders})
		plan.Sources = append(plan.Sources, load.Input{Name: s.name, Source: s.source})
	}
	target, err := files.Open(dir, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	plan.Routes = []load.Route{{Target: target, Kinds: files.FormOf(dir).Kinds(o.Kinds)}}
	result, err := load.Run(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func told(r *verify.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "same %d, missing %d, doubled %d, different %d, extra %d\n", r.Same, r.Missing, r.Doubled, r.Different, r.Extra)
	for i := range r.Differences[:min(len(r.Differences), 10)] {
		d := &r.Differences[i]
		fmt.Fprintf(&b, "  %s %s %s %q %q", d.What, d.Place, d.ID, d.Subject, d.Identity)
		for _, f := range d.Fields {
			fmt.Fprintf(&b, "\n    %s: want %q, got %q", f.Field, f.Want, f.Got)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// everything is a mailbox with all that files treat in a special way.
func everything() *archive {
	a := office()
	inbox, calendar := a.folder("Inbox"), a.folder("Team")
	m := a.mail(inbox, "Flagged", "From here\r\n>From there\r\n")
	m.Flags = formats.FlagSeen | formats.FlagForwarded | formats.FlagFlagged
	m.Keywords = []string{"Rot", "Größe XL", "a,b"}
	a.mail(inbox, "No date", "x").Received = time.Time{}
	a.items[len(a.items)-1].Date, a.items[len(a.items)-1].Entry.Date = time.Time{}, time.Time{}
	twice := a.mail(inbox, "Twice", "one")
	again := *twice
	again.Index, again.ID = uint64(len(a.items)), fmt.Sprint(len(a.items))
	a.items = append(a.items, &again)
	a.mail(inbox, "Follow", "up").FollowUp = &formats.Task{Details: formats.Details{UID: "flag", Summary: "Offer"}, Due: formats.Date(2014, 3, 28)}
	series := a.event(calendar, "Weekly", "weekly")
	series.Series = &formats.Series{Rule: &formats.Recurrence{Frequency: formats.Daily}}
	series.Overrides = []*formats.Event{override("weekly", 29)}
	id := func(day int) formats.Moment { return override("", day).RecurrenceID }
	a.occurrence(calendar, "Late", "weekly", id(30))
	a.occurrence(calendar, "Known", "weekly", id(29))
	a.occurrence(calendar, "Alone", "orphan", id(30))
	a.event(calendar, "Review", "review").Overrides = []*formats.Event{override("review", 29)}
	a.event(calendar, "Review again", "review").Overrides = []*formats.Event{override("review", 29)}
	other := a.event(calendar, "Other", "other")
	other.Start.Zone = &formats.Zone{ID: "Europe/Berlin", Onsets: []formats.Onset{{Before: 0, After: 7200}}}
	big := a.event(calendar, "Plans", "plans")
	big.Attachments = []*formats.Part{
		{Type: "text/plain", Name: "small.txt", Content: formats.Bytes("small"), Size: 5},
		{Type: "application/x-dwg", Name: "plan & co?.dwg", Content: stream{size: 3 << 20}, Size: 3 << 20},
		{Type: "application/x-dwg", Name: "plan & co?.dwg", Content: broken{}, Size: 3 << 20},
	}
	a.contact(calendar, "Alice", aliceUID)
	a.contact(calendar, "Alice again", aliceUID)
	a.note(calendar, "Milk", "milk", "Milk\r\nand bread\r\n")
	return a
}

// places are targets of all forms, with the options that make a difference.
func places(visit func(name string, o files.Options)) {
	for _, format := range files.Formats() {
		for _, split := range []bool{false, true} {
			for _, name := range []string{"out", "all.tar", "all.tar.zst", "all.tgz", "all.zip"} {
				visit(name, files.Options{Format: format, Split: split, TextNotes: split, Inside: 1 << 20, FollowUps: true})
			}
		}
	}
	for _, name := range []string{"all.mbox", "all.mbox.zst", "all.mbox.gz", "all.ics", "all.vcf"} {
		visit(name, files.Options{Format: files.MBOX})
	}
}

// What was written is found again, whatever the form.
func TestVerifyEverything(t *testing.T) {
	places(func(name string, o files.Options) {
		t.Run(fmt.Sprintf("%s/%s/%v", name, o.Format.Name(), o.Split), func(t *testing.T) {
			temporary := t.TempDir()
			t.Setenv("TMPDIR", temporary)
			dir := filepath.Join(t.TempDir(), name)
			sources := listed(archives{"alice.pst": everything(), "bob.pst": office()})
			wrote := written(t, dir, sources, o).Balance.Total()
			result, report := verified(t, dir, sources, o)
			if got := result.Balance.Total(); report.Found() != 0 || got.Unchanged != wrote.Written || got.Failed != wrote.Failed || got.Filtered != wrote.Filtered {
				t.Errorf("%+v of %+v written\n%s", got, wrote, told(report))
			}
			if left := tree(t, temporary); len(left) > 0 {
				t.Errorf("left behind: %q", names(left))
			}
		})
	})
}

// What was written of real archives is found again.
func TestVerifyCorpus(t *testing.T) {
	for _, name := range []string{corpustest.Sample(), corpustest.File(t, "synthetic/small.pst")} {
		archive, err := sourcefiles.Open(t.Context(), name, extract.Options{}, func(err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		defer archive.Close()
		sources := archiveList{{name, archive.Folders(), archive}}
		places(func(place string, o files.Options) {
			t.Run(fmt.Sprintf("%s/%s/%s/%v", filepath.Base(name), place, o.Format.Name(), o.Split), func(t *testing.T) {
				dir := filepath.Join(t.TempDir(), place)
				wrote := written(t, dir, sources, o).Balance.Total()
				result, report := verified(t, dir, sources, o)
				if got := result.Balance.Total(); report.Found() != 0 || got.Unchanged != wrote.Written {
					t.Errorf("%+v of %+v written\n%s", got, wrote, told(report))
				}
			})
		})
	}
}
