package ltp

import (
	"testing"

	"mailmill/formats/mapi"
)

// seedBlocks returns the blocks of a small heap with properties and of one with a table.
func seedBlocks() [][]byte {
	h := &heapBuilder{client: clientPC}
	header := h.add(make([]byte, 8))
	records := propertyRecord(0x1000, uint16(mapi.MultiString8), h.add([]byte{1, 0, 0, 0, 8, 0, 0, 0, 'x'}))
	records = append(records, propertyRecord(0x1001, uint16(mapi.Object), h.add([]byte{0x1F, 4, 0, 0, 9, 0, 0, 0}))...)
	records = append(records, propertyRecord(0x1002, uint16(mapi.Binary), 0x41F)...)
	index := h.add(append(append([]byte{0, 0x10}, le.AppendUint32(nil, 0x60)...), 1, 0x10, 0x60, 0, 0, 0))
	copy(h.items[0][0], bthHeader(2, 6, 1, index))
	h.add(records)
	h.root = header

	var b builder
	b.next = 1
	tableOf(&b, 20, true)
	table := b.buf[len(b.buf)-int(le.Uint16(b.buf[len(b.buf)-16:]))-16:]
	return append(h.blocks(), table)
}

// FuzzHeap reads what a heap may hold from bytes that may be none.
func FuzzHeap(f *testing.F) {
	for _, b := range seedBlocks() {
		f.Add(b, []byte("value"))
	}
	f.Fuzz(func(t *testing.T, heap, value []byte) {
		if len(heap) == 0 || len(heap) > 8176 || len(value) == 0 || len(value) > 8176 {
			return
		}
		b := newBuilder()
		b.node(0x24, b.data(heap, heap), b.subs(sub{0x41F, b.data(value), 0}))
		n := b.openNode(t, 0x24)
		if pc, err := OpenPC(n); err == nil {
			for i := range pc.Count() {
				pc.Value(i)
				pc.Stream(i)
				pc.Object(i)
				pc.Lookup(pc.Tag(i).ID())
			}
		}
		if tc, err := OpenTC(n); err == nil {
			for row := range tc.Rows() {
				for i := range row.Len() {
					if row.table != nil {
						row.Value(i)
					}
				}
			}
		}
	})
}
