package wire

import (
	"context"
	"errors"

	"github.com/emersion/go-imap/v2/imapclient"
)

// Conn is a connection that is logged in. Its methods may be called by several goroutines; commands go out in the order
// in which they were called.
type Conn struct {
	opts Options
	caps Caps
}

// Pending are messages on their way.
type Pending struct{}

// Dial connects, secures the connection, logs in once, and switches compression on. The errors are [TLSError],
// [AuthError], [LostError], [TimeoutError], [ProtocolError] and [ResponseError] (the server is busy), or the context's.
func Dial(ctx context.Context, opts Options) (*Conn, error) { return nil, errors.ErrUnsupported }

// Caps returns what the server announced after the login.
func (c *Conn) Caps() Caps { return c.caps }

// Start writes messages to the connection and returns once they are written, while the answers may be outstanding: a
// next Start can follow at once, so that the connection never idles. [Pending.Wait] has to be called for each Start, in
// any order, by any goroutine.
//
// The mailbox is a name in UTF-8. Where the server offers MULTIAPPEND, small messages go out in groups of at most 50
// and 1 MB, each of which is stored as a whole or not at all; how large a batch is does not matter for that. Several
// commands are under way at once where the server takes literals without asking for each (LITERAL+, LITERAL- up to
// 4096 bytes); literals of more than 16 MB always wait until the server agrees. Where an earlier message of the batch is refused
// because there is no such mailbox or the server wants to be left alone, the rest is not sent.
//
// If the context ends, the connection is closed.
func (c *Conn) Start(ctx context.Context, mailbox string, batch []Message) *Pending { return nil }

// Wait waits for the answers. There is one result for each message, in order.
//
// A group that the server refused is sent again one by one, unless nothing could come of it, so that each message gets
// its own answer. The error is not nil if the connection is gone ([Lost]); the results tell the same, message by
// message.
func (p *Pending) Wait() ([]Appended, error) { return nil, nil }

// Client hands the connection over to go-imap, already logged in, with the server's capabilities known. The Conn must
// not be used any more, not even closed; nothing may be under way. Close the client instead.
//
// What go-imap lacks is added underneath: a command that gets no answer for [Options].Timeout ends with an error, as
// does a line, a literal or a nesting beyond all bounds; untagged responses that go-imap does not know, which would
// make it give up, are left out.
func (c *Conn) Client() (*imapclient.Client, error) { return nil, errors.ErrUnsupported }

// Noop asks for a sign of life.
func (c *Conn) Noop(ctx context.Context) error { return nil }

// Logout says goodbye and closes the connection.
func (c *Conn) Logout(ctx context.Context) error { return nil }

// Close closes the connection at once. What is under way ends with a [LostError].
func (c *Conn) Close() error { return nil }
