package mail

import (
	"context"
	"errors"
	"io"
	"iter"
	"path/filepath"
	"time"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/formats/codepage"
	"mailmill/formats/mime"
)

// Archive is a file of one message.
type Archive struct {
	info    extract.Info
	opt     extract.Options
	folder  *formats.Folder
	content formats.Section
	state   State
	apple   bool
	damage  []formats.Damage
}

var (
	_ extract.Archive = (*Archive)(nil)
	_ extract.Learner = (*Archive)(nil)
)

// Open opens a file of one message, of size bytes, which was last changed at the time given: an .eml as it is, or Apple
// Mail's .emlx, which begins with the message's length. Path is what it is called in errors, and r stays open when the
// archive is closed. An error is an [extract.SourceError].
func Open(path string, r io.ReaderAt, size int64, modified time.Time, o extract.Options) (*Archive, error) {
	a := &Archive{
		info: extract.Info{
			Path: path, Format: "mail", Size: size, Modified: modified.UTC(),
			CodePage: codepage.Default, CodePageReason: "for text that does not tell its own: taken for Western European",
		},
		opt: o, folder: &formats.Folder{}, content: formats.Section{R: r, Size: size},
	}
	if o.CodePage != 0 {
		a.info.CodePage, a.info.CodePageReason = o.CodePage, "as told"
	}
	if size == 0 {
		return nil, &extract.SourceError{Path: path, Problem: "is empty", Err: extract.ErrEmpty}
	}
	if err := a.openApple(); err != nil {
		return nil, extract.FileError(path, err)
	}
	return a, nil
}

// Info implements [extract.Archive].
func (a *Archive) Info() extract.Info { return a.info }

// Folders implements [extract.Archive]. The message is in the top folder.
func (a *Archive) Folders() []*formats.Folder { return []*formats.Folder{a.folder} }

func (a *Archive) entry() formats.Entry {
	return formats.Entry{Folder: a.folder, ID: filepath.Base(a.info.Path), Kind: formats.KindMail, Class: classNote, Size: a.content.Size}
}

// Entries implements [extract.Archive].
func (a *Archive) Entries(ctx context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(formats.Entry{}, err)
			return
		}
		e := a.entry()
		if m, err := mime.Read(a.content, a.content.Size, a.opt.CodePage); err == nil {
			h := readHeader(m.Header, a.opt.CodePage)
			h.describe(&e)
		}
		yield(e, nil)
	}
}

// Read implements [extract.Archive].
func (a *Archive) Read(ctx context.Context, e formats.Entry) (*formats.Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	it, err := New(e, a.content, a.content.Size, a.state, a.opt)
	if err != nil {
		return nil, err
	}
	it.Source = a.info.Path
	for _, d := range a.damage {
		it.Lose(d)
	}
	if a.apple {
		missingParts(it)
	}
	return it, nil
}

// Places implements [extract.Learner].
func (a *Archive) Places(ctx context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) { yield(a.entry(), ctx.Err()) }
}

// Learn implements [extract.Learner].
func (a *Archive) Learn(ctx context.Context, _ formats.Entry, lesson *formats.Lesson) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m, err := mime.Read(a.content, a.content.Size, a.opt.CodePage)
	if err != nil {
		return err
	}
	learn(m, lesson)
	return nil
}

// Close implements [extract.Archive].
func (a *Archive) Close() error { return nil }

// readAt reads up to n bytes at an offset.
func readAt(r io.ReaderAt, offset int64, n int) ([]byte, error) {
	b := make([]byte, n)
	n, err := r.ReadAt(b, offset)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:n], err
}
