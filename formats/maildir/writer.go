package maildir

import (
	"bytes"
	"io"
)

// Writer writes a mail as its file has it: with LF for CRLF. A CR elsewhere stays. The zero value is not usable.
type Writer struct {
	w       io.Writer
	buf     []byte
	cr      bool // the last byte was CR, and is not written yet
	size    int64
	virtual int64
	err     error
}

// flushAt is how much is gathered before it is written.
const flushAt = 64 << 10

// NewWriter returns a writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Reset begins another file.
func (w *Writer) Reset(out io.Writer) { *w = Writer{w: out, buf: w.buf[:0]} }

// Size returns the number of bytes in the file. It is complete after Close.
func (w *Writer) Size() int64 { return w.size }

// Virtual returns the number of bytes that the mail has with CRLF for each LF that no CR precedes: what IMAP calls its size
// (RFC 3501 2.3.4). It is complete after Close.
func (w *Writer) Virtual() int64 { return w.virtual }

// Write implements [io.Writer].
func (w *Writer) Write(p []byte) (int, error) {
	n := len(p)
	if n > 0 && w.cr {
		w.cr = false
		if p[0] != '\n' {
			w.add('\r')
		}
	}
	for len(p) > 0 {
		if len(w.buf) >= flushAt {
			w.flush()
		}
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			if w.cr = p[len(p)-1] == '\r'; w.cr {
				p = p[:len(p)-1]
			}
			w.buf = append(w.buf, p...)
			break
		}
		line := p[:i]
		if i > 0 && line[i-1] == '\r' {
			line = line[:i-1]
		}
		w.buf = append(w.buf, line...)
		if !bytes.HasSuffix(w.buf, cr) {
			w.virtual++
		}
		w.buf = append(w.buf, '\n')
		p = p[i+1:]
	}
	return n, w.err
}

var cr = []byte{'\r'}

func (w *Writer) add(c byte) { w.buf = append(w.buf, c) }

// flush writes what is gathered, but for its last byte: whether that is a CR matters to what comes next.
func (w *Writer) flush() { w.write(len(w.buf) - 1) }

func (w *Writer) write(n int) {
	if w.err == nil && n > 0 {
		_, w.err = w.w.Write(w.buf[:n])
	}
	w.size += int64(n)
	w.buf = append(w.buf[:0], w.buf[n:]...)
}

// Close completes the file. It closes nothing else.
func (w *Writer) Close() error {
	if w.cr {
		w.cr = false
		w.add('\r')
	}
	w.write(len(w.buf))
	w.virtual += w.size
	return w.err
}
