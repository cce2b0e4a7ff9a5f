package ndb

import (
	"fmt"
	"slices"
)

// Page types (MS-PST 2.2.2.7.1).
const (
	pageBBT = 0x80
	pageNBT = 0x81
)

// maxLevels bounds the height of a tree. At 11 entries a page, 8 levels are more than a file can hold.
const maxLevels = 16

// entrySize returns the smallest stride of entries: pages say how long theirs are, which may be more.
func (l *layout) entrySize(kind byte, level int) int {
	size := 24 // BTENTRY and BBTENTRY
	if level == 0 && kind == pageNBT {
		size = 32
	}
	if !l.wide {
		size /= 2
	}
	return size
}

func (f *File) loadNodes() {
	f.nodes = loadTree(f, pageNBT, f.header.NBT, func(b []byte) (Node, uint64) {
		var n Node
		if f.layout.wide {
			n = Node{NID(le.Uint32(b)), NID(le.Uint32(b[24:])), BID(le.Uint64(b[8:])), BID(le.Uint64(b[16:]))}
		} else {
			n = Node{NID(le.Uint32(b)), NID(le.Uint32(b[12:])), BID(le.Uint32(b[4:])), BID(le.Uint32(b[8:]))}
		}
		return n, uint64(n.NID)
	})
}

func (f *File) loadBlocks() {
	f.blocks = loadTree(f, pageBBT, f.header.BBT, func(b []byte) (blockRef, uint64) {
		var r blockRef
		switch f.layout.format {
		case ANSI:
			r = blockRef{bid: BID(le.Uint32(b)), offset: int64(le.Uint32(b[4:])), stored: le.Uint16(b[8:])}
			r.inflated = r.stored
		case Unicode:
			r = blockRef{bid: BID(le.Uint64(b)), offset: int64(le.Uint64(b[8:])), stored: le.Uint16(b[16:])}
			r.inflated = r.stored
		case Unicode4K:
			r = blockRef{BID(le.Uint64(b)), int64(le.Uint64(b[8:])), le.Uint16(b[16:]), le.Uint16(b[18:])}
		}
		r.bid = r.bid.key()
		return r, uint64(r.bid)
	})
}

// pageRef is a page to be read, and the keys that it can have.
type pageRef struct {
	Ref
	from, to uint64
}

// loadTree reads a B-tree level by level and returns its leaves' entries in order of their keys. Pages of one level
// are read in the order in which they lie in the file.
func loadTree[E any](f *File, kind byte, root Ref, parse func([]byte) (E, uint64)) []E {
	type span struct{ start, end int }
	var (
		visited = make(map[int64]struct{})
		level   = []pageRef{{root, 0, ^uint64(0)}}
		height  = -1 // of the pages of this level; the root tells its own
		keys    []uint64
		entries []E
	)
	for depth := 0; len(level) > 0 && depth < maxLevels; depth++ {
		order := make([]int, len(level))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(a, b int) int { return compare(uint64(level[a].Offset), uint64(level[b].Offset)) })
		var (
			children []pageRef
			spans    = make([]span, len(level))
			leaf     bool
		)
		for _, i := range order {
			ref := level[i]
			start := max(len(children), len(entries))
			spans[i] = span{start, start}
			if _, again := visited[ref.Offset]; again {
				f.losePage(kind, ref, fmt.Errorf("%w: the page is in the tree twice", ErrCorrupt))
				continue
			}
			visited[ref.Offset] = struct{}{}
			err := f.viewPage(kind, ref.Ref, func(p page) error {
				if height < 0 {
					height = p.level
				}
				if p.level != height {
					return fmt.Errorf("%w: level %d instead of %d", ErrCorrupt, p.level, height)
				}
				if leaf = p.level == 0; leaf {
					last, n := uint64(0), 0
					for e := range p.entries() {
						entry, key := parse(e)
						if n > 0 && key <= last {
							f.warn.add(ref.Offset, "entries of a page are out of order")
							break
						}
						if p.overfull && key >= ref.to {
							break
						}
						entries, keys = append(entries, entry), append(keys, key)
						last, n = key, n+1
					}
					spans[i].end = len(entries)
					return nil
				}
				first := len(children)
				for e := range p.entries() {
					c := f.childRef(e)
					c.to = ref.to
					if n := len(children); n > first {
						if c.from <= children[n-1].from {
							f.warn.add(ref.Offset, "entries of a page are out of order")
							break
						}
						children[n-1].to = c.from
					}
					children = append(children, c)
				}
				spans[i].end = len(children)
				return nil
			})
			if err != nil {
				f.losePage(kind, ref, err)
			}
		}
		if leaf {
			sortedEntries, sortedKeys := make([]E, 0, len(entries)), make([]uint64, 0, len(keys))
			for _, s := range spans {
				sortedEntries = append(sortedEntries, entries[s.start:s.end]...)
				sortedKeys = append(sortedKeys, keys[s.start:s.end]...)
			}
			return uniqueEntries(f, kind, sortedEntries, sortedKeys)
		}
		next := make([]pageRef, 0, len(children))
		for _, s := range spans {
			next = append(next, children[s.start:s.end]...)
		}
		level, height = next, height-1
	}
	return nil
}

// uniqueEntries puts entries in order where damage has left them without, and drops all but the first of those with
// the same key.
func uniqueEntries[E any](f *File, kind byte, entries []E, keys []uint64) []E {
	ordered := true
	for i := 1; i < len(keys) && ordered; i++ {
		ordered = keys[i-1] < keys[i]
	}
	if ordered {
		return entries
	}
	f.warn.add(-1, "the %s tree is out of order", treeName(kind))
	order := make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return compare(keys[a], keys[b]) })
	sorted := make([]E, 0, len(entries))
	for n, i := range order {
		if n == 0 || keys[i] != keys[order[n-1]] {
			sorted = append(sorted, entries[i])
		}
	}
	return sorted
}

func treeName(kind byte) string {
	if kind == pageNBT {
		return "node"
	}
	return "block"
}

func (f *File) losePage(kind byte, ref pageRef, err error) {
	l := Lost{kind == pageNBT, ref.from, ref.to, ref.Offset, err}
	f.warn.add(ref.Offset, "%v", l)
	if len(f.lost) < maxWarnings {
		f.lost = append(f.lost, l)
	}
}

// childRef parses a BTENTRY (MS-PST 2.2.2.7.7.2).
func (f *File) childRef(b []byte) pageRef {
	if f.layout.wide {
		return pageRef{Ref{BID(le.Uint64(b[8:])), int64(le.Uint64(b[16:]))}, le.Uint64(b), 0}
	}
	return pageRef{Ref{BID(le.Uint32(b[4:])), int64(le.Uint32(b[8:]))}, uint64(le.Uint32(b)), 0}
}

// page is a page of a B-tree (BTPAGE, MS-PST 2.2.2.7.7.1).
type page struct {
	level  int
	count  int
	stride int
	data   []byte
	// overfull says that the count is damaged. The entries past the true one are what the page held before.
	overfull bool
}

// entries yields the entries in the page. Pages count them and say how long each is.
func (p page) entries() func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for i := range p.count {
			if !yield(p.data[i*p.stride : (i+1)*p.stride]) {
				return
			}
		}
	}
}

// viewPage reads and checks a page of a B-tree. A page whose checksum is wrong is used as far as it makes sense.
func (f *File) viewPage(kind byte, ref Ref, use func(page) error) error {
	l := &f.layout
	if ref.Offset < 0 || ref.Offset > f.size-int64(l.pageSize) {
		return ErrOutside
	}
	return f.cache.view(ref.Offset, l.pageSize, func(b []byte) error {
		trailer := b[l.pageTrailer:]
		if trailer[0] != kind || trailer[1] != kind {
			return fmt.Errorf("%w: type 0x%02x instead of 0x%02x", ErrCorrupt, trailer[0], kind)
		}
		var bid BID
		var sum uint32
		if l.wide {
			sum, bid = le.Uint32(trailer[4:]), BID(le.Uint64(trailer[8:]))
		} else {
			bid, sum = BID(le.Uint32(trailer[4:])), le.Uint32(trailer[8:])
		}
		if sum != Checksum(b[:l.pageTrailer]) {
			f.warn.add(ref.Offset, "page of the %s tree: wrong checksum", treeName(kind))
		}
		if bid != ref.BID {
			f.warn.add(ref.Offset, "page of the %s tree: is %v instead of %v", treeName(kind), bid, ref.BID)
		} else if s := le.Uint16(trailer[2:]); s != Signature(ref.Offset, bid) {
			f.warn.add(ref.Offset, "page of the %s tree: wrong signature", treeName(kind))
		}
		var p page
		var most int
		if m := b[l.pageEntries:]; l.format == Unicode4K {
			p.count, most, p.stride, p.level = int(le.Uint16(m)), int(le.Uint16(m[2:])), int(m[4]), int(m[5])
		} else {
			p.count, most, p.stride, p.level = int(m[0]), int(m[1]), int(m[2]), int(m[3])
		}
		if p.level >= maxLevels {
			return fmt.Errorf("%w: level %d", ErrCorrupt, p.level)
		}
		if least := l.entrySize(kind, p.level); p.stride < least {
			return fmt.Errorf("%w: entries of %d bytes instead of %d", ErrCorrupt, p.stride, least)
		}
		if room := l.pageEntries / p.stride; p.count > room || p.count > most {
			f.warn.add(ref.Offset, "page of the %s tree: %d entries where there is room for %d", treeName(kind), p.count, min(room, most))
			p.count, p.overfull = min(p.count, room), true
		}
		p.data = b[:l.pageEntries]
		return use(p)
	})
}
