package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"mailmill/load/internal/lock"
)

// stage is a hidden folder for what is not complete yet. It is on the target's file system, so that what is complete can
// be moved to its final name, and it is locked while a run uses it: what a killed run left in it is not.
type stage struct {
	path  string
	lock  *os.File
	above []string // the folders that were made for it
	keep  bool     // holds what must not be lost
}

// lockName is the file in a stage that a run has locked.
const lockName = "lock"

// openStage makes the folder, with its parents, or takes over what a killed run left of it: what that had half done in the
// place is undone, and the rest removed.
func openStage(path, target string) (_ *stage, err error) {
	s := &stage{path: path}
	if s.above, err = makeParents(filepath.Dir(path)); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.leave() //nolint:errcheck // err says what went wrong first
		}
	}()
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if info, err := os.Lstat(path); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%s: %w: %s is in the way", target, ErrExists, filepath.Base(path))
	}
	if s.lock, err = os.OpenFile(s.name(lockName), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, err
	}
	if err := lock.Take(s.lock); err != nil || !s.lockStands() {
		s.lock.Close()
		s.lock = nil
		return nil, fmt.Errorf("%s: %w", target, ErrInUse)
	}
	if err := s.restore(); err != nil {
		s.keep = true
		return nil, fmt.Errorf("%s: %w: %w", target, ErrUnfinished, err)
	}
	return s, s.clear()
}

// clear removes everything from the stage but its lock.
func (s *stage) clear() error {
	left, err := os.ReadDir(s.path)
	for _, e := range left {
		if e.Name() != lockName && err == nil {
			err = os.RemoveAll(s.name(e.Name()))
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil // somebody has been here
	}
	return err
}

// restore undoes what a killed run has half done, where the stage is that of a folder.
func (s *stage) restore() error {
	if filepath.Base(s.path) != stageName {
		return nil
	}
	root, err := os.OpenRoot(filepath.Dir(s.path))
	if err != nil {
		return err
	}
	defer root.Close()
	return restore(root)
}

// makeParents makes a folder and its parents, and returns those that were not there.
func makeParents(path string) (made []string, err error) {
	for dir := path; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			break
		}
		made = append(made, dir)
	}
	return made, os.MkdirAll(path, 0o700)
}

// lockStands reports whether the locked file is still where others look for it: the run that had it before may have
// removed it when it ended.
func (s *stage) lockStands() bool {
	held, err := s.lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(s.lock.Name())
	return err == nil && os.SameFile(held, there)
}

// name returns the path of a file in the stage.
func (s *stage) name(file string) string { return filepath.Join(s.path, file) }

// create makes a file in the stage.
func (s *stage) create(file string) (*os.File, error) {
	return os.OpenFile(s.name(file), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
}

// createBehind makes a file in the stage for output that may be large.
func (s *stage) createBehind(file string) (*behind, error) {
	f, err := s.create(file)
	if err != nil {
		return nil, err
	}
	return &behind{file: f}, nil
}

// leave removes the stage unless it is to be kept, and the folders that were made for it if nothing is in them.
func (s *stage) leave() error {
	if s.keep && s.lock != nil {
		s.lock.Close()
		s.lock = nil
	}
	var err error
	if s.lock != nil {
		err = s.clear()
		// The lock goes last: who gets one finds nothing of this run, and this one finds nothing of his. Windows removes no
		// file that is open; elsewhere nobody may get the lock of a folder that is about to go.
		if name := s.lock.Name(); os.Remove(name) == nil {
			s.lock.Close()
		} else {
			s.lock.Close()
			os.Remove(name)
		}
		s.lock = nil
		if left := os.Remove(s.path); err == nil && left != nil && !errors.Is(left, fs.ErrNotExist) && !inUse(s.path) {
			err = left
		}
	}
	for _, dir := range s.above {
		if os.Remove(dir) != nil {
			break
		}
	}
	s.above = nil
	return err
}

// inUse reports whether another run has come to a stage.
func inUse(path string) bool {
	_, err := os.Lstat(filepath.Join(path, lockName))
	return err == nil
}

// syncDir makes what was renamed in a folder durable, where the system can: Windows syncs no folders.
func syncDir(path string) {
	if dir, err := os.Open(path); err == nil {
		dir.Sync() //nolint:errcheck // not every file system can; the files are whole
		dir.Close()
	}
}
