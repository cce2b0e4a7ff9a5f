package archives

import (
	"archive/zip"
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"sync"
	"time"

	"mailmill/extract"
	"mailmill/extract/bundle"
	"mailmill/extract/mail"
	"mailmill/extract/mbox"
	"mailmill/extract/msg"
	"mailmill/extract/olm"
	"mailmill/extract/pim"
	"mailmill/extract/pst"
	"mailmill/formats/codepage"
)

// session is what everything shares that is read of one source.
type session struct {
	o     extract.Options
	store bundle.Store
	// changed is told of files that change while they are read; nil for nobody.
	changed func(error)

	mu     sync.Mutex
	change error // the first that was met in a folder
}

// codePage is that of text that does not tell its own.
func (s *session) codePage() int {
	if s.o.CodePage != 0 {
		return s.o.CodePage
	}
	return codepage.Default
}

// report takes note of a file in a folder that has changed.
func (s *session) report(err error) {
	s.mu.Lock()
	first := s.change == nil
	if first {
		s.change = err
	}
	s.mu.Unlock()
	if first && s.changed != nil {
		s.changed(err)
	}
}

// fault returns what was reported.
func (s *session) fault() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.change
}

// body is a file, wherever it lies.
type body struct {
	io.ReaderAt
	path     string   // its name in errors, and for readers that name folders after it
	folder   []string // the folder that it is in a tree, or that is in it; nil outside of trees
	size     int64
	modified time.Time
	budget   *bundle.Budget
}

func (b *body) reader() io.Reader { return io.NewSectionReader(b, 0, b.size) }

// opened is an archive that was found somewhere.
type opened struct {
	extract.Archive
	form form // the innermost, where it was packed
	// light archives cost little to open again, and nothing to forget.
	light bool
	// packed are the programs that packed it, the last one first.
	packed []string
	// cut says why a part of what it was read from is missing; nil for none.
	cut error
}

// info is what is known of the archive, and of what it came in.
func (a *opened) info() extract.Info {
	info := a.Archive.Info()
	if len(a.packed) > 0 {
		info.Format += " (" + strings.Join(a.packed, ", ") + ")"
	}
	if a.cut != nil && info.Incomplete == "" {
		info.Incomplete = a.cut.Error()
	}
	return info
}

// lightSize is up to which size a file is read again and again rather than held.
const lightSize = 1 << 20

// open opens whatever is in a file. An error is an [extract.SourceError], or the cause of ctx's end.
func (s *session) open(ctx context.Context, b body) (*opened, error) {
	k, err := kindOf(b.path, b, b.size)
	if err != nil {
		return nil, err
	}
	switch k.form {
	case inPacked:
		return s.unpack(ctx, b, k)
	case inTar, inZip:
		return s.bundle(ctx, b, k)
	}
	a, err := s.read(k, b)
	if err != nil {
		return nil, err
	}
	return &opened{Archive: a, form: k.form, light: b.size <= lightSize && k.form != inPST}, nil
}

// read opens what is no container of files.
func (s *session) read(k *kind, b body) (extract.Archive, error) {
	var a extract.Archive
	var err error
	switch k.form {
	case inMbox:
		if b.folder == nil {
			a, err = mbox.Open(b.path, b, b.size, b.modified, s.o)
		} else {
			a, err = mbox.OpenFolder(b.folder, b.path, b, b.size, b.modified, s.o)
		}
	case inLines:
		switch {
		case b.path == stdinName:
			a, err = pim.OpenFolder(nil, b.path, b, b.size, b.modified, s.o) // it is called as its calendar
		case b.folder == nil:
			a, err = pim.Open(b.path, b, b.size, b.modified, s.o)
		default:
			a, err = pim.OpenFolder(b.folder, b.path, b, b.size, b.modified, s.o)
		}
	case inMail, inEMLX:
		a, err = mail.Open(b.path, b, b.size, b.modified, s.o)
	case inPST:
		a, err = pst.Open(b.path, b, b.size, b.modified, s.o)
	case inCompound:
		a, err = msg.Open(b.path, b, b.size, b.modified, s.o)
	case inTNEF:
		a, err = msg.OpenTNEF(b.path, b, b.size, b.modified, s.o)
	default:
		return nil, k.refusal(b.path)
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// unpack opens what a compressed file holds.
func (s *session) unpack(ctx context.Context, b body, k *kind) (*opened, error) {
	inner := b
	inner.path = unpackedName(b.path)
	var err error
	if inner.budget, err = b.budget.Deeper(); err != nil {
		return nil, refused(b.path, err)
	}
	r, err := k.compression.NewReader(b.reader())
	if err != nil {
		return nil, refused(b.path, err)
	}
	defer r.Close()
	// What is no archive is not worth a copy.
	in := bufio.NewReaderSize(r, headLen)
	head, err := in.Peek(headLen)
	if len(head) == 0 && err != nil && err != io.EOF {
		return nil, refused(b.path, err)
	}
	if err := k.holds(b.path, recognise(head, inner.path), len(head)); err != nil {
		return nil, err
	}
	c, err := s.store.Copy(ctx, in, -1, inner.budget)
	if err != nil {
		return nil, refused(b.path, err)
	}
	inner.ReaderAt, inner.size = c, c.Size
	a, err := s.open(ctx, inner)
	if err != nil {
		if c.Err != nil {
			return nil, refused(b.path, c.Err)
		}
		if source, ok := errors.AsType[*extract.SourceError](err); ok && source.Path == inner.path {
			named := *source
			named.Path = b.path // it is that file that people see
			return nil, &named
		}
		return nil, err
	}
	a.packed = append(a.packed, k.compression.String())
	a.light = a.light && c.InMemory && b.size <= lightSize
	if a.cut == nil {
		a.cut = c.Err
	}
	return a, nil
}

// holds refuses a compressed file that holds nothing that is read.
func (k *kind) holds(path string, inner *kind, n int) error {
	switch {
	case n == 0:
		return &extract.SourceError{Path: path, Problem: "is " + k.name + " of nothing", Err: extract.ErrEmpty}
	case inner.form != unread:
		return nil
	}
	e := &extract.SourceError{Path: path, Problem: "is " + k.name + " of " + inner.name, Advice: inner.advice, Err: extract.ErrNotArchive}
	if inner.archive {
		e.Err = extract.ErrUnsupported
	}
	return e
}

// unpackedName returns the name of what a compressed file holds.
func unpackedName(name string) string {
	switch ext := extension(name); ext {
	case ".gz", ".zst", ".bz2", ".xz", ".zstd", ".bz":
		return name[:len(name)-len(ext)]
	case ".tgz", ".tzst", ".tbz", ".tbz2", ".txz":
		return name[:len(name)-len(ext)] + ".tar"
	}
	return name
}

// bundle opens the tree in a tar or zip.
func (s *session) bundle(ctx context.Context, b body, k *kind) (*opened, error) {
	budget, err := b.budget.Deeper()
	if err != nil {
		return nil, refused(b.path, err)
	}
	var files *bundle.FS
	if k.form == inTar {
		files, err = bundle.Tar(ctx, b, b.size, &s.store, budget)
	} else {
		files, err = bundle.Zip(ctx, b, b.size, budget)
	}
	if err != nil {
		return nil, refused(b.path, err)
	}
	if k.form == inZip {
		if _, err := fs.Stat(files, "[Content_Types].xml"); err == nil {
			return nil, office.refusal(b.path)
		}
		if isOLM(files, b) {
			a, err := olm.Open(b.path, b, b.size, b.modified, s.o)
			if err != nil {
				return nil, err
			}
			return &opened{Archive: a, form: inOLM}, nil
		}
	}
	t, err := s.tree(ctx, files, treeOf{path: b.path, format: strings.TrimPrefix(k.name, "a "), budget: budget})
	if err != nil {
		return nil, err
	}
	t.info.Size, t.info.Modified = b.size, b.modified.UTC()
	if files.Incomplete != nil {
		t.info.Incomplete = files.Incomplete.Error()
	}
	if a := t.alone(); a != nil {
		a.packed = append(a.packed, strings.Fields(k.name)[1])
		if a.cut == nil {
			a.cut = files.Incomplete
		}
		return a, nil
	}
	return &opened{Archive: t, form: k.form}, nil
}

// isOLM reports whether a zip is an archive of Outlook for Mac.
func isOLM(files *bundle.FS, b body) bool {
	_, local := files.Stat("Local")
	_, accounts := files.Stat("Accounts")
	if local != nil && accounts != nil {
		return false
	}
	z, err := zip.NewReader(b, b.size)
	return (err == nil || errors.Is(err, zip.ErrInsecurePath)) && olm.Is(z)
}

// refused is the error for a file that cannot be unpacked.
func refused(name string, err error) error {
	var source *extract.SourceError
	e := &extract.SourceError{Path: name, Err: fmt.Errorf("%w: %w", extract.ErrUnreadable, err)}
	reason := func(is error) string { return strings.TrimSuffix(strings.TrimSuffix(err.Error(), is.Error()), ": ") }
	switch {
	case errors.As(err, &source):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, bundle.ErrNoRoom):
		return noRoom(name, err)
	case errors.Is(err, bundle.ErrBomb):
		e.Problem, e.Advice = reason(bundle.ErrBomb), bundle.ErrBomb.Error()
	case errors.Is(err, bundle.ErrEncrypted):
		e.Problem, e.Advice, e.Err = "is encrypted", "Unpack it with its password, and name the folder", extract.ErrUnsupported
	case errors.Is(err, bundle.ErrFormat), errors.Is(err, zip.ErrFormat):
		e.Problem, e.Advice = "cannot be read: "+err.Error(), "Fetch it again if a copy or a download did not succeed"
	default:
		return extract.FileError(name, err)
	}
	return e
}

// stem returns a file's name without what says how it is kept.
func stem(name string) string {
	base := path.Base(name)
	switch ext := extension(base); ext {
	case ".mbox", ".mbx", ".pst", ".ost", ".zip", ".tar", ".olm", ".ics", ".ical", ".vcs", ".vcf", ".vcard", ".eml", ".emlx", ".msg", ".oft", ".sbd":
		if len(base) > len(ext) {
			return base[:len(base)-len(ext)]
		}
	case ".gz", ".zst", ".bz2", ".xz", ".zstd", ".bz", ".tgz", ".tzst", ".tbz", ".tbz2", ".txz":
		if len(base) > len(ext) {
			return stem(unpackedName(base))
		}
	}
	return base
}
