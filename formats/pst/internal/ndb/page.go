package ndb

import "fmt"

// page is a page of a B-tree (BTPAGE, MS-PST 2.2.2.7.7.1).
type page struct {
	level  int
	count  int
	stride int
	data   []byte
	// overfull says that the count is damaged. The entries past the true one are what the page held before.
	overfull bool
	// doubtful says that the checksum is wrong: any of the entries may be.
	doubtful bool
	bid      BID
	wide     bool
}

// entry returns the i-th entry. Pages count their entries and say how long each is.
func (p *page) entry(i int) []byte { return p.data[i*p.stride : (i+1)*p.stride] }

// inOrder reports whether a key, which is the i-th entry's, is one that can be there: within the page's range, and not
// so large that the entry after it would be out of order.
func (p *page) inOrder(i int, key uint64, ref pageRef) bool {
	if key < ref.from || key >= ref.to {
		return false
	}
	if i+1 >= p.count {
		return true
	}
	next := p.key(i + 1)
	return key < next || next < ref.from || i > 0 && next <= p.key(i-1)
}

func (p *page) key(i int) uint64 {
	if p.wide {
		return le.Uint64(p.entry(i))
	}
	return uint64(le.Uint32(p.entry(i)))
}

const (
	// Pages that lie this near to each other are read at once, as far as they come to no more than maxRun.
	maxGap = 8 << 10
	maxRun = 256 << 10
)

// pageRun reads pages in the order of their offsets, those that lie together with one read.
type pageRun struct {
	f     *File
	buf   []byte
	start int64 // of buf in the file
}

// seek makes the first of some pages, which are given by their place in refs and in order of offset, available.
func (r *pageRun) seek(refs []pageRef, order []int) error {
	size := int64(r.f.layout.pageSize)
	offset := refs[order[0]].Offset
	if offset < 0 || offset > r.f.size-size {
		return ErrOutside
	}
	if offset >= r.start && offset+size <= r.start+int64(len(r.buf)) {
		return nil
	}
	end := offset + size
	for _, i := range order[1:] {
		next := refs[i].Offset
		if next > end+maxGap || next+size > offset+maxRun || next > r.f.size-size {
			break
		}
		end = max(end, next+size)
	}
	n := int(end - offset)
	if cap(r.buf) < n {
		r.buf = make([]byte, max(n, maxGap))
	}
	r.buf, r.start = r.buf[:n], offset
	n, err := r.f.cache.r.ReadAt(r.buf, offset)
	if n < len(r.buf) {
		r.buf = r.buf[:0]
		return err
	}
	return nil
}

func (r *pageRun) at(offset int64) []byte {
	from := int(offset - r.start)
	return r.buf[from : from+r.f.layout.pageSize]
}

// parsePage checks a page of a B-tree. A page whose checksum is wrong is used as far as it makes sense.
func (f *File) parsePage(kind byte, ref Ref, b []byte) (page, error) {
	l := &f.layout
	t := l.pageTrailerOf(b)
	mended := false
	if sum := Checksum(b[:l.pageTrailer]); sum != t.sum {
		if mended = sumMisread(sum, t.sum) || mend(b[:l.pageTrailer], t.sum); mended {
			f.warn.page(kind, ref, "wrong checksum; the one wrong byte is put right")
		} else {
			f.warn.page(kind, ref, "wrong checksum")
		}
	}
	p := page{bid: t.bid, wide: l.wide}
	p.doubtful = !mended && t.sum != Checksum(b[:l.pageTrailer])
	if k := b[l.pageTrailer:]; k[0] != kind || k[1] != kind {
		// What is right but for a byte here is the page all the same.
		if p.doubtful || t.bid != ref.BID || k[0] != kind && k[1] != kind {
			return page{}, fmt.Errorf("%w: type 0x%02x instead of 0x%02x", ErrCorrupt, k[0], kind)
		}
		f.warn.page(kind, ref, "type 0x%02x/0x%02x", k[0], k[1])
	}
	if t.bid != ref.BID {
		// A page whose signature is that of neither identifier in this place belongs elsewhere.
		if t.signature != Signature(ref.Offset, t.bid) && t.signature != Signature(ref.Offset, ref.BID) {
			return page{}, fmt.Errorf("%w: another page, %v, lies there", ErrCorrupt, t.bid)
		}
		f.warn.page(kind, ref, "is %v instead of %v", t.bid, ref.BID)
	} else if t.signature != Signature(ref.Offset, t.bid) {
		f.warn.page(kind, ref, "wrong signature")
	}
	var most int
	p.count, most, p.stride, p.level = l.pageCounts(b)
	if p.level >= maxLevels {
		return page{}, fmt.Errorf("%w: level %d", ErrCorrupt, p.level)
	}
	if least := l.entrySize(kind, p.level); p.stride < least {
		return page{}, fmt.Errorf("%w: entries of %d bytes instead of %d", ErrCorrupt, p.stride, least)
	}
	if room := l.pageEntries / p.stride; p.count > room || p.count > most {
		f.warn.page(kind, ref, "%d entries where there is room for %d", p.count, min(room, most))
		p.count, p.overfull = min(p.count, room), true
	}
	p.data = b[:l.pageEntries]
	return p, nil
}

// pageTrailerOf reads a page's trailer (PAGETRAILER, MS-PST 2.2.2.7.1), which has no size.
func (l *layout) pageTrailerOf(b []byte) trailer {
	b = b[l.pageTrailer:]
	t := trailer{signature: le.Uint16(b[2:])}
	if l.wide {
		t.sum, t.bid = le.Uint32(b[4:]), BID(le.Uint64(b[8:]))
	} else {
		t.bid, t.sum = BID(le.Uint32(b[4:])), le.Uint32(b[8:])
	}
	return t
}

// pageCounts reads what a page tells of its entries: their number, how many have room, their size, and the level.
func (l *layout) pageCounts(b []byte) (count, most, stride, level int) {
	m := b[l.pageEntries:]
	if l.format == Unicode4K {
		return int(le.Uint16(m)), int(le.Uint16(m[2:])), int(m[4]), int(m[5])
	}
	return int(m[0]), int(m[1]), int(m[2]), int(m[3])
}
