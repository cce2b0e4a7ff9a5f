package bundle

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"io"
	"time"
	"unicode/utf8"

	"mailmill/formats/codepage"
)

// The structures of a zip (APPNOTE.TXT 6.3.10, 4.3), by the length of what is fixed of them.
const (
	localHeader     = 30
	centralHeader   = 46
	endOfDirectory  = 22
	zip64Locator    = 20
	endOfDirectory6 = 56
)

// Their signatures, little endian.
const (
	sigLocal   = "PK\x03\x04"
	sigCentral = "PK\x01\x02"
	sigEnd     = "PK\x05\x06"
	sigLocator = "PK\x06\x07"
	sigEnd64   = "PK\x06\x06"
	sigData    = "PK\x07\x08"
)

// The bits of a member's flags (APPNOTE 4.4.4).
const (
	flagEncrypted  = 1 << 0
	flagDescriptor = 1 << 3
	flagStrong     = 1 << 6
	flagUTF8       = 1 << 11
)

// The extra fields that are read (APPNOTE 4.5.2, and Info-ZIP's proginfo/extrafld.txt).
const (
	extraZip64 = 0x0001
	extraNTFS  = 0x000A
	extraTime  = 0x5455
	extraName  = 0x7075
)

// all32 says that the value is in the extra field for zip64.
const all32 = 0xFFFFFFFF

// member is a file in a zip.
type member struct {
	r        io.ReaderAt
	name     string
	modified time.Time
	flags    uint16
	method   uint16
	sum      uint32
	packed   int64
	length   int64
	offset   int64 // of the local header
	end      int64 // of what may belong to it
	err      error // why the rest of it is missing
}

func (m *member) encrypted() bool { return m.flags&(flagEncrypted|flagStrong) != 0 }

// directory reads the index at the end.
func (z *zipIndex) directory() error {
	at, count, length, err := z.end()
	if err != nil {
		return err
	}
	start, shift := at-length, int64(0)
	if !z.signed(start, sigCentral) && count > 0 {
		return damage("the zip's index is not where it should be")
	}
	in := &counter{r: io.NewSectionReader(z.r, start, length)}
	buffered := newPieces(in)
	for n := int64(0); ; n++ {
		if z.ctx.Err() != nil {
			return context.Cause(z.ctx)
		}
		h, err := buffered.take(centralHeader)
		if len(h) == 0 && err == io.EOF {
			if n != count && uint16(n) != uint16(count) {
				return damage("the zip's index has %d entries of %d", n, count)
			}
			return nil
		}
		if err := in.fault(); err != nil {
			return err
		}
		if err != nil || string(h[:4]) != sigCentral {
			return damage("the zip's index is damaged")
		}
		m := member{
			r: z.r, flags: u16(h[8:]), method: u16(h[10:]), modified: dosTime(u16(h[14:]), u16(h[12:])), sum: u32(h[16:]),
			packed: int64(u32(h[20:])), length: int64(u32(h[24:])), offset: int64(u32(h[42:])), end: start,
		}
		names, extras, comment := int(u16(h[28:])), int(u16(h[30:])), int(u16(h[32:]))
		rest, err := buffered.take(names + extras + comment)
		if err != nil {
			return damage("the zip's index is damaged")
		}
		m.name = nameOf(rest[:names], m.flags)
		m.extra(rest[:names], rest[names:names+extras], true)
		if n == 0 && !z.signed(m.offset, sigLocal) {
			// QUIRK: what unpacks itself has a program before the zip, and its offsets are the zip's.
			if shift = z.first(); shift <= m.offset || !z.signed(m.offset+shift, sigLocal) {
				shift = 0
			}
		}
		m.offset += shift
		if m.offset < 0 || m.packed < 0 || m.packed > z.size || m.offset > z.size-m.packed {
			m.err = damage("it lies outside of the zip")
			m.packed = 0
		}
		if err := z.budget.entry(); err != nil {
			return err
		}
		z.members = append(z.members, m)
	}
}

// end finds the end of the index, and what it says (APPNOTE 4.3.14 to 4.3.16).
func (z *zipIndex) end() (at, count, length int64, err error) {
	tail := make([]byte, min(z.size, endOfDirectory+0xFFFF))
	base := z.size - int64(len(tail))
	if _, err := z.r.ReadAt(tail, base); err != nil && err != io.EOF {
		return 0, 0, 0, err
	}
	for i := len(tail) - endOfDirectory; i >= 0; i-- {
		e := tail[i:]
		if string(e[:4]) != sigEnd || int(u16(e[20:]))+endOfDirectory > len(e) {
			continue
		}
		at = base + int64(i)
		count, length = int64(u16(e[10:])), int64(u32(e[12:]))
		locator := make([]byte, zip64Locator)
		if n, _ := z.r.ReadAt(locator, at-zip64Locator); n == zip64Locator && at >= zip64Locator && string(locator[:4]) == sigLocator {
			end64 := make([]byte, endOfDirectory6)
			place := int64(binary.LittleEndian.Uint64(locator[8:]))
			if place >= 0 && place < at {
				if n, _ := z.r.ReadAt(end64, place); n == len(end64) && string(end64[:4]) == sigEnd64 {
					at = place
					count, length = int64(binary.LittleEndian.Uint64(end64[32:])), int64(binary.LittleEndian.Uint64(end64[40:]))
				}
			}
		}
		if length < 0 || length > at || count < 0 || count > length/centralHeader {
			continue
		}
		return at, count, length, nil
	}
	return 0, 0, 0, damage("the zip is cut short, its index is missing")
}

func (z *zipIndex) signed(at int64, signature string) bool {
	var b [4]byte
	n, _ := z.r.ReadAt(b[:], max(at, 0))
	return at >= 0 && n == len(b) && string(b[:]) == signature
}

// first returns where the first local header may stand behind something else.
func (z *zipIndex) first() int64 {
	head := make([]byte, min(z.size, 1<<20))
	n, _ := z.r.ReadAt(head, 0)
	return int64(bytes.Index(head[:n], []byte(sigLocal)))
}

// scan reads the headers that stand before the members, one after the other, of a zip that has lost its index.
func (z *zipIndex) scan() error {
	for at := max(z.first(), 0); ; {
		if z.ctx.Err() != nil {
			return context.Cause(z.ctx)
		}
		h := make([]byte, localHeader)
		if n, _ := z.r.ReadAt(h, at); n < len(h) || string(h[:4]) != sigLocal {
			return nil
		}
		m := member{
			r: z.r, flags: u16(h[6:]), method: u16(h[8:]), modified: dosTime(u16(h[12:]), u16(h[10:])), sum: u32(h[14:]),
			packed: int64(u32(h[18:])), length: int64(u32(h[22:])), offset: at, end: z.size,
		}
		rest := make([]byte, int(u16(h[26:]))+int(u16(h[28:])))
		if n, _ := z.r.ReadAt(rest, at+localHeader); n < len(rest) {
			return nil
		}
		names := int(u16(h[26:]))
		m.name = nameOf(rest[:names], m.flags)
		m.extra(rest[:names], rest[names:], false)
		data := at + localHeader + int64(len(rest))
		if m.flags&flagDescriptor != 0 {
			if err := z.measure(&m, data); err != nil {
				return err
			}
		}
		if m.packed < 0 || m.packed > z.size-data {
			m.packed, m.err = z.size-data, damage("the zip is cut short after %d bytes", z.size)
			m.length = min(m.length, m.packed*maxRatio)
		}
		if err := z.budget.entry(); err != nil {
			return err
		}
		z.members = append(z.members, m)
		at = data + m.packed
		if m.flags&flagDescriptor != 0 {
			at = z.afterDescriptor(at, &m)
		}
	}
}

// measure finds out where a member ends whose sizes stand behind it (APPNOTE 4.3.9), by unpacking it.
func (z *zipIndex) measure(m *member, data int64) error {
	m.packed, m.length = z.size-data, 0
	if m.encrypted() || m.method == methodStored {
		m.err = damage("its size is lost with the zip's index")
		return nil
	}
	in := &byteCounter{r: newPieces(&counter{r: io.NewSectionReader(z.r, data, z.size-data)})}
	out, err := decompress(m.method, in)
	if err != nil {
		m.err = err
		return nil
	}
	defer out.Close()
	sum := newSum()
	limited := &guard{r: out, packed: func() int64 { return in.n }}
	n, err := io.Copy(sum, limited)
	m.length, m.sum = n, sum.Sum32()
	switch {
	case limited.bomb != nil:
		return limited.bomb
	case err != nil:
		m.err = damage("the zip is cut short, or damaged, after %d bytes", z.size)
	default:
		m.packed = in.n
	}
	return nil
}

// afterDescriptor returns where the next header may stand.
func (z *zipIndex) afterDescriptor(at int64, m *member) int64 {
	for _, length := range []int64{16, 24, 12, 20} { // with and without a signature, with sizes of 32 or of 64 bits
		if z.signed(at+length, sigLocal) || z.signed(at+length, sigCentral) {
			return at + length
		}
	}
	return at
}

// extra reads the extra fields of a header, which has a name.
func (m *member) extra(name, b []byte, central bool) {
	for len(b) >= 4 {
		id, n := u16(b), int(u16(b[2:]))
		if n > len(b)-4 {
			return
		}
		field := b[4 : 4+n]
		b = b[4+n:]
		switch id {
		case extraZip64: // APPNOTE 4.5.3: those that are full elsewhere, in this order
			values := []*int64{&m.length, &m.packed}
			if central {
				values = append(values, &m.offset)
			}
			for _, v := range values {
				if *v == all32 && len(field) >= 8 {
					*v = int64(binary.LittleEndian.Uint64(field))
					field = field[8:]
				}
			}
		case extraName: // APPNOTE 4.6.9: version, checksum of the name that it stands for, and that in UTF-8
			if len(field) > 5 && field[0] == 1 && u32(field[1:]) == crc32.ChecksumIEEE(name) && utf8.Valid(field[5:]) {
				m.name = string(field[5:])
			}
		case extraTime: // flags, then seconds since 1970
			if len(field) >= 5 && field[0]&1 != 0 {
				m.modified = time.Unix(int64(int32(u32(field[1:]))), 0).UTC()
			}
		case extraNTFS: // APPNOTE 4.5.5: reserved, then attributes; the first has hundreds of nanoseconds since 1601
			if len(field) >= 4+4+8 && u16(field[4:]) == 1 {
				const since1601 = 116444736000000000
				ticks := int64(binary.LittleEndian.Uint64(field[8:])) - since1601
				m.modified = time.Unix(ticks/1e7, ticks%1e7*100).UTC()
			}
		}
	}
}

// nameOf returns a member's name. One that does not say that it is UTF-8, and is none, is in the first code page of all
// (APPNOTE appendix D).
func nameOf(b []byte, flags uint16) string {
	if utf8.Valid(b) || flags&flagUTF8 != 0 {
		return string(b)
	}
	const first = 437
	name, _ := codepage.Decode(first, b)
	return name
}

// dosTime returns a time in the form that zips have had from the beginning (APPNOTE 4.4.6). It has no zone.
func dosTime(date, clock uint16) time.Time {
	if date == 0 {
		return time.Time{}
	}
	return time.Date(int(date>>9)+1980, time.Month(date>>5&15), int(date&31), int(clock>>11), int(clock>>5&63), int(clock&31)*2, 0, time.UTC)
}

func u16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func u32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
