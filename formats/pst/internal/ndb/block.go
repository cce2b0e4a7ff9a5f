package ndb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zlib"
)

// readBlock returns a block's data, decompressed and decoded, in dst where it has room and in new memory else. Data
// whose checksum is wrong is returned with an error that wraps [ErrChecksum].
func (f *File) readBlock(id BID, dst []byte) ([]byte, error) {
	ref, _ := f.find(id)
	return f.readFound(ref, nil, dst)
}

// readFound is readBlock for a block that has been looked up, from the stretch if it is there.
func (f *File) readFound(ref blockRef, s *stretch, dst []byte) ([]byte, error) {
	b, err := f.readRef(ref, s, dst)
	if err != nil && ref.offset != nowhere {
		b, err = f.salvage(ref, b, dst, err)
	}
	if err != nil {
		f.warn.block(ref, "%v", err)
		err = &BlockError{ref.bid, ref.offset, err}
	}
	return b, err
}

// salvage reads a block that is not whole where it should be, which was read as b: with the size that its trailer tells,
// from another place, or with the one byte put right that is wrong.
func (f *File) salvage(ref blockRef, b, dst []byte, err error) ([]byte, error) {
	if resized, found := f.resized(ref); found {
		f.warn.block(ref, "%d bytes by the index, %d by its trailer", ref.stored, resized.stored)
		return f.readRef(resized, nil, dst)
	}
	if other, found := f.elsewhere(ref); found {
		f.warn.block(ref, "%v; it is at 0x%x", err, other.offset)
		return f.readRef(other, nil, dst)
	}
	if errors.Is(err, ErrChecksum) {
		ref.mark |= markMend
		return f.readRef(ref, nil, dst)
	}
	return b, err
}

// readRef reads the block that lies where ref says.
func (f *File) readRef(ref blockRef, s *stretch, dst []byte) ([]byte, error) {
	l := &f.layout
	size := int(ref.stored)
	slot := l.slot(size)
	switch {
	case ref.offset == nowhere:
		return nil, ErrNotFound
	case size == 0 || size > l.maxBlock:
		return nil, fmt.Errorf("%w: %d bytes long", ErrCorrupt, size)
	case ref.offset < 0 || ref.offset > f.size-int64(size):
		return nil, ErrOutside
	}
	trailerLost := ref.offset > f.size-int64(slot)
	if trailerLost {
		slot = size
	}
	var checksum error
	use := func(b []byte) error {
		data := b[:size]
		if trailerLost {
			checksum = fmt.Errorf("%w: the file ends before it", ErrChecksum)
		} else if err := f.checkTrailer(ref, data, b[slot-l.blockTrailer:]); err != nil {
			if !Usable(err) {
				return err
			}
			checksum = err
			if ref.mark&markMend != 0 {
				if right, ok := f.mended(ref, data, b[slot-l.blockTrailer:]); ok {
					data, checksum = right, errMended
				}
			}
		}
		if ref.inflated != ref.stored && l.format == Unicode4K {
			inflated, err := inflate(dst, data, int(ref.inflated))
			dst = inflated
			if err != nil {
				return err
			}
			if !ref.bid.Internal() {
				Decode(f.header.Crypt, ref.bid, dst, dst)
			}
			return nil
		}
		if cap(dst) < size {
			dst = make([]byte, size)
		}
		dst = dst[:size]
		if ref.bid.Internal() {
			copy(dst, data)
		} else {
			Decode(f.header.Crypt, ref.bid, dst, data)
		}
		return nil
	}
	var err error
	if s.holds(ref.offset, slot) {
		err = use(s.view(ref.offset, slot))
	} else {
		err = f.cache.view(ref.offset, slot, use)
	}
	if err != nil {
		return nil, err
	}
	return dst, checksum
}

// slot returns the room that a block takes in the file.
func (l *layout) slot(size int) int {
	return (size + l.blockTrailer + l.blockAlign - 1) / l.blockAlign * l.blockAlign
}

// resized looks for the trailer of a block whose size in the index is wrong: the block ends where a trailer names it
// and has the checksum of what lies before it.
func (f *File) resized(ref blockRef) (blockRef, bool) {
	l := &f.layout
	room := min(int64(l.slot(l.maxBlock)), f.size-ref.offset)
	if ref.offset < 0 || room < int64(l.blockAlign) {
		return ref, false
	}
	found := false
	err := f.cache.view(ref.offset, int(room), func(b []byte) error {
		for end := l.blockAlign; end <= len(b) && !found; end += l.blockAlign {
			t := l.trailer(b[end-l.blockTrailer : end])
			size := int(t.size)
			if t.bid.key() != ref.bid || t.size == ref.stored || size == 0 || l.slot(size) != end {
				continue
			}
			if found = t.sum == Checksum(b[:size]); found {
				ref.stored, ref.inflated = t.size, t.inflated
			}
		}
		return nil
	})
	return ref, found && err == nil
}

// trailer is what stands behind a block's data (BLOCKTRAILER, MS-PST 2.2.2.8.1).
type trailer struct {
	size, signature uint16
	sum             uint32
	bid             BID
	inflated        uint16
}

func (l *layout) trailer(b []byte) trailer {
	t := trailer{size: le.Uint16(b), signature: le.Uint16(b[2:])}
	t.inflated = t.size
	switch {
	case !l.wide:
		t.bid, t.sum = BID(le.Uint32(b[4:])), le.Uint32(b[8:])
	case l.format == Unicode4K:
		t.inflated = le.Uint16(b[18:])
		fallthrough
	default:
		t.sum, t.bid = le.Uint32(b[4:]), BID(le.Uint64(b[8:]))
	}
	return t
}

// checkTrailer checks a block against its trailer.
func (f *File) checkTrailer(ref blockRef, data, b []byte) error {
	t := f.layout.trailer(b)
	sum := Checksum(data)
	right := t.sum == sum
	named := t.bid.key() == ref.bid
	signed := t.signature == Signature(ref.offset, ref.bid)
	switch {
	case right && !named && signed && t.size == ref.stored:
		f.warn.block(ref, "is called %v by its trailer", t.bid)
		return nil
	case right && !named:
		return fmt.Errorf("%w: another block, %v, lies there", ErrCorrupt, t.bid)
	case !right && named && signed && t.size == ref.stored && sumMisread(sum, t.sum):
		f.warn.block(ref, "wrong checksum, but for one byte of it")
		return nil
	case !right:
		return ErrChecksum
	}
	if ref.mark&markTwice != 0 {
		return errTwice
	}
	if t.size != ref.stored {
		f.warn.block(ref, "%d bytes by its trailer, %d by the index", t.size, ref.stored)
	}
	if t.signature != Signature(ref.offset, t.bid) {
		f.warn.block(ref, "wrong signature")
	}
	return nil
}

// mended returns the data with the one byte put right that its checksum tells to be wrong.
func (f *File) mended(ref blockRef, data, b []byte) ([]byte, bool) {
	t := f.layout.trailer(b)
	if t.bid.key() != ref.bid || t.size != ref.stored {
		return nil, false
	}
	right := bytes.Clone(data)
	return right, mend(right, t.sum)
}

// errMended comes with data that is right unless more bytes than one were wrong in an improbable way.
var errMended = fmt.Errorf("%w; the one byte that seems to be wrong was put right", ErrChecksum)

// Mended reports whether the error is that of data in which one byte was put right.
func Mended(err error) bool { return errors.Is(err, errMended) }

var inflaters sync.Pool

// inflate decompresses a block of an OST with 4K pages; size is what the index tells.
func inflate(dst, src []byte, size int) ([]byte, error) {
	if size > layouts[Unicode4K].maxBlock+layouts[Unicode4K].blockTrailer {
		return nil, fmt.Errorf("%w: %d bytes long", ErrCorrupt, size)
	}
	var z io.ReadCloser
	var err error
	if pooled, ok := inflaters.Get().(io.ReadCloser); ok {
		z = pooled
		err = z.(zlib.Resetter).Reset(bytes.NewReader(src), nil)
	} else {
		z, err = zlib.NewReader(bytes.NewReader(src))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: decompressing: %v", ErrCorrupt, err)
	}
	if cap(dst) < size {
		dst = make([]byte, size)
	}
	dst = dst[:size]
	n, err := io.ReadFull(z, dst)
	if err != nil {
		return nil, fmt.Errorf("%w: decompressing: %v after %d bytes of %d", ErrCorrupt, err, n, size)
	}
	inflaters.Put(z)
	return dst, nil
}
