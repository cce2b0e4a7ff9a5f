package msgtest

import (
	"encoding/binary"
	"time"
	"unicode/utf16"

	"mailmill/formats/mapi"
)

// P makes a property with an identifier.
func P(id mapi.ID, v mapi.Value) mapi.Property { return mapi.Property{ID: id, Value: v} }

// N makes a property with a name.
func N(name mapi.Name, v mapi.Value) mapi.Property { return mapi.Property{Name: &name, Value: v} }

// Text is a Unicode string.
func Text(s string) mapi.Value { return mapi.Value{Type: mapi.String, Data: wide(s)} }

// Texts are several.
func Texts(list ...string) mapi.Value {
	v := mapi.Value{Type: mapi.MultiString}
	for _, s := range list {
		v.Elems = append(v.Elems, wide(s))
	}
	return v
}

// Text8 is an 8-bit string.
func Text8(s string) mapi.Value { return mapi.Value{Type: mapi.String8, Data: []byte(s)} }

// Int is a 32-bit integer.
func Int(n int) mapi.Value {
	return mapi.Value{Type: mapi.Integer32, Data: binary.LittleEndian.AppendUint32(nil, uint32(n))}
}

// Bool is a Boolean.
func Bool(b bool) mapi.Value {
	v := mapi.Value{Type: mapi.Boolean, Data: []byte{0, 0}}
	if b {
		v.Data[0] = 1
	}
	return v
}

// Time is a point of time.
func Time(t time.Time) mapi.Value {
	return mapi.Value{Type: mapi.Time, Data: binary.LittleEndian.AppendUint64(nil, mapi.ToFileTime(t))}
}

// Binary is a binary value.
func Binary(b []byte) mapi.Value { return mapi.Value{Type: mapi.Binary, Data: b} }

func wide(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}
