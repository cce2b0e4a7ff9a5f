package tnef

import (
	"encoding/binary"
	"iter"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// recipient is a row of a recipient table that the header of a mail tells of.
type recipient struct {
	a    *formats.Address
	role int
}

var _ mapi.Properties = recipient{}

// Lookup implements [mapi.Properties].
func (r recipient) Lookup(id mapi.ID) (mapi.Value, error) {
	switch id {
	case mapi.PidTagRecipientType:
		return mapi.Value{Type: mapi.Integer32, Data: binary.LittleEndian.AppendUint32(nil, uint32(r.role))}, nil
	case mapi.PidTagDisplayName:
		return text(r.a.Name), nil
	case mapi.PidTagAddressType:
		return text("SMTP"), nil
	case mapi.PidTagEmailAddress:
		return text(r.a.SMTP), nil
	}
	return mapi.Value{}, nil
}

// LookupName implements [mapi.Properties].
func (recipient) LookupName(mapi.Name) (mapi.Value, error) { return mapi.Value{}, nil }

// All implements [mapi.Properties].
func (r recipient) All() iter.Seq2[mapi.Property, error] {
	return func(yield func(mapi.Property, error) bool) {
		for _, id := range [...]mapi.ID{mapi.PidTagRecipientType, mapi.PidTagDisplayName, mapi.PidTagAddressType, mapi.PidTagEmailAddress} {
			v, err := r.Lookup(id)
			if !yield(mapi.Property{ID: id, Value: v}, err) {
				return
			}
		}
	}
}
