package mime

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"

	"mailmill/formats"
)

const (
	// maxDepth bounds the nesting of parts and messages, together.
	maxDepth = 128
	// maxText is the most of a text that is held in memory to choose its encoding. Longer text becomes base64.
	maxText = 4 << 20
	// flushAt is how much output is gathered before it is written.
	flushAt = 64 << 10
)

// Encoder writes mails. It keeps its buffers from one mail to the next, a few megabytes at the most. It may not be
// used by several goroutines at a time.
type Encoder struct {
	w     io.Writer
	lines lineWriter // w, if it is one
	err   error      // of w, after which nothing is written
	h     header

	text   []byte // a text part's content
	canon  []byte // the same with its line ends made CRLF
	chunk  []byte // what is read of other content
	loaded []loaded
	held   int // bytes of loaded
	facts  map[*formats.Part]facts
	damage []formats.Damage
	notes  []int // of damage: those that no part of the message tells of yet
}

// lineWriter is a writer that makes line ends LF and can do without seeing those of base64: Lines returns room for n bytes
// of lines that end with LF, which are written when it is filled, or nil where they have to be written as all else.
type lineWriter interface{ Lines(n int) []byte }

// loaded is content that was read before its turn, to know whether it can be read.
type loaded struct {
	part  *formats.Part
	data  []byte
	whole bool // data is all there is, or all that can be read
	err   error
}

// NewEncoder returns an encoder.
func NewEncoder() *Encoder { return &Encoder{} }

// Encode writes the mail to w. An error of w ends it at once and is returned as it is. Where content cannot be read
// the message is completed, and a [*ContentError] is returned.
//
// The message always ends with a line end, and never with an empty line, unless it is an Entity or verbatim that does
// otherwise: so it survives mbox files and programs that trim.
func (e *Encoder) Encode(w io.Writer, m *formats.Mail) error {
	e.w, e.err = w, nil
	e.lines, _ = w.(lineWriter)
	e.h.b, e.h.line = e.h.b[:0], 0
	e.loaded, e.damage, e.notes = e.loaded[:0], nil, e.notes[:0]
	clear(e.facts)

	e.message(m, [sha256.Size]byte{}, 0)
	e.flush()
	e.w, e.lines = nil, nil
	e.release()
	if e.err != nil {
		return e.err
	}
	if len(e.damage) > 0 {
		return &ContentError{Damage: e.damage}
	}
	return nil
}

// release lets go of what is of this mail only, and of buffers that few mails need.
func (e *Encoder) release() {
	const most = 256 << 10
	all := e.loaded[:cap(e.loaded)]
	for i := range all {
		all[i].part = nil
		if cap(all[i].data) > most {
			all[i].data = nil
		}
	}
	e.held = 0
}

func (e *Encoder) flush() {
	if e.err == nil && len(e.h.b) > 0 {
		_, e.err = e.w.Write(e.h.b)
	}
	e.h.b, e.h.line = e.h.b[:0], 0
}

func (e *Encoder) flushFull() {
	if len(e.h.b) >= flushAt {
		e.flush()
	}
}

func (e *Encoder) raw(s string) { e.h.b = append(e.h.b, s...) }

// write writes b, past the buffer where it is large.
func (e *Encoder) write(b []byte) {
	if len(b) >= flushAt/2 {
		e.flush()
		if e.err == nil {
			_, e.err = e.w.Write(b)
		}
		return
	}
	e.h.b = append(e.h.b, b...)
	e.flushFull()
}

// message writes a whole message. The seed is that of what contains it.
func (e *Encoder) message(m *formats.Mail, seed [sha256.Size]byte, depth int) {
	if m.Original != nil {
		e.original(m, seed, depth)
		return
	}
	for i := range m.Header {
		if f := &m.Header[i]; !isStructural(f.Name) {
			e.h.field(f)
			e.flushFull()
		}
	}
	e.inside(m, seed, depth)
}

// inside writes what a message holds, from the fields that describe it on.
func (e *Encoder) inside(m *formats.Mail, seed [sha256.Size]byte, depth int) {
	root := m.Root
	if root == nil {
		root = &formats.Part{Type: "text/plain"}
	}
	seed = sum(seed, []byte(m.MessageID))
	mark := len(e.loaded)
	if e.unreadable(root) {
		root = &formats.Part{Type: "multipart/mixed", Parts: []*formats.Part{root}}
	}
	if !root.Entity {
		e.raw("MIME-Version: 1.0\r\n")
	}
	e.part(m, root, seed, depth, true)
	for _, l := range e.loaded[mark:] {
		e.held -= len(l.data)
	}
	e.loaded = e.loaded[:mark]
}

// part writes a part, from its header to the last byte of its content; root says that it is a message's.
func (e *Encoder) part(m *formats.Mail, p *formats.Part, seed [sha256.Size]byte, depth int, root bool) {
	if e.err != nil {
		return
	}
	switch {
	case p.Raw != nil:
		e.asItCame(m, p, p.Raw, 0)
	case p.Entity:
		e.entity(m, p, root)
	case depth >= maxDepth:
		e.damaged(m, p, errDepth)
		e.h.field(&formats.Field{Name: "Content-Type", Text: "text/plain", Structured: true})
		e.raw("\r\n")
	case len(p.Parts) > 0:
		e.multipart(m, p, seed, depth)
	case p.Message != nil:
		e.partHeader(p, "message/rfc822", p.Params, "", e.identity(p))
		e.message(p.Message, sum(seed, []byte("message")), depth+1)
	default:
		e.leaf(m, p, root)
	}
}

// identity names the encoding of what is not encoded: 7bit, or 8bit where something below p is that is written as it
// is and is so itself (RFC 2045 6.4).
func (e *Encoder) identity(p *formats.Part) string {
	if e.eightBit(p) {
		return "8bit"
	}
	return "7bit"
}

func (e *Encoder) multipart(m *formats.Mail, p *formats.Part, seed [sha256.Size]byte, depth int) {
	typ := p.Type
	if !isMultipart(typ) {
		typ = "multipart/mixed"
	}
	// Base64 cannot hold the boundary, quoted-printable encodes its "=", and other text that holds anything like it is
	// made quoted-printable. Content that has to stay as it is goes into the hash, so that no content can hold the
	// boundary that results from it.
	seed = e.sumVerbatim(sum(seed, []byte("multipart")), p)
	var b [2 + 32]byte
	copy(b[:], boundaryMark)
	hex.Encode(b[2:], seed[:16])
	boundary := b[:]
	e.partHeader(p, typ, p.Params, string(boundary), e.identity(p))
	if p.Preamble != nil {
		e.asItCame(m, p, p.Preamble.Raw, 0)
		e.raw("\r\n")
	}

	mark := len(e.notes)
	for i, c := range p.Parts {
		if i > 0 {
			e.raw("\r\n")
		}
		e.raw("--")
		e.h.b = append(e.h.b, boundary...)
		e.raw("\r\n")
		e.part(m, c, sum(seed, []byte{byte(i), byte(i >> 8), byte(i >> 16), byte(i >> 24)}), depth+1, false)
		if !hasRoom(typ) {
			continue
		}
		for _, d := range e.notes[mark:] {
			e.raw("\r\n--")
			e.h.b = append(e.h.b, boundary...)
			e.raw("\r\n")
			e.note(m, e.damage[d])
		}
		e.notes = e.notes[:mark]
	}
	e.raw("\r\n--")
	e.h.b = append(e.h.b, boundary...)
	e.raw("--\r\n")
	if p.Epilogue != nil {
		e.asItCame(m, p, p.Epilogue.Raw, 0)
	}
	e.flushFull()
}

// note writes the text part that stands after a damaged one.
func (e *Encoder) note(m *formats.Mail, d formats.Damage) {
	text := "The content of the " + d.Part + " could not be read to its end, so that what stands here of it is incomplete:\r\n" + d.Err.Error() + "\r\n"
	e.leaf(m, &formats.Part{Type: "text/plain", Disposition: "inline", Content: formats.Bytes(text)}, false)
}

func (e *Encoder) damaged(m *formats.Mail, p *formats.Part, err error) {
	e.notes = append(e.notes, len(e.damage))
	e.damage = append(e.damage, formats.Damage{Part: partName(m, p), Err: err})
}

func partName(m *formats.Mail, p *formats.Part) string {
	switch {
	case p == nil, p == m.Text, p == m.HTML:
		return "message body"
	case p.Name != "":
		return `attachment "` + clean(p.Name) + `"`
	case p == m.Root && strings.HasPrefix(p.Type, "text/"):
		return "message body"
	default:
		return "part of type " + clean(p.Type)
	}
}

// hasRoom reports whether a multipart may get a part more. The others give their number or order a meaning
// (RFC 2046 5.1.4, RFC 1847, RFC 6522), so notes go further out.
func hasRoom(typ string) bool { return typ == "multipart/mixed" || typ == "multipart/related" }

// unreadable reports whether content cannot be read for which there is no place for a note in the message: it then
// has to become part of a multipart. Content that is not in memory is read for that, and kept as far as it is small.
func (e *Encoder) unreadable(p *formats.Part) bool {
	if p.Raw != nil {
		return false // it is passed on as far as it can be
	}
	if len(p.Parts) > 0 && !p.Entity {
		bad := false
		for _, c := range p.Parts {
			bad = !hasRoom(p.Type) && e.unreadable(c) || bad
		}
		return bad
	}
	if _, ok := p.Content.(formats.Bytes); ok || p.Content == nil || p.Message != nil && !p.Entity {
		return false
	}
	e.loaded = extend(e.loaded)
	l := &e.loaded[len(e.loaded)-1]
	l.part = p
	var rest io.ReadCloser
	l.data, rest, l.err = read(p, l.data[:0])
	l.whole = rest == nil && e.held+len(l.data) <= 2*maxText
	if !l.whole {
		l.data = nil
	}
	e.held += len(l.data)
	if rest != nil {
		e.chunk = grown(e.chunk, chunkSize)
		for l.err == nil {
			_, l.err = readFull(rest, e.chunk)
		}
		if l.err == io.EOF {
			l.err = nil
		}
		rest.Close()
	}
	return l.err != nil
}

// extend lengthens s by an element, keeping what it held before: its buffer.
func extend(s []loaded) []loaded {
	if len(s) < cap(s) {
		return s[:len(s)+1]
	}
	return append(s, loaded{})
}

// content returns the content of a part, up to maxText of it. Where there is more, rest goes on from there and is to
// be closed.
func (e *Encoder) content(p *formats.Part) (data []byte, rest io.ReadCloser, err error) {
	if b, ok := p.Content.(formats.Bytes); ok && p.Raw == nil {
		return b, nil, nil
	}
	for i := range e.loaded {
		if l := &e.loaded[i]; l.part == p && l.whole {
			return l.data, nil, l.err
		}
	}
	e.text, rest, err = read(p, e.text[:0])
	return e.text, rest, err
}
