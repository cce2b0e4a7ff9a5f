package ledger

import (
	"encoding/binary"
	"hash/maphash"
)

// entry is what memory holds of a number of a key. There is one for each record, and for each that was claimed without
// one; a million takes 64 MB. It has no pointers, so that collecting garbage costs nothing.
type entry struct {
	id     ident
	print  Print  // what claims find it by: that of the claim, else that of the record
	number uint32 // 1 is the key itself
	row    uint32 // of its record, within the place; 0: none was given yet
	blob   uint32 // where the rest of the record stands; only of what this run has not claimed
	source uint16 // that brought it, by its number in the place
	marks  marks
}

// marks are what is known of an entry.
type marks uint8

const (
	intended  marks = 1 << iota // there is a record: a run was about to write it
	confirmed                   // there is a record: a run has written it
	found                       // there is a record: it was found on the target
	claimed                     // an item of this run has this number
	seen                        // or had it, until it was withdrawn

	recorded = intended | confirmed | found
)

func (m marks) has(any marks) bool { return m&any != 0 }

// state replaces what is known of the record.
func (e *entry) state(m marks) { e.marks = e.marks&^recorded | m }

// entries is a list that grows without being copied.
type entries struct {
	pages [][]entry
	n     uint32
}

const entriesPerPage = 1 << 10

func (l *entries) at(i uint32) *entry { return &l.pages[i/entriesPerPage][i%entriesPerPage] }

func (l *entries) add(e entry) uint32 {
	if l.n%entriesPerPage == 0 {
		l.pages = append(l.pages, make([]entry, entriesPerPage))
	}
	*l.at(l.n) = e
	l.n++
	return l.n - 1
}

// index finds entries by a hash. What it finds needs to be looked at: others have the same hash, and what an entry was found
// by before it changed stays until the index grows.
type index struct {
	slots []uint32 // entry + 1; their number is a power of two
	used  int
}

// find calls look with the entries that may have the hash until it returns false.
func (x *index) find(hash uint64, look func(i uint32) bool) {
	if len(x.slots) == 0 {
		return
	}
	mask := uint64(len(x.slots) - 1)
	for s := hash & mask; x.slots[s] != 0; s = (s + 1) & mask {
		if !look(x.slots[s] - 1) {
			return
		}
	}
}

// add adds an entry of a list. When the index is three quarters full it is made anew, twice as large.
func (x *index) add(i uint32, list *entries, hash func(*entry) uint64) {
	if 4*(x.used+1) > 3*len(x.slots) {
		size := 64
		for 4*int(list.n+1) > 2*size {
			size *= 2
		}
		*x = index{slots: make([]uint32, size)}
		for j := range list.n {
			if j != i {
				x.put(j, hash(list.at(j)))
			}
		}
	}
	x.put(i, hash(list.at(i)))
}

func (x *index) put(i uint32, hash uint64) {
	mask := uint64(len(x.slots) - 1)
	s := hash & mask
	for x.slots[s] != 0 {
		s = (s + 1) & mask
	}
	x.slots[s] = i + 1
	x.used++
}

// hasher makes hashes that nobody who writes mail can foresee.
type hasher struct{ seed maphash.Seed }

func (h hasher) number(id *ident, number uint32) uint64 {
	var b [20]byte
	copy(b[:], id[:])
	binary.LittleEndian.PutUint32(b[16:], number)
	return maphash.Bytes(h.seed, b[:])
}

func (h hasher) print(id *ident, print *Print) uint64 {
	var b [48]byte
	copy(b[:], id[:])
	copy(b[16:], print[:])
	return maphash.Bytes(h.seed, b[:])
}

func (h hasher) name(id *ident, name string) uint64 {
	return maphash.String(h.seed, name) ^ h.number(id, 0)
}

// arena holds the rest of records: a few bytes each, one after the other.
type arena struct{ pages [][]byte }

const (
	arenaPage = 64 << 10
	// mostOfText bounds a name, a tag and a key: so what is written of a record fits into a page of the arena.
	mostOfText = 4 << 10
)

// add keeps bytes and returns where they stand: never 0.
func (a *arena) add(b []byte) uint32 {
	last := len(a.pages) - 1
	if last < 0 || len(a.pages[last])+len(b) > arenaPage {
		first := 0
		if last < 0 {
			first = 1
		}
		a.pages = append(a.pages, make([]byte, first, arenaPage))
		last++
	}
	at := uint32(last*arenaPage + len(a.pages[last]))
	a.pages[last] = append(a.pages[last], b...)
	return at
}

func (a *arena) at(i uint32) []byte { return a.pages[i/arenaPage][i%arenaPage:] }
