package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"time"
)

// Dial connects, secures the connection, logs in once, and switches compression on. The errors are [TLSError],
// [AuthError], [LostError], [TimeoutError], [ProtocolError] and, where the server is busy, [ResponseError].
func Dial(ctx context.Context, opts Options) (*Conn, error) {
	if opts.Timeout <= 0 {
		opts.Timeout = DefaultTimeout
	}
	if opts.Credentials.Renew != nil {
		token, err := opts.Credentials.Renew(ctx)
		if err != nil {
			return nil, err
		}
		opts.Credentials.Token = token
	}
	raw, err := dial(ctx, &opts)
	if err != nil {
		return nil, err
	}
	c := newConn(raw, opts)
	c.secret = secrets(&opts.Credentials)
	stop := context.AfterFunc(ctx, func() { c.fail(&LostError{"connecting", context.Cause(ctx)}) })
	defer stop()
	if err := c.open(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// dial makes the network connection.
func dial(ctx context.Context, o *Options) (net.Conn, error) {
	timed, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	dial := o.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	raw, err := dial(timed, "tcp", o.Address)
	if err == nil {
		return raw, nil
	}
	if ctx.Err() == nil && timed.Err() != nil {
		return nil, &TimeoutError{"connecting to " + o.Address, o.Timeout}
	}
	return nil, &LostError{"connecting to " + o.Address, err}
}

// open goes through everything that comes before the first command of use.
func (c *Conn) open(ctx context.Context) error {
	if c.opts.Security == ImplicitTLS {
		if err := c.startTLS(ctx); err != nil {
			return err
		}
	}
	greeting, err := c.greeting()
	if err != nil {
		return err
	}
	if c.opts.Greeted != nil {
		c.opts.Greeted()
	}
	if !c.secure {
		if greeting.status == "PREAUTH" && !c.opts.Insecure {
			// STARTTLS is not possible any more (RFC 9051 11.1).
			return &TLSError{c.opts.Address, errors.New("the server logs everybody in without asking, over a connection without TLS")}
		}
		if greeting.status == "OK" {
			if err := c.secureOver(ctx); err != nil {
				return err
			}
		}
	}
	if greeting.status == "OK" {
		if err := c.login(ctx); err != nil {
			return err
		}
	}
	if len(c.caps.names) == 0 {
		if err := c.capability(ctx); err != nil {
			return err
		}
	}
	if c.opts.Compress && c.caps.Has("COMPRESS=DEFLATE") {
		if err := c.compress(ctx); err != nil {
			return err
		}
	}
	c.plus, c.minus = c.caps.Has("LITERAL+"), c.caps.Has("LITERAL-")
	// QUIRK: Cyrus hangs up on a literal above its limit unless it was asked.
	c.limit = plusLimit
	if n, ok := c.caps.AppendLimit(); ok {
		c.limit = min(c.limit, n)
	}
	c.utf8 = c.caps.Has("IMAP4REV2") && !c.caps.Has("IMAP4REV1")
	return nil
}

// greeting reads the server's first words (RFC 3501 7.1).
func (c *Conn) greeting() (response, error) {
	timer := time.AfterFunc(c.opts.Timeout, func() { c.fail(&TimeoutError{"greeting", c.opts.Timeout}) })
	defer timer.Stop()
	r, err := c.lines.next()
	if err != nil {
		err = c.fault("greeting", err)
		c.fail(err)
		return response{}, c.broken()
	}
	switch {
	case r.tag == "*" && (r.status == "OK" || r.status == "PREAUTH"):
		c.learn(r)
		return r, nil
	case r.tag == "*" && r.status == "BYE":
		return response{}, &LostError{"greeting", c.responseError("", r)}
	}
	return response{}, c.fault("greeting", &violation{"not the greeting of an IMAP server", r.tag + " " + r.status + r.name})
}

// secureOver switches to TLS, or makes sure that doing without is allowed.
func (c *Conn) secureOver(ctx context.Context) error {
	if c.opts.Security == StartTLS {
		if len(c.caps.names) == 0 {
			if err := c.capability(ctx); err != nil {
				return err
			}
		}
		if c.caps.Has("STARTTLS") {
			if _, err := c.do(ctx, "STARTTLS", "", nil); err != nil {
				if Lost(err) {
					return err
				}
				return &TLSError{c.opts.Address, err}
			}
			return c.startTLS(ctx)
		}
	}
	if !c.opts.Insecure {
		return &TLSError{c.opts.Address, ErrNoTLS}
	}
	return nil
}

// startTLS begins TLS. What the server sent before is forgotten: somebody else may have said it (RFC 9051 6.2.1).
func (c *Conn) startTLS(ctx context.Context) error {
	c.readers.Wait()
	if n := c.lines.br.Buffered(); n > 0 {
		c.log(ctx, "discarded what came before TLS", slog.Int("bytes", n))
	}
	c.caps = Caps{}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.opts.TLS != nil {
		config = c.opts.TLS.Clone()
	}
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(c.opts.Address)
		if err != nil {
			host = c.opts.Address
		}
		config.ServerName = strings.TrimSuffix(host, ".")
	}
	if c.opts.Insecure {
		config.InsecureSkipVerify = true
	}
	config.DynamicRecordSizingDisabled = true // what is written at once is large
	conn := tls.Client(c.base, config)
	timed, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	if err := conn.HandshakeContext(timed); err != nil {
		switch {
		case ctx.Err() != nil:
			return &LostError{"the TLS handshake", context.Cause(ctx)}
		case timed.Err() != nil, errors.Is(err, errStalled):
			return &TimeoutError{"the TLS handshake", c.opts.Timeout}
		case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
			return &LostError{"the TLS handshake", err}
		}
		var record tls.RecordHeaderError
		if errors.As(err, &record) {
			err = errors.New("the server does not speak TLS on this port")
		}
		return &TLSError{c.opts.Address, err}
	}
	c.secure = true
	c.over(conn)
	c.base.cork(true)
	state := conn.ConnectionState()
	c.log(ctx, "TLS", slog.String("version", tls.VersionName(state.Version)), slog.String("cipher", tls.CipherSuiteName(state.CipherSuite)))
	return nil
}

// capability asks what the server can do.
func (c *Conn) capability(ctx context.Context) error {
	r, err := c.do(ctx, "CAPABILITY", "", c.learn)
	c.learn(r)
	return err
}

// learn notes the capabilities that a response tells: each list replaces the one before.
func (c *Conn) learn(r response) {
	switch {
	case r.name == "CAPABILITY":
		c.caps = parseCaps(r.data)
	case r.code == "CAPABILITY":
		c.caps = parseCaps(r.args)
	}
}
