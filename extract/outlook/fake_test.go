package outlook_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"iter"
	"slices"
	"testing"
	"time"
	"unicode/utf16"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/mime"
)

// props is a property set in memory. Values are strings, ints, bools, times, bytes, lists of strings, mapi.Value for
// anything else, or an error for what cannot be read. Keys are a mapi.ID or a mapi.Name.
type props map[any]any

func value(x any) (mapi.Value, error) {
	le := binary.LittleEndian
	switch x := x.(type) {
	case nil:
		return mapi.Value{}, nil
	case error:
		return mapi.Value{}, x
	case mapi.Value:
		return x, nil
	case string:
		return mapi.Value{Type: mapi.String, Data: wide(x)}, nil
	case ansi:
		return mapi.Value{Type: mapi.String8, Data: []byte(x)}, nil
	case []string:
		v := mapi.Value{Type: mapi.MultiString}
		for _, s := range x {
			v.Elems = append(v.Elems, wide(s))
		}
		return v, nil
	case int:
		return mapi.Value{Type: mapi.Integer32, Data: le.AppendUint32(nil, uint32(x))}, nil
	case bool:
		b := []byte{0, 0}
		if x {
			b[0] = 1
		}
		return mapi.Value{Type: mapi.Boolean, Data: b}, nil
	case time.Time:
		return mapi.Value{Type: mapi.Time, Data: le.AppendUint64(nil, mapi.ToFileTime(x))}, nil
	case []byte:
		return mapi.Value{Type: mapi.Binary, Data: x}, nil
	}
	panic("a value of an unknown type")
}

// ansi is an 8-bit string.
type ansi string

func wide(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func (p props) Lookup(id mapi.ID) (mapi.Value, error)      { return value(p[id]) }
func (p props) LookupName(n mapi.Name) (mapi.Value, error) { return value(p[n]) }
func (p props) All() iter.Seq2[mapi.Property, error] {
	return func(yield func(mapi.Property, error) bool) {
		var ids []mapi.ID
		var names []mapi.Name
		for k := range p {
			switch k := k.(type) {
			case mapi.ID:
				ids = append(ids, k)
			case mapi.Name:
				names = append(names, k)
			}
		}
		slices.Sort(ids)
		slices.SortFunc(names, func(a, b mapi.Name) int {
			return bytes.Compare(append(a.Set[:], a.String...), append(b.Set[:], b.String...))
		})
		for _, id := range ids {
			v, err := value(p[id])
			if !yield(mapi.Property{ID: id, Value: v}, err) {
				return
			}
		}
		for i, n := range names {
			v, err := value(p[n])
			if !yield(mapi.Property{ID: mapi.ID(0x8000 + i), Name: &n, Value: v}, err) {
				return
			}
		}
	}
}

// msg is a message in memory.
type msg struct {
	props
	rows []props
	atts []*att
	// lost is what the recipients and attachments fail with, beside what is there.
	lost error
}

func (m *msg) Recipients() ([]mapi.Properties, error) {
	var list []mapi.Properties
	for _, r := range m.rows {
		list = append(list, r)
	}
	return list, m.lost
}

func (m *msg) Attachments() ([]mapi.Attachment, error) {
	var list []mapi.Attachment
	for _, a := range m.atts {
		list = append(list, a)
	}
	return list, m.lost
}

// att is an attachment in memory.
type att struct {
	props
	data []byte
	open func() (io.ReadCloser, error)
	size int64
	msg  *msg
	err  error
}

func (a *att) Open() (io.ReadCloser, error) {
	switch {
	case a.open != nil:
		return a.open()
	case a.err != nil:
		return nil, a.err
	case a.data == nil:
		return nil, mapi.ErrNoData
	}
	return io.NopCloser(bytes.NewReader(a.data)), nil
}

func (a *att) DataSize() int64 {
	if a.open != nil {
		return a.size
	}
	return int64(len(a.data))
}

func (a *att) Embedded() (mapi.Message, error) {
	if a.err != nil {
		return nil, a.err
	}
	if a.msg == nil {
		return nil, mapi.ErrNoData
	}
	return a.msg, nil
}

// file is an attachment by value.
func file(name, typ string, data []byte) *att {
	return &att{props: props{mapi.PidTagAttachMethod: 1, mapi.PidTagAttachLongFilename: name, mapi.PidTagAttachMimeTag: typ}, data: data}
}

// picture is an attachment with a content id.
func picture(name, cid string, data string) *att {
	a := file(name, "image/png", []byte(data))
	a.props[mapi.PidTagAttachContentId] = cid
	return a
}

func inside(m *msg) *att { return &att{props: props{mapi.PidTagAttachMethod: 5}, msg: m} }

// row is a row of the recipient table.
func row(typ int, name, addrType, addr string) props {
	return props{mapi.PidTagRecipientType: typ, mapi.PidTagDisplayName: name, mapi.PidTagAddressType: addrType, mapi.PidTagEmailAddress: addr}
}

// note is a mail with a class and an identifier.
func note(p props) *msg {
	m := &msg{props: props{mapi.PidTagMessageClass: "IPM.Note", mapi.PidTagSearchKey: []byte("0123456789abcdef")}}
	for k, v := range p {
		m.props[k] = v
	}
	return m
}

// from adds a sender with an SMTP address.
func (m *msg) from(name, addr string) *msg {
	for _, p := range []struct{ name, typ, addr mapi.ID }{
		{mapi.PidTagSenderName, mapi.PidTagSenderAddressType, mapi.PidTagSenderEmailAddress},
		{mapi.PidTagSentRepresentingName, mapi.PidTagSentRepresentingAddressType, mapi.PidTagSentRepresentingEmailAddress},
	} {
		m.props[p.name], m.props[p.typ], m.props[p.addr] = name, "SMTP", addr
	}
	return m
}

func convert(t testing.TB, m mapi.Message) *formats.Item {
	t.Helper()
	return convertWith(t, outlook.Options{}, m)
}

func convertWith(t testing.TB, opt outlook.Options, m mapi.Message) *formats.Item {
	t.Helper()
	it, err := outlook.New(opt).Item(formats.Entry{}, m)
	if err != nil {
		t.Fatal(err)
	}
	return it
}

// written returns the item as a message, which must be complete.
func written(t testing.TB, it *formats.Item) []byte {
	t.Helper()
	var b bytes.Buffer
	err := mime.Write(&b, it.Mail)
	var lost *mime.ContentError
	if err != nil && !(errors.As(err, &lost) && len(it.Damage) > 0) {
		t.Fatal(err)
	}
	for _, line := range bytes.Split(b.Bytes(), []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsAny(line, "\r\n") {
			t.Fatalf("a line of %d bytes: %.200q", len(line), line)
		}
	}
	return b.Bytes()
}
