package rtf

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// htmlWriter converts to HTML. Everything that comes from the document is escaped or reduced to harmless characters,
// and links have only the schemes of [schemes].
type htmlWriter struct {
	flow
	outer []flow // the texts around the footnotes that are open
	notes []byte // the footnotes that are complete
}

// flow is a sequence of paragraphs and tables.
type flow struct {
	out      []byte
	para     []byte // the paragraph that is open
	cellText []byte // the complete paragraphs of the cell that is open
	rowText  []byte // the complete cells of the row that is open
	// table is set while out has a table that is open.
	table bool
	// linked is set while para has a link that is open.
	linked bool
	run    run
}

// run is a stretch of text that looks alike.
type run struct {
	open  bool
	style style
	close string // the tags that end it
}

const (
	htmlHead = "<!DOCTYPE html>\r\n<html>\r\n<head>\r\n<meta charset=\"utf-8\">\r\n" +
		"<style>p,td{margin:0;white-space:pre-wrap;vertical-align:top}</style>\r\n</head>\r\n<body>\r\n"
	htmlTail = "</body>\r\n</html>\r\n"
)

// schemes are what links may have: those that lead somewhere, and do not run anything.
var schemes = set("http", "https", "mailto", "ftp", "ftps", "tel", "sip", "news", "nntp", "file")

func newHTMLWriter() *htmlWriter { return &htmlWriter{flow: flow{out: []byte(htmlHead)}} }

func (w *htmlWriter) text(b []byte, s *style) {
	w.setRun(s)
	w.para = appendEscaped(w.para, b)
}

func (w *htmlWriter) tab(s *style) {
	w.setRun(s)
	w.para = append(w.para, '\t')
}

func (w *htmlWriter) line(s *style) {
	w.setRun(s)
	w.para = append(w.para, "<br>"...)
}

// setRun ends the run that is open, unless text in style s continues it.
func (w *htmlWriter) setRun(s *style) {
	if w.run.open && w.run.style == *s {
		return
	}
	w.endRun()
	w.run = run{open: true, style: *s}
	if css := s.css(); css != "" {
		w.para = append(append(append(w.para, `<span style="`...), css...), `">`...)
		w.run.close = "</span>"
	}
	for _, t := range []struct {
		tag string
		on  bool
	}{{"b", s.bold}, {"i", s.italic}, {"u", s.underline}, {"s", s.strike}, {"sup", s.shift > 0}, {"sub", s.shift < 0}} {
		if t.on {
			w.para = append(append(append(w.para, '<'), t.tag...), '>')
			w.run.close = "</" + t.tag + ">" + w.run.close
		}
	}
}

func (w *htmlWriter) endRun() {
	w.para = append(w.para, w.run.close...)
	w.run = run{}
}

// css returns what no tag says.
func (s *style) css() string {
	var b strings.Builder
	add := func(property, value string) {
		if b.Len() > 0 {
			b.WriteByte(';')
		}
		b.WriteString(property + ":" + value)
	}
	if name := safeFont(s.family); name != "" {
		add("font-family", "'"+name+"'")
	}
	if s.size > 1 && s.size < 1000 {
		add("font-size", strconv.FormatFloat(float64(s.size)/2, 'f', -1, 64)+"pt")
	}
	if s.foreground.set {
		add("color", s.foreground.css())
	}
	if s.background.set {
		add("background-color", s.background.css())
	}
	if s.capitals {
		add("text-transform", "uppercase")
	}
	return b.String()
}

func (c rgb) css() string { return fmt.Sprintf("#%02x%02x%02x", c.r, c.g, c.b) }

func safeFont(name string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == ' ' || r == '-' || r == '_' {
			return r
		}
		return -1
	}, name))
}

// safeLink returns target if it may be followed, else nothing.
func safeLink(target string) string {
	target = strings.TrimSpace(target)
	if strings.ContainsFunc(target, unicode.IsControl) {
		return ""
	}
	scheme, _, ok := strings.Cut(target, ":")
	switch {
	case ok && schemes[strings.ToLower(scheme)]:
		return target
	case strings.HasPrefix(strings.ToLower(target), "www."):
		return "http://" + target
	}
	return ""
}

// appendEscaped escapes what has a meaning in HTML, in attributes as well, and leaves out what may not be in it.
func appendEscaped(dst, b []byte) []byte {
	start := 0
	for i, c := range b {
		var s string
		switch {
		case c == '&':
			s = "&amp;"
		case c == '<':
			s = "&lt;"
		case c == '>':
			s = "&gt;"
		case c == '"':
			s = "&quot;"
		case c < ' ' && c != '\t', c == 0x7F:
		default:
			continue
		}
		dst = append(append(dst, b[start:i]...), s...)
		start = i + 1
	}
	return append(dst, b[start:]...)
}

// endParagraph returns the paragraph that is open as an element and begins a new one.
func (w *htmlWriter) endParagraph(dst []byte, p *layout) []byte {
	w.endLink()
	var css []string
	switch p.align {
	case 'c':
		css = append(css, "text-align:center")
	case 'r':
		css = append(css, "text-align:right")
	case 'j':
		css = append(css, "text-align:justify")
	}
	if p.indent > 0 && p.indent < 20000 {
		css = append(css, "margin-left:"+strconv.Itoa(p.indent/20)+"pt")
	}
	dst = append(dst, "<p"...)
	if css != nil {
		dst = append(dst, ` style="`+strings.Join(css, ";")+`"`...)
	}
	dst = append(dst, '>')
	if len(w.para) == 0 {
		dst = append(dst, "<br>"...)
	}
	dst = append(dst, w.para...)
	w.para = w.para[:0]
	return append(dst, "</p>\r\n"...)
}

func (w *htmlWriter) paragraph(p *layout) {
	if p.inTable {
		w.cellText = w.endParagraph(w.cellText, p)
		return
	}
	w.endTable()
	w.out = w.endParagraph(w.out, p)
}

func (w *htmlWriter) cell(p *layout) {
	w.rowText = append(w.rowText, "<td>"...)
	if len(w.cellText) > 0 || p.align != 0 {
		w.cellText = w.endParagraph(w.cellText, p)
	}
	w.endLink()
	w.rowText = append(append(w.rowText, w.cellText...), w.para...)
	w.rowText = append(w.rowText, "</td>"...)
	w.cellText, w.para = w.cellText[:0], w.para[:0]
}

func (w *htmlWriter) row() {
	if len(w.rowText) == 0 {
		return
	}
	if !w.table {
		w.out = append(w.out, "<table>\r\n"...)
		w.table = true
	}
	w.out = append(append(append(w.out, "<tr>"...), w.rowText...), "</tr>\r\n"...)
	w.rowText = w.rowText[:0]
}

// endTable ends the table that is open, if there is one, and what of it is not complete.
func (w *htmlWriter) endTable() {
	if len(w.cellText) > 0 {
		w.rowText = append(append(append(w.rowText, "<td>"...), w.cellText...), "</td>"...)
		w.cellText = w.cellText[:0]
	}
	w.row()
	if w.table {
		w.out = append(w.out, "</table>\r\n"...)
		w.table = false
	}
}

func (w *htmlWriter) link(target string) {
	w.endLink()
	if href := safeLink(target); href != "" {
		w.para = append(appendEscaped(append(w.para, `<a href="`...), []byte(href)), `">`...)
		w.linked = true
	}
}

func (w *htmlWriter) linkEnd() { w.endLink() }

// endLink ends the run that is open and the link around it. The end of a paragraph ends it too, so that a target is
// not written more often than it is read.
func (w *htmlWriter) endLink() {
	w.endRun()
	if w.linked {
		w.para = append(w.para, "</a>"...)
		w.linked = false
	}
}

func (w *htmlWriter) note() {
	w.outer = append(w.outer, w.flow)
	w.flow = flow{}
}

func (w *htmlWriter) noteEnd() {
	w.endFlow()
	w.notes = append(w.notes, w.out...)
	last := len(w.outer) - 1
	w.flow = w.outer[last]
	w.outer = w.outer[:last]
}

// endFlow completes the paragraph and the table that are open.
func (w *htmlWriter) endFlow() {
	w.endLink()
	if len(w.para) > 0 {
		w.paragraph(&layout{})
	}
	w.endTable()
}

func (w *htmlWriter) attachment(n int, name string, s *style) {
	w.setRun(s)
	w.para = append(w.para, `<span class="attachment" data-number="`+strconv.Itoa(n)+`">`...)
	w.para = append(appendEscaped(w.para, []byte(name)), "</span>"...)
}

func (w *htmlWriter) finish() string {
	w.endFlow()
	if len(w.notes) > 0 {
		w.out = append(append(w.out, "<hr>\r\n"...), w.notes...)
	}
	return string(append(w.out, htmlTail...))
}
