package tnef

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"mailmill/formats/mapi"
)

// attachment implements [mapi.Attachment].
type attachment struct {
	properties
	depth int
	// data is attAttachData; it holds the file unless there is a property with it.
	data    []byte
	hasData bool
	// ole says that attAttachRendData calls the attachment an OLE object.
	ole bool
}

var _ mapi.Attachment = (*attachment)(nil)

// The interface that an object property can be read by precedes its data (MS-OXTNEF 2.1.3.4).
var iidMessage = mapi.GUID{0x07, 0x03, 0x02, 0x00, 8: 0xC0, 15: 0x46}

// Methods of attachment (MS-OXCMSG 2.2.2.9).
const (
	methodByValue  = 1
	methodEmbedded = 5
	methodOLE      = 6
)

func (a *attachment) finish() {
	if a.hasData {
		a.legacy(idAttachData, mapi.Value{Type: mapi.Binary, Data: a.data})
	}
	a.sort()
	v, _ := a.Lookup(idAttachData)
	method := int64(methodByValue)
	switch {
	case v.Type == mapi.Object && object(v.Data) == iidMessage:
		method = methodEmbedded
	case v.Type == mapi.Object, a.ole:
		method = methodOLE
	}
	a.legacy(idAttachMethod, integer(method))
	a.sort()
}

// object returns the interface identifier in front of an object's data.
func object(b []byte) mapi.GUID {
	if len(b) < 16 {
		return mapi.GUID{}
	}
	return mapi.GUID(b[:16])
}

// content returns the data without the interface identifier of an object.
func (a *attachment) content() ([]byte, error) {
	v, err := a.Lookup(idAttachData)
	switch {
	case err != nil:
		return nil, err
	case !v.Exists():
		return nil, mapi.ErrNoData
	case v.Type != mapi.Object:
		return v.Data, nil
	case len(v.Data) < 16 || object(v.Data) == iidMessage:
		return nil, mapi.ErrNoData
	}
	return v.Data[16:], nil
}

// Open implements [mapi.Attachment].
func (a *attachment) Open() (io.ReadCloser, error) {
	b, err := a.content()
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// DataSize implements [mapi.Attachment].
func (a *attachment) DataSize() int64 {
	b, err := a.content()
	if err != nil {
		return -1
	}
	return int64(len(b))
}

// Embedded implements [mapi.Attachment]. With an error it returns what could be decoded of the message, if anything.
func (a *attachment) Embedded() (mapi.Message, error) {
	v, err := a.Lookup(idAttachData)
	if err != nil {
		return nil, err
	}
	var b []byte
	switch {
	case v.Type == mapi.Object && object(v.Data) == iidMessage:
		b = v.Data[16:]
	case v.Type != mapi.Object && a.method() == methodEmbedded:
		// QUIRK: some gateways write the embedded stream as plain data.
		b = v.Data
	default:
		return nil, mapi.ErrNoData
	}
	if a.depth >= maxDepth {
		return nil, fmt.Errorf("more than %d messages embedded in each other", maxDepth)
	}
	m, err := decode(b, a.depth+1)
	if m == nil {
		return nil, errors.Join(errors.New("the embedded message"), err)
	}
	return m, err
}

func (a *attachment) method() int64 {
	v, _ := a.Lookup(idAttachMethod)
	return v.Int()
}
