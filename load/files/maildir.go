package files

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"mailmill/formats"
	"mailmill/formats/maildir"
	"mailmill/formats/mime"
	"mailmill/transform/folders"
)

// Maildir is the format with a Maildir++ for each source, as Dovecot serves it. One that others write to, too, is only added
// to: their mails stay, letters keep their keywords, and folders their subscriptions.
var Maildir Format = maildirs{}

type maildirs struct{}

func (maildirs) Name() string { return "maildir" }
func (maildirs) joined() bool { return false }

var maildirWriters = sync.Pool{New: func() any { return maildir.NewWriter(nil) }}

func (maildirs) encode(w io.Writer, it *formats.Item) (virtual int64, err error) {
	out := maildirWriters.Get().(*maildir.Writer)
	defer maildirWriters.Put(out)
	out.Reset(w)
	err = mime.Write(out, it.Mail)
	if closeErr := out.Close(); closeErr != nil {
		err = closeErr
	}
	virtual = out.Virtual()
	out.Reset(nil)
	return virtual, err
}

func (maildirs) places(list []*formats.Folder) (mail, other places) {
	return newMaildirTree(list), newTreeBeside(list)
}

// newTreeBeside names the folders of an archive for what is no mail: in the same place as a Maildir, whose own names it
// leaves alone. None of its names begins with a dot.
func newTreeBeside(list []*formats.Folder) *folders.Tree {
	tree := folders.NewTree(nil, treeSuffixes()...)
	tree.Rename = func(place, name string) string {
		if place != "" {
			return name
		}
		folded := folders.Fold(name)
		if slices.Contains(maildir.Dirs(), folded) || folded == maildir.SubscriptionsFile || strings.HasPrefix(folded, "dovecot") || strings.HasPrefix(folded, "maildir") {
			return name + "_"
		}
		return name
	}
	tree.Add(list)
	return tree
}

func (maildirs) plan(p *plan, place string) {
	top, name := maildirTop(place)
	for _, dir := range maildir.Dirs() {
		p.folder(join(place, dir))
		p.anyFile(join(place, dir), "")
	}
	p.file(join(place, maildir.KeywordsFile))
	p.file(join(top, maildir.SubscriptionsFile))
	if name != "" {
		p.file(join(place, maildir.FolderFile))
	}
}

// maildirTop parts a folder's place: where its Maildir is, and what it is called there. The inbox has no name.
func maildirTop(place string) (top, name string) {
	if i := strings.LastIndexByte(place, '/') + 1; strings.HasPrefix(place[i:], ".") {
		return parent(place), place[i:]
	}
	return place, ""
}

func (maildirs) layout(t *Target) layout {
	l := &maildirLayout{}
	// What has no date must not look as if it had come today: when a file was last changed is when its mail came.
	l.split = split{target: t, mail: true, open: l.enter, undated: time.Unix(0, 0)}
	return l
}

// maildirLayout is the layout of files in Maildirs.
type maildirLayout struct {
	split
	folders map[string][]string // by Maildir: the folders, as they are subscribed to
	newest  map[string]time.Time
}

func (l *maildirLayout) enter(place string) (shelf, error) {
	data, ours, err := l.held(join(place, maildir.KeywordsFile))
	if err != nil {
		return nil, err
	}
	// Mails that stay have letters, be the file ours or not.
	return &maildirShelf{layout: l, place: place, keywords: maildir.ParseKeywords(data), shared: data != nil && !ours}, l.dirs(place)
}

// held returns what a file in the place holds that is to be added to.
func (l *maildirLayout) held(name string) (data []byte, ours bool, err error) {
	if place, ok := l.target.tree.(holder); ok {
		return place.held(name)
	}
	return nil, false, nil
}

// dirs makes the directories that every folder has.
func (l *maildirLayout) dirs(place string) error {
	for _, dir := range maildir.Dirs() {
		if err := l.target.tree.folder(join(place, dir)); err != nil {
			return err
		}
	}
	return nil
}

// close completes the Maildirs: one without mail, or without mail in its inbox, is a Maildir, too.
func (l *maildirLayout) close() error {
	if err := l.split.close(); err != nil {
		return err
	}
	for _, s := range l.target.sources {
		if err := l.dirs(s.below); err != nil {
			return err
		}
		file := join(s.below, maildir.SubscriptionsFile)
		data, ours, err := l.held(file)
		if err != nil {
			return err
		}
		if ours {
			data = nil
		}
		list := append([]string{"INBOX"}, slices.DeleteFunc(l.folders[s.below], func(name string) bool { return name == "" })...)
		if err := l.target.write(file, l.newest[s.below], maildir.Subscribe(data, list...), data != nil); err != nil {
			return err
		}
	}
	return nil
}

// maildirShelf is a folder of a Maildir.
type maildirShelf struct {
	layout   *maildirLayout
	place    string
	keywords *maildir.Keywords
	shared   bool // others have a part in the keywords' file
}

func (s *maildirShelf) name(e *encoded) string {
	it := e.item
	m := maildir.Message{Time: modified(it), Unique: it.Key, Size: e.size, Virtual: e.virtual, Flags: it.Flags}
	var letters []byte
	letter := func(keyword string) {
		if l, ok := s.keywords.Letter(keyword); ok {
			letters = append(letters, l)
		}
	}
	for _, category := range it.Keywords {
		letter(maildir.Keyword(category))
	}
	if it.Flags&formats.FlagForwarded != 0 {
		letter(maildir.Forwarded)
	}
	slices.Sort(letters)
	m.Keywords = string(slices.Compact(letters))
	return join(s.place, "cur/"+m.Name(separator()))
}

// separator is what stands before the flags: on Windows another character than elsewhere, as no file can be named so
// there. It is mbsync's.
func separator() byte {
	if runtime.GOOS == "windows" {
		return maildir.WindowsSeparator
	}
	return maildir.Separator
}

func (s *maildirShelf) close(newest time.Time) error {
	l, t := s.layout, s.layout.target
	top, name := maildirTop(s.place)
	if l.folders == nil {
		l.folders, l.newest = make(map[string][]string), make(map[string]time.Time)
	}
	l.folders[top] = append(l.folders[top], strings.TrimPrefix(name, "."))
	if newest.After(l.newest[top]) {
		l.newest[top] = newest
	}
	if name != "" {
		if err := t.write(join(s.place, maildir.FolderFile), newest, nil, false); err != nil {
			return err
		}
	}
	content := s.keywords.Append(nil)
	if len(content) == 0 {
		return nil
	}
	return t.write(join(s.place, maildir.KeywordsFile), newest, content, s.shared)
}

func (s *maildirShelf) drop() {
	for _, dir := range maildir.Dirs() {
		s.layout.target.tree.drop(join(s.place, dir))
	}
}

// maildirTree names the folders of an archive as a Maildir does. Its inbox is the Maildir itself.
type maildirTree struct {
	tree   *folders.Tree
	inbox  *formats.Folder
	at     *formats.Folder // the folder that gets its place
	places map[*formats.Folder]string
	dirs   map[string]string // by place in the tree
	taken  map[string]bool   // in lower case, as some file systems have it
}

func newMaildirTree(list []*formats.Folder) *maildirTree {
	m := &maildirTree{
		tree:   folders.NewTree(nil),
		inbox:  inbox(list),
		places: make(map[*formats.Folder]string),
		dirs:   make(map[string]string),
		taken:  make(map[string]bool),
	}
	m.tree.Rename = m.rename
	// The top folder's name was given by nobody: it gives way to others.
	for _, isTop := range []bool{false, true} {
		for _, f := range list {
			if (f == nil || len(f.Path) == 0) == isTop {
				m.Place(f)
			}
		}
	}
	return m
}

const inboxName = "INBOX"

// inbox returns the folder that is the inbox: the one with that role, or else the one with that name.
func inbox(list []*formats.Folder) *formats.Folder {
	for _, is := range []func(*formats.Folder) bool{
		func(f *formats.Folder) bool { return f.Role == formats.RoleInbox },
		func(f *formats.Folder) bool { return strings.EqualFold(f.Path[0], inboxName) },
	} {
		i := slices.IndexFunc(list, func(f *formats.Folder) bool { return f != nil && len(f.Path) == 1 && is(f) })
		if i >= 0 {
			return list[i]
		}
	}
	return nil
}

// rename replaces what has a meaning in names of folders for servers and clients: the separator, wildcards, and what
// begins another user's name or a namespace. Names at the top that the Maildir or mailmill itself has are changed.
func (m *maildirTree) rename(place, name string) string {
	if place == "" {
		if m.inbox != nil && m.at == m.inbox {
			return inboxName
		}
		switch folders.Fold(name) {
		case "inbox":
			return name + " (2)"
		case "mailmill":
			return name + "_"
		}
	}
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(".%", r) {
			return '_'
		}
		return r
	}, strings.TrimSpace(name))
	if strings.HasPrefix(name, "~") || strings.HasPrefix(name, "#") {
		name = "_" + name[1:]
	}
	return name
}

// Place implements places.
func (m *maildirTree) Place(f *formats.Folder) string {
	if place, ok := m.places[f]; ok {
		return place
	}
	m.at = f
	place := m.tree.Place(f)
	dir := m.dir(place)
	if f != nil && f == m.inbox {
		dir = ""
	}
	m.places[f] = dir
	return dir
}

// Places implements places.
func (m *maildirTree) Places() map[*formats.Folder]string { return m.places }

// dir returns the directory for a place in the tree. One whose name would be too long, as it tells all of its parents,
// moves up to a name that tells its depth and ends in a hash of the place.
func (m *maildirTree) dir(place string) string {
	if dir, ok := m.dirs[place]; ok {
		return dir
	}
	above, name := parent(place), place[strings.LastIndexByte(place, '/')+1:]
	if above != "" {
		above = m.dir(above)
	}
	var dir string
	for i := 1; dir == "" || m.taken[strings.ToLower(dir)]; i++ {
		number := ""
		if i > 1 {
			number = " (" + strconv.Itoa(i) + ")"
		}
		dir = above + maildir.FolderName(name+number)
		if len(dir) > folders.MaxName {
			sum := sha256.Sum256([]byte(place))
			depth := strconv.Itoa(strings.Count(place, "/") + 1)
			dir = maildir.FolderName("Level " + depth + " " + folders.Safe(name, 40) + " ~" + hex.EncodeToString(sum[:6]) + number)
		}
	}
	m.taken[strings.ToLower(dir)] = true
	m.dirs[place] = dir
	return dir
}
