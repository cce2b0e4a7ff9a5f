package mapi

import (
	"encoding/binary"
	"math"
	"time"

	"mailmill/formats/codepage"
)

// Value is the value of a property as stored. Its bytes may be shared with the reader's buffers: they are not to be
// changed.
type Value struct {
	Type Type
	// Data holds a single value, little-endian. Strings may end with NULs.
	Data []byte
	// Elems holds the values of a multi-valued type.
	Elems [][]byte
}

// Exists reports whether the property is there.
func (v Value) Exists() bool { return v.Type != Unspecified }

// Int returns an integer, Boolean or error code of any width, sign-extended, and 0 for other types.
func (v Value) Int() int64 {
	switch b := v.Data; v.Type {
	case Integer16:
		if len(b) >= 2 {
			return int64(int16(binary.LittleEndian.Uint16(b)))
		}
	case Integer32, ErrorCode:
		if len(b) >= 4 {
			return int64(int32(binary.LittleEndian.Uint32(b)))
		}
	case Boolean:
		if len(b) >= 1 && b[0] != 0 {
			return 1
		}
	case Integer64, Currency:
		if len(b) >= 8 {
			return int64(binary.LittleEndian.Uint64(b))
		}
	}
	return 0
}

// Bool reports whether an integer or Boolean is not 0.
func (v Value) Bool() bool { return v.Int() != 0 }

// Float returns a floating-point number, and 0 for other types.
func (v Value) Float() float64 {
	switch b := v.Data; {
	case v.Type == Floating64 && len(b) >= 8:
		return math.Float64frombits(binary.LittleEndian.Uint64(b))
	case v.Type == Floating32 && len(b) >= 4:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return 0
}

// Time returns a time in UTC, and the zero time for other types and for what stands for no time; see [FileTime].
func (v Value) Time() time.Time {
	if v.Type != Time || len(v.Data) < 8 {
		return time.Time{}
	}
	return FileTime(binary.LittleEndian.Uint64(v.Data))
}

// Bytes returns the bytes of a single value of any type.
func (v Value) Bytes() []byte { return v.Data }

// GUID returns a GUID, and the zero GUID for other types.
func (v Value) GUID() GUID {
	if v.Type == GUIDType && len(v.Data) >= 16 {
		return GUID(v.Data[:16])
	}
	return GUID{}
}

// Text returns a string as UTF-8, without its terminating NULs; cp is the code page of [String8] values. It returns
// the empty string for types that are no strings, and the first of several values.
func (v Value) Text(cp int) string {
	if v.Type.IsMulti() {
		if len(v.Elems) == 0 {
			return ""
		}
		return text(v.Type.Single(), v.Elems[0], cp)
	}
	return text(v.Type, v.Data, cp)
}

// AppendText appends to dst what Text returns.
func (v Value) AppendText(dst []byte, cp int) []byte {
	t, b := v.Type, v.Data
	if t.IsMulti() {
		if len(v.Elems) == 0 {
			return dst
		}
		t, b = t.Single(), v.Elems[0]
	}
	switch t {
	case String:
		return codepage.AppendUTF16(dst, trimNULs(t, b))
	case String8:
		dst, _ = codepage.Append(dst, cp, trimNULs(t, b))
	}
	return dst
}

// Texts returns the strings of a multi-valued property, or the one of a single-valued.
func (v Value) Texts(cp int) []string {
	if !v.Type.IsMulti() {
		if s := text(v.Type, v.Data, cp); s != "" {
			return []string{s}
		}
		return nil
	}
	list := make([]string, 0, len(v.Elems))
	for _, e := range v.Elems {
		list = append(list, text(v.Type.Single(), e, cp))
	}
	return list
}

func text(t Type, b []byte, cp int) string {
	switch t {
	case String:
		return codepage.UTF16(trimNULs(t, b))
	case String8:
		s, _ := codepage.Decode(cp, trimNULs(t, b))
		return s
	}
	return ""
}

// trimNULs returns a string without the NULs at its end.
func trimNULs(t Type, b []byte) []byte {
	if t == String {
		for len(b) >= 2 && b[len(b)-1] == 0 && b[len(b)-2] == 0 && len(b)%2 == 0 {
			b = b[:len(b)-2]
		}
		return b
	}
	for len(b) > 0 && b[len(b)-1] == 0 {
		b = b[:len(b)-1]
	}
	return b
}

const (
	// fileTimeNone is 4501-01-01 00:00, which Outlook stores for "no date" (MS-OXOTASK 2.2.2.2.4).
	fileTimeNone = 0x0CB34557A3DD4000
	// fileTimeUnix is 1970-01-01 in units of 100 ns since 1601-01-01.
	fileTimeUnix = 116444736000000000
	ticksPerSec  = 10_000_000
)

// FileTime converts a FILETIME, 100 ns since 1601-01-01 UTC (MS-DTYP 2.3.3). What stands for no time, and times before
// 1900 or after 4000 as they come from damage, are the zero time.
func FileTime(ft uint64) time.Time {
	if ft == 0 || ft >= fileTimeNone {
		return time.Time{}
	}
	rel := int64(ft) - fileTimeUnix
	sec, tick := rel/ticksPerSec, rel%ticksPerSec
	t := time.Unix(sec, tick*100).UTC()
	if y := t.Year(); y < 1900 || y > 4000 {
		return time.Time{}
	}
	return t
}

// ToFileTime is the inverse of [FileTime] for times that it can return.
func ToFileTime(t time.Time) uint64 {
	return uint64(t.Unix()*ticksPerSec+int64(t.Nanosecond()/100)) + fileTimeUnix
}
