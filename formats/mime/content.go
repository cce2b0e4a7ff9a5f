package mime

import (
	"bytes"
	"crypto/sha256"
	"io"
	"slices"

	"mailmill/formats"
)

// chunkSize is how much is read of content at a time: whole lines of base64.
const chunkSize = 57 * 1024

// readFull fills buf. Its error is io.EOF where the content ended before that, and otherwise that of r: unlike that of
// io.ReadFull it can be told from an io.ErrUnexpectedEOF by which r says that it was cut short.
func readFull(r io.Reader, buf []byte) (n int, err error) {
	for idle := 0; n < len(buf) && err == nil; {
		var k int
		k, err = r.Read(buf[n:])
		n += k
		if idle++; k > 0 {
			idle = 0
		} else if idle == 100 && err == nil {
			err = io.ErrNoProgress
		}
	}
	if n == len(buf) {
		err = nil
	}
	return n, err
}

// read appends the content of p to buf, up to maxText of it. Where there is more, rest goes on from there and is to be
// closed.
func read(p *formats.Part, buf []byte) (data []byte, rest io.ReadCloser, err error) {
	content := p.Content
	if p.Raw != nil {
		content = p.Raw
	}
	if content == nil {
		return buf, nil, nil
	}
	r, err := content.Open()
	if err != nil {
		return buf, nil, err
	}
	want := 8 << 10
	if p.Size > 0 {
		want = int(min(p.Size, maxText)) + 1 // one more, so that the end is seen without growing
	}
	for {
		buf = slices.Grow(buf, want-len(buf))
		n, err := readFull(r, buf[len(buf):want])
		buf = buf[:len(buf)+n]
		switch {
		case err == io.EOF:
			return buf, nil, r.Close()
		case err != nil:
			r.Close()
			return buf, nil, err
		case want > maxText:
			return buf, r, nil
		}
		want = min(2*want, maxText+1)
	}
}

// facts are what has to be known of content that is written as it is.
type facts struct {
	eightBit bool // there are octets over 127
	unclean  bool // there are NULs, or lines over 998 octets: this is no text for mail
	bareEnds bool // there are line ends that are not CRLF
	large    bool // there is more than is held in memory
	sum      [sha256.Size]byte
}

// factsOf reads the content of p, the first time that it is asked. What cannot be read counts when it is written.
func (e *Encoder) factsOf(p *formats.Part) facts {
	if f, ok := e.facts[p]; ok {
		return f
	}
	var f facts
	h := sha256.New()
	col, cr := 0, false
	look := func(b []byte) {
		h.Write(b)
		for _, c := range b {
			if col++; c >= 0x80 {
				f.eightBit = true
			}
			switch {
			case c == '\n':
				f.bareEnds = f.bareEnds || !cr
				col = 0
			case cr:
				f.bareEnds = true
				col = 1
			}
			f.unclean = f.unclean || c == 0 || col > maxLine+1
			cr = c == '\r'
		}
	}
	data, rest, err := e.content(p)
	look(data)
	if rest != nil {
		f.large = true
		e.chunk = grown(e.chunk, chunkSize)
		for err == nil {
			var n int
			n, err = readFull(rest, e.chunk)
			look(e.chunk[:n])
		}
		rest.Close()
	}
	h.Sum(f.sum[:0])
	f.bareEnds = f.bareEnds || cr
	if e.facts == nil {
		e.facts = make(map[*formats.Part]facts)
	}
	e.facts[p] = f
	return f
}

// eachVerbatim visits the leaves at and below p, in embedded mails too, whose content is written as it is, and what stands
// around the parts of multiparts.
func eachVerbatim(p *formats.Part, depth int, visit func(*formats.Part)) {
	switch {
	case depth > maxDepth:
	case p.Entity, p.Raw != nil:
		visit(p)
	case len(p.Parts) > 0:
		for _, around := range [...]*formats.Part{p.Preamble, p.Epilogue} {
			if around != nil {
				visit(around)
			}
		}
		for _, c := range p.Parts {
			eachVerbatim(c, depth+1, visit)
		}
	case p.Message != nil:
		if p.Message.Root != nil {
			eachVerbatim(p.Message.Root, depth+1, visit)
		}
	case isVerbatim(p):
		visit(p)
	}
}

func isVerbatim(p *formats.Part) bool {
	return p.Transfer == formats.TransferVerbatim || p.Transfer == formats.TransferAuto && isMessage(p.Type)
}

// sumVerbatim adds to a hash what content below p is written as it is.
func (e *Encoder) sumVerbatim(s [sha256.Size]byte, p *formats.Part) [sha256.Size]byte {
	eachVerbatim(p, 0, func(v *formats.Part) {
		f := e.factsOf(v)
		s = sum(s, f.sum[:])
	})
	return s
}

func (e *Encoder) eightBit(p *formats.Part) bool {
	found := false
	eachVerbatim(p, 0, func(v *formats.Part) { found = found || e.factsOf(v).eightBit })
	return found
}

func sum(seed [sha256.Size]byte, b []byte) [sha256.Size]byte {
	var space [256]byte
	return sha256.Sum256(append(append(space[:0], seed[:]...), b...))
}

// grown returns a buffer of n bytes, b where it is large enough.
func grown(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// AppendCanonical appends text to dst with CRLF for every line end, be it CRLF, LF or CR: the form in which texts are
// written, and over which their digests are made.
func AppendCanonical(dst, text []byte) []byte {
	for len(text) > 0 {
		i := bytes.IndexAny(text, "\r\n")
		if i < 0 {
			return append(dst, text...)
		}
		dst = append(append(dst, text[:i]...), '\r', '\n')
		if text[i] == '\r' && i+1 < len(text) && text[i+1] == '\n' {
			i++
		}
		text = text[i+1:]
	}
	return dst
}

// canonicalReader makes text canonical as it is read.
type canonicalReader struct {
	r    io.Reader
	in   []byte
	out  []byte
	next int
	cr   bool // the last chunk ended in CR, whose line end is written
	err  error
}

func (c *canonicalReader) Read(p []byte) (int, error) {
	for c.next == len(c.out) {
		if c.err != nil {
			return 0, c.err
		}
		c.in = grown(c.in, chunkSize)
		var n int
		n, c.err = c.r.Read(c.in)
		b := c.in[:n]
		if c.cr && n > 0 && b[0] == '\n' {
			b = b[1:]
		}
		if n > 0 {
			c.cr = c.in[n-1] == '\r'
		}
		c.out, c.next = AppendCanonical(c.out[:0], b), 0
	}
	n := copy(p, c.out[c.next:])
	c.next += n
	return n, nil
}
