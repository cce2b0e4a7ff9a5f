package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Space is what a place has room for. It is the smaller of what the file system has and what the user's quota, where
// it can be seen, leaves of it. What is not known is -1.
type Space struct {
	Bytes int64
	// Files is the number of files and folders.
	Files int64
}

// FreeSpace returns what there is room for at a path, or where it will be when it has been created.
func FreeSpace(path string) (Space, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Space{-1, -1}, err
	}
	for {
		info, err := os.Stat(abs)
		above := filepath.Dir(abs)
		switch {
		case err == nil && info.IsDir():
			return freeSpace(abs)
		case err != nil && !errors.Is(err, fs.ErrNotExist), above == abs:
			return Space{-1, -1}, err
		}
		abs = above
	}
}

// least returns the smaller of two numbers that are -1 where they are not known.
func least(a, b int64) int64 {
	if a < 0 || b >= 0 && b < a {
		return b
	}
	return a
}
