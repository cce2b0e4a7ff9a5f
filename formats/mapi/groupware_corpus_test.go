package mapi_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/richardlehane/mscfb"

	"mailmill/formats/corpustest"
	"mailmill/formats/mapi"
	"mailmill/formats/pst"
)

// The structures of calendars that real programs wrote are decoded, and come back byte for byte when encoded again.
func TestGroupwareOfTheCorpus(t *testing.T) {
	var counts tally
	for _, pattern := range []string{"pst/*.pst", "pst/*.ost", "synthetic/*.pst", "msg/*.pst"} {
		files, err := filepath.Glob(filepath.Join(corpustest.Dir(t), filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			f, err := pst.Open(path)
			if err != nil {
				continue // some are there because they cannot be opened
			}
			name := filepath.Base(path)
			counts.real = !strings.HasPrefix(pattern, "synthetic")
			for id := range f.Nodes() {
				if k := pst.KindOf(id); k != pst.KindMessage && k != pst.KindAssociated {
					continue
				}
				m, err := f.Message(id)
				if m == nil || err != nil {
					continue
				}
				counts.message(t, fmt.Sprintf("%s, node %v", name, id), m, 0)
			}
			f.Close()
		}
	}
	files, err := filepath.Glob(filepath.Join(corpustest.Dir(t), "msg", "*.msg"))
	if err != nil {
		t.Fatal(err)
	}
	counts.real = true
	for _, path := range files {
		for name, b := range msgValues(path) {
			counts.value(t, filepath.Base(path), name, b)
		}
	}
	for _, c := range counts.list() {
		t.Logf("%-26s %5d found, %4d of them in real files, %5d decoded without complaint, %5d the same when encoded",
			c.what, c.found, c.real, c.clean, c.same)
		if c.found == 0 {
			t.Errorf("the corpus has no %s", c.what)
		}
		// Whatever is read without complaint has to come back as it was.
		if c.same < c.clean {
			t.Errorf("of %d %s that are decoded %d come back", c.clean, c.what, c.same)
		}
	}
}

type kind struct {
	what                     string
	found, real, clean, same int
}

type tally struct {
	real                                                                 bool // whether what comes is from a real file and not the generator's
	recurrence, task, zone, definition, text, object, reminder, category kind
}

func (c *tally) list() []*kind {
	c.recurrence.what, c.task.what, c.zone.what = "series of appointments", "series of tasks", "zones' structures"
	c.definition.what, c.object.what, c.reminder.what = "zones' definitions", "global object identifiers", "reminders"
	c.text.what, c.category.what = "zones' texts", "lists of categories"
	return []*kind{&c.recurrence, &c.task, &c.zone, &c.definition, &c.text, &c.object, &c.reminder, &c.category}
}

var blobs = []mapi.Name{
	mapi.Long(mapi.PSAppointment, 0x8216), mapi.Long(mapi.PSTask, 0x8116), mapi.Long(mapi.PSAppointment, 0x8233),
	mapi.Long(mapi.PSAppointment, 0x825E), mapi.Long(mapi.PSAppointment, 0x825F), mapi.Long(mapi.PSAppointment, 0x8260),
	mapi.Long(mapi.PSMeeting, 0x0003), mapi.Long(mapi.PSMeeting, 0x0023),
}

func (c *tally) message(t *testing.T, where string, m mapi.Message, depth int) {
	for _, name := range blobs {
		if v, err := m.LookupName(name); err == nil && v.Exists() {
			c.value(t, where, name, v.Bytes())
		}
	}
	if v, err := m.Lookup(mapi.PropRoamingXMLStream); err == nil && bytes.Contains(v.Bytes(), []byte("CategoryList.xsd")) {
		c.categories(t, where, v.Bytes())
	}
	c.description(t, where, m)
	if r, err := mapi.ReadReminder(m, 1252); r.Set {
		c.count(&c.reminder)
		if err == nil {
			c.reminder.clean++
			if again, err := mapi.ReadReminder(properties(r.Properties()), 1252); err == nil && again == r {
				c.reminder.same++
			} else {
				t.Errorf("%s: %+v comes back as %+v, %v", where, r, again, err)
			}
		} else {
			t.Logf("%s: %v", where, err)
		}
	}
	if depth > 3 {
		return
	}
	attachments, _ := m.Attachments()
	for i, a := range attachments {
		if e, err := a.Embedded(); err == nil && e != nil {
			c.message(t, fmt.Sprintf("%s, attachment %d", where, i+1), e, depth+1)
		}
	}
}

// categories are not written as the file has them, which is with spaces and in an order of its own; they mean the same.
func (c *tally) categories(t *testing.T, where string, b []byte) {
	c.count(&c.category)
	l, err := mapi.ParseCategoryList(b)
	if err != nil || len(l.Categories) == 0 {
		t.Errorf("%s: %d categories, %v", where, len(l.Categories), err)
		return
	}
	c.category.clean++
	again, err := l.Encode()
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	if back, err := mapi.ParseCategoryList(again); err != nil || !reflect.DeepEqual(back, l) {
		t.Errorf("%s: %+v comes back as %+v, %v", where, l, back, err)
		return
	}
	c.category.same++
}

// description checks a zone's text against its rules.
func (c *tally) description(t *testing.T, where string, m mapi.Message) {
	text, _ := m.LookupName(mapi.Long(mapi.PSAppointment, 0x8234))
	rules, _ := m.LookupName(mapi.Long(mapi.PSAppointment, 0x8233))
	z, err := mapi.ParseZoneStruct(rules.Bytes())
	if err != nil || !text.Exists() {
		return
	}
	c.count(&c.text)
	s := text.Text(1252)
	ahead, ok := mapi.ZoneDescriptionOffset(s)
	if !ok {
		t.Errorf("%s: the zone %q tells no offset", where, s)
		return
	}
	c.text.clean++
	if ahead != z.StandardOffset() {
		t.Errorf("%s: the zone %q is %v ahead by its rules", where, s, z.StandardOffset())
		return
	}
	c.text.same++
}

func (c *tally) count(k *kind) {
	k.found++
	if c.real {
		k.real++
	}
}

func (c *tally) value(t *testing.T, where string, name mapi.Name, b []byte) {
	where = fmt.Sprintf("%s, property 0x%04X", where, name.LID)
	check := func(k *kind, err error, encode func() ([]byte, error)) {
		c.count(k)
		if err != nil {
			t.Logf("%s: %v", where, err)
			return
		}
		k.clean++
		again, err := encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Logf("%s: %v\n%x\n%x", where, err, b, again)
			return
		}
		k.same++
	}
	switch {
	case name.LID == 0x8216:
		r, err := mapi.ParseRecurrence(b, 1252)
		check(&c.recurrence, err, func() ([]byte, error) { return r.Encode() })
		if err == nil && r.Phase() != r.First {
			t.Errorf("%s: the phase is %d, the file has %d: %+v", where, r.Phase(), r.First, r)
		}
	case name.LID == 0x8116:
		p, err := mapi.ParseTaskRecurrence(b)
		check(&c.task, err, func() ([]byte, error) { return p.EncodeTask() })
		if err == nil && p.Phase() != p.First {
			t.Errorf("%s: the phase is %d, the file has %d: %+v", where, p.Phase(), p.First, p)
		}
	case name.LID == 0x8233:
		z, err := mapi.ParseZoneStruct(b)
		check(&c.zone, err, func() ([]byte, error) { return z.Encode(), nil })
	case name.Set == mapi.PSAppointment:
		z, err := mapi.ParseZoneDefinition(b)
		check(&c.definition, err, z.Encode)
	default:
		g, err := mapi.ParseGlobalObjectID(b)
		check(&c.object, err, func() ([]byte, error) { return g.Encode(), nil })
	}
}

// properties are properties that have names only.
type properties []mapi.Property

func (p properties) LookupName(n mapi.Name) (mapi.Value, error) {
	for _, x := range p {
		if *x.Name == n {
			return x.Value, nil
		}
	}
	return mapi.Value{}, nil
}

func (p properties) Lookup(mapi.ID) (mapi.Value, error) { return mapi.Value{}, nil }

func (p properties) All() iter.Seq2[mapi.Property, error] {
	return func(yield func(mapi.Property, error) bool) {
		for _, x := range p {
			if !yield(x, nil) {
				return
			}
		}
	}
}

// msgValues finds the values of blobs in an MSG file, the embedded messages' included, by the names that the file has
// for them (MS-OXMSG 2.2.3).
func msgValues(path string) map[mapi.Name][]byte {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	doc, err := mscfb.New(f)
	if err != nil {
		return nil
	}
	streams := make(map[string][]byte)
	for e, err := doc.Next(); err == nil; e, err = doc.Next() {
		if e.Size > 0 && e.Size < 1<<20 {
			b, _ := io.ReadAll(e)
			streams[strings.Join(append(e.Path, e.Name), "/")] = b
		}
	}
	le := binary.LittleEndian
	guids, entries := streams["__nameid_version1.0/__substg1.0_00020102"], streams["__nameid_version1.0/__substg1.0_00030102"]
	found := make(map[mapi.Name][]byte)
	for ; len(entries) >= 8; entries = entries[8:] {
		set := int(le.Uint16(entries[4:])>>1) - 3
		if le.Uint16(entries[4:])&1 != 0 || set < 0 || 16*set+16 > len(guids) {
			continue
		}
		name := mapi.Long(mapi.GUID(guids[16*set:]), le.Uint32(entries))
		stream := fmt.Sprintf("__substg1.0_%04X0102", 0x8000+int(le.Uint16(entries[6:])))
		for _, n := range blobs {
			if n == name && streams[stream] != nil {
				found[name] = streams[stream]
			}
		}
	}
	return found
}
