package pst

import (
	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/pst"
)

// Bounds on what is read to find out what is usual in an archive.
const (
	mostRead = 4096 // messages
	mostTold = 64   // of which so many have to tell
)

// zone returns the zone that most events are in, of the first that say so; nil where none does. Of two that are equally
// many it is the one that was met first.
func (a *Archive) zone() *formats.Zone {
	if a.opt.Zone != nil {
		return a.opt.Zone
	}
	inCalendars := func(parent pst.NID) bool {
		f := a.tree.byID[parent]
		return f != nil && f.Class == "IPF.Appointment"
	}
	var list []*formats.Zone
	a.sample(inCalendars, func(m mapi.Message) bool {
		v, _ := m.Lookup(mapi.PidTagMessageClass)
		if outlook.KindOf(v.Text(a.info.CodePage)) != formats.KindEvent {
			return false
		}
		z := a.convert.Zone(m)
		if z != nil {
			list = append(list, z)
		}
		return z != nil
	})
	return mostOf(list, func(z *formats.Zone) string { return z.ID })
}

// owner returns whose mailbox the archive is: whom the store names or, where it names nobody, who received most of the
// mail.
func (a *Archive) owner() *formats.Address {
	if o := a.info.Owner; o != nil && o.Stored != "" {
		return o
	}
	var list []*formats.Address
	a.sample(func(pst.NID) bool { return true }, func(m mapi.Message) bool {
		r := a.convert.Receiver(m)
		if r != nil {
			list = append(list, r)
		}
		return r != nil
	})
	return mostOf(list, func(r *formats.Address) string {
		if addr := mapi.CleanAddress(r.Stored); mapi.IsDN(addr) {
			return mapi.DNKey(addr)
		}
		return mapi.SMTPKey(r.Stored)
	})
}

// sample reads messages from folders that are wanted, until enough of them have told what visit is after.
func (a *Archive) sample(wanted func(parent pst.NID) bool, visit func(mapi.Message) bool) {
	read, told := 0, 0
	for _, n := range a.store.Nodes() {
		if pst.KindOf(n.id) != pst.KindMessage || !wanted(n.parent) {
			continue
		}
		if m, err := a.store.Message(n.id); err == nil && m != nil && visit(m) {
			told++
		}
		if read++; read >= mostRead || told >= mostTold {
			return
		}
	}
}

// mostOf returns the first of those of which there are most, by their keys.
func mostOf[T any](list []*T, key func(*T) string) (best *T) {
	count := make(map[string]int)
	for _, v := range list {
		count[key(v)]++
	}
	most := 0
	for _, v := range list {
		if n := count[key(v)]; n > most {
			best, most = v, n
		}
	}
	return best
}
