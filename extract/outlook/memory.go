package outlook

import (
	"encoding/binary"

	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
)

// memory is what one conversion leaves to the next: room to work in, and what was made of the same bytes before, as most
// mail of an archive is between the same people. It is used by one conversion at a time.
type memory struct {
	top    message // the one that is converted
	people map[string]remembered
	lists  map[string][]formats.Address
	// size is the length of all keys.
	size int
	key  []byte
	// header and fields are room for transport headers, where nothing keeps them: nil in conversions.
	header []byte
	fields []formats.Field
	// text is room for text that is not kept.
	text []byte
	// rows is room for the lists of the message's participants.
	rows [4][]person
	// has is room for the names of a header's fields.
	has []string
	// messages counts those that have been found in the item so far.
	messages int
}

// Bounds of what is remembered, and of the room that is kept.
const (
	maxRemembered = 1 << 19 // bytes of keys
	maxKey        = 1 << 10
	maxListKey    = 1 << 8
	maxText       = 1 << 20 // bytes
	maxRows       = 1 << 12
	maxFieldRoom  = 1 << 10
	usualFields   = 32
	usualHeader   = 4 << 10 // bytes
)

// need says which of a role's properties tell who the participant is.
type need uint8

const (
	needNothing  need = iota // but address and name
	needEvidence             // also what resolves an address
	needNames                // and what stands in for a name
)

// remembered is what was made of a participant's properties.
type remembered struct {
	participant
	need need
}

// participant is readParticipant for what may have been read before.
func (m *message) participant(b *bag, r *role) participant {
	w := m.memory
	w.key = binary.LittleEndian.AppendUint32(w.key[:0], uint32(b.cp)<<1)
	if r == &roleRow {
		w.key[0]++
	}
	if !w.add(b, r.addr) || !w.add(b, r.name) {
		p, _ := m.readParticipant(b, r)
		return p
	}
	short := len(w.key)
	known, ok := w.people[string(w.key)]
	if ok && known.need == needNothing {
		return known.participant
	}
	if ok {
		if !w.addEvidence(b, r, known.need) {
			p, _ := m.readParticipant(b, r)
			return p
		}
		if known, ok := w.people[string(w.key)]; ok {
			return known.participant
		}
	}
	p, n := m.readParticipant(b, r)
	if !ok {
		if n == needNothing {
			w.remember(w.key, remembered{p, n})
			return p
		}
		// What the evidence tells may be of any length, and is not what this key stands for.
		w.remember(w.key[:short], remembered{need: n})
		if !w.addEvidence(b, r, n) {
			return p
		}
	}
	w.remember(w.key, remembered{p, n})
	return p
}

// add adds a property to the key. It is false for what has none: what cannot be read, or is too long.
func (w *memory) add(b *bag, id mapi.ID) bool {
	v, err := b.p.Lookup(id)
	if err != nil || v.Elems != nil || len(v.Data) > maxKey-len(w.key) {
		return false
	}
	w.key = binary.LittleEndian.AppendUint32(w.key, uint32(v.Type)<<16|uint32(len(v.Data)))
	w.key = append(w.key, v.Data...)
	return true
}

// addEvidence adds the properties beside address and name to the key.
func (w *memory) addEvidence(b *bag, r *role, n need) bool {
	ok := w.add(b, r.smtp) && w.add(b, r.entry) && w.add(b, r.key)
	if ok && r == &roleRow {
		ok = w.add(b, mapi.PidTagRecipientEntryId)
		if n == needNames {
			ok = ok && w.add(b, mapi.PidTagDisplayName) && w.add(b, mapi.PidTagTransmittableDisplayName) && w.add(b, mapi.PidTagAddressBookDisplayName)
		}
	}
	return ok
}

func (w *memory) remember(key []byte, r remembered) {
	w.grow(len(key))
	if w.people == nil {
		w.people = make(map[string]remembered)
	}
	w.people[string(key)] = r
}

// grow counts a key, and forgets everything where that would be too much.
func (w *memory) grow(n int) {
	if w.size += n; w.size > maxRemembered {
		w.size = n
		clear(w.people)
		clear(w.lists)
	}
}

// addressList parses an address field of transport headers.
func (w *memory) addressList(f *formats.Field) []*formats.Address {
	if len(f.Raw) == 0 || len(f.Raw) > maxListKey {
		return mime.ParseAddressList(mime.Value(f))
	}
	known, ok := w.lists[string(f.Raw)]
	if !ok {
		list := mime.ParseAddressList(mime.Value(f))
		known = make([]formats.Address, len(list))
		for i, a := range list {
			known[i] = *a
		}
		w.grow(len(f.Raw))
		if w.lists == nil {
			w.lists = make(map[string][]formats.Address)
		}
		w.lists[string(f.Raw)] = known
		return list
	}
	if len(known) == 0 {
		return nil
	}
	list, all := make([]*formats.Address, len(known)), make([]formats.Address, len(known))
	for i := range all {
		all[i] = known[i]
		list[i] = &all[i]
	}
	return list
}

// clean drops what belongs to an item.
func (w *memory) clean() {
	w.messages = 0
	clear(w.has[:cap(w.has)])
	w.has = w.has[:0]
	w.rows = w.top.rows
	w.top = message{}
	for i, list := range w.rows {
		clear(list)
		w.rows[i] = list[:0]
		if cap(list) > maxRows {
			w.rows[i] = nil
		}
	}
	clear(w.fields)
	if cap(w.fields) > maxFieldRoom {
		w.fields = make([]formats.Field, 0, usualFields)
	}
	if cap(w.header) > maxText {
		w.header = make([]byte, 0, usualHeader)
	}
	if cap(w.text) > maxText {
		w.text = nil
	}
}
