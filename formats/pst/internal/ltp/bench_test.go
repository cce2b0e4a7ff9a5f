package ltp

import "testing"

func BenchmarkTable(b *testing.B) {
	file := newBuilder()
	data, subs := tableOf(file, 1500, false)
	file.node(0x2E, data, subs)
	n := file.openNode(b, 0x2E)
	b.ReportAllocs()
	for b.Loop() {
		tc, err := OpenTC(n)
		if err != nil {
			b.Fatal(err)
		}
		for row, err := range tc.Rows() {
			if err != nil {
				b.Fatal(err)
			}
			row.Lookup(0x3001)
			row.Lookup(0x1001)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	file := newBuilder()
	h := &heapBuilder{client: clientPC}
	header := h.add(make([]byte, 8))
	var records []byte
	for id := range uint16(150) {
		records = append(records, propertyRecord(0x1000+id, 0x102, h.add([]byte("a value")))...)
	}
	copy(h.items[0][0], bthHeader(2, 6, 0, h.add(records)))
	h.root = header
	file.node(0x24, file.data(h.blocks()...), 0)
	pc, err := OpenPC(file.openNode(b, 0x24))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if v, err := pc.Lookup(0x1077); err != nil || !v.Exists() {
			b.Fatal(v, err)
		}
	}
}
