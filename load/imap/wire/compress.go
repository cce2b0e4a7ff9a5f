package wire

import (
	"bufio"
	"context"
	"io"

	"github.com/klauspost/compress/flate"
)

// deflated is a connection below COMPRESS=DEFLATE (RFC 4978). Nothing leaves before Flush.
type deflated struct {
	io.Reader
	w   *flate.Writer
	out *bufio.Writer // the compressor writes a few hundred bytes at a time
}

func (d *deflated) Write(p []byte) (int, error) { return d.w.Write(p) }

// Flush sends what was written, such that the server can read all of it.
func (d *deflated) Flush() error {
	if err := d.w.Flush(); err != nil {
		return err
	}
	return d.out.Flush()
}

// compress switches compression on. A server that offers it may still refuse it (RFC 4978 3): then there is none.
func (c *Conn) compress(ctx context.Context) error {
	if _, err := c.do(ctx, "COMPRESS", " DEFLATE", nil); err != nil {
		if Lost(err) {
			return err
		}
		c.log(ctx, "no compression")
		return nil
	}
	c.readers.Wait()
	out := bufio.NewWriterSize(c.out.w, corkSize)
	// The fastest level: text shrinks to a third, and a network has to be fast for that to be the bottleneck.
	w, err := flate.NewWriter(out, flate.BestSpeed)
	if err != nil {
		return err
	}
	// What the server sent after its answer is compressed.
	c.over(&deflated{flate.NewReader(c.lines.br), w, out})
	return nil
}
