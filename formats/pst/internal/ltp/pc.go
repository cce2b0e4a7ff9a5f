package ltp

import (
	"errors"

	"mailmill/formats/mapi"
	"mailmill/formats/pst/internal/ndb"
)

// PC is a property context (MS-PST 2.3.3): the properties of one object.
type PC struct {
	Node
	heap   Heap
	tree   btree
	sorted bool
	seen   identifiers
}

// identifiers is a set of property identifiers, in which a few seem to be that are not. Most that are asked for are not
// there, which is told so without a search.
type identifiers [8]uint64

func (s *identifiers) add(id uint16) { s[id>>6&7] |= 1 << (id & 63) }

func (s *identifiers) mayHave(id uint16) bool { return s[id>>6&7]>>(id&63)&1 != 0 }

// OpenPC opens the property context in a node.
func OpenPC(n Node) (*PC, error) {
	p := n.Room.pc()
	p.Node = n
	err := p.heap.open(&n)
	if err != nil {
		return nil, err
	}
	if p.heap.client != clientPC {
		return nil, corrupt("a heap of kind 0x%02x instead of properties", p.heap.client)
	}
	if err = p.heap.openBTH(&p.tree, p.heap.root); err != nil {
		return nil, err
	}
	if p.tree.key != 2 || p.tree.entry != 6 {
		return nil, corrupt("properties with keys of %d and entries of %d bytes", p.tree.key, p.tree.entry)
	}
	p.sorted = true
	for i, last := 0, -1; i+8 <= len(p.tree.records); i += 8 {
		id := le.Uint16(p.tree.records[i:])
		p.seen.add(id)
		p.sorted = p.sorted && last < int(id)
		last = int(id)
	}
	return p, nil
}

// Err returns what of the object is known to be lost or doubtful: damage of its heap's first block or of its index.
func (p *PC) Err() error { return first(p.tree.err, p.SubsErr) }

// Count returns the number of properties.
func (p *PC) Count() int { return p.tree.count() }

// Tag returns the tag of the i-th property. They are in order of identifier.
func (p *PC) Tag(i int) mapi.Tag {
	r := p.tree.record(i)
	return mapi.MakeTag(mapi.ID(le.Uint16(r)), mapi.Type(le.Uint16(r[2:])))
}

// Index returns the number of the property with the identifier, -1 if there is none.
func (p *PC) Index(id mapi.ID) int {
	if !p.seen.mayHave(uint16(id)) {
		return -1
	}
	n := len(p.tree.records) / 8
	if !p.sorted {
		for i := range n {
			if mapi.ID(le.Uint16(p.tree.record(i))) == id {
				return i
			}
		}
		return -1
	}
	lo, hi := 0, n
	for lo < hi {
		mid := (lo + hi) / 2
		if mapi.ID(le.Uint16(p.tree.records[mid*8:])) < id {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < n && mapi.ID(le.Uint16(p.tree.records[lo*8:])) == id {
		return lo
	}
	return -1
}

// Lookup returns a property, a Value of type Unspecified if there is none.
func (p *PC) Lookup(id mapi.ID) (mapi.Value, error) {
	i := p.Index(id)
	if i < 0 {
		return mapi.Value{}, nil
	}
	return p.Value(i)
}

// Value returns the i-th property (MS-PST 2.3.3.3).
func (p *PC) Value(i int) (mapi.Value, error) {
	r := p.tree.record(i)
	t := mapi.Type(le.Uint16(r[2:]))
	var err error
	if errors.Is(p.tree.err, ndb.ErrChecksum) {
		err = p.tree.err // the record itself is doubtful
	}
	if inline(t) {
		width := t.Width()
		if width == 0 {
			width = 4
		}
		return mapi.Value{Type: t, Data: r[4 : 4+width : 4+width]}, err
	}
	b, e := p.value(&p.heap, HID(le.Uint32(r[4:])))
	v, e := makeValue(t, b, e)
	return v, first(e, err)
}

// inline reports whether a property's value is in its record, which has room for four bytes.
func inline(t mapi.Type) bool {
	if t.IsMulti() {
		return false
	}
	w := t.Width()
	return w > 0 && w <= 4 || t == mapi.Null || t == mapi.Unspecified
}

// Stream returns the data of the i-th property, the bytes of it if they are in the heap, and what is in a sub-node
// otherwise. Objects (PtypObject) are followed to the sub-node that they are in (MS-PST 2.3.3.5).
func (p *PC) Stream(i int) ([]byte, *ndb.Data, error) {
	r := p.tree.record(i)
	id := HID(le.Uint32(r[4:]))
	if mapi.Type(le.Uint16(r[2:])) == mapi.Object {
		s, err := p.Object(i)
		if err != nil {
			return nil, nil, err
		}
		return nil, p.File.Data(s.Data), nil
	}
	if id.inHeap() {
		b, err := p.heap.item(id)
		return b, nil, err
	}
	d, err := p.sub(ndb.NID(id))
	return nil, d, err
}

// Object returns the sub-node that the i-th property, of type PtypObject, stands for.
func (p *PC) Object(i int) (ndb.SubNode, error) {
	r := p.tree.record(i)
	id := HID(le.Uint32(r[4:]))
	if !id.inHeap() {
		// QUIRK: some writers put the sub-node's identifier where the item's should be.
		s, ok := p.Subs.Find(ndb.NID(id))
		if !ok {
			return s, p.missing(ndb.NID(id))
		}
		return s, nil
	}
	b, err := p.heap.item(id)
	if len(b) < 4 {
		return ndb.SubNode{}, first(err, corrupt("an object of %d bytes", len(b)))
	}
	nid := ndb.NID(le.Uint32(b))
	s, ok := p.Subs.Find(nid)
	if !ok {
		return s, p.missing(nid)
	}
	return s, nil
}
