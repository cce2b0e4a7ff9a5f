package pst

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync/atomic"

	"mailmill/formats/mapi"
	"mailmill/formats/pst/internal/ltp"
	"mailmill/formats/pst/internal/ndb"
)

// Message is a message that has been opened (MS-PST 2.4.5). It implements [mapi.Message].
type Message struct {
	Properties
	NID   NID // of the file, or within the message that it is attached to
	chain *link
}

// link leads from an embedded message to those that it is in.
type link struct {
	data, sub ndb.BID
	outer     *link
	depth     int
	opened    *atomic.Int32 // messages opened in the outermost one
	room      *room         // of all of them; nil for new memory
}

// openMessage is a message with what is needed to open what is in it.
type openMessage struct {
	Message
	link
	inside atomic.Int32 // see link.opened
}

// open opens a node of the message, or within it.
func (l *link) open(f *File, data, sub ndb.BID) ltp.Node {
	return l.room.nodes().Open(f.db, data, sub)
}

// maxEmbedded bounds how deep messages are followed into each other. Outlook itself stops long before.
const maxEmbedded = 100

// maxOpened bounds how often embedded messages are opened in one. In a damaged file messages can hold each other more
// than once, so that their number doubles with each level.
const maxOpened = 1 << 17

// Message opens a message of the file.
func (f *File) Message(id NID) (*Message, error) { return f.message(id, nil) }

// Visit calls use with a message of the file, unless it cannot be opened. The message, and whatever values came from it,
// are no good any more when use returns: their memory serves for the next one. It is for those who go through many messages
// and keep little. Only one goroutine may use the message at a time.
func (f *File) Visit(id NID, use func(*Message)) error {
	room := rooms.Get().(*room)
	defer rooms.Put(room)
	room.clear()
	m, err := f.message(id, room)
	if err == nil {
		use(m)
	}
	return err
}

func (f *File) message(id NID, room *room) (*Message, error) {
	n, ok := f.db.Node(id)
	if !ok {
		return nil, fmt.Errorf("message %v: %w", id, ErrNotFound)
	}
	m, err := f.openMessage(id, n.Data, n.Sub, nil, room)
	if err != nil {
		return nil, fmt.Errorf("message %v: %w", id, err)
	}
	m.doubt = f.db.Doubt(id)
	return m, nil
}

func (f *File) openMessage(id NID, data, sub ndb.BID, outer *link, room *room) (*Message, error) {
	m := room.message()
	l := &m.link
	*l = link{data: data, sub: sub, outer: outer, room: room}
	if outer == nil {
		l.opened = &m.inside
	} else if l.opened = outer.opened; l.opened.Add(1) > maxOpened {
		return nil, fmt.Errorf("%w: more than %d messages in one", ErrCorrupt, maxOpened)
	}
	for o := outer; o != nil; o = o.outer {
		if o.data == data && o.sub == sub {
			return nil, fmt.Errorf("%w: a message is attached to itself", ErrCorrupt)
		}
		l.depth++
	}
	if l.depth > maxEmbedded {
		return nil, fmt.Errorf("%w: messages attached to each other %d deep", ErrCorrupt, l.depth)
	}
	pc, err := ltp.OpenPC(l.open(f, data, sub))
	if err != nil {
		return nil, err
	}
	m.Message = Message{Properties{f: f, pc: pc}, id, l}
	return &m.Message, nil
}

// table opens the message's first sub-node of a type as a table; nil if there is none.
func (m *Message) table(kind int) (*ltp.TC, error) {
	s, ok := m.pc.Subs.FindType(kind)
	if !ok {
		return nil, m.pc.SubsErr
	}
	return ltp.OpenTC(m.chain.open(m.f, s.Data, s.Sub))
}

// Recipients implements [mapi.Message]. A message without the table has no recipients.
func (m *Message) Recipients() ([]mapi.Properties, error) {
	t, err := m.table(ndb.TypeRecipientTable)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, nil
	}
	damage := t.Err()
	rows, list := m.chain.room.forRows(t.Len())
	for row, err := range t.Rows() {
		if err != nil {
			damage = errors.Join(damage, err)
			continue
		}
		rows = append(rows, Properties{f: m.f, row: row})
	}
	for i := range rows {
		list = append(list, &rows[i])
	}
	return list, damage
}

// Attachments implements [mapi.Message]. Where the table of attachments is absent, empty or damaged, those that it
// does not list are found by the type of their sub-nodes.
func (m *Message) Attachments() ([]mapi.Attachment, error) { return m.AttachmentsWhere(nil) }

// AttachmentsWhere returns those of the attachments of whose row in the table wanted is true: the objects of the others
// are not read. What no row tells of is returned always.
func (m *Message) AttachmentsWhere(wanted func(row mapi.Properties) bool) ([]mapi.Attachment, error) {
	t, damage := m.table(ndb.TypeAttachmentTable)
	var list []mapi.Attachment
	listed := make(map[NID]bool)
	if t != nil {
		damage = t.Err()
		for row, err := range t.Rows() {
			if err != nil {
				damage = errors.Join(damage, err)
				continue
			}
			if id := NID(row.ID); !listed[id] {
				listed[id] = true
				if wanted == nil || wanted(&Properties{f: m.f, row: row}) {
					list = append(list, m.attachment(id, row))
				}
			}
		}
	}
	if len(listed) == 0 || damage != nil {
		for _, s := range m.pc.Subs {
			if s.NID.Type() != ndb.TypeAttachment || listed[s.NID] {
				continue
			}
			list = append(list, m.attachment(s.NID, ltp.Row{}))
		}
	}
	return list, damage
}

// attachment opens an attachment. One whose object is lost keeps what the table tells of it, and says so itself when
// more is asked of it.
func (m *Message) attachment(id NID, row ltp.Row) *Attachment {
	a := &Attachment{Properties: Properties{f: m.f, row: row}, NID: id, message: m}
	s, ok := m.pc.Subs.Find(id)
	if !ok {
		a.err = fmt.Errorf("attachment %v: %w", id, ErrNotFound)
		if err := m.pc.SubsErr; err != nil {
			a.err = fmt.Errorf("attachment %v: %w", id, err)
		}
		return a
	}
	pc, err := ltp.OpenPC(m.chain.open(m.f, s.Data, s.Sub))
	if err != nil {
		a.err = fmt.Errorf("attachment %v: %w", id, err)
		return a
	}
	a.pc = pc
	return a
}

// Attachment is an attachment of a message (MS-PST 2.4.6). It implements [mapi.Attachment].
type Attachment struct {
	Properties
	NID     NID // within the message
	message *Message
	err     error // why the object is not there
}

const (
	propAttachData mapi.ID = 0x3701 // PidTagAttachDataBinary or PidTagAttachDataObject, by type

	attachEmbedded = 5 // afEmbeddedMessage
)

// Lookup implements [mapi.Properties]. The data itself (PidTagAttachDataBinary) is read into memory whole by it.
func (a *Attachment) Lookup(id mapi.ID) (mapi.Value, error) {
	v, err := a.Properties.Lookup(id)
	if err == nil && !v.Exists() {
		err = a.err
	}
	return v, err
}

// All implements [mapi.Properties]. It leaves out the data itself, which may be larger than memory: see Open.
func (a *Attachment) All() iter.Seq2[mapi.Property, error] {
	return func(yield func(mapi.Property, error) bool) { a.all(0, int(propAttachData), yield) }
}

// data returns the number of the property that holds the data, -1 for none.
func (a *Attachment) data() int {
	if a.pc == nil {
		return -1
	}
	return a.pc.Index(propAttachData)
}

func (a *Attachment) embedded() bool {
	v, _ := a.Properties.Lookup(mapi.PidTagAttachMethod)
	return v.Int() == attachEmbedded
}

// Open implements [mapi.Attachment]. Where blocks of the data are lost, what is left of it is read, and then the first
// error instead of [io.EOF].
func (a *Attachment) Open() (io.ReadCloser, error) {
	i := a.data()
	if i < 0 {
		if a.err != nil {
			return nil, a.err
		}
		return nil, mapi.ErrNoData
	}
	if a.pc.Tag(i).Type() == mapi.Object && a.embedded() {
		return nil, mapi.ErrNoData
	}
	b, d, err := a.pc.Stream(i)
	if err != nil && !errors.Is(err, ErrChecksum) {
		return nil, fmt.Errorf("attachment %v: %w", a.NID, err)
	}
	if d != nil {
		return d.Reader(), nil
	}
	return &memory{*bytes.NewReader(b), err}, nil
}

// memory reads data from the heap, and then says what was wrong with it.
type memory struct {
	bytes.Reader
	err error
}

func (m *memory) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	if err == io.EOF && m.err != nil {
		err = m.err
	}
	return n, err
}

func (m *memory) WriteTo(w io.Writer) (int64, error) {
	n, err := m.Reader.WriteTo(w)
	if err == nil {
		err = m.err
	}
	return n, err
}

func (m *memory) Close() error { return nil }

// DataSize implements [mapi.Attachment].
func (a *Attachment) DataSize() int64 {
	i := a.data()
	if i < 0 || a.pc.Tag(i).Type() == mapi.Object && a.embedded() {
		return -1
	}
	b, d, err := a.pc.Stream(i)
	switch {
	case d != nil:
		return d.Size()
	case err != nil:
		return -1
	}
	return int64(len(b))
}

// Embedded implements [mapi.Attachment].
func (a *Attachment) Embedded() (mapi.Message, error) {
	i := a.data()
	if i < 0 && a.err != nil {
		return nil, a.err
	}
	if i < 0 || a.pc.Tag(i).Type() != mapi.Object || !a.embedded() {
		return nil, mapi.ErrNoData
	}
	s, err := a.pc.Object(i)
	if err == nil {
		var m *Message
		if m, err = a.f.openMessage(s.NID, s.Data, s.Sub, a.message.chain, a.message.chain.room); err == nil {
			return m, nil
		}
	}
	return nil, fmt.Errorf("attachment %v: the message in it: %w", a.NID, err)
}

var (
	_ mapi.Message    = (*Message)(nil)
	_ mapi.Attachment = (*Attachment)(nil)
)
