package pst

import (
	"bytes"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"mailmill/formats/corpustest"
	"mailmill/formats/mapi"
	"mailmill/formats/pst/psttest"
)

// patched is a small file to be changed in places.
type patched struct {
	image
	blocks map[uint64]blockEntry
}

func newPatched(t testing.TB) *patched {
	t.Helper()
	f, err := psttest.Read(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	a, err := f.Small()
	if err != nil {
		t.Fatal(err)
	}
	im := image(a.Build(psttest.Variant{Format: psttest.Unicode, Crypt: 1}))
	return &patched{im, im.blocks()}
}

// patch is eight bytes, and where they go.
type patch struct {
	at uint32
	v  uint64
}

// with returns a copy with the patches, the checksums of what they hit made right or not.
func (p *patched) with(seal bool, patches ...patch) image {
	im := slices.Clone(p.image)
	for _, c := range patches {
		if int(c.at)+8 > len(im) {
			continue
		}
		le.PutUint64(im[c.at:], c.v)
		if !seal {
			continue
		}
		im.sealHeader()
		if page := uint64(c.at) &^ 511; page > 0 && page+512 <= uint64(len(im)) && im[page+496]&0xFE == 0x80 {
			im.sealPage(page)
		}
		for _, b := range p.blocks {
			if o := uint64(c.at); o >= b.offset() && o < b.offset()+uint64(b.size()) && b.offset()+uint64(b.slot()) <= uint64(len(im)) {
				le.PutUint32(im[b.offset()+uint64(b.slot())-12:], crc(im[b.offset():][:b.size()]))
			}
		}
	}
	return im
}

// FuzzFile changes a file at up to three places, with the checksum of whatever it hit made right again or not, and reads
// all that is left: no panic, no end to it, and no more memory than the file explains.
func FuzzFile(f *testing.F) {
	p := newPatched(f)
	leavesN, innerN := p.leaves(p.nbt())
	leavesB, innerB := p.leaves(p.bbt())
	for _, at := range [][]uint64{leavesN, innerN, leavesB, innerB} {
		page := uint32(at[len(at)/2])
		f.Add(page+8, uint64(1), page+16, uint64(0xFFFF), page+488, uint64(0xFF), true)
	}
	f.Add(uint32(180), uint64(1<<40), uint32(224), uint64(0), uint32(513), uint64(2), true)
	seeds := 0
	for _, n := range p.nodes() {
		for _, bid := range []uint64{n.data, n.sub} {
			if b, ok := p.blocks[bid]; ok && seeds < 24 {
				f.Add(uint32(b.offset()), uint64(0xFFFF0101), uint32(b.offset())+8, bid, uint32(0), uint64(0x4E444221), true)
				seeds++
			}
		}
	}
	f.Fuzz(func(t *testing.T, at1 uint32, v1 uint64, at2 uint32, v2 uint64, at3 uint32, v3 uint64, seal bool) {
		readAll(t, p.with(seal, patch{at1, v1}, patch{at2, v2}, patch{at3, v3}))
	})
}

// FuzzSalvage is FuzzFile on a file whose trees have lost their roots, so that everything in it is found by the scan.
func FuzzSalvage(f *testing.F) {
	p := newPatched(f)
	leaves, _ := p.leaves(p.nbt())
	page := uint32(leaves[len(leaves)/2])
	f.Add(page, uint64(4), page+8, uint64(4), page+16, uint64(4), true, true)
	f.Add(page+488, uint64(0xFF), page+40, uint64(1<<63), uint32(0), uint64(0x4E444221), true, false)
	seeds := 0
	for _, b := range p.blocks {
		if b.bid()&2 != 0 && seeds < 8 {
			f.Add(uint32(b.offset()), uint64(0xFFFF0002), uint32(b.offset())+8, b.bid(), uint32(b.offset())+16, b.bid(), true, seeds%2 == 0)
			seeds++
		}
	}
	f.Fuzz(func(t *testing.T, at1 uint32, v1 uint64, at2 uint32, v2 uint64, at3 uint32, v3 uint64, seal, nodes bool) {
		im := p.with(seal, patch{at1, v1}, patch{at2, v2}, patch{at3, v3})
		if le.PutUint64(im[240:], 1<<40); nodes {
			le.PutUint64(im[224:], 1<<40)
		}
		readAll(t, im)
	})
}

// FuzzHeader reads files that are all but their header.
func FuzzHeader(f *testing.F) {
	im := sample(f)
	f.Add([]byte(im[:600]))
	ansi := bytes.Clone(im[:600])
	ansi[10] = 14
	f.Add(ansi)
	large := bytes.Clone(im[:600])
	large[10] = 36
	f.Add(large)
	f.Add([]byte(im[:8192]))
	f.Fuzz(func(t *testing.T, b []byte) { readAll(t, b) })
}

// readAll reads everything in a file that may be damaged.
func readAll(t testing.TB, b []byte) {
	start := corpustest.CPU()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f, err := NewReader(bytes.NewReader(b), int64(len(b)), Options{CacheSize: 1 << 20})
	if err != nil {
		return
	}
	f.Recover()
	f.Info()
	f.Top()
	f.Lost()
	items := 0
	for id := range f.Nodes() {
		switch KindOf(id) {
		case KindMessage, KindAssociated:
			if m, err := f.Message(id); err == nil {
				readHostile(m, 0, &items)
			}
		case KindFolder, KindSearchFolder:
			d, _ := f.Folder(id)
			if d == nil {
				continue
			}
			d.Children()
			for e := range d.Contents() {
				if e != nil {
					for range e.All() {
					}
				}
			}
			for range d.Associated() {
			}
		}
	}
	f.Warnings()
	runtime.ReadMemStats(&after)
	if took := corpustest.CPU() - start; took > 20*time.Second {
		t.Errorf("took %v", took)
	}
	if grew := int64(after.HeapAlloc) - int64(before.HeapAlloc); grew > 64<<20+4*int64(len(b)) {
		t.Errorf("%d MB of memory", grew>>20)
	}
}

func readHostile(m mapi.Message, depth int, items *int) {
	if *items++; *items > 100_000 {
		return
	}
	for range m.All() {
	}
	recipients, _ := m.Recipients()
	for _, r := range recipients {
		for range r.All() {
		}
	}
	attachments, _ := m.Attachments()
	for _, a := range attachments {
		for range a.All() {
		}
		a.DataSize()
		if r, err := a.Open(); err == nil {
			io.Copy(io.Discard, r)
			r.Close()
		}
		if e, err := a.Embedded(); err == nil && depth < 4 {
			readHostile(e, depth+1, items)
		}
	}
}
