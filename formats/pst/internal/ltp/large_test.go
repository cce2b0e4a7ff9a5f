package ltp

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"mailmill/formats/mapi"
	"mailmill/formats/pst/internal/ndb"
)

// TestCase38HeapOfManyBlocks has properties in a heap whose 8th and 136th block have a header of their own size.
func TestCase38HeapOfManyBlocks(t *testing.T) {
	for _, blocks := range []int{1, 2, 9, 10, 137, 140, 270} {
		t.Run(fmt.Sprint(blocks), func(t *testing.T) {
			b := newBuilder()
			h := &heapBuilder{client: clientPC, room: 600}
			header := h.add(make([]byte, 8))
			var records []byte
			var want [][]byte
			for id := uint16(0x1000); len(h.items) < blocks || id < 0x1004; id++ {
				value := bytes.Repeat([]byte{byte(id), byte(id >> 8)}, 50+int(id)%7)
				want = append(want, value)
				records = append(records, propertyRecord(id, uint16(mapi.Binary), h.add(value))...)
			}
			// The records do not fit in one item of these small blocks: two levels.
			var index []byte
			for part := range slices.Chunk(records, 8*40) {
				index = le.AppendUint32(append(index, part[:2]...), h.add(part))
			}
			copy(h.items[0][0], bthHeader(2, 6, 1, h.add(index)))
			h.root = header
			b.node(0x24, b.data(h.blocks()...), 0)

			pc, err := OpenPC(b.openNode(t, 0x24))
			if err != nil {
				t.Fatal(err)
			}
			if pc.Count() != len(want) || pc.Err() != nil {
				t.Fatalf("%d properties of %d, %v", pc.Count(), len(want), pc.Err())
			}
			for i, value := range want {
				v, err := pc.Lookup(mapi.ID(0x1000 + i))
				if err != nil || !bytes.Equal(v.Data, value) {
					t.Fatalf("property %d: %x, %v, want %x", i, v.Data, err, value)
				}
			}
			if v, err := pc.Lookup(0x0FFF); v.Exists() || err != nil {
				t.Errorf("there is a property 0x0FFF: %v, %v", v, err)
			}
		})
	}
}

// tableOf makes a table with a number, a flag and a string in each row. Every third row has no number, whose place has
// garbage in it.
func tableOf(b *builder, rows int, inHeap bool) (data, subs uint64) {
	const width = 4 + 4 + 4 + 1 + 1
	h := &heapBuilder{client: clientTC}
	indexHeader := h.add(make([]byte, 8))
	info := []byte{clientTC, 4}
	for _, end := range []uint16{12, 12, 13, width} {
		info = le.AppendUint16(info, end)
	}
	info = le.AppendUint32(info, indexHeader)
	info = append(info, make([]byte, 8)...) // matrix, reserved
	for _, c := range []struct {
		tag       mapi.Tag
		at        uint16
		size, bit byte
	}{
		{mapi.MakeTag(0x0E0A, mapi.Boolean), 12, 1, 3},
		{mapi.MakeTag(0x1001, mapi.Integer32), 4, 4, 1},
		{mapi.MakeTag(0x3001, mapi.String8), 8, 4, 2},
		{mapi.MakeTag(0x67F2, mapi.Integer32), 0, 4, 0},
	} {
		info = append(le.AppendUint16(le.AppendUint32(info, uint32(c.tag)), c.at), c.size, c.bit)
	}
	h.root = h.add(info)
	var list []sub
	var index, row []byte
	var blocks [][]byte
	for i := range rows {
		id := uint32(i+1)<<5 | 4
		value := uint32(0)
		switch name := fmt.Appendf(nil, "row %d", i); {
		case i%5 == 1: // a value in a sub-node
			nid := uint32(0x1000+i)<<5 | 0x1F
			list = append(list, sub{nid, b.data(name), 0})
			value = nid
		case i%5 == 2: // empty
		default:
			value = h.add(name)
		}
		bits := byte(0xF0)
		if i%3 == 0 {
			bits = 0xB0
		}
		r := le.AppendUint32(nil, id)
		r = le.AppendUint32(r, uint32(i)*1000+7)
		r = le.AppendUint32(r, value)
		r = append(r, byte(i%2), bits)
		if row = append(row, r...); len(row)+width > 8176 && !inHeap {
			blocks, row = append(blocks, append(row, make([]byte, 8176-len(row))...)), nil
		}
		index = le.AppendUint32(le.AppendUint32(index, id), uint32(i))
	}
	var top []byte
	for part := range slices.Chunk(index, 8*400) {
		top = le.AppendUint32(append(top, part[:4]...), h.add(part))
	}
	copy(h.items[0][0], bthHeader(4, 4, 1, h.add(top)))
	matrix := uint32(0x1F | 0x20<<5)
	if inHeap {
		matrix = h.add(row)
	} else {
		if len(row) > 0 {
			blocks = append(blocks, row)
		}
		list = append(list, sub{matrix, b.data(blocks...), 0})
	}
	le.PutUint32(info[14:], matrix)
	slices.SortFunc(list, func(a, b sub) int { return int(a.nid) - int(b.nid) })
	if len(list) > 0 {
		subs = b.subs(list...)
	}
	return b.data(h.blocks()...), subs
}

// TestCase38TableOfManyBlocks reads tables whose rows do not fit in one block, and whose cells may be absent, empty or in
// sub-nodes.
func TestCase38TableOfManyBlocks(t *testing.T) {
	for _, c := range []struct {
		rows   int
		inHeap bool
	}{{1, true}, {200, true}, {584, false}, {585, false}, {1500, false}} {
		t.Run(fmt.Sprint(c.rows), func(t *testing.T) {
			b := newBuilder()
			data, subs := tableOf(b, c.rows, c.inHeap)
			b.node(0x2E, data, subs)
			tc, err := OpenTC(b.openNode(t, 0x2E))
			if err != nil {
				t.Fatal(err)
			}
			if tc.Len() != c.rows || tc.Err() != nil {
				t.Fatalf("%d rows, %v", tc.Len(), tc.Err())
			}
			i := 0
			for row, err := range tc.Rows() {
				if err != nil {
					t.Fatal(err)
				}
				number, err1 := row.Lookup(0x1001)
				name, err2 := row.Lookup(0x3001)
				flag, err3 := row.Lookup(0x0E0A)
				if err := errors.Join(err1, err2, err3); err != nil {
					t.Fatal(err)
				}
				if row.ID != uint32(i+1)<<5|4 || flag.Bool() != (i%2 == 1) {
					t.Fatalf("row %d: id 0x%x, flag %v", i, row.ID, flag)
				}
				if number.Exists() != (i%3 != 0) || number.Exists() && number.Int() != int64(i)*1000+7 {
					t.Fatalf("row %d: number %v", i, number)
				}
				want := fmt.Sprintf("row %d", i)
				if i%5 == 2 {
					want = ""
				}
				if name.Text(1252) != want || !name.Exists() {
					t.Fatalf("row %d: name %v, want %q", i, name, want)
				}
				i++
			}
			if i != c.rows {
				t.Errorf("%d rows, want %d", i, c.rows)
			}
		})
	}
}

// TestCase38Values has values of every kind of storage.
func TestCase38Values(t *testing.T) {
	b := newBuilder()
	h := &heapBuilder{client: clientPC}
	header := h.add(make([]byte, 8))
	words := func(n ...uint32) (b []byte) {
		for _, v := range n {
			b = le.AppendUint32(b, v)
		}
		return b
	}
	large := bytes.Repeat([]byte("large value "), 3000)
	var blocks [][]byte
	for part := range slices.Chunk(large, 8176) {
		blocks = append(blocks, part)
	}
	largeNID := uint32(0x500<<5 | 0x1F)
	guid := []byte("0123456789abcdef")
	var records []byte
	for _, p := range []struct {
		id    uint16
		kind  mapi.Type
		value uint32
	}{
		{0x1000, mapi.Integer16, 0xFFFE},
		{0x1001, mapi.Boolean, 1},
		{0x1002, mapi.Integer64, h.add(words(1, 2))},
		{0x1003, mapi.GUIDType, h.add(guid)},
		{0x1004, mapi.String, 0},
		{0x1005, mapi.Binary, largeNID},
		{0x1006, mapi.Binary, largeNID + 32},
		{0x1007, mapi.Integer64, h.add(words(1))},
		{0x1008, mapi.MultiInteger32, h.add(words(5, 6, 7))},
		{0x1009, mapi.MultiInteger32, 0},
		{0x100A, mapi.MultiString8, 0},
		{0x100B, mapi.MultiString8, h.add(words(0))},
		{0x100C, mapi.MultiString8, h.add(append(words(3, 16, 19, 19), "onetwo"...))},
		{0x100D, mapi.MultiBinary, h.add(append(words(2, 12, 99), "x"...))},
		{0x100E, mapi.MultiBinary, h.add(words(0xFFFFFFFF, 4))},
		{0x100F, mapi.MultiValue | mapi.GUIDType, h.add(append(guid, guid...))},
		{0x1010, mapi.Binary, 0x0FFF0020},
		{0x1011, mapi.Binary, 0x0000FFE0},
	} {
		records = append(records, propertyRecord(p.id, uint16(p.kind), p.value)...)
	}
	copy(h.items[0][0], bthHeader(2, 6, 0, h.add(records)))
	h.root = header
	b.node(0x24, b.data(h.blocks()...), b.subs(sub{largeNID, b.data(blocks...), 0}))
	pc, err := OpenPC(b.openNode(t, 0x24))
	if err != nil {
		t.Fatal(err)
	}
	get := func(id mapi.ID) mapi.Value {
		v, err := pc.Lookup(id)
		if err != nil {
			t.Errorf("%v: %v", id, err)
		}
		return v
	}
	texts := func(id mapi.ID) string { return fmt.Sprintf("%q", get(id).Elems) }
	for _, c := range []struct{ got, want any }{
		{get(0x1000).Int(), int64(-2)},
		{get(0x1001).Bool(), true},
		{get(0x1002).Int(), int64(1 | 2<<32)},
		{get(0x1003).GUID(), mapi.GUID(guid)},
		{get(0x1004).Exists(), true},
		{get(0x1004).Text(1252), ""},
		{string(get(0x1005).Data), string(large)},
		{len(get(0x1008).Elems), 3},
		{len(get(0x1009).Elems), 0},
		{get(0x100A).Exists(), true},
		{texts(0x100A), "[]"},
		{texts(0x100B), "[]"},
		{texts(0x100C), `["one" "" "two"]`},
		{len(get(0x100F).Elems), 2},
	} {
		if c.got != c.want {
			t.Errorf("%v, want %v", c.got, c.want)
		}
	}
	for _, id := range []mapi.ID{0x1006, 0x1007, 0x100D, 0x100E, 0x1010, 0x1011} {
		v, err := pc.Lookup(id)
		if !errors.Is(err, ndb.ErrCorrupt) && !errors.Is(err, ndb.ErrNotFound) || !v.Exists() {
			t.Errorf("%v: %v, %v", id, v, err)
		}
	}
}
