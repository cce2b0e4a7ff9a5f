// Package rtf reads the Rich Text Format bodies of Outlook's messages.
//
// Outlook keeps a body as compressed RTF (PR_RTF_COMPRESSED) even where the message came as HTML or as plain text:
// then the RTF encapsulates the original, which can be had back as it was. [Decompress] undoes the compression,
// [Parse] says what the RTF is, and the document's methods give the body:
//
//	b, err := rtf.Decompress(value, 64<<20)
//	if b == nil {
//		return err // it is no compressed RTF; any other error is damage to report
//	}
//	doc, err := rtf.Parse(b)
//	if err != nil {
//		return err
//	}
//	if doc.Kind != rtf.FromText {
//		html := doc.HTML()
//		...
//	}
//	text := doc.Text()
//
// A document always gives both: HTML is the original where there is one and a conversion where there is not, and so
// is Text. Neither fails. What a code page could not decode is replaced and counted, and a document that ends too
// early gives what it has.
//
// The formats are those of MS-OXRTFCP (compression), MS-OXRTFEX (encapsulation) and RTF 1.9.1.
package rtf

import (
	"bytes"
	"errors"
)

// ErrNotRTF is the error of Parse for what does not begin as RTF does.
var ErrNotRTF = errors.New("rtf: not RTF: it does not begin with {\\rtf")

// Kind says what a document was made from.
type Kind int

const (
	// Native is RTF that was written as such.
	Native Kind = iota
	// FromHTML is RTF that encapsulates HTML (MS-OXRTFEX 2.1.3.1).
	FromHTML
	// FromText is RTF that encapsulates plain text (MS-OXRTFEX 2.1.3.2).
	FromText
)

func (k Kind) String() string {
	switch k {
	case FromHTML:
		return "fromhtml"
	case FromText:
		return "fromtext"
	}
	return "native"
}

// Document is an RTF document. Its methods may be called any number of times, also concurrently.
type Document struct {
	Kind Kind

	// Attachment, if it is set, names the nth attachment, counted from 1, that is shown at a place within a Native
	// document. The name is put there. Where it is nil, HTML only marks the place and Text has nothing of it.
	// The attachments that have a place are those whose PR_RENDERING_POSITION is not 0xFFFFFFFF, in its order.
	Attachment func(n int) string

	src []byte
}

// Body is what a document says, in another form.
type Body struct {
	// Text is UTF-8. Its lines end in CRLF.
	Text string

	// Replaced is the number of U+FFFD in Text that stand for something which could not be decoded.
	Replaced int

	// Attachments is how many places in the document show an attachment. It is 0 for the encapsulated original, which
	// refers to attachments in its own way.
	Attachments int

	// Unbalanced is set where the document's braces do not match: it is cut off, and the end of the text missing, or
	// there is more behind its end, which was not read.
	Unbalanced bool
}

// Parse recognises what kind of document b is. It is an error only if b is not RTF. The document refers to b, which
// must not be changed as long as it is in use.
func Parse(b []byte) (*Document, error) {
	// QUIRK: writers put byte order marks and line ends in front.
	b = bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xEF\xBB\xBF")), " \t\r\n\x00")
	if !bytes.HasPrefix(b, []byte(`{\rtf`)) {
		return nil, ErrNotRTF
	}
	return &Document{Kind: kind(b), src: b}, nil
}

// kind looks for the sign of encapsulation among the first ten tokens (MS-OXRTFEX 2.2.3.1).
func kind(b []byte) Kind {
	l := lexer{src: b, pos: len(`{`)}
	l.next() // \rtf1
	for range 10 {
		switch t := l.next(); t {
		case tokenWord:
			switch {
			case l.word == nil:
			case string(l.word) == "fromhtml" && l.value(1) != 0:
				return FromHTML
			case string(l.word) == "fromtext":
				return FromText
			}
		case tokenOpen, tokenSymbol:
		default:
			return Native
		}
	}
	return Native
}

// HTML returns the document as HTML. Of a FromHTML document this is the original, with the declaration of its
// charset, which no longer holds, as it was. Of other documents it is a conversion that keeps paragraphs, tables,
// links and the looks of text, and in which everything from the document is escaped.
func (d *Document) HTML() Body {
	if d.Kind == FromHTML {
		return d.read(&plainWriter{original: true, out: make([]byte, 0, len(d.src)/2)}, false)
	}
	return d.read(newHTMLWriter(), true)
}

// Text returns the document as plain text. Of a FromText document this is the original. Of others it is what an RTF
// reader shows, with tabs between the cells of tables, links' targets in angle brackets behind them, and footnotes at
// the end. Some writers put a whole HTML message into one tag and nothing beside it; Text is then empty, and only HTML
// has what it says.
func (d *Document) Text() Body {
	if d.Kind == FromText {
		return d.read(&plainWriter{original: true}, false)
	}
	return d.read(&plainWriter{}, true)
}
