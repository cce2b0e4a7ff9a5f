package olm

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Bounds of an XML file.
const (
	maxDepth    = 64
	maxElements = 4 << 20
)

// node is an element. Its name is without the prefix of a namespace.
type node struct {
	name  string
	attrs []attr
	text  string // all that stands directly in it
	kids  []*node
}

type attr struct{ name, value string }

// child returns the first element in another with a name; nil where there is none.
func (n *node) child(name string) *node {
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if k.name == name {
			return k
		}
	}
	return nil
}

// get returns the text of the first element with a name.
func (n *node) get(name string) string {
	if k := n.child(name); k != nil {
		return k.text
	}
	return ""
}

// line is get without blanks around it.
func (n *node) line(name string) string { return strings.TrimSpace(n.get(name)) }

// attr returns an attribute. QUIRK: older programs write elements instead.
func (n *node) attr(name string) string {
	for _, a := range n.attrs {
		if a.name == name {
			return strings.TrimSpace(a.value)
		}
	}
	return n.line(name)
}

// all calls visit for all elements below n with a name.
func (n *node) all(name string, visit func(*node)) {
	if n == nil {
		return
	}
	for _, k := range n.kids {
		if k.name == name {
			visit(k)
		} else {
			k.all(name, visit)
		}
	}
}

var (
	errCut  = errors.New("the XML ends too early")
	errDeep = fmt.Errorf("the XML has elements more than %d deep", maxDepth)
	errMany = fmt.Errorf("the XML has more than %d elements", maxElements)
	errText = errors.New("the XML has bytes that are no UTF-8")
)

// scanner reads XML as it occurs: nothing is declared or fetched, entities are the five that everybody has, and what makes
// no sense is text.
type scanner struct {
	b        []byte
	at       int
	elements int
	bad      bool // bytes were replaced
}

// kind is that of a token.
type kind uint8

const (
	atEnd kind = iota
	startTag
	emptyTag
	endTag
	text
)

// token is a piece of XML; from and to are where it stands.
type token struct {
	kind     kind
	name     string
	attrs    []attr
	text     []byte
	literal  bool // the text is as it is meant
	from, to int
}

// next returns the next token. Attributes are read on demand only: whoever counts elements needs none.
func (s *scanner) next(attrs bool) token {
	for s.at < len(s.b) {
		from := s.at
		if s.b[s.at] != '<' {
			end := bytes.IndexByte(s.b[s.at:], '<')
			if end < 0 {
				end = len(s.b) - s.at
			}
			s.at += end
			return token{kind: text, text: s.b[from:s.at], from: from, to: s.at}
		}
		rest := s.b[s.at:]
		switch {
		case bytes.HasPrefix(rest, []byte("<!--")):
			s.skip("-->")
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			const head, tail = len("<![CDATA["), len("]]>")
			end := bytes.Index(rest, []byte("]]>"))
			if end < 0 {
				s.at = len(s.b)
				return token{kind: text, text: rest[head:], literal: true, from: from, to: s.at}
			}
			s.at += end + tail
			return token{kind: text, text: rest[head:end], literal: true, from: from, to: s.at}
		case bytes.HasPrefix(rest, []byte("<?")):
			s.skip("?>")
		case bytes.HasPrefix(rest, []byte("<!")):
			if end := bytes.IndexAny(rest, "[>"); end >= 0 && rest[end] == '[' {
				s.skip("]>")
			} else {
				s.skip(">")
			}
		case len(rest) > 1 && (rest[1] == '/' || isNameStart(rest[1])):
			if t, ok := s.tag(attrs); ok {
				t.from, t.to = from, s.at
				return t
			}
			s.at = len(s.b)
		default:
			s.at++
			return token{kind: text, text: rest[:1], from: from, to: s.at}
		}
	}
	return token{from: s.at, to: s.at}
}

func (s *scanner) skip(end string) {
	i := bytes.Index(s.b[s.at:], []byte(end))
	if i < 0 {
		s.at = len(s.b)
		return
	}
	s.at += i + len(end)
}

func isNameStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// tag reads a tag; false where it has no end.
func (s *scanner) tag(withAttrs bool) (t token, ok bool) {
	b := s.b
	i := s.at + 1
	t.kind = startTag
	if b[i] == '/' {
		t.kind = endTag
		i++
	}
	start := i
	for i < len(b) && !isSpace(b[i]) && b[i] != '>' && b[i] != '/' {
		i++
	}
	name := b[start:i]
	t.name = string(name[bytes.LastIndexByte(name, ':')+1:])
	for i < len(b) {
		switch {
		case isSpace(b[i]):
			i++
		case b[i] == '>':
			s.at = i + 1
			return t, true
		case b[i] == '/':
			if i+1 < len(b) && b[i+1] == '>' {
				t.kind = emptyTag
			}
			i++
		default:
			start = i
			for i < len(b) && b[i] != '=' && !isSpace(b[i]) && b[i] != '>' && b[i] != '/' {
				i++
			}
			name := b[start:i]
			for i < len(b) && (isSpace(b[i]) || b[i] == '=') {
				i++
			}
			if i >= len(b) || b[i] != '"' && b[i] != '\'' {
				if i == start {
					i++
				}
				continue
			}
			end := bytes.IndexByte(b[i+1:], b[i])
			if end < 0 {
				return t, false
			}
			if withAttrs {
				t.attrs = append(t.attrs, attr{string(name[bytes.LastIndexByte(name, ':')+1:]), s.unescape(b[i+1 : i+1+end])})
			}
			i += end + 2
		}
	}
	return t, false
}

// unescape returns text with its entities resolved. An ampersand that begins none stands for itself.
func (s *scanner) unescape(b []byte) string {
	if !utf8.Valid(b) {
		s.bad = true
		b = bytes.ToValidUTF8(b, []byte("\uFFFD"))
	}
	if bytes.IndexByte(b, '&') < 0 {
		return string(b)
	}
	var out strings.Builder
	out.Grow(len(b))
	for {
		i := bytes.IndexByte(b, '&')
		if i < 0 {
			out.Write(b)
			return out.String()
		}
		out.Write(b[:i])
		b = b[i:]
		const longest = len("&#x10FFFF;")
		end := bytes.IndexByte(b[:min(len(b), longest)], ';')
		r, ok := rune(0), false
		if end > 0 {
			r, ok = entity(string(b[1:end]))
		}
		if !ok {
			out.WriteByte('&')
			b = b[1:]
			continue
		}
		out.WriteRune(r)
		b = b[end+1:]
	}
}

func entity(name string) (rune, bool) {
	switch name {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "quot":
		return '"', true
	case "apos":
		return '\'', true
	}
	digits, ok := strings.CutPrefix(name, "#")
	if !ok {
		return 0, false
	}
	base := 10
	if hex, ok := strings.CutPrefix(digits, "x"); ok {
		digits, base = hex, 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil {
		return 0, false
	}
	if r := rune(n); n > 0 && utf8.ValidRune(r) {
		return r, true
	}
	return utf8.RuneError, true
}

// element reads an element whose start tag has been read. With an error it returns what there is of it. An end tag that is
// none of the elements which are open means nothing; one that is ends those within it.
func (s *scanner) element(t token) (*node, error) {
	n := &node{name: t.name, attrs: t.attrs}
	if t.kind == emptyTag {
		return n, nil
	}
	open := []*node{n}
	texts := make([]strings.Builder, maxDepth)
	closeTop := func() {
		top := len(open) - 1
		open[top].text = texts[top].String()
		texts[top] = strings.Builder{}
		open = open[:top]
	}
	for {
		t := s.next(true)
		switch t.kind {
		case atEnd:
			for len(open) > 0 {
				closeTop()
			}
			return n, errCut
		case text:
			if t.literal {
				texts[len(open)-1].WriteString(strings.ToValidUTF8(string(t.text), "\uFFFD"))
			} else {
				texts[len(open)-1].WriteString(s.unescape(t.text))
			}
		case startTag, emptyTag:
			if s.elements++; s.elements > maxElements {
				return n, errMany
			}
			k := &node{name: t.name, attrs: t.attrs}
			top := open[len(open)-1]
			top.kids = append(top.kids, k)
			if t.kind == startTag {
				if len(open) == maxDepth {
					return n, errDeep
				}
				open = append(open, k)
			}
		case endTag:
			at := len(open) - 1
			for at >= 0 && open[at].name != t.name {
				at--
			}
			if at < 0 {
				continue
			}
			for len(open) > at {
				closeTop()
			}
			if len(open) == 0 {
				if s.bad {
					return n, errText
				}
				return n, nil
			}
		}
	}
}

// root returns the first element's tag.
func (s *scanner) root() token {
	for {
		if t := s.next(true); t.kind != text {
			return t
		}
	}
}

// span is where an element stands.
type span struct{ from, to int }

// items returns where the elements of the file's root stand, and the root's name. An error says that the file ends within
// one.
func items(b []byte) (root string, list []span, err error) {
	s := scanner{b: b}
	t := s.root()
	if t.kind != startTag {
		return t.name, nil, nil
	}
	root = t.name
	depth, from := 0, 0
	for {
		t := s.next(false)
		switch t.kind {
		case atEnd:
			if depth > 0 {
				list = append(list, span{from, len(b)})
			}
			return root, list, errCut
		case startTag:
			if depth == 0 {
				from = t.from
			}
			depth++
		case emptyTag:
			if depth == 0 {
				list = append(list, span{t.from, t.to})
			}
		case endTag:
			if depth == 0 {
				return root, list, nil
			}
			if depth--; depth == 0 {
				list = append(list, span{from, t.to})
			}
		}
		if len(list) > maxElements {
			return root, list, errMany
		}
	}
}

// parse reads the element at the beginning of b.
func parse(b []byte) (*node, error) {
	s := scanner{b: b}
	t := s.root()
	if t.kind != startTag && t.kind != emptyTag {
		return &node{}, errCut
	}
	return s.element(t)
}
