package mime

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strings"

	"mailmill/formats"
)

// boundaryMark starts every boundary. Neither base64 nor quoted-printable can hold it (RFC 2045 6.7).
const boundaryMark = "=_"

func isMultipart(typ string) bool { return strings.HasPrefix(typ, "multipart/") }
func isMessage(typ string) bool   { return strings.HasPrefix(typ, "message/") }

// isBody reports whether a leaf is text to be read, whose line ends may be changed, and not a file.
func isBody(p *formats.Part) bool {
	return p.Transfer == formats.TransferAuto && (p.Type == "" || strings.HasPrefix(p.Type, "text/")) && p.Disposition != "attachment" && p.Name == ""
}

// entity writes a part that brings its own header.
func (e *Encoder) entity(m *formats.Mail, p *formats.Part, root bool) {
	data, rest, err := e.content(p)
	if root && !hasField(data, "mime-version") {
		e.raw("MIME-Version: 1.0\r\n")
	}
	if len(data) == 0 {
		e.raw("\r\n")
	}
	e.write(data)
	e.copyRest(m, p, rest, err)
}

// copyRest copies what is left of content after its first part.
func (e *Encoder) copyRest(m *formats.Mail, p *formats.Part, rest io.ReadCloser, err error) {
	if rest != nil {
		e.chunk = grown(e.chunk, chunkSize)
		for err == nil && e.err == nil {
			var n int
			n, err = readFull(rest, e.chunk)
			e.write(e.chunk[:n])
		}
		err = closed(rest, err)
	}
	if err != nil {
		e.damaged(m, p, err)
	}
}

func closed(r io.Closer, err error) error {
	cerr := r.Close()
	if err == nil || err == io.EOF {
		return cerr
	}
	return err
}

// hasField reports whether a header has a field of the name, given in lower case.
func hasField(b []byte, name string) bool {
	for len(b) > 0 && b[0] != '\r' && b[0] != '\n' {
		if len(b) > len(name) && strings.EqualFold(string(b[:len(name)]), name) {
			if rest := bytes.TrimLeft(b[len(name):], " \t"); len(rest) > 0 && rest[0] == ':' {
				return true
			}
		}
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			break
		}
		b = b[i+1:]
	}
	return false
}

// leaf writes a part without parts. Where it is a message's root its content ends with a line end and not with an
// empty line, as Encode promises.
func (e *Encoder) leaf(m *formats.Mail, p *formats.Part, root bool) {
	typ := p.Type
	if isMultipart(typ) {
		typ = "" // there are no parts
		if p.Content == nil {
			typ = "text/plain"
		}
	}
	switch {
	case isVerbatim(p):
		f := e.factsOf(p)
		// Reports (message/delivery-status and its like) are text that is read; a message/rfc822 is a file.
		report := p.Transfer == formats.TransferAuto && typ != "message/rfc822"
		if p.Transfer == formats.TransferAuto && (f.unclean || f.bareEnds && (!report || f.large)) {
			// RFC 2045 6.4: a message may not be encoded. One that is no text for mail cannot be sent as one.
			e.base64(m, p, "application/octet-stream", nil, false)
			return
		}
		e.partHeader(p, typ, p.Params, "", e.identity(p))
		data, rest, err := e.content(p)
		if report && f.bareEnds {
			e.canon = AppendCanonical(e.canon[:0], data)
			data = e.canon
		}
		e.write(data)
		e.copyRest(m, p, rest, err)
	case isBody(p):
		e.body(m, p, typ, root)
	case root && e.isEmpty(p):
		e.partHeader(p, typ, p.Params, "", "quoted-printable")
		e.quotedPrintable(nil, true)
	default:
		e.base64(m, p, typ, p.Params, false)
	}
}

// isEmpty reports whether a root part has no content. Its content has been read then.
func (e *Encoder) isEmpty(p *formats.Part) bool {
	data, rest, err := e.content(p)
	if rest != nil {
		rest.Close()
		return false
	}
	return len(data) == 0 && err == nil
}

// base64 writes a part in base64, with canonical line ends if it is text that has them.
func (e *Encoder) base64(m *formats.Mail, p *formats.Part, typ string, params []formats.Param, canonical bool) {
	e.partHeader(p, typ, params, "", "base64")
	if b, ok := p.Content.(formats.Bytes); ok && !canonical {
		e.base64Bytes(b)
		return
	}
	for i := range e.loaded {
		if l := &e.loaded[i]; l.part == p && l.whole && !canonical {
			e.base64Bytes(l.data)
			if l.err != nil {
				e.damaged(m, p, l.err)
			}
			return
		}
	}
	if p.Content == nil {
		return
	}
	r, err := p.Content.Open()
	if err != nil {
		e.damaged(m, p, err)
		return
	}
	var src io.Reader = r
	if canonical {
		src = &canonicalReader{r: r}
	}
	e.chunk = grown(e.chunk, chunkSize)
	for err == nil && e.err == nil {
		var n int
		n, err = readFull(src, e.chunk)
		e.base64Bytes(e.chunk[:n])
	}
	if err = closed(r, err); err != nil {
		e.damaged(m, p, err)
	}
}

// base64Bytes encodes b in lines. All but the last call for a part take whole lines.
func (e *Encoder) base64Bytes(b []byte) {
	for len(b) > 0 && e.err == nil {
		n := min(len(b), chunkSize/2/lineIn*lineIn)
		if dst := e.room(n); dst != nil {
			putBase64(dst, b[:n], "\n")
			b = b[n:]
			continue
		}
		size := base64Size(n, "\r\n")
		e.h.b = slices.Grow(e.h.b, size)
		at := len(e.h.b)
		e.h.b = e.h.b[:at+size]
		putBase64(e.h.b[at:], b[:n], "\r\n")
		b = b[n:]
		e.flushFull()
	}
}

// room returns where the lines for n bytes go if that is not the buffer.
func (e *Encoder) room(n int) []byte {
	if e.lines == nil {
		return nil
	}
	if e.flush(); e.err != nil {
		return nil
	}
	return e.lines.Lines(base64Size(n, "\n"))
}

// body writes a text that is read: 7-bit where that is exact, else quoted-printable where that leaves it legible, else
// base64.
func (e *Encoder) body(m *formats.Mail, p *formats.Part, typ string, root bool) {
	if typ == "" {
		typ = "text/plain"
	}
	params := withCharset(p.Params)
	data, rest, err := e.content(p)
	if rest != nil {
		rest.Close()
		e.base64(m, p, typ, params, true)
		return
	}
	s := survey(data)
	if s.bareEnds {
		e.canon = AppendCanonical(e.canon[:0], data)
		data = e.canon
	}
	switch {
	case s.mayBe7Bit && (!root || endsPlainly(data)):
		e.partHeader(p, typ, params, "", "7bit")
		e.write(data)
	case 6*s.special <= len(data):
		e.partHeader(p, typ, params, "", "quoted-printable")
		e.quotedPrintable(data, root && !endsPlainly(data))
	default:
		e.partHeader(p, typ, params, "", "base64")
		e.base64Bytes(data)
	}
	if err != nil {
		e.damaged(m, p, err)
	}
}

// endsPlainly reports whether a text ends with a line end after a line that is not empty.
func endsPlainly(b []byte) bool {
	return len(b) > 2 && bytes.HasSuffix(b, []byte("\r\n")) && !bytes.HasSuffix(b, []byte("\n\r\n"))
}

func withCharset(params []formats.Param) []formats.Param {
	for i, p := range params {
		if strings.EqualFold(p.Name, "charset") {
			if strings.EqualFold(p.Value, "utf-8") {
				return params
			}
			params = slices.Clone(params)
			params[i].Value = "utf-8"
			return params
		}
	}
	return append([]formats.Param{{Name: "charset", Value: "utf-8"}}, params...)
}

// textSurvey is what decides over a text's encoding.
type textSurvey struct {
	bareEnds  bool // there are line ends that are not CRLF
	special   int  // bytes that quoted-printable has to encode
	mayBe7Bit bool
}

func survey(b []byte) textSurvey {
	s := textSurvey{mayBe7Bit: true}
	for len(b) > 0 {
		line, end := b, 0
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			line, end = b[:i], 1
		}
		b = b[len(line)+end:]
		if n := len(line); end == 1 && n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		} else if end == 1 {
			s.bareEnds = true
		}
		if len(line) > maxLine || needsQuoting(line) {
			s.mayBe7Bit = false
		}
		for i := 0; i < len(line); i++ {
			for len(line)-i >= 8 && plainText(binary.LittleEndian.Uint64(line[i:])) {
				i += 8
			}
			if i == len(line) || len(line) >= 8 && len(line)-i < 8 && plainText(binary.LittleEndian.Uint64(line[len(line)-8:])) {
				break
			}
			if c := line[i]; class[c] != 0 {
				s.special++
				if class[c] == control {
					s.mayBe7Bit = s.mayBe7Bit && c == '\r'
					s.bareEnds = s.bareEnds || c == '\r'
				}
			}
		}
	}
	return s
}

// plainText reports whether each of eight bytes is a printable one but "=".
func plainText(v uint64) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	equals, del := v^'='*ones, v^0x7F*ones
	return (v|(v-' '*ones)|(equals-ones)&^equals|(del-ones)&^del)&high == 0
}

const (
	equals  = 1 // "=" itself
	control = 2 // what 7-bit text cannot hold, or should not
)

var class = func() (t [256]byte) {
	for c := range t {
		if c < ' ' && c != '\t' || c >= 0x7F {
			t[c] = control
		}
	}
	t['='] = equals
	return t
}()

// needsQuoting reports whether a line cannot stand as it is in text that is not encoded: it may be taken for a
// boundary, or for the separator of an mbox file, by readers that know no quoting or one that loses.
func needsQuoting(line []byte) bool {
	if len(line) == 0 {
		return false
	}
	switch line[0] {
	case '-':
		return bytes.HasPrefix(line, []byte("--"+boundaryMark))
	case 'F', '>':
		return bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From "))
	}
	return false
}

const upperHex = "0123456789ABCDEF"

// quotedPrintable encodes canonical text (RFC 2045 6.7). With open set it adds a soft line break, so that what is
// written ends with a line end that is not the text's.
func (e *Encoder) quotedPrintable(b []byte, open bool) {
	for len(b) > 0 && e.err == nil {
		line, end := b, 0
		if i := bytes.Index(b, []byte("\r\n")); i >= 0 {
			line, end = b[:i], 2
		}
		b = b[len(line)+end:]
		e.quotedLine(line)
		if end > 0 {
			e.raw("\r\n")
		}
		e.flushFull()
	}
	if open {
		e.raw("=\r\n")
	}
}

func (e *Encoder) quotedLine(line []byte) {
	const most = 75 // and a soft line break
	out := e.h.b
	col := 0
	quoteFirst := needsQuoting(line)
	for i, c := range line {
		last := i == len(line)-1
		if class[c] == 0 && !(last && (c == ' ' || c == '\t')) && !(quoteFirst && i == 0) {
			// The last byte of a line may stand where a soft line break would.
			if col == most && !last {
				out = append(out, "=\r\n"...)
				col = 0
			}
			out = append(out, c)
			col++
			continue
		}
		if col+3 > most && !(last && col+3 == most+1) {
			out = append(out, "=\r\n"...)
			col = 0
		}
		out = append(out, '=', upperHex[c>>4], upperHex[c&15])
		col += 3
	}
	e.h.b = out
}
