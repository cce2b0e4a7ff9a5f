package wire

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"
)

// mechanism is a way to log in.
type mechanism struct {
	name string
	// sasl are the messages of the SASL exchange (RFC 4422), one for each time the server asks; nil for the LOGIN
	// command. The last one of a token's mechanism acknowledges an error, see bearerError.
	sasl []string
}

// choose returns the one way in which a login is tried.
func (c *Conn) choose() (mechanism, error) {
	cred := &c.opts.Credentials
	none := func(text string) (mechanism, error) { return mechanism{}, &AuthError{User: cred.User, Text: text} }
	switch {
	case cred.Token != "" && c.caps.Has("AUTH=OAUTHBEARER"):
		return mechanism{"OAUTHBEARER", []string{c.oauthBearer(), "\x01"}}, nil
	case cred.Token != "" && c.caps.Has("AUTH=XOAUTH2"):
		if cred.ActAs != "" {
			return none("the server offers XOAUTH2 only, which knows no acting for somebody else")
		}
		return mechanism{"XOAUTH2", []string{"user=" + cred.User + "\x01auth=Bearer " + cred.Token + "\x01\x01", ""}}, nil
	case cred.Token != "":
		return none("the server takes no tokens (it offers neither OAUTHBEARER nor XOAUTH2); use a password")
	case c.caps.Has("AUTH=PLAIN"):
		if strings.Contains(cred.ActAs+cred.User+cred.Password, "\x00") {
			return none("user name and password must not contain NUL")
		}
		return mechanism{"PLAIN", []string{cred.ActAs + "\x00" + cred.User + "\x00" + cred.Password}}, nil
	case cred.ActAs != "":
		return none("the server does not offer PLAIN, without which nobody can act for somebody else")
	case !c.caps.Has("LOGINDISABLED"):
		if strings.Contains(cred.User+cred.Password, "\x00") {
			return none("user name and password must not contain NUL")
		}
		return mechanism{name: "LOGIN"}, nil
	case c.caps.Has("AUTH=LOGIN"):
		return mechanism{"LOGIN", []string{cred.User, cred.Password}}, nil
	case !c.secure:
		return none("the server takes no password over a connection without TLS")
	}
	return none("the server offers no way to log in with a password")
}

// oauthBearer is the first message of OAUTHBEARER (RFC 7628 3.1).
func (c *Conn) oauthBearer() string {
	authz := c.opts.Credentials.ActAs
	if authz == "" {
		authz = c.opts.Credentials.User
	}
	escape := strings.NewReplacer("=", "=3D", ",", "=2C") // RFC 5801 4
	s := "n,a=" + escape.Replace(authz) + ",\x01"
	if host, port, err := net.SplitHostPort(c.opts.Address); err == nil {
		s += "host=" + host + "\x01port=" + port + "\x01"
	}
	return s + "auth=Bearer " + c.opts.Credentials.Token + "\x01\x01"
}

// login logs in. It is tried once, in one way: every wrong password counts for the server.
func (c *Conn) login(ctx context.Context) error {
	if len(c.caps.names) == 0 {
		if err := c.capability(ctx); err != nil {
			return err
		}
	}
	m, err := c.choose()
	if err != nil {
		return err
	}
	if c.opts.Admit != nil {
		if err := c.opts.Admit(ctx); err != nil {
			return err
		}
	}
	c.log(ctx, "logging in", slog.String("mechanism", m.name), slog.Any("user", c.opts.Credentials))
	stop := time.AfterFunc(c.opts.Timeout, func() { c.fail(&TimeoutError{"the login", c.opts.Timeout}) })
	defer stop.Stop()
	c.caps, c.before = Caps{}, c.caps
	var cmd *command
	var said string
	c.writing.Lock()
	if m.sasl == nil {
		cmd, err = c.loginCommand()
	} else {
		cmd, said, err = c.authenticate(m)
	}
	c.writing.Unlock()
	if err != nil {
		return err
	}
	<-cmd.ended
	if cmd.err == nil {
		c.learn(cmd.answer)
		return nil
	}
	var refused *ResponseError
	if Lost(cmd.err) || !errors.As(cmd.err, &refused) {
		return cmd.err
	}
	if _, later := Throttled(refused); later {
		return refused // says nothing about the password
	}
	text := refused.Text
	if said != "" {
		text = strings.TrimSpace(text + " (" + said + ")")
	}
	return &AuthError{User: c.opts.Credentials.String(), Mechanism: m.name, Code: refused.Code, Text: text}
}

// loginCommand sends LOGIN (RFC 3501 6.2.3), with writing held.
func (c *Conn) loginCommand() (*command, error) {
	cmd, err := c.begin("LOGIN", nil)
	if err != nil {
		return nil, err
	}
	c.base.work(true)
	defer c.base.work(false)
	c.listen(cmd)
	line := []byte(cmd.tag + " LOGIN")
	for _, s := range []string{c.opts.Credentials.User, c.opts.Credentials.Password} {
		line = append(line, ' ')
		if quotable(s) {
			line = appendQuoted(line, s)
			continue
		}
		line = append(strconv.AppendInt(append(line, '{'), int64(len(s)), 10), "}\r\n"...)
		c.out.put(string(line))
		if _, ok, err := c.ask(cmd); err != nil || !ok {
			return c.sent(cmd, err)
		}
		line = append(line[:0], s...)
	}
	c.finish(cmd)
	c.out.put(string(line) + "\r\n")
	return c.sent(cmd, c.flush())
}

// authenticate goes through a SASL exchange (RFC 3501 6.2.2), with writing held. It returns what a server of tokens said
// about an error.
func (c *Conn) authenticate(m mechanism) (*command, string, error) {
	cmd, err := c.begin("AUTHENTICATE", nil)
	if err != nil {
		return nil, "", err
	}
	c.base.work(true)
	defer c.base.work(false)
	c.listen(cmd)
	c.finish(cmd) // the server may end the exchange at any time
	c.out.put(cmd.tag + " AUTHENTICATE " + m.name)
	steps := m.sasl
	// SASL LOGIN begins with the server's question.
	if c.before.Has("SASL-IR") && m.name != "LOGIN" {
		c.out.put(" " + encoded(steps[0], true))
		steps = steps[1:]
	}
	c.out.put("\r\n")
	said := ""
	for cancelled := false; ; {
		words, ok, err := c.ask(cmd)
		if err != nil || !ok {
			cmd, err = c.sent(cmd, err)
			return cmd, said, err
		}
		if c.opts.Credentials.Token != "" && len(steps) == 1 {
			said = c.bearerError(words)
		}
		if len(steps) == 0 {
			if cancelled {
				c.fail(&ProtocolError{"the login", "the server asks for ever more"})
				return nil, "", c.broken()
			}
			cancelled = true
			c.out.put("*\r\n") // the server wants more than there is
			continue
		}
		c.out.put(encoded(steps[0], false) + "\r\n")
		steps = steps[1:]
	}
}

// listen makes a command learn capabilities.
func (c *Conn) listen(cmd *command) {
	c.mu.Lock()
	cmd.data = c.learn
	c.mu.Unlock()
}

// encoded is a message of a SASL exchange; an empty initial one is "=" (RFC 4959 3).
func encoded(s string, initial bool) string {
	if s == "" && initial {
		return "="
	}
	return base64.StdEncoding.EncodeToString([]byte(s))
}

// bearerError reads what a server says about a token that it does not take: {"status":"401","schemes":"bearer"}
// (RFC 7628 3.2.2).
func (c *Conn) bearerError(words string) string {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(words))
	if err != nil {
		return ""
	}
	var said struct {
		Status any    `json:"status"`
		Scope  string `json:"scope"`
	}
	if json.Unmarshal(raw, &said) != nil {
		return ""
	}
	var parts []string
	if status, ok := said.Status.(string); ok {
		parts = append(parts, "status "+status)
	} else if status, ok := said.Status.(float64); ok {
		parts = append(parts, "status "+strconv.FormatFloat(status, 'f', -1, 64))
	}
	if said.Scope != "" {
		parts = append(parts, "scope "+said.Scope)
	}
	return printable(c.redact(strings.Join(parts, ", ")), maxText)
}

// leastSecret is how long something must be to be looked for in a server's words: shorter ones are in every sentence.
const leastSecret = 3

// secrets returns what must not be shown, in the forms in which it is sent, longest first.
func secrets(cred *Credentials) []string {
	var list []string
	for _, secret := range []string{cred.Token, cred.Password} {
		if len(secret) < leastSecret {
			continue
		}
		list = append(list,
			base64.StdEncoding.EncodeToString([]byte(secret)),
			base64.RawStdEncoding.EncodeToString([]byte(secret)),
			string(appendQuoted(nil, secret)),
			secret)
	}
	if cred.Password != "" {
		plain := encoded(cred.ActAs+"\x00"+cred.User+"\x00"+cred.Password, false)
		list = append([]string{plain, strings.TrimRight(plain, "=")}, list...)
	}
	return list
}
