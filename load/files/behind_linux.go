package files

import (
	"os"

	"golang.org/x/sys/unix"
)

const canSend = true

// send has part of a file written to the disk, and drops from memory what of the parts before it is there. Neither can
// fail in a way that matters: what was not written now is later.
func send(f *os.File, from, to int64) {
	fd := int(f.Fd())
	unix.SyncFileRange(fd, from, to-from, unix.SYNC_FILE_RANGE_WRITE) //nolint:errcheck // see above
	if from > 0 {
		unix.Fadvise(fd, 0, from, unix.FADV_DONTNEED) //nolint:errcheck // see above
	}
}
