package ndb

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"sync"
)

// Options say how to read a file. The zero value is good.
type Options struct {
	// CacheSize bounds the cache of the file's bytes; 4 MB if 0.
	CacheSize int64
}

const defaultCache = 4 << 20

// File is an open file. It is safe for concurrent use.
type File struct {
	header Header
	layout layout
	size   int64
	cache  *cache
	nodes  []Node     // sorted by NID
	blocks []blockRef // sorted by BID
	lost   []Lost
	warn   warnings

	nodeTree, blockTree treeState
	doubts              map[NID]error

	scanOnce sync.Once
	wreck    *wreck
}

// Node is an entry of the node B-tree (NBTENTRY, MS-PST 2.2.2.7.7.4).
type Node struct {
	NID    NID
	Parent NID // of folders and messages: the folder that holds them
	Data   BID // 0 for none
	Sub    BID // 0 for none
}

// blockRef is an entry of the block B-tree (BBTENTRY, MS-PST 2.2.2.7.7.3).
type blockRef struct {
	bid      BID
	offset   int64 // nowhere for a block that is in no tree
	stored   uint16
	inflated uint16 // differs from stored where the block is compressed
	mark     uint8  // of blocks that were found by the scan
}

// Lost is a range of a tree's keys that cannot be reached because a page is damaged. There may have been nothing in it.
type Lost struct {
	Nodes    bool   // of the node B-tree, else of the block B-tree
	From, To uint64 // To is exclusive; the largest uint64 where it is not known
	Offset   int64  // of the page
	Err      error
	Found    int // entries of it that a scan of the file found elsewhere
}

func (l Lost) Error() string {
	return fmt.Sprintf("page of the %s tree at 0x%x: %s", treeName(l.Nodes), l.Offset, l.text())
}

func (l Lost) text() string {
	to := fmt.Sprintf("before 0x%x", l.To)
	if l.To == ^uint64(0) {
		to = "the end"
	}
	text := fmt.Sprintf("%v; entries from 0x%x to %s are lost", l.Err, l.From, to)
	if l.Found > 0 {
		text += fmt.Sprintf(", and %d of them found elsewhere in the file", l.Found)
	}
	return text
}

// Open reads the header and the trees. A file whose trees are damaged is opened with what of them can be read; only
// what is no PST at all, or encrypted, is refused, with an error that wraps [ErrFormat] or [ErrEncrypted].
func Open(r io.ReaderAt, size int64, o Options) (*File, error) {
	if o.CacheSize == 0 {
		o.CacheSize = defaultCache
	}
	f := &File{size: size, cache: newCache(r, size, o.CacheSize)}
	buf := make([]byte, min(size, headerSize))
	if n, err := r.ReadAt(buf, 0); n < len(buf) {
		return nil, fmt.Errorf("reading the header: %w", err)
	}
	var err error
	if f.header, err = parseHeader(buf, &f.warn); err != nil {
		return nil, err
	}
	f.layout = layouts[f.header.Format]
	if size < f.header.EOF {
		f.warn.add(Warning{Kind: WarnSize, Offset: -1}, "the file has %d bytes of the %d that its header tells", size, f.header.EOF)
	}
	f.loadNodes()
	f.loadBlocks()
	f.refind()
	return f, nil
}

// Header returns the file's header.
func (f *File) Header() Header { return f.header }

// Size returns the file's size.
func (f *File) Size() int64 { return f.size }

// Warnings returns what was found wrong so far, the lost parts of the trees included, and how much more of it was not
// kept.
func (f *File) Warnings() ([]Warning, int) {
	list, more := f.warn.get()
	for _, l := range f.Lost() {
		list = append(list, Warning{Kind: WarnLost, Offset: l.Offset, Nodes: l.Nodes, Text: l.text()})
	}
	return list, more
}

// Warn adds a warning about what blocks hold.
func (f *File) Warn(format string, args ...any) {
	f.warn.add(Warning{Kind: WarnContent, Offset: -1}, format, args...)
}

// Lost returns the parts of the trees that could not be read.
func (f *File) Lost() []Lost {
	f.warn.mu.Lock()
	defer f.warn.mu.Unlock()
	return slices.Clone(f.lost)
}

// refound counts an entry of a lost part that was found elsewhere.
func (f *File) refound(r keyRange) {
	if r.lost < 0 {
		return
	}
	f.warn.mu.Lock()
	defer f.warn.mu.Unlock()
	f.lost[r.lost].Found++
}

// Nodes returns all nodes, sorted by NID. The slice is not to be changed.
func (f *File) Nodes() []Node { return f.nodes }

// Node returns a node.
func (f *File) Node(id NID) (Node, bool) {
	i, ok := slices.BinarySearchFunc(f.nodes, id, func(n Node, id NID) int { return cmp.Compare(n.NID, id) })
	if !ok {
		return Node{}, false
	}
	return f.nodes[i], true
}

func (f *File) block(id BID) (blockRef, bool) {
	id = id.key()
	// By hand, as each read of a block begins here.
	lo, hi := 0, len(f.blocks)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if f.blocks[mid].bid < id {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(f.blocks) || f.blocks[lo].bid != id {
		return blockRef{bid: id, offset: nowhere}, false
	}
	return f.blocks[lo], true
}

// nowhere is the offset of what the file does not have.
const nowhere = -1
