package mbox

import (
	"bytes"
	"context"
	"io"

	"mailmill/extract"
	"mailmill/extract/mail"
	"mailmill/formats"
	"mailmill/formats/mbox"
)

// longestHeader bounds what is looked at of a header.
const longestHeader = 1 << 20

// collector gets the header of a message, and its size, from a scanner.
type collector struct {
	scanner  *mbox.Scanner
	headOnly bool
	head     []byte // all of the header, or as much as is looked at
	more     []byte // what head is collected in, where it does not come in one piece
	size     int64
}

// message goes over a message.
func (c *collector) message(ctx context.Context) error {
	c.head, c.more, c.size = c.head[:0], c.more[:0], 0
	found := false
	for {
		piece, err := c.scanner.Piece()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		c.size += int64(len(piece))
		if found {
			continue
		}
		// The piece is the scanner's, so it is copied as far as it is needed.
		n := mbox.HeaderLen(piece)
		if found = n >= 0 || len(c.more)+len(piece) >= longestHeader; n < 0 || len(c.more) > 0 {
			n = min(len(piece), longestHeader-len(c.more))
		}
		c.more = append(c.more, piece[:n]...)
		if n := mbox.HeaderLen(c.more); n >= 0 {
			c.more, found = c.more[:n], true
		}
		c.head = c.more
		if found && c.headOnly {
			return nil
		}
	}
}

// header returns the header of the latest message; it is valid until the next.
func (c *collector) header() []byte { return c.head }

// cutState reads the state in a header and returns the header without it. In an export of Gmail's the labels tell all, and
// fields of state are the mail's own: programs that once had it left them there.
func cutState(env *mbox.Envelope, header []byte) (mbox.State, []byte) {
	state, without := mbox.CutState(header)
	if env.Takeout() {
		return mbox.State{Labels: state.Labels}, header
	}
	return state, without
}

// message is one of a file, freed from what the file has added.
type message struct {
	env     mbox.Envelope
	quoting mbox.Quoting
	state   mbox.State
	content formats.Content
	size    int64
}

// held takes a message as it stands in the file. The memory becomes the message's.
func (m *message) held(raw []byte) {
	if m.quoting != mbox.QuotedNever {
		raw = m.quoting.Append(raw[:0], raw, true)
	}
	n := mbox.HeaderLen(raw)
	if n < 0 {
		n = len(raw)
	}
	var head []byte
	if m.state, head = cutState(&m.env, raw[:n]); len(head) < n {
		// The header moves up to the body.
		raw = raw[n-len(head):]
		copy(raw, head)
	}
	m.content, m.size = formats.Bytes(raw), int64(len(raw))
}

// spanned takes a message from where it stands in a file.
func (m *message) spanned(r *io.SectionReader) error {
	head := make([]byte, min(r.Size(), 16<<10))
	var n int
	for {
		if got, err := r.ReadAt(head, 0); got < len(head) {
			return err
		}
		if n = mbox.HeaderLen(head); n >= 0 || len(head) >= longestHeader || int64(len(head)) == r.Size() {
			break
		}
		head = make([]byte, min(r.Size(), int64(len(head))*4))
	}
	if n < 0 {
		// Whatever it is, it stays as it is.
		n = bytes.LastIndexByte(head, '\n') + 1
	}
	head = head[:n]
	if m.quoting != mbox.QuotedNever {
		head = m.quoting.Append(head[:0], head, true)
	}
	m.state, head = cutState(&m.env, head)
	body := io.NewSectionReader(r, int64(n), r.Size()-int64(n))
	if m.quoting == mbox.QuotedNever {
		m.content, m.size = verbatim{head, body}, int64(len(head))+body.Size()
		return nil
	}
	content := quoted{head, body, m.quoting}
	m.content = content
	in, err := content.Open()
	if err != nil {
		return err
	}
	m.size, err = io.Copy(io.Discard, in)
	return err
}

// item makes the item of the message.
func (m *message) item(e formats.Entry, o extract.Options) (*formats.Item, error) {
	s := mail.State{Flags: m.state.Flags, Keywords: m.state.Keywords, Received: m.env.Date, Envelope: m.env.From}
	takeout := m.env.Takeout()
	if takeout {
		p := mbox.Place(m.state.Labels)
		s.Flags, s.Keywords = p.Flags, p.Keywords
		s.Envelope = "" // it is nobody's
	}
	it, err := mail.New(e, m.content, m.size, s, o)
	if err == nil && takeout {
		it.Flags = s.Flags
	}
	return it, err
}

// verbatim is the content of a message of which nothing is quoted.
type verbatim struct {
	head []byte
	body *io.SectionReader
}

// Open implements [formats.Content]. What it returns can seek.
func (v verbatim) Open() (io.ReadCloser, error) {
	return struct {
		*io.SectionReader
		io.Closer
	}{io.NewSectionReader(v, 0, int64(len(v.head))+v.body.Size()), io.NopCloser(nil)}, nil
}

// ReadAt implements [io.ReaderAt].
func (v verbatim) ReadAt(p []byte, at int64) (n int, err error) {
	if at < int64(len(v.head)) {
		n = copy(p, v.head[at:])
		if n == len(p) {
			return n, nil
		}
	}
	more, err := v.body.ReadAt(p[n:], at+int64(n-len(v.head)))
	return n + more, err
}

// quoted is the content of a message that is quoted.
type quoted struct {
	head    []byte
	body    *io.SectionReader
	quoting mbox.Quoting
}

// Open implements [formats.Content].
func (q quoted) Open() (io.ReadCloser, error) {
	body := &unquoter{in: io.NewSectionReader(q.body, 0, q.body.Size()), quoting: q.quoting, begin: true}
	return io.NopCloser(io.MultiReader(bytes.NewReader(q.head), body)), nil
}

// unquoter takes the quoting off a text.
type unquoter struct {
	in      io.Reader
	quoting mbox.Quoting
	begin   bool   // what comes next begins a line
	rest    []byte // of a line whose end is to come
	out     []byte
	at      int
	err     error
}

const unquoterSize = 64 << 10

// Read implements [io.Reader].
func (u *unquoter) Read(p []byte) (int, error) {
	for u.at == len(u.out) {
		if u.err != nil {
			return 0, u.err
		}
		u.fill()
	}
	n := copy(p, u.out[u.at:])
	u.at += n
	return n, nil
}

func (u *unquoter) fill() {
	if u.rest == nil {
		u.rest = make([]byte, 0, unquoterSize)
		u.out = make([]byte, 0, unquoterSize)
	}
	n, err := io.ReadFull(u.in, u.rest[len(u.rest):cap(u.rest)])
	b := u.rest[:len(u.rest)+n]
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	u.err = err
	whole := bytes.LastIndexByte(b, '\n') + 1
	if err != nil || whole == 0 {
		whole = len(b)
	}
	u.out, u.at = u.quoting.Append(u.out[:0], b[:whole], u.begin), 0
	if whole > 0 {
		u.begin = b[whole-1] == '\n'
	}
	u.rest = append(u.rest[:0], b[whole:]...)
}
