package ltp

import (
	"bytes"
	"slices"
	"testing"

	"mailmill/formats/pst/internal/ndb"
)

// subTree adds a list of sub-nodes under as many levels of SIBLOCKs as are asked for, each with at most fanOut entries.
func (b *builder) subTree(list []sub, levels, fanOut int) uint64 {
	if levels == 0 {
		return b.subs(list...)
	}
	part := (len(list) + fanOut - 1) / fanOut
	s := []byte{2, byte(levels)}
	var entries []byte
	n := 0
	for chunk := range slices.Chunk(list, part) {
		entries = le.AppendUint64(entries, uint64(chunk[0].nid))
		entries = le.AppendUint64(entries, b.subTree(chunk, levels-1, fanOut))
		n++
	}
	s = le.AppendUint32(le.AppendUint16(s, uint16(n)), 0)
	return b.block(append(s, entries...), true)
}

// Sub-nodes are found below any number of SIBLOCKs, and sub-nodes of sub-nodes below those.
func TestSubNodesOfAnyDepth(t *testing.T) {
	for levels := range 5 {
		b := newBuilder()
		inner := b.subTree([]sub{{nid: 0x25, data: b.data([]byte("innermost"))}}, levels, 3)
		var list []sub
		for i := range uint32(200) {
			list = append(list, sub{nid: i<<5 | 0x05, data: b.data([]byte{byte(i)}), sub: inner})
		}
		b.node(0x24, b.data([]byte("data")), b.subTree(list, levels, 3))
		n := b.openNode(t, 0x24)
		if n.SubsErr != nil || len(n.Subs) != len(list) {
			t.Fatalf("%d levels: %d sub-nodes of %d, %v", levels, len(n.Subs), len(list), n.SubsErr)
		}
		for i := range uint32(200) {
			s, ok := n.Subs.Find(ndb.NID(i<<5 | 0x05))
			if !ok {
				t.Fatalf("%d levels: sub-node %d is not found", levels, i)
			}
			if got, err := n.File.Data(s.Data).Bytes(100); err != nil || !bytes.Equal(got, []byte{byte(i)}) {
				t.Fatalf("%d levels: sub-node %d holds %x, %v", levels, i, got, err)
			}
			below := Open(n.File, s.Data, s.Sub)
			if _, ok = below.Subs.Find(0x25); !ok {
				t.Fatalf("%d levels: the sub-node of sub-node %d is not found", levels, i)
			}
		}
	}
}

// An XXBLOCK's data are the blocks of its XBLOCKs, in order.
func TestDataOfTwoLevels(t *testing.T) {
	b := newBuilder()
	var want []byte
	xx := []byte{1, 2}
	var lists []uint64
	for i := range 4 {
		var blocks [][]byte
		for j := range 5 + i {
			blocks = append(blocks, bytes.Repeat([]byte{byte(i), byte(j)}, 1000+j))
		}
		want = append(want, bytes.Join(blocks, nil)...)
		lists = append(lists, b.data(blocks...))
	}
	xx = le.AppendUint32(le.AppendUint16(xx, uint16(len(lists))), uint32(len(want)))
	for _, bid := range lists {
		xx = le.AppendUint64(xx, bid)
	}
	b.node(0x24, b.block(xx, true), 0)
	n := b.openNode(t, 0x24)
	d := n.File.Data(n.Data)
	if d.Size() != int64(len(want)) || d.Err() != nil {
		t.Errorf("%d bytes of %d, %v", d.Size(), len(want), d.Err())
	}
	if got, err := d.Bytes(1 << 20); err != nil || !bytes.Equal(got, want) {
		t.Errorf("reads %d bytes otherwise than %d, %v", len(got), len(want), err)
	}
	var streamed bytes.Buffer
	if _, err := d.Reader().WriteTo(&streamed); err != nil || !bytes.Equal(streamed.Bytes(), want) {
		t.Errorf("streams %d bytes otherwise than %d, %v", streamed.Len(), len(want), err)
	}
}
