package verify

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"mailmill/load/compare"
)

// index is what is known of the objects of a place.
type index struct {
	place string
	held  []holding
	byKey map[key]chain
}

// key stands for the form and the key of what is compared: a Message-ID, the UID of an event with its occurrence, that of
// a card, the name of a text.
type key [16]byte

// chain are the holdings with one key, in the order of the place. Those before open are claimed for good.
type chain struct{ first, last, open int32 }

// holding is a mail, a component of a calendar, a card or a text that a place holds: about 120 bytes.
type holding struct {
	key   key
	print [16]byte // of what it says, but for
	trace [8]byte  // the traces
	state *state
	date  int64 // in seconds; 0 is none
	id    string
	next  int32 // with the same key; none is -1
	claim claim
	form  Form
	ours  bool
	from  origin // of the item that claims it
	item  int32  // the problem that claims it, where that is tentative
}

// says is what a holding says, whatever its state.
type says struct {
	key   key
	print [16]byte
}

func (h *holding) says() says { return says{h.key, h.print} }

// claim says what an item has to do with a holding.
type claim uint8

const (
	free      claim = iota
	tentative       // it has the key of an item, and differs: another item may be equal to it
	firm            // it says what an item says
)

// state are flags and keywords, in lower case and in order. Equal ones are one value.
type state struct{ flags, keywords string }

func keyOf(form Form, name string) key {
	sum := sha256.Sum256(append([]byte{byte(form)}, name...))
	return key(sum[:16])
}

func (x *index) add(h holding) {
	at := int32(len(x.held))
	h.next = -1
	x.held = append(x.held, h)
	c, ok := x.byKey[h.key]
	if !ok {
		c.first, c.open = at, at
	} else {
		x.held[c.last].next = at
	}
	c.last = at
	x.byKey[h.key] = c
}

// want is what an item says that a place should hold.
type want struct {
	place   *index
	key     key
	name    string // what key stands for
	print   [16]byte
	trace   [8]byte
	facts   compare.Facts
	compare expected
}

// expected is the state that is compared, as far as it is.
type expected struct {
	flags, keywords *string
	date            int64
}

func expectedOf(e *Expectation) expected {
	var x expected
	if e.Flags != nil {
		x.flags = new(joined(e.Flags))
	}
	if e.Keywords != nil {
		x.keywords = new(joined(e.Keywords))
	}
	if !e.Date.IsZero() {
		x.date = e.Date.Unix()
	}
	return x
}

// joined returns words in lower case and in order.
func joined(words []string) string {
	if len(words) == 0 {
		return ""
	}
	words = slices.Clone(words)
	for i := range words {
		words[i] = strings.ToLower(words[i])
	}
	slices.Sort(words)
	return strings.Join(slices.Compact(words), " ")
}

// differs returns in what the state of a holding is not the one that is expected.
func (x *expected) differs(h *holding) []compare.Difference {
	var list []compare.Difference
	if x.flags != nil && *x.flags != h.state.flags {
		list = append(list, compare.Difference{Field: "flags", Want: *x.flags, Got: h.state.flags})
	}
	if x.keywords != nil && *x.keywords != h.state.keywords {
		list = append(list, compare.Difference{Field: "keywords", Want: *x.keywords, Got: h.state.keywords})
	}
	if x.date != 0 && x.date != h.date {
		d := compare.Difference{Field: "internal date", Want: time.Unix(x.date, 0).UTC().Format(time.RFC3339)}
		if h.date != 0 {
			d.Got = time.Unix(h.date, 0).UTC().Format(time.RFC3339)
		}
		list = append(list, d)
	}
	return list
}

// match says how well a holding answers to what is wanted.
type match uint8

const (
	none  match = iota
	keyed       // it has the key
	alike       // it says the same; its state or its traces differ
	equal       // it is the same
)

// find returns the holding that answers best to what is wanted, of those that no other item has for good.
func (x *index) find(w *want) (at int32, how match) {
	c, ok := x.byKey[w.key]
	if !ok {
		return -1, none
	}
	// Of many copies most are claimed already.
	for c.open != c.last && x.held[c.open].claim == firm {
		c.open = x.held[c.open].next
	}
	x.byKey[w.key] = c
	at = -1
	for i := c.open; i >= 0 && (how != equal || x.held[at].claim != free); i = x.held[i].next {
		h := &x.held[i]
		if h.claim == firm {
			continue
		}
		m := keyed
		if h.print == w.print {
			m = alike
			if h.trace == w.trace && len(w.compare.differs(h)) == 0 {
				m = equal
			}
		}
		if m == keyed && h.claim == tentative {
			continue
		}
		if m > how || m == how && x.held[at].claim == tentative && h.claim == free {
			at, how = i, m
		}
	}
	return at, how
}

// has reports whether a place has everything that is wanted, at least in what it says.
func (x *index) has(wants []want) bool {
	for i := range wants {
		if _, how := x.find(&wants[i]); how < alike {
			return false
		}
	}
	return true
}

// hasFromElsewhere reports whether equal items of another source have all that is wanted.
func (x *index) hasFromElsewhere(wants []want, from origin) bool {
	for i := range wants {
		c, found := x.byKey[wants[i].key]
		if !found {
			return false
		}
		found = false
		for at := c.first; at >= 0 && !found; at = x.held[at].next {
			h := &x.held[at]
			found = h.claim == firm && h.print == wants[i].print && h.from.source != from.source && h.from.number == from.number
		}
		if !found {
			return false
		}
	}
	return len(wants) > 0
}
