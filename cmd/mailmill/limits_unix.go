//go:build unix

package main

import (
	"fmt"
	"syscall"
)

// fewestFiles is the number of files that must be allowed to be open: some of mailmill's own, the runtime's and the
// standard streams, with one archive. Without them the runtime ends the process in a way that nobody understands.
const fewestFiles = 24

// enoughFiles returns an error where too few files may be open at once.
func enoughFiles() error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur >= fewestFiles {
		return nil //nolint:nilerr // what cannot be known is no reason to stop
	}
	return &exit{
		status: exitTemporary,
		sentence: fmt.Sprintf("only %d files may be open at once here, and mailmill needs %d; allow more (ulimit -n 256) and run the same command again",
			limit.Cur, fewestFiles),
	}
}
