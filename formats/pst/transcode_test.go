package pst

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/klauspost/compress/zlib"

	"mailmill/formats/mapi"
	"mailmill/formats/pst/internal/ndb"
)

// transcoder writes the nodes and blocks of a Unicode file into a file of another format: there are hardly any real
// files of the other two with lists of blocks and of sub-nodes. What is in the blocks stays the same.
type transcoder struct {
	to  Format
	buf []byte
	bid uint64 // of the next page
}

func (x *transcoder) align(n int) {
	x.buf = append(x.buf, make([]byte, (n-len(x.buf)%n)%n)...)
}

// id appends an identifier or offset in the format's width.
func (x *transcoder) id(b []byte, v uint64) []byte {
	if x.to == ANSI {
		return le.AppendUint32(b, uint32(v))
	}
	return le.AppendUint64(b, v)
}

// block adds a block and returns its entry in the block tree (MS-PST 2.2.2.8.1, 2.2.2.7.7.3).
func (x *transcoder) block(bid uint64, data []byte, compress bool) []byte {
	inflated := len(data)
	align, trailer := 64, 12
	if x.to == Unicode4K {
		align, trailer = 512, 24
		if compress {
			var z bytes.Buffer
			w := zlib.NewWriter(&z)
			w.Write(data)
			w.Close()
			// The sizes tell whether a block is compressed: it is only where that makes it smaller.
			if z.Len() < len(data) {
				data = z.Bytes()
			}
		}
	}
	x.align(align)
	at := len(x.buf)
	x.buf = append(x.buf, data...)
	slot := (len(data) + trailer + align - 1) / align * align
	x.buf = append(x.buf, make([]byte, slot-len(data)-trailer)...)
	x.buf = le.AppendUint16(x.buf, uint16(len(data)))
	x.buf = le.AppendUint16(x.buf, ndb.Signature(int64(at), ndb.BID(bid)))
	if x.to == ANSI {
		x.buf = le.AppendUint32(x.buf, uint32(bid))
		x.buf = le.AppendUint32(x.buf, crc(data))
	} else {
		x.buf = le.AppendUint32(x.buf, crc(data))
		x.buf = le.AppendUint64(x.buf, bid)
		x.buf = append(x.buf, 0, 0)
		x.buf = le.AppendUint16(x.buf, uint16(inflated))
		x.buf = append(x.buf, 0, 0, 0, 0)
	}
	e := x.id(x.id(nil, bid), uint64(at))
	e = le.AppendUint16(e, uint16(len(data)))
	if x.to == ANSI {
		return le.AppendUint16(e, 2)
	}
	e = le.AppendUint16(e, uint16(inflated))
	return append(e, 2, 0, 0, 0)
}

// internal rewrites a list of blocks or sub-nodes in the format's width (MS-PST 2.2.2.8.3.2, 2.2.2.8.3.3).
func (x *transcoder) internal(b []byte) []byte {
	if x.to != ANSI {
		return b
	}
	n, perEntry := int(le.Uint16(b[2:])), 1
	out := slices.Clone(b[:8]) // with the size in bytes
	if b[0] == 2 {
		out = out[:4] // with padding, in Unicode files only
		if perEntry = 2; b[1] == 0 {
			perEntry = 3
		}
	}
	for i := range n * perEntry {
		out = le.AppendUint32(out, uint32(le.Uint64(b[8+8*i:])))
	}
	return out
}

// tree adds the pages of a B-tree and returns its root (MS-PST 2.2.2.7.7.1).
func (x *transcoder) tree(kind byte, level int, entries [][]byte) (bid, at uint64) {
	size, room, trailer := 512, 496, 500
	if x.to == Unicode4K {
		size, room, trailer = 4096, 4056, 4072
	}
	stride := len(entries[0])
	var parents [][]byte
	for page := range slices.Chunk(entries, room/stride) {
		p := make([]byte, size)
		for i, e := range page {
			copy(p[i*stride:], e)
		}
		x.align(size)
		at = uint64(len(x.buf))
		bid = x.bid
		x.bid += 4
		signature := ndb.Signature(int64(at), ndb.BID(bid))
		t := p[trailer:]
		t[0], t[1] = kind, kind
		le.PutUint16(t[2:], signature)
		if x.to == ANSI {
			p[496], p[497], p[498], p[499] = byte(len(page)), byte(room/stride), byte(stride), byte(level)
			le.PutUint32(t[4:], uint32(bid))
			le.PutUint32(t[8:], crc(p[:trailer]))
		} else {
			le.PutUint16(p[room:], uint16(len(page)))
			le.PutUint16(p[room+2:], uint16(room/stride))
			p[room+4], p[room+5] = byte(stride), byte(level)
			le.PutUint32(t[4:], crc(p[:trailer]))
			le.PutUint64(t[8:], bid)
		}
		x.buf = append(x.buf, p...)
		key := page[0][:4]
		if x.to != ANSI {
			key = page[0][:8]
		}
		parents = append(parents, x.id(x.id(slices.Clone(key), bid), at))
	}
	if len(parents) == 1 {
		return bid, at
	}
	return x.tree(kind, level+1, parents)
}

// transcode returns the file in another format; compress says whether blocks of OST files are compressed, every other
// one of them.
func (im image) transcode(to Format, compress bool) image {
	x := transcoder{to: to, buf: make([]byte, 4096), bid: 1 << 24}
	blocks := im.blocks()
	var bbt, nbt [][]byte
	for i, bid := range slices.Sorted(maps.Keys(blocks)) {
		b := blocks[bid]
		data := im[b.offset():][:b.size()]
		if bid&2 != 0 {
			data = x.internal(data)
		}
		bbt = append(bbt, x.block(bid, data, compress && i%2 == 0))
	}
	for _, n := range im.nodes() {
		e := x.id(x.id(x.id(nil, uint64(n.nid)), n.data), n.sub)
		e = le.AppendUint32(e, n.parent)
		if to != ANSI {
			e = le.AppendUint32(e, 0)
		}
		nbt = append(nbt, e)
	}
	nbtBID, nbtAt := x.tree(0x81, 0, nbt)
	bbtBID, bbtAt := x.tree(0x80, 0, bbt)

	out := image(x.buf)
	copy(out, im[:24])
	if to == ANSI {
		out[10] = 14
		le.PutUint32(out[168:], uint32(len(out)))
		for i, v := range []uint64{nbtBID, nbtAt, bbtBID, bbtAt} {
			le.PutUint32(out[184+4*i:], uint32(v))
		}
		out[461] = im[513]
		le.PutUint32(out[4:], crc(out[8:8+471]))
		return out
	}
	out[10] = 36
	le.PutUint64(out[184:], uint64(len(out)))
	for i, v := range []uint64{nbtBID, nbtAt, bbtBID, bbtAt} {
		le.PutUint64(out[216+8*i:], v)
	}
	out[513] = im[513]
	out.sealHeader()
	return out
}

// TestCase37Transcoded reads the sample, with all its lists of blocks and sub-nodes, from the other formats.
func TestCase37Transcoded(t *testing.T) {
	im := sample(t)
	t.Run("ANSI", func(t *testing.T) {
		out := im.transcode(ANSI, false)
		if f := out.open(t).Info().Format; f != ANSI {
			t.Fatalf("format %v", f)
		}
		checkEqualAndSound(t, out, digest(t, im.open(t)))
	})
	for _, c := range []struct {
		name     string
		compress bool
	}{{"4K", false}, {"4K compressed", true}} {
		t.Run(c.name, func(t *testing.T) {
			out := im.transcode(Unicode4K, c.compress)
			got, want := out.open(t), im.open(t)
			if f := got.Info().Format; f != Unicode4K {
				t.Fatalf("format %v", f)
			}
			// Identifiers of heap items are divided otherwise in this format: only in heaps of one block are they the same.
			messages := slices.DeleteFunc(im.nodes(), func(n nodeEntry) bool {
				return n.nid&0x1F != ndb.TypeMessage || n.data&2 != 0
			})
			slices.SortFunc(messages, func(a, b nodeEntry) int { return cmp.Compare(a.nid, b.nid) })
			if len(messages) < 200 {
				t.Fatalf("only %d messages to compare", len(messages))
			}
			for _, n := range messages {
				if digestNode(t, got, NID(n.nid)) != digestNode(t, want, NID(n.nid)) {
					t.Errorf("message %#x reads otherwise", n.nid)
				}
			}
			if list, _ := got.Warnings(); len(list) > 0 {
				t.Errorf("warnings %v", list)
			}
		})
	}
}

// digestNode returns a digest of one message, without the tables and embedded messages whose heaps have several blocks.
func digestNode(t *testing.T, f *File, nid NID) [sha256.Size]byte {
	t.Helper()
	m, err := f.Message(nid)
	if err != nil {
		t.Fatalf("message %v: %v", nid, err)
	}
	h := sha256.New()
	digestProperties(t, h, m)
	attachments, _ := m.Attachments()
	for _, a := range attachments {
		if v, _ := a.Lookup(mapi.ID(0x3705)); v.Int() != 1 {
			continue
		}
		if r, err := a.Open(); err == nil {
			if _, err := io.Copy(h, r); err != nil {
				t.Errorf("message %v: %v", nid, err)
			}
		}
	}
	return [sha256.Size]byte(h.Sum(nil))
}
