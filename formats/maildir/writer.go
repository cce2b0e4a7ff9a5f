package maildir

import (
	"bytes"
	"io"
)

// Writer writes a mail as its file has it: with LF for CRLF. A CR elsewhere stays, and so does CR CR LF, as with LF it would be
// CRLF. The zero value is not usable.
type Writer struct {
	w       io.Writer
	buf     []byte
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
	for len(p) > 0 {
		if len(w.buf) >= flushAt {
			w.flush()
		}
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			w.buf = append(w.buf, p...)
			break
		}
		w.buf = append(w.buf, p[:i]...)
		switch end := len(w.buf) - 1; {
		case end < 0 || w.buf[end] != '\r':
			w.virtual++
		case end == 0 || w.buf[end-1] != '\r':
			w.buf = w.buf[:end]
			w.virtual++
		}
		w.buf = append(w.buf, '\n')
		p = p[i+1:]
	}
	return n, w.err
}

// flush writes what is gathered, but for its last two bytes: whether they are CRs matters to what comes next.
func (w *Writer) flush() { w.write(len(w.buf) - 2) }

func (w *Writer) write(n int) {
	if w.err == nil && n > 0 {
		_, w.err = w.w.Write(w.buf[:n])
	}
	w.size += int64(n)
	w.buf = append(w.buf[:0], w.buf[n:]...)
}

// Close completes the file. It closes nothing else.
func (w *Writer) Close() error {
	w.write(len(w.buf))
	w.virtual += w.size
	return w.err
}
