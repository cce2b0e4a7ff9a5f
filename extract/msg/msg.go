// Package msg reads files that hold one item of Outlook's as archives with one entry: message files (.msg), templates
// (.oft), and TNEF streams, which are called winmail.dat where a mail program did not understand them.
//
// The item is what the same item in a PST is, with the same key: both are made by package extract/outlook. The file knows no
// folder that the item was in. It lies in one that is named after its kind, "Mail", "Calendar", "Contacts", as Outlook's own
// folders are; who reads a folder of such files puts its items elsewhere.
package msg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path/filepath"
	"strings"
	"time"

	"mailmill/extract"
	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/codepage"
	"mailmill/formats/mapi"
	"mailmill/formats/msg"
	"mailmill/formats/ole"
	"mailmill/formats/tnef"
)

// Archive is an opened file.
type Archive struct {
	info    extract.Info
	entry   formats.Entry
	message mapi.Message
	convert *outlook.Converter
	// damage is what is wrong with the file as a whole.
	damage error
}

var (
	_ extract.Archive = (*Archive)(nil)
	_ extract.Learner = (*Archive)(nil)
)

// Open opens a message file of size bytes, which was last changed at the time given. Path is what it is called in errors,
// and r stays open when the archive is closed. An error is an [extract.SourceError].
func Open(path string, r io.ReaderAt, size int64, modified time.Time, o extract.Options) (*Archive, error) {
	m, err := msg.Read(r, size)
	if err != nil {
		return nil, refusal(path, r, size, err)
	}
	format := "Outlook message"
	if strings.EqualFold(filepath.Ext(path), ".oft") {
		format = "Outlook template"
	}
	a := newArchive(path, format, m, o)
	a.info.Size, a.info.Modified, a.damage = size, modified.UTC(), m.Damage()
	return a, nil
}

// maxTNEF bounds a TNEF stream, which is held in memory.
const maxTNEF = 1 << 30

// OpenTNEF is Open for a TNEF stream.
func OpenTNEF(path string, r io.ReaderAt, size int64, modified time.Time, o extract.Options) (*Archive, error) {
	if size > maxTNEF {
		return nil, &extract.SourceError{
			Path: path, Err: extract.ErrUnreadable,
			Problem: fmt.Sprintf("is a TNEF file of more than %d MB, which no mail had in it", maxTNEF>>20),
		}
	}
	b, err := io.ReadAll(io.NewSectionReader(r, 0, size))
	if err != nil {
		return nil, extract.FileError(path, err)
	}
	m, err := tnef.Decode(b)
	if m == nil {
		return nil, &extract.SourceError{Path: path, Problem: "is not a TNEF file", Err: fmt.Errorf("%w: %w", extract.ErrNotArchive, err)}
	}
	a := newArchive(path, "TNEF file (winmail.dat)", m, o)
	a.info.Size, a.info.Modified, a.damage = size, modified.UTC(), errors.Join(err, m.Damage())
	return a, nil
}

// refusal tells people why a file cannot be opened.
func refusal(path string, r io.ReaderAt, size int64, err error) error {
	var pathErr *fs.PathError
	switch {
	case errors.As(err, &pathErr):
		return extract.FileError(path, err)
	case !errors.Is(err, msg.ErrNotMessage):
		return &extract.SourceError{Path: path, Problem: "cannot be read: " + err.Error(), Err: fmt.Errorf("%w: %w", extract.ErrUnreadable, err)}
	}
	e := &extract.SourceError{Path: path, Problem: "is not an Outlook message", Err: fmt.Errorf("%w: %w", extract.ErrNotArchive, err)}
	if obj, err := ole.Extract(r, size); err == nil {
		e.Problem += " but another compound file"
		if obj.Ext != ".ole" {
			e.Problem = "is not an Outlook message but an Office document (" + obj.Ext + ")"
		}
	}
	return e
}

func newArchive(path, format string, m mapi.Message, o extract.Options) *Archive {
	a := &Archive{message: m, info: extract.Info{Path: path, Format: format, CodePage: o.CodePage, CodePageReason: "as told"}}
	if o.CodePage == 0 {
		a.info.CodePage = codepage.Default
		a.info.CodePageReason = "for 8-bit strings where the message does not tell their code page: Western European"
	}
	a.convert = outlook.New(outlook.Options{
		CodePage: a.info.CodePage, KeepEX: o.KeepEX, FollowUps: o.FollowUps,
		Zone: func() *formats.Zone { return o.Zone }, Owner: a.owner,
	})
	class, _ := m.Lookup(mapi.PidTagMessageClass)
	subject, _ := m.Lookup(mapi.PidTagSubject)
	changed, _ := m.Lookup(mapi.PidTagLastModificationTime)
	e := formats.Entry{
		ID: filepath.Base(path), Class: strings.TrimSpace(class.Text(a.info.CodePage)), Subject: subject.Text(a.info.CodePage), Date: changed.Time(),
	}
	e.Kind = outlook.KindOf(e.Class)
	e.Folder = folders[e.Kind]
	a.entry = e
	return a
}

// owner is whose copy of the message it is, as far as it tells.
func (a *Archive) owner() *formats.Address { return a.convert.Receiver(a.message) }

// folders are where items are that nobody has put anywhere.
var folders = map[formats.Kind]*formats.Folder{
	formats.KindMail:    {Path: []string{"Mail"}, Class: "IPF.Note"},
	formats.KindEvent:   {Path: []string{"Calendar"}, Class: "IPF.Appointment"},
	formats.KindTask:    {Path: []string{"Tasks"}, Class: "IPF.Task"},
	formats.KindContact: {Path: []string{"Contacts"}, Class: "IPF.Contact"},
	formats.KindGroup:   {Path: []string{"Contacts"}, Class: "IPF.Contact"},
	formats.KindNote:    {Path: []string{"Notes"}, Class: "IPF.StickyNote"},
	formats.KindJournal: {Path: []string{"Journal"}, Class: "IPF.Journal"},
	formats.KindOther:   {Path: []string{"Other"}},
}

// Info implements [extract.Archive].
func (a *Archive) Info() extract.Info { return a.info }

// Folders implements [extract.Archive].
func (a *Archive) Folders() []*formats.Folder { return []*formats.Folder{a.entry.Folder} }

// Entries implements [extract.Archive].
func (a *Archive) Entries(ctx context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		e, err := a.entry, ctx.Err()
		if err != nil {
			e = formats.Entry{}
		}
		yield(e, err)
	}
}

// Read implements [extract.Archive].
func (a *Archive) Read(ctx context.Context, e formats.Entry) (*formats.Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	it, err := a.convert.Item(e, a.message)
	if err != nil {
		return nil, err
	}
	it.Source = a.info.Path
	if a.damage != nil {
		it.Lose(formats.Damage{Part: "item", Err: a.damage})
	}
	return it, nil
}

// Places implements [extract.Learner].
func (a *Archive) Places(ctx context.Context) iter.Seq2[formats.Entry, error] { return a.Entries(ctx) }

// Learn implements [extract.Learner].
func (a *Archive) Learn(ctx context.Context, _ formats.Entry, lesson *formats.Lesson) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	a.convert.Learn(lesson, a.message)
	return nil
}

// Close implements [extract.Archive].
func (a *Archive) Close() error { return nil }
