package tnef

import (
	"bytes"
	"io"
	"strings"

	"mailmill/formats"
)

// mayHave reports whether a mail may have such an attachment. It looks at the header, and only where that says that the mail
// has parts at the beginnings of those.
func (s *Step) mayHave(m *formats.Mail) bool {
	inParts := false
	for i := range m.Header {
		f := &m.Header[i]
		if len(f.Name) < len("Content-") || !strings.EqualFold(f.Name[:len("Content-")], "Content-") {
			continue
		}
		if names(f.Raw) {
			return true
		}
		if !strings.EqualFold(f.Name, "Content-Type") {
			continue
		}
		if containsFold(f.Raw, "message/") {
			return true // what is in it has no boundary before it
		}
		inParts = inParts || containsFold(f.Raw, "multipart/")
	}
	if !inParts {
		return false
	}
	body := int64(len(m.Original.Head))
	if b, ok := m.Original.Content.(formats.Bytes); ok {
		in := scan{}
		in.add(b[min(body, int64(len(b))):], true)
		return in.found
	}
	r, err := m.Original.Content.Open()
	if err != nil {
		return false
	}
	defer r.Close()
	b, ok := s.buffers.Get().(*[]byte)
	if !ok {
		fresh := make([]byte, 0, piece+mostHeader)
		b = &fresh
	}
	defer s.buffers.Put(b)
	return scanReader(r, (*b)[:0])
}

// piece is how much is read at once.
const piece = 128 << 10

// scanReader looks through what it reads into b, in pieces that overlap by a header.
func scanReader(r io.Reader, b []byte) bool {
	var s scan
	for {
		n, err := io.ReadFull(r, b[len(b):cap(b)])
		b = b[:len(b)+n]
		rest := s.add(b, err != nil)
		if s.found || err != nil {
			return s.found
		}
		b = b[:copy(b, b[len(b)-rest:])]
	}
}

// mostHeader is how much of the header of a part is looked at.
const mostHeader = 16 << 10

// scan looks for headers of parts that name such an attachment. Content is passed over: a header is what comes after a line
// that begins with two dashes, and what comes after the header of a message.
type scan struct{ found bool }

// add looks at what b holds. Unless it is the last piece it returns how much of its end belongs before the next.
//
// Most of what there is to pass over is base64, which has no dash.
func (s *scan) add(b []byte, last bool) (rest int) {
	const mark = 3 // "\n--"
	for at := 1; at < len(b); at++ {
		i := bytes.IndexByte(b[at:], '-')
		if i < 0 {
			break
		}
		at += i
		if b[at-1] != '\n' || at+1 < len(b) && b[at+1] != '-' {
			continue
		}
		if !last && len(b)-at < mostHeader {
			return len(b) - at + 1
		}
		if s.found = inHeaders(b[at:]); s.found {
			return 0
		}
	}
	return min(mark, len(b))
}

// inHeaders looks at the header behind a boundary, and where it is one of a message at that of the message.
func inHeaders(b []byte) bool {
	b = b[:min(len(b), mostHeader)]
	_, b, _ = bytes.Cut(b, []byte("\n"))
	for {
		h, rest := b, []byte(nil)
		for _, blank := range [...]string{"\n\n", "\n\r\n"} {
			if i := bytes.Index(h, []byte(blank)); i >= 0 {
				h, rest = h[:i], h[i+len(blank):]
			}
		}
		if names(h) {
			return true
		}
		if rest == nil || !containsFold(h, "message/") {
			return false
		}
		b = rest
	}
}

// names reports whether a header names such an attachment by type or name. Both may be written in many ways, of which one
// that hides them (RFC 2231, encoded words) does not occur.
func names(h []byte) bool { return containsFold(h, "ms-tnef") || containsFold(h, "winmail.dat") }

// containsFold reports whether b holds a text of lower-case ASCII, whatever its letter case.
func containsFold(b []byte, s string) bool {
	for i := 0; i+len(s) <= len(b); i++ {
		if b[i]|0x20 == s[0] && equalFold(b[i:i+len(s)], s) {
			return true
		}
	}
	return false
}

func equalFold(b []byte, s string) bool {
	for i := range b {
		c := b[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != s[i] {
			return false
		}
	}
	return true
}
