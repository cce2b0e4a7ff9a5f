// Package wire is one connection to an IMAP server, made for putting many messages there.
//
// [Dial] connects, secures the connection, logs in and switches compression on. What follows is one of two things:
//
//   - [Conn.Append] and [Conn.Start] store messages. Answers are read while messages are written, several commands are
//     under way at once, whole batches leave with one system call, and messages stream from where they are to the
//     server. For each message the caller learns what is known of it, whatever goes wrong: stored, refused in the
//     server's words, certainly not stored, or unknown.
//   - [Conn.Client] hands the connection to go-imap, for everything else: folders, flags, fetching.
//
// The server is not trusted. Lines, literals, the number of answers and every wait are bounded, so that a server that
// is broken or malicious costs an error. The errors of this package hold no secret, not even where a server sends one
// back.
//
// It implements the client's side of RFC 3501 and RFC 9051 as far as it is needed for this, with LITERAL+ and LITERAL-
// (RFC 7888), MULTIAPPEND (RFC 3502), UIDPLUS (RFC 4315), SASL-IR (RFC 4959) and COMPRESS (RFC 4978).
package wire

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"time"
)

// Security is how a connection gets secured.
type Security uint8

// The ways to secure a connection.
const (
	// ImplicitTLS speaks TLS from the first byte (RFC 8314): imaps.
	ImplicitTLS Security = iota
	// StartTLS switches to TLS by STARTTLS. A server that does not offer it is refused, unless [Options].Insecure.
	StartTLS
	// Plain never uses TLS. It needs [Options].Insecure.
	Plain
)

// DefaultTimeout is how long a server may keep silent where the options say nothing else.
const DefaultTimeout = 60 * time.Second

// Options say how to connect.
type Options struct {
	// Address is host:port. The host is also the name that the server's certificate has to be for, unless TLS names
	// another.
	Address  string
	Security Security
	// Insecure allows certificates that cannot be verified and passwords over connections without TLS.
	Insecure bool
	// TLS may be nil: the system's certificate authorities, TLS 1.2 or later.
	TLS         *tls.Config
	Credentials Credentials
	// Compress asks for COMPRESS=DEFLATE where the server offers it.
	Compress bool
	// Timeout bounds the connecting, the TLS handshake, each command, and how long nothing may move while something
	// is under way. A literal may take longer in all, as long as it moves. Zero means [DefaultTimeout].
	Timeout time.Duration
	// Greeted, if not nil, is called when the server has greeted: it takes this connection.
	Greeted func()
	// Admit, if not nil, is waited for before the login, once everything is ready for that. Its error is Dial's.
	Admit func(context.Context) error
	// Log, if not nil, is told at level debug what happens: no message, no secret.
	Log *slog.Logger
	// Dial, if not nil, is used instead of a [net.Dialer].
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Writer, if not nil, wraps what the connection writes to: for a limit of bandwidth. It sees the bytes as they go
	// onto the network and may take its time: as long as it does, the server is not blamed for keeping silent.
	Writer func(io.Writer) io.Writer
}

// Credentials are a user's. They print as nothing.
type Credentials struct {
	// User is the name to log in with. Dovecot's master users go in here too: "user*master".
	User string
	// ActAs is the authorisation identity of SASL PLAIN (RFC 4616), OAUTHBEARER's likewise: whose mailbox it is,
	// where User is somebody who may act for others.
	ActAs string
	// Password is for PLAIN and LOGIN.
	Password string
	// Token is for OAUTHBEARER (RFC 7628) and XOAUTH2. It wins over a password.
	Token string
	// Renew, which may be nil, is asked for the token before each login: tokens expire within an hour, and runs take
	// longer. It is called by several goroutines at once.
	Renew func(context.Context) (string, error)
}

// String tells nothing but the user.
func (c Credentials) String() string {
	if c.ActAs != "" {
		return c.User + " acting as " + c.ActAs
	}
	return c.User
}

// GoString is what %#v prints.
func (c Credentials) GoString() string { return "wire.Credentials{" + c.String() + "}" }

// LogValue is what logs show.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }
