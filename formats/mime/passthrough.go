package mime

import (
	"bytes"
	"crypto/sha256"
	"io"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mapi"
)

// original writes a mail that came in bytes as it came, but for fields whose addresses have been found, and for its body
// where that has been given up.
func (e *Encoder) original(m *formats.Mail, seed [sha256.Size]byte, depth int) {
	o := m.Original
	rebuilt := m.Root != nil && m.Root.Raw == nil
	e.originalHeader(m, rebuilt)
	if rebuilt {
		e.inside(m, seed, depth)
		return
	}
	e.asItCame(m, nil, o.Content, int64(len(o.Head)))
}

// originalHeader writes the header of a mail that came in bytes: where the body is made anew without what describes it, and
// without the empty line.
func (e *Encoder) originalHeader(m *formats.Mail, rebuilt bool) {
	head, at := m.Original.Head, 0
	for i := range m.Header {
		f := &m.Header[i]
		start := int(f.Offset)
		end := start + len(f.Raw)
		drop := rebuilt && isStructural(f.Name)
		if f.Raw == nil || start < at || end > len(head) || !drop && !found(f.Addresses) {
			continue
		}
		e.lineEnds(head[at:start], false)
		at = end + lineEnd(head[end:])
		if !drop {
			e.renewed(f)
			if m.Original.KeepEX {
				e.keepEX(f)
			}
		}
	}
	if rebuilt {
		head = withoutEnd(head)
	}
	e.lineEnds(head[min(at, len(head)):], false)
}

// renewed writes a field with the addresses that have been found. One that came without a line end, at the end of a
// message, gets one.
func (e *Encoder) renewed(f *formats.Field) {
	list := make([]*formats.Address, len(f.Addresses))
	for i, a := range f.Addresses {
		if list[i] = a; a.SMTP == "" && a.Placeholder == "" && a.Stored != "" {
			// What stands beside one that has been found stays.
			list[i] = &formats.Address{Name: a.Name, Stored: a.Stored, SMTP: a.Stored, Group: a.Group}
		}
	}
	e.h.line = len(e.h.b)
	e.h.field(&formats.Field{Name: f.Name, Addresses: list})
	e.flushFull()
}

// keepEX writes what a field that was made anew had in the place of addresses that have been found.
func (e *Encoder) keepEX(f *formats.Field) {
	for _, a := range f.Addresses {
		if addr := mapi.CleanAddress(a.Stored); a.SMTP != a.Stored && (mapi.IsDN(addr) || mapi.IsIMCEA(addr)) {
			e.h.field(&formats.Field{Name: "X-PST-EX-Address", Text: strings.ToLower(f.Name) + "; " + a.Name + "; " + OneLine(a.Stored)})
		}
	}
}

// lineEnd returns the length of the line end that b begins with.
func lineEnd(b []byte) int {
	n := 0
	for n < len(b) && b[n] == '\r' {
		n++
	}
	if n < len(b) && b[n] == '\n' {
		n++
	}
	return n
}

// withoutEnd returns a header up to its empty line, with a line end.
func withoutEnd(head []byte) []byte {
	s := headScanner{b: head, last: true}
	end := 0
	for s.next() {
		end = s.end + lineEnd(head[s.end:])
	}
	return head[:end]
}

// found reports whether a step has found an address that is not the one that stands there. An address that nobody knows
// leaves its field as it came.
func found(list []*formats.Address) bool {
	for _, a := range list {
		if a.SMTP != "" && a.SMTP != a.Stored && a.Via != formats.ViaStored && a.Via != "" {
			return true
		}
	}
	return false
}

// asItCame writes content from an offset on with the line ends of the target.
func (e *Encoder) asItCame(m *formats.Mail, p *formats.Part, content formats.Content, offset int64) {
	if b, ok := content.(formats.Bytes); ok {
		e.lineEnds(b[min(offset, int64(len(b))):], false)
		return
	}
	r, err := openAt(content, offset)
	if err == nil {
		e.chunk = grown(e.chunk, chunkSize)
		for cr := false; err == nil && e.err == nil; {
			var n int
			n, err = readFull(r, e.chunk)
			cr = e.lineEnds(e.chunk[:n], cr)
		}
		err = closed(r, err)
	}
	if err != nil {
		e.damaged(m, p, err)
	}
}

// lineEnds writes b with CRLF for each LF alone, and all else as it is. The writers that have other line ends make their own
// of both. cr says, of what was written before and of what is now, that it ends with CR.
func (e *Encoder) lineEnds(b []byte, cr bool) bool {
	if len(b) == 0 {
		return cr
	}
	last := b[len(b)-1] == '\r'
	if e.lines != nil {
		e.write(b)
		return last
	}
	start := 0
	for at := 0; ; {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			break
		}
		at += i + 1
		if at == 1 && cr || at > 1 && b[at-2] == '\r' {
			continue
		}
		e.write(b[start : at-1])
		e.raw("\r\n")
		start = at
	}
	e.write(b[start:])
	return last
}

// openAt opens content at an offset.
func openAt(content formats.Content, offset int64) (io.ReadCloser, error) {
	if b, ok := content.(formats.Bytes); ok {
		return b[min(offset, int64(len(b))):].Open()
	}
	r, err := content.Open()
	if err != nil || offset == 0 {
		return r, err
	}
	if s, ok := r.(io.Seeker); ok {
		_, err = s.Seek(offset, io.SeekStart)
	} else if _, err = io.CopyN(io.Discard, r, offset); err == io.EOF {
		err = nil
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}
