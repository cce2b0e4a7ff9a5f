package ltp

import (
	"mailmill/formats/mapi"
	"mailmill/formats/pst/internal/ndb"
)

// References returns the sub-nodes that hold values of properties, as the properties name them. Objects, which are in
// sub-nodes too, are left out.
func (p *PC) References() []ndb.NID {
	var list []ndb.NID
	for i := range p.tree.count() {
		r := p.tree.record(i)
		if t := mapi.Type(le.Uint16(r[2:])); inline(t) || t == mapi.Object {
			continue
		}
		if id := HID(le.Uint32(r[4:])); !id.inHeap() {
			list = append(list, ndb.NID(id))
		}
	}
	return list
}
