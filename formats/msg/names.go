package msg

import (
	"encoding/binary"
	"errors"
	"fmt"

	"mailmill/formats/codepage"
	"mailmill/formats/internal/compound"
	"mailmill/formats/mapi"
)

// names are those of the file's named properties (MS-OXMSG 2.2.3).
type names struct {
	ids  map[mapi.Name]mapi.ID
	byID map[mapi.ID]mapi.Name
	err  error
}

// The streams of the storage of names: sets, entries and texts.
const (
	setsName    = valuePrefix + "00020102"
	entriesName = valuePrefix + "00030102"
	textsName   = valuePrefix + "00040102"
)

// maxNames bounds each of the streams: there are no more than 32,768 names.
const maxNames = 16 << 20

func readNames(s *compound.Storage) *names {
	n := &names{ids: make(map[mapi.Name]mapi.ID), byID: make(map[mapi.ID]mapi.Name)}
	if s == nil {
		return n
	}
	var errs []error
	read := func(name string) []byte {
		t := s.Stream(name)
		if t == nil {
			return nil
		}
		b, err := t.Bytes(maxNames)
		if err != nil {
			errs = append(errs, err)
		}
		return b
	}
	sets, entries, texts := read(setsName), read(entriesName), read(textsName)
	const entry = 8
	for i := 0; len(entries) >= entry; i++ {
		name, err := parseEntry(entries, sets, texts)
		if err != nil {
			errs = append(errs, fmt.Errorf("name %d: %w", i, err))
		} else {
			// The identifier counts from 0x8000 (MS-OXMSG 2.2.3.1.2.2).
			id := mapi.ID(0x8000 + uint32(binary.LittleEndian.Uint16(entries[6:]))&0x7FFF)
			if _, ok := n.ids[name]; !ok {
				n.ids[name] = id
			}
			if _, ok := n.byID[id]; !ok {
				n.byID[id] = name
			}
		}
		entries = entries[entry:]
	}
	const most = 8
	n.err = errors.Join(errs[:min(len(errs), most)]...)
	return n
}

// parseEntry reads an entry: the number of the name or where its text is, and the set (MS-OXMSG 2.2.3.1.2).
func parseEntry(b, sets, texts []byte) (mapi.Name, error) {
	const guid, first = 16, 3
	le := binary.LittleEndian
	value, kind := le.Uint32(b), le.Uint16(b[4:])
	var set mapi.GUID
	switch i := int(kind >> 1); {
	case i == 1:
		set = mapi.PSMAPI
	case i == 2:
		set = mapi.PSPublicStrings
	case i >= first && guid*(i-first+1) <= len(sets):
		set = mapi.GUID(sets[guid*(i-first):])
	default:
		return mapi.Name{}, fmt.Errorf("there is no set %d", i)
	}
	if kind&1 == 0 {
		return mapi.Long(set, value), nil
	}
	if uint64(value)+4 > uint64(len(texts)) {
		return mapi.Name{}, fmt.Errorf("its text would be at %d of %d", value, len(texts))
	}
	texts = texts[value:]
	size := uint64(le.Uint32(texts))
	if size > uint64(len(texts)-4) {
		return mapi.Name{}, fmt.Errorf("its text would have %d bytes of %d", size, len(texts)-4)
	}
	return mapi.Named(set, codepage.UTF16(texts[4:4+size])), nil
}
