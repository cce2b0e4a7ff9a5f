package imaptest

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
)

// append reads an APPEND (RFC 3501 6.3.11, RFC 3502), which may hold several messages, and stores all of them or none.
func (c *conn) append(tag string) error {
	name, err := c.str()
	if err != nil {
		return err
	}
	var messages []Message
	answer := ""     // why nothing is stored
	var last *Fault  // what happens at the command's end
	handled := false // it has been answered already
	for {
		b, err := c.br.ReadByte()
		if err != nil {
			return err
		}
		if b == '\r' {
			continue
		}
		if b == '\n' {
			break
		}
		if b != ' ' {
			if err := c.br.UnreadByte(); err != nil {
				return err
			}
			return c.garbled(tag)
		}
		m, size, sync, err := c.announced()
		if err != nil {
			return c.garbled(tag)
		}
		f := c.s.due("APPEND")
		if answer == "" && !handled {
			answer = c.objection(name, m, size, messages)
		}
		if f != nil {
			switch {
			case f.At == End || f.At > size:
				last = f
			case f.At == 0 && f.Do == Refuse:
				if answer == "" {
					answer = f.Text
				}
			case f.At == 0:
				if handled, err = c.act(f, tag); err != nil {
					return err
				}
			}
		}
		if sync {
			if handled {
				return nil
			}
			if answer != "" {
				// The literal does not come now, and neither does the rest of the command.
				return c.say("%s %s", tag, answer)
			}
			if err := c.goOn(); err != nil {
				return err
			}
		}
		if m.Body, err = c.body(f, tag, size, &handled); err != nil {
			return err
		}
		messages = append(messages, m)
	}
	switch {
	case handled:
		return nil
	case last != nil && last.Do == Refuse:
		answer = last.Text
	case len(messages) == 0 && answer == "":
		answer = "BAD no message"
	}
	if answer != "" {
		return c.say("%s %s", tag, answer)
	}
	answer = c.store(name, messages)
	if handled, err = c.act(last, tag); handled || err != nil {
		return err
	}
	return c.say("%s %s", tag, answer)
}

// garbled answers a command that cannot be read and forgets the rest of the line.
func (c *conn) garbled(tag string) error {
	if _, err := c.br.ReadString('\n'); err != nil {
		return err
	}
	return c.say("%s BAD cannot read that", tag)
}

// announced reads what stands before a literal.
func (c *conn) announced() (m Message, size int64, sync bool, err error) {
	for {
		b, err := c.br.ReadByte()
		if err != nil {
			return m, 0, false, err
		}
		switch b {
		case ' ':
		case '(':
			flags, err := c.args()
			if err != nil {
				return m, 0, false, err
			}
			m.Flags = arg{list: flags}.strings()
		case '"':
			if err := c.br.UnreadByte(); err != nil {
				return m, 0, false, err
			}
			s, err := c.str()
			if err != nil {
				return m, 0, false, err
			}
			if m.Date, err = time.Parse(dateTime, s); err != nil {
				return m, 0, false, err
			}
		case '{':
			size, sync, err = c.literal()
			return m, size, sync, err
		default:
			return m, 0, false, fmt.Errorf("imaptest: %q in APPEND", b)
		}
	}
}

const dateTime = "_2-Jan-2006 15:04:05 -0700"

// objection returns why a message cannot be stored, or nothing.
func (c *conn) objection(name string, m Message, size int64, before []Message) string {
	s := c.s
	s.mu.Lock()
	defer s.mu.Unlock()
	o := &s.opts
	sum := s.used() + size
	for i := range before {
		sum += int64(len(before[i].Body))
	}
	switch {
	case !c.loggedIn:
		return "BAD not logged in"
	case s.find(name) == nil:
		return "NO [TRYCREATE] no such mailbox"
	case size == 0:
		return "NO empty message"
	case o.AppendLimit > 0 && size > o.AppendLimit:
		return "NO [TOOBIG] message too big"
	case o.Quota > 0 && sum > o.Quota && o.PlainQuota:
		return "NO Over quota"
	case o.Quota > 0 && sum > o.Quota:
		return "NO [OVERQUOTA] no room left"
	}
	for _, flag := range m.Flags {
		if !s.permits(flag) {
			return "NO [CANNOT] flag not permitted"
		}
	}
	return ""
}

// permits is called with mu held.
func (s *Server) permits(flag string) bool {
	if s.opts.PermanentFlags == nil {
		return !strings.EqualFold(flag, `\Recent`)
	}
	for _, permitted := range s.opts.PermanentFlags {
		if permitted == `\*` && !strings.HasPrefix(flag, `\`) || strings.EqualFold(flag, permitted) {
			return true
		}
	}
	return false
}

// body reads a literal, with what happens within.
func (c *conn) body(f *Fault, tag string, size int64, handled *bool) ([]byte, error) {
	if c.s.opts.Discard {
		_, err := c.br.Discard(int(size))
		return nil, err
	}
	var body bytes.Buffer
	body.Grow(int(min(size, 1<<20)))
	if f != nil && f.At > 0 && f.At <= size {
		if _, err := io.CopyN(&body, c.br, f.At); err != nil {
			return nil, err
		}
		text := *f
		if f.Do == Refuse {
			text.Do, text.Text = Send, tag+" "+f.Text+"\r\n"
		}
		done, err := c.act(&text, tag)
		if err != nil {
			return nil, err
		}
		*handled = *handled || done
	}
	_, err := io.CopyN(&body, c.br, size-int64(body.Len()))
	return body.Bytes(), err
}

// store stores messages and returns the answer.
func (c *conn) store(name string, messages []Message) string {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	box := c.s.find(name)
	if box == nil {
		return "NO [TRYCREATE] no such mailbox"
	}
	first := box.next
	for _, m := range messages {
		box.add(m)
	}
	if !c.s.offers("UIDPLUS") {
		return "OK APPEND completed"
	}
	set := itoa(int64(first))
	if len(messages) > 1 {
		set += ":" + itoa(int64(box.next-1))
	}
	return fmt.Sprintf("OK [APPENDUID %d %s] APPEND completed", box.validity, set)
}
