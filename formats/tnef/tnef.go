// Package tnef decodes the Transport Neutral Encapsulation Format, better known by the name of the attachment that it
// travels in: winmail.dat.
//
// Outlook sends a mail that other programs would not understand as plain text with everything else in one attachment
// of type application/ms-tnef: the formatted body, the files, the meeting. [Decode] gives that back as a
// [mapi.Message], the same view that a message in a PST or MSG file has:
//
//	msg, err := tnef.Decode(winmail)
//	if msg == nil {
//		return err // no TNEF at all
//	}
//	subject, _ := msg.Lookup(0x0037)
//	files, _ := msg.Attachments()
//
// The stream (MS-OXTNEF) is a list of attributes. Those of Microsoft Mail's days are a fixed set: subject, sender,
// dates, body, an attachment's title and data. Later ones carry MAPI properties of any kind. Here the former appear as
// the properties that took their place, unless a property itself is in the stream.
//
// Decoding is lenient. Of a stream that breaks off, or makes no sense from some point on, everything before it is returned
// along with an error that says where; attributes whose checksums are wrong are decoded, and [Message.Damage] tells of them.
package tnef

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"

	"mailmill/formats/mapi"
)

// ErrNotTNEF is returned for data that does not begin with the signature of a TNEF stream.
var ErrNotTNEF = errors.New("not a TNEF stream")

// UnpackedField is a header field of a part that holds a stream beside what was in it, with the value "yes": whoever unpacks
// such parts is not to do it again. It begins with "Content-" as fields that describe a part do (RFC 2045 9).
const UnpackedField = "Content-Unpacked"

// signature is TNEFSignature (MS-OXTNEF 2.1.3.1).
const signature = 0x223E9F78

// maxDepth bounds how deep messages are embedded in each other.
const maxDepth = 32

// Message is a decoded stream. It refers to the bytes that it was decoded from.
type Message struct {
	properties
	// CodePage is the code page of 8-bit strings (attOemCodepage), 0 where the stream does not tell. It appears as
	// the property PidTagMessageCodepage too, unless the stream has that itself.
	CodePage int
	// BadChecksums is the number of attributes whose checksum is wrong.
	BadChecksums int

	recipients    []mapi.Properties
	recipientsErr error
	attachments   []*attachment
	attachErr     error
	depth         int
}

var _ mapi.Message = (*Message)(nil)

// Decode decodes a stream. Where only a part can be decoded it returns the message with an error; it returns no
// message, and [ErrNotTNEF], where b does not begin as a TNEF stream does. The message keeps b.
func Decode(b []byte) (*Message, error) { return decode(b, 0) }

func decode(b []byte, depth int) (*Message, error) {
	if len(b) < 6 || binary.LittleEndian.Uint32(b) != signature {
		return nil, ErrNotTNEF
	}
	m := &Message{depth: depth}
	d := decoder{m: m}
	var errs []error
	for a, err := range attributes(b) {
		if err != nil {
			errs = append(errs, err)
		}
		if !a.sumOK && err == nil {
			m.BadChecksums++
		}
		if err := d.attribute(a); err != nil {
			errs = append(errs, fmt.Errorf("attribute 0x%08X at offset %d: %w", a.id, a.offset, err))
		}
	}
	m.finish()
	return m, errors.Join(errs...)
}

// Damage says that checksums are wrong: bytes were changed, of a text or a file perhaps. It is nil where all of them fit.
func (m *Message) Damage() error {
	if m.BadChecksums == 0 {
		return nil
	}
	return fmt.Errorf("%d of its attributes do not have the checksum that they came with", m.BadChecksums)
}

// Recipients implements [mapi.Message].
func (m *Message) Recipients() ([]mapi.Properties, error) {
	return slices.Clone(m.recipients), m.recipientsErr
}

// Attachments implements [mapi.Message].
func (m *Message) Attachments() ([]mapi.Attachment, error) {
	list := make([]mapi.Attachment, len(m.attachments))
	for i, a := range m.attachments {
		list[i] = a
	}
	return list, m.attachErr
}

// finish settles what is only known when the stream has been read to its end.
func (m *Message) finish() {
	if m.CodePage != 0 {
		m.legacy(idMessageCodepage, integer(int64(m.CodePage)))
	}
	m.sort()
	for _, a := range m.attachments {
		a.finish()
	}
}

// attribute is one attribute of a stream (MS-OXTNEF 2.1.3.2).
type attribute struct {
	offset int
	level  byte
	id     uint32
	data   []byte
	sumOK  bool
}

// attributes yields the attributes of a stream. One that is cut short is yielded with what is there of it and an error,
// as the last.
func attributes(b []byte) iter.Seq2[attribute, error] {
	const head, tail = 9, 2 // level, id, length; checksum
	return func(yield func(attribute, error) bool) {
		for off := 6; off < len(b); {
			rest := b[off:]
			if len(rest) < head {
				if allZero(rest) {
					return // QUIRK: some gateways pad the stream.
				}
				yield(attribute{offset: off, sumOK: true}, fmt.Errorf("the stream is cut short at offset %d, in the head of an attribute", off))
				return
			}
			a := attribute{offset: off, level: rest[0], id: binary.LittleEndian.Uint32(rest[1:])}
			if a.level != levelMessage && a.level != levelAttachment {
				if !allZero(rest) {
					yield(attribute{offset: off, sumOK: true}, fmt.Errorf("offset %d: no attribute is of level %d", off, a.level))
				}
				return
			}
			size := int64(binary.LittleEndian.Uint32(rest[5:]))
			rest = rest[head:]
			if size > int64(len(rest)) {
				a.data = rest
				yield(a, fmt.Errorf("attribute 0x%08X at offset %d has %d bytes of %d: the stream is cut short", a.id, off, len(rest), size))
				return
			}
			a.data, rest = rest[:size], rest[size:]
			if len(rest) >= tail {
				a.sumOK = checksum(a.data) == binary.LittleEndian.Uint16(rest)
			}
			if !yield(a, nil) {
				return
			}
			off += head + int(size) + tail
		}
	}
}

// checksum is the sum of the bytes modulo 65536 (MS-OXTNEF 2.1.3.2).
func checksum(b []byte) uint16 {
	var sum uint16
	for _, c := range b {
		sum += uint16(c)
	}
	return sum
}

func allZero(b []byte) bool {
	return !slices.ContainsFunc(b, func(c byte) bool { return c != 0 })
}
