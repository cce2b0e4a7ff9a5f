package codepage

import (
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// UTF16 returns b, UTF-16 with the low byte first, as UTF-8. A surrogate without its other half becomes U+FFFD, and an
// odd byte at the end is left out. NULs and a byte order mark are kept.
func UTF16(b []byte) string {
	s, _ := decodeUTF16(b)
	return s
}

// AppendUTF16 appends to dst what [UTF16] returns.
func AppendUTF16(dst, b []byte) []byte {
	dst, _ = appendUTF16(dst, b)
	return dst
}

func decodeUTF16(b []byte) (s string, replaced int) {
	out, replaced := appendUTF16(nil, b)
	// The slice is not used again, so the string may have its memory.
	return unsafe.String(unsafe.SliceData(out), len(out)), replaced
}

func appendUTF16(dst, b []byte) (out []byte, replaced int) {
	b = b[:len(b)&^1]
	if len(b) == 0 {
		return dst, 0
	}
	if n := utf16Size(b); n > cap(dst)-len(dst) {
		dst = append(make([]byte, 0, len(dst)+n), dst...)
	}
	for len(b) > 0 {
		for len(b) >= 8 {
			v := binary.LittleEndian.Uint64(b)
			if v&0xFF80FF80FF80FF80 != 0 {
				break
			}
			v = (v | v>>8) & 0x0000FFFF0000FFFF
			dst = binary.LittleEndian.AppendUint32(dst, uint32(v|v>>16))
			b = b[8:]
		}
		if len(b) == 0 {
			break
		}
		u := rune(binary.LittleEndian.Uint16(b))
		b = b[2:]
		if utf16.IsSurrogate(u) {
			var low rune
			if len(b) >= 2 {
				low = rune(binary.LittleEndian.Uint16(b))
			}
			if u = utf16.DecodeRune(u, low); u == utf8.RuneError {
				replaced++
			} else {
				b = b[2:]
			}
		}
		dst = utf8.AppendRune(dst, u)
	}
	return dst, replaced
}

// utf16Size returns how many bytes the text takes in UTF-8: exactly where it has no surrogate pairs, else two more for
// every pair.
func utf16Size(b []byte) int {
	size := len(b) / 2
	for len(b) > 0 {
		for len(b) >= 8 && binary.LittleEndian.Uint64(b)&0xFF80FF80FF80FF80 == 0 {
			b = b[8:]
		}
		if len(b) == 0 {
			break
		}
		switch u := binary.LittleEndian.Uint16(b); {
		case u >= 0x800:
			size += 2
		case u >= 0x80:
			size++
		}
		b = b[2:]
	}
	return size
}

// decodeUTF16LE is [Decode] for code page 1200.
func decodeUTF16LE(b []byte) (string, int) {
	if isASCIIText(b) {
		return string(b), 0
	}
	s, replaced := decodeUTF16(b)
	return s, replaced + len(b)&1
}

// decodeUTF16BE is [Decode] for code page 1201.
func decodeUTF16BE(b []byte) (string, int) {
	if isASCIIText(b) {
		return string(b), 0
	}
	swapped := make([]byte, len(b)&^1)
	for i := 0; i < len(swapped); i += 2 {
		swapped[i], swapped[i+1] = b[i+1], b[i]
	}
	s, replaced := decodeUTF16(swapped)
	return s, replaced + len(b)&1
}

// isASCIIText reports whether b cannot sensibly be UTF-16: it is ASCII and has no zero byte, which even text in
// Chinese soon has, for its spaces and line ends if not by chance. Short text may be without, so it is believed.
func isASCIIText(b []byte) bool {
	if len(b) < 16 || asciiLen(b) != len(b) {
		return false
	}
	for _, c := range b {
		if c == 0 {
			return false
		}
	}
	return true
}
