package pst

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mailmill/formats/mapi"
	"mailmill/formats/pst/internal/ltp"
	"mailmill/formats/pst/internal/ndb"
)

// maxNamed bounds what is kept of the names of recipients.
const maxNamed = 512

const (
	flagHasAttachment = 0x10 // mfHasAttach, MS-OXCMSG 2.2.1.6
	flagAssociated    = 0x40 // mfFAI
)

// salvage looks for the items whose nodes the index has lost: blocks that hold the properties of an item and to which
// nothing leads. [NewReader] calls it where the index has lost nodes.
//
// Which sub-nodes belong to the properties only the lost node told. They were written at the same time, so that their
// identifiers are near, and have what the properties say. Where a folder's table has a row for an item and
// properties are what the row says, the item takes its place; others belong to no folder. [Properties.Damage] tells of all
// of them how they were found.
func (f *File) salvage() {
	c := carver{f: f, room: f.db.Size() / 8}
	c.find(false)
	if len(c.items) == 0 {
		return
	}
	c.dropKnown()
	c.place()
	c.add()
}

// Recover adds what was deleted and is still whole to the file's nodes: items that the index once had, and those that
// nothing tells of but their own blocks. An item that the file still has, in another state or another place, is not
// among them. It must be called before anything else of the file is used.
func (f *File) Recover() {
	whole := f.db.Wholeness()
	known := make(map[ndb.BID]bool)
	for _, n := range f.db.Nodes() {
		known[n.Data] = true
	}
	var old []ndb.Node
	for _, n := range f.db.OldNodes() {
		if KindOf(n.NID) == KindMessage && !known[n.Data] && whole.Check(n.Data, n.Sub) {
			known[n.Data] = true
			old = append(old, n)
		}
	}
	c := carver{f: f, room: f.db.Size() / 8}
	for _, n := range old {
		c.open(n.Data)
		if k := len(c.items); k > 0 && c.items[k-1].data == n.Data {
			c.items[k-1].node = n
		}
	}
	c.find(true)
	c.dropKnown()
	for i := range c.items {
		it := &c.items[i]
		it.drop = it.drop || it.node.NID == 0 && !whole.Check(it.data, it.sub)
	}
	c.add()
}

// carver puts items together from loose blocks.
type carver struct {
	f     *File
	room  int64 // entries of lists still to be read: no more than the file has place for
	items []carved
}

// carved is an item that was found by its properties.
type carved struct {
	data, sub ndb.BID
	node      ndb.Node // where the item is known to be
	key       string   // tells items apart, but not the states of one item
	times     times
	refs      []ndb.NID // sub-nodes that its properties name, in order
	attached  attached
	to        string // recipients, as stored
	names     bool   // not an item, but the map of names
	drop      bool
}

// times are when an item was delivered and when it was last changed.
type times [16]byte

// attached tells whether an item has attachments, as far as its properties tell.
type attached int8

const (
	unknown attached = iota
	without
	with
)

// find adds the items in loose blocks.
func (c *carver) find(deleted bool) {
	loose := c.f.db.Loose(deleted)
	first := len(c.items)
	for _, id := range loose.Objects {
		c.open(id)
	}
	c.pair(c.items[first:], loose.Subs)
}

// open adds the item that a block or a list of them holds, if it does.
func (c *carver) open(id ndb.BID) {
	if c.room <= 0 {
		return
	}
	d := c.f.db.Data(id)
	c.room -= int64(d.Blocks()) + 1
	pc, err := ltp.OpenPC(ltp.Node{File: c.f.db, Data: id})
	if err != nil {
		return
	}
	has := func(id mapi.ID) bool { return pc.Index(id) >= 0 }
	if !has(mapi.PidTagMessageClass) {
		if has(propNameGUIDs) && has(propNameEntries) && has(propNameStrings) && !has(mapi.PidTagDisplayName) {
			c.items = append(c.items, carved{data: id, refs: references(pc), names: true})
		}
		return
	}
	flags, _ := pc.Lookup(mapi.PidTagMessageFlags)
	if !has(mapi.PidTagSubject) && !has(mapi.PidTagCreationTime) && !has(mapi.PidTagLastModificationTime) || flags.Int()&flagAssociated != 0 {
		return
	}
	it := carved{data: id, key: identity(pc), times: timesOf(pc.Lookup), refs: references(pc)}
	for _, id := range []mapi.ID{mapi.PidTagDisplayTo, mapi.PidTagDisplayCc, mapi.PidTagDisplayBcc} {
		v, _ := pc.Lookup(id)
		it.to += string(v.Data[:min(len(v.Data), maxNamed)]) + "\x00\x00"
	}
	switch {
	case !flags.Exists():
	case flags.Int()&flagHasAttachment != 0:
		it.attached = with
	default:
		it.attached = without
	}
	c.items = append(c.items, it)
}

func references(pc *ltp.PC) []ndb.NID {
	refs := pc.References()
	slices.Sort(refs)
	return slices.Compact(refs)
}

func timesOf(lookup func(mapi.ID) (mapi.Value, error)) (t times) {
	for i, id := range []mapi.ID{mapi.PidTagMessageDeliveryTime, mapi.PidTagLastModificationTime} {
		v, _ := lookup(id)
		copy(t[8*i:8*i+8], v.Data)
	}
	return t
}

// identity returns what an item has of its own and keeps when it is changed.
func identity(pc *ltp.PC) string {
	if v, err := pc.Lookup(mapi.PidTagSearchKey); err == nil && len(v.Data) >= 16 {
		return string(v.Data)
	}
	var b strings.Builder
	for _, id := range []mapi.ID{mapi.PidTagMessageClass, mapi.PidTagSubject, mapi.PidTagClientSubmitTime, mapi.PidTagMessageDeliveryTime, mapi.PidTagCreationTime} {
		v, _ := pc.Lookup(id)
		fmt.Fprintf(&b, "%x ", v.Data)
	}
	return b.String()
}

// pairing is a tree of sub-nodes that may be an item's.
type pairing struct {
	item, sub int
	unproved  int    // 0 where the recipients are those that the item names
	distance  uint64 // of the identifiers
}

// pairWindow is the number of trees on either side of an item that are looked at.
const pairWindow = 16

// pair finds the sub-nodes of items. Both are in order of their identifiers.
func (c *carver) pair(items []carved, roots []ndb.BID) {
	subs := make([]ndb.SubNodes, len(roots))
	for i, id := range roots {
		if c.room <= 0 {
			break
		}
		list, err := c.f.db.SubNodes(nil, id)
		c.room -= int64(len(list)) + 1
		if err == nil {
			subs[i] = list
		}
	}
	slices.SortFunc(items, func(a, b carved) int { return cmp.Compare(a.data, b.data) })
	names := make([][]string, len(roots))
	for i, list := range subs {
		names[i] = c.recipients(list)
	}
	var pairs []pairing
	for i := range items {
		it := &items[i]
		near, _ := slices.BinarySearch(roots, it.data)
		for s := max(0, near-pairWindow); s < min(len(roots), near+pairWindow); s++ {
			if len(subs[s]) == 0 || !it.fits(subs[s]) {
				continue
			}
			p := pairing{i, s, 0, distance(it.data, roots[s])}
			switch {
			case len(names[s]) == 0:
				p.unproved = 1
			case !it.addresses(names[s]):
				continue
			}
			pairs = append(pairs, p)
		}
	}
	slices.SortStableFunc(pairs, func(a, b pairing) int {
		return cmp.Or(cmp.Compare(a.unproved, b.unproved), cmp.Compare(a.distance, b.distance))
	})
	taken := make([]bool, len(roots))
	for _, p := range pairs {
		if it := &items[p.item]; it.sub == 0 && !taken[p.sub] {
			it.sub, taken[p.sub] = roots[p.sub], true
		}
	}
}

// maxRecipients bounds the recipients that are looked at to tell messages apart.
const maxRecipients = 4

// recipients returns the names of the first recipients in a message's sub-nodes, as they are stored.
func (c *carver) recipients(subs ndb.SubNodes) (names []string) {
	s, ok := subs.FindType(ndb.TypeRecipientTable)
	if !ok {
		return nil
	}
	t, err := ltp.OpenTC(ltp.Open(c.f.db, s.Data, s.Sub))
	if err != nil {
		return nil
	}
	for row, err := range t.Rows() {
		if len(names) == maxRecipients {
			break
		}
		if v, e := row.Lookup(mapi.PidTagDisplayName); err == nil && e == nil && len(v.Data) > 0 {
			names = append(names, string(v.Data))
		}
	}
	return names
}

// addresses reports whether the item names one of these recipients itself (PidTagDisplayTo, Cc and Bcc).
func (it *carved) addresses(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return strings.Contains(it.to, name) })
}

func distance(a, b ndb.BID) uint64 {
	return uint64(max(a, b) - min(a, b))
}

// fits reports whether sub-nodes have what the item's properties say: the values of the properties, no others, and
// attachments if there are any.
func (it *carved) fits(subs ndb.SubNodes) bool {
	for _, r := range it.refs {
		if _, ok := subs.Find(r); !ok {
			return false
		}
	}
	values, attachments := 0, without
	for _, s := range subs {
		switch s.NID.Type() {
		case ndb.TypeAttachment:
			attachments = with
		case ndb.TypeLTP:
			values++
		}
	}
	return values == len(it.refs) && (it.attached == unknown || it.attached == attachments)
}

// dropKnown drops the items which are other states of those that the file has. Of those that are states of one item the
// newest stays; what is in use is no state of anything.
//
// Where the index has an older state only, what was found is put in its place.
func (c *carver) dropKnown() {
	db := c.f.db
	slices.SortStableFunc(c.items, func(a, b carved) int { return cmp.Compare(b.data, a.data) })
	byKey := make(map[string]int, len(c.items))
	for i := range c.items {
		it := &c.items[i]
		switch _, again := byKey[it.key]; {
		case it.names:
			_, ok := db.Node(NIDNames)
			it.drop = ok
		case !again:
			byKey[it.key] = i
		default:
			it.drop = !db.InUse(it.data)
		}
	}
	if len(byKey) == 0 {
		return
	}
	for _, n := range slices.Clone(db.Nodes()) {
		if KindOf(n.NID) != KindMessage {
			continue
		}
		pc, err := ltp.OpenPC(ltp.Node{File: db, Data: n.Data})
		if err != nil {
			continue
		}
		i, ok := byKey[identity(pc)]
		if !ok {
			continue
		}
		it := &c.items[i]
		switch {
		case !db.InUse(it.data):
			it.drop = true
		case !it.drop && db.Doubt(n.NID) != nil && !db.InUse(n.Data):
			it.drop = true
			db.Replace(ndb.Node{NID: n.NID, Parent: n.Parent, Data: it.data, Sub: it.sub})
			db.SetDoubt(n.NID, it.doubt(c.f))
		}
	}
}

// rowColumns are the columns of a folder's table that tell an item from others.
var rowColumns = [...]mapi.ID{mapi.PidTagMessageClass, mapi.PidTagClientSubmitTime, mapi.PidTagMessageDeliveryTime, mapi.PidTagCreationTime, mapi.PidTagLastModificationTime, mapi.PidTagSubject}

// place finds the rows of items in the tables of folders.
func (c *carver) place() {
	byTimes := make(map[times][]*carved)
	for i := range c.items {
		if it := &c.items[i]; !it.drop && !it.names {
			byTimes[it.times] = append(byTimes[it.times], it)
		}
	}
	if len(byTimes) == 0 {
		return
	}
	for _, n := range c.f.db.Nodes() {
		if KindOf(n.NID) != KindFolder {
			continue
		}
		table, err := c.f.openTable(n.NID.WithType(ndb.TypeContentsTable))
		if err != nil {
			continue
		}
		for row, err := range table.Rows() {
			if err != nil {
				continue
			}
			id := NID(row.ID)
			if _, ok := c.f.db.Node(id); ok || KindOf(id) != KindMessage {
				continue
			}
			for _, it := range byTimes[timesOf(row.Lookup)] {
				if it.node.NID == 0 && it.matches(c.f, row) {
					it.node = ndb.Node{NID: id, Parent: n.NID}
					break
				}
			}
		}
	}
}

// matches reports whether a row of a folder's table can be the item's: it has no other value, and has the subject or a
// time.
func (it *carved) matches(f *File, row ltp.Row) bool {
	pc, err := ltp.OpenPC(ltp.Node{File: f.db, Data: it.data})
	if err != nil {
		return false
	}
	same := false
	for _, id := range rowColumns {
		cell, err := row.Lookup(id)
		if err != nil || !cell.Exists() {
			continue
		}
		v, err := pc.Lookup(id)
		if err != nil {
			continue
		}
		// Tables cut long strings short.
		if !bytes.Equal(cell.Data, v.Data) && !(id == mapi.PidTagSubject && len(cell.Data) >= 254 && bytes.HasPrefix(v.Data, cell.Data)) {
			return false
		}
		same = same || id != mapi.PidTagMessageClass
	}
	return same
}

// noFolder is the folder of items whose folder is not known. There is none with this identifier.
const noFolder NID = 0xFFFFFFE0 | ndb.TypeFolder

// add makes the items nodes of the file. Those whose identifiers are lost get some that no item has.
func (c *carver) add() {
	var nodes []ndb.Node
	next := NID(0xFFFFFFE0 | ndb.TypeMessage)
	for i := range c.items {
		it := &c.items[i]
		if it.drop {
			continue
		}
		n := it.node
		if it.names {
			n.NID = NIDNames
		}
		if n.NID == 0 {
			for _, taken := c.f.db.Node(next); taken; _, taken = c.f.db.Node(next) {
				next -= 0x20
			}
			n.NID, n.Parent = next, noFolder
			next -= 0x20
		}
		if n.Data == 0 {
			n.Data, n.Sub = it.data, it.sub
			// There is one map of names at a time: the one in use is right.
			if !it.names || !c.f.db.InUse(it.data) {
				c.f.db.SetDoubt(n.NID, it.doubt(c.f))
			}
		}
		nodes = append(nodes, n)
	}
	c.f.db.AddNodes(nodes)
	if len(nodes) > 0 {
		c.f.db.Warn("%d items that nothing leads to were found by what they hold", len(nodes))
	}
}

func (it *carved) doubt(f *File) error { return &looseError{it.data, f.db.Offset(it.data)} }

// looseError says how an item was found that nothing leads to.
type looseError struct {
	data   ndb.BID
	offset int64
}

func (e *looseError) Error() string {
	return fmt.Sprintf("its entry in the index is lost: it was put together from what lies loose in the file (block %v at 0x%x), and parts may be missing or another item's",
		e.data, e.offset)
}
