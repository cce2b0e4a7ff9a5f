// Package oabtest writes offline address books for tests, from MS-OXOAB 2.9 alone.
package oabtest

import (
	"encoding/binary"
	"sort"

	"mailmill/formats/mapi"
)

// Record is one recipient: values by their tags. A value is a string, []string, uint32, []uint32, bool, []byte or
// [][]byte, as the tag's type is.
type Record map[mapi.Tag]any

// Details returns a file udetails.oab that holds the records. Its table has every property that one of them has.
func Details(records ...Record) []byte {
	seen := make(map[mapi.Tag]bool)
	var table []mapi.Tag
	for _, r := range records {
		for tag := range r {
			if !seen[tag] {
				seen[tag] = true
				table = append(table, tag)
			}
		}
	}
	sort.Slice(table, func(i, j int) bool { return table[i] < table[j] })
	le := binary.LittleEndian

	file := le.AppendUint32(nil, 0x20)
	file = le.AppendUint32(file, 0xC0FFEE)
	file = le.AppendUint32(file, uint32(len(records)))

	book := []mapi.Tag{0x6800001F, 0x68010003} // its name and its number
	meta := properties(nil, book)
	meta = properties(meta, table)
	file = sized(file, meta)
	file = sized(file, record(book, Record{0x6800001F: `\Global Address List`, 0x68010003: uint32(7)}))
	for _, r := range records {
		file = sized(file, record(table, r))
	}
	return file
}

func properties(b []byte, table []mapi.Tag) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(len(table)))
	for _, tag := range table {
		b = binary.LittleEndian.AppendUint32(b, uint32(tag))
		b = binary.LittleEndian.AppendUint32(b, 0)
	}
	return b
}

func sized(file, part []byte) []byte {
	file = binary.LittleEndian.AppendUint32(file, uint32(len(part)+4))
	return append(file, part...)
}

func record(table []mapi.Tag, r Record) []byte {
	bits := make([]byte, (len(table)+7)/8)
	var data []byte
	for i, tag := range table {
		v, ok := r[tag]
		if !ok {
			continue
		}
		bits[i/8] |= 0x80 >> (i % 8)
		switch v := v.(type) {
		case string:
			data = append(append(data, v...), 0)
		case []string:
			data = integer(data, uint32(len(v)))
			for _, s := range v {
				data = append(append(data, s...), 0)
			}
		case uint32:
			data = integer(data, v)
		case []uint32:
			data = integer(data, uint32(len(v)))
			for _, n := range v {
				data = integer(data, n)
			}
		case bool:
			data = append(data, 0)
			if v {
				data[len(data)-1] = 1
			}
		case []byte:
			data = append(integer(data, uint32(len(v))), v...)
		case [][]byte:
			data = integer(data, uint32(len(v)))
			for _, b := range v {
				data = append(integer(data, uint32(len(b))), b...)
			}
		}
	}
	return append(bits, data...)
}

func integer(b []byte, n uint32) []byte {
	switch {
	case n < 0x80:
		return append(b, byte(n))
	case n < 1<<8:
		return append(b, 0x81, byte(n))
	case n < 1<<16:
		return append(b, 0x82, byte(n), byte(n>>8))
	case n < 1<<24:
		return append(b, 0x83, byte(n), byte(n>>8), byte(n>>16))
	}
	return append(b, 0x84, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
}
