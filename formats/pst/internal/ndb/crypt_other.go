//go:build !amd64

package ndb

// decodePermute is MS-PST 5.1.
func decodePermute(dst, src []byte) { decodePairs(dst, src) }
