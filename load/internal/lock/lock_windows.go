package lock

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Take takes a file for this process until it is closed. It does not wait: where somebody has it the error is [ErrHeld].
func Take(f *os.File) error {
	// Windows lets nobody else read what is locked: so that is one byte far behind any content.
	behind := &windows.Overlapped{OffsetHigh: 1 << 30}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, behind)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return ErrHeld
	}
	return err
}

// Release gives a file back that is about to be closed, which does so as well.
func Release(*os.File) {}
