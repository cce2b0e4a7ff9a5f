package files

import (
	"math"
	"os"
	"syscall"
	"unsafe"
)

var getDiskFreeSpaceEx = syscall.NewLazyDLL("kernel32.dll").NewProc("GetDiskFreeSpaceExW")

// freeSpace asks for what the user has left, his quota included.
func freeSpace(dir string) (Space, error) {
	name, err := syscall.UTF16PtrFromString(dir)
	if err != nil {
		return Space{-1, -1}, err
	}
	var free uint64
	if ok, _, err := getDiskFreeSpaceEx.Call(uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(&free)), 0, 0); ok == 0 {
		return Space{-1, -1}, &os.PathError{Op: "GetDiskFreeSpaceEx", Path: dir, Err: err}
	}
	return Space{Bytes: int64(min(free, math.MaxInt64)), Files: -1}, nil
}
