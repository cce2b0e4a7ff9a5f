package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// table is rows of cells for people: the first column is aligned left, the others right.
type table [][]string

// leastTitle is how many columns of a title are left on the narrowest terminal.
const leastTitle = 8

// write writes the table without lines around its cells. Where it is wider than a terminal of so many columns, titles
// are shortened; 0 is no terminal.
func (t table) write(w io.Writer, columns int) {
	const gap = "  "
	widths := make([]int, len(t[0]))
	for _, row := range t {
		for i, cell := range row {
			widths[i] = max(widths[i], text.StringWidth(cell))
		}
	}
	title := func(s string) string { return s }
	if columns > 0 {
		for _, width := range widths[1:] {
			columns -= len(gap) + width
		}
		if columns < widths[0] {
			widths[0] = max(columns, leastTitle)
			title = func(s string) string { return shorten(s, widths[0]) }
		}
	}
	for _, row := range t {
		line := text.Pad(title(row[0]), widths[0], ' ')
		for i, cell := range row[1:] {
			line += gap + strings.Repeat(" ", widths[i+1]-text.StringWidth(cell)) + cell
		}
		fmt.Fprintln(w, strings.TrimRight(line, " "))
	}
}

// shorten returns a title in a table that is too wide: with half of its indentation, which says how deep a folder lies,
// and where it is still too wide without its middle.
func shorten(title string, width int) string {
	name := strings.TrimLeft(title, " ")
	indent := min((len(title)-len(name))/2, width/2)
	return title[:indent] + middle(name, width-indent)
}
