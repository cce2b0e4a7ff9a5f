package archives

import (
	"errors"
	"io/fs"
	"os"
	"strings"
)

// disk is a folder on a disk. It is as [os.DirFS], but takes names in any bytes: those of files are text in whatever encoding
// their system had, and [fs.ValidPath] lets none through but UTF-8.
type disk string

var (
	_ fs.ReadDirFS = disk("")
	_ fs.StatFS    = disk("")
)

// at returns the path of what has a name in the folder.
func (d disk) at(op, name string) (string, error) {
	if !fs.ValidPath(strings.ToValidUTF8(name, "\uFFFD")) {
		return "", &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	return string(d) + "/" + name, nil
}

// Open implements [fs.FS].
func (d disk) Open(name string) (fs.File, error) {
	at, err := d.at("open", name)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(at)
	if err != nil {
		return nil, within(name, err) // and not a nil *os.File
	}
	return f, nil
}

// ReadDir implements [fs.ReadDirFS].
func (d disk) ReadDir(name string) ([]fs.DirEntry, error) {
	at, err := d.at("readdir", name)
	if err != nil {
		return nil, err
	}
	list, err := os.ReadDir(at)
	return list, within(name, err)
}

// Stat implements [fs.StatFS].
func (d disk) Stat(name string) (fs.FileInfo, error) {
	at, err := d.at("stat", name)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(at)
	return info, within(name, err)
}

// within has an error call a file as the folder does.
func within(name string, err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		e.Path = name
	}
	return err
}
