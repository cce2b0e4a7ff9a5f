package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"mailmill/load/verify"
)

// difference is a [verify.Difference] as an object.
type difference struct {
	Type   string `json:"type"`
	Target string `json:"target"`
	*verify.Difference
}

type verified struct {
	Type      string `json:"type"`
	Target    string `json:"target"`
	Same      int    `json:"same"`
	Missing   int    `json:"missing"`
	Doubled   int    `json:"doubled"`
	Different int    `json:"different"`
	Extra     int    `json:"extra"`
	Places    int    `json:"places"`
	Objects   int    `json:"objects"`
	Bytes     int64  `json:"bytes"`
	Unlisted  int    `json:"unlisted,omitempty"`
}

// Verified writes what a comparison with a target came to: its differences, then their numbers.
func (j *Journal) Verified(target string, r *verify.Report) {
	for i := range r.Differences {
		j.lines.put(difference{"difference", target, &r.Differences[i]}) //nolint:errcheck // see Lines.Err
	}
	j.lines.put(verified{ //nolint:errcheck // see Lines.Err
		"verified", target, r.Same, r.Missing, r.Doubled, r.Different, r.Extra, r.Places, r.Objects, r.Bytes, r.Unlisted,
	})
}

// sections are the sorts of differences in the order in which they are told, and what one and several are called.
var sections = []struct {
	what         verify.What
	one, several string
}{
	{verify.Missing, "item is missing", "items are missing"},
	{verify.Doubled, "object is there more often than in the archives", "objects are there more often than in the archives"},
	{verify.Different, "item differs", "items differ"},
	{verify.Extra, "object is there that no item stands for", "objects are there that no items stand for"},
}

// WriteVerified writes what a comparison with a target came to, its differences by their sort. At most so many of a sort are
// listed; 0 are all.
func WriteVerified(w io.Writer, target string, r *verify.Report, most int) {
	name := Printable(target)
	if r.Found() == 0 {
		fmt.Fprintf(w, "%s holds what the archives say: %s compared, no difference.\n", name, items(r.Same))
		return
	}
	fmt.Fprintf(w, "%s: %s as they should be.\n", name, items(r.Same))
	counts := map[verify.What]int{verify.Missing: r.Missing, verify.Doubled: r.Doubled, verify.Different: r.Different, verify.Extra: r.Extra}
	for _, s := range sections {
		n := counts[s.what]
		switch {
		case n == 0:
			continue
		case n == 1:
			fmt.Fprintf(w, "1 %s:\n", s.one)
		default:
			fmt.Fprintf(w, "%s %s:\n", Count(n), s.several)
		}
		listed, place := 0, ""
		for i := range r.Differences {
			d := &r.Differences[i]
			if d.What != s.what {
				continue
			}
			if listed == most && most > 0 {
				break
			}
			if where := placeName(d.Place); listed == 0 || where != place {
				place = where
				fmt.Fprintf(w, "  %s\n", place)
			}
			listed++
			writeDifference(w, d)
		}
		if listed < n {
			fmt.Fprintf(w, "  … and %s more; --report FILE has them\n", Count(n-listed))
		}
	}
}

// writeDifference writes what is the matter with an item or an object, and in which fields.
func writeDifference(w io.Writer, d *verify.Difference) {
	line := "(no subject)"
	if d.Subject != "" {
		line = strconv.Quote(Printable(d.Subject))
	}
	if d.SourceID != "" {
		line += " (" + Printable(d.SourceID) + ")"
	} else if d.Identity != "" {
		line += " " + Printable(d.Identity)
	}
	if d.ID != "" {
		line += " as " + Printable(d.ID)
	}
	if d.SourceID == "" && d.Ours {
		line += ", written by mailmill"
	}
	fmt.Fprintf(w, "    %s\n", line)
	for _, f := range d.Fields {
		fmt.Fprintf(w, "      %s: %s\n", Printable(f.Field), wantedGot(f.Want, f.Got))
	}
}

func wantedGot(want, got string) string {
	const most = 60
	quote := func(s string) string { return strconv.Quote(middle(Printable(s), most)) }
	switch {
	case want == "":
		return quote(got) + " is there and should not be"
	case got == "":
		return quote(want) + " is not there"
	}
	return quote(got) + " instead of " + quote(want)
}

func placeName(name string) string {
	name = strings.TrimSuffix(Printable(name), "/")
	if name == "" || name == "." {
		return "(all of it)"
	}
	return name
}
