package outlook_test

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/corpustest"
	"mailmill/formats/pst"
)

// TestCorpusEvents compares the events of the real archives with what pffexport shows of them: all are there, exceptions
// included, with their subject, start, end and location.
func TestCorpusEvents(t *testing.T) {
	for name, want := range map[string]struct{ events, exceptions int }{
		"4k-page.ost": {160, 0}, "ansi-32-bit.pst": {1, 0}, "dist-list.pst": {1, 2}, "aspose-outlook-1.pst": {1, 0}, "enron.pst": {}, "support.pst": {},
	} {
		t.Run(name, func(t *testing.T) {
			path := corpustest.File(t, "pst/"+name)
			events, exceptions := make(map[string]int), 0
			f, err := pst.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			c := outlook.New(outlook.Options{})
			n := 0
			for id := range f.Nodes() {
				if pst.KindOf(id) != pst.KindMessage {
					continue
				}
				m, err := f.Message(id)
				if err != nil {
					t.Fatal(err)
				}
				v, _ := m.Lookup(0x001A)
				if outlook.KindOf(v.Text(1252)) != formats.KindEvent {
					continue
				}
				it, err := c.Item(formats.Entry{}, m)
				if err != nil || len(it.Damage) > 0 {
					t.Fatalf("%v: %v %v", id, err, it.Damage)
				}
				n++
				checkCalendar(t, it)
				events[shown(it.Event)]++
				for _, o := range it.Event.Overrides {
					exceptions++
					o.Summary, o.Location = "", "" // in the file those are not there where the series has the same
					events[shown(o)]++
				}
			}
			if n != want.events || exceptions != want.exceptions {
				t.Errorf("%d events with %d exceptions, want %d and %d", n, exceptions, want.events, want.exceptions)
			}
			if testing.Short() || want.events == 0 {
				return
			}
			for of, n := range exported(t, path) {
				if events[of] < n {
					t.Errorf("pffexport shows %s, %d times", of, n)
				}
			}
		})
	}
}

// checkCalendar has the calendar read by another program.
func checkCalendar(t *testing.T, it *formats.Item) {
	t.Helper()
	if list := readEvents(t, calendarOf(t, it)); len(list) != 1+len(it.Event.Overrides) {
		t.Errorf("%d events are written of %q", len(list), it.Subject)
	}
}

// shown returns of an event what pffexport shows of it. Whole days begin for it at some midnight, which is not told
// apart here.
func shown(e *formats.Event) string {
	at := e.Start.Time(nil)
	if e.Start.IsDate() {
		return fmt.Sprintf("%s | whole day %s | %s", e.Summary, at.Format(time.DateOnly), e.Location)
	}
	return fmt.Sprintf("%s | %s to %s | %s", e.Summary, at.Format(time.DateTime), e.End.Time(nil).Format(time.DateTime), e.Location)
}

// exported returns what pffexport shows of the events of an archive.
func exported(t *testing.T, path string) map[string]int {
	t.Helper()
	tool, err := exec.LookPath("pffexport")
	if err != nil {
		corpustest.Missing(t, "pffexport is not installed")
	}
	dir := filepath.Join(t.TempDir(), "out")
	if out, err := exec.Command(tool, "-q", "-t", dir, path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	list := make(map[string]int)
	err = filepath.WalkDir(dir+".export", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "Appointment.txt" {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fields := make(map[string]string)
		for line := range strings.Lines(string(b)) {
			if name, value, found := strings.Cut(line, ":"); found {
				fields[name] = strings.TrimSpace(value)
			}
		}
		clock := func(name string) time.Time {
			at, err := time.Parse("Jan 02, 2006 15:04:05 MST", fields[name])
			if err != nil {
				t.Fatalf("%s: %s: %v", path, name, err)
			}
			return at.UTC()
		}
		start, end := clock("Start time"), clock("End time")
		e := &formats.Event{Location: fields["Location"], Start: formats.Instant(start), End: formats.Instant(end)}
		e.Summary = fields["Subject"]
		if end.Sub(start) == 24*time.Hour {
			e.Start = formats.Date(start.Add(12 * time.Hour).Date())
			if start.Hour() < 12 { // it is midnight to the west of Greenwich
				e.Start = formats.Date(start.Date())
			}
		}
		list[shown(e)]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}
