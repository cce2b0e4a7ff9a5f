package directory

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Limits of tables.
const (
	maxRow     = 16 << 20
	maxColumns = 4096
)

// rows splits a table into rows and cells (RFC 4180, with any delimiter). It knows nothing of encodings: none that
// is read has a quote or a delimiter within another character.
//
// The tables of spreadsheets and scripts are often not quite right, so a quote within a cell that does not begin with
// one is a quote, and so is what follows a closing one. But a cell whose quote is never closed is an error: it swallows
// the rest of the table.
type rows struct {
	r     *bufio.Reader
	comma byte
	line  int  // of the next row
	atEnd bool // the row ends with the file and not with a line end

	buf   []byte
	ends  []int
	cells [][]byte
}

// rowError is an error in a row.
type rowError struct {
	line int
	what string
}

func (e *rowError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.what) }

// next returns the cells of the next row that is not empty, and its line. They are valid until the call after. At the
// end it returns io.EOF.
func (r *rows) next() (cells [][]byte, line int, err error) {
	for {
		line = r.line
		if err := r.read(); err != nil {
			return nil, line, err
		}
		if len(r.ends) == 1 && len(bytes.TrimSpace(r.buf)) == 0 {
			continue
		}
		r.cells = r.cells[:0]
		start := 0
		for _, end := range r.ends {
			r.cells = append(r.cells, r.buf[start:end:end])
			start = end
		}
		return r.cells, line, nil
	}
}

// The states within a row.
const (
	cellStart = iota
	plain
	quoted
	afterQuote // in a quoted cell, after a quote that ends it or is the first of two
)

func (r *rows) read() error {
	r.buf, r.ends = r.buf[:0], r.ends[:0]
	begin, state := r.line, cellStart
	any := false
	for {
		part, err := r.r.ReadSlice('\n')
		if err != nil && err != io.EOF && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
		any = any || len(part) > 0
		if len(part) > 0 && part[len(part)-1] == '\n' {
			r.line++
		}
		if len(r.buf)+len(part) > maxRow {
			return &rowError{begin, fmt.Sprintf("a row of more than %d MB", maxRow>>20)}
		}
		for i := 0; i < len(part); {
			c := part[i]
			switch state {
			case quoted:
				n := bytes.IndexByte(part[i:], '"')
				if n < 0 {
					n = len(part) - i
				} else {
					state = afterQuote
				}
				r.buf = append(r.buf, part[i:i+n]...)
				i += n + 1
				continue
			case afterQuote:
				if c == '"' {
					r.buf = append(r.buf, '"')
					state = quoted
					i++
					continue
				}
				state = plain
				continue
			case cellStart:
				state = plain
				if c == '"' {
					state = quoted
					i++
					continue
				}
			}
			switch c {
			case r.comma:
				if len(r.ends) >= maxColumns {
					return &rowError{begin, fmt.Sprintf("a row of more than %d cells", maxColumns)}
				}
				r.ends = append(r.ends, len(r.buf))
				state = cellStart
			case '\n':
				r.endOfRow()
				return nil
			default:
				// The common case in one step.
				n := i + 1
				for n < len(part) && part[n] != r.comma && part[n] != '\n' {
					n++
				}
				r.buf = append(r.buf, part[i:n]...)
				i = n
				continue
			}
			i++
		}
		if err == io.EOF {
			if !any {
				return io.EOF
			}
			if state == quoted {
				return &rowError{begin, "a cell begins with a quote that is never closed"}
			}
			r.atEnd = true
			r.endOfRow()
			return nil
		}
	}
}

func (r *rows) endOfRow() {
	if n := len(r.buf); n > 0 && r.buf[n-1] == '\r' && (len(r.ends) == 0 || r.ends[len(r.ends)-1] < n) {
		r.buf = r.buf[:n-1]
	}
	r.ends = append(r.ends, len(r.buf))
}

// delimiter finds what separates the cells of a line: of the comma, the semicolon and the tab the one that is most
// often outside of quotes.
func delimiter(line []byte) byte {
	counts := make(map[byte]int, 3)
	quoted := false
	for _, c := range line {
		switch c {
		case '"':
			quoted = !quoted
		case ',', ';', '\t':
			if !quoted {
				counts[c]++
			}
		}
	}
	best := byte(',')
	for _, c := range []byte{',', ';', '\t'} {
		if counts[c] > counts[best] {
			best = c
		}
	}
	return best
}
