package files

import (
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"
)

// Form is what a target is, as its name says: a folder, an archive of what a folder would hold, or one file.
type Form struct {
	kind        formKind
	compression compression
}

type formKind uint8

const (
	formFolder formKind = iota
	formTar
	formZip
	formMbox   // one mbox
	formStream // standard output, an mbox
)

// The names of targets that are no folders.
var endings = []struct {
	ending string
	form   Form
}{
	{".tar", Form{formTar, plain}},
	{".tar.zst", Form{formTar, zstandard}},
	{".tar.gz", Form{formTar, gzipped}},
	{".tgz", Form{formTar, gzipped}},
	{".zip", Form{formZip, plain}},
	{".mbox", Form{formMbox, plain}},
	{".mbox.zst", Form{formMbox, zstandard}},
	{".mbox.gz", Form{formMbox, gzipped}},
}

// Stdout is the name of standard output.
const Stdout = "-"

// FormOf tells the form of a target from its name. A slash at the end makes any name that of a folder.
func FormOf(name string) Form {
	if name == Stdout {
		return Form{formStream, plain}
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

// Single reports whether the target is one mbox, which holds mail alone and no folders.
func (f Form) Single() bool { return f.kind == formMbox || f.kind == formStream }

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
