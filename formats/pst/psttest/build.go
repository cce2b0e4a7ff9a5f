package psttest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Variant is a form that a file may have.
type Variant struct {
	Format Format
	Crypt  byte // how blocks are encoded: 0 not at all, 1 permuted, 2 cyclic
	// Plain says, of Unicode4K, that no block is compressed. Else those are that get smaller by it.
	Plain bool
}

func (v Variant) String() string {
	s := fmt.Sprintf("%v-%d", v.Format, v.Crypt)
	if v.Plain {
		s += "-plain"
	}
	return s
}

// Variants returns every format with every encoding.
func Variants() (list []Variant) {
	for crypt := range byte(3) {
		list = append(list, Variant{Format: ANSI, Crypt: crypt}, Variant{Format: Unicode, Crypt: crypt}, Variant{Format: Unicode4K, Crypt: crypt})
	}
	return append(list, Variant{Format: Unicode4K, Plain: true})
}

// Archive is what a file holds, without its form: nodes and the blocks that they are made of, decoded.
type Archive struct {
	header []byte
	from   Format
	nodes  []Node
	blocks map[uint64][]byte
}

// Types of nodes (MS-PST 2.2.2.1).
const (
	typeMessage    = 4
	typeAssociated = 8
	typeContents   = 0xE
	typeFAI        = 0xF
	typeSearch     = 0x10
)

// Variants returns the forms in which the archive reads the same. What is inside of heaps stays as it is when it is built,
// and those of several blocks are divided otherwise in 4K files.
func (a *Archive) Variants() []Variant {
	return slices.DeleteFunc(Variants(), func(v Variant) bool { return (v.Format == Unicode4K) != (a.from == Unicode4K) })
}

// All returns the whole archive.
func (f *File) All() (*Archive, error) { return f.Keep(func(uint32, int) bool { return true }) }

// Small returns the archive with a few of its messages: small ones, and one that is too large for a single block.
func (f *File) Small() (*Archive, error) {
	const most = 20000
	seen, large := 0, false
	return f.Keep(func(_ uint32, size int) bool {
		seen++
		if size > most {
			first := size < 4*most && !large
			large = large || first
			return first
		}
		return seen%7 == 0
	})
}

// Keep returns the archive with only those messages that keep says. The tables of folders list no others any more.
func (f *File) Keep(keep func(nid uint32, size int) bool) (*Archive, error) {
	a := &Archive{header: bytes.Clone(f.Bytes[:24]), from: f.Format, blocks: make(map[uint64][]byte)}
	byID := make(map[uint64]Block, len(f.Blocks))
	for _, b := range f.Blocks {
		byID[b.BID] = b
	}
	dropped := make(map[uint32]bool)
	for _, n := range f.Nodes {
		if t := n.NID & 0x1F; t == typeMessage || t == typeAssociated {
			used := make(map[uint64][]byte)
			if err := f.gather(byID, n, used); err != nil {
				return nil, err
			}
			size := 0
			for _, b := range used {
				size += len(b)
			}
			if !keep(n.NID, size) {
				dropped[n.NID] = true
			}
		}
	}
	for _, n := range f.Nodes {
		if dropped[n.NID] {
			continue
		}
		a.nodes = append(a.nodes, n)
		if err := f.gather(byID, n, a.blocks); err != nil {
			return nil, err
		}
	}
	for _, n := range a.nodes {
		if len(dropped) == 0 {
			break
		}
		switch n.NID & 0x1F {
		case typeContents, typeFAI, typeSearch:
			if err := a.dropRows(n, f.Format, dropped); err != nil {
				return nil, fmt.Errorf("table %#x: %w", n.NID, err)
			}
		}
	}
	return a, nil
}

// gather adds the blocks of a node.
func (f *File) gather(byID map[uint64]Block, n Node, into map[uint64][]byte) error {
	width := layouts[f.Format].id
	queue := []uint64{n.Data, n.Sub}
	for len(queue) > 0 {
		id := queue[0] &^ 1
		queue = queue[1:]
		if _, known := into[id]; known || id == 0 {
			continue
		}
		b, ok := byID[id]
		if !ok {
			return fmt.Errorf("block %#x of node %#x is missing", id, n.NID)
		}
		data, err := f.Data(b)
		if err != nil {
			return err
		}
		into[id] = data
		if b.Internal() {
			for _, at := range idsIn(data, width) {
				queue = append(queue, uintAt(data, at, width))
			}
		}
	}
	return nil
}

func uintAt(b []byte, at, width int) uint64 {
	if width == 4 {
		return uint64(le.Uint32(b[at:]))
	}
	return le.Uint64(b[at:])
}

// idsIn returns where in an internal block the identifiers of blocks are (MS-PST 2.2.2.8.3.2, 2.2.2.8.3.3).
func idsIn(b []byte, width int) (places []int) {
	if len(b) < 8 {
		return nil
	}
	head, stride := 8, width
	if b[0] == 2 {
		if head = width; b[1] == 0 {
			stride = 3 * width
		} else {
			stride = 2 * width
		}
	}
	for i := range int(le.Uint16(b[2:])) {
		at := head + i*stride
		if at+stride > len(b) {
			break
		}
		switch {
		case b[0] == 1:
			places = append(places, at)
		case b[1] == 0:
			places = append(places, at+width, at+2*width)
		default:
			places = append(places, at+width)
		}
	}
	return places
}

// heap is a heap of one or more blocks (MS-PST 2.3.1).
type heap struct {
	a      *Archive
	blocks []uint64
	shift  uint // bits of a HID above which is the block
}

// item returns the block of an item, its place in it and that of its entry in the block's map.
func (h *heap) item(hid uint32) (block uint64, from, to, entry int) {
	n := int(hid >> h.shift)
	if n >= len(h.blocks) {
		return 0, 0, 0, 0
	}
	b := h.a.blocks[h.blocks[n]]
	entry = int(le.Uint16(b)) + 4 + 2*(int(hid&(1<<h.shift-1)>>5)-1)
	return h.blocks[n], int(le.Uint16(b[entry:])), int(le.Uint16(b[entry+2:])), entry
}

// dropRows takes rows out of a table: out of its row index, which is what says that they exist (MS-PST 2.3.4.3).
func (a *Archive) dropRows(n Node, format Format, dropped map[uint32]bool) error {
	h := &heap{a: a, blocks: []uint64{n.Data &^ 1}, shift: 16}
	if format == Unicode4K {
		h.shift = 19
	}
	if n.Data&2 != 0 {
		list, width := a.blocks[n.Data&^1], layouts[format].id
		h.blocks = nil
		for _, at := range idsIn(list, width) {
			h.blocks = append(h.blocks, uintAt(list, at, width)&^1)
		}
	}
	first := a.blocks[h.blocks[0]]
	if len(first) < 12 || first[2] != 0xEC || n.Data&2 != 0 && a.blocks[n.Data&^1][1] != 1 {
		return errors.New("no heap")
	}
	if first[3] != 0x7C {
		return nil // QUIRK: Outlook's 0x730 is no table
	}
	_, info, _, _ := h.item(le.Uint32(first[4:]))
	block, index, _, _ := h.item(le.Uint32(first[info+10:]))
	header := a.blocks[block][index:]
	h.dropRecords(le.Uint32(header[4:]), int(header[3]), int(header[1]), int(header[2]), dropped)
	return nil
}

// dropRecords takes records out of the leaves of a B-tree on the heap (MS-PST 2.3.2).
func (h *heap) dropRecords(hid uint32, level, key, value int, dropped map[uint32]bool) {
	if hid == 0 {
		return
	}
	block, from, to, entry := h.item(hid)
	b := h.a.blocks[block]
	if level > 0 {
		for r := from; r+key+4 <= to; r += key + 4 {
			h.dropRecords(le.Uint32(b[r+key:]), level-1, key, value, dropped)
		}
		return
	}
	var kept []byte
	for r := from; r+key+value <= to; r += key + value {
		if !dropped[le.Uint32(b[r:])] {
			kept = append(kept, b[r:r+key+value]...)
		}
	}
	less := to - from - len(kept)
	pageMap := int(le.Uint16(b))
	count := int(le.Uint16(b[pageMap:]))
	for i := (entry-pageMap-4)/2 + 1; i <= count; i++ {
		at := pageMap + 4 + 2*i
		le.PutUint16(b[at:], le.Uint16(b[at:])-uint16(less))
	}
	out := slices.Concat(b[:from], kept, b[to:])
	le.PutUint16(out, uint16(pageMap-less))
	h.a.blocks[block] = out
}

// builder writes a file.
type builder struct {
	*layout
	Variant
	buf []byte
	bid uint64 // of the next page
}

// Build writes the archive as a file.
func (a *Archive) Build(v Variant) []byte {
	l := &layouts[v.Format]
	w := builder{layout: l, Variant: v, buf: make([]byte, 4096), bid: 1 << 24}
	var nbt, bbt [][]byte
	for _, bid := range slices.Sorted(maps.Keys(a.blocks)) {
		data := bytes.Clone(a.blocks[bid])
		if bid&2 != 0 {
			data = widths(data, layouts[a.from].id, l.id)
		} else {
			Encode(v.Crypt, bid, data)
		}
		bbt = append(bbt, w.block(bid, data))
	}
	for _, n := range a.nodes {
		e := w.uint(w.uint(w.uint(nil, uint64(n.NID)), n.Data), n.Sub)
		e = le.AppendUint32(e, n.Parent)
		if v.Format != ANSI {
			e = append(e, 0, 0, 0, 0)
		}
		nbt = append(nbt, e)
	}
	nbtBID, nbtAt := w.tree(0x81, 0, nbt)
	bbtBID, bbtAt := w.tree(0x80, 0, bbt)

	f := File{Bytes: w.buf, Format: v.Format}
	copy(f.Bytes, a.header)
	f.Bytes[10] = [...]byte{14, 23, 36}[v.Format]
	f.putUint(l.eof, uint64(len(f.Bytes)))
	for i, v := range []uint64{nbtBID, nbtAt, bbtBID, bbtAt} {
		f.putUint(l.nbt+i*l.id, v)
	}
	f.Bytes[l.crypt] = v.Crypt
	f.sealHeader()
	return f.Bytes
}

// widths rewrites an internal block with identifiers of another width.
func widths(b []byte, from, to int) []byte {
	if from == to || len(b) < 8 {
		return b
	}
	head, perEntry := 8, 1
	if b[0] == 2 {
		if head, perEntry = from, 2; b[1] == 0 {
			perEntry = 3
		}
	}
	out := slices.Clone(b[:4])
	if b[0] == 1 || to == 8 {
		out = slices.Clone(b[:min(8, len(b))])
	}
	for i := range int(le.Uint16(b[2:])) * perEntry {
		v := uintAt(b, head+i*from, from)
		if to == 4 {
			out = le.AppendUint32(out, uint32(v))
		} else {
			out = le.AppendUint64(out, v)
		}
	}
	return out
}

func (w *builder) align(n int) { w.buf = append(w.buf, make([]byte, (n-len(w.buf)%n)%n)...) }

func (w *builder) uint(b []byte, v uint64) []byte {
	if w.id == 4 {
		return le.AppendUint32(b, uint32(v))
	}
	return le.AppendUint64(b, v)
}

// block adds a block and returns its entry in the block tree (MS-PST 2.2.2.8.1, 2.2.2.7.7.3).
func (w *builder) block(bid uint64, data []byte) []byte {
	inflated := len(data)
	if w.Format == Unicode4K && !w.Plain {
		if small := deflate(data); len(small) < len(data) {
			data = small
		}
	}
	w.buf = append(w.buf, make([]byte, (w.layout.align-len(w.buf)%w.layout.align)%w.layout.align)...)
	at := len(w.buf)
	w.buf = append(w.buf, data...)
	w.buf = append(w.buf, make([]byte, w.slot(len(data))-len(data)-w.trailer)...)
	w.buf = le.AppendUint16(w.buf, uint16(len(data)))
	w.buf = le.AppendUint16(w.buf, signature(at, bid))
	if w.Format == ANSI {
		w.buf = le.AppendUint32(w.buf, uint32(bid))
		w.buf = le.AppendUint32(w.buf, checksum(data))
	} else {
		w.buf = le.AppendUint32(w.buf, checksum(data))
		w.buf = le.AppendUint64(w.buf, bid)
	}
	if w.Format == Unicode4K {
		w.buf = append(w.buf, 0, 0)
		w.buf = le.AppendUint16(w.buf, uint16(inflated))
		w.buf = append(w.buf, 0, 0, 0, 0)
	}
	e := le.AppendUint16(w.uint(w.uint(nil, bid), uint64(at)), uint16(len(data)))
	switch w.Format {
	case ANSI:
		return le.AppendUint16(e, 2)
	case Unicode4K:
		e = le.AppendUint16(e, uint16(inflated))
		return append(e, 2, 0, 0, 0)
	}
	return append(e, 2, 0, 0, 0, 0, 0)
}

// tree adds the pages of a B-tree and returns its root (MS-PST 2.2.2.7.7.1).
func (w *builder) tree(kind byte, level int, entries [][]byte) (bid, at uint64) {
	stride := len(entries[0])
	var parents [][]byte
	for page := range slices.Chunk(entries, w.meta/stride) {
		p := make([]byte, w.page)
		for i, e := range page {
			copy(p[i*stride:], e)
		}
		w.align(w.page)
		at, bid = uint64(len(w.buf)), w.bid
		w.bid += 4
		m, t := p[w.meta:], p[w.pageTrailer:]
		if w.Format == Unicode4K {
			le.PutUint16(m, uint16(len(page)))
			le.PutUint16(m[2:], uint16(w.meta/stride))
			m[4], m[5] = byte(stride), byte(level)
		} else {
			m[0], m[1], m[2], m[3] = byte(len(page)), byte(w.meta/stride), byte(stride), byte(level)
		}
		t[0], t[1] = kind, kind
		le.PutUint16(t[2:], signature(int(at), bid))
		if w.Format == ANSI {
			le.PutUint32(t[4:], uint32(bid))
			le.PutUint32(t[8:], checksum(p[:w.pageTrailer]))
		} else {
			le.PutUint32(t[4:], checksum(p[:w.pageTrailer]))
			le.PutUint64(t[8:], bid)
		}
		w.buf = append(w.buf, p...)
		parents = append(parents, w.uint(w.uint(slices.Clone(page[0][:w.id]), bid), at))
	}
	if len(parents) == 1 {
		return bid, at
	}
	return w.tree(kind, level+1, parents)
}
