package ltp

import (
	"sync"

	"mailmill/formats/pst/internal/ndb"
)

// HID identifies an item of a heap (MS-PST 2.3.1.1). Where a value may be in a sub-node instead, the low five bits
// tell: they are the type of the sub-node's NID, and 0 in a HID (HNID, MS-PST 2.3.3.2).
type HID uint32

func (h HID) inHeap() bool { return h&0x1F == 0 }

// Clients of heaps (bClientSig, MS-PST 2.3.1.2).
const (
	clientPC  = 0xBC
	clientTC  = 0x7C
	heapMagic = 0xEC
)

// keepBlocks is the number of a heap's blocks that are kept in memory besides the first. Only the heaps of large tables
// have more.
const keepBlocks = 128

// Heap is a heap on a node (MS-PST 2.3.1). It is safe for concurrent use.
type Heap struct {
	data   ndb.Data
	client byte
	root   HID
	shift  uint // bits of an HID above which is the block
	// head is the first block, which most heaps have alone: what is in it is found without waiting for anybody.
	head heapBlock

	mu     sync.Mutex
	blocks []heapBlock // by number, as far as they were read; nil where there is none but the first
	loaded []int       // in the order of loading, where there are more blocks than are kept
}

type heapBlock struct {
	data []byte
	err  error
}

// open reads the first block of a node's heap.
func (h *Heap) open(n *Node) error {
	n.File.DataInto(&h.data, n.Data)
	if h.data.Blocks() == 0 {
		return first(h.data.Err(), corrupt("an empty heap"))
	}
	h.shift = 16
	if n.File.Header().Format == ndb.Unicode4K {
		h.shift = 19 // QUIRK: 14 bits of index and 13 of block instead of 11 and 16
	}
	b, err := n.Room.block(&h.data, 0)
	if !usable(err) {
		return err
	}
	h.head = heapBlock{b, err}
	// HNHDR (MS-PST 2.3.1.2)
	if len(b) < 12 || b[2] != heapMagic {
		return first(err, corrupt("no heap"))
	}
	h.client, h.root = b[3], HID(le.Uint32(b[4:]))
	return nil
}

// block returns a block of the heap, and with it an error where its checksum is wrong.
func (h *Heap) block(i int) ([]byte, error) {
	if i == 0 {
		return h.head.data, h.head.err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.blocks == nil {
		h.blocks = make([]heapBlock, h.data.Blocks())
	}
	if b := h.blocks[i]; b.data != nil || b.err != nil {
		return b.data, b.err
	}
	data, err := h.data.Block(i, nil)
	h.blocks[i] = heapBlock{data, err}
	if len(h.blocks) > keepBlocks {
		if h.loaded = append(h.loaded, i); len(h.loaded) > keepBlocks {
			h.blocks[h.loaded[0]] = heapBlock{}
			h.loaded = append(h.loaded[:0], h.loaded[1:]...)
		}
	}
	return data, err
}

// item returns an item of the heap, nil for HID 0. An error comes with the item where only a checksum is wrong.
//
// Every block begins with the offset of its page map, whatever header it has: HNHDR in the first, HNBITMAPHDR in the
// 8th and each 128th after that, HNPAGEHDR in the others (MS-PST 2.3.1.2 to 2.3.1.5).
func (h *Heap) item(id HID) ([]byte, error) {
	if id == 0 {
		return nil, nil
	}
	block, index := int(id>>h.shift), int(id&(1<<h.shift-1)>>5)
	if n := h.data.Blocks(); block >= n {
		return nil, first(h.data.Err(), corrupt("heap item 0x%x in block %d of %d", uint32(id), block, n))
	}
	b, err := h.block(block)
	if !usable(err) {
		return nil, err
	}
	if len(b) < 2 {
		return nil, first(err, corrupt("a heap block of %d bytes", len(b)))
	}
	at := int(le.Uint16(b))
	if at+4 > len(b) {
		return nil, first(err, corrupt("the map of a heap block lies outside of it"))
	}
	count := int(le.Uint16(b[at:]))
	if index == 0 || index > count || at+4+2*(index+1) > len(b) {
		return nil, first(err, corrupt("heap item 0x%x is number %d of %d", uint32(id), index, count))
	}
	entry := b[at+4+2*(index-1):]
	start, end := int(le.Uint16(entry)), int(le.Uint16(entry[2:]))
	if start > end || end > len(b) {
		return nil, first(err, corrupt("heap item 0x%x from %d to %d", uint32(id), start, end))
	}
	return b[start:end:end], err
}

// value returns a value of variable size: an item of the heap or a sub-node.
func (n *Node) value(h *Heap, id HID) ([]byte, error) {
	if id.inHeap() {
		return h.item(id)
	}
	d, err := n.sub(ndb.NID(id))
	if err != nil {
		return nil, err
	}
	if n.Room != nil && d.Blocks() == 1 {
		b, err := n.Room.block(d, 0)
		return b, first(err, d.Err())
	}
	return d.Bytes(MaxValue)
}
