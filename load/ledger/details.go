package ledger

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
)

// row is a record as it stands in the file.
type row struct {
	id     int64 // its place's in the upper half
	key    any
	number uint32
	source string
	state  marks
	print  Print
	details
	before *was
}

// details are what a record says that no claim looks for.
type details struct {
	size      int64
	name, tag string
}

// was is what a record said before an intent to replace what it is of.
type was struct {
	state marks
	print Print
	details
}

// States as they stand in the file.
const (
	rowIntended  = 1
	rowConfirmed = 2
	rowFound     = 3
)

func stateOfRow(n int64) (marks, error) {
	switch n {
	case rowIntended:
		return intended, nil
	case rowConfirmed:
		return confirmed, nil
	case rowFound:
		return found, nil
	}
	return 0, fmt.Errorf("a record has the state %d", n)
}

func (m marks) row() int64 {
	switch {
	case m.has(intended):
		return rowIntended
	case m.has(confirmed):
		return rowConfirmed
	}
	return rowFound
}

// scan reads the columns of recordColumns.
func (r *row) scan(scan func(...any) error) error {
	var (
		state           int64
		print, wasPrint sql.RawBytes
		wasState        sql.NullInt64
		wasSize         sql.NullInt64
		wasName, wasTag sql.NullString
	)
	err := scan(&r.id, &r.key, &r.number, &r.source, &state, &print, &r.size, &r.name, &r.tag, &wasState, &wasPrint, &wasSize, &wasName, &wasTag)
	if err != nil {
		return err
	}
	if r.state, err = stateOfRow(state); err != nil {
		return err
	}
	if len(r.name) > mostOfText || len(r.source) > mostOfText || len(r.tag) > mostOfText || len(wasName.String) > mostOfText || len(wasTag.String) > mostOfText {
		return fmt.Errorf("record %d is too long", r.id)
	}
	if r.number == 0 || copy(r.print[:], print) != len(r.print) {
		return fmt.Errorf("record %d is cut short", r.id)
	}
	r.before = nil
	if !wasState.Valid {
		return nil
	}
	r.before = &was{details: details{wasSize.Int64, wasName.String, wasTag.String}}
	copy(r.before.print[:], wasPrint)
	r.before.state, err = stateOfRow(wasState.Int64)
	return err
}

// ident returns what the key column stands for.
func (r *row) ident() (id ident, base string, err error) {
	switch key := r.key.(type) {
	case []byte:
		if len(key) == len(id) {
			return ident(key), "", nil
		}
	case string:
		if len(key) <= mostOfText {
			id, base, number := parse(key)
			if number == 1 && base != "" {
				return id, base, nil
			}
		}
	}
	return id, "", fmt.Errorf("record %d has no key", r.id)
}

// keyColumn is the reverse of ident.
func keyColumn(id ident, base string) any {
	if base == "" {
		return id[:]
	}
	return base
}

// appendDetails writes what the arena holds of a record.
func appendDetails(b []byte, base string, d details, before *was) []byte {
	b = appendText(b, base)
	b = d.append(b)
	if before == nil {
		return append(b, 0)
	}
	b = append(b, byte(before.state))
	b = append(b, before.print[:]...)
	return before.details.append(b)
}

func (d details) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(d.size))
	b = appendText(b, d.name)
	return appendText(b, d.tag)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// cutDetails reads what appendDetails wrote.
func cutDetails(b []byte) (base string, d details, before *was) {
	base, b = cutText(b)
	d, b = cutOne(b)
	if b[0] == 0 {
		return base, d, nil
	}
	before = &was{state: marks(b[0])}
	b = b[1+copy(before.print[:], b[1:]):]
	before.details, _ = cutOne(b)
	return base, d, before
}

func cutOne(b []byte) (d details, rest []byte) {
	size, n := binary.Uvarint(b)
	d.size = int64(size)
	d.name, b = cutText(b[n:])
	d.tag, b = cutText(b)
	return d, b
}

func cutText(b []byte) (s string, rest []byte) {
	size, n := binary.Uvarint(b)
	return string(b[n : n+int(size)]), b[n+int(size):]
}

// valid reports what a record that was handed in cannot be.
func (r *Record) valid() error {
	switch {
	case r.Key == "":
		return errors.New("a record without a key")
	case len(r.Key) > mostOfText || len(r.Source) > mostOfText || len(r.Name) > mostOfText || len(r.Tag) > mostOfText:
		return fmt.Errorf("the record %.40q has a key, a source, a name or a tag of more than %d bytes", r.Key, mostOfText)
	case r.Size < 0:
		return fmt.Errorf("the record %q has a negative size", r.Key)
	}
	return nil
}

func (r *Record) details() details { return details{r.Size, r.Name, r.Tag} }
