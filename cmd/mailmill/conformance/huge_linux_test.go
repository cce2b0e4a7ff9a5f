package conformance

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"mailmill/formats/corpustest"
)

// Sizes of the format (MS-PST 2.2.2.7, 2.2.2.8): what fits into a block, what a list of blocks holds, what a page of the
// tree of blocks holds.
const (
	blockData   = 8176
	listEntries = 1021
	pageEntries = 20
)

// withHugeAttachment returns a copy of the sample in which one attachment has the size given. The generator makes none
// so large.
//
// The new blocks stand behind what the file holds, and behind them a new tree of blocks; the list of blocks that the
// attachment had keeps its number and is a longer one now. The maps of free space, which no reader needs, stay as they
// are.
func withHugeAttachment(t *testing.T, size int64) string {
	t.Helper()
	old, err := os.ReadFile(corpustest.Sample())
	if err != nil {
		t.Fatal(err)
	}
	blocks := blocksOf(old, le.Uint64(old[240:]))
	list, ok := listOfSize(old, blocks, sizeOfAttachment(t, corpustest.Sample(), "gross.zip"))
	if !ok {
		t.Fatal("the sample has no list of the blocks of gross.zip")
	}
	path := filepath.Join(t.TempDir(), "huge.pst")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := &tailWriter{w: bufio.NewWriterSize(f, 1<<20), next: le.Uint64(old[516:])}
	for _, b := range blocks {
		w.next = max(w.next, b.bid&^3+4)
	}
	w.write(old)
	w.align(512)

	// What the attachment says does not matter: one block's content, again and again.
	content := bytes.Repeat([]byte("0123456789abcdef"), blockData/16)
	added := &blocksAdded{tailWriter: w}
	var inner, lists []uint64
	flush := func(total int64) {
		if len(inner) > 0 {
			lists = append(lists, added.add(w.fresh()|2, blockList(1, inner, total)))
			inner = inner[:0]
		}
	}
	var total int64
	for left := size; left > 0; left -= blockData {
		n := min(left, blockData)
		inner = append(inner, added.add(w.fresh(), content[:n]))
		if total += n; len(inner) == listEntries {
			flush(total)
			total = 0
		}
	}
	flush(total)
	added.add(list.bid, blockList(2, lists, size))

	blocks = slices.DeleteFunc(blocks, func(b blockRef) bool { return b.bid == list.bid })
	blocks = append(blocks, added.refs...)
	slices.SortFunc(blocks, func(a, b blockRef) int { return cmp.Compare(a.bid, b.bid) })
	root := w.tree(blocks)

	// The header (MS-PST 2.2.2.6): the file's end, the tree's root, the next number, both checksums.
	head := slices.Clone(old[:564])
	le.PutUint64(head[184:], w.at)
	le.PutUint64(head[232:], root.bid)
	le.PutUint64(head[240:], root.at)
	le.PutUint64(head[516:], w.next)
	le.PutUint32(head[4:], checksum(head[8:8+471]))
	le.PutUint32(head[524:], checksum(head[8:8+516]))
	if err := w.w.Flush(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(head, 0); err != nil {
		t.Fatal(err)
	}
	if got := sizeOfAttachment(t, path, "gross.zip"); got < size {
		t.Fatalf("the attachment has %d bytes, want %d", got, size)
	}
	return path
}

// blockRef is an entry of the tree of blocks (MS-PST 2.2.2.7.7.3).
type blockRef struct {
	bid, at uint64
	size    uint16
}

// blocksOf returns the entries below a page of the tree of blocks.
func blocksOf(file []byte, at uint64) []blockRef {
	page := file[at : at+512]
	var all []blockRef
	for i := range int(page[488]) {
		entry := page[24*i:]
		if page[491] > 0 {
			all = append(all, blocksOf(file, le.Uint64(entry[16:]))...)
		} else {
			all = append(all, blockRef{le.Uint64(entry), le.Uint64(entry[8:]), le.Uint16(entry[16:])})
		}
	}
	return all
}

// listOfSize returns the list of blocks whose data has the size given.
func listOfSize(file []byte, blocks []blockRef, size int64) (blockRef, bool) {
	for _, b := range blocks {
		if data := file[b.at:][:b.size]; b.bid&2 != 0 && data[0] == 1 && data[1] == 1 && int64(le.Uint32(data[4:])) == size {
			return b, true
		}
	}
	return blockRef{}, false
}

// blockList returns a list of blocks, or of lists of them (MS-PST 2.2.2.8.3.2).
func blockList(level byte, of []uint64, total int64) []byte {
	b := []byte{1, level}
	b = le.AppendUint16(b, uint16(len(of)))
	b = le.AppendUint32(b, uint32(total))
	for _, bid := range of {
		b = le.AppendUint64(b, bid)
	}
	return b
}

// tailWriter writes a file from its beginning on. Errors are bufio's: the last flush returns them.
type tailWriter struct {
	w    *bufio.Writer
	at   uint64
	next uint64 // number of the next block or page
}

func (w *tailWriter) write(b []byte) {
	n, _ := w.w.Write(b)
	w.at += uint64(n)
}

func (w *tailWriter) align(to uint64) { w.write(make([]byte, -w.at%to)) }

func (w *tailWriter) fresh() uint64 {
	bid := w.next
	w.next += 4
	return bid
}

type blocksAdded struct {
	*tailWriter
	refs     []blockRef
	last     []byte // whose checksum is known
	checksum uint32
}

// add writes a block (MS-PST 2.2.2.8) and returns its number.
func (w *blocksAdded) add(bid uint64, data []byte) uint64 {
	w.refs = append(w.refs, blockRef{bid, w.at, uint16(len(data))})
	if len(w.last) != len(data) || &w.last[0] != &data[0] {
		w.last, w.checksum = data, checksum(data)
	}
	var trailer []byte
	trailer = le.AppendUint16(trailer, uint16(len(data)))
	trailer = le.AppendUint16(trailer, signature(w.at, bid))
	trailer = le.AppendUint32(trailer, w.checksum)
	trailer = le.AppendUint64(trailer, bid)
	w.write(data)
	w.write(make([]byte, -(len(data)+len(trailer))&63))
	w.write(trailer)
	return bid
}

// tree writes the tree of blocks and returns its root (MS-PST 2.2.2.7.7).
func (w *tailWriter) tree(blocks []blockRef) (root blockRef) {
	w.align(512)
	var pages []blockRef
	var keys []uint64 // the first number below each
	for part := range slices.Chunk(blocks, pageEntries) {
		var entries []byte
		for _, b := range part {
			entries = le.AppendUint64(entries, b.bid)
			entries = le.AppendUint64(entries, b.at)
			entries = le.AppendUint16(entries, b.size)
			entries = append(entries, 2, 0, 0, 0, 0, 0)
		}
		pages, keys = append(pages, w.page(entries, 0)), append(keys, part[0].bid)
	}
	for level := byte(1); len(pages) > 1; level++ {
		var above []blockRef
		var aboveKeys []uint64
		for len(pages) > 0 {
			n := min(len(pages), pageEntries)
			var entries []byte
			for i, p := range pages[:n] {
				entries = le.AppendUint64(entries, keys[i])
				entries = le.AppendUint64(entries, p.bid)
				entries = le.AppendUint64(entries, p.at)
			}
			above, aboveKeys = append(above, w.page(entries, level)), append(aboveKeys, keys[0])
			pages, keys = pages[n:], keys[n:]
		}
		pages, keys = above, aboveKeys
	}
	return pages[0]
}

func (w *tailWriter) page(entries []byte, level byte) blockRef {
	const ofBlocks = 0x80
	ref := blockRef{bid: w.fresh(), at: w.at}
	page := make([]byte, 512)
	copy(page, entries)
	page[488], page[489], page[490], page[491] = byte(len(entries)/24), pageEntries, 24, level
	page[496], page[497] = ofBlocks, ofBlocks
	le.PutUint16(page[498:], signature(ref.at, ref.bid))
	le.PutUint32(page[500:], checksum(page[:496]))
	le.PutUint64(page[504:], ref.bid)
	w.write(page)
	return ref
}

// sizeOfAttachment returns what the command says of the first attachment of a name.
func sizeOfAttachment(t *testing.T, archive, name string) int64 {
	t.Helper()
	r := mailmill(t, "list", "--json", "--only", "mail", archive).want(t, 0)
	for line := range bytes.Lines(r.stdout) {
		var item struct {
			Attachments []struct {
				Name string
				Size int64
			}
		}
		if err := json.Unmarshal(line, &item); err != nil {
			t.Fatal(err)
		}
		for _, a := range item.Attachments {
			if a.Name == name {
				return a.Size
			}
		}
	}
	t.Fatalf("%s has no attachment %s", archive, name)
	return 0
}
