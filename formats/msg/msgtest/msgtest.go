// Package msgtest writes message files (MS-OXMSG) for tests, from messages that a test makes up.
package msgtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"mailmill/formats/internal/compound"
	"mailmill/formats/mapi"
)

// Message is a message to be written. The identifiers of properties with names are given when it is written.
type Message struct {
	Properties  []mapi.Property
	Recipients  [][]mapi.Property
	Attachments []Attachment
}

// Attachment is an attachment to be written.
type Attachment struct {
	Properties []mapi.Property
	// Message is the one that is attached; nil where there is none.
	Message *Message
	// Object has the streams of an OLE object; nil where there is none.
	Object map[string][]byte
}

// Bytes returns the message as a file.
func (m *Message) Bytes() []byte {
	n := &names{ids: make(map[mapi.Name]mapi.ID)}
	root := m.storage("Root Entry", 32, n)
	root.Storages = append(root.Storages, n.storage())
	var b bytes.Buffer
	if err := compound.Write(&b, root); err != nil {
		panic(err) // the test asks for what no file can hold
	}
	return b.Bytes()
}

func (m *Message) storage(name string, header int, n *names) *compound.Storage {
	s := &compound.Storage{Name: name}
	head := make([]byte, header)
	binary.LittleEndian.PutUint32(head[8:], uint32(len(m.Recipients)))
	binary.LittleEndian.PutUint32(head[12:], uint32(len(m.Attachments)))
	write(s, head, m.Properties, n)
	for i, r := range m.Recipients {
		row := &compound.Storage{Name: fmt.Sprintf("__recip_version1.0_#%08X", i)}
		write(row, make([]byte, 8), r, n)
		s.Storages = append(s.Storages, row)
	}
	for i, a := range m.Attachments {
		at := &compound.Storage{Name: fmt.Sprintf("__attach_version1.0_#%08X", i)}
		list := a.Properties
		const object = "__substg1.0_3701000D"
		switch {
		case a.Message != nil:
			at.Storages = append(at.Storages, a.Message.storage(object, 24, n))
		case a.Object != nil:
			sub := &compound.Storage{Name: object}
			for name, b := range a.Object {
				sub.Streams = append(sub.Streams, compound.BytesStream(name, b))
			}
			at.Storages = append(at.Storages, sub)
		}
		write(at, make([]byte, 8), list, n)
		s.Storages = append(s.Storages, at)
	}
	return s
}

// write writes properties: those of a fixed size into the list, which begins with a header, the others as streams.
func write(s *compound.Storage, list []byte, props []mapi.Property, n *names) {
	le := binary.LittleEndian
	for _, p := range props {
		id := p.ID
		if p.Name != nil {
			id = n.id(*p.Name)
		}
		v := p.Value
		tag := mapi.MakeTag(id, v.Type)
		name := fmt.Sprintf("__substg1.0_%08X", uint32(tag))
		var field [8]byte
		switch width := v.Type.Width(); {
		case v.Type.IsMulti() && width > 0:
			b := slices.Concat(v.Elems...)
			s.Streams = append(s.Streams, compound.BytesStream(name, b))
			le.PutUint32(field[:], uint32(len(b)))
		case v.Type.IsMulti():
			var lengths []byte
			for i, e := range v.Elems {
				s.Streams = append(s.Streams, compound.BytesStream(fmt.Sprintf("%s-%08X", name, i), e))
				lengths = le.AppendUint32(lengths, uint32(len(e)))
				if v.Type.Single() == mapi.Binary {
					lengths = le.AppendUint32(lengths, 0)
				}
			}
			s.Streams = append(s.Streams, compound.BytesStream(name, lengths))
			le.PutUint32(field[:], uint32(len(lengths)))
		case width == 0 || width > len(field):
			s.Streams = append(s.Streams, compound.BytesStream(name, v.Data))
			size := len(v.Data)
			switch v.Type {
			case mapi.String:
				size += 2
			case mapi.String8:
				size++
			}
			le.PutUint32(field[:], uint32(size))
		default:
			copy(field[:], v.Data)
		}
		const readWrite = 6
		list = le.AppendUint32(le.AppendUint32(list, uint32(tag)), readWrite)
		list = append(list, field[:]...)
	}
	s.Streams = append(s.Streams, compound.BytesStream("__properties_version1.0", list))
}

// names gives identifiers to names, in the order in which they come.
type names struct {
	ids  map[mapi.Name]mapi.ID
	list []mapi.Name
}

func (n *names) id(name mapi.Name) mapi.ID {
	id, ok := n.ids[name]
	if !ok {
		id = mapi.ID(0x8000 + len(n.list))
		n.ids[name] = id
		n.list = append(n.list, name)
	}
	return id
}

func (n *names) storage() *compound.Storage {
	le := binary.LittleEndian
	var sets, entries, texts []byte
	var known []mapi.GUID
	for i, name := range n.list {
		set := slices.Index(known, name.Set)
		switch {
		case name.Set == mapi.PSMAPI:
			set = 1
		case name.Set == mapi.PSPublicStrings:
			set = 2
		case set < 0:
			set = len(known) + 3
			known = append(known, name.Set)
			sets = append(sets, name.Set[:]...)
		default:
			set += 3
		}
		kind, value := uint16(set<<1), name.LID
		if name.String != "" {
			kind |= 1
			value = uint32(len(texts))
			wide := Text(name.String).Data
			texts = append(le.AppendUint32(texts, uint32(len(wide))), wide...)
			for len(texts)%4 != 0 {
				texts = append(texts, 0)
			}
		}
		entries = le.AppendUint16(le.AppendUint16(le.AppendUint32(entries, value), kind), uint16(i))
	}
	return &compound.Storage{Name: "__nameid_version1.0", Streams: []*compound.Stream{
		compound.BytesStream("__substg1.0_00020102", sets),
		compound.BytesStream("__substg1.0_00030102", entries),
		compound.BytesStream("__substg1.0_00040102", texts),
	}}
}
