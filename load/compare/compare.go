// Package compare tells what two forms of an item have in common: a mail as it was sent to a server and as it comes back,
// an event in a calendar file and on a CalDAV server. What containers and servers may change without changing what is
// said (folding, order, case, transfer encodings, line ends, default values) makes no difference here; everything else
// does.
//
//	want, err := compare.Mail(sent)
//	got, err := compare.Mail(fetched)
//	if want.Print() != got.Print() {
//		for _, d := range compare.Diff(want, got) {
//			fmt.Printf("%s: %s instead of %s\n", d.Field, d.Got, d.Want)
//		}
//	}
//
// [Facts] are what an item says, one field after the other, in an order that does not depend on how it was written. They
// are made from a stream in memory that is bounded whatever it holds: content goes into hashes, and so do values that
// are long. What is read is hostile: no input is an error. What cannot be understood is compared as it stands.
//
// # What makes no difference
//
// In mails the order of fields of different names, their folding, the case of their names, encoded words and character sets,
// the zone of a date, comments in dates, the case of domains; transfer encodings, line ends, one line end more or less at
// the end of a text, boundaries. Left out altogether are the fields with which mbox files and mail programs keep the state of a
// message: see [Mail]. The fields that servers add on top when a message arrives (Received and others) are [Fact.Trace]:
// see there.
//
// In calendars and cards the order of properties, parameters and unordered values; folding, case of names and of values
// that have none; escapes; values that are the default anyway; properties without a value; the names of groups in cards. Left
// out are PRODID, VERSION and DTSTAMP, and what servers note for themselves: see [Calendar] and [Card].
package compare

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strings"
)

// Fact is one thing that an item says.
type Fact struct {
	// Field names it to people: "Subject", "part 2: content", "ATTENDEE". Several facts may have one name.
	Field string
	// Value is canonical: two values mean the same where they are equal.
	Value string
	// Trace is set for what servers put on top of a message when they take it. It is no part of the print. Those that a
	// message had when it was written have to be there still, in their order; there may be more before them.
	Trace bool
}

// Facts are what an item says. Those of equal items are equal.
type Facts []Fact

// Print returns a hash over all facts but traces. Items with the same print say the same.
func (f Facts) Print() [32]byte { return f.print(false) }

// TracePrint returns a hash over the traces alone. Where it differs, [Diff] knows whether something is missing.
func (f Facts) TracePrint() [32]byte { return f.print(true) }

func (f Facts) print(trace bool) (sum [32]byte) {
	h := sha256.New()
	var length [8]byte
	put := func(s string) {
		binary.BigEndian.PutUint64(length[:], uint64(len(s)))
		h.Write(length[:])
		h.Write([]byte(s))
	}
	for i := range f {
		if f[i].Trace == trace {
			put(f[i].Field)
			put(f[i].Value)
		}
	}
	h.Sum(sum[:0])
	return sum
}

// Get returns the value of the first fact of a field; it is empty where there is none.
func (f Facts) Get(field string) string {
	for i := range f {
		if f[i].Field == field {
			return f[i].Value
		}
	}
	return ""
}

// Difference is a field that two items do not have in common.
type Difference struct {
	// Field is that of the [Fact].
	Field string `json:"field"`
	// Want and Got are what it says in the one and the other, printable and shortened; empty where it says nothing.
	Want string `json:"want,omitempty"`
	Got  string `json:"got,omitempty"`
}

// Diff compares fact by fact. It returns nothing for items that say the same, and at most [MostDifferences].
func Diff(want, got Facts) []Difference {
	var list []Difference
	seen := make(map[string]bool)
	for _, facts := range []Facts{want, got} {
		for i := range facts {
			field := facts[i].Field
			if seen[field] {
				continue
			}
			seen[field] = true
			if list = diffField(list, want, got, field); len(list) >= MostDifferences {
				return list[:MostDifferences]
			}
		}
	}
	return list
}

// MostDifferences is the number of differences that are told of one item.
const MostDifferences = 50

// diffField adds the differences of a field that may occur several times.
func diffField(list []Difference, want, got Facts, field string) []Difference {
	w, g, trace := valuesOf(want, field), valuesOf(got, field), false
	for _, f := range slices.Concat(want, got) {
		trace = trace || f.Trace && f.Field == field
	}
	if trace && len(g) > len(w) {
		g = g[len(g)-len(w):] // servers put theirs on top
	}
	if slices.Equal(w, g) || trace && len(w) == 0 {
		return list
	}
	// What both have is left out, so that of ten attendees the one that is missing is told.
	lacks, more := without(w, g), without(g, w)
	if len(lacks) == 0 && len(more) == 0 {
		lacks, more = []string{strings.Join(w, ", ")}, []string{strings.Join(g, ", ")} // another order
	}
	w, g = lacks, more
	for i := range max(len(w), len(g)) {
		d := Difference{Field: field}
		if i < len(w) {
			d.Want = w[i]
		}
		if i < len(g) {
			d.Got = g[i]
		}
		d.Want, d.Got = shortened(d.Want, d.Got)
		list = append(list, d)
	}
	return list
}

func valuesOf(f Facts, field string) (values []string) {
	for i := range f {
		if f[i].Field == field {
			values = append(values, f[i].Value)
		}
	}
	return values
}

// without returns a without the values that b has, each as often as it has it.
func without(a, b []string) []string {
	count := make(map[string]int)
	for _, v := range b {
		count[v]++
	}
	var rest []string
	for _, v := range a {
		if count[v] > 0 {
			count[v]--
			continue
		}
		rest = append(rest, v)
	}
	return rest
}

// longestShown is how many characters of a value people are shown.
const longestShown = 120

// shortened makes two values that differ fit to be shown, with the place where they differ in sight.
func shortened(a, b string) (string, string) {
	x, y := []rune(printable(a)), []rune(printable(b))
	same := 0
	for same < len(x) && same < len(y) && x[same] == y[same] {
		same++
	}
	from := 0
	if max(len(x), len(y)) > longestShown && same > longestShown/2 {
		from = same - longestShown/3
	}
	return excerpt(x, from), excerpt(y, from)
}

func excerpt(r []rune, from int) string {
	var b strings.Builder
	if from = min(from, len(r)); from > 0 {
		b.WriteString("…")
		r = r[from:]
	}
	if len(r) <= longestShown {
		b.WriteString(string(r))
		return b.String()
	}
	b.WriteString(string(r[:longestShown]))
	b.WriteString("…")
	return b.String()
}

// printable makes a value one line of text in which nothing has a meaning for a terminal.
func printable(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return '⏎'
		case r == '\t':
			return ' '
		case r < ' ', r >= 0x7F && r < 0xA0, r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069, r == 0x2028, r == 0x2029, r == 0x200E, r == 0x200F, r == 0xFEFF:
			return '\uFFFD'
		}
		return r
	}, s)
}
