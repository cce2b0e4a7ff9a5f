package pst

import (
	"encoding/binary"
	"fmt"
	"sync"
	"unicode/utf8"

	"mailmill/formats/codepage"
	"mailmill/formats/mapi"
	"mailmill/formats/pst/internal/ndb"
)

// nameMap is the file's map of named properties (MS-PST 2.4.7): a name for each identifier from 0x8000 on.
type nameMap struct {
	once  sync.Once
	names []*mapi.Name // by identifier - 0x8000
	ids   map[mapi.Name]mapi.ID
	err   error // what of it is lost
}

// NameID returns the identifier that stands for a name in this file.
func (f *File) NameID(name mapi.Name) (mapi.ID, bool) {
	f.names.once.Do(f.loadNames)
	id, ok := f.names.ids[name]
	return id, ok
}

// Name returns the name that an identifier stands for in this file, nil if it has none.
func (f *File) Name(id mapi.ID) *mapi.Name {
	f.names.once.Do(f.loadNames)
	if i := int(id) - 0x8000; i >= 0 && i < len(f.names.names) {
		return f.names.names[i]
	}
	return nil
}

const (
	propNameGUIDs   mapi.ID = 0x0002
	propNameEntries mapi.ID = 0x0003
	propNameStrings mapi.ID = 0x0004

	maxNames = 0x7FFF
)

func (f *File) loadNames() {
	f.names.ids = map[mapi.Name]mapi.ID{}
	p, err := f.openProperties(NIDNames)
	if err != nil {
		f.names.err = fmt.Errorf("the names of properties are lost: %w", err)
		f.db.Warn("%v", f.names.err)
		return
	}
	if f.names.err = f.db.Doubt(NIDNames); f.names.err != nil {
		f.names.err = fmt.Errorf("the names of properties: %w", f.names.err)
		f.db.Warn("%v", f.names.err)
	}
	stream := func(id mapi.ID) []byte {
		v, err := p.Lookup(id)
		if err != nil {
			err = fmt.Errorf("the names of properties may be wrong or lost: %w", err)
			f.db.Warn("%v", err)
			if !ndb.Mended(err) {
				f.names.err = err
			}
		}
		return v.Data
	}
	guids, entries, strings := stream(propNameGUIDs), stream(propNameEntries), stream(propNameStrings)
	f.names.names = make([]*mapi.Name, 0, min(len(entries)/8, maxNames))
	// NAMEID (MS-PST 2.4.7.1): number or offset, set and kind, index.
	for ; len(entries) >= 8; entries = entries[8:] {
		value, kind, index := binary.LittleEndian.Uint32(entries), binary.LittleEndian.Uint16(entries[4:]),
			int(binary.LittleEndian.Uint16(entries[6:]))
		if index >= maxNames {
			continue
		}
		name := &mapi.Name{}
		var err error
		if name.Set, err = nameSet(guids, int(kind>>1)); err == nil {
			if kind&1 == 0 {
				name.LID = value
			} else {
				name.String, err = nameString(strings, value, f.db.Header().Format == ANSI)
			}
		}
		if err != nil {
			f.db.Warn("the name of property 0x%x: %v", 0x8000+index, err)
			continue
		}
		for len(f.names.names) <= index {
			f.names.names = append(f.names.names, nil)
		}
		f.names.names[index] = name
		if _, ok := f.names.ids[*name]; !ok {
			f.names.ids[*name] = mapi.ID(0x8000 + index)
		}
	}
}

// nameSet returns the property set with an index: none, two well-known ones, then those of the GUID stream.
func nameSet(guids []byte, index int) (mapi.GUID, error) {
	switch index {
	case 0:
		return mapi.GUID{}, nil
	case 1:
		return mapi.PSMAPI, nil
	case 2:
		return mapi.PSPublicStrings, nil
	}
	if at := (index - 3) * 16; at+16 <= len(guids) {
		return mapi.GUID(guids[at : at+16]), nil
	}
	return mapi.GUID{}, fmt.Errorf("%w: no property set with number %d", ErrCorrupt, index)
}

// nameString returns the string at an offset of the string stream: its length in bytes, then UTF-16.
//
// QUIRK: programs other than Outlook, and some ANSI files, store one byte a character.
func nameString(strings []byte, offset uint32, ansi bool) (string, error) {
	if uint64(offset)+4 > uint64(len(strings)) {
		return "", fmt.Errorf("%w: offset %d of %d", ErrCorrupt, offset, len(strings))
	}
	n := binary.LittleEndian.Uint32(strings[offset:])
	b := strings[offset+4:]
	if uint64(n) > uint64(len(b)) {
		return "", fmt.Errorf("%w: %d bytes of %d", ErrCorrupt, n, len(b))
	}
	if b = b[:n]; isNarrow(b) {
		for len(b) > 0 && b[len(b)-1] == 0 {
			b = b[:len(b)-1]
		}
		if ansi && !utf8.Valid(b) {
			s, _ := codepage.Decode(1252, b)
			return s, nil
		}
		return string(b), nil
	}
	return mapi.Value{Type: mapi.String, Data: b}.Text(0), nil
}

// isNarrow reports whether a string has one byte a character. In UTF-16 that would be text of nothing but characters
// that pair two printable ASCII ones, which names do not have.
func isNarrow(b []byte) bool {
	for i, c := range b {
		if c == 0 && i < len(b)-1 || c < ' ' && c != 0 || c >= 0x7F {
			return false
		}
	}
	return len(b) > 0
}
