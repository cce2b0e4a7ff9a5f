package mime

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"mailmill/formats"
	"mailmill/formats/codepage"
	"mailmill/formats/mapi"
)

const (
	// maxHead is how much of a header is looked at. What comes after it is passed on.
	maxHead   = 8 << 20
	iso2022JP = 50220
	// usualHead is how much is read at first where a message is not in memory.
	usualHead = 8 << 10
)

// Read reads a message in bytes, which is size long: its header, and no more. cp is the code page of 8-bit text in the
// header that is no UTF-8, and of bodies that do not say theirs; 0 is [codepage.Default].
//
// There is no message that is none: what has no header has a body, and what has neither is empty. Addresses in the header
// that are for mail are known; those that name somebody to Exchange only are open, in Header as well as in From, To and
// the like, which share them. The error is that of content which cannot be read.
func Read(content formats.Content, size int64, cp int) (*formats.Mail, error) {
	head, err := readHead(content)
	if err != nil && len(head) == 0 {
		return nil, err
	}
	if !codepage.Known(cp) {
		cp = codepage.Default
	}
	m := parseHead(head, cp)
	m.Original = &formats.Original{Content: content, Size: size, Head: head}
	m.Original.Structure = func(m *formats.Mail) error { return structure(m, cp) }
	return m, nil
}

// readHead returns what a message begins with, up to and with the empty line after its header.
func readHead(content formats.Content) ([]byte, error) {
	if b, ok := content.(formats.Bytes); ok {
		b = b[:min(len(b), maxHead)]
		n, _ := headEnd(b, true, true)
		return b[:n:n], nil
	}
	r, err := content.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b := make([]byte, 0, usualHead)
	for {
		n, err := readFull(r, b[len(b):cap(b)])
		b = b[:len(b)+n]
		last := err != nil || len(b) >= maxHead
		if end, found := headEnd(b, true, last); found || last {
			if err == io.EOF {
				err = nil
			}
			return b[:end:end], err
		}
		b = slices.Grow(b, 3*len(b))
	}
}

// headEnd returns where the header that b begins with ends, of a message or of a part: behind its empty line, or before what
// cannot be of a header. It is not found where b is too short; last says that there is no more.
func headEnd(b []byte, message, last bool) (end int, found bool) {
	s := headScanner{b: b, part: !message, last: last}
	for s.next() {
	}
	return s.at, s.ended
}

// headScanner finds the fields of a header. Lines that belong to no field, and are not its end, are passed over.
type headScanner struct {
	b    []byte
	part bool // the header is that of a part
	last bool // b ends where the header does at the latest
	at   int  // what is read
	// start and end are those of the current field without its last line end, and name is its name's length.
	start, end, name int
	// ended says that the end of the header was found.
	ended   bool
	lineEnd byte
}

// next finds the next field; false at the end of the header, or of what there is.
func (s *headScanner) next() bool {
	if s.ended {
		return false
	}
	if s.at == 0 {
		s.begin()
	}
	found := false
	for s.at < len(s.b) {
		line := s.b[s.at:]
		end := bytes.IndexByte(line, s.lineEnd)
		next := end + 1
		if end < 0 {
			if !s.last {
				return false
			}
			end, next = len(line), len(line)
		}
		line = line[:end]
		if n := len(line); n > 0 && line[n-1] == '\r' {
			// QUIRK: programs that make CRLF of LF make CR CR LF of CRLF.
			line = bytes.TrimRight(line, "\r")
		}
		switch {
		case len(line) == 0:
			if found {
				return true
			}
			s.at += next
			s.ended = true
			return false
		case line[0] == ' ' || line[0] == '\t':
			if found {
				s.end = s.at + len(line)
			}
			s.at += next
		case found:
			return true
		case len(line) > 1 && line[0] == '-' && line[1] == '-':
			s.ended = true // a boundary: the empty line is missing
			return false
		default:
			if name := fieldName(line); name != nil {
				s.start, s.end, s.name, found = s.at, s.at+len(line), len(name), true
			}
			s.at += next
		}
	}
	if !s.last {
		return false
	}
	s.ended = !found
	return found
}

// begin passes over what may stand before the first field of a message. The separator of an mbox file is no field, and so
// needs no mention.
func (s *headScanner) begin() {
	s.lineEnd = '\n'
	if s.last {
		// As on a Macintosh of old. At its end there may be line ends that a container has added.
		if b := bytes.TrimRight(s.b, "\r\n"); bytes.IndexByte(b, '\n') < 0 && bytes.IndexByte(b, '\r') >= 0 {
			s.lineEnd = '\r'
		}
	}
	if s.part {
		return
	}
	if _, n := codepage.ByteOrderMark(s.b); n == len("\xEF\xBB\xBF") {
		s.at = n
	}
	// QUIRK: empty lines before a header. What follows has to be a field that is known, so that no text is taken for one.
	rest := bytes.TrimLeft(s.b[s.at:], "\r\n")
	if blank := len(s.b) - s.at - len(rest); blank > 0 && blank < 16 {
		line, _, _ := bytes.Cut(rest, []byte("\n"))
		if _, known := names[string(fieldName(line))]; known {
			s.at += blank
		}
	}
}

// parseHead makes a mail of a header.
func parseHead(head []byte, cp int) *formats.Mail {
	m := &formats.Mail{Header: splitHead(head, true)}
	for i := range m.Header {
		f := &m.Header[i]
		switch {
		case strings.EqualFold(f.Name, "Message-ID"):
			if m.MessageID == "" {
				m.MessageID = MessageID(FieldText(f, cp))
			}
		case strings.EqualFold(f.Name, "Return-Path"):
			f.Addresses = exchangePath(FieldText(f, cp))
		case IsAddressField(f.Name):
			f.Addresses = ParseAddressList(FieldText(f, cp))
			for _, a := range f.Addresses {
				know(a)
			}
			addRole(m, f)
		}
	}
	if m.Sender != nil && m.From != nil && m.Sender.SMTP != "" && mapi.SMTPKey(m.Sender.SMTP) == mapi.SMTPKey(m.From.SMTP) {
		m.Sender = nil
	}
	return m
}

// splitHead returns the fields of a header, of a message or of a part.
func splitHead(head []byte, message bool) (fields []formats.Field) {
	s := headScanner{b: head, part: !message, last: true}
	for s.next() && len(fields) < maxFields {
		if fields == nil {
			fields = make([]formats.Field, 0, usualFields)
		}
		raw := head[s.start:s.end:s.end]
		name, ok := names[string(raw[:s.name])]
		if !ok {
			name = string(raw[:s.name])
		}
		fields = append(fields, formats.Field{Name: name, Raw: raw, Offset: int32(s.start)}) //nolint:gosec // at most maxHead
	}
	return fields
}

// addRole adds the addresses of a field to those of the role that it stands for.
func addRole(m *formats.Mail, f *formats.Field) {
	var list *[]*formats.Address
	switch {
	case strings.EqualFold(f.Name, "To"):
		list = &m.To
	case strings.EqualFold(f.Name, "Cc"):
		list = &m.Cc
	case strings.EqualFold(f.Name, "Bcc"):
		list = &m.Bcc
	case strings.EqualFold(f.Name, "Reply-To"):
		list = &m.ReplyTo
	case strings.EqualFold(f.Name, "From") && m.From == nil:
		m.From = firstOf(f.Addresses)
		return
	case strings.EqualFold(f.Name, "Sender") && m.Sender == nil:
		m.Sender = firstOf(f.Addresses)
		return
	default:
		return
	}
	for _, a := range f.Addresses {
		if isSomebody(a) {
			*list = append(*list, a)
		}
	}
}

func firstOf(list []*formats.Address) *formats.Address {
	if i := slices.IndexFunc(list, isSomebody); i >= 0 {
		return list[i]
	}
	return nil
}

// isSomebody is false for an empty group, as in "undisclosed-recipients:;".
func isSomebody(a *formats.Address) bool { return a.Stored != "" || a.Name != "" }

// know fills in what an address tells by itself.
func know(a *formats.Address) {
	a.Via = formats.ViaNone
	if a.Stored == "" && mapi.IsDN(mapi.CleanAddress(a.Name)) {
		a.Stored, a.Name = a.Name, "" // it stands in quotes
	}
	defer func() { a.Name = mapi.CleanName(OneLine(a.Name), a.SMTP) }()
	addr := mapi.CleanAddress(a.Stored)
	switch mapi.ShapeOf(addr) {
	case mapi.ShapeSMTP:
		a.SMTP, a.Via = addr, formats.ViaStored
	case mapi.ShapeDN:
	case mapi.ShapeIMCEA:
		typ, inner, _, _ := mapi.DecodeIMCEA(addr)
		inner = mapi.CleanAddress(inner)
		switch shape := mapi.ShapeOf(inner); {
		case shape == mapi.ShapeDN:
		case shape == mapi.ShapeSMTP:
			a.SMTP, a.Via = inner, formats.ViaStored
		case typ != "EX" && typ != "INVALID" && mapi.IsSMTP(addr): // a gateway delivers it: a fax, an X.400 or Notes user
			a.SMTP, a.Via = addr, formats.ViaStored
		}
	default:
		// A domain without a dot, or one that cannot be, is no evidence of an address. But it is what was written.
		if strings.IndexByte(addr, '@') > 0 && mapi.IsSMTP(addr+".example") {
			a.SMTP, a.Via = addr, formats.ViaStored
		}
	}
}

// exchangePath returns the address of a Return-Path that is none outside Exchange; nil for others.
func exchangePath(value string) []*formats.Address {
	addr := strings.Trim(value, "<> ")
	if clean := mapi.CleanAddress(addr); !mapi.IsDN(clean) && !mapi.IsIMCEA(clean) {
		return nil
	}
	a := &formats.Address{Stored: addr}
	know(a)
	return []*formats.Address{a}
}

// FieldText returns the value of a Raw field on one line and in UTF-8, with its encoded words as they are. cp is the code
// page of 8-bit text that is no UTF-8.
func FieldText(f *formats.Field, cp int) string {
	v := Value(f)
	switch {
	case !utf8.ValidString(v):
		v, _ = codepage.Decode(cp, []byte(v))
	case strings.Contains(v, "\x1B$"):
		// QUIRK: Japanese programs wrote their character set as it is. It has 7 bits.
		v, _ = codepage.Decode(iso2022JP, []byte(v))
	}
	return v
}

// Body opens what a message that came in bytes has after its header, as it came.
func Body(m *formats.Mail) (io.ReadCloser, error) {
	return openAt(m.Original.Content, int64(len(m.Original.Head)))
}

// Subject returns the text of the value of an unstructured field (RFC 5322 2.2.1). A tab where a field was folded is a blank;
// one that was encoded stays.
func Subject(value string) string {
	value = DecodeWords(strings.ReplaceAll(value, "\t", " "))
	if !isClean(value) {
		value = cleaned(value, '\t')
	}
	return strings.TrimSpace(value)
}

// OneLine makes text one line without control characters, and without blanks at its ends.
func OneLine(s string) string { return strings.TrimSpace(clean(s)) }
