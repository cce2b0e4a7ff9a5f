package files_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
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

// What was written of archives is found again: of one in all forms, of most in one.
func TestVerifyCorpus(t *testing.T) {
	list, err := filepath.Glob(filepath.Join(corpustest.Dir(t), "pst", "*"))
	if err != nil {
		t.Fatal(err)
	}
	small := corpustest.File(t, "synthetic/small.pst")
	for _, name := range append([]string{corpustest.Sample(), small}, list...) {
		archive, err := sourcefiles.Open(t.Context(), name, extract.Options{}, func(err error) { t.Error(err) })
		if err != nil {
			continue // the corpus has some of which nothing can be read
		}
		defer archive.Close()
		sources := archiveList{{name, archive.Folders(), archive}}
		places(func(place string, o files.Options) {
			all := name == corpustest.Sample() || name == small && place == "out"
			if !all && (place != "out" || o.Split || o.Format != files.MBOX) {
				return
			}
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

// edited replaces text in a file that holds it.
func edited(t testing.TB, path, old, new string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		t.Fatalf("%s has no %q", path, old)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(data), old, new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// found returns the one file that a pattern matches.
func found(t testing.TB, dir, pattern string) string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
	if err != nil || len(list) != 1 {
		t.Fatalf("%s: %q, %v", pattern, list, err)
	}
	return list[0]
}

// What somebody does to the files is told exactly.
func TestVerifyChangedFiles(t *testing.T) {
	moved := func(t *testing.T, from, to string) {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	copied := func(t *testing.T, from, to string) {
		data, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(to, data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name   string
		o      files.Options
		change func(t *testing.T, dir string)
		want   string // the first difference
		counts string
	}{
		{
			"mail deleted",
			files.Options{Format: files.EML},
			func(t *testing.T, dir string) { os.Remove(found(t, dir, "Inbox/*Flagged*.eml")) },
			`missing Inbox/ "Flagged"`, "1 0 0 0",
		},
		{
			"mail copied",
			files.Options{Format: files.EML},
			func(t *testing.T, dir string) {
				copied(t, found(t, dir, "Inbox/*Flagged*.eml"), filepath.Join(dir, "Inbox", "copy.eml"))
			},
			`doubled Inbox/ "Flagged"`, "0 1 0 0",
		},
		{
			"mail added",
			files.Options{Format: files.EML},
			func(t *testing.T, dir string) { write(t, filepath.Join(dir, "New", "mail.eml"), "Subject: New\n\n") },
			`extra New/ "New"`, "0 0 0 1",
		},
		{
			"mail moved",
			files.Options{Format: files.EML},
			func(t *testing.T, dir string) {
				moved(t, found(t, dir, "Inbox/*Flagged*.eml"), filepath.Join(dir, "Deleted Items", "moved.eml"))
			},
			`missing Inbox/ "Flagged"`, "1 0 0 1",
		},
		{
			"mail edited",
			files.Options{Format: files.EML},
			func(t *testing.T, dir string) { edited(t, found(t, dir, "Inbox/*Flagged*.eml"), "there", "here!") },
			`different Inbox/ "Flagged" content`, "0 0 1 0",
		},
		{
			"mbox edited",
			files.Options{Format: files.MBOX},
			func(t *testing.T, dir string) {
				edited(t, filepath.Join(dir, "Inbox.mbox"), "there", "here!")
			},
			`different Inbox.mbox "Flagged" content`, "0 0 1 0",
		},
		{
			"mbox state",
			files.Options{Format: files.MBOX},
			func(t *testing.T, dir string) { edited(t, filepath.Join(dir, "Inbox.mbox"), "Status: RO", "Status: O") },
			`different Inbox.mbox "Flagged" flags`, "0 0 1 0",
		},
		{
			"mbox gone",
			files.Options{Format: files.MBOX},
			func(t *testing.T, dir string) { os.Remove(filepath.Join(dir, "Deleted Items.mbox")) },
			`missing Deleted Items.mbox "Offer"`, "2 0 0 0",
		},
		{
			"calendar edited",
			files.Options{Format: files.MBOX},
			func(t *testing.T, dir string) {
				edited(t, filepath.Join(dir, "Calendar.ics"), "SUMMARY:Lunch", "SUMMARY:Launch")
			},
			`different Calendar.ics "Lunch" SUMMARY`, "0 0 1 0",
		},
		{
			"occurrence deleted",
			files.Options{Format: files.MBOX, Split: true},
			func(t *testing.T, dir string) {
				edited(t, filepath.Join(dir, "Team", "weekly.ics"), "RECURRENCE-ID;TZID=Europe/Berlin:20140329", "RECURRENCE-ID;TZID=Europe/Berlin:20140331")
			},
			`different Team/ "Weekly" weekly 2014-03-29T08:00:00Z: component`, "0 0 1 1",
		},
		{
			"card edited",
			files.Options{Format: files.MBOX, Split: true},
			func(t *testing.T, dir string) {
				edited(t, filepath.Join(dir, "Contacts", aliceUID[9:]+".vcf"), "FN:Alice", "FN:Bob")
			},
			`different Contacts/ "Alice" FN`, "0 0 1 0",
		},
		{
			"text edited",
			files.Options{Format: files.MBOX, TextNotes: true},
			func(t *testing.T, dir string) { edited(t, found(t, dir, "Notes/*.txt"), "bread", "butter") },
			`different Notes/ "Milk" content`, "0 0 1 0",
		},
		{
			"attachment edited",
			files.Options{Format: files.MBOX, Inside: 1 << 20},
			func(t *testing.T, dir string) { appendTo(t, found(t, dir, "Team.files/*/*.dwg"), "x") },
			`different Team.ics "Plans" plan & co_.dwg: content`, "0 0 1 0",
		},
		{
			"read in a Maildir",
			files.Options{Format: files.Maildir},
			func(t *testing.T, dir string) {
				name := found(t, dir, "cur/*2,FPS*")
				moved(t, name, strings.Replace(name, "2,FPS", "2,FP", 1))
			},
			`different ./ "Flagged" flags`, "0 0 1 0",
		},
		{
			"new in a Maildir",
			files.Options{Format: files.Maildir},
			func(t *testing.T, dir string) { write(t, filepath.Join(dir, "new", "1.2.host"), "Subject: New\n\n") },
			`extra ./ "New"`, "0 0 0 1",
		},
		{
			"files of other sorts",
			files.Options{Format: files.EML, Kinds: []formats.Kind{formats.KindMail}},
			func(t *testing.T, dir string) { write(t, filepath.Join(dir, "list.ics"), "BEGIN:VEVENT\nEND:VEVENT\n") },
			"", "0 0 0 0",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			sources := listed(archives{"alice.pst": everything()})
			written(t, dir, sources, tt.o)
			tt.change(t, dir)
			_, r := verified(t, dir, sources, tt.o)
			first := ""
			for _, d := range r.Differences[:min(len(r.Differences), 1)] {
				first = fmt.Sprintf("%s %s %q", d.What, d.Place, d.Subject)
				if len(d.Fields) > 0 {
					first += " " + d.Fields[0].Field
				}
			}
			if counts := fmt.Sprint(r.Missing, r.Doubled, r.Different, r.Extra); counts != tt.counts || first != tt.want {
				t.Errorf("%s\n%s", first, told(r))
			}
		})
	}
}

// What cannot be read back is told before anything is compared.
func TestOpenMirror(t *testing.T) {
	dir := t.TempDir()
	o := files.Options{Format: files.MBOX}
	for _, name := range []string{"nothing", "nothing.tar", "nothing.mbox"} {
		if _, err := files.OpenMirror(filepath.Join(dir, name), o); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := files.OpenMirror("-", o); !errors.Is(err, files.ErrNoTarget) {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"bad.zip", "bad.tar", "bad.tgz", "bad.tar.zst", "bad.mbox.zst"} {
		path := filepath.Join(dir, name)
		write(t, path, "no archive of any sort")
		m, err := files.OpenMirror(path, o)
		if err == nil && name != "bad.mbox.zst" {
			t.Errorf("%s is an archive", name)
		}
		if err == nil {
			m.Close()
		}
	}
	written(t, filepath.Join(dir, "out.zip"), listed(archives{"alice.pst": office()}), files.Options{Format: files.EML, Record: map[string]string{"split": "true"}})
	format, options, ok, err := files.Recorded(filepath.Join(dir, "out.zip"))
	if err != nil || !ok || format != "eml" || options["split"] != "true" {
		t.Errorf("%s, %v, %v, %v", format, options, ok, err)
	}
}
