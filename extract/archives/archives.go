// Package archives opens archives of every kind: it looks at a file's first bytes and hands it to the package that
// reads it. File names play no part but where the bytes leave room for doubt.
//
//	sources, skipped, err := archives.Find(ctx, "backup/", "") // or one file
//	for _, source := range sources {
//		archive, err := archives.Open(ctx, source, extract.Options{}, nil)
//	}
//
// A folder is one archive of all that lies in it, and so is a tar or a zip: messages, calendars and cards in files of their
// own, mboxes, Maildirs, and other archives, compressed or not, one in another; see package extract/bundle for the bounds.
// The folders of its items are the directories and the files that hold more than one item. A mailbox that is all there
// is comes as it is, whatever it is packed in.
//
// What is read front to back is read where it is. What has to be read in any order, and is compressed or comes through a
// pipe, is copied to a temporary file first, as it is unpacked: to unpack it anew each time would take longer than to read
// it. So are compressed mboxes and tars, which are read more than once, to learn from them and to count what they hold.
// Only mail that comes through a pipe is not, see [extract.Stream]; a tar is, as names and states of what mailmill packed
// stand at its end.
//
// It stands beside package extract, and not in it, because extract has the types that the readers of archives share.
package archives

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"strings"

	"mailmill/extract"
	"mailmill/extract/bundle"
	"mailmill/formats"
)

// Archive is an opened archive. It notices when its file changes while it is read; see [Archive.Changed].
type Archive struct {
	extract.Archive
	opened  *opened // the same, and how it came
	session *session
	file    *watched // nil for a folder, of which each file is watched for itself
	path    string   // as the user gave it
	inflow  *inflow  // what comes from standard input, if it is no file
	size    int64    // of a copy of it
}

// Open opens the archive in a file. "-" is standard input, which is copied to a temporary file if it is no file
// itself, as archives are not read from front to back; the copy is gone when the archive is closed. An error is an
// [extract.SourceError], or the cause of ctx's end, for which only standard input is watched.
//
// Changed, if it is not nil, is called once with the error that [Archive.Changed] gives from then on, by whichever
// goroutine meets the change.
func Open(ctx context.Context, path string, o extract.Options, changed func(error)) (*Archive, error) {
	if path == "-" {
		return openStdin(ctx, o, changed)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return openFolder(ctx, path, o, changed)
	}
	if err := mayHold(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, extract.FileError(path, err)
	}
	return openFile(ctx, path, f, o, changed)
}

// openFile opens the archive in a file, which it takes over.
func openFile(ctx context.Context, path string, f *os.File, o extract.Options, changed func(error)) (*Archive, error) {
	w, err := watch(path, f, changed)
	if err != nil {
		f.Close()
		return nil, err
	}
	a, s, err := openWatched(ctx, w, o)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Archive{Archive: a.Archive, opened: a, session: s, file: w, path: path}, nil
}

// openFolder opens what lies in a folder.
func openFolder(ctx context.Context, path string, o extract.Options, changed func(error)) (*Archive, error) {
	s := &session{o: o, changed: changed}
	t, err := s.tree(ctx, disk(path), treeOf{path: path, format: "folder", budget: bundle.NewBudget(math.MaxInt64 / 2), onDisk: true})
	if err != nil {
		s.store.Close()
		return nil, err
	}
	return &Archive{Archive: t, opened: &opened{Archive: t}, session: s, path: path}, nil
}

// openWatched opens the archive in a file.
func openWatched(ctx context.Context, w *watched, o extract.Options) (*opened, *session, error) {
	s := &session{o: o, changed: w.tell}
	b := body{ReaderAt: w, path: w.path, size: w.size, modified: w.modified, budget: bundle.NewBudget(w.size)}
	if w.path == stdinName {
		b.folder = stdinFolder
	}
	a, err := s.open(ctx, b)
	if err == nil {
		return a, s, nil
	}
	s.store.Close()
	if changed := w.changed(); changed != nil {
		return nil, nil, changed
	}
	return nil, nil, err
}

// Changed returns an error, an [extract.SourceError] that is [ErrChanged] or [ErrGone], if the file is not what it was
// when it was opened. What has been read from the archive may then belong to two states of it.
//
// A file that was replaced by another of its name, or removed, is still there for those who have it open, and so is no
// error.
func (a *Archive) Changed() error {
	if a.file == nil {
		return a.session.fault()
	}
	a.file.look()
	return a.file.changed()
}

// Info implements [extract.Archive].
func (a *Archive) Info() extract.Info {
	info := a.opened.info()
	info.Path = a.path
	switch {
	case a.file != nil:
		info.Size, info.Modified = a.file.size, a.file.modified.UTC()
	case a.inflow != nil:
		info.Size = a.size
	}
	return info
}

// Check implements [extract.Checker] for archives of kinds that do.
func (a *Archive) Check(ctx context.Context, progress func(done, total int64)) (*extract.Check, error) {
	if checker, ok := a.Archive.(extract.Checker); ok {
		return checker.Check(ctx, progress)
	}
	return nil, errors.ErrUnsupported
}

// Places implements [extract.Learner]. Archives of kinds that cannot be learnt from have none.
func (a *Archive) Places(ctx context.Context) iter.Seq2[formats.Entry, error] {
	if learner, ok := a.Archive.(extract.Learner); ok {
		return learner.Places(ctx)
	}
	return func(func(formats.Entry, error) bool) {}
}

// Learn implements [extract.Learner].
func (a *Archive) Learn(ctx context.Context, e formats.Entry, lesson *formats.Lesson) error {
	if learner, ok := a.Archive.(extract.Learner); ok {
		return learner.Learn(ctx, e, lesson)
	}
	return errors.ErrUnsupported
}

// Close implements [extract.Archive].
func (a *Archive) Close() error {
	err := errors.Join(a.Archive.Close(), a.session.store.Close())
	if a.file != nil {
		err = errors.Join(err, a.file.file.Close())
	}
	if a.inflow != nil {
		a.inflow.close()
	}
	return err
}

// hasArchiveName reports whether a file is called as data files are: then it is worth a word that it is none.
func hasArchiveName(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".pst" || ext == ".ost"
}

// mayHold refuses what is no file. A pipe is not to be opened: that waits for somebody who writes into it.
func mayHold(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return extract.FileError(path, err)
	}
	e := &extract.SourceError{Path: path, Err: extract.ErrNotArchive}
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		e.Problem, e.Advice = "is a folder", "Name a file in it"
	case mode&fs.ModeNamedPipe != 0:
		e.Problem, e.Advice = "is a pipe, not a file", `Send what comes from it to standard input, and name that: "-"`
	case mode&fs.ModeSocket != 0:
		e.Problem, e.Advice = "is a socket, not a file", "Name the file that the archive is in"
	case mode&fs.ModeCharDevice == 0 && mode&fs.ModeDevice != 0:
		e.Problem, e.Advice = "is a disk, not a file", "Mount it, and name the file that the archive is in"
	default:
		e.Problem, e.Advice = "is a device, not a file", "Name the file that the archive is in"
	}
	return e
}

// kindOf looks at a file's beginning.
func kindOf(path string, r io.ReaderAt, size int64) (*kind, error) {
	head := make([]byte, headLen)
	n, err := r.ReadAt(head, 0)
	switch {
	case n == 0 && err == io.EOF:
		return nil, errEmpty(path)
	case err != nil && err != io.EOF:
		return nil, extract.FileError(path, err)
	}
	k := recognise(head[:n], path)
	if k == zeroFile && anythingIn(r, size) {
		k = headlessFile
	}
	if k.name == unknown && endsZip(r, size) {
		k = zipPart
	}
	return k, nil
}

func errEmpty(path string) error {
	return &extract.SourceError{
		Path: path, Problem: "is empty",
		Advice: "Fetch it again: a copy or a download did not succeed", Err: extract.ErrEmpty,
	}
}

// endsZip reports whether a file is the last of the parts of a zip, the one that has its name (APPNOTE 4.3.16: the number
// of this disk).
func endsZip(r io.ReaderAt, size int64) bool {
	end := make([]byte, 22)
	n, _ := r.ReadAt(end, max(size-int64(len(end)), 0))
	return n == len(end) && bytes.HasPrefix(end, []byte("PK\x05\x06")) && (end[4] > 0 || end[5] > 0)
}

// anythingIn looks at places all over a file, which may be large, for anything but zeros.
func anythingIn(r io.ReaderAt, size int64) bool {
	const places = 256
	place := make([]byte, headLen)
	for i := range int64(places) {
		n, _ := r.ReadAt(place, size/places*i)
		if len(bytes.TrimLeft(place[:n], "\x00")) > 0 {
			return true
		}
	}
	return false
}
