package ledger

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
)

// ident is what stands for a key without its number: the key itself where it is one of formats.Key, else its hash.
type ident [16]byte

// mostOfNumbers bounds the number that a key may end with: what is above is text.
const mostOfNumbers = 1 << 24

// parse splits a key into what it is of and its number: "…-2" is the second of its kind, and a key without a number the
// first. The base is empty where the identity tells it.
func parse(key string) (id ident, base string, number uint32) {
	base, number = key, 1
	if i := strings.LastIndexByte(key, '-'); i > 0 {
		// "-0", "-1" and "-02" are not numbers that anybody gave.
		n, err := strconv.ParseUint(key[i+1:], 10, 31)
		if err == nil && n >= 2 && n <= mostOfNumbers && key[i+1] != '0' {
			base, number = key[:i], uint32(n)
		}
	}
	if id, ok := plain(base); ok {
		return id, "", number
	}
	sum := sha256.Sum256([]byte(base))
	return ident(sum[:]), base, number
}

// plain decodes a key as formats.Key makes them: 32 lower-case hexadecimal digits.
func plain(base string) (id ident, ok bool) {
	if len(base) != 2*len(id) || strings.ToLower(base) != base {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(base))
	return id, err == nil
}

// format is the reverse of parse.
func format(id ident, base string, number uint32) string {
	if base == "" {
		base = hex.EncodeToString(id[:])
	}
	if number == 1 {
		return base
	}
	return base + "-" + strconv.FormatUint(uint64(number), 10)
}
