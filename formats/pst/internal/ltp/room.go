package ltp

// Room is memory for the blocks of nodes that are read one after the other and dropped together. It is used by one
// goroutine at a time.
type Room struct {
	blocks [][]byte
	used   int
}

// mostRoom bounds the blocks that are kept. Few messages have as many heaps.
const mostRoom = 64

// next returns room for a block, which may have to grow: see keep. Without a Room it is none.
func (r *Room) next() []byte {
	if r == nil || r.used == len(r.blocks) {
		return nil
	}
	return r.blocks[r.used][:0]
}

// keep takes the block that was read into what next returned.
func (r *Room) keep(b []byte) {
	switch {
	case r == nil || cap(b) == 0:
		return
	case r.used < len(r.blocks):
		r.blocks[r.used] = b
	case len(r.blocks) < mostRoom:
		r.blocks = append(r.blocks, b)
	default:
		return
	}
	r.used++
}

// Clear makes the memory of all blocks free again.
func (r *Room) Clear() { r.used = 0 }
