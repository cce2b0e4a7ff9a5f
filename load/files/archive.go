package files

import (
	"archive/tar"
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// archive is the store that is an archive file. It holds the tree that a folder would, in the order of the run, with the
// record as its last entry. An entry is written when it is whole and its size known: what is written piece by piece
// waits in a spool, of which there are as many as files are written at a time.
type archive struct {
	path    string // of the place
	stage   *stage
	out     *behind
	entries packer
	spools  []*spool // all of them
	free    []*spool // those that no file has
	rec     spool

	known   map[string]bool // folders that were asked for
	pending []string        // those of them that have no entry yet
	newest  time.Time
}

// packer writes the entries of an archive.
type packer interface {
	seal(*blob) error
	folder(name string, modified time.Time) error
	// file writes an entry with a blob that was sealed.
	file(name string, modified time.Time, content *blob) error
	// stream writes an entry with what was spooled.
	stream(name string, modified time.Time, content *spool) error
	close() error
}

// stageOf returns the stage for a target that is a file.
func stageOf(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+stageName)
}

// openArchive looks at the place and prepares to write an archive.
func openArchive(path string, form Form, o *Options) (*archive, error) {
	if err := lookArchive(path, form, o); err != nil {
		return nil, err
	}
	stage, err := openStage(stageOf(path), path)
	if err != nil {
		return nil, err
	}
	a := &archive{path: path, stage: stage, known: make(map[string]bool)}
	a.rec.create = func() (*os.File, error) { return stage.create("record") }
	if a.out, err = stage.createBehind("whole"); err == nil {
		a.entries, err = form.packer(faultWriter{path, a.out})
	}
	if err != nil {
		return nil, errors.Join(err, a.abort())
	}
	return a, nil
}

// lookFile finds out whether a file stands where one is to be written. Nothing but a file is ever replaced, and no
// archive of the run.
func lookFile(path string, o *Options) (there bool, err error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case info.IsDir():
		return false, fmt.Errorf("%s: %w: it is a folder", path, ErrBlocked)
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("%s: %w: it is no file", path, ErrBlocked)
	}
	for _, source := range o.Sources {
		if read, err := os.Stat(source.Name); err == nil && os.SameFile(read, info) {
			return false, fmt.Errorf("%s %w", path, ErrSource)
		}
	}
	return true, nil
}

// lookArchive refuses to go on where something else is in the way than an archive that this command wrote.
func lookArchive(path string, form Form, o *Options) error {
	there, err := lookFile(path, o)
	if err != nil || !there || o.Overwrite {
		return err
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	old, held, err := form.readRecord(in)
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, ErrExists)
	}
	if head := o.head(); !head.repeats(old) {
		return fmt.Errorf("%s: %w: %s", path, ErrExists, otherRun)
	}
	if name, ok := differs(held, old.Files); ok {
		return fmt.Errorf("%s: %w: %s", path, ErrExists, changed(name))
	}
	return nil
}

// held is a file in an archive, as the entry's header tells of it.
type held struct {
	name     string
	size     int64
	modified time.Time
}

// differs names a file that is not in an archive as it was written, or was not written. What an entry holds is not read:
// who changes that changes its time.
func differs(there []held, written []recordFile) (name string, ok bool) {
	for i, file := range there {
		if i >= len(written) || file.name != written[i].Path || file.size != written[i].Size {
			return file.name, true
		}
		// A zip has 32 bits for the seconds.
		when, err := time.Parse(time.RFC3339, written[i].Modified)
		if err == nil && uint32(when.Unix()) != uint32(file.modified.Unix()) {
			return file.name, true
		}
	}
	if len(there) < len(written) {
		return written[len(there)].Path, true
	}
	return "", false
}

func (a *archive) folder(name string) error {
	if name == "" || a.known[name] {
		return nil
	}
	if err := a.folder(parent(name)); err != nil {
		return err
	}
	a.known[name] = true
	a.pending = append(a.pending, name)
	return nil
}

// drop removes the folders that have no entry yet: what has one holds something.
func (a *archive) drop(name string) {
	for last := len(a.pending) - 1; name != "" && last >= 0 && a.pending[last] == name; name, last = parent(name), last-1 {
		a.pending = a.pending[:last]
		delete(a.known, name)
	}
}

// enter writes the folders that an entry needs.
func (a *archive) enter(modified time.Time) error {
	for _, name := range a.pending {
		if err := a.entries.folder(name, modified); err != nil {
			return err
		}
	}
	a.pending = a.pending[:0]
	if modified.After(a.newest) {
		a.newest = modified
	}
	return nil
}

func (a *archive) seal(b *blob) error { return a.entries.seal(b) }

func (a *archive) put(name string, modified time.Time, content blob) error {
	defer content.release()
	modified = entryTime(modified)
	if err := a.enter(modified); err != nil {
		return fault(name, err)
	}
	return fault(name, a.entries.file(name, modified, &content))
}

func (a *archive) create() (file, error) {
	if len(a.free) == 0 {
		name := "part" + strconv.Itoa(len(a.spools)+1)
		s := &spool{create: func() (*os.File, error) { return a.stage.create(name) }}
		a.spools, a.free = append(a.spools, s), append(a.free, s)
	}
	last := len(a.free) - 1
	s := a.free[last]
	a.free = a.free[:last]
	return &archiveFile{archive: a, spool: s}, nil
}

func (a *archive) record() (io.Writer, error) { return faultWriter{a.path, &a.rec}, nil }

func (a *archive) finish() error {
	err := a.enter(a.newest)
	if err == nil {
		err = a.entries.stream(recordName, entryTime(a.newest), &a.rec)
	}
	if err == nil {
		err = a.entries.close()
	}
	if err == nil {
		err = publish(a.out, a.path)
	}
	if err != nil {
		return fault(a.path, err)
	}
	a.leave() //nolint:errcheck // the archive is in its place; what is left the next run removes
	return nil
}

// publish makes a staged file durable and gives it its final name.
func publish(f *behind, path string) error {
	err := f.file.Sync()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.file.Name(), path)
	}
	if err == nil {
		syncDir(filepath.Dir(path))
	}
	return err
}

func (a *archive) abort() error {
	if a.entries != nil {
		a.entries.close() // nobody will read it; what compresses comes to rest
	}
	return a.leave()
}

func (a *archive) leave() error {
	if a.out != nil {
		a.out.Close()
	}
	for _, s := range a.spools {
		s.close()
	}
	a.rec.close()
	return a.stage.leave()
}

// entryTime returns the time that an entry gets. What has none gets the first that archives can tell: the clock's would
// make every archive another.
func entryTime(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return t.UTC().Truncate(time.Second)
}

// archiveFile is a file on its way into an archive.
type archiveFile struct {
	archive *archive
	spool   *spool
	at      int64
}

func (f *archiveFile) Write(p []byte) (int, error) {
	n, err := f.spool.Write(p)
	return n, fault(f.archive.path, err)
}

func (f *archiveFile) mark() error {
	f.at = f.spool.size
	return nil
}

func (f *archiveFile) keep() error   { return nil }
func (f *archiveFile) rewind() error { return fault(f.archive.path, f.spool.truncate(f.at)) }

func (f *archiveFile) close(name string, modified time.Time) error {
	a := f.archive
	modified = entryTime(modified)
	err := a.enter(modified)
	if err == nil {
		err = a.entries.stream(name, modified, f.spool)
	}
	f.release()
	return fault(name, err)
}

func (f *archiveFile) discard() error {
	f.release()
	return nil
}

// release gives the spool back.
func (f *archiveFile) release() {
	f.spool.reset()
	f.archive.free = append(f.archive.free, f.spool)
}

// faultWriter names the target in errors.
type faultWriter struct {
	name string
	w    io.Writer
}

func (f faultWriter) Write(p []byte) (int, error) {
	n, err := f.w.Write(p)
	return n, fault(f.name, err)
}

// errNoRecord says that an archive is not one of ours.
var errNoRecord = errors.New("it has no record")

// readRecord returns the record that an archive ends with, and the files before it.
func (f Form) readRecord(in *os.File) (*record, []held, error) {
	if f.kind == formZip {
		return readZip(in)
	}
	var r io.Reader = in // tar skips what it does not read where it can
	if f.compression != plain {
		z, err := f.compression.reader(in)
		if err != nil {
			return nil, nil, err
		}
		defer z.Close()
		r = z
	}
	var rec *record
	var files []held
	for entries := tar.NewReader(r); ; {
		header, err := entries.Next()
		switch {
		case err == io.EOF && rec != nil:
			return rec, files, nil
		case err == io.EOF:
			return nil, nil, errNoRecord
		case err != nil:
			return nil, nil, err
		case header.Name == recordName && rec == nil:
			if rec, err = parseRecord(entries); err != nil {
				return nil, nil, err
			}
		case header.Typeflag != tar.TypeDir:
			files = append(files, held{header.Name, header.Size, header.ModTime})
		}
	}
}

// readZip returns the record of a zip, and its other files.
func readZip(in *os.File) (rec *record, files []held, err error) {
	info, err := in.Stat()
	if err != nil {
		return nil, nil, err
	}
	z, err := zip.NewReader(in, info.Size())
	if err != nil {
		return nil, nil, err
	}
	for _, f := range z.File {
		switch {
		case f.Name == recordName && rec == nil:
			r, err := f.Open()
			if err != nil {
				return nil, nil, err
			}
			rec, err = parseRecord(r)
			r.Close()
			if err != nil {
				return nil, nil, err
			}
		case !f.FileInfo().IsDir():
			files = append(files, held{f.Name, int64(f.UncompressedSize64), f.Modified})
		}
	}
	if rec == nil {
		return nil, nil, errNoRecord
	}
	return rec, files, nil
}
