package pst

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/formats/mapi"
	"mailmill/formats/pst"
)

// The properties that tell which folder is which (MS-PST 2.4.3, MS-OXOSFLD 2.2).
const (
	idSubtree        mapi.ID = 0x35E0
	idInbox          mapi.ID = 0x35E1
	idOutbox         mapi.ID = 0x35E2
	idDeleted        mapi.ID = 0x35E3
	idSent           mapi.ID = 0x35E4
	idCalendar       mapi.ID = 0x36D0
	idDrafts         mapi.ID = 0x36D7
	idMoreFolders    mapi.ID = 0x36D8
	idContainerClass mapi.ID = 0x3613
	idHidden         mapi.ID = 0x10F4
	idReceiveFolder  mapi.ID = 0x6605

	junkIndex = 4 // of the junk folder among idMoreFolders (MS-OXOSFLD 2.2.4)
)

// recovered is the name of the folder for what no folder holds any more.
const recovered = "Recovered items"

// maxLevels is how deep folders lie in each other at most, as in Exchange. A hostile file may have millions of levels, and
// a path for each: what is deeper is shown side by side.
const maxLevels = 300

// folder is a folder of the tree.
type folder struct {
	*formats.Folder
	id     pst.NID
	name   string
	parent *folder
	kids   []*folder
	props  mapi.Properties // empty where the node cannot be read
	err    error           // why
	// damaged says that rows of the folder's list of folders are lost.
	damaged bool
	// lost says that no list has the folder, only the file's node tree.
	lost bool
	// all is the number of folders below this one.
	all int
}

// String names the folder in warnings.
func (f *folder) String() string {
	switch {
	case f.id == pst.NIDRoot:
		return "the root folder"
	case f.name == "":
		return fmt.Sprintf("folder 0x%x", uint32(f.id))
	}
	return fmt.Sprintf("folder %q (0x%x)", f.name, uint32(f.id))
}

// title is the folder's name to people. One that has lost its own, or never had one, is called by what it is known for or
// else by its node, which no other has.
func (f *folder) title() string {
	if f.name != "" {
		return f.name
	}
	title := roleTitles[f.Role]
	beside := func(k *folder) bool { return k != f && strings.EqualFold(k.name, title) }
	if title == "" || f.parent != nil && slices.ContainsFunc(f.parent.kids, beside) {
		title = fmt.Sprintf("Folder 0x%x", uint32(f.id))
	}
	return title
}

// tree is the folder tree of a store.
type tree struct {
	store    store
	cp       int
	root     *folder
	top      *folder
	byID     map[pst.NID]*folder
	searches []string // names of search folders
	warnings []warning
	// missing says that a folder is listed that the file's index has lost, and what was in it with it.
	missing bool
}

// buildTree reads the tree of folders. It reads tables and folders, never messages.
func buildTree(s store, cp int, withLost bool) *tree {
	t := &tree{store: s, cp: cp, byID: make(map[pst.NID]*folder)}
	t.root = t.add(nil, pst.NIDRoot, "")
	t.descend(t.root)
	t.adopt(withLost)
	t.count()
	props, err := s.Properties()
	if err != nil {
		t.fault(pst.NIDStore, err, "the message store cannot be read")
	}
	t.top = t.findTop(props)
	t.place()
	t.assignRoles(props)
	if slices.ContainsFunc(t.preorder(t.top), func(f *folder) bool { return f.name == "" && f.Role != formats.RoleNone }) {
		t.place() // again, as roles name folders that have no name
	}
	return t
}

func (t *tree) warn(format string, args ...any) {
	t.warnings = append(t.warnings, warning{text: fmt.Sprintf(format, args...)})
}

// fault warns of what is wrong with a node.
func (t *tree) fault(id pst.NID, err error, what string, args ...any) {
	t.warnings = append(t.warnings, warning{fmt.Sprintf(what, args...) + ": " + err.Error(), id, err})
}

// add makes a folder and reads its properties; name is the one in its parent's table.
func (t *tree) add(parent *folder, id pst.NID, name string) *folder {
	f := &folder{Folder: &formats.Folder{}, id: id, name: name, parent: parent}
	if f.props, f.err = t.store.Folder(id); f.err != nil {
		t.fault(id, f.err, "%v", f)
		f.damaged = true
		if f.props == nil {
			f.props = noProperties{}
		}
	}
	if s := t.text(f.props, mapi.PidTagDisplayName); s != "" {
		f.name = s
	}
	f.Class = t.text(f.props, idContainerClass)
	t.byID[id] = f
	if parent != nil {
		parent.kids = append(parent.kids, f)
	}
	return f
}

// descend reads the folders below f by the hierarchy tables, level by level, and returns them. It keeps its own queue: a
// hostile file has as many levels as nodes. A folder that two tables list belongs to the first; so there are no circles
// either.
func (t *tree) descend(f *folder) []*folder {
	var below []*folder
	for queue := []*folder{f}; len(queue) > 0; queue = queue[1:] {
		f := queue[0]
		for r, err := range t.store.Subfolders(f.id) {
			if err != nil {
				f.damaged = true
				t.missing = t.missing || errors.Is(err, pst.ErrNotFound)
				t.fault(pst.FolderList(f.id), err, "the folders in %v", f)
				continue
			}
			name := t.text(r.cols, mapi.PidTagDisplayName)
			switch pst.KindOf(r.id) {
			case pst.KindFolder:
			case pst.KindSearchFolder:
				t.searches = append(t.searches, name)
				continue
			default:
				t.warn("the folders in %v: 0x%x is none", f, uint32(r.id))
				continue
			}
			if t.byID[r.id] != nil {
				t.warn("%v is listed twice", t.byID[r.id])
				continue
			}
			k := t.add(f, r.id, name)
			queue, below = append(queue, k), append(below, k)
		}
	}
	return below
}

// adopt takes in the folders that no table lists. Where a table is damaged they are those that it lists no more and
// return to their place. Others were deleted: they come back on demand, or where the folder they were in is gone.
func (t *tree) adopt(withLost bool) {
	var unlisted []node
	kids := make(map[pst.NID][]pst.NID)
	exists := make(map[pst.NID]bool)
	for _, n := range t.store.Nodes() {
		if pst.KindOf(n.id) != pst.KindFolder {
			continue
		}
		exists[n.id] = true
		if t.byID[n.id] == nil {
			unlisted = append(unlisted, n)
			kids[n.parent] = append(kids[n.parent], n.id)
		}
	}
	if len(unlisted) == 0 {
		return
	}
	takeIn := func(parent *folder, id pst.NID) []*folder {
		f := t.add(parent, id, "")
		f.lost = true
		return append([]*folder{f}, t.descend(f)...)
	}
	settle := func(queue []*folder) {
		for ; len(queue) > 0; queue = queue[1:] {
			f := queue[0]
			if !f.damaged && !f.lost && !withLost {
				continue
			}
			for _, id := range kids[f.id] {
				if t.byID[id] == nil {
					queue = append(queue, takeIn(f, id)...)
				}
			}
		}
	}
	settle(t.preorder(t.root))
	for _, n := range unlisted {
		gone := pst.KindOf(n.parent) == pst.KindFolder && !exists[n.parent]
		if t.byID[n.id] == nil && gone {
			settle(takeIn(t.root, n.id))
			t.warn("%v has lost the folder that it was in", t.byID[n.id])
		}
	}
	if !withLost {
		return
	}
	// What remains is each other's parent.
	for _, n := range unlisted {
		if t.byID[n.id] == nil {
			settle(takeIn(t.root, n.id))
		}
	}
}

// count sets the number of folders below each.
func (t *tree) count() {
	order := t.preorder(t.root)
	for _, f := range slices.Backward(order) {
		if f.parent != nil {
			f.parent.all += f.all + 1
		}
	}
}

// preorder returns f and the folders below it, a folder before those in it, in the order of the tables.
func (t *tree) preorder(f *folder) []*folder {
	var list []*folder
	stack := []*folder{f}
	for len(stack) > 0 {
		f := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		list = append(list, f)
		for _, k := range slices.Backward(f.kids) {
			stack = append(stack, k)
		}
	}
	return list
}

// findTop returns the folder above all that a person sees: the one that the store names, or has a known name, or has
// the most below it.
func (t *tree) findTop(store mapi.Properties) *folder {
	if f := t.entry(store, idSubtree); f != nil {
		return f
	}
	// In the cache of a server's mailbox it is one level further down, in "Root - Mailbox"; an empty one of public folders
	// is beside it.
	var named []*folder
	for _, f := range append(slices.Clone(t.root.kids), grandchildren(t.root)...) {
		if isTopName(f.name) {
			named = append(named, f)
		}
	}
	bySize := func(a, b *folder) int { return cmp.Compare(a.all, b.all) }
	if len(named) > 0 {
		return slices.MaxFunc(named, bySize)
	}
	if len(t.root.kids) == 0 {
		return t.root
	}
	top := slices.MaxFunc(t.root.kids, bySize)
	t.warn("the store does not say which folder is on top: taken to be %q, which has most below it", top.name)
	return top
}

func grandchildren(f *folder) (list []*folder) {
	for _, k := range f.kids {
		list = append(list, k.kids...)
	}
	return list
}

// entry returns the folder that an entry identifier names: the node is its last four bytes (MS-PST 2.4.3.2).
func (t *tree) entry(p mapi.Properties, id mapi.ID) *folder {
	if p == nil {
		return nil
	}
	v, _ := p.Lookup(id)
	return t.byEntry(v.Bytes())
}

func (t *tree) byEntry(b []byte) *folder {
	if len(b) != 24 {
		return nil
	}
	return t.byID[pst.NID(binary.LittleEndian.Uint32(b[20:]))]
}

// place sets the paths, and what is hidden: everything outside the top folder, what says so, what programs keep for
// themselves, and all that is below any of these.
func (t *tree) place() {
	for _, f := range t.preorder(t.root) {
		switch {
		case f == t.top:
			f.Path = nil
			continue
		case f == t.root:
			// It is no folder to anyone, but may hold items.
			f.Path, f.Hidden = []string{cmp.Or(f.name, "Root")}, true
			continue
		case f.parent == t.root:
			f.Path, f.Hidden = []string{f.title()}, t.top != t.root || t.isHidden(f)
			if f.lost {
				// What has lost its folder is somebody's all the same.
				f.Path, f.Hidden = []string{recovered, f.title()}, t.isHidden(f)
			}
			continue
		}
		path := f.parent.Path
		f.Path = append(slices.Clip(path[:min(len(path), maxLevels)]), f.title())
		f.Hidden = f.parent.Hidden || t.isHidden(f)
	}
}

func (t *tree) isHidden(f *folder) bool {
	hidden, _ := f.props.Lookup(idHidden)
	return hidden.Bool() || isPlumbing(f.Class)
}

// visible returns the folders in their order, hidden ones only on demand, without the root unless it is the top.
func (t *tree) visible(hidden bool) []*folder {
	var list []*folder
	for _, f := range t.preorder(t.top) {
		if hidden || !f.Hidden {
			list = append(list, f)
		}
	}
	if t.top == t.root {
		return list
	}
	inTop := make(map[*folder]bool)
	for _, f := range t.preorder(t.top) {
		inTop[f] = true
	}
	for _, f := range t.preorder(t.root) {
		if !inTop[f] && (hidden || !f.Hidden) {
			list = append(list, f)
		}
	}
	return list
}

// assignRoles finds the special folders: by the entry identifiers in the store and in the inbox, by the table that
// says where mail is delivered, and by name for those that remain.
func (t *tree) assignRoles(store mapi.Properties) {
	taken := make(map[formats.Role]bool)
	give := func(f *folder, r formats.Role) {
		if f != nil && f != t.top && f != t.root && f.Role == formats.RoleNone && !taken[r] {
			f.Role, taken[r] = r, true
		}
	}
	give(t.entry(store, idInbox), formats.RoleInbox)
	give(t.entry(store, idOutbox), formats.RoleOutbox)
	give(t.entry(store, idDeleted), formats.RoleTrash)
	give(t.entry(store, idSent), formats.RoleSent)
	give(t.delivery(), formats.RoleInbox)

	inbox := t.holder()
	if !taken[formats.RoleInbox] {
		for _, f := range t.top.kids {
			if extract.RoleOf(f.name) == formats.RoleInbox && isMailClass(f.Class) {
				give(f, formats.RoleInbox)
			}
		}
		give(inbox, formats.RoleInbox)
	}
	for _, f := range t.byRole(formats.RoleInbox, inbox, t.root) {
		give(t.entry(f.props, idDrafts), formats.RoleDrafts)
		more, _ := f.props.Lookup(idMoreFolders)
		if len(more.Elems) > junkIndex {
			give(t.byEntry(more.Elems[junkIndex]), formats.RoleJunk)
		}
	}
	for _, f := range t.top.kids {
		if isMailClass(f.Class) && !f.Hidden {
			if r := extract.RoleOf(f.name); r != formats.RoleNone {
				give(f, r)
			}
		}
	}
}

// byRole returns the folder of a role and the others given, without those that are nil.
func (t *tree) byRole(r formats.Role, others ...*folder) (list []*folder) {
	for _, f := range t.preorder(t.top) {
		if f.Role == r {
			list = append(list, f)
		}
	}
	for _, f := range others {
		if f != nil {
			list = append(list, f)
		}
	}
	return list
}

// holder returns the folder that holds the identifiers of calendar, contacts and so on: the inbox, as a rule.
func (t *tree) holder() *folder {
	for _, f := range t.preorder(t.top) {
		if f == t.top || f == t.root {
			continue
		}
		for id := idCalendar; id <= idDrafts; id++ {
			if v, _ := f.props.Lookup(id); len(v.Bytes()) == 24 {
				return f
			}
		}
	}
	return nil
}

// delivery returns the folder that mail is delivered to (MS-PST 2.4.3, the receive folder table).
func (t *tree) delivery() *folder {
	var found *folder
	best := 0
	for r, err := range t.store.ReceiveFolders() {
		if err != nil {
			continue
		}
		rank := 0
		switch class := strings.ToLower(t.text(r.cols, mapi.PidTagMessageClass)); class {
		case "":
			rank = 1
		case "ipm":
			rank = 2
		case "ipm.note":
			rank = 3
		}
		v, _ := r.cols.Lookup(idReceiveFolder)
		f := t.byID[pst.NID(uint32(v.Int()))]
		// The root stands for "not set", as in a fresh file.
		if f != nil && f != t.root && f != t.top && !f.Hidden && rank > best {
			found, best = f, rank
		}
	}
	return found
}

// text returns a string property up to a NUL.
func (t *tree) text(p mapi.Properties, id mapi.ID) string {
	v, _ := p.Lookup(id)
	s, _, _ := strings.Cut(v.Text(t.cp), "\x00")
	return s
}
