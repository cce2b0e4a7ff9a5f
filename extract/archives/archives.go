// Package archives opens archives of every kind: it looks at a file's first bytes and hands it to the package that
// reads it. File names play no part.
//
//	files, skipped, err := archives.Find(ctx, "backup/", "") // or one file
//	for _, file := range files {
//		archive, err := archives.Open(file, extract.Options{})
//	}
//
// It stands beside package extract, and not in it, because extract has the types that the readers of archives share.
package archives

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"mailmill/extract"
	"mailmill/extract/pst"
)

// Open opens the archive in a file. "-" is standard input, which is copied to a temporary file if it is no file
// itself, as archives are not read from front to back; the copy is gone when the archive is closed. An error is an
// [extract.SourceError].
func Open(path string, o extract.Options) (extract.Archive, error) {
	if path == "-" {
		return openStdin(o)
	}
	k, err := kindOf(path)
	if err != nil {
		return nil, err
	}
	if k != outlookFile {
		return nil, k.refusal(path)
	}
	return pst.Open(path, o)
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
	others := make(map[*kind][]string)
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
		switch k, err := kindOf(path); {
		case k == outlookFile:
			files = append(files, path)
		case errors.Is(err, extract.ErrEmpty) && !hasArchiveName(path):
		case err != nil:
			skipped = append(skipped, err)
		case k.archive:
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
	for _, m := range kinds() {
		if paths := others[m]; len(paths) == 1 {
			skipped = append(skipped, m.refusal(paths[0]))
		} else if len(paths) > 1 {
			skipped = append(skipped, &extract.SourceError{
				Path: source, Err: extract.ErrUnsupported, Advice: m.advice,
				Problem: fmt.Sprintf("holds %d files like %s, which is %s", len(paths), paths[0], m.name),
			})
		}
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

// kindOf looks at a file's beginning.
func kindOf(path string) (*kind, error) {
	// Before it is opened: that waits where a pipe has nobody who writes into it.
	switch info, err := os.Stat(path); {
	case err != nil:
		return nil, extract.FileError(path, err)
	case info.IsDir():
		return nil, &extract.SourceError{Path: path, Problem: "is a folder", Advice: "Name a file in it", Err: extract.ErrNotArchive}
	case !info.Mode().IsRegular():
		return nil, &extract.SourceError{
			Path: path, Problem: "is a pipe or a device, not a file",
			Advice: `Send what comes from it to standard input, and name that: "-"`, Err: extract.ErrNotArchive,
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, extract.FileError(path, err)
	}
	defer f.Close()
	head := make([]byte, headLen)
	n, err := io.ReadFull(f, head)
	switch {
	case n == 0 && err == io.EOF:
		return nil, &extract.SourceError{
			Path: path, Problem: "is empty",
			Advice: "Fetch it again: a copy or a download did not succeed", Err: extract.ErrEmpty,
		}
	case err != nil && err != io.EOF && err != io.ErrUnexpectedEOF:
		return nil, extract.FileError(path, err)
	}
	return recognise(head[:n]), nil
}

func openStdin(o extract.Options) (extract.Archive, error) {
	const name = "standard input"
	f, err := os.CreateTemp("", "mailmill-*")
	if err != nil {
		return nil, fmt.Errorf("a place for what comes from standard input: %w", err)
	}
	remove := func() {
		f.Close()
		os.Remove(f.Name())
	}
	if _, err := io.Copy(f, os.Stdin); err != nil {
		remove()
		return nil, extract.FileError(name, err)
	}
	archive, err := Open(f.Name(), o)
	if err != nil {
		remove()
		var se *extract.SourceError
		if errors.As(err, &se) {
			se.Path = name
		}
		return nil, err
	}
	return &temporary{archive, remove}, nil
}

// temporary is an archive in a file that goes with it.
type temporary struct {
	extract.Archive
	remove func()
}

func (t *temporary) Info() extract.Info {
	info := t.Archive.Info()
	info.Path = "-"
	return info
}

func (t *temporary) Close() error {
	err := t.Archive.Close()
	t.remove()
	return err
}
