package ndb

import (
	"cmp"
	"fmt"
	"slices"
)

// Page types (MS-PST 2.2.2.7.1).
const (
	pageBBT = 0x80
	pageNBT = 0x81
)

// errOrder says that a page's entries are not in order: those after the first that is not are dropped.
var errOrder = fmt.Errorf("%w: its entries are out of order", ErrCorrupt)

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
		slices.SortFunc(order, func(a, b int) int { return cmp.Compare(uint64(level[a].Offset), uint64(level[b].Offset)) })
		var (
			children []pageRef
			spans    = make([]span, len(level))
			leaf     bool
		)
		run := pageRun{f: f}
		for n, i := range order {
			ref := level[i]
			start := max(len(children), len(entries))
			spans[i] = span{start, start}
			if _, again := visited[ref.Offset]; again {
				f.losePage(kind, ref, fmt.Errorf("%w: the page is in the tree twice", ErrCorrupt))
				continue
			}
			visited[ref.Offset] = struct{}{}
			err := run.seek(level, order[n:])
			var p page
			if err == nil {
				p, err = f.parsePage(kind, ref.Ref, run.at(ref.Offset))
			}
			if err != nil {
				f.losePage(kind, ref, err)
				continue
			}
			if height < 0 {
				height = p.level
			}
			if p.level != height {
				f.losePage(kind, ref, fmt.Errorf("%w: level %d instead of %d", ErrCorrupt, p.level, height))
				continue
			}
			if leaf = p.level == 0; leaf {
				first := len(entries)
				for e := range p.entries() {
					entry, key := parse(e)
					if len(entries) > first && key <= keys[len(keys)-1] {
						f.losePage(kind, pageRef{ref.Ref, keys[len(keys)-1] + 1, ref.to}, errOrder)
						break
					}
					if p.overfull && key >= ref.to {
						break
					}
					entries, keys = append(entries, entry), append(keys, key)
				}
				spans[i].end = len(entries)
				continue
			}
			first := len(children)
			for e := range p.entries() {
				c := f.childRef(e)
				c.to = ref.to
				if n := len(children); n > first {
					if c.from <= children[n-1].from {
						f.losePage(kind, pageRef{ref.Ref, children[n-1].from + 1, ref.to}, errOrder)
						break
					}
					children[n-1].to = c.from
				}
				if p.overfull && c.from >= ref.to {
					break
				}
				children = append(children, c)
			}
			spans[i].end = len(children)
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
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(keys[a], keys[b]) })
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
