// Package messages reads messages that are a file each, wherever the files are.
package messages

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"mailmill/formats"
	"mailmill/formats/mbox"
)

// largest is the size of a message up to which it is held in memory.
const largest = 1 << 20

// Load returns the content of a file, its size, and when it was changed last. That of a large one is read whenever it is
// used.
func Load(fsys fs.FS, name string) (formats.Content, int64, time.Time, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, 0, time.Time{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, time.Time{}, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, time.Time{}, fmt.Errorf("%s is no file", name)
	}
	if info.Size() > largest {
		return file{fsys, name}, info.Size(), info.ModTime(), nil
	}
	b, err := readAll(f, info.Size())
	return formats.Bytes(b), int64(len(b)), info.ModTime(), err
}

// readAll reads a file of about size bytes. It is read to its end: only there does a packed file tell whether it is whole.
// One that has become shorter or longer is what it is now.
func readAll(r io.Reader, size int64) ([]byte, error) {
	b := make([]byte, 0, size+1)
	for int64(len(b)) <= 2*largest {
		if len(b) == cap(b) {
			b = append(b, 0)[:len(b)]
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
	return b, errGrown
}

var errGrown = errors.New("it grows while it is read")

// file is the content of a file.
type file struct {
	fsys fs.FS
	name string
}

// Open implements [formats.Content].
func (f file) Open() (io.ReadCloser, error) { return f.fsys.Open(f.name) }

// longestHeader bounds what is read of a header.
const longestHeader = 1 << 20

// Head returns the header of a message in a file, or its beginning where that is none.
func Head(fsys fs.FS, name string) ([]byte, error) { return HeadOf(file{fsys, name}) }

// HeadOf returns the header of a message, or its beginning where that is none.
func HeadOf(content formats.Content) ([]byte, error) {
	f, err := content.Open()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b []byte
	for size := 4 << 10; ; size *= 4 {
		at := len(b)
		b = append(b, make([]byte, size-at)...)
		n, err := io.ReadFull(f, b[at:])
		b = b[:at+n]
		if end := mbox.HeaderLen(b); end >= 0 {
			return b[:end], nil
		}
		if err != nil || len(b) >= longestHeader {
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				err = nil
			}
			return b, err
		}
	}
}
