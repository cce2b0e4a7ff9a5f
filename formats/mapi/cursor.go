package mapi

import (
	"encoding/binary"
	"fmt"
)

// cursor reads a binary structure from its beginning to its end. What goes beyond the end is an error that is kept:
// from then on everything read is 0, so that a structure can be read in one go and checked once.
type cursor struct {
	b   []byte
	off int
	err error
}

// take returns the next n bytes, which belong to the caller's input; what names them in the error.
func (c *cursor) take(n uint64, what string) []byte {
	if c.err != nil {
		return nil
	}
	if left := uint64(len(c.b) - c.off); n > left {
		c.err = fmt.Errorf("%s at offset %d has %d bytes, %d are left", what, c.off, n, left)
		return nil
	}
	b := c.b[c.off : c.off+int(n) : c.off+int(n)]
	c.off += int(n)
	return b
}

func (c *cursor) uint16(what string) uint16 {
	if b := c.take(2, what); b != nil {
		return binary.LittleEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) uint32(what string) uint32 {
	if b := c.take(4, what); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

// block reads a size in 32 bits and that many bytes, nil for none.
func (c *cursor) block(what string) []byte {
	n := c.uint32("the size of " + what)
	if n == 0 {
		return nil
	}
	return c.take(uint64(n), what)
}
