package pst

import (
	"slices"
	"sync"

	"mailmill/formats/mapi"
	"mailmill/formats/pst"
)

// cards finds the contacts and lists that members of lists are. It costs nothing until there is a list.
type cards struct {
	once  sync.Once
	key   mapi.GUID // of the message store, by which its identifiers are known
	nodes []node

	mu sync.Mutex
	// listed holds what the tables of folders list, of the folders that were asked for.
	listed map[pst.NID]map[pst.NID]bool
}

// card opens the contact or list with an entry identifier (MS-PST 2.4.3.2), and tells whether it is among what a person
// sees, and so written. It is nil where it is not in this file.
func (a *Archive) card(entry []byte) (m mapi.Message, written bool) {
	id, err := mapi.ParseEntryID(entry, a.info.CodePage)
	if err != nil || id.Kind != mapi.EntryObject || pst.KindOf(pst.NID(id.Node)) != pst.KindMessage {
		return nil, false
	}
	a.cards.once.Do(func() {
		if p, err := a.store.Properties(); err == nil {
			if v, _ := p.Lookup(mapi.PidTagRecordKey); len(v.Bytes()) == len(a.cards.key) {
				a.cards.key = mapi.GUID(v.Bytes())
			}
		}
		a.cards.nodes = a.store.Nodes()
	})
	at, found := slices.BinarySearchFunc(a.cards.nodes, pst.NID(id.Node), byID)
	if !found || id.Provider != a.cards.key {
		return nil, false
	}
	if m, err = a.store.Message(pst.NID(id.Node)); err != nil {
		return nil, false
	}
	parent := a.tree.byID[a.cards.nodes[at].parent]
	return m, parent != nil && (a.opt.Hidden || !parent.Hidden) && a.isListed(parent, pst.NID(id.Node))
}

// isListed reports whether the folder's table has an item: what was deleted has a node still.
func (a *Archive) isListed(f *folder, id pst.NID) bool {
	a.cards.mu.Lock()
	defer a.cards.mu.Unlock()
	set, ok := a.cards.listed[f.id]
	if !ok {
		set = make(map[pst.NID]bool)
		for r, err := range a.store.Contents(f.id) {
			if err == nil {
				set[r.id] = true
			}
		}
		if a.cards.listed == nil {
			a.cards.listed = make(map[pst.NID]map[pst.NID]bool)
		}
		a.cards.listed[f.id] = set
	}
	return set[id]
}
