package files

import (
	"io"
	"net/url"
	"path"
	"strings"

	"mailmill/formats"
	"mailmill/formats/mime"
	"mailmill/transform/folders"
)

// besideExtension is what the folder of a calendar's attachments has after its name.
const besideExtension = ".files"

// beside stores the large attachments of an item that goes into a calendar as files beside that: in a folder for each
// item, which is named by its key. They are stored while the item is written.
type beside struct {
	target *Target
	item   *formats.Item
	bound  int64  // of what is no file of its own
	dir    string // of the item
	above  string // the path from the calendar to dir
	names  folders.Names
	stored map[*formats.Part]string
	// instead, where it is not nil, is told of what would be stored.
	instead func(name string, p *formats.Part)
	err     error // of the store
}

// besideOf returns what stores the attachments of an item; nil where it has none that are large.
func (t *Target) besideOf(from *source, e *encoded) *beside {
	if e.buffer != nil || !t.large(e) {
		return nil
	}
	place := from.place(e.item.Folder, false) + besideExtension
	above := path.Base(place)
	if !e.branch.joined() {
		above = "../" + above
	}
	return &beside{
		target: t, item: e.item, bound: t.inside, dir: join(place, e.item.Key), above: join(above, e.item.Key), stored: make(map[*formats.Part]string),
	}
}

// large reports whether an item has attachments that are to be files beside its calendar.
func (t *Target) large(e *encoded) bool {
	if t.inside <= 0 || e.branch != t.branches[Calendars] || t.single {
		return false
	}
	found := false
	attachments(e.item, func(p *formats.Part) { found = found || partSize(p) > t.inside })
	return found
}

// attachments calls visit for the leaves of the attachments of an item that is for calendars.
func attachments(it *formats.Item, visit func(*formats.Part)) {
	var lists [][]*formats.Part
	switch {
	case it.Event != nil:
		lists = append(lists, it.Event.Attachments)
		for _, o := range it.Event.Overrides {
			lists = append(lists, o.Attachments)
		}
	case it.Task != nil:
		lists = append(lists, it.Task.Attachments)
	case it.Journal != nil:
		lists = append(lists, it.Journal.Attachments)
	case it.Note != nil:
		lists = append(lists, it.Note.Attachments)
	}
	for _, list := range lists {
		for _, p := range list {
			p.Leaves(visit)
		}
	}
}

// uri stores an attachment and returns where it is, as seen from the calendar. It is empty for one that is not large, or
// cannot be read: who reads it next tells why.
func (b *beside) uri(p *formats.Part) string {
	if partSize(p) <= b.bound || b.err != nil {
		return ""
	}
	if known, ok := b.stored[p]; ok {
		return known
	}
	read, err := reading(p)
	if err != nil {
		return ""
	}
	defer read.close()
	name := p.Name
	if p.Message != nil && p.Content == nil && !strings.HasSuffix(strings.ToLower(name), emlExtension) {
		name += emlExtension
	}
	if name == "" {
		name = "attachment"
	}
	name = b.names.Take(name)
	if b.instead != nil {
		b.instead(name, p)
	} else if b.err = b.store(join(b.dir, name), p, read); b.err != nil {
		return ""
	}
	b.stored[p] = b.above + "/" + name
	for i, segment := range strings.Split(b.stored[p], "/") {
		if i == 0 {
			b.stored[p] = url.PathEscape(segment)
		} else {
			b.stored[p] += "/" + url.PathEscape(segment)
		}
	}
	return b.stored[p]
}

// store writes a file. What of the content cannot be read is damage of the item.
func (b *beside) store(name string, p *formats.Part, from opened) error {
	t := b.target
	if err := t.tree.folder(b.dir); err != nil {
		return err
	}
	f, err := t.store.create()
	if err != nil {
		return err
	}
	out, whole := newSink(f, true), false
	defer func() {
		if !whole {
			out.discard() //nolint:errcheck // there is another error, or a panic
		}
	}()
	err = from.copy(out)
	if out.failed != nil {
		return out.failed
	}
	if err != nil {
		part := "attachment"
		if p.Name != "" {
			part = `attachment "` + p.Name + `"`
		}
		b.item.Lose(formats.Damage{Part: part, Err: err})
	}
	whole = true
	when := modified(b.item)
	size := out.size
	sum, err := out.close(name, when)
	if err != nil {
		return err
	}
	return t.record.file(recordFile{Path: name, Size: size, Modified: stamp(when)}, sum)
}

// opened is an attachment that can be read.
type opened struct {
	content io.ReadCloser
	message *formats.Mail
}

func reading(p *formats.Part) (opened, error) {
	if p.Content == nil {
		return opened{message: p.Message}, nil
	}
	r, err := p.Content.Open()
	return opened{content: r}, err
}

func (o opened) copy(w io.Writer) error {
	if o.content == nil {
		return mime.Write(w, o.message)
	}
	_, err := io.Copy(w, o.content)
	return err
}

func (o opened) close() {
	if o.content != nil {
		o.content.Close()
	}
}
