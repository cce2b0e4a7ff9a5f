// Package mbox reads mbox files as archives: those of mailmill, of Thunderbird, of Unix and its mail programs, of Gmail's
// exports (Google Takeout), and all else that begins with "From ".
//
// [Open] reads a file that can be read anywhere: the entries come from one fast scan, the messages from their places. A [Stream]
// reads what can be read but once, from front to back.
//
// A file is one folder, named after the file, except for an export of Gmail: there the labels say where a message was, see
// [mbox.Place]. A message leaves without what the file has added: the line "From ", the quoting, and the fields in which
// programs keep its state, which Gmail has none of. These become the item's flags, keywords and time of delivery.
//
// Messages that Thunderbird has deleted, and that are in the file only because it was not compacted since, are read on
// demand, as deleted items of other archives are. So is the message that holds what Pine knows of the file, which is hidden.
package mbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
	"time"

	"mailmill/extract"
	"mailmill/extract/mail"
	"mailmill/formats"
	"mailmill/formats/mbox"
)

// Archive is an opened file.
type Archive struct {
	r      io.ReaderAt
	size   int64
	opt    extract.Options
	info   extract.Info
	places *places
}

var (
	_ extract.Archive = (*Archive)(nil)
	_ extract.Learner = (*Archive)(nil)
)

// Recognise reports whether a file that begins with head is an mbox file, see [mbox.Recognise].
func Recognise(head []byte) bool { return mbox.Recognise(head) }

// Open opens a file. Its folder is called as the file.
func Open(path string, r io.ReaderAt, size int64, modified time.Time, o extract.Options) (*Archive, error) {
	return OpenFolder(folderOf(path), path, r, size, modified, o)
}

// OpenFolder opens a file that is a folder among others: path is the archive's name, folder its place there.
func OpenFolder(folder []string, path string, r io.ReaderAt, size int64, modified time.Time, o extract.Options) (*Archive, error) {
	a := &Archive{r: r, size: size, opt: o, places: newPlaces(folder)}
	a.info = extract.Info{Path: path, Format: "mbox", Size: size, Modified: modified}
	first, err := mbox.NewScannerAt(r, size).Next()
	switch {
	case errors.Is(err, mbox.ErrFormat):
		return nil, &extract.SourceError{Path: path, Problem: "is no mbox file", Err: extract.ErrNotArchive}
	case err != nil && err != io.EOF:
		return nil, extract.FileError(path, err)
	case first.Takeout():
		a.info.Format = formatTakeout
	}
	return a, nil
}

const formatTakeout = "mbox, exported from Gmail"

// Info implements [extract.Archive].
func (a *Archive) Info() extract.Info { return a.info }

// Folders implements [extract.Archive]. Of an export of Gmail it reads the whole file, once.
func (a *Archive) Folders() []*formats.Folder {
	if a.info.Format == formatTakeout {
		a.places.once.Do(func() {
			for _, err := range a.entries(context.Background(), true) {
				if err != nil {
					break // whoever reads entries is told
				}
			}
		})
	}
	return a.places.folders()
}

// Entries implements [extract.Archive]. It reads the whole file. The entries of an export of Gmail come in the file's
// order, whichever folders they are in.
func (a *Archive) Entries(ctx context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		for e, err := range a.entries(ctx, false) {
			if !yield(e, err) {
				return
			}
		}
	}
}

// entries enumerates the messages: all of them, or those that are wanted.
func (a *Archive) entries(ctx context.Context, all bool) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		s := mbox.NewScannerAt(a.r, a.size)
		c := collector{scanner: s}
		for i := 0; ; i++ {
			env, err := s.Next()
			if i == 0 && s.Garbage() > 0 && !all && !yield(lost(a.places.top, s.Garbage()), nil) {
				return
			}
			if err == io.EOF {
				return
			}
			if err == nil {
				err = c.message(ctx)
			}
			if err != nil {
				yield(formats.Entry{}, err)
				return
			}
			e, shown := a.places.entry(&env, c.header(), a.opt)
			e.Size = c.size
			e.Index = pack(env.Offset, s.Quoting())
			if (shown || all) && !yield(e, nil) {
				return
			}
		}
	}
}

// lost is the entry of what stands before the first message.
func lost(folder *formats.Folder, length int64) formats.Entry {
	return formats.Entry{
		Folder: folder, ID: "0", Index: math.MaxUint64, Kind: formats.KindMail, Size: length,
		Err: fmt.Errorf("%d bytes before the first message belong to none: the beginning of the file is lost", length),
	}
}

// pack puts into one number where a message is and how it is quoted.
func pack(offset int64, q mbox.Quoting) uint64 { return uint64(offset)<<2 | uint64(q) }

func unpack(index uint64) (offset int64, q mbox.Quoting) {
	return int64(index >> 2), mbox.Quoting(index & 3)
}

// Read implements [extract.Archive]. The content of a message of more than a megabyte is read from the file whenever it is
// used.
func (a *Archive) Read(ctx context.Context, e formats.Entry) (*formats.Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if e.Err != nil {
		return nil, e.Err
	}
	m, err := a.find(e)
	if err == nil {
		var it *formats.Item
		if it, err = m.item(e, a.opt); err == nil {
			it.Source = a.info.Path
			return it, nil
		}
	}
	return nil, fmt.Errorf("the message at %d: %w", e.Index>>2, err)
}

// largest is the size of a message up to which it is held in memory.
const largest = 1 << 20

// find returns the message of an entry.
func (a *Archive) find(e formats.Entry) (*message, error) {
	offset, quoting := unpack(e.Index)
	if offset < 0 || offset >= a.size {
		return nil, errors.New("it is not in the file")
	}
	size := e.Size
	if size <= 0 {
		var err error
		if size, err = a.measure(offset); err != nil {
			return nil, err
		}
	}
	raw := make([]byte, min(a.size-offset, mbox.MaxEnvelope+min(size, largest)))
	n, err := a.r.ReadAt(raw, offset)
	env, ok := mbox.ParseEnvelope(raw[:n])
	if !ok && offset+int64(n) == a.size {
		// The file ends with this line, and the line without an end.
		env, ok = mbox.ParseEnvelope(append(raw[:n:n], '\n'))
		env.Start = min(env.Start, int64(n))
	}
	if !ok {
		if err == nil || err == io.EOF {
			err = errors.New("there is no message any more")
		}
		return nil, err
	}
	m := &message{env: env, quoting: quoting}
	if size > largest {
		return m, m.spanned(io.NewSectionReader(a.r, offset+env.Start, size))
	}
	if int64(n) < env.Start+size {
		if err == nil {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	m.held(raw[env.Start : env.Start+size])
	return m, nil
}

// measure returns the size of the message at an offset, where an entry has lost it on the way.
func (a *Archive) measure(offset int64) (int64, error) {
	s := mbox.NewScannerAt(io.NewSectionReader(a.r, offset, a.size-offset), a.size-offset)
	if _, err := s.Next(); err != nil {
		return 0, err
	}
	c := collector{scanner: s}
	err := c.message(context.Background())
	return c.size, err
}

// Places implements [extract.Learner].
func (a *Archive) Places(ctx context.Context) iter.Seq2[formats.Entry, error] {
	return a.entries(ctx, true)
}

// Learn implements [extract.Learner].
func (a *Archive) Learn(ctx context.Context, e formats.Entry, lesson *formats.Lesson) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	offset, _ := unpack(e.Index)
	if offset < 0 || offset >= a.size {
		return errors.New("it is not in the file")
	}
	s := mbox.NewScannerAt(io.NewSectionReader(a.r, offset, a.size-offset), a.size-offset)
	if _, err := s.Next(); err != nil {
		return err
	}
	c := collector{scanner: s, headOnly: true}
	if err := c.message(ctx); err != nil {
		return err
	}
	mail.Learn(c.header(), lesson)
	return nil
}

// Close implements [extract.Archive]. It closes nothing: the file is its opener's.
func (a *Archive) Close() error { return nil }

// id is what people see of a place.
func id(offset int64) string { return strconv.FormatInt(offset, 10) }
