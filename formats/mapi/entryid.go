package mapi

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"mailmill/formats/codepage"
)

// EntryKind says what an entry identifier identifies.
type EntryKind uint8

// The kinds of entry identifiers (MS-OXCDATA 2.2).
const (
	EntryUnknown EntryKind = iota
	EntryOneOff            // a name and an address
	EntryEX                // an Exchange directory entry, by its distinguished name
	EntryContact           // an address of a contact, or a list, in a folder of contacts
	EntryObject            // a message or folder of a PST
	EntryStore             // a message store
)

// EntryID is a decoded entry identifier.
type EntryID struct {
	Kind     EntryKind
	Provider GUID

	// Name, AddressType and Address are a one-off's. Address is also the distinguished name of an Exchange entry, and
	// what was found in an identifier of an unknown provider.
	Name, AddressType, Address string
	// DisplayType is an Exchange entry's: 0 a user, 1 a list; 5 is a contact's personal list (MS-OXCDATA 2.2.5.2).
	DisplayType uint32

	// Wrapped is the type byte of a wrapped identifier (MS-OXOCNTC 2.2.2.2.4.1.1), else 0; see [EntryID.Slot].
	Wrapped byte
	// Index is the contact's address that an identifier of the contacts address book means: 0 to 2 mail, 3 to 5 fax.
	Index uint32
	// Object is the identifier of the message that a contact or list is.
	Object []byte
	// Node is the node of an EntryObject; Provider is then the store's record key.
	Node uint32
}

// Slot returns which of a contact's mail addresses the identifier means, 0 to 2, and -1 where it means none.
func (e *EntryID) Slot() int {
	const contact = 3 // in the lower half of Wrapped; 4 to 6 in the upper are the mail addresses
	switch {
	case e.Wrapped&0x0F == contact:
		if n := int(e.Wrapped>>4&7) - 4; n >= 0 && n <= 2 {
			return n
		}
	case e.Kind == EntryContact && e.DisplayType == 4 && e.Index <= 2:
		return int(e.Index)
	}
	return -1
}

// The providers, by the bytes as they stand in files (MS-OXCDATA 2.2.5, MS-OXOCNTC 2.2.2.2.4.1.1).
var (
	providerOneOff   = GUID{0x81, 0x2B, 0x1F, 0xA4, 0xBE, 0xA3, 0x10, 0x19, 0x9D, 0x6E, 0x00, 0xDD, 0x01, 0x0F, 0x54, 0x02}
	providerEX       = GUID{0xDC, 0xA7, 0x40, 0xC8, 0xC0, 0x42, 0x10, 0x1A, 0xB4, 0xB9, 0x08, 0x00, 0x2B, 0x2F, 0xE1, 0x82}
	providerContacts = GUID{0xFE, 0x42, 0xAA, 0x0A, 0x18, 0xC7, 0x1A, 0x10, 0xE8, 0x85, 0x0B, 0x65, 0x1C, 0x24, 0x00, 0x00}
	providerWrapped  = GUID{0xC0, 0x91, 0xAD, 0xD3, 0x51, 0x9D, 0xCF, 0x11, 0xA4, 0xA9, 0x00, 0xAA, 0x00, 0x47, 0xFA, 0xA4}
	providerStore    = GUID{0x38, 0xA1, 0xBB, 0x10, 0x05, 0xE5, 0x10, 0x1A, 0xA1, 0xBB, 0x08, 0x00, 0x2B, 0x2A, 0x56, 0xC2}
)

const (
	entryHeader   = 4 + 16
	objectEntry   = entryHeader + 4
	maxWraps      = 4
	oneOffUnicode = 0x8000
)

var (
	errEntryShort     = errors.New("the entry identifier is cut short")
	errEntryShortTerm = errors.New("the entry identifier is a short-term one and means nothing outside its session")
	errEntryWraps     = errors.New("the entry identifier is wrapped too often")
)

// EntryKindOf tells what an entry identifier is by its provider alone: an EntryOneOff, an EntryEX, or EntryUnknown for
// what has to be looked into; an EntryObject where it can be nothing that tells of a person.
func EntryKindOf(b []byte) EntryKind {
	if len(b) < entryHeader || b[0] != 0 {
		return EntryObject
	}
	switch GUID(b[4:entryHeader]) {
	case providerOneOff:
		return EntryOneOff
	case providerEX:
		return EntryEX
	case providerStore:
		return EntryStore
	}
	if len(b) == objectEntry {
		return EntryObject
	}
	return EntryUnknown
}

// ParseEntryID decodes an entry identifier. cp is the code page of strings that are not Unicode.
//
// An identifier of a provider that is not known is searched for a distinguished name and a mail address; it is an
// EntryUnknown whose Address may still be set.
func ParseEntryID(b []byte, cp int) (EntryID, error) { return parseEntryID(b, cp, 0) }

func parseEntryID(b []byte, cp, depth int) (EntryID, error) {
	if len(b) < entryHeader {
		return EntryID{}, errEntryShort
	}
	if b[0] != 0 {
		return EntryID{}, errEntryShortTerm
	}
	e := EntryID{Provider: GUID(b[4:entryHeader])}
	body := b[entryHeader:]
	switch e.Provider {
	case providerOneOff:
		return parseOneOff(e, body, cp)
	case providerEX: // MS-OXCDATA 2.2.5.2
		if len(body) < 8 {
			return e, errEntryShort
		}
		e.Kind = EntryEX
		e.DisplayType = binary.LittleEndian.Uint32(body[4:])
		dn := body[8:]
		if i := indexNUL(dn); i >= 0 {
			dn = dn[:i]
		}
		e.AddressType = "EX"
		e.Address, _ = codepage.Decode(cp, dn)
	case providerContacts: // MS-OXCDATA 2.2.5.3
		if len(body) < 8 {
			return e, errEntryShort
		}
		e.Kind = EntryContact
		e.DisplayType = binary.LittleEndian.Uint32(body[4:])
		if e.DisplayType != 4 && e.DisplayType != 5 {
			return e, nil
		}
		if len(body) < 16 {
			return e, errEntryShort
		}
		e.Index = binary.LittleEndian.Uint32(body[8:])
		n := binary.LittleEndian.Uint32(body[12:])
		if uint64(n) > uint64(len(body)-16) {
			return e, fmt.Errorf("%w: %d bytes of a message's identifier are said to follow, %d do", errEntryShort, n, len(body)-16)
		}
		e.Object = body[16 : 16+n]
	case providerWrapped: // MS-OXOCNTC 2.2.2.2.4.1.1
		if len(body) < 1 {
			return e, errEntryShort
		}
		if depth >= maxWraps {
			return e, errEntryWraps
		}
		inner, err := parseEntryID(body[1:], cp, depth+1)
		if err != nil && inner.Kind == EntryUnknown && inner.Address == "" {
			return e, fmt.Errorf("in the wrapped entry identifier: %w", err)
		}
		inner.Wrapped = body[0]
		if low := body[0] & 0x0F; (low == 3 || low == 4) && inner.Kind == EntryObject {
			inner.Object = body[1:]
		}
		return inner, err
	case providerStore:
		e.Kind = EntryStore
		e.Address = scanDN(body)
	default:
		if len(b) == objectEntry { // MS-PST 2.4.3.2
			e.Kind = EntryObject
			e.Node = binary.LittleEndian.Uint32(body)
			return e, nil
		}
		if e.Address = scanDN(body); e.Address != "" {
			e.AddressType = "EX"
		} else if e.Address = scanSMTP(body); e.Address != "" {
			e.AddressType = "SMTP"
		}
	}
	return e, nil
}

// parseOneOff decodes a one-off (MS-OXCDATA 2.2.5.1).
func parseOneOff(e EntryID, body []byte, cp int) (EntryID, error) {
	if len(body) < 4 {
		return e, errEntryShort
	}
	e.Kind = EntryOneOff
	unicode := binary.LittleEndian.Uint16(body[2:])&oneOffUnicode != 0
	rest := body[4:]
	for _, dst := range [...]*string{&e.Name, &e.AddressType, &e.Address} {
		var ok bool
		if *dst, rest, ok = terminated(rest, unicode, cp); !ok {
			// QUIRK: writers leave out the last NUL; what is there counts.
			if *dst == "" {
				return e, errEntryShort
			}
		}
	}
	return e, nil
}

// terminated cuts a NUL-terminated string from b; ok is false where there is no NUL.
func terminated(b []byte, unicode bool, cp int) (s string, rest []byte, ok bool) {
	if !unicode {
		i := indexNUL(b)
		if ok = i >= 0; !ok {
			i = len(b)
		}
		s, _ = codepage.Decode(cp, b[:i])
		return s, b[min(i+1, len(b)):], ok
	}
	i := 0
	for ; i+1 < len(b); i += 2 {
		if b[i] == 0 && b[i+1] == 0 {
			return codepage.UTF16(b[:i]), b[i+2:], true
		}
	}
	return codepage.UTF16(b[:i]), nil, false
}

// scanDN looks for a distinguished name, 8-bit or UTF-16, in bytes of unknown structure.
func scanDN(b []byte) string {
	for i := 0; i+3 <= len(b); i++ {
		if b[i] != '/' {
			continue
		}
		if b[i+1]|0x20 == 'o' && b[i+2] == '=' {
			end := bytes.IndexByte(b[i:], 0)
			if end < 0 {
				end = len(b) - i
			}
			s, _ := codepage.Decode(codepage.Default, b[i:i+end])
			return s
		}
		if i+6 <= len(b) && b[i+1] == 0 && b[i+2]|0x20 == 'o' && b[i+3] == 0 && b[i+4] == '=' && b[i+5] == 0 {
			s, _, _ := terminated(b[i:], true, 0)
			return s
		}
	}
	return ""
}

// scanSMTP looks for a mail address, 8-bit or UTF-16, in bytes of unknown structure.
func scanSMTP(b []byte) string {
	at := bytes.IndexByte(b, '@')
	if at < 0 {
		return ""
	}
	step := 1
	if at+1 < len(b) && b[at+1] == 0 {
		step = 2
	}
	in := func(i int) bool {
		return i >= 0 && i+step <= len(b) && b[i] > ' ' && b[i] < 0x7F && (step == 1 || b[i+1] == 0) &&
			strings.IndexByte("<>()[]\\,;:\"", b[i]) < 0
	}
	from, to := at, at
	for in(from - step) {
		from -= step
	}
	for in(to) {
		to += step
	}
	var s strings.Builder
	for i := from; i < to; i += step {
		s.WriteByte(b[i])
	}
	if IsSMTP(s.String()) {
		return s.String()
	}
	return ""
}

// FlatEntryList splits a FLATENTRYLIST, the form of PidTagReplyRecipientEntries (MS-OXCDATA 2.3.3), into its entry
// identifiers. With an error come those before the fault.
func FlatEntryList(b []byte) ([][]byte, error) {
	if len(b) < 8 {
		return nil, errors.New("the list of entry identifiers is cut short")
	}
	count := binary.LittleEndian.Uint32(b)
	b = b[8:]
	var list [][]byte
	for i := range count {
		if len(b) < 4 {
			return list, fmt.Errorf("the list of entry identifiers ends after %d of %d", i, count)
		}
		n := binary.LittleEndian.Uint32(b)
		b = b[4:]
		if uint64(n) > uint64(len(b)) {
			return list, fmt.Errorf("entry identifier %d of %d is said to have %d bytes, %d are left", i+1, count, n, len(b))
		}
		list = append(list, b[:n:n])
		b = b[min(len(b), int(n+3)&^3):]
	}
	return list, nil
}

// MakeOneOff makes a one-off entry identifier with Unicode strings; [ParseEntryID] is its inverse for strings without
// NULs.
func MakeOneOff(name, addressType, address string) []byte {
	b := make([]byte, entryHeader, entryHeader+4+2*(len(name)+len(addressType)+len(address)+3))
	copy(b[4:], providerOneOff[:])
	b = append(b, 0, 0, 0x01, 0x90)
	for _, s := range [...]string{name, addressType, address} {
		for _, r := range s {
			b = appendUTF16(b, r)
		}
		b = append(b, 0, 0)
	}
	return b
}

func appendUTF16(b []byte, r rune) []byte {
	if r >= 0x10000 {
		r -= 0x10000
		b = binary.LittleEndian.AppendUint16(b, 0xD800|uint16(r>>10))
		return binary.LittleEndian.AppendUint16(b, 0xDC00|uint16(r&0x3FF))
	}
	return binary.LittleEndian.AppendUint16(b, uint16(r))
}
