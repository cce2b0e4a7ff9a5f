// Package mapi has what Outlook's file formats share: properties and their types, tags and names, and the binary
// structures that properties hold.
//
// Everything that Outlook stores is a bag of [Properties]: a message, a recipient, an attachment, a folder. A property
// is found by its [ID] or, where a program made up a name for it, by its [Name]; its [Value] is the stored bytes with a
// [Type], decoded when asked for. The readers of PST, MSG and TNEF files implement [Message] and [Attachment]; what
// the properties mean is not told here but in package extract/outlook.
package mapi

import (
	"errors"
	"io"
	"iter"
)

// Properties is a set of properties. It is read by one goroutine at a time.
type Properties interface {
	// Lookup returns the property with the identifier, whatever its type; a Value of type [Unspecified] where there
	// is none. An error says that there is one that cannot be read, or only in part: the Value is what was read.
	Lookup(ID) (Value, error)
	// LookupName is Lookup for a property that has a name instead of a fixed identifier.
	LookupName(Name) (Value, error)
	// All yields every property, in order of identifier. Name is nil for those that have a fixed identifier. Values
	// that cannot be read are yielded as far as they go, with an error.
	All() iter.Seq2[Property, error]
}

// NamedProperties is implemented by [Properties] that can tell those with names from the others without reading the
// others, among which the bodies are.
type NamedProperties interface {
	// AllNamed yields what All yields of the properties with an identifier that stands for a name; see [ID.IsNamed].
	AllNamed() iter.Seq2[Property, error]
}

// Property is one property of a set.
type Property struct {
	ID    ID
	Name  *Name
	Value Value
}

// Message is a message object: a mail, an appointment, a contact and everything else that a folder holds.
type Message interface {
	Properties
	// Recipients returns the rows of the recipient table in its order. An error says what was lost; the rows
	// returned with it are whole.
	Recipients() ([]Properties, error)
	// Attachments returns the attachments in the order of their table, with the same rule for errors.
	Attachments() ([]Attachment, error)
}

// Attachment is an attachment object. Its properties are those of the object itself, with the columns of the
// attachment table standing in for what it lacks.
type Attachment interface {
	Properties
	// Open streams the attachment's data: PidTagAttachDataBinary or, for an OLE object, the compound file in
	// PidTagAttachDataObject. It returns [ErrNoData] where the attachment has none.
	Open() (io.ReadCloser, error)
	// DataSize returns the number of bytes that Open will yield as far as the tables know it, else -1.
	DataSize() int64
	// Embedded returns the message in an attachment of method 5, [ErrNoData] where there is none.
	Embedded() (Message, error)
}

// ErrNoData is returned where an attachment has no data of the kind asked for.
var ErrNoData = errors.New("the attachment has no data")
