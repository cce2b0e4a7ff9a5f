package ltp

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"mailmill/formats/mapi"
	"mailmill/formats/pst/internal/ndb"
)

// TC is a table context (MS-PST 2.3.4). It is safe for concurrent use.
type TC struct {
	Node
	heap    Heap
	columns []column // in order of tag
	width   int      // of a row
	bitmap  int      // offset of the presence bits in a row
	matrix  HID
	tree    btree
	index   []rowRef // rows that exist, in order of number
	indexed bool
	err     error
}

// column is a column of a table (TCOLDESC, MS-PST 2.3.4.2).
type column struct {
	tag    mapi.Tag
	offset uint16
	size   uint8
	bit    uint8
}

type rowRef struct{ number, id uint32 }

// OpenTC opens the table in a node.
func OpenTC(n Node) (*TC, error) {
	t := n.Room.tc()
	t.Node = n
	if err := t.heap.open(&n); err != nil {
		return nil, err
	}
	if t.heap.client != clientTC {
		return nil, corrupt("a heap of kind 0x%02x instead of a table", t.heap.client)
	}
	// TCINFO (MS-PST 2.3.4.1)
	b, err := t.heap.item(t.heap.root)
	if len(b) < 22 || b[0] != clientTC || len(b) < 22+8*int(b[1]) {
		return nil, first(err, corrupt("no description of the table"))
	}
	t.err = err
	t.bitmap, t.width = int(le.Uint16(b[6:])), int(le.Uint16(b[8:]))
	if t.width < 4 || t.bitmap > t.width {
		return nil, first(err, corrupt("rows of %d bytes, %d before the bits", t.width, t.bitmap))
	}
	t.matrix = HID(le.Uint32(b[14:]))
	t.columns = slices.Grow(t.columns, int(b[1]))
	for c, rest := b[22:], int(b[1]); rest > 0; c, rest = c[8:], rest-1 {
		col := column{mapi.Tag(le.Uint32(c)), le.Uint16(c[4:]), c[6], c[7]}
		if int(col.offset)+int(col.size) > t.width || t.bitmap+int(col.bit)/8 >= t.width {
			t.err = first(t.err, corrupt("column %v lies outside of its row", col.tag))
			continue
		}
		t.columns = append(t.columns, col)
	}
	if !slices.IsSortedFunc(t.columns, compareColumns) {
		slices.SortStableFunc(t.columns, compareColumns)
	}
	t.readIndex(HID(le.Uint32(b[10:])))
	return t, nil
}

func compareColumns(a, b column) int { return cmp.Compare(a.tag, b.tag) }

// readIndex reads which rows exist (row index, MS-PST 2.3.4.3).
func (t *TC) readIndex(root HID) {
	tree := &t.tree
	err := t.heap.openBTH(tree, root)
	if err == nil && (tree.key != 4 || tree.entry != 2 && tree.entry != 4) {
		err = corrupt("a row index with keys of %d and entries of %d bytes", tree.key, tree.entry)
	}
	if err != nil {
		t.err = first(t.err, err)
		return
	}
	t.err = first(t.err, tree.err)
	t.indexed = tree.err == nil
	t.index = slices.Grow(t.index, tree.count())[:tree.count()]
	for i := range t.index {
		r := tree.record(i)
		t.index[i].id = le.Uint32(r)
		if tree.entry == 2 { // ANSI
			t.index[i].number = uint32(le.Uint16(r[4:]))
		} else {
			t.index[i].number = le.Uint32(r[4:])
		}
	}
	byNumber := func(a, b rowRef) int { return cmp.Compare(a.number, b.number) }
	if !slices.IsSortedFunc(t.index, byNumber) {
		slices.SortStableFunc(t.index, byNumber)
	}
}

// Err returns what is known to be wrong with the table after opening it.
func (t *TC) Err() error { return first(t.err, t.SubsErr) }

// Len returns the number of rows as the index has it.
func (t *TC) Len() int { return len(t.index) }

// Row is a row of a table.
type Row struct {
	ID    uint32 // dwRowID: the NID of what the row is about
	table *TC
	data  []byte
	err   error // the row's bytes are doubtful
}

// Rows yields the rows in order. An error without a row says what is lost; the rows after it come nevertheless.
//
// The rows lie one after the other in a heap item or, if they are many, in a sub-node, where none straddles two
// blocks (MS-PST 2.3.4.4).
func (t *TC) Rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		if t.matrix == 0 {
			if len(t.index) > 0 {
				yield(Row{}, corrupt("the table has an index of %d rows and no rows", len(t.index)))
			}
			return
		}
		w := rowWalk{t: t, rest: t.index, yield: yield}
		if t.matrix.inHeap() {
			b, err := t.heap.item(t.matrix)
			w.block(b, len(b)/t.width, err)
			w.end()
			return
		}
		d, err := t.sub(ndb.NID(t.matrix))
		if err != nil {
			yield(Row{}, err)
			return
		}
		if err := d.Err(); err != nil && !w.fail(err) {
			return
		}
		// A block that the index has lost was as full as the others.
		perBlock := 0
		for i := range d.Blocks() {
			perBlock = max(perBlock, d.BlockSize(i)/t.width)
		}
		for i := range d.Blocks() {
			b, err := d.Block(i, nil)
			n := len(b) / t.width
			if !usable(err) {
				if n = d.BlockSize(i) / t.width; n == 0 {
					n = perBlock
				}
			}
			if !w.block(b, n, err) {
				return
			}
		}
		w.end()
	}
}

// rowWalk matches the rows of the matrix with the row index.
type rowWalk struct {
	t     *TC
	next  uint32 // number of the first row of the next block
	rest  []rowRef
	yield func(Row, error) bool
	done  bool
}

func (w *rowWalk) fail(err error) bool {
	w.done = w.done || !w.yield(Row{}, err)
	return !w.done
}

// block yields the n rows of a block that the index knows, or all where the index is damaged.
func (w *rowWalk) block(b []byte, n int, err error) bool {
	if w.done {
		return false
	}
	width, start := w.t.width, w.next
	w.next += uint32(n)
	if !usable(err) {
		lost := 0
		for lost < len(w.rest) && w.rest[lost].number < w.next {
			lost++
		}
		w.rest = w.rest[lost:]
		return w.fail(fmt.Errorf("%d rows of the table are lost: %w", lost, err))
	}
	if !w.t.indexed {
		for i := range n {
			row := b[i*width : (i+1)*width : (i+1)*width]
			if w.done = !w.yield(Row{le.Uint32(row), w.t, row, err}, nil); w.done {
				return false
			}
		}
		return true
	}
	for len(w.rest) > 0 && w.rest[0].number < w.next {
		ref := w.rest[0]
		w.rest = w.rest[1:]
		if ref.number < start {
			continue // the same row twice
		}
		i := int(ref.number - start)
		row := b[i*width : (i+1)*width : (i+1)*width]
		if w.done = !w.yield(Row{ref.id, w.t, row, err}, nil); w.done {
			return false
		}
	}
	return true
}

func (w *rowWalk) end() {
	if w.t.indexed && len(w.rest) > 0 && !w.done {
		w.fail(corrupt("%d rows of the table are missing", len(w.rest)))
	}
}

// Len returns the number of columns, which is the most that a row can have of properties.
func (r *Row) Len() int {
	if r.table == nil {
		return 0
	}
	return len(r.table.columns)
}

// Tag returns the tag of the i-th column.
func (r *Row) Tag(i int) mapi.Tag { return r.table.columns[i].tag }

// Index returns the number of the column with the identifier, -1 if there is none.
func (r *Row) Index(id mapi.ID) int {
	if r.table == nil {
		return -1
	}
	columns := r.table.columns
	lo, hi := 0, len(columns)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if columns[mid].tag.ID() < id {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(columns) && columns[lo].tag.ID() == id {
		return lo
	}
	return -1
}

// Lookup returns a cell, a Value of type Unspecified if the row has none.
func (r *Row) Lookup(id mapi.ID) (mapi.Value, error) {
	i := r.Index(id)
	if i < 0 {
		return mapi.Value{}, nil
	}
	return r.Value(i)
}

// Value returns the i-th cell, a Value of type Unspecified if it is absent: then the row has garbage in its place.
func (r *Row) Value(i int) (mapi.Value, error) {
	c := &r.table.columns[i]
	if r.data[r.table.bitmap+int(c.bit)/8]&(0x80>>(c.bit%8)) == 0 {
		return mapi.Value{}, nil
	}
	cell := r.data[int(c.offset) : int(c.offset)+int(c.size) : int(c.offset)+int(c.size)]
	t := c.tag.Type()
	if w := t.Width(); !t.IsMulti() && w > 0 && w <= 8 {
		if t == mapi.Boolean {
			w = 1
		}
		if len(cell) < w {
			return mapi.Value{Type: t}, corrupt("a cell of %d bytes for a value of %d", len(cell), w)
		}
		return mapi.Value{Type: t, Data: cell[:w:w]}, r.err
	}
	if len(cell) < 4 {
		return mapi.Value{Type: t}, corrupt("a cell of %d bytes for a value of 4", len(cell))
	}
	b, err := r.table.value(&r.table.heap, HID(le.Uint32(cell)))
	v, err := makeValue(t, b, err)
	return v, first(err, r.err)
}
