//go:build unix

package archives

import (
	"errors"
	"slices"
	"syscall"
)

// gone are the errors of shares and devices that went away. Others, EIO first of all, may concern one place of a disk
// alone, and what is elsewhere can still be read.
var gone = []syscall.Errno{
	syscall.ESTALE, syscall.ENODEV, syscall.ENXIO, syscall.ENOTCONN, syscall.EHOSTDOWN, syscall.EHOSTUNREACH, syscall.ENETDOWN,
	syscall.ENETUNREACH, syscall.ENETRESET, syscall.ETIMEDOUT, syscall.ECONNRESET, syscall.ECONNABORTED, syscall.ESHUTDOWN,
}

// outOfReach reports whether nothing more can be read from where a read has failed.
func outOfReach(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && slices.Contains(gone, errno)
}

// tempVariable names the folder for temporary files.
const tempVariable = "TMPDIR"
