package olm

import (
	"encoding/binary"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf16"

	"mailmill/formats/mapi"
)

// properties are what an element says, as Outlook for Windows would say it: so package outlook makes the same item of it.
type properties struct {
	fixed map[mapi.ID]mapi.Value
	named map[mapi.Name]mapi.Value
}

var _ mapi.Properties = (*properties)(nil)

func newProperties() properties {
	return properties{make(map[mapi.ID]mapi.Value), make(map[mapi.Name]mapi.Value)}
}

// Lookup implements [mapi.Properties].
func (p *properties) Lookup(id mapi.ID) (mapi.Value, error) { return p.fixed[id], nil }

// LookupName implements [mapi.Properties].
func (p *properties) LookupName(n mapi.Name) (mapi.Value, error) { return p.named[n], nil }

// All implements [mapi.Properties].
func (p *properties) All() iter.Seq2[mapi.Property, error] {
	return func(yield func(mapi.Property, error) bool) {
		for _, id := range slices.Sorted(maps.Keys(p.fixed)) {
			if !yield(mapi.Property{ID: id, Value: p.fixed[id]}, nil) {
				return
			}
		}
		id := mapi.ID(0x8000)
		for n, v := range p.named {
			if !yield(mapi.Property{ID: id, Name: &n, Value: v}, nil) {
				return
			}
			id++
		}
	}
}

// text sets a property unless the text is empty.
func (p *properties) text(id mapi.ID, s string) {
	if s != "" {
		p.fixed[id] = mapi.Value{Type: mapi.String, Data: wide(s)}
	}
}

func (p *properties) int(id mapi.ID, n int) {
	p.fixed[id] = mapi.Value{Type: mapi.Integer32, Data: binary.LittleEndian.AppendUint32(nil, uint32(n))} //nolint:gosec // small
}

func (p *properties) bytes(id mapi.ID, b []byte) {
	p.fixed[id] = mapi.Value{Type: mapi.Binary, Data: b}
}

func (p *properties) time(id mapi.ID, t time.Time) {
	if !t.IsZero() {
		p.fixed[id] = mapi.Value{Type: mapi.Time, Data: binary.LittleEndian.AppendUint64(nil, mapi.ToFileTime(t))}
	}
}

func (p *properties) namedTime(n mapi.Name, t time.Time) {
	if !t.IsZero() {
		p.named[n] = mapi.Value{Type: mapi.Time, Data: binary.LittleEndian.AppendUint64(nil, mapi.ToFileTime(t))}
	}
}

func (p *properties) texts(n mapi.Name, list []string) {
	if len(list) == 0 {
		return
	}
	v := mapi.Value{Type: mapi.MultiString}
	for _, s := range list {
		v.Elems = append(v.Elems, wide(s))
	}
	p.named[n] = v
}

func wide(s string) []byte {
	b := make([]byte, 0, 2*len(s))
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

// message implements [mapi.Message].
type message struct {
	properties
	rows  []mapi.Properties
	files []mapi.Attachment
}

var _ mapi.Message = (*message)(nil)

// Recipients implements [mapi.Message].
func (m *message) Recipients() ([]mapi.Properties, error) { return m.rows, nil }

// Attachments implements [mapi.Message].
func (m *message) Attachments() ([]mapi.Attachment, error) { return m.files, nil }

// recipients adds the participants of a list of addresses as recipients.
func (m *message) recipients(n *node, role int) {
	for _, a := range addresses(n) {
		p := newProperties()
		p.int(mapi.PidTagRecipientType, role)
		p.person(a.Name, a.Stored, mapi.PidTagDisplayName, mapi.PidTagAddressType, mapi.PidTagEmailAddress)
		m.rows = append(m.rows, &p)
	}
}

// replies adds those whom answers go to: a FLATENTRYLIST (MS-OXCDATA 2.3.3) of one-off entry identifiers.
func (m *message) replies(n *node) {
	var count uint32
	var entries []byte
	for _, a := range addresses(n) {
		if a.Stored == "" {
			continue
		}
		id := mapi.MakeOneOff(a.Name, addressType(a.Stored), a.Stored)
		entries = append(binary.LittleEndian.AppendUint32(entries, uint32(len(id))), id...) //nolint:gosec // an XML file is smaller
		entries = append(entries, make([]byte, -len(id)&3)...)
		count++
	}
	if count > 0 {
		list := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, count), uint32(len(entries))) //nolint:gosec // as above
		m.bytes(mapi.PidTagReplyRecipientEntries, append(list, entries...))
	}
}

// person sets the properties of a participant.
func (p *properties) person(name, stored string, idName, idType, idAddress mapi.ID) {
	p.text(idName, name)
	if stored == "" {
		return
	}
	p.text(idType, addressType(stored))
	p.text(idAddress, stored)
}

func addressType(stored string) string {
	if clean := mapi.CleanAddress(stored); mapi.ShapeOf(clean) == mapi.ShapeDN {
		return "EX"
	}
	return "SMTP"
}

// file is an attachment, which is a member of the archive.
type file struct {
	properties
	member *member
	err    error // why it is not there
}

var _ mapi.Attachment = (*file)(nil)

// Open implements [mapi.Attachment].
func (f *file) Open() (io.ReadCloser, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.member.Open()
}

// DataSize implements [mapi.Attachment].
func (f *file) DataSize() int64 {
	if f.err != nil {
		return -1
	}
	return f.member.size()
}

// Embedded implements [mapi.Attachment].
func (f *file) Embedded() (mapi.Message, error) { return nil, mapi.ErrNoData }

// attach adds the attachments in a list.
func (a *Archive) attach(n *node, element string) (list []mapi.Attachment) {
	n.all(element, func(k *node) {
		f := &file{properties: newProperties()}
		url := k.attr("OPFAttachmentURL")
		f.member, f.err = a.find(url)
		name := k.attr("OPFAttachmentName")
		if name == "" {
			name = url[strings.LastIndexByte(url, '/')+1:]
		}
		f.int(mapi.PidTagAttachMethod, mapi.AttachByValue)
		f.text(mapi.PidTagAttachLongFilename, name)
		f.text(mapi.PidTagAttachMimeTag, k.attr("OPFAttachmentContentType"))
		f.text(mapi.PidTagAttachContentId, k.attr("OPFAttachmentContentID"))
		if ext := k.attr("OPFAttachmentContentExtension"); ext != "" {
			f.text(mapi.PidTagAttachExtension, "."+strings.TrimPrefix(ext, "."))
		}
		list = append(list, f)
	})
	return list
}
