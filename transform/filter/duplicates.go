package filter

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"io"
	"sync"

	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/mime"
	"mailmill/formats/vcard"
)

// Duplicates knows which items a run has met before, by their content. It takes 16 bytes an item, and what a table of
// such needs beside them.
type Duplicates struct {
	mu   sync.Mutex
	seen map[Print]struct{}

	encoders sync.Pool // of *mime.Encoder
}

// Print stands for the content of an item: what is written of it wherever it goes, without what only its place says of it
// (folder, flags, when it was delivered or changed there). Whoever could make two items with one print could as well make
// two of one SHA-256 cut in half.
type Print [16]byte

// NewDuplicates returns one that has met no item.
func NewDuplicates() *Duplicates {
	return &Duplicates{
		seen:     make(map[Print]struct{}),
		encoders: sync.Pool{New: func() any { return mime.NewEncoder() }},
	}
}

// Print returns the print of an item. It may be called by several goroutines at once. An item has none where a part of it
// cannot be read, as nobody knows what that says, and where it has no form outside.
func (d *Duplicates) Print(it *formats.Item) (p Print, ok bool) {
	if len(it.Damage) > 0 {
		return p, false
	}
	h := &printer{hash: sha256.New()}
	h.hash.Write([]byte{byte(it.Kind)})
	if !d.write(h, it) {
		return p, false
	}
	return Print(h.sum()[:len(p)]), true
}

func (d *Duplicates) write(w io.Writer, it *formats.Item) bool {
	var err error
	switch {
	case it.Mail != nil:
		encoder := d.encoders.Get().(*mime.Encoder)
		err = encoder.Encode(w, it.Mail)
		d.encoders.Put(encoder)
	case it.Contact != nil, it.Group != nil:
		lines := &contentLines{to: w}
		err = vcard.NewEncoder(vcard.Options{}).Encode(lines, it)
		lines.end()
	case it.Event != nil, it.Task != nil, it.Note != nil, it.Journal != nil:
		lines := &contentLines{to: w}
		err = ical.NewEncoder(ical.Options{}).Encode(lines, it)
		lines.end()
	default:
		return false
	}
	return err == nil
}

// First reports whether no item with this print was met before, and remembers it. Who wants the first in the order of a
// run to stay calls it in that order.
func (d *Duplicates) First(p Print) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, met := d.seen[p]; met {
		return false
	}
	d.seen[p] = struct{}{}
	return true
}

// Forget has an item with this print be the first again: the one that was has got lost on the way.
func (d *Duplicates) Forget(p Print) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.seen, p)
}

// printer hashes text whose lines may end with CRLF or LF: the same mail has one in an mbox and the other elsewhere.
type printer struct {
	hash hash.Hash
	buf  [4096]byte
	n    int
	cr   bool // a carriage return came last, and was not hashed
}

var carriageReturn = []byte{'\r'}

func (p *printer) Write(b []byte) (int, error) {
	written := len(b)
	for len(b) > 0 {
		if p.cr && b[0] != '\n' {
			p.add(carriageReturn)
		}
		p.cr = false
		cr := bytes.IndexByte(b, '\r')
		if cr < 0 {
			p.add(b)
			break
		}
		p.add(b[:cr])
		p.cr, b = true, b[cr+1:]
	}
	return written, nil
}

func (p *printer) add(b []byte) {
	if len(b) > len(p.buf)-p.n {
		p.flush()
	}
	if len(b) > len(p.buf) {
		p.hash.Write(b)
		return
	}
	p.n += copy(p.buf[p.n:], b)
}

// sum ends the text.
func (p *printer) sum() []byte {
	if p.cr {
		p.add(carriageReturn)
	}
	p.flush()
	return p.hash.Sum(nil)
}

func (p *printer) flush() {
	p.hash.Write(p.buf[:p.n])
	p.n = 0
}

// contentLines passes the lines of calendars and cards on, but for those that say when something was done to the item:
// a copy has its own.
type contentLines struct {
	to   io.Writer
	line []byte
	drop bool // the property at hand, whose folded lines follow
}

// stamps are the properties of RFC 5545 3.8.7 and RFC 6350 6.7.4 that do so, and ours where the standards have none.
var stamps = [][]byte{[]byte("DTSTAMP:"), []byte("CREATED:"), []byte("LAST-MODIFIED:"), []byte("REV:"), []byte("X-PST-CREATED:")}

func (c *contentLines) Write(b []byte) (int, error) {
	written := len(b)
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n') + 1
		if end == 0 {
			c.line = append(c.line, b...)
			break
		}
		c.line = append(c.line, b[:end]...)
		b = b[end:]
		c.end()
	}
	return written, nil
}

// end passes on the line at hand.
func (c *contentLines) end() {
	if len(c.line) > 0 && c.line[0] != ' ' {
		c.drop = false
		for _, s := range stamps {
			c.drop = c.drop || bytes.HasPrefix(c.line, s)
		}
	}
	if !c.drop {
		c.to.Write(c.line) //nolint:errcheck // a printer takes everything
	}
	c.line = c.line[:0]
}
