// Package oab reads the offline address book, the copy of an organisation's directory that Exchange makes for Outlook
// (MS-OXOAB), in its version 4: the file udetails.oab, which lies unpacked in the folder of each user's Outlook.
//
//	r, err := oab.NewReader(file)
//	for {
//		rec, err := r.Next()
//		if err == io.EOF {
//			break
//		}
//		dn := rec.Text(oab.IDEmailAddress)
//		…
//	}
//
// The file has a table of the properties that its records may have, then one record after the other, each with a bit
// for every row of the table (MS-OXOAB 2.9). Servers hand the file out compressed; that form, the older versions and
// the files of changes are told from it by [NewReader] and not read.
package oab

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"mailmill/formats/codepage"
	"mailmill/formats/mapi"
)

// The properties that tell who somebody is (MS-OXOAB 2.9.2.2). Strings are of either type in the file; here they are
// named by their identifiers.
const (
	IDDisplayName    mapi.ID = 0x3001 // PidTagDisplayName
	IDEmailAddress   mapi.ID = 0x3003 // PidTagEmailAddress: the distinguished name
	IDDisplayType    mapi.ID = 0x3900 // PidTagDisplayType
	IDDisplayTypeEx  mapi.ID = 0x3905 // PidTagDisplayTypeEx
	IDSMTPAddress    mapi.ID = 0x39FE // PidTagSmtpAddress
	IDAccount        mapi.ID = 0x3A00 // PidTagAccount: the alias
	IDGivenName      mapi.ID = 0x3A06 // PidTagGivenName
	IDSurname        mapi.ID = 0x3A11 // PidTagSurname
	IDObjectType     mapi.ID = 0x0FFE // PidTagObjectType
	IDTruncated      mapi.ID = 0x6805 // PidTagOfflineAddressBookTruncatedProperties
	IDProxyAddresses mapi.ID = 0x800F // PidTagAddressBookProxyAddresses
	IDTargetAddress  mapi.ID = 0x8011 // PidTagAddressBookTargetAddress
	IDObjectGUID     mapi.ID = 0x8C6D // PidTagAddressBookObjectGuid
)

// Limits on what is believed of sizes and counts.
const (
	maxRecord     = 16 << 20
	maxProperties = 4096
	maxMetadata   = 8 + 2*(4+8*maxProperties)
)

// Why a file is not read. They are found with [errors.Is].
var (
	ErrNotOAB     = errors.New("not an offline address book")
	ErrCompressed = errors.New("a compressed offline address book, as servers hand it out")
	ErrPatch      = errors.New("changes to an offline address book, not a whole one")
	ErrOldVersion = errors.New("an offline address book of version 2 or 3")
)

// Signed reports whether data, the first bytes of a file, begins as a file of the offline address book does, be it one
// that is read or one of those that are not. It needs 12 bytes.
func Signed(data []byte) bool {
	err := kind(data)
	return err == nil || !errors.Is(err, ErrNotOAB)
}

// kind looks at the first fields of the header: the version and, in a compressed file, its second half.
func kind(data []byte) error {
	if len(data) < 12 {
		return ErrNotOAB
	}
	first, second := binary.LittleEndian.Uint32(data), binary.LittleEndian.Uint32(data[4:])
	switch first {
	case 0x20: // MS-OXOAB 2.9.1
		return nil
	case 3: // MS-OXOAB 2.10.1, 2.11.1
		switch second {
		case 1:
			return ErrCompressed
		case 2:
			return ErrPatch
		}
	case 0x07, 0x0A, 0x0E: // details and templates, browse, RDN and ANR indexes of versions 2 and 3
		return ErrOldVersion
	}
	return ErrNotOAB
}

// Reader reads the records of a file.
type Reader struct {
	// Count is the number of records that the header announces.
	Count uint32

	br     *bufio.Reader
	table  []mapi.Tag
	offset int64
	read   uint32
	buf    []byte
	rec    Record
}

// NewReader reads the header, the table of properties and the record about the book itself.
func NewReader(r io.Reader) (*Reader, error) {
	rd := &Reader{br: bufio.NewReaderSize(r, 64<<10)}
	var header [12]byte
	if _, err := io.ReadFull(rd.br, header[:]); err != nil {
		return nil, notWhole(err, ErrNotOAB)
	}
	if err := kind(header[:]); err != nil {
		return nil, err
	}
	rd.Count = binary.LittleEndian.Uint32(header[8:])
	rd.offset = 12

	// OAB_META_DATA (MS-OXOAB 2.9.2): two tables of tags and flags.
	meta, err := rd.sized(maxMetadata)
	if err != nil {
		return nil, fmt.Errorf("table of properties: %w", notWhole(err, io.ErrUnexpectedEOF))
	}
	for _, table := range [...]*[]mapi.Tag{nil, &rd.table} {
		if len(meta) < 4 {
			return nil, fmt.Errorf("table of properties: %w", io.ErrUnexpectedEOF)
		}
		n := int64(binary.LittleEndian.Uint32(meta))
		meta = meta[4:]
		if n > maxProperties || n*8 > int64(len(meta)) {
			return nil, fmt.Errorf("table of properties: %d rows in %d bytes", n, len(meta))
		}
		if table != nil {
			for i := range n {
				*table = append(*table, mapi.Tag(binary.LittleEndian.Uint32(meta[i*8:])))
			}
		}
		meta = meta[n*8:]
	}
	if len(rd.table) == 0 {
		return nil, errors.New("table of properties: no rows")
	}
	if _, err := rd.sized(maxRecord); err != nil {
		return nil, fmt.Errorf("record of the book itself: %w", notWhole(err, io.ErrUnexpectedEOF))
	}
	return rd, nil
}

// Has reports whether records of this file can have a property.
func (r *Reader) Has(id mapi.ID) bool {
	for _, tag := range r.table {
		if tag.ID() == id {
			return true
		}
	}
	return false
}

// sized reads a structure that begins with its own size, and returns what follows that. The bytes are valid until the
// next call.
func (r *Reader) sized(limit int64) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r.br, size[:]); err != nil {
		return nil, err
	}
	n := int64(binary.LittleEndian.Uint32(size[:])) - 4
	if n < 0 || n > limit {
		return nil, fmt.Errorf("a size of %d bytes", n+4)
	}
	// The buffer grows with what is there, not with what is announced.
	r.buf = r.buf[:0]
	for int64(len(r.buf)) < n {
		step := int(min(n-int64(len(r.buf)), 1<<16))
		from := len(r.buf)
		r.buf = append(r.buf, make([]byte, step)...)
		if _, err := io.ReadFull(r.br, r.buf[from:]); err != nil {
			return nil, notWhole(err, io.ErrUnexpectedEOF)
		}
	}
	r.offset += n + 4
	return r.buf, nil
}

// notWhole replaces the end of the file by another error.
func notWhole(err, instead error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return instead
	}
	return err
}

// Next returns the next record, and io.EOF after the last. A file that ends before as many records as its header
// announces is an error. The record is valid until the next call.
func (r *Reader) Next() (*Record, error) {
	at := r.offset
	data, err := r.sized(maxRecord)
	if err == io.EOF {
		// QUIRK: the specification allows nothing but the right number; zero is what some tools write.
		if r.Count != 0 && r.read < r.Count {
			return nil, fmt.Errorf("the file ends after %d of %d records", r.read, r.Count)
		}
		return nil, io.EOF
	}
	if err != nil {
		return nil, fmt.Errorf("offset %d: %w", at, err)
	}
	r.read++
	rec := &r.rec
	rec.Number, rec.Offset = int(r.read), at
	if err := rec.decode(r.table, data); err != nil {
		return nil, fmt.Errorf("offset %d: record %d: %w", at, r.read, err)
	}
	return rec, nil
}

// Record is what the book knows of one recipient.
type Record struct {
	Number int   // from 1
	Offset int64 // in the file

	values []value
}

type value struct {
	tag  mapi.Tag
	data []byte   // of strings and binaries
	many [][]byte // of their multi-valued kin
	ints []uint32
}

// Text returns a string, or the first of several, and "" where the record has none.
func (r *Record) Text(id mapi.ID) string {
	for i := range r.values {
		v := &r.values[i]
		if v.tag.ID() != id {
			continue
		}
		switch v.tag.Type() {
		case mapi.String, mapi.String8:
			return text(v.data)
		case mapi.MultiString, mapi.MultiString8:
			if len(v.many) > 0 {
				return text(v.many[0])
			}
		}
	}
	return ""
}

// Texts returns all strings of a property.
func (r *Record) Texts(id mapi.ID) []string {
	for i := range r.values {
		v := &r.values[i]
		if v.tag.ID() != id {
			continue
		}
		switch v.tag.Type() {
		case mapi.String, mapi.String8:
			return []string{text(v.data)}
		case mapi.MultiString, mapi.MultiString8:
			all := make([]string, len(v.many))
			for i, b := range v.many {
				all[i] = text(b)
			}
			return all
		}
	}
	return nil
}

// Bytes returns a binary value.
func (r *Record) Bytes(id mapi.ID) []byte {
	for i := range r.values {
		if v := &r.values[i]; v.tag.ID() == id && v.tag.Type() == mapi.Binary {
			return v.data
		}
	}
	return nil
}

// Int returns a number; ok is false where the record has none.
func (r *Record) Int(id mapi.ID) (n uint32, ok bool) {
	for i := range r.values {
		if v := &r.values[i]; v.tag.ID() == id && v.tag.Type() == mapi.Integer32 && len(v.ints) > 0 {
			return v.ints[0], true
		}
	}
	return 0, false
}

// Truncated reports whether the server left out a part of a property because it was too long for the book
// (MS-OXOAB 2.9.2.2.1).
func (r *Record) Truncated(id mapi.ID) bool {
	for i := range r.values {
		if v := &r.values[i]; v.tag.ID() == IDTruncated {
			for _, tag := range v.ints {
				if mapi.Tag(tag).ID() == id {
					return true
				}
			}
		}
	}
	return false
}

// text takes a string for UTF-8 (MS-OXOAB 2.9.6.4), and for Windows-1252 where it is not: 8-bit strings are "teletex",
// and the book does not say whose.
func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	s, _ := codepage.Decode(codepage.Default, b)
	return strings.ToValidUTF8(s, "\uFFFD")
}

var errShort = errors.New("a value reaches beyond the end")

// decode reads OAB_V4_REC without its size (MS-OXOAB 2.9.5).
func (r *Record) decode(table []mapi.Tag, data []byte) error {
	r.values = r.values[:0]
	presence := (len(table) + 7) / 8
	if len(data) < presence {
		return errShort
	}
	bits, d := data[:presence], decoder{data[presence:]}
	for i, tag := range table {
		if bits[i/8]&(0x80>>(i%8)) == 0 {
			continue
		}
		if len(r.values) < cap(r.values) {
			r.values = r.values[:len(r.values)+1]
		} else {
			r.values = append(r.values, value{})
		}
		v := &r.values[len(r.values)-1]
		*v = value{tag: tag, many: v.many[:0], ints: v.ints[:0]}
		if err := d.value(v); err != nil {
			return fmt.Errorf("property %v: %w", tag, err)
		}
	}
	return nil
}

// decoder reads the encodings of MS-OXOAB 2.9.6.
type decoder struct{ rest []byte }

func (d *decoder) value(v *value) (err error) {
	switch v.tag.Type() {
	case mapi.Integer32:
		var n uint32
		n, err = d.integer()
		v.ints = append(v.ints, n)
	case mapi.Boolean:
		_, err = d.take(1)
	case mapi.String, mapi.String8:
		v.data, err = d.string()
	case mapi.Binary:
		v.data, err = d.binary()
	case mapi.MultiInteger32:
		var n int
		for n, err = d.count(); err == nil && n > 0; n-- {
			var one uint32
			one, err = d.integer()
			v.ints = append(v.ints, one)
		}
	case mapi.MultiString, mapi.MultiString8, mapi.MultiBinary:
		read := d.string
		if v.tag.Type() == mapi.MultiBinary {
			read = d.binary
		}
		var n int
		for n, err = d.count(); err == nil && n > 0; n-- {
			var one []byte
			one, err = read()
			v.many = append(v.many, one)
		}
	default:
		// Without its length known nothing after it can be read. PtypObject is never there.
		err = fmt.Errorf("a value of type 0x%04X cannot be stored", uint16(v.tag.Type()))
	}
	return err
}

func (d *decoder) take(n int) ([]byte, error) {
	if n < 0 || n > len(d.rest) {
		return nil, errShort
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b, nil
}

// integer reads a number below 0x80 as one byte, others as a byte 0x80+n and n bytes (MS-OXOAB 2.9.6.1).
func (d *decoder) integer() (uint32, error) {
	first, err := d.take(1)
	if err != nil {
		return 0, err
	}
	if first[0] < 0x80 {
		return uint32(first[0]), nil
	}
	width := int(first[0] - 0x80)
	if width < 1 || width > 4 {
		return 0, fmt.Errorf("a number begins with 0x%02X", first[0])
	}
	b, err := d.take(width)
	var n uint32
	for i, c := range b {
		n |= uint32(c) << (8 * i)
	}
	return n, err
}

// count reads the number of values that follow. Each takes a byte at least.
func (d *decoder) count() (int, error) {
	n, err := d.integer()
	if err == nil && int64(n) > int64(len(d.rest)) {
		err = errShort
	}
	return int(n), err
}

func (d *decoder) string() ([]byte, error) {
	end := bytes.IndexByte(d.rest, 0)
	if end < 0 {
		return nil, errShort
	}
	s := d.rest[:end]
	d.rest = d.rest[end+1:]
	return s, nil
}

func (d *decoder) binary() ([]byte, error) {
	n, err := d.count()
	if err != nil {
		return nil, err
	}
	return d.take(n)
}
