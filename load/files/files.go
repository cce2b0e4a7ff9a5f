// Package files writes items into files: a tree of folders with an mbox for each folder of an archive, a folder of EML
// files for each, or a Maildir, and beside them a calendar and a file of cards for each; the same tree in an archive file;
// or one file with everything of a sort.
//
// What a target is follows from its name, see [Form]. [Open] looks at the place before anything is written, and refuses
// to touch what mailmill has not written itself, or what somebody has changed since: the record of the run that wrote a
// place has sizes, times and hashes. What a run writes is staged in a hidden folder within the place, or
// beside it where it is a file, and moved to its final name when the run is complete. Until then the place holds what it
// held before, and so it stays when the run is interrupted, the disk full or the process killed; what a killed run
// leaves is removed by the next one. Where it was killed while it moved files, the next one first puts back what had
// been there; see [restore].
//
// A target that is a link to a folder or a file is followed, and stays a link; one that leads nowhere is refused. Links
// within a folder are never followed: they are in the way as a file would be, and where the user says so they are
// replaced, while what they lead to stays.
//
// Four things come together, and know nothing of each other's insides:
//
//	Sort     what goes together: mail, calendars, cards, texts
//	shape    how an item looks in a file, and what files are called: mbox, EML, Maildir, .ics, .vcf, .txt
//	layout   how items become files: one each, one a folder, one for all
//	store    where files go: a tree of folders, a tar or zip, one file or standard output, or nowhere
//
// The files of a folder are not synced to the disk one by one: that would cost more than everything else, the archive is
// still there when the power fails, and the same command writes the same files again. A target that is one file is.
package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/mime"
	"mailmill/formats/vcard"
	"mailmill/load"
	"mailmill/transform/folders"
)

// Format is how mail looks in files, and how these lie in folders: [MBOX], [EML] or [Maildir].
type Format interface {
	// Name is what the user calls the format.
	Name() string
	shape
	// places names the folders of an archive, for mail and for all else. They may be the same.
	places([]*formats.Folder) (mail, other places)
}

// shape is how items of a sort look in files.
type shape interface {
	// joined says that the items of a folder follow each other in one file. Else each has its own.
	joined() bool
	// encode writes an item as it stands in its file. A *mime.ContentError says that the item is whole but for some
	// content. It is called by several goroutines at once. Where the names of files tell it, it returns the size that
	// the item has with CRLF.
	encode(io.Writer, *formats.Item) (virtual int64, err error)
	// plan adds to a plan what may be written for a folder's place.
	plan(*plan, string)
	// layout returns what writes items into the target's tree.
	layout(*Target) layout
}

// joinable is the shape of items that may follow each other in one file.
type joinable interface {
	shape
	// compose returns what writes items into the file of a folder, or into that of all, where it is nil.
	compose(*Target, *formats.Folder) composer
}

// Formats returns all formats of mail, the default first.
func Formats() []Format { return []Format{MBOX, EML, Maildir} }

// places are the names that the folders of an archive have in a tree: paths of safe names joined by slashes.
type places interface {
	// Place returns the place of a folder. One that was not listed gets a place of its own.
	Place(*formats.Folder) string
	// Places returns those that are known.
	Places() map[*formats.Folder]string
}

// layout turns items into the files of a store. It serves one goroutine.
type layout interface {
	// write stores an item. After an error that is not fatal the store is as if the item had not been.
	write(*source, *encoded) error
	// leave completes the files of the folder at hand.
	leave() error
	// close completes all files.
	close() error
	// discard ends what is under way. The store drops all of it next.
	discard()
}

// Source is an archive of the run, as far as the names of files depend on it.
type Source struct {
	// Name is the archive's name in items.
	Name string
	// Folders are those of the archive in the order of its tree. Entries may lie in others; those get their places
	// in the order in which they come.
	Folders []*formats.Folder
	// Size and Modified identify the file for the record.
	Size     int64
	Modified string
}

// Options say what is written and how.
type Options struct {
	// Format is that of mail.
	Format Format
	// Kinds are the kinds of items that are written, and none are all. Others are filtered; see [Form.Kinds].
	Kinds []formats.Kind
	// Split writes a file for each event, task, note, journal entry, contact and list, named and made as calendar and
	// contact servers want them, rather than one for all of a folder.
	Split bool
	// Calendar and Cards say how these look. The names of calendars are those of the folders.
	Calendar ical.Options
	Cards    vcard.Options
	// TextNotes writes notes as files of text rather than into calendars.
	TextNotes bool
	// Inside is how many bytes an attachment in a calendar may have to stand in that; larger ones become files beside it.
	// 0 is no bound, and one file holds them all.
	Inside int64
	// FollowUps writes the tasks that items of other kinds carry, too.
	FollowUps bool
	// Prefix is a path of folders below which everything goes that is not one file. [folders.SourceMark] in it stands for the
	// name of the archive.
	Prefix  string
	Sources []Source
	// Record is what the record of the run keeps of the options that the result depends on: a run with the same may
	// replace it. Options without influence on the result, such as the number of jobs, have no place in it.
	Record map[string]string
	// Version is that of mailmill.
	Version string
	// Overwrite replaces what is in the way.
	Overwrite bool
}

// Target is a [load.Target] that writes files.
type Target struct {
	format   Format
	branches [sorts]*branch // nil for what is not written
	sources  []*source
	byName   map[string]*source
	store    store
	tree     tree // the store, where it holds folders
	record   *recorder
	single   bool  // it is one file
	inside   int64 // see Options
	followUp bool

	from   *source // of the folder at hand
	folder *formats.Folder
	ended  bool
}

// branch is what a target does with the items of a sort.
type branch struct {
	shape
	layout layout
	mail   bool
}

// source is the places of an archive's folders.
type source struct {
	mail, other places
	below       string // the archive's own place, or empty where it is the only one
}

// place returns the place of a folder for mail, or for all else.
func (s *source) place(f *formats.Folder, mail bool) string {
	if mail {
		return join(s.below, s.mail.Place(f))
	}
	return join(s.below, s.other.Place(f))
}

// each calls visit with the place of every folder that is known.
func (s *source) each(mail bool, visit func(place string)) {
	list := s.other
	if mail {
		list = s.mail
	}
	for f := range list.Places() {
		visit(s.place(f, mail))
	}
}

// join joins paths, either of which may be empty.
func join(above, name string) string {
	if above == "" || name == "" {
		return above + name
	}
	return above + "/" + name
}

// newTarget names the folders of all sources.
func newTarget(o *Options, form Form) *Target {
	t := &Target{
		format: o.Format, byName: make(map[string]*source, len(o.Sources)), single: form.Single(), inside: o.Inside, followUp: o.FollowUps,
	}
	for sort, s := range o.shapes(form) {
		if s != nil {
			t.branches[sort] = &branch{shape: s, mail: Sort(sort) == Mail}
		}
	}
	var names folders.Names
	for _, from := range o.Sources {
		if t.byName[from.Name] != nil {
			continue // the same archive twice: its items share their folders
		}
		s := new(source)
		s.mail, s.other = o.Format.places(from.Folders)
		s.below = o.below(names.Take(folders.SourceName(from.Name)))
		t.sources = append(t.sources, s)
		t.byName[from.Name] = s
	}
	return t
}

// below returns the place of an archive: below the prefix, and where there are several each in a folder of its own.
func (o *Options) below(source string) string {
	prefix := o.Prefix
	if len(o.Sources) > 1 && !strings.Contains(prefix, folders.SourceMark) {
		prefix += "/" + folders.SourceMark
	}
	return folders.Below(prefix, source)
}

// Encode implements [load.Target].
func (t *Target) Encode(_ context.Context, it *formats.Item) (load.Encoded, error) {
	sort, ok := sortOf(it)
	if !ok {
		return nil, errNothing
	}
	e := &encoded{item: it, branch: t.branches[sort]}
	if e.branch == nil && sort == Texts {
		e.branch = t.branches[Calendars]
	}
	if e.branch == nil {
		return e, nil
	}
	if task := t.followUpOf(it); task != nil {
		if e.also = (&encoded{item: task, branch: t.branches[Calendars]}); t.encode(e.also) != nil {
			e.also = nil // Write tells why
		}
	}
	if contentSize(it) > largestBuffered || t.large(e) {
		return e, nil
	}
	if err := t.encode(e); err != nil {
		e.Release()
		return nil, err
	}
	return e, nil
}

// followUpOf returns the task that an item carries, as an item, where it is to be written.
func (t *Target) followUpOf(it *formats.Item) *formats.Item {
	if !t.followUp || it.FollowUp == nil || t.branches[Calendars] == nil {
		return nil
	}
	task := &formats.Item{Entry: it.Entry, Source: it.Source, Identity: it.FollowUp.UID, Modified: it.Modified, Keywords: it.Keywords, Task: it.FollowUp}
	task.Kind, task.Key = formats.KindTask, formats.Key(formats.KindTask, it.FollowUp.UID)
	return task
}

// errNothing is the failure of an item that has no body.
var errNothing = errors.New("there is nothing in it that could be written")

// encode encodes an item into memory, unless it turns out to be too large for that.
func (t *Target) encode(e *encoded) error {
	b := new(buffer)
	virtual, err := e.branch.encode(b, e.item)
	if errors.Is(err, errTooLarge) {
		b.release()
		return nil
	}
	e.blob, e.virtual = blob{buffer: b, size: b.size}, virtual
	if err = mime.LoseContent(e.item, err); err == nil && !e.branch.joined() {
		e.sum = b.digest()
		err = t.tree.seal(&e.blob)
	}
	if err != nil {
		e.Release()
	}
	return err
}

// stream encodes an item again, for one that did not fit into memory.
func (t *Target) stream(w io.Writer, e *encoded) error {
	if e.beside != nil {
		return t.branches[Calendars].shape.(calendars).encodeBeside(w, e)
	}
	virtual, err := e.branch.encode(w, e.item)
	e.virtual = virtual
	return mime.LoseContent(e.item, err)
}

// Write implements [load.Writer].
func (t *Target) Write(_ context.Context, enc load.Encoded) (load.Outcome, error) {
	e, ok := enc.(*encoded)
	if !ok {
		return load.Failed, fmt.Errorf("an item that was encoded for another target: %T", enc)
	}
	if e.branch == nil {
		return load.Filtered, nil
	}
	from := t.byName[e.item.Source]
	if from == nil {
		return load.Failed, fmt.Errorf("an item of an archive that the target was not told of: %s", e.item.Source)
	}
	if from != t.from || e.item.Folder != t.folder {
		if err := t.leave(); err != nil {
			return load.Failed, err
		}
		t.from, t.folder = from, e.item.Folder
	}
	e.beside = t.besideOf(from, e)
	if err := e.branch.layout.write(from, e); err != nil {
		return load.Failed, err
	}
	return load.Written, t.writeFollowUp(from, e)
}

// writeFollowUp writes the task that an item carries. The item itself is written by now: what goes wrong is damage.
func (t *Target) writeFollowUp(from *source, e *encoded) error {
	task := t.followUpOf(e.item)
	if task == nil {
		return nil
	}
	if e.also == nil {
		e.also = &encoded{item: task, branch: t.branches[Calendars]}
	}
	err := e.also.branch.layout.write(from, e.also)
	if fatal := (*load.Fatal)(nil); err == nil || errors.As(err, &fatal) {
		return err
	}
	e.item.Lose(formats.Damage{Part: "task for follow-up", Err: err})
	return nil
}

// leave completes the files of the folder at hand.
func (t *Target) leave() error {
	for _, b := range t.branches {
		if b != nil {
			if err := b.layout.leave(); err != nil {
				return err
			}
		}
	}
	return nil
}

// write stores a small file that holds no item. One in which others have a part gets the clock's time: they may go by it.
func (t *Target) write(name string, modified time.Time, data []byte, shared bool) error {
	if shared {
		modified = time.Time{}
	}
	content, err := newBlob(data)
	if err != nil {
		return err
	}
	if err := t.record.file(recordFile{Path: name, Size: content.size, Modified: stamp(modified), Shared: shared}, digestOf(data)); err != nil {
		return err
	}
	if err := t.tree.seal(&content); err != nil {
		return err
	}
	return t.tree.put(name, modified, content)
}

// encoded is an item on its way into a file: in a buffer, or to be streamed.
type encoded struct {
	item    *formats.Item
	branch  *branch  // nil where nobody asked for the item
	blob             // without a buffer: the item is streamed
	sum     digest   // of the file, where the item has its own
	virtual int64    // the size with CRLF, where the format tells
	also    *encoded // what goes with it, or nil
	beside  *beside  // what stores its attachments, where that is not the item's file
}

func (e *encoded) Item() *formats.Item { return e.item }
func (e *encoded) Size() int64         { return e.size }

func (e *encoded) Held() int64 {
	var n int64
	if e.buffer != nil {
		n = e.buffer.held()
	}
	if e.also != nil {
		n += e.also.Held()
	}
	return n
}

// Release implements [load.Encoded].
func (e *encoded) Release() {
	e.release()
	if e.also != nil {
		e.also.release()
	}
}

// contentSize sums up what is known of the sizes of an item's parts.
func contentSize(it *formats.Item) int64 {
	var n int64
	add := func(parts ...*formats.Part) {
		for _, p := range parts {
			if p != nil {
				n += partSize(p)
			}
		}
	}
	switch {
	case it.Mail != nil && it.Mail.Original != nil:
		n = it.Mail.Original.Size
	case it.Mail != nil:
		add(it.Mail.Root)
	case it.Event != nil:
		add(it.Event.Attachments...)
		for _, o := range it.Event.Overrides {
			add(o.Attachments...)
		}
	case it.Task != nil:
		add(it.Task.Attachments...)
	case it.Journal != nil:
		add(it.Journal.Attachments...)
	case it.Note != nil:
		add(it.Note.Attachments...)
	case it.Contact != nil:
		add(it.Contact.Photo)
		add(it.Contact.Keys...)
		add(it.Contact.Attachments...)
	case it.Group != nil:
		add(it.Group.Attachments...)
	}
	return n
}

func partSize(p *formats.Part) int64 {
	var n int64
	p.Leaves(func(p *formats.Part) {
		n += max(p.Size, 0)
		if p.Message != nil && p.Message.Root != nil {
			n += partSize(p.Message.Root)
		}
	})
	return n
}
