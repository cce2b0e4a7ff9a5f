package load

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// keys numbers equal keys of one folder: the first stays as it is, the second gets "-2" and so on.
type keys map[[16]byte]uint32

func (k keys) final(key string) string {
	id := keyID(key)
	k[id]++
	if n := k[id]; n > 1 {
		return key + "-" + strconv.FormatUint(uint64(n), 10)
	}
	return key
}

// keyID returns a key in half its length. A key that is not what formats.Key makes is hashed.
func keyID(key string) (id [16]byte) {
	if len(key) == 2*len(id) {
		if _, err := hex.Decode(id[:], []byte(key)); err == nil {
			return id
		}
	}
	sum := sha256.Sum256([]byte(key))
	return [16]byte(sum[:])
}
