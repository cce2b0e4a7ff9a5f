package pst

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/pst"
)

// errNoNode is the failure of an item that a table lists and the file does not have.
var errNoNode = errors.New("its folder lists it, but the file's index does not (lost by damage, or by a repair)")

// Entries implements [extract.Archive]. What no table lists comes last.
func (a *Archive) Entries(ctx context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		w := &walk{a: a, ctx: ctx, yield: yield, nodes: a.store.Nodes()}
		w.listed = make([]bool, len(w.nodes))
		for _, f := range a.folders {
			if !w.folder(f, true) {
				return
			}
		}
		if a.opt.Recover && !a.opt.Hidden {
			// What only a hidden folder lists is not lost.
			for _, f := range a.tree.visible(true) {
				if f.Hidden && !w.folder(f, false) {
					return
				}
			}
		}
		w.lost()
	}
}

// walk is one enumeration.
type walk struct {
	a      *Archive
	ctx    context.Context
	yield  func(formats.Entry, error) bool
	nodes  []node
	listed []bool           // by place in nodes
	absent map[pst.NID]bool // listed, and no node
}

// folder walks the tables of a folder. It returns false where the enumeration ends.
func (w *walk) folder(f *folder, shown bool) bool {
	items := table{pst.ItemList(f.id), "items", w.a.store.Contents(f.id)}
	if !w.table(f, items, shown, f.Hidden) {
		return false
	}
	associated := table{pst.AssociatedList(f.id), "associated items", w.a.store.Associated(f.id)}
	return !w.a.opt.Hidden || w.table(f, associated, true, true)
}

// table is one of the lists of a folder.
type table struct {
	id   pst.NID
	what string // it lists
	rows iter.Seq2[row, error]
}

func (w *walk) table(f *folder, t table, shown, hidden bool) bool {
	for r, err := range t.rows {
		if err := w.ctx.Err(); err != nil {
			w.yield(formats.Entry{}, err)
			return false
		}
		if err != nil {
			w.a.warn(warning{fmt.Sprintf("the %s in %v: %v", t.what, f, err), t.id, err})
			if shown {
				w.a.doubts("the list of %s in %v is damaged", t.what, f)
			}
			continue
		}
		found, first := w.list(r.id)
		if !first {
			w.a.warn(warning{text: fmt.Sprintf("item 0x%x is listed twice, the second time in %v", uint32(r.id), f)})
			continue
		}
		if !shown {
			continue
		}
		e, err := w.a.entry(f.Folder, r.id, r.cols)
		if err != nil {
			w.a.doubts("the list of %s in %v is damaged", t.what, f)
		}
		e.Hidden, e.Recovered = hidden, r.recovered
		if !found {
			e.Err = errNoNode
		} else if e.Class == "" {
			w.a.peek(&e, r.id)
		}
		if !w.yield(e, nil) {
			return false
		}
	}
	return true
}

func byID(n node, id pst.NID) int { return cmp.Compare(n.id, id) }

// list marks a node as listed. It reports whether the file has it, and whether it was listed for the first time.
func (w *walk) list(id pst.NID) (found, first bool) {
	i, found := slices.BinarySearchFunc(w.nodes, id, byID)
	if found {
		first = !w.listed[i]
		w.listed[i] = true
		return true, first
	}
	if first = !w.absent[id]; first {
		if w.absent == nil {
			w.absent = make(map[pst.NID]bool)
		}
		w.absent[id] = true
	}
	return false, first
}

// lost yields the messages that no table lists: where their folder is lost, and others, which were deleted, on demand.
func (w *walk) lost() {
	for i, n := range w.nodes {
		if w.listed[i] || pst.KindOf(n.id) != pst.KindMessage {
			continue
		}
		f := w.a.tree.byID[n.parent]
		switch {
		case w.a.opt.Recover:
		case f == nil && pst.KindOf(n.parent) == pst.KindFolder && !w.exists(n.parent):
		default:
			continue
		}
		if f != nil && f.Hidden && !w.a.opt.Hidden {
			continue
		}
		e := formats.Entry{Folder: w.a.recovered, ID: idString(n.id), Index: pack(n.id, mapi.Value{}), Recovered: true}
		w.a.peek(&e, n.id)
		if !w.yield(e, nil) {
			return
		}
	}
}

func (w *walk) exists(id pst.NID) bool {
	_, found := slices.BinarySearchFunc(w.nodes, id, byID)
	return found
}

// entry makes an entry of a table's row. Flags that are in doubt are left to the message; an error says so.
func (a *Archive) entry(f *formats.Folder, id pst.NID, cols mapi.Properties) (formats.Entry, error) {
	flags, err := cols.Lookup(mapi.PidTagMessageFlags)
	if err != nil {
		flags = mapi.Value{}
	}
	e := formats.Entry{Folder: f, ID: idString(id), Index: pack(id, flags)}
	a.describe(&e, cols)
	return e, err
}

// describe fills in what properties tell of an item.
func (a *Archive) describe(e *formats.Entry, p mapi.Properties) {
	text := func(id mapi.ID) string {
		v, _ := p.Lookup(id)
		s, _, _ := strings.Cut(v.Text(a.info.CodePage), "\x00")
		return s
	}
	when := func(id mapi.ID) time.Time {
		v, _ := p.Lookup(id)
		return v.Time()
	}
	e.Class = text(mapi.PidTagMessageClass)
	e.Kind = outlook.KindOf(e.Class)
	e.Subject = withoutMark(text(mapi.PidTagSubject))
	if e.Subject == "" {
		e.Subject = text(mapi.PidTagDisplayName)
	}
	size, _ := p.Lookup(mapi.PidTagMessageSize)
	e.Size = max(0, size.Int())
	e.Date = when(mapi.PidTagLastModificationTime)
	if e.Kind == formats.KindMail {
		for _, id := range [...]mapi.ID{mapi.PidTagMessageDeliveryTime, mapi.PidTagClientSubmitTime} {
			if t := when(id); !t.IsZero() {
				e.Date = t
			}
		}
	}
}

// peek reads a message for what no table tells of it.
func (a *Archive) peek(e *formats.Entry, id pst.NID) {
	m, err := a.store.Message(id)
	if err != nil {
		e.Err = err
		return
	}
	a.describe(e, m)
	if e.Class == "" {
		e.Class = guessClass(m)
		e.Kind = outlook.KindOf(e.Class)
	}
}

// guessClass tells the class of a message that has none by properties that only such items have.
func guessClass(m mapi.Message) string {
	for _, g := range [...]struct {
		name  mapi.Name
		class string
	}{
		{mapi.Long(mapi.PSTask, 0x8104), "IPM.Task"},               // PidLidTaskStartDate
		{mapi.Long(mapi.PSAppointment, 0x820D), "IPM.Appointment"}, // PidLidAppointmentStartWhole
		{mapi.Long(mapi.PSAddress, 0x8080), "IPM.Contact"},         // PidLidEmail1DisplayName
	} {
		if v, err := m.LookupName(g.name); err == nil && v.Exists() {
			return g.class
		}
	}
	if v, err := m.Lookup(0x3A06); err == nil && v.Exists() { // PidTagGivenName
		return "IPM.Contact"
	}
	return "IPM.Note"
}

// withoutMark removes the mark with which Outlook says how long a subject's prefix is: U+0001 and one character more
// (MS-PST 2.5.3.1.1.1).
func withoutMark(s string) string {
	if rest, ok := strings.CutPrefix(s, "\x01"); ok {
		for i := range rest {
			if i > 0 {
				return rest[i:]
			}
		}
		return ""
	}
	return s
}

// idString returns the identifier that people and scripts see: lower-case hexadecimal.
func idString(id pst.NID) string {
	var room [10]byte
	return string(strconv.AppendUint(append(room[:0], "0x"...), uint64(uint32(id)), 16))
}

// hasFlags marks an index that holds a table's flags above the node.
const hasFlags = 1 << 63

// pack puts a node, and the message's flags where its table has them, into an entry's index.
func pack(id pst.NID, flags mapi.Value) uint64 {
	index := uint64(id)
	if flags.Type == mapi.Integer32 {
		index |= hasFlags | uint64(uint32(flags.Int())&0x7FFFFFFF)<<32
	}
	return index
}

func unpack(index uint64) (id pst.NID, flags mapi.Value, ok bool) {
	if index&hasFlags == 0 {
		return pst.NID(index), mapi.Value{}, false
	}
	bits := uint32(index>>32) & 0x7FFFFFFF
	return pst.NID(uint32(index)), mapi.Value{Type: mapi.Integer32, Data: binary.LittleEndian.AppendUint32(nil, bits)}, true
}
