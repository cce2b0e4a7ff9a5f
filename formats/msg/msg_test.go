package msg_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"mailmill/formats/corpustest"
	"mailmill/formats/mapi"
	"mailmill/formats/msg"
	"mailmill/formats/msg/msgtest"
	"mailmill/formats/ole"
)

func read(t testing.TB, b []byte) *msg.Message {
	t.Helper()
	m, err := msg.Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// sample is a message with one of everything.
func sample() *msgtest.Message {
	inner := &msgtest.Message{Properties: []mapi.Property{
		msgtest.P(mapi.PidTagSubject, msgtest.Text("inside")),
		msgtest.N(mapi.PidNameKeywords, msgtest.Texts("green")),
	}}
	return &msgtest.Message{
		Properties: []mapi.Property{
			msgtest.P(mapi.PidTagMessageClass, msgtest.Text("IPM.Note")),
			msgtest.P(mapi.PidTagSubject, msgtest.Text8("Stra\xDFe")),
			msgtest.P(mapi.PidTagClientSubmitTime, msgtest.Time(time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC))),
			msgtest.P(mapi.PidTagBody, msgtest.Text(strings.Repeat("long ", 2000))),
			msgtest.N(mapi.PidNameKeywords, msgtest.Texts("red", "", "blue")),
			msgtest.N(mapi.PidLidTaskComplete, msgtest.Bool(true)),
		},
		Recipients: [][]mapi.Property{{msgtest.P(mapi.PidTagDisplayName, msgtest.Text("Ann"))}, {msgtest.P(mapi.PidTagDisplayName, msgtest.Text("Bob"))}},
		Attachments: []msgtest.Attachment{
			{Properties: []mapi.Property{msgtest.P(mapi.PidTagAttachMethod, msgtest.Int(1)), msgtest.P(0x3701, msgtest.Binary([]byte("data")))}},
			{Properties: []mapi.Property{msgtest.P(mapi.PidTagAttachMethod, msgtest.Int(5))}, Message: inner},
			{Properties: []mapi.Property{msgtest.P(mapi.PidTagAttachMethod, msgtest.Int(6))}, Object: map[string][]byte{"CONTENTS": []byte("%PDF-1.4 and so on")}},
			{Properties: []mapi.Property{msgtest.P(mapi.PidTagAttachMethod, msgtest.Int(0))}},
		},
	}
}

func text(t testing.TB, p mapi.Properties, id mapi.ID) string {
	t.Helper()
	v, err := p.Lookup(id)
	if err != nil {
		t.Error(err)
	}
	return v.Text(1252)
}

func TestRead(t *testing.T) {
	m := read(t, sample().Bytes())
	if err := m.Damage(); err != nil {
		t.Error(err)
	}
	if got := text(t, m, mapi.PidTagSubject); got != "Straße" {
		t.Errorf("subject %q", got)
	}
	if got := text(t, m, mapi.PidTagBody); len(got) != 10000 {
		t.Errorf("a body of %d bytes", len(got))
	}
	if v, _ := m.Lookup(mapi.PidTagClientSubmitTime); !v.Time().Equal(time.Date(2024, 2, 3, 4, 5, 6, 0, time.UTC)) {
		t.Errorf("sent %v", v.Time())
	}
	if v, err := m.LookupName(mapi.PidNameKeywords); err != nil || !slices.Equal(v.Texts(0), []string{"red", "", "blue"}) {
		t.Errorf("keywords %q, %v", v.Texts(0), err)
	}
	if v, err := m.LookupName(mapi.PidLidTaskComplete); err != nil || !v.Bool() {
		t.Errorf("complete %v, %v", v, err)
	}
	if v, err := m.Lookup(0x1234); v.Exists() || err != nil {
		t.Errorf("what is not there: %v, %v", v, err)
	}
	rows, err := m.Recipients()
	if err != nil || len(rows) != 2 || text(t, rows[1], mapi.PidTagDisplayName) != "Bob" {
		t.Errorf("%d recipients, %v", len(rows), err)
	}
	named := 0
	for p, err := range m.AllNamed() {
		if p.Name == nil || err != nil {
			t.Errorf("%v: %v", p, err)
		}
		named++
	}
	if named != 2 {
		t.Errorf("%d properties with names", named)
	}

	list, err := m.Attachments()
	if err != nil || len(list) != 4 {
		t.Fatalf("%d attachments, %v", len(list), err)
	}
	if got := data(t, list[0]); got != "data" || list[0].DataSize() != 4 {
		t.Errorf("the data is %q", got)
	}
	inner, err := list[1].Embedded()
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := inner.LookupName(mapi.PidNameKeywords); text(t, inner, mapi.PidTagSubject) != "inside" || !slices.Equal(v.Texts(0), []string{"green"}) {
		t.Error("the message within")
	}
	object := data(t, list[2])
	file, err := ole.Extract(strings.NewReader(object), int64(len(object)))
	if err != nil || file.Ext != ".pdf" || list[2].DataSize() != int64(len(object)) {
		t.Errorf("the object: %v, %v", file, err)
	}
	for i, a := range list {
		if _, err := a.Open(); (i == 1 || i == 3) != errors.Is(err, mapi.ErrNoData) {
			t.Errorf("attachment %d: %v", i, err)
		}
		if _, err := a.Embedded(); (i != 1) != errors.Is(err, mapi.ErrNoData) {
			t.Errorf("attachment %d: %v", i, err)
		}
	}
}

func data(t testing.TB, a mapi.Attachment) string {
	t.Helper()
	r, err := a.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// TestAnyProperties reads back whatever properties a message may have.
func TestAnyProperties(t *testing.T) {
	types := []mapi.Type{
		mapi.Integer16, mapi.Integer32, mapi.Integer64, mapi.Floating64, mapi.Boolean, mapi.Time, mapi.String, mapi.String8, mapi.Binary, mapi.GUIDType,
		mapi.MultiInteger32, mapi.MultiString, mapi.MultiString8, mapi.MultiBinary, mapi.MultiValue | mapi.Time, mapi.MultiValue | mapi.GUIDType,
	}
	rapid.Check(t, func(t *rapid.T) {
		value := func(label string) mapi.Value {
			v := mapi.Value{Type: rapid.SampledFrom(types).Draw(t, label)}
			one := func() []byte {
				if n := v.Type.Width(); n > 0 {
					return rapid.SliceOfN(rapid.Byte(), n, n).Draw(t, "fixed")
				}
				b := rapid.SliceOfN(rapid.Byte(), 0, 80).Draw(t, "value")
				if v.Type.Single() == mapi.String {
					b = b[:len(b)&^1]
				}
				return b
			}
			if !v.Type.IsMulti() {
				v.Data = one()
				return v
			}
			for range rapid.IntRange(0, 4).Draw(t, "values") {
				v.Elems = append(v.Elems, one())
			}
			return v
		}
		m := &msgtest.Message{}
		ids := rapid.SliceOfNDistinct(rapid.Uint16Range(1, 0x7FFF), 1, 20, rapid.ID).Draw(t, "ids")
		for _, id := range ids {
			if mapi.ID(id) != 0x3701 {
				m.Properties = append(m.Properties, msgtest.P(mapi.ID(id), value("type")))
			}
		}
		for _, lid := range rapid.SliceOfNDistinct(rapid.Uint32(), 0, 20, rapid.ID).Draw(t, "names") {
			name := mapi.Long([...]mapi.GUID{mapi.PSTask, mapi.PSAddress, mapi.PSMAPI, mapi.PSMeeting}[lid%4], lid)
			if lid%3 == 0 {
				name = mapi.Named(mapi.PSPublicStrings, fmt.Sprint("name ", lid))
			}
			m.Properties = append(m.Properties, msgtest.N(name, value("type")))
		}
		b := m.Bytes()
		got, err := msg.Read(bytes.NewReader(b), int64(len(b)))
		if err != nil || got.Damage() != nil {
			t.Fatal(err, got.Damage())
		}
		for _, p := range m.Properties {
			v, err := got.Lookup(p.ID)
			if p.Name != nil {
				v, err = got.LookupName(*p.Name)
			}
			if err != nil || v.Type != p.Value.Type || !bytes.Equal(v.Data, p.Value.Data) || !slices.EqualFunc(v.Elems, p.Value.Elems, bytes.Equal) {
				t.Fatalf("%v %v: %v, %v, want %v", p.ID, p.Name, v, err, p.Value)
			}
		}
		n := 0
		for p, err := range got.All() {
			if n++; err != nil || p.ID.IsNamed() != (p.Name != nil) {
				t.Fatal(p, err)
			}
		}
		if n != len(m.Properties) {
			t.Fatalf("%d properties of %d", n, len(m.Properties))
		}
	})
}

// TestTwice reads the subject that is there in 8 bits too, in either order.
func TestTwice(t *testing.T) {
	eight, wide := msgtest.P(mapi.PidTagSubject, msgtest.Text8("Warsaw?")), msgtest.P(mapi.PidTagSubject, msgtest.Text("Wąrsaw"))
	for _, list := range [][]mapi.Property{{eight, wide}, {wide, eight}} {
		if got := text(t, read(t, (&msgtest.Message{Properties: list}).Bytes()), mapi.PidTagSubject); got != "Wąrsaw" {
			t.Errorf("the subject is %q", got)
		}
	}
}

func TestDamage(t *testing.T) {
	whole := sample().Bytes()
	at := bytes.Index(whole, []byte("l\x00o\x00n\x00g\x00"))
	m, err := msg.Read(bytes.NewReader(whole[:at+2000]), int64(at+2000))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := m.Lookup(mapi.PidTagBody); err == nil || len(v.Data) != 2000 || !strings.Contains(err.Error(), "0x1000001F") {
		t.Errorf("a body that is cut short: %d bytes, %v", len(v.Data), err)
	}
	if got := text(t, m, mapi.PidTagMessageClass); got != "IPM.Note" {
		t.Errorf("the class is %q", got)
	}

	// A property that is in the list alone, and one that is no longer in it.
	name := func(s string) []byte {
		var b []byte
		for _, c := range s {
			b = append(b, byte(c), 0)
		}
		return b
	}
	gone := bytes.Replace(whole, name("__substg1.0_1000001F"), name("__substg1.0_1001001F"), 1)
	m = read(t, gone)
	if v, err := m.Lookup(mapi.PidTagBody); err == nil || v.Text(0) != "" {
		t.Errorf("a body without its stream: %v, %v", v, err)
	}
	if v, err := m.Lookup(0x1001); err != nil || len(v.Text(0)) != 10000 {
		t.Errorf("a stream that is not listed: %v", err)
	}
	if m = read(t, bytes.Replace(whole, name("__properties_version1.0"), name("__properties_version1.1"), 1)); text(t, m, mapi.PidTagSubject) != "Straße" || m.Damage() == nil {
		t.Error("without its list the subject is lost, or nobody says that anything is")
	}
	m = read(t, bytes.ReplaceAll(whole, name("__properties_version1.0"), name("__properties_version1.1")))
	if rows, err := m.Recipients(); len(rows) == 0 || err == nil {
		t.Errorf("%d recipients without their lists: %v", len(rows), err)
	}
	list, err := m.Attachments()
	if len(list) == 0 || err == nil {
		t.Errorf("%d attachments without their lists: %v", len(list), err)
	}
	for _, a := range list {
		if inner, err := a.Embedded(); err == nil && inner.(*msg.Message).Damage() == nil {
			t.Error("nobody says that the list of an attached message is lost")
		}
	}
	m = read(t, bytes.Replace(whole, name("__substg1.0_00020102"), name("__substg1.0_00020103"), 1))
	if m.Damage() == nil {
		t.Error("nobody says that names are lost")
	}

	for _, b := range [][]byte{nil, []byte("From: someone"), make([]byte, 4096)} {
		if _, err := msg.Read(bytes.NewReader(b), int64(len(b))); !errors.Is(err, msg.ErrNotMessage) {
			t.Errorf("%.10q: %v", b, err)
		}
	}
}

// TestCorpus reads every value of every message file that there is.
func TestCorpus(t *testing.T) {
	dir := filepath.Join(corpustest.Dir(t), "msg")
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(b, []byte("\xD0\xCF\x11\xE0")) {
			continue
		}
		t.Run(f.Name(), func(t *testing.T) { visit(t, read(t, b), 0, t.Errorf) })
	}
}

// visit reads everything in a message.
func visit(t testing.TB, m mapi.Message, depth int, complain func(string, ...any)) {
	const deep = 8
	if depth > deep {
		return
	}
	if d, ok := m.(interface{ Damage() error }); ok && d.Damage() != nil {
		complain("damage: %v", d.Damage())
	}
	all := func(p mapi.Properties) {
		for q, err := range p.All() {
			if err != nil {
				complain("%v: %v", q.ID, err)
			}
		}
	}
	all(m)
	rows, err := m.Recipients()
	if err != nil {
		complain("recipients: %v", err)
	}
	for _, r := range rows {
		all(r)
	}
	list, err := m.Attachments()
	if err != nil {
		complain("attachments: %v", err)
	}
	for _, a := range list {
		all(a)
		if inner, err := a.Embedded(); err == nil {
			visit(t, inner, depth+1, complain)
			continue
		}
		r, err := a.Open()
		if err != nil {
			if !errors.Is(err, mapi.ErrNoData) {
				complain("attachment: %v", err)
			}
			continue
		}
		n, err := io.Copy(io.Discard, r)
		if err != nil || n != a.DataSize() {
			complain("attachment: %d bytes of %d: %v", n, a.DataSize(), err)
		}
		r.Close()
	}
}

func FuzzRead(f *testing.F) {
	f.Add(sample().Bytes())
	f.Add((&msgtest.Message{}).Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := msg.Read(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		visit(t, m, 0, func(string, ...any) {})
	})
}
