package load

import (
	"encoding/binary"
	"time"

	"mailmill/formats"
)

// list holds the entries of a folder in their order. It is written once and read once, both from the front, so it keeps
// them packed: some fifty bytes each instead of four times that, in chunks that the collector need not look into.
type list struct {
	source  int
	folder  *formats.Folder
	n       int
	chunks  [][]byte
	classes []string
	class   map[string]uint64
	errs    map[int]error // by position; few have one

	// Of a stream, else nil: its entries are not kept here.
	stream Stream
	keys   keys // of its folder so far
}

// chunkSize is that of a list's memory blocks. Small folders take less.
const chunkSize = 64 << 10

// Flags of a packed entry.
const (
	packedHidden = 1 << iota
	packedRecovered
	packedDate
)

func (l *list) add(e *formats.Entry) {
	if e.Err != nil {
		if l.errs == nil {
			l.errs = make(map[int]error)
		}
		l.errs[l.n] = e.Err
	}
	need := 1 + 1 + 6*binary.MaxVarintLen64 + len(e.ID) + len(e.Subject)
	last := len(l.chunks) - 1
	switch {
	case last >= 0 && len(l.chunks[last]) < chunkSize:
		// append makes the chunk grow up to its final size
	case last >= 0:
		l.chunks = append(l.chunks, make([]byte, 0, max(chunkSize+chunkSize/8, need)))
	default:
		l.chunks = append(l.chunks, make([]byte, 0, max(256, need)))
	}
	last = len(l.chunks) - 1
	b := l.chunks[last]

	var flags byte
	if e.Hidden {
		flags |= packedHidden
	}
	if e.Recovered {
		flags |= packedRecovered
	}
	if !e.Date.IsZero() {
		flags |= packedDate
	}
	b = append(b, flags, byte(e.Kind))
	b = binary.AppendUvarint(b, e.Index)
	b = binary.AppendUvarint(b, l.classNumber(e.Class))
	b = binary.AppendVarint(b, e.Size)
	if flags&packedDate != 0 {
		b = binary.AppendVarint(b, e.Date.Unix())
		b = binary.AppendUvarint(b, uint64(e.Date.Nanosecond()))
	}
	b = appendText(b, e.ID)
	b = appendText(b, e.Subject)
	l.chunks[last] = b
	l.n++
}

func (l *list) classNumber(class string) uint64 {
	n, ok := l.class[class]
	if !ok {
		if l.class == nil {
			l.class = make(map[string]uint64)
		}
		n = uint64(len(l.classes))
		l.class[class] = n
		l.classes = append(l.classes, class)
	}
	return n
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// cursor takes a list apart from its front. What it has read is given back to the collector.
type cursor struct {
	list *list
	pos  int
	buf  []byte
}

// next returns the next entry; false after the last.
func (c *cursor) next() (formats.Entry, bool) {
	l := c.list
	if c.pos == l.n {
		return formats.Entry{}, false
	}
	if len(c.buf) == 0 {
		c.buf, l.chunks[0] = l.chunks[0], nil
		l.chunks = l.chunks[1:]
	}
	flags, kind := c.buf[0], c.buf[1]
	c.buf = c.buf[2:]
	e := formats.Entry{
		Folder:    l.folder,
		Kind:      formats.Kind(kind),
		Index:     c.uvarint(),
		Class:     l.classes[c.uvarint()],
		Size:      c.varint(),
		Hidden:    flags&packedHidden != 0,
		Recovered: flags&packedRecovered != 0,
		Err:       l.errs[c.pos],
	}
	if flags&packedDate != 0 {
		seconds := c.varint()
		e.Date = time.Unix(seconds, int64(c.uvarint())).UTC()
	}
	e.ID = c.text()
	e.Subject = c.text()
	c.pos++
	return e, true
}

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.buf)
	c.buf = c.buf[n:]
	return v
}

func (c *cursor) varint() int64 {
	v, n := binary.Varint(c.buf)
	c.buf = c.buf[n:]
	return v
}

func (c *cursor) text() string {
	n := c.uvarint()
	s := string(c.buf[:n])
	c.buf = c.buf[n:]
	return s
}
