package report

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"mailmill/formats"
	"mailmill/formats/codepage"
)

// Inspection is what an archive's tables tell, without a message read.
type Inspection struct {
	Source, Format  string
	Size            int64
	Modified        time.Time
	Owner           *formats.Address
	CodePage        int
	CodePageReason  string
	Notes, Warnings []string
	// Incomplete says why items may be lost that cannot be counted, and Doubt why names, places and flags may be wrong.
	Incomplete, Doubt string
	// Check is what reading everything showed; nil where that was not done.
	Check *Check

	// What Survey counts:
	Folders     []FolderCount
	Items       map[formats.Kind]int
	ItemsSize   int64
	First, Last time.Time
	Lost        int // items that are known to exist and cannot be reached
}

// FolderCount is a folder and what it holds itself.
type FolderCount struct {
	*formats.Folder
	Items map[formats.Kind]int
	Size  int64
}

// Survey counts the entries of an archive by folder and kind. Folders without entries are listed, too. An error ended
// the enumeration; the inspection is right as far as it went.
func (in *Inspection) Survey(ctx context.Context, folders []*formats.Folder, entries iter.Seq2[formats.Entry, error]) error {
	index := make(map[*formats.Folder]int, len(folders))
	in.Items = make(map[formats.Kind]int)
	add := func(f *formats.Folder) int {
		i, ok := index[f]
		if !ok {
			i = len(in.Folders)
			index[f] = i
			in.Folders = append(in.Folders, FolderCount{Folder: f, Items: make(map[formats.Kind]int)})
		}
		return i
	}
	for _, f := range folders {
		add(f)
	}
	for e, err := range entries {
		if err != nil {
			return err
		}
		f := &in.Folders[add(e.Folder)]
		f.Items[e.Kind]++
		f.Size += e.Size
		in.Items[e.Kind]++
		in.ItemsSize += e.Size
		if e.Err != nil {
			in.Lost++
		}
		if e.Date.IsZero() {
			continue
		}
		if in.First.IsZero() || e.Date.Before(in.First) {
			in.First = e.Date
		}
		if e.Date.After(in.Last) {
			in.Last = e.Date
		}
	}
	return ctx.Err()
}

// WriteText writes the inspection for people.
func (in *Inspection) WriteText(out io.Writer) error {
	w := bufio.NewWriter(out)
	title := Printable(in.Source)
	width := max(len(title), len("Code page"))
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-*s  %s\n", width, name, Printable(value))
		}
	}
	health := "no damage in its tables (--check reads every block)"
	switch {
	case in.Check != nil:
		health = in.Check.Verdict()
	case in.Incomplete != "":
		health = "incomplete: " + in.Incomplete
	case in.Doubt != "":
		health = "names, places or flags may be wrong: " + in.Doubt
	case len(in.Warnings) > 0:
		health = fmt.Sprintf("%s in its tables", Plural(len(in.Warnings), "fault"))
	}
	line(title, fmt.Sprintf("%s, %s, %s", in.Format, Bytes(in.Size), health))
	if in.Check != nil {
		line("Incomplete", in.Incomplete)
	}
	if in.Check != nil || in.Incomplete != "" {
		line("In doubt", in.Doubt)
	}
	if in.Owner != nil {
		line("Owner", who(in.Owner))
	}
	if !in.First.IsZero() {
		line("Dates", Date(in.First)+" to "+Date(in.Last))
	}
	if in.CodePage != 0 {
		value := codepage.Label(in.CodePage)
		if value == "" {
			value = fmt.Sprint(in.CodePage)
		}
		if in.CodePageReason != "" {
			value += " (" + in.CodePageReason + ")"
		}
		line("Code page", value)
	}
	for _, note := range in.Notes {
		line("Note", note)
	}
	for _, warning := range in.Warnings {
		line("Warning", warning)
	}
	if in.Lost > 0 {
		line("Lost", items(in.Lost)+" cannot be reached")
	}
	in.writeTable(w)
	return w.Flush()
}

func (in *Inspection) writeTable(w io.Writer) {
	var kinds []formats.Kind
	for _, kind := range formats.Kinds() {
		if in.Items[kind] > 0 {
			kinds = append(kinds, kind)
		}
	}
	t := newTable()
	header := table.Row{""}
	for _, kind := range kinds {
		header = append(header, kindTitles[kind])
	}
	t.AppendRow(append(header, "size"))
	row := func(title string, counts map[formats.Kind]int, size int64) {
		cells := table.Row{title}
		for _, kind := range kinds {
			cells = append(cells, orDash(counts[kind] > 0, Count(counts[kind])))
		}
		t.AppendRow(append(cells, orDash(size > 0, Bytes(size))))
	}
	for i := range in.Folders {
		f := &in.Folders[i]
		if len(f.Path) == 0 && len(f.Items) == 0 {
			continue
		}
		title := folderName(f.Folder)
		if n := len(f.Path); n > 0 {
			title = strings.Repeat("  ", n-1) + Printable(f.Path[n-1])
		}
		if f.Hidden {
			title += " (hidden)"
		}
		row(title, f.Items, f.Size)
	}
	row("total", in.Items, in.ItemsSize)
	writeTable(w, t, len(kinds)+2)
}

func orDash(ok bool, s string) string {
	if ok {
		return s
	}
	return "-"
}

type archiveObject struct {
	Type           string         `json:"type"`
	Source         string         `json:"source"`
	Format         string         `json:"format,omitempty"`
	Size           int64          `json:"size,omitempty"`
	Modified       string         `json:"modified,omitempty"`
	Owner          *address       `json:"owner,omitempty"`
	First          string         `json:"first,omitempty"`
	Last           string         `json:"last,omitempty"`
	Items          map[string]int `json:"items,omitempty"`
	ItemsSize      int64          `json:"items_size,omitempty"`
	Lost           int            `json:"lost,omitempty"`
	CodePage       string         `json:"code_page,omitempty"`
	CodePageReason string         `json:"code_page_reason,omitempty"`
	Notes          []string       `json:"notes,omitempty"`
	Warnings       []string       `json:"warnings,omitempty"`
	Incomplete     string         `json:"incomplete,omitempty"`
	Doubt          string         `json:"doubt,omitempty"`
}

type folderObject struct {
	Type   string         `json:"type"`
	Source string         `json:"source"`
	Folder []string       `json:"folder,omitempty"`
	Class  string         `json:"class,omitempty"`
	Role   string         `json:"role,omitempty"`
	Hidden bool           `json:"hidden,omitempty"`
	Items  map[string]int `json:"items,omitempty"`
	Size   int64          `json:"size,omitempty"`
}

var roleNames = map[formats.Role]string{
	formats.RoleInbox: "inbox", formats.RoleSent: "sent", formats.RoleDrafts: "drafts", formats.RoleTrash: "trash",
	formats.RoleJunk: "junk", formats.RoleOutbox: "outbox", formats.RoleArchive: "archive",
}

// WriteJSON writes the inspection as an object for the archive and one for each folder.
func (in *Inspection) WriteJSON(lines *Lines) error {
	err := lines.put(archiveObject{
		Type: "archive", Source: in.Source, Format: in.Format, Size: in.Size, Modified: stamp(in.Modified),
		Owner: addressOf(in.Owner), First: stamp(in.First), Last: stamp(in.Last), Items: byName(in.Items),
		ItemsSize: in.ItemsSize, Lost: in.Lost, CodePage: codepage.Label(in.CodePage), CodePageReason: in.CodePageReason,
		Notes: in.Notes, Warnings: in.Warnings, Incomplete: in.Incomplete, Doubt: in.Doubt,
	})
	for i := range in.Folders {
		f := &in.Folders[i]
		if err != nil {
			break
		}
		err = lines.put(folderObject{
			Type: "folder", Source: in.Source, Folder: f.Path, Class: f.Class, Role: roleNames[f.Role], Hidden: f.Hidden,
			Items: byName(f.Items), Size: f.Size,
		})
	}
	return err
}

func byName(counts map[formats.Kind]int) map[string]int {
	names := make(map[string]int, len(counts))
	for kind, n := range counts {
		names[kind.String()] = n
	}
	return names
}
