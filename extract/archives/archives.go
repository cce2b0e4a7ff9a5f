// Package archives opens archives of every kind: it looks at a file's first bytes and hands it to the package that
// reads it. File names play no part.
//
//	files, skipped, err := archives.Find(ctx, "backup/", "") // or one file
//	for _, file := range files {
//		archive, err := archives.Open(ctx, file, extract.Options{}, nil)
//	}
//
// It stands beside package extract, and not in it, because extract has the types that the readers of archives share.
package archives

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"mailmill/extract"
	"mailmill/extract/pst"
	"mailmill/formats"
)

// Archive is an opened archive. It notices when its file changes while it is read; see [Archive.Changed].
type Archive struct {
	extract.Archive
	file   *watched
	path   string // as the user gave it
	remove func() // of a copy of standard input
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
	if err := mayHold(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, extract.FileError(path, err)
	}
	return openFile(path, f, o, changed)
}

// openFile opens the archive in a file, which it takes over.
func openFile(path string, f *os.File, o extract.Options, changed func(error)) (*Archive, error) {
	w, err := watch(path, f, changed)
	if err != nil {
		f.Close()
		return nil, err
	}
	archive, err := openWatched(w, o)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Archive{Archive: archive, file: w, path: path}, nil
}

func openWatched(w *watched, o extract.Options) (extract.Archive, error) {
	k, err := kindOf(w.path, w)
	if err != nil {
		return nil, err
	}
	if k != outlookFile {
		return nil, k.refusal(w.path)
	}
	archive, err := pst.Open(w.path, w, w.size, w.modified, o)
	if err == nil {
		return archive, nil
	}
	if changed := w.changed(); changed != nil {
		return nil, changed
	}
	return nil, err
}

// Changed returns an error, an [extract.SourceError] that is [ErrChanged] or [ErrGone], if the file is not what it was
// when it was opened. What has been read from the archive may then belong to two states of it.
//
// A file that was replaced by another of its name, or removed, is still there for those who have it open, and so is no
// error.
func (a *Archive) Changed() error {
	a.file.look()
	return a.file.changed()
}

// Info implements [extract.Archive].
func (a *Archive) Info() extract.Info {
	info := a.Archive.Info()
	info.Path = a.path
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
	err := errors.Join(a.Archive.Close(), a.file.file.Close())
	if a.remove != nil {
		a.remove()
	}
	return err
}

// Find returns the files that a source given by a user means: the file itself or, of a folder, every archive in it and
// in its folders, in the order of their names. What looks like an archive and cannot be read is told in skipped, by the
// error that Open would give, or by one for all files of a kind; other files that happen to lie there are ignored. A
// folder without anything to read is an error, and so is the end of ctx.
//
// The folder except, if it lies in the source, is passed over: it is where a run writes to.
func Find(ctx context.Context, source, except string) (files []string, skipped []error, err error) {
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
	target, err := os.Stat(except)
	if err != nil {
		target = nil // not there yet
	}
	var (
		others = make(map[*kind][]string)
		kinds  []*kind // of others, as they came
		locked []error // files that may not be read, of which nothing tells that they are archives
	)
	err = filepath.WalkDir(source, func(path string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			if path == source {
				return err
			}
			skipped = append(skipped, extract.FileError(path, err))
			return nil
		case d.IsDir():
			if info, err := d.Info(); err == nil && path != source && os.SameFile(info, target) {
				return fs.SkipDir
			}
			return nil
		}
		// A link to a file counts as the file, one to a folder is not followed: it might lead in circles.
		info, err := os.Stat(path)
		switch {
		case err != nil && hasArchiveName(path):
			skipped = append(skipped, extract.FileError(path, err))
			return nil
		case err != nil, info.IsDir(), !info.Mode().IsRegular() && !hasArchiveName(path):
			return nil
		}
		switch k, err := look(path); {
		case k == outlookFile:
			files = append(files, path)
		case errors.Is(err, extract.ErrEmpty) && !hasArchiveName(path):
		case errors.Is(err, fs.ErrPermission) && !hasArchiveName(path):
			locked = append(locked, err)
		case err != nil:
			skipped = append(skipped, err)
		case k.archive:
			if others[k] == nil {
				kinds = append(kinds, k)
			}
			others[k] = append(others[k], path)
		}
		return nil
	})
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, skipped, extract.FileError(source, err)
	}
	for _, k := range kinds {
		if paths := others[k]; len(paths) == 1 {
			skipped = append(skipped, k.refusal(paths[0]))
		} else {
			skipped = append(skipped, &extract.SourceError{
				Path: source, Err: extract.ErrUnsupported, Advice: k.advice,
				Problem: fmt.Sprintf("holds %d files like %s, which is %s", len(paths), paths[0], k.name),
			})
		}
	}
	if len(locked) == 1 {
		skipped = append(skipped, locked[0])
	} else if len(locked) > 1 {
		var first *extract.SourceError
		errors.As(locked[0], &first)
		skipped = append(skipped, &extract.SourceError{
			Path: source, Err: fs.ErrPermission, Advice: first.Advice,
			Problem: fmt.Sprintf("holds %d files that may not be read, like %s", len(locked), first.Path),
		})
	}
	if len(files) == 0 {
		return nil, skipped, &extract.SourceError{
			Path: source, Problem: "is a folder without Outlook data files (.pst, .ost)",
			Advice: "Name a file, or the folder that holds them", Err: extract.ErrEmpty,
		}
	}
	return files, skipped, nil
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

// look tells the kind of a file by its name and beginning.
func look(path string) (*kind, error) {
	if err := mayHold(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, extract.FileError(path, err)
	}
	defer f.Close()
	w, err := watch(path, f, nil)
	if err != nil {
		return nil, err
	}
	return kindOf(path, w)
}

// kindOf looks at a file's beginning.
func kindOf(path string, r *watched) (*kind, error) {
	head := make([]byte, headLen)
	n, err := r.ReadAt(head, 0)
	switch {
	case n == 0 && err == io.EOF:
		return nil, &extract.SourceError{
			Path: path, Problem: "is empty",
			Advice: "Fetch it again: a copy or a download did not succeed", Err: extract.ErrEmpty,
		}
	case err != nil && err != io.EOF:
		return nil, extract.FileError(path, err)
	}
	k := recognise(head[:n])
	if k == zeroFile && anythingIn(r) {
		k = headlessFile
	}
	return k, nil
}

// anythingIn looks at places all over a file, which may be large, for anything but zeros.
func anythingIn(r *watched) bool {
	const places = 256
	place := make([]byte, headLen)
	for i := range int64(places) {
		n, _ := r.ReadAt(place, r.size/places*i)
		if len(bytes.TrimLeft(place[:n], "\x00")) > 0 {
			return true
		}
	}
	return false
}
