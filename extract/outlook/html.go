package outlook

import (
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// htmlToText returns the text of HTML, for mail that has no other: paragraphs and lines where the HTML has them, links
// in angle brackets after their text where the text does not say them.
func htmlToText(s string) string {
	t := textWriter{}
	z := html.NewTokenizer(strings.NewReader(s))
	skip := 0 // depth in elements that hold no text
	pre := 0
	var links []string
	for {
		switch z.Next() {
		case html.ErrorToken:
			return t.finish()
		case html.TextToken:
			if skip == 0 {
				// The tokenizer's buffer is reused: the text is copied by writing it.
				t.write(string(z.Text()), pre > 0)
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			switch a := atom.Lookup(name); a {
			case atom.Script, atom.Style, atom.Title:
				skip++
			case atom.Body:
				skip = 0
			case atom.Br:
				t.line()
			case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol, atom.Table, atom.Blockquote:
				t.paragraph()
			case atom.Pre:
				t.paragraph()
				pre++
			case atom.Div, atom.Tr, atom.Dt, atom.Dd:
				t.newLine()
			case atom.Li:
				t.newLine()
				t.write("* ", true)
			case atom.Td, atom.Th:
				t.cell()
			case atom.Hr:
				t.newLine()
				t.write("----", false)
				t.newLine()
			case atom.A:
				href := ""
				for more {
					var k, v []byte
					k, v, more = z.TagAttr()
					if string(k) == "href" {
						href = string(v)
					}
				}
				links = append(links[:min(len(links), 64)], href)
				t.mark()
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			switch a := atom.Lookup(name); a {
			case atom.Script, atom.Style, atom.Title:
				skip = max(skip-1, 0)
			case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol, atom.Table, atom.Blockquote:
				t.paragraph()
			case atom.Pre:
				t.paragraph()
				pre = max(pre-1, 0)
			case atom.Div, atom.Tr, atom.Li:
				t.newLine()
			case atom.A:
				if n := len(links); n > 0 {
					t.link(links[n-1])
					links = links[:n-1]
				}
			}
		}
	}
}

// textWriter lays text out in lines. Blanks run together, and so do the ends of paragraphs.
type textWriter struct {
	b      strings.Builder
	blank  bool // a blank is due before the next word
	breaks int  // line ends at the end of b
	marked int  // where the text of a link begins
}

func (t *textWriter) write(s string, verbatim bool) {
	if verbatim {
		for _, c := range []byte(s) {
			switch c {
			case '\r':
			case '\n':
				t.line()
			default:
				t.put(c)
			}
		}
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

func (t *textWriter) put(c byte) {
	if t.blank && t.breaks == 0 && t.b.Len() > 0 {
		t.b.WriteByte(' ')
	}
	t.blank, t.breaks = false, 0
	t.b.WriteByte(c)
}

func (t *textWriter) line() {
	t.blank = false
	if t.b.Len() == 0 {
		return
	}
	t.b.WriteString("\r\n")
	t.breaks++
}

// newLine begins a line unless one has begun.
func (t *textWriter) newLine() {
	if t.breaks == 0 {
		t.line()
	}
	t.blank = false
}

// paragraph leaves one line empty.
func (t *textWriter) paragraph() {
	for t.breaks < 2 && t.b.Len() > 0 {
		t.line()
	}
	t.blank = false
}

func (t *textWriter) cell() {
	if t.breaks == 0 && t.b.Len() > 0 {
		t.b.WriteByte('\t')
		t.blank = false
	}
}

func (t *textWriter) mark() { t.marked = t.b.Len() }

func (t *textWriter) link(href string) {
	href = strings.TrimSpace(href)
	text := ""
	if t.marked <= t.b.Len() {
		text = strings.TrimSpace(t.b.String()[t.marked:])
	}
	target := strings.TrimPrefix(strings.TrimPrefix(href, "mailto:"), "http://")
	if href == "" || href[0] == '#' || text == "" || strings.Contains(text, strings.TrimSuffix(target, "/")) || foldEqual([]byte(href), "javascript:") {
		return
	}
	t.blank = true
	t.write("<"+href+">", false)
}

func (t *textWriter) finish() string {
	s := strings.TrimRight(t.b.String(), "\r\n ")
	if s == "" {
		return ""
	}
	return s + "\r\n"
}

// references are the places in HTML that refer to other parts: by content id, or by name.
type references struct {
	cids  map[string]bool
	names map[string]bool
}

// findReferences collects what the HTML's "cid:" links and its attributes with addresses refer to, in the form that
// [references.shows] compares.
func findReferences(s string) references {
	r := references{cids: make(map[string]bool), names: make(map[string]bool)}
	for i := 0; i+4 < len(s); i++ {
		switch c := s[i]; {
		case (c == 'c' || c == 'C') && strings.EqualFold(s[i:i+4], "cid:"):
			if i > 0 && isWord(s[i-1]) {
				continue
			}
			end := reference(s, i+4)
			r.cids[foldCID(s[i+4:end])] = true
			i = end - 1
		case c == '=' && i+1 < len(s):
			j := i + 1
			for j < len(s) && (s[j] == ' ' || s[j] == '"' || s[j] == '\'') {
				j++
			}
			if hasSuffixFold(s[:i], "src") || hasSuffixFold(s[:i], "background") || hasSuffixFold(s[:i], "href") || hasSuffixFold(s[:i], "data") {
				if end := reference(s, j); end > j && end-j < 4096 && !strings.EqualFold(s[j:min(j+4, end)], "cid:") {
					r.names[foldCID(s[j:end])] = true
				}
			}
		case c == '(' && i >= 3 && strings.EqualFold(s[i-3:i], "url"):
			j := i + 1
			for j < len(s) && (s[j] == ' ' || s[j] == '"' || s[j] == '\'') {
				j++
			}
			if end := reference(s, j); end > j && !strings.EqualFold(s[j:min(j+4, end)], "cid:") {
				r.names[foldCID(s[j:end])] = true
			}
		}
	}
	return r
}

// reference returns where a reference that begins at i ends.
func reference(s string, i int) int {
	for i < len(s) && s[i] > ' ' && strings.IndexByte("\"'<>)", s[i]) < 0 {
		i++
	}
	return i
}

func isWord(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c == '-'
}

func hasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// foldCID returns a content id or location in the form in which equal ones are equal: percent-decoded, entities
// resolved, in lower case.
func foldCID(s string) string {
	if strings.IndexByte(s, '&') >= 0 {
		s = html.UnescapeString(s)
	}
	if strings.IndexByte(s, '%') >= 0 {
		if d, err := url.PathUnescape(s); err == nil {
			s = d
		}
	}
	return strings.ToLower(strings.TrimSpace(s))
}
