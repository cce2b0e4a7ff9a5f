package mime

import (
	"bytes"
	"io"

	"mailmill/formats"
)

const (
	windowSize = 64 << 10
	// longestBoundary bounds the lines that are taken for boundaries. RFC 2046 5.1.1 allows 70 characters.
	longestBoundary = 2 << 10
)

// scanner reads a message from its front to its end, and stops where a boundary of a multipart does.
type scanner struct {
	r    io.Reader // nil where all of it is in the window
	b    []byte    // the window
	base int64     // where the window is in the message
	at   int       // how much of the window has been read
	kept int       // from where on the window has to be kept; -1 for nowhere
	err  error     // of r, or io.EOF

	boundaries [][]byte // of the multiparts that it is in, the outermost first
	// stop is the multipart whose boundary was met, an index of boundaries, or -1 at the end of the message; closing says
	// that it was the last one. end is where that which the boundary ends does: before the line end that belongs to it.
	stop    int
	closing bool
	end     int64
}

func newScanner(content formats.Content) (*scanner, io.Closer, error) {
	if b, ok := content.(formats.Bytes); ok {
		return &scanner{b: b, kept: -1, err: io.EOF}, io.NopCloser(nil), nil
	}
	r, err := content.Open()
	if err != nil {
		return nil, nil, err
	}
	return &scanner{r: r, b: make([]byte, 0, windowSize), kept: -1}, r, nil
}

// pos is where the scanner is in the message.
func (s *scanner) pos() int64 { return s.base + int64(s.at) }

// fill reads more into the window; false where there is no more.
func (s *scanner) fill() bool {
	if s.err != nil {
		return false
	}
	from := max(s.at-len("\r\n"), 0) // what comes before a boundary is looked at
	if s.kept >= 0 {
		from = min(from, s.kept)
	}
	if from > 0 {
		s.b = s.b[:copy(s.b, s.b[from:])]
		s.base += int64(from)
		s.at -= from
		s.kept = max(s.kept-from, -1)
	}
	if len(s.b) == cap(s.b) {
		s.b = append(s.b, make([]byte, cap(s.b))...)[:len(s.b)]
	}
	n, err := readFull(s.r, s.b[len(s.b):cap(s.b)])
	s.b = s.b[:len(s.b)+n]
	s.err = err
	return n > 0
}

// line returns the line at the scanner's position with its end, or as much of a very long one as the window has.
func (s *scanner) line() []byte {
	for {
		if i := bytes.IndexByte(s.b[s.at:], '\n'); i >= 0 {
			return s.b[s.at : s.at+i+1]
		}
		if len(s.b)-s.at >= windowSize || !s.fill() {
			return s.b[s.at:]
		}
	}
}

// boundary reports whether the line at the scanner's position is a boundary of a multipart that it is in. It reads the line
// then.
func (s *scanner) boundary() bool {
	if len(s.boundaries) == 0 {
		return false
	}
	for len(s.b)-s.at < 2 && s.fill() {
	}
	if !bytes.HasPrefix(s.b[s.at:], dashes) {
		return false
	}
	full := s.line()
	line := bytes.TrimRight(full[len(dashes):], " \t\r\n")
	if len(line) > longestBoundary {
		return false
	}
	for i := len(s.boundaries) - 1; i >= 0; i-- {
		rest, ok := bytes.CutPrefix(line, s.boundaries[i])
		if !ok || len(rest) > 0 && string(rest) != "--" {
			continue
		}
		s.stop, s.closing = i, len(rest) > 0
		s.end = s.pos()
		if s.at > 0 && s.b[s.at-1] == '\n' {
			s.end--
			if s.at > 1 && s.b[s.at-2] == '\r' {
				s.end--
			}
		}
		s.at += len(full)
		return true
	}
	return false
}

var dashes, dashLine = []byte("--"), []byte("\n--")

// skip reads up to and with the next boundary, or to the end of the message. What it reads before that is passed to measure,
// if there is one, with the line end that belongs to the boundary. It begins at the beginning of a line.
func (s *scanner) skip(measure func([]byte)) {
	pass := func(to int) {
		if measure != nil {
			measure(s.b[s.at:to])
		}
		s.at = to
	}
	begins := true
	for {
		if begins && s.boundary() {
			return
		}
		begins = false
		if i := bytes.Index(s.b[s.at:], dashLine); i >= 0 && len(s.boundaries) > 0 {
			pass(s.at + i + 1)
			begins = true
			continue
		}
		// The window may end within what is looked for.
		pass(max(s.at, len(s.b)-len(dashLine)+1))
		if !s.fill() {
			pass(len(s.b))
			s.stop, s.closing, s.end = -1, false, s.pos()
			return
		}
	}
}

// maxPartHead is how much of a header of a part is looked at.
const maxPartHead = 1 << 20

// header reads the header of a message or of a part, up to and with its empty line, or to the boundary before which there is none, and returns as much
// of it as is looked at. What it returns is valid until more is read.
func (s *scanner) header(message bool) []byte {
	s.kept = s.at
	for {
		h := s.b[s.at:]
		end, found := headEnd(h, message, s.err != nil)
		if found || s.err != nil {
			s.at += end
			s.kept = -1
			return h[:end]
		}
		if len(h) > maxPartHead {
			h = bytes.Clone(h[:end])
			s.at += end
			s.kept = -1
			for line := s.line(); len(bytes.TrimRight(line, "\r\n")) > 0 && !bytes.HasPrefix(line, dashes); line = s.line() {
				s.at += len(line)
			}
			if line := s.line(); !bytes.HasPrefix(line, dashes) {
				s.at += len(line)
			}
			return h
		}
		s.fill()
	}
}
