package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"

	"mailmill/formats"
	"mailmill/formats/ical"
	"mailmill/formats/maildir"
	"mailmill/formats/mime"
	"mailmill/load"
	"mailmill/load/compare"
	"mailmill/load/resource"
	"mailmill/load/verify"
)

// Mirror is the reading side of a target: a [verify.Mirror] of what [Open] writes with the same options. Its places are
// folders, with a slash at their ends, and the files that hold the items of a folder one after the other; a target that is
// one file is the place "". It sees the files of those sorts that the run would write, whoever wrote them.
//
// Flags, keywords and dates are compared where the format keeps them: in mbox files and Maildirs.
type Mirror struct {
	target *Target // names what a run would write, and writes nothing
	path   string
	form   Form
	tree   readTree // nil where the target is one file
	ours   map[string]bool

	from     *source // of the folder at hand
	folder   *formats.Folder
	ids      [sorts]resource.Identities
	texts    *itemNames
	keywords map[string]*maildir.Keywords // by place
}

// ErrNoTarget says that there is nothing to compare with.
var ErrNoTarget = errors.New("cannot be read back")

// OpenMirror prepares to read what a target holds. The options are those with which it was written; see [Recorded].
func OpenMirror(path string, o Options) (*Mirror, error) {
	form := FormOf(path)
	if form.Stream() {
		return nil, fmt.Errorf("standard output %w", ErrNoTarget)
	}
	m := &Mirror{target: newTarget(&o, form), path: path, form: form, keywords: make(map[string]*maildir.Keywords)}
	if err := m.target.start(nowhere{}, form, &o); err != nil {
		return nil, err
	}
	if form.Folder() && unfinished(path) {
		return nil, fmt.Errorf("%s: %w", path, ErrUnfinished)
	}
	if form.Single() {
		in, err := form.openSingleFile(path)
		if err != nil {
			return nil, err
		}
		return m, in.Close()
	}
	var err error
	if m.tree, err = form.openTree(path); err != nil {
		return nil, err
	}
	if m.ours, err = m.recorded(); err != nil {
		return nil, errors.Join(err, m.tree.close())
	}
	return m, nil
}

// recorded returns the names of the files that the record of a run tells of; none where there is no record to be read.
func (m *Mirror) recorded() (map[string]bool, error) {
	rec, err := m.tree.record()
	if err != nil || rec == nil {
		return nil, err
	}
	ours := make(map[string]bool, len(rec.Files))
	for i := range rec.Files {
		ours[rec.Files[i].Path] = true
	}
	return ours, nil
}

// Recorded returns the format and the options, as [Options.Record] had them, of the run that wrote a folder or an archive
// file; ok is false where there is no record of one.
func Recorded(path string) (format string, options map[string]string, ok bool, err error) {
	form := FormOf(path)
	if form.Single() {
		return "", nil, false, nil
	}
	tree, err := form.openTree(path)
	if err != nil {
		return "", nil, false, err
	}
	defer tree.close()
	rec, err := tree.record()
	if err != nil || rec == nil {
		return "", nil, false, err
	}
	return rec.Format, rec.Options, true, nil
}

// Close implements [verify.Mirror].
func (m *Mirror) Close() error {
	if m.tree == nil {
		return nil
	}
	return m.tree.close()
}

// mirrored is an item of which is known what a target would hold.
type mirrored struct {
	encoded
	facts compare.Facts // of a mail
}

// Encode implements [verify.Mirror]. What a mail says is found out here, where several goroutines are at work.
func (m *Mirror) Encode(_ context.Context, it *formats.Item) (load.Encoded, error) {
	t := m.target
	sort, ok := sortOf(it)
	if !ok {
		return nil, errNothing
	}
	e := &mirrored{encoded: encoded{item: it, branch: t.branches[sort]}}
	if e.branch == nil && sort == Texts {
		e.branch = t.branches[Calendars]
	}
	if it.Mail == nil || e.branch == nil {
		return e, nil
	}
	var err error
	e.facts, err = verify.MailFacts(func(w io.Writer) error {
		counted := &counter{w: w}
		err := mime.LoseContent(it, mime.Write(counted, it.Mail))
		e.size = counted.n
		return err
	})
	return e, err
}

// counter counts what is written.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// Expect implements [verify.Mirror].
func (m *Mirror) Expect(_ context.Context, enc load.Encoded) (x verify.Expectation, taken bool, err error) {
	e, ok := enc.(*mirrored)
	if !ok {
		return x, false, fmt.Errorf("an item that was encoded for another target: %T", enc)
	}
	if e.branch == nil {
		return x, false, nil
	}
	t := m.target
	from := t.byName[e.item.Source]
	if from == nil {
		return x, false, fmt.Errorf("an item of an archive that the target was not told of: %s", e.item.Source)
	}
	if !t.single && (from != m.from || e.item.Folder != m.folder) {
		m.from, m.folder = from, e.item.Folder
		m.ids, m.texts = [sorts]resource.Identities{}, nil
	}
	if x, err = m.expect(from, e); err != nil {
		return x, false, err
	}
	if task := t.followUpOf(e.item); task != nil {
		also := &mirrored{encoded: encoded{item: task, branch: t.branches[Calendars]}}
		more, err := m.expect(from, also)
		if err != nil {
			return x, false, err
		}
		x.Also = append(append(x.Also, more), more.Also...)
	}
	return x, true, nil
}

// expect says what the target holds of an item without its follow-up.
func (m *Mirror) expect(from *source, e *mirrored) (verify.Expectation, error) {
	place := from.place(e.item.Folder, e.branch.mail)
	x := verify.Expectation{Place: folderName(place)}
	switch shape := e.branch.shape.(type) {
	case calendars:
		x.Form = verify.Calendar
		m.setPlace(&x, place, calendarExtension, e.branch.joined())
		return m.expectCalendar(x, from, e, shape)
	case cards:
		x.Form = verify.Card
		m.setPlace(&x, place, cardExtension, e.branch.joined())
		it, _ := m.ids[Cards].Take(e.item)
		x.WriteTo = func(w io.Writer) error {
			_, err := shape.encode(w, it)
			return mime.LoseContent(e.item, err)
		}
	case texts:
		x.Form = verify.Text
		if m.texts == nil {
			m.texts = &itemNames{extension: textExtension, reserved: m.target.reserved(false, textExtension)[place]}
		}
		x.Name = m.texts.name(e.item)
		x.WriteTo = func(w io.Writer) error {
			_, err := shape.encode(w, e.item)
			return mime.LoseContent(e.item, err)
		}
	default:
		x.Facts = e.facts
		x.WriteTo = func(w io.Writer) error { return mime.Write(w, e.item.Mail) }
		switch m.target.format {
		case MBOX:
			m.setPlace(&x, place, mboxExtension, true)
			expectMbox(&x, e.item)
		case Maildir:
			return x, m.expectMaildir(&x, place, e.item)
		}
	}
	return x, nil
}

// setPlace names the place of items that follow each other in a file.
func (m *Mirror) setPlace(x *verify.Expectation, place, extension string, joined bool) {
	switch {
	case m.target.single:
		x.Place = ""
	case joined:
		x.Place = place + extension
	}
}

// folderName is what a folder is called as a place.
func folderName(place string) string {
	if place == "" {
		return "./"
	}
	return place + "/"
}

// expectCalendar says what a calendar holds of an item, and which files beside it.
func (m *Mirror) expectCalendar(x verify.Expectation, from *source, e *mirrored, shape calendars) (verify.Expectation, error) {
	opts := shape.opts
	it := e.item
	if b := m.target.besideOf(from, &e.encoded); b != nil {
		b.instead = func(name string, p *formats.Part) {
			x.Also = append(x.Also, verify.Expectation{
				Place: folderName(b.dir), Form: verify.File, Name: name,
				WriteTo: func(w io.Writer) error {
					read, err := reading(p)
					if err != nil {
						return err
					}
					defer read.close()
					read.copy(w) //nolint:errcheck // what cannot be read is not in the file either
					return nil
				},
			})
		}
		opts.Beside = b.uri
		// Only who writes the calendar knows which of the attachments it has.
		if err := mime.LoseContent(it, ical.NewEncoder(opts).Encode(io.Discard, it)); err != nil {
			return x, err
		}
	}
	encode := func(it *formats.Item) func(io.Writer) error {
		return func(w io.Writer) error { return mime.LoseContent(e.item, ical.NewEncoder(opts).Encode(w, it)) }
	}
	if shape.joined() || it.Event == nil || it.Event.RecurrenceID.IsZero() {
		it, _ = m.ids[Calendars].Take(it)
		x.WriteTo = encode(it)
		return x, nil
	}
	// Whether its series stands in the folder is not known yet.
	alone, _ := m.ids[Calendars].Take(resource.Alone(it))
	x.WriteTo = func(w io.Writer) error {
		return mime.LoseContent(e.item, ical.NewEncoder(opts).Encode(&overrideOnly{w: w}, resource.Join(seriesOf(it), []*formats.Event{it.Event})))
	}
	x.Or = append(x.Or, encode(alone))
	return x, nil
}

// seriesOf returns a series that an occurrence could be part of.
func seriesOf(occurrence *formats.Item) *formats.Item {
	ev := occurrence.Event
	it := *occurrence
	it.Event = &formats.Event{Details: formats.Details{UID: ev.UID}, Start: ev.RecurrenceID}
	return &it
}

// overrideOnly leaves the first event out of a calendar: the series that its override was written with.
type overrideOnly struct {
	w    io.Writer
	held []byte // up to the end of the first event
	past bool
}

func (o *overrideOnly) Write(p []byte) (int, error) {
	if o.past {
		return o.w.Write(p)
	}
	o.held = append(o.held, p...)
	const begin, end = "\r\nBEGIN:VEVENT\r\n", "\r\nEND:VEVENT\r\n"
	s := string(o.held)
	from := strings.Index(s, begin)
	if from < 0 {
		return len(p), nil
	}
	to := strings.Index(s[from:], end)
	if to < 0 {
		return len(p), nil
	}
	o.past = true
	_, err := io.WriteString(o.w, s[:from+2]+s[from+to+len(end):])
	return len(p), err
}

// Places implements [verify.Mirror].
func (m *Mirror) Places(ctx context.Context) ([]string, error) {
	if m.tree == nil {
		return []string{""}, nil
	}
	var places []string
	return places, m.walk(ctx, "", &places)
}

// walk adds the places at and below a folder.
func (m *Mirror) walk(ctx context.Context, dir string, places *[]string) error {
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	entries, err := m.tree.dir(dir)
	if err != nil {
		return err
	}
	holds := false
	for _, e := range entries {
		name := join(dir, e.name)
		switch {
		case strings.HasPrefix(e.name, ".mailmill"):
		case e.dir && m.inMaildir(e.name):
			holds = holds || e.name != "tmp"
		case e.dir:
			if err := m.walk(ctx, name, places); err != nil {
				return err
			}
		case m.joinedForm(name) != nil:
			*places = append(*places, name)
		default:
			holds = holds || m.splitForm(dir, e.name) != nil
		}
	}
	if holds {
		*places = append(*places, folderName(dir))
	}
	return nil
}

// inMaildir reports whether a folder of that name is one of those that mails lie in.
func (m *Mirror) inMaildir(name string) bool {
	return m.target.branches[Mail] != nil && m.target.format == Maildir && (name == "cur" || name == "new" || name == "tmp")
}

// joinedForm returns the form of the items that a file holds one after the other; nil where it is no such file.
func (m *Mirror) joinedForm(name string) *verify.Form {
	if m.besideCalendar(name) {
		return nil
	}
	for _, of := range []struct {
		sort      Sort
		extension string
		form      verify.Form
	}{{Mail, mboxExtension, verify.Mail}, {Calendars, calendarExtension, verify.Calendar}, {Cards, cardExtension, verify.Card}} {
		b := m.target.branches[of.sort]
		if b != nil && b.joined() && strings.HasSuffix(name, of.extension) {
			return &of.form
		}
	}
	return nil
}

// splitForm returns the form of a file that holds one item, or is attached to one; nil where it is no such file.
func (m *Mirror) splitForm(dir, name string) *verify.Form {
	if m.besideCalendar(dir + "/") {
		form := verify.File
		return &form
	}
	for _, of := range []struct {
		sort      Sort
		extension string
		form      verify.Form
	}{{Mail, emlExtension, verify.Mail}, {Calendars, calendarExtension, verify.Calendar}, {Cards, cardExtension, verify.Card}, {Texts, textExtension, verify.Text}} {
		b := m.target.branches[of.sort]
		if b != nil && !b.joined() && strings.HasSuffix(name, of.extension) && (of.sort != Mail || m.target.format == EML) {
			return &of.form
		}
	}
	return nil
}

// besideCalendar reports whether a path leads into the folder of a calendar's attachments.
func (m *Mirror) besideCalendar(path string) bool {
	return m.target.branches[Calendars] != nil && m.target.inside > 0 && strings.Contains(path, besideExtension+"/")
}

// Objects implements [verify.Mirror].
func (m *Mirror) Objects(ctx context.Context, place string) iter.Seq2[*verify.Object, error] {
	return func(yield func(*verify.Object, error) bool) {
		err := m.objects(ctx, place, func(o *verify.Object) bool { return yield(o, nil) })
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errEnough) {
			yield(nil, err)
		}
	}
}

// errEnough says that nobody asks for more.
var errEnough = errors.New("enough")

func (m *Mirror) objects(ctx context.Context, place string, yield func(*verify.Object) bool) error {
	dir, isFolder := strings.CutSuffix(place, "/")
	switch {
	case !isFolder:
		return m.joined(place, yield)
	case dir == ".":
		dir = ""
	}
	entries, err := m.tree.dir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if e.dir {
			if m.inMaildir(e.name) && e.name != "tmp" {
				if err := m.maildirObjects(ctx, dir, e.name, yield); err != nil {
					return err
				}
			}
			continue
		}
		if form := m.splitForm(dir, e.name); form != nil {
			o := &verify.Object{ID: e.name, Form: *form, Size: e.size, Ours: m.ours[join(dir, e.name)]}
			if err := m.object(join(dir, e.name), o, yield); err != nil {
				return err
			}
		}
	}
	return nil
}

// object yields a file.
func (m *Mirror) object(name string, o *verify.Object, yield func(*verify.Object) bool) error {
	in, err := m.tree.open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	o.Body = in
	if !yield(o) {
		return errEnough
	}
	return nil
}

// joined yields what a file holds that has many items: each mail, but a calendar and cards as a whole.
func (m *Mirror) joined(name string, yield func(*verify.Object) bool) error {
	var form *verify.Form
	if m.tree == nil {
		form = new(m.singleForm())
	} else if form = m.joinedForm(name); form == nil {
		return nil
	}
	in, err := m.file(name)
	if err != nil {
		return err
	}
	defer in.Close()
	if *form == verify.Mail {
		return mboxObjects(in, m.ours[name], yield)
	}
	if !yield(&verify.Object{ID: name, Form: *form, Ours: m.ours[name], Body: in}) {
		return errEnough
	}
	return nil
}

func (m *Mirror) singleForm() verify.Form {
	switch m.form.sort {
	case Calendars:
		return verify.Calendar
	case Cards:
		return verify.Card
	}
	return verify.Mail
}

// file opens a file of the tree, or the one that is all.
func (m *Mirror) file(name string) (io.ReadCloser, error) {
	if m.tree == nil {
		return m.form.openSingleFile(m.path)
	}
	return m.tree.open(name)
}

// Fetch implements [verify.Mirror].
func (m *Mirror) Fetch(_ context.Context, place, id string) (io.ReadCloser, error) {
	if dir, isFolder := strings.CutSuffix(place, "/"); isFolder {
		if dir == "." {
			dir = ""
		}
		return m.tree.open(join(dir, id))
	}
	in, err := m.file(place)
	if err != nil {
		return nil, err
	}
	if place == "" && m.singleForm() == verify.Mail || strings.HasSuffix(place, mboxExtension) {
		return mboxAt(in, id)
	}
	return in, nil
}
