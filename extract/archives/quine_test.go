package archives

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math/bits"
	"testing"
)

// quine returns an archive that holds itself and nothing else, so that unpacking it never comes to an end (R. Cox,
// "Zip Files All The Way Down"). prefix and suffix are what the format has before and behind the deflated bytes, for
// their checksum, how many they are deflated, and how many they are inflated.
//
// Deflate is used as a language of two instructions: a stored block says "print the n bytes behind me", a block of
// one match says "print the last n bytes again". An instruction takes five bytes, so four of them take twenty.
func quine(prefix, suffix func(crc, deflated, size uint32) []byte) []byte {
	build := func(crc uint32) []byte {
		var file []byte
		var deflated, size uint32
		for range 2 {
			head, tail := prefix(crc, deflated, size), suffix(crc, deflated, size)
			begin, again := stored(len(head)+5), repeat(len(head)+5, 5, false)
			one, four, fourAgain := stored(5), stored(20), repeat(20, 5, false)
			end := repeat(len(tail)+7, 7, true)
			last := stored(len(tail) + 7)
			program := bytes.Join([][]byte{
				begin, head, begin,
				again,
				one, again,
				one, one,
				four, again, one, one, four,
				fourAgain,
				four, fourAgain, four, fourAgain, four,
				fourAgain,
				four, fourAgain, stored(0), stored(0), last,
				fourAgain,
				stored(0), stored(0),
				last, end, tail,
				end,
			}, nil)
			file = bytes.Join([][]byte{head, program, tail}, nil)
			deflated, size = uint32(len(program)), uint32(len(file))
		}
		return file
	}
	// The checksum of the file is linear in the checksum that stands in it: the one that is right solves 32 equations.
	sum := func(crc uint32) uint32 { return crc32.ChecksumIEEE(build(crc)) }
	constant := sum(0)
	var row [32]uint64 // of bit i: which bits of the unknown count, and in bit 32 what they come to
	for bit := range 32 {
		column := sum(1<<bit) ^ constant ^ 1<<bit
		for i := range row {
			row[i] |= uint64(column>>i&1) << bit
		}
	}
	for i := range row {
		row[i] |= uint64(constant>>i&1) << 32
	}
	var crc uint32
	for i := range row {
		lead := row[i] & -row[i]
		for j := range row {
			if j != i && row[j]&lead != 0 {
				row[j] ^= row[i]
			}
		}
	}
	for i := range row {
		if row[i]>>32 != 0 {
			crc |= uint32(row[i] & -row[i])
		}
	}
	return build(crc)
}

// stored returns the head of a stored block of n bytes (RFC 1951 3.2.4).
func stored(n int) []byte {
	b := binary.LittleEndian.AppendUint16([]byte{0}, uint16(n))
	return binary.LittleEndian.AppendUint16(b, ^uint16(n))
}

// repeat returns blocks with fixed codes, size bytes of them, that say the last n bytes again (RFC 1951 3.2.5, 3.2.6).
func repeat(n, size int, final bool) []byte {
	for matches := 1; matches <= 2; matches++ {
		var w bitWriter
		for w.empty = 0; w.empty < 4; w.empty++ {
			w.bits, w.n = [2]uint64{}, 0
			for range w.empty {
				w.add(1<<1, 3)
				w.add(0, 7)
			}
			w.add(1<<1, 3)
			if final {
				w.bits[0] |= 1 << (w.n - 3)
			}
			for i := range matches {
				w.length((n + i) / matches)
				w.distance(n)
			}
			w.add(0, 7)
			if w.n == 8*size || final && w.n > 8*size-8 && w.n <= 8*size {
				var b []byte
				for i := range size {
					b = append(b, byte(w.bits[i/8]>>(i%8*8)))
				}
				return b
			}
		}
	}
	panic("no blocks of that size")
}

type bitWriter struct {
	bits     [2]uint64
	n, empty int
}

func (w *bitWriter) add(v uint64, n int) {
	for i := range n {
		w.bits[w.n/64] |= v >> i & 1 << (w.n % 64)
		w.n++
	}
}

// code adds a code of Huffman, whose highest bit comes first.
func (w *bitWriter) code(v uint32, n int) { w.add(uint64(bits.Reverse32(v)>>(32-n)), n) }

func (w *bitWriter) length(n int) {
	symbol, extra, base := n-3, 0, n
	if n > 10 {
		extra = bits.Len(uint(n-3)) - 3
		symbol = 4*extra + (n-3)>>extra
		base = n - (n-3)&(1<<extra-1)
	}
	if symbol += 257; symbol < 280 {
		w.code(uint32(symbol-256), 7)
	} else {
		w.code(uint32(0xC0+symbol-280), 8)
	}
	w.add(uint64(n-base), extra)
}

func (w *bitWriter) distance(n int) {
	symbol, extra := n-1, 0
	if n > 4 {
		extra = bits.Len(uint(n-1)) - 2
		symbol = 2*extra + (n-1)>>extra
	}
	w.code(uint32(symbol), 5)
	w.add(uint64((n-1)&(1<<extra-1)), extra)
}

func gzipQuine() []byte {
	return quine(func(_, _, _ uint32) []byte {
		return []byte("\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03r.gz\x00")
	}, func(crc, _, size uint32) []byte {
		return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, crc), size)
	})
}

func zipQuine() []byte {
	const name = "a-zip-file-of-itself-alone.zip" // RFC 1951 has blocks of five bytes for so long a prefix
	le := binary.LittleEndian
	fields := func(b []byte, crc, deflated, size uint32) []byte {
		b = append(b, 20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0)
		b = le.AppendUint32(le.AppendUint32(le.AppendUint32(b, crc), deflated), size)
		return append(b, byte(len(name)), 0, 0, 0)
	}
	return quine(func(crc, deflated, size uint32) []byte {
		return append(fields([]byte("PK\x03\x04"), crc, deflated, size), name...)
	}, func(crc, deflated, size uint32) []byte {
		b := fields([]byte("PK\x01\x02\x14\x00"), crc, deflated, size)
		b = append(append(b, make([]byte, 14)...), name...)
		start := 30 + uint32(len(name)) + deflated
		n := uint32(len(b))
		b = append(b, "PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00"...)
		return append(le.AppendUint32(le.AppendUint32(b, n), start), 0, 0)
	})
}

// The quines are what they are said to be, or they would show nothing about whoever reads them.
func TestQuines(t *testing.T) {
	holdsItself := func(r io.Reader, err error, want []byte) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		// Both readers check the checksum and the size, too.
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
			t.Errorf("an archive of %d bytes unpacks to other %d bytes: %v", len(want), len(got), err)
		}
	}
	data := gzipQuine()
	r, err := gzip.NewReader(bytes.NewReader(data))
	holdsItself(r, err, data)

	data = zipQuine()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	member, err := z.File[0].Open()
	holdsItself(member, err, data)
}
