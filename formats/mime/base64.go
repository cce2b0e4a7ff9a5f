package mime

import (
	"encoding/base64"
	"encoding/binary"
)

// The lines of base64 content (RFC 2045 6.8): 57 bytes make 76 characters.
const (
	lineIn  = 57
	lineOut = 76
)

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// base64Pairs has the two characters for twelve bits, the first in the low byte. Attachments are most of what is
// written of a mailbox: looking up pairs takes half the time of looking up characters.
var base64Pairs = func() *[1 << 12]uint16 {
	t := new([1 << 12]uint16)
	for i := range t {
		t[i] = uint16(base64Alphabet[i>>6]) | uint16(base64Alphabet[i&63])<<8
	}
	return t
}()

// base64Size returns the number of bytes that putBase64 makes of n.
func base64Size(n int, end string) int { return (n+2)/3*4 + (n+lineIn-1)/lineIn*len(end) }

// putBase64 encodes src in lines with a line end of one byte or two. dst has room for exactly base64Size(len(src), end)
// bytes.
func putBase64(dst, src []byte, end string) {
	if n := putLines(dst, src, end); n > 0 {
		src, dst = src[n*lineIn:], dst[n*(lineOut+len(end)):]
	}
	for len(src) >= lineIn {
		putLine((*[lineOut]byte)(dst), (*[lineIn]byte)(src))
		copy(dst[lineOut:], end)
		src, dst = src[lineIn:], dst[lineOut+len(end):]
	}
	if len(src) == 0 {
		return
	}
	n := base64.StdEncoding.EncodedLen(len(src))
	base64.StdEncoding.Encode(dst, src)
	copy(dst[n:], end)
}

// putLine encodes a line: nine times six bytes, of which eight are read, and the three that are left.
func putLine(out *[lineOut]byte, line *[lineIn]byte) {
	for i, o := 0, 0; i < lineIn-3; i, o = i+6, o+8 {
		v := uint64(binary.BigEndian.Uint32(line[i:]))<<16 | uint64(binary.BigEndian.Uint16(line[i+4:]))
		binary.LittleEndian.PutUint64(out[o:], uint64(base64Pairs[v>>36&0xFFF])|uint64(base64Pairs[v>>24&0xFFF])<<16|
			uint64(base64Pairs[v>>12&0xFFF])<<32|uint64(base64Pairs[v&0xFFF])<<48)
	}
	v := uint(line[54])<<16 | uint(line[55])<<8 | uint(line[56])
	binary.LittleEndian.PutUint16(out[72:], base64Pairs[v>>12&0xFFF])
	binary.LittleEndian.PutUint16(out[74:], base64Pairs[v&0xFFF])
}
