package files

import (
	"encoding/hex"
	"io"

	"github.com/zeebo/xxh3"
)

// digest is the XXH3 hash of a file in 128 bits, as xxhsum -H2 prints it. It tells whether a file is as it was written.
// Nobody is kept from forging one: who may write a file may write the record beside it. A hash against forgers takes an
// eighth of the time of a whole conversion.
type digest [16]byte

func (d digest) String() string { return hex.EncodeToString(d[:]) }

// digestOf returns the digest of what is in memory.
func digestOf(data []byte) digest { return xxh3.Hash128(data).Bytes() }

// hasher computes a digest piece by piece. A copy of it goes on by itself.
type hasher struct{ state xxh3.Hasher }

func (h *hasher) Write(p []byte) (int, error) { return h.state.Write(p) }

func (h *hasher) digest() digest { return h.state.Sum128().Bytes() }

// readDigest reads to the end and returns the digest of that.
func readDigest(r io.Reader) (digest, error) {
	var h hasher
	_, err := io.Copy(&h, r)
	return h.digest(), err
}
