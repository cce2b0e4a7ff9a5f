package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ResponseError is a command that the server refused.
type ResponseError struct {
	Command string // its name: "APPEND"
	Status  string // NO or BAD; BYE where the server ended the connection
	Code    string // response code in upper case, without its arguments: "OVERQUOTA"; empty where there is none
	Text    string // the server's words
}

func (e *ResponseError) Error() string {
	var b strings.Builder
	b.WriteString("the server refused ")
	b.WriteString(e.Command)
	if e.Status == "BYE" {
		b.Reset()
		b.WriteString("the server ended the connection")
	}
	b.WriteString(": ")
	b.WriteString(e.Status)
	if e.Code != "" {
		b.WriteString(" [" + e.Code + "]")
	}
	if e.Text != "" {
		b.WriteString(" " + e.Text)
	}
	return b.String()
}

// AuthError is a login that the server refused. It was tried once. Trying again with the same credentials may lock the
// account.
type AuthError struct {
	User      string
	Mechanism string // PLAIN, LOGIN, OAUTHBEARER, XOAUTH2; empty where none fits
	Code      string // as in ResponseError
	Text      string // the server's words, or why no login was tried
}

func (e *AuthError) Error() string {
	if e.Mechanism == "" {
		return fmt.Sprintf("cannot log in as %s: %s", e.User, e.Text)
	}
	text := e.Text
	if e.Code != "" {
		text = "[" + e.Code + "] " + text
	}
	return fmt.Sprintf("the server refused to log in %s by %s: %s", e.User, e.Mechanism, text)
}

// TLSError is a connection that could not be secured. Nothing secret was sent over it.
type TLSError struct {
	Address string
	Err     error
}

func (e *TLSError) Error() string {
	return fmt.Sprintf("no secure connection to %s: %v", e.Address, e.Err)
}

// Unwrap returns the cause.
func (e *TLSError) Unwrap() error { return e.Err }

// ErrNoTLS is what a [TLSError] holds where the server has no TLS to offer, or none was wanted, and
// [Options].Insecure is not set.
var ErrNoTLS = errors.New("the server does not offer TLS, and a password must not go over a connection that everybody can read")

// ProtocolError is an answer that no IMAP server may give, or one beyond all bounds. The connection is gone.
type ProtocolError struct {
	Doing string // what was under way: "APPEND"
	What  string // what is wrong
}

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("the server broke the protocol during %s: %s", e.Doing, e.What)
}

// TimeoutError is a server that kept silent or did not take what it was sent. The connection is gone.
type TimeoutError struct {
	Doing string
	After time.Duration
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("the server did not move for %s during %s", e.After, e.Doing)
}

// Timeout marks it as one for [net.Error].
func (e *TimeoutError) Timeout() bool { return true }

// Temporary is there for [net.Error].
func (e *TimeoutError) Temporary() bool { return true }

// LostError is a connection that could not be made, or that ended: by the network, by the server, or because it was
// closed here. Where the server said why, Err is a [ResponseError] of status BYE.
type LostError struct {
	Doing string // what was under way: "connecting", "APPEND"
	Err   error
}

func (e *LostError) Error() string {
	return fmt.Sprintf("the connection was lost during %s: %v", e.Doing, e.Err)
}

// Unwrap returns the cause.
func (e *LostError) Unwrap() error { return e.Err }

// BodyError is a message whose body could not be read, or was not as long as its size says. It was not stored. As there
// is no other way to take a begun literal back, it costs the connection.
type BodyError struct {
	Err error
}

func (e *BodyError) Error() string { return fmt.Sprintf("message body: %v", e.Err) }

// Unwrap returns the cause.
func (e *BodyError) Unwrap() error { return e.Err }

// Lost reports whether an error says that the connection is gone, so that the same is worth trying over another one.
func Lost(err error) bool {
	var lost *LostError
	var timeout *TimeoutError
	var protocol *ProtocolError
	return errors.As(err, &lost) || errors.As(err, &timeout) || errors.As(err, &protocol)
}

// words returns the code and the lower-case text of what the server said.
func words(err error) (code, text string, ok bool) {
	var r *ResponseError
	if errors.As(err, &r) {
		return r.Code, strings.ToLower(r.Text), true
	}
	return "", "", false
}

// TryCreate reports whether the mailbox is not there but could be made (RFC 3501 7.1).
func TryCreate(err error) bool {
	code, _, _ := words(err)
	return code == "TRYCREATE"
}

// OverQuota reports whether there is no room left for the message (RFC 9208 5.1).
func OverQuota(err error) bool {
	code, text, ok := words(err)
	if !ok || bandwidth(text) {
		return false
	}
	// QUIRK: Cyrus says "Over quota" without a code.
	return code == "OVERQUOTA" || code == "" && (strings.Contains(text, "over quota") || strings.Contains(text, "quota exceeded"))
}

// TooBig reports whether the server takes no message of this size (RFC 7889 4).
func TooBig(err error) bool {
	code, text, ok := words(err)
	if !ok {
		return false
	}
	if code == "TOOBIG" {
		return true
	}
	return (code == "" || code == "LIMIT" || code == "CANNOT") &&
		(strings.Contains(text, "too large") || strings.Contains(text, "too big") || strings.Contains(text, "exceeds maximum") ||
			strings.Contains(text, "maximum message size") || strings.Contains(text, "maximum size")) // QUIRK: Dovecot, with LIMIT
}

// Throttled reports whether the server asks to come again later, and after how long where it says so; zero where it
// does not.
func Throttled(err error) (time.Duration, bool) {
	code, text, ok := words(err)
	if !ok || TooBig(err) {
		return 0, false
	}
	if d, ok := suggested(text); ok {
		return d, true
	}
	switch code {
	case "LIMIT", "INUSE", "UNAVAILABLE", "SERVERBUG": // RFC 5530 3
		return 0, true
	}
	return 0, bandwidth(text) || strings.Contains(text, "throttled") || strings.Contains(text, "too many") && strings.Contains(text, "connections")
}

// bandwidth recognises Gmail's limit.
//
// QUIRK: Gmail sends it with the code OVERQUOTA, although the mailbox is not full.
func bandwidth(text string) bool {
	return strings.Contains(text, "exceeded command or bandwidth limits")
}

// maxSuggested bounds what a server can make us wait for.
const maxSuggested = time.Hour

// suggested finds Exchange's "Suggested Backoff Time: 1234 milliseconds".
func suggested(text string) (time.Duration, bool) {
	_, after, ok := strings.Cut(text, "suggested backoff time:")
	if !ok {
		return 0, false
	}
	number, unit, _ := strings.Cut(strings.TrimSpace(after), " ")
	if !strings.HasPrefix(unit, "millisecond") {
		return 0, true
	}
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return 0, true
	}
	return min(time.Duration(n)*time.Millisecond, maxSuggested), true
}
