// Package msg reads Outlook's message files, .msg and .oft (MS-OXMSG): one message of any kind, a mail, a contact, an
// appointment, in a compound file.
//
//	m, err := msg.Read(f, size)
//	if errors.Is(err, msg.ErrNotMessage) {
//		// an Office document, or no compound file at all
//	}
//	subject, err := m.Lookup(mapi.PidTagSubject)
//
// A [Message] is a [mapi.Message], the view that messages in PST files and TNEF streams have. Values are read when they are
// asked for, and the data of attachments is streamed; nothing is held in memory but the file's directory.
//
// Reading is lenient. A property that cannot be read costs that property. What stands in the file and not in its lists is
// there all the same: programs that write such files err most in the lists.
package msg

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"mailmill/formats/internal/compound"
	"mailmill/formats/mapi"
)

// ErrNotMessage is returned for a file that is no compound file, or one that holds no message.
var ErrNotMessage = errors.New("not a message file")

// The names of what a message consists of (MS-OXMSG 2.1 to 2.4).
const (
	propertiesName   = "__properties_version1.0"
	namesName        = "__nameid_version1.0"
	valuePrefix      = "__substg1.0_"
	recipientPrefix  = "__recip_version1.0_#"
	attachmentPrefix = "__attach_version1.0_#"
)

// The lengths of what precedes the properties in their stream (MS-OXMSG 2.4.1).
const (
	headerTop      = 32
	headerEmbedded = 24
	headerOther    = 8
)

// Message is an opened message. It is safe for concurrent use, as everything that comes from it is.
type Message struct {
	object
	damage error
}

var _ mapi.Message = (*Message)(nil)

// Read opens the message in a file of size bytes, from which the message and all that comes from it read. It fails with
// [ErrNotMessage], or says what is wrong with the file.
func Read(r io.ReaderAt, size int64) (*Message, error) {
	root, err := compound.Read(r, size)
	if err != nil {
		if errors.Is(err, compound.ErrFormat) {
			return nil, fmt.Errorf("%w: %w", ErrNotMessage, err)
		}
		return nil, err
	}
	if !isMessage(root) {
		return nil, errors.Join(ErrNotMessage, root.Err)
	}
	names := readNames(root.Storage(namesName))
	m := newMessage(root, names, headerTop)
	if names.err != nil && m.hasNamed() {
		m.damage = errors.Join(m.damage, fmt.Errorf("the names of properties: %w", names.err))
	}
	return m, nil
}

// isMessage reports whether a storage is a message: it has properties.
func isMessage(s *compound.Storage) bool {
	if s.Stream(propertiesName) != nil {
		return true
	}
	return slices.ContainsFunc(s.Streams, func(s *compound.Stream) bool { return strings.HasPrefix(s.Name, valuePrefix) })
}

func newMessage(s *compound.Storage, names *names, header int64) *Message {
	return &Message{object: newObject(s, names, header), damage: s.Err}
}

// Damage says what is lost or doubtful of the message as a whole; nil for one that is whole.
func (m *Message) Damage() error { return errors.Join(m.damage, m.object.err) }

// Recipients implements [mapi.Message]. An error comes with all of them: it says that some may lack properties.
func (m *Message) Recipients() ([]mapi.Properties, error) {
	var list []mapi.Properties
	var errs []error
	for _, s := range numbered(m.storage, recipientPrefix) {
		o := newObject(s, m.names, headerOther)
		list, errs = append(list, &o), append(errs, o.err)
	}
	return list, errors.Join(errs...)
}

// Attachments implements [mapi.Message]. An error is as that of Recipients.
func (m *Message) Attachments() ([]mapi.Attachment, error) {
	var list []mapi.Attachment
	var errs []error
	for _, s := range numbered(m.storage, attachmentPrefix) {
		o := newObject(s, m.names, headerOther)
		list, errs = append(list, &attachment{o}), append(errs, o.err)
	}
	return list, errors.Join(errs...)
}

// numbered returns the storages with a name that begins with prefix and ends with a number in hexadecimal, in the order of
// the numbers.
func numbered(s *compound.Storage, prefix string) []*compound.Storage {
	type one struct {
		n       uint64
		storage *compound.Storage
	}
	var list []one
	for _, t := range s.Storages {
		if len(t.Name) < len(prefix) || !strings.EqualFold(t.Name[:len(prefix)], prefix) {
			continue
		}
		n, err := strconv.ParseUint(t.Name[len(prefix):], 16, 64)
		if err != nil {
			n = 1 << 32 // after all others
		}
		list = append(list, one{n, t})
	}
	slices.SortStableFunc(list, func(a, b one) int { return cmp.Compare(a.n, b.n) })
	out := make([]*compound.Storage, len(list))
	for i := range list {
		out[i] = list[i].storage
	}
	return out
}
