package report

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// What a terminal shows is measured in its columns: a letter of an East Asian script takes two, a combining mark none.

// ending returns the end of a title that is too wide: the end of a path says more than its beginning.
func ending(title string, width int) string {
	if text.StringWidth(title) <= width {
		return title
	}
	return "…" + lastColumns(title, width-1)
}

// middle returns a title that is too wide without its middle: names that begin alike often end in what tells them apart.
func middle(title string, width int) string {
	if text.StringWidth(title) <= width {
		return title
	}
	end := (width - 1) / 2
	return firstColumns(title, width-1-end) + "…" + lastColumns(title, end)
}

// firstColumns returns the beginning of a string that is no wider than so many columns.
func firstColumns(s string, width int) string {
	for i, r := range s {
		if width -= text.RuneWidth(r); width < 0 {
			return s[:i]
		}
	}
	return s
}

// lastColumns returns the end of a string that is no wider than so many columns. No mark stands there without its letter.
func lastColumns(s string, width int) string {
	runes := []rune(s)
	for len(runes) > 0 && (text.StringWidth(string(runes)) > width || text.RuneWidth(runes[0]) == 0) {
		runes = runes[1:]
	}
	return string(runes)
}

// wrap breaks text between words into lines of at most so many columns, but for words that are longer.
func wrap(s string, width int) []string {
	var lines []string
	for word := range strings.FieldsSeq(s) {
		last := len(lines) - 1
		if last >= 0 && text.StringWidth(lines[last])+1+text.StringWidth(word) <= width {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}
