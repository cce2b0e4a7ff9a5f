package imaptest

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/flate"
)

// conn is a client's connection, and the goroutine that serves it.
type conn struct {
	s        *Server
	raw      net.Conn
	ended    chan struct{} // closed by hangup
	once     sync.Once
	br       *bufio.Reader
	bw       *bufio.Writer
	flush    func() error
	secure   bool
	loggedIn bool
	selected *mailbox
	readOnly bool
}

func (s *Server) serve(raw net.Conn) {
	c := &conn{s: s, raw: raw, ended: make(chan struct{})}
	s.network.Lock()
	defer s.network.Unlock()
	if s.listener == nil {
		raw.Close()
		return
	}
	s.conns[c] = struct{}{}
	s.accepts++
	s.working.Go(func() {
		_ = c.run() // the client notices
		raw.Close()
		s.network.Lock()
		delete(s.conns, c)
		s.network.Unlock()
	})
}

// hangup closes the connection.
func (c *conn) hangup() {
	c.once.Do(func() { close(c.ended) })
	c.raw.Close()
}

// over makes rw what the connection speaks over.
func (c *conn) over(rw io.ReadWriter) {
	c.br, c.bw = bufio.NewReaderSize(polite{rw, c}, 64<<10), bufio.NewWriterSize(rw, 64<<10)
	c.flush = c.bw.Flush
}

// polite sends the answers before it waits for more: those to commands that came together leave together.
type polite struct {
	r io.Reader
	c *conn
}

func (p polite) Read(b []byte) (int, error) {
	if p.c.bw.Buffered() > 0 {
		if err := p.c.flush(); err != nil {
			return 0, err
		}
	}
	return p.r.Read(b)
}

func (c *conn) run() error {
	c.over(c.raw)
	if c.s.opts.TLS {
		if err := c.startTLS(); err != nil {
			return err
		}
	}
	handled, err := c.act(c.s.due("GREETING"), "*")
	if err == nil && !handled {
		err = c.say("* OK [CAPABILITY %s] imaptest ready", c.s.caps(c.secure, false))
	}
	for err == nil {
		err = c.command()
	}
	if errors.Is(err, errHangup) {
		return c.flush()
	}
	return err
}

func (c *conn) startTLS() error {
	conn := tls.Server(c.raw, c.s.tlsConf)
	if err := conn.Handshake(); err != nil {
		return err
	}
	c.secure = true
	c.over(conn)
	return nil
}

// say sends a line.
func (c *conn) say(format string, args ...any) error {
	_, err := fmt.Fprintf(c.bw, format+"\r\n", args...)
	return err
}

// send sends text as it is, at once.
func (c *conn) send(text string) error {
	if _, err := c.bw.WriteString(text); err != nil {
		return err
	}
	return c.flush()
}

// stall waits until the server hangs up, without taking anything from the client.
func (c *conn) stall() {
	if c.flush() == nil {
		<-c.ended
	}
}

// arg is an argument of a command: a string, or a list.
type arg struct {
	s    string
	list []arg
	is   bool // a list
}

func (a arg) strings() []string {
	var list []string
	for _, b := range a.list {
		list = append(list, b.s)
	}
	return list
}

// args reads arguments up to the end of the command.
func (c *conn) args() ([]arg, error) {
	var list []arg
	for {
		b, err := c.br.ReadByte()
		if err != nil {
			return nil, err
		}
		switch b {
		case '\r', ' ':
			continue
		case '\n', ')':
			return list, nil
		case '(':
			inner, err := c.args()
			if err != nil {
				return nil, err
			}
			list = append(list, arg{list: inner, is: true})
			continue
		}
		if err := c.br.UnreadByte(); err != nil {
			return nil, err
		}
		s, err := c.str()
		if err != nil {
			return nil, err
		}
		list = append(list, arg{s: s})
	}
}

// str reads a string: an atom, a quoted string, or a literal.
func (c *conn) str() (string, error) {
	b, err := c.br.ReadByte()
	if err != nil {
		return "", err
	}
	var s []byte
	switch b {
	case '"':
		for {
			if b, err = c.br.ReadByte(); err != nil {
				return "", err
			}
			if b == '"' {
				return string(s), nil
			}
			if b == '\\' {
				if b, err = c.br.ReadByte(); err != nil {
					return "", err
				}
			}
			s = append(s, b)
		}
	case '{':
		n, sync, err := c.literal()
		if err != nil {
			return "", err
		}
		if sync {
			if err := c.goOn(); err != nil {
				return "", err
			}
		}
		s = make([]byte, n)
		_, err = io.ReadFull(c.br, s)
		return string(s), err
	}
	brackets := 0 // BODY.PEEK[HEADER.FIELDS (DATE)]
	for ; ; b, err = c.br.ReadByte() {
		if err != nil {
			return "", err
		}
		switch {
		case b == '[':
			brackets++
		case b == ']':
			brackets--
		case b == '\r', b == '\n', brackets == 0 && (b == ' ' || b == '(' || b == ')'):
			return string(s), c.br.UnreadByte()
		}
		s = append(s, b)
	}
}

// literal reads the rest of {n}CRLF.
func (c *conn) literal() (n int64, sync bool, err error) {
	line, err := c.br.ReadString('\n')
	if err != nil {
		return 0, false, err
	}
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\r\n"), "}")
	digits, plus := strings.CutSuffix(line, "+")
	n, err = strconv.ParseInt(digits, 10, 63)
	return n, !plus, err
}

func (c *conn) goOn() error {
	if err := c.say("+ go on"); err != nil {
		return err
	}
	return c.flush()
}

// atom reads up to a blank, which it takes, or the end of the line, which it leaves.
func (c *conn) atom() (string, error) {
	var s []byte
	for {
		b, err := c.br.ReadByte()
		if err != nil {
			return "", err
		}
		switch b {
		case ' ':
			return string(s), nil
		case '\r':
			continue
		case '\n':
			return string(s), c.br.UnreadByte()
		}
		s = append(s, b)
	}
}

// secretive commands are noted without their arguments.
var secretive = []string{"LOGIN", "AUTHENTICATE", "APPEND"}

// command reads a command, does it and answers it.
func (c *conn) command() error {
	tag, err := c.atom()
	if err != nil {
		return err
	}
	name, err := c.atom()
	if err != nil {
		return err
	}
	name = strings.ToUpper(name)
	if name == "APPEND" {
		c.note(name, nil)
		return c.append(tag)
	}
	args, err := c.args()
	if err != nil {
		return err
	}
	if name == "UID" && len(args) > 0 {
		name += " " + strings.ToUpper(args[0].s)
		args = args[1:]
	}
	if slices.Contains(secretive, name) {
		c.note(name, nil)
	} else {
		c.note(name, args)
	}
	f := c.s.due(name)
	if f != nil && f.Do == Refuse {
		_, err := c.act(f, tag)
		return err
	}
	answer, err := c.do(name, args)
	if err != nil {
		return err
	}
	if handled, err := c.act(f, tag); handled || err != nil {
		return err
	}
	if err := c.say("%s %s", tag, answer); err != nil {
		return err
	}
	return c.after(name, answer)
}

func (c *conn) note(name string, args []arg) {
	var b strings.Builder
	b.WriteString(name)
	spell(&b, args)
	c.s.mu.Lock()
	c.s.commands = append(c.s.commands, b.String())
	c.s.mu.Unlock()
}

func spell(b *strings.Builder, args []arg) {
	for _, a := range args {
		b.WriteByte(' ')
		if !a.is {
			b.WriteString(a.s)
			continue
		}
		b.WriteByte('(')
		spell(b, a.list)
		b.WriteByte(')')
	}
}

// after does what follows an answer.
func (c *conn) after(name, answer string) error {
	if !strings.HasPrefix(answer, "OK") {
		return nil
	}
	switch name {
	case "LOGOUT":
		return errHangup
	case "STARTTLS":
		if err := c.flush(); err != nil {
			return err
		}
		return c.startTLS()
	case "COMPRESS":
		if err := c.flush(); err != nil {
			return err
		}
		plain := c.bw
		w, err := flate.NewWriter(plain, flate.BestSpeed)
		if err != nil {
			return err
		}
		c.br, c.bw = bufio.NewReaderSize(flate.NewReader(c.br), 64<<10), bufio.NewWriter(w)
		c.flush = func() error {
			return errors.Join(c.bw.Flush(), w.Flush(), plain.Flush())
		}
	}
	return nil
}

// login checks what a client presents.
func (c *conn) login(args []arg) string {
	if len(args) != 2 {
		return "BAD LOGIN takes two arguments"
	}
	if c.s.opts.LoginDisabled {
		return "NO [PRIVACYREQUIRED] not here"
	}
	return c.admit(args[0].s == c.s.opts.User && args[1].s == c.s.opts.Password)
}

func (c *conn) admit(ok bool) string {
	c.s.mu.Lock()
	c.s.logins++
	c.s.mu.Unlock()
	if !ok {
		return "NO [AUTHENTICATIONFAILED] Authentication failed."
	}
	c.loggedIn = true
	return "OK [CAPABILITY " + c.s.caps(c.secure, true) + "] Logged in"
}

// authenticate goes through a SASL exchange.
func (c *conn) authenticate(args []arg) (string, error) {
	if len(args) == 0 {
		return "BAD AUTHENTICATE takes an argument", nil
	}
	mechanism := strings.ToUpper(args[0].s)
	if !slices.Contains(c.s.opts.Mechanisms, mechanism) {
		return "NO unknown mechanism", nil
	}
	var initial *string
	if len(args) > 1 {
		initial = &args[1].s
	}
	ask := func(question string) (string, error) {
		if initial != nil {
			s := strings.Replace(*initial, "=", "", btoi(*initial == "="))
			initial = nil
			return unbase(s), nil
		}
		if err := c.send("+ " + base64.StdEncoding.EncodeToString([]byte(question)) + "\r\n"); err != nil {
			return "", err
		}
		line, err := c.br.ReadString('\n')
		return unbase(strings.TrimRight(line, "\r\n")), err
	}
	o := &c.s.opts
	switch mechanism {
	case "PLAIN":
		s, err := ask("")
		parts := strings.Split(s, "\x00")
		return c.admit(len(parts) == 3 && (parts[0] == "" || parts[0] == o.User) && parts[2] == o.Password), err
	case "LOGIN":
		user, err := ask("User Name\x00")
		if err != nil {
			return "", err
		}
		password, err := ask("Password\x00")
		return c.admit(user == o.User && password == o.Password), err
	}
	s, err := ask("")
	if err != nil {
		return "", err
	}
	ok := strings.Contains(s, "\x01auth=Bearer "+o.Token+"\x01\x01") && strings.Contains(s, o.User)
	if !ok {
		// RFC 7628 3.2.3: the error comes as a question, which the client answers before the NO.
		if _, err := ask(`{"status":"401","schemes":"bearer","scope":"mail"}`); err != nil {
			return "", err
		}
	}
	return c.admit(ok), nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func unbase(s string) string {
	raw, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return ""
	}
	return string(raw)
}
