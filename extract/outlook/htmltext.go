package outlook

import (
	"bytes"
	"strconv"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// HTMLToText returns the text of HTML as bodies get it that have no other, for sources whose HTML does not stand in messages.
func HTMLToText(b []byte) string { return htmlToText(b) }

// htmlToText returns the text of HTML, for mail that has no other: paragraphs and lines where the HTML has them, a line
// for each row of a table with tabs between its cells, marks before what is listed or quoted, and links in angle
// brackets after their text where the text does not say them.
func htmlToText(b []byte) string {
	t := textWriter{}
	z := html.NewTokenizer(bytes.NewReader(b))
	skip := 0 // depth in elements that hold no text
	for {
		switch z.Next() {
		case html.ErrorToken:
			return t.finish()
		case html.TextToken:
			if skip == 0 {
				// The tokenizer's buffer is reused: the text is copied by writing it.
				t.write(string(z.Text()))
			}
		case html.StartTagToken:
			name, more := z.TagName()
			a := atom.Lookup(name)
			switch {
			case isSilent(a, name):
				skip++
			case a == atom.Body:
				skip = 0
			case skip == 0:
				t.start(a, func(key string) string { return attribute(z, &more, key) })
			}
		case html.SelfClosingTagToken:
			name, more := z.TagName()
			// HTML has no such tags: what is no empty element is open all the same, but for islands of XML.
			if a := atom.Lookup(name); !isSilent(a, name) && skip == 0 {
				t.start(a, func(key string) string { return attribute(z, &more, key) })
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			a := atom.Lookup(name)
			switch {
			case isSilent(a, name):
				skip = max(skip-1, 0)
			case a == atom.Head:
				skip = 0
			case skip == 0:
				t.end(a)
			}
		}
	}
}

// isSilent reports whether an element holds nothing to be read.
func isSilent(a atom.Atom, name []byte) bool {
	switch a {
	case atom.Script, atom.Style, atom.Title, atom.Noscript, atom.Iframe, atom.Noframes, atom.Noembed:
		return true
	case 0:
		return string(name) == "xml" // QUIRK: Word puts its settings there
	}
	return false
}

// attribute returns an attribute of the tag that the tokenizer is at.
func attribute(z *html.Tokenizer, more *bool, key string) string {
	for *more {
		var k, v []byte
		k, v, *more = z.TagAttr()
		if string(k) == key {
			return string(v)
		}
	}
	return ""
}

// Limits on nesting, which costs memory or room on the line.
const (
	maxQuotes = len(quoteMarks)
	maxNested = 64
)

// textWriter lays text out in lines. Blanks run together, and so do the ends of paragraphs: they are only noted, and
// written before what follows them.
type textWriter struct {
	b     strings.Builder
	blank bool // a blank is due before the next word
	due   int  // line ends that are
	tabs  int  // tabs that are
	fresh bool // a cell or list item has just begun: it needs no line of its own
	pre   int
	atPre bool // nothing of the preformatted text has come yet
	// quotes is how deep what comes is quoted, lastQuotes the last line.
	quotes, lastQuotes int

	lists  []list
	tables []table
	links  []link
}

type list struct {
	ordered bool
	n       int
}

// table is the state of a table's current row.
type table struct {
	cells   int
	written bool // there is text in it
	tall    bool // a cell has more than one line
}

type link struct {
	href string
	at   int // where its text begins
}

// pushed appends to a stack as long as that is not too high.
func pushed[T any](stack []T, x T) []T {
	if len(stack) >= maxNested {
		stack = stack[:maxNested-1]
	}
	return append(stack, x)
}

// popped removes the top of a stack.
func popped[T any](stack []T) []T { return stack[:max(len(stack)-1, 0)] }

func (t *textWriter) start(a atom.Atom, attr func(string) string) {
	switch a {
	case atom.Br:
		t.due = min(t.due+1, 3)
		t.blank, t.fresh = false, false
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		t.breaks(2)
	case atom.Blockquote:
		t.breaks(2)
		t.quotes++
	case atom.Pre:
		t.breaks(2)
		t.pre++
		t.atPre = true
	case atom.Div, atom.Dt, atom.Dd, atom.Option:
		t.breaks(1)
	case atom.Ul, atom.Ol:
		if len(t.lists) > 0 {
			t.breaks(1)
		} else {
			t.breaks(2)
		}
		t.lists = pushed(t.lists, list{ordered: a == atom.Ol})
	case atom.Li:
		t.item()
	case atom.Table:
		t.breaks(2)
		t.tables = pushed(t.tables, table{})
	case atom.Tr:
		t.breaks(1)
		if n := len(t.tables); n > 0 {
			t.tables[n-1] = table{}
		}
	case atom.Td, atom.Th:
		t.cell()
	case atom.Hr:
		t.breaks(1)
		t.word("----")
		t.breaks(1)
	case atom.Img:
		if alt := strings.Join(strings.Fields(attr("alt")), " "); alt != "" {
			t.word("[" + alt + "]")
		}
	case atom.A:
		t.links = pushed(t.links, link{strings.TrimSpace(attr("href")), t.b.Len()})
	}
}

func (t *textWriter) end(a atom.Atom) {
	switch a {
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6:
		t.breaks(2)
	case atom.Blockquote:
		t.breaks(2)
		t.quotes = max(t.quotes-1, 0)
	case atom.Pre:
		t.breaks(2)
		t.pre = max(t.pre-1, 0)
	case atom.Div, atom.Li:
		t.breaks(1)
	case atom.Td, atom.Th, atom.Tr:
		// Paragraphs in cells are no reason for empty lines between rows.
		if len(t.tables) > 0 {
			t.due = min(t.due, 1)
		}
		t.fresh = false
		if a == atom.Tr {
			t.breaks(1)
		}
	case atom.Ul, atom.Ol:
		if t.lists = popped(t.lists); len(t.lists) > 0 {
			t.breaks(1)
		} else {
			t.breaks(2)
		}
	case atom.Table:
		t.fresh = false
		t.breaks(2)
		t.tables = popped(t.tables)
	case atom.A:
		if n := len(t.links); n > 0 {
			t.link(t.links[n-1])
			t.links = popped(t.links)
		}
	}
}

// breaks says that what follows stands n line ends further on, at the least.
func (t *textWriter) breaks(n int) {
	if !t.fresh {
		t.due = max(t.due, n)
		t.blank = false
	}
}

// item begins an item of a list.
func (t *textWriter) item() {
	t.breaks(1)
	mark := "* "
	if n := len(t.lists); n > 0 {
		l := &t.lists[n-1]
		if l.n++; l.ordered {
			mark = strconv.Itoa(l.n) + ". "
		}
		mark = strings.Repeat("  ", min(n, maxQuotes)-1) + mark
	}
	for i := range len(mark) {
		t.put(mark[i])
	}
	t.fresh = true
}

// cell begins a cell of a table.
func (t *textWriter) cell() {
	n := len(t.tables)
	if n == 0 {
		t.breaks(1)
		return
	}
	row := &t.tables[n-1]
	switch {
	case row.cells == 0 || !row.written:
	case row.tall:
		t.fresh = false
		t.breaks(1)
	default:
		t.due, t.blank = 0, false
		t.tabs++
	}
	row.cells++
	t.fresh = true
}

func (t *textWriter) write(s string) {
	if t.pre > 0 {
		for i, c := range []byte(s) {
			switch {
			case c == '\r':
			case c == '\n' && t.atPre && (i == 0 || i == 1 && s[0] == '\r'):
				// HTML does not count the line end after the tag.
			case c == '\n':
				t.due++
				t.fresh = false
			default:
				t.put(c)
			}
		}
		t.atPre = false
		return
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			t.blank = true
		case c == 0xC2 && i+1 < len(s) && s[i+1] == 0xA0:
			t.blank = true
			i++
		default:
			t.put(c)
		}
	}
}

// word writes text with blanks around it.
func (t *textWriter) word(s string) {
	t.blank = true
	for i := range len(s) {
		t.put(s[i])
	}
	t.blank = true
}

func (t *textWriter) put(c byte) {
	switch {
	case t.b.Len() == 0:
		t.quote()
	case t.due > 0:
		t.newLine()
	case t.tabs > 0:
		for range min(t.tabs, maxNested) {
			t.b.WriteByte('\t')
		}
	case t.blank && !t.fresh:
		t.b.WriteByte(' ')
	}
	t.blank, t.fresh, t.due, t.tabs = false, false, 0, 0
	if n := len(t.tables); n > 0 && !t.tables[n-1].written {
		for i := range t.tables {
			t.tables[i].written = true
		}
	}
	t.b.WriteByte(c)
}

// newLine writes the line ends that are due.
func (t *textWriter) newLine() {
	for ; t.due > 0; t.due-- {
		t.b.WriteString("\r\n")
		if t.due > 1 {
			t.b.WriteString(quoteMarks[:min(t.quotes, t.lastQuotes, maxQuotes)])
		}
	}
	t.quote()
	for i := range t.tables {
		row := &t.tables[i]
		row.tall = row.tall || row.written
	}
}

const quoteMarks = ">>>>>>>>"

// quote begins a line, which may be quoted.
func (t *textWriter) quote() {
	if t.lastQuotes = t.quotes; t.quotes > 0 {
		t.b.WriteString(quoteMarks[:min(t.quotes, maxQuotes)])
		t.b.WriteByte(' ')
	}
}

// link ends a link.
func (t *textWriter) link(l link) {
	if l.href == "" || l.href[0] == '#' {
		return
	}
	for _, scheme := range [...]string{"javascript:", "cid:", "data:"} {
		if len(l.href) >= len(scheme) && strings.EqualFold(l.href[:len(scheme)], scheme) {
			return
		}
	}
	text := ""
	if l.at <= t.b.Len() {
		text = t.b.String()[l.at:]
	}
	target := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(l.href, "mailto:"), "http://"), "https://")
	if strings.Contains(text, strings.TrimSuffix(target, "/")) {
		return
	}
	t.blank = true
	t.put('<')
	for _, c := range []byte(l.href) {
		if c > ' ' {
			t.put(c)
		}
	}
	t.put('>')
}

func (t *textWriter) finish() string {
	s := strings.TrimRight(t.b.String(), "\r\n \t")
	if s == "" {
		return ""
	}
	return s + "\r\n"
}
