package compare

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Bounds of a content line.
const (
	longestHead  = 64 << 10  // name and parameters
	longestValue = 256 << 10 // what is held of a value; the rest is streamed
)

// contentLine is a line of a calendar or a card, unfolded (RFC 5545 3.1, RFC 6350 3.3).
type contentLine struct {
	group, name string // in upper case
	params      []parameter
	value       string // or the first part of it
	long        bool   // there is more; see contentReader.rest
	stray       bool   // it has no colon: value is all of it
}

// parameter is a parameter of a content line.
type parameter struct {
	name   string // in upper case
	values []string
}

// contentReader reads content lines.
type contentReader struct {
	lines  *lineReader
	within bool // a line is not known to be read to its end
	first  bool // nothing of it was read
	ended  bool // what was read of it ends a line: another may go on with it
	buf    []byte
}

func newContentReader(r io.Reader) *contentReader {
	c := &contentReader{lines: newLineReader(r)}
	if b, _ := c.lines.br.Peek(3); string(b) == "\xEF\xBB\xBF" {
		c.lines.br.Discard(3) //nolint:errcheck // they are there
	}
	return c
}

// err returns the error of the reader, nil at its end.
func (c *contentReader) err() error {
	if c.lines.err == io.EOF {
		return nil
	}
	return c.lines.err
}

// chunk returns the next part of the line, valid until the next; false at its end.
func (c *contentReader) chunk() ([]byte, bool) {
	if !c.within {
		return nil, false
	}
	if c.ended {
		c.ended = false
		next, _ := c.lines.br.Peek(1)
		if len(next) == 0 || next[0] != ' ' && next[0] != '\t' {
			c.within = false
			return nil, false
		}
	}
	p, ok := c.lines.read()
	if !ok {
		c.within = false
		return nil, false
	}
	b := p.data
	if p.begin && !c.first && len(b) > 0 {
		b = b[1:] // the blank that says that the line goes on
	}
	c.first, c.ended = false, p.end
	return b, true
}

// next reads a line, or as much of it as is held; false at the end.
func (c *contentReader) next() (*contentLine, bool) {
	for {
		for c.within {
			c.chunk()
		}
		c.within, c.first, c.ended = true, true, false
		c.buf = c.buf[:0]
		colon, at, quoted := -1, 0, false
		for {
			b, ok := c.chunk()
			if !ok {
				break
			}
			c.buf = append(c.buf, b...)
			for ; colon < 0 && at < len(c.buf); at++ {
				switch c.buf[at] {
				case '"':
					quoted = !quoted
				case ':':
					if !quoted {
						colon = at
					}
				}
			}
			if len(c.buf) > longestValue || colon < 0 && len(c.buf) > longestHead {
				break
			}
		}
		if len(bytes.TrimSpace(c.buf)) > 0 {
			return c.parse(colon), true
		}
		if c.lines.err != nil {
			return nil, false
		}
	}
}

// parse takes a line apart.
func (c *contentReader) parse(colon int) *contentLine {
	if colon < 0 {
		// QUIRK: a quote that is not closed.
		colon = bytes.IndexByte(c.buf, ':')
	}
	line := &contentLine{long: c.within}
	if colon < 1 {
		line.value, line.stray = valid(string(c.buf)), true
		return line
	}
	head := valid(string(c.buf[:colon]))
	line.value = string(c.buf[colon+1:])
	if !line.long {
		line.value = valid(line.value)
	}
	name, rest, _ := cutUnquoted(head, ';')
	if i := strings.LastIndexByte(name, '.'); i >= 0 {
		line.group, name = strings.ToUpper(name[:i]), name[i+1:]
	}
	line.name = strings.ToUpper(strings.TrimSpace(name))
	for rest != "" {
		var p string
		p, rest, _ = cutUnquoted(rest, ';')
		name, values, named := strings.Cut(p, "=")
		if !named {
			name, values = "TYPE", p // vCard 2.1
		}
		if strings.TrimSpace(p) != "" {
			line.params = append(line.params, parameter{strings.ToUpper(strings.TrimSpace(name)), paramValues(values)})
		}
	}
	return line
}

// paramValues splits the values of a parameter and undoes their encoding (RFC 6868).
func paramValues(s string) []string {
	var list []string
	for more := true; more; {
		var v string
		v, s, more = cutUnquoted(s, ',')
		v = strings.TrimSpace(v)
		if len(v) > 1 && v[0] == '"' && v[len(v)-1] == '"' {
			v = v[1 : len(v)-1]
		}
		list = append(list, carets.Replace(v))
	}
	return list
}

var carets = strings.NewReplacer("^n", "\n", "^'", `"`, "^^", "^")

// cutUnquoted cuts s at the first sep that is not in quotes.
func cutUnquoted(s string, sep byte) (before, after string, found bool) {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// param takes a parameter from the line and returns its values.
func (l *contentLine) param(name string) []string {
	var values []string
	l.params = slices.DeleteFunc(l.params, func(p parameter) bool {
		if p.name == name {
			values = append(values, p.values...)
		}
		return p.name == name
	})
	return values
}

// param1 takes a parameter with one value.
func (l *contentLine) param1(name string) string {
	if v := l.param(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

// sum returns the length and hash of a value that is passed to a sink by write, the part that is not held last.
func (c *contentReader) sum(l *contentLine, d *digest, write func([]byte)) string {
	write([]byte(l.value))
	for l.long {
		b, ok := c.chunk()
		if !ok {
			l.long = false
			break
		}
		write(b)
	}
	return d.value()
}

// binary returns the length and hash of a value in base64.
func (c *contentReader) binary(l *contentLine) string {
	d := newDigest()
	dec := inBase64.decoder(d)
	c.sum(l, d, func(b []byte) { dec.piece(piece{data: b}) })
	dec.end(false)
	return d.value()
}

// text returns a value with its escapes undone, or where it is long its length and hash.
func (c *contentReader) text(l *contentLine) string {
	if !l.long {
		return held(unescaped(l.value))
	}
	d := newDigest()
	var u unescaper
	c.sum(l, d, func(b []byte) { d.write(u.append(nil, b)) })
	d.write(u.end(nil))
	return d.value()
}

// held returns a value, or where it is long its length and hash.
func held(s string) string {
	if len(s) <= longestField {
		return s
	}
	d := newDigest()
	d.write([]byte(s))
	return d.value()
}

// unescaper undoes the escapes of texts (RFC 5545 3.3.11, RFC 6350 3.4), which may be torn apart.
type unescaper struct{ pending bool }

func (u *unescaper) append(dst, b []byte) []byte {
	for _, c := range b {
		switch {
		case !u.pending && c == '\\':
			u.pending = true
			continue
		case !u.pending:
			dst = append(dst, c)
			continue
		case c == 'n' || c == 'N':
			dst = append(dst, '\n')
		case c == '\\' || c == ';' || c == ',' || c == ':' || c == '"':
			dst = append(dst, c)
		default: // it is no escape
			dst = append(dst, '\\', c)
		}
		u.pending = false
	}
	return dst
}

func (u *unescaper) end(dst []byte) []byte {
	if u.pending {
		dst = append(dst, '\\')
	}
	return dst
}

func unescaped(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var u unescaper
	return string(u.end(u.append(make([]byte, 0, len(s)), []byte(s))))
}

// splitEscaped splits a value at a separator that is not escaped. The escapes stay.
func splitEscaped(s string, sep byte) []string {
	var list []string
	start := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case sep:
			list = append(list, s[start:i])
			start = i + 1
		}
	}
	return append(list, s[start:])
}

// withParameters returns a value with what is left of its line's parameters, in their order of names.
func (l *contentLine) withParameters(value string) string {
	if len(l.params) == 0 {
		return value
	}
	all := make(map[string][]string)
	var names []string
	for _, p := range l.params {
		if all[p.name] == nil {
			names = append(names, p.name)
		}
		all[p.name] = append(all[p.name], p.values...)
	}
	slices.Sort(names)
	var b strings.Builder
	b.WriteString(value)
	for _, name := range names {
		values := all[name]
		slices.SortFunc(values, cmp.Compare)
		for i, v := range slices.Compact(values) {
			if i == 0 {
				fmt.Fprintf(&b, "; %s=", name)
			} else {
				b.WriteByte(',')
			}
			if strings.ContainsAny(v, `;,"=`) {
				v = fmt.Sprintf("%q", v)
			}
			b.WriteString(v)
		}
	}
	return b.String()
}

// eachParam changes the values of the parameters, and drops those for which change says so. A parameter without values
// goes as well.
func (l *contentLine) eachParam(change func(name, value string) (string, bool)) {
	for i := range l.params {
		p := &l.params[i]
		var kept []string
		for _, v := range p.values {
			if v, ok := change(p.name, v); ok && v != "" {
				kept = append(kept, v)
			}
		}
		p.values = kept
	}
	l.params = slices.DeleteFunc(l.params, func(p parameter) bool { return len(p.values) == 0 })
}
