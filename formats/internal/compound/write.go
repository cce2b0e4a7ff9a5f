package compound

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"unicode"
	"unicode/utf16"
)

// sectorShift is that of the sectors that Write makes: 512 bytes, which every reader knows.
const (
	sectorShift = 9
	sectorBytes = 1 << sectorShift
	perSector   = sectorBytes / 4
)

// Size returns how many bytes Write will write.
func Size(root *Storage) (int64, error) {
	l, err := layOut(root)
	if err != nil {
		return 0, err
	}
	return (1 + int64(l.sectors())) << sectorShift, nil
}

// Write writes a compound file of version 3 that holds the streams of a storage and of those in it. Nothing but the tables
// is held in memory. A stream whose length is not its Size is an error.
func Write(w io.Writer, root *Storage) error {
	l, err := layOut(root)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	l.header(out)
	l.tables(out)
	for _, e := range l.small {
		if err := copyStream(out, e.stream, miniSector); err != nil {
			return err
		}
	}
	pad(out, int64(l.miniSectors)*miniSector, sectorBytes)
	for _, e := range l.large {
		if err := copyStream(out, e.stream, sectorBytes); err != nil {
			return err
		}
	}
	return out.Flush()
}

// copyStream writes a stream and fills its last sector up.
func copyStream(w io.Writer, s *Stream, sector int64) error {
	r, err := s.Open()
	if err != nil {
		return err
	}
	n, err := io.Copy(w, io.LimitReader(r, s.Size))
	if err == nil && n < s.Size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("stream %q: %w", s.Name, err)
	}
	pad(w, n, sector)
	return nil
}

// pad writes zeros up to a multiple. The writer remembers its errors.
func pad(w io.Writer, n, multiple int64) {
	if rest := n % multiple; rest > 0 {
		w.Write(make([]byte, multiple-rest)) //nolint:errcheck // the writer remembers its errors
	}
}

// layout says where everything goes: tables first, then the small streams, then the large ones.
type layout struct {
	dir          []*item
	small, large []*item
	miniSectors  uint32

	fats, difats, dirSectors, miniFATs, miniStream, data uint32 // how many sectors each takes
}

// item is a directory entry to be written.
type item struct {
	name               string
	kind               byte
	red                bool
	class              [16]byte
	left, right, child uint32
	start              uint32
	size               int64
	stream             *Stream
}

func sectorsOf(n, size int64) uint32 { return uint32((n + size - 1) / size) }

func layOut(root *Storage) (*layout, error) {
	l := &layout{dir: []*item{{name: "Root Entry", kind: typeRoot, class: root.Class, left: noEntry, right: noEntry}}}
	if err := l.add(l.dir[0], root, 0); err != nil {
		return nil, err
	}
	const most = 1 << 31 // of version 3 (MS-CFB 2.6.1)
	total := int64(0)
	for _, e := range l.dir {
		if e.stream == nil {
			continue
		}
		if total += e.size; total >= most {
			return nil, fmt.Errorf("%w for a compound file", ErrTooLarge)
		}
		switch {
		case e.size == 0:
			e.start = endOfChain
		case e.size < miniCutoff:
			e.start = l.miniSectors
			l.miniSectors += sectorsOf(e.size, miniSector)
			l.small = append(l.small, e)
		default:
			e.start = l.data
			l.data += sectorsOf(e.size, sectorBytes)
			l.large = append(l.large, e)
		}
	}
	l.dirSectors = sectorsOf(int64(len(l.dir))*entrySize, sectorBytes)
	l.miniFATs = sectorsOf(int64(l.miniSectors)*4, sectorBytes)
	l.miniStream = sectorsOf(int64(l.miniSectors)*miniSector, sectorBytes)
	// The table has entries for its own sectors too.
	for {
		fats := sectorsOf(int64(l.sectors()), perSector)
		difats := uint32(0)
		if fats > headerFATs {
			difats = sectorsOf(int64(fats-headerFATs), perSector-1)
		}
		if fats == l.fats && difats == l.difats {
			break
		}
		l.fats, l.difats = fats, difats
	}
	for _, e := range l.large {
		e.start += l.sectors() - l.data
	}
	l.dir[0].start, l.dir[0].size = endOfChain, int64(l.miniSectors)*miniSector
	if l.miniSectors > 0 {
		l.dir[0].start = l.fats + l.difats + l.dirSectors + l.miniFATs
	}
	return l, nil
}

func (l *layout) sectors() uint32 {
	return l.fats + l.difats + l.dirSectors + l.miniFATs + l.miniStream + l.data
}

// add adds what a storage holds to the directory.
func (l *layout) add(parent *item, s *Storage, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("storages lie more than %d deep in each other", maxDepth)
	}
	var list []*item
	for _, t := range s.Streams {
		list = append(list, &item{name: t.Name, kind: typeStream, size: t.Size, stream: t})
	}
	subs := make(map[*item]*Storage, len(s.Storages))
	for _, t := range s.Storages {
		e := &item{name: t.Name, kind: typeStorage, class: t.Class}
		subs[e] = t
		list = append(list, e)
	}
	slices.SortStableFunc(list, func(a, b *item) int { return compareNames(a.name, b.name) })
	for i, e := range list {
		if i > 0 && compareNames(list[i-1].name, e.name) == 0 {
			return fmt.Errorf("two things are called %q in one storage", e.name)
		}
		if n := len(utf16.Encode([]rune(e.name))); n == 0 || n > 31 {
			return fmt.Errorf("%q is no name for a compound file", e.name)
		}
		e.child = noEntry
	}
	first := uint32(len(l.dir))
	l.dir = append(l.dir, list...)
	levels := 0
	for n := len(list) + 1; n > 1; n /= 2 {
		levels++
	}
	parent.child = balance(list, first, levels)
	for _, e := range list {
		if sub := subs[e]; sub != nil {
			if err := l.add(e, sub, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// balance links sorted entries, the first of which has a number, to a red-black tree (MS-CFB 2.6.4) and returns the number
// of its root. Halving leaves all paths equally long but for one more level, and what is on that level is red.
func balance(list []*item, first uint32, levels int) uint32 {
	if len(list) == 0 {
		return noEntry
	}
	mid := len(list) / 2
	e := list[mid]
	e.red = levels == 0
	e.left = balance(list[:mid], first, levels-1)
	e.right = balance(list[mid+1:], first+uint32(mid)+1, levels-1)
	return first + uint32(mid)
}

// compareNames orders names: shorter ones first, then by their units in upper case (MS-CFB 2.6.4).
func compareNames(a, b string) int {
	ua, ub := utf16.Encode([]rune(a)), utf16.Encode([]rune(b))
	if len(ua) != len(ub) {
		return len(ua) - len(ub)
	}
	for i := range ua {
		if d := int(unicode.ToUpper(rune(ua[i]))) - int(unicode.ToUpper(rune(ub[i]))); d != 0 {
			return d
		}
	}
	return 0
}

func (l *layout) header(w io.Writer) {
	le := binary.LittleEndian
	h := make([]byte, headerSize)
	copy(h, magic)
	le.PutUint16(h[24:], 0x3E)
	le.PutUint16(h[26:], 3)
	le.PutUint16(h[28:], 0xFFFE)
	le.PutUint16(h[30:], sectorShift)
	le.PutUint16(h[32:], 6)
	le.PutUint32(h[44:], l.fats)
	le.PutUint32(h[48:], l.fats+l.difats)
	le.PutUint32(h[56:], miniCutoff)
	le.PutUint32(h[60:], endOfChain)
	if l.miniFATs > 0 {
		le.PutUint32(h[60:], l.fats+l.difats+l.dirSectors)
	}
	le.PutUint32(h[64:], l.miniFATs)
	le.PutUint32(h[68:], endOfChain)
	if l.difats > 0 {
		le.PutUint32(h[68:], l.fats)
	}
	le.PutUint32(h[72:], l.difats)
	for i := range uint32(headerFATs) {
		n := uint32(free)
		if i < l.fats {
			n = i
		}
		le.PutUint32(h[76+4*i:], n)
	}
	w.Write(h) //nolint:errcheck // as in pad
}

// tables writes the FAT, the list of its sectors, the directory and the FAT of small streams.
func (l *layout) tables(w io.Writer) {
	le := binary.LittleEndian
	var b []byte
	flush := func(filler uint32) {
		for len(b)%sectorBytes != 0 {
			b = le.AppendUint32(b, filler)
		}
		w.Write(b) //nolint:errcheck // as in pad
		b = b[:0]
	}
	at := uint32(0)
	mark := func(n, value uint32) {
		for range n {
			b = le.AppendUint32(b, value)
		}
		at += n
	}
	chain := func(n uint32) {
		for i := range n {
			following := at + i + 1
			if i == n-1 {
				following = endOfChain
			}
			b = le.AppendUint32(b, following)
		}
		at += n
	}
	mark(l.fats, fatMark)
	mark(l.difats, difatMark)
	chain(l.dirSectors)
	chain(l.miniFATs)
	chain(l.miniStream)
	for _, e := range l.large {
		chain(sectorsOf(e.size, sectorBytes))
	}
	flush(free)
	for i := range l.difats {
		for j := range uint32(perSector - 1) {
			n := headerFATs + i*(perSector-1) + j
			if n >= l.fats {
				n = free
			}
			b = le.AppendUint32(b, n)
		}
		following := l.fats + i + 1
		if i == l.difats-1 {
			following = endOfChain
		}
		b = le.AppendUint32(b, following)
	}
	flush(free)
	for _, e := range l.dir {
		b = e.append(b)
	}
	for len(b)%sectorBytes != 0 {
		unused := &item{left: noEntry, right: noEntry, child: noEntry}
		b = unused.append(b)
	}
	flush(0)
	at = 0
	for _, e := range l.small {
		chain(sectorsOf(e.size, miniSector))
	}
	flush(free)
}

func (e *item) append(b []byte) []byte {
	le := binary.LittleEndian
	d := make([]byte, entrySize)
	units := utf16.Encode([]rune(e.name))
	for i, u := range units {
		le.PutUint16(d[2*i:], u)
	}
	if len(units) > 0 {
		le.PutUint16(d[64:], uint16(2*len(units)+2))
	}
	d[66] = e.kind
	if !e.red && e.kind != 0 {
		d[67] = 1
	}
	le.PutUint32(d[68:], e.left)
	le.PutUint32(d[72:], e.right)
	le.PutUint32(d[76:], e.child)
	copy(d[80:], e.class[:])
	le.PutUint32(d[116:], e.start)
	le.PutUint64(d[120:], uint64(e.size))
	return append(b, d...)
}
