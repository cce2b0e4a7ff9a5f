//go:build !unix

package corpustest

import "time"

var begun = time.Now()

// CPU returns for how long this process has been there, which is at least for as long as it kept a processor busy.
func CPU() time.Duration { return time.Since(begun) }
