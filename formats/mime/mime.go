// Package mime turns the mail of package formats into a message as RFC 5322 and MIME have it, and reads the parts of
// messages that are needed to make such a mail: header fields, address lists, encoded words, parameters.
//
// What it writes is strict: 7-bit, lines of at most 998 octets, CRLF line ends, every value free of control
// characters, so that nothing in an archive can add a header field. The only exceptions are what the model says is to
// be written as it is: [formats.TransferVerbatim] and [formats.Part.Entity]. What it writes is also exact: decoding it
// gives the content's bytes, to the last line end. Content is text, and its line ends become CRLF, only where a part is
// a body: of a text type, without a file name, not an attachment, and left to [formats.TransferAuto]. Everything else is
// bytes.
//
//	enc := mime.NewEncoder() // one per worker: it keeps its buffers
//	err := enc.Encode(w, item.Mail)
//	var incomplete *mime.ContentError
//	if errors.As(err, &incomplete) {
//		// The message is whole and well-formed, but some content could not be read: incomplete.Damage.
//	}
//
// A mail that came in bytes is another matter: [Read] reads its header, [formats.Mail.Parse] finds its parts, and it leaves
// as it came, whatever is wrong with it, but for what a step has changed: see [formats.Original].
//
// What it reads is hostile. The parsers never fail: they return what can be made out, in bounded time and memory.
//
// The output depends on the mail alone. Boundaries are hashes of the Message-ID and of the part's place.
package mime

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"

	"mailmill/formats"
)

// ContentError says which content could not be read to its end. The message was written all the same: what had been
// read of a part stands there, and a text part after it says what is missing, wherever the message's structure has
// room for one.
type ContentError struct {
	Damage []formats.Damage
}

func (e *ContentError) Error() string {
	if len(e.Damage) == 1 {
		return e.Damage[0].String()
	}
	all := make([]string, len(e.Damage))
	for i, d := range e.Damage {
		all[i] = d.String()
	}
	return strconv.Itoa(len(all)) + " parts cannot be read: " + strings.Join(all, "; ")
}

// Unwrap returns the reason of each part.
func (e *ContentError) Unwrap() []error {
	errs := make([]error, len(e.Damage))
	for i, d := range e.Damage {
		errs[i] = d.Err
	}
	return errs
}

// LoseContent adds to an item's damage what a [ContentError] says was lost of its mail. It returns other errors as they
// are.
func LoseContent(it *formats.Item, err error) error {
	var incomplete *ContentError
	if !errors.As(err, &incomplete) {
		return err
	}
	for _, d := range incomplete.Damage {
		it.Lose(d)
	}
	return nil
}

// errDepth is the damage of what lies deeper than maxDepth.
var errDepth = errors.New("it is nested too deep")

var encoders = sync.Pool{New: func() any { return NewEncoder() }}

// Write writes the mail to w as [Encoder.Encode] does, with an encoder from a pool.
func Write(w io.Writer, m *formats.Mail) error {
	e := encoders.Get().(*Encoder)
	defer encoders.Put(e)
	return e.Encode(w, m)
}
