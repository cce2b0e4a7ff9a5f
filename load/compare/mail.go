package compare

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"
	"strconv"
	"strings"

	"mailmill/formats"
	"mailmill/formats/codepage"
	"mailmill/formats/mime"
)

// Bounds of what is taken apart. What is beyond them is compared as it stands.
const (
	deepest      = 50     // levels of parts
	mostParts    = 10_000 // of one message
	longestField = 64 << 10
	mostHeader   = 1 << 20 // bytes of the header of one part
	mostFacts    = 8 << 20 // bytes of the facts of one item
)

// Mail reads a message as RFC 5322 and MIME have it, with any line ends, and returns what it says. Its error is that of the
// reader: there is no message that is none.
//
// Each field of a header is a fact by its name; of an address field each address is one, of Keywords each keyword. Addresses are
// "Name <address>" with the domain in lower case, dates are in UTC. The parts of a multipart are "part 1", "part 2.1", and
// have facts Content-Type (without boundary; without charset where the text could be decoded) and the like and "content":
// its length and SHA-256, decoded. What is in a message/rfc822 part comes after "part 2 >". Text that is no file is
// compared in UTF-8 with LF and without a line end at its end. Other content that is in base64 or quoted-printable is compared
// byte for byte; what is in neither consists of lines, whose ends belong to the container. Where encoding or character set
// are broken, what comes after the break is compared as it stands.
//
// What multipart/signed has signed is also compared as it stands, but for line ends, as "signed".
//
// Left out are MIME-Version, Content-Transfer-Encoding where it is known, and from the header of the message itself the
// fields in which mbox files and mail programs keep its state: Status, X-Status, X-Keywords, X-UID, X-IMAP, X-IMAPbase,
// Content-Length, Lines, X-Mozilla-Status, X-Mozilla-Status2, X-Mozilla-Keys. Traces (see [Fact]) are, in the same
// header, Received, Return-Path, Delivered-To and others: what servers put there when they take a message. The lists are
// traceFields and tracePrefixes.
func Mail(r io.Reader) (Facts, error) {
	m := &mailReader{lines: newLineReader(r)}
	defer m.lines.release()
	m.entity(place{}, true, false, 0)
	if err := m.lines.err; err != nil && err != io.EOF {
		return nil, err
	}
	return m.facts.end(), nil
}

// collected are facts as they are found, bounded.
type collected struct {
	list Facts
	size int
	rest hash.Hash // of what does not fit
}

func (c *collected) add(f Fact) {
	if c.size += len(f.Field) + len(f.Value) + 48; c.size <= mostFacts {
		c.list = append(c.list, f)
		return
	}
	if c.rest == nil {
		c.rest = sha256.New()
	}
	fmt.Fprintf(c.rest, "%d %d %t ", len(f.Field), len(f.Value), f.Trace)
	io.WriteString(c.rest, f.Field)
	io.WriteString(c.rest, f.Value)
}

func (c *collected) end() Facts {
	if c.rest == nil {
		return c.list
	}
	return append(slices.Clip(c.list), Fact{Field: "everything after that", Value: hex.EncodeToString(c.rest.Sum(nil))})
}

// mailReader takes a message apart as it is read.
type mailReader struct {
	lines *lineReader
	facts collected
	parts int
}

// place is where a part is: in a message, and its number there.
type place struct{ within, number string }

func (p place) prefix() string {
	if p.number == "" {
		return p.within
	}
	return p.within + "part " + p.number + " "
}

// part returns the place of the nth part.
func (p place) part(n int) place {
	number := strconv.Itoa(n)
	if p.number != "" {
		number = p.number + "." + number
	}
	return place{p.within, number}
}

// entity reads a header and what it describes, up to where a boundary or the message ends.
func (m *mailReader) entity(at place, message, inDigest bool, depth int) {
	prefix := at.prefix()
	h := m.header()
	m.headerFacts(prefix, h, message && depth == 0)
	typ, params := h.contentType(inDigest)
	encoding := h.encoding()
	m.parts++
	switch boundary := param(params, "boundary"); {
	case depth >= deepest || m.parts > mostParts:
		m.leaf(prefix, h, "", nil, encoding)
	case strings.HasPrefix(typ, "multipart/") && boundary != "":
		m.multipart(at, typ, boundary, depth)
	case isMessage(typ) && encoding == plain:
		m.entity(place{within: prefix + "> "}, true, false, depth+1)
	default:
		m.leaf(prefix, h, typ, params, encoding)
	}
}

func isMessage(typ string) bool {
	return typ == "message/rfc822" || typ == "message/global" || typ == "message/news"
}

// multipart reads the parts of a multipart.
func (m *mailReader) multipart(at place, typ, boundary string, depth int) {
	l := m.lines
	level := l.push(boundary)
	m.outside(at.prefix() + "before the parts")
	for n := 1; l.stopped(level) && !l.stop.closing; n++ {
		l.resume()
		child := at.part(n)
		var signed *lineSum
		if n == 1 && typ == "multipart/signed" {
			signed = l.watch(level)
		}
		m.entity(child, false, typ == "multipart/digest", depth+1)
		if signed != nil {
			l.unwatch()
			m.facts.add(Fact{Field: child.prefix() + "signed", Value: signed.value()})
		}
	}
	closed := l.stopped(level)
	if closed {
		l.resume()
	}
	l.pop()
	if !closed {
		m.facts.add(Fact{Field: at.prefix() + "end", Value: "missing"})
		return
	}
	m.outside(at.prefix() + "after the parts")
}

// outside reads what stands before or after the parts. Blanks there mean nothing.
func (m *mailReader) outside(field string) {
	s := newLineSum()
	for {
		p, ok := m.lines.next()
		if !ok {
			break
		}
		s.trimmed(p)
	}
	if s.size > 0 {
		m.facts.add(Fact{Field: field, Value: s.value()})
	}
}

// leaf reads content.
func (m *mailReader) leaf(prefix string, h *header, typ string, params []formats.Param, encoding transfer) {
	digest := newDigest()
	var out sink = digest
	cp, isText := h.charset(typ, params)
	if isText {
		out = newText(digest, cp)
	}
	dec := encoding.decoder(out)
	for {
		p, ok := m.lines.next()
		if !ok {
			break
		}
		dec.piece(p)
	}
	// The line end before a boundary belongs to that; at the message's end it is one of the text's, or the container's.
	dec.end(isText && !m.lines.stopAt)
	out.end()
	m.facts.add(Fact{Field: prefix + "content", Value: digest.value()})
}

func param(params []formats.Param, name string) string {
	for _, p := range params {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// contentType returns the media type and its parameters, or what stands for a type that is missing.
func (h *header) contentType(inDigest bool) (typ string, params []formats.Param) {
	if v, ok := h.get("content-type"); ok {
		if typ, params = mime.ParseParams(v); typ != "" {
			return typ, params
		}
	}
	if inDigest {
		return "message/rfc822", nil // RFC 2046 5.1.5
	}
	return "text/plain", nil // RFC 2045 5.2
}

// charset returns the code page of a text to be read, 0 where none is named; false for what is no such text, and where the
// character set is not known.
func (h *header) charset(typ string, params []formats.Param) (cp int, ok bool) {
	if !strings.HasPrefix(typ, "text/") || h.isFile(params) {
		return 0, false
	}
	label := param(params, "charset")
	if label == "" {
		return 0, true
	}
	if cp, ok = codepage.ByLabel(label); cp == codepage.ASCII {
		cp = 0
	}
	return cp, ok
}

// isFile reports whether a text is a file, whose bytes count, and no text to be read.
func (h *header) isFile(params []formats.Param) bool {
	if param(params, "name") != "" {
		return true
	}
	v, _ := h.get("content-disposition")
	disposition, params := mime.ParseParams(v)
	return disposition == "attachment" || param(params, "filename") != ""
}

// digest is a sink that counts and hashes.
type digest struct {
	hash hash.Hash
	size int64
	sum  [sha256.Size]byte
}

func newDigest() *digest { return &digest{hash: sha256.New()} }

func (d *digest) write(p []byte) {
	d.hash.Write(p)
	d.size += int64(len(p))
}

func (*digest) end() {}

func (d *digest) value() string {
	return fmt.Sprintf("%d bytes, sha256 %x", d.size, d.hash.Sum(d.sum[:0]))
}
