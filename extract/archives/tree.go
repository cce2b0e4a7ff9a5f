package archives

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"mailmill/extract"
	"mailmill/extract/bundle"
	"mailmill/extract/internal/messages"
	"mailmill/extract/mail"
	"mailmill/formats"
)

// tree is an archive of all that lies in a folder, in a tar or in a zip: messages, calendars and cards in files of their
// own, mboxes, other archives. Its folders are the directories, and the files that hold more than one item.
//
// Messages in files of their own may be many: they are opened when they are read, and nothing else is kept of them but
// their names and dates. Other small files are opened again when something in them is asked for.
type tree struct {
	info    extract.Info
	session *session
	files   fs.FS
	budget  *bundle.Budget
	top     string // the folder in files that it begins with
	parts   []part
	shelves shelves

	mu     sync.Mutex
	recent []recent // light archives that were opened last
	far    []uint64 // indexes that are too large for an entry, see index
	places map[[2]uint64]uint64
}

// part is a file in a tree, or a folder that is an archive of its own.
type part struct {
	dir, name string
	form      form
	size      int64
	modified  time.Time
	// record is that of the tree that mailmill wrote the file into; nil for others. When such a file was changed is when
	// its message was received.
	record *record
	// folder is the one that it lies in, of messages and of what cannot be read.
	folder *formats.Folder
	// subject and date are those of a message.
	subject string
	date    time.Time
	held    *held
	// err says why nothing can be read of it.
	err error
}

func (p *part) path() string { return path.Join(p.dir, p.name) }

// held is an archive that stays open.
type held struct {
	*opened
	mu    sync.Mutex
	outer map[*formats.Folder]*formats.Folder // by the archive's own
	inner map[*formats.Folder]*formats.Folder // by the tree's
}

// recent is a light archive that was opened.
type recent struct {
	part    int
	archive extract.Archive
}

// mostRecent is how many light archives are kept.
const mostRecent = 32

// alone returns the only archive of a tree, if there is no more in it and it has folders of its own: the tree adds
// nothing to it but what the record of one that mailmill wrote knows.
func (t *tree) alone() *opened {
	if len(t.parts) != 1 || t.parts[0].record != nil || t.parts[0].held == nil || !t.parts[0].held.form.whole() {
		return nil
	}
	return t.parts[0].held.opened
}

// folder reports whether archives of a form are folders of files.
func (f form) folder() bool { return f == inMaildir || f == inMH }

// whole reports whether archives of a form are mailboxes with folders of their own.
func (f form) whole() bool {
	switch f {
	case inPST, inOLM, inTar, inZip, inMaildir, inMH:
		return true
	}
	return false
}

// Info implements [extract.Archive].
func (t *tree) Info() extract.Info {
	info := t.info
	info.Notes, info.Warnings = slices.Clone(info.Notes), slices.Clone(info.Warnings)
	for i := range t.parts {
		p := &t.parts[i]
		if p.held == nil {
			continue
		}
		in := p.held.info()
		for _, note := range in.Notes {
			info.Notes = append(info.Notes, p.path()+": "+note)
		}
		for _, warning := range in.Warnings {
			info.Warnings = append(info.Warnings, p.path()+": "+warning)
		}
		if in.Incomplete != "" && info.Incomplete == "" {
			info.Incomplete = p.path() + ": " + in.Incomplete
		}
		if in.Doubt != "" && info.Doubt == "" {
			info.Doubt = p.path() + ": " + in.Doubt
		}
		if info.Owner == nil {
			info.Owner = in.Owner
		}
		if info.CodePage == 0 {
			info.CodePage, info.CodePageReason = in.CodePage, in.CodePageReason
		}
	}
	return info
}

// Folders implements [extract.Archive].
func (t *tree) Folders() []*formats.Folder {
	var met []*formats.Folder
	for i := range t.parts {
		p := &t.parts[i]
		if p.err != nil || p.form == inMail {
			met = append(met, p.folder)
			continue
		}
		a, err := t.archive(context.Background(), i)
		if err != nil {
			met = append(met, t.lost(p, err).folder)
			continue
		}
		for _, f := range a.Folders() {
			met = append(met, t.outer(i, f))
		}
	}
	// The directory Inbox comes before the file Inbox.mbox, and the folder after what is in it.
	seen := make(map[*formats.Folder]bool)
	var list []*formats.Folder
	for _, last := range met {
		for _, f := range t.shelves.way(last) {
			if !seen[f] {
				seen[f] = true
				list = append(list, f)
			}
		}
	}
	return list
}

// Entries implements [extract.Archive]. They are in the order of the names of files, byte by byte.
func (t *tree) Entries(ctx context.Context) iter.Seq2[formats.Entry, error] {
	return t.entries(ctx, func(a extract.Archive) iter.Seq2[formats.Entry, error] { return a.Entries(ctx) })
}

// Places implements [extract.Learner].
func (t *tree) Places(ctx context.Context) iter.Seq2[formats.Entry, error] {
	return t.entries(ctx, func(a extract.Archive) iter.Seq2[formats.Entry, error] {
		if learner, ok := a.(extract.Learner); ok {
			return learner.Places(ctx)
		}
		return func(func(formats.Entry, error) bool) {}
	})
}

// entries enumerates what list yields of every part.
func (t *tree) entries(ctx context.Context, list func(extract.Archive) iter.Seq2[formats.Entry, error]) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		for i := range t.parts {
			if ctx.Err() != nil {
				yield(formats.Entry{}, context.Cause(ctx))
				return
			}
			p := &t.parts[i]
			if p.err != nil || p.form == inMail {
				if !yield(t.single(i), nil) {
					return
				}
				continue
			}
			a, err := t.archive(ctx, i)
			if err != nil {
				if !yield(t.lost(p, err).entry(t.index(i, 0)), nil) {
					return
				}
				continue
			}
			for e, err := range list(a) {
				if err != nil {
					// The rest of this part is lost, and not that of others.
					e = t.lost(p, err).entry(t.index(i, 0))
				} else {
					e = t.out(i, e)
				}
				if !yield(e, nil) {
					return
				}
				if err != nil {
					break
				}
			}
		}
	}
}

// lost is a part of which nothing can be read.
func (t *tree) lost(p *part, err error) *part {
	lost := *p
	lost.err, lost.folder = refused(path.Join(t.info.Path, p.path()), err), t.shelves.at(t.around(p), nil)
	return &lost
}

// single is the entry of a message, or of what cannot be read.
func (t *tree) single(i int) formats.Entry { return t.parts[i].entry(t.index(i, 0)) }

// entry is that of a part that has one.
func (p *part) entry(index uint64) formats.Entry {
	e := formats.Entry{
		Folder: p.folder, ID: p.path(), Index: index, Kind: formats.KindMail, Class: "IPM.Note", Size: p.size, Subject: p.subject, Date: p.date, Err: p.err,
	}
	switch extension(unpackedName(p.name)) {
	case ".ics", ".ical", ".vcs":
		e.Kind, e.Class = formats.KindEvent, ""
	case ".vcf", ".vcard":
		e.Kind, e.Class = formats.KindContact, ""
	}
	return e
}

// out makes an entry of a part's archive the tree's.
func (t *tree) out(i int, e formats.Entry) formats.Entry {
	p := &t.parts[i]
	e.Index = t.index(i, e.Index)
	if e.Folder != nil { // what is learnt from may be in none
		e.Folder = t.outer(i, e.Folder)
	}
	switch {
	case p.form.single():
		e.ID = p.path()
	case !p.form.folder(): // those know their files by the tree's names
		e.ID = p.path() + idMark + e.ID
	}
	return e
}

// outer returns the folder of the tree that stands for one of a part's archive.
func (t *tree) outer(i int, inner *formats.Folder) *formats.Folder {
	p := &t.parts[i]
	if p.held == nil {
		return t.shelf(p, inner)
	}
	h := p.held
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.outer[inner]
	if f == nil {
		f = t.shelf(p, inner)
		if h.outer == nil {
			h.outer, h.inner = make(map[*formats.Folder]*formats.Folder), make(map[*formats.Folder]*formats.Folder)
		}
		h.outer[inner], h.inner[f] = f, inner
	}
	return f
}

// idMark stands between a file's name and the place in it.
const idMark = ":"

// in makes an entry of the tree that of a part's archive again.
func (t *tree) in(ctx context.Context, i int, index uint64, a extract.Archive, e formats.Entry) formats.Entry {
	p := &t.parts[i]
	e.Index = index
	e.ID = strings.TrimPrefix(e.ID, p.path()+idMark)
	if h := p.held; h != nil {
		h.mu.Lock()
		defer h.mu.Unlock()
		if inner, ok := h.inner[e.Folder]; ok {
			e.Folder = inner
		}
		return e
	}
	if !p.form.single() {
		return e
	}
	for own, err := range a.Entries(ctx) {
		if err == nil && own.Index == index {
			e.Folder, e.ID = own.Folder, own.ID
			break
		}
	}
	return e
}

// The index of an entry has the number of its part and the index that its archive knows it by. Where both do not fit it
// is a place in far.
const (
	innerBits = 40
	farIndex  = 1 << 63
)

func (t *tree) index(i int, inner uint64) uint64 {
	if uint64(i) < 1<<(63-innerBits) && inner < 1<<innerBits {
		return uint64(i)<<innerBits | inner
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	key := [2]uint64{uint64(i), inner}
	place, ok := t.places[key]
	if !ok {
		if t.places == nil {
			t.places = make(map[[2]uint64]uint64)
		}
		place = uint64(len(t.far)) / 2
		t.places[key] = place
		t.far = append(t.far, key[:]...)
	}
	return farIndex | place
}

func (t *tree) split(index uint64) (i int, inner uint64, err error) {
	part := index >> innerBits
	inner = index & (1<<innerBits - 1)
	if index&farIndex != 0 {
		t.mu.Lock()
		defer t.mu.Unlock()
		place := 2 * (index &^ farIndex)
		if place+1 >= uint64(len(t.far)) {
			return 0, 0, errNoEntry
		}
		part, inner = t.far[place], t.far[place+1]
	}
	if part >= uint64(len(t.parts)) {
		return 0, 0, errNoEntry
	}
	return int(part), inner, nil
}

var errNoEntry = errors.New("the archive has no such entry")

// Read implements [extract.Archive].
func (t *tree) Read(ctx context.Context, e formats.Entry) (*formats.Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if e.Err != nil {
		return nil, e.Err
	}
	i, inner, err := t.split(e.Index)
	if err != nil {
		return nil, err
	}
	p := &t.parts[i]
	if p.err != nil {
		return nil, p.err
	}
	if p.form == inMail {
		state, written := mail.State{}, p.record.state(p.path())
		if p.record != nil {
			state.Received, state.Flags, state.Keywords = p.modified, written.flags, written.keywords
		}
		content, size, _, lost := messages.Load(t.files, p.path())
		if errors.Is(lost, bundle.ErrFormat) {
			content, size = rest(t.files, p.path())
		} else if lost != nil {
			return nil, lost
		}
		if content == nil {
			return nil, lost
		}
		it, err := mail.New(e, content, size, state, t.session.o)
		if it != nil && lost != nil {
			it.Lose(formats.Damage{Part: "message", Err: lost})
		}
		if it != nil {
			it.Source = t.info.Path
			if written.known {
				it.Flags = written.flags // what another program has left in the header is of another time
			}
		}
		return it, err
	}
	a, err := t.archive(ctx, i)
	if err != nil {
		return nil, err
	}
	it, err := a.Read(ctx, t.in(ctx, i, inner, a, e))
	if it != nil {
		it.Folder, it.ID, it.Index, it.Source = e.Folder, e.ID, e.Index, t.info.Path
		if p.record != nil && p.form == inEMLX && it.Received.IsZero() {
			it.Received = p.modified
		}
	}
	return it, err
}

// rest returns what can be read of a file that is damaged; nil for nothing.
func rest(files fs.FS, name string) (formats.Content, int64) {
	f, err := files.Open(name)
	if err != nil {
		return nil, 0
	}
	defer f.Close()
	const most = 64 << 20
	b, _ := io.ReadAll(io.LimitReader(f, most))
	if len(b) == 0 {
		return nil, 0
	}
	return formats.Bytes(b), int64(len(b))
}

// Learn implements [extract.Learner].
func (t *tree) Learn(ctx context.Context, e formats.Entry, lesson *formats.Lesson) error {
	i, inner, err := t.split(e.Index)
	if err != nil {
		return err
	}
	p := &t.parts[i]
	if p.err != nil {
		return p.err
	}
	if p.form == inMail {
		head, err := messages.Head(t.files, p.path())
		if err == nil {
			mail.Learn(head, lesson)
		}
		return err
	}
	a, err := t.archive(ctx, i)
	if err != nil {
		return err
	}
	learner, ok := a.(extract.Learner)
	if !ok {
		return errors.ErrUnsupported
	}
	return learner.Learn(ctx, t.in(ctx, i, inner, a, e), lesson)
}

// Check implements [extract.Checker] for the parts that do.
func (t *tree) Check(ctx context.Context, progress func(done, total int64)) (*extract.Check, error) {
	var total, before int64
	var checks []int
	for i := range t.parts {
		if h := t.parts[i].held; h != nil {
			if _, ok := h.Archive.(extract.Checker); ok {
				checks = append(checks, i)
				total += h.Archive.Info().Size
			}
		}
	}
	all := new(extract.Check)
	found := false
	for _, i := range checks {
		p := &t.parts[i]
		c, err := p.held.Archive.(extract.Checker).Check(ctx, func(done, _ int64) {
			if progress != nil {
				progress(before+done, total)
			}
		})
		before += p.held.Archive.Info().Size
		if errors.Is(err, errors.ErrUnsupported) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = true
		all.Blocks, all.Bytes, all.More = all.Blocks+c.Blocks, all.Bytes+c.Bytes, all.More+c.More
		for _, f := range c.Faults {
			if f.Folder != nil {
				f.Folder = t.outer(i, f.Folder)
			}
			if f.Entry != nil {
				e := t.out(i, *f.Entry)
				f.Entry = &e
			}
			all.Faults = append(all.Faults, f)
		}
		for _, w := range c.Warnings {
			all.Warnings = append(all.Warnings, p.path()+": "+w)
		}
		for _, r := range c.Remarks {
			all.Remarks = append(all.Remarks, p.path()+": "+r)
		}
	}
	if !found {
		return nil, errors.ErrUnsupported
	}
	return all, nil
}

// archive returns the archive of a part.
func (t *tree) archive(ctx context.Context, i int) (extract.Archive, error) {
	if h := t.parts[i].held; h != nil {
		return h.Archive, nil
	}
	t.mu.Lock()
	for at, r := range t.recent {
		if r.part == i {
			copy(t.recent[1:at+1], t.recent[:at])
			t.recent[0] = r
			t.mu.Unlock()
			return r.archive, nil
		}
	}
	t.mu.Unlock()
	a, err := t.openPart(ctx, &t.parts[i])
	if err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	// What falls out may still be read from: it is left to the collector.
	t.recent = slices.Insert(t.recent[:min(len(t.recent), mostRecent-1)], 0, recent{i, a.Archive})
	return a.Archive, nil
}

// openPart opens the file of a part.
func (t *tree) openPart(ctx context.Context, p *part) (*opened, error) {
	b, cut, err := t.body(ctx, p)
	if err != nil {
		return nil, err
	}
	a, err := t.session.open(ctx, b)
	if err != nil {
		if cut != nil {
			return nil, refused(b.path, cut)
		}
		return nil, err
	}
	if a.cut == nil {
		a.cut = cut
	}
	return a, nil
}

// body makes a part's file one that can be read in any order. Cut says why there is less of it than there was.
func (t *tree) body(ctx context.Context, p *part) (b body, cut, err error) {
	b = body{path: path.Join(t.info.Path, p.path()), folder: t.place(p), size: p.size, modified: p.modified, budget: t.budget}
	f, err := t.files.Open(p.path())
	if err != nil {
		return b, nil, refused(b.path, err)
	}
	defer f.Close()
	if p.size > lightSize {
		if packed, ok := f.(bundle.File); ok {
			b.ReaderAt = packed.At()
			if b.ReaderAt != nil && packed.Summed() && p.form != inPST {
				// A PST has sums of its own.
				_, cut = io.Copy(io.Discard, f)
			}
		} else if _, ok := f.(io.ReaderAt); ok {
			b.ReaderAt = &lazyFile{session: t.session, files: t.files, path: b.path, name: p.path(), size: p.size, modified: p.modified}
		}
		if b.ReaderAt != nil {
			return b, cut, nil
		}
	}
	c, err := t.session.store.Copy(ctx, f, p.size, t.budget)
	if err != nil {
		return b, nil, refused(b.path, err)
	}
	b.ReaderAt, b.size = c, c.Size
	return b, c.Err, nil
}

// Close implements [extract.Archive].
func (t *tree) Close() error {
	var errs []error
	for i := range t.parts {
		if h := t.parts[i].held; h != nil {
			errs = append(errs, h.Close())
		}
	}
	return errors.Join(errs...)
}
