package report

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/verify"
)

// kindTitles are the names of the kinds in tables.
var kindTitles = map[formats.Kind]string{
	formats.KindMail: "mail", formats.KindEvent: "events", formats.KindTask: "tasks", formats.KindContact: "contacts",
	formats.KindGroup: "lists", formats.KindNote: "notes", formats.KindJournal: "journal", formats.KindOther: "other",
}

// WriteBalance writes a balance as a table, a row a kind. Columns that a run may not need are there when they are not
// empty.
func WriteBalance(w io.Writer, b load.Balance) {
	columns := []struct {
		title  string
		of     func(load.Count) int
		always bool
	}{
		{"found", func(c load.Count) int { return c.Found }, true},
		{"written", func(c load.Count) int { return c.Written }, true},
		{"unchanged", func(c load.Count) int { return c.Unchanged }, false},
		{"filtered", func(c load.Count) int { return c.Filtered }, false},
		{"duplicate", func(c load.Count) int { return c.Duplicate }, false},
		{"failed", func(c load.Count) int { return c.Failed }, true},
	}
	total := b.Total()
	header := []string{""}
	for _, column := range columns {
		if column.always || column.of(total) > 0 {
			header = append(header, column.title)
		}
	}
	rows := table{header}
	row := func(title string, c load.Count) {
		cells := []string{title}
		for _, column := range columns {
			if column.always || column.of(total) > 0 {
				cells = append(cells, Count(column.of(c)))
			}
		}
		rows = append(rows, cells)
	}
	kinds := 0
	for _, kind := range formats.Kinds() {
		if c := b[kind]; c != nil && c.Found > 0 {
			row(kindTitles[kind], *c)
			kinds++
		}
	}
	if kinds != 1 {
		row("total", total)
	}
	rows.write(w, 0)
}

// Tally is what became of the items that went to one target.
type Tally struct {
	Target                                string
	Written, Unchanged, Duplicate, Failed int
	Bytes                                 int64 // that were written
}

// WriteTargets writes a line for each target of a run.
func WriteTargets(w io.Writer, targets []Tally) {
	for i := range targets {
		t := &targets[i]
		line := Printable(t.Target) + "  " + Count(t.Written) + " written"
		if t.Written > 0 {
			line += " (" + Bytes(t.Bytes) + ")"
		}
		for _, n := range []struct {
			of   int
			what string
		}{{t.Unchanged, "unchanged"}, {t.Duplicate, "duplicate"}, {t.Failed, "failed"}} {
			if n.of > 0 {
				line += ", " + Count(n.of) + " " + n.what
			}
		}
		fmt.Fprintln(w, line)
	}
}

// kindNames are what one item of a kind, and several, are called.
var kindNames = map[formats.Kind][2]string{
	formats.KindMail: {"mail", "mails"}, formats.KindEvent: {"event", "events"}, formats.KindTask: {"task", "tasks"},
	formats.KindContact: {"contact", "contacts"}, formats.KindGroup: {"list", "lists"}, formats.KindNote: {"note", "notes"},
	formats.KindJournal: {"journal entry", "journal entries"}, formats.KindOther: {"other item", "other items"},
}

// Kinds writes a number of items of a kind: 2,000 mails.
func Kinds(n int, kind formats.Kind) string {
	if n == 1 {
		return "1 " + kindNames[kind][0]
	}
	return Count(n) + " " + kindNames[kind][1]
}

// WriteFaults writes the items that were written although a part is lost or in doubt, those that failed, and those that
// were left as somebody changed them on the target, one a line.
// Where the run had several sources each line names its own.
func WriteFaults(w io.Writer, result *load.Result, several bool) {
	source := func(name string) string {
		if !several {
			return ""
		}
		return Printable(name) + "  "
	}
	if n := len(result.Damaged); n > 0 {
		if n == 1 {
			fmt.Fprintln(w, "1 item is damaged and was written with what can be read of it:")
		} else {
			fmt.Fprintf(w, "%s items are damaged and were written with what can be read of them:\n", Count(n))
		}
		for i := range result.Damaged {
			d := &result.Damaged[i]
			for _, part := range d.Damage {
				fmt.Fprintf(w, "  %s%s: %s\n", source(d.Source), nameOf(&d.Entry), Printable(part.Part+": "+reason(part.Err)))
			}
		}
	}
	failures := slices.DeleteFunc(slices.Clone(result.Failures), func(f load.Failure) bool {
		var different *verify.Difference
		return errors.As(f.Err, &different) // see WriteVerified
	})
	if n := len(failures); n > 0 {
		if n == 1 {
			fmt.Fprintln(w, "1 item failed:")
		} else {
			fmt.Fprintf(w, "%s items failed:\n", Count(n))
		}
		for i := range failures {
			f := &failures[i]
			fmt.Fprintf(w, "  %s%s: %s\n", source(f.Source), nameOf(&f.Entry), Printable(reason(f.Err)))
		}
	}
	if n := len(result.Conflicts); n > 0 {
		if n == 1 {
			fmt.Fprintln(w, "1 item was changed on the target since it was written, and was left as it is there:")
		} else {
			fmt.Fprintf(w, "%s items were changed on the target since they were written, and were left as they are there:\n", Count(n))
		}
		for i := range result.Conflicts {
			f := &result.Conflicts[i]
			fmt.Fprintf(w, "  %s%s: %s\n", source(f.Source), nameOf(&f.Entry), Printable(reason(f.Err)))
		}
	}
	if result.Left > 0 {
		fmt.Fprintf(w, "%s were not reached.\n", items(result.Left))
	}
	if result.Dropped > 0 {
		fmt.Fprintf(w, "%s had been converted and are gone with the unfinished files.\n", items(result.Dropped))
	}
	for _, s := range result.Sources {
		fmt.Fprintf(w, "%s could not be read to its end: %s\n", Printable(s.Source), Printable(reason(s.Err)))
	}
}

// nameOf names an entry to people: folder, subject, date and place.
func nameOf(e *formats.Entry) string {
	var b strings.Builder
	b.WriteString(folderName(e.Folder))
	b.WriteString("  ")
	if e.Subject != "" {
		b.WriteString(strconv.Quote(Printable(e.Subject)))
	} else {
		b.WriteString("(no subject)")
	}
	if !e.Date.IsZero() {
		b.WriteString(" " + Date(e.Date))
	}
	fmt.Fprintf(&b, " (%s)", Printable(e.ID))
	return b.String()
}

// Count writes a number with its thousands apart.
func Count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Plural writes a number of things: 1 item, 2,000 items.
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return Count(n) + " " + noun + "s"
}

func items(n int) string { return Plural(n, "item") }

// Bytes writes a size in the decimal units that file managers use.
func Bytes(n int64) string {
	if n < 1000 {
		return strconv.FormatInt(n, 10) + " B"
	}
	value := float64(n)
	for _, unit := range []string{"kB", "MB", "GB", "TB"} {
		value /= 1000
		switch {
		case value < 9.95:
			return strconv.FormatFloat(value, 'f', 1, 64) + " " + unit
		case value < 999.5:
			return strconv.FormatFloat(value, 'f', 0, 64) + " " + unit
		}
	}
	return strconv.FormatFloat(value, 'f', 0, 64) + " TB"
}

// Date writes a day as people do, the same everywhere: 2 Mar 2014.
func Date(t time.Time) string { return t.UTC().Format("2 Jan 2006") }

// Duration writes how long something took: 5.2 s, 3 min 20 s, 2 h 5 min.
func Duration(d time.Duration) string {
	switch {
	case d < 59950*time.Millisecond:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}
