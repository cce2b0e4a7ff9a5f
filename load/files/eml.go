package files

import (
	"io"
	"strings"
	"time"

	"mailmill/formats"
	"mailmill/formats/mime"
	"mailmill/transform/folders"
)

// EML is the format with a file for each mail, as RFC 5322 has it, with CRLF.
var EML Format = eml{}

type eml struct{}

const emlExtension = ".eml"

func (eml) Name() string { return "eml" }
func (eml) joined() bool { return false }

func (eml) encode(w io.Writer, it *formats.Item) (virtual int64, err error) {
	return 0, mime.Write(w, it.Mail)
}

func (eml) places(list []*formats.Folder) (mail, other places) {
	tree := folders.NewTree(list, treeSuffixes()...)
	return tree, tree
}

func (eml) plan(p *plan, place string) {
	p.folder(place)
	p.anyFile(place, emlExtension)
}

func (eml) layout(t *Target) layout {
	reserved := t.reserved(true, emlExtension)
	return &split{target: t, mail: true, extension: emlExtension, open: func(place string) (shelf, error) {
		return &plainShelf{t.tree, place, &itemNames{extension: emlExtension, reserved: reserved[place]}}, t.tree.folder(place)
	}}
}

// reserved returns by folder the names, folded, that are those of folders and have an extension as files do.
func (t *Target) reserved(mail bool, extension string) map[string]map[string]bool {
	reserved := make(map[string]map[string]bool)
	for _, s := range t.sources {
		s.each(mail, func(place string) {
			above, name := parent(place), folders.Fold(place[strings.LastIndexByte(place, '/')+1:])
			if strings.HasSuffix(name, extension) {
				if reserved[above] == nil {
					reserved[above] = make(map[string]bool)
				}
				reserved[above][name] = true
			}
		})
	}
	return reserved
}

// plainShelf is a folder of files, one an item.
type plainShelf struct {
	tree  tree
	place string
	names interface{ name(*formats.Item) string }
}

func (s *plainShelf) name(e *encoded) string { return join(s.place, s.names.name(e.item)) }
func (s *plainShelf) close(time.Time) error  { return nil }
func (s *plainShelf) drop()                  { s.tree.drop(s.place) }
