//go:build !linux

package files

import "os"

const canSend = false

func send(*os.File, int64, int64) {}
