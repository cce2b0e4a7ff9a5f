// Package mh reads MH mailboxes as archives: directories in which each mail is a file with a number for its name. nmh, Claws
// Mail, Sylpheed, Gnus and Evolution write them.
//
// The state of mails is in sequences, lists of numbers with a name, in a file .mh_sequences in each directory: unseen, flagged,
// replied and the like; others become keywords. Claws Mail and Sylpheed keep it in files of their own, which are read as
// well. A mail in neither is seen.
package mh

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"mailmill/extract"
	"mailmill/extract/internal/messages"
	"mailmill/extract/mail"
	"mailmill/formats"
)

// Archive is an opened mailbox.
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
	path   string // in the file system
	folder *formats.Folder
	state  func() *state
}

// Is reports whether a directory is a folder of MH: it has mails by number, and a file of sequences or, as the first of
// them, a file that begins as a mail does.
func Is(fsys fs.FS, name string) bool {
	entries, err := fs.ReadDir(fsys, name)
	if err != nil {
		return false
	}
	first := ""
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		if slices.Contains(stateFiles[:], e.Name()) {
			return true
		}
		if _, _, ok := number(e.Name()); ok && first == "" {
			first = e.Name()
		}
	}
	if first == "" {
		return false
	}
	head, err := messages.Head(fsys, path.Join(name, first))
	return err == nil && isHeader(head)
}

// isHeader reports whether a text begins with a header field.
func isHeader(b []byte) bool {
	name, _, ok := bytes.Cut(b[:min(len(b), 100)], []byte(":"))
	return ok && len(name) > 0 && !bytes.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7F })
}

// unnamed is the folder of a mailbox whose name is not known.
const unnamed = "Mail"

// Open opens the mailbox in a directory, with those in its directories; "." is the file system's top. The names of its files
// in the file system are the IDs of entries.
func Open(fsys fs.FS, name string, o extract.Options) (*Archive, error) {
	folder := []string{unnamed}
	if base := path.Base(name); base != "." {
		folder = []string{base}
	}
	return OpenFolder(fsys, name, folder, o)
}

// OpenFolder opens a mailbox that is a folder among others.
func OpenFolder(fsys fs.FS, name string, folder []string, o extract.Options) (*Archive, error) {
	a := &Archive{fsys: fsys, opt: o, info: extract.Info{Path: name, Format: "MH mailbox"}}
	info, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, extract.FileError(name, err)
	}
	a.info.Modified = info.ModTime()
	a.walk(name, folder, 0)
	if len(a.dirs) == 0 {
		return nil, &extract.SourceError{Path: name, Problem: "holds no mails by number", Err: extract.ErrNotArchive}
	}
	return a, nil
}

// Bounds of directories in directories, and of all of them.
const (
	deepest     = 64
	mostFolders = 100_000
)

// walk finds the folders in a directory.
func (a *Archive) walk(name string, folder []string, depth int) {
	entries, err := fs.ReadDir(a.fsys, name)
	if err != nil {
		a.info.Warnings = append(a.info.Warnings, fmt.Sprintf("%s cannot be listed: %v", name, err))
		a.info.Incomplete = "a directory cannot be listed"
	}
	if depth > deepest || len(a.dirs) == mostFolders {
		a.info.Incomplete = "it has more folders than are read"
		return
	}
	if slices.ContainsFunc(entries, isMail) || slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return slices.Contains(stateFiles[:], e.Name()) }) {
		d := &dir{path: name, folder: &formats.Folder{Path: folder}}
		if len(folder) == 1 {
			d.folder.Role = extract.RoleOf(folder[0])
		}
		d.state = sync.OnceValue(func() *state { return readState(a.fsys, name) })
		a.dirs = append(a.dirs, d)
	}
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			a.walk(path.Join(name, e.Name()), append(slices.Clip(folder), strings.ToValidUTF8(e.Name(), "\uFFFD")), depth+1)
		}
	}
}

func isMail(e fs.DirEntry) bool {
	_, _, ok := number(e.Name())
	return ok && !e.IsDir()
}

// number reads the name of a mail's file. One that was removed has a comma or a hash before it.
func number(name string) (n uint64, removed, ok bool) {
	digits := strings.TrimLeft(name, ",#")
	removed = len(digits) < len(name)
	if len(name)-len(digits) > 1 || digits == "" || digits[0] == '0' || strings.Trim(digits, "0123456789") != "" {
		return 0, false, false
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	return n, removed, err == nil
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

// Owns reports whether a name in the file system is of the mailbox: what a program finds beside that is something else.
func (a *Archive) Owns(name string) bool {
	in, base := path.Split(name)
	in = cmp.Or(strings.TrimSuffix(in, "/"), ".")
	if !slices.ContainsFunc(a.dirs, func(d *dir) bool { return d.path == in }) {
		return false
	}
	_, _, mail := number(base)
	return mail || slices.Contains(stateFiles[:], base)
}

// file is a mail's.
type file struct {
	fs.DirEntry
	number  uint64
	removed bool
}

// Entries implements [extract.Archive]. Mails are in the order of their numbers.
func (a *Archive) Entries(ctx context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		var failed []error // what cannot be listed is told when everything else was
		for i, d := range a.dirs {
			entries, err := fs.ReadDir(a.fsys, d.path)
			if err != nil {
				failed = append(failed, fmt.Errorf("the folder %q cannot be listed: %w", d.folder, err))
			}
			var files []file
			for _, e := range entries {
				if n, removed, ok := number(e.Name()); ok && !e.IsDir() && (a.opt.Recover || !removed) {
					files = append(files, file{e, n, removed})
				}
			}
			slices.SortFunc(files, func(a, b file) int {
				return cmp.Or(cmp.Compare(a.number, b.number), strings.Compare(b.Name(), a.Name()))
			})
			for _, f := range files {
				if ctx.Err() != nil {
					yield(formats.Entry{}, context.Cause(ctx))
					return
				}
				e := formats.Entry{Folder: d.folder, ID: path.Join(d.path, f.Name()), Index: uint64(i), Kind: formats.KindMail, Recovered: f.removed}
				info, err := f.Info()
				switch {
				case errors.Is(err, fs.ErrNotExist):
					continue // it is gone since
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

// Read implements [extract.Archive].
func (a *Archive) Read(ctx context.Context, e formats.Entry) (*formats.Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if e.Err != nil {
		return nil, e.Err
	}
	n, removed, ok := number(path.Base(e.ID))
	if e.Index >= uint64(len(a.dirs)) || !ok {
		return nil, fmt.Errorf("%s is not of this mailbox", e.ID)
	}
	content, size, _, err := messages.Load(a.fsys, e.ID)
	if err != nil {
		return nil, err
	}
	var s mail.State
	s.Flags, s.Keywords = a.dirs[e.Index].state().of(n)
	if removed {
		s.Flags |= formats.FlagDeleted
	}
	it, err := mail.New(e, content, size, s, a.opt)
	if err != nil {
		return nil, err
	}
	it.Source = a.info.Path
	if s.Flags&formats.FlagSeen == 0 {
		it.Flags &^= formats.FlagSeen // a field Status is of the mbox that it was incorporated from
	}
	return it, nil
}

// Places implements [extract.Learner].
func (a *Archive) Places(ctx context.Context) iter.Seq2[formats.Entry, error] { return a.Entries(ctx) }

// Learn implements [extract.Learner].
func (a *Archive) Learn(ctx context.Context, e formats.Entry, lesson *formats.Lesson) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	head, err := messages.Head(a.fsys, e.ID)
	if err == nil {
		mail.Learn(head, lesson)
	}
	return err
}

// Close implements [extract.Archive]. It closes nothing: the file system is its opener's.
func (a *Archive) Close() error { return nil }
