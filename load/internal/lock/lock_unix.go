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
