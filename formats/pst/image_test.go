package pst

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"os"
	"slices"
	"testing"

	"mailmill/formats/corpustest"
)

var le = binary.LittleEndian

// image is the bytes of a Unicode PST, to be changed for a test. It knows the format independently of the reader.
type image []byte

// sample returns a copy of the sample file.
func sample(t testing.TB) image {
	t.Helper()
	b, err := os.ReadFile(corpustest.Sample())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// open opens the image as it is now.
func (im image) open(t testing.TB) *File {
	t.Helper()
	f, err := NewReader(bytes.NewReader(im), int64(len(im)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func (im image) nbt() uint64 { return le.Uint64(im[224:]) }
func (im image) bbt() uint64 { return le.Uint64(im[240:]) }

// leaves returns the offsets of a tree's leaf pages in order, and inner those of the pages above them.
func (im image) leaves(root uint64) (leaves, inner []uint64) {
	p := im[root:]
	if p[491] == 0 {
		return []uint64{root}, nil
	}
	inner = []uint64{root}
	for i := range int(p[488]) {
		l, n := im.leaves(le.Uint64(p[24*i+16:]))
		leaves, inner = append(leaves, l...), append(inner, n...)
	}
	return leaves, inner
}

// blockEntry is an entry of the block tree with its place, so that it can be changed.
type blockEntry struct {
	entry []byte
	page  uint64
}

func (b blockEntry) bid() uint64    { return le.Uint64(b.entry) &^ 1 }
func (b blockEntry) offset() uint64 { return le.Uint64(b.entry[8:]) }
func (b blockEntry) size() int      { return int(le.Uint16(b.entry[16:])) }
func (b blockEntry) slot() int      { return (b.size() + 16 + 63) &^ 63 }

func (im image) blocks() map[uint64]blockEntry {
	all := map[uint64]blockEntry{}
	leaves, _ := im.leaves(im.bbt())
	for _, at := range leaves {
		for i := range int(im[at+488]) {
			b := blockEntry{im[at+24*uint64(i):][:24], at}
			all[b.bid()] = b
		}
	}
	return all
}

// nodeEntry is an entry of the node tree: NID, data, sub-nodes, parent.
type nodeEntry struct {
	nid, parent uint32
	data, sub   uint64
	page        uint64
}

func (im image) nodes() []nodeEntry {
	var all []nodeEntry
	leaves, _ := im.leaves(im.nbt())
	for _, at := range leaves {
		for i := range int(im[at+488]) {
			e := im[at+32*uint64(i):]
			all = append(all, nodeEntry{le.Uint32(e), le.Uint32(e[24:]), le.Uint64(e[8:]), le.Uint64(e[16:]), at})
		}
	}
	return all
}

// node returns the entry of one node.
func (im image) node(t testing.TB, nid NID) nodeEntry {
	t.Helper()
	all := im.nodes()
	i := slices.IndexFunc(all, func(n nodeEntry) bool { return n.nid == uint32(nid) })
	if i < 0 {
		t.Fatalf("no node %v", nid)
	}
	return all[i]
}

func crc(b []byte) uint32 { return ^crc32.Update(^uint32(0), crc32.IEEETable, b) }

// sealPage makes a page's checksum right.
func (im image) sealPage(at uint64) { le.PutUint32(im[at+500:], crc(im[at:at+496])) }

// sealBlock makes a block's checksum right.
func (im image) sealBlock(b blockEntry) {
	le.PutUint32(im[b.offset()+uint64(b.slot())-12:], crc(im[b.offset():][:b.size()]))
}

// sealHeader makes the header's checksums right.
func (im image) sealHeader() {
	le.PutUint32(im[4:], crc(im[8:8+471]))
	le.PutUint32(im[524:], crc(im[8:8+516]))
}
