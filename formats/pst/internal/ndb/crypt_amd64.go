package ndb

import "golang.org/x/sys/cpu"

// substitute128 replaces n bytes, which are a multiple of 128 and not none. The rows of the table, of 16 bytes each, are
// given by how they differ from the row before them, but for the 1st and the 9th. It needs AVX2.
//
//go:noescape
func substitute128(dst, src *byte, n int, rows *[16][16]byte)

// substituteRows is substituteI as substitute128 has it.
var substituteRows = rows(&substituteI)

func rows(t *[256]byte) (r [16][16]byte) {
	for i := range r {
		for j := range r[i] {
			r[i][j] = t[16*i+j]
			if i%8 > 0 {
				r[i][j] ^= t[16*(i-1)+j]
			}
		}
	}
	return r
}

// decodePermute is MS-PST 5.1. Where the processor can replace many bytes at once that takes a quarter of the time.
func decodePermute(dst, src []byte) {
	if !cpu.X86.HasAVX2 {
		decodePairs(dst, src)
		return
	}
	dst = dst[:len(src)]
	const step = 128
	if n := len(src) &^ (step - 1); n > 0 {
		substitute128(&dst[0], &src[0], n, &substituteRows)
		dst, src = dst[n:], src[n:]
	}
	if len(src) > 0 {
		var rest [step]byte
		copy(rest[:], src)
		substitute128(&rest[0], &rest[0], step, &substituteRows)
		copy(dst, rest[:])
	}
}
