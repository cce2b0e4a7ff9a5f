// Package ldif reads the LDAP Data Interchange Format (RFC 2849), the text in which directories are exported: by
// Windows' ldifde, by OpenLDAP's ldapsearch and slapcat, and by nearly everything else that speaks LDAP.
//
//	r := ldif.NewReader(file)
//	r.Keep = func(name string) bool { return name == "mail" }
//	for {
//		e, err := r.Next()
//		if err == io.EOF {
//			break
//		}
//		…
//	}
//
// One entry is in memory at a time, and of that only the attributes that Keep asks for, so that the photographs and
// certificates of an organisation cost no more than being read over.
//
// Values are bytes, as in LDAP; which of them are text, and in which character set, the schema says and not the file.
// A value can also be a URL (RFC 2849 2, value-spec ":<"), most often of a local file. Those are refused wherever they
// stand: nothing may be read, and no connection made, because a file that somebody sent says so.
package ldif

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
)

// Limits on what is held in memory.
const (
	// MaxValue is the longest value, in bytes, of an attribute that is kept.
	MaxValue = 16 << 20
	// MaxEntry is the most that the values of one entry that are kept may add up to, in bytes as they are written.
	MaxEntry = 64 << 20
	// MaxAttributes is the largest number of values kept of one entry.
	MaxAttributes = 1 << 18
	// maxName is the longest attribute description. OpenLDAP's own limit is lower.
	maxName = 1024
)

// Entry is a record of the file: an entry of the directory or a change to one. It and everything that it refers to is
// valid until the next call of [Reader.Next].
type Entry struct {
	// HasDN is false for the records that ldapsearch writes between the entries: the result of the search, and
	// references to other servers. See [Reader.Next].
	HasDN bool
	// DN is the distinguished name, in UTF-8.
	DN string
	// Change is the value of changetype, in lower case: "add", "delete", "modify", "modrdn", "moddn"; empty where
	// the record has none and so is an entry as it stands in the directory.
	Change string
	// Line is where the record begins, counted from 1.
	Line int
	// Attributes are the values that were kept, in the order of the file. In a modification "-" stands among them
	// as a name without a value.
	Attributes []Attribute
}

// Attribute is one value of an attribute.
type Attribute struct {
	Name    string // in lower case, without options
	Options string // in lower case, as in "lang-de" or "range=0-1499"
	Value   []byte
	Line    int

	start, end int
}

// Get returns the first value of an attribute, named in lower case, and nil where the entry has none.
func (e *Entry) Get(name string) []byte {
	for i := range e.Attributes {
		if e.Attributes[i].Name == name {
			return e.Attributes[i].Value
		}
	}
	return nil
}

// SyntaxError says that a file is no LDIF, or none that is read, from some line on.
type SyntaxError struct {
	Line int
	What string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.What) }

// Reader reads entries. Text is expected in UTF-8 or another superset of ASCII; whoever has a file in UTF-16 decodes it
// before.
type Reader struct {
	// Keep decides by an attribute's name, in lower case and without options, whether its values are kept. With nil
	// all are.
	Keep func(name string) bool

	br    *bufio.Reader
	line  int // of the line that is read next
	entry Entry
	buf   []byte            // the values of the entry
	names map[string]string // interned, as the same few come in every entry
	name  []byte
}

// NewReader returns a reader of r.
func NewReader(r io.Reader) *Reader {
	return &Reader{br: bufio.NewReaderSize(r, 64<<10), line: 1, names: make(map[string]string)}
}

// Next returns the next record, io.EOF after the last one, a [SyntaxError], or the error of the source.
//
// QUIRK: ldapsearch without -LLL writes records that begin with "search:" or "ref:" in place of "dn:". They are
// returned too, with all their attributes whatever Keep says, because they tell whether the server's answer was whole.
func (r *Reader) Next() (*Entry, error) {
	e := &r.entry
	*e = Entry{Attributes: e.Attributes[:0]}
	r.buf = r.buf[:0]
	for {
		first, err := r.br.Peek(1)
		if err != nil {
			if err == io.EOF && e.Line > 0 {
				return r.finish(), nil
			}
			return nil, err
		}
		switch first[0] {
		case '\n', '\r':
			at := r.line
			blank, err := r.readBlank()
			if err != nil {
				return nil, err
			}
			if !blank {
				return nil, &SyntaxError{at, "a line that begins with a carriage return"}
			}
			if e.Line > 0 {
				return r.finish(), nil
			}
			continue
		case '#':
			if _, err := r.logical(false); err != nil {
				return nil, err
			}
			continue
		}
		if err := r.attribute(); err != nil {
			return nil, err
		}
	}
}

// finish gives the attributes their values, now that the buffer does not move any more.
func (r *Reader) finish() *Entry {
	for i := range r.entry.Attributes {
		a := &r.entry.Attributes[i]
		a.Value = r.buf[a.start:a.end:a.end]
	}
	return &r.entry
}

func (r *Reader) readBlank() (bool, error) {
	line, err := r.br.ReadSlice('\n')
	if err != nil && err != io.EOF {
		if err == bufio.ErrBufferFull {
			return false, nil
		}
		return false, err
	}
	r.line++
	return len(bytes.TrimRight(line, "\r\n")) == 0, nil
}

// attribute reads one attrval-spec, and what stands in its place in changes.
func (r *Reader) attribute() error {
	e := &r.entry
	at := r.line
	// The name is read first: it decides whether the rest is kept.
	head, err := r.br.Peek(maxName)
	if err != nil && err != io.EOF {
		return err
	}
	if i := bytes.IndexByte(head, '\n'); i >= 0 {
		head = head[:i]
	}
	head = bytes.TrimRight(head, "\r")
	colon := bytes.IndexByte(head, ':')
	if colon <= 0 {
		if string(head) == "-" && e.Change == "modify" {
			if _, err := r.logical(false); err != nil {
				return err
			}
			return r.add(Attribute{Name: "-", Line: at})
		}
		return &SyntaxError{at, fmt.Sprintf("%q is not an attribute and its value", clip(head))}
	}
	name, options := r.split(head[:colon])
	if name == "" {
		return &SyntaxError{at, fmt.Sprintf("%q is no name of an attribute", clip(head[:colon]))}
	}
	if colon+1 < len(head) && head[colon+1] == '<' {
		return &SyntaxError{at, fmt.Sprintf("the value of %s is to be read from another place (\"%s:<\"), which is refused: export again with all values in the file (ldapsearch without -t)", name, name)}
	}
	// QUIRK: ldapsearch -L begins every page of its answers with the version, as do files that were put together.
	isVersion := e.Line == 0 && name == "version"
	isDN := name == "dn" && e.Line == 0
	keep := isVersion || isDN || name == "changetype" || !e.HasDN || r.Keep == nil || r.Keep(name)

	start := len(r.buf)
	if _, err := r.logical(keep); err != nil {
		return err
	}
	if !keep {
		return nil
	}
	from, to, err := r.value(start, start+colon+1, at)
	if err != nil {
		return err
	}
	value := r.buf[from:to]
	switch {
	case isVersion:
		if string(value) != "1" {
			return &SyntaxError{at, fmt.Sprintf("version %q of the format is not known", clip(value))}
		}
		r.buf = r.buf[:start]
		return nil
	case isDN:
		e.HasDN, e.DN, e.Line = true, string(value), at
		r.buf = r.buf[:start]
		return nil
	case e.Line == 0:
		switch name {
		case "search", "ref", "result":
			e.Line = at
		default:
			return &SyntaxError{at, fmt.Sprintf("an entry begins with its dn, not with %s", name)}
		}
	case name == "changetype" && e.HasDN && e.Change == "":
		e.Change = string(bytes.ToLower(value))
		r.buf = r.buf[:start]
		return nil
	}
	return r.add(Attribute{Name: name, Options: options, Line: at, start: from, end: to})
}

func (r *Reader) add(a Attribute) error {
	if len(r.entry.Attributes) >= MaxAttributes {
		return &SyntaxError{a.Line, fmt.Sprintf("the entry has more than %d values", MaxAttributes)}
	}
	r.entry.Attributes = append(r.entry.Attributes, a)
	return nil
}

// split separates an attribute description into name and options (RFC 4512 2.5).
func (r *Reader) split(description []byte) (name, options string) {
	r.name = append(r.name[:0], description...)
	for i, c := range r.name {
		switch {
		case c >= 'A' && c <= 'Z':
			r.name[i] = c + 'a' - 'A'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '.', c == ';', c == '=', c == '_':
			// QUIRK: the underscore is in names of Novell's, the equals sign in Active Directory's ranges.
		default:
			return "", ""
		}
	}
	b, o, _ := bytes.Cut(r.name, []byte{';'})
	if s, ok := r.names[string(b)]; ok {
		name = s
	} else {
		name = string(b)
		if len(r.names) < 1<<16 {
			r.names[name] = name
		}
	}
	return name, string(o)
}

// value finds the value in the line that stands in the buffer from start on, after the colon, decoding base64 in place.
func (r *Reader) value(start, at, line int) (from, to int, err error) {
	rest := r.buf[at:]
	if len(rest) == 0 || rest[0] != ':' {
		n := len(rest) - len(bytes.TrimLeft(rest, " "))
		return at + n, len(r.buf), nil
	}
	coded := bytes.TrimSpace(rest[1:])
	n, err := base64.StdEncoding.Decode(r.buf[start:start+len(coded)], coded)
	if err != nil {
		return 0, 0, &SyntaxError{line, "the value after \"::\" is not base64"}
	}
	r.buf = r.buf[:start+n]
	return start, start + n, nil
}

// logical reads a line with its continuations (RFC 2849 2, note 2) and appends it to the buffer if it is kept. It
// returns the number of bytes appended.
func (r *Reader) logical(keep bool) (int, error) {
	start, at := len(r.buf), r.line
	for {
		part, err := r.br.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull && err != io.EOF {
			return 0, err
		}
		if keep {
			if len(r.buf)+len(part)-start > MaxValue {
				return 0, &SyntaxError{at, fmt.Sprintf("a value of more than %d MB", MaxValue>>20)}
			}
			if len(r.buf)+len(part) > MaxEntry {
				return 0, &SyntaxError{at, fmt.Sprintf("an entry of more than %d MB", MaxEntry>>20)}
			}
			r.buf = append(r.buf, part...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if len(part) > 0 {
			r.line++
		}
		for keep && len(r.buf) > start && (r.buf[len(r.buf)-1] == '\n' || r.buf[len(r.buf)-1] == '\r') {
			r.buf = r.buf[:len(r.buf)-1]
		}
		// QUIRK: a tab instead of the blank is somebody's editor.
		next, err := r.br.Peek(1)
		if err != nil || next[0] != ' ' && next[0] != '\t' {
			if err != nil && err != io.EOF {
				return 0, err
			}
			return len(r.buf) - start, nil
		}
		if _, err := r.br.Discard(1); err != nil {
			return 0, err
		}
	}
}

func clip(b []byte) []byte { return b[:min(len(b), 60)] }
