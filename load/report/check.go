package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/load"
)

// Fault is something in an archive that is not as it should be, and that costs no item a part.
type Fault struct {
	Folder *formats.Folder // nil for none
	Entry  *formats.Entry  // nil for none
	ID     string          // of what is hit: the item, the folder, a table; may be empty
	Part   string
	Block  string // the first unit of the file that is not whole; may be empty
	Offset int64  // of the unit or page, -1 where there is none
	Blocks int    // units hit
	Err    error
}

// Check is what a check of an archive found.
type Check struct {
	Source string
	// Incomplete says why items may be lost that cannot be counted, and Doubt why names, places and flags may be wrong.
	Incomplete, Doubt string
	// Blocks and Bytes are what was read of the file besides its items, and Items the number of those.
	Blocks int
	Bytes  int64
	Items  int
	// Damaged are the items that lack a part, or of which one is in doubt, and Failures those of which nothing can be read.
	Damaged  []load.Damaged
	Failures []load.Failure
	// Sources say that the items could not be enumerated to their end.
	Sources []load.SourceFailure
	// Faults hit no item, or nothing that is needed of one; More of them were not kept.
	Faults []Fault
	More   int
	// Warnings are those of the archive that no fault repeats.
	Warnings []string
	// Remarks are what is unusual, and no damage. They are shown where everything is asked for.
	Remarks []string
	Elapsed time.Duration
}

// Sound reports whether nothing at all is wrong.
func (c *Check) Sound() bool {
	return c.Incomplete == "" && c.Doubt == "" && len(c.Damaged)+len(c.Failures)+len(c.Sources)+len(c.Faults)+c.More == 0
}

// Verdict says in half a sentence what the check came to.
func (c *Check) Verdict() string {
	if c.Sound() {
		return "no damage: every block and every item is whole"
	}
	var costs []string
	if c.Incomplete != "" {
		costs = append(costs, "items may be lost that cannot be counted")
	}
	if c.Doubt != "" {
		costs = append(costs, "names, places or flags may be wrong")
	}
	if n := len(c.Damaged); n == 1 {
		costs = append(costs, "1 item is damaged")
	} else if n > 1 {
		costs = append(costs, Count(n)+" items are damaged")
	}
	if n := len(c.Failures); n > 0 {
		costs = append(costs, items(n)+" cannot be read")
	}
	if n := len(c.Faults) + c.More; n > 0 {
		costs = append(costs, Plural(n, "fault")+" beside the items")
	}
	if len(c.Sources) > 0 {
		costs = append(costs, "the items could not be enumerated to their end")
	}
	return "damaged: " + strings.Join(costs, ", ")
}

// mostFaults is how many faults beside the items are listed for people.
const mostFaults = 200

// WriteText writes what is damaged for people, and in the end what was read.
func (c *Check) WriteText(out io.Writer, remarks bool) error {
	w := bufio.NewWriter(out)
	section := func(n int, one, many string) {
		if n == 1 {
			fmt.Fprintf(w, "\n1 %s:\n", one)
		} else if n > 1 {
			fmt.Fprintf(w, "\n%s %s:\n", Count(n), many)
		}
	}
	section(len(c.Damaged), "item is damaged", "items are damaged")
	for i := range c.Damaged {
		d := &c.Damaged[i]
		for _, line := range byCause(d.Damage) {
			fmt.Fprintf(w, "  %s: %s\n", nameOf(&d.Entry), Printable(line))
		}
	}
	section(len(c.Failures), "item cannot be read", "items cannot be read")
	for i := range c.Failures {
		f := &c.Failures[i]
		fmt.Fprintf(w, "  %s: %s\n", nameOf(&f.Entry), Printable(reason(f.Err)))
	}
	for _, group := range []struct {
		one, many string
		of        func(*Fault) bool
	}{
		{"fault in folders", "faults in folders", func(f *Fault) bool { return f.Entry == nil && f.Folder != nil }},
		{"fault in an item that costs it nothing that is written", "faults in items that cost them nothing that is written", func(f *Fault) bool { return f.Entry != nil }},
		{"fault that belongs to no folder and no item", "faults that belong to no folder and no item", func(f *Fault) bool { return f.Entry == nil && f.Folder == nil }},
	} {
		var list []*Fault
		for i := range c.Faults {
			if group.of(&c.Faults[i]) {
				list = append(list, &c.Faults[i])
			}
		}
		section(len(list), group.one, group.many)
		for i, f := range list {
			if i == mostFaults {
				fmt.Fprintf(w, "  and %s more; --json has them all\n", Count(len(list)-i))
				break
			}
			fmt.Fprintf(w, "  %s\n", f)
		}
	}
	if c.More > 0 {
		fmt.Fprintf(w, "%s more were counted and not kept.\n", Plural(c.More, "fault"))
	}
	for _, s := range c.Sources {
		fmt.Fprintf(w, "The items could not be enumerated to their end: %s\n", Printable(reason(s.Err)))
	}
	if remarks && len(c.Remarks) > 0 {
		fmt.Fprint(w, "\nUnusual, and no damage:\n")
		for _, r := range c.Remarks {
			fmt.Fprintf(w, "  %s\n", Printable(r))
		}
	}
	fmt.Fprintf(w, "\nRead %s (%s) and %s in %s: %s.\n", Plural(c.Blocks, "block"), Bytes(c.Bytes), items(c.Items), Duration(c.Elapsed), c.Verdict())
	return w.Flush()
}

// byCause writes damage as a line for each cause: the parts that it hits. Of several properties without a name, or of
// one beside other parts, only the number is told.
func byCause(damage []formats.Damage) []string {
	type cause struct {
		reason            string
		parts, properties []string
	}
	var causes []*cause
	for _, d := range damage {
		why := reason(d.Err)
		i := slices.IndexFunc(causes, func(c *cause) bool { return c.reason == why })
		if i < 0 {
			i = len(causes)
			causes = append(causes, &cause{reason: why})
		}
		if c := causes[i]; strings.HasPrefix(d.Part, "property 0x") {
			c.properties = append(c.properties, d.Part)
		} else {
			c.parts = append(c.parts, d.Part)
		}
	}
	lines := make([]string, 0, len(causes))
	for _, c := range causes {
		switch n := len(c.properties); {
		case n == 1 && len(c.parts) == 0:
			c.parts = c.properties
		case n == 1:
			c.parts = append(c.parts, "a property")
		case n > 1:
			c.parts = append(c.parts, Count(n)+" properties")
		}
		lines = append(lines, strings.Join(c.parts, ", ")+": "+c.reason)
	}
	return lines
}

// String writes a fault as a line for people.
func (f *Fault) String() string {
	var b strings.Builder
	switch {
	case f.Entry != nil:
		b.WriteString(nameOf(f.Entry) + ": ")
	case f.Folder != nil:
		b.WriteString(folderName(f.Folder) + "  ")
	}
	part := f.Part
	if f.Entry == nil && f.ID != "" {
		part += " (" + f.ID + ")"
	}
	b.WriteString(Printable(part))
	where := ""
	switch {
	case f.Block != "" && f.Offset >= 0:
		where = fmt.Sprintf("block %s at 0x%x", f.Block, f.Offset)
	case f.Block != "":
		where = "block " + f.Block
	case f.Offset >= 0:
		where = fmt.Sprintf("at 0x%x", f.Offset)
	}
	if f.Blocks > 1 {
		where += fmt.Sprintf(" and %s more", Count(f.Blocks-1))
	}
	if where != "" && part != "" && f.Block != "" {
		b.WriteString(": ")
	} else if where != "" {
		b.WriteString(" ")
	}
	b.WriteString(where)
	if where != "" || part != "" {
		b.WriteString(": ")
	}
	b.WriteString(Printable(reason(f.Err)))
	return b.String()
}

// structureFault is a Fault as an object.
type structureFault struct {
	Type     string   `json:"type"`
	Source   string   `json:"source"`
	SourceID string   `json:"source_id,omitempty"`
	Folder   []string `json:"folder,omitempty"`
	Kind     string   `json:"kind,omitempty"`
	Subject  string   `json:"subject,omitempty"`
	Part     string   `json:"part,omitempty"`
	Block    string   `json:"block,omitempty"`
	Blocks   int      `json:"blocks,omitempty"`
	Offset   *int64   `json:"offset,omitempty"`
	Reason   string   `json:"reason"`
}

type checkObject struct {
	Type    string   `json:"type"`
	Source  string   `json:"source"`
	Sound   bool     `json:"sound"`
	Verdict string   `json:"verdict"`
	Blocks  int      `json:"blocks"`
	Bytes   int64    `json:"bytes"`
	Items   int      `json:"items"`
	Damaged int      `json:"damaged"`
	Failed  int      `json:"failed"`
	Faults  int      `json:"faults"`
	Remarks []string `json:"remarks,omitempty"`
}

// WriteJSON writes an object for each damaged part, failed item and fault, and then one for the whole check.
func (c *Check) WriteJSON(lines *Lines) error {
	for i := range c.Damaged {
		d := &c.Damaged[i]
		for _, part := range d.Damage {
			f := faultOf("damaged", &formats.Item{Entry: d.Entry, Source: d.Source, Key: d.Key})
			f.Part, f.Reason = part.Part, reason(part.Err)
			lines.put(f) //nolint:errcheck // see Lines.Err
		}
	}
	for i := range c.Failures {
		failure := &c.Failures[i]
		f := faultOf("failure", &formats.Item{Entry: failure.Entry, Source: failure.Source, Key: failure.Key})
		f.Reason = reason(failure.Err)
		lines.put(f) //nolint:errcheck // see Lines.Err
	}
	for i := range c.Faults {
		f := &c.Faults[i]
		o := structureFault{
			Type: "fault", Source: c.Source, SourceID: f.ID, Part: f.Part, Block: f.Block, Blocks: f.Blocks, Reason: reason(f.Err),
		}
		if f.Folder != nil {
			o.Folder = f.Folder.Path
		}
		if f.Entry != nil {
			o.Kind, o.Subject = f.Entry.Kind.String(), f.Entry.Subject
		}
		if f.Offset >= 0 {
			o.Offset = &f.Offset
		}
		lines.put(o) //nolint:errcheck // see Lines.Err
	}
	return lines.put(checkObject{
		Type: "check", Source: c.Source, Sound: c.Sound(), Verdict: c.Verdict(), Blocks: c.Blocks, Bytes: c.Bytes, Items: c.Items,
		Damaged: len(c.Damaged), Failed: len(c.Failures), Faults: len(c.Faults) + c.More, Remarks: c.Remarks,
	})
}
