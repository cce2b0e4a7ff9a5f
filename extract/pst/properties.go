package pst

import (
	"iter"

	"mailmill/formats/mapi"
)

// noProperties stands for an object that cannot be read.
type noProperties struct{}

func (noProperties) Lookup(mapi.ID) (mapi.Value, error)       { return mapi.Value{}, nil }
func (noProperties) LookupName(mapi.Name) (mapi.Value, error) { return mapi.Value{}, nil }
func (noProperties) All() iter.Seq2[mapi.Property, error] {
	return func(func(mapi.Property, error) bool) {}
}

// listed is a message whose flags come from its folder's table. Programs that mark a message as read change the table and
// may leave the message as it was.
type listed struct {
	mapi.Message
	flags mapi.Value
}

func (l *listed) Lookup(id mapi.ID) (mapi.Value, error) {
	if id == mapi.PidTagMessageFlags {
		return l.flags, nil
	}
	return l.Message.Lookup(id)
}
