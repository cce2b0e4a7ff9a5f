package mime

import (
	"bytes"
	"io"
	"strings"

	"mailmill/formats"
	"mailmill/formats/codepage"
)

// Bounds of what is looked for in a message. What lies beyond them is part of what it lies in, and leaves with it.
const (
	maxLevels = 100      // parts within parts, and messages within messages
	encodedAs = 30       // levels that a message which is encoded counts for: each decodes all those that it is in
	maxParts  = 10_000   // of one message
	maxHeads  = 64 << 20 // bytes of the headers of all parts
)

// structure finds the parts of a message.
func structure(m *formats.Mail, cp int) error {
	t := &tree{cp: cp}
	return t.message(m, 0)
}

// tree is the structure of a message as it is found.
type tree struct {
	cp           int
	parts, heads int
}

// message finds the parts of a message from where its header ends.
func (t *tree) message(m *formats.Mail, level int) error {
	o := m.Original
	s, in, err := newScanner(o.Content)
	if err != nil {
		m.Root = &formats.Part{Type: plainType, Raw: o.Content, Content: formats.Bytes(nil)}
		return err
	}
	defer in.Close()
	w := walker{tree: t, s: s, content: o.Content}
	for len(s.b) < len(o.Head) && s.fill() {
	}
	s.at = min(len(o.Head), len(s.b))
	w.inside(m, level)
	m.Root.Raw = o.Content
	if s.err != io.EOF {
		return s.err
	}
	return nil
}

// walker finds the parts in one stretch of bytes: a message, or one that was encoded.
type walker struct {
	*tree
	s       *scanner
	content formats.Content
}

const (
	plainType   = "text/plain"
	htmlType    = "text/html"
	messageType = "message/rfc822"
	octetStream = "application/octet-stream"
)

// inside reads what a message holds, from where its header ends.
func (w *walker) inside(m *formats.Mail, level int) {
	m.Root = w.entity(m.Header, plainType, level, true)
	choose(m)
}

// entity reads what a header describes, up to and with the next boundary of what it is in.
func (w *walker) entity(fields []formats.Field, usual string, level int, root bool) *formats.Part {
	p, d := describe(fields, usual, w.cp, root)
	d.body = isText(p) || root && strings.HasPrefix(p.Type, "text/") && p.Disposition != attachment
	w.parts++
	deep := level >= maxLevels || w.parts > maxParts
	switch {
	case isMultipart(p.Type) && d.boundary != "" && !deep:
		w.multipart(p, &d, level)
	case isEmbedded(p.Type) && d.transfer == asIs && !deep:
		start := w.s.pos()
		head := w.head(true)
		m := parseHead(head, w.cp)
		w.inside(m, level+1)
		m.Original = &formats.Original{Content: span(w.content, start, w.s.end), Size: w.s.end - start, Head: head}
		m.Root.Raw = m.Original.Content
		p.Message, p.Size = m, m.Original.Size
	default:
		w.leaf(p, &d, level)
	}
	return p
}

// head reads a header, of a message or of a part, and keeps it.
func (w *walker) head(message bool) []byte {
	h := w.s.header(message)
	if w.heads += len(h); w.heads > maxHeads {
		return nil
	}
	if w.s.r != nil {
		h = bytes.Clone(h)
	}
	return h[:len(h):len(h)]
}

// multipart reads the parts of a multipart. Where its boundary occurs nowhere it is a text.
func (w *walker) multipart(p *formats.Part, d *description, level int) {
	s := w.s
	start, own := s.pos(), len(s.boundaries)
	s.boundaries = append(s.boundaries, []byte(d.boundary))
	var before measure
	before.of = d.transfer
	s.skip(before.add)
	if s.stop == own {
		p.Preamble = w.around(start)
	}
	for s.stop == own && !s.closing {
		from := s.pos()
		head := w.head(false)
		usual := plainType
		if p.Type == "multipart/digest" {
			usual = messageType // RFC 2046 5.1.5
		}
		var child *formats.Part
		if w.parts < maxParts {
			child = w.entity(splitHead(head, false), usual, level+1, false)
			child.Raw = span(w.content, from, s.end)
			p.Parts = append(p.Parts, child)
		} else {
			s.skip(nil)
		}
	}
	s.boundaries = s.boundaries[:own]
	if s.stop == own {
		start := s.pos()
		s.skip(nil)
		p.Epilogue = w.around(start)
	}
	if len(p.Parts) == 0 {
		p.Type, p.Params, p.Preamble, p.Epilogue = plainType, nil, nil, nil
		w.set(p, d, start, &before)
	}
}

// around returns what stands before or behind the parts of a multipart, from start to where the scanner has stopped.
func (w *walker) around(start int64) *formats.Part {
	if start >= w.s.end {
		return nil
	}
	return &formats.Part{Type: plainType, Raw: span(w.content, start, w.s.end), Size: w.s.end - start}
}

// leaf reads content that has no parts.
func (w *walker) leaf(p *formats.Part, d *description, level int) {
	start := w.s.pos()
	m := measure{of: d.transfer}
	w.s.skip(m.add)
	if isMultipart(p.Type) {
		p.Type = plainType // RFC 2046 5.1.1 asks for a boundary
	}
	w.set(p, d, start, &m)
	if isEmbedded(p.Type) && level < maxLevels {
		w.encoded(p, level)
	}
}

func isEmbedded(typ string) bool {
	return typ == messageType || typ == "message/global" || typ == "message/news"
}

// set gives a leaf its content, which begins at start and ends where the scanner has stopped.
func (w *walker) set(p *formats.Part, d *description, start int64, m *measure) {
	end := max(w.s.end, start)
	c := leaf{raw: span(w.content, start, end), transfer: d.transfer, binary: d.binary}
	if d.body {
		c.text, c.cp, c.html = true, d.cp, p.Type == htmlType
		if c.cp == 0 {
			c.guess = w.cp
		}
	}
	p.Content = c
	switch p.Size = m.size(end - start); {
	case d.transfer == asIs && d.binary, p.Size < 0 && c.text:
		p.Size = end - start
	case p.Size < 0:
		p.Size = c.length()
	}
}

// encoded takes a message apart that is encoded, which RFC 2045 6.4 does not allow.
func (w *walker) encoded(p *formats.Part, level int) {
	head, err := readHead(p.Content)
	if w.heads += len(head); err != nil || len(head) == 0 || w.heads > maxHeads {
		return
	}
	m := parseHead(head, w.cp)
	m.Original = &formats.Original{Content: p.Content, Size: p.Size, Head: head}
	if w.message(m, level+encodedAs) == nil {
		p.Message = m
	}
}

// isText reports whether a leaf is text to be read, and no file.
func isText(p *formats.Part) bool {
	return strings.HasPrefix(p.Type, "text/") && p.Disposition != attachment && p.Name == ""
}

const attachment = "attachment"

// description is what the header of a part says of its content, beside what the model has.
type description struct {
	boundary string
	transfer transfer
	binary   bool // the content is no lines
	body     bool // it is text to be read
	cp       int  // of a text; 0 where it does not say
}

// describe makes a part of the fields that describe it, of each the first. Where there is none the part is of the usual type.
// The other fields of a root are its message's.
func describe(fields []formats.Field, usual string, cp int, root bool) (*formats.Part, description) {
	p, d := &formats.Part{}, description{}
	var contentType, disposition, encoding *formats.Field
	for i := range fields {
		f := &fields[i]
		switch strings.ToLower(f.Name) {
		case "content-type":
			contentType = firstField(contentType, f)
		case "content-disposition":
			disposition = firstField(disposition, f)
		case "content-transfer-encoding":
			encoding = firstField(encoding, f)
		case "content-id":
			if p.ContentID == "" {
				p.ContentID = strings.Trim(FieldText(f, cp), "<> ")
			}
		case "content-location":
			if p.Location == "" {
				p.Location = strings.ReplaceAll(FieldText(f, cp), " ", "")
			}
		case "mime-version":
		default:
			if !root {
				p.Header = append(p.Header, *f)
			}
		}
	}
	if encoding != nil {
		d.transfer, d.binary = transferOf(FieldText(encoding, cp))
	}
	if disposition != nil {
		value, params := ParseParams(FieldText(disposition, cp))
		switch p.Disposition = value; value {
		case "", "inline", attachment:
		default:
			p.Disposition = attachment // RFC 2183 2.8
		}
		p.Name = OneLine(param(params, "filename"))
	}
	p.Type = usual
	if contentType != nil {
		d.contentType(p, FieldText(contentType, cp))
	}
	return p, d
}

func firstField(known, f *formats.Field) *formats.Field {
	if known != nil {
		return known
	}
	return f
}

func param(params []formats.Param, name string) string {
	for _, p := range params {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// contentType reads the value of a Content-Type field.
func (d *description) contentType(p *formats.Part, value string) {
	typ, params := ParseParams(value)
	for _, q := range params {
		switch q.Name {
		case "boundary":
			if d.boundary == "" {
				d.boundary = strings.TrimRight(q.Value, " \t") // RFC 2046 5.1.1: it does not end with a blank
			}
			continue
		case "name":
			if p.Name == "" {
				p.Name = OneLine(q.Value)
			}
			continue
		case "charset":
			if n, ok := codepage.ByLabel(q.Value); ok && d.cp == 0 {
				d.cp = n
			}
		}
		p.Params = append(p.Params, q)
	}
	switch {
	case legalType(typ):
		p.Type = typ
	case typ == "":
	case p.Name != "" || p.Disposition == attachment:
		p.Type = octetStream
	default:
		p.Type = plainType // RFC 2045 5.2
	}
}

// choose finds the bodies of a message among its parts: the first that is text to be read, and the other of the two where
// they are alternatives.
func choose(m *formats.Mail) {
	m.Text, m.HTML = bodies(m.Root)
	if r := m.Root; len(r.Parts) == 0 && r.Message == nil && r.Disposition != attachment {
		// What a message consists of is its body, whatever it is called.
		switch r.Type {
		case plainType:
			m.Text = r
		case htmlType:
			m.HTML = r
		}
	}
	m.StoredText = m.Text != nil
	if m.HTML != nil {
		markInline(m, m.Root, false)
	}
}

func bodies(p *formats.Part) (text, html *formats.Part) {
	switch {
	case p.Message != nil:
	case len(p.Parts) == 0:
		if p.Type == plainType && isText(p) {
			return p, nil
		}
		if p.Type == htmlType && isText(p) {
			return nil, p
		}
	case p.Type == "multipart/alternative":
		for _, c := range p.Parts {
			t, h := bodies(c)
			if text == nil {
				text = t
			}
			if html == nil {
				html = h
			}
		}
	default:
		for _, c := range p.Parts {
			if text, html = bodies(c); text != nil || html != nil {
				break
			}
		}
	}
	return text, html
}

// markInline marks the leaves that the HTML shows: files among related parts, and those that say so, with a name to refer
// to them by.
func markInline(m *formats.Mail, p *formats.Part, related bool) {
	if len(p.Parts) == 0 {
		named := p.ContentID != "" || p.Location != ""
		p.Inline = p != m.Text && p != m.HTML && named && (related && p.Disposition != attachment || p.Disposition == "inline")
		return
	}
	for _, c := range p.Parts {
		markInline(m, c, p.Type == "multipart/related")
	}
}
