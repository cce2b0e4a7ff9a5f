package mbox

import "sync"

// Memory for messages is lent in classes of size, each four times as large as the one before: so a small message never
// holds the memory of a large one, and memory that was outgrown serves another.
const (
	smallestClass = 16 << 10
	classes       = 5 // up to 4 MB; what is larger is left to the collector
)

var memories [classes]sync.Pool

// classOf returns the class of memory that holds size bytes; classes or more for none.
func classOf(size int) int {
	class := 0
	for room := smallestClass; room < size && class < classes; room *= 4 {
		class++
	}
	return class
}

// borrow returns empty memory with room for size bytes.
func borrow(size int) []byte {
	class := classOf(size)
	if class == classes {
		return make([]byte, 0, size)
	}
	if b, ok := memories[class].Get().(*[]byte); ok {
		return (*b)[:0]
	}
	return make([]byte, 0, smallestClass<<(2*class))
}

// giveBack takes memory that nothing uses any more.
func giveBack(b []byte) {
	if class := classOf(cap(b)); class < classes && cap(b) == smallestClass<<(2*class) {
		memories[class].Put(&b)
	}
}

// extend appends to what was borrowed.
func extend(b, more []byte) []byte {
	size := len(b) + len(more)
	if size <= cap(b) {
		return append(b, more...)
	}
	if classOf(size) == classes {
		size = max(size, 2*cap(b))
	}
	larger := append(borrow(size), b...)
	giveBack(b)
	return append(larger, more...)
}
