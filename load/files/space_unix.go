//go:build linux || darwin

package files

import (
	"math"
	"os"
	"syscall"
)

func freeSpace(dir string) (Space, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return Space{-1, -1}, &os.PathError{Op: "statfs", Path: dir, Err: err}
	}
	s := Space{Bytes: -1, Files: -1}
	// Some file systems of the network and in user space say nothing: of no blocks none are free.
	if size := uint64(st.Bsize); st.Blocks > 0 && size > 0 {
		s.Bytes = math.MaxInt64
		if blocks := st.Bavail; blocks < math.MaxInt64/size {
			s.Bytes = int64(blocks * size)
		}
	}
	// Others make their inodes as they need them.
	if st.Files > 0 && st.Ffree <= math.MaxInt64 {
		s.Files = int64(st.Ffree)
	}
	quota := quotaLeft(dir)
	return Space{least(s.Bytes, quota.Bytes), least(s.Files, quota.Files)}, nil
}
