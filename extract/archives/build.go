package archives

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"mailmill/extract"
	"mailmill/extract/bundle"
	"mailmill/extract/mail"
	"mailmill/extract/maildir"
	"mailmill/extract/mh"
	"mailmill/formats"
)

const (
	// recordName is the file that says of a tree that mailmill has written it.
	recordName = ".mailmill.json"
	// besideExtension ends the names of folders with the attachments of a calendar in such a tree.
	besideExtension = ".files"
)

// treeOf says what a tree is made of.
type treeOf struct {
	path   string // of the folder, or of the file with the tree in it
	format string
	budget *bundle.Budget
	// onDisk is set for folders. What is a source of its own is left out then, and what is not read was told by [Find].
	onDisk bool
}

// tree makes an archive of what lies in files. The error is an [extract.SourceError], which is [extract.ErrEmpty] where
// there is nothing to read, or the cause of ctx's end.
func (s *session) tree(ctx context.Context, files fs.FS, of treeOf) (*tree, error) {
	t := &tree{session: s, files: files, budget: of.budget}
	t.info = extract.Info{Path: of.path, Format: of.format, CodePage: s.o.CodePage}
	b := &builder{tree: t, of: of}
	t.top = b.top()
	if err := b.walk(ctx, visit{dir: t.top}); err != nil {
		return nil, refused(of.path, err)
	}
	if err := b.peek(ctx); err != nil {
		return nil, err
	}
	if err := b.settle(ctx); err != nil {
		t.Close()
		return nil, err
	}
	if len(t.parts) == 0 {
		return nil, &extract.SourceError{Path: of.path, Problem: "is " + article(of.format) + " without mail", Advice: readAdvice, Err: extract.ErrEmpty}
	}
	if lost := t.losses(); lost == len(t.parts) && !of.onDisk {
		return nil, t.parts[0].err
	}
	t.describe()
	return t, nil
}

func article(noun string) string { return "a " + noun }

// losses is the number of parts of which nothing can be read.
func (t *tree) losses() (n int) {
	for i := range t.parts {
		if t.parts[i].err != nil {
			n++
		}
	}
	return n
}

// describe completes what is known of the tree.
func (t *tree) describe() {
	counts := make(map[form]int)
	for i := range t.parts {
		p := &t.parts[i]
		counts[p.form]++
		t.info.Size += p.size
		if p.modified.After(t.info.Modified) {
			t.info.Modified = p.modified.UTC()
		}
	}
	var list []string
	for _, f := range []form{inMail, inEMLX, inMbox, inMaildir, inMH, inCompound, inTNEF, inLines, inPST, inOLM, inTar, inZip, inPacked} {
		if n := counts[f]; n > 0 {
			list = append(list, fmt.Sprintf("%d %s", n, formNames[f]))
		}
	}
	if len(list) > 0 {
		t.info.Format += " with " + strings.Join(list, ", ")
	}
}

var formNames = map[form]string{
	inMail: ".eml", inEMLX: ".emlx", inMbox: "mbox", inMaildir: "Maildir", inMH: "MH", inCompound: ".msg", inTNEF: "winmail.dat",
	inLines: ".ics or .vcf", inPST: ".pst", inOLM: ".olm", inTar: "tar", inZip: "zip", inPacked: "compressed",
}

// builder is a tree under way.
type builder struct {
	tree *tree
	of   treeOf
	// kinds are those of the tree's parts, as far as they are known; nil for folders.
	kinds  []*kind
	except []fs.FileInfo
}

// top finds the folder that the tree begins with. One that was packed with its own folder, "out/" in out.tar, begins in it,
// and so does one that mailmill wrote.
func (b *builder) top() string {
	list, err := fs.ReadDir(b.tree.files, ".")
	if b.of.onDisk || err != nil || len(list) != 1 || !list[0].IsDir() {
		return "."
	}
	name := list[0].Name()
	if _, err := fs.Stat(b.tree.files, path.Join(name, recordName)); err == nil || name == stem(b.of.path) {
		return name
	}
	return "."
}

// maxDirs bounds how deep folders may lie in each other. No file system has more.
const maxDirs = 4096

// mailbox is a folder of files that is an archive of its own.
type mailbox interface {
	// Owns reports whether a file or folder is a part of it.
	Owns(name string) bool
}

// visit is a folder on the way.
type visit struct {
	dir   string
	depth int
	// around is the mailbox that it may be a part of; nil for none.
	around mailbox
	// record is that of the tree that mailmill wrote it into; nil for others.
	record *record
}

// walk finds the files in a folder and in those below it, but for those that are part of a mailbox around it.
func (b *builder) walk(ctx context.Context, v visit) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	list, err := fs.ReadDir(b.tree.files, v.dir)
	if err != nil && v.depth == 0 {
		return err
	}
	if slices.ContainsFunc(list, func(d fs.DirEntry) bool { return d.Name() == recordName }) {
		if r := readRecord(b.tree.files, v.dir); r != nil {
			v.record = r
		}
	}
	if v.around == nil {
		if v.around, err = b.mailbox(v.dir, list, v.record); err != nil {
			return err
		}
	}
	for _, d := range list {
		name := path.Join(v.dir, d.Name())
		mode := d.Type()
		if mode&fs.ModeSymlink != 0 {
			// A link to a file counts as the file, one to a folder is not followed: it might lead in circles.
			if info, err := fs.Stat(b.tree.files, name); err == nil && info.Mode().IsRegular() && !b.within(name) {
				mode = 0
			}
		}
		switch {
		case b.passed(name), v.around != nil && (!mode.IsDir() || isMaildirs(d.Name())) && v.around.Owns(name):
		case v.record != nil && mode.IsDir() && path.Ext(name) == besideExtension:
			// The attachments of a calendar are no items.
		case mode.IsDir() && isSearchCopy(d.Name(), list):
			// They are in the mbox beside it.
		case mode.IsDir() && v.depth < maxDirs:
			if err := b.walk(ctx, visit{name, v.depth + 1, v.around, v.record}); err != nil {
				return err
			}
		case mode.IsRegular():
			b.tree.parts = append(b.tree.parts, part{dir: v.dir, name: d.Name(), record: v.record})
			b.kinds = append(b.kinds, nil)
		}
	}
	return nil
}

// isSearchCopy reports whether a directory, one of a list, holds copies of the mails of an mbox beside it.
//
// QUIRK: Thunderbird keeps each mail of "Inbox" once more in "Inbox.mozmsgs", for what the system has to search with.
func isSearchCopy(name string, list []fs.DirEntry) bool {
	box, ok := strings.CutSuffix(name, ".mozmsgs")
	return ok && slices.ContainsFunc(list, func(d fs.DirEntry) bool { return d.Name() == box && !d.IsDir() })
}

// within reports whether a link leads to a file of the folder itself, which is read where it lies.
func (b *builder) within(link string) bool {
	top, err := filepath.EvalSymlinks(b.of.path)
	if err != nil {
		return false
	}
	to, err := filepath.EvalSymlinks(filepath.Join(b.of.path, filepath.FromSlash(link)))
	if err != nil {
		return false
	}
	below, err := filepath.Rel(top, to)
	return err == nil && filepath.IsLocal(below)
}

// isMaildirs reports whether a directory is called as those are that a Maildir has.
func isMaildirs(name string) bool {
	return strings.HasPrefix(name, ".") || slices.Contains([]string{"cur", "new", "tmp"}, name)
}

// mailbox opens the mailbox that a folder is; nil where it is none.
func (b *builder) mailbox(dir string, list []fs.DirEntry, r *record) (mailbox, error) {
	t := b.tree
	p := part{dir: path.Dir(dir), name: path.Base(dir), record: r}
	var a extract.Archive
	var box mailbox
	var err error
	switch {
	case slices.ContainsFunc(list, func(d fs.DirEntry) bool { return d.IsDir() && d.Name() == "cur" }) && maildir.Is(t.files, dir):
		var m *maildir.Archive
		p.form = inMaildir
		m, err = maildir.OpenFolder(t.files, dir, t.place(&p), t.session.o)
		a, box = m, m
	case slices.ContainsFunc(list, func(d fs.DirEntry) bool { return isNumber([]byte(d.Name())) || strings.HasPrefix(d.Name(), ".mh_") }) && mh.Is(t.files, dir):
		var m *mh.Archive
		p.form = inMH
		folder := t.place(&p)
		if len(folder) == 0 {
			m, err = mh.Open(t.files, dir, t.session.o)
		} else {
			m, err = mh.OpenFolder(t.files, dir, folder, t.session.o)
		}
		a, box = m, m
	default:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p.held = &held{opened: &opened{Archive: a, form: p.form}}
	p.modified = a.Info().Modified
	t.parts = append(t.parts, p)
	b.kinds = append(b.kinds, mailboxFolder)
	return box, nil
}

// mailboxFolder is the kind of folders that are archives.
var mailboxFolder = &kind{name: "a mailbox in a folder", archive: true}

// passed reports whether a file or folder is one that a run writes to, or one where it has begun to.
func (b *builder) passed(name string) bool {
	if !b.of.onDisk {
		return false
	}
	if strings.HasSuffix(name, stageSuffix) {
		return true
	}
	if b.except == nil {
		b.except = make([]fs.FileInfo, 0, 1)
		for _, target := range b.tree.session.o.Except {
			if info, err := os.Stat(target); err == nil {
				b.except = append(b.except, info)
			}
		}
	}
	if len(b.except) == 0 {
		return false
	}
	info, err := fs.Stat(b.tree.files, name)
	return err == nil && slices.ContainsFunc(b.except, func(other fs.FileInfo) bool { return os.SameFile(info, other) })
}

// stageSuffix ends the names of folders in which targets are made.
const stageSuffix = ".mailmill.tmp"

// peek looks into all files, several at once: each is opened once.
func (b *builder) peek(ctx context.Context) error {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(2*runtime.GOMAXPROCS(0), len(b.tree.parts)) {
		workers.Go(func() {
			buf := make([]byte, 0, longestHead)
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(b.tree.parts) {
					return
				}
				b.look(i, buf)
			}
		})
	}
	workers.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// look finds out what a file is. The buffer is for its beginning.
func (b *builder) look(i int, buf []byte) {
	p := &b.tree.parts[i]
	if p.held != nil {
		return
	}
	f, err := b.tree.files.Open(p.path())
	if err != nil {
		p.err = err
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		p.err = err
		return
	}
	p.size, p.modified = info.Size(), info.ModTime()
	head, err := readInto(buf[:0], f, headLen)
	if err != nil && len(head) == 0 {
		p.err = err
		return
	}
	k := recognise(head, p.name)
	if p.record != nil && extension(p.name) == ".eml" {
		k = mailFile // whatever it begins with
	}
	if at, ok := f.(io.ReaderAt); ok && b.of.onDisk && k.form == inPacked {
		// What is a source of its own is not unpacked only to find that out.
		inner, _, done := peel(k, p.name, at, p.size)
		done()
		if inner.form.source() {
			k = inner
		}
	}
	b.kinds[i], p.form = k, k.form
	if k.form == inMail {
		if len(head) == headLen {
			if rest, err := readHeadInto(head, f, longestHead); err == nil {
				head = rest
			}
		}
		var e formats.Entry
		mail.Peek(&e, head, b.tree.session.o.CodePage)
		p.subject, p.date = e.Subject, e.Date
	}
}

// longestHead is how much is looked at of a message's header.
const longestHead = 64 << 10

// readHeadInto reads on to the end of a message's header, or as far as it is looked at.
func readHeadInto(head []byte, r io.Reader, limit int) ([]byte, error) {
	for len(head) < limit && !headEnds(head) {
		before := len(head)
		var err error
		if head, err = readInto(head, r, min(limit, before+headLen)); err != nil || len(head) == before {
			return head, err
		}
	}
	return head, nil
}

// headEnds reports whether there is an empty line in a text.
func headEnds(head []byte) bool {
	return strings.Contains(string(head), "\n\n") || strings.Contains(string(head), "\n\r\n")
}

// readInto reads up to a length; less at the end.
func readInto(buf []byte, r io.Reader, length int) ([]byte, error) {
	buf = slices.Grow(buf, length-len(buf))
	n, err := io.ReadFull(r, buf[len(buf):length])
	if err == io.ErrUnexpectedEOF || err == io.EOF {
		err = nil
	}
	return buf[:len(buf)+n], err
}

// settle keeps the parts that hold something, and opens those that have to be.
func (b *builder) settle(ctx context.Context) error {
	t := b.tree
	kept := t.parts[:0]
	for i := range t.parts {
		p := t.parts[i]
		keep, err := b.take(ctx, &p, b.kinds[i])
		if err != nil {
			return err
		}
		if keep {
			kept = append(kept, p)
		}
	}
	clear(t.parts[len(kept):])
	t.parts = slices.Clip(kept)
	b.kinds = nil
	return nil
}

// take opens a part if it has to, and reports whether there is anything in it that counts.
func (b *builder) take(ctx context.Context, p *part, k *kind) (keep bool, err error) {
	t := b.tree
	lose := func(err error) (bool, error) {
		*p = *t.lost(p, err)
		return true, nil
	}
	// In a folder Find tells what else is lost.
	claims := isMailName(p.name) || !b.of.onDisk && claimsMail(p.name)
	switch {
	case p.held != nil:
		return true, nil
	case k == appleDouble, p.err == nil && p.size == 0 && !isMailFile(p.name) && !hasArchiveName(p.name):
		return false, nil // a mailbox may be empty
	case p.err != nil && b.of.onDisk && !claims:
		return false, nil
	case p.err != nil:
		return lose(p.err) // whatever it is: nobody can look
	case k.form == unread && !claims && (!k.archive || b.of.onDisk):
		return false, nil
	case k.form == unread && p.size == 0:
		return lose(errEmpty(path.Join(t.info.Path, p.path())))
	case k.form == unread:
		return lose(k.refusal(path.Join(t.info.Path, p.path())))
	case k.form == inMail:
		p.folder = t.shelves.at(t.around(p), nil)
		return true, nil
	case b.of.onDisk && k.form.source():
		return false, nil
	}
	a, err := t.openPart(ctx, p)
	var source *extract.SourceError
	switch {
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case errors.Is(err, bundle.ErrNoRoom):
		return false, err
	case err != nil && isMailName(p.name):
		return lose(err)
	case errors.Is(err, extract.ErrEmpty), errors.Is(err, extract.ErrNotArchive) && !claims:
		return false, nil
	case errors.As(err, &source) && b.of.onDisk && errors.Is(err, extract.ErrUnsupported):
		return false, nil // Find has told of it
	case err != nil:
		return lose(err)
	case b.of.onDisk && a.form.source():
		a.Close()
		return false, nil
	}
	p.form = a.form
	if p.form == inMail {
		p.form = inEMLX // not to be read as it is
	}
	if !a.light {
		p.held = &held{opened: a}
	}
	return true, nil
}

// source reports whether files of a form that lie in a folder are sources of their own.
func (f form) source() bool { return f == inPST || f == inOLM || f == inTar || f == inZip }

// isMailName reports whether a file is called as messages, calendars and cards are.
func isMailName(name string) bool {
	switch extension(name) {
	case ".eml", ".emlx", ".msg", ".oft", ".ics", ".ical", ".vcs", ".vcf", ".vcard", ".mbox", ".mbx", ".tnef":
		return true
	}
	return strings.EqualFold(name, "winmail.dat")
}

// claimsMail reports whether a file's name says that there is mail in it, however it is packed: it is worth a word then
// that nothing of it can be read.
func claimsMail(name string) bool {
	for inner := unpackedName(name); inner != name; inner = unpackedName(name) {
		name = inner
	}
	switch extension(name) {
	case ".olm", ".zip", ".tar":
		return true
	}
	return isMailName(name) || hasArchiveName(name)
}
