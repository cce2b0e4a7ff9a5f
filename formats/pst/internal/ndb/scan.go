package ndb

import (
	"cmp"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// wreck is what a scan of the whole file finds, whatever the trees say: the leaf pages of both trees and the blocks that
// are whole. A page or block is known by its trailer, which has the checksum of what stands before it and a signature
// that depends on where it lies: a data file within an attachment has others.
type wreck struct {
	nodePages  []Ref // newest first: identifiers of pages are given in order
	blockPages []Ref
	blocks     []blockRef // sorted by BID, then by offset; without a BID are those that are none any more
}

// The marks of blocks that were found.
const (
	markHeap  = 1 << iota // looks like the first block of a heap that has properties
	markTwice             // another block has the same BID and other data
	markIndex             // known from a page of the block tree only: its own trailer is damaged
	markMend              // to be read with the one wrong byte put right
)

// scanChunk is read at once. What ends in it is found in it, so that it is read together with what may stand before.
const scanChunk = 2 << 20

// piece is a page or block that was found.
type piece struct {
	blockRef
	end  int64
	page byte // kind of page, 0 for blocks
}

// scan reads the file once from front to back, on all processors.
func (f *File) scan() *wreck {
	chunks := int((f.size + scanChunk - 1) / scanChunk)
	found := make([][]piece, chunks)
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), chunks) {
		group.Go(func() {
			s := scanner{f: f}
			for i := int(next.Add(1)) - 1; i < chunks; i = int(next.Add(1)) - 1 {
				found[i] = s.chunk(int64(i) * scanChunk)
			}
		})
	}
	group.Wait()
	var all []piece
	for _, more := range found {
		for _, p := range more {
			all = enclose(all, p)
		}
	}
	w := &wreck{}
	for _, p := range all {
		switch p.page {
		case pageNBT:
			w.nodePages = append(w.nodePages, Ref{p.bid, p.offset})
		case pageBBT:
			w.blockPages = append(w.blockPages, Ref{p.bid, p.offset})
		default:
			w.blocks = append(w.blocks, p.blockRef)
		}
	}
	newest := func(a, b Ref) int { return cmp.Or(cmp.Compare(b.BID, a.BID), cmp.Compare(b.Offset, a.Offset)) }
	slices.SortFunc(w.nodePages, newest)
	slices.SortFunc(w.blockPages, newest)
	w.sort(f)
	return w
}

// sort puts the blocks in order. Of those with the same BID and data, which are copies, one is kept.
func (w *wreck) sort(f *File) {
	slices.SortFunc(w.blocks, func(a, b blockRef) int {
		return cmp.Or(cmp.Compare(a.bid, b.bid), cmp.Compare(a.offset, b.offset))
	})
	kept := w.blocks[:0]
	for _, b := range w.blocks {
		n := len(kept)
		if n == 0 || kept[n-1].bid != b.bid {
			kept = append(kept, b)
			continue
		}
		last := &kept[n-1]
		if live, ok := f.block(b.bid); ok && (live.offset == b.offset || live.offset == last.offset) {
			if live.offset == b.offset {
				*last = b
			}
			continue
		}
		// A transaction that was not completed leaves blocks whose identifiers the next one uses again.
		if last.stored != b.stored || f.sum(*last) != f.sum(b) {
			b.mark |= markTwice
		}
		*last = b
	}
	w.blocks = slices.Clip(kept)
}

// sum returns the checksum in a block's trailer.
func (f *File) sum(ref blockRef) (sum uint32) {
	l := &f.layout
	slot := l.slot(int(ref.stored))
	_ = f.cache.view(ref.offset, slot, func(b []byte) error {
		sum = l.trailer(b[slot-l.blockTrailer:]).sum
		return nil
	})
	return sum
}

// enclose adds a piece to those that end before it. What lies within it is its content: a data file that is attached to
// a message has pages and blocks too.
func enclose(list []piece, p piece) []piece {
	for len(list) > 0 && list[len(list)-1].offset >= p.offset {
		list = list[:len(list)-1]
	}
	return append(list, p)
}

func (w *wreck) block(id BID) (blockRef, bool) {
	id = id.key()
	i, ok := slices.BinarySearchFunc(w.blocks, id, func(b blockRef, id BID) int { return cmp.Compare(b.bid, id) })
	if !ok {
		return blockRef{}, false
	}
	return w.blocks[i], true
}

// scanner scans chunks of the file.
type scanner struct {
	f   *File
	buf []byte
}

// chunk returns the pieces that end within the chunk at start.
func (s *scanner) chunk(start int64) []piece {
	l := &s.f.layout
	from := max(0, start-int64(l.slot(l.maxBlock)))
	n := int(min(start+scanChunk, s.f.size) - from)
	if cap(s.buf) < n {
		s.buf = make([]byte, n)
	}
	b := s.buf[:n]
	// What cannot be read is as good as not there.
	read, _ := s.f.cache.r.ReadAt(b, from)
	b = b[:read]
	var list []piece
	step := l.blockAlign
	for end := int(start-from) + step; end <= len(b); end += step {
		at := from + int64(end)
		if at%int64(l.pageSize) == 0 {
			if p, ok := s.page(b[:end], at); ok {
				list = enclose(list, p)
				continue
			}
		}
		if p, ok := s.block(b[:end], at); ok {
			list = enclose(list, p)
		}
	}
	return list
}

// page looks for a leaf page of a tree that ends where b does.
func (s *scanner) page(b []byte, end int64) (piece, bool) {
	l := &s.f.layout
	if len(b) < l.pageSize {
		return piece{}, false
	}
	b = b[len(b)-l.pageSize:]
	kind := b[l.pageTrailer]
	if kind != b[l.pageTrailer+1] || kind != pageNBT && kind != pageBBT {
		return piece{}, false
	}
	t, offset := l.pageTrailerOf(b), end-int64(l.pageSize)
	if t.signature != Signature(offset, t.bid) || t.sum != Checksum(b[:l.pageTrailer]) {
		return piece{}, false
	}
	if _, _, _, level := l.pageCounts(b); level != 0 {
		return piece{}, false
	}
	return piece{blockRef{bid: t.bid, offset: offset}, end, kind}, true
}

// block looks for a block that ends where b does.
func (s *scanner) block(b []byte, end int64) (piece, bool) {
	l := &s.f.layout
	t := l.trailer(b[len(b)-l.blockTrailer:])
	size := int(t.size)
	slot := l.slot(size)
	if size == 0 || size > l.maxBlock || slot > len(b) || t.bid.key() == 0 {
		return piece{}, false
	}
	data := b[len(b)-slot:][:size]
	offset := end - int64(slot)
	if t.signature != Signature(offset, t.bid) || t.sum != Checksum(data) {
		return piece{}, false
	}
	ref := blockRef{bid: t.bid.key(), offset: offset, stored: t.size, inflated: t.inflated}
	if l.format != Unicode4K {
		ref.inflated = ref.stored
	}
	if !ref.bid.Internal() && s.heap(t.bid, ref, data) {
		ref.mark |= markHeap
	}
	return piece{ref, end, 0}, true
}

// heap reports whether a block begins as a heap does that has properties (HNHDR, MS-PST 2.3.1.2). Of compressed blocks
// only reading them tells.
func (s *scanner) heap(id BID, ref blockRef, data []byte) bool {
	if ref.inflated != ref.stored {
		return true
	}
	if len(data) < 12 {
		return false
	}
	var head [4]byte
	Decode(s.f.header.Crypt, id, head[:], data[:4])
	return head[2] == 0xEC && head[3] == 0xBC
}
