package archives

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mailmill/extract"
	"mailmill/extract/bundle"
	"mailmill/extract/maildir"
	maildirs "mailmill/formats/maildir"
)

// Find returns the sources that a name given by a user means: the file itself or, of a folder, every mailbox and packed
// archive in it and in its folders, in the order of their names, and behind them the folder itself if there is anything
// else in it that is read: mboxes, messages, calendars and cards, Maildirs. What looks like an archive and cannot be read is
// told in skipped, by the error that Open would give, or by one for all files of a kind; other files that happen to lie there
// are ignored. A folder without anything to read is an error, and so is the end of ctx.
//
// Except, if it lies in the source, is passed over: it is where a run writes to. [Open] passes over what its options say.
func Find(ctx context.Context, source, except string) (sources []string, skipped []error, err error) {
	if source == "-" {
		return []string{source}, nil, nil
	}
	info, err := os.Stat(source)
	if err != nil {
		return nil, nil, extract.FileError(source, err)
	}
	if !info.IsDir() {
		return []string{source}, nil, nil
	}
	root := source
	if link, err := os.Lstat(source); err == nil && link.Mode()&fs.ModeSymlink != 0 {
		root += string(filepath.Separator) // a link that is named is followed
	}
	s := &search{source: root, others: make(map[*kind][]string)}
	if s.except, err = os.Stat(except); err != nil {
		s.except = nil // not there yet
	}
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return s.visit(ctx, path, d, err)
	})
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, s.skipped, extract.FileError(source, err)
	}
	s.tell(ctx)
	if s.tree {
		s.sources = append(s.sources, source)
	}
	if len(s.sources) == 0 {
		return nil, s.skipped, &extract.SourceError{
			Path: source, Problem: "is a folder without mail", Advice: readAdvice, Err: extract.ErrEmpty,
		}
	}
	return s.sources, s.skipped, nil
}

// search looks for archives in a folder.
type search struct {
	source  string
	except  fs.FileInfo
	sources []string
	tree    bool // there is something to read beside them
	skipped []error

	others map[*kind][]string
	kinds  []*kind // of others, as they came
	locked []error // files that may not be read, of which nothing tells that they are archives
}

// visit looks at a file or folder.
func (s *search) visit(ctx context.Context, path string, d fs.DirEntry, err error) error {
	switch {
	case err != nil && path == s.source:
		return err
	case err != nil:
		s.skipped = append(s.skipped, extract.FileError(path, err))
		return nil
	case d.IsDir():
		if info, err := d.Info(); err == nil && path != s.source && s.except != nil && os.SameFile(info, s.except) {
			return fs.SkipDir
		}
		if slices.Contains(maildirs.Dirs(), d.Name()) && maildir.Is(os.DirFS(filepath.Dir(path)), ".") {
			s.tree = true
			return fs.SkipDir
		}
		return nil
	}
	if d.Type().IsRegular() && isMessageName(d.Name()) && !strings.HasPrefix(d.Name(), "._") {
		s.tree = true // a folder may have a million of them: they are opened when they are read
		return nil
	}
	// A link to a file counts as the file, one to a folder is not followed: it might lead in circles.
	info, err := os.Stat(path)
	switch {
	case err != nil && hasArchiveName(path):
		s.skipped = append(s.skipped, extract.FileError(path, err))
		return nil
	case err != nil, info.IsDir(), !info.Mode().IsRegular() && !hasArchiveName(path):
		return nil
	}
	switch k, holds, err := look(path); {
	case errors.Is(err, extract.ErrEmpty) && !hasArchiveName(path):
	case errors.Is(err, fs.ErrPermission) && !hasArchiveName(path):
		s.locked = append(s.locked, err)
	case err != nil:
		s.skipped = append(s.skipped, err)
	case holds.form.source():
		s.sources = append(s.sources, path)
	case holds.form != unread, isMailName(d.Name()):
		s.tree = true
	case k.archive && holds.archive:
		if s.others[k] == nil {
			s.kinds = append(s.kinds, k)
		}
		s.others[k] = append(s.others[k], path)
	case holds != withoutMail && k != appleDouble && claimsMail(d.Name()):
		s.skip(ctx, path)
	}
	return nil
}

// skip tells why a file is left out.
func (s *search) skip(ctx context.Context, path string) {
	a, err := Open(ctx, path, extract.Options{}, nil)
	if err == nil {
		a.Close() // it has become another meanwhile
		return
	}
	s.skipped = append(s.skipped, err)
}

// isMessageName reports whether a file is one that nothing else is called like.
func isMessageName(name string) bool {
	return slices.Contains([]string{".eml", ".emlx", ".msg", ".ics", ".vcf"}, extension(name))
}

// tell says what is left out, in one sentence for many files of a kind.
func (s *search) tell(ctx context.Context) {
	for _, k := range s.kinds {
		if paths := s.others[k]; len(paths) == 1 {
			s.skip(ctx, paths[0])
		} else {
			s.skipped = append(s.skipped, &extract.SourceError{
				Path: s.source, Err: extract.ErrUnsupported, Advice: k.advice,
				Problem: fmt.Sprintf("holds %d files like %s, which is %s", len(paths), paths[0], k.name),
			})
		}
	}
	if len(s.locked) == 1 {
		s.skipped = append(s.skipped, s.locked[0])
	} else if len(s.locked) > 1 {
		var first *extract.SourceError
		errors.As(s.locked[0], &first)
		s.skipped = append(s.skipped, &extract.SourceError{
			Path: s.source, Err: fs.ErrPermission, Advice: first.Advice,
			Problem: fmt.Sprintf("holds %d files that may not be read, like %s", len(s.locked), first.Path),
		})
	}
}

// look tells the kind of a file by its name and beginning, and the kind of what it holds in the end, if it is packed.
func look(path string) (k, holds *kind, err error) {
	if err := mayHold(path); err != nil {
		return nil, nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, extract.FileError(path, err)
	}
	defer f.Close()
	w, err := watch(path, f, nil)
	if err != nil {
		return nil, nil, err
	}
	k, err = kindOf(path, w, w.size)
	if err != nil {
		return nil, nil, err
	}
	return k, innermost(k, path, f, w.size), nil
}

// withoutMail is the kind of tars and zips that hold nothing for us.
var withoutMail = &kind{name: "an archive without mail"}

// innermost is the kind of what a file holds in the end. A tar or zip that holds nothing for us is none that is read.
func innermost(k *kind, path string, f io.ReaderAt, size int64) *kind {
	k, r, done := peel(k, path, f, size)
	defer done()
	if k.form == inTar && !tarHolds(r) || k.form == inZip && !zipHolds(f, size, r) {
		return withoutMail
	}
	return k
}

// peel returns the kind of what a file holds in the end, and what reads that until done is called. What cannot be unpacked
// is of the kind that it is packed in, and not read.
func peel(k *kind, path string, f io.ReaderAt, size int64) (_ *kind, r io.Reader, done func()) {
	r = io.NewSectionReader(f, 0, size)
	var open []io.Closer
	done = func() {
		for _, c := range open {
			c.Close()
		}
	}
	broken := *k
	broken.form = unread
	for k.form == inPacked {
		z, err := k.compression.NewReader(r)
		if err != nil || len(open) > bundle.MaxDepth {
			return &broken, r, done
		}
		open = append(open, z)
		path = unpackedName(path)
		head, err := readInto(nil, z, headLen)
		if len(head) == 0 || err != nil && !errors.Is(err, bundle.ErrFormat) {
			return &broken, r, done
		}
		k, r = recognise(head, path), io.MultiReader(bytes.NewReader(head), z)
	}
	return k, r, done
}

// tarHolds reports whether there is anything in a tar that is worth opening it.
func tarHolds(r io.Reader) bool {
	for files := tar.NewReader(r); ; {
		h, err := files.Next()
		if err != nil {
			return err != io.EOF // it may be told what is wrong with it
		}
		if holds(h.Name, files) {
			return true
		}
	}
}

// zipHolds does so for a zip. One that is compressed once more is rare enough to be opened.
func zipHolds(f io.ReaderAt, size int64, r io.Reader) bool {
	if _, plain := r.(*io.SectionReader); !plain {
		return true
	}
	files, err := bundle.Zip(context.Background(), f, size, bundle.NewBudget(size))
	if err != nil {
		return true
	}
	found := false
	fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error { //nolint:errcheck // nothing here fails
		if err != nil || d.IsDir() {
			return err
		}
		member, err := files.Open(name)
		if err != nil {
			return err
		}
		defer member.Close()
		if found = holds(name, member); found {
			return fs.SkipAll
		}
		return nil
	})
	return found
}

// holds reports whether a file in an archive is one that is read or told of.
func holds(name string, r io.Reader) bool {
	if isMailName(name) || hasArchiveName(name) {
		return true
	}
	head, _ := readInto(nil, r, headLen)
	k := recognise(head, name)
	return k.form != unread || k.archive
}
