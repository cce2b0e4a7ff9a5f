package client

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is an answer that refuses what was asked.
type Error struct {
	Method, Href string
	Status       int
	// Condition is the local name of the precondition that the answer names in its DAV:error element (RFC 4918 16), such
	// as no-uid-conflict; empty where it names none.
	Condition string
	// Other is the href within the condition: the resource that has the UID already.
	Other string
	// Text has the server's words, printable, at most 300 characters; it may be empty.
	Text string
	// RetryAfter is the time that the server asks to wait, at most an hour; 0 where it names none.
	RetryAfter time.Duration

	// create and match are what the request was conditional upon, for the meaning of 412.
	create, match bool
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: the server answers %d", e.Method, e.Href, e.Status)
	if text := http.StatusText(e.Status); text != "" {
		b.WriteString(" " + text)
	}
	if e.Condition != "" {
		b.WriteString(" (" + e.Condition + ")")
	}
	if e.Text != "" {
		b.WriteString(": " + e.Text)
	}
	return b.String()
}

// AuthError says that the server does not take the credentials, or that they must not be sent.
type AuthError struct {
	Host string
	Why  string
}

func (e *AuthError) Error() string { return "logging in to " + e.Host + ": " + e.Why }

// TLSError says that a server could not prove who it is, or that no secure connection came about.
type TLSError struct {
	Host string
	Err  error
}

func (e *TLSError) Error() string {
	return fmt.Sprintf("no secure connection to %s: %v", e.Host, e.Err)
}

func (e *TLSError) Unwrap() error { return e.Err }

// LostError says that no answer came.
type LostError struct {
	Method, Href string
	// Sent says that the request had left this machine, so that it may have taken effect.
	Sent bool
	Err  error

	// stale says that the connection had been used before: the server may have given it up.
	stale bool
}

func (e *LostError) Error() string {
	if e.Sent {
		return fmt.Sprintf("%s %s: no answer: %v", e.Method, e.Href, e.Err)
	}
	return fmt.Sprintf("%s %s: not sent: %v", e.Method, e.Href, e.Err)
}

func (e *LostError) Unwrap() error { return e.Err }

// TimeoutError says that a step of a request took too long.
type TimeoutError struct {
	After time.Duration
}

func (e *TimeoutError) Error() string { return fmt.Sprintf("nothing moved for %v", e.After) }

// Timeout makes it a net.Error's equal for those who ask.
func (e *TimeoutError) Timeout() bool { return true }

// ProtocolError says that an answer makes no sense or breaks a bound.
type ProtocolError struct {
	Method, Href string
	Err          error
}

func (e *ProtocolError) Error() string {
	return fmt.Sprintf("%s %s: the answer cannot be understood: %v", e.Method, e.Href, e.Err)
}

func (e *ProtocolError) Unwrap() error { return e.Err }

// ExistsError says that there is something already where a collection was to be made.
type ExistsError struct {
	// Collection is what is there. Its Kind is 0 where it is something else.
	Collection Collection
}

func (e *ExistsError) Error() string { return e.Collection.Href + " exists already" }

// Unsent reports that nothing of a request left this machine: it can be repeated, with a pause.
func Unsent(err error) bool {
	var e *LostError
	return errors.As(err, &e) && !e.Sent
}

// Unknown reports that a request was sent and that nothing can be concluded from what came back.
func Unknown(err error) bool {
	var lost *LostError
	if errors.As(err, &lost) {
		return lost.Sent
	}
	var nonsense *ProtocolError
	if errors.As(err, &nonsense) {
		return true
	}
	// A gateway speaks for a server whose answer it did not get.
	e, ok := refusal(err)
	return ok && (e.Status == http.StatusBadGateway || e.Status == http.StatusGatewayTimeout)
}

// Exists reports that a resource which was to be made is there already, or a collection.
func Exists(err error) bool {
	var there *ExistsError
	if errors.As(err, &there) {
		return true
	}
	e, ok := refusal(err)
	return ok && e.create && e.failedHeader()
}

// Changed reports that a resource is no longer what the caller had seen: the ETag in If-Match is not its own, or it is gone.
func Changed(err error) bool {
	e, ok := refusal(err)
	return ok && e.match && e.failedHeader()
}

// failedHeader reports that a condition in the request's header is not met. QUIRK: Xandikos says 412 of every other
// condition too, and names it.
func (e *Error) failedHeader() bool {
	return e.Status == http.StatusPreconditionFailed && e.Condition == ""
}

// UIDConflict reports that another resource has the UID already (RFC 4791 5.3.2.1, RFC 6352 6.3.2.1), and its href where
// the server says it. Status: 409 from Radicale, 403 from Cyrus, which also means other calendars of the user, 207 with
// 412 inside from Xandikos; none of them says the href.
func UIDConflict(err error) (href string, ok bool) {
	e, ok := refusal(err)
	if !ok || !e.uidConflict() {
		return "", false
	}
	return e.Other, true
}

func (e *Error) uidConflict() bool {
	// The second is RFC 6638 3.2.4.1; Cyrus says it of all events.
	return e.Condition == "no-uid-conflict" || e.Condition == "unique-scheduling-object-resource"
}

// Conflict reports that a request contradicts the state of the server in another way than UIDConflict: mostly that the
// collection is not there.
func Conflict(err error) bool {
	e, ok := refusal(err)
	return ok && e.Status == http.StatusConflict && !e.uidConflict()
}

// TooLarge reports that a resource is larger than the server takes. The status is 413, or 403 or 507 with
// max-resource-size.
func TooLarge(err error) bool {
	e, ok := refusal(err)
	return ok && (e.Status == http.StatusRequestEntityTooLarge || e.Condition == "max-resource-size")
}

// OverQuota reports that there is no room left (RFC 4918 11.5, RFC 4331 6).
func OverQuota(err error) bool {
	e, ok := refusal(err)
	if !ok || TooLarge(err) {
		return false
	}
	// QUIRK: Cyrus 3.6 says 500 and "Over quota" in a page.
	if e.Status == http.StatusInternalServerError && strings.EqualFold(e.Text, "over quota") {
		return true
	}
	return e.Status == http.StatusInsufficientStorage && e.Condition != partial || e.Condition == "quota-not-exceeded" || e.Condition == "sufficient-disk-space"
}

// Throttled reports that the server asks for a pause, and for how long; 0 where it does not say.
func Throttled(err error) (time.Duration, bool) {
	e, ok := refusal(err)
	if !ok || e.Status != http.StatusTooManyRequests && e.Status != http.StatusServiceUnavailable {
		return 0, false
	}
	return e.RetryAfter, true
}

// Gone reports that there is no such resource.
func Gone(err error) bool {
	e, ok := refusal(err)
	return ok && (e.Status == http.StatusNotFound || e.Status == http.StatusGone)
}

// Temporary reports a refusal that may be none later: throttling, a lock, or an error of the server's own.
func Temporary(err error) bool {
	e, ok := refusal(err)
	if !ok || OverQuota(err) || TooLarge(err) {
		return false
	}
	return e.Status >= 500 && e.Status != http.StatusNotImplemented && e.Status != http.StatusHTTPVersionNotSupported ||
		e.Status == http.StatusTooManyRequests || e.Status == http.StatusLocked || e.Status == http.StatusRequestTimeout
}

func refusal(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

// mostPatience bounds what a server may ask to wait.
const mostPatience = time.Hour

// retryAfter reads Retry-After: seconds or a date (RFC 9110 10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if v == "" {
		return 0
	}
	if n, err := strconv.ParseUint(v, 10, 32); err == nil {
		return min(time.Duration(n)*time.Second, mostPatience)
	}
	if t, err := http.ParseTime(v); err == nil {
		return min(max(t.Sub(now), 0), mostPatience)
	}
	return 0
}
