// Package directory reads what an organisation knows of its people, groups and rooms, from whatever form an
// administrator can get it in, so that the distinguished names in an archive can be answered with mail addresses.
//
//	for obj, err := range directory.Read(ctx, "users.csv", directory.Options{}) {
//		if err != nil {
//			return err // and forget the objects before it
//		}
//		book.Add(obj)
//	}
//
// A location is a file or the URL of an LDAP server. What a file is is told by its content, never by its name:
//
//   - CSV that PowerShell's Export-Csv wrote of Exchange recipients or of Active Directory, with commas, semicolons or
//     tabs, in UTF-8, UTF-16 or an 8-bit code page; CSV of csvde and of Exchange 5.5.
//   - LDIF of ldifde, ldapsearch and slapcat.
//   - The offline address book of Outlook, udetails.oab.
//   - vCards.
//   - Answers given by a person: the table that this program writes of what it found, corrected and given back, as CSV
//     or JSON, and any table of two columns, old and new. They alone are [Object.Fixed].
//
// Objects come one after the other and are not kept, so that half a million of them need no memory here. That also
// means that the first come before the last line has been seen. An error ends the sequence, and whoever has taken
// objects by then must not use them: with a part of a directory, names get answers that the whole would contradict.
//
// Contradictions between objects are not this package's to settle: two objects can have the same X.500 address, and one
// object's can be another's distinguished name.
package directory

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Object is what a directory knows of one recipient: a person, a group, a room.
type Object struct {
	// LegacyDN is the distinguished name that Exchange addresses it by (legacyExchangeDN), as stored.
	LegacyDN string
	// X500 are further distinguished names that reach it, its proxy addresses of type X500 without that prefix, and
	// those of type SMTP that encapsulate one.
	X500 []string
	// SMTP is the primary mail address.
	SMTP string
	// Other are its further mail addresses.
	Other []string
	// Names are what it is called, the display name first, then other full names, then the alias.
	Names []string
	// GUID is its objectGUID in lower case without braces, or empty.
	GUID string
	// Type says what it is.
	Type Type
	// Fixed is set where a person gave SMTP as the answer, in the table that this program wrote or in one of two
	// columns. What is to be answered is then LegacyDN; where the table has an old mail address in its place, the
	// first of Other; where it has a name, the first of Names.
	Fixed bool
	// Where tells people where it was read: "users.csv:17", "ldaps://dc.example: cn=Paul Wolf,…".
	Where string
}

// Type is what sort of recipient an object is.
type Type uint8

// The types. A shared mailbox is a user.
const (
	Unknown Type = iota
	User
	Contact // somebody outside of the organisation
	Group
	Room
	Equipment
	PublicFolder
)

var typeNames = [...]string{"unknown", "user", "contact", "group", "room", "equipment", "public folder"}

func (t Type) String() string { return typeNames[min(int(t), len(typeNames)-1)] }

// MaxObjects is the largest number of objects read from one location.
const MaxObjects = 10_000_000

// DefaultTimeout is how long a server may take for one step where [Options] does not say.
const DefaultTimeout = 30 * time.Second

// Options say how to read. The zero value is of use.
type Options struct {
	// CodePage is the Windows code page of 8-bit text that is not UTF-8. With 0 it is Windows-1252.
	CodePage int

	// User is who to be for an LDAP server where the URL names nobody: a distinguished name, or in Active Directory
	// also user@domain or DOMAIN\user. Without a user the server is asked as nobody.
	User string
	// Password returns the password of a user of an LDAP server, whose host is given with its port. It is called
	// only if there is a user, and never twice for one [Read].
	Password func(ctx context.Context, host, user string) (string, error)
	// Insecure reports whether a host, named without its port, may be talked to without TLS and with a certificate
	// that cannot be verified. With nil none may.
	Insecure func(host string) bool
	// Roots are the authorities whose certificates are trusted. With nil they are the system's.
	Roots *x509.CertPool
	// Timeout bounds each step of talking to a server: to connect, to log in, to get the next page.
	Timeout time.Duration

	// Notice is told what is worth knowing and no error: referrals that were not followed, records that were left
	// out, addresses that the file lacks. It may be nil.
	Notice func(where, what string)
}

func (o *Options) notice(where, format string, args ...any) {
	if o.Notice != nil {
		o.Notice(where, fmt.Sprintf(format, args...))
	}
}

// Errors that a caller may want to tell from others. They are found with [errors.Is].
var (
	// ErrAuthentication: the server refuses the user or the password, or wants one.
	ErrAuthentication = errors.New("authentication failed")
	// ErrAway: the server cannot be reached, does not answer, or went away. Later it may do.
	ErrAway = errors.New("the server is away")
)

// Error is a directory that cannot be read. Its text says where, what, and what to do about it; it never holds a
// password.
type Error struct {
	Where  string // "users.csv:17"
	What   string
	Err    error  // why, or nil
	Advice string // or empty
	Kind   error  // ErrAuthentication, ErrAway or nil
}

func (e *Error) Error() string {
	text := e.Where + ": " + e.What
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	if e.Advice != "" {
		text += ". " + e.Advice
	}
	return text
}

// Unwrap returns the causes.
func (e *Error) Unwrap() []error {
	var causes []error
	for _, err := range [...]error{e.Err, e.Kind} {
		if err != nil {
			causes = append(causes, err)
		}
	}
	return causes
}

// errStopped ends reading when nobody wants more.
var errStopped = errors.New("stopped")

// Read returns the objects of a directory: of a file, or of a server, "ldap://host/base?attributes?scope?filter"
// (RFC 4516) with an optional user before the host, percent-encoded, and everything from the base on optional. Unlike
// there the scope is the whole subtree where it is left out; the attributes do not matter.
//
// The last pair of a sequence that could not be read to its end has an error, mostly an [*Error]. Objects that came
// before must not be used then. No object comes with an error.
func Read(ctx context.Context, location string, o Options) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		if o.Timeout <= 0 {
			o.Timeout = DefaultTimeout
		}
		n := 0
		emit := func(obj Object) error {
			if n++; n > MaxObjects {
				return &Error{Where: obj.Where, What: fmt.Sprintf("more than %d recipients", MaxObjects)}
			}
			if !yield(obj, nil) {
				return errStopped
			}
			return nil
		}
		var err error
		switch scheme, _, isURL := strings.Cut(location, "://"); {
		case isURL && (strings.EqualFold(scheme, "ldap") || strings.EqualFold(scheme, "ldaps")):
			err = readServer(ctx, location, &o, emit)
		case isURL && isScheme(scheme):
			err = &Error{Where: redact(location), What: "a directory is a file or an LDAP server", Advice: "Give a path, or a URL that begins with ldaps:// or ldap://"}
		default:
			err = readFile(ctx, location, &o, emit)
		}
		if err != nil && !errors.Is(err, errStopped) {
			yield(Object{}, err)
		}
	}
}

func isScheme(s string) bool {
	return len(s) > 1 && strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '+' && r != '-' && r != '.'
	}) < 0
}

// IsServer reports whether a location is a URL, and so nothing to be looked for among the files.
func IsServer(location string) bool {
	scheme, _, ok := strings.Cut(location, "://")
	return ok && isScheme(scheme)
}

// file is a file while it is read.
type file struct {
	location string // as the user gave it
	name     string // its last part
	o        *Options
	emit     func(Object) error
	found    int
}

// where names a line of the file in an object, shortly.
func (f *file) where(line int) string { return f.name + ":" + strconv.Itoa(line) }

// at names a line of the file for people.
func (f *file) at(line int) string { return fmt.Sprintf("%s:%d", f.location, line) }

// fail makes the error of a line.
func (f *file) fail(line int, advice, format string, args ...any) error {
	return &Error{Where: f.at(line), What: fmt.Sprintf(format, args...), Advice: advice}
}

// give passes an object on if anybody could be found by it.
func (f *file) give(obj Object) error {
	if obj.LegacyDN == "" && len(obj.X500) == 0 && obj.SMTP == "" {
		return nil
	}
	f.found++
	return f.emit(obj)
}

// some is an error where the whole file had no recipients.
func (f *file) some(advice string) error {
	if f.found > 0 {
		return nil
	}
	return &Error{Where: f.location, What: "there are no recipients in it", Advice: advice}
}

func newFile(location string, o *Options, emit func(Object) error) *file {
	return &file{location: location, name: filepath.Base(location), o: o, emit: emit}
}
