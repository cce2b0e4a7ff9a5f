package archives

import (
	"path"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/formats/codepage"
	maildirs "mailmill/formats/maildir"
)

// single reports whether a file of a form holds one item, which is in the folder that the file lies in.
func (f form) single() bool {
	switch f {
	case inMail, inEMLX, inCompound, inTNEF:
		return true
	}
	return false
}

// place returns the folder that a part's items are in, or that the folders of its archive are in.
func (t *tree) place(p *part) []string {
	names, inDir := t.placeName(p)
	if p.record == nil {
		return names
	}
	if inDir {
		return t.around(p)
	}
	return p.record.names(path.Join(p.dir, stem(p.name)), names)
}

// around returns the folder that the directory is which a part lies in.
func (t *tree) around(p *part) []string { return p.record.names(p.dir, t.dirPath(p.dir)) }

// placeName returns the names that tell a part's place, and whether they are those of the folder that it lies in.
func (t *tree) placeName(p *part) (names []string, inDir bool) {
	switch {
	case p.form.single():
		return t.dirPath(p.dir), true
	case p.form == inMaildir, p.form == inMH:
		return t.dirPath(p.path()), false
	case p.form == inLines && isResource(p.name):
		return t.dirPath(p.dir), true
	case p.form == inMbox && isMailFile(p.name):
		return t.dirPath(p.dir), true // QUIRK: some programs export a mail with its line from an mbox
	case p.form == inMbox:
		if dir := path.Dir(p.path()); p.name == "mbox" && strings.HasSuffix(strings.ToLower(dir), ".mbox") {
			return t.dirPath(dir), false
		}
	}
	return append(t.dirPath(p.dir), t.text(stem(p.name))), false
}

// text returns the name of a file or directory as text. What is no UTF-8 has the encoding that other text without one has, so
// that names which differ stay different.
func (t *tree) text(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	name, _ = codepage.Decode(t.session.codePage(), []byte(name))
	return name
}

// isMailFile reports whether a file is called as files of one message are.
func isMailFile(name string) bool {
	ext := extension(name)
	return ext == ".eml" || ext == ".emlx" || ext == ".msg" || ext == ".oft"
}

// dirPath returns the folder that a directory is. It is empty for the top.
//
// QUIRK: Thunderbird keeps the folders in "Inbox" in "Inbox.sbd"; Apple Mail keeps the mails of "Inbox" far below
// "Inbox.mbox", in directories that have numbers and the like for names.
func (t *tree) dirPath(dir string) []string {
	if t.top != "." {
		dir = strings.TrimPrefix(strings.TrimPrefix(dir, t.top), "/")
	}
	if dir == "." || dir == "" {
		return []string{}
	}
	parts := strings.Split(dir, "/")
	if at := appleMail(parts); at > 0 {
		parts = parts[:at]
	}
	for i, name := range parts {
		switch ext := extension(name); ext {
		case ".sbd", ".mbox":
			if len(name) > len(ext) {
				name = name[:len(name)-len(ext)]
			}
		}
		parts[i] = t.text(name)
	}
	return parts
}

// appleMail returns how many directories of a path make a folder of Apple Mail's where they lead to a place where it keeps
// messages: INBOX.mbox/Messages, or INBOX.mbox/0C2D…/Data/3/1/Messages; 0 where they do not.
func appleMail(parts []string) int {
	at := len(parts) - 1
	if at < 1 || parts[at] != "Messages" {
		return 0
	}
	for at--; at > 0; at-- {
		name := parts[at]
		switch {
		case strings.HasSuffix(strings.ToLower(name), ".mbox"):
			return at + 1
		case name != "Data" && !isNumber([]byte(name)) && !isUUID(name):
			return 0
		}
	}
	return 0
}

func isUUID(name string) bool {
	return len(name) == 36 && strings.Count(name, "-") == 4 && strings.Trim(name, "0123456789abcdefABCDEF-") == ""
}

// isResource reports whether a calendar or card is called as servers call the files of a collection, one an item: by its
// UID, or a hash of it. Then the folder is the directory, and not the file.
func isResource(name string) bool {
	name = strings.TrimSuffix(name, path.Ext(name))
	if len(name) < 16 || !strings.ContainsAny(name, "0123456789") {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.@+=%", r))
	})
}

// shelves are the folders of a tree.
type shelves struct {
	mu    sync.Mutex
	known map[string]*formats.Folder
}

// at returns the folder of a path: the same for each that asks. What else is known of it is what like, if it is not nil,
// says of itself.
func (s *shelves) at(parts []string, like *formats.Folder) *formats.Folder {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := strings.Join(parts, "\x00")
	f := s.known[key]
	if f == nil {
		f = new(formats.Folder)
		if like != nil {
			*f = *like
		}
		f.Path = slices.Clone(parts)
		switch {
		case len(parts) != 1:
			f.Role = formats.RoleNone
		case f.Role == formats.RoleNone:
			f.Role = extract.RoleOf(parts[0])
		}
		if s.known == nil {
			s.known = make(map[string]*formats.Folder)
		}
		s.known[key] = f
	}
	return f
}

// shelf returns the folder that stands for one of a part's archive. The folders of a mailbox stay apart from those of all
// others; files are the folder of their name, whatever they hold.
func (t *tree) shelf(p *part, inner *formats.Folder) *formats.Folder {
	if p.form.whole() {
		f := *inner
		switch above := len(t.place(p)); {
		case !p.form.folder():
			f.Path = slices.Concat(t.place(p), inner.Path)
		case p.form == inMaildir && p.record != nil && len(inner.Path) > above:
			f.Path = p.record.names(path.Join(p.path(), maildirs.FolderName(inner.Path[above:]...)), inner.Path)
		}
		return &f
	}
	parts := t.place(p)
	switch {
	case p.form == inMbox, p.form == inLines:
		parts = inner.Path // the place that it was given, or what its labels say
	case p.form.single() && len(parts) == 0 && inner != nil:
		parts = inner.Path
	}
	return t.shelves.at(parts, inner)
}

// way returns a folder and those above it, from the top.
func (s *shelves) way(f *formats.Folder) []*formats.Folder {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []*formats.Folder
	for n := 1; n < len(f.Path); n++ {
		if above := s.known[strings.Join(f.Path[:n], "\x00")]; above != nil {
			list = append(list, above)
		}
	}
	return append(list, f)
}
