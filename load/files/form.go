package files

import (
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"

	"mailmill/formats"
)

// Form is what a target is, as its name says: a folder, an archive of what a folder would hold, or one file.
type Form struct {
	kind        formKind
	compression compression
	sort        Sort // of one file
}

type formKind uint8

const (
	formFolder formKind = iota
	formTar
	formZip
	formSingle // one file
	formStream // standard output
)

// The names of targets that are no folders.
var endings = []struct {
	ending string
	form   Form
}{
	{".tar", Form{kind: formTar}},
	{".tar.zst", Form{kind: formTar, compression: zstandard}},
	{".tar.gz", Form{kind: formTar, compression: gzipped}},
	{".tgz", Form{kind: formTar, compression: gzipped}},
	{".zip", Form{kind: formZip}},
	{".mbox", Form{kind: formSingle}},
	{".mbox.zst", Form{kind: formSingle, compression: zstandard}},
	{".mbox.gz", Form{kind: formSingle, compression: gzipped}},
	{".ics", Form{kind: formSingle, sort: Calendars}},
	{".vcf", Form{kind: formSingle, sort: Cards}},
}

// Stdout is the name of standard output.
const Stdout = "-"

// FormOf tells the form of a target from its name. A slash at the end makes any name that of a folder.
func FormOf(name string) Form {
	if name == Stdout {
		return Form{kind: formStream}
	}
	base := filepath.ToSlash(name)
	if strings.HasSuffix(base, "/") {
		return Form{}
	}
	base = strings.ToLower(path.Base(base))
	for _, e := range endings {
		if strings.HasSuffix(base, e.ending) {
			return e.form
		}
	}
	return Form{}
}

// Endings returns what the names of targets that are no folders end in.
func Endings() []string {
	var names []string
	for _, e := range endings {
		names = append(names, e.ending)
	}
	return names
}

// Folder reports whether the target is a folder.
func (f Form) Folder() bool { return f.kind == formFolder }

// Compressed reports whether what is written is compressed.
func (f Form) Compressed() bool { return f.compression != plain || f.kind == formZip }

// Stream reports whether the target is standard output.
func (f Form) Stream() bool { return f.kind == formStream }

// Single reports whether the target is one file or standard output, which hold items of one sort and no folders.
func (f Form) Single() bool { return f.kind == formSingle || f.kind == formStream }

// Takes says what one file takes, and standard output unless something else is wanted.
func (f Form) Takes() string {
	switch f.sort {
	case Calendars:
		return "a calendar"
	case Cards:
		return "contacts"
	}
	return "mail"
}

// Kinds returns those of the wanted kinds that the target takes; none wanted are all. One file takes one sort: that which
// its name says, and standard output the first that is wanted. What programs keep for themselves goes nowhere.
func (f Form) Kinds(wanted []formats.Kind) []formats.Kind {
	if len(wanted) == 0 {
		wanted = formats.Kinds()
	}
	sort := f.sort
	if f.kind == formStream {
		sort, _ = SortOf(wanted[0])
	}
	kinds := []formats.Kind{} // none is not all
	for _, kind := range wanted {
		if of, ok := SortOf(kind); ok && (!f.Single() || of == sort) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// packer returns what writes the entries of an archive.
func (f Form) packer(w io.Writer) (packer, error) {
	switch f.kind {
	case formTar:
		return newTarPacker(w, f.compression)
	case formZip:
		return newZipPacker(w), nil
	}
	return nil, fmt.Errorf("form %d is no archive", f.kind)
}
