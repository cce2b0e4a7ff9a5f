// Command plot draws time against size as .ci/bench has measured them: from its tab-separated figures on standard input
// to an SVG on standard output. So the picture can be drawn again from the figures kept:
//
//	go run ./.ci/plot <testdata/bench/speed.tsv >testdata/bench/speed.svg
//
// Both axes are logarithmic: sizes and times span two and three orders of magnitude, a program that takes twice as long
// has its line a fixed distance higher, and one whose time grows faster than the size has a steeper line.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"html"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
)

func main() {
	lines, err := read(os.Stdin)
	if err == nil {
		err = draw(os.Stdout, lines)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "plot:", err)
		os.Exit(1)
	}
}

// styles are the rows that are drawn, in the order in which they are painted, with their names in the picture. A class
// is a colour, for a program; a second form of output is dashed.
var styles = []struct {
	row, name, class string
	dashed           bool
}{
	{"cp", "cp", "grey", false},
	{"gopst", "go-pst (only reads)", "green", false},
	{"pffexport", "pffexport", "purple", false},
	{"readpst-eml", "readpst, EML", "orange", true},
	{"readpst-mbox", "readpst, mbox", "orange", false},
	{"eml", "mailmill, EML", "blue", true},
	{"mbox", "mailmill, mbox", "blue", false},
}

// point is a program's median time with one archive.
type point struct{ megabytes, seconds float64 }

// read returns the points of each row, by size.
func read(r io.Reader) (map[string][]point, error) {
	rows := map[string][]point{}
	s := bufio.NewScanner(r)
	for s.Scan() {
		// archive, bytes, row, label, seconds, …
		f := strings.Split(s.Text(), "\t")
		if f[0] == "archive" {
			continue
		}
		if len(f) < 5 {
			return nil, fmt.Errorf("%q: not figures of .ci/bench", s.Text())
		}
		bytes, err := strconv.ParseFloat(f[1], 64)
		if err != nil {
			return nil, err
		}
		seconds, err := strconv.ParseFloat(f[4], 64)
		if err != nil {
			return nil, err
		}
		if bytes <= 0 || seconds <= 0 {
			return nil, fmt.Errorf("%q: nothing that a logarithmic scale can show", s.Text())
		}
		rows[f[2]] = append(rows[f[2]], point{bytes / 1e6, seconds})
	}
	for _, points := range rows {
		slices.SortFunc(points, func(a, b point) int { return int(math.Copysign(1, a.megabytes-b.megabytes)) })
	}
	return rows, s.Err()
}

// The picture's size and the edges of the plot in it.
const (
	width, height            = 800, 500
	left, right, top, bottom = 84, 640, 56, 440
	labelHeight              = 16
)

// axis is a logarithmic scale: values from low to high lie between two coordinates.
type axis struct{ low, high, from, to float64 }

func (a axis) at(v float64) float64 {
	return a.from + (a.to-a.from)*math.Log(v/a.low)/math.Log(a.high/a.low)
}

// ticks are the values 1, 2 and 5 times a power of ten on the axis.
func (a axis) ticks() []float64 {
	var ticks []float64
	for e := math.Floor(math.Log10(a.low)); e <= math.Ceil(math.Log10(a.high)); e++ {
		for _, m := range []float64{1, 2, 5} {
			if v := m * math.Pow(10, e); v >= a.low*0.999 && v <= a.high*1.001 {
				ticks = append(ticks, v)
			}
		}
	}
	return ticks
}

func draw(out io.Writer, rows map[string][]point) error {
	var all []point
	for _, s := range styles {
		all = append(all, rows[s.row]...)
	}
	if len(all) == 0 {
		return errors.New("there are no figures to draw")
	}
	x := axis{math.Inf(1), 0, left, right}
	y := axis{math.Inf(1), 0, bottom, top}
	for _, p := range all {
		x.low, x.high = min(x.low, p.megabytes), max(x.high, p.megabytes)
		y.low, y.high = min(y.low, p.seconds), max(y.high, p.seconds)
	}
	// Some room around the points, so that a single one is a plot, too.
	x.low, x.high = x.low/1.25, x.high*1.1
	y.low, y.high = y.low/1.25, y.high*1.25

	w := bufio.NewWriter(out)
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="title">`+"\n", width, height)
	fmt.Fprint(w, `<title id="title">Seconds that programs take to convert archives of different sizes</title>`+"\n", style)
	fmt.Fprintf(w, `<rect class="paper" width="%d" height="%d"/>`+"\n", width, height)
	fmt.Fprintf(w, `<text class="head" x="%d" y="24">Time to convert an archive</text>`+"\n", left)
	fmt.Fprintf(w, `<text x="%d" y="42">both scales logarithmic; lower is better</text>`+"\n", left)
	for _, v := range x.ticks() {
		at := x.at(v)
		fmt.Fprintf(w, `<path class="grid" d="M%.1f %dV%d"/>`, at, top, bottom)
		fmt.Fprintf(w, `<text class="tick" text-anchor="middle" x="%.1f" y="%d">%s</text>`+"\n", at, bottom+18, megabytes(v))
	}
	for _, v := range y.ticks() {
		at := y.at(v)
		fmt.Fprintf(w, `<path class="grid" d="M%d %.1fH%d"/>`, left, at, right)
		fmt.Fprintf(w, `<text class="tick" text-anchor="end" x="%d" y="%.1f">%s</text>`+"\n", left-8, at+4, seconds(v))
	}
	fmt.Fprintf(w, `<path class="axis" d="M%d %dV%dH%d"/>`+"\n", left, top, bottom, right)
	fmt.Fprintf(w, `<text text-anchor="middle" x="%d" y="%d">size of the archive</text>`+"\n", (left+right)/2, bottom+42)
	fmt.Fprintf(w, `<text text-anchor="middle" transform="translate(16 %d) rotate(-90)">time</text>`+"\n", (top+bottom)/2)

	var labels []label
	for _, s := range styles {
		points := rows[s.row]
		if len(points) == 0 {
			continue
		}
		fmt.Fprintf(w, `<g class="%s">`, s.class)
		dash := ""
		if s.dashed {
			dash = ` stroke-dasharray="6 4"`
		}
		fmt.Fprintf(w, `<path class="line"%s d="`, dash)
		for i, p := range points {
			fmt.Fprintf(w, "%c%.1f %.1f", "ML"[min(i, 1)], x.at(p.megabytes), y.at(p.seconds))
		}
		fmt.Fprint(w, `"/>`)
		for _, p := range points {
			fmt.Fprintf(w, `<circle r="3" cx="%.1f" cy="%.1f"><title>%s, %.0f MB: %s</title></circle>`,
				x.at(p.megabytes), y.at(p.seconds), html.EscapeString(s.name), p.megabytes, seconds(p.seconds))
		}
		fmt.Fprint(w, "</g>\n")
		last := points[len(points)-1]
		if end := x.at(last.megabytes); end > x.at(x.high/1.2) {
			labels = append(labels, label{end + 10, y.at(last.seconds) + 4, s.name, s.class})
		} else { // not measured further: other lines pass on the right
			fmt.Fprintf(w, `<text class="name %s" text-anchor="end" x="%.1f" y="%.1f">%s</text>`+"\n",
				s.class, end+4, y.at(last.seconds)-10, html.EscapeString(s.name))
		}
	}
	apart(labels)
	for _, l := range labels {
		fmt.Fprintf(w, `<text class="name %s" x="%.1f" y="%.1f">%s</text>`+"\n", l.class, l.x, l.y, html.EscapeString(l.name))
	}
	fmt.Fprint(w, "</svg>\n")
	return w.Flush()
}

// label is a line's name, at its end.
type label struct {
	x, y        float64
	name, class string
}

// apart moves labels that would cover each other up and down, in equal shares.
func apart(labels []label) {
	slices.SortFunc(labels, func(a, b label) int { return int(math.Copysign(1, a.y-b.y)) })
	for range 100 {
		moved := false
		for i := range labels {
			for j := i + 1; j < len(labels); j++ {
				a, b := &labels[i], &labels[j]
				if gap := labelHeight - (b.y - a.y); gap > 0.1 {
					a.y -= gap / 2
					b.y += gap / 2
					moved = true
				}
			}
		}
		if !moved {
			return
		}
	}
}

func megabytes(v float64) string {
	if v >= 999 {
		return fmt.Sprintf("%.4g GB", v/1000)
	}
	return fmt.Sprintf("%.3g MB", v)
}

func seconds(v float64) string {
	if v < 0.999 {
		return fmt.Sprintf("%.3g ms", v*1000)
	}
	return fmt.Sprintf("%.3g s", v)
}

// style has colours of enough contrast for light and for dark surroundings, and a ground of its own for those who show
// a picture without telling it theirs.
const style = `<style>
text { font: 13px system-ui, sans-serif; fill: #57606a }
.head { font-size: 16px; font-weight: 600; fill: #1f2328 }
.tick { font-size: 12px }
.name { font-weight: 600 }
.paper { fill: #ffffff }
.grid { stroke: #d0d7de; stroke-width: .5 }
.axis { stroke: #57606a; fill: none }
.line { fill: none; stroke-width: 2 }
.blue .line { stroke-width: 3 }
.blue .line { stroke: #0969da } .blue circle, .name.blue { fill: #0969da }
.orange .line { stroke: #bc4c00 } .orange circle, .name.orange { fill: #bc4c00 }
.purple .line { stroke: #8250df } .purple circle, .name.purple { fill: #8250df }
.green .line { stroke: #1a7f37 } .green circle, .name.green { fill: #1a7f37 }
.grey .line { stroke: #6e7781 } .grey circle, .name.grey { fill: #6e7781 }
@media (prefers-color-scheme: dark) {
text { fill: #9198a1 }
.head { fill: #f0f6fc }
.paper { fill: #0d1117 }
.grid { stroke: #30363d }
.axis { stroke: #9198a1 }
.blue .line { stroke: #58a6ff } .blue circle, .name.blue { fill: #58a6ff }
.orange .line { stroke: #f0883e } .orange circle, .name.orange { fill: #f0883e }
.purple .line { stroke: #bc8cff } .purple circle, .name.purple { fill: #bc8cff }
.green .line { stroke: #3fb950 } .green circle, .name.green { fill: #3fb950 }
.grey .line { stroke: #8b949e } .grey circle, .name.grey { fill: #8b949e }
}
</style>
`
