// Package pim reads calendars and address books as archives: files of iCalendar 2.0 and vCalendar 1.0 (.ics, .vcs), and of
// vCard 2.1, 3.0 and 4.0 (.vcf).
//
//	archive, err := pim.Open("Calendar.ics", r, size, modified, extract.Options{})
//
// A file is looked through once when it is opened, from front to back: what is remembered of each component is where it
// stands and a hash of its UID, so that files may be larger than memory. An item is read when it is asked for. A series and
// the occurrences that differ from it are one item, wherever in the file they stand; an occurrence without its series is one
// of its own. Free/busy times and whatever else is no item to a person count as such: [formats.KindOther].
//
// Items have the lines that they came as, so that who writes calendars or cards writes them as they were: see
// [formats.Verbatim].
package pim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"mailmill/extract"
	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/vcard"
)

// Archive is an opened file of calendars or cards. It implements [extract.Archive] and [extract.Learner].
type Archive struct {
	info      extract.Info
	opt       extract.Options
	r         io.ReaderAt
	folder    *formats.Folder
	calendars []ical.Calendar
	zones     []*ical.Zones // of the calendars; the last one is of what stands in none
	pieces    []piece
	entries   []int32 // pieces that are items, in their order
	// unnamed are the time zones that nothing names, by the entries that they go with.
	unnamed map[int][]string
}

// piece is a component of the file. Its numbers are small because there may be millions.
type piece struct {
	offset   int64
	length   uint32
	calendar int32
	// next is the next piece of the same item, 0 for none: the first is never another's.
	next int32
	kind formats.Kind
	flag pieceFlag
}

type pieceFlag uint8

const (
	pieceCard pieceFlag = 1 << iota
	pieceOccurrence
	pieceNothing // it is part of another
)

// Bounds of what is read.
const (
	// mostItem is how large an item may be.
	mostItem = 256 << 20
	// mostWide is how large a file in UTF-16 may be, which is held in memory.
	mostWide = 256 << 20
	// mostPieces bounds the components of a file.
	mostPieces = 1 << 26
)

var (
	errTooLarge = errors.New("it is larger than 256 MiB")
	errChanged  = errors.New("the component is not where it was when the file was opened")
)

// Recognise reports whether a file that begins with head is one of calendars or cards: behind blanks and a byte order mark
// it begins one.
func Recognise(head []byte) bool {
	if wide(head) != nil {
		head = narrow(head[:len(head)/2*2])
	}
	head = bytes.TrimLeft(bytes.TrimPrefix(bytes.TrimLeft(head, " \t\r\n"), []byte("\uFEFF")), " \t\r\n")
	line := head[:min(len(head), 40)]
	if i := bytes.IndexAny(line, "\r\n"); i >= 0 {
		line = line[:i]
	}
	name, value, ok := strings.Cut(strings.ToUpper(string(line)), ":")
	if !ok || strings.TrimSpace(name) != "BEGIN" {
		return false
	}
	switch strings.TrimSpace(value) {
	case "VCALENDAR", "VCARD", "VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE":
		return true
	}
	return false
}

// wide returns the byte order of a text in UTF-16 with a byte order mark, nil for another.
func wide(head []byte) func(b []byte) uint16 {
	if len(head) < 4 {
		return nil
	}
	switch {
	case head[0] == 0xFF && head[1] == 0xFE && (head[2] != 0 || head[3] != 0):
		return func(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 }
	case head[0] == 0xFE && head[1] == 0xFF:
		return func(b []byte) uint16 { return uint16(b[1]) | uint16(b[0])<<8 }
	}
	return nil
}

// narrow returns a text in UTF-16 as UTF-8.
func narrow(b []byte) []byte {
	order := wide(b)
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		units = append(units, order(b))
	}
	return []byte(string(utf16.Decode(units)))
}

// Open opens a file. Its one folder is called as the file, without what its name ends with.
func Open(path string, r io.ReaderAt, size int64, modified time.Time, o extract.Options) (*Archive, error) {
	name := filepath.Base(filepath.ToSlash(path))
	switch ext := strings.ToLower(filepath.Ext(name)); ext {
	case ".ics", ".vcs", ".vcf", ".vcard", ".ical", ".icalendar", ".ifb":
		name = name[:len(name)-len(ext)]
	}
	if path == "-" || path == "" || name == "" || name == "." {
		return OpenFolder(nil, path, r, size, modified, o)
	}
	return OpenFolder([]string{name}, path, r, size, modified, o)
}

// OpenFolder opens a file that is a folder among others: path is the archive's name, folder its place there. Without a
// place the folder is called as its calendar.
func OpenFolder(folder []string, path string, r io.ReaderAt, size int64, modified time.Time, o extract.Options) (*Archive, error) {
	a := &Archive{opt: o, r: r, info: extract.Info{Path: path, Size: size, Modified: modified}}
	head := make([]byte, 4096)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return nil, extract.FileError(path, err)
	}
	if !Recognise(head[:n]) {
		return nil, &extract.SourceError{Path: path, Problem: "is no calendar or address book", Err: extract.ErrNotArchive}
	}
	if wide(head[:n]) != nil {
		if size > mostWide {
			return nil, &extract.SourceError{Path: path, Problem: "is larger than a file in UTF-16 may be", Advice: "Convert it to UTF-8 first", Err: extract.ErrUnsupported}
		}
		b, err := io.ReadAll(io.NewSectionReader(r, 0, size))
		if err != nil {
			return nil, extract.FileError(path, err)
		}
		b = narrow(b)
		a.r, size = bytes.NewReader(b), int64(len(b))
	}
	if err := a.scan(size); err != nil {
		return nil, extract.FileError(path, err)
	}
	a.describe(folder)
	return a, nil
}

// Info implements [extract.Archive].
func (a *Archive) Info() extract.Info { return a.info }

// Folders implements [extract.Archive].
func (a *Archive) Folders() []*formats.Folder { return []*formats.Folder{a.folder} }

// Entries implements [extract.Archive].
func (a *Archive) Entries(ctx context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		for i := range a.entries {
			if err := ctx.Err(); err != nil {
				yield(formats.Entry{}, context.Cause(ctx))
				return
			}
			if !yield(a.entry(i), nil) {
				return
			}
		}
	}
}

func (a *Archive) entry(i int) formats.Entry {
	p := &a.pieces[a.entries[i]]
	e := formats.Entry{Folder: a.folder, ID: strconv.FormatInt(p.offset, 10), Index: uint64(i), Kind: p.kind}
	for q := p; ; q = &a.pieces[q.next] {
		if e.Size += int64(q.length); e.Size > mostItem {
			e.Err = errTooLarge
		}
		if q.next == 0 {
			return e
		}
	}
}

// Read implements [extract.Archive].
func (a *Archive) Read(ctx context.Context, e formats.Entry) (*formats.Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	if e.Err != nil {
		return nil, e.Err
	}
	if e.Index >= uint64(len(a.entries)) {
		return nil, errChanged
	}
	it, err := a.read(int(e.Index))
	if err != nil {
		return nil, fmt.Errorf("the component at %s: %w", e.ID, err)
	}
	read := it.Entry
	it.Entry = e
	it.Subject, it.Date = read.Subject, read.Date
	it.Source, it.Flags = a.info.Path, formats.FlagSeen // nothing in a calendar is unread
	return it, nil
}

// read reads the item of an entry.
func (a *Archive) read(i int) (*formats.Item, error) {
	p := &a.pieces[a.entries[i]]
	if p.kind == formats.KindOther {
		b, err := a.text(p)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(b)
		it := &formats.Item{Identity: fmt.Sprintf("%x", sum[:16])}
		it.Key = formats.Key(p.kind, it.Identity)
		return it, nil
	}
	if p.flag&pieceCard != 0 {
		b, err := a.text(p)
		if err != nil {
			return nil, err
		}
		return vcard.Read(b, vcard.ReadOptions{CodePage: a.opt.CodePage})
	}
	main, err := a.component(p)
	if err != nil {
		return nil, err
	}
	var others []ical.Component
	for q := p; q.next != 0; {
		q = &a.pieces[q.next]
		c, err := a.component(q)
		if err != nil {
			return nil, err
		}
		others = append(others, c)
	}
	it, err := ical.Read(main, others, ical.ReadOptions{CodePage: a.opt.CodePage})
	if err != nil {
		return nil, err
	}
	for _, id := range a.unnamed[i] {
		if z := main.Zones.Find(id); z != nil {
			addZone(it, z)
		}
	}
	return it, nil
}

// addZone has an item bring along a time zone that it does not name.
func addZone(it *formats.Item, z *formats.Zone) {
	var d *formats.Details
	switch {
	case it.Event != nil:
		d = &it.Event.Details
	case it.Task != nil:
		d = &it.Task.Details
	case it.Journal != nil:
		d = &it.Journal.Details
	case it.Note != nil:
		d = &it.Note.Details
	}
	if d != nil && d.Verbatim != nil && !slices.Contains(d.Verbatim.Zones, z) {
		d.Verbatim.Zones = append(d.Verbatim.Zones, z)
	}
}

func (a *Archive) component(p *piece) (c ical.Component, err error) {
	c.Text, err = a.text(p)
	c.Zones = a.zonesOf(p.calendar)
	if p.calendar >= 0 {
		c.Calendar = &a.calendars[p.calendar]
	}
	return c, err
}

func (a *Archive) zonesOf(calendar int32) *ical.Zones {
	if calendar < 0 {
		return a.zones[len(a.zones)-1]
	}
	return a.zones[calendar]
}

// text reads the lines of a component.
func (a *Archive) text(p *piece) ([]byte, error) {
	if p.length > mostItem {
		return nil, errTooLarge
	}
	b := make([]byte, p.length)
	n, err := a.r.ReadAt(b, p.offset)
	if n < len(b) {
		if err == nil || err == io.EOF {
			err = errChanged
		}
		return nil, err
	}
	return bytes.TrimPrefix(b, []byte("\uFEFF")), nil
}

// Close implements [extract.Archive]. The file stays open: it is the caller's.
func (a *Archive) Close() error { return nil }

// describe names the file and its folder.
func (a *Archive) describe(path []string) {
	a.folder = &formats.Folder{Path: slices.Clone(path)}
	var cards, events, tasks, others bool
	for _, i := range a.entries {
		switch a.pieces[i].kind {
		case formats.KindContact, formats.KindGroup:
			cards = true
		case formats.KindEvent:
			events = true
		case formats.KindTask:
			tasks = true
		default:
			others = true
		}
	}
	switch {
	case events:
		a.folder.Class = "IPF.Appointment"
	case tasks:
		a.folder.Class = "IPF.Task"
	case cards:
		a.folder.Class = "IPF.Contact"
	case others:
		a.folder.Class = "IPF.StickyNote"
	}
	old := false
	title := ""
	for i := range a.calendars {
		c := &a.calendars[i]
		old = old || c.Old
		if title == "" {
			title = c.Name
		}
		for _, p := range c.Properties {
			if !slices.ContainsFunc(a.folder.Calendar, func(q formats.Property) bool { return q.Name == p.Name && q.Value == p.Value }) {
				a.folder.Calendar = append(a.folder.Calendar, p)
			}
		}
	}
	switch {
	case len(a.calendars) == 0:
		a.info.Format = "vCard"
		title = "Contacts"
	case old:
		a.info.Format = "vCalendar"
	default:
		a.info.Format = "iCalendar"
	}
	if len(a.folder.Path) == 0 {
		if title == "" {
			title = "Calendar"
		}
		a.folder.Path = []string{title}
	}
}
