package files

import (
	"archive/tar"
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// readTree is a tree of files that is read: a folder, or an archive of one. Names are as those of a [tree].
type readTree interface {
	// dir returns what lies right in a folder, in the order of names; "" is the top. The error is [fs.ErrNotExist] where
	// there is no such folder.
	dir(name string) ([]readEntry, error)
	open(name string) (io.ReadCloser, error)
	// record returns the record of the run that wrote the tree; nil where there is none, or none that can be read.
	record() (*record, error)
	close() error
}

// readEntry is a file or a folder in a tree.
type readEntry struct {
	name string
	dir  bool
	size int64
}

// openTree opens what a target of a form wrote.
func (f Form) openTree(path string) (readTree, error) {
	if f.kind == formFolder {
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, err
		}
		return &fsTree{root.FS(), root}, nil
	}
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	tree, err := f.openArchiveTree(in)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), in.Close())
	}
	return tree, nil
}

func (f Form) openArchiveTree(in *os.File) (readTree, error) {
	if f.kind == formZip {
		info, err := in.Stat()
		if err != nil {
			return nil, err
		}
		z, err := zip.NewReader(in, info.Size())
		if err != nil {
			return nil, err
		}
		return &fsTree{z, in}, nil
	}
	if f.compression == plain {
		return indexTar(in, in)
	}
	// The files of a folder lie anywhere in it, and it cannot be read but from its beginning.
	r, err := f.compression.reader(in)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	spooled, err := temporaryFile()
	if err != nil {
		return nil, err
	}
	drop := closers{dropped{spooled}, in}
	if _, err = io.Copy(spooled, r); err == nil {
		_, err = spooled.Seek(0, io.SeekStart)
	}
	var tree readTree
	if err == nil {
		tree, err = indexTar(spooled, drop)
	}
	if err != nil {
		return nil, errors.Join(err, drop[0].Close())
	}
	return tree, nil
}

// closers are closed together.
type closers []io.Closer

func (c closers) Close() error {
	var errs []error
	for _, one := range c {
		errs = append(errs, one.Close())
	}
	return errors.Join(errs...)
}

// dropped is a temporary file, which goes when it is closed.
type dropped struct{ f *os.File }

func (d dropped) Close() error {
	err := d.f.Close()
	os.Remove(d.f.Name()) // where temporaryFile could not
	return err
}

// openSingleFile opens a target that is one file.
func (f Form) openSingleFile(path string) (io.ReadCloser, error) {
	in, err := os.Open(path)
	if err != nil || f.compression == plain {
		return in, err
	}
	r, err := f.compression.reader(in)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), in.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{r, closers{r, in}}, nil
}

// fsTree is a tree in a file system: a folder, in which no link leads out of it, or a zip.
type fsTree struct {
	fs fs.FS
	io.Closer
}

func (t *fsTree) dir(name string) ([]readEntry, error) {
	if name == "" {
		name = "."
	}
	list, err := fs.ReadDir(t.fs, name)
	if err != nil {
		return nil, err
	}
	entries := make([]readEntry, 0, len(list))
	for _, e := range list {
		switch {
		case e.IsDir():
			entries = append(entries, readEntry{name: e.Name(), dir: true})
		case e.Type().IsRegular():
			entries = append(entries, readEntry{name: e.Name()})
		}
	}
	return entries, nil
}

func (t *fsTree) open(name string) (io.ReadCloser, error) { return t.fs.Open(name) }
func (t *fsTree) close() error                            { return t.Close() }

func (t *fsTree) record() (*record, error) { return recordIn(t) }

func recordIn(t readTree) (*record, error) {
	in, err := t.open(recordName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer in.Close()
	rec, err := parseRecord(in)
	if isDamaged(err) {
		return nil, nil
	}
	return rec, err
}

// tarTree is a tree in a tar.
type tarTree struct {
	in    io.ReaderAt
	files map[string]tarFile
	dirs  map[string][]readEntry
	io.Closer
}

// tarFile is where a file stands in a tar.
type tarFile struct{ at, size int64 }

// indexTar finds the files in a tar.
func indexTar(in *os.File, c io.Closer) (*tarTree, error) {
	t := &tarTree{in: in, files: make(map[string]tarFile), dirs: map[string][]readEntry{"": nil}, Closer: c}
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		name := strings.Trim(path.Clean("/"+h.Name), "/")
		switch h.Typeflag {
		case tar.TypeDir:
			t.addDir(name)
		case tar.TypeReg:
			// What follows the header is what the reader of the tar has not read yet: it reads whole blocks.
			at, err := in.Seek(0, io.SeekCurrent)
			if err != nil {
				return nil, err
			}
			if _, twice := t.files[name]; !twice {
				t.addDir(parent(name))
				t.dirs[parent(name)] = append(t.dirs[parent(name)], readEntry{name: path.Base(name), size: h.Size})
			}
			t.files[name] = tarFile{at, h.Size}
		}
	}
	for _, list := range t.dirs {
		slices.SortFunc(list, func(a, b readEntry) int { return strings.Compare(a.name, b.name) })
	}
	return t, nil
}

// addDir adds a folder and its parents.
func (t *tarTree) addDir(name string) {
	if _, known := t.dirs[name]; known {
		return
	}
	t.addDir(parent(name))
	t.dirs[name] = nil
	t.dirs[parent(name)] = append(t.dirs[parent(name)], readEntry{name: path.Base(name), dir: true})
}

func (t *tarTree) dir(name string) ([]readEntry, error) {
	list, ok := t.dirs[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return list, nil
}

func (t *tarTree) open(name string) (io.ReadCloser, error) {
	f, ok := t.files[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return struct {
		*io.SectionReader
		io.Closer
	}{io.NewSectionReader(t.in, f.at, f.size), io.NopCloser(nil)}, nil
}

func (t *tarTree) record() (*record, error) { return recordIn(t) }
func (t *tarTree) close() error             { return t.Close() }
