package extract

import (
	"errors"
	"io/fs"
	"os"
	"strings"
)

// Why a source cannot be opened. A [SourceError] wraps one of these or, where the file system is to blame, the error
// that it gave: [fs.ErrNotExist], [fs.ErrPermission] and others.
var (
	// ErrNotArchive says that the file is whole, for all that is known, and no archive of any kind.
	ErrNotArchive = errors.New("not an archive")
	// ErrUnsupported says that the file is an archive of a kind that is not read yet.
	ErrUnsupported = errors.New("not read yet")
	// ErrEmpty says that the file has no bytes, or the folder no archives.
	ErrEmpty = errors.New("empty")
	// ErrUnreadable says that the file is an archive of which nothing can be read.
	ErrUnreadable = errors.New("nothing in it can be read")
)

// SourceError is the error for a source that cannot be opened. It says in a sentence or two, for people, what is wrong
// with it and what they can do.
type SourceError struct {
	Path string
	// Problem completes a sentence that begins with the path: "is empty".
	Problem string
	// Advice is a sentence, or empty.
	Advice string
	Err    error
}

func (e *SourceError) Error() string {
	s := e.Path + " " + e.Problem
	if e.Advice != "" {
		s = strings.TrimSuffix(s, ".") + ". " + strings.TrimSuffix(e.Advice, ".")
	}
	return s
}

func (e *SourceError) Unwrap() error { return e.Err }

// FileError turns an error of the file system into a [SourceError].
func FileError(path string, err error) error {
	e := &SourceError{Path: path, Err: err}
	var pathErr *fs.PathError
	_, linkErr := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && linkErr == nil:
		e.Problem = "is a link to what is not there"
	case errors.Is(err, fs.ErrNotExist):
		e.Problem, e.Advice = "is not there", "Check the name; a name with blanks needs quotes"
	case errors.Is(err, fs.ErrPermission):
		e.Problem, e.Advice = "may not be read", "Ask for read permission, or copy it to where you have it"
	case errors.As(err, &pathErr):
		e.Problem = "cannot be read: " + pathErr.Err.Error()
		e.Advice = "If Outlook has the file open, close Outlook or copy the file first"
	default:
		e.Problem = "cannot be read: " + err.Error()
	}
	return e
}
