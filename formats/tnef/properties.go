package tnef

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"

	"mailmill/formats/codepage"
	"mailmill/formats/mapi"
)

// properties implements [mapi.Properties].
type properties struct {
	list []mapi.Property
}

// sort puts the list into the order that All promises and drops what stands there twice: the first one counts.
func (p *properties) sort() {
	slices.SortStableFunc(p.list, func(a, b mapi.Property) int { return cmp.Compare(a.ID, b.ID) })
	p.list = slices.CompactFunc(p.list, func(a, b mapi.Property) bool {
		return a.ID == b.ID && (a.Name == b.Name || a.Name != nil && b.Name != nil && *a.Name == *b.Name)
	})
}

// legacy adds a property that an attribute stands for; where the stream has that property too, before or after, the
// attribute only repeats it in fewer bits.
func (p *properties) legacy(id mapi.ID, v mapi.Value) {
	p.list = append(p.list, mapi.Property{ID: id, Value: v})
}

// encapsulated adds properties from the stream in front of those that attributes stand for.
func (p *properties) encapsulated(list []mapi.Property) {
	p.list = append(slices.Clip(list), p.list...)
}

// Lookup implements [mapi.Properties].
func (p *properties) Lookup(id mapi.ID) (mapi.Value, error) {
	i, found := slices.BinarySearchFunc(p.list, id, func(q mapi.Property, id mapi.ID) int { return cmp.Compare(q.ID, id) })
	if !found {
		return mapi.Value{}, nil
	}
	return p.list[i].Value, nil
}

// LookupName implements [mapi.Properties].
func (p *properties) LookupName(name mapi.Name) (mapi.Value, error) {
	for i := range p.list {
		if n := p.list[i].Name; n != nil && *n == name {
			return p.list[i].Value, nil
		}
	}
	return mapi.Value{}, nil
}

// All implements [mapi.Properties].
func (p *properties) All() iter.Seq2[mapi.Property, error] {
	return func(yield func(mapi.Property, error) bool) {
		for _, q := range p.list {
			if !yield(q, nil) {
				return
			}
		}
	}
}

var errShort = errors.New("it ends too early")

// cursor reads the encoding of properties (MS-OXTNEF 2.1.3.4). It cuts slices out of its bytes.
type cursor struct{ b []byte }

func (c *cursor) take(n int) ([]byte, error) {
	if n < 0 || n > len(c.b) {
		return nil, errShort
	}
	b := c.b[:n:n]
	c.b = c.b[n:]
	return b, nil
}

func (c *cursor) u16() (uint16, error) {
	b, err := c.take(2)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint16(b), nil
}

func (c *cursor) u32() (uint32, error) {
	b, err := c.take(4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

// sized reads a size, as many bytes, and what fills them up to a multiple of four. QUIRK: the last one of a stream is
// not always filled up.
func (c *cursor) sized() ([]byte, error) {
	n, err := c.u32()
	if err != nil {
		return nil, err
	}
	if uint64(n) > uint64(len(c.b)) {
		return nil, errShort
	}
	b, err := c.take(int(n))
	if err != nil {
		return nil, err
	}
	c.b = c.b[min(-len(b)&3, len(c.b)):]
	return b, nil
}

// properties reads a counted list. It returns what it has read with the error.
func (c *cursor) properties() ([]mapi.Property, error) {
	n, err := c.u32()
	if err != nil {
		return nil, fmt.Errorf("number of properties: %w", err)
	}
	var list []mapi.Property
	for i := range n {
		p, err := c.property()
		if err != nil {
			return list, fmt.Errorf("property %d of %d (%v): %w", i+1, n, p.ID, err)
		}
		list = append(list, p)
	}
	return list, nil
}

func (c *cursor) property() (p mapi.Property, err error) {
	t, err := c.u16()
	if err != nil {
		return p, err
	}
	id, err := c.u16()
	if err != nil {
		return p, err
	}
	p.ID = mapi.ID(id)
	if p.ID.IsNamed() {
		if p.Name, err = c.name(); err != nil {
			return p, err
		}
	}
	p.Value, err = c.value(mapi.Type(t))
	return p, err
}

func (c *cursor) name() (*mapi.Name, error) {
	set, err := c.take(16)
	if err != nil {
		return nil, err
	}
	name := &mapi.Name{Set: mapi.GUID(set)}
	kind, err := c.u32()
	if err != nil {
		return nil, err
	}
	switch kind {
	case 0:
		name.LID, err = c.u32()
	case 1:
		var b []byte
		b, err = c.sized()
		for len(b) >= 2 && b[len(b)-1] == 0 && b[len(b)-2] == 0 {
			b = b[:len(b)-2]
		}
		name.String = codepage.UTF16(b)
	default:
		err = fmt.Errorf("no name is of kind %d", kind)
	}
	return name, err
}

func (c *cursor) value(t mapi.Type) (mapi.Value, error) {
	v := mapi.Value{Type: t}
	if t == mapi.Null {
		return v, nil
	}
	width := t.Width()
	if width == 0 && !variable(t) {
		return mapi.Value{}, fmt.Errorf("unknown type 0x%04X", uint16(t))
	}
	if width > 0 && !t.IsMulti() {
		b, err := c.take((width + 3) &^ 3)
		if err != nil {
			return mapi.Value{}, err
		}
		v.Data = b[:width]
		return v, nil
	}
	// A value of variable size has a count like a multi-valued property, which is always 1.
	n, err := c.u32()
	if err != nil {
		return mapi.Value{}, err
	}
	if uint64(n) > uint64(len(c.b)/4) {
		return mapi.Value{}, errShort
	}
	if !t.IsMulti() && n != 1 {
		return mapi.Value{}, fmt.Errorf("%d values of single-valued type 0x%04X", n, uint16(t))
	}
	elems := make([][]byte, n)
	for i := range elems {
		if width > 0 {
			if elems[i], err = c.take((width + 3) &^ 3); err == nil {
				elems[i] = elems[i][:width]
			}
		} else {
			elems[i], err = c.sized()
		}
		if err != nil {
			return mapi.Value{}, err
		}
	}
	if t.IsMulti() {
		v.Elems = elems
	} else {
		v.Data = elems[0]
	}
	return v, nil
}

// variable reports whether values of the type have a size of their own.
func variable(t mapi.Type) bool {
	switch t.Single() {
	case mapi.String8, mapi.String, mapi.Binary, mapi.Object, mapi.ServerID, mapi.Restriction, mapi.RuleAction:
		return true
	}
	return false
}
