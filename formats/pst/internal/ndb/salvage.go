package ndb

import (
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"slices"
)

// wreckage scans the file, the first time that something is missed in it.
func (f *File) wreckage() *wreck {
	f.scanOnce.Do(func() {
		f.wreck = f.scan()
		f.addIndexed(f.wreck)
	})
	return f.wreck
}

// find returns where a block lies: by the block tree or, where that has lost it, by the block's own trailer.
func (f *File) find(id BID) (blockRef, bool) {
	ref, ok := f.block(id)
	if ok || id.key() == 0 {
		return ref, ok
	}
	if found, ok := f.wreckage().block(id); ok {
		return found, true
	}
	return ref, false
}

// elsewhere returns another place of a block than the one that the index has.
func (f *File) elsewhere(ref blockRef) (blockRef, bool) {
	other, ok := f.wreckage().block(ref.bid)
	return other, ok && other.mark&markIndex == 0 && other.offset != ref.offset
}

// errTwice says that there is no telling which of two blocks is the right one.
var errTwice = fmt.Errorf("%w: two blocks have the same identifier and different data", ErrChecksum)

// errOld says that an entry is from a page that the tree does not have any more.
var errOld = errors.New("its entry in the index is lost; an older one was found, which may not be up to date")

// doubt notes that what a node leads to may not be what it should.
func (f *File) doubt(id NID, err error) {
	if f.doubts == nil {
		f.doubts = make(map[NID]error)
	}
	f.doubts[id] = err
}

// Doubt returns why what a node leads to may be wrong or out of date, nil if there is no reason to think so.
func (f *File) Doubt(id NID) error { return f.doubts[id] }

// refind looks for the nodes that the node tree has lost.
func (f *File) refind() {
	if len(f.nodeTree.lost) == 0 {
		return
	}
	w := f.wreckage()
	lost := f.nodeTree.lost
	var added []Node
	for _, e := range leafEntries(f, pageNBT, w.nodePages, f.nodeTree.reached, f.parseNode) {
		r := within(lost, e.key)
		if r < 0 || !e.newest {
			continue
		}
		if _, ok := f.Node(e.entry.NID); ok {
			continue
		}
		added = append(added, e.entry)
		f.refound(lost[r])
		if f.freed(e.entry.Data) || e.entry.Sub != 0 && f.freed(e.entry.Sub) {
			f.doubt(e.entry.NID, errOld)
		}
	}
	f.AddNodes(added)
}

// AddNodes adds nodes to those of the index, unless it has them. It must not be called while others use the file.
func (f *File) AddNodes(nodes []Node) {
	if len(nodes) == 0 {
		return
	}
	all := append(slices.Clip(f.nodes), nodes...)
	slices.SortStableFunc(all, func(a, b Node) int { return cmp.Compare(a.NID, b.NID) })
	f.nodes = slices.CompactFunc(all, func(a, b Node) bool { return a.NID == b.NID })
}

// freed reports whether a block is none any more: the block tree has lost nothing near it, and does not have it.
func (f *File) freed(id BID) bool {
	if _, ok := f.block(id); ok {
		return false
	}
	return within(f.blockTree.lost, uint64(id.key())) < 0
}

// within returns the number of the range that a key is in, -1 if there is none. The ranges are in order and apart.
func within(ranges []keyRange, key uint64) int {
	i, ok := slices.BinarySearchFunc(ranges, key, func(r keyRange, key uint64) int { return cmp.Compare(r.from, key) })
	if !ok {
		i--
	}
	if i >= 0 && (key < ranges[i].to || ranges[i].to == ^uint64(0)) {
		return i
	}
	return -1
}

// disjoint puts ranges in order and joins those that overlap.
func disjoint(ranges []keyRange) []keyRange {
	slices.SortStableFunc(ranges, func(a, b keyRange) int { return cmp.Compare(a.from, b.from) })
	joined := ranges[:0]
	for _, r := range ranges {
		if n := len(joined); n > 0 && r.from < joined[n-1].to {
			joined[n-1].to = max(joined[n-1].to, r.to)
		} else {
			joined = append(joined, r)
		}
	}
	return joined
}

// addIndexed adds the blocks that a page of the block tree names which the tree has lost, and that have no whole trailer
// of their own.
func (f *File) addIndexed(w *wreck) {
	if len(f.blockTree.lost) == 0 {
		return
	}
	var added []blockRef
	for _, e := range leafEntries(f, pageBBT, w.blockPages, f.blockTree.reached, f.parseBlock) {
		r := within(f.blockTree.lost, e.key)
		if r < 0 || !e.newest {
			continue
		}
		if _, ok := f.block(e.entry.bid); ok {
			continue
		}
		f.refound(f.blockTree.lost[r])
		if _, ok := w.block(e.entry.bid); !ok {
			e.entry.mark = markIndex
			added = append(added, e.entry)
		}
	}
	w.blocks = append(w.blocks, added...)
	slices.SortFunc(w.blocks, func(a, b blockRef) int { return cmp.Compare(a.bid, b.bid) })
}

// leafEntry is an entry of a page that no tree leads to.
type leafEntry[E any] struct {
	entry E
	key   uint64
	page  int // in the order of the pages, newest first
	// newest says that no newer page has keys on both sides of this one: that page would know what became of it.
	newest bool
}

// leafEntries returns the entries of leaf pages, without those that were reached, in order of key and then of age. Pages
// are given newest first.
func leafEntries[E any](f *File, kind byte, pages []Ref, reached map[int64]struct{}, parse func([]byte) (E, uint64, bool)) []leafEntry[E] {
	var refs []pageRef
	for _, p := range pages {
		if _, ok := reached[p.Offset]; !ok {
			refs = append(refs, pageRef{Ref: p})
		}
	}
	order := make([]int, len(refs))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(refs[a].Offset, refs[b].Offset) })
	var (
		entries []leafEntry[E]
		last    = make([]uint64, len(refs)) // key of each page
		first   = make([]uint64, len(refs))
		run     = pageRun{f: f}
	)
	for n, i := range order {
		if run.seek(refs, order[n:]) != nil {
			continue
		}
		p, err := f.parsePage(kind, refs[i].Ref, run.at(refs[i].Offset))
		if err != nil || p.level != 0 {
			continue
		}
		start := len(entries)
		for j := range p.count {
			e, key, plausible := parse(p.entry(j))
			if !plausible || len(entries) > start && key <= entries[len(entries)-1].key {
				continue
			}
			entries = append(entries, leafEntry[E]{entry: e, key: key, page: i})
		}
		if len(entries) > start {
			first[i], last[i] = entries[start].key, entries[len(entries)-1].key
		}
	}
	slices.SortFunc(entries, func(a, b leafEntry[E]) int {
		return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.page, b.page))
	})
	// The pages whose range has the key at hand are in a heap, the newest on top.
	var open minHeap
	for i := 0; i < len(entries); {
		key := entries[i].key
		end := i
		for ; end < len(entries) && entries[end].key == key; end++ {
			if page := entries[end].page; first[page] == key {
				heap.Push(&open, page)
			}
		}
		for len(open) > 0 && last[open[0]] < key {
			heap.Pop(&open)
		}
		for ; i < end; i++ {
			entries[i].newest = len(open) > 0 && entries[i].page == open[0]
		}
	}
	return entries
}

// minHeap is a heap of numbers; see [heap.Interface].
type minHeap []int

func (h minHeap) Len() int           { return len(h) }
func (h minHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h minHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *minHeap) Push(x any)        { *h = append(*h, x.(int)) }
func (h *minHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
