package mbox

import (
	"bytes"
	"fmt"
	"io"
	"math"
)

const (
	// window is how much of a file is held.
	window = 256 << 10
	// maxFromLine is the length of the longest line that may begin a message.
	maxFromLine = 1000
	// lookAhead is what must be there, unless the file ends, to say whether a line begins a message.
	lookAhead = maxFromLine + 2 + fieldName
	// fieldName bounds how much of the next line is looked at.
	fieldName = 80
	// maxGarbage bounds what may stand before the first message.
	maxGarbage = 1 << 20
	// maxAhead bounds the memory in which it is looked where a Content-Length leads to.
	maxAhead = 8 << 20
)

// Scanner parts a file into its messages and returns them as they stand there: with their line ends and quoting. It reads
// every byte once, and holds a few hundred kilobytes however long a message or a line is; where a Content-Length must be
// checked, up to 8 MB.
//
//	s := mbox.NewScanner(file)
//	for {
//		envelope, err := s.Next()
//		...
//		for {
//			piece, err := s.Piece() // whole lines, as a rule
//			...
//		}
//		quoting := s.Quoting()
//	}
//
// # Where a message begins
//
// In a file that does not quote, or that a program has quoted in part, a line of a message may begin with "From ". A
// message begins there only where two of these three hold: the line has a date, the line before is empty, the next line
// is a header field.
//
// A Content-Length (mboxcl, mboxcl2) that is right says better where a message ends. It is believed only where what it leads
// to is a line "From " or the end of the file, with or without an empty line before: mail comes with wrong ones as well.
// Read from a stream, one is checked that is within 8 MB of a line that would else begin a message.
type Scanner struct {
	src io.Reader
	ra  *io.SectionReader // the file, if it can be read anywhere
	buf []byte
	// What is in buf: from at to pos it belongs to the current message and is to be returned, up to end nothing is known.
	at, pos, end int
	nul          int   // behind the last NUL in buf; 0 for none
	base         int64 // offset of buf[0]
	err          error // of src, io.EOF included

	began   bool
	open    bool // there is more of the current message
	next    bool // env is of a message that was not returned yet
	env     Envelope
	garbage int64

	bol    bool  // pos begins a line
	blank  int   // length of the line before pos if it is empty, else 0
	header bool  // pos is in a header
	length int64 // what Content-Length says; -1 for nothing
	limit  int64 // offset of the message's end by its Content-Length; 0 for none

	facts    facts
	unquoted bool // a message with a right Content-Length had lines that others quote
}

// facts are what is known of a message's lines.
type facts struct {
	measured bool // the Content-Length is right
	quoted   bool // a line could be unquoted
	bare     bool // a line of the body begins with "From "
}

// NewScanner returns a scanner of a file or a stream.
func NewScanner(r io.Reader) *Scanner { return &Scanner{src: r} }

// NewScannerAt returns a scanner of a file that can be read anywhere, where a Content-Length can be checked wherever it
// leads.
func NewScannerAt(r io.ReaderAt, size int64) *Scanner {
	return &Scanner{src: io.NewSectionReader(r, 0, size), ra: io.NewSectionReader(r, 0, size)}
}

// Next goes to the next message. What was not read of the one before is skipped. At the end of the file the error is
// io.EOF.
func (s *Scanner) Next() (Envelope, error) {
	if !s.began {
		if err := s.first(); err != nil {
			return Envelope{}, err
		}
	}
	for s.open {
		s.Piece() //nolint:errcheck // it is kept
	}
	if !s.next {
		return Envelope{}, s.err
	}
	s.next, s.open = false, true
	s.bol, s.blank, s.header, s.length, s.limit = true, 0, true, -1, 0
	s.facts = facts{}
	return s.env, nil
}

// Garbage returns how many bytes stand before the first message that are neither blank nor part of any message.
func (s *Scanner) Garbage() int64 { return s.garbage }

// Piece returns the next piece of the current message: whole lines, unless one is longer than what is held. It is valid
// until the next call. At the message's end the error is io.EOF; another is that of the file.
func (s *Scanner) Piece() ([]byte, error) {
	for s.open {
		ended := s.lines()
		end := s.pos - s.blank // that line may part messages
		if ended {
			end = s.close(end)
		}
		if end > s.at {
			piece := s.buf[s.at:end]
			s.at = end
			if ended {
				s.at = s.pos
			}
			return piece, nil
		}
		if ended {
			s.at = s.pos
			break
		}
		if s.err == nil {
			s.fill()
			continue
		}
		s.finish()
	}
	if s.err != nil && s.err != io.EOF && !s.next {
		return nil, s.err
	}
	return nil, io.EOF
}

// close ends the message before a line "From " and returns where.
func (s *Scanner) close(end int) int {
	s.open = false
	if s.limit > 0 {
		s.measure()
		if at := int(s.limit - s.base); at >= s.at {
			end = at
		}
	}
	s.skipFrom()
	return end
}

func (s *Scanner) measure() {
	s.facts.measured = true
	s.unquoted = s.unquoted || s.facts.bare
}

// finish ends the last message with the file.
func (s *Scanner) finish() {
	s.open = false
	if s.limit > 0 && s.limit <= s.base+int64(s.pos) {
		s.measure()
		if s.limit == s.base+int64(s.pos) {
			s.blank = 0 // the empty line is part of it
		}
	} else {
		s.limit = 0
	}
	if s.pos-s.blank > s.at {
		// Let it be returned: what is left is all that there is.
		s.open, s.blank, s.limit = true, 0, 0
		return
	}
	s.at = s.pos
}

// Quoting tells how lines of the current message are quoted, as far as it has been read.
func (s *Scanner) Quoting() Quoting {
	measured := s.facts.measured || s.limit > 0
	switch {
	case !s.facts.quoted, measured && (s.facts.bare || s.unquoted):
		return QuotedNever
	case s.facts.bare:
		return QuotedDated
	}
	return QuotedAlways
}

// fill reads more. There is room, as lines takes what fills the window.
func (s *Scanner) fill() {
	if s.buf == nil {
		s.buf = make([]byte, window)
	}
	if s.at > 0 {
		copy(s.buf, s.buf[s.at:s.end])
		s.base += int64(s.at)
		s.pos -= s.at
		s.end -= s.at
		s.nul = max(0, s.nul-s.at)
		s.at = 0
	}
	for range 100 {
		n, err := s.src.Read(s.buf[s.end:])
		if got := s.buf[s.end : s.end+n]; bytes.IndexByte(got, 0) >= 0 {
			s.nul = s.end + bytes.LastIndexByte(got, 0) + 1
		}
		s.end += n
		if err != nil {
			s.err = err
			return
		}
		if n > 0 {
			return
		}
	}
	s.err = io.ErrNoProgress
}

// full reports whether the window has no room for more of what pos stands in.
func (s *Scanner) full() bool { return s.end-s.at >= len(s.buf) }

// lines goes over the lines that are there. It reports true where it stands before a line that begins the next message.
func (s *Scanner) lines() bool {
	for s.pos < s.end {
		if s.bol && !s.header && s.pos >= s.nul {
			s.plainLines()
			if s.pos == s.end {
				return false
			}
		}
		b := s.buf[s.pos:s.end]
		if s.bol {
			switch b[0] {
			case 'F', 0:
				if s.short(b) {
					return false
				}
				if s.separates(b) {
					return true
				}
				b = s.buf[s.pos:s.end] // looking ahead may have moved it
			case '>':
				if s.short(b) {
					return false
				}
				s.facts.quoted = s.facts.quoted || isQuotable(b)
			}
		}
		i := bytes.IndexByte(b, '\n')
		if s.pos < s.nul {
			line := b
			if i >= 0 {
				line = b[:i]
			}
			if k := bytes.Index(line, nulFrom); k >= 0 {
				s.pos, s.blank, s.bol = s.pos+k, 0, false
				if s.short(b[k:]) {
					return false
				}
				if s.separates(b[k:]) {
					return true
				}
				s.pos++
				continue
			}
		}
		if i < 0 {
			if s.err == nil && !s.full() {
				return false
			}
			end := s.end
			if s.err == nil && s.nul > end-len(nulFrom) {
				end = max(s.pos, end-len(nulFrom)) // what comes next may complete it
			}
			s.pos, s.blank = end, 0
			s.bol = false
			return false
		}
		blank := 0
		if s.bol && (i == 0 || i == 1 && b[0] == '\r') {
			blank = i + 1
		}
		if s.header && s.bol {
			s.headerLine(b[:i], blank > 0)
		}
		s.pos += i + 1
		s.bol, s.blank = true, blank
	}
	return false
}

// plainLines goes over whole lines of a body that mean nothing, which are nearly all.
func (s *Scanner) plainLines() {
	b := s.buf[s.pos:s.end]
	blank, at := s.blank, 0
	for at < len(b) {
		c := b[at]
		if c == 'F' && (len(b)-at < len(fromMark) || b[at+1] == 'r') || c == '>' || c == 0 {
			break
		}
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			break
		}
		blank = 0
		if i == 0 || i == 1 && c == '\r' {
			blank = i + 1
		}
		at += i + 1
	}
	s.pos += at
	s.blank = blank
}

// short reports whether more is needed to tell what a line is. The window has room for it once what stands before the line
// was returned.
func (s *Scanner) short(b []byte) bool {
	return len(b) < lookAhead && s.err == nil
}

// headerLine looks at a line of the header for a Content-Length.
func (s *Scanner) headerLine(line []byte, blank bool) {
	switch {
	case blank:
		s.header = false
		if start := s.base + int64(s.pos+len(line)) + 1; s.length >= 0 && s.length <= math.MaxInt64-start {
			s.limit = start + s.length
		}
	case line[0]|0x20 == 'c' && len(line) < fieldName:
		if n, ok := parseLength(line); ok {
			s.length = n
		}
	}
}

// parseLength reads a field Content-Length.
func parseLength(line []byte) (n int64, ok bool) {
	const name = "content-length:"
	if len(line) < len(name) || !bytes.EqualFold(line[:len(name)], []byte(name)) {
		return 0, false
	}
	digits := bytes.TrimSpace(line[len(name):])
	for _, c := range digits {
		if c < '0' || c > '9' || n > math.MaxInt64/100 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, len(digits) > 0
}

// nulFrom is what a message may begin with within a line; see [Scanner.separates].
var nulFrom = []byte("\x00From ")

// separates reports whether b, which begins a line, or with a NUL, and goes on beyond it, begins a message, and if so reads
// its first line.
func (s *Scanner) separates(b []byte) bool {
	nulls := 0
	if b[0] == 0 {
		// QUIRK: file systems that lost power, and networks, leave runs of NUL where a message ended, or where it is cut off.
		for nulls < len(b) && b[nulls] == 0 {
			nulls++
		}
		b = b[nulls:]
	}
	if !bytes.HasPrefix(b, fromMark) {
		return false
	}
	offset := s.base + int64(s.pos+nulls)
	if s.limit > 0 && s.limit != offset && s.limit != offset-int64(s.blank) {
		if s.limit > offset && s.leads(s.limit) {
			s.facts.bare = s.facts.bare || !s.header
			return false
		}
		s.limit = 0
	}
	// Checking may have moved what is held.
	b = s.buf[s.pos+nulls : s.end]
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		i = len(b)
	}
	env, signs, ok := fromLineOf(b, i)
	if s.blank > 0 {
		signs++
	}
	if !ok || s.limit == 0 && signs < 2 || nulls > 0 && env.Date.IsZero() {
		s.facts.bare = s.facts.bare || !s.header
		return false
	}
	s.env = env
	s.env.Offset = offset
	s.pos += nulls
	if nulls > 0 {
		s.blank = 0
	}
	return true
}

// fromLineOf reads a line "From " of the length given, and counts what speaks for its being the first of a message: its
// date, and a header field after it.
func fromLineOf(b []byte, length int) (env Envelope, signs int, ok bool) {
	if length > maxFromLine {
		return env, 0, false
	}
	env, dated := parseFrom(string(b[:length]))
	if dated {
		signs++
	}
	if length < len(b) && isField(b[length+1:min(length+1+fieldName, len(b))]) {
		signs++
	}
	return env, signs, true
}

// leads reports whether an offset, behind what has been scanned, is one at which a message may end.
func (s *Scanner) leads(offset int64) bool {
	const ending = 8 // an empty line and "From "
	var b []byte
	var err error
	switch at := offset - s.base; {
	case at <= int64(s.end) && (at+ending <= int64(s.end) || s.err != nil):
		b, err = s.buf[at:min(at+ending, int64(s.end))], s.err
		if at+ending < int64(s.end) {
			err = nil
		}
	case s.ra != nil && offset > s.ra.Size():
		return false
	case s.ra != nil:
		b = make([]byte, ending)
		var n int
		n, err = s.ra.ReadAt(b, offset)
		b = b[:n]
	case at-int64(s.at)+ending > maxAhead || s.err != nil:
		return false
	default:
		if need := int(at) - s.at + ending; need > len(s.buf) {
			// At once, and not bit by bit: what it leads to may be far.
			grown := make([]byte, need+window)
			copy(grown[s.at:], s.buf[s.at:s.end])
			s.buf = grown
		}
		for s.err == nil && s.base+int64(s.end) < offset+ending {
			s.fill()
		}
		return s.base+int64(s.end) >= offset && s.leads(offset)
	}
	if err != nil && err != io.EOF {
		return false
	}
	b = bytes.TrimPrefix(bytes.TrimPrefix(b, []byte("\r")), []byte("\n"))
	return bytes.HasPrefix(b, fromMark) || len(b) == 0 && err == io.EOF
}

// skipFrom goes behind the line that begins a message, which pos stands before.
func (s *Scanner) skipFrom() {
	i := bytes.IndexByte(s.buf[s.pos:s.end], '\n')
	if i < 0 {
		i = s.end - s.pos - 1
	}
	s.pos += i + 1
	s.env.Start = s.base + int64(s.pos)
	s.next = true
}

// first finds the file's first message.
func (s *Scanner) first() error {
	s.began = true
	for s.err == nil && s.end < lookAhead {
		s.fill()
	}
	// QUIRK: empty lines before it, and a byte order mark, occur.
	if bytes.HasPrefix(s.buf[:s.end], []byte("\xEF\xBB\xBF")) {
		s.pos = 3
	}
	for {
		for s.pos < s.end && (s.buf[s.pos] == '\n' || s.buf[s.pos] == '\r') {
			s.pos++
		}
		s.at = s.pos
		if s.end-s.pos >= lookAhead || s.err != nil {
			break
		}
		s.fill()
	}
	if s.pos == s.end {
		return s.err
	}
	b := s.buf[s.pos:s.end]
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		i = len(b)
	}
	if bytes.HasPrefix(b, fromMark) && i <= maxFromLine {
		s.env, _ = parseFrom(string(b[:i]))
		s.env.Offset = s.base + int64(s.pos)
		s.skipFrom()
		s.at = s.pos
		return nil
	}
	return s.resume(b[:min(len(b), 20)])
}

// resume looks for the first message behind what is none: the rest of a file whose beginning was lost.
func (s *Scanner) resume(begin []byte) error {
	begin = bytes.Clone(begin)
	start := s.base + int64(s.pos)
	s.bol, s.header, s.open = true, false, true
	for s.open && s.base+int64(s.at)-start < maxGarbage {
		s.Piece() //nolint:errcheck // it is kept
	}
	s.open, s.facts, s.unquoted = false, facts{}, false
	if !s.next {
		if s.err == nil || s.err == io.EOF {
			s.err = ErrFormat
		}
		if s.err == ErrFormat {
			return fmt.Errorf("%w but with %q", ErrFormat, begin)
		}
		return s.err
	}
	s.garbage = s.env.Offset - start
	return nil
}
