package ndb

import (
	"cmp"
	"slices"
)

// Loose is what lies in the file whole and nothing that is known leads to.
type Loose struct {
	// Objects are the roots of data which may be properties: blocks that begin like them, and lists of blocks.
	Objects []BID
	// Subs are the roots of trees of sub-nodes.
	Subs []BID
}

// Loose scans the file for blocks that neither a node nor another block refers to. Those which the block tree would
// have if they were in use, and does not, are what was deleted or replaced; they are left out unless asked for.
func (f *File) Loose(deleted bool) Loose {
	w := f.wreckage()
	// The blocks that may be roots, in order of BID, and whether something refers to them.
	var roots []BID
	for _, b := range w.blocks {
		if b.mark&markIndex == 0 && (b.bid.Internal() || b.mark&markHeap != 0) {
			roots = append(roots, b.bid)
		}
	}
	referred := make([]bool, len(roots))
	refer := func(id BID) {
		if i, ok := slices.BinarySearch(roots, id.key()); ok {
			referred[i] = true
		}
	}
	for _, n := range f.nodes {
		refer(n.Data)
		refer(n.Sub)
	}
	kind := make([]byte, len(roots)) // the type of internal blocks
	var buf []byte
	for i, id := range roots {
		if !id.Internal() {
			continue
		}
		b, err := f.readBlock(id, buf[:0])
		if err != nil || len(b) < 8 {
			continue
		}
		buf, kind[i] = b, b[0]
		f.references(b, func(to BID) {
			if to.key() != id {
				refer(to)
			}
		})
	}
	var l Loose
	for i, id := range roots {
		switch {
		case referred[i], !deleted && f.freed(id):
		case id.Internal() && kind[i] == 2:
			l.Subs = append(l.Subs, id)
		case !id.Internal() || kind[i] == 1:
			l.Objects = append(l.Objects, id)
		}
	}
	return l
}

// references calls use with the blocks that an internal block names (MS-PST 2.2.2.8.3.2, 2.2.2.8.3.3).
func (f *File) references(b []byte, use func(BID)) {
	width, head := 4, 8
	if f.layout.wide {
		width = 8
	}
	stride, from := width, 0
	if b[0] == 2 {
		// A sub-node's identifier stands first, then its data and, in leaves, its own sub-nodes.
		head, from, stride = width, width, 2*width
		if b[1] == 0 {
			stride = 3 * width
		}
	} else if b[0] != 1 {
		return
	}
	n := min(int(le.Uint16(b[2:])), (len(b)-head)/stride)
	for e := b[head:]; n > 0; n, e = n-1, e[stride:] {
		for at := from; at < stride; at += width {
			if f.layout.wide {
				use(BID(le.Uint64(e[at:])))
			} else {
				use(BID(le.Uint32(e[at:])))
			}
		}
	}
}

// Offset returns where a block lies, -1 where that is not known.
func (f *File) Offset(id BID) int64 {
	if ref, ok := f.find(id); ok {
		return ref.offset
	}
	return -1
}

// InUse reports whether the block tree has a block.
func (f *File) InUse(id BID) bool {
	_, ok := f.block(id)
	return ok
}

// OldNodes returns the nodes that stand only in pages which the tree does not have any more, each as the newest of
// these has it. Their blocks may be others' by now.
func (f *File) OldNodes() []Node {
	var nodes []Node
	for _, e := range leafEntries(f, pageNBT, f.wreckage().nodePages, f.nodeTree.reached, f.parseNode) {
		if n := len(nodes); n > 0 && nodes[n-1].NID == e.entry.NID {
			continue
		}
		if _, ok := f.Node(e.entry.NID); !ok {
			nodes = append(nodes, e.entry)
		}
	}
	return nodes
}

// Wholeness tells which nodes are whole. It reads no more than the file explains: in a damaged file, sub-nodes may
// refer to the same ones in numbers that double with each level.
type Wholeness struct {
	f    *File
	room int64 // bytes still to be read
	buf  []byte
}

// Wholeness returns a new Wholeness.
func (f *File) Wholeness() *Wholeness { return &Wholeness{f: f, room: 4 * f.size} }

// Check reports whether all blocks of a node and of its sub-nodes can be read and are right.
func (w *Wholeness) Check(data, sub BID) bool { return w.check(data, sub, 0) }

// maxNesting bounds the sub-nodes in sub-nodes that are followed.
const maxNesting = 32

func (w *Wholeness) check(data, sub BID, depth int) bool {
	d := w.f.Data(data)
	if depth > maxNesting || d.Err() != nil {
		return false
	}
	w.room -= int64(w.f.layout.blockAlign)
	for i := range d.Blocks() {
		if w.room -= int64(w.f.layout.slot(d.BlockSize(i))); w.room < 0 {
			return false
		}
		b, err := d.Block(i, w.buf[:0])
		if err != nil {
			return false
		}
		w.buf = b
	}
	subs, err := w.f.SubNodes(nil, sub)
	if err != nil {
		return false
	}
	for _, s := range subs {
		if !w.check(s.Data, s.Sub, depth+1) {
			return false
		}
	}
	return true
}

// Replace gives a node other data and sub-nodes. It must not be called while others use the file.
func (f *File) Replace(n Node) {
	i, ok := slices.BinarySearchFunc(f.nodes, n.NID, func(n Node, id NID) int { return cmp.Compare(n.NID, id) })
	if ok {
		f.nodes[i] = n
	}
}

// SetDoubt notes why what a node leads to may be wrong; see [File.Doubt]. It must not be called while others use the
// file.
func (f *File) SetDoubt(id NID, err error) { f.doubt(id, err) }
