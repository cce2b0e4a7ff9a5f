package psttest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Mutate returns a damaged copy of the file, and says what was done to it. sealed says that checksums were made right
// where something had been changed: then nobody can see that the content is another one. The same random numbers do the
// same damage.
func (f *File) Mutate(r *rand.Rand) (damaged []byte, done string, sealed bool) {
	if sealed = r.IntN(2) == 0; !sealed {
		damaged, done = f.Damage(r)
		return damaged, done, false
	}
	m := &mutation{File: *f, r: r, sealed: true}
	damaged, done = m.do(deep)
	return damaged, done, true
}

// Damage is Mutate for damage that checksums show.
func (f *File) Damage(r *rand.Rand) (damaged []byte, done string) {
	m := &mutation{File: *f, r: r}
	return m.do(plain)
}

// do applies a few of the changes to a copy of the file.
func (m *mutation) do(changes []func(*mutation)) ([]byte, string) {
	m.Bytes = bytes.Clone(m.Bytes)
	for range 1 + m.r.IntN(3) {
		if len(m.Bytes) < 1024 {
			break
		}
		changes[m.r.IntN(len(changes))](m)
	}
	return m.Bytes, strings.Join(m.done, ", ")
}

// mutation is one copy on its way. What is known of the file is from before the first change.
type mutation struct {
	File
	r      *rand.Rand
	sealed bool
	done   []string
}

func (m *mutation) say(format string, args ...any) {
	m.done = append(m.done, fmt.Sprintf(format, args...))
}

// plain damages what lies on the disk, as disks, networks and people do. deep damages structures, as programs do, and
// those who mean harm: whoever checks nothing but checksums finds nothing wrong.
var (
	plain = []func(*mutation){
		(*mutation).flipBits, (*mutation).changeByte, (*mutation).zero, (*mutation).noise, (*mutation).cut, (*mutation).copySector,
		(*mutation).swapSectors, (*mutation).header, (*mutation).zeroPage, (*mutation).zeroBlock, (*mutation).swapPages, (*mutation).extend,
	}
	deep = []func(*mutation){
		(*mutation).pageHead, (*mutation).pageEntry, (*mutation).pageEntry, (*mutation).swapPages, (*mutation).headerValue,
		(*mutation).blockValue, (*mutation).blockValue, (*mutation).heapValue, (*mutation).heapValue, (*mutation).heapValue,
		(*mutation).listEntry, (*mutation).listEntry, (*mutation).swapBlocks, (*mutation).copyPage, (*mutation).cut,
	}
)

func (m *mutation) at() int { return m.r.IntN(len(m.Bytes)) }

func (m *mutation) flipBits() {
	n := 1 + m.r.IntN(64)
	for range n {
		m.Bytes[m.at()] ^= 1 << m.r.IntN(8)
	}
	m.say("%d bits flipped", n)
}

func (m *mutation) changeByte() {
	at := m.at()
	m.Bytes[at] ^= byte(1 + m.r.IntN(255))
	m.say("byte %#x changed", at)
}

// sectors returns a place and a length in whole sectors.
func (m *mutation) sectors() (at, n int) {
	at = m.at() &^ 511
	return at, min(512*(1+m.r.IntN(16)), len(m.Bytes)-at)
}

func (m *mutation) zero() {
	at, n := m.sectors()
	clear(m.Bytes[at : at+n])
	m.say("%#x+%#x zeroed", at, n)
}

func (m *mutation) noise() {
	at, n := m.sectors()
	for i := range n {
		m.Bytes[at+i] = byte(m.r.Uint32())
	}
	m.say("%#x+%#x is noise", at, n)
}

func (m *mutation) cut() {
	at := m.at()
	if m.r.IntN(3) > 0 {
		// The trees stand near the end, where there is something left.
		at = max(len(m.Bytes)-1-m.r.IntN(8192), 0)
	}
	m.Bytes = m.Bytes[:at]
	m.say("cut at %#x", at)
}

func (m *mutation) copySector() {
	to, n := m.sectors()
	from := m.at() &^ 511
	copy(m.Bytes[to:to+n], m.Bytes[from:])
	m.say("%#x+%#x copied to %#x", from, n, to)
}

func (m *mutation) swapSectors() {
	a, b := m.at()&^511, m.at()&^511
	if n := 512; a+n <= len(m.Bytes) && b+n <= len(m.Bytes) {
		x := bytes.Clone(m.Bytes[a : a+n])
		copy(m.Bytes[a:], m.Bytes[b:b+n])
		copy(m.Bytes[b:], x)
		m.say("sectors %#x and %#x swapped", a, b)
	}
}

func (m *mutation) header() {
	at := m.r.IntN(564)
	m.Bytes[at] = byte(m.r.Uint32())
	m.say("byte %#x of the header", at)
}

func (m *mutation) extend() {
	n := 1 + m.r.IntN(20000)
	b := make([]byte, n)
	if m.r.IntN(2) == 0 {
		copy(b, m.Bytes[m.at():])
	}
	m.Bytes = append(m.Bytes, b...)
	m.say("%d bytes more", n)
}

// page returns a page that is still within the file.
func (m *mutation) page() (Page, bool) {
	p := m.Pages[m.r.IntN(len(m.Pages))]
	if m.r.IntN(4) == 0 {
		p = m.Pages[0] // the root
	}
	return p, p.At+layouts[m.Format].page <= len(m.Bytes)
}

// block returns a block that is still within the file.
func (m *mutation) block() (Block, bool) {
	b := m.Blocks[m.r.IntN(len(m.Blocks))]
	return b, b.At+layouts[m.Format].slot(b.Size) <= len(m.Bytes)
}

func (m *mutation) zeroPage() {
	if p, ok := m.page(); ok {
		clear(m.Bytes[p.At : p.At+layouts[m.Format].page])
		m.say("page %#x zeroed", p.At)
	}
}

func (m *mutation) zeroBlock() {
	if b, ok := m.block(); ok {
		clear(m.Bytes[b.At : b.At+layouts[m.Format].slot(b.Size)])
		m.say("block %#x zeroed", b.BID)
	}
}

func (m *mutation) swapPages() {
	a, ok := m.page()
	b, ok2 := m.page()
	if !ok || !ok2 {
		return
	}
	n := layouts[m.Format].page
	x := bytes.Clone(m.Bytes[a.At : a.At+n])
	copy(m.Bytes[a.At:], m.Bytes[b.At:b.At+n])
	copy(m.Bytes[b.At:], x)
	if m.sealed {
		m.sealPage(a.At)
		m.sealPage(b.At)
	}
	m.say("pages %#x and %#x swapped", a.At, b.At)
}

func (m *mutation) copyPage() {
	a, ok := m.page()
	b, ok2 := m.page()
	if !ok || !ok2 {
		return
	}
	n := layouts[m.Format].page
	copy(m.Bytes[a.At:], m.Bytes[b.At:b.At+n])
	m.sealPage(a.At)
	m.say("page %#x over %#x", b.At, a.At)
}

// value returns a number to put in the place of another: none, a huge one, one a little off, or the place, identifier
// or node of something else.
func (m *mutation) value(old uint64) uint64 {
	switch m.r.IntN(10) {
	case 0:
		return 0
	case 1:
		return ^uint64(0)
	case 2:
		return 1 << m.r.IntN(64)
	case 3:
		return old + uint64(m.r.IntN(9)) - 4
	case 4:
		return m.Blocks[m.r.IntN(len(m.Blocks))].BID
	case 5:
		return uint64(m.Blocks[m.r.IntN(len(m.Blocks))].At)
	case 6:
		return uint64(m.Pages[m.r.IntN(len(m.Pages))].At)
	case 7:
		return uint64(m.Nodes[m.r.IntN(len(m.Nodes))].NID)
	case 8:
		return m.r.Uint64() >> m.r.IntN(64)
	}
	return old ^ 1<<m.r.IntN(32)
}

// pageHead changes a page's count, size of entries or level.
func (m *mutation) pageHead() {
	p, ok := m.page()
	if !ok {
		return
	}
	at := p.At + layouts[m.Format].meta + m.r.IntN(6)
	m.Bytes[at] = byte(m.value(uint64(m.Bytes[at])))
	m.sealPage(p.At)
	m.say("page %#x: byte %#x of what it tells of itself", p.At, at-p.At)
}

// pageEntry changes a field of an entry: a key, an identifier, a place, a size, a parent. Or it makes an entry the same as
// another, of this page or the page itself.
func (m *mutation) pageEntry() {
	p, ok := m.page()
	if !ok || p.Count == 0 {
		return
	}
	entry := p.At + m.r.IntN(p.Count)*p.Width
	id := layouts[m.Format].id
	switch m.r.IntN(5) {
	case 0:
		other, ok := m.page()
		if !ok || other.Count == 0 {
			return
		}
		from := other.At + m.r.IntN(other.Count)*other.Width
		copy(m.Bytes[entry:entry+p.Width], m.Bytes[from:from+min(p.Width, other.Width)])
		m.say("page %#x: entry %#x from %#x", p.At, entry, from)
	case 1:
		if p.Level > 0 { // a loop
			m.putUint(entry+id, p.BID)
			m.putUint(entry+2*id, uint64(p.At))
			m.say("page %#x is in itself", p.At)
			break
		}
		fallthrough
	default:
		at := entry + m.r.IntN(p.Width/id)*id
		if p.Kind == 0x80 && m.r.IntN(2) == 0 {
			at = entry + 2*id // sizes
			le.PutUint16(m.Bytes[at:], uint16(m.value(uint64(le.Uint16(m.Bytes[at:])))))
		} else {
			m.putUint(at, m.value(m.uint(at)))
		}
		m.say("page %#x: entry %#x, byte %d", p.At, entry, at-entry)
	}
	m.sealPage(p.At)
}

// headerValue changes where the header says that the trees begin, how long the file is, or how it is encoded.
func (m *mutation) headerValue() {
	l := &layouts[m.Format]
	places := []int{l.eof, l.nbt, l.nbt + l.id, l.bbt, l.bbt + l.id}
	at := places[m.r.IntN(len(places))]
	switch m.r.IntN(6) {
	case 0:
		at = l.crypt
		m.Bytes[at] = byte(m.r.IntN(4))
	case 1:
		at = 10
		m.Bytes[at] = [...]byte{14, 15, 21, 23, 36, 0, 99}[m.r.IntN(7)]
	default:
		m.putUint(at, m.value(m.uint(at)))
	}
	m.sealHeader()
	m.say("header at %d", at)
}

// within changes the data of a block, and makes its checksum right.
func (m *mutation) within(b Block, change func([]byte)) {
	data, err := m.Data(b)
	if err != nil || len(data) < 16 {
		return
	}
	change(data)
	if !m.put(b, data) {
		m.say("(did not fit)")
	}
}

// blockValue changes a number anywhere in a block.
func (m *mutation) blockValue() {
	b, ok := m.block()
	if !ok {
		return
	}
	m.within(b, func(data []byte) {
		at := m.r.IntN(len(data)-8) &^ 1
		m.putNumber(data, at)
		m.say("block %#x: byte %#x", b.BID, at)
	})
}

func (m *mutation) putNumber(data []byte, at int) {
	if m.r.IntN(2) == 0 {
		le.PutUint16(data[at:], uint16(m.value(uint64(le.Uint16(data[at:])))))
	} else {
		le.PutUint32(data[at:], uint32(m.value(uint64(le.Uint32(data[at:])))))
	}
}

// heapValue changes what a heap is made of: its header, the map of its items, or a record of a B-tree or table on it (MS-PST
// 2.3).
func (m *mutation) heapValue() {
	for range 20 {
		b, ok := m.block()
		if !ok || b.Internal() {
			continue
		}
		heap := false
		m.within(b, func(data []byte) {
			pageMap := int(le.Uint16(data))
			if data[2] != 0xEC || pageMap+4 > len(data) {
				return
			}
			heap = true
			var at int
			switch m.r.IntN(4) {
			case 0:
				at = m.r.IntN(6) * 2 // the header
			case 1:
				at = min(pageMap+m.r.IntN(len(data)-pageMap)&^1, len(data)-4) // the map
			default:
				at = min(12+m.r.IntN(64)&^1, len(data)-4) // what comes first: the index, or the description of a table
			}
			m.putNumber(data, at)
			m.say("heap %#x: byte %#x", b.BID, at)
		})
		if heap {
			return
		}
	}
}

// listEntry changes a block of identifiers: its kind, its level, its count, or what it names. It may name itself.
func (m *mutation) listEntry() {
	var lists []Block
	for _, b := range m.Blocks {
		if b.Internal() && b.At+layouts[m.Format].slot(b.Size) <= len(m.Bytes) {
			lists = append(lists, b)
		}
	}
	if len(lists) == 0 {
		return
	}
	b := lists[m.r.IntN(len(lists))]
	m.within(b, func(data []byte) {
		at := m.r.IntN(4)
		switch places := idsIn(data, layouts[m.Format].id); {
		case m.r.IntN(3) == 0 || len(places) == 0:
			data[at] = byte(m.value(uint64(data[at])))
		default:
			at = places[m.r.IntN(len(places))]
			switch m.r.IntN(4) {
			case 0:
				le.PutUint32(data[at:], uint32(b.BID))
			case 1:
				le.PutUint32(data[at:], uint32(lists[m.r.IntN(len(lists))].BID))
			case 2:
				le.PutUint32(data[at:], uint32(m.Blocks[m.r.IntN(len(m.Blocks))].BID))
			default:
				m.putNumber(data, at)
			}
		}
		m.say("list %#x: byte %#x", b.BID, at)
	})
}

// swapBlocks gives two blocks each other's data, as far as it fits.
func (m *mutation) swapBlocks() {
	a, ok := m.block()
	b, ok2 := m.block()
	if !ok || !ok2 {
		return
	}
	x, err := m.Data(a)
	y, err2 := m.Data(b)
	if err != nil || err2 != nil {
		return
	}
	p, q := bytes.Clone(x), bytes.Clone(y)
	copy(p, y)
	copy(q, x)
	if m.put(a, p) && m.put(b, q) {
		m.say("blocks %#x and %#x swapped", a.BID, b.BID)
	}
}
