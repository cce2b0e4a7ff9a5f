package files

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"mailmill/formats/maildir"
	"mailmill/load"
	"mailmill/transform/folders"
)

// A folder's files get their final names in these steps, whatever is killed on the way:
//
//  1. The journal tells what will be set aside. It is on the disk, as is all that the run wrote, before the next step.
//  2. What the last run wrote, or is in the way, moves into the stage.
//  3. What this run wrote moves out of it.
//  4. The run's record takes the place of the last one's. The run is complete with that one step.
//  5. The stage goes, and with it what was set aside.
//
// Where a journal is found and the record is still in the stage, steps 2 and 3 were not finished, and [restore] undoes
// what there was of them.
const (
	journalName = stageName + "/moves"
	stagedName  = stageName + "/record" // of the record
	treeName    = stageName + "/tree"   // what the run wrote
	asideName   = stageName + "/old"    // what was set aside, under its number in the journal
)

// disk is what publishing does to the file system. An *os.Root does it; names are paths below that.
type disk interface {
	Lstat(name string) (fs.FileInfo, error)
	Open(name string) (*os.File, error)
	OpenFile(name string, flag int, mode fs.FileMode) (*os.File, error)
	MkdirAll(name string, mode fs.FileMode) error
	Rename(from, to string) error
	Remove(name string) error
}

// publication is what has to be moved such that a place holds what a run wrote.
type publication struct {
	path  string // of the place, for errors
	disk  disk
	aside []string // leave their places for the stage; their indices are their names there
	in    []string // leave the stage for their places
	dirs  []string // those of in that are folders: nothing had their names
}

// publish replaces what the last run wrote by what this one did, or leaves everything as it was.
func (f *folder) publish() error {
	p, err := f.arrange()
	if err != nil {
		return err
	}
	if err := f.rec.Close(); err != nil {
		return fault(f.at(recordName), err)
	}
	f.rec = nil
	if len(p.aside) > 0 {
		// Names reach the disk before contents do: a machine that loses its power would lose the old file and the new.
		if err := syncTree(f.stage.path); err != nil {
			return fault(f.path, err)
		}
	}
	if err := p.run(); err != nil {
		if undo := restore(f.disk); undo != nil {
			f.stage.keep = true
			return errors.Join(err, fmt.Errorf("what was in %s before is in %s until the same command runs again: %w", f.path, f.stage.path, undo))
		}
		return err
	}
	f.removeEmptied()
	return nil
}

// at returns the path of a file in the place.
func (p *publication) at(name string) string { return filepath.Join(p.path, filepath.FromSlash(name)) }

// run makes the moves.
func (p *publication) run() error {
	if err := p.begin(); err != nil {
		return fault(p.path, err)
	}
	for i, name := range p.aside {
		// On a file system to which upper and lower case are one, a file that is to be written may be one that has left.
		if err := p.disk.Rename(name, asidePath(i)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return cannot(p.at(name), "replaced", err)
		}
	}
	for _, name := range p.in {
		if _, err := p.disk.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			return late(p.at(name), err)
		}
		if err := p.disk.Rename(treeName+"/"+name, name); err != nil {
			return fault(p.at(name), err)
		}
	}
	return fault(p.at(recordName), p.disk.Rename(stagedName, recordName))
}

// asidePath returns the name that a file has in the stage.
func asidePath(i int) string { return asideName + "/" + strconv.Itoa(i) }

// late is the error for a file that has come while the run went on; nil of an error is that it is there.
func late(name string, err error) error {
	if err == nil {
		return meanwhile(name)
	}
	return fault(name, err)
}

// meanwhile is the error for a file that somebody wrote while the run went on.
func meanwhile(name string) error { return &load.Fatal{Err: fmt.Errorf("%s: %w", name, ErrMeanwhile)} }

// The journal is a list of entries, each a letter, a name, and a zero byte.
const (
	journalAside = 'a' // is set aside
	journalDir   = 'd' // is a folder that comes from the stage as a whole
	journalEnd   = "\x00"
)

// begin writes the journal. Where nothing is set aside nothing can be lost, and nobody waits for the disk.
func (p *publication) begin() error {
	if err := p.disk.MkdirAll(asideName, 0o700); err != nil {
		return err
	}
	var b []byte
	for _, name := range p.aside {
		b = append(append(append(b, journalAside), name...), journalEnd...)
	}
	for _, name := range p.dirs {
		b = append(append(append(b, journalDir), name...), journalEnd...)
	}
	out, err := p.disk.OpenFile(journalName, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = out.Write(b)
	if err == nil && len(p.aside) > 0 {
		err = out.Sync()
	}
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	if err == nil && len(p.aside) > 0 {
		syncDir(filepath.Dir(out.Name()))
	}
	return err
}

// readJournal returns what a journal tells; nil where there is none. An entry that is not whole was never acted on.
func readJournal(d disk) (*publication, error) {
	b, err := readAll(d, journalName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p := &publication{disk: d}
	for entry := range bytes.SplitAfterSeq(b, []byte(journalEnd)) {
		entry, whole := bytes.CutSuffix(entry, []byte(journalEnd))
		if !whole || len(entry) == 0 {
			break
		}
		name := string(entry[1:])
		switch {
		case !fs.ValidPath(name) || name == ".":
			return nil, fmt.Errorf("%s is no name of a file", strconv.Quote(name))
		case entry[0] == journalAside:
			p.aside = append(p.aside, name)
		case entry[0] == journalDir:
			p.dirs = append(p.dirs, name)
		}
	}
	return p, nil
}

// recoverPlace undoes what a run that was killed has left half done in a folder. It does nothing where there is no such.
func recoverPlace(path string) error {
	stage := filepath.Join(path, stageName)
	if !unfinished(path) {
		return nil
	}
	s, err := openStage(stage, path)
	if err != nil {
		return err
	}
	return s.leave()
}

// unfinished reports whether a run moves the files of a folder, or was killed when it did.
func unfinished(path string) bool {
	_, err := os.Lstat(filepath.Join(path, filepath.FromSlash(journalName)))
	return err == nil
}

// restore undoes a publication of which only a part was done: afterwards the place holds what it held before, and the
// stage what the run had written. It may itself be killed, and be called again.
func restore(d disk) error {
	p, err := readJournal(d)
	if p == nil || err != nil {
		return cannot(journalName, "read", err)
	}
	rec, err := readRecord(d, stagedName)
	if rec == nil && err == nil {
		return nil // it was done
	}
	switch {
	case err == nil:
		if err := takeBack(d, rec.Files); err != nil {
			return err
		}
	case len(p.aside) > 0 || !isDamaged(err):
		return cannot(stagedName, "read", err)
	}
	for _, name := range p.dirs {
		removeEmpty(d, name)
	}
	for i, name := range slices.Backward(p.aside) {
		if err := putBack(d, asidePath(i), name); err != nil {
			return err
		}
	}
	// From here on the stage may go, piece by piece: what is missing in it must not be looked for in the place.
	return cannot(journalName, "removed", d.Remove(journalName))
}

// takeBack moves the files that a run wrote from the place to the stage, as far as they have left that. One that somebody
// has changed meanwhile is his.
func takeBack(d disk, written []recordFile) error {
	for _, file := range written {
		name, staged := file.Path, treeName+"/"+file.Path
		if !fs.ValidPath(name) || name == "." {
			continue
		}
		if _, err := d.Lstat(staged); !errors.Is(err, fs.ErrNotExist) {
			if err != nil {
				return cannot(name, "taken back", err)
			}
			continue
		}
		if same, err := file.stands(d, name); errors.Is(err, fs.ErrNotExist) || err == nil && !same {
			continue
		} else if err != nil {
			return cannot(name, "taken back", err)
		}
		if err := d.MkdirAll(treeName+"/"+parent(name), 0o700); err != nil {
			return cannot(name, "taken back", err)
		}
		if err := d.Rename(name, staged); err != nil {
			return cannot(name, "taken back", err)
		}
	}
	return nil
}

// putBack moves what was set aside to its place again.
func putBack(d disk, aside, name string) error {
	if _, err := d.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := d.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			return fmt.Errorf("%s has come there meanwhile, and what had that name before is %s; move one of them elsewhere", name, aside)
		}
		return cannot(name, "put back", err)
	}
	if above := parent(name); above != "" {
		if err := d.MkdirAll(above, 0o700); err != nil {
			return cannot(name, "put back", err)
		}
	}
	return cannot(name, "put back", d.Rename(aside, name))
}

// removeEmpty removes a folder and what it holds, but no file, and no folder in which there is one.
func removeEmpty(d disk, name string) {
	entries, err := readDir(d, name)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() {
			removeEmpty(d, name+"/"+e.Name())
		}
	}
	d.Remove(name) //nolint:errcheck // something may be in it
}

func readDir(d disk, name string) ([]fs.DirEntry, error) {
	if info, err := d.Lstat(name); err != nil || !info.IsDir() {
		return nil, errors.Join(err, fs.ErrInvalid) // a link, perhaps, which leads elsewhere
	}
	dir, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return dir.ReadDir(-1)
}

func readAll(d disk, name string) ([]byte, error) {
	in, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(in)
	return b.Bytes(), err
}

// arrange finds out what publishing has to move.
func (f *folder) arrange() (*publication, error) {
	p := &publication{path: f.path, disk: f.disk}
	for name, was := range f.merged {
		if now, err := f.content(name); err != nil {
			return nil, cannot(f.at(name), "read", err)
		} else if !bytes.Equal(now, was) {
			return nil, meanwhile(f.at(name))
		}
	}
	l, err := f.leaveOld(p)
	if err != nil {
		return nil, err
	}
	return p, f.arrive(p, ".", l)
}

// leaving are the files that are set aside, and their names on file systems to which upper and lower case are one.
type leaving struct{ exactly, folded map[string]bool }

func (l *leaving) add(name string) {
	l.exactly[name], l.folded[folders.Fold(name)] = true, true
}

// leaveOld has the files of the last run set aside. One that somebody has changed while this one went on is in the way,
// as it would have been before.
func (f *folder) leaveOld(p *publication) (*leaving, error) {
	l := &leaving{make(map[string]bool), make(map[string]bool)}
	renamed := renamedFiles{disk: p.disk}
	known := map[string]bool{"": true}
	leave := func(was *recordFile, name string) error {
		info, err := p.disk.Lstat(name)
		if err != nil || info.IsDir() || l.exactly[name] {
			return nil
		}
		if !f.replace {
			if same, err := was.is(p.disk, name, info); err != nil {
				return cannot(p.at(name), "read", err)
			} else if !same || name != was.Path {
				return meanwhile(p.at(name))
			}
		}
		p.aside = append(p.aside, name)
		l.add(name)
		return nil
	}
	var telling []*recordFile
	for i := range f.old {
		was := &f.old[i]
		name := was.Path
		if !fs.ValidPath(name) || name == "." || was.Shared || !p.real(parent(name), known) {
			continue
		}
		if f.maildir {
			if base := path.Base(name); base == maildir.KeywordsFile || base == maildir.FolderFile {
				telling = append(telling, was)
				continue
			}
			if _, err := p.disk.Lstat(name); err != nil {
				name = cmp.Or(renamed.find(name), name)
			}
		}
		if err := leave(was, name); err != nil {
			return nil, err
		}
	}
	// What tells of a folder's mails stays with those that do.
	for _, was := range telling {
		if !p.mailStays(parent(was.Path), l) {
			if err := leave(was, was.Path); err != nil {
				return nil, err
			}
		}
	}
	return l, nil
}

// mailStays reports whether a folder of a Maildir holds mails that nothing is to be done to.
func (p *publication) mailStays(folder string, l *leaving) bool {
	for _, name := range maildir.Dirs() {
		dir := join(folder, name)
		if entries, err := readDir(p.disk, dir); err == nil && slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !l.exactly[dir+"/"+e.Name()] }) {
			return true
		}
	}
	return false
}

// real reports whether a folder is one on all of its path: what a link leads to is none of the place.
func (p *publication) real(dir string, known map[string]bool) bool {
	is, ok := known[dir]
	if !ok {
		info, err := p.disk.Lstat(dir)
		is = err == nil && info.IsDir() && p.real(parent(dir), known)
		known[dir] = is
	}
	return is
}

// arrive has the staged files of a folder moved to their places: all at once where nothing has the folder's name.
func (f *folder) arrive(p *publication, dir string, l *leaving) error {
	entries, err := os.ReadDir(f.staged(dir))
	if err != nil {
		return fault(f.at(dir), err)
	}
	for _, e := range entries {
		name := e.Name()
		if dir != "." {
			name = dir + "/" + name
		}
		info, err := f.disk.Lstat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist), l.exactly[name]:
		case err != nil:
			return fault(f.at(name), err)
		case info.IsDir() && e.IsDir():
			if err := f.arrive(p, name, l); err != nil {
				return err
			}
			continue
		case info.IsDir() && !p.emptied(name, l):
			return &load.Fatal{Err: fmt.Errorf("%s: %w: it is a folder, and not empty", f.at(name), ErrBlocked)}
		case info.IsDir(), f.replace, f.recorded(name):
			p.aside = append(p.aside, name)
		case !l.folded[folders.Fold(name)]:
			return late(f.at(name), nil)
		}
		p.in = append(p.in, name)
		if e.IsDir() {
			p.dirs = append(p.dirs, name)
		}
	}
	return nil
}

// recorded reports whether the last run wrote a file.
func (f *folder) recorded(name string) bool {
	was := f.ours[folders.Fold(name)]
	return was != nil && was.Path == name
}

// emptied reports whether a folder holds nothing but what is set aside.
func (p *publication) emptied(dir string, l *leaving) bool {
	entries, err := readDir(p.disk, dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		name := dir + "/" + e.Name()
		if !l.exactly[name] && !(e.IsDir() && p.emptied(name, l)) {
			return false
		}
	}
	return true
}

// removeEmptied removes the folders of the last run that this one has not, if there is nothing in them.
func (f *folder) removeEmptied() {
	emptied := make(map[string]bool)
	for _, old := range f.old {
		dir := parent(old.Path)
		if f.maildir && filepath.Base(dir) == "cur" {
			for _, name := range maildir.Dirs() {
				emptied[join(parent(dir), name)] = true
			}
		}
		for ; dir != "" && fs.ValidPath(dir); dir = parent(dir) {
			emptied[dir] = true
		}
	}
	for _, dir := range slices.Backward(slices.Sorted(maps.Keys(emptied))) { // children first
		if info, err := f.disk.Lstat(dir); err == nil && info.IsDir() && !f.known[dir] {
			f.disk.Remove(dir) //nolint:errcheck // fails where something is in it
		}
	}
}

// renamedFiles finds the files of a Maildir that got other flags, and with them other names.
type renamedFiles struct {
	disk disk
	dirs map[string]map[string]string // by folder: the files' names by what stays of them
}

// find returns what a file is called now, or nothing.
func (r *renamedFiles) find(name string) string {
	dir := parent(name)
	names, known := r.dirs[dir]
	if !known {
		names = make(map[string]string)
		if filepath.Base(dir) == "cur" {
			if entries, err := readDir(r.disk, dir); err == nil {
				for _, e := range entries {
					names[maildir.Base(e.Name())] = e.Name()
				}
			}
		}
		if r.dirs == nil {
			r.dirs = make(map[string]map[string]string)
		}
		r.dirs[dir] = names
	}
	if now := names[maildir.Base(name[len(dir)+1:])]; now != "" {
		return dir + "/" + now
	}
	return ""
}
