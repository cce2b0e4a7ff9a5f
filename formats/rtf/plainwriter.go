package rtf

import (
	"bytes"
	"strings"
)

// plainWriter writes characters only: text, or where original is set, what was encapsulated.
type plainWriter struct {
	original bool

	out    []byte
	target string // of the link that is open
	linked int    // where in out its text begins
	// outer are the texts around the footnotes that are open, and notes those footnotes that are complete.
	outer [][]byte
	notes [][]byte
}

func (w *plainWriter) text(b []byte, _ *style) { w.out = append(w.out, b...) }
func (w *plainWriter) tab(*style)              { w.out = append(w.out, '\t') }
func (w *plainWriter) line(*style)             { w.out = append(w.out, "\r\n"...) }
func (w *plainWriter) paragraph(*layout)       { w.out = append(w.out, "\r\n"...) }

// MS-OXRTFEX knows no tables: those that stand beside encapsulated HTML only show it to RTF readers.
func (w *plainWriter) cell(*layout) {
	if !w.original {
		w.out = append(w.out, '\t')
	}
}

func (w *plainWriter) row() {
	if !w.original {
		w.out = append(bytes.TrimSuffix(w.out, []byte("\t")), "\r\n"...)
	}
}

func (w *plainWriter) link(target string) { w.target, w.linked = target, len(w.out) }

// linkEnd writes where the link leads, if its text does not say that.
func (w *plainWriter) linkEnd() {
	shown := w.target
	if i := strings.IndexByte(shown, ':'); i == len("mailto") && strings.EqualFold(shown[:i], "mailto") {
		shown = shown[i+1:]
	}
	if w.target != "" && w.linked <= len(w.out) && !bytes.Contains(w.out[w.linked:], []byte(strings.TrimSuffix(shown, "/"))) {
		w.out = append(w.out, " <"...)
		w.out = append(w.out, w.target...)
		w.out = append(w.out, '>')
	}
	w.target = ""
}

func (w *plainWriter) note() {
	w.outer = append(w.outer, w.out)
	w.out = nil
}

func (w *plainWriter) noteEnd() {
	last := len(w.outer) - 1
	w.notes = append(w.notes, bytes.TrimRight(w.out, "\r\n"))
	w.out = w.outer[last]
	w.outer = w.outer[:last]
}

func (w *plainWriter) attachment(_ int, name string, _ *style) {
	if name != "" {
		w.out = append(w.out, "<<"+name+">>"...)
	}
}

func (w *plainWriter) finish() string {
	for i, note := range w.notes {
		if i == 0 && len(w.out) > 0 {
			if !bytes.HasSuffix(w.out, []byte("\r\n")) {
				w.out = append(w.out, "\r\n"...)
			}
			w.out = append(w.out, "\r\n"...)
		}
		w.out = append(append(w.out, note...), "\r\n"...)
	}
	return string(w.out)
}
