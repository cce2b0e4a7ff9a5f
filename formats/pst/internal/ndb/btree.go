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

// errDoubtful says that a page has a wrong checksum, so that what it holds may be wrong.
var errDoubtful = fmt.Errorf("%w in the page of the index that has its entry", ErrChecksum)

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
	t := loadTree(f, pageNBT, f.header.NBT, f.parseNode)
	f.nodes, f.nodeTree = t.entries, t.treeState
	// QUIRK: programs other than Outlook may leave checksums out. Then they are wrong in all pages, and say nothing.
	if len(t.doubtful) == len(t.entries) && len(t.reached) > 2 {
		f.nodeTree.doubtful = nil
	}
	for _, key := range f.nodeTree.doubtful {
		f.doubt(NID(key), errDoubtful)
	}
}

func (f *File) loadBlocks() {
	t := loadTree(f, pageBBT, f.header.BBT, f.parseBlock)
	f.blocks, f.blockTree = t.entries, t.treeState
}

// parseNode parses an NBTENTRY (MS-PST 2.2.2.7.7.4).
func (f *File) parseNode(b []byte) (n Node, key uint64, plausible bool) {
	high := uint32(0)
	if f.layout.wide {
		n = Node{NID(le.Uint32(b)), NID(le.Uint32(b[24:])), BID(le.Uint64(b[8:])), BID(le.Uint64(b[16:]))}
		high = le.Uint32(b[4:])
	} else {
		n = Node{NID(le.Uint32(b)), NID(le.Uint32(b[12:])), BID(le.Uint32(b[4:])), BID(le.Uint32(b[8:]))}
	}
	return n, uint64(n.NID), n.NID != 0 && high == 0
}

// parseBlock parses a BBTENTRY (MS-PST 2.2.2.7.7.3).
func (f *File) parseBlock(b []byte) (r blockRef, key uint64, plausible bool) {
	switch f.layout.format {
	case ANSI:
		r = blockRef{bid: BID(le.Uint32(b)), offset: int64(le.Uint32(b[4:])), stored: le.Uint16(b[8:])}
		r.inflated = r.stored
	case Unicode:
		r = blockRef{bid: BID(le.Uint64(b)), offset: int64(le.Uint64(b[8:])), stored: le.Uint16(b[16:])}
		r.inflated = r.stored
	case Unicode4K:
		r = blockRef{bid: BID(le.Uint64(b)), offset: int64(le.Uint64(b[8:])), stored: le.Uint16(b[16:]), inflated: le.Uint16(b[18:])}
	}
	r.bid = r.bid.key()
	size := int(r.stored)
	plausible = r.bid != 0 && size > 0 && size <= f.layout.maxBlock && r.offset >= 0 &&
		r.offset%int64(f.layout.blockAlign) == 0
	return r, uint64(r.bid), plausible
}

// pageRef is a page to be read, and the keys that it can have.
type pageRef struct {
	Ref
	from, to uint64
	// doubtful says that the page which leads to it has a wrong checksum: the page must be the one that is named.
	doubtful bool
}

// treeState is what reading a tree leaves besides its entries.
type treeState struct {
	reached  map[int64]struct{} // offsets of the pages
	lost     []keyRange         // ranges of keys that cannot be reached, in order and apart
	doubtful []uint64           // keys of entries in pages with a wrong checksum
}

// keyRange is a range of keys. To is exclusive, except that the largest uint64 is in it.
type keyRange struct {
	from, to uint64
	lost     int // index in File.lost, -1 if it is not kept there
}

// tree is a tree that was read.
type tree[E any] struct {
	treeState
	entries []E
}

// bytesPerEntry is how much of a file there is for each entry of a tree, more or less: what tells of more entries gets
// its memory when they turn up.
const bytesPerEntry = 256

// loadTree reads a B-tree level by level and returns its leaves' entries in order of their keys. Pages of one level
// are read in the order in which they lie in the file.
func loadTree[E any](f *File, kind byte, root Ref, parse func([]byte) (E, uint64, bool)) (t tree[E]) {
	type span struct{ start, end int }
	var (
		level   = []pageRef{{Ref: root, to: ^uint64(0)}}
		height  = -1 // of the pages of this level; the root tells its own
		keys    []uint64
		entries []E
	)
	t.reached = make(map[int64]struct{})
	defer func() { t.lost = disjoint(t.lost) }()
	lose := func(ref pageRef, err error) { t.lost = append(t.lost, f.losePage(kind, ref, err)) }
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
			if _, again := t.reached[ref.Offset]; again {
				lose(ref, fmt.Errorf("%w: the page is in the tree twice", ErrCorrupt))
				continue
			}
			err := run.seek(level, order[n:])
			var p page
			if err == nil {
				p, err = f.parsePage(kind, ref.Ref, run.at(ref.Offset))
			}
			switch {
			case err != nil:
			case height >= 0 && p.level != height:
				err = fmt.Errorf("%w: level %d instead of %d", ErrCorrupt, p.level, height)
			case ref.doubtful && p.bid != ref.BID:
				err = fmt.Errorf("%w: another page, %v, lies there", ErrCorrupt, p.bid)
			}
			if err != nil {
				lose(ref, err)
				continue
			}
			t.reached[ref.Offset] = struct{}{}
			height = p.level
			if leaf = p.level == 0; leaf {
				if entries == nil {
					room := int(min(int64(len(level)*max(p.count, 1)), f.size/bytesPerEntry))
					entries, keys = make([]E, 0, room), make([]uint64, 0, room)
				}
				first := len(entries)
				dropped := false
				for i := range p.count {
					entry, key, plausible := parse(p.entry(i))
					if p.overfull && key >= ref.to {
						break
					}
					if p.doubtful && !(plausible && p.inOrder(i, key, ref)) {
						dropped = true
						continue
					}
					if len(entries) > first && key <= keys[len(keys)-1] {
						if p.doubtful {
							dropped = true
							continue
						}
						lose(pageRef{Ref: ref.Ref, from: keys[len(keys)-1] + 1, to: ref.to}, errOrder)
						break
					}
					if p.doubtful {
						t.doubtful = append(t.doubtful, key)
					}
					entries, keys = append(entries, entry), append(keys, key)
				}
				if dropped {
					lose(ref, errDoubtful)
				}
				spans[i].end = len(entries)
				continue
			}
			first := len(children)
			dropped := false
			for i := range p.count {
				c := f.childRef(p.entry(i))
				c.to, c.doubtful = ref.to, p.doubtful
				if p.overfull && c.from >= ref.to {
					break
				}
				if p.doubtful && !p.inOrder(i, c.from, ref) {
					dropped = true
					continue
				}
				if n := len(children); n > first {
					if c.from <= children[n-1].from {
						if p.doubtful {
							dropped = true
							continue
						}
						lose(pageRef{Ref: ref.Ref, from: children[n-1].from + 1, to: ref.to}, errOrder)
						break
					}
					children[n-1].to = c.from
				}
				children = append(children, c)
			}
			if dropped {
				lose(ref, errDoubtful)
			}
			spans[i].end = len(children)
		}
		if leaf {
			sortedEntries, sortedKeys := make([]E, 0, len(entries)), make([]uint64, 0, len(keys))
			for _, s := range spans {
				sortedEntries = append(sortedEntries, entries[s.start:s.end]...)
				sortedKeys = append(sortedKeys, keys[s.start:s.end]...)
			}
			t.entries = uniqueEntries(f, kind, sortedEntries, sortedKeys)
			return t
		}
		next := make([]pageRef, 0, len(children))
		for _, s := range spans {
			next = append(next, children[s.start:s.end]...)
		}
		level, height = next, height-1
	}
	return t
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
	f.warn.add(Warning{Kind: WarnTree, Offset: -1, Nodes: kind == pageNBT}, "its entries are out of order")
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

func treeName(nodes bool) string {
	if nodes {
		return "node"
	}
	return "block"
}

func (f *File) losePage(kind byte, ref pageRef, err error) keyRange {
	r := keyRange{ref.from, ref.to, -1}
	if len(f.lost) < maxWarnings {
		r.lost = len(f.lost)
		f.lost = append(f.lost, Lost{kind == pageNBT, ref.from, ref.to, ref.Offset, err, 0})
	}
	return r
}

// childRef parses a BTENTRY (MS-PST 2.2.2.7.7.2).
func (f *File) childRef(b []byte) pageRef {
	if f.layout.wide {
		return pageRef{Ref: Ref{BID(le.Uint64(b[8:])), int64(le.Uint64(b[16:]))}, from: le.Uint64(b)}
	}
	return pageRef{Ref: Ref{BID(le.Uint32(b[4:])), int64(le.Uint32(b[8:]))}, from: uint64(le.Uint32(b))}
}
