package verify

import (
	"fmt"
	"strings"

	"mailmill/formats"
	"mailmill/load/compare"
)

// Report is what came of a verification. Where all of Missing, Doubled, Different and Extra are 0 the target holds what the
// sources say, and nothing else.
type Report struct {
	// Same counts the items that are on the target as they should be; Missing and Different the others.
	Same, Missing, Different int
	// Doubled counts objects beyond those that the sources have copies of, and Extra those that no item stands for.
	Doubled, Extra int
	// Places and Objects count what was read of the target, and Bytes what that had.
	Places, Objects int
	Bytes           int64
	// Differences are those of all four sorts: of items, about in the run's order, then of objects, place by place. At most
	// [MostListed] are listed, and Unlisted counts the rest.
	Differences []Difference
	Unlisted    int
}

// MostListed is the number of differences that a report lists.
const MostListed = 10_000

// Found returns how many differences there are.
func (r *Report) Found() int { return r.Missing + r.Doubled + r.Different + r.Extra }

// What says in which way target and sources differ.
type What string

// The ways.
const (
	Missing   What = "missing"   // the target does not have an item
	Doubled   What = "doubled"   // the target has an item more often than the sources do
	Different What = "different" // the target has an item otherwise
	Extra     What = "extra"     // the target has what no source does
)

// Difference is one item that the target does not hold as it should, or one object that it should not hold.
type Difference struct {
	What What `json:"what"`
	// Place is where on the target.
	Place string `json:"place"`
	// ID is the object's name there; empty for what is missing.
	ID string `json:"id,omitempty"`
	// Source, Folder, SourceID, Key and Kind are the item's. What is doubled or extra has no item: Kind is empty then.
	Source   string   `json:"source,omitempty"`
	Folder   []string `json:"folder,omitempty"`
	SourceID string   `json:"source_id,omitempty"`
	Key      string   `json:"key,omitempty"`
	Kind     string   `json:"kind,omitempty"`
	// Subject is what people know the item or object by; Identity its Message-ID or UID, with the occurrence.
	Subject  string `json:"subject,omitempty"`
	Identity string `json:"identity,omitempty"`
	// Ours is set for an object that mailmill is known to have written.
	Ours bool `json:"ours,omitempty"`
	// Fields are what differs.
	Fields []compare.Difference `json:"fields,omitempty"`
}

// Error says what is the matter with the item: it is the reason of its failure.
func (d *Difference) Error() string {
	switch d.What {
	case Missing:
		return fmt.Sprintf("%s does not have it", place(d.Place))
	case Different:
		return fmt.Sprintf("it differs in %s: %s", place(d.Place), d.fields())
	case Doubled:
		return fmt.Sprintf("%s has it more often than the sources", place(d.Place))
	}
	return fmt.Sprintf("%s has it, and no source does", place(d.Place))
}

func place(name string) string {
	if name == "" || name == "." {
		return "the target"
	}
	return name
}

// fields names what differs, as far as that fits into a sentence.
func (d *Difference) fields() string {
	const most = 3
	var names []string
	for _, f := range d.Fields {
		if len(names) == 0 || names[len(names)-1] != f.Field {
			names = append(names, f.Field)
		}
	}
	if len(names) == 0 {
		return "it cannot be told in what"
	}
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// ofItem returns a difference that concerns an item.
func ofItem(it *formats.Item, what What, place string) Difference {
	d := Difference{What: what, Place: place, Source: it.Source, SourceID: it.ID, Key: it.Key, Kind: it.Kind.String(), Subject: it.Subject}
	if it.Folder != nil {
		d.Folder = it.Folder.Path
	}
	return d
}

// list adds a difference to the report.
func (r *Report) list(d Difference) {
	switch d.What {
	case Missing:
		r.Missing++
	case Doubled:
		r.Doubled++
	case Different:
		r.Different++
	case Extra:
		r.Extra++
	}
	if len(r.Differences) >= MostListed {
		r.Unlisted++
		return
	}
	r.Differences = append(r.Differences, d)
}
