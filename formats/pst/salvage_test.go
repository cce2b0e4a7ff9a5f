package pst

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"testing"

	"mailmill/formats/mapi"
	"mailmill/formats/pst/internal/ndb"
)

// pages returns the offsets of the pages of a tree, whatever leads to them.
func (im image) pages(format Format, kind byte) (list []int) {
	size, trailer, level := 512, 496, 491
	switch format {
	case ANSI:
		trailer, level = 500, 499
	case Unicode4K:
		size, trailer, level = 4096, 4072, 4061
	}
	for at := 0; at+size <= len(im); at += size {
		p := im[at : at+size]
		sum := p[trailer+4:]
		if format == ANSI {
			sum = p[trailer+8:]
		}
		if p[trailer] == kind && p[trailer+1] == kind && p[level] < 8 && le.Uint32(sum) == crc(p[:trailer]) {
			list = append(list, at)
		}
	}
	return list
}

// contents returns a digest of each message of a file by its node.
func contents(t *testing.T, f *File) map[NID][sha256.Size]byte {
	t.Helper()
	all := make(map[NID][sha256.Size]byte)
	for id := range f.Nodes() {
		if KindOf(id) == KindMessage {
			all[id] = digestOf(t, f, id)
		}
	}
	return all
}

// digestOf returns a digest of what can be read of a message.
func digestOf(t *testing.T, f *File, id NID) (digest [sha256.Size]byte) {
	t.Helper()
	m, err := f.Message(id)
	if err != nil {
		t.Errorf("message %v: %v", id, err)
		return digest
	}
	h := sha256.New()
	properties := func(p mapi.Properties) {
		for property := range p.All() {
			property.Name = nil // known only where the map of names is
			digestProperty(h, property)
		}
	}
	properties(m)
	recipients, _ := m.Recipients()
	for _, r := range recipients {
		properties(r)
	}
	attachments, _ := m.Attachments()
	for _, a := range attachments {
		properties(a)
		if r, err := a.Open(); err == nil {
			_, err := io.Copy(h, r)
			fmt.Fprintln(h, err != nil)
		}
	}
	h.Sum(digest[:0])
	return digest
}

func sameContents(t *testing.T, got, want map[NID][sha256.Size]byte) {
	t.Helper()
	for id, digest := range want {
		if d, ok := got[id]; !ok {
			t.Errorf("message %v is lost", id)
		} else if d != digest {
			t.Errorf("message %v reads otherwise", id)
		}
	}
	for id := range got {
		if _, ok := want[id]; !ok {
			t.Errorf("message %v is there in addition", id)
		}
	}
}

// variants are the sample in all formats, fewer in short tests.
func variants(t *testing.T) map[string]image {
	all := map[string]image{"ANSI": transcoded(t, ansi), "4K": transcoded(t, compressed)}
	if !testing.Short() {
		all["Unicode"], all["4K plain"] = sample(t), transcoded(t, plain)
	}
	return all
}

// TestSalvageTrees destroys the upper pages of the trees, or the whole block tree: the leaves and the blocks are found all
// the same, in every format.
func TestSalvageTrees(t *testing.T) {
	t.Parallel()
	for name, im := range variants(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := im.open(t)
			format := whole.Info().Format
			want := contents(t, whole)
			level := map[Format]int{ANSI: 499, Unicode: 491, Unicode4K: 4061}[format]
			size := map[Format]int{ANSI: 512, Unicode: 512, Unicode4K: 4096}[format]
			for _, c := range []struct {
				name   string
				kinds  []byte
				leaves bool
			}{{"upper pages", []byte{0x80, 0x81}, false}, {"block tree", []byte{0x80}, true}} {
				t.Run(c.name, func(t *testing.T) {
					im := bytes.Clone(im)
					for _, kind := range c.kinds {
						for _, at := range image(im).pages(format, kind) {
							if c.leaves || im[at+level] > 0 {
								clear(im[at : at+size])
							}
						}
					}
					f := image(im).open(t)
					sameContents(t, contents(t, f), want)
				})
			}
		})
	}
}

// TestSalvageItems destroys the whole node tree: items are put together from their blocks, and each says so.
func TestSalvageItems(t *testing.T) {
	t.Parallel()
	for name, im := range variants(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whole := im.open(t)
			format := whole.Info().Format
			want := make(map[[sha256.Size]byte]int)
			for id, digest := range contents(t, whole) {
				m, err := whole.Message(id)
				if err != nil {
					t.Fatal(err)
				}
				// A heap of several blocks reads otherwise where identifiers of its items are divided otherwise.
				if n, _ := whole.db.Node(m.NID); format != Unicode4K || !n.Data.Internal() {
					want[digest]++
				}
			}
			im := bytes.Clone(im)
			for _, at := range image(im).pages(format, 0x81) {
				clear(im[at : at+512])
			}
			f := image(im).open(t)
			found, right := 0, 0
			for id := range f.Nodes() {
				m, err := f.Message(id)
				if err != nil {
					t.Error(err)
					continue
				}
				if m.Damage() == nil {
					t.Errorf("message %v does not say how it was found", id)
				}
				found++
				// Named properties are known by their names again where the map of names was found.
				digest := digestOf(t, f, id)
				if want[digest]--; want[digest] >= 0 {
					right++
				}
			}
			total := 0
			for _, n := range want {
				total += max(n, 0)
			}
			t.Logf("%d messages found, %d right, %d others lost", found, right, total)
			if right < 200 {
				t.Errorf("%d messages are found as they were", right)
			}
			if found > 220 {
				t.Errorf("%d messages are found", found)
			}
		})
	}
}

// addPage appends a page to the file and returns its offset.
func (im *image) addPage(page []byte, bid uint64) uint64 {
	*im = append(*im, make([]byte, (512-len(*im)%512)%512)...)
	at := uint64(len(*im))
	page = bytes.Clone(page)
	le.PutUint16(page[498:], ndb.Signature(int64(at), ndb.BID(bid)))
	le.PutUint64(page[504:], bid)
	*im = append(*im, page...)
	im.sealPage(at)
	return at
}

// rewrite writes a leaf of the node tree anew, as Outlook does when something in it changes: elsewhere, under a new
// identifier. The old page stays where it is.
func (im *image) rewrite(t *testing.T, leaf uint64, change func(page []byte)) {
	t.Helper()
	page := bytes.Clone((*im)[leaf : leaf+512])
	change(page)
	const bid = 1 << 30
	at := im.addPage(page, bid)
	_, inner := im.leaves(im.nbt())
	for _, up := range inner {
		for i := range int((*im)[up+488]) {
			if e := (*im)[up+24*uint64(i):]; le.Uint64(e[16:]) == leaf {
				le.PutUint64(e[8:], bid)
				le.PutUint64(e[16:], at)
				im.sealPage(up)
				return
			}
		}
	}
	t.Fatal("the page is in no other")
}

// dropEntry takes an entry out of a page.
func dropEntry(page []byte, key uint64, stride int) {
	n := int(page[488])
	for i := range n {
		if le.Uint64(page[i*stride:]) == key {
			copy(page[i*stride:], page[(i+1)*stride:n*stride])
			clear(page[(n-1)*stride : n*stride])
			page[488]--
			return
		}
	}
}

// blocksOf returns the blocks of a node and of its sub-nodes.
func (im image) blocksOf(n nodeEntry) (list []uint64) {
	all := im.blocks()
	var data, subs func(uint64)
	data = func(bid uint64) {
		b, ok := all[bid&^1]
		if !ok {
			return
		}
		list = append(list, bid&^1)
		if bid&2 != 0 {
			raw := im[b.offset():]
			for i := range int(le.Uint16(raw[2:])) {
				data(le.Uint64(raw[8+8*i:]))
			}
		}
	}
	subs = func(bid uint64) {
		b, ok := all[bid&^1]
		if !ok {
			return
		}
		list = append(list, bid&^1)
		raw := im[b.offset():]
		for i := range int(le.Uint16(raw[2:])) {
			data(le.Uint64(raw[8+24*i+8:]))
			subs(le.Uint64(raw[8+24*i+16:]))
		}
	}
	data(n.data)
	subs(n.sub)
	return list
}

// forget takes blocks out of the block tree.
func (im image) forget(list []uint64) {
	leaves, _ := im.leaves(im.bbt())
	for _, bid := range list {
		for _, at := range leaves {
			dropEntry(im[at:at+512], bid, 24)
			im.sealPage(at)
		}
	}
}

// TestRecover deletes messages as Outlook does, with the old page of the node tree left in the file and without: they
// come back on demand, and only then.
func TestRecover(t *testing.T) {
	t.Parallel()
	original := sample(t)
	whole := original.open(t)
	want := contents(t, whole)
	var victims []nodeEntry
	for _, n := range original.nodes() {
		if KindOf(NID(n.nid)) == KindMessage && n.data&2 == 0 && len(victims) < 40 {
			victims = append(victims, n)
		}
	}
	last := victims[32:]
	if testing.Short() {
		last = last[6:]
	}
	for _, n := range last {
		for _, wipe := range []bool{false, true} {
			im := slices.Clone(original)
			im.forget(im.blocksOf(n))
			im.rewrite(t, n.page, func(page []byte) { dropEntry(page, uint64(n.nid), 32) })
			if wipe {
				clear(im[n.page : n.page+512])
			}
			f := im.open(t)
			if _, err := f.Message(NID(n.nid)); err == nil {
				t.Fatalf("message %#x is not deleted", n.nid)
			}
			if list, _ := f.Warnings(); len(list) > 0 {
				t.Fatalf("warnings %v", list)
			}
			f.Recover()
			got := contents(t, f)
			if len(got) != len(want) {
				t.Fatalf("%d messages, want %d", len(got), len(want))
			}
			id := NID(n.nid)
			for other := range got {
				if _, ok := want[other]; !ok && wipe {
					id = other
				}
			}
			if got[id] != want[NID(n.nid)] {
				t.Errorf("message %#x reads otherwise (wiped: %v)", n.nid, wipe)
			}
			m, err := f.Message(id)
			if err != nil {
				t.Fatal(err)
			}
			if damage := m.Damage(); (damage != nil) != wipe {
				t.Errorf("message %#x, wiped %v: damage %v", n.nid, wipe, damage)
			}
		}
	}

	t.Run("not whole", func(t *testing.T) {
		im, n := slices.Clone(original), victims[0]
		blocks := im.blocksOf(n)
		last := im.blocks()[blocks[len(blocks)-1]]
		at, slot := last.offset(), last.slot()
		im.rewrite(t, n.page, func(page []byte) { dropEntry(page, uint64(n.nid), 32) })
		im.forget(blocks)
		clear(im[at:][:slot])
		f := im.open(t)
		f.Recover()
		if got := contents(t, f); len(got) != len(want)-1 {
			t.Errorf("%d messages, want %d", len(got), len(want)-1)
		}
	})
	t.Run("nothing deleted", func(t *testing.T) {
		im := slices.Clone(original)
		for i, n := range victims {
			if i == 0 || n.page != victims[i-1].page {
				im.addPage(im[n.page:n.page+512], 1)
			}
		}
		f := im.open(t)
		f.Recover()
		sameContents(t, contents(t, f), want)
	})
}

// TestOldPages has several states of a page and no tree above them: the newest is right, also in what it does not have.
func TestOldPages(t *testing.T) {
	t.Parallel()
	im := sample(t)
	want := contents(t, im.open(t))
	leaves, inner := im.leaves(im.nbt())
	for _, leaf := range leaves[:len(leaves)-1] {
		old := bytes.Clone(im[leaf : leaf+512])
		first, deleted := NID(le.Uint32(old)), NID(le.Uint32(old[32:]))
		if old[488] < 3 || KindOf(first) != KindMessage || KindOf(deleted) != KindMessage {
			continue
		}
		le.PutUint64(old[8:], le.Uint64(old[32+8:])) // the first had other data then
		im.addPage(old, 1)
		im.forget(im.blocksOf(im.node(t, deleted)))
		dropEntry(im[leaf:leaf+512], uint64(deleted), 32)
		im.sealPage(leaf)
		delete(want, deleted)
	}
	for _, at := range inner {
		clear(im[at : at+512])
	}
	f := im.open(t)
	got := contents(t, f)
	sameContents(t, got, want)
	for id := range got {
		if m, _ := f.Message(id); m.Damage() != nil {
			t.Errorf("message %v: %v", id, m.Damage())
		}
	}
}

// TestPlanted attaches pages and blocks of a data file to a message: they are taken for what they are, content. Those of
// a real file say by their signatures that they lie elsewhere, and made ones lie within a block that is whole.
func TestPlanted(t *testing.T) {
	t.Parallel()
	im := sample(t)
	recode(im, func(uint64, []byte) {}) // no encoding, so that a page in a block is one on disk
	im[513] = 0
	im.sealHeader()
	leaves, _ := im.leaves(im.nbt())
	victim := leaves[len(leaves)/2]
	before := contents(t, im.open(t))
	for _, made := range []bool{false, true} {
		t.Run(fmt.Sprintf("made %v", made), func(t *testing.T) {
			im := slices.Clone(im)
			planted := 0
			for _, b := range im.blocks() {
				// Blocks of large values: not heaps, and as full as blocks are.
				if b.bid()&2 != 0 || b.size() < 8000 || im[b.offset()+2] == 0xEC {
					continue
				}
				at := (b.offset() + 511) &^ 511
				if at+512 > b.offset()+uint64(b.size()) {
					continue
				}
				page := bytes.Clone(im[victim : victim+512])
				for i := range int(page[488]) {
					le.PutUint64(page[32*i+8:], b.bid())
				}
				bid := le.Uint64(page[504:])
				if made {
					bid += 1 << 20
					le.PutUint16(page[498:], ndb.Signature(int64(at), ndb.BID(bid)))
				}
				le.PutUint64(page[504:], bid)
				copy(im[at:], page)
				im.sealPage(at)
				im.sealBlock(b)
				planted++
			}
			if planted < 20 {
				t.Fatalf("%d pages planted", planted)
			}
			want := contents(t, im.open(t))
			clear(im[victim : victim+512])
			got := contents(t, im.open(t))
			for id, digest := range got {
				if d, ok := want[id]; ok && d != digest {
					t.Errorf("message %v is what was planted", id)
				}
			}
			if len(got) < len(before)-2 {
				t.Errorf("%d messages of %d", len(got), len(before))
			}
		})
	}
}
