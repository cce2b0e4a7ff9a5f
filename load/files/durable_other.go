//go:build !linux

package files

import (
	"io/fs"
	"os"
	"path/filepath"
)

// syncTree has the disk take everything that was written below a folder.
func syncTree(path string) error {
	return filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() {
			syncDir(name)
			return nil
		}
		// Windows syncs only what is open for writing.
		file, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		defer file.Close()
		return file.Sync()
	})
}
