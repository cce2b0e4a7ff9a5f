package compare

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// transfer is how content is encoded for transport.
type transfer uint8

const (
	plain transfer = iota
	quotedPrintable
	inBase64
)

// transferOf reads the value of a Content-Transfer-Encoding field.
func transferOf(value string) (t transfer, known bool) {
	value, _, _ = strings.Cut(value, ";")
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "", "7bit", "8bit", "binary":
		return plain, true
	case "quoted-printable":
		return quotedPrintable, true
	case "base64":
		return inBase64, true
	}
	return plain, false
}

func (h *header) encoding() transfer {
	v, _ := h.get("content-transfer-encoding")
	t, _ := transferOf(v)
	return t
}

// sink takes decoded content.
type sink interface {
	write([]byte)
	end()
}

// decoder takes the lines of encoded content.
type decoder interface {
	piece(piece)
	// end ends the content, with the end of its last line or without.
	end(line bool)
}

func (t transfer) decoder(out sink) decoder {
	switch t {
	case quotedPrintable:
		return &quotedDecoder{out: out}
	case inBase64:
		return &base64Decoder{out: out, in: make([]byte, 0, base64Chunk)}
	}
	return &lineDecoder{out: out}
}

// lineDecoder takes lines as they are, with LF.
type lineDecoder struct {
	out   sink
	ended bool
}

var (
	lf   = []byte{'\n'}
	crlf = []byte("\r\n")
)

func (d *lineDecoder) piece(p piece) {
	if d.ended {
		d.out.write(lf)
	}
	d.out.write(p.data)
	d.ended = p.end
}

func (d *lineDecoder) end(line bool) {
	if d.ended && line {
		d.out.write(lf)
	}
}

// broken stands between what could be decoded and what could not and is compared as it stands. It is as good as any other
// text that occurs nowhere.
var broken = []byte("\x00not decoded from here on\x00")

const base64Chunk = 8 << 10 // a multiple of four

// base64Decoder takes base64 with line ends and blanks anywhere and its padding at the end. From the first octet that
// does not belong there it takes everything as it stands.
type base64Decoder struct {
	out sink
	in  []byte
	buf [base64Chunk / 4 * 3]byte
	raw *lineDecoder // since something was wrong
}

func (d *base64Decoder) piece(p piece) {
	if d.raw != nil {
		d.raw.piece(p)
		return
	}
	for data := p.data; len(data) > 0; {
		n := min(cap(d.in)-len(d.in), len(data))
		part := data[:n]
		data = data[n:]
		if bytes.IndexByte(part, ' ') < 0 && bytes.IndexByte(part, '\t') < 0 && bytes.IndexByte(part, '\r') < 0 {
			d.in = append(d.in, part...)
		} else {
			for _, c := range part {
				if c != ' ' && c != '\t' && c != '\r' {
					d.in = append(d.in, c)
				}
			}
		}
		if len(d.in) < cap(d.in) {
			continue
		}
		if !d.decode(base64.StdEncoding) {
			d.raw.piece(piece{data: data, end: p.end})
			return
		}
	}
}

func (d *base64Decoder) decode(enc *base64.Encoding) bool {
	n, err := enc.Decode(d.buf[:], d.in)
	if err == nil {
		d.out.write(d.buf[:n])
		d.in = d.in[:0]
		return true
	}
	d.raw = &lineDecoder{out: d.out}
	d.out.write(broken)
	d.out.write(d.in)
	return false
}

func (d *base64Decoder) end(line bool) {
	switch {
	case d.raw != nil:
		d.raw.end(line)
	case len(d.in)%4 == 0:
		d.decode(base64.StdEncoding)
	default:
		d.decode(base64.RawStdEncoding) // QUIRK: some programs leave out the padding
	}
}

// quotedDecoder takes quoted-printable. Line ends of the content that are not encoded are CRLF (RFC 2045 6.7); a text
// makes LF of them. An equals sign that encodes nothing stands for itself.
type quotedDecoder struct {
	out    sink
	buf    []byte
	blanks []byte // at the end of what there is of a line: they count only where the line goes on
	escape []byte // an equals sign and what follows it
	hard   bool   // a line end waits for what follows
}

// mostBlanks bounds what is held back of a line.
const mostBlanks = 1000

func (d *quotedDecoder) piece(p piece) {
	d.buf = d.buf[:0]
	if d.hard {
		d.buf = append(d.buf, crlf...)
		d.hard = false
	}
	for _, c := range p.data {
		switch {
		case len(d.escape) > 0:
			d.escaped(c)
		case c == '=':
			d.buf = append(d.buf, d.blanks...)
			d.blanks = d.blanks[:0]
			d.escape = append(d.escape, c)
		case c == ' ' || c == '\t':
			if d.blanks = append(d.blanks, c); len(d.blanks) > mostBlanks {
				d.buf = append(d.buf, d.blanks...)
				d.blanks = d.blanks[:0]
			}
		default:
			d.buf = append(append(d.buf, d.blanks...), c)
			d.blanks = d.blanks[:0]
		}
	}
	if p.end {
		soft := len(d.escape) > 0 && len(bytes.TrimRight(d.escape[1:], " \t")) == 0
		if !soft {
			d.buf = append(d.buf, d.escape...)
		}
		d.hard = !soft
		d.escape, d.blanks = d.escape[:0], d.blanks[:0]
	}
	d.out.write(d.buf)
}

// escaped takes an octet after an equals sign. Blanks there may be what stands between a soft line break and the line's end.
func (d *quotedDecoder) escaped(c byte) {
	d.escape = append(d.escape, c)
	switch n := len(d.escape); {
	case n == 2 && unhex(c) < 16:
		return
	case (c == ' ' || c == '\t') && len(bytes.TrimRight(d.escape[1:], " \t")) == 0 && n < mostBlanks:
		return
	case n == 3 && unhex(d.escape[1]) < 16 && unhex(c) < 16:
		d.buf = append(d.buf, unhex(d.escape[1])<<4|unhex(c))
	default:
		d.buf = append(d.buf, d.escape...)
	}
	d.escape = d.escape[:0]
}

func (d *quotedDecoder) end(line bool) {
	d.buf = append(append(d.buf[:0], d.escape...), d.blanks...)
	if d.hard && line {
		d.buf = append(d.buf, crlf...)
	}
	d.out.write(d.buf)
}

// unhex returns the value of a hex digit, and 255 for what is none.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
