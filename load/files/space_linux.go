package files

import (
	"math"
	"os"
	"syscall"
	"unsafe"
)

// The system call quotactl_fd (Linux 5.14), which has the same number on every processor, and its arguments: see
// quotactl(2) and linux/quota.h.
const (
	sysQuotactlFD = 443
	getQuota      = 0x800007 << 8 // QCMD(Q_GETQUOTA, USRQUOTA); GRPQUOTA is one more
	limitUnit     = 1024          // QIF_DQBLKSIZE
)

// quota is struct if_dqblk.
type quota struct {
	bytesHard, bytesSoft  uint64 // in limitUnit; 0 for none
	bytesUsed             uint64
	inodesHard, inodeSoft uint64
	inodesUsed            uint64
	byteTime, inodeTime   uint64
	valid                 uint32
	_                     uint32
}

// quotaLeft returns what the quotas of the user and his group leave at dir. Root is not bound by any.
func quotaLeft(dir string) Space {
	left := Space{-1, -1}
	if os.Geteuid() == 0 {
		return left
	}
	f, err := os.Open(dir)
	if err != nil {
		return left
	}
	defer f.Close()
	for kind, id := range []int{os.Geteuid(), os.Getegid()} {
		var q quota
		if _, _, errno := syscall.Syscall6(sysQuotactlFD, f.Fd(), getQuota|uintptr(kind), uintptr(id), uintptr(unsafe.Pointer(&q)), 0, 0); errno != 0 {
			continue // none is kept here, or an old kernel
		}
		if q.bytesHard > 0 && q.bytesHard < math.MaxInt64/limitUnit {
			left.Bytes = least(left.Bytes, max(int64(q.bytesHard)*limitUnit-int64(min(q.bytesUsed, math.MaxInt64)), 0))
		}
		if q.inodesHard > 0 && q.inodesHard < math.MaxInt64 {
			left.Files = least(left.Files, max(int64(q.inodesHard)-int64(min(q.inodesUsed, math.MaxInt64)), 0))
		}
	}
	return left
}
