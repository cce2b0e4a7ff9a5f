package report

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"mailmill/formats"
)

// People are the numbers of people in the archives of a run: those whose mail address is known, those for whom it was
// guessed, and those whom nobody knows.
type People struct {
	Type     string `json:"type"`
	People   int    `json:"people"`
	Resolved int    `json:"resolved"`
	Guessed  int    `json:"guessed"`
	Open     int    `json:"open"`
}

// Person is somebody who lacks a mail address in archives, and what is known of him. Its fields are those of the object
// and the columns of the table, under these names.
type Person struct {
	// DN is the Exchange name, or empty for one who is nothing but a name; that is in Stored then.
	DN     string `json:"dn,omitempty"`
	Stored string `json:"stored,omitempty"`
	// Names are display names, most frequent first.
	Names []string `json:"names,omitempty"`
	Kind  string   `json:"kind,omitempty"`
	// SMTP is the answer; empty where there is none.
	SMTP       string      `json:"smtp,omitempty"`
	Via        formats.Via `json:"via,omitempty"`
	Confidence float64     `json:"confidence,omitempty"`
	// Status says what is remarkable: of unresolved, ambiguous, guessed, conflicting, outside, system.
	Status []string `json:"status,omitempty"`
	// Items is the number of items in which the person occurs, First and Last the first's and the last's date, Folders
	// some of the folders.
	Items   int      `json:"items"`
	First   string   `json:"first,omitempty"`
	Last    string   `json:"last,omitempty"`
	Folders []string `json:"folders,omitempty"`
	// Evidence is the number of witnesses by their sort, Candidates the addresses that they speak for.
	Evidence   []Evidence  `json:"-"`
	Counts     counts      `json:"evidence,omitempty"`
	Candidates []Candidate `json:"candidates,omitempty"`
	// Conflicts are addresses that contradict the answer, and Directory is where the answer was read.
	Conflicts []string `json:"conflicts,omitempty"`
	Directory string   `json:"directory,omitempty"`
}

// counts are evidence as an object has it.
type counts map[string]int

// Evidence is a number of witnesses of one sort.
type Evidence struct {
	Sort  string
	Count int
}

// Candidate is an address that evidence speaks for, with its share of all of it.
type Candidate struct {
	SMTP     string     `json:"smtp"`
	Share    float64    `json:"share"`
	Evidence []Evidence `json:"-"`
	Counts   counts     `json:"evidence,omitempty"`
	First    string     `json:"first,omitempty"`
	Last     string     `json:"last,omitempty"`
	// Another says that the address is somebody else's and counts for nothing.
	Another bool `json:"another,omitempty"`
}

// Stamp writes a time as objects and tables for programs have it; none is empty.
func Stamp(t time.Time) string { return stamp(t) }

func countsOf(list []Evidence) counts {
	if len(list) == 0 {
		return nil
	}
	m := make(counts, len(list))
	for _, e := range list {
		m[e.Sort] = e.Count
	}
	return m
}

// WriteJSON writes people as an object.
func (p People) WriteJSON(lines *Lines) error {
	p.Type = "people"
	return lines.put(p)
}

// WriteJSON writes a person as an object.
func (p *Person) WriteJSON(lines *Lines) error {
	out := *p
	out.Counts = countsOf(p.Evidence)
	out.Candidates = make([]Candidate, len(p.Candidates))
	for i, c := range p.Candidates {
		c.Counts = countsOf(c.Evidence)
		out.Candidates[i] = c
	}
	return lines.put(struct {
		Type string `json:"type"`
		Person
	}{"person", out})
}

// peopleColumns are the columns of the table for programs and people who correct it. The first three are what a directory
// of this form needs.
var peopleColumns = [...]string{
	"dn", "name", "address", "via", "confidence", "status", "items", "first", "last", "folders", "evidence", "candidates",
	"conflicts", "directory", "other names", "kind",
}

// PeopleCSV writes people as a table of comma-separated values, in UTF-8 with a byte order mark and CRLF, as programs for
// spreadsheets expect it.
type PeopleCSV struct {
	w      *csv.Writer
	defuse func(string) string
}

// NewPeopleCSV writes the names of the columns. The function defuse changes a text so that no spreadsheet takes it for a
// formula.
func NewPeopleCSV(w io.Writer, defuse func(string) string) (*PeopleCSV, error) {
	// QUIRK: Excel takes a file without the mark for one in a code page.
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return nil, err
	}
	t := &PeopleCSV{csv.NewWriter(w), defuse}
	t.w.UseCRLF = true
	return t, t.w.Write(peopleColumns[:])
}

// Write writes a person.
func (t *PeopleCSV) Write(p *Person) error {
	name, others := p.Stored, p.Names
	if len(others) > 0 && (name == "" || name == others[0]) {
		name, others = others[0], others[1:]
	}
	var candidates []string
	for _, c := range p.Candidates {
		candidates = append(candidates, c.String())
	}
	confidence := ""
	if p.SMTP != "" {
		confidence = fmt.Sprintf("%.2f", p.Confidence)
	}
	row := []string{
		p.DN, name, p.SMTP, string(p.Via), confidence, strings.Join(p.Status, " "), fmt.Sprint(p.Items), p.First, p.Last,
		strings.Join(p.Folders, "; "), evidenceText(p.Evidence), strings.Join(candidates, "; "), strings.Join(p.Conflicts, "; "),
		p.Directory, strings.Join(others, "; "), p.Kind,
	}
	for i, cell := range row {
		row[i] = t.defuse(oneLine(cell))
	}
	return t.w.Write(row)
}

// oneLine keeps a cell to its line: many programs that read tables know no others.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\r' || r == '\n' || r == 0 {
			return ' '
		}
		return r
	}, s)
}

// Close completes the table.
func (t *PeopleCSV) Close() error {
	t.w.Flush()
	return t.w.Error()
}

// String tells people how much speaks for the address.
func (c Candidate) String() string {
	if c.Another {
		return c.SMTP + " (another's)"
	}
	return fmt.Sprintf("%s (%.0f %%)", c.SMTP, 100*c.Share)
}

func evidenceText(list []Evidence) string {
	var all []string
	for _, e := range list {
		all = append(all, fmt.Sprintf("%s %d", e.Sort, e.Count))
	}
	return strings.Join(all, ", ")
}

// leastName is how much of an Exchange name is shown at least.
const leastName = 24

// WritePeople writes people as a table for a terminal. What is long comes last in a line, and is shortened in its middle
// to fit into so many columns, if it can; 0 shortens nothing.
func WritePeople(out io.Writer, list []Person, columns int) error {
	if len(list) == 0 {
		return nil
	}
	w := bufio.NewWriter(out)
	rows := [][]string{{"items", "last", "name", "address", "known by", "Exchange name"}}
	for i := range list {
		p := &list[i]
		name := p.Stored
		if len(p.Names) > 0 {
			name = p.Names[0]
		}
		last, _, _ := strings.Cut(p.Last, "T")
		rows = append(rows, []string{Count(p.Items), last, clipped(name, 30), answerText(p), p.how(), Printable(p.DN)})
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], text.StringWidth(cell))
		}
	}
	if columns > 0 {
		last := len(widths) - 1
		for _, width := range widths[:last] {
			columns -= width + len("  ")
		}
		for _, row := range rows {
			row[last] = middle(row[last], max(columns, leastName))
		}
		widths[last] = 0
	}
	for _, row := range rows {
		line := strings.Repeat(" ", widths[0]-text.StringWidth(row[0])) + row[0]
		for i, cell := range row[1:] {
			line += "  " + text.Pad(cell, widths[i+1], ' ')
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
	return w.Flush()
}

func answerText(p *Person) string {
	if p.SMTP != "" {
		return Printable(p.SMTP)
	}
	switch {
	case len(p.Conflicts) > 0:
		return "? " + Printable(strings.Join(p.Conflicts, ", "))
	case len(p.Candidates) > 0 && !p.Candidates[0].Another:
		return "? " + Printable(p.Candidates[0].SMTP)
	}
	return "-"
}

// how tells people how the answer is known, or why there is none.
func (p *Person) how() string {
	var remarks []string
	for _, s := range p.Status {
		if p.SMTP == "" || s != "guessed" {
			remarks = append(remarks, s)
		}
	}
	if p.SMTP == "" {
		return strings.Join(remarks, ", ")
	}
	return strings.Join(append([]string{fmt.Sprintf("%s %.2f", p.Via, p.Confidence)}, remarks...), ", ")
}

// clipped returns a printable text of a width at most.
func clipped(s string, width int) string {
	runes := []rune(Printable(s))
	if len(runes) <= width {
		return string(runes)
	}
	return string(runes[:width-1]) + "…"
}
