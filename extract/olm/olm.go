// Package olm reads the archives that Outlook for Mac exports: zip files of XML, one file for each mail and one for each
// calendar, address book, list of tasks and of notes, with attachments as files beside them.
//
//	archive, err := olm.Open(path, r, size, modified, options)
//
// There is no specification. What the elements mean was learnt from archives that Outlook 16 made and from programs of
// others; where only the latter tell, a comment says "unchecked". Times are in UTC throughout; days are midnights of the
// clock of whoever exported.
//
// A mail becomes what package outlook makes of the same mail in a PST: the archive has no messages as they came over the
// internet, but their texts, participants, identifiers and attachments. Of what stands in the XML and is not written there is
// what programs make anew: previews, indexes of threads, what Exchange found in a text.
//
// Members are read when they are asked for. XML is read as it occurs: what is not closed ends with what it is in, bytes that
// are no UTF-8 are replaced, which the item tells, entities are the five of XML, and nothing is ever fetched.
package olm

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync"
	"time"

	"mailmill/extract"
	"mailmill/extract/outlook"
	"mailmill/formats"
	"mailmill/formats/codepage"
	"mailmill/formats/mapi"
)

// The names that Outlook gives to folders of an archive that are no folders to a person.
const (
	messagesName    = "com.microsoft.__Messages"
	attachmentsName = "com.microsoft.__Attachments"
	localName       = "Local"
	accountsName    = "Accounts"
)

// Limits on what a hostile archive can cost.
const (
	maxXML        = 512 << 20 // bytes of an XML file, which is held in memory
	maxAttachment = 2 << 30
	headLen       = 4096 // of which the name of the root element is read
	maxWarnings   = 1000
)

// Archive is an opened archive.
type Archive struct {
	opt     extract.Options
	convert *outlook.Converter
	members map[string]*member
	folders []*formats.Folder
	docs    []*doc
	zones   zones
	usual   func() *formats.Zone

	mu   sync.Mutex
	info extract.Info
	said map[string]bool
	last *collection // the one that was read last
}

var (
	_ extract.Archive = (*Archive)(nil)
	_ extract.Learner = (*Archive)(nil)
)

// doc is an XML file.
type doc struct {
	*member
	folder *formats.Folder
	index  int
}

// member is a file in the archive.
type member struct{ f *zip.File }

func (m *member) size() int64 { return int64(min(m.f.UncompressedSize64, 1<<62)) } //nolint:gosec // it is less

// Open implements [formats.Content].
func (m *member) Open() (io.ReadCloser, error) {
	if m.size() > maxAttachment {
		return nil, fmt.Errorf("%q has %d bytes, more than a file of a mail has", m.f.Name, m.size())
	}
	return m.f.Open()
}

// Is reports whether a zip file is such an archive, by the names in it.
func Is(z *zip.Reader) bool {
	for _, f := range z.File {
		top, rest, _ := strings.Cut(f.Name, "/")
		if (top == localName || top == accountsName) && (strings.Contains(rest, messagesName) || kindOfFile(rest)) {
			return true
		}
	}
	return false
}

// kindOfFile reports whether a file is called as those that hold calendars and the like.
func kindOfFile(path string) bool {
	switch path[strings.LastIndexByte(path, '/')+1:] {
	case "Contacts.xml", "Groups.xml", "Calendar.xml", "Tasks.xml", "Notes.xml":
		return true
	}
	return false
}

// Open opens an archive of size bytes, which was last changed at the time given. Path is what it is called in errors, and r
// stays open when the archive is closed. An error is an [extract.SourceError].
func Open(path string, r io.ReaderAt, size int64, modified time.Time, o extract.Options) (*Archive, error) {
	z, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, &extract.SourceError{
			Path: path, Problem: "cannot be read: " + err.Error(), Advice: "Fetch it again if a copy or a download did not succeed",
			Err: fmt.Errorf("%w: %w", extract.ErrUnreadable, err),
		}
	}
	if !Is(z) {
		return nil, &extract.SourceError{Path: path, Problem: "is not an Outlook for Mac archive (.olm) but another zip file", Err: extract.ErrNotArchive}
	}
	a := &Archive{opt: o, members: make(map[string]*member, len(z.File)), said: make(map[string]bool)}
	a.info = extract.Info{
		Path: path, Format: "Outlook for Mac archive (OLM)", Size: size, Modified: modified.UTC(),
		CodePage: codepage.UTF8, CodePageReason: "the archive is in Unicode",
	}
	a.usual = sync.OnceValue(a.usualZone)
	a.convert = converter(o, a.zone)
	a.read(z)
	return a, nil
}

// warn adds a warning, once.
func (a *Archive) warn(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := fmt.Sprintf(format, args...); !a.said[s] && len(a.said) < maxWarnings {
		a.said[s] = true
		a.info.Warnings = append(a.info.Warnings, s)
	}
}

// lacks notes that items are missing which cannot be counted.
func (a *Archive) lacks(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.info.Incomplete == "" {
		a.info.Incomplete = fmt.Sprintf(format, args...)
	}
}

// Info implements [extract.Archive].
func (a *Archive) Info() extract.Info {
	a.mu.Lock()
	defer a.mu.Unlock()
	info := a.info
	info.Warnings = append([]string(nil), info.Warnings...)
	return info
}

// Folders implements [extract.Archive].
func (a *Archive) Folders() []*formats.Folder { return a.folders }

// find returns the member that an attachment is.
func (a *Archive) find(path string) (*member, error) {
	if m := a.members[strings.Trim(path, "/")]; m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("%q is not in the archive", path)
}

// head is what the first bytes of an XML file tell.
type head struct {
	root  string
	count int // of elements, -1 where it is not told
}

func (d *doc) head() (head, error) {
	h := head{count: -1}
	r, err := d.f.Open()
	if err != nil {
		return h, err
	}
	defer r.Close()
	b := make([]byte, headLen)
	n, err := io.ReadFull(r, b)
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		return h, err
	}
	s := scanner{b: b[:n]}
	t := s.root()
	h.root = t.name
	for _, at := range t.attrs {
		if f, ok := number(at.value); at.name == "elementCount" && ok && f >= 0 {
			h.count = int(f)
		}
	}
	return h, nil
}

// kinds are the elements that items are, by the root that they are in.
var kinds = map[string]struct {
	kind    formats.Kind
	class   string
	element string
}{
	"emails":       {formats.KindMail, "IPM.Note", "email"},
	"email":        {formats.KindMail, "IPM.Note", "email"},
	"appointments": {formats.KindEvent, "IPM.Appointment", "appointment"},
	"contacts":     {formats.KindContact, "IPM.Contact", "contact"},
	"groups":       {formats.KindGroup, "IPM.DistList", "group"},
	"tasks":        {formats.KindTask, "IPM.Task", "task"},
	"notes":        {formats.KindNote, "IPM.StickyNote", "note"},
}

// Entries implements [extract.Archive]. Of mails it reads the first bytes, of other items all.
func (a *Archive) Entries(ctx context.Context) iter.Seq2[formats.Entry, error] {
	return func(yield func(formats.Entry, error) bool) {
		for _, d := range a.docs {
			if err := ctx.Err(); err != nil {
				yield(formats.Entry{}, err)
				return
			}
			for _, e := range a.entries(d) {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// entries lists those of a file.
func (a *Archive) entries(d *doc) []formats.Entry {
	e := formats.Entry{Folder: d.folder, ID: d.f.Name, Index: uint64(d.index) << 32, Size: d.size()} //nolint:gosec // not negative
	h, err := d.head()
	if err != nil {
		e.Kind, e.Class, e.Err = formats.KindMail, "IPM.Note", fmt.Errorf("%s: %w", d.f.Name, err)
		return []formats.Entry{e}
	}
	k, ok := kinds[h.root]
	if !ok {
		if h.root != "categories" {
			a.warn("%s is left out: nothing is known of what it holds (%q)", d.f.Name, h.root)
		}
		return nil
	}
	e.Kind, e.Class = k.kind, k.class
	if k.kind == formats.KindMail && (h.count == 1 || h.root == "email") {
		return []formats.Entry{e}
	}
	c, err := a.load(d)
	if err != nil && len(c.groups) == 0 {
		e.Err = fmt.Errorf("%s: %w", d.f.Name, err)
		return []formats.Entry{e}
	}
	if len(c.spans) < h.count {
		a.lacks("%s says that it holds %d items, and has %d", d.f.Name, h.count, len(c.spans))
	}
	list := make([]formats.Entry, 0, len(c.groups))
	e.Size = 0
	for i, g := range c.groups {
		one := e
		one.Index |= uint64(i) //nolint:gosec // not negative
		one.ID = fmt.Sprintf("%s#%d", d.f.Name, g.main+1)
		list = append(list, one)
	}
	return list
}

// collection is an XML file in memory.
type collection struct {
	doc    *doc
	b      []byte
	root   string
	spans  []span
	groups []group
}

// group is an item: an element and, of a series of appointments, those that are exceptions of it.
type group struct {
	main      int
	overrides []int
}

// load reads a file. The one of many items that was read last is kept, as items are read one after the other.
func (a *Archive) load(d *doc) (*collection, error) {
	a.mu.Lock()
	last := a.last
	a.mu.Unlock()
	if last != nil && last.doc == d {
		return last, nil
	}
	c := &collection{doc: d}
	if d.size() > maxXML {
		return c, fmt.Errorf("it has more than %d MB", maxXML>>20)
	}
	r, err := d.Open()
	if err != nil {
		return c, err
	}
	defer r.Close()
	var b bytes.Buffer
	_, readErr := b.ReadFrom(io.LimitReader(r, maxXML))
	c.b = b.Bytes()
	c.root, c.spans, err = items(c.b)
	if c.root == "email" {
		c.spans, err = []span{{0, len(c.b)}}, nil
	}
	c.group()
	if readErr != nil {
		err = readErr
	}
	if err != nil {
		a.lacks("%s: %v", d.f.Name, err)
		return c, err
	}
	if len(c.groups) > 1 { // a file of one item is read once
		a.mu.Lock()
		a.last = c
		a.mu.Unlock()
	}
	return c, nil
}

// group puts exceptions to the series that they are of.
func (c *collection) group() {
	if c.root != "appointments" {
		for i := range c.spans {
			c.groups = append(c.groups, group{main: i})
		}
		return
	}
	series := make(map[string]int) // a group's number by its UUID
	type exception struct {
		uid string
		at  int
	}
	var exceptions []exception
	for i, s := range c.spans {
		n, _ := parse(c.b[s.from:s.to])
		uid := n.line("OPFCalendarEventCopyUUID")
		if uid != "" && n.line("OPFCalendarEventCopyRecurrenceId") != "" && n.child("OPFCalendarEventCopyRecurrence") == nil {
			exceptions = append(exceptions, exception{uid, i})
			continue
		}
		if _, ok := series[uid]; !ok && uid != "" && truth(n.get("OPFCalendarEventIsRecurring")) {
			series[uid] = len(c.groups)
		}
		c.groups = append(c.groups, group{main: i})
	}
	for _, e := range exceptions {
		if g, ok := series[e.uid]; ok {
			c.groups[g].overrides = append(c.groups[g].overrides, e.at)
		} else {
			c.groups = append(c.groups, group{main: e.at})
		}
	}
}

// element returns what an entry stands for: its element, exceptions, and its bytes. An error that comes with an element says
// what is wrong with it.
func (a *Archive) element(e formats.Entry) (n *node, overrides []*node, raw []byte, err error) {
	at := int(e.Index >> 32) //nolint:gosec // it came from here
	if at >= len(a.docs) {
		return nil, nil, nil, fmt.Errorf("there is no entry %q", e.ID)
	}
	c, loadErr := a.load(a.docs[at])
	i := int(e.Index & 0xFFFFFFFF) //nolint:gosec // it came from here
	if i >= len(c.groups) {
		if loadErr == nil {
			loadErr = errors.New("there is no such item in it")
		}
		return nil, nil, nil, fmt.Errorf("%s: %w", e.ID, loadErr)
	}
	g := c.groups[i]
	raw = c.b[c.spans[g.main].from:c.spans[g.main].to]
	n, err = parse(raw)
	for _, o := range g.overrides {
		k, bad := parse(c.b[c.spans[o].from:c.spans[o].to])
		err = errors.Join(err, bad)
		overrides = append(overrides, k)
	}
	if e.Kind == formats.KindMail && e.ID == a.docs[at].f.Name && len(c.spans) > 1 {
		err = errors.Join(err, fmt.Errorf("the file says that it holds one mail, and has %d: the others are left out", len(c.spans)))
	}
	return n, overrides, raw, err
}

// Read implements [extract.Archive].
func (a *Archive) Read(ctx context.Context, e formats.Entry) (*formats.Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if e.Err != nil {
		return nil, e.Err
	}
	n, overrides, raw, bad := a.element(e)
	if n == nil {
		return nil, bad
	}
	it := &formats.Item{Entry: e}
	if e.Kind == formats.KindMail {
		var err error
		if it, err = a.mail(ctx, e, n, raw); err != nil {
			return nil, err
		}
	} else {
		a.other(it, n, overrides, raw)
	}
	it.Source = a.info.Path
	if bad != nil {
		it.Lose(formats.Damage{Part: "item", Err: bad})
	}
	return it, nil
}

// other fills in an item that is no mail.
func (a *Archive) other(it *formats.Item, n *node, overrides []*node, raw []byte) {
	for _, prefix := range [...]string{"OPFCalendarEventCopy", "OPFContactCopy", "OPFGroupCopy", "OPFTaskCopy", "OPFNoteCopy"} {
		if t := moment(n.get(prefix + "ModDate")); !t.IsZero() {
			it.Modified, it.Date = t, t
		}
		if list := categories(n.child(prefix + "CategoryList")); len(list) > 0 {
			it.Keywords = list
		}
	}
	switch it.Kind {
	case formats.KindEvent:
		a.event(it, n, overrides)
	case formats.KindContact:
		a.contact(it, n, raw)
	case formats.KindGroup:
		a.group(it, n, raw)
	case formats.KindTask:
		a.task(it, n, raw)
	case formats.KindNote:
		a.note(it, n, raw)
	}
	it.Key = formats.Key(it.Kind, it.Identity)
}

// Places implements [extract.Learner].
func (a *Archive) Places(ctx context.Context) iter.Seq2[formats.Entry, error] { return a.Entries(ctx) }

// Learn implements [extract.Learner].
func (a *Archive) Learn(ctx context.Context, e formats.Entry, lesson *formats.Lesson) error {
	if e.Kind == formats.KindMail && e.Err == nil {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, _, raw, err := a.element(e)
		if n == nil {
			return err
		}
		a.learnMail(e, n, raw, lesson)
		return nil
	}
	it, err := a.Read(ctx, e)
	if err != nil {
		return err
	}
	lesson.Date = it.Date
	it.Participants(func(p *formats.Address) {
		one := formats.Evidence{Class: formats.EvidenceSeen, Name: p.Name, SMTP: p.SMTP}
		if clean := mapi.CleanAddress(p.Stored); mapi.IsDN(clean) {
			one.DN = clean
		}
		if one.SMTP != "" || one.DN != "" {
			lesson.Evidence = append(lesson.Evidence, one)
		}
	})
	return nil
}

// Close implements [extract.Archive].
func (a *Archive) Close() error { return nil }

// zones remembers zones by their names: archives have few.
type zones struct {
	mu   sync.Mutex
	list map[[2]string]*formats.Zone
}

func (z *zones) get(id, shown string) *formats.Zone {
	const most = 1000
	if id == "" && shown == "" {
		return nil
	}
	key := [2]string{id, shown}
	z.mu.Lock()
	defer z.mu.Unlock()
	zone, ok := z.list[key]
	if !ok {
		zone = zoneByName(id, shown)
		if z.list == nil {
			z.list = make(map[[2]string]*formats.Zone)
		}
		if len(z.list) < most {
			z.list[key] = zone
		}
	}
	return zone
}

// zone is that of the owner's clock, nil where nobody knows: the one that was asked for, else the one that most events are in.
func (a *Archive) zone() *formats.Zone {
	if a.opt.Zone != nil {
		return a.opt.Zone
	}
	return a.usual()
}

func (a *Archive) usualZone() *formats.Zone {
	count := make(map[*formats.Zone]int)
	var best *formats.Zone
	for _, d := range a.docs {
		if h, err := d.head(); err != nil || h.root != "appointments" {
			continue
		}
		c, _ := a.load(d)
		for _, s := range c.spans {
			n, _ := parse(c.b[s.from:s.to])
			z := a.zoneOf(n)
			if z == nil {
				continue
			}
			if count[z]++; best == nil || count[z] > count[best] {
				best = z
			}
		}
	}
	return best
}
