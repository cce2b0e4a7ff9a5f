package extract

import (
	"errors"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"syscall"
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
	case path == "":
		e.Path, e.Problem, e.Advice = `""`, "is no name", "Is a variable empty that should hold one?"
	case errors.Is(err, fs.ErrNotExist) && linkErr == nil:
		e.Problem = "is a link to what is not there"
	case errors.Is(err, fs.ErrNotExist):
		e.Problem, e.Advice = "is not there", "Check the name; a name with blanks needs quotes"
	case errors.Is(err, fs.ErrPermission):
		e.Problem, e.Advice = "may not be read", "Ask for read permission, or copy it to where you have it"
	case errors.Is(err, syscall.ENOTDIR):
		e.Problem, e.Advice = "is not there: something on the way to it is a file, not a folder", "Check the name"
	case errors.Is(err, syscall.ENAMETOOLONG):
		e.Problem, e.Advice = "cannot be there: no name may be that long", "Check the name"
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE):
		e.Problem, e.Advice = "cannot be opened: too many files are open", "Allow more (ulimit -n), or read fewer archives at once"
	case errors.Is(err, syscall.EIO):
		e.Problem, e.Advice = "cannot be read: the disk or the network reports an error", "Copy what can be read to another disk (with ddrescue, for one), and read the copy"
	case errors.As(err, &pathErr):
		e.Problem = "cannot be read: " + pathErr.Err.Error()
		e.Advice = openElsewhere(pathErr.Err)
	default:
		e.Problem = "cannot be read: " + err.Error()
	}
	return e
}

// openElsewhere returns advice where another program keeps a file to itself, as Outlook does on Windows:
// ERROR_SHARING_VIOLATION and ERROR_LOCK_VIOLATION.
func openElsewhere(err error) string {
	const sharingViolation, lockViolation = syscall.Errno(32), syscall.Errno(33)
	if runtime.GOOS == "windows" && (errors.Is(err, sharingViolation) || errors.Is(err, lockViolation)) {
		return "If Outlook has the file open, close Outlook or copy the file first"
	}
	return ""
}
