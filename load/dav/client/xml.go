package client

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	nsDAV       = "DAV:"
	nsCal       = "urn:ietf:params:xml:ns:caldav"
	nsCard      = "urn:ietf:params:xml:ns:carddav"
	nsCS        = "http://calendarserver.org/ns/"
	nsApple     = "http://apple.com/ns/ical/"
	nsSabre     = "http://sabredav.org/ns"
	mostDepth   = 32
	mostTag     = 64 << 10 // bytes of one tag with its attributes
	mostNodes   = 10_000   // elements of one response
	defaultBody = 16 << 20
)

// limits bound what is read of an answer, in bytes: all of it, and one text without markup within it.
type limits struct {
	body, text int64
}

var errTooLong = errors.New("it is longer than it may be")

// node is an element with what is in it.
type node struct {
	Name     xml.Name
	Attr     []xml.Attr
	Text     string // what stands directly in it, with the blanks around it
	Children []*node
}

func (n *node) child(space, local string) *node {
	if n == nil {
		return nil
	}
	for _, c := range n.Children {
		if c.Name.Local == local && c.Name.Space == space {
			return c
		}
	}
	return nil
}

// text returns what stands in an element without the blanks around it; nil has none.
func (n *node) text() string {
	if n == nil {
		return ""
	}
	return strings.TrimSpace(n.Text)
}

func (n *node) attr(local string) string {
	for _, a := range n.Attr {
		if a.Name.Local == local {
			return a.Value
		}
	}
	return ""
}

// decoder reads XML within bounds. Go's decoder expands no entities but the five that XML knows.
type decoder struct {
	xml   *xml.Decoder
	in    *boundedReader
	nodes int
}

func newDecoder(r io.Reader, l limits) *decoder {
	in := &boundedReader{r: bufio.NewReaderSize(r, 16<<10), left: l.body, most: l.text}
	return &decoder{xml: xml.NewDecoder(in), in: in}
}

// next returns the next token that matters. A document type is refused: nobody needs one, and it is where attacks begin.
func (d *decoder) next() (xml.Token, error) {
	for {
		d.in.token = 0
		t, err := d.xml.Token()
		if err != nil {
			return nil, err
		}
		switch t.(type) {
		case xml.Comment, xml.ProcInst:
		case xml.Directive:
			return nil, errors.New("it has a document type declaration")
		default:
			return t, nil
		}
	}
}

// nextStart skips to the next start of an element on the same level; io.EOF is the end of the element around it.
func (d *decoder) nextStart() (xml.StartElement, error) {
	for {
		t, err := d.next()
		if err != nil {
			return xml.StartElement{}, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			return t.Copy(), nil
		case xml.EndElement:
			return xml.StartElement{}, io.EOF
		}
	}
}

// tree reads the rest of an element.
func (d *decoder) tree(start xml.StartElement) (*node, error) {
	d.nodes = 0
	return d.subtree(start, 1)
}

func (d *decoder) subtree(start xml.StartElement, depth int) (*node, error) {
	if d.nodes++; d.nodes > mostNodes {
		return nil, fmt.Errorf("it has more than %d elements in one", mostNodes)
	}
	if depth > mostDepth {
		return nil, fmt.Errorf("its elements are nested deeper than %d", mostDepth)
	}
	n := &node{Name: start.Name, Attr: start.Attr}
	var text []byte
	for {
		t, err := d.next()
		if err != nil {
			return nil, unexpected(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			c, err := d.subtree(t.Copy(), depth+1)
			if err != nil {
				return nil, err
			}
			n.Children = append(n.Children, c)
		case xml.CharData:
			if int64(len(text)+len(t)) > d.in.most {
				return nil, errTooLong
			}
			text = append(text, t...)
		case xml.EndElement:
			n.Text = string(text)
			return n, nil
		}
	}
}

// skip passes the rest of an element.
func (d *decoder) skip() error {
	for depth := 1; depth > 0; {
		t, err := d.next()
		if err != nil {
			return unexpected(err)
		}
		switch t.(type) {
		case xml.StartElement:
			if depth++; depth > mostDepth {
				return fmt.Errorf("its elements are nested deeper than %d", mostDepth)
			}
		case xml.EndElement:
			depth--
		}
	}
	return nil
}

func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// boundedReader gives XML to the decoder byte by byte, so that what one token may cost is known: a tag of any length would
// be held in memory many times over.
type boundedReader struct {
	r     *bufio.Reader
	left  int64 // of the body
	most  int64 // of one text
	token int64 // bytes since the token began
	tag   int64 // bytes since a tag began; 0: in text
	head  [9]byte
}

var cdata = []byte("<![CDATA[")

func (b *boundedReader) ReadByte() (byte, error) {
	c, err := b.r.ReadByte()
	if err != nil {
		return 0, err
	}
	if b.left--; b.left < 0 {
		return 0, errTooLong
	}
	// A text takes more room in XML than by itself: CR at the end of each line becomes "&#13;".
	if b.token++; b.token > b.most+b.most/2+mostTag {
		return 0, errTooLong
	}
	switch {
	case b.tag > 0:
		if b.tag < int64(len(b.head)) {
			b.head[b.tag] = c
		}
		if b.tag++; b.tag > mostTag {
			return 0, errors.New("one of its tags is longer than it may be")
		}
		if c == '>' || b.tag == int64(len(b.head)) && bytes.Equal(b.head[:], cdata) {
			b.tag = 0
		}
	case c == '<':
		b.head = [9]byte{'<'}
		b.tag = 1
	}
	return c, nil
}

// Read is what the decoder asks for when it makes sure that there is a ByteReader; it reads one byte at a time all the same.
func (b *boundedReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c, err := b.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = c
	return 1, nil
}

// escape writes text into XML.
func escape(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s)) //nolint:errcheck // a Builder does not fail
	return b.String()
}
