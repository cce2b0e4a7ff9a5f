package report

import (
	"context"
	"io"
	"strings"

	"mailmill/formats"
	"mailmill/load"
)

// List is a target that writes a line for each item: a JSON object, or columns for people.
//
// A line for people holds, with a tab between them, the date in UTC, the kind, the place in the source, the folder, a person
// and the subject. The date is when a mail was sent, an event or a journal entry begins, or a task is due; that of others is
// their last change. The person is the sender, the organizer, who has to do with a task, or whom a contact is.
type List struct {
	// W takes the lines for people, each in one call of its Write. An error of it ends the run.
	W io.Writer
	// JSON takes objects instead.
	JSON *Lines
	// Digest adds hashes of bodies and attachments to objects.
	Digest bool
}

type listed struct {
	item *formats.Item
	// An object lacks its key, which is final only when it is written: fields are those that follow.
	fields []byte
	size   int64
}

func (l *listed) Item() *formats.Item { return l.item }
func (l *listed) Held() int64         { return int64(len(l.fields)) }
func (l *listed) Size() int64         { return l.size }
func (l *listed) Release()            {}

// Encode implements [load.Target].
func (l *List) Encode(_ context.Context, it *formats.Item) (load.Encoded, error) {
	e := &listed{item: it}
	if l.JSON != nil {
		e.fields = appendFields(nil, contentOf(it, l.Digest))
	} else {
		e.fields = appendLine(nil, it)
	}
	return e, nil
}

// Write implements [load.Writer]. Every error of it is fatal: a list with holes is none.
func (l *List) Write(_ context.Context, encoded load.Encoded) (load.Outcome, error) {
	e := encoded.(*listed)
	e.size = int64(len(e.fields))
	var err error
	if l.JSON != nil {
		object := appendObject(nil, placeOf("item", e.item))
		object[len(object)-1] = ','
		err = l.JSON.write(append(append(object, e.fields...), '}'))
	} else {
		_, err = l.W.Write(e.fields)
	}
	if err != nil {
		return load.Failed, &load.Fatal{Err: err}
	}
	return load.Written, nil
}

// Finish implements [load.Target].
func (l *List) Finish(context.Context) error { return nil }

// Abort implements [load.Target].
func (l *List) Abort() (dropped bool, err error) { return false, nil }

func appendLine(b []byte, it *formats.Item) []byte {
	date := "-               "
	if t := dateOf(it); !t.IsZero() {
		date = t.UTC().Format("2006-01-02 15:04")
	}
	switch m := momentOf(it); {
	case m.IsDate():
		date = m.Clock.Format("2006-01-02      ")
	case !m.IsZero():
		date = m.Time(nil).UTC().Format("2006-01-02 15:04")
	}
	from := "-"
	if a := personOf(it); a != nil {
		from = who(a)
	}
	for i, column := range []string{date, it.Kind.String(), it.ID, folderName(it.Folder), from, it.Subject} {
		if i > 0 {
			b = append(b, '\t')
		}
		b = append(b, Printable(column)...)
	}
	return append(b, '\n')
}

// who names a participant to people: the name and the address where both are known.
func who(a *formats.Address) string {
	address := a.SMTP
	if address == "" && a.Name == "" {
		address = a.Stored // a distinguished name is long, and beside a name no help
	}
	switch {
	case a.Name == "" || a.Name == address:
		return address
	case address == "":
		return a.Name
	}
	return a.Name + " <" + address + ">"
}

// folderName names a folder to people. A slash within a name is doubled, so that it is seen.
func folderName(f *formats.Folder) string {
	if f == nil || len(f.Path) == 0 {
		return "(top folder)"
	}
	names := make([]string, len(f.Path))
	for i, name := range f.Path {
		names[i] = Printable(strings.ReplaceAll(name, "/", "//"))
	}
	return strings.Join(names, "/")
}
