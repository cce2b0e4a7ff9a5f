package pst

import (
	"sync"

	"mailmill/formats/mapi"
	"mailmill/formats/pst/internal/ltp"
)

// room is memory for one message after the other, with those within it. A nil room has none: what is read gets memory
// of its own.
type room struct {
	ltp      ltp.Room
	messages []*openMessage
	used     int // of messages
	rows     []Properties
	list     []mapi.Properties
}

var rooms = sync.Pool{New: func() any { return new(room) }}

const (
	mostMessages = 16
	mostRows     = 1 << 10
)

// clear makes all memory free again.
func (r *room) clear() {
	r.ltp.Clear()
	r.used, r.rows, r.list = 0, r.rows[:0], r.list[:0]
}

// nodes is where nodes are read into.
func (r *room) nodes() *ltp.Room {
	if r == nil {
		return nil
	}
	return &r.ltp
}

// message returns a message to be opened.
func (r *room) message() *openMessage {
	switch {
	case r == nil:
		return new(openMessage)
	case r.used < len(r.messages):
		m := r.messages[r.used]
		*m = openMessage{}
		r.used++
		return m
	}
	m := new(openMessage)
	if len(r.messages) < mostMessages {
		r.messages = append(r.messages, m)
		r.used++
	}
	return m
}

// forRows returns empty lists for n rows.
func (r *room) forRows(n int) ([]Properties, []mapi.Properties) {
	if r == nil || n > mostRows {
		return make([]Properties, 0, n), make([]mapi.Properties, 0, n)
	}
	if n > cap(r.rows)-len(r.rows) {
		// Those that were handed out keep their memory.
		size := min(max(n, 2*cap(r.rows)), mostRows)
		r.rows, r.list = make([]Properties, 0, size), make([]mapi.Properties, 0, size)
	}
	from, to := len(r.rows), len(r.rows)+n
	r.rows, r.list = r.rows[:to], r.list[:to]
	return r.rows[from:from:to], r.list[from:from:to]
}
