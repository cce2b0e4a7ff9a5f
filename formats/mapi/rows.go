package mapi

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
)

// Row is a set of properties that a stream of rows holds. It implements [Properties].
type Row []Property

// Lookup implements [Properties].
func (r Row) Lookup(id ID) (Value, error) {
	for i := range r {
		if r[i].ID == id {
			return r[i].Value, nil
		}
	}
	return Value{}, nil
}

// LookupName implements [Properties]. Streams of rows know no names.
func (r Row) LookupName(Name) (Value, error) { return Value{}, nil }

// All implements [Properties].
func (r Row) All() iter.Seq2[Property, error] {
	return func(yield func(Property, error) bool) {
		for _, p := range r {
			if !yield(p, nil) {
				return
			}
		}
	}
}

// maxRows bounds the rows of a stream: one that claims more is not what it seems.
const maxRows = 100_000

var errRowsShort = errors.New("the stream of rows is cut short")

// AutocompleteRows decodes the stream of names that Outlook offers while one types, which a message of class
// IPM.Configuration.Autocomplete has in PidTagRoamingBinary: 4 bytes of its own, version, number of rows, and of each
// row the number of its values and the values. A value is its tag, 4 bytes that mean nothing, 8 bytes which hold it or
// are left over from memory, and for what does not fit into 8 the number of its bytes and these. With an error come the
// rows before the fault.
//
// The values share b's memory.
func AutocompleteRows(b []byte) ([]Row, error) {
	const header = 4 + 4 + 4
	if len(b) < header+4 {
		return nil, errRowsShort
	}
	if major := binary.LittleEndian.Uint32(b[4:]); major != 12 {
		return nil, fmt.Errorf("a stream of names of version %d, not 12", major)
	}
	return rows(b[header:], false, (*rowReader).autocompleteValue)
}

// RecipientRows decodes a stream of recipients, as PidLidAppointmentUnsendableRecipients and
// PidLidForwardNotificationRecipients hold it (MS-OXOCAL 2.2.1.25): version, number of rows, and of each row the number
// of its values, 4 bytes that mean nothing, and the values, each a tag and what it holds. With an error come the rows
// before the fault.
//
// QUIRK: of strings and binary values the number of bytes is of two bytes, with some writers of four.
//
// The values share b's memory.
func RecipientRows(b []byte) ([]Row, error) {
	if len(b) < 8 {
		return nil, errRowsShort
	}
	narrow, err := rows(b[4:], true, func(r *rowReader) (Property, bool) { return r.rowValue(2) })
	if err == nil {
		return narrow, nil
	}
	if wide, wideErr := rows(b[4:], true, func(r *rowReader) (Property, bool) { return r.rowValue(4) }); wideErr == nil {
		return wide, nil
	}
	return narrow, err
}

// rowReader reads b from its front.
type rowReader struct{ b []byte }

// rows reads the number of rows and these; padded says that 4 bytes follow the number of a row's values.
func rows(b []byte, padded bool, value func(*rowReader) (Property, bool)) ([]Row, error) {
	const leastValue = 6 // bytes of a tag and of the shortest value
	r := rowReader{b}
	n, ok := r.number(4)
	if !ok || n > maxRows || n > len(r.b)/4 {
		return nil, fmt.Errorf("%w: %d rows in %d bytes", errRowsShort, n, len(r.b))
	}
	list := make([]Row, 0, n)
	for i := range n {
		values, ok := r.number(4)
		if padded && ok {
			_, ok = r.take(4)
		}
		if !ok || values > len(r.b)/leastValue {
			return list, fmt.Errorf("%w: in row %d of %d", errRowsShort, i+1, n)
		}
		row := make(Row, 0, values)
		for range values {
			p, ok := value(&r)
			if !ok {
				return list, fmt.Errorf("%w: in a value of row %d of %d", errRowsShort, i+1, n)
			}
			row = append(row, p)
		}
		list = append(list, row)
	}
	return list, nil
}

func (r *rowReader) take(n int) ([]byte, bool) {
	if n < 0 || n > len(r.b) {
		return nil, false
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b, true
}

// number reads a number of 2 or 4 bytes.
func (r *rowReader) number(width int) (int, bool) {
	b, ok := r.take(width)
	if !ok {
		return 0, false
	}
	if width == 2 {
		return int(binary.LittleEndian.Uint16(b)), true
	}
	n := binary.LittleEndian.Uint32(b)
	return int(n), n <= 1<<30
}

// autocompleteValue reads a value of an autocomplete stream.
func (r *rowReader) autocompleteValue() (Property, bool) {
	head, ok := r.take(16)
	if !ok {
		return Property{}, false
	}
	tag := Tag(binary.LittleEndian.Uint32(head))
	p := Property{ID: tag.ID(), Value: Value{Type: tag.Type()}}
	t := tag.Type()
	switch w := t.Width(); {
	case t.IsMulti():
		p.Value.Elems, ok = r.elements(t, 4)
	case w > 0 && w <= 8:
		p.Value.Data = head[8 : 8+w]
	case w > 8:
		p.Value.Data, ok = r.take(w)
	case t == String || t == String8 || t == Binary:
		p.Value.Data, ok = r.counted(4)
	default:
		p.Value.Data = head[8:16]
	}
	return p, ok
}

// rowValue reads a value of a stream of recipients, in which numbers of bytes have the given width.
func (r *rowReader) rowValue(width int) (Property, bool) {
	n, ok := r.number(4)
	if !ok {
		return Property{}, false
	}
	tag := Tag(n)
	p := Property{ID: tag.ID(), Value: Value{Type: tag.Type()}}
	t := tag.Type()
	switch w := t.Width(); {
	case t.IsMulti():
		p.Value.Elems, ok = r.elements(t, width)
	case w > 0:
		p.Value.Data, ok = r.take(w)
	case t == String || t == String8 || t == Binary:
		p.Value.Data, ok = r.counted(width)
	case t == Null || t == Unspecified:
	default:
		ok = false // nobody knows how long it is
	}
	return p, ok
}

func (r *rowReader) counted(width int) ([]byte, bool) {
	n, ok := r.number(width)
	if !ok {
		return nil, false
	}
	return r.take(n)
}

// elements reads the values of a multi-valued property: their number, and each of them.
func (r *rowReader) elements(t Type, width int) ([][]byte, bool) {
	n, ok := r.number(4)
	if !ok || n > len(r.b) {
		return nil, false
	}
	var list [][]byte
	for range n {
		var b []byte
		if w := t.Width(); w > 0 {
			b, ok = r.take(w)
		} else {
			b, ok = r.counted(width)
		}
		if !ok {
			return list, false
		}
		list = append(list, b)
	}
	return list, true
}

// Member is a member of a distribution list: its entry identifier, and a one-off with its name and address as they were
// when it was added (MS-OXOCNTC 2.2.2.2).
type Member struct{ Entry, OneOff []byte }

// ListMembers decodes PidLidDistributionListStream, which holds the members of a list that is too large for
// PidLidDistributionListMembers. With an error come the members before the fault.
//
// The members share b's memory.
func ListMembers(b []byte) ([]Member, error) {
	const header = 2 + 2 + 6*4
	if len(b) < header {
		return nil, errors.New("the stream of the list's members is cut short")
	}
	n := binary.LittleEndian.Uint32(b[12:])
	r := rowReader{b[header:]}
	if uint64(n) > uint64(len(r.b)/12) {
		return nil, fmt.Errorf("the stream of the list's members is cut short: %d members in %d bytes", n, len(r.b))
	}
	list := make([]Member, 0, n)
	for i := range n {
		var m Member
		var ok bool
		if m.Entry, ok = r.counted(4); ok {
			if m.OneOff, ok = r.counted(4); ok {
				_, ok = r.counted(4)
			}
		}
		if !ok {
			return list, fmt.Errorf("the stream of the list's members ends after %d of %d", i, n)
		}
		list = append(list, m)
	}
	return list, nil
}

// TaskAssigners decodes PidLidTaskAssigners (MS-OXOTASK 2.2.2.2.26): the entry identifiers of those who handed a task
// on, in their order. With an error come those before the fault.
func TaskAssigners(b []byte) ([][]byte, error) {
	r := rowReader{b}
	n, ok := r.number(4)
	if !ok || n > len(r.b)/8 {
		return nil, errors.New("the list of who assigned the task is cut short")
	}
	var list [][]byte
	for i := range n {
		entry, ok := r.counted(4)
		inner := rowReader{entry}
		var id []byte
		if ok {
			id, ok = inner.counted(4)
		}
		if !ok {
			return list, fmt.Errorf("the list of who assigned the task ends after %d of %d", i, n)
		}
		list = append(list, id)
	}
	return list, nil
}
