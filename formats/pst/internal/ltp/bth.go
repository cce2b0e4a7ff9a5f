package ltp

import "slices"

// maxBTH bounds the levels of a B-tree on a heap. One level has room for some 400 entries.
const maxBTH = 8

// btree is a B-tree on a heap (MS-PST 2.3.2): the leaves of it, one record after another.
type btree struct {
	key, entry int // sizes in bytes
	records    []byte
	err        error // what is lost or doubtful of it
}

func (t *btree) stride() int { return t.key + t.entry }
func (t *btree) count() int  { return len(t.records) / t.stride() }

func (t *btree) record(i int) []byte {
	s := t.stride()
	return t.records[i*s : (i+1)*s : (i+1)*s]
}

// openBTH reads all leaves of a B-tree into t. It fails only if the tree has no valid header.
func (h *Heap) openBTH(t *btree, id HID) error {
	b, err := h.item(id)
	// BTHHEADER (MS-PST 2.3.2.1)
	if len(b) < 8 || b[0] != 0xB5 {
		return first(err, corrupt("no B-tree in the heap"))
	}
	*t = btree{key: int(b[1]), entry: int(b[2]), err: err}
	levels, root := int(b[3]), HID(le.Uint32(b[4:]))
	switch {
	case t.key != 2 && t.key != 4 && t.key != 8 && t.key != 16, t.entry == 0 || t.entry > 32:
		return first(err, corrupt("a B-tree with keys of %d and entries of %d bytes", t.key, t.entry))
	case levels > maxBTH:
		return first(err, corrupt("a B-tree of %d levels", levels))
	}
	w := walkBTH{h: h, t: t}
	if levels > 0 {
		w.visited = map[HID]struct{}{}
	}
	w.walk(root, levels)
	return nil
}

type walkBTH struct {
	h       *Heap
	t       *btree
	visited map[HID]struct{} // nil where there is one leaf only
}

func (w *walkBTH) walk(id HID, level int) {
	if id == 0 {
		return
	}
	if w.visited != nil {
		if _, again := w.visited[id]; again {
			w.t.err = first(w.t.err, corrupt("a B-tree has an item twice"))
			return
		}
		w.visited[id] = struct{}{}
	}
	b, err := w.h.item(id)
	w.t.err = first(w.t.err, err)
	if level == 0 {
		b = b[:len(b)/w.t.stride()*w.t.stride()]
		if w.t.records == nil {
			w.t.records = slices.Clip(b) // the usual case: one leaf, not copied
		} else {
			w.t.records = append(w.t.records, b...)
		}
		return
	}
	for stride := w.t.key + 4; len(b) >= stride; b = b[stride:] {
		w.walk(HID(le.Uint32(b[w.t.key:])), level-1)
	}
}
