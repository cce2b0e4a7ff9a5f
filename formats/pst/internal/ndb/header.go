package ndb

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

var le = binary.LittleEndian

// Format is the variant of the file format.
type Format uint8

// The formats.
const (
	ANSI      Format = iota // Outlook 97 to 2002: 32-bit identifiers and offsets, 8-bit strings
	Unicode                 // Outlook 2003 and later: 64-bit identifiers and offsets
	Unicode4K               // caches of Outlook 2013 and later: pages of 4096 bytes, compressed blocks
)

func (f Format) String() string { return [...]string{"ANSI", "Unicode", "Unicode, 4K pages"}[f] }

// Crypt is the encoding of data blocks.
type Crypt uint8

// The encodings (MS-PST 5.1, 5.2). None of them needs a key.
const (
	CryptNone    Crypt = 0
	CryptPermute Crypt = 1
	CryptCyclic  Crypt = 2
	cryptWIP     Crypt = 0x10 // Windows Information Protection: the key is the organization's
)

func (c Crypt) String() string {
	switch c {
	case CryptNone:
		return "none"
	case CryptPermute:
		return "permute"
	case CryptCyclic:
		return "cyclic"
	}
	return fmt.Sprintf("unknown (%d)", uint8(c))
}

// Header is what the file's header tells (MS-PST 2.2.2.6).
type Header struct {
	Format  Format
	Client  string // "SM" of PST, "SO" of OST, "AB" of PAB
	Version uint16 // wVer
	Crypt   Crypt
	EOF     int64 // the file's size as the header has it
	NBT     Ref   // root page of the node B-tree
	BBT     Ref   // root page of the block B-tree
}

// Ref is where a block or page lies (BREF, MS-PST 2.2.2.4).
type Ref struct {
	BID    BID
	Offset int64
}

const (
	headerSize     = 564 // Unicode
	headerSizeANSI = 512
)

// layout has what differs between the formats, in bytes.
type layout struct {
	format       Format
	pageSize     int
	pageEntries  int // room for entries in a B-tree page; their count follows
	pageTrailer  int // offset of the page's trailer
	blockTrailer int // size of a block's trailer
	blockAlign   int
	maxBlock     int // largest data of a block as stored
	wide         bool
}

var layouts = [...]layout{
	ANSI:      {ANSI, 512, 496, 500, 12, 64, 8180, false},
	Unicode:   {Unicode, 512, 488, 496, 16, 64, 8176, true},
	Unicode4K: {Unicode4K, 4096, 4056, 4072, 24, 512, 65512, true},
}

// Checksum is the format's CRC-32 (MS-PST 5.3): the usual polynomial, started at 0 and not inverted at the end.
func Checksum(b []byte) uint32 { return ^crc32.Update(^uint32(0), crc32.IEEETable, b) }

// Signature is the format's check of where something lies (MS-PST 5.5).
func Signature(offset int64, bid BID) uint16 {
	x := uint32(offset) ^ uint32(bid)
	return uint16(x>>16) ^ uint16(x)
}

// parseHeader reads the header as the format that its version tells.
func parseHeader(b []byte, w *warnings) (Header, error) {
	if len(b) < headerSizeANSI || string(b[:4]) != "!BDN" {
		return Header{}, ErrFormat
	}
	version := le.Uint16(b[10:])
	format := formatOf(version, w)
	h, err := parseHeaderAs(b, format)
	if err != nil {
		return h, err
	}
	switch h.Client {
	case "SM", "SO", "AB":
	default:
		w.add(Warning{Offset: 8}, "unknown kind of file %q", h.Client)
	}
	// QUIRK: Microsoft's repair tool and other programs write versions and platforms of their own (wVerClient,
	// bPlatformCreate; MS-PST wants 19 and 1). It changes nothing in how the file is read.
	if v := le.Uint16(b[12:]); v != 19 && v != 12 {
		w.add(Warning{Offset: 12}, "unusual client version %d", v)
	}
	if b[14] != 1 || b[15] != 1 {
		w.add(Warning{Offset: 14}, "unusual platform %d/%d (a repaired file?)", b[14], b[15])
	}
	if le.Uint32(b[4:]) != Checksum(b[8:8+471]) {
		w.add(Warning{Kind: WarnHeader, Offset: 4}, "wrong checksum of the header")
	}
	if format != ANSI && le.Uint32(b[524:]) != Checksum(b[8:8+516]) {
		w.add(Warning{Kind: WarnHeader, Offset: 524}, "wrong checksum of the whole header")
	}
	switch h.Crypt {
	case CryptNone, CryptPermute, CryptCyclic:
	case cryptWIP:
		return h, ErrEncrypted
	default:
		w.add(Warning{Offset: -1}, "unknown encoding %d, taken for none", h.Crypt)
		h.Crypt = CryptNone
	}
	return h, nil
}

// formatOf maps wVer to a format (MS-PST 2.2.2.6).
func formatOf(version uint16, w *warnings) Format {
	switch {
	case version == 14 || version == 15:
		return ANSI
	case version == 23 || version == 21: // QUIRK: 21 is written by a recovery tool
		return Unicode
	case version == 36:
		return Unicode4K
	}
	w.add(Warning{Offset: 10}, "unknown format version %d", version)
	switch {
	case version < 16:
		return ANSI
	case version < 36:
		return Unicode
	}
	return Unicode4K
}

func parseHeaderAs(b []byte, format Format) (Header, error) {
	h := Header{Format: format, Client: string(b[8:10]), Version: le.Uint16(b[10:])}
	if format == ANSI {
		h.EOF = int64(le.Uint32(b[168:]))
		h.NBT = Ref{BID(le.Uint32(b[184:])), int64(le.Uint32(b[188:]))}
		h.BBT = Ref{BID(le.Uint32(b[192:])), int64(le.Uint32(b[196:]))}
		h.Crypt = Crypt(b[461])
		return h, nil
	}
	if len(b) < headerSize {
		return h, fmt.Errorf("%w: the header is cut short", ErrFormat)
	}
	h.EOF = int64(le.Uint64(b[184:]))
	h.NBT = Ref{BID(le.Uint64(b[216:])), int64(le.Uint64(b[224:]))}
	h.BBT = Ref{BID(le.Uint64(b[232:])), int64(le.Uint64(b[240:]))}
	h.Crypt = Crypt(b[513])
	return h, nil
}
