package files

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncTree has the disk take everything that was written below a folder: the whole file system at once, which is
// far less to wait for than one file after another.
func syncTree(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return unix.Syncfs(int(dir.Fd()))
}
