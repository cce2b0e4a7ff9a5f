package pst

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"iter"
	"slices"
	"testing"
	"time"
	"unicode/utf16"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/pst"
)

// props is a set of properties in memory.
type props map[mapi.ID]mapi.Value

func (p props) Lookup(id mapi.ID) (mapi.Value, error)    { return p[id], nil }
func (p props) LookupName(mapi.Name) (mapi.Value, error) { return mapi.Value{}, nil }
func (p props) Recipients() ([]mapi.Properties, error)   { return nil, nil }
func (p props) Attachments() ([]mapi.Attachment, error)  { return nil, nil }
func (p props) with(id mapi.ID, v mapi.Value) props      { p[id] = v; return p }
func (p props) class(class string) props                 { return p.with(idContainerClass, str(class)) }
func (p props) entry(id mapi.ID, folder pst.NID) props   { return p.with(id, entryID(folder)) }
func (p props) flags(n int) props                        { return p.with(mapi.PidTagMessageFlags, num(n)) }

func (p props) All() iter.Seq2[mapi.Property, error] {
	return func(yield func(mapi.Property, error) bool) {
		for id, v := range p {
			if !yield(mapi.Property{ID: id, Value: v}, nil) {
				return
			}
		}
	}
}

func str(s string) mapi.Value {
	var b []byte
	for _, c := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, c)
	}
	return mapi.Value{Type: mapi.String, Data: b}
}

func num(n int) mapi.Value {
	return mapi.Value{Type: mapi.Integer32, Data: binary.LittleEndian.AppendUint32(nil, uint32(n))}
}

func when(t time.Time) mapi.Value {
	return mapi.Value{Type: mapi.Time, Data: binary.LittleEndian.AppendUint64(nil, mapi.ToFileTime(t))}
}

func entryID(id pst.NID) mapi.Value {
	return mapi.Value{Type: mapi.Binary, Data: binary.LittleEndian.AppendUint32(make([]byte, 20), uint32(id))}
}

// fakeStore is a data file in memory, as broken as a test wants it.
type fakeStore struct {
	facts   facts
	props   props
	folders map[pst.NID]props
	kids    map[pst.NID][]row
	items   map[pst.NID][]row
	fai     map[pst.NID][]row
	receive []row
	nodes   map[pst.NID]pst.NID
	mails   map[pst.NID]props
	// broken tables yield this error after their rows.
	broken map[pst.NID]error
}

func newFake() *fakeStore {
	s := &fakeStore{
		props: props{}, folders: map[pst.NID]props{}, kids: map[pst.NID][]row{}, items: map[pst.NID][]row{}, fai: map[pst.NID][]row{},
		nodes: map[pst.NID]pst.NID{}, mails: map[pst.NID]props{}, broken: map[pst.NID]error{},
	}
	s.folders[pst.NIDRoot], s.nodes[pst.NIDRoot] = props{}, pst.NIDRoot
	return s
}

// folder adds a folder to its parent's table.
func (s *fakeStore) folder(parent, id pst.NID, name string) props {
	p := props{mapi.PidTagDisplayName: str(name)}
	s.folders[id], s.nodes[id] = p, parent
	s.kids[parent] = append(s.kids[parent], row{id: id, cols: props{mapi.PidTagDisplayName: str(name)}})
	return p
}

// mail adds a mail to its folder's table and returns the row.
func (s *fakeStore) mail(folder, id pst.NID, subject string) props {
	cols := props{mapi.PidTagMessageClass: str("IPM.Note"), mapi.PidTagSubject: str(subject)}
	s.items[folder] = append(s.items[folder], row{id: id, cols: cols})
	s.nodes[id], s.mails[id] = folder, props{mapi.PidTagMessageClass: str("IPM.Note"), mapi.PidTagSubject: str(subject)}
	return cols
}

func (s *fakeStore) Facts() facts       { return s.facts }
func (s *fakeStore) Warnings() []string { return nil }
func (s *fakeStore) Close() error       { return nil }

func (s *fakeStore) Properties() (mapi.Properties, error) { return s.props, nil }

func (s *fakeStore) Folder(id pst.NID) (mapi.Properties, error) {
	if p, ok := s.folders[id]; ok {
		return p, nil
	}
	return nil, errors.New("no such node")
}

func (s *fakeStore) rows(table []row, id pst.NID) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		for _, r := range table {
			if !yield(r, nil) {
				return
			}
		}
		if err := s.broken[id]; err != nil {
			yield(row{}, err)
		}
	}
}

// A table is broken under the identifier that it has in a file.
func (s *fakeStore) Subfolders(id pst.NID) iter.Seq2[row, error] {
	return s.rows(s.kids[id], id&^0x1F|0x0D)
}

func (s *fakeStore) Associated(id pst.NID) iter.Seq2[row, error] {
	return s.rows(s.fai[id], id&^0x1F|0x0F)
}

// Contents yields what a broken table has lost from the nodes, as the reader of the format does.
func (s *fakeStore) Contents(id pst.NID) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		seen := make(map[pst.NID]bool)
		for r, err := range s.rows(s.items[id], id&^0x1F|0x0E) {
			if seen[r.id] = true; !yield(r, err) {
				return
			}
		}
		if s.broken[id&^0x1F|0x0E] == nil {
			return
		}
		for _, n := range s.Nodes() {
			if n.parent == id && pst.KindOf(n.id) == pst.KindMessage && !seen[n.id] && !yield(row{n.id, noProperties{}, true}, nil) {
				return
			}
		}
	}
}

func (s *fakeStore) ReceiveFolders() iter.Seq2[row, error] { return s.rows(s.receive, 0x62B) }

func (s *fakeStore) Nodes() []node {
	var list []node
	for id, parent := range s.nodes {
		list = append(list, node{id, parent})
	}
	slices.SortFunc(list, func(a, b node) int { return cmp.Compare(a.id, b.id) })
	return list
}

func (s *fakeStore) Message(id pst.NID) (mapi.Message, error) {
	if p, ok := s.mails[id]; ok {
		return p, nil
	}
	return nil, errors.New("no such node")
}

func (s *fakeStore) Visit(id pst.NID, use func(mapi.Message)) error {
	m, err := s.Message(id)
	if err == nil {
		use(m)
	}
	return err
}

func (s *fakeStore) open(o extract.Options) *Archive {
	return newArchive("fake.pst", s, o)
}

const top pst.NID = 0x8022

// standard is a store with a top folder, an inbox and what lies outside.
func standard() *fakeStore {
	s := newFake()
	s.folder(pst.NIDRoot, top, "Top of Outlook data file")
	s.folder(pst.NIDRoot, 0x8042, "Search Root")
	s.props.entry(idSubtree, top)
	s.folder(top, 0x8082, "Inbox").class("IPF.Note")
	return s
}

func paths(list []*formats.Folder) (names []string) {
	for _, f := range list {
		name := f.String()
		if f.Hidden {
			name += " (hidden)"
		}
		names = append(names, name)
	}
	return names
}

func subjects(t testing.TB, a *Archive) (list []string) {
	t.Helper()
	for e, err := range a.Entries(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		s := e.Folder.String() + ": " + e.Subject
		if e.Hidden {
			s += " (hidden)"
		}
		if e.Recovered {
			s += " (recovered)"
		}
		if e.Err != nil {
			s += " (" + e.Err.Error() + ")"
		}
		list = append(list, s)
	}
	return list
}
