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
	trailer := b[l.pageTrailer:]
	if trailer[0] != kind || trailer[1] != kind {
		return page{}, fmt.Errorf("%w: type 0x%02x instead of 0x%02x", ErrCorrupt, trailer[0], kind)
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
		return page{}, fmt.Errorf("%w: level %d", ErrCorrupt, p.level)
	}
	if least := l.entrySize(kind, p.level); p.stride < least {
		return page{}, fmt.Errorf("%w: entries of %d bytes instead of %d", ErrCorrupt, p.stride, least)
	}
	if room := l.pageEntries / p.stride; p.count > room || p.count > most {
		f.warn.add(ref.Offset, "page of the %s tree: %d entries where there is room for %d", treeName(kind), p.count, min(room, most))
		p.count, p.overfull = min(p.count, room), true
	}
	p.data = b[:l.pageEntries]
	return p, nil
}
