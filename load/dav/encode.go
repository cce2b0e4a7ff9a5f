package dav

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"slices"
	"strings"
	"sync"

	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/mime"
	"mailmill/formats/vcard"
	"mailmill/load"
	"mailmill/load/ledger"
)

// largestBuffered is how many bytes a resource may have to be held in memory. A larger one is encoded whenever it is read.
const largestBuffered = 4 << 20

var errTooLarge = errors.New("the item is too large for a buffer")

var errNothing = errors.New("there is nothing in it that could be written")

// component is what a collection has to take for an item to go there.
type component uint8

// The components, and cards, which are as good as one.
const (
	events component = iota
	tasks
	journals
	cards
)

var componentNames = [...]string{"VEVENT", "VTODO", "VJOURNAL", "VCARD"}

func (c component) String() string { return componentNames[c] }

// componentKinds are what people call the items of a component.
var componentKinds = [...]string{"events", "tasks", "notes and journal entries", "contacts"}

// encoder makes resources of items.
type encoder struct {
	contacts bool
	calendar ical.Options
	plain    bool // meetings are written as if nobody else took part: see [client.Unstoppable]
	pool     sync.Pool
}

// encodes is what [ical.Encoder] and [vcard.Encoder] have in common.
type encodes func(io.Writer, *formats.Item) error

func newEncoder(contacts bool, calendar ical.Options, card vcard.Options) *encoder {
	e := &encoder{contacts: contacts, calendar: calendar}
	e.pool.New = func() any {
		if contacts {
			return encodes(vcard.NewEncoder(card).Encode)
		}
		enc := ical.NewEncoder(calendar)
		return encodes(func(w io.Writer, it *formats.Item) error { return enc.Encode(w, it) })
	}
	return e
}

// component tells what a collection has to take for an item; false for what goes into none.
func (e *encoder) component(it *formats.Item) (component, bool) {
	switch {
	case e.contacts:
		return cards, it.Contact != nil || it.Group != nil
	case it.Event != nil, it.Journal != nil && e.calendar.JournalAsEvents && !it.Journal.Start.IsZero():
		return events, true
	case it.Task != nil:
		return tasks, true
	case it.Journal != nil, it.Note != nil:
		return journals, true
	}
	return 0, false
}

// write writes the resource of an item. What of it cannot be read is its damage.
func (e *encoder) write(w io.Writer, it *formats.Item) error {
	as := it
	if e.plain {
		as = withoutPeople(it)
	}
	enc := e.pool.Get().(encodes)
	err := enc(w, as)
	e.pool.Put(enc)
	return mime.LoseContent(it, err)
}

// content is a resource as it is sent: in memory, or made again for each reader.
type content struct {
	encoder *encoder
	item    *formats.Item
	buffer  *bytes.Buffer // nil where it is too large
	size    int64
	print   ledger.Print
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// largestKept is how much memory a buffer has at most that waits to be used again.
const largestKept = 64 << 10

// encode makes the resource of an item.
func (e *encoder) encode(it *formats.Item) (content, error) {
	c := content{encoder: e, item: it}
	b := buffers.Get().(*bytes.Buffer)
	b.Reset()
	switch err := e.write(&limited{b}, it); {
	case errors.Is(err, errTooLarge):
		buffers.Put(new(bytes.Buffer))
		sum := &counter{hash: sha256.New()}
		if err := e.write(sum, it); err != nil {
			return content{}, err
		}
		c.size = sum.n
		sum.hash.Sum(c.print[:0])
	case err != nil:
		buffers.Put(b)
		return content{}, err
	default:
		c.buffer, c.size, c.print = b, int64(b.Len()), sha256.Sum256(b.Bytes())
	}
	return c, nil
}

// open returns the resource from its beginning. It has to be closed.
func (c *content) open() io.ReadCloser {
	if c.buffer != nil {
		return io.NopCloser(bytes.NewReader(c.buffer.Bytes()))
	}
	r, w := io.Pipe()
	it := *c.item // what is lost of it was told when it was encoded first
	go func() { w.CloseWithError(c.encoder.write(w, &it)) }()
	return r
}

func (c *content) held() int64 {
	if c.buffer == nil {
		return 0
	}
	return int64(c.buffer.Cap())
}

func (c *content) release() {
	if c.buffer != nil && c.buffer.Cap() <= largestKept {
		buffers.Put(c.buffer)
	}
	c.buffer = nil
}

// limited is a buffer that takes only so much.
type limited struct{ b *bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.b.Len()+len(p) > largestBuffered {
		return 0, errTooLarge
	}
	return l.b.Write(p)
}

type counter struct {
	hash hash.Hash
	n    int64
}

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return c.hash.Write(p)
}

// encoded is an item on its way to a collection.
type encoded struct {
	item      *formats.Item
	component component
	content
}

func (e *encoded) Item() *formats.Item { return e.item }
func (e *encoded) Held() int64         { return e.held() }
func (e *encoded) Size() int64         { return e.size }
func (e *encoded) Release()            { e.release() }

// Encode implements [load.Target].
func (t *Target) Encode(_ context.Context, it *formats.Item) (load.Encoded, error) {
	e := &encoded{item: it}
	var ok bool
	if e.component, ok = t.encoder.component(it); !ok {
		return nil, errNothing
	}
	c, err := t.encoder.encode(it)
	if err != nil {
		return nil, err
	}
	e.content = c
	return e, nil
}

// withoutPeople returns a meeting as an event of one's own, and a task that came with those who have to do with it as one's
// own too. Who takes part stands in properties that no server acts on.
func withoutPeople(it *formats.Item) *formats.Item {
	as := *it
	switch {
	case it.Event != nil:
		as.Event = withoutMeeting(it.Event)
	case it.Task != nil && it.Task.Verbatim != nil:
		t, v := *it.Task, *it.Task.Verbatim
		t.Assigner, t.Owner, v.Aside = nil, nil, nil
		t.Verbatim = &v
		as.Task = &t
	default:
		return it
	}
	return &as
}

func withoutMeeting(ev *formats.Event) *formats.Event {
	as := *ev
	as.Overrides = slices.Clone(ev.Overrides)
	for i, o := range as.Overrides {
		as.Overrides[i] = withoutMeeting(o)
	}
	if ev.Meeting == nil {
		return &as
	}
	as.Meeting = nil
	if ev.Verbatim != nil {
		return &as // its lines get other names
	}
	as.Extra = appendPerson(slices.Clone(ev.Extra), "X-PST-ORGANIZER", ev.Meeting.Organizer)
	for _, a := range ev.Meeting.Attendees {
		as.Extra = appendPerson(as.Extra, "X-PST-ATTENDEE", a.Address)
	}
	return &as
}

// appendPerson adds a property that names somebody, if there is one.
func appendPerson(list []formats.Property, name string, a *formats.Address) []formats.Property {
	if a == nil {
		return list
	}
	text := a.Name
	if spec := a.Spec(); spec != "" {
		text = strings.TrimSpace(text + " <" + spec + ">")
	}
	return append(list, formats.Property{Name: name, Value: text})
}

// zoneCalendar returns a calendar with nothing but a zone in it, as RFC 4791 5.2.2 wants it; empty without one.
func zoneCalendar(z *formats.Zone) string {
	if z == nil || len(z.Onsets) == 0 {
		return ""
	}
	start := formats.Moment{Form: formats.MomentZoned, Clock: z.Onsets[0].Start, Zone: z}
	var b bytes.Buffer
	enc := ical.NewEncoder(ical.Options{})
	enc.Begin(&b)
	if _, err := enc.Declare(&formats.Item{Event: &formats.Event{Start: start}}); err != nil {
		return ""
	}
	if err := enc.End(); err != nil {
		return ""
	}
	return b.String()
}
