package ndb

import (
	"hash/crc32"
	"math/bits"
)

// mend puts one wrong byte right: b has one if its checksum should be sum and changing a single byte makes it so. The
// checksum is linear, so the difference tells the byte and its place: going back from the end, the effect of the byte
// becomes an entry of the checksum's table where the byte stands.
//
// Where more than one byte is wrong, one in 2^32/(255·len(b)) such cases is mended to what it was not: of pages and
// headers one in 30,000, of the largest blocks one in 2,000.
func mend(b []byte, sum uint32) bool {
	difference := Checksum(b) ^ sum
	if difference == 0 {
		return true
	}
	for i := len(b) - 1; i >= 0; i-- {
		wrong := checksumTop[difference>>24]
		if difference == crc32.IEEETable[wrong] {
			b[i] ^= wrong
			return true
		}
		difference = (difference^crc32.IEEETable[wrong])<<8 | uint32(wrong)
	}
	return false
}

// sumMisread reports whether two checksums differ in one byte: then it is the stored one that is wrong, not what it is of.
func sumMisread(a, b uint32) bool {
	x := a ^ b
	low := bits.TrailingZeros32(x) &^ 7
	return x != 0 && x>>low <= 0xFF
}

// checksumTop has for each upper byte of an entry of the checksum's table which entry it is of.
var checksumTop = func() (top [256]byte) {
	for i, entry := range crc32.IEEETable {
		top[entry>>24] = byte(i)
	}
	return top
}()
