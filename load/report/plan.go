package report

import "strings"

// Plan is what a server would get.
type Plan struct {
	Target string
	Items  int
	Bytes  int64
	// New are the mailboxes, calendars or address books that would be made, and One and Several what they are called.
	New          []string
	One, Several string
}

// mostNew is how many names of new mailboxes people want to read.
const mostNew = 10

// String writes it for people.
func (p *Plan) String() string {
	what := items(p.Items) + " with " + Bytes(p.Bytes)
	if len(p.New) == 0 {
		return what
	}
	number := Count(len(p.New)) + " new " + p.Several
	if len(p.New) == 1 {
		number = "1 new " + p.One
	}
	var names []string
	for i, name := range p.New {
		if i == mostNew {
			names = append(names, "…")
			break
		}
		names = append(names, Printable(name))
	}
	return number + " (" + strings.Join(names, ", ") + ") and " + what
}

type planned struct {
	Type   string   `json:"type"`
	Target string   `json:"target"`
	Items  int      `json:"items"`
	Bytes  int64    `json:"bytes"`
	New    []string `json:"new,omitempty"`
}

// Plan writes what a server would get, at the end of a rehearsal.
func (j *Journal) Plan(p *Plan) {
	j.lines.put(planned{"plan", p.Target, p.Items, p.Bytes, p.New}) //nolint:errcheck // see Lines.Err
}
