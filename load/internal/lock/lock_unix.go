//go:build unix

package lock

import (
	"errors"
	"os"
	"syscall"
)

// Take takes a file for this process until it is closed. It does not wait: where somebody has it the error is [ErrHeld].
func Take(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrHeld
	}
	return err
}

// Release gives a file back that is about to be closed. Closing does so as well, unless another process that is just being
// started has the file open for the moment that it takes to become another program.
func Release(f *os.File) { syscall.Flock(int(f.Fd()), syscall.LOCK_UN) } //nolint:errcheck // closing is what counts
