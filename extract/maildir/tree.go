package maildir

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/formats/codepage"
	"mailmill/formats/maildir"
)

// tree finds the folders of a Maildir.
type tree struct {
	archive *Archive
	above   []string // the folder that the Maildir is in
}

const (
	// inbox is the name of the folder that has none.
	inbox = "Inbox"
	// deepest bounds directories in directories, mostFolders all of them.
	deepest     = 64
	mostFolders = 100_000
)

// top finds what is in the Maildir's own directory.
func (t *tree) top(name string) {
	subdirs := t.subdirs(name)
	plusplus := slices.ContainsFunc(subdirs, func(sub string) bool { return t.isFolder(name, sub) })
	here := t.above
	if len(here) == 0 || plusplus {
		here = t.path(inbox)
	}
	t.add(name, here)
	for _, sub := range subdirs {
		if t.isFolder(name, sub) {
			t.add(path.Join(name, sub), t.path(parseName(sub)...))
			continue
		}
		t.directory(name, sub, t.above, 1)
	}
}

// isFolder reports whether a directory is a folder as Maildir++ has them.
func (t *tree) isFolder(in, sub string) bool {
	name := path.Join(in, sub)
	// One of cur and new may be left out, as it is empty; see [Is].
	return strings.HasPrefix(sub, ".") && (isDir(t.archive.fsys, path.Join(name, "cur")) || isDir(t.archive.fsys, path.Join(name, "new")) ||
		t.has(name, maildir.FolderFile))
}

func (t *tree) has(dir, file string) bool {
	_, err := fs.Stat(t.archive.fsys, path.Join(dir, file))
	return err == nil
}

// directory finds the folders in a directory that is no part of Maildir++.
func (t *tree) directory(in, sub string, above []string, depth int) {
	name := path.Join(in, sub)
	here := append(slices.Clip(above), decoded(sub))
	switch {
	case Is(t.archive.fsys, name):
		t.add(name, here)
	case strings.HasPrefix(sub, ".") && strings.HasSuffix(sub, ".directory"):
		here[len(here)-1] = decoded(strings.TrimSuffix(sub[1:], ".directory"))
	case strings.HasSuffix(sub, ".sbd"):
		here[len(here)-1] = decoded(strings.TrimSuffix(sub, ".sbd"))
	case strings.HasPrefix(sub, "."):
		return
	}
	if depth < deepest {
		for _, next := range t.subdirs(name) {
			t.directory(name, next, here, depth+1)
		}
	}
}

// subdirs returns the directories in one that may be folders.
func (t *tree) subdirs(name string) (list []string) {
	entries, err := fs.ReadDir(t.archive.fsys, name)
	if err != nil {
		t.archive.info.Warnings = append(t.archive.info.Warnings, fmt.Sprintf("%s cannot be listed: %v", name, err))
		t.archive.info.Incomplete = "a directory cannot be listed"
	}
	for _, e := range entries {
		if e.IsDir() && !slices.Contains(maildir.Dirs(), e.Name()) {
			list = append(list, e.Name())
		}
	}
	return list
}

func (t *tree) path(names ...string) []string { return append(slices.Clip(t.above), names...) }

func (t *tree) add(name string, folder []string) {
	a := t.archive
	if len(a.dirs) == mostFolders {
		a.info.Incomplete = "it has more folders than are read"
	}
	if len(a.dirs) < mostFolders {
		a.dirs = append(a.dirs, &dir{path: name, folder: &formats.Folder{Path: folder}, keywords: keywordsOf(a.fsys, name)})
	}
}

// roles gives folders at the top the roles that their names suggest, each to one.
func (t *tree) roles() {
	taken := make(map[formats.Role]bool)
	for _, d := range t.archive.dirs {
		if f := d.folder; len(f.Path) == 1 {
			if role := extract.RoleOf(f.Path[0]); role != formats.RoleNone && !taken[role] {
				f.Role, taken[role] = role, true
			}
		}
	}
}

// parseName returns the path of a folder of Maildir++. Below the inbox it is as that of the inbox itself.
func parseName(dir string) []string {
	var names []string
	for name := range strings.SplitSeq(strings.TrimPrefix(dir, "."), ".") {
		if name != "" {
			names = append(names, decoded(name))
		}
	}
	if len(names) == 0 {
		return []string{dir}
	}
	if strings.EqualFold(names[0], inbox) {
		names[0] = inbox
	}
	return names
}

// decoded returns the name that modified UTF-7 stands for. What is none is UTF-8, as newer servers have it, or of a time
// before both.
func decoded(name string) string {
	if text, err := maildir.DecodeUTF7(name); err == nil {
		return text
	}
	if !utf8.ValidString(name) {
		name, _ = codepage.Decode(codepage.Default, []byte(name))
	}
	return name
}
