package files

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mailmill/load"
	"mailmill/transform/folders"
)

// stageName is the folder, within the place, that holds what is not complete yet: a tree of files, the record, and a
// file that is locked while a run uses it.
const stageName = ".mailmill.tmp"

// folder is the store that is a tree of folders.
type folder struct {
	path    string // of the place, as the user gave it
	created bool   // by this run
	tree    string // the staged tree
	root    *os.Root
	lock    *os.File
	known   map[string]bool // staged folders
	rec     *os.File
	old     []recordFile // what the run replaces
	replace bool         // what else is in the way
}

// openFolder looks at the place and prepares to write into it.
func openFolder(path string, o *Options, planned *plan) (_ *folder, err error) {
	f := &folder{path: path, replace: o.Overwrite, known: make(map[string]bool)}
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		f.created = true
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, fmt.Errorf("%s: %w: it is a file", path, ErrExists)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	if f.root, err = os.OpenRoot(path); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.leave() //nolint:errcheck // err says what went wrong first
		}
	}()
	if err := f.look(o, planned); err != nil {
		return nil, err
	}
	if err := f.stage(); err != nil {
		return nil, err
	}
	return f, nil
}

// checkFolder looks at the place and no more.
func checkFolder(path string, o *Options, planned *plan) error {
	root, err := os.OpenRoot(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close()
	f := &folder{path: path, root: root, replace: o.Overwrite}
	return f.look(o, planned)
}

// look finds out what the place holds and refuses to go on where something is in the way.
func (f *folder) look(o *Options, planned *plan) error {
	old, err := f.readRecord()
	if err != nil {
		return err
	}
	if old != nil {
		f.old = old.Files
	}
	if f.replace {
		return nil
	}
	head := o.head()
	ours := make(map[string]bool)
	if old != nil {
		if !head.repeats(old) {
			return fmt.Errorf("%s: %w: it was written with other options or from other archives", f.path, ErrExists)
		}
		for _, file := range old.Files {
			ours[folders.Fold(file.Path)] = true
		}
	}
	return fs.WalkDir(f.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == "." || name == recordName || !d.IsDir() && ours[folders.Fold(name)]:
			return nil
		case name == stageName:
			return fs.SkipDir
		case old == nil && !d.IsDir(), planned.hit(name, d.IsDir()):
			return fmt.Errorf("%s: %w: %s is in the way", f.path, ErrExists, name)
		}
		return nil
	})
}

// readRecord returns the record of the run that wrote the place; nil where there is none.
func (f *folder) readRecord() (*record, error) {
	data, err := f.root.ReadFile(recordName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	old := new(record)
	if err := json.Unmarshal(data, old); err != nil {
		if f.replace {
			return nil, nil
		}
		return nil, fmt.Errorf("%s: %w: its %s cannot be read: %w", f.path, ErrExists, recordName, err)
	}
	return old, nil
}

// stage prepares the staging folder. What a killed run left in it goes.
func (f *folder) stage() error {
	stage := filepath.Join(f.path, stageName)
	if err := os.Mkdir(stage, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if info, err := os.Lstat(stage); err != nil || !info.IsDir() {
		return fmt.Errorf("%s: %w: %s is in the way", f.path, ErrExists, stageName)
	}
	var err error
	if f.lock, err = os.OpenFile(filepath.Join(stage, "lock"), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return err
	}
	if err := lock(f.lock); err != nil || !f.lockStands() {
		f.lock.Close()
		f.lock = nil
		return fmt.Errorf("%s: %w", f.path, ErrInUse)
	}
	f.tree = filepath.Join(stage, "tree")
	if err := os.RemoveAll(f.tree); err != nil {
		return err
	}
	if err := os.Mkdir(f.tree, 0o700); err != nil {
		return err
	}
	f.rec, err = os.OpenFile(filepath.Join(stage, "record"), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	return err
}

// lockStands reports whether the locked file is still where others look for it: the run that had it before may have
// removed it when it ended.
func (f *folder) lockStands() bool {
	held, err := f.lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(f.lock.Name())
	return err == nil && os.SameFile(held, there)
}

func (f *folder) staged(name string) string { return f.tree + "/" + name }

func (f *folder) folder(name string) error {
	if name == "" || f.known[name] {
		return nil
	}
	if err := f.folder(parent(name)); err != nil {
		return err
	}
	f.known[name] = true
	return fault(name, os.Mkdir(f.staged(name), 0o700))
}

func (f *folder) drop(name string) {
	for ; name != "" && os.Remove(f.staged(name)) == nil; name = parent(name) {
		delete(f.known, name)
	}
}

// put creates, fills and closes: that costs less than a temporary name, and the tree is a temporary place as a whole.
func (f *folder) put(name string, modified time.Time, content io.WriterTo) error {
	out, err := f.create(name)
	if err != nil {
		return err
	}
	if _, err := content.WriteTo(out); err != nil {
		return errors.Join(err, out.discard())
	}
	return out.close(modified)
}

func (f *folder) create(name string) (file, error) {
	out, err := os.OpenFile(f.staged(name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fault(name, err)
	}
	return &folderFile{out, name}, nil
}

func (f *folder) record() (io.Writer, error) { return f.rec, nil }

// finish replaces what the last run wrote. Should it be killed on the way, the record in the place tells of all files
// of ours that may be there, so that the next run can replace them.
func (f *folder) finish() error {
	if err := f.rec.Close(); err != nil {
		return fault(recordName, err)
	}
	f.rec = nil
	if err := f.removeOld(); err != nil {
		return err
	}
	if err := f.root.Rename(stageName+"/record", recordName); err != nil {
		return fault(recordName, err)
	}
	if err := f.move("."); err != nil {
		return err
	}
	f.created = false
	return f.leave()
}

// removeOld removes the files of the last run, and the folders that are empty then.
func (f *folder) removeOld() error {
	emptied := make(map[string]bool)
	for _, old := range f.old {
		if !fs.ValidPath(old.Path) || old.Path == "." {
			continue
		}
		if info, err := f.root.Lstat(old.Path); err != nil || info.IsDir() {
			continue
		}
		if err := f.root.Remove(old.Path); err != nil {
			return fault(old.Path, err)
		}
		for dir := parent(old.Path); dir != ""; dir = parent(dir) {
			emptied[dir] = true
		}
	}
	dirs := make([]string, 0, len(emptied))
	for dir := range emptied {
		dirs = append(dirs, dir)
	}
	slices.SortFunc(dirs, func(a, b string) int { return strings.Compare(b, a) }) // children first
	for _, dir := range dirs {
		f.root.Remove(dir) // fails where the user keeps something of his own in it
	}
	return nil
}

// move gives the staged files of a folder their final names: all at once where nothing has the folder's name.
func (f *folder) move(dir string) error {
	entries, err := os.ReadDir(filepath.Join(f.tree, dir))
	if err != nil {
		return fault(dir, err)
	}
	for _, e := range entries {
		name := e.Name()
		if dir != "." {
			name = dir + "/" + name
		}
		info, err := f.root.Lstat(name)
		switch {
		case err == nil && info.IsDir() && e.IsDir():
			if err := f.move(name); err != nil {
				return err
			}
			continue
		case err == nil && info.IsDir():
			return &load.Fatal{Err: fmt.Errorf("%s: %w: a folder is in the way", name, ErrExists)}
		case err == nil && !f.replace:
			return &load.Fatal{Err: fmt.Errorf("%s: %w: it was not there when the run began", name, ErrExists)}
		case err == nil:
			if err := f.root.Remove(name); err != nil {
				return fault(name, err)
			}
		}
		if err := f.root.Rename(stageName+"/tree/"+name, name); err != nil {
			return fault(name, err)
		}
	}
	return nil
}

func (f *folder) abort() error { return f.leave() }

// leave removes the staging folder, and the place if this run made it and it is empty.
func (f *folder) leave() error {
	var errs []error
	if f.rec != nil {
		f.rec.Close()
		f.rec = nil
	}
	stage := filepath.Join(f.path, stageName)
	if f.lock != nil {
		// Windows removes no file that is open; elsewhere nobody may get the lock of a folder that is about to go.
		if err := os.RemoveAll(stage); err == nil {
			f.lock.Close()
		} else {
			f.lock.Close()
			errs = append(errs, os.RemoveAll(stage))
		}
		f.lock = nil
	}
	errs = append(errs, f.root.Close())
	if f.created {
		os.Remove(f.path) // fails where something is in it
	}
	return errors.Join(errs...)
}

// folderFile is a file of a staged tree.
type folderFile struct {
	f    *os.File
	name string
}

func (f *folderFile) Write(p []byte) (int, error) {
	n, err := f.f.Write(p)
	return n, fault(f.name, err)
}

func (f *folderFile) truncate(size int64) error {
	if err := f.f.Truncate(size); err != nil {
		return fault(f.name, err)
	}
	_, err := f.f.Seek(size, io.SeekStart)
	return fault(f.name, err)
}

func (f *folderFile) close(modified time.Time) error {
	if err := f.f.Close(); err != nil {
		return fault(f.name, err)
	}
	if modified.IsZero() {
		return nil
	}
	return fault(f.name, os.Chtimes(f.f.Name(), time.Time{}, modified))
}

func (f *folderFile) discard() error {
	f.f.Close()
	return fault(f.name, os.Remove(f.f.Name()))
}

// plan is what a run may write, so that one can tell whether something is in the way.
type plan struct {
	files, dirs map[string]bool // folded
	extension   string          // of the files in dirs, where their names are not known
}

func newPlan(t *Target) *plan {
	p := &plan{files: make(map[string]bool), dirs: make(map[string]bool)}
	if !t.format.Joined() {
		p.extension = t.format.Extension()
	}
	for _, tree := range t.trees {
		for f := range tree.Places() {
			place := tree.place(f)
			if t.format.Joined() {
				p.files[folders.Fold(place+t.format.Extension())] = true
			} else {
				p.dirs[folders.Fold(place)] = true
			}
			for dir := parent(place); dir != ""; dir = parent(dir) {
				p.dirs[folders.Fold(dir)] = true
			}
		}
	}
	return p
}

// hit reports whether something that is not ours stands where the run may write.
func (p *plan) hit(name string, dir bool) bool {
	folded := folders.Fold(name)
	if dir {
		return p.files[folded]
	}
	return p.files[folded] || p.dirs[folded] ||
		p.extension != "" && strings.HasSuffix(folded, p.extension) && p.dirs[parent(folded)]
}

// parent returns the folder of a name; "" is the store's top.
func parent(name string) string {
	return name[:max(strings.LastIndexByte(name, '/'), 0)]
}
