package ndb

import (
	"cmp"
	"fmt"
	"slices"
)

// SubNode is a node within a node (SLENTRY, MS-PST 2.2.2.8.3.3.1.1).
type SubNode struct {
	NID  NID
	Data BID
	Sub  BID
}

// SubNodes are the sub-nodes of a node, in order of their NIDs.
type SubNodes []SubNode

// SubNodes reads the tree of sub-nodes that begins at a block, into list, which is empty, if it has room; 0 has none.
// The error tells what of it is lost.
func (f *File) SubNodes(list SubNodes, id BID) (SubNodes, error) {
	if id == 0 {
		return nil, nil
	}
	t := subTree{f: f, list: list}
	t.walk(id, -1)
	if !slices.IsSortedFunc(t.list, compareSubNodes) {
		slices.SortStableFunc(t.list, compareSubNodes)
	}
	return t.list, t.err
}

func compareSubNodes(a, b SubNode) int { return cmp.Compare(a.NID, b.NID) }

// Find returns the sub-node with the identifier.
func (s SubNodes) Find(id NID) (SubNode, bool) {
	i, ok := slices.BinarySearchFunc(s, id, func(n SubNode, id NID) int { return cmp.Compare(n.NID, id) })
	if !ok {
		return SubNode{}, false
	}
	return s[i], true
}

// FindType returns the first sub-node of the type.
func (s SubNodes) FindType(t int) (SubNode, bool) {
	for _, n := range s {
		if n.NID.Type() == t {
			return n, true
		}
	}
	return SubNode{}, false
}

type subTree struct {
	f       *File
	visited map[BID]struct{}
	list    SubNodes
	err     error
}

func (t *subTree) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// walk adds what is below an SLBLOCK or SIBLOCK (MS-PST 2.2.2.8.3.3). level is the one that it must have, -1 for any.
func (t *subTree) walk(id BID, level int) {
	scratch := scratchPool.Get().(*[]byte)
	defer scratchPool.Put(scratch)
	b, err := t.f.readBlock(id, (*scratch)[:0])
	if cap(b) > cap(*scratch) {
		*scratch = b
	}
	if err != nil {
		t.fail(err)
		if !Usable(err) {
			return
		}
	}
	head, width := 4, 4
	if t.f.layout.wide {
		head, width = 8, 8
	}
	if len(b) < head || b[0] != 2 || level >= 0 && int(b[1]) != level || b[1] >= maxLevels {
		t.fail(&BlockError{id, -1, fmt.Errorf("%w: no list of sub-nodes", ErrCorrupt)})
		return
	}
	leaf := b[1] == 0
	stride := 2 * width
	if leaf {
		stride = 3 * width
	}
	n := int(le.Uint16(b[2:]))
	if room := (len(b) - head) / stride; n > room {
		t.fail(&BlockError{id, -1, fmt.Errorf("%w: %d entries where there is room for %d", ErrCorrupt, n, room)})
		n = room
	}
	if leaf {
		t.list = slices.Grow(t.list, n)
	} else if t.visited == nil {
		t.visited = map[BID]struct{}{id.key(): {}}
	}
	bid := func(b []byte) BID {
		if t.f.layout.wide {
			return BID(le.Uint64(b))
		}
		return BID(le.Uint32(b))
	}
	for e := b[head:]; n > 0; n, e = n-1, e[stride:] {
		// The identifier has 8 bytes in Unicode files, of which the upper 4 are not defined.
		nid, child := NID(le.Uint32(e)), bid(e[width:])
		if leaf {
			t.list = append(t.list, SubNode{nid, child, bid(e[2*width:])})
			continue
		}
		if _, again := t.visited[child.key()]; again {
			t.fail(&BlockError{child, -1, fmt.Errorf("%w: the block is in its tree twice", ErrCorrupt)})
			continue
		}
		t.visited[child.key()] = struct{}{}
		t.walk(child, int(b[1])-1)
	}
}
