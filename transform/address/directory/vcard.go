package directory

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime/quotedprintable"
	"sort"
	"strings"

	"github.com/emersion/go-vcard"

	"mailmill/formats/codepage"
)

// maxCard bounds what is kept of a card, and of one line of it, in bytes. Photographs are not kept.
const maxCard = 1 << 20

// cardFields are the properties that are kept of a card, and that is what go-vcard gets to see: its decoder takes time
// that grows with the square of a value's lines.
var cardFields = map[string]bool{
	"BEGIN": true, "END": true, "FN": true, "N": true, "NICKNAME": true, "EMAIL": true, "KIND": true,
	"X-ADDRESSBOOKSERVER-KIND": true, "X-EX-ADDRESS": true, "UID": true,
}

// cards splits a file into cards.
type cards struct {
	r    *bufio.Reader
	line int
	card bytes.Buffer
	one  []byte
	head []byte // how the line begins that is being read, kept or not
}

// maxHead is how much of a line is looked at for how its value is encoded.
const maxHead = 256

// next returns the kept lines of the next card, unfolded.
func (c *cards) next() (card []byte, line int, err error) {
	c.card.Reset()
	depth, begin := 0, 0
	for {
		at := c.line
		name, text, err := c.logical()
		if err == io.EOF && depth > 0 {
			return nil, begin, &rowError{begin, "a card without its end"}
		}
		if err != nil {
			return nil, at, err
		}
		switch {
		case name == "BEGIN":
			// vCard 2.1 has cards within cards.
			if depth++; depth == 1 {
				begin = at
			}
		case depth == 0:
			continue
		case name == "END":
			depth--
		}
		if depth > 1 || depth == 1 && name == "END" || depth == 0 && name != "END" {
			continue
		}
		if cardFields[name] {
			if c.card.Len()+len(text) > maxCard {
				return nil, at, &rowError{begin, "a card of more than 1 MB without its pictures"}
			}
			writeProperty(&c.card, text)
		}
		if depth == 0 {
			return c.card.Bytes(), begin, nil
		}
	}
}

// logical returns the next line with its continuations (RFC 6350 3.2), and the name of its property in upper case.
func (c *cards) logical() (name string, text []byte, err error) {
	c.one, c.head = c.one[:0], c.head[:0]
	decided, keep, read := false, true, false
	last := byte(0)
	for {
		part, err := c.r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull && err != io.EOF {
			return "", nil, err
		}
		read = read || len(part) > 0
		c.head = append(c.head, part[:min(len(part), maxHead-len(c.head))]...)
		if line := bytes.TrimRight(part, "\r\n"); len(line) > 0 {
			last = line[len(line)-1]
		}
		if keep {
			c.one = append(c.one, part...)
			if !decided {
				if name, decided = propertyName(c.one); decided {
					keep = cardFields[name]
				}
			}
			if len(c.one) > maxCard {
				return "", nil, &rowError{c.line, "a line of more than 1 MB"}
			}
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if len(part) > 0 && part[len(part)-1] == '\n' {
			c.line++
		}
		c.one = bytes.TrimRight(c.one, "\r\n")
		if err == io.EOF && !read {
			return "", nil, io.EOF
		}
		next, _ := c.r.Peek(1)
		// QUIRK: vCard 2.1 breaks quoted-printable as MIME does, with a sign of equality.
		soft := last == '=' && isQuotedPrintable(c.head)
		switch {
		case len(next) == 0:
			return name, c.one, nil
		case soft:
			c.one = bytes.TrimSuffix(c.one, []byte{'='})
			last = 0
		case next[0] == ' ' || next[0] == '\t':
			if _, err := c.r.Discard(1); err != nil {
				return "", nil, err
			}
		default:
			return name, c.one, nil
		}
	}
}

func isQuotedPrintable(head []byte) bool {
	parameters, _, _ := bytes.Cut(head, []byte{':'})
	return bytes.Contains(bytes.ToUpper(parameters), []byte("QUOTED-PRINTABLE"))
}

// writeProperty writes a property with the parameters that vCard 2.1 has without their names, ";INTERNET;PREF", as those
// of vCard 3, where they have some. Go-vcard takes what follows for their values.
func writeProperty(card *bytes.Buffer, line []byte) {
	quoted, start := false, 0
	for i, c := range line {
		if c == '"' {
			quoted = !quoted
		}
		if quoted || c != ';' && c != ':' {
			continue
		}
		part := line[start:i]
		if start > 0 && bytes.IndexByte(part, '=') < 0 && len(part) > 0 {
			switch strings.ToUpper(string(part)) {
			case "QUOTED-PRINTABLE", "BASE64", "8BIT", "7BIT":
				card.WriteString("ENCODING=")
			default:
				card.WriteString("TYPE=")
			}
		}
		card.Write(part)
		start = i
		if c == ':' {
			break
		}
		card.WriteByte(c)
		start = i + 1
	}
	card.Write(line[start:])
	card.WriteString("\r\n")
}

func propertyName(line []byte) (string, bool) {
	i := bytes.IndexAny(line, ":;")
	if i < 0 {
		return "", false
	}
	name := line[:i]
	if dot := bytes.LastIndexByte(name, '.'); dot >= 0 {
		name = name[dot+1:]
	}
	return strings.ToUpper(string(name)), true
}

func (f *file) readVCard(t *text) error {
	c := &cards{r: t.r, line: 1}
	for {
		raw, line, err := c.next()
		if err == io.EOF {
			return f.some("Cards need an EMAIL")
		}
		if err != nil {
			return f.tableError(err)
		}
		_, raw = t.utf8Of(nil, raw)
		card, err := vcard.NewDecoder(bytes.NewReader(raw)).Decode()
		if err != nil {
			return f.fail(line, "", "the card is damaged: %v", err)
		}
		obj := ofCard(card)
		obj.Where = f.where(line)
		if err := f.give(obj); err != nil {
			return err
		}
	}
}

func ofCard(card vcard.Card) Object {
	obj := Object{Type: Contact}
	switch kind := card.Value("KIND") + card.Value("X-ADDRESSBOOKSERVER-KIND"); {
	case strings.EqualFold(kind, "group"):
		obj.Type = Group
	case strings.EqualFold(kind, "location"):
		obj.Type = Room
	}
	dn := func(s string) bool {
		name, ok := asDN(s)
		switch {
		case !ok:
		case obj.LegacyDN == "":
			obj.LegacyDN = name
		default:
			obj.X500 = append(obj.X500, name)
		}
		return ok
	}
	for _, field := range card["X-EX-ADDRESS"] {
		dn(valueOf(field))
	}
	emails := card["EMAIL"]
	sort.SliceStable(emails, func(i, k int) bool { return preference(emails[i]) < preference(emails[k]) })
	for _, field := range emails {
		value := valueOf(field)
		if dn(value) {
			continue
		}
		switch addr := asSMTP([]byte(value)); {
		case addr == "", strings.EqualFold(addr, obj.SMTP), containsFold(obj.Other, addr):
		case obj.SMTP == "":
			obj.SMTP = addr
		default:
			obj.Other = append(obj.Other, addr)
		}
	}
	var e entry
	for _, field := range card["FN"] {
		e.add(fieldDisplay, []byte(valueOf(field)))
	}
	if n := card.Get("N"); n != nil {
		parts := strings.Split(valueOf(n), ";")
		if len(parts) > 1 {
			e.add(fieldSurname, []byte(parts[0]))
			e.add(fieldGiven, []byte(parts[1]))
		}
	}
	for _, field := range card["NICKNAME"] {
		e.add(fieldAlias, []byte(valueOf(field)))
	}
	obj.Names = e.allNames()
	return obj
}

// preference orders addresses: PREF of vCard 4 is from 1 to 100, TYPE=pref of vCard 3 is a flag, as is PREF of 2.1.
func preference(f *vcard.Field) string {
	if p := f.Params.Get("PREF"); p != "" && len(p) <= 3 {
		return fmt.Sprintf("%03s", p)
	}
	for _, t := range f.Params["TYPE"] {
		if strings.EqualFold(t, "pref") {
			return "001"
		}
	}
	return "101"
}

// valueOf decodes a value of vCard 2.1, which go-vcard leaves as it is.
func valueOf(f *vcard.Field) string {
	if !strings.EqualFold(f.Params.Get("ENCODING"), "quoted-printable") {
		return f.Value
	}
	raw, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(f.Value)))
	if err != nil {
		return f.Value
	}
	cp := codepage.UTF8
	if label := f.Params.Get("CHARSET"); label != "" {
		if known, ok := codepage.ByLabel(label); ok {
			cp = known
		}
	}
	s, _ := codepage.Decode(cp, raw)
	return s
}
