package formats

import (
	"bytes"
	"io"
)

// Mail is the body of an item of [KindMail]: a message as RFC 5322 and MIME have it. One that a source put together is in
// parts, not yet in bytes; one that came in bytes keeps them: see [Original]. Package formats/mime writes both.
type Mail struct {
	// MessageID is the message identifier with its angle brackets; never empty in a mail that a source returned.
	MessageID string
	// From and Sender are nil where there is none; Sender also where it is the same person as From.
	From, Sender *Address
	ReplyTo      []*Address
	// To, Cc and Bcc are the recipients as the archive's table lists them, in its order. The header's fields may
	// differ: lists that were expanded, copies that were blind.
	To, Cc, Bcc []*Address

	// Header holds the fields in the order in which they are written. Those that describe the root part (MIME-Version,
	// Content-*) are written with it, whether they are here or not.
	Header []Field
	// Root is the message's content.
	Root *Part

	// Text and HTML are the leaf parts of Root that hold the chosen bodies; either may be nil.
	Text, HTML *Part
	// StoredText is set where Text was stored with the message, and not made from its HTML or RTF.
	StoredText bool

	// Original is the message as it came, where it came in bytes; else nil.
	Original *Original
}

// Original is a message that came in bytes, as RFC 5322 and MIME have it, and leaves as it came: whatever is wrong with it,
// and but for its line ends, which are the target's. There are two exceptions. A field of the mail's Header that has an
// address which a step has found is made anew. And where the mail's Root has been given up by a step, which sets its Raw to
// nil, the body is made of the parts.
//
// From, To, and the like are read from the header; Root, Text and HTML are there only after [Mail.Parse].
type Original struct {
	// Content is the whole message, from its first byte to its last, with the line ends that it came with.
	Content Content
	// Size is the length of Content in bytes.
	Size int64
	// Head is what Content begins with: the header and the empty line after it, or as much of a very long header as is
	// looked at. The mail's Header is made of it; it must not be changed.
	Head []byte
	// Structure fills in the mail's Root, Text and HTML.
	Structure func(*Mail) error
	// KeepEX has an X-PST-EX-Address field follow each field that is made anew, for every Exchange address that stood there.
	KeepEX bool
}

// Parse finds the parts of a mail that came in bytes. It reads all of the message, so it is for those who need Root, Text or
// HTML, and they call it first. For other mails, and the second time, it does nothing. An error says that the message could
// not be read to its end; the parts are those up to there.
func (m *Mail) Parse() error {
	if m.Original == nil || m.Root != nil {
		return nil
	}
	return m.Original.Structure(m)
}

// Renew gives up the bytes in which a part of the mail came, and those of all parts that it is in, so that what is changed
// in it is written. It is false, and does nothing, where the part is none of the mail's, and where it is signed or encrypted:
// such parts stay as they are.
func (m *Mail) Renew(p *Part) bool { return m.Root != nil && m.Root.renew(p) }

func (p *Part) renew(inner *Part) bool {
	switch {
	case p == inner:
	case p.Type == "multipart/signed" || p.Type == "multipart/encrypted":
		return false
	case p.Message != nil && p.Message.Renew(inner):
	default:
		found := false
		for _, c := range p.Parts {
			found = found || c.renew(inner)
		}
		if !found {
			return false
		}
	}
	p.Raw = nil
	return true
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
	// as it is while each of Addresses has its Stored text for its Spec; else the field is made anew from Addresses. Of a
	// mail with an Original it is a part of its Head, with the line ends it came with.
	Raw []byte
	// Text is the value of an unstructured field: any text in UTF-8, encoded and folded when it is written.
	Text string
	// Structured says that Text is a value in its field's own syntax (a date, message identifiers, parameters): it is
	// folded at blanks but never encoded.
	Structured bool
	// Offset is where Raw stands in the Head of its mail's Original.
	Offset int32
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
	// Preamble and Epilogue stand before the first and behind the last child of a multipart that came in bytes (RFC 2046
	// 5.1.1), as the Raw of a part that has no header; nil where nothing does.
	Preamble, Epilogue *Part
	// Message is the content of a message/rfc822 part.
	Message *Mail
	// Content is that of a leaf. For text it is UTF-8, whatever it was.
	Content Content
	// Entity says that Content is a whole MIME entity with a header of its own: it replaces this part and is written
	// byte for byte. So signed content stays valid.
	Entity bool

	// Raw is the whole entity as it came, with its own header, where it came in bytes; it is written as it is, but for its
	// line ends, whatever the other fields say. Who changes a part sets Raw to nil, in that part and in all that it is in.
	Raw Content

	// Names are the participants whose addresses Content has in it. It is made when it is opened: who resolves them
	// before finds their addresses there.
	Names []*Address

	// Size is the content's length in bytes as far as it is known without reading it.
	Size int64
	// Inline is set for a leaf that the HTML body shows.
	Inline bool
}

// participants leaves out those in what is written as it came.
func (p *Part) participants(visit func(*Address)) {
	if p.Raw != nil {
		return
	}
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

// Section is content that is a part of something larger.
type Section struct {
	R io.ReaderAt
	// Offset is where the content begins, and Size how long it is, in bytes.
	Offset, Size int64
}

// Open implements [Content]. The reader can seek.
func (s Section) Open() (io.ReadCloser, error) {
	return sectionReader{io.NewSectionReader(s.R, s.Offset, s.Size)}, nil
}

type sectionReader struct{ *io.SectionReader }

func (sectionReader) Close() error { return nil }
