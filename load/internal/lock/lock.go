// Package lock takes files for one process at a time.
//
// The operating system holds the locks and gives them back when the process that took them ends, however it ends: there is
// nothing to clear up after one that was killed. They are advice: they keep out those that ask for them as well, and nobody
// else, so what stands in a locked file can be read by everybody.
package lock

import "errors"

// ErrHeld says that another process has the file, or the same one through another open file.
var ErrHeld = errors.New("the file is locked by another process")
