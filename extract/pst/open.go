package pst

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"mailmill/extract"
	"mailmill/formats/mapi"
	"mailmill/formats/pst"
)

// Open opens a data file of size bytes, which was last changed at the time given. Path is what it is called in errors,
// and r stays open when the archive is closed. An error is an [extract.SourceError].
func Open(path string, r io.ReaderAt, size int64, modified time.Time, o extract.Options) (*Archive, error) {
	f, err := pst.NewReader(r, size, pst.Options{})
	if err != nil {
		return nil, refusal(path, err)
	}
	if o.Recover {
		f.Recover()
	}
	store := &file{f}
	if len(store.Nodes()) == 0 {
		return nil, unreadable(path, store)
	}
	a := newArchive(path, store, o)
	a.info.Modified = modified.UTC()
	return a, nil
}

// refusal tells people why a data file cannot be opened.
func refusal(path string, err error) error {
	e := &extract.SourceError{Path: path, Err: fmt.Errorf("%w: %w", extract.ErrUnreadable, err)}
	var pathErr *os.PathError
	switch {
	case errors.As(err, &pathErr):
		return extract.FileError(path, err)
	case errors.Is(err, pst.ErrEncrypted):
		e.Problem = "is encrypted with a key of an organization (Windows Information Protection)"
		e.Advice = "Decrypt it where it was made: in the file's properties, file ownership, choose \"personal\""
	case errors.Is(err, pst.ErrFormat):
		e.Problem, e.Err = "is not an Outlook data file, or only the beginning of one", fmt.Errorf("%w: %w", extract.ErrNotArchive, err)
		e.Advice = "Fetch it again if a copy or a download did not succeed"
	default:
		e.Problem = "cannot be read: " + err.Error()
	}
	return e
}

// unreadable is the error for a file whose index names neither a folder nor an item.
func unreadable(path string, f *file) error {
	e := &extract.SourceError{
		Path: path, Err: extract.ErrUnreadable,
		Problem: "is damaged: its index of items is lost, and nothing in it can be found",
		Advice:  "Fetch it again if there is another copy",
	}
	if i := f.Info(); i.Truncated() {
		e.Problem = fmt.Sprintf("is cut short, and the index of its items was in the part that is missing: it has %d bytes of %d", i.Size, i.Expected)
	}
	return e
}

// file is a data file as the archive needs it.
type file struct{ *pst.File }

var _ store = (*file)(nil)

// Facts implements store.
func (f *file) Facts() facts {
	i := f.Info()
	fact := facts{ansi: i.Format == pst.ANSI, size: i.Size, password: i.Password}
	kind := "Outlook data file"
	switch {
	case i.OST():
		kind = "Outlook mailbox cache (OST)"
	case i.Client == "AB":
		kind = "Outlook address book (PAB)"
	}
	fact.format = fmt.Sprintf("%s, %v", kind, i.Format)
	if i.Truncated() {
		fact.incomplete = fmt.Sprintf("the file is cut short: it has %d bytes of %d", i.Size, i.Expected)
	}
	lost, found := false, 0
	for _, l := range f.Lost() {
		if l.Nodes {
			lost, found = true, found+l.Found
		}
	}
	if lost && fact.incomplete == "" {
		fact.incomplete = "a part of the file's index of items cannot be read"
		if found > 0 {
			fact.incomplete += fmt.Sprintf("; %d of its entries were found elsewhere in the file", found)
		}
	}
	return fact
}

// Warnings implements store.
func (f *file) Warnings() []string {
	var list []string
	warnings, more := f.File.Warnings()
	for _, w := range warnings {
		list = append(list, w.String())
	}
	if more > 0 {
		list = append(list, fmt.Sprintf("and %d more", more))
	}
	return list
}

// Properties implements store.
func (f *file) Properties() (mapi.Properties, error) {
	s, err := f.Store()
	if s == nil {
		return nil, err
	}
	return s, err
}

// Folder implements store.
func (f *file) Folder(id pst.NID) (mapi.Properties, error) {
	d, err := f.File.Folder(id)
	if d == nil {
		return nil, err
	}
	return d, err
}

// Subfolders implements store.
func (f *file) Subfolders(id pst.NID) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		d, _ := f.File.Folder(id)
		if d == nil {
			return
		}
		list, err := d.Children()
		for _, c := range list {
			if !yield(row{id: c.NID, cols: c}, nil) {
				return
			}
		}
		if err != nil {
			yield(row{}, err)
		}
	}
}

// Contents implements store.
func (f *file) Contents(id pst.NID) iter.Seq2[row, error] {
	return f.entries(id, (*pst.Folder).Contents)
}

// Associated implements store.
func (f *file) Associated(id pst.NID) iter.Seq2[row, error] {
	return f.entries(id, (*pst.Folder).Associated)
}

func (f *file) entries(id pst.NID, table func(*pst.Folder) iter.Seq2[*pst.Entry, error]) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		d, _ := f.File.Folder(id)
		if d == nil {
			return
		}
		for e, err := range table(d) {
			r := row{}
			if e != nil {
				r = row{e.NID, e, e.Recovered}
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// ReceiveFolders implements store.
func (f *file) ReceiveFolders() iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		for p, err := range f.Table(pst.NIDReceiveFolders) {
			if !yield(row{cols: p}, err) {
				return
			}
		}
	}
}

// Nodes implements store.
func (f *file) Nodes() []node {
	var list []node
	for id, parent := range f.File.Nodes() {
		list = append(list, node{id, parent})
	}
	return list
}

// Visit implements store.
func (f *file) Visit(id pst.NID, use func(mapi.Message)) error {
	return f.File.Visit(id, func(m *pst.Message) { use(m) })
}

// Message implements store.
func (f *file) Message(id pst.NID) (mapi.Message, error) {
	m, err := f.File.Message(id)
	if m == nil {
		return nil, err
	}
	return m, err
}
