package compare

import (
	"bufio"
	"bytes"
	"io"
	"sync"
)

// readBuffer is the length of the longest piece of a line that is looked at at once.
const readBuffer = 64 << 10

// piece is a line, or a part of one that is too long for that.
type piece struct {
	data  []byte // without its end; valid until the next
	begin bool   // it begins a line
	end   bool   // the line ends with it, in LF or CRLF
}

// lineReader reads lines up to the boundaries of the parts that are being read.
type lineReader struct {
	br    *bufio.Reader
	err   error
	inner bool // the next piece goes on with a line
	cr    bool // a CR was held back at the end of a piece: it may belong to the line's end
	held  []byte

	bounds  []string // with their hyphens
	stop    stop
	stopAt  bool // at a boundary
	watched []watched
}

// stop is a boundary that was met.
type stop struct {
	level   int
	closing bool
}

// watched is a sum over all lines within a part.
type watched struct {
	level int
	sum   *lineSum
}

func newLineReader(r io.Reader) *lineReader {
	br := buffers.Get().(*bufio.Reader)
	br.Reset(r)
	return &lineReader{br: br}
}

var buffers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, readBuffer) }}

// release gives the buffer back. Nothing is read after that.
func (l *lineReader) release() {
	l.br.Reset(nil)
	buffers.Put(l.br)
	l.br = nil
}

func (l *lineReader) push(boundary string) (level int) {
	l.bounds = append(l.bounds, "--"+boundary)
	return len(l.bounds) - 1
}

func (l *lineReader) pop() { l.bounds = l.bounds[:len(l.bounds)-1] }

// stopped reports whether the reader is at a boundary of the multipart of a level.
func (l *lineReader) stopped(level int) bool { return l.stopAt && l.stop.level == level }

// resume goes on behind the boundary.
func (l *lineReader) resume() { l.stopAt = false }

// watch begins a sum over all lines up to the next boundary of a level.
func (l *lineReader) watch(level int) *lineSum {
	s := newLineSum()
	l.watched = append(l.watched, watched{level, s})
	return s
}

func (l *lineReader) unwatch() { l.watched = l.watched[:len(l.watched)-1] }

// next returns the next piece; false at a boundary and at the end.
func (l *lineReader) next() (piece, bool) {
	if l.stopAt {
		return piece{}, false
	}
	p, ok := l.read()
	if !ok {
		return p, false
	}
	level := len(l.bounds)
	if p.begin && len(p.data) > 2 && p.data[0] == '-' && p.data[1] == '-' && len(l.bounds) > 0 {
		var closing bool
		if level, closing = l.boundary(p.data); level < len(l.bounds) {
			l.stop, l.stopAt = stop{level, closing}, true
		}
	}
	for _, w := range l.watched {
		if level > w.level {
			w.sum.piece(p)
		}
	}
	return p, !l.stopAt
}

// boundary returns the level of the multipart of which a line is a boundary, the innermost first.
func (l *lineReader) boundary(line []byte) (level int, closing bool) {
	line = bytes.TrimRight(line, " \t") // RFC 2046 5.1.1: transport padding
	for i := len(l.bounds) - 1; i >= 0; i-- {
		rest, ok := bytes.CutPrefix(line, []byte(l.bounds[i]))
		if ok && (len(rest) == 0 || string(rest) == "--") {
			return i, len(rest) > 0
		}
	}
	return len(l.bounds), false
}

// read returns the next piece, whatever it is.
func (l *lineReader) read() (piece, bool) {
	b, err := l.br.ReadSlice('\n')
	if len(b) == 0 && err != nil && err != bufio.ErrBufferFull {
		if l.err == nil {
			l.err = err
		}
		if l.cr {
			l.cr = false
			return piece{data: []byte("\r"), begin: !l.inner}, true
		}
		return piece{}, false
	}
	p := piece{begin: !l.inner}
	if p.end = b[len(b)-1] == '\n'; p.end {
		b = b[:len(b)-1]
		if n := len(b); n > 0 && b[n-1] == '\r' {
			b = b[:n-1]
		} else if n == 0 && l.cr {
			l.cr = false
		}
	}
	if l.cr {
		l.held = append(append(l.held[:0], '\r'), b...)
		b, l.cr = l.held, false
	}
	if n := len(b); !p.end && n > 0 && b[n-1] == '\r' {
		b, l.cr = b[:n-1], true
	}
	l.inner = !p.end
	p.data = b
	return p, true
}

// lineSum is a hash over lines with LF, without the last line end.
type lineSum struct {
	digest
	ended  bool // a line end waits for what follows
	blanks int  // empty lines wait likewise
}

func newLineSum() *lineSum { return &lineSum{digest: *newDigest()} }

func (s *lineSum) piece(p piece) {
	if s.ended {
		s.write([]byte{'\n'})
	}
	s.write(p.data)
	s.ended = p.end
}

// trimmed is piece for lines of which blanks at their ends do not count, nor empty ones at the beginning and the end.
func (s *lineSum) trimmed(p piece) {
	b := p.data
	if p.end {
		b = bytes.TrimRight(b, " \t\r")
	}
	if len(b) == 0 && p.begin {
		s.blanks++
		return
	}
	if p.begin && s.size > 0 {
		for range min(s.blanks, 1000) + 1 {
			s.write([]byte{'\n'})
		}
	}
	s.blanks = 0
	s.write(b)
}
