package ndb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// Fault is a block that is not what the index, its trailer or the block that names it says it is.
type Fault struct {
	BID    BID
	Offset int64 // in the file, -1 where the index does not have the block
	Size   int   // of the data as stored, by the index
	Err    error
	// Lost says that nothing of the block can be used. Of others the data is read, for what it may be worth.
	Lost bool
	// Nodes are those whose data the block is part of, at most maxOwners of them; none where nothing refers to it.
	Nodes []NID
}

// maxOwners bounds the nodes of a Fault. A block belongs to one as a rule.
const maxOwners = 4

// BlockReport is what [File.CheckBlocks] found.
type BlockReport struct {
	Blocks int   // in the index, and those that only a scan of the file found
	Bytes  int64 // that they take in the file, trailers included
	// Faults are in the order of their places in the file; More of them were not kept.
	Faults []Fault
	More   int
	// Loose is the number of blocks that no node refers to, and LooseBytes what they take. What referred to them was
	// deleted, or is lost.
	Loose      int
	LooseBytes int64
}

// CheckBlocks reads every block of the file, from front to back and on all processors, and checks it against the index
// and its trailer (MS-PST 2.2.2.8.1); blocks that hold identifiers are taken apart (2.2.2.8.3), so that in the end it is
// known to which node each belongs. Where the index has lost blocks those that a scan of the file found are read, too.
// progress may be nil; it is called by one goroutine at a time. Only the end of ctx is an error.
func (f *File) CheckBlocks(ctx context.Context, progress func(done, total int64)) (*BlockReport, error) {
	c := &blockCheck{f: f, ctx: ctx, progress: progress, blocks: slices.Clip(f.blocks), refound: make(map[BID]uint32)}
	if len(f.blockTree.lost) > 0 {
		c.blocks = f.withLost()
	}
	workers := make([]checkWorker, runtime.GOMAXPROCS(0))
	for i := range workers {
		workers[i].c = c
	}
	c.sorted = len(c.blocks)
	for from := 0; from < len(c.blocks); {
		c.enqueue(from)
		from = len(c.blocks)
		var running sync.WaitGroup
		for i := range workers {
			running.Go(workers[i].run)
		}
		running.Wait()
		if err := ctx.Err(); err != nil {
			return nil, context.Cause(ctx)
		}
		c.refind(workers)
	}
	report := &BlockReport{Blocks: len(c.blocks), Bytes: c.total}
	g := newReferences(c, workers)
	for i := range workers {
		report.Faults = append(report.Faults, workers[i].faults...)
		report.More += workers[i].more
	}
	report.Faults = append(report.Faults, c.unindexed(report.Faults)...)
	g.walk(report)
	return report, ctx.Err()
}

// withLost returns the blocks of the index and those that a scan found where the block tree has lost pages, sorted by
// BID.
func (f *File) withLost() []blockRef {
	all := slices.Clone(f.blocks)
	for _, b := range f.wreckage().blocks {
		if b.bid == 0 || within(f.blockTree.lost, uint64(b.bid)) < 0 {
			continue
		}
		if _, ok := f.block(b.bid); !ok {
			all = append(all, b)
		}
	}
	slices.SortFunc(all, func(a, b blockRef) int { return cmp.Compare(a.bid, b.bid) })
	return all
}

// blockCheck is a check under way.
type blockCheck struct {
	f        *File
	ctx      context.Context
	progress func(done, total int64)
	total    int64

	// blocks are those to be checked. The first of them, as many as sorted says, are sorted by BID; what was found for a
	// reference to none of them comes after, with its place in refound.
	blocks  []blockRef
	sorted  int
	refound map[BID]uint32

	mu    sync.Mutex
	order []uint32 // numbers of blocks not handed out yet, by offset
	done  int64
}

// number returns the place of a block among those that are checked.
func (c *blockCheck) number(id BID) (uint32, bool) {
	i, ok := slices.BinarySearchFunc(c.blocks[:c.sorted], id.key(), func(b blockRef, id BID) int { return cmp.Compare(b.bid, id) })
	if ok {
		return uint32(i), true
	}
	n, ok := c.refound[id.key()]
	return n, ok
}

// enqueue hands out the blocks from number first on, in the order in which they lie in the file.
func (c *blockCheck) enqueue(first int) {
	c.order = make([]uint32, 0, len(c.blocks)-first)
	for i := first; i < len(c.blocks); i++ {
		c.order = append(c.order, uint32(i))
		c.total += int64(c.f.layout.slot(int(c.blocks[i].stored)))
	}
	slices.SortFunc(c.order, func(a, b uint32) int {
		return cmp.Compare(uint64(c.blocks[a].offset), uint64(c.blocks[b].offset))
	})
}

// refind adds the blocks that something refers to and the index does not have, as far as a scan finds them.
func (c *blockCheck) refind(workers []checkWorker) {
	look := func(id BID) {
		if _, known := c.number(id); known || id.key() == 0 {
			return
		}
		if ref, ok := c.f.find(id); ok {
			c.refound[ref.bid] = uint32(len(c.blocks))
			c.blocks = append(c.blocks, ref)
		}
	}
	for i := range workers {
		for _, id := range workers[i].absent {
			look(id)
		}
	}
	for _, n := range c.f.nodes {
		look(n.Data)
		look(n.Sub)
	}
}

// errUnindexed is the fault of a block that is referred to, and that only a scan of the file found.
var errUnindexed = fmt.Errorf("%w; a scan of the file found it", ErrNotFound)

// unindexed returns a fault for each block of refound that has none yet.
func (c *blockCheck) unindexed(known []Fault) (faults []Fault) {
	has := make(map[BID]bool)
	for i := range known {
		has[known[i].BID] = true
	}
	for _, ref := range c.blocks[c.sorted:] {
		if !has[ref.bid] {
			faults = append(faults, Fault{BID: ref.bid, Offset: ref.offset, Size: int(ref.stored), Err: errUnindexed})
		}
	}
	return faults
}

// span is how much of the file is read at once.
const span = 1 << 20

// take hands out the next blocks that lie together. done is what became of the ones before.
func (c *blockCheck) take(done int64) []uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done += done
	if c.progress != nil {
		c.progress(c.done, c.total)
	}
	if len(c.order) == 0 || c.ctx.Err() != nil {
		return nil
	}
	l := &c.f.layout
	first := &c.blocks[c.order[0]]
	end := first.offset
	n := 0
	for n < len(c.order) {
		ref := &c.blocks[c.order[n]]
		next := ref.offset + int64(l.slot(int(ref.stored)))
		if n > 0 && (ref.offset < first.offset || next < ref.offset || next > first.offset+span || ref.offset > end+maxGap) {
			break
		}
		end = max(end, next)
		n++
	}
	taken := c.order[:n]
	c.order = c.order[n:]
	return taken
}

// checkWorker is what one goroutine found.
type checkWorker struct {
	c      *blockCheck
	faults []Fault
	more   int
	lists  []list
	edges  []uint32 // what lists name
	absent []BID    // blocks that lists name and the index does not have

	buf, inflated []byte
}

// list is a block that holds identifiers of others: edges[from:to] in the order of the block.
type list struct {
	block    uint32
	from, to uint32
}

// missing marks an edge to a block that the index does not have: what remains is a place in absent.
const missing = 1 << 31

func (w *checkWorker) run() {
	var done int64
	for taken := w.c.take(0); len(taken) > 0; taken = w.c.take(done) {
		done = w.check(taken)
	}
}

// check checks blocks that lie together and returns how many bytes they take.
func (w *checkWorker) check(taken []uint32) (done int64) {
	f, l := w.c.f, &w.c.f.layout
	start, end := w.c.blocks[taken[0]].offset, int64(0)
	for _, i := range taken {
		ref := &w.c.blocks[i]
		slot := int64(l.slot(int(ref.stored)))
		done += slot
		end = max(end, ref.offset+slot)
	}
	var b []byte
	if start >= 0 && start < f.size && end > start && end-start <= span+int64(l.slot(l.maxBlock)) {
		n := int(min(end, f.size) - start)
		if cap(w.buf) < n {
			w.buf = make([]byte, max(n, span))
		}
		b = w.buf[:n]
		n, _ = f.cache.r.ReadAt(b, start) // what is not there is told of the blocks that it hits
		b = b[:n]
	}
	for _, i := range taken {
		ref := &w.c.blocks[i]
		slot := int64(l.slot(int(ref.stored)))
		var data []byte
		whole := false
		if from := ref.offset - start; from >= 0 && from+slot <= int64(len(b)) {
			data, whole = w.sound(ref, b[from:from+slot])
		}
		if !whole {
			data = w.doubtful(ref)
		}
		if ref.bid.Internal() && data != nil {
			w.list(i, data)
		}
	}
	return done
}

// sound reports whether a block is as its trailer and the index say, and returns what it holds if it is internal.
func (w *checkWorker) sound(ref *blockRef, slot []byte) ([]byte, bool) {
	l := &w.c.f.layout
	size := int(ref.stored)
	if size == 0 || size > l.maxBlock || ref.mark&markTwice != 0 {
		return nil, false
	}
	t := l.trailer(slot[len(slot)-l.blockTrailer:])
	data := slot[:size]
	if t.bid.key() != ref.bid || t.size != ref.stored || t.signature != Signature(ref.offset, t.bid) || t.sum != Checksum(data) {
		return nil, false
	}
	if ref.inflated != ref.stored && l.format == Unicode4K {
		var err error
		if w.inflated, err = inflate(w.inflated[:0], data, int(ref.inflated)); err != nil {
			return nil, false
		}
		data = w.inflated
	}
	return data, true
}

// errTrailer is the fault of a block that is whole all the same.
var errTrailer = errors.New("its trailer contradicts the file's index (size or signature); the data is whole")

// doubtful reads a block as whoever needs it would, and notes what is wrong with it.
func (w *checkWorker) doubtful(ref *blockRef) []byte {
	f := w.c.f
	data, err := f.readBlock(ref.bid, nil)
	fault := Fault{BID: ref.bid, Offset: ref.offset, Size: int(ref.stored), Err: reasonOf(err), Lost: !Usable(err)}
	if err == nil {
		fault.Err = errTrailer
	}
	w.fault(fault)
	return data
}

// maxFaults bounds the faults that a worker keeps. A large file that is cut in half has more.
const maxFaults = 1 << 17

func (w *checkWorker) fault(fault Fault) {
	if len(w.faults) == maxFaults {
		w.more++
		return
	}
	w.faults = append(w.faults, fault)
}

// reasonOf takes away what a Fault has beside its Err.
func reasonOf(err error) error {
	if e, ok := err.(*BlockError); ok { //nolint:errorlint // readBlock returns nothing that wraps one
		return e.Err
	}
	return err
}

// list notes which blocks an internal block names.
func (w *checkWorker) list(i uint32, b []byte) {
	ref := &w.c.blocks[i]
	broken := func(format string, args ...any) {
		err := fmt.Errorf("%w: "+format, append([]any{ErrCorrupt}, args...)...)
		w.fault(Fault{BID: ref.bid, Offset: ref.offset, Size: int(ref.stored), Err: err, Lost: true})
	}
	width, head, stride, names := 4, 4, 4, 1
	if w.c.f.layout.wide {
		width, head, stride = 8, 8, 8
	}
	switch {
	case len(b) < 8:
		broken("%d bytes long", len(b))
		return
	case b[0] == 1 && (b[1] == 1 || b[1] == 2): // XBLOCK, XXBLOCK
		head = 8
	case b[0] == 2 && b[1] == 0: // SLBLOCK
		stride, names = 3*width, 2
	case b[0] == 2 && b[1] < maxLevels: // SIBLOCK
		stride = 2 * width
	default:
		broken("no list of blocks or sub-nodes")
		return
	}
	n := int(le.Uint16(b[2:]))
	if room := (len(b) - head) / stride; n > room {
		broken("%d entries where there is room for %d", n, room)
		n = room
	}
	from := uint32(len(w.edges))
	for e := b[head:]; n > 0; n, e = n-1, e[stride:] {
		for k := range names {
			at := stride - (names-k)*width
			child := BID(le.Uint32(e[at:]))
			if width == 8 {
				child = BID(le.Uint64(e[at:]))
			}
			if child != 0 {
				w.edges = append(w.edges, w.edge(child))
			}
		}
	}
	w.lists = append(w.lists, list{i, from, uint32(len(w.edges))})
}

func (w *checkWorker) edge(id BID) uint32 {
	if i, ok := w.c.number(id); ok {
		return i
	}
	w.absent = append(w.absent, id)
	return missing | uint32(len(w.absent)-1)
}

// references are the blocks with what they refer to.
type references struct {
	c     *blockCheck
	lists []list // sorted by block
	edges []uint32
	// absent are blocks that are referred to and were not known when the reference was met.
	absent []BID
	seen   []uint64 // a bit for each block
}

func newReferences(c *blockCheck, workers []checkWorker) *references {
	g := &references{c: c, seen: make([]uint64, (len(c.blocks)+63)/64)}
	for i := range workers {
		w := &workers[i]
		edges, absent := uint32(len(g.edges)), uint32(len(g.absent))
		for _, l := range w.lists {
			g.lists = append(g.lists, list{l.block, l.from + edges, l.to + edges})
		}
		for _, e := range w.edges {
			if e&missing != 0 {
				e += absent
			}
			g.edges = append(g.edges, e)
		}
		g.absent = append(g.absent, w.absent...)
		w.lists, w.edges, w.absent, w.buf, w.inflated = nil, nil, nil, nil, nil
	}
	slices.SortFunc(g.lists, func(a, b list) int { return cmp.Compare(a.block, b.block) })
	return g
}

// of returns what a block refers to.
func (g *references) of(block uint32) []uint32 {
	i, ok := slices.BinarySearchFunc(g.lists, block, func(l list, b uint32) int { return cmp.Compare(l.block, b) })
	if !ok {
		return nil
	}
	return g.edges[g.lists[i].from:g.lists[i].to]
}

// walk follows the references of all nodes: it tells whose the faulty blocks are, which blocks are missing, and which
// are nobody's.
func (g *references) walk(r *BlockReport) {
	slices.SortStableFunc(r.Faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(uint64(a.Offset), uint64(b.Offset)), cmp.Compare(a.BID, b.BID))
	})
	// A block whose checksum is wrong and whose list is broken is one fault.
	r.Faults = slices.CompactFunc(r.Faults, func(a, b Fault) bool { return a.BID == b.BID && a.Offset == b.Offset })
	faulty := make(map[uint32]int, len(r.Faults))
	for i := range r.Faults {
		if n, ok := g.c.number(r.Faults[i].BID); ok {
			faulty[n] = i
		}
	}
	absent := make(map[BID]int)
	lack := func(id BID, node NID) {
		i, ok := absent[id.key()]
		if !ok {
			if len(absent) == maxFaults {
				r.More++
				return
			}
			i = len(r.Faults)
			absent[id.key()] = i
			r.Faults = append(r.Faults, Fault{BID: id.key(), Offset: -1, Err: ErrNotFound, Lost: true})
		}
		r.Faults[i].own(node)
	}
	var stack []uint32
	for _, n := range g.c.f.nodes {
		for _, id := range [...]BID{n.Data, n.Sub} {
			if id == 0 {
				continue
			}
			i, ok := g.c.number(id)
			if !ok {
				lack(id, n.NID)
				continue
			}
			stack = append(stack, i)
		}
		for len(stack) > 0 {
			i := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if i&missing != 0 {
				id := g.absent[i&^missing]
				found, ok := g.c.number(id)
				if !ok {
					lack(id, n.NID)
					continue
				}
				i = found
			}
			if fault, ok := faulty[i]; ok {
				r.Faults[fault].own(n.NID)
			}
			if g.seen[i/64]&(1<<(i%64)) != 0 {
				continue
			}
			g.seen[i/64] |= 1 << (i % 64)
			if g.c.blocks[i].bid.Internal() {
				stack = append(stack, g.of(i)...)
			}
		}
	}
	for i := range g.c.blocks {
		if g.seen[i/64]&(1<<(i%64)) == 0 {
			r.Loose++
			r.LooseBytes += int64(g.c.f.layout.slot(int(g.c.blocks[i].stored)))
		}
	}
}

func (f *Fault) own(node NID) {
	if len(f.Nodes) < maxOwners && !slices.Contains(f.Nodes, node) {
		f.Nodes = append(f.Nodes, node)
	}
}

// Has reports whether a data block is one of the data's.
func (d *Data) Has(id BID) bool {
	return slices.ContainsFunc(d.blocks, func(b blockRef) bool { return b.bid == id.key() })
}
