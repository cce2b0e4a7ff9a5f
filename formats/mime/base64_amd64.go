package mime

import "golang.org/x/sys/cpu"

// encodeLines encodes lines of lineIn bytes. After the characters of a line come the two bytes of end, and step bytes
// after its beginning the next line. Four bytes behind src are read. It needs AVX2.
//
//go:noescape
func encodeLines(dst, src *byte, lines int, end uint16, step int)

// putLines encodes lines from the beginning of src, and returns how many: where the processor can encode many bytes at
// once all but the last.
func putLines(dst, src []byte, end string) int {
	lines := (len(src) - 4) / lineIn
	if lines <= 0 || !cpu.X86.HasAVX2 {
		return 0
	}
	// The second byte, if the line end has none, is where the next line begins.
	var both [2]byte
	copy(both[:], end)
	encodeLines(&dst[0], &src[0], lines, uint16(both[0])|uint16(both[1])<<8, lineOut+len(end))
	return lines
}
