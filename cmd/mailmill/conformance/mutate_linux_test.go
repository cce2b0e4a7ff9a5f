package conformance

import (
	"fmt"
	"math/rand/v2"
)

// mutate damages data in place in one to four ways and returns what is left of it and what was done.
func mutate(r *rand.Rand, data []byte) ([]byte, string) {
	done := ""
	for range 1 + r.IntN(4) {
		if len(data) == 0 {
			break
		}
		at := r.IntN(len(data))
		n := min(1+r.IntN(4096), len(data)-at)
		page := at &^ 511
		switch r.IntN(7) {
		case 0:
			bits := 1 + r.IntN(64)
			for range bits {
				data[r.IntN(len(data))] ^= 1 << r.IntN(8)
			}
			done += fmt.Sprintf(" %d bits", bits)
		case 1:
			data[at] ^= byte(1 + r.IntN(255))
			done += fmt.Sprintf(" byte %#x", at)
		case 2:
			clear(data[at : at+n])
			done += fmt.Sprintf(" zero %#x+%#x", at, n)
		case 3:
			// The trees stand at both ends of files; most cuts are near the end, where something is left.
			if r.IntN(3) > 0 {
				at = len(data) - n
			}
			data = data[:at]
			done += fmt.Sprintf(" cut at %#x", at)
		case 4:
			for i := page; i < min(page+512, len(data)); i++ {
				data[i] = byte(r.Uint32())
			}
			done += fmt.Sprintf(" noise in page %#x", page)
		case 5:
			from := r.IntN(len(data)) &^ 511
			copy(data[page:min(page+512, len(data))], data[from:])
			done += fmt.Sprintf(" page %#x over %#x", from, page)
		case 6:
			// The header decides everything else.
			at = r.IntN(min(564, len(data)))
			data[at] = byte(r.Uint32())
			done += fmt.Sprintf(" header byte %#x", at)
		}
	}
	return data, done
}
