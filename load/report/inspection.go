package report

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

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

// WriteText writes the inspection for people. On a terminal of so many columns no line is wider as long as that can be:
// texts go on in the next line, and names lack their middle. 0 is no terminal, and everything is written in full.
func (in *Inspection) WriteText(out io.Writer, columns int) error {
	w := bufio.NewWriter(out)
	for _, l := range in.head(columns) {
		fmt.Fprintln(w, l)
	}
	in.table().write(w, columns)
	return w.Flush()
}

// head returns the lines above the table: what there is to say of the archive as a whole, and what it is called left of
// it.
func (in *Inspection) head(columns int) []string {
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
	type fact struct{ name, value string }
	facts := []fact{{Printable(in.Source), fmt.Sprintf("%s, %s, %s", in.Format, Bytes(in.Size), health)}}
	if in.Check != nil && in.Incomplete != "" {
		facts = append(facts, fact{"Incomplete", in.Incomplete})
	}
	if in.Doubt != "" && (in.Check != nil || in.Incomplete != "") {
		facts = append(facts, fact{"In doubt", in.Doubt})
	}
	if in.Owner != nil {
		facts = append(facts, fact{"Owner", who(in.Owner)})
	}
	if !in.First.IsZero() {
		facts = append(facts, fact{"Dates", Date(in.First) + " to " + Date(in.Last)})
	}
	if in.CodePage != 0 {
		facts = append(facts, fact{"Code page", in.codePage()})
	}
	for _, note := range in.Notes {
		facts = append(facts, fact{"Note", note})
	}
	for _, warning := range in.Warnings {
		facts = append(facts, fact{"Warning", warning})
	}
	if in.Lost > 0 {
		facts = append(facts, fact{"Lost", items(in.Lost) + " cannot be reached"})
	}

	var lines []string
	if columns > 0 && text.StringWidth(facts[0].name) > columns/3 {
		// A long path has a line of its own.
		lines = append(lines, middle(facts[0].name, columns))
		facts[0].name = ""
	}
	width := len("Code page")
	for _, f := range facts {
		width = max(width, text.StringWidth(f.name))
	}
	for _, f := range facts {
		values := []string{Printable(f.value)}
		if columns > 0 {
			values = wrap(values[0], max(columns-width-2, 20))
		}
		for i, value := range values {
			if i > 0 {
				f.name = ""
			}
			lines = append(lines, text.Pad(f.name, width, ' ')+"  "+value)
		}
	}
	return lines
}

func (in *Inspection) codePage() string {
	name := codepage.Label(in.CodePage)
	if name == "" {
		name = fmt.Sprint(in.CodePage)
	}
	if in.CodePageReason != "" {
		name += " (" + in.CodePageReason + ")"
	}
	return name
}

// table returns the folders with what they hold.
func (in *Inspection) table() table {
	var kinds []formats.Kind
	header := []string{""}
	for _, kind := range formats.Kinds() {
		if in.Items[kind] > 0 {
			kinds = append(kinds, kind)
			header = append(header, kindTitles[kind])
		}
	}
	rows := table{append(header, "size")}
	row := func(title string, counts map[formats.Kind]int, size int64) {
		cells := []string{title}
		for _, kind := range kinds {
			cells = append(cells, orDash(counts[kind] > 0, Count(counts[kind])))
		}
		rows = append(rows, append(cells, orDash(size > 0, Bytes(size))))
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
	return rows
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
