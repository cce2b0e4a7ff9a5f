package ltp

import "mailmill/formats/pst/internal/ndb"

// Room is memory for nodes that are read one after the other and dropped together. It is used by one goroutine at a
// time. A nil Room has none: what is read gets memory of its own.
type Room struct {
	blocks pile[[]byte]
	subs   pile[ndb.SubNodes]
	pcs    pile[*PC]
	tcs    pile[*TC]
}

const (
	// mostRoom bounds the pieces of a kind that are kept. Few messages have as many heaps.
	mostRoom = 64
	// mostEntries bounds the lists that are kept.
	mostEntries = 1 << 10
)

// pile is pieces of memory, of which the first few are in use.
type pile[T any] struct {
	pieces []T
	used   int
}

// next returns the next piece that is not in use, or the zero value. It is free until it is given to keep, which takes
// what has become of it.
func (p *pile[T]) next() (piece T) {
	if p.used < len(p.pieces) {
		piece = p.pieces[p.used]
	}
	return piece
}

func (p *pile[T]) keep(piece T) {
	switch {
	case p.used < len(p.pieces):
		p.pieces[p.used] = piece
	case len(p.pieces) < mostRoom:
		p.pieces = append(p.pieces, piece)
	default:
		return
	}
	p.used++
}

// Clear makes all memory free again.
func (r *Room) Clear() { r.blocks.used, r.subs.used, r.pcs.used, r.tcs.used = 0, 0, 0, 0 }

// block reads a block of a node's data.
func (r *Room) block(d *ndb.Data, i int) ([]byte, error) {
	if r == nil {
		return d.Block(i, nil)
	}
	b, err := d.Block(i, r.blocks.next()[:0])
	if cap(b) > 0 {
		r.blocks.keep(b)
	}
	return b, err
}

// subNodes reads a list of sub-nodes.
func (r *Room) subNodes(f *ndb.File, id ndb.BID) (ndb.SubNodes, error) {
	if r == nil || id == 0 {
		return f.SubNodes(nil, id)
	}
	list, err := f.SubNodes(r.subs.next()[:0], id)
	if n := cap(list); n > 0 && n <= mostEntries {
		r.subs.keep(list)
	}
	return list, err
}

// pc returns a property context to be opened.
func (r *Room) pc() *PC {
	if r == nil {
		return new(PC)
	}
	p := r.pcs.next()
	if p == nil {
		p = new(PC)
	} else {
		*p = PC{}
	}
	r.pcs.keep(p)
	return p
}

// tc returns a table to be opened, which may have room for its columns and its index.
func (r *Room) tc() *TC {
	if r == nil {
		return new(TC)
	}
	t := r.tcs.next()
	switch {
	case t == nil:
		t = new(TC)
	case cap(t.index) > mostEntries:
		*t = TC{columns: t.columns[:0]}
	default:
		*t = TC{columns: t.columns[:0], index: t.index[:0]}
	}
	r.tcs.keep(t)
	return t
}
