package mapi_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mailmill/formats/mapi"
)

func entry(provider string, body ...any) []byte {
	b := append([]byte{0, 0, 0, 0}, provider...)
	for _, x := range body {
		switch x := x.(type) {
		case string:
			b = append(b, x...)
		case byte:
			b = append(b, x)
		case uint16:
			b = binary.LittleEndian.AppendUint16(b, x)
		case uint32:
			b = binary.LittleEndian.AppendUint32(b, x)
		case []byte:
			b = append(b, x...)
		}
	}
	return b
}

const (
	oneOff   = "\x81\x2B\x1F\xA4\xBE\xA3\x10\x19\x9D\x6E\x00\xDD\x01\x0F\x54\x02"
	exchange = "\xDC\xA7\x40\xC8\xC0\x42\x10\x1A\xB4\xB9\x08\x00\x2B\x2F\xE1\x82"
	contacts = "\xFE\x42\xAA\x0A\x18\xC7\x1A\x10\xE8\x85\x0B\x65\x1C\x24\x00\x00"
	wrapped  = "\xC0\x91\xAD\xD3\x51\x9D\xCF\x11\xA4\xA9\x00\xAA\x00\x47\xFA\xA4"
	aStore   = "0123456789abcdef"
)

func TestParseEntryID(t *testing.T) {
	object := entry(aStore, uint32(0x200024))
	dn := "/o=Org/ou=Site/cn=Recipients/cn=anna"
	for _, c := range []struct {
		what string
		b    []byte
		want mapi.EntryID
		slot int
	}{
		{
			"one-off in 8 bits", entry(oneOff, uint16(0), uint16(0x1001), "J\xfcrgen\x00SMTP\x00j@example.org\x00"),
			mapi.EntryID{Kind: mapi.EntryOneOff, Name: "Jürgen", AddressType: "SMTP", Address: "j@example.org"},
			-1,
		},
		{"one-off in Unicode", mapi.MakeOneOff("日本", "EX", dn), mapi.EntryID{Kind: mapi.EntryOneOff, Name: "日本", AddressType: "EX", Address: dn}, -1},
		{
			"one-off without its last NUL", entry(oneOff, uint16(0), uint16(0), "A\x00SMTP\x00a@example.org"),
			mapi.EntryID{Kind: mapi.EntryOneOff, Name: "A", AddressType: "SMTP", Address: "a@example.org"},
			-1,
		},
		{"Exchange", entry(exchange, uint32(1), uint32(1), dn+"\x00"), mapi.EntryID{Kind: mapi.EntryEX, DisplayType: 1, AddressType: "EX", Address: dn}, -1},
		{
			"contact", entry(contacts, uint32(3), uint32(4), uint32(2), uint32(len(object)), object),
			mapi.EntryID{Kind: mapi.EntryContact, DisplayType: 4, Index: 2, Object: object},
			2,
		},
		{"contact's folder", entry(contacts, uint32(3), uint32(3)), mapi.EntryID{Kind: mapi.EntryContact, DisplayType: 3}, -1},
		{"object of a PST", object, mapi.EntryID{Kind: mapi.EntryObject, Node: 0x200024}, -1},
		{"wrapped contact", entry(wrapped, byte(0xD3), object), mapi.EntryID{Kind: mapi.EntryObject, Node: 0x200024, Wrapped: 0xD3, Object: object}, 1},
		{"wrapped list", entry(wrapped, byte(0xB4), object), mapi.EntryID{Kind: mapi.EntryObject, Node: 0x200024, Wrapped: 0xB4, Object: object}, -1},
		{
			"wrapped user", entry(wrapped, byte(0xB5), entry(exchange, uint32(1), uint32(0), dn+"\x00")),
			mapi.EntryID{Kind: mapi.EntryEX, AddressType: "EX", Address: dn, Wrapped: 0xB5},
			-1,
		},
		{"of a provider that nobody knows, with a name in it", entry(aStore, "\x01\x02\x03"+dn+"\x00rest"), mapi.EntryID{AddressType: "EX", Address: dn}, -1},
		{"with a name in UTF-16", entry(aStore, "\x01\x02", utf16le(dn), "\x00\x00rest"), mapi.EntryID{AddressType: "EX", Address: dn}, -1},
		{"with a mail address", entry(aStore, "\x01\x02anna@example.org\x00rest"), mapi.EntryID{AddressType: "SMTP", Address: "anna@example.org"}, -1},
		{"with a mail address in UTF-16", entry(aStore, "\x01\x02\x03", utf16le("anna@example.org"), "\x00\x00rest"), mapi.EntryID{AddressType: "SMTP", Address: "anna@example.org"}, -1},
	} {
		t.Run(c.what, func(t *testing.T) {
			got, err := mapi.ParseEntryID(c.b, 1252)
			if err != nil {
				t.Fatal(err)
			}
			if got.Slot() != c.slot {
				t.Errorf("the slot is %d, want %d", got.Slot(), c.slot)
			}
			object, wantObject := got.Object, c.want.Object
			got.Object, c.want.Object, got.Provider = nil, nil, mapi.GUID{}
			if got.Kind != c.want.Kind || got.Name != c.want.Name || got.AddressType != c.want.AddressType || got.Address != c.want.Address ||
				got.DisplayType != c.want.DisplayType || got.Wrapped != c.want.Wrapped || got.Index != c.want.Index || got.Node != c.want.Node || !bytes.Equal(object, wantObject) {
				t.Errorf("it is %+v, want %+v", got, c.want)
			}
		})
	}
	deep := mapi.MakeOneOff("a", "b", "c")
	for range 10 {
		deep = entry(wrapped, byte(0), deep)
	}
	for what, b := range map[string][]byte{
		"nothing": nil, "a short-term one": append([]byte{1}, make([]byte, 40)...), "a one-off cut short": entry(oneOff, byte(0)), "Exchange cut short": entry(exchange, uint32(1)),
		"a contact that says too much": entry(contacts, uint32(3), uint32(4), uint32(0), uint32(0xFFFFFFFF)), "wraps without end": deep,
	} {
		if _, err := mapi.ParseEntryID(b, 1252); err == nil {
			t.Errorf("%s is accepted", what)
		}
	}
}

func utf16le(s string) []byte {
	var b []byte
	for _, c := range []byte(s) {
		b = append(b, c, 0)
	}
	return b
}

func TestOneOffRoundTrip(t *testing.T) {
	text := rapid.String().Filter(func(s string) bool { return !strings.ContainsAny(s, "\x00\uFFFD") })
	rapid.Check(t, func(t *rapid.T) {
		name, typ, addr := text.Draw(t, "name"), text.Draw(t, "type"), text.Draw(t, "address")
		e, err := mapi.ParseEntryID(mapi.MakeOneOff(name, typ, addr), 1252)
		if err != nil || e.Name != name || e.AddressType != typ || e.Address != addr {
			t.Fatalf("%q, %q, %q come back as %+v, %v", name, typ, addr, e, err)
		}
	})
}

func TestFlatEntryList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 40), 0, 8).Draw(t, "entries")
		var body []byte
		for _, e := range want {
			body = binary.LittleEndian.AppendUint32(body, uint32(len(e)))
			body = append(body, e...)
			for len(body)%4 != 0 {
				body = append(body, 0)
			}
		}
		b := binary.LittleEndian.AppendUint32(nil, uint32(len(want)))
		b = append(binary.LittleEndian.AppendUint32(b, uint32(len(body))), body...)
		got, err := mapi.FlatEntryList(b)
		if err != nil || !slices.EqualFunc(got, want, bytes.Equal) {
			t.Fatalf("%v comes back as %v, %v", want, got, err)
		}
		if len(body) > 0 {
			cut, err := mapi.FlatEntryList(b[:8+rapid.IntRange(0, min(len(body)-1, 3)).Draw(t, "cut")])
			if err == nil || len(cut) != 0 {
				t.Fatalf("a list that is cut short gives %v, %v", cut, err)
			}
		}
	})
}

func FuzzParseEntryID(f *testing.F) {
	f.Add(mapi.MakeOneOff("A", "SMTP", "a@example.org"))
	f.Add(entry(exchange, uint32(1), uint32(0), "/o=Org\x00"))
	f.Add(entry(contacts, uint32(3), uint32(4), uint32(0), uint32(24), entry(aStore, uint32(0x24))))
	f.Add(entry(wrapped, byte(0xC3), entry(aStore, uint32(0x24))))
	f.Add(entry(aStore, "x/o=Org\x00 a@example.org"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := mapi.ParseEntryID(b, 1252)
		if err == nil && len(e.Name)+len(e.Address) > 8*len(b) {
			t.Fatal("it grew")
		}
		e.Slot()
	})
}

func FuzzFlatEntryList(f *testing.F) {
	f.Add([]byte{1, 0, 0, 0, 8, 0, 0, 0, 2, 0, 0, 0, 1, 2, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		list, _ := mapi.FlatEntryList(b)
		n := 0
		for _, e := range list {
			n += len(e)
		}
		if n > len(b) {
			t.Fatal("entries hold more than the list")
		}
	})
}
