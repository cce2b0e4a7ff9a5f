package ndb

import (
	"fmt"
	"io"
	"slices"
)

// Data is the data of a node: a sequence of blocks, each of which may matter as such to the layer above (MS-PST
// 2.2.2.8.3).
type Data struct {
	f      *File
	single [1]blockRef
	blocks []blockRef
	size   int64
	err    error // what of the sequence is lost
}

// Data returns the data that begins at a block, which is a data block or the root of a tree of them: XBLOCK or
// XXBLOCK. No data block is read. What could not be found of a tree is told by [Data.Err].
func (f *File) Data(id BID) *Data {
	d := new(Data)
	f.DataInto(d, id)
	return d
}

// DataInto makes d what [File.Data] returns. It is not to be copied then.
func (f *File) DataInto(d *Data, id BID) {
	*d = Data{f: f}
	switch {
	case id == 0:
	case !id.Internal():
		ref, ok := f.find(id)
		if !ok {
			d.err = &BlockError{id, -1, ErrNotFound}
		}
		d.single[0] = ref
		d.blocks, d.size = d.single[:], int64(ref.inflated)
	default:
		t := dataTree{f: f}
		t.walk(id, -1)
		d.blocks, d.size, d.err = t.blocks, t.size, t.err
	}
}

// dataTree gathers the data blocks of a tree.
type dataTree struct {
	f       *File
	visited map[BID]struct{} // nil where there is one list only
	blocks  []blockRef
	size    int64
	stored  int64
	err     error
}

func (t *dataTree) fail(err error) {
	if t.err == nil {
		t.err = err
	}
}

// walk adds the blocks below an XBLOCK or XXBLOCK (MS-PST 2.2.2.8.3.2). level is the one that it must have, -1 for any.
func (t *dataTree) walk(id BID, level int) {
	if _, again := t.visited[id.key()]; again {
		t.fail(&BlockError{id, -1, fmt.Errorf("%w: the block is in its tree twice", ErrCorrupt)})
		return
	}
	if t.visited != nil {
		t.visited[id.key()] = struct{}{}
	}
	scratch := scratchPool.Get().(*[]byte)
	defer scratchPool.Put(scratch)
	b, err := t.f.readBlock(id, (*scratch)[:0])
	if cap(b) > cap(*scratch) {
		*scratch = b
	}
	if err != nil {
		t.fail(err)
		if !Usable(err) {
			return
		}
	}
	width := 4
	if t.f.layout.wide {
		width = 8
	}
	if len(b) < 8 || b[0] != 1 || b[1] == 0 || b[1] > 2 || level >= 0 && int(b[1]) != level {
		t.fail(&BlockError{id, -1, fmt.Errorf("%w: no list of blocks", ErrCorrupt)})
		return
	}
	n := int(le.Uint16(b[2:]))
	if room := (len(b) - 8) / width; n > room {
		t.fail(&BlockError{id, -1, fmt.Errorf("%w: %d entries where there is room for %d", ErrCorrupt, n, room)})
		n = room
	}
	switch {
	case b[1] == 1:
		t.blocks = slices.Grow(t.blocks, n)
	case t.visited == nil:
		t.visited = map[BID]struct{}{id.key(): {}}
	}
	for e := b[8:]; n > 0; n, e = n-1, e[width:] {
		child := BID(le.Uint32(e))
		if t.f.layout.wide {
			child = BID(le.Uint64(e))
		}
		switch {
		case b[1] == 2 && child.Internal():
			t.walk(child, 1)
		case b[1] == 1 && !child.Internal():
			t.leaf(child)
		default:
			t.fail(&BlockError{child, -1, fmt.Errorf("%w: not a block of the kind that its tree needs", ErrCorrupt)})
		}
	}
}

func (t *dataTree) leaf(id BID) {
	ref, ok := t.f.find(id)
	if !ok {
		t.fail(&BlockError{id, -1, ErrNotFound})
	}
	// The blocks of one tree are different ones: together they cannot be larger than the file.
	if t.stored += int64(max(ref.stored, 1)); t.stored > t.f.size {
		t.fail(fmt.Errorf("%w: the data is larger than the file", ErrCorrupt))
		return
	}
	t.blocks = append(t.blocks, ref)
	t.size += int64(ref.inflated)
}

// Blocks returns the number of blocks.
func (d *Data) Blocks() int { return len(d.blocks) }

// Size returns the number of bytes in all blocks that the file has.
func (d *Data) Size() int64 { return d.size }

// Err returns what of the data cannot be found, nil if all is there as far as the index knows.
func (d *Data) Err() error { return d.err }

// Block returns the data of one block, in dst if it has room and in new memory else. Data with a wrong checksum is
// returned with an error; see [Usable].
func (d *Data) Block(i int, dst []byte) ([]byte, error) {
	return d.f.readFound(d.blocks[i], nil, dst)
}

// Bytes returns all data as one slice, at most limit bytes of it. The error tells what is missing or damaged; blocks
// that cannot be read are left out.
func (d *Data) Bytes(limit int64) ([]byte, error) {
	if len(d.blocks) == 1 && d.size <= limit {
		b, err := d.Block(0, nil)
		if err == nil {
			err = d.err
		}
		return b, err
	}
	err := d.err
	// What a block inflates to is only known when it is read: no more memory than the file explains before that.
	all := make([]byte, 0, min(d.size, limit, d.f.size))
	for i := range d.blocks {
		n := len(all)
		b, e := d.Block(i, all[n:])
		if e != nil && err == nil {
			err = e
		}
		switch room := limit - int64(n); {
		case int64(len(b)) > room:
			return append(all, b[:room]...), fmt.Errorf("there are more bytes than the limit of %d", limit)
		case len(b) > 0 && cap(all) > n && &b[0] == &all[:n+1][n]:
			all = all[:n+len(b)] // read into its place
		default:
			all = append(all, b...)
		}
	}
	return all, err
}

// Reader streams the data block by block.
func (d *Data) Reader() *Reader { return &Reader{d: d} }

// Reader reads a node's data. Blocks that cannot be read are skipped: what follows them comes all the same, and the
// first error is returned at the end instead of [io.EOF]. It has to be closed.
type Reader struct {
	d     *Data
	next  int    // block
	rest  []byte // of the block read last
	buf   []byte
	ahead *stretch
	err   error
}

// Read implements [io.Reader].
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.rest) == 0 {
		if r.next == len(r.d.blocks) {
			return 0, r.end()
		}
		// A block that fits is decoded in place.
		if n := int(r.d.blocks[r.next].inflated); n > 0 && n <= len(p) {
			b := r.block(p[:0:n])
			if len(b) == 0 {
				continue
			}
			copied := copy(p, b)
			r.rest = b[copied:] // nothing, unless the size in the index was wrong
			return copied, nil
		}
		r.buf = r.buf[:0]
		b := r.block(r.buf)
		r.buf, r.rest = b, b
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func (r *Reader) block(dst []byte) []byte {
	if !r.ahead.holds(r.d.blocks[r.next].offset, 1) {
		r.fetch()
	}
	b, err := r.d.f.readFound(r.d.blocks[r.next], r.ahead, dst)
	r.next++
	if err != nil && r.err == nil {
		r.err = err
	}
	return b
}

// fetch reads the next blocks as far as they lie side by side, which those of one stream mostly do. One alone is left to
// the cache.
func (r *Reader) fetch() {
	f, from := r.d.f, r.d.blocks[r.next].offset
	to, n := from, 0
	for _, ref := range r.d.blocks[r.next:] {
		end := to + int64(f.layout.slot(int(ref.stored)))
		if ref.offset != to || end-from > stretchSize || end > f.size {
			break
		}
		to = end
		n++
	}
	if from < 0 || n < 2 {
		return
	}
	if r.ahead == nil {
		r.ahead = stretches.Get().(*stretch)
	}
	r.ahead.read(f.cache.r, from, int(to-from))
}

func (r *Reader) end() error {
	if r.err != nil {
		return r.err
	}
	if r.d.err != nil {
		return r.d.err
	}
	return io.EOF
}

// WriteTo implements [io.WriterTo] with one Write a block.
func (r *Reader) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(r.rest)
	total := int64(n)
	r.rest = r.rest[n:]
	for err == nil && r.next < len(r.d.blocks) {
		r.buf = r.block(r.buf[:0])
		n, err = w.Write(r.buf)
		total += int64(n)
	}
	if err == nil {
		if err = r.end(); err == io.EOF {
			err = nil
		}
	}
	return total, err
}

// Close implements [io.Closer].
func (r *Reader) Close() error {
	if r.ahead != nil {
		r.ahead.size = 0
		stretches.Put(r.ahead)
		r.ahead = nil
	}
	return nil
}

// BlockSize returns the size of one block's data as the index has it, 0 where the index has no such block.
func (d *Data) BlockSize(i int) int { return int(d.blocks[i].inflated) }
