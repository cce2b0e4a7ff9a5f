//go:build !linux

package conformance

func inMemory() (dir string, ok bool) { return "", false }
