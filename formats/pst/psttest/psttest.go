// Package psttest takes Outlook data files apart and puts them together again, for tests: in other formats and
// encodings, with less in them, and damaged.
//
// [Read] finds where everything is in a file that is whole, with a knowledge of the format (MS-PST 2.2.2) of its own.
// [File.Keep] leaves items out, [Archive.Build] writes what is left in any format and encoding, so that one archive
// gives a small one of every variant. [File.Mutate] damages a file, also deep inside, with the checksums made right again.
package psttest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/zlib"

	"mailmill/formats/pst/internal/ndb"
)

var le = binary.LittleEndian

// Format is a variant of the file format.
type Format int

// The formats.
const (
	ANSI Format = iota
	Unicode
	Unicode4K
)

func (f Format) String() string { return [...]string{"ANSI", "Unicode", "4K"}[f] }

// layout has what differs between the formats, in bytes.
type layout struct {
	page, meta, pageTrailer  int // size of a page, and where in it are the count of its entries and the trailer
	trailer, align, maxBlock int // of blocks
	id                       int // size of identifiers and offsets
	nbt, bbt, eof, crypt     int // places in the header
}

var layouts = [...]layout{
	ANSI:      {512, 496, 500, 12, 64, 8180, 4, 184, 192, 168, 461},
	Unicode:   {512, 488, 496, 16, 64, 8176, 8, 216, 232, 184, 513},
	Unicode4K: {4096, 4056, 4072, 24, 512, 65512, 8, 216, 232, 184, 513},
}

// Page is a page of one of the B-trees.
type Page struct {
	At    int
	Kind  byte // 0x80 of blocks, 0x81 of nodes
	Level int
	Count int
	Width int // of an entry
	BID   uint64
}

// Block is an entry of the block tree.
type Block struct {
	BID            uint64
	At             int
	Size, Inflated int
}

// Internal reports whether the block holds identifiers.
func (b Block) Internal() bool { return b.BID&2 != 0 }

// Node is an entry of the node tree.
type Node struct {
	NID, Parent uint32
	Data, Sub   uint64
}

// File is a file that is whole, and where everything is in it.
type File struct {
	Bytes  []byte
	Format Format
	Crypt  byte
	Pages  []Page
	Blocks []Block
	Nodes  []Node
}

// Read finds where everything is in a file.
func Read(b []byte) (*File, error) {
	if len(b) < 600 || string(b[:4]) != "!BDN" {
		return nil, fmt.Errorf("no data file")
	}
	f := &File{Bytes: b, Format: Unicode}
	switch v := le.Uint16(b[10:]); {
	case v <= 15:
		f.Format = ANSI
	case v >= 36:
		f.Format = Unicode4K
	}
	l := &layouts[f.Format]
	f.Crypt = b[l.crypt]
	if err := f.tree(0x81, f.uint(l.nbt+l.id), -1); err != nil {
		return nil, err
	}
	return f, f.tree(0x80, f.uint(l.bbt+l.id), -1)
}

// uint reads an identifier or offset.
func (f *File) uint(at int) uint64 {
	if layouts[f.Format].id == 4 {
		return uint64(le.Uint32(f.Bytes[at:]))
	}
	return le.Uint64(f.Bytes[at:])
}

func (f *File) putUint(at int, v uint64) {
	if layouts[f.Format].id == 4 {
		le.PutUint32(f.Bytes[at:], uint32(v))
	} else {
		le.PutUint64(f.Bytes[at:], v)
	}
}

func (f *File) tree(kind byte, at uint64, level int) error {
	l := &layouts[f.Format]
	if at > uint64(len(f.Bytes)-l.page) {
		return fmt.Errorf("a page at %#x", at)
	}
	m := f.Bytes[int(at)+l.meta:]
	p := Page{At: int(at), Kind: kind, Count: int(m[0]), Width: int(m[2]), Level: int(m[3])}
	if f.Format == Unicode4K {
		p.Count, p.Width, p.Level = int(le.Uint16(m)), int(m[4]), int(m[5])
	}
	p.BID = f.uint(p.At + l.pageTrailer + 8)
	if f.Format == ANSI {
		p.BID = f.uint(p.At + l.pageTrailer + 4)
	}
	if level >= 0 && p.Level != level || p.Level > 8 || p.Count*p.Width > l.meta {
		return fmt.Errorf("the page at %#x is damaged", at)
	}
	f.Pages = append(f.Pages, p)
	for i := range p.Count {
		e := p.At + i*p.Width
		switch {
		case p.Level > 0:
			if err := f.tree(kind, f.uint(e+2*l.id), p.Level-1); err != nil {
				return err
			}
		case kind == 0x81:
			f.Nodes = append(f.Nodes, Node{le.Uint32(f.Bytes[e:]), le.Uint32(f.Bytes[e+3*l.id:]), f.uint(e + l.id), f.uint(e + 2*l.id)})
		default:
			b := Block{BID: f.uint(e) &^ 1, At: int(f.uint(e + l.id)), Size: int(le.Uint16(f.Bytes[e+2*l.id:]))}
			b.Inflated = b.Size
			if f.Format == Unicode4K {
				b.Inflated = int(le.Uint16(f.Bytes[e+2*l.id+2:]))
			}
			if b.At+l.slot(b.Size) > len(f.Bytes) {
				return fmt.Errorf("block %#x lies outside", b.BID)
			}
			f.Blocks = append(f.Blocks, b)
		}
	}
	return nil
}

func (l *layout) slot(size int) int { return (size + l.trailer + l.align - 1) / l.align * l.align }

// Data returns what a block holds, inflated and decoded.
func (f *File) Data(b Block) ([]byte, error) {
	data := bytes.Clone(f.Bytes[b.At : b.At+b.Size])
	if b.Size != b.Inflated {
		z, err := zlib.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, err
		}
		if data, err = io.ReadAll(io.LimitReader(z, 1<<17)); err != nil {
			return nil, err
		}
	}
	if !b.Internal() {
		ndb.Decode(ndb.Crypt(f.Crypt), ndb.BID(b.BID), data, data)
	}
	return data, nil
}

// Encode is the inverse of how a reader decodes a block's data.
func Encode(crypt byte, bid uint64, data []byte) {
	switch {
	case bid&2 != 0:
	case crypt == byte(ndb.CryptPermute):
		var table, all [256]byte
		for i := range all {
			all[i] = byte(i)
		}
		ndb.Decode(ndb.CryptPermute, 0, all[:], all[:])
		for i, b := range all {
			table[b] = byte(i)
		}
		for i, b := range data {
			data[i] = table[b]
		}
	default:
		ndb.Decode(ndb.Crypt(crypt), ndb.BID(bid), data, data) // its own inverse
	}
}

// put encodes data into a block's place and makes its checksum right. It reports false where that does not fit.
func (f *File) put(b Block, data []byte) bool {
	Encode(f.Crypt, b.BID, data)
	if b.Size != b.Inflated {
		if data = deflate(data); len(data) > b.Size {
			return false
		}
		data = append(data, make([]byte, b.Size-len(data))...)
	}
	if copy(f.Bytes[b.At:b.At+b.Size], data) < b.Size {
		return false
	}
	f.sealBlock(b)
	return true
}

func deflate(data []byte) []byte {
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(data) //nolint:errcheck // into memory
	w.Close()
	return z.Bytes()
}

// checksum is that of MS-PST 5.3.
func checksum(b []byte) uint32 { return ^crc32.Update(^uint32(0), crc32.IEEETable, b) }

// signature is that of MS-PST 5.5.
func signature(at int, bid uint64) uint16 {
	x := uint32(at) ^ uint32(bid)
	return uint16(x>>16) ^ uint16(x)
}

// Forget takes a block out of the block tree of b, a copy of the file. It reports false where the tree does not have it.
func (f *File) Forget(b []byte, bid uint64) bool {
	c := *f
	c.Bytes = b
	for _, p := range f.Pages {
		for i := range p.Count {
			e := p.At + i*p.Width
			if p.Kind != 0x80 || p.Level > 0 || c.uint(e)&^1 != bid {
				continue
			}
			copy(b[e:p.At+p.Count*p.Width], b[e+p.Width:p.At+p.Count*p.Width])
			at := p.At + layouts[f.Format].meta
			if f.Format == Unicode4K {
				le.PutUint16(b[at:], uint16(p.Count-1))
			} else {
				b[at]--
			}
			c.sealPage(p.At)
			return true
		}
	}
	return false
}

// sealBlock makes the checksum of a block right.
func (f *File) sealBlock(b Block) {
	l := &layouts[f.Format]
	t := b.At + l.slot(b.Size) - l.trailer + 4
	if f.Format == ANSI {
		t += 4
	}
	if t+4 <= len(f.Bytes) {
		le.PutUint32(f.Bytes[t:], checksum(f.Bytes[b.At:b.At+b.Size]))
	}
}

// sealPage makes the checksum and the signature of a page right.
func (f *File) sealPage(at int) {
	l := &layouts[f.Format]
	if at+l.page > len(f.Bytes) {
		return
	}
	p := f.Bytes[at : at+l.page]
	bid, sum := 8, 4
	if f.Format == ANSI {
		bid, sum = 4, 8
	}
	t := p[l.pageTrailer:]
	le.PutUint32(t[sum:], checksum(p[:l.pageTrailer]))
	le.PutUint16(t[2:], signature(at, uint64(le.Uint32(t[bid:]))))
}

// sealHeader makes the header's checksums right.
func (f *File) sealHeader() {
	if len(f.Bytes) < 564 {
		return
	}
	le.PutUint32(f.Bytes[4:], checksum(f.Bytes[8:8+471]))
	if f.Format != ANSI {
		le.PutUint32(f.Bytes[524:], checksum(f.Bytes[8:8+516]))
	}
}
