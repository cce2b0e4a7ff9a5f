//go:build linux || darwin

package bundle

import "syscall"

// freeSpace returns what is free at dir; negative where that is not known.
func freeSpace(dir string) int64 {
	var st syscall.Statfs_t
	// Some file systems of the network and in user space say nothing: of no blocks none are free.
	if syscall.Statfs(dir, &st) != nil || st.Blocks == 0 || st.Bsize <= 0 {
		return -1
	}
	if blocks := st.Bavail; blocks < 1<<62/uint64(st.Bsize) {
		return int64(blocks * uint64(st.Bsize))
	}
	return 1 << 62
}
