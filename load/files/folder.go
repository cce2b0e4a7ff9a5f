package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"mailmill/load"
	"mailmill/transform/folders"
)

// stageName is the stage within a folder: a tree of files, the record, and a file that is being written.
const stageName = ".mailmill.tmp"

// folder is the store that is a tree of folders.
//
// Creating files is what costs most then, so whole files are left to a few goroutines. All that can go wrong with those
// is the file system, which ends the run.
type folder struct {
	path    string // of the place, as the user gave it
	stage   *stage
	root    *os.Root
	disk    disk            // the root, as far as publishing goes
	known   map[string]bool // staged folders
	filled  map[string]bool // those into which files were put
	rec     *os.File
	old     []recordFile           // what the run replaces
	ours    map[string]*recordFile // the same, by folded name
	merged  map[string][]byte      // the files that are added to, as they were
	maildir bool                   // that is a Maildir, whose files are renamed by those who read it
	replace bool                   // what else is in the way
	parts   int                    // files that were written piece by piece

	jobs    chan job
	workers sync.WaitGroup
	// creating is held while a file is created: a file system creates one file of a folder at a time, and lets the others
	// spin that wait for that.
	creating sync.Mutex
	mu       sync.Mutex
	room     sync.Cond
	queued   int64 // bytes
	err      error // the first of the goroutines
}

// job is a file to be put.
type job struct {
	name     string
	modified time.Time
	content  blob
}

// fileWriters is the number of goroutines that create files. One waits for the file system while the other fills a file;
// more would only wait for each other, as a folder takes one new file at a time.
const fileWriters = 2

// mostQueued bounds the memory of the files that wait to be written.
const mostQueued = 16 << 20

// openFolder looks at the place and prepares to write into it.
func openFolder(path string, o *Options, planned *plan) (_ *folder, err error) {
	f := &folder{path: path, known: make(map[string]bool), filled: make(map[string]bool), merged: make(map[string][]byte)}
	if err := recoverPlace(path); err != nil {
		return nil, err
	}
	if err := f.look(o, planned); err != nil {
		return nil, err
	}
	if f.stage, err = openStage(filepath.Join(path, stageName), path); err != nil {
		return nil, err
	}
	if f.root, err = os.OpenRoot(path); err == nil {
		f.disk = f.root
		if err = os.Mkdir(f.staged(""), 0o700); err == nil {
			f.rec, err = f.stage.create("record")
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.leave())
	}
	f.room.L = &f.mu
	f.jobs = make(chan job, 64)
	for range fileWriters {
		f.workers.Go(f.work)
	}
	return f, nil
}

// look finds out what the place holds and refuses to go on where something is in the way. It changes nothing.
func (f *folder) look(o *Options, planned *plan) error {
	f.replace, f.maildir = o.Overwrite, o.Format == Maildir
	switch info, err := os.Stat(f.path); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s: %w: it is a file", f.path, ErrBlocked)
	}
	root, err := os.OpenRoot(f.path)
	if err != nil {
		return err
	}
	defer root.Close()
	old, err := readRecord(root, recordName)
	switch {
	case isDamaged(err) && !f.replace:
		return fmt.Errorf("%s: %w: its %w", f.path, ErrExists, err)
	case err != nil && !isDamaged(err):
		return err
	}
	if old != nil {
		f.old = old.Files
	}
	f.ours = make(map[string]*recordFile, len(f.old))
	for i := range f.old {
		f.ours[folders.Fold(f.old[i].Path)] = &f.old[i]
	}
	if f.replace {
		if err := f.spare(o, func(name string) bool { return f.ours[folders.Fold(name)] != nil || planned.hit(name, false) }); err != nil {
			return err
		}
		return f.blocked(root, planned)
	}
	if head := o.head(); old != nil && !head.repeats(old) {
		return fmt.Errorf("%s: %w: %s", f.path, ErrExists, otherRun)
	}
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == "." || name == recordName:
			return nil
		case name == stageName:
			return fs.SkipDir
		}
		if was := f.ours[folders.Fold(name)]; was != nil && !d.IsDir() {
			same, err := was.stands(root, name)
			if err == nil && !same {
				err = fmt.Errorf("%s: %w: %s", f.path, ErrExists, changed(name))
			}
			return err
		}
		switch {
		case old == nil && !d.IsDir(), planned.hit(name, d.IsDir()):
			return fmt.Errorf("%s: %w: %s is in the way", f.path, ErrExists, name)
		}
		return nil
	})
}

// blocked refuses to go on where a folder stands that would be a file. What is in it is not replaced, whatever the user
// says: it may be anything.
func (f *folder) blocked(root *os.Root, planned *plan) error {
	var inside string
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == stageName:
			return fs.SkipDir
		case d.IsDir() && planned.hit(name, true):
			inside = name
		case !d.IsDir() && inside != "" && strings.HasPrefix(name, inside+"/") && f.ours[folders.Fold(name)] == nil:
			return fmt.Errorf("%s: %w: it is a folder, and not empty", f.at(inside), ErrBlocked)
		}
		return nil
	})
}

// stands reports whether a file is still as it was written. It is read only where neither its size nor its time tell.
func (was *recordFile) stands(d disk, name string) (bool, error) {
	info, err := d.Lstat(name)
	if err != nil {
		return false, err
	}
	return was.is(d, name, info)
}

// is reports whether a file, which may have another name by now, is as it was written.
func (was *recordFile) is(d disk, name string, info fs.FileInfo) (bool, error) {
	switch {
	case !info.Mode().IsRegular() || info.Size() != was.Size:
		return false, nil
	case was.Modified != "" && was.Modified == stamp(info.ModTime()):
		return true, nil
	}
	in, err := d.Open(name)
	if err != nil {
		return false, err
	}
	defer in.Close()
	sum, err := readDigest(in)
	if err != nil {
		return false, err
	}
	return sum.String() == was.XXH128, nil
}

// mostHeld bounds what is read of a file that is added to.
const mostHeld = 64 << 20

// held implements holder. A link is read through: what it leads to is in the place as far as others see it.
func (f *folder) held(name string) (data []byte, ours bool, err error) {
	was := f.ours[folders.Fold(name)]
	if !f.replace && (was == nil || !was.Shared) {
		return nil, false, nil
	}
	if data, err = f.content(name); err == nil && data != nil && was != nil && !was.Shared {
		ours, err = was.stands(f.root, name)
	}
	f.merged[name] = data
	return data, ours, cannot(f.at(name), "read", err)
}

// content reads a small file of the place; nil where there is none.
func (f *folder) content(name string) ([]byte, error) {
	info, err := os.Stat(f.at(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > mostHeld:
		return nil, &load.Fatal{Err: fmt.Errorf("%s: %w: it cannot be added to", f.at(name), ErrBlocked)}
	}
	return os.ReadFile(f.at(name))
}

// spare refuses to go on where an archive of the run would be replaced.
func (f *folder) spare(o *Options, replaced func(name string) bool) error {
	place, err := realPath(f.path)
	if err != nil {
		return err
	}
	for _, source := range o.Sources {
		path, err := realPath(source.Name)
		if err != nil {
			continue // it is no file, as standard input
		}
		name, err := filepath.Rel(place, path)
		if err == nil && filepath.IsLocal(name) && replaced(filepath.ToSlash(name)) {
			return fmt.Errorf("%s %w", path, ErrSource)
		}
	}
	return nil
}

// realPath returns the one path of a file that has no links in it.
func realPath(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(abs)
}

// readRecord returns a record from a place; nil where there is none.
func readRecord(d disk, name string) (*record, error) {
	in, err := d.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return parseRecord(in)
}

// at returns the path that a file will have.
func (f *folder) at(name string) string { return filepath.Join(f.path, filepath.FromSlash(name)) }

func (f *folder) staged(name string) string { return f.stage.path + "/tree/" + name }

func (f *folder) folder(name string) error {
	if name == "" || f.known[name] {
		return nil
	}
	if err := f.folder(parent(name)); err != nil {
		return err
	}
	f.known[name] = true
	return fault(f.at(name), os.Mkdir(f.staged(name), 0o700))
}

// drop leaves folders alone into which files were put: those may not be there yet.
func (f *folder) drop(name string) {
	for ; name != "" && !f.filled[name] && os.Remove(f.staged(name)) == nil; name = parent(name) {
		delete(f.known, name)
	}
}

func (f *folder) seal(*blob) error { return nil }

func (f *folder) put(name string, modified time.Time, content blob) error {
	f.filled[parent(name)] = true
	f.mu.Lock()
	for f.queued > 0 && f.queued+content.size > mostQueued && f.err == nil {
		f.room.Wait()
	}
	f.queued += content.size
	err := f.err
	f.mu.Unlock()
	if err != nil {
		content.release()
		return err
	}
	f.jobs <- job{name, modified, content}
	return nil
}

func (f *folder) work() {
	scratch := make([]byte, 0, blockSize)
	for j := range f.jobs {
		f.mu.Lock()
		err := f.err
		f.mu.Unlock()
		if err == nil {
			err = f.save(&j, scratch)
		}
		j.content.release()
		f.mu.Lock()
		f.queued -= j.content.size
		if f.err == nil {
			f.err = err
		}
		f.mu.Unlock()
		f.room.Signal()
	}
}

// save creates, fills and closes: that costs less than a temporary name, and the tree is a temporary place as a whole.
func (f *folder) save(j *job, scratch []byte) error {
	path := f.staged(j.name)
	f.creating.Lock()
	out, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	f.creating.Unlock()
	if err != nil {
		return fault(f.at(j.name), err)
	}
	err = j.content.buffer.large(scratch, func(p []byte) error {
		_, err := out.Write(p)
		return err
	})
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	if err == nil && !j.modified.IsZero() {
		err = os.Chtimes(path, time.Time{}, j.modified)
	}
	return fault(f.at(j.name), err)
}

// settle waits until everything that was put is written.
func (f *folder) settle() error {
	if f.jobs != nil {
		close(f.jobs)
		f.workers.Wait()
		f.jobs = nil
	}
	return f.err
}

func (f *folder) create() (file, error) {
	f.parts++
	out, err := f.stage.createBehind("part" + strconv.Itoa(f.parts))
	if err != nil {
		return nil, fault(f.path, err)
	}
	return &folderFile{folder: f, f: out}, nil
}

func (f *folder) record() (io.Writer, error) { return faultWriter{f.at(recordName), f.rec}, nil }

// finish gives what was written its final names, in place of what the last run wrote.
func (f *folder) finish() error {
	if err := f.settle(); err != nil {
		return err
	}
	if err := f.publish(); err != nil {
		return err
	}
	f.leave() //nolint:errcheck // everything is in its place; what is left the next run removes
	return nil
}

func (f *folder) abort() error {
	f.settle() //nolint:errcheck // it may be why the run ends
	return f.leave()
}

// leave removes the stage, and the place if this run made it and it is empty.
func (f *folder) leave() error {
	if f.rec != nil {
		f.rec.Close()
		f.rec = nil
	}
	if f.root != nil {
		f.root.Close()
	}
	return f.stage.leave()
}

// folderFile is a file on its way into a staged tree.
type folderFile struct {
	folder *folder
	f      *behind
	at     int64
}

// fault names the folder: the file has no name yet.
func (f *folderFile) fault(err error) error { return fault(f.folder.path, err) }

func (f *folderFile) Write(p []byte) (int, error) {
	n, err := f.f.Write(p)
	return n, f.fault(err)
}

func (f *folderFile) mark() error {
	f.at = f.f.size
	return nil
}

func (f *folderFile) keep() error { return nil }

func (f *folderFile) rewind() error {
	return f.fault(f.f.cut(f.at))
}

func (f *folderFile) close(name string, modified time.Time) error {
	err := f.f.Close()
	if err == nil {
		err = os.Rename(f.f.file.Name(), f.folder.staged(name))
	}
	if err == nil && !modified.IsZero() {
		err = os.Chtimes(f.folder.staged(name), time.Time{}, modified)
	}
	return fault(f.folder.at(name), err)
}

func (f *folderFile) discard() error {
	f.f.Close()
	return f.fault(os.Remove(f.f.file.Name()))
}

// parent returns the folder of a name; "" is the store's top.
func parent(name string) string {
	return name[:max(strings.LastIndexByte(name, '/'), 0)]
}
