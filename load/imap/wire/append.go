package wire

import (
	"context"
	"io"
	"time"
)

// Message is a message to append.
type Message struct {
	// Flags are system flags and keywords. The server has to permit them: most refuse the message otherwise.
	Flags []string
	// Date is the INTERNALDATE. Zero leaves it to the server.
	Date time.Time
	// Size is how many bytes the body has. An empty message cannot be appended (RFC 3502 6.3.11).
	Size int64
	// WriteTo writes the body: exactly Size bytes, lines ending in CRLF, no NUL. It may be called twice: where a server
	// refuses several messages together, each is tried alone. The writer it is given is good at small writes.
	//
	// A body that fails or has another size is an error of this message. If part of it is on its way already, the
	// connection is dropped with it.
	WriteTo func(io.Writer) error
}

// State is what is known of a message.
type State uint8

// The states.
const (
	// NotSent: certainly not stored; Err says why.
	NotSent State = iota
	// Accepted: the server said that it has the message.
	Accepted
	// Refused: the server said that it has not; Err holds its words, in most cases a [ResponseError].
	Refused
	// Unknown: the connection ended before the server said anything, but after it may have got the message.
	// Look for the message before sending it again, once the server is through with what it had received.
	Unknown
)

func (s State) String() string {
	return [...]string{"not sent", "accepted", "refused", "unknown"}[s]
}

// Appended is what became of a message.
type Appended struct {
	State State
	// UIDValidity and UID tell where an accepted message is. They are 0 where the server does not say (RFC 4315).
	UIDValidity, UID uint32
	// Err is nil for accepted messages only.
	Err error
}

// Append stores messages in a mailbox and waits for the answers: [Conn.Start] and [Pending.Wait].
func (c *Conn) Append(ctx context.Context, mailbox string, batch []Message) ([]Appended, error) {
	return c.Start(ctx, mailbox, batch).Wait()
}
