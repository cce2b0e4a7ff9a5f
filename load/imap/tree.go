package imap

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	goimap "github.com/emersion/go-imap/v2"

	"mailmill/formats"
	"mailmill/transform/folders"
)

// Source is an archive of the run, as far as the names of mailboxes depend on it.
type Source struct {
	// Name is the archive's name in items.
	Name string
	// Folders are those of the archive in the order of its tree, a parent before its children. Entries may lie in others;
	// those get their mailboxes when they come.
	Folders []*formats.Folder
}

// inboxName is the one name that every account has and that is the same in any case (RFC 9051 5.1).
const inboxName = "INBOX"

// roles are the special uses of mailboxes (RFC 6154) that folders of archives have, the name that a mailbox gets where the
// server has none for the use, and the names by which servers and mail programs went before there were special uses.
var roles = map[formats.Role]struct {
	use   goimap.MailboxAttr
	name  string
	known []string
}{
	formats.RoleSent:    {goimap.MailboxAttrSent, "Sent", []string{"Sent Items", "Sent Messages", "Sent Mail"}},
	formats.RoleDrafts:  {goimap.MailboxAttrDrafts, "Drafts", nil},
	formats.RoleTrash:   {goimap.MailboxAttrTrash, "Trash", []string{"Deleted Items", "Deleted Messages"}},
	formats.RoleJunk:    {goimap.MailboxAttrJunk, "Junk", []string{"Spam", "Junk E-mail", "Junk Email", "Bulk Mail"}},
	formats.RoleArchive: {goimap.MailboxAttrArchive, "Archive", []string{"Archives"}},
}

// tree gives the folders of the archives their mailboxes. It depends on the archives, the options and what the server has,
// not on what is written; what it made in one run it finds in the next.
//
// A folder of an archive is the mailbox of its role, if it has one; else it has a name in the mailbox of its parent. Two
// folders of one archive never share a mailbox, whether or not the server tells upper from lower case; the same folder of
// several archives does, as several archives of one person are one mailbox.
type tree struct {
	rules
	server  *listing
	options *Options

	root     *node
	inbox    *node
	specials map[formats.Role]*node
	sources  map[string]*branch
	nodes    []*node // that folders were given, in their order
}

// node is a mailbox, or what only leads to one.
type node struct {
	name     string // its part, or the whole name where it is fixed
	parent   *node
	children map[string]*node // by folded name
	owners   map[*branch]bool // the archives of which a folder has it for its own
	listed   bool             // among the tree's nodes
	fixed    bool             // name is whole
	use      goimap.MailboxAttr
	original []string // the folder it was made for first
	role     formats.Role
	beside   string // the name that it would have in its parent, in which the server does not take it
	moved    bool   // beside its parent, in which the server did not take it
	failed   error  // why the server does not make it
}

// branch is what one archive has of the tree.
type branch struct {
	name     string
	folders  []*formats.Folder
	root     *node
	inbox    *formats.Folder
	latest   map[string]*node // by path
	places   map[*formats.Folder]*node
	byRole   map[formats.Role]bool // the roles that a folder has
	prefixed bool                  // everything goes below a prefix, whatever its role
}

func newTree(server *listing, o *Options) *tree {
	t := &tree{rules: rules{delim: server.delim}, server: server, options: o, sources: make(map[string]*branch), specials: make(map[formats.Role]*node)}
	t.root = &node{fixed: true}
	t.inbox = &node{name: inboxName, fixed: true, parent: t.root, role: formats.RoleInbox}
	if strings.EqualFold(server.prefix, inboxName+string(server.delim)) {
		// Folders of the account are those of the inbox: both are in one place.
		t.inbox.children = t.root.kids()
	}
	// Special mailboxes come first: no other folder gets them, whatever it is called.
	if strings.Trim(o.Prefix, "/") == "" {
		for _, s := range o.Sources {
			for _, f := range s.Folders {
				if f != nil && t.specials[f.Role] == nil && t.mapped(f.Path) == nil {
					t.specials[f.Role] = t.special(f.Role)
				}
			}
		}
	}
	var taken folders.Names
	var branches []*branch
	for _, s := range o.Sources {
		if t.sources[s.Name] != nil {
			continue // the same archive twice: its items share their folders
		}
		b := &branch{name: s.Name, folders: s.Folders, latest: make(map[string]*node), places: make(map[*formats.Folder]*node), byRole: make(map[formats.Role]bool)}
		t.sources[s.Name] = b
		branches = append(branches, b)
		b.root = t.below(o.Prefix, taken.Take(folders.SourceName(s.Name)))
		b.prefixed = b.root != t.root
		b.inbox = inboxOf(s.Folders)
	}
	// Names that people gave come first. Those of folders beside their parents give way to them: that a mailbox takes none
	// within it may be known only when it was made, and names are the same before and after. So does that of the top folder.
	for _, now := range []func(*branch, *formats.Folder) bool{
		func(b *branch, f *formats.Folder) bool {
			return f != nil && len(f.Path) > 0 && !t.crowded(b, f, f.Path)
		},
		func(_ *branch, f *formats.Folder) bool { return f != nil && len(f.Path) > 0 },
		func(*branch, *formats.Folder) bool { return true },
	} {
		for _, b := range branches {
			for _, f := range b.folders {
				if _, placed := b.places[f]; !placed && now(b, f) {
					t.place(b, f)
				}
			}
		}
	}
	return t
}

// crowded reports whether a folder stands beside its parent, in whose mailbox the server takes no other.
func (t *tree) crowded(b *branch, f *formats.Folder, path []string) bool {
	if t.mapped(path) != nil || !b.prefixed && f != nil && (f == b.inbox || t.specials[f.Role] != nil && !b.byRole[f.Role]) {
		return false
	}
	above := path[:len(path)-1]
	if n := b.latest[pathKey(above)]; n == nil && len(above) > 0 && t.crowded(b, nil, above) {
		return true
	}
	n := t.of(b, above)
	return n != t.root && t.server.noChildren(t.full(n))
}

// below returns the node of a prefix, in which {source} stands for an archive's name. Its longest parts are cut where they
// would leave no room for what is below it.
func (t *tree) below(prefix, source string) *node {
	var parts []string
	for part := range strings.SplitSeq(prefix, "/") {
		if part = strings.ReplaceAll(part, folders.SourceMark, source); part != "" {
			parts = append(parts, part)
		}
	}
	for limit := longestPart; ; limit-- {
		at := t.root
		for _, part := range parts {
			at = &node{name: t.within(part, limit), parent: at}
		}
		if limit == shortestPart || encodedLen(t.full(at)) <= t.longest()-roomForLevel {
			at = t.root
			for _, part := range parts {
				at = t.shared(at, t.within(part, limit))
			}
			return at
		}
	}
}

// inboxOf returns the folder that is an archive's inbox: the one with that role, or else the one with that name.
func inboxOf(list []*formats.Folder) *formats.Folder {
	for _, is := range []func(*formats.Folder) bool{
		func(f *formats.Folder) bool { return f.Role == formats.RoleInbox },
		func(f *formats.Folder) bool { return len(f.Path) == 1 && strings.EqualFold(f.Path[0], inboxName) },
	} {
		if i := slices.IndexFunc(list, func(f *formats.Folder) bool { return f != nil && len(f.Path) > 0 && is(f) }); i >= 0 {
			return list[i]
		}
	}
	return nil
}

// place returns the node of a folder. One that the tree does not know yet, by its pointer, gets one.
func (t *tree) place(b *branch, f *formats.Folder) *node {
	if n, ok := b.places[f]; ok {
		return n
	}
	var path []string
	if f != nil {
		path = f.Path
	}
	n := t.find(b, f, path)
	if !n.listed {
		n.listed = true
		n.original = path
		t.nodes = append(t.nodes, n)
	}
	b.places[f] = n
	if len(path) > 0 {
		b.latest[pathKey(path)] = n
	}
	return n
}

func (t *tree) find(b *branch, f *formats.Folder, path []string) *node {
	if n := t.mapped(path); n != nil {
		return n
	}
	if len(path) == 0 {
		return t.own(b, b.root, folders.TopName, path)
	}
	if !b.prefixed {
		if f == b.inbox {
			return t.inbox
		}
		if n := t.specials[f.Role]; n != nil && !b.byRole[f.Role] {
			b.byRole[f.Role] = true
			return n
		}
	}
	return t.own(b, t.of(b, path[:len(path)-1]), path[len(path)-1], path)
}

// mapped returns the node that the user wants for a folder itself.
func (t *tree) mapped(path []string) *node {
	name, ok := t.options.FolderMap[strings.Join(path, "/")]
	if !ok {
		return nil
	}
	at := t.root
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "":
		case at == t.root && strings.EqualFold(part, inboxName):
			at = t.inbox
		default:
			at = t.shared(at, part)
		}
	}
	if at == t.root {
		return nil
	}
	return at
}

// special returns the node of a role's mailbox: the one that the server says is for this use; or else one that goes by a
// name for it; or one that is made.
func (t *tree) special(role formats.Role) *node {
	r, ok := roles[role]
	if !ok {
		return nil
	}
	if name, ok := t.server.uses[strings.ToLower(string(r.use))]; ok {
		return t.existing(name, role)
	}
	for _, name := range append([]string{r.name}, r.known...) {
		if name != r.name && t.claimed(name, role) {
			continue // it may be there because a run made it for that folder
		}
		if full, ok := t.server.find(t.server.prefix + name); ok {
			return t.existing(full, role)
		}
	}
	n := t.shared(t.root, r.name)
	n.role = role
	if t.server.createUse {
		n.use = r.use
	}
	return n
}

// claimed reports whether a folder without a role wants a name at the top.
func (t *tree) claimed(name string, role formats.Role) bool {
	for _, s := range t.options.Sources {
		for _, f := range s.Folders {
			if f != nil && len(f.Path) == 1 && f.Role != role && fold(t.safe(f.Path[0])) == fold(name) {
				return true
			}
		}
	}
	for _, to := range t.options.FolderMap {
		if fold(strings.Trim(to, "/")) == fold(name) {
			return true
		}
	}
	return false
}

// existing returns the node of a mailbox that the server has.
func (t *tree) existing(full string, role formats.Role) *node {
	rest, inside := strings.CutPrefix(full, t.server.prefix)
	if !inside {
		// It lies in another place than what is made for archives.
		return &node{name: full, parent: t.root, fixed: true, role: role}
	}
	at := t.root
	for _, part := range t.split(rest) {
		if at == t.root && part == inboxName {
			at = t.inbox
			continue
		}
		next := at.kids()[fold(part)]
		if next == nil || next.name != part {
			next = &node{name: part, parent: at}
			at.kids()[fold(part)] = next
		}
		at = next
	}
	at.role = role
	return at
}

// split returns the parts of a name.
func (t *tree) split(name string) []string {
	if t.delim == 0 {
		return []string{name}
	}
	return strings.Split(name, string(t.delim))
}

// of returns the node of the latest folder with a path; one that is only implied by its children gets one, too.
func (t *tree) of(b *branch, path []string) *node {
	if len(path) == 0 {
		return b.root
	}
	key := pathKey(path)
	if n, ok := b.latest[key]; ok {
		return n
	}
	n := t.mapped(path)
	if n == nil {
		n = t.own(b, t.of(b, path[:len(path)-1]), path[len(path)-1], path)
	}
	b.latest[key] = n
	return n
}

// own returns a node for a folder that no other folder of its archive has.
func (t *tree) own(b *branch, parent *node, name string, path []string) *node {
	safe := t.safe(name)
	if t.delim == 0 && parent != t.root {
		// QUIRK: a server without a hierarchy (a delimiter of NIL, RFC 9051 7.3.1): names tell their parents.
		safe, parent = shorten(parent.name+" - "+safe, strings.Join(path, "/"), longestPart), t.root
	}
	if length := encodedLen(t.full(parent)) + 1 + encodedLen(safe); length+len(" (999)") > t.longest() {
		// The tree is so deep that the server would refuse the name: the branch moves up.
		sum := sha256.Sum256([]byte(pathKey(path)))
		safe = "Level " + strconv.Itoa(len(path)) + " " + shorten(t.safe(name), name, longestLevel) + " ~" + hex.EncodeToString(sum[:6])
		parent = b.root
	}
	beside := ""
	if parent != t.root && t.server.noChildren(t.full(parent)) {
		// RFC 9051 7.3.1: \Noinferiors. What would be in it stands beside it.
		beside = t.full(&node{name: safe, parent: parent})
		safe, parent = t.beside(parent, safe), parent.parent
	}
	return t.take(b, parent, safe, beside)
}

// beside returns the name of a child that stands beside its parent.
func (t *tree) beside(parent *node, name string) string {
	above := parent.name
	if parent == t.inbox {
		above = "Inbox"
	}
	return shorten(above+" - "+name, above+" - "+name, longestPart)
}

// take returns a node of a name, or of that with a number, which no other folder of an archive has. What stands beside its
// parent shares a mailbox only with what would have that name in its parent, too.
func (t *tree) take(b *branch, parent *node, name, beside string) *node {
	for i := 1; ; i++ {
		try := name
		if i > 1 {
			try = numbered(name, i)
		}
		n := parent.kids()[fold(try)]
		if n == nil {
			n = &node{name: t.spelled(parent, try), parent: parent, beside: beside}
		}
		switch {
		case parent == t.root && fold(try) == fold(inboxName):
			continue // RFC 9051 5.1: INBOX is the same in any case
		case n.role != formats.RoleNone, n.owners[b], len(n.owners) > 0 && fold(n.beside) != fold(beside):
			continue
		}
		if n.owners == nil {
			n.owners = make(map[*branch]bool)
		}
		n.owners[b] = true
		parent.kids()[fold(try)] = n
		return n
	}
}

// shared returns the node of a name that is nobody's own.
func (t *tree) shared(parent *node, name string) *node {
	safe := t.safe(name)
	n := parent.kids()[fold(safe)]
	if n == nil {
		n = &node{name: t.spelled(parent, safe), parent: parent}
		parent.kids()[fold(safe)] = n
	}
	return n
}

// spelled returns a name as a mailbox of the server has it that differs in case alone: some servers have no room for both,
// and a person has no use for them.
func (t *tree) spelled(parent *node, name string) string {
	n := node{name: name, parent: parent}
	full := t.full(&n)
	there, ok := t.server.find(full)
	if !ok || there == full {
		return name
	}
	if above, ok := strings.CutSuffix(full, name); ok {
		if rest, ok := strings.CutPrefix(there, above); ok && (t.delim == 0 || !strings.ContainsRune(rest, t.delim)) {
			return rest
		}
	}
	return name
}

func (n *node) kids() map[string]*node {
	if n.children == nil {
		n.children = make(map[string]*node)
	}
	return n.children
}

// full returns the name of a node's mailbox on the server; empty for what is above all.
func (t *tree) full(n *node) string {
	if n.fixed {
		return n.name
	}
	above := t.full(n.parent)
	if above == "" {
		return t.server.prefix + n.name
	}
	return above + string(t.delim) + n.name
}

// pathKey tells two paths apart, whatever their names hold.
func pathKey(path []string) string {
	var b strings.Builder
	for _, name := range path {
		b.WriteString(strconv.Itoa(len(name)))
		b.WriteByte(':')
		b.WriteString(name)
	}
	return b.String()
}

// listing is what a server says of its mailboxes.
type listing struct {
	delim     rune
	prefix    string // of the personal namespace (RFC 2342), such as "INBOX."
	boxes     map[string]listed
	folded    map[string]string // names by folded name
	uses      map[string]string // names by special use in lower case
	createUse bool              // CREATE-SPECIAL-USE
}

type listed struct{ noSelect, noChildren, subscribed bool }

func (l *listing) add(name string, attrs []goimap.MailboxAttr) {
	if strings.EqualFold(name, inboxName) {
		name = inboxName
	}
	box := l.boxes[name]
	for _, a := range attrs {
		// QUIRK: Cyrus writes \drafts, Dovecot \Drafts: attributes are the same in any case (RFC 9051 2.3.2).
		switch a := strings.ToLower(string(a)); a {
		case `\noselect`, `\nonexistent`:
			box.noSelect = true
		case `\noinferiors`:
			box.noChildren = true
		case `\subscribed`:
			box.subscribed = true
		default:
			// Of two mailboxes for one use the first by name is taken, whatever the order of the list.
			if other, ok := l.uses[a]; !ok || cmp.Compare(name, other) < 0 {
				l.uses[a] = name
			}
		}
	}
	l.boxes[name] = box
	if other, ok := l.folded[fold(name)]; !ok || name < other {
		l.folded[fold(name)] = name
	}
}

// find returns the name of a mailbox that is there: that very name, or else one that differs in case.
func (l *listing) find(name string) (string, bool) {
	if _, ok := l.boxes[name]; ok {
		return name, true
	}
	other, ok := l.folded[fold(name)]
	return other, ok
}

func (l *listing) noChildren(name string) bool { return l.boxes[name].noChildren }
