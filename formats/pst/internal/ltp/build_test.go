package ltp

import (
	"bytes"
	"slices"
	"testing"

	"mailmill/formats/pst/internal/ndb"
)

// builder makes a Unicode file of a few nodes, its blocks not encoded.
type builder struct {
	buf  []byte
	bbt  [][]byte
	nbt  [][]byte
	next uint64
}

func newBuilder() *builder { return &builder{buf: make([]byte, 1024), next: 1} }

// block adds a block and returns its BID.
func (b *builder) block(data []byte, internal bool) uint64 {
	bid := b.next * 4
	b.next++
	if internal {
		bid |= 2
	}
	at := len(b.buf)
	slot := (len(data) + 16 + 63) &^ 63
	b.buf = append(b.buf, make([]byte, slot)...)
	copy(b.buf[at:], data)
	trailer := b.buf[at+slot-16:]
	le.PutUint16(trailer, uint16(len(data)))
	le.PutUint16(trailer[2:], ndb.Signature(int64(at), ndb.BID(bid)))
	le.PutUint32(trailer[4:], ndb.Checksum(data))
	le.PutUint64(trailer[8:], bid)
	e := le.AppendUint64(nil, bid)
	e = le.AppendUint64(e, uint64(at))
	e = le.AppendUint16(e, uint16(len(data)))
	b.bbt = append(b.bbt, append(e, 2, 0, 0, 0, 0, 0))
	return bid
}

// data adds a node's data, block by block.
func (b *builder) data(blocks ...[]byte) uint64 {
	bids := make([]uint64, len(blocks))
	size := 0
	for i, data := range blocks {
		bids[i] = b.block(data, false)
		size += len(data)
	}
	if len(bids) == 1 {
		return bids[0]
	}
	x := []byte{1, 1}
	x = le.AppendUint16(x, uint16(len(bids)))
	x = le.AppendUint32(x, uint32(size))
	for _, bid := range bids {
		x = le.AppendUint64(x, bid)
	}
	return b.block(x, true)
}

// sub is an entry of a list of sub-nodes.
type sub struct {
	nid       uint32
	data, sub uint64
}

func (b *builder) subs(list ...sub) uint64 {
	s := []byte{2, 0}
	s = le.AppendUint16(s, uint16(len(list)))
	s = le.AppendUint32(s, 0)
	for _, e := range list {
		s = le.AppendUint64(s, uint64(e.nid))
		s = le.AppendUint64(s, e.data)
		s = le.AppendUint64(s, e.sub)
	}
	return b.block(s, true)
}

func (b *builder) node(nid uint32, data, sub uint64) {
	e := le.AppendUint64(nil, uint64(nid))
	e = le.AppendUint64(e, data)
	e = le.AppendUint64(e, sub)
	b.nbt = append(b.nbt, le.AppendUint64(e, 0x122))
}

// tree adds the pages of a tree and returns its root.
func (b *builder) tree(kind, level byte, entries [][]byte) (bid, at uint64) {
	stride, room := 24, 20
	if kind == 0x81 && level == 0 {
		stride, room = 32, 15
	}
	var parents [][]byte
	for first := true; first || len(entries) > 0; first = false {
		n := min(room, len(entries))
		at = uint64(len(b.buf)+511) &^ 511
		p := make([]byte, 512)
		for i, e := range entries[:n] {
			copy(p[i*stride:], e)
		}
		p[488], p[489], p[490], p[491] = byte(n), byte(room), byte(stride), level
		bid = b.next
		b.next++
		p[496], p[497] = kind, kind
		le.PutUint16(p[498:], ndb.Signature(int64(at), ndb.BID(bid)))
		le.PutUint32(p[500:], ndb.Checksum(p[:496]))
		le.PutUint64(p[504:], bid)
		b.buf = append(append(b.buf, make([]byte, int(at)-len(b.buf))...), p...)
		parent := append([]byte(nil), p[:8]...)
		parents = append(parents, le.AppendUint64(le.AppendUint64(parent, bid), at))
		entries = entries[n:]
	}
	if len(parents) > 1 {
		return b.tree(kind, level+1, parents)
	}
	return bid, at
}

// bytes returns the finished file.
func (b *builder) bytes() []byte {
	slices.SortFunc(b.nbt, func(x, y []byte) int { return int(le.Uint32(x)) - int(le.Uint32(y)) })
	slices.SortFunc(b.bbt, func(x, y []byte) int { return int(le.Uint64(x)) - int(le.Uint64(y)) })
	nbtBID, nbt := b.tree(0x81, 0, b.nbt)
	bbtBID, bbt := b.tree(0x80, 0, b.bbt)
	h := b.buf
	copy(h, "!BDN")
	copy(h[8:], "SM")
	le.PutUint16(h[10:], 23)
	le.PutUint16(h[12:], 19)
	h[14], h[15] = 1, 1
	le.PutUint64(h[184:], uint64(len(h)))
	le.PutUint64(h[216:], nbtBID)
	le.PutUint64(h[224:], nbt)
	le.PutUint64(h[232:], bbtBID)
	le.PutUint64(h[240:], bbt)
	le.PutUint32(h[4:], ndb.Checksum(h[8:8+471]))
	le.PutUint32(h[524:], ndb.Checksum(h[8:8+516]))
	return h
}

// openNode finishes the file and opens a node of it.
func (b *builder) openNode(t testing.TB, nid uint32) Node {
	t.Helper()
	file := b.bytes()
	f, err := ndb.Open(bytes.NewReader(file), int64(len(file)), ndb.Options{})
	if err != nil {
		t.Fatal(err)
	}
	n, ok := f.Node(ndb.NID(nid))
	if !ok {
		t.Fatalf("no node 0x%x", nid)
	}
	if w, _ := f.Warnings(); len(w) > 0 {
		t.Fatal(w)
	}
	return Open(f, n.Data, n.Sub)
}

// heapBuilder makes a heap. Items are placed in the order in which they are added.
type heapBuilder struct {
	client byte
	root   uint32
	items  [][][]byte // by block
	used   int        // bytes of the last block
	room   int        // bytes of a block to use
}

func (h *heapBuilder) header(block int) int {
	switch {
	case block == 0:
		return 12 // HNHDR
	case block >= 8 && (block-8)%128 == 0:
		return 66 // HNBITMAPHDR
	}
	return 2 // HNPAGEHDR
}

// add adds an item and returns its HID.
func (h *heapBuilder) add(item []byte) uint32 {
	if h.room == 0 {
		h.room = 8176
	}
	last := len(h.items) - 1
	need := len(item) + 2
	if last < 0 || h.used+need > h.room {
		h.items = append(h.items, nil)
		last++
		h.used = h.header(last) + 4 + 2 + 1
	}
	h.items[last] = append(h.items[last], item)
	h.used += need
	return uint32(last)<<16 | uint32(len(h.items[last]))<<5
}

// blocks returns the heap's blocks.
func (h *heapBuilder) blocks() [][]byte {
	var blocks [][]byte
	for i, items := range h.items {
		b := make([]byte, h.header(i))
		starts := []int{}
		for _, item := range items {
			starts = append(starts, len(b))
			b = append(b, item...)
		}
		starts = append(starts, len(b))
		if len(b)%2 == 1 {
			b = append(b, 0)
		}
		le.PutUint16(b, uint16(len(b)))
		b = le.AppendUint16(b, uint16(len(items)))
		b = le.AppendUint16(b, 0)
		for _, s := range starts {
			b = le.AppendUint16(b, uint16(s))
		}
		if i == 0 {
			b[2], b[3] = 0xEC, h.client
			le.PutUint32(b[4:], h.root)
		}
		blocks = append(blocks, b)
	}
	return blocks
}

// bthHeader returns the header of a B-tree with one level.
func bthHeader(key, entry byte, levels byte, root uint32) []byte {
	return le.AppendUint32([]byte{0xB5, key, entry, levels}, root)
}

// propertyRecord returns a record of a property context.
func propertyRecord(id, kind uint16, value uint32) []byte {
	b := le.AppendUint16(nil, id)
	return le.AppendUint32(le.AppendUint16(b, kind), value)
}
