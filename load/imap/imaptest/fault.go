package imaptest

import (
	"strings"
)

// Action is what a server does wrong.
type Action uint8

// The actions.
const (
	// Refuse answers with Text instead of doing it: "NO [TOOBIG] too big".
	Refuse Action = iota
	// Send does it, but sends Text, as it is, instead of the answer: "* BYE\r\n".
	Send
	// Flood sends Text over and over, without an end.
	Flood
	// Swallow does it, but does not answer.
	Swallow
	// Drop sends Text, as it is, and closes the connection: at the end of a command after having done it, otherwise
	// without.
	Drop
	// Stall neither reads nor writes any more, until [Server.Hangup] or the end of the test.
	Stall
	// Before sends Text, as it is, and then goes on as if nothing was.
	Before
)

// End is the place in a message where all of it, and its command, have come and been done.
const End = -1

// Fault is something that the server does wrong at a chosen moment.
type Fault struct {
	// Command is the command at which it happens: "LOGIN"; "GREETING" when a client connects. For APPEND messages are
	// counted, not commands.
	Command string
	// After is how many of them go well before.
	After int
	// Repeat lets it happen each time from then on; otherwise it happens once.
	Repeat bool
	// At is the place in a message, for APPEND: 0 when its literal is announced, n after so many bytes of it, End after
	// its command. Other commands know only 0, which is their end.
	At   int64
	Do   Action
	Text string
}

// armed is a fault that waits for its moment.
type armed struct {
	Fault
	left int
}

// Fault adds a fault.
func (s *Server) Fault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &armed{f, f.After})
}

// Heal removes all faults.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// due returns the fault whose moment has come, if there is one.
func (s *Server) due(command string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if !strings.EqualFold(f.Command, command) {
			continue
		}
		if f.left > 0 {
			f.left--
			continue
		}
		if !f.Repeat {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		}
		return &f.Fault
	}
	return nil
}

// act does what a fault says in place of an answer. It reports whether nothing else is to be said.
func (c *conn) act(f *Fault, tag string) (handled bool, err error) {
	if f == nil {
		return false, nil
	}
	switch f.Do {
	case Refuse:
		return true, c.say("%s %s", tag, f.Text)
	case Send:
		return true, c.send(f.Text)
	case Before:
		return false, c.send(f.Text)
	case Flood:
		block := strings.Repeat(f.Text, 1+4096/max(1, len(f.Text)))
		for {
			if err := c.send(block); err != nil {
				return true, err
			}
		}
	case Swallow:
		return true, nil
	case Drop:
		if err := c.send(f.Text); err != nil {
			return true, err
		}
		return true, errHangup
	case Stall:
		c.stall()
		return true, errHangup
	}
	return false, nil
}
