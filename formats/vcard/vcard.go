// Package vcard reads and writes contacts and lists of them as vCard 4.0 (RFC 6350, with RFC 6474, 6715 and 6868) or 3.0
// (RFC 2426).
//
//	enc := vcard.NewEncoder(vcard.Options{Version: vcard.V3})
//	for _, it := range items {
//		if err := enc.Encode(w, it); err != nil { … }
//	}
//
// Cards follow each other in a file with nothing between. What a version has no property for is written under the name
// by which other programs know it, X-MS-MANAGER or X-ADDRESSBOOKSERVER-MEMBER, else under one that begins
// with X-PST-. Lines are folded at 75 octets and end with CRLF; notes, pictures and certificates stream. The output
// depends on nothing but the item and the options.
//
// [Read] is the way back, of these versions and of 2.1. What it read is written as it came, or translated property by
// property where another version is wanted.
//
// What cannot be read of an item does not keep the rest from being written: another NOTE says what is missing, and a
// [*ContentError] is returned.
package vcard

import (
	"io"

	"mailmill/formats"
	"mailmill/formats/internal/contentline"
	"mailmill/formats/mime"
)

// ContentError lists what could not be read of an item that was written without it.
type ContentError = mime.ContentError

// Version is a version of vCard.
type Version uint8

// The versions.
const (
	V4 Version = iota // 4.0, RFC 6350
	V3                // 3.0, RFC 2426
)

// String returns the number of the version.
func (v Version) String() string {
	if v == V3 {
		return "3.0"
	}
	return "4.0"
}

// Options say how cards are written.
type Options struct {
	Version Version
	// PlainPhones writes numbers of sorts that the version does not know, as the company's, as work numbers too: many
	// programs show nothing else.
	PlainPhones bool
	// NoPhotos leaves out pictures.
	NoPhotos bool
}

// Encoder writes cards. It keeps its buffers from one to the next. It may not be used by several goroutines at a time.
type Encoder struct {
	opts   Options
	l      contentline.Writer
	mail   *mime.Encoder
	damage []formats.Damage
}

// NewEncoder returns an encoder.
func NewEncoder(opts Options) *Encoder { return &Encoder{opts: opts} }

// Encode writes the card of a contact or a list. An [*InvalidError] means that nothing was written, a [*ContentError]
// that parts are missing; any other error is that of w.
func (e *Encoder) Encode(w io.Writer, it *formats.Item) error {
	if it.Contact == nil && it.Group == nil {
		return &InvalidError{it.Kind}
	}
	style := contentline.VCard4
	if e.opts.Version == V3 {
		style = contentline.VCard3
	}
	e.l.Reset(w, style)
	e.damage = nil
	e.l.Line("BEGIN", "VCARD")
	e.l.Line("VERSION", e.opts.Version.String())
	switch {
	case it.Contact != nil && it.Contact.Verbatim != nil:
		e.verbatim(it, it.Contact.Verbatim, it.Contact.UID, it.Contact.Extra)
	case it.Contact != nil:
		e.contact(it, it.Contact)
	case it.Group.Verbatim != nil:
		e.verbatim(it, it.Group.Verbatim, it.Group.UID, it.Group.Extra)
	default:
		e.group(it, it.Group)
	}
	e.l.Line("END", "VCARD")
	if err := e.l.Flush(); err != nil {
		return err
	}
	if len(e.damage) > 0 {
		return &ContentError{Damage: e.damage}
	}
	return nil
}

// InvalidError says that an item is none that a card can be made of.
type InvalidError struct{ Kind formats.Kind }

func (e *InvalidError) Error() string { return "a " + e.Kind.String() + " is not for cards" }
