package compound

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
)

const (
	magic      = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"
	headerSize = 512
	entrySize  = 128
	miniSector = 64
	// miniCutoff is the size below which streams lie in mini sectors. The header has it too; it is always this.
	miniCutoff = 4096
	// headerFATs is the number of FAT sectors that the header names.
	headerFATs = 109

	// The sector numbers that mean something else (MS-CFB 2.1).
	maxSector  = 0xFFFFFFFA
	difatMark  = 0xFFFFFFFC
	fatMark    = 0xFFFFFFFD
	endOfChain = 0xFFFFFFFE
	free       = 0xFFFFFFFF
	// noEntry is what leads to no directory entry.
	noEntry = 0xFFFFFFFF
)

// The types of directory entries (MS-CFB 2.6.1).
const (
	typeStorage = 1
	typeStream  = 2
	typeRoot    = 5
)

// file is an opened compound file.
type file struct {
	r     io.ReaderAt
	size  int64
	shift uint     // a sector has 1<<shift bytes
	fat   []uint32 // the sector after each
	mini  []uint32 // the same for mini sectors
	// miniSectors are the sectors that the mini sectors lie in.
	miniSectors []uint32
	room        int64 // how much all streams may hold together
}

// Read reads the directory of a compound file of size bytes and returns its root. Streams read from r when they are opened.
// It fails with [ErrFormat], or with an error that says what is wrong with the beginning of the file or its tables.
func Read(r io.ReaderAt, size int64) (*Storage, error) {
	var h [headerSize]byte
	switch n, err := r.ReadAt(h[:], 0); {
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, err
	case n < len(h), string(h[:8]) != magic:
		return nil, ErrFormat
	}
	le := binary.LittleEndian
	f := &file{r: r, size: size, shift: uint(le.Uint16(h[30:]))}
	version := le.Uint16(h[26:])
	const small, large = 9, 12
	if f.shift != small && f.shift != large {
		return nil, fmt.Errorf("its sectors would be 2 to the power of %d bytes long", f.shift)
	}
	// No sector can be in two streams, so that all of them hold no more than the file. What is cut short may have lost some.
	const slack = 2
	f.room = slack * size
	f.readFAT(h[:])
	root, err := f.readDirectory(le.Uint32(h[48:]), version)
	if err != nil {
		return nil, err
	}
	chain, err := f.chain(le.Uint32(h[60:]))
	f.mini = f.table(chain)
	if err != nil {
		root.Err = errors.Join(root.Err, fmt.Errorf("the table of small streams: %w", err))
	}
	return root, nil
}

func (f *file) sectorSize() int64 { return 1 << f.shift }

// sectors is how many sectors the file has, the last of which may be cut short.
func (f *file) sectors() int64 { return max(0, (f.size-1)>>f.shift) }

// offset returns where a sector begins. The header takes the place of one (MS-CFB 2.2).
func (f *file) offset(sector uint32) int64 { return (int64(sector) + 1) << f.shift }

// readFAT reads the table of sectors, as far as it can be had (MS-CFB 2.3, 2.5). What is missing of it ends chains.
func (f *file) readFAT(h []byte) {
	le := binary.LittleEndian
	perSector := f.sectorSize() / 4
	most := int(f.sectors()/perSector) + 1
	var list []uint32
	for i := range headerFATs {
		list = append(list, le.Uint32(h[76+4*i:]))
	}
	buf := make([]byte, f.sectorSize())
	for at, n := le.Uint32(h[68:]), 0; at < maxSector && n <= most && len(list) < most; n++ {
		if _, err := f.r.ReadAt(buf, f.offset(at)); err != nil {
			break
		}
		last := len(buf) - 4
		for i := 0; i < last; i += 4 {
			list = append(list, le.Uint32(buf[i:]))
		}
		at = le.Uint32(buf[last:])
	}
	f.fat = f.table(list[:min(len(list), most)])
}

// table reads the sectors of a table of sector numbers. One that cannot be read is full of ends of chains.
func (f *file) table(sectors []uint32) []uint32 {
	var t []uint32
	buf := make([]byte, f.sectorSize())
	for _, s := range sectors {
		n := 0
		if s < maxSector {
			n, _ = f.r.ReadAt(buf, f.offset(s))
		}
		for i := 0; i < len(buf); i += 4 {
			next := uint32(free)
			if i+4 <= n {
				next = binary.LittleEndian.Uint32(buf[i:])
			}
			t = append(t, next)
		}
	}
	return t
}

var (
	errCircle  = errors.New("its sectors run in circles")
	errOutside = errors.New("its sectors lead out of the file")
)

// next returns the sector after one, as a table has it.
func next(table []uint32, sector uint32) (uint32, error) {
	if int64(sector) >= int64(len(table)) {
		return 0, errOutside
	}
	if n := table[sector]; n < maxSector || n == endOfChain {
		return n, nil
	}
	return 0, errOutside
}

// chain returns the sectors from one on. With an error it returns those before the chain breaks.
func (f *file) chain(from uint32) ([]uint32, error) {
	if from == free { // QUIRK: some writers have it for "none", where it means an unused sector.
		from = endOfChain
	}
	var list []uint32
	most := f.sectors()
	for from != endOfChain {
		if int64(from) >= most {
			return list, errOutside
		}
		if int64(len(list)) >= most {
			return list, errCircle
		}
		list = append(list, from)
		n, err := next(f.fat, from)
		if err != nil {
			return list, err
		}
		from = n
	}
	return list, nil
}

// entry is an entry of the directory (MS-CFB 2.6.1).
type entry struct {
	name               string
	kind               byte
	left, right, child uint32
	class              [16]byte
	start              uint32
	size               int64
}

func makeEntry(b []byte, version uint16) entry {
	le := binary.LittleEndian
	e := entry{
		kind: b[66], left: le.Uint32(b[68:]), right: le.Uint32(b[72:]), child: le.Uint32(b[76:]),
		class: [16]byte(b[80:96]), start: le.Uint32(b[116:]), size: int64(le.Uint64(b[120:])),
	}
	const oldest = 3
	if version <= oldest {
		e.size &= 0xFFFFFFFF // the upper half may be anything
	}
	e.size = max(e.size, 0)
	units := make([]uint16, 0, 32)
	for i := 0; i < min(int(le.Uint16(b[64:])), 64)-2; i += 2 {
		units = append(units, le.Uint16(b[i:]))
	}
	e.name = string(utf16.Decode(units))
	return e
}

// readDirectory reads the directory and makes a tree of it.
func (f *file) readDirectory(start uint32, version uint16) (*Storage, error) {
	chain, chainErr := f.chain(start)
	var all []entry
	buf := make([]byte, f.sectorSize())
	for _, s := range chain {
		n, err := f.r.ReadAt(buf, f.offset(s))
		for b := buf[:n]; len(b) >= entrySize; b = b[entrySize:] {
			all = append(all, makeEntry(b, version))
		}
		if n < len(buf) {
			chainErr = errors.Join(chainErr, err)
			break
		}
		if len(all) > maxEntries {
			return nil, fmt.Errorf("its directory has more than %d entries", maxEntries)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("it has no directory: %w", cmp.Or(chainErr, io.ErrUnexpectedEOF))
	}
	root := &Storage{Name: all[0].name, Class: all[0].class}
	var err error
	if f.miniSectors, err = f.chain(all[0].start); err != nil {
		root.Err = fmt.Errorf("the small streams: %w", err)
	}
	t := &tree{f: f, all: all, seen: make([]bool, len(all))}
	t.seen[0] = true
	t.storage(root, all[0].child, 0)
	if chainErr != nil {
		root.Err = errors.Join(root.Err, fmt.Errorf("the directory: %w", chainErr))
	}
	return root, nil
}

// tree makes storages of directory entries, each of which it meets once.
type tree struct {
	f    *file
	all  []entry
	seen []bool
}

// storage fills a storage in with the entries of the binary tree at top, in their order.
func (t *tree) storage(s *Storage, top uint32, depth int) {
	if depth > maxDepth {
		s.Err = fmt.Errorf("storages lie more than %d deep in each other", maxDepth)
		return
	}
	var stack []uint32
	for at := top; at != noEntry || len(stack) > 0; {
		if at != noEntry {
			if int64(at) >= int64(len(t.all)) || t.seen[at] {
				if s.Err == nil {
					s.Err = fmt.Errorf("the directory leads to the entry %d, which is not there or elsewhere", at)
				}
				at = noEntry
				continue
			}
			t.seen[at] = true
			stack = append(stack, at)
			at = t.all[at].left
			continue
		}
		e := &t.all[stack[len(stack)-1]]
		stack = stack[:len(stack)-1]
		at = e.right
		switch e.kind {
		case typeStorage:
			sub := &Storage{Name: e.name, Class: e.class}
			t.storage(sub, e.child, depth+1)
			s.Storages = append(s.Storages, sub)
		case typeStream:
			s.Streams = append(s.Streams, t.f.stream(e))
		}
	}
}

// errShared is the fault of a stream that cannot be where it is said to be.
var errShared = errors.New("the streams hold more than the file")

func (f *file) stream(e *entry) *Stream {
	s := &Stream{Name: e.name, Size: e.size}
	if f.room -= min(e.size, f.size); f.room < 0 {
		s.open = func() (io.Reader, error) { return nil, errShared }
		return s
	}
	start := e.start
	s.open = func() (io.Reader, error) {
		r := &reader{f: f, sector: start, left: s.Size, shift: f.shift, table: f.fat}
		if s.Size < miniCutoff {
			r.shift, r.table, r.mini = 6, f.mini, true
		}
		return r, nil
	}
	return s
}

// reader reads a stream.
type reader struct {
	f      *file
	mini   bool
	shift  uint
	table  []uint32
	sector uint32
	within int64 // bytes of the sector that were read
	read   int64
	// mark is a sector that was passed, the last one after a number of steps that is a power of two: who comes to it again
	// runs in circles.
	mark  uint32
	steps int
	left  int64
	err   error
}

// place returns where the sector lies in the file and how many bytes of it are left.
func (r *reader) place() (offset, n int64, err error) {
	size := int64(1) << r.shift
	if r.within == size {
		if r.steps&(r.steps-1) == 0 {
			r.mark = r.sector
		}
		r.steps++
		if r.sector, err = next(r.table, r.sector); err != nil {
			return 0, 0, err
		}
		if r.sector == r.mark {
			return 0, 0, errCircle
		}
		r.within = 0
	}
	if r.sector == endOfChain {
		return 0, 0, io.ErrUnexpectedEOF
	}
	if !r.mini {
		return r.f.offset(r.sector) + r.within, size - r.within, nil
	}
	at := int64(r.sector) << r.shift
	i := at >> r.f.shift
	if i >= int64(len(r.f.miniSectors)) {
		return 0, 0, errOutside
	}
	return r.f.offset(r.f.miniSectors[i]) + at&(r.f.sectorSize()-1) + r.within, size - r.within, nil
}

// Read implements [io.Reader]. Sectors that follow each other in the file are read at once.
func (r *reader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	if r.err != nil {
		return 0, r.err
	}
	if r.read > r.f.size {
		r.err = errCircle
		return 0, r.err
	}
	if int64(len(p)) > r.left {
		p = p[:r.left]
	}
	var offset, run int64
	for run < int64(len(p)) {
		at, n, err := r.place()
		if err != nil {
			r.err = err
			break
		}
		if run > 0 && at != offset+run {
			break
		}
		if run == 0 {
			offset = at
		}
		n = min(n, int64(len(p))-run)
		r.within += n
		run += n
	}
	if run == 0 {
		if len(p) == 0 {
			return 0, nil
		}
		return 0, r.err
	}
	n, err := r.f.r.ReadAt(p[:run], offset)
	r.left -= int64(n)
	r.read += int64(n)
	if int64(n) < run {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		r.err = err
		return n, err
	}
	return n, nil
}
