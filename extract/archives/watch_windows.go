package archives

import (
	"errors"
	"slices"
	"syscall"
)

// gone are the errors of shares and devices that went away: ERROR_NOT_READY, ERROR_BAD_NETPATH, ERROR_DEV_NOT_EXIST,
// ERROR_UNEXP_NET_ERR, ERROR_NETNAME_DELETED, ERROR_SEM_TIMEOUT, ERROR_NO_SUCH_DEVICE, ERROR_DEVICE_NOT_CONNECTED.
var gone = []syscall.Errno{21, 53, 55, 59, 64, 121, 433, 1167}

// outOfReach reports whether nothing more can be read from where a read has failed.
func outOfReach(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && slices.Contains(gone, errno)
}

// tempVariable names the folder for temporary files.
const tempVariable = "TMP"
