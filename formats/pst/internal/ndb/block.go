package ndb

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zlib"
)

// readBlock returns a block's data, decompressed and decoded, in dst where it has room and in new memory else. Data
// whose checksum is wrong is returned with an error that wraps [ErrChecksum].
func (f *File) readBlock(id BID, dst []byte) ([]byte, error) {
	ref, ok := f.block(id)
	if !ok {
		ref.offset = -1
	}
	dst, err := f.readRef(id, ref, dst)
	if err != nil {
		f.warn.add(ref.offset, "block %v: %v", id, err)
		err = &BlockError{id, ref.offset, err}
	}
	return dst, err
}

func (f *File) readRef(id BID, ref blockRef, dst []byte) ([]byte, error) {
	l := &f.layout
	size := int(ref.stored)
	slot := (size + l.blockTrailer + l.blockAlign - 1) / l.blockAlign * l.blockAlign
	switch {
	case ref.bid == 0:
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
	err := f.cache.view(ref.offset, slot, func(b []byte) error {
		data := b[:size]
		if trailerLost {
			checksum = fmt.Errorf("%w: the file ends before it", ErrChecksum)
		} else if err := f.checkTrailer(ref, data, b[slot-l.blockTrailer:]); err != nil {
			if !Usable(err) {
				return err
			}
			checksum = err
		}
		if ref.inflated != ref.stored && l.format == Unicode4K {
			inflated, err := inflate(dst, data, int(ref.inflated))
			dst = inflated
			if err != nil {
				return err
			}
			if !id.Internal() {
				Decode(f.header.Crypt, ref.bid, dst, dst)
			}
			return nil
		}
		if cap(dst) < size {
			dst = make([]byte, size)
		}
		dst = dst[:size]
		if id.Internal() {
			copy(dst, data)
		} else {
			Decode(f.header.Crypt, ref.bid, dst, data)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return dst, checksum
}

// checkTrailer checks a block against its trailer (BLOCKTRAILER, MS-PST 2.2.2.8.1).
func (f *File) checkTrailer(ref blockRef, data, trailer []byte) error {
	var bid BID
	var sum uint32
	if f.layout.wide {
		sum, bid = le.Uint32(trailer[4:]), BID(le.Uint64(trailer[8:]))
	} else {
		bid, sum = BID(le.Uint32(trailer[4:])), le.Uint32(trailer[8:])
	}
	right := sum == Checksum(data)
	switch {
	case bid.key() != ref.bid && right:
		return fmt.Errorf("%w: another block, %v, lies there", ErrCorrupt, bid)
	case !right:
		return ErrChecksum
	}
	if size := le.Uint16(trailer); size != ref.stored {
		f.warn.add(ref.offset, "block %v: %d bytes by its trailer, %d by the index", ref.bid, size, ref.stored)
	}
	if s := le.Uint16(trailer[2:]); s != Signature(ref.offset, bid) {
		f.warn.add(ref.offset, "block %v: wrong signature", ref.bid)
	}
	return nil
}

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

// sizes returns how many bytes a block has, as stored and as it will be read, without reading it.
func (f *File) sizes(id BID) (stored, inflated int, ok bool) {
	ref, ok := f.block(id)
	return int(ref.stored), int(ref.inflated), ok
}
