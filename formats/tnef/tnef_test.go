package tnef

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"pgregory.net/rapid"

	"mailmill/formats/mapi"
)

// stream is a TNEF stream in the making.
type stream []byte

func newStream() stream {
	return stream{0x78, 0x9F, 0x3E, 0x22, 0x01, 0x00}
}

// add appends an attribute; the upper half of the identifier, its type, plays no part in decoding.
func (s stream) add(level byte, id uint32, data []byte) stream {
	s = append(s, level)
	s = binary.LittleEndian.AppendUint32(s, id)
	s = binary.LittleEndian.AppendUint32(s, uint32(len(data)))
	s = append(s, data...)
	return binary.LittleEndian.AppendUint16(s, checksum(data))
}

func (s stream) message(id uint32, data []byte) stream    { return s.add(levelMessage, id, data) }
func (s stream) attachment(id uint32, data []byte) stream { return s.add(levelAttachment, id, data) }

// file begins an attachment of type 1, a file.
func (s stream) file() stream {
	return s.attachment(attAttachRendData, append([]byte{1, 0, 0xFF, 0xFF, 0xFF, 0xFF}, make([]byte, 8)...))
}

func u16(list ...int) (b []byte) {
	for _, n := range list {
		b = binary.LittleEndian.AppendUint16(b, uint16(n))
	}
	return b
}

func u32(n int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }

func wide(s string) (b []byte) {
	for _, c := range utf16.Encode([]rune(s + "\x00")) {
		b = binary.LittleEndian.AppendUint16(b, c)
	}
	return b
}

func padded(b []byte) []byte {
	b = slices.Clone(b)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// encode writes a counted list of properties.
func encode(list ...mapi.Property) []byte {
	sized := func(b, data []byte) []byte { return append(append(b, u32(len(data))...), padded(data)...) }
	b := u32(len(list))
	for _, p := range list {
		b = append(b, u16(int(p.Value.Type), int(p.ID))...)
		if p.Name != nil {
			b = append(b, p.Name.Set[:]...)
			if p.Name.String == "" {
				b = append(append(b, u32(0)...), u32(int(p.Name.LID))...)
			} else {
				b = sized(append(b, u32(1)...), wide(p.Name.String))
			}
		}
		elems := p.Value.Elems
		if !p.Value.Type.IsMulti() {
			if p.Value.Type.Width() > 0 {
				b = append(b, padded(p.Value.Data)...)
				continue
			}
			elems = [][]byte{p.Value.Data}
		}
		b = append(b, u32(len(elems))...)
		for _, e := range elems {
			if p.Value.Type.Width() > 0 {
				b = append(b, padded(e)...)
			} else {
				b = sized(b, e)
			}
		}
	}
	return b
}

func text(id mapi.ID, s string) mapi.Property {
	return mapi.Property{ID: id, Value: mapi.Value{Type: mapi.String, Data: wide(s)}}
}

func objectProperty(iid mapi.GUID, data []byte) mapi.Property {
	return mapi.Property{ID: idAttachData, Value: mapi.Value{Type: mapi.Object, Data: append(iid[:], data...)}}
}

func lookup(t testing.TB, p mapi.Properties, id mapi.ID) mapi.Value {
	t.Helper()
	v, err := p.Lookup(id)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func content(t testing.TB, a mapi.Attachment) string {
	t.Helper()
	r, err := a.Open()
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil || int64(len(b)) != a.DataSize() {
		t.Fatalf("%d bytes, announced %d, %v", len(b), a.DataSize(), err)
	}
	return string(b)
}

func TestLegacyAttributes(t *testing.T) {
	name, addr := "Jos\xE9\x00", "SMTP:jose@example.org\x00"
	s := newStream().
		message(0x00089006, u32(0x10000)).
		message(0x00069007, append(u32(1252), u32(0)...)).
		message(0x00078008, []byte("IPM.Microsoft Schedule.MtgReq\x00")).
		message(0x00018004, []byte("Gr\xFC\xDFe\x00")).
		message(0x00038005, u16(2019, 3, 31, 1, 30, 15, 0)).
		message(0x00038006, u16(2019, 3, 31, 1, 31, 0, 0)).
		message(0x00068007, []byte{0xA1}).
		message(0x00018009, []byte("00A1ff\x00")).
		message(0x0002800C, []byte("Hello\r\n\x00")).
		message(0x0004800D, u16(1)).
		message(0x00008000, slices.Concat(u16(4, 8+len(name)+len(addr), len(name), len(addr)), []byte(name), []byte(addr))).
		message(0x00060000, slices.Concat(u16(4), []byte("Eva\x00"), u16(len("SMTP:eva@example.org")+1), []byte("SMTP:eva@example.org\x00"))).
		message(0x00040009, u16(1)).
		message(0x00050008, u32(77))
	m, err := Decode(s)
	if err != nil {
		t.Fatal(err)
	}
	if m.BadChecksums != 0 || m.CodePage != 1252 {
		t.Errorf("%d bad checksums, code page %d", m.BadChecksums, m.CodePage)
	}
	for id, want := range map[mapi.ID]string{
		idMessageClass: "IPM.Schedule.Meeting.Request", idSubject: "Grüße", idBody: "Hello\r\n",
		idSenderName: "José", idSenderType: "SMTP", idSenderMail: "jose@example.org",
		idRepresenting: "Eva", idRepresentingType: "SMTP", idRepresentingMail: "eva@example.org",
	} {
		if got := lookup(t, m, id).Text(m.CodePage); got != want {
			t.Errorf("%v = %q, want %q", id, got, want)
		}
	}
	for id, want := range map[mapi.ID]int64{idMessageFlags: 0x11, idImportance: 2, idResponseRequest: 1, idOwnerAppointment: 77, idMessageCodepage: 1252} {
		if got := lookup(t, m, id).Int(); got != want {
			t.Errorf("%v = %#x, want %#x", id, got, want)
		}
	}
	if got, want := lookup(t, m, idClientSubmitTime).Time(), time.Date(2019, 3, 31, 1, 30, 15, 0, time.UTC); !got.Equal(want) {
		t.Errorf("sent %v, want %v", got, want)
	}
	if got := lookup(t, m, idSearchKey).Bytes(); string(got) != "\x00\xA1\xFF" {
		t.Errorf("search key %x", got)
	}
	if v := lookup(t, m, 0x1234); v.Exists() {
		t.Errorf("a property that is not there: %v", v)
	}
}

// Every type of property, fixed and variable, single and multi-valued, named by number and by string, in a message's
// list, keeps its bytes.
func TestProperties(t *testing.T) {
	f64 := binary.LittleEndian.AppendUint64(nil, math.Float64bits(1.5))
	location, keywords := mapi.Long(mapi.PSAppointment, 0x8208), mapi.Named(mapi.PSPublicStrings, "Keywords")
	list := []mapi.Property{
		text(idSubject, "from the properties"),
		{ID: 0x0017, Value: mapi.Value{Type: mapi.Integer32, Data: u32(1)}},
		{ID: 0x0029, Value: mapi.Value{Type: mapi.Boolean, Data: []byte{1, 0}}},
		{ID: 0x0E08, Value: mapi.Value{Type: mapi.Integer64, Data: f64}},
		{ID: 0x1013, Value: mapi.Value{Type: mapi.Binary, Data: []byte("<p>x</p>")}},
		{ID: 0x300B, Value: mapi.Value{Type: mapi.Binary, Data: []byte{}}},
		{ID: 0x4001, Value: mapi.Value{Type: mapi.GUIDType, Data: mapi.PSCommon[:]}},
		{ID: 0x4002, Value: mapi.Value{Type: mapi.MultiInteger32, Elems: [][]byte{u32(1), u32(2)}}},
		{ID: 0x4003, Value: mapi.Value{Type: mapi.MultiValue | mapi.Integer16, Elems: [][]byte{u16(1), u16(2), u16(3)}}},
		{ID: 0x4004, Value: mapi.Value{Type: mapi.MultiBinary, Elems: [][]byte{[]byte("abc"), {}}}},
		{ID: 0x4005, Value: mapi.Value{Type: mapi.Floating64, Data: f64}},
		{ID: 0x8001, Name: &location, Value: mapi.Value{Type: mapi.String, Data: wide("Room 1")}},
		{ID: 0x8002, Name: &keywords, Value: mapi.Value{Type: mapi.MultiString, Elems: [][]byte{wide("Überblick"), wide("b")}}},
	}
	s := newStream().message(attSubject, []byte("from the attribute\x00")).message(attMsgProps, encode(list...))
	m, err := Decode(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		v := lookup(t, m, p.ID)
		if p.Name != nil {
			if v, err = m.LookupName(*p.Name); err != nil {
				t.Fatal(err)
			}
		}
		if fmt.Sprint(v) != fmt.Sprint(p.Value) {
			t.Errorf("%v = %v, want %v", p.ID, v, p.Value)
		}
	}
	if got := lookup(t, m, 0x8002).Texts(0); !slices.Equal(got, []string{"Überblick", "b"}) {
		t.Errorf("keywords %q", got)
	}
	n, last := 0, mapi.ID(0)
	for p, err := range m.All() {
		if err != nil || p.ID < last {
			t.Errorf("%v after %v, %v", p.ID, last, err)
		}
		n, last = n+1, p.ID
	}
	if n != len(list) {
		t.Errorf("All yields %d properties, want %d", n, len(list))
	}
}

func TestAttachments(t *testing.T) {
	storage := mapi.GUID{0x0B, 8: 0xC0, 15: 0x46}
	inner := newStream().message(attSubject, []byte("inner\x00")).
		file().attachment(attAttachTitle, []byte("deep.txt\x00")).attachment(attAttachData, []byte("deep"))
	s := newStream().message(attSubject, []byte("outer\x00")).
		file().attachment(attAttachTitle, []byte("REPORT~1.PDF\x00")).attachment(attAttachData, []byte("%PDF")).
		attachment(attAttachModifyDate, u16(2020, 2, 29, 12, 0, 0, 6)).
		attachment(attAttachment, encode(text(0x3707, "Report 2020.pdf"))).
		file().attachment(attAttachment, encode(objectProperty(iidMessage, inner), text(0x3001, "inner"))).
		file().attachment(attAttachment, encode(objectProperty(storage, []byte("compound file")))).
		file().attachment(attAttachData, nil)
	m, err := Decode(s)
	if err != nil {
		t.Fatal(err)
	}
	list, err := m.Attachments()
	if err != nil || len(list) != 4 {
		t.Fatalf("%d attachments, %v", len(list), err)
	}
	for i, method := range []int64{methodByValue, methodEmbedded, methodOLE, methodByValue} {
		if got := lookup(t, list[i], idAttachMethod).Int(); got != method {
			t.Errorf("attachment %d has method %d, want %d", i, got, method)
		}
	}
	pdf := list[0]
	if content(t, pdf) != "%PDF" || lookup(t, pdf, 0x3707).Text(0) != "Report 2020.pdf" || lookup(t, pdf, 0x3704).Text(0) != "REPORT~1.PDF" {
		t.Errorf("the file: %q", content(t, pdf))
	}
	if got := lookup(t, pdf, 0x3008).Time(); !got.Equal(time.Date(2020, 2, 29, 12, 0, 0, 0, time.UTC)) {
		t.Errorf("changed %v", got)
	}
	if _, err := pdf.Embedded(); !errors.Is(err, mapi.ErrNoData) {
		t.Errorf("a message in a PDF: %v", err)
	}
	if _, err := list[1].Open(); !errors.Is(err, mapi.ErrNoData) {
		t.Errorf("a file that is a message: %v", err)
	}
	msg, err := list[1].Embedded()
	if err != nil || lookup(t, msg, idSubject).Text(0) != "inner" {
		t.Fatalf("embedded: %v", err)
	}
	if files, err := msg.Attachments(); err != nil || len(files) != 1 || content(t, files[0]) != "deep" {
		t.Errorf("attachments of the embedded message: %d, %v", len(files), err)
	}
	if content(t, list[2]) != "compound file" || content(t, list[3]) != "" {
		t.Error("the OLE object or the empty file is wrong")
	}
}

func TestRecipients(t *testing.T) {
	table := append(u32(2), encode(text(0x3001, "Ana"), text(0x3003, "ana@example.org"))...)
	table = append(table, encode(text(0x3001, "Ben"))...)
	m, err := Decode(newStream().message(attRecipTable, table))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := m.Recipients()
	if err != nil || len(rows) != 2 || lookup(t, rows[0], 0x3003).Text(0) != "ana@example.org" || lookup(t, rows[1], 0x3001).Text(0) != "Ben" {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	m, err = Decode(newStream().message(attRecipTable, table[:len(table)-6]))
	if err == nil {
		t.Error("half a recipient is no error")
	}
	if rows, err := m.Recipients(); len(rows) != 1 || err == nil {
		t.Errorf("of one recipient and a half %d rows, %v", len(rows), err)
	}
}

// What arrives in practice: wrong checksums, padding behind the end, a stream cut short in the middle of a file.
func TestLenient(t *testing.T) {
	whole := newStream().message(attSubject, []byte("s\x00")).file().attachment(attAttachData, []byte("0123456789"))
	t.Run("checksum", func(t *testing.T) {
		s := slices.Clone(whole)
		s[len(s)-1]++
		m, err := Decode(s)
		if err != nil || m.BadChecksums != 1 {
			t.Errorf("%v, %d bad checksums", err, m.BadChecksums)
		}
	})
	t.Run("padding", func(t *testing.T) {
		if _, err := Decode(append(slices.Clone(whole), 0, 0, 0)); err != nil {
			t.Error(err)
		}
		if _, err := Decode(append(slices.Clone(whole), make([]byte, 100)...)); err != nil {
			t.Error(err)
		}
	})
	t.Run("cut", func(t *testing.T) {
		m, err := Decode(whole[:len(whole)-6])
		if err == nil || !strings.Contains(err.Error(), "cut short") {
			t.Errorf("error %v", err)
		}
		list, _ := m.Attachments()
		if len(list) != 1 || content(t, list[0]) != "012345" || lookup(t, m, idSubject).Text(0) != "s" {
			t.Error("what was before the cut is lost")
		}
	})
	t.Run("one bad property", func(t *testing.T) {
		b := encode(text(idSubject, "kept"), text(0x1000, "lost"))
		m, err := Decode(newStream().message(attMsgProps, b[:len(b)-9]).message(attMessageClass, []byte("IPM.Note\x00")))
		if err == nil || lookup(t, m, idSubject).Text(0) != "kept" || lookup(t, m, idMessageClass).Text(0) != "IPM.Note" {
			t.Errorf("%v", err)
		}
	})
	for _, s := range []string{"", "x", "MIME-Version: 1.0"} {
		if m, err := Decode([]byte(s)); m != nil || !errors.Is(err, ErrNotTNEF) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestDepthIsBounded(t *testing.T) {
	s := newStream().message(attSubject, []byte("innermost\x00"))
	for range maxDepth + 3 {
		s = newStream().file().attachment(attAttachment, encode(objectProperty(iidMessage, s)))
	}
	var m mapi.Message
	m, err := Decode(s)
	depth := 0
	for ; err == nil; depth++ {
		list, _ := m.Attachments()
		if len(list) == 0 {
			break
		}
		m, err = list[0].Embedded()
	}
	if err == nil || depth != maxDepth+1 {
		t.Errorf("went %d deep, %v", depth, err)
	}
}

func TestPropertiesRoundTrip(t *testing.T) {
	types := []mapi.Type{mapi.Integer16, mapi.Integer32, mapi.Time, mapi.GUIDType, mapi.String8, mapi.String, mapi.Binary}
	rapid.Check(t, func(t *rapid.T) {
		var list []mapi.Property
		for i := range rapid.IntRange(0, 8).Draw(t, "n") {
			typ := rapid.SampledFrom(types).Draw(t, "type")
			bytes := rapid.SliceOfN(rapid.Byte(), 0, 9)
			if w := typ.Width(); w > 0 {
				bytes = rapid.SliceOfN(rapid.Byte(), w, w)
			}
			p := mapi.Property{ID: mapi.ID(0x4000 + i), Value: mapi.Value{Type: typ}}
			if rapid.Bool().Draw(t, "multi") {
				p.Value.Type |= mapi.MultiValue
				p.Value.Elems = rapid.SliceOfN(bytes, 0, 3).Draw(t, "values")
			} else {
				p.Value.Data = bytes.Draw(t, "value")
			}
			if rapid.Bool().Draw(t, "named") {
				p.ID += 0x4000
				p.Name = &mapi.Name{Set: mapi.PSCommon, LID: uint32(i)}
			}
			list = append(list, p)
		}
		m, err := Decode(newStream().message(attMsgProps, encode(list...)))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			v, err := m.Lookup(p.ID)
			if p.Name != nil {
				v, err = m.LookupName(*p.Name)
			}
			if err != nil || fmt.Sprint(v) != fmt.Sprint(p.Value) {
				t.Fatalf("%v: %v, want %v (%v)", p.ID, v, p.Value, err)
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	inner := newStream().message(attSubject, []byte("inner\x00"))
	named := mapi.Named(mapi.PSPublicStrings, "Keywords")
	f.Add([]byte(newStream().message(attOemCodepage, u32(1252)).message(attDateSent, u16(2019, 3, 31, 1, 30, 15, 0)).
		message(attFrom, slices.Concat(u16(4, 14, 2, 4), []byte("a\x00S:b\x00"))).
		message(attRecipTable, append(u32(1), encode(text(0x3001, "Ana"))...)).
		message(attMsgProps, encode(text(idSubject, "x"), mapi.Property{ID: 0x8001, Name: &named, Value: mapi.Value{Type: mapi.MultiString, Elems: [][]byte{wide("k")}}})).
		file().attachment(attAttachTitle, []byte("a\x00")).attachment(attAttachData, []byte("data")).
		file().attachment(attAttachment, encode(objectProperty(iidMessage, inner)))))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Decode(b)
		if m == nil {
			if err == nil {
				t.Fatal("no message and no error")
			}
			return
		}
		var walk func(m mapi.Message, depth int)
		walk = func(m mapi.Message, depth int) {
			last := mapi.ID(0)
			for p := range m.All() {
				if p.ID < last {
					t.Fatal("out of order")
				}
				last = p.ID
				p.Value.Texts(1252)
			}
			rows, _ := m.Recipients()
			for _, r := range rows {
				if _, err := r.Lookup(0x3001); err != nil {
					t.Fatal(err)
				}
			}
			list, _ := m.Attachments()
			for _, a := range list {
				if r, err := a.Open(); err == nil {
					if n, _ := io.Copy(io.Discard, r); n != a.DataSize() || n > int64(len(b)) {
						t.Fatalf("%d bytes, announced %d", n, a.DataSize())
					}
				}
				if e, _ := a.Embedded(); e != nil {
					if depth > maxDepth {
						t.Fatal("too deep")
					}
					walk(e, depth+1)
				}
			}
		}
		walk(m, 0)
	})
}

func BenchmarkDecode(b *testing.B) {
	var list []mapi.Property
	for i := range 100 {
		list = append(list, text(mapi.ID(0x1000+i), strings.Repeat("x", i)))
	}
	s := newStream().message(attMsgProps, encode(list...)).file().attachment(attAttachData, make([]byte, 1<<20))
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		if _, err := Decode(s); err != nil {
			b.Fatal(err)
		}
	}
}
