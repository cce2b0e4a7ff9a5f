package conformance

import (
	"encoding/binary"
	"hash/crc32"
)

var le = binary.LittleEndian

// checksum is that of MS-PST 5.3.
func checksum(b []byte) uint32 { return ^crc32.Update(^uint32(0), crc32.IEEETable, b) }

// signature is that of MS-PST 5.5.
func signature(at, bid uint64) uint16 {
	v := uint32(at) ^ uint32(bid)
	return uint16(v>>16) ^ uint16(v)
}

// pstImage is the bytes of a whole Unicode PST with pages of 512 bytes (MS-PST), read by nothing but this file: it knows
// where the parts of each item lie, so that tests can say what damage must cost.
type pstImage struct {
	data   []byte
	blocks map[uint64]extent
	nodes  map[uint32]pstNode
	leaves []int64 // offsets of the node tree's leaf pages
}

type extent struct{ from, to int64 }

type pstNode struct {
	data, sub uint64
	parent    uint32
	page      int64
}

func newImage(data []byte) *pstImage {
	im := &pstImage{data: data, blocks: map[uint64]extent{}, nodes: map[uint32]pstNode{}}
	im.walk(int64(le.Uint64(data[224:])), func(page int64, e []byte) {
		im.nodes[le.Uint32(e)] = pstNode{le.Uint64(e[8:]), le.Uint64(e[16:]), le.Uint32(e[24:]), page}
		if n := len(im.leaves); n == 0 || im.leaves[n-1] != page {
			im.leaves = append(im.leaves, page)
		}
	})
	im.walk(int64(le.Uint64(data[240:])), func(_ int64, e []byte) {
		from, size := int64(le.Uint64(e[8:])), int64(le.Uint16(e[16:]))
		im.blocks[le.Uint64(e)&^1] = extent{from, from + (size+16+63)&^63}
	})
	return im
}

// walk calls use with the entries of a tree's leaves and the pages that they are in.
func (im *pstImage) walk(page int64, use func(page int64, entry []byte)) {
	p := im.data[page : page+512]
	for i := range int(p[488]) {
		e := p[i*int(p[490]):]
		if p[491] > 0 {
			im.walk(int64(le.Uint64(e[16:])), use)
		} else {
			use(page, e)
		}
	}
}

// extents returns where all blocks of a node lie: its data, its sub-nodes and theirs.
func (im *pstImage) extents(n pstNode) []extent {
	return im.subNodes(n.sub, im.dataOf(n.data, nil))
}

func (im *pstImage) dataOf(id uint64, list []extent) []extent {
	x, ok := im.blocks[id&^1]
	if !ok {
		return list
	}
	list = append(list, x)
	if id&2 == 0 {
		return list
	}
	b := im.data[x.from:x.to]
	for i := range int(le.Uint16(b[2:])) {
		list = im.dataOf(le.Uint64(b[8+8*i:]), list)
	}
	return list
}

func (im *pstImage) subNodes(id uint64, list []extent) []extent {
	x, ok := im.blocks[id&^1]
	if !ok {
		return list
	}
	list = append(list, x)
	b := im.data[x.from:x.to]
	for i := range int(le.Uint16(b[2:])) {
		if b[1] > 0 {
			list = im.subNodes(le.Uint64(b[8+16*i+8:]), list)
			continue
		}
		e := b[8+24*i:]
		list = im.subNodes(le.Uint64(e[16:]), im.dataOf(le.Uint64(e[8:]), list))
	}
	return list
}

// wholeBefore returns the messages of which every block lies before an offset.
func (im *pstImage) wholeBefore(cut int64) map[uint32]bool {
	whole := map[uint32]bool{}
	for id, n := range im.nodes {
		if id&0x1F != 4 {
			continue
		}
		whole[id] = true
		for _, x := range im.extents(n) {
			if x.to > cut {
				delete(whole, id)
			}
		}
	}
	return whole
}
