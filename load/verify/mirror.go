package verify

import (
	"context"
	"io"
	"iter"
	"time"

	"mailmill/formats"
	"mailmill/load"
	"mailmill/load/compare"
)

// Mirror is a target seen from its reading side: an account on a server, or files. It changes nothing there.
//
// Encode may be called by several goroutines at once, Expect by one at a time and in the order in which the target
// would be written to. The other methods are called by one goroutine at a time, Fetch also while Objects is under way.
type Mirror interface {
	// Encode is that of the target.
	Encode(context.Context, *formats.Item) (load.Encoded, error)
	// Expect says what the target holds once the encoded item, with its final key, is written to it. It is false for
	// an item that the target does not take. An error says why the target would fail to take it.
	Expect(context.Context, load.Encoded) (Expectation, bool, error)
	// Places returns the mailboxes, collections or folders that the target has where the run writes: those that this run
	// does not write to, too.
	Places(context.Context) ([]string, error)
	// Objects yields what a place holds. One that is not there holds nothing. An error ends it, and the run. While they come,
	// nothing but Encode is called: there may be one connection.
	Objects(ctx context.Context, place string) iter.Seq2[*Object, error]
	// Fetch returns the body of an object once more.
	Fetch(ctx context.Context, place, id string) (io.ReadCloser, error)
	// Close ends connections and closes files.
	Close() error
}

// Form is what an object looks like, and what package compare reads it with.
type Form uint8

// The forms.
const (
	Mail     Form = iota // RFC 5322
	Calendar             // iCalendar, of any number of components
	Card                 // vCards, any number
	Text                 // a text without any structure
	File                 // bytes
)

// Expectation is what a target should hold of an item.
type Expectation struct {
	// Place is one of [Mirror.Places], or would be.
	Place string
	Form  Form
	// Flags and Keywords are those that the target keeps, in the target's words; case and order make no difference. Nil
	// is for a target that keeps none, or none that one could expect: they are not compared then.
	Flags, Keywords []string
	// Date is the internal date to the second; the zero time is not compared.
	Date time.Time
	// WriteTo writes the body.
	WriteTo func(io.Writer) error
	// Facts, where they are known already, are what the body of a mail says: whoever encodes mails on several processors
	// may find them out there (see [MailFacts]). WriteTo is not called then.
	Facts compare.Facts
	// Name identifies a body of form [Text] or [File], which tells nothing of itself: its object's ID.
	Name string
	// Once says that the same item from another source is not stored once more: it counts as a duplicate.
	Once bool
	// Copy says that an equal item came before, which stands for this one too: it counts as a duplicate, and nothing else of
	// the expectation matters.
	Copy bool
	// Or are the bodies that the target has instead where the one before is not there: an occurrence without its series is an
	// event with a UID of its own.
	Or []func(io.Writer) error
	// Also is what the target holds beside that of the item: its attachments, its task for follow-up. It has no Or.
	Also []Expectation
}

// Object is what a target holds under one name.
type Object struct {
	// ID names the object in its place: a UID, the name of a resource, the path of a file.
	ID              string
	Flags, Keywords []string
	// Date is the internal date; the zero time is none.
	Date time.Time
	Size int64 // of the body as it is stored; 0 is unknown
	Form Form
	// Ours says that mailmill is known to have written the object.
	Ours bool
	// Body is valid until the next object is asked for. It need not be read.
	Body io.Reader
}
