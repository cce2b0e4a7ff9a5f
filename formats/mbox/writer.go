package mbox

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"time"
)

const (
	flushAt = 64 << 10
	// maxHeaderLine is how much of a line of a header is looked at as a whole.
	maxHeaderLine = 64 << 10
)

// Writer writes an mbox file.
type Writer struct {
	w    io.Writer
	buf  []byte
	err  error
	size int64
	msg  Message
}

// NewWriter returns a writer to w. Every message is given to w in full when it is closed; there is nothing to close
// after the last.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Size is the number of bytes written so far: the offset at which the next message will begin.
func (w *Writer) Size() int64 { return w.size + int64(len(w.buf)) }

// Message begins a message. Its envelope sender is MAILER-DAEMON where from is not one word with an "@". What is
// written to the result until it is closed is the message, with CRLF or LF line ends, in the file LF; CR CR LF stays, as
// with LF it would be CRLF. One message must be closed before the next one begins.
func (w *Writer) Message(from string, date time.Time, status Status) *Message {
	w.buf = append(fromLine(w.buf, from, date), '\n')
	w.msg = Message{w: w, status: status, header: true, bol: true, line: w.msg.line[:0]}
	return &w.msg
}

func (w *Writer) flush() {
	if w.err == nil && len(w.buf) > 0 {
		var n int
		n, w.err = w.w.Write(w.buf)
		w.size += int64(n)
	}
	w.buf = w.buf[:0]
}

// Message is a message that is being written.
type Message struct {
	w      *Writer
	status Status

	header bool   // the empty line is still to come
	line   []byte // of the header, as far as it is there
	drop   bool   // the field is left out, and so are its continuation lines
	long   bool   // the line's beginning was too long to wait for its end

	bol  bool // the next byte begins a line
	cr   bool // the last byte was CR, and is not written yet
	crs  bool // so was the byte before it, which is written
	from int  // how much of "From " has been seen at the line's beginning, and is not written yet
}

var errClosed = errors.New("mbox: the message is closed")

// Write implements [io.Writer].
func (m *Message) Write(p []byte) (int, error) {
	if m.w == nil {
		return 0, errClosed
	}
	n := len(p)
	for m.header && len(p) > 0 {
		p = m.headerBytes(p)
	}
	m.body(p)
	return n, m.w.err
}

// Lines returns room for the next n bytes of the message's body, to be filled before anything else is done: whole lines
// that end with LF and need no quoting, as those of base64. It spares looking for their ends. It is nil where the body has
// not begun, or where something is to be decided yet of what was written last: then [Message.Write] takes them.
func (m *Message) Lines(n int) []byte {
	w := m.w
	if w == nil || w.err != nil || m.header || m.cr || m.from > 0 {
		return nil
	}
	if len(w.buf)+n > flushAt {
		w.flush()
	}
	m.bol = true
	at := len(w.buf)
	w.buf = slices.Grow(w.buf, n)[:at+n]
	return w.buf[at:]
}

// headerBytes takes the beginning of p that belongs to the header's current line, and returns the rest.
func (m *Message) headerBytes(p []byte) []byte {
	i := bytes.IndexByte(p, '\n')
	if i < 0 {
		m.line = append(m.line, p...)
		if len(m.line) > maxHeaderLine {
			m.headerLine(m.line, false)
			m.line = m.line[:0]
		}
		return nil
	}
	line := p[:i]
	if len(m.line) > 0 {
		m.line = append(m.line, line...)
		line = m.line
	}
	m.headerLine(withoutCR(line), true)
	m.line = m.line[:0]
	return p[i+1:]
}

// headerLine writes a line of the header, or as much of a long one as there is.
func (m *Message) headerLine(line []byte, ended bool) {
	if !m.long {
		if isEmpty(line) {
			m.endHeader(line)
			return
		}
		if line[0] != ' ' && line[0] != '\t' {
			m.drop = isState(line)
		}
	}
	if !m.drop {
		if !m.long && isQuotable(line) {
			m.w.buf = append(m.w.buf, '>')
		}
		m.w.buf = append(m.w.buf, line...)
		if ended {
			m.w.buf = append(m.w.buf, '\n')
		}
	}
	m.long = !ended
	if len(m.w.buf) >= flushAt {
		m.w.flush()
	}
}

// endHeader writes the state and the empty line, in which CRs may stand.
func (m *Message) endHeader(line []byte) {
	m.header = false
	m.w.buf = append(append(m.status.append(m.w.buf), line...), '\n')
}

var fromMark = []byte("From ")

func isQuotable(line []byte) bool {
	switch line[0] {
	case 'F':
		return bytes.HasPrefix(line, fromMark)
	case '>':
		return bytes.HasPrefix(bytes.TrimLeft(line, ">"), fromMark)
	}
	return false
}

// body converts and quotes.
func (m *Message) body(p []byte) {
	w := m.w
	for len(p) > 0 {
		if len(w.buf) >= flushAt {
			w.flush()
		}
		after := m.cr // the byte before p is CR
		if m.cr {
			m.cr = false
			if p[0] != '\n' || m.crs {
				w.buf = append(w.buf, '\r')
			}
		}
		if m.bol || m.from > 0 {
			// The line's beginning may come in pieces. The ">" that quotes may follow those that are there.
			c := p[0]
			switch {
			case m.from == 0 && c == '>':
				w.buf = append(w.buf, c)
				p = p[1:]
				continue
			case c == fromMark[m.from]:
				m.bol = false
				p = p[1:]
				if m.from++; m.from == len(fromMark) {
					w.buf = append(append(w.buf, '>'), fromMark...)
					m.from = 0
				}
				continue
			}
			w.buf = append(w.buf, fromMark[:m.from]...)
			m.bol, m.from = false, 0
		}
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			if m.cr = p[len(p)-1] == '\r'; m.cr {
				p = p[:len(p)-1]
				m.crs = len(p) > 0 && p[len(p)-1] == '\r' || len(p) == 0 && after
			}
			w.buf = append(w.buf, p...)
			return
		}
		line := p[:i]
		if i != 1 || !after {
			line = withoutCR(line)
		}
		w.buf = append(append(w.buf, line...), '\n')
		p, m.bol = p[i+1:], true
	}
}

// Close ends the message: with a line end if it has none, and with the empty line that parts it from the next.
func (m *Message) Close() error {
	w := m.w
	if w == nil {
		return errClosed
	}
	if m.header {
		if len(m.line) > 0 || m.long {
			if bytes.HasSuffix(m.line, []byte{'\r'}) {
				m.line = append(m.line, '\r')
			}
			m.headerLine(m.line, true)
		}
		if m.header {
			// The message ends with its header. The line that parts it from the next one ends that, too.
			m.w.buf = m.status.append(m.w.buf)
		}
	} else {
		w.buf = append(w.buf, fromMark[:m.from]...)
		if m.cr {
			w.buf = append(w.buf, "\r\r"...) // with one alone the line end would be CRLF
		}
		if !m.bol || m.from > 0 || m.cr {
			w.buf = append(w.buf, '\n')
		}
	}
	w.buf = append(w.buf, '\n')
	m.w = nil
	w.flush()
	return w.err
}
