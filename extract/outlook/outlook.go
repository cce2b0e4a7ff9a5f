// Package outlook knows what Outlook's properties mean: it makes items of the model out of MAPI messages.
//
// The readers of Outlook's containers (PST, MSG, TNEF) hand over a [mapi.Message], a bag of properties with recipients
// and attachments. A [Converter] turns it into a [formats.Item]:
//
//	c := outlook.New(outlook.Options{CodePage: 1252})
//	item, err := c.Item(entry, message)
//
// A mail that came over the internet keeps its header fields as they are in its transport headers, but for those that
// describe a body which is built anew, and for addresses that are none outside Exchange. A mail that never left
// Exchange, a draft or a sent item gets a header made of its properties. Bodies become multipart/alternative, pictures
// that the HTML shows multipart/related, files multipart/mixed; signed and encrypted mail passes byte for byte;
// reports become multipart/report.
//
// Appointments, tasks, contacts, lists, notes and journal entries become what calendars and cards are made of. What Outlook
// shows of them and the model has no field for goes under a name of its own, which begins with X-; testdata/shown.md
// lists where everything goes. Dates that are stored as points of time are days again: in the zone that the item says, else
// in the one that is usual in the archive.
//
// Participants are resolved from what is on the item alone: an SMTP address stored as such, an SMTP property, a
// one-off entry identifier or an SMTP search key beside an Exchange address, and the item's own transport headers where
// they can be matched with certainty. What is learnt elsewhere is a later step's; it finds the stored address in
// every [formats.Address] that is still open.
//
// Nothing that can be read is lost because something else cannot be: what is damaged is listed in the item's Damage
// and the rest is converted.
package outlook

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf16"

	"mailmill/formats"
	"mailmill/formats/codepage"
	"mailmill/formats/mapi"
)

// Options say how messages are converted.
type Options struct {
	// CodePage is taken for 8-bit strings of messages that do not say theirs; 0 is [codepage.Default].
	CodePage int
	// KeepEX adds an X-PST-EX-Address field for every Exchange address of a mail.
	KeepEX bool
	// Zone returns the time zone of what does not say its own. Where it is nil, or returns nil, that is UTC, and for whole
	// days any in which they begin at midnight. It is called for what needs it only, any number of times.
	Zone func() *formats.Zone
	// Owner returns whose mailbox the messages are from, for meetings that do not tell who of the attendees that is. It may
	// be nil, and return nil. It is called as Zone is.
	Owner func() *formats.Address
	// FollowUps makes the tasks that flags on mail and contacts are.
	FollowUps bool
	// Card opens the contact or list that a member of a list is, by its entry identifier, and tells whether that is written
	// too; nil is for what is not there. It may be nil: then no list is linked with the cards of its members.
	Card func(entry []byte) (m mapi.Message, written bool)
}

// Limits on what hostile input can make of a message.
const (
	// maxDepth is how deep messages are followed into messages.
	maxDepth = 32
	// maxMessages bounds the messages in a message, at any depth. A damaged file can hold one that contains itself.
	maxMessages = 4096
	// maxInMemory bounds what is read whole to look inside: an OLE object, a TNEF file. Larger ones stay as they are.
	maxInMemory = 64 << 20
)

// Converter converts messages to items. Any number of goroutines may use it at once, each with messages of its own.
type Converter struct {
	opt Options
	// memories holds a [memory] for each conversion that runs. What they remember shows in nothing but their speed.
	memories sync.Pool
	learners sync.Pool // what Learn works with
	// zones holds a [knownZone] for each that was met, and zoneCount is their number.
	zones     sync.Map
	zoneCount atomic.Int64
}

// New returns a converter.
func New(opt Options) *Converter {
	if !codepage.Known(opt.CodePage) {
		opt.CodePage = codepage.Default
	}
	return &Converter{opt: opt}
}

// errNothing is the failure of an item that has no readable property.
var errNothing = errors.New("none of the item's properties can be read")

// Item converts a message. The entry is what the archive's tables tell of it: the item gets its place, folder and kind
// from there, and everything that the message itself says better from the message. Without a class in the entry the
// kind is that of the message's class.
//
// An error means that nothing can be made of the message; what is lost of it otherwise is in the item's Damage. The
// item's content may read from the message until it is dropped.
func (c *Converter) Item(e formats.Entry, m mapi.Message) (*formats.Item, error) {
	w, ok := c.memories.Get().(*memory)
	if !ok {
		w = &memory{}
	}
	it := &formats.Item{Entry: e}
	w.top = message{c: c, m: m, memory: w, bag: bag{p: m, cp: c.opt.CodePage, damage: &it.Damage}}
	err := w.top.item(it)
	w.clean()
	c.memories.Put(w)
	if err != nil {
		return nil, err
	}
	return it, nil
}

// item fills an item in.
func (m *message) item(it *formats.Item) error {
	m.rows = m.memory.rows
	m.start()
	if !m.found {
		if len(it.Damage) > 0 {
			return fmt.Errorf("%w: %w", errNothing, it.Damage[0].Err)
		}
		return errNothing
	}
	if it.Class == "" {
		it.Class = m.class
		it.Kind = KindOf(m.class)
	} else if m.class == "" {
		m.class = it.Class
	}
	it.Subject = m.subject
	if it.Subject == "" {
		it.Subject = m.line(mapi.PidTagDisplayName)
	}
	it.Received = m.time(mapi.PidTagMessageDeliveryTime)
	it.Modified = m.time(mapi.PidTagLastModificationTime)
	it.Date = firstTime(it.Modified, it.Date)
	it.Keywords = m.keywords
	it.Flags = m.flags(it.Kind, it.Folder)
	if it.Kind == formats.KindMail {
		it.Date = firstTime(m.submitted, it.Received, it.Modified)
		it.Mail = m.mail(it.Flags&formats.FlagDraft != 0)
		it.Identity = it.Mail.MessageID
		if it.Subject == "" {
			it.Subject = m.headerSubject()
		}
		if m.submitted.IsZero() && it.Received.IsZero() {
			it.Date = firstTime(m.headerDate(), it.Date)
		}
	} else {
		it.Identity = m.uid(it.Kind)
		m.body(it)
	}
	it.Key = formats.Key(it.Kind, it.Identity)
	if m.c.opt.FollowUps {
		it.FollowUp = m.flagTask(it)
	}
	return nil
}

// body makes the body of an item that is not mail. Its identity is the UID that is written.
func (m *message) body(it *formats.Item) {
	switch it.Kind {
	case formats.KindEvent:
		it.Event = m.event()
		it.Identity = it.Event.Identity()
	case formats.KindTask:
		it.Task = m.task()
		it.Identity = it.Task.UID
	case formats.KindContact:
		it.Contact = m.contact()
		it.Identity = it.Contact.UID
		it.Subject = firstText(it.Contact.FullName, it.Subject)
	case formats.KindGroup:
		it.Group = m.group()
		it.Identity = it.Group.UID
		it.Subject = firstText(it.Group.Name, it.Subject)
	case formats.KindNote:
		it.Note = m.note()
		it.Subject = firstText(it.Note.Summary, it.Subject)
	case formats.KindJournal:
		it.Journal = m.journal()
	}
}

// message is the conversion of one message.
type message struct {
	bag
	c     *Converter
	m     mapi.Message
	depth int
	// memory is that of the conversion.
	memory *memory
	found  bool

	class     string
	subject   string
	submitted time.Time
	keywords  []string

	people  // participants, as far as they are known
	headers transport
	header  header

	// list are the attachments, and listErr what is lost of them, once they were listed.
	list    []mapi.Attachment
	listErr error
	listed  bool

	text, html *formats.Part
	invitation *formats.Part // what programs with a calendar read of a mail about a meeting
	storedText bool
	rtf        []byte // what the bodies were made of, where it holds more than they
}

// start reads what every kind of item has.
func (m *message) start() {
	v := m.value(mapi.PidTagMessageClass, "message class")
	m.found = v.Exists()
	m.bag.cp = m.codePage()
	if m.class = classNote; !isText(v, classNote) {
		m.class = strings.TrimSpace(untilNUL(v.Text(m.cp)))
	}
	raw := m.value(mapi.PidTagSubject, "subject")
	m.found = m.found || raw.Exists()
	m.subject = cleanSubject(raw.Text(m.cp))
	if m.subject == "" {
		m.subject = cleanSubject(m.string(mapi.PidTagSubjectPrefix) + m.string(mapi.PidTagNormalizedSubject))
	}
	m.submitted = m.time(mapi.PidTagClientSubmitTime)
	if v := m.named(mapi.PidNameKeywords, "categories"); v.Exists() {
		for _, k := range v.Texts(m.cp) {
			if k = untilNUL(k); k != "" {
				m.keywords = append(m.keywords, k)
			}
		}
	}
	if !m.found {
		for _, err := range m.p.All() {
			if m.found = err == nil; m.found {
				break
			}
		}
	}
}

// codePage returns the code page of the message's 8-bit strings: its own, that of its body, its locale's, the
// archive's.
func (m *message) codePage() int {
	if cp := int(m.int(mapi.PidTagMessageCodepage)); codepage.Known(cp) {
		return cp
	}
	switch cp := int(m.int(mapi.PidTagInternetCodepage)); cp {
	case codepage.UTF8, codepage.UTF16LE:
	default:
		if codepage.Known(cp) {
			return cp
		}
	}
	if lcid := m.int(mapi.PidTagMessageLocaleId); lcid > 0 {
		return codepage.FromLCID(uint32(lcid))
	}
	return m.c.opt.CodePage
}

// cleanSubject removes the mark with which Outlook says how long the prefix is: U+0001 and a character whose value
// is that length plus 1 (MS-PST 2.5.3.1.1.1).
func cleanSubject(s string) string {
	if strings.HasPrefix(s, "\x01") {
		s = s[1:]
		for i := range s {
			if i > 0 {
				return untilNUL(s[i:])
			}
		}
		return ""
	}
	return untilNUL(s)
}

func untilNUL(s string) string {
	if i := strings.IndexByte(s, 0); i >= 0 {
		return s[:i]
	}
	return s
}

func firstTime(times ...time.Time) time.Time {
	for _, t := range times {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// uid returns an identity that an item which is not mail has in every copy: the global object id of a meeting, else
// the search key that copies share, else a hash of what there is.
func (m *message) uid(kind formats.Kind) string {
	if kind == formats.KindEvent {
		for _, n := range [...]mapi.Name{mapi.PidLidCleanGlobalObjectId, mapi.PidLidGlobalObjectId} {
			if id := globalObjectUID(m.named(n, "global object id").Bytes()); id != "" {
				return id
			}
		}
	}
	return m.contentKey() + "@pst.invalid"
}

// globalObjectUID returns the UID in a global object id (MS-OXCICAL 2.1.3.1.1.20.26): the one that a foreign program
// gave, else the identifier in hexadecimal without the date of a single occurrence.
func globalObjectUID(b []byte) string {
	const (
		dateAt, dateEnd = 16, 20
		dataAt          = 40
		foreign         = "vCal-Uid\x01\x00\x00\x00"
	)
	if len(b) < dateEnd {
		return ""
	}
	if len(b) > dataAt+len(foreign) && string(b[dataAt:dataAt+len(foreign)]) == foreign {
		return untilNUL(string(b[dataAt+len(foreign):]))
	}
	id := append([]byte(nil), b...)
	clear(id[dateAt:dateEnd])
	return strings.ToUpper(hex.EncodeToString(id))
}

// contentKey returns 32 hex digits that are the same for every copy of the message: a hash of its search key, or, where
// it has none, of what it says and when.
func (m *message) contentKey() string {
	h := sha256.New()
	if key := m.value(mapi.PidTagSearchKey, "search key").Bytes(); !allZero(key) {
		h.Write(key)
	} else {
		var n [8]byte
		ft := uint64(0)
		if t := firstTime(m.submitted, m.time(mapi.PidTagMessageDeliveryTime), m.time(mapi.PidTagCreationTime)); !t.IsZero() {
			ft = mapi.ToFileTime(t)
		}
		for i := range n {
			n[i] = byte(ft >> (8 * i))
		}
		h.Write(n[:])
		for _, b := range [...][]byte{
			m.value(mapi.PidTagSenderSearchKey, "sender").Bytes(), []byte(m.class), []byte(m.subject),
			m.wide(m.value(mapi.PidTagBody, bodyPart)), m.wide(m.value(mapi.PidTagHtml, bodyPart)), m.value(mapi.PidTagRtfCompressed, bodyPart).Bytes(),
		} {
			h.Write(b)
			h.Write([]byte{0})
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// wide returns a string in UTF-16 without NULs at its end, and of another value its bytes: the same from a container that has
// its strings in 8 bits, or with a terminator, as from one that has neither.
func (m *message) wide(v mapi.Value) []byte {
	b := v.Bytes()
	switch v.Type {
	case mapi.String8:
		b = b[:0:0]
		for _, u := range utf16.Encode([]rune(v.Text(m.cp))) {
			b = binary.LittleEndian.AppendUint16(b, u)
		}
	case mapi.String:
		for n := len(b); n >= 2 && b[n-1] == 0 && b[n-2] == 0; n = len(b) {
			b = b[:n-2]
		}
	}
	return b
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
