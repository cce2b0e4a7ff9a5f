//go:build unix

package corpustest

import (
	"syscall"
	"time"
)

// CPU returns for how long this process has kept processors busy so far. Tests that bound what work costs take it for their
// clock: it does not run faster where others are at work.
func CPU() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err) // for arguments that are wrong
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
