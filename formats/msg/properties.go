package msg

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"mailmill/formats/internal/compound"
	"mailmill/formats/mapi"
)

// object has the properties of a message, a recipient or an attachment. It implements [mapi.Properties].
type object struct {
	storage *compound.Storage
	names   *names
	list    []property // by identifier, each once
	// err is why the list of properties may be incomplete.
	err error
}

var (
	_ mapi.Properties      = (*object)(nil)
	_ mapi.NamedProperties = (*object)(nil)
)

// property is a property and where its value is.
type property struct {
	tag    mapi.Tag
	inline [8]byte
	listed bool // in the stream of properties
	stream *compound.Stream
	elems  map[uint64]*compound.Stream // of a multi-valued one, by number
	object *compound.Storage
}

// maxTable bounds the stream of properties: 65,536 of them, one for each identifier.
const maxTable = 1<<20 + headerTop

var errNoList = errors.New("the list of properties is not in the file: numbers, dates and flags are lost")

// newObject reads the list of a storage's properties: what its stream of properties lists, whose entries begin behind a
// header, and what there are streams for besides.
func newObject(s *compound.Storage, names *names, header int64) object {
	o := object{storage: s, names: names, err: s.Err}
	found := make(map[mapi.ID]*property)
	const entry = 16
	if t := s.Stream(propertiesName); t == nil {
		o.err = errors.Join(o.err, errNoList)
	} else {
		b, err := t.Bytes(maxTable)
		if err != nil {
			o.err = errors.Join(o.err, fmt.Errorf("the list of properties: %w", err))
		}
		// QUIRK: some programs write the header of a message within a message at the top, or the other way round.
		if n := int64(len(b)); (n-header)%entry != 0 {
			if other := headerTop + headerEmbedded - header; header != headerOther && (n-other)%entry == 0 {
				header = other
			}
		}
		for b = b[min(header, int64(len(b))):]; len(b) >= entry; b = b[entry:] {
			tag := mapi.Tag(binary.LittleEndian.Uint32(b))
			if found[tag.ID()] == nil && tag.Type() != mapi.Unspecified {
				found[tag.ID()] = &property{tag: tag, inline: [8]byte(b[8:16]), listed: true}
			}
		}
	}
	for _, t := range s.Streams {
		tag, elem, ok := parseName(t.Name)
		if !ok {
			continue
		}
		p := o.at(found, tag)
		switch {
		case elem < 0:
			// Where a text is there in 8 bits and in Unicode, the latter has all its characters.
			if p.stream == nil || tag.Type() == mapi.String {
				p.tag, p.stream = tag, t
			}
		case p.elems == nil:
			p.elems = map[uint64]*compound.Stream{uint64(elem): t}
		default:
			p.elems[uint64(elem)] = t
		}
	}
	for _, t := range s.Storages {
		if tag, elem, ok := parseName(t.Name); ok && elem < 0 {
			p := o.at(found, tag)
			p.tag, p.object = tag, t
		}
	}
	o.list = make([]property, 0, len(found))
	for _, p := range found {
		o.list = append(o.list, *p)
	}
	slices.SortFunc(o.list, func(a, b property) int { return cmp.Compare(a.tag.ID(), b.tag.ID()) })
	return o
}

// at returns the property that a stream or storage belongs to. QUIRK: a stream may be of another type than the list says:
// 8-bit text where that has Unicode. The stream is right.
func (o *object) at(found map[mapi.ID]*property, tag mapi.Tag) *property {
	p := found[tag.ID()]
	if p == nil {
		p = &property{tag: tag}
		found[tag.ID()] = p
	}
	return p
}

// parseName takes the name of a value's stream apart (MS-OXMSG 2.1.1, 2.1.4): a tag, and the number of the value in a
// multi-valued property, -1 for none.
func parseName(name string) (tag mapi.Tag, elem int64, ok bool) {
	const digits = 8
	if len(name) < len(valuePrefix)+digits || !strings.EqualFold(name[:len(valuePrefix)], valuePrefix) {
		return 0, 0, false
	}
	name = name[len(valuePrefix):]
	n, err := strconv.ParseUint(name[:digits], 16, 32)
	if err != nil {
		return 0, 0, false
	}
	if name = name[digits:]; name == "" {
		return mapi.Tag(n), -1, true
	}
	if name[0] != '-' {
		return 0, 0, false
	}
	i, err := strconv.ParseUint(name[1:], 16, 32)
	return mapi.Tag(n), int64(i), err == nil
}

// find returns the property with an identifier, nil where there is none.
func (o *object) find(id mapi.ID) *property {
	i, found := slices.BinarySearchFunc(o.list, id, func(p property, id mapi.ID) int { return cmp.Compare(p.tag.ID(), id) })
	if !found {
		return nil
	}
	return &o.list[i]
}

// Lookup implements [mapi.Properties].
func (o *object) Lookup(id mapi.ID) (mapi.Value, error) {
	if p := o.find(id); p != nil {
		return p.value()
	}
	return mapi.Value{}, nil
}

// LookupName implements [mapi.Properties].
func (o *object) LookupName(name mapi.Name) (mapi.Value, error) {
	if id, ok := o.names.ids[name]; ok {
		return o.Lookup(id)
	}
	return mapi.Value{}, nil
}

// All implements [mapi.Properties].
func (o *object) All() iter.Seq2[mapi.Property, error] {
	return func(yield func(mapi.Property, error) bool) { o.all(0, yield) }
}

// AllNamed implements [mapi.NamedProperties].
func (o *object) AllNamed() iter.Seq2[mapi.Property, error] {
	const firstNamed = 0x8000
	return func(yield func(mapi.Property, error) bool) { o.all(firstNamed, yield) }
}

// all yields the properties from an identifier on, but for the data of attachments, which may be larger than memory.
func (o *object) all(from mapi.ID, yield func(mapi.Property, error) bool) {
	for i := range o.list {
		p := &o.list[i]
		id := p.tag.ID()
		if id < from || id == idAttachData {
			continue
		}
		v, err := p.value()
		q := mapi.Property{ID: id, Value: v}
		if n, ok := o.names.byID[id]; ok && id.IsNamed() {
			q.Name = &n
		}
		if !yield(q, err) {
			return
		}
	}
}

func (o *object) hasNamed() bool {
	return len(o.list) > 0 && o.list[len(o.list)-1].tag.ID().IsNamed()
}

// maxValue bounds a value that is read whole.
const maxValue = 1 << 30

var errNoStream = errors.New("its value is not in the file")

// value reads the value.
func (p *property) value() (v mapi.Value, err error) {
	v.Type = p.tag.Type()
	width := v.Type.Width()
	switch {
	case p.object != nil:
	case v.Type.IsMulti() && width == 0:
		v.Elems, err = p.values()
	case p.stream != nil:
		v.Data, err = p.stream.Bytes(maxValue)
		if v.Type.IsMulti() {
			for b := v.Data; len(b) >= width; b = b[width:] {
				v.Elems = append(v.Elems, b[:width:width])
			}
			v.Data = nil
		}
	case v.Type.IsMulti(), width == 0 || width > len(p.inline):
		// The list has the size of the value, its terminator included (MS-OXMSG 2.4.2.2): what is empty may lack a stream.
		const terminator = 2
		if v.Type != mapi.Null && binary.LittleEndian.Uint32(p.inline[:]) > terminator {
			err = errNoStream
		}
	default:
		v.Data = p.inline[:width:width]
	}
	if err != nil {
		err = fmt.Errorf("property %v: %w", p.tag, err)
	}
	return v, err
}

// values reads the values of a multi-valued property. Their lengths stand in a stream of their own, four bytes for each, and
// as many again for binary ones (MS-OXMSG 2.1.4); the streams say how long they really are.
func (p *property) values() ([][]byte, error) {
	count := uint64(0)
	var errs []error
	if p.stream != nil {
		each := int64(4)
		if p.tag.Type().Single() == mapi.Binary {
			each = 8
		}
		count = uint64(p.stream.Size / each)
	} else {
		for i := range p.elems {
			count = max(count, i+1)
		}
	}
	if count > uint64(len(p.elems)) {
		errs = append(errs, fmt.Errorf("%d of %d values are not in the file", count-uint64(len(p.elems)), count))
	}
	order := make([]uint64, 0, len(p.elems))
	for i := range p.elems {
		order = append(order, i)
	}
	slices.Sort(order)
	var list [][]byte
	for _, i := range order {
		b, err := p.elems[i].Bytes(maxValue)
		if err != nil {
			errs = append(errs, err)
		}
		list = append(list, b)
	}
	return list, errors.Join(errs...)
}

// idAttachData is PidTagAttachDataBinary, or PidTagAttachDataObject by its type.
const idAttachData mapi.ID = 0x3701

// attachment implements [mapi.Attachment].
type attachment struct{ object }

var _ mapi.Attachment = (*attachment)(nil)

// The methods of attachments (MS-OXCMSG 2.2.2.9).
const (
	methodEmbedded = 5
	methodOLE      = 6
)

func (a *attachment) method() int64 {
	v, _ := a.Lookup(mapi.PidTagAttachMethod)
	return v.Int()
}

// embeds returns the storage of a message in the attachment, nil where there is none.
func (a *attachment) embeds() *compound.Storage {
	p := a.find(idAttachData)
	if p == nil || p.object == nil {
		return nil
	}
	if m := a.method(); m == methodEmbedded || m != methodOLE && isMessage(p.object) {
		return p.object
	}
	return nil
}

// Open implements [mapi.Attachment]. An object whose parts stand in the message file is given as a compound file of its own.
func (a *attachment) Open() (io.ReadCloser, error) {
	p := a.find(idAttachData)
	switch {
	case p == nil, a.embeds() != nil:
		if p == nil && a.err != nil {
			return nil, a.err
		}
		return nil, mapi.ErrNoData
	case p.object != nil:
		r, w := io.Pipe()
		go func() { w.CloseWithError(compound.Write(w, p.object)) }()
		return r, nil
	case p.stream != nil:
		r, err := p.stream.Open()
		if err != nil {
			return nil, err
		}
		return io.NopCloser(r), nil
	case p.listed && binary.LittleEndian.Uint32(p.inline[:]) > 0:
		return nil, errNoStream
	}
	return nil, mapi.ErrNoData
}

// DataSize implements [mapi.Attachment].
func (a *attachment) DataSize() int64 {
	p := a.find(idAttachData)
	switch {
	case p == nil, a.embeds() != nil:
		return -1
	case p.object != nil:
		if n, err := compound.Size(p.object); err == nil {
			return n
		}
		return -1
	case p.stream != nil:
		return p.stream.Size
	}
	return -1
}

// Embedded implements [mapi.Attachment].
func (a *attachment) Embedded() (mapi.Message, error) {
	s := a.embeds()
	if s == nil {
		return nil, mapi.ErrNoData
	}
	// The names of all properties stand at the top (MS-OXMSG 2.2.3). QUIRK: some programs repeat them within.
	names := a.names
	if own := s.Storage(namesName); own != nil && len(names.ids) == 0 {
		names = readNames(own)
	}
	return newMessage(s, names, headerEmbedded), nil
}
