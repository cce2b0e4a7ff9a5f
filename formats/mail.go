package formats

import (
	"bytes"
	"io"
)

// Mail is the body of an item of [KindMail]: a message as RFC 5322 and MIME have it, in parts, not yet in bytes.
// Package formats/mime writes it.
type Mail struct {
	// MessageID is the message identifier with its angle brackets; never empty in a mail that a source returned.
	MessageID string
	// From and Sender are nil where there is none; Sender also where it is the same person as From.
	From, Sender *Address
	ReplyTo      []*Address
	// To, Cc and Bcc are the recipients as the archive's table lists them, in its order. The header's fields may
	// differ: lists that were expanded, copies that were blind.
	To, Cc, Bcc []*Address

	// Header holds the fields in the order in which they are written, without those that describe the root part
	// (MIME-Version, Content-*).
	Header []Field
	// Root is the message's content.
	Root *Part

	// Text and HTML are the leaf parts of Root that hold the chosen bodies; either may be nil.
	Text, HTML *Part
	// StoredText is set where Text was stored with the message, and not made from its HTML or RTF.
	StoredText bool
}

// Participants calls visit for every participant of the mail, of its header fields and of the mails inside it.
func (m *Mail) Participants(visit func(*Address)) {
	for _, a := range []*Address{m.From, m.Sender} {
		if a != nil {
			visit(a)
		}
	}
	for _, list := range [][]*Address{m.ReplyTo, m.To, m.Cc, m.Bcc} {
		for _, a := range list {
			visit(a)
		}
	}
	for i := range m.Header {
		for _, a := range m.Header[i].Addresses {
			visit(a)
		}
	}
	if m.Root != nil {
		m.Root.participants(visit)
	}
}

// Field is a header field.
type Field struct {
	Name string
	// Raw is the field as it came, from its name up to but without the last line end, folded with CRLF. It is written
	// as it is while each of Addresses has its Stored text for its Spec; else the field is made anew from Addresses.
	Raw []byte
	// Text is the value of an unstructured field: any text in UTF-8, encoded and folded when it is written.
	Text string
	// Structured says that Text is a value in its field's own syntax (a date, message identifiers, parameters): it is
	// folded at blanks but never encoded.
	Structured bool
	// Addresses is the value of an address field.
	Addresses []*Address
}

// Transfer is how a part's content is encoded for transport.
type Transfer uint8

// The encodings. TransferAuto lets the writer choose: 7bit, quoted-printable or base64 for text, base64 for others.
const (
	TransferAuto Transfer = iota
	TransferBase64
	TransferVerbatim // the content is written as it is: it is known to be lines of 7-bit or 8-bit text
)

// Param is a parameter of a Content-Type or Content-Disposition field.
type Param struct{ Name, Value string }

// Part is a MIME entity: a multipart, a message or a leaf.
type Part struct {
	// Type is the media type in lower case: "text/plain", "multipart/mixed", "message/rfc822".
	Type   string
	Params []Param
	// Disposition is "", "inline" or "attachment".
	Disposition string
	// Name is the file name; any text.
	Name string
	// ContentID is without its angle brackets.
	ContentID string
	Location  string
	// Header holds further fields of the part.
	Header   []Field
	Transfer Transfer

	// Parts are the children of a multipart.
	Parts []*Part
	// Message is the content of a message/rfc822 part.
	Message *Mail
	// Content is that of a leaf. For text it is UTF-8, whatever it was.
	Content Content
	// Entity says that Content is a whole MIME entity with a header of its own: it replaces this part and is written
	// byte for byte. So signed content stays valid.
	Entity bool

	// Names are the participants whose addresses Content has in it. It is made when it is opened: who resolves them
	// before finds their addresses there.
	Names []*Address

	// Size is the content's length in bytes as far as it is known without reading it.
	Size int64
	// Inline is set for a leaf that the HTML body shows.
	Inline bool
}

func (p *Part) participants(visit func(*Address)) {
	for _, a := range p.Names {
		visit(a)
	}
	if p.Message != nil {
		p.Message.Participants(visit)
	}
	for _, c := range p.Parts {
		c.participants(visit)
	}
}

// Leaves calls visit for every leaf and every message part below p, in the order in which they are written. It does
// not descend into messages.
func (p *Part) Leaves(visit func(*Part)) {
	if len(p.Parts) == 0 {
		visit(p)
		return
	}
	for _, c := range p.Parts {
		c.Leaves(visit)
	}
}

// Content is the content of a leaf. It opens lazily, so that an item costs no more than is used of it.
type Content interface {
	// Open returns a reader from the first byte. It may be called more than once and by several goroutines. A read
	// error other than io.EOF means that the rest of the content is lost.
	Open() (io.ReadCloser, error)
}

// Bytes is content that is in memory.
type Bytes []byte

// Open implements [Content].
func (b Bytes) Open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }
