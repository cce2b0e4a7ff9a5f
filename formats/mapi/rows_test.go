package mapi_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"mailmill/formats/mapi"
)

var le = binary.LittleEndian

// autocompleteStream is a stream of one row.
func autocompleteStream() []byte {
	b := le.AppendUint32(nil, 0xBAADF00D)
	for _, n := range []uint32{12, 0, 1, 5} {
		b = le.AppendUint32(b, n)
	}
	value := func(tag mapi.Tag, union uint64, data []byte) {
		b = le.AppendUint32(le.AppendUint32(b, uint32(tag)), 0xDEAD)
		b = append(le.AppendUint64(b, union), data...)
	}
	counted := func(data []byte) []byte { return append(le.AppendUint32(nil, uint32(len(data))), data...) }
	value(mapi.MakeTag(mapi.PidTagEmailAddress, mapi.String), 0xFFFF, counted([]byte("a\x00\x00\x00")))
	value(mapi.MakeTag(mapi.PidTagSmtpAddress, mapi.String8), 0xFFFF, counted([]byte("a@b.c\x00")))
	value(mapi.MakeTag(mapi.PidTagDisplayType, mapi.Integer32), 7, nil)
	value(mapi.MakeTag(0x6000, mapi.GUIDType), 0, bytes.Repeat([]byte{9}, 16))
	value(mapi.MakeTag(0x6001, mapi.MultiBinary), 0, append(le.AppendUint32(nil, 2), append(counted([]byte("x")), counted(nil)...)...))
	return append(b, make([]byte, 12)...)
}

func TestAutocompleteRows(t *testing.T) {
	b := autocompleteStream()
	rows, err := mapi.AutocompleteRows(b)
	if err != nil || len(rows) != 1 || len(rows[0]) != 5 {
		t.Fatal(rows, err)
	}
	text := func(id mapi.ID) string { v, _ := rows[0].Lookup(id); return v.Text(1252) }
	number, _ := rows[0].Lookup(mapi.PidTagDisplayType)
	guid, _ := rows[0].Lookup(0x6000)
	several, _ := rows[0].Lookup(0x6001)
	if text(mapi.PidTagEmailAddress) != "a" || text(mapi.PidTagSmtpAddress) != "a@b.c" || number.Int() != 7 || guid.GUID()[15] != 9 || len(several.Elems) != 2 {
		t.Errorf("the row is %v", rows[0])
	}
	for n := range len(b) - 12 {
		if rows, err := mapi.AutocompleteRows(b[:n]); err == nil {
			t.Errorf("%d bytes are %v", n, rows)
		}
	}
	b[4] = 11
	if _, err := mapi.AutocompleteRows(b); err == nil {
		t.Error("another version is taken")
	}
}

// recipientStream is a stream of one row whose numbers of bytes are of the width given.
func recipientStream(width int) []byte {
	b := le.AppendUint32(le.AppendUint32(nil, 1), 1)
	b = le.AppendUint32(le.AppendUint32(b, 3), 0)
	counted := func(data []byte) {
		if width == 2 {
			b = le.AppendUint16(b, uint16(len(data)))
		} else {
			b = le.AppendUint32(b, uint32(len(data)))
		}
		b = append(b, data...)
	}
	b = le.AppendUint32(b, uint32(mapi.MakeTag(mapi.PidTagEmailAddress, mapi.String)))
	counted([]byte("a\x00\x00\x00"))
	b = le.AppendUint32(le.AppendUint32(b, uint32(mapi.MakeTag(mapi.PidTagRecipientType, mapi.Integer32))), 2)
	b = le.AppendUint32(b, uint32(mapi.MakeTag(mapi.PidTagEntryId, mapi.Binary)))
	counted([]byte{1, 2, 3})
	return b
}

func TestRecipientRows(t *testing.T) {
	for _, width := range []int{2, 4} {
		b := recipientStream(width)
		rows, err := mapi.RecipientRows(b)
		if err != nil || len(rows) != 1 || len(rows[0]) != 3 {
			t.Fatal(width, rows, err)
		}
		addr, _ := rows[0].Lookup(mapi.PidTagEmailAddress)
		typ, _ := rows[0].Lookup(mapi.PidTagRecipientType)
		entry, _ := rows[0].Lookup(mapi.PidTagEntryId)
		if addr.Text(0) != "a" || typ.Int() != 2 || !bytes.Equal(entry.Bytes(), []byte{1, 2, 3}) {
			t.Errorf("with numbers of %d bytes the row is %v", width, rows[0])
		}
		for n := range len(b) {
			if rows, err := mapi.RecipientRows(b[:n]); err == nil {
				t.Errorf("%d bytes are %v", n, rows)
			}
		}
	}
}

func TestTaskAssigners(t *testing.T) {
	entry := mapi.MakeOneOff("Anna", "SMTP", "anna@example.org")
	inner := append(le.AppendUint32(nil, uint32(len(entry))), entry...)
	inner = append(inner, "Anna\x00A\x00n\x00n\x00a\x00\x00\x00"...)
	b := append(le.AppendUint32(le.AppendUint32(nil, 1), uint32(len(inner))), inner...)
	list, err := mapi.TaskAssigners(b)
	if err != nil || len(list) != 1 || !bytes.Equal(list[0], entry) {
		t.Error(list, err)
	}
	for n := range b {
		if list, err := mapi.TaskAssigners(b[:n]); err == nil {
			t.Errorf("%d bytes are %v", n, list)
		}
	}
}

// Streams of rows come from hidden messages that nobody ever looks at.
func FuzzAutocompleteRows(f *testing.F) {
	f.Add(autocompleteStream())
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, _ := mapi.AutocompleteRows(b)
		checkRows(t, rows, len(b))
	})
}

func FuzzRecipientRows(f *testing.F) {
	f.Add(recipientStream(2))
	f.Add(recipientStream(4))
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, _ := mapi.RecipientRows(b)
		checkRows(t, rows, len(b))
	})
}

func FuzzListMembers(f *testing.F) {
	b := []byte{1, 0, 0, 0}
	for _, n := range []uint32{1, 0, 1, 2, 1, 0, 2} {
		b = le.AppendUint32(b, n)
	}
	b = append(b, 'i', 'd', 1, 0, 0, 0, 'x', 0, 0, 0, 0)
	f.Add(append(b, make([]byte, 8)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		list, _ := mapi.ListMembers(b)
		for _, m := range list {
			n += len(m.Entry) + len(m.OneOff)
		}
		if n > len(b) {
			t.Errorf("%d bytes hold members of %d", len(b), n)
		}
	})
}

func FuzzTaskAssigners(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 10, 0, 0, 0, 2, 0, 0, 0, 'i', 'd', 'n', 0, 'n', 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		n := 0
		ids, _ := mapi.TaskAssigners(b)
		for _, id := range ids {
			n += len(id) + 8
		}
		if n > len(b) {
			t.Errorf("%d bytes hold assigners of %d", len(b), n)
		}
	})
}

// checkRows fails where rows hold more than the bytes they came from.
func checkRows(t *testing.T, rows []mapi.Row, size int) {
	n := 0
	for _, r := range rows {
		for p := range r.All() {
			n += len(p.Value.Data) + 1
			for _, e := range p.Value.Elems {
				n += len(e)
			}
			p.Value.Text(1252)
		}
	}
	if n > size {
		t.Errorf("%d bytes hold rows of %d", size, n)
	}
}
