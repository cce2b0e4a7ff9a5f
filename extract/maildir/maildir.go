// Package maildir reads Maildirs as archives: the mailbox in which each mail is a file, and its state the file's name. It knows
// the forms that servers and mail programs give to folders in it:
//
//	.Projects.Alpha/cur           Maildir++: Dovecot, Courier, and mailmill
//	Projects/Alpha/cur            Dovecot with LAYOUT=fs, mbsync
//	.Projects.directory/Alpha/cur KMail
//	Projects.sbd/Alpha/cur        Thunderbird
//
// The Maildir itself is the inbox. The files in tmp are none yet. The keywords that letters stand for are those of Dovecot.
// When a mail was received is the time of its file, except where mailmill wrote it: that is in the name, too, and survives
// copying. Files that Dovecot has compressed are unpacked.
package maildir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
	"sync"

	"mailmill/extract"
	"mailmill/extract/internal/messages"
	"mailmill/extract/mail"
	"mailmill/formats"
	"mailmill/formats/maildir"
)

// Archive is an opened Maildir.
type Archive struct {
	fsys fs.FS
	opt  extract.Options
	info extract.Info
	dirs []*dir
}

var (
	_ extract.Archive = (*Archive)(nil)
	_ extract.Learner = (*Archive)(nil)
)

// dir is the directory of a folder.
type dir struct {
	path     string // in the file system
	folder   *formats.Folder
	keywords func() *maildir.Keywords
}

// Is reports whether a directory is a Maildir, or a folder of one: it has cur, and new or tmp, or flags in the names of
// what is in cur.
//
// QUIRK: what packs files and copies them to clouds leaves directories out that are empty.
func Is(fsys fs.FS, name string) bool {
	cur := path.Join(name, "cur")
	return isDir(fsys, cur) && (isDir(fsys, path.Join(name, "new")) || isDir(fsys, path.Join(name, "tmp")) || flagged(fsys, cur))
}

// flagged reports whether a directory has a file with flags in its name.
func flagged(fsys fs.FS, name string) bool {
	entries, _ := fs.ReadDir(fsys, name)
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		flags := strings.TrimPrefix(e.Name(), maildir.Base(e.Name()))
		return len(flags) > 1 && strings.HasPrefix(flags[1:], "2,")
	})
}

func isDir(fsys fs.FS, name string) bool {
	info, err := fs.Stat(fsys, name)
	return err == nil && info.IsDir()
}

// Open opens the Maildir in a directory; "." is the file system's top. The names of its files in the file system are the IDs
// of entries.
func Open(fsys fs.FS, name string, o extract.Options) (*Archive, error) {
	return OpenFolder(fsys, name, nil, o)
}

// OpenFolder opens a Maildir that is a folder among others. One that has folders as Maildir++ has them is a mailbox of its
// own, in that folder; any other is the folder itself.
func OpenFolder(fsys fs.FS, name string, folder []string, o extract.Options) (*Archive, error) {
	if !Is(fsys, name) {
		return nil, &extract.SourceError{Path: name, Problem: "is no Maildir", Err: extract.ErrNotArchive}
	}
	a := &Archive{fsys: fsys, opt: o, info: extract.Info{Path: name, Format: "Maildir"}}
	if info, err := fs.Stat(fsys, name); err == nil {
		a.info.Modified = info.ModTime()
	}
	t := &tree{archive: a, above: folder}
	t.top(name)
	slices.SortStableFunc(a.dirs, func(x, y *dir) int { return slices.Compare(x.folder.Path, y.folder.Path) })
	t.roles()
	return a, nil
}

// Info implements [extract.Archive].
func (a *Archive) Info() extract.Info { return a.info }

// Folders implements [extract.Archive].
func (a *Archive) Folders() []*formats.Folder {
	list := make([]*formats.Folder, len(a.dirs))
	for i, d := range a.dirs {
		list[i] = d.folder
	}
	return list
}

// Owns reports whether a name in the file system is of the Maildir: what a program finds beside that is something else.
func (a *Archive) Owns(name string) bool {
	for _, d := range a.dirs {
		rest, inside := name, d.path == "."
		if !inside {
			if rest, inside = strings.CutPrefix(name, d.path+"/"); !inside {
				if name == d.path {
					return true
				}
				continue
			}
		}
		first, _, _ := strings.Cut(rest, "/")
		if slices.Contains(maildir.Dirs(), first) || isControl(first) {
			return true
		}
	}
	return false
}

// isControl reports whether a file or directory beside cur holds what a server knows of the folder.
func isControl(name string) bool {
	return name == maildir.SubscriptionsFile || name == maildir.FolderFile || strings.HasPrefix(name, "dovecot") ||
		strings.HasPrefix(name, "courier") || strings.HasPrefix(name, ".") || name == "maildirsize" || name == "maildirfilter"
}

// Entries implements [extract.Archive].
func (a *Archive) Entries(ctx context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		var failed []error // what cannot be listed is told when everything else was
		for i, d := range a.dirs {
			files, err := d.files(a.fsys)
			if err != nil {
				failed = append(failed, fmt.Errorf("the folder %q cannot be listed: %w", d.folder, err))
			}
			for _, f := range files {
				if ctx.Err() != nil {
					yield(formats.Entry{}, context.Cause(ctx))
					return
				}
				e := formats.Entry{Folder: d.folder, ID: f.path, Index: uint64(i), Kind: formats.KindMail}
				info, err := f.Info()
				switch {
				case errors.Is(err, fs.ErrNotExist):
					continue // it has been renamed since, as its state changed, or is gone
				case err != nil:
					e.Err = err
				default:
					e.Size = info.Size()
				}
				if !yield(e, nil) {
					return
				}
			}
		}
		if len(failed) > 0 {
			yield(formats.Entry{}, errors.Join(failed...))
		}
	}
}

// entry is a file of a mail.
type entry struct {
	fs.DirEntry
	path string
}

// files returns the files of a folder's mails in the order of their names, new ones among the others.
func (d *dir) files(fsys fs.FS) (list []entry, err error) {
	for _, sub := range []string{"cur", "new"} {
		names, readErr := fs.ReadDir(fsys, path.Join(d.path, sub))
		if readErr != nil && !errors.Is(readErr, fs.ErrNotExist) {
			err = readErr
		}
		for _, n := range names {
			if !n.IsDir() && !strings.HasPrefix(n.Name(), ".") {
				list = append(list, entry{n, path.Join(d.path, sub, n.Name())})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b entry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, err
}

// Read implements [extract.Archive].
func (a *Archive) Read(ctx context.Context, e formats.Entry) (*formats.Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if e.Err != nil {
		return nil, e.Err
	}
	if e.Index >= uint64(len(a.dirs)) {
		return nil, fmt.Errorf("%s is not of this Maildir", e.ID)
	}
	content, size, modified, err := messages.Load(a.fsys, e.ID)
	if err == nil {
		content, size, err = unpacked(content, size)
	}
	if err != nil {
		return nil, err
	}
	name := path.Base(e.ID)
	m := maildir.ParseName(name)
	s := mail.State{Flags: m.Flags, Received: modified}
	if strings.Contains(name, ".mailmill,") || modified.IsZero() {
		s.Received = m.Time
	}
	var atoms []string
	for i := range len(m.Keywords) {
		switch atom := a.dirs[e.Index].keywords().Keyword(m.Keywords[i]); {
		case strings.EqualFold(atom, maildir.Forwarded):
			s.Flags |= formats.FlagForwarded
		case atom != "":
			atoms = append(atoms, atom)
			s.Keywords = append(s.Keywords, keyword(atom))
		}
	}
	it, err := mail.New(e, content, size, s, a.opt)
	if err != nil {
		return nil, err
	}
	it.Source = a.info.Path
	if maildir.Base(name) != name || path.Base(path.Dir(e.ID)) == "new" {
		// The name says all; what another program has left in the header is of another time.
		it.Flags = s.Flags
	}
	it.Keywords = without(it.Keywords, atoms)
	return it, nil
}

// keyword returns what a program shows for a keyword: Thunderbird makes those of its tags in modified UTF-7, and so does
// mailmill.
func keyword(atom string) string {
	if text, err := maildir.DecodeUTF7(atom); err == nil {
		return text
	}
	return atom
}

// without returns the keywords without those atoms that were made of another of them: long ones are cut, and no atom holds
// all characters.
func without(keywords, atoms []string) []string {
	return slices.DeleteFunc(keywords, func(k string) bool {
		i := slices.IndexFunc(atoms, func(atom string) bool { return keyword(atom) == k })
		return i >= 0 && slices.ContainsFunc(keywords, func(other string) bool {
			return other != k && strings.EqualFold(maildir.Keyword(other), atoms[i])
		})
	})
}

// Places implements [extract.Learner].
func (a *Archive) Places(ctx context.Context) iter.Seq2[formats.Entry, error] { return a.Entries(ctx) }

// Learn implements [extract.Learner].
func (a *Archive) Learn(ctx context.Context, e formats.Entry, lesson *formats.Lesson) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	head, err := messages.Head(a.fsys, e.ID)
	if err == nil && isPacked(head) {
		var content formats.Content
		if content, _, _, err = messages.Load(a.fsys, e.ID); err == nil {
			content, _, err = unpacked(content, 0)
		}
		if err == nil {
			head, err = messages.HeadOf(content)
		}
	}
	if err == nil {
		mail.Learn(head, lesson)
	}
	return err
}

// Close implements [extract.Archive]. It closes nothing: the file system is its opener's.
func (a *Archive) Close() error { return nil }

// keywordsOf reads the keywords of a folder, when they are needed.
func keywordsOf(fsys fs.FS, dir string) func() *maildir.Keywords {
	return sync.OnceValue(func() *maildir.Keywords {
		const most = 1 << 20
		f, err := fsys.Open(path.Join(dir, maildir.KeywordsFile))
		if err != nil {
			return new(maildir.Keywords)
		}
		defer f.Close()
		data, err := io.ReadAll(io.LimitReader(f, most))
		if err != nil {
			return new(maildir.Keywords)
		}
		return maildir.ParseKeywords(data)
	})
}
